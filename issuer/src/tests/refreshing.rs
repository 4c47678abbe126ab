//! Copies are replaced by the key that was committed when they were collected, and by nothing else.

use std::collections::BTreeSet;

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use credentials::protocol::issuance::{Ask, Identification, Refresh, Reply};
use credentials::refresh::Order;
use credentials::sd_jwt::{SdJwt, keys_hash};
use credentials::status::State;
use credentials::time::DAY;
use credentials::{Code, SigningKey, VerifyingKey};
use serde_json::json;

use super::fixture::*;
use crate::{Ground, Target};

/// The same key again.
fn same(key: &SigningKey) -> SigningKey {
    SigningKey::from_bytes(&key.to_bytes())
}

/// A wallet with a batch that can be replaced.
struct Batch {
    vct: &'static str,
    held: Held,
    id: [u8; 16],
    key: SigningKey,
}

/// An order, before it is sent.
struct Sending {
    batch: [u8; 16],
    transaction: [u8; 16],
    keys: Vec<SigningKey>,
    signer: SigningKey,
    at: i64,
}

impl Batch {
    fn collect(world: &mut World, vct: &'static str, organisation: Option<&str>, proof: &Held) -> Batch {
        let mut collecting = Collecting::begin(world, vct, None, organisation).unwrap();
        let key = keys(1).remove(0);
        collecting.keys.push(same(&key));
        let id = collecting.transaction;
        let answer = collecting.answer(world, proof);
        let held = collecting.send(world, Identification::Presentation { answer }).unwrap();
        world.pull();
        Batch { vct, held, id, key }
    }

    fn sending(&self) -> Sending {
        let copies: usize = self.held.texts.iter().map(Vec::len).sum();
        Sending {
            batch: self.id,
            transaction: credentials::random::bytes(random().as_mut()),
            keys: keys(copies + 1),
            signer: same(&self.key),
            at: 0,
        }
    }

    fn send(&self, world: &mut World, sending: &Sending) -> Result<Vec<Vec<String>>, Code> {
        match world.ask(self.vct, sending.ask(world)) {
            Reply::Delivery {
                transaction,
                credentials,
            } => {
                assert_eq!(transaction, sending.transaction);
                Ok(credentials)
            }
            other => Err(refusal(other)),
        }
    }

    /// Replaced and acknowledged.
    fn replaced(&self, world: &mut World) -> Batch {
        let sending = self.sending();
        let texts = self.send(world, &sending).unwrap();
        acknowledge(world, self.vct, &sending);
        Batch {
            vct: self.vct,
            id: sending.transaction,
            key: same(sending.keys.last().unwrap()),
            held: Held {
                keys: sending.keys,
                texts,
            },
        }
    }

    /// States of its copies as everybody mirrors them.
    fn mirrored(&self, world: &mut World) -> Vec<State> {
        world.pull();
        let texts = self.held.texts.iter().flatten();
        texts.map(|text| world.mirrored(text).unwrap()).collect()
    }
}

fn acknowledge(world: &mut World, vct: &str, sending: &Sending) {
    let transaction = sending.transaction.to_vec();
    assert_eq!(world.ask(vct, Ask::Acknowledge { transaction }), Reply::Acknowledged);
}

impl Sending {
    fn ask(&self, world: &World) -> Ask {
        let issuer = world.agency.settings.did.clone();
        let nonce = BASE64_URL_SAFE_NO_PAD.encode(self.batch);
        let public: Vec<VerifyingKey> = self.keys.iter().map(SigningKey::verifying_key).collect();
        let at = world.now.plus(self.at);
        let order = Order::new(&issuer, &self.batch, &self.transaction, &keys_hash(&public), at);
        let prove = |key: &SigningKey| proof(key, &issuer.to_string(), &nonce, &self.transaction);
        Ask::Refresh(Box::new(Refresh {
            batch: self.batch.to_vec(),
            transaction: self.transaction.to_vec(),
            proofs: self.keys.iter().map(prove).collect(),
            order: order.sign(&self.signer).unwrap(),
        }))
    }
}

fn amount(texts: &[Vec<String>]) -> String {
    let claims = SdJwt::parse(&texts[0][0]).unwrap().claims().clone();
    let amount = claims.pointer("/oppgaveInntektsmottaker/0/inntekt/0/beloep").unwrap();
    amount.as_str().unwrap().to_owned()
}

