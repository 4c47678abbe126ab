//! Importing a register: the file is looked at first and what was found is shown; then a person says yes, and sees it go.

use super::registers::{self, of_address};
use super::shown::{back, count, grouped, heading, instant, label, list, moment, refresh, text};
use super::{rejected, upload};
use crate::clock;
use crate::error::Failure;
use crate::http::form::{Form, Upload};
use crate::http::page::hidden;
use crate::http::visit::Visit;
use crate::output::At;
use crate::service::Command;
use axum::extract::Path;
use axum::response::Response;
use credentials::schema::CredentialType;
use credentials::{Code, Problem};
use maud::{Markup, html};
use serde_json::Value;

/// `POST /console/registers/{kind}/file`: takes a file into the store and has it looked at.
pub(super) async fn upload(Path(name): Path<String>, upload: Upload) -> Response {
    let Upload { visit, mut parts } = upload;
    let id = match of_address(&visit, &name) {
        Ok(kind) => kind.id.clone(),
        Err(failure) => return visit.failure(&failure),
    };
    let taken = upload::take(&mut parts, &mut upload::ForRegister::new(&visit, &id), upload::FILE_MAX).await;
    match upload::led(taken) {
        Ok(response) => response,
        Err(upload::Refused::Wrong(wrong)) => visit.answer(registers::one_page(&visit, &id, Some(wrong)).await),
        Err(upload::Refused::Failure(failure)) => visit.failure(&failure),
        Err(upload::Refused::Elsewhere(_)) => visit.failure(&Code::Internal.into()),
    }
}

/// The name of a file in the store, with what it is, as addresses and forms have it.
struct Named {
    file: String,
    is_csv: bool,
}

impl Named {
    fn parse(text: &str) -> Result<Named, Problem> {
        let (file, form) = text.split_once('-').ok_or(Code::NotFound)?;
        let is_name = file.len() == 16 && file.bytes().all(|byte| byte.is_ascii_hexdigit());
        match (is_name, form) {
            (true, "csv" | "lines") => Ok(Named {
                file: file.to_owned(),
                is_csv: form == "csv",
            }),
            _ => Err(Code::NotFound.into()),
        }
    }

    fn text(&self) -> String {
        format!("{}-{}", self.file, if self.is_csv { "csv" } else { "lines" })
    }
}

/// An import; `None` where it is not known: what was found in a file is forgotten when the node stops.
async fn job(visit: &Visit, name: &str) -> Result<Option<Value>, Failure> {
    match visit.execute(Command::Job { id: name.to_owned() }).await {
        Ok(job) => Ok(Some(job)),
        Err(failure) if failure.problem.code == Code::NotFound => Ok(None),
        Err(failure) => Err(failure),
    }
}

/// `GET /console/registers/{kind}/check/{file}/{job}`: what was found in a file, before anything is imported.
pub(super) async fn checked(visit: Visit, Path((name, file, job)): Path<(String, String, String)>) -> Response {
    visit.answer(checked_page(&visit, &name, &file, &job).await)
}

async fn checked_page(visit: &Visit, name: &str, file: &str, job_name: &str) -> Result<Response, Failure> {
    let kind = of_address(visit, name)?;
    let named = Named::parse(file)?;
    let job = job(visit, job_name).await?;
    let (state, found) = match &job {
        None => (
            "forgotten",
            html! {
                p.alert.warning role="status" { (visit.words.t("console-check-forgotten")) }
                (file_form(visit, kind, &named, "again", html! {
                    button.primary type="submit" { (visit.words.t("console-check-again")) }
                }))
                (file_form(visit, kind, &named, "discard", html! {
                    button type="submit" { (visit.words.t("console-check-no")) }
                }))
            },
        ),
        Some(job) if registers::is_open(job) => (
            "looking",
            html! {
                p role="status" { (visit.words.t("console-check-looking")) }
                (progress(visit, job))
            },
        ),
        Some(job) => (
            "found",
            found(visit, kind, &named, job, &taken_over(visit, kind, job).await?),
        ),
    };
    let lines = match &job {
        Some(job) if job.at("report").at("rejected").as_u64().unwrap_or(0) > 0 => {
            rejected::summary(visit, job_name).await?
        }
        _ => html! {},
    };
    let body = html! {
        (heading(visit, "console-check-title"))
        p { (kind.label.get(visit.words.language())) }
        // One part with the answer's buttons in it: they are there as soon as the file has been looked at.
        div data-part="found" data-state=(state) { (found) }
        div data-part="rejected" { (lines) }
        (refresh(visit))
        (back(visit, &format!("/console/registers/{}", kind.id), "console-to-register"))
    };
    Ok(visit.page(&visit.words.plain("console-check-title"), body))
}

