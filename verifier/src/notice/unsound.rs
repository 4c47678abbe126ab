//! Notices that a key signed which was found compromised since: anybody may have signed them, under any date. A hash under sound
//! signatures tells which of them the register published.

use super::stream::Taken;
use crate::Verifier;
use crate::error::Refusal;
use credentials::notice::{Checkpoint, Notice};
use credentials::{Code, Problem, Timestamp};
use std::collections::BTreeMap;
use store::Key;

/// Bytes of a register's notices that are kept in memory until something vouches for them: some thousands.
const BYTES_MAX: usize = 16 * 1024 * 1024;

/// What waits of one register to be vouched for. In memory only: it is pulled again.
#[derive(Default)]
pub(super) struct Unsound {
    notices: BTreeMap<u64, Notice>,
    bytes: usize,
    /// Number and hash of the newest checkpoint by sound keys.
    checkpoint: Option<(u64, [u8; 32])>,
}

impl Unsound {
    pub(super) fn holds(&self, number: u64) -> bool {
        self.notices.contains_key(&number)
    }

    /// The first number from this one on that is not held.
    pub(super) fn after(&self, from: u64) -> u64 {
        let mut next = from;
        for number in self.notices.range(from..).map(|(number, _)| *number) {
            if number != next {
                break;
            }
            next = next.saturating_add(1);
        }
        next
    }

    /// The number of the newest checkpoint by sound keys.
    pub(super) fn vouched_to(&self) -> u64 {
        self.checkpoint.map_or(0, |(number, _)| number)
    }

    /// Keeps a notice in the place of those after it, when there is no room for all.
    fn add(&mut self, notice: Notice) -> Result<(), Problem> {
        let (number, size) = (notice.proposal().number(), notice.proposal().text().len());
        self.drop_to(number, number);
        while self.bytes.saturating_add(size) > BYTES_MAX {
            match self.notices.last_key_value().map(|(last, _)| *last) {
                Some(last) if last > number => self.drop_to(last, last),
                _ => return Err(Code::KeyCompromised.into()),
            }
        }
        self.bytes = self.bytes.saturating_add(size);
        self.notices.insert(number, notice);
        Ok(())
    }

    /// Drops these numbers, the last one included.
    fn drop_to(&mut self, from: u64, to: u64) {
        self.notices.retain(|number, notice| {
            let is_kept = *number < from || *number > to;
            if !is_kept {
                self.bytes = self.bytes.saturating_sub(notice.proposal().text().len());
            }
            is_kept
        });
    }
}

/// What the notices from the next number on come to.
enum Chain {
    /// Nothing vouches for any of them yet.
    Open,
    /// These, up to this number, are the register's.
    Vouched(u64),
    /// One of those up to this number is not.
    False(u64),
}

impl Verifier {
    /// Takes a notice that was asked for. One by a key that was compromised since waits to be vouched for; gossip of such a one is not
    /// kept, so that whoever stole the key fills nobody's memory.
    pub(super) fn take_pulled(&mut self, now: Timestamp, text: &str) -> Result<Taken, Refusal> {
        match self.take_notice(now, text) {
            Err(Refusal::Told(problem)) if problem.code == Code::KeyCompromised => self.take_unsound(now, text),
            other => other,
        }
    }

    /// Errors: what [`Notice::open_unsound`] says; `key_compromised` for another one than ours under a number that has acted: whoever
    /// stole keys stops nobody's stream by it.
    fn take_unsound(&mut self, now: Timestamp, text: &str) -> Result<Taken, Refusal> {
        let trust = self.trust.as_ref().ok_or(Code::TrustMissing)?;
        let notice = Notice::open_unsound(text, trust, now)?;
        let proposal = notice.proposal();
        let register = proposal.register().to_string();
        let number = proposal.number();
        let stream = self.notices.stream(&register);
        if number < stream.next {
            let ours = self.notices.record(&register, number)?.map(|record| record.hash);
            let ours = ours.or((number == stream.base).then_some(stream.base_hash));
            return match ours {
                Some(ours) if ours == *proposal.hash() => Ok(Taken::Known),
                _ => Err(Code::KeyCompromised.into()),
            };
        }
        if stream.frozen.is_some() {
            return Ok(Taken::Frozen);
        }
        let unsound = &mut self.notices.pulls.entry(register.clone()).or_default().unsound;
        unsound.add(notice)?;
        match self.act_on_vouched(now, &register)? {
            0 => Ok(Taken::Unsound),
            acted => Ok(Taken::Acted(acted)),
        }
    }