#[test]
fn a_batch_is_replaced_whole_with_the_newest_content_to_new_keys_and_once() {
    let mut world = World::new();
    let pid = world.pid(ROLIG);
    let batch = Batch::collect(&mut world, INCOME, None, &pid);
    world.pass(2 * DAY);
    let now = world.now;
    world
        .agency
        .import(now, INCOME, &[income(ROLIG, "49000.00"), income(MUNTER, "51000.00")]);
    let sending = batch.sending();
    let first = batch.send(&mut world, &sending).unwrap();
    assert_eq!((first.len(), first[0].len()), (1, 8));
    assert_eq!(
        (amount(&batch.held.texts), amount(&first)),
        ("48500.00".to_owned(), "49000.00".to_owned())
    );
    for (text, key) in first[0].iter().zip(&sending.keys) {
        let copy = SdJwt::parse(text).unwrap();
        assert_eq!(copy.holder_key(), Some(key.verifying_key()));
        assert_eq!(copy.times().0, Some(world.now.day()), "times are rounded to the day");
        assert!(!batch.held.texts[0].contains(text));
    }
    // Cut off on the way: the same again, after a restart too, and with a fresh signature.
    world.agency.reopen();
    world.pass(DAY);
    assert_eq!(batch.send(&mut world, &sending).unwrap(), first);
    let log = world.agency.issuer().access_log(Some(ROLIG)).unwrap();
    let renewals: Vec<bool> = log
        .iter()
        .filter(|e| e.ground == Ground::Refresh)
        .map(|e| e.again)
        .collect();
    assert_eq!(renewals, [false, true]);
    acknowledge(&mut world, INCOME, &sending);
    // The key has done its work.
    let second = batch.sending();
    assert_eq!(batch.send(&mut world, &second).unwrap_err(), Code::Superseded);
    // The next key does the next.
    let next = Batch {
        vct: INCOME,
        id: sending.transaction,
        key: same(&sending.keys[8]),
        held: Held {
            keys: Vec::new(),
            texts: first,
        },
    };
    let third = next.replaced(&mut world);
    assert_eq!(amount(&third.held.texts), "49000.00");
}

#[test]
fn the_old_copies_stand_until_the_new_ones_are_acknowledged_and_then_end_on_days_of_their_own() {
    let mut world = World::new();
    let pid = world.pid(ROLIG);
    let batch = Batch::collect(&mut world, INCOME, None, &pid);
    let sending = batch.sending();
    batch.send(&mut world, &sending).unwrap();
    world.end_day();
    assert_eq!(batch.mirrored(&mut world), [State::Valid; 8]);
    acknowledge(&mut world, INCOME, &sending);
    let states = |world: &mut World| -> Vec<State> {
        let issued = world.agency.issuer().issued(Some(INCOME), None).unwrap();
        issued.iter().map(|issued| issued.state).collect()
    };
    let mut both = states(&mut world);
    both.sort_by_key(|state| *state as u8);
    assert_eq!(both, [State::Valid, State::Superseded]);
    world.end_day();
    let at_once = batch
        .mirrored(&mut world)
        .iter()
        .filter(|state| **state != State::Valid)
        .count();
    assert!(at_once < 8, "all on one day");
    // To the credential's end each has its own day, across a restart too.
    let mut days = BTreeSet::new();
    let mut ended = at_once;
    for day in 0..30 {
        world.pass(DAY);
        if day == 3 {
            world.agency.reopen();
        }
        world.tick();
        world.end_day();
        let now_ended = batch
            .mirrored(&mut world)
            .iter()
            .filter(|s| **s == State::Superseded)
            .count();
        if now_ended > ended {
            days.insert(day);
        }
        ended = now_ended;
    }
    assert_eq!(ended, 8);
    assert!(days.len() > 2, "on {days:?}");
}

#[test]
fn what_is_not_acknowledged_leaves_the_old_copies_and_their_key() {
    let mut world = World::new();
    let pid = world.pid(ROLIG);
    let batch = Batch::collect(&mut world, INCOME, None, &pid);
    let lost = batch.sending();
    batch.send(&mut world, &lost).unwrap();
    assert_eq!(batch.send(&mut world, &batch.sending()).unwrap_err(), Code::Superseded);
    world.pass(7 * DAY);
    world.tick();
    world.end_day();
    assert_eq!(batch.mirrored(&mut world), [State::Valid; 8]);
    let again = batch.replaced(&mut world);
    assert_eq!(again.mirrored(&mut world), [State::Valid; 8]);
}

