//! A new journal with the live rows only, written beside the current one and unseen until it takes its place.

use std::path::PathBuf;

use crate::Error;
use crate::files::{Files, Home};
use crate::journal::{Journal, generation_dir, generations, remove_superseded};
use crate::keys::{Keys, Nonce};
use crate::record::{self, Place};
use crate::transaction::Operation;
use crate::walk::Position;

/// Rows written into one record, by bytes: small beside a transaction, large beside a record's frame.
const RECORD_BYTES: usize = 1 << 20;
/// Records written with one sync.
const WRITE_BYTES: usize = 8 << 20;

/// Fills a nonce.
pub(crate) type Random<'a> = dyn FnMut(&mut [u8]) + 'a;

/// The journal being written.
pub(crate) struct Draft<'a> {
    files: Files,
    root: PathBuf,
    generation: u64,
    keys: &'a Keys,
    random: &'a mut Random<'a>,
    journal: Journal,
    end: Position,
    operations: Vec<Operation>,
    bytes: usize,
    records: Vec<u8>,
}

impl<'a> Draft<'a> {
    /// Starts the generation after the current one, following `after`.
    pub(crate) fn new(
        home: &Home,
        keys: &'a Keys,
        random: &'a mut Random<'a>,
        first_segment: u64,
        after: Position,
    ) -> Result<Self, Error> {
        let Home { files, dir: root, .. } = home;
        let (complete, unfinished) = generations(files, root)?;
        for path in unfinished {
            files.remove_folder(&path)?;
        }
        let generation = complete.last().map_or(1, |last| last.saturating_add(1));
        let dir = generation_dir(root, generation).with_extension("part");
        files.make_folder(&dir)?;
        let journal = Journal::start(files, &dir, keys, first_segment, after)?;
        Ok(Self {
            files: files.clone(),
            root: root.clone(),
            generation,
            keys,
            random,
            journal,
            end: after,
            operations: Vec::new(),
            bytes: 0,
            records: Vec::new(),
        })
    }

    /// Adds a live row.
    pub(crate) fn row(&mut self, operation: Operation) -> Result<(), Error> {
        self.bytes = self.bytes.saturating_add(operation.size());
        self.operations.push(operation);
        if self.bytes >= RECORD_BYTES {
            self.record()?;
        }
        Ok(())
    }

    fn record(&mut self) -> Result<(), Error> {
        if self.operations.is_empty() {
            return Ok(());
        }
        let place = Place {
            sequence: self.end.sequence.saturating_add(1),
            durable: self.journal.position().sequence,
            epoch: self.end.epoch,
            previous: self.end.hash,
        };
        let mut nonce = Nonce::default();
        (self.random)(&mut nonce);
        let hash = record::seal(self.keys, &place, &self.operations, nonce, &mut self.records)?;
        self.end = Position {
            sequence: place.sequence,
            hash,
            epoch: place.epoch,
        };
        self.operations.clear();
        self.bytes = 0;
        if self.records.len() >= WRITE_BYTES {
            self.write()?;
        }
        Ok(())
    }

    fn write(&mut self) -> Result<(), Error> {
        if !self.records.is_empty() {
            self.journal.append(self.keys, &self.records, self.end)?;
            self.records.clear();
        }
        Ok(())
    }

    /// Writes what is left, and gives the journal to be read once more before it counts.
    pub(crate) fn finish(&mut self) -> Result<&Journal, Error> {
        self.record()?;
        self.write()?;
        Ok(&self.journal)
    }

    /// Makes the new journal the one that counts, atomically and durably, and removes the earlier ones.
    ///
    /// `syncs` is what the count of syncs goes on from.
    pub(crate) fn publish(mut self, syncs: u64) -> Result<Journal, Error> {
        self.finish()?;
        let dir = generation_dir(&self.root, self.generation);
        self.files.sync_folder(self.journal.dir())?;
        self.files.rename(self.journal.dir(), &dir)?;
        self.journal.moved_to(dir, syncs);
        // Superseded files that cannot be removed now are removed when the store is next opened.
        remove_superseded(&self.files, &self.root).ok();
        Ok(self.journal)
    }

    /// Removes what was written; what cannot be removed is when the next draft begins.
    pub(crate) fn discard(self) {
        self.files.remove_folder(self.journal.dir()).ok();
    }
}
