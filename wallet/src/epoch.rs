//! A restored or copied home: what another copy of this wallet may have done meanwhile is taken for done.
//!
//! Copies may have been shown, requests answered and credentials collected there. So in a new epoch of the store every unused
//! copy counts as used, and what was under way is void. It takes effect when the wallet is opened, before anything is asked of
//! it; a crash on the way leaves the rest to the next start.

use crate::history::{Event, What};
use crate::tables::{BatchRow, CopyRow, CredentialRow, EpochRow, IssuingRow, RequestRow, Stage, Tables};
use crate::{Error, Wallet, issuance};
use credentials::{Code, Timestamp};

/// Copies that one transaction makes void: some 3 MiB with the widest type.
const VOID_TOGETHER: usize = 256;

/// Settles the store's epoch, if it is not settled yet.
pub(crate) fn settle(tables: &mut Tables) -> Result<(), Error> {
    let epoch = tables.epoch();
    let settled = tables.get::<EpochRow>(EpochRow::ID)?.unwrap_or_default();
    if settled.epoch == epoch {
        return Ok(());
    }
    let mut untold = settled.untold;
    let mut void = Vec::new();
    for (id, _) in tables.named::<CredentialRow>()? {
        let unused: Vec<_> = tables.copies(&id)?;
        let unused = unused.into_iter().filter(|(_, copy)| copy.is_unused());
        let before = void.len();
        void.extend(unused.map(|(number, copy)| (id.clone(), number, copy)));
        if void.len() > before && !untold.contains(&id) {
            untold.push(id);
        }
    }
    let requests = tables.named::<RequestRow>()?;
    let issuings = tables.named::<IssuingRow>()?;
    let batches = tables.named::<BatchRow>()?;
    let mut keys = Vec::new();
    for (_, row) in &issuings {
        // The keys of what is held belong to its copies.
        if !matches!(row.stage, Stage::Delivered { .. }) {
            keys.extend(issuance::new_keys(row)?);
        }
    }
    for (_, batch) in &batches {
        keys.extend(batch.own_keys()?);
    }
    // First what the person is to be told: a copy that is void already does not show any more that it was unused.
    let telling = EpochRow {
        epoch: settled.epoch,
        untold,
    };
    let mut change = tables.change();
    change.put(EpochRow::ID, &telling)?;
    change.commit()?;
    for together in void.chunks(VOID_TOGETHER) {
        let mut change = tables.change();
        for (id, number, copy) in together {
            let copy = CopyRow {
                is_void: true,
                ..copy.clone()
            };
            change.put_copy(id, *number, &copy)?;
        }
        change.commit()?;
    }
    let mut change = tables.change();
    for (id, _) in &requests {
        change.delete::<RequestRow>(id);
    }
    for (transaction, _) in &issuings {
        change.delete::<IssuingRow>(transaction);
    }
    // The other copy of this wallet may have used their keys.
    for (batch, _) in &batches {
        change.delete::<BatchRow>(batch);
    }
    for key in &keys {
        change.delete_key(key);
    }
    change.put(EpochRow::ID, &EpochRow { epoch, ..telling })?;
    change.commit()
}

impl Wallet {
    /// Writes into the history which credentials lost their copies because the home was restored or copied, one line each.
    /// To be called after opening. Returns how many there were; 0 from then on.
    ///
    /// # Errors
    /// [`Error::Store`], [`Error::Row`].
    pub fn tell_void(&mut self, now: Timestamp) -> Result<usize, Error> {
        let Some(settled) = self.tables.get::<EpochRow>(EpochRow::ID)? else {
            return Ok(0);
        };
        if settled.untold.is_empty() {
            return Ok(0);
        }
        let mut events = Vec::new();
        for id in &settled.untold {
            // One that was deleted meanwhile has its own line.
            if let Some(row) = self.tables.get::<CredentialRow>(id)? {
                events.push(Event {
                    types: vec![row.vct.clone()],
                    credentials: vec![id.clone()],
                    code: Some(Code::CopiesVoid),
                    ..self.event(now, What::CopiesVoid, &row.issuer)
                });
            }
        }
        let told = EpochRow {
            untold: Vec::new(),
            ..settled
        };
        let mut change = self.tables.change();
        for event in &events {
            change.event(event)?;
        }
        change.put(EpochRow::ID, &told)?;
        change.commit()?;
        Ok(events.len())
    }
}
