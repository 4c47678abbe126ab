//! Compact JWE: ECDH-ES on X25519 (RFC 7518 §4.6, RFC 8037) with A256GCM. Answers to requests travel in it.

use crate::key::key_bytes;
use crate::{Code, Problem, Random, json, random};
use aes_gcm::aead::{Aead as _, KeyInit as _, Payload};
use aes_gcm::{Aes256Gcm, Nonce};
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use x25519_dalek::{PublicKey, StaticSecret};
use zeroize::Zeroizing;

/// Header members that we read; any other one, `zip` and `crit` included, is refused.
const MEMBERS: [&str; 8] = ["alg", "enc", "epk", "apu", "apv", "kid", "cty", "typ"];

/// Length of the GCM authentication tag, in bytes.
const TAG: usize = 16;

/// A one-time private X25519 key, zeroized, silent `Debug`.
pub struct DecryptionKey(StaticSecret);

impl DecryptionKey {
    /// A fresh one.
    pub fn generate(random: &mut dyn Random) -> DecryptionKey {
        let mut secret = Zeroizing::new([0; 32]);
        random.fill(secret.as_mut());
        DecryptionKey::from_bytes(&secret)
    }

    /// From sealed storage.
    pub fn from_bytes(secret: &[u8; 32]) -> DecryptionKey {
        DecryptionKey(StaticSecret::from(*secret))
    }

    /// For sealed storage.
    pub fn to_bytes(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.0.to_bytes())
    }

    /// Public JWK: kty OKP, crv X25519, x, `use` enc, alg ECDH-ES, `kid` = RFC 7638 thumbprint in base64url.
    pub fn public_jwk(&self) -> Value {
        let x = self.x();
        json!({ "kty": "OKP", "crv": "X25519", "x": x, "use": "enc", "alg": "ECDH-ES", "kid": thumbprint(&x) })
    }

    /// Opens at most `limit` bytes of compact JWE; `apv` must equal the one in the header. `malformed` for anything wrong
    /// (longer than `limit`: `too_large`): an attacker is not told which check failed.
    pub fn open(&self, jwe: &str, apv: &[u8], limit: usize) -> Result<Zeroizing<Vec<u8>>, Problem> {
        if jwe.len() > limit {
            return Err(Code::TooLarge.into());
        }
        self.open_bounded(jwe, apv).ok_or_else(|| Code::Malformed.into())
    }

    fn open_bounded(&self, jwe: &str, apv: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let mut parts = jwe.split('.');
        let (protected, encrypted_key, nonce) = (parts.next()?, parts.next()?, parts.next()?);
        let (ciphertext, tag) = (parts.next()?, parts.next()?);
        // Direct agreement: the encrypted key is the empty text (RFC 7516 §5.1).
        if parts.next().is_some() || !encrypted_key.is_empty() {
            return None;
        }
        let header = json::parse(&decode(protected)?, jwe.len()).ok()?;
        let (ephemeral, apu) = self.read_header(header.as_object()?, apv)?;
        let nonce: [u8; 12] = decode(nonce)?.try_into().ok()?;
        let tag: [u8; TAG] = decode(tag)?.try_into().ok()?;
        let mut sealed = decode(ciphertext)?;
        sealed.extend_from_slice(&tag);
        let shared = self.0.diffie_hellman(&ephemeral);
        if !shared.was_contributory() {
            return None;
        }
        let key = derive(shared.as_bytes(), "A256GCM", &apu, apv, 256);
        let payload = Payload {
            msg: &sealed,
            aad: protected.as_bytes(),
        };
        let cipher = Aes256Gcm::new((&*key).into());
        cipher.decrypt(&Nonce::from(nonce), payload).ok().map(Zeroizing::new)
    }

    /// The ephemeral key and `apu` of a header that is ours in every member.
    fn read_header(&self, header: &Map<String, Value>, apv: &[u8]) -> Option<(PublicKey, Vec<u8>)> {
        let is_text = |name: &str| header.get(name).is_none_or(Value::is_string);
        if header.keys().any(|name| !MEMBERS.contains(&name.as_str()))
            || header.get("alg")?.as_str()? != "ECDH-ES"
            || header.get("enc")?.as_str()? != "A256GCM"
            || !is_text("cty")
            || !is_text("typ")
        {
            return None;
        }
        if let Some(kid) = header.get("kid")
            && kid.as_str()? != thumbprint(&self.x())
        {
            return None;
        }
        // An absent member and an empty one are the same to the derivation.
        let party = |name: &str| {
            header
                .get(name)
                .map_or(Some(Vec::new()), |value| decode(value.as_str()?))
        };
        if party("apv")? != apv {
            return None;
        }
        Some((public_key(header.get("epk")?)?, party("apu")?))
    }

    fn x(&self) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(PublicKey::from(&self.0).as_bytes())
    }
}

