//! Trust lists.

use super::{counted, found, seen, version};
use crate::network::{BANK, IDENTITY, LOANS, Network, ROADS, TAX, argument, until};
use crate::refusals::stage::entry;
use crate::stranger::World;
use serde_json::json;

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
    let unseen = bank.run(&["node", "seen", "--kind", "trust", "--id", "9.1.1", "--wait", "1"]);
    let unseen = unseen.expect(10).json();
    assert_eq!((&unseen["seen"], &unseen["at_ms"]), (&json!(false), &json!(null)));
}

#[test]
fn a_node_that_was_away_while_everybody_changed_keys_catches_up_by_itself() {
    let world = World::new();
    let network = Network::trusting(&world.root());
    let [mut identity, mut bank] = [IDENTITY, BANK].map(|organisation| network.init(&organisation, &[]));
    let mut listed = Vec::new();
    for (organisation, home) in [(&IDENTITY, &mut identity), (&BANK, &mut bank)] {
        home.serve(&[]);
        listed.push(entry(organisation, home));
    }
    let file = network.folder().join("world.json");
    std::fs::write(&file, world.sign(1, listed.clone())).expect("writes");
    for home in [&identity, &bank] {
        home.ok(&["trust", "import", argument(&file)]);
    }
    assert_eq!(bank.terminate(), 0);
    // Meanwhile its key is replaced, and the one that the bank knows leaves the list.
    identity.ok(&["keys", "rotate"]);
    listed[0] = entry(&IDENTITY, &identity);
    let first = listed[0].keys.remove(0);
    std::fs::write(&file, world.sign(2, listed)).expect("writes");
    identity.ok(&["trust", "import", argument(&file)]);
    let kid = identity.ok(&["node", "certificate"])["kid"].clone();
    assert_ne!(kid, first.id);
    bank.serve(&[]);
    until("the bank goes by the newer list", || {
        version(&bank) == version(&identity)
    });
    // Pings count against the rate of a peer: they come last, when there is little left to wait for.
    until("and is greeted as anybody else", || {
        counted(&bank, "bevis_gossip_peers") > 0 && bank.run(&["node", "ping", IDENTITY.did]).exit == 0
    });
}
