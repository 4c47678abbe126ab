//! The register's end: drafts, two homes with a key each, publishing, restoring, evaluating.

mod persons;
mod restoring;

use super::fixture::{noon, open_store, random};
use crate::{Issuer, NoticeLimits, Published, Seen, Settings, Settling};
use credentials::identifier::PersonNumber;
use credentials::notice::tag::Blinding;
use credentials::notice::{Checkpoint, Debtor, KeyStatement, Kind, Notice, Paper, Proposal, VCT};
use credentials::protocol::notice::{Ask, EVALUATE_MAX, RANGE_MAX, Reply};
use credentials::schema::Types;
use credentials::service::Registration;
use credentials::time::DAY;
use credentials::trust::{Ceremony, Draft, Organisation, OrganisationKey, Trust};
use credentials::{Code, Did, SigningKey, Timestamp};
use serde_bytes::ByteBuf;
use serde_json::{Map, Value, json};
use std::sync::Arc;
use store::{Passphrase, Store};

const DEBTOR: &str = "310682950";
const OTHER: &str = "312045877";
const PERSON: &str = "14858834016";

fn did(domain: &str) -> Did {
    Did::parse(&format!("did:web:{domain}")).unwrap()
}

fn register() -> Did {
    did("konkurs.example")
}

fn kid(number: usize) -> String {
    format!("{}#key-{number}", register())
}

/// The register with a home for each of its keys, and two banks.
struct Register {
    homes: Vec<tempfile::TempDir>,
    keys: Vec<Arc<SigningKey>>,
    issuers: Vec<Option<Issuer>>,
    /// Places of keys that the list calls compromised.
    compromised: Vec<usize>,
    now: Timestamp,
}

impl Register {
    fn new() -> Register {
        let mut register = Register {
            homes: (0..2).map(|_| tempfile::tempdir().unwrap()).collect(),
            keys: (0..2)
                .map(|_| Arc::new(SigningKey::generate(random().as_mut())))
                .collect(),
            issuers: vec![None, None],
            compromised: Vec::new(),
            now: noon(),
        };
        register.reopen(0);
        register.reopen(1);
        register
    }

    fn trust(&self, bend: impl FnOnce(&mut Draft)) -> Arc<Trust> {
        let organisation = |name: &str, number: &str, keys: Vec<OrganisationKey>| Organisation {
            did: did(name),
            number: number.to_owned(),
            name: name.to_owned(),
            keys,
            nodes: Vec::new(),
            issues: Vec::new(),
            services: Vec::new(),
        };
        let key = |id: String, key: &SigningKey| OrganisationKey {
            id,
            key: key.verifying_key(),
            valid_from: noon().plus(-DAY),
            valid_until: noon().plus(800 * DAY),
            compromised: None,
        };
        let mut ours = Vec::new();
        for (number, own) in (1..).zip(&self.keys) {
            ours.push(key(kid(number), own));
        }
        for place in &self.compromised {
            ours[*place].compromised = Some(self.now);
        }
        let mut us = organisation("konkurs.example", "974760673", ours);
        us.issues.push(VCT.to_owned());
        let mut organisations = vec![us];
        for (name, number) in [("bank.example", "213579045"), ("annen.example", "315902738")] {
            let own = SigningKey::generate(random().as_mut());
            let mut bank = organisation(name, number, vec![key(format!("did:web:{name}#key-1"), &own)]);
            bank.services = Registration::builtin().into_iter().map(std::sync::Arc::new).collect();
            bank.services.retain(|service| service.id == "S11");
            organisations.push(bank);
        }
        let stranger = SigningKey::generate(random().as_mut());
        organisations.push(organisation(
            "uten.example",
            "312045877",
            vec![key("did:web:uten.example#key-1".to_owned(), &stranger)],
        ));
        let mut draft = Draft {
            sequence: 1,
            operator: "Syntetisk".to_owned(),
            issued: self.now,
            next_update: self.now.plus(30 * DAY),
            organisations,
        };
        bend(&mut draft);
        let mut ceremony = Ceremony::of_three(random().as_mut(), self.now).unwrap();
        ceremony.trust(&draft, self.now).unwrap()
    }

