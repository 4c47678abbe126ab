//! The holder of a grant that has ended asks for deletion of what it brought.

use super::*;
use credentials::decision::{self, Deletion};
use credentials::grant::Kept;

/// Seconds that what comes may be kept, beyond the end of any grant.
pub(super) const KEEP: i64 = RECORD_SECONDS + 10 * DAY;

/// A service under which what comes is kept beyond the end, and erased before its time where the person asks, or not.
pub(super) fn kept_after_end(erased_on_request: bool) -> impl FnOnce(&mut Draft) {
    move |draft| {
        keeping(KEEP, true)(draft);
        for service in &mut draft.organisations[1].services {
            if service.id == KEEPING {
                let mut changed = (**service).clone();
                changed.erased_on_request = erased_on_request;
                *service = Arc::new(changed);
            }
        }
    }
}

fn deletion_of(grant: &Asked, at: Timestamp) -> Deletion {
    Deletion {
        asker: bank(),
        request: grant.grant.request.clone(),
        decision: decision::hash(grant.signed().text()),
        at,
    }
}

pub(super) fn deletion(grant: &Asked, at: Timestamp) -> Ask {
    signed_by(grant, &deletion_of(grant, at), &grant.key)
}

fn signed_by(grant: &Asked, deletion: &Deletion, key: &SigningKey) -> Ask {
    Ask::Erase {
        grant: grant.name(),
        deletion: deletion.sign(key).unwrap(),
    }
}

/// A grant with two releases under it, taken back.
fn ended(world: &mut World, erased_on_request: bool) -> (Asked, Erasure) {
    let with = trust(world.now, kept_after_end(erased_on_request));
    world.set_trust(with);
    let grant = granted_under(world, KEEPING);
    refreshed(world, &grant, 1);
    world.pass(60);
    refreshed(world, &grant, 2);
    let withdraw = grant.withdraw_with(&grant.key, world.now);
    let (_, said) = erased(world, &grant, withdraw);
    assert_eq!((said.erased.len(), said.kept.len()), (0, 3));
    (grant, said)
}

fn deleted(world: &mut World, grant: &Asked) -> (String, Erasure) {
    let ask = deletion(grant, world.now);
    erased(world, grant, ask)
}

fn record(said: &Erasure) -> &Kept {
    let record = &said.kept[0];
    assert_eq!((record.ground.as_str(), record.claims.len()), ("consent_record", 0));
    record
}

#[test]
fn what_no_law_has_kept_of_an_ended_grant_is_erased_and_named_with_what_stays_its_ground_and_its_time() {
    let mut world = World::new();
    let start = world.now;
    let (grant, before) = ended(&mut world, true);
    let kept_until: Vec<Timestamp> = before.kept[1..].iter().map(|kept| kept.until).collect();
    assert_eq!(kept_until, [start.plus(KEEP), start.plus(60 + KEEP)]);
    assert!(before.kept[1..].iter().all(|kept| kept.ground == "session_only"));
    assert_eq!(record(&before).until, start.plus(60 + KEEP + RECORD_SECONDS));

    world.pass(3_600);
    let (text, said) = deleted(&mut world, &grant);
    let gone: Vec<(Timestamp, Timestamp)> = said.erased.iter().map(|gone| (gone.received, gone.at)).collect();
    assert_eq!(gone, [(start.plus(60), world.now), (start, world.now)]);
    assert!(said.erased.iter().all(|gone| gone.claims == claims()));
    assert_eq!(said.kept.len(), 1, "nothing but that there was this consent");
    assert_eq!(
        (record(&said).received, record(&said).until),
        (start, world.now.plus(RECORD_SECONDS))
    );
    for number in [1, 2] {
        let tables = &world.verifier.grants.tables;
        assert!(tables.claims(&grant.name(), number).unwrap().is_none());
    }
    assert_eq!(world.verifier.tables.erasures_pending(), 0, "the keys are destroyed");
    assert_eq!(read(&world, &grant), None);

    // Said again, also to the next process and with another date, it is answered the same.
    let first = world
        .verifier
        .grant(world.now, &grant.name())
        .unwrap()
        .unwrap()
        .deletion;
    let mut world = world.reopen();
    world.pass(DAY);
    assert_eq!(deleted(&mut world, &grant).0, text);
    let view = world.verifier.grant(world.now, &grant.name()).unwrap().unwrap();
    assert_eq!(
        (view.deletion, view.erasure),
        (first, Some(text)),
        "the first that was asked stands"
    );
    let document = world.verifier.grant_receipt_document(world.now, &grant.name()).unwrap();
    assert!(document.contains("bevis-deletion+jwt") && document.contains("bevis-erasure+jwt"));
    // And the record goes when it was said to.
    world.now = record(&said).until.plus(-1);
    world.verifier.tick(world.now).unwrap();
    assert!(world.verifier.grant(world.now, &grant.name()).unwrap().is_some());
    world.pass(1);
    world.verifier.tick(world.now).unwrap();
    assert_eq!(world.verifier.grant(world.now, &grant.name()).unwrap(), None);
    let ask = deletion(&grant, world.now);
    assert_eq!(code(consent(&mut world, ask)).0, Code::UnknownGrant);
}

