//! How fast one peer may ask, and how long we leave one alone that did not greet properly.

use std::time::Duration;

use tokio::time::Instant;

use super::Protocol;

/// A token bucket: `burst` requests at once, `per_second` on the long run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Requests that may come at once.
    pub burst: u32,
    /// Requests per second on the long run.
    pub per_second: u32,
}

/// Inbound requests that one peer may make, by protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rates {
    /// Once per connection; more only by a peer that reconnects again and again.
    pub hello: Rate,
    /// A head each 5 seconds and now and then a document.
    pub trust: Rate,
    /// A wallet collects a few batches; an issuer answers thousands of wallets.
    pub issue: Rate,
    /// A bank's branch behind one peer asks for many customers.
    pub present: Rate,
    /// Heads each 5 seconds, then lists: 64 chunks of 256 KiB for the largest.
    pub status: Rate,
    /// The newest number every five minutes, then ranges of 32; a bank's customers in batches of 256.
    pub notice: Rate,
    /// A bank fetches for each customer who logs in; a wallet asks now and then.
    pub consent: Rate,
    /// A wallet empties a few queues and puts now and then; an organisation writes to thousands of wallets.
    pub mailbox: Rate,
    /// Requests over the rate that are still answered with a refusal; beyond these the peer
    /// is disconnected.
    pub refused: Rate,
}

impl Default for Rates {
    fn default() -> Self {
        let rate = |burst, per_second| Rate { burst, per_second };
        Self {
            hello: rate(8, 1),
            trust: rate(16, 2),
            issue: rate(64, 16),
            present: rate(64, 16),
            status: rate(256, 64),
            notice: rate(64, 8),
            consent: rate(512, 128),
            mailbox: rate(512, 128),
            refused: rate(64, 2),
        }
    }
}

impl Rates {
    fn of(&self, protocol: Protocol) -> Rate {
        match protocol {
            Protocol::Hello => self.hello,
            Protocol::Trust => self.trust,
            Protocol::Issue => self.issue,
            Protocol::Present => self.present,
            Protocol::Status => self.status,
            Protocol::Notice => self.notice,
            Protocol::Consent => self.consent,
            Protocol::Mailbox => self.mailbox,
        }
    }
}

/// What is done with an inbound request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is within the rate.
    Serve,
    /// It is over the rate; the peer is told.
    Refuse,
    /// The peer went on regardless.
    Disconnect,
}

/// What is left of a [`Rate`].
pub(super) struct Bucket {
    tokens: f64,
    filled: Instant,
}

impl Bucket {
    pub(super) fn full(rate: Rate, now: Instant) -> Self {
        Self {
            tokens: rate.burst.into(),
            filled: now,
        }
    }

    /// Whether it is as if nothing had been taken.
    pub(super) fn is_full(&self, rate: Rate, now: Instant) -> bool {
        let passed = now.saturating_duration_since(self.filled).as_secs_f64();
        self.tokens + passed * f64::from(rate.per_second) >= f64::from(rate.burst)
    }

    pub(super) fn take(&mut self, rate: Rate, now: Instant) -> bool {
        let passed = now.saturating_duration_since(self.filled).as_secs_f64();
        self.tokens = (self.tokens + passed * f64::from(rate.per_second)).min(rate.burst.into());
        self.filled = now;
        let is_within = self.tokens >= 1.0;
        if is_within {
            self.tokens -= 1.0;
        }
        is_within
    }
}

/// The buckets of one peer.
pub(super) struct Pace {
    rates: Rates,
    by_protocol: [Bucket; Protocol::ALL.len()],
    refused: Bucket,
}

impl Pace {
    pub(super) fn new(rates: Rates, now: Instant) -> Self {
        Self {
            rates,
            by_protocol: Protocol::ALL.map(|protocol| Bucket::full(rates.of(protocol), now)),
            refused: Bucket::full(rates.refused, now),
        }
    }

    pub(super) fn take(&mut self, protocol: Protocol, now: Instant) -> Verdict {
        let rate = self.rates.of(protocol);
        let bucket = self.by_protocol.get_mut(protocol.index());
        if bucket.is_some_and(|bucket| bucket.take(rate, now)) {
            Verdict::Serve
        } else {
            self.refuse(now)
        }
    }

    /// For a request that is not served whatever its rate.
    pub(super) fn refuse(&mut self, now: Instant) -> Verdict {
        if self.refused.take(self.rates.refused, now) {
            Verdict::Refuse
        } else {
            Verdict::Disconnect
        }
    }
}

/// Longest time that we leave a peer alone (design section 5).
const BACKOFF_MAX: Duration = Duration::from_secs(60 * 60);

/// How long our dials leave a peer alone after greetings that failed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Backoff {
    wait: Duration,
    until: Instant,
}

impl Backoff {
    /// The wait after one more failure: `min`, then twice the last, up to an hour.
    pub(super) fn after(last: Option<Self>, min: Duration, now: Instant) -> Self {
        let wait = last.map_or(min, |last| last.wait.saturating_mul(2)).min(BACKOFF_MAX);
        Self {
            wait,
            until: now + wait,
        }
    }

    /// What is left of the wait, if anything.
    pub(super) fn remaining(&self, now: Instant) -> Option<Duration> {
        let left = self.until.saturating_duration_since(now);
        (!left.is_zero()).then_some(left)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(start: Instant, millis: u64) -> Instant {
        start + Duration::from_millis(millis)
    }

    #[test]
    fn a_burst_passes_then_the_rate_holds_then_the_peer_is_cut() {
        let start = Instant::now();
        let rate = |burst, per_second| Rate { burst, per_second };
        let rates = Rates {
            issue: rate(3, 2),
            refused: rate(2, 1),
            ..Rates::default()
        };
        let mut pace = Pace::new(rates, start);
        let mut take = |millis| pace.take(Protocol::Issue, at(start, millis));
        assert_eq!([take(0), take(0), take(0)], [Verdict::Serve; 3]);
        assert_eq!([take(0), take(0)], [Verdict::Refuse; 2]);
        assert_eq!(take(0), Verdict::Disconnect);
        // Half a second earns one more at two per second, and no second one.
        assert_eq!(take(500), Verdict::Serve);
        assert_eq!(take(500), Verdict::Disconnect);
        assert_eq!(
            pace.take(Protocol::Status, start),
            Verdict::Serve,
            "each protocol has its own bucket"
        );
    }

    #[test]
    fn a_long_silence_earns_no_more_than_the_burst() {
        let start = Instant::now();
        let mut pace = Pace::new(Rates::default(), start);
        let burst = Rates::default().hello.burst;
        let later = at(start, 10_000_000);
        for _ in 0..burst {
            assert_eq!(pace.take(Protocol::Hello, later), Verdict::Serve);
        }
        assert_eq!(pace.take(Protocol::Hello, later), Verdict::Refuse);
    }

    #[test]
    fn backoff_doubles_up_to_an_hour() {
        let now = Instant::now();
        let min = Duration::from_secs(60);
        let mut backoff = Backoff::after(None, min, now);
        let mut waits = vec![backoff.wait.as_secs()];
        for _ in 0..7 {
            backoff = Backoff::after(Some(backoff), min, now);
            waits.push(backoff.wait.as_secs());
        }
        assert_eq!(waits, [60, 120, 240, 480, 960, 1920, 3600, 3600]);
        assert_eq!(backoff.remaining(now), Some(BACKOFF_MAX));
        assert_eq!(backoff.remaining(now + BACKOFF_MAX), None);
    }
}
