//! The messages of every protocol, and how they are read: bounded CBOR (RFC 8949), depth-limited, total.
//!
//! A protocol is one request and one reply on a stream of `/bevis/<name>/1`.

use crate::{Code, Problem};
use serde::{Serialize, de::DeserializeOwned};

pub mod consent;
pub mod hello;
pub mod issuance;
pub mod mailbox;
pub mod notice;
pub mod presentation;
pub mod status;
pub mod trust;

/// Deepest nesting of a message; the deepest of ours has six levels.
pub const DEPTH_MAX: usize = 16;

/// Encodes a message. Fails (`internal`) only for a type that CBOR cannot hold.
pub fn encode<T: Serialize>(message: &T) -> Result<Vec<u8>, Problem> {
    let mut bytes = Vec::new();
    ciborium::into_writer(message, &mut bytes).map_err(|_| Code::Internal)?;
    Ok(bytes)
}

/// Decodes at most `limit` bytes, at most 16 levels deep, with nothing left over (`too_large`, `malformed`).
///
/// Announced lengths are not believed: memory grows with the bytes that really came, or to 1 MiB at most for a list
/// (the bound of `serde` on a length that was only announced).
pub fn decode<T: DeserializeOwned>(bytes: &[u8], limit: usize) -> Result<T, Problem> {
    if bytes.len() > limit {
        return Err(Code::TooLarge.into());
    }
    let mut rest = bytes;
    let message =
        ciborium::de::from_reader_with_recursion_limit(&mut rest, DEPTH_MAX).map_err(|error| match error {
            ciborium::de::Error::RecursionLimitExceeded => Code::TooLarge,
            _ => Code::Malformed,
        })?;
    if rest.is_empty() {
        Ok(message)
    } else {
        Err(Code::Malformed.into())
    }
}

#[cfg(test)]
mod tests;
