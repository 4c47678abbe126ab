//! Pages of sessions, and the open one that a second request would double.

use super::world::*;
use crate::{NewRequest, Page, SessionLine, State, Wanted};
use credentials::protocol::presentation::Ask;
use credentials::status;
use credentials::verify::Verdict;

fn ask(world: &mut World, case: &str, service: &str, subject: &str) -> String {
    let new = NewRequest {
        service,
        case,
        subject,
        types: &[],
        claims: &[],
        valid_seconds: Some(600),
        pair: false,
    };
    world.verifier.request(world.now, &new).unwrap().session
}

fn page(world: &World, wanted: &Wanted, from: usize, limit: usize) -> Page<SessionLine> {
    let page = world
        .verifier
        .sessions_page(world.now, &world.status, wanted, (from, limit));
    page.unwrap()
}

fn names(page: &Page<SessionLine>) -> Vec<&str> {
    page.rows.iter().map(|row| row.view.id.as_str()).collect()
}

#[test]
fn a_page_has_the_newest_first_and_says_how_many_there_are() {
    let mut world = World::new();
    let made: Vec<String> = (0..7)
        .map(|n| ask(&mut world, &format!("L-{n}"), "S01", CUSTOMER))
        .collect();
    let all = Wanted::default();
    let newest: Vec<&str> = made.iter().rev().map(String::as_str).collect();
    let first = page(&world, &all, 0, 3);
    assert_eq!((names(&first), first.total), (newest[..3].to_vec(), 7));
    assert_eq!(names(&page(&world, &all, 6, 3)), newest[6..]);
    assert_eq!(names(&page(&world, &all, 7, 3)), [""; 0]);
    assert_eq!(names(&page(&world, &all, usize::MAX, usize::MAX)), [""; 0]);
    let world = world.reopen();
    assert_eq!(names(&page(&world, &all, 0, usize::MAX)), newest);
}

#[test]
fn a_page_is_of_a_state_a_verdict_a_service_or_a_case() {
    let mut world = World::new();
    let waiting = ask(&mut world, "L-1", "S01", CUSTOMER);
    let declined = ask(&mut world, "L-1", "S15", CUSTOMER);
    world.send(Ask::Decline {
        session: declined.clone(),
    });
    let income = world.income(CUSTOMER);
    let done = world.try_ask("S01", CUSTOMER, &["C02"], &[], None).unwrap();
    let answer = world.answer(&done, &[&income]);
    world.receipt(&done, &answer);
    let of = |world: &World, wanted: Wanted| {
        let page = page(world, &wanted, 0, 50);
        assert_eq!(page.rows.len(), page.total);
        page.rows.into_iter().map(|row| row.view.id).collect::<Vec<_>>()
    };
    let open = Wanted {
        states: vec![State::Active, State::Fetched],
        ..Wanted::default()
    };
    assert_eq!(of(&world, open.clone()), std::slice::from_ref(&waiting));
    let failed = Wanted {
        states: vec![State::Failed],
        ..Wanted::default()
    };
    assert_eq!(of(&world, failed), std::slice::from_ref(&declined));
    let valid = Wanted {
        verdict: Some(Verdict::Valid),
        ..Wanted::default()
    };
    assert_eq!(of(&world, valid.clone()), std::slice::from_ref(&done));
    let service = Wanted {
        service: Some("S15".to_owned()),
        ..Wanted::default()
    };
    assert_eq!(of(&world, service), std::slice::from_ref(&declined));
    let case = Wanted {
        case: Some("L-1".to_owned()),
        ..Wanted::default()
    };
    assert_eq!(of(&world, case), [declined.clone(), waiting]);
    assert_eq!(world.verifier.newest_of("L-1"), Some(declined));
    assert_eq!(world.verifier.newest_of("L-"), None);
    // A request that ran out is no open one, also before the tick.
    world.pass(601);
    assert_eq!(of(&world, open), [""; 0]);
    // What was taken back since is told in the list.
    world.status.states.insert(income.index, status::State::Revoked);
    assert_eq!(page(&world, &valid, 0, 1).rows[0].now, Some(status::State::Revoked));
    world.status.states.insert(income.index, status::State::Superseded);
    assert_eq!(page(&world, &valid, 0, 1).rows[0].now, None, "new copies are no news");
}

#[test]
fn the_open_request_of_the_same_case_service_customer_and_kind_is_found_and_no_other() {
    let mut world = World::new();
    let made = ask(&mut world, "L-1", "S01", CUSTOMER);
    let found = |world: &World, case: &str, service: &str, subject: &str, is_grant: bool| {
        let open = world.verifier.open_of(world.now, (case, service, subject), is_grant);
        open.unwrap()
    };
    assert_eq!(found(&world, "L-1", "S01", CUSTOMER, false), Some(made.clone()));
    assert_eq!(found(&world, "L-2", "S01", CUSTOMER, false), None);
    assert_eq!(found(&world, "L-1", "S15", CUSTOMER, false), None);
    assert_eq!(found(&world, "L-1", "S01", OTHER, false), None);
    assert_eq!(found(&world, "L-1", "S01", CUSTOMER, true), None);
    world.verifier.close(world.now, &made).unwrap();
    assert_eq!(found(&world, "L-1", "S01", CUSTOMER, false), None);
}
