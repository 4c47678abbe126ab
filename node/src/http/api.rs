//! The API for a bank's own systems, under `/api/v1`: REST with JSON, described by OpenAPI 3.1.
//!
//! [`auth`] is who calls, [`intake`] what a body must be like, [`refusal`] how it says no. Each other module has one kind of thing:
//! [`requests`], [`grants`], [`events`], [`trust`], [`hooks`]. [`openapi`] describes them all, and the page at `/api/v1` lists them.
//!
//! Nothing personal stands in a path or query: sessions and grants have random names, cases and customers stand in bodies.

pub mod auth;
pub mod events;
pub mod grants;
pub mod hooks;
pub mod intake;
pub mod openapi;
pub mod refusal;
pub mod requests;
pub mod tls;
pub mod trust;

use super::App;
use super::visit::language;
use super::words::Words;
use crate::clock::{self, Stopwatch};
use crate::error::Failure;
use crate::output::hex;
use crate::service::{Actor, Command, System};
use auth::{Caller, Named};
use axum::Router;
use axum::extract::{DefaultBodyLimit, MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, any, delete, get, post};
use credentials::{Code, Problem, Random};
use refusal::Told;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::sync::Arc;

/// Header by which a call is told from others, in the caller's log and in ours.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Longest such name that is given back.
const REQUEST_ID_MAX: usize = 64;
/// Most items of a page.
pub const PAGE_MAX: usize = 200;
/// Items of a page when nobody says how many.
pub const PAGE: usize = 50;

/// What a handler gives.
pub type Answer = Result<Response, Told>;

/// One path of the API, with what may be done there.
pub struct Route {
    /// Path.
    pub path: &'static str,
    /// Methods, as the `Allow` header has them.
    pub methods: &'static [&'static str],
    handlers: MethodRouter<Arc<App>>,
}

/// Every path of the API.
pub fn routes() -> Vec<Route> {
    let route = |path, methods, handlers| Route {
        path,
        methods,
        handlers,
    };
    vec![
        route("/api/v1", &["GET"], get(openapi::page)),
        route("/api/v1/openapi.json", &["GET"], get(openapi::document)),
        route(
            "/api/v1/requests",
            &["GET", "POST"],
            get(requests::list).post(requests::create),
        ),
        route(
            "/api/v1/requests/{session}",
            &["GET", "DELETE"],
            get(requests::show).merge(delete(requests::cancel)),
        ),
        route("/api/v1/requests/{session}/receipt", &["GET"], get(requests::receipt)),
        route("/api/v1/grants", &["GET"], get(grants::list)),
        route("/api/v1/grants/{name}", &["GET"], get(grants::show)),
        route("/api/v1/grants/{name}/receipt", &["GET"], get(grants::receipt)),
        route("/api/v1/grants/{name}/refresh", &["POST"], post(grants::refresh)),
        route("/api/v1/grants/{name}/logout", &["POST"], post(grants::logout)),
        route("/api/v1/withdrawals", &["GET"], get(grants::withdrawals)),
        route("/api/v1/events", &["GET"], get(events::stream)),
        route("/api/v1/trust", &["GET"], get(trust::show)),
        route("/api/v1/trust/organisations/{did}", &["GET"], get(trust::organisation)),
        route("/api/v1/trust/services", &["GET"], get(trust::services)),
        route("/api/v1/check", &["POST"], post(trust::check)),
        route("/api/v1/webhooks", &["GET", "POST"], get(hooks::list).post(hooks::add)),
        route(
            "/api/v1/webhooks/{id}",
            &["GET", "DELETE"],
            get(hooks::show).merge(delete(hooks::remove)),
        ),
        route("/api/v1/webhooks/{id}/test", &["POST"], post(hooks::test)),
        route("/api/v1/webhooks/{id}/dead", &["GET"], get(hooks::dead)),
        route("/api/v1/webhooks/{id}/replay", &["POST"], post(hooks::replay)),
    ]
}

/// The `Allow` header of a path: a `GET` is a `HEAD` too, and what may be done anybody may ask.
fn allow(methods: &[&str]) -> String {
    let mut all = Vec::new();
    for method in methods {
        all.push(*method);
        if *method == "GET" {
            all.push("HEAD");
        }
    }
    all.push("OPTIONS");
    all.join(", ")
}

