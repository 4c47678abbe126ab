//! One durable step: what goes to the store together, and what memory takes over once it is there.

use std::collections::{BTreeMap, BTreeSet};

use credentials::Timestamp;
use credentials::letter::Letter;
use credentials::status::State;
use store::{Key, Transaction};

use crate::tables::{Counts, Credential, CredentialId, Position, Tables};
use crate::{Error, Issuer};

/// Something that ends by itself.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Due {
    /// Terms, by nonce.
    Terms(String),
    /// A delivery, by transaction.
    Delivery([u8; 16]),
    /// An offer, by id.
    Offer([u8; 16]),
    /// A standing grant, by name.
    Grant([u8; 32]),
    /// A batch that can be replaced, by its transaction.
    Batch([u8; 16]),
    /// An entry of a replaced batch.
    Ending(Position),
    /// Lines of a file that were not taken, by import or bulk change.
    Rejected(String),
    /// A file that no import reads.
    Upload(String),
    /// A bulk change that nobody agreed to.
    Bulk(String),
}

/// Changes that become durable together.
pub(crate) struct Staged {
    pub(crate) transaction: Transaction,
    /// Counts of types that change, as they will be.
    pub(crate) counts: BTreeMap<String, Counts>,
    /// Lists of which entries were given out.
    pub(crate) touched: BTreeSet<u32>,
    /// Lists of which a new version begins.
    pub(crate) raised: BTreeSet<u32>,
    /// What these versions are at least; 0 where they only rise by one.
    pub(crate) version_min: u64,
    /// Entries whose state changes at once.
    pub(crate) states: Vec<(Position, State)>,
    /// Entries whose ending is published with the day.
    pub(crate) queued: Vec<(Position, State)>,
    /// The list that a round of the daily publication goes through.
    pub(crate) padded: Option<(u32, Timestamp)>,
    /// Deadlines that begin.
    pub(crate) due: Vec<(Timestamp, Due)>,
    /// Deadlines that are gone.
    pub(crate) done: Vec<(Timestamp, Due)>,
    /// Whether the access log takes entries.
    pub(crate) logged: u64,
    /// What holders are told; nothing but an answer where the holder has just said where it is reached.
    pub(crate) letters: Vec<(String, Option<Letter>)>,
    /// A holder has just said so.
    pub(crate) is_reached: bool,
}

impl Staged {
    /// Writes a credential in a new state; the state of its copies is published at once.
    pub(crate) fn set_state(
        &mut self,
        now: Timestamp,
        tables: &Tables,
        id: &CredentialId,
        credential: &mut Credential,
        state: State,
    ) -> Result<(), Error> {
        self.states
            .extend(credential.positions.iter().map(|position| (*position, state)));
        self.tell_state(now, &credential.holder, &credential.vct, state);
        self.put_state(tables, id, credential, state)
    }

    /// Writes a credential in a new state; that of its copies is published with the day.
    pub(crate) fn end_with_the_day(
        &mut self,
        now: Timestamp,
        tables: &Tables,
        id: &CredentialId,
        credential: &mut Credential,
        state: State,
    ) -> Result<(), Error> {
        self.queued
            .extend(credential.positions.iter().map(|position| (*position, state)));
        self.tell_state(now, &credential.holder, &credential.vct, state);
        self.put_state(tables, id, credential, state)
    }

    /// Writes a credential in a new state; that of its copies is published otherwise, and nobody is told: its holder has the new one.
    pub(crate) fn mark(
        &mut self,
        tables: &Tables,
        id: &CredentialId,
        credential: &mut Credential,
        state: State,
    ) -> Result<(), Error> {
        self.put_state(tables, id, credential, state)
    }

    fn put_state(
        &mut self,
        tables: &Tables,
        id: &CredentialId,
        credential: &mut Credential,
        state: State,
    ) -> Result<(), Error> {
        if let Some(counts) = self.counts.get_mut(&credential.vct) {
            counts.moved(credential.state, state);
        }
        credential.state = state;
        let record = tables.credentials.encode(credential)?;
        self.transaction.put(&tables.credentials.table, id, &record);
        Ok(())
    }
}

impl Issuer {
    /// An empty step.
    pub(crate) fn stage(&self) -> Staged {
        Staged {
            transaction: self.store.transaction(),
            counts: self.counts.clone(),
            touched: BTreeSet::new(),
            raised: BTreeSet::new(),
            version_min: 0,
            states: Vec::new(),
            queued: Vec::new(),
            padded: None,
            due: Vec::new(),
            done: Vec::new(),
            logged: 0,
            letters: Vec::new(),
            is_reached: false,
        }
    }

    /// Makes a step durable, then takes it over.
    pub(crate) fn commit(&mut self, mut staged: Staged) -> Result<(), Error> {
        let letters = self.put_letters(&mut staged)?;
        let transaction = &mut staged.transaction;
        for (position, state) in &staged.states {
            staged.raised.insert(position.list);
            let (list, index) = (position.list.to_be_bytes(), position.index.to_be_bytes());
            let key = Key::in_group(&list, &index);
            match state {
                State::Valid => transaction.delete(&self.tables.states.table, key),
                other => transaction.put(&self.tables.states.table, key, &[*other as u8]),
            };
            // What is published does not wait any more.
            if self.lists.is_waiting(*position) {
                transaction.delete(&self.tables.queue.table, key);
            }
        }
        for (position, state) in &staged.queued {
            let (list, index) = (position.list.to_be_bytes(), position.index.to_be_bytes());
            let key = Key::in_group(&list, &index);
            transaction.put(&self.tables.queue.table, key, &[*state as u8]);
        }
        let padded = staged
            .padded
            .and_then(|(number, round)| Some((number, self.lists.padded(number, round)?)));
        if let Some((number, record)) = &padded {
            let record = self.tables.padding.encode(record)?;
            transaction.put(&self.tables.padding.table, &number.to_be_bytes(), &record);
        }
        let mut versions = BTreeMap::new();
        for number in staged.touched.union(&staged.raised) {
            if let Some(record) = self.lists.record(*number) {
                let mut record = record.clone();
                if staged.raised.contains(number) {
                    record.version = record.version.saturating_add(1).max(staged.version_min);
                    versions.insert(*number, record.version);
                }
                let record = self.tables.lists.encode(&record)?;
                transaction.put(&self.tables.lists.table, &number.to_be_bytes(), &record);
            }
        }
        for (vct, counts) in &staged.counts {
            if self.counts.get(vct) != Some(counts) {
                let record = self.tables.counts.encode(counts)?;
                transaction.put(&self.tables.counts.table, vct, &record);
            }
        }
        staged.transaction.commit()?;
        self.lists.apply(&staged.states, &versions, staged.version_min > 0);
        self.lists.queue(&staged.queued);
        if let Some((number, record)) = padded {
            self.lists.note_padded(number, record);
        }
        self.counts = staged.counts;
        self.access_next = self.access_next.saturating_add(staged.logged);
        for done in &staged.done {
            self.due.remove(done);
        }
        self.due.extend(staged.due);
        self.note_letters(letters, staged.is_reached);
        Ok(())
    }
}
