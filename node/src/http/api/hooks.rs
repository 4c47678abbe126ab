//! Where events are sent: the same that `bevis verifier webhook` does.

use super::auth::Caller;
use super::intake::Sent;
use super::{Answer, json, name, read};
use crate::service::{Command, Hook};
use crate::tokens::Scope;
use axum::extract::Path;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::IntoResponse;
use credentials::{Code, Problem};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

/// Most kinds that an address is added for.
const KINDS_MAX: usize = 32;

/// A new address.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewWebhook {
    /// `https://` anywhere, or `http://` on the node's own machine; at most 512 bytes. Private addresses need `api.private_webhooks`.
    url: String,
    /// Kinds of events; left out = all.
    #[serde(default)]
    events: Vec<String>,
}

/// An address.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct Webhook {
    /// Its name.
    id: String,
    /// Address.
    url: String,
    /// Kinds of events; empty = all.
    events: Vec<String>,
    /// When it was added.
    #[schema(format = DateTime)]
    created: String,
    /// `active`, or `gone` when its receiver answered 410.
    state: String,
    /// Events that wait.
    waiting: u64,
    /// Events that were given up.
    dead: u64,
}

/// An address that was added.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct AddedWebhook {
    /// The address.
    webhook: Webhook,
    /// What signs its events (`whsec_…`): shown now and never again.
    secret: String,
}

/// Addresses.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct Webhooks {
    /// Every address.
    webhooks: Vec<Webhook>,
}

/// What came of a test.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct Tested {
    /// Whether its receiver answered 2xx.
    delivered: bool,
    /// What it answered.
    status: Option<u16>,
    /// Why there was no answer.
    error: Option<String>,
    /// How long it took.
    ms: u64,
}

/// An event that was given up.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct DeadDelivery {
    /// Name of the address.
    webhook: String,
    /// `webhook-id`, the same in each attempt.
    delivery: String,
    /// Kind of event.
    r#type: String,
    /// When it happened.
    #[schema(format = DateTime)]
    at: String,
    /// How often it was tried.
    attempts: u32,
    /// What was answered last.
    last: String,
    /// The body.
    event: Value,
}

/// Events that were given up.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct DeadDeliveries {
    /// Events.
    dead: Vec<DeadDelivery>,
}

/// What is to be sent again.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Replay {
    /// One delivery (`msg_…`); left out = all of the address.
    delivery: Option<String>,
}

/// What is sent again.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct Replayed {
    /// How many events.
    replayed: u64,
}

async fn ask(caller: &Caller, what: Hook) -> Result<Value, super::refusal::Told> {
    caller.may(Scope::WebhooksWrite)?;
    Ok(caller.execute(Command::Hook { what }).await?)
}

/// Every address to which events are sent.
#[utoipa::path(
    get, path = "/api/v1/webhooks", tag = "webhooks", security(("token" = ["webhooks:write"])),
    responses((status = 200, description = "The addresses.", body = Webhooks))
)]
pub async fn list(caller: Caller) -> Answer {
    let all: Webhooks = read(ask(&caller, Hook::List).await?)?;
    json(StatusCode::OK, &all)
}

/// Sends events to an address, signed as Standard Webhooks has it.
///
/// `webhook-signature` is `v1,` and the base64 of HMAC-SHA256 over `webhook-id`, `webhook-timestamp` and the body with points between
/// them. What is not answered by 2xx within ten seconds is sent again, ten times in three days, under the same `webhook-id`.
#[utoipa::path(
    post, path = "/api/v1/webhooks", tag = "webhooks", security(("token" = ["webhooks:write"])), request_body = NewWebhook,
    responses((status = 201, description = "Added. The secret is shown only now.", body = AddedWebhook))
)]
pub async fn add(caller: Caller, sent: Sent) -> Answer {
    caller.may(Scope::WebhooksWrite)?;
    let NewWebhook { url, events } = sent.read()?.content;
    if events.len() > KINDS_MAX {
        return Err(Problem::new(Code::Malformed, "events").into());
    }
    let added: AddedWebhook = read(ask(&caller, Hook::Add { url, events }).await?)?;
    let mut response = json(StatusCode::CREATED, &added)?;
    if let Ok(place) = HeaderValue::from_str(&format!("/api/v1/webhooks/{}", added.webhook.id)) {
        response.headers_mut().insert(header::LOCATION, place);
    }
    Ok(response)
}

