//! Which connections gossip runs on, and which listed peers are kept connected.

use std::sync::Arc;

use libp2p::core::ConnectedPoint;
use libp2p::swarm::behaviour::{ConnectionClosed, ConnectionEstablished};
use libp2p::swarm::dial_opts::{DialOpts, PeerCondition};
use libp2p::swarm::{CloseConnection, ConnectionId, FromSwarm, NetworkBehaviour, ToSwarm};
use libp2p::{Multiaddr, PeerId};
use tokio::time::Instant;

use super::{AVOID, Behaviour, SETTLED, is_listed};
use crate::network::PeerName;
use crate::network::exchange::DIAL_CONCURRENCY;
use crate::network::gossip::contacts::Run;
use crate::network::gossip::handler::Order;

impl Behaviour {
    /// Lets gossip run on the connection that is best for it now, if any is.
    pub(super) fn settle(&mut self, peer: PeerId) {
        let Some(contact) = self.contacts.get(&peer) else {
            return;
        };
        let is_welcome = contact.is_listed && !self.banned.contains_key(&peer);
        let is_neighbour = self.neighbours.is_chosen(&peer);
        let best = contact.best(is_neighbour, &self.own, &peer).filter(|_| is_welcome);
        let best = best.map(|known| (known.id, known.endpoint.clone()));
        let run = contact.run.map(|run| run.connection);
        if best.as_ref().map(|(id, _)| *id) == run {
            return;
        }
        self.end(peer);
        if let Some((id, endpoint)) = best {
            self.begin(peer, id, &endpoint);
        }
    }

    pub(super) fn begin(&mut self, peer: PeerId, connection: ConnectionId, endpoint: &ConnectedPoint) {
        let handler = match endpoint {
            ConnectedPoint::Dialer {
                address,
                role_override,
                port_use,
            } => {
                let (role, port) = (*role_override, *port_use);
                self.inner
                    .handle_established_outbound_connection(connection, peer, address, role, port)
            }
            ConnectedPoint::Listener {
                local_addr,
                send_back_addr,
            } => self
                .inner
                .handle_established_inbound_connection(connection, peer, local_addr, send_back_addr),
        };
        let Ok(handler) = handler else {
            return;
        };
        self.inner
            .on_swarm_event(FromSwarm::ConnectionEstablished(ConnectionEstablished {
                peer_id: peer,
                connection_id: connection,
                endpoint,
                failed_addresses: &[],
                other_established: 0,
            }));
        let now = Instant::now();
        self.runs = self.runs.wrapping_add(1);
        let number = self.runs;
        if let Some(contact) = self.contacts.get_mut(&peer) {
            contact.run = Some(Run {
                connection,
                number,
                since: now,
            });
        }
        self.order(peer, connection, Order::Start(number, Box::new(handler)));
        self.neighbours.up(&peer, now);
        self.changed(peer, true);
        tracing::debug!(own = %self.context.own, %peer, "gossip begins");
    }

    /// Ends gossip with a peer. gossipsub takes it out of its meshes at once.
    pub(super) fn end(&mut self, peer: PeerId) {
        let Some(contact) = self.contacts.get_mut(&peer) else {
            return;
        };
        let Some(run) = contact.run.take() else {
            return;
        };
        let known = contact.connections.iter_mut().find(|known| known.id == run.connection);
        let endpoint = known.map(|known| {
            known.is_theirs = false;
            known.endpoint.clone()
        });
        let nowhere = ConnectedPoint::Listener {
            local_addr: Multiaddr::empty(),
            send_back_addr: Multiaddr::empty(),
        };
        let is_open = endpoint.is_some();
        self.inner.on_swarm_event(FromSwarm::ConnectionClosed(ConnectionClosed {
            peer_id: peer,
            connection_id: run.connection,
            endpoint: &endpoint.unwrap_or(nowhere),
            cause: None,
            remaining_established: 0,
        }));
        if is_open {
            self.order(peer, run.connection, Order::Stop);
        }
        self.neighbours.down(&peer, Instant::now());
        self.changed(peer, false);
        tracing::debug!(own = %self.context.own, %peer, "gossip ends");
    }

    /// Uses a connection no longer, and takes no streams on it.
    pub(super) fn refuse(&mut self, peer: PeerId, id: ConnectionId) {
        let connection = self.contacts.get_mut(&peer).and_then(|contact| contact.connection(id));
        if let Some(connection) = connection {
            connection.is_refused = true;
            self.order(peer, id, Order::Offer(false));
        }
    }

