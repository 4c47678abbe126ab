//! A restored home.

use super::refused;
use crate::intruder::{Intruder, trust};
use crate::network::{BANK, IDENTITY, LOANS, Network, TAX, argument, ask, text, try_ask, until};
use crate::process::{Home, Said};
use crate::refusals::line;
use crate::spread::{counted, found};
use credentials::protocol::{self, hello, issuance, notice, presentation, status, trust as trusting};
use credentials::{Code, Did};
use node::network::Protocol;
use node::population::CITIZEN;
use serde_json::json;

/// How often a question is asked until it is answered.
const ATTEMPTS: usize = 8;

/// What would be given out of a restored home: the code of each refusal, `None` for an answer.
struct Ways {
    stranger: Intruder,
    folder: std::path::PathBuf,
}

impl Ways {
    /// The code of what an organisation answers.
    fn answered(&self, to: &str, protocol: Protocol, ask: &impl serde::Serialize) -> Option<Code> {
        let body = protocol::encode(ask).expect("encodes");
        // A connection to a process that has ended since is noticed by the first questions on it.
        let mut answers = (0..ATTEMPTS).map(|_| self.stranger.send(to, protocol, body.clone()));
        let answer = answers.find_map(Result::ok).expect("answered");
        match protocol::decode(&answer, hello::LIMIT) {
            Ok(hello::Reply::Problem(problem)) => Some(problem.code),
            _ => None,
        }
    }

    /// What a bank gives out: a verdict, a request to whoever fetches it, states of what it mirrors, notices it has received.
    fn of_a_bank(&self, bank: &Home) -> Vec<(&'static str, Option<Code>)> {
        let session = "A".repeat(22);
        let register = TAX.did.to_owned();
        let issuer = Did::parse(TAX.did).expect("a DID");
        vec![
            (
                "a verdict",
                told(&bank.run_with(&["verifier", "check", "-"], "no credential")),
            ),
            (
                "a request",
                self.answered(BANK.did, Protocol::Present, &presentation::Ask::Fetch { session }),
            ),
            (
                "states of others",
                self.answered(BANK.did, Protocol::Status, &status::Ask::HeadOf { issuer }),
            ),
            (
                "notices of others",
                self.answered(BANK.did, Protocol::Notice, &notice::Ask::Newest { register }),
            ),
        ]
    }

    /// What an issuer gives out.
    fn of_an_issuer(&self, issuer: &Home) -> Vec<(&'static str, Option<Code>)> {
        let out = self.folder.join("out");
        let drawn = issuer.ok(&["issuer", "status"]);
        let uri = drawn["lists"][0]["uri"]
            .as_str()
            .unwrap_or("https://example.com/1")
            .to_owned();
        let paper = self.folder.join("paper.json");
        std::fs::write(&paper, "{}").expect("writes");
        let said = |arguments: &[&str]| told(&issuer.run(arguments));
        let begin = issuance::Ask::Begin {
            vct: "urn:bevis:MonthlyIncome:1".to_owned(),
            offer: None,
            organisation: None,
        };
        let own = Did::parse(TAX.did).expect("a DID");
        let register = TAX.did.to_owned();
        vec![
            ("an offer", said(&["issuer", "offer", "--type", "C02"])),
            (
                "a list for others' programs",
                said(&["issuer", "bitstring", &uri, "--out", argument(&out)]),
            ),
            ("endings", said(&["issuer", "publish"])),
            (
                "a draft of a notice",
                said(&["issuer", "notice", "draft", argument(&paper), "--out", argument(&out)]),
            ),
            (
                "a checkpoint",
                said(&["issuer", "notice", "checkpoint", "--out", argument(&out)]),
            ),
            ("terms", self.answered(TAX.did, Protocol::Issue, &begin)),
            (
                "a head of its lists",
                self.answered(TAX.did, Protocol::Status, &status::Ask::HeadOf { issuer: own }),
            ),
            (
                "its newest notice",
                self.answered(TAX.did, Protocol::Notice, &notice::Ask::Newest { register }),
            ),
        ]
    }
}

/// The code in what a command said.
fn told(said: &Said) -> Option<Code> {
    serde_json::from_value(said.json()["code"].clone()).ok()
}

