//! Trust lists.

use super::{counted, found, seen, version};
use crate::network::{BANK, IDENTITY, LOANS, Network, ROADS, TAX, argument, until};

#[test]
fn a_list_that_one_node_takes_reaches_all_others_by_gossip_and_one_that_was_away_by_asking() {
    let network = Network::new();
    let [mut identity, mut tax, mut bank, mut roads] =
        [IDENTITY, TAX, BANK, ROADS].map(|organisation| network.init(&organisation, &[]));
    network.begin(
        &mut [
            (&IDENTITY, &mut identity),
            (&TAX, &mut tax),
            (&BANK, &mut bank),
            (&ROADS, &mut roads),
        ],
        &[],
        &[],
    );
    let before = version(&bank);
    for home in [&identity, &tax, &roads] {
        assert_eq!(version(home), before);
        until("listed nodes gossip with each other", || {
            counted(home, "bevis_gossip_peers") > 0
        });
    }
    assert_eq!(roads.terminate(), 0);

    // A new agency is admitted, and the list is brought to one node alone.
    let mut loans = network.init(&LOANS, &[]);
    loans.serve(&[]);
    network.list(&loans, LOANS.issues, LOANS.services);
    let bundle = network.sign();
    bank.ok(&["trust", "import", argument(&bundle)]);
    let after = version(&bank);
    assert_ne!(before, after);
    for home in [&identity, &tax, &bank] {
        seen(home, "trust", &after);
        assert_eq!(version(home), after);
        assert_eq!(
            home.ok(&["trust", "show"])["organisations"].as_array().map(Vec::len),
            Some(5)
        );
    }
    let accepted = "bevis_gossip_messages_total{topic=\"/bevis/trust/1\",what=\"accepted\"}";
    assert!(
        counted(&identity, accepted) + counted(&tax, accepted) > 0,
        "it came by gossip"
    );
    assert_eq!(counted(&identity, "bevis_trust_version{part=\"list\"}"), 2);

    // Who was away asks when it comes back.
    roads.serve(&[]);
    seen(&roads, "trust", &after);
    // Nothing of it is an alarm, and nothing waits for anything.
    for home in [&identity, &tax, &bank, &roads] {
        assert_eq!(counted(home, "bevis_alarms{code=\"any\"}"), 0);
        assert_eq!(found(home, "alarm"), None);
        assert_eq!(found(home, "caught-up"), None);
    }
    // What is not in effect is told as such, in its time.
    bank.run(&["node", "seen", "--kind", "trust", "--id", "9.1.1", "--wait", "1"])
        .expect_problem(10, "not_found");
}
