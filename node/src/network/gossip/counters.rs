//! What is counted of gossip, per topic and in all.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::Topic;

/// Messages of one topic since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TopicCounters {
    /// Ours, as they left.
    pub published: u64,
    /// Ours that never left, because newer ones took their place.
    pub superseded: u64,
    /// Of others, each once, signed by whom they say.
    pub received: u64,
    /// Further copies of those.
    pub duplicates: u64,
    /// Judged good.
    pub accepted: u64,
    /// Judged bad, by the service.
    pub rejected: u64,
    /// Judged neither good nor bad, by the service.
    pub ignored: u64,
    /// Ignored because their origin published too many.
    pub over_rate: u64,
    /// Ignored because their origin stands in no list of ours, or because they were played again.
    pub foreign: u64,
    /// Ignored because the service was behind.
    pub shed: u64,
    /// Ignored because the service did not judge them in time.
    pub expired: u64,
}

/// The counters of gossip since the start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GossipCounters {
    /// One row per topic, in the order of [`Topic::ALL`].
    pub topics: Vec<(Topic, TopicCounters)>,
    /// Listed peers that can gossip with us now.
    pub peers: u64,
    /// How many of them we keep connected ourselves.
    pub neighbours: u64,
    /// Peers that are left out for now, for what they did.
    pub banned: u64,
    /// Peers that were left out, in all.
    pub bans: u64,
}

/// One counter of a row.
#[derive(Clone, Copy)]
pub(super) enum Count {
    Published,
    Superseded,
    Received,
    Copies,
    Accepted,
    Rejected,
    Ignored,
    OverRate,
    Foreign,
    Shed,
    Expired,
}

const COUNTS: usize = 11;

/// The counters where they are counted.
#[derive(Default)]
pub(in crate::network) struct Counts {
    rows: [[AtomicU64; COUNTS]; Topic::ALL.len()],
    peers: AtomicU64,
    neighbours: AtomicU64,
    banned: AtomicU64,
    bans: AtomicU64,
}

impl Counts {
    pub(in crate::network) fn new() -> Arc<Self> {
        Arc::default()
    }

    pub(super) fn add(&self, topic: Topic, count: Count) {
        let row = self.rows.get(topic.index());
        if let Some(counter) = row.and_then(|row| row.get(count as usize)) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn of(&self, topic: Topic, count: Count) -> u64 {
        let row = self.rows.get(topic.index());
        let counter = row.and_then(|row| row.get(count as usize));
        counter.map_or(0, |counter| counter.load(Ordering::Relaxed))
    }

    pub(super) fn ban(&self) {
        self.bans.fetch_add(1, Ordering::Relaxed);
    }

    /// How many peers there are now: for gossip, of them kept by us, and left out.
    pub(super) fn now(&self, peers: usize, neighbours: usize, banned: usize) {
        let gauges = [
            (&self.peers, peers),
            (&self.neighbours, neighbours),
            (&self.banned, banned),
        ];
        for (gauge, value) in gauges {
            gauge.store(u64::try_from(value).unwrap_or(u64::MAX), Ordering::Relaxed);
        }
    }

    pub(in crate::network) fn read(&self) -> GossipCounters {
        let row = |topic| {
            let of = |count| self.of(topic, count);
            let received = of(Count::Received);
            TopicCounters {
                published: of(Count::Published),
                superseded: of(Count::Superseded),
                received,
                duplicates: of(Count::Copies).saturating_sub(received),
                accepted: of(Count::Accepted),
                rejected: of(Count::Rejected),
                ignored: of(Count::Ignored),
                over_rate: of(Count::OverRate),
                foreign: of(Count::Foreign),
                shed: of(Count::Shed),
                expired: of(Count::Expired),
            }
        };
        GossipCounters {
            topics: Topic::ALL.into_iter().map(|topic| (topic, row(topic))).collect(),
            peers: self.peers.load(Ordering::Relaxed),
            neighbours: self.neighbours.load(Ordering::Relaxed),
            banned: self.banned.load(Ordering::Relaxed),
            bans: self.bans.load(Ordering::Relaxed),
        }
    }
}
