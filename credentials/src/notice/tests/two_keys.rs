//! Who may vouch for a notice: two different keys of the register, each good when it signed.

use super::*;

#[test]
fn one_key_alone_is_not_enough() {
    let [one, ..] = keys();
    let once = proposal(1, &opening()).expect("writes").sign(&kid(1), &one, now());
    let once = once.expect("signs");
    assert_eq!(refused(once.text(), &trust()).code, Code::SecondKeyMissing);
    assert_eq!(
        refused(proposal(1, &opening()).expect("writes").text(), &trust()).code,
        Code::SecondKeyMissing
    );
    let paper = Paper::parse(once.text()).expect("parses");
    assert_eq!(paper.check_first_key(&trust(), now()), Ok(()));
    assert!(Paper::parse(&signed()).expect("parses").check(&trust(), now()).is_ok());
}

#[test]
fn the_same_key_twice_is_one_key() {
    let [one, ..] = keys();
    let once = proposal(1, &opening()).expect("writes");
    let once = once.sign(&kid(1), &one, now()).expect("signs");
    let again = once.sign(&kid(1), &one, now().plus(5));
    assert_eq!(again.expect_err("refused").code, Code::SecondKeyMissing);
    // Put in by hand.
    let twice = bent(|value| {
        let first = value["proof"][0].clone();
        value["proof"][1] = first;
    });
    assert_eq!(refused(&twice, &trust()).code, Code::SecondKeyMissing);
}

#[test]
fn one_key_under_two_names_is_not_listed_at_all() {
    let [one, ..] = keys();
    let trust = std::panic::catch_unwind(|| {
        trust_at(now(), |draft| {
            let first = draft.organisations[0].keys[0].key;
            draft.organisations[0].keys[1].key = first;
        })
    });
    assert!(trust.is_err(), "a list names a key once");
    let once = proposal(1, &opening()).expect("writes").sign(&kid(1), &one, now());
    let twice = once.expect("signs").sign(&kid(2), &one, now()).expect("signs");
    assert_eq!(refused(twice.text(), &super::trust()).code, Code::SignatureInvalid);
}

#[test]
fn a_key_of_nobody_and_of_another_organisation_do_not_count() {
    let [one, _, stranger] = keys();
    let once = proposal(1, &opening()).expect("writes").sign(&kid(1), &one, now());
    let once = once.expect("signs");
    let unknown = once.sign(&kid(3), &stranger, now()).expect("signs");
    assert_eq!(refused(unknown.text(), &trust()).code, Code::UnknownKey);
    let named = once.sign(&kid(2), &stranger, now()).expect("signs");
    assert_eq!(refused(named.text(), &trust()).code, Code::SignatureInvalid);
    let foreign = once.sign("did:web:bank.example#key-1", &stranger, now());
    assert_eq!(foreign.expect_err("refused").code, Code::Malformed);
    let renamed = bent(|value| value["proof"][1]["verificationMethod"] = "did:web:bank.example#key-1".into());
    assert_eq!(refused(&renamed, &trust()).code, Code::UnknownKey);
}

#[test]
fn each_key_must_have_been_valid_when_it_signed_and_never_compromised() {
    for place in [0, 1] {
        let ended = trust_at(now(), |draft| {
            draft.organisations[0].keys[place].valid_until = now().plus(-1);
        });
        assert_eq!(refused(&signed(), &ended).code, Code::KeyOutsideWindow);
        let early = trust_at(now(), |draft| {
            draft.organisations[0].keys[place].valid_from = now().plus(1);
        });
        assert_eq!(refused(&signed(), &early).code, Code::KeyOutsideWindow);
        let compromised = trust_at(now(), |draft| {
            draft.organisations[0].keys[place].compromised = Some(now().plus(-86_400));
        });
        assert_eq!(refused(&signed(), &compromised).code, Code::KeyCompromised);
    }
    let later = now().plus(3 * 86_400);
    let rotated = trust_at(later, |draft| {
        draft.organisations[0].keys[0].valid_until = now().plus(86_400);
    });
    assert!(
        Notice::open(&signed(), &rotated, later).is_ok(),
        "signed while it was valid"
    );
}

#[test]
fn what_a_key_signed_that_was_compromised_later_is_read_as_unsound_and_checked_no_less() {
    let compromised = |bend: &dyn Fn(&mut OrganisationKey)| {
        trust_at(now(), |draft| {
            let key = &mut draft.organisations[0].keys[1];
            key.compromised = Some(now().plus(60));
            bend(key);
        })
    };
    let trust = compromised(&|_| ());
    assert_eq!(refused(&signed(), &trust).code, Code::KeyCompromised);
    let unsound = Notice::open_unsound(&signed(), &trust, now()).expect("read");
    assert_eq!(
        unsound.proposal().hash(),
        Proposal::parse(&signed()).expect("parses").hash()
    );
    let code = |text: &str, trust: &Trust| Notice::open_unsound(text, trust, now()).expect_err("refused").code;
    let altered = signed().replace(DEBTOR, OTHER);
    assert_eq!(code(&altered, &trust), Code::SignatureInvalid);
    let once = bent(|value| {
        value["proof"].as_array_mut().expect("a list").pop();
    });
    assert_eq!(code(&once, &trust), Code::SecondKeyMissing);
    let outside = compromised(&|key| key.valid_until = now().plus(-1));
    assert_eq!(
        code(&signed(), &outside),
        Code::KeyCompromised,
        "outside its window it counts for nothing at all"
    );
}

