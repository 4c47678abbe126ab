//! A clock that is wrong by a day.

use super::{Thread, doctor, held, refused};
use crate::clocks::apart;
use crate::network::{BANK, IDENTITY, TAX, argument, collect, receive, text, until};
use crate::process::Home;
use credentials::time::DAY;
use node::population::CITIZEN;
use serde_json::Value;

/// Stops a node and starts it with a clock that is wrong, and waits until enough others have told it so.
fn serve_apart(home: &mut Home, others: [&str; 2], clock: &[(&'static str, String)]) {
    assert_eq!(home.terminate(), 0);
    home.set_environment(clock.to_vec());
    home.serve(&[]);
    until("two others disagree with the clock", || {
        let (state, detail) = doctor(home, "clock");
        // Nodes greet by themselves whom they need something of; here both are to be heard.
        for did in others.iter().filter(|did| !detail.contains(**did)) {
            home.run(&["node", "ping", did]);
        }
        state == "fail" && others.iter().all(|did| detail.contains(did))
    });
}

fn serve_right(home: &mut Home) {
    assert_eq!(home.terminate(), 0);
    home.set_environment(Vec::new());
    home.serve(&[]);
    assert_ne!(doctor(home, "clock").0, "fail");
}

fn is_suspected(kind: &str, seconds: i64) {
    let mut thread = Thread::new();
    let clock = apart(thread.network.folder(), seconds);
    thread.holds(&thread.citizen, "LAN-1");
    assert_eq!(doctor(&thread.bank, "clock").0, "ok");

    // A wallet: neither takes a request nor collects, and its copies and the offer stay unused.
    let (invitation, code) = thread.network.personal_offer(&thread.identity, CITIZEN);
    // Long enough for all that follows.
    let asked = [
        "verifier",
        "request",
        "--service",
        "S01",
        "--case",
        "LAN-2",
        "--subject",
        CITIZEN,
        "--type",
        "C02",
        "--seconds",
        "3600",
    ];
    let asked = thread.bank.ok(&asked);
    let (link, session) = (text(&asked["link"]), text(&asked["session"]));
    let before = held(&thread.citizen);
    thread.citizen.set_environment(clock.clone());
    refused(&thread.citizen, kind, &["wallet", "receive", &link]);
    let collecting = ["wallet", "receive", &invitation, "--code-file", argument(&code)];
    refused(&thread.citizen, kind, &collecting);
    assert_eq!(
        thread.session(&session)["state"],
        "active",
        "the bank was asked for nothing"
    );
    thread.citizen.set_environment(Vec::new());
    assert_eq!(held(&thread.citizen), before);
    let id = receive(&thread.citizen, &link);

    // A verifier: asks nobody, is answered by nobody, and finds nothing valid.
    serve_apart(&mut thread.bank, [IDENTITY.did, TAX.did], &clock);
    let asking = [
        "verifier",
        "request",
        "--service",
        "S01",
        "--case",
        "LAN-3",
        "--subject",
        CITIZEN,
    ];
    refused(&thread.bank, kind, &asking);
    refused(&thread.citizen, kind, &["--yes", "wallet", "present", &id]);
    let after = thread.session(&session);
    assert_eq!(after["verdict"], Value::Null, "{after}");
    serve_right(&mut thread.bank);

    // An issuer: invites nobody, and wallets take nothing of it. The code is not used up.
    serve_apart(&mut thread.identity, [BANK.did, TAX.did], &clock);
    refused(
        &thread.identity,
        kind,
        &["issuer", "offer", "--type", "C01", "--subject", CITIZEN],
    );
    refused(&thread.citizen, kind, &collecting);
    serve_right(&mut thread.identity);
    assert_eq!(thread.citizen.ok(&collecting)["outcome"], "collected");
    collect(&thread.citizen, &thread.tax, "C02");
    thread.holds(&thread.citizen, "LAN-4");
}

#[test]
fn a_clock_a_day_ahead_is_suspected_and_nothing_is_valid_by_it() {
    is_suspected("clock a day ahead", DAY);
}

#[test]
fn a_clock_a_day_behind_is_suspected_and_nothing_is_valid_by_it() {
    is_suspected("clock a day behind", -DAY);
}
