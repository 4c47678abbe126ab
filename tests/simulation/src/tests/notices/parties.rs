//! A register with its two homes, and a bank: the roles' own machines, whose messages travel as bytes.

use credentials::notice::VCT;
use credentials::protocol::notice::{Ask, LIMIT, Reply};
use credentials::protocol::{decode, encode};
use credentials::schema::Types;
use credentials::service::Registration;
use credentials::time::DAY;
use credentials::trust::{Ceremony, Draft, Organisation, OrganisationKey, Trust};
use credentials::{Did, Random, SigningKey, Timestamp};
use issuer::{Issuer, Seen, Settling};
use serde_json::{Map, Value, json};
use std::path::Path;
use std::sync::{Arc, OnceLock};
use store::{Params, Passphrase, Store};
use tempfile::TempDir;
use verifier::{Effect, MatchState, Verifier};

const REGISTER: &str = "did:web:konkurs.example";

fn now() -> Timestamp {
    Timestamp::parse("2026-09-01T12:00:00Z").expect("an instant")
}

fn random() -> Box<dyn Random> {
    Box::new(|bytes: &mut [u8]| getrandom::fill(bytes).expect("randomness"))
}

fn entropy() -> store::Entropy {
    Box::new(|bytes| getrandom::fill(bytes).expect("randomness"))
}

fn passphrase() -> Passphrase {
    Passphrase::new("synthetic")
}

fn did(text: &str) -> Did {
    Did::parse(text).expect("a DID")
}

fn key(seed: u8) -> Arc<SigningKey> {
    Arc::new(SigningKey::from_bytes(&[seed; 32]))
}

/// The list: the register with two keys, two banks with S11.
fn trust() -> Arc<Trust> {
    static TRUST: OnceLock<Arc<Trust>> = OnceLock::new();
    let organisation = |name: &str, number: &str, seeds: &[u8]| Organisation {
        did: did(&format!("did:web:{name}")),
        number: number.to_owned(),
        name: name.to_owned(),
        keys: (1..)
            .zip(seeds)
            .map(|(place, seed)| OrganisationKey {
                id: format!("did:web:{name}#key-{place}"),
                key: key(*seed).verifying_key(),
                valid_from: now().plus(-DAY),
                valid_until: now().plus(400 * DAY),
                compromised: None,
            })
            .collect(),
        nodes: Vec::new(),
        issues: Vec::new(),
        services: Vec::new(),
    };
    let make = || {
        let mut us = organisation("konkurs.example", "974760673", &[81, 82]);
        us.issues.push(VCT.to_owned());
        let mut organisations = vec![us];
        for (name, number, seed) in [("bank.example", "213579045", 83), ("annen.example", "315902738", 84)] {
            let mut bank = organisation(name, number, &[seed]);
            bank.services = Registration::builtin().into_iter().map(std::sync::Arc::new).collect();
            bank.services.retain(|service| service.id == "S11");
            organisations.push(bank);
        }
        let draft = Draft {
            sequence: 1,
            operator: "Syntetisk".to_owned(),
            issued: now(),
            next_update: now().plus(30 * DAY),
            organisations,
        };
        let mut ceremony = Ceremony::of_three(random().as_mut(), now()).expect("founds");
        ceremony.trust(&draft, now()).expect("publishes")
    };
    Arc::clone(TRUST.get_or_init(make))
}

fn open_store(home: &Path) -> Store {
    let dir = home.join("store");
    let store = if Store::exists(&dir) {
        Store::open(&dir, &passphrase(), entropy())
    } else {
        Store::create(&dir, &passphrase(), Params::quick(), entropy())
    };
    store.expect("a store")
}

/// C10 about a company, without its place.
pub(super) fn told(kind: &str, number: &str, about: Option<&str>) -> Map<String, Value> {
    let subject = json!({
        "type": kind, "boType": "konkurs", "kjennelsesdato": "2026-08-31", "domstol": "Syntetisk tingrett",
        "debitor": {"organisasjonsnummer": number, "navn": "TOMT SKALL AS"}, "gjelderVarsel": about,
    });
    subject.as_object().expect("an object").clone()
}

/// The register: the home that publishes, and the home of the second key.
pub(super) struct Register {
    homes: [TempDir; 2],
    first: Option<Issuer>,
    second: Issuer,
    backup: TempDir,
    digests: Vec<Vec<u8>>,
    /// Everything that it was asked.
    pub(super) asked: Vec<Ask>,
}

fn open_issuer(home: &Path, place: u8) -> Issuer {
    let settings = issuer::Settings {
        did: did(REGISTER),
        kid: format!("{REGISTER}#key-{place}"),
        issues: vec![VCT.to_owned()],
        status_base: "https://konkurs.example/status/".to_owned(),
        peers: Vec::new(),
    };
    let signer = key(80 + place);
    let mut issuer = Issuer::open(open_store(home), Types::builtin(), settings, signer, random()).expect("opens");
    issuer.set_trust(trust());
    issuer
}