    /// Closes a home and opens it again, as after a kill.
    fn reopen(&mut self, home: usize) {
        self.issuers[home] = None;
        let settings = Settings {
            did: register(),
            kid: kid(home + 1),
            issues: vec![VCT.to_owned()],
            status_base: "https://konkurs.example/status/".to_owned(),
            peers: Vec::new(),
        };
        let store = open_store(&self.homes[home].path().join("store"));
        let issuer = Issuer::open(store, Types::builtin(), settings, self.keys[home].clone(), random());
        self.issuers[home] = Some(issuer.unwrap());
        self.trusts(home, |_| ());
    }

    fn trusts(&mut self, home: usize, bend: impl FnOnce(&mut Draft)) {
        let trust = self.trust(bend);
        self.home(home).set_trust(trust);
    }

    fn home(&mut self, home: usize) -> &mut Issuer {
        self.issuers[home].as_mut().unwrap()
    }

    fn pass(&mut self, seconds: i64) {
        self.now = self.now.plus(seconds);
        self.trusts(0, |_| ());
        self.trusts(1, |_| ());
    }

    fn draft(&mut self, subject: &Map<String, Value>) -> Result<Proposal, Code> {
        let now = self.now;
        self.home(0).notice_draft(now, subject).map_err(|error| error.code())
    }

    fn sign(&mut self, home: usize, text: &str) -> Result<String, Code> {
        let now = self.now;
        let signed = self.home(home).notice_sign(now, text);
        signed
            .map(|paper| paper.text().to_owned())
            .map_err(|error| error.code())
    }

    fn publish(&mut self, text: &str) -> Result<Published, Code> {
        let now = self.now;
        self.home(0).notice_publish(now, text).map_err(|error| error.code())
    }

    /// Both keys, one after the other.
    fn both(&mut self, text: &str) -> String {
        let once = self.sign(0, text).unwrap();
        self.sign(1, &once).unwrap()
    }

    /// The whole way of a notice; its name.
    fn say(&mut self, subject: &Map<String, Value>) -> String {
        let draft = self.draft(subject).unwrap();
        let signed = self.both(draft.text());
        self.publish(&signed).unwrap();
        draft.uuid().to_owned()
    }

    fn key(&mut self, name: &str) {
        let now = self.now;
        let window = (now, now.plus(400 * DAY));
        let statement = self.home(0).notice_key(now, name, window).unwrap();
        let signed = self.both(&statement);
        assert_eq!(self.publish(&signed), Ok(Published::Key(name.to_owned())));
    }

    fn ask(&mut self, asker: Option<&str>, ask: Ask) -> Reply {
        let now = self.now;
        self.home(0).receive_notice(now, asker.map(did).as_ref(), ask)
    }
}

fn subject(kind: &str, number: &str, about: Option<&str>) -> Map<String, Value> {
    let subject = json!({
        "type": kind, "boType": "konkurs", "kjennelsesdato": "2026-07-13", "domstol": "Syntetisk tingrett",
        "debitor": {"organisasjonsnummer": number, "navn": "TOMT SKALL AS"},
        "gjelderVarsel": about,
    });
    subject.as_object().unwrap().clone()
}

fn person(kind: &str, about: Option<&str>) -> Map<String, Value> {
    let subject = json!({"type": kind, "debitor": {"fodselsnummer": PERSON}, "gjelderVarsel": about});
    subject.as_object().unwrap().clone()
}

#[test]
fn numbers_rise_by_one_and_each_names_the_hash_of_the_one_before() {
    let mut register = Register::new();
    for _ in 0..3 {
        register.say(&subject("aapning", DEBTOR, None));
        register.pass(60);
    }
    let trust = register.trust(|_| ());
    let mut before = credentials::notice::NOTHING;
    for number in 1..=3 {
        let text = register.home(0).notice(number).unwrap().unwrap();
        let notice = Notice::open(&text, &trust, register.now).unwrap();
        assert_eq!(notice.proposal().number(), number);
        assert_eq!(*notice.proposal().previous(), before);
        before = *notice.proposal().hash();
    }
    assert_eq!(register.home(0).notice_state().unwrap().newest, 3);
    assert_eq!(register.home(0).take_notice_digests().len(), 3);
    assert!(register.home(0).take_notice_digests().is_empty());
    let views = register.home(0).notices(2, 10).unwrap();
    assert_eq!(views.iter().map(|view| view.notice.number).collect::<Vec<_>>(), [2, 3]);
    assert_eq!(
        (views[0].notice.kind, views[0].notice.company.as_deref()),
        (Some(Kind::Aapning), Some(DEBTOR))
    );
}

