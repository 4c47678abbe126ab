//! Who opens a company's wallet.

use super::{NUMBERS, begin};
use crate::intruder::expect_log;
use crate::network::{IDENTITY, Network, REGISTRY, import, offer, receive, state_of, text, until};
use crate::process::{Home, finish};
use crate::refusals::{Line, line};
use node::population::{CARRIER, CITIZEN, STRANGER};
use serde_json::json;
use std::path::Path;

/// A company's wallet asks a person to open it: the text that comes back, for the company's wallet to take.
fn opened_by(company: &Home, person: &Home, registry: &Home) -> String {
    let carry = company.ok(&["wallet", "receive", &offer(registry, "C06")]);
    assert_eq!(carry["outcome"], "carry");
    let id = receive(person, &text(&carry["text"]));
    text(&person.ok(&["--yes", "wallet", "present", &id])["text"])
}

/// What the company's wallet is told when somebody opens it who may not, in JSON and in two languages.
fn expect_not_opened(line: &Line, company: &Home, person: &Home, registry: &Home) {
    let back = opened_by(company, person, registry);
    line.expect_json(company.run_with(&["wallet", "receive", "-"], &format!("{back}\n")));
    for language in ["nb", "en"] {
        let back = opened_by(company, person, registry);
        let typed = company.typed(&["--lang", language, "wallet", "receive", "-"]);
        line.expect_text(finish(typed, &format!("{back}\n")), language);
    }
    expect_log(registry, line.code, &NUMBERS);
}

/// The company's wallet is opened, and holds the registration.
fn expect_opened(company: &Home, person: &Home, registry: &Home) -> String {
    let back = opened_by(company, person, registry);
    let collected = company
        .run_with(&["wallet", "receive", "-"], &format!("{back}\n"))
        .expect(0)
        .json();
    assert_eq!(collected["outcome"], "collected");
    text(&collected["credentials"][0])
}

#[test]
fn a_companys_wallet_is_opened_by_who_has_a_role_in_it() {
    let line = line("company opened by a person without a role");
    let network = Network::new();
    let [mut identity, mut registry] = [IDENTITY, REGISTRY].map(|organisation| network.init(&organisation, &[]));
    let (citizen, stranger) = (network.wallet("citizen", &[]), network.wallet("stranger", &[]));
    let company = network.wallet("company", &["--organisation", CARRIER]);
    begin(
        &network,
        &mut [(&IDENTITY, &mut identity), (&REGISTRY, &mut registry)],
        &[&citizen, &stranger, &company],
    );
    network.identify(&identity, &citizen, CITIZEN);
    network.identify(&identity, &stranger, STRANGER);
    expect_not_opened(line, &company, &stranger, &registry);
    assert_eq!(registry.ok(&["issuer", "status", "--type", "C06"])["issued"], json!([]));
    expect_opened(&company, &citizen, &registry);
}

/// Imports the companies again, the carrier's row with a text replaced.
fn import_changed(registry: &Home, registers: &Path, from: &str, to: &str) {
    let file = registers.join("company.jsonl");
    let before = std::fs::read_to_string(&file).expect("reads");
    let is_carrier = format!("\"{CARRIER}\"");
    let after: String = before
        .lines()
        .map(|line| match line.contains(&is_carrier) {
            true => line.replace(from, to) + "\n",
            false => line.to_owned() + "\n",
        })
        .collect();
    assert_ne!(before, after, "the row says {from}");
    std::fs::write(&file, after).expect("writes");
    assert_eq!(import(registry, "C06", registers)["changed"], 1);
}

#[test]
fn an_ended_role_and_a_dead_holder_open_no_companys_wallet() {
    let line = line("company opened by a person whose role ended");
    let network = Network::new();
    let [mut identity, mut registry] = [IDENTITY, REGISTRY].map(|organisation| network.init(&organisation, &[]));
    let (mut citizen, mut company) = (
        network.wallet("citizen", &[]),
        network.wallet("company", &["--organisation", CARRIER]),
    );
    let begun = begin(
        &network,
        &mut [(&IDENTITY, &mut identity), (&REGISTRY, &mut registry)],
        &[&citizen, &company],
    );
    // Commands of a wallet that runs share its connections: each by itself says hello, and hellos have a rate.
    citizen.serve(&[]);
    company.serve(&[]);
    network.identify(&identity, &citizen, CITIZEN);

    for (holds, voids) in [
        ("\"avregistrert\":false", "\"avregistrert\":true"),
        ("\"erDoed\":false", "\"erDoed\":true"),
    ] {
        let before = expect_opened(&company, &citizen, &registry);
        import_changed(&registry, &begun.registers, holds, voids);
        // What was opened under the role ends with it, for others when the endings of the day come out.
        registry.ok(&["issuer", "publish"]);
        until("revoked", || state_of(&company, &before) == "revoked");
        expect_not_opened(line, &company, &citizen, &registry);
        import_changed(&registry, &begun.registers, voids, holds);
    }
    expect_opened(&company, &citizen, &registry);
}