/// The import of the same file, where it was begun meanwhile: in another window, or by somebody else.
async fn taken_over(visit: &Visit, kind: &CredentialType, job: &Value) -> Result<Option<String>, Failure> {
    let jobs = visit.execute(Command::Jobs).await?;
    let is_same = |other: &&Value| {
        text(other, "vct") == kind.vct
            && text(other, "file") == text(job, "file")
            && other.at("dry_run").as_bool() != Some(true)
            && registers::is_open(other)
    };
    Ok(list(&jobs, "jobs")
        .iter()
        .find(is_same)
        .map(|job| text(job, "job").to_owned()))
}

fn found(visit: &Visit, kind: &CredentialType, named: &Named, job: &Value, other: &Option<String>) -> Markup {
    let report = job.at("report");
    let number = |name: &str| report.at(name).as_u64().unwrap_or(0);
    let good = number("rows").saturating_sub(number("rejected"));
    html! {
        p.alert.(if number("rejected") == 0 && good > 0 { "good" } else { "warning" }) role="status" {
            @if good == 0 { (visit.words.t("console-check-nothing")) }
            @else if number("rejected") == 0 { (visit.words.fill("console-check-good", &[("rows", &grouped(good))])) }
            @else {
                (visit.words.fill("console-check-partly", &[
                    ("rows", &grouped(good)), ("rejected", &grouped(number("rejected"))),
                ]))
            }
        }
        (figures(visit, job))
        @if number("changed") > 0 { p { (visit.words.t("console-check-changed")) } }
        @if number("vanished") > 0 { p { (visit.words.t("console-check-vanished")) } }
        @if let Some(other) = other {
            p.alert.warning { a href=(format!("/console/registers/imports/{other}")) { (visit.words.t("console-check-begun")) } }
        } @else {
            div.choices {
                @if good > 0 {
                    (file_form(visit, kind, named, "import", html! {
                        button.primary type="submit" { (visit.words.t("console-check-yes")) }
                    }))
                }
                (file_form(visit, kind, named, "discard", html! {
                    button type="submit" { (visit.words.t("console-check-no")) }
                }))
            }
        }
    }
}

/// A form about a file that lies in the store.
fn file_form(visit: &Visit, kind: &CredentialType, named: &Named, step: &str, button: Markup) -> Markup {
    html! {
        form method="post" action=(format!("/console/registers/{}/{step}", kind.id)) {
            (hidden(visit))
            input type="hidden" name="file" value=(named.text());
            (button)
        }
    }
}

/// `POST /console/registers/{kind}/again`: has a file looked at once more.
pub(super) async fn check_again(Path(name): Path<String>, form: Form) -> Response {
    form.once(async move |form| {
        let kind = of_address(&form.visit, &name)?;
        let named = Named::parse(form.required("file", 40)?)?;
        match upload::check(&form.visit, &kind.id, &named.file, named.is_csv).await {
            Ok(path) | Err(upload::Refused::Elsewhere(path)) => Ok(path),
            Err(upload::Refused::Failure(failure)) => Err(failure),
            Err(upload::Refused::Wrong(_)) => Err(Problem::new(Code::Malformed, "file").into()),
        }
    })
    .await
}

/// `POST /console/registers/{kind}/import`: the person's yes.
pub(super) async fn begin(Path(name): Path<String>, form: Form) -> Response {
    form.once(async move |form| {
        let kind = of_address(&form.visit, &name)?;
        let named = Named::parse(form.required("file", 40)?)?;
        let command = Command::ImportUpload {
            credential_type: kind.id.clone(),
            upload: named.file,
            csv: named.is_csv,
            dry_run: false,
        };
        let begun = form.visit.execute(command).await?;
        Ok(format!("/console/registers/imports/{}", text(&begun, "job")))
    })
    .await
}

/// `POST /console/registers/{kind}/discard`: the person's no. The file is erased.
pub(super) async fn discard(Path(name): Path<String>, form: Form) -> Response {
    form.once(async move |form| {
        let kind = of_address(&form.visit, &name)?;
        let named = Named::parse(form.required("file", 40)?)?;
        let command = Command::UploadDiscard { upload: named.file };
        form.visit.execute(command).await?;
        Ok(format!("/console/registers/{}", kind.id))
    })
    .await
}

/// `GET /console/registers/imports/{job}`.
pub(super) async fn show(visit: Visit, Path(name): Path<String>) -> Response {
    visit.answer(page(&visit, &name).await)
}