#[test]
fn one_draft_is_open_at_a_time_and_a_discarded_one_leaves_no_hole() {
    let mut register = Register::new();
    let first = register.draft(&subject("aapning", DEBTOR, None)).unwrap();
    assert_eq!(
        register.draft(&subject("aapning", OTHER, None)).unwrap_err(),
        Code::DraftOpen
    );
    register.reopen(0);
    assert_eq!(
        register.draft(&subject("aapning", OTHER, None)).unwrap_err(),
        Code::DraftOpen
    );
    register.home(0).notice_discard().unwrap();
    assert_eq!(
        register.sign(0, first.text()),
        Err(Code::NotFound),
        "it is no draft any more"
    );
    let second = register.draft(&subject("aapning", OTHER, None)).unwrap();
    assert_eq!((first.number(), second.number()), (1, 1));
    let signed = register.both(second.text());
    assert_eq!(register.publish(&signed), Ok(Published::Notice(1)));
    assert_eq!(
        register.publish(&signed),
        Ok(Published::Notice(1)),
        "again changes nothing"
    );
    assert_eq!(register.home(0).notice_state().unwrap().newest, 1);
}

#[test]
fn one_key_publishes_nothing() {
    let mut register = Register::new();
    let draft = register.draft(&subject("aapning", DEBTOR, None)).unwrap();
    assert_eq!(register.publish(draft.text()), Err(Code::SecondKeyMissing));
    let once = register.sign(0, draft.text()).unwrap();
    assert_eq!(register.publish(&once), Err(Code::SecondKeyMissing));
    assert_eq!(
        register.sign(0, &once),
        Err(Code::SecondKeyMissing),
        "the same key again"
    );
    assert_eq!(
        register.sign(1, draft.text()),
        Err(Code::NotFound),
        "the second home drafted nothing"
    );
    let twice = register.sign(1, &once).unwrap();
    assert_eq!(register.sign(1, &twice), Err(Code::SecondKeyMissing));
    assert_eq!(register.home(0).notice_state().unwrap().newest, 0);
    assert_eq!(register.publish(&twice), Ok(Published::Notice(1)));
}

#[test]
fn the_second_key_signs_one_paper_for_a_number_also_after_a_restart() {
    let mut register = Register::new();
    let draft = register.draft(&subject("aapning", DEBTOR, None)).unwrap();
    let once = register.sign(0, draft.text()).unwrap();
    let twice = register.sign(1, &once).unwrap();
    register.home(0).notice_discard().unwrap();
    let other = register.draft(&subject("aapning", OTHER, None)).unwrap();
    let other = register.sign(0, other.text()).unwrap();
    assert_eq!(register.sign(1, &other), Err(Code::NoticeConflict));
    register.reopen(1);
    assert_eq!(register.sign(1, &other), Err(Code::NoticeConflict));
    assert!(register.sign(1, &once).is_ok(), "the same one again");
    assert_eq!(register.publish(&twice), Err(Code::DraftOpen));
    register.home(0).notice_discard().unwrap();
    assert_eq!(register.publish(&twice), Ok(Published::Notice(1)));
}

#[test]
fn an_altered_or_foreign_paper_gets_no_second_signature() {
    let mut register = Register::new();
    let draft = register.draft(&subject("aapning", DEBTOR, None)).unwrap();
    let once = register.sign(0, draft.text()).unwrap();
    assert_eq!(
        register.sign(1, &once.replace(DEBTOR, OTHER)),
        Err(Code::SignatureInvalid)
    );
    assert_eq!(
        register.sign(1, &once.replace("konkurs.example", "bank.example")),
        Err(Code::WrongRecipient)
    );
    assert_eq!(register.sign(1, "{}"), Err(Code::Malformed));
    register.trusts(1, |draft| draft.organisations[0].keys[0].compromised = Some(noon()));
    assert_eq!(register.sign(1, &once), Err(Code::KeyCompromised));
    register.trusts(1, |draft| draft.organisations[0].keys[1].valid_until = noon().plus(-1));
    assert_eq!(register.sign(1, &once), Err(Code::KeyOutsideWindow), "our own key");
    register.trusts(1, |draft| draft.organisations[0].issues.clear());
    assert_eq!(register.sign(1, &once), Err(Code::TypeNotAllowed));
}

