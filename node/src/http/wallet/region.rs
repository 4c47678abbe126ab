//! What is signed for, set on a page: each line of the wallet's text in its place, none left out, none added.
//!
//! The characters of the region are the text whose hash goes into the decision, its line breaks and indentation included: they
//! stand between the elements, where a browser shows no space for them.

use super::text;
use crate::output::At;
use maud::{Markup, html};
use serde_json::Value;

/// How a line is set.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Set {
    Title,
    Heading,
    Under,
    Element,
    Item,
    Link,
    Strong,
    Plain,
}

fn manner(key: &str) -> Set {
    match key {
        "title-present" | "title-identify" | "title-authorise" | "title-grant" | "title-review" => Set::Title,
        "share-title" | "learned-title" | "sensitive-title" | "cannot-title" | "grant-title" | "grant-shows" => {
            Set::Heading
        }
        "credential" | "grant-sensitive" => Set::Under,
        "element" => Set::Element,
        "claim" | "grant-claims" => Set::Item,
        "privacy" => Set::Link,
        "privacy-missing" | "words-compare" | "grant-sensitive-yes" | "words" => Set::Strong,
        _ => Set::Plain,
    }
}

/// The manner of a block, by what it begins with.
fn class(key: &str) -> Option<&'static str> {
    match key {
        "title-present" | "title-identify" | "title-authorise" | "title-grant" | "title-review" => None,
        "sensitive-title" | "grant-sensitive" | "cannot-title" => Some("alert warning"),
        _ => Some("card"),
    }
}

/// The region that is signed for.
pub(super) fn region(lines: &[Value], language: &str) -> Markup {
    let blocks = lines.split(|line| text(line, "key").is_empty());
    html! {
        div #shown lang=(language) {
            @for (number, block) in blocks.enumerate() {
                // The empty line that parts two blocks.
                @if number > 0 { "\n" }
                @if let Some(first) = block.first() {
                    @match class(text(first, "key")) {
                        Some(class) => div class=(class) { (set(block)) },
                        None => (set(block)),
                    }
                }
            }
        }
    }
}

fn set(block: &[Value]) -> Markup {
    let is_item = |line: &Value| manner(text(line, "key")) == Set::Item;
    html! {
        @for run in block.chunk_by(|one, next| is_item(one) && is_item(next)) {
            @match run {
                [first, ..] if is_item(first) => ul.plain {
                    @for line in run { (indent(line)) li { (sentence(line)) } "\n" }
                },
                _ => @for line in run { (indent(line)) (one(line)) "\n" },
            }
        }
    }
}

fn indent(line: &Value) -> String {
    let level = line.at("level").as_u64().unwrap_or(0);
    "  ".repeat(usize::try_from(level).unwrap_or(0))
}

fn one(line: &Value) -> Markup {
    let level = line.at("level").as_u64().unwrap_or(0);
    html! {
        @match (manner(text(line, "key")), level) {
            (Set::Title, _) => h1 { (text(line, "text")) },
            (Set::Heading, _) => h2 { (text(line, "text")) },
            (Set::Under, _) => h3 { (text(line, "text")) },
            (Set::Element, 0..=2) => h4 { (text(line, "text")) },
            (Set::Element, 3) => h5 { (text(line, "text")) },
            (Set::Element, _) => h6 { (text(line, "text")) },
            (Set::Link, _) => p { (linked(text(line, "text"))) },
            (Set::Strong, _) => p { strong { (text(line, "text")) } },
            (Set::Item | Set::Plain, _) => p { (sentence(line)) },
        }
    }
}

/// A claim with its value set apart from its name; anything else as it is.
fn sentence(line: &Value) -> Markup {
    let whole = text(line, "text");
    html! {
        @match (text(line, "key"), whole.split_once(": ")) {
            ("claim", Some((name, value))) => { (name) ": " strong { (value) } },
            _ => (whole),
        }
    }
}

/// A line with a link in it. Only a secure address becomes one, and it is not told where the person came from.
fn linked(whole: &str) -> Markup {
    let at = whole.find("https://").unwrap_or(whole.len());
    let (before, address) = whole.split_at(at);
    let is_address = !address.is_empty() && !address.contains(char::is_whitespace);
    html! {
        @if is_address {
            (before) a href=(address) rel="noreferrer noopener" { (address) }
        } @else {
            (whole)
        }
    }
}
