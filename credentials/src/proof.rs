//! W3C Data Integrity proofs on VCDM 2.0 documents: `eddsa-jcs-2022` (ours) and `eddsa-rdfc-2022` (canonical RDF through `ssi`).
//!
//! What is signed is the hash of the proof without its value, followed by the hash of the document without its proofs
//! (W3C vc-di-eddsa §3). The two suites cover different things: JCS every byte of the canonical JSON, RDFC the set of
//! statements that the JSON means under its contexts; [`statements`] refuses what would carry no statement.

pub mod rdfc;
pub mod statements;

use crate::{
    Code, Problem, Timestamp, VerifyingKey, base58,
    canonical::{canonicalize_signed, loses_digits},
    key::Signer,
};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

/// Most proofs on one document.
pub const PROOFS_MAX: usize = 8;

/// The cryptosuites we create and check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Suite {
    /// `eddsa-jcs-2022`
    Jcs,
    /// `eddsa-rdfc-2022`
    Rdfc,
}

impl Suite {
    /// The value of `cryptosuite`.
    pub fn as_str(self) -> &'static str {
        match self {
            Suite::Jcs => "eddsa-jcs-2022",
            Suite::Rdfc => "eddsa-rdfc-2022",
        }
    }

    fn parse(text: &str) -> Option<Suite> {
        [Suite::Jcs, Suite::Rdfc]
            .into_iter()
            .find(|suite| suite.as_str() == text)
    }
}

/// What a proof says it is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// `assertionMethod`
    Assertion,
    /// `authentication`
    Authentication,
}

impl Purpose {
    /// The value of `proofPurpose`.
    pub fn as_str(self) -> &'static str {
        match self {
            Purpose::Assertion => "assertionMethod",
            Purpose::Authentication => "authentication",
        }
    }
}

/// Adds a proof to `document` (an object without one) and returns the whole. The verification method names the key;
/// `challenge` is domain and challenge, in this order.
///
/// Errors: `malformed` for a document that is no object, has a proof, has a number whose digits the signature would not
/// cover, or (RDFC) means no RDF; `unsupported` and `too_large` as in [`statements::of`]; `internal` when the signer fails.
pub fn sign(
    suite: Suite,
    document: &Value,
    verification_method: &str,
    purpose: Purpose,
    created: Timestamp,
    challenge: Option<(&str, &str)>,
    signer: &dyn Signer,
) -> Result<Value, Problem> {
    let mut members = document.as_object().ok_or(Code::Malformed)?.clone();
    if members.contains_key("proof") {
        return Err(Problem::new(Code::Malformed, "proof"));
    }
    let mut proof = Map::new();
    for (name, value) in [
        ("type", "DataIntegrityProof"),
        ("cryptosuite", suite.as_str()),
        ("created", &created.to_string()),
        ("verificationMethod", verification_method),
        ("proofPurpose", purpose.as_str()),
    ] {
        proof.insert(name.into(), value.into());
    }
    if let Some((domain, challenge)) = challenge {
        proof.insert("domain".into(), domain.into());
        proof.insert("challenge".into(), challenge.into());
    }
    if let (Suite::Jcs, Some(context)) = (suite, members.get("@context")) {
        proof.insert("@context".into(), context.clone());
    }
    let signature = signer.sign(&signing_input(suite, &members, &proof, &mut Hashes::default())?)?;
    let value = format!("z{}", bs58::encode(signature).into_string());
    proof.insert("proofValue".into(), value.into());
    members.insert("proof".into(), Value::Object(proof));
    Ok(Value::Object(members))
}

/// What a verified proof said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedProof {
    /// the suite
    pub suite: Suite,
    /// verification method as written
    pub verification_method: String,
    /// `created`, when given
    pub created: Option<Timestamp>,
    /// `expires`, when given; not compared with any clock here
    pub expires: Option<Timestamp>,
    /// `domain`
    pub domain: Option<String>,
    /// `challenge`
    pub challenge: Option<String>,
}

