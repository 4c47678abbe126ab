//! The order of a register's notices.

use super::freeze::Conflict;
use super::tables::{NoticeRecord, Stream, joined};
use super::{Desk, WAITING_MAX};
use crate::error::Refusal;
use crate::{Error, Verifier};
use credentials::notice::{Notice, Proposal};
use credentials::{Code, Problem, Timestamp};
use store::Key;

/// What came of a notice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It took its place, and so did so many in all, with what had waited for it.
    Acted(u64),
    /// It waits: these numbers, first and last, are missing before it.
    Waiting(u64, u64),
    /// We had it; nothing happened.
    Known,
    /// A key that signed it was compromised since: it waits until a later notice or a checkpoint by sound keys vouches for it.
    Unsound,
    /// The register's stream is frozen: nothing acts (`notice_conflict`). The notice can be pulled again later.
    Frozen,
}

impl Verifier {
    /// Takes a notice from whoever hands it on: durable, and with all its effects, when this returns.
    ///
    /// Errors: what [`Notice::open`] says; `trust_missing`; `notice_conflict` when this notice contradicts another one, which freezes the
    /// stream of its register, or was decided against.
    pub fn receive_notice(&mut self, now: Timestamp, text: &str) -> Result<Taken, Problem> {
        self.take_notice(now, text).map_err(|refusal| refusal.problem("notice"))
    }

    pub(super) fn take_notice(&mut self, now: Timestamp, text: &str) -> Result<Taken, Refusal> {
        let notice = self.open_notice(now, text)?;
        let proposal = notice.proposal();
        let register = proposal.register().to_string();
        let tables = &self.notices.tables;
        if tables
            .rejected
            .table
            .contains(Key::in_group(register.as_bytes(), proposal.hash()))?
        {
            return Err(Problem::new(Code::NoticeConflict, "rejected").into());
        }
        let stream = self.notices.stream(&register);
        let number = proposal.number();
        if number < stream.next {
            return self.take_earlier(now, &stream, proposal);
        }
        if stream.frozen.is_some() {
            return Ok(Taken::Frozen);
        }
        if number > stream.next {
            let taken = self.take_later(now, &stream, proposal)?;
            // It vouches for what came before it, whoever signed that.
            return match self.act_on_vouched(now, &register)? {
                0 => Ok(taken),
                acted => Ok(Taken::Acted(acted)),
            };
        }
        self.act(now, &notice)?;
        let acted = self.act_on_all_waiting(now, &register)?.saturating_add(1);
        let vouched = self.act_on_vouched(now, &register)?;
        Ok(Taken::Acted(acted.saturating_add(vouched)))
    }

    /// Acts on the numbers that wait, as far as there is no gap: how many.
    pub(super) fn act_on_all_waiting(&mut self, now: Timestamp, register: &str) -> Result<u64, Refusal> {
        let mut acted = 0_u64;
        while self.act_on_waiting(now, register)? {
            acted = acted.saturating_add(1);
        }
        Ok(acted)
    }

    pub(super) fn open_notice(&self, now: Timestamp, text: &str) -> Result<Notice, Problem> {
        let trust = self.trust.as_ref().ok_or(Code::TrustMissing)?;
        Notice::open(text, trust, now)
    }

    /// One whose number has acted: the same one again, or a conflict.
    fn take_earlier(&mut self, now: Timestamp, stream: &Stream, proposal: &Proposal) -> Result<Taken, Refusal> {
        let register = proposal.register().to_string();
        let number = proposal.number();
        let ours = match self.notices.record(&register, number)? {
            Some(record) => Some(record.hash),
            None if number == stream.base => Some(stream.base_hash),
            // Before the checkpoint that we began at: nothing is known of it but that it is past.
            None => None,
        };
        match ours {
            Some(ours) if ours != *proposal.hash() => {
                let conflict = Conflict {
                    number,
                    ours,
                    theirs: proposal,
                };
                self.freeze(now, &conflict)?;
                Err(Problem::new(Code::NoticeConflict, "sekvens").into())
            }
            _ => Ok(Taken::Known),
        }
    }

