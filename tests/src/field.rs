//! Real nodes in network namespaces of their own: what a network does to them that loses packets, falls apart, or has nodes
//! in it that sleep, lie, are silent or flood.

mod flood;
pub(crate) mod ground;
mod liars;
pub(crate) mod nodes;

use crate::network::{IDENTITY, text, until};
use crate::process::Home;
use crate::telling::signal;
use node::clock;
use nodes::{Field, Plan, all_see};
use serde_json::json;

/// Longest time until everybody has everything once a cut has healed, in milliseconds.
const HEALED_MS: u64 = 60_000;
/// Longest time until everybody has everything where packets are lost, in milliseconds: it must come, in whatever time.
const LOSSY_MS: u64 = 120_000;
/// How long a network stays cut, in seconds: longer than anybody waits for an answer.
const CUT_SECONDS: i64 = 600;
/// How long a node sleeps, in seconds.
const ASLEEP_SECONDS: i64 = 3_600;
/// Oldest status that anybody goes by once all is well, in seconds: far below what was known before the sleep.
const FRESH_SECONDS: u64 = 900;

/// A field of banks and nothing else.
const fn banks(banks: usize) -> Plan {
    Plan {
        banks,
        liars: 0,
        is_flooded: false,
        free: 0,
        is_timed: false,
    }
}

#[test]
fn a_network_that_fell_apart_verifies_from_what_it_holds_and_is_one_again_a_minute_after_it_heals() {
    if !ground::is_entered(
        "a_network_that_fell_apart_verifies_from_what_it_holds_and_is_one_again_a_minute_after_it_heals",
    ) {
        return;
    }
    let field = Field::found(Plan {
        is_timed: true,
        ..banks(6)
    });
    // The agency and three banks here, three banks there.
    let (here, there) = field.banks.split_at(3);
    field.ground.part(&[4, 5, 6]);
    let revoked = field.revoke();
    let trust = field.publish(&field.identity);
    all_see(&revoked, here, revoked[0].at_ms, LOSSY_MS);
    all_see(std::slice::from_ref(&trust), here, trust.at_ms, LOSSY_MS);
    field.all_answer(here, "revoked");
    // On the other side nobody knows; what they hold still decides, and each says how old it is.
    for bank in there {
        let answer = field.answer(bank);
        assert_eq!(answer["verdict"], "valid", "{answer}");
        assert!(
            answer["status_age_s"].is_u64() && answer["trust_age_s"].is_u64(),
            "{answer}"
        );
        assert_eq!(trust.seen_within(bank, "0"), None, "nothing passes the cut");
    }
    assert!(field.ground.dropped() > 0, "the cut is one");
    // The cut lasts until no connection is left across it.
    field.time.as_ref().expect("as planned").pass(CUT_SECONDS);
    let peer = |home: &Home| text(&home.ok(&["whoami"])["card"]["peer"]);
    let beyond: Vec<String> = here.iter().chain([&field.identity]).map(peer).collect();
    until("all connections across the cut are given up", || {
        there.iter().all(|bank| {
            let said = bank.ok(&["node", "peers"]);
            let mut connected = said["peers"]
                .as_array()
                .into_iter()
                .flatten()
                .filter(|row| row["connected"] == true);
            connected.all(|row| beyond.iter().all(|peer| row["peer"] != peer.as_str()))
        })
    });
    let is_unreached = |bank: &Home| {
        let unreached = field.answer(bank)["reach"]["unreached"].clone();
        unreached.as_array().expect("a list").contains(&json!(IDENTITY.did))
    };
    until("verdicts across the cut say that the issuer does not answer", || {
        there.iter().all(is_unreached)
    });
    field.ground.heal();
    let healed = clock::milliseconds() + CUT_SECONDS.unsigned_abs() * 1_000;
    let last = all_see(&revoked, there, healed, HEALED_MS).max(all_see(&[trust], there, healed, HEALED_MS));
    field.all_answer(&field.banks, "revoked");
    until("the issuer answers everybody again", || {
        !field.banks.iter().any(is_unreached)
    });
    // `scripts/figures` reads this line.
    println!("field: one again {last} ms after it healed");
}

