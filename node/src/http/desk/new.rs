//! A new request: first the service with all that is registered about it, then the case and the customer, and what of it is needed.
//!
//! What is amiss is said beside its field, and nothing is asked of anybody. Sent twice a form makes one request, and a case that has
//! one open already with this customer under this service leads to that one.

mod fields;
mod typed;

use super::session;
use super::shown::{list, text};
use crate::error::Failure;
use crate::http::Visit;
use crate::http::form::Form;
use crate::http::page::{self, hidden};
use crate::http::words::Words;
use crate::output::At;
use crate::service::Command;
use axum::extract::{Path, Query};
use axum::http::StatusCode;
use axum::response::Response;
use credentials::time::DAY;
use credentials::{Code, Problem};
use fields::{anchor, described, error, invalid, lasting, narrowing, waiting};
use maud::{Markup, html};
use serde::Deserialize;
use serde_json::Value;
use typed::{NUMBER_MAX, Typed};

/// Most characters of a case number, as a request has it.
pub(super) const CASE_MAX: usize = 64;
/// A service by its id.
pub(super) fn find<'a>(services: &'a Value, id: &str) -> Option<&'a Value> {
    list(services, "services").find(|service| text(service, "id") == id)
}

/// What people call a service; its id where it is registered no more.
pub(super) fn name_of<'a>(words: &Words, services: &'a Value, id: &'a str) -> &'a str {
    find(services, id).map_or(id, |service| words.of(service.at("name")))
}

/// The services to choose from.
pub(super) async fn choose(visit: Visit) -> Response {
    visit.answer(chosen(&visit).await)
}

async fn chosen(visit: &Visit) -> Result<Response, Failure> {
    let words = &visit.words;
    let services = visit.execute(Command::VerifierServices).await?;
    let is_none = list(&services, "services").next().is_none();
    let body = html! {
        h1 { (words.t("desk-new-title")) }
        p { (words.t("desk-choose-how")) }
        @if is_none { p.alert.warning { (words.t("desk-choose-none")) } }
        ul.cards {
            @for service in list(&services, "services") {
                li.card {
                    h2 { (words.of(service.at("name"))) }
                    (registered(words, service))
                    p { a.button.primary href=(format!("/desk/new/{}", text(service, "id"))) {
                        (words.t("desk-choose-button")) " " (words.of(service.at("name")))
                    } }
                }
            }
        }
    };
    Ok(visit.page(&words.plain("desk-new-title"), body))
}

/// What is registered about a service: why, on which ground, what, and how long it may be kept.
fn registered(words: &Words, service: &Value) -> Markup {
    let days = service.at("keep_seconds").as_i64().unwrap_or(0) / DAY;
    html! {
        dl.facts {
            dt { (words.t("desk-purpose")) } dd { (words.of(service.at("purpose").at("text"))) }
            dt { (words.t("desk-legal")) } dd { (words.of(service.at("ground").at("text"))) }
            dt { (words.t("desk-asks")) }
            dd {
                ul.plain {
                    @for asked in list(service, "asks") {
                        li {
                            strong { (words.of(asked.at("label"))) } ": "
                            @for (place, claim) in list(asked, "claims").enumerate() {
                                @if place > 0 { ", " }
                                (words.of(claim.at("label")))
                            }
                        }
                    }
                }
            }
            dt { (words.t("desk-keep-title")) }
            dd {
                @match days {
                    0 => (words.t("desk-keep-none")),
                    days => (words.fill("desk-keep-days", &[("days", &days.to_string())])),
                }
                " " (words.of(service.at("keep_ground").at("text")))
            }
            @if !service.at("grant").is_null() {
                dt { (words.t("desk-grant-may")) }
                dd { (words.fill("desk-grant-terms", &[
                    ("days", &service.at("grant").at("days_max").to_string()),
                    ("uses", &service.at("grant").at("uses_per_day").to_string()),
                ])) }
            }
        }
    }
}

/// From which request it is made anew.
#[derive(Deserialize, Default)]
pub(super) struct Again {
    #[serde(default)]
    again: String,
}

