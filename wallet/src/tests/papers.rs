//! The decision that goes with an answer, the receipt that both hold, and the report about it.

use super::presenting::income_only;
use super::world::*;
use crate::tables::{DecisionRow, ReceiptRow};
use crate::*;
use credentials::decision::{self, COMPLAINT_MAX, Decision, Report};
use credentials::sd_jwt::SdJwt;
use serde_json::Value;

/// Shares income; the session, the answer and the thread that waits for its receipt.
fn shared(home: &mut Home) -> (Session, Thread, String) {
    let session = income_only();
    let id = bring(home.wallet(), &session);
    let (thread, sent) = answer(home.wallet(), &id, "nn");
    (session, thread, sent)
}

fn last(wallet: &Wallet, what: What) -> Event {
    let events = wallet.history().unwrap();
    events.into_iter().rfind(|event| event.what == what).unwrap()
}

#[test]
fn the_answer_carries_the_decision_that_every_shown_copy_is_bound_to() {
    let mut home = citizen();
    let session = Session::new(Org::Bank, "S01", loan_query(), None);
    let id = bring(home.wallet(), &session);
    let (_, sent) = answer(home.wallet(), &id, "nb");
    let text = session.decision(&sent).unwrap();
    let (decision, key) = Decision::open(&text).unwrap();
    let row = home
        .wallet()
        .tables
        .get::<DecisionRow>(&tables::text(&session.hash()))
        .unwrap()
        .unwrap();
    assert_eq!((&decision, row.given.as_deref()), (&row.decision, Some(text.as_str())));
    assert_eq!(
        (row.session.as_str(), row.asked.as_str()),
        (session.request.session.as_str(), session.jws.as_str())
    );
    assert_eq!(
        (decision.ground.as_str(), decision.outcome.as_str()),
        ("consent", "shared")
    );
    assert_eq!(decision.until, Some(now().plus(session.request.stated.keep_seconds)));
    let hash: [u8; 32] = tables::bytes(&decision::hash(&text)).unwrap();
    let token = session.open(&sent);
    assert_eq!(token.len(), 2);
    for shown in token.values().flatten() {
        let shown = SdJwt::parse(shown).unwrap();
        assert_eq!(shown.key_binding().unwrap().decision, Some(hash));
        assert_ne!(
            shown.holder_key().unwrap(),
            key,
            "no copy's key stays with the asker's record"
        );
    }
    // The gate takes it as any other answer.
    let (report, verified) = session.check(&sent, Some(ROLIG), None);
    assert!(verified.is_some(), "{:?}", report.problem());
    // Another decision has another key, so that two askers cannot meet by it.
    let other = shared(&mut home);
    let (_, another) = Decision::open(&other.0.decision(&other.2).unwrap()).unwrap();
    assert_ne!(another, key);
}

#[test]
fn only_a_receipt_that_names_this_decision_is_kept() {
    let mut home = citizen();
    let (session, thread, sent) = shared(&mut home);
    let wallet = home.wallet();
    let reply = |decision: Option<String>| {
        let receipt = Receipt {
            decision,
            ..session.receipt(&sent)
        };
        let receipt = receipt.sign(&Org::Bank.kid(), &Org::Bank.key()).unwrap();
        Incoming::Present(present::Reply::Receipt { receipt })
    };
    let steps = wallet.receive(now(), thread, &Org::Bank.peer(), reply(None));
    assert_eq!(outcome(&steps), Err(Problem::new(Code::WrongRequest, "decision")));
    for wrong in [Some(tables::text(&[1; 32])), None] {
        let (thread, _) = told(&wallet.resume(now())[0].1);
        let steps = wallet.receive(now(), thread, &Org::Bank.peer(), reply(wrong));
        assert_eq!(code(&steps), Code::WrongRequest);
    }
    let hash = tables::text(&session.hash());
    assert!(wallet.tables.get::<ReceiptRow>(&hash).unwrap().is_none());
    let (thread, _) = told(&wallet.resume(now())[0].1);
    let steps = wallet.receive(now(), thread, &Org::Bank.peer(), session.receipt_reply(&sent));
    assert!(matches!(outcome(&steps), Ok(Outcome::Shared { .. })));
    assert!(wallet.tables.get::<ReceiptRow>(&hash).unwrap().is_some());
}

