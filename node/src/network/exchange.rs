//! The behaviour that exchanges requests and answers on greeted connections.
//!
//! libp2p's own request-response behaviour addresses a peer; ours addresses a connection,
//! because `hello` is enforced per connection, and it can refuse a stream before its body
//! is read.

mod handler;
mod stream;

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::num::NonZeroU8;
use std::sync::Arc;
use std::task::{Poll, Waker};

use libp2p::core::Endpoint;
use libp2p::core::transport::PortUse;
use libp2p::multiaddr::Protocol as Part;
use libp2p::swarm::behaviour::{ConnectionClosed, ConnectionEstablished, DialFailure};
use libp2p::swarm::dial_opts::{DialOpts, PeerCondition};
use libp2p::swarm::{
    CloseConnection, ConnectionDenied, ConnectionId, FromSwarm, NetworkBehaviour, NotifyHandler, THandler,
    THandlerInEvent, THandlerOutEvent, ToSwarm,
};
use libp2p::{Multiaddr, PeerId};
use tokio::sync::oneshot;

use super::context::Context;
use super::crowd::network_of;
use super::{Error, PeerName, Protocol};
use handler::{Handler, Path, Report};

/// Requests that wait for a connection to one peer. More means that the caller does not
/// wait for answers.
const WAITING_PER_PEER_MAX: usize = 64;

/// One address after the other, so that QUIC is really tried before TCP.
pub(super) const DIAL_CONCURRENCY: NonZeroU8 = NonZeroU8::MIN;

/// A request on its way out.
pub(super) struct Outgoing {
    pub(super) protocol: Protocol,
    pub(super) body: Vec<u8>,
    pub(super) reply: oneshot::Sender<Result<Vec<u8>, Error>>,
}

impl Outgoing {
    /// The caller may have gone; that is its right.
    pub(super) fn finish(self, result: Result<Vec<u8>, Error>) {
        drop(self.reply.send(result));
    }
}

impl fmt::Debug for Outgoing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Outgoing({})", self.protocol)
    }
}

/// Why a greeting came to nothing.
#[derive(Clone)]
pub(super) enum Failure {
    /// The peer refused our hello, with this body.
    Refused(Vec<u8>),
    /// We do not accept the peer's hello; this is what we would say.
    NotAccepted(Vec<u8>),
    /// No hello within its time.
    Timeout,
    /// The peer broke the protocol.
    Malformed,
    /// The connection went down first.
    Closed,
}

impl Failure {
    /// A connection that went down, or on which nothing came, may be the network's fault: when that has healed, nobody is to be left
    /// alone for an hour.
    fn is_fault(&self) -> bool {
        !matches!(self, Self::Closed | Self::Timeout)
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Refused(body) => Self::Refused(body),
            Failure::NotAccepted(body) => Self::NotAccepted(body),
            Failure::Timeout => Self::Timeout,
            Failure::Malformed => Self::Malformed,
            Failure::Closed => Self::Unreachable,
        }
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Refused(_) => "Refused",
            Self::NotAccepted(_) => "NotAccepted",
            Self::Timeout => "Timeout",
            Self::Malformed => "Malformed",
            Self::Closed => "Closed",
        })
    }
}

struct Connection {
    id: ConnectionId,
    is_ready: bool,
    is_relayed: bool,
    /// A ping was answered on it.
    is_answering: bool,
}

/// A peer that we are connected to, or are about to be.
#[derive(Default)]
struct Contact {
    connections: Vec<Connection>,
    is_dialling: bool,
    waiting: VecDeque<Outgoing>,
}

/// Hello succeeded on a connection.
#[derive(Debug)]
pub(super) struct Greeted {
    pub(super) peer: PeerId,
    pub(super) connection: ConnectionId,
}

/// The behaviour of one identity.
pub(super) struct Behaviour {
    context: Arc<Context>,
    contacts: HashMap<PeerId, Contact>,
    events: VecDeque<ToSwarm<Greeted, Outgoing>>,
    waker: Option<Waker>,
}

