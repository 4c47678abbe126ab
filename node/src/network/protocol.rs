//! The protocols of design section 5 with their limits.

use std::fmt;
use std::time::Duration;

/// A protocol: one request and one answer on a stream of its own.
///
/// On the wire a request is a length (4 bytes, big-endian) and a body. An answer is one
/// byte (0 answer, 1 refusal), a length and a body. The asker closes its side when it has
/// read the answer, so that the other end knows that it arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Protocol {
    /// Who we are; first on every connection, sent by the side that dialled.
    Hello,
    /// The trust document and its parts.
    Trust,
    /// Offer, request, deliver, acknowledge.
    Issue,
    /// Signed request, encrypted answer, receipt.
    Present,
    /// Heads of status lists, and lists by hash in chunks.
    Status,
    /// Signed broadcasts by number, to fill a gap.
    Notice,
    /// Standing grants: deposit, refresh, withdraw.
    Consent,
    /// Sealed envelopes: put, fetch, acknowledge.
    Mailbox,
}

impl Protocol {
    /// Every protocol, in the order of their tables.
    pub const ALL: [Self; 8] = [
        Self::Hello,
        Self::Trust,
        Self::Issue,
        Self::Present,
        Self::Status,
        Self::Notice,
        Self::Consent,
        Self::Mailbox,
    ];

    /// The name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hello => "/bevis/hello/1",
            Self::Trust => "/bevis/trust/1",
            Self::Issue => "/bevis/issue/1",
            Self::Present => "/bevis/present/1",
            Self::Status => "/bevis/status/1",
            Self::Notice => "/bevis/notice/1",
            Self::Consent => "/bevis/consent/1",
            Self::Mailbox => "/bevis/mailbox/1",
        }
    }

    /// Longest body, of a request and of an answer alike, in bytes.
    #[must_use]
    pub const fn bytes_max(self) -> usize {
        match self {
            Self::Hello => 8 * 1024,
            Self::Trust | Self::Issue => 1024 * 1024,
            Self::Present => 256 * 1024,
            // A chunk of 256 KiB and its head.
            Self::Status => 300 * 1024,
            Self::Notice => 64 * 1024,
            Self::Consent => 32 * 1024,
            Self::Mailbox => 72 * 1024,
        }
    }

    /// Longest time from the opening of the stream to the end of the answer.
    #[must_use]
    pub const fn timeout(self) -> Duration {
        match self {
            Self::Hello => Duration::from_secs(5),
            Self::Status | Self::Notice | Self::Consent | Self::Mailbox => Duration::from_secs(10),
            Self::Trust | Self::Issue | Self::Present => Duration::from_secs(30),
        }
    }

    /// Place in tables that have one row per protocol, as in [`Protocol::ALL`].
    pub(super) const fn index(self) -> usize {
        match self {
            Self::Hello => 0,
            Self::Trust => 1,
            Self::Issue => 2,
            Self::Present => 3,
            Self::Status => 4,
            Self::Notice => 5,
            Self::Consent => 6,
            Self::Mailbox => 7,
        }
    }
}

impl AsRef<str> for Protocol {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
