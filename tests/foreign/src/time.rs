//! Times of the document's introduction: whole seconds since 1970, RFC 3339 where §12 and §16 say so.

use crate::problem::{Outcome, Problem};
use std::time::{SystemTime, UNIX_EPOCH};

/// Seconds of a day.
pub(crate) const DAY: u64 = 86_400;
/// How far clocks may be apart (§7, §10, §12, §14).
pub(crate) const LEEWAY: u64 = 300;

/// Now.
#[expect(
    clippy::disallowed_methods,
    reason = "this wallet is one small program: its clock is read here and nowhere else"
)]
pub(crate) fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map(|since| since.as_secs()).unwrap_or_default()
}

fn number(text: Option<&str>, digits: usize) -> Option<u64> {
    text.filter(|text| text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit()))?
        .parse()
        .ok()
}

/// Days from 1970-01-01 to `YYYY-MM-DD`, from 1970 on.
pub(crate) fn parse_date(text: &str) -> Option<u64> {
    let mut parts = text.splitn(3, '-');
    let (year, month, day) = (
        number(parts.next(), 4)?,
        number(parts.next(), 2)?,
        number(parts.next(), 2)?,
    );
    let leap = |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let lengths = [
        31,
        if leap(year) { 29 } else { 28 },
        31,
        30,
        31,
        30,
        31,
        31,
        30,
        31,
        30,
        31,
    ];
    let before = lengths.get(..usize::try_from(month).ok()?.checked_sub(1)?)?;
    let length = lengths.get(before.len())?;
    if !(1..=*length).contains(&day) || year < 1900 {
        return None;
    }
    let years: u64 = (1970..year).map(|year| if leap(year) { 366 } else { 365 }).sum();
    let days = before.iter().sum::<u64>().checked_add(day)?.checked_sub(1)?;
    years.checked_add(days)
}

/// `YYYY-MM`.
pub(crate) fn is_month(text: &str) -> bool {
    parse_date(&format!("{text}-01")).is_some()
}

/// Seconds since 1970 of an RFC 3339 instant in UTC, as our trust documents and credentials write them.
pub(crate) fn parse_instant(text: &str) -> Outcome<u64> {
    let read = || {
        let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
        let time = time.split_once('.').map_or(time, |(whole, _)| whole);
        let mut parts = time.splitn(3, ':');
        let (hours, minutes, seconds) = (
            number(parts.next(), 2)?,
            number(parts.next(), 2)?,
            number(parts.next(), 2)?,
        );
        if hours > 23 || minutes > 59 || seconds > 59 {
            return None;
        }
        let of_day = hours
            .checked_mul(3_600)?
            .checked_add(minutes.checked_mul(60)?)?
            .checked_add(seconds)?;
        parse_date(date)?.checked_mul(DAY)?.checked_add(of_day)
    };
    read().ok_or_else(|| Problem::new("malformed", "a time is not RFC 3339 in UTC"))
}
