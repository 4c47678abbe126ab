//! The behaviour that runs gossipsub on greeted connections of listed peers, and judges who may go on.
//!
//! gossipsub itself hears of one connection per peer and of none before `hello`; what it would do for strangers it never
//! gets to do.

mod messages;
mod runs;

use std::collections::{HashMap, VecDeque};
use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Poll, Waker};
use std::time::Duration;

use libp2p::core::Endpoint;
use libp2p::core::transport::PortUse;
use libp2p::gossipsub::{self, MessageId};
use libp2p::identity::Keypair;
use libp2p::swarm::behaviour::{ConnectionClosed, ConnectionEstablished, DialFailure};
use libp2p::swarm::{
    ConnectionDenied, ConnectionHandler as _, ConnectionId, FromSwarm, NetworkBehaviour, NotifyHandler, THandler,
    THandlerInEvent, THandlerOutEvent, ToSwarm,
};
use libp2p::{Multiaddr, PeerId};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use tokio::sync::mpsc;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval};

use super::contacts::{Connection, Contact, Manners, STRIKE_FRAME};
use super::counters::{Count, Counts};
use super::handler::{Handler, InnerIn, Order, Report, Spoken};
use super::neighbours::Neighbours;
use super::origins::Origins;
use super::outbox::Outbox;
use super::parameters::{self, Gossipsub, LEFT_OUT_BELOW};
use super::{Judgement, News, Topic};
use crate::clock;
use crate::network::PeerName;
use crate::network::context::Context;
use credentials::Random as _;

/// Time between two looks at what is due.
const TICK: Duration = Duration::from_millis(500);
/// How long a peer is left out that flooded or sent what is invalid.
const BAN: Duration = Duration::from_secs(10 * 60);
/// How long a peer is not chosen that does not take our streams.
const AVOID: Duration = Duration::from_secs(60);
/// A peer that begins anew on another connection after this time has lost the one before: two that dial each other at once
/// settle sooner.
const SETTLED: Duration = Duration::from_secs(5);

/// No dial for a request: the places left are for neighbours.
#[derive(Debug, thiserror::Error)]
#[error("the outbound places left are kept for neighbours")]
struct Kept;

/// Where gossip comes out, and is counted.
pub(in crate::network) struct Outlet {
    pub(in crate::network) news: mpsc::Sender<News>,
    pub(in crate::network) counts: Arc<Counts>,
}

/// A message that waits for its verdict.
struct Pending {
    from: PeerId,
    topic: Topic,
    until: Instant,
}

/// The behaviour of the identity that listens.
pub(in crate::network) struct Behaviour {
    context: Arc<Context>,
    own: PeerId,
    inner: Gossipsub,
    spoken: Arc<Spoken>,
    outlet: Outlet,
    contacts: HashMap<PeerId, Contact>,
    manners: HashMap<PeerId, Manners>,
    banned: HashMap<PeerId, Instant>,
    origins: Origins,
    outbox: Outbox,
    neighbours: Neighbours,
    /// Who came and went, and was not told yet: the last of each peer.
    changes: HashMap<PeerId, bool>,
    /// Places for verdicts, and what comes of them.
    places: mpsc::Sender<Judgement>,
    judgements: mpsc::Receiver<Judgement>,
    pending: HashMap<MessageId, Pending>,
    events: VecDeque<ToSwarm<Infallible, Order>>,
    runs: u64,
    tick: Interval,
    waker: Option<Waker>,
}

/// What gossipsub speaks, for which the crate has no name: a handler of a second one that is thrown away tells it.
fn spoken(keypair: &Keypair) -> Option<Spoken> {
    let mut other = parameters::build(keypair, &Counts::new());
    let (id, peer) = (ConnectionId::new_unchecked(0), keypair.public().to_peer_id());
    let nowhere = Multiaddr::empty();
    let handler = other
        .handle_established_inbound_connection(id, peer, &nowhere, &nowhere)
        .ok()?;
    handler.listen_protocol().into_upgrade().0.left()
}

