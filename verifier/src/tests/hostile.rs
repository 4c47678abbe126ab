//! Answers that are replayed, altered, stolen, somebody else's, or no answers at all.

use super::world::*;
use crate::State;
use credentials::protocol::presentation::{Ask, LIMIT, Reply};
use credentials::sd_jwt::SdJwt;
use credentials::trust::Organisation;
use credentials::verify::{Check, Outcome, Verdict};
use credentials::{Code, SigningKey};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use serde_json::json;
use std::cell::RefCell;

/// An open session that asks income only.
fn ask_income(world: &mut World) -> String {
    world.try_ask("S01", CUSTOMER, &["C02"], &[], Some(600)).unwrap()
}

/// Sends a bent answer beside its honest twin: the bent one is *invalid* with `code`, the twin is valid.
fn check_bent(code: Code, bend: impl FnOnce(&mut World, &mut Answer, &mut Copy) -> Option<String>) {
    let mut world = World::new();
    let mut income = world.income(CUSTOMER);
    let twin = ask_income(&mut world);
    let answer = world.answer(&twin, &[&income]);
    assert_eq!(
        world.receipt(&twin, &answer).verdict,
        Verdict::Valid,
        "the twin of {code}"
    );

    let session = ask_income(&mut world);
    let opened = world.fetch(&session);
    let mut bent = Answer::to(&opened, world.now);
    let text = bend(&mut world, &mut bent, &mut income);
    let text = text.unwrap_or_else(|| bent.present("MonthlyIncome", &income, &income.key));
    let token = [("MonthlyIncome".to_owned(), vec![text])].into();
    let answer = bent.seal(&token);
    let receipt = world.receipt(&session, &answer);
    assert_eq!((receipt.verdict, receipt.code), (Verdict::Invalid, Some(code)));
    assert_eq!(receipt.kept, Default::default());
    let outcome = (State::Completed, Some(Verdict::Invalid), Some(code));
    assert_eq!(world.outcome(&session), outcome);
    let detail = world.detail(&session);
    assert!(detail.claims.is_empty(), "an invalid answer shows nothing");
    assert!(world.verifier.tables.claims(&session).unwrap().is_none());
    let is_named =
        |line: &credentials::verify::Line| matches!(&line.outcome, Outcome::Failed { problem } if problem.code == code);
    assert!(
        detail.checks.iter().any(is_named),
        "the verdict names the check of {code}"
    );
    assert_eq!(world.refusal(&session, &answer), Code::Replay);
}

#[test]
fn a_binding_for_another_audience_is_invalid() {
    check_bent(Code::WrongAudience, |_, answer, _| {
        answer.audience.push_str(".evil.example");
        None
    });
}

#[test]
fn a_nonce_that_nobody_gave_out_is_wrong() {
    check_bent(Code::WrongNonce, |_, answer, _| {
        answer.nonce = "AAAAAAAAAAAAAAAAAAAAAAAA".to_owned();
        None
    });
}

#[test]
fn a_nonce_of_another_session_is_a_replay_open_or_spent() {
    check_bent(Code::Replay, |world, answer, _| {
        let other = ask_income(world);
        answer.nonce = world.fetch(&other).request.nonce;
        None
    });
    check_bent(Code::Replay, |world, answer, income| {
        let other = ask_income(world);
        let opened = world.fetch(&other);
        let spent = world.answer(&other, &[income]);
        assert_eq!(world.receipt(&other, &spent).verdict, Verdict::Valid);
        // What was shown there, taken whole and encrypted anew to this session.
        let there = Answer::to(&opened, now());
        answer.nonce.clear();
        Some(there.present("MonthlyIncome", income, &income.key))
    });
}

#[test]
fn a_binding_to_another_request_is_invalid() {
    check_bent(Code::WrongRequest, |_, answer, _| {
        answer.request_hash[0] ^= 1;
        None
    });
}

