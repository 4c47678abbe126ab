//! How fast an organisation asks operators, and in which order it goes through its queues there.
//!
//! An operator refuses whoever asks too fast, and disconnects who goes on. An organisation asks for thousands of queues under one
//! name, so it stays below that by itself; where it is turned away all the same it leaves off, and goes on later from there. A wallet
//! asks for each of its few queues as somebody else.

use crate::post::Id;
use credentials::Did;
use futures::StreamExt;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::time::Instant;

/// Questions to one operator that may go at once: half of what ours lets through ([`crate::network::Rates`]), so that an organisation
/// that has just restarted, and forgotten what it asked, is let through too.
pub(super) const BURST: u32 = 256;
/// Time between two on the long run: 96 a second, three quarters of what ours lets through.
pub(super) const INTERVAL: Duration = Duration::from_nanos(1_000_000_000 / 96);
/// Queues of one operator that are emptied at once.
const AT_ONCE: usize = 16;

/// Queues of ours by who keeps them, in the order in which they are emptied.
pub(in super::super) type Queues = BTreeMap<Did, Vec<Id>>;

/// What may be asked of one operator.
pub(super) struct Lane {
    /// When everything that was asked is made up for.
    even: Instant,
}

impl Lane {
    pub(super) fn new(now: Instant) -> Lane {
        Lane { even: now }
    }

    /// Takes the next turn: how long to wait for it.
    pub(super) fn turn(&mut self, now: Instant) -> Duration {
        let even = self.even.max(now);
        self.even = even.checked_add(INTERVAL).unwrap_or(even);
        let owed = even.saturating_duration_since(now);
        owed.saturating_sub(INTERVAL.saturating_mul(BURST.saturating_sub(1)))
    }
}

/// Goes through the queues of one operator; `serve` says whether it went on serving. At the first time that it did not the round is
/// over. The queues that are left for the next, those last at which it ended: one that it never serves is in nobody's way.
pub(super) async fn round<F: Future<Output = bool>>(ids: Vec<Id>, serve: impl Fn(Id) -> F) -> Vec<Id> {
    let is_over = AtomicBool::new(false);
    let (is_over, serve) = (&is_over, &serve);
    let turns = ids.into_iter().enumerate().map(|(place, id)| async move {
        if is_over.load(Ordering::Relaxed) {
            return Some((false, place, id));
        }
        let is_served = serve(id).await;
        is_over.fetch_or(!is_served, Ordering::Relaxed);
        (!is_served).then_some((true, place, id))
    });
    let turns = futures::stream::iter(turns).buffer_unordered(AT_ONCE);
    let mut rest: Vec<(bool, usize, Id)> = turns.filter_map(std::future::ready).collect().await;
    rest.sort_unstable();
    rest.into_iter().map(|(_, _, id)| id).collect()
}

/// All queues, those first that the last round left.
pub(super) fn beginning_with(first: Queues, all: Queues) -> Queues {
    let order = |(operator, ids): (Did, Vec<Id>)| {
        let known: BTreeSet<Id> = ids.iter().copied().collect();
        let left = first.get(&operator).map(Vec::as_slice).unwrap_or_default();
        let mut ordered: Vec<Id> = left.iter().filter(|id| known.contains(*id)).copied().collect();
        let placed: BTreeSet<Id> = ordered.iter().copied().collect();
        ordered.extend(ids.into_iter().filter(|id| !placed.contains(id)));
        (operator, ordered)
    };
    all.into_iter().map(order).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::Rates;
    use std::sync::Mutex;

    fn ids(range: std::ops::Range<u16>) -> Vec<Id> {
        range
            .map(|number| {
                let mut id = [0; 32];
                id[..2].copy_from_slice(&number.to_be_bytes());
                id
            })
            .collect()
    }

    /// An operator's bucket, in questions and seconds.
    struct Operator {
        tokens: f64,
        filled: Instant,
    }

    impl Operator {
        fn new(tokens: u32, now: Instant) -> Operator {
            Operator {
                tokens: tokens.into(),
                filled: now,
            }
        }

        fn serves(&mut self, now: Instant) -> bool {
            let rate = Rates::default().mailbox;
            let passed = now.duration_since(self.filled).as_secs_f64() * f64::from(rate.per_second);
            self.tokens = (self.tokens + passed).min(rate.burst.into());
            self.filled = now;
            self.tokens -= 1.0;
            self.tokens >= 0.0
        }
    }

    #[tokio::test]
    async fn a_thousand_queues_are_emptied_within_half_a_minute_and_none_is_turned_away() {
        let start = Instant::now();
        let lane = Mutex::new(Lane::new(start));
        // We drained it by half before we restarted, and ask twice for each queue.
        let operator = Mutex::new(Operator::new(Rates::default().mailbox.burst / 2, start));
        let last = Mutex::new(Duration::ZERO);
        let rest = round(ids(0..1_000), |_| {
            let mut operator = operator.lock().expect("whole");
            let mut is_served = true;
            for _ in 0..2 {
                let wait = lane.lock().expect("whole").turn(start);
                is_served &= operator.serves(start + wait);
                *last.lock().expect("whole") = wait;
            }
            std::future::ready(is_served)
        })
        .await;
        assert!(rest.is_empty(), "{} were turned away", rest.len());
        let took = last.into_inner().expect("whole");
        assert!(took < Duration::from_secs(30), "{took:?}");
    }

    #[tokio::test]
    async fn a_round_that_is_turned_away_leaves_off_and_the_next_begins_there() {
        let mut rest = Queues::new();
        let did = credentials::Did::parse("did:web:en.example").expect("a DID");
        let served: Mutex<BTreeSet<Id>> = Mutex::default();
        let mut rounds = 0;
        while served.lock().expect("whole").len() < 1_000 {
            rounds += 1;
            let all = Queues::from([(did.clone(), ids(0..1_000))]);
            let queues = beginning_with(std::mem::take(&mut rest), all);
            // An operator that serves a hundred in each round, whatever we do.
            let (asked, now) = (Mutex::new(Vec::new()), Mutex::new(100));
            let left = round(queues[&did].clone(), |id| {
                let mut left = now.lock().expect("whole");
                let is_served = *left > 0;
                *left -= i32::from(is_served);
                asked.lock().expect("whole").push(id);
                if is_served {
                    served.lock().expect("whole").insert(id);
                }
                std::future::ready(is_served)
            })
            .await;
            let asked = asked.into_inner().expect("whole").len();
            assert!(asked < 100 + AT_ONCE + 1, "it left off: {asked}");
            rest.insert(did.clone(), left);
        }
        assert!(rounds <= 20, "{rounds}: each has its turn before any has its third");
    }

    #[test]
    fn the_turns_of_a_lane_stay_below_the_rate_of_ours() {
        let start = Instant::now();
        let mut lane = Lane::new(start);
        let at_once = (0..2_000).take_while(|_| lane.turn(start).is_zero()).count();
        assert_eq!(at_once, BURST as usize);
        let later = start + Duration::from_secs(3_600);
        let at_once = (0..2_000).take_while(|_| lane.turn(later).is_zero()).count();
        assert_eq!(at_once, BURST as usize, "a silence earns no more than the burst");
        let ours = Rates::default().mailbox;
        assert!(BURST * 2 <= ours.burst && INTERVAL * ours.per_second > Duration::from_secs(1));
    }
}