impl Behaviour {
    pub(in crate::network) fn new(keypair: &Keypair, context: Arc<Context>, outlet: Outlet) -> Self {
        let limits = &context.shared.settings.limits;
        let now = Instant::now();
        let mut seed = [0; 32];
        clock::System.fill(&mut seed);
        let random = ChaCha8Rng::from_seed(seed);
        let (places, judgements) = mpsc::channel(limits.gossip_inbox.max(1));
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let spoken = spoken(keypair).expect("a handler that is new offers its protocol");
        Self {
            own: keypair.public().to_peer_id(),
            inner: parameters::build(keypair, &outlet.counts),
            spoken: Arc::new(spoken),
            outlet,
            contacts: HashMap::new(),
            manners: HashMap::new(),
            banned: HashMap::new(),
            origins: Origins::new(limits.gossip_per_minute),
            outbox: Outbox::new(limits.gossip_per_minute, now),
            neighbours: Neighbours::new(limits.neighbours, random, now),
            changes: HashMap::new(),
            places,
            judgements,
            pending: HashMap::new(),
            events: VecDeque::new(),
            runs: 0,
            tick,
            waker: None,
            context,
        }
    }

    /// Publishes, now or when it may leave.
    pub(in crate::network) fn publish(&mut self, topic: Topic, data: Vec<u8>) {
        if self.outbox.push(topic, data) {
            self.outlet.counts.add(topic, Count::Superseded);
        }
        self.flush();
    }

    /// Chooses neighbours of these.
    pub(in crate::network) fn set_neighbours(&mut self, listed: Vec<(PeerName, Vec<Multiaddr>)>) {
        let listed = listed.into_iter().map(|(peer, addresses)| (peer.id(), addresses));
        self.neighbours
            .set(listed.filter(|(peer, _)| *peer != self.own).collect());
        self.keep_neighbours(Instant::now());
    }

    /// Looks anew who is listed.
    pub(in crate::network) fn list_changed(&mut self) {
        let peers: Vec<PeerId> = self.contacts.keys().copied().collect();
        for peer in peers {
            self.look_up(peer);
        }
        let context = Arc::clone(&self.context);
        let is_listed = |peer: &PeerId| is_listed(&context, peer);
        self.origins.retain(is_listed);
        self.manners.retain(|peer, _| is_listed(peer));
        self.banned.retain(|peer, _| is_listed(peer));
    }

    /// Hello succeeded on a connection.
    pub(in crate::network) fn greeted(&mut self, peer: PeerId, id: ConnectionId) {
        let connection = self.contacts.get_mut(&peer).and_then(|contact| contact.connection(id));
        // A circuit ends after minutes, and its relay pays for it; who keeps a place at one dials its neighbours itself.
        if let Some(connection) = connection.filter(|known| !known.endpoint.is_relayed()) {
            connection.is_greeted = true;
            self.settle(peer);
        }
    }

    /// Whether gossip runs on a connection, so that nobody else would notice that it is dead.
    pub(in crate::network) fn runs_on(&self, peer: &PeerId, id: ConnectionId) -> bool {
        let run = self.contacts.get(peer).and_then(|contact| contact.run);
        run.is_some_and(|run| run.connection == id)
    }

