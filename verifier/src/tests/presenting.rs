//! Answers that get a verdict: valid, could not decide, and what the holder's credentials themselves lack.

use super::world::*;
use crate::State;
use credentials::protocol::presentation::{Ask, Reply};
use credentials::verify::{Check, Outcome, Verdict};
use credentials::{Code, status};
use serde_json::json;
use std::collections::BTreeSet;

#[test]
fn income_and_tax_of_the_customer_are_valid_with_every_check_named_and_only_what_was_asked() {
    let mut world = World::new();
    let (income, tax) = (world.income(CUSTOMER), world.tax(CUSTOMER));
    let session = world.ask("S01", CUSTOMER);
    let answer = world.answer(&session, &[&income, &tax]);
    let changes = world.verifier.changes();
    let receipt = world.receipt(&session, &answer);
    assert!(world.verifier.changes() > changes);

    let detail = world.detail(&session);
    assert_eq!(world.outcome(&session), (State::Completed, Some(Verdict::Valid), None));
    // Every check there is, for each credential or for the whole, and each of them holds.
    for id in ["MonthlyIncome", "TaxAssessmentSummary"] {
        let named: BTreeSet<Check> = detail
            .checks
            .iter()
            .filter(|line| line.credential.as_deref() == Some(id) || line.credential.is_none())
            .map(|line| line.check)
            .collect();
        assert_eq!(named, BTreeSet::from_iter(Check::ALL.iter().copied()), "{id}");
    }
    assert!(detail.checks.iter().all(|line| line.outcome == Outcome::Ok));

    assert_eq!(
        detail.claims["MonthlyIncome"],
        json!({
            "personidentifikator": CUSTOMER, "fraOgMed": "2026-07", "tilOgMed": "2026-07",
            "ajourholdstidspunkt": "2026-08-04T00:00:00Z",
            "oppgaveInntektsmottaker": [{
                "opplysningspliktigId": "312045877", "kalendermaaned": "2026-07",
                "inntekt": [{"fordel": "kontantytelse", "beloep": "48500.00"}],
            }],
        })
    );
    assert_eq!(
        shown(&detail, "TaxAssessmentSummary", "grunnlag[].beloep"),
        [json!("621400"), json!("92000")]
    );
    assert!(
        !detail.claims["TaxAssessmentSummary"]
            .to_string()
            .contains("spesifisering")
    );

    assert_eq!(detail.types["MonthlyIncome"], INCOME);
    assert_eq!(detail.types["TaxAssessmentSummary"], TAX);
    assert_eq!(detail.issuers["TaxAssessmentSummary"].name, "ETATEN");
    assert_eq!(detail.issuers["TaxAssessmentSummary"].did, etat());
    assert_eq!((detail.status_age_s, detail.trust_age_s), (Some(60), Some(0)));
    assert_eq!(detail.checked_at, Some(now()));
    assert_eq!(detail.notes, []);
    assert_eq!(detail.not_for_credit, [""; 0]);

    assert_eq!((receipt.verdict, receipt.code), (Verdict::Valid, None));
    let kept: Vec<String> = receipt.kept["TaxAssessmentSummary"]
        .iter()
        .map(ToString::to_string)
        .collect();
    assert!(kept.contains(&"grunnlag[].beloep".to_owned()), "{kept:?}");
    assert_eq!(receipt.kept.len(), 2);
    assert_eq!(receipt.until, detail.keep_until);
    assert_eq!(receipt.ground, "creditworthiness_duty");
    assert_eq!(detail.keep_ground, receipt.ground);
    assert_eq!(world.reopen().detail(&session), detail);
}

#[test]
fn a_companys_registration_is_valid_for_the_customer_check() {
    let mut world = World::new();
    let company = world.company();
    let session = world
        .try_ask("K01", COMPANY, &[], &["organisasjonsnummer", "navn", "konkurs"], None)
        .unwrap();
    let answer = world.answer(&session, &[&company]);
    let receipt = world.receipt(&session, &answer);
    assert_eq!(receipt.verdict, Verdict::Valid);
    let detail = world.detail(&session);
    assert_eq!(
        detail.claims["CompanyRegistration"],
        json!({"organisasjonsnummer": COMPANY, "navn": "TREG LASTEBIL AS", "konkurs": false})
    );
    assert!(!detail.checks.iter().any(|line| line.check == Check::SamePerson));
}

