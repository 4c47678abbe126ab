//! The registers that credentials are issued from: how new they are, how much is in them, and the way to bring a new file.

use super::shown::{
    Wrong, alert, back, beside, count, grouped, heading, invalid, issued, kind, label, list, moment, refresh, text,
};
use super::{PAGE_ROWS, upload};
use crate::error::Failure;
use crate::http::form::Form;
use crate::http::page::hidden;
use crate::http::visit::Visit;
use crate::output::At;
use crate::service::Command;
use axum::extract::Path;
use axum::response::Response;
use credentials::Code;
use credentials::schema::CredentialType;
use maud::{Markup, html};
use serde_json::Value;

/// Rows that are prepared between two answers to peers.
const PREPARE: usize = 2_000;

/// Whether an import can still go on.
pub(super) fn is_open(job: &Value) -> bool {
    ["running", "paused"].contains(&text(job, "stage"))
}

/// When the last import of a type came to its end; null before the first.
pub(super) fn as_of<'a>(jobs: &'a Value, vct: &str) -> &'a Value {
    let is_of_it = |job: &&Value| {
        text(job, "vct") == vct && text(job, "stage") == "finished" && job.at("dry_run").as_bool() != Some(true)
    };
    let ended = |job: &'a Value| match job.at("ended") {
        Value::Null => job.at("started"),
        ended => ended,
    };
    let ends = list(jobs, "jobs").iter().filter(is_of_it).map(ended);
    ends.max_by_key(|at| super::shown::instant(at)).unwrap_or(&Value::Null)
}

/// What is counted of a type.
fn counts<'a>(status: &'a Value, vct: &str) -> &'a Value {
    let mut types = list(status, "types").iter();
    types.find(|counts| text(counts, "vct") == vct).unwrap_or(&Value::Null)
}

/// `GET /console/registers`.
pub(super) async fn all(visit: Visit) -> Response {
    visit.answer(all_page(&visit).await)
}

async fn all_page(visit: &Visit) -> Result<Response, Failure> {
    let status = visit.execute(Command::IssuerStatus).await?;
    let jobs = visit.execute(Command::Jobs).await?;
    let body = html! {
        (heading(visit, "console-registers-title"))
        p { (visit.words.t("console-registers-what")) }
        div.scroll data-part="registers" tabindex="0" role="group" aria-label=(visit.words.plain("console-registers-title")) {
            table {
                caption { (visit.words.t("console-registers-caption")) }
                thead { tr {
                    th scope="col" { (visit.words.t("console-column-type")) }
                    th scope="col" { (visit.words.t("console-column-as-of")) }
                    th.number scope="col" { (visit.words.t("console-column-rows")) }
                    th.number scope="col" { (visit.words.t("console-column-prepared")) }
                } }
                tbody {
                    @for one in issued(visit) {
                        @let counts = counts(&status, &one.vct);
                        tr {
                            th scope="row" {
                                a href=(format!("/console/registers/{}", one.id)) { (label(visit, &one.vct)) }
                            }
                            td {
                                @match as_of(&jobs, &one.vct) {
                                    Value::Null => (visit.words.t("console-registers-never")),
                                    at => (moment(visit, at)),
                                }
                            }
                            td.number { (count(counts.at("rows"))) }
                            td.number { (count(counts.at("prepared"))) }
                        }
                    }
                }
            }
        }
        section aria-labelledby="imports" {
            h2 #imports { (visit.words.t("console-imports-title")) }
            (imports(visit, &jobs, None, "/console/registers"))
        }
        (refresh(visit))
    };
    Ok(visit.page(&visit.words.plain("console-registers-title"), body))
}

/// Key of a stage's word.
pub(super) fn stage(job: &Value) -> &'static str {
    match text(job, "stage") {
        "running" => "console-stage-running",
        "paused" => "console-stage-paused",
        "finished" => "console-stage-finished",
        _ => "console-stage-abandoned",
    }
}

