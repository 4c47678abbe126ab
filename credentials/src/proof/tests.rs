//! W3C vectors, round trips under both suites, and each kind of tampering.

use super::*;
use crate::{Did, SigningKey};
use serde_json::json;

const BOTH: [Suite; 2] = [Suite::Jcs, Suite::Rdfc];

fn secret() -> SigningKey {
    SigningKey::from_bytes(&[7; 32])
}

fn method() -> String {
    Did::Key(secret().verifying_key())
        .verification_method()
        .expect("did:key")
}

fn created() -> Timestamp {
    Timestamp::parse("2026-07-10T04:00:00Z").expect("valid")
}

fn document() -> Value {
    json!({
        "@context": ["https://www.w3.org/ns/credentials/v2", "https://www.w3.org/ns/credentials/examples/v2"],
        "type": ["VerifiableCredential", "ExampleAlumniCredential"],
        "id": "urn:uuid:58172aac-d8ba-11ed-83dd-0b3aef56cc33",
        "issuer": "did:web:skole.example.no",
        "validFrom": "2026-07-10T00:00:00Z",
        "name": {"@value": "Vitnemål", "@language": "nb"},
        "credentialSubject": {
            "id": "did:example:rolig",
            "alumniOf": [{"type": "School", "name": "Skole A", "points": 42}, {"name": "Skole B", "points": 12.5, "closed": true}]
        }
    })
}

fn signed(suite: Suite) -> Value {
    sign(
        suite,
        &document(),
        &method(),
        Purpose::Assertion,
        created(),
        None,
        &secret(),
    )
    .expect("signs")
}

fn check(document: &Value) -> Result<Vec<VerifiedProof>, Problem> {
    verify(document, Purpose::Assertion, &Did::key_of_method)
}

fn code(document: &Value) -> Option<Code> {
    check(document).err().map(|problem| problem.code)
}

/// W3C vc-di-eddsa, test vectors B.1 and B.2: their issuer is not the key's controller, which only the verify gate compares.
fn w3c(suite: &str, proof: Value) -> Value {
    let key = "z6MkrJVnaZkeFzdQyMZu1cgjg7k1pZZ6pvBQ7XJPt4swbTQ2";
    let mut document = json!({
        "@context": ["https://www.w3.org/ns/credentials/v2", "https://www.w3.org/ns/credentials/examples/v2"],
        "id": "urn:uuid:58172aac-d8ba-11ed-83dd-0b3aef56cc33",
        "type": ["VerifiableCredential", "AlumniCredential"],
        "name": "Alumni Credential",
        "description": "A minimum viable example of an Alumni Credential.",
        "issuer": "https://vc.example/issuers/5678",
        "validFrom": "2023-01-01T00:00:00Z",
        "credentialSubject": {"id": "did:example:abcdefgh", "alumniOf": "The School of Examples"},
        "proof": {
            "type": "DataIntegrityProof",
            "cryptosuite": suite,
            "created": "2023-02-24T23:36:38Z",
            "verificationMethod": format!("did:key:{key}#{key}"),
            "proofPurpose": "assertionMethod"
        }
    });
    for (name, value) in proof.as_object().expect("object") {
        document["proof"][name] = value.clone();
    }
    document
}

#[test]
fn w3c_vectors_verify() {
    let context = document()["@context"].clone();
    let jcs = "z2HnFSSPPBzR36zdDgK8PbEHeXbR56YF24jwMpt3R1eHXQzJDMWS93FCzpvJpwTWd3GAVFuUfjoJdcnTMuVor51aX";
    let rdfc = "z2YwC8z3ap7yx1nZYCg4L3j3ApHsF8kgPdSb5xoS1VR7vPG3F561B52hYnQF9iseabecm3ijx4K1FBTQsCZahKZme";
    let jcs = w3c("eddsa-jcs-2022", json!({"@context": context, "proofValue": jcs}));
    let rdfc = w3c("eddsa-rdfc-2022", json!({"proofValue": rdfc}));
    for (document, suite) in [(jcs, Suite::Jcs), (rdfc, Suite::Rdfc)] {
        let proofs = check(&document).expect("verifies");
        assert_eq!(proofs.first().map(|proof| proof.suite), Some(suite));
        let mut altered = document;
        altered["credentialSubject"]["alumniOf"] = "Another School".into();
        assert_eq!(code(&altered), Some(Code::SignatureInvalid));
    }
}

