//! Group commit: transactions that wait at the same time share one fdatasync.
//!
//! A committer that finds nobody writing becomes the leader: it takes everything that waits, in order, writes it
//! as one piece, syncs once, applies it to the index, and hands out the results. Meanwhile others queue up for
//! the next leader.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::Ordering;
use std::sync::{Condvar, Mutex, PoisonError};

use crate::core::{Core, lock};
use crate::erasable::{self, Content};
use crate::index::{Broken, Changes, Index};
use crate::journal::Journal;
use crate::keys::Nonce;
use crate::rebuild::remove;
use crate::record::{self, Place};
use crate::row::seal_row;
use crate::transaction::Transaction;
use crate::walk::Position;
use crate::{Error, TRANSACTION_BYTES_MAX};

/// Transactions taken into one group: as many bytes as one transaction may have alone.
const TOGETHER_BYTES: usize = TRANSACTION_BYTES_MAX;
/// After this many commits an index that had to be kept in memory is tried on disk again.
const RETURN_AFTER_COMMITS: u64 = 16;

#[derive(Default)]
struct State {
    waiting: VecDeque<(u64, Transaction)>,
    done: HashMap<u64, Result<u64, Error>>,
    leading: bool,
    next_ticket: u64,
}

/// Transactions on their way to the journal.
#[derive(Default)]
pub(crate) struct Queue {
    state: Mutex<State>,
    changed: Condvar,
}

/// Gives the lead back even if the leader panics, so that the others are told instead of waiting for ever.
struct Leading<'a> {
    queue: &'a Queue,
    results: HashMap<u64, Result<u64, Error>>,
}

impl Drop for Leading<'_> {
    fn drop(&mut self) {
        let mut state = lock(&self.queue.state);
        state.leading = false;
        state.done.extend(self.results.drain());
        drop(state);
        self.queue.changed.notify_all();
    }
}

