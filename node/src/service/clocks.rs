//! What organisations say of the time when they greet, against our own clock.
//!
//! A greeting is believed because the channel's PeerId stands in the trust document. Which of two clocks is wrong nobody can
//! tell; when most organisations are apart from us in one direction or the other, it is ours that is suspected.

use credentials::time::DAY;
use credentials::trust::{CLOCK_SKEW, Version};
use credentials::{Code, Did, Problem, Timestamp};
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// How far apart two clocks may be, in seconds: each may be wrong by the skew that signatures allow for.
const APART_MAX: i64 = 2 * CLOCK_SKEW;
/// How long a greeting tells about a clock, in seconds. What was set right since shows only in the next greeting.
const HEARD_MAX: i64 = DAY;
/// Organisations that must be apart from us before their word alone stops what we would sign: one with a wrong clock stops
/// nobody but itself.
const WITNESSES_MIN: usize = 2;
/// What a version of the trust document is below: it is a number in JSON, exact up to here (RFC 8259 §6).
const SEQUENCE_END: u64 = 1 << 53;

/// Codes that a wrong clock brings about.
const OF_TIME: &[Code] = &[
    Code::Expired,
    Code::NotYetValid,
    Code::Stale,
    Code::TrustStale,
    Code::StatusStale,
    Code::StatusMissing,
    Code::KeyOutsideWindow,
];

/// Whether two clocks with this difference, in seconds, cannot work together.
pub(super) fn are_apart(difference: i64) -> bool {
    difference.saturating_abs() > APART_MAX
}

/// Whether there can be such a version.
fn can_be(version: &Version) -> bool {
    [version.root, version.list, version.head]
        .iter()
        .all(|part| *part < SEQUENCE_END)
}

struct Heard {
    time: Timestamp,
    /// Seconds since our machine was started: setting our clock afterwards changes the comparison, as it must.
    since_boot: i64,
    /// Version of the trust list that the organisation said last it holds.
    trust: Option<Version>,
}

/// The times that were heard, one for each organisation of the trust document.
#[derive(Default)]
pub(super) struct Clocks(Mutex<BTreeMap<Did, Heard>>);

/// How our clock compares.
pub(super) struct Compared {
    /// Organisations that were heard of late.
    pub(super) heard: usize,
    /// Those whose clock is apart from ours, with theirs minus ours in seconds.
    pub(super) apart: Vec<(Did, i64)>,
}

impl Compared {
    /// Whether most organisations that were heard disagree with our clock.
    pub(super) fn is_suspect(&self) -> bool {
        self.apart.len().saturating_mul(2) > self.heard
    }

    /// The difference to the clock in the middle of those that are apart, as people read it.
    fn problem(&self) -> Problem {
        let mut differences: Vec<i64> = self.apart.iter().map(|(_, difference)| *difference).collect();
        differences.sort_unstable();
        match differences.get(differences.len() / 2) {
            Some(difference) => Problem::new(Code::ClockSuspect, format!("{difference:+} s")),
            None => Code::ClockSuspect.into(),
        }
    }
}

impl Clocks {
    /// Takes what a listed organisation said. Where it says no version of the trust document, or what can be none, the one it
    /// said before stands.
    pub(super) fn hear(&self, did: &Did, time: Timestamp, trust: Option<Version>, since_boot: Option<i64>) {
        let Some(since_boot) = since_boot else { return };
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = all.get(did).and_then(|heard| heard.trust);
        let heard = Heard {
            time,
            since_boot,
            trust: trust.filter(can_be).or(before),
        };
        all.insert(did.clone(), heard);
    }

    /// Highest version of the trust document that an organisation said it holds, and who said so: one alone may be wrong.
    pub(super) fn newest_trust(&self) -> Option<(Version, Did)> {
        let heard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let said = heard.iter().filter_map(|(did, heard)| Some((heard.trust?, did)));
        said.max().map(|(version, did)| (version, did.clone()))
    }

    /// Compares our clock with theirs, as both stand now.
    pub(super) fn compare(&self, now: Timestamp, since_boot: Option<i64>) -> Compared {
        let heard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut compared = Compared {
            heard: 0,
            apart: Vec::new(),
        };
        let Some(since_boot) = since_boot else { return compared };
        for (did, heard) in heard.iter() {
            let age = since_boot.saturating_sub(heard.since_boot);
            if age > HEARD_MAX {
                continue;
            }
            compared.heard = compared.heard.saturating_add(1);
            let difference = heard.time.plus(age).since(now);
            if are_apart(difference) {
                compared.apart.push((did.clone(), difference));
            }
        }
        compared
    }

    /// Refuses to sign something of ours with a time while at least two organisations, and most of those heard, disagree.
    pub(super) fn require(&self, now: Timestamp, since_boot: Option<i64>) -> Result<(), Problem> {
        let compared = self.compare(now, since_boot);
        if compared.is_suspect() && compared.apart.len() >= WITNESSES_MIN {
            return Err(compared.problem());
        }
        Ok(())
    }

