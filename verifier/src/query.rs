//! From a registered service to the least that must be asked.

use crate::NewRequest;
use credentials::identifier::{OrganisationNumber, PersonNumber};
use credentials::query::{ClaimQuery, CredentialQuery, Query};
use credentials::schema::{Class, CredentialType, HolderKind, Path, Types};
use credentials::service::Registration;
use credentials::{Code, Problem};
use serde_json::Value;
use std::sync::Arc;

/// Most characters of a query id.
const ID_MAX: usize = 32;

/// The query of a request, within `registration` (`over_ask` with the first thing beyond it).
///
/// - Without `types`, all registered types are asked; with them, only those.
/// - Without `claims`, all registered claims that every credential of the type has: a claim that a register row may lack (the date of a
///   bankruptcy) would make the request unanswerable for most holders, so it is asked only when it is named.
/// - With `claims`, each is asked of every one of these types that may be asked for it. A type that was not named and has none of
///   the claims is left out.
/// - A rung of a ladder ("at least so much") is asked when it is named, as reached.
/// - The holder's number is asked of each credential even when it was not named, because only by it can the answer be the
///   customer's; where it is always shown it is not asked.
pub(crate) fn compose(new: &NewRequest<'_>, registration: &Registration, types: &Types) -> Result<Query, Problem> {
    let asked = asked_types(new, registration, types)?;
    for credential_type in &asked {
        check_subject(new.subject, credential_type)?;
    }
    let registered: Vec<Vec<Path>> = asked
        .iter()
        .map(|credential_type| registered(registration, credential_type))
        .collect();
    let claims = if new.claims.is_empty() {
        usual(&asked, &registered)
    } else {
        narrowed(new, &asked, &registered)
    };
    let credentials = asked
        .iter()
        .zip(claims)
        .filter(|(_, paths)| !paths.is_empty() || !new.types.is_empty())
        .enumerate()
        .map(|(position, (credential_type, mut paths))| {
            add_number(&mut paths, credential_type);
            CredentialQuery {
                id: id(credential_type, position),
                vct: credential_type.vct.clone(),
                claims: paths
                    .into_iter()
                    .map(|path| ClaimQuery {
                        // Whether a rung is reached: one that is not is no answer.
                        values: match credential_type.ladder(&path) {
                            Some(_) => vec![Value::Bool(true)],
                            None => Vec::new(),
                        },
                        path,
                    })
                    .collect(),
            }
        })
        .collect();
    let query = Query { credentials };
    registration.allows(&query)?;
    query.fits(types)?;
    // The parser is the one place that knows every bound of a query.
    Query::parse(&query.to_value())
}

/// The types asked, in the order named or registered, each once.
fn asked_types(
    new: &NewRequest<'_>,
    registration: &Registration,
    types: &Types,
) -> Result<Vec<Arc<CredentialType>>, Problem> {
    let mut asked: Vec<Arc<CredentialType>> = Vec::new();
    let mut add = |name: &str| -> Result<(), Problem> {
        let found = types.get(name).or_else(|| types.find(name));
        let found = found.ok_or_else(|| Problem::new(Code::UnknownType, name))?;
        if !asked.iter().any(|other| other.vct == found.vct) {
            asked.push(Arc::clone(found));
        }
        Ok(())
    };
    if new.types.is_empty() {
        for may in &registration.may_ask {
            add(&may.vct)?;
        }
    } else {
        for name in new.types {
            add(name)?;
        }
    }
    if asked.is_empty() {
        return Err(Problem::new(Code::OverAsk, registration.id.as_str()));
    }
    Ok(asked)
}

/// The customer's number must be one that a holder of the type can have; else no answer could ever be the customer's.
fn check_subject(subject: &str, credential_type: &CredentialType) -> Result<(), Problem> {
    let fits = match credential_type.holder.kind {
        HolderKind::Person => PersonNumber::parse(subject).is_some(),
        HolderKind::Company => OrganisationNumber::parse(subject).is_some(),
    };
    if fits {
        Ok(())
    } else {
        Err(Problem::new(Code::Malformed, "subject"))
    }
}

