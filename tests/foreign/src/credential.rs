//! §9: reading a credential, choosing what to show of it; and the checks of §14 from `form` to `schema`.

use crate::jose::{Jws, decode, encode, hash, jwk_key, read};
use crate::json::{self, Path, list, member, text, uint};
use crate::problem::{Outcome, Problem, refuse, require};
use crate::time::LEEWAY;
use crate::trust::Trust;
use crate::types;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Longest credential with everything.
const BYTES_MAX: usize = 128 * 1024;
/// Most disclosures.
const DISCLOSURES_MAX: usize = 2_730;
/// Longest path of a disclosure; no type comes near it.
const LEVELS_MAX: usize = 32;
/// Names that stand beside the claims, and those that no claim may have.
const REGISTERED: &[&str] = &[
    "_sd",
    "_sd_alg",
    "...",
    "cnf",
    "exp",
    "iat",
    "iss",
    "nbf",
    "status",
    "vct",
    "aud",
    "jti",
    "sub",
    "vct#integrity",
];

/// A credential that has the form of §9. It may still be false until it is checked.
pub(crate) struct Credential {
    jws: Jws,
    signed: String,
    disclosures: Vec<Disclosure>,
    claims: Value,
}

/// A disclosure and the claim that it shows.
struct Disclosure {
    text: String,
    path: Path,
}

/// A disclosure of which the place is not known yet.
struct Loose {
    at: usize,
    name: Option<String>,
    value: Value,
}

fn invalid(what: &str) -> Problem {
    Problem::new("disclosure_invalid", what)
}

impl Credential {
    /// Reads `<JWS>~<disclosure>~…~`.
    pub(crate) fn read(text: &str) -> Outcome<Credential> {
        require(text.len() <= BYTES_MAX, "too_large", "a credential is too long")?;
        let mut parts: Vec<&str> = text.split('~').collect();
        require(
            parts.pop() == Some(""),
            "malformed",
            "a credential does not end in a tilde",
        )?;
        let Some((signed, disclosures)) = parts.split_first() else {
            return refuse("malformed", "a credential has no tilde");
        };
        require(
            disclosures.len() <= DISCLOSURES_MAX,
            "too_large",
            "a credential has too many disclosures",
        )?;
        let jws = read(signed, "dc+sd-jwt", BYTES_MAX)?;
        let hashed = json::text(&jws.payload, "_sd_alg")? == "sha-256";
        require(hashed, "unsupported", "the disclosures are hashed otherwise")?;

        let mut tree = Tree::default();
        for (at, disclosure) in disclosures.iter().enumerate() {
            let twice = tree.loose.insert(hash(disclosure), loose(at, disclosure)?).is_some();
            require(!twice, "disclosure_invalid", "a disclosure stands twice")?;
        }
        let claims = tree.resolve(&jws.payload, &Vec::new())?;
        require(
            tree.loose.is_empty(),
            "disclosure_invalid",
            "a disclosure has no digest",
        )?;
        let disclosures = disclosures.iter().enumerate().map(|(at, text)| Disclosure {
            text: (*text).to_owned(),
            path: tree.paths.remove(&at).unwrap_or_default(),
        });
        Ok(Credential {
            signed: (*signed).to_owned(),
            disclosures: disclosures.collect(),
            jws,
            claims,
        })
    }

    /// The claims without what stands beside them.
    pub(crate) fn claims(&self) -> Value {
        let members = self.claims.as_object().into_iter().flatten();
        let claims = members.filter(|(name, _)| !REGISTERED.contains(&name.as_str()));
        Value::Object(claims.map(|(name, value)| (name.clone(), value.clone())).collect())
    }

    /// The holder key that it is bound to.
    pub(crate) fn holder(&self) -> Outcome<[u8; 32]> {
        jwk_key(member(member(&self.jws.payload, "cnf")?, "jwk")?, "Ed25519")
    }

    /// List and entry of its status.
    pub(crate) fn status(&self) -> Outcome<(&str, u64)> {
        let entry = member(member(&self.jws.payload, "status")?, "status_list")?;
        let uri = text(entry, "uri")?;
        require(uri.len() <= 512, "malformed", "the status URI is too long")?;
        Ok((uri, uint(entry, "idx")?))
    }

    /// Refuses what does not come from this issuer as this type, or fails a check of §14 up to `schema`.
    pub(crate) fn check(&self, trust: &Trust, now: u64, issuer: &str, vct: &str) -> Outcome<()> {
        let payload = &self.jws.payload;
        let iss = text(payload, "iss")?;
        let listed = trust.organisation(iss, "unknown_issuer")?;
        require(iss == issuer, "unknown_issuer", "the credential is another issuer's")?;
        let found = text(payload, "vct")?;
        require(found.len() <= 320, "malformed", "`vct` is too long")?;
        let allowed = listed.issues.iter().any(|issued| issued == found);
        require(allowed, "type_not_allowed", "the issuer may not issue this type")?;
        let known = types::find(found)?;
        require(
            found == vct,
            "unknown_type",
            "the credential is of another type than was collected",
        )?;
        let (_, signer) = self.jws.kid()?;
        require(signer == iss, "unknown_key", "the key is not the issuer's")?;
        let (iat, nbf, exp) = (uint(payload, "iat")?, uint(payload, "nbf")?, uint(payload, "exp")?);
        trust.verify(&self.jws, iat, true, "unknown_issuer")?;
        let begun = now.saturating_add(LEEWAY) >= iat.max(nbf);
        require(begun, "not_yet_valid", "the credential is not valid yet")?;
        require(now < exp, "expired", "the credential has run out")?;
        known.check(&self.claims())
    }

