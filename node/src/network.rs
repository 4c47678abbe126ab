//! The libp2p part of the node: who is connected, and bytes in and out.
//!
//! One task owns each swarm; everybody else holds a [`Handle`]. An organisation has one
//! identity and listens. A wallet has one identity *per counterpart* and only dials: the
//! swarm of an identity is made when it is first used and dropped when it is idle.
//!
//! Nothing of libp2p shows outside this module. Bodies are bytes; what they mean is the
//! services' business. What this module promises about them:
//!
//! - `hello` comes first on every connection, else the connection is closed.
//! - A body is never longer than its protocol allows ([`Protocol::bytes_max`]), and costs
//!   memory only as it arrives, out of one budget for all peers.
//! - Whatever a peer can make grow has a limit in [`Limits`]; a service that is behind
//!   sheds load.

mod context;
mod crowd;
mod error;
mod exchange;
mod frame;
mod gossip;
mod names;
mod own_port;
mod pace;
mod peers;
mod protocol;
pub mod raw;
mod relay;
mod settings;
mod swarm;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::time::timeout;

pub use error::Error;
pub use gossip::{GOSSIP_BYTES_MAX, GossipCounters, GossipInbox, Gossiped, News, Topic, TopicCounters, Verdict};
pub use names::{Address, PeerName, Secret32, peer_name};
pub use pace::{Rate, Rates};
pub use peers::{PeerCounters, Traffic};
pub use protocol::Protocol;
pub use relay::RelayCounters;
pub use settings::{Limits, ListenOn, RelayLimits, Settings, Transport};

use context::{Context, Shared};
use exchange::Outgoing;
use frame::Answer;
use peers::{Peers, lock};
use swarm::{Command, Retire};

/// Commands that wait for a task. The task never waits for others, so few are enough.
const COMMANDS_MAX: usize = 64;

/// Addresses of one target that are tried.
const ADDRESSES_MAX: usize = 8;

/// Longest time to get a greeted connection, over all addresses, before a request's own
/// time begins.
const CONNECT: Duration = Duration::from_secs(25);

/// Knows what we say in `hello` and what we accept. Called on the connections' tasks: it
/// answers at once and waits for nothing.
pub trait Greeter: Send + Sync + 'static {
    /// The body of our hello. `to` is the other end, where it is known.
    fn hello(&self, to: Option<&PeerName>) -> Vec<u8>;

    /// Judges the hello of `peer`.
    ///
    /// # Errors
    /// The body of the refusal that the peer is told; at most 4 KiB of it are sent.
    fn check(&self, peer: &PeerName, body: &[u8], we_dialled: bool) -> Result<Standing, Vec<u8>>;

    /// What a hello that [`Greeter::check`] let in is worth now; `None` ends its connection. Asked of every connection of a listed
    /// peer every two seconds: lists change, and time passes.
    fn check_again(&self, peer: &PeerName, body: &[u8], we_dialled: bool) -> Option<Standing> {
        let _ = (peer, body, we_dialled);
        Some(Standing::Full)
    }

    /// The body of a refusal that the network itself gives, before any service sees the
    /// request. Called for every such refusal, so that it can be noted, also when the peer
    /// has gone and nobody is left to be told.
    fn refusal(&self, peer: &PeerName, protocol: Protocol, why: Refusal) -> Vec<u8> {
        let _ = (peer, protocol, why);
        Vec::new()
    }

    /// Whether `peer` is an organisation's: such peers have places of their own
    /// ([`Limits::reserved_in`]).
    fn is_listed(&self, peer: &PeerName) -> bool {
        let _ = peer;
        false
    }
}

/// What may be said on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Everything.
    Full,
    /// Questions about the trust list alone: who the other end is could not be told by the list that we hold.
    TrustOnly,
}

/// Why the network itself refuses a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// It is over the rate, or over the streams of its connection, or the service is behind.
    Busy,
    /// It announced more than its protocol allows. The connection is closed.
    TooLarge,
    /// Its bytes are not of the form of the framing. The connection is closed.
    Malformed,
    /// It did not come whole, in its time or before its stream ended.
    Incomplete,
    /// Who the other end is could not be told: [`Standing::TrustOnly`].
    Unproven,
}

/// Whom to ask, and as whom.
#[derive(Clone, Debug)]
pub struct Target {
    /// The identity to ask with; `None` is our own listening one.
    pub as_identity: Option<Secret32>,
    /// The peer; no other is accepted at the addresses.
    pub peer: PeerName,
    /// Where it may be; used only when there is no connection yet.
    pub addresses: Vec<Address>,
}

