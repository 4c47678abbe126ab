//! How what was shown stands after the verdict.

use super::world::*;
use crate::{READING_SECONDS, Standing, Verifier};
use credentials::status::State;
use credentials::verify::Verdict;
use credentials::{Code, Timestamp};

fn standing(world: &mut World, session: &str) -> Vec<Standing> {
    let World {
        verifier, now, status, ..
    } = world;
    Verifier::standing(verifier, *now, status, session).unwrap()
}

/// State and when it was first seen to be another, of the only credential.
fn word(world: &mut World, session: &str) -> (Option<State>, Option<Timestamp>) {
    match standing(world, session).as_slice() {
        [one] => (one.state, one.seen_at),
        other => panic!("{other:?}"),
    }
}

fn income_session(world: &mut World) -> (String, u32) {
    let income = world.income(CUSTOMER);
    let session = world.try_ask("S01", CUSTOMER, &["C02"], &[], None).unwrap();
    let answer = world.answer(&session, &[&income]);
    assert_eq!(world.receipt(&session, &answer).verdict, Verdict::Valid);
    (session, income.index)
}

fn set(world: &mut World, index: u32, state: State) {
    world.status.states.insert(index, state);
    world.status.at = Some(world.now);
}

#[test]
fn what_is_revoked_after_the_verdict_is_told_with_its_time_and_the_verdict_stays() {
    let mut world = World::new();
    let (session, index) = income_session(&mut world);
    let before = world.detail(&session);
    assert_eq!(word(&mut world, &session), (Some(State::Valid), None));
    world.pass(90);
    set(&mut world, index, State::Revoked);
    let seen = world.now;
    let [told] = <[Standing; 1]>::try_from(standing(&mut world, &session)).unwrap();
    assert_eq!(
        (told.state, told.said_at, told.seen_at),
        (Some(State::Revoked), Some(seen), Some(seen))
    );
    assert_eq!(told.credential, "MonthlyIncome");
    assert!(!told.is_expired && told.expires.is_some());
    let after = world.detail(&session);
    assert_eq!(
        (after.view, after.claims, after.checks),
        (before.view, before.claims, before.checks)
    );
    // When it was seen is kept with it, over a restart and however often it is looked at.
    world.pass(3_600);
    let mut world = world.reopen();
    assert_eq!(word(&mut world, &session), (Some(State::Revoked), Some(seen)));
}

#[test]
fn what_is_suspended_and_reinstated_is_told_as_each_and_what_no_list_is_here_for_as_not_known() {
    let mut world = World::new();
    let (session, index) = income_session(&mut world);
    set(&mut world, index, State::Suspended);
    let suspended = world.now;
    assert_eq!(word(&mut world, &session), (Some(State::Suspended), Some(suspended)));
    world.pass(60);
    set(&mut world, index, State::Valid);
    assert_eq!(word(&mut world, &session), (Some(State::Valid), Some(world.now)));
    // New copies took its place: that is told, and is no news about what was shown.
    let stands = world.now;
    world.pass(60);
    set(&mut world, index, State::Superseded);
    assert_eq!(word(&mut world, &session), (Some(State::Superseded), Some(stands)));
    world.status.at = None;
    let told = standing(&mut world, &session);
    assert_eq!((told[0].state, told[0].said_at), (None, None));
}

#[test]
fn of_what_is_only_held_for_reading_it_is_told_as_long_as_it_is_held() {
    let mut world = World::new();
    let loan = world.loan(CUSTOMER);
    let session = world.ask("S15", CUSTOMER);
    let answer = world.answer(&session, &[&loan]);
    assert_eq!(world.receipt(&session, &answer).verdict, Verdict::Valid);
    set(&mut world, loan.index, State::Revoked);
    let seen = world.now;
    assert_eq!(word(&mut world, &session), (Some(State::Revoked), Some(seen)));
    world.pass(READING_SECONDS - 1);
    assert_eq!(word(&mut world, &session), (Some(State::Revoked), Some(seen)));
    assert_eq!(
        world.detail(&session).claims.len(),
        1,
        "noting it does not lose what is held"
    );
    world.pass(1);
    assert_eq!(standing(&mut world, &session), []);
}

#[test]
fn where_its_status_stands_is_erased_with_the_claims() {
    let mut world = World::new();
    let (session, index) = income_session(&mut world);
    let uri = b"https://etat.example/status/1";
    let is_there = |world: &World| {
        let values = world.verifier.tables.values();
        values
            .iter()
            .any(|value| value.windows(uri.len()).any(|part| part == uri))
    };
    assert!(is_there(&world));
    let until = world.detail(&session).keep_until.unwrap();
    world.now = until;
    world.status.at = Some(until);
    set(&mut world, index, State::Revoked);
    assert_eq!(
        standing(&mut world, &session),
        [],
        "due, and not told even before the tick"
    );
    world.verifier.tick(until).unwrap();
    assert!(!is_there(&world));
    assert_eq!(standing(&mut world, &session), []);
}

#[test]
fn an_answer_that_is_not_valid_leaves_nothing_to_tell_and_neither_does_a_session_without_one() {
    let mut world = World::new();
    let income = world.income(CUSTOMER);
    set(&mut world, income.index, State::Revoked);
    let session = world.try_ask("S01", CUSTOMER, &["C02"], &[], None).unwrap();
    assert_eq!(standing(&mut world, &session), []);
    let answer = world.answer(&session, &[&income]);
    assert_eq!(world.receipt(&session, &answer).code, Some(Code::Revoked));
    assert_eq!(standing(&mut world, &session), []);
    assert_eq!(standing(&mut world, "no-such-session"), []);
    assert_eq!(standing(&mut world, "no name at all"), []);
}

#[test]
fn a_row_of_before_is_read_and_says_nothing_of_now() {
    let mut world = World::new();
    let (session, _) = income_session(&mut world);
    let claims = world.detail(&session).claims;
    let mut world = world.reopen_after(|store| {
        let table = store.table("verifier.claims");
        let mut tx = store.transaction();
        tx.put_erasable(&table, &*session, &serde_json::to_vec(&claims).unwrap());
        tx.commit().unwrap();
    });
    assert_eq!(world.detail(&session).claims, claims);
    assert_eq!(standing(&mut world, &session), []);
}
