//! Many credentials at once, by two persons: one proposes by a file or a whole, another one agrees, and everybody sees how far it came.

mod propose;

pub(super) use propose::{ask, propose};

use super::shown::{
    Wrong, alert, back, beside, count, from, grouped, heading, invalid, kind, list, moment, refresh, refused, text,
};
use super::{PAGE_ROWS, rejected};
use crate::error::Failure;
use crate::http::entrance;
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

/// Key of a stage's word.
fn stage(bulk: &Value) -> &'static str {
    match text(bulk, "stage") {
        "checking" => "console-bulk-checking",
        "proposed" => "console-bulk-proposed",
        "running" => "console-bulk-running",
        "paused" => "console-bulk-paused",
        "finished" => "console-bulk-finished",
        "expired" => "console-bulk-expired",
        _ => "console-bulk-cancelled",
    }
}

/// Key of what it does.
fn what(bulk: &Value) -> &'static str {
    match text(bulk, "state") {
        "revoked" => "console-bulk-revoke",
        "suspended" => "console-bulk-suspend",
        _ => "console-bulk-reinstate",
    }
}

/// `GET /console/credentials/bulk`.
pub(super) async fn all(visit: Visit) -> Response {
    visit.answer(all_page(&visit).await)
}

async fn all_page(visit: &Visit) -> Result<Response, Failure> {
    let bulks = visit.execute(Command::Bulks).await?;
    let all = list(&bulks, "bulks");
    let from = usize::try_from(from(visit).unwrap_or(0)).unwrap_or(0);
    let next = from.saturating_add(PAGE_ROWS);
    let body = html! {
        (heading(visit, "console-bulk-title"))
        p { (visit.words.t("console-bulk-about")) }
        p { a.button href="/console/credentials/bulk/new" { (visit.words.t("console-bulk-new")) } }
        div.scroll data-part="bulks" tabindex="0" role="group" aria-label=(visit.words.plain("console-bulk-title")) {
            @if all.is_empty() { p { (visit.words.t("console-bulk-none")) } } @else {
                table {
                    caption { (visit.words.t("console-bulk-caption")) }
                    thead { tr {
                        th scope="col" { (visit.words.t("console-column-started")) }
                        th scope="col" { (visit.words.t("console-column-what")) }
                        th scope="col" { (visit.words.t("console-column-stage")) }
                        th scope="col" { (visit.words.t("console-column-proposed-by")) }
                        th.number scope="col" { (visit.words.t("console-column-credentials")) }
                    } }
                    tbody {
                        @for bulk in all.iter().skip(from).take(PAGE_ROWS) {
                            tr {
                                th scope="row" {
                                    a href=(format!("/console/credentials/bulk/{}", text(bulk, "bulk"))) { (moment(visit, bulk.at("started"))) }
                                }
                                td { (visit.words.t(what(bulk))) }
                                td { (visit.words.t(stage(bulk))) }
                                td { (text(bulk, "proposed_by")) }
                                td.number { (count(bulk.at("named").at("credentials"))) }
                            }
                        }
                    }
                }
            }
        }
        @if next < all.len() { p { a href=(format!("/console/credentials/bulk?from={next}")) { (visit.words.t("console-older")) } } }
        (refresh(visit))
        (back(visit, "/console/credentials", "console-to-credentials"))
    };
    Ok(visit.page(&visit.words.plain("console-bulk-title"), body))
}

/// `GET /console/credentials/bulk/{name}`.
pub(super) async fn show(visit: Visit, Path(name): Path<String>) -> Response {
    visit.answer(page(&visit, &name, None).await)
}

