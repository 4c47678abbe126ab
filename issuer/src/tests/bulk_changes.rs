//! Bulk changes: what a file names, two persons, and nothing lost or done twice by a kill.

use credentials::Code;
use credentials::status::State;
use serde_json::json;

use super::fixture::*;
use crate::{BulkOrder, BulkStage, Changed, Error, Names, PROPOSAL_SECONDS, Selection, Whole};

fn order(state: State, names: Names) -> BulkOrder {
    BulkOrder {
        state,
        reason: "feil i grunnlaget".to_owned(),
        names,
        vct: None,
        import: None,
        header: None,
        by: "kari".to_owned(),
    }
}

fn lines(texts: &[&str]) -> Vec<(u64, String)> {
    (1..).zip(texts.iter().map(|text| (*text).to_owned())).collect()
}

fn code<T>(result: Result<T, Error>) -> Code {
    match result {
        Ok(_) => panic!("not refused"),
        Err(error) => error.code(),
    }
}

/// A world in which three persons hold an identification; their names as the issuer has them.
fn world() -> (World, Vec<Held>, Vec<String>) {
    let mut world = World::new();
    let held = [ROLIG, MUNTER, DRIFTIG].map(|number| world.pid(number)).into();
    let issued = world.identity.issuer().issued(Some(PID), None).unwrap();
    (world, held, issued.into_iter().map(|issued| issued.id).collect())
}

/// Proposed by kari.
fn proposed(world: &mut World, order: BulkOrder, texts: &[&str]) -> String {
    let now = world.now;
    let issuer = world.identity.issuer();
    let bulk = issuer.bulk_start(now, order).unwrap();
    issuer.bulk_lines(now, &bulk, &lines(texts)).unwrap();
    issuer.bulk_propose(now, &bulk).unwrap();
    bulk
}

fn run(world: &mut World, bulk: &str) {
    let now = world.now;
    while world.identity.issuer().bulk_step(now, bulk).unwrap().stage == BulkStage::Running {}
    world.pull();
}

fn state(world: &World, held: &Held) -> State {
    world.mirrored(&held.texts[0][0]).unwrap()
}

#[test]
fn a_file_is_revoked_when_another_person_has_agreed_and_told_of_once_at_the_end() {
    let (mut world, held, ids) = world();
    let now = world.now;
    let bulk = proposed(
        &mut world,
        order(State::Revoked, Names::Credential),
        &[&ids[0], &ids[1], &ids[2]],
    );
    let issuer = world.identity.issuer();
    assert_eq!(issuer.bulk(&bulk).unwrap().named.credentials, 3);
    assert_eq!(code(issuer.bulk_approve(now, &bulk, "kari")), Code::SecondPersonMissing);
    assert_eq!(code(issuer.bulk_approve(now, &bulk, "")), Code::SecondPersonMissing);
    assert_eq!(
        issuer.bulk_step(now, &bulk).unwrap().stage,
        BulkStage::Proposed,
        "nothing before"
    );
    issuer.bulk_approve(now, &bulk, "ola").unwrap();
    assert_eq!(code(issuer.bulk_approve(now, &bulk, "ola")), Code::StateFinal, "once");
    let step = issuer.bulk_step(now, &bulk).unwrap();
    assert_eq!((step.stage, step.changed.credentials), (BulkStage::Running, 3));
    assert_eq!(issuer.counts().unwrap()[0].revoked, 3);
    world.pull();
    assert!(
        held.iter().all(|held| state(&world, held) == State::Valid),
        "told of at its end"
    );
    let ended = world.identity.issuer().bulk_step(now, &bulk).unwrap();
    assert_eq!((ended.stage, ended.changed), (BulkStage::Finished, ended.named));
    world.pull();
    assert!(held.iter().all(|held| state(&world, held) == State::Revoked));
    let issuer = world.identity.issuer();
    assert!(
        issuer.store.table("issuer.bulk-chunks").is_empty().unwrap(),
        "names of what was meant are dropped"
    );
    let issued = issuer.issued(Some(PID), None).unwrap();
    assert!(
        issued
            .iter()
            .all(|issued| issued.reason.as_deref() == Some("feil i grunnlaget"))
    );
}

