//! The receipt as JSON-LD: expanded by the JSON-LD library with nothing but what stands in it.

use super::*;
use crate::trust::cast::{self, BANK, did, kid, now};
use crate::verify::Verdict;
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use ssi::json_ld::syntax::{Parse as _, Value as LdValue};
use ssi::json_ld::{CompactJsonLd, Expandable as _, StaticLoader};
use ssi::rdf::{AnyLdEnvironment as _, LdEnvironment};
use std::collections::{BTreeMap, BTreeSet};
use std::future::Future as _;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

const DPV: &str = "https://w3id.org/dpv#";
const RDF_TYPE: &str = "http://www.w3.org/1999/02/22-rdf-syntax-ns#type";

fn text_hash() -> String {
    BASE64_URL_SAFE_NO_PAD.encode([7; 32])
}

fn decision(outcome: &str) -> String {
    let is_refused = outcome == "refused";
    let claims = BTreeMap::from([("income".to_owned(), vec![Path::of(&["personidentifikator"])])]);
    let decision = Decision {
        request: text_hash(),
        recipient: did(BANK),
        service: "S01".to_owned(),
        purpose: "loan_application".to_owned(),
        text: text_hash(),
        language: "nn".to_owned(),
        claims: if is_refused { BTreeMap::new() } else { claims },
        outcome: outcome.to_owned(),
        ground: "consent".to_owned(),
        until: (!is_refused).then(|| now().plus(1_000)),
        at: now(),
    };
    decision.sign(&cast::key(77)).expect("signs")
}

fn grant() -> String {
    let grant = Grant {
        id: BASE64_URL_SAFE_NO_PAD.encode([7; 16]),
        issuer: did("lanekassen.example"),
        asker: did(BANK),
        service: "S15".to_owned(),
        purpose: "student_loan_overview".to_owned(),
        kind: crate::grant::Kind::Login,
        vct: "urn:bevis:StudentLoanBalance:1".to_owned(),
        claims: vec![Path::of(&["TotalAmount"])],
        nbf: now(),
        exp: now().plus(300 * crate::time::DAY),
        uses_per_day: 24,
        request: text_hash(),
        text: text_hash(),
        language: "nb".to_owned(),
    };
    grant.sign(&cast::key(77)).expect("signs")
}

fn receipt(given: &str) -> String {
    let receipt = Receipt {
        request: text_hash(),
        answer: text_hash(),
        decision: Some(hash(given)),
        asker: did(BANK),
        verdict: Verdict::Valid,
        code: None,
        kept: BTreeMap::new(),
        until: Some(now().plus(900)),
        ground: "creditworthiness_duty".to_owned(),
        at: now().plus(1),
    };
    receipt.sign(&kid(BANK), &cast::key(4)).expect("signs")
}

/// Statements as (subject, predicate, object), by a library of others that has no document but this one.
fn statements(document: &str) -> BTreeSet<(String, String, String)> {
    let (json, _) = LdValue::parse_str(document).expect("JSON");
    let document = CompactJsonLd(json);
    let mut environment = LdEnvironment::default();
    let expanded = {
        let mut future = pin!(document.expand_with(&mut environment, &StaticLoader));
        match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(expanded) => expanded.expect("expands"),
            Poll::Pending => panic!("it waits for a document"),
        }
    };
    let quads = environment.quads_of(&expanded).expect("RDF");
    let plain = |text: String| text.trim_matches(['<', '>']).to_owned();
    quads
        .into_iter()
        .map(|quad| {
            (
                plain(quad.0.to_string()),
                plain(quad.1.to_string()),
                plain(quad.2.to_string()),
            )
        })
        .collect()
}

fn objects(statements: &BTreeSet<(String, String, String)>, predicate: &str) -> Vec<String> {
    let found = statements.iter().filter(|(_, known, _)| known == predicate);
    found.map(|(_, _, object)| object.clone()).collect()
}

