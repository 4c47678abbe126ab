//! After a restore: which number was published last is learnt from others before any number is given again.
//!
//! The backup may be older than the last notices. A number given twice would stop every receiver, so nothing is drafted, signed,
//! published or evaluated in a new epoch until two organisations (or all that are registered, where there are fewer) have
//! shown the newest notice they hold. What they hold and we do not is fetched and put into the log: both our keys signed it.
//!
//! A key of ours may have been compromised since. What it signed could be anybody's, but a number that others hold is used: the
//! newest notice then counts when two organisations hold the same one, and what is missing before it counts when the hashes of all
//! of it lead from our last notice to that one.

use credentials::notice::{Notice, SERVICE};
use credentials::trust::Trust;
use credentials::{Code, Did, Problem, Timestamp};

use super::tables::{DRAFT, Newest, SETTLED};
use crate::{Error, Issuer};
use std::collections::BTreeMap;

/// Organisations that must have answered.
const WITNESSES: usize = 2;
/// Bytes of notices that wait to be vouched for.
const WAITING_MAX: usize = 32 * 1024 * 1024;

/// A notice that organisations show as the newest.
#[derive(Default)]
struct Shown {
    /// Both keys that signed it are sound, in one copy of it at least.
    is_sound: bool,
    holders: Vec<Did>,
}

/// Notices that a compromised key signed, on the way to the newest one that others hold.
pub(super) struct Recovering {
    to: (u64, [u8; 32]),
    waiting: Vec<Notice>,
    size: usize,
    /// The last one that waits, or the newest, vouches for all before it.
    is_vouched: bool,
}

impl Recovering {
    fn towards(number: u64, hash: [u8; 32]) -> Recovering {
        Recovering {
            to: (number, hash),
            waiting: Vec::new(),
            size: 0,
            is_vouched: false,
        }
    }

    fn is_begun(&self) -> bool {
        !self.waiting.is_empty()
    }

    fn last(&self) -> Option<u64> {
        self.waiting.last().map(|notice| notice.proposal().number())
    }

    fn holds(&self, notice: &Notice) -> bool {
        let mut held = self.waiting.iter().map(Notice::proposal);
        held.any(|held| held.hash() == notice.proposal().hash())
    }

    /// Adds the next one (`notice_gap`, `notice_conflict` when it does not follow; then all is fetched anew).
    fn add(&mut self, newest: &Newest, notice: Notice, is_sound: bool) -> Result<(), Problem> {
        let proposal = notice.proposal();
        let before = self.waiting.last().map(Notice::proposal);
        let (number, hash) = before.map_or((newest.number, newest.hash), |before| (before.number(), *before.hash()));
        let fault = if proposal.number() != number.saturating_add(1) {
            Some(Problem::new(Code::NoticeGap, "sekvens"))
        } else if *proposal.previous() != hash {
            Some(Problem::new(Code::NoticeConflict, "forrigeSekvensHash"))
        } else if proposal.number() == self.to.0 && *proposal.hash() != self.to.1 {
            Some(Problem::new(Code::NoticeConflict, "sekvens"))
        } else if self.size.saturating_add(proposal.text().len()) > WAITING_MAX {
            Some(Problem::new(Code::TooLarge, "notices"))
        } else {
            None
        };
        if let Some(fault) = fault {
            self.take();
            return Err(fault);
        }
        self.size = self.size.saturating_add(proposal.text().len());
        self.is_vouched = is_sound || proposal.number() == self.to.0;
        self.waiting.push(notice);
        Ok(())
    }

    /// Whether the last one is by sound keys, or the one that the organisations showed.
    fn is_vouched(&self) -> bool {
        self.is_vouched
    }

    fn take(&mut self) -> Vec<Notice> {
        self.size = 0;
        self.is_vouched = false;
        std::mem::take(&mut self.waiting)
    }
}

