//! A bank and the registration that it would like to have: what it may ask is what the signed list says.

use super::try_propose;
use crate::network::{BANK, Network, argument, try_ask};
use credentials::service::Registration;
use node::population::CITIZEN;

#[test]
fn a_bank_widens_its_registration_neither_in_its_settings_nor_in_its_copy_of_the_list() {
    let network = Network::new();
    let mut bank = network.init(&BANK, &[]);
    network.begin(&mut [(&BANK, &mut bank)], &[], &[]);
    let asks = |bank: &crate::process::Home, types: &[&str]| try_ask(bank, "S01", "LAN-1", CITIZEN, types);
    asks(&bank, &["C02"]).expect(0);
    asks(&bank, &["C04"]).expect_problem(7, "over_ask");

    // No setting says what may be asked.
    let config = bank.path().join("bevis.toml");
    let settings = std::fs::read_to_string(&config).expect("reads");
    for wider in [
        "[verifier.services.S01]\nkeep_seconds = 900000000\n",
        "[[registration]]\nid = \"S01\"\nmay_ask = []\n",
    ] {
        std::fs::write(&config, format!("{settings}\n{wider}")).expect("writes");
        asks(&bank, &["C02"]).expect_problem(9, "config_invalid");
    }
    std::fs::write(&config, settings).expect("writes");

    // Another number in the list that it was given is not the list that two anchors signed.
    let bundle = network.folder().join("trust.json");
    let signed = std::fs::read_to_string(&bundle).expect("reads");
    let keep = Registration::known("S01").expect("built in").keep_seconds.to_string();
    let wider = signed.replace(&keep, "99608000");
    assert!(wider != signed && wider.len() == signed.len(), "the list says {keep}");
    let file = network.folder().join("wider.json");
    std::fs::write(&file, wider).expect("writes");
    bank.run(&["trust", "import", argument(&file)])
        .expect_problem(3, "trust_mismatch");
    bank.ok(&["trust", "import", argument(&bundle)]);
    asks(&bank, &["C02"]).expect(0);
    asks(&bank, &["C04"]).expect_problem(7, "over_ask");
    bank.terminate();
}

#[test]
fn no_anchor_proposes_a_registration_beyond_its_services_maximum() {
    let network = Network::new();
    let mut bank = network.init(&BANK, &[]);
    network.begin(&mut [(&BANK, &mut bank)], &[], &[]);
    let (card, file) = (network.folder().join("card.json"), network.folder().join("S01.json"));
    // Ten days, less an hour for a change of the clock and a minute for the way.
    let longest = (9 * 24 + 22) * 3_600 + 59 * 60;
    let propose = |seconds: i64, name: &str| {
        let mut loan = Registration::known("S01").expect("built in");
        loan.request_seconds_max = seconds;
        std::fs::write(&file, serde_json::to_string(&loan).expect("writes")).expect("writes");
        let changes = ["--update", argument(&card), "--service", argument(&file)];
        try_propose(network.anchor(), &network.folder().join(name), &changes)
    };
    propose(longest, "longest").expect(0);
    for seconds in [longest + 1, 10 * 86_400] {
        let refused = propose(seconds, "longer").expect_problem(3, "malformed").json();
        let detail = refused["detail"].as_str().unwrap_or_default();
        let wanted = format!("S01 request_seconds_max: {seconds} is over {longest}");
        assert!(detail.contains(&wanted), "{detail}");
    }
    bank.terminate();
}
