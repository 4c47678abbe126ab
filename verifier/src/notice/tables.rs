//! What the receiver keeps of notices, sealed like everything in its store.

use crate::Error;
use credentials::notice::{Debtor, NOTHING};
use credentials::{Problem, Timestamp, protocol};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use store::{Key, Store, Table};

/// Longest record we read back: a notice of 16 KiB and what we note of it.
const RECORD_MAX: usize = 64 * 1024;

/// A row: group, id and record.
pub(super) type Found<T> = (Vec<u8>, Vec<u8>, T);

/// A named table of one kind of record.
pub(super) struct Kept {
    name: &'static str,
    pub(super) table: Table,
}

impl Kept {
    fn new(store: &Store, name: &'static str) -> Kept {
        Kept {
            name,
            table: store.table(name),
        }
    }

    pub(super) fn read<'k, T: DeserializeOwned>(&self, key: impl Into<Key<'k>>) -> Result<Option<T>, Error> {
        match self.table.get(key)? {
            Some(bytes) => Ok(Some(self.decode(&bytes)?)),
            None => Ok(None),
        }
    }

    pub(super) fn decode<T: DeserializeOwned>(&self, bytes: &[u8]) -> Result<T, Error> {
        protocol::decode(bytes, RECORD_MAX).map_err(|_| self.unreadable())
    }

    pub(super) fn encode<T: Serialize>(&self, record: &T) -> Result<Vec<u8>, Error> {
        protocol::encode(record).map_err(|_| self.unreadable())
    }

    pub(super) fn unreadable(&self) -> Error {
        Error::Row { table: self.name }
    }

    /// Every record with group and id, in no particular order.
    pub(super) fn all<T: DeserializeOwned>(&self) -> Result<Vec<Found<T>>, Error> {
        let mut records = Vec::new();
        let mut is_whole = true;
        self.table.scan(&mut |group, id, bytes| {
            match self.decode(bytes) {
                Ok(record) => records.push((group.to_vec(), id.to_vec(), record)),
                Err(_) => is_whole = false,
            }
            is_whole
        })?;
        if is_whole { Ok(records) } else { Err(self.unreadable()) }
    }
}

/// All tables of notices. "Register" is its DID.
pub(super) struct Tables {
    /// Group: register; id: number, 8 bytes. [`NoticeRecord`]. The log, in order and without gaps.
    pub(super) log: Kept,
    /// As `log`: signed texts of numbers after a gap.
    pub(super) waiting: Kept,
    /// Id: register. [`Stream`].
    pub(super) streams: Kept,
    /// Group: register; id: hash. Signed texts that contradict each other.
    pub(super) evidence: Kept,
    /// Group: register; id: hash of a notice that an operator decided against. Empty values.
    pub(super) rejected: Kept,
    /// Id: register. The checkpoint that the log begins after, signed text.
    pub(super) checkpoints: Kept,
    /// Id: register. The list of openings of that checkpoint.
    pub(super) states: Kept,
    /// Group: register; id: uuid. [`OpeningRecord`].
    pub(super) openings: Kept,
    /// Group: [`debtor_names`]; id: register, zero, uuid. Empty values.
    pub(super) openings_of: Kept,
    /// Id: number of a company or person that is our customer. Empty values.
    pub(super) customers: Kept,
    /// Group: register, zero, name of a key; id: a person's number; value: the person's tag.
    pub(super) tags: Kept,
    /// Id: register, zero, name of a key, zero, tag; value: the person's number.
    pub(super) tagged: Kept,
    /// Group: a customer's number; id: register, zero, uuid. [`MatchRecord`].
    pub(super) matches: Kept,
    /// Id: running number, 8 bytes. [`super::Event`].
    pub(super) events: Kept,
    /// Id: [`NEXT_EVENT`].
    pub(super) counters: Kept,
    /// Group: register; id: name of a key; value: its signed statement.
    pub(super) keys: Kept,
}

/// The number of the next event.
pub(super) const NEXT_EVENT: &str = "next-event";

