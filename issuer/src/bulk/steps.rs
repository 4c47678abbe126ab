//! A bulk change under way: agreed to, done chunk by chunk, told of at its end.

use credentials::status::State;
use credentials::{Code, Problem, Timestamp};
use store::Key;

use super::{Bulk, BulkStage, shown};
use crate::staged::{Due, Staged};
use crate::tables::{BulkRecord, Credential, CredentialId, Position};
use crate::{Error, Issuer};

/// Entries of lists that one transaction tells of: some 10 MiB of the store's 32 MiB.
const TOLD_TOGETHER: usize = 50_000;

/// What cannot follow where a bulk change is.
fn out_of_turn(stage: BulkStage) -> Error {
    match stage {
        BulkStage::Expired => Problem::new(Code::Expired, "bulk").into(),
        _ => Problem::new(Code::StateFinal, "bulk").into(),
    }
}

impl Issuer {
    /// Whether this person may agree to it now.
    ///
    /// Errors: `not_found`; `second_person_missing` for who proposed it; `expired` (`bulk`), `state_final` (`bulk`) when it does not wait.
    pub fn bulk_approvable(&self, now: Timestamp, name: &str, by: &str) -> Result<Bulk, Error> {
        let record = self.bulk_record(name)?;
        if record.stage != BulkStage::Proposed {
            return Err(out_of_turn(record.stage));
        }
        let ends = record.proposed.unwrap_or(record.started).plus(super::PROPOSAL_SECONDS);
        if now >= ends {
            return Err(out_of_turn(BulkStage::Expired));
        }
        if by.is_empty() || record.proposed_by == by {
            return Err(Problem::new(Code::SecondPersonMissing, "bulk").into());
        }
        Ok(shown(name, record))
    }

    /// The second person's yes: from now on [`Issuer::bulk_step`] does it. Errors: as [`Issuer::bulk_approvable`].
    pub fn bulk_approve(&mut self, now: Timestamp, name: &str, by: &str) -> Result<Bulk, Error> {
        self.bulk_approvable(now, name, by)?;
        let mut record = self.bulk_record(name)?;
        let ends = record.proposed.unwrap_or(record.started).plus(super::PROPOSAL_SECONDS);
        record.approved_by = Some(by.to_owned());
        record.stage = BulkStage::Running;
        let mut staged = self.stage();
        staged.done.push((ends, Due::Bulk(name.to_owned())));
        self.put_bulk(&mut staged, name, &record)?;
        self.commit(staged)?;
        Ok(shown(name, record))
    }

    /// Whether it can be called off: while it is looked at, waits, runs or is stopped. Errors: `not_found`, `state_final`, `expired`.
    pub fn bulk_cancellable(&self, name: &str) -> Result<Bulk, Error> {
        let record = self.bulk_record(name)?;
        match record.stage.is_open() {
            true => Ok(shown(name, record)),
            false => Err(out_of_turn(record.stage)),
        }
    }

    /// Calls it off. What was done stays done, and the lists tell of it. Errors: as [`Issuer::bulk_cancellable`].
    pub fn bulk_cancel(&mut self, now: Timestamp, name: &str) -> Result<Bulk, Error> {
        self.bulk_cancellable(name)?;
        self.bulks.remove(name);
        self.end_bulk(now, name, BulkStage::Cancelled)
    }

    /// Stops one that runs. The lists tell of what was done so far: nobody can say how long it will stand. Errors: `not_found`,
    /// `state_final`.
    pub fn bulk_pause(&mut self, _now: Timestamp, name: &str) -> Result<Bulk, Error> {
        let record = self.bulk_record(name)?;
        match record.stage {
            BulkStage::Paused => return Ok(shown(name, record)),
            BulkStage::Running => {}
            other => return Err(out_of_turn(other)),
        }
        let mut record = self.tell(name, record)?;
        record.stage = BulkStage::Paused;
        self.keep(name, record)
    }

    /// Goes on with one that was stopped. Errors: `not_found`, `state_final`.
    pub fn bulk_resume(&mut self, _now: Timestamp, name: &str) -> Result<Bulk, Error> {
        let mut record = self.bulk_record(name)?;
        match record.stage {
            BulkStage::Running => return Ok(shown(name, record)),
            BulkStage::Paused => {}
            other => return Err(out_of_turn(other)),
        }
        record.stage = BulkStage::Running;
        self.keep(name, record)
    }

    /// The next chunk of one that runs; when none is left, the lists tell of all and it is finished. One that does not run is shown as it
    /// is.
    pub fn bulk_step(&mut self, now: Timestamp, name: &str) -> Result<Bulk, Error> {
        let mut record = self.bulk_record(name)?;
        if record.stage != BulkStage::Running {
            return Ok(shown(name, record));
        }
        if record.done >= record.chunks {
            return self.end_bulk(now, name, BulkStage::Finished);
        }
        let mut staged = self.stage();
        let mut entries = Vec::new();
        for (id, mut credential) in self.chunk(name, record.done)? {
            if !self.would_change(&credential, record.state) {
                if credential.state != record.state {
                    record.passed_over = record.passed_over.saturating_add(1);
                }
                continue;
            }
            credential.reason = Some(record.reason.clone()).filter(|reason| !reason.is_empty());
            entries.extend(credential.positions.iter().map(|position| (*position, record.state)));
            // One time for all chunks: of a change each holder hears once.
            staged.tell_state(record.started, &credential.holder, &credential.vct, record.state);
            staged.mark(&self.tables, &id, &mut credential, record.state)?;
            record.changed.count(&credential);
        }
        record.done = record.done.saturating_add(1);
        self.put_bulk(&mut staged, name, &record)?;
        self.commit(staged)?;
        // The issuer itself goes by it at once. What a crash takes of this the end of the change brings again.
        self.lists.queue(&entries);
        Ok(shown(name, record))
    }

