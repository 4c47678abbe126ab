//! `/bevis/present/1`: fetch the signed request; answer or decline; receipt; and later what was shown is to be erased.

use crate::Problem;
use serde::{Deserialize, Serialize};

/// Largest message.
pub const LIMIT: usize = 256 * 1024;

/// From the holder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ask {
    /// The request of a session, by its unguessable name.
    Fetch {
        /// Name.
        session: String,
    },
    /// The answer: compact JWE of JSON `{"vp_token":{…},"decision":…}`, `apv` = request hash.
    Answer {
        /// Name.
        session: String,
        /// JWE.
        answer: String,
    },
    /// Declined, or not held: the two are one message.
    Decline {
        /// Name.
        session: String,
    },
    /// The holder wants erased what was shown. Said again, it is answered the same. [`Reply::Erased`].
    Erase {
        /// Name.
        session: String,
        /// Signed [`crate::decision::Deletion`].
        deletion: String,
    },
}
/// From the asker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reply {
    /// Signed request.
    Request {
        /// JWS.
        request: String,
    },
    /// Signed receipt.
    Receipt {
        /// JWS.
        receipt: String,
    },
    /// A decline was taken note of.
    Closed,
    /// What was erased, and what is kept on which ground until when.
    Erased {
        /// Signed [`crate::decision::Statement`].
        statement: String,
    },
    /// No.
    Problem(Problem),
}
