//! How an event is signed (Standard Webhooks 1.0, symmetric): HMAC-SHA256 over `id.timestamp.body`.

use base64::prelude::{BASE64_STANDARD, Engine as _};
use credentials::{Random, Timestamp};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

/// Bytes of a secret: within the 24 to 64 of the standard.
const SECRET_BYTES: usize = 32;
/// Beginning of a secret's text.
const PREFIX: &str = "whsec_";

/// A new secret.
pub fn new_secret(random: &mut dyn Random) -> Zeroizing<Vec<u8>> {
    let mut secret = Zeroizing::new(vec![0; SECRET_BYTES]);
    random.fill(&mut secret);
    secret
}

/// A secret as its receiver is given it.
pub fn secret_text(secret: &[u8]) -> Zeroizing<String> {
    Zeroizing::new(format!("{PREFIX}{}", BASE64_STANDARD.encode(secret)))
}

/// The value of `webhook-signature`.
pub fn sign(secret: &[u8], delivery: &str, at: Timestamp, body: &str) -> String {
    // HMAC takes a key of any length (RFC 2104).
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("HMAC takes a key of any length");
    mac.update(format!("{delivery}.{}.", at.unix()).as_bytes());
    mac.update(body.as_bytes());
    format!("v1,{}", BASE64_STANDARD.encode(mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The published example of the standard's libraries.
    #[test]
    fn the_published_example_is_signed_as_published() {
        let secret = BASE64_STANDARD
            .decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
            .expect("base64");
        let at = Timestamp::from_unix(1_614_265_330);
        let signature = sign(&secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", at, r#"{"test": 2432232314}"#);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn another_id_time_body_or_secret_gives_another_signature() {
        let at = Timestamp::from_unix(1_800_000_000);
        let good = sign(&[1; 32], "msg_a", at, "{}");
        for other in [
            sign(&[2; 32], "msg_a", at, "{}"),
            sign(&[1; 32], "msg_b", at, "{}"),
            sign(&[1; 32], "msg_a", at.plus(1), "{}"),
            sign(&[1; 32], "msg_a", at, "{ }"),
        ] {
            assert_ne!(other, good);
        }
        assert!(secret_text(&[0; 32]).starts_with("whsec_AAAA"));
    }
}
