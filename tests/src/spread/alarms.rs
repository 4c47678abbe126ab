//! What should never happen, told by whoever meets it.

use super::{counted, found};
use crate::network::{BANK, IDENTITY, Network, argument, text, until};
use crate::refusals::stage::entry;
use crate::stranger::World;
use credentials::trust::Bundle;
use serde_json::json;
use std::path::Path;

#[test]
fn two_lists_of_one_version_that_meet_over_the_network_are_an_alarm_with_both_texts() {
    let world = World::new();
    let network = Network::trusting(&world.root());
    let [mut identity, mut bank] = [IDENTITY, BANK].map(|organisation| network.init(&organisation, &[]));
    let homes = [(&IDENTITY, &mut identity), (&BANK, &mut bank)];
    let mut listed = Vec::new();
    for (organisation, home) in homes {
        home.serve(&[]);
        listed.push(entry(organisation, home));
    }
    let sign = |name: &str, sequence: u64, listed: &[credentials::trust::Organisation]| {
        let file = network.folder().join(name);
        std::fs::write(&file, world.sign(sequence, listed.to_vec())).expect("writes");
        file
    };
    let first = sign("first.json", 1, &listed);
    for home in [&identity, &bank] {
        home.ok(&["trust", "import", argument(&first)]);
    }
    // Two anchors' list keys sign both; each node takes another one while it is alone.
    let ours = sign("ours.json", 2, &listed);
    listed[0].name = "Et annet direktorat".to_owned();
    let theirs = sign("theirs.json", 2, &listed);
    assert_eq!(identity.terminate(), 0);
    assert_eq!(bank.terminate(), 0);
    identity.ok(&["trust", "import", argument(&ours)]);
    bank.ok(&["trust", "import", argument(&theirs)]);
    assert_eq!(counted(&identity, "bevis_alarms{code=\"any\"}"), 0);
    bank.serve(&[]);
    identity.serve(&[]);

    until("a finding", || found(&identity, "alarm").is_some());
    let finding = found(&identity, "alarm").expect("a finding");
    assert_eq!(
        (&finding["state"], &finding["code"]),
        (&json!("fail"), &json!("trust_conflict"))
    );
    assert_eq!(counted(&identity, "bevis_alarms{code=\"trust_conflict\"}"), 1);
    let alarms = identity.ok(&["node", "alarms"])["alarms"].clone();
    let id = text(&alarms[0]["id"]);
    let list = |file: &Path| {
        let bundle = Bundle::parse(&std::fs::read(file).expect("reads")).expect("a bundle");
        bundle.list.expect("a list")
    };
    let shown = identity.ok(&["node", "alarms", &id])["alarms"][0].clone();
    assert_eq!(shown["evidence"], json!([list(&ours), list(&theirs)]));
    // What was held stands, also after a restart, and so does the alarm until somebody has looked at it.
    let sequence = || identity.ok(&["trust", "show"])["organisations"][0]["name"].clone();
    assert_eq!(sequence(), "Digitaliseringsdirektoratet");
    assert_eq!(identity.terminate(), 0);
    assert_eq!(bank.terminate(), 0);
    identity.serve(&[]);
    assert_eq!(
        found(&identity, "alarm").map(|finding| finding["state"].clone()),
        Some(json!("fail"))
    );
    identity.ok(&["node", "alarms", &id, "--dismiss"]);
    assert_eq!(found(&identity, "alarm"), None);
    assert_eq!(counted(&identity, "bevis_alarms{code=\"any\"}"), 0);
    let shown = identity.ok(&["node", "alarms", &id])["alarms"][0].clone();
    assert_eq!(shown["dismissed"], true);
    assert_eq!(shown["evidence"], json!([list(&ours), list(&theirs)]));
}
