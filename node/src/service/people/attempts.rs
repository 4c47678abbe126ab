//! Attempts at a passphrase: counted durably before one is tried, and locked for a growing time.

use super::{People, damaged};
use crate::error::Failure;
use crate::service::lock;
use credentials::{Code, Problem, Timestamp};
use serde::{Deserialize, Serialize};
use std::sync::atomic::Ordering;

/// Table of attempts, by [`Whose`].
const ATTEMPTS: &str = "people-attempts";
/// The wrong attempt in a row that locks for the first time: who mistypes gets four more.
const ATTEMPTS_FREE: u32 = 5;
/// First lock, in seconds.
const LOCK_FIRST: i64 = 60;
/// Longest lock, in seconds: who has the account must get in again on the same day.
const LOCK_MAX: i64 = 3_600;
/// Most who wait for their passphrase to be tried: one is, since each takes 64 MiB.
const WAITING_MAX: usize = 8;

/// Wrong attempts in a row, and until when no more are taken.
#[derive(Clone, Copy, Default, Serialize, Deserialize)]
pub(super) struct Attempts {
    wrong: u32,
    until: Option<Timestamp>,
}

/// Whose attempts are counted together.
pub(super) enum Whose {
    /// Those at this account.
    Account(String),
    /// Those at handles that nobody has, in one of so many rows.
    Stranger(u16),
    /// Those at the home's own passphrase.
    Home,
}

impl Whose {
    fn row(&self) -> String {
        match self {
            Whose::Account(handle) => format!("account {handle}"),
            Whose::Stranger(row) => format!("stranger {row}"),
            Whose::Home => "home".to_owned(),
        }
    }
}

impl Attempts {
    /// Until when no attempt is taken. A time further off than any lock was set by a wrong clock and counts for nothing; the count
    /// stays.
    pub(super) fn locked(&self, now: Timestamp) -> Option<Timestamp> {
        self.until.filter(|until| (1..=LOCK_MAX).contains(&until.since(now)))
    }

    /// One more, as if it were wrong.
    fn one_more(self, now: Timestamp) -> Attempts {
        let wrong = self.wrong.saturating_add(1);
        let beyond = wrong.checked_sub(ATTEMPTS_FREE);
        let lock = |beyond: u32| {
            LOCK_FIRST
                .saturating_mul(1_i64.checked_shl(beyond.min(16)).unwrap_or(1))
                .min(LOCK_MAX)
        };
        Attempts {
            wrong,
            until: beyond.map(|beyond| now.plus(lock(beyond))),
        }
    }
}

impl People {
    pub(super) fn attempts(&self, whose: &Whose) -> Result<Attempts, Failure> {
        let bytes = self.store.table(ATTEMPTS).get(whose.row().as_str())?;
        let attempts = bytes
            .map(|bytes| serde_json::from_slice(&bytes).map_err(damaged))
            .transpose()?;
        Ok(attempts.unwrap_or_default())
    }

    pub(super) fn put_attempts(&self, whose: &Whose, attempts: Option<Attempts>) -> Result<(), Failure> {
        let mut transaction = self.store.transaction();
        let table = self.store.table(ATTEMPTS);
        match attempts {
            None => transaction.delete(&table, whose.row().as_str()),
            Some(attempts) => {
                let bytes = serde_json::to_vec(&attempts).map_err(|e| Failure::because(Code::Internal, e))?;
                transaction.put(&table, whose.row().as_str(), &bytes)
            }
        };
        transaction.commit()?;
        Ok(())
    }

    /// Counts an attempt durably, then tries it. Errors: `rate_limited` (`login`) while locked, and when too many wait.
    pub(super) fn attempt(
        &self,
        whose: &Whose,
        now: Timestamp,
        is_right: impl FnOnce() -> Result<bool, Failure>,
    ) -> Result<bool, Failure> {
        let locked = || Failure::from(Problem::new(Code::RateLimited, "login"));
        let waiting = self.waiting.fetch_add(1, Ordering::AcqRel);
        let result = match waiting < WAITING_MAX {
            false => Err(locked()),
            true => lock(&self.trying).map_err(Failure::from).and_then(|_alone| {
                let attempts = self.attempts(whose)?;
                if attempts.locked(now).is_some() {
                    return Err(locked());
                }
                self.put_attempts(whose, Some(attempts.one_more(now)))?;
                let is_right = is_right()?;
                if is_right {
                    self.put_attempts(whose, None)?;
                }
                Ok(is_right)
            }),
        };
        self.waiting.fetch_sub(1, Ordering::AcqRel);
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fifth_wrong_attempt_locks_for_a_minute_and_each_further_one_for_twice_as_long_up_to_an_hour() {
        let now = Timestamp::from_unix(1_783_900_800);
        let mut attempts = Attempts::default();
        let mut locks = Vec::new();
        for _ in 0..40 {
            attempts = attempts.one_more(now);
            locks.push(attempts.locked(now).map_or(0, |until| until.since(now)));
        }
        assert_eq!(locks[..12], [0, 0, 0, 0, 60, 120, 240, 480, 960, 1_920, 3_600, 3_600]);
        assert!(locks[12..].iter().all(|seconds| *seconds == LOCK_MAX));
        assert!(attempts.locked(now.plus(LOCK_MAX - 1)).is_some());
        assert!(attempts.locked(now.plus(LOCK_MAX)).is_none());
        // Set by a clock that was ahead: nobody is locked out for years, and the count stays.
        assert!(attempts.locked(now.plus(-86_400)).is_none());
        assert_eq!(
            attempts.one_more(now.plus(-86_400)).locked(now.plus(-86_400)),
            Some(now.plus(LOCK_MAX - 86_400))
        );
    }
}
