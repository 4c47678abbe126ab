//! Limits, each at its edge, and what ends by itself.

use super::world::{STRANGER, World, body, create, create_by, created, now, sized};
use super::*;
use credentials::protocol::mailbox::{FETCH_BYTES, FETCH_MAX};
use credentials::{SigningKey, envelope};

#[test]
fn a_queue_holds_two_hundred_envelopes_and_takes_the_next_when_one_is_gone() {
    let mut world = World::new();
    let queue = world.create(1);
    let asks: Vec<_> = (0..ITEMS_MAX).map(|number| queue.put(&body(number))).collect();
    for ask in asks {
        assert_eq!(world.ask(ask), Ok(Reply::Kept));
    }
    assert_eq!(world.put(&queue, &body(200)), Err(Code::MailboxFull));
    assert_eq!(world.put(&queue, &body(7)), Ok(Reply::Kept), "it is there already");
    assert_eq!(world.holding().1, ITEMS_MAX);
    world.acknowledge(&queue, 0, &body(0)).expect("acknowledged");
    assert_eq!(world.put(&queue, &body(200)), Ok(Reply::Kept));
    assert_eq!(world.put(&queue, &body(201)), Err(Code::MailboxFull));
    world.restart();
    assert_eq!(world.put(&queue, &body(201)), Err(Code::MailboxFull));
    assert_eq!(world.acknowledge(&queue, 200, &body(200)), Ok(Reply::Acknowledged));
    assert_eq!(world.holding(), (1, 0, 0));
}

#[test]
fn a_queue_holds_four_mebibytes_and_not_a_byte_more() {
    let mut world = World::new();
    let queue = world.create(1);
    let (large, small) = (envelope::BODY_MAX, body(0).len());
    let many = BYTES_MAX as usize / large;
    for number in 0..many as u64 {
        assert_eq!(world.put(&queue, &sized(number, 3)), Ok(Reply::Kept));
    }
    assert_eq!(world.put(&queue, &sized(999, 3)), Err(Code::MailboxFull));
    let rest = (BYTES_MAX as usize - many * large) / small;
    for number in 0..rest as u64 {
        assert_eq!(world.put(&queue, &body(number)), Ok(Reply::Kept));
    }
    assert_eq!(world.put(&queue, &body(999)), Err(Code::MailboxFull));
    let other = world.create(2);
    assert_eq!(
        world.put(&other, &body(999)),
        Ok(Reply::Kept),
        "another queue has its own"
    );
}

#[test]
fn a_fetch_has_as_many_as_fit_and_says_how_many_are_behind_them() {
    let mut world = World::new();
    let (small, large) = (world.create(1), world.create(2));
    let fit = (FETCH_BYTES / body(0).len()).min(FETCH_MAX);
    for number in 0..fit as u64 + 3 {
        world.put(&small, &body(number)).expect("kept");
    }
    let (waiting, more) = world.fetch(&small);
    assert_eq!((waiting.len(), more), (fit, 3));
    for number in 0..3 {
        world.put(&large, &sized(number, 3)).expect("kept");
    }
    let (waiting, more) = world.fetch(&large);
    assert_eq!((waiting.len(), more), (1, 2));
    for envelopes in [waiting, world.fetch(&small).0] {
        let reply = Reply::Waiting {
            envelopes,
            more: u32::MAX,
        };
        let bytes = credentials::protocol::encode(&reply).expect("CBOR");
        assert!(bytes.len() <= credentials::protocol::mailbox::LIMIT, "{}", bytes.len());
    }
    let put = credentials::protocol::encode(&small.put(&sized(0, 3))).expect("CBOR");
    assert!(put.len() <= credentials::protocol::mailbox::LIMIT);
}

#[test]
fn an_operator_holds_so_many_queues_and_bytes_and_no_more() {
    let length = body(0).len() as u64;
    let mut world = World::with(Limits {
        queues: 2,
        bytes: 3 * length,
        ..Limits::default()
    });
    let (one, two) = (world.create(1), world.create(2));
    assert_eq!(world.ask(create(3, now())), Err(Code::MailboxFull));
    assert!(world.ask(create(2, now())).is_ok(), "it stands already");
    let two = two.with_token(world.create(2).token);
    for (queue, number) in [(&one, 0), (&one, 1), (&two, 0)] {
        assert_eq!(world.put(queue, &body(number)), Ok(Reply::Kept));
    }
    assert_eq!(world.put(&two, &body(1)), Err(Code::MailboxFull));
    world.acknowledge(&one, 0, &body(0)).expect("acknowledged");
    assert_eq!(world.put(&two, &body(1)), Ok(Reply::Kept));
    world.ask(one.delete(now())).expect("deleted");
    assert!(world.ask(create(3, now())).is_ok());
    assert_eq!(world.put(&two, &body(2)), Ok(Reply::Kept));
    assert_eq!(world.put(&two, &body(3)), Err(Code::MailboxFull));
}

