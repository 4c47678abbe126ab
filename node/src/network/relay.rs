//! Circuits through a relay (libp2p's circuit relay v2), for organisations that cannot be dialled where they are.
//!
//! Such a node keeps a *place* at a relay, another organisation's node, and the trust list names the address that leads
//! through it. Whoever dials that address gets a connection of its own to the node, end to end by Noise: the relay passes on
//! what it cannot read. Nothing is ever reached by a relay alone: what cannot be sent waits in mailboxes.
//!
//! Three parts, each of which can be off: [`places`] are kept by who cannot be dialled, [`server`] gives them, and [`punch`]
//! tries for a direct connection beside one through a relay.

pub(super) mod places;
pub(super) mod punch;
pub(super) mod server;

use std::collections::HashSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use libp2p::{PeerId, dcutr, relay};

use super::peers::lock;

/// What came of relays since the start, on both sides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RelayCounters {
    /// Relays at which we want a place.
    pub wanted: u64,
    /// Those at which we have one now.
    pub held: u64,
    /// Places that others have with us now.
    pub places: u64,
    /// Circuits that we carry now.
    pub circuits: u64,
    /// Circuits that we have carried.
    pub carried: u64,
    /// Places that were asked for and not given.
    pub places_refused: u64,
    /// Circuits that were asked for and not made.
    pub circuits_refused: u64,
    /// Connections through a relay beside which a direct one was made.
    pub punched: u64,
    /// Those where that did not come about.
    pub not_punched: u64,
}

/// The counters as the swarm's task keeps them.
#[derive(Default)]
pub(super) struct Counts {
    wanted: AtomicU64,
    held: AtomicU64,
    /// Who has a place with us.
    places: Mutex<HashSet<PeerId>>,
    circuits: AtomicU64,
    carried: AtomicU64,
    places_refused: AtomicU64,
    circuits_refused: AtomicU64,
    punched: AtomicU64,
    not_punched: AtomicU64,
}

fn add(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

/// One task alone writes a counter, so that this takes no other's count away.
fn take(counter: &AtomicU64) {
    let count = counter.load(Ordering::Relaxed);
    counter.store(count.saturating_sub(1), Ordering::Relaxed);
}

impl Counts {
    pub(super) fn read(&self) -> RelayCounters {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        RelayCounters {
            wanted: read(&self.wanted),
            held: read(&self.held),
            places: u64::try_from(lock(&self.places).len()).unwrap_or(u64::MAX),
            circuits: read(&self.circuits),
            carried: read(&self.carried),
            places_refused: read(&self.places_refused),
            circuits_refused: read(&self.circuits_refused),
            punched: read(&self.punched),
            not_punched: read(&self.not_punched),
        }
    }

    /// What happened at the relay that we are.
    pub(super) fn served(&self, event: &relay::Event, is_connected: impl Fn(&PeerId) -> bool) {
        match event {
            relay::Event::ReservationReqAccepted { src_peer_id, .. } => {
                lock(&self.places).insert(*src_peer_id);
            }
            relay::Event::ReservationTimedOut { src_peer_id } => {
                lock(&self.places).remove(src_peer_id);
            }
            // libp2p tells this of every connection that ends, whether there was a place on it or not.
            relay::Event::ReservationClosed { src_peer_id } if !is_connected(src_peer_id) => {
                lock(&self.places).remove(src_peer_id);
            }
            relay::Event::ReservationReqDenied { src_peer_id, status } => {
                tracing::debug!(peer = %src_peer_id, ?status, "place refused");
                add(&self.places_refused);
            }
            relay::Event::CircuitReqAccepted { .. } => {
                add(&self.circuits);
                add(&self.carried);
            }
            relay::Event::CircuitClosed { .. } => take(&self.circuits),
            relay::Event::CircuitReqDenied {
                src_peer_id, status, ..
            } => {
                tracing::debug!(peer = %src_peer_id, ?status, "circuit refused");
                add(&self.circuits_refused);
            }
            _ => {}
        }
    }

    /// A direct connection was made beside one through a relay.
    pub(super) fn punched(&self) {
        add(&self.punched);
    }

    /// What came of a try for a direct connection.
    pub(super) fn tried(&self, event: &dcutr::Event) {
        match &event.result {
            Ok(_) => self.punched(),
            Err(error) => {
                tracing::debug!(peer = %event.remote_peer_id, %error, "no direct connection");
                add(&self.not_punched);
            }
        }
    }
}
