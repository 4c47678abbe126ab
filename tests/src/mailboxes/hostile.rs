//! Operators of mailboxes that do not keep the rules, among honest banks and wallets.

use super::operator::{Manner, Operator};
use super::{POSTS, Thread, fetch_log, fetched, leave_yes, pair, receipts, request, waiting};
use crate::intruder::expect_log;
use crate::network::{Network, text, until};
use credentials::Code;
use node::clock::Stopwatch;
use node::population::{CITIZEN, STRANGER};
use serde_json::Value;

/// What nobody but bank and customer may read: numbers, a type, the beginning of whatever is signed or encrypted.
const WITHIN: [&str; 4] = [CITIZEN, STRANGER, "MonthlyIncome", "eyJ0"];

/// Nothing of what is inside can be read in what an operator had in its hands.
#[track_caller]
fn expect_sealed(operator: &Operator) {
    let seen = operator.seen();
    assert!(!seen.is_empty(), "it was asked to keep something");
    for envelope in seen {
        for word in WITHIN {
            assert!(!envelope.windows(word.len()).any(|part| part == word.as_bytes()));
        }
    }
}

/// A bank leaves a request in a customer's mailbox: its session.
fn ask(thread: &Thread, case: &str, number: &str) -> String {
    let asked = request(&thread.bank, case, number, &["--mailbox"]).expect(0).json();
    text(&asked["session"])
}

/// Nobody has answered, and of nobody anything is seen.
#[track_caller]
fn expect_open(thread: &Thread, session: &str) {
    let seen = thread.session(session);
    assert_eq!((&seen["state"], &seen["verdict"]), (&"active".into(), &Value::Null));
    assert_eq!(seen["claims"], serde_json::json!({}));
}

#[test]
fn what_one_operator_keeps_to_itself_arrives_by_the_other() {
    endure(&[Manner::Drops, Manner::Withholds, Manner::Denies, Manner::Stalls]);
}

#[test]
fn what_one_operator_repeats_reorders_swaps_or_alters_is_taken_once_and_as_it_was_sent() {
    let thread = endure(&[Manner::Reorders, Manner::Replays, Manner::Swaps, Manner::Alters]);
    // What was no letter is named in the log of whoever dropped it.
    expect_log(&thread.bank, Code::Malformed, &[CITIZEN, STRANGER]);
}

/// Bank and customer reach each other by two operators, of whom one is honest. The other does this, one after the other.
fn endure(manners: &[Manner]) -> Thread {
    let network = Network::new();
    let operator = Operator::start(&network);
    let mut thread = Thread::with(network, &POSTS[..1]);
    let other = thread.joined("other", STRANGER);
    thread.paired();
    pair(&thread.bank, &other, "NETTBANK", STRANGER);
    let mut others = Vec::new();
    for (number, manner) in (1..).zip(manners) {
        let manner = *manner;
        operator.behave(manner);
        let watch = Stopwatch::start();
        // Two customers, so that there is something to swap.
        others.push(ask(&thread, &format!("NABO-{number}"), STRANGER));
        let session = ask(&thread, &format!("SAK-{number}"), CITIZEN);
        until("the request is there", || fetched(&thread.citizen) > 0);
        let asked = watch.milliseconds();
        let [id] = waiting(&thread.citizen).try_into().expect("one request");
        leave_yes(&mut thread.bank, &thread.citizen, &id);
        until(&format!("the bank has read the answer, {manner:?}"), || {
            thread.session(&session)["verdict"] == "valid"
        });
        // That of the pairing, and one for each answer.
        until("the receipt is there", || {
            fetched(&thread.citizen);
            receipts(&thread.citizen) == number + 1
        });
        let took = watch.milliseconds();
        assert_eq!(fetched(&thread.citizen), 0, "{manner:?}: each is taken once");
        assert!(waiting(&thread.citizen).is_empty(), "{manner:?}: each is taken once");
        others.iter().for_each(|other| expect_open(&thread, other));
        println!("mailboxes: one operator of two {manner:?}: asked in {asked} ms, answered with receipt in {took} ms");
    }
    expect_sealed(&operator);

    // It comes to itself and gives what it still has: the citizen's was taken before, the neighbour's comes once.
    operator.behave(Manner::Honest);
    assert_eq!(thread.bank.terminate(), 0);
    thread.bank.serve(&[]);
    assert_eq!(fetched(&thread.citizen), 0);
    assert!(waiting(&thread.citizen).is_empty());
    until("the neighbour's requests are there", || {
        fetched(&other);
        waiting(&other).len() == others.len()
    });
    others.iter().for_each(|other| expect_open(&thread, other));
    thread
}

