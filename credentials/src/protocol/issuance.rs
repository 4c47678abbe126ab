//! `/bevis/issue/1`: begin → terms; request → delivery; acknowledge; refresh → delivery.

use crate::Problem;
use serde::{Deserialize, Serialize};

/// Largest message: 64 copies of 16 KiB.
pub const LIMIT: usize = 1024 * 1024;
/// Most copies of one credential.
pub const COPIES_MAX: usize = 64;
/// Label of a proof that a new holder key is in the wallet's hands: JWS, header `jwk`, payload {aud: issuer DID, nonce, transaction}.
pub const KEY_PROOF_TYP: &str = "openid4vci-proof+jwt";

/// From the holder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ask {
    /// What does it take?
    Begin {
        /// Type.
        vct: String,
        /// Id of a personal offer (16 bytes).
        #[serde(with = "serde_bytes", default)]
        offer: Option<Vec<u8>>,
        /// For a company's wallet: its number.
        organisation: Option<String>,
    },
    /// Here is who I am, and my new keys.
    Request(Box<Request>),
    /// Replace my copies.
    Refresh(Box<Refresh>),
    /// I have it, durably.
    Acknowledge {
        /// Idempotency key.
        #[serde(with = "serde_bytes")]
        transaction: Vec<u8>,
    },
}
/// See [`Ask::Request`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// Idempotency key chosen by the wallet, 16 bytes.
    #[serde(with = "serde_bytes")]
    pub transaction: Vec<u8>,
    /// Type.
    pub vct: String,
    /// The terms' nonce.
    pub nonce: String,
    /// One key proof for each copy and each credential (rows × copies), in order; and one more, of the refresh key, from a wallet that
    /// wants its copies replaced later ([`Ask::Refresh`]).
    pub proofs: Vec<String>,
    /// Who.
    pub identification: Identification,
}
/// See [`Ask::Refresh`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refresh {
    /// Transaction in which the copies were delivered, 16 bytes.
    #[serde(with = "serde_bytes")]
    pub batch: Vec<u8>,
    /// Idempotency key of the replacement, 16 bytes.
    #[serde(with = "serde_bytes")]
    pub transaction: Vec<u8>,
    /// One key proof for each copy of each credential of the batch, in order, and one of the next refresh key. Their nonce is the
    /// batch in base64url.
    pub proofs: Vec<String>,
    /// [`crate::refresh::Order`], signed with the batch's refresh key.
    pub order: String,
}
/// How the holder proves who they are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Identification {
    /// With the activation code of an offer.
    Code {
        /// Offer id.
        #[serde(with = "serde_bytes")]
        offer: Vec<u8>,
        /// Code as typed.
        code: String,
    },
    /// With a presentation (JWE to the terms' request).
    Presentation {
        /// Compact JWE of a JSON `{"vp_token":…}`.
        answer: String,
    },
}

/// From the issuer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reply {
    /// What it takes.
    Terms(Terms),
    /// The credentials.
    Delivery {
        /// Idempotency key.
        #[serde(with = "serde_bytes")]
        transaction: Vec<u8>,
        /// SD-JWT VCs, grouped by row: `credentials[row][copy]`.
        credentials: Vec<Vec<String>>,
    },
    /// Taken note.
    Acknowledged,
    /// No.
    Problem(Problem),
}
/// What collecting takes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// Nonce for the key proofs (and of the request, when there is one), base64url.
    pub nonce: String,
    /// Copies of each credential.
    pub copies: u16,
    /// How many credentials (rows) at most are delivered at once: the wallet makes `copies × rows` keys.
    pub rows: u16,
    /// The signed request for an identification, or none when the activation code is the proof.
    pub request: Option<String>,
}