#[test]
fn a_fifth_of_all_packets_lost_keeps_nothing_from_anybody() {
    if !ground::is_entered("a_fifth_of_all_packets_lost_keeps_nothing_from_anybody") {
        return;
    }
    let field = Field::found(banks(6));
    field.ground.lose(20);
    let trust = field.publish(&field.banks[0]);
    all_see(std::slice::from_ref(&trust), &field.banks, trust.at_ms, LOSSY_MS);
    let revoked = field.revoke();
    all_see(&revoked, &field.banks, revoked[0].at_ms, LOSSY_MS);
    field.all_answer(&field.banks, "revoked");
    assert!(field.ground.dropped() > 0, "packets were lost");
}

#[test]
fn a_node_that_slept_through_everything_catches_up_by_asking() {
    if !ground::is_entered("a_node_that_slept_through_everything_catches_up_by_asking") {
        return;
    }
    let field = Field::found(Plan {
        is_timed: true,
        ..banks(4)
    });
    let time = field.time.as_ref().expect("as planned");
    let (sleeper, awake) = field.banks.split_first().expect("banks");
    signal(sleeper.pid(), "STOP");
    let revoked = field.revoke();
    let trust = field.publish(&field.identity);
    all_see(&revoked, awake, revoked[0].at_ms, LOSSY_MS);
    all_see(std::slice::from_ref(&trust), awake, trust.at_ms, LOSSY_MS);
    // An hour goes by for everybody: clocks, timers, connections, heads, certificates and what gossip remembers.
    time.pass(ASLEEP_SECONDS);
    let is_fresh = |bank: &Home| {
        let answer = field.answer(bank);
        answer["code"] == "revoked" && answer["status_age_s"].as_u64().is_some_and(|age| age < FRESH_SECONDS)
    };
    // Those that are awake go on: the agency signs its lists anew, and the banks have it.
    until("the others go by what was signed in this hour", || {
        awake.iter().all(is_fresh)
    });
    signal(sleeper.pid(), "CONT");
    let woke = clock::milliseconds() + ASLEEP_SECONDS.unsigned_abs() * 1_000;
    let late = std::slice::from_ref(sleeper);
    all_see(&revoked, late, woke, HEALED_MS);
    all_see(&[trust], late, woke, HEALED_MS);
    until("the sleeper goes by it too", || is_fresh(sleeper));
    // It is one of them again: what happens now reaches it.
    let trust = field.publish(&field.identity);
    all_see(&[trust], late, woke, HEALED_MS);
}

#[test]
fn nodes_that_lie_or_are_silent_a_fifth_of_all_and_more_keep_nothing_from_the_others() {
    if !ground::is_entered("nodes_that_lie_or_are_silent_a_fifth_of_all_and_more_keep_nothing_from_the_others") {
        return;
    }
    // Four of eleven: one of each kind, and each with an address of its own that everybody is told to ask at.
    let mut field = Field::found(Plan { liars: 4, ..banks(6) });
    let trust = field.publish(&field.banks[0]);
    all_see(std::slice::from_ref(&trust), &field.banks, trust.at_ms, HEALED_MS);
    let revoked = field.revoke();
    all_see(&revoked, &field.banks, revoked[0].at_ms, HEALED_MS);
    field.all_answer(&field.banks, "revoked");
    // Who was away has to ask, and may ask them first.
    assert_eq!(field.banks[0].terminate(), 0);
    let trust = field.publish(&field.identity);
    field.banks[0].serve(&[]);
    let started = clock::milliseconds();
    all_see(&[trust], &field.banks, started, HEALED_MS);
    field.all_answer(&field.banks[..1], "revoked");
    let (gossiped, _) = field.liars.as_mut().expect("as planned").done();
    assert!(gossiped > 0, "they lied");
}

#[test]
fn a_node_that_was_off_learns_all_it_missed_when_it_starts() {
    if !ground::is_entered("a_node_that_was_off_learns_all_it_missed_when_it_starts") {
        return;
    }
    let mut field = Field::found(banks(3));
    assert_eq!(field.banks[0].terminate(), 0);
    let revoked = field.revoke();
    let trust = field.publish(&field.identity);
    field.banks[0].serve(&[]);
    let started = clock::milliseconds();
    let late = &field.banks[..1];
    all_see(&[trust], late, started, HEALED_MS);
    until("the revocation is known", || {
        field.answer(&late[0])["code"] == "revoked"
    });
    all_see(&revoked, late, started, HEALED_MS);
}
