//! Endings that wait for the day's publication, and the decoys they come with.

use std::collections::BTreeMap;

use credentials::Code;
use credentials::protocol::status::{Ask, Reply};
use credentials::sd_jwt::SdJwt;
use credentials::status::{ENTRIES, State};

use super::fixture::*;
use crate::Target;

fn rolig() -> Target {
    Target::Subject {
        number: ROLIG.to_owned(),
    }
}

fn all_mirrored(world: &World, held: &Held, state: State) -> bool {
    let mut texts = held.texts.iter().flatten();
    texts.all(|text| world.mirrored(text) == Some(state))
}

/// How many entries of each list of the agency are in each state, as everybody sees it.
fn seen(world: &World) -> BTreeMap<String, [usize; 4]> {
    let agency = &world.agency.settings.did;
    let lists = world.mirror.lists().into_iter().filter(|list| list.issuer == *agency);
    let count = |uri: &str| {
        let mut counts = [0; 4];
        for index in 0..ENTRIES {
            let (state, _) = credentials::status::Source::state(&world.mirror, agency, uri, index).unwrap();
            counts[state as usize] += 1;
        }
        counts
    };
    lists.map(|list| (list.uri.clone(), count(&list.uri))).collect()
}

/// A world in which one credential was replaced by a newer row.
fn replaced() -> (World, Held) {
    let mut world = World::new();
    let pid = world.pid(ROLIG);
    let old = world.collect(INCOME, None, &pid).unwrap();
    let now = world.now;
    world.agency.issuer().tick(now).unwrap();
    world
        .agency
        .import(now, INCOME, &[income(ROLIG, "1.00"), income(MUNTER, "51000.00")]);
    world.pull();
    (world, old)
}

#[test]
fn a_queued_ending_is_durable_and_shown_and_published_once_at_its_time() {
    let (mut world, old) = replaced();
    let copies = old.texts.iter().flatten().count() as u64;
    let endings = world.agency.issuer().endings();
    let next = endings.next.unwrap();
    assert_eq!(endings.waiting, copies);
    assert!(next > world.now && next.since(world.now) <= 86_400 && next.unix() % 60 == 0);
    world.agency.reopen();
    assert_eq!(
        world.agency.issuer().endings(),
        endings,
        "neither queue nor time is lost"
    );
    // Until then nobody sees it, whatever is published meanwhile.
    world.reach(next.plus(-1));
    world.tick();
    assert!(all_mirrored(&world, &old, State::Valid));
    world.reach(next);
    world.tick();
    assert!(all_mirrored(&world, &old, State::Superseded));
    let after = world.agency.issuer().endings();
    assert_eq!(after.waiting, 0);
    let again = after.next.unwrap();
    assert_eq!(again.day().since(next.day()), 86_400, "on the next day");
    // A restart publishes nothing twice.
    let counts = seen(&world);
    world.agency.reopen();
    world.tick();
    assert_eq!(seen(&world), counts);
    assert_eq!(world.agency.issuer().endings(), after);
}

#[test]
fn each_day_sets_a_power_of_two_of_each_state_whether_anything_ended_or_not() {
    let (mut world, old) = replaced();
    let quiet = seen(&world);
    assert!(quiet.values().all(|counts| counts[1..] == [0, 0, 0]));
    for day in 1..=2 {
        let next = world.agency.issuer().endings().next.unwrap();
        world.reach(next);
        world.tick();
        for list in world.agency.issuer().lists() {
            let counts = seen(&world)[&list.uri];
            let expected = if list.used > 0 { 64 * day } else { 0 };
            assert_eq!((counts[1], counts[3]), (expected, expected), "day {day}: {}", list.uri);
        }
    }
    assert!(all_mirrored(&world, &old, State::Superseded));
    // Decoys survive a restart and are never given out.
    let decoys: Vec<u32> = world.agency.issuer().lists().iter().map(|list| list.decoys).collect();
    world.agency.reopen();
    let reopened: Vec<u32> = world.agency.issuer().lists().iter().map(|list| list.decoys).collect();
    assert_eq!(reopened, decoys);
    let pid = world.pid(MUNTER);
    for _ in 0..3 {
        let new = world.collect(INCOME, None, &pid).unwrap();
        assert!(all_mirrored(&world, &new, State::Valid));
    }
}

