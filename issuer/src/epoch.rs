//! A restored or copied home: nothing that was open before is taken up again, and no status entry is given out twice.
//!
//! Another copy of this home may have gone on: offers were used, codes tried, rows delivered and entries given out of which
//! this store knows nothing. So, before anything is served in a new epoch:
//!
//! - personal offers are closed, and terms end: a code could be tried five more times, a nonce used twice;
//! - endings that waited for the day's publication are published: the other copy may have published them, and nothing that ended
//!   may be seen to come back;
//! - deliveries end; a credential that was not acknowledged is revoked, because the wallet may have been told otherwise;
//! - rows that were prepared are prepared anew: their entries and salts may have gone out;
//! - in lists of earlier epochs every entry is revoked that no credential we know of has. What was issued after the backup could
//!   otherwise never be revoked again, not even what had been;
//! - new entries come from new lists (`status`).
//!
//! What was revoked, suspended or replaced since the backup *of credentials that we know* cannot be known: the operator has to do
//! it again. Every step is a transaction that says the same when it is done twice, and the epoch is noted last.

use credentials::status::{ENTRIES, State};
use credentials::{Random, random};
use std::collections::BTreeMap;
use store::{Key, Store, Transaction};

use crate::Error;
use crate::issuance::Batch;
use crate::tables::{Counts, Credential, Delivery, ListRecord, Offer, Prepared, RegisterRow, SETTLED, Tables, Terms};

/// Rows that one transaction writes.
const TOGETHER: usize = 1_000;
/// Bytes of a bitmap with one bit for each entry of a list.
const BITMAP: usize = ENTRIES as usize / 8;
/// How far the first list of a new epoch is from the last known one, at most. Of two homes restored from one backup, neither
/// knows of the other's lists: with numbers by chance they do not publish two lists under one name.
const JUMP_MAX: u32 = 1 << 20;

/// The distance to the number of the first list of a new epoch.
pub(crate) fn jump(random: &mut dyn Random) -> u32 {
    let by_chance = u32::from_be_bytes(random::bytes(random));
    (by_chance % JUMP_MAX).saturating_add(1)
}

/// The entries whose bits are set.
pub(crate) fn entries(bitmap: &[u8]) -> impl Iterator<Item = u32> {
    (0_u32..).zip(bitmap).flat_map(|(at, byte)| {
        (0_u32..8)
            .filter(move |bit| byte & (1 << bit) != 0)
            .map(move |bit| at.saturating_mul(8).saturating_add(bit))
    })
}

/// Settles the store's epoch, if it is not settled yet.
pub(crate) fn settle(store: &Store, tables: &Tables) -> Result<(), Error> {
    let epoch = store.epoch();
    if tables.epoch.read::<u32>(SETTLED)?.unwrap_or(0) == epoch {
        return Ok(());
    }
    let settling = Settling { store, tables };
    settling.close_offers()?;
    settling.end_terms()?;
    settling.publish_queue()?;
    settling.end_batches()?;
    settling.end_deliveries()?;
    settling.prepare_anew()?;
    settling.revoke_unknown(epoch)?;
    let mut last = store.transaction();
    last.put(&tables.epoch.table, SETTLED, &tables.epoch.encode(&epoch)?);
    last.commit()?;
    Ok(())
}

struct Settling<'a> {
    store: &'a Store,
    tables: &'a Tables,
}

