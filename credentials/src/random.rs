//! Randomness as an argument.

/// A source of random bytes, handed in by whoever owns one.
///
/// The node hands in the operating system's; a test hands in a seeded one. Keys are only ever made from the former.
pub trait Random: Send {
    /// Fills `bytes` with random bytes.
    fn fill(&mut self, bytes: &mut [u8]);
}

impl<F: FnMut(&mut [u8]) + Send> Random for F {
    fn fill(&mut self, bytes: &mut [u8]) {
        self(bytes);
    }
}

/// `N` random bytes from `source`.
pub fn bytes<const N: usize>(source: &mut dyn Random) -> [u8; N] {
    let mut bytes = [0; N];
    source.fill(&mut bytes);
    bytes
}