#[test]
fn what_ends_is_refused_by_the_issuer_itself_before_anybody_sees_it() {
    let mut world = World::new();
    let (rolig, munter) = (world.pid(ROLIG), world.pid(MUNTER));
    let now = world.now;
    // The identification of Rolig is replaced.
    let mut changed = person(ROLIG);
    changed["family_name"] = serde_json::json!("NYTT");
    world
        .identity
        .import(now, PID, &[changed, person(MUNTER), person(DRIFTIG)]);
    world.pull();
    assert!(all_mirrored(&world, &rolig, State::Valid), "others do not see it yet");
    assert!(world.identity.issuer().endings().waiting > 0);
    let own = |world: &mut World, held: &Held| {
        let text = SdJwt::parse(&held.texts[0][0]).unwrap();
        let status = text.status().unwrap();
        let issuer = world.identity.issuer();
        issuer.lists.state(&issuer.settings, &status.uri, status.index)
    };
    assert_eq!(own(&mut world, &rolig), Some(State::Superseded));
    assert_eq!(own(&mut world, &munter), Some(State::Valid));
    // The end of a role: nothing more is issued on it at once.
    let treg = world.collect(COMPANY, Some(TREG), &munter).err();
    assert_eq!(treg, Some(Code::RoleMissing));
}

#[test]
fn what_waits_is_published_at_once_when_somebody_revokes_it() {
    let (mut world, old) = replaced();
    let now = world.now;
    let waiting = world.agency.issuer().endings().waiting;
    let changed = world
        .agency
        .issuer()
        .set_state(now, rolig(), State::Revoked, "")
        .unwrap();
    assert_eq!(changed.copies, waiting);
    world.pull();
    assert!(all_mirrored(&world, &old, State::Revoked));
    assert_eq!(world.agency.issuer().endings().waiting, 0);
    world.agency.reopen();
    assert_eq!(
        world.agency.issuer().endings().waiting,
        0,
        "nor does it wait after a restart"
    );
    world.end_day();
    assert!(
        all_mirrored(&world, &old, State::Revoked),
        "what waited does not take it back"
    );
}

#[test]
fn what_waits_is_published_at_once_when_somebody_suspends_the_holder() {
    let (mut world, old) = replaced();
    let new = {
        let pid = world.pid(ROLIG);
        world.collect(INCOME, None, &pid).unwrap()
    };
    let now = world.now;
    let issuer = world.agency.issuer();
    let reached = issuer.reach(&rolig(), State::Suspended, "").unwrap();
    let changed = issuer.set_state(now, rolig(), State::Suspended, "").unwrap();
    assert_eq!((changed.credentials, changed), (2, reached));
    world.pull();
    assert!(all_mirrored(&world, &new, State::Suspended));
    assert!(
        all_mirrored(&world, &old, State::Superseded),
        "it has ended, and is relied on no more"
    );
    assert_eq!(world.agency.issuer().endings().waiting, 0);

    // What was suspended is valid again, and what had ended is not.
    world.agency.issuer().set_state(now, rolig(), State::Valid, "").unwrap();
    world.pull();
    assert!(all_mirrored(&world, &new, State::Valid));
    assert!(all_mirrored(&world, &old, State::Superseded));
}

#[test]
fn an_ending_of_the_same_kind_that_waits_is_published_when_it_is_asked_for() {
    let mut world = World::new();
    let rolig = world.pid(ROLIG);
    let treg = world.collect(COMPANY, Some(TREG), &rolig).unwrap();
    let now = world.now;
    world
        .agency
        .import(now, COMPANY, &[company(TREG, MUNTER), company(FISKEBAAT, DRIFTIG)]);
    world.pull();
    assert!(all_mirrored(&world, &treg, State::Valid), "the role ended, and waits");
    let company = Target::Subject {
        number: TREG.to_owned(),
    };
    let changed = world
        .agency
        .issuer()
        .set_state(now, company, State::Revoked, "")
        .unwrap();
    assert_eq!(changed.credentials, 1);
    world.pull();
    assert!(all_mirrored(&world, &treg, State::Revoked));
}

#[test]
fn a_restored_store_publishes_what_waited_so_that_nothing_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("copy");
    let (mut world, old) = replaced();
    world.agency.backup(&file);
    world.end_day();
    assert!(all_mirrored(&world, &old, State::Superseded));
    world.pass(1);
    world.agency.restore(&file);
    world.pull();
    assert!(all_mirrored(&world, &old, State::Superseded));
    assert_eq!(world.agency.issuer().endings().waiting, 0);
}

#[test]
fn a_time_that_a_wrong_clock_set_is_chosen_anew() {
    let mut world = World::new();
    let now = world.now;
    let issuer = world.agency.issuer();
    issuer.tick(now.plus(400 * 86_400)).unwrap();
    assert!(issuer.endings().next.unwrap().since(now) > 399 * 86_400);
    issuer.tick(now).unwrap();
    assert!(issuer.endings().next.unwrap().since(now) <= 86_400);
}

