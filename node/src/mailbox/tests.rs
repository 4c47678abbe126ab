//! The operator's machine: every limit at its edge, every refusal beside what it guards, and what a restart keeps.

mod limits;
mod world;

use super::*;
use credentials::envelope;
use world::{STRANGER, World, body, now};

#[test]
fn what_is_put_is_fetched_in_order_until_it_is_acknowledged() {
    let mut world = World::new();
    let queue = world.create(1);
    for number in 0..3 {
        assert_eq!(world.put(&queue, &body(number)), Ok(Reply::Kept));
    }
    let (waiting, more) = world.fetch(&queue);
    assert_eq!(more, 0);
    let numbers: Vec<_> = waiting.iter().map(|waiting| waiting.number).collect();
    assert_eq!(numbers, [0, 1, 2]);
    let bodies: Vec<_> = waiting.iter().map(|waiting| waiting.envelope.clone()).collect();
    assert_eq!(bodies, [body(0), body(1), body(2)]);
    assert_eq!(world.fetch(&queue).0, waiting, "it goes on waiting");

    assert_eq!(world.acknowledge(&queue, 1, &body(1)), Ok(Reply::Acknowledged));
    assert_eq!(world.fetch(&queue).0, waiting[2..]);
    assert_eq!(world.acknowledge(&queue, 2, &body(2)), Ok(Reply::Acknowledged));
    assert_eq!(world.fetch(&queue), (Vec::new(), 0));
    assert_eq!(world.holding(), (1, 0, 0));
    assert_eq!(world.put(&queue, &body(3)), Ok(Reply::Kept));
    assert_eq!(world.fetch(&queue).0[0].number, 3, "numbers go on");
}

#[test]
fn an_envelope_put_again_is_kept_once_also_when_it_is_gone() {
    let mut world = World::new();
    let queue = world.create(1);
    for _ in 0..3 {
        assert_eq!(world.put(&queue, &body(0)), Ok(Reply::Kept));
    }
    assert_eq!(world.fetch(&queue).0.len(), 1);
    world.acknowledge(&queue, 0, &body(0)).expect("acknowledged");
    assert_eq!(world.put(&queue, &body(0)), Ok(Reply::Kept));
    assert_eq!(world.fetch(&queue).0, []);
    let other = world.create(2);
    assert_eq!(world.put(&other, &body(0)), Ok(Reply::Kept));
    assert_eq!(world.fetch(&other).0.len(), 1, "another queue has its own");
}

#[test]
fn within_one_commit_too_an_envelope_is_kept_once_and_order_is_the_order_of_asking() {
    let mut world = World::new();
    let (one, two) = (world.create(1), world.create(2));
    let asks = [
        one.put(&body(0)),
        two.put(&body(7)),
        one.put(&body(0)),
        one.put(&body(1)),
        one.fetch(now()),
        two.fetch(now()),
    ];
    let replies = world.ask_all(&asks);
    assert_eq!(replies[..4], [Reply::Kept, Reply::Kept, Reply::Kept, Reply::Kept]);
    let fetched = |reply: &Reply| match reply {
        Reply::Waiting { envelopes, .. } => envelopes.iter().map(|waiting| waiting.envelope.clone()).collect(),
        other => panic!("{other:?}"),
    };
    let (first, second): (Vec<_>, Vec<_>) = (fetched(&replies[4]), fetched(&replies[5]));
    assert_eq!((first, second), (vec![body(0), body(1)], vec![body(7)]));
}

#[test]
fn acknowledging_twice_is_once_and_what_was_not_fetched_is_not_dropped() {
    let mut world = World::new();
    let queue = world.create(1);
    for number in 0..2 {
        world.put(&queue, &body(number)).expect("kept");
    }
    for _ in 0..2 {
        assert_eq!(world.acknowledge(&queue, 0, &body(0)), Ok(Reply::Acknowledged));
        assert_eq!(world.fetch(&queue).0.len(), 1);
    }
    // A number that another envelope has: as after a restore of the operator.
    for (number, named) in [
        (1, body(0)),
        (0, body(1)),
        (1, body(9)),
        (2, body(1)),
        (u64::MAX, body(1)),
    ] {
        assert_eq!(
            world.acknowledge(&queue, number, &named),
            Err(Code::NotFound),
            "{number}"
        );
    }
    assert_eq!(world.fetch(&queue).0.len(), 1);
    assert_eq!(world.acknowledge(&queue, 1, &body(1)), Ok(Reply::Acknowledged));
}

