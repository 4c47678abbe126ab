//! §8: base64url, hashes, Ed25519 keys and compact JWS with their labels.

use crate::json;
use crate::problem::{Outcome, Problem, refuse, require};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// Base64url without padding.
pub(crate) fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Reads base64url; padding, other characters and trailing bits are refused.
pub(crate) fn decode(text: &str) -> Outcome<Vec<u8>> {
    let bytes = URL_SAFE_NO_PAD.decode(text);
    bytes.map_err(|_| Problem::new("malformed", "this is not base64url"))
}

/// 32 bytes in base64url.
pub(crate) fn decode_32(text: &str) -> Outcome<[u8; 32]> {
    let bytes = <[u8; 32]>::try_from(decode(text)?);
    bytes.map_err(|_| Problem::new("malformed", "32 bytes were expected"))
}

/// SHA-256.
pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// SHA-256 of a text in base64url, as most hashes of the document are written.
pub(crate) fn hash(text: &str) -> String {
    encode(&sha256(text.as_bytes()))
}

/// The public key of a secret one.
pub(crate) fn public(secret: &[u8; 32]) -> [u8; 32] {
    SigningKey::from_bytes(secret).verifying_key().to_bytes()
}

/// A public key as JWK.
pub(crate) fn jwk(public: &[u8; 32]) -> Value {
    json!({"kty": "OKP", "crv": "Ed25519", "x": encode(public)})
}

/// The public key of a JWK; other members are passed over.
pub(crate) fn jwk_key(jwk: &Value, curve: &str) -> Outcome<[u8; 32]> {
    let of_form = json::text(jwk, "kty")? == "OKP" && json::text(jwk, "crv")? == curve;
    require(of_form, "unsupported", "the key is of another kind")?;
    decode_32(json::text(jwk, "x")?)
}

/// Checks an Ed25519 signature strictly: no small-order and no non-canonical point, `s` below the order.
pub(crate) fn verify(key: &[u8; 32], signed: &[u8], signature: &[u8; 64]) -> Outcome<()> {
    let valid = is_canonical(key)
        && VerifyingKey::from_bytes(key)
            .is_ok_and(|key| key.verify_strict(signed, &Signature::from_bytes(signature)).is_ok());
    require(valid, "signature_invalid", "a signature does not verify")
}

/// Whether a point's y is below 2^255 − 19, so that the point is written in one way only.
fn is_canonical(key: &[u8; 32]) -> bool {
    let [first, middle @ .., last] = key;
    !(last & 0x7f == 0x7f && middle.iter().all(|byte| *byte == 0xff) && *first >= 0xed)
}

/// A compact JWS, read and not yet verified.
pub(crate) struct Jws {
    /// The header.
    pub(crate) header: Value,
    /// The payload.
    pub(crate) payload: Value,
    signed: String,
    signature: [u8; 64],
}

/// Reads a compact JWS with the label `typ`.
pub(crate) fn read(text: &str, typ: &str, bytes_max: usize) -> Outcome<Jws> {
    require(
        text.len() <= bytes_max,
        "too_large",
        "a signed text is longer than its limit",
    )?;
    let bad = || Problem::new("malformed", "this is not a compact JWS");
    let (signed, signature) = text.rsplit_once('.').ok_or_else(bad)?;
    let (header, payload) = signed.split_once('.').ok_or_else(bad)?;
    let header = json::parse(&decode(header)?)?;
    for name in ["crit", "b64"] {
        require(
            header.get(name).is_none(),
            "unsupported",
            "the header has `crit` or `b64`",
        )?;
    }
    let alg = json::text(&header, "alg")?;
    require(
        ["EdDSA", "Ed25519"].contains(&alg),
        "unsupported",
        "the algorithm is not Ed25519",
    )?;
    require(
        json::text(&header, "typ")? == typ,
        "malformed",
        "the signature has another label",
    )?;
    let payload = json::parse(&decode(payload)?)?;
    require(payload.is_object(), "malformed", "the payload is no object")?;
    let signature = <[u8; 64]>::try_from(decode(signature)?);
    Ok(Jws {
        header,
        payload,
        signed: signed.to_owned(),
        signature: signature.map_err(|_| bad())?,
    })
}

impl Jws {
    /// Verifies the signature over the text as it stood.
    pub(crate) fn verify(&self, key: &[u8; 32]) -> Outcome<()> {
        verify(key, self.signed.as_bytes(), &self.signature)
    }

    /// `kid` of the header, and the DID in it.
    pub(crate) fn kid(&self) -> Outcome<(&str, &str)> {
        let kid = json::text(&self.header, "kid")?;
        require(kid.len() <= 320, "malformed", "`kid` is too long")?;
        match kid.split_once('#') {
            Some((did, name)) if !name.is_empty() => Ok((kid, did)),
            _ => refuse("malformed", "`kid` is not a DID and a name"),
        }
    }
}

/// Signs a compact JWS.
pub(crate) fn sign(header: &Value, payload: &Value, secret: &[u8; 32]) -> String {
    let part = |value: &Value| encode(value.to_string().as_bytes());
    let signed = format!("{}.{}", part(header), part(payload));
    let signature = SigningKey::from_bytes(secret).sign(signed.as_bytes());
    format!("{signed}.{}", encode(&signature.to_bytes()))
}

/// Random bytes of the operating system.
pub(crate) fn random<const N: usize>() -> Outcome<[u8; N]> {
    let mut bytes = [0; N];
    let filled = getrandom::fill(&mut bytes);
    filled.map_err(|_| Problem::new("internal", "the operating system gives no random bytes"))?;
    Ok(bytes)
}
