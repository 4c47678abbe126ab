//! Interoperability: a wallet that is written from `docs/protocol.md` alone, with none of our crates, against our nodes.

use crate::network::{BANK, IDENTITY, Network, TAX, argument, ask, import, offer, text, until};
use crate::process::{Home, Said, finish, foreign};
use node::population::CITIZEN;
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const C01: &str = "urn:eudi:pid:1";
const C02: &str = "urn:bevis:MonthlyIncome:1";

/// The other team's program with its one file.
struct Foreign(PathBuf);

impl Foreign {
    fn run(&self, arguments: &[&str], typed: &str) -> Said {
        let mut command = Command::new(foreign());
        command.arg(&self.0).args(arguments);
        finish(command, typed)
    }

    #[track_caller]
    fn ok(&self, arguments: &[&str], typed: &str) -> Value {
        self.run(arguments, typed).expect(0).json()
    }

    /// What it holds of a type.
    fn held(&self, command: &str, vct: &str) -> Value {
        let list = self.ok(&[command], "");
        let held = list["held"]
            .as_array()
            .expect("a list")
            .iter()
            .find(|held| held["vct"] == vct);
        held.unwrap_or_else(|| panic!("{vct} is not held")).clone()
    }
}

/// Identity provider, tax agency and bank with a small population, and the foreign wallet with the trust document.
fn begin() -> (Network, [Home; 3], Foreign) {
    let network = Network::new();
    let [mut identity, mut tax, mut bank] = [IDENTITY, TAX, BANK].map(|organisation| network.init(&organisation, &[]));
    let organisations = &mut [(&IDENTITY, &mut identity), (&TAX, &mut tax), (&BANK, &mut bank)];
    network.begin(organisations, &[], &[]);
    let registers = network.population(40, 12);
    import(&identity, "C01", &registers);
    import(&tax, "C02", &registers);
    let wallet = Foreign(network.folder().join("foreign.json"));
    let document = network.folder().join("trust.json");
    // Another network's root does not count, and nothing of the bundle is kept.
    let stranger = "0123 4567 89ab cdef ".repeat(4);
    wallet
        .run(&["trust", argument(&document), stranger.trim()], "")
        .expect_problem(1, "trust_mismatch");
    let trusted = wallet.ok(&["trust", argument(&document), network.fingerprint()], "");
    assert_eq!(trusted["sequence"], 1);
    (network, [identity, tax, bank], wallet)
}

fn collect_both(network: &Network, identity: &Home, tax: &Home, wallet: &Foreign) {
    let (link, code) = network.personal_offer(identity, CITIZEN);
    let wrong = wrong_code(network.folder());
    wallet
        .run(&["collect", &link, argument(&wrong)], "")
        .expect_problem(1, "wrong_code");
    let collected = wallet.ok(&["collect", &link, argument(&code)], "");
    assert_eq!(collected, json!({"outcome": "collected", "vct": C01}));

    // Nothing is shown before a person has said yes, and no copy is used up.
    let open = offer(tax, "C02");
    let unsaid = wallet.run(&["collect", &open], "\n").expect_problem(1, "not_confirmed");
    assert!(
        unsaid.stderr.contains(TAX.name) && unsaid.stderr.contains(CITIZEN),
        "{}",
        unsaid.stderr
    );
    assert_eq!(wallet.held("list", C01)["unused"], 16);
    let collected = wallet.ok(&["collect", &open], "yes\n");
    assert_eq!(collected, json!({"outcome": "collected", "vct": C02}));
    assert_eq!(wallet.held("list", C01)["unused"], 15);
    assert_eq!(wallet.held("list", C02)["claims"]["personidentifikator"], CITIZEN);
}

fn wrong_code(folder: &Path) -> PathBuf {
    let path = folder.join("wrong-code");
    std::fs::write(&path, "AAAA-AAAA-AAAA-AAAA\n").expect("writes");
    path
}

/// Waits until the bank has the tax agency's status lists: without them its verdict is *undecided*.
fn until_mirrored(bank: &Home) {
    until("the bank has mirrored", || {
        let status = bank.ok(&["node", "status"]);
        let mut lists = status["lists"].as_array().into_iter().flatten();
        let domain = TAX.did.replace("did:web:", "https://");
        let mut lists = lists
            .by_ref()
            .filter(|list| text(&list["uri"]).starts_with(&domain))
            .peekable();
        lists.peek().is_some() && lists.all(|list| list["version"] == list["newest"])
    });
}

/// What the bank says of a session that has ended.
fn watched(bank: &Home, session: &str, exit: i32) -> Value {
    let said = bank.run(&["verifier", "watch", session, "--seconds", "30"]);
    said.expect(exit).json()["session"].clone()
}

/// Amounts of all months.
fn amounts(claims: &Value) -> Vec<String> {
    let months = claims["oppgaveInntektsmottaker"].as_array().expect("months").iter();
    months.map(|month| text(&month["inntekt"][0]["beloep"])).collect()
}