    /// Tells all connections of a peer whether it may open streams, and forgets why they were not used.
    pub(super) fn offer(&mut self, peer: PeerId, is_offered: bool) {
        let contact = self.contacts.get_mut(&peer);
        let connections = contact
            .map(|contact| contact.connections.as_mut_slice())
            .unwrap_or_default();
        let ids: Vec<_> = connections
            .iter_mut()
            .map(|connection| {
                connection.is_refused = false;
                connection.id
            })
            .collect();
        for id in ids {
            self.order(peer, id, Order::Offer(is_offered));
        }
    }

    pub(super) fn look_up(&mut self, peer: PeerId) {
        let is_now = is_listed(&self.context, &peer);
        let Some(contact) = self.contacts.get_mut(&peer) else {
            return;
        };
        let was = std::mem::replace(&mut contact.is_listed, is_now);
        if was == is_now {
            return;
        }
        self.end(peer);
        self.offer(peer, is_now && !self.banned.contains_key(&peer));
        if is_now {
            self.settle(peer);
        } else {
            tracing::debug!(own = %self.context.own, %peer, "no longer listed");
            self.push(ToSwarm::CloseConnection {
                peer_id: peer,
                connection: CloseConnection::All,
            });
        }
    }

    /// A peer opened a stream on a connection that does not carry gossip yet.
    pub(super) fn opened(&mut self, peer: PeerId, id: ConnectionId) {
        let Some(contact) = self.contacts.get_mut(&peer) else {
            return;
        };
        if let Some(connection) = contact.connection(id) {
            connection.is_theirs = true;
        }
        let lost = contact
            .run
            .filter(|run| run.connection != id && run.since.elapsed() > SETTLED);
        if let Some(lost) = lost {
            self.refuse(peer, lost.connection);
            self.push(ToSwarm::CloseConnection {
                peer_id: peer,
                connection: CloseConnection::One(lost.connection),
            });
        }
        self.settle(peer);
    }

    /// A run cannot go on: the peer does not take our streams.
    pub(super) fn worn(&mut self, peer: PeerId, id: ConnectionId) {
        self.end(peer);
        self.refuse(peer, id);
        self.neighbours.avoid(peer, Instant::now() + AVOID);
        self.settle(peer);
    }

    pub(super) fn closed(&mut self, peer: PeerId, id: ConnectionId) {
        let Some(contact) = self.contacts.get_mut(&peer) else {
            return;
        };
        contact.connections.retain(|known| known.id != id);
        if contact.run.is_some_and(|run| run.connection == id) {
            self.end(peer);
        }
        self.settle(peer);
        if self
            .contacts
            .get(&peer)
            .is_some_and(|contact| contact.connections.is_empty())
        {
            self.contacts.remove(&peer);
            self.neighbours.failed(&peer, Instant::now());
        }
    }

    pub(super) fn keep_neighbours(&mut self, now: Instant) {
        let context = Arc::clone(&self.context);
        let banned = &self.banned;
        let is_usable = |peer: &PeerId| {
            let Ok(name) = PeerName::of(*peer) else {
                return false;
            };
            let is_welcome = !banned.contains_key(peer) && context.shared.greeter.is_listed(&name);
            is_welcome && context.shared.peers.peer(&context.own, &name).backoff().is_none()
        };
        let steps = self.neighbours.step(is_usable, now);
        for peer in steps.dropped {
            let run = self.contacts.get(&peer).and_then(|contact| {
                let run = contact.run?;
                let is_theirs = contact
                    .connections
                    .iter()
                    .any(|c| c.id == run.connection && c.is_theirs);
                (!is_theirs).then_some(run)
            });
            if let Some(run) = run {
                self.refuse(peer, run.connection);
            }
            self.settle(peer);
        }
        for peer in steps.chosen {
            let is_welcome = self.is_welcome(&peer);
            self.offer(peer, is_welcome);
            if self.runs_with(&peer) {
                self.neighbours.up(&peer, now);
            }
            self.settle(peer);
        }
        for (peer, addresses) in steps.dial {
            if self.runs_with(&peer) {
                continue;
            }
            // A connection through a relay carries no gossip, and keeps nobody from dialling another.
            let connections = self.contacts.get(&peer).map(|contact| contact.connections.as_slice());
            let is_direct = connections.is_some_and(|all| all.iter().any(|known| !known.endpoint.is_relayed()));
            let condition = match is_direct {
                true => PeerCondition::DisconnectedAndNotDialing,
                false => PeerCondition::NotDialing,
            };
            self.push(ToSwarm::Dial {
                opts: DialOpts::peer_id(peer)
                    .condition(condition)
                    .addresses(addresses)
                    .override_dial_concurrency_factor(DIAL_CONCURRENCY)
                    .build(),
            });
        }
    }

    pub(super) fn runs_with(&self, peer: &PeerId) -> bool {
        self.contacts.get(peer).is_some_and(|contact| contact.run.is_some())
    }
}
