//! §4: message bodies in bounded CBOR.

use crate::problem::{Outcome, Problem, refuse, require};
use ciborium::Value;

/// Deepest nesting of a message.
const LEVELS_MAX: usize = 16;

fn malformed(what: &str) -> Problem {
    Problem::new("malformed", format!("{what} is not of the form that §4 says"))
}

/// Reads one CBOR item and nothing behind it.
pub(crate) fn read(bytes: &[u8]) -> Outcome<Value> {
    let mut rest = bytes;
    let value = ciborium::de::from_reader_with_recursion_limit(&mut rest, LEVELS_MAX);
    let value = value.map_err(|_| malformed("a message"))?;
    require(rest.is_empty(), "malformed", "bytes stand behind the message")?;
    Ok(value)
}

/// Writes one item.
pub(crate) fn write(value: &Value) -> Outcome<Vec<u8>> {
    let mut bytes = Vec::new();
    let written = ciborium::into_writer(value, &mut bytes);
    written.map_err(|_| Problem::new("internal", "a message could not be written"))?;
    Ok(bytes)
}

/// A message with fields: a map with one entry.
pub(crate) fn message<const N: usize>(name: &str, fields: [(&str, Value); N]) -> Value {
    let fields = fields.into_iter().map(|(name, value)| (name.into(), value)).collect();
    Value::Map(vec![(name.into(), Value::Map(fields))])
}

/// An absent field, or the value.
pub(crate) fn optional<T: Into<Value>>(value: Option<T>) -> Value {
    value.map_or(Value::Null, Into::into)
}

/// Takes a reply that must be `name`; a `Problem` becomes an error with its code.
pub(crate) fn expect(reply: Value, name: &str) -> Outcome<Fields> {
    if reply.as_text() == Some(name) {
        return Ok(Fields(Vec::new()));
    }
    let Value::Map(entries) = reply else {
        return Err(malformed("an answer"));
    };
    let [(found, fields)] = <[_; 1]>::try_from(entries).map_err(|_| malformed("an answer"))?;
    let Value::Map(fields) = fields else {
        return Err(malformed("an answer"));
    };
    for (at, (name, _)) in fields.iter().enumerate() {
        let twice = fields.iter().skip(at.saturating_add(1)).any(|(other, _)| other == name);
        require(!twice, "malformed", "a field stands twice")?;
    }
    let fields = Fields(fields);
    match found.as_text() {
        Some("Problem") => Err(told(&fields)),
        Some(found) if found == name => Ok(fields),
        _ => refuse("malformed", "the answer is another message than the one that fits"),
    }
}

/// What the other side refused with. A code that §15 does not know counts as `internal`.
fn told(fields: &Fields) -> Problem {
    let code = fields.text("code").unwrap_or("internal");
    let detail = fields.text("detail").unwrap_or_default();
    let detail: String = detail.chars().filter(|c| !c.is_control()).take(200).collect();
    let known = crate::codes::ALL.contains(&code);
    Problem::new(
        if known { code } else { "internal" },
        format!("the other side refused: {detail}"),
    )
}

/// Fields of a message by name. Unknown ones are passed over; a missing one is `null`.
pub(crate) struct Fields(Vec<(Value, Value)>);

impl Fields {
    /// The field, or `null`.
    pub(crate) fn get(&self, name: &str) -> &Value {
        let found = self.0.iter().find(|(key, _)| key.as_text() == Some(name));
        found.map_or(&Value::Null, |(_, value)| value)
    }

    /// A text.
    pub(crate) fn text(&self, name: &str) -> Outcome<&str> {
        self.get(name).as_text().ok_or_else(|| malformed(name))
    }

    /// A text, or none.
    pub(crate) fn text_or_null(&self, name: &str) -> Outcome<Option<&str>> {
        if self.get(name).is_null() {
            Ok(None)
        } else {
            self.text(name).map(Some)
        }
    }

    /// A byte string.
    pub(crate) fn bytes(&self, name: &str) -> Outcome<&[u8]> {
        self.get(name)
            .as_bytes()
            .map(Vec::as_slice)
            .ok_or_else(|| malformed(name))
    }

    /// A whole number.
    pub(crate) fn uint(&self, name: &str) -> Outcome<u64> {
        let number = self.get(name).as_integer().and_then(|n| u64::try_from(n).ok());
        number.ok_or_else(|| malformed(name))
    }

    /// A list.
    pub(crate) fn list(&self, name: &str) -> Outcome<&Vec<Value>> {
        self.get(name).as_array().ok_or_else(|| malformed(name))
    }

    /// A message inside a message.
    pub(crate) fn inner(&self, name: &str) -> Outcome<Value> {
        Ok(self.get(name).clone())
    }
}