/// A request of a greeted peer. Dropping it closes the stream without a word.
pub struct Inbound {
    /// Who asks.
    pub peer: PeerName,
    /// What it asks by.
    pub protocol: Protocol,
    /// Its body, within the protocol's limit.
    pub body: Vec<u8>,
    /// The network that it comes from: an IPv4 address, or the first 64 bits of an IPv6 address.
    pub origin: IpAddr,
    share: Option<OwnedSemaphorePermit>,
    reply: oneshot::Sender<Answer>,
}

impl Inbound {
    /// Answers. A body over the protocol's limit is not sent; the stream closes instead.
    /// Nothing happens when the peer has gone or its time is over.
    pub fn reply(self, body: Vec<u8>) {
        if body.len() > self.protocol.bytes_max() {
            tracing::warn!(
                peer = %self.peer, protocol = %self.protocol, bytes = body.len(),
                "answer is over the limit and not sent"
            );
            return;
        }
        drop(self.reply.send(Answer::Body(body)));
    }

    /// Refuses, with a body of at most 4 KiB (the rest is cut), which the peer gets as
    /// [`Error::Refused`].
    pub fn refuse(self, mut body: Vec<u8>) {
        body.truncate(frame::REFUSAL_BYTES_MAX);
        drop(self.reply.send(Answer::Refusal(body)));
    }
}

impl fmt::Debug for Inbound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inbound")
            .field("peer", &self.peer)
            .field("protocol", &self.protocol)
            .field("bytes", &self.body.len())
            .field("share", &self.share.as_ref().map(|share| share.num_permits()))
            .finish_non_exhaustive()
    }
}

/// Where requests of peers come out.
#[derive(Debug)]
pub struct Inbox {
    requests: mpsc::Receiver<Inbound>,
    gossip: Option<GossipInbox>,
}

impl Inbox {
    /// The next request; `None` when the network has stopped, or never listened.
    pub async fn next(&mut self) -> Option<Inbound> {
        self.requests.recv().await
    }

    /// Where gossip comes out. It can be had once, by who listens.
    pub fn gossip(&mut self) -> Option<GossipInbox> {
        self.gossip.take()
    }
}

/// The way to one swarm's task.
struct Client {
    commands: mpsc::Sender<Command>,
    in_flight: Arc<AtomicUsize>,
}

/// The identity that listens.
struct Own {
    context: Arc<Context>,
    client: Client,
    gossip: Arc<gossip::Counts>,
}

/// The swarms of identities that only dial.
type Clients = HashMap<PeerName, Client>;

/// One request under way, which keeps its swarm from being dropped as idle.
struct InFlight(Arc<AtomicUsize>);

impl Client {
    fn enter(&self) -> (mpsc::Sender<Command>, InFlight) {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        (self.commands.clone(), InFlight(Arc::clone(&self.in_flight)))
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

struct Inner {
    shared: Arc<Shared>,
    own: Option<Own>,
    clients: Arc<Mutex<Clients>>,
}

/// The network, for everybody who is not its task. Cheap to clone.
#[derive(Clone)]
pub struct Handle(Arc<Inner>);

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle")
            .field("own", &self.peer_name())
            .finish_non_exhaustive()
    }
}

/// Starts the network on the current tokio runtime.
///
/// With an identity it listens, and is ready when this returns; without one it only dials.
///
/// # Errors
/// [`Error::Io`] when an address cannot be listened on, [`Error::Timeout`] when the system
/// does not give one in time.
pub async fn start(
    settings: Settings,
    identity: Option<Secret32>,
    greeter: Arc<dyn Greeter>,
) -> Result<(Handle, Inbox), Error> {
    let budget = settings.limits.inbound_bytes / frame::STEP_BYTES;
    let shared = Arc::new(Shared {
        peers: Peers::new(settings.limits.rates),
        budget: Arc::new(Semaphore::new(budget.min(Semaphore::MAX_PERMITS))),
        greeter,
        settings,
    });
    let (sender, requests) = mpsc::channel(shared.settings.limits.inbox.max(1));
    let (own, gossip) = match identity {
        None => (None, None),
        Some(secret) => {
            let name = peer_name(&secret);
            let context = Arc::new(Context::new(name, Arc::clone(&shared), Some(sender)));
            let (news, gossip) = mpsc::channel(shared.settings.limits.gossip_inbox.max(1));
            let counts = gossip::Counts::new();
            let outlet = gossip::Outlet {
                news,
                counts: Arc::clone(&counts),
            };
            let mut swarm = swarm::build(secret.keypair(), &context, Some(outlet))?;
            swarm::listen(&mut swarm, &context).await?;
            let (commands, receiver) = mpsc::channel(COMMANDS_MAX);
            tokio::spawn(swarm::run(swarm, receiver, Arc::clone(&context), None));
            let in_flight = Arc::default();
            let own = Own {
                context,
                client: Client { commands, in_flight },
                gossip: counts,
            };
            (Some(own), Some(GossipInbox::new(gossip)))
        }
    };
    let clients = Arc::default();
    let inner = Inner { shared, own, clients };
    Ok((Handle(Arc::new(inner)), Inbox { requests, gossip }))
}