#[test]
fn a_signature_of_an_earlier_day_or_of_the_future_is_refused() {
    let [one, two, _] = keys();
    let unsigned = proposal(1, &opening()).expect("writes");
    for (at, code) in [(-301, Code::NoticeInvalid), (301, Code::NotYetValid)] {
        let once = unsigned.sign(&kid(1), &one, now()).expect("signs");
        let twice = once.sign(&kid(2), &two, now().plus(at)).expect("signs");
        assert_eq!(refused(twice.text(), &trust()).code, code);
    }
    let once = unsigned.sign(&kid(1), &one, now()).expect("signs");
    let near = once.sign(&kid(2), &two, now().plus(300)).expect("signs");
    assert!(Notice::open(near.text(), &trust(), now()).is_ok());
}

#[test]
fn only_a_register_of_notices_under_a_list_in_force_is_believed() {
    let unlisted = trust_at(now(), |draft| draft.organisations[0].issues.clear());
    assert_eq!(refused(&signed(), &unlisted).code, Code::TypeNotAllowed);
    let gone = trust_at(now(), |draft| {
        let mut other = organisation("annen.example", "312045877", 61, &[VCT]);
        std::mem::swap(&mut draft.organisations[0], &mut other);
    });
    assert_eq!(refused(&signed(), &gone).code, Code::UnknownIssuer);
    let late = now().plus(2 * 86_400);
    assert_eq!(
        Notice::open(&signed(), &trust(), late)
            .expect_err("the head ran out")
            .code,
        Code::TrustStale
    );
}

#[test]
fn every_altered_member_is_noticed() {
    for (place, value) in [
        ("/credentialSubject/debitor/organisasjonsnummer", json!("312045877")),
        ("/credentialSubject/debitor/navn", json!("ANNET SKALL AS")),
        ("/credentialSubject/type", json!("avslutning")),
        ("/credentialSubject/sekvens", json!(2)),
        ("/proof/0/created", json!("2026-09-01T08:15:01Z")),
        ("/proof/1/proofPurpose", json!("authentication")),
    ] {
        let text = bent(|notice| *notice.pointer_mut(place).expect("there") = value.clone());
        assert_eq!(refused(&text, &trust()).code, Code::SignatureInvalid, "{place}");
    }
}

#[test]
fn what_has_another_form_is_malformed() {
    for (place, value) in [
        (
            "/@context",
            json!(["https://www.w3.org/ns/credentials/v2", "https://more.example"]),
        ),
        ("/@context", json!("https://www.w3.org/ns/credentials/v2")),
        ("/type", json!(["VerifiableCredential", "NoticeCheckpoint"])),
        ("/validFrom", json!("2026-09-01T08:15:01Z")),
        ("/validFrom", json!("2026-09-01T10:15:00+02:00")),
        ("/issuer", json!("did:key:z6Mk")),
        ("/id", json!("urn:uuid:0e6a2a62-6d0b-4b3d-8f58-2a6a5a9d3a10")),
        ("/credentialSubject/sekvens", json!(0)),
        ("/credentialSubject/sekvens", json!(1.5)),
        ("/credentialSubject/sekvens", json!("1")),
        ("/credentialSubject/forrigeSekvensHash", json!("sha-256:00")),
        ("/credentialSubject/uuid", json!("x")),
        ("/proof", json!({})),
        ("/proof/0/created", json!("yesterday")),
    ] {
        let text = bent(|notice| *notice.pointer_mut(place).expect("there") = value.clone());
        // By its form alone, whatever its signatures.
        let formed = Proposal::parse(&text).map(|_| ()).and_then(|()| {
            let signed = Notice::open(&text, &trust(), now());
            signed.map(|_| ())
        });
        assert_eq!(formed.expect_err("refused").code, Code::Malformed, "{place} {value}");
    }
    for place in ["/extra", "/proof/0/expires", "/proof/0/domain"] {
        let text = bent(|notice| {
            let (at, name) = place.rsplit_once('/').expect("a path");
            let whole = notice.pointer_mut(at).expect("there");
            whole
                .as_object_mut()
                .expect("an object")
                .insert(name.to_owned(), "x".into());
        });
        assert_eq!(refused(&text, &trust()).code, Code::Malformed, "{place}");
    }
    let huge = bent(|notice| notice["credentialSubject"]["sekvens"] = json!(9_007_199_254_740_993_u64));
    assert_eq!(refused(&huge, &trust()).code, Code::Malformed);
    let rdf = bent(|notice| notice["proof"][0]["cryptosuite"] = "eddsa-rdfc-2022".into());
    assert_eq!(refused(&rdf, &trust()).code, Code::Unsupported);
    let three = bent(|notice| {
        let third = notice["proof"][0].clone();
        notice["proof"].as_array_mut().expect("a list").push(third);
    });
    assert_eq!(refused(&three, &trust()).code, Code::TooLarge);
}

#[test]
fn a_notice_beyond_its_limit_is_not_read() {
    let text = bent(|notice| notice["credentialSubject"]["domstol"] = "x".repeat(NOTICE_MAX).into());
    assert_eq!(refused(&text, &trust()).code, Code::TooLarge);
    let doubled = signed().replacen("\"sekvens\":1", "\"sekvens\":1,\"sekvens\":2", 1);
    assert_eq!(refused(&doubled, &trust()).code, Code::DuplicateKey);
}
