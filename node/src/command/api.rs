//! `bevis api`, `bevis openapi` and `bevis verifier webhook`: who may use the API, what it is, and where events go.

use super::session::Session;
use crate::args::{Api, ApiToken, Webhook};
use crate::error::Failure;
use crate::output::At;
use crate::service::{Command, Hook};
use crate::tokens::{Scope, Token, Tokens};
use credentials::{Code, Problem, Timestamp};
use serde_json::{Value, json};

/// Runs a command about tokens. None of them needs the store: they write a file of hashes, which a running node reads again.
pub(super) fn run(session: &mut Session, Api::Token(what): Api) -> Result<u8, Failure> {
    let loaded = session.load(&[])?;
    if loaded.config.verifier.is_none() {
        return Err(Problem::new(Code::WrongRole, "verifier").into());
    }
    let tokens = Tokens::of(&session.home()?);
    match what {
        ApiToken::Add { name, scope, expires } => {
            let (text, token) = tokens.add(&name, &scope, expires)?;
            if session.output.json {
                let mut object = shown(&token);
                object.put("schema", json!("api-token/v1"));
                object.put("token", json!(text.as_str()));
                session.output.object(&object);
                return Ok(0);
            }
            session.output.data(&text);
            let until = moment(session, &token.expires);
            session
                .output
                .say("api-token-made", &[("name", &name), ("until", &until)]);
        }
        ApiToken::List => {
            let all = tokens.list()?;
            if session.output.json {
                let all: Vec<Value> = all.iter().map(shown).collect();
                session
                    .output
                    .object(&json!({ "schema": "api-tokens/v1", "tokens": all }));
                return Ok(0);
            }
            if all.is_empty() {
                session.output.say("api-token-none", &[]);
            }
            for token in &all {
                let scopes: Vec<&str> = token.scopes.iter().map(|scope| scope.as_str()).collect();
                let until = moment(session, &token.expires);
                let told = [
                    ("name", token.name.as_str()),
                    ("scopes", &scopes.join(" ")),
                    ("until", &until),
                ];
                session.output.print("api-token-one", &told);
            }
        }
        ApiToken::Remove { name } => {
            tokens.remove(&name)?;
            match session.output.json {
                true => session
                    .output
                    .object(&json!({ "schema": "api-token-removed/v1", "name": name })),
                false => session.output.say("api-token-removed", &[("name", &name)]),
            }
        }
    }
    Ok(0)
}

fn shown(token: &Token) -> Value {
    let scopes: Vec<&str> = token.scopes.iter().map(|scope: &Scope| scope.as_str()).collect();
    json!({ "name": token.name, "scopes": scopes, "created": token.created, "expires": token.expires })
}

fn moment(session: &Session, text: &str) -> String {
    Timestamp::parse(text).map_or(text.to_owned(), |at| session.output.catalogue.moment(at))
}

/// Prints the description of the API: the same text that a node serves and that is committed.
pub(super) fn openapi(session: &Session) {
    session.output.data(crate::http::api::openapi::text().trim_end());
}

/// Runs a command about webhooks.
pub(super) async fn webhook(session: &mut Session, webhook: Webhook) -> Result<u8, Failure> {
    let what = match webhook {
        Webhook::Add { url, events } => Hook::Add { url, events },
        Webhook::List => Hook::List,
        Webhook::Remove { id } => Hook::Remove { id },
        Webhook::Test { id } => Hook::Test { id },
        Webhook::Replay { id, delivery } => Hook::Replay { id, delivery },
        Webhook::Dead { id } => Hook::Dead { id },
    };
    let answer = session.execute(Command::Hook { what }).await?;
    if session.output.json {
        session.output.object(&answer);
        return Ok(0);
    }
    tell(session, &answer);
    // A test that was not taken is a failure of whoever it was sent to.
    let is_refused = answer.at("schema") == "webhook-tested/v1" && answer.at("delivered") != &Value::Bool(true);
    Ok(if is_refused { 5 } else { 0 })
}

fn tell(session: &Session, answer: &Value) {
    let text = |value: &Value, name: &str| value.at(name).as_str().unwrap_or_default().to_owned();
    let list = |name: &str| answer.at(name).as_array().cloned().unwrap_or_default();
    match answer.at("schema").as_str().unwrap_or_default() {
        "webhook-added/v1" => {
            session.output.data(&text(answer, "secret"));
            session
                .output
                .say("webhook-added", &[("id", &text(answer.at("webhook"), "id"))]);
        }
        "webhooks/v1" => {
            let all = list("webhooks");
            if all.is_empty() {
                session.output.say("webhook-none", &[]);
            }
            for one in all {
                let state = session
                    .output
                    .catalogue
                    .text(&format!("webhook-state-{}", text(&one, "state")), &[]);
                let counts = (one.at("waiting").to_string(), one.at("dead").to_string());
                let (id, url) = (text(&one, "id"), text(&one, "url"));
                let told = [
                    ("id", id.as_str()),
                    ("url", &url),
                    ("state", &state),
                    ("waiting", &counts.0),
                    ("dead", &counts.1),
                ];
                session.output.print("webhook-one", &told);
            }
        }
        "webhook-removed/v1" => session.output.say("webhook-removed", &[("id", &text(answer, "id"))]),
        "webhook-tested/v1" => {
            let status = answer
                .at("status")
                .as_u64()
                .map_or(String::new(), |status| status.to_string());
            match answer.at("delivered") == &Value::Bool(true) {
                true => session.output.print("webhook-tested", &[("status", &status)]),
                false => {
                    let why = if status.is_empty() {
                        text(answer, "error")
                    } else {
                        status
                    };
                    session.output.print("webhook-not-taken", &[("why", &why)]);
                }
            }
        }
        "webhook-replayed/v1" => {
            let count = answer.at("replayed").to_string();
            session.output.say("webhook-replayed", &[("count", &count)]);
        }
        _ => {
            let all = list("dead");
            if all.is_empty() {
                session.output.say("webhook-no-dead", &[]);
            }
            for one in all {
                let since = moment(session, &text(&one, "at"));
                let (id, delivery, kind) = (text(&one, "webhook"), text(&one, "delivery"), text(&one, "type"));
                let last = text(&one, "last");
                let told = [
                    ("id", id.as_str()),
                    ("delivery", &delivery),
                    ("event", &kind),
                    ("at", &since),
                    ("last", &last),
                ];
                session.output.print("webhook-dead-one", &told);
            }
        }
    }
}
