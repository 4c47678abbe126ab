//! What the disks and the wires know after the story: nothing personal in clear, and claims only between the two parties.

use crate::process::{bevis, finish, folder};
use crate::scanner::Scanner;
use crate::telling::{Demo, SMALL};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;
use store::{Passphrase, Store};

// --- what must not be found ---

/// Members of register rows whose values say something of a person or company.
const PERSONAL: &[&str] = &[
    "personidentifikator",
    "personal_administrative_number",
    "fodselsnummer",
    "Bban",
    "family_name",
    "given_name",
    "fornavn",
    "etternavn",
    "organisasjonsnummer",
    "opplysningspliktigId",
    "virksomhetId",
    "navn",
    "arbeidsgiversNavn",
    "garantireferanse",
    "beloep",
    "amount",
    "sumKontantytelse",
];

/// Organisations of the network itself: the trust document names them to everybody.
const PUBLIC: &[&str] = &["315902738", "SOLID GARANTI ASA", "971032081", "Statens vegvesen"];

/// The values of the population's registers at these members, by member.
fn personal(registers: &Path) -> BTreeMap<String, BTreeSet<String>> {
    fn walk(value: &Value, name: &str, found: &mut BTreeMap<String, BTreeSet<String>>) {
        match value {
            Value::Object(members) => members.iter().for_each(|(name, value)| walk(value, name, found)),
            Value::Array(items) => items.iter().for_each(|item| walk(item, name, found)),
            Value::String(_) | Value::Number(_) if PERSONAL.contains(&name) => {
                let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                if !PUBLIC.contains(&text.as_str()) {
                    found.entry(name.to_owned()).or_default().insert(text);
                }
            }
            _ => {}
        }
    }
    let mut found = BTreeMap::new();
    for name in ["pid", "income", "tax", "loan", "company", "guarantee"] {
        let text = fs::read_to_string(registers.join(format!("{name}.jsonl"))).expect("reads");
        for line in text.lines() {
            walk(&serde_json::from_str(line).expect("a row"), "", &mut found);
        }
    }
    found
}

fn population() -> (tempfile::TempDir, BTreeMap<String, BTreeSet<String>>) {
    let folder = folder();
    let mut command = Command::new(bevis());
    command
        .args(["--json", "demo", "population"])
        .args(SMALL)
        .arg("--out")
        .arg(folder.path());
    finish(command, "").expect(0);
    let values = personal(folder.path());
    (folder, values)
}

/// A home's store, opened as its node opens it.
fn open(home: &Path, passphrase: &str) -> Store {
    let random = std::fs::File::open("/dev/urandom").expect("Linux");
    let entropy = Box::new(move |bytes: &mut [u8]| {
        std::io::Read::read_exact(&mut &random, bytes).expect("randomness");
    });
    Store::open(&home.join("store"), &Passphrase::new(passphrase), entropy).expect("opens")
}

const ORGANISATIONS: &[&str] = &["identity", "tax", "loans", "guarantor", "registry", "bank", "roads"];
const WALLETS: &[&str] = &["citizen", "company"];

