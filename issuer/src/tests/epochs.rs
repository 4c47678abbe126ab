//! A home that was restored from a sealed copy, or copied: what was open is void, and no entry is given out twice.

use std::collections::BTreeSet;

use credentials::Code;
use credentials::protocol::issuance::{Ask, Reply};
use credentials::sd_jwt::SdJwt;
use credentials::status::State;

use super::fixture::*;
use crate::{Issuer, Target};

fn subject(number: &str) -> Target {
    Target::Subject {
        number: number.to_owned(),
    }
}

/// List and index of every copy.
fn entries(held: &Held) -> BTreeSet<(String, u32)> {
    let entry = |text: &String| {
        let status = SdJwt::parse(text).unwrap().status().unwrap();
        (status.uri, status.index)
    };
    held.texts.iter().flatten().map(entry).collect()
}

fn prepared(issuer: &Issuer, vct: &str) -> u64 {
    let counts = issuer.counts().unwrap();
    counts.iter().find(|counts| counts.vct == vct).unwrap().prepared
}

#[test]
fn a_restored_issuer_is_no_rollback_to_whoever_mirrors_it_however_often_it_is_restored() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("copy");
    let mut world = World::new();
    let early = world.pid(ROLIG);
    world.identity.backup(&file);
    for restored in 0..3 {
        // Many changes after the copy was taken: every one of them raises versions that the copy knows nothing of.
        for state in [State::Suspended, State::Valid].repeat(5) {
            let now = world.now;
            world
                .identity
                .issuer()
                .set_state(now, subject(ROLIG), state, "")
                .unwrap();
            world.pull();
        }
        assert_eq!(world.mirrored(&early.texts[0][0]), Some(State::Valid));
        world.pass(1);
        world.identity.restore(&file);
        // Refused with `stale`, this would panic.
        world.pull();
        assert_eq!(
            world.mirrored(&early.texts[0][0]),
            Some(State::Valid),
            "restored {restored}"
        );
    }
    // A copied home goes on in the same way, and in its second start as in its first.
    world.identity.with_store(|store| {
        store.begin_epoch().unwrap();
    });
    world.pull();
    world.identity.reopen();
    world.pull();
    assert_eq!(world.mirrored(&early.texts[0][0]), Some(State::Valid));
}

#[test]
fn what_was_issued_after_the_copy_is_revoked_and_what_was_before_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("copy");
    let mut world = World::new();
    let early = world.pid(ROLIG);
    world.identity.backup(&file);
    let late = world.pid(MUNTER);
    assert_eq!(world.mirrored(&late.texts[0][0]), Some(State::Valid));
    world.pass(1);
    world.identity.restore(&file);
    world.pull();
    let all = |world: &World, held: &Held, state| {
        let mut texts = held.texts.iter().flatten();
        texts.all(|text| world.mirrored(text) == Some(state))
    };
    assert!(all(&world, &early, State::Valid));
    assert!(all(&world, &late, State::Revoked), "nobody could ever revoke it");
    // Both collect again, from entries that nobody has had, and stay what they are after a restart.
    let (again, other) = (world.pid(MUNTER), world.pid(ROLIG));
    for new in [&again, &other] {
        assert!(all(&world, new, State::Valid));
        assert!(entries(new).is_disjoint(&entries(&early)) && entries(new).is_disjoint(&entries(&late)));
    }
    world.identity.reopen();
    world.pull();
    assert!(all(&world, &again, State::Valid) && all(&world, &early, State::Valid));
    assert!(all(&world, &late, State::Revoked));
    // What is known can be revoked as ever.
    let now = world.now;
    world
        .identity
        .issuer()
        .set_state(now, subject(ROLIG), State::Revoked, "")
        .unwrap();
    world.pull();
    assert!(all(&world, &early, State::Revoked) && all(&world, &again, State::Valid));
}

#[test]
fn two_homes_restored_from_one_copy_give_out_different_entries() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("copy");
    let mut world = World::new();
    world.pid(ROLIG);
    world.identity.backup(&file);
    let mut given = BTreeSet::new();
    for _ in 0..4 {
        world.pass(1);
        world.identity.restore(&file);
        world.pull();
        let lists: BTreeSet<String> = entries(&world.pid(MUNTER)).into_iter().map(|(list, _)| list).collect();
        for list in lists {
            assert!(given.insert(list.clone()), "{list} twice");
        }
    }
}

#[test]
fn a_copy_from_before_the_first_list_takes_up_no_list_of_the_home_it_replaces() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("copy");
    let mut world = World::after(|identity| identity.backup(&file));
    let late = world.pid(MUNTER);
    let now = world.now;
    let act = |world: &mut World, number: &str| {
        let identity = world.identity.issuer();
        identity.set_state(now, subject(number), State::Revoked, "").unwrap();
        world.pull();
    };
    act(&mut world, MUNTER);
    assert_eq!(world.mirrored(&late.texts[0][0]), Some(State::Revoked));
    let mut given: BTreeSet<String> = entries(&late).into_iter().map(|(list, _)| list).collect();
    let zero = format!("{}0", world.identity.settings.status_base);
    assert!(given.contains(&zero), "the first home began at list 0: {given:?}");
    for _ in 0..2 {
        world.pass(1);
        world.identity.restore(&file);
        assert!(world.identity.issuer().lists().iter().all(|list| list.uri != zero));
        world.pull();
        for text in late.texts.iter().flatten() {
            assert_ne!(world.mirrored(text), Some(State::Valid), "revoked, and read as valid");
        }
        // The home goes on: its register is imported again, and its entries are others.
        let now = world.now;
        world.identity.import(now, PID, &[person(ROLIG), person(MUNTER)]);
        let new = world.pid(MUNTER);
        assert_eq!(world.mirrored(&new.texts[0][0]), Some(State::Valid));
        let lists: BTreeSet<String> = entries(&new).into_iter().map(|(list, _)| list).collect();
        assert!(lists.is_disjoint(&given), "{lists:?} again");
        given.extend(lists);
    }
}

