//! What an asker erased of an answer when its time was up, and what it keeps.

use super::RECORD_MAX;
use crate::key::Signer;
use crate::record::{self, Record, Vouched, is_hash};
use crate::schema::Path;
use crate::trust::Trust;
use crate::{Code, Did, Problem, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Label of a statement.
pub const STATEMENT_TYP: &str = "bevis-erasure-statement+jwt";
/// Most entries of [`Statement::kept`].
const KEPT_MAX: usize = 16;

/// An asker's signed word that the claims of one answer are erased (E20–E22). Holds no claim value. The asker keeps it in their
/// place; it is the counterpart of the receipt that said until when they would be kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Statement {
    /// Hash of the request, base64url, as in the receipt.
    pub request: String,
    /// Asker.
    pub asker: Did,
    /// What is gone: query id → paths.
    pub erased: BTreeMap<String, Vec<Path>>,
    /// When it had come.
    pub received: Timestamp,
    /// On which ground it was held.
    pub ground: String,
    /// When it was gone at the latest: its key destroyed, or the memory that held it given back.
    pub erased_at: Timestamp,
    /// What is kept all the same.
    pub kept: Vec<KeptRecord>,
    /// When this was signed.
    pub at: Timestamp,
}

/// What an asker keeps of an answer that holds no claim.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeptRecord {
    /// What it is: `session` for request, verdict, checks and receipt.
    pub what: String,
    /// On which ground: `accountability` (GDPR Art. 5(2)).
    pub ground: String,
    /// Until when.
    pub until: Timestamp,
}

impl Statement {
    /// Signs with the organisation's key. Errors: `malformed` with the field that has not its form, or `kid` for another's key.
    pub fn sign(&self, kid: &str, signer: &dyn Signer) -> Result<String, Problem> {
        record::sign_as_organisation(self, kid, signer)
    }

    /// Reads what was signed here or was checked when it came: the signature is not looked at again. Errors: `malformed`, `too_large`.
    pub fn of_our_own(text: &str) -> Result<Statement, Problem> {
        record::read_unchecked(text)
    }

    /// Reads and checks it against the trust document. Errors: as [`super::Receipt::open`].
    pub fn open(jws: &str, trust: &Trust) -> Result<Statement, Problem> {
        record::open_of_organisation(jws, trust)
    }
}

impl Record for Statement {
    const TYP: &'static str = STATEMENT_TYP;
    const MAX: usize = RECORD_MAX;

    fn check(&self) -> Result<(), Problem> {
        record::rules(&[
            ("request", is_hash(&self.request)),
            ("kept", self.kept.len() <= KEPT_MAX),
            ("at", self.at >= self.erased_at && self.erased_at >= self.received),
        ])
    }
}

impl Vouched for Statement {
    const UNLISTED: Code = Code::UnknownVerifier;

    fn by(&self) -> &Did {
        &self.asker
    }
    fn at(&self) -> Timestamp {
        self.at
    }
}
