use super::*;
use crate::schema::{CredentialType, Types, values_at};
use crate::trust::cast::{self, TAX, did, kid, now, seeded};
use crate::{jws, random};
use serde_json::{Map, json};
use std::collections::BTreeSet;

/// Every type with a row of its register.
const ROWS: [(&str, &str); 6] = [
    ("C01", include_str!("../schema/examples/PersonIdentification.json")),
    ("C02", include_str!("../schema/examples/MonthlyIncome.json")),
    ("C03", include_str!("../schema/examples/TaxAssessmentSummary.json")),
    ("C04", include_str!("../schema/examples/StudentLoanBalance.json")),
    ("C05", include_str!("../schema/examples/TransportLicenceGuarantee.json")),
    ("C06", include_str!("../schema/examples/CompanyRegistration.json")),
];

fn row(id: &str) -> Value {
    let (_, row) = ROWS.iter().find(|(name, _)| *name == id).expect("a type");
    serde_json::from_str(row).expect("JSON")
}

fn credential_type(id: &str) -> std::sync::Arc<CredentialType> {
    Types::builtin().find(id).expect("a type").clone()
}

fn issued(id: &str, row: Value, seed: &str) -> Result<String, Problem> {
    let credential_type = credential_type(id);
    let row = credential_type.row(row).expect("a valid row");
    issue(
        &Issue {
            credential_type: &credential_type,
            claims: &credential_type.claims(&row),
            issuer: &did(TAX),
            kid: &kid(TAX),
            holder: &holder().verifying_key(),
            status: status(),
            issued: now().day(),
            expires: now().day().plus(864_000),
        },
        &mut seeded(seed),
        &cast::key(1),
    )
}

fn holder() -> crate::SigningKey {
    cast::key(77)
}

fn status() -> StatusRef {
    StatusRef {
        uri: "https://skatteetaten.example/status/1".to_owned(),
        index: 1_048_575,
    }
}

fn full(id: &str) -> String {
    issued(id, row(id), "full").expect("issues")
}

fn parsed(text: &str) -> SdJwt {
    SdJwt::parse(text).unwrap_or_else(|problem| panic!("{problem}"))
}

fn refusal(text: &str) -> Option<Code> {
    SdJwt::parse(text).err().map(|problem| problem.code)
}

/// A credential with this payload and these disclosures, rightly signed whatever they say.
fn raw(members: Value, disclosures: &[Value]) -> String {
    let mut payload = json!({ "iss": "did:web:skatteetaten.example", "vct": "urn:bevis:Test:1" });
    payload
        .as_object_mut()
        .expect("an object")
        .extend(members.as_object().expect("an object").clone());
    let mut text = jws::sign(TYP, Some("k"), Map::new(), &payload, &cast::key(1)).expect("signs");
    text.push('~');
    for disclosure in disclosures {
        text.push_str(&encoded(disclosure));
        text.push('~');
    }
    text
}

fn encoded(disclosure: &Value) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(disclosure.to_string())
}

fn digest_of(disclosure: &Value) -> String {
    digest(&encoded(disclosure))
}

/// Whether `shown` is `whole` with members left out.
fn is_part(shown: &Value, whole: &Value) -> bool {
    match (shown, whole) {
        (Value::Object(shown), Value::Object(whole)) => shown
            .iter()
            .all(|(name, value)| whole.get(name).is_some_and(|whole| is_part(value, whole))),
        (Value::Array(shown), Value::Array(whole)) => {
            shown.len() == whole.len()
                && shown.iter().zip(whole).all(|(shown, whole)| is_part(shown, whole))
        }
        _ => shown == whole,
    }
}

#[test]
fn the_digest_is_that_of_rfc_9901_section_4_2_3() {
    assert_eq!(
        digest("WyJfMjZiYzRMVC1hYzZxMktJNmNCVzVlcyIsICJmYW1pbHlfbmFtZSIsICJNw7ZiaXVzIl0"),
        "X9yH0Ajrdm1Oij4tWso9UzzKJvPoDxwmuEcO3XAdRC0"
    );
}

