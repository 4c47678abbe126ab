//! What two parties must agree on to the byte: identifiers, keys, credential formats, proofs, status lists,
//! the trust document, signed requests, messages and the one verify gate.
//!
//! Nothing here reads a clock, a file, the network or the operating system's randomness: [`Timestamp`] and
//! [`Random`] come in as arguments. Whatever comes from outside is bounded before it is decoded, decoding is
//! total, and every refusal is a [`Problem`] with a stable code.
//!
//! A newcomer reads in this order: [`schema`] (a credential type is data), [`sd_jwt`] (how it is signed, opened
//! and bound), [`trust`] (who may issue and who may ask), [`request`] (what an asker signs), [`verify`] (the one
//! door behind which a `Verified…` value exists) and [`protocol`] (the messages that carry it all).

mod base58;
pub mod canonical;
pub mod decision;
pub mod did;
pub mod envelope;
pub mod grant;
pub mod identifier;
pub mod json;
pub mod jwe;
pub mod jws;
pub mod key;
pub mod letter;
pub mod link;
pub mod mailbox;
pub mod notice;
pub mod problem;
pub mod proof;
pub mod protocol;
pub mod query;
pub mod random;
mod record;
pub mod refresh;
pub mod request;
pub mod schema;
pub mod sd_jwt;
pub mod service;
pub mod status;
pub mod time;
pub mod trust;
pub mod verify;

pub use did::Did;
pub use key::{SigningKey, VerifyingKey};
pub use problem::{Code, Problem};
pub use random::Random;
pub use time::Timestamp;
