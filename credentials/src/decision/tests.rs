//! Decisions and receipts: signed, read back, refused when bent.

use super::*;
use crate::trust::cast::{self, BANK, TAX, did, kid, now};
use crate::verify::Verdict;
use serde_json::json;
use std::collections::BTreeMap;

fn hash() -> String {
    BASE64_URL_SAFE_NO_PAD.encode([1; 32])
}

fn decision() -> Decision {
    Decision {
        request: hash(),
        recipient: did(BANK),
        service: "S01".to_owned(),
        purpose: "loan_application".to_owned(),
        text: hash(),
        language: "nn".to_owned(),
        claims: BTreeMap::from([("income".to_owned(), vec![Path::of(&["personidentifikator"])])]),
        outcome: "shared".to_owned(),
        at: now(),
    }
}

fn receipt() -> Receipt {
    Receipt {
        request: hash(),
        answer: hash(),
        asker: did(BANK),
        verdict: Verdict::Invalid,
        code: Some(Code::Revoked),
        kept: BTreeMap::new(),
        until: Some(now()),
        ground: "creditworthiness_duty".to_owned(),
        at: now(),
    }
}

fn raw(typ: &str, kid: Option<&str>, header: Value, record: &Value, key: u8) -> String {
    let Value::Object(header) = header else {
        panic!("a header is an object");
    };
    jws::sign(typ, kid, header, record, &cast::key(key)).expect("signs")
}

#[test]
fn a_decision_is_opened_as_it_was_signed_with_the_key_that_signed_it() {
    let text = decision().sign(&cast::key(77)).expect("signs");
    let (opened, key) = Decision::open(&text).expect("opens");
    assert_eq!(opened, decision());
    assert_eq!(key, cast::key(77).verifying_key());
}

#[test]
fn a_decision_that_its_key_did_not_sign_is_refused() {
    let record = to_value(&decision()).expect("JSON");
    let own = json!({ "jwk": cast::key(77).verifying_key().to_jwk() });
    let open = |text: &str| Decision::open(text).map(|_| ()).map_err(|problem| problem.code);
    assert_eq!(open(&raw(DECISION_TYP, None, own.clone(), &record, 77)), Ok(()));
    assert_eq!(
        open(&raw(DECISION_TYP, None, own.clone(), &record, 78)),
        Err(Code::SignatureInvalid)
    );
    assert_eq!(
        open(&raw(DECISION_TYP, None, json!({}), &record, 77)),
        Err(Code::Malformed)
    );
    assert_eq!(
        open(&raw(RECEIPT_TYP, None, own, &record, 77)),
        Err(Code::Malformed),
        "signed for something else"
    );
}

#[test]
fn the_fields_of_a_decision_keep_their_form() {
    let own = json!({ "jwk": cast::key(77).verifying_key().to_jwk() });
    for (name, value) in [
        ("request", json!("AAAA")),
        ("text", json!("not base64url!")),
        ("language", json!("se")),
        ("outcome", json!("maybe")),
        ("recipient", json!("bank")),
        ("at", json!("now")),
        ("value", json!("48500.00")),
    ] {
        let mut record = to_value(&decision()).expect("JSON");
        record[name] = value;
        let text = raw(DECISION_TYP, None, own.clone(), &record, 77);
        let code = Decision::open(&text).map(|_| ()).map_err(|problem| problem.code);
        assert_eq!(code, Err(Code::Malformed), "{name}");
    }
    let mut wrong = decision();
    wrong.language = "se".to_owned();
    assert!(wrong.sign(&cast::key(77)).is_err());
}

#[test]
fn a_receipt_counts_when_its_asker_signed_it() {
    let trust = cast::listed(&cast::draft());
    let open = |text: &str| Receipt::open(text, &trust).map_err(|problem| problem.code);
    let text = receipt().sign(&kid(BANK), &cast::key(4)).expect("signs");
    assert_eq!(open(&text), Ok(receipt()));

    let record = to_value(&receipt()).expect("JSON");
    let by = |kid: &str, key: u8| open(&raw(RECEIPT_TYP, Some(kid), json!({}), &record, key)).err();
    assert_eq!(by(&kid(BANK), 4), None);
    assert_eq!(by(&kid(BANK), 99), Some(Code::SignatureInvalid));
    assert_eq!(by(&kid(TAX), 1), Some(Code::Malformed), "another's receipt");
    assert_eq!(by("did:web:bank.example#key-2", 4), Some(Code::UnknownKey));
    assert!(receipt().sign(&kid(TAX), &cast::key(1)).is_err());

    let mut stranger = receipt();
    stranger.asker = did("annen.example");
    let text = stranger.sign(&kid("annen.example"), &cast::key(9)).expect("signs");
    assert_eq!(open(&text).err(), Some(Code::UnknownVerifier));
    let mut late = receipt();
    late.at = now().plus(400 * crate::time::DAY);
    let text = late.sign(&kid(BANK), &cast::key(4)).expect("signs");
    assert_eq!(open(&text).err(), Some(Code::KeyOutsideWindow));
}