async fn page(visit: &Visit, name: &str) -> Result<Response, Failure> {
    let job = job(visit, name).await?.ok_or(Code::NotFound)?;
    let lines = match job.at("report").at("rejected").as_u64().unwrap_or(0) {
        0 => html! {},
        _ => rejected::summary(visit, name).await?,
    };
    let body = html! {
        (heading(visit, "console-import-title"))
        p { (label(visit, text(&job, "vct"))) }
        div data-part="stage" data-state=(text(&job, "stage")) {
            p.verdict role="status" { (visit.words.t(registers::stage(&job))) }
            @match text(&job, "stage") {
                "abandoned" => p { (visit.words.t("console-import-abandoned")) },
                "paused" => p { (visit.words.t("console-import-paused")) },
                "running" if job.at("total").is_null() => p { (visit.words.t("console-import-fed")) },
                _ => {},
            }
            (turns(visit, &job))
        }
        div data-part="figures" {
            @if registers::is_open(&job) { (progress(visit, &job)) }
            (figures(visit, &job))
        }
        div data-part="rejected" { (lines) }
        (refresh(visit))
        (back(visit, &format!("/console/registers/{}", super::shown::id_of(visit, text(&job, "vct"))), "console-to-register"))
    };
    Ok(visit.page(&visit.words.plain("console-import-title"), body))
}

/// Pause or go on, where that can be.
fn turns(visit: &Visit, job: &Value) -> Markup {
    let step = |step: &str, key: &str| {
        html! {
            form method="post" action=(format!("/console/registers/imports/{}/{step}", text(job, "job"))) {
                (hidden(visit))
                button type="submit" { (visit.words.t(key)) }
            }
        }
    };
    html! {
        @match text(job, "stage") {
            "running" => (step("pause", "console-pause")),
            "paused" => (step("resume", "console-resume")),
            _ => {},
        }
    }
}

/// How far an import came, where the length of its file is known.
fn progress(visit: &Visit, job: &Value) -> Markup {
    let line = job.at("line").as_u64().unwrap_or(0);
    html! {
        @if let Some(total) = job.at("total").as_u64() {
            label for="progress" { (visit.words.fill("console-progress", &[("line", &grouped(line)), ("total", &grouped(total))])) }
            progress #progress value=(line) max=(total.max(1)) {}
        } @else {
            p { (visit.words.fill("console-progress-line", &[("line", &grouped(line))])) }
        }
    }
}

/// Rows a second: as it goes now, else in the mean since the start.
fn rate(job: &Value) -> Option<u64> {
    if let Some(rate) = job.at("rows_per_second").as_u64() {
        return Some(rate);
    }
    let (from, rows) = (instant(job.at("started"))?, job.at("report").at("rows").as_u64()?);
    let until = instant(job.at("ended")).unwrap_or_else(clock::now);
    let seconds = u64::try_from(until.since(from)).ok()?.max(1);
    Some(rows / seconds)
}

fn figures(visit: &Visit, job: &Value) -> Markup {
    let report = job.at("report");
    let lines = [
        ("console-column-rows", "rows"),
        ("console-figure-new", "new"),
        ("console-figure-changed", "changed"),
        ("console-figure-unchanged", "unchanged"),
        ("console-column-rejected", "rejected"),
        ("console-figure-vanished", "vanished"),
        ("console-column-superseded", "superseded"),
        ("console-column-revoked", "revoked"),
    ];
    html! {
        dl.facts {
            dt { (visit.words.t("console-column-started")) } dd { (moment(visit, job.at("started"))) }
            @if !job.at("ended").is_null() {
                dt { (visit.words.t("console-column-ended")) } dd { (moment(visit, job.at("ended"))) }
            }
            @for (key, name) in lines { dt { (visit.words.t(key)) } dd { (count(report.at(name))) } }
            @if let Some(rate) = rate(job) {
                dt { (visit.words.t("console-figure-rate")) } dd { (grouped(rate)) }
            }
        }
    }
}

/// `POST /console/registers/imports/{job}/pause`.
pub(super) async fn pause(Path(name): Path<String>, form: Form) -> Response {
    turn(name, form, |job| Command::ImportPause { job }).await
}

/// `POST /console/registers/imports/{job}/resume`.
pub(super) async fn resume(Path(name): Path<String>, form: Form) -> Response {
    turn(name, form, |job| Command::ImportResume { job }).await
}

async fn turn(name: String, form: Form, command: impl FnOnce(String) -> Command + Send + 'static) -> Response {
    form.once(async move |form| {
        let path = format!("/console/registers/imports/{name}");
        match form.visit.execute(command(name)).await {
            // It came to its end before this was pressed: the page says so.
            Err(failure) if failure.problem.code == Code::StateFinal => Ok(path),
            Err(failure) => Err(failure),
            Ok(_) => Ok(path),
        }
    })
    .await
}
