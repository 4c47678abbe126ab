//! One list: signed, compressed, opened again.

use super::head::check_kid;
use super::{BITS, BYTES, CLOCK_SKEW, LIST_MAX, LIST_TYP, States, URI_MAX};
use crate::jws::{self, Jws};
use crate::trust::Trust;
use crate::{Code, Did, Problem, Timestamp, key::Signer};
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use flate2::Compression;
use flate2::bufread::ZlibDecoder;
use flate2::write::ZlibEncoder;
use serde_json::{Map, json};
use sha2::{Digest, Sha256};
use std::io::{Read as _, Write as _};

/// `ttl` of a list, in seconds: how long others may keep it before they ask again. Our own nodes go by heads instead.
const TTL: i64 = 300;

/// By whom and for how long a list is signed.
#[derive(Clone, Copy)]
pub struct Signing<'a> {
    /// Whose list it is.
    pub issuer: &'a Did,
    /// Name of the issuer's key.
    pub kid: &'a str,
    /// That key.
    pub signer: &'a dyn Signer,
    /// When: the states are as of this instant.
    pub now: Timestamp,
    /// How long the list may be relied on, in seconds.
    pub lifetime: i64,
}

impl Signing<'_> {
    /// The members that name the list and its end are called otherwise in each kind of list.
    pub(super) fn check(&self, uri: &str, (id, end): (&'static str, &'static str)) -> Result<(), Problem> {
        check_kid(self.kid, self.issuer)?;
        if uri.is_empty() || uri.len() > URI_MAX {
            return Err(malformed(id));
        }
        if self.lifetime <= 0 {
            return Err(malformed(end));
        }
        Ok(())
    }

    pub(super) fn until(&self) -> Timestamp {
        self.now.plus(self.lifetime)
    }
}

impl States {
    /// A signed Token Status List: `sub` = uri, `iat`, `exp`, `ttl`, `status_list` {bits, lst}. Errors: `malformed` with the member
    /// that has not its form.
    pub fn sign(&self, uri: &str, signing: &Signing<'_>) -> Result<String, Problem> {
        signing.check(uri, ("sub", "exp"))?;
        let compressed = self.pack()?;
        let payload = json!({
            "sub": uri,
            "iat": signing.now,
            "exp": signing.until(),
            "ttl": TTL.min(signing.lifetime),
            "status_list": { "bits": BITS, "lst": BASE64_URL_SAFE_NO_PAD.encode(compressed) },
        });
        jws::sign(LIST_TYP, Some(signing.kid), Map::new(), &payload, signing.signer)
    }
}

/// A list that was fetched: opened, signature checked, bounded inflation (a small compressed list cannot fill memory).
#[derive(Clone)]
pub struct List {
    /// URI.
    pub uri: String,
    /// Issuer.
    pub issuer: Did,
    /// Signed at.
    pub issued: Timestamp,
    /// States.
    pub states: States,
}
impl List {
    /// Opens the text of a list of `issuer`. Errors: `too_large`, `malformed`, `unsupported` (other `bits`), `unknown_issuer`,
    /// those of [`crate::trust::Organisation::key_at`] at `iat`, `signature_invalid`, `not_yet_valid`, `expired`.
    pub fn open(text: &str, issuer: &Did, trust: &Trust, now: Timestamp) -> Result<List, Problem> {
        let signed = Jws::parse(text, LIST_TYP, LIST_MAX)?;
        let issued = super::head::check(&signed, issuer, trust, Some(now))?;
        let uri = signed
            .payload
            .get("sub")
            .and_then(|value| value.as_str())
            .filter(|uri| !uri.is_empty() && uri.len() <= URI_MAX)
            .ok_or_else(|| malformed("sub"))?;
        let list = signed
            .payload
            .get("status_list")
            .ok_or_else(|| malformed("status_list"))?;
        if list.get("bits").and_then(|bits| bits.as_u64()) != Some(u64::from(BITS)) {
            return Err(Problem::new(Code::Unsupported, "bits"));
        }
        let compressed = list
            .get("lst")
            .and_then(|text| BASE64_URL_SAFE_NO_PAD.decode(text.as_str()?).ok())
            .ok_or_else(|| malformed("lst"))?;
        Ok(List {
            uri: uri.to_owned(),
            issuer: issuer.clone(),
            issued,
            states: States(inflate(&compressed, BYTES)?),
        })
    }
}

/// SHA-256 of a list's text, base64url, as heads carry it.
pub fn list_hash(text: &str) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(text.as_bytes()))
}

impl States {
    /// SHA-256 of the 262,144 bytes, base64url, as heads carry it.
    pub fn hash(&self) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(self.as_bytes()))
    }

    /// The bytes under zlib, as mirrors pass them on. Fails (`internal`) never in practice: it writes to memory.
    pub fn pack(&self) -> Result<Vec<u8>, Problem> {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
        encoder
            .write_all(self.as_bytes())
            .and_then(|()| encoder.finish())
            .map_err(|_| Code::Internal.into())
    }

    /// Of [`Self::pack`], inflated to exactly 262,144 bytes: `too_large` beyond, `malformed` below or with anything after.
    pub fn unpack(packed: &[u8]) -> Result<States, Problem> {
        Ok(States(inflate(packed, BYTES)?))
    }
}

/// Inflates zlib to exactly `length` bytes: `too_large` beyond, `malformed` below or with anything after the stream.
pub(super) fn inflate(compressed: &[u8], length: usize) -> Result<Vec<u8>, Problem> {
    let mut decoder = ZlibDecoder::new(compressed);
    let mut bytes = vec![0; length];
    decoder.read_exact(&mut bytes).map_err(|_| malformed("lst"))?;
    // Reading on is what checks the sum at the end of the stream.
    match decoder.read(&mut [0]) {
        Ok(0) if decoder.total_in() == compressed.len() as u64 => Ok(bytes),
        Ok(0) | Err(_) => Err(malformed("lst")),
        Ok(_) => Err(Problem::new(Code::TooLarge, "lst")),
    }
}

/// `iat` no later than `now` with the skew, `exp` not reached.
pub(super) fn check_times(issued: Timestamp, expires: Timestamp, now: Timestamp) -> Result<(), Problem> {
    if issued > now.plus(CLOCK_SKEW) {
        return Err(Code::NotYetValid.into());
    }
    if now >= expires {
        return Err(Code::Expired.into());
    }
    Ok(())
}

pub(super) fn malformed(name: &'static str) -> Problem {
    Problem::new(Code::Malformed, name)
}
