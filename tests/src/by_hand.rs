//! The story by hand: from nine `bevis init`s to verdicts, by the commands that a person types.

use crate::network::{
    BANK, GUARANTOR, IDENTITY, LOANS, Network, REGISTRY, ROADS, TAX, argument, ask, collect, import, offer, receive,
    share, state_of, text, try_ask, until,
};
use crate::process::Home;
use credentials::identifier::PersonNumber;
use node::population::{CARRIER, CITIZEN, STRANGER};
use serde_json::{Value, json};
use std::path::Path;

/// Replaces an amount everywhere in one person's row of a register file.
fn change_row(file: &Path, number: &str, from: &str, to: &str) {
    let before = std::fs::read_to_string(file).expect("reads");
    let change = |line: &str| match line.contains(number) {
        true => line.replace(from, to),
        false => line.to_owned(),
    };
    let after: String = before.lines().map(|line| change(line) + "\n").collect();
    assert_ne!(before, after, "the row has the amount");
    std::fs::write(file, after).expect("writes");
}

/// A person number, with its line's end, of nobody in the registers: everybody there was born in 1950 or later.
fn nobody() -> String {
    let number = PersonNumber::synthetic(13, 1, 1944, 10).expect("a number");
    format!("{}\n", number.as_str())
}

/// What a wallet held, as paths and values.
fn claims(wallet: &Home, id: &str) -> Vec<(String, Value)> {
    let shown = wallet.ok(&["wallet", "show", id]);
    let claims = shown["credential"]["claims"].as_array().expect("claims").clone();
    claims
        .iter()
        .map(|claim| (text(&claim["path"]), claim["value"].clone()))
        .collect()
}

#[test]
fn the_story_goes_by_hand_from_nine_inits() {
    let network = Network::new();
    let [mut identity, mut tax, mut loans] =
        [IDENTITY, TAX, LOANS].map(|organisation| network.init(&organisation, &[]));
    let [mut guarantor, mut registry] = [GUARANTOR, REGISTRY].map(|organisation| network.init(&organisation, &[]));
    let [mut bank, mut roads] = [BANK, ROADS].map(|organisation| network.init(&organisation, &[]));
    let mut citizen = network.wallet("citizen", &[]);
    let mut company = network.wallet("company", &["--organisation", CARRIER]);

    let whoami = bank.ok(&["whoami"]);
    assert_eq!(
        (&whoami["roles"], &whoami["card"]["did"]),
        (&json!(["verifier"]), &json!(BANK.did))
    );
    assert_eq!(company.ok(&["whoami"])["organisation"], CARRIER);
    assert_eq!(network.anchor().ok(&["whoami"])["anchor"]["id"], "anchor");
    // Nobody is trusted before the anchor has said so.
    try_ask(&bank, "S01", "LAN-0", CITIZEN, &[]).expect_problem(4, "trust_missing");

    network.begin(
        &mut [
            (&IDENTITY, &mut identity),
            (&TAX, &mut tax),
            (&LOANS, &mut loans),
            (&GUARANTOR, &mut guarantor),
            (&REGISTRY, &mut registry),
            (&BANK, &mut bank),
            (&ROADS, &mut roads),
        ],
        &[&citizen, &company],
        &[],
    );
    for wallet in [&mut citizen, &mut company] {
        wallet.serve(&[]);
    }
    let trust = citizen.ok(&["trust", "show"]);
    assert_eq!(
        (&trust["sequence"], trust["organisations"].as_array().map(Vec::len)),
        (&json!(1), Some(7))
    );
    for home in [
        &identity, &tax, &loans, &guarantor, &registry, &bank, &roads, &citizen, &company,
    ] {
        let doctor = home.ok(&["doctor", "--strict"]);
        assert_eq!(doctor["state"], "ok", "{doctor}");
    }

    let registers = network.population(40, 12);
    for (issuer, credential_type) in [
        (&identity, "C01"),
        (&tax, "C02"),
        (&tax, "C03"),
        (&loans, "C04"),
        (&guarantor, "C05"),
        (&registry, "C06"),
    ] {
        let report = import(issuer, credential_type, &registers);
        assert_eq!(
            (&report["new"], &report["rejected"]),
            (&report["rows"], &json!(0)),
            "{credential_type}"
        );
    }

    collect_all(
        &network,
        [&identity, &tax, &loans, &guarantor, &registry],
        [&citizen, &company],
    );
    present_all([&bank, &roads], [&citizen, &company]);
    refuse(&bank, &citizen);
    change_states(&network, &tax, &bank, &citizen);

    assert_eq!(tax.stop(), 0);
    // An issuer that is away can neither be asked for an offer's terms nor greeted.
    assert_eq!(
        bank.run(&["node", "ping", TAX.did])
            .expect_problem(5, "unreachable")
            .exit,
        5
    );
    for mut home in [identity, loans, guarantor, registry, bank, roads, citizen, company] {
        assert_eq!(home.stop(), 0);
    }
}

