//! `bevis keys` and `bevis node certificate`: the organisation's own keys, and what ties its node to it.

use super::session::Session;
use crate::args::Keys;
use crate::error::Failure;
use crate::output::At;
use crate::service::Command;
use credentials::{Code, Problem, Timestamp};
use serde_json::Value;

/// Runs a command of the group.
pub(super) async fn run(session: &mut Session, keys: Keys) -> Result<u8, Failure> {
    let command = match &keys {
        Keys::List => Command::Keys,
        Keys::Rotate { from } => Command::KeysRotate {
            from: match from {
                None => None,
                Some(text) => Some(Timestamp::parse(text).ok_or_else(|| Problem::new(Code::Usage, "--from"))?),
            },
        },
    };
    let answer = session.execute(command).await?;
    if session.output.json {
        session.output.object(&answer);
        return Ok(0);
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