#[test]
fn a_binding_from_before_the_request_is_invalid() {
    check_bent(Code::Stale, |_, answer, _| {
        answer.issued = now().plus(-301);
        None
    });
}

#[test]
fn a_copy_stolen_without_its_key_is_invalid() {
    check_bent(Code::HolderBindingInvalid, |_, answer, income| {
        let thief = SigningKey::generate(random().as_mut());
        Some(answer.present("MonthlyIncome", income, &thief))
    });
    check_bent(Code::HolderBindingMissing, |_, answer, income| {
        let held = SdJwt::parse(&income.text).unwrap();
        Some(held.select(&answer.paths["MonthlyIncome"]).unwrap())
    });
}

#[test]
fn one_altered_digit_is_invalid_wherever_it_stands() {
    use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
    let alter = |part: &str, from: &str, to: &str| {
        let plain = BASE64_URL_SAFE_NO_PAD.decode(part).ok()?;
        let plain = String::from_utf8(plain).ok()?;
        plain
            .contains(from)
            .then(|| BASE64_URL_SAFE_NO_PAD.encode(plain.replace(from, to)))
    };
    // In a disclosure: it has no digest any more.
    check_bent(Code::DisclosureInvalid, |_, answer, income| {
        let honest = answer.present("MonthlyIncome", income, &income.key);
        let parts: Vec<String> = honest
            .split('~')
            .map(|part| alter(part, "48500.00", "98500.00").unwrap_or_else(|| part.to_owned()))
            .collect();
        assert_ne!(parts.join("~"), honest);
        Some(parts.join("~"))
    });
    // In what the issuer signed in the clear.
    check_bent(Code::SignatureInvalid, |_, answer, income| {
        let (jwt, rest) = income.text.split_once('~').unwrap();
        let mut parts: Vec<String> = jwt.split('.').map(str::to_owned).collect();
        parts[1] = alter(&parts[1], "2026-07", "2026-08").unwrap();
        income.text = format!("{}~{rest}", parts.join("."));
        Some(answer.present("MonthlyIncome", income, &income.key))
    });
}

#[test]
fn what_was_asked_is_all_shown_and_nothing_else() {
    check_bent(Code::ClaimsMissing, |_, answer, _| {
        let paths = answer.paths.get_mut("MonthlyIncome").unwrap();
        paths.retain(|path| !path.to_string().ends_with("beloep"));
        None
    });
    check_bent(Code::ClaimsUnrequested, |_, answer, _| {
        let paths = answer.paths.get_mut("MonthlyIncome").unwrap();
        paths.push(path("derived.sumKontantytelse"));
        None
    });
}

#[test]
fn holding_the_number_back_is_an_invalid_answer_not_somebody_elses() {
    check_bent(Code::ClaimsMissing, |_, answer, _| {
        let paths = answer.paths.get_mut("MonthlyIncome").unwrap();
        paths.retain(|path| path.to_string() != "personidentifikator");
        None
    });
}

#[test]
fn an_issuer_that_is_not_listed_for_the_type_makes_nothing_valid() {
    let check = |code, bend: &dyn Fn(&mut Organisation)| {
        check_bent(code, |world, _, _| {
            world.set_trust(trust(now(), |draft| bend(&mut draft.organisations[0])));
            None
        });
    };
    check(Code::TypeNotAllowed, &|issuer| {
        issuer.issues.retain(|vct| vct != INCOME)
    });
    check(Code::KeyCompromised, &|issuer| issuer.keys[0].compromised = Some(now()));
}