#[test]
fn a_changed_register_row_changes_what_the_bank_sees() {
    let mut world = World::new();
    for amount in ["48500.00", "51000.00"] {
        let income = world.issue(INCOME, income_row(CUSTOMER, amount));
        let session = world.try_ask("S01", CUSTOMER, &["C02"], &[], None).unwrap();
        let answer = world.answer(&session, &[&income]);
        assert_eq!(world.receipt(&session, &answer).verdict, Verdict::Valid);
        let at = "oppgaveInntektsmottaker[].inntekt[].beloep";
        assert_eq!(shown(&world.detail(&session), "MonthlyIncome", at), [json!(amount)]);
    }
}

#[test]
fn a_guarantee_under_the_guarantors_notice_is_valid_and_noted() {
    let mut world = World::new();
    let guarantee = world.issue(GUARANTEE, guarantee_row());
    let session = world
        .try_ask("S09", COMPANY, &[], &["garantistatus", "oppsigelse"], None)
        .unwrap();
    let answer = world.answer(&session, &[&guarantee]);
    let receipt = world.receipt(&session, &answer);
    let noted = Some(Code::TerminatedPending);
    assert_eq!((receipt.verdict, receipt.code), (Verdict::Valid, noted));
    assert_eq!(world.outcome(&session), (State::Completed, Some(Verdict::Valid), noted));
    assert_eq!(world.detail(&session).notes, [Code::TerminatedPending]);
}

/// Asks for income only, answers honestly, and gives verdict and code as receipt and desk agree on them.
fn income_verdict(world: &mut World) -> (Verdict, Option<Code>) {
    let income = world.income(CUSTOMER);
    let session = world.try_ask("S01", CUSTOMER, &["C02"], &[], Some(600)).unwrap();
    let answer = world.answer(&session, &[&income]);
    verdict_of(world, &session, &answer)
}

fn verdict_of(world: &mut World, session: &str, answer: &str) -> (Verdict, Option<Code>) {
    let receipt = world.receipt(session, answer);
    let told = (receipt.verdict, receipt.code);
    assert_eq!(world.outcome(session), (State::Completed, Some(told.0), told.1));
    let detail = world.detail(session);
    if told.0 == Verdict::Valid {
        assert_eq!(detail.claims.len(), 1);
    } else {
        assert!(detail.claims.is_empty() && receipt.kept.is_empty() && receipt.until.is_none());
        assert!(detail.keep_until.is_none() && detail.issuers.is_empty());
        let reasons = detail.checks.iter().filter_map(|line| match &line.outcome {
            Outcome::Failed { problem } | Outcome::Undecided { problem } => Some(problem.code),
            _ => None,
        });
        assert!(reasons.into_iter().any(|code| Some(code) == told.1));
    }
    told
}

#[test]
fn the_status_lists_word_counts_and_without_a_fresh_one_nothing_is_decided() {
    let mut world = World::new();
    let valid = (Verdict::Valid, None);
    assert_eq!(income_verdict(&mut world), valid);
    let invalid = |code| (Verdict::Invalid, Some(code));
    for (state, code) in [
        (status::State::Revoked, Code::Revoked),
        (status::State::Suspended, Code::Suspended),
        (status::State::Superseded, Code::Superseded),
    ] {
        let income = world.income(CUSTOMER);
        world.status.states.insert(income.index, state);
        let session = world.try_ask("S01", CUSTOMER, &["C02"], &[], None).unwrap();
        let answer = world.answer(&session, &[&income]);
        assert_eq!(verdict_of(&mut world, &session, &answer), invalid(code));
    }
    // The limit is the registration's, to the second.
    world.status.at = Some(now().plus(-3_600));
    assert_eq!(income_verdict(&mut world), valid);
    let undecided = |code| (Verdict::Undecided, Some(code));
    world.status.at = Some(now().plus(-3_601));
    assert_eq!(income_verdict(&mut world), undecided(Code::StatusStale));
    world.status.at = None;
    assert_eq!(income_verdict(&mut world), undecided(Code::StatusMissing));
}

