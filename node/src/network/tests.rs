//! Two and more networks in one process, over real sockets on loopback.

mod abuse;
mod gossip;
mod gossip_connections;
mod gossip_hostile;
mod hello;
mod identities;
mod members;
mod raw;
mod relay;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::*;

/// Longest time for one step of a test. It ends tests that hang and paces none.
const PATIENCE: Duration = Duration::from_secs(60);

const BUSY: &[u8] = b"busy";
const TOO_LARGE: &[u8] = b"too large";
const MALFORMED: &[u8] = b"malformed";
const UNPROVEN: &[u8] = b"who are you";
const INCOMPLETE: &[u8] = b"incomplete";
/// The first of eight identities that count as organisations'.
const LISTED: u16 = 900;
const STRANGER: &[u8] = b"stranger";
const NOT_LISTED: &[u8] = b"not on the list";

const BOTH: [Transport; 2] = [Transport::QuicOnly, Transport::TcpOnly];

async fn within<T>(step: impl Future<Output = T>) -> T {
    timeout(PATIENCE, step).await.expect("step ends in time")
}

/// Says a word in hello, and accepts every word but one.
struct Words(&'static [u8]);

impl Greeter for Words {
    fn hello(&self, _: Option<&PeerName>) -> Vec<u8> {
        self.0.to_vec()
    }

    fn check(&self, _: &PeerName, body: &[u8], _: bool) -> Result<Standing, Vec<u8>> {
        if body == STRANGER {
            Err(NOT_LISTED.to_vec())
        } else {
            Ok(Standing::Full)
        }
    }

    fn refusal(&self, _: &PeerName, _: Protocol, why: Refusal) -> Vec<u8> {
        match why {
            Refusal::Busy => BUSY.to_vec(),
            Refusal::TooLarge => TOO_LARGE.to_vec(),
            Refusal::Malformed => MALFORMED.to_vec(),
            Refusal::Incomplete => INCOMPLETE.to_vec(),
            Refusal::Unproven => UNPROVEN.to_vec(),
        }
    }

    fn is_listed(&self, peer: &PeerName) -> bool {
        (LISTED..LISTED + 8).any(|seed| *peer == client_name(seed))
    }
}

fn secret(seed: u16) -> Secret32 {
    let mut bytes = [1; 32];
    for (byte, of_seed) in bytes.iter_mut().zip(seed.to_be_bytes()) {
        *byte = of_seed;
    }
    Secret32::new(bytes)
}

fn settings(transport: Transport) -> Settings {
    Settings {
        transport,
        ..Settings::default()
    }
}

/// An organisation that echoes every request.
struct Echo {
    handle: Handle,
    echo: JoinHandle<()>,
}

impl Echo {
    async fn start(settings: Settings, seed: u16, word: &'static [u8]) -> Self {
        let (handle, mut inbox) = organisation(settings, seed, word).await;
        let echo = tokio::spawn(async move {
            while let Some(mut inbound) = inbox.next().await {
                let body = std::mem::take(&mut inbound.body);
                inbound.reply(body);
            }
        });
        Self { handle, echo }
    }

    async fn stop(self) {
        within(self.handle.shutdown()).await;
        self.echo.abort();
    }
}

async fn organisation(settings: Settings, seed: u16, word: &'static [u8]) -> (Handle, Inbox) {
    let started = start(settings, Some(secret(seed)), Arc::new(Words(word)));
    within(started).await.expect("network starts")
}

async fn wallet(settings: Settings, word: &'static [u8]) -> Handle {
    let started = start(settings, None, Arc::new(Words(word)));
    within(started).await.expect("network starts").0
}

fn target(to: &Handle, as_identity: Option<u16>) -> Target {
    Target {
        as_identity: as_identity.map(secret),
        peer: to.peer_name().expect("listens"),
        addresses: to.addresses(),
    }
}

/// Asks `to` as wallet identity `seed`.
async fn ask(wallet: &Handle, to: &Handle, seed: u16, protocol: Protocol, body: &[u8]) -> Result<Vec<u8>, Error> {
    within(wallet.request(target(to, Some(seed)), protocol, body.to_vec())).await
}

fn traffic(handle: &Handle, with: &PeerName, protocol: Protocol) -> Traffic {
    let counters = handle.peers();
    let peer = counters.iter().find(|peer| peer.peer == *with);
    let rows = peer.map(|peer| peer.traffic.clone()).unwrap_or_default();
    let row = rows.into_iter().find(|(of, _)| *of == protocol);
    row.map(|(_, traffic)| traffic).unwrap_or_default()
}

/// Waits until the counters of `handle` are as wanted.
async fn until(handle: &Handle, wanted: impl Fn(&[PeerCounters]) -> bool) {
    within(async {
        let mut seen = 0;
        while !wanted(&handle.peers()) {
            (seen, _) = handle.peers_since(seen).await;
        }
    })
    .await;
}

#[tokio::test]
async fn every_protocol_echoes_over_quic_and_over_tcp() {
    for transport in BOTH {
        let server = Echo::start(settings(transport), 1, b"server").await;
        let client = wallet(settings(transport), b"client").await;
        for protocol in Protocol::ALL {
            if protocol == Protocol::Hello {
                continue;
            }
            let answer = ask(&client, &server.handle, 2, protocol, b"body").await;
            assert_eq!(answer.expect("answered"), b"body", "{transport:?} {protocol}");
            let answer = ask(&client, &server.handle, 2, protocol, b"").await;
            assert_eq!(answer.expect("answered"), b"", "{transport:?} {protocol}");
        }
        within(client.shutdown()).await;
        server.stop().await;
    }
}

#[tokio::test]
async fn a_body_at_the_limit_passes_and_one_byte_more_never_leaves() {
    for transport in BOTH {
        let server = Echo::start(settings(transport), 1, b"server").await;
        let client = wallet(settings(transport), b"client").await;
        let name = server.handle.peer_name().expect("listens");
        for protocol in [Protocol::Issue, Protocol::Status] {
            let limit = protocol.bytes_max();
            let mut body: Vec<u8> = (0..=u8::MAX).cycle().take(limit).collect();
            let answer = ask(&client, &server.handle, 2, protocol, &body).await;
            assert!(answer.expect("answered") == body, "{transport:?} {protocol}");
            body.push(0);
            let before = traffic(&client, &name, protocol);
            let answer = ask(&client, &server.handle, 2, protocol, &body).await;
            let is_told =
                matches!(answer, Err(Error::TooLarge { limit: told, got }) if (told, got) == (limit, limit + 1));
            assert!(is_told, "{transport:?} {protocol}");
            assert_eq!(traffic(&client, &name, protocol), before, "nothing was sent");
        }
        server.stop().await;
    }
}

#[tokio::test]
async fn an_answer_over_the_limit_is_not_sent() {
    let (server, mut inbox) = organisation(Settings::default(), 1, b"server").await;
    let client = wallet(Settings::default(), b"client").await;
    let name = client_name(2);
    let asking = ask(&client, &server, 2, Protocol::Present, b"body");
    let answering = async {
        let inbound = inbox.next().await.expect("arrives");
        inbound.reply(vec![0; Protocol::Present.bytes_max() + 1]);
    };
    let (answer, ()) = within(async { tokio::join!(asking, answering) }).await;
    assert!(matches!(answer, Err(Error::Closed)), "{answer:?}");
    assert_eq!(traffic(&server, &name, Protocol::Present).bytes_out, 0);
}

fn client_name(seed: u16) -> PeerName {
    peer_name(&secret(seed))
}

#[tokio::test]
async fn counters_are_the_exact_body_bytes_of_each_side() {
    for transport in BOTH {
        let (server, mut inbox) = organisation(settings(transport), 1, b"server").await;
        let client = wallet(settings(transport), b"client!").await;
        let service = tokio::spawn(async move {
            while let Some(inbound) = inbox.next().await {
                inbound.reply(vec![9; 5]);
            }
        });
        for body in [&[0; 1000][..], &[0; 234][..]] {
            let answer = ask(&client, &server, 2, Protocol::Present, body).await;
            assert_eq!(answer.expect("answered").len(), 5);
        }
        let expected = Traffic {
            bytes_in: 10,
            bytes_out: 1234,
            requests_in: 0,
            requests_out: 2,
        };
        let mirrored = Traffic {
            bytes_in: 1234,
            bytes_out: 10,
            requests_in: 2,
            requests_out: 0,
        };
        let of_server = server.peer_name().expect("listens");
        let of_client = client_name(2);
        assert_eq!(traffic(&client, &of_server, Protocol::Present), expected);
        assert_eq!(traffic(&server, &of_client, Protocol::Present), mirrored);
        let hello = traffic(&server, &of_client, Protocol::Hello);
        assert_eq!((hello.bytes_in, hello.bytes_out), (7, 6));
        assert_eq!(
            traffic(&server, &of_client, Protocol::Issue),
            Traffic::default(),
            "each protocol has its own row"
        );
        let seen = server.peers();
        assert_eq!(seen.len(), 1);
        assert!(seen.iter().all(|peer| peer.connected && !peer.dialled));
        assert!(client.peers().iter().all(|peer| peer.connected && peer.dialled));
        service.abort();
    }
}

#[tokio::test]
async fn who_was_dialled_can_ask_back_on_the_same_connection() {
    for transport in BOTH {
        let a = Echo::start(settings(transport), 1, b"a").await;
        let b = Echo::start(settings(transport), 2, b"b").await;
        let to_b = target(&b.handle, None);
        let answer = within(a.handle.request(to_b, Protocol::Trust, b"from a".to_vec())).await;
        assert_eq!(answer.expect("answered"), b"from a");
        let to_a = Target {
            addresses: Vec::new(),
            ..target(&a.handle, None)
        };
        let answer = within(b.handle.request(to_a, Protocol::Trust, b"from b".to_vec())).await;
        assert_eq!(answer.expect("answered without dialling"), b"from b");
        a.stop().await;
        b.stop().await;
    }
}

#[tokio::test]
async fn where_quic_is_silent_tcp_answers() {
    let server = Echo::start(settings(Transport::TcpOnly), 1, b"server").await;
    let client = wallet(settings(Transport::QuicThenTcp), b"client").await;
    // Bound, so that nobody else answers there.
    let silent = std::net::UdpSocket::bind("127.0.0.1:0").expect("loopback has ports");
    let port = silent.local_addr().expect("bound").port();
    let mut target = target(&server.handle, Some(2));
    let quic = format!("/ip4/127.0.0.1/udp/{port}/quic-v1");
    target.addresses.push(Address::parse(&quic).expect("well-formed"));
    let answer = within(client.request(target, Protocol::Issue, b"body".to_vec())).await;
    assert_eq!(answer.expect("answered"), b"body");
    server.stop().await;
}

#[tokio::test]
async fn another_peer_at_the_address_is_not_asked() {
    for transport in BOTH {
        let server = Echo::start(settings(transport), 1, b"server").await;
        let client = wallet(settings(transport), b"client").await;
        let wrong = Target {
            peer: client_name(77),
            ..target(&server.handle, Some(2))
        };
        let answer = within(client.request(wrong, Protocol::Issue, b"body".to_vec())).await;
        assert!(matches!(answer, Err(Error::Unreachable)), "{answer:?}");
        assert_eq!(traffic(&server.handle, &client_name(2), Protocol::Issue).requests_in, 0);
        server.stop().await;
    }
}

#[tokio::test]
async fn a_transport_that_is_off_is_not_dialled() {
    let server = Echo::start(settings(Transport::QuicThenTcp), 1, b"server").await;
    assert_eq!(server.handle.addresses().len(), 2);
    let is_quic = |address: &Address| address.is_quic();
    for (transport, quic) in [(Transport::TcpOnly, false), (Transport::QuicOnly, true)] {
        let client = wallet(settings(transport), b"client").await;
        let answer = ask(&client, &server.handle, 2, Protocol::Issue, b"body").await;
        assert_eq!(answer.expect("answered"), b"body");
        let mut other = target(&server.handle, Some(3));
        other.addresses.retain(|address| is_quic(address) != quic);
        let answer = within(client.request(other, Protocol::Issue, Vec::new())).await;
        assert!(matches!(answer, Err(Error::BadAddress)), "{answer:?}");
    }
    server.stop().await;
}

#[tokio::test]
async fn shutdown_finishes_the_answer_under_way_and_takes_nothing_new() {
    for transport in BOTH {
        let (server, mut inbox) = organisation(settings(transport), 1, b"server").await;
        let client = wallet(settings(transport), b"client").await;
        let asking = ask(&client, &server, 2, Protocol::Issue, b"body");
        let stopping = async {
            let inbound = inbox.next().await.expect("arrives");
            let shutdown = tokio::spawn(server.clone().shutdown());
            assert!(inbox.next().await.is_none(), "nothing new is taken");
            assert!(!shutdown.is_finished(), "the answer is waited for");
            inbound.reply(b"late".to_vec());
            shutdown.await.expect("stops");
        };
        let (answer, ()) = within(async { tokio::join!(asking, stopping) }).await;
        assert_eq!(answer.expect("answered"), b"late");
        let answer = ask(&client, &server, 3, Protocol::Issue, b"body").await;
        assert!(matches!(answer, Err(Error::Unreachable)), "{answer:?}");
        let own = within(server.request(target(&server, None), Protocol::Issue, vec![])).await;
        assert!(matches!(own, Err(Error::Closed)), "{own:?}");
    }
}

#[test]
fn names_and_addresses_have_one_form() {
    let name = client_name(1);
    assert_eq!(PeerName::parse(name.as_str()).expect("its own text"), name);
    assert!(PeerName::parse(&format!("{name}A")).is_err());
    // A hashed RSA key's name: no Ed25519 key stands in it.
    assert!(PeerName::parse("QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N").is_err());
    for good in ["/ip4/127.0.0.1/udp/9/quic-v1", "/ip6/::1/tcp/9"] {
        assert_eq!(Address::parse(good).expect("well-formed").as_str(), good);
    }
    for bad in [
        "",
        "/ip4/127.0.0.1",
        "/ip4/127.0.0.1/udp/9",
        "/ip4/127.0.0.1/tcp/9/ws",
        "/dns/bank.example/tcp/9",
        "/ip4/127.0.0.1/udp/9/quic",
    ] {
        assert!(Address::parse(bad).is_err(), "{bad}");
    }
    assert_eq!(format!("{:?}", secret(1)), "Secret32");
}
