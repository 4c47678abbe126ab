//! A restored home.

use super::{counted, found};
use crate::network::{BANK, IDENTITY, LOANS, Network, TAX, argument, ask, try_ask, until};
use crate::process::Home;
use node::population::CITIZEN;
use serde_json::json;

#[test]
fn a_restored_home_gives_nothing_out_until_heads_of_three_organisations_were_taken() {
    let network = Network::new();
    let [mut identity, mut tax, mut loans, mut bank] =
        [IDENTITY, TAX, LOANS, BANK].map(|organisation| network.init(&organisation, &[]));
    network.begin(
        &mut [
            (&IDENTITY, &mut identity),
            (&TAX, &mut tax),
            (&LOANS, &mut loans),
            (&BANK, &mut bank),
        ],
        &[],
        &[],
    );
    // Before: nothing is waited for.
    ask(&bank, "S01", "LAN-1", CITIZEN, &["C02"]);
    let copy = network.folder().join("bank.copy");
    bank.ok(&["backup", "create", argument(&copy)]);
    for home in [&mut bank, &mut identity, &mut tax, &mut loans] {
        home.kill();
    }
    let mut bank = Home::new(network.folder(), "bank-back");
    bank.ok(&["backup", "restore", argument(&copy)]);
    bank.serve(&[]);
    let refused = || try_ask(&bank, "S01", "LAN-2", CITIZEN, &["C02"]).expect_problem(4, "catching_up");
    let has = |taken: &str| found(&bank, "caught-up").is_some_and(|finding| finding["detail"] == taken);
    refused();
    assert!(has("0/3"), "{:?}", found(&bank, "caught-up"));
    assert_eq!(bank.ok(&["node", "status"])["caught_up"], json!(false));
    assert_eq!(counted(&bank, "bevis_caught_up"), 0);

    identity.serve(&[]);
    until("one head", || has("1/3"));
    tax.serve(&[]);
    until("two heads", || has("2/3"));
    refused();
    // What was done is remembered.
    assert_eq!(bank.terminate(), 0);
    bank.serve(&[]);
    let has = |taken: &str| found(&bank, "caught-up").is_some_and(|finding| finding["detail"] == taken);
    assert!(has("2/3"), "{:?}", found(&bank, "caught-up"));
    try_ask(&bank, "S01", "LAN-2", CITIZEN, &["C02"]).expect_problem(4, "catching_up");
    loans.serve(&[]);
    until("three heads", || found(&bank, "caught-up").is_none());
    ask(&bank, "S01", "LAN-2", CITIZEN, &["C02"]);
    assert_eq!(counted(&bank, "bevis_caught_up"), 1);
}
