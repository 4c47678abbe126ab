//! The description of the API (OpenAPI 3.1), made from the handlers' own types, and a page that lists the operations.

use super::{events, grants, hooks, requests, trust};
use crate::http::App;
use crate::http::page;
use crate::http::visit::language;
use crate::http::words::Words;
use crate::output::At;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use credentials::Code;
use maud::html;
use serde::Serialize;
use std::sync::Arc;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{ObjectBuilder, OpenApi as Document, RefOr, Schema, schema::Type};
use utoipa::{Modify, OpenApi, ToSchema};

/// A refusal (RFC 9457).
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemBody {
    /// `urn:bevis:problem:` and the code.
    r#type: String,
    /// HTTP status.
    status: u16,
    /// Code of the one table.
    #[schema(schema_with = codes)]
    code: String,
    /// What happened, for people, in the language of `Accept-Language` (nb, nn, en).
    title: String,
    /// What it is about: a field, a claim path, a scope; never a value.
    detail: Option<String>,
    /// What to do about it, for people.
    remedy: String,
}

/// Every code of the table.
fn codes() -> RefOr<Schema> {
    let all: Vec<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
    ObjectBuilder::new()
        .schema_type(Type::String)
        .enum_values(Some(all))
        .into()
}

/// Names and contact are ours: the generator would put in its own author.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Bevis API",
        version = "1",
        description = "For a bank's own systems: ask a customer, get a verdict with every check, use standing grants, hear of withdrawals. \
            A test network; everybody in it is made up.\n\n\
            **Who calls** is known by a token in `Authorization: Bearer` (`bevis api token add`), or by a client certificate on the TLS \
            listener. A token is never taken from an address.\n\n\
            **Refusals** are `application/problem+json` (RFC 9457) with a code of the one table, which pages, wire and command line share. \
            Every operation may also answer 401 `token_invalid`, 403 `no_access`, 413 and 422 for a body that is too large or not as \
            described, 429 `rate_limited` with `Retry-After`, and 503 when this node cannot decide yet.\n\n\
            **Every answer** has `x-request-id`: yours, when you sent one of at most 64 letters, digits, `-`, `_` and `.`, else a new one.\n\n\
            **Nothing personal** stands in a path or query.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    servers((url = "/", description = "This node")),
    paths(
        requests::create, requests::list, requests::show, requests::cancel, requests::receipt,
        grants::list, grants::show, grants::receipt, grants::refresh, grants::logout, grants::withdrawals,
        events::stream,
        trust::show, trust::organisation, trust::services, trust::check,
        hooks::list, hooks::add, hooks::show, hooks::remove, hooks::test, hooks::dead, hooks::replay,
        page_itself, document_itself,
    ),
    components(schemas(ProblemBody)),
    tags(
        (name = "requests", description = "Requests to customers, and what came of them"),
        (name = "grants", description = "Standing grants"),
        (name = "events", description = "What has happened, as it happens"),
        (name = "trust", description = "Who is who, and what may be asked"),
        (name = "webhooks", description = "Where events are sent (Standard Webhooks)"),
        (name = "about", description = "This description"),
    ),
    modifiers(&Tokens, &Names),
)]
struct Api;

/// How a caller is known.
struct Tokens;

impl Modify for Tokens {
    fn modify(&self, document: &mut Document) {
        let scheme = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some(
                "A token of `bevis api token add`; the names are scopes that it must have.",
            ))
            .build();
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("token", SecurityScheme::Http(scheme));
    }
}

/// Gives each operation a name of its own: the generator has the handler's, and every kind of thing has a `list`.
struct Names;

impl Modify for Names {
    fn modify(&self, document: &mut Document) {
        for path in document.paths.paths.values_mut() {
            for operation in [&mut path.get, &mut path.post, &mut path.delete] {
                let Some(operation) = operation else { continue };
                let kind = operation.tags.iter().flatten().next();
                if let (Some(kind), Some(name)) = (kind, &operation.operation_id) {
                    operation.operation_id = Some(format!("{kind}_{name}"));
                }
            }
        }
    }
}

// The handlers of these two stand in this module, where the macro cannot name them before the document is there.

/// The page that lists the operations.
#[utoipa::path(
    get, path = "/api/v1", tag = "about",
    responses((status = 200, description = "A page for people.", body = String, content_type = "text/html"))
)]
#[allow(dead_code)]
fn page_itself() {}

/// This description.
#[utoipa::path(
    get, path = "/api/v1/openapi.json", tag = "about",
    responses((status = 200, description = "OpenAPI 3.1.", body = Object, content_type = "application/json"))
)]
#[allow(dead_code)]
fn document_itself() {}

/// The description.
pub fn description() -> Document {
    Api::openapi()
}

/// The same as text, as it is served, printed and committed.
pub fn text() -> String {
    let mut text = description().to_pretty_json().unwrap_or_default();
    text.push('\n');
    text
}

/// Serves the description.
pub async fn document() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], text()).into_response()
}

/// A page that lists the operations, without a script.
pub async fn page(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    let words = Words::new(&language(&headers, &app));
    let document = serde_json::to_value(description()).unwrap_or_default();
    let body = html! {
        h1 { (words.t("api-title")) }
        p { (words.t("api-lead")) }
        p { a href="/api/v1/openapi.json" { (words.t("api-document")) } }
        pre { code { "bevis api token add NAME --scope requests:write,requests:read" } }
        div.scroll lang="en" {
            table {
                caption { (words.t("api-operations")) }
                thead { tr { th scope="col" { (words.t("api-operation")) } th scope="col" { (words.t("api-scope")) } th scope="col" { (words.t("api-what")) } } }
                tbody {
                    @for (path, operations) in document.at("paths").as_object().into_iter().flatten() {
                        @for (method, operation) in operations.as_object().into_iter().flatten() {
                            tr {
                                td { code { (method.to_uppercase()) " " (path) } }
                                td {
                                    @for one in operation.at("security").as_array().into_iter().flatten() {
                                        @for scope in one.at("token").as_array().into_iter().flatten() {
                                            code { (scope.as_str().unwrap_or_default()) } " "
                                        }
                                    }
                                }
                                td { (operation.at("summary").as_str().unwrap_or_default()) }
                            }
                        }
                    }
                }
            }
        }
    };
    page::outside(&app, &words, StatusCode::OK, &words.plain("api-title"), body)
}
