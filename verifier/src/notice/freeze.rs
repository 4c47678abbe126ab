//! Two signed notices that cannot both stand: nothing of that register acts any more until an operator decides.
//!
//! Nobody but an operator can know which one is right: both have two signatures of the register. The texts are kept as evidence.

use super::Desk;
use super::matching::{Effect, MatchState, fits};
use super::tables::{Frozen, MatchRecord, NoticeRecord, OpeningRecord, Stream, debtor_names};
use crate::error::Refusal;
use crate::{Error, Verifier};
use credentials::notice::{Checkpoint, Kind, Proposal};
use credentials::{Code, Problem, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use store::{Key, Transaction};

/// What an operator decides, after asking the register by another way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// What we hold is right. The other notice is refused from now on.
    Keep,
    /// What we hold from this number on is wrong: it is taken back with its effects, refused from now on, and pulled anew.
    Replace {
        /// The first wrong number, above the checkpoint that the log begins after.
        from: u64,
    },
}

/// A notice that contradicts one that we hold.
pub(super) struct Conflict<'a> {
    pub(super) number: u64,
    pub(super) ours: [u8; 32],
    pub(super) theirs: &'a Proposal,
}

/// Openings by uuid.
type Openings = BTreeMap<String, OpeningRecord>;

impl Verifier {
    /// Keeps both texts and stops the stream; the first conflict of a stream is the one that is told.
    pub(super) fn freeze(&mut self, now: Timestamp, conflict: &Conflict<'_>) -> Result<(), Refusal> {
        let register = conflict.theirs.register().to_string();
        let desk = &self.notices;
        let mut stream = desk.stream(&register);
        let tables = &desk.tables;
        let mut changes = self.tables.begin();
        let mut keep = |hash: &[u8; 32], text: &str| -> Result<(), Error> {
            let text = tables.evidence.encode(&text)?;
            changes.put(&tables.evidence.table, Key::in_group(register.as_bytes(), hash), &text);
            Ok(())
        };
        keep(conflict.theirs.hash(), conflict.theirs.text())?;
        let id = conflict.number.to_be_bytes();
        let at = Key::in_group(register.as_bytes(), &id);
        match desk.record(&register, conflict.number)? {
            Some(record) => keep(&record.hash, &record.text)?,
            None => {
                if let Some(waiting) = tables.waiting.read::<String>(at)? {
                    keep(&conflict.ours, &waiting)?;
                }
            }
        }
        stream.frozen.get_or_insert(Frozen {
            number: conflict.number,
            ours: conflict.ours,
            theirs: *conflict.theirs.hash(),
            at: now,
        });
        changes.put(&tables.streams.table, &register, &tables.streams.encode(&stream)?);
        changes.commit()?;
        self.notices.streams.insert(register, stream);
        self.changed();
        Ok(())
    }

    /// Decides a conflict. Effects that are taken back come as events: what was blocked only by a notice taken back is to be opened.
    ///
    /// Errors: `not_found` when the register's stream is not frozen; `malformed` (`from`) for a number that is not in our log.
    pub fn notice_decide(&mut self, now: Timestamp, register: &str, decision: Decision) -> Result<(), Problem> {
        self.decide(now, register, decision)
            .map_err(|refusal| refusal.told_at_home("notice decision"))
    }

    fn decide(&mut self, now: Timestamp, register: &str, decision: Decision) -> Result<(), Refusal> {
        let stream = self.notices.stream(register);
        let frozen = stream.frozen.clone().ok_or(Code::NotFound)?;
        match decision {
            Decision::Keep => {
                let tables = &self.notices.tables;
                let mut changes = self.tables.begin();
                let theirs = Key::in_group(register.as_bytes(), &frozen.theirs);
                changes.put(&tables.rejected.table, theirs, &[]);
                let after = Stream { frozen: None, ..stream };
                changes.put(&tables.streams.table, register, &tables.streams.encode(&after)?);
                changes.commit()?;
                self.notices.streams.insert(register.to_owned(), after);
            }
            Decision::Replace { from } => self.replace(now, register, &stream, from)?,
        }
        self.notices.pulls.remove(register);
        self.changed();
        Ok(())
    }

