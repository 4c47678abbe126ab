//! Why a request came to nothing.

use std::fmt;
use std::io;
use std::time::Duration;

/// An error of the network. Its `Debug` is its text: bodies never show.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The peer: no address led to it, or it hung up before hello was done.
    #[error("peer cannot be reached")]
    Unreachable,
    /// The peer: it did not answer in the protocol's time.
    #[error("peer did not answer in time")]
    Timeout,
    /// The caller, before sending; or the peer, whose answer announced too much.
    #[error("body of {got} bytes is over the limit of {limit}")]
    TooLarge {
        /// The protocol's limit in bytes.
        limit: usize,
        /// What was to be sent, or was announced, in bytes.
        got: usize,
    },
    /// The peer refused our hello or our request; the body says why.
    #[error("peer refused ({} bytes)", .0.len())]
    Refused(Vec<u8>),
    /// We do not accept the peer's hello; the body is what [`super::Greeter::check`] said.
    #[error("hello of the peer is not accepted ({} bytes)", .0.len())]
    NotAccepted(Vec<u8>),
    /// The peer: its bytes are not of the protocol's form.
    #[error("peer broke the protocol")]
    Malformed,
    /// The peer does not speak this protocol.
    #[error("peer does not speak this protocol")]
    Unsupported,
    /// The connection or the network closed before the answer came.
    #[error("connection closed before the answer")]
    Closed,
    /// The peer's last hello failed; it is left alone for now.
    #[error("peer is left alone for another {} s", .remaining.as_secs())]
    Backoff {
        /// What is left of the wait.
        remaining: Duration,
    },
    /// The caller: too many requests wait, or too many identities are in use.
    #[error("too many requests under way")]
    Busy,
    /// The caller: asked with the listening identity, but there is none.
    #[error("there is no identity to ask with")]
    NoIdentity,
    /// The caller: not an Ed25519 peer id.
    #[error("not a peer id of an Ed25519 key")]
    BadName,
    /// The caller: not an address that can be dialled, or none that the transports in use
    /// can dial.
    #[error("not an address that can be dialled")]
    BadAddress,
    /// The environment: an address cannot be listened on. The text names it.
    #[error("{0}")]
    Io(io::Error),
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
