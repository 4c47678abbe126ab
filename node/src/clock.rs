//! The only reader of the clock, of the operating system's randomness and of the environment.

use credentials::{Random, Timestamp};
use std::sync::OnceLock;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// The instant now, in whole seconds. A clock before 1970 reads as 1970, and everything signed is then *not yet valid*.
#[allow(clippy::disallowed_methods)]
pub fn now() -> Timestamp {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs());
    Timestamp::from_unix(i64::try_from(seconds).unwrap_or(i64::MAX))
}

/// Milliseconds since 1970 by the machine's clock, for measuring across processes of one machine.
#[allow(clippy::disallowed_methods)]
pub fn milliseconds() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |d| u64::try_from(d.as_millis()).unwrap_or(u64::MAX))
}

/// Seconds since the machine was started, the time it slept included; setting the clock does not change them. `None` where the
/// system does not tell.
pub fn since_boot() -> Option<i64> {
    let text = std::fs::read_to_string("/proc/uptime").ok()?;
    text.split(['.', ' ']).next()?.parse().ok()
}

/// Seconds that this process has been running since it first asked. They do not pass while the machine sleeps.
#[allow(clippy::disallowed_methods)]
pub fn running() -> i64 {
    static BEGUN: OnceLock<Instant> = OnceLock::new();
    let seconds = BEGUN.get_or_init(Instant::now).elapsed().as_secs();
    i64::try_from(seconds).unwrap_or(i64::MAX)
}

/// A stopwatch for figures that people see.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts.
    #[allow(clippy::disallowed_methods)]
    pub fn start() -> Stopwatch {
        Stopwatch(Instant::now())
    }

    /// Milliseconds since the start.
    pub fn milliseconds(self) -> u64 {
        u64::try_from(self.0.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Microseconds since the start.
    pub fn microseconds(self) -> u64 {
        u64::try_from(self.0.elapsed().as_micros()).unwrap_or(u64::MAX)
    }
}

/// The operating system's randomness.
///
/// It is read before any key is made; a system that cannot give any stops the program rather than let it go on with none.
#[derive(Clone, Copy, Debug, Default)]
pub struct System;

impl Random for System {
    fn fill(&mut self, bytes: &mut [u8]) {
        getrandom::fill(bytes).expect("the operating system gives randomness");
    }
}

/// An environment variable, when it is set to text that is not empty.
#[allow(clippy::disallowed_methods)]
pub fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
