//! When an event that was not taken is sent again.

use credentials::Random;

/// Seconds before each attempt after the first, as Standard Webhooks proposes them: ten attempts in all, the last some three days after
/// the event.
pub const SCHEDULE: [i64; 9] = [
    5,
    5 * 60,
    30 * 60,
    2 * 3_600,
    5 * 3_600,
    10 * 3_600,
    14 * 3_600,
    20 * 3_600,
    24 * 3_600,
];
/// By how much each may be earlier or later, in percent: receivers that come back are not met by all senders at once.
pub const JITTER_PERCENT: i64 = 10;
/// Longest that a receiver may put off the next attempt by `Retry-After`, in seconds.
pub const RETRY_AFTER_MAX: u64 = 3_600;

/// Seconds until the next attempt after so many were made; none when it is given up.
pub fn next(attempts: u32, asked_for: Option<u64>, random: &mut dyn Random) -> Option<i64> {
    let index = usize::try_from(attempts.checked_sub(1)?).ok()?;
    let seconds = *SCHEDULE.get(index)?;
    let mut bytes = [0; 2];
    random.fill(&mut bytes);
    let share = i64::from(u16::from_be_bytes(bytes));
    let width = seconds.saturating_mul(2 * JITTER_PERCENT) / 100;
    let spread = share.saturating_mul(width) / i64::from(u16::MAX) - width / 2;
    let least = asked_for.map_or(0, |seconds| {
        i64::try_from(seconds.min(RETRY_AFTER_MAX)).unwrap_or_default()
    });
    Some(seconds.saturating_add(spread).max(least).max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Always(u8);

    impl Random for Always {
        fn fill(&mut self, bytes: &mut [u8]) {
            bytes.fill(self.0);
        }
    }

    #[test]
    fn an_event_is_tried_ten_times_in_three_days_and_then_given_up() {
        let all: Vec<i64> = (1..)
            .map_while(|attempts| next(attempts, None, &mut Always(0x7f)))
            .collect();
        assert_eq!(all.len(), 9);
        let days = all.iter().sum::<i64>() as f64 / 86_400.0;
        assert!((2.9..3.5).contains(&days), "{days}");
        assert_eq!(next(10, None, &mut Always(0)), None);
    }

    #[test]
    fn each_time_varies_within_its_tenth() {
        for (index, seconds) in SCHEDULE.into_iter().enumerate() {
            let attempts = u32::try_from(index).expect("small") + 1;
            let (early, late) = (
                next(attempts, None, &mut Always(0)),
                next(attempts, None, &mut Always(255)),
            );
            let (early, late) = (early.expect("a time"), late.expect("a time"));
            assert!(early <= seconds && seconds <= late, "{early} {seconds} {late}");
            assert!(
                early * 100 >= seconds * 90 - 100 && late * 100 <= seconds * 110 + 100,
                "{early} {late}"
            );
        }
    }

    #[test]
    fn a_receiver_puts_an_attempt_off_by_an_hour_at_most() {
        assert_eq!(next(1, Some(60), &mut Always(0)), Some(60));
        assert_eq!(next(1, Some(u64::MAX), &mut Always(0)), Some(3_600));
        assert!(next(9, Some(60), &mut Always(0)).is_some_and(|seconds| seconds > 3_600));
    }
}
