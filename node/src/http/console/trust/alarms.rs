//! Alarms: what should never happen and did, with what is kept as evidence.

use crate::error::Failure;
use crate::http::console::shown::{back, count, heading, list, moment, text};
use crate::http::form::Form;
use crate::http::page::hidden;
use crate::http::visit::Visit;
use crate::output::At;
use crate::service::Command;
use axum::extract::Path;
use axum::response::Response;
use credentials::Code;
use maud::{Markup, html};
use serde_json::Value;

/// Bytes of an alarm's evidence that the page shows; the command line gives it whole.
const EVIDENCE_SHOWN: usize = 4_000;

/// Alarms that nobody has looked at.
pub(super) fn alarm_list(visit: &Visit, alarms: &Value) -> Markup {
    let open = list(alarms, "alarms")
        .iter()
        .filter(|alarm| alarm.at("dismissed").as_bool() != Some(true));
    let open: Vec<&Value> = open.collect();
    html! {
        div data-part="alarms" role="status" {
            @for alarm in open {
                p.alert.danger {
                    (visit.words.t(&format!("problem-{}", text(alarm, "code")))) " "
                    a href=(format!("/console/trust/alarms/{}", text(alarm, "id"))) { (visit.words.t("console-alarm-look")) }
                }
            }
        }
    }
}

/// `GET /console/trust/alarms/{id}`: what should never happen and did.
pub(in crate::http::console) async fn alarm(visit: Visit, Path(id): Path<String>) -> Response {
    visit.answer(alarm_page(&visit, id).await)
}

async fn alarm_page(visit: &Visit, id: String) -> Result<Response, Failure> {
    let found = visit
        .execute(Command::Alarms {
            id: Some(id),
            dismiss: false,
        })
        .await?;
    let alarm = list(&found, "alarms").first().ok_or(Code::NotFound)?;
    let body = html! {
        (heading(visit, "console-alarm-title"))
        p { (visit.words.t(&format!("problem-{}", text(alarm, "code")))) }
        p { (visit.words.t(&format!("remedy-{}", text(alarm, "code")))) }
        dl.facts {
            dt { (visit.words.t("console-alarm-about")) } dd.mono { (text(alarm, "about")) }
            dt { (visit.words.t("console-alarm-from")) } dd.mono { (text(alarm, "from")) }
            dt { (visit.words.t("console-alarm-first")) } dd { (moment(visit, alarm.at("first"))) }
            dt { (visit.words.t("console-alarm-last")) } dd { (moment(visit, alarm.at("last"))) }
            dt { (visit.words.t("console-alarm-times")) } dd { (count(alarm.at("times"))) }
        }
        h2 { (visit.words.t("console-alarm-evidence")) }
        @for text in list(alarm, "evidence").iter().filter_map(Value::as_str).take(2) {
            pre { code { (text.chars().take(EVIDENCE_SHOWN).collect::<String>()) } }
        }
        @if alarm.at("dismissed").as_bool() == Some(true) { p role="status" { (visit.words.t("console-alarm-dismissed")) } } @else {
            form method="post" action=(format!("/console/trust/alarms/{}", text(alarm, "id"))) {
                (hidden(visit))
                p { (visit.words.t("console-alarm-what")) }
                button.primary type="submit" { (visit.words.t("console-alarm-dismiss")) }
            }
        }
        (back(visit, "/console/trust", "console-to-trust"))
    };
    Ok(visit.page(&visit.words.plain("console-alarm-title"), body))
}

/// `POST /console/trust/alarms/{id}`.
pub(in crate::http::console) async fn dismiss(Path(id): Path<String>, form: Form) -> Response {
    form.once(async move |form| {
        let path = format!("/console/trust/alarms/{id}");
        form.visit
            .execute(Command::Alarms {
                id: Some(id),
                dismiss: true,
            })
            .await?;
        Ok(path)
    })
    .await
}
