//! `/bevis/status/1`: the head, and whole lists by hash in chunks. No message asks about one index.

use crate::Problem;
use serde::{Deserialize, Serialize};

/// Largest message: one chunk and its frame.
pub const LIMIT: usize = 300 * 1024;
/// Bytes of one chunk.
pub const CHUNK: usize = 256 * 1024;

/// From whoever mirrors.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ask {
    /// The newest head.
    Head,
    /// A piece of a list.
    Chunk {
        /// Hash of the list's text, as in the head.
        hash: String,
        /// From this byte.
        offset: u32,
    },
}
/// From the issuer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reply {
    /// Signed head.
    Head {
        /// JWS.
        head: String,
    },
    /// A piece.
    Chunk {
        /// Length of the whole.
        total: u32,
        /// At most [`CHUNK`] bytes.
        #[serde(with = "serde_bytes")]
        bytes: Vec<u8>,
    },
    /// No.
    Problem(Problem),
}
