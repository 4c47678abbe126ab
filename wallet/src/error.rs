//! Why the wallet could not do what it was asked.

use credentials::{Code, Problem};

/// Why a command or a view of the wallet failed. Carries no claim, key or person number.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    // --- the caller ---
    /// Nothing of this name is in the wallet.
    #[error("nothing of this name is in the wallet")]
    NotFound,
    /// A company's wallet needs the company's number, and a person's wallet has none.
    #[error("the settings name no kind of holder that a wallet can be for")]
    Settings,
    /// The home holds the wallet of another holder than the settings say.
    #[error("this is the wallet of another kind of holder or of another company")]
    OtherHolder,
    /// Refused for a reason that can be told.
    #[error(transparent)]
    Refused(#[from] Problem),
    // --- the environment ---
    /// The store failed.
    #[error("the wallet's store failed")]
    Store(#[from] store::Error),
    // --- us ---
    /// A row of this table is not what this version writes.
    #[error("a row of table {table} cannot be read")]
    Row {
        /// The table.
        table: &'static str,
    },
}

impl Error {
    /// What a person or peer may be told of it.
    pub fn problem(&self) -> Problem {
        match self {
            Error::Refused(problem) => problem.clone(),
            Error::NotFound => Code::UnknownSession.into(),
            Error::OtherHolder => Code::WrongWallet.into(),
            Error::Store(store::Error::Full { .. }) => Code::DiskFull.into(),
            Error::Store(store::Error::ReadOnly { .. }) => Code::DiskReadOnly.into(),
            Error::Settings | Error::Store(_) | Error::Row { .. } => Code::Internal.into(),
        }
    }
}

impl From<Code> for Error {
    fn from(code: Code) -> Error {
        Error::Refused(code.into())
    }
}
