//! Each transport by itself: a greeting over QUIC and over TCP, and a whole exchange over TCP alone.

use crate::network::{BANK, IDENTITY, Network, TAX, collect, import, share, text};
use node::population::CITIZEN;

#[test]
fn one_exchange_goes_over_tcp_alone() {
    let network = Network::new();
    let [mut identity, mut tax, mut bank] = [IDENTITY, TAX, BANK].map(|organisation| network.init(&organisation, &[]));
    let citizen = network.wallet("citizen", &["--transport", "tcp"]);
    let organisations = &mut [(&IDENTITY, &mut identity), (&TAX, &mut tax), (&BANK, &mut bank)];
    network.begin(organisations, &[&citizen], &["--transport", "tcp"]);
    let addresses = bank.ok(&["node", "status"])["addresses"].to_string();
    assert!(
        addresses.contains("/tcp/") && !addresses.contains("/udp/"),
        "{addresses}"
    );
    let registers = network.population(40, 12);
    import(&identity, "C01", &registers);
    import(&tax, "C02", &registers);
    network.identify(&identity, &citizen, CITIZEN);
    collect(&citizen, &tax, "C02");
    let detail = share(&bank, &citizen, "S01", "LAN-1", CITIZEN, &["C02"]);
    assert_eq!(detail["claims"]["MonthlyIncome"]["personidentifikator"], CITIZEN);
}

#[test]
fn organisations_greet_each_other_over_quic_and_over_tcp() {
    for (transport, protocol) in [("quic", "/quic-v1"), ("tcp", "/tcp/")] {
        let network = Network::new();
        let [mut tax, mut bank] =
            [TAX, BANK].map(|organisation| network.init(&organisation, &["--transport", transport]));
        network.begin(&mut [(&TAX, &mut tax), (&BANK, &mut bank)], &[], &[]);
        let addresses = bank.ok(&["node", "status"])["addresses"].clone();
        let addresses = addresses.as_array().expect("a list");
        assert!(
            !addresses.is_empty() && addresses.iter().all(|a| text(a).contains(protocol)),
            "{addresses:?}"
        );
        let ping = bank.ok(&["node", "ping", TAX.did]);
        assert_eq!(ping["peer"], tax.ok(&["whoami"])["card"]["peer"]);
        bank.run(&["node", "ping", "did:web:nobody.example"])
            .expect_problem(7, "not_listed");
    }
}
