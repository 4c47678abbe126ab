//! Transactions: changes collected in memory, then written all or not at all.

use std::fmt;
use std::sync::Arc;

use zeroize::Zeroizing;

use crate::core::Core;
use crate::erasable::Content;
use crate::keys::TableKeys;
use crate::row::RowKey;
use crate::table::{Key, Table};
use crate::{Error, GROUP_BYTES_MAX, ID_BYTES_MAX, TABLE_NAME_BYTES_MAX, TRANSACTION_BYTES_MAX, VALUE_BYTES_MAX};

/// One change of a row.
pub(crate) struct Operation {
    pub(crate) table: Arc<TableKeys>,
    pub(crate) group: Vec<u8>,
    pub(crate) id: Vec<u8>,
    pub(crate) row: RowKey,
    pub(crate) value: Option<Content>,
}

impl Operation {
    /// At most these bytes in a record.
    pub(crate) fn size(&self) -> usize {
        let value = self.value.as_ref().map_or(0, Content::len);
        [self.table.name.len(), self.group.len(), self.id.len(), value]
            .into_iter()
            .fold(16, usize::saturating_add)
    }
}

/// Changes that take effect together. Nothing happens before [`Self::commit`]; dropping it discards them.
///
/// Later changes of the same row win. Transactions of all threads are serialised.
#[must_use = "nothing is written before commit"]
pub struct Transaction {
    core: Arc<Core>,
    pub(crate) operations: Vec<Operation>,
    pub(crate) required_absent: Vec<(Arc<TableKeys>, RowKey)>,
    /// Whether the keys of what it erases may be destroyed after the commit returned.
    pub(crate) erases_later: bool,
    problem: Option<Error>,
    bytes: usize,
}

impl fmt::Debug for Transaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Transaction({} changes)", self.operations.len())
    }
}

impl Transaction {
    pub(crate) fn new(core: Arc<Core>) -> Self {
        Self {
            core,
            operations: Vec::new(),
            required_absent: Vec::new(),
            erases_later: false,
            problem: None,
            bytes: 0,
        }
    }

    /// Sets a row's value. Sizes beyond the crate's limits make the commit fail.
    pub fn put<'k>(&mut self, table: &Table, key: impl Into<Key<'k>>, value: &[u8]) -> &mut Self {
        self.operation(table, key.into(), Some(Content::Plain(Zeroizing::new(value.to_vec()))));
        self
    }

    /// Sets a row's value so that it can be erased: sealed once more, under a key of its own. Deleting the row or setting it
    /// again destroys that key before [`Self::commit`] returns, and then nothing opens the value again: not the journal's old
    /// bytes, not a backup restored with the newest keys. It is read like any other.
    ///
    /// The value only: what stands in the row's group and id is readable with the store's key until [`crate::Store::compact`].
    pub fn put_erasable<'k>(&mut self, table: &Table, key: impl Into<Key<'k>>, value: &[u8]) -> &mut Self {
        let content = Content::Erasable(Zeroizing::new(value.to_vec()));
        self.operation(table, key.into(), Some(content));
        self
    }

    /// Removes a row; one that is not there is no error. A value that can be erased is erased by this.
    pub fn delete<'k>(&mut self, table: &Table, key: impl Into<Key<'k>>) -> &mut Self {
        self.operation(table, key.into(), None);
        self
    }

    /// What this transaction erases is deleted when the commit returns, but its keys are destroyed only with the next erasure, by
    /// [`crate::Store::finish_erasing`] or by the next opening: for what goes where somebody waits for an answer, who would wait
    /// for three syncs more. Until then [`crate::Store::erasures_pending`] counts them, and nobody may say that it is erased.
    pub fn erase_later(&mut self) -> &mut Self {
        self.erases_later = true;
        self
    }

    /// Makes the commit fail with [`Error::Exists`] if the row is there when the commit's turn comes.
    ///
    /// The check sees every earlier transaction and none of this one's own changes, and nothing comes between it
    /// and the write: of two threads that put the same nonce this way, one fails.
    pub fn require_absent<'k>(&mut self, table: &Table, key: impl Into<Key<'k>>) -> &mut Self {
        let key = key.into();
        if self.accepts(table, key, 0) {
            let row = table.keys.row_key(key.group, key.id);
            self.required_absent.push((Arc::clone(&table.keys), row));
        }
        self
    }

    fn operation(&mut self, table: &Table, key: Key<'_>, value: Option<Content>) {
        if self.accepts(table, key, value.as_ref().map_or(0, Content::len)) {
            let operation = Operation {
                row: table.keys.row_key(key.group, key.id),
                table: Arc::clone(&table.keys),
                group: key.group.to_vec(),
                id: key.id.to_vec(),
                value,
            };
            self.bytes = self.bytes.saturating_add(operation.size());
            self.operations.push(operation);
        }
    }

    fn accepts(&mut self, table: &Table, key: Key<'_>, value: usize) -> bool {
        if self.problem.is_some() {
            return false;
        }
        if !Arc::ptr_eq(&table.core, &self.core) {
            self.problem = Some(Error::ForeignTable);
            return false;
        }
        let sizes = [
            ("a table name", table.keys.name.len(), TABLE_NAME_BYTES_MAX),
            ("a group", key.group.len(), GROUP_BYTES_MAX),
            ("an id", key.id.len(), ID_BYTES_MAX),
            ("a value", value, VALUE_BYTES_MAX),
            ("a transaction", self.bytes.saturating_add(value), TRANSACTION_BYTES_MAX),
        ];
        let over = sizes.into_iter().find(|(_, size, limit)| size > limit);
        self.problem = over.map(|(what, _, limit)| Error::TooLarge { what, limit });
        self.problem.is_none()
    }

    /// Bytes this transaction adds to the journal, roughly.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Writes the transaction. Returns its journal sequence once it is durable (fdatasync) and visible to readers.
    ///
    /// A transaction without changes writes nothing and returns the current sequence.
    ///
    /// # Errors
    /// [`Error::Exists`], [`Error::TooLarge`], [`Error::ForeignTable`]: nothing was written.
    /// [`Error::Full`], [`Error::ReadOnly`], [`Error::Io`]: nothing was kept; the store stays readable and a later
    /// commit may succeed. Only if the disk refuses even to cut the record off again can it reappear after a crash.
    /// [`Error::ErasurePending`]: all was written, and rows are deleted, but the key of one is not destroyed yet. The next commit
    /// or the next opening does that.
    pub fn commit(mut self) -> Result<u64, Error> {
        match self.problem.take() {
            Some(problem) => Err(problem),
            None => {
                let core = Arc::clone(&self.core);
                core.commit(self)
            }
        }
    }
}