    fn push(&mut self, event: ToSwarm<Infallible, Order>) {
        self.events.push_back(event);
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    fn order(&mut self, peer_id: PeerId, connection: ConnectionId, event: Order) {
        self.push(ToSwarm::NotifyHandler {
            peer_id,
            handler: NotifyHandler::One(connection),
            event,
        });
    }

    fn is_welcome(&self, peer: &PeerId) -> bool {
        !self.banned.contains_key(peer) && is_listed(&self.context, peer)
    }

    fn ban(&mut self, peer: PeerId, why: &'static str, now: Instant) {
        let until = now + BAN;
        if self.banned.insert(peer, until).is_some() {
            return;
        }
        tracing::warn!(own = %self.context.own, %peer, why, "left out of gossip");
        self.outlet.counts.ban();
        self.end(peer);
        self.offer(peer, false);
        self.neighbours.avoid(peer, until);
    }

    fn strike(&mut self, peer: PeerId, cost: f64, why: &'static str, now: Instant) {
        let manners = self.manners.entry(peer).or_insert_with(|| Manners::new(now));
        if !manners.strike(cost, now) {
            self.ban(peer, why, now);
        }
    }

    fn changed(&mut self, peer: PeerId, is_up: bool) {
        self.changes.insert(peer, is_up);
        self.tell();
    }

    /// Tells who came and went, as far as there is room.
    fn tell(&mut self) {
        let peers: Vec<PeerId> = self.changes.keys().copied().collect();
        for peer in peers {
            let Ok(room) = self.outlet.news.try_reserve() else {
                return;
            };
            if let (Some(is_up), Ok(name)) = (self.changes.remove(&peer), PeerName::of(peer)) {
                room.send(if is_up {
                    News::Connected(name)
                } else {
                    News::Disconnected(name)
                });
            }
        }
    }

    fn pardon(&mut self, now: Instant) {
        let over = self.banned.iter().filter(|(_, until)| **until <= now);
        let over: Vec<PeerId> = over.map(|(peer, _)| *peer).collect();
        for peer in over {
            self.banned.remove(&peer);
            let is_listed = self.contacts.get(&peer).is_some_and(|contact| contact.is_listed);
            self.offer(peer, is_listed);
            self.settle(peer);
        }
    }

    /// Scores those whom gossip runs with, and leaves out who is too bad.
    fn score(&mut self, now: Instant) {
        let running = self.contacts.iter().filter(|(_, contact)| contact.run.is_some());
        let running: Vec<PeerId> = running.map(|(peer, _)| *peer).collect();
        for peer in running {
            self.look_up(peer);
            if let Some(manners) = self.manners.get_mut(&peer) {
                self.inner.set_application_score(&peer, manners.score(now));
            }
            if self.inner.peer_score(&peer).is_some_and(|score| score < LEFT_OUT_BELOW) {
                self.ban(peer, "what it sent was invalid", now);
            }
        }
    }

    fn tick(&mut self) {
        let now = Instant::now();
        self.expire(now);
        self.pardon(now);
        self.score(now);
        self.keep_neighbours(now);
        self.flush();
        self.tell();
        let peers = self.contacts.values().filter(|contact| contact.run.is_some()).count();
        self.outlet
            .counts
            .now(peers, self.neighbours.connected(), self.banned.len());
    }

    /// What gossipsub wants done. It never dials: it knows no address and no peer that is explicit.
    fn pass_on(&mut self, event: ToSwarm<gossipsub::Event, InnerIn>) {
        match event {
            ToSwarm::GenerateEvent(event) => self.event(event),
            ToSwarm::NotifyHandler { peer_id, event, .. } => {
                if let Some(run) = self.contacts.get(&peer_id).and_then(|contact| contact.run) {
                    self.order(peer_id, run.connection, Order::Inner(run.number, event));
                }
            }
            _ => {}
        }
    }

    fn handler(&self, peer: &PeerId) -> Handler {
        Handler::new(Arc::clone(&self.spoken), self.is_welcome(peer))
    }
}

fn is_listed(context: &Context, peer: &PeerId) -> bool {
    PeerName::of(*peer).is_ok_and(|name| context.shared.greeter.is_listed(&name))
}

impl NetworkBehaviour for Behaviour {
    type ConnectionHandler = Handler;
    type ToSwarm = Infallible;

