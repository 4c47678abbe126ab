//! Status lists: where they are published, how old they are, and the endings that wait for the day's publication.

use super::shown::{age, back, count, grouped, heading, list, moment, refresh, text};
use crate::error::Failure;
use crate::http::form::Form;
use crate::http::page::hidden;
use crate::http::visit::Visit;
use crate::output::At;
use crate::service::Command;
use axum::response::Response;
use maud::{Markup, html};
use serde_json::Value;

/// `GET /console/lists`.
pub(super) async fn show(visit: Visit) -> Response {
    visit.answer(page(&visit).await)
}

/// Endings that wait.
fn waiting(status: &Value) -> u64 {
    status.at("endings").at("waiting").as_u64().unwrap_or(0)
}

async fn page(visit: &Visit) -> Result<Response, Failure> {
    let status = visit.execute(Command::IssuerStatus).await?;
    let body = html! {
        (heading(visit, "console-lists-title"))
        p { (visit.words.t("console-lists-what")) }
        (endings(visit, &status))
        (table(visit, &status))
        (refresh(visit))
    };
    Ok(visit.page(&visit.words.plain("console-lists-title"), body))
}

fn endings(visit: &Visit, status: &Value) -> Markup {
    let waiting = waiting(status);
    html! {
        section.card aria-labelledby="endings" {
            h2 #endings { (visit.words.t("console-endings-title")) }
            div data-part="endings" role="status" data-state=(waiting) {
                dl.facts {
                    dt { (visit.words.t("console-endings-waiting")) } dd { (grouped(waiting)) }
                    dt { (visit.words.t("console-lists-next")) } dd { (moment(visit, status.at("endings").at("next"))) }
                    dt { (visit.words.t("console-endings-decoys")) } dd { (count(status.at("endings").at("decoys_left"))) }
                }
                @if waiting > 0 {
                    p { a.button href="/console/lists/publish" { (visit.words.t("console-endings-publish")) } }
                } @else {
                    p { (visit.words.t("console-endings-none")) }
                }
            }
        }
    }
}

fn table(visit: &Visit, status: &Value) -> Markup {
    let lists = list(status, "lists");
    html! {
        div.scroll data-part="lists" tabindex="0" role="group" aria-label=(visit.words.plain("console-lists-title")) {
            @if lists.is_empty() { p { (visit.words.t("console-lists-none")) } } @else {
                table {
                    caption { (visit.words.t("console-lists-caption")) }
                    thead { tr {
                        th scope="col" { (visit.words.t("console-column-uri")) }
                        th.number scope="col" { (visit.words.t("console-column-version")) }
                        th scope="col" { (visit.words.t("console-column-age")) }
                        th.number scope="col" { (visit.words.t("console-column-used")) }
                        th scope="col" { (visit.words.t("console-column-open")) }
                    } }
                    tbody {
                        @for one in lists {
                            tr {
                                th.mono scope="row" { (text(one, "uri")) }
                                td.number { (count(one.at("version"))) }
                                td {
                                    @if one.at("published").is_null() { (visit.words.t("console-lists-unsigned")) }
                                    @else { (age(visit, one.at("published"))) }
                                }
                                td.number { (count(one.at("used"))) }
                                td {
                                    @if one.at("open").as_bool() == Some(true) { (visit.words.t("console-lists-open")) }
                                    @else { (visit.words.t("console-lists-full")) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// `GET /console/lists/publish`: what publishing now means, before it is done.
pub(super) async fn ask(visit: Visit) -> Response {
    visit.answer(ask_page(&visit).await)
}

async fn ask_page(visit: &Visit) -> Result<Response, Failure> {
    let status = visit.execute(Command::IssuerStatus).await?;
    let body = html! {
        (heading(visit, "console-publish-title"))
        p { (visit.words.fill("console-publish-what", &[("count", &grouped(waiting(&status)))])) }
        p.alert.warning { (visit.words.t("console-publish-consequence")) }
        form.choices method="post" action="/console/lists/publish" {
            (hidden(visit))
            button.primary type="submit" { (visit.words.t("console-publish-yes")) }
        }
        (back(visit, "/console/lists", "console-publish-no"))
    };
    Ok(visit.page(&visit.words.plain("console-publish-title"), body))
}

/// `POST /console/lists/publish`.
pub(super) async fn publish(form: Form) -> Response {
    form.once(async move |form| {
        form.visit.execute(Command::PublishEndings).await?;
        Ok("/console/lists".to_owned())
    })
    .await
}
