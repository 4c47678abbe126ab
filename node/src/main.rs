//! `bevis`: see `bevis --help`.

use std::process::ExitCode;

fn main() -> ExitCode {
    node::command::main()
}