impl Handle {
    /// The addresses we really listen on, with the ports that the system picked.
    #[must_use]
    pub fn addresses(&self) -> Vec<Address> {
        let own = self.0.own.as_ref();
        own.map_or_else(Vec::new, |own| lock(&own.context.addresses).clone())
    }

    /// Our listening identity, if we have one.
    #[must_use]
    pub fn peer_name(&self) -> Option<PeerName> {
        self.0.own.as_ref().map(|own| own.context.own.clone())
    }

    /// Asks `target` and waits for the answer, at most the time of the protocol after at
    /// most 25 seconds to connect.
    ///
    /// # Errors
    /// [`Error::TooLarge`] before anything is sent; [`Error::Refused`] with the body of
    /// the peer's refusal, of hello or of the request; see [`Error`] for the rest. After
    /// [`Error::Timeout`] and [`Error::Closed`] the peer may or may not have acted.
    pub async fn request(&self, target: Target, protocol: Protocol, body: Vec<u8>) -> Result<Vec<u8>, Error> {
        let (limit, got) = (protocol.bytes_max(), body.len());
        if got > limit {
            return Err(Error::TooLarge { limit, got });
        }
        let addresses = self.0.shared.settings.usable(&target.addresses);
        if addresses.is_empty() && !target.addresses.is_empty() {
            return Err(Error::BadAddress);
        }
        let addresses = addresses.iter().take(ADDRESSES_MAX);
        let addresses = addresses.map(Address::multiaddr).collect();
        let (commands, in_flight) = self.client(target.as_identity.as_ref())?;
        let (reply, answer) = oneshot::channel();
        let command = Command::Request {
            peer: target.peer,
            addresses,
            out: Outgoing { protocol, body, reply },
        };
        let all = async {
            commands.send(command).await.map_err(|_| Error::Closed)?;
            answer.await.map_err(|_| Error::Closed)?
        };
        let result = timeout(CONNECT + protocol.timeout(), all).await;
        drop(in_flight);
        result.map_err(|_| Error::Timeout)?
    }

    /// Hangs up all connections of an identity that only dials and is used no more, unless a request of it is under way: what it
    /// takes here and at its peers is free at once. A later request would make it anew.
    pub fn retire(&self, identity: &Secret32) {
        let name = peer_name(identity);
        let mut clients = lock(&self.0.clients);
        let is_unused = |client: &Client| client.in_flight.load(Ordering::Relaxed) == 0;
        if clients.get(&name).is_some_and(is_unused) {
            // Its task ends when nobody can ask it anything.
            clients.remove(&name);
        }
    }

    /// The way to the swarm of an identity, which is made if it is not there.
    fn client(&self, identity: Option<&Secret32>) -> Result<(mpsc::Sender<Command>, InFlight), Error> {
        let Some(secret) = identity else {
            let own = self.0.own.as_ref().ok_or(Error::NoIdentity)?;
            return Ok(own.client.enter());
        };
        let name = peer_name(secret);
        let mut clients = lock(&self.0.clients);
        if let Some(client) = clients.get(&name) {
            return Ok(client.enter());
        }
        if clients.len() >= self.0.shared.settings.limits.identities {
            return Err(Error::Busy);
        }
        let context = Context::new(name.clone(), Arc::clone(&self.0.shared), None);
        let context = Arc::new(context);
        let swarm = swarm::build(secret.keypair(), &context, None)?;
        let (commands, receiver) = mpsc::channel(COMMANDS_MAX);
        let in_flight = Arc::default();
        let retire = Retire {
            clients: Arc::downgrade(&self.0.clients),
            in_flight: Arc::clone(&in_flight),
        };
        tokio::spawn(swarm::run(swarm, receiver, context, Some(retire)));
        let client = Client { commands, in_flight };
        let entered = client.enter();
        clients.insert(name, client);
        Ok(entered)
    }

    /// The counters by pair of identities, the one last in contact last.
    #[must_use]
    pub fn peers(&self) -> Vec<PeerCounters> {
        self.0.shared.peers.counters()
    }

