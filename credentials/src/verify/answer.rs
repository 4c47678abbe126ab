//! The checks of a whole answer.

use super::credential::{Examined, ensure, failed, reached};
use super::{Check, Context, Expected, Line, Outcome, Report, Verdict};
use super::{VerifiedPresentation, VpToken, binding, credential};
use crate::query::CredentialQuery;
use crate::schema::values_at;
use crate::{Code, Problem};

pub(super) fn examine(
    token: &VpToken,
    expected: &Expected<'_>,
    context: &Context<'_>,
) -> (Report, Option<VerifiedPresentation>) {
    let asked = &expected.query.credentials;
    let lines = asked.len().saturating_add(1).saturating_mul(Check::ALL.len());
    let mut report = Report {
        lines: Vec::with_capacity(lines),
        ..Report::default()
    };
    let mut found = Vec::with_capacity(asked.len());
    for query in asked {
        match token.get(&query.id).map(Vec::as_slice) {
            Some([text]) => {
                let examined = credential::examine(text, context, Some(&query.id), &mut report);
                match &examined {
                    Some(examined) => {
                        binding::examine(examined, query, expected, context, &mut report);
                    }
                    None => binding::not_reached(query, &mut report),
                }
                found.push((query.id.clone(), examined));
            }
            other => {
                let code = match other {
                    None | Some([]) => Code::ClaimsMissing,
                    Some(_) => Code::ClaimsUnrequested,
                };
                refuse(query, code, &mut report);
                found.push((query.id.clone(), None));
            }
        }
    }
    let mut line = |check, outcome| {
        report.lines.push(Line {
            credential: None,
            check,
            outcome,
        });
    };
    if token.keys().any(|id| asked.iter().all(|query| query.id != *id)) {
        // The name of the extra one comes from outside and is not repeated.
        let problem = Problem::new(Code::ClaimsUnrequested, "credential");
        line(Check::Query, Outcome::Failed { problem });
    }
    let numbers: Option<Vec<Option<String>>> = found
        .iter()
        .map(|(_, examined)| examined.as_ref().and_then(number))
        .collect();
    if asked.len() > 1 {
        line(Check::SamePerson, reached(&numbers.as_deref().map(check_same)));
    }
    if let Some(subject) = expected.subject {
        let checked = numbers.as_deref().map(|numbers| check_subject(numbers, subject));
        line(Check::Subject, reached(&checked));
    }
    let verified = (report.verdict() == Verdict::Valid).then(|| {
        found
            .into_iter()
            .map(|(id, examined)| Some((id, examined?.into_verified())))
            .collect()
    });
    let credentials = verified.flatten();
    (
        report,
        credentials.map(|credentials| VerifiedPresentation { credentials }),
    )
}

/// The lines of a query id that has not exactly one presentation.
fn refuse(query: &CredentialQuery, code: Code, report: &mut Report) {
    for check in credential::CHECKS.into_iter().chain(binding::CHECKS) {
        report.lines.push(Line {
            credential: Some(query.id.clone()),
            check,
            outcome: match check {
                Check::Query => failed(Err(code.into())),
                _ => Outcome::NotReached,
            },
        });
    }
}

/// The holder's number, if it is shown, at the place that the type names; the outer `None` for a type that is not known.
fn number(examined: &Examined) -> Option<Option<String>> {
    let path = &examined.credential_type.as_ref()?.holder.number;
    Some(match values_at(examined.sd_jwt.claims(), path).as_slice() {
        [number] => number.as_str().map(str::to_owned),
        _ => None,
    })
}

fn check_same(numbers: &[Option<String>]) -> Result<(), Problem> {
    let first = numbers.first().and_then(Option::as_ref);
    ensure(
        first.is_some() && numbers.iter().all(|number| number.as_ref() == first),
        Code::DifferentPersons.into(),
    )
}

fn check_subject(numbers: &[Option<String>], subject: &str) -> Result<(), Problem> {
    ensure(
        !numbers.is_empty() && numbers.iter().all(|number| number.as_deref() == Some(subject)),
        Code::WrongSubject.into(),
    )
}
