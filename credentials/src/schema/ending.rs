//! What a row's own content does to its credential, and how long a credential is valid.

use super::row::{Row, RowError};
use super::{CredentialType, Effect, Ending, Path, Validity, any_at, values_at};
use crate::Timestamp;
use crate::time::DAY;
use jiff::ToSpan;
use jiff::civil::Date;
use serde_json::Value;

impl CredentialType {
    /// The first ending that applies to a row or to disclosed claims; what is not there applies to nothing.
    pub fn ending(&self, value: &Value) -> Option<&Ending> {
        self.endings.iter().find(|ending| applies(ending, value))
    }

    /// Last instant of validity for a credential issued at `issued` from `row` (an ending with notice shortens it; it may lie
    /// before `issued` when the notice has run out).
    pub fn valid_until(&self, issued: Timestamp, row: &Row) -> Timestamp {
        let day = issued.day();
        let end_after = |days: i64| day.plus(days.saturating_mul(DAY)).plus(DAY - 1);
        let until = match self.validity {
            Validity::Days(days) => end_after(days.into()),
            Validity::EndOfNextDay => end_after(1),
            Validity::TenthOfNextMonth => date_of(&day.date())
                .and_then(|date| date.first_of_month().checked_add(1.month().days(9)).ok())
                .and_then(end_of_day)
                .unwrap_or_else(|| end_after(1)),
        };
        let notice = match self.ending(row.value()).map(|ending| &ending.effect) {
            Some(Effect::Notice { ends, .. }) => date_at(row.value(), ends).and_then(end_of_day),
            _ => None,
        };
        notice.map_or(until, |last| last.min(until))
    }

    /// Refuses a row with an ending that may not be, or with too short a notice. The length of a notice is looked at
    /// whatever else has ended the row, so that a later ending cannot hide it.
    pub(super) fn check_endings(&self, row: &Row) -> Result<(), RowError> {
        for ending in &self.endings {
            let Effect::Notice { notice, ends, months } = &ending.effect else {
                continue;
            };
            if !applies(ending, row.value()) {
                continue;
            }
            let given = date_at(row.value(), notice);
            let least = given.and_then(|date| date.checked_add(i32::from(*months).months()).ok());
            let last = date_at(row.value(), ends);
            if last.is_none() || least.is_none() || last < least {
                return Err(RowError::new(ends.to_string(), "notice_too_short"));
            }
        }
        match self.ending(row.value()) {
            Some(Ending {
                effect: Effect::Refuse,
                when,
            }) => {
                let place = when.first().map(|(path, _)| path.to_string());
                Err(RowError::new(place.unwrap_or_default(), "ending_not_allowed"))
            }
            _ => Ok(()),
        }
    }
}

fn applies(ending: &Ending, value: &Value) -> bool {
    ending.when.iter().all(|(path, wanted)| {
        any_at(value, &path.0, &mut |found| {
            found.as_str().is_some_and(|found| wanted == "*" || found == wanted)
        })
    })
}

fn date_at(value: &Value, path: &Path) -> Option<Date> {
    date_of(values_at(value, path).first()?.as_str()?)
}

fn end_of_day(date: Date) -> Option<Timestamp> {
    Some(Timestamp::from_date(&date.to_string())?.plus(DAY - 1))
}

/// A date `YYYY-MM-DD` of any year (people are born before 1970).
pub(super) fn date_of(text: &str) -> Option<Date> {
    let digits = |range: std::ops::Range<usize>| {
        text.get(range)
            .is_some_and(|part| part.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let shape = text.len() == 10
        && digits(0..4)
        && text.get(4..5) == Some("-")
        && digits(5..7)
        && text.get(7..8) == Some("-")
        && digits(8..10);
    shape.then(|| text.parse().ok()).flatten()
}
