//! States of what was issued, and how they are published.

use credentials::Code;
use credentials::letter::{Change, Letter};
use credentials::protocol::issuance::{Ask as IssueAsk, Reply as IssueReply};
use credentials::protocol::status::{Ask, Reply};
use credentials::status::State;
use serde_json::json;

use super::fixture::*;
use crate::{Changed, Target};

fn subject(number: &str) -> Target {
    Target::Subject {
        number: number.to_owned(),
    }
}

fn all_mirrored(world: &World, held: &Held, state: State) -> bool {
    held.texts
        .iter()
        .flatten()
        .all(|text| world.mirrored(text) == Some(state))
}

#[test]
fn suspending_reinstating_and_revoking_show_in_the_next_head_and_list() {
    let mut world = World::new();
    let held = world.pid(ROLIG);
    let other = world.pid(MUNTER);
    let now = world.now;
    let all = Changed {
        credentials: 1,
        copies: 16,
    };
    for (state, reason) in [
        (State::Suspended, "etterlyst"),
        (State::Valid, "funnet"),
        (State::Suspended, ""),
        (State::Revoked, "mistet"),
    ] {
        let before = world.identity.head(now);
        let changed = world
            .identity
            .issuer()
            .set_state(now, subject(ROLIG), state, reason)
            .unwrap();
        assert_eq!(changed, all);
        let after = world.identity.head(now);
        for ((before, after), list) in before
            .lists
            .iter()
            .zip(&after.lists)
            .zip(world.identity.issuer().lists())
        {
            // Entries are spread over two lists; the spare one has no news.
            let rises = u64::from(list.used > 0);
            assert_eq!(
                after.version,
                before.version + rises,
                "in the very next head, without a tick"
            );
        }
        world.pull();
        assert!(all_mirrored(&world, &held, state), "{state:?}");
        assert!(all_mirrored(&world, &other, State::Valid));
        // Durable before it was published.
        world.identity.reopen();
        world.pull();
        assert!(all_mirrored(&world, &held, state), "{state:?} after a restart");
    }
    let issuer = world.identity.issuer();
    for state in [State::Valid, State::Suspended, State::Superseded] {
        let refused = issuer.set_state(now, subject(ROLIG), state, "").unwrap_err();
        assert_eq!(refused.code(), Code::Revoked, "{state:?}: revoked is final");
    }
    let again = issuer.set_state(now, subject(ROLIG), State::Revoked, "").unwrap();
    assert_eq!(again, Changed::default());
}

#[test]
fn a_target_is_a_row_a_subject_or_one_credential() {
    let mut world = World::new();
    let (first, second, other) = (world.pid(ROLIG), world.pid(ROLIG), world.pid(MUNTER));
    let now = world.now;
    let issuer = world.identity.issuer();
    let issued = issuer.issued(Some(PID), Some(&subject(ROLIG))).unwrap();
    assert_eq!(issued.len(), 2);
    for listed in &issued {
        assert!(listed.row.starts_with('~'), "{}", listed.row);
        assert!(!format!("{listed:?}").contains(ROLIG));
        assert!(listed.acknowledged.is_some());
    }
    let one = Target::Credential {
        id: issued[0].id.clone(),
    };
    let changed = issuer.set_state(now, one, State::Suspended, "").unwrap();
    assert_eq!(changed.credentials, 1);
    let row = Target::Row {
        vct: PID.to_owned(),
        key: ROLIG.to_owned(),
    };
    let changed = issuer.set_state(now, row, State::Revoked, "").unwrap();
    assert_eq!(changed.credentials, 2);
    for nothing in [
        subject(DRIFTIG),
        Target::Credential { id: "00".repeat(16) },
        Target::Credential { id: "x".to_owned() },
        Target::Row {
            vct: PID.to_owned(),
            key: "x".to_owned(),
        },
    ] {
        let refused = issuer.set_state(now, nothing, State::Revoked, "").unwrap_err();
        assert_eq!(refused.code(), Code::NoData);
    }
    world.pull();
    assert!(all_mirrored(&world, &first, State::Revoked));
    assert!(all_mirrored(&world, &second, State::Revoked));
    assert!(all_mirrored(&world, &other, State::Valid));
}

