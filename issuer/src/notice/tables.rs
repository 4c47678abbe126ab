//! What the publisher keeps of notices.

use credentials::Timestamp;
use credentials::notice::{Debtor, NOTHING};
use serde::{Deserialize, Serialize};
use store::Store;

use crate::tables::{Kept, Secret};

/// Ids in the table of the log's state.
pub(super) const NEWEST: &str = "newest";
pub(super) const DRAFT: &str = "draft";
pub(super) const CHECKPOINT: &str = "checkpoint";
/// Whether this home's key signs notices first or second.
pub(super) const SIDE: &str = "side";
/// What restores may have lost of the counts of evaluations. [`Lost`].
pub(super) const LOST: &str = "lost";
/// The newest day on which a notice or a key was written or a number evaluated: a backup is at least as new.
pub(super) const ALIVE: &str = "alive";
/// The epoch of the store in which numbers are settled.
pub(super) const SETTLED: &str = "settled";

/// All tables of notices.
pub(super) struct NoticeTables {
    /// Id: number, 8 bytes. [`NoticeRecord`]. Rows are added, never changed.
    pub(super) notices: Kept,
    /// Id: uuid of an opening. [`OpeningRecord`].
    pub(super) openings: Kept,
    /// [`NEWEST`], [`DRAFT`], [`CHECKPOINT`], [`SETTLED`], [`SIDE`], [`LOST`], [`ALIVE`].
    pub(super) state: Kept,
    /// Id: place of a paper; value: hash of the one that our key was the second to sign.
    pub(super) promised: Kept,
    /// Id: hash; value: the list of openings of a checkpoint.
    pub(super) lists: Kept,
    /// Id: name of a key. [`KeyRecord`].
    pub(super) keys: Kept,
    /// Group: DID of a bank; id: what is counted. [`Count`].
    pub(super) evaluations: Kept,
}

impl NoticeTables {
    pub(super) fn new(store: &Store) -> NoticeTables {
        let kept = |name| Kept::new(store, name);
        NoticeTables {
            notices: kept("issuer.notices"),
            openings: kept("issuer.notice-openings"),
            state: kept("issuer.notice-state"),
            promised: kept("issuer.notice-promised"),
            lists: kept("issuer.notice-lists"),
            keys: kept("issuer.notice-keys"),
            evaluations: kept("issuer.notice-evaluations"),
        }
    }
}

impl super::Log {
    /// Hashes of the lists of openings that are kept.
    pub(super) fn list_ids(&self) -> Result<Vec<Vec<u8>>, crate::Error> {
        let mut ids = Vec::new();
        self.tables.lists.table.scan(&mut |_, id, _| {
            ids.push(id.to_vec());
            true
        })?;
        Ok(ids)
    }
}

/// A published notice.
#[derive(Serialize, Deserialize)]
pub(super) struct NoticeRecord {
    pub(super) text: String,
    #[serde(with = "serde_bytes")]
    pub(super) hash: [u8; 32],
    /// What was gossiped.
    #[serde(with = "serde_bytes")]
    pub(super) digest: Vec<u8>,
}

/// An opening and what became of it.
#[derive(Serialize, Deserialize)]
pub(super) struct OpeningRecord {
    pub(super) number: u64,
    pub(super) debtor: Debtor,
    /// Neither deleted nor set aside.
    pub(super) stands: bool,
    /// The estate is closed.
    pub(super) is_closed: bool,
}

/// Where the log ends.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Newest {
    pub(super) number: u64,
    #[serde(with = "serde_bytes")]
    pub(super) hash: [u8; 32],
    pub(super) registered: Timestamp,
}

impl Default for Newest {
    fn default() -> Newest {
        Newest {
            number: 0,
            hash: NOTHING,
            registered: Timestamp::from_unix(0),
        }
    }
}

/// The register's key of a year.
#[derive(Serialize, Deserialize)]
pub(super) struct KeyRecord {
    pub(super) seed: Secret,
    pub(super) valid_from: Timestamp,
    pub(super) valid_until: Timestamp,
    /// The published statement; none before two keys signed it.
    pub(super) statement: Option<String>,
}

/// On which side of a notice's two signatures a home stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Side {
    /// It drafts, signs first and publishes.
    First,
    /// It signs what the other home drafted.
    Second,
}

/// What restores may have lost of the counts of evaluations.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(super) struct Lost {
    /// Until this day, it included, every bank's day counts as used.
    pub(super) until: i64,
    /// Days, of all restores together, of which evaluations may be missing in the counts.
    pub(super) days: u64,
}

/// Evaluations counted.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct Count {
    /// The day that is counted; 0 for a count without a day.
    pub(super) day: i64,
    pub(super) count: u64,
    /// How many of the days that restores may have lost are in `count`.
    #[serde(default)]
    pub(super) lost: u64,
}
