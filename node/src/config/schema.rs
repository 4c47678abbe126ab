//! The keys of `bevis.toml` as JSON Schema, and as rows for people.

use super::keys::{Form, KEYS, Key, LEVELS, SECTIONS};
use crate::tokens::Scope;
use serde_json::{Map, Value, json};
use toml::Table;

/// The schema's own name.
pub const ID: &str = "urn:bevis:schema:config:1";

/// A key in words.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Row {
    /// `section.name`
    pub key: &'static str,
    /// What it may hold.
    pub form: String,
    /// What holds when nobody says otherwise; `None` where the key has to be given with its section.
    pub default: Option<String>,
    /// Variable of the environment that gives it too.
    pub environment: Option<&'static str>,
    /// What it means.
    pub meaning: &'static str,
}

/// JSON Schema (2020-12) of the file.
pub fn json_schema() -> Value {
    let defaults = defaults();
    let mut sections = Map::new();
    for section in SECTIONS {
        let keys = KEYS.iter().filter(|key| key.parts().0 == section.name);
        let mut properties = Map::new();
        let mut required = Vec::new();
        for key in keys {
            let name = key.parts().1;
            let mut property = form_schema(key.form);
            property.insert("description".to_owned(), json!(key.meaning));
            let default = default_of(&defaults, key).and_then(|value| serde_json::to_value(value).ok());
            match default {
                Some(value) => {
                    property.insert("default".to_owned(), value);
                }
                None if key.unset.is_none() => required.push(name),
                None => {}
            }
            properties.insert(name.to_owned(), Value::Object(property));
        }
        let mut schema = Map::new();
        schema.insert("type".to_owned(), json!("object"));
        schema.insert("description".to_owned(), json!(section.meaning));
        schema.insert("properties".to_owned(), Value::Object(properties));
        if !required.is_empty() {
            schema.insert("required".to_owned(), json!(required));
        }
        schema.insert("additionalProperties".to_owned(), json!(false));
        sections.insert(section.name.to_owned(), Value::Object(schema));
    }
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": ID,
        "title": "bevis.toml",
        "type": "object",
        "properties": sections,
        "additionalProperties": false,
    })
}

/// Every key in words, in the order of the file.
pub fn rows() -> Vec<Row> {
    let defaults = defaults();
    let row = |key: &Key| Row {
        key: key.name,
        form: form_words(key.form),
        default: default_of(&defaults, key)
            .map(ToString::to_string)
            .or_else(|| key.unset.map(str::to_owned)),
        environment: key.environment,
        meaning: key.meaning,
    };
    KEYS.iter().map(row).collect()
}

/// The defaults as a table. They are made of what TOML can hold, so that this does not fail; without them a row says that its key
/// has to be given, and a test would tell.
fn defaults() -> Table {
    Table::try_from(super::defaults()).unwrap_or_default()
}

fn default_of<'t>(defaults: &'t Table, key: &Key) -> Option<&'t toml::Value> {
    let (section, name) = key.parts();
    defaults.get(section)?.get(name)
}

fn form_schema(form: Form) -> Map<String, Value> {
    let schema = match form {
        Form::Text | Form::Level => json!({ "type": "string" }),
        Form::Choice(words) => json!({ "type": "string", "enum": words }),
        Form::Texts => json!({ "type": "array", "items": { "type": "string" } }),
        Form::Whole(least, most) => json!({ "type": "integer", "minimum": least, "maximum": most }),
        Form::Flag => json!({ "type": "boolean" }),
        Form::Clients => json!({
            "type": "array", "items": {
                "type": "object", "additionalProperties": false, "required": ["name", "scopes"],
                "properties": {
                    "name": { "type": "string" }, "dns": { "type": "string" }, "fingerprint": { "type": "string" },
                    "scopes": { "type": "array", "items": { "enum": Scope::ALL.map(Scope::as_str) } },
                },
            },
        }),
    };
    match schema {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

fn form_words(form: Form) -> String {
    match form {
        Form::Text => "text".to_owned(),
        Form::Choice(words) => words.join(", "),
        Form::Level => format!("{}, or a filter", LEVELS.join(", ")),
        Form::Texts => "list of texts".to_owned(),
        Form::Whole(least, most) => format!("{least} to {most}"),
        Form::Flag => "true, false".to_owned(),
        Form::Clients => "list of tables".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config;

    #[test]
    fn the_schema_names_every_key_with_its_default_and_requires_what_has_none() {
        let schema = json_schema();
        for key in KEYS {
            let (section, name) = key.parts();
            let pointer = format!("/properties/{section}/properties/{name}");
            let property = schema.pointer(&pointer).unwrap_or_else(|| panic!("{}", key.name));
            assert!(property["description"].is_string() && property["type"].is_string());
        }
        let of = |pointer: &str| schema.pointer(pointer).cloned().unwrap_or_default();
        assert_eq!(of("/properties/status/properties/every_seconds/default"), json!(300));
        assert_eq!(of("/properties/status/properties/every_seconds/maximum"), json!(300));
        assert_eq!(of("/properties/node/properties/listen/default"), json!(["127.0.0.1:0"]));
        assert_eq!(
            of("/properties/organisation/required"),
            json!(["did", "number", "name"])
        );
        assert_eq!(of("/properties/issuer/required"), json!(["issues"]));
        assert_eq!(of("/properties/wallet/required"), Value::Null);
        assert_eq!(of("/additionalProperties"), json!(false));
    }

    #[test]
    fn what_the_schema_requires_is_what_the_program_requires() {
        let organisation = "[organisation]\ndid = \"did:web:a.example\"\nnumber = \"974761076\"\nname = \"A\"\n";
        assert!(config::parse(organisation).is_ok());
        for key in ["did", "number", "name"] {
            let lines = organisation.lines().filter(|line| !line.starts_with(key));
            let without = lines.map(|line| format!("{line}\n")).collect::<String>();
            assert!(config::parse(&without).is_err(), "{key}");
        }
        assert!(config::parse(&format!("{organisation}[issuer]\n")).is_err());
        assert!(config::parse(&format!("{organisation}[issuer]\nissues = []\n")).is_ok());
        assert!(config::parse("[wallet]\n").is_ok());
    }

    #[test]
    fn every_row_has_a_default_unless_its_key_must_be_given() {
        let without: Vec<&str> = rows()
            .iter()
            .filter(|row| row.default.is_none())
            .map(|row| row.key)
            .collect();
        assert_eq!(
            without,
            [
                "organisation.did",
                "organisation.number",
                "organisation.name",
                "issuer.issues",
                "admin.listen"
            ]
        );
    }
}
