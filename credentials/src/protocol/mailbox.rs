//! `/bevis/mailbox/1`: sealed envelopes ([`crate::envelope`]) wait with an operator for whoever owns a queue.
//!
//! A queue goes one way and belongs to one relation. Its owner is a key that was made for it; whoever puts has its token. Envelopes
//! stay until the owner acknowledges them, or 30 days: they come at least once, in the order in which they were put.

use crate::Problem;
use serde::{Deserialize, Serialize};

/// Largest message: one envelope of the largest class, or as many small ones as fit, with their frame.
pub const LIMIT: usize = 72 * 1024;
/// Most envelopes that are fetched at once.
pub const FETCH_MAX: usize = 32;
/// Bytes of envelopes that are fetched at once: one of the largest.
pub const FETCH_BYTES: usize = crate::envelope::BODY_MAX;

/// What an owner or a sender wants. Proofs are [`crate::mailbox::prove`]'s.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ask {
    /// From an owner: a queue for the key of the proof. Said again, the queue is the same, and the token is new: the one before is
    /// void, as are those of [`Ask::Put`]s on their way. [`Reply::Created`].
    Create {
        /// For [`crate::mailbox::Act::Create`].
        proof: String,
    },
    /// From a sender: keep this. The same envelope said again is kept once. [`Reply::Kept`].
    Put {
        /// Which queue.
        #[serde(with = "serde_bytes")]
        queue: [u8; 16],
        /// What the owner gave the sender.
        #[serde(with = "serde_bytes")]
        token: [u8; 32],
        /// The envelope.
        #[serde(with = "serde_bytes")]
        envelope: Vec<u8>,
    },
    /// From the owner: what waits, oldest first. It goes on waiting until it is acknowledged. [`Reply::Waiting`].
    Fetch {
        /// Which queue.
        #[serde(with = "serde_bytes")]
        queue: [u8; 16],
        /// For [`crate::mailbox::Act::Fetch`].
        proof: String,
    },
    /// From the owner: everything up to this envelope is kept elsewhere now, and is dropped here. [`Reply::Acknowledged`].
    Acknowledge {
        /// Which queue.
        #[serde(with = "serde_bytes")]
        queue: [u8; 16],
        /// Number that it was fetched with.
        number: u64,
        /// Its [`crate::envelope::id`]: an operator that was restored from an old copy may have given the number to another one.
        #[serde(with = "serde_bytes")]
        id: [u8; 32],
        /// For [`crate::mailbox::Act::Acknowledge`].
        proof: String,
    },
    /// From the owner: the queue ends, with what is in it. [`Reply::Deleted`].
    Delete {
        /// Which queue.
        #[serde(with = "serde_bytes")]
        queue: [u8; 16],
        /// For [`crate::mailbox::Act::Delete`].
        proof: String,
    },
}

impl std::fmt::Debug for Ask {
    /// Neither tokens nor envelopes.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Ask::Create { .. } => "Create(..)",
            Ask::Put { .. } => "Put(..)",
            Ask::Fetch { .. } => "Fetch(..)",
            Ask::Acknowledge { .. } => "Acknowledge(..)",
            Ask::Delete { .. } => "Delete(..)",
        })
    }
}

/// The answer.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reply {
    /// There is a queue.
    Created {
        /// Its id.
        #[serde(with = "serde_bytes")]
        queue: [u8; 16],
        /// Whoever has it may put.
        #[serde(with = "serde_bytes")]
        token: [u8; 32],
    },
    /// It is kept, and survives a crash.
    Kept,
    /// Envelopes in order, at most [`FETCH_MAX`] and [`FETCH_BYTES`].
    Waiting {
        /// The first ones.
        envelopes: Vec<Waiting>,
        /// How many more there are behind them.
        more: u32,
    },
    /// They are gone here.
    Acknowledged,
    /// There is no such queue now.
    Deleted,
    /// No.
    Problem(Problem),
}

impl std::fmt::Debug for Reply {
    /// Neither tokens nor envelopes.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Reply::Created { .. } => f.write_str("Created(..)"),
            Reply::Kept => f.write_str("Kept"),
            Reply::Waiting { envelopes, more } => write!(f, "Waiting({}, {more})", envelopes.len()),
            Reply::Acknowledged => f.write_str("Acknowledged"),
            Reply::Deleted => f.write_str("Deleted"),
            Reply::Problem(problem) => write!(f, "Problem({problem})"),
        }
    }
}

/// An envelope that waits.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    /// The operator's number in this queue, rising by one; what is missing was dropped after its 30 days.
    pub number: u64,
    /// The envelope.
    #[serde(with = "serde_bytes")]
    pub envelope: Vec<u8>,
}

impl std::fmt::Debug for Waiting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Waiting({}, ..)", self.number)
    }
}
