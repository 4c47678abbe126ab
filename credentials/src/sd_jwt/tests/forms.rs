//! Texts of others: what RFC 9901 allows is read, what it does not is refused.

use super::*;

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
    let whole = parsed(&raw(
        members.clone(),
        &[street.clone(), german.clone(), address.clone()],
    ));
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
            raw(
                json!({ "_sd": [digest_of(&fine), digest_of(&fine)] }),
                std::slice::from_ref(&fine),
            ),
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
            raw(
                json!({ "list": [{ "...": digest_of(&fine) }] }),
                std::slice::from_ref(&fine),
            ),
        ),
        (
            "element with more",
            raw(
                json!({ "list": [{ "...": digest_of(&element), "more": 1 }] }),
                std::slice::from_ref(&element),
            ),
        ),
        (
            "element place in an object",
            raw(json!({ "object": { "...": "x" } }), &[]),
        ),
        (
            "element digest is a number",
            raw(json!({ "list": [{ "...": 1 }] }), &[]),
        ),
        ("_sd is a text", raw(json!({ "_sd": "x" }), &[])),
        ("_sd of numbers", raw(json!({ "_sd": [1] }), &[])),
        (
            "name is there in the clear",
            raw(
                json!({ "_sd": [digest_of(&fine)], "name": "other" }),
                std::slice::from_ref(&fine),
            ),
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
        (
            "other hash",
            raw(json!({ "_sd_alg": "sha-512" }), &[]),
            Code::Unsupported,
        ),
        ("vct", raw(json!({ "vct": 1 }), &[]), Code::Malformed),
        ("iss", raw(json!({ "iss": "https://x.example" }), &[]), Code::Malformed),
        ("exp", raw(json!({ "exp": "soon" }), &[]), Code::Malformed),
        ("nbf", raw(json!({ "nbf": 1.5 }), &[]), Code::Malformed),
        ("cnf", raw(json!({ "cnf": { "kid": "x" } }), &[]), Code::Malformed),
        (
            "status",
            raw(json!({ "status": { "status_list": { "idx": -1, "uri": "x" } } }), &[]),
            Code::Malformed,
        ),
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
        let holds = SdJwt::parse(&altered).is_ok_and(|sd_jwt| sd_jwt.verify_issuer(&cast::key(1).verifying_key()));
        assert!(!holds, "altered at {at}");
    }
}