#[test]
fn a_scan_of_all_homes_and_logs_finds_nothing_personal() {
    let folder = folder();
    let kept = folder.path().join("kept");
    Demo::start(&["--keep", &kept.display().to_string()]).end().expect(0);
    let passphrase_file = kept.join("secrets/passphrase");
    let passphrase = fs::read_to_string(&passphrase_file).expect("reads");

    let mut scanner = Scanner::default();
    let (registers, values) = population();
    for (name, least) in [
        ("personidentifikator", 60),
        ("family_name", 10),
        ("organisasjonsnummer", 12),
        ("beloep", 60),
    ] {
        assert!(values[name].len() >= least, "{name}: {}", values[name].len());
    }
    for (name, texts) in &values {
        assert!(PERSONAL.contains(&name.as_str()));
        // A name of four letters or an amount that everybody has is no find.
        for text in texts.iter().filter(|text| text.len() >= 6) {
            scanner.text(text);
        }
    }
    // Those of the story itself, however they are written.
    let cast = [
        "14858834016",
        "219840365",
        "03919043163",
        "310682950",
        "Rolig",
        "Fiskebåt",
        "Munter",
        "Lyngbakke",
        "TREG LASTEBIL AS",
        "TOMT SKALL AS",
        "312450.00",
        "313651.00",
        "190000.00",
        "SG-2022-004711",
        "SG-2023-000815",
    ];
    for text in cast {
        scanner.encoded(text, text.as_bytes());
    }
    let income = fs::read_to_string(registers.path().join("income.jsonl")).expect("reads");
    let row: Value = serde_json::from_str(income.lines().next().expect("rows")).expect("a row");
    let pay = row["oppgaveInntektsmottaker"][0]["inntekt"][0]["beloep"]
        .as_str()
        .expect("text")
        .to_owned();
    scanner.encoded(&pay, pay.as_bytes());

    // Keys, as they are and as texts; and what opens them all.
    let mut keys = 0;
    for node in ORGANISATIONS
        .iter()
        .chain(WALLETS)
        .chain(&["anchor", "anchor-bank", "anchor-other"])
    {
        let store = open(&kept.join("homes").join(node), &passphrase);
        let each = &mut |_: &[u8], id: &[u8], value: &[u8]| {
            if String::from_utf8_lossy(id).ends_with("-key") {
                let what = format!("{node}: {}", String::from_utf8_lossy(id));
                assert_eq!(value.len(), 32, "{what}");
                scanner.add(&what, "plain", value);
                scanner.encoded(&what, value);
                keys += 1;
            }
            true
        };
        store.table("node").scan(each).expect("scans");
    }
    assert_eq!(
        keys,
        12 + 7 + 3 + 2 + 2,
        "a transport key each, seven organisations, three anchors of whom one signs heads"
    );
    scanner.add("the passphrase", "plain", passphrase.as_bytes());

    let (found, files, size) = scanner.folder(&kept, &passphrase_file);
    assert_eq!(found, BTreeSet::new());
    assert!(
        files > 100 && size > 2_000_000,
        "all homes were looked at: {files} files, {size} bytes"
    );
    for node in ORGANISATIONS.iter().chain(WALLETS) {
        assert!(
            kept.join(format!("{node}.log")).is_file(),
            "the log of {node} was looked at"
        );
    }

    // The scanner finds what is there: as it is, in other writings, in the middle of something, and as a name.
    let plant = |name: &str, bytes: &[u8]| fs::write(kept.join("homes/bank/store").join(name), bytes).expect("writes");
    let wrapped = |text: &str| [&[0xff, 0x00, 0x17][..], text.as_bytes(), &[0xfe, 0x80]].concat();
    plant("1", &wrapped("Lyngbakke"));
    plant("2", &wrapped(&URL_SAFE.encode("{\"n\":\"14858834016\"}")));
    plant("3", &wrapped(&STANDARD.encode("to 14858834016")));
    plant("4", &wrapped(&STANDARD.encode("14858834016 og")));
    plant("5", &wrapped("x=3134383538383334303136;"));
    plant("6", &wrapped("Fiskeb\\u00e5t"));
    plant("7", &wrapped("15861296110"));
    plant("219840365.log", b"");
    let store = open(&kept.join("homes/bank"), &passphrase);
    let key = store
        .table("node")
        .get("organisation-key")
        .expect("reads")
        .expect("has one");
    drop(store);
    plant("8", &[&[0; 9], key.as_slice(), &[0; 9]].concat());
    plant("9", &wrapped(&passphrase));
    let (found, ..) = scanner.folder(&kept, &passphrase_file);
    let found: BTreeSet<(String, String, &str)> = found
        .into_iter()
        .map(|(path, what, how)| {
            (
                path.file_name().expect("named").to_string_lossy().into_owned(),
                what,
                how,
            )
        })
        .collect();
    let planted = [
        ("1", "Lyngbakke", "plain"),
        ("2", "14858834016", "base64"),
        ("3", "14858834016", "base64"),
        ("4", "14858834016", "base64"),
        ("5", "14858834016", "hex"),
        ("6", "Fiskebåt", "JSON escapes"),
        ("7", "15861296110", "plain"),
        ("7", "15861296110", "a person number"),
        ("219840365.log", "219840365", "plain"),
        ("8", "bank: organisation-key", "plain"),
        ("9", "the passphrase", "plain"),
    ];
    assert_eq!(
        found,
        planted
            .into_iter()
            .map(|(file, what, how)| (file.to_owned(), what.to_owned(), how))
            .collect()
    );
}