    /// Waits until a counter has changed since revision `seen` (0 at first), and returns
    /// the new revision with the counters.
    pub async fn peers_since(&self, seen: u64) -> (u64, Vec<PeerCounters>) {
        let revision = self.0.shared.peers.changed_since(seen).await;
        (revision, self.peers())
    }

    /// Lets the next request dial `peer` at once, although its last greeting failed.
    pub fn forget_backoff(&self, peer: &PeerName) {
        self.0.shared.peers.forget_backoff(peer);
    }

    /// Publishes to all listed peers, at most 4 KiB. It waits, at most a few of a topic and the newest winning, while no
    /// neighbour is there to take it or while more than our rate was published, so that this says that it was taken and
    /// not that it left.
    ///
    /// The same bytes on the same topic go out once in five minutes.
    ///
    /// # Errors
    /// [`Error::TooLarge`], [`Error::NoIdentity`] without a listening identity, [`Error::Closed`] after the stop.
    pub async fn publish(&self, topic: Topic, data: Vec<u8>) -> Result<(), Error> {
        let (limit, got) = (GOSSIP_BYTES_MAX, data.len());
        if got > limit {
            return Err(Error::TooLarge { limit, got });
        }
        self.tell(Command::Publish(topic, data)).await
    }

    /// The listed peers with their addresses, of which we keep connected to [`Limits::neighbours`], chosen at random. Those
    /// that are still among them stay. Our own name may be among them.
    ///
    /// # Errors
    /// [`Error::NoIdentity`] without a listening identity, [`Error::Closed`] after the stop.
    pub async fn set_neighbours(&self, listed: Vec<(PeerName, Vec<Address>)>) -> Result<(), Error> {
        let transport = self.0.shared.settings.transport;
        let usable = |addresses: Vec<Address>| {
            let usable = transport.usable(&addresses).into_iter();
            // Who can be reached through a relay alone has us as a neighbour where it dials us.
            let direct = usable.filter(|address| address.relay().is_none()).take(ADDRESSES_MAX);
            direct.map(|address| address.multiaddr()).collect()
        };
        let listed = listed.into_iter().map(|(peer, addresses)| (peer, usable(addresses)));
        self.tell(Command::Neighbours(listed.collect())).await
    }

    /// [`Greeter::is_listed`] may answer otherwise now: who is no longer listed is out of gossip at once, and hung up on.
    ///
    /// # Errors
    /// [`Error::NoIdentity`] without a listening identity, [`Error::Closed`] after the stop.
    pub async fn list_changed(&self) -> Result<(), Error> {
        self.tell(Command::ListChanged).await
    }

    /// The counters of gossip since the start; all zero without a listening identity.
    #[must_use]
    pub fn gossip(&self) -> GossipCounters {
        let own = self.0.own.as_ref();
        own.map_or_else(GossipCounters::default, |own| own.gossip.read())
    }

    /// What came of relays since the start; all zero without a listening identity.
    #[must_use]
    pub fn relaying(&self) -> RelayCounters {
        let own = self.0.own.as_ref();
        own.map_or_else(RelayCounters::default, |own| own.context.relaying.read())
    }

    /// Waits until the task that owns the listening identity's swarm answers: proof that it is not stuck. A node that only dials
    /// has none, and nothing to wait for.
    ///
    /// # Errors
    /// [`Error::Closed`] after the stop, or when that task ended.
    pub async fn answers(&self) -> Result<(), Error> {
        if self.0.own.is_none() {
            return Ok(());
        }
        let (done, answered) = oneshot::channel();
        self.tell(Command::Answer(done)).await?;
        answered.await.map_err(|_| Error::Closed)
    }

    async fn tell(&self, command: Command) -> Result<(), Error> {
        let (commands, _in_flight) = self.client(None)?;
        commands.send(command).await.map_err(|_| Error::Closed)
    }

    /// Finishes answers under way, for a bounded time, and closes all connections. Other
    /// clones of the handle get [`Error::Closed`] from then on.
    pub async fn shutdown(self) {
        let dialling = std::mem::take(&mut *lock(&self.0.clients));
        let own = self.0.own.iter().map(|own| &own.client.commands);
        let all = own.chain(dialling.values().map(|client| &client.commands));
        let mut stopping = Vec::new();
        for commands in all {
            let (done, stopped) = oneshot::channel();
            if commands.send(Command::Stop(done)).await.is_ok() {
                stopping.push(stopped);
            }
        }
        for stopped in stopping {
            // An error says that it had stopped by itself.
            drop(stopped.await);
        }
    }
}
