//! Register rows: from JSON or CSV to a checked row, and from that to the claims of a credential.

use super::path::any_at;
use super::{Class, CredentialType, Path, ROW_MAX, declaration, tree, values_at};
use crate::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Longest string in a row, in bytes.
const STRING_MAX: usize = 4096;
/// Deepest nesting of a row.
pub(super) const DEPTH_MAX: usize = 16;
/// Largest integer in a row: beyond it canonical JSON (RFC 8785), which knows doubles only, could not hold it.
const INTEGER_MAX: u64 = (1 << 53) - 1;

/// Why a row is not taken: where, and which rule, never the value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RowError {
    /// Path of the field, with positions in lists (`inntekt[2].beloep`); `?` stands for a name that the type does not have.
    pub path: String,
    /// Stable code: `schema`, `check_digit`, `decimal`, `notice_too_short`, `ending_not_allowed`, `period`, `period_overlap`, `too_large`, `not_an_object`, `missing_key`
    pub reason: String,
}

impl RowError {
    pub(super) fn new(path: impl Into<String>, reason: &str) -> RowError {
        RowError {
            path: path.into(),
            reason: reason.to_owned(),
        }
    }
}

/// A register row that has been checked against its type. Holds class X fields. `Debug` prints nothing of it.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Row(Value);

impl Row {
    /// The row's content.
    pub fn value(&self) -> &Value {
        &self.0
    }
}

impl std::fmt::Debug for Row {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Row(..)")
    }
}

/// The claims of a row without class X: the only thing that [`crate::sd_jwt::issue`] takes. `Debug` prints nothing of them.
#[derive(Clone, PartialEq)]
pub struct Claims(Value);

impl Claims {
    /// The claims.
    pub fn value(&self) -> &Value {
        &self.0
    }
}

impl std::fmt::Debug for Claims {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Claims(..)")
    }
}

impl CredentialType {
    /// Checks one row: size, schema, check digits (`format`: `fodselsnummer`, `organisasjonsnummer`, `norsk_identifikator`,
    /// `kontonummer`, `iban`, `kid`, `decimal`, `date`, `month`, `instant`), endings, periods.
    /// A number where the schema says `string` with format `decimal` becomes the decimal string of its own text, never through
    /// a float; a number elsewhere must be an integer. Reserved names become the credential's ([`CredentialType::names`]).
    pub fn row(&self, row: Value) -> Result<Row, RowError> {
        let Value::Object(mut members) = row else {
            return Err(RowError::new("", "not_an_object"));
        };
        for (reserved, name) in &self.names {
            if let Some(value) = members.remove(reserved)
                && members.insert(name.clone(), value).is_some()
            {
                return Err(RowError::new(name, "schema"));
            }
        }
        let mut value = Value::Object(members);
        self.normalise(&mut value, &tree::top(&self.schema), &mut Vec::new())?;
        let length = serde_json::to_vec(&value).map_or(usize::MAX, |bytes| bytes.len());
        if length > ROW_MAX {
            return Err(RowError::new("", "too_large"));
        }
        self.validate(&self.validator, &value)?;
        let row = Row(value);
        for path in self.row_key.iter().chain([&self.holder.number]) {
            if key_text(&row, path).is_none() {
                return Err(RowError::new(path.to_string(), "missing_key"));
            }
        }
        self.check_endings(&row)?;
        self.check_periods(&row)?;
        self.check_no_ladder(&row)?;
        Ok(row)
    }

    /// Checks claims as far as they are shown: form and check digits of what is there, nothing of class X, nothing that the
    /// type does not have. What is missing is not held against them.
    pub fn shown(&self, claims: &Value) -> Result<(), RowError> {
        if !claims.is_object() {
            return Err(RowError::new("", "not_an_object"));
        }
        if let Some(path) = self.withheld().find(|path| any_at(claims, &path.0, &mut |_| true)) {
            return Err(RowError::new(path.to_string(), "schema"));
        }
        // Most is in order, and that is seen without a copy. What is not is walked again, to say where and why.
        if !self.is_normal(claims, &mut Vec::new()) {
            let mut value = claims.clone();
            self.normalise(&mut value, &tree::top(&self.schema), &mut Vec::new())?;
            if value != *claims {
                return Err(RowError::new("", "decimal"));
            }
        }
        if self.shown.is_valid(claims) {
            return Ok(());
        }
        self.validate(&self.shown, claims)
    }

