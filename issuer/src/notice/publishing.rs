//! Publishing: what two keys signed goes into the log, and only then out. Notices, checkpoints, statements of keys.

use credentials::notice::{At, Checkpoint, KeyStatement, Notice, Opening, Paper, Proposal};
use credentials::{Code, Problem, Timestamp};
use sha2::{Digest as _, Sha256};

use super::Published;
use super::tables::{CHECKPOINT, DRAFT, OpeningRecord};
use crate::{Error, Issuer};

impl Issuer {
    /// Publishes what two keys signed: durable first, then ready for gossip. Publishing the same again changes nothing.
    ///
    /// Errors: as [`Issuer::notice_draft`]; what [`Notice::open`] says; `notice_conflict` (the number is used, or the hash of the one
    /// before is another than ours), `notice_gap` (numbers before it are missing here), `draft_open` (another draft is open).
    pub fn notice_publish(&mut self, now: Timestamp, text: &str) -> Result<Published, Error> {
        let trust = self.publisher(now)?;
        let paper = Paper::parse(text)?;
        if *paper.register() != self.settings.did {
            return Err(Code::WrongRecipient.into());
        }
        match paper {
            Paper::Notice(proposal) => {
                let notice = Notice::open(text, &trust, now)?;
                self.publish_notice(now, &notice)?;
                Ok(Published::Notice(proposal.number()))
            }
            Paper::Checkpoint(_) => self.publish_checkpoint(&Checkpoint::open(text, &trust, now)?),
            Paper::Key(_) => {
                let statement = KeyStatement::open(text, &trust, now)?;
                self.publish_key(&statement)?;
                Ok(Published::Key(statement.name))
            }
        }
    }

    fn publish_notice(&mut self, now: Timestamp, notice: &Notice) -> Result<(), Error> {
        let proposal = notice.proposal();
        if self.is_published(proposal)? {
            return Ok(());
        }
        let content = proposal.content().map_err(Clone::clone)?;
        self.follows(proposal)?;
        self.notices.check_about(content)?;
        if let Some(draft) = self.notices.tables.state.read::<String>(DRAFT)?
            && Proposal::parse(&draft)?.hash() != proposal.hash()
        {
            return Err(Code::DraftOpen.into());
        }
        let mut changes = self.store.transaction();
        let newest = self.notices.append(&mut changes, notice)?;
        changes.delete(&self.notices.tables.state.table, DRAFT);
        self.put_alive(&mut changes, now)?;
        changes.commit()?;
        self.notices.newest = newest;
        let digest = notice.digest()?;
        self.notices.push(&digest);
        Ok(())
    }

    /// Whether this very notice stands in the log; another one of its number is a conflict.
    pub(super) fn is_published(&self, proposal: &Proposal) -> Result<bool, Error> {
        match self.notices.record(proposal.number())? {
            None => Ok(false),
            Some(record) if record.hash == *proposal.hash() => Ok(true),
            Some(_) => Err(Problem::new(Code::NoticeConflict, "sekvens").into()),
        }
    }

    /// Whether a notice is the next one.
    pub(super) fn follows(&self, proposal: &Proposal) -> Result<(), Error> {
        let newest = &self.notices.newest;
        if proposal.number() != newest.number.saturating_add(1) {
            return Err(Problem::new(Code::NoticeGap, "sekvens").into());
        }
        if *proposal.previous() != newest.hash {
            return Err(Problem::new(Code::NoticeConflict, "forrigeSekvensHash").into());
        }
        if proposal.registered() < newest.registered {
            return Err(Problem::new(Code::NoticeInvalid, "registreringstidspunkt").into());
        }
        Ok(())
    }

    /// Writes a checkpoint at the newest notice, to be signed and published like one.
    ///
    /// Errors: as [`Issuer::notice_draft`]; `not_found` when nothing was published; `too_large`.
    pub fn notice_checkpoint(&mut self, now: Timestamp) -> Result<String, Error> {
        self.publisher(now)?;
        let newest = &self.notices.newest;
        if newest.number == 0 {
            return Err(Code::NotFound.into());
        }
        let mut openings = Vec::new();
        for (uuid, record) in self.notices.tables.openings.all::<OpeningRecord>()? {
            let unreadable = |_| Error::Unreadable {
                table: "issuer.notice-openings",
            };
            if record.stands && !record.is_closed {
                openings.push(Opening {
                    uuid: String::from_utf8(uuid).map_err(unreadable)?,
                    number: record.number,
                    debtor: record.debtor,
                });
            }
        }
        openings.sort_unstable_by_key(|opening| opening.number);
        let state = Checkpoint::state(&openings)?;
        let hash: [u8; 32] = Sha256::digest(&state).into();
        let at = At {
            register: &self.settings.did,
            number: newest.number,
            hash: &newest.hash,
            registered: newest.registered,
        };
        let text = Checkpoint::write(&at, &state, now);
        let mut changes = self.store.transaction();
        changes.put(&self.notices.tables.lists.table, &hash, &state);
        changes.commit()?;
        Ok(text)
    }

    fn publish_checkpoint(&mut self, checkpoint: &Checkpoint) -> Result<Published, Error> {
        let tables = &self.notices.tables;
        let record = self.notices.record(checkpoint.number)?;
        if record.is_none_or(|record| record.hash != checkpoint.hash) {
            return Err(Problem::new(Code::NoticeConflict, "sekvens").into());
        }
        if !tables.lists.table.contains(&checkpoint.state_hash)? {
            return Err(Code::NotFound.into());
        }
        let before = self.published_checkpoint()?;
        if before.as_ref().is_some_and(|before| before.number > checkpoint.number) {
            return Err(Code::Stale.into());
        }
        // Whoever is in the middle of fetching keeps the list of the one before; others are dropped.
        let keep = [Some(checkpoint.state_hash), before.map(|before| before.state_hash)];
        let mut changes = self.store.transaction();
        for id in self.notices.list_ids()? {
            if !keep.iter().flatten().any(|kept| kept.as_slice() == id) {
                changes.delete(&tables.lists.table, &id);
            }
        }
        changes.put(&tables.state.table, CHECKPOINT, &tables.state.encode(&checkpoint.text)?);
        changes.commit()?;
        Ok(Published::Checkpoint(checkpoint.number))
    }

    pub(super) fn published_checkpoint(&self) -> Result<Option<Checkpoint>, Error> {
        let text: Option<String> = self.notices.tables.state.read(CHECKPOINT)?;
        Ok(text.map(|text| Checkpoint::parse(&text)).transpose()?)
    }
}
