//! What all handles of an open store share: the journal, the index over it, and the order of locks.
//!
//! Locks are taken in this order: `journal`, then `index`. Whoever holds the journal is the only writer.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock};

use crate::Error;
use crate::commit::Queue;
use crate::high_water::HighWater;
use crate::index::{Broken, Changes, Index, seal_row};
use crate::journal::Journal;
use crate::keys::{Keys, Nonce};
use crate::lock::HomeLock;
use crate::record::Body;
use crate::store::{Entropy, Opened};
use crate::walk::Position;

/// Changes applied to the index at once while it is rebuilt: enough to be quick, little enough to hold.
const REBUILD_BATCH_BYTES: usize = 2 << 20;

/// An open store.
pub(crate) struct Core {
    pub(crate) dir: PathBuf,
    pub(crate) keys: Keys,
    pub(crate) entropy: Mutex<Entropy>,
    pub(crate) queue: Queue,
    pub(crate) journal: Mutex<Journal>,
    pub(crate) index: RwLock<Index>,
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

/// Where sled lies.
pub(crate) fn index_dir(dir: &Path) -> PathBuf {
    dir.join("index")
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

    /// Sets the index aside and builds it anew from the journal.
    pub(crate) fn rebuild(&self, journal: &Journal) -> Result<(), Error> {
        let mut index = self.index.write().unwrap_or_else(PoisonError::into_inner);
        // sled is closed before its files are moved.
        *index = Index::in_memory();
        let mut random = |bytes: &mut [u8]| lock(&self.entropy)(bytes);
        *index = build(&self.dir, &self.keys, &mut random, |visit| {
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

/// Builds a new index from a replay; in sled, or in memory if sled cannot be had.
pub(crate) fn build(
    dir: &Path,
    keys: &Keys,
    random: &mut dyn FnMut(&mut [u8]),
    replay: impl Fn(&mut crate::walk::Visit<'_>) -> Result<(), Error>,
) -> Result<Index, Error> {
    if set_aside(dir).is_ok()
        && let Ok(index) = Index::open(&index_dir(dir), keys)
    {
        match fill(index, keys, random, &replay) {
            Ok(index) => {
                // Every record was read and authentic: the old index has nothing to add.
                remove(&aside(dir));
                return Ok(index);
            }
            Err(Filling::Index(Broken)) => {}
            Err(Filling::Journal(error)) => return Err(error),
        }
    }
    match fill(Index::in_memory(), keys, random, &replay) {
        Ok(index) => {
            // Here too every record was authentic. On a full disk the journal needs the room.
            remove(&aside(dir));
            remove(&index_dir(dir));
            Ok(index)
        }
        Err(Filling::Index(Broken)) => Err(Error::IndexFailed),
        Err(Filling::Journal(error)) => Err(error),
    }
}

fn aside(dir: &Path) -> PathBuf {
    dir.join("index-aside")
}

/// Moves sled's folder out of the way; of several, the last is kept until a rebuild has succeeded.
fn set_aside(dir: &Path) -> std::io::Result<()> {
    let (index, aside) = (index_dir(dir), aside(dir));
    if !index.exists() {
        return Ok(());
    }
    if aside.exists() {
        std::fs::remove_dir_all(&aside)?;
    }
    std::fs::rename(index, aside)
}

/// Removes a sled folder and gives its room back even while a failed sled still holds its files open.
pub(crate) fn remove(dir: &Path) {
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        let file = std::fs::File::options().write(true).open(entry.path());
        // Best effort, as is the removal: what is left is set aside by the next rebuild.
        file.and_then(|file| file.set_len(0)).ok();
    }
    std::fs::remove_dir_all(dir).ok();
}

enum Filling {
    Index(Broken),
    Journal(Error),
}

fn fill(
    index: Index,
    keys: &Keys,
    random: &mut dyn FnMut(&mut [u8]),
    replay: &impl Fn(&mut crate::walk::Visit<'_>) -> Result<(), Error>,
) -> Result<Index, Filling> {
    let mut filler = Filler::new(index, keys, random);
    let replayed = replay(&mut |position, body| filler.record(position, body).map_err(|Broken| Error::IndexFailed));
    match replayed {
        Ok(()) => filler.finish().map_err(Filling::Index),
        Err(Error::IndexFailed) => Err(Filling::Index(Broken)),
        Err(error) => Err(Filling::Journal(error)),
    }
}

/// Applies journal records to an index, several at a time.
pub(crate) struct Filler<'a> {
    index: Index,
    changes: Changes,
    keys: &'a Keys,
    random: &'a mut dyn FnMut(&mut [u8]),
}

impl<'a> Filler<'a> {
    pub(crate) fn new(index: Index, keys: &'a Keys, random: &'a mut dyn FnMut(&mut [u8])) -> Self {
        Self {
            changes: Changes::new(&index),
            index,
            keys,
            random,
        }
    }

    /// Takes the next record. One that was not opened must be one the index already holds.
    pub(crate) fn record(&mut self, position: &Position, body: Option<&Body>) -> Result<(), Broken> {
        let state = &self.index.state;
        if position.sequence <= state.sequence {
            let same = position.sequence < state.sequence || position.hash == state.hash;
            return if same { Ok(()) } else { Err(Broken) };
        }
        // A compacted journal starts late; only an empty index may skip what it no longer holds.
        let staged = self.changes.sequence();
        if staged != 0 && staged.checked_add(1) != Some(position.sequence) {
            return Err(Broken);
        }
        let entries = body.and_then(Body::entries).ok_or(Broken)?;
        for entry in entries {
            let table = self.keys.table(entry.table);
            let row = table.row_key(entry.group, entry.id);
            let sealed = match entry.value {
                None => None,
                Some(value) => {
                    let mut nonce = Nonce::default();
                    (self.random)(&mut nonce);
                    let row_parts = (entry.group, entry.id, value);
                    let sealed = seal_row(&table, &row, position.sequence, &nonce, row_parts);
                    Some(sealed.ok_or(Broken)?)
                }
            };
            self.changes.set(self.keys, &self.index, row, sealed)?;
        }
        self.changes.reached(position);
        if self.changes.bytes() > REBUILD_BATCH_BYTES {
            self.apply()?;
        }
        Ok(())
    }

    fn apply(&mut self) -> Result<(), Broken> {
        let mut nonce = Nonce::default();
        (self.random)(&mut nonce);
        let changes = std::mem::replace(&mut self.changes, Changes::new(&self.index));
        self.index.apply(self.keys, changes, nonce)?;
        self.changes = Changes::new(&self.index);
        Ok(())
    }

    /// Applies what is left.
    pub(crate) fn finish(mut self) -> Result<Index, Broken> {
        if self.changes.bytes() > 0 || !self.changes.is_at(&self.index) {
            self.apply()?;
        }
        Ok(self.index)
    }
}
