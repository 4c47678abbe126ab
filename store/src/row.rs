//! A row of the index: sealed, under a key that reveals nothing.

use std::sync::Arc;

use crate::bytes::Reader;
use crate::erasable::{KeyId, Stored};
use crate::index::Broken;
use crate::keys::{Keys, NONCE_BYTES, Nonce, Sealer, TAG_BYTES, TableKeys};

/// Table, group and key of a row, each as a keyed hash.
pub(crate) type RowKey = [u8; 40];

/// Set in the sequence of a row whose value can be erased; no store counts so far.
const ERASABLE: u64 = 1 << 63;

/// An opened row.
pub(crate) struct Row {
    pub(crate) group: Vec<u8>,
    pub(crate) id: Vec<u8>,
    /// Still sealed when it can be erased.
    pub(crate) value: Vec<u8>,
    /// The key it is then sealed under.
    pub(crate) key: Option<KeyId>,
}

impl Row {
    /// The value as it lies in the journal.
    pub(crate) fn stored(&self) -> Stored<'_> {
        Stored {
            bytes: &self.value,
            key: self.key,
        }
    }
}

/// Seals a row: sequence 8 (its highest bit says that the value can be erased, and its key's name 8 follows), nonce 24, sealed
/// (lengths of table 1, group 2 and id 2, table, group, id, value).
pub(crate) fn seal_row(
    table: &TableKeys,
    row: &RowKey,
    sequence: u64,
    nonce: &Nonce,
    (group, id, value): (&[u8], &[u8], Stored<'_>),
) -> Option<Vec<u8>> {
    let mut plain = zeroize::Zeroizing::new(Vec::with_capacity(
        group
            .len()
            .saturating_add(id.len())
            .saturating_add(value.bytes.len())
            .saturating_add(table.name.len())
            .saturating_add(5),
    ));
    plain.push(u8::try_from(table.name.len()).ok()?);
    plain.extend_from_slice(&u16::try_from(group.len()).ok()?.to_be_bytes());
    plain.extend_from_slice(&u16::try_from(id.len()).ok()?.to_be_bytes());
    for part in [table.name.as_bytes(), group, id, value.bytes] {
        plain.extend_from_slice(part);
    }
    let head = head(sequence, value.key);
    let sealed = table.sealer.seal(nonce, &row_context(row, &head), &plain)?;
    let mut bytes = Vec::with_capacity(sealed.len().saturating_add(head.len()).saturating_add(NONCE_BYTES));
    bytes.extend_from_slice(&head);
    bytes.extend_from_slice(nonce);
    bytes.extend_from_slice(&sealed);
    Some(bytes)
}

/// Opens a row that belongs under exactly this index key and table.
pub(crate) fn open_row(table: &TableKeys, key: &[u8], sealed: &[u8]) -> Result<Row, Broken> {
    let (name, row) = unseal(&table.sealer, key, sealed).ok_or(Broken)?;
    if *name == *table.name { Ok(row) } else { Err(Broken) }
}

/// Opens a row of whatever table it belongs to, and says which; it must lie where such a row belongs.
pub(crate) fn open_any(keys: &Keys, key: &[u8], sealed: &[u8]) -> Result<(Arc<TableKeys>, RowKey, Row), Broken> {
    let (prefix, _) = key.split_first_chunk::<8>().ok_or(Broken)?;
    let (name, row) = unseal(&keys.row_sealer(prefix), key, sealed).ok_or(Broken)?;
    let table = keys.table(&name);
    let place = table.row_key(&row.group, &row.id);
    if place == key {
        Ok((table, place, row))
    } else {
        Err(Broken)
    }
}

fn unseal(sealer: &Sealer, key: &[u8], sealed: &[u8]) -> Option<(String, Row)> {
    let mut r = Reader::new(sealed);
    let (sequence, erasable) = read_head(&mut r)?;
    let nonce = r.array()?;
    let row: &RowKey = key.try_into().ok()?;
    let plain = sealer.open(&nonce, &row_context(row, &head(sequence, erasable)), r.rest())?;
    let mut r = Reader::new(&plain);
    let (name, group, id) = (usize::from(r.u8()?), usize::from(r.u16()?), usize::from(r.u16()?));
    let name = std::str::from_utf8(r.take(name)?).ok()?.to_owned();
    let row = Row {
        group: r.take(group)?.to_vec(),
        id: r.take(id)?.to_vec(),
        value: r.rest().to_vec(),
        key: erasable,
    };
    Some((name, row))
}

fn head(sequence: u64, key: Option<KeyId>) -> Vec<u8> {
    match key {
        None => sequence.to_be_bytes().to_vec(),
        Some(key) => [(sequence | ERASABLE).to_be_bytes(), key.to_be_bytes()].concat(),
    }
}

fn read_head(r: &mut Reader<'_>) -> Option<(u64, Option<KeyId>)> {
    let first = r.u64()?;
    let key = match first & ERASABLE {
        0 => None,
        _ => Some(r.u64()?),
    };
    Some((first & !ERASABLE, key))
}

fn row_context(row: &RowKey, head: &[u8]) -> Vec<u8> {
    let mut context = row.to_vec();
    context.extend_from_slice(head);
    context
}

/// The journal record that wrote a row, and the key of a value that can be erased.
pub(crate) fn origin_of(sealed: &[u8]) -> Result<(u64, Option<KeyId>), Broken> {
    if sealed.len() < 8 + NONCE_BYTES + TAG_BYTES {
        return Err(Broken);
    }
    read_head(&mut Reader::new(sealed)).ok_or(Broken)
}
