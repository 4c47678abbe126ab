//! Documents that two different keys of a register sign: VCDM 2.0, a set of two `eddsa-jcs-2022` proofs.

use crate::proof::{self, Purpose, Suite};
use crate::trust::{Organisation, Trust};
use crate::{Code, Did, Problem, Timestamp, VerifyingKey, canonical, json, key::Signer};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

/// The one context; another one would not be covered by the proofs.
const CONTEXT: &str = "https://www.w3.org/ns/credentials/v2";
/// How far a signer's clock may be ahead of ours, in seconds.
const CLOCK_SKEW: i64 = 300;
/// Members of a proof. Every one but the value is under its signature.
const PROOF: [&str; 7] = [
    "type",
    "cryptosuite",
    "created",
    "verificationMethod",
    "proofPurpose",
    "@context",
    "proofValue",
];

/// Proofs that a document needs.
pub(super) const PROOFS: usize = 2;

/// A document of the right form. Of its proofs nothing is checked yet.
pub(super) struct Document {
    pub(super) id: String,
    pub(super) register: Did,
    pub(super) valid_from: Timestamp,
    pub(super) subject: Map<String, Value>,
    /// SHA-256 of the canonical document without its proofs.
    pub(super) hash: [u8; 32],
    whole: Value,
}

/// Which signatures of a register's own keys count.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Of {
    /// Those of keys that are not compromised.
    SoundKeys,
    /// Those of keys found compromised later too: for a notice that something else vouches for.
    AnyKeys,
}

/// Who vouched, and when the later of the two signed.
pub(super) struct Vouched {
    pub(super) signed: Timestamp,
    pub(super) keys: Vec<String>,
}

/// An unsigned document.
pub(super) fn write(kind: &str, id: &str, register: &Did, valid_from: Timestamp, subject: Map<String, Value>) -> Value {
    json!({
        "@context": [CONTEXT],
        "id": id,
        "type": ["VerifiableCredential", kind],
        "issuer": register,
        "validFrom": valid_from.to_string(),
        "credentialSubject": subject,
    })
}

impl Document {
    /// Reads at most `limit` bytes of JSON of exactly the form of [`write`], with or without proofs (`malformed` with the member).
    pub(super) fn parse(text: &str, kind: &str, limit: usize) -> Result<Document, Problem> {
        let whole = json::parse(text.as_bytes(), limit)?;
        if canonical::loses_digits(&whole) || json::has_float(&whole) {
            return Err(malformed("number"));
        }
        let members = whole.as_object().ok_or(Code::Malformed)?;
        let known = [
            "@context",
            "id",
            "type",
            "issuer",
            "validFrom",
            "credentialSubject",
            "proof",
        ];
        if let Some(name) = members.keys().find(|name| !known.contains(&name.as_str())) {
            return Err(malformed(name));
        }
        if members.get("@context") != Some(&json!([CONTEXT])) {
            return Err(malformed("@context"));
        }
        if members.get("type") != Some(&json!(["VerifiableCredential", kind])) {
            return Err(malformed("type"));
        }
        let member = |name: &str| {
            let text = members.get(name).and_then(Value::as_str);
            text.ok_or_else(|| malformed(name))
        };
        let subject = members.get("credentialSubject").and_then(Value::as_object);
        Ok(Document {
            id: member("id")?.to_owned(),
            register: Did::parse(member("issuer")?)
                .filter(|did| matches!(did, Did::Web(_)))
                .ok_or_else(|| malformed("issuer"))?,
            valid_from: exact_instant(member("validFrom")?).ok_or_else(|| malformed("validFrom"))?,
            subject: subject.ok_or_else(|| malformed("credentialSubject"))?.clone(),
            hash: hash_of(&whole)?,
            whole,
        })
    }

    /// The keys that its proofs name.
    pub(super) fn signers(&self) -> impl Iterator<Item = &str> {
        let proofs = proofs(&self.whole).unwrap_or_default();
        proofs
            .iter()
            .filter_map(|proof| proof.get("verificationMethod")?.as_str())
    }

    /// The compact text, with its proofs.
    pub(super) fn text(&self) -> String {
        self.whole.to_string()
    }

    /// The text without its proofs.
    pub(super) fn bare(&self) -> Result<String, Problem> {
        let mut bare = self.whole.as_object().ok_or(Code::Malformed)?.clone();
        bare.remove("proof");
        Ok(Value::Object(bare).to_string())
    }

    /// Adds the proof of one more key.
    ///
    /// Errors: `second_key_missing` when this key has signed it already, `too_large` when two others have.
    pub(super) fn sign(&self, kid: &str, signer: &dyn Signer, now: Timestamp) -> Result<String, Problem> {
        if Did::parse_url(kid).is_none_or(|(did, _)| did != self.register) {
            return Err(malformed("kid"));
        }
        let mut all = proofs(&self.whole).unwrap_or_default().to_vec();
        if self.signers().any(|known| known == kid) {
            return Err(Code::SecondKeyMissing.into());
        }
        if all.len() >= PROOFS {
            return Err(Problem::new(Code::TooLarge, "proof"));
        }
        let mut bare = self.whole.as_object().ok_or(Code::Malformed)?.clone();
        bare.remove("proof");
        let signed = proof::sign(
            Suite::Jcs,
            &Value::Object(bare.clone()),
            kid,
            Purpose::Assertion,
            now,
            None,
            signer,
        )?;
        all.push(signed.get("proof").ok_or(Code::Internal)?.clone());
        bare.insert("proof".to_owned(), Value::Array(all));
        Ok(Value::Object(bare).to_string())
    }

