//! The checks of one credential by itself.

use super::{CLOCK_SKEW, Check, Context, Line, Outcome, Report, VerifiedCredential};
use crate::schema::{CredentialType, Effect, values_at};
use crate::sd_jwt::SdJwt;
use crate::status::State;
use crate::time::DAY;
use crate::trust::{Organisation, Trust};
use crate::{Code, Problem, Timestamp};
use std::sync::Arc;

/// The checks of this file, in order.
pub(super) const CHECKS: [Check; 9] = [
    Check::Trust,
    Check::Form,
    Check::Issuer,
    Check::Type,
    Check::Key,
    Check::Signature,
    Check::Validity,
    Check::Schema,
    Check::Status,
];

/// A credential that parses: what further checks need of it.
pub(super) struct Examined {
    pub(super) sd_jwt: SdJwt,
    pub(super) credential_type: Option<Arc<CredentialType>>,
    notes: Vec<Code>,
}

impl Examined {
    /// Only for a report that is valid.
    pub(super) fn into_verified(self) -> VerifiedCredential {
        let (_, _, expires) = self.sd_jwt.times();
        let status = self.sd_jwt.status();
        let (claims, vct, issuer) = self.sd_jwt.into_content();
        VerifiedCredential {
            claims,
            vct,
            issuer,
            expires,
            status,
            notes: self.notes,
        }
    }
}

/// Makes [`CHECKS`] and adds their lines under `id`; `None` when the credential does not parse.
pub(super) fn examine(text: &str, context: &Context<'_>, id: Option<&str>, report: &mut Report) -> Option<Examined> {
    let mut line = |check, outcome| {
        report.lines.push(Line {
            credential: id.map(str::to_owned),
            check,
            outcome,
        });
    };
    let trust = match context.trust {
        None => Err(Problem::from(Code::TrustMissing)),
        Some(trust) => trust.current(context.now).map(|()| trust),
    };
    line(Check::Trust, undecided(trust.as_ref().map(|_| ())));

    let sd_jwt = match SdJwt::parse(text) {
        Ok(sd_jwt) => sd_jwt,
        Err(problem) => {
            line(Check::Form, Outcome::Failed { problem });
            for check in CHECKS.into_iter().filter(|check| *check > Check::Form) {
                line(check, Outcome::NotReached);
            }
            set_trust_time(context, report);
            return None;
        }
    };
    line(Check::Form, Outcome::Ok);

    let issuer = trust.as_ref().ok().map(|trust| {
        trust
            .organisation(sd_jwt.issuer())
            .ok_or_else(|| Problem::from(Code::UnknownIssuer))
    });
    line(Check::Issuer, reached(&issuer));
    let issuer = issuer.and_then(Result::ok);
    let credential_type = context.types.get(sd_jwt.vct()).cloned();
    line(
        Check::Type,
        reached(&issuer.map(|issuer| may_issue(issuer, sd_jwt.vct(), credential_type.is_some()))),
    );
    let (issued, _, _) = sd_jwt.times();
    let in_window = issuer
        .zip(issued)
        .map(|(issuer, issued)| issuer.key_on_day(sd_jwt.kid(), issued));
    line(Check::Key, reached(&in_window));
    // A key outside its window still tells whether the signature is its own.
    let key = issuer.and_then(|issuer| issuer.key(sd_jwt.kid()).ok());
    let signature = key.map(|key| ensure(sd_jwt.verify_issuer(&key.key), Code::SignatureInvalid.into()));
    line(Check::Signature, reached(&signature));

    let mut notes = Vec::new();
    let validity = check_times(&sd_jwt, context.now).and_then(|()| match &credential_type {
        Some(credential_type) => check_ending(credential_type, &sd_jwt, context.now, &mut notes),
        None => Ok(()),
    });
    line(Check::Validity, failed(validity));
    let schema = credential_type.as_ref().map(|credential_type| {
        credential_type
            .shown(sd_jwt.claims())
            .map_err(|error| Problem::new(Code::SchemaInvalid, format!("{}: {}", error.path, error.reason)))
    });
    line(Check::Schema, reached(&schema));
    let (status, said_at) = check_status(&sd_jwt, context);
    line(Check::Status, status);

    set_trust_time(context, report);
    // The age of an answer is that of its oldest status.
    report.status_at = match (report.status_at, said_at) {
        (Some(before), Some(said_at)) => Some(before.min(said_at)),
        (before, said_at) => before.or(said_at),
    };
    Some(Examined {
        sd_jwt,
        credential_type,
        notes,
    })
}

