//! Standing grants (domain §1.1, pattern b): the holder says once that an issuer may release certain claims to an asker, for a
//! purpose, until a time, so and so often, and takes it back at any time.
//!
//! A [`Grant`] is an object of its own, signed with a key that was made for it. The wallet **deposits** it at the issuer together
//! with a presentation of who the person is, whose key binding covers the grant and its key; only deposited grants are honoured.
//! The issuer's [`Deposit`] says so. The asker shows the grant at each refresh and gets a [`Release`]: claims that are good for
//! minutes, signed under a label of their own and for this asker alone, so that no other gate takes them. A [`Withdrawal`] ends
//! it; the asker answers that with an [`Erasure`]: what it erased, and what it keeps, why and until when.
//!
//! All messages name a grant by the SHA-256 of its signed text.

mod deposit;
mod erasure;
mod release;
mod usage;
mod withdrawal;

pub use deposit::{Deposit, Subject};
pub use erasure::{Erased, Erasure, Kept};
pub use release::{Asked, CLOCK_SKEW, RELEASE_MAX, RELEASE_SECONDS_MAX, RELEASE_TYP, Release, VerifiedRelease};
pub use usage::{PROOF_SKEW, Proof, Usage};
pub use withdrawal::{Withdrawal, Withdrawn};

use crate::key::Signer;
use crate::query::Query;
use crate::record::{self, Record};
use crate::schema::Path;
use crate::service::Registration;
use crate::trust::Trust;
use crate::{Code, Did, Problem, Timestamp, VerifyingKey};
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Label of a grant.
pub const GRANT_TYP: &str = "bevis-grant+jwt";
/// Longest signed grant, in bytes: all claims of a registration.
pub const GRANT_MAX: usize = 16 * 1024;
/// Most refreshes a day that a grant or a registration may allow.
pub const USES_PER_DAY_MAX: u16 = 1_000;

/// Most claims of a grant: as many as a query has.
const CLAIMS_MAX: usize = crate::query::CLAIMS_MAX;
/// Longest service, purpose and type, in bytes.
const WORD_MAX: usize = 256;

/// How a service uses its grants (domain §1.1: three that must not be merged).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Fetched when the person logs in, erased when they log out.
    Login,
    /// Fetched again as a case runs.
    Case,
    /// An overview of a business.
    Business,
}

impl Kind {
    /// Its word.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Login => "login",
            Kind::Case => "case",
            Kind::Business => "business",
        }
    }
}

/// What the holder grants. It names nobody: whose it is the issuer knows from the deposit, and the asker from its own customer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grant {
    /// 16 random bytes, base64url: two grants of the same content are two.
    pub id: String,
    /// Who releases.
    pub issuer: Did,
    /// To whom.
    pub asker: Did,
    /// Registered service.
    pub service: String,
    /// Code of the one purpose.
    pub purpose: String,
    /// How it is used.
    pub kind: Kind,
    /// Type whose claims are released.
    pub vct: String,
    /// Which claims.
    pub claims: Vec<Path>,
    /// From when.
    pub nbf: Timestamp,
    /// No release from this instant on.
    pub exp: Timestamp,
    /// Most releases in a day, by the issuer's UTC day.
    pub uses_per_day: u16,
    /// SHA-256 of the asker's signed request, base64url.
    pub request: String,
    /// SHA-256 of the exact text that the person read, base64url.
    pub text: String,
    /// Its language: nb, nn, en.
    pub language: String,
}

impl Record for Grant {
    const TYP: &'static str = GRANT_TYP;
    const MAX: usize = GRANT_MAX;

    fn check(&self) -> Result<(), Problem> {
        let is_word =
            |text: &str| (1..=WORD_MAX).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        let mut claims = self.claims.clone();
        claims.sort_unstable();
        claims.dedup();
        record::rules(&[
            ("id", record::is_bytes::<16>(&self.id)),
            ("issuer", matches!(self.issuer, Did::Web(_))),
            ("asker", matches!(self.asker, Did::Web(_)) && self.asker != self.issuer),
            ("service", is_word(&self.service)),
            ("purpose", is_word(&self.purpose)),
            ("vct", is_word(&self.vct)),
            (
                "claims",
                (1..=CLAIMS_MAX).contains(&self.claims.len()) && claims.len() == self.claims.len(),
            ),
            ("exp", self.exp > self.nbf),
            ("uses_per_day", (1..=USES_PER_DAY_MAX).contains(&self.uses_per_day)),
            ("request", record::is_hash(&self.request)),
            ("text", record::is_hash(&self.text)),
            ("language", record::is_language(&self.language)),
        ])
    }
}

impl Grant {
    /// Signs with the key that was made for this grant (header `jwk`). Errors: `malformed` with the member that has not its form,
    /// `too_large`.
    pub fn sign(&self, key: &dyn Signer) -> Result<String, Problem> {
        record::sign_as_holder(self, key)
    }
}

/// A grant whose form and signature hold. Whether it may be used is said by [`OpenedGrant::allows`] and by whoever keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenedGrant {
    grant: Grant,
    key: VerifyingKey,
    hash: [u8; 32],
    text: String,
}

impl OpenedGrant {
    /// Bounded parse of at most [`GRANT_MAX`] bytes, form and signature. Errors: `too_large`, `malformed`, `signature_invalid`.
    pub fn open(text: &str) -> Result<OpenedGrant, Problem> {
        let (grant, key) = record::open_of_holder(text)?;
        Ok(OpenedGrant {
            grant,
            key,
            hash: Sha256::digest(text.as_bytes()).into(),
            text: text.to_owned(),
        })
    }