/// The API.
pub fn router(app: &Arc<App>) -> Router<Arc<App>> {
    let mut router = Router::new();
    for route in routes() {
        let allowed = allow(route.methods);
        let (asked, refused) = (allowed.clone(), allowed);
        let handlers = route
            .handlers
            .options(async move || (StatusCode::NO_CONTENT, [(header::ALLOW, asked)]))
            .fallback(async move |request: Request| {
                let method = request.method().as_str().to_owned();
                Told::from(Problem::new(Code::Unsupported, method))
                    .with_status(StatusCode::METHOD_NOT_ALLOWED)
                    .with(header::ALLOW, &refused)
            });
        router = router.route(route.path, handlers);
    }
    router
        .route("/api", any(nowhere))
        .route("/api/", any(nowhere))
        .route("/api/{*rest}", any(nowhere))
        .layer(DefaultBodyLimit::disable())
        .layer(middleware::from_fn_with_state(app.clone(), finish))
}

/// A path that is none of the API's.
async fn nowhere() -> Told {
    Code::NotFound.into()
}

/// Gives every call a name, every refusal its form, and notes who called for what: no path, since a name in it is somebody's session.
async fn finish(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let watch = Stopwatch::start();
    let named = request
        .headers()
        .get(REQUEST_ID)
        .filter(|value| is_request_id(value))
        .cloned();
    let id = named.unwrap_or_else(|| {
        let mut bytes = [0; 12];
        clock::System.fill(&mut bytes);
        HeaderValue::from_str(&hex(&bytes)).unwrap_or(HeaderValue::from_static("-"))
    });
    let words = Words::new(&language(request.headers(), &app));
    let method = request.method().clone();
    let path = request
        .extensions()
        .get::<MatchedPath>()
        .map_or(String::new(), |path| path.as_str().to_owned());
    let mut response = next.run(request).await;
    if let Some(told) = response.extensions_mut().remove::<Told>() {
        response = told.answer(&words);
    } else if is_bare(&response) {
        // An extractor of the library said no, in words of its own.
        let status = response.status();
        response = Told::from(Problem::new(Code::Malformed, "request"))
            .with_status(status)
            .answer(&words);
    }
    let headers = response.headers_mut();
    headers.insert(REQUEST_ID, id);
    let caller = response
        .extensions()
        .get::<Named>()
        .map_or("-", |named| named.0.as_str());
    tracing::info!(
        caller,
        %method,
        path,
        status = response.status().as_u16(),
        ms = watch.milliseconds(),
        "api"
    );
    response
}

/// Whether a refusal has not the API's form yet.
fn is_bare(response: &Response) -> bool {
    let is_refused = response.status().is_client_error() || response.status().is_server_error();
    let kind = response.headers().get(header::CONTENT_TYPE);
    is_refused && kind.is_none_or(|kind| kind.as_bytes() != b"application/problem+json")
}

fn is_request_id(value: &HeaderValue) -> bool {
    let bytes = value.as_bytes();
    (1..=REQUEST_ID_MAX).contains(&bytes.len())
        && bytes
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
}

impl Caller {
    /// Carries a command out. It goes on to its end when the caller goes away in between.
    async fn execute(&self, command: Command) -> Result<Value, Failure> {
        let (service, actor) = (self.app.service().clone(), Actor::Api(self.name.clone()));
        let done = tokio::spawn(async move { service.execute_as(command, actor).await }).await;
        done.map_err(|e| Failure::because(Code::Internal, e))?
    }

    /// The same for what systems alone ask.
    async fn ask(&self, what: System) -> Result<Value, Failure> {
        self.execute(Command::System { what }).await
    }
}

/// An answer of the node as a type of the contract.
fn read<T: DeserializeOwned>(value: Value) -> Result<T, Told> {
    serde_json::from_value(value).map_err(|e| Failure::because(Code::Internal, e).into())
}

/// JSON, with a status.
fn json<T: serde::Serialize>(status: StatusCode, value: &T) -> Answer {
    let text = serde_json::to_string(value).map_err(|e| Failure::because(Code::Internal, e))?;
    let kind = [(header::CONTENT_TYPE, "application/json")];
    Ok((status, kind, text).into_response())
}

/// A claims path as it is typed and shown: `a.b[].c`.
fn path_text(value: &Value) -> Option<String> {
    let path: credentials::schema::Path = serde_json::from_value(value.clone()).ok()?;
    Some(path.to_string())
}

/// A path parameter that can be a name; anything else is not looked up.
fn name(text: &str, missing: Code) -> Result<String, Told> {
    let is_name = (1..=64).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    match is_name {
        true => Ok(text.to_owned()),
        false => Err(missing.into()),
    }
}

/// The number of items of a page.
fn page_size(limit: Option<u32>) -> Result<usize, Told> {
    match limit.map(|limit| usize::try_from(limit).unwrap_or(usize::MAX)) {
        None => Ok(PAGE),
        Some(limit) if (1..=PAGE_MAX).contains(&limit) => Ok(limit),
        Some(_) => Err(Problem::new(Code::Malformed, "limit").into()),
    }
}

#[cfg(test)]
mod tests;
