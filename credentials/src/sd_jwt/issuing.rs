//! Signing one copy: which fields become disclosures, in which order.

use super::{DISCLOSURES_MAX, REGISTERED, SD_JWT_MAX, STATUS_URI_MAX, StatusRef, TYP};
use crate::key::Signer;
use crate::schema::{Claims, Class, CredentialType, Path};
use crate::{Code, Did, Problem, Random, Timestamp, VerifyingKey};
use crate::{canonical, json, jws, random};
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// What one copy is made of. Times are rounded to the day by the caller.
pub struct Issue<'a> {
    /// The type.
    pub credential_type: &'a CredentialType,
    /// Claims without class X.
    pub claims: &'a Claims,
    /// Issuer and the name of its key (`did:web:…#key-1`).
    pub issuer: &'a Did,
    /// Key name.
    pub kid: &'a str,
    /// The holder's key for this copy (`cnf.jwk`).
    pub holder: &'a VerifyingKey,
    /// Status entry.
    pub status: StatusRef,
    /// `iat` and `nbf`.
    pub issued: Timestamp,
    /// `exp`.
    pub expires: Timestamp,
}

/// Signs one copy. Salts (128 bits each) come from `salts`: the same seed gives the same bytes, which redelivery relies on.
/// Every class S or D field of the type is a disclosure of its own, also inside arrays; class A stays in the clear.
///
/// An object or array that the type lists with class S or D is one disclosure around the disclosures inside it; one that it
/// does not list stays visible as a frame. Elements of an array keep their places; an array of plain values is one disclosure.
/// Disclosures and digests are sorted by digest, so that a position tells nothing. Decoys fill the digests of each object up to the
/// count that its type can have there, so that their number tells nothing of what a row has or lacks.
///
/// Errors: `schema_invalid` for a class X field, a number with a fraction or a forbidden name (with its path), `malformed` for
/// arguments that do not fit together, `too_large` beyond [`SD_JWT_MAX`].
pub fn issue(issue: &Issue<'_>, salts: &mut dyn Random, signer: &dyn Signer) -> Result<String, Problem> {
    let claims = issue
        .claims
        .value()
        .as_object()
        .ok_or_else(|| Problem::new(Code::Malformed, "claims"))?;
    if json::has_float(issue.claims.value()) || canonical::loses_digits(issue.claims.value()) {
        return Err(Problem::new(Code::SchemaInvalid, "number"));
    }
    if !is_key_of(issue.kid, issue.issuer) {
        return Err(Problem::new(Code::Malformed, "kid"));
    }
    if issue.expires <= issue.issued {
        return Err(Problem::new(Code::Malformed, "exp"));
    }
    if issue.status.uri.is_empty() || issue.status.uri.len() > STATUS_URI_MAX {
        return Err(Problem::new(Code::Malformed, "status"));
    }
    let mut concealing = Concealing {
        credential_type: issue.credential_type,
        salts,
        disclosures: Vec::new(),
        counts: BTreeMap::new(),
    };
    let mut payload = concealing.object(claims, &mut Path(Vec::new()))?;
    let mut disclosures = concealing.disclosures;
    for (name, value) in [
        ("_sd_alg", json!("sha-256")),
        ("cnf", json!({ "jwk": issue.holder.to_jwk() })),
        ("exp", json!(issue.expires)),
        ("iat", json!(issue.issued)),
        ("iss", json!(issue.issuer)),
        ("nbf", json!(issue.issued)),
        (
            "status",
            json!({ "status_list": { "idx": issue.status.index, "uri": issue.status.uri } }),
        ),
        ("vct", json!(issue.credential_type.vct)),
    ] {
        payload.insert(name.to_owned(), value);
    }
    let mut text = jws::sign(TYP, Some(issue.kid), Map::new(), &Value::Object(payload), signer)?;
    disclosures.sort_unstable();
    let length: usize = disclosures
        .iter()
        .map(|(_, disclosure)| disclosure.len().saturating_add(1))
        .sum();
    text.reserve_exact(length.saturating_add(1));
    text.push('~');
    for (_, disclosure) in &disclosures {
        text.push_str(disclosure);
        text.push('~');
    }
    if text.len() > SD_JWT_MAX {
        return Err(Code::TooLarge.into());
    }
    Ok(text)
}

/// Whether `kid` is a DID URL of `did` with a fragment.
fn is_key_of(kid: &str, did: &Did) -> bool {
    kid.split_once('#')
        .is_some_and(|(before, fragment)| before == did.to_string() && !fragment.is_empty())
}

struct Concealing<'a> {
    credential_type: &'a CredentialType,
    salts: &'a mut dyn Random,
    /// Digest and text.
    disclosures: Vec<(String, String)>,
    /// How many members can be concealed at a place.
    counts: BTreeMap<Path, usize>,
}

