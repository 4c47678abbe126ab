//! What an operator and the bank's own systems see of notices.

use super::tables::{MatchRecord, Tables};
use super::{Desk, Event, MatchState};
use crate::{Error, Verifier};
use credentials::notice::{Proposal, Summary};
use credentials::{Problem, Timestamp};
use serde::Serialize;

/// Most events given out at a time.
const EVENTS_MAX: usize = 1_000;

/// A register's stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StreamView {
    /// The register's DID.
    pub register: String,
    /// The number that acts next.
    pub next: u64,
    /// The highest number that two keys vouched for.
    pub seen: u64,
    /// Numbers, first and last, that are missing (`notice_gap`).
    pub missing: Option<(u64, u64)>,
    /// Number of the checkpoint that the log begins after; 0 for the whole log.
    pub base: u64,
    /// Why nothing acts (`notice_conflict`).
    pub frozen: Option<FrozenView>,
}

/// Two notices that cannot both stand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FrozenView {
    /// Where they part.
    pub number: u64,
    /// Hash of ours.
    pub ours: String,
    /// Hash of the other.
    pub theirs: String,
    /// Since when.
    pub at: Timestamp,
}

/// A notice of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NoticeView {
    /// What it says.
    #[serde(flatten)]
    pub notice: Summary,
    /// When it acted here.
    pub at: Timestamp,
    /// Why it acts on nothing.
    pub note: Option<Problem>,
}

/// A customer of ours whom a notice is about.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct MatchView {
    /// The customer's number.
    pub customer: String,
    /// The register's DID.
    pub register: String,
    /// The opening.
    pub opening: String,
    /// Where the customer stands by it.
    pub state: MatchState,
    /// The estate is closed.
    pub is_closed: bool,
    /// Number of the notice that set it.
    pub number: u64,
    /// Since when.
    pub at: Timestamp,
}

impl std::fmt::Debug for MatchView {
    /// Without the customer.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "MatchView({:?} {} {})", self.state, self.register, self.number)
    }
}

impl Verifier {
    /// Every register's stream.
    pub fn notice_streams(&self) -> Vec<StreamView> {
        let streams = self.notices.streams.iter();
        streams
            .map(|(register, stream)| StreamView {
                register: register.clone(),
                next: stream.next,
                seen: stream.seen,
                missing: self.notices_missing(register),
                base: stream.base,
                frozen: stream.frozen.as_ref().map(|frozen| FrozenView {
                    number: frozen.number,
                    ours: credentials::notice::hash_name(&frozen.ours),
                    theirs: credentials::notice::hash_name(&frozen.theirs),
                    at: frozen.at,
                }),
            })
            .collect()
    }

    /// Notices of a register that took their place, from number `from` on.
    pub fn notices(&self, register: &str, from: u64, count: usize) -> Result<Vec<NoticeView>, Error> {
        let stream = self.notices.stream(register);
        let first = from.max(stream.base.saturating_add(1));
        let mut views = Vec::new();
        for number in (first..stream.next).take(count) {
            let Some(record) = self.notices.record(register, number)? else {
                break;
            };
            let proposal = Proposal::parse(&record.text).map_err(|_| self.notices.tables.log.unreadable())?;
            views.push(NoticeView {
                notice: Summary::from(&proposal),
                at: record.at,
                note: record.note,
            });
        }
        Ok(views)
    }

    /// Signed texts that contradict each other, of a register: what an operator shows the register, and a court.
    pub fn notice_evidence(&self, register: &str) -> Result<Vec<String>, Error> {
        let evidence = &self.notices.tables.evidence;
        let rows = evidence.table.group(register.as_bytes())?.into_iter();
        rows.map(|(_, bytes)| evidence.decode(&bytes)).collect()
    }

    /// Customers whom notices are about, sorted by number.
    pub fn notice_matches(&self) -> Result<Vec<MatchView>, Error> {
        let matches = &self.notices.tables.matches;
        let mut views = Vec::new();
        for (customer, id, record) in matches.all::<MatchRecord>()? {
            let text = std::str::from_utf8(&id).ok().and_then(|id| id.split_once('\0'));
            let (register, opening) = text.ok_or_else(|| matches.unreadable())?;
            views.push(MatchView {
                customer: String::from_utf8(customer).map_err(|_| matches.unreadable())?,
                register: register.to_owned(),
                opening: opening.to_owned(),
                state: record.state,
                is_closed: record.is_closed,
                number: record.number,
                at: record.at,
            });
        }
        views.sort_by(|one, two| (&one.customer, &one.opening).cmp(&(&two.customer, &two.opening)));
        Ok(views)
    }

    /// What the bank has to do, in order, after the event with this id; at most 1,000 at a time. An event is given out until
    /// [`Verifier::notice_events_done`] says that it was dealt with.
    pub fn notice_events(&self, after: u64) -> Result<Vec<Event>, Error> {
        let mut events = Vec::new();
        let next = self.notices.next_event;
        for id in (after.saturating_add(1)..next).take(EVENTS_MAX.saturating_mul(4)) {
            if let Some(event) = self.notices.event(id)? {
                events.push(event);
            }
            if events.len() >= EVENTS_MAX {
                break;
            }
        }
        Ok(events)
    }

    /// Forgets events up to this id: the bank's system has dealt with them, durably. Their ids are not used again.
    pub fn notice_events_done(&mut self, upto: u64) -> Result<(), Error> {
        let Tables { events, .. } = &self.notices.tables;
        let mut changes = self.tables.begin();
        events.table.scan(&mut |_, id, _| {
            let id: Result<[u8; 8], _> = id.try_into();
            if let Ok(id) = id
                && u64::from_be_bytes(id) <= upto
            {
                changes.delete(&events.table, &id);
            }
            true
        })?;
        changes.commit()?;
        Ok(())
    }
}

impl Desk {
    fn event(&self, id: u64) -> Result<Option<Event>, Error> {
        self.tables.events.read(&id.to_be_bytes())
    }
}
