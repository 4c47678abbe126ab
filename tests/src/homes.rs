//! A home: who may open it, what its configuration says, whose trust document it takes, and its sealed copies.

use crate::network::{
    BANK, IDENTITY, Network, TAX, argument, ask, collect, import, receive, share, state_of, text, until,
};
use crate::process::{Home, copy, finish, folder};
use node::population::CITIZEN;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Every file under a folder with its bytes.
fn bytes(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut all = BTreeMap::new();
    for entry in std::fs::read_dir(folder).expect("reads") {
        let path = entry.expect("reads").path();
        if path.is_dir() {
            all.extend(bytes(&path));
        } else {
            all.insert(path.clone(), std::fs::read(&path).expect("reads"));
        }
    }
    all
}

/// A wallet's home by itself.
fn wallet(folder: &Path) -> Home {
    let home = Home::new(folder, "wallet");
    home.ok(&["init", "--role", "wallet", "--profile", "test"]);
    home
}

#[test]
fn one_node_runs_in_a_home_and_commands_reach_it() {
    let network = Network::new();
    let mut bank = network.init(&BANK, &[]);
    let alone = bank.ok(&["node", "status"]);
    assert_eq!((&alone["online"], &alone["addresses"]), (&json!(false), &json!([])));
    let ready = bank.serve(&[]);
    bank.run(&["serve"]).expect_problem(7, "home_locked");
    let status = bank.ok(&["node", "status"]);
    assert_eq!(
        (&status["online"], &status["addresses"]),
        (&json!(true), &ready["addresses"])
    );
    // The node has the keys: whoever reaches its socket needs no passphrase.
    let mut command = bank.bare();
    command.args(["--json", "--no-input", "whoami"]);
    let whoami = finish(command, "").expect(0).json();
    assert_eq!(whoami["card"]["addresses"], ready["addresses"]);
    assert!(bank.path().join("control.sock").exists());
    assert_eq!(bank.terminate(), 0);
    assert!(!bank.path().join("control.sock").exists());
    assert_eq!(bank.ok(&["node", "status"])["online"], false);
}

#[test]
fn a_restarted_node_keeps_its_ports() {
    let network = Network::new();
    let mut bank = network.init(&BANK, &[]);
    let first = bank.serve(&[])["addresses"].clone();
    assert!(
        first.as_array().is_some_and(|addresses| addresses.len() == 2),
        "{first}"
    );
    assert_eq!(bank.terminate(), 0);
    assert_eq!(bank.serve(&[])["addresses"], first);
    bank.kill();
    assert_eq!(bank.serve(&[])["addresses"], first);
    assert_eq!(bank.stop(), 0);
}

#[test]
fn a_home_opens_with_its_passphrase_only() {
    let folder = folder();
    let home = wallet(folder.path());
    home.run(&["wallet", "list"]).expect(0);
    let wrong = folder.path().join("wrong");
    std::fs::write(&wrong, "korrekt hest batterj\n").expect("writes");
    let with = |arguments: &[&str]| {
        let mut command = home.bare();
        command.args(["--json", "--no-input"]).args(arguments);
        finish(command, "")
    };
    with(&["--passphrase-file", argument(&wrong), "wallet", "list"]).expect_problem(7, "wrong_passphrase");
    with(&["--passphrase-file", argument(&wrong), "serve"]).expect_problem(7, "wrong_passphrase");
    with(&["wallet", "list"]).expect_problem(7, "passphrase_missing");
    let empty = folder.path().join("empty");
    std::fs::write(&empty, "").expect("writes");
    with(&["--passphrase-file", argument(&empty), "wallet", "list"]).expect_problem(7, "passphrase_missing");
    let nowhere = Home::new(folder.path(), "nowhere");
    for arguments in [&["wallet", "list"][..], &["serve"], &["doctor"], &["config", "check"]] {
        nowhere.run(arguments).expect_problem(9, "home_missing");
    }
    assert!(!nowhere.path().exists(), "a command that finds no home makes none");
}

#[test]
fn a_second_init_changes_nothing() {
    let folder = folder();
    let home = wallet(folder.path());
    let before = bytes(home.path());
    for role in [
        &["init", "--role", "wallet", "--profile", "test"][..],
        &[
            "trust",
            "init",
            "--name",
            "Et anker",
            "--class",
            "other",
            "--profile",
            "test",
        ],
    ] {
        home.run(role).expect_problem(9, "home_exists");
    }
    assert_eq!(bytes(home.path()), before);
    // Neither does one that was typed wrong.
    let other = Home::new(folder.path(), "other");
    other
        .run(&["init", "--role", "issuer", "--profile", "test"])
        .expect_problem(2, "usage");
    other
        .run(&[
            "init",
            "--role",
            "wallet",
            "--organisation",
            "219840366",
            "--profile",
            "test",
        ])
        .expect(9);
    assert!(!other.path().exists());
}

