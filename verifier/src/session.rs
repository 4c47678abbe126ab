//! A session: one request to one customer, from the link to the verdict, and what becomes due when.

use crate::retention::Terms;
use credentials::grant::GrantAsked;
use credentials::query::Query;
use credentials::schema::Path;
use credentials::verify::Verdict;
use credentials::{Code, Problem, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Most sessions that may be open at once. Each holds at most 32 KiB of request, a key and a nonce, so 10,000 are some
/// 320 MiB on disk and 1 MiB in memory; a bank's branch network has fewer cases waiting within the seven days a request lives.
pub const OPEN_MAX: usize = 10_000;

/// How long the outcome of a session (verdict, checks, receipt; no claim, no customer number) stays after the session ended
/// and everything kept from it is erased, in seconds: 90 days, the time in which a customer asks what was looked at.
pub const RECORD_SECONDS: i64 = 90 * credentials::time::DAY;

/// Longest session name looked up: ours have 22 characters.
const NAME_MAX: usize = 64;

/// How far a session has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// The link is out; nobody fetched the request.
    Active,
    /// A wallet fetched the request.
    Fetched,
    /// An answer was checked; the session has a verdict, whichever it is.
    Completed,
    /// The request ran out, or was withdrawn, before an answer came.
    Expired,
    /// The holder declined, or had nothing that fits: the two look alike (`not_presented`).
    Failed,
}

impl State {
    /// Whether an answer may still come.
    pub fn is_open(self) -> bool {
        matches!(self, State::Active | State::Fetched)
    }
}

/// The row of a session. Neither the customer's number nor a claim nor a key is in it.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Session {
    /// Unguessable name.
    pub(crate) id: String,
    /// Counts up, so that sessions of one second have an order.
    pub(crate) number: u64,
    /// Epoch of the store when it was made; a restored store voids earlier ones.
    pub(crate) epoch: u32,
    pub(crate) case: String,
    pub(crate) service: String,
    pub(crate) state: State,
    pub(crate) created: Timestamp,
    pub(crate) expires: Timestamp,
    pub(crate) ended: Option<Timestamp>,
    pub(crate) verdict: Option<Verdict>,
    pub(crate) code: Option<Code>,
    pub(crate) nonce: String,
    pub(crate) request_hash: [u8; 32],
    query: Value,
    /// Retention and limits as the holder was shown them.
    pub(crate) terms: Terms,
    /// Until when claims lie in the store, if any do or did.
    pub(crate) keep_until: Option<Timestamp>,
    /// Until when claims are held in memory, if any are or were: what the process that held them took with it counts as held
    /// until the session ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) held_until: Option<Timestamp>,
    /// Which claims, by query id.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) shown: BTreeMap<String, Vec<Path>>,
    /// When they were erased.
    pub(crate) erased_at: Option<Timestamp>,
    /// When the statement of that is to be signed; none when it is, or there is nothing to state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) sign_at: Option<Timestamp>,
    /// When a standing grant was asked for: its terms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) grant: Option<GrantAsked>,
    /// Name of the row that answers the same request of a system again, when one asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) repeat: Option<[u8; 32]>,
}

/// What a new session is made of.
pub(crate) struct New<'a> {
    pub(crate) id: String,
    pub(crate) number: u64,
    pub(crate) epoch: u32,
    pub(crate) case: &'a str,
    pub(crate) service: &'a str,
    pub(crate) created: Timestamp,
    pub(crate) expires: Timestamp,
    pub(crate) nonce: String,
    pub(crate) request_hash: [u8; 32],
    pub(crate) query: &'a Query,
    pub(crate) terms: Terms,
    pub(crate) grant: Option<GrantAsked>,
    pub(crate) repeat: Option<[u8; 32]>,
}

impl Session {
    pub(crate) fn new(new: New<'_>) -> Session {
        Session {
            id: new.id,
            number: new.number,
            epoch: new.epoch,
            case: new.case.to_owned(),
            service: new.service.to_owned(),
            state: State::Active,
            created: new.created,
            expires: new.expires,
            ended: None,
            verdict: None,
            code: None,
            nonce: new.nonce,
            request_hash: new.request_hash,
            query: new.query.to_value(),
            terms: new.terms,
            keep_until: None,
            held_until: None,
            shown: BTreeMap::new(),
            erased_at: None,
            sign_at: None,
            grant: new.grant,
            repeat: new.repeat,
        }
    }

    /// What was asked.
    pub(crate) fn query(&self) -> Result<Query, Problem> {
        Query::parse(&self.query)
    }

    /// The state at `now`: a request that ran out is expired before the next tick has written so.
    pub(crate) fn state_at(&self, now: Timestamp) -> State {
        state_at(self.state, self.expires, now)
    }