#[test]
fn an_answer_that_was_left_waits_for_what_it_is_judged_by_and_not_for_ever() {
    let mut world = World::new();
    let income = world.income(CUSTOMER);
    for (left_at, expected) in [(449, None), (450, Some(Verdict::Undecided))] {
        world.status.at = None;
        let session = world.try_ask("S01", CUSTOMER, &["C02"], &[], Some(600)).unwrap();
        let answer = world.answer(&session, &[&income]);
        let before = (world.detail(&session), world.verifier.changes());
        let reply = world
            .verifier
            .receive_left(now().plus(left_at), &world.status, &session, &answer);
        if expected.is_some() {
            assert!(matches!(reply, Reply::Receipt { .. }), "{reply:?}");
            assert_eq!(
                world.outcome(&session),
                (State::Completed, expected, Some(Code::StatusMissing))
            );
            continue;
        }
        assert_eq!(reply, Reply::Problem(Code::StatusMissing.into()));
        assert_eq!((world.detail(&session), world.verifier.changes()), before);
        // The list has come: the same answer is taken. Whoever waits for a receipt gets one in any case.
        world.status.at = Some(now());
        world.verifier.receive_left(now(), &world.status, &session, &answer);
        assert_eq!(world.outcome(&session), (State::Completed, Some(Verdict::Valid), None));
    }
    world.status.at = None;
    assert_eq!(
        income_verdict(&mut world),
        (Verdict::Undecided, Some(Code::StatusMissing))
    );
}

#[test]
fn a_service_that_sets_no_age_takes_a_list_of_a_day_and_decides_nothing_by_an_older_one() {
    let mut world = World::new();
    world.set_trust(trust(now(), |draft| {
        for service in &mut draft.organisations[1].services {
            let mut value = serde_json::to_value(&*service).unwrap();
            value.as_object_mut().unwrap().remove("status_age_max");
            *service = serde_json::from_value(value).unwrap();
        }
    }));
    let income = world.income(CUSTOMER);
    let checked = |world: &World| world.verifier.check(now(), &world.status, &income.text).verdict();
    world.status.at = Some(now().plus(-86_340));
    assert_eq!(income_verdict(&mut world), (Verdict::Valid, None));
    assert_eq!(checked(&world), Verdict::Valid);
    world.status.at = Some(now().plus(-86_460));
    assert_eq!(
        income_verdict(&mut world),
        (Verdict::Undecided, Some(Code::StatusStale))
    );
    assert_eq!(checked(&world), Verdict::Undecided);
    // The same for a check of somebody who has no registration at all.
    world.set_trust(trust(now(), |draft| draft.organisations[1].services.clear()));
    assert_eq!(checked(&world), Verdict::Undecided);
    world.status.at = Some(now().plus(-86_340));
    assert_eq!(checked(&world), Verdict::Valid);
}

#[test]
fn a_trust_document_that_ran_out_after_the_request_decides_nothing() {
    let mut world = World::new();
    let income = world.income(CUSTOMER);
    let session = world.try_ask("S01", CUSTOMER, &["C02"], &[], Some(2 * 86_400)).unwrap();
    let opened = world.fetch(&session);
    world.pass(86_401);
    let bound = Answer::to(&opened, world.now);
    let answer = bound.seal(&token(&opened, &bound, &[&income]));
    assert_eq!(
        verdict_of(&mut world, &session, &answer),
        (Verdict::Undecided, Some(Code::TrustStale))
    );
    assert_eq!(world.detail(&session).trust_age_s, Some(86_401));
    // The same with a fresh document: valid.
    let again = trust(world.now, |_| {});
    world.set_trust(again);
    assert_eq!(income_verdict(&mut world), (Verdict::Valid, None));
}

