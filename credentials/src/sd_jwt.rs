//! SD-JWT VC (`dc+sd-jwt`; RFC 9901 and the SD-JWT VC draft): issue, select, bind, parse. Checking is [`crate::verify`]'s.
//!
//! The claims of a type stand at the top level of the payload, beside the registered ones, and bear none of their names.

mod binding;
mod issuing;
mod parsing;

pub use binding::{Bind, Covers, KeyBinding, bind, bind_decided, keys_hash};
pub use issuing::{Issue, issue};

use crate::schema::Path;
use crate::{Code, Did, Problem, Timestamp, VerifyingKey};
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::ops::{Bound, Range};
use std::sync::Arc;

/// Largest SD-JWT with disclosures and key binding that we read.
pub const SD_JWT_MAX: usize = 128 * 1024;
/// Header `typ` of the credential.
pub const TYP: &str = "dc+sd-jwt";
/// Header `typ` of the key-binding JWT.
pub const KB_TYP: &str = "kb+jwt";
/// Longest URI of a status list, in bytes.
pub const STATUS_URI_MAX: usize = 512;

/// Most disclosures of one SD-JWT: as many as fit into [`SD_JWT_MAX`] at about 48 bytes each, the smallest there is.
const DISCLOSURES_MAX: usize = 2_730;

/// Claims of the payload that are about the credential, not about its holder (SD-JWT VC §3.2.2.2): always in the clear, never a
/// disclosure, never among [`SdJwt::claims`].
const REGISTERED: [&str; 12] = [
    "_sd_alg",
    "aud",
    "cnf",
    "exp",
    "iat",
    "iss",
    "jti",
    "nbf",
    "status",
    "sub",
    "vct",
    "vct#integrity",
];

/// Characters of a digest.
const DIGEST_LENGTH: usize = 43;

/// SHA-256 in base64url: the digest of a disclosure (RFC 9901 §4.2.3) and `sd_hash` (§4.3.1).
fn digest(text: &str) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(text.as_bytes()))
}

/// The characters of [`digest`].
fn digest_text(text: &str) -> [u8; DIGEST_LENGTH] {
    let mut digits = [0; DIGEST_LENGTH];
    BASE64_URL_SAFE_NO_PAD
        .encode_slice(Sha256::digest(text.as_bytes()), &mut digits)
        .expect("32 bytes make 43 characters");
    digits
}

/// Where the status of a credential stands: claim `status.status_list` of the Token Status List draft.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusRef {
    /// URI of the list.
    pub uri: String,
    /// Index in it.
    pub index: u32,
}

/// A parsed, **unverified** SD-JWT, with or without key binding. Disclosures are decoded and matched to their digests; an
/// unmatched, doubled or forbidden (`_sd`, `...`, registered name) one is `disclosure_invalid`.
pub struct SdJwt {
    /// The issuer's JWT and the disclosures as they stood, with a `~` after each.
    text: String,
    /// Where the JWT ends in it, and where what is signed of the JWT ends.
    issued: usize,
    signed: usize,
    signature: [u8; 64],
    vct: String,
    issuer: Did,
    kid: String,
    holder: Option<VerifyingKey>,
    status: Option<StatusRef>,
    times: [Option<Timestamp>; 3],
    claims: Value,
    disclosures: Vec<Disclosure>,
    key_binding: Option<KeyBinding>,
}

/// A path whose names are shared by all that lies below them.
type Steps = Vec<Option<Arc<str>>>;

/// One disclosure that was sent and found its digest.
struct Disclosure {
    /// Where it stands in the text.
    place: Range<usize>,
    path: Steps,
    /// It carries a value of its own, not only the frame of further disclosures.
    is_leaf: bool,
}

impl Disclosure {
    fn path(&self) -> Path {
        Path(
            self.path
                .iter()
                .map(|step| step.as_deref().map(str::to_owned))
                .collect(),
        )
    }
    /// Whether it is at `path`, above it or below it.
    fn is_towards(&self, path: &Path) -> bool {
        let mut steps = self.path.iter().zip(&path.0);
        steps.all(|(one, other)| one.as_deref() == other.as_deref())
    }
}

