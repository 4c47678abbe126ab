//! Real nodes in network namespaces of their own: what a network does to them that loses packets, falls apart, or has nodes
//! in it that sleep, lie, are silent or flood.

mod flood;
mod ground;
mod nodes;

use crate::network::until;
use crate::telling::signal;
use node::clock;
use nodes::{Field, all_see};

/// Longest time until everybody has everything once a cut has healed, in milliseconds.
const HEALED_MS: u64 = 60_000;
/// Longest time until everybody has everything where packets are lost, in milliseconds: it must come, in whatever time.
const LOSSY_MS: u64 = 120_000;
/// How long a node sleeps, in seconds: gossip remembers five heartbeats of a second, and a connection that says nothing is given
/// up in less, so that an hour would change no more.
const ASLEEP_SECONDS: &str = "45";

#[test]
fn a_network_that_fell_apart_verifies_from_what_it_holds_and_is_one_again_a_minute_after_it_heals() {
    if !ground::is_entered(
        "a_network_that_fell_apart_verifies_from_what_it_holds_and_is_one_again_a_minute_after_it_heals",
    ) {
        return;
    }
    let field = Field::found(6, 0);
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
    field.ground.heal();
    let healed = clock::milliseconds();
    all_see(&revoked, there, healed, HEALED_MS);
    all_see(&[trust], there, healed, HEALED_MS);
    field.all_answer(&field.banks, "revoked");
}

#[test]
fn a_fifth_of_all_packets_lost_keeps_nothing_from_anybody() {
    if !ground::is_entered("a_fifth_of_all_packets_lost_keeps_nothing_from_anybody") {
        return;
    }
    let field = Field::found(6, 0);
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
    let field = Field::found(4, 0);
    let (sleeper, awake) = field.banks.split_first().expect("banks");
    signal(sleeper.pid(), "STOP");
    let revoked = field.revoke();
    let trust = field.publish(&field.identity);
    all_see(&revoked, awake, revoked[0].at_ms, LOSSY_MS);
    all_see(std::slice::from_ref(&trust), awake, trust.at_ms, LOSSY_MS);
    // The others go on meanwhile: what one of them waits for in vain measures the time.
    let never = [
        "node",
        "seen",
        "--kind",
        "trust",
        "--id",
        "99.1.1",
        "--wait",
        ASLEEP_SECONDS,
    ];
    assert_eq!(awake[0].run(&never).json()["seen"], false);
    signal(sleeper.pid(), "CONT");
    let woke = clock::milliseconds();
    let sleeper = std::slice::from_ref(sleeper);
    all_see(&revoked, sleeper, woke, HEALED_MS);
    all_see(&[trust], sleeper, woke, HEALED_MS);
    field.all_answer(sleeper, "revoked");
}

#[test]
fn a_node_that_was_off_learns_all_it_missed_when_it_starts() {
    if !ground::is_entered("a_node_that_was_off_learns_all_it_missed_when_it_starts") {
        return;
    }
    let mut field = Field::found(3, 0);
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
