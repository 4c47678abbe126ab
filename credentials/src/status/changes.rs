//! What changed between two contents of one list.

use super::{ENTRIES, State, States};
use crate::{Code, Problem};

/// Bytes of one change.
const CHANGE_BYTES: usize = 3;
/// Most changes that are carried or kept as such; of more, the whole list is no longer than they are.
pub const CHANGES_MAX: usize = 16_384;

/// Entries with the states they come into, each entry once, in ascending order.
///
/// As bytes each change is three, big-endian: two zero bits, 20 bits of the index, two bits of the state. That is a quarter
/// of what JSON takes, so that a digest of 4 KiB has room for several hundred.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes(Vec<(u32, State)>);

impl Changes {
    /// Of entries in any order; of several about one entry the last counts. None when an index is no entry, or there are more than
    /// [`CHANGES_MAX`].
    pub fn new(changes: impl IntoIterator<Item = (u32, State)>) -> Option<Changes> {
        let mut last = std::collections::BTreeMap::new();
        for (index, state) in changes {
            if index >= ENTRIES {
                return None;
            }
            last.insert(index, state);
            if last.len() > CHANGES_MAX {
                return None;
            }
        }
        Some(Changes(last.into_iter().collect()))
    }

    /// All that differs between two contents. None when that is more than [`CHANGES_MAX`].
    pub fn between(before: &States, after: &States) -> Option<Changes> {
        let mut changes = Vec::new();
        for (at, (one, other)) in (0_u32..).zip(before.as_bytes().iter().zip(after.as_bytes())) {
            if one == other {
                continue;
            }
            for index in at.saturating_mul(4)..at.saturating_mul(4).saturating_add(4) {
                let state = after.get(index)?;
                if before.get(index) != Some(state) {
                    changes.push((index, state));
                }
            }
            if changes.len() > CHANGES_MAX {
                return None;
            }
        }
        Some(Changes(changes))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Each.
    pub fn iter(&self) -> impl Iterator<Item = (u32, State)> + '_ {
        self.0.iter().copied()
    }

    /// Makes them.
    pub fn apply(&self, states: &mut States) {
        for (index, state) in &self.0 {
            states.set(*index, *state);
        }
    }

    /// As bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.0.len().saturating_mul(CHANGE_BYTES));
        for (index, state) in &self.0 {
            let [_, high, middle, low] = ((index << 2) | *state as u32).to_be_bytes();
            bytes.extend([high, middle, low]);
        }
        bytes
    }

    /// Reads bytes: `too_large`, or `malformed` when they are not in ascending order or not of three each.
    pub fn parse(bytes: &[u8]) -> Result<Changes, Problem> {
        if bytes.len() > CHANGES_MAX * CHANGE_BYTES {
            return Err(Problem::new(Code::TooLarge, "changes"));
        }
        let malformed = || Problem::new(Code::Malformed, "changes");
        let (parts, rest) = bytes.as_chunks::<CHANGE_BYTES>();
        let mut changes: Vec<(u32, State)> = Vec::with_capacity(parts.len());
        for [high, middle, low] in parts {
            let number = u32::from_be_bytes([0, *high, *middle, *low]);
            let index = number >> 2;
            if index >= ENTRIES || changes.last().is_some_and(|(before, _)| *before >= index) {
                return Err(malformed());
            }
            changes.push((index, State::of((number & 0b11) as u8)));
        }
        if rest.is_empty() {
            Ok(Changes(changes))
        } else {
            Err(malformed())
        }
    }
}
