//! Tables: named sets of rows, read by key, by group, or whole.

use std::fmt;
use std::sync::Arc;

use crate::Error;
use crate::core::Core;
use crate::index::{Broken, Index};
use crate::keys::TableKeys;
use crate::row::{self, RowKey};

/// Names one row of a table: an id within a group. The pair is the key; the group may be empty.
///
/// Rows of one group are read together by [`Table::group`]; everything of one case or one person is a group.
#[derive(Clone, Copy)]
pub struct Key<'a> {
    /// The group, at most [`crate::GROUP_BYTES_MAX`] bytes.
    pub group: &'a [u8],
    /// The id within the group, at most [`crate::ID_BYTES_MAX`] bytes.
    pub id: &'a [u8],
}

impl<'a> Key<'a> {
    /// The row `id` of `group`.
    pub fn in_group(group: &'a [u8], id: &'a [u8]) -> Self {
        Self { group, id }
    }
}

impl<'a> From<&'a [u8]> for Key<'a> {
    fn from(id: &'a [u8]) -> Self {
        Self { group: &[], id }
    }
}

impl<'a> From<&'a Vec<u8>> for Key<'a> {
    fn from(id: &'a Vec<u8>) -> Self {
        Self { group: &[], id }
    }
}

impl<'a, const N: usize> From<&'a [u8; N]> for Key<'a> {
    fn from(id: &'a [u8; N]) -> Self {
        Self { group: &[], id }
    }
}

impl<'a> From<&'a str> for Key<'a> {
    fn from(id: &'a str) -> Self {
        Self {
            group: &[],
            id: id.as_bytes(),
        }
    }
}

impl<'a> From<&'a String> for Key<'a> {
    fn from(id: &'a String) -> Self {
        Self::from(id.as_str())
    }
}

/// Rows of one group: id and value.
pub type GroupRows = Vec<(Vec<u8>, Vec<u8>)>;

/// Takes group, id and value of a row; `false` ends the scan.
pub type Each<'a> = dyn FnMut(&[u8], &[u8], &[u8]) -> bool + 'a;

/// A named set of rows. Cheap to make and to clone; reads see every transaction committed before they began.
#[derive(Clone)]
pub struct Table {
    pub(crate) core: Arc<Core>,
    pub(crate) keys: Arc<TableKeys>,
}

impl fmt::Debug for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Table({})", self.keys.name)
    }
}

impl Table {
    /// The value of a row.
    ///
    /// # Errors
    /// [`Error::IndexFailed`] or damage of the journal when the row cannot be read authentically even
    /// after the index was rebuilt. A value that does not authenticate is never returned.
    pub fn get<'k>(&self, key: impl Into<Key<'k>>) -> Result<Option<Vec<u8>>, Error> {
        let key = key.into();
        let row = self.keys.row_key(key.group, key.id);
        self.core.read(|index| self.read_row(index, &row, key))
    }

    fn read_row(&self, index: &Index, row: &RowKey, key: Key<'_>) -> Result<Option<Vec<u8>>, Broken> {
        let Some(sealed) = index.get(row)? else {
            return Ok(None);
        };
        let opened = row::open_row(&self.keys, row, &sealed)?;
        if opened.group != key.group || opened.id != key.id {
            return Err(Broken);
        }
        Ok(self.core.reveal(row, opened)?.map(|row| row.value))
    }

    /// Whether a row is there.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub fn contains<'k>(&self, key: impl Into<Key<'k>>) -> Result<bool, Error> {
        Ok(self.get(key)?.is_some())
    }

    /// Every row of a group as it stood at one moment: id and value, sorted by id.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub fn group(&self, group: &[u8]) -> Result<GroupRows, Error> {
        let prefix = self.keys.group_prefix(group);
        let mut rows = self.core.read(|index| {
            let mut rows = Vec::new();
            let mut after: Option<Vec<u8>> = None;
            loop {
                let page = index.page(after.as_deref(), &prefix)?;
                let Some((last, _)) = page.last() else { break };
                after = Some(last.clone());
                for (key, sealed) in &page {
                    let row = row::open_row(&self.keys, key, sealed)?;
                    if row.group == group
                        && let Some(row) = self.core.reveal(key, row)?
                    {
                        rows.push((row.id, row.value));
                    }
                }
            }
            Ok(rows)
        })?;
        rows.sort_unstable();
        Ok(rows)
    }

    /// Gives every row (group, id, value) to `each`, in no particular order, until it returns `false`.
    ///
    /// `each` may read and commit. Rows that change while the scan runs may be seen before or after the change;
    /// every value seen was committed.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub fn scan(&self, each: &mut Each<'_>) -> Result<(), Error> {
        let mut after: Option<Vec<u8>> = None;
        loop {
            let page = self.core.read(|index| {
                let page = index.page(after.as_deref(), &self.keys.prefix)?;
                let mut rows = Vec::with_capacity(page.len());
                for (key, sealed) in &page {
                    let row = row::open_row(&self.keys, key, sealed)?;
                    rows.extend(self.core.reveal(key, row)?);
                }
                Ok((rows, page.last().map(|(key, _)| key.clone())))
            })?;
            let (rows, Some(last)) = page else {
                return Ok(());
            };
            after = Some(last);
            for row in rows {
                if !each(&row.group, &row.id, &row.value) {
                    return Ok(());
                }
            }
        }
    }

    /// Number of rows.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub fn len(&self) -> Result<u64, Error> {
        self.core.read(|index| index.count(&self.keys.prefix))
    }

    /// Whether there are no rows.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub fn is_empty(&self) -> Result<bool, Error> {
        self.core
            .read(|index| Ok(index.page(None, &self.keys.prefix)?.is_empty()))
    }
}
