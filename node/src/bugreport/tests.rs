//! What a report says, and above all what it does not.

use super::*;
use crate::config;
use crate::population;
use crate::service::{Command, Service, create_keys, entropy, migration};
use credentials::Timestamp;
use std::sync::Arc;
use store::{Params, Passphrase, Store};

const PASSPHRASE: &str = "a passphrase that is nobodys";

/// An agency's home with a register of made-up people, whose configuration names everything it may name.
struct World {
    home: Home,
    loaded: Loaded,
    service: Arc<Service>,
    /// Rows of the register, as they were read.
    rows: Vec<Value>,
    _folder: tempfile::TempDir,
}

impl World {
    async fn new() -> World {
        let folder = tempfile::tempdir().expect("a folder");
        let home = Home::at(&folder.path().join("canary-home")).expect("a path");
        home.create().expect("made");
        let mut wanted = config::defaults();
        wanted.node.relays = vec![format!("/ip4/192.0.2.77/udp/4711/quic-v1/p2p/{PEER}")];
        wanted.log.level = "warn,node=debug".to_owned();
        wanted.organisation = Some(config::Organisation {
            did: credentials::Did::parse("did:web:canary.example").expect("a DID"),
            number: "974761076".to_owned(),
            name: "Kanarifuglen".to_owned(),
        });
        wanted.issuer = Some(config::Issuer {
            issues: vec!["C02".to_owned()],
            ..config::Issuer::default()
        });
        let passphrase = Passphrase::new(PASSPHRASE);
        let store = Store::create(&home.store(), &passphrase, Params::quick(), entropy()).expect("made");
        create_keys(&store, &wanted, None).expect("keys");
        drop(store);
        home::write(&home.config(), config::text(&wanted).expect("text").as_bytes()).expect("written");
        let loaded = config::load(&home, &[]).expect("loads");
        let service = Service::open(&home, loaded.clone(), &passphrase).expect("opens");
        let registers = folder.path().join("registers");
        population::write(&registers, 40, 12, 7, Timestamp::from_unix(1_795_000_000)).expect("written");
        let text = std::fs::read_to_string(registers.join("income.jsonl")).expect("reads");
        let rows: Vec<Value> = text
            .lines()
            .map(|line| serde_json::from_str(line).expect("JSON"))
            .collect();
        let start = Command::ImportStart {
            credential_type: "C02".to_owned(),
            file: [7; 32],
            header: None,
            dry_run: false,
        };
        let start = service.execute(start).await.expect("begun");
        let job = start["job"].as_str().expect("a job").to_owned();
        let lines = text
            .lines()
            .enumerate()
            .map(|(at, line)| (at as u64 + 1, line.to_owned()));
        let lines = Command::ImportLines {
            job: job.clone(),
            lines: lines.collect(),
        };
        let taken = service.execute(lines).await.expect("taken");
        assert_eq!(taken["rejected"].as_array().map_or(0, Vec::len), 0, "{taken}");
        service.execute(Command::ImportFinish { job }).await.expect("ended");
        World {
            home,
            loaded,
            service,
            rows,
            _folder: folder,
        }
    }

    async fn report(&self) -> Report {
        let mut report = Report::new(&self.home);
        report.configuration(&self.loaded);
        report.formats(&migration::plan(&self.home).expect("looked at").formats);
        report.doctor(&self.service.execute(Command::Doctor).await.expect("looked"));
        report.status(&self.service.execute(Command::Status).await.expect("told"));
        report.metrics(&self.service.execute(Command::Metrics).await.expect("told"));
        report
    }
}

const PEER: &str = "12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN";