#[test]
fn a_stranger_begins_and_puts_so_much_in_a_day_and_an_organisation_more() {
    let length = body(0).len() as u64;
    let mut world = World::with(Limits {
        created_per_day: 2,
        put_per_day: 2 * length,
        ..Limits::default()
    });
    let (stranger, other) = (Peer::Stranger(STRANGER), Peer::Stranger(b"203.0.113.9"));
    for owner in [1, 2] {
        assert!(world.ask_as(stranger, create(owner, now())).is_ok());
    }
    assert_eq!(world.ask_as(stranger, create(3, now())), Err(Code::RateLimited));
    assert!(world.ask_as(stranger, create(1, now())).is_ok(), "it stands already");
    assert!(world.ask_as(other, create(3, now())).is_ok());
    let queue = world.create(9);
    for number in [0, 1, 1] {
        assert_eq!(world.ask_as(stranger, queue.put(&body(number))), Ok(Reply::Kept));
    }
    assert_eq!(world.ask_as(stranger, queue.put(&body(2))), Err(Code::RateLimited));
    assert_eq!(world.ask_as(other, queue.put(&body(2))), Ok(Reply::Kept));
    for number in 3..9 {
        assert_eq!(world.put(&queue, &body(number)), Ok(Reply::Kept));
    }
    // The next day has room again.
    let tomorrow = now().plus(DAY);
    let answers = world.answers_at(stranger, &[create(4, tomorrow), queue.put(&body(10))], tomorrow);
    assert!(
        matches!(answers.replies[..], [Reply::Created { .. }, Reply::Kept]),
        "{answers:?}"
    );
}

#[test]
fn an_envelope_waits_thirty_days_and_is_then_dropped() {
    let mut world = World::new();
    let queue = world.create(1);
    let day = |day: i64| now().plus(day * DAY);
    for (number, put) in [(0, 0), (1, 0), (2, 10)] {
        assert_eq!(world.ask_at(queue.put(&body(number)), day(put)), Ok(Reply::Kept));
    }
    assert_eq!(world.wake(), Some(now().plus(ITEM_SECONDS)));
    assert_eq!(world.tick(day(30).plus(-1)), Ticked::default());
    assert_eq!(world.fetch_at(&queue, day(30).plus(-1)).0.len(), 3);
    let ticked = world.tick(day(30));
    assert_eq!((ticked.dropped, ticked.ended, ticked.more), (2, 0, false));
    let waiting = world.fetch_at(&queue, day(30)).0;
    assert_eq!(waiting.iter().map(|waiting| waiting.number).collect::<Vec<_>>(), [2]);
    assert_eq!(world.wake(), Some(day(40)));
    world.restart();
    assert_eq!(world.wake(), Some(day(40)));
    assert_eq!(world.tick(day(40)).dropped, 1);
    assert_eq!(world.holding(), (1, 0, 0));
}

#[test]
fn a_queue_whose_owner_does_not_come_ends_after_four_hundred_days_whatever_is_put() {
    let mut world = World::new();
    let (idle, visited) = (world.create(1), world.create(2));
    let end = now().day().plus(IDLE_SECONDS);
    let later = end.plus(-DAY);
    assert_eq!(world.ask_at(idle.put(&body(0)), later), Ok(Reply::Kept));
    assert_eq!(world.fetch_at(&visited, later).0, []);
    world.restart();
    assert_eq!(world.tick(end.plus(-1)), Ticked::default());
    let ticked = world.tick(end);
    assert_eq!((ticked.dropped, ticked.ended), (1, 1));
    assert_eq!(world.ask_at(idle.put(&body(1)), end), Err(Code::NotFound));
    assert_eq!(world.ask_at(idle.fetch(end), end), Err(Code::NotFound));
    assert_eq!(world.holding(), (1, 0, 0));
    assert_eq!(world.wake(), Some(later.day().plus(IDLE_SECONDS)));
    assert_eq!(world.rows(), 2, "its queue and owner are all that is left");
}

#[test]
fn a_tick_does_a_bounded_part_and_says_that_more_is_due() {
    let mut world = World::new();
    let many = 3_000_u64;
    let keys: Vec<_> = (1..=many)
        .map(|number| {
            let mut seed = [0; 32];
            seed[..8].copy_from_slice(&number.to_be_bytes());
            create_by(&SigningKey::from_bytes(&seed), now())
        })
        .collect();
    let replies = world.ask_all(&keys);
    assert!(replies.iter().all(|reply| created(reply).0 != [0; 16]));
    assert_eq!(world.holding().0 as u64, many);
    let end = now().day().plus(IDLE_SECONDS);
    let first = world.tick(end);
    assert!(
        first.more && first.ended > 0 && first.ended * 2 <= ROWS as u64 + 2,
        "{first:?}"
    );
    let second = world.tick(end);
    assert_eq!((first.ended + second.ended, second.more), (many, false));
    assert_eq!((world.holding(), world.rows()), ((0, 0, 0), 0));
}

#[test]
fn names_of_what_is_gone_are_forgotten_after_so_many_and_rows_do_not_grow() {
    let mut world = World::new();
    let queue = world.create(1);
    let mut rows = Vec::new();
    for number in 0..REMEMBERED + 20 {
        world.put(&queue, &body(number)).expect("kept");
        world.acknowledge(&queue, number, &body(number)).expect("acknowledged");
        rows.push(world.rows());
    }
    assert_eq!(rows.last(), rows.iter().max());
    assert_eq!(rows[REMEMBERED as usize..].iter().min(), rows.last());
    assert_eq!(world.put(&queue, &body(REMEMBERED + 19)), Ok(Reply::Kept));
    assert_eq!(world.put(&queue, &body(20)), Ok(Reply::Kept));
    assert_eq!(world.fetch(&queue).0, [], "the last ones are known");
    assert_eq!(world.put(&queue, &body(19)), Ok(Reply::Kept));
    assert_eq!(world.fetch(&queue).0.len(), 1, "the one before them is new again");
    assert_eq!(
        world.acknowledge(&queue, 3, &body(3)),
        Ok(Reply::Acknowledged),
        "long gone"
    );
}
