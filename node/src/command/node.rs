//! `bevis whoami`, `doctor` and `node`: what the node says of itself.

use super::session::Session;
use crate::args::{Doctor, Node};
use crate::error::Failure;
use crate::output::At;
use crate::service::Command;
use credentials::{Code, Did, Problem};
use serde_json::Value;

/// Who this node is.
pub(super) async fn whoami(session: &mut Session) -> Result<u8, Failure> {
    let whoami = session.execute(Command::Whoami).await?;
    if session.output.json {
        session.output.object(&whoami);
        return Ok(0);
    }
    let roles: Vec<&str> = whoami
        .at("roles")
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    session.output.data(&roles.join(", "));
    let card = &whoami.at("card");
    for key in ["name", "number", "did", "key", "peer"] {
        if let Some(text) = card.at(key).as_str() {
            session.output.data(&format!("  {key}  {text}"));
        }
    }
    for address in card
        .at("addresses")
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
    {
        session.output.data(&format!("  {address}"));
    }
    for key in ["anchor", "organisation"] {
        if let Some(text) = whoami.at(key).as_str() {
            session.output.data(&format!("  {key}  {text}"));
        }
    }
    Ok(0)
}

/// How this node fares.
pub(super) async fn doctor(session: &mut Session, doctor: &Doctor) -> Result<u8, Failure> {
    let report = session.execute(Command::Doctor).await?;
    let state = report.at("state").as_str().unwrap_or_default();
    let code = match state {
        "ok" => 0,
        "warn" => u8::from(doctor.strict),
        _ => 1,
    };
    if session.output.json {
        session.output.object(&report);
        return Ok(code);
    }
    for finding in report.at("findings").as_array().into_iter().flatten() {
        let text = |key: &str| finding[key].as_str().unwrap_or_default();
        let sign = match text("state") {
            "ok" => "✓",
            "warn" => "!",
            _ => "✗",
        };
        let name = session.output.catalogue.text(&format!("doctor-{}", text("check")), &[]);
        let mut line = format!("{sign} {name}  {}", text("detail"));
        if let Some(code) = finding.at("code").as_str() {
            let sentence = session.output.catalogue.text(&format!("problem-{code}"), &[]);
            line.push_str(&format!("\n    {sentence}"));
        }
        if text("state") != "ok" {
            let remedy = session
                .output
                .catalogue
                .text(&format!("doctor-{}-remedy", text("check")), &[]);
            line.push_str(&format!("\n    {remedy}"));
        }
        session.output.data(&line);
    }
    Ok(code)
}

/// Runs a command of the group.
pub(super) async fn run(session: &mut Session, node: Node) -> Result<u8, Failure> {
    let command = match node {
        Node::Status => Command::Status,
        Node::Peers => Command::Peers,
        Node::Ping { did } => Command::Ping {
            did: Did::parse(&did).ok_or_else(|| Problem::new(Code::Usage, "did"))?,
        },
        Node::Run(_) => return Err(Code::Internal.into()),
    };
    let answer = session.execute(command).await?;
    if session.output.json {
        session.output.object(&answer);
    } else {
        session.output.data(&format!("{answer:#}"));
    }
    Ok(0)
}