/// Every text of at least four characters in a value.
fn texts(value: &Value, all: &mut Vec<String>) {
    match value {
        Value::String(text) if text.chars().count() > 3 => all.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| texts(item, all)),
        Value::Object(members) => members.values().for_each(|member| texts(member, all)),
        _ => {}
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_of_a_home_that_names_anybody_stands_in_a_report() {
    let world = World::new().await;
    let text = world.report().await.text().expect("names nobody");
    let mut canaries: Vec<String> = [
        PASSPHRASE,
        PEER,
        "canary",
        "Kanarifuglen",
        "974761076",
        "192.0.2.77",
        "4711",
        "did:",
    ]
    .map(str::to_owned)
    .into();
    canaries.push(world.home.path().display().to_string());
    let keys = world.service.execute(Command::Keys).await.expect("told");
    let whoami = world.service.execute(Command::Whoami).await.expect("told");
    for public in [&keys["keys"], &whoami["card"]["peer"], &whoami["card"]["keys"]] {
        let mut named = Vec::new();
        texts(public, &mut named);
        assert!(!named.is_empty(), "{public}");
        canaries.extend(named);
    }
    let mut claims = Vec::new();
    world.rows.iter().for_each(|row| texts(row, &mut claims));
    let is_person = |claim: &&String| claim.len() == 11 && claim.chars().all(|c| c.is_ascii_digit());
    assert!(
        claims.iter().filter(is_person).count() >= 40,
        "every person has a number"
    );
    canaries.extend(claims);
    for canary in &canaries {
        // What every configuration and every report may hold: a day, and words of the program.
        let is_common =
            text.contains(&format!("\"made\": \"{canary}")) || canary.len() == 10 && canary.starts_with("20");
        assert!(
            is_common || !text.contains(canary.as_str()),
            "{canary} stands in\n{text}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_report_says_what_helps() {
    let world = World::new().await;
    let report = world.report().await;
    assert_eq!(report.left_out(), [""; 0]);
    let text = report.text().expect("names nobody");
    let report: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(report["program"]["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(report["roles"], json!(["issuer"]));
    let set = &report["configuration"];
    assert_eq!(set["node.transport"], json!({"value": "both", "from": "file"}));
    assert_eq!(set["node.relays"]["count"], 1);
    assert_eq!(set["log.level"]["value"], "a filter");
    assert_eq!(set["organisation.did"]["given"], true);
    assert_eq!(set["issuer.issues"]["count"], 1);
    assert_eq!(report["formats"]["newest"], store::FORMAT);
    let checks: Vec<&str> = report["doctor"]["findings"]
        .as_array()
        .expect("findings")
        .iter()
        .filter_map(|found| found["check"].as_str())
        .collect();
    assert!(checks.contains(&"trust") && checks.contains(&"backup"), "{checks:?}");
    let figures = report["metrics"].as_array().expect("figures");
    assert!(
        figures
            .iter()
            .any(|line| line.as_str().is_some_and(|l| l.starts_with("bevis_store_bytes ")))
    );
    assert!(report["log"].as_str().is_some_and(|log| log.contains("keeps no log")));
}

#[test]
fn a_home_that_does_not_open_has_a_report_that_says_what_is_missing() {
    let folder = tempfile::tempdir().expect("a folder");
    let home = Home::at(&folder.path().join("home")).expect("a path");
    home.create().expect("made");
    let mut report = Report::new(&home);
    report.without("doctor", Code::PassphraseMissing);
    let value: Value = serde_json::from_str(&report.text().expect("names nobody")).expect("JSON");
    assert_eq!(
        value["left_out"],
        json!([{"what": "doctor", "code": "passphrase_missing"}])
    );
    assert_eq!(
        value["home"]["findings"][0],
        json!({"check": "home", "state": "ok", "code": null, "figure": "0700"})
    );
    assert_eq!(
        value["home"]["findings"].as_array().map(Vec::len),
        Some(3),
        "only what was looked at"
    );
}

#[test]
fn figures_keep_their_words_and_lose_their_names() {
    let mut names = Names::default();
    for (line, expected) in [
        ("# HELP bevis_peers Peers that are connected.", None),
        ("bevis_store_bytes 812", Some("bevis_store_bytes 812")),
        (
            "bevis_refusals_total{of=\"/bevis/hello/1\",code=\"not_listed\"} 7",
            Some("bevis_refusals_total{of=\"/bevis/hello/1\",code=\"not_listed\"} 7"),
        ),
        (
            "bevis_status_age_seconds{issuer=\"did:web:a.example\"} 6",
            Some("bevis_status_age_seconds{issuer=\"1\"} 6"),
        ),
        (
            "bevis_status_failing{issuer=\"did:web:b.example\",code=\"unreachable\"} 1",
            Some("bevis_status_failing{issuer=\"2\",code=\"unreachable\"} 1"),
        ),
        (
            "bevis_status_lists{issuer=\"did:web:a.example\"} 2",
            Some("bevis_status_lists{issuer=\"1\"} 2"),
        ),
        // A word in which a number of eleven digits stands, and one with a quotation mark.
        ("bevis_x{what=\"26898500123\"} 1", Some("bevis_x{what=\"3\"} 1")),
        (
            "bevis_x{what=\"a\\\"b,c\",of=\"d\"} 1",
            Some("bevis_x{what=\"4\",of=\"d\"} 1"),
        ),
        ("bevis_x{what=\"open", None),
        ("Kari Nordmann 1", None),
        ("bevis_x 26898500123x", None),
    ] {
        assert_eq!(figure(line, &mut names).as_deref(), expected, "{line}");
    }
}

#[test]
fn a_detail_is_told_only_where_it_is_a_number_of_nobody() {
    for detail in ["0700", "41 MiB", "3/7", "-2", "", "1.2.3"] {
        assert_eq!(is_figure(detail), detail != "1.2.3", "{detail}");
    }
    for detail in [
        "974761076",
        "26898500123",
        "did:web:a.example 6 s",
        "Kari",
        "key-1: expired",
    ] {
        assert!(!is_figure(detail), "{detail}");
    }
}

#[test]
fn a_report_in_which_a_name_stands_all_the_same_is_not_given_out() {
    let folder = tempfile::tempdir().expect("a folder");
    let home = Home::at(&folder.path().join("home")).expect("a path");
    home.create().expect("made");
    for slip in [
        "did:web:a.example".to_owned(),
        home.path().display().to_string(),
        PEER.to_owned(),
    ] {
        let mut report = Report::new(&home);
        report.parts.insert("slip".to_owned(), json!(slip));
        let refused = report.text().expect_err(&slip);
        assert_eq!(refused.problem.code, Code::Internal);
    }
    assert!(Report::new(&home).text().is_ok());
}
