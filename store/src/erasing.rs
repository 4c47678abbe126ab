//! Bringing rows and keys together when a store is opened: no row without its key, no key without its row.

use std::collections::BTreeSet;

use crate::Error;
use crate::core::lock;
use crate::erasable::KeyId;
use crate::row::{open_any, origin_of};
use crate::store::Store;
use crate::transaction::{Operation, Transaction};

impl Store {
    /// Destroys the keys of every deleted row whose key is there yet, in one rewriting: those of
    /// [`Transaction::erase_later`], and those that the disk did not let us destroy before.
    ///
    /// # Errors
    /// What the disk says.
    pub fn finish_erasing(&self) -> Result<(), Error> {
        let _only_writer = lock(&self.core.journal);
        self.core.destroy_keys()
    }

    /// How many keys of deleted rows are not destroyed yet ([`Transaction::erase_later`], [`Error::ErasurePending`]).
    pub fn erasures_pending(&self) -> u64 {
        self.core.vault.pending()
    }

    /// Deletes the rows whose keys are gone, and destroys the keys whose rows are. Where nothing can be written such rows are
    /// not read either.
    pub(crate) fn finish_erasures(&self, erased: &BTreeSet<KeyId>) -> Result<(), Error> {
        let core = &*self.core;
        if !erased.is_empty() {
            let transaction = self.deletions(erased)?;
            match transaction.commit() {
                Ok(_) | Err(Error::Full { .. } | Error::ReadOnly { .. } | Error::ErasurePending { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        let _only_writer = lock(&core.journal);
        match core.destroy_keys() {
            Ok(()) | Err(Error::Full { .. } | Error::ReadOnly { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// A transaction that deletes the rows of these keys.
    fn deletions(&self, keys: &BTreeSet<KeyId>) -> Result<Transaction, Error> {
        let core = &*self.core;
        let mut transaction = self.transaction();
        let mut after: Option<Vec<u8>> = None;
        loop {
            let page = core.read(|index| {
                let page = index.rows_after(after.as_deref())?;
                let last = page.last().map(|(key, _)| key.clone());
                let mut found = Vec::new();
                for (place, sealed) in page {
                    if origin_of(&sealed)?.1.is_some_and(|key| keys.contains(&key)) {
                        let (table, row, opened) = open_any(&core.keys, &place, &sealed)?;
                        found.push((table, row, opened));
                    }
                }
                Ok((found, last))
            })?;
            let (found, Some(last)) = page else {
                return Ok(transaction);
            };
            after = Some(last);
            for (table, row, opened) in found {
                transaction.operations.push(Operation {
                    table,
                    group: opened.group,
                    id: opened.id,
                    row,
                    value: None,
                });
            }
        }
    }
}
