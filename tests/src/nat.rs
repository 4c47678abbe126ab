//! Real nodes behind address translation: everybody can be shown something, by whichever way there is.

mod streets;
mod town;

use crate::network::{ask, receive, until};
use node::clock::Stopwatch;
use node::population::CITIZEN;
use serde_json::Value;
use streets::Door;
use town::{Plan, Town, figure, has_place, is_relayed};

#[test]
fn a_presentation_succeeds_in_every_pairing_of_doors_with_a_relay() {
    if !streets::is_entered("a_presentation_succeeds_in_every_pairing_of_doors_with_a_relay") {
        return;
    }
    // Whoever can be dialled needs no relay; the others have a place at one.
    let banks = Door::ALL.map(|door| (door, door != Door::None));
    let town = Town::found(&Plan {
        banks: &banks,
        wallets: &Door::ALL,
    });
    for (bank, (of_bank, is_behind)) in town.banks.iter().zip(banks) {
        for (wallet, of_wallet) in town.wallets.iter().zip(Door::ALL) {
            let before = town.carried();
            let took = town.share(bank, wallet);
            let circuits = town.carried() - before;
            assert_eq!(
                circuits > 0,
                is_behind,
                "{of_wallet:?} to {of_bank:?}: {circuits} circuits"
            );
            let again = town.share(bank, wallet);
            println!(
                "nat: wallet {of_wallet:?}, bank {of_bank:?}: {took} ms, then {again} ms; {} at the end",
                match is_relayed(wallet, bank) {
                    true => "relayed",
                    false => "direct",
                }
            );
        }
    }
}

#[test]
fn two_behind_plain_doors_come_to_talk_directly_and_behind_random_ones_the_relay_goes_on() {
    if !streets::is_entered("two_behind_plain_doors_come_to_talk_directly_and_behind_random_ones_the_relay_goes_on") {
        return;
    }
    let town = Town::found(&Plan {
        banks: &[(Door::Plain, true), (Door::Random, true)],
        wallets: &[Door::Plain, Door::Random],
    });
    let ([plain, random], [of_plain, of_random]) = (&town.banks[..], &town.wallets[..]) else {
        panic!("as planned");
    };
    town.share(plain, of_plain);
    until("a direct connection beside the circuit", || {
        figure(plain, "relay_total{what=\"punched\"}") > 0
    });
    until("the wallet has it, too", || !is_relayed(of_plain, plain));
    let before = town.carried();
    let took = town.share(plain, of_plain);
    assert_eq!(town.carried(), before, "it went by the direct one");
    println!("nat: {took} ms directly between two plain doors");
    town.share(random, of_random);
    until("no direct connection came about", || {
        figure(random, "relay_total{what=\"not_punched\"}") > 0
    });
    assert!(is_relayed(of_random, random));
    let took = town.share(random, of_random);
    println!("nat: {took} ms by the relay between two random doors");
}

#[test]
fn a_relay_that_is_killed_in_the_middle_ends_in_a_plain_error_and_the_answer_arrives_once_it_is_back() {
    if !streets::is_entered(
        "a_relay_that_is_killed_in_the_middle_ends_in_a_plain_error_and_the_answer_arrives_once_it_is_back",
    ) {
        return;
    }
    let mut town = Town::found(&Plan {
        banks: &[(Door::Random, true)],
        wallets: &[Door::Random],
    });
    let (link, session) = ask(&town.banks[0], "S01", &town.case(), CITIZEN, &["C02"]);
    let id = receive(&town.wallets[0], &link);
    town.relay.kill();
    let said = town.wallets[0].run(&["--yes", "wallet", "present", &id]);
    said.expect_problem(5, "unreachable");
    let watched = |seconds: &str| -> Value {
        let bank = &town.banks[0];
        bank.run(&["verifier", "watch", &session, "--seconds", seconds]).json()["session"].clone()
    };
    assert_eq!(watched("1")["verdict"], Value::Null, "nothing has arrived");
    town.relay.serve(&[]);
    until("the bank has its place again", || has_place(&town.banks[0]));
    // What was decided is not decided again: the same answer is sent.
    until("the answer is sent", || {
        let said = town.wallets[0].run(&["--yes", "wallet", "present", &id]);
        said.exit == 0
    });
    assert_eq!(watched("30")["verdict"], "valid");
}

#[test]
fn a_presentation_succeeds_in_every_pairing_of_doors_through_mailboxes_with_the_relay_off() {
    if !streets::is_entered("a_presentation_succeeds_in_every_pairing_of_doors_through_mailboxes_with_the_relay_off") {
        return;
    }
    let banks = Door::ALL.map(|door| (door, door != Door::None));
    let mut town = Town::found(&Plan {
        banks: &banks,
        wallets: &Door::ALL,
    });
    // Each in the bank's own session, while it can be reached.
    for bank in &town.banks {
        for wallet in &town.wallets {
            town.pair(bank, wallet);
        }
    }
    assert_eq!(town.relay.terminate(), 0);
    // A direct way that a punched hole left open goes with the wallet's process, as a citizen's device is off most of the day.
    for wallet in &mut town.wallets {
        assert_eq!(wallet.terminate(), 0);
        wallet.serve(&[]);
    }
    for (at, (of_bank, is_behind)) in banks.into_iter().enumerate() {
        for (wallet, of_wallet) in (0..town.wallets.len()).zip(Door::ALL) {
            let watch = Stopwatch::start();
            let (session, id) = town.leave_request(&town.banks[at], &town.wallets[wallet]);
            let asked = watch.milliseconds();
            // A bank that stands on the street could be told directly: it is off, and only its mailbox is left.
            if !is_behind {
                assert_eq!(town.banks[at].terminate(), 0);
            }
            let posted = town.wallets[wallet].ok(&["--yes", "wallet", "present", &id]);
            assert_eq!(posted["outcome"], "posted", "{of_wallet:?} to {of_bank:?}: {posted}");
            let said = watch.milliseconds();
            if !is_behind {
                town.banks[at].serve(&[]);
            }
            // Nothing wakes a bank behind a door: it looks for what it awaits.
            let bank = &town.banks[at];
            let watched = bank.ok(&["verifier", "watch", &session, "--seconds", "60"])["session"].clone();
            assert_eq!(watched["verdict"], "valid", "{of_wallet:?} to {of_bank:?}: {watched}");
            let number = town.person_of(&town.wallets[wallet]);
            assert_eq!(watched["claims"]["MonthlyIncome"]["personidentifikator"], number);
            println!(
                "nat: wallet {of_wallet:?}, bank {of_bank:?}, no relay: asked in {asked} ms, yes in {} ms, verdict after {} ms",
                said - asked,
                watch.milliseconds() - said
            );
        }
    }
    // The receipts come the same way.
    for wallet in &town.wallets {
        until("every receipt is there", || {
            wallet.ok(&["wallet", "fetch"]);
            let history = wallet.ok(&["wallet", "history"]);
            let mut events = history["events"].as_array().expect("a list").iter();
            let valid = events.by_ref().filter(|event| event["receipt"]["verdict"] == "valid");
            // One for pairing and one now, of each bank.
            valid.count() == 2 * town.banks.len()
        });
    }
}
