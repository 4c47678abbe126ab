//! An organisation's home that has a head key too: what it does by the clock.

use super::Service;
use crate::config;
use crate::home::Home;
use crate::service::{AnchorName, create_keys, entropy};
use credentials::identifier::OrganisationNumber;
use credentials::time::DAY;
use credentials::trust::{
    Bundle, Ceremony, Certificate, Class, Draft, Fingerprint, NodeEntry, Organisation, Role, Thresholds,
};
use credentials::{Code, Timestamp};
use std::sync::Arc;
use store::{Params, Passphrase, Store};

const HOUR: i64 = 3_600;

/// A home, and the anchors of its network, one of whom has its head key there.
struct World {
    service: Arc<Service>,
    anchors: Ceremony,
    sequence: u64,
    /// Whom the lists name beside the home.
    others: Vec<Organisation>,
    folder: tempfile::TempDir,
}

impl World {
    fn new() -> World {
        let folder = tempfile::tempdir().expect("a folder");
        let home = Home::at(&folder.path().join("home")).expect("a path");
        home.create().expect("made");
        let mut config = config::defaults();
        config.organisation = Some(config::Organisation {
            did: credentials::Did::parse("did:web:skatteetaten.example").expect("a DID"),
            number: "974761076".to_owned(),
            name: "Skatteetaten".to_owned(),
        });
        config.verifier = Some(config::Section::default());
        let passphrase = Passphrase::new("a synthetic passphrase");
        let store = Store::create(&home.store(), &passphrase, Params::quick(), entropy()).expect("made");
        create_keys(&store, &config, None).expect("keys");
        drop(store);
        crate::home::write(&home.config(), config::text(&config).expect("text").as_bytes()).expect("writes");
        let loaded = config::load(&home, &[]).expect("loads");
        let service = Service::open(&home, loaded, &passphrase).expect("opens");
        let name = AnchorName {
            id: "skatt".to_owned(),
            name: "Skatt".to_owned(),
            class: Class::Agency,
            number: None,
        };
        service.become_anchor(name).expect("an anchor");
        let now = crate::clock::now();
        let founded = Ceremony::of_three(&mut crate::clock::System, now).expect("founded");
        let mut hands = founded.hands().to_vec();
        let head = service.keys.anchor().expect("an anchor").of(Role::Head)[0].verifying_key();
        let hand = hands.last_mut().expect("three");
        hand.anchor.id = "skatt".to_owned();
        hand.anchor.keys.head = vec![head];
        let thresholds = Thresholds {
            root: 2,
            list: 2,
            head: 1,
        };
        World {
            service,
            anchors: Ceremony::found(hands, thresholds, now).expect("founded"),
            sequence: 0,
            others: Vec::new(),
            folder,
        }
    }

    /// The home goes on as one that was restored.
    fn restore(&mut self) {
        let home = Home::at(&self.folder.path().join("home")).expect("a path");
        let loaded = config::load(&home, &[]).expect("loads");
        let path = self.folder.path().join("copy");
        self.service.store.backup(&path, None).expect("copied");
        let home = Home::at(&self.folder.path().join("again")).expect("a path");
        home.create().expect("made");
        let passphrase = Passphrase::new("a synthetic passphrase");
        drop(Store::restore(&path, &home.store(), &passphrase, entropy()).expect("restored"));
        self.service = Service::open(&home, loaded, &passphrase).expect("opens");
    }

    /// The next list, which names the home as `change` has it, taken by the home.
    fn take(&mut self, change: impl FnOnce(&mut Organisation)) {
        let now = crate::clock::now();
        let card = self
            .service
            .keys
            .organisation()
            .expect("an organisation")
            .card(Vec::new());
        let mut organisation = card.entry().expect("a card with keys");
        change(&mut organisation);
        let mut organisations = vec![organisation];
        organisations.extend(self.others.iter().cloned());
        self.sequence += 1;
        let draft = Draft {
            sequence: self.sequence,
            operator: "Testnett".to_owned(),
            issued: now,
            next_update: now.plus(300 * DAY),
            organisations,
        };
        let bundle = self.anchors.publish(&draft, now).expect("signed");
        self.import(&bundle);
    }

    fn import(&self, bundle: &Bundle) {
        let first: Fingerprint = self.anchors.fingerprint().expect("founded");
        let text = bundle.to_text().expect("JSON");
        self.service.import_trust(&text, Some(first)).expect("taken");
    }

    fn signs(&self) -> String {
        self.service
            .keys
            .organisation()
            .expect("an organisation")
            .signing()
            .name
            .clone()
    }

    fn certificate(&self, now: Timestamp) -> Certificate {
        let text = self.service.certificate().expect("made");
        let trust = self.service.trust().expect("taken");
        Certificate::open(&text, &trust, now).expect("holds")
    }
}

