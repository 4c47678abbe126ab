//! States of credentials.

use super::{counted, seen};
use crate::network::{BANK, IDENTITY, LOANS, Network, TAX, argument, collect, import, text, until};
use crate::process::Home;
use node::population::CITIZEN;
use serde_json::{Value, json};

/// What the bank says of a credential's text.
fn check(bank: &Home, credential: &str) -> Value {
    bank.run_with(&["verifier", "check", "-"], credential).json()
}

#[test]
fn a_revocation_reaches_the_bank_although_its_issuer_ends_right_after_and_is_known_after_a_restart_without_it() {
    let network = Network::new();
    let [mut identity, mut tax, mut loans, mut bank] =
        [IDENTITY, TAX, LOANS, BANK].map(|organisation| network.init(&organisation, &[]));
    // As an operator has it: nothing is asked for by the clock for minutes.
    let path = bank.path().join("bevis.toml");
    let config = std::fs::read_to_string(&path).expect("reads");
    let slow = config.replace("every_seconds = 1\n", "every_seconds = 300\n");
    assert_ne!(config, slow);
    std::fs::write(&path, slow).expect("writes");
    let citizen = network.wallet("citizen", &[]);
    network.begin(
        &mut [
            (&IDENTITY, &mut identity),
            (&TAX, &mut tax),
            (&LOANS, &mut loans),
            (&BANK, &mut bank),
        ],
        &[&citizen],
        &[],
    );
    let registers = network.population(40, 12);
    import(&identity, "C01", &registers);
    import(&tax, "C02", &registers);
    import(&loans, "C04", &registers);
    network.identify(&identity, &citizen, CITIZEN);
    collect(&citizen, &tax, "C02");
    collect(&citizen, &loans, "C04");
    let file = network.folder().join("export.json");
    citizen.ok(&["wallet", "export", argument(&file)]);
    let export: Value = serde_json::from_slice(&std::fs::read(&file).expect("written")).expect("JSON");
    let copy = |vct: &str| {
        let held = export["credentials"].as_array().expect("credentials").iter();
        let of_type = held
            .clone()
            .find(|held| text(&held["type"]).contains(vct))
            .expect("is held");
        text(&of_type["copies"][0]["credential"])
    };
    let (income, loan) = (copy("MonthlyIncome"), copy("StudentLoan"));
    until("the bank has mirrored both", || {
        [&income, &loan]
            .iter()
            .all(|credential| check(&bank, credential)["verdict"] == "valid")
    });
    until("listed nodes gossip with each other", || {
        counted(&tax, "bevis_gossip_peers") > 1
    });

    tax.run_with(
        &["--yes", "issuer", "revoke", "--subject", "-"],
        &format!("{CITIZEN}\n"),
    )
    .expect(0);
    tax.kill();
    until("revoked", || check(&bank, &income)["code"] == "revoked");
    let checked = check(&bank, &income);
    assert_eq!(checked["verdict"], "invalid", "{checked}");
    assert!(checked["status_age_s"].as_i64().is_some() && checked["trust_age_s"].as_i64().is_some());
    assert_eq!(check(&bank, &loan)["verdict"], "valid");

    // The bank's own restart, while no issuer answers.
    identity.kill();
    loans.kill();
    let kept = bank.path().join("cache/status");
    until("what is mirrored was written to the cache", || {
        // Each look is a process, some milliseconds: what is written within ten seconds is waited for.
        bank.ok(&["node", "status"]);
        std::fs::read_dir(&kept).is_ok_and(|files| files.count() >= 2)
    });
    let states = |bank: &Home| -> Value {
        let status = bank.ok(&["node", "status"]);
        let lists = status["lists"].as_array().cloned().unwrap_or_default();
        lists.iter().map(|list| json!([list["uri"], list["version"]])).collect()
    };
    let before = states(&bank);
    until("the newest is in the cache", || {
        assert_eq!(bank.terminate(), 0);
        bank.serve(&[]);
        states(&bank) == before
    });
    assert_eq!(check(&bank, &income)["code"], "revoked");
    let checked = check(&bank, &loan);
    assert_eq!(checked["verdict"], "valid", "{checked}");
    assert!(
        checked["status_age_s"].as_i64().is_some_and(|age| age >= 0),
        "it says how old that is"
    );

    // A file of the cache that is not what was written is passed over.
    assert_eq!(bank.terminate(), 0);
    for file in std::fs::read_dir(&kept).expect("reads") {
        std::fs::write(file.expect("reads").path(), "{}").expect("writes");
    }
    bank.serve(&[]);
    let checked = check(&bank, &loan);
    assert_eq!(
        (&checked["verdict"], &checked["code"]),
        (&json!("undecided"), &json!("status_missing"))
    );

    // When an issuer comes back the bank hears of it by itself.
    loans.serve(&[]);
    until("mirrored again", || check(&bank, &loan)["verdict"] == "valid");
}

#[test]
fn a_change_of_status_is_told_with_the_time_at_which_it_took_effect() {
    let network = Network::new();
    let [mut identity, mut tax, mut bank] = [IDENTITY, TAX, BANK].map(|organisation| network.init(&organisation, &[]));
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
    let versions = |home: &Home| {
        home.ok(&["issuer", "status"])["lists"]
            .as_array()
            .cloned()
            .unwrap_or_default()
    };
    let before = versions(&tax);
    tax.run_with(
        &["--yes", "issuer", "suspend", "--subject", "-"],
        &format!("{CITIZEN}\n"),
    )
    .expect(0);
    let changed = versions(&tax).into_iter().find(|list| {
        let was = before.iter().find(|was| was["uri"] == list["uri"]);
        was.is_some_and(|was| was["version"] != list["version"])
    });
    let changed = changed.expect("a list got a new version");
    let id = format!("{}@{}", text(&changed["uri"]), changed["version"]);
    let at = seen(&bank, "status", &id);
    assert_eq!(seen(&bank, "status", &id), at, "told again, it is the same instant");
}
