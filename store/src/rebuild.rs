//! Building the index anew from the journal, and bringing an older one up to it.

use std::path::{Path, PathBuf};

use crate::Error;
use crate::files::Home;
use crate::index::{Broken, Changes, Index};
use crate::keys::{Keys, Nonce};
use crate::record::Body;
use crate::row::seal_row;
use crate::walk::{Position, Visit};

/// Changes applied to the index at once while it is rebuilt: enough to be quick, little enough to hold.
const REBUILD_BATCH_BYTES: usize = 2 << 20;

/// Builds a new index from a replay that ends at `end`; in sled, or in memory if sled cannot be had.
pub(crate) fn build(
    home: &Home,
    keys: &Keys,
    random: &mut dyn FnMut(&mut [u8]),
    end: &Position,
    replay: impl Fn(&mut Visit<'_>) -> Result<(), Error>,
) -> Result<Index, Error> {
    let folder = home.index.as_deref();
    if let Some(dir) = folder
        && set_aside(dir).is_ok()
        && let Ok(index) = Index::open(dir, keys)
    {
        match fill(index, keys, random, end, &replay) {
            Ok(index) => {
                // Every record was read and authentic: the old index has nothing to add.
                remove(&aside(dir));
                return Ok(index);
            }
            Err(Filling::Index(Broken)) => {}
            Err(Filling::Journal(error)) => {
                // The old index may hold what the journal lost.
                remove(dir);
                std::fs::rename(aside(dir), dir).ok();
                return Err(error);
            }
        }
    }
    match fill(Index::in_memory(), keys, random, end, &replay) {
        Ok(index) => {
            // Here too every record was authentic. On a full disk the journal needs the room.
            if let Some(dir) = folder {
                remove(&aside(dir));
                remove(dir);
            }
            Ok(index)
        }
        Err(Filling::Index(Broken)) => Err(Error::IndexFailed),
        Err(Filling::Journal(error)) => Err(error),
    }
}

fn aside(dir: &Path) -> PathBuf {
    dir.with_file_name("index-aside")
}

/// Moves sled's folder out of the way; of several, the last is kept until a rebuild has succeeded.
fn set_aside(dir: &Path) -> std::io::Result<()> {
    let aside = aside(dir);
    if !dir.exists() {
        return Ok(());
    }
    if aside.exists() {
        std::fs::remove_dir_all(&aside)?;
    }
    std::fs::rename(dir, aside)
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
    end: &Position,
    replay: &impl Fn(&mut Visit<'_>) -> Result<(), Error>,
) -> Result<Index, Filling> {
    let mut filler = Filler::new(index, keys, random);
    let replayed = replay(&mut |position, body| filler.record(position, body).map_err(|Broken| Error::IndexFailed));
    match replayed {
        Ok(()) => {
            // A journal without records ends where it begins, which no record said.
            filler.changes.reached(end);
            filler.finish().map_err(Filling::Index)
        }
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

    /// The index as it is, without what was only staged.
    pub(crate) fn into_index(self) -> Index {
        self.index
    }

    /// Applies what is left.
    pub(crate) fn finish(mut self) -> Result<Index, Broken> {
        if self.changes.bytes() > 0 || !self.changes.is_at(&self.index) {
            self.apply()?;
        }
        Ok(self.index)
    }
}
