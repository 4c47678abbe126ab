//! Peers that want too much.

use super::raw::Raw;
use super::*;

const PAST_LIMIT: u32 = 1024 * 1024 + 1;

/// The bytes of a refusal with this body.
fn refusal(body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![1, 0, 0, 0, u8::try_from(body.len()).expect("short")];
    bytes.extend_from_slice(body);
    bytes
}

#[tokio::test]
async fn an_announced_length_over_the_limit_is_refused_and_cuts_the_peer_and_nobody_else() {
    let server = Echo::start(Settings::default(), 1, b"server").await;
    let client = wallet(Settings::default(), b"client").await;
    let answer = ask(&client, &server.handle, 2, Protocol::Issue, b"before").await;
    assert_eq!(answer.expect("answered"), b"before");

    for length in [PAST_LIMIT, u32::MAX] {
        let mut greedy = Raw::dial(&server.handle, 3).await;
        assert!(!greedy.ask(Protocol::Hello, b"raw").await.is_empty());
        let mut stream = greedy.open(Protocol::Issue).await;
        stream.write(&length.to_be_bytes()).await;
        assert_eq!(stream.rest().await, refusal(TOO_LARGE));
        greedy.closed().await;
    }

    let answer = ask(&client, &server.handle, 2, Protocol::Issue, b"after").await;
    assert_eq!(answer.expect("answered"), b"after");
    server.stop().await;
}

#[tokio::test]
async fn over_the_rate_is_refused_then_disconnected_while_others_are_served() {
    for transport in BOTH {
        let mut slow = settings(transport);
        let rate = |burst| Rate { burst, per_second: 0 };
        slow.limits.rates.issue = rate(3);
        slow.limits.rates.refused = rate(2);
        let server = Echo::start(slow, 1, b"server").await;
        let client = wallet(settings(transport), b"client").await;
        for _ in 0..3 {
            let answer = ask(&client, &server.handle, 2, Protocol::Issue, b"body").await;
            assert_eq!(answer.expect("within the rate"), b"body");
        }
        let large = vec![7; 300_000];
        for body in [&b"body"[..], &large] {
            let answer = ask(&client, &server.handle, 2, Protocol::Issue, body).await;
            assert!(matches!(&answer, Err(Error::Refused(why)) if why == BUSY), "{answer:?}");
        }
        let other = ask(&client, &server.handle, 3, Protocol::Issue, b"other").await;
        assert_eq!(other.expect("another peer is served"), b"other");
        let protocol = ask(&client, &server.handle, 2, Protocol::Status, b"body").await;
        assert_eq!(protocol.expect("another protocol is served"), b"body");

        let answer = ask(&client, &server.handle, 2, Protocol::Issue, b"body").await;
        assert!(matches!(answer, Err(Error::Closed)), "{answer:?}");
        let cut = client_name(2);
        until(&server.handle, |peers| {
            peers.iter().any(|peer| peer.peer == cut && !peer.connected)
        })
        .await;
        let served = traffic(&server.handle, &cut, Protocol::Issue).requests_in;
        assert_eq!(served, 3, "what was refused was not read");
        // Coming back does not help.
        let answer = ask(&client, &server.handle, 2, Protocol::Issue, b"body").await;
        assert!(matches!(answer, Err(Error::Closed)), "{answer:?}");
        server.stop().await;
    }
}

#[tokio::test]
async fn a_service_that_is_behind_sheds_load_and_recovers() {
    let mut small = Settings::default();
    small.limits.inbox = 1;
    let (server, mut inbox) = organisation(small, 1, b"server").await;
    let client = wallet(Settings::default(), b"client").await;
    let first = ask(&client, &server, 2, Protocol::Issue, b"first");
    let second = async {
        // The first waits in the inbox, which is full with it.
        let arrived = client_name(2);
        until(&server, |_| {
            traffic(&server, &arrived, Protocol::Issue).requests_in == 1
        })
        .await;
        let answer = ask(&client, &server, 3, Protocol::Issue, b"second").await;
        assert!(matches!(&answer, Err(Error::Refused(why)) if why == BUSY), "{answer:?}");
        let inbound = inbox.next().await.expect("waits");
        assert_eq!(inbound.body, b"first");
        inbound.reply(b"done".to_vec());
    };
    let (answer, ()) = within(async { tokio::join!(first, second) }).await;
    assert_eq!(answer.expect("answered"), b"done");
    let third = ask(&client, &server, 3, Protocol::Issue, b"third");
    let answering = async {
        let inbound = inbox.next().await.expect("arrives");
        inbound.refuse(b"no".to_vec());
    };
    let (answer, ()) = within(async { tokio::join!(third, answering) }).await;
    assert!(
        matches!(&answer, Err(Error::Refused(why)) if why == b"no"),
        "{answer:?}"
    );
}