    /// Keeps outbound places for neighbours, whatever else is dialled.
    fn handle_pending_outbound_connection(
        &mut self,
        _: ConnectionId,
        peer: Option<PeerId>,
        _: &[Multiaddr],
        _: Endpoint,
    ) -> Result<Vec<Multiaddr>, ConnectionDenied> {
        let is_neighbour = |peer: &PeerId| self.neighbours.is_chosen(peer);
        if peer.as_ref().is_some_and(is_neighbour) {
            return Ok(Vec::new());
        }
        let others = self.contacts.iter().filter(|(peer, _)| !is_neighbour(peer));
        let connections = others.flat_map(|(_, contact)| &contact.connections);
        let dialled = connections.filter(|known| known.endpoint.is_dialer()).count();
        let limits = &self.context.shared.settings.limits;
        let places = usize::try_from(limits.established_out).unwrap_or(usize::MAX);
        if dialled >= places.saturating_sub(limits.neighbours) {
            return Err(ConnectionDenied::new(Kept));
        }
        Ok(Vec::new())
    }

    fn handle_established_inbound_connection(
        &mut self,
        _: ConnectionId,
        peer: PeerId,
        _: &Multiaddr,
        _: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        Ok(self.handler(&peer))
    }

    fn handle_established_outbound_connection(
        &mut self,
        _: ConnectionId,
        peer: PeerId,
        _: &Multiaddr,
        _: Endpoint,
        _: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        Ok(self.handler(&peer))
    }

    fn on_swarm_event(&mut self, event: FromSwarm) {
        match event {
            FromSwarm::ConnectionEstablished(ConnectionEstablished {
                peer_id,
                connection_id,
                endpoint,
                ..
            }) => {
                let is_listed = is_listed(&self.context, &peer_id);
                let contact = self.contacts.entry(peer_id).or_insert_with(|| Contact::new(is_listed));
                contact.connections.push(Connection {
                    id: connection_id,
                    endpoint: endpoint.clone(),
                    is_greeted: false,
                    is_theirs: false,
                    is_refused: false,
                });
            }
            FromSwarm::ConnectionClosed(ConnectionClosed {
                peer_id, connection_id, ..
            }) => self.closed(peer_id, connection_id),
            FromSwarm::DialFailure(DialFailure {
                peer_id: Some(peer), ..
            }) => self.neighbours.failed(&peer, Instant::now()),
            _ => {}
        }
    }

    fn on_connection_handler_event(&mut self, peer: PeerId, connection: ConnectionId, report: THandlerOutEvent<Self>) {
        let run = self.contacts.get(&peer).and_then(|contact| contact.run);
        let is_of = |number| run.is_some_and(|run| run.number == number && run.connection == connection);
        match report {
            Report::Opened => self.opened(peer, connection),
            Report::Worn(number) if is_of(number) => self.worn(peer, connection),
            Report::Inner(number, event) if is_of(number) => {
                let now = Instant::now();
                let manners = self.manners.entry(peer).or_insert_with(|| Manners::new(now));
                if manners.frame(now) {
                    self.inner.on_connection_handler_event(peer, connection, event);
                } else {
                    self.strike(peer, STRIKE_FRAME, "too many frames", now);
                }
            }
            // Of a run that is over.
            Report::Worn(_) | Report::Inner(..) => {}
        }
    }

    fn poll(&mut self, cx: &mut std::task::Context<'_>) -> Poll<ToSwarm<Self::ToSwarm, THandlerInEvent<Self>>> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Poll::Ready(event);
            }
            if let Poll::Ready(Some(judgement)) = self.judgements.poll_recv(cx) {
                self.judge(judgement);
                continue;
            }
            if let Poll::Ready(event) = self.inner.poll(cx) {
                self.pass_on(event);
                continue;
            }
            if self.tick.poll_tick(cx).is_ready() {
                self.tick();
                continue;
            }
            self.waker = Some(cx.waker().clone());
            return Poll::Pending;
        }
    }
}
