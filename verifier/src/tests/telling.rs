//! What systems hear of: events with durable numbers, and requests that are sent twice.

use super::world::*;
use crate::{EVENT_SECONDS, EVENTS_MAX, NewRequest, NewsPage, Once, Place, RECORD_SECONDS, State, Wanted, What};
use credentials::time::DAY;
use credentials::{Code, Problem};

fn all(world: &World) -> NewsPage {
    world.verifier.news(None, EVENTS_MAX, &|_| true)
}

fn kinds(world: &World) -> Vec<&'static str> {
    all(world).news.iter().map(|news| news.happened.what.as_str()).collect()
}

/// A session that asks for the income alone.
fn income_asked(world: &mut World) -> String {
    let asked = world.try_ask("S01", CUSTOMER, &["C02"], &[], Some(600));
    asked.expect("a session")
}

fn place(epoch: u32, number: u64) -> Place {
    Place { epoch, number }
}

#[test]
fn each_step_of_a_session_is_told_once_with_its_verdict_and_without_a_claim() {
    let mut world = World::new();
    let income = world.income(CUSTOMER);
    let session = income_asked(&mut world);
    assert_eq!(kinds(&world), [""; 0], "a link alone is nothing that happened");
    let answer = world.answer(&session, &[&income]);
    world.fetch(&session);
    assert_eq!(kinds(&world), ["session.fetched"]);
    world.receipt(&session, &answer);
    let page = all(&world);
    let last = page.news.last().expect("two");
    assert_eq!(last.happened.what, What::SessionCompleted);
    assert_eq!(last.happened.session.as_deref(), Some(session.as_str()));
    assert_eq!(last.happened.verdict, world.detail(&session).view.verdict);
    let told = serde_json::to_string(&page).expect("JSON");
    assert!(!told.contains(CUSTOMER) && !told.contains("48500"), "{told}");
    // Declined, run out and called off.
    let declined = world.ask("S01", CUSTOMER);
    world.send(credentials::protocol::presentation::Ask::Decline { session: declined });
    let closed = world.ask("S01", CUSTOMER);
    assert!(world.verifier.close(world.now, &closed).expect("closes"));
    let run_out = world.ask("S01", CUSTOMER);
    world.pass(601);
    world.verifier.tick(world.now).expect("ticks");
    let ends: Vec<(&str, Option<String>)> = all(&world)
        .news
        .iter()
        .skip(2)
        .map(|news| (news.happened.what.as_str(), news.happened.session.clone()))
        .collect();
    assert_eq!(ends[0].0, "session.failed");
    assert_eq!(ends[1], ("session.expired", Some(closed)));
    assert_eq!(ends[2], ("session.expired", Some(run_out)));
    assert_eq!(ends.len(), 3);
}

#[test]
fn that_claims_were_erased_is_told_when_they_are() {
    let mut world = World::new();
    let income = world.income(CUSTOMER);
    let session = income_asked(&mut world);
    let answer = world.answer(&session, &[&income]);
    world.receipt(&session, &answer);
    let until = world.detail(&session).keep_until.expect("kept");
    world.now = until.plus(1);
    world.verifier.tick(world.now).expect("ticks");
    let erased: Vec<_> = all(&world)
        .news
        .into_iter()
        .filter(|news| news.happened.what == What::Erased)
        .collect();
    assert_eq!(erased.len(), 1);
    assert_eq!(erased[0].happened.session.as_deref(), Some(session.as_str()));
    world.verifier.tick(world.now.plus(1)).expect("ticks");
    assert_eq!(kinds(&world).iter().filter(|kind| **kind == "erased").count(), 1);
}

#[test]
fn whoever_comes_back_goes_on_where_they_were_also_after_a_restart() {
    let mut world = World::new();
    for _ in 0..3 {
        let session = world.ask("S01", CUSTOMER);
        world.fetch(&session);
    }
    let seen = all(&world).news[1].place;
    let mut world = world.reopen();
    let rest = world.verifier.news(Some(seen), 10, &|_| true);
    assert!(!rest.is_gap);
    assert_eq!(rest.news.len(), 1);
    assert_eq!(rest.last, rest.news[0].place);
    let nothing = world.verifier.news(Some(rest.last), 10, &|_| true);
    assert_eq!(
        (nothing.is_gap, nothing.news.len(), nothing.last),
        (false, 0, rest.last)
    );
    // Those that are not wanted are passed, not waited at.
    let none = world
        .verifier
        .news(Some(seen), 10, &|news| news.happened.what == What::GrantWithdrawn);
    assert_eq!((none.news.len(), none.last), (0, rest.last));
    let session = world.ask("S01", CUSTOMER);
    world.fetch(&session);
    let next = world.verifier.news(Some(rest.last), 10, &|_| true);
    assert_eq!(next.news[0].place.number, rest.last.number + 1, "no number comes twice");
}

