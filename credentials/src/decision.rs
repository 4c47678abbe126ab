//! The holder's decision, the asker's receipt, what the holder asks of it later and its statement of erasure: small signed records
//! that both sides hold and can show ([`json_ld`]).

mod deletion;
mod erasure;
mod json_ld;
mod report;

pub use deletion::{DELETION_TYP, Deletion};
pub use erasure::{KeptRecord, STATEMENT_TYP, Statement};
pub use json_ld::{Papers, json_ld};
pub use report::{COMPLAINT_MAX, REPORT_TYP, Report};

use crate::record::{self, Record, Vouched, is_hash};
use crate::schema::Path;
use crate::trust::Trust;
use crate::{Code, Did, Problem, Timestamp, VerifyingKey, key::Signer};
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Label of a decision.
pub const DECISION_TYP: &str = "bevis-decision+jwt";
/// Label of a receipt.
pub const RECEIPT_TYP: &str = "bevis-receipt+jwt";
/// Largest decision or receipt that we read.
pub const RECORD_MAX: usize = 64 * 1024;
/// Longest code of a ground, in bytes.
const CODE_MAX: usize = 64;

/// What the holder decided (fields of ISO/IEC TS 27560). Holds no claim value.
///
/// At home it is signed with the key of each shown copy. The asker gets it signed with a key made for this decision, whose hash
/// ([`hash`]) stands in each copy's key binding (`bevis_decision`): so the copies' holder signed it, and what the asker keeps of it as
/// its record does not hold a copy's key any longer than the claims. With that key the holder asks for deletion ([`Deletion`]).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Decision {
    /// SHA-256 of the signed request, base64url.
    pub request: String,
    /// Asker.
    pub recipient: Did,
    /// Service.
    pub service: String,
    /// Purpose code.
    pub purpose: String,
    /// SHA-256 of the exact text shown, base64url.
    pub text: String,
    /// Its language: nb, nn, en.
    pub language: String,
    /// What is shared: query id → paths.
    pub claims: std::collections::BTreeMap<String, Vec<Path>>,
    /// `shared`, `refused`, or `granted` for a standing grant
    pub outcome: String,
    /// Legal ground: the registration's code. Empty in decisions that were signed before they named it; none is signed so.
    #[serde(default, deserialize_with = "named", skip_serializing_if = "String::is_empty")]
    pub ground: String,
    /// Until when what is shared may be kept at most, or a grant stands; none = until the asker's session ends, and for a refusal.
    pub until: Option<Timestamp>,
    /// When.
    pub at: Timestamp,
}
impl Decision {
    /// Signs with the key of a shown copy, or of the decision (header `jwk` names it). Errors: `malformed` with the field that has not its form.
    pub fn sign(&self, holder: &dyn Signer) -> Result<String, Problem> {
        record::rules(&[("ground", is_code(&self.ground))])?;
        record::sign_as_holder(self, holder)
    }
    /// Reads and checks a decision; returns the key that signed it. Errors: `malformed`, `signature_invalid`, `too_large`.
    pub fn open(jws: &str) -> Result<(Decision, VerifyingKey), Problem> {
        record::open_of_holder(jws)
    }
}

impl Record for Decision {
    const TYP: &'static str = DECISION_TYP;
    const MAX: usize = RECORD_MAX;

    fn check(&self) -> Result<(), Problem> {
        record::rules(&[
            ("request", is_hash(&self.request)),
            ("text", is_hash(&self.text)),
            ("language", record::is_language(&self.language)),
            ("ground", self.ground.is_empty() || is_code(&self.ground)),
            (
                "until",
                self.until
                    .is_none_or(|until| until >= self.at && self.outcome != "refused"),
            ),
            (
                "outcome",
                matches!(self.outcome.as_str(), "shared" | "refused" | "granted"),
            ),
        ])
    }
}

/// What the asker confirms it received and will keep. Holds no claim value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Receipt {
    /// Request hash, base64url.
    pub request: String,
    /// SHA-256 of the encrypted answer's text, base64url.
    pub answer: String,
    /// [`hash`] of the holder's signed decision or grant, which makes the two one receipt that both have signed; none when the
    /// answer had none, as that of a wallet of another make may.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<String>,
    /// Asker.
    pub asker: Did,
    /// `valid`, `invalid`, `undecided`
    pub verdict: crate::verify::Verdict,
    /// Code when not valid, or a note.
    pub code: Option<crate::Code>,
    /// Kept paths by query id.
    pub kept: std::collections::BTreeMap<String, Vec<Path>>,
    /// Until when; none = until the session ends.
    pub until: Option<Timestamp>,
    /// Ground code.
    pub ground: String,
    /// When.
    pub at: Timestamp,
}
impl Receipt {
    /// Signs with the organisation's key. Errors: `malformed` with the field that has not its form, or `kid` for another's key.
    pub fn sign(&self, kid: &str, signer: &dyn Signer) -> Result<String, Problem> {
        record::sign_as_organisation(self, kid, signer)
    }
    /// Reads and checks against the trust document: asker listed (`unknown_verifier`), its key valid when it signed
    /// (`unknown_key`, `key_outside_window`, `key_compromised`), `signature_invalid`, `malformed`, `too_large`.
    pub fn open(jws: &str, trust: &Trust) -> Result<Receipt, Problem> {
        record::open_of_organisation(jws, trust)
    }
}

impl Record for Receipt {
    const TYP: &'static str = RECEIPT_TYP;
    const MAX: usize = RECORD_MAX;

    fn check(&self) -> Result<(), Problem> {
        record::rules(&[
            ("request", is_hash(&self.request)),
            ("answer", is_hash(&self.answer)),
            ("decision", self.decision.as_deref().is_none_or(is_hash)),
        ])
    }
}

/// Name of a signed decision or grant: SHA-256 of its text, base64url.
pub fn hash(text: &str) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(text.as_bytes()))
}

/// A ground that stands there is not empty.
fn named<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    match text.is_empty() {
        false => Ok(text),
        true => Err(serde::de::Error::custom("empty")),
    }
}

/// Whether `text` can be a code of a registration.
fn is_code(text: &str) -> bool {
    (1..=CODE_MAX).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

impl Vouched for Receipt {
    const UNLISTED: Code = Code::UnknownVerifier;

    fn by(&self) -> &Did {
        &self.asker
    }
    fn at(&self) -> Timestamp {
        self.at
    }
}

#[cfg(test)]
mod tests;
