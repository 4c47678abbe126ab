//! Looks for many texts in everything below a folder, in the ways in which programs write them.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use credentials::identifier::PersonNumber;
use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::path::{Path, PathBuf};

/// What it is, how it is written, the bytes.
type Needle = (String, &'static str, Vec<u8>);

/// Looks for many texts at once.
#[derive(Default)]
pub(crate) struct Scanner {
    /// By their first four bytes.
    needles: HashMap<[u8; 4], Vec<Needle>>,
}

/// Where something was found: file, what, how it was written.
pub(crate) type Finding = (PathBuf, String, &'static str);

impl Scanner {
    /// Looks for bytes as they are.
    pub(crate) fn add(&mut self, what: &str, how: &'static str, bytes: &[u8]) {
        // Shorter ones are found by chance in megabytes of random bytes.
        assert!(bytes.len() >= 6, "{what:?} is too short to be looked for");
        let first = [bytes[0], bytes[1], bytes[2], bytes[3]];
        self.needles
            .entry(first)
            .or_default()
            .push((what.to_owned(), how, bytes.to_vec()));
    }

    /// Looks for a text as it is, and as JSON escapes it.
    pub(crate) fn text(&mut self, text: &str) {
        self.add(text, "plain", text.as_bytes());
        if !text.is_ascii() {
            let escape = |c: char| {
                if c.is_ascii() {
                    c.to_string()
                } else {
                    format!("\\u{:04x}", u32::from(c))
                }
            };
            self.add(
                text,
                "JSON escapes",
                text.chars().map(escape).collect::<String>().as_bytes(),
            );
        }
    }

    /// Looks for bytes in the ways in which programs write them.
    pub(crate) fn encoded(&mut self, what: &str, bytes: &[u8]) {
        let hex = |upper: bool| -> String {
            bytes
                .iter()
                .map(|b| if upper { format!("{b:02X}") } else { format!("{b:02x}") })
                .collect()
        };
        self.add(what, "hex", hex(false).as_bytes());
        if hex(true) != hex(false) {
            self.add(what, "HEX", hex(true).as_bytes());
        }
        // Within a longer text there are three ways to stand; the first and last characters also depend on what is beside.
        for shift in 0..3 {
            let mut shifted = vec![0; shift];
            shifted.extend(bytes);
            let from = [0, 2, 3][shift];
            let until = (shifted.len() * 8) / 6;
            let standard = STANDARD.encode(&shifted)[from..until].to_owned();
            let url = URL_SAFE.encode(&shifted)[from..until].to_owned();
            self.add(what, "base64", standard.as_bytes());
            if url != standard {
                self.add(what, "base64url", url.as_bytes());
            }
        }
    }

    fn look(&self, path: &Path, bytes: &[u8], found: &mut BTreeSet<Finding>) {
        for at in 0..bytes.len().saturating_sub(3) {
            let first = [bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]];
            for (what, how, needle) in self.needles.get(&first).into_iter().flatten() {
                if bytes[at..].starts_with(needle) {
                    found.insert((path.to_owned(), what.clone(), how));
                }
            }
        }
        for run in bytes.split(|byte| !byte.is_ascii_digit()).filter(|run| run.len() == 11) {
            let text = std::str::from_utf8(run).expect("digits");
            if PersonNumber::parse(text).is_some() {
                found.insert((path.to_owned(), text.to_owned(), "a person number"));
            }
        }
    }

    /// Everything below a folder: contents and names. Gives what was found, and how many files and bytes were looked at.
    pub(crate) fn folder(&self, folder: &Path, except: &Path) -> (BTreeSet<Finding>, usize, usize) {
        let (mut found, mut files, mut size) = (BTreeSet::new(), 0, 0);
        let mut folders = vec![folder.to_owned()];
        while let Some(at) = folders.pop() {
            for entry in fs::read_dir(&at).expect("reads") {
                let path = entry.expect("reads").path();
                let name = path.strip_prefix(folder).expect("below").to_string_lossy().into_owned();
                self.look(&path, name.as_bytes(), &mut found);
                let kind = fs::symlink_metadata(&path).expect("is there").file_type();
                if kind.is_dir() {
                    folders.push(path);
                } else if kind.is_file() && path != except {
                    let bytes = fs::read(&path).expect("reads");
                    self.look(&path, &bytes, &mut found);
                    (files, size) = (files + 1, size + bytes.len());
                }
            }
        }
        (found, files, size)
    }
}
