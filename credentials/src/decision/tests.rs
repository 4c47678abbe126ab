//! Decisions and receipts: signed, read back, refused when bent.

use super::*;
use crate::jws;
use crate::record::to_value;
use crate::trust::cast::{self, BANK, TAX, did, kid, now};
use crate::verify::Verdict;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::{Value, json};
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
        ground: "consent".to_owned(),
        until: Some(now().plus(60)),
        at: now(),
    }
}

fn receipt() -> Receipt {
    Receipt {
        request: hash(),
        answer: hash(),
        decision: None,
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
fn a_decision_of_before_grounds_were_named_is_read_and_none_is_signed_so() {
    // As the earlier program wrote it, member by member.
    let before = format!(
        r#"{{"request":"{0}","recipient":"{1}","service":"S01","purpose":"loan_application","text":"{0}","language":"nn","claims":{{"income":[["personidentifikator"]]}},"outcome":"shared","at":{2}}}"#,
        hash(),
        did(BANK),
        now().unix()
    );
    let expected = Decision {
        ground: String::new(),
        until: None,
        ..decision()
    };
    let row: Decision = serde_json::from_str(&before).expect("a row");
    assert_eq!(row, expected);
    assert_eq!(serde_json::to_value(&row).expect("JSON")["until"], Value::Null);
    let own = json!({ "jwk": cast::key(77).verifying_key().to_jwk() });
    let record: Value = serde_json::from_str(&before).expect("JSON");
    let text = raw(DECISION_TYP, None, own, &record, 77);
    assert_eq!(
        Decision::open(&text).expect("opens"),
        (expected.clone(), cast::key(77).verifying_key())
    );
    let refused = expected.sign(&cast::key(77)).map_err(|problem| problem.detail);
    assert_eq!(refused, Err(Some("ground".to_owned())));
    assert!(decision().sign(&cast::key(77)).is_ok());
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
        ("ground", json!("")),
        ("until", json!(0)),
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

fn statement() -> Statement {
    Statement {
        request: hash(),
        asker: did(BANK),
        erased: BTreeMap::from([("income".to_owned(), vec![Path::of(&["personidentifikator"])])]),
        received: now(),
        ground: "creditworthiness_duty".to_owned(),
        erased_at: now().plus(60),
        kept: vec![KeptRecord {
            what: "session".to_owned(),
            ground: "accountability".to_owned(),
            until: now().plus(120),
        }],
        at: now().plus(61),
    }
}

#[test]
fn a_statement_of_erasure_is_opened_as_its_asker_signed_it_and_refused_from_anybody_else() {
    let trust = cast::listed(&cast::draft());
    let open = |text: &str| Statement::open(text, &trust).map_err(|problem| problem.code);
    let text = statement().sign(&kid(BANK), &cast::key(4)).expect("signs");
    assert_eq!(open(&text), Ok(statement()));
    let anothers = statement().sign(&kid(BANK), &cast::key(77)).expect("signs");
    assert_eq!(open(&anothers), Err(Code::SignatureInvalid));
    assert_eq!(
        statement().sign(&kid(TAX), &cast::key(4)).unwrap_err().code,
        Code::Malformed
    );
    let record = to_value(&statement()).expect("JSON");
    let receipt = raw(RECEIPT_TYP, Some(&kid(BANK)), json!({}), &record, 4);
    assert_eq!(open(&receipt), Err(Code::Malformed));
}

#[test]
fn a_statement_of_what_is_not_erased_yet_cannot_be_signed() {
    let early = Statement {
        erased_at: now().plus(62),
        ..statement()
    };
    assert_eq!(early.sign(&kid(BANK), &cast::key(4)).unwrap_err().code, Code::Malformed);
    assert!(statement().sign(&kid(BANK), &cast::key(4)).is_ok());
}

fn deletion(decision: &str) -> Deletion {
    Deletion {
        asker: did(BANK),
        request: hash(),
        decision: super::hash(decision),
        at: now(),
    }
}

#[test]
fn a_deletion_is_asked_for_by_the_key_of_the_decision_and_at_the_asker_that_keeps_it() {
    let given = decision().sign(&cast::key(77)).expect("signs");
    let key = cast::key(77).verifying_key();
    let open = |text: &str, asker: &Did, request: &str, given: &str| {
        Deletion::open(text, asker, request, given, &key).map_err(|problem| problem.code)
    };
    let asked = deletion(&given);
    let text = asked.sign(&cast::key(77)).expect("signs");
    assert_eq!(open(&text, &did(BANK), &hash(), &given), Ok(asked.clone()));
    let anothers = asked.sign(&cast::key(78)).expect("signs");
    assert_eq!(
        open(&anothers, &did(BANK), &hash(), &given),
        Err(Code::SignatureInvalid)
    );
    assert_eq!(
        open(&text, &did(TAX), &hash(), &given),
        Err(Code::WrongRequest),
        "for another asker"
    );
    let other = decision().sign(&cast::key(78)).expect("signs");
    assert_eq!(
        open(&text, &did(BANK), &hash(), &other),
        Err(Code::WrongRequest),
        "of another decision"
    );
    let another_request = BASE64_URL_SAFE_NO_PAD.encode([2; 32]);
    assert_eq!(
        open(&text, &did(BANK), &another_request, &given),
        Err(Code::WrongRequest)
    );
    assert_eq!(
        open(&given, &did(BANK), &hash(), &given),
        Err(Code::Malformed),
        "signed for something else"
    );
}

#[test]
fn a_report_is_read_as_it_was_signed_and_its_complaint_is_bounded() {
    let report = Report {
        authority: "Datatilsynet".to_owned(),
        asker: did(BANK),
        service: "S01".to_owned(),
        request: hash(),
        what: "shared".to_owned(),
        happened: now(),
        complaint: "x".repeat(COMPLAINT_MAX),
        papers: vec![decision().sign(&cast::key(77)).expect("signs")],
        at: now(),
    };
    let text = report.sign(&cast::key(77)).expect("signs");
    assert_eq!(Report::open(&text), Ok((report.clone(), cast::key(77).verifying_key())));
    let altered = Report {
        service: "S15".to_owned(),
        ..report.clone()
    };
    let own = json!({ "jwk": cast::key(77).verifying_key().to_jwk() });
    let forged = raw(REPORT_TYP, None, own, &to_value(&altered).expect("JSON"), 78);
    assert_eq!(
        Report::open(&forged).map_err(|problem| problem.code),
        Err(Code::SignatureInvalid)
    );
    let long = Report {
        complaint: "x".repeat(COMPLAINT_MAX + 1),
        ..report
    };
    assert_eq!(
        long.sign(&cast::key(77)).map_err(|problem| problem.code),
        Err(Code::Malformed)
    );
}