#[test]
fn a_reason_is_short_and_names_nobody() {
    let mut world = World::new();
    world.pid(ROLIG);
    let issuer = world.identity.issuer();
    for wrong in [format!("gjelder {ROLIG}"), "x".repeat(201), "to\nlinjer".to_owned()] {
        let refused = issuer
            .set_state(noon(), subject(ROLIG), State::Revoked, &wrong)
            .unwrap_err();
        assert_eq!(refused.code(), Code::Malformed);
    }
    issuer
        .set_state(noon(), subject(ROLIG), State::Revoked, "mistet telefon")
        .unwrap();
    let issued = issuer.issued(None, None).unwrap();
    assert_eq!(issued[0].reason.as_deref(), Some("mistet telefon"));
}

#[test]
fn what_is_not_acknowledged_within_seven_days_is_revoked() {
    let mut world = World::new();
    let now = world.now;
    let offer = world.identity.issuer().offer(now, PID, Some(ROLIG)).unwrap();
    let collecting = Collecting::begin_offer(&mut world, &offer);
    let request = collecting.request(&mut world, collecting.by_code(&code(&offer)));
    let reply = world.ask(PID, IssueAsk::Request(Box::new(request)));
    let IssueReply::Delivery {
        credentials,
        transaction,
    } = reply
    else {
        panic!("{reply:?}");
    };
    let lost = Held {
        keys: Vec::new(),
        texts: credentials,
    };
    let acknowledged = world.pid(MUNTER);
    world.pass(7 * 86_400 - 1);
    world.identity.reopen();
    world.tick();
    assert!(all_mirrored(&world, &lost, State::Valid));
    world.pass(1);
    world.tick();
    world.end_day();
    assert!(all_mirrored(&world, &lost, State::Revoked));
    assert!(all_mirrored(&world, &acknowledged, State::Valid));
    let too_late = world.ask(PID, IssueAsk::Acknowledge { transaction });
    assert_eq!(refusal(too_late), Code::UnknownSession);
}

#[test]
fn acknowledging_twice_is_answered_the_same() {
    let mut world = World::new();
    let now = world.now;
    let offer = world.identity.issuer().offer(now, PID, Some(ROLIG)).unwrap();
    let collecting = Collecting::begin_offer(&mut world, &offer);
    let transaction = collecting.transaction.to_vec();
    collecting.with_code(&mut world, &code(&offer)).unwrap();
    let ask = IssueAsk::Acknowledge { transaction };
    assert_eq!(world.ask(PID, ask.clone()), IssueReply::Acknowledged);
    assert_eq!(world.ask(PID, ask), IssueReply::Acknowledged);
    for unknown in [vec![], vec![7; 16], vec![7; 17]] {
        let ask = IssueAsk::Acknowledge { transaction: unknown };
        assert_eq!(refusal(world.ask(PID, ask)), Code::UnknownSession);
    }
}

#[test]
fn a_changed_row_supersedes_what_was_issued_and_can_be_collected_again() {
    let mut world = World::new();
    let pid = world.pid(ROLIG);
    let old = world.collect(INCOME, None, &pid).unwrap();
    let suspended = world.collect(INCOME, None, &pid).unwrap();
    let issuer = world.agency.issuer();
    let id = issuer.issued(None, None).unwrap()[0].id.clone();
    issuer
        .set_state(noon(), Target::Credential { id }, State::Suspended, "")
        .unwrap();
    let now = world.now;
    let report = world
        .agency
        .import(now, INCOME, &[income(ROLIG, "48500.10"), income(MUNTER, "51000.00")]);
    assert_eq!((report.changed, report.unchanged, report.superseded), (1, 1, 2));
    world.pull();
    for held in [&old, &suspended] {
        assert!(
            !all_mirrored(&world, held, State::Superseded),
            "it waits for the day's publication"
        );
    }
    world.end_day();
    assert!(all_mirrored(&world, &old, State::Superseded));
    assert!(all_mirrored(&world, &suspended, State::Superseded));
    let new = world.collect(INCOME, None, &pid).unwrap();
    assert!(all_mirrored(&world, &new, State::Valid));
    assert_eq!(
        new.claims()["oppgaveInntektsmottaker"][0]["inntekt"][0]["beloep"],
        "48500.10"
    );
    // Superseded is final, but for being revoked with everything of a subject.
    let id = superseded_of(&mut world, 2);
    let refused = world
        .agency
        .issuer()
        .set_state(now, Target::Credential { id }, State::Valid, "");
    assert_eq!(refused.unwrap_err().code(), Code::Superseded);
    let changed = world
        .agency
        .issuer()
        .set_state(now, subject(ROLIG), State::Revoked, "")
        .unwrap();
    assert_eq!(changed.credentials, 3);
}

