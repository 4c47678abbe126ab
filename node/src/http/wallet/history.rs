//! The history: what happened, without values; and what can be done from a line of it.

use super::asked::{Asked, entry as number_of};
use super::{ROWS, button, file, receipt, text};
use crate::error::Failure;
use crate::http::form::Form;
use crate::http::page::hidden;
use crate::http::visit::Visit;
use crate::output::At;
use crate::service::{Command, Consent};
use axum::extract::Path;
use axum::response::Response;
use credentials::decision::COMPLAINT_MAX;
use credentials::{Code, Problem};
use maud::{Markup, html};
use serde_json::Value;
use std::sync::Arc;

/// The list, newest first.
pub(super) async fn list(visit: Visit, asked: Asked) -> Response {
    let page = async {
        let before = asked.number("from");
        let count = ROWS.saturating_add(1);
        let found = visit.execute(Command::WalletEntries { before, count }).await?;
        let all = super::list(&found, "events");
        let (shown, rest) = all.split_at(all.len().min(ROWS));
        let words = &visit.words;
        let body = html! {
            h1 { (words.t("wallet-history-title")) }
            p { (words.t("wallet-history-what")) }
            div data-part="history" { (table(&visit, shown)) }
            @if let (false, Some(last)) = (rest.is_empty(), shown.last()) {
                p { a.button href=(format!("/wallet/history?from={}", last.at("id"))) { (words.t("wallet-older")) } }
            }
            section {
                h2 { (words.t("wallet-history-export-title")) }
                p { (words.t("wallet-history-export")) }
                p { a.button href="/wallet/history/export" { (words.t("wallet-history-download")) } }
            }
            (super::refresh(&visit))
        };
        Ok(visit.page(&words.plain("wallet-history-title"), body))
    };
    let page = page.await;
    visit.answer(page)
}

/// Lines as rows.
pub(super) fn table(visit: &Visit, events: &[Value]) -> Markup {
    let words = &visit.words;
    html! {
        @if events.is_empty() {
            p { (words.t("wallet-history-empty")) }
        } @else {
            div.scroll {
                table {
                    caption { (words.t("wallet-history-caption")) }
                    thead { tr {
                        th scope="col" { (words.t("wallet-entry-when")) }
                        th scope="col" { (words.t("wallet-entry-what")) }
                        th scope="col" { (words.t("wallet-entry-with")) }
                    } }
                    tbody {
                        @for event in events {
                            tr {
                                td { (words.moment(event.at("at"))) }
                                td { a href=(format!("/wallet/history/{}", event.at("id"))) {
                                    (words.t(&format!("event-{}", text(event, "what"))))
                                } }
                                td { (text(event, "with_name")) }
                            }
                        }
                    }
                }
            }
        }
    }
}

async fn entry(visit: &Visit, entry: u64) -> Result<Value, Failure> {
    let missing = || Failure::from(Problem::new(Code::NotFound, "entry"));
    let before = Some(entry.checked_add(1).ok_or_else(missing)?);
    let found = visit.execute(Command::WalletEntries { before, count: 1 }).await?;
    let event = super::list(&found, "events").first().cloned();
    event.filter(|event| event.at("id") == entry).ok_or_else(missing)
}

/// One line.
pub(super) async fn show(visit: Visit, Path(number): Path<String>) -> Response {
    let page = async {
        let number = number_of(&number)?;
        let event = entry(&visit, number).await?;
        receipt::page(&visit, &event, html! {}).await
    };
    let page = page.await;
    visit.answer(page)
}

/// The whole history as a file.
pub(super) async fn export(visit: Visit) -> Response {
    match visit.execute(Command::WalletHistory).await {
        Ok(history) => file("bevis-history.json", "application/json", format!("{history:#}\n")),
        Err(failure) => visit.failure(&failure),
    }
}

/// The receipt of a line as a file.
pub(super) async fn receipt(visit: Visit, Path(entry): Path<String>) -> Response {
    let found = async {
        let what = Consent::Receipt {
            entry: number_of(&entry)?,
        };
        visit.execute(Command::Consent { what }).await
    };
    match found.await {
        Ok(receipt) => {
            let document = text(&receipt, "document").to_owned();
            file("bevis-receipt.jsonld", "application/ld+json", document)
        }
        Err(failure) => visit.failure(&failure),
    }
}

/// Asks whoever was shown something to erase it.
pub(super) async fn erase(Path(number): Path<String>, form: Form) -> Response {
    let done = form.once(async move |form: Arc<Form>| {
        let visit = &form.visit;
        let number = number_of(&number)?;
        let request = entry(visit, number).await?.at("request").clone();
        let what = Consent::Erase { entry: number };
        let asked = visit.execute(Command::Consent { what }).await;
        // Asked for is asked for, whoever could be reached: what the history says of it counts.
        let newest = visit
            .execute(Command::WalletEntries {
                before: None,
                count: ROWS,
            })
            .await?;
        let is_told = |event: &&Value| {
            event.at("request") == &request && matches!(text(event, "what"), "deletion_requested" | "deletion_answered")
        };
        match (super::list(&newest, "events").iter().find(is_told), asked) {
            (Some(event), _) => Ok(format!("/wallet/history/{}", event.at("id"))),
            (None, Ok(_)) => Ok(format!("/wallet/history/{number}")),
            (None, Err(failure)) => Err(failure),
        }
    });
    done.await
}

