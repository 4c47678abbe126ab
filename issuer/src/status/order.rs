//! The order in which a list's entries are given out: a keyed permutation of all 2^20 of them.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// Half of an index: 10 of 20 bits.
const HALF_BITS: u32 = 10;
/// Values of a half.
const HALF: u32 = 1 << HALF_BITS;
/// Luby and Rackoff need four rounds for a permutation that cannot be told from a random one; such small halves want more.
const ROUNDS: u8 = 8;

/// A Feistel network over 20 bits with HMAC-SHA256 as its round function, tabulated: 16 KiB, a permutation whatever the key.
///
/// The n-th entry given out is `at(n)`. Who sees indices cannot tell which were given out together, and no pool of free
/// entries lies in memory or on disk: the counter is the whole state.
pub(crate) struct Order {
    rounds: Vec<Vec<u16>>,
}

impl Order {
    /// The order under a list's key.
    pub(crate) fn new(key: &[u8; 32]) -> Order {
        let mac = <Hmac<Sha256> as KeyInit>::new_from_slice(key).expect("HMAC takes a key of any length");
        let rounds = (0..ROUNDS)
            .map(|round| {
                (0..HALF)
                    .map(|half| {
                        let mut mac = mac.clone();
                        mac.update(b"bevis-status-order/1");
                        mac.update(&[round]);
                        mac.update(&half.to_be_bytes());
                        let hash: [u8; 32] = mac.finalize().into_bytes().into();
                        let [a, b, ..] = hash;
                        u16::from_be_bytes([a, b]) & ((1 << HALF_BITS) - 1)
                    })
                    .collect()
            })
            .collect();
        Order { rounds }
    }

    /// The index given out as number `n`, both below 2^20.
    pub(crate) fn at(&self, n: u32) -> u32 {
        let (mut left, mut right) = ((n >> HALF_BITS) & (HALF - 1), n & (HALF - 1));
        for round in &self.rounds {
            let mixed = round.get(right as usize).copied().unwrap_or_default();
            (left, right) = (right, left ^ u32::from(mixed));
        }
        (left << HALF_BITS) | right
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use credentials::status::ENTRIES;

    #[test]
    fn the_order_gives_each_index_once() {
        let order = Order::new(&[7; 32]);
        let mut given = vec![false; ENTRIES as usize];
        for n in 0..ENTRIES {
            let index = order.at(n) as usize;
            assert!(!given[index], "index {index} twice");
            given[index] = true;
        }
    }

    #[test]
    fn neighbours_in_time_are_no_neighbours_in_the_list() {
        let order = Order::new(&[7; 32]);
        let close = (0..100_000u32)
            .filter(|n| order.at(*n).abs_diff(order.at(n + 1)) < 1024)
            .count();
        // By chance 2 * 1024 / 2^20 of 100,000: about 195.
        assert!((100..300).contains(&close), "{close}");
    }

    #[test]
    fn another_key_is_another_order() {
        let (one, other) = (Order::new(&[1; 32]), Order::new(&[2; 32]));
        let same = (0..10_000).filter(|n| one.at(*n) == other.at(*n)).count();
        assert!(same < 5, "{same}");
    }
}
