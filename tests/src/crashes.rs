//! What a killed process and a lost index leave behind: nothing that was acknowledged is gone, and what was begun goes on.

use crate::network::{
    BANK, IDENTITY, Network, REGISTERS, TAX, argument, ask, collect, import, receive, share, state_of, text, until,
};
use crate::process::{Home, finish};
use node::population::CITIZEN;
use serde_json::{Value, json};

#[test]
fn a_deleted_index_is_rebuilt_with_equal_tables() {
    let network = Network::new();
    let [mut identity, mut tax, mut bank] = [IDENTITY, TAX, BANK].map(|organisation| network.init(&organisation, &[]));
    let mut citizen = network.wallet("citizen", &[]);
    network.begin(
        &mut [(&IDENTITY, &mut identity), (&TAX, &mut tax), (&BANK, &mut bank)],
        &[&citizen],
        &[],
    );
    let registers = network.population(40, 12);
    import(&identity, "C01", &registers);
    import(&tax, "C02", &registers);
    tax.ok(&["issuer", "prepare", "--type", "C02"]);
    network.identify(&identity, &citizen, CITIZEN);
    let income = collect(&citizen, &tax, "C02");
    share(&bank, &citizen, "S01", "LAN-1", CITIZEN, &["C02"]);
    ask(&bank, "S01", "LAN-2", CITIZEN, &["C02"]);
    tax.run_with(&["issuer", "suspend", "--subject", "-"], &format!("{CITIZEN}\n"))
        .expect(0);
    until("suspended", || state_of(&citizen, &income) == "suspended");

    let tables: [(&Home, &[&[&str]]); 3] = [
        (
            &tax,
            &[
                &["issuer", "status"],
                &["issuer", "status", "--type", "C02"],
                &["issuer", "jobs"],
            ],
        ),
        (&bank, &[&["verifier", "sessions"], &["trust", "show"]]),
        (
            &citizen,
            &[&["wallet", "list"], &["wallet", "history"], &["wallet", "requests"]],
        ),
    ];
    let read = |home: &Home, commands: &[&[&str]]| -> Vec<Value> {
        commands.iter().map(|command| steady(home.ok(command))).collect()
    };
    let before: Vec<Vec<Value>> = tables.iter().map(|(home, commands)| read(home, commands)).collect();
    let commands = tables.map(|(_, commands)| commands);
    assert!(
        before
            .iter()
            .flatten()
            .filter(|table| table.to_string().len() > 200)
            .count()
            >= 7,
        "{before:?}"
    );
    for home in [&mut identity, &mut tax, &mut bank] {
        assert_eq!(home.terminate(), 0);
    }
    for (home, commands) in [&tax, &bank, &citizen].into_iter().zip(commands) {
        let still = || read(home, commands);
        let before = still();
        let index = home.path().join("store/index");
        assert!(index.join("db").exists(), "sled's files lie there");
        std::fs::remove_dir_all(&index).expect("removed");
        assert_eq!(still(), before);
        assert!(index.join("db").exists(), "made anew");
        std::fs::remove_dir_all(&index).expect("removed");
    }
    for home in [&mut identity, &mut tax, &mut bank, &mut citizen] {
        home.serve(&[]);
    }
    for ((home, commands), before) in [&tax, &bank, &citizen].into_iter().zip(commands).zip(&before) {
        until("the wallet has asked how its credential stands", || {
            read(home, commands) == *before
        });
    }
}

/// A table without what changes by the clock alone: when a list was last signed or seen, and its
/// version, which rises whenever the home is opened, because the text is then signed anew.
fn steady(mut value: Value) -> Value {
    for list in ["lists", "credentials"] {
        let entries = value.get_mut(list).and_then(Value::as_array_mut);
        for entry in entries.into_iter().flatten().filter_map(Value::as_object_mut) {
            entry.retain(|key, _| !["published", "status_at", "version"].contains(&key.as_str()));
        }
    }
    value
}

#[test]
fn an_import_that_a_kill_cut_off_goes_on_to_the_same_counts() {
    const PERSONS: u32 = 6_000;
    let network = Network::new();
    let [mut identity, calm] = ["identity", "calm"].map(|home| {
        let organisation = crate::network::Organisation { home, ..IDENTITY };
        network.init(&organisation, &[])
    });
    let registers = network.population(PERSONS, 12);
    let undisturbed = import(&calm, "C01", &registers);
    assert_eq!(undisturbed["new"], PERSONS);

    let (_, file) = REGISTERS[0];
    let file = registers.join(file);
    let arguments = ["issuer", "import", "--type", "C01", argument(&file)];
    identity.serve(&[]);
    let command = identity.command(&arguments);
    let cut = std::thread::scope(|scope| {
        let importing = scope.spawn(|| finish(command, ""));
        until("half-way", || {
            let jobs = identity.ok(&["issuer", "jobs"]);
            jobs["jobs"][0]["line"].as_u64().is_some_and(|line| line > 500)
        });
        identity.kill();
        importing.join().expect("ends")
    });
    cut.expect_problem(5, "unreachable");

    identity.serve(&[]);
    let job = identity.ok(&["issuer", "jobs"])["jobs"][0].clone();
    let line = job["line"].as_u64().expect("a checkpoint");
    assert!(
        job["stage"] == "running" && line > 500 && line < u64::from(PERSONS),
        "killed in the middle: {job}"
    );
    assert_eq!(
        identity.ok(&["issuer", "status"])["types"][0]["rows"],
        line,
        "rows and checkpoint are one transaction"
    );
    let resumed = identity.run(&arguments).expect(0);
    assert!(
        resumed.stderr.contains(&line.to_string()),
        "it says where it goes on: {}",
        resumed.stderr
    );
    assert_eq!(resumed.json()["report"], undisturbed);
    assert_eq!(
        identity.ok(&["issuer", "status"])["types"],
        calm.ok(&["issuer", "status"])["types"]
    );
}

#[test]
fn a_wallet_killed_before_the_yes_presents_afterwards() {
    let network = Network::new();
    let [mut identity, mut tax, mut bank] = [IDENTITY, TAX, BANK].map(|organisation| network.init(&organisation, &[]));
    let mut citizen = network.wallet("citizen", &[]);
    network.begin(
        &mut [(&IDENTITY, &mut identity), (&TAX, &mut tax), (&BANK, &mut bank)],
        &[&citizen],
        &[],
    );
    let registers = network.population(40, 12);
    import(&identity, "C01", &registers);
    import(&tax, "C02", &registers);
    citizen.serve(&[]);
    network.identify(&identity, &citizen, CITIZEN);
    citizen.kill();
    citizen.serve(&[]);
    collect(&citizen, &tax, "C02");

    let (link, session) = ask(&bank, "S01", "LAN-1", CITIZEN, &["C02"]);
    let id = receive(&citizen, &link);
    citizen.kill();
    citizen.serve(&[]);
    let waiting = citizen.ok(&["wallet", "requests"])["requests"].clone();
    assert_eq!(
        (&waiting[0]["id"], &waiting[0]["state"]),
        (&json!(id), &json!("waiting"))
    );
    assert_eq!(
        text(&citizen.ok(&["--yes", "wallet", "present", &id])["outcome"]),
        "shared"
    );
    assert_eq!(
        bank.ok(&["verifier", "watch", &session, "--seconds", "30"])["session"]["verdict"],
        "valid"
    );
}
