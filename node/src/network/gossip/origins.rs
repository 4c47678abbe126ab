//! What each origin may publish: a number of messages a minute, none of them twice.

use std::collections::HashMap;

use libp2p::PeerId;
use tokio::time::Instant;

/// Messages of one origin that may overtake each other. One that is older is taken for one played again.
const WINDOW: u64 = 64;

/// Tokens that are used up and grow back.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bucket {
    room: f64,
    per_second: f64,
    tokens: f64,
    filled: Instant,
}

impl Bucket {
    pub(super) fn new(room: f64, per_second: f64, now: Instant) -> Self {
        Self {
            room,
            per_second,
            tokens: room,
            filled: now,
        }
    }

    fn fill(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.filled).as_secs_f64();
        self.tokens = (self.tokens + passed * self.per_second).min(self.room);
        self.filled = now;
    }

    /// Takes `cost` tokens if they are there.
    pub(super) fn take(&mut self, cost: f64, now: Instant) -> bool {
        self.fill(now);
        let is_within = self.tokens >= cost;
        if is_within {
            self.tokens -= cost;
        }
        is_within
    }

    /// Tokens that are missing.
    pub(super) fn spent(&mut self, now: Instant) -> f64 {
        self.fill(now);
        self.room - self.tokens
    }
}

/// What becomes of a message by its origin and number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Take {
    Fresh,
    /// Its number was taken before, or is older than any that can still be under way.
    Again,
    OverRate,
}

struct Origin {
    bucket: Bucket,
    newest: u64,
    /// Bit n: the number that is n below the newest was taken.
    taken: u64,
}

impl Origin {
    /// Marks a number as taken; false when it was, or is too old to tell.
    fn mark(&mut self, number: u64) -> bool {
        if let Some(ahead) = number.checked_sub(self.newest).filter(|ahead| *ahead > 0) {
            let shift = u32::try_from(ahead).unwrap_or(u32::MAX);
            self.taken = self.taken.checked_shl(shift).unwrap_or(0) | 1;
            self.newest = number;
            return true;
        }
        let behind = self.newest.saturating_sub(number);
        if behind >= WINDOW {
            return false;
        }
        let bit = 1 << behind;
        let is_new = self.taken & bit == 0;
        self.taken |= bit;
        is_new
    }
}

/// All origins. The caller enters only listed ones, so that there are no more than the list has peers.
pub(super) struct Origins {
    per_minute: f64,
    table: HashMap<PeerId, Origin>,
}

impl Origins {
    pub(super) fn new(per_minute: u32) -> Self {
        Self {
            per_minute: per_minute.into(),
            table: HashMap::new(),
        }
    }

    /// Takes a message by its origin's running number. `is_direct`: the origin itself handed it to us, so that nobody plays
    /// it again; a lower number then says that it started anew with its clock set back.
    pub(super) fn take(&mut self, origin: PeerId, number: u64, is_direct: bool, now: Instant) -> Take {
        let per_minute = self.per_minute;
        let known = self.table.entry(origin).or_insert_with(|| Origin {
            bucket: Bucket::new(per_minute, per_minute / 60.0, now),
            newest: number.saturating_sub(1),
            taken: 0,
        });
        if !known.mark(number) {
            if !is_direct || known.newest.saturating_sub(number) < WINDOW {
                return Take::Again;
            }
            known.newest = number;
            known.taken = 1;
        }
        if known.bucket.take(1.0, now) {
            Take::Fresh
        } else {
            Take::OverRate
        }
    }

    pub(super) fn retain(&mut self, is_listed: impl Fn(&PeerId) -> bool) {
        self.table.retain(|origin, _| is_listed(origin));
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const START: u64 = 1_800_000_000_000_000_000;

    #[test]
    fn ten_pass_at_once_then_one_every_six_seconds() {
        let (origin, now) = (PeerId::random(), Instant::now());
        let mut origins = Origins::new(10);
        let mut number = START;
        let mut take = |seconds| {
            number += 1;
            origins.take(origin, number, true, now + Duration::from_secs(seconds))
        };
        let at_once: Vec<_> = (0..12).map(|_| take(0)).collect();
        assert_eq!(at_once[..10], [Take::Fresh; 10]);
        assert_eq!(at_once[10..], [Take::OverRate; 2]);
        assert_eq!([take(6), take(6)], [Take::Fresh, Take::OverRate]);
        assert_eq!(take(3_600), Take::Fresh, "a long silence");
        let after: Vec<_> = (0..10).map(|_| take(3_600)).collect();
        assert_eq!(after[..9], [Take::Fresh; 9]);
        assert_eq!(after[9], Take::OverRate, "earns no more than ten");
        let other = origins.take(PeerId::random(), START, true, now);
        assert_eq!(other, Take::Fresh, "each origin has its own");
    }

    #[test]
    fn a_message_played_again_is_known_and_costs_its_origin_nothing() {
        let (origin, now) = (PeerId::random(), Instant::now());
        let mut origins = Origins::new(10);
        let mut take = |number| origins.take(origin, START + number, false, now);
        // Out of order, as they may come over different ways.
        assert_eq!([take(1), take(3), take(2)], [Take::Fresh; 3]);
        for _ in 0..100 {
            assert_eq!([take(1), take(2), take(3)], [Take::Again; 3]);
        }
        assert_eq!(take(100), Take::Fresh);
        assert_eq!(take(36), Take::Again, "too old to tell");
        assert_eq!(take(37), Take::Fresh, "just in the window");
        assert_eq!(take(0), Take::Again, "from before the first that was seen");
        assert_eq!(
            [take(101), take(102), take(103), take(104), take(105)],
            [Take::Fresh; 5]
        );
        assert_eq!(take(106), Take::OverRate, "ten fresh ones, whatever was played again");
    }

    #[test]
    fn an_origin_that_started_anew_with_its_clock_set_back_is_heard_from_itself_only() {
        let (origin, now) = (PeerId::random(), Instant::now());
        let mut origins = Origins::new(10);
        assert_eq!(origins.take(origin, START, true, now), Take::Fresh);
        let earlier = START - 86_400_000_000_000;
        assert_eq!(origins.take(origin, earlier, false, now), Take::Again, "from another");
        assert_eq!(origins.take(origin, earlier, true, now), Take::Fresh, "from itself");
        assert_eq!(origins.take(origin, earlier, true, now), Take::Again, "once");
        assert_eq!(
            origins.take(origin, earlier + 1, false, now),
            Take::Fresh,
            "from then on"
        );
    }

    #[test]
    fn who_is_no_longer_listed_is_forgotten() {
        let (stays, goes, now) = (PeerId::random(), PeerId::random(), Instant::now());
        let mut origins = Origins::new(10);
        origins.take(stays, START, true, now);
        origins.take(goes, START, true, now);
        origins.retain(|origin| *origin == stays);
        assert_eq!(origins.table.len(), 1);
        assert_eq!(origins.take(stays, START, false, now), Take::Again);
    }
}
