//! Notices of a register with two homes, at two banks: matched where the customer is and nowhere else, undone, late, and about
//! a person.

use super::{counted, seen};
use crate::network::{BANK, Network, Organisation, ROADS, argument, until};
use crate::process::Home;
use crate::scanner::Scanner;
use node::population::{CITIZEN, STRANGER_COMPANY};
use serde_json::{Value, json};
use std::path::PathBuf;

const REGISTER: Organisation = Organisation {
    home: "register",
    number: "974760673",
    name: "Konkursregisteret",
    did: "did:web:konkurs.example",
    issues: &["C10"],
    services: &[],
};
const HOLDS: Organisation = Organisation {
    services: &["S11"],
    ..BANK
};
const OTHER: Organisation = Organisation {
    services: &["S11"],
    ..ROADS
};
/// A customer of the other bank.
const COMPANY: &str = "312045877";
/// Another synthetic person.
const PERSON: &str = "03919043163";

/// The register's two homes and two banks, listed.
struct Stage {
    network: Network,
    register: Home,
    second: Home,
    /// Has the debtor as a customer.
    bank: Home,
    /// Has others.
    other: Home,
}

impl Stage {
    fn new() -> Stage {
        let network = Network::new();
        let [mut register, mut bank, mut other] = [REGISTER, HOLDS, OTHER].map(|who| network.init(&who, &[]));
        for home in [&mut register, &mut bank, &mut other] {
            home.serve(&[]);
        }
        let card = network.folder().join("register.card");
        std::fs::write(&card, register.ok(&["whoami"]).to_string()).expect("writes");
        let second = Home::new(network.folder(), "second");
        let root = argument(network.root());
        second.ok(&[
            "init",
            "--profile",
            "test",
            "--second-key",
            argument(&card),
            "--root",
            root,
        ]);
        let joined = second.ok(&["keys", "join", argument(&card)]);
        let keys = ["key-1", "key-2"].map(|key| format!("{}#{key}", REGISTER.did));
        assert_eq!((&joined["added"], &joined["keys"]), (&json!(1), &json!(keys)));
        network.list_card(&card, REGISTER.issues, REGISTER.services);
        network.list(&bank, HOLDS.issues, HOLDS.services);
        network.list(&other, OTHER.issues, OTHER.services);
        let bundle = network.sign();
        for home in [&register, &bank, &other] {
            home.ok(&["trust", "import", argument(&bundle)]);
        }
        // The home without a network gets its list by a file that the register's node wrote.
        let exported = network.folder().join("exported.json");
        register.ok(&["trust", "export", argument(&exported)]);
        second.ok(&["trust", "import", argument(&exported)]);
        let stage = Stage {
            network,
            register,
            second,
            bank,
            other,
        };
        stage.hear();
        stage
    }

    /// Waits until both banks hear what the register publishes.
    fn hear(&self) {
        until("the register gossips with both banks", || {
            counted(&self.register, "bevis_gossip_peers") >= 2
        });
    }

    fn file(&self, name: &str) -> PathBuf {
        self.network.folder().join(name)
    }

    /// Signed in both homes and published; what was said of it.
    fn both_sign(&self, paper: &str) -> Value {
        for home in [&self.register, &self.second] {
            home.ok(&["--yes", "issuer", "notice", "sign", paper]);
        }
        self.register.ok(&["issuer", "notice", "publish", paper])["published"].clone()
    }

    /// A notice from its draft to the log: its number.
    fn publish(&self, subject: &Value) -> u64 {
        let paper = self.file("notice");
        let paper = argument(&paper);
        let draft = ["issuer", "notice", "draft", "-", "--out", paper];
        self.register.run_with(&draft, &format!("{subject}\n")).expect(0);
        let published = self.both_sign(paper);
        published["notice"].as_u64().unwrap_or_else(|| panic!("{published}"))
    }

    /// The name of a published notice.
    fn uuid(&self, number: u64) -> String {
        let number = number.to_string();
        let log = self.register.ok(&["issuer", "notice", "list", "--from", &number]);
        log["notices"][0]["uuid"].as_str().expect("a name").to_owned()
    }

    /// The register goes on with a line more in the section of its issuer.
    fn set(&mut self, line: &str) {
        assert_eq!(self.register.terminate(), 0);
        let config = self.register.path().join("bevis.toml");
        let before = std::fs::read_to_string(&config).expect("reads");
        let after = before.replace("[issuer]\n", &format!("[issuer]\n{line}\n"));
        assert_ne!(before, after, "the section stands in the register's configuration");
        std::fs::write(&config, after).expect("writes");
        self.register.serve(&[]);
        self.hear();
    }

    fn wait(&self, bank: &Home, number: u64) {
        seen(bank, "notice", &format!("{}@{number}", REGISTER.did));
    }