#[test]
fn a_copy_with_all_disclosures_has_all_claims_of_its_row_but_class_x() {
    for (id, _) in ROWS {
        let credential_type = credential_type(id);
        let row = credential_type.row(row(id)).expect("a valid row");
        let sd_jwt = parsed(&full(id));
        assert_eq!(sd_jwt.claims(), credential_type.claims(&row).value(), "{id}");
        assert_eq!(sd_jwt.vct(), credential_type.vct);
        assert_eq!(*sd_jwt.issuer(), did(TAX));
        assert_eq!(sd_jwt.kid(), kid(TAX));
        assert_eq!(sd_jwt.holder_key(), Some(holder().verifying_key()));
        assert_eq!(sd_jwt.status(), Some(status()));
        let day = Some(now().day());
        assert_eq!(sd_jwt.times(), (day, day, Some(now().day().plus(864_000))));
        assert!(sd_jwt.key_binding().is_none());
        assert!(sd_jwt.verify_issuer(&cast::key(1).verifying_key()), "{id}");
        assert!(!sd_jwt.verify_issuer(&cast::key(2).verifying_key()), "{id}");
    }
}

#[test]
fn with_nothing_selected_only_class_a_is_shown() {
    for (id, _) in ROWS {
        let credential_type = credential_type(id);
        let none = parsed(&parsed(&full(id)).select(&[]).expect("selects"));
        assert!(none.disclosed_paths().is_empty(), "{id}");
        for path in parsed(&full(id)).disclosed_paths() {
            assert!(values_at(none.claims(), &path).is_empty(), "{id} {path}");
            assert_ne!(credential_type.class(&path), crate::schema::Class::A, "{id} {path}");
        }
    }
    let income = parsed(&parsed(&full("C02")).select(&[]).expect("selects"));
    assert_eq!(
        *income.claims(),
        json!({ "ajourholdstidspunkt": "2026-07-10T00:00:00Z", "fraOgMed": "2026-05", "tilOgMed": "2026-06" })
    );
}

#[test]
fn any_subset_that_is_selected_is_exactly_what_is_shown() {
    let mut random = seeded("subsets");
    for (id, _) in ROWS {
        let whole = parsed(&full(id));
        let paths = whole.disclosed_paths();
        assert!(!paths.is_empty(), "{id}");
        for round in 0..60 {
            let subset: Vec<Path> = paths
                .iter()
                .filter(|_| random::bytes::<1>(&mut random)[0] % 60 < round)
                .cloned()
                .collect();
            let shown = parsed(&whole.select(&subset).expect("selects"));
            assert_eq!(shown.disclosed_paths(), subset, "{id}");
            assert!(is_part(shown.claims(), whole.claims()), "{id}");
            assert!(shown.verify_issuer(&cast::key(1).verifying_key()));
            for path in &paths {
                let values = values_at(shown.claims(), path);
                if subset.contains(path) {
                    assert_eq!(values, values_at(whole.claims(), path), "{id} {path}");
                }
            }
            let again = parsed(&shown.select(&subset).expect("selects"));
            assert_eq!(again.claims(), shown.claims(), "{id}: a selection of a selection");
        }
    }
}