impl Concealing<'_> {
    /// The members that stay, and `_sd` for those that do not.
    fn object(&mut self, members: &Map<String, Value>, path: &mut Path) -> Result<Map<String, Value>, Problem> {
        let is_top = path.0.is_empty();
        let mut shown = Map::new();
        let mut digests = Vec::new();
        // Salts are drawn in the order of the names, whatever order the map keeps: the same seed gives the same bytes.
        let mut members: Vec<_> = members.iter().collect();
        members.sort_unstable_by_key(|(name, _)| *name);
        for (name, value) in members {
            path.0.push(Some(name.clone()));
            let is_registered = is_top && REGISTERED.contains(&name.as_str());
            if is_registered || matches!(name.as_str(), "_sd" | "...") {
                return Err(refused(path));
            }
            let (value, is_selective) = self.member(value, path)?;
            if is_selective {
                digests.push(self.disclose(name, value)?);
            } else {
                shown.insert(name.clone(), value);
            }
            path.0.pop();
        }
        // What a row has not, looks like what is not shown of it (RFC 9901 §4.2.5).
        let most = match self.counts.get(path) {
            Some(most) => *most,
            None => {
                let most = self.credential_type.concealable(path);
                self.counts.insert(path.clone(), most);
                most
            }
        };
        while digests.len() < most {
            let decoy = BASE64_URL_SAFE_NO_PAD.encode(random::bytes::<32>(self.salts));
            digests.push(super::digest(&decoy));
        }
        if !digests.is_empty() {
            digests.sort_unstable();
            let digests = digests.into_iter().map(Value::String).collect();
            shown.insert("_sd".to_owned(), digests);
        }
        Ok(shown)
    }

    /// A member's value with what is below it concealed, and whether it is a disclosure itself.
    fn member(&mut self, value: &Value, path: &mut Path) -> Result<(Value, bool), Problem> {
        match value {
            Value::Object(members) if !members.is_empty() => {
                let is_selective = self.is_listed_selective(path)?;
                Ok((Value::Object(self.object(members, path)?), is_selective))
            }
            Value::Array(items) if is_frame(value) => {
                let is_selective = self.is_listed_selective(path)?;
                Ok((Value::Array(self.array(items, path)?), is_selective))
            }
            _ => Ok((value.clone(), !self.is_clear(value, path)?)),
        }
    }

    /// Elements of a frame: objects, or arrays of them.
    fn array(&mut self, items: &[Value], path: &mut Path) -> Result<Vec<Value>, Problem> {
        path.0.push(None);
        let mut shown = Vec::with_capacity(items.len());
        for item in items {
            shown.push(match item {
                Value::Object(members) => Value::Object(self.object(members, path)?),
                Value::Array(items) => Value::Array(self.array(items, path)?),
                _ => return Err(refused(path)),
            });
        }
        path.0.pop();
        Ok(shown)
    }

    fn is_listed_selective(&self, path: &Path) -> Result<bool, Problem> {
        let listed = self.credential_type.fields.iter().find(|field| field.path == *path);
        match listed.map(|field| field.class) {
            Some(Class::X) => Err(refused(path)),
            Some(Class::S | Class::D) => Ok(true),
            Some(Class::A) | None => Ok(false),
        }
    }

    /// Whether all of `value` is class A.
    fn is_clear(&self, value: &Value, path: &mut Path) -> Result<bool, Problem> {
        let mut is_clear = match self.credential_type.class(path) {
            Class::A => true,
            Class::S | Class::D => false,
            Class::X => return Err(refused(path)),
        };
        let below: Vec<(Option<String>, &Value)> = match value {
            Value::Array(items) => items.iter().map(|item| (None, item)).collect(),
            Value::Object(members) => members
                .iter()
                .map(|(name, value)| (Some(name.clone()), value))
                .collect(),
            _ => Vec::new(),
        };
        for (segment, value) in below {
            if matches!(segment.as_deref(), Some("_sd" | "...")) {
                return Err(refused(path));
            }
            path.0.push(segment);
            is_clear &= self.is_clear(value, path)?;
            path.0.pop();
        }
        Ok(is_clear)
    }

    /// RFC 9901 §4.2.1; the JSON text is canonical, so that it does not depend on how a library prints.
    fn disclose(&mut self, name: &str, value: Value) -> Result<String, Problem> {
        if self.disclosures.len() >= DISCLOSURES_MAX {
            return Err(Code::TooLarge.into());
        }
        let salt = BASE64_URL_SAFE_NO_PAD.encode(random::bytes::<16>(self.salts));
        let bytes = canonical::canonicalize_salted(&salt, name, &value)?;
        let text = BASE64_URL_SAFE_NO_PAD.encode(bytes);
        let digest = super::digest(&text);
        self.disclosures.push((digest.clone(), text));
        Ok(digest)
    }
}

/// Whether an array holds only objects, or arrays of them: then its elements stay as places, and what is in them is concealed.
fn is_frame(value: &Value) -> bool {
    match value {
        Value::Object(_) => true,
        Value::Array(items) => !items.is_empty() && items.iter().all(is_frame),
        _ => false,
    }
}

fn refused(path: &Path) -> Problem {
    Problem::new(Code::SchemaInvalid, path.to_string())
}