#[test]
fn the_configuration_says_where_each_value_comes_from_and_refuses_what_it_does_not_know() {
    let folder = folder();
    let home = wallet(folder.path());
    let file = home.path().join("bevis.toml");
    let original = std::fs::read_to_string(&file).expect("reads");
    let short: String = original
        .lines()
        .filter(|line| !line.starts_with("every_seconds"))
        .map(|l| format!("{l}\n"))
        .collect();
    std::fs::write(&file, &short).expect("writes");
    let mut command = home.command(&["--log", "debug", "config", "show", "--origin"]);
    command.env("BEVIS_NODE_TRANSPORT", "tcp");
    let shown = finish(command, "").expect(0).json();
    for (key, value, origin) in [
        ("node.transport", json!("tcp"), "environment"),
        ("log.level", json!("debug"), "flag"),
        ("node.language", json!("nb"), "file"),
        ("status.every_seconds", json!(300), "default"),
    ] {
        let (section, name) = key.split_once('.').expect("a key");
        assert_eq!(
            (&shown["config"][section][name], &shown["origins"][key]),
            (&value, &json!(origin)),
            "{key}"
        );
    }
    let typed = finish(home.typed(&["config", "show", "--origin"]), "").expect(0).stdout;
    assert!(typed.contains("status.every_seconds = 300  (default)\n"), "{typed}");
    home.ok(&["config", "check"]);

    for (wrong, known) in [
        ("[node]\ntransprt = \"tcp\"\n", "node.transport"),
        ("[wallte]\n", "wallet"),
    ] {
        std::fs::write(&file, format!("{wrong}\n[wallet]\n")).expect("writes");
        for arguments in [&["config", "check"][..], &["wallet", "list"], &["serve"]] {
            let problem = home.run(arguments).expect_problem(9, "config_invalid").json();
            assert!(
                text(&problem["cause"]).contains(&format!("did you mean {known}?")),
                "{problem}"
            );
        }
    }
    std::fs::write(&file, original).expect("writes");
    home.run(&["wallet", "list"]).expect(0);
}

#[test]
fn nothing_starts_while_tls_secrets_would_be_written_to_a_file() {
    let folder = folder();
    let home = wallet(folder.path());
    let secrets = folder.path().join("tls-secrets");
    for arguments in [&["serve"][..], &["wallet", "list"]] {
        let mut command = home.command(arguments);
        command.env("SSLKEYLOGFILE", &secrets);
        let problem = finish(command, "").expect_problem(9, "config_invalid").json();
        assert_eq!(problem["detail"], "SSLKEYLOGFILE");
    }
    assert!(!secrets.exists());
}

