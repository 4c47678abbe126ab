//! Peers that want more of gossip than they may have.

use libp2p::identity::Keypair;

use super::members::{List, Member, warm_up};
use super::*;
use crate::network::raw::{Raw, RawStream};

const GOSSIP: &str = "/bevis/gossip/1";
/// The seed of a peer that speaks by raw bytes.
const RAW: u16 = 70;

/// A field of protobuf that holds bytes.
fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    let mut field = vec![number << 3 | 2];
    field.extend(varint(bytes.len()));
    field.extend_from_slice(bytes);
    field
}

fn varint(mut value: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 0x80 {
        bytes.push(u8::try_from(value & 0x7f).expect("seven bits") | 0x80);
        value >>= 7;
    }
    bytes.push(u8::try_from(value).expect("seven bits"));
    bytes
}

fn frame(rpc: &[u8]) -> Vec<u8> {
    let mut frame = varint(rpc.len());
    frame.extend_from_slice(rpc);
    frame
}

/// Joins all topics.
fn subscriptions() -> Vec<u8> {
    let topics = Topic::ALL.into_iter().map(|topic| {
        let mut subscription = vec![0x08, 1];
        subscription.extend(field(2, topic.as_str().as_bytes()));
        field(1, &subscription)
    });
    frame(&topics.collect::<Vec<_>>().concat())
}

/// A message of the origin with this seed, signed by another.
fn message(origin: u16, signer: u16, number: u64, topic: &str, data: &[u8]) -> Vec<u8> {
    let mut message = field(1, &client_name(origin).id().to_bytes());
    message.extend(field(2, data));
    message.extend(field(3, &number.to_be_bytes()));
    message.extend(field(4, topic.as_bytes()));
    let keypair: Keypair = secret(signer).keypair();
    let signed = [b"libp2p-pubsub:".as_slice(), &message].concat();
    message.extend(field(5, &keypair.sign(&signed).expect("signs")));
    frame(&field(2, &message))
}

/// A listed raw peer after hello, with a stream for gossip that has joined all topics.
async fn enter(to: &Member, is_quic: bool, seed: u16) -> (Raw, RawStream) {
    let address = to
        .handle
        .addresses()
        .into_iter()
        .find(|address| address.is_quic() == is_quic);
    let raw = within(Raw::dial(&address.expect("listens"), &secret(seed)))
        .await
        .expect("connects");
    assert!(
        !within(raw.ask(Protocol::Hello.as_str(), b"raw"))
            .await
            .expect("spoken")
            .is_empty()
    );
    let mut stream = within(raw.agree(GOSSIP)).await.expect("offered");
    within(stream.write(&subscriptions())).await.expect("written");
    (raw, stream)
}

#[tokio::test]
async fn gossip_is_not_even_spoken_with_who_is_not_listed() {
    let list = List::of([1, RAW]);
    let node = Member::start(Settings::default(), 1, &list).await;
    for is_quic in [true, false] {
        let address = node
            .handle
            .addresses()
            .into_iter()
            .find(|address| address.is_quic() == is_quic);
        let address = address.expect("listens");
        let wallet = within(Raw::dial(&address, &secret(71))).await.expect("connects");
        let hello = within(wallet.ask(Protocol::Hello.as_str(), b"raw")).await;
        assert!(!hello.expect("a wallet is let in").is_empty());
        for name in [GOSSIP, "/meshsub/1.1.0", "/meshsub/1.2.0", "/floodsub/1.0.0"] {
            let agreed = within(wallet.agree(name)).await.err();
            assert!(matches!(agreed, Some(Error::Unsupported)), "{name}: {agreed:?}");
        }
        assert_eq!(node.handle.gossip().peers, 0);
        drop(wallet);
        let (listed, _stream) = enter(&node, is_quic, RAW).await;
        node.until(|state| state.peers.contains(&client_name(RAW))).await;
        drop(listed);
        node.until(|state| state.peers.is_empty()).await;
    }
    node.stop().await;
}