#[test]
fn what_was_signed_verifies_and_says_what_the_proof_said() {
    for suite in BOTH {
        let document = sign(
            suite,
            &document(),
            &method(),
            Purpose::Authentication,
            created(),
            Some(("bank.example.no", "n-1")),
            &secret(),
        )
        .expect("signs");
        let expected = VerifiedProof {
            suite,
            verification_method: method(),
            created: Some(created()),
            expires: None,
            domain: Some("bank.example.no".into()),
            challenge: Some("n-1".into()),
        };
        assert_eq!(
            verify(&document, Purpose::Authentication, &Did::key_of_method),
            Ok(vec![expected])
        );
    }
}

/// Every path to a member or item below `value`, as JSON pointers.
fn pointers(value: &Value, at: &str, found: &mut Vec<String>) {
    let children: Vec<(String, &Value)> = match value {
        Value::Object(members) => members.iter().map(|(name, value)| (name.clone(), value)).collect(),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .map(|(index, value)| (index.to_string(), value))
            .collect(),
        _ => return,
    };
    for (name, child) in children {
        let pointer = format!("{at}/{name}");
        pointers(child, &pointer, found);
        found.push(pointer);
    }
}

fn altered(value: &Value) -> Value {
    match value {
        Value::String(text) => format!("{text}x").into(),
        Value::Number(number) => json!(number.as_f64().unwrap_or_default() + 1.0),
        Value::Bool(bool) => json!(!bool),
        _ => json!("replaced"),
    }
}

#[test]
fn every_altered_or_removed_member_is_refused() {
    for suite in BOTH {
        let document = signed(suite);
        let mut all = Vec::new();
        pointers(&document, "", &mut all);
        assert!(all.len() >= 25, "{}", all.len());
        for pointer in all {
            let mut changed = document.clone();
            let target = changed.pointer_mut(&pointer).expect("exists");
            *target = altered(target);
            assert!(check(&changed).is_err(), "{suite:?}: altered {pointer}");

            let mut removed = document.clone();
            let (parent, name) = pointer.rsplit_once('/').expect("pointer");
            match removed.pointer_mut(parent).expect("exists") {
                Value::Object(members) => drop(members.remove(name)),
                Value::Array(items) => drop(items.remove(name.parse().expect("index"))),
                _ => unreachable!("only objects and arrays have children"),
            }
            assert!(check(&removed).is_err(), "{suite:?}: removed {pointer}");
        }
    }
}

#[test]
fn every_added_member_is_refused() {
    let additions = [
        ("/id2", json!("urn:x")),
        ("/description", json!("added")),
        ("/description", Value::Null),
        ("/description", json!([])),
        ("/@index", json!("1")),
        ("/@direction", json!("rtl")),
        ("/credentialSubject/degree", json!("added")),
        ("/credentialSubject/degree", json!({})),
        ("/credentialSubject/degree", Value::Null),
        ("/credentialSubject/degree", json!([null])),
        ("/credentialSubject/degree", json!({"@value": null})),
        ("/credentialSubject/degree", json!({"@set": []})),
        ("/credentialSubject/@context", json!({"alumniOf": "urn:other"})),
        ("/credentialSubject/@graph", json!([])),
        ("/credentialSubject/@nest", json!({"degree": "x"})),
        ("/proof/nonce", json!("added")),
        ("/proof/expires", json!("2030-01-01T00:00:00Z")),
        ("/proof/domain", json!("bank.example.no")),
        ("/proof/unheard-of", json!("added")),
        ("/proof/unheard-of", Value::Null),
    ];
    for suite in BOTH {
        for (pointer, value) in &additions {
            let mut document = signed(suite);
            let (parent, name) = pointer.rsplit_once('/').expect("pointer");
            document.pointer_mut(parent).expect("exists")[name] = value.clone();
            assert!(check(&document).is_err(), "{suite:?}: {pointer} {value}");
        }
    }
}

