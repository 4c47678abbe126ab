//! Requests: what is signed opens, and every bend of it is refused.

use super::*;
use crate::jwe::DecryptionKey;
use crate::trust::cast::{self, BANK, TAX, did, kid, now, peer, seeded};
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use serde_json::json;

fn request() -> Request {
    Request {
        asker: did(BANK),
        nonce: "MDEyMzQ1Njc4OTAxMjM0NQ".to_owned(),
        session: "c2Vzc2lvbi1zZXNzaW9uLTE".to_owned(),
        issued: now(),
        expires: now().plus(120),
        query: Query::parse(&query("urn:bevis:MonthlyIncome:1", &["personidentifikator"])).expect("a query"),
        encryption: DecryptionKey::generate(&mut seeded("request")).public_jwk(),
        origins: vec![peer(4)],
        service: "S01".to_owned(),
        stated: Registration::known("S01").expect("built in").statement(),
        case: "Sak 2026-0042".to_owned(),
        issue: None,
        grant: None,
        reach: false,
    }
}

/// The registration of the bank in the list.
fn registration() -> Registration {
    Registration::known("S01").expect("built in")
}

fn query(vct: &str, path: &[&str]) -> Value {
    json!({ "credentials": [{
        "id": "a", "format": "dc+sd-jwt", "meta": { "vct_values": [vct] }, "claims": [{ "path": path }],
    }] })
}

/// The request as the bank signs it once `bend` has changed a member; the signature is right whatever it says.
fn signed(bend: impl Fn(&mut Value)) -> String {
    let mut payload = request().to_value();
    bend(&mut payload);
    jws::sign(TYP, Some(&kid(BANK)), Map::new(), &payload, &cast::key(4)).expect("signs")
}

fn opened(text: &str, channel: Option<&str>, now: Timestamp) -> Result<OpenedRequest, Problem> {
    open(text, &cast::listed(&cast::draft()), channel, now)
}

fn refusal(text: &str) -> Option<Code> {
    opened(text, Some(&peer(4)), now()).err().map(|problem| problem.code)
}

#[test]
fn a_request_is_opened_as_it_was_signed() {
    let mut asked = request();
    asked.issue = Some(IssuePurpose {
        vct: "urn:bevis:CompanyRegistration:1".to_owned(),
        organisation: Some("219840365".to_owned()),
        standing: None,
    });
    let text = asked.sign(&kid(BANK), &cast::key(4)).expect("signs");
    let opened = opened(&text, Some(&peer(4)), now()).expect("opens");
    assert_eq!(opened.request, asked);
    assert_eq!(opened.asker.number, "213579045");
    assert_eq!(opened.registration.id, "S01");
    assert_eq!(opened.hash, hash(&text));
    assert_eq!(opened.jws, text);
    assert_eq!(asked.client_id(), "decentralized_identifier:did:web:bank.example");
    assert!(reopen(&text, &cast::listed(&cast::draft()), now()).is_ok());
}

