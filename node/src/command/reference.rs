//! `bevis man`, `completion` and `config schema`: what the program says of itself.

use super::session::Session;
use crate::config::schema;
use crate::error::Failure;
use crate::reference::pages;
use clap_complete::Shell;
use credentials::{Code, Problem};
use serde_json::json;
use std::path::Path;

/// Writes a page for each command into a folder, which is made; without one the overview goes to standard output.
pub(super) fn man(session: &Session, folder: Option<&Path>) -> Result<u8, Failure> {
    let pages = pages::pages().map_err(|e| Failure::because(Code::Internal, e))?;
    let Some(folder) = folder else {
        let overview = pages.first().ok_or_else(|| Failure::from(Code::Internal))?;
        session.output.bytes(&overview.text);
        return Ok(0);
    };
    std::fs::create_dir_all(folder).map_err(|e| Failure::file(folder, &e))?;
    for page in &pages {
        let path = folder.join(&page.file);
        std::fs::write(&path, &page.text).map_err(|e| Failure::file(&path, &e))?;
    }
    let (path, count) = (folder.display().to_string(), pages.len());
    if session.output.json {
        session
            .output
            .object(&json!({ "schema": "man/v1", "path": path, "pages": count }));
    } else {
        let count = count.to_string();
        session
            .output
            .print("man-written", &[("path", &path), ("count", &count)]);
    }
    Ok(0)
}

/// Prints the completion of a shell.
pub(super) fn completion(session: &Session, shell: Shell) -> Result<u8, Failure> {
    let text = pages::completion(shell);
    if session.output.json {
        let text = String::from_utf8(text).map_err(|e| Failure::because(Problem::from(Code::Internal), e))?;
        let object = json!({ "schema": "completion/v1", "shell": shell.to_string(), "text": text });
        session.output.object(&object);
    } else {
        session.output.bytes(&text);
    }
    Ok(0)
}

/// Prints every key of the configuration: a line for each with its meaning under it, or with `--json` JSON Schema and rows.
pub(super) fn config_schema(session: &Session) {
    let rows = schema::rows();
    if session.output.json {
        let object = json!({ "schema": "config-schema/v1", "json_schema": schema::json_schema(), "keys": rows });
        session.output.object(&object);
        return;
    }
    for row in rows {
        let default = row.default.map_or_else(
            || session.output.catalogue.text("config-must-be-given", &[]),
            |default| session.output.catalogue.text("config-default", &[("value", &default)]),
        );
        let mut line = format!("{}  {}; {default}", row.key, row.form);
        if let Some(variable) = row.environment {
            line.push_str(&format!("; {variable}"));
        }
        session.output.data(&line);
        session.output.data(&format!("  {}", row.meaning));
    }
}