/// What may be asked of a type.
fn registered(registration: &Registration, credential_type: &CredentialType) -> Vec<Path> {
    let mut paths: Vec<Path> = Vec::new();
    for may in &registration.may_ask {
        if may.vct == credential_type.vct {
            for path in &may.claims {
                if !paths.contains(path) {
                    paths.push(path.clone());
                }
            }
        }
    }
    paths
}

/// The registered claims that every credential of a type has. A type that may not be asked at all, or for nothing that is always
/// there, is asked for its holder's number: the registration refuses that by name, or the answer is at least the customer's.
fn usual(asked: &[Arc<CredentialType>], registered: &[Vec<Path>]) -> Vec<Vec<Path>> {
    asked
        .iter()
        .zip(registered)
        .map(|(credential_type, may)| {
            let mut paths: Vec<Path> = may
                .iter()
                .filter(|path| is_always_there(&credential_type.schema, path))
                .cloned()
                .collect();
            if paths.is_empty() {
                paths.push(credential_type.holder.number.clone());
            }
            paths
        })
        .collect()
}

/// Whether the schema requires everything on the way to `path`. A list counts as having elements. What stands under combined
/// schemas (`oneOf` and the like) is not looked for: such a claim is asked when it is named.
fn is_always_there(root: &Value, path: &Path) -> bool {
    let resolve = |schema| reference(root, schema);
    let mut place = resolve(root);
    for segment in &path.0 {
        let inner = place.and_then(|schema| match segment {
            None => schema.get("items"),
            Some(name) => schema
                .get("required")
                .and_then(Value::as_array)
                .filter(|required| required.iter().any(|n| n.as_str() == Some(name)))
                .and_then(|_| schema.get("properties")?.get(name)),
        });
        place = inner.and_then(resolve);
    }
    place.is_some()
}

/// The schema that a local `$ref` names, one step; any other schema itself.
fn reference<'s>(root: &'s Value, schema: &'s Value) -> Option<&'s Value> {
    match schema.get("$ref").and_then(Value::as_str) {
        None => Some(schema),
        Some(target) => root.pointer(target.strip_prefix('#')?),
    }
}

/// The named claims, each for every type that may be asked for it. One that none may be asked for goes to the first type
/// that has it, or to the first type, so that the registration refuses it by name.
fn narrowed(new: &NewRequest<'_>, asked: &[Arc<CredentialType>], registered: &[Vec<Path>]) -> Vec<Vec<Path>> {
    let mut claims: Vec<Vec<Path>> = vec![Vec::new(); asked.len()];
    for path in new.claims {
        let mut is_placed = false;
        for ((credential_type, may), paths) in asked.iter().zip(registered).zip(&mut claims) {
            let is_allowed = may.iter().any(|allowed| allowed.covers(path)) || credential_type.ladder(path).is_some();
            if is_allowed && credential_type.has_path(path) {
                is_placed = true;
                push(paths, path);
            }
        }
        if !is_placed {
            let owner = asked
                .iter()
                .position(|credential_type| credential_type.has_path(path))
                .unwrap_or(0);
            if let Some(paths) = claims.get_mut(owner) {
                push(paths, path);
            }
        }
    }
    claims
}

fn push(paths: &mut Vec<Path>, path: &Path) {
    if !paths.contains(path) {
        paths.push(path.clone());
    }
}

fn add_number(paths: &mut Vec<Path>, credential_type: &CredentialType) {
    let number = &credential_type.holder.number;
    let is_shown = credential_type.class(number) == Class::A;
    if !(is_shown || paths.iter().any(|path| path.covers(number))) {
        paths.push(number.clone());
    }
    if paths.is_empty() {
        // Named with no claim of its own and a number that is shown anyway: a query needs one claim.
        paths.push(number.clone());
    }
}

/// The type's name where it can be a query id, else its position.
fn id(credential_type: &CredentialType, position: usize) -> String {
    let name = &credential_type.name;
    let fits = (1..=ID_MAX).contains(&name.len())
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
    if fits { name.clone() } else { format!("c{position}") }
}
