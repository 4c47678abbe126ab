//! What we publish, until it may leave: within our own rate, and when somebody is there to take it.

use std::collections::VecDeque;

use tokio::time::Instant;

use super::Topic;
use super::origins::Bucket;

/// Messages of a topic that wait. The oldest goes first when room is needed: it is the least worth telling, and whoever
/// misses it pulls.
const WAITING_MAX: usize = 4;

/// Our share of the rate that others allow us. The rest is for messages that were held up on their way and come at once.
const SHARE: f64 = 0.8;

pub(super) struct Outbox {
    waiting: [VecDeque<Vec<u8>>; Topic::ALL.len()],
    /// The topic that comes first next time.
    turn: usize,
    bucket: Bucket,
}

impl Outbox {
    pub(super) fn new(per_minute: u32, now: Instant) -> Self {
        let share = f64::from(per_minute) * SHARE;
        Self {
            waiting: Default::default(),
            turn: 0,
            bucket: Bucket::new(share.max(1.0), share / 60.0, now),
        }
    }

    /// Takes a message; says whether an older one had to go.
    pub(super) fn push(&mut self, topic: Topic, data: Vec<u8>) -> bool {
        let Some(waiting) = self.waiting.get_mut(topic.index()) else {
            return false;
        };
        let is_full = waiting.len() >= WAITING_MAX;
        if is_full {
            waiting.pop_front();
        }
        waiting.push_back(data);
        is_full
    }

    /// Gives back what could not leave, without counting it against the rate.
    pub(super) fn put_back(&mut self, topic: Topic, data: Vec<u8>) {
        if let Some(waiting) = self.waiting.get_mut(topic.index())
            && waiting.len() < WAITING_MAX
        {
            waiting.push_front(data);
        }
    }

    /// The next message that may leave now, of a topic that `is_open`, and counts it. Topics take turns, so that none
    /// starves another.
    pub(super) fn next(&mut self, is_open: impl Fn(Topic) -> bool, now: Instant) -> Option<(Topic, Vec<u8>)> {
        let turns = Topic::ALL.into_iter().cycle().skip(self.turn).take(Topic::ALL.len());
        for topic in turns {
            let Some(waiting) = self
                .waiting
                .get_mut(topic.index())
                .filter(|waiting| !waiting.is_empty())
            else {
                continue;
            };
            if !is_open(topic) {
                continue;
            }
            if !self.bucket.take(1.0, now) {
                return None;
            }
            self.turn = (topic.index() + 1) % Topic::ALL.len();
            return waiting.pop_front().map(|data| (topic, data));
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn messages_leave_in_order_within_the_rate_and_topics_take_turns() {
        let now = Instant::now();
        let mut outbox = Outbox::new(10, now);
        for number in 0..4 {
            assert!(!outbox.push(Topic::Status, vec![number]));
        }
        outbox.push(Topic::Notice, vec![9]);
        let mut next = |seconds| outbox.next(|_| true, now + Duration::from_secs(seconds));
        let order: Vec<_> = (0..5).filter_map(|_| next(0)).collect();
        let expected = [
            (Topic::Status, vec![0]),
            (Topic::Notice, vec![9]),
            (Topic::Status, vec![1]),
            (Topic::Status, vec![2]),
            (Topic::Status, vec![3]),
        ];
        assert_eq!(order, expected);
        for number in 0..4 {
            outbox.push(Topic::Trust, vec![number]);
        }
        let mut next = |seconds| outbox.next(|_| true, now + Duration::from_secs(seconds));
        let at_once: Vec<_> = (0..4).map_while(|_| next(0)).collect();
        assert_eq!(at_once.len(), 3, "eight at once, in all");
        assert_eq!(next(8), Some((Topic::Trust, vec![3])), "then one each 7.5 seconds");
    }

    #[test]
    fn while_nobody_takes_them_the_newest_few_wait_and_nothing_is_counted() {
        let now = Instant::now();
        let mut outbox = Outbox::new(10, now);
        let lost: Vec<_> = (0..20)
            .filter(|number| outbox.push(Topic::Trust, vec![*number]))
            .collect();
        assert_eq!(lost.len(), 16);
        assert_eq!(outbox.next(|_| false, now), None);
        let kept: Vec<_> = (0..5).map_while(|_| outbox.next(|_| true, now)).collect();
        let expected: Vec<_> = (16..20).map(|number| (Topic::Trust, vec![number])).collect();
        assert_eq!(kept, expected);
    }

    #[test]
    fn what_could_not_leave_comes_first_again_unless_newer_ones_fill_its_place() {
        let now = Instant::now();
        let mut outbox = Outbox::new(10, now);
        outbox.push(Topic::Trust, vec![1]);
        outbox.push(Topic::Trust, vec![2]);
        let (topic, data) = outbox.next(|_| true, now).expect("waits");
        outbox.put_back(topic, data);
        assert_eq!(outbox.next(|_| true, now), Some((Topic::Trust, vec![1])));
        for number in 3..6 {
            outbox.push(Topic::Trust, vec![number]);
        }
        outbox.put_back(Topic::Trust, vec![1]);
        assert_eq!(outbox.next(|_| true, now), Some((Topic::Trust, vec![2])));
    }
}
