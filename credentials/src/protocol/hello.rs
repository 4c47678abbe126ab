//! `/bevis/hello/1`: who is there. Organisations tell DID, trust version and time; wallets tell neither.

use crate::{Did, Problem, Timestamp};
use serde::{Deserialize, Serialize};

/// Largest message.
pub const LIMIT: usize = 8 * 1024;

/// The first message on a connection, and its answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// Protocol version, 1.
    pub version: u16,
    /// Organisation or wallet.
    pub who: Who,
}
/// Who.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Who {
    /// A wallet: nothing about it.
    Wallet,
    /// An organisation.
    Organisation {
        /// DID.
        did: Did,
        /// Version of the trust document it holds.
        trust: Option<u64>,
        /// Its clock.
        time: Timestamp,
    },
}
/// Reply: a hello back or a refusal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reply {
    /// Welcome.
    Hello(Hello),
    /// No.
    Problem(Problem),
}
