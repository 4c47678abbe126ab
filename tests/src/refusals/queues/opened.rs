//! What an operator gives to a wallet that is not what was put into its queue.

use crate::mailboxes::operator::{Manner, Operator};
use crate::mailboxes::{Thread, fetch_log, fetched, pair, request, waiting};
use crate::network::{Network, until};
use crate::refusals::line;
use node::population::{CITIZEN, STRANGER};

pub(super) const OPENED: &str = "an_envelope_of_another_queue_opens_for_nobody_and_one_that_comes_again_is_taken_once";

#[test]
fn an_envelope_of_another_queue_opens_for_nobody_and_one_that_comes_again_is_taken_once() {
    let network = Network::new();
    let operator = Operator::start(&network);
    let thread = Thread::with(network, &[]);
    let other = thread.joined("other", STRANGER);
    thread.paired();
    pair(&thread.bank, &other, "NETTBANK", STRANGER);
    // Two customers, so that there is something to swap.
    let put = |case: &str| {
        for number in [CITIZEN, STRANGER] {
            let before = operator.seen().len();
            request(&thread.bank, case, number, &["--mailbox"]).expect(0);
            until("the operator has it", || {
                thread.bank.ok(&["node", "status"]);
                operator.seen().len() > before
            });
        }
    };
    let another = line("an envelope opened with another's key");
    operator.behave(Manner::Swaps);
    put("BYTTET");
    let log = fetch_log(&thread.citizen);
    assert!(log.contains(&format!("code={}", another.code)), "{log}");
    assert!(!log.contains(CITIZEN) && !log.contains(STRANGER), "{log}");
    assert!(waiting(&thread.citizen).is_empty());
    operator.behave(Manner::Honest);
    until("what was put for the citizen is there", || {
        fetched(&thread.citizen);
        waiting(&thread.citizen).len() == 1
    });

    // Given again and again, with more to come each time: more than a queue holds.
    let twice = line("an envelope twice");
    operator.behave(Manner::Replays);
    put("GJENTATT");
    twice.expect_json(thread.citizen.run(&["wallet", "fetch"]));
    assert_eq!(waiting(&thread.citizen).len(), 2, "each is taken once");
    operator.behave(Manner::Honest);
    fetched(&thread.citizen);
    assert_eq!(waiting(&thread.citizen).len(), 2, "each is taken once");
}