fn superseded_of(world: &mut World, superseded: usize) -> String {
    let issued = world.agency.issuer().issued(Some(INCOME), None).unwrap();
    let ids: Vec<_> = issued.iter().filter(|i| i.state == State::Superseded).collect();
    assert_eq!(ids.len(), superseded);
    ids[0].id.clone()
}

#[test]
fn the_end_of_the_role_ends_what_was_issued_through_it() {
    let mut world = World::new();
    let (rolig, driftig) = (world.pid(ROLIG), world.pid(DRIFTIG));
    let treg = world.collect(COMPANY, Some(TREG), &rolig).unwrap();
    let fiskebaat = world.collect(COMPANY, Some(FISKEBAAT), &driftig).unwrap();
    let now = world.now;
    // Of one company the manager changes, of the other only the name.
    let mut renamed = company(FISKEBAAT, DRIFTIG);
    renamed["navn"] = json!("FORNUFTIG FISKEBÅT AS");
    let report = world.agency.import(now, COMPANY, &[company(TREG, MUNTER), renamed]);
    assert_eq!((report.revoked, report.superseded), (1, 1));
    world.end_day();
    assert!(all_mirrored(&world, &treg, State::Revoked));
    assert!(all_mirrored(&world, &fiskebaat, State::Superseded));
    assert_eq!(
        world.collect(COMPANY, Some(TREG), &rolig).unwrap_err(),
        Code::RoleMissing
    );
    let munter = world.pid(MUNTER);
    world.collect(COMPANY, Some(TREG), &munter).unwrap();
}

#[test]
fn a_role_that_is_struck_out_ends_it_too() {
    let mut world = World::new();
    let rolig = world.pid(ROLIG);
    let treg = world.collect(COMPANY, Some(TREG), &rolig).unwrap();
    let now = world.now;
    let mut struck = company(TREG, ROLIG);
    struck["rollegrupper"][0]["roller"][0]["avregistrert"] = json!(true);
    world.agency.import(now, COMPANY, &[struck]);
    world.end_day();
    assert!(all_mirrored(&world, &treg, State::Revoked));
}

#[test]
fn a_guarantee_that_the_carrier_ended_is_revoked_at_once_and_not_issued_again() {
    let mut world = World::new();
    let manager = world.pid(ROLIG);
    let registration = world.collect(COMPANY, Some(TREG), &manager).unwrap();
    let held = world.collect(GUARANTEE, Some(TREG), &registration).unwrap();
    let now = world.now;
    let ended = json!({ "oppsagtAv": "loeyvehaver", "varselDato": "2026-07-14", "opphoersdato": "2026-07-14" });
    let report = world
        .agency
        .import(now, GUARANTEE, &[guarantee("SG-1", "oppsagt", Some(ended))]);
    assert_eq!((report.revoked, report.superseded), (1, 0));
    world.pull();
    assert!(all_mirrored(&world, &held, State::Revoked));
    assert_eq!(
        world.collect(GUARANTEE, Some(TREG), &registration).unwrap_err(),
        Code::NoData
    );
    assert_eq!(world.agency.issuer().prepare(now, GUARANTEE, 10).unwrap(), 0);
}

#[test]
fn versions_rise_and_never_fall_across_restarts() {
    let mut world = World::new();
    world.pid(ROLIG);
    let mut last = world.identity.head(world.now);
    for day in 0..3 {
        world.pass(20_000);
        world.identity.reopen();
        let next = world.identity.head(world.now);
        assert!(
            last.lists
                .iter()
                .zip(&next.lists)
                .all(|(l, n)| l.uri == n.uri && l.version < n.version),
            "restart {day}"
        );
        last = next;
    }
    // A text that gets old is signed anew, with a new version, while the process runs.
    world.pass(21_600);
    let next = world.identity.head(world.now);
    assert!(last.lists.iter().zip(&next.lists).all(|(l, n)| l.version < n.version));
    world.pull();
}

