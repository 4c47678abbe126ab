//! While a grant stands, what goes of what it brought is stated, with the time at which it went; and a reach is not kept for ever.

use super::*;
use crate::READING_SECONDS;
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use credentials::envelope::RecipientKey;
use credentials::letter::{Place, Reach};

/// What is stated of a grant that stands: when each thing came, and when it went.
fn stated(world: &World, grant: &Asked) -> Vec<(Timestamp, Timestamp)> {
    let view = world.verifier.grant(world.now, &grant.name()).unwrap().unwrap();
    assert_eq!(view.state, GrantState::Active);
    let Some(text) = view.erasure else { return Vec::new() };
    let said = Erasure::open(&text, &grant.signed(), &world.trust).unwrap();
    let mut gone: Vec<_> = said.erased.iter().map(|one| (one.received, one.at)).collect();
    gone.sort_unstable();
    gone
}

fn tick(world: &mut World) {
    world.verifier.tick(world.now).unwrap();
}

#[test]
fn what_goes_while_a_grant_stands_is_stated_with_the_time_at_which_it_went() {
    let mut world = World::new();
    let grant = granted(&mut world);
    let mut expected = Vec::new();
    tick(&mut world);
    assert_eq!(stated(&world, &grant), expected, "nothing came yet");

    // The person logs out.
    let came = world.now;
    refreshed(&mut world, &grant, 1);
    world.pass(20);
    tick(&mut world);
    assert_eq!(stated(&world, &grant), expected, "it is there to be read");
    world.verifier.grant_logout(world.now, &grant.name()).unwrap();
    expected.push((came, world.now));
    tick(&mut world);
    assert_eq!(stated(&world, &grant), expected);

    // Nobody logs out: it is held for reading so long and no longer.
    world.pass(3_600);
    let came = world.now;
    refreshed(&mut world, &grant, 2);
    world.pass(READING_SECONDS);
    expected.push((came, world.now));
    tick(&mut world);
    assert_eq!((read(&world, &grant), stated(&world, &grant)), (None, expected.clone()));

    // What comes next takes its place.
    world.pass(3_600);
    let came = world.now;
    refreshed(&mut world, &grant, 3);
    world.pass(30);
    expected.push((came, world.now));
    let came = world.now;
    refreshed(&mut world, &grant, 1);
    tick(&mut world);
    assert_eq!(stated(&world, &grant), expected);

    // The process is killed: by the end of the grant nobody would know when that was.
    world.pass(40);
    let mut world = world.reopen();
    expected.push((came, world.now));
    tick(&mut world);
    assert_eq!(stated(&world, &grant), expected);
    world.pass(3_600);
    tick(&mut world);
    let ask = grant.withdraw_with(&grant.key, world.now);
    let (_, receipt) = erased(&mut world, &grant, ask);
    let mut gone: Vec<_> = receipt.erased.iter().map(|one| (one.received, one.at)).collect();
    gone.sort_unstable();
    assert_eq!(gone, expected, "and the receipt says the same");
}

#[test]
fn what_is_kept_until_its_time_is_stated_when_that_comes_though_the_grant_stands() {
    let mut world = World::new();
    let with = trust(world.now, keeping(3_600, false));
    world.set_trust(with);
    let grant = granted_under(&mut world, KEEPING);
    let came = world.now;
    refreshed(&mut world, &grant, 1);
    world.pass(3_599);
    tick(&mut world);
    assert_eq!(stated(&world, &grant), []);
    world.pass(1);
    tick(&mut world);
    assert_eq!(stated(&world, &grant), [(came, world.now)]);
    let said = world.verifier.grant_erasure(&grant.name()).unwrap().unwrap();
    assert_eq!(
        said.kept.iter().map(|kept| kept.until).collect::<Vec<_>>(),
        [grant.grant.exp.plus(RECORD_SECONDS)],
        "the record of the consent outlives its end"
    );
}

fn reach() -> Reach {
    let text = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
    Reach {
        key: text(RecipientKey::from_bytes(&[5; 32]).recipient().as_bytes()),
        writer: Some(text(&key(6).verifying_key().to_bytes())),
        places: vec![Place {
            operator: Did::parse("did:web:post.example").unwrap(),
            queue: text(&[5; 16]),
            token: text(&[6; 32]),
        }],
    }
}

#[test]
fn where_a_customer_is_reached_is_forgotten_some_time_after_the_last_word_and_the_end_of_the_grant() {
    let mut world = World::new();
    let asked = asked(&mut world);
    let grant = asked.signed();
    let deposit = asked.deposit(&grant, CUSTOMER, world.now);
    let deposit = deposit.sign(KID, &etat_key()).unwrap();
    let body = json!({ "grant": grant.text(), "deposit": deposit, "reach": reach() });
    let answer = asked.sealed(&body, world.now);
    assert_eq!(world.receipt(&asked.session, &answer).verdict, Verdict::Valid);
    assert_eq!(world.verifier.reach(CUSTOMER).unwrap(), Some(reach()));
    assert_eq!(world.verifier.reach_of_grant(&asked.name()).unwrap(), Some(reach()));

    let mut world = world.reopen();
    let fresh = world.verifier.fresh_reaches();
    assert_eq!(
        fresh.iter().map(|(_, reach)| reach).collect::<Vec<_>>(),
        [&reach()],
        "to be answered yet"
    );
    world.verifier.reaches_taken(&fresh).unwrap();
    assert!(world.verifier.fresh_reaches().is_empty());
    let mut world = world.reopen();
    assert!(world.verifier.fresh_reaches().is_empty(), "once");
    world.pass(LIFE + crate::REACH_SECONDS - 1);
    tick(&mut world);
    assert_eq!(world.verifier.reach(CUSTOMER).unwrap(), Some(reach()));
    world.pass(1);
    tick(&mut world);
    assert_eq!(world.verifier.reach(CUSTOMER).unwrap(), None);
    world.verifier.tables.require_erased().unwrap();
    let health = world.verifier.tables.health();
    assert_eq!(
        (health.erasable_rows, health.erasures_pending),
        (0, 0),
        "its key is destroyed"
    );
}
