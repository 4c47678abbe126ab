//! JSON from outside: bounded in bytes and depth, duplicate names refused, number text kept.

use crate::{Code, Problem};
use serde::de::{DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use std::cell::Cell;

/// Deepest nesting we read.
pub const DEPTH_MAX: usize = 32;

/// Names that `serde_json` keeps for itself: with `arbitrary_precision` it hands a number to a visitor as an object with such
/// a name. An object from outside with such a name could pass for a number, here or when its text is read again.
const RESERVED: &str = "$serde_json::private::";

/// The name under which the text of a number arrives.
const NUMBER: &str = "$serde_json::private::Number";

/// Parses strictly: at most `limit` bytes (`too_large`), at most [`DEPTH_MAX`] levels (`too_large`), no duplicate names
/// (`duplicate_key`), nothing after the value (`malformed`). Number text is kept as it stood, except that an exponent is
/// written `e+` or `e-`.
pub fn parse(bytes: &[u8], limit: usize) -> Result<Value, Problem> {
    if bytes.len() > limit {
        return Err(Code::TooLarge.into());
    }
    if has_reserved_text(bytes) {
        return Err(Code::Malformed.into());
    }
    let text = std::str::from_utf8(bytes).map_err(|_| Code::Malformed)?;
    let refusal = Cell::new(Code::Malformed);
    let mut deserializer = serde_json::Deserializer::from_str(text);
    Node {
        depth: 0,
        refusal: &refusal,
    }
    .deserialize(&mut deserializer)
    .and_then(|value| deserializer.end().map(|()| value))
    .map_err(|_| refusal.get().into())
}

/// The two or three elements of an array of which the first is a text that is not kept: `[salt, value]` or `[salt, name, value]`.
///
/// `None` for everything else that [`parse`] would read, and for what it would refuse: whoever needs the reason asks that one.
pub(crate) fn parse_salted(bytes: &[u8], limit: usize) -> Option<(Option<String>, Value)> {
    if bytes.len() > limit || has_reserved_text(bytes) {
        return None;
    }
    let refusal = Cell::new(Code::Malformed);
    let mut deserializer = serde_json::Deserializer::from_str(std::str::from_utf8(bytes).ok()?);
    let parts = Salted(Node {
        depth: 0,
        refusal: &refusal,
    })
    .deserialize(&mut deserializer)
    .ok()?;
    deserializer.end().ok()?;
    match parts {
        (value, None) => Some((None, value)),
        (Value::String(name), Some(value)) => Some((Some(name), value)),
        _ => None,
    }
}

/// Whether a number anywhere in `value` is not a plain integer (`1.0`, `1e2`): money and our credentials carry none.
pub fn has_float(value: &Value) -> bool {
    match value {
        Value::Number(number) => number.to_string().contains(['.', 'e', 'E']),
        Value::Array(items) => items.iter().any(has_float),
        Value::Object(members) => members.values().any(has_float),
        Value::Null | Value::Bool(_) | Value::String(_) => false,
    }
}

/// The number's text as it stood in the document, or `None` when `value` is no number.
pub fn number_text(value: &Value) -> Option<String> {
    value.as_number().map(Number::to_string)
}

/// Whether a string of the document begins with a reserved name written out plainly.
///
/// One with escapes is found by the visitor, which then gets a copied string; `serde_json`'s own mark is borrowed.
fn has_reserved_text(bytes: &[u8]) -> bool {
    // Most documents have no such sign at all, and that is seen fastest without stopping on the way.
    if !bytes.iter().fold(false, |found, byte| found | (*byte == b'$')) {
        return false;
    }
    let mut rest = bytes;
    while let Some(at) = rest.iter().position(|byte| *byte == b'$') {
        let (before, from) = rest.split_at(at);
        if before.last() == Some(&b'"') && from.starts_with(RESERVED.as_bytes()) {
            return true;
        }
        rest = from.get(1..).unwrap_or_default();
    }
    false
}

/// One value at some depth, and where to leave the code of a refusal (a `serde` error carries only text).
#[derive(Clone, Copy)]
struct Node<'c> {
    depth: usize,
    refusal: &'c Cell<Code>,
}

