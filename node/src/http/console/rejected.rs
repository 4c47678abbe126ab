//! Lines of a file that were not taken: where, why, and the line itself, for whoever brought the file.

use super::PAGE_ROWS;
use super::shown::{back, from, grouped, heading, list, text};
use crate::error::Failure;
use crate::http::visit::Visit;
use crate::output::At;
use crate::service::Command;
use axum::extract::Path;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};
use serde_json::Value;

/// Characters of a line that a page shows: the file has it whole.
const LINE_SHOWN: usize = 300;
/// Rejected lines on the page of an import.
const SOME: usize = 10;
/// Lines that are asked for at once for the file.
const TOGETHER: usize = 1_000;

/// What the reason of a line is called.
fn reason(line: &Value) -> &'static str {
    match text(line, "reason") {
        "schema" if text(line, "path").starts_with("column ") => "console-reason-column",
        "schema" => "console-reason-schema",
        "check_digit" => "console-reason-check-digit",
        "decimal" => "console-reason-decimal",
        "notice_too_short" => "console-reason-notice",
        "ending_not_allowed" => "console-reason-ending",
        "period" => "console-reason-period",
        "period_overlap" => "console-reason-overlap",
        "too_large" => "console-reason-too-large",
        "not_an_object" => "console-reason-not-an-object",
        "missing_key" => "console-reason-missing-key",
        "malformed" => "console-reason-malformed",
        "duplicate_key" => "console-reason-duplicate-key",
        "duplicate_row" => "console-reason-duplicate-row",
        "no_data" => "console-reason-no-data",
        "revoked" => "console-reason-revoked",
        "superseded" => "console-reason-superseded",
        "state_final" => "console-reason-state-final",
        _ => "console-reason-other",
    }
}

async fn some(visit: &Visit, job: &str, from: u64, limit: usize) -> Result<Value, Failure> {
    let command = Command::JobRejected {
        id: job.to_owned(),
        from,
        limit,
    };
    visit.execute(command).await
}

/// The first of them, and the way to all. It stands in a part of its page that is there before there are any.
pub(super) async fn summary(visit: &Visit, job: &str) -> Result<Markup, Failure> {
    let page = some(visit, job, 0, SOME).await?;
    Ok(html! {
        section aria-labelledby="rejected" {
            h2 #rejected { (visit.words.t("console-rejected-title")) }
            (table(visit, &page))
            p { a href=(format!("/console/registers/rejected/{job}")) { (visit.words.t("console-rejected-all")) } }
            p { a.button href=(format!("/console/registers/rejected/{job}/file")) download { (visit.words.t("console-rejected-file")) } }
        }
    })
}

fn table(visit: &Visit, page: &Value) -> Markup {
    let lines = list(page, "lines");
    html! {
        @if lines.is_empty() { p { (visit.words.t("console-rejected-none")) } } @else {
            div.scroll tabindex="0" role="group" aria-label=(visit.words.plain("console-rejected-title")) {
                table {
                    caption { (visit.words.t("console-rejected-caption")) }
                    thead { tr {
                        th.number scope="col" { (visit.words.t("console-column-line")) }
                        th scope="col" { (visit.words.t("console-column-reason")) }
                        th scope="col" { (visit.words.t("console-column-field")) }
                        th scope="col" { (visit.words.t("console-column-text")) }
                    } }
                    tbody {
                        @for line in lines {
                            tr {
                                th.number scope="row" { (grouped(line.at("line").as_u64().unwrap_or(0))) }
                                td { (visit.words.t(reason(line))) }
                                td.mono { (text(line, "path")) }
                                td.mono { (shown(text(line, "text"))) }
                            }
                        }
                    }
                }
            }
            @if page.at("is_cut").as_bool() == Some(true) { p { (visit.words.t("console-rejected-cut")) } }
        }
    }
}

/// The beginning of a line.
fn shown(line: &str) -> String {
    let mut shown: String = line.chars().take(LINE_SHOWN).collect();
    if line.chars().nth(LINE_SHOWN).is_some() {
        shown.push('…');
    }
    shown
}

/// `GET /console/registers/rejected/{job}`.
pub(super) async fn show(visit: Visit, Path(job): Path<String>) -> Response {
    visit.answer(page(&visit, &job).await)
}

async fn page(visit: &Visit, job: &str) -> Result<Response, Failure> {
    let page = some(visit, job, from(visit).unwrap_or(0), PAGE_ROWS).await?;
    let body = html! {
        (heading(visit, "console-rejected-title"))
        p { (visit.words.t("console-rejected-what")) }
        p { a.button href=(format!("/console/registers/rejected/{job}/file")) download { (visit.words.t("console-rejected-file")) } }
        (table(visit, &page))
        @if let Some(next) = page.at("next").as_u64() {
            p { a href=(format!("/console/registers/rejected/{job}?from={next}")) { (visit.words.t("console-further")) } }
        }
        (back(visit, "/console/registers", "console-to-registers"))
    };
    Ok(visit.page(&visit.words.plain("console-rejected-title"), body))
}

/// `GET /console/registers/rejected/{job}/file`: all that are kept, as CSV.
pub(super) async fn file(visit: Visit, Path(job): Path<String>) -> Response {
    visit.answer(csv(&visit, &job).await)
}

async fn csv(visit: &Visit, job: &str) -> Result<Response, Failure> {
    let mut file = String::from("line,field,reason,text\r\n");
    let mut from = Some(0);
    // What is kept of a file is bounded, and so is this: at most 10,000 lines and 8 MiB.
    while let Some(first) = from {
        let page = some(visit, job, first, TOGETHER).await?;
        for line in list(&page, "lines") {
            let number = line.at("line").as_u64().unwrap_or(0).to_string();
            let cells = [
                number.as_str(),
                text(line, "path"),
                text(line, "reason"),
                text(line, "text"),
            ];
            let cells: Vec<String> = cells.iter().map(|cell| quoted(cell)).collect();
            file.push_str(&cells.join(","));
            file.push_str("\r\n");
        }
        from = page.at("next").as_u64().filter(|next| *next > first);
    }
    let name = job.chars().filter(char::is_ascii_hexdigit).take(32).collect::<String>();
    Ok(download(
        file,
        "text/csv; charset=utf-8",
        &format!("rejected-{name}.csv"),
    ))
}

/// A cell of RFC 4180.
fn quoted(cell: &str) -> String {
    match cell.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", cell.replace('"', "\"\"")),
        false => cell.to_owned(),
    }
}

/// A file that the browser saves.
pub(super) fn download(body: impl IntoResponse, kind: &'static str, name: &str) -> Response {
    let mut response = body.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    if let Ok(value) = HeaderValue::from_str(&format!("attachment; filename=\"{name}\"")) {
        headers.insert(header::CONTENT_DISPOSITION, value);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_quoted_when_it_must_be() {
        assert_eq!(quoted("plain"), "plain");
        assert_eq!(quoted("a,b"), "\"a,b\"");
        assert_eq!(quoted("say \"a\""), "\"say \"\"a\"\"\"");
    }

    #[test]
    fn a_long_line_is_cut_on_the_page_between_characters() {
        assert_eq!(shown("æøå"), "æøå");
        assert_eq!(shown(&"å".repeat(LINE_SHOWN)).chars().count(), LINE_SHOWN);
        assert_eq!(shown(&"å".repeat(LINE_SHOWN + 1)).chars().count(), LINE_SHOWN + 1);
    }
}
