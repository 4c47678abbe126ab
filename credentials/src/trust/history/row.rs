//! An entry as a row of a store: whole, or, for a list that is mostly the one before it, by what is other.

use super::Entry;
use crate::trust::edits::{Edit, apply};
use crate::trust::{Role, text_hash};
use crate::{Code, Problem, Timestamp, protocol};
use serde::{Deserialize, Serialize};

/// Most rows that are read to make the text of one.
pub const DEPTH_MAX: u8 = 32;
/// Largest short row, in bytes.
const SHORT_MAX: usize = 256 * 1024;

/// A row of the history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Row {
    /// With its text.
    Whole(Entry),
    /// Without.
    Short(Short),
}

/// A list by what is other than in the list of an earlier row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Short {
    number: u64,
    taken: Timestamp,
    version: u64,
    #[serde(with = "serde_bytes")]
    document: [u8; 32],
    #[serde(with = "serde_bytes")]
    before: [u8; 32],
    base: u64,
    depth: u8,
    edits: Vec<Edit>,
}

impl Entry {
    /// The row of a list that `edits` make of the list in row `base`, from which on so many rows lead here (1 to [`DEPTH_MAX`]).
    pub fn to_short_row(&self, base: u64, depth: u8, edits: &[Edit]) -> Result<Vec<u8>, Problem> {
        protocol::encode(&Short {
            number: self.number,
            taken: self.taken,
            version: self.version,
            document: self.document,
            before: self.before,
            base,
            depth,
            edits: edits.to_vec(),
        })
    }
}

impl Row {
    /// Reads [`Entry::to_line`] or [`Entry::to_short_row`]. Errors: those of [`Entry::parse`], `too_large`, `malformed`.
    pub fn read(bytes: &[u8]) -> Result<Row, Problem> {
        if bytes.first() == Some(&b'{') {
            let line = std::str::from_utf8(bytes).map_err(|_| Problem::new(Code::Malformed, "history"))?;
            return Ok(Row::Whole(Entry::parse(line)?));
        }
        Ok(Row::Short(protocol::decode(bytes, SHORT_MAX)?))
    }

    /// Its place in the chain and the hash of its text, the text not needed.
    pub fn named(&self) -> (Role, [u8; 32]) {
        match self {
            Row::Whole(entry) => (entry.kind, entry.document),
            Row::Short(short) => (Role::List, short.document),
        }
    }

    /// How many rows lead here from a whole one.
    pub fn depth(&self) -> u8 {
        match self {
            Row::Whole(_) => 0,
            Row::Short(short) => short.depth,
        }
    }
}

impl Short {
    /// The row that its text is made of; always an earlier one, and no longer a way than [`DEPTH_MAX`]: `malformed`.
    pub fn base(&self) -> Result<u64, Problem> {
        match self.base < self.number && (1..=DEPTH_MAX).contains(&self.depth) {
            true => Ok(self.base),
            false => Err(Problem::new(Code::Malformed, "history")),
        }
    }

    /// The entry, with the text of its base row. `trust_mismatch` when what comes out is not what was taken.
    pub fn entry(self, base: &str) -> Result<Entry, Problem> {
        let mismatch = || Problem::new(Code::TrustMismatch, format!("entry {}", self.number));
        let text = apply(base, &self.edits).ok_or_else(mismatch)?;
        if text_hash(&text) != self.document {
            return Err(mismatch());
        }
        Ok(Entry {
            number: self.number,
            taken: self.taken,
            kind: Role::List,
            version: self.version,
            document: self.document,
            before: self.before,
            text,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::Tip;
    use super::*;

    fn edit(at: u32, gone: u32, put: &str) -> Edit {
        Edit {
            at,
            gone,
            put: put.as_bytes().to_vec(),
        }
    }

    #[test]
    fn a_row_is_read_back_whole_and_by_what_is_other() {
        let now = Timestamp::parse("2026-07-10T12:00:00Z").expect("an instant");
        let first = Entry::after(Tip::default(), now, Role::List, 1, "one list");
        let next = Entry::after(first.tip(), now, Role::List, 2, "another list");
        let line = first.to_line().expect("a line");
        assert_eq!(Row::read(line.as_bytes()), Ok(Row::Whole(first.clone())));
        let read = |edits: &[Edit], base: u64, depth: u8| {
            let bytes = next.to_short_row(base, depth, edits).expect("a row");
            match Row::read(&bytes) {
                Ok(Row::Short(short)) => short,
                other => panic!("{other:?}"),
            }
        };
        let good = [edit(0, 3, "another")];
        let short = read(&good, 1, 1);
        assert_eq!(short.base(), Ok(1));
        assert_eq!(short.entry(&first.text), Ok(next.clone()));
        let bent = read(&[edit(0, 3, "no")], 1, 1).entry(&first.text);
        assert_eq!(bent.map_err(|problem| problem.code), Err(Code::TrustMismatch));
        let bent = read(&good, 1, 1).entry("on");
        assert_eq!(bent.map_err(|problem| problem.code), Err(Code::TrustMismatch));
        // Rows that lead in a ring, or endlessly.
        for (base, depth) in [(2, 1), (3, 1), (1, 0), (1, DEPTH_MAX + 1)] {
            assert!(read(&good, base, depth).base().is_err(), "{base} {depth}");
        }
        assert!(Row::read(&[0xa0]).is_err());
        assert!(Row::read(b"").is_err());
    }
}
