//! One swarm: transports, limits and behaviours of one identity, and the task that owns it.

use std::convert::Infallible;
use std::net::IpAddr;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use futures::StreamExt;
use libp2p::connection_limits::{self, ConnectionLimits};
use libp2p::core::upgrade::Version;
use libp2p::identity::Keypair;
use libp2p::multiaddr::{Multiaddr, Protocol as Part};
use libp2p::swarm::behaviour::toggle::Toggle;
use libp2p::swarm::{NetworkBehaviour, Swarm, SwarmEvent};
use libp2p::{SwarmBuilder, Transport as _, identify, memory_connection_limits, noise, ping, quic, relay, tcp, yamux};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until, timeout};

use super::context::Context;
use super::crowd;
use super::exchange::{self, Greeted, Outgoing};
use super::gossip::{self, Topic};
use super::own_port::OwnPort;
use super::peers::lock;
use super::relay::places::Places;
use super::relay::punch::Behaviour as Punch;
use super::relay::server;
use super::{Address, Clients, Error, ListenOn, PeerName, Settings, Transport};

/// Told to every peer, the same in every build and role (findings section 6.2).
const AGENT: &str = "bevis";
const PROTOCOL_VERSION: &str = "/bevis/1";

/// Unread bytes that a peer may send on one QUIC stream, and on a connection: a slow
/// reader holds this much per connection, and a body of 1 MiB passes in a few windows.
const QUIC_STREAM_WINDOW_BYTES: u32 = 256 * 1024;
const QUIC_CONNECTION_WINDOW_BYTES: u32 = 1024 * 1024;
/// Streams that a peer may have open: one per request, hello, identify and ping.
const QUIC_STREAMS_MAX: u32 = 32;
/// A QUIC handshake takes two round trips; where UDP is blocked, TCP follows after this.
const QUIC_HANDSHAKE: Duration = Duration::from_secs(3);
/// The same for Yamux, which counts both directions.
const YAMUX_STREAMS_MAX: usize = 64;
/// Streams of one connection whose protocol is being agreed on.
const NEGOTIATING_MAX: usize = 16;
/// Events of one connection that wait for the task, and back.
const CONNECTION_EVENTS_MAX: usize = 16;
/// Longest time to reach one address and agree on keys.
const DIAL: Duration = Duration::from_secs(10);
/// Longest time until the system has given us the addresses we listen on.
const LISTEN: Duration = Duration::from_secs(5);
/// Longest time that answers under way get when the node stops.
const DRAIN: Duration = Duration::from_secs(5);
/// Longest time for connections to say good-bye.
const GOOD_BYE: Duration = Duration::from_secs(1);

/// Behaviours that refuse connections come first, so that those after them never hear of
/// a connection that is refused (libp2p issue 4773).
#[derive(NetworkBehaviour)]
pub(super) struct Behaviour {
    connection_limits: connection_limits::Behaviour,
    memory_limits: memory_connection_limits::Behaviour,
    crowd: crowd::Behaviour,
    identify: identify::Behaviour,
    ping: ping::Behaviour,
    exchange: exchange::Behaviour,
    /// Only of the identity that listens.
    gossip: Toggle<gossip::Behaviour>,
    /// Only of a relay.
    relay: Toggle<relay::Behaviour>,
    /// Only where relays are used.
    relay_client: Toggle<relay::client::Behaviour>,
    punch: Toggle<Punch>,
}