// --- who talked with whom ---

/// Bytes and requests of one protocol with one peer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Traffic {
    sent: u64,
    received: u64,
}

/// What a node's transport counted: peer, own name towards it, and traffic by protocol.
struct Row {
    peer: String,
    own: String,
    did: Option<String>,
    traffic: BTreeMap<String, Traffic>,
}

impl Row {
    /// Whether anything was said by this protocol.
    fn has(&self, protocol: &str) -> bool {
        self.traffic
            .get(protocol)
            .is_some_and(|traffic| *traffic != Traffic::default())
    }
}

fn peers(root: &Path, node: &str) -> Vec<Row> {
    let mut command = Command::new(bevis());
    command
        .arg("--home")
        .arg(root.join("homes").join(node))
        .args(["--json", "--no-input", "--passphrase-file"]);
    command.arg(root.join("secrets/passphrase")).args(["node", "peers"]);
    let said = finish(command, "").expect(0).json();
    let rows = said["peers"].as_array().expect("peers").iter();
    let text = |value: &Value| value.as_str().map(str::to_owned);
    rows.map(|row| {
        let traffic = row["traffic"]
            .as_object()
            .expect("by protocol")
            .iter()
            .map(|(protocol, counts)| {
                let count = |name: &str| counts[name].as_u64().expect("a count");
                (
                    protocol.clone(),
                    Traffic {
                        sent: count("bytes_out"),
                        received: count("bytes_in"),
                    },
                )
            });
        Row {
            peer: text(&row["peer"]).expect("named"),
            own: text(&row["own"]).expect("named"),
            did: text(&row["did"]),
            traffic: traffic.collect(),
        }
    })
    .collect()
}

const ISSUE: &str = "/bevis/issue/1";
const PRESENT: &str = "/bevis/present/1";