/// Step 2 of the story: six types into two wallets.
fn collect_all(network: &Network, issuers: [&Home; 5], wallets: [&Home; 2]) {
    let [identity, tax, loans, guarantor, registry] = issuers;
    let [citizen, company] = wallets;
    // A personal offer is for somebody who is in the register, and opens with its code only.
    let personal = ["issuer", "offer", "--type", "C01", "--subject", "-"];
    identity.run_with(&personal, &nobody()).expect_problem(10, "no_data");
    let (link, code) = network.personal_offer(identity, CITIZEN);
    let wrong = network.folder().join("wrong-code");
    std::fs::write(&wrong, "AAAA-AAAA-AAAA-AAAA").expect("writes");
    citizen
        .run(&["wallet", "receive", &link, "--code-file", argument(&wrong)])
        .expect_problem(7, "wrong_code");
    let collected = citizen.ok(&["wallet", "receive", &link, "--code-file", argument(&code)]);
    assert_eq!(collected["outcome"], "collected");

    let income = collect(citizen, tax, "C02");
    assert!(
        claims(citizen, &income)
            .iter()
            .any(|(path, value)| path == "personidentifikator" && *value == json!(CITIZEN))
    );
    collect(citizen, tax, "C03");
    collect(citizen, loans, "C04");

    // A company's wallet cannot collect a licence's guarantee before it can show which company it is.
    let id = receive(company, &offer(guarantor, "C05"));
    company
        .run(&["--yes", "wallet", "present", &id])
        .expect_problem(6, "not_presented");
    company.ok(&["wallet", "refuse", &id]);

    // The company's wallet is opened by its general manager: two texts are carried, and both screens show the same words.
    let carry = company.ok(&["wallet", "receive", &offer(registry, "C06")]);
    assert_eq!(carry["outcome"], "carry");
    let words = text(&carry["words"]);
    let id = receive(citizen, &text(&carry["text"]));
    let read = citizen
        .run(&["--lang", "en", "--yes", "wallet", "present", &id])
        .expect(0);
    assert!(
        read.stderr.contains(&format!("Check words: {words}\n")),
        "{}",
        read.stderr
    );
    let back = text(&read.json()["text"]);
    assert!(text(&carry["text"]).starts_with("bevis:authorise/") && back.starts_with("bevis:authorised/"));
    let collected = company
        .run_with(&["wallet", "receive", "-"], &format!("{back}\n"))
        .expect(0)
        .json();
    assert_eq!(collected["outcome"], "collected");
    collect(company, guarantor, "C05");

    let types = |wallet: &Home| {
        let list = wallet.ok(&["wallet", "list"]);
        let held = list["credentials"].as_array().expect("a list").iter();
        let mut types: Vec<String> = held
            .map(|held| format!("{} {}", text(&held["type"]), text(&held["state"])))
            .collect();
        types.sort();
        types
    };
    let held = ["MonthlyIncome", "StudentLoanBalance", "TaxAssessmentSummary"];
    let mut held: Vec<String> = held.map(|name| format!("urn:bevis:{name}:1 valid")).into();
    held.push("urn:eudi:pid:1 valid".to_owned());
    // What ends tomorrow says so.
    let soon = |types: Vec<String>| {
        types
            .into_iter()
            .map(|t| t.replace("expires_soon", "valid"))
            .collect::<Vec<_>>()
    };
    assert_eq!(soon(types(citizen)), held);
    let held = ["CompanyRegistration", "TransportLicenceGuarantee"].map(|name| format!("urn:bevis:{name}:1 valid"));
    assert_eq!(soon(types(company)), held);
    citizen
        .run(&["wallet", "show", "nothing"])
        .expect_problem(10, "not_found");
}

