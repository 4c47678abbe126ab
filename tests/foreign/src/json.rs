//! JSON as §8 reads it (no name twice, 32 levels) and RFC 8785 as §9 and §12 write it.

use crate::problem::{Outcome, Problem, refuse, require};
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fmt;

/// Deepest nesting of JSON (§8).
const LEVELS_MAX: usize = 32;
/// Whole numbers beyond 2^53 lose digits in canonical JSON (§12).
const EXACT_MAX: u64 = 1 << 53;
/// What a name that stands twice is reported with inside the reader.
const TWICE: &str = "duplicate_key";

/// Reads JSON. A name twice is `duplicate_key`, everything else that is wrong `malformed`.
pub(crate) fn parse(bytes: &[u8]) -> Outcome<Value> {
    let wrong = |error: serde_json::Error| match error.to_string() {
        text if text.starts_with(TWICE) => Problem::new(TWICE, "a name stands twice in a JSON object"),
        _ => Problem::new("malformed", "this is not JSON"),
    };
    serde_json::from_slice::<NamesOnce>(bytes).map_err(wrong)?;
    let value = serde_json::from_slice(bytes).map_err(wrong)?;
    require(levels(&value) <= LEVELS_MAX, "malformed", "the JSON nests too deep")?;
    Ok(value)
}

fn levels(value: &Value) -> usize {
    let deepest = match value {
        Value::Array(items) => items.iter().map(levels).max(),
        Value::Object(members) => members.values().map(levels).max(),
        _ => return 0,
    };
    deepest.unwrap_or(0).saturating_add(1)
}

/// JSON of which only the names are looked at: `serde_json::Value` would silently take the last of two.
struct NamesOnce;

impl<'de> Deserialize<'de> for NamesOnce {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<NamesOnce, D::Error> {
        from.deserialize_any(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = NamesOnce;

    fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("JSON")
    }

    fn visit_bool<E>(self, _: bool) -> Result<NamesOnce, E> {
        Ok(NamesOnce)
    }

    fn visit_i64<E>(self, _: i64) -> Result<NamesOnce, E> {
        Ok(NamesOnce)
    }

    fn visit_u64<E>(self, _: u64) -> Result<NamesOnce, E> {
        Ok(NamesOnce)
    }

    fn visit_f64<E>(self, _: f64) -> Result<NamesOnce, E> {
        Ok(NamesOnce)
    }

    fn visit_str<E>(self, _: &str) -> Result<NamesOnce, E> {
        Ok(NamesOnce)
    }

    fn visit_unit<E>(self) -> Result<NamesOnce, E> {
        Ok(NamesOnce)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<NamesOnce, A::Error> {
        while let Some(NamesOnce) = items.next_element()? {}
        Ok(NamesOnce)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<NamesOnce, A::Error> {
        let mut names = BTreeSet::new();
        while let Some((name, NamesOnce)) = members.next_entry::<String, NamesOnce>()? {
            if !names.insert(name) {
                return Err(A::Error::custom(TWICE));
            }
        }
        Ok(NamesOnce)
    }
}

/// Canonical JSON (RFC 8785). Every number that the document names is a whole one; others are refused with `malformed`.
pub(crate) fn canonical(value: &Value) -> Outcome<String> {
    let mut text = String::new();
    write(value, &mut text)?;
    Ok(text)
}

fn write(value: &Value, to: &mut String) -> Outcome<()> {
    match value {
        Value::Array(items) => {
            to.push('[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    to.push(',');
                }
                write(item, to)?;
            }
            to.push(']');
        }
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_by_cached_key(|(name, _)| name.encode_utf16().collect::<Vec<u16>>());
            to.push('{');
            for (at, (name, member)) in members.into_iter().enumerate() {
                if at > 0 {
                    to.push(',');
                }
                to.push_str(&Value::from(name.as_str()).to_string());
                to.push(':');
                write(member, to)?;
            }
            to.push('}');
        }
        Value::Number(number) => {
            let exact = number.as_i64().filter(|n| n.unsigned_abs() <= EXACT_MAX);
            let inexact = || Problem::new("malformed", "a number is not a whole one that keeps its digits");
            to.push_str(&exact.ok_or_else(inexact)?.to_string());
        }
        // serde_json escapes what RFC 8785 section 3.2.2.2 escapes, and in the same way.
        Value::Null | Value::Bool(_) | Value::String(_) => to.push_str(&value.to_string()),
    }
    Ok(())
}

/// A member that must be there.
pub(crate) fn member<'a>(of: &'a Value, name: &str) -> Outcome<&'a Value> {
    of.get(name)
        .ok_or_else(|| Problem::new("malformed", format!("`{name}` is missing")))
}

/// A member that must be a text.
pub(crate) fn text<'a>(of: &'a Value, name: &str) -> Outcome<&'a str> {
    let found = member(of, name)?.as_str();
    found.ok_or_else(|| Problem::new("malformed", format!("`{name}` is not a text")))
}

/// A member that must be a whole number, not below zero.
pub(crate) fn uint(of: &Value, name: &str) -> Outcome<u64> {
    let found = member(of, name)?.as_u64();
    found.ok_or_else(|| Problem::new("malformed", format!("`{name}` is not a whole number")))
}

/// A member that must be a list.
pub(crate) fn list<'a>(of: &'a Value, name: &str) -> Outcome<&'a Vec<Value>> {
    let found = member(of, name)?.as_array();
    found.ok_or_else(|| Problem::new("malformed", format!("`{name}` is not a list")))
}

/// Refuses an object that has other members than these.
pub(crate) fn only(of: &Value, allowed: &[&str], code: &str) -> Outcome<()> {
    let Some(members) = of.as_object() else {
        return refuse("malformed", "an object was expected");
    };
    match members.keys().find(|name| !allowed.contains(&name.as_str())) {
        Some(name) => refuse(code, format!("`{}` is no member that we know", name.escape_default())),
        None => Ok(()),
    }
}

/// A path of claims (§10): names, and `None` for every element.
pub(crate) type Path = Vec<Option<String>>;

/// Reads a path: 1 to 8 segments of 1 to 64 bytes, beginning with a name.
pub(crate) fn path(value: &Value) -> Outcome<Path> {
    let bad = || Problem::new("malformed", "a path is not of the form that §10 says");
    let segments = value.as_array().ok_or_else(bad)?;
    let read: Option<Path> = segments
        .iter()
        .map(|segment| match segment {
            Value::Null => Some(None),
            Value::String(name) if (1..=64).contains(&name.len()) => Some(Some(name.clone())),
            _ => None,
        })
        .collect();
    let read = read.ok_or_else(bad)?;
    let named = read.first().is_some_and(Option::is_some);
    require(
        named && read.len() <= 8,
        "malformed",
        "a path is not of the form that §10 says",
    )?;
    Ok(read)
}

/// All values at a path.
pub(crate) fn at<'a>(value: &'a Value, path: &[Option<String>]) -> Vec<&'a Value> {
    match path.split_first() {
        None => vec![value],
        Some((Some(name), rest)) => value.get(name).map(|v| at(v, rest)).unwrap_or_default(),
        Some((None, rest)) => value
            .as_array()
            .into_iter()
            .flatten()
            .flat_map(|v| at(v, rest))
            .collect(),
    }
}

/// A path as a person reads it.
pub(crate) fn shown(path: &[Option<String>]) -> String {
    let mut text = String::new();
    for segment in path {
        match segment {
            Some(name) if text.is_empty() => text.push_str(name),
            Some(name) => {
                text.push('.');
                text.push_str(name);
            }
            None => text.push_str("[]"),
        }
    }
    text
}
