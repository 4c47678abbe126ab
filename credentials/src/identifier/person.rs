//! Fødselsnummer and d-nummer.

use super::{WEIGHTS_OF_TEN, check_digit, digits, silent, weighted_sum};

/// The weights of the first check digit; the digit itself weighs 1.
const WEIGHTS_OF_NINE: [u32; 9] = [3, 7, 6, 1, 8, 9, 4, 5, 2];

/// Added to the day of birth in a d-nummer.
const D_NUMBER_DAY: u32 = 40;

/// Added to the month of birth in the synthetic series of the national register's test population.
const SYNTHETIC_MONTH: u32 = 80;

/// A fødselsnummer or d-nummer, 11 digits with valid check digits (the 2032 rule accepted). `Debug` and `Display` never
/// print it; [`PersonNumber::as_str`] is the only way to the digits.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PersonNumber(String);

silent!(PersonNumber, "person number");

impl PersonNumber {
    /// Parses and checks: a day of the calendar (+40 in a d-nummer, month +80 in the synthetic series), a first check digit
    /// with remainder 0, 1, 2 or 3 (the 2032 rule; 0 before it) and a second with remainder 0. Other test series are refused.
    pub fn parse(text: &str) -> Option<PersonNumber> {
        let number: [u32; 11] = digits(text)?;
        let [d1, d2, m1, m2, ..] = number;
        let [.., k1, k2] = number;
        let (day, month) = (d1 * 10 + d2, m1 * 10 + m2);
        let day = if day > D_NUMBER_DAY { day - D_NUMBER_DAY } else { day };
        let month = if month > SYNTHETIC_MONTH {
            month - SYNTHETIC_MONTH
        } else {
            month
        };
        if !is_day_of_month(day, month) {
            return None;
        }
        let first = (weighted_sum(&number, &WEIGHTS_OF_NINE) + k1) % 11;
        let second = (weighted_sum(&number, &WEIGHTS_OF_TEN) + k2) % 11;
        (first <= 3 && second == 0).then(|| PersonNumber(text.to_owned()))
    }

    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is of the synthetic series (month + 80).
    pub fn is_synthetic(&self) -> bool {
        matches!(self.0.as_bytes().get(2), Some(b'8' | b'9'))
    }

    /// Whether it is a d-nummer (day + 40).
    pub fn is_d_number(&self) -> bool {
        matches!(self.0.as_bytes().first(), Some(b'4'..=b'7'))
    }

    /// The synthetic fødselsnummer of a day of birth and three individual digits (0–999), with remainder 0 in both check
    /// digits. Of `year` only the last two digits enter. `None` where a check digit would be 10, or for no such day.
    pub fn synthetic(day: u16, month: u16, year: u16, individual: u16) -> Option<PersonNumber> {
        if !is_day_of_month(day.into(), month.into()) || individual > 999 {
            return None;
        }
        let month = u32::from(month) + SYNTHETIC_MONTH;
        let base = format!("{day:02}{month:02}{:02}{individual:03}", year % 100);
        let k1 = check_digit(&digits::<9>(&base)?, &WEIGHTS_OF_NINE)?;
        let base = format!("{base}{k1}");
        let k2 = check_digit(&digits::<10>(&base)?, &WEIGHTS_OF_TEN)?;
        PersonNumber::parse(&format!("{base}{k2}"))
    }
}

/// Whether some year has this day: 29 February always passes, because the number does not tell the century.
fn is_day_of_month(day: u32, month: u32) -> bool {
    let last = match month {
        2 => 29,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return false,
    };
    (1..=last).contains(&day)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, valid: bool) {
        assert_eq!(PersonNumber::parse(text).is_some(), valid, "{text}");
    }

    #[test]
    fn published_numbers_are_valid_under_both_rule_sets() {
        for text in [
            "14858834016",
            "52849448080",
            "01813212338",
            "02013299997",
            "30108299920",
        ] {
            check(text, true);
        }
    }

    #[test]
    fn the_2032_rule_accepts_remainders_1_to_3_and_no_more() {
        for text in ["01813212346", "01813212354", "01813212362", "30108299939"] {
            check(text, true);
        }
        // The same base with remainder 4: k1 = 7 and the k2 that fits it.
        let base = "0181321237";
        let k2 = check_digit(&digits::<10>(base).expect("digits"), &WEIGHTS_OF_TEN).expect("not 10");
        check(&format!("{base}{k2}"), false);
    }

    #[test]
    fn the_whole_synthetic_cast_is_valid_and_synthetic() {
        for text in [
            "14858834016",
            "03919043163",
            "22824141278",
            "09897540565",
            "01873841164",
            "17836641051",
            "28927041547",
            "05867140222",
            "19908240378",
            "30887940025",
            "52849448080",
            "24818446027",
            "11836941847",
            "07929345244",
            "15861296110",
            "02888447183",
        ] {
            let number = PersonNumber::parse(text).expect(text);
            assert!(number.is_synthetic(), "{text}");
            assert_eq!(number.is_d_number(), text == "52849448080");
        }
        assert!(!PersonNumber::parse("02013299997").expect("valid").is_synthetic());
    }

    #[test]
    fn every_changed_digit_of_a_valid_number_is_refused() {
        // One wrong digit always breaks k2, whose weights are all prime to 11.
        let valid = "14858834016";
        for position in 0..11 {
            for digit in "0123456789".chars() {
                let mut text = valid.to_owned();
                text.replace_range(position..=position, &digit.to_string());
                check(&text, text == valid);
            }
        }
    }

    #[test]
    fn an_account_number_with_fitting_check_digits_is_given_away_by_its_month() {
        check("12340612890", false);
    }

    #[test]
    fn days_that_no_calendar_has_are_refused() {
        for (day, month) in [(0, 1), (32, 1), (30, 2), (31, 4), (1, 0), (1, 13), (41, 1)] {
            for individual in 0..20 {
                assert_eq!(
                    PersonNumber::synthetic(day, month, 1990, individual),
                    None,
                    "{day}.{month}."
                );
            }
        }
        assert!((0..20).any(|individual| PersonNumber::synthetic(29, 2, 2000, individual).is_some()));
    }

    #[test]
    fn other_lengths_and_signs_are_refused() {
        for text in [
            "",
            "1485883401",
            "148588340160",
            "1485883401x",
            " 14858834016",
            "148588 34016",
            "١٤٨٥٨٨٣٤٠١٦",
        ] {
            check(text, false);
        }
    }

    #[test]
    fn synthetic_numbers_are_valid_and_carry_the_day() {
        let numbers: Vec<_> = (0..1000)
            .filter_map(|individual| PersonNumber::synthetic(14, 5, 1988, individual))
            .collect();
        // Each check digit is 10 for about one in eleven.
        assert!((800..850).contains(&numbers.len()), "{}", numbers.len());
        for number in &numbers {
            assert!(number.is_synthetic() && number.as_str().starts_with("148588"));
        }
        assert!(numbers.iter().any(|number| number.as_str() == "14858834016"));
        assert_eq!(PersonNumber::synthetic(14, 5, 1988, 1000), None);
    }

    #[test]
    fn neither_debug_nor_display_prints_a_digit() {
        let number = PersonNumber::parse("14858834016").expect("valid");
        assert_eq!(format!("{number:?} {number}"), "PersonNumber(..) [person number]");
    }
}
