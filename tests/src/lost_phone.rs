//! A wallet is lost: a new one with the same person's identification sees at the source what the lost one granted, and takes it back.

use crate::network::{BANK, IDENTITY, LOANS, Network, import, receive, text, until};
use crate::process::Home;
use node::population::CITIZEN;
use serde_json::Value;

fn code(home: &Home, arguments: &[&str]) -> String {
    let said = home.run(arguments);
    assert_ne!(said.exit, 0, "{}", said.stdout);
    let problem: Value = serde_json::from_str(&said.stderr).expect("JSON");
    text(&problem["code"])
}

fn whats(home: &Home) -> Vec<String> {
    let history = home.ok(&["wallet", "history"]);
    let events = history["events"].as_array().expect("a list").clone();
    events.iter().map(|event| text(&event["what"])).collect()
}

#[test]
fn a_new_wallet_of_the_same_person_sees_and_ends_what_the_lost_one_granted_and_anothers_does_not() {
    let network = Network::new();
    let [mut identity, mut loans, mut bank] = [IDENTITY, LOANS, BANK].map(|one| network.init(&one, &[]));
    let [lost, new] = ["lost", "new"].map(|name| network.wallet(name, &[]));
    network.begin(
        &mut [(&IDENTITY, &mut identity), (&LOANS, &mut loans), (&BANK, &mut bank)],
        &[&lost, &new],
        &[],
    );
    let registers = network.population(40, 12);
    import(&identity, "C01", &registers);
    import(&loans, "C04", &registers);
    network.identify(&identity, &lost, CITIZEN);
    network.identify(&identity, &new, CITIZEN);

    let asked = bank.ok(&[
        "verifier",
        "grants",
        "request",
        "--service",
        "S15",
        "--case",
        "NETTBANK-9",
        "--subject",
        CITIZEN,
    ]);
    let id = receive(&lost, asked["link"].as_str().expect("text"));
    lost.ok(&["--yes", "wallet", "present", &id]);
    let given = bank.ok(&["verifier", "grants", "list"]);
    let name = text(&given["grants"][0]["name"]);
    bank.ok(&["verifier", "grants", "refresh", &name]);
    drop(lost);

    let from = ["wallet", "grants", "--from", LOANS.did, "--type", "C04"];
    // Nothing is shown to the source before the person has said yes.
    let waiting = new.ok(&from);
    assert_eq!(waiting["outcome"], "waiting", "{waiting}");
    let id = text(&waiting["id"]);
    new.run(&["wallet", "present", &id]).expect_problem(6, "not_confirmed");
    assert!(!whats(&new).contains(&"reviewed".to_owned()));
    let shown = new.ok(&["--yes", "wallet", "present", &id]);
    assert_eq!(shown["outcome"], "standing", "{shown}");
    let found = &shown["grants"][0];
    assert_eq!((text(&found["name"]), &found["uses"]), (name.clone(), &1.into()));
    assert!(found["id"].is_null() && found["withdrawn"].is_null(), "{found}");
    bank.ok(&["verifier", "grants", "refresh", &name]);

    let ending = [&from[..], &["--end", name.as_str()]].concat();
    let id = text(&new.ok(&ending)["id"]);
    let ended = new.ok(&["--yes", "wallet", "present", &id]);
    assert!(ended["grants"][0]["withdrawn"].is_string(), "{ended}");
    assert_eq!(whats(&new).pop().as_deref(), Some("withdrawn"));
    assert_eq!(code(&bank, &["verifier", "grants", "refresh", &name]), "withdrawn");
    until("the source has told the bank", || {
        let given = bank.ok(&["verifier", "grants", "show", &name]);
        given["grant"]["state"] == "withdrawn" && given["grant"]["erasure"].is_string()
    });
}
