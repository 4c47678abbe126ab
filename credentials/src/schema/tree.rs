//! Walking a JSON Schema by claim paths. Only what our declarations use: `properties`, `items`, local `$ref`, `anyOf`, `oneOf`, `allOf`.

use super::Path;
use serde_json::{Map, Value};

/// Most schemas that one place of a document may have; a declaration that needs more is not walked further.
const ALTERNATIVES_MAX: usize = 64;
/// Most references and combinations inside one another at one place.
const NESTING_MAX: usize = 8;
/// Keywords that hold for a part of a document as they do for the whole, and have no schema inside.
const LOCAL: [&str; 15] = [
    "$schema",
    "$ref",
    "type",
    "enum",
    "const",
    "format",
    "pattern",
    "minLength",
    "maxLength",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "maxItems",
    "maxProperties",
];

/// Keywords below which every schema applies.
const CERTAIN: &[&str] = &["allOf"];
/// The same, and those below which one of several may apply.
const ALTERNATIVE: &[&str] = &["allOf", "anyOf", "oneOf"];

/// The schemas that apply at a path; none when the type has no such path.
pub(super) fn at<'s>(root: &'s Value, path: &Path) -> Vec<&'s Value> {
    path.0.iter().fold(top(root), |schemas, segment| match segment {
        Some(name) => member(root, &schemas, name),
        None => element(root, &schemas),
    })
}

/// The schemas of the whole document.
pub(super) fn top(root: &Value) -> Vec<&Value> {
    let mut found = Vec::new();
    expand(root, root, ALTERNATIVE, NESTING_MAX, &mut found);
    found
}

