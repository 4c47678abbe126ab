//! Ed25519 keys (RFC 8032). The one module that uses `ed25519-dalek`, and `aws-lc-rs` to sign.
//!
//! Verification is `ed25519-dalek`'s alone. Signing is deterministic, so that two right signers give the same bytes: AWS-LC, which
//! is in every build because QUIC's TLS needs it, takes half the time of `ed25519-dalek`, and a test compares the two.
//!
//! One rule decides every signature: S below the group order, A and R encoded canonically and not of small order,
//! and the strict equation \[S\]B = R + \[k\]A. Two verifiers of this crate never disagree about a signature.

use crate::{Code, Problem, Random, base58};
use aws_lc_rs::signature::Ed25519KeyPair;
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use serde_json::Value;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// Multicodec prefix of an Ed25519 public key (`0xed` as a varint).
const MULTICODEC: [u8; 2] = [0xed, 0x01];

/// A private Ed25519 key. Zeroized when dropped, by each library its own; `Debug` prints nothing of it.
pub struct SigningKey {
    key: ed25519_dalek::SigningKey,
    /// The same key, read once for all signatures.
    pair: Ed25519KeyPair,
}

impl SigningKey {
    /// A fresh key from the operating system's randomness.
    pub fn generate(random: &mut dyn Random) -> SigningKey {
        let mut secret = Zeroizing::new([0; 32]);
        random.fill(secret.as_mut());
        SigningKey::from_bytes(&secret)
    }

    /// From its 32 secret bytes.
    pub fn from_bytes(secret: &[u8; 32]) -> SigningKey {
        SigningKey {
            key: ed25519_dalek::SigningKey::from_bytes(secret),
            pair: Ed25519KeyPair::from_seed_unchecked(secret).expect("any 32 bytes are a seed of Ed25519"),
        }
    }

    /// The 32 secret bytes, for sealed storage only; zeroized when dropped.
    pub fn to_bytes(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.key.to_bytes())
    }

    /// The public half.
    pub fn verifying_key(&self) -> VerifyingKey {
        VerifyingKey(self.key.verifying_key())
    }
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SigningKey(..)")
    }
}

/// A public Ed25519 key: canonical and not of small order (checked when parsed).
///
/// It holds the point beside its bytes: taking the square root that gives the point costs a tenth of a verification, and is
/// done once per key read, not once per signature. Being canonical, a key is its 32 bytes: they are what is compared.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct VerifyingKey(ed25519_dalek::VerifyingKey);

impl PartialOrd for VerifyingKey {
    fn partial_cmp(&self, other: &VerifyingKey) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for VerifyingKey {
    fn cmp(&self, other: &VerifyingKey) -> std::cmp::Ordering {
        self.0.as_bytes().cmp(other.0.as_bytes())
    }
}

impl VerifyingKey {
    /// Parses 32 bytes; refuses non-canonical points and points of small order.
    pub fn from_bytes(bytes: &[u8; 32]) -> Option<VerifyingKey> {
        if !is_canonical_point(bytes) || is_of_small_order(bytes) {
            return None;
        }
        ed25519_dalek::VerifyingKey::from_bytes(bytes).ok().map(VerifyingKey)
    }

    /// The 32 bytes.
    pub fn to_bytes(self) -> [u8; 32] {
        self.0.to_bytes()
    }

    /// RFC 8032 verification, strict.
    pub fn verify(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        let (Some(r), Some(s)) = (signature.first_chunk::<32>(), signature.last_chunk::<32>()) else {
            return false;
        };
        // dalek checks both too, but the first only through a comparison and the second only without a feature
        // that any other crate of the build could switch on.
        if !is_canonical_point(r) || !is_canonical_scalar(s) {
            return false;
        }
        // `verify` computes [S]B - [k]A and compares its encoding with R byte by byte, as `verify_strict` does. The latter takes
        // in addition a square root to find the point R, only to see whether it is of small order: the bytes tell that too.
        if is_of_small_order(r) || is_of_small_order(self.0.as_bytes()) {
            return false;
        }
        let signature = ed25519_dalek::Signature::from_bytes(signature);
        ed25519_dalek::Verifier::verify(&self.0, message, &signature).is_ok()
    }

    /// RFC 8037 JWK: `{"kty":"OKP","crv":"Ed25519","x":…}` as a JSON value.
    pub fn to_jwk(self) -> Value {
        serde_json::json!({ "kty": "OKP", "crv": "Ed25519", "x": self.x() })
    }

