//! DCQL (OpenID4VP 1.0 §6): `credentials` and `claims` with `values`. Everything else is refused by name.

use crate::schema::{Class, Path, Types, any_at, is_vct};
use crate::{Code, Problem};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// Most credentials in one query.
pub const CREDENTIALS_MAX: usize = 8;
/// Most claims in one query, all credentials counted.
pub const CLAIMS_MAX: usize = 64;
/// Most values of one claim.
pub const VALUES_MAX: usize = 16;
/// Longest value, in bytes.
const VALUE_MAX: usize = 256;
/// The only credential format asked for.
const FORMAT: &str = "dc+sd-jwt";

/// One credential that is asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct CredentialQuery {
    /// Its name in the answer, `[A-Za-z0-9_-]{1,32}`.
    pub id: String,
    /// One type (`meta.vct_values` with exactly one entry).
    pub vct: String,
    /// What is asked; at least one.
    pub claims: Vec<ClaimQuery>,
}

/// One claim that is asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct ClaimQuery {
    /// Where.
    pub path: Path,
    /// When not empty, the claim must be one of these.
    pub values: Vec<Value>,
}

/// A parsed query: 1 to 8 credentials, at most 64 claims in all.
#[derive(Clone, Debug, PartialEq)]
pub struct Query {
    /// The credentials, all of them required.
    pub credentials: Vec<CredentialQuery>,
}

impl Query {
    /// Parses `dcql_query`. Unknown or unsupported members (`credential_sets`, `claim_sets`, `trusted_authorities`, `multiple`,
    /// `require_cryptographic_holder_binding: false`, other formats …) are `unsupported_query` with the member's name; what is
    /// not DCQL at all is `malformed`, what exceeds a bound `too_large`.
    pub fn parse(value: &Value) -> Result<Query, Problem> {
        let members = members(value, "dcql_query", &["credentials"])?;
        let listed = list(members, "credentials", CREDENTIALS_MAX)?;
        let mut ids = BTreeSet::new();
        let mut left = CLAIMS_MAX;
        let mut credentials = Vec::new();
        for entry in listed {
            let credential = CredentialQuery::parse(entry, left)?;
            left = left.saturating_sub(credential.claims.len());
            if !ids.insert(credential.id.clone()) {
                return Err(Problem::new(Code::Malformed, "credentials.id"));
            }
            credentials.push(credential);
        }
        Ok(Query { credentials })
    }

    /// Of one type, with these claims and no values.
    pub fn of_one(vct: &str, claims: &[Path]) -> Query {
        let claims = claims.iter().map(|path| ClaimQuery {
            path: path.clone(),
            values: Vec::new(),
        });
        Query {
            credentials: vec![CredentialQuery {
                id: "claims".to_owned(),
                vct: vct.to_owned(),
                claims: claims.collect(),
            }],
        }
    }

    /// As JSON.
    pub fn to_value(&self) -> Value {
        let credentials: Vec<Value> = self
            .credentials
            .iter()
            .map(|credential| {
                let claims: Vec<Value> = credential.claims.iter().map(ClaimQuery::to_value).collect();
                json!({
                    "id": credential.id,
                    "format": FORMAT,
                    "meta": { "vct_values": [credential.vct] },
                    "claims": claims,
                })
            })
            .collect();
        json!({ "credentials": credentials })
    }

    /// The paths asked of credential `id`.
    pub fn paths(&self, id: &str) -> Vec<Path> {
        self.credentials
            .iter()
            .filter(|credential| credential.id == id)
            .flat_map(|credential| credential.claims.iter().map(|claim| claim.path.clone()))
            .collect()
    }

    /// Whether everything asked exists: each type known (`unknown_type` with the type), each path in it and not withheld
    /// (`over_ask` with the path of a class X claim or of one that the type lacks), of a ladder at most one rung, and that as `true`.
    pub fn fits(&self, types: &Types) -> Result<(), Problem> {
        for credential in &self.credentials {
            let known = types
                .get(&credential.vct)
                .ok_or_else(|| Problem::new(Code::UnknownType, credential.vct.clone()))?;
            let beyond = credential
                .claims
                .iter()
                .find(|claim| !known.has_path(&claim.path) || known.class(&claim.path) == Class::X);
            if let Some(claim) = beyond {
                return Err(Problem::new(Code::OverAsk, claim.path.to_string()));
            }
            if let Some(ladder) = &known.thresholds {
                let mut rungs = credential.claims.iter().filter(|claim| ladder.path.covers(&claim.path));
                let first = rungs.next();
                let is_fit = |claim: &&ClaimQuery| ladder.is_rung(&claim.path) && claim.values == [Value::Bool(true)];
                if let Some(claim) = first.filter(|claim| !is_fit(claim)).or_else(|| rungs.next()) {
                    return Err(Problem::new(Code::OverAsk, claim.path.to_string()));
                }
            }
        }
        Ok(())
    }

    /// The rungs that are asked: type and claim.
    pub fn rungs<'q>(&'q self, types: &'q Types) -> impl Iterator<Item = (&'q str, &'q Path)> {
        let claims = self.credentials.iter().flat_map(|credential| {
            let claims = credential.claims.iter().map(|claim| &claim.path);
            claims.map(|path| (credential.vct.as_str(), path))
        });
        claims.filter(|(vct, path)| types.get(vct).is_some_and(|known| known.ladder(path).is_some()))
    }
}

