//! The home and the machine below it.

use super::{Line, line};
use crate::network::{BANK, IDENTITY, Network, TAX, argument, ask, collect, import, receive, share, text, until};
use crate::process::{Home, finish, folder};
use credentials::Code;
use credentials::time::DAY;
use node::population::CITIZEN;
use serde_json::{Value, json};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Which test shows which kind.
pub(super) const LINES: &[Line] = &[
    Line {
        kind: "wrong passphrase",
        code: Code::WrongPassphrase,
        test: "a_wrong_passphrase_opens_nothing_and_spoils_nothing",
    },
    Line {
        kind: "home of a newer version",
        code: Code::NewerFormat,
        test: "a_home_of_a_newer_version_is_left_as_it_is",
    },
    Line {
        kind: "home copied back",
        code: Code::CopiesVoid,
        test: "a_copied_wallet_shows_no_copy_that_the_other_may_have_shown",
    },
    Line {
        kind: "second process",
        code: Code::HomeLocked,
        test: "a_second_process_is_turned_away_and_the_first_goes_on",
    },
    Line {
        kind: "clock a day ahead",
        code: Code::ClockSuspect,
        test: "a_clock_a_day_ahead_is_suspected_and_nothing_is_valid_by_it",
    },
    Line {
        kind: "clock a day behind",
        code: Code::ClockSuspect,
        test: "a_clock_a_day_behind_is_suspected_and_nothing_is_valid_by_it",
    },
    Line {
        kind: "disk full",
        code: Code::DiskFull,
        test: "a_full_disk_loses_nothing_and_the_node_goes_on",
    },
    Line {
        kind: "read-only disk",
        code: Code::DiskReadOnly,
        test: "a_disk_that_can_only_be_read_is_read",
    },
];

/// A command is refused as its line says: by code for a program, by sentence and remedy for a person of each language.
#[track_caller]
fn refused(home: &Home, kind: &str, arguments: &[&str]) {
    let line = line(kind);
    line.expect_json(home.run(arguments));
    for language in node::text::LANGUAGES {
        let typed = [&["--lang", language], arguments].concat();
        line.expect_text(finish(home.typed(&typed), ""), language);
    }
}

/// Copies a folder with everything in it, as `cp -a` does, to one that does not exist.
fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg("-a").args([from, to]).status().expect("cp runs");
    assert!(copied.success(), "the folder is copied");
}

/// What `doctor` says of a check: its state and detail.
fn doctor(home: &Home, check: &str) -> (String, String) {
    let report = home.run(&["doctor"]).json();
    let findings = report["findings"].as_array().cloned().unwrap_or_default();
    let found = findings.iter().find(|finding| finding["check"] == check);
    let found = found.unwrap_or_else(|| panic!("doctor does not look at {check}: {report}"));
    (text(&found["state"]), text(&found["detail"]))
}

/// A wallet's home by itself.
fn wallet(folder: &Path) -> Home {
    let home = Home::new(folder, "wallet");
    home.ok(&["init", "--role", "wallet", "--profile", "test"]);
    home
}

#[test]
fn a_wrong_passphrase_opens_nothing_and_spoils_nothing() {
    let (folder, other) = (folder(), folder());
    let home = wallet(folder.path());
    std::fs::write(other.path().join("passphrase"), "korrekt hest batterj\n").expect("writes");
    // The same home, with the other passphrase: a path that is absolute stays what it is.
    let wrong = Home::new(other.path(), argument(home.path()));
    for arguments in [&["wallet", "list"][..], &["serve"], &["doctor"]] {
        home.run(&["wallet", "list"]).expect(0);
        refused(&wrong, "wrong passphrase", arguments);
    }
    home.run(&["wallet", "list"]).expect(0);
}

#[test]
fn a_home_of_a_newer_version_is_left_as_it_is() {
    let folder = folder();
    let home = wallet(folder.path());
    let files = ["keys", "keys-spare"].map(|name| home.path().join("store").join(name));
    let originals = files.clone().map(|file| std::fs::read(file).expect("reads"));
    // Eight bytes say what the file is, the next four its format; a digest of all before it ends a file of any format.
    let newer = originals.clone().map(|mut bytes| {
        let format = u32::from_be_bytes(bytes[8..12].try_into().expect("four bytes"));
        bytes[8..12].copy_from_slice(&(format + 1).to_be_bytes());
        let content = bytes.len() - 32;
        let digest = node::output::sha256(&bytes[..content]);
        bytes[content..].copy_from_slice(&digest);
        bytes
    });
    for (file, bytes) in files.iter().zip(&newer) {
        std::fs::write(file, bytes).expect("writes");
    }
    refused(&home, "home of a newer version", &["wallet", "list"]);
    refused(&home, "home of a newer version", &["serve"]);
    for (file, bytes) in files.iter().zip(&newer) {
        assert_eq!(&std::fs::read(file).expect("reads"), bytes, "it was not touched");
    }
    for (file, bytes) in files.iter().zip(&originals) {
        std::fs::write(file, bytes).expect("writes");
    }
    home.ok(&["wallet", "list"]);
}

#[test]
fn a_second_process_is_turned_away_and_the_first_goes_on() {
    let network = Network::new();
    let mut bank = network.init(&BANK, &[]);
    bank.serve(&[]);
    refused(&bank, "second process", &["serve"]);
    // Commands reach the node that runs. Without its socket they would have to open the home themselves.
    bank.ok(&["verifier", "sessions"]);
    let socket = bank.path().join("control.sock");
    std::fs::remove_file(&socket).expect("removes");
    refused(&bank, "second process", &["verifier", "sessions"]);
    assert_eq!(bank.terminate(), 0, "the first one ends as it should");
    bank.serve(&[]);
    bank.ok(&["verifier", "sessions"]);
}