    /// Takes the log back to before `from`, and openings and matches to what the rest of it says.
    fn replace(&mut self, now: Timestamp, register: &str, stream: &Stream, from: u64) -> Result<(), Refusal> {
        if from <= stream.base || from > stream.next {
            return Err(Problem::new(Code::Malformed, "from").into());
        }
        let desk = &self.notices;
        let tables = &desk.tables;
        let mut changes = self.tables.begin();
        let mut reject = |id: u64, hash: &[u8; 32], text: &str| -> Result<(), Error> {
            let group = register.as_bytes();
            changes.put(&tables.rejected.table, Key::in_group(group, hash), &[]);
            let text = tables.evidence.encode(&text)?;
            changes.put(&tables.evidence.table, Key::in_group(group, hash), &text);
            let id = id.to_be_bytes();
            changes.delete(&tables.log.table, Key::in_group(group, &id));
            changes.delete(&tables.waiting.table, Key::in_group(group, &id));
            Ok(())
        };
        for number in from..stream.next {
            if let Some(record) = desk.record(register, number)? {
                reject(number, &record.hash, &record.text)?;
            }
        }
        let waiting = desk.waiting.get(register).cloned().unwrap_or_default();
        for number in waiting {
            // They followed what is taken back, or contradict it: those that are right come again by pulling.
            changes.delete(
                &tables.waiting.table,
                Key::in_group(register.as_bytes(), &number.to_be_bytes()),
            );
        }
        let (after, openings) = desk.replay(register, stream, from)?;
        let next_event = desk.set_openings(&mut changes, now, register, (from, &openings))?;
        changes.put(&tables.streams.table, register, &tables.streams.encode(&after)?);
        changes.commit()?;
        self.notices.next_event = next_event;
        self.notices.waiting.remove(register);
        self.notices.streams.insert(register.to_owned(), after);
        Ok(())
    }
}

impl Desk {
    /// Where the stream stands and which openings there are when only notices before `end` count.
    fn replay(&self, register: &str, stream: &Stream, end: u64) -> Result<(Stream, Openings), Refusal> {
        let mut openings = self.base_openings(register)?;
        let mut after = Stream {
            next: stream.base.saturating_add(1),
            hash: stream.base_hash,
            registered: stream.base_registered,
            // What came after may have been as wrong: which number is newest is learnt anew.
            seen: end.saturating_sub(1),
            frozen: None,
            ..stream.clone()
        };
        for number in after.next..end {
            let record: Option<NoticeRecord> = self.record(register, number)?;
            let record = record.ok_or_else(|| self.tables.log.unreadable())?;
            let proposal = Proposal::parse(&record.text)?;
            if let (None, Ok(content)) = (&record.note, proposal.content()) {
                let about = content.about.as_ref().and_then(|uuid| openings.get(uuid));
                fits(&after, &proposal, content, about)?;
                match (&content.about, about) {
                    (Some(uuid), Some(opening)) => {
                        let opening = opening.after(content.kind);
                        openings.insert(uuid.clone(), opening);
                    }
                    _ if content.kind == Kind::Aapning => {
                        let opening = OpeningRecord::new(number, content.debtor.clone());
                        openings.insert(proposal.uuid().to_owned(), opening);
                    }
                    _ => {}
                }
            }
            after.next = number.saturating_add(1);
            after.hash = record.hash;
            after.registered = after.registered.max(proposal.registered());
        }
        Ok((after, openings))
    }

    /// The openings of the checkpoint that the log begins after.
    fn base_openings(&self, register: &str) -> Result<Openings, Refusal> {
        let Some(text) = self.tables.checkpoints.read::<String>(register)? else {
            return Ok(Openings::new());
        };
        let state = self.tables.states.table.get(register)?.unwrap_or_default();
        let openings = Checkpoint::parse(&text)?.openings(&state)?;
        let records = openings.into_iter();
        Ok(records
            .map(|opening| (opening.uuid, OpeningRecord::new(opening.number, opening.debtor)))
            .collect())
    }