/// Imports there were, the newest first, of one type or of all.
fn imports(visit: &Visit, jobs: &Value, vct: Option<&str>, path: &str) -> Markup {
    let is_of_it =
        |job: &&Value| vct.is_none_or(|vct| text(job, "vct") == vct) && job.at("dry_run").as_bool() != Some(true);
    let from = usize::try_from(super::shown::from(visit).unwrap_or(0)).unwrap_or(0);
    let all: Vec<&Value> = list(jobs, "jobs").iter().filter(is_of_it).collect();
    let next = from.saturating_add(PAGE_ROWS);
    html! {
        div.scroll data-part="imports" tabindex="0" role="group" aria-labelledby="imports" {
            @if all.is_empty() { p { (visit.words.t("console-imports-none")) } } @else {
                table {
                    caption { (visit.words.t("console-imports-caption")) }
                    thead { tr {
                        th scope="col" { (visit.words.t("console-column-started")) }
                        th scope="col" { (visit.words.t("console-column-type")) }
                        th scope="col" { (visit.words.t("console-column-stage")) }
                        th.number scope="col" { (visit.words.t("console-column-rows")) }
                        th.number scope="col" { (visit.words.t("console-column-rejected")) }
                    } }
                    tbody {
                        @for job in all.iter().skip(from).take(PAGE_ROWS) {
                            tr {
                                th scope="row" {
                                    a href=(format!("/console/registers/imports/{}", text(job, "job"))) { (moment(visit, job.at("started"))) }
                                }
                                td { (label(visit, text(job, "vct"))) }
                                td { (visit.words.t(stage(job))) }
                                td.number { (count(job.at("report").at("rows"))) }
                                td.number { (count(job.at("report").at("rejected"))) }
                            }
                        }
                    }
                }
            }
        }
        @if next < all.len() { p { a href=(format!("{path}?from={next}")) { (visit.words.t("console-older")) } } }
    }
}

/// `GET /console/registers/{kind}`.
pub(super) async fn one(visit: Visit, Path(name): Path<String>) -> Response {
    visit.answer(one_page(&visit, &name, None).await)
}

/// The type that an address names, among those that this node issues.
pub(super) fn of_address<'a>(visit: &'a Visit, name: &str) -> Result<&'a CredentialType, Failure> {
    let found = kind(visit, name).filter(|found| issued(visit).iter().any(|one| one.vct == found.vct));
    Ok(found.ok_or(Code::NotFound)?)
}

/// The page of one register; with what was wrong with a file, where one was sent that could not be taken.
pub(super) async fn one_page(visit: &Visit, name: &str, wrong: Option<Wrong>) -> Result<Response, Failure> {
    let kind = of_address(visit, name)?;
    let status = visit.execute(Command::IssuerStatus).await?;
    let jobs = visit.execute(Command::Jobs).await?;
    let uploads = visit.execute(Command::Uploads).await?;
    let path = format!("/console/registers/{}", kind.id);
    let title = kind.label.get(visit.words.language());
    let body = html! {
        h1 { (title) }
        (alert(visit, wrong))
        (figures(visit, kind, &status, &jobs))
        (waiting(visit, kind, &uploads))
        (file_form(visit, kind, wrong))
        section aria-labelledby="imports" {
            h2 #imports { (visit.words.t("console-imports-title")) }
            (imports(visit, &jobs, Some(&kind.vct), &path))
        }
        (refresh(visit))
        (back(visit, "/console/registers", "console-to-registers"))
    };
    Ok(match wrong {
        None => visit.page(title, body),
        Some(_) => super::shown::refused(visit, title, body),
    })
}