#[test]
fn rdf_merges_equal_values_so_they_are_refused() {
    let mut base = document();
    base["credentialSubject"]["marks"] = json!([5, 6]);
    let with = |marks: Value| {
        let mut document = sign(
            Suite::Rdfc,
            &base,
            &method(),
            Purpose::Assertion,
            created(),
            None,
            &secret(),
        )
        .expect("signs");
        document["credentialSubject"]["marks"] = marks;
        check(&document).is_ok()
    };
    assert!(with(json!([5, 6])));
    for marks in [
        json!([5, 6, 6]),
        json!([5, [6]]),
        json!([5, 6, null]),
        json!([5, 6, []]),
        json!([5]),
        json!([5, "6"]),
        json!([5, 6.5]),
    ] {
        assert!(!with(marks.clone()), "{marks}");
    }
}

#[test]
fn identifiers_and_languages_that_rdf_would_drop_are_refused() {
    let refused = |pointer: &str, value: Value| {
        let mut document = document();
        *document.pointer_mut(pointer).expect("exists") = value;
        sign(
            Suite::Rdfc,
            &document,
            &method(),
            Purpose::Assertion,
            created(),
            None,
            &secret(),
        )
        .is_err()
    };
    assert!(!refused("/credentialSubject/id", json!("did:example:munter")));
    assert!(!refused("/name/@language", json!("nn")));
    assert!(refused("/credentialSubject/id", json!("not an IRI")));
    assert!(refused("/credentialSubject/id", json!("relative")));
    assert!(refused("/issuer", json!("relative")));
    assert!(refused("/name/@language", json!("not a tag")));
    assert!(refused("/name/@language", json!("abcdefghij")));
}

#[test]
fn numbers_whose_digits_are_not_covered_are_refused() {
    for suite in BOTH {
        for (number, is_good) in [
            ("42", true),
            ("12.5", true),
            ("9007199254740993", false),
            ("1.00000000000000000001", false),
            ("1e400", false),
        ] {
            let mut document = document();
            document["credentialSubject"]["sum"] = crate::json::parse(number.as_bytes(), 99).expect("JSON");
            let signed = sign(
                suite,
                &document,
                &method(),
                Purpose::Assertion,
                created(),
                None,
                &secret(),
            );
            assert_eq!(signed.is_ok(), is_good, "{suite:?} {number}");
        }
    }
}

#[test]
fn contexts_that_are_not_built_in_are_unsupported_under_rdf() {
    for context in [
        json!("https://example.com/unheard-of"),
        json!({"@vocab": "urn:x#"}),
        json!(["https://www.w3.org/ns/credentials/v2", {"alumniOf": "urn:x"}]),
    ] {
        let mut document = document();
        document["@context"] = context;
        let result = sign(
            Suite::Rdfc,
            &document,
            &method(),
            Purpose::Assertion,
            created(),
            None,
            &secret(),
        );
        assert_eq!(result.map_err(|problem| problem.code), Err(Code::Unsupported));
        assert!(
            sign(
                Suite::Jcs,
                &document,
                &method(),
                Purpose::Assertion,
                created(),
                None,
                &secret()
            )
            .is_ok()
        );
    }
    let mut undefined = document();
    undefined["@context"] = json!(["https://www.w3.org/ns/credentials/v2"]);
    let result = sign(
        Suite::Rdfc,
        &undefined,
        &method(),
        Purpose::Assertion,
        created(),
        None,
        &secret(),
    );
    assert_eq!(
        result.map_err(|problem| problem.code),
        Err(Code::Malformed),
        "undefined terms"
    );
}

#[test]
fn a_jcs_document_may_have_contexts_after_those_of_its_proof_and_no_others() {
    let document = signed(Suite::Jcs);
    let with = |context: Value| {
        let mut document = document.clone();
        document["@context"] = context;
        check(&document).is_ok()
    };
    let (first, second) = (&document["@context"][0], &document["@context"][1]);
    assert!(with(json!([first, second])));
    assert!(with(json!([first, second, "urn:further"])));
    for wrong in [
        json!([second, first]),
        json!([first]),
        json!(["urn:x", first, second]),
        json!(first),
        json!([]),
    ] {
        assert!(!with(wrong.clone()), "{wrong}");
    }
}

