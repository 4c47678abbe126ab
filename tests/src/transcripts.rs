//! The guides are what the program says: every command of a guide's `console` blocks is run, in order, in a network of its
//! own, and what it prints is compared with what stands there.
//!
//! In a block, `$ ` begins a command (a `\` at the end of its line goes on), `> ` is typed by the person at the terminal, and
//! the rest is what is printed. `…` stands for anything. Names that differ each time (links, keys, ids, times) may differ, but
//! one that stands in the guide twice must be the same twice. A block after `<!-- until -->` is tried until it is so; what
//! others do meanwhile stands in `<!-- meanwhile` comments and is run and compared too.

mod matching;
mod shell;

use crate::papers::read;
use shell::Shell;

/// A command of a guide with what it must print.
pub(crate) struct Step {
    /// Line of the guide, for whoever has to look.
    line: usize,
    command: String,
    /// What the person types.
    typed: Vec<String>,
    expected: Vec<String>,
    /// What is waited for happens by itself within some seconds.
    is_tried_again: bool,
}

/// The commands of a guide, in order.
fn steps(guide: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let (mut is_inside, mut is_until, mut goes_on) = (false, false, false);
    for (at, line) in guide.lines().enumerate() {
        if line.trim() == "<!-- until -->" {
            is_until = true;
        } else if !is_inside && (line == "```console" || line == "<!-- meanwhile") {
            is_inside = true;
        } else if is_inside && (line == "```" || line == "-->") {
            (is_inside, is_until, goes_on) = (false, false, false);
        } else if is_inside && goes_on {
            let step = steps.last_mut().expect("a command goes on");
            goes_on = line.ends_with('\\');
            step.command.push(' ');
            step.command.push_str(line.trim_end_matches('\\').trim());
        } else if let (true, Some(command)) = (is_inside, line.strip_prefix("$ ")) {
            goes_on = command.ends_with('\\');
            steps.push(Step {
                line: at + 1,
                command: command.trim_end_matches('\\').trim().to_owned(),
                typed: Vec::new(),
                expected: Vec::new(),
                is_tried_again: is_until,
            });
        } else if is_inside {
            let step = steps
                .last_mut()
                .unwrap_or_else(|| panic!("line {}: no command yet", at + 1));
            match line.strip_prefix("> ") {
                Some(typed) => step.typed.push(typed.to_owned()),
                None => step.expected.push(line.trim_end().to_owned()),
            }
        }
    }
    assert!(!is_inside, "a block has no end");
    steps
}

/// Runs a guide; panics with every command that said something else.
fn run(name: &str, least: usize) {
    let steps = steps(&read(name));
    assert!(steps.len() >= least, "{name} has {} commands", steps.len());
    let mut shell = Shell::new();
    let mut wrong = Vec::new();
    for step in &steps {
        if let Err(difference) = shell.run(step) {
            wrong.push(format!("{name}:{}: $ {}\n{difference}", step.line, step.command));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {} commands:\n{}",
        wrong.len(),
        steps.len(),
        wrong.join("\n")
    );
    println!("{name}: {} commands", steps.len());
}

#[test]
fn the_guide_for_citizens_is_what_the_program_says() {
    run("docs/guide-citizen.md", 30);
}

#[test]
fn the_guide_for_banks_is_what_the_program_says() {
    run("docs/guide-bank.md", 20);
}

#[test]
fn the_guide_for_issuers_is_what_the_program_says() {
    run("docs/guide-issuer.md", 30);
}

#[test]
fn the_guide_for_anchors_is_what_the_program_says() {
    run("docs/guide-trust.md", 60);
}

#[test]
fn the_guide_for_registers_is_what_the_program_says() {
    run("docs/guide-notices.md", 40);
}

#[test]
fn no_command_of_a_guide_stands_outside_a_block_that_is_run() {
    for name in [
        "docs/guide-citizen.md",
        "docs/guide-bank.md",
        "docs/guide-issuer.md",
        "docs/guide-trust.md",
        "docs/guide-notices.md",
    ] {
        let guide = read(name);
        let shown = guide.lines().filter(|line| line.trim_start().starts_with("$ ")).count();
        assert_eq!(shown, steps(&guide).len(), "{name}");
    }
}
