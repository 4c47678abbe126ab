//! Changes that are committed together, and what to go back to when that fails.

use super::queue::{Id, Queue};
use super::tables::{Item, Tables, row_of_item, row_of_queue};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use store::{Key, Table, Transaction};

/// Changes of rows, and the queues as they were in memory before. A queue changes once in a draft.
pub(super) struct Draft {
    tables: Arc<Tables>,
    changes: Changes,
    before: BTreeMap<Id, Option<Queue>>,
    owners: BTreeSet<[u8; 32]>,
    /// Which answers say what is only true once this is durable.
    resting: Vec<usize>,
}

/// What is written.
struct Changes {
    transaction: Transaction,
    rows: usize,
    weight: usize,
}

impl Changes {
    fn row(&mut self, table: &Table, key: Key<'_>, value: Option<&[u8]>) {
        self.rows = self.rows.saturating_add(1);
        self.weight = self
            .weight
            .saturating_add(value.map_or(0, <[u8]>::len))
            .saturating_add(64);
        match value {
            Some(value) => self.transaction.put(table, key, value),
            None => self.transaction.delete(table, key),
        };
    }
}

impl Draft {
    /// Nothing changed yet.
    pub(super) fn new(tables: &Arc<Tables>) -> Draft {
        Draft {
            changes: Changes {
                transaction: tables.transaction(),
                rows: 0,
                weight: 0,
            },
            tables: Arc::clone(tables),
            before: BTreeMap::new(),
            owners: BTreeSet::new(),
            resting: Vec::new(),
        }
    }

    /// How many rows it changes.
    pub(super) fn rows(&self) -> usize {
        self.changes.rows
    }

    /// Roughly its bytes.
    pub(super) fn weight(&self) -> usize {
        self.changes.weight
    }

    /// Whether it changes a queue.
    pub(super) fn has(&self, id: &Id) -> bool {
        self.before.contains_key(id)
    }

    /// Whether it begins the queue of an owner.
    pub(super) fn has_owner(&self, owner: &[u8; 32]) -> bool {
        self.owners.contains(owner)
    }

    /// Notes what a queue was before.
    pub(super) fn changes(&mut self, id: Id, before: Option<Queue>) {
        self.before.entry(id).or_insert(before);
    }

    /// Notes that the answer of this place rests on the commit.
    pub(super) fn rests_on_it(&mut self, place: usize) {
        self.resting.push(place);
    }

    /// Makes it durable, or changes nothing.
    ///
    /// Errors: what the store says, and what to go back to.
    pub(super) fn commit(self) -> Result<(), (store::Error, Undo)> {
        let undo = Undo {
            before: self.before,
            resting: self.resting,
        };
        match self.changes.transaction.commit() {
            Ok(_) => Ok(()),
            Err(error) => Err((error, undo)),
        }
    }

    /// What to go back to when it is not to be committed.
    pub(super) fn discard(self) -> Undo {
        Undo {
            before: self.before,
            resting: self.resting,
        }
    }

    /// A queue's row.
    pub(super) fn queue(&mut self, id: &Id, queue: &Queue) {
        let row = row_of_queue(queue);
        self.changes.row(&self.tables.queues, id.into(), Some(&row));
    }

    /// Whose queue it is.
    pub(super) fn owner(&mut self, owner: &[u8; 32], id: &Id) {
        self.owners.insert(*owner);
        self.changes.row(&self.tables.owners, owner.into(), Some(id));
    }

    /// An envelope.
    pub(super) fn item(&mut self, queue: &Id, number: u64, item: &Item, body: &[u8]) {
        let number = number.to_be_bytes();
        let place = Key::in_group(queue, &number);
        self.changes.row(&self.tables.items, place, Some(&row_of_item(item)));
        let name = Key::in_group(queue, &item.id);
        self.changes.row(&self.tables.names, name, Some(&number));
        self.changes.row(&self.tables.bodies, place, Some(body));
    }

    /// Drops an envelope; its name stays known.
    pub(super) fn drop_body(&mut self, queue: &Id, number: u64) {
        let number = number.to_be_bytes();
        self.changes
            .row(&self.tables.bodies, Key::in_group(queue, &number), None);
    }

    /// Forgets the name of an envelope.
    pub(super) fn forget(&mut self, queue: &Id, number: u64, item: &Item) {
        let number = number.to_be_bytes();
        self.changes
            .row(&self.tables.items, Key::in_group(queue, &number), None);
        self.changes
            .row(&self.tables.names, Key::in_group(queue, &item.id), None);
    }

    /// Drops a queue's own rows.
    pub(super) fn end(&mut self, id: &Id, queue: &Queue) {
        self.changes.row(&self.tables.queues, id.into(), None);
        self.changes.row(&self.tables.owners, (&queue.owner).into(), None);
    }
}

/// What was before changes that did not become durable.
pub(super) struct Undo {
    /// The queues.
    pub(super) before: BTreeMap<Id, Option<Queue>>,
    /// Places of the answers that rested on it.
    pub(super) resting: Vec<usize>,
}
