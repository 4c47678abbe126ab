//! Manual pages (man(7)) and completions of shells.

use super::program;
use crate::args::Bevis;
use crate::config::keys;
use crate::error::EXITS;
use clap::{Arg, ArgGroup, Command, CommandFactory, Id};
use clap_complete::Shell;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};
use std::io;

/// The program's name, of which every page's begins.
pub const NAME: &str = "bevis";

/// Files and folders that the overview names.
const FILES: &[(&str, &str)] = &[
    (
        "~/.local/share/bevis",
        "the home folder when neither --home nor BEVIS_HOME names one ($XDG_DATA_HOME/bevis where that is set)",
    ),
    ("HOME/bevis.toml", "the configuration; see bevis config schema"),
    ("HOME/store", "the sealed store"),
    (
        "HOME/control.sock",
        "the socket by which commands reach the running node",
    ),
];

/// Variables of the environment beside those of the configuration.
const VARIABLES: &[(&str, &str)] = &[
    ("BEVIS_HOME", "the home folder; --home is stronger"),
    (
        "BEVIS_PASSPHRASE_FILE",
        "file whose first line is the passphrase; --passphrase-file is stronger",
    ),
    ("BEVIS_ROOT", "the first root of the network, for init"),
    (
        "CREDENTIALS_DIRECTORY",
        "folder of the service manager; its file passphrase holds the passphrase",
    ),
    (
        "NOTIFY_SOCKET, WATCHDOG_USEC",
        "of the service manager: serve tells it that it is ready, alive and stopping",
    ),
];

/// Environment variables with their meaning: those of the program, then those of the configuration.
pub fn variables() -> Vec<(String, String)> {
    let own = VARIABLES
        .iter()
        .map(|(name, meaning)| ((*name).to_owned(), (*meaning).to_owned()));
    let configured =
        keys::from_environment().map(|(key, name)| (name.to_owned(), format!("{key} of the configuration")));
    own.chain(configured).collect()
}

/// A manual page.
pub struct Page {
    /// Name of its file: `bevis-wallet-present.1`.
    pub file: String,
    /// Its text.
    pub text: Vec<u8>,
}

/// A page for the program and one for every command that is not hidden.
///
/// Errors: none but those of writing into memory, which there are not.
pub fn pages() -> io::Result<Vec<Page>> {
    let mut pages = Vec::new();
    add(&program(), &mut pages)?;
    Ok(pages)
}

fn add(command: &Command, pages: &mut Vec<Page>) -> io::Result<()> {
    let man = Man::new(command.clone())
        .source(format!("{NAME} {}", env!("CARGO_PKG_VERSION")))
        .manual("Bevis");
    let mut text = Vec::new();
    man.render(&mut text)?;
    if command.get_name() == NAME {
        text.extend_from_slice(more().as_bytes());
    } else {
        text.extend_from_slice(see_also().as_bytes());
    }
    pages.push(Page {
        file: man.get_filename(),
        text,
    });
    for inner in command.get_subcommands().filter(|inner| !inner.is_hide_set()) {
        add(inner, pages)?;
    }
    Ok(())
}

/// What only the overview has: exit codes, environment, files.
fn more() -> String {
    let mut roff = Roff::new();
    roff.control("SH", ["EXIT STATUS"]);
    for (code, meaning) in EXITS {
        item(&mut roff, &code.to_string(), meaning);
    }
    roff.control("SH", ["ENVIRONMENT"]);
    for (name, meaning) in variables() {
        item(&mut roff, &name, &meaning);
    }
    roff.control("SH", ["FILES"]);
    for (path, meaning) in FILES {
        item(&mut roff, path, meaning);
    }
    roff.to_roff()
}

fn see_also() -> String {
    let mut roff = Roff::new();
    roff.control("SH", ["SEE ALSO"]);
    roff.text([
        bold(NAME),
        roman("(1), which has the exit codes, the environment and the files"),
    ]);
    roff.to_roff()
}

