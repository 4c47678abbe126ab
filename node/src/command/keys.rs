//! `bevis keys` and `bevis node certificate`: the organisation's own keys, and what ties its node to it.

use super::card;
use super::session::Session;
use crate::args::Keys;
use crate::error::Failure;
use crate::home;
use crate::output::At;
use crate::service::{Card, Command};
use credentials::{Code, Problem, Timestamp};
use serde_json::{Value, json};
use std::path::Path;

/// Runs a command of the group.
pub(super) async fn run(session: &mut Session, keys: Keys) -> Result<u8, Failure> {
    let (command, person) = match &keys {
        Keys::Join { card } => return join(session, card).await,
        Keys::List => (Command::Keys, None),
        Keys::Rotate { from, person } => {
            let parse = |text: &String| Timestamp::parse(text).ok_or_else(|| Problem::new(Code::Usage, "--from"));
            let from = from.as_ref().map(parse).transpose()?;
            (Command::KeysRotate { from }, Some(person))
        }
        Keys::Approve { proposal, person } => {
            let proposal = proposal.clone();
            (Command::KeysApprove { proposal }, Some(person))
        }
        Keys::Cancel { proposal, person } => {
            let proposal = proposal.clone();
            (Command::KeysCancel { proposal }, Some(person))
        }
    };
    let answer = match person {
        Some(person) => session.execute_as(command, person).await?,
        None => session.execute(command).await?,
    };
    if session.output.json {
        session.output.object(&answer);
        return Ok(0);
    }
    if let Some(proposal) = answer.at("proposed").at("proposal").as_str() {
        let proposed = answer.at("proposed");
        let text = |name: &str| proposed.at(name).as_str().unwrap_or_default();
        let (by, until) = (text("proposed_by"), text("until"));
        session
            .output
            .print("key-proposed", &[("proposal", proposal), ("by", by), ("until", until)]);
    }
    if let Some(cancelled) = answer.at("proposal").as_str() {
        session.output.print("key-cancelled", &[("proposal", cancelled)]);
    }
    if let Some(made) = answer.at("made").as_str() {
        session.output.print("key-made", &[("kid", made)]);
    }
    for key in answer.at("keys").as_array().into_iter().flatten() {
        let text = |name: &str| key.at(name).as_str().unwrap_or_default();
        let state = match (
            key.at("compromised").is_null(),
            key.at("signs").as_bool(),
            key.at("listed").as_bool(),
        ) {
            (false, ..) => "key-compromised",
            (true, Some(true), _) => "key-signs",
            (true, _, Some(true)) => "key-listed",
            _ => "key-unlisted",
        };
        let state = session.output.catalogue.text(state, &[]);
        let (from, until) = (text("from"), text("until"));
        session
            .output
            .data(&format!("{}  {from} – {until}  {state}", text("kid")));
    }
    Ok(0)
}

/// Adds this home's keys to the card of the organisation's node.
async fn join(session: &mut Session, path: &Path) -> Result<u8, Failure> {
    let mut whole = card::read(path)?;
    let own = session.execute(Command::Whoami).await?;
    let own: Card = serde_json::from_value(own.at("card").clone())
        .map_err(|e| Failure::because(Problem::new(Code::WrongRole, "organisation"), e))?;
    let added = whole.join(&own)?;
    let text = serde_json::to_string(&whole).map_err(|e| Failure::because(Code::Internal, e))?;
    home::write(path, format!("{text}\n").as_bytes())?;
    let keys: Vec<&str> = whole.keys.iter().map(|key| key.kid.as_str()).collect();
    if session.output.json {
        let answer =
            json!({ "schema": "keys-joined/v1", "path": path.display().to_string(), "added": added, "keys": keys });
        session.output.object(&answer);
        return Ok(0);
    }
    session
        .output
        .print("key-joined", &[("path", &path.display().to_string())]);
    for kid in keys {
        session.output.data(&format!("  {kid}"));
    }
    Ok(0)
}

/// The node certificate.
pub(super) async fn certificate(session: &mut Session, renew: bool) -> Result<u8, Failure> {
    let answer = session.execute(Command::Certificate { renew }).await?;
    if session.output.json {
        session.output.object(&answer);
        return Ok(0);
    }
    let text = |name: &str| match answer.at(name) {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    };
    let [did, peer, roles, serial, expires, days] = ["did", "peer", "roles", "serial", "expires", "days"].map(text);
    session.output.print(
        "certificate-shown",
        &[
            ("did", &did),
            ("peer", &peer),
            ("roles", &roles),
            ("serial", &serial),
            ("expires", &expires),
            ("days", &days),
        ],
    );
    Ok(0)
}
