//! What is remembered of each peer: the counters, its pace and our backoff.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use super::pace::{Backoff, Pace, Rates, Verdict};
use super::{PeerName, Protocol};

/// Peers remembered at one time. Beyond it the one that is least worth keeping goes:
/// not connected, no body exchanged, longest unseen.
const PEERS_MAX: usize = 4096;

/// Bodies exchanged with a peer on one protocol. Heads of frames are not counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Body bytes that came from the peer, in its requests and its answers.
    pub bytes_in: u64,
    /// Body bytes handed to the transport for the peer, in our requests and our answers.
    pub bytes_out: u64,
    /// Requests of the peer.
    pub requests_in: u64,
    /// Requests to the peer.
    pub requests_out: u64,
}

/// The transport's counters for one pair of own and remote identity since the start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerCounters {
    /// Our identity in this pair: the listening one, or a wallet's for this counterpart.
    pub own: PeerName,
    /// The remote identity.
    pub peer: PeerName,
    /// Whether a connection is up now.
    pub connected: bool,
    /// Whether we dialled the newest connection; else the peer did.
    pub dialled: bool,
    /// Whether the newest connection leads through a relay.
    pub relayed: bool,
    /// Order of last contact among all peers: higher is later.
    pub last_seen: u64,
    /// One row per protocol, in the order of [`Protocol::ALL`].
    pub traffic: Vec<(Protocol, Traffic)>,
}

#[derive(Default)]
struct Row {
    bytes_in: AtomicU64,
    bytes_out: AtomicU64,
    requests_in: AtomicU64,
    requests_out: AtomicU64,
}

/// One pair of identities.
pub(super) struct Peer {
    own: PeerName,
    name: PeerName,
    rows: [Row; Protocol::ALL.len()],
    connections: AtomicUsize,
    dialled: AtomicBool,
    relayed: AtomicBool,
    last_seen: AtomicU64,
    pace: Mutex<Pace>,
    backoff: Mutex<Option<Backoff>>,
    clock: Arc<AtomicU64>,
    changed: watch::Sender<u64>,
}

impl Peer {
    pub(super) fn name(&self) -> &PeerName {
        &self.name
    }

    fn row(&self, protocol: Protocol, add: impl FnOnce(&Row)) {
        if let Some(row) = self.rows.get(protocol.index()) {
            add(row);
        }
        self.touch();
    }

    fn touch(&self) {
        let order = self.clock.fetch_add(1, Ordering::Relaxed) + 1;
        self.last_seen.store(order, Ordering::Relaxed);
        self.changed.send_modify(|revision| *revision = order);
    }

    pub(super) fn request_in(&self, protocol: Protocol, bytes: usize) {
        self.row(protocol, |row| {
            row.requests_in.fetch_add(1, Ordering::Relaxed);
            row.bytes_in.fetch_add(count(bytes), Ordering::Relaxed);
        });
    }

    pub(super) fn request_out(&self, protocol: Protocol, bytes: usize) {
        self.row(protocol, |row| {
            row.requests_out.fetch_add(1, Ordering::Relaxed);
            row.bytes_out.fetch_add(count(bytes), Ordering::Relaxed);
        });
    }

    pub(super) fn answer_in(&self, protocol: Protocol, bytes: usize) {
        self.row(protocol, |row| {
            row.bytes_in.fetch_add(count(bytes), Ordering::Relaxed);
        });
    }

    pub(super) fn answer_out(&self, protocol: Protocol, bytes: usize) {
        self.row(protocol, |row| {
            row.bytes_out.fetch_add(count(bytes), Ordering::Relaxed);
        });
    }

    pub(super) fn connected(&self, dialled: bool, relayed: bool) {
        self.connections.fetch_add(1, Ordering::Relaxed);
        self.relayed.store(relayed, Ordering::Relaxed);
        self.dialled.store(dialled, Ordering::Relaxed);
        self.touch();
    }

    pub(super) fn disconnected(&self) {
        self.connections.fetch_sub(1, Ordering::Relaxed);
        self.touch();
    }

    pub(super) fn take(&self, protocol: Protocol) -> Verdict {
        lock(&self.pace).take(protocol, Instant::now())
    }

    /// For a request that is not served whatever its rate.
    pub(super) fn refuse(&self) -> Verdict {
        lock(&self.pace).refuse(Instant::now())
    }