#[test]
fn a_wallet_written_from_the_document_alone_collects_and_presents() {
    let (network, [identity, tax, bank], wallet) = begin();
    collect_both(&network, &identity, &tax, &wallet);

    until_mirrored(&bank);
    let (link, session) = ask(&bank, "S01", "LAN-1", CITIZEN, &["C02"]);
    let said = wallet.run(&["present", &link], "yes\n").expect(0);
    assert!(
        said.stderr.contains(BANK.name) && said.stderr.contains("LAN-1"),
        "{}",
        said.stderr
    );
    let shared = said.json();
    assert_eq!(
        (&shared["outcome"], &shared["receipt"]["verdict"]),
        (&json!("shared"), &json!("valid"))
    );
    let seen = watched(&bank, &session, 0);
    assert_eq!(
        (&seen["state"], &seen["verdict"]),
        (&json!("completed"), &json!("valid")),
        "{seen}"
    );
    let claims = &seen["claims"]["MonthlyIncome"];
    assert_eq!(claims["personidentifikator"], CITIZEN);
    assert_eq!(amounts(claims), amounts(&wallet.held("list", C02)["claims"]));
    assert!(!amounts(claims).is_empty());

    // The same wallet with one amount altered: the bank's verdict and the receipt say why.
    let (link, session) = ask(&bank, "S01", "LAN-2", CITIZEN, &["C02"]);
    let shared = wallet.ok(&["cheat", &link, "beloep", "999999.00"], "yes\n");
    let receipt = &shared["receipt"];
    assert_eq!(
        (&receipt["verdict"], &receipt["code"]),
        (&json!("invalid"), &json!("disclosure_invalid"))
    );
    let seen = watched(&bank, &session, 3);
    assert_eq!(
        (&seen["state"], &seen["verdict"]),
        (&json!("completed"), &json!("invalid")),
        "{seen}"
    );
    assert!(
        !seen.to_string().contains("999999.00"),
        "nothing of it is taken in: {seen}"
    );

    // An answered session takes no second answer.
    wallet
        .run(&["present", &link], "yes\n")
        .expect_problem(1, "unknown_session");
}

#[test]
fn an_answer_that_was_lost_is_sent_again_and_uses_up_no_second_copy() {
    let (network, [identity, tax, mut bank], wallet) = begin();
    collect_both(&network, &identity, &tax, &wallet);
    let (link, session) = ask(&bank, "S01", "LAN-1", CITIZEN, &["C02"]);

    // The bank's node dies while the person reads.
    let mut command = Command::new(foreign());
    command.arg(&wallet.0).args(["present", &link]);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut reading = command.spawn().expect("starts");
    let mut talk = reading.stderr.take().expect("piped");
    let mut read = Vec::new();
    while !read.ends_with(b"Type yes or no: ") {
        let mut byte = [0];
        talk.read_exact(&mut byte).expect("it asks");
        read.extend(byte);
    }
    bank.kill();
    reading
        .stdin
        .take()
        .expect("piped")
        .write_all(b"yes\n")
        .expect("writes");
    let output = reading.wait_with_output().expect("ends");
    let said: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(
        (output.status.code(), &said["code"]),
        (Some(1), &json!("unreachable")),
        "{said}"
    );
    assert_eq!(
        wallet.held("list", C02)["unused"],
        7,
        "the copy is used up before the answer leaves"
    );
    wallet.run(&["resend"], "").expect_problem(1, "unreachable");

    bank.serve(&[]);
    until_mirrored(&bank);
    let shared = wallet.ok(&["resend"], "");
    assert_eq!(shared["receipt"]["verdict"], "valid", "{shared}");
    assert_eq!(watched(&bank, &session, 0)["verdict"], "valid");
    assert_eq!(wallet.held("list", C02)["unused"], 7);
    wallet.run(&["resend"], "").expect_problem(1, "usage");
}

#[test]
fn a_wallet_written_from_the_document_alone_declines_and_sees_a_revocation() {
    let (network, [identity, tax, bank], wallet) = begin();
    collect_both(&network, &identity, &tax, &wallet);

    for (case, command, typed) in [("LAN-1", "present", "no\n"), ("LAN-2", "decline", "")] {
        let (link, session) = ask(&bank, "S01", case, CITIZEN, &["C02"]);
        assert_eq!(wallet.ok(&[command, &link], typed), json!({"outcome": "declined"}));
        let seen = watched(&bank, &session, 6);
        assert_eq!(
            (&seen["state"], &seen["code"]),
            (&json!("failed"), &json!("not_presented")),
            "{seen}"
        );
    }
    assert_eq!(wallet.held("list", C02)["unused"], 8, "a no uses nothing up");

    assert_eq!(
        wallet.held("list", C02)["states"],
        json!(["unknown"]),
        "nothing is mirrored yet"
    );
    assert_eq!(wallet.held("status", C02)["states"], json!(["valid"]));
    let issued = tax.ok(&["issuer", "status", "--type", "C02"]);
    let id = text(&issued["issued"][0]["id"]);
    tax.ok(&["issuer", "revoke", &id, "--reason", "test"]);
    until("revoked", || wallet.held("status", C02)["states"] == json!(["revoked"]));
    assert_eq!(
        wallet.held("list", C01)["states"],
        json!(["valid"]),
        "the other issuer's stays"
    );

    // What it knows to have ended it does not show.
    let (link, session) = ask(&bank, "S01", "LAN-3", CITIZEN, &["C02"]);
    wallet
        .run(&["present", &link], "yes\n")
        .expect_problem(1, "not_presented");
    let seen = bank.ok(&["verifier", "sessions", &session])["session"].clone();
    assert_eq!((&seen["state"], &seen["claims"]), (&json!("fetched"), &json!({})));
}
