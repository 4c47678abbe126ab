//! What an issuer releases under a grant: live data, good for minutes, for one asker.

use super::{OpenedGrant, hash_text};
use crate::jws::{self, Jws};
use crate::key::Signer;
use crate::schema::{CredentialType, Path, values_at};
use crate::trust::Trust;
use crate::{Code, Did, Problem, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Label of a release. No gate for credentials or presentations reads this one.
pub const RELEASE_TYP: &str = "bevis-release+jwt";
/// Longest signed release, in bytes.
pub const RELEASE_MAX: usize = 30 * 1024;
/// Longest life of a release, in seconds.
pub const RELEASE_SECONDS_MAX: i64 = 600;
/// How far the issuer's clock may be ahead of ours, in seconds. It does not lengthen a release's life.
pub const CLOCK_SKEW: i64 = 300;

/// A release. `Debug` prints no claim.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Release {
    /// The issuer.
    pub iss: Did,
    /// The asker, who alone may rely on it.
    pub aud: Did,
    /// Type.
    pub vct: String,
    /// The grant.
    pub grant: String,
    /// The asker's nonce.
    pub nonce: String,
    /// Which release of this grant, from 1.
    pub number: u32,
    /// Released at.
    pub iat: Timestamp,
    /// Not to be relied on from this instant on.
    pub exp: Timestamp,
    /// The claims: those asked for, and no others.
    pub claims: Map<String, Value>,
}

impl std::fmt::Debug for Release {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Release({} {} {})", self.vct, self.grant, self.number)
    }
}

impl Release {
    /// Signs. Errors: `malformed` (`kid`, `exp`), `too_large`.
    pub fn sign(&self, kid: &str, signer: &dyn Signer) -> Result<String, Problem> {
        if Did::parse_url(kid).is_none_or(|(did, _)| did != self.iss) {
            return Err(Problem::new(Code::Malformed, "kid"));
        }
        self.check()?;
        let text = jws::sign(
            RELEASE_TYP,
            Some(kid),
            Map::new(),
            &crate::record::to_value(self)?,
            signer,
        )?;
        match text.len() > RELEASE_MAX {
            true => Err(Code::TooLarge.into()),
            false => Ok(text),
        }
    }

    fn check(&self) -> Result<(), Problem> {
        crate::record::rules(&[
            ("grant", crate::record::is_hash(&self.grant)),
            ("number", self.number > 0),
            ("exp", (1..=RELEASE_SECONDS_MAX).contains(&self.exp.since(self.iat))),
        ])
    }
}

/// What the asker asked, which a release must answer.
pub struct Asked<'a> {
    /// Under which grant.
    pub grant: &'a OpenedGrant,
    /// With which nonce.
    pub nonce: &'a str,
    /// For which claims.
    pub claims: &'a [Path],
    /// The number of its customer, which the released data must have where the type has the holder's.
    pub number: &'a str,
}

/// A release that passed [`VerifiedRelease::open`]; there is no other way to one.
#[derive(Clone)]
pub struct VerifiedRelease {
    release: Release,
}

impl std::fmt::Debug for VerifiedRelease {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Verified{:?}", self.release)
    }
}

