//! Small signed records that both sides keep: by a holder's key, which the header names, or by an organisation's. Each kind has a
//! label, and its signature covers that.

use crate::jws::{self, Jws};
use crate::key::Signer;
use crate::trust::Trust;
use crate::{Code, Did, Problem, Timestamp, VerifyingKey};
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// A record.
pub(crate) trait Record: Serialize + DeserializeOwned {
    /// Label of its signature.
    const TYP: &'static str;
    /// Longest signed text, in bytes.
    const MAX: usize;

    /// The form of each member that has one; `malformed` with its name.
    fn check(&self) -> Result<(), Problem>;
}

/// A record that an organisation signs.
pub(crate) trait Vouched: Record {
    /// Who.
    fn by(&self) -> &Did;
    /// When.
    fn at(&self) -> Timestamp;
    /// What it is refused with when the list does not name who signed it.
    const UNLISTED: Code;
}

/// Signs with a holder's key, which the header names as `jwk`.
pub(crate) fn sign_as_holder<R: Record>(record: &R, signer: &dyn Signer) -> Result<String, Problem> {
    record.check()?;
    let header = Map::from_iter([("jwk".to_owned(), signer.verifying_key().to_jwk())]);
    bounded::<R>(jws::sign(R::TYP, None, header, &to_value(record)?, signer)?)
}

/// Reads what a holder signed; the key that did. Errors: `malformed`, `signature_invalid`, `too_large`.
pub(crate) fn open_of_holder<R: Record>(text: &str) -> Result<(R, VerifyingKey), Problem> {
    let signed = Jws::parse(text, R::TYP, R::MAX)?;
    let key = signed.header.get("jwk").and_then(VerifyingKey::from_jwk);
    let key = key.ok_or_else(|| Problem::new(Code::Malformed, "jwk"))?;
    if !signed.verify(&key) {
        return Err(Code::SignatureInvalid.into());
    }
    let record: R = from_payload(signed.payload)?;
    record.check()?;
    Ok((record, key))
}

/// Reads a record that was checked before it was kept.
pub(crate) fn read_unchecked<R: Record>(text: &str) -> Result<R, Problem> {
    let signed = Jws::parse(text, R::TYP, R::MAX)?;
    let record: R = from_payload(signed.payload)?;
    record.check()?;
    Ok(record)
}

/// Signs with an organisation's key. Errors: `malformed` (`kid`) for another's key.
pub(crate) fn sign_as_organisation<R: Vouched>(record: &R, kid: &str, signer: &dyn Signer) -> Result<String, Problem> {
    record.check()?;
    check_kid(kid, record.by())?;
    bounded::<R>(jws::sign(R::TYP, Some(kid), Map::new(), &to_value(record)?, signer)?)
}

/// Reads what an organisation signed and checks it against the list: listed, its key valid when it signed (`unknown_key`,
/// `key_outside_window`, `key_compromised`), `signature_invalid`, `malformed`, `too_large`.
pub(crate) fn open_of_organisation<R: Vouched>(text: &str, trust: &Trust) -> Result<R, Problem> {
    let signed = Jws::parse(text, R::TYP, R::MAX)?;
    let record: R = from_payload(signed.payload.clone())?;
    let kid = signed.kid().ok_or_else(|| Problem::new(Code::Malformed, "kid"))?;
    record.check()?;
    check_kid(kid, record.by())?;
    let organisation = trust.organisation(record.by()).ok_or(R::UNLISTED)?;
    match signed.verify(organisation.key_at(kid, record.at())?) {
        true => Ok(record),
        false => Err(Code::SignatureInvalid.into()),
    }
}

/// What a record says whose signature was checked when it came: its form alone.
pub(crate) fn payload<R: Record>(text: &str) -> Result<R, Problem> {
    let record: R = from_payload(Jws::parse(text, R::TYP, R::MAX)?.payload)?;
    record.check()?;
    Ok(record)
}

/// The first rule that does not hold, as `malformed`.
pub(crate) fn rules(rules: &[(&str, bool)]) -> Result<(), Problem> {
    match rules.iter().find(|(_, holds)| !holds) {
        Some((name, _)) => Err(Problem::new(Code::Malformed, *name)),
        None => Ok(()),
    }
}

/// Whether `text` is a SHA-256 in base64url.
pub(crate) fn is_hash(text: &str) -> bool {
    is_bytes::<32>(text)
}

/// Whether `text` is so many bytes in base64url, in the one form that they have.
pub(crate) fn is_bytes<const N: usize>(text: &str) -> bool {
    text.len() == N.saturating_mul(4).div_ceil(3)
        && BASE64_URL_SAFE_NO_PAD.decode(text).is_ok_and(|bytes| bytes.len() == N)
}

/// Whether a text is shown in one of our languages.
pub(crate) fn is_language(text: &str) -> bool {
    matches!(text, "nb" | "nn" | "en")
}

pub(crate) fn to_value(record: &impl Serialize) -> Result<Value, Problem> {
    serde_json::to_value(record).map_err(|_| Code::Internal.into())
}

fn check_kid(kid: &str, by: &Did) -> Result<(), Problem> {
    rules(&[("kid", Did::parse_url(kid).is_some_and(|(did, _)| did == *by))])
}

fn bounded<R: Record>(text: String) -> Result<String, Problem> {
    match text.len() > R::MAX {
        true => Err(Code::TooLarge.into()),
        false => Ok(text),
    }
}

fn from_payload<T: DeserializeOwned>(payload: Map<String, Value>) -> Result<T, Problem> {
    serde_json::from_value(Value::Object(payload)).map_err(|_| Code::Malformed.into())
}
