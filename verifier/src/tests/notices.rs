//! Notices at a bank: a register that signs with two keys, and a receiver on a real store.

mod customers;
mod freezing;
mod order;
mod persons;
mod starting;
mod unsound;

use super::world::random;
use crate::{Effect, Event, MatchState, Settings, Taken, Verifier};
use credentials::notice::{NOTHING, Notice, Place, Proposal, VCT, uuid};
use credentials::schema::Types;
use credentials::service::Registration;
use credentials::time::DAY;
use credentials::trust::{Ceremony, Draft, Organisation, OrganisationKey, Trust};
use credentials::{Code, Did, SigningKey, Timestamp};
use serde_json::{Map, Value, json};
use std::sync::Arc;
use store::{Params, Passphrase, Store};
use tempfile::TempDir;

const DEBTOR: &str = "310682950";
const OTHER: &str = "312045877";
const LINKED: &str = "213579045";
const REGISTER: &str = "did:web:konkurs.example";

fn noon() -> Timestamp {
    Timestamp::parse("2026-09-01T12:00:00Z").unwrap()
}

fn register() -> Did {
    Did::parse(REGISTER).unwrap()
}

fn key(seed: u8) -> SigningKey {
    SigningKey::from_bytes(&[seed; 32])
}

/// A list with the register, its two keys, and the bank; bent.
fn trust(at: Timestamp, bend: impl FnOnce(&mut Draft)) -> Arc<Trust> {
    let organisation = |name: &str, number: &str, seeds: &[u8]| Organisation {
        did: Did::parse(&format!("did:web:{name}")).unwrap(),
        number: number.to_owned(),
        name: name.to_owned(),
        keys: (1..)
            .zip(seeds)
            .map(|(place, seed)| OrganisationKey {
                id: format!("did:web:{name}#key-{place}"),
                key: key(*seed).verifying_key(),
                valid_from: noon().plus(-DAY),
                valid_until: noon().plus(900 * DAY),
                compromised: None,
            })
            .collect(),
        nodes: Vec::new(),
        issues: Vec::new(),
        services: Vec::new(),
    };
    let mut us = organisation("konkurs.example", "974760673", &[71, 72, 74]);
    us.issues.push(VCT.to_owned());
    let mut bank = organisation("bank.example", "315902738", &[73]);
    bank.services = Registration::builtin().into_iter().map(std::sync::Arc::new).collect();
    bank.services.retain(|service| service.id == "S11");
    let mut draft = Draft {
        sequence: 1,
        operator: "Syntetisk".to_owned(),
        issued: at,
        next_update: at.plus(30 * DAY),
        organisations: vec![us, bank],
    };
    bend(&mut draft);
    let mut ceremony = Ceremony::of_three(random().as_mut(), at).unwrap();
    ceremony.trust(&draft, at).unwrap()
}

/// C10 without its place.
fn subject(kind: &str, number: &str, about: Option<&str>) -> Map<String, Value> {
    let subject = json!({
        "type": kind, "boType": "konkurs", "kjennelsesdato": "2026-08-31", "domstol": "Syntetisk tingrett",
        "debitor": {"organisasjonsnummer": number, "navn": "TOMT SKALL AS"}, "gjelderVarsel": about,
    });
    subject.as_object().unwrap().clone()
}

/// The register: it signs whatever a test wants.
struct Publisher {
    texts: Vec<String>,
    uuids: Vec<String>,
    hash: [u8; 32],
    now: Timestamp,
}

impl Publisher {
    fn new() -> Publisher {
        Publisher {
            texts: Vec::new(),
            uuids: Vec::new(),
            hash: NOTHING,
            now: noon(),
        }
    }

    fn sign(proposal: &Proposal, at: Timestamp) -> String {
        Publisher::sign_by(proposal, at, (2, 72))
    }

    /// By the first key and another one.
    fn sign_by(proposal: &Proposal, at: Timestamp, (place, seed): (u8, u8)) -> String {
        let once = proposal.sign(&format!("{REGISTER}#key-1"), &key(71), at).unwrap();
        let twice = once.sign(&format!("{REGISTER}#key-{place}"), &key(seed), at).unwrap();
        twice.text().to_owned()
    }

    /// Without its signatures.
    fn bare(text: &str) -> Proposal {
        let mut value: Value = serde_json::from_str(text).unwrap();
        value.as_object_mut().unwrap().remove("proof");
        Proposal::parse(&value.to_string()).unwrap()
    }

    /// A notice in any place, signed by both keys.
    fn at(&self, number: u64, previous: [u8; 32], subject: &Map<String, Value>) -> Proposal {
        let place = Place {
            register: &register(),
            uuid: &uuid(credentials::random::bytes(random().as_mut())),
            number,
            previous,
            registered: self.now,
        };
        let proposal = Proposal::write(&place, subject).unwrap();
        Proposal::parse(&Publisher::sign(&proposal, self.now)).unwrap()
    }

    /// The next notice of the log; its uuid.
    fn say(&mut self, subject: &Map<String, Value>) -> String {
        let proposal = self.at(self.texts.len() as u64 + 1, self.hash, subject);
        self.push(&proposal);
        proposal.uuid().to_owned()
    }