#[test]
fn a_used_an_old_and_anothers_key_and_an_order_that_is_not_meant_are_refused() {
    let mut world = World::new();
    let pid = world.pid(ROLIG);
    let batch = Batch::collect(&mut world, INCOME, None, &pid);
    let other = world.pid(MUNTER);
    let theirs = Batch::collect(&mut world, INCOME, None, &other);
    let mut check = |bend: &dyn Fn(&mut Sending), expected: Code| {
        let mut sending = batch.sending();
        bend(&mut sending);
        assert_eq!(batch.send(&mut world, &sending).unwrap_err(), expected);
    };
    check(&|s| s.signer = same(&theirs.key), Code::PossessionInvalid);
    check(&|s| s.signer = same(&batch.held.keys[0]), Code::PossessionInvalid);
    check(&|s| s.signer = same(&s.keys[8]), Code::PossessionInvalid);
    check(&|s| s.batch = theirs.id, Code::PossessionInvalid);
    check(&|s| s.batch = [0; 16], Code::UnknownSession);
    check(&|s| s.at = -301, Code::Stale);
    check(&|s| s.at = 301, Code::Stale);
    check(&|s| s.keys.truncate(8), Code::PossessionInvalid);
    check(&|s| s.keys.extend(keys(1)), Code::PossessionInvalid);
    check(&|s| s.keys[8] = same(&s.keys[0]), Code::PossessionInvalid);
    // Another's transaction, and proofs of other keys than the order covers.
    check(&|s| s.transaction = theirs.id, Code::WrongRequest);
    let (one, two) = (batch.sending(), batch.sending());
    let (Ask::Refresh(mut mixed), Ask::Refresh(others)) = (one.ask(&world), two.ask(&world)) else {
        panic!("orders")
    };
    mixed.proofs = others.proofs;
    assert_eq!(refusal(world.ask(INCOME, Ask::Refresh(mixed))), Code::KeysChanged);
    let Ask::Refresh(mut short) = batch.sending().ask(&world) else {
        panic!("an order")
    };
    short.batch.pop();
    assert_eq!(refusal(world.ask(INCOME, Ask::Refresh(short))), Code::Malformed);
    // The honest one still stands.
    let next = batch.replaced(&mut world);
    let mut stolen = next.sending();
    stolen.signer = same(&batch.key);
    assert_eq!(
        next.send(&mut world, &stolen).unwrap_err(),
        Code::PossessionInvalid,
        "the old key"
    );
    // A replacement is not got by the way of collecting.
    let pid = world.pid(ROLIG);
    let mut collecting = Collecting::begin(&mut world, INCOME, None, None).unwrap();
    collecting.transaction = next.id;
    let answer = collecting.answer(&mut world, &pid);
    let refused = collecting.send(&mut world, Identification::Presentation { answer });
    assert_eq!(refused.unwrap_err(), Code::WrongRequest);
}

#[test]
fn what_was_revoked_suspended_or_is_gone_is_not_renewed() {
    let mut world = World::new();
    let pid = world.pid(ROLIG);
    let batch = Batch::collect(&mut world, INCOME, None, &pid);
    let set = |world: &mut World, state: State| {
        let (now, target) = (
            world.now,
            Target::Subject {
                number: ROLIG.to_owned(),
            },
        );
        world.agency.issuer().set_state(now, target, state, "lost").unwrap();
    };
    set(&mut world, State::Suspended);
    assert_eq!(batch.send(&mut world, &batch.sending()).unwrap_err(), Code::Suspended);
    set(&mut world, State::Valid);
    assert!(batch.send(&mut world, &batch.sending()).is_ok());
    set(&mut world, State::Revoked);
    let theirs = world.pid(MUNTER);
    let late = Batch::collect(&mut world, INCOME, None, &theirs);
    let (now, target) = (
        world.now,
        Target::Subject {
            number: MUNTER.to_owned(),
        },
    );
    world
        .agency
        .issuer()
        .set_state(now, target, State::Revoked, "lost")
        .unwrap();
    assert_eq!(late.send(&mut world, &late.sending()).unwrap_err(), Code::Revoked);

    // The register row is another company's now.
    let company = world.collect(COMPANY, Some(TREG), &pid).unwrap();
    let guarantees = Batch::collect(&mut world, GUARANTEE, Some(TREG), &company);
    let mut moved = guarantee("SG-1", "aktiv", None);
    moved["loeyvehaver"] = json!({ "organisasjonsnummer": FISKEBAAT, "navn": "FORNUFTIG FISKEBÅT AS" });
    world.agency.import(now, GUARANTEE, &[moved]);
    let mut sending = guarantees.sending();
    sending.keys = keys(5);
    assert_eq!(guarantees.send(&mut world, &sending).unwrap_err(), Code::NoData);
}

#[test]
fn a_chain_ends_and_who_lost_the_role_renews_nothing_of_the_company() {
    let mut world = World::new();
    let pid = world.pid(ROLIG);
    let mut batch = Batch::collect(&mut world, INCOME, None, &pid);
    let begun = world.now;
    // Income is collected again after ninety days, however often it was renewed.
    while world.now.since(begun) <= 85 * DAY {
        world.pass(5 * DAY);
        batch = batch.replaced(&mut world);
    }
    world.pass(5 * DAY);
    assert_eq!(batch.send(&mut world, &batch.sending()).unwrap_err(), Code::Expired);

    let pid = world.pid(ROLIG);
    let company_batch = Batch::collect(&mut world, COMPANY, Some(TREG), &pid);
    let renewed = company_batch.replaced(&mut world);
    let now = world.now;
    world
        .agency
        .import(now, COMPANY, &[company(TREG, DRIFTIG), company(FISKEBAAT, DRIFTIG)]);
    // What the former manager opened ends with the day, and is revoked already as the issuer knows it.
    assert_eq!(renewed.send(&mut world, &renewed.sending()).unwrap_err(), Code::Revoked);
}

#[test]
fn a_restored_issuer_takes_no_key_from_before() {
    let mut world = World::new();
    let pid = world.pid(ROLIG);
    let batch = Batch::collect(&mut world, INCOME, None, &pid);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("backup");
    world.agency.backup(&file);
    let trust = world.trust.clone();
    world.agency.issuer().set_trust(trust);
    batch.replaced(&mut world);
    world.agency.restore(&file);
    assert_eq!(
        batch.send(&mut world, &batch.sending()).unwrap_err(),
        Code::UnknownSession
    );
}
