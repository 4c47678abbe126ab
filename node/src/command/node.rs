//! `bevis whoami`, `doctor` and `node`: what the node says of itself.

use super::session::Session;
use crate::args::{Doctor, Node};
use crate::error::Failure;
use crate::home::rights;
use crate::output::At;
use crate::service::{self, Command, Effect};
use credentials::{Code, Did, Problem};
use serde_json::{Value, json};
use std::time::Duration;

/// Longest wait for what the running node finds: its ports alone may take half of it. One that is stuck is to be told of too.
const ANSWER: Duration = Duration::from_secs(60);

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
    for name in ["name", "number", "did", "peer"] {
        if let Some(text) = card.at(name).as_str() {
            session.output.data(&format!("  {name}  {text}"));
        }
    }
    for key in card.at("keys").as_array().into_iter().flatten() {
        let [kid, key] = ["kid", "key"].map(|name| key.at(name).as_str().unwrap_or_default());
        session.output.data(&format!("  key  {kid}  {key}"));
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
    for text in [whoami.at("anchor").at("id"), whoami.at("organisation")]
        .into_iter()
        .filter_map(Value::as_str)
    {
        session.output.data(&format!("  {text}"));
    }
    Ok(0)
}

/// How this node fares. What can be put right safely is put right first, where that is asked.
pub(super) async fn doctor(session: &mut Session, doctor: &Doctor) -> Result<u8, Failure> {
    let fixed = if doctor.fix { fix(session)? } else { Vec::new() };
    let answer = tokio::time::timeout(ANSWER, session.execute(Command::Doctor)).await;
    let mut report = match answer.unwrap_or_else(|_| Err(Code::Unreachable.into())) {
        Ok(report) => report,
        // What can be seen from outside is told all the same.
        Err(failure) if [Code::PassphraseMissing, Code::Unreachable].contains(&failure.problem.code) => {
            service::seen_from_outside(&session.home()?, failure.problem.code)
        }
        Err(failure) => return Err(failure),
    };
    let code = match report.at("state").as_str().unwrap_or_default() {
        "ok" => 0,
        "warn" => u8::from(doctor.strict),
        "unknown" => 4,
        _ => 1,
    };
    if session.output.json {
        if doctor.fix {
            report.put("fixed", json!(fixed));
        }
        session.output.object(&report);
        return Ok(code);
    }
    for finding in report.at("findings").as_array().into_iter().flatten() {
        let text = |key: &str| finding.at(key).as_str().unwrap_or_default();
        let sign = match text("state") {
            "ok" => "✓",
            "warn" => "!",
            "unknown" => "?",
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

/// Takes from others the right to open what lies in the home; where that was.
fn fix(session: &mut Session) -> Result<Vec<String>, Failure> {
    // It is in the home's language that this is said.
    session.load(&[])?;
    let closed = rights::close(&session.home()?)?;
    let places: Vec<String> = closed.iter().map(|open| open.place.display().to_string()).collect();
    for place in &places {
        session.output.say("rights-closed", &[("place", place)]);
    }
    Ok(places)
}

/// Runs a command of the group.
pub(super) async fn run(session: &mut Session, node: Node) -> Result<u8, Failure> {
    let command = match node {
        Node::Status => Command::Status,
        Node::Peers => Command::Peers,
        Node::Ping { did } => Command::Ping {
            did: Did::parse(&did).ok_or_else(|| Problem::new(Code::Usage, "did"))?,
        },
        Node::Alarms { id, dismiss } => Command::Alarms { id, dismiss },
        Node::Metrics => return metrics(session).await,
        Node::Seen { kind, id, wait } => return seen(session, Effect::parse(&kind, &id)?, wait).await,
        Node::Run(_) | Node::Certificate { .. } => return Err(Code::Internal.into()),
    };
    let answer = session.execute(command).await?;
    if session.output.json {
        session.output.object(&answer);
    } else {
        session.output.data(&format!("{answer:#}"));
    }
    Ok(0)
}

/// Figures as Prometheus reads them; with `--json` the same text in an object.
async fn metrics(session: &mut Session) -> Result<u8, Failure> {
    let answer = session.execute(Command::Metrics).await?;
    if session.output.json {
        session.output.object(&answer);
    } else {
        session
            .output
            .data(answer.at("text").as_str().unwrap_or_default().trim_end());
    }
    Ok(0)
}

/// The instant in milliseconds; nothing, and the exit code of "not found", when it did not come in time.
async fn seen(session: &mut Session, effect: Effect, wait: u32) -> Result<u8, Failure> {
    let answer = session
        .execute(Command::Seen {
            effect,
            wait_seconds: wait,
        })
        .await?;
    let at = answer.at("at_ms").as_u64();
    if session.output.json {
        session.output.object(&answer);
    } else if let Some(at) = at {
        session.output.data(&at.to_string());
    }
    at.map(|_| 0).ok_or_else(|| Code::NotFound.into())
}
