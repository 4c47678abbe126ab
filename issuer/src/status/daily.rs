//! Endings that can wait: durably queued, published once a day, among decoys.
//!
//! # What waits and what does not
//!
//! | ending | published |
//! |---|---|
//! | a person revokes, suspends or reinstates; a compromise | at once |
//! | a row's own content says that no credential of it may stand (a licence or guarantee withdrawn) | at once |
//! | a row was replaced by a newer one | with the day |
//! | the role ended through which a company's wallet was opened | with the day |
//! | a delivery was not acknowledged | with the day |
//!
//! What waits has happened for the issuer all the same: it issues nothing on it, delivers nothing again and does not take it as an
//! identification. An ending of a credential that somebody then revokes by hand is published at once.
//!
//! # Who learns what
//!
//! Whoever mirrors the lists, that is everybody, sees which entries are set between two looks. Published one by one, the endings of
//! one credential's copies would appear together and alone: who knows *when* a person's role ended (the company register tells
//! everybody) would find the entries of that person's copies, and two askers who each know one copy would find that both belong to
//! one person. So:
//!
//! - Endings that can wait come out together, once a day at a minute chosen by chance for each day ([`Endings::next`]), at most 48
//!   hours after they happened. Nobody learns at what hour of the day anything ended.
//! - Of each list, and of each of the two states *revoked* and *superseded*, 64·2^k entries are set each day, also when nothing ended:
//!   what is missing is filled with entries that were never given out and never will be. How much ended is known to a factor of
//!   two, and that nothing ended is not known at all.
//!
//! What remains: an asker knows of an entry it was shown that it is none of the decoys. Two askers who compare what they know see two
//! of their entries end on the same day; only the number of true endings of that day stands between them and knowing that these
//! are one person's. Urgent endings come out at once and without decoys. Lists of an earlier epoch of the store have no decoys, since
//! all their unknown entries are revoked. When a list's decoys are used up (a thousand quiet days) its numbers are the true ones.

use std::collections::BTreeSet;

use credentials::status::{ENTRIES, State};
use credentials::{Random, Timestamp, random};
use serde::Serialize;

use super::order::Order;
use super::{List, Lists};
use crate::tables::{DailyRecord, NEXT, Position};
use crate::{Error, Issuer};

/// Fewest entries of one state that are set in a list in a day.
const BUCKET: u64 = 64;
/// Seconds of a day, and its minutes.
const DAY: i64 = 86_400;
const MINUTES: u32 = 1_440;
/// Furthest that the next publication may lie ahead, in seconds; further, it was set by a wrong clock.
const AHEAD_MAX: i64 = 2 * DAY;
/// Entries that one transaction sets: some 10 MiB of the store's 32 MiB.
const TOGETHER: usize = 100_000;

/// What waits to be published.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Endings {
    /// Copies whose ending waits.
    pub waiting: u64,
    /// When they are published; none before the issuer's first tick.
    pub next: Option<Timestamp>,
    /// Fewest decoys that are left in a list of which entries were given out.
    pub decoys_left: u32,
}

/// How many entries are set when so many endings are: the next 64·2^k.
fn padded(count: u64) -> u64 {
    let mut bucket = BUCKET;
    while bucket < count {
        bucket = bucket.saturating_mul(2);
    }
    bucket
}

/// A minute of a day, by chance.
fn minute_of(day: Timestamp, random: &mut dyn Random) -> Timestamp {
    let by_chance = u64::from_be_bytes(random::bytes(random)) % u64::from(MINUTES);
    day.plus(i64::try_from(by_chance).unwrap_or(0).saturating_mul(60))
}

impl List {
    /// Entries whose ending waits, in ascending order.
    fn waiting(&self) -> Vec<(u32, State)> {
        let Some(ahead) = &self.ahead else { return Vec::new() };
        let pairs = self.states.as_bytes().iter().zip(ahead.as_bytes());
        (0_u32..)
            .zip(pairs)
            .filter(|(_, (now, then))| now != then)
            .flat_map(|(at, _)| (0..4).map(move |entry| at.saturating_mul(4).saturating_add(entry)))
            .filter_map(|index| Some((index, ahead.get(index)?)))
            .filter(|(index, then)| self.states.get(*index) != Some(*then))
            .collect()
    }

    /// Entries that can still become decoys: the last of the order, which are never given out.
    fn decoys_left(&self) -> u32 {
        let reserve = super::RESERVE.min(ENTRIES.saturating_sub(self.record.next));
        reserve.saturating_sub(self.padding.decoys)
    }

