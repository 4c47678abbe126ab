//! Trust documents that do not hold, in a file and from a listed peer.

use super::forged::{Forged, Forger};
use crate::network::{BANK, Network, argument, until};
use crate::process::{Home, finish};
use crate::refusals::line;
use crate::refusals::stage::{entry, mark};
use crate::spread::{counted, found};
use crate::stranger::{Peer, World};
use credentials::Code;
use credentials::protocol::{self, trust as messages};
use credentials::trust::{Bundle, Fingerprint, Head, Organisation, Role};
use node::network::{Protocol, Topic};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Everything of one kind in one role, by the door that it comes through.
const BY_FILE: [(&str, &str); 8] = [
    ("an older trust document", "an older trust document in a file"),
    (
        "trust documents that do not belong together",
        "trust documents in a file that do not belong together",
    ),
    (
        "a trust document with too few signatures",
        "a trust document in a file with too few signatures",
    ),
    (
        "a trust document that one key signed twice",
        "a trust document in a file that one key signed twice",
    ),
    (
        "a trust document by an unknown key",
        "a trust document in a file by an unknown key",
    ),
    ("an expired trust document", "an expired trust document in a file"),
    (
        "a list that its head does not name",
        "a list in a file that its head does not name",
    ),
    ("an oversize trust document", "an oversize trust document in a file"),
];
const BY_PEER: [(&str, &str); 8] = [
    ("an older trust document", "an older trust document from a peer"),
    (
        "trust documents that do not belong together",
        "trust documents from a peer that do not belong together",
    ),
    (
        "a trust document with too few signatures",
        "a trust document from a peer with too few signatures",
    ),
    (
        "a trust document that one key signed twice",
        "a trust document from a peer that one key signed twice",
    ),
    (
        "a trust document by an unknown key",
        "a trust document from a peer by an unknown key",
    ),
    ("an expired trust document", "an expired trust document from a peer"),
    (
        "a list that its head does not name",
        "a list from a peer that its head does not name",
    ),
    ("an oversize trust document", "an oversize trust document from a peer"),
];