    /// The clock as the likely reason behind a failure that has to do with time.
    pub(super) fn explain(&self, code: Code, now: Timestamp, since_boot: Option<i64>) -> Option<Problem> {
        if code != Code::ClockSuspect && !OF_TIME.contains(&code) {
            return None;
        }
        let compared = self.compare(now, since_boot);
        (compared.is_suspect() && !compared.apart.is_empty()).then(|| compared.problem())
    }
}

/// Whether a failure may come of a wrong clock.
pub(super) fn is_of_time(code: Code) -> bool {
    OF_TIME.contains(&code)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_800_000_000;

    fn list(list: u64) -> Version {
        Version { root: 1, list, head: 1 }
    }

    fn did(name: &str) -> Did {
        Did::parse(&format!("did:web:{name}.example")).expect("a DID")
    }

    fn heard(differences: &[i64]) -> Clocks {
        let clocks = Clocks::default();
        for (number, difference) in differences.iter().enumerate() {
            let time = Timestamp::from_unix(NOW + difference);
            clocks.hear(&did(&format!("org{number}")), time, None, Some(1_000));
        }
        clocks
    }

    fn refuses(clocks: &Clocks) -> bool {
        clocks.require(Timestamp::from_unix(NOW), Some(1_000)).is_err()
    }

    #[test]
    fn a_clock_is_suspected_when_two_and_most_of_those_heard_disagree() {
        assert!(!refuses(&heard(&[])));
        assert!(!refuses(&heard(&[600, -600, 0])), "each may be wrong by five minutes");
        assert!(!refuses(&heard(&[86_400])), "one with a wrong clock stops nobody else");
        assert!(!refuses(&heard(&[86_400, -86_400, 0, 1])), "nor do half of them");
        assert!(refuses(&heard(&[86_400, 86_401])));
        assert!(refuses(&heard(&[-86_400, -86_399, 0])));
    }

    #[test]
    fn only_failures_that_have_to_do_with_time_are_explained_by_the_clock() {
        let clocks = heard(&[86_400]);
        let explain = |code| clocks.explain(code, Timestamp::from_unix(NOW), Some(1_000));
        let problem = explain(Code::Expired).expect("explained");
        assert_eq!(problem.to_string(), "clock_suspect: +86400 s");
        assert!(explain(Code::TrustStale).is_some());
        assert_eq!(explain(Code::Revoked), None);
        let clocks = heard(&[86_400, 0]);
        assert_eq!(
            clocks.explain(Code::Expired, Timestamp::from_unix(NOW), Some(1_000)),
            None
        );
    }

    #[test]
    fn a_clock_that_is_set_right_is_no_longer_suspected_and_one_that_is_set_wrong_is() {
        let clocks = heard(&[86_400, 86_400]);
        assert!(refuses(&clocks));
        // Ten seconds later our clock is set forward by a day.
        let set = Timestamp::from_unix(NOW + 86_410);
        assert!(clocks.require(set, Some(1_010)).is_ok());
        let clocks = heard(&[0, 0]);
        assert!(clocks.require(set, Some(1_010)).is_err());
        // A night's sleep is no wrong clock: the machine counts it.
        assert!(clocks.require(Timestamp::from_unix(NOW + 30_000), Some(31_000)).is_ok());
        // What was heard long ago says nothing any more.
        assert!(clocks.require(set, Some(1_000 + 86_401)).is_ok());
    }

    #[test]
    fn the_newest_trust_list_that_was_heard_of_is_remembered() {
        let clocks = heard(&[0]);
        assert_eq!(clocks.newest_trust(), None);
        for version in [3, 7, 5] {
            clocks.hear(
                &did(&format!("v{version}")),
                Timestamp::from_unix(NOW),
                Some(list(version)),
                Some(1),
            );
        }
        assert_eq!(clocks.newest_trust(), Some((list(7), did("v7"))));
    }

    #[test]
    fn a_version_that_an_organisation_told_stands_until_it_tells_another() {
        let clocks = Clocks::default();
        let hear = |trust: Option<u64>| clocks.hear(&did("bank"), Timestamp::from_unix(NOW), trust.map(list), Some(1));
        hear(Some(7));
        // Its refusal of our clock tells the time and nothing else.
        hear(None);
        assert_eq!(clocks.newest_trust(), Some((list(7), did("bank"))));
        hear(Some(6));
        assert_eq!(
            clocks.newest_trust(),
            Some((list(6), did("bank"))),
            "it says itself what it has"
        );
    }

    #[test]
    fn a_number_that_can_be_no_version_of_the_trust_document_is_not_believed() {
        let clocks = Clocks::default();
        let hear = |name, trust| clocks.hear(&did(name), Timestamp::from_unix(NOW), Some(list(trust)), Some(1));
        hear("liar", u64::MAX);
        hear("other", SEQUENCE_END);
        assert_eq!(clocks.newest_trust(), None);
        hear("bank", 7);
        assert_eq!(clocks.newest_trust(), Some((list(7), did("bank"))));
        hear("bank", u64::MAX);
        assert_eq!(clocks.newest_trust(), Some((list(7), did("bank"))));
        hear("other", SEQUENCE_END - 1);
        assert_eq!(clocks.newest_trust(), Some((list(SEQUENCE_END - 1), did("other"))));
    }
}