impl std::fmt::Debug for DecryptionKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DecryptionKey(..)")
    }
}

/// Encrypts to a public X25519 JWK with a fresh ephemeral key; `apu`/`apv` enter the KDF (apv = SHA-256 of the request, so an answer fits one request only).
///
/// Errors: `malformed` for a recipient that is no public X25519 key, or one whose shared secret would be zero.
pub fn seal(
    recipient: &Value,
    apu: &[u8],
    apv: &[u8],
    plaintext: &[u8],
    random: &mut dyn Random,
) -> Result<String, Problem> {
    let public = public_key(recipient).ok_or(Code::Malformed)?;
    let ephemeral = DecryptionKey::generate(random);
    let shared = ephemeral.0.diffie_hellman(&public);
    if !shared.was_contributory() {
        return Err(Code::Malformed.into());
    }
    let mut header = json!({
        "alg": "ECDH-ES",
        "enc": "A256GCM",
        "epk": { "kty": "OKP", "crv": "X25519", "x": ephemeral.x() },
        "apu": BASE64_URL_SAFE_NO_PAD.encode(apu),
        "apv": BASE64_URL_SAFE_NO_PAD.encode(apv),
    });
    if let (Some(members), Some(kid @ Value::String(_))) = (header.as_object_mut(), recipient.get("kid")) {
        members.insert("kid".into(), kid.clone());
    }
    let protected = BASE64_URL_SAFE_NO_PAD.encode(header.to_string());
    let key = derive(shared.as_bytes(), "A256GCM", apu, apv, 256);
    let nonce = random::bytes::<12>(random);
    let payload = Payload {
        msg: plaintext,
        aad: protected.as_bytes(),
    };
    let sealed = Aes256Gcm::new((&*key).into())
        .encrypt(&Nonce::from(nonce), payload)
        .map_err(|_| Code::Internal)?;
    let (ciphertext, tag) = sealed.split_last_chunk::<TAG>().ok_or(Code::Internal)?;
    let [nonce, ciphertext, tag] = [&nonce[..], ciphertext, tag].map(|part| BASE64_URL_SAFE_NO_PAD.encode(part));
    Ok(format!("{protected}..{nonce}.{ciphertext}.{tag}"))
}

/// Concat KDF of RFC 7518 §4.6.2 with SHA-256, for keys of at most 256 bits: one round. Shorter keys are its first bits.
fn derive(shared: &[u8; 32], algorithm: &str, apu: &[u8], apv: &[u8], bits: u32) -> Zeroizing<[u8; 32]> {
    let mut hash = Sha256::new();
    hash.update(1_u32.to_be_bytes());
    hash.update(shared);
    for part in [algorithm.as_bytes(), apu, apv] {
        // Parts come from a bounded header; a length beyond 32 bits cannot occur.
        hash.update(u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes());
        hash.update(part);
    }
    hash.update(bits.to_be_bytes());
    Zeroizing::new(hash.finalize().into())
}

/// A public X25519 JWK; a private part is refused.
fn public_key(jwk: &Value) -> Option<PublicKey> {
    let jwk = jwk.as_object()?;
    if jwk.get("kty")?.as_str()? != "OKP" || jwk.get("crv")?.as_str()? != "X25519" || jwk.contains_key("d") {
        return None;
    }
    Some(PublicKey::from(key_bytes(jwk.get("x")?.as_str()?)?))
}

/// RFC 7638, base64url.
fn thumbprint(x: &str) -> String {
    let members = format!(r#"{{"crv":"X25519","kty":"OKP","x":"{x}"}}"#);
    BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(members.as_bytes()))
}

fn decode(part: &str) -> Option<Vec<u8>> {
    BASE64_URL_SAFE_NO_PAD.decode(part).ok()
}

#[cfg(test)]
mod tests;
