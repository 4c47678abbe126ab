//! The references of `docs/reference/`: made by the program from its own declarations.

use super::read;
use credentials::Code;
use std::collections::BTreeMap;

/// Every command with its arguments.
pub(super) fn commands() -> String {
    node::reference::commands::document()
}

/// Every key of the configuration.
pub(super) fn configuration() -> String {
    node::reference::tables::configuration()
}

/// Every figure.
pub(super) fn metrics() -> String {
    node::reference::tables::metrics()
}

/// Every exit code and problem code.
pub(super) fn codes() -> String {
    let places = places();
    node::reference::tables::codes(&|code| places[&code].clone())
}

/// Where each code occurs: the part of the table that it stands in, and its meaning, as the source says them.
fn places() -> BTreeMap<Code, String> {
    let mut places = BTreeMap::new();
    let (mut part, mut meaning) = (String::new(), String::new());
    for line in read("credentials/src/problem.rs").lines().map(str::trim) {
        if let Some(heading) = line.strip_prefix("// --- ") {
            heading
                .trim_end_matches(" ---")
                .split(" (")
                .next()
                .unwrap_or_default()
                .clone_into(&mut part);
        } else if let Some(words) = line.strip_prefix("/// ") {
            words.trim_end_matches('.').clone_into(&mut meaning);
        } else if let Some((_, code)) = line.split_once(" = \"")
            && let Some(code) = Code::parse(code.trim_end_matches("\","))
        {
            places.insert(code, format!("{part}: {}", first_small(&meaning)));
        }
    }
    assert_eq!(places.len(), Code::ALL.len(), "every code has its line in the source");
    places
}

fn first_small(text: &str) -> String {
    let mut letters = text.chars();
    // A word of capital letters stays.
    let is_name = text.chars().take(2).all(char::is_uppercase);
    match letters.next() {
        Some(first) if !is_name => first.to_lowercase().chain(letters).collect(),
        _ => text.to_owned(),
    }
}
