//! Sets of proofs: several keys sign one document, each by itself and in any order.

use super::{Role, SIGNATURES_MAX};
use crate::{Code, Did, Problem, Timestamp, VerifyingKey, canonical, json, key::Signer, proof};
use serde_json::{Map, Value};

/// All that a proof of ours has. One with more could say something about itself that nobody here looks at.
const MEMBERS: [&str; 6] = [
    "type",
    "cryptosuite",
    "created",
    "verificationMethod",
    "proofPurpose",
    "proofValue",
];

/// A bounded document of `role`, read with every digit of its numbers.
pub(super) fn parse(text: &str, limit: usize, role: Role) -> Result<Map<String, Value>, Problem> {
    let document = json::parse(text.as_bytes(), limit).map_err(|problem| at(role, problem))?;
    if canonical::loses_digits(&document) {
        return Err(Problem::new(Code::Malformed, format!("{role}: number")));
    }
    match document {
        Value::Object(members) => Ok(members),
        _ => Err(Problem::new(Code::Malformed, role.as_str())),
    }
}

/// The keys whose proofs stand on `document`, each checked. `is_known` says whether a key has this role.
///
/// Errors name the role: `trust_threshold` for no proof at all or one key twice, `unknown_key`, `signature_invalid`,
/// `unsupported` for another cryptosuite or a member that a proof of ours has not, `too_large` for more than
/// [`SIGNATURES_MAX`].
pub(super) fn check(
    document: &Map<String, Value>,
    role: Role,
    is_known: &dyn Fn(&VerifyingKey) -> bool,
) -> Result<Vec<VerifyingKey>, Problem> {
    let hash = proof::content_hash(document, None).map_err(|problem| at(role, problem))?;
    check_hashed(document, role, is_known, hash)
}

/// The same of a document whose canonical form without its proofs has this SHA-256; only its proofs are looked at.
pub(super) fn check_hashed(
    document: &Map<String, Value>,
    role: Role,
    is_known: &dyn Fn(&VerifyingKey) -> bool,
    hash: [u8; 32],
) -> Result<Vec<VerifyingKey>, Problem> {
    let proofs = proofs(document, role)?;
    let mut keys = Vec::with_capacity(proofs.len());
    for proof in proofs {
        let member = |name: &str| proof.get(name).and_then(Value::as_str);
        if member("cryptosuite") != Some(proof::Suite::Jcs.as_str()) {
            return Err(Problem::new(Code::Unsupported, format!("{role}: cryptosuite")));
        }
        let members = proof.as_object().into_iter().flat_map(Map::keys);
        if members.into_iter().any(|name| !MEMBERS.contains(&name.as_str())) {
            return Err(Problem::new(Code::Unsupported, format!("{role}: proof")));
        }
        let key = member("verificationMethod").and_then(Did::key_of_method);
        let key = key
            .filter(is_known)
            .ok_or_else(|| Problem::new(Code::UnknownKey, role.as_str()))?;
        if keys.contains(&key) {
            return Err(Problem::new(Code::TrustThreshold, format!("{role}: one key twice")));
        }
        keys.push(key);
    }
    proof::verify_hashed(
        document,
        proof::Purpose::Assertion,
        &Did::key_of_method,
        SIGNATURES_MAX,
        hash,
    )
    .map_err(|problem| at(role, problem))?;
    Ok(keys)
}

/// The proofs, bounded; none are too few.
fn proofs(document: &Map<String, Value>, role: Role) -> Result<&[Value], Problem> {
    let proofs = match document.get("proof") {
        Some(Value::Array(proofs)) => proofs.as_slice(),
        Some(proof) => std::slice::from_ref(proof),
        None => &[],
    };
    if proofs.is_empty() {
        return Err(Problem::new(Code::TrustThreshold, role.as_str()));
    }
    if proofs.len() > SIGNATURES_MAX {
        return Err(Problem::new(Code::TooLarge, format!("{role}: proof")));
    }
    Ok(proofs)
}

/// Adds the signer's proof to those that `document` has. Errors: `trust_threshold` when this key has signed it already,
/// `too_large` for more than [`SIGNATURES_MAX`], `internal` when the signer fails.
pub(super) fn add(
    mut document: Map<String, Value>,
    role: Role,
    now: Timestamp,
    signer: &dyn Signer,
) -> Result<Map<String, Value>, Problem> {
    let mut proofs = match document.remove("proof") {
        Some(Value::Array(proofs)) => proofs,
        Some(proof) => vec![proof],
        None => Vec::new(),
    };
    let method = method_of(signer.verifying_key());
    if proofs
        .iter()
        .any(|proof| proof.get("verificationMethod").and_then(Value::as_str) == Some(&method))
    {
        return Err(Problem::new(Code::TrustThreshold, format!("{role}: one key twice")));
    }
    if proofs.len() >= SIGNATURES_MAX {
        return Err(Problem::new(Code::TooLarge, format!("{role}: proof")));
    }
    let signed = proof::sign(
        proof::Suite::Jcs,
        &Value::Object(document),
        &method,
        proof::Purpose::Assertion,
        now,
        None,
        signer,
    )?;
    let Value::Object(mut signed) = signed else {
        return Err(Code::Internal.into());
    };
    proofs.extend(signed.remove("proof"));
    signed.insert("proof".to_owned(), Value::Array(proofs));
    Ok(signed)
}

/// The text of a document as it is kept and carried: a root indented, so that a person can read it on any machine; a list, which
/// travels to everybody, in its canonical form, so that the next one is read by what is other in it.
pub(super) fn text(document: &Map<String, Value>, limit: usize, role: Role) -> Result<String, Problem> {
    let text = match role {
        Role::Root => serde_json::to_string_pretty(document).map_err(|_| Code::Internal)?,
        Role::List | Role::Head => {
            let bytes = canonical::canonicalize(&Value::Object(document.clone()))?;
            String::from_utf8(bytes).map_err(|_| Code::Internal)?
        }
    };
    if text.len() > limit {
        return Err(Problem::new(Code::TooLarge, role.as_str()));
    }
    Ok(text)
}

/// A problem with the role in front of its detail.
pub(super) fn at(role: Role, problem: Problem) -> Problem {
    match problem.detail {
        None => Problem::new(problem.code, role.as_str()),
        Some(detail) => Problem::new(problem.code, format!("{role}: {detail}")),
    }
}

/// The verification method of a key: the one of its `did:key`.
pub(super) fn method_of(key: VerifyingKey) -> String {
    Did::Key(key).verification_method().unwrap_or_default()
}