#[test]
fn what_undoes_names_a_standing_opening_of_the_same_debtor() {
    let mut register = Register::new();
    let unknown = "0e6a2a62-6d0b-4b3d-8f58-2a6a5a9d3a10";
    for kind in ["sletting", "oppheving"] {
        let refused = register.draft(&subject(kind, DEBTOR, Some(unknown)));
        assert_eq!(refused.unwrap_err(), Code::NoticeInvalid, "before any opening");
        assert_eq!(
            register.draft(&subject(kind, DEBTOR, None)).unwrap_err(),
            Code::SchemaInvalid
        );
    }
    let opened = register.say(&subject("aapning", DEBTOR, None));
    let other = register.draft(&subject("sletting", OTHER, Some(&opened)));
    assert_eq!(other.unwrap_err(), Code::NoticeInvalid, "another debtor");
    register.say(&subject("sletting", DEBTOR, Some(&opened)));
    let again = register.draft(&subject("oppheving", DEBTOR, Some(&opened)));
    assert_eq!(again.unwrap_err(), Code::NoticeInvalid, "it stands no more");
}

#[test]
fn a_clock_that_was_set_back_stops_drafting_and_a_kind_of_a_later_version_too() {
    let mut register = Register::new();
    register.say(&subject("aapning", DEBTOR, None));
    register.now = register.now.plus(-60);
    register.trusts(0, |_| ());
    assert_eq!(
        register.draft(&subject("aapning", OTHER, None)).unwrap_err(),
        Code::ClockSuspect
    );
    register.pass(60);
    assert_eq!(
        register.draft(&subject("gjenaapning", OTHER, None)).unwrap_err(),
        Code::Unsupported
    );
    assert!(register.draft(&subject("aapning", OTHER, None)).is_ok());
}

#[test]
fn a_restart_loses_nothing_and_gossips_the_newest_once_more() {
    let mut register = Register::new();
    let opened = register.say(&subject("aapning", DEBTOR, None));
    register.home(0).take_notice_digests();
    register.reopen(0);
    let state = register.home(0).notice_state().unwrap();
    assert_eq!((state.newest, state.is_settled), (1, true));
    assert_eq!(register.home(0).take_notice_digests().len(), 1);
    register.say(&subject("sletting", DEBTOR, Some(&opened)));
    assert_eq!(register.home(0).notice_state().unwrap().newest, 2);
}

#[test]
fn peers_pull_the_newest_and_ranges_within_bounds() {
    let mut register = Register::new();
    let name = register_name();
    let newest = Ask::Newest { register: name.clone() };
    let none = Reply::Newest {
        notice: None,
        checkpoint: None,
    };
    assert_eq!(register.ask(None, newest.clone()), none);
    for _ in 0..40 {
        register.say(&subject("aapning", DEBTOR, None));
    }
    let Reply::Newest { notice, .. } = register.ask(None, newest) else {
        panic!("newest")
    };
    assert_eq!(Proposal::parse(&notice.unwrap()).unwrap().number(), 40);
    for (from, count, first, expected) in [
        (1, 5, 1, 5),
        (38, 32, 38, 3),
        (1, u16::MAX, 1, usize::from(RANGE_MAX)),
        (41, 9, 0, 0),
        (u64::MAX, 9, 0, 0),
    ] {
        let ask = Ask::Range {
            register: name.clone(),
            from,
            count,
        };
        let reply = register.ask(None, ask);
        let bytes = credentials::protocol::encode(&reply).unwrap();
        assert!(bytes.len() <= credentials::protocol::notice::LIMIT);
        let Reply::Range { notices } = reply else {
            panic!("range")
        };
        assert_eq!(notices.len(), expected, "{from} {count}");
        if let Some(text) = notices.first() {
            assert_eq!(Proposal::parse(text).unwrap().number(), first);
        }
    }
    let other = Ask::Newest {
        register: "did:web:annet.example".to_owned(),
    };
    assert_eq!(register.ask(None, other), Reply::Problem(Code::NotFound.into()));
}