#[test]
fn suspending_and_reinstating_go_the_same_way_for_persons_rows_and_csv() {
    let (mut world, held, _) = world();
    let suspended = BulkOrder {
        header: Some("navn;subject".to_owned()),
        ..order(State::Suspended, Names::Subject)
    };
    let rows = [format!("A;{ROLIG}"), format!("B;{MUNTER}"), "".to_owned()];
    let bulk = proposed(&mut world, suspended, &[&rows[0], &rows[1], &rows[2]]);
    let now = world.now;
    world.identity.issuer().bulk_approve(now, &bulk, "ola").unwrap();
    run(&mut world, &bulk);
    let states = |world: &World| held.iter().map(|held| state(world, held)).collect::<Vec<_>>();
    assert_eq!(states(&world), [State::Suspended, State::Suspended, State::Valid]);
    let back = BulkOrder {
        vct: Some(PID.to_owned()),
        ..order(State::Valid, Names::Row)
    };
    // The key of a row of this type is the person's number.
    let bulk = proposed(&mut world, back, &[ROLIG, DRIFTIG]);
    let view = world.identity.issuer().bulk(&bulk).unwrap();
    assert_eq!((view.named.credentials, view.unchanged, view.rejected), (1, 1, 0));
    world.identity.issuer().bulk_approve(now, &bulk, "ola").unwrap();
    run(&mut world, &bulk);
    assert_eq!(states(&world), [State::Valid, State::Suspended, State::Valid]);
}

#[test]
fn lines_that_name_nothing_twice_or_what_is_final_are_rejected_with_number_and_reason() {
    let (mut world, _, ids) = world();
    let now = world.now;
    let issuer = world.identity.issuer();
    let target = crate::Target::Credential { id: ids[2].clone() };
    issuer.set_state(now, target, State::Revoked, "").unwrap();
    let bulk = issuer
        .bulk_start(now, order(State::Suspended, Names::Credential))
        .unwrap();
    let unknown = "0".repeat(32);
    let texts = lines(&[&ids[0], "tull", &unknown, &ids[0], &ids[2], "", &ids[1]]);
    let progress = issuer.bulk_lines(now, &bulk, &texts).unwrap();
    assert_eq!(progress.accepted, 2);
    let told: Vec<(u64, &str)> = progress.rejected.iter().map(|r| (r.line, r.reason.as_str())).collect();
    assert_eq!(
        told,
        [(2, "malformed"), (3, "no_data"), (4, "duplicate_row"), (5, "revoked")]
    );
    assert_eq!(
        issuer.bulk_lines(now, &bulk, &texts).unwrap().accepted,
        0,
        "the same lines again"
    );
    let view = issuer.bulk_propose(now, &bulk).unwrap();
    assert_eq!((view.lines, view.rejected, view.named.credentials), (6, 4, 2));
    let page = issuer.rejected(&bulk, 0, 2).unwrap();
    assert_eq!(
        (page.lines[0].text.as_str(), page.lines.len(), page.next),
        ("tull", 2, Some(4))
    );
    assert_eq!(issuer.rejected(&bulk, 4, 10).unwrap().lines.len(), 2);
    assert!(!format!("{page:?}").contains("tull"), "a line is personal");
    assert_eq!(code(issuer.rejected("0000000000000000", 0, 1)), Code::NotFound);
    // A week later they are erased.
    world.pass(7 * 86_400 + 1);
    world.tick();
    let issuer = world.identity.issuer();
    assert_eq!(issuer.rejected(&bulk, 0, 10).unwrap().lines.len(), 0);
    assert!(issuer.store.table("issuer.rejected").is_empty().unwrap());
}

