//! What values become, and the limits of a document.

use super::*;
use crate::proof::rdfc;
use serde_json::json;

fn nquads(subject: Value) -> Result<String, Code> {
    let document = json!({
        "@context": ["https://www.w3.org/ns/credentials/v2", "https://www.w3.org/ns/credentials/examples/v2"],
        "id": "urn:s",
        "p": subject,
    });
    let quads = of(&document).map_err(|problem| problem.code)?;
    Ok(rdfc::canonicalize(&quads).map_err(|problem| problem.code)?.nquads)
}

fn check(value: Value, object: &str) {
    assert_eq!(
        nquads(value.clone()).as_deref(),
        Ok(format!("<urn:s> <https://www.w3.org/ns/credentials/examples#p> {object} .\n").as_str()),
        "{value}"
    );
}

#[test]
fn values_become_literals_as_json_ld_says() {
    check(json!("x"), "\"x\"");
    check(json!({"@value": "x", "@language": "nb"}), "\"x\"@nb");
    check(json!({"@value": "x", "@type": "urn:t"}), "\"x\"^^<urn:t>");
    check(json!(true), "\"true\"^^<http://www.w3.org/2001/XMLSchema#boolean>");
    check(json!(-12), "\"-12\"^^<http://www.w3.org/2001/XMLSchema#integer>");
    check(
        json!(9_007_199_254_740_991_u64),
        "\"9007199254740991\"^^<http://www.w3.org/2001/XMLSchema#integer>",
    );
    check(json!({"id": "urn:o"}), "<urn:o>");
    check(json!([{"id": "urn:o"}]), "<urn:o>");
}

#[test]
fn a_number_without_fraction_is_an_integer_however_it_is_written() {
    for text in ["5", "5.0", "0.5e1"] {
        check(
            crate::json::parse(text.as_bytes(), 9).expect("JSON"),
            "\"5\"^^<http://www.w3.org/2001/XMLSchema#integer>",
        );
    }
}

#[test]
fn fractions_are_doubles_in_their_canonical_form() {
    for (text, expected) in [
        ("5.5", "5.5E0"),
        ("-0.25", "-2.5E-1"),
        ("1234.5678", "1.2345678E3"),
        ("1e-7", "1.0E-7"),
    ] {
        let number = crate::json::parse(text.as_bytes(), 99).expect("JSON");
        check(
            number,
            &format!("\"{expected}\"^^<http://www.w3.org/2001/XMLSchema#double>"),
        );
    }
    for text in ["0.1234567890123456", "9007199254740992", "1e300"] {
        let number = crate::json::parse(text.as_bytes(), 99).expect("JSON");
        assert_eq!(nquads(number), Err(Code::Malformed), "{text}");
    }
}

#[test]
fn documents_beyond_a_limit_are_too_large() {
    assert!(nquads(json!("x".repeat(DOCUMENT_MAX - 1000))).is_ok());
    assert_eq!(nquads(json!("x".repeat(DOCUMENT_MAX))), Err(Code::TooLarge));
    let inner = |count: usize| -> Value {
        (0..count)
            .map(|i| json!({"@context": CONTEXTS[0], "id": format!("urn:{i}"), "name": "x"}))
            .collect()
    };
    assert!(nquads(inner(CONTEXTS_MAX - 2)).is_ok());
    assert_eq!(nquads(inner(CONTEXTS_MAX - 1)), Err(Code::TooLarge));
}

#[test]
fn every_built_in_context_can_be_processed() {
    for context in CONTEXTS {
        let document = json!({"@context": context, "@id": "urn:s", "@type": "urn:t"});
        assert_eq!(of(&document).map(|quads| quads.len()), Ok(1), "{context}");
    }
}