fn register_name() -> String {
    register().to_string()
}

#[test]
fn a_checkpoint_names_the_openings_that_stand() {
    let mut register = Register::new();
    let now = register.now;
    let early = register.home(0).notice_checkpoint(now).unwrap_err();
    assert_eq!(early.code(), Code::NotFound);
    let deleted = register.say(&subject("aapning", DEBTOR, None));
    let standing = register.say(&subject("aapning", OTHER, None));
    register.say(&subject("sletting", DEBTOR, Some(&deleted)));
    let closed = register.say(&subject("aapning", DEBTOR, None));
    register.say(&subject("avslutning", DEBTOR, Some(&closed)));
    let draft = register.home(0).notice_checkpoint(now).unwrap();
    let signed = register.both(&draft);
    assert_eq!(register.publish(&signed), Ok(Published::Checkpoint(5)));
    let trust = register.trust(|_| ());
    let checkpoint = Checkpoint::open(&signed, &trust, now).unwrap();
    let state = Ask::State {
        register: register_name(),
        hash: checkpoint.state_name(),
        offset: 0,
    };
    let Reply::State { total, bytes } = register.ask(None, state) else {
        panic!("state")
    };
    assert_eq!(total as usize, bytes.len());
    let openings = checkpoint.openings(&bytes).unwrap();
    assert_eq!(
        openings.iter().map(|opening| opening.uuid.as_str()).collect::<Vec<_>>(),
        [standing]
    );
    let beyond = Ask::State {
        register: register_name(),
        hash: checkpoint.state_name(),
        offset: total,
    };
    let Reply::Problem(problem) = register.ask(None, beyond) else {
        panic!("beyond")
    };
    assert_eq!(problem.code, Code::Malformed);
    let forged = draft.replace("\"sekvens\":5", "\"sekvens\":4");
    assert_eq!(
        register
            .sign(0, &forged)
            .and_then(|once| register.sign(1, &once))
            .and_then(|text| register.publish(&text)),
        Err(Code::NoticeConflict)
    );
}

#[test]
fn a_home_signs_notices_first_or_second_and_never_both() {
    let mut register = Register::new();
    register.say(&subject("aapning", DEBTOR, None));
    // The second home drafts one too: it would be another number 1 with both signatures.
    let now = register.now;
    let other = register
        .home(1)
        .notice_draft(now, &subject("aapning", OTHER, None))
        .unwrap();
    assert_eq!(register.sign(1, other.text()), Err(Code::WrongRole));
    let by_hand = other.sign(&kid(2), register.keys[1].as_ref(), now).unwrap();
    assert_eq!(register.sign(0, by_hand.text()), Err(Code::WrongRole));
    register.reopen(0);
    assert_eq!(
        register.sign(0, by_hand.text()),
        Err(Code::WrongRole),
        "also after a restart"
    );
    let opened = register.draft(&subject("aapning", OTHER, None)).unwrap();
    let signed = register.both(opened.text());
    assert_eq!(register.publish(&signed), Ok(Published::Notice(2)));
}

#[test]
fn after_a_compromise_a_checkpoint_by_new_keys_is_published_at_the_newest_notice() {
    let mut register = Register::new();
    register.say(&subject("aapning", DEBTOR, None));
    let fresh = || Arc::new(SigningKey::generate(random().as_mut()));
    register.keys.push(fresh());
    register.compromised = vec![1];
    register.trusts(0, |_| ());
    let trust = register.trust(|_| ());
    let now = register.now;
    let text = register.home(0).notice(1).unwrap().unwrap();
    assert_eq!(Notice::open(&text, &trust, now).unwrap_err().code, Code::KeyCompromised);
    let draft = register.home(0).notice_checkpoint(now).unwrap();
    let once = register.sign(0, &draft).unwrap();
    let third = register.keys[2].clone();
    let twice = Paper::parse(&once).unwrap().sign(&kid(3), third.as_ref(), now).unwrap();
    assert_eq!(register.publish(twice.text()), Ok(Published::Checkpoint(1)));
    let checkpoint = Checkpoint::open(twice.text(), &trust, now).unwrap();
    let unsound = Notice::open_unsound(&text, &trust, now).unwrap();
    assert_eq!((checkpoint.number, checkpoint.hash), (1, *unsound.proposal().hash()));
}