#[test]
fn every_proof_of_a_set_must_be_good() {
    for suite in BOTH {
        let good = signed(suite);
        let other = sign(
            suite,
            &document(),
            &method(),
            Purpose::Assertion,
            created().plus(60),
            None,
            &secret(),
        )
        .expect("signs");
        let with = |proofs: Value| {
            let mut document = good.clone();
            document["proof"] = proofs;
            document
        };
        assert_eq!(
            check(&with(json!([good["proof"], other["proof"]])))
                .expect("both good")
                .len(),
            2
        );
        let mut bad = other["proof"].clone();
        bad["created"] = "2026-07-10T04:02:00Z".into();
        assert_eq!(code(&with(json!([good["proof"], bad]))), Some(Code::SignatureInvalid));
        assert_eq!(code(&with(json!([bad, good["proof"]]))), Some(Code::SignatureInvalid));
        assert_eq!(code(&with(json!([]))), Some(Code::Malformed));
        assert_eq!(code(&with(json!([[]]))), Some(Code::Malformed));
        assert_eq!(code(&with(json!("proof"))), Some(Code::Malformed));
        assert_eq!(code(&with(vec![good["proof"].clone(); PROOFS_MAX].into())), None);
        assert_eq!(
            code(&with(vec![good["proof"].clone(); PROOFS_MAX + 1].into())),
            Some(Code::TooLarge)
        );
        assert_eq!(code(&document()), Some(Code::Malformed), "no proof");
    }
}

#[test]
fn each_ill_formed_member_of_a_proof_has_its_code() {
    for suite in BOTH {
        for (name, value, expected) in [
            ("type", json!("Ed25519Signature2020"), Code::Unsupported),
            ("cryptosuite", json!("ecdsa-rdfc-2019"), Code::Unsupported),
            ("previousProof", json!("urn:uuid:1"), Code::Unsupported),
            ("proofPurpose", json!("authentication"), Code::SignatureInvalid),
            ("proofPurpose", json!("keyAgreement"), Code::SignatureInvalid),
            ("proofPurpose", json!(["assertionMethod"]), Code::Malformed),
            ("created", json!("yesterday"), Code::Malformed),
            ("created", json!(1), Code::Malformed),
            ("created", json!("2026-07-10T04:00:01Z"), Code::SignatureInvalid),
            ("domain", json!(["a", "b"]), Code::Malformed),
            ("verificationMethod", json!({"id": "x"}), Code::Malformed),
            (
                "verificationMethod",
                json!("did:web:skole.example.no#1"),
                Code::UnknownKey,
            ),
            ("proofValue", json!("z"), Code::Malformed),
            ("proofValue", json!("uAAAA"), Code::Malformed),
            ("proofValue", json!(format!("z{}", "1".repeat(65))), Code::Malformed),
            (
                "proofValue",
                json!(format!("z{}", "1".repeat(64))),
                Code::SignatureInvalid,
            ),
            ("proofValue", json!("z".repeat(100_000)), Code::Malformed),
        ] {
            let mut document = signed(suite);
            document["proof"][name] = value.clone();
            assert_eq!(code(&document), Some(expected), "{suite:?} {name} {value}");
        }
    }
}

#[test]
fn another_key_or_another_suite_does_not_verify() {
    for suite in BOTH {
        let document = signed(suite);
        let other = SigningKey::from_bytes(&[8; 32]).verifying_key();
        let result = verify(&document, Purpose::Assertion, &|_| Some(other));
        assert_eq!(result.map_err(|problem| problem.code), Err(Code::SignatureInvalid));
        let mut crossed = document;
        crossed["proof"]["cryptosuite"] = if suite == Suite::Jcs { Suite::Rdfc } else { Suite::Jcs }
            .as_str()
            .into();
        assert_eq!(code(&crossed), Some(Code::SignatureInvalid));
    }
}

#[test]
fn a_document_that_has_a_proof_or_is_no_object_is_not_signed() {
    for suite in BOTH {
        for wrong in [signed(suite), json!([]), json!("x")] {
            assert!(sign(suite, &wrong, &method(), Purpose::Assertion, created(), None, &secret()).is_err());
        }
    }
}
