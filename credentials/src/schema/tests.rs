//! Credential types: declarations, rows, classes.

use super::*;
use crate::{Code, Problem, Timestamp, json};
use proptest::prelude::*;
use serde_json::json;
use std::sync::Arc;

mod builtin;
mod csv;
mod declarations;
mod lists;

/// A type that this crate does not have, with one field of every kind.
const SEVENTH: &str = r##"{
  "schema": "credential-type/v1",
  "id": "T07",
  "name": "BoatLicence",
  "vct": "urn:test:BoatLicence:1",
  "label": {"nb": "Båtførerbevis", "en": "Boat licence"},
  "holder": {"kind": "person", "number": ["fnr"], "proof": {"credential": {"vct": "urn:eudi:pid:1", "path": ["personal_administrative_number"]}}},
  "row_key": [["fnr"], ["nummer"]],
  "validity": {"days": 10},
  "copies": 2,
  "as_of": ["oppdatert"],
  "names": {"status": "bevisstatus"},
  "fields": [
    {"path": ["fnr"], "class": "S", "label": {"nb": "Fødselsnummer", "en": "National identity number"}},
    {"path": ["oppdatert"], "class": "A", "label": {"nb": "Oppdatert", "nn": "Oppdatert no", "en": "Updated"}},
    {"path": ["baater", null, "hemmelig"], "class": "X", "label": {"nb": "Hemmelig", "en": "Secret"}},
    {"path": ["helse"], "class": "S", "label": {"nb": "Helse", "en": "Health"}, "sensitive": true},
    {"path": ["merke"], "class": "S", "label": {"nb": "Merke", "en": "Mark"}, "sensitive_values": ["briller"]}
  ],
  "claims": {
    "type": "object", "additionalProperties": false, "required": ["fnr", "nummer"],
    "properties": {
      "fnr": {"type": "string", "format": "fodselsnummer"},
      "nummer": {"type": "integer", "minimum": 1, "maximum": 1000000000000000000},
      "oppdatert": {"type": "string", "format": "instant"},
      "bevisstatus": {"type": "string"},
      "konto": {"type": "string", "format": "kontonummer"},
      "eier": {"type": "string", "format": "norsk_identifikator"},
      "maaned": {"type": "string", "format": "month"},
      "avgift": {"type": "string", "format": "decimal"},
      "gyldig": {"type": "boolean"},
      "helse": {"$ref": "#/$defs/helse"},
      "merke": {"type": "string"},
      "fri": {"type": "object"},
      "baater": {"type": "array", "items": {"type": "object", "additionalProperties": false,
        "properties": {"navn": {"type": "string"}, "verdi": {"type": "string", "format": "decimal"}, "hemmelig": {"type": "string"}}}}
    },
    "$defs": {"helse": {"type": "object", "additionalProperties": false, "properties": {"syn": {"type": "string", "format": "date"}}}}
  }
}"##;

fn seventh() -> CredentialType {
    CredentialType::parse(SEVENTH.as_bytes()).expect("declaration")
}

fn read(text: &str) -> Value {
    json::parse(text.as_bytes(), 1 << 20).expect("JSON")
}

/// The smallest row of the seventh type with members on top.
fn with(more: &str) -> Value {
    read(&format!(
        r#"{{"fnr":"14858834016","nummer":7{}{more}}}"#,
        if more.is_empty() { "" } else { "," }
    ))
}

fn check(more: &str, expected: Result<(), (&str, &str)>) {
    let found = seventh().row(with(more)).map(|_| ());
    let expected = expected.map_err(|(path, reason)| RowError::new(path, reason));
    assert_eq!(found, expected, "{more}");
}