#[test]
fn only_the_token_puts_and_only_the_key_fetches_acknowledges_and_deletes() {
    let mut world = World::new();
    let (queue, other) = (world.create(1), world.create(2));
    world.put(&queue, &body(0)).expect("kept");
    let forged = queue.with_token(other.token);
    assert_eq!(world.put(&forged, &body(1)), Err(Code::NotFound));
    let stolen = queue.with_key(2);
    assert_eq!(world.ask(stolen.fetch(now())), Err(Code::NotFound));
    assert_eq!(world.acknowledge(&stolen, 0, &body(0)), Err(Code::NotFound));
    assert_eq!(world.ask(stolen.delete(now())), Err(Code::NotFound));
    assert_eq!(world.fetch(&queue).0.len(), 1, "nothing happened to it");
    // No queue at all is the same answer.
    let nowhere = queue.with_id([9; 16]);
    assert_eq!(world.put(&nowhere, &body(1)), Err(Code::NotFound));
    assert_eq!(world.ask(nowhere.fetch(now())), Err(Code::NotFound));
    assert_eq!(world.ask(nowhere.delete(now())), Err(Code::NotFound));
}

#[test]
fn a_proof_is_for_this_operator_this_act_and_now() {
    let mut world = World::new();
    let queue = world.create(1);
    let proof = |operator: &str| {
        let operator = credentials::Did::parse(operator).expect("a DID");
        let text = mailbox::prove(Act::Fetch(&queue.id), &operator, now(), &queue.key()).expect("signs");
        Ask::Fetch {
            queue: queue.id,
            proof: text,
        }
    };
    assert!(world.ask(proof(world::OPERATOR)).is_ok());
    assert_eq!(world.ask(proof("did:web:annen.example")), Err(Code::WrongRecipient));
    let Ask::Fetch { proof, .. } = queue.fetch(now()) else {
        panic!("a fetch");
    };
    let delete = Ask::Delete { queue: queue.id, proof };
    assert_eq!(world.ask(delete), Err(Code::WrongRequest));
    for (skew, expected) in [
        (mailbox::PROOF_SKEW, None),
        (mailbox::PROOF_SKEW + 1, Some(Code::Stale)),
    ] {
        assert_eq!(world.ask(queue.fetch(now().plus(-skew))).err(), expected, "{skew}");
    }
    let create = |proof: String| Ask::Create { proof };
    assert_eq!(world.ask(create("x".to_owned())), Err(Code::Malformed));
    assert_eq!(world.ask(create("x".repeat(5000))), Err(Code::TooLarge));
}

#[test]
fn a_queue_of_a_key_is_begun_once_and_a_new_token_voids_the_one_before() {
    let mut world = World::new();
    let queue = world.create(1);
    world.put(&queue, &body(0)).expect("kept");
    let again = world.create(1);
    assert_eq!(again.id, queue.id);
    assert_ne!(again.token, queue.token);
    assert_eq!(world.put(&queue, &body(1)), Err(Code::NotFound));
    assert_eq!(world.put(&again, &body(1)), Ok(Reply::Kept));
    assert_eq!(world.fetch(&again).0.len(), 2, "what was there is there");
    // Twice in one commit: one queue.
    let replies = world.ask_all(&[world::create(3, now()), world::create(3, now())]);
    let ids: Vec<_> = replies.iter().map(world::created).map(|(id, _)| id).collect();
    assert_eq!(ids[0], ids[1]);
    assert_eq!(world.holding().0, 2);
}

#[test]
fn a_deleted_queue_is_gone_with_all_that_was_in_it() {
    let mut world = World::new();
    let (queue, other) = (world.create(1), world.create(2));
    for number in 0..5 {
        world.put(&queue, &body(number)).expect("kept");
        world.put(&other, &body(number)).expect("kept");
    }
    world.acknowledge(&queue, 1, &body(1)).expect("acknowledged");
    let before = world.rows();
    assert_eq!(world.ask(queue.delete(now())), Ok(Reply::Deleted));
    // Its queue and owner; five items and names; three bodies.
    assert_eq!(before - world.rows(), 2 + 10 + 3);
    assert_eq!(world.put(&queue, &body(6)), Err(Code::NotFound));
    assert_eq!(world.ask(queue.fetch(now())), Err(Code::NotFound));
    assert_eq!(world.ask(queue.delete(now())), Err(Code::NotFound));
    assert_eq!(world.fetch(&other).0.len(), 5);
    let anew = world.create(1);
    assert_ne!(anew.id, queue.id);
    assert_eq!(world.fetch(&anew).0, []);
}