#[test]
fn what_changed_is_told_in_a_digest_that_mirrors_apply() {
    let mut world = World::new();
    let held = world.pid(ROLIG);
    let now = world.now;
    let trust = world.trust.clone();
    assert_eq!(world.identity.issuer().take_digests(now).unwrap(), Vec::<String>::new());
    world
        .identity
        .issuer()
        .set_state(now, rolig(), State::Suspended, "")
        .unwrap();
    let digests = world.identity.issuer().take_digests(now).unwrap();
    assert_eq!(digests.len(), 1);
    let heard = world.mirror.digest(&digests[0], &trust, now).unwrap();
    assert!(heard.is_news && heard.wanted.is_empty(), "{heard:?}");
    assert!(all_mirrored(&world, &held, State::Suspended));
    assert_eq!(world.identity.issuer().take_digests(now).unwrap(), Vec::<String>::new());
    // In a hurry they go together, and nothing is lost.
    let mut told = 1;
    for turn in 0..20 {
        let state = if turn % 2 == 0 { State::Valid } else { State::Suspended };
        world.identity.issuer().set_state(now, rolig(), state, "").unwrap();
        for digest in world.identity.issuer().take_digests(now).unwrap() {
            world.mirror.digest(&digest, &trust, now).unwrap();
            told += 1;
        }
    }
    assert_eq!(told, 8, "in one minute");
    world
        .identity
        .issuer()
        .set_state(now, rolig(), State::Revoked, "")
        .unwrap();
    world.pass(60);
    let later = world.now;
    for digest in world.identity.issuer().take_digests(later).unwrap() {
        assert!(world.mirror.digest(&digest, &trust, later).unwrap().wanted.is_empty());
    }
    assert!(all_mirrored(&world, &held, State::Revoked));
}

#[test]
fn an_issuer_answers_with_states_and_deltas_of_its_own_lists_only() {
    let mut world = World::new();
    world.pid(ROLIG);
    let now = world.now;
    let before = world.identity.head(now);
    world
        .identity
        .issuer()
        .set_state(now, rolig(), State::Revoked, "")
        .unwrap();
    let after = world.identity.head(now);
    let list = after
        .lists
        .iter()
        .position(|list| before.lists.iter().all(|old| old.states != list.states))
        .unwrap();
    let (before, after) = (&before.lists[list], &after.lists[list]);
    let own = world.identity.settings.did.clone();
    let mut ask = |ask: Ask| world.identity.issuer().receive_status(now, ask);
    let delta = |issuer: &credentials::Did| Ask::Delta {
        issuer: issuer.clone(),
        uri: after.uri.clone(),
        from: before.states.clone(),
        to: after.states.clone(),
    };
    assert!(matches!(ask(delta(&own)), Reply::Delta { changes } if changes.len() % 3 == 0 && !changes.is_empty()));
    let states = Ask::Chunk {
        hash: after.states.clone(),
        offset: 0,
    };
    assert!(matches!(ask(states), Reply::Chunk { total, bytes } if bytes.len() == total as usize));
    assert!(matches!(ask(Ask::HeadOf { issuer: own }), Reply::News { .. }));
    let other = world.agency.settings.did.clone();
    let missing = Reply::Problem(Code::StatusMissing.into());
    let mut ask = |ask: Ask| world.identity.issuer().receive_status(now, ask);
    assert_eq!(ask(delta(&other)), missing);
    assert_eq!(ask(Ask::HeadOf { issuer: other }), missing);
    let purpose = credentials::protocol::status::Purpose::Revocation;
    let bitstring = |uri: &str| Ask::Bitstring {
        uri: uri.to_owned(),
        purpose,
    };
    assert!(matches!(ask(bitstring(&after.uri)), Reply::Bitstring { .. }));
    assert_eq!(ask(bitstring("https://elsewhere.example/1")), missing);
}

#[test]
fn lists_are_signed_anew_every_hour_although_nothing_changed() {
    let mut world = World::new();
    let now = world.now;
    let before = world.agency.head(now);
    world.pass(3_599);
    world.tick();
    assert_eq!(world.agency.head(world.now).lists, before.lists);
    world.pass(1);
    world.tick();
    let after = world.agency.head(world.now);
    for (before, after) in before.lists.iter().zip(&after.lists) {
        assert!(after.version > before.version && after.hash != before.hash);
        assert_eq!(after.states, before.states);
    }
}

#[test]
fn two_publications_in_one_second_leave_nothing_waiting() {
    let mut world = World::new();
    let rolig = world.pid(ROLIG);
    let munter = world.pid(MUNTER);
    let olds = [&rolig, &munter].map(|pid| world.collect(INCOME, None, pid).unwrap());
    let now = world.now;
    let lines = [income(ROLIG, "1.00"), income(MUNTER, "2.00")];
    for (line, old) in lines.iter().zip(&olds) {
        assert!(all_mirrored(&world, old, State::Valid));
        world.agency.import(now, INCOME, std::slice::from_ref(line));
        let endings = world.agency.issuer().publish_endings(now).unwrap();
        assert_eq!(endings.waiting, 0);
        world.pull();
        assert!(all_mirrored(&world, old, State::Superseded));
    }
}
