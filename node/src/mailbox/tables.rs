//! What is written down of queues, and how.
//!
//! | table | key | value |
//! |---|---|---|
//! | `mailbox-queues` | queue | version, owner's key, hash of the token, first number that waits, last day of the owner |
//! | `mailbox-owners` | owner's key | queue |
//! | `mailbox-items` | queue, number | time, name and length of an envelope that waits or is still known |
//! | `mailbox-names` | queue, name | number |
//! | `mailbox-bodies` | queue, number | an envelope that waits |

use super::queue::{Id, Queue};
use crate::error::Failure;
use credentials::{Code, Timestamp};
use std::collections::BTreeMap;
use store::{Key, Store, Table, Transaction};

/// Version of a queue's row.
const VERSION: u8 = 1;

/// What is known of an envelope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Item {
    /// When it was put.
    pub(super) at: Timestamp,
    /// [`credentials::envelope::id`].
    pub(super) id: [u8; 32],
    /// In bytes.
    pub(super) length: u32,
}

/// The tables of a mailbox.
pub(super) struct Tables {
    store: Store,
    pub(super) queues: Table,
    pub(super) owners: Table,
    pub(super) items: Table,
    pub(super) names: Table,
    pub(super) bodies: Table,
}

impl Tables {
    pub(super) fn of(store: &Store) -> Tables {
        Tables {
            queues: store.table("mailbox-queues"),
            owners: store.table("mailbox-owners"),
            items: store.table("mailbox-items"),
            names: store.table("mailbox-names"),
            bodies: store.table("mailbox-bodies"),
            store: store.clone(),
        }
    }

    /// Nothing changed yet.
    pub(super) fn transaction(&self) -> Transaction {
        self.store.transaction()
    }

    /// All queues as they stand.
    pub(super) fn queues(&self) -> Result<BTreeMap<Id, Queue>, Failure> {
        let mut queues = BTreeMap::new();
        let mut is_sound = true;
        self.queues.scan(&mut |_, id, row| {
            let read = || Some((Id::try_from(id).ok()?, queue_of_row(row)?));
            match read() {
                Some((id, queue)) => queues.insert(id, queue).is_none(),
                None => {
                    is_sound = false;
                    false
                }
            }
        })?;
        self.items.scan(&mut |group, id, row| {
            let read = || Some((u64::from_be_bytes(id.try_into().ok()?), item_of_row(row)?));
            let found = read().zip(Id::try_from(group).ok().and_then(|id| queues.get_mut(&id)));
            match found {
                Some(((number, item), queue)) => {
                    count(queue, number, &item);
                    true
                }
                None => {
                    is_sound = false;
                    false
                }
            }
        })?;
        match is_sound {
            true => Ok(queues),
            false => Err(damaged()),
        }
    }

    /// The queue of an owner.
    pub(super) fn queue_of(&self, owner: &[u8; 32]) -> Result<Option<Id>, Failure> {
        match self.owners.get(owner)? {
            None => Ok(None),
            Some(row) => Ok(Some(row.try_into().map_err(|_| damaged())?)),
        }
    }

    /// What is known of an envelope that is there or was until lately.
    pub(super) fn item(&self, queue: &Id, number: u64) -> Result<Item, Failure> {
        let row = self.items.get(Key::in_group(queue, &number.to_be_bytes()))?;
        row.as_deref().and_then(item_of_row).ok_or_else(damaged)
    }

    /// The number of an envelope that is there or was until lately.
    pub(super) fn number_of(&self, queue: &Id, name: &[u8; 32]) -> Result<Option<u64>, Failure> {
        match self.names.get(Key::in_group(queue, name))? {
            None => Ok(None),
            Some(row) => Ok(Some(u64::from_be_bytes(row.try_into().map_err(|_| damaged())?))),
        }
    }

    /// An envelope that waits.
    pub(super) fn body(&self, queue: &Id, number: u64) -> Result<Vec<u8>, Failure> {
        let row = self.bodies.get(Key::in_group(queue, &number.to_be_bytes()))?;
        row.ok_or_else(damaged)
    }
}

fn damaged() -> Failure {
    Failure::because(Code::Damaged, "a row of the mailbox is missing or not of its form")
}

/// Takes an item of a queue into account, in whatever order they come.
fn count(queue: &mut Queue, number: u64, item: &Item) {
    queue.kept = queue.kept.min(number);
    queue.next = queue.next.max(number.saturating_add(1));
    if number >= queue.first {
        queue.bytes = queue.bytes.saturating_add(item.length);
    }
    if number == queue.first {
        queue.oldest = item.at;
    }
}

pub(super) fn row_of_queue(queue: &Queue) -> Vec<u8> {
    let mut row = vec![VERSION];
    row.extend_from_slice(&queue.owner);
    row.extend_from_slice(&queue.token);
    row.extend_from_slice(&queue.first.to_be_bytes());
    row.extend_from_slice(&queue.used.unix().to_be_bytes());
    row
}

/// As it is before its items are counted.
fn queue_of_row(row: &[u8]) -> Option<Queue> {
    let row = row.strip_prefix(&[VERSION])?;
    let (owner, row) = row.split_first_chunk::<32>()?;
    let (token, row) = row.split_first_chunk::<32>()?;
    let (first, row) = row.split_first_chunk::<8>()?;
    let used = Timestamp::from_unix(i64::from_be_bytes(row.try_into().ok()?));
    let first = u64::from_be_bytes(*first);
    Some(Queue {
        kept: first,
        first,
        next: first,
        ..Queue::begun(*owner, *token, used)
    })
}

pub(super) fn row_of_item(item: &Item) -> Vec<u8> {
    let mut row = item.at.unix().to_be_bytes().to_vec();
    row.extend_from_slice(&item.id);
    row.extend_from_slice(&item.length.to_be_bytes());
    row
}

fn item_of_row(row: &[u8]) -> Option<Item> {
    let (at, row) = row.split_first_chunk::<8>()?;
    let (id, row) = row.split_first_chunk::<32>()?;
    Some(Item {
        at: Timestamp::from_unix(i64::from_be_bytes(*at)),
        id: *id,
        length: u32::from_be_bytes(row.try_into().ok()?),
    })
}
