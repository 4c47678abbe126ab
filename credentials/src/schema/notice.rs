//! Kinds of notices as data: JSON Schema, labels, what each kind tells the receiver to do.
//!
//! A notice is no wallet credential: nobody holds it, nothing of it is disclosed selectively, so it has no disclosure classes.

use super::{DECLARATION_MAX, Path, Text, declaration, tree};
use crate::{Code, Problem, json};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::OnceLock;

/// What a declaration says it is.
const SCHEMA: &str = "notice-type/v1";

/// The declaration that comes with this crate: C10.
const BANKRUPTCY: &[u8] = include_bytes!("../../notices/BankruptcyNotice.json");

/// A type of notice, declared in `credentials/notices/*.json`.
pub struct NoticeType {
    /// `C10`.
    pub id: String,
    /// `BankruptcyNotice`.
    pub name: String,
    /// `urn:bevis:BankruptcyNotice:1`: what the trust list names where a register may publish it.
    pub vct: String,
    /// The service under which it is received, `S11`.
    pub service: String,
    /// For people.
    pub label: Text,
    kinds: BTreeMap<String, Kind>,
    fields: Vec<Field>,
    schema: Value,
    validator: jsonschema::Validator,
}

/// A value of `type`: what people call it and what it tells the receiver to do.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Kind {
    label: Text,
    effect: Text,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Field {
    path: Path,
    label: Text,
}

/// The declaration as it stands in the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Declaration {
    schema: String,
    id: String,
    name: String,
    vct: String,
    service: String,
    label: Text,
    kinds: BTreeMap<String, Kind>,
    fields: Vec<Field>,
    claims: Value,
}

impl std::fmt::Debug for NoticeType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "NoticeType({})", self.vct)
    }
}

impl NoticeType {
    /// C10, the bankruptcy notice.
    pub fn bankruptcy() -> &'static NoticeType {
        static TYPE: OnceLock<NoticeType> = OnceLock::new();
        TYPE.get_or_init(|| NoticeType::parse(BANKRUPTCY).expect("the declaration above is part of this source"))
    }

    /// Reads a declaration of at most 256 KiB. `malformed` names the member that is wrong.
    pub fn parse(text: &[u8]) -> Result<NoticeType, Problem> {
        let value = json::parse(text, DECLARATION_MAX)?;
        let declared: Declaration =
            serde_json::from_value(value).map_err(|error| Problem::new(Code::Malformed, error.to_string()))?;
        if declared.schema != SCHEMA {
            return Err(Problem::new(Code::Unsupported, "schema"));
        }
        Ok(NoticeType {
            validator: declaration::compile(&declared.claims)?,
            id: declared.id,
            name: declared.name,
            vct: declared.vct,
            service: declared.service,
            label: declared.label,
            kinds: declared.kinds,
            fields: declared.fields,
            schema: declared.claims,
        })
    }

    /// Whether `subject` follows the schema: `unsupported` (`type`) for a kind that this version does not know, else
    /// `schema_invalid` with the place, never a value.
    pub fn check(&self, subject: &Value) -> Result<(), Problem> {
        if let Some(kind) = subject.get("type").and_then(Value::as_str)
            && !self.kinds.contains_key(kind)
        {
            return Err(Problem::new(Code::Unsupported, "type"));
        }
        match self.validator.iter_errors(subject).next() {
            None => Ok(()),
            Some(error) => Err(Problem::new(Code::SchemaInvalid, error.instance_path().to_string())),
        }
    }

    /// Whether a notice of this type has this path at all.
    pub fn has_path(&self, path: &Path) -> bool {
        !path.0.is_empty() && !tree::at(&self.schema, path).is_empty()
    }

    /// The values of `type`.
    pub fn kinds(&self) -> impl Iterator<Item = &str> {
        self.kinds.keys().map(String::as_str)
    }

    /// What people call a kind; the value itself when it is not declared.
    pub fn kind_label<'a>(&'a self, kind: &'a str, language: &str) -> &'a str {
        self.kinds.get(kind).map_or(kind, |known| known.label.get(language))
    }

    /// What a kind tells the receiver to do.
    pub fn kind_effect(&self, kind: &str, language: &str) -> Option<&str> {
        self.kinds.get(kind).map(|known| known.effect.get(language))
    }

    /// Label of a path, or its last name when none is declared.
    pub fn label_of(&self, path: &Path, language: &str) -> String {
        match self.fields.iter().find(|field| field.path == *path) {
            Some(field) => field.label.get(language).to_owned(),
            None => path.0.last().cloned().flatten().unwrap_or_default(),
        }
    }
}