#[test]
fn what_is_no_order_is_refused_and_nothing_is_left_of_one_that_names_nothing() {
    let (mut world, _, ids) = world();
    let now = world.now;
    let issuer = world.identity.issuer();
    for wrong in [
        order(State::Superseded, Names::Credential),
        order(State::Revoked, Names::Row),
        BulkOrder {
            reason: format!("sak {ROLIG}"),
            ..order(State::Revoked, Names::Credential)
        },
        BulkOrder {
            by: String::new(),
            ..order(State::Revoked, Names::Credential)
        },
        BulkOrder {
            header: Some("a;a".to_owned()),
            ..order(State::Revoked, Names::Credential)
        },
    ] {
        assert_eq!(code(issuer.bulk_start(now, wrong)), Code::Malformed);
    }
    assert!(issuer.bulk_changes().unwrap().is_empty());
    let bulk = issuer
        .bulk_start(now, order(State::Revoked, Names::Credential))
        .unwrap();
    issuer.bulk_lines(now, &bulk, &lines(&["tull"])).unwrap();
    assert_eq!(code(issuer.bulk_propose(now, &bulk)), Code::NoData);
    assert_eq!(issuer.bulk(&bulk).unwrap().stage, BulkStage::Cancelled);
    assert_eq!(
        code(issuer.bulk_lines(now, &bulk, &lines(&[&ids[0]]))),
        Code::UnknownSession
    );
    assert_eq!(code(issuer.bulk_approve(now, &bulk, "ola")), Code::StateFinal);
}

#[test]
fn as_many_as_may_be_open_are_and_one_more_is_refused() {
    let (mut world, _, _) = world();
    let now = world.now;
    let issuer = world.identity.issuer();
    let open: Vec<String> = (0..16)
        .map(|_| {
            issuer
                .bulk_start(now, order(State::Revoked, Names::Credential))
                .unwrap()
        })
        .collect();
    assert_eq!(
        code(issuer.bulk_start(now, order(State::Revoked, Names::Credential))),
        Code::TooLarge
    );
    issuer.bulk_cancel(now, &open[3]).unwrap();
    issuer
        .bulk_start(now, order(State::Revoked, Names::Credential))
        .unwrap();
}

#[test]
fn a_proposal_waits_a_day_and_can_be_called_off() {
    let (mut world, held, ids) = world();
    let bulk = proposed(&mut world, order(State::Revoked, Names::Credential), &[&ids[0]]);
    let off = proposed(&mut world, order(State::Revoked, Names::Credential), &[&ids[1]]);
    let now = world.now;
    let cancelled = world.identity.issuer().bulk_cancel(now, &off).unwrap();
    assert_eq!(cancelled.stage, BulkStage::Cancelled);
    assert_eq!(
        code(world.identity.issuer().bulk_approve(now, &off, "ola")),
        Code::StateFinal
    );
    world.pass(PROPOSAL_SECONDS - 1);
    world.tick();
    let now = world.now;
    world.identity.issuer().bulk_approvable(now, &bulk, "ola").unwrap();
    world.pass(1);
    let now = world.now;
    let late = world.identity.issuer().bulk_approvable(now, &bulk, "ola");
    assert_eq!(code(late), Code::Expired, "also before a tick");
    world.tick();
    let issuer = world.identity.issuer();
    assert_eq!(issuer.bulk(&bulk).unwrap().stage, BulkStage::Expired);
    assert_eq!(code(issuer.bulk_approve(now, &bulk, "ola")), Code::Expired);
    assert!(issuer.store.table("issuer.bulk-chunks").is_empty().unwrap());
    world.pull();
    assert!(held.iter().all(|held| state(&world, held) == State::Valid));
}

#[test]
fn what_was_being_looked_at_ends_with_the_process_and_what_was_proposed_stays() {
    let (mut world, _, ids) = world();
    let now = world.now;
    let bulk = proposed(&mut world, order(State::Revoked, Names::Credential), &[&ids[0]]);
    let issuer = world.identity.issuer();
    let open = issuer
        .bulk_start(now, order(State::Revoked, Names::Credential))
        .unwrap();
    issuer.bulk_lines(now, &open, &lines(&[&ids[1]])).unwrap();
    world.identity.reopen();
    let issuer = world.identity.issuer();
    assert_eq!(issuer.bulk(&open).unwrap().stage, BulkStage::Cancelled);
    assert_eq!(
        code(issuer.bulk_lines(now, &open, &lines(&[&ids[1]]))),
        Code::UnknownSession
    );
    assert_eq!(issuer.bulk(&bulk).unwrap().stage, BulkStage::Proposed);
    // And ends in its time although this process did not see it begin.
    world.pass(PROPOSAL_SECONDS);
    world.tick();
    assert_eq!(world.identity.issuer().bulk(&bulk).unwrap().stage, BulkStage::Expired);
}

