//! RFC 8785 canonical JSON (JCS): all of it, floats included; our own schemas simply have none.
//!
//! Nothing of `serde_json`'s own printing or ordering is relied on: names are sorted by UTF-16 code units, numbers are
//! printed as ECMAScript does.

use crate::{Code, Problem};
use serde_json::{Map, Value};

/// Deepest nesting that is written: deeper than [`crate::json::DEPTH_MAX`], because we wrap what we read.
const DEPTH_MAX: usize = 128;

/// The canonical bytes. Errors with `malformed` for a number that is no finite double, `too_large` beyond 128 levels.
///
/// A number is canonicalized as the double nearest to it, as the standard says: digits beyond that precision are not covered
/// by a signature over these bytes. [`loses_digits`] finds them.
pub fn canonicalize(value: &Value) -> Result<Vec<u8>, Problem> {
    let mut writer = Writer::new(false);
    writer.value(value, DEPTH_MAX)?;
    Ok(writer.out)
}

/// The canonical bytes of an object without its member `without`, and with another value for `instead` where it has one.
///
/// Errors as [`canonicalize`], and `malformed` where [`loses_digits`] finds something: what is signed is covered whole.
pub(crate) fn canonicalize_signed(
    members: &Map<String, Value>,
    without: &str,
    instead: Option<(&str, &Value)>,
) -> Result<Vec<u8>, Problem> {
    let members = members
        .iter()
        .filter(|(name, _)| *name != without)
        .map(|(name, value)| match instead {
            Some((replaced, other)) if replaced == name => (name, other),
            _ => (name, value),
        });
    let mut writer = Writer::new(true);
    writer.object(members.collect(), DEPTH_MAX)?;
    Ok(writer.out)
}

/// The canonical bytes of the array `[salt, name, value]`.
pub(crate) fn canonicalize_salted(salt: &str, name: &str, value: &Value) -> Result<Vec<u8>, Problem> {
    let mut writer = Writer::new(false);
    writer.out.push(b'[');
    write_string(salt, &mut writer.out);
    writer.out.push(b',');
    write_string(name, &mut writer.out);
    writer.out.push(b',');
    writer.value(value, DEPTH_MAX.saturating_sub(1))?;
    writer.out.push(b']');
    Ok(writer.out)
}

/// Whether a number anywhere in `value` has a value that its canonical form does not keep, such as `9007199254740993`.
pub fn loses_digits(value: &Value) -> bool {
    match value {
        Value::Number(number) => {
            let text = number.to_string();
            !is_small_integer(&text) && has_lost_digits(&text, canonical_number(&text).as_deref())
        }
        Value::Array(items) => items.iter().any(loses_digits),
        Value::Object(members) => members.values().any(loses_digits),
        Value::Null | Value::Bool(_) | Value::String(_) => false,
    }
}

/// How many digits of JSON number text are significant; `None` for an exponent beyond any double's.
pub(crate) fn significant_digits(text: &str) -> Option<usize> {
    Decimal::of(text).map(|decimal| decimal.digits.len())
}

struct Writer {
    out: Vec<u8>,
    /// Refuse numbers that lose digits.
    is_exact: bool,
}

impl Writer {
    fn new(is_exact: bool) -> Writer {
        let out = Vec::with_capacity(1_000);
        Writer { out, is_exact }
    }

    fn value(&mut self, value: &Value, depth: usize) -> Result<(), Problem> {
        match value {
            Value::Null => self.out.extend_from_slice(b"null"),
            Value::Bool(true) => self.out.extend_from_slice(b"true"),
            Value::Bool(false) => self.out.extend_from_slice(b"false"),
            Value::String(text) => write_string(text, &mut self.out),
            Value::Number(number) => self.number(&number.to_string())?,
            Value::Array(items) => {
                let depth = inner(depth)?;
                self.out.push(b'[');
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        self.out.push(b',');
                    }
                    self.value(item, depth)?;
                }
                self.out.push(b']');
            }
            Value::Object(members) => self.object(members.iter().collect(), depth)?,
        }
        Ok(())
    }

    fn object(&mut self, mut members: Vec<(&String, &Value)>, depth: usize) -> Result<(), Problem> {
        let depth = inner(depth)?;
        if !members.is_sorted_by(|(a, _), (b, _)| order(a, b).is_lt()) {
            members.sort_unstable_by(|(a, _), (b, _)| order(a, b));
        }
        self.out.push(b'{');
        for (index, (name, value)) in members.into_iter().enumerate() {
            if index > 0 {
                self.out.push(b',');
            }
            write_string(name, &mut self.out);
            self.out.push(b':');
            self.value(value, depth)?;
        }
        self.out.push(b'}');
        Ok(())
    }

    fn number(&mut self, text: &str) -> Result<(), Problem> {
        if is_small_integer(text) {
            self.out.extend_from_slice(text.as_bytes());
            return Ok(());
        }
        let canonical = canonical_number(text);
        if self.is_exact && has_lost_digits(text, canonical.as_deref()) {
            return Err(Problem::new(Code::Malformed, "number beyond double precision"));
        }
        self.out.extend_from_slice(canonical.ok_or(Code::Malformed)?.as_bytes());
        Ok(())
    }
}

