//! Reading an SD-JWT: RFC 9901 §7.1, without the signature.

use super::binding::KeyBinding;
use super::{DISCLOSURES_MAX, Disclosure, REGISTERED, SD_JWT_MAX, STATUS_URI_MAX};
use super::{SdJwt, StatusRef, TYP, digest};
use crate::jws::Jws;
use crate::schema::Path;
use crate::{Code, Did, Problem, Timestamp, VerifyingKey, json};
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use serde_json::{Map, Value};
use std::collections::{HashMap, HashSet};

/// Longest `vct` and `kid`, in bytes.
const NAME_MAX: usize = 320;

pub(super) fn parse(text: &str) -> Result<SdJwt, Problem> {
    if text.len() > SD_JWT_MAX {
        return Err(Code::TooLarge.into());
    }
    // What precedes the last tilde is covered by the key binding; what follows it is the key binding, or nothing.
    let (covered, binding) = text.rsplit_once('~').ok_or(Code::Malformed)?;
    let covered_end = covered.len().saturating_add(1);
    let mut parts = covered.split('~');
    let issued = parts.next().ok_or(Code::Malformed)?;
    let jws = Jws::parse(issued, TYP, SD_JWT_MAX)?;
    let sealed = decode(parts)?;
    let key_binding = match binding {
        "" => None,
        binding => {
            let covered = text.get(..covered_end).ok_or(Code::Malformed)?;
            Some(KeyBinding::parse(binding, covered)?)
        }
    };

    let mut members = jws.payload.clone();
    let registered: Map<String, Value> = REGISTERED
        .iter()
        .filter_map(|name| Some(((*name).to_owned(), members.remove(*name)?)))
        .collect();
    let registered = Registered::read(&registered, &jws)?;
    let mut opening = Opening {
        sealed,
        seen: HashSet::new(),
        opened: Vec::new(),
        path: Path(Vec::new()),
    };
    let claims = opening.object(members, 0)?;
    if !opening.sealed.is_empty() {
        return Err(invalid("not in any digest"));
    }
    opening.opened.sort_by_key(|(position, _)| *position);
    Ok(SdJwt {
        text: issued.to_owned(),
        vct: registered.vct,
        issuer: registered.issuer,
        kid: registered.kid,
        holder: registered.holder,
        status: registered.status,
        times: registered.times,
        claims: Value::Object(claims),
        disclosures: opening.opened.into_iter().map(|(_, disclosure)| disclosure).collect(),
        key_binding,
        jws,
    })
}

struct Registered {
    vct: String,
    issuer: Did,
    kid: String,
    holder: Option<VerifyingKey>,
    status: Option<StatusRef>,
    times: [Option<Timestamp>; 3],
}

impl Registered {
    fn read(members: &Map<String, Value>, jws: &Jws) -> Result<Registered, Problem> {
        match members.get("_sd_alg") {
            None => {}
            Some(Value::String(name)) if name == "sha-256" => {}
            Some(_) => return Err(Problem::new(Code::Unsupported, "_sd_alg")),
        }
        let text = |name: &'static str| {
            members
                .get(name)
                .and_then(Value::as_str)
                .filter(|text| !text.is_empty() && text.len() <= NAME_MAX)
                .ok_or_else(|| Problem::new(Code::Malformed, name))
        };
        let time = |name: &'static str| {
            members
                .get(name)
                .map(|value| serde_json::from_value::<Timestamp>(value.clone()))
                .transpose()
                .map_err(|_| Problem::new(Code::Malformed, name))
        };
        let holder = members
            .get("cnf")
            .map(|cnf| {
                cnf.get("jwk")
                    .and_then(VerifyingKey::from_jwk)
                    .ok_or_else(|| Problem::new(Code::Malformed, "cnf"))
            })
            .transpose()?;
        let status = members
            .get("status")
            .map(|status| status_ref(status).ok_or_else(|| Problem::new(Code::Malformed, "status")))
            .transpose()?;
        Ok(Registered {
            vct: text("vct")?.to_owned(),
            issuer: Did::parse(text("iss")?).ok_or_else(|| Problem::new(Code::Malformed, "iss"))?,
            kid: jws
                .kid()
                .filter(|kid| kid.len() <= NAME_MAX)
                .ok_or_else(|| Problem::new(Code::Malformed, "kid"))?
                .to_owned(),
            holder,
            status,
            times: [time("iat")?, time("nbf")?, time("exp")?],
        })
    }
}

fn status_ref(status: &Value) -> Option<StatusRef> {
    let entry = status.get("status_list")?;
    let uri = entry.get("uri")?.as_str()?;
    if uri.is_empty() || uri.len() > STATUS_URI_MAX {
        return None;
    }
    Some(StatusRef {
        uri: uri.to_owned(),
        index: u32::try_from(entry.get("idx")?.as_u64()?).ok()?,
    })
}

/// A decoded disclosure whose digest has not been met yet.
struct Sealed {
    position: usize,
    text: String,
    /// None for an element of an array.
    name: Option<String>,
    value: Value,
}

