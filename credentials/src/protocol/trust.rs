//! `/bevis/trust/1`: which version somebody holds, and its parts. Whatever comes is checked against what the reader remembers
//! ([`crate::trust::Known`]), so that it does not matter from whom.

use crate::Problem;
use crate::trust::{Edit, Step, Version};
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use serde::{Deserialize, Serialize};

/// Largest message: one chunk, or the roots of one answer, and their frame.
pub const LIMIT: usize = 1024 * 1024;
/// Bytes of one chunk of a list.
pub const CHUNK: usize = 256 * 1024;
/// Most roots in one answer; each has at most 64 KiB.
pub const ROOTS_MAX: usize = 8;
/// Longest announcement, as gossip carries it.
pub const ANNOUNCEMENT_MAX: usize = 4 * 1024;
/// Most bytes that the edits of one answer put in; more is fetched as the whole list.
pub const EDITS_BYTES_MAX: usize = 256 * 1024;

/// A hash as messages have it: base64url without padding.
pub fn hash_text(hash: &[u8; 32]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(hash)
}

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
    /// What is other in a list than in the one before it.
    Changes {
        /// Hash of the list that the asker holds.
        from: String,
        /// Hash of the list that a head names.
        to: String,
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
    /// What is other.
    Changes {
        /// In ascending order.
        edits: Vec<Edit>,
    },
    /// No.
    Problem(Problem),
}

/// What gossip carries of a new version: its head, and what is other in its list. What is missing or does not fit is fetched from
/// whoever passed it on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Announcement {
    /// The version that is to be had.
    pub version: Version,
    /// Its head, or nothing.
    pub head: Vec<String>,
    /// From the list before to that of the head.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changes: Option<Changes>,
}

/// What is other in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changes {
    /// Hash of the list before.
    pub from: String,
    /// In ascending order.
    pub edits: Vec<Edit>,
}

impl Announcement {
    /// The announcement of a head, encoded within [`ANNOUNCEMENT_MAX`]: without what is other in its list, and then without the head
    /// itself, where that does not fit.
    pub fn encode(version: Version, head: &[String], step: Option<&Step>) -> Result<Vec<u8>, Problem> {
        let mut announcement = Announcement {
            version,
            head: head.to_vec(),
            changes: None,
        };
        if let Some(step) = step.filter(|step| step.size() <= ANNOUNCEMENT_MAX) {
            announcement.changes = Some(Changes {
                from: hash_text(&step.from),
                edits: step.edits.clone(),
            });
        }
        let whole = super::encode(&announcement)?;
        if whole.len() <= ANNOUNCEMENT_MAX {
            return Ok(whole);
        }
        announcement.changes = None;
        let short = super::encode(&announcement)?;
        if short.len() <= ANNOUNCEMENT_MAX {
            return Ok(short);
        }
        announcement.head.clear();
        super::encode(&announcement)
    }
}
