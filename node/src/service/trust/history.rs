//! The table of the history: an entry a row, by number. A list that is mostly the one before it stands there by what is other, so that
//! taking one writes little; every [`DEPTH_MAX`] rows one is whole.

use crate::error::Failure;
use credentials::Code;
use credentials::trust::Role;
use credentials::trust::Step;
use credentials::trust::history::{DEPTH_MAX, Entry, Row};
use store::{Store, Transaction};

const TABLE: &str = "trust-history";

/// Puts new entries behind those that are there. `step` is what leads to the newest list from the one held before it.
pub(super) fn append(
    store: &Store,
    transaction: &mut Transaction,
    entries: &[Entry],
    step: Option<&Step>,
) -> Result<(), Failure> {
    let table = store.table(TABLE);
    for entry in entries {
        let row = match step.filter(|step| entry.kind == Role::List && step.to == entry.document) {
            Some(step) => short(store, entry, step)?,
            None => None,
        };
        let row = match row {
            Some(row) => row,
            None => entry.to_line()?.into_bytes(),
        };
        transaction.put(&table, &entry.number.to_be_bytes(), &row);
    }
    Ok(())
}

/// The short row of an entry, where the list before it stands in the table and is mostly the same.
fn short(store: &Store, entry: &Entry, step: &Step) -> Result<Option<Vec<u8>>, Failure> {
    if step.size() > entry.text.len() / 4 {
        return Ok(None);
    }
    let Some((number, base)) = newest(store, entry.number, |(kind, _)| kind == Role::List)? else {
        return Ok(None);
    };
    let depth = base.depth().saturating_add(1);
    if base.named().1 != step.from || depth > DEPTH_MAX {
        return Ok(None);
    }
    Ok(Some(entry.to_short_row(number, depth, &step.edits)?))
}

/// The newest row before `end` of which `is_it` holds.
fn newest(store: &Store, end: u64, is_it: impl Fn((Role, [u8; 32])) -> bool) -> Result<Option<(u64, Row)>, Failure> {
    let mut number = end;
    while let Some(before) = number.checked_sub(1).filter(|before| *before > 0) {
        number = before;
        match row(store, number)? {
            Some(row) if is_it(row.named()) => return Ok(Some((number, row))),
            Some(_) => {}
            None => break,
        }
    }
    Ok(None)
}

fn row(store: &Store, number: u64) -> Result<Option<Row>, Failure> {
    let bytes = store.table(TABLE).get(&number.to_be_bytes())?;
    Ok(bytes.map(|bytes| Row::read(&bytes)).transpose()?)
}

/// The entry with this number, its text made whole; `None` behind the last. Errors: `damaged`.
pub(super) fn entry(store: &Store, number: u64) -> Result<Option<Entry>, Failure> {
    let damaged = || Failure::because(Code::Damaged, format!("trust history {number}"));
    let (mut at, mut rest) = (number, Vec::new());
    let mut entry = loop {
        match row(store, at)? {
            None if rest.is_empty() => return Ok(None),
            None => return Err(damaged()),
            Some(Row::Whole(entry)) => break entry,
            Some(Row::Short(_)) if rest.len() >= usize::from(DEPTH_MAX) => return Err(damaged()),
            Some(Row::Short(short)) => {
                at = short.base()?;
                rest.push(short);
            }
        }
    };
    while let Some(short) = rest.pop() {
        entry = short.entry(&entry.text)?;
    }
    Ok(Some(entry))
}

/// How many entries there are.
pub(super) fn count(store: &Store) -> Result<u64, Failure> {
    let mut count: u64 = 0;
    store.table(TABLE).scan(&mut |_, _, _| {
        count = count.saturating_add(1);
        true
    })?;
    Ok(count)
}

/// The text of the newest list with this hash.
pub(super) fn list_of(store: &Store, hash: &[u8; 32]) -> Result<Option<String>, Failure> {
    let end = count(store)?.saturating_add(1);
    match newest(store, end, |named| named == (Role::List, *hash))? {
        None => Ok(None),
        Some((number, _)) => Ok(entry(store, number)?.map(|entry| entry.text)),
    }
}