impl Tables {
    pub(super) fn new(store: &Store) -> Tables {
        let kept = |name| Kept::new(store, name);
        Tables {
            log: kept("verifier.notices"),
            waiting: kept("verifier.notices-waiting"),
            streams: kept("verifier.notice-streams"),
            evidence: kept("verifier.notice-evidence"),
            rejected: kept("verifier.notices-rejected"),
            checkpoints: kept("verifier.notice-checkpoints"),
            states: kept("verifier.notice-states"),
            openings: kept("verifier.openings"),
            openings_of: kept("verifier.openings-of-debtor"),
            customers: kept("verifier.own-customers"),
            tags: kept("verifier.customer-tags"),
            tagged: kept("verifier.customers-of-tag"),
            matches: kept("verifier.notice-matches"),
            events: kept("verifier.notice-events"),
            counters: kept("verifier.notice-counters"),
            keys: kept("verifier.notice-keys"),
        }
    }
}

/// How far the log of a register is.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Stream {
    /// The number that is acted on next.
    pub(super) next: u64,
    /// Hash of the one before it.
    #[serde(with = "serde_bytes")]
    pub(super) hash: [u8; 32],
    /// When that one was registered.
    pub(super) registered: Timestamp,
    /// Number of the checkpoint that the log begins after; 0 for the whole log.
    pub(super) base: u64,
    /// Hash of the notice of that number.
    #[serde(with = "serde_bytes")]
    pub(super) base_hash: [u8; 32],
    /// When that one was registered.
    pub(super) base_registered: Timestamp,
    /// The highest number that two keys vouched for.
    pub(super) seen: u64,
    /// Why nothing acts any more.
    pub(super) frozen: Option<Frozen>,
}

impl Default for Stream {
    fn default() -> Stream {
        let begin = Timestamp::from_unix(0);
        Stream {
            next: 1,
            hash: NOTHING,
            registered: begin,
            base: 0,
            base_hash: NOTHING,
            base_registered: begin,
            seen: 0,
            frozen: None,
        }
    }
}

/// Two signed notices that cannot both stand; their texts are evidence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Frozen {
    /// Where they part.
    pub(super) number: u64,
    /// The one that we had.
    #[serde(with = "serde_bytes")]
    pub(super) ours: [u8; 32],
    /// The one that came.
    #[serde(with = "serde_bytes")]
    pub(super) theirs: [u8; 32],
    /// When.
    pub(super) at: Timestamp,
}

/// A notice of the log.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct NoticeRecord {
    pub(super) text: String,
    #[serde(with = "serde_bytes")]
    pub(super) hash: [u8; 32],
    /// When it acted.
    pub(super) at: Timestamp,
    /// Why it acts on nothing, although it has its number.
    pub(super) note: Option<Problem>,
}

/// An opening, and what later notices made of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct OpeningRecord {
    pub(super) number: u64,
    pub(super) debtor: Debtor,
    pub(super) standing: Standing,
    /// The estate is closed.
    pub(super) is_closed: bool,
}

/// Whether an opening stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Standing {
    Stands,
    Deleted,
    SetAside,
}

/// What an opening means for a customer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct MatchRecord {
    pub(super) state: super::MatchState,
    pub(super) is_closed: bool,
    /// Number of the notice that set it.
    pub(super) number: u64,
    pub(super) at: Timestamp,
}

/// Parts with zero bytes between; none of them holds one.
pub(super) fn joined(parts: &[&str]) -> Vec<u8> {
    parts.join("\0").into_bytes()
}

/// Under which names openings of a debtor are found.
pub(super) fn debtor_names(register: &str, debtor: &Debtor) -> Vec<Vec<u8>> {
    match debtor {
        Debtor::Company(number) => vec![joined(&["company", number])],
        Debtor::Person(tags) => tags
            .iter()
            .map(|tag| joined(&["tag", register, &tag.key, &tag.value]))
            .collect(),
    }
}