    /// From a JWK with exactly kty OKP and crv Ed25519; a private part `d` is refused.
    ///
    /// Other members (`kid`, `use`, `alg`) are passed over: they say nothing about the key itself.
    pub fn from_jwk(jwk: &Value) -> Option<VerifyingKey> {
        let jwk = jwk.as_object()?;
        if jwk.get("kty")?.as_str()? != "OKP" || jwk.get("crv")?.as_str()? != "Ed25519" || jwk.contains_key("d") {
            return None;
        }
        VerifyingKey::from_bytes(&key_bytes(jwk.get("x")?.as_str()?)?)
    }

    /// The members of the JWK that RFC 7638 hashes, in its order and without white space.
    pub fn to_jwk_text(self) -> String {
        format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, self.x())
    }

    /// RFC 7638 thumbprint (SHA-256).
    pub fn thumbprint(self) -> [u8; 32] {
        Sha256::digest(self.to_jwk_text().as_bytes()).into()
    }

    /// The Multikey text of W3C Controlled Identifiers: `z`, base58 of the multicodec prefix and the key.
    pub fn to_multibase(self) -> String {
        let mut bytes = MULTICODEC.to_vec();
        bytes.extend_from_slice(self.0.as_bytes());
        format!("z{}", bs58::encode(bytes).into_string())
    }

    /// From the Multikey text; another base or another kind of key is `None`.
    pub fn from_multibase(text: &str) -> Option<VerifyingKey> {
        let bytes = base58::decode::<34>(text.strip_prefix('z')?)?;
        VerifyingKey::from_bytes(bytes.strip_prefix(&MULTICODEC)?.try_into().ok()?)
    }

    fn x(self) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(self.0.as_bytes())
    }
}

impl std::fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "VerifyingKey({})", self.to_multibase())
    }
}

/// The 32 bytes of a JWK's `x`: base64url without padding, canonical.
pub(crate) fn key_bytes(text: &str) -> Option<[u8; 32]> {
    // 43 characters hold 32 bytes; anything longer is not decoded at all.
    if text.len() != 43 {
        return None;
    }
    BASE64_URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()
}

/// Whether the y coordinate is below p = 2^255 − 19 (RFC 8032 §5.1.3 step 1), whatever the sign bit says.
///
/// The one other non-canonical form, x = 0 with the sign bit set, exists only for y = ±1, which is of small order.
fn is_canonical_point(bytes: &[u8; 32]) -> bool {
    const P: [u8; 32] = {
        let mut p = [0xff; 32];
        p[0] = 0xed;
        p[31] = 0x7f;
        p
    };
    let mut y = *bytes;
    y[31] &= 0x7f;
    is_below(&y, &P)
}

/// Whether a point with y below p is one of the eight of small order: they have five y coordinates between them.
fn is_of_small_order(bytes: &[u8; 32]) -> bool {
    const Y: [[u8; 32]; 5] = [
        [0; 32],
        {
            let mut one = [0; 32];
            one[0] = 1;
            one
        },
        {
            let mut minus_one = [0xff; 32];
            minus_one[0] = 0xec;
            minus_one[31] = 0x7f;
            minus_one
        },
        // The two of order 8; their sum is p.
        [
            0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5, 0xdf,
            0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
        ],
        [
            0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a, 0x20,
            0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a,
        ],
    ];
    let mut y = *bytes;
    y[31] &= 0x7f;
    Y.contains(&y)
}

/// Whether S is below the group order ℓ = 2^252 + 27742317777372353535851937790883648493 (RFC 8032 §5.1.7 step 1).
fn is_canonical_scalar(bytes: &[u8; 32]) -> bool {
    const L: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    is_below(bytes, &L)
}

/// Compares little-endian numbers. Public values only: not constant time.
fn is_below(number: &[u8; 32], limit: &[u8; 32]) -> bool {
    number.iter().rev().lt(limit.iter().rev())
}

/// Whoever can sign: a key in memory, or one that never leaves an HSM. Fallible for the latter's sake.
///
/// Callers never pass bare bytes from outside: every signing input here begins with or contains a label (a JWS header with
/// `typ`, or a proof configuration) that names protocol, version and purpose.
pub trait Signer: Send + Sync {
    /// The public half.
    fn verifying_key(&self) -> VerifyingKey;
    /// Signs. Errors with `internal` when the device fails.
    fn sign(&self, message: &[u8]) -> Result<[u8; 64], Problem>;
}

impl Signer for SigningKey {
    fn verifying_key(&self) -> VerifyingKey {
        SigningKey::verifying_key(self)
    }

    fn sign(&self, message: &[u8]) -> Result<[u8; 64], Problem> {
        let signature = self.pair.try_sign(message).map_err(|_| Code::Internal)?;
        signature.as_ref().try_into().map_err(|_| Code::Internal.into())
    }
}

#[cfg(test)]
mod tests;
