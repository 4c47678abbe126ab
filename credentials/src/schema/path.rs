//! Claims path pointers.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A claims path pointer as DCQL has it (OpenID4VP 1.0 §7): names, and `null` for "every element of the array".
/// Index numbers are not used by our types. Read from outside it has 1 to 8 segments of 1 to 64 bytes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "Vec<Option<String>>", into = "Vec<Option<String>>")]
pub struct Path(pub Vec<Option<String>>);

/// Most segments of a path from outside.
const SEGMENTS_MAX: usize = 8;
/// Longest name in a path from outside, in bytes.
const NAME_MAX: usize = 64;

impl Path {
    /// A path of names only.
    pub fn of(names: &[&str]) -> Path {
        Path(names.iter().map(|n| Some((*n).to_owned())).collect())
    }

    /// Whether `self` is `other` or lies above it.
    pub fn covers(&self, other: &Path) -> bool {
        other.0.starts_with(&self.0)
    }

    /// This path as far as its last list element, and the rest.
    pub(super) fn split_at_last_element(&self) -> (Path, Path) {
        let length = self
            .0
            .iter()
            .rposition(Option::is_none)
            .map_or(0, |at| at.saturating_add(1));
        let (element, rest) = self.0.split_at(length);
        (Path(element.to_vec()), Path(rest.to_vec()))
    }

    /// Whether no segment fans out.
    pub(super) fn is_single(&self) -> bool {
        self.0.iter().all(Option::is_some)
    }
}

impl TryFrom<Vec<Option<String>>> for Path {
    type Error = &'static str;

    fn try_from(segments: Vec<Option<String>>) -> Result<Path, &'static str> {
        let named = |segment: &Option<String>| segment.as_ref().is_none_or(|name| (1..=NAME_MAX).contains(&name.len()));
        if !(1..=SEGMENTS_MAX).contains(&segments.len()) {
            Err("a path has 1 to 8 segments")
        } else if !segments.iter().all(named) || segments.first().is_some_and(Option::is_none) {
            Err("a path begins with a name, and names have 1 to 64 bytes")
        } else {
            Ok(Path(segments))
        }
    }
}

impl From<Path> for Vec<Option<String>> {
    fn from(path: Path) -> Vec<Option<String>> {
        path.0
    }
}

impl std::fmt::Display for Path {
    /// `oppgaveInntektsmottaker[].inntekt[].beloep`; safe to show: names of fields, no values.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (i, segment) in self.0.iter().enumerate() {
            match segment {
                Some(name) if i == 0 => write!(f, "{name}")?,
                Some(name) => write!(f, ".{name}")?,
                None => write!(f, "[]")?,
            }
        }
        Ok(())
    }
}

/// Whether any value at a path (a `null` segment fans out) is as `is_wanted` wants it. Makes no list of them.
pub(crate) fn any_at<'v>(
    value: &'v Value,
    path: &[Option<String>],
    is_wanted: &mut dyn FnMut(&'v Value) -> bool,
) -> bool {
    match path.split_first() {
        None => is_wanted(value),
        Some((Some(name), rest)) => match value {
            Value::Object(members) => members.get(name).is_some_and(|inner| any_at(inner, rest, is_wanted)),
            _ => false,
        },
        Some((None, rest)) => match value {
            Value::Array(elements) => elements.iter().any(|element| any_at(element, rest, is_wanted)),
            _ => false,
        },
    }
}

/// Every value at a path (a `null` segment fans out).
pub fn values_at<'a>(value: &'a Value, path: &Path) -> Vec<&'a Value> {
    let mut found = vec![value];
    for segment in &path.0 {
        found = match segment {
            Some(name) => found
                .into_iter()
                .filter_map(|value| value.as_object()?.get(name))
                .collect(),
            None => found.into_iter().filter_map(Value::as_array).flatten().collect(),
        };
    }
    found
}

/// The part of `claims` at `paths` and below them. Lists keep their length, so that positions stay comparable.
pub fn only(claims: &Value, paths: &[Path]) -> Value {
    let paths: Vec<&[Option<String>]> = paths.iter().map(|p| p.0.as_slice()).collect();
    part(claims, &paths).unwrap_or_else(|| Value::Object(Map::new()))
}

/// `None` when no path leads into `value`.
fn part(value: &Value, paths: &[&[Option<String>]]) -> Option<Value> {
    if paths.iter().any(|path| path.is_empty()) {
        return Some(value.clone());
    }
    match value {
        Value::Object(members) => {
            let mut kept = Map::new();
            for (name, member) in members {
                let inner = below(paths, Some(name));
                if let Some(inner) = (!inner.is_empty()).then(|| part(member, &inner)).flatten() {
                    kept.insert(name.clone(), inner);
                }
            }
            (!kept.is_empty()).then_some(Value::Object(kept))
        }
        Value::Array(elements) => {
            let inner = below(paths, None);
            if inner.is_empty() {
                return None;
            }
            let empty = |element: &Value| match element {
                Value::Array(_) => Value::Array(Vec::new()),
                _ => Value::Object(Map::new()),
            };
            let kept = elements
                .iter()
                .map(|element| part(element, &inner).unwrap_or_else(|| empty(element)))
                .collect();
            Some(Value::Array(kept))
        }
        _ => None,
    }
}

/// The rests of those paths that begin with `segment`.
fn below<'p>(paths: &[&'p [Option<String>]], segment: Option<&String>) -> Vec<&'p [Option<String>]> {
    paths
        .iter()
        .filter_map(|path| path.split_first())
        .filter(|(first, _)| first.as_ref() == segment)
        .map(|(_, rest)| rest)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn list(path: &[&str]) -> Path {
        Path(path.iter().map(|s| (*s != "[]").then(|| (*s).to_owned())).collect())
    }

    #[test]
    fn only_what_was_asked_is_kept_and_lists_keep_their_length() {
        let claims = json!({
            "number": "1", "month": "2026-05", "other": {"a": 1},
            "lines": [{"kind": "x", "amount": "1.00"}, {"kind": "y"}, {"amount": "3.00", "more": [1, 2]}],
        });
        let cases = [
            (
                vec![list(&["lines", "[]", "amount"])],
                json!({"lines": [{"amount": "1.00"}, {}, {"amount": "3.00"}]}),
            ),
            (
                vec![list(&["number"]), list(&["lines"])],
                json!({"number": "1", "lines": claims["lines"]}),
            ),
            (vec![list(&["lines", "amount"])], json!({})),
            (vec![list(&["number", "below"])], json!({})),
            (vec![list(&["absent"])], json!({})),
            (vec![], json!({})),
        ];
        for (paths, expected) in cases {
            assert_eq!(only(&claims, &paths), expected, "{paths:?}");
        }
    }
}
