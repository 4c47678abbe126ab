//! The key-binding JWT (RFC 9901 §4.3), with the members that tie it to a request and to new keys (design §4, §5).

use super::{KB_TYP, SD_JWT_MAX, digest};
use crate::jws::{self, Jws};
use crate::key::Signer;
use crate::{Code, Problem, Timestamp, VerifyingKey};
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

/// Longest audience, nonce and company number that we read, in bytes.
const TEXT_MAX: usize = 512;

/// Label under the hash of all new holder keys.
const KEYS_LABEL: &[u8] = b"bevis-keys/1";

/// The parsed, unverified key-binding JWT.
pub struct KeyBinding {
    /// `aud`
    pub audience: String,
    /// `nonce`
    pub nonce: String,
    /// `iat`
    pub issued: Timestamp,
    /// `sd_hash`, decoded
    pub sd_hash: [u8; 32],
    /// hash of what actually precedes it
    pub actual_sd_hash: [u8; 32],
    /// `bevis_request`: SHA-256 of the signed request
    pub request_hash: Option<[u8; 32]>,
    /// `bevis_keys` and `bevis_transaction`, when it authorises issuing
    pub covers: Option<Covers>,
    /// `bevis_decision`: hash of the holder's signed decision, when it goes with the answer
    pub decision: Option<[u8; 32]>,
    jws: Jws,
}

impl KeyBinding {
    /// Reads the JWT that follows `covered`, which ends with `~`.
    pub(super) fn parse(text: &str, covered: &str) -> Result<KeyBinding, Problem> {
        let jws = Jws::parse(text, KB_TYP, SD_JWT_MAX)?;
        let issued = jws
            .payload
            .get("iat")
            .and_then(Timestamp::of)
            .ok_or_else(|| malformed("iat"))?;
        let transaction = optional_bytes::<16>(&jws, "bevis_transaction")?;
        let keys_hash = optional_bytes::<32>(&jws, "bevis_keys")?;
        let organisation = optional_text(&jws, "bevis_organisation")?;
        let grant = optional_bytes::<32>(&jws, "bevis_grant")?;
        let covers = match (transaction, keys_hash) {
            (Some(transaction), Some(keys_hash)) => Some(Covers {
                transaction,
                keys_hash,
                organisation,
                grant,
            }),
            (None, None) if organisation.is_none() && grant.is_none() => None,
            _ => return Err(malformed("bevis_keys")),
        };
        Ok(KeyBinding {
            audience: optional_text(&jws, "aud")?.ok_or_else(|| malformed("aud"))?,
            nonce: optional_text(&jws, "nonce")?.ok_or_else(|| malformed("nonce"))?,
            issued,
            sd_hash: optional_bytes(&jws, "sd_hash")?.ok_or_else(|| malformed("sd_hash"))?,
            actual_sd_hash: Sha256::digest(covered.as_bytes()).into(),
            request_hash: optional_bytes(&jws, "bevis_request")?,
            covers,
            decision: optional_bytes(&jws, "bevis_decision")?,
            jws,
        })
    }
    /// Checks the signature.
    pub fn verify(&self, key: &VerifyingKey) -> bool {
        self.jws.verify(key)
    }
}

/// What the key binding of an identification covers (design §4): new keys, the transaction, and for a company its number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Covers {
    /// Idempotency key.
    pub transaction: [u8; 16],
    /// [`keys_hash`] of all new holder keys.
    pub keys_hash: [u8; 32],
    /// Company number, when a company's wallet is opened.
    pub organisation: Option<String>,
    /// What is said of standing grants: the hash of the one that is deposited, or of the names of those that are taken back.
    pub grant: Option<[u8; 32]>,
}

/// SHA-256 over label `bevis-keys/1` and the 32-byte keys in order.
pub fn keys_hash(keys: &[VerifyingKey]) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(KEYS_LABEL);
    for key in keys {
        hash.update(key.to_bytes());
    }
    hash.finalize().into()
}

/// What a key binding says.
pub struct Bind<'a> {
    /// The whole `client_id`.
    pub audience: &'a str,
    /// The request's nonce.
    pub nonce: &'a str,
    /// Now.
    pub issued: Timestamp,
    /// SHA-256 of the signed request.
    pub request_hash: [u8; 32],
    /// For issuing.
    pub covers: Option<&'a Covers>,
}

/// Appends a key-binding JWT by the copy's holder key to the output of [`super::SdJwt::select`].
///
/// Errors: `malformed` when `selected` does not end with `~`, `too_large`, and what the signer says.
pub fn bind(selected: &str, bind: &Bind<'_>, holder: &dyn Signer) -> Result<String, Problem> {
    bind_all(selected, bind, None, holder)
}

/// As [`bind`], and says of which decision ([`crate::decision::hash`], decoded) of the holder's the presentation is.
pub fn bind_decided(
    selected: &str,
    bind: &Bind<'_>,
    decision: &[u8; 32],
    holder: &dyn Signer,
) -> Result<String, Problem> {
    bind_all(selected, bind, Some(decision), holder)
}

fn bind_all(
    selected: &str,
    bind: &Bind<'_>,
    decision: Option<&[u8; 32]>,
    holder: &dyn Signer,
) -> Result<String, Problem> {
    if !selected.ends_with('~') {
        return Err(malformed("key binding"));
    }
    let encode = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
    let mut payload = json!({
        "aud": bind.audience,
        "nonce": bind.nonce,
        "iat": bind.issued,
        "sd_hash": digest(selected),
        "bevis_request": encode(&bind.request_hash),
    });
    if let (Some(covers), Some(members)) = (bind.covers, payload.as_object_mut()) {
        members.insert("bevis_transaction".to_owned(), json!(encode(&covers.transaction)));
        members.insert("bevis_keys".to_owned(), json!(encode(&covers.keys_hash)));
        if let Some(organisation) = &covers.organisation {
            members.insert("bevis_organisation".to_owned(), json!(organisation));
        }
        if let Some(grant) = &covers.grant {
            members.insert("bevis_grant".to_owned(), json!(encode(grant)));
        }
    }
    if let (Some(decision), Some(members)) = (decision, payload.as_object_mut()) {
        members.insert("bevis_decision".to_owned(), json!(encode(decision)));
    }
    let binding = jws::sign(KB_TYP, None, Map::new(), &payload, holder)?;
    let bound = format!("{selected}{binding}");
    if bound.len() > SD_JWT_MAX {
        return Err(Code::TooLarge.into());
    }
    Ok(bound)
}

fn optional_text(jws: &Jws, name: &'static str) -> Result<Option<String>, Problem> {
    Ok(optional(jws, name)?.map(str::to_owned))
}

fn optional<'j>(jws: &'j Jws, name: &'static str) -> Result<Option<&'j str>, Problem> {
    match jws.payload.get(name) {
        None => Ok(None),
        Some(Value::String(text)) if !text.is_empty() && text.len() <= TEXT_MAX => Ok(Some(text)),
        Some(_) => Err(malformed(name)),
    }
}

fn optional_bytes<const N: usize>(jws: &Jws, name: &'static str) -> Result<Option<[u8; N]>, Problem> {
    let Some(text) = optional(jws, name)? else {
        return Ok(None);
    };
    let bytes = BASE64_URL_SAFE_NO_PAD
        .decode(text)
        .ok()
        .and_then(|bytes| bytes.try_into().ok());
    bytes.map(Some).ok_or_else(|| malformed(name))
}

fn malformed(name: &'static str) -> Problem {
    Problem::new(Code::Malformed, name)
}
