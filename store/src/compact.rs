//! Compaction: rewriting the live rows into a new journal that takes the old one's place in one rename.
//!
//! What is live is decided from the journal alone, never from the index, so that no flaw of the index
//! can cost a row.

use std::collections::HashMap;

use crate::Error;
use crate::core::{Core, lock};
use crate::draft::Draft;
use crate::journal::Journal;
use crate::record::Body;
use crate::row::RowKey;
use crate::store::Store;
use crate::transaction::Operation;

/// Where the value of each live row stands: the record, and the change in it.
type Live = HashMap<RowKey, (u64, usize)>;

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
        let live = live(core, &journal)?;
        let mut random = |bytes: &mut [u8]| lock(&core.entropy)(bytes);
        let next = journal.next_segment();
        let mut draft = Draft::new(&core.home, &core.keys, &mut random, next, journal.position())?;
        match copy(core, &journal, &live, &mut draft) {
            Ok(()) => {}
            Err(error) => {
                draft.discard();
                return Err(error);
            }
        }
        *journal = draft.publish(journal.syncs())?;
        core.raise(&journal.position());
        core.rebuild(&journal)
    }
}

fn live(core: &Core, journal: &Journal) -> Result<Live, Error> {
    let mut live = Live::new();
    journal.replay(&core.keys, &mut |position, body| {
        for (at, entry) in body.and_then(Body::entries).into_iter().flatten().enumerate() {
            let row = core.keys.table(entry.table).row_key(entry.group, entry.id);
            match entry.value {
                Some(_) => live.insert(row, (position.sequence, at)),
                None => live.remove(&row),
            };
        }
        Ok(())
    })?;
    Ok(live)
}

fn copy(core: &Core, journal: &Journal, live: &Live, draft: &mut Draft<'_>) -> Result<(), Error> {
    journal.replay(&core.keys, &mut |position, body| {
        for (at, entry) in body.and_then(Body::entries).into_iter().flatten().enumerate() {
            let Some(value) = entry.value else { continue };
            let table = core.keys.table(entry.table);
            let row = table.row_key(entry.group, entry.id);
            if live.get(&row) != Some(&(position.sequence, at)) {
                continue;
            }
            draft.row(Operation {
                table,
                group: entry.group.to_vec(),
                id: entry.id.to_vec(),
                row,
                value: Some(value.to_content()),
            })?;
        }
        Ok(())
    })?;
    draft.finish().map(|_| ())
}