#[test]
fn a_restart_keeps_everything_that_was_acknowledged() {
    let mut world = World::new();
    let (queue, other, gone) = (world.create(1), world.create(2), world.create(3));
    for number in 0..6 {
        world.put(&queue, &body(number)).expect("kept");
    }
    world.put(&other, &body(9)).expect("kept");
    world.put(&gone, &body(9)).expect("kept");
    world.acknowledge(&queue, 2, &body(2)).expect("acknowledged");
    world.acknowledge(&other, 0, &body(9)).expect("acknowledged");
    world.ask(gone.delete(now())).expect("deleted");
    let (before, wake) = (world.holding(), world.wake());
    world.restart();
    assert_eq!((world.holding(), world.wake()), (before, wake));
    let numbers: Vec<_> = world.fetch(&queue).0.iter().map(|waiting| waiting.number).collect();
    assert_eq!(numbers, [3, 4, 5]);
    assert_eq!(world.put(&queue, &body(1)), Ok(Reply::Kept));
    assert_eq!(world.fetch(&queue).0.len(), 3, "names of what is gone are kept too");
    world.put(&queue, &body(6)).expect("kept");
    world.put(&other, &body(10)).expect("kept");
    assert_eq!(world.fetch(&queue).0[3].number, 6);
    assert_eq!(world.fetch(&other).0[0].number, 1, "no number is given twice");
    assert_eq!(world.put(&gone, &body(1)), Err(Code::NotFound));
    assert_eq!(world.create(1).id, queue.id);
}

#[test]
fn hostile_envelopes_are_refused_by_their_length_alone() {
    let mut world = World::new();
    let queue = world.create(1);
    let smallest = body(0).len();
    for length in [0, 1, smallest - 1, smallest + 1, envelope::BODY_MAX - 1] {
        assert_eq!(world.put(&queue, &vec![7; length]), Err(Code::Malformed), "{length}");
    }
    assert_eq!(world.put(&queue, &vec![7; envelope::BODY_MAX + 1]), Err(Code::TooLarge));
    assert_eq!(world.put(&queue, &vec![7; envelope::BODY_MAX]), Ok(Reply::Kept));
    assert_eq!(world.holding().1, 1);
}

#[test]
fn what_could_not_be_written_is_answered_with_internal_and_is_as_if_it_had_not_been_asked() {
    let mut world = World::new();
    let (queue, other) = (world.create(1), world.create(2));
    world.put(&queue, &body(0)).expect("kept");
    let before = world.holding();
    world.fill_disk(true);
    let asks = [
        other.put(&body(1)),
        queue.fetch(now()),
        queue.acknowledge(0, &body(0), now()),
        world::create(5, now()),
    ];
    let answers = world.answers(&asks);
    assert!(answers.failed.is_some());
    let internal = Reply::Problem(Code::Internal.into());
    assert_eq!(
        [&answers.replies[0], &answers.replies[2], &answers.replies[3]],
        [&internal; 3]
    );
    assert!(
        matches!(&answers.replies[1], Reply::Waiting { envelopes, .. } if envelopes.len() == 1),
        "what is there is given out: {:?}",
        answers.replies[1]
    );
    assert!(world.mailbox().tick(now().plus(ITEM_SECONDS)).is_err());
    assert_eq!(world.holding(), before);
    world.fill_disk(false);
    assert_eq!(world.put(&other, &body(1)), Ok(Reply::Kept));
    assert_eq!(world.acknowledge(&queue, 0, &body(0)), Ok(Reply::Acknowledged));
    assert_eq!(world.holding(), (2, 1, body(1).len() as u64));
    assert_eq!(
        world.ask_as(Peer::Stranger(STRANGER), world::create(5, now())).err(),
        None
    );
}