#[test]
fn what_a_law_has_kept_of_an_ended_grant_stays_until_its_time_and_its_erasure_is_signed_then() {
    let mut world = World::new();
    let (grant, before) = ended(&mut world, false);
    world.pass(3_600);
    let (_, said) = deleted(&mut world, &grant);
    assert_eq!(said, before, "nothing has changed");
    assert!(read(&world, &grant).is_some());
    let view = world.verifier.grant(world.now, &grant.name()).unwrap().unwrap();
    assert!(view.deletion.is_some(), "it is noted");

    let last = before.kept[2].until;
    world.now = before.kept[1].until;
    world.verifier.tick(world.now).unwrap();
    let said = world.verifier.grant_erasure(&grant.name()).unwrap().unwrap();
    assert_eq!(
        (said.erased.len(), said.kept.len(), said.erased[0].at),
        (1, 2, world.now)
    );
    world.now = last;
    world.verifier.tick(world.now).unwrap();
    let mut world = world.reopen();
    let said = world.verifier.grant_erasure(&grant.name()).unwrap().unwrap();
    assert_eq!((said.erased.len(), said.kept.len()), (2, 1));
    assert_eq!(record(&said).until, last.plus(RECORD_SECONDS));
    let renewed = trust(world.now, kept_after_end(false));
    world.set_trust(renewed);
    assert_eq!(deleted(&mut world, &grant).1, said);
}

#[test]
fn a_student_loan_is_erased_with_its_grant_and_the_deletion_is_answered_with_that() {
    let mut world = World::new();
    let grant = granted(&mut world);
    refreshed(&mut world, &grant, 1);
    assert!(read(&world, &grant).is_some());
    let ask = deletion(&grant, world.now);
    assert_eq!(
        code(consent(&mut world, ask.clone())),
        (Code::WrongRequest, "grant stands".to_owned())
    );
    assert!(read(&world, &grant).is_some(), "nothing happens to one that stands");
    let withdraw = grant.withdraw_with(&grant.key, world.now);
    let (text, said) = erased(&mut world, &grant, withdraw);
    assert_eq!((said.erased.len(), said.kept.len()), (1, 1));
    assert_eq!(said.erased[0].claims, claims());
    assert_eq!(read(&world, &grant), None);
    assert_eq!(erased(&mut world, &grant, ask.clone()).0, text);
    // The claims never reached the store, and a process that was killed has erased them too.
    let killed = granted(&mut world);
    refreshed(&mut world, &killed, 1);
    let mut world = world.reopen();
    for value in world.verifier.tables.values() {
        assert!(!value.windows(9).any(|bytes| bytes == b"313654.00"));
    }
    let withdraw = killed.withdraw_with(&killed.key, world.now);
    assert_eq!(erased(&mut world, &killed, withdraw).1.erased.len(), 1);
    assert_eq!(erased(&mut world, &grant, ask).0, text);
}

#[test]
fn only_the_key_of_the_grant_asks_for_its_deletion_and_nothing_happens_for_anybody_else() {
    let mut world = World::new();
    let (grant, before) = ended(&mut world, true);
    let other = granted_under(&mut world, KEEPING);
    refreshed(&mut world, &other, 1);
    let now = world.now;
    let bent = |bend: fn(&mut Deletion)| {
        let mut deletion = deletion_of(&grant, now);
        bend(&mut deletion);
        signed_by(&grant, &deletion, &grant.key)
    };
    let to = |name: &str, deletion: &str| Ask::Erase {
        grant: name.to_owned(),
        deletion: deletion.to_owned(),
    };
    let text = deletion_of(&grant, now).sign(&grant.key).unwrap();
    let withdrawal = grant.withdrawal(now).sign(&grant.key).unwrap();
    for (what, ask, expected) in [
        (
            "another's key",
            signed_by(&grant, &deletion_of(&grant, now), &other.key),
            Code::SignatureInvalid,
        ),
        (
            "another's deletion",
            signed_by(&grant, &deletion_of(&other, now), &grant.key),
            Code::WrongRequest,
        ),
        ("for another asker", bent(|it| it.asker = etat()), Code::WrongRequest),
        (
            "of another request",
            bent(|it| it.request = hash_text(&[3; 32])),
            Code::WrongRequest,
        ),
        ("a grant unknown", to(&hash_text(&[4; 32]), &text), Code::UnknownGrant),
        ("no name", to("../etc", &text), Code::Malformed),
        ("a withdrawal", to(&grant.name(), &withdrawal), Code::Malformed),
        ("garbage", to(&grant.name(), "a.b.c"), Code::Malformed),
        ("far too long", to(&grant.name(), &"A".repeat(100_000)), Code::TooLarge),
    ] {
        assert_eq!(code(consent(&mut world, ask)).0, expected, "{what}");
    }
    assert_eq!(world.verifier.grant_erasure(&grant.name()).unwrap(), Some(before));
    let view = world.verifier.grant(now, &grant.name()).unwrap().unwrap();
    assert_eq!(view.deletion, None);
    for grant in [&grant, &other] {
        assert!(read(&world, grant).is_some(), "nothing was erased");
    }
    let (_, said) = deleted(&mut world, &grant);
    assert_eq!((said.erased.len(), said.kept.len()), (2, 1));
    assert!(read(&world, &other).is_some(), "nor of another grant");
}

#[test]
fn a_long_list_of_what_is_kept_is_told_together_and_leaves_nothing_out() {
    let mut world = World::new();
    let with = trust(world.now, kept_after_end(false));
    world.set_trust(with);
    let grant = granted_under(&mut world, KEEPING);
    let start = world.now;
    for number in 1..=70 {
        refreshed(&mut world, &grant, number);
        world.pass(60);
    }
    let withdraw = grant.withdraw_with(&grant.key, world.now);
    let (_, said) = erased(&mut world, &grant, withdraw);
    assert_eq!(said.kept.len(), 2, "the record, and all of the claims as one");
    assert_eq!(
        (&said.kept[1].claims, said.kept[1].received, said.kept[1].until),
        (&claims(), start, start.plus(69 * 60 + KEEP))
    );
}