impl Core {
    /// Queues a transaction and waits for its result, leading the group if nobody does.
    pub(crate) fn commit(&self, transaction: Transaction) -> Result<u64, Error> {
        let mut state = lock(&self.queue.state);
        let ticket = state.next_ticket;
        state.next_ticket = state.next_ticket.wrapping_add(1);
        state.waiting.push_back((ticket, transaction));
        loop {
            if let Some(result) = state.done.remove(&ticket) {
                return result;
            }
            if state.leading {
                state = self.queue.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            let group = take_group(&mut state.waiting);
            state.leading = true;
            drop(state);
            let mut leading = Leading {
                queue: &self.queue,
                results: group
                    .iter()
                    .map(|(ticket, _)| (*ticket, Err(Error::WriterLost)))
                    .collect(),
            };
            leading.results = self.write_group(group);
            drop(leading);
            state = lock(&self.queue.state);
        }
    }

    fn write_group(&self, mut group: Vec<(u64, Transaction)>) -> HashMap<u64, Result<u64, Error>> {
        let mut journal = lock(&self.journal);
        let mut results = HashMap::with_capacity(group.len());
        group.retain_mut(|(ticket, transaction)| match self.seal_erasable(transaction) {
            Ok(()) => true,
            Err(error) => {
                results.insert(*ticket, Err(error));
                false
            }
        });
        let tickets: Vec<u64> = group.iter().map(|(ticket, _)| *ticket).collect();
        let written = self
            .write(&mut journal, &group)
            .unwrap_or_else(|error| tickets.iter().map(|t| (*t, Err(error.clone()))).collect());
        for (ticket, transaction) in &group {
            // Nothing of it reached the disk. After any other error something may have: the next opening tells.
            if let Some(Err(Error::Exists)) = written.get(ticket) {
                self.give_back_keys(transaction);
            }
        }
        results.extend(written);
        results
    }

    /// Seals what can be erased, each value under a key of its own.
    fn seal_erasable(&self, transaction: &mut Transaction) -> Result<(), Error> {
        for at in 0..transaction.operations.len() {
            let Some(operation) = transaction.operations.get_mut(at) else {
                break;
            };
            let Some(Content::Erasable(value)) = &operation.value else {
                continue;
            };
            let taken = self.vault.take(&self.keys, &mut |bytes| lock(&self.entropy)(bytes));
            let (key, secret) = match taken {
                Ok(taken) => taken,
                Err(error) => {
                    self.give_back_keys(transaction);
                    return Err(error);
                }
            };
            let sealed = erasable::seal(&self.keys.store_id, &secret, key, &operation.row, &self.nonce(), value);
            let sealed = sealed.expect("values are far below what the cipher takes");
            operation.value = Some(Content::Sealed { key, sealed });
        }
        Ok(())
    }

    fn give_back_keys(&self, transaction: &Transaction) {
        for operation in &transaction.operations {
            if let Some(Content::Sealed { key, .. }) = operation.value {
                self.vault.give_back(key);
            }
        }
    }

    /// Writes a group; an error concerns all of it.
    fn write(
        &self,
        journal: &mut Journal,
        group: &[(u64, Transaction)],
    ) -> Result<HashMap<u64, Result<u64, Error>>, Error> {
        let mut prepared = match self.prepare(journal, group) {
            Ok(prepared) => prepared,
            Err(Failure::Index(Broken)) => {
                self.rebuild(journal)?;
                match self.prepare(journal, group) {
                    Ok(prepared) => prepared,
                    Err(Failure::Index(Broken)) => return Err(Error::IndexFailed),
                    Err(Failure::Other(error)) => return Err(error),
                }
            }
            Err(Failure::Other(error)) => return Err(error),
        };
        if prepared.records.is_empty() {
            return Ok(prepared.results);
        }
        journal.append(&self.keys, &prepared.records, prepared.end)?;
        self.raise(&prepared.end);
        self.vault.doom(prepared.changes.freed.iter().copied());
        let applied = {
            let nonce = self.nonce();
            let mut index = self.index.write().unwrap_or_else(PoisonError::into_inner);
            index.apply(&self.keys, prepared.changes, nonce)
        };
        if applied.is_err() {
            // The transactions are durable; they become visible through the rebuilt index.
            self.rebuild(journal)?;
        }
        // Deleted durably, and out of the index: now the keys, and only then is anybody told.
        let waits =
            |(ticket, transaction): &(u64, Transaction)| !transaction.erases_later && prepared.erasing.contains(ticket);
        let destroys = group.iter().any(waits) || self.vault.has_failed();
        if destroys && self.destroy_keys().is_err() {
            for ticket in &prepared.erasing {
                prepared.results.insert(*ticket, Err(self.vault.unfinished()));
            }
        }
        let count = prepared.results.values().filter(|r| r.is_ok()).count() as u64;
        let before = self.commits.fetch_add(count, Ordering::AcqRel);
        if before / RETURN_AFTER_COMMITS != before.saturating_add(count) / RETURN_AFTER_COMMITS {
            self.return_to_disk();
        }
        Ok(prepared.results)
    }

    /// Moves an index that had to be kept in memory back to sled, if that works by now.
    fn return_to_disk(&self) {
        let mut index = self.index.write().unwrap_or_else(PoisonError::into_inner);
        let Some(dir) = &self.home.index else { return };
        if !index.is_in_memory() || dir.exists() {
            return;
        }
        match index.to_sled(dir) {
            Ok(on_disk) => *index = on_disk,
            // What was begun must not take room from the journal; tried again later.
            Err(Broken) => remove(dir),
        }
    }

    /// Checks, seals and stages a group in order.
    fn prepare(&self, journal: &Journal, group: &[(u64, Transaction)]) -> Result<Prepared, Failure> {
        let index = self.index.read().unwrap_or_else(PoisonError::into_inner);
        let start = journal.position();
        let mut prepared = Prepared {
            results: HashMap::with_capacity(group.len()),
            records: Vec::new(),
            changes: Changes::new(&index),
            end: start,
            erasing: Vec::new(),
        };
        for (ticket, transaction) in group {
            let exists = prepared.any_present(&index, transaction)?;
            if exists {
                prepared.results.insert(*ticket, Err(Error::Exists));
                continue;
            }
            if !transaction.operations.is_empty() {
                let erases = self.stage(&index, transaction, start.sequence, &mut prepared)?;
                if erases {
                    prepared.erasing.push(*ticket);
                }
            }
            prepared.results.insert(*ticket, Ok(prepared.end.sequence));
        }
        Ok(prepared)
    }

    fn stage(
        &self,
        index: &Index,
        transaction: &Transaction,
        durable: u64,
        prepared: &mut Prepared,
    ) -> Result<bool, Failure> {
        let mut erases = false;
        let place = Place {
            sequence: prepared.end.sequence.saturating_add(1),
            durable,
            epoch: prepared.end.epoch,
            previous: prepared.end.hash,
        };
        prepared.end = self.seal_record(&place, transaction, &mut prepared.records)?;
        for operation in &transaction.operations {
            let sealed = match &operation.value {
                None => None,
                Some(value) => {
                    let value = value.stored().ok_or(Failure::Index(Broken))?;
                    let parts = (&*operation.group, &*operation.id, value);
                    let nonce = self.nonce();
                    let row = &operation.row;
                    let sealed = seal_row(&operation.table, row, place.sequence, &nonce, parts);
                    Some(sealed.ok_or(Failure::Index(Broken))?)
                }
            };
            erases |= prepared.changes.set(&self.keys, index, operation.row, sealed)?;
        }
        prepared.changes.reached(&prepared.end);
        Ok(erases)
    }

    fn seal_record(
        &self,
        place: &Place,
        transaction: &Transaction,
        records: &mut Vec<u8>,
    ) -> Result<Position, Failure> {
        let nonce: Nonce = self.nonce();
        let hash = record::seal(&self.keys, place, &transaction.operations, nonce, records).map_err(Failure::Other)?;
        Ok(Position {
            sequence: place.sequence,
            hash,
            epoch: place.epoch,
        })
    }

    /// Writes an empty record that opens the next epoch, and returns its number.
    pub(crate) fn next_epoch(&self) -> Result<u32, Error> {
        let mut journal = lock(&self.journal);
        let start = journal.position();
        let epoch = start.epoch.max(self.opened.newest_epoch).saturating_add(1);
        let place = Place {
            sequence: start.sequence.saturating_add(1),
            durable: start.sequence,
            epoch,
            previous: start.hash,
        };
        let mut bytes = Vec::new();
        let hash = record::seal(&self.keys, &place, &[], self.nonce(), &mut bytes)?;
        let end = Position {
            sequence: place.sequence,
            hash,
            epoch,
        };
        journal.append(&self.keys, &bytes, end)?;
        {
            let mut high_water = lock(&self.high_water);
            if self.opened.lost_tail && high_water.is_above(end.sequence) {
                // Only now: a loss that was noticed stays noticed until the new epoch is durable.
                high_water.clear()?;
            }
            high_water.adopt();
        }
        // Both slots, durably: one that still named the other place would begin one more epoch after power loss. A crash before
        // this does so too, which is safe.
        self.raise(&end);
        self.raise(&end);
        lock(&self.high_water).sync()?;
        let applied = {
            let nonce = self.nonce();
            let mut index = self.index.write().unwrap_or_else(PoisonError::into_inner);
            let mut changes = Changes::new(&index);
            changes.reached(&end);
            index.apply(&self.keys, changes, nonce)
        };
        if applied.is_err() {
            self.rebuild(&journal)?;
        }
        Ok(epoch)
    }
}

fn take_group(waiting: &mut VecDeque<(u64, Transaction)>) -> Vec<(u64, Transaction)> {
    let mut group = Vec::new();
    let mut bytes = 0usize;
    while let Some((_, next)) = waiting.front() {
        bytes = bytes.saturating_add(next.bytes());
        if !group.is_empty() && bytes > TOGETHER_BYTES {
            break;
        }
        group.extend(waiting.pop_front());
    }
    group
}

struct Prepared {
    results: HashMap<u64, Result<u64, Error>>,
    records: Vec<u8>,
    changes: Changes,
    end: Position,
    /// Whose values can be erased, and are by this.
    erasing: Vec<u64>,
}

impl Prepared {
    /// Whether a row that must be absent is there, earlier transactions of the group included.
    fn any_present(&self, index: &Index, transaction: &Transaction) -> Result<bool, Broken> {
        for (table, row) in &transaction.required_absent {
            if let Some(sealed) = self.changes.get(index, row)? {
                crate::row::open_row(table, row, &sealed)?;
                return Ok(true);
            }
        }
        Ok(false)
    }
}

enum Failure {
    Index(Broken),
    Other(Error),
}

impl From<Broken> for Failure {
    fn from(broken: Broken) -> Self {
        Self::Index(broken)
    }
}