impl Behaviour {
    pub(super) fn new(context: Arc<Context>) -> Self {
        Self {
            context,
            contacts: HashMap::new(),
            events: VecDeque::new(),
            waker: None,
        }
    }

    /// Sends a request on a greeted connection; dials first when there is none.
    pub(super) fn request(&mut self, peer: &PeerName, addresses: Vec<Multiaddr>, out: Outgoing) {
        let id = peer.id();
        let contact = self.contacts.entry(id).or_default();
        let ready = contact.connections.iter().filter(|c| c.is_ready);
        // A direct one is quicker, and nobody else's.
        if let Some(ready) = ready.min_by_key(|c| c.is_relayed) {
            let connection = ready.id;
            self.push(notify(id, connection, out));
            return;
        }
        if contact.waiting.len() >= WAITING_PER_PEER_MAX {
            out.finish(Err(Error::Busy));
            return;
        }
        let must_dial = contact.connections.is_empty() && !contact.is_dialling;
        if must_dial {
            let record = self.context.shared.peers.peer(&self.context.own, peer);
            let refusal = if let Some(remaining) = record.backoff() {
                Some(Error::Backoff { remaining })
            } else if addresses.is_empty() {
                Some(Error::Unreachable)
            } else {
                None
            };
            if let Some(error) = refusal {
                self.contacts.remove(&id);
                out.finish(Err(error));
                return;
            }
            contact.is_dialling = true;
        }
        contact.waiting.push_back(out);
        if must_dial {
            tracing::debug!(own = %self.context.own, peer = %peer, "dial");
            self.push(ToSwarm::Dial {
                opts: DialOpts::peer_id(id)
                    .condition(PeerCondition::Always)
                    .addresses(addresses)
                    .override_dial_concurrency_factor(DIAL_CONCURRENCY)
                    .build(),
            });
        }
    }

    /// A ping was answered on a connection, or was not. Whether the connection is dead: it was answered on before. A peer that never
    /// answers any is none of ours, and what it sends and asks has its own time.
    pub(super) fn is_dead(&mut self, peer: PeerId, connection: ConnectionId, is_answered: bool) -> bool {
        let contact = self.contacts.get_mut(&peer);
        let known = contact.and_then(|contact| contact.connections.iter_mut().find(|known| known.id == connection));
        known.is_some_and(|known| {
            known.is_answering |= is_answered;
            known.is_answering && !is_answered
        })
    }

