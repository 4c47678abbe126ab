//! The least that must leave the wallet: from a held copy to exactly the claims that were asked, and class A.

use credentials::query::{self, CredentialQuery};
use credentials::schema::{Class, CredentialType, Path};
use credentials::sd_jwt::SdJwt;
use credentials::{Code, Problem};
use serde_json::Value;

/// Deepest claims that are walked; `credentials::json` reads none deeper.
const DEPTH_MAX: usize = 32;

/// What leaves of one credential, before it is bound.
pub(crate) struct Disclosed {
    /// The SD-JWT without key binding.
    pub(crate) text: String,
    /// The claims it shows, read back from that text.
    pub(crate) claims: Value,
}

/// Opens exactly what `query` asks of the copy `text`. The result is read back and checked: nothing that was not asked
/// leaves (`claims_unrequested`), nothing asked is missing (`claims_missing`).
pub(crate) fn disclose(
    text: &str,
    query: &CredentialQuery,
    credential_type: &CredentialType,
) -> Result<Disclosed, Problem> {
    let asked: Vec<Path> = query.claims.iter().map(|claim| claim.path.clone()).collect();
    if let Some(path) = asked.iter().find(|path| credential_type.class(path) == Class::X) {
        return Err(Problem::new(Code::OverAsk, path.to_string()));
    }
    let selected = SdJwt::parse(text)?.select(&asked)?;
    let shown = SdJwt::parse(&selected)?;
    let is_asked = |path: &Path| asked.iter().any(|asked| asked.covers(path));
    for path in shown.disclosed_paths() {
        if !is_asked(&path) {
            return Err(Problem::new(Code::ClaimsUnrequested, path.to_string()));
        }
    }
    for leaf in leaves(shown.claims(), credential_type) {
        if !is_asked(&leaf.path) && credential_type.class(&leaf.path) != Class::A {
            return Err(Problem::new(Code::ClaimsUnrequested, leaf.path.to_string()));
        }
    }
    query::matches(query, shown.claims()).map_err(|problem| Problem {
        code: Code::ClaimsMissing,
        ..problem
    })?;
    let claims = shown.claims().clone();
    Ok(Disclosed { text: selected, claims })
}

/// One value that is no object or array.
pub(crate) struct Leaf<'a> {
    /// Where, with `null` for an array's elements.
    pub(crate) path: Path,
    /// Which element, for each `null` of the path.
    pub(crate) numbers: Vec<usize>,
    /// The value.
    pub(crate) value: &'a Value,
}

impl Leaf<'_> {
    /// Where, with the elements' numbers: `grunnlag[0].beloep`.
    pub(crate) fn place(&self) -> String {
        let mut numbers = self.numbers.iter();
        let mut place = String::new();
        for segment in &self.path.0 {
            match segment {
                Some(name) if place.is_empty() => place.push_str(name),
                Some(name) => {
                    place.push('.');
                    place.push_str(name);
                }
                None => {
                    let number = numbers.next().copied().unwrap_or_default();
                    place.push_str(&format!("[{number}]"));
                }
            }
        }
        place
    }
}

/// Every value of `claims` that is no object or array, in the order of the type's fields, list elements in theirs.
pub(crate) fn leaves<'a>(claims: &'a Value, credential_type: &CredentialType) -> Vec<Leaf<'a>> {
    let mut found = Vec::new();
    walk(claims, &mut Path(Vec::new()), &mut Vec::new(), &mut found);
    found.sort_by_cached_key(|leaf| {
        let mut numbers = leaf.numbers.iter().copied();
        let mut above = Path(Vec::new());
        leaf.path
            .0
            .iter()
            .map(|segment| {
                above.0.push(segment.clone());
                match segment {
                    None => (numbers.next().unwrap_or_default(), None),
                    Some(name) => {
                        let fields = &credential_type.fields;
                        let order = fields.iter().position(|field| above.covers(&field.path));
                        (order.unwrap_or(usize::MAX), Some(name.clone()))
                    }
                }
            })
            .collect::<Vec<_>>()
    });
    found
}

fn walk<'a>(value: &'a Value, path: &mut Path, numbers: &mut Vec<usize>, found: &mut Vec<Leaf<'a>>) {
    if path.0.len() > DEPTH_MAX {
        return;
    }
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                path.0.push(Some(name.clone()));
                walk(value, path, numbers, found);
                path.0.pop();
            }
        }
        Value::Array(items) => {
            for (index, value) in items.iter().enumerate() {
                path.0.push(None);
                numbers.push(index);
                walk(value, path, numbers, found);
                numbers.pop();
                path.0.pop();
            }
        }
        _ => found.push(Leaf {
            path: path.clone(),
            numbers: numbers.clone(),
            value,
        }),
    }
}
