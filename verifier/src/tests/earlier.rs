//! Rows as earlier versions wrote them are read, and what they lack is made up for.

use super::world::*;
use crate::{SessionDetail, State};
use credentials::decision::{Receipt, Statement};
use credentials::protocol::presentation::{Ask, Reply};
use credentials::verify::Verdict;
use credentials::{Code, Timestamp};
use serde_json::Value;
use store::Store;

/// Members that rows of a session did not have before.
const LATER: [(&str, &[&str]); 2] = [
    ("verifier.sessions", &["held_until", "shown", "sign_at", "grant"]),
    ("verifier.verdicts", &["given", "deletion"]),
];

/// Writes the rows of a session as they were before, its claims under no key of their own.
fn made_earlier(store: &Store, session: &str) {
    let mut tx = store.transaction();
    for (table, later) in LATER {
        let table = store.table(table);
        let mut row: Value = serde_json::from_slice(&table.get(session).unwrap().unwrap()).unwrap();
        for member in later {
            row.as_object_mut().unwrap().remove(*member);
        }
        tx.put(&table, session, row.to_string().as_bytes());
    }
    let claims = store.table("verifier.claims");
    if let Some(kept) = claims.get(session).unwrap() {
        tx.put(&claims, session, &kept);
    }
    tx.commit().unwrap();
}

fn completed(world: &mut World) -> (String, Receipt, Timestamp) {
    let income = world.income(CUSTOMER);
    let session = world.try_ask("S01", CUSTOMER, &["C02"], &[], None).unwrap();
    let answer = world.answer(&session, &[&income]);
    let receipt = world.receipt(&session, &answer);
    let until = receipt.until.unwrap();
    (session, receipt, until)
}

#[test]
fn a_session_of_before_is_shown_erased_when_due_and_its_erasure_names_what_was_kept() {
    let mut world = World::new();
    let (session, receipt, until) = completed(&mut world);
    let open = world.ask("S01", CUSTOMER);
    let shown = |detail: &SessionDetail| (detail.claims.clone(), detail.receipt.clone(), detail.checks.clone());
    let before = shown(&world.detail(&session));
    let mut world = world.reopen_after(|store| made_earlier(store, &session));
    let detail = world.detail(&session);
    assert_eq!(shown(&detail), before);
    assert_eq!(
        (detail.decision.as_deref(), detail.view.verdict),
        (None, Some(Verdict::Valid))
    );
    assert_eq!(world.state(&open), State::Active);
    // Nobody can ask for it to be deleted where no decision came with the answer.
    let ask = Ask::Erase {
        session: session.clone(),
        deletion: "a.b.c".to_owned(),
    };
    let Reply::Problem(refused) = world.send(ask) else {
        panic!("nobody is known by a key")
    };
    assert_eq!(refused.code, Code::HolderBindingMissing);

    world.now = until;
    world.verifier.tick(world.now).unwrap();
    let detail = world.detail(&session);
    assert!(detail.claims.is_empty());
    let said = Statement::open(&detail.erasure.unwrap(), &world.trust).unwrap();
    assert_eq!((said.erased, said.erased_at), (receipt.kept, until));
    let mut world = world.reopen();
    world.verifier.tick(world.now).unwrap();
    assert_eq!(world.state(&session), State::Completed);
}
