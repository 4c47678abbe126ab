//! `/bevis/hello/1`: who is there. Organisations show their node certificate and tell trust version and time; wallets have no
//! certificate and tell neither.

use crate::trust::Version;
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
        /// Node certificate: binds the PeerId of this connection to the DID.
        certificate: String,
        /// Version of the trust list it holds; none when it holds none.
        trust: Option<Version>,
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
