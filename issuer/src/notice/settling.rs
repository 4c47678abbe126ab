//! After a restore: which number was published last is learnt from others before any number is given again.
//!
//! The backup may be older than the last notices. A number given twice would stop every receiver, so nothing is drafted, signed,
//! published or evaluated in a new epoch until two organisations (or all that are registered, where there are fewer) have
//! shown the newest notice they hold. What they hold and we do not is fetched and put into the log: both our keys signed it.

use credentials::notice::{Notice, SERVICE};
use credentials::{Code, Did, Problem, Timestamp};

use super::tables::{DRAFT, SETTLED};
use crate::{Error, Issuer};

/// Organisations that must have answered.
const WITNESSES: usize = 2;

/// What an organisation says is the newest notice that it holds.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Who says so, proved by its `hello`.
    pub organisation: Did,
    /// The signed notice; none when it holds none.
    pub newest: Option<String>,
}

/// How far settling is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settling {
    /// Numbers may be given.
    Done,
    /// So many organisations have yet to answer.
    Ask(usize),
    /// These notices are missing here: pull the range from who showed the newest, give it to [`Issuer::notice_recover`], and settle
    /// again.
    Fetch {
        /// First number.
        from: u64,
        /// Last number.
        to: u64,
        /// Who holds it.
        of: Vec<Did>,
    },
}

impl Issuer {
    /// Whether the newest number still has to be learnt from others.
    pub fn is_notice_settled(&self) -> bool {
        self.notices.is_settled
    }

    /// Takes what organisations say is newest. An answer that does not verify, of ourselves, or of who is not registered for S11, does
    /// not count.
    ///
    /// Errors: `trust_missing`, `trust_stale`, `type_not_allowed`; `notice_conflict` when one holds another notice than we under a
    /// number: then somebody has used a number twice already.
    pub fn notice_settle(&mut self, now: Timestamp, seen: &[Seen]) -> Result<Settling, Error> {
        let trust = self.register(now)?;
        if self.notices.is_settled {
            return Ok(Settling::Done);
        }
        let us = &self.settings.did;
        let is_witness = |did: &Did| {
            let listed = trust.organisation(did);
            did != us && listed.is_some_and(|listed| listed.service(SERVICE).is_some())
        };
        let mut witnesses: Vec<&Did> = Vec::new();
        let mut newest: Option<Notice> = None;
        let mut holders: Vec<Did> = Vec::new();
        for answer in seen {
            if !is_witness(&answer.organisation) || witnesses.contains(&&answer.organisation) {
                continue;
            }
            if let Some(text) = &answer.newest {
                let Ok(notice) = Notice::open(text, &trust, now) else {
                    continue;
                };
                let proposal = notice.proposal();
                if proposal.register() != us {
                    continue;
                }
                if proposal.number() <= self.notices.newest.number {
                    self.is_published(proposal)?;
                }
                let number = newest.as_ref().map_or(0, |newest| newest.proposal().number());
                if proposal.number() > number {
                    holders.clear();
                }
                if proposal.number() >= number {
                    holders.push(answer.organisation.clone());
                    newest = Some(notice);
                }
            }
            witnesses.push(&answer.organisation);
        }
        let listed = trust.document().organisations.iter();
        let needed = WITNESSES.min(listed.filter(|listed| is_witness(&listed.did)).count());
        if witnesses.len() < needed {
            return Ok(Settling::Ask(needed.saturating_sub(witnesses.len())));
        }
        let to = newest.map_or(0, |newest| newest.proposal().number());
        if to > self.notices.newest.number {
            return Ok(Settling::Fetch {
                from: self.notices.newest.number.saturating_add(1),
                to,
                of: holders,
            });
        }
        let state = &self.notices.tables.state;
        let mut changes = self.store.transaction();
        changes.put(&state.table, SETTLED, &state.encode(&self.store.epoch())?);
        // Its number may have been used since.
        changes.delete(&state.table, DRAFT);
        changes.commit()?;
        self.notices.is_settled = true;
        Ok(Settling::Done)
    }

    /// Puts notices that others hold, in order, into the log of a restored home. Returns the newest number.
    ///
    /// Errors: what [`Notice::open`] says, `notice_gap`, `notice_conflict`; what came before the faulty one stays.
    pub fn notice_recover(&mut self, now: Timestamp, texts: &[String]) -> Result<u64, Error> {
        let trust = self.register(now)?;
        if self.notices.is_settled {
            return Err(Problem::new(Code::UnexpectedMessage, "settled").into());
        }
        for text in texts {
            let notice = Notice::open(text, &trust, now)?;
            if *notice.proposal().register() != self.settings.did {
                return Err(Code::WrongRecipient.into());
            }
            if self.is_published(notice.proposal())? {
                continue;
            }
            self.follows(notice.proposal())?;
            let mut changes = self.store.transaction();
            let newest = self.notices.append(&mut changes, &notice)?;
            changes.commit()?;
            self.notices.newest = newest;
        }
        Ok(self.notices.newest.number)
    }
}