impl Behaviour {
    fn new(
        keypair: &Keypair,
        context: &Arc<Context>,
        outlet: Option<gossip::Outlet>,
        relay_client: relay::client::Behaviour,
    ) -> Self {
        let settings = &context.shared.settings;
        let limits = &settings.limits;
        let own = keypair.public().to_peer_id();
        let relay = settings.relay.as_ref().filter(|_| context.serves);
        let is_relayed = settings.through_relays || (context.serves && !settings.relays.is_empty());
        let identify = identify::Config::new(PROTOCOL_VERSION.to_owned(), keypair.public())
            .with_agent_version(AGENT.to_owned())
            .with_hide_listen_addrs(true)
            .with_push_listen_addr_updates(false)
            // Addresses come only from the trust list, never from a peer.
            .with_cache_size(0);
        Self {
            connection_limits: connection_limits::Behaviour::new(
                ConnectionLimits::default()
                    .with_max_pending_incoming(Some(limits.pending_in))
                    .with_max_pending_outgoing(Some(limits.pending_out))
                    .with_max_established_incoming(Some(limits.established_in))
                    .with_max_established_outgoing(Some(limits.established_out))
                    .with_max_established_per_peer(Some(limits.per_peer)),
            ),
            memory_limits: memory_connection_limits::Behaviour::with_max_bytes(limits.memory_bytes),
            crowd: crowd::Behaviour::new(Arc::clone(context)),
            identify: identify::Behaviour::new(identify),
            ping: ping::Behaviour::default(),
            exchange: exchange::Behaviour::new(Arc::clone(context)),
            gossip: outlet
                .map(|outlet| gossip::Behaviour::new(keypair, Arc::clone(context), outlet))
                .into(),
            relay: relay.map(|limits| server::behaviour(own, context, limits)).into(),
            relay_client: is_relayed.then_some(relay_client).into(),
            punch: is_relayed.then(|| Punch::new(own, Arc::clone(context))).into(),
        }
    }
}

fn yamux_config() -> yamux::Config {
    let mut config = yamux::Config::default();
    config.set_max_num_streams(YAMUX_STREAMS_MAX);
    config
}

fn quic_config(mut config: quic::Config) -> quic::Config {
    config.max_stream_data = QUIC_STREAM_WINDOW_BYTES;
    config.max_connection_data = QUIC_CONNECTION_WINDOW_BYTES;
    config.max_concurrent_stream_limit = QUIC_STREAMS_MAX;
    config.handshake_timeout = QUIC_HANDSHAKE;
    config
}

/// Builds the swarm of an identity, with gossip where there is an outlet for it. It does not listen yet.
pub(super) fn build(
    keypair: Keypair,
    context: &Arc<Context>,
    outlet: Option<gossip::Outlet>,
) -> Result<Swarm<Behaviour>, Error> {
    let idle = context.shared.settings.idle;
    let swarm = SwarmBuilder::with_existing_identity(keypair)
        .with_tokio()
        .with_quic_config(quic_config)
        .with_other_transport(|keypair| {
            let tcp = OwnPort(tcp::tokio::Transport::new(tcp::Config::default().nodelay(true)));
            Ok(tcp
                .upgrade(Version::V1Lazy)
                .authenticate(noise::Config::new(keypair)?)
                .multiplex(yamux_config()))
        })
        .map_err(|error| Error::Io(std::io::Error::other(error)))?
        .with_relay_client(noise::Config::new, yamux_config)
        .map_err(|error| Error::Io(std::io::Error::other(error)))?
        .with_behaviour(|keypair, client| Behaviour::new(keypair, context, outlet, client))
        .map_err(|never: Infallible| -> Error { match never {} })?
        .with_swarm_config(|config| {
            config
                .with_idle_connection_timeout(idle)
                .with_max_negotiating_inbound_streams(NEGOTIATING_MAX)
                .with_per_connection_event_buffer_size(CONNECTION_EVENTS_MAX)
                .with_notify_handler_buffer_size(NonZeroUsize::new(CONNECTION_EVENTS_MAX).unwrap_or(NonZeroUsize::MIN))
        })
        .with_connection_timeout(DIAL)
        .build();
    Ok(swarm)
}

fn listen_addresses(settings: &Settings) -> Vec<Multiaddr> {
    let mut addresses = Vec::new();
    for ListenOn { ip, quic, tcp } in &settings.listen {
        let host = match ip {
            IpAddr::V4(ip) => Part::Ip4(*ip),
            IpAddr::V6(ip) => Part::Ip6(*ip),
        };
        let host = Multiaddr::empty().with(host);
        if settings.transport != Transport::TcpOnly {
            addresses.push(host.clone().with(Part::Udp(*quic)).with(Part::QuicV1));
        }
        if settings.transport != Transport::QuicOnly {
            addresses.push(host.with(Part::Tcp(*tcp)));
        }
    }
    addresses
}