fn item(roff: &mut Roff, name: &str, meaning: &str) {
    roff.control("TP", []);
    roff.text([bold(name)]);
    roff.text([roman(meaning)]);
}

/// The completion of a shell.
pub fn completion(shell: Shell) -> Vec<u8> {
    // Into memory: the generators take a reader that goes away for a failure that ends the program.
    let mut text = Vec::new();
    let mut declared = shown(&Bevis::command().disable_help_subcommand(true));
    clap_complete::generate(shell, &mut declared, NAME, &mut text);
    text
}

/// The command line without what is hidden, which generators would complete.
fn shown(command: &Command) -> Command {
    let arguments: Vec<Arg> = command
        .get_arguments()
        .filter(|arg| !arg.is_hide_set())
        .cloned()
        .collect();
    let ids: Vec<Id> = arguments.iter().map(|arg| arg.get_id().clone()).collect();
    // What an argument requires may be a group.
    let groups = command.get_groups().map(|group| {
        let members = group.get_args().filter(|id| ids.contains(id)).cloned();
        ArgGroup::new(group.get_id().clone()).args(members).multiple(true)
    });
    let groups: Vec<ArgGroup> = groups.collect();
    let inner = command
        .get_subcommands()
        .filter(|inner| !inner.is_hide_set())
        .map(shown);
    Command::new(command.get_name().to_owned())
        .about(command.get_about().cloned().unwrap_or_default())
        .args(arguments)
        .groups(groups)
        .subcommands(inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::ValueEnum;
    use std::collections::BTreeSet;

    fn texts() -> Vec<(String, String)> {
        let pages = pages().expect("rendered");
        let text = |page: Page| (page.file, String::from_utf8(page.text).expect("UTF-8"));
        pages.into_iter().map(text).collect()
    }

    #[test]
    fn every_command_that_is_not_hidden_has_a_page_of_its_own() {
        let texts = texts();
        let files: BTreeSet<&str> = texts.iter().map(|(file, _)| file.as_str()).collect();
        assert_eq!(files.len(), texts.len(), "no page takes the place of another");
        for file in [
            "bevis.1",
            "bevis-serve.1",
            "bevis-wallet-present.1",
            "bevis-wallet-history-delete-request.1",
            "bevis-trust-propose-list.1",
            "bevis-man.1",
        ] {
            assert!(files.contains(file), "{file}: {files:?}");
        }
        assert!(
            files
                .iter()
                .all(|file| !file.contains("hostile") && !file.contains("-help")),
            "{files:?}"
        );
        for (file, text) in &texts {
            assert!(text.contains(".SH NAME") && text.contains(".SH SYNOPSIS"), "{file}");
            assert!(text.contains(".SH OPTIONS"), "{file}");
        }
    }

    #[test]
    fn the_overview_has_every_exit_code_and_variable_and_no_page_has_what_the_environment_holds() {
        let texts = texts();
        let (_, overview) = texts.iter().find(|(file, _)| file == "bevis.1").expect("there");
        assert!(overview.contains(".SH \"EXIT STATUS\""), "{overview}");
        for (code, _) in EXITS {
            assert!(overview.contains(&format!("\\fB{code}\\fR")), "{code}");
        }
        for (_, variable) in keys::from_environment() {
            assert!(overview.contains(variable), "{variable}");
        }
        // Cargo sets this one, and none of our arguments is it; a value of ours would stand as NAME=value.
        for (file, text) in &texts {
            assert!(!text.contains("BEVIS_HOME="), "{file}");
        }
    }

    #[test]
    fn every_shell_completes_the_commands_there_are_and_none_that_is_hidden() {
        for shell in Shell::value_variants() {
            let text = String::from_utf8(completion(*shell)).expect("UTF-8");
            for word in ["present", "completion", "passphrase-file", "bugreport"] {
                assert!(text.contains(word), "{shell} lacks {word}");
            }
            for word in ["hostile", "with-parent"] {
                assert!(!text.contains(word), "{shell} has {word}");
            }
        }
    }
}