/// Who supervises, and how it is reached.
pub(super) fn authority(visit: &Visit) -> Markup {
    let words = &visit.words;
    html! {
        section.card {
            p { strong { (wallet::AUTHORITY) } }
            p { (words.t("wallet-authority-first")) }
            dl.facts {
                dt { (words.t("wallet-authority-site")) }
                dd { a href="https://www.datatilsynet.no" rel="noreferrer noopener" { "www.datatilsynet.no" } }
                dt { (words.t("wallet-authority-post")) }
                dd { "Datatilsynet, Postboks 458 Sentrum, 0105 Oslo" }
            }
        }
    }
}

/// The page on which a report is written.
pub(super) async fn complain(visit: Visit, Path(number): Path<String>) -> Response {
    let page = complaint(&visit, &number, None, "").await;
    visit.answer(page)
}

async fn complaint(visit: &Visit, number: &str, wrong: Option<Code>, typed: &str) -> Result<Response, Failure> {
    let number = number_of(number)?;
    let event = entry(visit, number).await?;
    let words = &visit.words;
    let name = [("name", text(&event, "with_name"))];
    let most = COMPLAINT_MAX.to_string();
    let body = html! {
        h1 { (words.fill("wallet-report-title", &name)) }
        @if wrong.is_some() {
            div.alert.danger role="alert" { p { a href="#complaint" {
                (words.fill("wallet-report-too-long", &[("count", &most)])) " " (words.t("wallet-nothing-done"))
            } } }
        }
        p { (words.fill("wallet-report-what", &name)) }
        (authority(visit))
        form method="post" action=(format!("/wallet/history/{number}/report")) {
            (hidden(visit))
            label for="complaint" { (words.t("wallet-report-complaint")) }
            span.hint #complaint-hint { (words.fill("wallet-report-hint", &[("count", &most)])) }
            textarea #complaint name="complaint" rows="8" aria-describedby="complaint-hint"
                aria-invalid=[wrong.map(|_| "true")] { (typed) }
            button type="submit" { (words.t("wallet-report-write")) }
        }
        p { a href=(format!("/wallet/history/{number}")) { (words.t("wallet-back")) } }
    };
    let title = words.plain("wallet-report-page");
    Ok(match wrong {
        None => visit.page(&title, body),
        Some(code) => crate::http::page::of_visit(visit, crate::http::problem::status(code), &title, body),
    })
}

/// Writes a report.
pub(super) async fn report(Path(number): Path<String>, form: Form) -> Response {
    let visit = form.visit.clone();
    if let Err(problem) = form.text("complaint", COMPLAINT_MAX) {
        let typed: String = form
            .all("complaint")
            .next()
            .unwrap_or_default()
            .chars()
            .take(COMPLAINT_MAX)
            .collect();
        let page = complaint(&visit, &number, Some(problem.code), &typed).await;
        return visit.answer(page);
    }
    let done = form.once(async move |form: Arc<Form>| {
        let what = Consent::Report {
            entry: number_of(&number)?,
            complaint: form.text("complaint", COMPLAINT_MAX)?.to_owned(),
            language: super::read_in(&form.visit).to_owned(),
        };
        let written = form.visit.execute(Command::Consent { what }).await?;
        Ok(format!("/wallet/history/{}", written.at("entry")))
    });
    done.await
}

/// A report that was written, as a file: what it says, and below it the same signed.
pub(super) async fn reported(visit: Visit, Path(entry): Path<String>) -> Response {
    let found = async {
        let entry = number_of(&entry)?;
        visit.execute(Command::WalletReported { entry }).await
    };
    match found.await {
        Ok(report) => {
            let body = format!("{}\n{}\n", text(&report, "text"), text(&report, "signed"));
            file("bevis-report.txt", "text/plain; charset=utf-8", body)
        }
        Err(failure) => visit.failure(&failure),
    }
}

/// What becomes of it when a line is taken away.
pub(super) async fn ask(visit: Visit, Path(number): Path<String>) -> Response {
    let page = async {
        let number = number_of(&number)?;
        let event = entry(&visit, number).await?;
        let words = &visit.words;
        let body = html! {
            h1 { (words.t("wallet-forget-title")) }
            p { (words.t(&format!("event-{}", text(&event, "what")))) " – " (text(&event, "with_name")) ", " (words.moment(event.at("at"))) }
            div.alert.warning { p { (words.t("wallet-forget-consequence")) } p { (words.t("wallet-forget-stays")) } }
            div.row {
                (button(&visit, &format!("/wallet/history/{number}/forget"), words.t("wallet-forget-yes")))
                a.button href=(format!("/wallet/history/{number}")) { (words.t("wallet-forget-no")) }
            }
        };
        Ok(visit.page(&words.plain("wallet-forget-title"), body))
    };
    let page = page.await;
    visit.answer(page)
}

/// Takes a line away.
pub(super) async fn forget(Path(entry): Path<String>, form: Form) -> Response {
    let done = form.once(async move |form: Arc<Form>| {
        let entry = number_of(&entry)?;
        form.visit.execute(Command::WalletForget { entry }).await?;
        Ok("/wallet/history".to_owned())
    });
    done.await
}
