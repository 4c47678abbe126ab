//! Instants and days, without a clock.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

/// Seconds in a day.
pub const DAY: i64 = 86_400;

/// Latest instant we accept from outside, 9999-12-30T21:59:59Z: the last that every time zone can still write with a year of
/// four digits.
const UNIX_MAX: i64 = 253_402_207_199;

/// An instant in UTC, in whole seconds since 1970-01-01 (`NumericDate` of RFC 7519).
///
/// On the wire it is an integer; instants before 1970 and after 9999 are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The instant so many seconds after 1970-01-01T00:00:00Z; outside 1970–9999 it is moved to the nearer end.
    pub fn from_unix(seconds: i64) -> Timestamp {
        Timestamp(seconds.clamp(0, UNIX_MAX))
    }

    /// Seconds since 1970-01-01T00:00:00Z.
    pub fn unix(self) -> i64 {
        self.0
    }

    /// Parses RFC 3339, for example `2026-07-10T04:00:00Z`; fractions of a second are cut off.
    pub fn parse(text: &str) -> Option<Timestamp> {
        if text.len() > 40 {
            return None;
        }
        let seconds = text.parse::<jiff::Timestamp>().ok()?.as_second();
        (0..=UNIX_MAX).contains(&seconds).then_some(Timestamp(seconds))
    }

    /// Of a `NumericDate` as JSON: an integer from 1970 to 9999.
    pub(crate) fn of(value: &serde_json::Value) -> Option<Timestamp> {
        let seconds = value.as_i64()?;
        (0..=UNIX_MAX).contains(&seconds).then_some(Timestamp(seconds))
    }

    /// This instant moved by `seconds`, kept within 1970–9999.
    #[must_use]
    pub fn plus(self, seconds: i64) -> Timestamp {
        Timestamp::from_unix(self.0.saturating_add(seconds))
    }

    /// Seconds from `earlier` to this instant; negative when `earlier` is later.
    pub fn since(self, earlier: Timestamp) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// The start of this instant's day in UTC. Times in once-only copies are rounded to it, so that two copies share no instant.
    #[must_use]
    pub fn day(self) -> Timestamp {
        Timestamp(self.0 - self.0.rem_euclid(DAY))
    }

    /// The date in UTC, `YYYY-MM-DD`.
    pub fn date(self) -> String {
        self.zoned(TimeZone::UTC).date().to_string()
    }

    /// The first instant of a date `YYYY-MM-DD` in UTC.
    pub fn from_date(text: &str) -> Option<Timestamp> {
        if text.len() != 10 {
            return None;
        }
        let date = text.parse::<Date>().ok()?;
        let seconds = date.to_zoned(TimeZone::UTC).ok()?.timestamp().as_second();
        (0..=UNIX_MAX).contains(&seconds).then_some(Timestamp(seconds))
    }

    /// For people in Norway: `22.11.2026 kl. 13:45` in Europe/Oslo.
    pub fn oslo(self) -> String {
        let zone = TimeZone::get("Europe/Oslo").unwrap_or(TimeZone::UTC);
        self.zoned(zone).strftime("%d.%m.%Y kl. %H:%M").to_string()
    }

    fn zoned(self, zone: TimeZone) -> jiff::Zoned {
        jiff::Timestamp::from_second(self.0)
            .unwrap_or(jiff::Timestamp::UNIX_EPOCH)
            .to_zoned(zone)
    }
}

impl std::fmt::Display for Timestamp {
    /// RFC 3339 in UTC, whole seconds.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.zoned(TimeZone::UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let seconds = i64::deserialize(deserializer)?;
        if (0..=UNIX_MAX).contains(&seconds) {
            Ok(Timestamp(seconds))
        } else {
            Err(serde::de::Error::custom("instant outside 1970 to 9999"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc_3339_round_trips_and_nonsense_is_refused() {
        let instant = Timestamp::parse("2026-07-10T04:00:00Z").expect("valid");
        assert_eq!(instant.to_string(), "2026-07-10T04:00:00Z");
        assert_eq!(Timestamp::parse("2026-07-10T06:00:00.5+02:00"), Some(instant));
        for wrong in [
            "",
            "2026-07-10",
            "10.07.2026",
            "1969-12-31T23:59:59Z",
            "2026-13-01T00:00:00Z",
        ] {
            assert_eq!(Timestamp::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn days_are_utc_days() {
        let instant = Timestamp::parse("2026-07-10T23:59:59Z").expect("valid");
        assert_eq!(instant.day().to_string(), "2026-07-10T00:00:00Z");
        assert_eq!(Timestamp::from_date("2026-07-10"), Some(instant.day()));
        assert_eq!(instant.oslo(), "11.07.2026 kl. 01:59");
        assert_eq!(Timestamp::from_unix(i64::MIN).unix(), 0);
        assert_eq!(
            Timestamp::from_unix(i64::MAX).plus(i64::MAX).to_string(),
            "9999-12-30T21:59:59Z"
        );
    }
}