#[tokio::test]
async fn nothing_is_heard_of_a_listed_peer_before_hello() {
    let list = List::of([1, RAW]);
    let node = Member::start(Settings::default(), 1, &list).await;
    for (turn, is_quic) in [true, false].into_iter().enumerate() {
        let address = node
            .handle
            .addresses()
            .into_iter()
            .find(|address| address.is_quic() == is_quic);
        let raw = within(Raw::dial(&address.expect("listens"), &secret(RAW)))
            .await
            .expect("connects");
        let mut stream = within(raw.agree(GOSSIP)).await.expect("offered");
        let number = 100 * u64::try_from(turn).expect("small") + 1;
        let data = format!("early {turn}").into_bytes();
        within(stream.write(&subscriptions())).await.expect("written");
        let early = message(RAW, RAW, number, Topic::Trust.as_str(), &data);
        within(stream.write(&early)).await.expect("written");
        // The answer to hello comes after what was written before it could have been read.
        assert_eq!(node.handle.gossip().peers, 0);
        assert!(node.look(|state| state.heard.len() == turn && state.peers.is_empty()));
        assert!(
            !within(raw.ask(Protocol::Hello.as_str(), b"raw"))
                .await
                .expect("spoken")
                .is_empty()
        );
        node.hears(&data).await;
        drop(raw);
        node.until(|state| state.peers.is_empty()).await;
    }
    node.stop().await;
}

#[tokio::test]
async fn a_message_counts_when_its_origin_signed_it_and_is_listed_and_it_is_new() {
    let list = List::of([1, 2, RAW]);
    let node = Member::start(Settings::default(), 1, &list).await;
    let (raw, mut stream) = enter(&node, false, RAW).await;
    let topic = Topic::Status.as_str();
    let bad = [
        message(2, RAW, 1, topic, b"forged"),
        message(RAW, 2, 1, topic, b"forged too"),
        message(RAW, RAW, 1, "/bevis/issue/1", b"another topic"),
        message(RAW, RAW, 1, topic, &[7; GOSSIP_BYTES_MAX + 1]),
    ];
    for message in bad {
        within(stream.write(&message)).await.expect("written");
    }
    let ignored = [message(3, 3, 1, topic, b"of one not listed")];
    let good = [
        message(RAW, RAW, 2, topic, &[7; GOSSIP_BYTES_MAX]),
        message(2, 2, 5, topic, b"passed on"),
        message(2, 2, 5, topic, b"under the same number"),
        message(2, 2, 6, topic, b"passed on next"),
    ];
    for message in ignored.iter().chain(&good) {
        within(stream.write(message)).await.expect("written");
    }
    node.hears(b"passed on next").await;
    let heard = node.look(|state| {
        let heard = state.heard.iter();
        heard
            .map(|heard| (heard.origin.clone(), heard.data.clone()))
            .collect::<Vec<_>>()
    });
    let expected = [
        (client_name(RAW), vec![7; GOSSIP_BYTES_MAX]),
        (client_name(2), b"passed on".to_vec()),
        (client_name(2), b"passed on next".to_vec()),
    ];
    assert_eq!(heard, expected);
    assert_eq!(node.topic(Topic::Status).foreign, 2);
    assert_eq!(node.handle.gossip().bans, 0, "a few are no reason");
    drop(raw);
    node.stop().await;
}

#[tokio::test]
async fn garbage_ends_the_stream_and_invalid_messages_end_gossip_with_the_peer_and_not_its_requests() {
    for is_quic in [true, false] {
        let list = List::of([1, 2, RAW]);
        let node = Member::start(Settings::default(), 1, &list).await;
        let other = Member::start(Settings::default(), 2, &list).await;
        other.meet(&[&node]).await;
        let (raw, mut stream) = enter(&node, is_quic, RAW).await;
        node.until(|state| state.peers.len() == 2).await;
        let too_long = [varint(1 << 20), vec![0; 64 * 1024]].concat();
        for garbage in [&[0xff; 64][..], &frame(&[0xff; 64]), &too_long] {
            stream.write(garbage).await.ok();
            within(stream.rest()).await;
            let agreed = within(raw.agree(GOSSIP)).await;
            match agreed {
                Ok(next) => stream = next,
                Err(error) => panic!("three streams of garbage are no reason: {error:?}"),
            }
        }
        for number in 0..200 {
            let forged = message(
                2,
                RAW,
                number,
                Topic::Trust.as_str(),
                format!("forged {number}").as_bytes(),
            );
            if stream.write(&forged).await.is_err() {
                break;
            }
        }
        node.until(|state| !state.peers.contains(&client_name(RAW))).await;
        node.until_counted(|counters| (counters.bans, counters.banned, counters.peers) == (1, 1, 1))
            .await;
        let agreed = within(raw.agree(GOSSIP)).await.err();
        assert!(matches!(agreed, Some(Error::Unsupported)), "{agreed:?}");
        let back = within(raw.ask(Protocol::Trust.as_str(), b"body"))
            .await
            .expect("spoken");
        assert!(back.ends_with(b"body"), "it may still ask");
        other.publish(Topic::Trust, b"of an honest one").await;
        node.hears(b"of an honest one").await;
        assert_eq!(node.look(|state| state.heard.len()), 1);
        drop(raw);
        for member in [node, other] {
            member.stop().await;
        }
    }
}