#[test]
fn an_entry_of_the_history_gives_the_receipt_of_both_and_a_refusal_its_own_record() {
    let mut home = citizen();
    let (session, thread, sent) = shared(&mut home);
    let reply = session.receipt_reply(&sent);
    let Incoming::Present(present::Reply::Receipt { receipt }) = reply.clone() else {
        panic!()
    };
    home.wallet().receive(now(), thread, &Org::Bank.peer(), reply);
    let wallet = home.restart();
    let event = last(wallet, What::Shared);
    let document = wallet.receipt_document(now(), event.id).unwrap();
    assert!(document.contains(&receipt) && document.contains(&session.decision(&sent).unwrap()));
    for value in values(&income_row(ROLIG)) {
        assert!(!document.contains(&value), "{value}");
    }
    let read: Value = serde_json::from_str(&document).unwrap();
    assert_eq!(read["@type"], "dpv:ConsentReceipt");
    assert_eq!(read["dpv:hasRecordOfActivity"]["dpv:hasNotice"]["dct:language"], "nn");

    let refused = income_only();
    let id = bring(wallet, &refused);
    wallet.refuse(now(), &id);
    let event = last(wallet, What::Refused);
    let read: Value = serde_json::from_str(&wallet.receipt_document(now(), event.id).unwrap()).unwrap();
    let status = &read["dpv:hasRecordOfActivity"]["dpv:hasConsentStatus"];
    assert_eq!(status[0]["@type"], "dpv:ConsentRefused");
    // Lines that are about nobody who was shown anything, and lines that there are not.
    let collected = last(wallet, What::Collected).id;
    for number in [0, collected, 4_711] {
        assert!(
            matches!(wallet.receipt_document(now(), number), Err(Error::NotFound)),
            "{number}"
        );
    }
}

#[test]
fn a_report_holds_the_papers_and_what_the_person_says_and_stands_in_the_history() {
    let mut home = citizen();
    let (session, thread, sent) = shared(&mut home);
    home.wallet()
        .receive(now(), thread, &Org::Bank.peer(), session.receipt_reply(&sent));
    let wallet = home.wallet();
    let entry = last(wallet, What::Shared).id;
    for language in ["nb", "nn", "en"] {
        let reported = wallet
            .report(now(), entry, "De ringer\nmeg hver dag", language)
            .unwrap();
        let (report, key) = Report::open(&reported.signed).unwrap();
        let given = session.decision(&sent).unwrap();
        assert_eq!(key, Decision::open(&given).unwrap().1);
        assert_eq!(
            (report.authority.as_str(), report.asker.clone()),
            (AUTHORITY, Org::Bank.did())
        );
        assert_eq!((report.what.as_str(), report.service.as_str()), ("shared", "S01"));
        assert_eq!(report.complaint, "De ringer\nmeg hver dag");
        assert!(report.papers.contains(&given) && report.papers.contains(&session.jws));
        assert_eq!(report.papers.len(), 3, "request, decision, receipt");
        for said in [
            AUTHORITY,
            Org::Bank.name(),
            "did:web:bank.example",
            "De ringer\nmeg hver dag",
        ] {
            assert!(reported.text.contains(said), "{language}: {}", reported.text);
        }
        for value in values(&income_row(ROLIG)) {
            assert!(!reported.text.contains(&value), "{value}");
        }
        assert_eq!(wallet.history().unwrap().last().unwrap().what, What::Reported);
    }
    let long = "x".repeat(COMPLAINT_MAX + 1);
    assert!(wallet.report(now(), entry, &long, "nb").is_err());
    assert!(matches!(wallet.report(now(), 4_711, "", "nb"), Err(Error::NotFound)));
}