    pub(super) fn backoff(&self) -> Option<Duration> {
        lock(&self.backoff).and_then(|backoff| backoff.remaining(Instant::now()))
    }

    pub(super) fn back_off(&self, min: Duration) {
        let mut backoff = lock(&self.backoff);
        *backoff = Some(Backoff::after(*backoff, min, Instant::now()));
    }

    pub(super) fn forget_backoff(&self) {
        *lock(&self.backoff) = None;
    }

    /// Lower goes first when room is needed; `None` stays.
    fn worth(&self) -> Option<(bool, bool, u64)> {
        if self.connections.load(Ordering::Relaxed) > 0 {
            return None;
        }
        let has_traffic = self
            .rows
            .iter()
            .any(|row| row.bytes_in.load(Ordering::Relaxed) > 0 || row.bytes_out.load(Ordering::Relaxed) > 0);
        Some((
            self.backoff().is_some(),
            has_traffic,
            self.last_seen.load(Ordering::Relaxed),
        ))
    }

    fn counters(&self) -> PeerCounters {
        let traffic = |row: &Row| Traffic {
            bytes_in: row.bytes_in.load(Ordering::Relaxed),
            bytes_out: row.bytes_out.load(Ordering::Relaxed),
            requests_in: row.requests_in.load(Ordering::Relaxed),
            requests_out: row.requests_out.load(Ordering::Relaxed),
        };
        PeerCounters {
            own: self.own.clone(),
            peer: self.name.clone(),
            connected: self.connections.load(Ordering::Relaxed) > 0,
            dialled: self.dialled.load(Ordering::Relaxed),
            relayed: self.relayed.load(Ordering::Relaxed),
            last_seen: self.last_seen.load(Ordering::Relaxed),
            traffic: Protocol::ALL.into_iter().zip(self.rows.iter().map(traffic)).collect(),
        }
    }
}

/// Saturates where a body is longer than 2^64 bytes.
fn count(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

/// A panic elsewhere leaves counters that are at worst one event behind.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// All pairs of identities of this process.
pub(super) struct Peers {
    rates: Rates,
    table: Mutex<HashMap<(PeerName, PeerName), Arc<Peer>>>,
    clock: Arc<AtomicU64>,
    changed: watch::Sender<u64>,
}

impl Peers {
    pub(super) fn new(rates: Rates) -> Self {
        Self {
            rates,
            table: Mutex::default(),
            clock: Arc::default(),
            changed: watch::Sender::new(0),
        }
    }

    pub(super) fn peer(&self, own: &PeerName, name: &PeerName) -> Arc<Peer> {
        let mut table = lock(&self.table);
        let key = (own.clone(), name.clone());
        if let Some(peer) = table.get(&key) {
            return Arc::clone(peer);
        }
        if table.len() >= PEERS_MAX {
            let least = table
                .iter()
                .filter_map(|(key, peer)| peer.worth().map(|worth| (worth, key)))
                .min_by_key(|(worth, _)| *worth)
                .map(|(_, key)| key.clone());
            if let Some(least) = least {
                table.remove(&least);
            }
        }
        let peer = Arc::new(Peer {
            own: own.clone(),
            name: name.clone(),
            rows: Default::default(),
            connections: AtomicUsize::new(0),
            dialled: AtomicBool::new(false),
            relayed: AtomicBool::new(false),
            last_seen: AtomicU64::new(self.clock.load(Ordering::Relaxed)),
            pace: Mutex::new(Pace::new(self.rates, Instant::now())),
            backoff: Mutex::new(None),
            clock: Arc::clone(&self.clock),
            changed: self.changed.clone(),
        });
        table.insert(key, Arc::clone(&peer));
        peer
    }

    pub(super) fn counters(&self) -> Vec<PeerCounters> {
        let mut counters: Vec<_> = lock(&self.table).values().map(|p| p.counters()).collect();
        counters.sort_by_key(|counters| counters.last_seen);
        counters
    }

    pub(super) fn forget_backoff(&self, name: &PeerName) {
        for peer in lock(&self.table).values().filter(|p| p.name == *name) {
            peer.forget_backoff();
        }
    }

    /// Waits until the revision is above `seen` and returns it.
    pub(super) async fn changed_since(&self, seen: u64) -> u64 {
        let mut changes = self.changed.subscribe();
        let newer = changes.wait_for(|revision| *revision > seen).await;
        // The sender is ours, so that waiting cannot fail.
        newer.map_or(seen, |revision| *revision)
    }
}
