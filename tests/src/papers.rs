//! The documents are what the code does: every block between `<!-- worked: NAME -->` and `<!-- end: NAME -->` is made here
//! again and compared. With `BEVIS_WRITE_PAPERS` set the test writes the blocks instead.

mod cast;
mod exchange;
mod names;
mod notices;
mod page;
mod parties;
mod reference;
mod tables;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// What makes a block.
type Make = fn() -> String;

/// Every block that some document shows, with what makes it.
const BLOCKS: &[(&str, Make)] = &[
    ("keys", exchange::keys),
    ("trust", exchange::trust),
    ("hello", exchange::hello),
    ("offer", exchange::offer),
    ("collect-code", exchange::collect_with_code),
    ("credential-c01", exchange::credential_c01),
    ("terms", exchange::terms),
    ("identification", exchange::identification),
    ("collect-presentation", exchange::collect_with_presentation),
    ("credential-c02", exchange::credential_c02),
    ("link", exchange::link),
    ("request", exchange::request),
    ("answer", exchange::answer),
    ("receipt", exchange::receipt),
    ("status", exchange::status),
    ("authorise", exchange::authorise),
    ("notice", notices::document),
    ("notice-messages", notices::messages),
    ("notice-tags", notices::tags),
    ("passing", tables::passing),
    ("messages", tables::messages),
    ("types", tables::types),
    ("codes", tables::codes),
    ("limits", tables::limits),
    ("refusals", tables::refusals),
    ("reference-commands", reference::commands),
    ("reference-configuration", reference::configuration),
    ("reference-codes", reference::codes),
    ("reference-metrics", reference::metrics),
];

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the workspace is above")
        .to_owned()
}

/// The documents of `docs/` and `docs/reference/`, in the order of their names.
fn documents() -> Vec<PathBuf> {
    let folders = ["docs", "docs/reference"].map(|folder| root().join(folder));
    let mut found: Vec<PathBuf> = folders
        .iter()
        .flat_map(|folder| fs::read_dir(folder).expect("a folder"))
        .map(|entry| entry.expect("reads").path())
        .filter(|path| path.extension().is_some_and(|end| end == "md"))
        .collect();
    found.sort();
    found
}

/// A document, read.
pub(crate) fn read(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The document with every block made anew, and the names of its blocks.
fn remade(text: &str) -> (String, Vec<String>) {
    let mut out = String::new();
    let mut names = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("<!-- worked: ") {
        let (name, inside) = after.split_once(" -->\n").expect("a name and a line break");
        let end = format!("<!-- end: {name} -->");
        let (_, behind) = inside.split_once(&end).unwrap_or_else(|| panic!("{name} has no end"));
        let (_, make) = BLOCKS
            .iter()
            .find(|(known, _)| *known == name)
            .unwrap_or_else(|| panic!("nothing makes {name}"));
        out.push_str(&format!("{before}<!-- worked: {name} -->\n{}{end}", make()));
        names.push(name.to_owned());
        rest = behind;
    }
    out.push_str(rest);
    (out, names)
}

/// The first line in which two texts differ, for whoever has to look.
fn first_difference(one: &str, other: &str) -> String {
    let mut lines = one.lines().zip(other.lines()).enumerate();
    match lines.find(|(_, (a, b))| a != b) {
        Some((at, (is, should))) => format!("line {}\n  is      {is}\n  should  {should}", at + 1),
        None => "one is longer".to_owned(),
    }
}

#[test]
#[allow(
    clippy::disallowed_methods,
    reason = "whoever changes the code writes the documents anew by this"
)]
fn every_worked_block_is_what_the_code_makes() {
    let writes = std::env::var_os("BEVIS_WRITE_PAPERS").is_some();
    let mut shown = BTreeSet::new();
    for path in documents() {
        let text = fs::read_to_string(&path).expect("reads");
        let (remade, names) = remade(&text);
        shown.extend(names);
        if writes {
            fs::write(&path, &remade).expect("writes");
        } else {
            assert!(
                remade == text,
                "{} is not what the code makes; BEVIS_WRITE_PAPERS=1 writes it anew: {}",
                path.display(),
                first_difference(&text, &remade)
            );
        }
    }
    let unused: Vec<_> = BLOCKS
        .iter()
        .map(|(name, _)| *name)
        .filter(|name| !shown.contains(*name))
        .collect();
    assert!(unused.is_empty(), "no document shows {unused:?}");
}

#[test]
fn a_block_that_was_changed_by_hand_is_found() {
    let text = "a\n<!-- worked: codes -->\n| by hand |\n<!-- end: codes -->\nb\n";
    let (remade, names) = remade(text);
    assert_eq!(names, ["codes"]);
    assert!(
        remade.starts_with("a\n<!-- worked: codes -->\n|"),
        "what stands around a block stays"
    );
    assert!(remade.ends_with("<!-- end: codes -->\nb\n"));
    assert!(!remade.contains("by hand"));
}