    /// Bulk changes that run.
    pub fn running_bulks(&self) -> Result<Vec<String>, Error> {
        let all = self.tables.bulks.all::<BulkRecord>()?.into_iter();
        let running = all.filter(|(_, record)| record.stage == BulkStage::Running);
        Ok(running.filter_map(|(id, _)| String::from_utf8(id).ok()).collect())
    }

    fn chunk(&self, name: &str, number: u32) -> Result<Vec<(CredentialId, Credential)>, Error> {
        let number = number.to_be_bytes();
        let key = Key::in_group(name.as_bytes(), &number);
        let unreadable = Error::Unreadable {
            table: "issuer.bulk-chunks",
        };
        let Some(ids) = self.tables.bulk_chunks.table.get(key)? else {
            return Err(unreadable);
        };
        let (ids, rest) = ids.as_chunks::<16>();
        if !rest.is_empty() {
            return Err(unreadable);
        }
        ids.iter().map(|id| self.credential(id)).collect()
    }

    /// Has the lists tell of every chunk that is done, part by part, each part with how far it came.
    fn tell(&mut self, name: &str, mut record: BulkRecord) -> Result<BulkRecord, Error> {
        let mut entries: Vec<(Position, State)> = Vec::new();
        while record.told < record.done {
            for (_, credential) in self.chunk(name, record.told)? {
                // What became of it since, by somebody's hand, was told of then.
                if credential.state == record.state {
                    let untold = credential.positions.iter();
                    let untold = untold.filter(|position| self.lists.published(**position) != Some(record.state));
                    entries.extend(untold.map(|position| (*position, record.state)));
                }
            }
            record.told = record.told.saturating_add(1);
            if entries.len() >= TOLD_TOGETHER || record.told >= record.done {
                let mut staged = self.stage();
                staged.states = std::mem::take(&mut entries);
                self.put_bulk(&mut staged, name, &record)?;
                self.commit(staged)?;
            }
        }
        Ok(record)
    }

    fn keep(&mut self, name: &str, record: BulkRecord) -> Result<Bulk, Error> {
        let mut staged = self.stage();
        self.put_bulk(&mut staged, name, &record)?;
        self.commit(staged)?;
        Ok(shown(name, record))
    }

    /// Ends one: the lists tell of what was done, and the names of what it meant are dropped.
    pub(crate) fn end_bulk(&mut self, now: Timestamp, name: &str, stage: BulkStage) -> Result<Bulk, Error> {
        let record = self.bulk_record(name)?;
        let mut record = self.tell(name, record)?;
        let mut staged = self.stage();
        self.drop_chunks(&mut staged, name, &record);
        record.stage = stage;
        record.ended = Some(now);
        self.put_bulk(&mut staged, name, &record)?;
        self.commit(staged)?;
        Ok(shown(name, record))
    }

    fn drop_chunks(&self, staged: &mut Staged, name: &str, record: &BulkRecord) {
        for number in 0..record.chunks {
            let number = number.to_be_bytes();
            let key = Key::in_group(name.as_bytes(), &number);
            staged.transaction.delete(&self.tables.bulk_chunks.table, key);
        }
    }

    /// Ends one that nobody agreed to in its time.
    pub(crate) fn end_proposal(&mut self, now: Timestamp, staged: &mut Staged, name: &str) -> Result<(), Error> {
        let Some(mut record) = self.tables.bulks.read::<BulkRecord>(name)? else {
            return Ok(());
        };
        if matches!(record.stage, BulkStage::Checking | BulkStage::Proposed) {
            self.bulks.remove(name);
            self.drop_chunks(staged, name, &record);
            record.stage = BulkStage::Expired;
            record.ended = Some(now);
            self.put_bulk(staged, name, &record)?;
        }
        Ok(())
    }

    /// Calls off what was being looked at when the process ended, and everything that was open in another epoch of the store: another copy
    /// of this home may have gone on with it, and somebody may have undone it since. There is no clock here: it ends when it began.
    pub(crate) fn settle_bulks(&mut self) -> Result<(), Error> {
        let epoch = self.store.epoch();
        for (id, record) in self.tables.bulks.all::<BulkRecord>()? {
            let is_void = record.stage == BulkStage::Checking || record.epoch != epoch;
            if record.stage.is_open()
                && is_void
                && let Ok(name) = String::from_utf8(id)
            {
                let at = record.started;
                self.end_bulk(at, &name, BulkStage::Cancelled)?;
            }
        }
        Ok(())
    }
}