#[tokio::test]
async fn three_hundred_strangers_do_not_pass_the_limit_nor_crowd_out_an_old_peer() {
    const LIMIT: u32 = 20;
    const STRANGERS: u16 = 300;
    for transport in BOTH {
        let mut few = settings(transport);
        few.limits.established_in = LIMIT;
        few.limits.reserved_in = 0;
        few.limits.pending_per_address = few.limits.pending_in;
        let server = Echo::start(few, 1, b"server").await;
        let old = wallet(settings(transport), b"old").await;
        let answer = ask(&old, &server.handle, 2, Protocol::Issue, b"old").await;
        assert_eq!(answer.expect("answered"), b"old");

        let mut many = settings(transport);
        many.limits.identities = usize::from(STRANGERS);
        let crowd = wallet(many, b"stranger no more").await;
        let mut asking = tokio::task::JoinSet::new();
        for seed in 1000..1000 + STRANGERS {
            let (crowd, target) = (crowd.clone(), target(&server.handle, Some(seed)));
            asking.spawn(async move {
                let asked = crowd.request(target, Protocol::Issue, b"crowd".to_vec());
                asked.await.is_ok()
            });
        }
        let mut served = 0;
        while let Some(answer) = within(asking.join_next()).await {
            served += u32::from(answer.expect("does not panic"));
            let connected = server.handle.peers().iter().filter(|p| p.connected).count();
            assert!(connected <= 20, "{connected} connections over {transport:?}");
        }
        assert_eq!(served, LIMIT - 1, "the free places are given, over {transport:?}");
        let answer = ask(&old, &server.handle, 2, Protocol::Issue, b"still").await;
        assert_eq!(answer.expect("the old peer is answered"), b"still");
        within(crowd.shutdown()).await;
        server.stop().await;
    }
}

/// Dials until the free places of an address are taken: the peers that got one.
async fn fill(server: &Echo, seeds: std::ops::Range<u16>, is_quic: bool) -> Vec<Raw> {
    let mut inside = Vec::new();
    for seed in seeds {
        // Who is turned away notices at the handshake's end or at the first word.
        if let Some(mut raw) = Raw::try_dial(&server.handle, seed, is_quic).await
            && raw
                .try_ask(Protocol::Hello, b"raw")
                .await
                .is_some_and(|answer| !answer.is_empty())
        {
            inside.push(raw);
        }
    }
    inside
}

#[tokio::test]
async fn one_address_takes_its_share_of_the_places_and_organisations_still_get_in() {
    for transport in BOTH {
        let is_quic = transport == Transport::QuicOnly;
        let mut few = settings(transport);
        few.limits.per_address = 5;
        few.limits.established_in = 20;
        few.limits.reserved_in = 4;
        let server = Echo::start(few, 1, b"server").await;
        let mut inside = fill(&server, 100..112, is_quic).await;
        assert_eq!(inside.len(), 5, "over {transport:?}");
        // All come from one address here; those that the trust document names are not counted with it.
        let listed = fill(&server, LISTED..LISTED + 6, is_quic).await;
        assert_eq!(listed.len(), 6, "over {transport:?}");
        // Who leaves makes room.
        let mut left = inside.remove(0);
        drop(left.try_ask(Protocol::Issue, b"last").await);
        drop(left);
        until(&server.handle, |peers| {
            peers.iter().filter(|peer| peer.connected).count() == 10
        })
        .await;
        assert_eq!(fill(&server, 112..114, is_quic).await.len(), 1, "over {transport:?}");
        server.stop().await;
    }
}

#[tokio::test]
async fn strangers_never_get_the_places_that_are_kept_for_organisations() {
    for transport in BOTH {
        let is_quic = transport == Transport::QuicOnly;
        let mut few = settings(transport);
        few.limits.established_in = 8;
        few.limits.reserved_in = 3;
        let server = Echo::start(few, 1, b"server").await;
        let strangers = fill(&server, 100..110, is_quic).await;
        assert_eq!(strangers.len(), 5, "over {transport:?}");
        let listed = fill(&server, LISTED..LISTED + 5, is_quic).await;
        assert_eq!(
            listed.len(),
            3,
            "the rest, and no more than the limit, over {transport:?}"
        );
        server.stop().await;
    }
}

#[tokio::test]
async fn a_stream_over_the_limit_of_a_connection_is_refused_and_those_within_are_answered() {
    for is_quic in [true, false] {
        let (server, mut inbox) = organisation(Settings::default(), 1, b"server").await;
        let limit = Settings::default().limits.streams;
        let mut greedy = Raw::dial_over(&server, 3, is_quic).await;
        assert!(!greedy.ask(Protocol::Hello, b"raw").await.is_empty());
        let mut held = Vec::new();
        for _ in 0..limit {
            let mut stream = greedy.open(Protocol::Issue).await;
            stream.write(&5_u32.to_be_bytes()).await;
            held.push(stream);
        }
        assert_eq!(greedy.ask(Protocol::Issue, b"17th.").await, refusal(BUSY));
        // One that ends makes room for one.
        let mut first = held.remove(0);
        first.write(b"first").await;
        let inbound = within(inbox.next()).await.expect("arrives");
        assert_eq!(inbound.body, b"first");
        inbound.reply(b"done".to_vec());
        assert_eq!(first.rest().await, b"\x00\x00\x00\x00\x04done");
        within(server.shutdown()).await;
    }
}