#[test]
fn a_service_that_was_taken_from_us_takes_no_answers() {
    let mut world = World::new();
    let income = world.income(CUSTOMER);
    let session = world.try_ask("S01", CUSTOMER, &["C02"], &[], None).unwrap();
    let answer = world.answer(&session, &[&income]);
    world.set_trust(trust(now(), |draft| {
        draft.organisations[1].services.retain(|service| service.id != "S01");
    }));
    assert_eq!(world.refusal(&session, &answer), Code::NotLicensed);
    world.set_trust(trust(now(), |draft| {
        let services = &mut draft.organisations[1].services;
        let service = services.iter_mut().find(|service| service.id == "S01").unwrap();
        std::sync::Arc::make_mut(service)
            .may_ask
            .retain(|may| may.vct != INCOME);
    }));
    assert_eq!(world.refusal(&session, &answer), Code::OverAsk);
    assert_eq!(world.state(&session), State::Fetched);
    world.set_trust(trust(now(), |_| {}));
    assert_eq!(verdict_of(&mut world, &session, &answer), (Verdict::Valid, None));
}

#[test]
fn a_declined_request_ends_as_not_presented_and_takes_no_answer() {
    let mut world = World::new();
    let income = world.income(CUSTOMER);
    let session = world.try_ask("S01", CUSTOMER, &["C02"], &[], None).unwrap();
    let answer = world.answer(&session, &[&income]);
    let decline = Ask::Decline {
        session: session.clone(),
    };
    assert_eq!(world.send(decline.clone()), Reply::Closed);
    let failed = (State::Failed, None, Some(Code::NotPresented));
    assert_eq!(world.outcome(&session), failed);
    assert!(world.verifier.tables.key(&session).unwrap().is_none());
    assert!(world.verifier.tables.customer(&session).unwrap().is_none());
    let mut world = world.reopen();
    assert_eq!(world.send(decline), Reply::Closed);
    assert_eq!(world.refusal(&session, &answer), Code::UnknownSession);
    let fetch = Ask::Fetch {
        session: session.clone(),
    };
    assert_eq!(world.send(fetch), Reply::Problem(Code::UnknownSession.into()));
    assert_eq!(world.outcome(&session), failed);
}

#[test]
fn a_credential_is_checked_on_its_own_with_three_answers() {
    let mut world = World::new();
    let income = world.income(CUSTOMER);
    let check = |world: &World, text: &str| {
        let report = world.verifier.check(now(), &world.status, text);
        (report.verdict(), report.problem().map(|p| p.code))
    };
    assert_eq!(check(&world, &income.text), (Verdict::Valid, None));
    assert_eq!(check(&world, &format!("\n{}\n", income.text)), (Verdict::Valid, None));
    let session = world.try_ask("S01", CUSTOMER, &["C02"], &[], None).unwrap();
    let opened = world.fetch(&session);
    let presented = Answer::to(&opened, now()).present("MonthlyIncome", &income, &income.key);
    assert_eq!(check(&world, &presented), (Verdict::Valid, None));

    world.status.states.insert(income.index, status::State::Revoked);
    assert_eq!(check(&world, &income.text), (Verdict::Invalid, Some(Code::Revoked)));
    world.status.states.clear();
    world.status.at = None;
    assert_eq!(
        check(&world, &income.text),
        (Verdict::Undecided, Some(Code::StatusMissing))
    );
    for garbage in ["", "~", "not a credential", &"x".repeat(1 << 20)] {
        assert_eq!(check(&world, garbage).0, Verdict::Invalid);
    }
}

#[test]
fn a_rung_that_is_reached_is_all_that_is_learned_and_one_that_is_not_is_no_answer() {
    let mut world = World::new();
    let income = world.income(CUSTOMER);
    let mut ask = |rung: &str| {
        let session = world.try_ask("S01", CUSTOMER, &["C02"], &[rung], None).unwrap();
        let answer = world.answer(&session, &[&income]);
        world.receipt(&session, &answer);
        let (_, verdict, code) = world.outcome(&session);
        (verdict, code, world.detail(&session).claims)
    };
    let (verdict, code, claims) = ask("inntektPerMaanedMinst.kr45000");
    assert_eq!((verdict, code), (Some(Verdict::Valid), None));
    assert_eq!(
        claims["MonthlyIncome"],
        json!({ "personidentifikator": CUSTOMER, "inntektPerMaanedMinst": { "kr45000": true } })
    );
    // What a wallet of ours never sends: a rung that is not reached.
    let (verdict, code, _) = ask("inntektPerMaanedMinst.kr60000");
    assert_eq!((verdict, code), (Some(Verdict::Invalid), Some(Code::ClaimsMissing)));
}
