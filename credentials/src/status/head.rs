//! The head: which lists an issuer has, by hash.

use super::{HEAD_MAX, HEAD_TYP, LIST_MAX, LISTS_MAX, URI_MAX};
use crate::jws::{self, Jws};
use crate::trust::Trust;
use crate::{Code, Did, Problem, Timestamp, key::Signer};
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::collections::HashSet;

/// What a head says of one list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListVersion {
    /// URI.
    pub uri: String,
    /// Rises with each publication.
    pub version: u64,
    /// SHA-256 of the signed list's text, base64url.
    pub hash: String,
    /// Its length in bytes.
    pub size: u32,
    /// SHA-256 of the 262,144 bytes of its states, base64url. A list that was signed anew without a change keeps it, so that who has
    /// these states has the list.
    pub states: String,
}

impl ListVersion {
    /// Whether every member has its form and bound.
    pub(super) fn is_well_formed(&self) -> bool {
        !self.uri.is_empty()
            && self.uri.len() <= URI_MAX
            && usize::try_from(self.size).is_ok_and(|size| size <= LIST_MAX)
            && is_hash(&self.hash)
            && is_hash(&self.states)
    }
}
/// A head: all open lists of an issuer at a time, as of [`Head::issued`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// Issuer.
    pub issuer: Did,
    /// Signed at.
    pub issued: Timestamp,
    /// Not taken from anybody after. What was taken ages by [`Head::issued`] and no further limit.
    pub expires: Timestamp,
    /// Lists.
    pub lists: Vec<ListVersion>,
}
impl Head {
    /// Signs. Errors: `malformed` with the member that has not its form, `too_large`.
    pub fn sign(&self, kid: &str, signer: &dyn Signer) -> Result<String, Problem> {
        self.check()?;
        let payload = json!({
            "iss": self.issuer,
            "iat": self.issued,
            "exp": self.expires,
            "lists": self.lists,
        });
        sign((HEAD_TYP, HEAD_MAX), (&self.issuer, kid), &payload, signer)
    }
    /// Bounded parse and check against the trust document (issuer listed, key in window at `iat`, signature). Errors as
    /// [`super::List::open`].
    pub fn open(jws: &str, trust: &Trust, now: Timestamp) -> Result<Head, Problem> {
        Head::opened(jws, trust, Some(now)).map(|(head, _)| head)
    }

    /// With the name of the key; without `now`, times are not compared with a clock.
    pub(super) fn opened(jws: &str, trust: &Trust, now: Option<Timestamp>) -> Result<(Head, String), Problem> {
        let signed = Jws::parse(jws, HEAD_TYP, HEAD_MAX)?;
        let (issuer, issued, kid) = check_signed(&signed, trust, now)?;
        let lists = signed
            .payload
            .get("lists")
            .and_then(Value::as_array)
            .ok_or_else(|| malformed("lists"))?;
        if lists.len() > LISTS_MAX {
            return Err(Problem::new(Code::TooLarge, "lists"));
        }
        let head = Head {
            issuer,
            issued,
            expires: time(&signed, "exp")?,
            lists: lists
                .iter()
                .map(|list| serde_json::from_value(list.clone()))
                .collect::<Result<_, _>>()
                .map_err(|_| malformed("lists"))?,
        };
        head.check()?;
        Ok((head, kid))
    }

    fn check(&self) -> Result<(), Problem> {
        check_said(self.issued, self.expires, self.lists.iter())
    }
}

/// Signs what an issuer says of its lists, under a label and up to so many bytes.
pub(super) fn sign(
    (typ, limit): (&str, usize),
    (issuer, kid): (&Did, &str),
    payload: &Value,
    signer: &dyn Signer,
) -> Result<String, Problem> {
    check_kid(kid, issuer)?;
    let text = jws::sign(typ, Some(kid), Map::new(), payload, signer)?;
    match text.len() > limit {
        true => Err(Code::TooLarge.into()),
        false => Ok(text),
    }
}

/// A key that signs for an issuer is named as one of its own.
pub(super) fn check_kid(kid: &str, issuer: &Did) -> Result<(), Problem> {
    match Did::parse_url(kid).is_some_and(|(did, _)| did == *issuer) {
        true => Ok(()),
        false => Err(malformed("kid")),
    }
}

/// Whether a text is a SHA-256 in base64url.
pub(super) fn is_hash(text: &str) -> bool {
    text.len() == 43 && BASE64_URL_SAFE_NO_PAD.decode(text).is_ok_and(|hash| hash.len() == 32)
}

/// What a head and a digest may say: an end after the beginning, and well-formed lists, each once.
pub(super) fn check_said<'a>(
    issued: Timestamp,
    expires: Timestamp,
    lists: impl ExactSizeIterator<Item = &'a ListVersion>,
) -> Result<(), Problem> {
    if expires <= issued {
        return Err(malformed("exp"));
    }
    if lists.len() > LISTS_MAX {
        return Err(Problem::new(Code::TooLarge, "lists"));
    }
    let mut uris = HashSet::new();
    for list in lists {
        if !list.is_well_formed() || !uris.insert(list.uri.as_str()) {
            return Err(malformed("lists"));
        }
    }
    Ok(())
}

/// What everything an issuer signs about its lists has in common: signed by a key of `iss` that was valid at `iat`, and, by `now`,
/// in its time. Returns `iss`, `iat` and the key's name.
pub(super) fn check_signed(
    signed: &Jws,
    trust: &Trust,
    now: Option<Timestamp>,
) -> Result<(Did, Timestamp, String), Problem> {
    let issuer = signed
        .payload
        .get("iss")
        .and_then(Value::as_str)
        .and_then(Did::parse)
        .ok_or_else(|| malformed("iss"))?;
    let issued = check(signed, &issuer, trust, now)?;
    Ok((issuer, issued, signed.kid().unwrap_or_default().to_owned()))
}

/// As [`check_signed`], for an issuer that is known from elsewhere. Returns `iat`.
pub(super) fn check(signed: &Jws, issuer: &Did, trust: &Trust, now: Option<Timestamp>) -> Result<Timestamp, Problem> {
    let kid = signed.kid().ok_or_else(|| malformed("kid"))?;
    let organisation = trust.organisation(issuer).ok_or(Code::UnknownIssuer)?;
    let issued = time(signed, "iat")?;
    if !signed.verify(organisation.key_at(kid, issued)?) {
        return Err(Code::SignatureInvalid.into());
    }
    let expires = time(signed, "exp")?;
    if let Some(now) = now {
        super::list::check_times(issued, expires, now)?;
    }
    Ok(issued)
}

pub(super) fn time(signed: &Jws, name: &'static str) -> Result<Timestamp, Problem> {
    signed
        .payload
        .get(name)
        .and_then(|value| serde_json::from_value(value.clone()).ok())
        .ok_or_else(|| malformed(name))
}

pub(super) fn malformed(name: &'static str) -> Problem {
    Problem::new(Code::Malformed, name)
}
