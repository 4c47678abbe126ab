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

/// What each exit code means, as the manual and the references print it (interfaces §6.2).
pub const EXITS: &[(u8, &str)] = &[
    (0, "done; the answer is yes; doctor: healthy, warnings allowed"),
    (
        1,
        "unexpected failure; doctor: something is wrong, or with --strict there is a warning",
    ),
    (2, "wrong usage"),
    (3, "checked and not valid, or refused"),
    (
        4,
        "could not decide: a status list or the trust list is missing or too old; doctor: not all could be looked at",
    ),
    (
        5,
        "the network or a peer could not be reached, or did not answer in time",
    ),
    (6, "not presented (declined or not held), or not confirmed"),
    (7, "locked, or not allowed"),
    (8, "partly done: some rows were rejected"),
    (9, "the configuration, or the format of the home's data"),
    (10, "not found"),
    (
        130,
        "interrupted by Ctrl-C; an import goes on where it was when it is run again",
    ),
    (143, "ended by SIGTERM; the same holds"),
];

/// HTTP status of a problem code (RFC 9110), for pages and the API. What is refused by its content is 422; a code of which the
/// asker can do nothing is 500 or 503.
pub fn http_status(code: Code) -> u16 {
    match code {
        Code::LoginNeeded | Code::TokenInvalid => 401,
        Code::ForeignOrigin | Code::NoAccess | Code::WrongRole => 403,
        Code::UnderWay | Code::PageExpired | Code::Replay | Code::WrongRequest | Code::IdempotencyConflict => 409,
        Code::LinkSpent => 410,
        Code::TooLarge => 413,
        Code::RateLimited | Code::AttemptsExhausted => 429,
        Code::DiskFull => 507,
        // The rest by the kind that a command tells by its exit code.
        _ => match exit(code) {
            2 => 400,
            4 => 503,
            5 => 502,
            6 => 409,
            7 => 403,
            10 => 404,
            1 | 9 => 500,
            _ => 422,
        },
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
        | Code::NotPermitted
        | Code::SecondPersonMissing
        | Code::TokenInvalid
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_problem_ends_in_an_exit_code_of_the_table_and_every_code_below_eleven_has_a_use() {
        let listed: Vec<u8> = EXITS.iter().map(|(exit, _)| *exit).collect();
        for code in Code::ALL {
            assert!(listed.contains(&exit(*code)), "{code}");
            assert_ne!(exit(*code), 0, "{code} is no success");
        }
        for unused in listed.iter().filter(|exit| (1..=10).contains(*exit)) {
            assert!(
                Code::ALL.iter().any(|code| exit(*code) == *unused),
                "nothing ends in {unused}"
            );
        }
        assert!(listed.is_sorted(), "in order");
    }

    #[test]
    fn every_problem_is_an_error_over_http_and_what_is_ours_is_said_to_be() {
        for code in Code::ALL {
            assert!((400..600).contains(&http_status(*code)), "{code}");
        }
        for (code, status) in [
            (Code::Internal, 500),
            (Code::TrustStale, 503),
            (Code::Unreachable, 502),
            (Code::TokenInvalid, 401),
            (Code::WrongPassphrase, 403),
            (Code::Revoked, 422),
            (Code::UnknownSession, 404),
            (Code::RateLimited, 429),
        ] {
            assert_eq!(http_status(code), status, "{code}");
        }
    }
}
