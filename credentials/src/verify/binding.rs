//! The checks that tie one credential to the request it answers.

use super::credential::{Examined, ensure, reached};
use super::{CLOCK_SKEW, Check, Context, Expected, Line, Outcome, Report};
use crate::query::{self, CredentialQuery};
use crate::schema::{Class, Path};
use crate::sd_jwt::KeyBinding;
use crate::{Code, Problem, VerifyingKey};
use serde_json::Value;

/// The checks of this file, in order.
pub(super) const CHECKS: [Check; 7] = [
    Check::HolderBinding,
    Check::Audience,
    Check::Nonce,
    Check::Freshness,
    Check::SdHash,
    Check::Request,
    Check::Query,
];

/// Makes [`CHECKS`] and adds their lines.
pub(super) fn examine(
    examined: &Examined,
    asked: &CredentialQuery,
    expected: &Expected<'_>,
    context: &Context<'_>,
    report: &mut Report,
) {
    let mut line = |check, outcome| {
        report.lines.push(Line {
            credential: Some(asked.id.clone()),
            check,
            outcome,
        });
    };
    let binding = examined.sd_jwt.key_binding();
    let holder = match binding {
        None => Err(Problem::from(Code::HolderBindingMissing)),
        Some(binding) => check_holder(binding, examined.sd_jwt.holder_key()),
    };
    line(Check::HolderBinding, reached(&Some(holder)));
    // What the binding says is compared whoever signed it: a verdict shows all that is wrong.
    let says = |check: &dyn Fn(&KeyBinding) -> Result<(), Problem>| reached(&binding.map(check));
    line(
        Check::Audience,
        says(&|binding| ensure(binding.audience == expected.audience, Code::WrongAudience.into())),
    );
    line(
        Check::Nonce,
        says(&|binding| ensure(binding.nonce == expected.nonce, Code::WrongNonce.into())),
    );
    line(
        Check::Freshness,
        says(&|binding| {
            ensure(binding.issued >= expected.issued.plus(-CLOCK_SKEW), Code::Stale.into())?;
            ensure(binding.issued <= context.now.plus(CLOCK_SKEW), Code::NotYetValid.into())
        }),
    );
    line(
        Check::SdHash,
        says(&|binding| ensure(binding.sd_hash == binding.actual_sd_hash, Code::WrongSdHash.into())),
    );
    line(
        Check::Request,
        says(&|binding| {
            ensure(
                binding.request_hash == Some(expected.request_hash),
                Code::WrongRequest.into(),
            )?;
            ensure(binding.covers.as_ref() == expected.covers, Code::KeysNotCovered.into())
        }),
    );
    line(Check::Query, reached(&Some(check_query(examined, asked))));
}

fn check_holder(binding: &KeyBinding, holder: Option<VerifyingKey>) -> Result<(), Problem> {
    ensure(
        holder.is_some_and(|key| binding.verify(&key)),
        Code::HolderBindingInvalid.into(),
    )
}

fn check_query(examined: &Examined, asked: &CredentialQuery) -> Result<(), Problem> {
    let sd_jwt = &examined.sd_jwt;
    ensure(sd_jwt.vct() == asked.vct, Problem::new(Code::ClaimsMissing, "vct"))?;
    query::matches(asked, sd_jwt.claims())?;
    // A path that fans out is answered whole: one element without what each has is an answer cut to the holder's liking.
    if let Some(credential_type) = &examined.credential_type {
        let cut = |path: &Path| credential_type.lacks(sd_jwt.claims(), path);
        if let Some(claim) = asked.claims.iter().find(|claim| cut(&claim.path)) {
            return Err(Problem::new(Code::ClaimsMissing, claim.path.to_string()));
        }
    }
    let is_asked = |path: &[Option<&str>]| asked.claims.iter().any(|claim| begins_with(path, &claim.path));
    let unrequested = |path: &Path| Problem::new(Code::ClaimsUnrequested, path.to_string());
    // When all that was opened fits, so do those that carry a value.
    if !sd_jwt.opens_only(asked.claims.iter().map(|claim| &claim.path)) {
        let is_fitting = |path: &Path| {
            let fits = |claim: &query::ClaimQuery| claim.path.covers(path) || path.covers(&claim.path);
            asked.claims.iter().any(fits)
        };
        let unfitting = sd_jwt.disclosed_paths().into_iter().find(|path| !is_fitting(path));
        unfitting.map_or(Ok(()), |path| Err(unrequested(&path)))?;
    }
    // Also what stands in the clear inside a disclosure, or beside all of them, if the type does not say that it always does.
    match &examined.credential_type {
        None => Ok(()),
        Some(credential_type) => each_value(sd_jwt.claims(), &mut Vec::new(), &mut |path| {
            if is_asked(path) {
                return Ok(());
            }
            let path = Path(path.iter().map(|segment| segment.map(str::to_owned)).collect());
            let is_free = match credential_type.class(&path) {
                Class::A => true,
                Class::S | Class::D => false,
                // That it is there at all is what the schema check refuses.
                Class::X => true,
            };
            ensure_else(is_free, || unrequested(&path))
        }),
    }
}

/// Whether `path` is `above` or lies below it.
fn begins_with(path: &[Option<&str>], above: &Path) -> bool {
    path.len() >= above.0.len() && path.iter().zip(&above.0).all(|(one, other)| *one == other.as_deref())
}

fn ensure_else(holds: bool, problem: impl FnOnce() -> Problem) -> Result<(), Problem> {
    if holds { Ok(()) } else { Err(problem()) }
}

/// What is made of the path of a value.
type Visit<'f> = &'f mut dyn FnMut(&[Option<&str>]) -> Result<(), Problem>;

/// Visits the paths of all plain values. Frames of what is not disclosed have none.
fn each_value<'v>(value: &'v Value, path: &mut Vec<Option<&'v str>>, visit: Visit<'_>) -> Result<(), Problem> {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                path.push(Some(name));
                each_value(value, path, visit)?;
                path.pop();
            }
            Ok(())
        }
        Value::Array(items) => {
            path.push(None);
            for item in items {
                each_value(item, path, visit)?;
            }
            path.pop();
            Ok(())
        }
        _ => visit(path),
    }
}

/// The lines of a credential that is not there, or whose form is broken.
pub(super) fn not_reached(asked: &CredentialQuery, report: &mut Report) {
    for check in CHECKS {
        report.lines.push(Line {
            credential: Some(asked.id.clone()),
            check,
            outcome: Outcome::NotReached,
        });
    }
}