/// One address.
#[utoipa::path(
    get, path = "/api/v1/webhooks/{id}", tag = "webhooks", security(("token" = ["webhooks:write"])),
    params(("id" = String, Path, description = "Name of the address")),
    responses(
        (status = 200, description = "The address.", body = Webhook),
        (status = 404, description = "`not_found`", body = super::openapi::ProblemBody, content_type = "application/problem+json"),
    )
)]
pub async fn show(caller: Caller, Path(id): Path<String>) -> Answer {
    let id = name(&id, Code::NotFound)?;
    let mut answer = ask(&caller, Hook::Show { id }).await?;
    let one: Webhook = read(answer.get_mut("webhook").map(Value::take).unwrap_or_default())?;
    json(StatusCode::OK, &one)
}

/// Sends nothing there any more, and forgets what waits.
#[utoipa::path(
    delete, path = "/api/v1/webhooks/{id}", tag = "webhooks", security(("token" = ["webhooks:write"])),
    params(("id" = String, Path, description = "Name of the address")),
    responses(
        (status = 204, description = "Gone."),
        (status = 404, description = "`not_found`", body = super::openapi::ProblemBody, content_type = "application/problem+json"),
    )
)]
pub async fn remove(caller: Caller, Path(id): Path<String>) -> Answer {
    let id = name(&id, Code::NotFound)?;
    ask(&caller, Hook::Remove { id }).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Sends a test event now, and tells what was answered.
#[utoipa::path(
    post, path = "/api/v1/webhooks/{id}/test", tag = "webhooks", security(("token" = ["webhooks:write"])),
    params(("id" = String, Path, description = "Name of the address")),
    responses((status = 200, description = "What was answered, whichever it is.", body = Tested))
)]
pub async fn test(caller: Caller, Path(id): Path<String>) -> Answer {
    let id = name(&id, Code::NotFound)?;
    let tested: Tested = read(ask(&caller, Hook::Test { id }).await?)?;
    json(StatusCode::OK, &tested)
}

/// What could not be delivered to an address in three days.
#[utoipa::path(
    get, path = "/api/v1/webhooks/{id}/dead", tag = "webhooks", security(("token" = ["webhooks:write"])),
    params(("id" = String, Path, description = "Name of the address")),
    responses((status = 200, description = "The events.", body = DeadDeliveries))
)]
pub async fn dead(caller: Caller, Path(id): Path<String>) -> Answer {
    let id = Some(name(&id, Code::NotFound)?);
    let dead: DeadDeliveries = read(ask(&caller, Hook::Dead { id }).await?)?;
    json(StatusCode::OK, &dead)
}

/// Sends again what could not be delivered. An address that answered 410 is active again by this.
#[utoipa::path(
    post, path = "/api/v1/webhooks/{id}/replay", tag = "webhooks", security(("token" = ["webhooks:write"])),
    params(("id" = String, Path, description = "Name of the address")),
    request_body(content = Option<Replay>, description = "May be left out."),
    responses((status = 200, description = "How many.", body = Replayed))
)]
pub async fn replay(caller: Caller, Path(id): Path<String>, sent: Sent) -> Answer {
    caller.may(Scope::WebhooksWrite)?;
    let replay: Replay = sent.read_if_any()?;
    let id = name(&id, Code::NotFound)?;
    let delivery = replay.delivery;
    let answer = ask(&caller, Hook::Replay { id, delivery }).await?;
    let replayed: Replayed = read(answer)?;
    json(StatusCode::OK, &replayed)
}