#[test]
fn a_head_is_signed_anew_after_five_seconds_and_not_before() {
    let mut world = World::new();
    world.pid(ROLIG);
    world.pass(100);
    let first = world.identity.head(world.now);
    world.pass(4);
    assert_eq!(world.identity.head(world.now).issued, first.issued);
    world.pass(1);
    assert_eq!(world.identity.head(world.now).issued, world.now);
    // Signed by the tick because somebody asked, so that the next one to ask need not wait for the device.
    world.pass(5);
    world.identity.issuer().tick(world.now).unwrap();
    let ticked = world.now;
    world.pass(1);
    assert_eq!(world.identity.head(world.now).issued, ticked);
    // A clock that was set back keeps no head alive.
    world.pass(-60);
    assert_eq!(world.identity.head(world.now).issued, world.now);
}

#[test]
fn a_mirror_in_the_middle_of_a_list_can_finish_it() {
    let mut world = World::new();
    world.pid(ROLIG);
    let now = world.now;
    let head = world.identity.head(now);
    let revoked = State::Revoked;
    world
        .identity
        .issuer()
        .set_state(now, subject(ROLIG), revoked, "")
        .unwrap();
    world.identity.head(now);
    let chunk = |world: &mut World, hash: &str, offset| {
        let ask = Ask::Chunk {
            hash: hash.to_owned(),
            offset,
        };
        world.identity.issuer().receive_status(now, ask)
    };
    let old = &head.lists[0];
    assert!(matches!(chunk(&mut world, &old.hash, 0), Reply::Chunk { total, .. } if total == old.size));
    let refused = |reply| match reply {
        Reply::Problem(problem) => problem.code,
        other => panic!("{other:?}"),
    };
    assert_eq!(refused(chunk(&mut world, &old.hash, old.size)), Code::Malformed);
    assert_eq!(refused(chunk(&mut world, "unknown", 0)), Code::StatusMissing);
}

#[test]
fn indices_are_unique_over_100_000_allocations_across_restarts() {
    let mut agency = Agency::new("identity.example", &[PID]);
    let mut given = std::collections::HashSet::new();
    for _ in 0..10 {
        let issuer = agency.issuer();
        for _ in 0..10 {
            let mut staged = issuer.stage();
            for _ in 0..1_000u32 {
                let positions = issuer.lists.allocate(1, issuer.random.as_mut(), &mut staged.touched);
                for position in positions {
                    assert!(given.insert(position), "{position:?} twice");
                }
            }
            issuer.commit(staged).unwrap();
        }
        agency.reopen();
    }
    assert_eq!(given.len(), 100_000);
    let used: u32 = agency.issuer().lists().iter().map(|list| list.used).sum();
    assert_eq!(used, 100_000);
    let lists: Vec<u32> = agency.issuer().lists().iter().map(|list| list.used).collect();
    let [one, other, 0] = lists.as_slice() else {
        panic!("two in use and one to spare: {lists:?}");
    };
    assert!(one.abs_diff(*other) < 2_000, "{lists:?}");
}

#[test]
fn a_full_list_makes_way_for_a_new_one() {
    let mut agency = Agency::new("identity.example", &[PID]);
    let issuer = agency.issuer();
    let mut given = std::collections::HashSet::new();
    let mut staged = issuer.stage();
    // 2,200,000 entries do not fit two lists of 1,048,576.
    for _ in 0..34_375 {
        for position in issuer.lists.allocate(64, issuer.random.as_mut(), &mut staged.touched) {
            assert!(given.insert(position), "{position:?} twice");
        }
    }
    issuer.commit(staged).unwrap();
    let lists = issuer.lists();
    let in_use = lists.iter().filter(|list| list.used > 0).count();
    assert_eq!(in_use, lists.len() - 1, "one to spare");
    assert!(in_use >= 3, "{in_use}");
    assert_eq!(lists.iter().filter(|list| list.open).count(), 3);
    agency.reopen();
    let reopened = agency.issuer().lists();
    assert_eq!(reopened.iter().filter(|list| list.open).count(), 3);
    let used = |lists: &[crate::ListInfo]| lists.iter().map(|list| list.used).collect::<Vec<_>>();
    assert_eq!(used(&reopened), used(&lists));
}

