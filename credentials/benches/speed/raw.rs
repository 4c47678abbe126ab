//! Bare signatures, which every figure is compared with.

use super::DISTINCT;
use credentials::SigningKey;
use credentials::key::Signer as _;
use std::hint::black_box;

/// Bare signatures over 64 bytes, the shortest message that anything here signs; distinct keys, read beforehand.
pub(super) struct Raw {
    keys: Vec<ed25519_dalek::SigningKey>,
    own: Vec<SigningKey>,
    signed: Vec<([u8; 64], ed25519_dalek::VerifyingKey, ed25519_dalek::Signature)>,
}

impl Raw {
    pub(super) fn new() -> Raw {
        let mut raw = Raw {
            keys: Vec::new(),
            own: Vec::new(),
            signed: Vec::new(),
        };
        for _ in 0..DISTINCT {
            let mut secret = [0; 32];
            let mut message = [0; 64];
            getrandom::fill(&mut secret).unwrap();
            getrandom::fill(&mut message).unwrap();
            let key = ed25519_dalek::SigningKey::from_bytes(&secret);
            let signature = ed25519_dalek::Signer::sign(&key, &message);
            raw.signed.push((message, key.verifying_key(), signature));
            raw.keys.push(key);
            raw.own.push(SigningKey::from_bytes(&secret));
        }
        raw
    }

    pub(super) fn verify(&self, at: usize) {
        let (message, key, signature) = &self.signed[at];
        key.verify_strict(black_box(message), signature).unwrap();
    }

    pub(super) fn sign(&self, at: usize) {
        black_box(ed25519_dalek::Signer::sign(
            &self.keys[at],
            black_box(&self.signed[at].0),
        ));
    }

    pub(super) fn sign_here(&self, at: usize) {
        black_box(self.own[at].sign(black_box(&self.signed[at].0)).unwrap());
    }
}