    /// Notes a checkpoint by sound keys, and acts on what it vouches for.
    pub(super) fn vouched_by(&mut self, now: Timestamp, checkpoint: &Checkpoint) -> Result<Option<Taken>, Refusal> {
        let register = checkpoint.register.to_string();
        let stream = self.notices.stream(&register);
        if checkpoint.number < stream.next || stream.frozen.is_some() {
            return Ok(None);
        }
        let unsound = &mut self.notices.pulls.entry(register.clone()).or_default().unsound;
        if unsound.checkpoint.is_none_or(|(number, _)| number <= checkpoint.number) {
            unsound.checkpoint = Some((checkpoint.number, checkpoint.hash));
        }
        let acted = self.act_on_vouched(now, &register)?;
        Ok((acted > 0).then_some(Taken::Acted(acted)))
    }

    /// Acts on the notices from the next number on that something by sound keys vouches for, and on what waited behind them: how
    /// many. What turns out false is dropped, and pulled anew.
    pub(super) fn act_on_vouched(&mut self, now: Timestamp, register: &str) -> Result<u64, Refusal> {
        let mut acted = 0_u64;
        loop {
            let next = self.notices.stream(register).next;
            if let Some(state) = self.notices.pulls.get_mut(register)
                && let Some(past) = next.checked_sub(1)
            {
                state.unsound.drop_to(0, past);
            }
            let named = self.named_by_the_first_waiting(now, register)?;
            match self.chain(register, named) {
                Chain::Open => return Ok(acted),
                Chain::False(last) => {
                    if let Some(state) = self.notices.pulls.get_mut(register) {
                        state.unsound.drop_to(next, last);
                    }
                    return Ok(acted);
                }
                Chain::Vouched(last) => {
                    for number in next..=last {
                        let held = self.notices.pulls.get(register);
                        let notice = held.and_then(|state| state.unsound.notices.get(&number)).cloned();
                        self.act(now, &notice.ok_or(Code::Internal)?)?;
                        acted = acted.saturating_add(1);
                    }
                    acted = acted.saturating_add(self.act_on_all_waiting(now, register)?);
                }
            }
        }
    }

    /// Follows the hashes from the last notice that acted to one that something by sound keys names.
    fn chain(&self, register: &str, named: Option<(u64, [u8; 32])>) -> Chain {
        let stream = self.notices.stream(register);
        let Some(unsound) = self.notices.pulls.get(register).map(|state| &state.unsound) else {
            return Chain::Open;
        };
        let mut before = stream.hash;
        for (number, (held, notice)) in (stream.next..).zip(unsound.notices.range(stream.next..)) {
            let proposal = notice.proposal();
            if *held != number {
                break;
            }
            if *proposal.previous() != before {
                // The one before may be as false as this one.
                return Chain::False(number);
            }
            before = *proposal.hash();
            let expected = match unsound.checkpoint {
                Some((at, hash)) if at == number => Some(hash),
                _ => named.filter(|(at, _)| *at == number).map(|(_, hash)| hash),
            };
            match expected {
                Some(hash) if hash == before => return Chain::Vouched(number),
                Some(_) => return Chain::False(number),
                None => {}
            }
        }
        Chain::Open
    }

    /// The number before the first notice that waits behind those by compromised keys, and the hash that it names. One whose own
    /// keys count no more becomes one of those.
    fn named_by_the_first_waiting(
        &mut self,
        now: Timestamp,
        register: &str,
    ) -> Result<Option<(u64, [u8; 32])>, Refusal> {
        loop {
            let next = self.notices.stream(register).next;
            let Some(state) = self
                .notices
                .pulls
                .get(register)
                .filter(|state| state.unsound.holds(next))
            else {
                return Ok(None);
            };
            let number = state.unsound.after(next);
            let is_waiting = self
                .notices
                .waiting
                .get(register)
                .is_some_and(|waiting| waiting.contains(&number));
            if !is_waiting {
                return Ok(None);
            }
            let id = number.to_be_bytes();
            let at = Key::in_group(register.as_bytes(), &id);
            let text = self.notices.tables.waiting.read::<String>(at)?.unwrap_or_default();
            if let Ok(notice) = self.open_notice(now, &text) {
                return Ok(Some((number.saturating_sub(1), *notice.proposal().previous())));
            }
            self.drop_waiting(register, number)?;
            let trust = self.trust.as_ref().ok_or(Code::TrustMissing)?;
            let Ok(notice) = Notice::open_unsound(&text, trust, now) else {
                return Ok(None);
            };
            self.notices
                .pulls
                .entry(register.to_owned())
                .or_default()
                .unsound
                .add(notice)?;
        }
    }
}
