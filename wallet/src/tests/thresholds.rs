//! "At least so much": one rung for one asker and case, and a screen that says what is learned.

use super::world::*;
use crate::*;
use credentials::query::Query;
use credentials::request::Request;
use credentials::sd_jwt::SdJwt;
use serde_json::{Value, json};

const RUNG: &str = "inntektPerMaanedMinst.kr50000";
const NEXT: &str = "inntektPerMaanedMinst.kr60000";

/// The bank asks whether income is at least so much.
fn at_least(claims: &[&str]) -> Query {
    let mut asked = query(&[("inntekt", INCOME, claims)]);
    for claim in &mut asked.credentials[0].claims {
        if claim.path.to_string().starts_with("inntektPerMaanedMinst") {
            claim.values = vec![Value::Bool(true)];
        }
    }
    asked
}

fn session(claims: &[&str], bend: impl Fn(&mut Request)) -> Session {
    Session::bent(Org::Bank, "S01", at_least(claims), None, bend)
}

fn refused(wallet: &mut Wallet, session: &Session) -> Problem {
    outcome(&fetch(wallet, session, &Org::Bank.peer(), session.reply())).expect_err("a refusal")
}

#[test]
fn exactly_one_rung_leaves_and_the_text_says_what_is_learned_and_what_is_not() {
    let mut home = citizen();
    let session = session(&["personidentifikator", RUNG], |_| ());
    let id = bring(home.wallet(), &session);
    for (language, label, sentence) in [
        (
            "nb",
            "Inntekt på minst 50\u{a0}000 kr i måneden: ja",
            "får bare vite at det er minst så mye",
        ),
        (
            "nn",
            "Inntekt på minst 50\u{a0}000 kr i månaden: ja",
            "får berre vite at det er minst så mykje",
        ),
        (
            "en",
            "Income of at least NOK 50,000 a month: yes",
            "learns only that it is at least that much",
        ),
    ] {
        let text = home.wallet().text(now(), &id, language).unwrap();
        assert!(text.contains(label) && text.contains(sentence), "{text}");
        assert!(!text.contains("54905") && !text.contains("48517"), "an amount");
    }
    let (_, answer) = answer(home.wallet(), &id, "nb");
    let (report, verified) = session.check(&answer, Some(ROLIG), None);
    assert!(verified.is_some(), "{:?}", report.problem());
    let shown = SdJwt::parse(&session.open(&answer)["inntekt"][0]).unwrap();
    assert_eq!(shown.claims()["inntektPerMaanedMinst"], json!({ "kr50000": true }));
    assert!(shown.claims().get("oppgaveInntektsmottaker").is_none() && shown.claims().get("derived").is_none());
}

#[test]
fn a_second_rung_of_the_same_asker_and_case_is_refused_for_good_and_the_same_one_is_not() {
    let mut home = citizen();
    let ask = |rung: &'static str, case: &'static str| {
        session(&["personidentifikator", rung], move |request| {
            request.case = case.to_owned()
        })
    };
    // Two requests wait; the person says yes to one.
    let (one, two) = (ask("inntektPerMaanedMinst.kr45000", "Sak A"), ask(RUNG, "Sak A"));
    let (first, second) = (bring(home.wallet(), &one), bring(home.wallet(), &two));
    answer(home.wallet(), &first, "nb");
    let problem = outcome(&home.wallet().present(now(), &second, "nb").1).expect_err("a second rung");
    assert_eq!(problem, Problem::new(Code::OverAsk, "rung"));
    home.restart();
    for rung in [RUNG, "inntektPerMaanedMinst.kr20000"] {
        let asked = ask(rung, "Sak A");
        assert_eq!(refused(home.wallet(), &asked), Problem::new(Code::OverAsk, "rung"));
        // The history says why, for who reads it later.
        let told = home.wallet().history().unwrap().pop().unwrap();
        assert_eq!(
            (told.what, told.code, told.detail.as_deref()),
            (What::Failed, Some(Code::OverAsk), Some("rung"))
        );
    }
    // The same rung again tells nothing new, and another case is another matter.
    bring(home.wallet(), &ask("inntektPerMaanedMinst.kr45000", "Sak A"));
    bring(home.wallet(), &ask(RUNG, "Sak B"));
}

#[test]
fn more_than_one_rung_a_rung_beside_amounts_and_one_that_is_none_are_refused() {
    let mut home = citizen();
    let wallet = home.wallet();
    let over = |path: &str| Problem::new(Code::OverAsk, path);
    assert_eq!(
        refused(wallet, &session(&["personidentifikator", RUNG, NEXT], |_| ())),
        over(NEXT)
    );
    let beside = "derived.sumKontantytelse";
    assert_eq!(
        refused(wallet, &session(&["personidentifikator", RUNG, beside], |_| ())),
        over(beside)
    );
    let amount = "oppgaveInntektsmottaker[].inntekt[].beloep";
    assert_eq!(
        refused(wallet, &session(&["personidentifikator", amount, RUNG], |_| ())),
        over(amount)
    );
    let none = "inntektPerMaanedMinst.kr51000";
    assert_eq!(
        refused(wallet, &session(&["personidentifikator", none], |_| ())),
        over(none)
    );
    let all = "inntektPerMaanedMinst";
    assert_eq!(
        refused(wallet, &session(&["personidentifikator", all], |_| ())),
        over(all)
    );
    // Whether it is not reached may not be asked, nor both.
    for values in [json!([false]), json!([true, false]), json!([])] {
        let values: Vec<Value> = values.as_array().unwrap().clone();
        let either = session(&["personidentifikator", RUNG], |request| {
            request.query.credentials[0].claims[1].values = values.clone();
        });
        assert_eq!(refused(wallet, &either), over(RUNG));
    }
    // Where the service does not know the ladder.
    let other = Session::new(Org::Bank, "S15", at_least(&["personidentifikator", RUNG]), None);
    assert_eq!(refused(wallet, &other).code, Code::OverAsk);
    bring(wallet, &session(&["personidentifikator", RUNG], |_| ()));
}

#[test]
fn a_rung_that_is_not_reached_is_no_answer() {
    let mut home = citizen();
    let session = session(&["personidentifikator", NEXT], |_| ());
    let id = bring(home.wallet(), &session);
    let text = home.wallet().text(now(), &id, "en").unwrap();
    assert!(text.contains("cannot answer") && !text.contains("no\n"), "{text}");
    assert_eq!(code(&home.wallet().present(now(), &id, "en").1), Code::NotPresented);
}

#[test]
fn a_forged_rung_is_no_part_of_what_was_signed() {
    let mut home = citizen();
    let session = session(&["personidentifikator", RUNG], |_| ());
    let id = bring(home.wallet(), &session);
    let (_, answer) = answer(home.wallet(), &id, "nb");
    let honest = session.open(&answer)["inntekt"][0].clone();
    // The salted answer about a rung that was reached, put for one that was not.
    use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
    let is_rung = |part: &&str| {
        let opened = BASE64_URL_SAFE_NO_PAD.decode(part).unwrap_or_default();
        String::from_utf8_lossy(&opened).contains("kr50000")
    };
    let rung = honest.split('~').find(is_rung).unwrap().to_owned();
    let opened = String::from_utf8(BASE64_URL_SAFE_NO_PAD.decode(&rung).unwrap()).unwrap();
    let forged = BASE64_URL_SAFE_NO_PAD.encode(opened.replace("kr50000", "kr60000"));
    let parsed = SdJwt::parse(&honest.replace(&rung, &forged));
    assert!(parsed.is_err(), "a disclosure that no digest names");
}