impl Node<'_> {
    fn refuse<E: serde::de::Error>(&self, code: Code) -> E {
        self.refusal.set(code);
        E::custom(code)
    }

    fn inner<E: serde::de::Error>(&self) -> Result<Self, E> {
        if self.depth >= DEPTH_MAX {
            return Err(self.refuse(Code::TooLarge));
        }
        Ok(Node {
            depth: self.depth + 1,
            ..*self
        })
    }
}

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = Value;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value)
            .map(Value::Number)
            .ok_or_else(|| self.refuse(Code::Malformed))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let inner = self.inner()?;
        let mut array = Vec::new();
        while let Some(item) = items.next_element_seed(inner)? {
            array.push(item);
        }
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        let Some(mut name) = members.next_key_seed(Name)? else {
            self.inner::<A::Error>()?;
            return Ok(Value::Object(object));
        };
        if name.is_none() {
            let text: String = members.next_value()?;
            return text.parse().map(Value::Number).map_err(A::Error::custom);
        }
        let inner = self.inner()?;
        loop {
            let text = match name {
                Some(text) if !text.starts_with(RESERVED) => text,
                _ => return Err(self.refuse(Code::Malformed)),
            };
            let value = members.next_value_seed(inner)?;
            if object.insert(text, value).is_some() {
                return Err(self.refuse(Code::DuplicateKey));
            }
            match members.next_key_seed(Name)? {
                Some(next) => name = next,
                None => return Ok(Value::Object(object)),
            }
        }
    }
}

/// The array of [`parse_salted`]: its second element, and its third where there is one.
struct Salted<'c>(Node<'c>);

impl<'de> DeserializeSeed<'de> for Salted<'_> {
    type Value = (Value, Option<Value>);

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Salted<'_> {
    type Value = (Value, Option<Value>);

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an array of two or three")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let inner = self.0.inner()?;
        let missing = || A::Error::custom(Code::Malformed);
        items.next_element_seed(Passed)?.ok_or_else(missing)?;
        let second = items.next_element_seed(inner)?.ok_or_else(missing)?;
        let third = items.next_element_seed(inner)?;
        // A fourth is left over, and refused with the end of the array.
        Ok((second, third))
    }
}

/// A text that is read and not kept.
struct Passed;

impl<'de> DeserializeSeed<'de> for Passed {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Passed {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a text")
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }
}

/// A member's name; none for [`NUMBER`] as it stands in `serde_json` itself, not written with escapes.
struct Name;

impl<'de> DeserializeSeed<'de> for Name {
    type Value = Option<String>;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Option<String>, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Name {
    type Value = Option<String>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a name")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Option<String>, E> {
        Ok((text != NUMBER).then(|| text.to_owned()))
    }