#[test]
fn open_offers_and_their_codes_are_void_in_a_new_epoch() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("copy");
    let mut world = World::new();
    let offer = world.identity.issuer().offer(noon(), PID, Some(ROLIG)).unwrap();
    let begun = Collecting::begin_offer(&mut world, &offer);
    world.identity.backup(&file);
    // Right in every part: the home that goes on without being restored would deliver.
    let right = begun.request(&mut world, begun.by_code(&code(&offer)));
    world.identity.restore(&file);
    // Terms of before end with their nonce, and the code opens nothing any more, right as it is.
    assert_eq!(refusal(world.ask(PID, Ask::Request(Box::new(right)))), Code::WrongNonce);
    let again = Collecting::begin(&mut world, PID, Some(offer_id(&offer)), None);
    assert_eq!(again.err(), Some(Code::OfferClosed));
    assert_eq!(
        world.pid(ROLIG).claims()["personal_administrative_number"],
        ROLIG,
        "a new offer serves"
    );
    // Offers of this epoch stay open at the next start.
    let offer = world.identity.issuer().offer(noon(), PID, Some(ROLIG)).unwrap();
    world.identity.reopen();
    let held = Collecting::begin_offer(&mut world, &offer).with_code(&mut world, &code(&offer));
    held.unwrap();
}

#[test]
fn an_unfinished_delivery_of_an_earlier_epoch_is_revoked_and_not_repeated() {
    let mut world = World::new();
    let offer = world.identity.issuer().offer(noon(), PID, Some(ROLIG)).unwrap();
    let collecting = Collecting::begin_offer(&mut world, &offer);
    let ask = Ask::Request(Box::new(
        collecting.request(&mut world, collecting.by_code(&code(&offer))),
    ));
    let Reply::Delivery { credentials, .. } = world.ask(PID, ask.clone()) else {
        panic!("not delivered");
    };
    let acknowledged = world.pid(MUNTER);
    world.pull();
    assert_eq!(world.mirrored(&credentials[0][0]), Some(State::Valid));
    world.identity.with_store(|store| {
        store.begin_epoch().unwrap();
    });
    world.pull();
    assert_eq!(world.mirrored(&credentials[0][0]), Some(State::Revoked));
    assert_eq!(world.mirrored(&acknowledged.texts[0][0]), Some(State::Valid));
    assert_eq!(refusal(world.ask(PID, ask)), Code::WrongNonce);
    let counts = world.identity.issuer().counts().unwrap();
    assert_eq!((counts[0].issued, counts[0].revoked), (2, 1));
}

#[test]
fn prepared_rows_are_prepared_anew_from_a_new_list() {
    let mut world = World::new();
    let pid = world.pid(ROLIG);
    let now = world.now;
    assert_eq!(world.agency.issuer().prepare(now, INCOME, 10).unwrap(), 2);
    let before: BTreeSet<String> = world.agency.issuer().lists().into_iter().map(|list| list.uri).collect();
    world.agency.with_store(|store| {
        store.begin_epoch().unwrap();
    });
    assert_eq!(prepared(world.agency.issuer(), INCOME), 0);
    assert_eq!(world.agency.issuer().prepare(now, INCOME, 10).unwrap(), 2);
    world.pull();
    let held = world.collect(INCOME, None, &pid).unwrap();
    assert!(entries(&held).iter().all(|(list, _)| !before.contains(list)));
    assert_eq!(world.mirrored(&held.texts[0][0]), Some(State::Valid));
    assert_eq!(prepared(world.agency.issuer(), INCOME), 1);
}

#[test]
fn an_epoch_is_settled_once() {
    let mut world = World::new();
    world.pid(ROLIG);
    world.identity.with_store(|store| {
        store.begin_epoch().unwrap();
    });
    world.pid(MUNTER);
    let names = |world: &mut World| -> Vec<String> {
        let lists = world.identity.issuer().lists();
        lists.into_iter().map(|list| list.uri).collect()
    };
    let before = names(&mut world);
    let offer = world.identity.issuer().offer(noon(), PID, Some(ROLIG)).unwrap();
    let sequence = std::cell::Cell::new(0);
    for start in 0..3 {
        world.identity.with_store(|store| {
            if start > 0 {
                assert_eq!(store.sequence(), sequence.get(), "a start writes nothing");
            }
            sequence.set(store.sequence());
        });
        assert_eq!(names(&mut world), before);
    }
    let begun = Collecting::begin(&mut world, PID, Some(offer_id(&offer)), None);
    assert!(begun.is_ok());
}