#[test]
fn a_home_with_a_head_key_signs_the_head_anew_when_it_is_old_and_its_turn() {
    let mut world = World::new();
    let now = crate::clock::now();
    assert_eq!(world.service.resign_head_if_due(now).expect("nothing to sign"), None);
    world.take(|_| {});
    let version = world.service.head_version().expect("taken");
    // Two anchors come before it: it waits a quarter of an hour for each.
    let issued = world.service.trust().expect("taken").head_issued();
    for early in [0, 5 * HOUR, 6 * HOUR + 29 * 60] {
        let due = world.service.resign_head_if_due(issued.plus(early)).expect("asked");
        assert_eq!(due, None, "{early} s");
    }
    let later = issued.plus(6 * HOUR + 30 * 60);
    let taken = world
        .service
        .resign_head_if_due(later)
        .expect("signed")
        .expect("was due");
    assert_eq!(
        (taken.version.list, taken.version.head),
        (version.list, version.head + 1)
    );
    assert_eq!(
        world.service.trust().expect("taken").head_expires(),
        later.plus(24 * HOUR)
    );
    assert_eq!(world.service.resign_head_if_due(later).expect("asked"), None, "once");
    // `doctor` tells when nobody does.
    let found = |age: i64| world.service.head_found(later.plus(age)).map(|(state, _)| state);
    assert_eq!(
        [found(0), found(7 * HOUR), found(8 * HOUR), found(19 * HOUR)].map(Option::unwrap),
        ["ok", "ok", "warn", "fail"]
    );
    // What has ended is not confirmed.
    let end = issued.plus(301 * DAY);
    assert_eq!(world.service.resign_head_if_due(end).expect("asked"), None);
}

#[test]
fn a_history_of_any_length_is_told_in_answers_of_bounded_size() {
    let mut world = World::new();
    world.others = (0..200).map(another).collect();
    for _ in 0..6 {
        world.take(|_| {});
    }
    let (mut from, mut pages, mut lines) = (1, 0, Vec::new());
    loop {
        let page = world.service.show_history(from, true).expect("told");
        assert!(
            serde_json::to_vec(&page).expect("JSON").len() < 2 << 20,
            "well within a frame"
        );
        lines.extend(page["lines"].as_array().expect("lines").iter().cloned());
        pages += 1;
        match page["next"].as_u64() {
            Some(next) => from = next,
            None => break,
        }
    }
    assert!(pages > 1, "{pages}");
    let first = world.anchors.fingerprint().expect("founded");
    let lines = lines.iter().map(|line| line.as_str().expect("text"));
    let verified = credentials::trust::history::verify(lines, &first).expect("holds");
    assert_eq!((verified.tip.number, verified.list), (7, Some(6)));
    assert_eq!(
        world.service.show_history(8, true).expect("told")["entries"],
        serde_json::json!([])
    );
    assert_eq!(
        world
            .service
            .newest_list()
            .expect("read")
            .map(|list| list.len() > 50_000),
        Some(true)
    );
}

/// One of many numbers that an organisation may have.
pub(in crate::service) fn organisation_number(which: usize) -> String {
    let mut all = (310_000_000_u32..).filter_map(|number| OrganisationNumber::parse(&number.to_string()));
    all.nth(which).expect("many").as_str().to_owned()
}

/// An organisation with a node.
fn another(number: u8) -> Organisation {
    let secret = crate::network::Secret32::new([number; 32]);
    Organisation {
        did: credentials::Did::parse(&format!("did:web:bank-{number}.example")).expect("a DID"),
        number: organisation_number(usize::from(number)),
        name: "Bank".to_owned(),
        keys: Vec::new(),
        nodes: vec![NodeEntry {
            peer: crate::network::peer_name(&secret).to_string(),
            addresses: Vec::new(),
        }],
        issues: Vec::new(),
        services: Vec::new(),
    }
}

#[test]
fn a_restored_anchor_signs_no_head_until_it_has_heard_which_list_is_the_newest() {
    let mut world = World::new();
    world.others = vec![another(1), another(2)];
    world.take(|_| {});
    world.restore();
    let trust = world.service.trust().expect("kept");
    let later = trust.head_issued().plus(7 * HOUR);
    assert_eq!(world.service.resign_head_if_due(later).expect("asked"), None);
    for number in [1, 2] {
        assert_eq!(world.service.resign_head_if_due(later).expect("asked"), None);
        let own = &world.service.keys.organisation().expect("one").did;
        world
            .service
            .gate
            .took(&another(number).did, &trust, Some(own))
            .expect("noted");
    }
    assert!(
        world.service.resign_head_if_due(later).expect("signed").is_some(),
        "its twin"
    );
}

/// A finding of `doctor`: its state and detail.
fn found(service: &Service, check: &str) -> Option<(String, String)> {
    let report = service.doctor(None).expect("looks");
    let findings = report["findings"].as_array().expect("findings");
    let finding = findings.iter().find(|finding| finding["check"] == check)?;
    let text = |key: &str| finding[key].as_str().expect("text").to_owned();
    Some((text("state"), text("detail")))
}