    /// Makes `openings` the openings of a register, and tells the bank what that changes. Returns the number of the next event.
    fn set_openings(
        &self,
        changes: &mut Transaction,
        now: Timestamp,
        register: &str,
        (number, openings): (u64, &Openings),
    ) -> Result<u64, Error> {
        let group = register.as_bytes();
        for (id, bytes) in self.tables.openings.table.group(group)? {
            let known: OpeningRecord = self.tables.openings.decode(&bytes)?;
            let uuid = String::from_utf8(id).map_err(|_| self.tables.openings.unreadable())?;
            if !openings.contains_key(&uuid) {
                changes.delete(&self.tables.openings.table, Key::in_group(group, uuid.as_bytes()));
                let id = Desk::opening_id(register, &uuid);
                for name in debtor_names(register, &known.debtor) {
                    changes.delete(&self.tables.openings_of.table, Key::in_group(&name, &id));
                }
            }
        }
        let mut events = self.events(register, now);
        // Matches that are there: what the opening means now.
        let mut matched: BTreeSet<(String, String)> = BTreeSet::new();
        for (customer, id, known) in self.tables.matches.all::<MatchRecord>()? {
            let unreadable = || self.tables.matches.unreadable();
            let customer = String::from_utf8(customer).map_err(|_| unreadable())?;
            let text = std::str::from_utf8(&id).ok().and_then(|id| id.split_once('\0'));
            let (of, uuid) = text.ok_or_else(unreadable)?;
            if of != register {
                continue;
            }
            matched.insert((customer.clone(), uuid.to_owned()));
            let at = Key::in_group(customer.as_bytes(), &id);
            let opening = openings.get(uuid);
            let state = match opening.map(|opening| opening.standing) {
                None => None,
                Some(super::tables::Standing::Stands) => Some(MatchState::Blocked),
                Some(super::tables::Standing::Deleted) => Some(MatchState::Reopened),
                Some(super::tables::Standing::SetAside) => Some(MatchState::BankDecides),
            };
            let is_closed = opening.is_some_and(|opening| opening.is_closed);
            match state {
                None => changes.delete(&self.tables.matches.table, at),
                Some(state) => {
                    let record = MatchRecord {
                        state,
                        is_closed,
                        number: known.number.min(number),
                        at: now,
                    };
                    changes.put(&self.tables.matches.table, at, &self.tables.matches.encode(&record)?)
                }
            };
            let effect = match (known.state, state) {
                (before, Some(after)) if before == after => continue,
                (_, Some(MatchState::Blocked)) => Effect::Block,
                (_, Some(MatchState::BankDecides)) => Effect::Decide,
                (MatchState::Reopened, None) => continue,
                (_, Some(MatchState::Reopened) | None) => Effect::Reopen,
            };
            events.add(changes, &customer, effect, (number, uuid))?;
        }
        for (uuid, opening) in openings {
            self.put_opening(changes, register, uuid, opening)?;
            let Some((state, effect)) = opening.meaning() else {
                continue;
            };
            for customer in self.customers_of(register, &opening.debtor)? {
                if matched.contains(&(customer.clone(), uuid.clone())) {
                    continue;
                }
                let id = Desk::opening_id(register, uuid);
                let record = MatchRecord {
                    state,
                    is_closed: opening.is_closed,
                    number: opening.number,
                    at: now,
                };
                let record = self.tables.matches.encode(&record)?;
                changes.put(
                    &self.tables.matches.table,
                    Key::in_group(customer.as_bytes(), &id),
                    &record,
                );
                events.add(changes, &customer, effect, (opening.number, uuid))?;
            }
        }
        Ok(events.next)
    }

    /// Begins a register's log after a checkpoint: its openings, and what they mean for our customers, in one transaction.
    pub(super) fn begin_at(
        &self,
        changes: &mut Transaction,
        now: Timestamp,
        checkpoint: &Checkpoint,
        state: &[u8],
    ) -> Result<(Stream, u64), Refusal> {
        let register = checkpoint.register.to_string();
        let openings: Openings = checkpoint
            .openings(state)?
            .into_iter()
            .map(|opening| (opening.uuid, OpeningRecord::new(opening.number, opening.debtor)))
            .collect();
        let next_event = self.set_openings(changes, now, &register, (checkpoint.number, &openings))?;
        let before = self.stream(&register);
        let stream = Stream {
            next: checkpoint.number.saturating_add(1),
            hash: checkpoint.hash,
            registered: checkpoint.registered,
            base: checkpoint.number,
            base_hash: checkpoint.hash,
            base_registered: checkpoint.registered,
            seen: before.seen.max(checkpoint.number),
            frozen: None,
        };
        let tables = &self.tables;
        changes.put(&tables.streams.table, &register, &tables.streams.encode(&stream)?);
        let text = tables.checkpoints.encode(&checkpoint.text)?;
        changes.put(&tables.checkpoints.table, &register, &text);
        changes.put(&tables.states.table, &register, state);
        Ok((stream, next_event))
    }
}