    fn customers(&self, bank: &Home, number: &str) {
        let report = bank.run_with(&["verifier", "customers", "import", "-"], &format!("{number}\n"));
        assert_eq!(report.expect(0).json()["report"]["added"], 1);
    }
}

fn company(kind: &str, number: &str, about: Option<&str>) -> Value {
    json!({
        "type": kind, "boType": "konkurs", "kjennelsesdato": "2026-08-31", "domstol": "Syntetisk tingrett",
        "debitor": {"organisasjonsnummer": number, "navn": "TOMT SKALL AS"}, "gjelderVarsel": about,
    })
}

/// Customer and state of each match.
fn matches(bank: &Home) -> Vec<(String, String)> {
    let said = bank.ok(&["verifier", "notices", "list"]);
    let matches = said["matches"].as_array().cloned().unwrap_or_default();
    let text = |found: &Value, name: &str| found[name].as_str().expect("a text").to_owned();
    matches
        .iter()
        .map(|found| (text(found, "customer"), text(found, "state")))
        .collect()
}

/// What a bank was told to do: number of the notice, customer, effect.
fn events(bank: &Home) -> Vec<(u64, String, String)> {
    let said = bank.ok(&["verifier", "notices", "events"]);
    let events = said["events"].as_array().cloned().unwrap_or_default();
    let text = |event: &Value, name: &str| event[name].as_str().expect("a text").to_owned();
    events
        .iter()
        .map(|event| {
            (
                event["number"].as_u64().expect("a number"),
                text(event, "customer"),
                text(event, "effect"),
            )
        })
        .collect()
}

fn event(number: u64, customer: &str, effect: &str) -> (u64, String, String) {
    (number, customer.to_owned(), effect.to_owned())
}

fn matched(customer: &str, state: &str) -> Vec<(String, String)> {
    vec![(customer.to_owned(), state.to_owned())]
}

#[test]
fn an_opening_is_matched_where_the_customer_is_and_a_wrong_one_is_undone_by_the_compensating_notice() {
    let mut stage = Stage::new();
    stage.customers(&stage.bank, STRANGER_COMPANY);
    stage.customers(&stage.other, COMPANY);
    // One key alone publishes nothing.
    let paper = stage.file("notice");
    let paper = argument(&paper);
    let opening = company("aapning", STRANGER_COMPANY, None);
    let draft = ["issuer", "notice", "draft", "-", "--out", paper];
    stage.register.run_with(&draft, &opening.to_string()).expect(0);
    stage.register.ok(&["--yes", "issuer", "notice", "sign", paper]);
    stage
        .register
        .run(&["issuer", "notice", "publish", paper])
        .expect_problem(3, "second_key_missing");
    stage.second.ok(&["--yes", "issuer", "notice", "sign", paper]);
    assert_eq!(
        stage.register.ok(&["issuer", "notice", "publish", paper])["published"]["notice"],
        1
    );
    for bank in [&stage.bank, &stage.other] {
        stage.wait(bank, 1);
    }
    assert_eq!(matches(&stage.bank), matched(STRANGER_COMPANY, "blocked"));
    assert_eq!((matches(&stage.other), events(&stage.other)), (Vec::new(), Vec::new()));

    let wrong = stage.uuid(1);
    assert_eq!(stage.publish(&company("sletting", STRANGER_COMPANY, Some(&wrong))), 2);
    for bank in [&stage.bank, &stage.other] {
        stage.wait(bank, 2);
    }
    assert_eq!(matches(&stage.bank), matched(STRANGER_COMPANY, "reopened"));
    let expected = [
        event(1, STRANGER_COMPANY, "block"),
        event(2, STRANGER_COMPANY, "reopen"),
    ];
    assert_eq!(events(&stage.bank), expected);

    // Twice: published again, and gossiped again after a restart. Nothing happens a second time.
    assert_eq!(
        stage.register.ok(&["issuer", "notice", "publish", paper])["published"]["notice"],
        2
    );
    assert_eq!(stage.register.terminate(), 0);
    stage.register.serve(&[]);
    stage.hear();
    assert_eq!(stage.publish(&company("aapning", COMPANY, None)), 3);
    for bank in [&stage.bank, &stage.other] {
        stage.wait(bank, 3);
    }
    assert_eq!(events(&stage.bank), expected);
    assert_eq!(matches(&stage.other), matched(COMPANY, "blocked"));
    assert_eq!(events(&stage.other), [event(3, COMPANY, "block")]);
}