impl SdJwt {
    /// Parses at most [`SD_JWT_MAX`] bytes (`too_large`). The form of the whole is `malformed`, of a disclosure or digest
    /// `disclosure_invalid`.
    pub fn parse(text: &str) -> Result<SdJwt, Problem> {
        parsing::parse(text)
    }
    /// `vct`.
    pub fn vct(&self) -> &str {
        &self.vct
    }
    /// `iss`.
    pub fn issuer(&self) -> &Did {
        &self.issuer
    }
    /// `kid` of the header.
    pub fn kid(&self) -> &str {
        &self.kid
    }
    /// `cnf.jwk`.
    pub fn holder_key(&self) -> Option<VerifyingKey> {
        self.holder
    }
    /// `status.status_list`.
    pub fn status(&self) -> Option<StatusRef> {
        self.status.clone()
    }
    /// `iat`, `nbf`, `exp`.
    pub fn times(&self) -> (Option<Timestamp>, Option<Timestamp>, Option<Timestamp>) {
        let [issued, not_before, expires] = self.times;
        (issued, not_before, expires)
    }
    /// The issuer's signature.
    pub fn verify_issuer(&self, key: &VerifyingKey) -> bool {
        self.text
            .get(..self.signed)
            .is_some_and(|signed| key.verify(signed.as_bytes(), &self.signature))
    }
    /// The claims as far as disclosed, registered claims (`iss`, `vct`, `cnf`, `status`, times) taken away.
    ///
    /// Where only members of an array's elements are disclosed, every element keeps its place, so that two lists of paths below
    /// one array stay together.
    pub fn claims(&self) -> &Value {
        &self.claims
    }
    /// The leaf paths that are disclosed *selectively* (not class A), for "shows more than was asked": sorted, each once. A
    /// disclosed object or array of objects counts only when nothing below it is disclosed.
    pub fn disclosed_paths(&self) -> Vec<Path> {
        let opened: Vec<(Path, bool)> = self
            .disclosures
            .iter()
            .map(|shown| (shown.path(), shown.is_leaf))
            .collect();
        let all: BTreeSet<&Path> = opened.iter().map(|(path, _)| path).collect();
        // What lies below a path comes right after it in their order.
        let shows_below = |path: &Path| {
            let mut after = all.range::<Path, _>((Bound::Excluded(path), Bound::Unbounded));
            after.next().is_some_and(|next| path.covers(next))
        };
        let leaves: BTreeSet<&Path> = opened
            .iter()
            .filter(|(path, is_leaf)| *is_leaf || !shows_below(path))
            .map(|(path, _)| path)
            .collect();
        leaves.into_iter().cloned().collect()
    }
    /// Whether every disclosure is at one of `paths`, above it or below it.
    pub(crate) fn opens_only<'p>(&self, paths: impl Iterator<Item = &'p Path> + Clone) -> bool {
        let mut disclosures = self.disclosures.iter();
        disclosures.all(|shown| paths.clone().any(|path| shown.is_towards(path)))
    }
    /// The SD-JWT that shows just `paths` (and what lies above and below them), ready for [`bind`]: ends with `~`, no key binding.
    ///
    /// A path that the credential lacks, or shows anyway, changes nothing.
    pub fn select(&self, paths: &[Path]) -> Result<String, Problem> {
        let mut selected = self.text.get(..self.issued).unwrap_or_default().to_owned();
        selected.push('~');
        for disclosure in &self.disclosures {
            if paths.iter().any(|path| disclosure.is_towards(path)) {
                selected.push_str(self.text.get(disclosure.place.clone()).unwrap_or_default());
                selected.push('~');
            }
        }
        if selected.len() > SD_JWT_MAX {
            return Err(Code::TooLarge.into());
        }
        Ok(selected)
    }
    /// What a verified credential keeps: claims, type and issuer.
    pub(crate) fn into_content(self) -> (Value, String, Did) {
        (self.claims, self.vct, self.issuer)
    }
    /// The key binding, when there is one.
    pub fn key_binding(&self) -> Option<&KeyBinding> {
        self.key_binding.as_ref()
    }
}

#[cfg(test)]
mod tests;
