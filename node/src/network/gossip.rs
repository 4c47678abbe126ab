//! Gossip among listed peers: short digests that reach everybody within a second. What they point to is pulled.
//!
//! Only connections of peers that the trust document names carry it, and only after `hello`; to anybody else we do not
//! even speak the protocol. Every message is signed by its origin, is judged by the service before it goes on, and counts
//! against the rate of its origin. A peer that misbehaves is scored down and then left out for a while.
//!
//! Gossip remembers a few seconds only. Whoever was away gets nothing of it, so that every topic needs a pull twin.

mod behaviour;
mod contacts;
mod counters;
mod handler;
mod neighbours;
mod origins;
mod outbox;
mod parameters;

use std::fmt;

use libp2p::PeerId;
use libp2p::gossipsub::{MessageAcceptance, MessageId};
use tokio::sync::mpsc;

use super::PeerName;

pub(super) use behaviour::{Behaviour, Outlet};
pub(super) use counters::Counts;
pub use counters::{GossipCounters, TopicCounters};

/// Longest message that is published or taken, in bytes.
pub const GOSSIP_BYTES_MAX: usize = 4 * 1024;

/// What is gossiped. Each topic is the fast twin of the protocol of the same name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Topic {
    /// Heads of the trust list.
    Trust,
    /// Digests of status lists.
    Status,
    /// Notices, or their hashes.
    Notice,
}

impl Topic {
    /// Every topic, in the order of their tables.
    pub const ALL: [Self; 3] = [Self::Trust, Self::Status, Self::Notice];

    /// The name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Trust => "/bevis/trust/1",
            Self::Status => "/bevis/status/1",
            Self::Notice => "/bevis/notice/1",
        }
    }

    /// Place in tables that have one row per topic, as in [`Topic::ALL`].
    const fn index(self) -> usize {
        match self {
            Self::Trust => 0,
            Self::Status => 1,
            Self::Notice => 2,
        }
    }

    fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|topic| topic.as_str() == name)
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A message of a listed peer. It goes on to others only when its verdict says so.
pub struct Gossiped {
    /// Who published it, by its signature. A listed peer.
    pub origin: PeerName,
    /// The neighbour that handed it to us.
    pub from: PeerName,
    /// What it is about.
    pub topic: Topic,
    /// At most [`GOSSIP_BYTES_MAX`] bytes.
    pub data: Vec<u8>,
    /// To be answered once the data have been judged, within five seconds.
    pub verdict: Verdict,
}

impl fmt::Debug for Gossiped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gossiped")
            .field("origin", &self.origin)
            .field("from", &self.from)
            .field("topic", &self.topic)
            .field("bytes", &self.data.len())
            .finish_non_exhaustive()
    }
}

/// What a message was found to be, on its way to the task.
#[derive(Debug)]
pub(super) struct Judgement {
    id: MessageId,
    from: PeerId,
    acceptance: MessageAcceptance,
}

/// The answer that a message waits for. Dropping it is [`Verdict::ignore`]; after five seconds it is too late for any other.
///
/// It holds one of [`super::Limits::gossip_inbox`] places until it is answered.
pub struct Verdict {
    place: Option<mpsc::OwnedPermit<Judgement>>,
    id: MessageId,
    from: PeerId,
}

impl Verdict {
    fn new(place: mpsc::OwnedPermit<Judgement>, id: MessageId, from: PeerId) -> Self {
        let place = Some(place);
        Self { place, id, from }
    }

    /// It is good and goes on to others.
    pub fn accept(mut self) {
        self.answer(MessageAcceptance::Accept);
    }

    /// No honest node could have passed it on: it is malformed, or a signature in it is wrong. Everybody who handed it to
    /// us is scored down. What only somebody with an older or newer trust list would take is to be ignored.
    pub fn reject(mut self) {
        self.answer(MessageAcceptance::Reject);
    }

    /// It does not go on, and nobody is blamed: it is old, known, or cannot be judged now.
    pub fn ignore(mut self) {
        self.answer(MessageAcceptance::Ignore);
    }

    fn answer(&mut self, acceptance: MessageAcceptance) {
        if let Some(place) = self.place.take() {
            let (id, from) = (self.id.clone(), self.from);
            // The sender that comes back has no further use.
            drop(place.send(Judgement { id, from, acceptance }));
        }
    }
}

impl Drop for Verdict {
    fn drop(&mut self) {
        self.answer(MessageAcceptance::Ignore);
    }
}

impl fmt::Debug for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Verdict")
    }
}

/// What comes out of gossip.
#[derive(Debug)]
pub enum News {
    /// A message to be judged.
    Message(Gossiped),
    /// A listed peer can gossip with us from now on. What it knows and we missed is to be pulled.
    Connected(PeerName),
    /// A listed peer no longer can.
    Disconnected(PeerName),
}

/// Where gossip comes out. What nobody takes is ignored and counted once it is full.
#[derive(Debug)]
pub struct GossipInbox {
    news: mpsc::Receiver<News>,
}

impl GossipInbox {
    pub(super) fn new(news: mpsc::Receiver<News>) -> Self {
        Self { news }
    }

    /// The next piece of news; `None` when the network has stopped.
    pub async fn next(&mut self) -> Option<News> {
        self.news.recv().await
    }
}
