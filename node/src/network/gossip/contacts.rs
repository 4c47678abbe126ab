//! The connections of each peer, and which one of them carries gossip.

use libp2p::PeerId;
use libp2p::core::ConnectedPoint;
use libp2p::swarm::ConnectionId;
use tokio::time::Instant;

use super::origins::Bucket;

/// Frames of one peer at once and per second. All origins of the network together make some 24 messages a second, and a
/// mesh some control messages with each heartbeat.
const FRAMES: (f64, f64) = (256.0, 64.0);
/// What a peer may do wrong at once and per second before it is left out.
const STRIKES: (f64, f64) = (20.0, 10.0 / 60.0);
/// A message over the rate, of the peer itself.
pub(super) const STRIKE_OWN: f64 = 1.0;
/// A message over the rate of an origin, or played again, that a peer passed on. Honest peers cannot all have counted the
/// same messages.
pub(super) const STRIKE_PASSED_ON: f64 = 0.05;
/// A frame over the rate.
pub(super) const STRIKE_FRAME: f64 = 0.2;
/// Strikes that do not lower the score yet.
const STRIKES_FREE: f64 = 4.0;

/// One connection.
pub(super) struct Connection {
    pub(super) id: ConnectionId,
    pub(super) endpoint: ConnectedPoint,
    /// Hello succeeded on it.
    pub(super) is_greeted: bool,
    /// The peer opened a stream before we did.
    pub(super) is_theirs: bool,
    /// It is not used: one of us does not want to, or the peer has lost it.
    pub(super) is_refused: bool,
}

/// Gossip on one of the connections.
#[derive(Clone, Copy)]
pub(super) struct Run {
    pub(super) connection: ConnectionId,
    pub(super) number: u64,
    pub(super) since: Instant,
}

/// A peer with connections.
pub(super) struct Contact {
    pub(super) is_listed: bool,
    pub(super) connections: Vec<Connection>,
    pub(super) run: Option<Run>,
}

impl Contact {
    pub(super) fn new(is_listed: bool) -> Self {
        Self {
            is_listed,
            connections: Vec::new(),
            run: None,
        }
    }

    pub(super) fn connection(&mut self, id: ConnectionId) -> Option<&mut Connection> {
        self.connections.iter_mut().find(|connection| connection.id == id)
    }

    /// The connection that is to carry gossip. Where both ends dialled at once, both choose the one that the end with the
    /// smaller name dialled, and of several the newest, since the other end knows best which it has lost.
    pub(super) fn best(&self, is_neighbour: bool, own: &PeerId, peer: &PeerId) -> Option<&Connection> {
        let usable = self
            .connections
            .iter()
            .filter(|known| known.is_greeted && !known.is_refused && (is_neighbour || known.is_theirs));
        let we_are_smaller = own.to_bytes() < peer.to_bytes();
        usable
            .enumerate()
            .max_by_key(|(age, known)| (known.endpoint.is_dialer() == we_are_smaller, *age))
            .map(|(_, c)| c)
    }
}

/// What is remembered of a listed peer's manners, also while it is not connected.
pub(super) struct Manners {
    frames: Bucket,
    strikes: Bucket,
}

impl Manners {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            frames: Bucket::new(FRAMES.0, FRAMES.1, now),
            strikes: Bucket::new(STRIKES.0, STRIKES.1, now),
        }
    }

    /// Counts a frame; false when it is over the rate.
    pub(super) fn frame(&mut self, now: Instant) -> bool {
        self.frames.take(1.0, now)
    }

    /// Counts what was wrong; false when it was too much.
    pub(super) fn strike(&mut self, cost: f64, now: Instant) -> bool {
        self.strikes.take(cost, now)
    }

    /// What the strikes take off the score.
    pub(super) fn score(&mut self, now: Instant) -> f64 {
        -(self.strikes.spent(now) - STRIKES_FREE).max(0.0)
    }
}

#[cfg(test)]
mod tests {
    use libp2p::core::Endpoint;
    use libp2p::core::transport::PortUse;

    use super::*;

    fn connection(id: usize, is_dialled: bool) -> Connection {
        let address = || "/ip4/127.0.0.1/tcp/9".parse().expect("an address");
        let endpoint = if is_dialled {
            ConnectedPoint::Dialer {
                address: address(),
                role_override: Endpoint::Dialer,
                port_use: PortUse::New,
            }
        } else {
            ConnectedPoint::Listener {
                local_addr: address(),
                send_back_addr: address(),
            }
        };
        Connection {
            id: ConnectionId::new_unchecked(id),
            endpoint,
            is_greeted: true,
            is_theirs: false,
            is_refused: false,
        }
    }

    fn two() -> (PeerId, PeerId) {
        let (one, other) = (PeerId::random(), PeerId::random());
        if one.to_bytes() < other.to_bytes() {
            (one, other)
        } else {
            (other, one)
        }
    }

    #[test]
    fn both_ends_choose_the_same_of_two_connections_that_cross() {
        let (small, large) = two();
        // Each end hears of them in another order.
        let mut of_small = Contact::new(true);
        of_small.connections = vec![connection(1, true), connection(2, false)];
        let mut of_large = Contact::new(true);
        of_large.connections = vec![connection(2, true), connection(1, false)];
        let chosen = |contact: &Contact, own, peer| contact.best(true, own, peer).map(|known| known.id);
        assert_eq!(chosen(&of_small, &small, &large), Some(ConnectionId::new_unchecked(1)));
        assert_eq!(chosen(&of_large, &large, &small), Some(ConnectionId::new_unchecked(1)));
    }

    #[test]
    fn of_two_that_one_end_dialled_the_newer_counts() {
        let (own, peer) = two();
        for is_dialled in [true, false] {
            let mut contact = Contact::new(true);
            contact.connections = vec![connection(1, is_dialled), connection(2, is_dialled)];
            let chosen = contact.best(true, &own, &peer).map(|known| known.id);
            assert_eq!(chosen, Some(ConnectionId::new_unchecked(2)));
        }
    }

    #[test]
    fn a_connection_carries_gossip_only_when_it_is_greeted_and_one_end_wants_it() {
        let (own, peer) = two();
        let mut contact = Contact::new(true);
        contact.connections = vec![connection(1, true)];
        assert!(contact.best(false, &own, &peer).is_none(), "nobody wants it");
        contact.connections[0].is_theirs = true;
        assert!(contact.best(false, &own, &peer).is_some(), "the peer does");
        contact.connections[0].is_greeted = false;
        assert!(contact.best(true, &own, &peer).is_none(), "no hello");
        contact.connections[0].is_greeted = true;
        contact.connections[0].is_refused = true;
        assert!(contact.best(true, &own, &peer).is_none(), "refused");
    }

    #[test]
    fn twenty_messages_over_the_rate_are_too_many_of_a_peers_own_and_not_of_others() {
        let now = Instant::now();
        let mut own = Manners::new(now);
        assert!((0..4).all(|_| own.strike(STRIKE_OWN, now)));
        assert!(own.score(now) >= 0.0, "a few do not count");
        assert!((4..20).all(|_| own.strike(STRIKE_OWN, now)));
        assert!(own.score(now) < -10.0);
        assert!(!own.strike(STRIKE_OWN, now));
        let mut passed_on = Manners::new(now);
        assert!((0..300).all(|_| passed_on.strike(STRIKE_PASSED_ON, now)));
    }
}