impl Settling<'_> {
    /// Commits what was collected once it is as much as belongs together.
    fn keep_small(&self, changes: &mut Transaction, count: &mut usize, limit: usize) -> Result<(), Error> {
        if *count < limit {
            return Ok(());
        }
        *count = 0;
        std::mem::replace(changes, self.store.transaction()).commit()?;
        Ok(())
    }

    fn close_offers(&self) -> Result<(), Error> {
        let (mut changes, mut count) = (self.store.transaction(), 0_usize);
        for (id, mut offer) in self.tables.offers.all::<Offer>()? {
            if offer.closed {
                continue;
            }
            offer.closed = true;
            changes.put(&self.tables.offers.table, &id, &self.tables.offers.encode(&offer)?);
            count = count.saturating_add(1);
            self.keep_small(&mut changes, &mut count, TOGETHER)?;
        }
        changes.commit()?;
        Ok(())
    }

    fn end_terms(&self) -> Result<(), Error> {
        let mut changes = self.store.transaction();
        for (nonce, _) in self.tables.terms.all::<Terms>()? {
            changes.delete(&self.tables.terms.table, &nonce);
        }
        changes.commit()?;
        Ok(())
    }

    /// A key that was used after the copy was taken would count again: who wants new copies proves who they are.
    fn end_batches(&self) -> Result<(), Error> {
        let mut changes = self.store.transaction();
        for (id, _) in self.tables.batches.all::<Batch>()? {
            changes.delete(&self.tables.batches.table, &id);
        }
        changes.commit()?;
        Ok(())
    }

    fn publish_queue(&self) -> Result<(), Error> {
        let mut queued: Vec<(Vec<u8>, Vec<u8>, Vec<u8>)> = Vec::new();
        self.tables.queue.table.scan(&mut |list, index, state| {
            queued.push((list.to_vec(), index.to_vec(), state.to_vec()));
            true
        })?;
        for together in queued.chunks(TOGETHER) {
            let mut changes = self.store.transaction();
            for (list, index, state) in together {
                let key = Key::in_group(list, index);
                changes.put(&self.tables.states.table, key, state);
                changes.delete(&self.tables.queue.table, key);
            }
            changes.commit()?;
        }
        Ok(())
    }

    /// One transaction each, because counts go along: a delivery that is gone is not counted again.
    fn end_deliveries(&self) -> Result<(), Error> {
        let tables = self.tables;
        for (id, delivery) in tables.deliveries.all::<Delivery>()? {
            let mut changes = self.store.transaction();
            let mut counts: Counts = tables.counts.read(&delivery.vct)?.unwrap_or_default();
            for row in &delivery.rows {
                let known: Option<Credential> = tables.credentials.read(&row.credential)?;
                let Some(mut credential) = known.filter(|known| known.acknowledged.is_none()) else {
                    continue;
                };
                if credential.state == State::Revoked {
                    continue;
                }
                counts.moved(credential.state, State::Revoked);
                credential.state = State::Revoked;
                for position in &credential.positions {
                    let (list, index) = (position.list.to_be_bytes(), position.index.to_be_bytes());
                    let at = Key::in_group(&list, &index);
                    changes.put(&tables.states.table, at, &[State::Revoked as u8]);
                }
                let record = tables.credentials.encode(&credential)?;
                changes.put(&tables.credentials.table, &row.credential, &record);
            }
            changes.put(&tables.counts.table, &delivery.vct, &tables.counts.encode(&counts)?);
            changes.delete(&tables.deliveries.table, &id);
            changes.commit()?;
        }
        Ok(())
    }

    /// Puts prepared rows back among those that are still to be prepared.
    fn prepare_anew(&self) -> Result<(), Error> {
        let tables = self.tables;
        let mut prepared: Vec<(String, String)> = Vec::new();
        let mut is_readable = true;
        tables.prepared.table.scan(&mut |vct, key, _| {
            match (std::str::from_utf8(vct), std::str::from_utf8(key)) {
                (Ok(vct), Ok(key)) => prepared.push((vct.to_owned(), key.to_owned())),
                _ => is_readable = false,
            }
            is_readable
        })?;
        if !is_readable {
            return Err(Error::Unreadable {
                table: "issuer.prepared",
            });
        }
        for together in prepared.chunks(TOGETHER) {
            let mut changes = self.store.transaction();
            let mut counts: BTreeMap<&str, Counts> = BTreeMap::new();
            for (vct, key) in together {
                let at = Key::in_group(vct.as_bytes(), key.as_bytes());
                let row: Option<RegisterRow> = tables.register.read(at)?;
                let record: Option<Prepared> = tables.prepared.read(at)?;
                // One of a row that has changed since is not counted, and waits to be prepared already.
                if let Some(row) = row.filter(|row| record.is_some_and(|record| record.row == row.hash)) {
                    changes.put(&tables.pending.table, at, &row.hash);
                    let counts = match counts.entry(vct) {
                        std::collections::btree_map::Entry::Occupied(known) => known.into_mut(),
                        std::collections::btree_map::Entry::Vacant(new) => {
                            new.insert(tables.counts.read(vct.as_str())?.unwrap_or_default())
                        }
                    };
                    counts.prepared = counts.prepared.saturating_sub(1);
                }
                changes.delete(&tables.prepared.table, at);
            }
            for (vct, counts) in counts {
                changes.put(&tables.counts.table, vct, &tables.counts.encode(&counts)?);
            }
            changes.commit()?;
        }
        Ok(())
    }

    fn revoke_unknown(&self, epoch: u32) -> Result<(), Error> {
        let tables = self.tables;
        let mut bitmaps: BTreeMap<u32, Vec<u8>> = BTreeMap::new();
        for (id, list) in tables.lists.all::<ListRecord>()? {
            let number = id.try_into().map(u32::from_be_bytes);
            let number = number.map_err(|_| Error::Unreadable { table: "issuer.lists" })?;
            if list.epoch != epoch {
                bitmaps.insert(number, vec![u8::MAX; BITMAP]);
            }
        }
        let mut is_readable = true;
        tables.credentials.table.scan(&mut |_, _, bytes| {
            match tables.credentials.decode::<Credential>(bytes) {
                Ok(credential) => {
                    for position in credential.positions {
                        let byte = bitmaps.get_mut(&position.list).and_then(|bitmap| {
                            let at = usize::try_from(position.index / 8).ok()?;
                            bitmap.get_mut(at)
                        });
                        if let Some(byte) = byte {
                            *byte &= !(1 << (position.index % 8));
                        }
                    }
                }
                Err(_) => is_readable = false,
            }
            is_readable
        })?;
        if !is_readable {
            return Err(Error::Unreadable {
                table: "issuer.credentials",
            });
        }
        for (number, bitmap) in bitmaps {
            let mut changes = self.store.transaction();
            changes.put(&tables.unknown.table, &number.to_be_bytes(), &bitmap);
            changes.commit()?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bitmap_names_its_entries() {
        let mut bitmap = vec![0; BITMAP];
        let wanted = [0, 7, 8, 4_711, ENTRIES - 1];
        for entry in wanted {
            bitmap[entry as usize / 8] |= 1 << (entry % 8);
        }
        assert_eq!(entries(&bitmap).collect::<Vec<_>>(), wanted);
        assert_eq!(entries(&vec![u8::MAX; BITMAP]).count(), ENTRIES as usize);
    }

    #[test]
    fn the_first_list_of_an_epoch_is_never_the_last_known_one() {
        for byte in [0, 1, 0x0f, 0xff] {
            let distance = jump(&mut |bytes: &mut [u8]| bytes.fill(byte));
            assert!((1..=JUMP_MAX).contains(&distance), "{distance}");
        }
    }
}