    /// Checks that `count` different keys of the register signed it, each in its window when it did and none compromised
    /// (unless any key counts), and that the register may publish notices at all.
    ///
    /// Errors: `trust_stale`, `clock_suspect`, `unknown_issuer`, `type_not_allowed`, `second_key_missing`, `unknown_key`,
    /// `key_outside_window`, `key_compromised`, `not_yet_valid` for a signature of the future, `signature_invalid`.
    pub(super) fn vouched(&self, trust: &Trust, now: Timestamp, count: usize, of: Of) -> Result<Vouched, Problem> {
        trust.current(now)?;
        let register = trust.organisation(&self.register).ok_or(Code::UnknownIssuer)?;
        if !register.issues.iter().any(|vct| vct == super::VCT) {
            return Err(Code::TypeNotAllowed.into());
        }
        let all = proofs(&self.whole)?;
        if all.len() > count {
            return Err(Problem::new(Code::TooLarge, "proof"));
        }
        let mut keys: Vec<(String, VerifyingKey)> = Vec::new();
        let mut signed = self.valid_from;
        for proof in all {
            let (kid, key, created) = signer_of(proof, register, of)?;
            if keys.iter().any(|(known, same)| *known == kid || *same == key) {
                return Err(Code::SecondKeyMissing.into());
            }
            if created > now.plus(CLOCK_SKEW) {
                return Err(Code::NotYetValid.into());
            }
            // A key that is long out of its window cannot be made to sign under an early date: the notices before this one
            // have later ones, and `valid_from` never falls along the chain.
            if created < self.valid_from.plus(-CLOCK_SKEW) {
                return Err(Problem::new(Code::NoticeInvalid, "created"));
            }
            signed = signed.max(created);
            keys.push((kid, key));
        }
        if keys.len() != count {
            return Err(Code::SecondKeyMissing.into());
        }
        let resolve = |kid: &str| keys.iter().find(|(known, _)| known == kid).map(|(_, key)| *key);
        if proof::verify(&self.whole, Purpose::Assertion, &resolve)?.len() != count {
            return Err(Code::SignatureInvalid.into());
        }
        Ok(Vouched {
            signed,
            keys: keys.into_iter().map(|(kid, _)| kid).collect(),
        })
    }
}

/// The proofs of a document: an array, never one by itself, so that a set has one form.
fn proofs(document: &Value) -> Result<&[Value], Problem> {
    match document.get("proof") {
        None => Ok(&[]),
        Some(Value::Array(proofs)) => Ok(proofs),
        Some(_) => Err(malformed("proof")),
    }
}

/// The key that a proof names, if it was valid when the proof says it was made.
fn signer_of(proof: &Value, register: &Organisation, of: Of) -> Result<(String, VerifyingKey, Timestamp), Problem> {
    let members = proof.as_object().ok_or_else(|| malformed("proof"))?;
    if let Some(name) = members.keys().find(|name| !PROOF.contains(&name.as_str())) {
        return Err(malformed(&format!("proof.{name}")));
    }
    let member = |name: &str| {
        let text = members.get(name).and_then(Value::as_str);
        text.ok_or_else(|| malformed(&format!("proof.{name}")))
    };
    // The other suite expands the whole document before a signature is looked at.
    if member("cryptosuite")? != Suite::Jcs.as_str() {
        return Err(Problem::new(Code::Unsupported, "proof.cryptosuite"));
    }
    let kid = member("verificationMethod")?;
    let created = exact_instant(member("created")?).ok_or_else(|| malformed("proof.created"))?;
    let listed = register.key(kid)?;
    let key = match (of, listed.compromised) {
        (Of::AnyKeys, Some(_)) if listed.valid_from <= created && created <= listed.valid_until => listed.key,
        _ => *register.key_at(kid, created)?,
    };
    Ok((kid.to_owned(), key, created))
}

/// SHA-256 of the canonical document without its proofs: two sets of signatures on one content are one notice.
pub(super) fn hash_of(document: &Value) -> Result<[u8; 32], Problem> {
    let mut bare = document.as_object().ok_or(Code::Malformed)?.clone();
    bare.remove("proof");
    Ok(Sha256::digest(canonical::canonicalize(&Value::Object(bare))?).into())
}

/// An instant in the one spelling that we write: UTC, whole seconds.
pub(super) fn exact_instant(text: &str) -> Option<Timestamp> {
    Timestamp::parse(text).filter(|instant| instant.to_string() == text)
}

/// `sha-256:` and 64 hexadecimal digits.
pub(super) fn hash_text(hash: &[u8; 32]) -> String {
    use std::fmt::Write as _;
    hash.iter().fold(String::from("sha-256:"), |mut text, byte| {
        // Writing to a String cannot fail.
        write!(text, "{byte:02x}").ok();
        text
    })
}

/// The other way, in lower case only.
pub(super) fn hash_from(text: &str) -> Option<[u8; 32]> {
    let digits = text.strip_prefix("sha-256:")?.as_bytes();
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let mut hash = [0; 32];
    if digits.len() != 64 {
        return None;
    }
    for (byte, pair) in hash.iter_mut().zip(digits.chunks_exact(2)) {
        let [high, low] = pair else { return None };
        *byte = digit(*high)? << 4 | digit(*low)?;
    }
    Some(hash)
}

fn malformed(member: &str) -> Problem {
    Problem::new(Code::Malformed, member)
}
