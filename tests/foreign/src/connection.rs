//! §1 to §3: a connection over TCP, Noise and Yamux, frames on it, and hello.

use crate::cbor;
use crate::problem::{Outcome, Problem, refuse, require};
use crate::trust::Organisation;
use ciborium::Value;
use futures::future::{LocalBoxFuture, poll_fn};
use futures::stream::FuturesUnordered;
use futures::{AsyncReadExt, AsyncWriteExt, FutureExt, StreamExt};
use libp2p::core::muxing::{StreamMuxerBox, StreamMuxerExt, SubstreamBox};
use libp2p::core::transport::{DialOpts, PortUse};
use libp2p::core::upgrade::Version;
use libp2p::core::{Endpoint, Transport};
use libp2p::identity::{Keypair, PeerId};
use libp2p::{Multiaddr, noise, tcp, yamux};
use std::future::Future;
use std::pin::pin;
use std::str::FromStr;
use std::task::{Context, Poll};
use std::time::Duration;

/// Time to reach one address and agree on keys.
const DIAL: Duration = Duration::from_secs(10);
/// Longest body of a frame refusal.
const REFUSAL_MAX: u32 = 4 * 1024;
/// Streams of the other side that are answered `na` at one time.
const REFUSING_MAX: usize = 16;
/// How long a goodbye may take.
const GOODBYE: Duration = Duration::from_secs(1);

/// One of the protocols, with its limit in bytes and its time (§2).
#[derive(Clone, Copy)]
pub(crate) struct Protocol {
    name: &'static str,
    bytes_max: u32,
    time: Duration,
}

const HELLO: Protocol = Protocol {
    name: "/bevis/hello/1",
    bytes_max: 8_192,
    time: Duration::from_secs(5),
};
/// §5.
pub(crate) const ISSUE: Protocol = Protocol {
    name: "/bevis/issue/1",
    bytes_max: 1_048_576,
    time: Duration::from_secs(30),
};
/// §6.
pub(crate) const PRESENT: Protocol = Protocol {
    name: "/bevis/present/1",
    bytes_max: 262_144,
    time: Duration::from_secs(30),
};
/// §7.
pub(crate) const STATUS: Protocol = Protocol {
    name: "/bevis/status/1",
    bytes_max: 307_200,
    time: Duration::from_secs(10),
};

/// A connection whose other side said an acceptable hello.
pub(crate) struct Connection {
    muxer: StreamMuxerBox,
    peer: PeerId,
    refusing: FuturesUnordered<LocalBoxFuture<'static, ()>>,
}

fn unreachable(what: &str) -> Problem {
    Problem::new("unreachable", what)
}

/// Dials an organisation's nodes one after the other, with the secret that is used for this organisation only, until one
/// is there, and says hello.
pub(crate) async fn dial(organisation: &Organisation, secret: [u8; 32]) -> Outcome<Connection> {
    let mut last = unreachable("the organisation has no address over TCP that we dial");
    for node in &organisation.nodes {
        let peer = PeerId::from_str(&node.peer).map_err(|_| unreachable("a PeerId cannot be read"))?;
        for address in &node.addresses {
            // Names are not dialled, and QUIC is not spoken: either stack is enough for a wallet.
            let parts: Vec<&str> = address.split('/').collect();
            if !matches!(parts.as_slice(), ["", "ip4" | "ip6", _, "tcp", _]) {
                continue;
            }
            match reach(address, peer, secret).await {
                Ok(mut connection) => {
                    connection.hello(organisation).await?;
                    return Ok(connection);
                }
                Err(problem) => last = problem,
            }
        }
    }
    Err(last)
}

async fn reach(address: &str, peer: PeerId, secret: [u8; 32]) -> Outcome<Connection> {
    let ours = Keypair::ed25519_from_bytes(secret).map_err(|_| Problem::new("internal", "a key cannot be read"))?;
    let noise = noise::Config::new(&ours).map_err(|_| Problem::new("internal", "a key cannot be used"))?;
    let address = Multiaddr::from_str(address).map_err(|_| unreachable("an address cannot be read"))?;
    let mut transport = tcp::tokio::Transport::new(tcp::Config::default().nodelay(true))
        .upgrade(Version::V1)
        .authenticate(noise)
        .multiplex(yamux::Config::default())
        .boxed();
    let options = DialOpts {
        role: Endpoint::Dialer,
        port_use: PortUse::New,
    };
    let dialling = transport.dial(address, options);
    let dialling = dialling.map_err(|_| unreachable("an address cannot be dialled"))?;
    let reached = tokio::time::timeout(DIAL, dialling).await;
    let reached = reached.map_err(|_| unreachable("nobody answered in time"))?;
    let (found, muxer) = reached.map_err(|_| unreachable("the connection failed"))?;
    // Dropping the muxer hangs up.
    require(
        found == peer,
        "unreachable",
        "another peer than the trust document names is there",
    )?;
    Ok(Connection {
        muxer,
        peer: found,
        refusing: FuturesUnordered::new(),
    })
}

impl Connection {
    /// PeerId of the other side.
    pub(crate) fn peer(&self) -> String {
        self.peer.to_base58()
    }