/// Step 3 of the story: four presentations, each with the claims that were asked for and no other.
fn present_all(askers: [&Home; 2], wallets: [&Home; 2]) {
    let [bank, roads] = askers;
    let [citizen, company] = wallets;
    let detail = share(bank, citizen, "S01", "LAN-2026-1", CITIZEN, &[]);
    let names: Vec<&String> = detail["claims"].as_object().expect("claims").keys().collect();
    assert_eq!(names, ["MonthlyIncome", "TaxAssessmentSummary"]);
    assert_eq!(detail["claims"]["MonthlyIncome"]["personidentifikator"], CITIZEN);
    assert_eq!(
        detail["claims"]["MonthlyIncome"]["derived"],
        Value::Null,
        "nobody asked for it"
    );
    let detail = share(bank, citizen, "S15", "NETTBANK-1", CITIZEN, &[]);
    assert_eq!(
        detail["claims"]["StudentLoanBalance"]["TotalAmount"]["amount"],
        "313651.00"
    );
    let detail = share(bank, company, "K01", "KUNDE-2026-7", CARRIER, &[]);
    assert_eq!(detail["claims"]["CompanyRegistration"]["navn"], "TREG LASTEBIL AS");
    let detail = share(roads, company, "S09", "LOYVE-2026-3", CARRIER, &[]);
    assert_eq!(
        detail["claims"]["TransportLicenceGuarantee"]["loeyvehaver"]["organisasjonsnummer"],
        CARRIER
    );

    let history = citizen.ok(&["wallet", "history"]);
    let count = |what: &str| {
        history["events"]
            .as_array()
            .expect("events")
            .iter()
            .filter(|e| e["what"] == what)
            .count()
    };
    assert_eq!(
        (
            count("shared"),
            count("identified"),
            count("authorised"),
            count("collected")
        ),
        (2, 3, 1, 4)
    );
    let sessions = bank.ok(&["verifier", "sessions"]);
    let sessions = sessions["sessions"].as_array().expect("sessions");
    assert!(sessions.len() == 3 && sessions.iter().all(|session| session["state"] == "completed"));
}

/// Whether a request waits that the wallet could answer.
fn can_answer(wallet: &Home, id: &str) -> bool {
    let waiting = wallet.ok(&["wallet", "requests"]);
    let mine = waiting["requests"]
        .as_array()
        .expect("a list")
        .iter()
        .find(|request| request["id"] == id);
    let mine = mine.expect("it waits");
    assert_eq!(mine["state"], "waiting");
    mine["can_answer"].as_bool().expect("yes or no")
}

/// A no, a request beyond the registration, requests for somebody else, and what is not there.
fn refuse(bank: &Home, citizen: &Home) {
    let (link, session) = ask(bank, "S01", "LAN-2026-4", CITIZEN, &["C02"]);
    bank.run(&["verifier", "watch", &session, "--seconds", "0"])
        .expect_problem(5, "unreachable");
    let id = receive(citizen, &link);
    assert!(can_answer(citizen, &id));
    assert_eq!(citizen.ok(&["wallet", "refuse", &id])["outcome"], "refused");
    let said = bank
        .run(&["verifier", "watch", &session, "--seconds", "30"])
        .expect(6)
        .json();
    assert_eq!(
        (&said["session"]["state"], &said["session"]["code"]),
        (&json!("failed"), &json!("not_presented"))
    );
    // What was answered for the company stays until it expires, so that its text can be carried again; nothing else waits.
    let waiting = citizen.ok(&["wallet", "requests"]);
    assert!(
        waiting["requests"]
            .as_array()
            .expect("a list")
            .iter()
            .all(|r| r["kind"] == "authorise"),
        "{waiting}"
    );

    try_ask(bank, "S01", "LAN-2026-5", CITIZEN, &["C04"]).expect_problem(7, "over_ask");
    try_ask(bank, "S09", "LAN-2026-5", CITIZEN, &[]).expect_problem(7, "not_licensed");
    bank.run(&["verifier", "sessions", "AAAAAAAAAAAAAAAAAAAAAA"])
        .expect_problem(10, "unknown_session");
    bank.run(&["wallet", "list"]).expect_problem(9, "wrong_role");
    assert_eq!(bank.run(&["verifier", "forget"]).exit, 2);
    let cut = link.get(..link.len() - 3).expect("longer");
    citizen
        .run(&["wallet", "receive", cut])
        .expect_problem(3, "link_invalid");

    // The answer is about the citizen, and the case about somebody else: the bank learns nothing, and its session stays open.
    let (link, session) = ask(bank, "S01", "LAN-2026-6", STRANGER, &["C02"]);
    let id = receive(citizen, &link);
    citizen
        .run(&["--yes", "wallet", "present", &id])
        .expect_problem(3, "wrong_subject");
    let detail = bank.ok(&["verifier", "sessions", &session])["session"].clone();
    assert_eq!(
        (&detail["state"], &detail["verdict"], &detail["claims"]),
        (&json!("fetched"), &Value::Null, &json!({}))
    );
}