#[test]
fn a_sealed_copy_is_checked_and_restored_into_another_home() {
    let network = Network::new();
    let mut identity = network.init(&IDENTITY, &[]);
    let citizen = network.wallet("citizen", &["--transport", "both"]);
    network.begin(&mut [(&IDENTITY, &mut identity)], &[&citizen], &[]);
    import(&identity, "C01", &network.population(40, 12));
    network.identify(&identity, &citizen, CITIZEN);
    let list = citizen.ok(&["wallet", "list"])["credentials"].clone();
    assert_eq!(list.as_array().map(Vec::len), Some(1));

    let copy = network.folder().join("copy");
    let made = citizen.ok(&["wallet", "backup", argument(&copy)]);
    assert_eq!(
        made["bytes"].as_u64(),
        std::fs::metadata(&copy).ok().map(|file| file.len())
    );
    citizen
        .run(&["backup", "create", argument(&copy)])
        .expect_problem(9, "home_exists");
    citizen.ok(&["backup", "verify", argument(&copy)]);

    let restored = Home::new(network.folder(), "restored");
    restored.ok(&["backup", "restore", argument(&copy)]);
    restored
        .run(&["backup", "restore", argument(&copy)])
        .expect_problem(9, "home_exists");
    // All of it is there, and none of it can be shown: the copies may have been used since the copy was taken.
    let held = |list: &Value| -> Vec<Value> {
        let held = list.as_array().expect("a list").iter();
        held.map(|held| json!([held["id"], held["type"], held["valid_until"]]))
            .collect()
    };
    let again = restored.ok(&["wallet", "list"])["credentials"].clone();
    assert_eq!(held(&again), held(&list));
    assert_eq!(
        (&list[0]["state"], &again[0]["state"]),
        (&json!("valid"), &json!("copies_void"))
    );
    assert_eq!(again[0]["copies_left"], 0);
    let config = |home: &Home| std::fs::read_to_string(home.path().join("bevis.toml")).expect("reads");
    assert_eq!(config(&restored), config(&citizen));
    let id = text(&list[0]["id"]);
    let claims = |home: &Home| home.ok(&["wallet", "show", &id])["credential"]["claims"].clone();
    assert_eq!(claims(&restored), claims(&citizen));

    // Of an organisation while its node runs: the keys come along, so that it is the same organisation.
    let own = network.folder().join("own");
    identity.ok(&["backup", "create", argument(&own)]);
    let card = identity.ok(&["whoami"])["card"].clone();
    identity.kill();
    let second = Home::new(network.folder(), "second");
    second.ok(&["backup", "restore", argument(&own)]);
    let again = second.ok(&["whoami"])["card"].clone();
    assert_eq!(
        (&again["key"], &again["peer"], &again["did"]),
        (&card["key"], &card["peer"], &card["did"])
    );
    assert_eq!(second.ok(&["issuer", "status"])["types"][0]["rows"], 40);

    let wrong = network.folder().join("wrong");
    std::fs::write(&wrong, "another passphrase\n").expect("writes");
    let third = Home::new(network.folder(), "third");
    for verb in ["verify", "restore"] {
        let mut command = third.bare();
        command.args([
            "--json",
            "--no-input",
            "--passphrase-file",
            argument(&wrong),
            "backup",
            verb,
            argument(&copy),
        ]);
        finish(command, "").expect_problem(7, "wrong_passphrase");
    }
    let whole = std::fs::read(&copy).expect("reads");
    let altered = network.folder().join("altered");
    for at in [whole.len() / 2, whole.len() - 1] {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        std::fs::write(&altered, bytes).expect("writes");
        third
            .run(&["backup", "verify", argument(&altered)])
            .expect_problem(9, "damaged");
    }
    std::fs::write(&altered, &whole[..whole.len() - 100]).expect("writes");
    for verb in ["verify", "restore"] {
        third
            .run(&["backup", verb, argument(&altered)])
            .expect_problem(9, "damaged");
    }
    // What was refused stands in nobody's way.
    third.ok(&["backup", "restore", argument(&copy)]);
}

#[test]
fn an_organisation_may_both_issue_and_ask() {
    let network = Network::new();
    let home = network.init(&TAX, &["--role", "verifier"]);
    assert_eq!(home.ok(&["whoami"])["roles"], json!(["issuer", "verifier"]));
    home.ok(&["issuer", "status"]);
    home.ok(&["verifier", "sessions"]);
    home.run(&["wallet", "list"]).expect_problem(9, "wrong_role");
}

/// How a home comes back.
#[derive(Clone, Copy, Debug)]
enum Back {
    Restored,
    Copied,
}

impl Back {
    /// Stops a node and brings its home back as it was when `file` was written, or as it is now: the home to go on in.
    fn bring(self, network: &Network, mut home: Home, file: &Path) -> Home {
        home.kill();
        let name = home
            .path()
            .file_name()
            .and_then(|name| name.to_str())
            .expect("a name")
            .to_owned();
        let mut back = Home::new(network.folder(), &format!("{name}-back"));
        match self {
            Back::Restored => {
                let command = back.typed(&["--lang", "nb", "backup", "restore", argument(file)]);
                let said = finish(command, "").expect(0);
                let told = "det du har trukket tilbake etter at kopien ble tatt, må du trekke tilbake på nytt";
                assert!(said.stdout.contains(told), "{said:?}");
            }
            Back::Copied => copy(home.path(), back.path()),
        }
        back.serve(&[]);
        let log = std::fs::read_to_string(back.log()).expect("reads");
        assert_eq!(log.contains("er kopiert hit"), matches!(self, Back::Copied), "{log}");
        let status = back.ok(&["node", "status"]);
        assert_eq!(status["epoch"]["number"], 1, "{self:?}");
        until("others told which trust list is in force", || {
            back.ok(&["node", "status"])["caught_up"] == true
        });
        back
    }
}

