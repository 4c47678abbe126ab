//! Account number, its IBAN form, and the payment reference KID.

use super::{WEIGHTS_OF_TEN, check_digit, digits, silent};

/// A Norwegian account number (kontonummer): 11 digits, the last one a check digit. `Debug` and `Display` never print it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountNumber(String);

silent!(AccountNumber, "account number");

impl AccountNumber {
    /// Parses 11 digits, without dots or spaces, and checks.
    pub fn parse(text: &str) -> Option<AccountNumber> {
        let [base @ .., check] = digits::<11>(text)?;
        (check_digit(&base, &WEIGHTS_OF_TEN) == Some(check)).then(|| AccountNumber(text.to_owned()))
    }

    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The same account as an IBAN (ISO 13616).
    pub fn iban(&self) -> Iban {
        let check = 98 - remainder_97(&format!("{}{NO}00", self.0));
        Iban(format!("NO{check:02}{}", self.0))
    }
}

/// `NO` as ISO 13616 counts it: A is 10, so N is 23 and O is 24.
const NO: &str = "2324";

/// A Norwegian IBAN: `NO`, two check digits, account number. `Debug` and `Display` never print it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Iban(String);

silent!(Iban, "IBAN");

impl Iban {
    /// Parses the electronic form (capitals, no spaces) and checks both the IBAN and the account number in it.
    pub fn parse(text: &str) -> Option<Iban> {
        let account = AccountNumber::parse(text.strip_prefix("NO")?.get(2..)?)?;
        // 98 minus a remainder is never 00, 01 or 99, so exactly one pair of check digits is right.
        let iban = account.iban();
        (iban.0 == text).then_some(iban)
    }

    /// The IBAN's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The remainder by 97 of a decimal number too long for an integer.
fn remainder_97(digits: &str) -> u32 {
    digits
        .bytes()
        .fold(0, |rest, byte| (rest * 10 + u32::from(byte.wrapping_sub(b'0'))) % 97)
}

/// A payment reference (KID): 2 to 25 characters, checked by modulus 10 or modulus 11. `Debug` and `Display` never print it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Kid(String);

silent!(Kid, "KID");

impl Kid {
    /// Parses a reference that passes either check: which one a creditor has agreed with its bank does not show in it.
    pub fn parse(text: &str) -> Option<Kid> {
        Kid::parse_mod10(text).or_else(|| Kid::parse_mod11(text))
    }

    /// Parses a reference that ends in a check digit by modulus 10 (Luhn).
    pub fn parse_mod10(text: &str) -> Option<Kid> {
        let (base, check) = Kid::parts(text)?;
        let sum: u32 = base
            .bytes()
            .rev()
            .enumerate()
            .map(|(place, byte)| {
                let digit = u32::from(byte.wrapping_sub(b'0'));
                let weighted = if place % 2 == 0 { digit * 2 } else { digit };
                weighted / 10 + weighted % 10
            })
            .sum();
        (char::from_digit((10 - sum % 10) % 10, 10) == Some(check)).then(|| Kid(text.to_owned()))
    }

    /// Parses a reference that ends in a check character by modulus 11 (weights 2 to 7 from the right); `-` stands for 10.
    pub fn parse_mod11(text: &str) -> Option<Kid> {
        let (base, check) = Kid::parts(text)?;
        let sum: u32 = base
            .bytes()
            .rev()
            .zip((2..=7).cycle())
            .map(|(byte, weight)| u32::from(byte.wrapping_sub(b'0')) * weight)
            .sum();
        let expected = match (11 - sum % 11) % 11 {
            10 => Some('-'),
            digit => char::from_digit(digit, 10),
        };
        (expected == Some(check)).then(|| Kid(text.to_owned()))
    }

    /// The reference as it stands on the bill.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn parts(text: &str) -> Option<(&str, char)> {
        if !(2..=25).contains(&text.len()) || !text.is_ascii() {
            return None;
        }
        let (base, check) = text.split_at_checked(text.len().checked_sub(1)?)?;
        base.bytes()
            .all(|byte| byte.is_ascii_digit())
            .then_some((base, check.chars().next()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_account_and_its_iban_are_valid_and_altered_ones_are_not() {
        let account = AccountNumber::parse("12340456716").expect("valid");
        assert_eq!(account.iban().as_str(), "NO1712340456716");
        assert_eq!(
            Iban::parse("NO1712340456716")
                .map(|iban| iban.as_str().to_owned())
                .as_deref(),
            Some("NO1712340456716")
        );
        for text in ["12340456717", "1234.04.56716", "1234045671", ""] {
            assert_eq!(AccountNumber::parse(text), None, "{text}");
        }
        for text in [
            "NO1812340456716",
            "NO1712340456717",
            "no1712340456716",
            "SE1712340456716",
            "NO17 1234 0456 716",
            "NO",
            "NOæ12340456716",
            "",
        ] {
            assert_eq!(Iban::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_person_number_passes_as_an_account_number_so_digits_tell_no_type() {
        assert!(AccountNumber::parse("14858834016").is_some());
        assert!(AccountNumber::parse("12340612890").is_some());
    }

    #[test]
    fn the_published_payment_references_are_valid_and_altered_ones_are_not() {
        assert!(Kid::parse_mod10("3102045870020266").is_some());
        assert!(Kid::parse_mod11("1012-").is_some());
        assert!(Kid::parse("3102045870020266").is_some() && Kid::parse("1012-").is_some());
        assert_eq!(Kid::parse_mod10("3102045870020267"), None);
        assert_eq!(Kid::parse_mod10("1012-"), None);
        assert_eq!(Kid::parse_mod11("10120"), None);
        for text in [
            "",
            "0",
            "-",
            "10-2",
            "1012 -",
            "-1012",
            "31020458700202661020458700",
            "1012æ",
            "1012x",
        ] {
            assert_eq!(Kid::parse(text), None, "{text}");
        }
    }

    #[test]
    fn neither_debug_nor_display_prints_a_digit() {
        let account = AccountNumber::parse("12340456716").expect("valid");
        let kid = Kid::parse("1012-").expect("valid");
        assert_eq!(
            format!(
                "{account:?} {account} {:?} {} {kid:?} {kid}",
                account.iban(),
                account.iban()
            ),
            "AccountNumber(..) [account number] Iban(..) [IBAN] Kid(..) [KID]"
        );
    }
}
