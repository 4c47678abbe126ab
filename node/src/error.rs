//! What a command ends with when it does not succeed: a code of the one table, an exit code, a cause for the log.

use credentials::{Code, Problem};
use std::path::Path;

/// A failed command.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{problem}")]
pub struct Failure {
    /// Code and what it is about.
    pub problem: Problem,
    /// Technical cause for the operator; never a claim, key or person number.
    pub cause: Option<String>,
}

impl Failure {
    /// A failure with a cause.
    pub fn because(problem: impl Into<Problem>, cause: impl std::fmt::Display) -> Failure {
        Failure {
            problem: problem.into(),
            cause: Some(cause.to_string()),
        }
    }

    /// A file that could not be read or written.
    pub fn file(path: &Path, error: &std::io::Error) -> Failure {
        use std::io::ErrorKind::{QuotaExceeded, ReadOnlyFilesystem, StorageFull};
        let code = match error.kind() {
            StorageFull | QuotaExceeded => Code::DiskFull,
            ReadOnlyFilesystem => Code::DiskReadOnly,
            _ => Code::FileFailed,
        };
        Failure::because(Problem::new(code, path.display().to_string()), error)
    }

    /// The exit code (interfaces §6.2).
    pub fn exit(&self) -> u8 {
        exit(self.problem.code)
    }
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Failure {
        Failure { problem, cause: None }
    }
}

impl From<Code> for Failure {
    fn from(code: Code) -> Failure {
        Problem::from(code).into()
    }
}

impl From<store::Error> for Failure {
    fn from(error: store::Error) -> Failure {
        let code = match &error {
            store::Error::WrongPassphrase => Code::WrongPassphrase,
            store::Error::Locked { .. } => Code::HomeLocked,
            store::Error::NewerFormat { .. } => Code::NewerFormat,
            store::Error::Full { .. } => Code::DiskFull,
            store::Error::ReadOnly { .. } => Code::DiskReadOnly,
            store::Error::Io { .. } => Code::FileFailed,
            store::Error::ErasureKeysDamaged { .. } | store::Error::ErasureKeysOutdated { .. } => {
                return Failure::because(Problem::new(Code::Damaged, "erasure-keys"), error);
            }
            _ => Code::Damaged,
        };
        Failure::because(code, error)
    }
}

/// Exit code of a problem code: one table for every command.
pub fn exit(code: Code) -> u8 {
    match code {
        Code::Usage => 2,
        Code::StatusMissing
        | Code::StatusStale
        | Code::TrustMissing
        | Code::TrustStale
        | Code::Stale
        | Code::CatchingUp
        | Code::ClockSuspect => 4,
        Code::Unreachable | Code::RateLimited | Code::MailboxFull | Code::UnexpectedMessage => 5,
        Code::NotPresented | Code::CopiesSpent | Code::CopiesVoid | Code::NotConfirmed => 6,
        Code::WrongPassphrase
        | Code::PassphraseMissing
        | Code::HomeLocked
        | Code::WrongCode
        | Code::AttemptsExhausted
        | Code::OverAsk
        | Code::NotLicensed
        | Code::RoleMissing
        | Code::NotListed => 7,
        Code::PartlyDone => 8,
        Code::ConfigInvalid
        | Code::AnchorMissing
        | Code::NewerFormat
        | Code::HomeMissing
        | Code::HomeExists
        | Code::WrongRole
        | Code::Damaged => 9,
        Code::NotFound | Code::UnknownSession | Code::UnknownOffer | Code::UnknownGrant | Code::NoData => 10,
        Code::Internal | Code::FileFailed | Code::DiskFull | Code::DiskReadOnly => 1,
        _ => 3,
    }
}