async fn page(visit: &Visit, name: &str, wrong: Option<Wrong>) -> Result<Response, Failure> {
    let bulk = visit.execute(Command::Bulk { bulk: name.to_owned() }).await?;
    let lines = match bulk.at("rejected").as_u64().unwrap_or(0) {
        0 => html! {},
        _ => rejected::summary(visit, name).await?,
    };
    let title = visit.words.plain(what(&bulk));
    let body = html! {
        (heading(visit, what(&bulk)))
        (alert(visit, wrong))
        div data-part="stage" data-state=(text(&bulk, "stage")) {
            p.verdict role="status" { (visit.words.t(stage(&bulk))) }
            (turns(visit, &bulk, wrong))
        }
        div data-part="figures" {
            (progress(visit, &bulk))
            (facts(visit, &bulk))
        }
        div data-part="rejected" { (lines) }
        (refresh(visit))
        (back(visit, "/console/credentials/bulk", "console-to-bulk"))
    };
    Ok(match wrong {
        None => visit.page(&title, body),
        Some(_) => refused(visit, &title, body),
    })
}

fn progress(visit: &Visit, bulk: &Value) -> Markup {
    let number = |of: &str| bulk.at(of).at("credentials").as_u64().unwrap_or(0);
    let done = number("changed").saturating_add(bulk.at("passed_over").as_u64().unwrap_or(0));
    html! {
        @if ["running", "paused"].contains(&text(bulk, "stage")) {
            label for="progress" {
                (visit.words.fill("console-bulk-progress", &[("done", &grouped(done)), ("count", &grouped(number("named")))]))
            }
            progress #progress value=(done) max=(number("named").max(1)) {}
        }
    }
}

fn facts(visit: &Visit, bulk: &Value) -> Markup {
    let changed = bulk.at("changed").at("credentials");
    html! {
        dl.facts {
            dt { (visit.words.t("console-column-credentials")) } dd { (count(bulk.at("named").at("credentials"))) }
            dt { (visit.words.t("console-column-copies")) } dd { (count(bulk.at("named").at("copies"))) }
            dt { (visit.words.t("console-bulk-changed")) } dd { (count(changed)) }
            dt { (visit.words.t("console-bulk-passed-over")) } dd { (count(bulk.at("passed_over"))) }
            dt { (visit.words.t("console-bulk-unchanged")) } dd { (count(bulk.at("unchanged"))) }
            dt { (visit.words.t("console-bulk-lines")) } dd { (count(bulk.at("lines"))) }
            dt { (visit.words.t("console-column-rejected")) } dd { (count(bulk.at("rejected"))) }
            @if let Some(kind) = kind(visit, text(bulk, "vct")) {
                dt { (visit.words.t("console-column-type")) } dd { (kind.label.get(visit.words.language())) }
            }
            dt { (visit.words.t("console-column-why")) } dd { (text(bulk, "reason")) }
            dt { (visit.words.t("console-column-proposed-by")) } dd { (text(bulk, "proposed_by")) }
            dt { (visit.words.t("console-column-started")) } dd { (moment(visit, bulk.at("started"))) }
            @if !text(bulk, "approved_by").is_empty() {
                dt { (visit.words.t("console-bulk-approved-by")) } dd { (text(bulk, "approved_by")) }
            }
            @if !bulk.at("until").is_null() {
                dt { (visit.words.t("console-bulk-until")) } dd { (moment(visit, bulk.at("until"))) }
            }
            @if !bulk.at("ended").is_null() {
                dt { (visit.words.t("console-column-ended")) } dd { (moment(visit, bulk.at("ended"))) }
            }
        }
    }
}

