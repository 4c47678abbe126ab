//! The console's front page: what there is, how old it is, and what waits for somebody.

use super::shown::{count, grouped, heading, id_of, label, list, moment, refresh, seconds, text};
use super::{health, registers};
use crate::clock;
use crate::error::Failure;
use crate::http::visit::Visit;
use crate::output::At;
use crate::service::Command;
use axum::response::Response;
use maud::{Markup, html};
use serde_json::Value;

/// `GET /console`.
pub(super) async fn show(visit: Visit) -> Response {
    visit.answer(page(&visit).await)
}

async fn page(visit: &Visit) -> Result<Response, Failure> {
    let status = visit.execute(Command::IssuerStatus).await?;
    let jobs = visit.execute(Command::Jobs).await?;
    let bulks = visit.execute(Command::Bulks).await?;
    let doctor = visit.execute(Command::Doctor).await?;
    let body = html! {
        (heading(visit, "console-home-title"))
        (health::line(visit, &doctor))
        section aria-labelledby="waiting" {
            h2 #waiting { (visit.words.t("console-home-waiting")) }
            (waiting(visit, &status, &jobs, &bulks))
        }
        section aria-labelledby="types" {
            h2 #types { (visit.words.t("console-home-types")) }
            (types(visit, &status, &jobs))
        }
        section aria-labelledby="lists" {
            h2 #lists { (visit.words.t("console-home-lists")) }
            (lists(visit, &status))
        }
        (refresh(visit))
    };
    Ok(visit.page(&visit.words.plain("console-home-title"), body))
}

/// What waits: for a second person, for a worker, for the day's publication.
fn waiting(visit: &Visit, status: &Value, jobs: &Value, bulks: &Value) -> Markup {
    let of_stage = |stage: &'static str| {
        list(bulks, "bulks")
            .iter()
            .filter(move |bulk| text(bulk, "stage") == stage)
    };
    let is_open = |job: &&Value| registers::is_open(job) && job.at("dry_run").as_bool() != Some(true);
    let open: Vec<&Value> = list(jobs, "jobs").iter().filter(is_open).collect();
    let endings = status.at("endings").at("waiting").as_u64().unwrap_or(0);
    let running = of_stage("running").chain(of_stage("paused"));
    let is_idle = of_stage("proposed").count() == 0 && running.clone().count() == 0 && open.is_empty() && endings == 0;
    html! {
        div data-part="waiting" role="status" {
            @if is_idle { p { (visit.words.t("console-home-nothing-waits")) } }
            ul {
                @for bulk in of_stage("proposed") {
                    li { a href=(format!("/console/credentials/bulk/{}", text(bulk, "bulk"))) {
                        (visit.words.fill("console-home-proposal", &[
                            ("count", &count(bulk.at("named").at("credentials"))), ("by", text(bulk, "proposed_by")),
                        ]))
                    } }
                }
                @for bulk in running {
                    li { a href=(format!("/console/credentials/bulk/{}", text(bulk, "bulk"))) {
                        (visit.words.fill("console-home-bulk", &[
                            ("done", &count(bulk.at("changed").at("credentials"))),
                            ("count", &count(bulk.at("named").at("credentials"))),
                        ]))
                    } }
                }
                @for job in open {
                    li { a href=(format!("/console/registers/imports/{}", text(job, "job"))) {
                        (visit.words.fill("console-home-import", &[
                            ("type", label(visit, text(job, "vct"))), ("rows", &count(job.at("report").at("rows"))),
                        ]))
                    } }
                }
                @if endings > 0 {
                    li { a href="/console/lists" {
                        (visit.words.fill("console-home-endings", &[("count", &grouped(endings))]))
                    } }
                }
            }
        }
    }
}

/// Credentials of a type that count now.
fn valid(counts: &Value) -> u64 {
    let number = |name: &str| counts.at(name).as_u64().unwrap_or(0);
    let ended = ["revoked", "suspended", "superseded"].map(number).into_iter().sum();
    number("issued").saturating_sub(ended)
}

fn types(visit: &Visit, status: &Value, jobs: &Value) -> Markup {
    let columns = [
        "console-column-rows",
        "console-column-issued",
        "console-column-valid",
        "console-column-suspended",
        "console-column-revoked",
        "console-column-superseded",
    ];
    html! {
        div.scroll data-part="types" tabindex="0" role="group" aria-labelledby="types" {
            table {
                caption { (visit.words.t("console-home-caption")) }
                thead { tr {
                    th scope="col" { (visit.words.t("console-column-type")) }
                    th scope="col" { (visit.words.t("console-column-as-of")) }
                    @for column in columns { th.number scope="col" { (visit.words.t(column)) } }
                } }
                tbody {
                    @for counts in list(status, "types") {
                        @let vct = text(counts, "vct");
                        tr {
                            th scope="row" {
                                a href=(format!("/console/registers/{}", id_of(visit, vct))) { (label(visit, vct)) }
                            }
                            td { (moment(visit, registers::as_of(jobs, vct))) }
                            td.number { (count(counts.at("rows"))) }
                            td.number { (count(counts.at("issued"))) }
                            td.number { (grouped(valid(counts))) }
                            td.number { (count(counts.at("suspended"))) }
                            td.number { (count(counts.at("revoked"))) }
                            td.number { (count(counts.at("superseded"))) }
                        }
                    }
                }
            }
        }
    }
}

/// The status lists in two lines; their page has the rest.
fn lists(visit: &Visit, status: &Value) -> Markup {
    let lists = list(status, "lists");
    let published = lists
        .iter()
        .filter_map(|list| super::shown::instant(list.at("published")));
    let oldest = published.min().map(|at| clock::now().since(at));
    html! {
        div data-part="lists" {
            @if lists.is_empty() { p { (visit.words.t("console-lists-none")) } } @else {
                dl.facts {
                    dt { (visit.words.t("console-lists-count")) } dd { (grouped(lists.len() as u64)) }
                    dt { (visit.words.t("console-lists-oldest")) }
                    dd { @match oldest { Some(age) => (seconds(visit, age)), None => (visit.words.t("console-lists-unsigned")) } }
                    dt { (visit.words.t("console-lists-next")) } dd { (moment(visit, status.at("endings").at("next"))) }
                }
            }
            p { a href="/console/lists" { (visit.words.t("console-home-to-lists")) } }
        }
    }
}
