//! The list of requests, with what it is narrowed to.
//!
//! A case number is the bank's own reference, and may say more than a stranger should read in a list of addresses. Whoever looks for
//! one sends it in a form, and the address names a session of that case in its place.

use super::shown::{self, list as each, text};
use super::{ROWS, new};
use crate::error::Failure;
use crate::http::form::Form;
use crate::http::page::hidden;
use crate::http::{Visit, words::Words};
use crate::output::At;
use crate::service::Command;
use axum::extract::Query;
use axum::response::{IntoResponse, Redirect, Response};
use credentials::Code;
use maud::{Markup, html};
use serde::Deserialize;
use serde_json::Value;
use verifier::{State, Wanted};

/// What stands in the address when no session is of the case that was looked for.
const NOTHING: &str = "-";

/// What a list is narrowed to, as the address has it.
#[derive(Deserialize, Default)]
pub(super) struct Filter {
    #[serde(default)]
    state: String,
    #[serde(default)]
    service: String,
    /// A session whose case is looked for.
    #[serde(default)]
    like: String,
    #[serde(default)]
    from: String,
}

/// Which can be chosen, and the words for them.
const STATES: &[(&str, &str)] = &[
    ("waiting", "desk-filter-waiting"),
    ("valid", "desk-verdict-valid"),
    ("invalid", "desk-verdict-invalid"),
    ("undecided", "desk-verdict-undecided"),
    ("expired", "desk-state-expired"),
    ("failed", "desk-state-failed"),
];

fn wanted(filter: &Filter, case: Option<String>) -> Wanted {
    use credentials::verify::Verdict;
    let (states, verdict) = match filter.state.as_str() {
        "waiting" => (vec![State::Active, State::Fetched], None),
        "expired" => (vec![State::Expired], None),
        "failed" => (vec![State::Failed], None),
        "valid" => (Vec::new(), Some(Verdict::Valid)),
        "invalid" => (Vec::new(), Some(Verdict::Invalid)),
        "undecided" => (Vec::new(), Some(Verdict::Undecided)),
        _ => (Vec::new(), None),
    };
    Wanted {
        states,
        verdict,
        service: (!filter.service.is_empty()).then(|| filter.service.clone()),
        case,
    }
}

/// The list.
pub(super) async fn list(visit: Visit, Query(filter): Query<Filter>) -> Response {
    visit.answer(page(&visit, &filter).await)
}

async fn page(visit: &Visit, filter: &Filter) -> Result<Response, Failure> {
    let words = &visit.words;
    let from = filter.from.parse().unwrap_or(0);
    // A desk whose trust list is not here yet has its list all the same.
    let services = match visit.execute(Command::VerifierServices).await {
        Ok(services) => services,
        Err(failure) if [Code::TrustMissing, Code::NotListed].contains(&failure.problem.code) => Value::Null,
        Err(failure) => return Err(failure),
    };
    let case = match filter.like.as_str() {
        "" | NOTHING => None,
        id => {
            let id = id.to_owned();
            let found = visit.execute(Command::VerifierSession { id }).await?;
            Some(text(found.at("session"), "case").to_owned())
        }
    };
    let is_nothing = filter.like == NOTHING;
    let command = Command::VerifierPage {
        wanted: wanted(filter, case.clone()),
        from,
        limit: if is_nothing { 0 } else { ROWS },
    };
    let found = visit.execute(command).await?;
    let rows: Vec<&Value> = each(&found, "sessions").collect();
    let total = match is_nothing {
        true => 0,
        false => found
            .at("total")
            .as_u64()
            .and_then(|n| usize::try_from(n).ok())
            .unwrap_or(0),
    };
    let mut here = form_urlencoded::Serializer::new("/desk?".to_owned());
    for (name, value) in [
        ("state", &filter.state),
        ("service", &filter.service),
        ("like", &filter.like),
    ] {
        if !value.is_empty() {
            here.append_pair(name, value);
        }
    }
    let here = format!("{}&", here.finish());
    let body = html! {
        h1 { (words.t("desk-cases-title")) }
        p.row {
            a.button.primary href="/desk/new" { (words.t("desk-new-button")) }
            a.button href="/desk/notices" { (words.t("desk-notices-link")) }
        }
        (narrowing(words, filter, &services))
        (search(visit))
        @if let Some(case) = &case {
            p.alert { (words.fill("desk-cases-of", &[("case", case)])) " " a href="/desk" { (words.t("desk-cases-all")) } }
        }
        @if is_nothing {
            p.alert.warning role="alert" { (words.t("desk-find-nothing")) " " a href="/desk" { (words.t("desk-cases-all")) } }
        }
        div data-part="desk-cases" {
            @if rows.is_empty() && !is_nothing { p { (words.t("desk-cases-none")) } }
            @if !rows.is_empty() { (table(words, &rows, &services)) }
            (shown::paging(words, &here, from, rows.len(), total))
        }
        p { a href=(visit.path) { (words.t("page-refresh")) } }
    };
    Ok(visit.page(&words.plain("desk-cases-title"), body))
}