    /// Ends the session.
    pub(crate) fn end(&mut self, now: Timestamp, state: State, code: Option<Code>) {
        self.state = state;
        self.ended = Some(now);
        self.code = code;
    }

    /// Notes that its claims are erased, and that this is to be signed.
    pub(crate) fn erase(&mut self, now: Timestamp) {
        let at = self.ended.map_or(now, |ended| ended.max(now));
        self.erased_at = Some(at);
        self.sign_at = Some(now);
    }

    /// Whether claims are held in memory alone, or were and it is not noted yet that they are gone.
    pub(crate) fn is_held(&self) -> bool {
        self.held_until.is_some() && self.erased_at.is_none()
    }

    /// What has to be done next by itself, and when.
    pub(crate) fn due(&self) -> (Timestamp, Due) {
        if self.state.is_open() {
            return (self.expires, Due::Expire);
        }
        if let Some(at) = self.sign_at {
            return (at, Due::Sign);
        }
        match (self.keep_until.or(self.held_until), self.erased_at) {
            (Some(until), None) => (until, Due::Erase),
            (_, erased) => {
                let ended = self.ended.unwrap_or(self.expires);
                let last = erased.map_or(ended, |at| at.max(ended));
                (last.plus(RECORD_SECONDS), Due::Remove)
            }
        }
    }
}

/// What becomes due for a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Due {
    /// The request runs out.
    Expire,
    /// Kept claims are erased.
    Erase,
    /// That they are is signed.
    Sign,
    /// The record itself goes.
    Remove,
}

/// Whether `name` can be a session's; anything else is not looked up.
pub(crate) fn is_name(name: &str) -> bool {
    (1..=NAME_MAX).contains(&name.len())
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

/// What a session is found by, in memory: some 150 bytes each, so that a year's 500,000 sessions take 75 MiB.
pub(crate) struct Brief {
    pub(crate) id: Box<str>,
    pub(crate) case: Box<str>,
    pub(crate) service: Box<str>,
    pub(crate) verdict: Option<Verdict>,
    state: State,
    expires: Timestamp,
}

impl Brief {
    fn of(session: &Session) -> Brief {
        Brief {
            id: session.id.as_str().into(),
            case: session.case.as_str().into(),
            service: session.service.as_str().into(),
            verdict: session.verdict,
            state: session.state,
            expires: session.expires,
        }
    }

    /// As [`Session::state_at`].
    pub(crate) fn state_at(&self, now: Timestamp) -> State {
        state_at(self.state, self.expires, now)
    }
}

fn state_at(state: State, expires: Timestamp, now: Timestamp) -> State {
    match state.is_open() && now >= expires {
        true => State::Expired,
        false => state,
    }
}

/// What is due when, in memory, so that a tick reads no session that is not due. Rebuilt from the rows at start.
#[derive(Default)]
pub(crate) struct Agenda {
    due: BTreeSet<(Timestamp, String)>,
    /// Sessions that are open, and when each was made.
    open: BTreeMap<String, Timestamp>,
    /// All, by number.
    briefs: BTreeMap<u64, Brief>,
    next_number: u64,
}

impl Agenda {
    pub(crate) fn add(&mut self, session: &Session) {
        self.due.insert((session.due().0, session.id.clone()));
        if session.state.is_open() {
            self.open.insert(session.id.clone(), session.created);
        }
        self.briefs.insert(session.number, Brief::of(session));
        self.next_number = self.next_number.max(session.number.saturating_add(1));
    }

    pub(crate) fn remove(&mut self, session: &Session) {
        self.due.remove(&(session.due().0, session.id.clone()));
        if session.state.is_open() {
            self.open.remove(&session.id);
        }
        self.briefs.remove(&session.number);
    }

    /// All sessions, newest first.
    pub(crate) fn newest(&self) -> impl Iterator<Item = &Brief> {
        self.briefs.values().rev()
    }

    /// At most `most` sessions with something due at `now`, the longest due first.
    pub(crate) fn due(&self, now: Timestamp, most: usize) -> Vec<String> {
        self.due
            .iter()
            .take_while(|(at, _)| *at <= now)
            .take(most)
            .map(|(_, id)| id.clone())
            .collect()
    }

    /// Sessions that are open, and when each was made.
    pub(crate) fn open(&self) -> &BTreeMap<String, Timestamp> {
        &self.open
    }

    /// Sessions made before the one of this number, newest first.
    pub(crate) fn before(&self, number: Option<u64>) -> impl Iterator<Item = (u64, &Brief)> {
        let end = number.unwrap_or(u64::MAX);
        self.briefs.range(..end).rev().map(|(number, brief)| (*number, brief))
    }

    /// The number of the next session.
    pub(crate) fn next_number(&self) -> u64 {
        self.next_number
    }
}
