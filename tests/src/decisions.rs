//! The holder's decision: none without a person's yes, over exactly the text that was shown, durable before anything leaves.

use crate::network::{BANK, IDENTITY, Network, TAX, argument, ask, collect, import, receive, until};
use crate::process::{Home, finish};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use credentials::decision::Decision;
use node::output::sha256;
use node::population::CITIZEN;
use serde_json::{Value, json};

/// Decisions of a wallet, as its export has them, of one kind.
fn recorded(network: &Network, wallet: &Home, kind: &str) -> Vec<Value> {
    let file = network.folder().join("export.json");
    wallet.ok(&["wallet", "export", argument(&file)]);
    let export: Value = serde_json::from_slice(&std::fs::read(&file).expect("written")).expect("JSON");
    std::fs::remove_file(&file).expect("there");
    let decisions = export["decisions"].as_array().expect("decisions");
    decisions
        .iter()
        .filter(|decision| decision["kind"] == kind)
        .cloned()
        .collect()
}

/// The signed payloads of a decision: one for each copy that was shown, all of them equal.
fn signed(decision: &Value) -> Decision {
    let signed = decision["signed"].as_array().expect("signatures");
    let mut payloads = signed
        .iter()
        .map(|jws| Decision::open(jws.as_str().expect("a JWS")).expect("signed").0);
    let first = payloads.next().expect("a copy was shown");
    assert!(payloads.all(|other| other == first));
    first
}

fn hash(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(sha256(text.as_bytes()))
}

/// A citizen with an income credential, and a bank.
fn small(network: &Network) -> [Home; 4] {
    let [mut identity, mut tax, mut bank] = [IDENTITY, TAX, BANK].map(|organisation| network.init(&organisation, &[]));
    let citizen = network.wallet("citizen", &[]);
    let organisations = &mut [(&IDENTITY, &mut identity), (&TAX, &mut tax), (&BANK, &mut bank)];
    network.begin(organisations, &[&citizen], &[]);
    let registers = network.population(40, 12);
    import(&identity, "C01", &registers);
    import(&tax, "C02", &registers);
    network.identify(&identity, &citizen, CITIZEN);
    collect(&citizen, &tax, "C02");
    [identity, tax, bank, citizen]
}

#[test]
fn a_decision_covers_exactly_the_text_that_was_shown() {
    let network = Network::new();
    let [_identity, _tax, mut bank, citizen] = small(&network);
    let mut shown = Vec::new();
    for (language, case) in [("nb", "LAN-1"), ("en", "LAN-2")] {
        let (link, _) = ask(&bank, "S01", case, CITIZEN, &["C02"]);
        let id = receive(&citizen, &link);
        // Read without deciding: the text for the person, and nothing on stdout.
        let typed = citizen.typed(&["--lang", language, "--no-input", "wallet", "present", &id]);
        let read = finish(typed, "").expect(6);
        assert_eq!(read.stdout, "");
        let presented = citizen
            .run(&["--lang", language, "--yes", "wallet", "present", &id])
            .expect(0);
        // The text, and the end of the line that the terminal needs.
        let text_shown = presented.stderr.strip_suffix('\n').expect("a line's end");
        assert!(
            read.stderr.starts_with(&presented.stderr),
            "the same text with and without --yes: {read:?}"
        );
        assert!(
            text_shown.contains(case) && text_shown.contains(CITIZEN),
            "{text_shown}"
        );
        shown.push((language, case, text_shown.to_owned()));
    }
    assert_ne!(shown[0].2, shown[1].2.replace("LAN-2", "LAN-1"));
    let decisions = recorded(&network, &citizen, "present");
    assert_eq!(decisions.len(), 2);
    for (language, _, text_shown) in &shown {
        let decision = decisions
            .iter()
            .map(signed)
            .find(|decision| decision.language == *language)
            .expect("signed");
        assert_eq!(decision.text, hash(text_shown));
        assert_ne!(decision.text, hash(&format!("{text_shown} ")));
        assert_eq!(decision.outcome, "shared");
    }

    // The decision is durable before the answer leaves: with the bank away, it is there and nothing was received.
    let (link, session) = ask(&bank, "S01", "LAN-3", CITIZEN, &["C02"]);
    let id = receive(&citizen, &link);
    bank.kill();
    citizen
        .run(&["--yes", "wallet", "present", &id])
        .expect_problem(5, "unreachable");
    let third = recorded(&network, &citizen, "present");
    assert_eq!(third.len(), 3);
    let history = citizen.ok(&["wallet", "history"]);
    let last = history["events"]
        .as_array()
        .expect("events")
        .iter()
        .rfind(|e| e["what"] == "shared")
        .expect("recorded")
        .clone();
    assert!(last["receipt"].is_null(), "{last}");
    bank.serve(&[]);
    let open = bank.ok(&["verifier", "sessions", &session])["session"].clone();
    assert_eq!((&open["state"], &open["verdict"]), (&json!("fetched"), &Value::Null));
    // Going on sends what was decided, and decides nothing anew.
    until("shared", || {
        citizen.run(&["--yes", "wallet", "present", &id]).json()["outcome"] == "shared"
    });
    assert_eq!(recorded(&network, &citizen, "present"), third);
    assert_eq!(bank.ok(&["verifier", "watch", &session])["session"]["verdict"], "valid");
}

#[test]
fn nothing_is_presented_without_a_yes() {
    let network = Network::new();
    let [_identity, _tax, bank, citizen] = small(&network);
    let before = recorded(&network, &citizen, "identify");
    let (link, session) = ask(&bank, "S01", "LAN-1", CITIZEN, &["C02"]);
    let id = receive(&citizen, &link);
    citizen
        .run(&["wallet", "present", &id])
        .expect_problem(6, "not_confirmed");
    // A word in a pipe is no person at a terminal.
    for word in ["ja\n", "yes\n", ""] {
        let said = finish(citizen.typed(&["wallet", "present", &id]), word).expect(6);
        assert!(said.stderr.contains("not_confirmed"), "{said:?}");
    }
    assert_eq!(recorded(&network, &citizen, "present"), Vec::<Value>::new());
    assert_eq!(recorded(&network, &citizen, "identify"), before);
    let history = citizen.ok(&["wallet", "history"]);
    assert!(
        history["events"]
            .as_array()
            .expect("events")
            .iter()
            .all(|event| event["what"] != "shared")
    );
    let open = bank.ok(&["verifier", "sessions", &session])["session"].clone();
    assert_eq!((&open["state"], &open["verdict"]), (&json!("fetched"), &Value::Null));
    // The twin: with a yes it goes through.
    assert_eq!(citizen.ok(&["--yes", "wallet", "present", &id])["outcome"], "shared");
    assert_eq!(bank.ok(&["verifier", "watch", &session])["session"]["verdict"], "valid");
}