impl VerifiedRelease {
    /// The gate of a refresh.
    ///
    /// In this order: `too_large`, `malformed`, the list in force (`trust_stale`, `clock_suspect`), the issuer that the grant names
    /// (`unknown_issuer`, `type_not_allowed`), its key (`unknown_key`, `key_outside_window`, `key_compromised`), `signature_invalid`,
    /// for us (`wrong_audience`), this grant (`wrong_request`), this question (`wrong_nonce`), its time (`not_yet_valid`, `expired`), our
    /// customer (`wrong_subject`: nothing of it is read further), only what was asked (`claims_unrequested`) and all that the type
    /// has not as optional (`claims_missing`), the type's schema (`schema_invalid`).
    pub fn open(
        text: &str,
        asked: &Asked<'_>,
        credential_type: &CredentialType,
        trust: &Trust,
        now: Timestamp,
    ) -> Result<VerifiedRelease, Problem> {
        let signed = Jws::parse(text, RELEASE_TYP, RELEASE_MAX)?;
        let kid = signed
            .kid()
            .ok_or_else(|| Problem::new(Code::Malformed, "kid"))?
            .to_owned();
        let release: Release = serde_json::from_value(Value::Object(signed.payload.clone()))
            .map_err(|_| Problem::from(Code::Malformed))?;
        release.check()?;
        trust.current(now)?;
        let grant = asked.grant.grant();
        if Did::parse_url(&kid).is_none_or(|(did, _)| did != grant.issuer) || release.iss != grant.issuer {
            return Err(Code::UnknownIssuer.into());
        }
        let issuer = trust.organisation(&grant.issuer).ok_or(Code::UnknownIssuer)?;
        if release.vct != grant.vct || !issuer.issues.contains(&grant.vct) {
            return Err(Code::TypeNotAllowed.into());
        }
        if !signed.verify(issuer.key_at(&kid, release.iat)?) {
            return Err(Code::SignatureInvalid.into());
        }
        if release.aud != grant.asker {
            return Err(Code::WrongAudience.into());
        }
        if release.grant != hash_text(asked.grant.hash()) {
            return Err(Code::WrongRequest.into());
        }
        if release.nonce != asked.nonce {
            return Err(Code::WrongNonce.into());
        }
        if release.iat > now.plus(CLOCK_SKEW) {
            return Err(Code::NotYetValid.into());
        }
        if now >= release.exp {
            return Err(Code::Expired.into());
        }
        let claims = Value::Object(release.claims.clone());
        match values_at(&claims, &credential_type.holder.number).as_slice() {
            [Value::String(number)] if number == asked.number => {}
            _ => return Err(Code::WrongSubject.into()),
        }
        if let Some(path) = beyond(&claims, asked.claims) {
            return Err(Problem::new(Code::ClaimsUnrequested, path));
        }
        if let Some(path) = asked.claims.iter().find(|path| credential_type.lacks(&claims, path)) {
            return Err(Problem::new(Code::ClaimsMissing, path.to_string()));
        }
        credential_type
            .shown(&claims)
            .map_err(|error| Problem::new(Code::SchemaInvalid, format!("{}: {}", error.path, error.reason)))?;
        Ok(VerifiedRelease { release })
    }

    /// What was released.
    pub fn release(&self) -> &Release {
        &self.release
    }
}

/// The first member of `claims` that no asked path covers or leads to.
fn beyond(claims: &Value, asked: &[Path]) -> Option<String> {
    let mut path = Vec::new();
    let paths: Vec<&[Option<String>]> = asked.iter().map(|path| path.0.as_slice()).collect();
    beyond_below(claims, &paths, &mut path).then(|| Path(path).to_string())
}

/// The same below a place; leaves the place of what is beyond in `path`.
fn beyond_below(value: &Value, asked: &[&[Option<String>]], path: &mut Vec<Option<String>>) -> bool {
    if asked.iter().any(|rest| rest.is_empty()) {
        return false;
    }
    let below = |segment: &Option<String>| -> Vec<&[Option<String>]> {
        let rests = asked.iter().filter_map(|rest| rest.split_first());
        rests
            .filter(|(first, _)| *first == segment)
            .map(|(_, rest)| rest)
            .collect()
    };
    let children: Vec<(Option<String>, &Value)> = match value {
        Value::Object(members) => members
            .iter()
            .map(|(name, member)| (Some(name.clone()), member))
            .collect(),
        Value::Array(elements) => elements.iter().map(|element| (None, element)).collect(),
        // A value where only a part of it was asked for.
        _ => return true,
    };
    for (segment, child) in children {
        let rests = below(&segment);
        path.push(segment);
        if rests.is_empty() || beyond_below(child, &rests, path) {
            return true;
        }
        path.pop();
    }
    false
}
