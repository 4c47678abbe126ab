//! `/bevis/notice/1`: the newest notice, ranges for a gap, checkpoints, and blind evaluations for notices about persons.
//!
//! Any organisation answers `Newest`, `Range`, `Checkpoint` and `State` from what it holds; every text authenticates itself by
//! the register's two keys. Only the register answers `Keys` and `Evaluate`. No message names a person or a customer.

use crate::Problem;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

/// Largest message.
pub const LIMIT: usize = 64 * 1024;
/// Most notices in one answer.
pub const RANGE_MAX: u16 = 32;
/// Bytes of notices in one answer, so that it fits [`LIMIT`] with its frame.
pub const RANGE_BYTES: usize = 60 * 1024;
/// Bytes of one piece of a checkpoint's state.
pub const CHUNK: usize = 48 * 1024;
/// Most elements of one blind evaluation.
pub const EVALUATE_MAX: usize = 256;
/// Largest gossip message.
pub const DIGEST_MAX: usize = 4 * 1024;

/// From whoever receives notices.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ask {
    /// The newest notice and checkpoint of a register.
    Newest {
        /// Its DID.
        register: String,
    },
    /// Notices in order.
    Range {
        /// The register's DID.
        register: String,
        /// First number.
        from: u64,
        /// At most [`RANGE_MAX`].
        count: u16,
    },
    /// A piece of a checkpoint's state.
    State {
        /// The register's DID.
        register: String,
        /// `sha-256:…`, as in the checkpoint.
        hash: String,
        /// From this byte.
        offset: u32,
    },
    /// The statements of the register's keys for tags of persons.
    Keys {
        /// Its DID.
        register: String,
    },
    /// Evaluates blinded elements (RFC 9497, verifiable mode).
    Evaluate {
        /// Name of the key, `2026`.
        key: String,
        /// Serialized group elements, 32 bytes each, at most [`EVALUATE_MAX`].
        elements: Vec<ByteBuf>,
    },
}

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reply {
    /// What is newest here.
    Newest {
        /// The newest notice, signed; none when there is none.
        notice: Option<String>,
        /// The newest checkpoint, signed.
        checkpoint: Option<String>,
    },
    /// Notices in order from the number that was asked; may be fewer than asked.
    Range {
        /// Signed notices.
        notices: Vec<String>,
    },
    /// A piece.
    State {
        /// Length of the whole.
        total: u32,
        /// At most [`CHUNK`] bytes.
        #[serde(with = "serde_bytes")]
        bytes: Vec<u8>,
    },
    /// Signed statements.
    Keys {
        /// One for each key that is still evaluated, newest last.
        statements: Vec<String>,
    },
    /// Evaluated elements, in the order asked, with one proof for all.
    Evaluated {
        /// 32 bytes each.
        elements: Vec<ByteBuf>,
        /// Proof that all were evaluated with the key of the statement, 64 bytes.
        proof: ByteBuf,
    },
    /// No.
    Problem(Problem),
}

/// What is gossiped on `/bevis/notice/1`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Digest {
    /// The notice itself; whoever hands it on.
    Notice {
        /// Signed.
        text: String,
    },
    /// That there is one too long for gossip; believed of the register's own nodes, and only as a reason to pull.
    Announce {
        /// The register's DID.
        register: String,
        /// Its newest number.
        number: u64,
        /// Hash of that notice, `sha-256:…`.
        hash: String,
    },
}
