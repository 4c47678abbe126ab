//! The receiver's end of notices: each register's notices act in the order of their numbers, once, on customers of ours only.
//!
//! A notice that two keys of its register signed takes its place in that register's log. What comes after a gap waits until the
//! gap is filled by pulling. What came before has no effect again. Two signed notices that cannot both stand (one number, or a hash
//! that does not follow) freeze the register's stream: nothing of it acts any more, both are kept as evidence, and an operator
//! decides ([`Verifier::notice_decide`]). A notice that does not fit what went before, or that this version does not
//! understand, takes its number, acts on nothing and is marked.
//!
//! Matching is by exact number of a company, or by the tag of a person ([`credentials::notice::tag`]); never by name. Each effect
//! is an [`Event`], written in the transaction in which its notice takes its place: a process killed at any moment neither
//! loses nor repeats one. A home that was restored goes on from its last number by pulling.
//!
//! What a key signed that was compromised since may be forged under any date. It acts when a later notice, or a checkpoint, by
//! sound keys names its hash, directly or along the chain; until then it holds up the ones after it, as a gap does.
//!
//! `stream` (order), `unsound` (compromised keys), `freeze` (conflicts), `matching` (effects), `customers`, `persons` (tags), `pulling` (what to ask),
//! `answering`, `views`.

mod answering;
mod customers;
mod freeze;
mod matching;
mod persons;
mod pulling;
mod stream;
mod tables;
mod unsound;
mod views;

pub use customers::{CustomersReport, LINES_MAX};
pub use freeze::Decision;
pub use matching::{Effect, Event, MatchState};
pub use pulling::{Gossip, Pull};
pub use stream::Taken;
pub use views::{FrozenView, MatchView, NoticeView, StreamView};

use crate::Error;
use std::collections::{BTreeMap, BTreeSet};
use store::Store;
use tables::{NEXT_EVENT, Stream, Tables};

/// Numbers ahead of the next one that are kept while a gap is open; of later ones only the number is remembered.
pub(crate) const WAITING_MAX: u64 = 1_024;

/// What is known of notices, in memory: where each stream is, and what is being asked.
pub(crate) struct Desk {
    tables: Tables,
    /// By the register's DID.
    streams: BTreeMap<String, Stream>,
    /// Numbers that wait, by the register's DID.
    waiting: BTreeMap<String, BTreeSet<u64>>,
    next_event: u64,
    pulls: pulling::Pulls,
    persons: persons::State,
}

impl Desk {
    pub(crate) fn open(store: &Store) -> Result<Desk, Error> {
        let tables = Tables::new(store);
        let mut streams = BTreeMap::new();
        for (_, register, stream) in tables.streams.all::<Stream>()? {
            let register = String::from_utf8(register).map_err(|_| tables.streams.unreadable())?;
            streams.insert(register, stream);
        }
        let mut waiting: BTreeMap<String, BTreeSet<u64>> = BTreeMap::new();
        for (register, number, _) in tables.waiting.all::<String>()? {
            let register = String::from_utf8(register).map_err(|_| tables.waiting.unreadable())?;
            let number = number.try_into().map_err(|_| tables.waiting.unreadable())?;
            waiting.entry(register).or_default().insert(u64::from_be_bytes(number));
        }
        Ok(Desk {
            next_event: tables.counters.read(NEXT_EVENT)?.unwrap_or(1),
            streams,
            waiting,
            pulls: pulling::Pulls::new(),
            persons: persons::State::default(),
            tables,
        })
    }

    fn stream(&self, register: &str) -> Stream {
        self.streams.get(register).cloned().unwrap_or_default()
    }
}
