//! Whoever issued something is not asked because it is shown.

use crate::network::{BANK, IDENTITY, Network, TAX, ask, collect, import, receive, until};
use crate::process::Home;
use node::population::CITIZEN;
use serde_json::Value;

/// Requests about status that an organisation has had from peers that are in no list: wallets.
fn asked_by_wallets(issuer: &Home) -> u64 {
    let peers = issuer.ok(&["node", "peers"])["peers"].clone();
    let peers = peers
        .as_array()
        .expect("peers")
        .iter()
        .filter(|peer| peer["did"] == Value::Null);
    let status = peers.flat_map(|peer| peer["traffic"].as_object().cloned().unwrap_or_default());
    let status = status.filter(|(protocol, _)| protocol.contains("status"));
    status.filter_map(|(_, traffic)| traffic["requests_in"].as_u64()).sum()
}

#[test]
fn an_issuer_hears_nothing_of_a_wallet_within_five_seconds_of_a_showing() {
    let network = Network::new();
    let [mut identity, mut tax, mut bank] = [IDENTITY, TAX, BANK].map(|one| network.init(&one, &[]));
    let mut citizen = network.wallet("citizen", &[]);
    // As a person has it: by the clock it asks some minutes from now, and what is seen here is not that.
    let path = citizen.path().join("bevis.toml");
    let config = std::fs::read_to_string(&path).expect("reads");
    let slow = config.replace("every_seconds = 1\n", "every_seconds = 300\n");
    assert_ne!(config, slow);
    std::fs::write(&path, slow).expect("writes");
    citizen.serve(&[]);
    network.begin(
        &mut [(&IDENTITY, &mut identity), (&TAX, &mut tax), (&BANK, &mut bank)],
        &[&citizen],
        &[],
    );
    let registers = network.population(40, 12);
    import(&identity, "C01", &registers);
    import(&tax, "C02", &registers);
    network.identify(&identity, &citizen, CITIZEN);
    collect(&citizen, &tax, "C02");
    // Whoever collects is known to the issuer at that moment, and asks then: that is counted.
    for issuer in [&identity, &tax] {
        until("the wallet has asked after collecting", || asked_by_wallets(issuer) > 0);
    }
    let cache = citizen.path().join("cache/status");
    until("what it learned is kept for the next start", || {
        citizen.ok(&["node", "status"]);
        std::fs::read_dir(&cache).is_ok_and(|files| files.count() >= 2)
    });
    // Its node is started again by its person, who wants to show something.
    assert_eq!(citizen.terminate(), 0);
    citizen.serve(&[]);
    let (link, _) = ask(&bank, "S01", "LAN-1", CITIZEN, &["C02"]);
    let before = [&identity, &tax].map(asked_by_wallets);
    let id = receive(&citizen, &link);
    let shared = citizen.ok(&["--yes", "wallet", "present", &id]);
    assert_eq!(shared["receipt"]["verdict"], "valid");
    // What never comes is waited for, for as long as this takes.
    citizen
        .run(&["node", "seen", "--kind", "trust", "--id", "9.9.9", "--wait", "5"])
        .expect(10);
    assert_eq!([&identity, &tax].map(asked_by_wallets), before);
}