/// Checks **every** proof of `document` (one or an array of at most [`PROOFS_MAX`]): suite, purpose, signature by the key that
/// `resolve` gives for its verification method. Does not compare issuer and controller, nor any time, domain or challenge:
/// the verify gate does.
///
/// Errors: `signature_invalid` (detail `proofPurpose` for another purpose), `unknown_key`, `unsupported` for another suite, a
/// proof chain (`previousProof`) or a context that is not built in, `malformed` for no proof or an ill-formed one,
/// `too_large`.
///
/// Under JCS a document may have further contexts after those of its proof (W3C vc-di-eddsa §3.3.2): they are not covered.
pub fn verify(
    document: &Value,
    purpose: Purpose,
    resolve: &dyn Fn(&str) -> Option<VerifyingKey>,
) -> Result<Vec<VerifiedProof>, Problem> {
    verify_at_most(document, purpose, resolve, PROOFS_MAX)
}

/// As [`verify`], with another limit than [`PROOFS_MAX`].
pub(crate) fn verify_at_most(
    document: &Value,
    purpose: Purpose,
    resolve: &dyn Fn(&str) -> Option<VerifyingKey>,
    proofs_max: usize,
) -> Result<Vec<VerifiedProof>, Problem> {
    let members = document.as_object().ok_or(Code::Malformed)?;
    verify_all(members, purpose, resolve, proofs_max, Hashes::default())
}

/// As [`verify_at_most`], of a document whose [`content_hash`] without a context is known: of the rest only its proofs are looked at
/// as long as none has another suite or a context.
pub(crate) fn verify_hashed(
    document: &Map<String, Value>,
    purpose: Purpose,
    resolve: &dyn Fn(&str) -> Option<VerifyingKey>,
    proofs_max: usize,
    hash: [u8; 32],
) -> Result<Vec<VerifiedProof>, Problem> {
    let hashes = Hashes {
        plain: Some(hash),
        statements: None,
    };
    verify_all(document, purpose, resolve, proofs_max, hashes)
}

fn verify_all(
    members: &Map<String, Value>,
    purpose: Purpose,
    resolve: &dyn Fn(&str) -> Option<VerifyingKey>,
    proofs_max: usize,
    mut hashes: Hashes,
) -> Result<Vec<VerifiedProof>, Problem> {
    let missing = || Problem::new(Code::Malformed, "proof");
    let proofs = match members.get("proof").ok_or_else(missing)? {
        Value::Array(proofs) if proofs.is_empty() => return Err(missing()),
        Value::Array(proofs) => proofs.as_slice(),
        proof => std::slice::from_ref(proof),
    };
    if proofs.len() > proofs_max {
        return Err(Problem::new(Code::TooLarge, "proof"));
    }
    proofs
        .iter()
        .map(|proof| {
            let proof = proof.as_object().ok_or_else(missing)?;
            verify_one(members, proof, purpose, resolve, &mut hashes)
        })
        .collect()
}

fn verify_one(
    document: &Map<String, Value>,
    proof: &Map<String, Value>,
    purpose: Purpose,
    resolve: &dyn Fn(&str) -> Option<VerifyingKey>,
    hashes: &mut Hashes,
) -> Result<VerifiedProof, Problem> {
    if text(proof, "type")? != Some("DataIntegrityProof") {
        return Err(Problem::new(Code::Unsupported, "proof.type"));
    }
    let suite = text(proof, "cryptosuite")?
        .and_then(Suite::parse)
        .ok_or_else(|| Problem::new(Code::Unsupported, "proof.cryptosuite"))?;
    if proof.contains_key("previousProof") {
        return Err(Problem::new(Code::Unsupported, "proof.previousProof"));
    }
    if text(proof, "proofPurpose")? != Some(purpose.as_str()) {
        return Err(Problem::new(Code::SignatureInvalid, "proofPurpose"));
    }
    let method =
        text(proof, "verificationMethod")?.ok_or_else(|| Problem::new(Code::Malformed, "proof.verificationMethod"))?;
    let verified = VerifiedProof {
        suite,
        verification_method: method.to_owned(),
        created: time(proof, "created")?,
        expires: time(proof, "expires")?,
        domain: text(proof, "domain")?.map(str::to_owned),
        challenge: text(proof, "challenge")?.map(str::to_owned),
    };
    let signature = proof
        .get("proofValue")
        .and_then(Value::as_str)
        .and_then(signature_bytes)
        .ok_or_else(|| Problem::new(Code::Malformed, "proof.proofValue"))?;
    let key = resolve(method).ok_or(Code::UnknownKey)?;
    if key.verify(&signing_input(suite, document, proof, hashes)?, &signature) {
        Ok(verified)
    } else {
        Err(Code::SignatureInvalid.into())
    }
}