#[test]
fn a_withdrawal_that_one_operator_keeps_to_itself_is_found_at_the_other_before_the_source_releases_anything() {
    let network = Network::new();
    let operator = Operator::start(&network);
    let mut thread = Thread::with(network, &POSTS[..1]);
    for manner in [Manner::Withholds, Manner::Stalls] {
        operator.behave(Manner::Honest);
        let (id, name) = thread.granted();
        thread.used(&id, &name);
        operator.behave(manner);
        // The source is off when the person takes it back, and the wallet stays off from then on.
        assert_eq!(thread.loans.terminate(), 0);
        let withdrawn = thread.citizen.ok(&["wallet", "withdraw", &id])["grant"].clone();
        assert_eq!(withdrawn["issuer_told"], false, "{manner:?}");
        thread.loans.serve(&[]);
        let watch = Stopwatch::start();
        thread.refused(&name);
        println!(
            "mailboxes: one operator of two {manner:?}: the source refuses {} ms after it started",
            watch.milliseconds()
        );
    }
}

#[test]
fn the_only_operator_can_keep_letters_from_somebody_and_can_do_nothing_else_with_them() {
    let network = Network::new();
    let operator = Operator::start(&network);
    let thread = Thread::with(network, &[]);
    let other = thread.joined("other", STRANGER);
    thread.paired();
    pair(&thread.bank, &other, "NETTBANK", STRANGER);
    let people = [(&thread.citizen, CITIZEN), (&other, STRANGER)];
    let mut sessions = Vec::new();
    for (number, manner) in (1..).zip([Manner::Drops, Manner::Withholds, Manner::Swaps, Manner::Alters]) {
        operator.behave(manner);
        for (_, to) in people {
            let before = operator.seen().len();
            sessions.push(ask(&thread, &format!("SAK-{number}"), to));
            until("the operator has it", || {
                thread.bank.ok(&["node", "status"]);
                operator.seen().len() > before
            });
        }
        for (wallet, _) in people {
            let log = fetch_log(wallet);
            let is_bent = matches!(manner, Manner::Swaps | Manner::Alters);
            assert_eq!(log.contains("code=malformed"), is_bent, "{manner:?}: {log}");
            assert!(!log.contains(CITIZEN) && !log.contains(STRANGER), "{log}");
            assert!(waiting(wallet).is_empty(), "{manner:?}");
        }
    }
    sessions.iter().for_each(|session| expect_open(&thread, session));
    expect_sealed(&operator);

    // What it did not drop it has still, and gives; what it dropped can be asked for again.
    operator.behave(Manner::Honest);
    for (wallet, number) in people {
        until("what was not dropped is there", || {
            fetched(wallet);
            waiting(wallet).len() == 3
        });
        ask(&thread, "IGJEN", number);
        until("what is asked again is there", || {
            fetched(wallet);
            waiting(wallet).len() == 4
        });
    }

    // Of one that says nothing, or that there is no such queue, the person is told.
    for (manner, exit, code) in [(Manner::Stalls, 5, "unreachable"), (Manner::Denies, 10, "not_found")] {
        operator.behave(manner);
        thread.citizen.run(&["wallet", "fetch"]).expect_problem(exit, code);
    }
}
