//! Every root and list that was taken, chained by hash: what anybody can export, and check from the root of first use.

mod row;

pub use row::{DEPTH_MAX, Row, Short};

use super::list::List;
use super::root::SignedRoot;
use super::{Fingerprint, Role};
use crate::{Code, Problem, Timestamp, json};
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Longest line of an export: a list, whose quotation marks and line ends take two bytes each in a line of JSON.
pub const LINE_MAX: usize = 4 * 1024 * 1024;
/// What the hash of an entry covers first.
const LABEL: &[u8] = b"bevis-trust-history/1";

/// A root or list that was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// From 1, which is the root of first use.
    pub number: u64,
    /// When it was taken, by the clock of whoever took it.
    pub taken: Timestamp,
    /// [`Role::Root`] or [`Role::List`].
    pub kind: Role,
    /// Version of the root, sequence of the list.
    pub version: u64,
    /// SHA-256 of the signed text.
    pub document: [u8; 32],
    /// [`Entry::hash`] of the entry before; zeros for the first.
    pub before: [u8; 32],
    /// The signed text.
    pub text: String,
}

/// The newest entry: all that must be remembered to append to the chain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tip {
    /// Its number; 0 before the first.
    pub number: u64,
    /// Its hash; zeros before the first.
    pub hash: [u8; 32],
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    number: u64,
    taken: Timestamp,
    kind: Role,
    version: u64,
    document: String,
    before: String,
    text: String,
}

impl Entry {
    /// The entry after `tip`.
    pub(super) fn after(tip: Tip, taken: Timestamp, kind: Role, version: u64, text: &str) -> Entry {
        Entry::after_hashed(tip, taken, kind, version, text, Sha256::digest(text.as_bytes()).into())
    }

    /// The same of a text whose SHA-256 is known.
    pub(super) fn after_hashed(
        tip: Tip,
        taken: Timestamp,
        kind: Role,
        version: u64,
        text: &str,
        document: [u8; 32],
    ) -> Entry {
        Entry {
            number: tip.number.saturating_add(1),
            taken,
            kind,
            version,
            document,
            before: tip.hash,
            text: text.to_owned(),
        }
    }

    /// SHA-256 over a label and all members but the text, of which it covers the hash.
    pub fn hash(&self) -> [u8; 32] {
        Sha256::new()
            .chain_update(LABEL)
            .chain_update(self.number.to_be_bytes())
            .chain_update(self.taken.unix().to_be_bytes())
            .chain_update([u8::from(self.kind == Role::List)])
            .chain_update(self.version.to_be_bytes())
            .chain_update(self.document)
            .chain_update(self.before)
            .finalize()
            .into()
    }

    /// The tip when this is the newest.
    pub fn tip(&self) -> Tip {
        Tip {
            number: self.number,
            hash: self.hash(),
        }
    }

    /// One line of JSON, without its end.
    pub fn to_line(&self) -> Result<String, Problem> {
        let line = Line {
            number: self.number,
            taken: self.taken,
            kind: self.kind,
            version: self.version,
            document: BASE64_URL_SAFE_NO_PAD.encode(self.document),
            before: BASE64_URL_SAFE_NO_PAD.encode(self.before),
            text: self.text.clone(),
        };
        serde_json::to_string(&line).map_err(|_| Code::Internal.into())
    }

    /// Reads a line. Errors: `too_large`, `duplicate_key`, `malformed`.
    pub fn parse(line: &str) -> Result<Entry, Problem> {
        let value = json::parse(line.as_bytes(), LINE_MAX)?;
        let line = Line::deserialize(value).map_err(|_| Problem::new(Code::Malformed, "history"))?;
        let hash = |text: &str, name: &str| crate::key::key_bytes(text).ok_or_else(|| malformed(line.number, name));
        Ok(Entry {
            number: line.number,
            taken: line.taken,
            kind: line.kind,
            version: line.version,
            document: hash(&line.document, "document")?,
            before: hash(&line.before, "before")?,
            text: line.text,
        })
    }
}

/// The whole history as JSON lines, for a file that others check.
pub fn export(entries: &[Entry]) -> Result<String, Problem> {
    let mut text = String::new();
    for entry in entries {
        text.push_str(&entry.to_line()?);
        text.push('\n');
    }
    Ok(text)
}

/// What a checked history ends with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verified {
    /// Newest entry.
    pub tip: Tip,
    /// Version of the newest root.
    pub root: u64,
    /// Sequence of the newest list, when there is one.
    pub list: Option<u64>,
}

/// Checks a history from the root of first use, whose fingerprint a person compared: numbers, chain, hashes, and the signatures of
/// every document by the root in force when it was taken; a list's sequence falls only where a root took the threshold of the
/// list keys away.
///
/// Errors name the number of the entry: `trust_mismatch` for a chain that does not hold, `trust_rollback` for a sequence that
/// falls or repeats, else as [`SignedRoot::next`] and [`List::open`]; `malformed` for no entry at all.
pub fn verify<'l>(lines: impl IntoIterator<Item = &'l str>, fingerprint: &Fingerprint) -> Result<Verified, Problem> {
    let mut tip = Tip::default();
    let mut root: Option<SignedRoot> = None;
    let mut newest: Option<(u64, [u8; 32])> = None;
    for line in lines {
        let entry = Entry::parse(line)?;
        let at = |problem: Problem| match problem.detail {
            Some(detail) => Problem::new(problem.code, format!("entry {}: {detail}", entry.number)),
            None => Problem::new(problem.code, format!("entry {}", entry.number)),
        };
        let is_next = Some(entry.number) == tip.number.checked_add(1) && entry.before == tip.hash;
        if !is_next || <[u8; 32]>::from(Sha256::digest(entry.text.as_bytes())) != entry.document {
            return Err(at(Code::TrustMismatch.into()));
        }
        let version = match (entry.kind, root.as_ref()) {
            (Role::Root, None) => {
                let first = SignedRoot::first(&entry.text, fingerprint).map_err(at)?;
                root.insert(first).root().version
            }
            (Role::Root, Some(before)) => {
                let next = before.next(&entry.text).map_err(at)?;
                if next.root().takes_threshold_from(before.root(), Role::List) {
                    newest = None;
                }
                root.insert(next).root().version
            }
            (Role::List, Some(root)) => {
                let list = List::open(&entry.text, root.root()).map_err(at)?;
                let sequence = list.draft().sequence;
                // The same list may be taken again with other signatures, after a root that changed the keys.
                let falls =
                    newest.is_some_and(|(last, hash)| sequence < last || sequence == last && hash != list.hash());
                if falls {
                    return Err(at(Code::TrustRollback.into()));
                }
                newest = Some((sequence, list.hash()));
                sequence
            }
            (Role::List, None) | (Role::Head, _) => return Err(malformed(entry.number, "kind")),
        };
        if version != entry.version {
            return Err(malformed(entry.number, "version"));
        }
        tip = entry.tip();
    }
    let root = root.ok_or_else(|| Problem::new(Code::Malformed, "history"))?;
    Ok(Verified {
        tip,
        root: root.root().version,
        list: newest.map(|(sequence, _)| sequence),
    })
}

fn malformed(number: u64, name: &str) -> Problem {
    Problem::new(Code::Malformed, format!("entry {number}: {name}"))
}
