//! Why the verifier could not do its own part. What a peer or a case-worker did wrong is a [`credentials::Problem`].

use credentials::{Code, Problem};

/// A failure on our side. Names tables and causes, never a value.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The store failed.
    #[error("the store failed")]
    Store(#[from] store::Error),
    /// A row is not what this version writes.
    #[error("a row of table {table} cannot be read")]
    Row {
        /// The table.
        table: &'static str,
    },
    /// The settings cannot be used.
    #[error("the verifier's setting {name} cannot be used")]
    Setting {
        /// Which.
        name: &'static str,
    },
}

impl Error {
    /// What our own case-worker or operator is told.
    pub fn problem(&self) -> Problem {
        match self {
            Error::Store(store::Error::Full { .. }) => Code::DiskFull.into(),
            Error::Store(store::Error::ReadOnly { .. }) => Code::DiskReadOnly.into(),
            Error::Store(_) | Error::Row { .. } | Error::Setting { .. } => Code::Internal.into(),
        }
    }
}

/// Why a message or a command gets no for an answer: the other side's doing, or ours.
pub(crate) enum Refusal {
    /// To be told as it is.
    Told(Problem),
    /// To be logged; the peer hears `internal`.
    Ours(Error),
}

impl Refusal {
    /// What our own case-worker or operator is told: as [`Self::problem`], and how our disk fares.
    pub(crate) fn told_at_home(self, doing: &'static str) -> Problem {
        let ours = match &self {
            Refusal::Ours(error) => Some(error.problem()),
            Refusal::Told(_) => None,
        };
        let problem = self.problem(doing);
        ours.unwrap_or(problem)
    }

    /// What may be told. The cause of a failure of ours goes to the log.
    pub(crate) fn problem(self, doing: &'static str) -> Problem {
        match self {
            Refusal::Told(problem) => problem,
            Refusal::Ours(error) => {
                let cause = std::error::Error::source(&error).map(ToString::to_string);
                tracing::error!(doing, %error, cause, "the verifier could not go on");
                Code::Internal.into()
            }
        }
    }
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Refusal {
        Refusal::Told(problem)
    }
}

impl From<Code> for Refusal {
    fn from(code: Code) -> Refusal {
        Refusal::Told(code.into())
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Refusal {
        Refusal::Ours(error)
    }
}

impl From<store::Error> for Refusal {
    fn from(error: store::Error) -> Refusal {
        Refusal::Ours(error.into())
    }
}