/// Suspend and reinstate, revoke one, revoke everything of a lost device: what the wallet's list says, and what can be shown.
fn change_states(network: &Network, tax: &Home, bank: &Home, citizen: &Home) {
    let cannot = |case: &str, types: &[&str]| {
        let (link, session) = ask(bank, "S01", case, CITIZEN, types);
        let id = receive(citizen, &link);
        assert!(!can_answer(citizen, &id));
        citizen
            .run(&["--yes", "wallet", "present", &id])
            .expect_problem(6, "not_presented");
        citizen.ok(&["wallet", "refuse", &id]);
        bank.run(&["verifier", "watch", &session, "--seconds", "30"]).expect(6);
    };
    let list = citizen.ok(&["wallet", "list"]);
    let held = |vct: &str| {
        let found = list["credentials"]
            .as_array()
            .expect("a list")
            .iter()
            .find(|held| held["type"] == vct);
        text(&found.expect("held")["id"])
    };
    let (income, assessment) = (
        held("urn:bevis:MonthlyIncome:1"),
        held("urn:bevis:TaxAssessmentSummary:1"),
    );
    let issued = tax.ok(&["issuer", "status", "--type", "C03"]);
    let id = text(&issued["issued"][0]["id"]);

    assert_eq!(
        tax.ok(&["issuer", "suspend", &id, "--reason", "under review"])["changed"]["credentials"],
        1
    );
    until("suspended", || state_of(citizen, &assessment) == "suspended");
    cannot("LAN-2026-7", &["C03"]);
    assert_eq!(tax.ok(&["issuer", "reinstate", &id])["changed"]["credentials"], 1);
    until("valid again", || state_of(citizen, &assessment) == "valid");
    share_when_mirrored(bank, citizen, "LAN-2026-8", "C03");

    // A text that was copied out of the wallet is valid until it is revoked, and then is not.
    let file = network.folder().join("export.json");
    citizen.ok(&["wallet", "export", argument(&file)]);
    let export: Value = serde_json::from_slice(&std::fs::read(&file).expect("written")).expect("JSON");
    let copied = export["credentials"]
        .as_array()
        .expect("all")
        .iter()
        .find(|held| held["id"] == income.as_str());
    let copied = text(&copied.expect("there")["copies"][0]["credential"]);
    let check = || bank.run_with(&["verifier", "check", "-"], &copied);
    assert_eq!(check().expect(0).json()["verdict"], "valid");
    let altered = copied.replacen(['A', 'Q'], "B", 1);
    assert_eq!(
        bank.run_with(&["verifier", "check", "-"], &altered).expect(3).json()["verdict"],
        "invalid"
    );

    let issued = tax.ok(&["issuer", "status", "--type", "C02"]);
    let id = text(&issued["issued"][0]["id"]);
    assert_eq!(
        tax.ok(&["issuer", "revoke", &id, "--reason", "wrong row"])["changed"]["credentials"],
        1
    );
    tax.run(&["issuer", "reinstate", &id]).expect_problem(3, "revoked");
    until("revoked", || state_of(citizen, &income) == "revoked");
    cannot("LAN-2026-9", &["C02"]);
    until("the bank knows", || check().exit == 3);
    assert_eq!(check().json()["code"], "revoked");

    // A lost device: everything of that person at this issuer, the number on standard input.
    let lost = tax.run_with(
        &["issuer", "revoke", "--subject", "-", "--reason", "lost device"],
        &format!("{CITIZEN}\n"),
    );
    assert_eq!(
        lost.expect(0).json()["changed"]["credentials"],
        1,
        "the other was revoked already"
    );
    until("revoked", || state_of(citizen, &assessment) == "revoked");
    cannot("LAN-2026-10", &[]);
    let issued = tax
        .run_with(&["issuer", "status", "--subject", "-"], &format!("{CITIZEN}\n"))
        .expect(0)
        .json();
    let issued = issued["issued"].as_array().expect("a list");
    assert!(
        issued.len() == 2 && issued.iter().all(|one| one["state"] == "revoked"),
        "{issued:?}"
    );
    let gone = tax.run_with(&["issuer", "revoke", "--subject", "-"], &nobody());
    gone.expect_problem(10, "no_data");

    // A person who is still in the register collects anew.
    let fresh = collect(citizen, tax, "C02");
    assert_eq!(state_of(citizen, &fresh), "valid");
    citizen
        .run(&["wallet", "delete", &income])
        .expect_problem(6, "not_confirmed");
    citizen.ok(&["--yes", "wallet", "delete", &income]);
    citizen
        .run(&["wallet", "show", &income])
        .expect_problem(10, "not_found");
}