/// Chunks of one credential each, because each batch of lines ends a chunk.
fn in_chunks(world: &mut World, state: State, ids: &[String]) -> String {
    let now = world.now;
    let issuer = world.identity.issuer();
    let bulk = issuer.bulk_start(now, order(state, Names::Credential)).unwrap();
    for (number, id) in (1..).zip(ids) {
        issuer.bulk_lines(now, &bulk, &[(number, id.clone())]).unwrap();
    }
    issuer.bulk_propose(now, &bulk).unwrap();
    issuer.bulk_approve(now, &bulk, "ola").unwrap();
    bulk
}

#[test]
fn killed_between_any_two_steps_it_goes_on_and_nothing_is_lost_or_done_twice() {
    for killed_after in 0..=4 {
        let (mut world, held, ids) = world();
        let now = world.now;
        let bulk = in_chunks(&mut world, State::Revoked, &ids);
        for _ in 0..killed_after {
            world.identity.issuer().bulk_step(now, &bulk).unwrap();
        }
        world.identity.reopen();
        let running = world.identity.issuer().running_bulks().unwrap();
        assert_eq!(running.is_empty(), killed_after == 4, "after {killed_after}");
        run(&mut world, &bulk);
        let ended = world.identity.issuer().bulk(&bulk).unwrap();
        assert_eq!(ended.stage, BulkStage::Finished);
        assert_eq!(
            (ended.changed, ended.passed_over),
            (ended.named, 0),
            "after {killed_after}"
        );
        assert_eq!(world.identity.issuer().counts().unwrap()[0].revoked, 3);
        assert!(held.iter().all(|held| state(&world, held) == State::Revoked));
    }
}

#[test]
fn stopped_it_does_nothing_more_the_lists_tell_of_what_was_done_and_it_goes_on() {
    let (mut world, held, ids) = world();
    let now = world.now;
    let bulk = in_chunks(&mut world, State::Revoked, &ids);
    world.identity.issuer().bulk_step(now, &bulk).unwrap();
    let paused = world.identity.issuer().bulk_pause(now, &bulk).unwrap();
    assert_eq!((paused.stage, paused.changed.credentials), (BulkStage::Paused, 1));
    let count = |world: &World| held.iter().filter(|held| state(world, held) == State::Revoked).count();
    world.pull();
    assert_eq!(count(&world), 1);
    world.identity.reopen();
    let issuer = world.identity.issuer();
    assert_eq!(issuer.bulk_step(now, &bulk).unwrap().changed.credentials, 1);
    assert!(issuer.running_bulks().unwrap().is_empty());
    issuer.bulk_resume(now, &bulk).unwrap();
    issuer.bulk_step(now, &bulk).unwrap();
    // Called off on its way: what was done is told of, the rest is not done.
    issuer.bulk_cancel(now, &bulk).unwrap();
    world.pull();
    assert_eq!(count(&world), 2);
    assert_eq!(code(world.identity.issuer().bulk_resume(now, &bulk)), Code::StateFinal);
}

#[test]
fn what_became_of_a_credential_meanwhile_is_left_as_it_is() {
    let (mut world, held, ids) = world();
    let now = world.now;
    let bulk = in_chunks(&mut world, State::Suspended, &ids);
    let one = |id: &String| crate::Target::Credential { id: id.clone() };
    let issuer = world.identity.issuer();
    issuer.set_state(now, one(&ids[2]), State::Revoked, "").unwrap();
    for _ in 0..3 {
        issuer.bulk_step(now, &bulk).unwrap();
    }
    // Reinstated by hand before the lists tell of it.
    let changed = issuer.set_state(now, one(&ids[0]), State::Valid, "").unwrap();
    assert_eq!(changed.credentials, 1, "the issuer goes by it at once");
    run(&mut world, &bulk);
    let ended = world.identity.issuer().bulk(&bulk).unwrap();
    assert_eq!((ended.changed.credentials, ended.passed_over), (2, 1));
    let mut states: Vec<State> = held.iter().map(|held| state(&world, held)).collect();
    states.sort_by_key(|state| *state as u8);
    assert_eq!(states, [State::Valid, State::Revoked, State::Suspended]);
}