#[test]
fn a_restored_store_gives_out_nothing_of_older_lists() {
    let mut world = World::new();
    world.pid(ROLIG);
    let before = world.identity.issuer().lists();
    world.identity.with_store(|store| {
        store.begin_epoch().unwrap();
    });
    world.pid(MUNTER);
    let after = world.identity.issuer().lists();
    assert_eq!(after.len(), before.len() * 2, "as many new ones");
    for (before, after) in before.iter().zip(&after) {
        assert!(before.open && !after.open);
        assert_eq!(before.used, after.used);
    }
    assert_eq!(after.iter().map(|list| list.used).sum::<u32>(), 32);
}

#[test]
fn counts_are_what_a_walk_over_everything_finds() {
    let mut world = World::new();
    let pid = world.pid(ROLIG);
    let now = world.now;
    world.agency.issuer().prepare(now, INCOME, 10).unwrap();
    world.collect(INCOME, None, &pid).unwrap();
    world.collect(INCOME, None, &pid).unwrap();
    world
        .agency
        .import(now, INCOME, &[income(ROLIG, "2.00"), income(MUNTER, "3.00")]);
    world.collect(INCOME, None, &pid).unwrap();
    let issuer = world.agency.issuer();
    issuer.set_state(now, subject(ROLIG), State::Suspended, "").unwrap();
    let check = |issuer: &crate::Issuer, prepared| {
        let counts = issuer.counts().unwrap();
        let counts = counts.iter().find(|counts| counts.vct == INCOME).unwrap();
        let issued = issuer.issued(Some(INCOME), None).unwrap();
        let in_state = |state| issued.iter().filter(|i| i.state == state).count() as u64;
        assert_eq!(counts.rows, 2);
        assert_eq!(counts.prepared, prepared);
        assert_eq!(counts.issued, issued.len() as u64);
        assert_eq!(counts.revoked, in_state(State::Revoked));
        assert_eq!(counts.suspended, in_state(State::Suspended));
        assert_eq!(counts.superseded, in_state(State::Superseded));
        assert_eq!((counts.suspended, counts.superseded), (1, 2));
    };
    check(issuer, 0);
    // Munter's row is left; Rolig's was prepared and delivered in one step.
    assert_eq!(issuer.prepare(now, INCOME, 10).unwrap(), 1);
    check(issuer, 1);
    world.agency.reopen();
    check(world.agency.issuer(), 1);
}

#[test]
fn each_change_is_a_letter_of_its_own_also_when_it_happened_before() {
    let mut world = World::new();
    let pid = world.pid(ROLIG);
    world.reach = Some(reach(1));
    world.collect(INCOME, None, &pid).unwrap();
    let now = world.now;
    let issuer = world.agency.issuer();
    let states = [State::Suspended, State::Valid, State::Suspended, State::Revoked];
    for (seconds, state) in (1..).zip(states) {
        issuer.set_state(now.plus(seconds), subject(ROLIG), state, "").unwrap();
    }
    let letters = issuer.letters().unwrap();
    let letters: Vec<(Change, credentials::Timestamp)> = letters
        .into_iter()
        .filter_map(|(_, _, letter)| match letter {
            Some(Letter::Changed { change, at, .. }) => Some((change, at)),
            _ => None,
        })
        .collect();
    let told = [
        Change::Suspended,
        Change::Reinstated,
        Change::Suspended,
        Change::Revoked,
    ];
    let told: Vec<_> = (1..)
        .zip(told)
        .map(|(seconds, change)| (change, now.plus(seconds)))
        .collect();
    assert_eq!(letters, told);
}

#[test]
fn who_said_where_it_is_reached_is_answered_also_when_the_issuer_is_killed_before() {
    let mut world = World::new();
    let pid = world.pid(ROLIG);
    world.reach = Some(reach(1));
    world.collect(INCOME, None, &pid).unwrap();
    world.agency.reopen();
    let waiting = world.agency.issuer().letters().unwrap();
    let [(number, to, None)] = &waiting[..] else {
        panic!("an answer: {waiting:?}")
    };
    assert_eq!(*to, reach(1));
    world.agency.issuer().letters_taken(&[*number]).unwrap();
    world.agency.reopen();
    assert!(world.agency.issuer().letters().unwrap().is_empty(), "once");
}
