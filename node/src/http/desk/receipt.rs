//! The receipt for paper, and the signed one as a file.
//!
//! On paper are the names of what was shown and not the values: paper has no erase date.

use super::shown::{self, list, text};
use super::{new, session};
use crate::error::Failure;
use crate::http::Visit;
use crate::output::{At, hex, sha256};
use crate::service::{Command, Consent};
use axum::extract::Path;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use credentials::Code;
use maud::html;
use serde_json::Value;

/// The page to print.
pub(super) async fn show(visit: Visit, Path(id): Path<String>) -> Response {
    visit.answer(page(&visit, &id).await)
}

async fn page(visit: &Visit, id: &str) -> Result<Response, Failure> {
    let words = &visit.words;
    let (found, services) = session::read(visit, id).await?;
    let session = found.at("session");
    let Some(signed) = session.at("receipt").as_str() else {
        return Err(Code::NotFound.into());
    };
    let service = new::find(&services, text(session, "service"));
    let verdict = text(session, "verdict");
    let (sign, class, key) = shown::verdict(verdict);
    let code = text(session, "code");
    let names: Vec<(&str, &Value)> = session
        .at("about")
        .as_object()
        .into_iter()
        .flatten()
        .map(|(id, about)| (id.as_str(), about))
        .collect();
    let body = html! {
        h1 { (words.t("desk-receipt-title")) }
        p.no-print {
            a href=(format!("/desk/sessions/{id}")) { (words.t("desk-receipt-back")) }
        }
        dl.facts {
            dt { (words.t("desk-asker")) }
            dd { (text(services.at("organisation"), "name")) " " (text(services.at("organisation"), "number")) }
            dt { (words.t("desk-case")) } dd { (text(session, "case")) }
            dt { (words.t("desk-service")) } dd { (new::name_of(words, &services, text(session, "service"))) }
            @if let Some(service) = service {
                dt { (words.t("desk-purpose")) } dd { (words.of(service.at("purpose").at("text"))) }
                dt { (words.t("desk-legal")) } dd { (words.of(service.at("ground").at("text"))) }
            }
            dt { (words.t("desk-made")) } dd { (words.moment(session.at("created"))) }
            dt { (words.t("desk-checked")) } dd { (words.moment(session.at("checked_at"))) }
        }
        p class=(format!("alert verdict {}", class)) { span aria-hidden="true" { (sign) " " } (words.t(key)) }
        @if !code.is_empty() { p { (words.t(&format!("problem-{code}"))) } }
        h2 { (words.t("desk-receipt-what")) }
        p { (words.t("desk-receipt-names")) }
        @for (id, about) in &names {
            h3 {
                (words.of(about.at("label")))
                @if let Some(name) = session.at("issuers").at(id).at("name").as_str() {
                    ", " (words.t("desk-issued-by")) " " (name)
                }
            }
            ul {
                @for path in list(about, "asked").filter_map(Value::as_str) { li { (words.of(about.at("labels").at(path))) } }
            }
        }
        h2 { (words.t("desk-keep-title")) }
        @if session.at("erased_at").is_string() {
            p { (words.t("desk-erased")) " " (words.moment(session.at("erased_at"))) "." }
        } @else if session.at("keep_until").is_string() {
            p { (words.t("desk-keep-until")) ": " (words.moment(session.at("keep_until"))) }
        } @else {
            p { (words.t("desk-keep-nothing")) }
        }
        p { (words.t("desk-ground")) ": " (words.of(session.at("keep_ground_text"))) }
        h2 { (words.t("desk-receipt-proof")) }
        p { (words.t("desk-receipt-hash")) " " code { (hex(&sha256(signed.as_bytes()))) } }
        div.row.no-print {
            button.primary.when-script type="button" data-print="" { (words.t("desk-print")) }
            @if session.at("decision").is_string() {
                a.button href=(format!("/desk/sessions/{id}/receipt.jsonld")) download="" { (words.t("desk-receipt-file")) }
            }
        }
        script src="/assets/desk.js" defer {}
    };
    Ok(visit.page(&words.plain("desk-receipt-title"), body))
}

/// The signed receipt of a session.
pub(super) async fn of_session(visit: Visit, Path(id): Path<String>) -> Response {
    visit.answer(file(&visit, &id, false).await)
}

/// The signed receipt of a grant.
pub(super) async fn of_grant(visit: Visit, Path(name): Path<String>) -> Response {
    visit.answer(file(&visit, &name, true).await)
}

async fn file(visit: &Visit, name: &str, is_grant: bool) -> Result<Response, Failure> {
    let what = Consent::Receipted {
        name: name.to_owned(),
        is_grant,
    };
    let receipt = visit.execute(Command::Consent { what }).await?;
    let mut response = text(&receipt, "document").to_owned().into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/ld+json"));
    // The file's name says nothing about anybody.
    let named = HeaderValue::from_static("attachment; filename=\"receipt.jsonld\"");
    headers.insert(header::CONTENT_DISPOSITION, named);
    Ok(response)
}