#[test]
fn a_second_answer_is_a_replay_also_after_a_restart() {
    let mut world = World::new();
    let (first, second) = (world.income(CUSTOMER), world.income(CUSTOMER));
    let session = ask_income(&mut world);
    let answer = world.answer(&session, &[&first]);
    let another = world.answer(&session, &[&second]);
    assert_eq!(world.receipt(&session, &answer).verdict, Verdict::Valid);
    let before = world.detail(&session);
    let changes = world.verifier.changes();
    assert_eq!(world.refusal(&session, &answer), Code::Replay);
    assert_eq!(world.refusal(&session, &another), Code::Replay);
    assert_eq!(world.verifier.changes(), changes);
    let mut world = world.reopen();
    assert_eq!(world.refusal(&session, &answer), Code::Replay);
    assert_eq!(world.refusal(&session, &another), Code::Replay);
    let fetch = Ask::Fetch {
        session: session.clone(),
    };
    assert_eq!(world.send(fetch), Reply::Problem(Code::UnknownSession.into()));
    assert_eq!(world.detail(&session), before);
}

#[test]
fn a_spent_nonce_is_refused_by_the_store_itself_even_if_the_session_looked_open() {
    let mut world = World::new();
    let income = world.income(CUSTOMER);
    let session = ask_income(&mut world);
    let answer = world.answer(&session, &[&income]);
    let open = world.verifier.tables.session(&session).unwrap().unwrap();
    let key = world.verifier.tables.key(&session).unwrap().unwrap();
    assert_eq!(world.receipt(&session, &answer).verdict, Verdict::Valid);
    // The row of before is put back, as a faulty copy of the home would have it.
    let tables = &world.verifier.tables;
    let mut tx = tables.begin();
    let nonce = open.nonce.clone();
    tables.put_session(&mut tx, &open).unwrap();
    tables.put_again(&mut tx, &session, &key, CUSTOMER);
    tx.commit().unwrap();
    assert_eq!(world.state(&session), State::Fetched);
    assert_eq!(world.refusal(&session, &answer), Code::Replay);
    assert_eq!(world.state(&session), State::Fetched);
    assert!(world.verifier.tables.is_our_nonce(&nonce).unwrap());
}

#[test]
fn another_persons_genuine_answer_shows_nothing_and_the_customer_still_can_answer() {
    let mut world = World::new();
    let (income, tax) = (world.income(CUSTOMER), world.tax(CUSTOMER));
    let (their_income, their_tax) = (world.income(OTHER), world.tax(OTHER));
    let session = world.ask("S01", CUSTOMER);
    let theirs = world.answer(&session, &[&their_income, &their_tax]);
    let before = (world.detail(&session), world.verifier.changes());
    assert_eq!(world.refusal(&session, &theirs), Code::WrongSubject);
    assert_eq!((world.detail(&session), world.verifier.changes()), before);
    // Nor does it show that something of theirs is revoked or cannot be decided.
    world
        .status
        .states
        .insert(their_tax.index, credentials::status::State::Revoked);
    assert_eq!(world.refusal(&session, &theirs), Code::WrongSubject);
    world.status.at = None;
    assert_eq!(world.refusal(&session, &theirs), Code::WrongSubject);
    assert_eq!((world.detail(&session), world.verifier.changes()), before);

    world.status.at = Some(now());
    let mut world = world.reopen();
    let answer = world.answer(&session, &[&income, &tax]);
    assert_eq!(world.receipt(&session, &answer).verdict, Verdict::Valid);
}

#[test]
fn credentials_of_two_persons_never_make_one_answer() {
    let mut world = World::new();
    let (income, tax) = (world.income(CUSTOMER), world.tax(OTHER));
    let session = world.ask("S01", CUSTOMER);
    let answer = world.answer(&session, &[&income, &tax]);
    let receipt = world.receipt(&session, &answer);
    assert_eq!(
        (receipt.verdict, receipt.code),
        (Verdict::Invalid, Some(Code::DifferentPersons))
    );
    assert!(world.detail(&session).claims.is_empty());
}

