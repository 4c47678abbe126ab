//! The holder's decision and the asker's receipt: small signed records that both sides can show later.

use crate::jws::{self, Jws};
use crate::schema::Path;
use crate::{Code, Did, Problem, Timestamp, VerifyingKey, key::Signer};
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Label of a decision.
pub const DECISION_TYP: &str = "bevis-decision+jwt";
/// Label of a receipt.
pub const RECEIPT_TYP: &str = "bevis-receipt+jwt";
/// Largest decision or receipt that we read.
pub const RECORD_MAX: usize = 64 * 1024;

/// What the holder decided, signed with the shown copy's key. Holds no claim value.
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
    /// `shared` or `refused`
    pub outcome: String,
    /// When.
    pub at: Timestamp,
}
impl Decision {
    /// Signs with the key of the shown copy (header `jwk` names it). Errors: `malformed` with the field that has not its form.
    pub fn sign(&self, holder: &dyn Signer) -> Result<String, Problem> {
        self.check()?;
        let header = Map::from_iter([("jwk".to_owned(), holder.verifying_key().to_jwk())]);
        bounded(jws::sign(DECISION_TYP, None, header, &to_value(self)?, holder)?)
    }
    /// Reads and checks a decision; returns the key that signed it. Errors: `malformed`, `signature_invalid`, `too_large`.
    pub fn open(jws: &str) -> Result<(Decision, VerifyingKey), Problem> {
        let signed = Jws::parse(jws, DECISION_TYP, RECORD_MAX)?;
        let key = signed
            .header
            .get("jwk")
            .and_then(VerifyingKey::from_jwk)
            .ok_or_else(|| Problem::new(Code::Malformed, "jwk"))?;
        if !signed.verify(&key) {
            return Err(Code::SignatureInvalid.into());
        }
        let decision: Decision = from_payload(signed.payload)?;
        decision.check()?;
        Ok((decision, key))
    }

    fn check(&self) -> Result<(), Problem> {
        check(&[
            ("request", is_hash(&self.request)),
            ("text", is_hash(&self.text)),
            ("language", matches!(self.language.as_str(), "nb" | "nn" | "en")),
            ("outcome", matches!(self.outcome.as_str(), "shared" | "refused")),
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
        self.check(kid)?;
        bounded(jws::sign(RECEIPT_TYP, Some(kid), Map::new(), &to_value(self)?, signer)?)
    }
    /// Reads and checks against the trust document: asker listed (`unknown_verifier`), its key valid when it signed
    /// (`unknown_key`, `key_outside_window`, `key_compromised`), `signature_invalid`, `malformed`, `too_large`.
    pub fn open(jws: &str, trust: &crate::trust::Trust) -> Result<Receipt, Problem> {
        let signed = Jws::parse(jws, RECEIPT_TYP, RECORD_MAX)?;
        let receipt: Receipt = from_payload(signed.payload.clone())?;
        let kid = signed.kid().ok_or_else(|| Problem::new(Code::Malformed, "kid"))?;
        receipt.check(kid)?;
        let asker = trust.organisation(&receipt.asker).ok_or(Code::UnknownVerifier)?;
        if !signed.verify(asker.key_at(kid, receipt.at)?) {
            return Err(Code::SignatureInvalid.into());
        }
        Ok(receipt)
    }

    fn check(&self, kid: &str) -> Result<(), Problem> {
        check(&[
            ("request", is_hash(&self.request)),
            ("answer", is_hash(&self.answer)),
            ("kid", Did::parse_url(kid).is_some_and(|(did, _)| did == self.asker)),
        ])
    }
}

fn check(rules: &[(&str, bool)]) -> Result<(), Problem> {
    match rules.iter().find(|(_, holds)| !holds) {
        Some((name, _)) => Err(Problem::new(Code::Malformed, *name)),
        None => Ok(()),
    }
}

/// Whether `text` is a SHA-256 in base64url.
fn is_hash(text: &str) -> bool {
    BASE64_URL_SAFE_NO_PAD.decode(text).is_ok_and(|bytes| bytes.len() == 32)
}

fn bounded(jws: String) -> Result<String, Problem> {
    if jws.len() > RECORD_MAX {
        return Err(Code::TooLarge.into());
    }
    Ok(jws)
}

fn to_value(record: &impl Serialize) -> Result<Value, Problem> {
    serde_json::to_value(record).map_err(|_| Code::Internal.into())
}

fn from_payload<T: serde::de::DeserializeOwned>(payload: Map<String, Value>) -> Result<T, Problem> {
    serde_json::from_value(Value::Object(payload)).map_err(|_| Code::Malformed.into())
}

#[cfg(test)]
mod tests;
