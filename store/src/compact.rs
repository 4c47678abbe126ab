//! Compaction: rewriting the live rows into a new journal that takes the old one's place in one rename.
//!
//! What is live is decided from the journal alone, never from the index, so that no flaw of the index
//! can cost a row.

use std::collections::HashMap;

use zeroize::Zeroizing;

use crate::Error;
use crate::core::{Core, lock};
use crate::index::RowKey;
use crate::journal::{Draft, Journal};
use crate::record::{self, Body, Place};
use crate::store::Store;
use crate::transaction::Operation;
use crate::walk::Position;

/// Rows written into one record, by bytes: small beside a transaction, large beside a record's frame.
const RECORD_BYTES: usize = 1 << 20;
/// Records written with one sync.
const WRITE_BYTES: usize = 8 << 20;

impl Store {
    /// Drops overwritten and deleted values from the journal. Commits wait meanwhile; reads wait only
    /// while the index is built anew.
    ///
    /// Sequences go on counting; the epoch stays. Needs room for the live rows beside the old journal, and
    /// about 100 bytes of memory per row.
    ///
    /// # Errors
    /// What the disk says, or damage of the journal; the old journal then stays in place.
    pub fn compact(&self) -> Result<(), Error> {
        let core = &*self.core;
        let _alone = lock(&core.maintenance);
        let mut journal = lock(&core.journal);
        let mut last: HashMap<RowKey, (u64, usize)> = HashMap::new();
        journal.replay(&core.keys, &mut |position, body| {
            for (at, entry) in body.and_then(Body::entries).into_iter().flatten().enumerate() {
                let row = core.keys.table(entry.table).row_key(entry.group, entry.id);
                match entry.value {
                    Some(_) => last.insert(row, (position.sequence, at)),
                    None => last.remove(&row),
                };
            }
            Ok(())
        })?;
        let start = journal.position();
        let draft = Draft::new(&core.home, &core.keys, journal.next_segment(), start)?;
        let mut copy = Copy {
            core,
            draft,
            end: start,
            operations: Vec::new(),
            bytes: 0,
            records: Vec::new(),
        };
        match copy.everything(&journal, &last) {
            Ok(()) => {}
            Err(error) => {
                copy.draft.discard();
                return Err(error);
            }
        }
        let end = copy.end;
        *journal = copy.draft.publish(journal.syncs())?;
        core.raise(&end);
        core.rebuild(&journal)
    }
}

struct Copy<'a> {
    core: &'a Core,
    draft: Draft,
    end: Position,
    operations: Vec<Operation>,
    bytes: usize,
    records: Vec<u8>,
}

impl Copy<'_> {
    fn everything(&mut self, journal: &Journal, last: &HashMap<RowKey, (u64, usize)>) -> Result<(), Error> {
        let core = self.core;
        journal.replay(&core.keys, &mut |position, body| {
            for (at, entry) in body.and_then(Body::entries).into_iter().flatten().enumerate() {
                let Some(value) = entry.value else { continue };
                let table = core.keys.table(entry.table);
                let row = table.row_key(entry.group, entry.id);
                if last.get(&row) != Some(&(position.sequence, at)) {
                    continue;
                }
                let operation = Operation {
                    table,
                    group: entry.group.to_vec(),
                    id: entry.id.to_vec(),
                    row,
                    value: Some(Zeroizing::new(value.to_vec())),
                };
                self.bytes = self.bytes.saturating_add(operation.size());
                self.operations.push(operation);
                if self.bytes >= RECORD_BYTES {
                    self.record()?;
                }
            }
            Ok(())
        })?;
        self.record()?;
        self.write()
    }

    fn record(&mut self) -> Result<(), Error> {
        if self.operations.is_empty() {
            return Ok(());
        }
        let place = Place {
            sequence: self.end.sequence.saturating_add(1),
            durable: self.draft.journal.position().sequence,
            epoch: self.end.epoch,
            previous: self.end.hash,
        };
        let nonce = self.core.nonce();
        let keys = &self.core.keys;
        let hash = record::seal(keys, &place, &self.operations, nonce, &mut self.records)?;
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
            let keys = &self.core.keys;
            self.draft.journal.append(keys, &self.records, self.end)?;
            self.records.clear();
        }
        Ok(())
    }
}
