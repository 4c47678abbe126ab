//! Mailboxes, whose operators anybody may ask.

mod opened;

use super::stage::{Stage, expect_logged, mark};
use super::{Line, line};
use crate::mailboxes::POSTS;
use crate::process::Home;
use crate::stranger::{Holder, Played, Window};
use credentials::mailbox::{Act, prove};
use credentials::protocol::mailbox::{Ask, Reply};
use credentials::{Code, Did, SigningKey, envelope};
use node::clock;

/// Which test shows which kind.
pub(super) const LINES: &[Line] = &[
    Line::new("an envelope too large", Code::TooLarge, PUTS),
    Line::new("an envelope of no class", Code::Malformed, PUTS),
    Line::new("an envelope to a full queue", Code::MailboxFull, PUTS),
    Line::new("an envelope to no queue", Code::NotFound, PUTS),
    Line::new("a queue emptied with another's key", Code::NotFound, PUTS),
    Line::new("an envelope opened with another's key", Code::Malformed, opened::OPENED),
    Line::new("an envelope twice", Code::RateLimited, opened::OPENED),
];

const PUTS: &str = "what_is_no_envelope_for_a_queue_is_not_kept_and_only_its_owner_empties_it";
/// Bytes that a queue holds.
const QUEUE_BYTES: usize = 4 << 20;

/// Something as long as an envelope of a class.
fn body(number: u64, class: usize) -> Vec<u8> {
    let head = envelope::BODY_MAX - envelope::CLASSES[3];
    let mut body = vec![5; head + envelope::CLASSES[class]];
    body[..8].copy_from_slice(&number.to_be_bytes());
    body
}

fn fetch(operator: &Did, queue: [u8; 16], key: &SigningKey) -> Ask {
    Ask::Fetch {
        queue,
        proof: prove(Act::Fetch(&queue), operator, clock::now(), key).expect("signs"),
    }
}

#[track_caller]
fn refused(post: &Home, kind: &str, since: usize, reply: Reply) {
    let line = line(kind);
    match reply {
        Reply::Problem(problem) => assert_eq!(problem.code, line.code, "{kind}"),
        other => panic!("{kind}: {other:?}"),
    }
    expect_logged(post, since, line);
}

#[test]
fn what_is_no_envelope_for_a_queue_is_not_kept_and_only_its_owner_empties_it() {
    let stage = Stage::new();
    let mut post = stage.network.init(&POSTS[0], &["--role", "mailbox"]);
    let bank = Played::start(
        &stage.world,
        "did:web:bank.example",
        "213579045",
        "BANK",
        &[Window::Now],
    );
    let listed = vec![bank.entry(&[], &["S01"])];
    stage.begin(&mut [(&POSTS[0], &mut post)], &mut [], listed);
    let operator = Did::parse(POSTS[0].did).expect("a DID");
    let owner = Holder::new(&stage.world);
    let [key, another] = [[1; 32], [2; 32]].map(|seed| SigningKey::from_bytes(&seed));
    let create = Ask::Create {
        proof: prove(Act::Create, &operator, clock::now(), &key).expect("signs"),
    };
    let Reply::Created { queue, token } = owner.mailbox(&operator, &create) else {
        panic!("no queue");
    };
    let put = |envelope: Vec<u8>| Ask::Put { queue, token, envelope };
    let waiting_for = |owner: &Holder| match owner.mailbox(&operator, &fetch(&operator, queue, &key)) {
        Reply::Waiting { envelopes, more } => envelopes.len() + more as usize,
        other => panic!("{other:?}"),
    };
    let waiting = || waiting_for(&owner);

    // An envelope twice is kept once.
    for _ in 0..2 {
        assert_eq!(bank.mailbox(&operator, &put(body(0, 0))), Reply::Kept);
        assert_eq!(waiting(), 1);
    }
    let since = mark(&post);
    let larger = vec![5; envelope::BODY_MAX + 1];
    refused(
        &post,
        "an envelope too large",
        since,
        bank.mailbox(&operator, &put(larger)),
    );
    let mut odd = body(1, 0);
    odd.pop();
    refused(
        &post,
        "an envelope of no class",
        since,
        bank.mailbox(&operator, &put(odd)),
    );
    let nowhere = Ask::Put {
        queue: [9; 16],
        token,
        envelope: body(1, 0),
    };
    refused(
        &post,
        "an envelope to no queue",
        since,
        bank.mailbox(&operator, &nowhere),
    );
    let untrue = Ask::Put {
        queue,
        token: [9; 32],
        envelope: body(1, 0),
    };
    let refusal = bank.mailbox(&operator, &untrue);
    refused(&post, "an envelope to no queue", since, refusal);
    let since = mark(&post);
    let stolen = owner.mailbox(&operator, &fetch(&operator, queue, &another));
    refused(&post, "a queue emptied with another's key", since, stolen);
    assert_eq!(waiting(), 1, "nothing of that was kept, and nothing is lost");

    // Up to the last that fits, and not one more; what is there already is no more than it was.
    let fit = (QUEUE_BYTES - body(0, 0).len()) / envelope::BODY_MAX;
    for number in 1..=fit as u64 {
        assert_eq!(bank.mailbox(&operator, &put(body(number, 3))), Reply::Kept, "{number}");
    }
    let since = mark(&post);
    let one_more = bank.mailbox(&operator, &put(body(999, 3)));
    refused(&post, "an envelope to a full queue", since, one_more);
    assert_eq!(bank.mailbox(&operator, &put(body(1, 3))), Reply::Kept);
    post.kill();
    post.serve(&["--log", "debug"]);
    // On a connection of its own: that to the killed process has not heard of its end.
    let owner = Holder::new(&stage.world);
    assert_eq!(waiting_for(&owner), fit + 1);
    let Reply::Waiting { envelopes, .. } = owner.mailbox(&operator, &fetch(&operator, queue, &key)) else {
        panic!("nothing waits");
    };
    let (first, id) = (envelopes[0].number, envelope::id(&envelopes[0].envelope));
    let act = Act::Acknowledge {
        queue: &queue,
        number: first,
        id: &id,
    };
    let acknowledge = Ask::Acknowledge {
        queue,
        number: first,
        id,
        proof: prove(act, &operator, clock::now(), &key).expect("signs"),
    };
    assert_eq!(owner.mailbox(&operator, &acknowledge), Reply::Acknowledged);
    assert_eq!(waiting_for(&owner), fit);
}