fn figures(visit: &Visit, kind: &CredentialType, status: &Value, jobs: &Value) -> Markup {
    let counts = counts(status, &kind.vct);
    let number = |name: &str| counts.at(name).as_u64().unwrap_or(0);
    let left = number("rows").saturating_sub(number("prepared"));
    html! {
        div data-part="figures" {
            dl.facts {
                dt { (visit.words.t("console-column-as-of")) }
                dd {
                    @match as_of(jobs, &kind.vct) {
                        Value::Null => (visit.words.t("console-registers-never")),
                        at => (moment(visit, at)),
                    }
                }
                dt { (visit.words.t("console-column-rows")) } dd { (count(counts.at("rows"))) }
                dt { (visit.words.t("console-column-prepared")) } dd { (count(counts.at("prepared"))) }
                dt { (visit.words.t("console-column-issued")) } dd { (count(counts.at("issued"))) }
            }
        }
        div data-part="prepare" {
            @if left > 0 {
                form method="post" action=(format!("/console/registers/{}/prepare", kind.id)) {
                    (hidden(visit))
                    p { (visit.words.fill("console-prepare-what", &[("count", &grouped(left))])) }
                    button type="submit" { (visit.words.t("console-prepare")) }
                }
            }
        }
    }
}

/// Files that came and that nobody has said yes or no to, of whatever type: each takes one of a few places.
fn waiting(visit: &Visit, kind: &CredentialType, uploads: &Value) -> Markup {
    let waiting = list(uploads, "uploads");
    html! {
        @if !waiting.is_empty() {
            section aria-labelledby="files" {
                h2 #files { (visit.words.t("console-files-title")) }
                p { (visit.words.t("console-files-what")) }
                ul.plain {
                    @for file in waiting {
                        li.card {
                            dl.facts {
                                dt { (visit.words.t("console-column-came")) } dd { (moment(visit, file.at("started"))) }
                                dt { (visit.words.t("console-bulk-lines")) } dd { (count(file.at("lines"))) }
                                dt { (visit.words.t("console-column-erased")) } dd { (moment(visit, file.at("until"))) }
                            }
                            form method="post" action=(format!("/console/registers/{}/discard", kind.id)) {
                                (hidden(visit))
                                // Which of the two it is matters to reading, not to erasing.
                                input type="hidden" name="file" value=(format!("{}-lines", text(file, "upload")));
                                button type="submit" { (visit.words.t("console-file-erase")) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn file_form(visit: &Visit, kind: &CredentialType, wrong: Option<Wrong>) -> Markup {
    let (is_invalid, described) = invalid(wrong, "file");
    let described = described.map_or_else(|| "file-hint".to_owned(), |wrong| format!("file-hint {wrong}"));
    let limit = (upload::FILE_MAX >> 20).to_string();
    html! {
        section.card aria-labelledby="new-file" {
            h2 #new-file { (visit.words.t("console-file-title")) }
            p { (visit.words.t("console-file-what")) }
            form method="post" enctype="multipart/form-data" action=(format!("/console/registers/{}/file", kind.id)) {
                (hidden(visit))
                label for="file" { (visit.words.t("console-file")) }
                span.hint #file-hint { (visit.words.fill("console-file-hint", &[("limit", &limit)])) }
                (beside(visit, wrong, "file"))
                input #file type="file" name="file" accept=".csv,.jsonl,.ndjson,text/csv,application/x-ndjson" required
                    aria-describedby=(described) aria-invalid=[is_invalid];
                button.primary type="submit" { (visit.words.t("console-file-check")) }
            }
        }
    }
}

/// `POST /console/registers/{kind}/prepare`: rows are prepared beside the page, part by part, until all are.
pub(super) async fn prepare(Path(name): Path<String>, form: Form) -> Response {
    form.once(async move |form| {
        let kind = of_address(&form.visit, &name)?;
        let (id, vct, visit) = (kind.id.clone(), kind.vct.clone(), form.visit.clone());
        let one = move || Command::Prepare {
            credential_type: vct.clone(),
            limit: PREPARE,
        };
        // The first part before the page comes, so that a refusal is told.
        let first = visit.execute(one()).await?;
        let path = format!("/console/registers/{id}");
        if first.at("prepared").as_u64() == Some(0) {
            return Ok(path);
        }
        tokio::spawn(async move {
            loop {
                match visit.execute(one()).await {
                    Ok(done) if done.at("prepared").as_u64().is_some_and(|count| count > 0) => {}
                    Ok(_) => break,
                    Err(failure) => {
                        tracing::warn!(code = %failure.problem.code, "rows could not be prepared");
                        break;
                    }
                }
            }
        });
        Ok(path)
    })
    .await
}
