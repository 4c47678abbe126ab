//! How fast a change reached everybody: the times of all nodes, and what share of them had it by when.

use crate::output::At;
use serde_json::{Value, json};

/// The place, in ascending order, of the value that so many per cent are not above (nearest rank).
pub(super) fn rank(count: usize, share: usize) -> Option<usize> {
    count.checked_mul(share)?.div_ceil(100).max(1).checked_sub(1)
}

/// When each node had it, in milliseconds after it was acknowledged where it was made.
#[derive(Clone, Debug, Default)]
pub(super) struct Spread {
    times: Vec<u64>,
    missing: usize,
}

/// The shares that are told, in per cent.
const SHARES: [usize; 4] = [50, 95, 99, 100];

impl Spread {
    /// Counts a node that had it `at` (milliseconds since 1970); whoever had it before the acknowledgement had it at once.
    pub(super) fn saw(&mut self, acknowledged: u64, at: u64) {
        self.times.push(at.saturating_sub(acknowledged));
    }

    /// Counts a node that did not get it in time.
    pub(super) fn missed(&mut self) {
        self.missing = self.missing.saturating_add(1);
    }

    /// How many nodes got it.
    pub(super) fn seen(&self) -> usize {
        self.times.len()
    }

    /// Whether every node got it.
    pub(super) fn is_whole(&self) -> bool {
        self.missing == 0 && !self.times.is_empty()
    }

    /// The milliseconds after which this share of all nodes, in per cent, had it (nearest rank): `None` when so many never had.
    pub(super) fn at(&self, share: usize) -> Option<u64> {
        let mut times = self.times.clone();
        times.sort_unstable();
        rank(times.len().saturating_add(self.missing), share).and_then(|at| times.get(at).copied())
    }

    /// As JSON: `p50`, `p95`, `p99` and `p100` in milliseconds, and how many of how many nodes.
    pub(super) fn to_value(&self) -> Value {
        let nodes = self.times.len().saturating_add(self.missing);
        let mut value = json!({ "nodes": nodes, "seen": self.seen() });
        for share in SHARES {
            value.put(&format!("p{share}_ms"), json!(self.at(share)));
        }
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_the_time_by_which_that_many_of_all_nodes_had_it() {
        let mut spread = Spread::default();
        assert_eq!(spread.at(50), None);
        for time in (1..=200).rev() {
            spread.saw(1000, 1000 + time);
        }
        assert_eq!(
            SHARES.map(|share| spread.at(share)),
            [Some(100), Some(190), Some(198), Some(200)]
        );
        assert!(spread.is_whole());
        // Two of 202 never get it: half of all have it a little later, and all never.
        spread.missed();
        spread.missed();
        assert_eq!(
            SHARES.map(|share| spread.at(share)),
            [Some(101), Some(192), Some(200), None]
        );
        assert!(!spread.is_whole());
        assert_eq!(
            spread.to_value(),
            json!({ "nodes": 202, "seen": 200, "p50_ms": 101, "p95_ms": 192, "p99_ms": 200, "p100_ms": null })
        );
    }

    #[test]
    fn one_node_is_every_share_and_before_the_acknowledgement_is_at_once() {
        let mut spread = Spread::default();
        spread.saw(1000, 990);
        assert_eq!(SHARES.map(|share| spread.at(share)), [Some(0); 4]);
    }
}