    /// The part to show for the asked paths, ending in the tilde: the disclosures, in their order, whose path lies on the way
    /// to an asked path, is it, or lies below it.
    pub(crate) fn select(&self, asked: &[Path]) -> String {
        let mut shown = format!("{}~", self.signed);
        for disclosure in &self.disclosures {
            let path = &disclosure.path;
            if asked
                .iter()
                .any(|asked| path.starts_with(asked) || asked.starts_with(path))
            {
                shown.push_str(&disclosure.text);
                shown.push('~');
            }
        }
        shown
    }
}

/// A disclosure by itself.
fn loose(at: usize, text: &str) -> Outcome<Loose> {
    let bytes = decode(text).map_err(|_| invalid("a disclosure is not base64url"))?;
    let array = json::parse(&bytes).map_err(|_| invalid("a disclosure is not JSON"))?;
    let (name, value) = match array.as_array().map(Vec::as_slice) {
        Some([Value::String(_), Value::String(name), value]) => (Some(name.clone()), value),
        Some([Value::String(_), value]) => (None, value),
        _ => return Err(invalid("a disclosure has another form")),
    };
    Ok(Loose {
        at,
        name,
        value: value.clone(),
    })
}

/// The disclosures while they are being put into their places.
#[derive(Default)]
struct Tree {
    loose: BTreeMap<String, Loose>,
    seen: std::collections::BTreeSet<String>,
    paths: BTreeMap<usize, Path>,
}

impl Tree {
    /// The disclosure of a digest; none for what is not shown.
    fn take(&mut self, digest: &Value) -> Outcome<Option<Loose>> {
        let digest = digest.as_str().ok_or_else(|| invalid("a digest is not a text"))?;
        require(
            self.seen.insert(digest.to_owned()),
            "disclosure_invalid",
            "a digest stands twice",
        )?;
        Ok(self.loose.remove(digest))
    }

    /// A value with everything in its place that is disclosed in it.
    fn resolve(&mut self, value: &Value, path: &Path) -> Outcome<Value> {
        require(path.len() <= LEVELS_MAX, "malformed", "the credential nests too deep")?;
        let below = |segment: Option<&str>| {
            let mut path = path.clone();
            path.push(segment.map(str::to_owned));
            path
        };
        match value {
            Value::Object(members) => {
                let mut resolved = Map::new();
                for (name, member) in members.iter().filter(|(name, _)| *name != "_sd") {
                    require(name != "...", "disclosure_invalid", "`...` stands where no element is")?;
                    resolved.insert(name.clone(), self.resolve(member, &below(Some(name)))?);
                }
                if members.contains_key("_sd") {
                    for digest in list(value, "_sd")? {
                        let Some(found) = self.take(digest)? else { continue };
                        let name = found.name.ok_or_else(|| invalid("a member's disclosure has no name"))?;
                        let reserved = ["_sd", "..."].contains(&name.as_str())
                            || path.is_empty() && REGISTERED.contains(&name.as_str());
                        require(!reserved, "disclosure_invalid", "a disclosure has a registered name")?;
                        let path = below(Some(&name));
                        let member = self.resolve(&found.value, &path)?;
                        self.paths.insert(found.at, path);
                        let twice = resolved.insert(name, member).is_some();
                        require(!twice, "disclosure_invalid", "a disclosed name is there already")?;
                    }
                }
                Ok(Value::Object(resolved))
            }
            Value::Array(items) => {
                let path = below(None);
                let mut resolved = Vec::new();
                for item in items {
                    let concealed = item
                        .as_object()
                        .filter(|item| item.len() == 1)
                        .and_then(|item| item.get("..."));
                    let Some(digest) = concealed else {
                        resolved.push(self.resolve(item, &path)?);
                        continue;
                    };
                    let Some(found) = self.take(digest)? else { continue };
                    require(
                        found.name.is_none(),
                        "disclosure_invalid",
                        "an element's disclosure has a name",
                    )?;
                    resolved.push(self.resolve(&found.value, &path)?);
                    self.paths.insert(found.at, path.clone());
                }
                Ok(Value::Array(resolved))
            }
            plain => Ok(plain.clone()),
        }
    }
}

/// A shown part with the value of a claim altered, as a dishonest holder would: its disclosure no longer has a digest.
pub(crate) fn alter(shown: &str, name: &str, value: &str) -> Outcome<String> {
    let mut parts: Vec<String> = shown.split('~').map(str::to_owned).collect();
    for part in &mut parts {
        let Ok(found) = loose(0, part) else { continue };
        if found.name.as_deref() == Some(name) {
            let altered = serde_json::json!([encode(&[7; 16]), name, value]);
            *part = encode(altered.to_string().as_bytes());
            return Ok(parts.join("~"));
        }
    }
    refuse("usage", "no claim of this name would be shown")
}
