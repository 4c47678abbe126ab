//! Bankruptcy notices that came, and which customers they are about.

use super::ROWS;
use super::shown::{self, list as each, text};
use crate::error::Failure;
use crate::http::Visit;
use crate::output::At;
use crate::service::{Command, Notice};
use axum::extract::Query;
use axum::response::Response;
use maud::html;
use serde::Deserialize;
use serde_json::Value;

/// Which page of the customers.
#[derive(Deserialize, Default)]
pub(super) struct From {
    #[serde(default)]
    from: String,
}

/// The page.
pub(super) async fn list(visit: Visit, Query(from): Query<From>) -> Response {
    visit.answer(page(&visit, from.from.parse().unwrap_or(0)).await)
}

fn state(match_: &Value) -> &'static str {
    match text(match_, "state") {
        "blocked" => "desk-notice-blocked",
        "reopened" => "desk-notice-reopened",
        _ => "desk-notice-decide",
    }
}

async fn page(visit: &Visit, from: usize) -> Result<Response, Failure> {
    let words = &visit.words;
    let what = Notice::Received;
    let found = visit.execute(Command::Notice { what }).await?;
    let matches: Vec<&Value> = each(&found, "matches").collect();
    let rows: Vec<&&Value> = matches.iter().skip(from).take(ROWS).collect();
    let body = html! {
        h1 { (words.t("desk-notices-title")) }
        p { (words.fill("desk-notices-customers", &[("count", &found.at("customers").to_string())])) }
        div data-part="desk-notices" {
            h2 { (words.t("desk-notices-registers")) }
            @if each(&found, "streams").next().is_none() { p { (words.t("desk-notices-none")) } }
            @for stream in each(&found, "streams") {
                @let is_frozen = !stream.at("frozen").is_null();
                p.alert .danger[is_frozen] {
                    code { (text(stream, "register")) } ": "
                    (words.fill("desk-notices-count", &[
                        ("count", &stream.at("next").as_u64().unwrap_or(1).saturating_sub(1).to_string()),
                    ]))
                    @if is_frozen { " " strong { (words.t("problem-notice_conflict")) } }
                    @if !stream.at("missing").is_null() { " " strong { (words.t("problem-notice_gap")) } }
                }
            }
            h2 { (words.t("desk-notices-matches")) }
            @if rows.is_empty() { p { (words.t("desk-notices-no-match")) } } @else {
                div.scroll tabindex="0" role="group" aria-label=(words.plain("desk-notices-matches")) {
                    table {
                        caption { (words.t("desk-notices-caption")) }
                        thead { tr {
                            th scope="col" { (words.t("desk-customer")) }
                            th scope="col" { (words.t("desk-state")) }
                            th scope="col" { (words.t("desk-notice-at")) }
                        } }
                        tbody {
                            @for row in &rows {
                                tr {
                                    th scope="row" { (text(row, "customer")) }
                                    td {
                                        (words.t(state(row)))
                                        @if row.at("is_closed") == true { ", " (words.t("desk-notice-closed")) }
                                    }
                                    td { (words.moment(row.at("at"))) }
                                }
                            }
                        }
                    }
                }
            }
            (shown::paging(words, "/desk/notices?", from, rows.len(), matches.len()))
        }
        p { a href="/desk/notices" { (words.t("page-refresh")) } }
    };
    Ok(visit.page(&words.plain("desk-notices-title"), body))
}