impl CredentialQuery {
    fn parse(value: &Value, claims_left: usize) -> Result<CredentialQuery, Problem> {
        let known = [
            "id",
            "format",
            "meta",
            "claims",
            "multiple",
            "require_cryptographic_holder_binding",
        ];
        let entry = members(value, "credentials", &known)?;
        let id = text(entry, "id")?;
        let named = (1..=32).contains(&id.len())
            && id
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
        if !named {
            return Err(Problem::new(Code::Malformed, "id"));
        }
        if text(entry, "format")? != FORMAT {
            return Err(unsupported("format"));
        }
        // The standard's defaults may be spelt out; anything else is not ours.
        only(entry, "multiple", false)?;
        only(entry, "require_cryptographic_holder_binding", true)?;
        let meta = entry.get("meta").ok_or_else(|| Problem::new(Code::Malformed, "meta"))?;
        let vct = match members(meta, "meta", &["vct_values"])?.get("vct_values") {
            Some(Value::Array(listed)) => match listed.as_slice() {
                [Value::String(vct)] if is_vct(vct) => vct.clone(),
                [_] | [] => return Err(Problem::new(Code::Malformed, "vct_values")),
                _ => return Err(unsupported("vct_values")),
            },
            _ => return Err(Problem::new(Code::Malformed, "vct_values")),
        };
        // Without `claims` the standard means "what is always shown"; asking for nothing is no purpose here.
        if !entry.contains_key("claims") {
            return Err(unsupported("claims"));
        }
        let mut paths = BTreeSet::new();
        let mut claims = Vec::new();
        for listed in list(entry, "claims", claims_left)? {
            let claim = ClaimQuery::parse(listed)?;
            if !paths.insert(claim.path.clone()) {
                return Err(Problem::new(Code::Malformed, claim.path.to_string()));
            }
            claims.push(claim);
        }
        Ok(CredentialQuery {
            id: id.to_owned(),
            vct,
            claims,
        })
    }
}

impl ClaimQuery {
    fn parse(value: &Value) -> Result<ClaimQuery, Problem> {
        let entry = members(value, "claims", &["path", "values"])?;
        let mut segments = Vec::new();
        for segment in list(entry, "path", 8)? {
            segments.push(match segment {
                Value::String(name) => Some(name.clone()),
                Value::Null => None,
                Value::Number(_) => return Err(unsupported("path index")),
                _ => return Err(Problem::new(Code::Malformed, "path")),
            });
        }
        let path = Path::try_from(segments).map_err(|_| Problem::new(Code::Malformed, "path"))?;
        let values = match entry.get("values") {
            None => Vec::new(),
            Some(_) => list(entry, "values", VALUES_MAX)?.to_vec(),
        };
        for value in &values {
            match value {
                Value::Bool(_) => {}
                Value::String(text) if text.len() <= VALUE_MAX => {}
                Value::String(_) => return Err(Problem::new(Code::TooLarge, "values")),
                Value::Number(number) if number.is_i64() || number.is_u64() => {}
                _ => return Err(Problem::new(Code::Malformed, "values")),
            }
        }
        Ok(ClaimQuery { path, values })
    }

    fn to_value(&self) -> Value {
        let mut entry = Map::new();
        entry.insert("path".to_owned(), json!(self.path));
        if !self.values.is_empty() {
            entry.insert("values".to_owned(), Value::Array(self.values.clone()));
        }
        Value::Object(entry)
    }
}

/// Whether `claims` (of a credential held or shown) answer one credential query: every path there, every `values` matched (by
/// at least one of the elements, where a path fans out). `claims_missing` with the path.
pub fn matches(query: &CredentialQuery, claims: &Value) -> Result<(), Problem> {
    let missing = query.claims.iter().find(|claim| {
        let mut is_wanted = |value: &Value| claim.values.is_empty() || claim.values.contains(value);
        !any_at(claims, &claim.path.0, &mut is_wanted)
    });
    match missing {
        Some(claim) => Err(Problem::new(Code::ClaimsMissing, claim.path.to_string())),
        None => Ok(()),
    }
}

fn unsupported(member: &str) -> Problem {
    Problem::new(Code::UnsupportedQuery, member)
}

/// The members of an object that has only `known` ones; another is named, if its name is fit to be shown.
fn members<'v>(value: &'v Value, what: &str, known: &[&str]) -> Result<&'v Map<String, Value>, Problem> {
    let members = value.as_object().ok_or_else(|| Problem::new(Code::Malformed, what))?;
    match members.keys().find(|name| !known.contains(&name.as_str())) {
        None => Ok(members),
        Some(name) => {
            let fit = name.len() <= 64 && name.bytes().all(|b| b.is_ascii_alphabetic() || b == b'_');
            Err(unsupported(if fit { name } else { what }))
        }
    }
}

fn text<'v>(members: &'v Map<String, Value>, name: &str) -> Result<&'v str, Problem> {
    members
        .get(name)
        .and_then(Value::as_str)
        .ok_or_else(|| Problem::new(Code::Malformed, name))
}

/// A list of 1 to `max` entries.
fn list<'v>(members: &'v Map<String, Value>, name: &str, max: usize) -> Result<&'v [Value], Problem> {
    match members.get(name).and_then(Value::as_array) {
        Some(listed) if listed.len() > max => Err(Problem::new(Code::TooLarge, name)),
        Some(listed) if !listed.is_empty() => Ok(listed),
        _ => Err(Problem::new(Code::Malformed, name)),
    }
}

/// A member that may only have its default.
fn only(members: &Map<String, Value>, name: &str, default: bool) -> Result<(), Problem> {
    match members.get(name) {
        None => Ok(()),
        Some(Value::Bool(given)) if *given == default => Ok(()),
        Some(_) => Err(unsupported(name)),
    }
}

#[cfg(test)]
mod tests;
