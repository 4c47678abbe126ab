//! Every command with its arguments, as a document.

use super::program;
use clap::{Arg, Command};

/// The reference of the command line, in Markdown: flags of every command once, then each command, groups before what is in them.
pub fn document() -> String {
    let program = program();
    let mut text = String::from("## Flags of every command\n\n");
    text.push_str(&rows(
        program.get_arguments().filter(|argument| argument.is_global_set()),
    ));
    for command in shown(&program) {
        add(command, &mut text);
    }
    text
}

fn shown(command: &Command) -> impl Iterator<Item = &Command> {
    command.get_subcommands().filter(|inner| !inner.is_hide_set())
}

fn add(command: &Command, text: &mut String) {
    let name = command.get_bin_name().unwrap_or_else(|| command.get_name());
    text.push_str(&format!("\n## {name}\n\n"));
    let about = command.get_long_about().or_else(|| command.get_about());
    if let Some(about) = about {
        text.push_str(&format!("{}.\n", about.to_string().trim_end_matches('.')));
    }
    let usage = command.clone().render_usage().to_string();
    let usage = usage
        .trim_start_matches("Usage:")
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ");
    text.push_str(&format!("\n```text\n{usage}\n```\n"));
    let own = command
        .get_arguments()
        .filter(|a| !a.is_global_set() && !a.is_hide_set());
    let own: Vec<&Arg> = own
        .filter(|a| !["help", "version"].contains(&a.get_id().as_str()))
        .collect();
    if !own.is_empty() {
        text.push('\n');
        text.push_str(&rows(own.into_iter()));
    }
    for inner in shown(command) {
        add(inner, text);
    }
}

fn rows<'a>(arguments: impl Iterator<Item = &'a Arg>) -> String {
    let mut text = String::from("| argument | meaning |\n|---|---|\n");
    for argument in arguments.filter(|argument| !argument.is_hide_set()) {
        text.push_str(&format!("| `{}` | {} |\n", form(argument), cell(&meaning(argument))));
    }
    text
}

/// How an argument is typed.
fn form(argument: &Arg) -> String {
    let values = argument.get_value_names().unwrap_or_default();
    let takes_values = argument.get_num_args().is_none_or(|range| range.takes_values());
    let value = if takes_values {
        values
            .iter()
            .map(|value| format!("<{value}>"))
            .collect::<Vec<_>>()
            .join(" ")
    } else {
        String::new()
    };
    if argument.is_positional() {
        let value = if value.is_empty() {
            format!("<{}>", argument.get_id())
        } else {
            value
        };
        return if argument.is_required_set() {
            value
        } else {
            format!("[{value}]")
        };
    }
    let short = argument
        .get_short()
        .map(|short| format!("-{short}, "))
        .unwrap_or_default();
    let long = argument.get_long().unwrap_or_default();
    format!("{short}--{long} {value}").trim_end().to_owned()
}

/// What it means: its help, its values, default and variable.
fn meaning(argument: &Arg) -> String {
    let help = argument.get_long_help().or_else(|| argument.get_help());
    let mut parts = vec![help.map(ToString::to_string).unwrap_or_default()];
    let takes_values = argument.get_num_args().is_some_and(|range| range.takes_values());
    let words: Vec<String> = argument
        .get_possible_values()
        .iter()
        .filter(|value| !value.is_hide_set() && takes_values)
        .map(|value| format!("`{}`", value.get_name()))
        .collect();
    if !words.is_empty() {
        parts.push(format!("One of {}", words.join(", ")));
    }
    let defaults: Vec<String> = argument
        .get_default_values()
        .iter()
        .map(|value| value.to_string_lossy().into_owned())
        .filter(|value| takes_values && !value.is_empty())
        .collect();
    if !defaults.is_empty() {
        parts.push(format!("Default `{}`", defaults.join(", ")));
    }
    if let Some(variable) = argument.get_env() {
        parts.push(format!("Variable `{}`", variable.to_string_lossy()));
    }
    if argument.is_required_set() && !argument.is_positional() {
        parts.push("Required".to_owned());
    }
    parts.retain(|part| !part.is_empty());
    parts.join(". ")
}

/// A text in one cell of a table.
fn cell(text: &str) -> String {
    text.split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn every<'a>(command: &'a Command, all: &mut Vec<&'a Command>) {
        for inner in shown(command) {
            all.push(inner);
            every(inner, all);
        }
    }

    #[test]
    fn the_document_has_every_command_and_argument_that_is_not_hidden() {
        let (program, document) = (program(), document());
        let mut commands = Vec::new();
        every(&program, &mut commands);
        assert!(commands.len() > 80, "{}", commands.len());
        for command in commands {
            let name = command.get_bin_name().expect("built");
            assert!(document.contains(&format!("\n## {name}\n")), "{name}");
            let is_shown = |a: &&Arg| !a.is_hide_set() && !["help", "version"].contains(&a.get_id().as_str());
            for argument in command.get_arguments().filter(is_shown) {
                assert!(document.contains(&form(argument)), "{name} {}", argument.get_id());
            }
        }
        assert!(!document.contains("hostile") && !document.contains("with-parent"));
    }

    /// What `--help` shows: a text for each command and argument, begun by a capital letter and without a final stop.
    #[test]
    fn every_command_and_argument_says_what_it_is_in_one_manner() {
        let program = program();
        let mut commands = vec![&program];
        every(&program, &mut commands);
        for command in commands {
            let name = command.get_bin_name().unwrap_or_default();
            let about = command.get_about().map(ToString::to_string).unwrap_or_default();
            require(name, &about);
            for argument in command.get_arguments() {
                let help = argument.get_help().map(ToString::to_string).unwrap_or_default();
                require(&format!("{name} {}", argument.get_id()), &help);
            }
        }
    }

    fn require(of: &str, text: &str) {
        assert!(!text.is_empty(), "{of} says nothing");
        assert!(!text.ends_with('.'), "{of}: {text}");
        let first = text.chars().next().expect("not empty");
        let is_word = ["did:web", "organisasjonsnummer", "trust"]
            .iter()
            .any(|word| text.starts_with(word));
        assert!(first.is_uppercase() || is_word, "{of}: {text}");
        assert!(!text.contains("  "), "{of}: {text}");
    }
}
