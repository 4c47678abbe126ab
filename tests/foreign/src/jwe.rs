//! §11: the encryption of an answer, compact JWE with ECDH-ES on X25519 and A256GCM.

use crate::jose::{encode, random, sha256};
use crate::problem::{Outcome, Problem, require};
use aes_gcm::aead::{Aead, Payload};
use aes_gcm::{Aes256Gcm, KeyInit};
use serde_json::json;
use x25519_dalek::{PublicKey, StaticSecret};

/// Encrypts an answer to a request's key, so that it fits this request only.
pub(crate) fn encrypt(plaintext: &str, request: &str, key: &[u8; 32], kid: &str) -> Outcome<String> {
    encrypt_with(plaintext, request, key, kid, random()?, random()?)
}

/// The same with the ephemeral key and the nonce given.
pub(crate) fn encrypt_with(
    plaintext: &str,
    request: &str,
    key: &[u8; 32],
    kid: &str,
    ephemeral: [u8; 32],
    nonce: [u8; 12],
) -> Outcome<String> {
    let ephemeral = StaticSecret::from(ephemeral);
    let shared = ephemeral.diffie_hellman(&PublicKey::from(*key));
    require(
        shared.was_contributory(),
        "malformed",
        "the request's key is a weak one",
    )?;
    let apv = sha256(request.as_bytes());
    let header = json!({
        "alg": "ECDH-ES",
        "apu": "",
        "apv": encode(&apv),
        "enc": "A256GCM",
        "epk": {"crv": "X25519", "kty": "OKP", "x": encode(PublicKey::from(&ephemeral).as_bytes())},
        "kid": kid,
    });
    let header = encode(header.to_string().as_bytes());
    let content = Payload {
        msg: plaintext.as_bytes(),
        aad: header.as_bytes(),
    };
    let failed = || Problem::new("internal", "the answer could not be encrypted");
    let cipher = Aes256Gcm::new_from_slice(&derive(shared.as_bytes(), &apv)).map_err(|_| failed())?;
    let sealed = cipher.encrypt(&nonce.into(), content).map_err(|_| failed())?;
    let (text, tag) = sealed.split_last_chunk::<16>().ok_or_else(failed)?;
    Ok(format!("{header}..{}.{}.{}", encode(&nonce), encode(text), encode(tag)))
}

/// Concat KDF of RFC 7518 section 4.6.2, one round.
fn derive(shared: &[u8; 32], apv: &[u8; 32]) -> [u8; 32] {
    let mut input = vec![0, 0, 0, 1];
    input.extend(shared);
    input.extend([0, 0, 0, 7]);
    input.extend(b"A256GCM");
    input.extend([0, 0, 0, 0]);
    input.extend([0, 0, 0, 32]);
    input.extend(apv);
    input.extend([0, 0, 1, 0]);
    sha256(&input)
}