fn set_trust_time(context: &Context<'_>, report: &mut Report) {
    report.trust_at = context.trust.map(Trust::head_issued);
}

fn may_issue(issuer: &Organisation, vct: &str, is_known: bool) -> Result<(), Problem> {
    ensure(
        issuer.issues.iter().any(|listed| listed == vct),
        Code::TypeNotAllowed.into(),
    )?;
    ensure(is_known, Code::UnknownType.into())
}

/// `iat` and `exp` are there, and `now` lies within `iat`, `nbf` and `exp`; the skew counts for the beginning only.
fn check_times(sd_jwt: &SdJwt, now: Timestamp) -> Result<(), Problem> {
    let (issued, not_before, expires) = sd_jwt.times();
    let issued = issued.ok_or_else(|| Problem::new(Code::Malformed, "iat"))?;
    let expires = expires.ok_or_else(|| Problem::new(Code::Malformed, "exp"))?;
    ensure(now < expires, Code::Expired.into())?;
    let begins = not_before.map_or(issued, |not_before| issued.max(not_before));
    ensure(now.plus(CLOCK_SKEW) >= begins, Code::NotYetValid.into())
}

/// What the disclosed claims themselves say of their end (domain S09).
fn check_ending(
    credential_type: &CredentialType,
    sd_jwt: &SdJwt,
    now: Timestamp,
    notes: &mut Vec<Code>,
) -> Result<(), Problem> {
    let Some(ending) = credential_type.ending(sd_jwt.claims()) else {
        return Ok(());
    };
    match &ending.effect {
        Effect::Notice { ends, .. } => {
            let last_days = values_at(sd_jwt.claims(), ends);
            let is_past = last_days
                .iter()
                .filter_map(|day| Timestamp::from_date(day.as_str()?))
                .any(|day| now >= day.plus(DAY));
            ensure(!is_past, Code::Expired.into())?;
            notes.push(Code::TerminatedPending);
            Ok(())
        }
        Effect::Pending => {
            notes.push(Code::TerminatedPending);
            Ok(())
        }
        Effect::Revoke => Err(Code::Revoked.into()),
        Effect::Refuse => Err(Code::SchemaInvalid.into()),
    }
}

/// What the status list says, and when. What ends for good counts however old it is; anything else only when it is fresh enough.
fn check_status(sd_jwt: &SdJwt, context: &Context<'_>) -> (Outcome, Option<Timestamp>) {
    let found = sd_jwt
        .status()
        .and_then(|entry| context.status.state(sd_jwt.issuer(), &entry.uri, entry.index));
    let Some((state, said_at)) = found else {
        return (undecided(Err(&Code::StatusMissing.into())), None);
    };
    let age = context.now.since(said_at);
    let is_fresh = (-CLOCK_SKEW..=context.status_age_max).contains(&age);
    let outcome = match state {
        State::Revoked => failed(Err(Code::Revoked.into())),
        State::Superseded => failed(Err(Code::Superseded.into())),
        State::Valid | State::Suspended if !is_fresh => undecided(Err(&Problem::from(Code::StatusStale))),
        State::Suspended => failed(Err(Code::Suspended.into())),
        State::Valid => Outcome::Ok,
    };
    (outcome, Some(said_at))
}

pub(super) fn ensure(holds: bool, problem: Problem) -> Result<(), Problem> {
    if holds { Ok(()) } else { Err(problem) }
}

pub(super) fn failed(result: Result<(), Problem>) -> Outcome {
    match result {
        Ok(()) => Outcome::Ok,
        Err(problem) => Outcome::Failed { problem },
    }
}

fn undecided(result: Result<(), &Problem>) -> Outcome {
    match result {
        Ok(()) => Outcome::Ok,
        Err(problem) => Outcome::Undecided {
            problem: problem.clone(),
        },
    }
}

/// `None` is a check that could not be tried.
pub(super) fn reached<T>(result: &Option<Result<T, Problem>>) -> Outcome {
    match result {
        None => Outcome::NotReached,
        Some(Ok(_)) => Outcome::Ok,
        Some(Err(problem)) => Outcome::Failed {
            problem: problem.clone(),
        },
    }
}
