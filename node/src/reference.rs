//! What the program says of itself for manuals and references: made from the declarations that the program runs by, so that
//! nothing is written twice.

pub mod commands;
pub mod pages;
pub mod tables;

use crate::args::Bevis;
use clap::CommandFactory;

/// The command line as it is declared, put together, without its `help` subcommands and without what the environment holds just now.
pub fn program() -> clap::Command {
    let mut program = plain(Bevis::command()).disable_help_subcommand(true);
    program.build();
    program
}

/// Values of the environment are of one machine: none belongs in a page.
fn plain(command: clap::Command) -> clap::Command {
    command
        .mut_args(|argument| argument.hide_env_values(true))
        .mut_subcommands(plain)
}
