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
}
/// A head: all open lists of an issuer at a time. Valid for [`Head::expires`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// Issuer.
    pub issuer: Did,
    /// Signed at.
    pub issued: Timestamp,
    /// Not to be relied on after.
    pub expires: Timestamp,
    /// Lists.
    pub lists: Vec<ListVersion>,
}
impl Head {
    /// Signs. Errors: `malformed` with the member that has not its form, `too_large`.
    pub fn sign(&self, kid: &str, signer: &dyn Signer) -> Result<String, Problem> {
        self.check()?;
        if Did::parse_url(kid).is_none_or(|(did, _)| did != self.issuer) {
            return Err(malformed("kid"));
        }
        let payload = json!({
            "iss": self.issuer,
            "iat": self.issued,
            "exp": self.expires,
            "lists": self.lists,
        });
        let text = jws::sign(HEAD_TYP, Some(kid), Map::new(), &payload, signer)?;
        if text.len() > HEAD_MAX {
            return Err(Code::TooLarge.into());
        }
        Ok(text)
    }
    /// Bounded parse and check against the trust document (issuer listed, key in window at `iat`, signature). Errors as
    /// [`super::List::open`].
    pub fn open(jws: &str, trust: &Trust, now: Timestamp) -> Result<Head, Problem> {
        let signed = Jws::parse(jws, HEAD_TYP, HEAD_MAX)?;
        let issuer = signed
            .payload
            .get("iss")
            .and_then(Value::as_str)
            .and_then(Did::parse)
            .ok_or_else(|| malformed("iss"))?;
        let issued = check(&signed, &issuer, trust, now)?;
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
        Ok(head)
    }

    fn check(&self) -> Result<(), Problem> {
        if self.expires <= self.issued {
            return Err(malformed("exp"));
        }
        if self.lists.len() > LISTS_MAX {
            return Err(Problem::new(Code::TooLarge, "lists"));
        }
        let mut uris = HashSet::new();
        let is_list = |list: &ListVersion| {
            !list.uri.is_empty()
                && list.uri.len() <= URI_MAX
                && usize::try_from(list.size).is_ok_and(|size| size <= LIST_MAX)
                && BASE64_URL_SAFE_NO_PAD
                    .decode(&list.hash)
                    .is_ok_and(|hash| hash.len() == 32)
        };
        if !self.lists.iter().all(|list| is_list(list) && uris.insert(&list.uri)) {
            return Err(malformed("lists"));
        }
        Ok(())
    }
}

/// What a head and a list have in common: signed by a key of `issuer` that was valid at `iat`, and in their time. Returns `iat`.
pub(super) fn check(signed: &Jws, issuer: &Did, trust: &Trust, now: Timestamp) -> Result<Timestamp, Problem> {
    let kid = signed.kid().ok_or_else(|| malformed("kid"))?;
    let organisation = trust.organisation(issuer).ok_or(Code::UnknownIssuer)?;
    let issued = time(signed, "iat")?;
    if !signed.verify(organisation.key_at(kid, issued)?) {
        return Err(Code::SignatureInvalid.into());
    }
    super::list::check_times(issued, time(signed, "exp")?, now)?;
    Ok(issued)
}

fn time(signed: &Jws, name: &'static str) -> Result<Timestamp, Problem> {
    signed
        .payload
        .get(name)
        .and_then(|value| serde_json::from_value(value.clone()).ok())
        .ok_or_else(|| malformed(name))
}

fn malformed(name: &'static str) -> Problem {
    Problem::new(Code::Malformed, name)
}