fn table(words: &Words, rows: &[&Value], services: &Value) -> Markup {
    html! {
        div.scroll tabindex="0" role="group" aria-label=(words.plain("desk-cases-title")) {
            table {
                caption { (words.t("desk-cases-caption")) }
                thead { tr {
                    th scope="col" { (words.t("desk-case")) }
                    th scope="col" { (words.t("desk-service")) }
                    th scope="col" { (words.t("desk-state")) }
                    th scope="col" { (words.t("desk-made")) }
                } }
                tbody {
                    @for row in rows {
                        tr {
                            th scope="row" { a href=(format!("/desk/sessions/{}", text(row, "id"))) { (text(row, "case")) } }
                            td { (new::name_of(words, services, text(row, "service"))) }
                            td {
                                (shown::mark(words, row))
                                @if let Some(state) = row.at("now").as_str() {
                                    " " span.state.bad { span aria-hidden="true" { "✗ " } (words.t(shown::fallen(state))) }
                                }
                            }
                            td { (words.moment(row.at("created"))) }
                        }
                    }
                }
            }
        }
    }
}

fn narrowing(words: &Words, filter: &Filter, services: &Value) -> Markup {
    html! {
        form.row method="get" action="/desk" {
            div {
                label for="state" { (words.t("desk-state")) }
                select #state name="state" {
                    option value="" { (words.t("desk-filter-all")) }
                    @for (value, key) in STATES {
                        option value=(value) selected[filter.state == *value] { (words.t(key)) }
                    }
                }
            }
            div {
                label for="service" { (words.t("desk-service")) }
                select #service name="service" {
                    option value="" { (words.t("desk-filter-all")) }
                    @for service in each(services, "services") {
                        @let id = text(service, "id");
                        option value=(id) selected[filter.service == id] { (words.of(service.at("name"))) }
                    }
                }
            }
            button type="submit" { (words.t("desk-filter-button")) }
        }
    }
}

fn search(visit: &Visit) -> Markup {
    let words = &visit.words;
    html! {
        form.row method="post" action="/desk/find" {
            (hidden(visit))
            div {
                label for="case" { (words.t("desk-find")) }
                input #case.short type="search" name="case" maxlength=(new::CASE_MAX) required autocomplete="off";
            }
            button type="submit" { (words.t("desk-find-button")) }
        }
    }
}

/// Looks for a case. Nothing is changed by it, so it may be sent as often as one likes.
pub(super) async fn find(form: Form) -> Response {
    let found = async {
        let case = form.required("case", new::CASE_MAX)?.to_owned();
        let found = form.visit.execute(Command::VerifierFind { case }).await?;
        let like = found.at("session").as_str().unwrap_or(NOTHING).to_owned();
        Ok(Redirect::to(&format!("/desk?like={like}")).into_response())
    };
    let found = found.await;
    form.visit.answer(found)
}