    /// What it says.
    pub fn grant(&self) -> &Grant {
        &self.grant
    }

    /// The key that signed it, and that withdraws it.
    pub fn key(&self) -> &VerifyingKey {
        &self.key
    }

    /// Its name: SHA-256 of the signed text.
    pub fn hash(&self) -> &[u8; 32] {
        &self.hash
    }

    /// Its name, base64url.
    pub fn name(&self) -> String {
        hash_text(&self.hash)
    }

    /// The signed text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether the list lets this asker have this grant now: the asker listed (`unknown_verifier`), the service registered with
    /// grants, and purpose, kind, claims, length and number of uses within the registration (`over_ask` with what is beyond it);
    /// the issuer listed and for this type (`unknown_issuer`, `type_not_allowed`).
    pub fn check_registered(&self, trust: &Trust) -> Result<(), Problem> {
        let Grant {
            issuer,
            asker,
            service,
            vct,
            ..
        } = &self.grant;
        let source = trust.organisation(issuer).ok_or(Code::UnknownIssuer)?;
        if !source.issues.contains(vct) {
            return Err(Code::TypeNotAllowed.into());
        }
        let listed = trust.organisation(asker).ok_or(Code::UnknownVerifier)?;
        let registration = listed
            .service(service)
            .ok_or_else(|| Problem::new(Code::OverAsk, service.as_str()))?;
        self.grant.within(registration)
    }

    /// `not_yet_valid` before it begins, by more than [`CLOCK_SKEW`], and `expired` from its end on: the skew lengthens nothing.
    pub fn check_time(&self, now: Timestamp) -> Result<(), Problem> {
        if now.plus(CLOCK_SKEW) < self.grant.nbf {
            return Err(Code::NotYetValid.into());
        }
        match now < self.grant.exp {
            true => Ok(()),
            false => Err(Code::Expired.into()),
        }
    }

    /// Refuses with `over_ask` and the path what the grant does not cover.
    pub fn allows(&self, claims: &[Path]) -> Result<(), Problem> {
        let beyond = claims
            .iter()
            .find(|path| !self.grant.claims.iter().any(|own| own.covers(path)));
        match beyond {
            Some(path) => Err(Problem::new(Code::OverAsk, path.to_string())),
            None => Ok(()),
        }
    }
}

impl Grant {
    /// Whether a registration allows it: `over_ask` with the member or claim that is too much.
    pub fn within(&self, registration: &Registration) -> Result<(), Problem> {
        let over = |what: &str| Problem::new(Code::OverAsk, what);
        let terms = registration.grant.as_ref().ok_or_else(|| over("grant"))?;
        if self.purpose != registration.purpose.code {
            return Err(over("purpose"));
        }
        if self.kind != terms.kind {
            return Err(over("kind"));
        }
        registration.allows(&Query::of_one(&self.vct, &self.claims))?;
        if self.exp.since(self.nbf) > terms.seconds_max {
            return Err(over("time"));
        }
        match self.uses_per_day <= terms.uses_per_day {
            true => Ok(()),
            false => Err(over("uses_per_day")),
        }
    }
}

/// What an asker asks for beside its query, when what it wants is a grant: the query then has one type and no values, and a grant
/// begins when the person says yes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GrantAsked {
    /// Who is to release.
    pub issuer: Did,
    /// Until when.
    pub until: Timestamp,
    /// How often.
    pub uses_per_day: u16,
}

/// What a registered service may have granted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GrantTerms {
    /// How it is used.
    pub kind: Kind,
    /// Longest time of a grant, in seconds; at most what the law or the source sets for the service, less
    /// [`crate::service::CLOCK_CHANGE_MARGIN`] (E03).
    pub seconds_max: i64,
    /// Most releases in a day.
    pub uses_per_day: u16,
    /// How often the person is reminded that the grant stands, in seconds (E56); none where it ends before that.
    pub remind_seconds: i64,
    /// Whether what came is kept to its own time (`keep_seconds`, on `keep_ground`) although the grant has ended; else its end erases
    /// all of it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub keeps_after_end: bool,
}

/// What the key binding of a person covers who shows who they are to see what stands, and takes `end` back: as transaction the first 16
/// bytes of the SHA-256 of the terms' nonce, as grant the SHA-256 over a label and the names in order.
pub fn standing_covers(nonce: &str, end: &[[u8; 32]]) -> ([u8; 16], [u8; 32]) {
    let mut transaction = [0; 16];
    for (to, from) in transaction.iter_mut().zip(Sha256::digest(nonce.as_bytes())) {
        *to = from;
    }
    let mut names = Sha256::new_with_prefix(b"bevis-grants-ended/1");
    for name in end {
        names.update(name);
    }
    (transaction, names.finalize().into())
}

/// A hash as messages have it.
pub fn hash_text(hash: &[u8; 32]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(hash)
}

/// A hash of a message; `malformed` for another form.
pub fn hash_of(text: &str) -> Result<[u8; 32], Problem> {
    let bytes = record::is_hash(text)
        .then(|| BASE64_URL_SAFE_NO_PAD.decode(text).ok())
        .flatten();
    bytes
        .and_then(|bytes| bytes.try_into().ok())
        .ok_or_else(|| Problem::new(Code::Malformed, "hash"))
}

#[cfg(test)]
mod tests;