#[test]
fn a_replayed_answer_of_another_person_is_a_replay_and_discards_nothing() {
    let mut world = World::new();
    let theirs = world.income(OTHER);
    let their_session = world.try_ask("S01", OTHER, &["C02"], &[], None).unwrap();
    let opened = world.fetch(&their_session);
    let there = Answer::to(&opened, now());
    let stolen = there.present("MonthlyIncome", &theirs, &theirs.key);
    let answer = there.seal(&[("MonthlyIncome".to_owned(), vec![stolen.clone()])].into());
    assert_eq!(world.receipt(&their_session, &answer).verdict, Verdict::Valid);

    let session = ask_income(&mut world);
    let opened = world.fetch(&session);
    let here = Answer::to(&opened, now());
    let answer = here.seal(&[("MonthlyIncome".to_owned(), vec![stolen])].into());
    let receipt = world.receipt(&session, &answer);
    assert_eq!((receipt.verdict, receipt.code), (Verdict::Invalid, Some(Code::Replay)));
    assert!(world.detail(&session).claims.is_empty());
}

#[test]
fn what_cannot_be_decrypted_or_read_is_malformed_and_the_session_stays_open() {
    let mut world = World::new();
    let income = world.income(CUSTOMER);
    let session = ask_income(&mut world);
    let other = ask_income(&mut world);
    let opened = world.fetch(&session);
    let honest = Answer::to(&opened, now());
    let text = honest.present("MonthlyIncome", &income, &income.key);
    let good = honest.seal(&token(&opened, &honest, &[&income]));
    let for_other = world.answer(&other, &[&income]);
    let before = (world.detail(&session), world.verifier.changes());

    let many: serde_json::Map<_, _> = (0..9).map(|i| (i.to_string(), json!([]))).collect();
    let mut unread = vec![
        String::new(),
        "....".to_owned(),
        for_other,
        good[..good.len() - 1].to_owned(),
        Answer {
            apv: vec![0; 32],
            ..Answer::to(&opened, now())
        }
        .seal_json(&json!({"vp_token": {}})),
    ];
    for plain in [
        json!(null),
        json!([]),
        json!({}),
        json!({"vp_token": null}),
        json!({"vp_token": {}, "more": 1}),
        json!({"vp_token": {"MonthlyIncome": text}}),
        json!({"vp_token": {"MonthlyIncome": [1]}}),
        json!({"vp_token": {"MonthlyIncome": vec![&text; 9]}}),
        json!({ "vp_token": many }),
    ] {
        unread.push(honest.seal_json(&plain));
    }
    let twice = format!(r#"{{"vp_token":{{"a":["{text}"],"a":[]}}}}"#);
    unread.push(honest.seal_bytes(twice.as_bytes()));
    unread.push(honest.seal_bytes(b"\xff"));
    unread.push(honest.seal_bytes("[".repeat(1_000).as_bytes()));
    for answer in &unread {
        assert_eq!(world.refusal(&session, answer), Code::Malformed, "{answer:.40}");
    }
    assert_eq!(world.refusal(&session, &"x".repeat(LIMIT + 1)), Code::TooLarge);
    assert_eq!((world.detail(&session), world.verifier.changes()), before);
    assert_eq!(world.receipt(&session, &good).verdict, Verdict::Valid);
}

#[test]
fn an_answer_that_lacks_a_credential_or_brings_one_more_is_invalid() {
    for (ids, code) in [
        (&["MonthlyIncome"][..], None),
        (&[][..], Some(Code::ClaimsMissing)),
        (&["MonthlyIncome", "more"][..], Some(Code::ClaimsUnrequested)),
    ] {
        let mut world = World::new();
        let income = world.income(CUSTOMER);
        let session = ask_income(&mut world);
        let opened = world.fetch(&session);
        let honest = Answer::to(&opened, now());
        let text = honest.present("MonthlyIncome", &income, &income.key);
        let token = ids.iter().map(|id| ((*id).to_owned(), vec![text.clone()])).collect();
        let receipt = world.receipt(&session, &honest.seal(&token));
        assert_eq!(receipt.code, code);
    }
}

#[test]
fn whoever_does_not_know_the_sessions_name_can_do_nothing() {
    let mut world = World::new();
    let income = world.income(CUSTOMER);
    let session = ask_income(&mut world);
    let answer = world.answer(&session, &[&income]);
    let before = (world.detail(&session), world.verifier.changes());
    let long = "x".repeat(100_000);
    for name in [
        "",
        "x",
        &session[1..],
        &format!("{session}="),
        "verifier.sessions",
        &long,
        "\0",
    ] {
        let name = name.to_owned();
        let asks = [
            Ask::Fetch { session: name.clone() },
            Ask::Decline { session: name.clone() },
            Ask::Answer {
                session: name,
                answer: answer.clone(),
            },
        ];
        for ask in asks {
            assert_eq!(world.send(ask), Reply::Problem(Code::UnknownSession.into()));
        }
    }
    assert_eq!((world.detail(&session), world.verifier.changes()), before);
    assert_eq!(world.receipt(&session, &answer).verdict, Verdict::Valid);
}

#[test]
fn nothing_personal_is_in_debug_or_refusals() {
    let mut world = World::new();
    let income = world.income(CUSTOMER);
    let session = ask_income(&mut world);
    let answer = world.answer(&session, &[&income]);
    let receipt = world.receipt(&session, &answer);
    let detail = world.detail(&session);
    assert!(detail.claims["MonthlyIncome"].to_string().contains("48500.00"));
    for text in [
        format!("{detail:?}"),
        format!("{receipt:?}"),
        format!("{:?}", detail.checks),
    ] {
        for value in [CUSTOMER, "48500.00", "312045877"] {
            assert!(!text.contains(value), "{value} in {text}");
        }
    }
}

/// Whatever is encrypted to an open session gets a reply; it never is *valid*, and never shows a claim.
#[test]
fn arbitrary_answers_are_replied_to_and_never_valid() {
    let token = r#"\{"vp_token":\{"MonthlyIncome":\["[ -!#-\[\]-~]{0,60}"\]\}\}"#;
    let plain = prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..200),
        token.prop_map(String::into_bytes),
    ];
    let plains = proptest::collection::vec(plain, 1..4);
    let world = RefCell::new(World::new());
    let config = ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(64)
    };
    TestRunner::new(config)
        .run(&(plains, ".{0,100}"), |(plains, raw)| {
            let mut world = world.borrow_mut();
            let session = ask_income(&mut world);
            let opened = world.fetch(&session);
            let honest = Answer::to(&opened, now());
            for plain in plains {
                let sealed = honest.seal_bytes(&plain);
                let reply = world.send_answer(&session, &sealed);
                let is_fitting = matches!(reply, Reply::Receipt { .. } | Reply::Problem(_));
                prop_assert!(is_fitting);
                let reply = world.send_answer(&session, &raw);
                prop_assert!(matches!(reply, Reply::Problem(_)));
                let reply = world.send(Ask::Fetch { session: raw.clone() });
                prop_assert_eq!(reply, Reply::Problem(Code::UnknownSession.into()));
                let detail = world.detail(&session);
                prop_assert!(detail.view.verdict != Some(Verdict::Valid));
                prop_assert!(detail.claims.is_empty());
            }
            Ok(())
        })
        .unwrap();
}

#[test]
fn the_checks_of_a_replay_name_it_at_the_nonce() {
    let mut world = World::new();
    let income = world.income(CUSTOMER);
    let other = ask_income(&mut world);
    let nonce = world.fetch(&other).request.nonce;
    let session = ask_income(&mut world);
    let answer = world.bent_answer(&session, &[&income], |answer| answer.nonce = nonce);
    assert_eq!(world.receipt(&session, &answer).code, Some(Code::Replay));
    for line in world.detail(&session).checks {
        let expected = match line.check {
            Check::Nonce => Outcome::Failed {
                problem: Code::Replay.into(),
            },
            _ => Outcome::Ok,
        };
        assert_eq!(line.outcome, expected, "{:?}", line.check);
    }
}
