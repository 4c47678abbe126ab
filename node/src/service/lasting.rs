//! What is amiss only when it lasts: notices that are missing behind a gap, and gossip that reaches nobody. Both happen for a
//! moment all the time.

use super::{Service, lock};
use crate::clock;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use verifier::StreamView;

/// How long notices may be missing, in seconds, before `doctor` warns: they are asked for every two seconds.
const MISSING_WARN: i64 = 120;
/// How long before it fails, in seconds: what comes after a gap acts on no customer meanwhile.
const MISSING_FAIL: i64 = 3_600;
/// How long a node may have nobody to gossip with, in seconds: after a start it takes a few.
const ALONE_WARN: i64 = 60;

/// Something that may last.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum What {
    /// Notices of this register are missing before what is known of them.
    Missing(String),
    /// Others are listed, and none gossips with us.
    Alone,
}

/// Since when what is so now has been so, in seconds since the machine started. Looked at every second; a restart begins anew.
#[derive(Default)]
pub(super) struct Lasting(Mutex<BTreeMap<What, i64>>);

impl Lasting {
    /// Takes what is so at this moment; what is not among it is over.
    fn note(&self, running: i64, now: &[What]) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|what, _| now.contains(what));
        for what in now {
            all.entry(what.clone()).or_insert(running);
        }
    }

    /// For how many seconds something has been so.
    fn seconds(&self, running: i64, what: &What) -> i64 {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(what).map_or(0, |since| running.saturating_sub(*since).max(0))
    }

    /// Streams that have lacked something for minutes: state, and register with the first and last number missing.
    fn gaps(&self, running: i64, streams: &[StreamView]) -> Vec<(&'static str, String)> {
        let lacking = streams.iter().filter_map(|stream| Some((stream, stream.missing?)));
        lacking
            .filter_map(|(stream, (from, to))| {
                let seconds = self.seconds(running, &What::Missing(stream.register.clone()));
                let state = match seconds {
                    MISSING_FAIL.. => "fail",
                    MISSING_WARN.. => "warn",
                    _ => return None,
                };
                Some((state, format!("{} {from}-{to}, {seconds} s", stream.register)))
            })
            .collect()
    }
}

impl Service {
    /// Notes what is so now. Called every second.
    pub(super) fn note_lasting(&self) {
        let running = clock::running();
        let mut now: Vec<What> = self
            .streams()
            .into_iter()
            .filter(|stream| stream.missing.is_some())
            .map(|stream| What::Missing(stream.register))
            .collect();
        if self.is_alone() {
            now.push(What::Alone);
        }
        self.lasting.note(running, &now);
    }

    /// Streams of notices; one that a conflict has stopped is an alarm of its own.
    fn streams(&self) -> Vec<StreamView> {
        let Some(verifier) = &self.verifier else {
            return Vec::new();
        };
        let streams = lock(verifier).map(|verifier| verifier.notice_streams());
        let mut streams = streams.unwrap_or_default();
        streams.retain(|stream| stream.frozen.is_none());
        streams
    }

    /// Whether nobody gossips with this node although others are listed.
    fn is_alone(&self) -> bool {
        let (Some(own), Some(network), Some(trust)) = (self.keys.organisation(), self.network.get(), self.trust())
        else {
            return false;
        };
        let mut others = trust.document().organisations.iter().filter(|o| o.did != own.did);
        network.gossip().peers == 0 && others.any(|other| !other.nodes.is_empty())
    }

    /// For `doctor`: notices that have been missing for minutes.
    pub(super) fn notices_found(&self) -> Vec<(&'static str, String)> {
        let running = clock::running();
        self.lasting.gaps(running, &self.streams())
    }

    /// For `doctor`: nobody to gossip with for a minute, with how many seconds it has lasted.
    pub(super) fn gossip_found(&self) -> Option<(&'static str, String)> {
        let seconds = self.lasting.seconds(clock::running(), &What::Alone);
        (seconds >= ALONE_WARN).then(|| ("warn", format!("0, {seconds} s")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream(register: &str, missing: Option<(u64, u64)>) -> StreamView {
        StreamView {
            register: register.to_owned(),
            next: 4,
            seen: 9,
            missing,
            base: 0,
            frozen: None,
        }
    }

    #[test]
    fn notices_that_are_missing_for_minutes_warn_and_for_an_hour_fail_and_a_filled_gap_is_forgotten() {
        let lasting = Lasting::default();
        let register = "did:web:konkurs.example";
        let streams = [stream(register, Some((4, 8))), stream("did:web:other.example", None)];
        let missing = [What::Missing(register.to_owned())];
        lasting.note(1_000, &missing);
        for (at, expected) in [
            (1_000, None),
            (1_119, None),
            (1_120, Some("warn")),
            (4_599, Some("warn")),
            (4_600, Some("fail")),
        ] {
            lasting.note(at, &missing);
            let found = lasting.gaps(at, &streams);
            assert_eq!(
                found.first().map(|(state, _)| *state),
                expected,
                "after {} s",
                at - 1_000
            );
        }
        let told = format!("{register} 4-8, 3600 s");
        assert_eq!(lasting.gaps(4_600, &streams), [("fail", told)]);
        // It was filled, and another one opened: that one's time counts.
        lasting.note(4_601, &[]);
        lasting.note(4_602, &missing);
        assert_eq!(lasting.gaps(4_700, &streams), []);
    }

    #[test]
    fn what_is_over_has_lasted_no_time() {
        let lasting = Lasting::default();
        lasting.note(10, &[What::Alone]);
        lasting.note(50, &[What::Alone]);
        assert_eq!(lasting.seconds(70, &What::Alone), 60);
        lasting.note(71, &[]);
        assert_eq!(lasting.seconds(72, &What::Alone), 0);
        assert_eq!(
            lasting.seconds(5, &What::Alone),
            0,
            "a clock that goes back makes nothing last"
        );
    }
}