    fn push(&mut self, proposal: &Proposal) {
        self.hash = *proposal.hash();
        self.texts.push(proposal.text().to_owned());
        self.uuids.push(proposal.uuid().to_owned());
    }

    fn open(&mut self, number: &str) -> String {
        self.say(&subject("aapning", number, None))
    }
}

/// A bank.
struct Bank {
    home: TempDir,
    verifier: Option<Verifier>,
    now: Timestamp,
}

impl Bank {
    fn new() -> Bank {
        let mut bank = Bank {
            home: tempfile::tempdir().unwrap(),
            verifier: None,
            now: noon(),
        };
        bank.reopen();
        bank
    }

    fn with(customers: &[&str]) -> Bank {
        let mut bank = Bank::new();
        let now = bank.now;
        let report = bank.verifier().customers_import(now, 1, customers).unwrap();
        assert_eq!(report.added, customers.len() as u64);
        bank
    }

    fn passphrase() -> Passphrase {
        Passphrase::new("synthetic")
    }

    fn entropy() -> store::Entropy {
        Box::new(|bytes| getrandom::fill(bytes).unwrap())
    }

    fn store(&self) -> Store {
        let dir = self.home.path().join("store");
        if Store::exists(&dir) {
            Store::open(&dir, &Bank::passphrase(), Bank::entropy()).unwrap()
        } else {
            Store::create(&dir, &Bank::passphrase(), Params::quick(), Bank::entropy()).unwrap()
        }
    }

    /// Closes the home and opens it again, as after a kill.
    fn reopen(&mut self) {
        self.verifier = None;
        let settings = Settings {
            did: Did::parse("did:web:bank.example").unwrap(),
            kid: "did:web:bank.example#key-1".to_owned(),
            peers: Vec::new(),
        };
        let verifier = Verifier::open(self.store(), Types::builtin(), settings, Arc::new(key(73)), random());
        self.verifier = Some(verifier.unwrap());
        self.trusts(|_| ());
    }

    fn trusts(&mut self, bend: impl FnOnce(&mut Draft)) {
        let trust = trust(self.now, bend);
        self.verifier().set_trust(trust);
    }

    fn verifier(&mut self) -> &mut Verifier {
        self.verifier.as_mut().unwrap()
    }

    fn take(&mut self, text: &str) -> Result<Taken, Code> {
        let now = self.now;
        self.verifier()
            .receive_notice(now, text)
            .map_err(|problem| problem.code)
    }

    fn events(&mut self) -> Vec<(String, Effect, u64)> {
        let events = self.verifier().notice_events(0).unwrap();
        events
            .into_iter()
            .map(|event: Event| (event.customer, event.effect, event.number))
            .collect()
    }

    fn matches(&mut self) -> Vec<(String, MatchState)> {
        let matches = self.verifier().notice_matches().unwrap();
        matches.into_iter().map(|view| (view.customer, view.state)).collect()
    }

    fn next(&mut self) -> u64 {
        let streams = self.verifier().notice_streams();
        streams.first().map_or(1, |stream| stream.next)
    }

    /// What there is after all messages, whatever way they came: the log, who is matched how, and what the bank was told to do.
    #[allow(clippy::type_complexity)]
    fn outcome(
        &mut self,
    ) -> (
        Vec<(u64, String, Option<Code>)>,
        Vec<(String, MatchState)>,
        Vec<(String, Effect, u64)>,
    ) {
        let log = self.verifier().notices(REGISTER, 1, 1_000).unwrap();
        let log = log.into_iter();
        (
            log.map(|view| (view.notice.number, view.notice.uuid, view.note.map(|note| note.code)))
                .collect(),
            self.matches(),
            self.events(),
        )
    }
}

fn event(customer: &str, effect: Effect, number: u64) -> (String, Effect, u64) {
    (customer.to_owned(), effect, number)
}

fn state(customer: &str, state: MatchState) -> (String, MatchState) {
    (customer.to_owned(), state)
}

#[test]
fn a_wrong_notice_blocks_and_the_compensating_one_reopens_exactly_that_customer() {
    let mut register = Publisher::new();
    let mut bank = Bank::with(&[DEBTOR, OTHER]);
    let wrong = register.open(DEBTOR);
    assert_eq!(bank.take(&register.texts[0]), Ok(Taken::Acted(1)));
    assert_eq!(bank.matches(), [state(DEBTOR, MatchState::Blocked)]);
    register.say(&subject("sletting", DEBTOR, Some(&wrong)));
    assert_eq!(bank.take(&register.texts[1]), Ok(Taken::Acted(1)));
    assert_eq!(bank.matches(), [state(DEBTOR, MatchState::Reopened)]);
    assert_eq!(
        bank.events(),
        [event(DEBTOR, Effect::Block, 1), event(DEBTOR, Effect::Reopen, 2)]
    );
    let events = bank.verifier().notice_events(0).unwrap();
    assert!(
        events
            .iter()
            .all(|event| event.opening == wrong && event.register == REGISTER)
    );
}