#[test]
fn what_nobody_signed_is_unsigned() {
    let text = signed(|_| {});
    assert_eq!(refusal(&text), None);
    let (input, _) = text.rsplit_once('.').expect("three parts");
    let (_, payload) = input.split_once('.').expect("three parts");
    let none = BASE64_URL_SAFE_NO_PAD.encode(format!(r#"{{"alg":"nOnE","typ":"{TYP}"}}"#));
    for unsigned in [
        request().to_value().to_string(),
        format!("\n {}", request().to_value()),
        format!("{none}.{payload}."),
        format!("{none}.{payload}.AAAA"),
        format!("{none}.{payload}"),
        format!("{input}."),
    ] {
        assert_eq!(refusal(&unsigned), Some(Code::UnsignedRequest), "{unsigned}");
    }
    assert_eq!(refusal("nonsense"), Some(Code::Malformed));
    assert_eq!(refusal(&"x".repeat(REQUEST_MAX + 1)), Some(Code::TooLarge));
}

#[test]
fn only_a_listed_asker_with_a_key_of_its_own_asks() {
    let as_signer = |kid: &str, key: u8| {
        let text = jws::sign(TYP, Some(kid), Map::new(), &request().to_value(), &cast::key(key));
        refusal(&text.expect("signs"))
    };
    assert_eq!(as_signer(&kid(BANK), 4), None);
    assert_eq!(as_signer("did:web:annen.example#key-1", 4), Some(Code::UnknownVerifier));
    assert_eq!(as_signer("did:web:bank.example#key-2", 4), Some(Code::UnknownKey));
    assert_eq!(as_signer("key-1", 4), Some(Code::Malformed));
    assert_eq!(as_signer(&kid(BANK), 99), Some(Code::SignatureInvalid));
    assert_eq!(
        as_signer(&kid(TAX), 1),
        Some(Code::Malformed),
        "client_id is not the signer"
    );
}

#[test]
fn an_askers_key_counts_in_its_window_only() {
    let text = signed(|_| {});
    let with = |bend: &dyn Fn(&mut crate::trust::OrganisationKey)| {
        let mut draft = cast::draft();
        bend(&mut draft.organisations[3].keys[0]);
        open(&text, &cast::listed(&draft), None, now())
            .err()
            .map(|problem| problem.code)
    };
    assert_eq!(with(&|_| {}), None);
    assert_eq!(
        with(&|key| key.valid_from = now().plus(1)),
        Some(Code::KeyOutsideWindow)
    );
    assert_eq!(
        with(&|key| key.valid_until = now().plus(-1)),
        Some(Code::KeyOutsideWindow)
    );
    assert_eq!(with(&|key| key.compromised = Some(now())), Some(Code::KeyCompromised));
}

#[test]
fn a_list_that_is_too_old_opens_nothing() {
    let mut draft = cast::draft();
    draft.next_update = now();
    let text = signed(|_| {});
    let at = |now| {
        open(&text, &cast::listed(&draft), None, now)
            .err()
            .map(|problem| problem.code)
    };
    assert_eq!(at(now()), None);
    assert_eq!(at(now().plus(1)), Some(Code::TrustStale));
}

#[test]
fn a_request_lives_from_its_signing_to_its_expiry() {
    let text = signed(|_| {});
    let trust = cast::ceremony()
        .trust(&cast::draft(), now().plus(-3_600))
        .expect("publishes");
    let at = |seconds| {
        open(&text, &trust, None, now().plus(seconds))
            .err()
            .map(|problem| problem.code)
    };
    assert_eq!(at(-301), Some(Code::NotYetValid));
    assert_eq!(at(-300), None, "clock skew");
    assert_eq!(at(119), None);
    assert_eq!(at(120), Some(Code::Expired));
}

#[test]
fn a_request_comes_from_a_node_of_its_signer_that_it_names() {
    let text = signed(|payload| {
        payload["expected_origins"] = json!([format!("libp2p:{}", peer(4)), format!("libp2p:{}", peer(1))]);
    });
    let from = |channel: Option<&str>| opened(&text, channel, now()).err().map(|problem| problem.code);
    assert_eq!(from(Some(&peer(4))), None);
    assert_eq!(from(None), None, "carried as text");
    assert_eq!(
        from(Some(&peer(1))),
        Some(Code::WrongOrigin),
        "named, but a node of another"
    );
    assert_eq!(from(Some(&peer(9))), Some(Code::WrongOrigin));
    let other = signed(|payload| payload["expected_origins"] = json!([format!("libp2p:{}", peer(1))]));
    assert_eq!(
        refusal(&other),
        Some(Code::WrongOrigin),
        "a node of the signer that is not named"
    );
}

#[test]
fn what_goes_beyond_the_registration_is_named() {
    let refused = |bend: &dyn Fn(&mut Value)| {
        let problem = opened(&signed(bend), None, now()).err();
        problem.map(|problem| (problem.code, problem.detail.unwrap_or_default()))
    };
    let ask = |query: Value| move |payload: &mut Value| payload["dcql_query"] = query.clone();
    let over = |detail: &str| Some((Code::OverAsk, detail.to_owned()));
    assert_eq!(refused(&|_| {}), None);
    assert_eq!(
        refused(&|payload| payload["bevis"]["service"] = json!("S99")),
        over("S99")
    );
    assert_eq!(
        refused(&ask(query("urn:bevis:MonthlyIncome:1", &["derived"]))),
        over("derived")
    );
    assert_eq!(
        refused(&ask(query("urn:bevis:StudentLoanBalance:1", &["TotalAmount"]))),
        over("StudentLoanBalance under S01")
    );
    let week = 7 * crate::time::DAY;
    let until = |seconds: i64| move |payload: &mut Value| payload["exp"] = json!(now().plus(seconds));
    assert_eq!(refused(&until(week)), None);
    assert_eq!(refused(&until(week + 1)), over("time"));
    let keep = registration().keep_seconds;
    for (member, within, beyond) in [
        ("purpose", json!("loan_application"), json!("marketing")),
        ("ground", json!("consent"), json!("contract")),
        ("keep_seconds", json!(keep), json!(keep + 1)),
        ("status_age_max", json!(3_600), json!(3_601)),
    ] {
        let with = |value: &Value| refused(&|payload| payload["bevis"][member] = value.clone());
        assert_eq!(with(&within), None, "{member}");
        assert_eq!(with(&beyond), over(member));
    }
}

#[test]
fn a_request_says_everything_that_a_person_has_to_know_of_it() {
    // Licence, name and texts are the trust list's; the rest is the asker's word, and none of it may be left out (E01).
    for member in [
        "/client_id",
        "/dcql_query",
        "/exp",
        "/iat",
        "/nonce",
        "/bevis",
        "/bevis/service",
        "/bevis/purpose",
        "/bevis/ground",
        "/bevis/keep_seconds",
        "/bevis/status_age_max",
        "/bevis/case",
    ] {
        assert_eq!(refusal(&signed(|_| {})), None);
        let (above, name) = member.rsplit_once('/').expect("a pointer");
        let without = signed(|payload| {
            let above = payload
                .pointer_mut(above)
                .and_then(Value::as_object_mut)
                .expect("an object");
            above.remove(name).expect("there");
        });
        assert_eq!(refusal(&without), Some(Code::Malformed), "{member}");
    }
}

#[test]
fn a_request_has_one_purpose_and_brings_no_registration_name_or_text_of_its_own() {
    assert_eq!(refusal(&signed(|_| {})), None);
    for two in [
        json!(["loan_application", "marketing"]),
        json!("loan_application marketing"),
        json!("loan_application,marketing"),
    ] {
        assert_eq!(
            refusal(&signed(|payload| payload["bevis"]["purpose"] = two.clone())),
            Some(Code::Malformed),
            "{two}"
        );
    }
    let two = json!(["S01", "S15"]);
    assert_eq!(
        refusal(&signed(|payload| payload["bevis"]["service"] = two.clone())),
        Some(Code::Malformed)
    );
    let mut wide = registration();
    wide.keep_seconds *= 2;
    for (name, value) in [
        ("registration", json!(wide)),
        ("may_ask", json!(wide.may_ask)),
        (
            "consent_text",
            json!({ "nb": "Si ja, {asker} er snill.", "en": "Say yes." }),
        ),
        ("name", json!("SKATTEETATEN")),
    ] {
        for above in ["/bevis", "", "/client_metadata"] {
            let text = signed(|payload| {
                payload.pointer_mut(above).expect("an object")[name] = value.clone();
            });
            match opened(&text, None, now()) {
                // What a request says of its client is not read at all.
                Ok(opened) => assert_eq!((above, &opened.registration), ("/client_metadata", &registration())),
                Err(problem) => assert!(
                    [Code::Malformed, Code::Unsupported].contains(&problem.code),
                    "{name}: {problem}"
                ),
            }
        }
    }
}

#[test]
fn a_member_that_the_holder_would_not_see_is_refused_by_name() {
    for name in [
        "transaction_data",
        "redirect_uri",
        "presentation_definition",
        "verifier_info",
    ] {
        let text = signed(|payload| payload[name] = json!([]));
        let problem = opened(&text, None, now()).expect_err("refused");
        assert_eq!(problem, Problem::new(Code::Unsupported, name));
    }
}

#[test]
fn members_keep_their_form_when_a_request_is_opened() {
    let keys =
        |keys: Value| json!({ "jwks": { "keys": keys }, "encrypted_response_enc_values_supported": ["A256GCM"] });
    let key = request().encryption;
    let mut secret = key.clone();
    secret["d"] = key["x"].clone();
    let bevis = |name: &str, value: Value| {
        let mut members = request().to_value()["bevis"].clone();
        members[name] = value;
        members
    };
    let mut signing = key.clone();
    signing["crv"] = json!("Ed25519");
    for (pointer, value) in [
        ("/response_type", json!("code")),
        ("/response_mode", json!("direct_post")),
        ("/aud", json!("did:web:bank.example")),
        ("/client_id", json!("did:web:bank.example")),
        ("/nonce", json!("short")),
        ("/nonce", json!("with spaces in it, 22 long")),
        ("/state", json!(1)),
        ("/state", json!("short")),
        ("/iat", json!("now")),
        ("/iat", json!(1.5)),
        ("/exp", Value::Null),
        ("/client_metadata", keys(json!([]))),
        ("/client_metadata", keys(json!([key, key]))),
        ("/client_metadata", keys(json!([secret]))),
        ("/client_metadata", keys(json!([signing]))),
        (
            "/client_metadata",
            json!({ "jwks": { "keys": [key] }, "encrypted_response_enc_values_supported": ["A128GCM"] }),
        ),
        ("/expected_origins", json!("libp2p:x")),
        ("/expected_origins", json!([])),
        ("/expected_origins", json!(["https://bank.example"])),
        ("/expected_origins", json!(vec!["libp2p:x"; 9])),
        ("/bevis", json!({ "service": "S01" })),
        ("/bevis", bevis("more", json!(1))),
        ("/bevis", bevis("case", json!("x".repeat(65)))),
        ("/bevis", bevis("case", json!("14858834016"))),
        (
            "/bevis",
            bevis("issue", json!({ "vct": "x", "organisation": "112233445" })),
        ),
        ("/bevis", bevis("purpose", json!(""))),
        ("/bevis", bevis("ground", json!("a ground"))),
        ("/bevis", bevis("keep_seconds", json!(-1))),
        ("/bevis", bevis("keep_seconds", json!(i64::MAX))),
        ("/bevis", bevis("status_age_max", json!(0))),
        ("/dcql_query", json!([])),
    ] {
        let text = signed(|payload| *payload.pointer_mut(pointer).expect("a member") = value.clone());
        let problem = opened(&text, None, now()).expect_err("refused");
        assert_eq!(problem.code, Code::Malformed, "{pointer} {value}");
    }
    let unsupported = signed(|payload| payload["dcql_query"]["credential_sets"] = json!([]));
    assert_eq!(refusal(&unsupported), Some(Code::UnsupportedQuery));
}

#[test]
fn a_request_that_could_not_be_opened_is_not_signed() {
    let signs = |bend: &dyn Fn(&mut Request)| {
        let mut request = request();
        bend(&mut request);
        request
            .sign(&kid(BANK), &cast::key(4))
            .map(|_| ())
            .map_err(|problem| problem.code)
    };
    assert_eq!(signs(&|_| {}), Ok(()));
    assert_eq!(
        signs(&|request| request.nonce = "short".to_owned()),
        Err(Code::Malformed)
    );
    assert_eq!(signs(&|request| request.expires = request.issued), Err(Code::Malformed));
    assert_eq!(signs(&|request| request.case = "x\n".to_owned()), Err(Code::Malformed));
    assert_eq!(signs(&|request| request.origins.clear()), Err(Code::Malformed));
    assert_eq!(signs(&|request| request.asker = did(TAX)), Err(Code::Malformed));
}

#[test]
fn a_case_reference_carries_no_person_number() {
    for fine in [
        "",
        "Sak 2026/0042 – lån",
        "12345678901",
        "14858834017",
        "1485883401",
        "1485 x 8834016",
        &"ø".repeat(64),
    ] {
        assert!(is_case(fine), "{fine}");
    }
    for refused in [
        "14858834016",
        "x14858834016y",
        "0014858834016",
        "148588340160",
        "148588 34016",
        "148588-34016",
        "14.88.14 14858834016",
        "52849448080",
        "tab\t",
        "null\0",
        "\u{202e}1234",
        "zero\u{200b}width",
        &"ø".repeat(65),
    ] {
        assert!(!is_case(refused), "{refused}");
    }
}