/// What can be done about it now, by whoever looks at it.
fn turns(visit: &Visit, bulk: &Value, wrong: Option<Wrong>) -> Markup {
    let turn = |name: &str, key: &str| {
        html! {
            form method="post" action=(format!("/console/credentials/bulk/{}/{name}", text(bulk, "bulk"))) {
                (hidden(visit))
                button type="submit" { (visit.words.t(key)) }
            }
        }
    };
    let credentials = count(bulk.at("named").at("credentials"));
    html! {
        @match text(bulk, "stage") {
            "proposed" if text(bulk, "proposed_by") == visit.visitor.handle => {
                p { (visit.words.t("console-bulk-wait")) }
                (turn("cancel", "console-bulk-cancel"))
            }
            "proposed" => {
                p.alert.warning { (visit.words.fill(consequence(bulk), &[("count", &credentials)])) }
                form.card method="post" action=(format!("/console/credentials/bulk/{}/approve", text(bulk, "bulk"))) {
                    (hidden(visit))
                    (passphrase_field(visit, wrong))
                    button.primary type="submit" { (visit.words.t("console-bulk-approve")) }
                }
                (turn("cancel", "console-bulk-refuse"))
            }
            "running" => div.row { (turn("pause", "console-pause")) (turn("cancel", "console-bulk-stop")) },
            "paused" => div.row { (turn("resume", "console-resume")) (turn("cancel", "console-bulk-stop")) },
            _ => {},
        }
    }
}

fn consequence(bulk: &Value) -> &'static str {
    match text(bulk, "state") {
        "revoked" => "console-bulk-revoke-consequence",
        "suspended" => "console-bulk-suspend-consequence",
        _ => "console-bulk-reinstate-consequence",
    }
}

/// Where a person shows that it is they who decide.
pub(super) fn passphrase_field(visit: &Visit, wrong: Option<Wrong>) -> Markup {
    let (is_invalid, described) = invalid(wrong, "passphrase");
    html! {
        label for="passphrase" { (visit.words.fill("page-passphrase", &[("name", &visit.visitor.name)])) }
        (beside(visit, wrong, "passphrase"))
        input #passphrase type="password" name="passphrase" autocomplete="current-password" required
            aria-describedby=[described] aria-invalid=[is_invalid];
    }
}

/// What is wrong with a passphrase, told beside its field; another failure as it is.
pub(super) async fn wrong_person(form: &Form) -> Result<Option<Wrong>, Failure> {
    let wrong = |key| {
        Some(Wrong {
            field: "passphrase",
            key,
        })
    };
    match entrance::require_person(form).await {
        Ok(()) => Ok(None),
        Err(failure) if failure.problem.code == Code::WrongPassphrase => Ok(wrong("console-passphrase-wrong")),
        Err(failure) if failure.problem.code == Code::Malformed => Ok(wrong("console-passphrase-missing")),
        Err(failure) => Err(failure),
    }
}

/// `POST /console/credentials/bulk/{name}/approve`: the second person's yes.
pub(super) async fn approve(Path(name): Path<String>, form: Form) -> Response {
    match wrong_person(&form).await {
        Ok(None) => {}
        Ok(Some(wrong)) => return form.visit.answer(page(&form.visit, &name, Some(wrong)).await),
        Err(failure) => return form.visit.failure(&failure),
    }
    form.once(async move |form| {
        let path = format!("/console/credentials/bulk/{name}");
        led(form.visit.execute(Command::BulkApprove { bulk: name }).await, path)
    })
    .await
}

/// `POST /console/credentials/bulk/{name}/{turn}`: called off, stopped for a while, gone on with.
pub(super) async fn turn(Path((name, turn)): Path<(String, String)>, form: Form) -> Response {
    form.once(async move |form| {
        let path = format!("/console/credentials/bulk/{name}");
        let command = match turn.as_str() {
            "cancel" => Command::BulkCancel { bulk: name },
            "pause" => Command::BulkPause { bulk: name },
            "resume" => Command::BulkResume { bulk: name },
            _ => return Err(Code::NotFound.into()),
        };
        led(form.visit.execute(command).await, path)
    })
    .await
}

/// What another window did before is no failure: the page shows how it stands.
fn led(done: Result<Value, Failure>, path: String) -> Result<String, Failure> {
    match done {
        Err(failure) if [Code::StateFinal, Code::Expired].contains(&failure.problem.code) => Ok(path),
        Err(failure) => Err(failure),
        Ok(_) => Ok(path),
    }
}
