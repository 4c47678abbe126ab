//! Organisasjonsnummer.

use super::{check_digit, digits};

/// The weights of the check digit.
const WEIGHTS: [u32; 8] = [3, 2, 7, 6, 5, 4, 3, 2];

/// An organisasjonsnummer, 9 digits with a valid check digit, starting with 2, 3, 8 or 9. Public.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OrganisationNumber(String);

impl OrganisationNumber {
    /// Parses and checks.
    pub fn parse(text: &str) -> Option<OrganisationNumber> {
        let [base @ .., check] = digits::<9>(text)?;
        let starts_well = matches!(text.as_bytes().first(), Some(b'2' | b'3' | b'8' | b'9'));
        (starts_well && check_digit(&base, &WEIGHTS) == Some(check)).then(|| OrganisationNumber(text.to_owned()))
    }

    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is of the synthetic series (starting with 2 or 3).
    pub fn is_synthetic(&self) -> bool {
        matches!(self.0.as_bytes().first(), Some(b'2' | b'3'))
    }

    /// The synthetic number of eight digits starting with 2 or 3; `None` for others, and where the check digit would be 10.
    pub fn synthetic(base: u32) -> Option<OrganisationNumber> {
        if !(20_000_000..40_000_000).contains(&base) {
            return None;
        }
        let check = check_digit(&digits::<8>(&base.to_string())?, &WEIGHTS)?;
        OrganisationNumber::parse(&format!("{base}{check}"))
    }
}

impl std::fmt::Display for OrganisationNumber {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_numbers_are_valid_and_altered_ones_are_not() {
        for text in [
            "312045877",
            "213579045",
            "314768205",
            "219840365",
            "315902738",
            "216039483",
            "317274068",
            "218405177",
            "310682950",
            "974761076",
            "974760673",
            "889640782",
            "960885406",
            "971032081",
            "991825827",
            "971040238",
            "986186999",
            "974720760",
        ] {
            let number = OrganisationNumber::parse(text).expect(text);
            assert_eq!(number.to_string(), text);
            assert_eq!(number.is_synthetic(), text.starts_with(['2', '3']));
        }
        for text in ["112233445", "312045878", "31204587", "3120458770", "31204587x", ""] {
            assert_eq!(OrganisationNumber::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_valid_check_digit_does_not_help_a_wrong_first_digit() {
        for first in [0, 1, 4, 5, 6, 7] {
            let base = format!("{first}1204581");
            let Some(check) = check_digit(&digits::<8>(&base).expect("digits"), &WEIGHTS) else {
                continue;
            };
            assert_eq!(OrganisationNumber::parse(&format!("{base}{check}")), None, "{base}");
        }
    }

    #[test]
    fn a_base_whose_check_digit_would_be_ten_makes_no_number() {
        assert_eq!(OrganisationNumber::synthetic(31_204_594), None);
        assert_eq!(
            OrganisationNumber::synthetic(31_204_587)
                .map(|number| number.to_string())
                .as_deref(),
            Some("312045877")
        );
        for base in [19_999_999, 40_000_000, 0, u32::MAX] {
            assert_eq!(OrganisationNumber::synthetic(base), None, "{base}");
        }
    }
}
