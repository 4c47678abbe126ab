//! Everything that is left to chance, from one seed: the same seed and label throw the same.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use sha2::{Digest, Sha256};

/// A seeded source of chance. Each use has its own label, so that one more throw in one place changes no other.
pub(crate) struct Dice(ChaCha8Rng);

impl Dice {
    pub(crate) fn new(seed: u64, label: &str) -> Dice {
        let mut hasher = Sha256::new();
        hasher.update(seed.to_be_bytes());
        hasher.update(label.as_bytes());
        Dice(ChaCha8Rng::from_seed(hasher.finalize().into()))
    }

    /// A number below `most`; 0 when `most` is 0.
    pub(crate) fn below(&mut self, most: u64) -> u64 {
        self.0.next_u64().checked_rem(most).unwrap_or(0)
    }

    /// An index into something of this length.
    pub(crate) fn index(&mut self, length: usize) -> usize {
        self.below(length as u64) as usize
    }

    /// A number from `least` to `most`, both included.
    pub(crate) fn between(&mut self, least: i64, most: i64) -> i64 {
        let span = most.saturating_sub(least).saturating_add(1).max(1);
        least.saturating_add(self.below(span.unsigned_abs()) as i64)
    }

    /// True in `percent` of a hundred cases.
    pub(crate) fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    pub(crate) fn pick<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        from.get(self.index(from.len()))
    }

    pub(crate) fn fill(&mut self, bytes: &mut [u8]) {
        self.0.fill_bytes(bytes);
    }
}