fn inner(depth: usize) -> Result<usize, Code> {
    depth.checked_sub(1).ok_or(Code::TooLarge)
}

/// By UTF-16 code units (RFC 8785 §3.2.3), which for ASCII are the bytes.
fn order(a: &str, b: &str) -> std::cmp::Ordering {
    if a.is_ascii() && b.is_ascii() {
        a.cmp(b)
    } else {
        a.encode_utf16().cmp(b.encode_utf16())
    }
}

/// An integer of at most 15 digits: any double holds it, and ECMAScript prints it as JSON does. `-0` is none.
fn is_small_integer(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    (1..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit()) && text != "-0"
}

fn has_lost_digits(text: &str, canonical: Option<&str>) -> bool {
    canonical.is_none_or(|canonical| Decimal::of(text) != Decimal::of(canonical))
}

/// The number as ECMAScript prints it (RFC 8785 §3.2.2.3); `None` when it is no finite double.
fn canonical_number(text: &str) -> Option<String> {
    let double: f64 = text.parse().ok()?;
    double
        .is_finite()
        .then(|| ryu_js::Buffer::new().format_finite(double).to_owned())
}

/// RFC 8785 §3.2.2.2: only what must be escaped, in the short form where there is one, else `\u00xx` in lower case.
fn write_string(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    let mut rest = text.as_bytes();
    while let Some(at) = rest.iter().position(|byte| matches!(byte, 0..=0x1f | b'"' | b'\\')) {
        let (plain, from) = rest.split_at(at);
        out.extend_from_slice(plain);
        let Some((byte, after)) = from.split_first() else { break };
        let short = match byte {
            b'"' => Some(b'"'),
            b'\\' => Some(b'\\'),
            0x08 => Some(b'b'),
            0x09 => Some(b't'),
            0x0a => Some(b'n'),
            0x0c => Some(b'f'),
            0x0d => Some(b'r'),
            _ => None,
        };
        match short {
            Some(short) => out.extend_from_slice(&[b'\\', short]),
            None => out.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
        }
        rest = after;
    }
    out.extend_from_slice(rest);
    out.push(b'"');
}

/// A decimal number without its spelling: significant digits and the power of ten of the last one.
#[derive(PartialEq, Eq)]
struct Decimal {
    negative: bool,
    digits: String,
    exponent: i64,
}

impl Decimal {
    /// Of JSON number text; `None` for an exponent beyond any double's.
    fn of(text: &str) -> Option<Decimal> {
        let (negative, text) = text.strip_prefix('-').map_or((false, text), |text| (true, text));
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits = format!("{whole}{fraction}");
        let significant = digits.trim_end_matches('0');
        let trailing = i64::try_from(digits.len().checked_sub(significant.len())?).ok()?;
        let exponent: i64 = exponent.parse().ok()?;
        let exponent = exponent
            .checked_sub(i64::try_from(fraction.len()).ok()?)?
            .checked_add(trailing)?;
        let significant = significant.trim_start_matches('0');
        if significant.is_empty() {
            return Some(Decimal {
                negative: false,
                digits: String::new(),
                exponent: 0,
            });
        }
        Some(Decimal {
            negative,
            digits: significant.to_owned(),
            exponent,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::parse;
    use serde_json::json;

    fn check(input: &str, expected: &str) {
        let value = parse(input.as_bytes(), 1 << 16).expect("JSON");
        let canonical = canonicalize(&value).expect("canonical");
        assert_eq!(String::from_utf8(canonical).expect("UTF-8"), expected, "{input}");
    }

    #[test]
    fn rfc_8785_section_3_2_2_example() {
        check(
            r#"{ "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
                 "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/", "literals": [null, true, false] }"#,
            "{\"literals\":[null,true,false],\"numbers\":[333333333.3333333,1e+30,4.5,0.002,1e-27],\"string\":\"€$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"}",
        );
    }

    #[test]
    fn rfc_8785_section_3_2_3_names_are_sorted_by_utf_16() {
        check(
            r#"{"\u20ac":"Euro Sign","\r":"Carriage Return","\ufb33":"Hebrew Letter Dalet With Dagesh","1":"One",
                "\ud83d\ude00":"Emoji: Grinning Face","\u0080":"Control","\u00f6":"Latin Small Letter O With Diaeresis"}"#,
            "{\"\\r\":\"Carriage Return\",\"1\":\"One\",\"\u{80}\":\"Control\",\"ö\":\"Latin Small Letter O With Diaeresis\",\"€\":\"Euro Sign\",\"😀\":\"Emoji: Grinning Face\",\"\u{fb33}\":\"Hebrew Letter Dalet With Dagesh\"}",
        );
    }