/// Of a document without its proofs, where they are the same for all of its proofs: the expensive part of a check.
#[derive(Default)]
struct Hashes {
    /// Of its canonical JSON, with its own context.
    plain: Option<[u8; 32]>,
    /// Of its canonical statements.
    statements: Option<[u8; 32]>,
}

/// SHA-256 of the canonical JSON of `document` without its proofs: what all `eddsa-jcs-2022` proofs of it have in common, where
/// it has no context. Errors: `malformed` for a number whose digits it would not cover, `too_large`.
pub(crate) fn content_hash(
    document: &Map<String, Value>,
    context: Option<(&str, &Value)>,
) -> Result<[u8; 32], Problem> {
    Ok(Sha256::digest(canonicalize_signed(document, "proof", context)?).into())
}

/// Hash of the proof configuration, which is `proof` without its value, then hash of the document without its proofs (vc-di-eddsa
/// §3.2.4 and §3.3.4).
fn signing_input(
    suite: Suite,
    document: &Map<String, Value>,
    proof: &Map<String, Value>,
    hashes: &mut Hashes,
) -> Result<[u8; 64], Problem> {
    let context = document.get("@context");
    let (config, document) = match suite {
        Suite::Jcs => {
            let signed = proof.get("@context");
            if let Some(signed) = signed
                && !context.is_some_and(|context| starts_with(context, signed))
            {
                return Err(Problem::new(Code::SignatureInvalid, "proof.@context"));
            }
            let config = canonicalize_signed(proof, "proofValue", None)?;
            let hash = match (signed, hashes.plain) {
                (Some(signed), _) => content_hash(document, Some(("@context", signed)))?,
                (None, Some(hash)) => hash,
                (None, None) => *hashes.plain.insert(content_hash(document, None)?),
            };
            (config, hash)
        }
        Suite::Rdfc => {
            let context = context.ok_or_else(|| Problem::new(Code::Malformed, "@context"))?;
            // The document's context takes its place, so that another one in the proof would not be covered.
            if proof.get("@context").is_some_and(|own| own != context) {
                return Err(Problem::new(Code::SignatureInvalid, "proof.@context"));
            }
            let mut config = proof.clone();
            config.remove("proofValue");
            config.insert("@context".into(), context.clone());
            let document = match hashes.statements {
                Some(hash) => hash,
                None => {
                    let mut document = document.clone();
                    document.remove("proof");
                    *hashes.statements.insert(Sha256::digest(nquads(document)?).into())
                }
            };
            (nquads(config)?, document)
        }
    };
    let mut input = [0; 64];
    let (first, second) = input.split_at_mut(32);
    first.copy_from_slice(&Sha256::digest(config));
    second.copy_from_slice(&document);
    Ok(input)
}

/// The canonical statements of an object.
fn nquads(members: Map<String, Value>) -> Result<Vec<u8>, Problem> {
    let value = Value::Object(members);
    // Canonical forms take numbers as doubles: two documents that differ in later digits would share a signature.
    if loses_digits(&value) {
        return Err(Problem::new(Code::Malformed, "number beyond double precision"));
    }
    Ok(rdfc::canonicalize(&statements::of(&value)?)?.nquads.into_bytes())
}

/// Whether the values of `signed` come first, in the same order, in `context`; a single value is a list of one.
fn starts_with(context: &Value, signed: &Value) -> bool {
    fn list(value: &Value) -> &[Value] {
        match value {
            Value::Array(values) => values,
            single => std::slice::from_ref(single),
        }
    }
    list(context).starts_with(list(signed))
}

/// A member that must be a text where it is present.
fn text<'p>(proof: &'p Map<String, Value>, name: &str) -> Result<Option<&'p str>, Problem> {
    match proof.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(Problem::new(Code::Malformed, format!("proof.{name}"))),
    }
}

fn time(proof: &Map<String, Value>, name: &str) -> Result<Option<Timestamp>, Problem> {
    text(proof, name)?
        .map(|text| Timestamp::parse(text).ok_or_else(|| Problem::new(Code::Malformed, format!("proof.{name}"))))
        .transpose()
}

/// Multibase base58 (`z`) of exactly 64 bytes.
fn signature_bytes(text: &str) -> Option<[u8; 64]> {
    base58::decode(text.strip_prefix('z')?)
}

#[cfg(test)]
mod tests;
