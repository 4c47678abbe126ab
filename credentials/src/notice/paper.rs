//! Whatever two keys of a register sign, as the second key holder gets it on a stick: to read, to check, to sign.

use super::vouched::{Document, Of, PROOFS};
use super::{Checkpoint, KeyStatement, NOTICE_MAX, Proposal};
use crate::key::Signer;
use crate::trust::Trust;
use crate::{Code, Did, Problem, Timestamp, json};
use serde_json::Value;

/// A notice, a checkpoint or a statement of a key; with no, one or two signatures, of which nothing is said.
#[derive(Clone, Debug)]
pub enum Paper {
    /// C10.
    Notice(Proposal),
    /// Where new receivers begin.
    Checkpoint(Checkpoint),
    /// Commitment to the key of a year.
    Key(KeyStatement),
}

impl Paper {
    /// Reads one of the three by its `type` (`malformed`, `unsupported` for another type, `too_large`).
    pub fn parse(text: &str) -> Result<Paper, Problem> {
        match kind_of(text)?.as_str() {
            super::TYPE => Ok(Paper::Notice(Proposal::parse(text)?)),
            super::checkpoint::TYPE => Ok(Paper::Checkpoint(Checkpoint::parse(text)?)),
            super::tag::STATEMENT => Ok(Paper::Key(KeyStatement::parse(text)?)),
            _ => Err(Problem::new(Code::Unsupported, "type")),
        }
    }

    /// Whose it is.
    pub fn register(&self) -> &Did {
        match self {
            Paper::Notice(notice) => notice.register(),
            Paper::Checkpoint(checkpoint) => &checkpoint.register,
            Paper::Key(statement) => &statement.register,
        }
    }

    /// The text, with its signatures.
    pub fn text(&self) -> &str {
        match self {
            Paper::Notice(notice) => notice.text(),
            Paper::Checkpoint(checkpoint) => &checkpoint.text,
            Paper::Key(statement) => &statement.text,
        }
    }

    /// What there may be one of only: the number of a notice, the name of a key. A checkpoint repeats what was published, and
    /// there may be several at one number.
    pub fn place(&self) -> Option<String> {
        match self {
            Paper::Notice(notice) => Some(format!("notice {}", notice.number())),
            Paper::Key(statement) => Some(format!("key {}", statement.name)),
            Paper::Checkpoint(_) => None,
        }
    }

    fn document(&self) -> Result<Document, Problem> {
        Document::parse(self.text(), &kind_of(self.text())?, NOTICE_MAX)
    }

    /// SHA-256 of the canonical document without its signatures.
    pub fn hash(&self) -> Result<[u8; 32], Problem> {
        Ok(self.document()?.hash)
    }

    /// The keys that signed it, by what it says; nothing about them is checked.
    pub fn signers(&self) -> Result<Vec<String>, Problem> {
        Ok(self.document()?.signers().map(str::to_owned).collect())
    }

    /// The same paper without its signatures, to be signed anew.
    pub fn bare(&self) -> Result<Paper, Problem> {
        Paper::parse(&self.document()?.bare()?)
    }

    /// Adds the proof of one more key of the register; `second_key_missing` when that key has signed it already, `too_large` when two
    /// others have.
    pub fn sign(&self, kid: &str, signer: &dyn Signer, now: Timestamp) -> Result<Paper, Problem> {
        Paper::parse(&self.document()?.sign(kid, signer, now)?)
    }

    /// Checks the one signature of a paper that comes for its second. Errors as [`super::Notice::open`].
    pub fn check_first_key(&self, trust: &Trust, now: Timestamp) -> Result<(), Problem> {
        self.document()?.vouched(trust, now, 1, Of::SoundKeys).map(|_| ())
    }

    /// Checks both signatures. Errors as [`super::Notice::open`].
    pub fn check(&self, trust: &Trust, now: Timestamp) -> Result<(), Problem> {
        self.document()?.vouched(trust, now, PROOFS, Of::SoundKeys).map(|_| ())
    }
}

/// The second word of `type`.
fn kind_of(text: &str) -> Result<String, Problem> {
    let value = json::parse(text.as_bytes(), NOTICE_MAX)?;
    let kind = value.pointer("/type/1").and_then(Value::as_str);
    Ok(kind.ok_or_else(|| Problem::new(Code::Malformed, "type"))?.to_owned())
}