/// The form of a service.
pub(super) async fn fill(visit: Visit, Path(service): Path<String>, Query(again): Query<Again>) -> Response {
    let page = async {
        let services = visit.execute(Command::VerifierServices).await?;
        let service = find(&services, &service).ok_or_else(|| Problem::new(Code::NotLicensed, service.as_str()))?;
        let mut typed = Typed::default();
        if !again.again.is_empty() {
            // The case is kept; the customer's number is typed again, for it stands nowhere any more.
            let (found, _) = session::read(&visit, &again.again).await?;
            text(found.at("session"), "case").clone_into(&mut typed.case);
        }
        Ok(form_page(&visit, StatusCode::OK, service, &typed))
    };
    let page = page.await;
    visit.answer(page)
}

fn form_page(visit: &Visit, status: StatusCode, service: &Value, typed: &Typed) -> Response {
    let words = &visit.words;
    let body = html! {
        h1 { (words.t("desk-new-title")) ", " (words.of(service.at("name"))) }
        @if !typed.amiss.is_empty() {
            div.alert.danger role="alert" {
                h2 { (words.t("desk-amiss-title")) }
                p { (words.t("desk-amiss-nothing")) }
                ul {
                    @for (field, key) in &typed.amiss {
                        li { a href=(format!("#{}", anchor(field))) { (words.t(key)) } }
                    }
                }
            }
        }
        form method="post" action=(format!("/desk/new/{}", text(service, "id"))) novalidate {
            (hidden(visit))
            label for="case" { (words.t("desk-case")) }
            span.hint #case-hint { (words.t("desk-case-hint")) }
            (error(words, typed, "case"))
            input #case.short type="text" name="case" value=(typed.case) maxlength=(CASE_MAX) required autocomplete="off"
                aria-describedby=(described(typed, "case")) aria-invalid=[invalid(typed, "case")];
            label for="subject" { (words.t("desk-customer")) }
            span.hint #subject-hint { (words.t("desk-customer-hint")) }
            (error(words, typed, "subject"))
            input #subject.short type="text" inputmode="numeric" name="subject" value=(typed.subject.as_str())
                maxlength=(NUMBER_MAX) required autocomplete="off"
                aria-describedby=(described(typed, "subject")) aria-invalid=[invalid(typed, "subject")];
            (lasting(words, service, typed))
            (narrowing(words, service, typed))
            (waiting(words, service, typed))
            p.row {
                button.primary type="submit" { (words.t("desk-ask-button")) }
                a.button href="/desk/new" { (words.t("desk-ask-back")) }
            }
        }
        details {
            summary { (words.t("desk-registered")) }
            (registered(words, service))
        }
    };
    page::of_visit(visit, status, &words.plain("desk-new-title"), body)
}

/// Makes the request, or shows what is amiss.
pub(super) async fn send(Path(service): Path<String>, form: Form) -> Response {
    let services = match form.visit.execute(Command::VerifierServices).await {
        Ok(services) => services,
        Err(failure) => return form.visit.failure(&failure),
    };
    let Some(service) = find(&services, &service).cloned() else {
        let failure = Problem::new(Code::NotLicensed, service).into();
        return form.visit.failure(&failure);
    };
    let typed = Typed::read(&form, &service);
    if !typed.amiss.is_empty() {
        return form_page(&form.visit, StatusCode::UNPROCESSABLE_ENTITY, &service, &typed);
    }
    form.once(async move |form| {
        let is_by_mailbox = typed.is_by_mailbox;
        let ask = async |is_by_mailbox: bool| {
            let request = Box::new(typed.command(&service, is_by_mailbox));
            form.visit.execute(Command::VerifierOnce { request }).await
        };
        let (asked, is_unsent) = match ask(is_by_mailbox).await {
            // The customer's wallet has not said where it is reached: the link is what is left, and the page says so.
            Err(failure) if is_by_mailbox && failure.problem.code == Code::NotPaired => (ask(false).await?, true),
            asked => (asked?, false),
        };
        let id = text(&asked, "session");
        Ok(match (asked.at("already") == true, is_unsent) {
            (true, _) => format!("/desk/sessions/{id}?already=1"),
            (false, true) => format!("/desk/sessions/{id}?unsent=1"),
            (false, false) => format!("/desk/sessions/{id}"),
        })
    })
    .await
}
