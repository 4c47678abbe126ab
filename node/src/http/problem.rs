//! How a failure is told: one table of codes, for pages and for programs (RFC 9457).

use super::door::Face;
use super::page;
use super::server::App;
use super::visit::Visit;
use super::words::Words;
use crate::error::{Failure, http_status};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use credentials::Code;
use maud::html;
use serde_json::json;
use std::sync::Arc;

/// The answer instead of the one that was asked for.
pub struct Refusal(pub Response);

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        self.0
    }
}

/// The HTTP status of a code.
pub fn status(code: Code) -> StatusCode {
    // Every number of the table is one of HTTP's.
    StatusCode::from_u16(http_status(code)).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// A page that tells a failure.
pub fn page(app: &Arc<App>, visit: Option<&Visit>, status: StatusCode, failure: &Failure) -> Response {
    // Citizens are told in words of their own, without commands to type.
    if let Some(visit) = visit.filter(|visit| visit.path.starts_with(Face::Wallet.path())) {
        return super::wallet::failed(visit, status, failure);
    }
    let words = visit.map_or_else(|| Words::new(app.language()), |visit| visit.words.clone());
    let code = failure.problem.code.as_str();
    let detail = failure.problem.detail.as_deref().unwrap_or_default();
    let values = [("detail", detail)];
    let body = html! {
        div.alert.danger role="alert" {
            h1 { (words.t("page-problem-title")) }
            p { (words.fill(&format!("problem-{code}"), &values)) }
            p { strong { (words.t("page-problem-next")) } " " (words.fill(&format!("remedy-{code}"), &values)) }
            p.fine { (words.t("page-problem-code")) " " code { (code) } }
        }
        p { a.button href=(visit.map_or("/", |visit| home_of(visit))) { (words.t("page-problem-back")) } }
    };
    let title = words.plain("page-problem-title");
    match visit {
        Some(visit) => page::of_visit(visit, status, &title, body),
        None => page::outside(app, &words, status, &title, body),
    }
}

fn home_of(visit: &Visit) -> &'static str {
    visit.visitor.faces.first().map_or("/", |face| face.path())
}

/// A failure for a program: `application/problem+json` (RFC 9457) with the code of the one table.
pub fn json(words: &Words, failure: &Failure) -> Response {
    let code = failure.problem.code.as_str();
    let detail = failure.problem.detail.as_deref().unwrap_or_default();
    let values = [("detail", detail)];
    let status = status(failure.problem.code);
    let object = json!({
        "type": format!("urn:bevis:problem:{code}"), "status": status.as_u16(), "code": code,
        "title": words.plain_fill(&format!("problem-{code}"), &values),
        "detail": failure.problem.detail,
        "remedy": words.plain_fill(&format!("remedy-{code}"), &values),
    });
    let mut response = (status, object.to_string()).into_response();
    let kind = HeaderValue::from_static("application/problem+json");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}
