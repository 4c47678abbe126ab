//! Whole answers.

use super::bent::BENT;
use super::*;

/// What a case is called, and how it is bent.
type Bend = (&'static str, fn(&mut Case));

#[test]
fn an_answer_that_is_right_in_every_respect_is_valid_and_every_check_is_named() {
    let (report, verified) = Case::new().verify();
    assert_eq!(report.problem(), None);
    assert_eq!(report.verdict(), Verdict::Valid);
    let checks = |id: Option<&str>| -> Vec<Check> {
        let of = |line: &&Line| line.credential.as_deref() == id;
        report.lines.iter().filter(of).map(|line| line.check).collect()
    };
    let (single, whole) = Check::ALL.split_at(16);
    assert_eq!(checks(Some("income")), single);
    assert_eq!(checks(Some("person")), single);
    assert_eq!(checks(None), whole);
    assert_eq!(report.status_at, Some(now().plus(-60)), "the older of two");
    assert_eq!(report.trust_at, Some(now()), "when the head was signed");

    let verified = verified.expect("verified");
    let income = &verified.credentials()["income"];
    assert_eq!(income.claims()["personidentifikator"], json!(HOLDER_NUMBER));
    assert_eq!(
        income.claims()["oppgaveInntektsmottaker"][1]["inntekt"],
        json!([{ "beloep": "61200.00" }])
    );
    assert_eq!(income.vct(), INCOME);
    assert_eq!(*income.issuer(), did(TAX));
    assert_eq!(income.expires(), Some(Copy::income().expires));
    assert_eq!(income.notes(), []);
    assert_eq!(verified.credentials().len(), 2);
}

#[test]
fn of_each_check_there_is_a_case_in_which_it_alone_does_not_hold() {
    for bent in BENT {
        let mut case = Case::new();
        (bent.bend)(&mut case);
        let (report, verified) = case.verify();
        let what = bent.what;
        assert!(verified.is_none(), "{what}");
        let mut codes = Vec::new();
        for line in &report.lines {
            match &line.outcome {
                Outcome::Ok => {}
                Outcome::NotReached => {
                    assert!(bent.not_reached.contains(&line.check), "{what}: {line:?}");
                    assert_ne!(
                        line.credential.as_deref(),
                        Some("person").filter(|_| case.has_trust && case.draft.next_update > now()),
                        "{what}"
                    );
                }
                Outcome::Failed { problem } | Outcome::Undecided { problem } => {
                    assert_eq!(line.check, bent.check, "{what}: {line:?}");
                    codes.push(problem.code);
                }
            }
        }
        for check in bent.not_reached {
            let is_named = |line: &Line| line.check == *check && line.outcome == Outcome::NotReached;
            assert!(report.lines.iter().any(is_named), "{what}: {check:?} was tried");
        }
        codes.dedup();
        assert_eq!(codes, [bent.code], "{what}");
        assert_eq!(report.problem().map(|problem| problem.code), Some(bent.code), "{what}");
        let is_undecided = matches!(
            bent.code,
            Code::TrustMissing | Code::TrustStale | Code::ClockSuspect | Code::StatusMissing | Code::StatusStale
        );
        let verdict = if is_undecided {
            Verdict::Undecided
        } else {
            Verdict::Invalid
        };
        assert_eq!(report.verdict(), verdict, "{what}");
    }
}

#[test]
fn no_check_lacks_its_case() {
    let bent: std::collections::BTreeSet<Check> = BENT.iter().map(|bent| bent.check).collect();
    assert_eq!(bent, Check::ALL.iter().copied().collect());
}

#[test]
fn limits_of_time_belong_to_what_is_allowed() {
    let bends: [Bend; 9] = [
        ("key from midday of the day of issue", |case| {
            case.draft.organisations[0].keys[0].valid_from = now();
        }),
        ("key until the instant of issue", |case| {
            case.draft.organisations[0].keys[0].valid_until = now().day();
        }),
        ("one second left", |case| case.income.expires = now().plus(1)),
        ("issuer's clock ahead", |case| {
            case.income.issued = now().plus(CLOCK_SKEW)
        }),
        ("oldest status allowed", |case| {
            case.status = Some((State::Valid, now().plus(-3_600)));
        }),
        ("status clock ahead", |case| {
            case.status = Some((State::Valid, now().plus(CLOCK_SKEW)));
        }),
        ("bound with a slow clock", |case| {
            case.income.bound_at = now().plus(-60 - CLOCK_SKEW);
        }),
        ("bound with a fast clock", |case| {
            case.income.bound_at = now().plus(CLOCK_SKEW);
        }),
        ("trust document on its last day", |case| case.draft.next_update = now()),
    ];
    for (what, bend) in bends {
        let mut case = Case::new();
        bend(&mut case);
        let (report, verified) = case.verify();
        assert_eq!(report.problem(), None, "{what}");
        assert!(verified.is_some(), "{what}");
    }
}

#[test]
fn several_things_wrong_are_all_named_and_a_failure_outweighs_doubt() {
    let mut case = Case::new();
    case.status = None;
    case.income.signed_by = 99;
    case.income.nonce = "another".to_owned();
    case.subject = Some("03919043163");
    let (report, verified) = case.verify();
    let wrong: Vec<Check> = report
        .lines
        .iter()
        .filter(|line| line.outcome != Outcome::Ok)
        .map(|line| line.check)
        .collect();
    assert_eq!(wrong, [Check::Signature, Check::Status, Check::Nonce, Check::Subject]);
    assert_eq!(report.verdict(), Verdict::Invalid);
    assert_eq!(
        report.problem().map(|problem| problem.code),
        Some(Code::SignatureInvalid)
    );
    assert!(verified.is_none());
}

#[test]
fn one_credential_names_no_check_of_several_and_a_subject_only_when_known() {
    let mut case = Case::new();
    case.query["credentials"]
        .as_array_mut()
        .expect("credentials")
        .truncate(1);
    case.token = |token| {
        token.remove("person");
    };
    case.subject = None;
    let (report, verified) = case.verify();
    assert!(verified.is_some(), "{:?}", report.problem());
    assert!(report.lines.iter().all(|line| line.credential.is_some()));
    case.subject = Some(HOLDER_NUMBER);
    assert!(case.verify().1.is_some());
    case.query["credentials"][0]["claims"]
        .as_array_mut()
        .expect("claims")
        .remove(0);
    case.income.shown.remove(0);
    let (report, verified) = case.verify();
    assert!(verified.is_none());
    assert_eq!(
        report.problem().map(|problem| problem.code),
        Some(Code::WrongSubject),
        "who does not say whose it is cannot be the customer"
    );
}

#[test]
fn an_answer_binds_the_keys_it_is_asked_to_and_no_others() {
    let mut case = Case::new();
    case.covers = None;
    case.income.covers = None;
    case.person.covers = None;
    assert!(case.verify().1.is_some(), "a plain presentation");
    case.income.covers = Some(covers());
    let (report, _) = case.verify();
    assert_eq!(report.problem().map(|problem| problem.code), Some(Code::KeysNotCovered));
}
