//! National identifiers as newtypes, with their check digits (domain §0.3).
//!
//! The type is never guessed from the digits: every valid fødselsnummer also passes as an account number, because both end
//! in the same calculation. Sex and century are never read from a number either; under the 2032 rule they cannot be.

mod account;
mod organisation;
mod person;

pub use account::{AccountNumber, Iban, Kid};
pub use organisation::OrganisationNumber;
pub use person::PersonNumber;

/// The weights of the second check digit of a person number, which are those of an account number too.
const WEIGHTS_OF_TEN: [u32; 10] = [5, 4, 3, 2, 7, 6, 5, 4, 3, 2];

/// The values of `N` ASCII digits and nothing else.
fn digits<const N: usize>(text: &str) -> Option<[u32; N]> {
    let bytes: [u8; N] = text.as_bytes().try_into().ok()?;
    bytes
        .iter()
        .all(u8::is_ascii_digit)
        .then(|| bytes.map(|byte| u32::from(byte - b'0')))
}

/// The sum of digits by their weights; the shorter of the two ends it.
fn weighted_sum(digits: &[u32], weights: &[u32]) -> u32 {
    digits.iter().zip(weights).map(|(digit, weight)| digit * weight).sum()
}

/// The digit that makes the sum divisible by 11, or `None` where it would be 10.
fn check_digit(digits: &[u32], weights: &[u32]) -> Option<u32> {
    match (11 - weighted_sum(digits, weights) % 11) % 11 {
        10 => None,
        digit => Some(digit),
    }
}

/// Implements `Debug` and `Display` that name the kind and never the digits.
macro_rules! silent {
    ($type:ident, $kind:literal) => {
        impl std::fmt::Debug for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(concat!(stringify!($type), "(..)"))
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(concat!("[", $kind, "]"))
            }
        }
    };
}
use silent;