#[test]
fn a_place_that_is_not_ours_or_not_kept_is_a_gap_and_the_rest_follows() {
    let mut world = World::new();
    let session = world.ask("S01", CUSTOMER);
    world.fetch(&session);
    let epoch = all(&world).last.epoch;
    for foreign in [place(epoch + 1, 1), place(epoch, 2), place(epoch, u64::MAX)] {
        let page = world.verifier.news(Some(foreign), 10, &|_| true);
        assert!(page.is_gap, "{foreign}");
        assert_eq!(page.news.len(), 1, "{foreign}");
        assert!(!world.verifier.news(Some(page.last), 10, &|_| true).is_gap, "told once");
    }
    assert!(!world.verifier.news(Some(place(epoch, 0)), 10, &|_| true).is_gap);
    // A month later the first is gone, the newest stays: its number is that after which the next comes.
    world.pass(EVENT_SECONDS / 2);
    world.set_trust(trust(world.now, |_| ()));
    let session = world.ask("S01", CUSTOMER);
    world.fetch(&session);
    world.pass(EVENT_SECONDS / 2 + DAY);
    world.verifier.tick(world.now).expect("ticks");
    let first = all(&world).news[0].place;
    assert!(first.number > 1);
    let gap = world.verifier.news(Some(place(epoch, 1)), 10, &|_| true);
    assert!(gap.is_gap && gap.news[0].place == first);
    assert!(
        world.verifier.news(None, 10, &|_| true).is_gap,
        "the beginning is not kept any more"
    );
    world.pass(EVENT_SECONDS * 2);
    world.verifier.tick(world.now).expect("ticks");
    assert_eq!(all(&world).news.len(), 1);
}

#[test]
fn places_are_read_as_they_are_written_and_nothing_else_is_one() {
    let one = place(3, 1_027);
    assert_eq!(one.to_string(), "3-1027");
    assert_eq!(Place::parse("3-1027"), Some(one));
    for wrong in [
        "",
        "3",
        "-",
        "3-",
        "-1",
        "+3-1",
        "3-1-1",
        "3--1",
        "4294967296-1",
        " 3-1",
        "a-b",
    ] {
        assert_eq!(Place::parse(wrong), None, "{wrong:?}");
    }
}

fn new() -> NewRequest<'static> {
    NewRequest {
        service: "S01",
        case: "L-2026-17",
        subject: CUSTOMER,
        types: &[],
        claims: &[],
        valid_seconds: Some(600),
        pair: false,
    }
}

fn once(world: &mut World, key: &str, content: &[u8]) -> Result<(String, bool), Problem> {
    let once = Once { key, content };
    let made = world.verifier.request_once(world.now, &once, &new(), None);
    made.map(|(asked, is_repeated)| (asked.session, is_repeated))
}

#[test]
fn the_same_request_under_the_same_key_is_one_session_also_after_a_restart() {
    let mut world = World::new();
    let first = once(&mut world, "k", b"content").expect("made");
    assert!(!first.1);
    assert_eq!(once(&mut world, "k", b"content"), Ok((first.0.clone(), true)));
    assert_eq!(once(&mut world, "k", b"other"), Err(Code::IdempotencyConflict.into()));
    let other = once(&mut world, "l", b"content").expect("made");
    assert!(!other.1 && other.0 != first.0);
    let mut world = world.reopen();
    assert_eq!(once(&mut world, "k", b"content"), Ok((first.0.clone(), true)));
    assert_eq!(once(&mut world, "k", b"other"), Err(Code::IdempotencyConflict.into()));
    // What has become of it changes nothing: the customer is not asked again.
    assert!(world.verifier.close(world.now, &first.0).expect("closes"));
    assert_eq!(once(&mut world, "k", b"content"), Ok((first.0.clone(), true)));
    let again = world.verifier.request_once(
        world.now,
        &Once {
            key: "k",
            content: b"content",
        },
        &new(),
        None,
    );
    let (again, _) = again.expect("known");
    let credentials::link::Link::Request { session, hash, .. } = again.link else {
        panic!("no request");
    };
    assert_eq!(session, first.0);
    assert_eq!(hash, credentials::request::hash(&again.request));
}

#[test]
fn a_key_is_free_again_when_its_session_is_gone_and_a_refused_request_uses_none() {
    let mut world = World::new();
    let first = once(&mut world, "k", b"content").expect("made");
    let wrong = NewRequest {
        service: "S99",
        ..new()
    };
    let key = Once {
        key: "l",
        content: b"content",
    };
    let refused = world.verifier.request_once(world.now, &key, &wrong, None);
    assert_eq!(refused.expect_err("refused").code, Code::NotLicensed);
    assert!(
        !once(&mut world, "l", b"content").expect("made").1,
        "nothing was made the first time"
    );
    world.pass(600 + RECORD_SECONDS + 1);
    world.verifier.tick(world.now).expect("ticks");
    world.set_trust(trust(world.now, |_| {}));
    let later = once(&mut world, "k", b"other").expect("made");
    assert!(!later.1 && later.0 != first.0);
}

#[test]
fn sessions_are_read_by_pages_newest_first() {
    let mut world = World::new();
    let made: Vec<String> = (0..7).map(|_| income_asked(&mut world)).collect();
    let income = world.income(CUSTOMER);
    let answer = world.answer(&made[2], &[&income]);
    world.receipt(&made[2], &answer);
    let read = |world: &World, wanted: &Wanted| {
        let (mut all, mut before) = (Vec::new(), None);
        loop {
            let (page, next) = world
                .verifier
                .sessions_before(world.now, before, 3, wanted)
                .expect("reads");
            assert!(page.len() <= 3);
            all.extend(page.into_iter().map(|view| view.id));
            match next {
                Some(next) => before = Some(next),
                None => return all,
            }
        }
    };
    let newest_first: Vec<String> = made.iter().rev().cloned().collect();
    let any = Wanted::default();
    let completed = Wanted {
        states: vec![State::Completed],
        ..Wanted::default()
    };
    assert_eq!(read(&world, &any), newest_first);
    assert_eq!(read(&world, &completed), [made[2].clone()]);
    let world = world.reopen();
    assert_eq!(read(&world, &any), newest_first);
}