    #[test]
    fn rfc_8785_appendix_b_numbers() {
        for (bits, expected) in [
            (0x0000_0000_0000_0000_u64, "0"),
            (0x8000_0000_0000_0000, "0"),
            (0x0000_0000_0000_0001, "5e-324"),
            (0x8000_0000_0000_0001, "-5e-324"),
            (0x7fef_ffff_ffff_ffff, "1.7976931348623157e+308"),
            (0xffef_ffff_ffff_ffff, "-1.7976931348623157e+308"),
            (0x4340_0000_0000_0000, "9007199254740992"),
            (0xc340_0000_0000_0000, "-9007199254740992"),
            (0x4430_0000_0000_0000, "295147905179352830000"),
            (0x44b5_2d02_c7e1_4af5, "9.999999999999997e+22"),
            (0x44b5_2d02_c7e1_4af6, "1e+23"),
            (0x44b5_2d02_c7e1_4af7, "1.0000000000000001e+23"),
            (0x444b_1ae4_d6e2_ef4e, "999999999999999700000"),
            (0x444b_1ae4_d6e2_ef4f, "999999999999999900000"),
            (0x444b_1ae4_d6e2_ef50, "1e+21"),
            (0x3eb0_c6f7_a0b5_ed8c, "9.999999999999997e-7"),
            (0x3eb0_c6f7_a0b5_ed8d, "0.000001"),
            (0x41b3_de43_5555_5553, "333333333.3333332"),
            (0x41b3_de43_5555_5554, "333333333.33333325"),
            (0x41b3_de43_5555_5555, "333333333.3333333"),
            (0x41b3_de43_5555_5556, "333333333.3333334"),
            (0x41b3_de43_5555_5557, "333333333.33333343"),
            (0xbecb_f647_612f_3696, "-0.0000033333333333333333"),
            (0x4314_3ff3_c1cb_0959, "1424953923781206.2"),
        ] {
            check(&format!("{:e}", f64::from_bits(bits)), expected);
        }
    }

    #[test]
    fn a_number_that_is_no_finite_double_is_refused() {
        let huge = parse(b"[1e400]", 99).expect("JSON");
        assert_eq!(
            canonicalize(&huge).map_err(|problem| problem.code),
            Err(Code::Malformed)
        );
        check("[1e308]", "[1e+308]");
    }

    #[test]
    fn empty_and_control_characters() {
        check(
            r#"{"":[],"a":{},"b":"\u0000\u001f\u007f\b\t\n\f\r"}"#,
            "{\"\":[],\"a\":{},\"b\":\"\\u0000\\u001f\u{7f}\\b\\t\\n\\f\\r\"}",
        );
    }

    #[test]
    fn nesting_beyond_the_limit_is_refused() {
        let nested = |levels: usize| (0..levels).fold(json!(1), |value, _| json!([value]));
        assert!(canonicalize(&nested(DEPTH_MAX)).is_ok());
        assert_eq!(
            canonicalize(&nested(DEPTH_MAX + 1)).map_err(|problem| problem.code),
            Err(Code::TooLarge)
        );
    }

    #[test]
    fn digits_that_canonical_form_drops_are_found_and_other_spellings_are_not() {
        for text in [
            "9007199254740993",
            "1.00000000000000000001",
            "1e400",
            "[0.1000000000000000055511151231257827]",
            "1e-400",
        ] {
            assert!(loses_digits(&parse(text.as_bytes(), 99).expect("JSON")), "{text}");
        }
        for text in [
            "9007199254740992",
            "450.00",
            "1e2",
            "100",
            "-0",
            "0.00",
            "1E30",
            "0.1",
            "[-12.5e-3]",
            "\"x\"",
        ] {
            assert!(!loses_digits(&parse(text.as_bytes(), 99).expect("JSON")), "{text}");
        }
    }
}
