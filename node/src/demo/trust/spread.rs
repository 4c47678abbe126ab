//! How fast a change reached everybody: the times of all nodes, and what share of them had it by when.

use crate::output::At;
use serde_json::{Value, json};

/// The place, in ascending order, of the value that so many per cent are not above (nearest rank).
pub(super) fn rank(count: usize, share: usize) -> Option<usize> {
    count.checked_mul(share)?.div_ceil(100).max(1).checked_sub(1)
}

/// When a change was made, by the clock of the machine in milliseconds since 1970.
#[derive(Clone, Copy, Debug)]
pub(super) struct Made {
    /// When the command that made it began.
    pub(super) began: u64,
    /// When it was acknowledged.
    pub(super) acknowledged: u64,
}

/// When each node had a change: after it was acknowledged where it was made, and after the command that made it began. The
/// acknowledgement waits a moment for neighbours to have it, and that moment stands in the second alone.
#[derive(Clone, Debug)]
pub(super) struct Spread {
    made: Made,
    /// Milliseconds after the command began.
    times: Vec<u64>,
    missing: usize,
}

/// The shares that are told, in per cent.
const SHARES: [usize; 4] = [50, 95, 99, 100];

impl Spread {
    /// Of what was made then, with no node counted yet.
    pub(super) fn of(made: Made) -> Spread {
        Spread {
            made,
            times: Vec::new(),
            missing: 0,
        }
    }

    /// Counts a node that had it `at` (milliseconds since 1970).
    pub(super) fn saw(&mut self, at: u64) {
        self.times.push(at.saturating_sub(self.made.began));
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

    /// Milliseconds from the command's beginning to the acknowledgement.
    fn taken(&self) -> u64 {
        self.made.acknowledged.saturating_sub(self.made.began)
    }

    /// The milliseconds after the acknowledgement by which this share of all nodes, in per cent, had it (nearest rank): `None`
    /// when so many never had. Whoever had it before the acknowledgement had it at once.
    pub(super) fn at(&self, share: usize) -> Option<u64> {
        self.since_begun(share).map(|time| time.saturating_sub(self.taken()))
    }

    /// The same after the command began.
    pub(super) fn since_begun(&self, share: usize) -> Option<u64> {
        let mut times = self.times.clone();
        times.sort_unstable();
        rank(times.len().saturating_add(self.missing), share).and_then(|at| times.get(at).copied())
    }

    /// As JSON: `p50_ms`, `p95_ms`, `p99_ms` and `p100_ms` after the acknowledgement, the same with `begun_` before them after the
    /// command began, `taken_ms` between the two, and how many of how many nodes.
    pub(super) fn to_value(&self) -> Value {
        let nodes = self.times.len().saturating_add(self.missing);
        let mut value = json!({ "nodes": nodes, "seen": self.seen(), "taken_ms": self.taken() });
        for share in SHARES {
            value.put(&format!("p{share}_ms"), json!(self.at(share)));
            value.put(&format!("begun_p{share}_ms"), json!(self.since_begun(share)));
        }
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Begun at 900 and acknowledged a tenth of a second later.
    const MADE: Made = Made {
        began: 900,
        acknowledged: 1000,
    };

    #[test]
    fn a_share_is_the_time_by_which_that_many_of_all_nodes_had_it() {
        let mut spread = Spread::of(MADE);
        assert_eq!(spread.at(50), None);
        for time in (1..=200).rev() {
            spread.saw(1000 + time);
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
            json!({
                "nodes": 202, "seen": 200, "taken_ms": 100,
                "p50_ms": 101, "p95_ms": 192, "p99_ms": 200, "p100_ms": null,
                "begun_p50_ms": 201, "begun_p95_ms": 292, "begun_p99_ms": 300, "begun_p100_ms": null,
            })
        );
    }

    #[test]
    fn one_node_is_every_share_and_before_the_acknowledgement_is_at_once_but_not_before_the_beginning() {
        let mut spread = Spread::of(MADE);
        spread.saw(990);
        assert_eq!(SHARES.map(|share| spread.at(share)), [Some(0); 4]);
        assert_eq!(SHARES.map(|share| spread.since_begun(share)), [Some(90); 4]);
    }
}