    /// Whether shown claims lack something on the way to `path` that every whole credential of the type has there. An element of
    /// a list keeps its place when it is not shown, so that a holder who shows one amount and withholds the next is seen.
    pub fn lacks(&self, claims: &Value, path: &Path) -> bool {
        tree::lacks(&self.schema, claims, path)
    }

    /// Whether [`CredentialType::normalise`] neither refuses nor changes anything.
    fn is_normal<'v>(&self, value: &'v Value, place: &mut Vec<Option<&'v str>>) -> bool {
        if place.len() > DEPTH_MAX {
            return false;
        }
        match value {
            Value::Null | Value::Bool(_) => true,
            Value::Number(number) => {
                let schemas = place.iter().fold(tree::top(&self.schema), |schemas, step| match step {
                    Some(name) => tree::member(&self.schema, &schemas, name),
                    None => tree::element(&self.schema, &schemas),
                });
                !tree::has_format(&schemas, "decimal") && is_exact(&number.to_string())
            }
            Value::String(text) => {
                text.len() <= STRING_MAX && (text.bytes().all(is_harmless) || !text.chars().any(is_deceptive))
            }
            Value::Array(elements) => {
                place.push(None);
                let are_normal = elements.iter().all(|element| self.is_normal(element, place));
                place.pop();
                are_normal
            }
            Value::Object(members) => members.iter().all(|(name, member)| {
                if is_unfit(name) {
                    return false;
                }
                place.push(Some(name));
                let is_normal = self.is_normal(member, place);
                place.pop();
                is_normal
            }),
        }
    }

    /// The claims of a row: class X, what is void and what is about somebody else taken away, periods in their order, the as-of
    /// time rounded to its day, the ladder worked out.
    pub fn claims(&self, row: &Row) -> Claims {
        let mut value = row.0.clone();
        for path in self.withheld() {
            edit(&mut value, &path.0, &|_| None);
        }
        if let Some(as_of) = &self.as_of {
            edit(&mut value, &as_of.0, &|instant| {
                let day = Timestamp::parse(instant.as_str()?)?.day();
                Some(Value::String(day.to_string()))
            });
        }
        for periods in &self.periods {
            edit(&mut value, &periods.list.0, &|list| {
                let mut elements = list.as_array().cloned().unwrap_or_default();
                periods.settle(&mut elements);
                Some(Value::Array(elements))
            });
        }
        if let Some(others) = &self.of_others {
            let own = self.holder_number(row);
            let is_own = |element: &Value| {
                let number = values_at(element, &others.number);
                number.first().and_then(|number| number.as_str()) == own.as_deref()
            };
            let is_listed = |list: &Path| {
                values_at(&row.0, list)
                    .into_iter()
                    .filter_map(Value::as_array)
                    .flatten()
                    .all(is_own)
            };
            if !others.lists.iter().all(is_listed) {
                for list in &others.lists {
                    let mut elements = list.0.clone();
                    elements.push(None);
                    edit(&mut value, &elements, &|element| {
                        is_own(element).then(|| element.clone())
                    });
                }
                for sum in &others.sums {
                    edit(&mut value, &sum.0, &|_| None);
                }
            }
        }
        self.add_ladder(row, &mut value);
        Claims(value)
    }

    /// Name of the row in its register, from `row_key`. It may hold a person number: it is for sealed tables only.
    pub fn row_key(&self, row: &Row) -> Option<String> {
        let parts: Vec<String> = self
            .row_key
            .iter()
            .map(|path| {
                let text = key_text(row, path)?;
                Some(text.replace('\\', "\\\\").replace('|', "\\|"))
            })
            .collect::<Option<_>>()?;
        Some(parts.join("|"))
    }

    /// The holder's number in the row.
    pub fn holder_number(&self, row: &Row) -> Option<String> {
        key_text(row, &self.holder.number)
    }

    fn withheld(&self) -> impl Iterator<Item = &Path> {
        self.fields
            .iter()
            .filter(|field| field.class == Class::X)
            .map(|field| &field.path)
    }

    /// Numbers at decimal places become strings; other numbers, strings, names and depth are bounded.
    fn normalise(&self, value: &mut Value, schemas: &[&Value], place: &mut Vec<Step>) -> Result<(), RowError> {
        let refuse = |place: &[Step], reason: &str| Err(RowError::new(self.shown_place(place), reason));
        if place.len() > DEPTH_MAX {
            return refuse(place, "too_large");
        }
        match value {
            Value::Number(number) => {
                let text = number.to_string();
                if tree::has_format(schemas, "decimal") {
                    if !declaration::is_decimal(&text) {
                        return refuse(place, "decimal");
                    }
                    *value = Value::String(text);
                } else if !is_exact(&text) {
                    return refuse(place, "schema");
                }
            }
            Value::String(text) if text.len() > STRING_MAX => return refuse(place, "too_large"),
            Value::String(text) if text.chars().any(is_deceptive) => return refuse(place, "schema"),
            Value::Array(elements) => {
                let inner = tree::element(&self.schema, schemas);
                for (index, element) in elements.iter_mut().enumerate() {
                    place.push(Step::Index(index));
                    self.normalise(element, &inner, place)?;
                    place.pop();
                }
            }
            Value::Object(members) => {
                for (name, member) in members.iter_mut() {
                    place.push(Step::Name(name.clone()));
                    if is_unfit(name) {
                        return refuse(place, "schema");
                    }
                    self.normalise(member, &tree::member(&self.schema, schemas, name), place)?;
                    place.pop();
                }
            }
            Value::Null | Value::Bool(_) | Value::String(_) => {}
        }
        Ok(())
    }

    fn validate(&self, validator: &jsonschema::Validator, value: &Value) -> Result<(), RowError> {
        validator.validate(value).map_err(|error| {
            use jsonschema::paths::LocationSegment;
            let place: Vec<Step> = error
                .instance_path()
                .segments()
                .map(|segment| match segment {
                    LocationSegment::Property(name) => Step::Name(name.into_owned()),
                    LocationSegment::Index(index) => Step::Index(index),
                })
                .collect();
            let reason = match error.kind() {
                jsonschema::error::ValidationErrorKind::Format { format } => declaration::reason_of(format),
                _ => "schema",
            };
            RowError::new(self.shown_place(&place), reason)
        })
    }

    /// A place in a row as text. Names that the type does not have are data, and are not shown.
    fn shown_place(&self, place: &[Step]) -> String {
        let mut schemas = tree::top(&self.schema);
        let mut text = String::new();
        for step in place {
            match step {
                Step::Index(index) => {
                    text.push_str(&format!("[{index}]"));
                    schemas = tree::element(&self.schema, &schemas);
                }
                Step::Name(name) => {
                    schemas = tree::member(&self.schema, &schemas, name);
                    if !text.is_empty() {
                        text.push('.');
                    }
                    if schemas.is_empty() {
                        text.push('?');
                        break;
                    }
                    text.push_str(name);
                }
            }
        }
        text
    }
}