/// A notice, and whether both its keys are sound.
fn opened(text: &str, trust: &Trust, now: Timestamp) -> Result<(Notice, bool), Problem> {
    match Notice::open(text, trust, now) {
        Err(problem) if problem.code == Code::KeyCompromised => Ok((Notice::open_unsound(text, trust, now)?, false)),
        other => Ok((other?, true)),
    }
}

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
        let mut shown: BTreeMap<(u64, [u8; 32]), Shown> = BTreeMap::new();
        for answer in seen {
            if !is_witness(&answer.organisation) || witnesses.contains(&&answer.organisation) {
                continue;
            }
            if let Some(text) = &answer.newest {
                let Ok((notice, is_sound)) = opened(text, &trust, now) else {
                    continue;
                };
                let proposal = notice.proposal();
                if proposal.register() != us {
                    continue;
                }
                if is_sound && proposal.number() <= self.notices.newest.number {
                    self.is_published(proposal)?;
                }
                let place = (proposal.number(), *proposal.hash());
                let found = shown.entry(place).or_default();
                found.is_sound |= is_sound;
                found.holders.push(answer.organisation.clone());
            }
            witnesses.push(&answer.organisation);
        }
        let listed = trust.document().organisations.iter();
        let needed = WITNESSES.min(listed.filter(|listed| is_witness(&listed.did)).count());
        if witnesses.len() < needed {
            return Ok(Settling::Ask(needed.saturating_sub(witnesses.len())));
        }
        // One that a compromised key signed is not passed over, because its number may be used, and not believed of one alone.
        if let Some(((to, hash), newest)) = shown.into_iter().next_back()
            && to > self.notices.newest.number
        {
            let lacking = needed.saturating_sub(newest.holders.len());
            if !newest.is_sound && lacking > 0 {
                return Ok(Settling::Ask(lacking));
            }
            self.notices.recovering = Some(Recovering::towards(to, hash));
            return Ok(Settling::Fetch {
                from: self.notices.newest.number.saturating_add(1),
                to,
                of: newest.holders,
            });
        }
        let state = &self.notices.tables.state;
        let mut changes = self.store.transaction();
        changes.put(&state.table, SETTLED, &state.encode(&self.store.epoch())?);
        // Its number may have been used since.
        changes.delete(&state.table, DRAFT);
        self.put_lost(&mut changes, now)?;
        changes.commit()?;
        self.notices.is_settled = true;
        self.notices.recovering = None;
        Ok(Settling::Done)
    }

    /// Puts notices that others hold, in order, into the log of a restored home. Returns the last number that need not be fetched
    /// any more: those that a compromised key signed wait in memory until the hashes lead to the newest one.
    ///
    /// Errors: what [`Notice::open`] says, `notice_gap`, `notice_conflict`; what came before the faulty one stays.
    pub fn notice_recover(&mut self, now: Timestamp, texts: &[String]) -> Result<u64, Error> {
        let trust = self.register(now)?;
        if self.notices.is_settled {
            return Err(Problem::new(Code::UnexpectedMessage, "settled").into());
        }
        for text in texts {
            let (notice, is_sound) = opened(text, &trust, now)?;
            if *notice.proposal().register() != self.settings.did {
                return Err(Code::WrongRecipient.into());
            }
            let is_held = self
                .notices
                .recovering
                .as_ref()
                .is_some_and(|recovering| recovering.holds(&notice));
            if is_held || self.is_published(notice.proposal())? {
                continue;
            }
            let waiting = self
                .notices
                .recovering
                .as_mut()
                .filter(|recovering| !is_sound || recovering.is_begun());
            match waiting {
                None if !is_sound => return Err(Code::KeyCompromised.into()),
                None => {
                    self.follows(notice.proposal())?;
                    self.recover(&notice)?;
                }
                Some(waiting) => {
                    waiting.add(&self.notices.newest, notice, is_sound)?;
                    if waiting.is_vouched() {
                        for notice in waiting.take() {
                            self.follows(notice.proposal())?;
                            self.recover(&notice)?;
                        }
                    }
                }
            }
        }
        let waiting = self.notices.recovering.as_ref().and_then(Recovering::last);
        Ok(waiting.unwrap_or(self.notices.newest.number))
    }

    fn recover(&mut self, notice: &Notice) -> Result<(), Error> {
        let mut changes = self.store.transaction();
        let newest = self.notices.append(&mut changes, notice)?;
        changes.commit()?;
        self.notices.newest = newest;
        Ok(())
    }
}