#[test]
fn the_receipt_expands_to_the_vocabularys_terms_with_nothing_fetched() {
    let given = decision("shared");
    let receipt = receipt(&given);
    let papers = Papers {
        given: &given,
        receipt: Some(&receipt),
        ..Papers::default()
    };
    let document = json_ld(&papers, now()).expect("a document");
    let all = statements(&document);
    let dpv = |term: &str| format!("{DPV}{term}");
    let types: BTreeSet<String> = objects(&all, RDF_TYPE).into_iter().collect();
    for class in [
        "ConsentReceipt",
        "ConsentRecord",
        "DataSubject",
        "DataController",
        "ConsentNotice",
        "Process",
        "Purpose",
        "PersonalData",
        "StorageDuration",
        "ConsentGiven",
        "ExplicitlyExpressedConsent",
        "WithdrawConsent",
    ] {
        assert!(types.contains(&dpv(class)), "{class}: {types:?}");
    }
    for (property, object) in [
        ("hasRecipient", did(BANK).to_string()),
        ("hasJurisdiction", "https://w3id.org/dpv/loc#NO".to_owned()),
        ("hasLegalBasis", "https://w3id.org/dpv/legal/eu/gdpr#A6-1-a".to_owned()),
        ("hasApplicableLaw", "https://w3id.org/dpv/legal/eu/gdpr#GDPR".to_owned()),
    ] {
        assert_eq!(objects(&all, &dpv(property)), [object], "{property}");
    }
    for property in [
        "hasDataSubject",
        "hasDataController",
        "hasNotice",
        "hasProcess",
        "hasPurpose",
        "hasPersonalData",
        "hasStorageCondition",
        "hasDuration",
        "hasConsentStatus",
        "hasConsentControl",
        "hasRecordOfActivity",
    ] {
        assert_eq!(objects(&all, &dpv(property)).len(), 1, "{property}");
    }
    assert_eq!(objects(&all, &dpv("hasRight")).len(), 3);
    // Both signatures are in it, whole, and the hash and language of the text that was read.
    let value = "http://www.w3.org/1999/02/22-rdf-syntax-ns#value";
    let held = objects(&all, value).join(" ");
    assert!(held.contains(&given) && held.contains(&receipt));
    let language = objects(&all, "http://purl.org/dc/terms/language");
    assert!(language.len() == 1 && language[0].contains("nn"), "{language:?}");
    let checksum = objects(&all, "http://spdx.org/rdf/terms#checksumValue");
    assert!(
        checksum.len() == 1 && checksum[0].contains(&"07".repeat(32)),
        "{checksum:?}"
    );
    // Every name that is used is one of the context's or a word of the vocabularies.
    assert!(all.iter().all(|(_, predicate, _)| predicate.contains("://")), "{all:?}");
}

#[test]
fn both_sides_write_the_same_bytes_and_no_claim_value_or_person_is_in_them() {
    let given = decision("shared");
    let receipt = receipt(&given);
    let papers = Papers {
        given: &given,
        receipt: Some(&receipt),
        ..Papers::default()
    };
    let one = json_ld(&papers, now()).expect("a document");
    assert_eq!(
        json_ld(&papers, now().plus(60)),
        Ok(one.clone()),
        "a time alone changes nothing"
    );
    let read: Value = serde_json::from_str(&one).expect("JSON");
    assert_eq!(canonical::canonicalize(&read), Ok(one.into_bytes()));
}

#[test]
fn a_refusal_a_withdrawal_and_an_end_are_different_states() {
    let state = |papers: &Papers<'_>, at| -> Vec<String> {
        let document: Value = serde_json::from_str(&json_ld(papers, at).expect("a document")).expect("JSON");
        let states = document["dpv:hasRecordOfActivity"]["dpv:hasConsentStatus"]
            .as_array()
            .expect("states")
            .clone();
        let name = |it: &Value| {
            it["@type"]
                .as_str()
                .or(it["@type"][0].as_str())
                .expect("a type")
                .to_owned()
        };
        states.iter().map(name).collect()
    };
    let refused = decision("refused");
    let of_refusal = Papers {
        given: &refused,
        ..Papers::default()
    };
    assert_eq!(state(&of_refusal, now()), ["dpv:ConsentRefused"]);

    let grant = grant();
    let opened = OpenedGrant::open(&grant).expect("opens");
    let of_grant = Papers {
        given: &grant,
        ..Papers::default()
    };
    let (from, end) = (opened.grant().nbf, opened.grant().exp);
    assert_eq!(state(&of_grant, from), ["dpv:ConsentGiven"]);
    assert_eq!(state(&of_grant, end), ["dpv:ConsentGiven", "dpv:ConsentExpired"]);
    let withdrawal = Withdrawal {
        grant: opened.name(),
        issuer: opened.grant().issuer.clone(),
        at: from.plus(5),
    };
    let withdrawal = withdrawal.sign(&cast::key(77)).expect("signs");
    let withdrawn = Papers {
        withdrawal: Some(&withdrawal),
        ..of_grant
    };
    assert_eq!(state(&withdrawn, end), ["dpv:ConsentGiven", "dpv:ConsentWithdrawn"]);
    let of_another = Papers {
        given: &refused,
        withdrawal: Some(&withdrawal),
        ..Papers::default()
    };
    assert_eq!(
        json_ld(&of_another, end).map_err(|problem| problem.code),
        Err(Code::WrongRequest)
    );
}

#[test]
fn a_receipt_of_another_decision_makes_no_document() {
    let (given, other) = (decision("shared"), decision("refused"));
    let receipt = receipt(&other);
    let papers = Papers {
        given: &given,
        receipt: Some(&receipt),
        ..Papers::default()
    };
    assert_eq!(
        json_ld(&papers, now()).map_err(|problem| problem.code),
        Err(Code::WrongRequest)
    );
}