/// All of them, and none of them, wait for heads.
#[track_caller]
fn expect_waiting(is_waiting: bool, ways: Vec<(&str, Option<Code>)>) {
    for (what, code) in ways {
        assert_eq!(code == Some(Code::CatchingUp), is_waiting, "{what}: {code:?}");
    }
}

#[test]
fn a_restored_home_gives_nothing_out_until_heads_of_three_organisations_were_taken() {
    let network = Network::new();
    let [mut identity, mut tax, mut loans, mut bank] =
        [IDENTITY, TAX, LOANS, BANK].map(|organisation| network.init(&organisation, &[]));
    network.begin(
        &mut [
            (&IDENTITY, &mut identity),
            (&TAX, &mut tax),
            (&LOANS, &mut loans),
            (&BANK, &mut bank),
        ],
        &[],
        &[],
    );
    // Before: nothing is waited for.
    ask(&bank, "S01", "LAN-1", CITIZEN, &["C02"]);
    let copies = ["bank.copy", "tax.copy"].map(|name| network.folder().join(name));
    bank.ok(&["backup", "create", argument(&copies[0])]);
    tax.ok(&["backup", "create", argument(&copies[1])]);
    let ways = Ways {
        stranger: Intruder::new(&trust(&network, &network.folder().join("trust.json"))),
        folder: network.folder().to_owned(),
    };
    expect_waiting(false, ways.of_a_bank(&bank));
    expect_waiting(false, ways.of_an_issuer(&tax));
    for home in [&mut bank, &mut identity, &mut tax, &mut loans] {
        home.kill();
    }
    let mut bank = Home::new(network.folder(), "bank-back");
    bank.ok(&["backup", "restore", argument(&copies[0])]);
    bank.serve(&[]);
    let kind = "home restored and behind";
    let cannot = |bank: &Home| line(kind).expect_json(try_ask(bank, "S01", "LAN-2", CITIZEN, &["C02"]));
    let has = |taken: &str| found(&bank, "caught-up").is_some_and(|finding| finding["detail"] == taken);
    cannot(&bank);
    let arguments = [
        "--service",
        "S01",
        "--case",
        "LAN-2",
        "--subject",
        CITIZEN,
        "--type",
        "C02",
    ];
    refused(&bank, kind, &[&["verifier", "request"], &arguments[..]].concat());
    assert!(has("0/3"), "{:?}", found(&bank, "caught-up"));
    assert_eq!(bank.ok(&["node", "status"])["caught_up"], json!(false));
    assert_eq!(counted(&bank, "bevis_caught_up"), 0);
    expect_waiting(true, ways.of_a_bank(&bank));
    // The trust list is public and signed: others may need it of this home.
    let head = ways.answered(BANK.did, Protocol::Trust, &trusting::Ask::Head);
    assert_eq!(head, None);

    identity.serve(&[]);
    until("one head", || has("1/3"));
    let mut tax = Home::new(network.folder(), "tax-back");
    tax.ok(&["backup", "restore", argument(&copies[1])]);
    tax.serve(&[]);
    until("two heads", || has("2/3"));
    cannot(&bank);
    let awaits = || found(&tax, "caught-up").map(|finding| text(&finding["detail"]));
    until("two heads at the other", || awaits().as_deref() == Some("2/3"));
    expect_waiting(true, ways.of_an_issuer(&tax));
    // What was done is remembered.
    assert_eq!(bank.terminate(), 0);
    bank.serve(&[]);
    let has = |taken: &str| found(&bank, "caught-up").is_some_and(|finding| finding["detail"] == taken);
    assert!(has("2/3"), "{:?}", found(&bank, "caught-up"));
    cannot(&bank);
    loans.serve(&[]);
    until("three heads", || found(&bank, "caught-up").is_none());
    ask(&bank, "S01", "LAN-2", CITIZEN, &["C02"]);
    assert_eq!(counted(&bank, "bevis_caught_up"), 1);
    expect_waiting(false, ways.of_a_bank(&bank));
    until("three heads at the other", || awaits().is_none());
    expect_waiting(false, ways.of_an_issuer(&tax));
}