    fn visit_str<E>(self, text: &str) -> Result<Option<String>, E> {
        Ok(Some(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(text: &str, expected: Result<Value, Code>) {
        assert_eq!(
            parse(text.as_bytes(), 1 << 20).map_err(|problem| problem.code),
            expected,
            "{text}"
        );
    }

    #[test]
    fn what_json_allows_is_read_and_what_it_does_not_is_malformed() {
        check(
            r#" {"a":[1,-2,true,false,null,"\u00e6"],"b":{}} "#,
            Ok(json!({"a":[1,-2,true,false,null,"æ"],"b":{}})),
        );
        check("3", Ok(json!(3)));
        for wrong in [
            "",
            " ",
            "{",
            "[1,]",
            "{\"a\":1,}",
            "01",
            "1.",
            "+1",
            "NaN",
            "'a'",
            "\"\u{1}\"",
            "{} {}",
            "{}x",
            "\u{feff}{}",
            r#""\ud800""#,
            "{a:1}",
            "// c\n1",
            "[1 2]",
            "tru",
        ] {
            check(wrong, Err(Code::Malformed));
        }
        assert_eq!(
            parse(b"\"\xff\"", 9).map_err(|problem| problem.code),
            Err(Code::Malformed)
        );
    }

    #[test]
    fn a_name_twice_is_refused_at_every_depth_also_when_escaped() {
        check(r#"{"a":{"b":1},"c":{"b":1}}"#, Ok(json!({"a":{"b":1},"c":{"b":1}})));
        for wrong in [
            r#"{"a":1,"a":1}"#,
            r#"[{"x":{"a":1,"b":2,"a":3}}]"#,
            r#"{"a":1,"\u0061":2}"#,
        ] {
            check(wrong, Err(Code::DuplicateKey));
        }
    }

    #[test]
    fn the_deepest_value_allowed_is_read_and_one_level_more_is_too_large() {
        for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
            let nested = |levels: usize| format!("{}1{}", open.repeat(levels), close.repeat(levels));
            assert!(parse(nested(DEPTH_MAX).as_bytes(), 1 << 20).is_ok());
            check(&nested(DEPTH_MAX + 1), Err(Code::TooLarge));
            check(&nested(100_000), Err(Code::TooLarge));
        }
        let empty = format!("{}{{}}{}", "[".repeat(DEPTH_MAX), "]".repeat(DEPTH_MAX));
        check(&empty, Err(Code::TooLarge));
    }

    #[test]
    fn one_byte_over_the_limit_is_too_large() {
        assert!(parse(b"[1,2]", 5).is_ok());
        assert_eq!(parse(b"[1,2]", 4).map_err(|problem| problem.code), Err(Code::TooLarge));
    }

    #[test]
    fn number_text_is_kept_beyond_the_precision_of_a_double() {
        let value = parse(b"[450.00,12345678901234567890.10,-0,1e400,1E5,1e-2]", 99).expect("valid");
        let texts: Vec<_> = value
            .as_array()
            .expect("array")
            .iter()
            .filter_map(number_text)
            .collect();
        assert_eq!(
            texts,
            ["450.00", "12345678901234567890.10", "-0", "1e+400", "1e+5", "1e-2"]
        );
        assert_eq!(number_text(&json!("1")), None);
    }

    #[test]
    fn floats_are_found_at_every_depth_and_integers_are_none() {
        for text in ["1.0", "[1e2]", r#"{"a":[{"b":-0.5}]}"#] {
            assert!(has_float(&parse(text.as_bytes(), 99).expect("valid")), "{text}");
        }
        for text in ["1", "[-12345678901234567890123]", r#"{"a":"1.5"}"#] {
            assert!(!has_float(&parse(text.as_bytes(), 99).expect("valid")), "{text}");
        }
    }

    #[test]
    fn a_salted_array_is_read_as_parse_reads_it_and_everything_else_is_left_to_parse() {
        for text in [
            r#"["s","n",1.50]"#,
            r#"["s",{"a":[1,null,"æ"]}]"#,
            r#" ["\u0041", "\u0061", [] ] "#,
        ] {
            let whole = parse(text.as_bytes(), 99).expect("valid");
            let (name, value) = parse_salted(text.as_bytes(), 99).expect(text);
            let mut parts = vec![whole[0].clone()];
            parts.extend(name.map(Value::String));
            parts.push(value);
            assert_eq!(Value::Array(parts), whole, "{text}");
        }
        for wrong in [
            "",
            "{}",
            "[]",
            r#"["s"]"#,
            r#"[1,"n",2]"#,
            r#"["s",1,2]"#,
            r#"["s","n",1,2]"#,
            r#"["s","n",1]x"#,
            r#"["s","n",{"a":1,"a":2}]"#,
            r#"["s","n",{"$serde_json::private::Number":"7"}]"#,
            r#"["s","n",{"\u0024serde_json::private::Number":"7"}]"#,
            r#"[{"$serde_json::private::Number":"7"},"n",1]"#,
        ] {
            assert_eq!(parse_salted(wrong.as_bytes(), 99), None, "{wrong}");
        }
        let nested = |levels: usize| format!("[\"s\",{}1{}]", "[".repeat(levels), "]".repeat(levels));
        assert!(parse_salted(nested(DEPTH_MAX - 1).as_bytes(), 999).is_some());
        assert_eq!(parse_salted(nested(DEPTH_MAX).as_bytes(), 999), None);
        assert_eq!(parse_salted(b"[\"s\",1]", 6), None);
    }

    #[test]
    fn an_object_cannot_pass_for_a_number() {
        check(
            r#"{"$ref":"$serde_json","price $":1}"#,
            Ok(json!({"$ref":"$serde_json","price $":1})),
        );
        for wrong in [
            r#"{"$serde_json::private::Number":"7"}"#,
            r#"{"\u0024serde_json::private::Number":"7"}"#,
            r#"{"$serde\u005fjson::private::Number":"7"}"#,
            r#"{"a":1,"\u0024serde_json::private::Number":"7"}"#,
            r#"{"$serde_json::private::RawValue":"7"}"#,
            r#"[{"a":{"\u0024serde_json::private::RawValue":"{}"}}]"#,
        ] {
            check(wrong, Err(Code::Malformed));
        }
    }
}
