//! What has happened, numbered, for systems that hear of it by events: names and states, never a claim or a customer.
//!
//! An event is written in the transaction that brings it about, so that none is told that did not happen and none that happened is
//! lost. `verifier.events` holds the newest [`EVENTS_MAX`] of the last [`EVENT_SECONDS`]; who has missed older ones is told that
//! there is a gap, and reads the sessions and grants anew.

use crate::grant::GrantRow;
use crate::session::{Session, State};
use crate::{Error, GrantState, Verifier, tables};
use credentials::verify::Verdict;
use credentials::{Code, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use store::{Store, Table, Transaction};

/// Most events that are kept: a busy day of a bank, so that a system that was off overnight misses nothing. Some 300 bytes each, in
/// memory too.
pub const EVENTS_MAX: usize = 10_000;
/// How long an event is kept, in seconds: ten times as long as a webhook is tried.
pub const EVENT_SECONDS: i64 = 30 * credentials::time::DAY;
/// Rows that one tick takes away.
const FORGET_MAX: usize = 1_000;

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum What {
    /// A wallet fetched the request.
    #[serde(rename = "session.fetched")]
    SessionFetched,
    /// An answer was checked; there is a verdict.
    #[serde(rename = "session.completed")]
    SessionCompleted,
    /// The request ran out or was called off.
    #[serde(rename = "session.expired")]
    SessionExpired,
    /// The holder declined, or had nothing that fits.
    #[serde(rename = "session.failed")]
    SessionFailed,
    /// A standing grant was given.
    #[serde(rename = "grant.given")]
    GrantGiven,
    /// Its holder took it back.
    #[serde(rename = "grant.withdrawn")]
    GrantWithdrawn,
    /// Its time ran out.
    #[serde(rename = "grant.expired")]
    GrantExpired,
    /// It was used: claims came.
    #[serde(rename = "grant.refreshed")]
    GrantRefreshed,
    /// Claims of a session or a grant were erased.
    #[serde(rename = "erased")]
    Erased,
}

impl What {
    /// Every kind, in its order.
    pub const ALL: [What; 9] = [
        What::SessionFetched,
        What::SessionCompleted,
        What::SessionExpired,
        What::SessionFailed,
        What::GrantGiven,
        What::GrantWithdrawn,
        What::GrantExpired,
        What::GrantRefreshed,
        What::Erased,
    ];

    /// The stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            What::SessionFetched => "session.fetched",
            What::SessionCompleted => "session.completed",
            What::SessionExpired => "session.expired",
            What::SessionFailed => "session.failed",
            What::GrantGiven => "grant.given",
            What::GrantWithdrawn => "grant.withdrawn",
            What::GrantExpired => "grant.expired",
            What::GrantRefreshed => "grant.refreshed",
            What::Erased => "erased",
        }
    }

    /// The kind of this name.
    pub fn parse(text: &str) -> Option<What> {
        What::ALL.into_iter().find(|what| what.as_str() == text)
    }
}

/// Which event: the epoch of the store in which it was written, and its number. After a restore numbers may come again, in another epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Place {
    /// Epoch.
    pub epoch: u32,
    /// Number; the first is 1.
    pub number: u64,
}

impl Place {
    /// Reads `<epoch>-<number>`.
    pub fn parse(text: &str) -> Option<Place> {
        let (epoch, number) = text.split_once('-')?;
        let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if !is_number(epoch) || !is_number(number) {
            return None;
        }
        Some(Place {
            epoch: epoch.parse().ok()?,
            number: number.parse().ok()?,
        })
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{}", self.epoch, self.number)
    }
}

/// One event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct News {
    /// Which.
    pub place: Place,
    /// When.
    pub at: Timestamp,
    /// What.
    #[serde(flatten)]
    pub happened: Happened,
}

/// What happened, before it has a number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Happened {
    /// What.
    pub what: What,
    /// Which session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// Which grant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant: Option<String>,
    /// The verdict of a session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Verdict>,
    /// Its reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<Code>,
}

/// Some events.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NewsPage {
    /// Whether events between the place that was named and the first of these are not kept any more, or that place is none of ours.
    pub is_gap: bool,
    /// The events, in their order.
    pub news: Vec<News>,
    /// Where to go on after: the last that was looked at, whether it is among these or not.
    pub last: Place,
}

/// What came of a step to a session.
pub(crate) fn of_session(before: &Session, after: Option<&Session>) -> Vec<Happened> {
    let Some(after) = after else { return Vec::new() };
    let told = |what| Happened {
        what,
        session: Some(after.id.clone()),
        grant: None,
        verdict: after.verdict,
        code: after.code,
    };
    let mut all = Vec::new();
    if before.state != after.state {
        all.extend(match after.state {
            State::Active => None,
            State::Fetched => Some(told(What::SessionFetched)),
            State::Completed => Some(told(What::SessionCompleted)),
            State::Expired => Some(told(What::SessionExpired)),
            State::Failed => Some(told(What::SessionFailed)),
        });
    }
    if before.erased_at.is_none() && after.erased_at.is_some() {
        all.push(told(What::Erased));
    }
    all
}

