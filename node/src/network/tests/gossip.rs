//! Gossip among honest members.

use tokio::time::Instant;

use super::members::{List, Member, warm_up};
use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thirty_members_hear_each_message_once_and_know_its_origin() {
    let (_, members) = Member::group(&Settings::default(), 30).await;
    for member in &members {
        member.until(|state| state.peers.len() >= 8).await;
    }
    warm_up(&members.iter().collect::<Vec<_>>(), Topic::Status).await;
    let mut delays = Vec::new();
    for (turn, origin) in members.iter().enumerate().skip(1).step_by(6) {
        let data = format!("digest {turn}").into_bytes();
        let began = Instant::now();
        origin.publish(Topic::Status, &data).await;
        for member in members.iter().filter(|member| member.name != origin.name) {
            member.hears(&data).await;
            let times = member.look(|state| {
                let heard = state.heard.iter().filter(|heard| heard.data == data);
                heard
                    .map(|heard| (heard.origin.clone(), heard.topic, heard.at))
                    .collect::<Vec<_>>()
            });
            assert_eq!(times.len(), 1, "once");
            let (by, topic, at) = &times[0];
            assert_eq!((by, *topic), (&origin.name, Topic::Status));
            delays.push(at.duration_since(began));
        }
    }
    delays.sort_unstable();
    let at = |share: usize| delays[(delays.len() - 1) * share / 100];
    println!(
        "30 members: p50 {:?}, p95 {:?}, p99 {:?}, 100 % {:?}",
        at(50),
        at(95),
        at(99),
        at(100)
    );
    // Nobody hears what it said itself, and copies are counted.
    let first = members[1].look(|state| state.has(b"digest 1"));
    assert!(!first);
    assert!(members.iter().any(|member| member.topic(Topic::Status).duplicates > 0));
    assert_eq!(members[1].topic(Topic::Status).published, 1);
    for member in members {
        member.stop().await;
    }
}

/// Three in a row that gossip on a topic: what reaches the last went through the one between.
async fn row(transport: Transport, topic: Topic) -> [Member; 3] {
    let list = List::of(1..=3);
    let mut settings = settings(transport);
    settings.limits.gossip_inbox = 4;
    let first = Member::start(settings.clone(), 1, &list).await;
    let between = Member::start(settings.clone(), 2, &list).await;
    let last = Member::start(settings, 3, &list).await;
    between.meet(&[&first, &last]).await;
    first.until(|state| state.peers.len() == 1).await;
    last.until(|state| state.peers.len() == 1).await;
    warm_up(&[&first, &between, &last], topic).await;
    [first, between, last]
}

#[tokio::test]
async fn only_what_was_judged_good_goes_on() {
    for transport in BOTH {
        let [first, between, last] = row(transport, Topic::Notice).await;
        let before = between.topic(Topic::Notice);
        for data in [b"bad one", b"old one"] {
            first.publish(Topic::Notice, data).await;
            between.hears(data).await;
        }
        first.publish(Topic::Notice, b"good one").await;
        last.hears(b"good one").await;
        assert!(!last.look(|state| state.has(b"bad one") || state.has(b"old one")));
        between
            .until_counted(|counters| counters.topics[2].1.accepted == before.accepted + 1)
            .await;
        let counted = between.topic(Topic::Notice);
        assert_eq!((counted.rejected, counted.ignored), (1, 1));
        assert_eq!(counted.received, before.received + 3);
        assert_eq!(counted.expired, 0);
        for member in [first, between, last] {
            member.stop().await;
        }
    }
}

#[tokio::test]
async fn a_verdict_that_never_comes_expires_and_what_waits_is_bounded() {
    let [first, between, last] = row(Transport::TcpOnly, Topic::Trust).await;
    let before = between.topic(Topic::Trust);
    // There are four places for messages without a verdict.
    for number in 0..6 {
        first.publish(Topic::Trust, format!("hold {number}").as_bytes()).await;
    }
    between.until(|state| state.held.len() == 4).await;
    between.until_counted(|counters| counters.topics[0].1.shed == 2).await;
    between
        .until_counted(|counters| counters.topics[0].1.expired == 4)
        .await;
    // Too late: it does not go on.
    for held in between.take_held() {
        held.verdict.accept();
    }
    first.publish(Topic::Trust, b"in time").await;
    last.hears(b"in time").await;
    between
        .until_counted(|counters| counters.topics[0].1.accepted > before.accepted)
        .await;
    let counted = between.topic(Topic::Trust);
    assert_eq!((counted.accepted, counted.expired), (before.accepted + 1, 4));
    assert_eq!(counted.ignored, 0);
    assert!(last.look(|state| state.held.is_empty()));
    for member in [first, between, last] {
        member.stop().await;
    }
}

#[tokio::test]
async fn what_was_published_while_nobody_was_there_reaches_who_comes_and_the_newest_win() {
    let list = List::of(1..=2);
    let alone = Member::start(Settings::default(), 1, &list).await;
    for number in 0..10 {
        alone.publish(Topic::Trust, format!("head {number}").as_bytes()).await;
    }
    alone.publish(Topic::Notice, b"notice").await;
    let comes = Member::start(Settings::default(), 2, &list).await;
    comes.meet(&[&alone, &comes]).await;
    comes.hears(b"notice").await;
    comes.hears(b"head 9").await;
    let mut heard = comes.look(|state| state.heard.iter().map(|heard| heard.data.clone()).collect::<Vec<_>>());
    heard.sort();
    let expected: [&[u8]; 5] = [b"head 6", b"head 7", b"head 8", b"head 9", b"notice"];
    assert_eq!(heard, expected);
    assert_eq!(alone.topic(Topic::Trust).superseded, 6);
    let over = alone.handle.publish(Topic::Trust, vec![0; GOSSIP_BYTES_MAX + 1]).await;
    assert!(matches!(over, Err(Error::TooLarge { .. })), "{over:?}");
    alone.publish(Topic::Trust, &[7; GOSSIP_BYTES_MAX]).await;
    comes.hears(&[7; GOSSIP_BYTES_MAX]).await;
    for member in [alone, comes] {
        member.stop().await;
    }
}

#[tokio::test]
async fn who_only_dials_has_no_gossip() {
    let (handle, mut inbox) = within(start(Settings::default(), None, Arc::new(List::of(1..=2))))
        .await
        .expect("network starts");
    assert!(inbox.gossip().is_none());
    let published = handle.publish(Topic::Trust, b"head".to_vec()).await;
    assert!(matches!(published, Err(Error::NoIdentity)), "{published:?}");
    assert_eq!(handle.gossip(), GossipCounters::default());
}
