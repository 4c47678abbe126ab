//! What an asker did with what it had, when a grant came to its end.

use super::OpenedGrant;
use crate::key::Signer;
use crate::record::{self, Record, Vouched};
use crate::schema::Path;
use crate::trust::Trust;
use crate::{Code, Did, Problem, Timestamp};
use serde::{Deserialize, Serialize};

/// Most entries of each kind.
const ENTRIES_MAX: usize = 1_000;

/// A signed erasure receipt (`bevis-erasure+jwt`, E22). Holds no value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Erasure {
    /// The grant.
    pub grant: String,
    /// Who says so.
    pub asker: Did,
    /// What is gone.
    pub erased: Vec<Erased>,
    /// What is kept.
    pub kept: Vec<Kept>,
    /// When.
    pub at: Timestamp,
}

/// What was erased: claims that one release brought.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Erased {
    /// Which claims.
    pub claims: Vec<Path>,
    /// When they had come.
    pub received: Timestamp,
    /// When their key was destroyed.
    pub at: Timestamp,
}

/// What is kept of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kept {
    /// Which claims.
    pub claims: Vec<Path>,
    /// When they had come.
    pub received: Timestamp,
    /// On which ground.
    pub ground: String,
    /// Until when.
    pub until: Timestamp,
}

impl Record for Erasure {
    const TYP: &'static str = "bevis-erasure+jwt";
    const MAX: usize = 32 * 1024;

    fn check(&self) -> Result<(), Problem> {
        record::rules(&[
            ("grant", record::is_hash(&self.grant)),
            ("erased", self.erased.len() <= ENTRIES_MAX),
            ("kept", self.kept.len() <= ENTRIES_MAX),
        ])
    }
}

impl Vouched for Erasure {
    const UNLISTED: Code = Code::UnknownVerifier;

    fn by(&self) -> &Did {
        &self.asker
    }
    fn at(&self) -> Timestamp {
        self.at
    }
}

impl Erasure {
    /// Reads what was signed here or was checked when it came: the signature is not looked at again. Errors: `malformed`, `too_large`.
    pub fn of_our_own(text: &str) -> Result<Erasure, Problem> {
        record::read_unchecked(text)
    }

    /// Signs.
    pub fn sign(&self, kid: &str, signer: &dyn Signer) -> Result<String, Problem> {
        record::sign_as_organisation(self, kid, signer)
    }

    /// Reads it, for that grant: `wrong_request` for another's. Further errors: `unknown_verifier`, and as [`super::Deposit::open`].
    pub fn open(text: &str, grant: &OpenedGrant, trust: &Trust) -> Result<Erasure, Problem> {
        let erasure: Erasure = record::open_of_organisation(text, trust)?;
        match erasure.grant == grant.name() && erasure.asker == grant.grant().asker {
            true => Ok(erasure),
            false => Err(Code::WrongRequest.into()),
        }
    }
}