#[test]
fn a_bank_that_was_off_fills_the_gap_before_anything_after_it_acts_and_from_another_bank_too() {
    let mut stage = Stage::new();
    for bank in [&stage.bank, &stage.other] {
        stage.customers(bank, STRANGER_COMPANY);
    }
    assert_eq!(stage.publish(&company("aapning", STRANGER_COMPANY, None)), 1);
    stage.wait(&stage.other, 1);
    assert_eq!(stage.other.terminate(), 0);
    let opened = stage.uuid(1);
    assert_eq!(stage.publish(&company("sletting", STRANGER_COMPANY, Some(&opened))), 2);
    assert_eq!(stage.publish(&company("aapning", STRANGER_COMPANY, None)), 3);
    let again = stage.uuid(3);
    assert_eq!(stage.publish(&company("oppheving", STRANGER_COMPANY, Some(&again))), 4);
    stage.wait(&stage.bank, 4);
    // The register is away when the bank comes back: what is missing comes from the other one.
    assert_eq!(stage.register.terminate(), 0);
    stage.other.serve(&[]);
    stage.wait(&stage.other, 4);
    let expected = [
        event(1, STRANGER_COMPANY, "block"),
        event(2, STRANGER_COMPANY, "reopen"),
        event(3, STRANGER_COMPANY, "block"),
        event(4, STRANGER_COMPANY, "decide"),
    ];
    assert_eq!(events(&stage.other), expected, "in their order, each once");
    assert_eq!(events(&stage.bank), expected);
    let mut both = matches(&stage.other);
    both.sort();
    let states = ["bank_decides", "reopened"].map(|state| (STRANGER_COMPANY.to_owned(), state.to_owned()));
    assert_eq!(both, states);
}

#[test]
fn a_notice_about_a_person_is_matched_by_tag_and_names_nobody_anywhere() {
    let stage = Stage::new();
    let key = stage.file("key");
    let key = argument(&key);
    stage.register.ok(&["issuer", "notice", "key", "2026", "--out", key]);
    assert_eq!(stage.both_sign(key)["key"], "2026");
    stage.customers(&stage.bank, CITIZEN);
    stage.customers(&stage.other, PERSON);
    for bank in [&stage.bank, &stage.other] {
        until("the register has evaluated the customer's number", || {
            let said = bank.ok(&["verifier", "notices", "list"]);
            // A statement that was not there yet is asked for again within the hour: then nobody is untagged yet either.
            said["untagged"] == 0 && said["tagged"] == 1
        });
    }
    let person = |kind: &str, about: Option<&str>| json!({"type": kind, "debitor": {"fodselsnummer": CITIZEN}, "gjelderVarsel": about});
    assert_eq!(stage.publish(&person("aapning", None)), 1);
    let published = std::fs::read_to_string(stage.file("notice")).expect("reads");
    assert!(published.contains("merker") && !published.contains(CITIZEN));
    for bank in [&stage.bank, &stage.other] {
        stage.wait(bank, 1);
    }
    assert_eq!(matches(&stage.bank), matched(CITIZEN, "blocked"));
    assert_eq!((matches(&stage.other), events(&stage.other)), (Vec::new(), Vec::new()));
    let opened = stage.uuid(1);
    assert_eq!(stage.publish(&person("sletting", Some(&opened))), 2);
    stage.wait(&stage.bank, 2);
    assert_eq!(matches(&stage.bank), matched(CITIZEN, "reopened"));
    // In all homes, logs and papers: no number of a person, in no way of writing one.
    let mut scanner = Scanner::default();
    for number in [CITIZEN, PERSON] {
        scanner.text(number);
        scanner.encoded(number, number.as_bytes());
    }
    let (found, files, bytes) = scanner.folder(stage.network.folder(), &stage.file("passphrase"));
    assert!(found.is_empty(), "{found:?}");
    assert!(
        files > 30 && bytes > 100_000,
        "{files} files, {bytes} bytes were looked at"
    );
}

#[test]
fn a_register_that_lets_a_bank_have_one_number_a_day_refuses_the_second() {
    let mut stage = Stage::new();
    stage.set("evaluations_per_day = 1");
    let key = stage.file("key");
    let key = argument(&key);
    stage.register.ok(&["issuer", "notice", "key", "2026", "--out", key]);
    stage.both_sign(key);
    let import = ["verifier", "customers", "import", "-"];
    let imported = stage.bank.run_with(&import, &format!("{CITIZEN}\n{PERSON}\n"));
    assert_eq!(imported.expect(0).json()["report"]["added"], 2);
    stage.customers(&stage.other, PERSON);
    let refused = "bevis_refusals_total{of=\"/bevis/notice/1\",code=\"rate_limited\"} ";
    let counts = |bank: &Home| {
        let said = bank.ok(&["verifier", "notices", "list"]);
        (said["tagged"].as_u64(), said["untagged"].as_u64())
    };
    until("one number of the bank's is evaluated, and no second one", || {
        let metrics = crate::network::text(&stage.register.ok(&["node", "metrics"])["text"]);
        // Both numbers together, then the second alone.
        let times = metrics.lines().find_map(|line| line.strip_prefix(refused));
        times.is_some_and(|times| times.parse::<u64>().is_ok_and(|times| times >= 2))
            && counts(&stage.bank) == (Some(1), Some(1))
    });
    until("another bank has a count of its own", || {
        counts(&stage.other) == (Some(1), Some(0))
    });
}
