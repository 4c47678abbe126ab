//! The answers.

use crate::clock;
use crate::service::{Format, Reason, Service};
use crate::text::Catalogue;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{self, HeaderValue};
use axum::response::{IntoResponse, Response};
use credentials::Code;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// Media type of OpenMetrics 1.0.
const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
/// Questions that are worked on at once: each holds a thread while a role is busy.
const AT_ONCE: usize = 2;
/// Longest that one is worked on, waiting for its turn included; a collector waits ten seconds.
const PATIENCE: Duration = Duration::from_secs(5);
/// When to ask again, in seconds, after it took too long.
const AGAIN: &str = "10";

/// Of whom it is asked.
#[derive(Clone)]
pub(super) struct Asked {
    service: Arc<Service>,
    catalogue: Arc<Catalogue>,
    turns: Arc<Semaphore>,
}

impl Asked {
    pub(super) fn of(service: Arc<Service>) -> Asked {
        let catalogue = Arc::new(Catalogue::new(&service.config().node.language));
        Asked {
            service,
            catalogue,
            turns: Arc::new(Semaphore::new(AT_ONCE)),
        }
    }

    /// Has something worked out that may wait for a role. Nothing when it took too long.
    async fn work<T: Send + 'static>(&self, what: impl FnOnce(&Service) -> T + Send + 'static) -> Option<T> {
        let work = async {
            let turn = self.turns.clone().acquire_owned().await.ok()?;
            let service = self.service.clone();
            let done = tokio::task::spawn_blocking(move || {
                let done = what(&service);
                // Not before: who gave up waiting leaves a thread that still works.
                drop(turn);
                done
            });
            done.await.ok()
        };
        tokio::time::timeout(PATIENCE, work).await.ok().flatten()
    }
}

/// A refusal (RFC 9457).
pub(super) fn problem(asked: &Asked, status: StatusCode, code: Code) -> Response {
    let sentence = asked.catalogue.text(&format!("problem-{code}"), &[("detail", "")]);
    let number = status.as_u16();
    let detail = asked.catalogue.text(&format!("admin-{number}"), &[]);
    let body = json!({
        "type": format!("urn:bevis:problem:{code}"), "title": sentence, "status": number, "code": code.as_str(), "detail": detail,
    });
    text(status, "application/problem+json", body.to_string())
}

fn text(status: StatusCode, kind: &'static str, body: String) -> Response {
    (status, [(header::CONTENT_TYPE, HeaderValue::from_static(kind))], body).into_response()
}

fn object(is_well: bool, body: &Value) -> Response {
    let status = match is_well {
        true => StatusCode::OK,
        false => StatusCode::SERVICE_UNAVAILABLE,
    };
    text(status, "application/json", format!("{body}\n"))
}

fn too_slow(asked: &Asked) -> Response {
    let mut response = problem(asked, StatusCode::SERVICE_UNAVAILABLE, Code::Unreachable);
    let headers = response.headers_mut();
    headers.insert(header::RETRY_AFTER, HeaderValue::from_static(AGAIN));
    response
}

/// Whether a restart is needed. Waits for nothing and nobody.
pub(super) async fn livez(State(asked): State<Asked>) -> Response {
    let stopped = asked.service.stopped();
    let body = json!({ "schema": "liveness/v1", "live": stopped.is_empty(), "stopped": stopped });
    object(stopped.is_empty(), &body)
}

/// Whether the node can do its work, and why not.
pub(super) async fn readyz(State(asked): State<Asked>) -> Response {
    let Some(readiness) = asked.work(|service| service.readiness(clock::now())).await else {
        return too_slow(&asked);
    };
    let told =
        |reasons: &[Reason]| -> Vec<Value> { reasons.iter().map(|reason| tell(&asked.catalogue, reason)).collect() };
    let body = json!({
        "schema": "readiness/v1", "ready": readiness.is_ready(), "reasons": told(&readiness.reasons),
        "notes": told(&readiness.notes),
    });
    object(readiness.is_ready(), &body)
}

fn tell(catalogue: &Catalogue, reason: &Reason) -> Value {
    let code = reason.code;
    json!({
        "code": code.as_str(), "about": reason.about, "sentence": catalogue.text(&format!("ready-{code}"), &[]),
        "remedy": catalogue.text(&format!("ready-{code}-remedy"), &[]),
    })
}

/// The figures.
pub(super) async fn metrics(State(asked): State<Asked>) -> Response {
    match asked.work(|service| service.figures(Format::OpenMetrics)).await {
        Some(Ok(figures)) => text(StatusCode::OK, OPENMETRICS, figures),
        Some(Err(failure)) => {
            tracing::warn!(%failure, cause = failure.cause, "figures not told");
            problem(&asked, StatusCode::SERVICE_UNAVAILABLE, failure.problem.code)
        }
        None => too_slow(&asked),
    }
}

/// Nothing is there. The path is not repeated: it may say anything.
pub(super) async fn unknown(State(asked): State<Asked>) -> Response {
    problem(&asked, StatusCode::NOT_FOUND, Code::NotFound)
}

/// Something was to be changed.
pub(super) async fn wrong_method(State(asked): State<Asked>) -> Response {
    let mut response = problem(&asked, StatusCode::METHOD_NOT_ALLOWED, Code::Usage);
    let headers = response.headers_mut();
    headers.insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
    response
}