fn decode<'a>(parts: impl Iterator<Item = &'a str>) -> Result<HashMap<String, Sealed>, Problem> {
    let mut sealed = HashMap::new();
    for (position, text) in parts.enumerate() {
        if position >= DISCLOSURES_MAX {
            return Err(Code::TooLarge.into());
        }
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).map_err(|_| invalid("base64url"))?;
        let parsed = json::parse(&bytes, SD_JWT_MAX).map_err(|problem| match problem.code {
            Code::Malformed => invalid("not JSON"),
            _ => problem,
        })?;
        let Value::Array(items) = parsed else {
            return Err(invalid("not an array"));
        };
        let (salt, name, value) = match <[Value; 3]>::try_from(items) {
            Ok([salt, Value::String(name), value]) => (salt, Some(name), value),
            Ok(_) => return Err(invalid("name")),
            Err(items) => match <[Value; 2]>::try_from(items) {
                Ok([salt, value]) => (salt, None, value),
                Err(_) => return Err(invalid("length")),
            },
        };
        if !salt.is_string() {
            return Err(invalid("salt"));
        }
        if matches!(name.as_deref(), Some("_sd" | "...")) {
            return Err(invalid("reserved name"));
        }
        let disclosure = Sealed {
            position,
            text: text.to_owned(),
            name,
            value,
        };
        if sealed.insert(digest(text), disclosure).is_some() {
            return Err(invalid("doubled"));
        }
    }
    Ok(sealed)
}

/// The walk through the payload that puts every disclosure in its place.
struct Opening {
    sealed: HashMap<String, Sealed>,
    /// Every digest met so far: none may come twice (RFC 9901 §7.1 step 4).
    seen: HashSet<String>,
    opened: Vec<(usize, Disclosure)>,
    path: Path,
}

impl Opening {
    fn object(&mut self, members: Map<String, Value>, depth: usize) -> Result<Map<String, Value>, Problem> {
        let is_top = self.path.0.is_empty();
        let mut shown = Map::new();
        let mut digests = Vec::new();
        for (name, value) in members {
            match name.as_str() {
                "_sd" => digests = texts(value)?,
                "..." => return Err(invalid("out of place")),
                _ => {
                    self.path.0.push(Some(name.clone()));
                    let value = self.value(value, depth)?;
                    self.path.0.pop();
                    shown.insert(name, value);
                }
            }
        }
        for digest in digests {
            let Some(sealed) = self.meet(digest)? else {
                continue;
            };
            let name = sealed.name.clone().ok_or_else(|| invalid("name"))?;
            if is_top && REGISTERED.contains(&name.as_str()) {
                return Err(invalid("registered name"));
            }
            if shown.contains_key(&name) {
                return Err(invalid("name twice"));
            }
            self.path.0.push(Some(name.clone()));
            let value = self.open(sealed, depth)?;
            self.path.0.pop();
            shown.insert(name, value);
        }
        Ok(shown)
    }

    fn array(&mut self, items: Vec<Value>, depth: usize) -> Result<Vec<Value>, Problem> {
        self.path.0.push(None);
        let mut shown = Vec::with_capacity(items.len());
        for item in items {
            let place = item.as_object().and_then(|members| members.get("..."));
            let Some(place) = place else {
                shown.push(self.value(item, depth)?);
                continue;
            };
            let digest = place.as_str().ok_or_else(|| invalid("digest"))?.to_owned();
            if item.as_object().is_none_or(|members| members.len() != 1) {
                return Err(invalid("out of place"));
            }
            if let Some(sealed) = self.meet(digest)? {
                if sealed.name.is_some() {
                    return Err(invalid("name"));
                }
                shown.push(self.open(sealed, depth)?);
            }
        }
        self.path.0.pop();
        Ok(shown)
    }

    fn value(&mut self, value: Value, depth: usize) -> Result<Value, Problem> {
        // Disclosures nest in one another, so that the depth of each on its own does not bound the whole.
        let inner = depth.saturating_add(1);
        if inner > json::DEPTH_MAX {
            return Err(Code::TooLarge.into());
        }
        Ok(match value {
            Value::Object(members) => Value::Object(self.object(members, inner)?),
            Value::Array(items) => Value::Array(self.array(items, inner)?),
            plain => plain,
        })
    }

    fn meet(&mut self, digest: String) -> Result<Option<Sealed>, Problem> {
        let sealed = self.sealed.remove(&digest);
        if !self.seen.insert(digest) {
            return Err(invalid("digest twice"));
        }
        Ok(sealed)
    }

    fn open(&mut self, sealed: Sealed, depth: usize) -> Result<Value, Problem> {
        let disclosure = Disclosure {
            text: sealed.text,
            path: self.path.clone(),
            is_leaf: is_leaf(&sealed.value),
        };
        self.opened.push((sealed.position, disclosure));
        self.value(sealed.value, depth)
    }
}

/// Whether a value is one for a person to read, not the frame of members that may be disclosures of their own.
fn is_leaf(value: &Value) -> bool {
    match value {
        Value::Object(members) => members.is_empty(),
        Value::Array(items) => items.is_empty() || items.iter().any(is_leaf),
        _ => true,
    }
}

fn texts(value: Value) -> Result<Vec<String>, Problem> {
    let Value::Array(items) = value else {
        return Err(invalid("_sd"));
    };
    items
        .into_iter()
        .map(|item| match item {
            Value::String(text) => Ok(text),
            _ => Err(invalid("_sd")),
        })
        .collect()
}

/// The detail names the rule; names and values of a disclosure come from outside and are not repeated.
fn invalid(rule: &'static str) -> Problem {
    Problem::new(Code::DisclosureInvalid, rule)
}
