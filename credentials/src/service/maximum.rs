//! How long the law or the source lets a service ask at most, whatever a registration says (domain §4.1, E03).
//!
//! A maximum is said in days, months or years; a request has seconds. Who counts ten days by the calendar gets 239, 240 or 241
//! hours, as the clock was changed in between or not, and a source that counts 240 refuses the last. So a maximum counts for what
//! it surely is: months and years for the fewest days that they can have, and of whole days an hour less for the change of the
//! clock and a minute less for what passes between two machines. Ten days are 9 days, 22 hours and 59 minutes.

use super::Registration;
use crate::time::DAY;

/// Less than the days of a maximum, in seconds: an hour for a change of the clock, a minute for the way and for clocks that
/// do not agree.
pub const CLOCK_CHANGE_MARGIN: i64 = 3_600 + 60;

/// Fewest days of six months, of a year and of three years.
const SIX_MONTHS: i64 = 181;
const YEAR: i64 = 365;
const THREE_YEARS: i64 = 3 * YEAR;

/// Days of a service that has no maximum of its own: ten, the shortest that a source sets.
const DAYS: i64 = 10;

/// Services whose source or law sets a maximum, in days.
const SERVICES: [(&str, i64); 5] = [
    // Consent-based loan application.
    ("S01", 10),
    // Claims and payments: as in the published example.
    ("S06", 90),
    // The prosecution's order.
    ("S08", 90),
    // Sickness and disability information from Nav.
    ("S10", THREE_YEARS),
    // Student loan balance.
    ("S15", YEAR),
];

/// Types whose register sets a maximum for every service that asks them, in days.
const TYPES: [(&str, i64); 1] = [
    // The debt register.
    ("UnsecuredDebt", SIX_MONTHS),
];

/// Services whose source promises that what is shown is erased when the session ends.
const ERASED_AT_END: [&str; 1] = ["S15"];

/// Types of health data: no contract is a ground to ask for them, and consent only when it is explicit (GDPR 9(2)(a), E07).
const HEALTH: [&str; 2] = ["AapDecision", "DisabilityBenefitDecision"];
/// The ground on which they may be asked.
pub(super) const EXPLICIT_CONSENT: &str = "explicit_consent";

/// Whether a registration asks for health data.
pub(super) fn needs_explicit_consent(registration: &Registration) -> bool {
    let mut asked = registration.may_ask.iter();
    asked.any(|may| HEALTH.contains(&super::type_name(&may.vct)))
}

/// Longest time between signing a request under a registration and its expiry, and longest time of a grant, in seconds.
pub(super) fn seconds(registration: &Registration) -> i64 {
    let own = SERVICES.iter().find(|(id, _)| *id == registration.id);
    let days = own.map_or(DAYS, |(_, days)| *days);
    let asked = registration.may_ask.iter();
    let of_types = asked.filter_map(|may| TYPES.iter().find(|(name, _)| *name == super::type_name(&may.vct)));
    let days = of_types.map(|(_, days)| *days).fold(days, i64::min);
    days * DAY - CLOCK_CHANGE_MARGIN
}

/// Longest time that what was shown under a registration may be kept, in seconds, where its source sets one.
pub(super) fn keep_seconds(registration: &Registration) -> Option<i64> {
    ERASED_AT_END.contains(&registration.id.as_str()).then_some(0)
}