#[test]
fn a_path_selects_what_lies_below_it_and_keeps_what_lies_above_it() {
    let whole = parsed(&full("C02"));
    let income = Path(vec![
        Some("oppgaveInntektsmottaker".to_owned()),
        None,
        Some("inntekt".to_owned()),
    ]);
    let below = parsed(&whole.select(std::slice::from_ref(&income)).expect("selects"));
    assert_eq!(
        values_at(below.claims(), &income),
        values_at(whole.claims(), &income)
    );
    assert!(values_at(below.claims(), &Path::of(&["personidentifikator"])).is_empty());

    let amount = Path([income.0.clone(), vec![None, Some("beloep".to_owned())]].concat());
    let above = parsed(&whole.select(std::slice::from_ref(&amount)).expect("selects"));
    assert_eq!(
        above.claims()["oppgaveInntektsmottaker"][0],
        json!({ "kalendermaaned": "2026-05", "inntekt": [{ "beloep": "48500.00" }, { "beloep": "3120.00" }] })
    );
    assert_eq!(above.disclosed_paths(), [amount]);
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_shares_nothing_but_the_issuer() {
    let text = full("C02");
    assert_eq!(issued("C02", row("C02"), "full").expect("issues"), text);
    let other = issued("C02", row("C02"), "other").expect("issues");
    let disclosures = |text: &str| -> BTreeSet<String> {
        text.split('~').skip(1).filter(|part| !part.is_empty()).map(str::to_owned).collect()
    };
    assert_eq!(disclosures(&text).len(), disclosures(&other).len());
    assert!(disclosures(&text).is_disjoint(&disclosures(&other)));
}

#[test]
fn the_place_of_a_disclosure_or_digest_tells_nothing() {
    let text = full("C02");
    let digests: Vec<String> = text
        .split('~')
        .skip(1)
        .filter(|part| !part.is_empty())
        .map(digest)
        .collect();
    assert!(digests.len() > 20);
    assert!(digests.is_sorted());
    let payload = &parsed(&text).jws.payload;
    let top = payload["_sd"].as_array().expect("digests");
    assert!(top.len() >= 2 && top.iter().map(Value::as_str).is_sorted());
}

#[test]
fn a_list_of_plain_values_is_one_disclosure() {
    let nationality = Path::of(&["nationality"]);
    let whole = parsed(&full("C01"));
    assert!(whole.disclosed_paths().contains(&nationality));
    let shown = parsed(&whole.select(std::slice::from_ref(&nationality)).expect("selects"));
    assert_eq!(shown.claims()["nationality"], json!(["NO"]));
    assert_eq!(shown.disclosures.len(), 1);
}

#[test]
fn what_may_not_be_signed_is_refused() {
    let credential_type = credential_type("C02");
    let row = credential_type.row(row("C02")).expect("a valid row");
    let claims = credential_type.claims(&row);
    let attempt = |bend: &dyn Fn(&mut Issue<'_>)| {
        let holder = holder().verifying_key();
        let (issuer, kid) = (did(TAX), kid(TAX));
        let mut copy = Issue {
            credential_type: &credential_type,
            claims: &claims,
            issuer: &issuer,
            kid: &kid,
            holder: &holder,
            status: status(),
            issued: now().day(),
            expires: now(),
        };
        bend(&mut copy);
        issue(&copy, &mut seeded(""), &cast::key(1)).map(|_| ()).map_err(|p| p.code)
    };
    assert_eq!(attempt(&|_| {}), Ok(()));
    assert_eq!(attempt(&|copy| copy.kid = "did:web:bank.example#key-1"), Err(Code::Malformed));
    assert_eq!(attempt(&|copy| copy.kid = "did:web:skatteetaten.example"), Err(Code::Malformed));
    assert_eq!(attempt(&|copy| copy.expires = copy.issued), Err(Code::Malformed));
    assert_eq!(attempt(&|copy| copy.status.uri = String::new()), Err(Code::Malformed));
    assert_eq!(
        attempt(&|copy| copy.status.uri = "x".repeat(STATUS_URI_MAX + 1)),
        Err(Code::Malformed)
    );
}

#[test]
fn disclosures_nest_and_elements_can_be_disclosures_as_in_rfc_9901() {
    let street = json!(["s1", "street", "Schulstr. 12"]);
    let address = json!(["s2", "address", { "country": "DE", "_sd": [digest_of(&street)] }]);
    let german = json!(["s3", "DE"]);
    let members = json!({
        "_sd_alg": "sha-256",
        "_sd": [digest_of(&address), "a digest of nothing that is sent"],
        "nationalities": [{ "...": digest_of(&german) }, { "...": "decoy" }, "FR"],
    });
    let whole = parsed(&raw(members.clone(), &[street.clone(), german.clone(), address.clone()]));
    assert_eq!(
        *whole.claims(),
        json!({
            "address": { "country": "DE", "street": "Schulstr. 12" },
            "nationalities": ["DE", "FR"],
        })
    );
    assert_eq!(
        whole.disclosed_paths(),
        [
            Path::of(&["address", "street"]),
            Path(vec![Some("nationalities".to_owned()), None]),
        ]
    );
    let outer = parsed(&raw(members.clone(), &[address]));
    assert_eq!(outer.claims()["address"], json!({ "country": "DE" }));
    assert_eq!(outer.disclosed_paths(), [Path::of(&["address"])]);
    assert_eq!(
        refusal(&raw(members, &[street])),
        Some(Code::DisclosureInvalid),
        "a disclosure whose parent is not sent"
    );
}

#[test]
fn disclosures_and_digests_that_break_rfc_9901_section_7_1_are_refused() {
    let fine = json!(["salt", "name", "value"]);
    let digests = |disclosure: &Value| json!({ "_sd": [digest_of(disclosure)] });
    let one = |disclosure: Value| raw(digests(&disclosure), &[disclosure]);
    assert_eq!(refusal(&one(fine.clone())), None);
    let element = json!(["salt", "value"]);
    for (what, text) in [
        ("no digest", raw(json!({}), std::slice::from_ref(&fine))),
        ("twice", raw(digests(&fine), &[fine.clone(), fine.clone()])),
        (
            "digest twice",
            raw(json!({ "_sd": [digest_of(&fine), digest_of(&fine)] }), std::slice::from_ref(&fine)),
        ),
        (
            "digest of nothing twice",
            raw(json!({ "_sd": ["x"], "more": { "_sd": ["x"] } }), &[]),
        ),
        (
            "same digest in two places",
            raw(
                json!({ "_sd": [digest_of(&fine)], "list": [{ "...": digest_of(&fine) }] }),
                std::slice::from_ref(&fine),
            ),
        ),
        ("registered name", one(json!(["salt", "vct", "urn:bevis:Other:1"]))),
        ("expiry", one(json!(["salt", "exp", 4_000_000_000_u64]))),
        ("_sd", one(json!(["salt", "_sd", []]))),
        ("...", one(json!(["salt", "...", "x"]))),
        ("name is a number", one(json!(["salt", 1, "x"]))),
        ("salt is a number", one(json!([1, "name", "x"]))),
        ("four parts", one(json!(["salt", "name", "x", "y"]))),
        ("no array", one(json!({ "name": "x" }))),
        ("element as member", one(element.clone())),
        (
            "member as element",
            raw(json!({ "list": [{ "...": digest_of(&fine) }] }), std::slice::from_ref(&fine)),
        ),
        (
            "element with more",
            raw(
                json!({ "list": [{ "...": digest_of(&element), "more": 1 }] }),
                std::slice::from_ref(&element),
            ),
        ),
        ("element place in an object", raw(json!({ "object": { "...": "x" } }), &[])),
        ("element digest is a number", raw(json!({ "list": [{ "...": 1 }] }), &[])),
        ("_sd is a text", raw(json!({ "_sd": "x" }), &[])),
        ("_sd of numbers", raw(json!({ "_sd": [1] }), &[])),
        (
            "name is there in the clear",
            raw(json!({ "_sd": [digest_of(&fine)], "name": "other" }), std::slice::from_ref(&fine)),
        ),
    ] {
        assert_eq!(refusal(&text), Some(Code::DisclosureInvalid), "{what}");
    }
    let twin = r#"["salt","name",{"a":1,"a":2}]"#;
    let twin = BASE64_URL_SAFE_NO_PAD.encode(twin);
    let text = format!("{}{twin}~", raw(json!({ "_sd": [digest(&twin)] }), &[]));
    assert_eq!(refusal(&text), Some(Code::DuplicateKey));
}

#[test]
fn disclosures_are_read_in_canonical_base64url_only() {
    let spelt = |text: &str| format!("{}{text}~", raw(json!({ "_sd": [digest(text)] }), &[]));
    let plain = BASE64_URL_SAFE_NO_PAD.encode(r#"["salt","name","va"]"#);
    assert_eq!(plain.len() % 4, 3, "the last character has two bits to spare");
    assert_eq!(refusal(&spelt(&plain)), None);
    let last = char::from(plain.as_bytes()[plain.len() - 1] + 1);
    let spare = format!("{}{last}", &plain[..plain.len() - 1]);
    for wrong in [spare, format!("{plain}="), format!("{plain}\n"), String::new()] {
        assert_eq!(refusal(&spelt(&wrong)), Some(Code::DisclosureInvalid), "{wrong}");
    }
}

#[test]
fn the_form_of_the_whole_is_kept() {
    let text = raw(json!({}), &[]);
    assert_eq!(refusal(&text), None);
    let jwt = text.trim_end_matches('~');
    for (what, text, code) in [
        ("no tilde", jwt.to_owned(), Code::Malformed),
        ("no last tilde", format!("{text}WyJzIiwiYSIsMV0"), Code::Malformed),
        ("empty", String::new(), Code::Malformed),
        ("a tilde alone", "~".to_owned(), Code::Malformed),
        ("not a key binding", format!("{text}{jwt}"), Code::Malformed),
        ("too long", format!("{}{text}", " ".repeat(SD_JWT_MAX)), Code::TooLarge),
        ("other hash", raw(json!({ "_sd_alg": "sha-512" }), &[]), Code::Unsupported),
        ("vct", raw(json!({ "vct": 1 }), &[]), Code::Malformed),
        ("iss", raw(json!({ "iss": "https://x.example" }), &[]), Code::Malformed),
        ("exp", raw(json!({ "exp": "soon" }), &[]), Code::Malformed),
        ("nbf", raw(json!({ "nbf": 1.5 }), &[]), Code::Malformed),
        ("cnf", raw(json!({ "cnf": { "kid": "x" } }), &[]), Code::Malformed),
        ("status", raw(json!({ "status": { "status_list": { "idx": -1, "uri": "x" } } }), &[]), Code::Malformed),
    ] {
        assert_eq!(refusal(&text), Some(code), "{what}");
    }
}

#[test]
fn disclosures_nest_no_deeper_than_other_json() {
    let nested = |levels: usize| {
        let mut disclosures = vec![json!(["0", "a", 1])];
        for level in 1..levels {
            let inner = digest_of(&disclosures[level - 1]);
            disclosures.push(json!([level.to_string(), "a", { "_sd": [inner] }]));
        }
        let top = json!({ "_sd": [digest_of(disclosures.last().expect("one"))] });
        raw(top, &disclosures)
    };
    assert_eq!(refusal(&nested(32)), None);
    assert_eq!(refusal(&nested(33)), Some(Code::TooLarge));
}

#[test]
fn a_text_cut_or_altered_anywhere_is_never_taken_for_the_whole() {
    let text = full("C01");
    let whole = parsed(&text);
    for end in 0..text.len() {
        if let Ok(sd_jwt) = SdJwt::parse(&text[..end]) {
            assert!(is_part(sd_jwt.claims(), whole.claims()), "cut at {end}");
        }
    }
    for at in (0..text.len()).step_by(7) {
        let mut bytes = text.clone().into_bytes();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        let altered = String::from_utf8(bytes).expect("ASCII");
        let holds = SdJwt::parse(&altered)
            .is_ok_and(|sd_jwt| sd_jwt.verify_issuer(&cast::key(1).verifying_key()));
        assert!(!holds, "altered at {at}");
    }
}

fn covers() -> Covers {
    Covers {
        transaction: [3; 16],
        keys_hash: keys_hash(&[holder().verifying_key()]),
        organisation: Some("219840365".to_owned()),
    }
}

fn bound(covers: Option<&Covers>) -> String {
    let selected = parsed(&full("C02")).select(&[Path::of(&["personidentifikator"])]);
    bind(
        &selected.expect("selects"),
        &Bind {
            audience: "decentralized_identifier:did:web:bank.example",
            nonce: "a-nonce",
            issued: now(),
            request_hash: [5; 32],
            covers,
        },
        &holder(),
    )
    .expect("binds")
}

#[test]
fn a_key_binding_says_what_it_was_made_for() {
    let covers = covers();
    let text = bound(Some(&covers));
    let sd_jwt = parsed(&text);
    let binding = sd_jwt.key_binding().expect("a key binding");
    assert_eq!(binding.audience, "decentralized_identifier:did:web:bank.example");
    assert_eq!(binding.nonce, "a-nonce");
    assert_eq!(binding.issued, now());
    assert_eq!(binding.sd_hash, binding.actual_sd_hash);
    assert_eq!(binding.request_hash, Some([5; 32]));
    assert_eq!(binding.covers, Some(covers));
    assert!(binding.verify(&holder().verifying_key()));
    assert!(!binding.verify(&cast::key(1).verifying_key()));
    let plain = bound(None);
    assert_eq!(parsed(&plain).key_binding().expect("one").covers, None);
}

#[test]
fn a_key_binding_covers_each_disclosure_that_is_sent() {
    let whole = full("C02");
    let text = bound(None);
    let binding = text.rsplit('~').next().expect("a part");
    let more = parsed(&format!("{whole}{binding}"));
    let binding = more.key_binding().expect("a key binding");
    assert_ne!(binding.sd_hash, binding.actual_sd_hash);
}

#[test]
fn a_key_binding_follows_a_tilde_and_has_its_members() {
    let refused = bind(
        "header.payload.signature",
        &Bind { audience: "a", nonce: "n", issued: now(), request_hash: [0; 32], covers: None },
        &holder(),
    );
    assert_eq!(refused.map_err(|problem| problem.code), Err(Code::Malformed));
    let fine = json!({
        "aud": "a", "nonce": "n", "iat": 1, "sd_hash": digest(""),
        "bevis_transaction": "AAAAAAAAAAAAAAAAAAAAAA", "bevis_keys": digest(""), "bevis_organisation": "219840365",
    });
    let with = |name: &str, value: Value| {
        let mut payload = fine.clone();
        if value.is_null() {
            payload.as_object_mut().expect("an object").remove(name);
        } else {
            payload[name] = value;
        }
        let binding = jws::sign(KB_TYP, None, Map::new(), &payload, &holder()).expect("signs");
        refusal(&format!("{}{binding}", raw(json!({}), &[])))
    };
    assert_eq!(with("extra", json!(1)), None);
    for (name, value) in [
        ("aud", Value::Null),
        ("aud", json!(["a"])),
        ("nonce", Value::Null),
        ("nonce", json!("")),
        ("nonce", json!("n".repeat(513))),
        ("iat", Value::Null),
        ("iat", json!(1.5)),
        ("sd_hash", Value::Null),
        ("sd_hash", json!("AAAA")),
        ("bevis_request", json!("AAAA")),
        ("bevis_transaction", Value::Null),
        ("bevis_keys", Value::Null),
        ("bevis_keys", json!(1)),
    ] {
        assert_eq!(with(name, value.clone()), Some(Code::Malformed), "{name} {value}");
    }
}

#[test]
fn the_hash_of_keys_depends_on_each_key_and_their_order() {
    let [a, b] = [cast::key(1).verifying_key(), cast::key(2).verifying_key()];
    let hashes: BTreeSet<_> = [vec![], vec![a], vec![b], vec![a, b], vec![b, a]]
        .iter()
        .map(|keys| keys_hash(keys))
        .collect();
    assert_eq!(hashes.len(), 5);
}

#[test]
fn sixty_four_copies_of_an_income_credential_fit_into_one_message() {
    let whole = full("C02");
    assert!(whole.len() <= 16 * 1024, "{} bytes", whole.len());
    let bound = bind(
        &whole,
        &Bind {
            audience: "decentralized_identifier:did:web:bank.example",
            nonce: "0123456789012345678901",
            issued: now(),
            request_hash: [5; 32],
            covers: None,
        },
        &holder(),
    )
    .expect("binds");
    assert!(bound.len() <= 16 * 1024, "{} bytes", bound.len());
}