    fn push(&mut self, event: ToSwarm<Greeted, Outgoing>) {
        self.events.push_back(event);
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    fn ready(&mut self, peer: PeerId, connection: ConnectionId) {
        let Some(contact) = self.contacts.get_mut(&peer) else {
            return;
        };
        for known in &mut contact.connections {
            known.is_ready |= known.id == connection;
        }
        for out in std::mem::take(&mut contact.waiting) {
            self.push(notify(peer, connection, out));
        }
        self.push(ToSwarm::GenerateEvent(Greeted { peer, connection }));
        if let Ok(name) = PeerName::of(peer) {
            let record = self.context.shared.peers.peer(&self.context.own, &name);
            record.forget_backoff();
            tracing::debug!(own = %self.context.own, peer = %name, "greeted");
        }
    }

    fn failed(&mut self, peer: PeerId, connection: ConnectionId, failure: &Failure) {
        if let Ok(name) = PeerName::of(peer) {
            tracing::debug!(own = %self.context.own, peer = %name, ?failure, "hello failed");
            if failure.is_fault() {
                let record = self.context.shared.peers.peer(&self.context.own, &name);
                record.back_off(self.context.shared.settings.backoff_min);
            }
        }
        if let Some(contact) = self.contacts.get_mut(&peer) {
            contact.connections.retain(|known| known.id != connection);
        }
        self.give_up(peer, failure);
        self.push(close(peer, connection));
    }

    /// Fails what waits for a peer when no connection is left that could carry it.
    fn give_up(&mut self, peer: PeerId, failure: &Failure) {
        let Some(contact) = self.contacts.get_mut(&peer) else {
            return;
        };
        if !contact.connections.is_empty() || contact.is_dialling {
            return;
        }
        for out in std::mem::take(&mut contact.waiting) {
            out.finish(Err(failure.clone().into()));
        }
        self.contacts.remove(&peer);
    }

    fn handler(
        &self,
        peer: PeerId,
        dialled: bool,
        way: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<Handler, ConnectionDenied> {
        // Only Ed25519 keys have a name here.
        let name = PeerName::of(peer).map_err(ConnectionDenied::new)?;
        let record = self.context.shared.peers.peer(&self.context.own, &name);
        let path = Path {
            dialled,
            relayed: leads_through_a_relay(way),
            origin: network_of(remote),
        };
        Ok(Handler::new(Arc::clone(&self.context), record, &path))
    }
}

fn leads_through_a_relay(way: &Multiaddr) -> bool {
    way.iter().any(|part| part == Part::P2pCircuit)
}

fn notify(peer_id: PeerId, connection: ConnectionId, event: Outgoing) -> ToSwarm<Greeted, Outgoing> {
    ToSwarm::NotifyHandler {
        peer_id,
        handler: NotifyHandler::One(connection),
        event,
    }
}

fn close(peer_id: PeerId, connection: ConnectionId) -> ToSwarm<Greeted, Outgoing> {
    ToSwarm::CloseConnection {
        peer_id,
        connection: CloseConnection::One(connection),
    }
}

impl NetworkBehaviour for Behaviour {
    type ConnectionHandler = Handler;
    type ToSwarm = Greeted;

    fn handle_established_inbound_connection(
        &mut self,
        _: ConnectionId,
        peer: PeerId,
        local: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.handler(peer, false, local, remote)
    }

    fn handle_established_outbound_connection(
        &mut self,
        _: ConnectionId,
        peer: PeerId,
        way: &Multiaddr,
        role: Endpoint,
        _: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        // Where both dial at one time to meet, they agree who counts as the one that did.
        self.handler(peer, role.is_dialer(), way, way)
    }

    fn on_swarm_event(&mut self, event: FromSwarm) {
        match event {
            FromSwarm::ConnectionEstablished(ConnectionEstablished {
                peer_id,
                connection_id,
                endpoint,
                ..
            }) => {
                let contact = self.contacts.entry(peer_id).or_default();
                contact.is_dialling &= !endpoint.is_dialer();
                contact.connections.push(Connection {
                    id: connection_id,
                    is_ready: false,
                    is_relayed: endpoint.is_relayed(),
                    is_answering: false,
                });
            }
            FromSwarm::ConnectionClosed(ConnectionClosed {
                peer_id, connection_id, ..
            }) => {
                if let Some(contact) = self.contacts.get_mut(&peer_id) {
                    contact.connections.retain(|c| c.id != connection_id);
                }
                self.give_up(peer_id, &Failure::Closed);
            }
            FromSwarm::DialFailure(DialFailure {
                peer_id: Some(peer),
                error,
                ..
            }) => {
                tracing::debug!(own = %self.context.own, %peer, %error, "dial failed");
                if let Some(contact) = self.contacts.get_mut(&peer) {
                    contact.is_dialling = false;
                }
                self.give_up(peer, &Failure::Closed);
            }
            _ => {}
        }
    }

    fn on_connection_handler_event(&mut self, peer: PeerId, connection: ConnectionId, event: THandlerOutEvent<Self>) {
        match event {
            Report::Ready => self.ready(peer, connection),
            Report::HelloFailed(failure) => self.failed(peer, connection, &failure),
            Report::Close(reason) => {
                tracing::debug!(own = %self.context.own, %peer, reason, "disconnect");
                self.push(close(peer, connection));
            }
        }
    }

    fn poll(&mut self, cx: &mut std::task::Context<'_>) -> Poll<ToSwarm<Self::ToSwarm, THandlerInEvent<Self>>> {
        if let Some(event) = self.events.pop_front() {
            return Poll::Ready(event);
        }
        self.waker = Some(cx.waker().clone());
        Poll::Pending
    }
}