#[test]
fn endings_that_wait_for_the_day_go_on_waiting() {
    let (mut world, held, ids) = world();
    let now = world.now;
    let mut changed = person(ROLIG);
    changed["given_name"] = json!("Roligere");
    world.identity.import(now, PID, &[changed]);
    let waiting = world.identity.issuer().endings().waiting;
    assert!(waiting > 0);
    let issued = world.identity.issuer().issued(Some(PID), None).unwrap();
    let other = issued.iter().find(|issued| issued.state == State::Valid).unwrap();
    assert!(ids.contains(&other.id));
    let bulk = in_chunks(&mut world, State::Revoked, std::slice::from_ref(&other.id));
    run(&mut world, &bulk);
    assert_eq!(world.identity.issuer().endings().waiting, waiting);
    assert_eq!(state(&world, &held[0]), State::Valid, "it has not been told of");
}

#[test]
fn all_that_an_import_brought_is_meant_without_what_another_one_brought() {
    let mut world = World::new();
    let now = world.now;
    let before = world.pid(MUNTER);
    let lines = numbered(&[person("22824141278"), person("09897540565")]);
    let file = digest(&lines);
    let issuer = world.identity.issuer();
    let start = issuer.import_start(now, PID, file, None, false).unwrap();
    issuer.import_lines(now, &start.job, &lines).unwrap();
    issuer.import_finish(now, &start.job).unwrap();
    let wrong = world.pid("22824141278");
    let selection: Selection = world.identity.issuer().selection();
    let of = |job: &str| Whole::Import {
        vct: PID.to_owned(),
        job: job.to_owned(),
    };
    let found = selection.credentials(&of(&start.job)).unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(selection.credentials(&Whole::Type(PID.to_owned())).unwrap().len(), 2);
    assert!(selection.credentials(&of("nothing")).unwrap().is_empty());
    assert!(selection.knows_import(PID, &start.job).unwrap());
    assert!(!selection.knows_import(COMPANY, &start.job).unwrap());
    let issuer = world.identity.issuer();
    let whole = BulkOrder {
        vct: Some(PID.to_owned()),
        import: Some(start.job.clone()),
        ..order(State::Revoked, Names::Whole)
    };
    let bulk = issuer.bulk_start(now, whole).unwrap();
    issuer.bulk_add(now, &bulk, &found).unwrap();
    issuer.bulk_add(now, &bulk, &found).unwrap();
    let view = issuer.bulk_propose(now, &bulk).unwrap();
    assert_eq!((view.named.credentials, view.file), (1, None));
    issuer.bulk_approve(now, &bulk, "ola").unwrap();
    run(&mut world, &bulk);
    assert_eq!(state(&world, &wrong), State::Revoked);
    assert_eq!(state(&world, &before), State::Valid);
}

#[test]
fn a_restored_home_calls_off_what_was_open() {
    let (mut world, _, ids) = world();
    let waits = proposed(&mut world, order(State::Revoked, Names::Credential), &[&ids[0]]);
    let runs = in_chunks(&mut world, State::Suspended, &ids[1..]);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("copy");
    world.identity.backup(&file);
    world.identity.restore(&file);
    let issuer = world.identity.issuer();
    for bulk in [waits, runs] {
        assert_eq!(issuer.bulk(&bulk).unwrap().stage, BulkStage::Cancelled);
    }
    assert!(issuer.running_bulks().unwrap().is_empty());
}

#[test]
fn a_change_says_beforehand_how_many_it_reaches() {
    let (mut world, _, ids) = world();
    let now = world.now;
    let issuer = world.identity.issuer();
    let one = crate::Target::Credential { id: ids[0].clone() };
    let reached = issuer.reach(&one, State::Revoked, "").unwrap();
    assert_eq!(issuer.set_state(now, one.clone(), State::Revoked, "").unwrap(), reached);
    assert_eq!(issuer.reach(&one, State::Revoked, "").unwrap(), Changed::default());
    assert_eq!(code(issuer.reach(&one, State::Suspended, "")), Code::Revoked);
    assert_eq!(code(issuer.reach(&one, State::Revoked, ROLIG)), Code::Malformed);
    let nobody = crate::Target::Subject {
        number: "01873841164".to_owned(),
    };
    assert_eq!(code(issuer.reach(&nobody, State::Revoked, "")), Code::NoData);
}