#[test]
fn check_digits_and_forms_of_text_are_checked_by_format() {
    check("", Ok(()));
    for (member, right, wrong, reason) in [
        ("konto", "12340456716", "12340456717", "check_digit"),
        ("eier", "312045877", "112233445", "check_digit"),
        ("eier", "52849448080", "52849448081", "check_digit"),
        ("maaned", "2026-12", "2026-13", "schema"),
        ("maaned", "2026-01", "2026-1", "schema"),
        ("oppdatert", "2026-07-10T04:00:00Z", "2026-07-10 04:00:00Z", "schema"),
        (
            "oppdatert",
            "2026-07-10T04:00:00.120+02:00",
            "2026-07-10T04:00:00",
            "schema",
        ),
        ("oppdatert", "2026-07-10T04:00:00Z", "2026-07-10T04Z", "schema"),
        (
            "oppdatert",
            "2026-07-10T04:00:00Z",
            "2026-07-10T04:00:00Z[UTC]",
            "schema",
        ),
        ("avgift", "-0.50", ".5", "decimal"),
        ("avgift", "450", "450.123", "decimal"),
        ("avgift", "450.1", "4,50", "decimal"),
        ("avgift", "450.1", "1e3", "decimal"),
        ("avgift", "12345678901234567.12", "123456789012345678.12", "decimal"),
    ] {
        check(&format!(r#""{member}":"{right}""#), Ok(()));
        check(&format!(r#""{member}":"{wrong}""#), Err((member, reason)));
    }
    check(r#""helse":{"syn":"1958-02-28"}"#, Ok(()));
    check(r#""helse":{"syn":"1958-02-29"}"#, Err(("helse.syn", "schema")));
    let row = json!({"fnr": "14858834017", "nummer": 7});
    assert_eq!(seventh().row(row), Err(RowError::new("fnr", "check_digit")));
}

#[test]
fn a_number_at_a_decimal_place_keeps_its_own_text() {
    for (number, text) in [
        ("48500", "48500"),
        ("48500.00", "48500.00"),
        ("-0.1", "-0.1"),
        ("12345678901234567.10", "12345678901234567.10"),
    ] {
        let row = seventh()
            .row(with(&format!(r#""baater":[{{"verdi":{number}}}]"#)))
            .expect("row");
        assert_eq!(row.value()["baater"][0]["verdi"], text);
    }
    for number in ["1e3", "1E-2", "0.123", "123456789012345678901"] {
        check(
            &format!(r#""baater":[{{}},{{"verdi":{number}}}]"#),
            Err(("baater[1].verdi", "decimal")),
        );
    }
}

#[test]
fn a_number_elsewhere_must_be_an_integer_that_canonical_json_can_hold() {
    for (number, fine) in [
        ("9007199254740991", true),
        ("9007199254740992", false),
        ("1.0", false),
        ("1e2", false),
        ("0", false),
    ] {
        let row = read(&format!(r#"{{"fnr":"14858834016","nummer":{number}}}"#));
        let expected = if fine {
            Ok(())
        } else {
            Err(RowError::new("nummer", "schema"))
        };
        assert_eq!(seventh().row(row).map(|_| ()), expected, "{number}");
    }
    check(r#""fri":{"dypt":[1]}"#, Ok(()));
    check(r#""fri":{"dypt":[1.5]}"#, Err(("fri.?", "schema")));
}

#[test]
fn what_a_closed_shape_does_not_have_is_refused_without_telling_its_name() {
    check(r#""14858834016":1"#, Err(("", "schema")));
    check(r#""baater":[{"navn":"A"}]"#, Ok(()));
    check(r#""baater":[{"14858834016":"A"}]"#, Err(("baater[0]", "schema")));
    check(r#""baater":[{"14858834016":1.5}]"#, Err(("baater[0].?", "schema")));
    check(r#""gyldig":"ja""#, Err(("gyldig", "schema")));
}

#[test]
fn size_depth_text_and_names_of_a_row_are_bounded() {
    let long = |length: usize| format!(r#""merke":"{}""#, "a".repeat(length));
    check(&long(4096), Ok(()));
    check(&long(4097), Err(("merke", "too_large")));
    let many = |count: usize| {
        let boat = format!(r#"{{"navn":"{}"}}"#, "a".repeat(1000));
        format!(r#""baater":[{}]"#, vec![boat; count].join(","))
    };
    check(&many(60), Ok(()));
    check(&many(70), Err(("", "too_large")));
    let nested = |levels: usize| format!(r#""fri":{{"a":{}{}}}"#, "[".repeat(levels), "]".repeat(levels));
    check(&nested(10), Ok(()));
    check(&nested(25), Err(("fri.?", "too_large")));
    check(r#""merke":"to\nlinjer""#, Ok(()));
    for deceptive in [r"\u0000", r"\u001b[31m", r"\u202e", r"\u2066", r"\u0085"] {
        check(&format!(r#""merke":"{deceptive}""#), Err(("merke", "schema")));
    }
    for reserved in ["_sd", "..."] {
        check(&format!(r#""fri":{{"{reserved}":["a"]}}"#), Err(("fri.?", "schema")));
    }
    for not_a_row in ["[]", "1", "null", "\"fnr\""] {
        assert_eq!(seventh().row(read(not_a_row)), Err(RowError::new("", "not_an_object")));
    }
}

#[test]
fn a_row_without_its_key_or_with_a_reserved_name_twice_is_refused() {
    assert_eq!(
        seventh().row(json!({"fnr": "14858834016"})).map(|_| ()),
        Err(RowError::new("", "schema"))
    );
    let row = seventh().row(with(r#""status":"ny""#)).expect("row");
    assert_eq!(row.value()["bevisstatus"], "ny");
    assert_eq!(row.value().get("status"), None);
    check(r#""status":"ny","bevisstatus":"ny""#, Err(("bevisstatus", "schema")));
}

#[test]
fn a_key_of_several_paths_cannot_be_made_equal_to_another() {
    let key = |a: &str, b: &str| {
        let mut declared = read(SEVENTH);
        declared["row_key"] = json!([["merke"], ["bevisstatus"]]);
        let declared = CredentialType::parse(declared.to_string().as_bytes()).expect("declaration");
        let row = json!({"fnr": "14858834016", "nummer": 1, "merke": a, "bevisstatus": b});
        declared.row_key(&declared.row(row).expect("row")).expect("key")
    };
    assert_eq!(key("a", "b"), "a|b");
    assert_ne!(key("a|b", "c"), key("a", "b|c"));
    assert_ne!(key("a\\", "|b"), key("a\\|", "b"));
    let row = seventh().row(with("")).expect("row");
    assert_eq!(seventh().row_key(&row).as_deref(), Some("14858834016|7"));
    assert_eq!(seventh().holder_number(&row).as_deref(), Some("14858834016"));
}

#[test]
fn claims_are_without_what_is_withheld_and_with_the_as_of_time_of_the_day() {
    let declared = seventh();
    let row = declared
        .row(with(
            r#""oppdatert":"2026-07-10T23:30:00+02:00","baater":[{"navn":"A","hemmelig":"h"},{"navn":"B"}]"#,
        ))
        .expect("row");
    let claims = declared.claims(&row);
    assert_eq!(
        claims.value(),
        &json!({"fnr": "14858834016", "nummer": 7, "oppdatert": "2026-07-10T00:00:00Z", "baater": [{"navn": "A"}, {"navn": "B"}]})
    );
    assert_eq!(declared.shown(claims.value()), Ok(()));
    assert_eq!(row.value()["baater"][0]["hemmelig"], "h");
}

#[test]
fn a_part_of_the_claims_is_in_order_and_more_than_the_type_has_is_not() {
    let declared = seventh();
    for part in [
        json!({}),
        json!({"nummer": 7}),
        json!({"baater": [{}]}),
        json!({"baater": [{"verdi": "1.00"}]}),
    ] {
        assert_eq!(declared.shown(&part), Ok(()), "{part}");
    }
    for (wrong, path, reason) in [
        (json!({"baater": [{"hemmelig": "h"}]}), "baater[].hemmelig", "schema"),
        (json!({"annet": 1}), "", "schema"),
        (json!({"fnr": "14858834017"}), "fnr", "check_digit"),
        (json!({"baater": [{"verdi": 1}]}), "", "decimal"),
        (json!([]), "", "not_an_object"),
    ] {
        assert_eq!(declared.shown(&wrong), Err(RowError::new(path, reason)), "{wrong}");
    }
}

#[test]
fn a_path_has_the_class_of_the_nearest_field_above_it() {
    let declared = seventh();
    let class = |text: &str| declared.class(&serde_json::from_str(text).expect("path"));
    assert_eq!(class(r#"["baater",null,"hemmelig"]"#), Class::X);
    assert_eq!(class(r#"["baater",null,"hemmelig","under"]"#), Class::X);
    assert_eq!(class(r#"["baater",null,"navn"]"#), Class::S);
    assert_eq!(class(r#"["oppdatert"]"#), Class::A);
    assert_eq!(class(r#"["helse","syn"]"#), Class::S);
}

#[test]
fn labels_and_special_categories_are_found_by_path() {
    let declared = seventh();
    let syn = Path::of(&["helse", "syn"]);
    assert_eq!(declared.label(&Path::of(&["oppdatert"]), "nn"), "Oppdatert no");
    assert_eq!(declared.label(&Path::of(&["fnr"]), "nn"), "Fødselsnummer");
    assert_eq!(declared.label(&Path::of(&["fnr"]), "xx"), "Fødselsnummer");
    assert_eq!(declared.label(&syn, "nb"), "syn");
    let elements = Path(vec![Some("baater".into()), None]);
    assert_eq!(declared.label(&elements, "nb"), "baater");
    assert!(declared.is_sensitive(&syn, &json!("1988-05-14")));
    assert!(declared.is_sensitive(&Path::of(&["merke"]), &json!("briller")));
    assert!(!declared.is_sensitive(&Path::of(&["merke"]), &json!("hatt")));
    assert!(!declared.is_sensitive(&Path::of(&["fnr"]), &json!("briller")));
}

#[test]
fn paths_print_and_read_as_the_standard_has_them_within_bounds() {
    let text = r#"["a",null,"b"]"#;
    let path: Path = serde_json::from_str(text).expect("path");
    assert_eq!(path.to_string(), "a[].b");
    assert_eq!(serde_json::to_string(&path).expect("JSON"), text);
    for wrong in [
        "[]".to_owned(),
        "[null]".to_owned(),
        "[0]".to_owned(),
        "[\"\"]".to_owned(),
        format!("[\"{}\"]", "a".repeat(65)),
        format!("[{}]", ["\"a\""; 9].join(",")),
    ] {
        assert!(serde_json::from_str::<Path>(&wrong).is_err(), "{wrong}");
    }
    let value = json!({"a": [{"b": 1}, {}, {"b": null}, 3]});
    assert_eq!(values_at(&value, &path), [&json!(1), &json!(null)]);
    assert!(Path::of(&["a"]).covers(&path) && !path.covers(&Path::of(&["a"])));
    assert!(!Path::of(&["ab"]).covers(&path));
}

#[test]
fn a_stored_row_is_the_same_row_again() {
    let row = seventh()
        .row(with(r#""baater":[{"verdi":48500.00}],"fri":{"dypt":[1,-2]}"#))
        .expect("row");
    let text = serde_json::to_string(&row).expect("JSON");
    assert_eq!(serde_json::from_str::<Row>(&text).expect("row"), row);
    let bytes = crate::protocol::encode(&row).expect("CBOR");
    assert_eq!(crate::protocol::decode::<Row>(&bytes, ROW_MAX).expect("row"), row);
    assert_eq!(format!("{row:?}{:?}", seventh().claims(&row)), "Row(..)Claims(..)");
}

fn any_json() -> impl Strategy<Value = Value> {
    let names = prop::sample::select(vec![
        "fnr", "nummer", "avgift", "baater", "navn", "verdi", "hemmelig", "fri", "helse", "status", "x",
    ]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(|number| json!(number)),
        ".{0,12}".prop_map(Value::from),
        Just(json!("14858834016")),
        Just(json!("10.00")),
    ];
    leaf.prop_recursive(4, 40, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(names.clone().prop_map(str::to_owned), inner, 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn whatever_is_taken_as_a_row_gives_claims_that_are_in_order(value in any_json(), extra in any_json()) {
        let declared = seventh();
        let mut whole = with("");
        whole["baater"] = json!([extra]);
        whole["fri"] = json!({"x": value.clone()});
        for candidate in [value, whole] {
            if let Ok(row) = declared.row(candidate) {
                let claims = declared.claims(&row);
                prop_assert!(!json::has_float(claims.value()));
                prop_assert_eq!(declared.shown(claims.value()), Ok(()));
                prop_assert_eq!(&declared.row(row.value().clone()), &Ok(row));
            }
        }
    }
}