    /// §3: our hello, and the checks of the other side's.
    async fn hello(&mut self, organisation: &Organisation) -> Outcome<()> {
        let hello = cbor::message("Hello", [("version", 1.into()), ("who", "Wallet".into())]);
        let reply = self.ask(HELLO, &hello).await?;
        let reply = cbor::expect(reply, "Hello")?;
        require(
            reply.uint("version")? == 1,
            "unsupported",
            "the other side speaks another version",
        )?;
        let who = reply.inner("who")?;
        if who.as_text() == Some("Wallet") {
            return refuse("not_listed", "whoever we dialled is no organisation");
        }
        let who = cbor::expect(who, "Organisation")?;
        who.uint("time")?;
        let listed = who.text("did")? == organisation.did;
        require(
            listed,
            "not_listed",
            "whoever we dialled names itself otherwise than the trust document",
        )
    }

    /// One message and its answer on a stream of its own.
    pub(crate) async fn ask(&mut self, protocol: Protocol, message: &Value) -> Outcome<Value> {
        let body = cbor::write(message)?;
        cbor::read(&self.send(protocol, &body).await?)
    }

    /// The same, for bytes that are sent as they were written before.
    pub(crate) async fn send(&mut self, protocol: Protocol, body: &[u8]) -> Outcome<Vec<u8>> {
        let length = u32::try_from(body.len()).unwrap_or(u32::MAX);
        require(
            length <= protocol.bytes_max,
            "too_large",
            "a message is over the limit of its protocol",
        )?;
        let mut frame = length.to_be_bytes().to_vec();
        frame.extend(body);
        let exchange = async {
            let stream = self.open().await?;
            self.drive(exchange(protocol, stream, frame)).await?
        };
        let answer = tokio::time::timeout(protocol.time, exchange).await;
        answer.map_err(|_| unreachable("no answer came in time"))?
    }

    async fn open(&mut self) -> Outcome<SubstreamBox> {
        poll_fn(|cx| {
            if let Poll::Ready(Err(problem)) = self.turn(cx) {
                return Poll::Ready(Err(problem));
            }
            let opened = self.muxer.poll_outbound_unpin(cx);
            opened.map_err(|_| unreachable("the connection is closed"))
        })
        .await
    }

    /// Runs something while the connection goes on.
    async fn drive<T>(&mut self, work: impl Future<Output = T>) -> Outcome<T> {
        let mut work = pin!(work);
        poll_fn(|cx| {
            // An answer that is there counts, even when the connection ended behind it.
            if let Poll::Ready(done) = work.as_mut().poll(cx) {
                return Poll::Ready(Ok(done));
            }
            match self.turn(cx) {
                Poll::Ready(Err(problem)) => match work.as_mut().poll(cx) {
                    Poll::Ready(done) => Poll::Ready(Ok(done)),
                    Poll::Pending => Poll::Ready(Err(problem)),
                },
                _ => Poll::Pending,
            }
        })
        .await
    }

    /// Moves the connection on; ready when it has ended. Streams that the other side opens are answered `na` (§1).
    fn turn(&mut self, cx: &mut Context<'_>) -> Poll<Outcome<()>> {
        let ended = || unreachable("the connection was closed");
        while let Poll::Ready(inbound) = self.muxer.poll_inbound_unpin(cx) {
            let Ok(stream) = inbound else {
                return Poll::Ready(Err(ended()));
            };
            if self.refusing.len() < REFUSING_MAX {
                let no_protocol: [&str; 0] = [];
                let refusing = multistream_select::listener_select_proto(stream, no_protocol);
                self.refusing.push(refusing.map(drop).boxed_local());
            }
        }
        while let Poll::Ready(Some(())) = self.refusing.poll_next_unpin(cx) {}
        while let Poll::Ready(event) = self.muxer.poll_unpin(cx) {
            if event.is_err() {
                return Poll::Ready(Err(ended()));
            }
        }
        Poll::Pending
    }

    /// Hangs up in order.
    pub(crate) async fn close(self) {
        // Whether the other side heard it is nothing that a wallet acts on.
        drop(tokio::time::timeout(GOODBYE, self.muxer.close()).await);
    }
}

/// §2: length and body there, kind, length and body back.
async fn exchange(protocol: Protocol, stream: SubstreamBox, frame: Vec<u8>) -> Outcome<Vec<u8>> {
    let version = multistream_select::Version::V1;
    let agreed = multistream_select::dialer_select_proto(stream, [protocol.name], version).await;
    let (_, mut stream) = agreed.map_err(|_| unreachable("the other side does not speak the protocol"))?;
    let lost = |_| unreachable("the answer was lost");
    stream.write_all(&frame).await.map_err(lost)?;
    stream.flush().await.map_err(lost)?;
    let mut head = [0; 5];
    stream.read_exact(&mut head).await.map_err(lost)?;
    let [kind, length @ ..] = head;
    let length = u32::from_be_bytes(length);
    let bytes_max = match kind {
        0 => protocol.bytes_max,
        1 => REFUSAL_MAX,
        _ => return refuse("malformed", "the answer is of a kind that there is not"),
    };
    require(
        length <= bytes_max,
        "too_large",
        "the answer is over the limit of its protocol",
    )?;
    let mut body = Vec::new();
    let read = (&mut stream)
        .take(u64::from(length))
        .read_to_end(&mut body)
        .await
        .map_err(lost)?;
    require(
        u64::try_from(read).ok() == Some(u64::from(length)),
        "unreachable",
        "the answer was cut",
    )?;
    // We have read the answer; the other end waits for this.
    drop(stream.close().await);
    if kind == 1 {
        // A refusal of the network layer has this form whatever the protocol.
        cbor::expect(cbor::read(&body)?, "Hello")?;
        return refuse("malformed", "a refusal says no problem");
    }
    Ok(body)
}
