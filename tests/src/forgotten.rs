//! A grant's source is restored from a copy of before the withdrawal: it has forgotten that, and releases nothing all the same.

use crate::network::{BANK, IDENTITY, LOANS, Network, argument, import, receive, text, until};
use crate::process::Home;
use node::population::CITIZEN;
use serde_json::Value;

fn refused(bank: &Home, arguments: &[&str]) -> (String, Value) {
    let said = bank.run(arguments);
    assert_ne!(said.exit, 0, "{}", said.stdout);
    let problem: Value = serde_json::from_str(&said.stderr).expect("JSON");
    (text(&problem["code"]), problem["detail"].clone())
}

#[test]
fn a_source_that_forgot_a_withdrawal_releases_nothing_and_learns_of_it_when_the_holder_asks() {
    let network = Network::new();
    let [mut identity, mut loans, mut bank] = [IDENTITY, LOANS, BANK].map(|one| network.init(&one, &[]));
    let citizen = network.wallet("citizen", &[]);
    network.begin(
        &mut [(&IDENTITY, &mut identity), (&LOANS, &mut loans), (&BANK, &mut bank)],
        &[&citizen],
        &[],
    );
    let registers = network.population(40, 12);
    import(&identity, "C01", &registers);
    import(&loans, "C04", &registers);
    network.identify(&identity, &citizen, CITIZEN);
    let granted = |case: &str| {
        let arguments = ["verifier", "grants", "request", "--service", "S15", "--case", case];
        let asked = bank.ok(&[&arguments[..], &["--subject", CITIZEN]].concat());
        let id = receive(&citizen, asked["link"].as_str().expect("text"));
        let id = text(&citizen.ok(&["--yes", "wallet", "present", &id])["grant"]);
        let given = bank.ok(&["verifier", "grants", "list"]);
        let given = given["grants"].as_array().expect("a list").clone();
        let given = given.iter().find(|grant| grant["case"] == case).expect("given");
        (id, text(&given["name"]))
    };
    let (ended, name) = granted("NETTBANK-1");
    let (_, standing) = granted("NETTBANK-2");
    let copy = network.folder().join("copy");
    loans.ok(&["backup", "create", argument(&copy)]);
    let refresh = |name: &str| refused(&bank, &["verifier", "grants", "refresh", name, "--even-so"]);
    // A use that its holder is not told of before the withdrawal: so that the wallet asks for it later.
    bank.ok(&["verifier", "grants", "refresh", &name]);
    citizen.ok(&["wallet", "withdraw", &ended]);
    assert_eq!(refresh(&name), ("withdrawn".to_owned(), Value::Null));

    assert_eq!(loans.terminate(), 0);
    let mut restored = Home::new(network.folder(), "restored");
    restored.ok(&["backup", "restore", argument(&copy)]);
    restored.serve(&[]);
    let rests = |name: &str| refresh(name) == ("catching_up".to_owned(), Value::from("grant"));
    until("the source is up, and both rest", || rests(&name) && rests(&standing));
    // The holder asks how they were used: that says of one that it stands, and of the other that it does not.
    citizen.ok(&["wallet", "grants", "--ask"]);
    until("the source has heard again", || {
        citizen.run(&["wallet", "resume"]);
        refresh(&name) == ("withdrawn".to_owned(), Value::Null)
    });
    bank.ok(&["verifier", "grants", "refresh", &standing]);

    // The person asks the bank to delete what it has of the grant that stands: it is taken back first, and the bank states it.
    let history = citizen.ok(&["wallet", "history"]);
    let events = history["events"].as_array().expect("a list").clone();
    let entry = events
        .iter()
        .rfind(|event| event["what"] == "granted")
        .expect("granted");
    let entry = entry["id"].as_u64().expect("a number").to_string();
    let deleted = citizen.ok(&["wallet", "history", "delete-request", &entry]);
    assert_eq!(deleted["outcome"], "erased", "{deleted}");
    assert!(deleted["statement"].is_string());
    let list = citizen.ok(&["wallet", "grants"]);
    let states = list["grants"].as_array().expect("a list").iter();
    assert!(states.into_iter().all(|grant| grant["state"] == "withdrawn"));
}