/// Shares once the asker has mirrored that the credential counts again: its verdict is by what it has mirrored, never by a
/// question to the issuer.
fn share_when_mirrored(bank: &Home, citizen: &Home, case: &str, credential_type: &str) {
    until("the bank knows", || {
        let issued = bank.ok(&["node", "status"]);
        let age = issued["mirrored"]
            .as_array()
            .into_iter()
            .flatten()
            .find(|head| head["issuer"] == TAX.did);
        age.is_some_and(|head| head["age_s"].as_i64().is_some_and(|age| age <= 1))
    });
    share(bank, citizen, "S01", case, CITIZEN, &[credential_type]);
}

#[test]
fn changing_one_register_row_changes_that_value_at_the_bank() {
    let network = Network::new();
    let [mut identity, mut tax, mut bank] = [IDENTITY, TAX, BANK].map(|organisation| network.init(&organisation, &[]));
    let mut citizen = network.wallet("citizen", &[]);
    let organisations = &mut [(&IDENTITY, &mut identity), (&TAX, &mut tax), (&BANK, &mut bank)];
    network.begin(organisations, &[&citizen], &[]);
    citizen.serve(&[]);
    let registers = network.population(40, 12);
    import(&identity, "C01", &registers);
    import(&tax, "C02", &registers);
    network.identify(&identity, &citizen, CITIZEN);

    let amounts = |detail: &Value| -> Vec<String> {
        let months = detail["claims"]["MonthlyIncome"]["oppgaveInntektsmottaker"]
            .as_array()
            .expect("months")
            .clone();
        months
            .iter()
            .map(|month| text(&month["inntekt"][0]["beloep"]))
            .collect()
    };
    let old = collect(&citizen, &tax, "C02");
    let before = amounts(&share(&bank, &citizen, "S01", "LAN-1", CITIZEN, &["C02"]));
    change_row(&registers.join("income.jsonl"), CITIZEN, &before[0], "51234.50");
    let report = import(&tax, "C02", &registers);
    let counts =
        ["changed", "unchanged", "new", "vanished", "superseded"].map(|key| report[key].as_u64().expect("a count"));
    assert_eq!(counts, [1, 39, 0, 0, 1]);

    // What the wallet holds no longer counts, and cannot be shown any more once the endings of the day are published.
    assert_eq!(tax.ok(&["issuer", "status"])["endings"]["waiting"], 8);
    assert_eq!(tax.ok(&["issuer", "publish"])["endings"]["waiting"], 0);
    until("superseded", || state_of(&citizen, &old) == "superseded");
    let (link, _) = ask(&bank, "S01", "LAN-2", CITIZEN, &["C02"]);
    let id = receive(&citizen, &link);
    citizen
        .run(&["--yes", "wallet", "present", &id])
        .expect_problem(6, "not_presented");

    let fresh = collect(&citizen, &tax, "C02");
    assert_eq!(
        amounts(&share(&bank, &citizen, "S01", "LAN-3", CITIZEN, &["C02"])),
        ["51234.50", "51234.50"]
    );
    assert_ne!(before[0], "51234.50");
    assert_eq!(
        (state_of(&citizen, &old), state_of(&citizen, &fresh)),
        ("superseded".to_owned(), "valid".to_owned())
    );
    let issued = tax.ok(&["issuer", "status", "--type", "C02"]);
    let states: Vec<String> = issued["issued"]
        .as_array()
        .expect("two")
        .iter()
        .map(|one| text(&one["state"]))
        .collect();
    assert!(
        states.len() == 2
            && ["valid", "superseded"]
                .iter()
                .all(|s| states.contains(&(*s).to_owned())),
        "{states:?}"
    );
}