#[test]
fn claims_cross_only_between_the_two_parties() {
    let folder = folder();
    let kept = folder.path().join("kept");
    let mut demo = Demo::start(&["--stay", "--keep", &kept.display().to_string()]);
    demo.until("4 company reach");
    let root = demo.root();
    let rows: BTreeMap<&str, Vec<Row>> = ORGANISATIONS
        .iter()
        .chain(WALLETS)
        .map(|node| (*node, peers(&root, node)))
        .collect();
    demo.interrupt();
    demo.end().expect(0);

    // Who is behind a PeerId: organisations are named by the trust document, wallets by what they call themselves.
    let mut who: BTreeMap<String, String> = BTreeMap::new();
    for (node, rows) in &rows {
        for row in rows {
            let before = who.insert(row.own.clone(), (*node).to_owned());
            assert!(before.is_none_or(|before| before == *node), "one name, one node");
        }
    }
    for organisation in ORGANISATIONS {
        let names: BTreeSet<&String> = rows[organisation].iter().map(|row| &row.own).collect();
        assert_eq!(names.len(), 1, "{organisation} has one name");
    }
    for wallet in WALLETS {
        let names: BTreeSet<&String> = rows[wallet].iter().map(|row| &row.own).collect();
        assert_eq!(
            names.len(),
            rows[wallet].len(),
            "{wallet} has another name for each counterpart"
        );
        // As somebody whom a counterpart knows again it collects and shows, and asks nothing else; everything that anybody may ask
        // it asks under a name that it uses once.
        let is_known = |row: &&Row| row.has(ISSUE) || row.has(PRESENT);
        let (known, once): (Vec<&Row>, Vec<&Row>) = rows[wallet].iter().partition(is_known);
        let counterparts: BTreeSet<&String> = known.iter().map(|row| &row.peer).collect();
        assert_eq!(counterparts.len(), known.len(), "{wallet} has one for each");
        assert!(!known.is_empty() && !once.is_empty());
        for row in known.iter().chain(&once) {
            let anybodys = ["/bevis/status/1", "/bevis/trust/1", "/bevis/notice/1"];
            let asked = anybodys.iter().filter(|protocol| row.has(protocol));
            let most = usize::from(!is_known(row));
            assert!(asked.count() <= most, "{wallet} uses a name for two things");
        }
        assert!(
            rows[wallet].iter().all(|row| row.did.is_some()),
            "{wallet} talks with organisations only"
        );
    }
    // What is left is the peer that keeps no rules: as the lender it is on the list, as a wallet it has one name.
    let mut strangers = BTreeSet::new();
    for row in rows.values().flatten().filter(|row| !who.contains_key(&row.peer)) {
        match row.did.as_deref() {
            Some(did) => assert_eq!(did, "did:web:hurtiglaan.example"),
            None => drop(strangers.insert(row.peer.clone())),
        }
    }
    assert_eq!(strangers.len(), 1, "{strangers:?}");
    let name = |row: &Row| match (&row.did, who.get(&row.peer)) {
        (_, Some(node)) => node.clone(),
        (Some(_), None) => "lender".to_owned(),
        (None, None) => "stranger".to_owned(),
    };

    // Each pair, and whether anything crossed.
    let mut crossed: BTreeMap<&str, BTreeSet<(String, String)>> = BTreeMap::new();
    let mut counted: BTreeMap<(String, String, String), Traffic> = BTreeMap::new();
    for (node, rows) in &rows {
        for row in rows {
            for (protocol, traffic) in &row.traffic {
                if *traffic == Traffic::default() {
                    continue;
                }
                counted.insert((protocol.clone(), (*node).to_owned(), name(row)), *traffic);
                if let Some(kept) = [ISSUE, PRESENT].into_iter().find(|kept| kept == protocol) {
                    assert!(traffic.sent > 0 && traffic.received > 0, "{node}: asked and answered");
                    let mut pair = [(*node).to_owned(), name(row)];
                    pair.sort();
                    let [one, other] = pair;
                    crossed.entry(kept).or_default().insert((one, other));
                }
            }
        }
    }
    let story = |pairs: &[(&str, &str)]| -> BTreeSet<(String, String)> {
        pairs
            .iter()
            .map(|(one, other)| ((*one).to_owned(), (*other).to_owned()))
            .collect()
    };
    assert_eq!(
        crossed[ISSUE],
        story(&[
            ("citizen", "identity"),
            ("citizen", "loans"),
            ("citizen", "tax"),
            ("company", "guarantor"),
            ("company", "registry"),
            ("guarantor", "stranger"),
            ("identity", "stranger"),
            ("registry", "stranger"),
            ("stranger", "tax"),
        ])
    );
    assert_eq!(
        crossed[PRESENT],
        story(&[
            ("bank", "citizen"),
            ("bank", "company"),
            ("bank", "stranger"),
            ("citizen", "lender"),
            ("company", "roads"),
            ("roads", "stranger"),
        ])
    );
    // Both ends counted the same.
    let nodes: BTreeSet<&str> = rows.keys().copied().collect();
    for ((protocol, from, to), traffic) in &counted {
        if [ISSUE, PRESENT].contains(&protocol.as_str()) && nodes.contains(to.as_str()) {
            let other = counted[&(protocol.clone(), to.clone(), from.clone())];
            let mirrored = Traffic {
                sent: other.received,
                received: other.sent,
            };
            assert_eq!(*traffic, mirrored, "{protocol} between {from} and {to}");
        }
    }
    // The lender got a question answered with a no, and not one claim: what it received is smaller than any presentation.
    let lender = counted[&(PRESENT.to_owned(), "citizen".to_owned(), "lender".to_owned())];
    let bank = counted[&(PRESENT.to_owned(), "citizen".to_owned(), "bank".to_owned())];
    assert!(lender.sent < 256 && bank.sent > 4096, "{lender:?} {bank:?}");
}
