//! `/bevis/trust/1`: which version somebody holds, and its parts. Whatever comes is checked against what the reader remembers
//! ([`crate::trust::Known`]), so that it does not matter from whom.

use crate::Problem;
use crate::trust::Version;
use serde::{Deserialize, Serialize};

/// Largest message: one chunk, or the roots of one answer, and their frame.
pub const LIMIT: usize = 1024 * 1024;
/// Bytes of one chunk of a list.
pub const CHUNK: usize = 256 * 1024;
/// Most roots in one answer; each has at most 64 KiB.
pub const ROOTS_MAX: usize = 8;
/// Longest announcement, as gossip carries it.
pub const ANNOUNCEMENT_MAX: usize = 4 * 1024;

/// From anybody: organisations among themselves, and wallets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ask {
    /// Which version is held.
    Version,
    /// The newest head.
    Head,
    /// Roots from this number on, at most [`ROOTS_MAX`].
    Root {
        /// The first that is wanted.
        from: u64,
    },
    /// A piece of the list that a head names.
    List {
        /// Hash of the list, as in the head.
        hash: String,
        /// From this byte.
        offset: u32,
    },
}

/// From whoever holds it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reply {
    /// What is held.
    Version(Version),
    /// The newest head: one JWS of each head key that signed it.
    Head {
        /// Compact JWS.
        head: Vec<String>,
    },
    /// Signed roots in their order, the newest of all last where they fit; none where the asker has the newest.
    Root {
        /// Texts.
        roots: Vec<String>,
    },
    /// A piece of the list.
    List {
        /// Length of the whole.
        total: u32,
        /// At most [`CHUNK`] bytes.
        #[serde(with = "serde_bytes")]
        bytes: Vec<u8>,
    },
    /// No.
    Problem(Problem),
}

/// What gossip carries of a new version: its head, and what belongs to it is fetched from whoever passed it on. A head that does
/// not fit is left out and fetched too.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Announcement {
    /// The version that is to be had.
    pub version: Version,
    /// Its head, or nothing.
    pub head: Vec<String>,
}

impl Announcement {
    /// The announcement of a head, encoded within [`ANNOUNCEMENT_MAX`]: without the head's text where that does not fit.
    pub fn encode(version: Version, head: &[String]) -> Result<Vec<u8>, Problem> {
        let whole = super::encode(&Announcement {
            version,
            head: head.to_vec(),
        })?;
        if whole.len() <= ANNOUNCEMENT_MAX {
            return Ok(whole);
        }
        super::encode(&Announcement {
            version,
            head: Vec::new(),
        })
    }
}
