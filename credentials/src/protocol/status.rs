//! `/bevis/status/1`: what issuers said of their lists, and the states themselves by content hash.
//!
//! No message asks about one index: whole lists, and what changed between two whole lists, are all that can be asked for
//! (`credentials::protocol::tests::status_asks::no_message_of_any_protocol_can_ask_about_one_index`). Everything but [`Ask::Head`] and
//! [`Ask::Bitstring`] is answered by **any** organisation from its mirror: what it gives is either signed by the issuer or
//! checked against a hash that the issuer signed, so that nobody needs to trust whom it asked, and the issuer learns nothing of
//! who mirrors it.

use crate::{Did, Problem};
use serde::{Deserialize, Serialize};

/// Largest message: one chunk, or a head with what was told since, and its frame.
pub const LIMIT: usize = 300 * 1024;
/// Bytes of one chunk.
pub const CHUNK: usize = 256 * 1024;
/// Most digests that go along with a head: 32 KiB.
pub const DIGESTS_MAX: usize = 8;

/// From whoever mirrors.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ask {
    /// The newest head of the issuer that is asked.
    Head,
    /// The newest head of an issuer that whoever is asked has, with the digests since: [`Reply::News`].
    HeadOf {
        /// Whose.
        issuer: Did,
    },
    /// A piece of a content: a list's text (JWS) by the hash of the text, or the states of a list (zlib over the 262,144 bytes) by
    /// the hash of the states.
    ///
    /// All pieces of one content come from one peer: two may have compressed the same states differently.
    Chunk {
        /// `hash` or `states` of a [`crate::status::ListVersion`].
        hash: String,
        /// From this byte.
        offset: u32,
    },
    /// All that changed in a list between two contents: [`Reply::Delta`].
    Delta {
        /// Whose list.
        issuer: Did,
        /// Which.
        uri: String,
        /// Hash of the states that are held.
        from: String,
        /// Hash of the states that are wanted.
        to: String,
    },
    /// A list of the issuer that is asked, as a `BitstringStatusListCredential`: [`Reply::Bitstring`].
    Bitstring {
        /// Which list.
        uri: String,
        /// Which of the two.
        purpose: Purpose,
    },
}

/// What a set bit of a Bitstring list means (Bitstring Status List §2.2, `statusPurpose`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// Revoked or superseded: final.
    Revocation,
    /// Suspended: may be reinstated.
    Suspension,
}

impl Purpose {
    /// As `statusPurpose` has it.
    pub fn as_str(self) -> &'static str {
        match self {
            Purpose::Revocation => "revocation",
            Purpose::Suspension => "suspension",
        }
    }
}

/// From whoever was asked.
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
    /// The newest signed head, and digests that are not older.
    News {
        /// JWS.
        head: String,
        /// At most [`DIGESTS_MAX`], in order.
        digests: Vec<String>,
    },
    /// What changed.
    Delta {
        /// [`crate::status::Changes`] as bytes.
        #[serde(with = "serde_bytes")]
        changes: Vec<u8>,
    },
    /// A whole Bitstring list.
    Bitstring {
        /// JSON of the credential, with its proof.
        credential: String,
    },
}
