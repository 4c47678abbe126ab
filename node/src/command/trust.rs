//! `bevis trust`: the anchor's draft and signature, and a node's import.

use super::session::{Session, read_input};
use crate::args::Trust;
use crate::config;
use crate::error::Failure;
use crate::home;
use crate::output::At;
use crate::service::{Card, Command};
use credentials::service::Registration;
use credentials::trust::TRUST_MAX;
use credentials::{Code, Did, Problem};
use serde_json::{Value, json};
use std::path::Path;

/// Largest card or registration file, in bytes.
const FILE_MAX: u64 = 64 * 1024;

/// Runs a command of the group.
pub(super) async fn run(session: &mut Session, trust: Trust) -> Result<u8, Failure> {
    match trust {
        Trust::New { profile } => {
            let mut config = config::defaults();
            config.anchor = Some(config::Section::default());
            if let Some(language) = &session.global.lang {
                config.node.language.clone_from(language);
            }
            super::init::create(session, &config, None, profile)?;
            let whoami = session.execute(Command::Whoami).await?;
            let anchor = whoami.at("anchor").as_str().unwrap_or_default().to_owned();
            if session.output.json {
                session
                    .output
                    .object(&json!({ "schema": "anchor/v1", "anchor": anchor }));
            } else {
                session.output.print("trust-new", &[("anchor", &anchor)]);
            }
        }
        Trust::Add { card, issues, service } => {
            let card = card_of(&read_input(&card, FILE_MAX)?)?;
            let services = service
                .iter()
                .map(|name| registration(name))
                .collect::<Result<Vec<_>, _>>()?;
            let added = session
                .execute(Command::TrustAdd {
                    card: Box::new(card),
                    issues,
                    services,
                })
                .await?;
            show(session, &added, |session, value| {
                session.output.print(
                    "trust-added",
                    &[("name", value.at("added").as_str().unwrap_or_default())],
                );
            });
        }
        Trust::Sign { out, days } => {
            let signed = session.execute(Command::TrustSign { days }).await?;
            let text = signed.at("text").as_str().unwrap_or_default();
            let sequence = signed.at("sequence").to_string();
            match out {
                None => session.output.data(text),
                Some(path) => {
                    home::write(&path, text.as_bytes())?;
                    if session.output.json {
                        let path = path.display().to_string();
                        let object =
                            json!({ "schema": "trust-signed/v1", "sequence": signed.at("sequence"), "path": path });
                        session.output.object(&object);
                    } else {
                        let path = path.display().to_string();
                        session
                            .output
                            .print("trust-signed", &[("sequence", &sequence), ("path", &path)]);
                    }
                }
            }
        }
        Trust::Import { file, anchor } => {
            let text = String::from_utf8(read_input(&file, TRUST_MAX as u64)?)
                .map_err(|e| Failure::because(Problem::new(Code::Malformed, "trust document"), e))?;
            let anchor = match anchor {
                None => None,
                Some(text) => Some(Did::parse(&text).ok_or_else(|| Problem::new(Code::Usage, "--anchor"))?),
            };
            let summary = session.execute(Command::TrustImport { text, anchor }).await?;
            show(session, &summary, |session, value| {
                let count = value.at("organisations").as_array().map_or(0, Vec::len).to_string();
                let sequence = value.at("sequence").to_string();
                session
                    .output
                    .print("trust-imported", &[("sequence", &sequence), ("count", &count)]);
            });
        }
        Trust::Show => {
            let summary = session.execute(Command::TrustShow).await?;
            show(session, &summary, print_list);
        }
    }
    Ok(0)
}

fn show(session: &Session, value: &Value, human: impl FnOnce(&Session, &Value)) {
    if session.output.json {
        session.output.object(value)
    } else {
        human(session, value)
    }
}

fn print_list(session: &Session, value: &Value) {
    if let Some(draft) = value.get("draft") {
        session.output.data(&format!("{draft:#}"));
        return;
    }
    let sequence = value.at("sequence").to_string();
    let next = value.at("next_update").as_str().unwrap_or_default();
    let operator = value.at("operator").as_str().unwrap_or_default();
    session.output.print(
        "trust-shown",
        &[("sequence", &sequence), ("operator", operator), ("next", next)],
    );
    for organisation in value.at("organisations").as_array().into_iter().flatten() {
        let list = |key: &str| -> String {
            let items = organisation[key]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_str);
            items.collect::<Vec<_>>().join(" ")
        };
        let text = |key: &str| organisation[key].as_str().unwrap_or_default();
        session
            .output
            .data(&format!("{}  {}  {}", text("number"), text("name"), text("did")));
        if !list("issues").is_empty() {
            session.output.print("trust-issues", &[("types", &list("issues"))]);
        }
        if !list("services").is_empty() {
            session
                .output
                .print("trust-services", &[("services", &list("services"))]);
        }
    }
}

/// A card by itself, or within the output of `whoami --json`.
fn card_of(bytes: &[u8]) -> Result<Card, Failure> {
    let malformed = |e: serde_json::Error| Failure::because(Problem::new(Code::Malformed, "card"), e);
    let value: Value = serde_json::from_slice(bytes).map_err(malformed)?;
    let card = if value.at("schema") == "whoami/v1" {
        value.at("card").clone()
    } else {
        value
    };
    serde_json::from_value(card).map_err(malformed)
}

/// A built-in registration by id, or one from a file.
fn registration(name: &str) -> Result<Registration, Failure> {
    if let Some(found) = Registration::builtin().into_iter().find(|r| r.id == name) {
        return Ok(found);
    }
    let path = Path::new(name);
    if !path.exists() {
        return Err(Problem::new(Code::NotFound, name).into());
    }
    Ok(Registration::parse(&home::read(path, FILE_MAX)?)?)
}
