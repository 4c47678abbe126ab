//! Health as `bevis doctor` shows it, with what to do about each line.

use super::shown::{heading, list, refresh, text};
use crate::error::Failure;
use crate::http::visit::Visit;
use crate::service::Command;
use axum::response::Response;
use maud::{Markup, html};
use serde_json::Value;

/// `GET /console/health`.
pub(super) async fn show(visit: Visit) -> Response {
    visit.answer(page(&visit).await)
}

/// Key and class of a state.
fn said(state: &str) -> (&'static str, &'static str) {
    match state {
        "ok" => ("console-health-ok", "good"),
        "warn" => ("console-health-warn", "unsure"),
        _ => ("console-health-fail", "bad"),
    }
}

/// Health in one line, for the front page.
pub(super) fn line(visit: &Visit, doctor: &Value) -> Markup {
    let (_, class) = said(text(doctor, "state"));
    let of_state = |state: &str| {
        list(doctor, "findings")
            .iter()
            .filter(|found| text(found, "state") == state)
            .count()
    };
    let (failing, warnings) = (of_state("fail").to_string(), of_state("warn").to_string());
    html! {
        p.alert.(class) data-part="health" role="status" data-state=(text(doctor, "state")) {
            @if class == "good" { (visit.words.t("console-health-all-well")) } @else {
                (visit.words.fill("console-health-not-well", &[("failing", &failing), ("warnings", &warnings)]))
            }
            " " a href="/console/health" { (visit.words.t("console-health-more")) }
        }
    }
}

async fn page(visit: &Visit) -> Result<Response, Failure> {
    let doctor = visit.execute(Command::Doctor).await?;
    let body = html! {
        (heading(visit, "console-health-title"))
        (line(visit, &doctor))
        ul.checks data-part="findings" {
            @for found in list(&doctor, "findings") { (finding(visit, found)) }
        }
        section aria-labelledby="metrics" {
            h2 #metrics { (visit.words.t("console-metrics-title")) }
            @match visit.service().config().admin.as_ref().and_then(|admin| admin.address()) {
                Some(address) => {
                    p { (visit.words.t("console-metrics-where")) }
                    pre { code { (format!("http://{address}/metrics")) } }
                },
                None => {
                    p { (visit.words.t("console-metrics-how")) }
                    pre { code { "bevis node metrics" } }
                },
            }
        }
        (refresh(visit))
    };
    Ok(visit.page(&visit.words.plain("console-health-title"), body))
}

fn finding(visit: &Visit, found: &Value) -> Markup {
    let (check, state) = (text(found, "check"), text(found, "state"));
    let (key, class) = said(state);
    let sign = match state {
        "ok" => "✓",
        "warn" => "!",
        _ => "✗",
    };
    let code = text(found, "code");
    html! {
        li {
            span aria-hidden="true" { (sign) }
            div {
                p {
                    strong { (visit.words.t(&format!("doctor-{check}"))) } " "
                    span.state.(class) { (visit.words.t(key)) }
                }
                @if !text(found, "detail").is_empty() { p.mono { (text(found, "detail")) } }
                @if !code.is_empty() { p { (visit.words.t(&format!("problem-{code}"))) } }
                @if state != "ok" {
                    p { strong { (visit.words.t("page-problem-next")) } " " (visit.words.t(&format!("doctor-{check}-remedy"))) }
                }
            }
        }
    }
}
