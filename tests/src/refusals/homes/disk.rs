//! A disk without room, and one that can only be read, in a mount namespace.

use super::{Thread, refused};
use crate::network::{IDENTITY, Network, argument, collect, text};
use crate::process::Home;
use crate::refusals::line;
use crate::volume::{fill, is_within, mount, remount};
use node::population::CITIZEN;
use serde_json::Value;

/// Rows and issued credentials of C01.
fn counts(identity: &Home) -> (Value, Value) {
    let of = identity.ok(&["issuer", "status"])["types"][0].clone();
    (of["rows"].clone(), of["issued"].clone())
}

#[test]
fn a_full_disk_loses_nothing_and_the_node_goes_on() {
    if !is_within(module_path!(), "a_full_disk_loses_nothing_and_the_node_goes_on") {
        return;
    }
    let network = Network::new();
    let disk = network.folder().join(IDENTITY.home);
    mount(&disk, "size=16m,mode=0700");
    let mut thread = Thread::in_network(network);
    thread.holds(&thread.citizen, "LAN-1");
    let offering = ["issuer", "offer", "--type", "C01", "--subject", CITIZEN];
    let late = thread.network.wallet("late", &[]);
    late.ok(&["trust", "import", argument(&thread.network.folder().join("trust.json"))]);
    let before = counts(&thread.identity);
    let pid = thread.identity.pid();

    let filler = fill(&disk);
    // What is left of a page that the journal has already still takes a few; each that is acknowledged counts.
    let mut last = thread.network.personal_offer(&thread.identity, CITIZEN);
    let mut tries = 0..200;
    while tries.next().is_some() {
        let said = thread.identity.run(&offering);
        if said.exit != 0 {
            line("disk full").expect_json(said);
            break;
        }
        let made = said.json();
        std::fs::write(&last.1, text(&made["code"])).expect("writes");
        last.0 = text(&made["link"]);
    }
    assert!(!tries.is_empty(), "the disk is full");
    refused(&thread.identity, "disk full", &offering);
    // More than fits a page in any case.
    refused(&thread.identity, "disk full", &["issuer", "prepare", "--type", "C01"]);
    // Reads go on, and so do peers: what is not stored is not given out, and the wallet is not told about disks.
    assert_eq!(counts(&thread.identity), before);
    assert_eq!(thread.identity.ok(&["node", "status"])["online"], true);
    let (link, code) = last;
    let collecting = ["wallet", "receive", &link, "--code-file", argument(&code)];
    // What begins a delivery is short: in what is left of the page it may fit where the delivery with its log entry does not.
    let told = (0..4)
        .map(|_| text(&late.run(&collecting).json()["code"]))
        .find(|told| told != "trace_unavailable");
    assert_eq!(told.as_deref(), Some("internal"));
    assert_eq!(counts(&thread.identity), before);
    assert_eq!(thread.identity.pid(), pid);

    std::fs::remove_file(filler).expect("removes");
    assert_eq!(
        late.ok(&collecting)["outcome"],
        "collected",
        "the last acknowledged offer is there"
    );
    thread.identity.ok(&offering);
    collect(&late, &thread.tax, "C02");
    thread.holds(&late, "LAN-2");
    let issued = counts(&thread.identity);
    thread.identity.kill();
    thread.identity.serve(&[]);
    assert_eq!(counts(&thread.identity), issued);
    assert_eq!(issued.0, before.0);
    assert_eq!(issued.1.as_u64(), before.1.as_u64().map(|count| count + 1));
    thread.holds(&thread.citizen, "LAN-3");
}

#[test]
fn a_disk_that_can_only_be_read_is_read() {
    if !is_within(module_path!(), "a_disk_that_can_only_be_read_is_read") {
        return;
    }
    let network = Network::new();
    let disk = network.folder().join(IDENTITY.home);
    mount(&disk, "size=64m,mode=0700");
    let mut thread = Thread::in_network(network);
    thread.holds(&thread.citizen, "LAN-1");
    let before = counts(&thread.identity);
    let offering = ["issuer", "offer", "--type", "C01", "--subject", CITIZEN];
    thread.identity.ok(&offering);
    assert_eq!(thread.identity.terminate(), 0);

    remount(&disk, "ro");
    refused(&thread.identity, "read-only disk", &offering);
    let revoking = ["--yes", "issuer", "revoke", "--subject", CITIZEN, "--reason", "prøve"];
    refused(&thread.identity, "read-only disk", &revoking);
    refused(&thread.identity, "read-only disk", &["serve"]);
    assert_eq!(counts(&thread.identity), before);
    let issued = thread.identity.ok(&["issuer", "status", "--subject", CITIZEN])["issued"].clone();
    assert!(
        issued
            .as_array()
            .is_some_and(|all| all.iter().all(|one| one["state"] == "valid")),
        "{issued}"
    );

    remount(&disk, "rw");
    thread.identity.serve(&[]);
    assert_eq!(counts(&thread.identity), before);
    assert_eq!(
        thread.identity.ok(&["node", "status"])["epoch"]["number"],
        0,
        "it is the same home"
    );
    thread.identity.ok(&offering);
    thread.holds(&thread.citizen, "LAN-2");
}
