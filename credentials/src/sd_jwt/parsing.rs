//! Reading an SD-JWT: RFC 9901 §7.1, without the signature.

use super::binding::KeyBinding;
use super::{DIGEST_LENGTH, DISCLOSURES_MAX, Disclosure, REGISTERED, SD_JWT_MAX, STATUS_URI_MAX};
use super::{SdJwt, StatusRef, Steps, TYP, digest_text};
use crate::{Code, Did, Problem, Timestamp, VerifyingKey, json, jws};
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use serde_json::{Map, Value};
use std::ops::Range;

/// Longest `vct` and `kid`, in bytes.
const NAME_MAX: usize = 320;

/// Usual length of a disclosure in bytes: room taken at first, no limit.
const DISCLOSURE_USUAL: usize = 96;

pub(super) fn parse(text: &str) -> Result<SdJwt, Problem> {
    if text.len() > SD_JWT_MAX {
        return Err(Code::TooLarge.into());
    }
    // What precedes the last tilde is covered by the key binding; what follows it is the key binding, or nothing.
    let (covered, binding) = text.rsplit_once('~').ok_or(Code::Malformed)?;
    let covered = text.get(..covered.len().saturating_add(1)).ok_or(Code::Malformed)?;
    let (issued, disclosures) = covered.split_once('~').ok_or(Code::Malformed)?;
    let jws::Parts {
        header,
        payload: mut members,
        signing_input,
        signature,
    } = jws::Parts::parse(issued, TYP, SD_JWT_MAX)?;
    let sealed = decode(disclosures, issued.len().saturating_add(1))?;
    let key_binding = match binding {
        "" => None,
        binding => Some(KeyBinding::parse(binding, covered)?),
    };

    let registered = Registered::take(&mut members, &header)?;
    let mut opening = Opening {
        opened: Vec::with_capacity(sealed.all.len()),
        sealed,
        seen: Vec::new(),
        path: Vec::new(),
    };
    let claims = opening.object(members, 0)?;
    opening.check()?;
    opening.opened.sort_unstable_by_key(|disclosure| disclosure.place.start);
    Ok(SdJwt {
        text: covered.to_owned(),
        issued: issued.len(),
        signed: signing_input.len(),
        signature,
        vct: registered.vct,
        issuer: registered.issuer,
        kid: registered.kid,
        holder: registered.holder,
        status: registered.status,
        times: registered.times,
        claims: Value::Object(claims),
        disclosures: opening.opened,
        key_binding,
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
    /// Takes the registered claims away from the others.
    fn take(members: &mut Map<String, Value>, header: &Map<String, Value>) -> Result<Registered, Problem> {
        let mut taken = REGISTERED.map(|name| (name, members.remove(name)));
        let mut member = |name: &'static str| {
            let found = taken.iter_mut().find(|(registered, _)| *registered == name);
            found.and_then(|(_, value)| value.take())
        };
        match member("_sd_alg") {
            None => {}
            Some(Value::String(name)) if name == "sha-256" => {}
            Some(_) => return Err(Problem::new(Code::Unsupported, "_sd_alg")),
        }
        let text = |name: &'static str, value: Option<Value>| match value {
            Some(Value::String(text)) if !text.is_empty() && text.len() <= NAME_MAX => Ok(text),
            _ => Err(Problem::new(Code::Malformed, name)),
        };
        let time = |name: &'static str, value: Option<Value>| {
            value
                .map(|value| Timestamp::of(&value).ok_or_else(|| Problem::new(Code::Malformed, name)))
                .transpose()
        };
        let holder = member("cnf")
            .map(|cnf| {
                cnf.get("jwk")
                    .and_then(VerifyingKey::from_jwk)
                    .ok_or_else(|| Problem::new(Code::Malformed, "cnf"))
            })
            .transpose()?;
        let status = member("status")
            .map(|status| status_ref(&status).ok_or_else(|| Problem::new(Code::Malformed, "status")))
            .transpose()?;
        Ok(Registered {
            vct: text("vct", member("vct"))?,
            issuer: Did::parse(&text("iss", member("iss"))?).ok_or_else(|| Problem::new(Code::Malformed, "iss"))?,
            kid: header
                .get("kid")
                .and_then(Value::as_str)
                .filter(|kid| kid.len() <= NAME_MAX)
                .ok_or_else(|| Problem::new(Code::Malformed, "kid"))?
                .to_owned(),
            holder,
            status,
            times: [
                time("iat", member("iat"))?,
                time("nbf", member("nbf"))?,
                time("exp", member("exp"))?,
            ],
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
    place: Range<usize>,
    /// None for an element of an array.
    name: Option<String>,
    value: Value,
}

/// A digest as it is written.
type Digest = [u8; DIGEST_LENGTH];

/// The disclosures that were sent, and where each is by its digest.
struct Sealing {
    /// Emptied as digests are met.
    all: Vec<Option<Sealed>>,
    /// Sorted.
    digests: Vec<(Digest, usize)>,
}

impl Sealing {
    fn take(&mut self, digest: &str) -> Option<Sealed> {
        // One of another length is no SHA-256, and a decoy like any that no disclosure belongs to.
        let digest = <&Digest>::try_from(digest.as_bytes()).ok()?;
        let at = self.digests.binary_search_by(|(known, _)| known.cmp(digest)).ok()?;
        let (_, place) = self.digests.get(at)?;
        self.all.get_mut(*place)?.take()
    }
}

/// The disclosures of a text with a `~` after each, which begins at `start` in the whole.
fn decode(disclosures: &str, start: usize) -> Result<Sealing, Problem> {
    let count = tildes(disclosures);
    if count > DISCLOSURES_MAX {
        return Err(Code::TooLarge.into());
    }
    let mut sealed = Sealing {
        all: Vec::with_capacity(count),
        digests: Vec::with_capacity(count),
    };
    let mut bytes = Vec::with_capacity(DISCLOSURE_USUAL);
    let mut start = start;
    for (position, text) in disclosures.split_terminator('~').enumerate() {
        bytes.clear();
        BASE64_URL_SAFE_NO_PAD
            .decode_vec(text, &mut bytes)
            .map_err(|_| invalid("base64url"))?;
        let (name, value) = match json::parse_salted(&bytes, SD_JWT_MAX) {
            Some(parts) => parts,
            None => return Err(refusal(&bytes)),
        };
        if matches!(name.as_deref(), Some("_sd" | "...")) {
            return Err(invalid("reserved name"));
        }
        let end = start.saturating_add(text.len());
        let disclosure = Sealed {
            place: start..end,
            name,
            value,
        };
        start = end.saturating_add(1);
        sealed.digests.push((digest_text(text), position));
        sealed.all.push(Some(disclosure));
    }
    sealed.digests.sort_unstable();
    let mut neighbours = sealed.digests.iter().zip(sealed.digests.iter().skip(1));
    if neighbours.any(|((one, _), (other, _))| one == other) {
        return Err(invalid("doubled"));
    }
    Ok(sealed)
}

/// How many `~` there are, counted in parts of which one byte holds the number.
fn tildes(text: &str) -> usize {
    let parts = text.as_bytes().chunks(usize::from(u8::MAX));
    let counts = parts.map(|part| {
        part.iter()
            .fold(0_u8, |count, byte| count.wrapping_add(u8::from(*byte == b'~')))
    });
    counts.map(usize::from).sum()
}

/// What is wrong with a disclosure that is no array of salt, name and value.
fn refusal(bytes: &[u8]) -> Problem {
    let parsed = json::parse(bytes, SD_JWT_MAX).map_err(|problem| match problem.code {
        Code::Malformed => invalid("not JSON"),
        _ => problem,
    });
    let items = match parsed {
        Err(problem) => return problem,
        Ok(Value::Array(items)) => items,
        Ok(_) => return invalid("not an array"),
    };
    match items.as_slice() {
        [_, Value::String(_), _] | [_, _] => invalid("salt"),
        [_, _, _] => invalid("name"),
        _ => invalid("length"),
    }
}

/// The walk through the payload that puts every disclosure in its place.
struct Opening {
    sealed: Sealing,
    /// Every digest met so far.
    seen: Vec<String>,
    opened: Vec<Disclosure>,
    path: Steps,
}

impl Opening {
    fn object(&mut self, members: Map<String, Value>, depth: usize) -> Result<Map<String, Value>, Problem> {
        let is_top = self.path.is_empty();
        let mut shown = members;
        let digests = shown.remove("_sd").map(texts).transpose()?.unwrap_or_default();
        if shown.contains_key("...") {
            return Err(invalid("out of place"));
        }
        for (name, value) in &mut shown {
            // Whatever is no container stays as it is, if it does not lie too deep.
            if value.is_object() || value.is_array() {
                self.path.push(Some(name.as_str().into()));
                *value = self.value(value.take(), depth)?;
                self.path.pop();
            } else {
                deeper(depth)?;
            }
        }
        for digest in digests {
            let Some(sealed) = self.meet(digest) else {
                continue;
            };
            let Sealed { place, name, value } = sealed;
            let name = name.ok_or_else(|| invalid("name"))?;
            if is_top && REGISTERED.contains(&name.as_str()) {
                return Err(invalid("registered name"));
            }
            if shown.contains_key(&name) {
                return Err(invalid("name twice"));
            }
            self.path.push(Some(name.as_str().into()));
            let value = self.open(place, value, depth)?;
            self.path.pop();
            shown.insert(name, value);
        }
        Ok(shown)
    }

    fn array(&mut self, items: Vec<Value>, depth: usize) -> Result<Vec<Value>, Problem> {
        self.path.push(None);
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
            if let Some(sealed) = self.meet(digest) {
                if sealed.name.is_some() {
                    return Err(invalid("name"));
                }
                shown.push(self.open(sealed.place, sealed.value, depth)?);
            }
        }
        self.path.pop();
        Ok(shown)
    }

    fn value(&mut self, value: Value, depth: usize) -> Result<Value, Problem> {
        let inner = deeper(depth)?;
        Ok(match value {
            Value::Object(members) => Value::Object(self.object(members, inner)?),
            Value::Array(items) => Value::Array(self.array(items, inner)?),
            plain => plain,
        })
    }

    fn meet(&mut self, digest: String) -> Option<Sealed> {
        let sealed = self.sealed.take(&digest);
        self.seen.push(digest);
        sealed
    }

    /// Every disclosure has been met, and no digest came twice (RFC 9901 §7.1 steps 4 and 5).
    fn check(&mut self) -> Result<(), Problem> {
        if self.sealed.all.iter().any(Option::is_some) {
            return Err(invalid("not in any digest"));
        }
        self.seen.sort_unstable();
        let mut neighbours = self.seen.iter().zip(self.seen.iter().skip(1));
        if neighbours.any(|(one, other)| one == other) {
            return Err(invalid("digest twice"));
        }
        Ok(())
    }

    fn open(&mut self, place: Range<usize>, value: Value, depth: usize) -> Result<Value, Problem> {
        self.opened.push(Disclosure {
            place,
            path: self.path.clone(),
            is_leaf: is_leaf(&value),
        });
        self.value(value, depth)
    }
}

/// The depth inside a value. Disclosures nest in one another, so that the depth of each on its own does not bound the whole.
fn deeper(depth: usize) -> Result<usize, Problem> {
    let inner = depth.saturating_add(1);
    if inner > json::DEPTH_MAX {
        return Err(Code::TooLarge.into());
    }
    Ok(inner)
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