/// The schemas of a member of an object.
pub(super) fn member<'s>(root: &'s Value, schemas: &[&'s Value], name: &str) -> Vec<&'s Value> {
    let mut found = Vec::new();
    for schema in schemas {
        if let Some(inner) = schema.get("properties").and_then(|members| members.get(name)) {
            expand(root, inner, ALTERNATIVE, NESTING_MAX, &mut found);
        }
    }
    found
}

/// The schemas of the elements of an array.
pub(super) fn element<'s>(root: &'s Value, schemas: &[&'s Value]) -> Vec<&'s Value> {
    let mut found = Vec::new();
    for schema in schemas {
        if let Some(inner) = schema.get("items") {
            expand(root, inner, ALTERNATIVE, NESTING_MAX, &mut found);
        }
    }
    found
}

/// Whether one of the schemas allows a JSON type.
pub(super) fn allows(schemas: &[&Value], kind: &str) -> bool {
    schemas.iter().any(|schema| match schema.get("type") {
        Some(Value::String(one)) => one == kind,
        Some(Value::Array(several)) => several.iter().any(|one| one == kind),
        _ => false,
    })
}

/// Whether one of the schemas has this format.
pub(super) fn has_format(schemas: &[&Value], format: &str) -> bool {
    schemas
        .iter()
        .any(|schema| schema.get("format").and_then(Value::as_str) == Some(format))
}

/// Whether a member on the way to `path` is missing in some object of `document` although the schema requires it of each.
/// Only what holds in every case counts: what is required under `anyOf` or `oneOf` may be another case's.
pub(super) fn lacks(root: &Value, document: &Value, path: &Path) -> bool {
    // Most documents have all that is asked of them, and that is seen without the schema.
    if !misses(document, &path.0) {
        return false;
    }
    let mut top = Vec::new();
    expand(root, root, CERTAIN, NESTING_MAX, &mut top);
    lacks_below(root, &top, document, &path.0)
}

/// Whether some object of `value` has no member of that name on the way to `path`, required or not.
fn misses(value: &Value, path: &[Option<String>]) -> bool {
    match (path.split_first(), value) {
        (Some((Some(name), rest)), Value::Object(members)) => {
            members.get(name).is_none_or(|member| misses(member, rest))
        }
        (Some((None, rest)), Value::Array(items)) => items.iter().any(|item| misses(item, rest)),
        _ => false,
    }
}

fn lacks_below(root: &Value, schemas: &[&Value], value: &Value, path: &[Option<String>]) -> bool {
    let Some((segment, rest)) = path.split_first() else {
        return false;
    };
    let mut inner = Vec::new();
    for schema in schemas {
        let below = match segment {
            Some(name) => schema.get("properties").and_then(|members| members.get(name)),
            None => schema.get("items"),
        };
        if let Some(below) = below {
            expand(root, below, CERTAIN, NESTING_MAX, &mut inner);
        }
    }
    match (segment, value) {
        (Some(name), Value::Object(members)) => match members.get(name) {
            Some(member) => lacks_below(root, &inner, member, rest),
            None => schemas.iter().any(|schema| requires(schema, name)),
        },
        (None, Value::Array(items)) => items.iter().any(|item| lacks_below(root, &inner, item, rest)),
        // A value of another kind is refused for its form.
        _ => false,
    }
}

fn requires(schema: &Value, name: &str) -> bool {
    let required = schema.get("required").and_then(Value::as_array);
    required.is_some_and(|required| required.iter().any(|one| one.as_str() == Some(name)))
}

/// The schemas that apply where one does, by reference and by the keywords that combine schemas.
fn expand<'s>(root: &'s Value, schema: &'s Value, combining: &[&str], nesting: usize, found: &mut Vec<&'s Value>) {
    if found.len() >= ALTERNATIVES_MAX {
        return;
    }
    found.push(schema);
    let Some(nesting) = nesting.checked_sub(1) else {
        return;
    };
    if let Some(target) = schema.get("$ref").and_then(Value::as_str)
        && let Some(inner) = target.strip_prefix('#').and_then(|pointer| root.pointer(pointer))
    {
        expand(root, inner, combining, nesting, found);
    }
    for keyword in combining {
        for inner in schema.get(keyword).and_then(Value::as_array).into_iter().flatten() {
            expand(root, inner, combining, nesting, found);
        }
    }
}

/// The schema for a part of a document: what must be there is left away, what may be there and its form stay.
///
/// Nothing that the whole satisfies is refused of a part of it: keywords that a missing member could break are dropped, and
/// `oneOf` becomes `anyOf`.
pub(super) fn relax(schema: &Value) -> Value {
    let Value::Object(keywords) = schema else {
        return schema.clone();
    };
    let mut relaxed = Map::new();
    let mut all: Vec<Value> = Vec::new();
    for (keyword, value) in keywords {
        match (keyword.as_str(), value) {
            ("properties" | "$defs", Value::Object(members)) => {
                let members = members.iter().map(|(name, inner)| (name.clone(), relax(inner)));
                relaxed.insert(keyword.clone(), Value::Object(members.collect()));
            }
            ("items" | "additionalProperties", inner) => {
                relaxed.insert(keyword.clone(), relax(inner));
            }
            ("allOf", Value::Array(several)) => all.extend(several.iter().map(relax)),
            ("anyOf" | "oneOf", Value::Array(several)) => {
                let several: Value = several.iter().map(relax).collect();
                all.push(serde_json::json!({ "anyOf": several }));
            }
            ("enum" | "const", value) if has_container(value) => {}
            (local, value) if LOCAL.contains(&local) => {
                relaxed.insert(keyword.clone(), value.clone());
            }
            _ => {}
        }
    }
    if !all.is_empty() {
        relaxed.insert("allOf".to_owned(), Value::Array(all));
    }
    Value::Object(relaxed)
}

/// Whether a listed value is an object or an array, of which only a part may be shown.
fn has_container(value: &Value) -> bool {
    match value {
        Value::Object(_) => true,
        Value::Array(listed) => listed.iter().any(|one| one.is_object() || one.is_array()),
        _ => false,
    }
}
