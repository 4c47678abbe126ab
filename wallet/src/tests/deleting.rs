//! Asking for deletion: durable before it leaves, repeated until answered, and only the asker's own word counts.

use super::presenting::income_only;
use super::world::*;
use crate::tables::DeletionRow;
use crate::*;
use credentials::decision::{Decision, Deletion, KeptRecord, Statement};
use std::collections::BTreeMap;

/// A wallet that has shared income and has the receipt; the session, the decision, and the entry.
fn shared() -> (Home, Session, String, u64) {
    let mut home = citizen();
    let session = income_only();
    let id = bring(home.wallet(), &session);
    let (thread, sent) = answer(home.wallet(), &id, "nb");
    home.wallet()
        .receive(now(), thread, &Org::Bank.peer(), session.receipt_reply(&sent));
    let decision = session.decision(&sent).unwrap();
    let entry = home.wallet().history().unwrap().last().unwrap().id;
    (home, session, decision, entry)
}

fn statement(session: &Session, by: Org) -> Statement {
    Statement {
        request: tables::text(&session.hash()),
        asker: by.did(),
        erased: BTreeMap::new(),
        received: now(),
        ground: "creditworthiness_duty".to_owned(),
        erased_at: now(),
        kept: vec![KeptRecord {
            what: "claims".to_owned(),
            ground: "creditworthiness_duty".to_owned(),
            until: now().plus(1_000),
        }],
        at: now(),
    }
}

fn reply(statement: &Statement, by: Org) -> Incoming {
    let statement = statement.sign(&by.kid(), &by.key()).unwrap();
    Incoming::Present(present::Reply::Erased { statement })
}

fn one(mut threads: Vec<(Thread, Vec<Step>)>) -> Vec<Step> {
    assert_eq!(threads.len(), 1);
    threads.remove(0).1
}

#[test]
fn a_request_for_deletion_is_signed_by_the_decisions_key_and_durable_before_it_leaves() {
    let (mut home, session, decision, entry) = shared();
    let (_, ask) = told(&one(home.wallet().request_deletion(now(), entry)));
    let present::Ask::Erase {
        session: name,
        deletion,
    } = ask.clone()
    else {
        panic!()
    };
    assert_eq!(name, session.request.session);
    let key = Decision::open(&decision).unwrap().1;
    let request = tables::text(&session.hash());
    assert!(Deletion::open(&deletion, &Org::Bank.did(), &request, &decision, &key).is_ok());
    // The process ends before it is sent: the next one sends the same.
    let resumed = home.restart().resume(now().plus(60));
    let (thread, again) = told(&resumed[0].1);
    assert_eq!(again, ask);
    assert!(home.wallet().resume(now()).is_empty(), "it is on its way");
    let passing = Incoming::Present(present::Reply::Problem(Code::RateLimited.into()));
    home.wallet().receive(now(), thread, &Org::Bank.peer(), passing);
    assert_eq!(home.wallet().resume(now()).len(), 1, "it goes on until it is answered");
}

#[test]
fn the_askers_own_statement_is_kept_and_logged_and_anybody_elses_is_not() {
    let (mut home, session, _, entry) = shared();
    let wallet = home.wallet();
    let other = income_only();
    let mut steps = one(wallet.request_deletion(now(), entry));
    let forged = {
        let text = statement(&session, Org::Bank).sign(&Org::Bank.kid(), &Org::Tax.key());
        Incoming::Present(present::Reply::Erased {
            statement: text.unwrap(),
        })
    };
    for (wrong, expected) in [
        (reply(&statement(&session, Org::Tax), Org::Tax), Code::WrongRequest),
        (reply(&statement(&other, Org::Bank), Org::Bank), Code::WrongRequest),
        (forged, Code::SignatureInvalid),
        (Incoming::Present(present::Reply::Closed), Code::UnexpectedMessage),
    ] {
        let (thread, _) = told(&steps);
        assert_eq!(code(&wallet.receive(now(), thread, &Org::Bank.peer(), wrong)), expected);
        steps = one(wallet.resume(now()));
    }
    let (thread, _) = told(&steps);
    let said = reply(&statement(&session, Org::Bank), Org::Bank);
    let first = outcome(&wallet.receive(now(), thread, &Org::Bank.peer(), said)).unwrap();
    let Outcome::Erased { request, statement } = first.clone() else {
        panic!()
    };
    assert_eq!(request, tables::text(&session.hash()));
    let events = wallet.history().unwrap();
    let what: Vec<What> = events.iter().rev().take(2).map(|event| event.what).collect();
    assert_eq!(what, [What::DeletionAnswered, What::DeletionRequested]);
    // Asked again, also by the entry of the request itself, it tells what was said.
    let again = home.restart();
    assert!(again.resume(now()).is_empty());
    for entry in [entry, events.last().unwrap().id] {
        assert!(outcome(&one(again.request_deletion(now(), entry))).unwrap() == first);
    }
    assert_eq!(again.history().unwrap().len(), events.len());
    let document = again.receipt_document(now(), entry).unwrap();
    assert!(document.contains(&statement));
}

#[test]
fn an_asker_that_will_not_answer_ends_it_with_a_line_and_what_was_never_shown_cannot_be_asked_for() {
    let (mut home, session, _, entry) = shared();
    let wallet = home.wallet();
    let (thread, _) = told(&one(wallet.request_deletion(now(), entry)));
    let gone = Incoming::Present(present::Reply::Problem(Code::UnknownSession.into()));
    assert_eq!(
        code(&wallet.receive(now(), thread, &Org::Bank.peer(), gone)),
        Code::UnknownSession
    );
    let last = wallet.history().unwrap().pop().unwrap();
    assert_eq!((last.what, last.code), (What::Failed, Some(Code::UnknownSession)));
    assert!(wallet.resume(now()).is_empty());
    assert_eq!(code(&one(wallet.request_deletion(now(), entry))), Code::UnknownSession);
    let row = wallet
        .tables
        .get::<DeletionRow>(&tables::text(&session.hash()))
        .unwrap()
        .unwrap();
    assert!(row.answer.is_none());

    let refused = income_only();
    let id = bring(wallet, &refused);
    wallet.refuse(now(), &id);
    let events = wallet.history().unwrap();
    let collected = events.iter().find(|event| event.what == What::Collected).unwrap().id;
    for entry in [0, collected, events.last().unwrap().id, 4_711] {
        assert_eq!(
            code(&one(wallet.request_deletion(now(), entry))),
            Code::NotFound,
            "{entry}"
        );
    }
}
