//! A disk without room, and one that can only be read, in a mount namespace.

use super::{Thread, refused};
use crate::network::{IDENTITY, Network, argument, collect, text};
use crate::process::Home;
use crate::refusals::line;
use node::population::CITIZEN;
use serde_json::Value;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Set in the process of a test that was started again in a mount namespace of its own.
const WITHIN: &str = "TEST_IN_A_NAMESPACE";

/// Whether this process may mount: it was started again in namespaces of its own. Else starts it, and says how it went.
fn is_within(test: &str) -> bool {
    if node::clock::environment(WITHIN).is_some() {
        return true;
    }
    // Built here, where building belongs.
    crate::process::bevis();
    let tried = Command::new("unshare").args(["-Urm", "true"]).output();
    assert!(
        tried.as_ref().is_ok_and(|tried| tried.status.success()),
        "this test needs a machine that lets its user make user and mount namespaces (`unshare -Urm true`): {tried:?}"
    );
    let name = format!(
        "{}::{test}",
        module_path!().split_once("::").expect("a module of the crate").1
    );
    let ended = Command::new("unshare")
        .args(["-Urm", "--kill-child"])
        .arg(std::env::current_exe().expect("runs"))
        .args([&name, "--exact", "--nocapture"])
        .env(WITHIN, "1")
        .output()
        .expect("unshare runs");
    let said = String::from_utf8_lossy(&ended.stdout).into_owned() + &String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.success() && said.contains("1 passed"), "{name}: {said}");
    false
}

/// A disk of some bytes in memory, at a folder that is made for it.
fn mount(at: &Path, options: &str) {
    std::fs::create_dir_all(at).expect("makes");
    let mut command = Command::new("mount");
    command.args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(at);
    assert!(
        command.status().expect("mount runs").success(),
        "{} is mounted",
        at.display()
    );
}

fn remount(at: &Path, how: &str) {
    let done = Command::new("mount")
        .args(["-o", &format!("remount,{how}")])
        .arg(at)
        .status();
    assert!(done.expect("mount runs").success(), "{} is {how}", at.display());
}

/// Takes all room that is left, and gives the file that does.
fn fill(disk: &Path) -> PathBuf {
    let path = disk.join("filler");
    let mut file = std::fs::File::options()
        .create(true)
        .append(true)
        .open(&path)
        .expect("opens");
    let page = [0; 4096];
    let full = std::iter::repeat_with(|| file.write_all(&page)).find_map(Result::err);
    let full = full.expect("a disk ends");
    assert_eq!(full.kind(), std::io::ErrorKind::StorageFull, "{full}");
    path
}

/// Rows and issued credentials of C01.
fn counts(identity: &Home) -> (Value, Value) {
    let of = identity.ok(&["issuer", "status"])["types"][0].clone();
    (of["rows"].clone(), of["issued"].clone())
}

#[test]
fn a_full_disk_loses_nothing_and_the_node_goes_on() {
    if !is_within("a_full_disk_loses_nothing_and_the_node_goes_on") {
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
    if !is_within("a_disk_that_can_only_be_read_is_read") {
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