/// Listens on every address of the settings and waits until each has a port.
pub(super) async fn listen(swarm: &mut Swarm<Behaviour>, context: &Context) -> Result<(), Error> {
    let mut pending = Vec::new();
    for address in listen_addresses(&context.shared.settings) {
        let named = address.to_string();
        let listener = swarm
            .listen_on(address)
            .map_err(|error| Error::Io(std::io::Error::other(format!("listen on {named}: {error}"))))?;
        pending.push(listener);
    }
    let all = async {
        while !pending.is_empty() {
            let event = swarm.select_next_some().await;
            match &event {
                SwarmEvent::NewListenAddr { listener_id, .. } => {
                    pending.retain(|waiting| waiting != listener_id);
                }
                SwarmEvent::ListenerClosed { addresses, reason, .. } => {
                    let cause = reason.as_ref().err().map(ToString::to_string);
                    return Err(Error::Io(std::io::Error::other(format!(
                        "listen on {addresses:?}: {}",
                        cause.unwrap_or_else(|| "closed".to_owned())
                    ))));
                }
                SwarmEvent::ListenerError { error, .. } => {
                    return Err(Error::Io(std::io::Error::other(format!("listen: {error}"))));
                }
                _ => {}
            }
            observe(event, swarm, context);
        }
        Ok(())
    };
    timeout(LISTEN, all).await.map_err(|_| Error::Timeout)?
}

fn observe(event: SwarmEvent<BehaviourEvent>, swarm: &mut Swarm<Behaviour>, context: &Context) {
    let own = &context.own;
    match event {
        SwarmEvent::NewListenAddr { address, .. } => {
            tracing::debug!(%own, %address, "listening");
            // What leads through relays the configuration says.
            if let Ok(known) = Address::of(address.clone()) {
                lock(&context.addresses).push(known);
                if swarm.behaviour().relay.is_enabled() {
                    // Where whoever has a place here is told that it can be reached.
                    swarm.add_external_address(address);
                }
            }
        }
        SwarmEvent::ExpiredListenAddr { address, .. } => {
            tracing::debug!(%own, %address, "no longer listening");
            lock(&context.addresses).retain(|known| known.multiaddr() != address);
        }
        SwarmEvent::ListenerClosed { addresses, reason, .. } => {
            tracing::debug!(%own, ?addresses, ?reason, "listener closed");
            lock(&context.addresses).retain(|known| !addresses.contains(&known.multiaddr()));
        }
        SwarmEvent::ListenerError { error, .. } => tracing::debug!(%own, %error, "listener"),
        SwarmEvent::ConnectionEstablished { peer_id, endpoint, .. } => {
            tracing::debug!(%own, peer = %peer_id, dialled = endpoint.is_dialer(), "connected");
        }
        SwarmEvent::ConnectionClosed { peer_id, cause, .. } => {
            tracing::debug!(%own, peer = %peer_id, ?cause, "disconnected");
        }
        SwarmEvent::IncomingConnectionError { error, .. } => {
            tracing::debug!(%own, %error, "inbound connection refused");
        }
        SwarmEvent::Behaviour(BehaviourEvent::Exchange(Greeted { peer, connection })) => {
            if let Some(gossip) = swarm.behaviour_mut().gossip.as_mut() {
                gossip.greeted(peer, connection);
            }
        }
        SwarmEvent::Behaviour(BehaviourEvent::Relay(event)) => {
            context.relaying.served(&event, |peer| swarm.is_connected(peer));
        }
        SwarmEvent::Behaviour(BehaviourEvent::Punch(event)) => context.relaying.tried(&event),
        SwarmEvent::Behaviour(BehaviourEvent::Ping(ping::Event {
            peer,
            connection,
            result,
        })) => {
            // Packets were lost for longer than any pause. When they go through again, the system goes on with such a connection as
            // late as it took to notice: a new one is there at once.
            let behaviour = swarm.behaviour_mut();
            let is_dead = behaviour.exchange.is_dead(peer, connection, result.is_ok());
            let gossip = behaviour.gossip.as_ref().filter(|_| result.is_err());
            if is_dead || gossip.is_some_and(|gossip| gossip.runs_on(&peer, connection)) {
                tracing::debug!(%own, %peer, "no answer to a ping");
                swarm.close_connection(connection);
            }
        }
        _ => {}
    }
}

/// What others ask of the task.
pub(super) enum Command {
    Request {
        peer: PeerName,
        addresses: Vec<Multiaddr>,
        out: Outgoing,
    },
    Publish(Topic, Vec<u8>),
    Neighbours(Vec<(PeerName, Vec<Multiaddr>)>),
    ListChanged,
    /// Says that this task gets round to its commands.
    Answer(oneshot::Sender<()>),
    Stop(oneshot::Sender<()>),
}

