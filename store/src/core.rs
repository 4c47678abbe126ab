//! What all handles of an open store share: the journal, the index over it, and the order of locks.
//!
//! Locks are taken in this order: `journal`, then `index`, then the keys in `vault`. Whoever holds the journal is the only
//! writer. A key is destroyed after its row left the index, so that whoever reads a row finds its key.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock};

use crate::Error;
use crate::commit::Queue;
use crate::erasable;
use crate::files::Home;
use crate::high_water::HighWater;
use crate::index::{Broken, Index};
use crate::journal::Journal;
use crate::keys::{Keys, Nonce};
use crate::lock::HomeLock;
use crate::rebuild::build;
use crate::row::{Row, RowKey};
use crate::store::{Entropy, Opened};
use crate::vault::Vault;
use crate::walk::Position;

/// An open store.
pub(crate) struct Core {
    pub(crate) home: Home,
    pub(crate) keys: Keys,
    pub(crate) entropy: Mutex<Entropy>,
    pub(crate) queue: Queue,
    pub(crate) journal: Mutex<Journal>,
    pub(crate) index: RwLock<Index>,
    pub(crate) vault: Vault,
    pub(crate) high_water: Mutex<HighWater>,
    /// Held by backup and compaction, which read segment files that must not go away.
    pub(crate) maintenance: Mutex<()>,
    pub(crate) opened: Opened,
    /// Counts rebuilds since opening, so that of many readers that meet one damage, one rebuilds.
    pub(crate) rebuilds: AtomicU64,
    pub(crate) commits: AtomicU64,
    /// Last, so that the home stays locked until everything else is closed.
    pub(crate) _lock: HomeLock,
}

/// Takes a lock whether or not a thread died holding it: what it guards is checked on every use.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Core {
    /// A fresh random nonce.
    pub(crate) fn nonce(&self) -> Nonce {
        let mut nonce = [0; size_of::<Nonce>()];
        lock(&self.entropy)(&mut nonce);
        nonce
    }

    /// Runs a read on the index; when the index turns out broken, rebuilds it and reads once more.
    pub(crate) fn read<T>(&self, read: impl Fn(&Index) -> Result<T, Broken>) -> Result<T, Error> {
        let seen = self.rebuilds.load(Ordering::Acquire);
        if let Ok(value) = read(&self.index.read().unwrap_or_else(PoisonError::into_inner)) {
            return Ok(value);
        }
        {
            let journal = lock(&self.journal);
            if self.rebuilds.load(Ordering::Acquire) == seen {
                self.rebuild(&journal)?;
            }
        }
        read(&self.index.read().unwrap_or_else(PoisonError::into_inner)).map_err(|Broken| Error::IndexFailed)
    }

    /// A row with its value open; `None` when it was erased.
    pub(crate) fn reveal(&self, place: &[u8], row: Row) -> Result<Option<Row>, Broken> {
        let Some(key) = row.key else {
            return Ok(Some(row));
        };
        let place: &RowKey = place.try_into().map_err(|_| Broken)?;
        let value = self.vault.with_key(key, |secret| {
            erasable::open(&self.keys.store_id, secret, key, place, &row.value)
        });
        match value {
            None => Ok(None),
            Some(None) => Err(Broken),
            Some(Some(value)) => Ok(Some(Row {
                value: value.to_vec(),
                key: None,
                ..row
            })),
        }
    }

    /// Destroys the keys of rows that are gone. The caller holds the journal.
    pub(crate) fn destroy_keys(&self) -> Result<(), Error> {
        self.vault.destroy(&self.keys, &mut |bytes| lock(&self.entropy)(bytes))
    }

    /// Sets the index aside and builds it anew from the journal.
    pub(crate) fn rebuild(&self, journal: &Journal) -> Result<(), Error> {
        let mut index = self.index.write().unwrap_or_else(PoisonError::into_inner);
        // sled is closed before its files are moved; should the rebuild fail, nothing is read rather than too little.
        index.give_up();
        let mut random = |bytes: &mut [u8]| lock(&self.entropy)(bytes);
        *index = build(&self.home, &self.keys, &mut random, &journal.position(), |visit| {
            journal.replay(&self.keys, visit)
        })?;
        self.rebuilds.fetch_add(1, Ordering::AcqRel);
        Ok(())
    }

    /// Remembers the end of the journal in the high-water file.
    pub(crate) fn raise(&self, position: &Position) {
        let nonce = self.nonce();
        lock(&self.high_water).raise(&self.keys, nonce, position.sequence, &position.hash);
    }
}

impl Drop for Core {
    fn drop(&mut self) {
        let high_water = self.high_water.get_mut();
        // An unsynced mark may be low after power loss, and is then only less of a help.
        high_water.unwrap_or_else(PoisonError::into_inner).sync().ok();
    }
}
