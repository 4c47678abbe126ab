//! The home and the machine below it.

mod clock;
mod disk;
mod epochs;

use super::{Line, line};
use crate::network::{BANK, IDENTITY, Network, TAX, argument, ask, collect, import, receive, share, text};
use crate::process::{Home, copy, finish, folder};
use credentials::Code;
use node::population::CITIZEN;
use serde_json::{Value, json};
use std::path::Path;

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
        kind: "home restored and behind",
        code: Code::CatchingUp,
        test: "a_restored_home_gives_nothing_out_until_heads_of_three_organisations_were_taken",
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