/// Whether number text is an integer that canonical JSON holds.
fn is_exact(text: &str) -> bool {
    text.trim_start_matches('-')
        .parse::<u64>()
        .is_ok_and(|size| size <= INTEGER_MAX)
}

/// Names that mean something to SD-JWT, and names that are too long.
fn is_unfit(name: &str) -> bool {
    matches!(name, "_sd" | "..." | "_sd_alg") || name.len() > 64
}

/// One step into a row.
pub(super) enum Step {
    Name(String),
    Index(usize),
}

/// A byte of plain ASCII text.
fn is_harmless(byte: u8) -> bool {
    (b' '..0x7f).contains(&byte)
}

/// Control characters, and those that turn the direction of writing: they could falsify what a screen shows.
fn is_deceptive(character: char) -> bool {
    (character.is_control() && character != '\n')
        || matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The text of a key: a string, or an integer's digits.
fn key_text(row: &Row, path: &Path) -> Option<String> {
    match values_at(&row.0, path).first()? {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Replaces every value at a path by what `change` makes of it; `None` takes the member away.
fn edit(value: &mut Value, path: &[Option<String>], change: &dyn Fn(&Value) -> Option<Value>) {
    match (path.split_first(), value) {
        (Some((Some(name), [])), Value::Object(members)) => {
            match members.get(name).map(change) {
                Some(Some(changed)) => members.insert(name.clone(), changed),
                Some(None) => members.remove(name),
                None => None,
            };
        }
        (Some((Some(name), rest)), Value::Object(members)) => {
            if let Some(inner) = members.get_mut(name) {
                edit(inner, rest, change);
            }
        }
        (Some((None, [])), Value::Array(elements)) => {
            *elements = elements.iter().filter_map(change).collect();
        }
        (Some((None, rest)), Value::Array(elements)) => {
            for element in elements {
                edit(element, rest, change);
            }
        }
        _ => {}
    }
}