/// How an identity that only dials ends itself when nobody needs it.
pub(super) struct Retire {
    pub(super) clients: Weak<Mutex<Clients>>,
    pub(super) in_flight: Arc<AtomicUsize>,
}

impl Retire {
    /// Leaves the table unless a request is under way. Who asks later starts a new swarm.
    fn is_due(&self, own: &PeerName) -> bool {
        let Some(clients) = self.clients.upgrade() else {
            return true;
        };
        // Requests are counted under the same lock, so that none can slip in between.
        let mut clients = lock(&clients);
        let is_due = self.in_flight.load(Ordering::Relaxed) == 0;
        if is_due {
            clients.remove(own);
        }
        is_due
    }
}

/// Owns the swarm until it is stopped, unused or unreferenced.
pub(super) async fn run(
    mut swarm: Swarm<Behaviour>,
    mut commands: mpsc::Receiver<Command>,
    context: Arc<Context>,
    retire: Option<Retire>,
) {
    let idle = context.shared.settings.idle;
    let mut retire_at = Instant::now() + idle;
    let relays = &context.shared.settings.relays;
    let mut places = Places::new(if context.serves { relays } else { &[] }, Instant::now());
    let done = loop {
        places.count(&context.relaying);
        let due = places.due();
        tokio::select! {
            event = swarm.select_next_some() => {
                match &event {
                    SwarmEvent::NewListenAddr { listener_id, .. } => places.given(*listener_id),
                    SwarmEvent::ListenerClosed { listener_id, .. } => places.lost(*listener_id, Instant::now()),
                    _ => {}
                }
                observe(event, &mut swarm, &context);
            }
            () = sleep_until(due.unwrap_or(retire_at)), if due.is_some() => {
                places.ask(Instant::now(), |address| swarm.listen_on(address).ok());
            }
            command = commands.recv() => match command {
                Some(Command::Request { peer, addresses, out }) => {
                    retire_at = Instant::now() + idle;
                    swarm.behaviour_mut().exchange.request(&peer, addresses, out);
                }
                Some(Command::Stop(done)) => break Some(done),
                // Whoever asked may have given up waiting.
                Some(Command::Answer(done)) => drop(done.send(())),
                Some(Command::Publish(topic, data)) => {
                    if let Some(gossip) = swarm.behaviour_mut().gossip.as_mut() {
                        gossip.publish(topic, data);
                    }
                }
                Some(Command::Neighbours(listed)) => {
                    if let Some(gossip) = swarm.behaviour_mut().gossip.as_mut() {
                        gossip.set_neighbours(listed);
                    }
                }
                Some(Command::ListChanged) => {
                    places.hurry(Instant::now());
                    if let Some(gossip) = swarm.behaviour_mut().gossip.as_mut() {
                        gossip.list_changed();
                    }
                }
                None => break None,
            },
            () = sleep_until(retire_at), if retire.is_some() => {
                if retire.as_ref().is_some_and(|retire| retire.is_due(&context.own)) {
                    break None;
                }
                retire_at = Instant::now() + idle;
            }
        }
    };
    commands.close();
    stop(&mut swarm, &context).await;
    tracing::debug!(own = %context.own, "stopped");
    // The sockets are free before whoever waits is told.
    drop(swarm);
    if let Some(done) = done {
        // Who asked may have gone.
        done.send(()).ok();
    }
}

/// Takes nothing new, finishes answers under way, then hangs up.
async fn stop(swarm: &mut Swarm<Behaviour>, context: &Context) {
    context.stop();
    let mut answers = context.answers();
    let drained = async {
        loop {
            tokio::select! {
                event = swarm.select_next_some() => observe(event, swarm, context),
                // The sender lives in the context, so that this cannot fail.
                _ = answers.wait_for(|count| *count == 0) => break,
            }
        }
    };
    if timeout(DRAIN, drained).await.is_err() {
        tracing::debug!(own = %context.own, "answers cut off");
    }
    let peers: Vec<_> = swarm.connected_peers().copied().collect();
    for peer in peers {
        // An error says that it is gone already.
        swarm.disconnect_peer_id(peer).ok();
    }
    let closed = async {
        while swarm.connected_peers().next().is_some() {
            let event = swarm.select_next_some().await;
            observe(event, swarm, context);
        }
    };
    drop(timeout(GOOD_BYE, closed).await);
}
