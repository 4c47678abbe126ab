//! Relations outlive their operators: a queue that is lost is made anew, one whose operator no longer suits is given up, and the
//! other is told.

use super::rows::Own;
use super::{Id, LETTER_SECONDS, Post};
use crate::error::Failure;
use credentials::letter::{PLACES_MAX, Reach};
use credentials::time::DAY;
use credentials::{Code, Did, Timestamp};
use std::collections::BTreeSet;

/// How long a queue is there at least before another takes its place, in seconds: an operator that denies what it has just made
/// would have us make queues, and write where we are reached, without an end.
pub const MADE_SECONDS: i64 = DAY;
/// Most queues of a relation that are named to nobody any more and still emptied.
pub const LEFT_MAX: usize = PLACES_MAX;

impl Post {
    /// Goes by the operators that suit now: queues elsewhere are named to nobody any more, but emptied for as long as letters are on
    /// their way to them. How many queues are named then.
    pub fn settle(&mut self, id: &Id, suits: &dyn Fn(&Did) -> bool, now: Timestamp) -> Result<usize, Failure> {
        let mut row = self.row(id)?;
        let before = row
            .own
            .iter()
            .map(|own| (own.operator.clone(), own.left))
            .collect::<Vec<_>>();
        let named_before = row.named().len();
        let made = |own: &&mut Own| own.place.is_some();
        for own in row.own.iter_mut().filter(made) {
            if own.left.is_none() && !suits(&own.operator) {
                own.left = Some(now);
            }
        }
        let mut named = row.named().len();
        let mut is_other = named != named_before;
        for own in row.own.iter_mut().filter(made) {
            if own.left.is_some() && named < PLACES_MAX && suits(&own.operator) {
                own.left = None;
                named = named.saturating_add(1);
                is_other = true;
            }
        }
        let is_over = |left: Timestamp| left.plus(LETTER_SECONDS) <= now;
        row.own.retain(|own| !own.left.is_some_and(is_over));
        while row.own.iter().filter(|own| own.left.is_some()).count() > LEFT_MAX {
            let oldest = row.own.iter().filter_map(|own| own.left).min();
            let Some(place) = row.own.iter().position(|own| own.left.is_some() && own.left == oldest) else {
                break;
            };
            row.own.remove(place);
        }
        row.is_told &= !is_other;
        let after = row
            .own
            .iter()
            .map(|own| (own.operator.clone(), own.left))
            .collect::<Vec<_>>();
        if before != after {
            self.tables.put(id, &row)?;
        }
        Ok(named)
    }

    /// An operator has no such queue of ours any more; whether that leaves a place to fill. One that was made less than a day ago is
    /// waited for.
    pub fn lost(&mut self, id: &Id, operator: &Did, now: Timestamp) -> Result<bool, Failure> {
        let mut row = self.row(id)?;
        let Some(place) = row
            .own
            .iter()
            .position(|own| own.operator == *operator && own.place.is_some())
        else {
            return Ok(false);
        };
        let is_new = |own: &Own| {
            own.made
                .is_some_and(|made| made <= now && now < made.plus(MADE_SECONDS))
        };
        if row.own.get(place).is_some_and(is_new) {
            return Ok(false);
        }
        let lost = row.own.remove(place);
        row.is_told &= lost.left.is_some();
        self.tables.put(id, &row)?;
        Ok(lost.left.is_none())
    }

    /// Of a wallet: whether its counterpart, which has answered, is still to be told where it is reached now.
    pub fn is_telling(&self, id: &Id) -> Result<bool, Failure> {
        let row = self.row(id)?;
        Ok(!row.is_told && row.theirs.is_some() && !row.named().is_empty())
    }

    /// Whether there is anything in a relation that would be missed: a queue, or somebody who answered.
    pub fn is_begun(&self, id: &Id) -> Result<bool, Failure> {
        let row = self.row(id)?;
        Ok(!row.own.is_empty() || row.theirs.is_some())
    }

    /// Takes where the other is reached. What waits for a queue that is another now is put anew.
    pub fn set_theirs(&mut self, id: &Id, theirs: Reach, now: Timestamp) -> Result<(), Failure> {
        let mut row = self.row(id)?;
        let before = row.theirs.replace(theirs.clone());
        let is_same = |operator: &Did| {
            let queue = |reach: &Reach| {
                let mut places = reach.places.iter();
                places
                    .find(|place| place.operator == *operator)
                    .map(|place| place.queue.clone())
            };
            before.as_ref().and_then(queue) == queue(&theirs)
        };
        let operators: BTreeSet<&Did> = theirs.places.iter().map(|place| &place.operator).collect();
        let named = row.named();
        if row.with.is_some() {
            // It makes its queues where ours are: what it was told is what we have.
            row.is_told |= named.iter().all(|place| operators.contains(&place.operator));
        } else {
            let have: BTreeSet<&Did> = named.iter().map(|place| &place.operator).collect();
            row.is_told &= have == operators;
            self.pending.insert(*id);
        }
        let is_organisation = row.with.is_none();
        self.tables.put(id, &row)?;
        for (number, mut letter) in self.tables.letters(id)? {
            let count = letter.done.len();
            letter.done.retain(is_same);
            if letter.content.is_some() && letter.done.len() < count {
                self.tables.put_letter(id, number, &letter)?;
            }
        }
        if is_organisation {
            self.settle(id, &|did| operators.contains(did), now)?;
        }
        Ok(())
    }

    /// Of an organisation: takes where a wallet says by a letter that it is reached now.
    ///
    /// Errors: `wrong_origin` where that is not for this relation or not by its hand; `malformed`.
    pub fn take_reach(&mut self, id: &Id, reach: Reach, now: Timestamp) -> Result<(), Failure> {
        let writer = self.row(id)?.theirs.as_ref().and_then(Reach::writer);
        if reach.recipient()?.hash() != *id || writer.is_none() || reach.writer() != writer {
            return Err(Code::WrongOrigin.into());
        }
        self.set_theirs(id, reach, now)
    }

    /// An operator has no such queue of the other's: that is as good as kept where another operator has kept the letter, and else it
    /// waits to hear of another queue. Whether it is done with.
    pub fn gone(&mut self, id: &Id, number: u64, operator: &Did) -> Result<bool, Failure> {
        let letter = self.tables.letter(id, number)?;
        if letter.is_some_and(|letter| letter.done.is_empty()) {
            return Ok(false);
        }
        self.delivered(id, number, operator)?;
        Ok(true)
    }
}