/// Waits until a node has the newest lists of an issuer: the issuer's heads are believed, and none is missed.
fn mirrors(node: &Home, issuer: &Home) {
    let versions = |lists: &Value| -> Vec<(String, u64)> {
        let lists = lists.as_array().cloned().unwrap_or_default();
        let mut all: Vec<_> = lists
            .iter()
            .map(|list| (text(&list["uri"]), list["version"].as_u64().unwrap_or(0)))
            .collect();
        all.sort();
        all
    };
    until("the node mirrors what the issuer publishes", || {
        let published = versions(&issuer.ok(&["issuer", "status"])["lists"]);
        // What is held: a digest that came by gossip is ahead of the newest head.
        let held = versions(&node.ok(&["node", "status"])["lists"]);
        published.iter().all(|list| held.contains(list))
    });
}

/// What was open in a home that came back is void, for a bank and for an issuer, and everybody else goes on with them as if
/// nothing had been: nobody takes them for a rollback.
fn comes_back(back: Back) {
    let network = Network::new();
    let [mut identity, mut tax, mut bank] = [IDENTITY, TAX, BANK].map(|one| network.init(&one, &[]));
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
    let income = collect(&citizen, &tax, "C02");
    share(&bank, &citizen, "S01", "LAN-1", CITIZEN, &["C02"]);
    let files = ["bank.copy", "tax.copy", "identity.copy"].map(|name| network.folder().join(name));
    let [of_bank, of_tax, of_identity] = &files;

    // A bank: a request that was out is answered with `expired`, and a new one is answered as ever.
    let (link, session) = ask(&bank, "S01", "LAN-2", CITIZEN, &["C02"]);
    let id = receive(&citizen, &link);
    bank.ok(&["backup", "create", argument(of_bank)]);
    let bank = back.bring(&network, bank, of_bank);
    citizen
        .run(&["--yes", "wallet", "present", &id])
        .expect_problem(3, "expired");
    let sessions = bank.ok(&["verifier", "sessions"])["sessions"].clone();
    let old = sessions
        .as_array()
        .expect("sessions")
        .iter()
        .find(|it| it["id"] == session.as_str());
    let old = old.expect("is listed");
    assert_eq!((&old["state"], &old["verdict"]), (&json!("expired"), &Value::Null));
    mirrors(&bank, &tax);
    share(&bank, &citizen, "S01", "LAN-3", CITIZEN, &["C02"]);

    // An issuer whose states changed after the copy: the bank, which saw higher versions of its lists, believes its heads.
    tax.ok(&["backup", "create", argument(of_tax)]);
    for verb in ["suspend", "reinstate", "suspend"] {
        tax.ok(&["--yes", "issuer", verb, "--subject", CITIZEN]);
    }
    let state = |wanted: &str| until(wanted, || state_of(&citizen, &income) == wanted);
    state("suspended");
    let tax = back.bring(&network, tax, of_tax);
    if matches!(back, Back::Restored) {
        // The suspension was made after the copy and is gone: the operator was told to make it again.
        state("valid");
        mirrors(&bank, &tax);
        share(&bank, &citizen, "S01", "LAN-4", CITIZEN, &["C02"]);
        tax.ok(&["--yes", "issuer", "suspend", "--subject", CITIZEN]);
    }
    state("suspended");
    tax.ok(&["--yes", "issuer", "reinstate", "--subject", CITIZEN]);
    state("valid");
    mirrors(&bank, &tax);
    share(&bank, &citizen, "S01", "LAN-5", CITIZEN, &["C02"]);

    // An issuer with an offer out: its code opens nothing any more, and a new one does.
    let (link, code) = network.personal_offer(&identity, CITIZEN);
    identity.ok(&["backup", "create", argument(of_identity)]);
    let identity = back.bring(&network, identity, of_identity);
    citizen
        .run(&["wallet", "receive", &link, "--code-file", argument(&code)])
        .expect_problem(3, "offer_closed");
    network.identify(&identity, &citizen, CITIZEN);
    mirrors(&tax, &identity);
    collect(&citizen, &tax, "C02");
    mirrors(&bank, &tax);
    share(&bank, &citizen, "S01", "LAN-6", CITIZEN, &["C02"]);
}

#[test]
fn organisations_restored_from_a_sealed_copy_void_what_was_open_and_go_on() {
    comes_back(Back::Restored);
}

#[test]
fn organisations_copied_back_void_what_was_open_and_go_on() {
    comes_back(Back::Copied);
}
