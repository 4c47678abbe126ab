//! One queue, as it is held in memory.

use super::{IDLE_SECONDS, ITEM_SECONDS};
use credentials::Timestamp;

/// Name of a queue.
pub(super) type Id = [u8; 16];

/// A queue. Numbers from `kept` on are known by name, those from `first` on wait, and `next` is the next one's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Queue {
    /// Public key of whoever owns it.
    pub(super) owner: [u8; 32],
    /// SHA-256 of the token that putting needs.
    pub(super) token: [u8; 32],
    pub(super) kept: u64,
    pub(super) first: u64,
    pub(super) next: u64,
    /// Bytes of the envelopes that wait.
    pub(super) bytes: u32,
    /// When the first of those that wait was put; without meaning when none does.
    pub(super) oldest: Timestamp,
    /// Day on which the owner came last.
    pub(super) used: Timestamp,
}

impl Queue {
    /// A new one.
    pub(super) fn begun(owner: [u8; 32], token: [u8; 32], now: Timestamp) -> Queue {
        Queue {
            owner,
            token,
            kept: 0,
            first: 0,
            next: 0,
            bytes: 0,
            oldest: now,
            used: now.day(),
        }
    }

    /// How many envelopes wait.
    pub(super) fn waiting(&self) -> u64 {
        self.next.saturating_sub(self.first)
    }

    /// When it ends, if its owner does not come.
    pub(super) fn ends(&self) -> Timestamp {
        self.used.plus(IDLE_SECONDS)
    }

    /// When something of it ends next.
    pub(super) fn due(&self) -> Timestamp {
        match self.waiting() {
            0 => self.ends(),
            _ => self.ends().min(self.oldest.plus(ITEM_SECONDS)),
        }
    }
}
