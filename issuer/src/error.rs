//! Why the issuer could not do what it was asked, sorted by whose fault it is.

use credentials::{Code, Problem};

/// Why a command failed. No variant carries a claim, a number of a person, a code or a key.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    // --- the caller ---
    /// What was asked cannot be; the code says why. Safe to tell a peer.
    #[error("{0}")]
    Refused(Problem),

    // --- the environment ---
    /// The store could not be read or written.
    #[error("the issuer's store failed")]
    Store(#[from] store::Error),
    /// The signing device failed.
    #[error("signing failed")]
    Signing(#[source] Problem),
    /// The access log could not be written, so nothing was given out.
    #[error("the access log could not be written")]
    Log(#[source] store::Error),

    // --- us ---
    /// A record was written by another version, or by a fault of ours.
    #[error("a record of table {table} cannot be read")]
    Unreadable {
        /// The table.
        table: &'static str,
    },
    /// A value could not be written in its stored form.
    #[error("a record of table {table} cannot be written")]
    Unwritable {
        /// The table.
        table: &'static str,
    },
}

impl Error {
    /// The code of the one table.
    pub fn code(&self) -> Code {
        self.problem().code
    }

    /// What a person may be told. A peer is not told how our disk fares: it hears `internal`.
    pub fn problem(&self) -> Problem {
        match self {
            Error::Refused(problem) => problem.clone(),
            Error::Log(_) => Code::TraceUnavailable.into(),
            Error::Store(store::Error::Full { .. }) => Code::DiskFull.into(),
            Error::Store(store::Error::ReadOnly { .. }) => Code::DiskReadOnly.into(),
            Error::Store(_) | Error::Signing(_) | Error::Unreadable { .. } | Error::Unwritable { .. } => {
                Code::Internal.into()
            }
        }
    }
}

impl From<Code> for Error {
    fn from(code: Code) -> Error {
        Error::Refused(code.into())
    }
}

impl From<Problem> for Error {
    fn from(problem: Problem) -> Error {
        Error::Refused(problem)
    }
}