#[test]
fn each_kind_does_what_the_law_says_and_no_more() {
    let mut register = Publisher::new();
    let mut bank = Bank::with(&[DEBTOR, LINKED]);
    let opened = {
        let mut subject = subject("aapning", DEBTOR, None);
        subject.insert(
            "tilknyttedeEnheter".to_owned(),
            json!([{"organisasjonsnummer": LINKED}]),
        );
        register.say(&subject)
    };
    register.say(&subject("avslutning", DEBTOR, Some(&opened)));
    register.say(&subject("oppheving", DEBTOR, Some(&opened)));
    register.say(&subject("avslutning", DEBTOR, None));
    for text in &register.texts {
        assert_eq!(bank.take(text), Ok(Taken::Acted(1)));
    }
    let expected = [
        event(DEBTOR, Effect::Block, 1),
        event(LINKED, Effect::Information, 1),
        event(DEBTOR, Effect::Information, 2),
        event(DEBTOR, Effect::Decide, 3),
        event(DEBTOR, Effect::Information, 4),
    ];
    assert_eq!(bank.events(), expected);
    assert_eq!(
        bank.matches(),
        [state(DEBTOR, MatchState::BankDecides)],
        "of a linked unit nothing is blocked"
    );
}

#[test]
fn a_name_matches_nobody() {
    let mut register = Publisher::new();
    let mut bank = Bank::with(&[OTHER]);
    // The same name as our customer's, another number.
    register.open(DEBTOR);
    assert_eq!(bank.take(&register.texts[0]), Ok(Taken::Acted(1)));
    assert_eq!((bank.matches(), bank.events()), (Vec::new(), Vec::new()));
}

#[test]
fn events_are_told_until_they_are_dealt_with_and_no_id_comes_twice() {
    let mut register = Publisher::new();
    let mut bank = Bank::with(&[DEBTOR, OTHER]);
    register.open(DEBTOR);
    register.open(OTHER);
    bank.take(&register.texts[0]).unwrap();
    bank.reopen();
    let first = bank.verifier().notice_events(0).unwrap();
    assert_eq!(first.len(), 1);
    bank.verifier().notice_events_done(first[0].id).unwrap();
    bank.reopen();
    assert!(bank.verifier().notice_events(0).unwrap().is_empty());
    bank.take(&register.texts[1]).unwrap();
    let second = bank.verifier().notice_events(first[0].id).unwrap();
    assert_eq!(
        second.iter().map(|event| event.id).collect::<Vec<_>>(),
        [first[0].id + 1]
    );
    assert!(!format!("{second:?}").contains(OTHER), "no customer in a log");
    assert!(!format!("{:?}", bank.verifier().notice_matches().unwrap()).contains(OTHER));
}

#[test]
fn keys_decide_before_anything_is_kept() {
    let mut register = Publisher::new();
    let mut bank = Bank::with(&[DEBTOR]);
    register.open(DEBTOR);
    let text = register.texts[0].clone();
    let once: Value = serde_json::from_str(&text).unwrap();
    let with = |proofs: Vec<&Value>| {
        let mut notice = once.clone();
        notice["proof"] = json!(proofs);
        notice.to_string()
    };
    let (first, second) = (&once["proof"][0], &once["proof"][1]);
    assert_eq!(bank.take(&with(vec![first])), Err(Code::SecondKeyMissing));
    assert_eq!(bank.take(&with(vec![second, second])), Err(Code::SecondKeyMissing));
    let stranger = Proposal::parse(&with(vec![first])).unwrap();
    let stranger = stranger.sign(&format!("{REGISTER}#key-2"), &key(99), noon()).unwrap();
    assert_eq!(bank.take(stranger.text()), Err(Code::SignatureInvalid));
    assert_eq!(bank.take(&text.replace(DEBTOR, OTHER)), Err(Code::SignatureInvalid));
    assert_eq!(
        bank.take(&"x".repeat(credentials::notice::NOTICE_MAX + 1)),
        Err(Code::TooLarge)
    );
    bank.trusts(|draft| draft.organisations[0].keys[1].compromised = Some(noon()));
    assert_eq!(bank.take(&text), Err(Code::KeyCompromised));
    bank.trusts(|draft| draft.organisations[0].keys[0].valid_until = noon().plus(-1));
    assert_eq!(bank.take(&text), Err(Code::KeyOutsideWindow));
    bank.trusts(|draft| draft.organisations[0].issues.clear());
    assert_eq!(bank.take(&text), Err(Code::TypeNotAllowed));
    assert_eq!(bank.outcome(), (Vec::new(), Vec::new(), Vec::new()));
    bank.now = noon().plus(2 * DAY);
    assert_eq!(bank.take(&text), Err(Code::TrustStale), "the head ran out");
    bank.now = noon();
    bank.trusts(|_| ());
    assert_eq!(bank.take(&text), Ok(Taken::Acted(1)));
    assert!(Notice::open(&text, &trust(noon(), |_| ()), noon()).is_ok());
}