#[test]
fn an_anchor_is_warned_of_a_root_whose_heads_no_node_can_sign_by_itself() {
    let mut world = World::new();
    world.take(|_| {});
    assert_eq!(
        found(&world.service, "head-signatures"),
        None,
        "one signature is enough"
    );
    let (hands, thresholds) = (
        world.anchors.hands().to_vec(),
        Thresholds {
            root: 2,
            list: 2,
            head: 2,
        },
    );
    world
        .anchors
        .change(hands, thresholds, crate::clock::now())
        .expect("signed");
    world.take(|_| {});
    let expected = Some(("warn".to_owned(), "2".to_owned()));
    assert_eq!(found(&world.service, "head-signatures"), expected);
    let later = world.service.trust().expect("taken").head_issued().plus(7 * HOUR);
    assert_eq!(world.service.resign_head_if_due(later).expect("asked"), None);
}

#[test]
fn the_figures_tell_how_old_the_newest_backup_is_once_there_is_one() {
    let world = World::new();
    let figures = || {
        let metrics = world.service.metrics().expect("told");
        metrics["text"].as_str().expect("text").to_owned()
    };
    assert!(!figures().contains("backup_age"), "none was made");
    let path = world.folder.path().join("home.backup");
    world.service.backup(&path).expect("made");
    let text = figures();
    let age = text
        .lines()
        .find_map(|line| line.strip_prefix("bevis_backup_age_seconds "));
    let age: i64 = age.expect("told").parse().expect("a number");
    assert!((0..60).contains(&age), "{age} s");
}

#[test]
fn an_older_list_that_somebody_shows_is_counted() {
    let mut world = World::new();
    world.take(|_| {});
    let old = world.service.bundle().expect("held");
    world.take(|_| {});
    let counted = |role: &str| {
        let metrics = world.service.metrics().expect("told");
        let text = metrics["text"].as_str().expect("text");
        text.contains(&format!("bevis_trust_older_total{{role=\"{role}\"}} 1\n"))
    };
    assert!(!counted("list"));
    world.service.take_bundle(&old, "import").expect_err("refused");
    assert!(counted("list"));
}

#[test]
fn the_newest_key_that_the_list_names_signs_and_the_certificate_follows_it() {
    let mut world = World::new();
    let now = crate::clock::now();
    assert!(world.service.certificate().is_none(), "nobody has listed this node");
    world.take(|_| {});
    let first = world.certificate(now);
    assert_eq!(first.roles.len(), 2, "asks, and signs heads");
    world.service.rotate_key(None).expect("made");
    assert_eq!(world.signs(), "key-1", "the list does not name the second");
    world.take(|_| {});
    assert_eq!(world.signs(), "key-2");
    let second = world.certificate(now);
    assert!(second.serial > first.serial);
    // A key whose window is not open yet waits; a compromised one goes.
    world.service.rotate_key(Some(now.plus(DAY))).expect("made");
    world.take(|_| {});
    assert_eq!(world.signs(), "key-2");
    assert!(
        world.service.renew_certificate_if_due(now.plus(DAY)).expect("renewed"),
        "the window has opened"
    );
    assert_eq!(world.signs(), "key-3");
    world.take(|listed| listed.keys[2].compromised = Some(now));
    assert_eq!(world.signs(), "key-2");
    // The second key is as old as its making, which may be a second after the test began.
    let later = crate::clock::now();
    assert_eq!(world.service.key_finding(later).map(|found| found.state), Some("ok"));
    world.take(|listed| {
        for key in &mut listed.keys {
            key.compromised = Some(now);
        }
    });
    assert_eq!(
        world.service.key_finding(now).map(|found| found.state),
        Some("fail"),
        "none is left"
    );
    let refused = world.service.renew_certificate(now).expect_err("refused");
    assert_eq!(refused.problem.code, Code::NotListed);
}

#[test]
fn a_certificate_is_renewed_at_half_its_life_and_doctor_warns_at_thirty_and_seven_days() {
    let mut world = World::new();
    world.take(|_| {});
    let issued = crate::clock::now();
    let made = world.certificate(issued);
    assert!(made.expires.since(made.issued) <= 90 * DAY);
    let is_due = |world: &World, days: i64| {
        let made = world.service.renew_certificate_if_due(made.issued.plus(days * DAY));
        made.expect("asked")
    };
    assert!(!is_due(&world, 44));
    let found = |days: i64| {
        world
            .service
            .certificate_found(made.expires.plus(-days * DAY))
            .map(|(state, _)| state)
    };
    assert_eq!(
        [found(31), found(30), found(8), found(7)].map(Option::unwrap),
        ["ok", "warn", "warn", "fail"]
    );
    assert_eq!(world.service.certificate_ends(), Some(made.expires));
    let figures = world
        .service
        .figures(crate::service::Format::OpenMetrics)
        .expect("told");
    for name in ["certificate_left_seconds", "key_left_seconds"] {
        assert!(figures.contains(&format!("\nbevis_{name} ")), "{figures}");
    }
    assert!(is_due(&world, 45));
    assert!(!is_due(&world, 45), "once");
    // One that could not last longer is not made again and again.
    world.take(|listed| listed.keys[0].valid_until = issued.plus(10 * DAY));
    world.service.renew_certificate(issued).expect("made");
    assert!(!world.service.renew_certificate_if_due(issued).expect("asked"));
    let found = world.service.key_finding(issued).expect("a key");
    assert_eq!((found.check, found.state), ("key-soon", "warn"), "{}", found.detail);
}
