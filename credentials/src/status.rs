//! Status lists: 2^20 two-bit states, published as a Token Status List (`bits` 2, LSB first, zlib) and derived from it two
//! W3C Bitstring lists (MSB first, gzip). Signed heads say which lists exist; whole lists are fetched by hash.

mod bitstring;
mod changes;
mod digest;
mod head;
mod list;
mod mirror;
mod steps;

pub use changes::{CHANGES_MAX, Changes};
pub use digest::{DIGEST_MAX, DIGEST_TYP, Digest, News};
pub use head::{Head, ListVersion};
pub use list::{List, Signing, list_hash};
pub use mirror::{Cached, CachedList, Conflict, HELD_MAX, Heard, Mirror, Mirrored, Wanted};
pub use steps::Steps;

use crate::{Did, Timestamp};
use serde::{Deserialize, Serialize};

/// Entries of every list: 2^20, so that a list hides whose entry is meant.
pub const ENTRIES: u32 = 1 << 20;
/// Longest signed list we read, in bytes.
pub const LIST_MAX: usize = 1024 * 1024;
/// Label of a head.
pub const HEAD_TYP: &str = "bevis-status-head+jwt";
/// Label of a list.
pub const LIST_TYP: &str = "statuslist+jwt";
/// Longest signed head we read, in bytes.
pub const HEAD_MAX: usize = 256 * 1024;
/// Most lists that one head names: 268 million entries.
pub const LISTS_MAX: usize = 256;
/// How far an issuer's clock may be ahead of ours, in seconds.
pub const CLOCK_SKEW: i64 = 300;

/// Bits of one entry.
const BITS: u32 = 2;
/// Entries of one byte.
const PER_BYTE: u32 = 8 / BITS;
/// Bytes of every list: 256 KiB.
const BYTES: usize = (ENTRIES / PER_BYTE) as usize;
/// Longest URI of a list, in bytes.
const URI_MAX: usize = crate::sd_jwt::STATUS_URI_MAX;

/// State of one credential copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// 0
    Valid = 0,
    /// 1
    Revoked = 1,
    /// 2
    Suspended = 2,
    /// 3, shown as revoked in Bitstring lists
    Superseded = 3,
}

impl State {
    /// Of the two low bits.
    fn of(bits: u8) -> State {
        match bits & 0b11 {
            0 => State::Valid,
            1 => State::Revoked,
            2 => State::Suspended,
            _ => State::Superseded,
        }
    }
}

/// The states of one list, in memory 256 KiB.
#[derive(Clone, PartialEq, Eq)]
pub struct States(Vec<u8>);
impl States {
    /// All valid.
    pub fn new() -> States {
        States(vec![0; BYTES])
    }
    /// State at an index below [`ENTRIES`].
    pub fn get(&self, index: u32) -> Option<State> {
        let (byte, shift) = place(index)?;
        Some(State::of(self.0.get(byte)? >> shift))
    }
    /// Sets it; false when out of range.
    pub fn set(&mut self, index: u32, state: State) -> bool {
        let Some((byte, shift)) = place(index) else {
            return false;
        };
        let Some(byte) = self.0.get_mut(byte) else {
            return false;
        };
        *byte = (*byte & !(0b11 << shift)) | ((state as u8) << shift);
        true
    }
    /// Raw bytes, LSB first.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
    /// From raw bytes of exactly the right length.
    pub fn from_bytes(bytes: Vec<u8>) -> Option<States> {
        (bytes.len() == BYTES).then_some(States(bytes))
    }
}

impl Default for States {
    fn default() -> States {
        States::new()
    }
}

/// The byte of an entry and how far its bits stand from the lowest one (Token Status List §4.1).
fn place(index: u32) -> Option<(usize, u32)> {
    if index >= ENTRIES {
        return None;
    }
    let byte = usize::try_from(index / PER_BYTE).ok()?;
    Some((byte, (index % PER_BYTE) * BITS))
}

/// Whoever holds mirrored lists (wallet, verifier).
pub trait Source {
    /// State of `index` in list `uri` of `issuer`, and when that issuer last said so: the `iat` of the newest head or digest that
    /// names the states held. Fetching, or asking again, makes nothing younger. `None` when not at hand.
    fn state(&self, issuer: &Did, uri: &str, index: u32) -> Option<(State, Timestamp)>;
}

#[cfg(test)]
mod tests;
