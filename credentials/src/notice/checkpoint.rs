//! A checkpoint: where a new receiver begins, so that it need not pull years of notices.
//!
//! It names a number, the hash of the notice of that number, and the openings that still stood then, whose list is fetched
//! apart by hash. Two keys sign it as they sign a notice. Whoever begins there goes on with the next number, whose
//! `forrigeSekvensHash` must be the checkpoint's hash. After a key was compromised, a new checkpoint by sound keys vouches for
//! every notice up to its number that hashes lead to, whoever signed those ([`super::Notice::open_unsound`]).

use super::vouched::{self, Document, Of, PROOFS, exact_instant, hash_from, hash_text};
use super::{Debtor, NUMBER_MAX, VCT};
use crate::trust::Trust;
use crate::{Code, Did, Problem, Timestamp, json};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

/// Most openings that stand: six years of six thousand, none of them closed. With their rows they fit one transaction of a store.
pub const OPENINGS_MAX: usize = 40_000;
/// Longest list of openings, in bytes.
pub const STATE_MAX: usize = 8 * 1024 * 1024;

pub(super) const TYPE: &str = "NoticeCheckpoint";
/// Longest checkpoint, in bytes.
const CHECKPOINT_MAX: usize = 4 * 1024;

/// An opening that stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Opening {
    /// Name of the notice.
    pub uuid: String,
    /// Its number.
    pub number: u64,
    /// Whom it is about.
    pub debtor: Debtor,
}

/// A checkpoint that two different keys of its register signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Who publishes it.
    pub register: Did,
    /// The last number before whoever begins here.
    pub number: u64,
    /// Hash of the notice of that number.
    pub hash: [u8; 32],
    /// When that notice was registered.
    pub registered: Timestamp,
    /// SHA-256 of the list of openings.
    pub state_hash: [u8; 32],
    /// Its length in bytes.
    pub state_size: u32,
    /// When the checkpoint was made.
    pub made: Timestamp,
    /// The signed text.
    pub text: String,
}

/// What a checkpoint is made of.
#[derive(Clone, Copy, Debug)]
pub struct At<'a> {
    /// Who publishes it.
    pub register: &'a Did,
    /// Number of the newest notice.
    pub number: u64,
    /// Its hash.
    pub hash: &'a [u8; 32],
    /// When it was registered.
    pub registered: Timestamp,
}

impl Checkpoint {
    /// Writes an unsigned checkpoint for a list of openings ([`Checkpoint::state`]).
    pub fn write(at: &At<'_>, state: &[u8], now: Timestamp) -> String {
        let mut subject = Map::new();
        for (name, value) in [
            ("vct", json!(VCT)),
            ("sekvens", json!(at.number)),
            ("hash", json!(hash_text(at.hash))),
            ("registreringstidspunkt", json!(at.registered.to_string())),
            ("tilstandHash", json!(hash_text(&Sha256::digest(state).into()))),
            ("tilstandStoerrelse", json!(state.len())),
        ] {
            subject.insert(name.to_owned(), value);
        }
        let id = format!("urn:bevis:checkpoint:{}", at.number);
        vouched::write(TYPE, &id, at.register, now, subject).to_string()
    }

    /// The list of openings as it is hashed and sent: JSON (`too_large` beyond [`OPENINGS_MAX`]).
    pub fn state(openings: &[Opening]) -> Result<Vec<u8>, Problem> {
        if openings.len() > OPENINGS_MAX {
            return Err(Problem::new(Code::TooLarge, "openings"));
        }
        let state = serde_json::to_vec(openings).map_err(|_| Code::Internal)?;
        if state.len() > STATE_MAX {
            return Err(Problem::new(Code::TooLarge, "openings"));
        }
        Ok(state)
    }

    /// Bounded parse and check of both signatures. Errors as [`super::Notice::open`].
    pub fn open(text: &str, trust: &Trust, now: Timestamp) -> Result<Checkpoint, Problem> {
        let document = Document::parse(text, TYPE, CHECKPOINT_MAX)?;
        document.vouched(trust, now, PROOFS, Of::SoundKeys)?;
        Checkpoint::of(&document)
    }

    /// Reads one with fewer signatures, to be signed. Nothing about its signatures is checked.
    pub fn parse(text: &str) -> Result<Checkpoint, Problem> {
        Checkpoint::of(&Document::parse(text, TYPE, CHECKPOINT_MAX)?)
    }

    fn of(document: &Document) -> Result<Checkpoint, Problem> {
        let malformed = |name: &str| Problem::new(Code::Malformed, name);
        let member = |name: &str| {
            let text = document.subject.get(name).and_then(Value::as_str);
            text.ok_or_else(|| malformed(name))
        };
        let number = |name: &str| {
            let number = document.subject.get(name).and_then(Value::as_u64);
            number.ok_or_else(|| malformed(name))
        };
        let hash = |name: &str| hash_from(member(name)?).ok_or_else(|| malformed(name));
        if member("vct")? != VCT || document.subject.len() != 6 {
            return Err(malformed("credentialSubject"));
        }
        let size = u32::try_from(number("tilstandStoerrelse")?).ok();
        Ok(Checkpoint {
            register: document.register.clone(),
            number: Some(number("sekvens")?)
                .filter(|number| *number <= NUMBER_MAX)
                .ok_or_else(|| malformed("sekvens"))?,
            hash: hash("hash")?,
            registered: exact_instant(member("registreringstidspunkt")?)
                .ok_or_else(|| malformed("registreringstidspunkt"))?,
            state_hash: hash("tilstandHash")?,
            state_size: size
                .filter(|size| *size as usize <= STATE_MAX)
                .ok_or_else(|| Problem::new(Code::TooLarge, "tilstandStoerrelse"))?,
            made: document.valid_from,
            text: document.text(),
        })
    }

    /// The hash of the list of openings as it is asked for.
    pub fn state_name(&self) -> String {
        hash_text(&self.state_hash)
    }

    /// Reads the list of openings: exactly the bytes that the checkpoint names (`notice_invalid`), well-formed (`malformed`).
    pub fn openings(&self, state: &[u8]) -> Result<Vec<Opening>, Problem> {
        let hash: [u8; 32] = Sha256::digest(state).into();
        if hash != self.state_hash || state.len() != self.state_size as usize {
            return Err(Problem::new(Code::NoticeInvalid, "tilstandHash"));
        }
        let value = json::parse(state, STATE_MAX)?;
        let openings: Vec<Opening> =
            serde_json::from_value(value).map_err(|_| Problem::new(Code::Malformed, "openings"))?;
        let is_well_formed = |opening: &Opening| {
            super::is_uuid(&opening.uuid)
                && (1..=self.number).contains(&opening.number)
                && opening.debtor.is_well_formed()
        };
        if openings.len() > OPENINGS_MAX || !openings.iter().all(is_well_formed) {
            return Err(Problem::new(Code::Malformed, "openings"));
        }
        Ok(openings)
    }
}

impl Debtor {
    fn is_well_formed(&self) -> bool {
        match self {
            Debtor::Company(number) => crate::identifier::OrganisationNumber::parse(number).is_some(),
            Debtor::Person(tags) => (1..=4).contains(&tags.len()) && tags.iter().all(super::Tag::is_well_formed),
        }
    }
}
