//! Base58 of a known number of bytes, read in one pass. Written by `bs58`, which needs the square of the length to read.

/// Most bytes that are read.
const BYTES_MAX: usize = 64;
/// Most digits: 64 bytes make at most 88.
const DIGITS_MAX: usize = 88;
/// Digits taken at once: 58^10 is below 2^59.
const GROUP: usize = 10;

/// Exactly `N` bytes, at most 64, from their one text in the alphabet of Bitcoin; anything else is `None`.
pub(crate) fn decode<const N: usize>(text: &str) -> Option<[u8; N]> {
    if text.len() > DIGITS_MAX {
        return None;
    }
    // The number so far, its least part first.
    let mut limbs = [0_u64; BYTES_MAX / 8];
    for group in text.as_bytes().chunks(GROUP) {
        let (mut value, mut scale) = (0_u64, 1_u64);
        for character in group {
            value = value * 58 + digit(*character)?;
            scale *= 58;
        }
        let mut carry = value;
        for limb in &mut limbs {
            let sum = u128::from(*limb) * u128::from(scale) + u128::from(carry);
            *limb = sum as u64;
            carry = (sum >> 64) as u64;
        }
        if carry != 0 {
            return None;
        }
    }
    let mut bytes = [0; BYTES_MAX];
    for (place, limb) in bytes.chunks_exact_mut(8).zip(limbs.iter().rev()) {
        place.copy_from_slice(&limb.to_be_bytes());
    }
    let (above, bytes) = bytes.split_last_chunk::<N>()?;
    // Each zero byte in front is a digit `1` in front, and the other way round.
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    let ones = text.bytes().take_while(|character| *character == b'1').count();
    (zeros == ones && above.iter().all(|byte| *byte == 0)).then_some(*bytes)
}

/// No zero, no capital I and O, no small l.
fn digit(character: u8) -> Option<u64> {
    let (first, value) = match character {
        b'1'..=b'9' => (b'1', 0),
        b'A'..=b'H' => (b'A', 9),
        b'J'..=b'N' => (b'J', 17),
        b'P'..=b'Z' => (b'P', 22),
        b'a'..=b'k' => (b'a', 33),
        b'm'..=b'z' => (b'm', 44),
        _ => return None,
    };
    Some(u64::from(character - first + value))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `bs58` reads, if it is exactly so long.
    fn expected<const N: usize>(text: &str) -> Option<[u8; N]> {
        bs58::decode(text).into_vec().ok()?.try_into().ok()
    }

    #[test]
    fn what_was_written_is_read_also_with_zeros_in_front_and_at_the_bounds() {
        fn check<const N: usize>(bytes: [u8; N]) {
            assert_eq!(decode(&bs58::encode(bytes).into_string()), Some(bytes));
        }
        let mut state = 1_u8;
        for zeros in (0..=64).chain([0; 200]) {
            let mut bytes = [0; 64];
            for byte in bytes.iter_mut().skip(zeros) {
                state = state.wrapping_mul(77).wrapping_add(29);
                *byte = state;
            }
            check(bytes);
            check::<34>(bytes[30..].try_into().expect("34"));
            check::<1>(bytes[63..].try_into().expect("1"));
        }
        check([0xff; 64]);
        check([0xff; 34]);
        check([]);
    }

    #[test]
    fn every_other_text_is_refused_as_another_reader_would() {
        let largest = bs58::encode([0xff; 64]).into_string();
        let mut texts: Vec<String> = ["", "1", "0", "I", "O", "l", "\u{e6}", " ", "z+", "zz"]
            .map(str::to_owned)
            .into();
        for length in [32, 33, 34, 35, 63, 64, 65] {
            for byte in [0, 1, 0xff] {
                let text = bs58::encode(vec![byte; length]).into_string();
                texts.extend([format!("1{text}"), format!("{text}1"), format!("{text}0"), text]);
            }
        }
        texts.push("z".repeat(88));
        texts.push("1".repeat(10_000));
        texts.push(largest.replacen('7', "8", 1));
        for text in texts {
            assert_eq!(decode::<64>(&text), expected(&text), "{text}");
            assert_eq!(decode::<34>(&text), expected(&text), "{text}");
            assert_eq!(decode::<0>(&text), expected(&text), "{text}");
        }
        assert!(decode::<64>(&largest).is_some());
        assert_eq!(decode::<65>(&bs58::encode([1; 65]).into_string()), None);
    }
}