/// An identity issuer, a tax agency and a bank at work, and a citizen who holds what the bank asks for.
struct Thread {
    network: Network,
    identity: Home,
    tax: Home,
    bank: Home,
    citizen: Home,
}

impl Thread {
    fn new() -> Thread {
        Thread::in_network(Network::new())
    }

    fn in_network(network: Network) -> Thread {
        let [mut identity, mut tax, mut bank] = [IDENTITY, TAX, BANK].map(|one| network.init(&one, &[]));
        let citizen = network.wallet("citizen", &[]);
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
        Thread {
            network,
            identity,
            tax,
            bank,
            citizen,
        }
    }

    /// The whole thread from request to verdict holds.
    #[track_caller]
    fn holds(&self, citizen: &Home, case: &str) {
        share(&self.bank, citizen, "S01", case, CITIZEN, &["C02"]);
    }

    /// What the bank's node says of a session.
    fn session(&self, id: &str) -> Value {
        let sessions = self.bank.ok(&["verifier", "sessions"])["sessions"].clone();
        let found = sessions.as_array().expect("sessions").iter().find(|it| it["id"] == id);
        found.unwrap_or_else(|| panic!("no {id} in {sessions}")).clone()
    }
}

/// State and copies left of everything a wallet holds.
fn held(home: &Home) -> Vec<(String, u64)> {
    let list = home.ok(&["wallet", "list"])["credentials"].clone();
    let list = list.as_array().expect("a list").iter();
    list.map(|held| (text(&held["state"]), held["copies_left"].as_u64().expect("a number")))
        .collect()
}

#[test]
fn a_copied_wallet_shows_no_copy_that_the_other_may_have_shown() {
    let thread = Thread::new();
    let Thread {
        network,
        identity,
        tax,
        bank,
        citizen,
    } = &thread;
    thread.holds(citizen, "LAN-1");
    let (link, _) = ask(bank, "S01", "LAN-2", CITIZEN, &["C02"]);
    let waiting = receive(citizen, &link);
    let copied = Home::new(network.folder(), "copied");
    copy(citizen.path(), copied.path());

    // Said when it is noticed, once; after that by `doctor`, by the list and by each refusal.
    let first = finish(copied.typed(&["--lang", "nb", "wallet", "list"]), "").expect(0);
    assert!(first.stderr.contains("er kopiert hit"), "{first:?}");
    assert!(first.stdout.contains("kopiene teller som brukt, hent nye"), "{first:?}");
    let second = finish(copied.typed(&["--lang", "en", "wallet", "list"]), "").expect(0);
    assert!(!second.stderr.contains("copied here"), "{second:?}");
    assert_eq!(held(&copied), vec![("copies_void".to_owned(), 0); 2]);
    assert_eq!(
        copied.ok(&["node", "status"])["epoch"]["number"],
        1,
        "one epoch, not one a start"
    );
    assert_eq!(copied.ok(&["node", "status"])["epoch"]["copied"], true);
    assert_eq!(doctor(&copied, "epoch").0, "warn");
    let events = copied.ok(&["wallet", "history"])["events"].clone();
    let told = events.as_array().expect("events").iter();
    assert_eq!(told.filter(|event| event["what"] == "copies_void").count(), 2);

    // The request that waited is void in it, and a new one gets no copy; the bank hears nothing.
    assert_eq!(copied.ok(&["wallet", "requests"])["requests"], json!([]));
    let (link, session) = ask(bank, "S01", "LAN-3", CITIZEN, &["C02"]);
    let id = receive(&copied, &link);
    refused(&copied, "home copied back", &["--yes", "wallet", "present", &id]);
    assert_eq!(thread.session(&session)["state"], "fetched");

    // The home that was copied goes on as if nothing had been.
    assert!(held(citizen).iter().all(|(_, left)| *left > 0));
    assert_eq!(
        citizen.ok(&["--yes", "wallet", "present", &waiting])["outcome"],
        "shared"
    );

    // So does the copy, once it has copies of its own; and a folder that is only given another name is no copy.
    network.identify(identity, &copied, CITIZEN);
    collect(&copied, tax, "C02");
    thread.holds(&copied, "LAN-5");
    // What a list says of a credential comes and goes with the reach of its issuer; whether its copies are void does not.
    let known = |home: &Home| -> Vec<(bool, u64)> {
        let list = held(home).into_iter();
        list.map(|(state, left)| (state == "copies_void", left)).collect()
    };
    let before = known(&copied);
    let moved = Home::new(network.folder(), "moved");
    std::fs::rename(copied.path(), moved.path()).expect("renames");
    assert_eq!(known(&moved), before);
    assert_eq!(moved.ok(&["node", "status"])["epoch"]["number"], 1);
}

/// What makes a process see another time: a library that answers for the system, compiled from the text beside this file.
fn clock_apart(folder: &Path, seconds: i64) -> Vec<(&'static str, String)> {
    let library = folder.join("clock.so");
    if !library.exists() {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/refusals/clock.c");
        let compiled = Command::new("cc")
            .args(["-shared", "-fPIC", "-O2", "-o"])
            .args([&library, &source])
            .status()
            .expect("cc runs");
        assert!(compiled.success(), "the library is compiled");
    }
    vec![
        ("LD_PRELOAD", argument(&library).to_owned()),
        ("CLOCK_APART", seconds.to_string()),
    ]
}

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
    let clock = clock_apart(thread.network.folder(), seconds);
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