    /// One that comes after a gap.
    fn take_later(&mut self, now: Timestamp, stream: &Stream, proposal: &Proposal) -> Result<Taken, Refusal> {
        let register = proposal.register().to_string();
        let number = proposal.number();
        let id = number.to_be_bytes();
        let at = Key::in_group(register.as_bytes(), &id);
        if let Some(text) = self.notices.tables.waiting.read::<String>(at)? {
            let waiting = Proposal::parse(&text)?;
            if waiting.hash() == proposal.hash() {
                return Ok(Taken::Known);
            }
            let conflict = Conflict {
                number,
                ours: *waiting.hash(),
                theirs: proposal,
            };
            self.freeze(now, &conflict)?;
            return Err(Problem::new(Code::NoticeConflict, "sekvens").into());
        }
        let mut after = stream.clone();
        after.seen = after.seen.max(number);
        let mut changes = self.tables.begin();
        let tables = &self.notices.tables;
        let is_near = number.saturating_sub(stream.next) <= WAITING_MAX;
        if is_near {
            let text = tables.waiting.encode(&proposal.text())?;
            changes.put(&tables.waiting.table, at, &text);
        }
        changes.put(&tables.streams.table, &register, &tables.streams.encode(&after)?);
        changes.commit()?;
        self.notices.streams.insert(register.clone(), after);
        if is_near {
            self.notices.waiting.entry(register).or_default().insert(number);
        }
        Ok(Taken::Waiting(stream.next, number.saturating_sub(1)))
    }

    /// Gives the next number its place, with everything it does, in one transaction.
    pub(super) fn act(&mut self, now: Timestamp, notice: &Notice) -> Result<(), Refusal> {
        let proposal = notice.proposal();
        let register = proposal.register().to_string();
        let stream = self.notices.stream(&register);
        if *proposal.previous() != stream.hash {
            let conflict = Conflict {
                number: stream.next.saturating_sub(1),
                ours: stream.hash,
                theirs: proposal,
            };
            self.freeze(now, &conflict)?;
            return Err(Problem::new(Code::NoticeConflict, "forrigeSekvensHash").into());
        }
        let mut changes = self.tables.begin();
        let note = self.effects(&mut changes, now, &stream, proposal)?;
        let tables = &self.notices.tables;
        let number = proposal.number();
        let id = number.to_be_bytes();
        let at = Key::in_group(register.as_bytes(), &id);
        let record = NoticeRecord {
            text: proposal.text().to_owned(),
            hash: *proposal.hash(),
            at: now,
            note: note.problem,
        };
        let after = Stream {
            next: number.saturating_add(1),
            hash: *proposal.hash(),
            registered: stream.registered.max(proposal.registered()),
            seen: stream.seen.max(number),
            ..stream
        };
        changes.put(&tables.log.table, at, &tables.log.encode(&record)?);
        changes.delete(&tables.waiting.table, at);
        changes.put(&tables.streams.table, &register, &tables.streams.encode(&after)?);
        changes.commit()?;
        self.notices.next_event = note.next_event;
        self.notices.streams.insert(register.clone(), after);
        if let Some(waiting) = self.notices.waiting.get_mut(&register) {
            waiting.remove(&number);
        }
        self.changed();
        Ok(())
    }

    /// Acts on the next number if it waits. One whose keys do not count any more is dropped, and pulled again.
    fn act_on_waiting(&mut self, now: Timestamp, register: &str) -> Result<bool, Refusal> {
        let next = self.notices.stream(register).next;
        let id = next.to_be_bytes();
        let at = Key::in_group(register.as_bytes(), &id);
        let tables = &self.notices.tables;
        let Some(text) = tables.waiting.read::<String>(at)? else {
            return Ok(false);
        };
        match self.open_notice(now, &text) {
            Ok(notice) => {
                self.act(now, &notice)?;
                Ok(true)
            }
            Err(_) => {
                self.drop_waiting(register, next)?;
                Ok(false)
            }
        }
    }

    /// Forgets one that waits; it is pulled again.
    pub(super) fn drop_waiting(&mut self, register: &str, number: u64) -> Result<(), Refusal> {
        let id = number.to_be_bytes();
        let at = Key::in_group(register.as_bytes(), &id);
        let mut changes = self.tables.begin();
        changes.delete(&self.notices.tables.waiting.table, at);
        changes.commit()?;
        if let Some(waiting) = self.notices.waiting.get_mut(register) {
            waiting.remove(&number);
        }
        Ok(())
    }
}

impl Desk {
    pub(super) fn record(&self, register: &str, number: u64) -> Result<Option<NoticeRecord>, Error> {
        self.tables
            .log
            .read(Key::in_group(register.as_bytes(), &number.to_be_bytes()))
    }

    pub(super) fn opening(&self, register: &str, uuid: &str) -> Result<Option<super::tables::OpeningRecord>, Error> {
        self.tables
            .openings
            .read(Key::in_group(register.as_bytes(), uuid.as_bytes()))
    }

    /// The id of a row that belongs to an opening of a register.
    pub(super) fn opening_id(register: &str, uuid: &str) -> Vec<u8> {
        joined(&[register, uuid])
    }
}