impl Register {
    pub(super) fn new() -> Register {
        let homes = [(); 2].map(|()| tempfile::tempdir().expect("a folder"));
        Register {
            first: Some(open_issuer(homes[0].path(), 1)),
            second: open_issuer(homes[1].path(), 2),
            homes,
            backup: tempfile::tempdir().expect("a folder"),
            digests: Vec::new(),
            asked: Vec::new(),
        }
    }

    fn first(&mut self) -> &mut Issuer {
        self.first.as_mut().expect("open")
    }

    pub(super) fn name(&self) -> String {
        REGISTER.to_owned()
    }

    /// Signs with both keys, each in its home, and publishes.
    fn publish(&mut self, text: &str) {
        let once = self.first().notice_sign(now(), text).expect("signs");
        let twice = self.second.notice_sign(now(), once.text()).expect("signs");
        self.first().notice_publish(now(), twice.text()).expect("publishes");
        self.digests = self.first().take_notice_digests();
    }

    /// The whole way of a notice; its name.
    pub(super) fn say(&mut self, subject: &Map<String, Value>) -> String {
        let draft = self.first().notice_draft(now(), subject).expect("drafts");
        self.publish(draft.text());
        draft.uuid().to_owned()
    }

    pub(super) fn key(&mut self, name: &str) {
        let window = (now(), now().plus(400 * DAY));
        let text = self.first().notice_key(now(), name, window).expect("drafts");
        self.publish(&text);
    }

    /// Answers the bytes of a question with the bytes of an answer.
    fn answer(&mut self, bytes: &[u8]) -> Vec<u8> {
        let ask: Ask = decode(bytes, LIMIT).expect("a question");
        self.asked.push(ask.clone());
        let asker = did("did:web:bank.example");
        encode(&self.first().receive_notice(now(), Some(&asker), ask)).expect("encodes")
    }

    pub(super) fn backup(&mut self) {
        self.first = None;
        let file = self.backup.path().join("backup");
        open_store(self.homes[0].path()).backup(&file, None).expect("a backup");
        self.first = Some(open_issuer(self.homes[0].path(), 1));
    }

    /// Loses the publishing home and restores it from the backup.
    pub(super) fn restore(&mut self) {
        self.first = None;
        self.homes[0] = tempfile::tempdir().expect("a folder");
        let file = self.backup.path().join("backup");
        let dir = self.homes[0].path().join("store");
        drop(Store::restore(&file, &dir, &passphrase(), entropy()).expect("restores"));
        self.first = Some(open_issuer(self.homes[0].path(), 1));
    }

    pub(super) fn settle(&mut self, seen: &[Seen]) -> Settling {
        self.first().notice_settle(now(), seen).expect("settles")
    }

    pub(super) fn recover(&mut self, notices: &[String]) {
        self.first().notice_recover(now(), notices).expect("recovers");
    }
}

/// A bank with customers.
pub(super) struct Bank {
    verifier: Verifier,
    _home: TempDir,
}

impl Bank {
    pub(super) fn new(customers: &[&str]) -> Bank {
        let home = tempfile::tempdir().expect("a folder");
        let settings = verifier::Settings {
            did: did("did:web:bank.example"),
            kid: "did:web:bank.example#key-1".to_owned(),
            peers: Vec::new(),
        };
        let store = open_store(home.path());
        let mut verifier = Verifier::open(store, Types::builtin(), settings, key(83), random()).expect("opens");
        verifier.set_trust(trust());
        verifier.customers_import(now(), 1, customers).expect("imports");
        Bank { verifier, _home: home }
    }

    /// Hears what the register gossiped last.
    pub(super) fn gossip(&mut self, register: &mut Register) {
        for digest in &register.digests {
            self.verifier.take_notice_gossip(now(), &did(REGISTER), digest);
        }
    }

    /// Asks until nothing is due.
    pub(super) fn pull(&mut self, register: &mut Register) {
        self.verifier.notices_refresh();
        loop {
            let pulls = self.verifier.notices_due(now()).expect("reads");
            if pulls.is_empty() {
                return;
            }
            for pull in pulls {
                let answer = register.answer(&encode(&pull.ask).expect("encodes"));
                let reply: Reply = decode(&answer, LIMIT).expect("an answer");
                self.verifier.take_notices(now(), &pull, reply).expect("takes it");
            }
        }
    }

    pub(super) fn answer(&self, ask: &Ask) -> Reply {
        self.verifier.answer_notice(ask)
    }

    pub(super) fn next(&self) -> u64 {
        self.verifier.notice_streams().first().map_or(1, |stream| stream.next)
    }

    pub(super) fn matches(&self) -> Vec<(String, MatchState)> {
        let matches = self.verifier.notice_matches().expect("reads");
        matches.into_iter().map(|view| (view.customer, view.state)).collect()
    }

    pub(super) fn effects(&self) -> Vec<Effect> {
        let events = self.verifier.notice_events(0).expect("reads");
        events.into_iter().map(|event| event.effect).collect()
    }
}