/// What came of a step to a grant; without a row from before it was given.
pub(crate) fn of_grant(before: Option<&GrantRow>, after: &GrantRow) -> Vec<Happened> {
    let told = |what| Happened {
        what,
        session: Some(after.session.clone()),
        grant: Some(after.name.clone()),
        verdict: None,
        code: None,
    };
    let Some(before) = before else {
        return vec![told(What::GrantGiven)];
    };
    let mut all = Vec::new();
    if before.uses < after.uses {
        all.push(told(What::GrantRefreshed));
    }
    if before.ended.is_none() && after.ended.is_some() {
        all.push(told(match after.state {
            GrantState::Withdrawn => What::GrantWithdrawn,
            GrantState::Active | GrantState::Expired => What::GrantExpired,
        }));
    }
    let is_there = |number: u32| after.held.iter().any(|held| held.number == number);
    if before.held.iter().any(|held| !is_there(held.number)) {
        all.push(told(What::Erased));
    }
    all
}

/// The events in memory, and their table.
pub(crate) struct Outbox {
    table: Table,
    epoch: u32,
    /// The newest stays, however old it is: its number is that after which the next one comes.
    kept: VecDeque<News>,
}

impl Outbox {
    pub(crate) fn open(store: &Store) -> Result<Outbox, Error> {
        let table = store.table("verifier.events");
        let mut kept = Vec::new();
        let mut is_whole = true;
        table.scan(&mut |_, _, row| {
            match serde_json::from_slice::<News>(row) {
                Ok(news) => kept.push(news),
                Err(_) => is_whole = false,
            }
            is_whole
        })?;
        if !is_whole {
            return Err(unreadable());
        }
        kept.sort_unstable_by_key(|news| news.place.number);
        Ok(Outbox {
            table,
            epoch: store.epoch(),
            kept: kept.into(),
        })
    }

    fn next(&self) -> u64 {
        self.kept.back().map_or(1, |news| news.place.number.saturating_add(1))
    }

    /// Writes events with what brings them about; [`Outbox::told`] takes them when that is durable.
    pub(crate) fn write(
        &self,
        tx: &mut Transaction,
        at: Timestamp,
        happened: impl IntoIterator<Item = Happened>,
    ) -> Result<Vec<News>, Error> {
        let mut all = Vec::new();
        for (number, happened) in (self.next()..).zip(happened) {
            let place = Place {
                epoch: self.epoch,
                number,
            };
            let news = News { place, at, happened };
            let row = serde_json::to_vec(&news).map_err(|_| unreadable())?;
            tx.put(&self.table, &number.to_be_bytes(), &row);
            all.push(news);
        }
        let over = self.kept.len().saturating_add(all.len()).saturating_sub(EVENTS_MAX);
        for old in self.kept.iter().take(over) {
            tx.delete(&self.table, &old.place.number.to_be_bytes());
        }
        Ok(all)
    }

    /// The events that were written are durable.
    pub(crate) fn told(&mut self, news: Vec<News>) {
        self.kept.extend(news);
        let over = self.kept.len().saturating_sub(EVENTS_MAX);
        self.kept.drain(..over);
    }

    /// Those that are too old, without the newest.
    fn due(&self, now: Timestamp) -> usize {
        let most = self.kept.len().saturating_sub(1).min(FORGET_MAX);
        let is_old = |news: &&News| now.since(news.at) > EVENT_SECONDS;
        self.kept.iter().take(most).take_while(is_old).count()
    }

    fn page(&self, after: Option<Place>, most: usize, is_wanted: &dyn Fn(&News) -> bool) -> NewsPage {
        let first = self.kept.front().map_or(1, |news| news.place.number);
        let (from, is_gap) = match after {
            // From the beginning: what is not kept any more is missing.
            None | Some(Place { number: 0, .. }) => (first, first > 1),
            Some(place) => match self.at(place.number) {
                Some(known) if known.place == place => (place.number.saturating_add(1), false),
                _ => (first, true),
            },
        };
        let begin = self.kept.partition_point(|news| news.place.number < from);
        let mut last = Place {
            epoch: self.epoch,
            number: from.saturating_sub(1),
        };
        if let (Some(place), false) = (after, is_gap) {
            last = place;
        }
        let mut news = Vec::new();
        for one in self.kept.iter().skip(begin) {
            if news.len() >= most {
                break;
            }
            last = one.place;
            if is_wanted(one) {
                news.push(one.clone());
            }
        }
        NewsPage { is_gap, news, last }
    }

    fn at(&self, number: u64) -> Option<&News> {
        let index = self.kept.partition_point(|news| news.place.number < number);
        self.kept.get(index)
    }
}

impl Verifier {
    /// Events after a place, at most so many of those that are wanted; without a place from the oldest that is kept.
    pub fn news(&self, after: Option<Place>, most: usize, is_wanted: &dyn Fn(&News) -> bool) -> NewsPage {
        self.outbox.page(after, most, is_wanted)
    }

    /// The newest event; none before the first.
    pub fn newest_news(&self) -> Option<Place> {
        self.outbox.kept.back().map(|news| news.place)
    }

    /// Takes away events that are too old.
    pub(crate) fn forget_news(&mut self, now: Timestamp) -> Result<(), Error> {
        let due = self.outbox.due(now);
        if due == 0 {
            return Ok(());
        }
        let mut tx = self.tables.begin();
        for old in self.outbox.kept.iter().take(due) {
            tx.delete(&self.outbox.table, &old.place.number.to_be_bytes());
        }
        tables::commit(tx)?;
        self.outbox.kept.drain(..due);
        Ok(())
    }
}

fn unreadable() -> Error {
    Error::Row {
        table: "verifier.events",
    }
}
