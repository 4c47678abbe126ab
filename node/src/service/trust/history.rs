//! The table of the history: an entry a row, by number. A list that is mostly the one before it stands there by what is other, so that
//! taking one writes little; every [`DEPTH_MAX`] rows one is whole.

use crate::error::Failure;
use credentials::Code;
use credentials::trust::Role;
use credentials::trust::Step;
use credentials::trust::history::{DEPTH_MAX, Entry, Row};
use store::{Store, Transaction};

const TABLE: &str = "trust-history";

/// The newest row of a list: what the next short one is written against.
#[derive(Clone, Copy)]
pub(super) struct Base {
    number: u64,
    depth: u8,
    document: [u8; 32],
}

/// Puts new entries behind those that are there. `step` is what leads to the newest list from the one held before it; `base` is what
/// was given back the time before, which spares reading a whole list.
pub(super) fn append(
    store: &Store,
    transaction: &mut Transaction,
    entries: &[Entry],
    step: Option<&Step>,
    mut base: Option<Base>,
) -> Result<Option<Base>, Failure> {
    let table = store.table(TABLE);
    for entry in entries {
        let step = step.filter(|step| {
            entry.kind == Role::List && step.to == entry.document && step.size() <= entry.text.len() / 4
        });
        let short = match step {
            Some(step) => match base {
                Some(base) => Some(base),
                None => newest_list(store, entry.number)?,
            }
            .filter(|base| base.document == step.from && base.depth < DEPTH_MAX)
            .map(|base| (base, step)),
            None => None,
        };
        let (row, depth) = match short {
            Some((base, step)) => {
                let depth = base.depth.saturating_add(1);
                (entry.to_short_row(base.number, depth, &step.edits)?, depth)
            }
            None => (entry.to_line()?.into_bytes(), 0),
        };
        transaction.put(&table, &entry.number.to_be_bytes(), &row);
        if entry.kind == Role::List {
            base = Some(Base {
                number: entry.number,
                depth,
                document: entry.document,
            });
        }
    }
    Ok(base)
}

fn newest_list(store: &Store, end: u64) -> Result<Option<Base>, Failure> {
    let found = newest(store, end, |(kind, _)| kind == Role::List)?;
    Ok(found.map(|(number, row)| Base {
        number,
        depth: row.depth(),
        document: row.named().1,
    }))
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