fn at(door: &[(&str, &'static str)], kind: &str) -> &'static crate::refusals::Line {
    let (_, kind) = door.iter().find(|(of, _)| *of == kind).expect("in the table");
    line(kind)
}

/// What a bank goes by, as `trust show` has it but for the times.
fn version(bank: &Home) -> Value {
    bank.ok(&["trust", "show"])["version"].clone()
}

fn write(folder: &Path, bundle: &Bundle) -> PathBuf {
    let file = folder.join("offered.json");
    std::fs::write(&file, bundle.to_text().expect("JSON")).expect("writes");
    file
}

/// A bank that holds what the forger's anchors signed.
struct Stage {
    network: Network,
    bank: Home,
    forger: Forger,
    held: Value,
}

impl Stage {
    fn new(world: &World, others: &[Organisation]) -> Stage {
        let network = Network::trusting(&world.root());
        let mut bank = network.init(&BANK, &[]);
        bank.serve(&["--log", "debug"]);
        let listed = [&[entry(&BANK, &bank)], others].concat();
        let forger = Forger::new(world, &listed);
        let file = write(network.folder(), forger.held());
        bank.ok(&["trust", "import", argument(&file)]);
        let held = version(&bank);
        assert_eq!(held, json!({ "root": 2, "list": 2, "head": 3 }));
        Stage {
            network,
            bank,
            forger,
            held,
        }
    }

    fn takes(&self, bundle: &Bundle, version_then: Value) {
        let file = write(self.network.folder(), bundle);
        self.bank.ok(&["trust", "import", argument(&file)]);
        assert_eq!(version(&self.bank), version_then);
    }
}

#[test]
fn no_file_brings_a_trust_document_that_does_not_hold() {
    let stage = Stage::new(&World::new(), &[]);
    let bank = &stage.bank;
    let mut told = BTreeSet::new();
    for Forged { kind, role, bundle, .. } in stage.forger.all() {
        let line = at(&BY_FILE, kind);
        let file = write(stage.network.folder(), &bundle);
        let import = ["trust", "import", argument(&file)];
        let said = bank.run(&import);
        assert_eq!(said.json()["code"], line.code.as_str(), "{kind}, {role}: {said:?}");
        line.expect_json(said);
        if told.insert(kind) {
            for language in node::text::LANGUAGES {
                let typed = [&["--lang", language], &import[..]].concat();
                line.expect_text(finish(bank.typed(&typed), ""), language);
            }
        }
        assert_eq!(version(bank), stage.held, "{kind}, {role}");
    }
    // Older ones are kept as evidence.
    assert!(counted(bank, "bevis_alarms{code=\"trust_rollback\"}") > 0);
    assert!(found(bank, "older-list").is_some());
    // Their twins, in each role; what was refused has moved no counter.
    stage.takes(&stage.forger.newer(4), json!({ "root": 2, "list": 3, "head": 4 }));
    let root = stage.forger.good_root();
    stage.takes(&root, json!({ "root": 3, "list": 3, "head": 14 }));
}

/// Has a peer give out the parts of a bundle, whoever asks for which.
fn give(peer: &Peer, bundle: &Bundle) {
    let bundle = bundle.clone();
    peer.behave(move |protocol, body| {
        if protocol != Protocol::Trust {
            return None;
        }
        let head = bundle.head.clone();
        let reply = match protocol::decode(body, messages::LIMIT).ok()? {
            messages::Ask::Version => messages::Reply::Version(Head::read(&head).ok()?.number()),
            messages::Ask::Head => messages::Reply::Head { head },
            messages::Ask::Root { from } => {
                let skipped = usize::try_from(from.saturating_sub(1)).ok()?;
                messages::Reply::Root {
                    roots: bundle.roots.iter().skip(skipped).cloned().collect(),
                }
            }
            messages::Ask::List { offset, .. } => {
                let list = bundle.list.as_ref()?.as_bytes();
                let rest = list.get(usize::try_from(offset).ok()?..)?;
                messages::Reply::List {
                    total: u32::try_from(list.len()).ok()?,
                    bytes: rest.iter().copied().take(messages::CHUNK).collect(),
                }
            }
            messages::Ask::Changes { .. } => return None,
        };
        protocol::encode(&reply).ok()
    });
}

/// Has a peer tell its neighbours of a head.
fn announce(peer: &Peer, head: &[String]) {
    let announcement = messages::Announcement {
        // What a peer says of the number binds nobody; where the head cannot be read it says something.
        version: Head::read(head).map_or_else(
            |_| credentials::trust::Version {
                root: 2,
                list: 9,
                head: 9,
            },
            |head| head.number(),
        ),
        head: head.to_vec(),
        changes: None,
    };
    peer.gossip(Topic::Trust, protocol::encode(&announcement).expect("encodes"));
}

/// Listed peers, by the register's numbers of organisations that other tests play.
const PEERS: [(&str, &str); 3] = [
    ("did:web:uekte-1.example", "991825827"),
    ("did:web:uekte-2.example", "974761076"),
    ("did:web:uekte-3.example", "960885406"),
];

#[test]
fn no_peer_brings_a_trust_document_that_does_not_hold() {
    let world = World::new();
    // Three, because each origin is heard ten times a minute.
    let peers = PEERS.map(|(did, number)| Peer::start(&world, did, number, 1));
    let stage = Stage::new(&world, &peers.iter().map(|peer| peer.entry(&[])).collect::<Vec<_>>());
    let bank = &stage.bank;
    let card = serde_json::from_value(bank.ok(&["whoami"])["card"].clone()).expect("a card");
    for peer in &peers {
        peer.join(&card);
    }
    until("the bank hears all three", || counted(bank, "bevis_gossip_peers") == 3);
    let offered: Vec<Forged> = stage.forger.all().into_iter().filter(|forged| forged.by_peer).collect();
    for role in Role::ALL {
        assert!(
            offered.iter().filter(|forged| forged.role == role).count() >= 5,
            "{role}"
        );
    }
    for (round, Forged { kind, role, bundle, .. }) in offered.into_iter().enumerate() {
        let line = at(&BY_PEER, kind);
        // Whoever is asked says the same.
        for peer in &peers {
            give(peer, &bundle);
        }
        let since = mark(bank);
        announce(&peers[round % peers.len()], &bundle.head);
        let mut last = String::new();
        until(&format!("{kind}, {role}: {}", line.code), || {
            assert_eq!(version(bank), stage.held, "{kind}, {role}");
            let log = std::fs::read_to_string(bank.log()).expect("reads");
            let new = log.get(since..).unwrap_or_default();
            // A head that is good goes on at once; of its list the log tells later.
            let is_of_it = |line: &&str| line.contains("announced trust list") && line.contains("not taken");
            let refused = new.lines().find(is_of_it);
            last = refused.unwrap_or_default().to_owned();
            !last.is_empty()
        });
        let wanted = format!("problem={}", line.code);
        let says = last.split_whitespace().any(|word| word.trim_end_matches(':') == wanted);
        assert!(says, "{kind}, {role}: {last}");
        assert_eq!(version(bank), stage.held, "{kind}, {role}");
    }
    // None of them was left out for it: what is right and newer is taken from the same peers, and then a root.
    for (peer, bundle) in [
        (&peers[0], stage.forger.newer(4)),
        (&peers[1], stage.forger.good_root()),
    ] {
        for peer in &peers {
            give(peer, &bundle);
        }
        let before = version(bank);
        announce(peer, &bundle.head);
        until("the good twin is taken", || version(bank) != before);
    }
    assert_eq!(version(bank)["root"], 3);
    assert_eq!(counted(bank, "bevis_alarms_lost_total"), 0);
}

#[test]
fn a_home_without_a_root_takes_none_from_a_peer() {
    let world = World::new();
    let network = Network::trusting(&world.root());
    let peer = Peer::start(&world, PEERS[0].0, PEERS[0].1, 1);
    let mut home = Home::new(network.folder(), "rootless");
    let made = home.ok(&[
        "init",
        "--profile",
        "test",
        "--role",
        "verifier",
        "--did",
        BANK.did,
        "--number",
        BANK.number,
        "--name",
        BANK.name,
    ]);
    assert_eq!(made["root"], Value::Null);
    home.serve(&["--log", "debug"]);
    let bundle = world.sign(1, vec![entry(&BANK, &home), peer.entry(&[])]);
    let offered = Bundle::parse(bundle.as_bytes()).expect("a bundle");
    give(&peer, &offered);
    let card = serde_json::from_value(home.ok(&["whoami"])["card"].clone()).expect("a card");
    // Whoever says that it is an organisation cannot be believed, and so nothing that it says is heard.
    let ask = protocol::encode(&messages::Ask::Version).expect("encodes");
    assert_eq!(peer.ask(&card, Protocol::Trust, ask), Err(Code::TrustMissing));
    peer.join(&card);
    peer.gossip(
        Topic::Trust,
        protocol::encode(&messages::Announcement {
            version: Head::read(&offered.head).expect("a head").number(),
            head: offered.head.clone(),
            changes: None,
        })
        .expect("encodes"),
    );
    let line = line("a root that a peer offers to a home without one");
    let file = write(network.folder(), &offered);
    let import = ["trust", "import", argument(&file)];
    line.expect_json(home.run(&import));
    for language in node::text::LANGUAGES {
        let typed = [&["--lang", language], &import[..]].concat();
        line.expect_text(finish(home.typed(&typed), ""), language);
    }
    home.run(&["trust", "show"]).expect_problem(4, "trust_missing");
    assert_eq!(counted(&home, "bevis_gossip_peers"), 0);

    // A person names the root, and then the same bundle is taken.
    let root = Fingerprint::parse(&world.anchors().fingerprint().expect("founded").to_string()).expect("a fingerprint");
    home.ok(&[&import[..], &["--root", &root.to_string()]].concat());
    assert_eq!(version(&home), json!({ "root": 1, "list": 1, "head": 1 }));
}