    /// Takes up to `count` of them.
    fn take_decoys(&mut self, count: u64) -> Vec<u32> {
        let count = u32::try_from(count).unwrap_or(u32::MAX).min(self.decoys_left());
        let order = self.order.get_or_insert_with(|| Order::new(&self.record.key.0));
        let first = self.padding.decoys;
        self.padding.decoys = first.saturating_add(count);
        (first..self.padding.decoys)
            .map(|at| order.at((ENTRIES - 1).saturating_sub(at)))
            .collect()
    }
}

/// Entries with the states that they come into.
type Changed = Vec<(Position, State)>;

impl Lists {
    /// Lists of which entries were given out.
    fn in_use(&self) -> BTreeSet<u32> {
        let in_use = self.lists.iter().filter(|(_, list)| list.record.next > 0);
        in_use.map(|(number, _)| *number).collect()
    }

    /// What a list gets today: endings that wait, and decoys that fill them up.
    fn day_of(&mut self, number: u32) -> (Changed, Changed) {
        let epoch = self.epoch;
        let Some(list) = self.lists.get_mut(&number) else {
            return (Vec::new(), Vec::new());
        };
        let waiting = list.waiting();
        let mut decoys = Vec::new();
        if list.record.epoch == epoch {
            for state in [State::Revoked, State::Superseded] {
                let count = waiting.iter().filter(|(_, then)| *then == state).count();
                let count = u64::try_from(count).unwrap_or(u64::MAX);
                let missing = padded(count).saturating_sub(count);
                decoys.extend(list.take_decoys(missing).into_iter().map(|index| (index, state)));
            }
        }
        let at = |(index, state)| (Position { list: number, index }, state);
        (
            waiting.into_iter().map(at).collect(),
            decoys.into_iter().map(at).collect(),
        )
    }
}

impl Issuer {
    /// What waits to be published, and when it will be.
    pub fn endings(&self) -> Endings {
        let lists = self.lists.lists.values();
        let waiting = lists.clone().map(|list| list.waiting().len()).sum::<usize>();
        let in_use = lists.filter(|list| list.record.next > 0 && list.record.epoch == self.lists.epoch);
        Endings {
            waiting: u64::try_from(waiting).unwrap_or(u64::MAX),
            next: self.daily.map(|daily| daily.next),
            decoys_left: in_use.map(List::decoys_left).min().unwrap_or(super::RESERVE),
        }
    }

    /// Publishes what waits now, with its decoys, and leaves the time of the daily publication as it is: for an operator who is about
    /// to close the house for longer than a day. Whoever looks learns the hour.
    pub fn publish_endings(&mut self, now: Timestamp) -> Result<Endings, Error> {
        // A list passes over a round that it has been through: what came since the last one, within the same second, is another round.
        let been: BTreeSet<Timestamp> = self
            .lists
            .lists
            .values()
            .filter_map(|list| list.padding.round)
            .collect();
        let mut round = now;
        while been.contains(&round) {
            round = round.plus(1);
        }
        self.publish_round(round)?;
        Ok(self.endings())
    }

    /// Publishes what waits when its time has come, and chooses the next time.
    pub(crate) fn publish_daily(&mut self, now: Timestamp) -> Result<(), Error> {
        let next = match self.daily {
            Some(daily) if daily.next > now && daily.next.since(now) <= AHEAD_MAX => return Ok(()),
            Some(daily) if daily.next <= now => {
                self.publish_round(daily.next)?;
                minute_of(now.day().plus(DAY), &mut *self.random)
            }
            // The first time, or a time that a wrong clock had set.
            _ => {
                let today = minute_of(now.day(), &mut *self.random);
                if today > now { today } else { today.plus(DAY) }
            }
        };
        let daily = DailyRecord { next };
        let mut staged = self.stage();
        let record = self.tables.daily.encode(&daily)?;
        staged.transaction.put(&self.tables.daily.table, NEXT, &record);
        self.commit(staged)?;
        self.daily = Some(daily);
        Ok(())
    }

    /// Publishes list by list. A list that this round has been through is passed over, so that a round that was cut off goes on
    /// and sets no decoys twice.
    fn publish_round(&mut self, round: Timestamp) -> Result<(), Error> {
        for number in self.lists.in_use() {
            if self
                .lists
                .lists
                .get(&number)
                .is_none_or(|list| list.padding.round == Some(round))
            {
                continue;
            }
            let (endings, decoys) = self.lists.day_of(number);
            let mut staged = self.stage();
            staged.states = decoys;
            staged.padded = Some((number, round));
            for part in endings.chunks(TOGETHER) {
                staged.states.extend_from_slice(part);
                let full = std::mem::replace(&mut staged, self.stage());
                self.commit(full)?;
                // Begun anew, because it copied the counts from before that commit.
                staged = self.stage();
            }
            self.commit(staged)?;
        }
        Ok(())
    }
}