#[tokio::test]
async fn frames_without_end_are_too_many() {
    let list = List::of([1, RAW]);
    let node = Member::start(Settings::default(), 1, &list).await;
    let (raw, mut stream) = enter(&node, false, RAW).await;
    let control = frame(&field(3, &field(2, &field(1, &[9; 32]))));
    within(async { while stream.write(&control).await.is_ok() {} }).await;
    node.until_counted(|counters| (counters.bans, counters.peers) == (1, 0))
        .await;
    drop(raw);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_messages_of_one_are_ten_for_everybody_and_hold_up_nobody_elses() {
    const FLOODER: u16 = 8;
    let list = List::of(1..=FLOODER);
    let mut members = Vec::new();
    for seed in 1..=FLOODER {
        let mut settings = Settings::default();
        if seed == FLOODER {
            settings.limits.gossip_per_minute = 100_000;
        }
        members.push(Member::start(settings, seed, &list).await);
    }
    let all: Vec<&Member> = members.iter().collect();
    for member in &members {
        member.meet(&all).await;
    }
    for member in &members {
        member.until(|state| state.peers.len() == 7).await;
    }
    let from_second: Vec<&Member> = members.iter().skip(1).chain(members.first()).collect();
    warm_up(&from_second, Topic::Status).await;
    let flooder = members.pop().expect("eight");
    let flood = async {
        for number in 0..1_000 {
            flooder
                .publish(Topic::Status, format!("flood {number}").as_bytes())
                .await;
        }
    };
    let others = async {
        let mut delays = Vec::new();
        for round in 0..5 {
            let data = format!("urgent {round}").into_bytes();
            let began = tokio::time::Instant::now();
            members[1].publish(Topic::Status, &data).await;
            for member in members.iter().filter(|member| member.name != members[1].name) {
                member.hears(&data).await;
            }
            delays.push(began.elapsed());
        }
        delays
    };
    let ((), delays) = within(async { tokio::join!(flood, others) }).await;
    println!("others' messages during the flood reached all after {delays:?}");
    for member in &members {
        member.until_counted(|counters| counters.bans == 1).await;
        member.until(|state| !state.peers.contains(&flooder.name)).await;
        let heard = member.look(|state| state.heard.iter().filter(|heard| heard.origin == flooder.name).count());
        // One is earned each six seconds.
        assert!((1..=20).contains(&heard), "{heard}");
        assert!(member.topic(Topic::Status).over_rate >= 10);
    }
    // It notices that it is out when it next says something.
    let goes_on = async {
        let mut again = tokio::time::interval(Duration::from_millis(100));
        for number in 1_000.. {
            again.tick().await;
            flooder
                .publish(Topic::Status, format!("flood {number}").as_bytes())
                .await;
        }
    };
    tokio::select! {
        () = flooder.until(|state| state.peers.is_empty()) => {}
        () = goes_on => {}
    }
    members[2].publish(Topic::Status, b"after the flood").await;
    for member in members.iter().filter(|member| member.name != members[2].name) {
        member.hears(b"after the flood").await;
    }
    assert!(!flooder.look(|state| state.has(b"after the flood")));
    members.push(flooder);
    for member in members {
        member.stop().await;
    }
}
