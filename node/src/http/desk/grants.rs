//! Standing grants: which there are, what one of them may still show, fetching, and erasing when the customer has logged out.
//!
//! Taken back, run out and never given are three things: the first two are states of a grant, the third has no grant, only a session
//! that ended without one.

use super::ROWS;
use super::new;
use super::shown::{self, list as each, text};
use crate::error::Failure;
use crate::http::Visit;
use crate::http::form::Form;
use crate::http::page::hidden;
use crate::http::words::Words;
use crate::output::At;
use crate::service::{Command, Consent};
use axum::extract::{Path, Query};
use axum::response::Response;
use credentials::Code;
use maud::{Markup, html};
use serde::Deserialize;
use serde_json::Value;
use verifier::GrantState;

/// What a list is narrowed to.
#[derive(Deserialize, Default)]
pub(super) struct Filter {
    #[serde(default)]
    state: String,
    #[serde(default)]
    from: String,
}

const STATES: &[(&str, &str)] = &[
    ("active", "desk-grant-active"),
    ("withdrawn", "desk-grant-withdrawn"),
    ("expired", "desk-grant-expired"),
];

fn mark(words: &Words, grant: &Value) -> Markup {
    let (sign, class, key) = match text(grant, "state") {
        "active" => ("✓", "good", "desk-grant-active"),
        "withdrawn" => ("✗", "bad", "desk-grant-withdrawn"),
        _ => ("–", "unsure", "desk-grant-expired"),
    };
    html! { span class=(format!("state {}", class)) { span aria-hidden="true" { (sign) " " } (words.t(key)) } }
}

/// The list.
pub(super) async fn list(visit: Visit, Query(filter): Query<Filter>) -> Response {
    visit.answer(listed(&visit, &filter).await)
}

async fn listed(visit: &Visit, filter: &Filter) -> Result<Response, Failure> {
    let words = &visit.words;
    let from = filter.from.parse().unwrap_or(0);
    let state = match filter.state.as_str() {
        "active" => Some(GrantState::Active),
        "withdrawn" => Some(GrantState::Withdrawn),
        "expired" => Some(GrantState::Expired),
        _ => None,
    };
    let limit = ROWS;
    let found = visit.execute(Command::VerifierGrants { state, from, limit }).await?;
    let services = visit.execute(Command::VerifierServices).await.unwrap_or_default();
    let rows: Vec<&Value> = each(&found, "grants").collect();
    let total = found
        .at("total")
        .as_u64()
        .and_then(|n| usize::try_from(n).ok())
        .unwrap_or(0);
    let here = match state {
        Some(_) => format!("/desk/grants?state={}&", filter.state),
        None => "/desk/grants?".to_owned(),
    };
    let body = html! {
        h1 { (words.t("desk-grants-title")) }
        form.row method="get" action="/desk/grants" {
            div {
                label for="state" { (words.t("desk-state")) }
                select #state name="state" {
                    option value="" { (words.t("desk-filter-all")) }
                    @for (value, key) in STATES {
                        option value=(value) selected[filter.state == *value] { (words.t(key)) }
                    }
                }
            }
            button type="submit" { (words.t("desk-filter-button")) }
        }
        div data-part="desk-grants" {
            @if rows.is_empty() { p { (words.t("desk-grants-none")) } } @else {
                div.scroll tabindex="0" role="group" aria-label=(words.plain("desk-grants-title")) {
                    table {
                        caption { (words.t("desk-grants-caption")) }
                        thead { tr {
                            th scope="col" { (words.t("desk-case")) }
                            th scope="col" { (words.t("desk-service")) }
                            th scope="col" { (words.t("desk-source")) }
                            th scope="col" { (words.t("desk-state")) }
                            th scope="col" { (words.t("desk-until-column")) }
                            th.number scope="col" { (words.t("desk-uses")) }
                        } }
                        tbody {
                            @for grant in &rows {
                                tr {
                                    th scope="row" {
                                        a href=(format!("/desk/grants/{}", text(grant, "name"))) { (text(grant, "case")) }
                                    }
                                    td { (new::name_of(words, &services, text(grant, "service"))) }
                                    td { (text(grant, "issuer_name")) }
                                    td { (mark(words, grant)) }
                                    td { (words.moment(ends(grant))) }
                                    td.number { (grant.at("uses").to_string()) }
                                }
                            }
                        }
                    }
                }
            }
            (shown::paging(words, &here, from, rows.len(), total))
        }
        p { a href=(visit.path) { (words.t("page-refresh")) } }
    };
    Ok(visit.page(&words.plain("desk-grants-title"), body))
}

/// When it ended, or will.
fn ends(grant: &Value) -> &Value {
    match grant.at("ended") {
        Value::Null => grant.at("until"),
        ended => ended,
    }
}

/// One of them.
pub(super) async fn show(visit: Visit, Path(name): Path<String>) -> Response {
    visit.answer(one(&visit, &name).await)
}

async fn one(visit: &Visit, name: &str) -> Result<Response, Failure> {
    let words = &visit.words;
    let what = Consent::Read { name: name.to_owned() };
    let found = visit.execute(Command::Consent { what }).await?;
    let services = visit.execute(Command::VerifierServices).await.unwrap_or_default();
    let grant = found.at("grant");
    let is_active = text(grant, "state") == "active";
    let has_claims = !found.at("claims").is_null();
    let stamp = format!("{}.{}.{has_claims}", text(grant, "state"), grant.at("uses"));
    let session = text(grant, "session");
    let body = html! {
        h1 { (words.t("desk-grant-title")) ", " (words.t("desk-case")) " " (text(grant, "case")) }
        div data-part="desk-grant" data-state=(stamp) role="status" {
            p.verdict { (mark(words, grant)) }
            @match text(grant, "state") {
                "active" => p { (words.t("desk-grant-active-until")) " " (words.moment(grant.at("until"))) "." },
                "withdrawn" => p.alert.danger {
                    (words.t("desk-grant-withdrawn-at")) " " (words.moment(grant.at("ended"))) ". " (words.t("desk-grant-no-more"))
                },
                _ => p.alert.unsure {
                    (words.t("desk-grant-expired-at")) " " (words.moment(grant.at("ended"))) ". " (words.t("desk-grant-no-more"))
                },
            }
        }
        dl.facts data-part="desk-grant-facts" data-state=(stamp) {
            dt { (words.t("desk-service")) } dd { (new::name_of(words, &services, text(grant, "service"))) }
            dt { (words.t("desk-source")) } dd { (text(grant, "issuer_name")) }
            dt { (words.t("desk-type")) } dd { (words.of(grant.at("label"))) }
            dt { (words.t("desk-claims-title")) }
            dd { @for (place, label) in each(grant, "asked").enumerate() { @if place > 0 { ", " } (words.of(label)) } }
            dt { (words.t("desk-grant-since")) } dd { (words.moment(grant.at("since"))) }
            dt { (words.t("desk-uses-a-day")) } dd { (grant.at("uses_per_day").to_string()) }
            dt { (words.t("desk-uses")) }
            dd {
                (grant.at("uses").to_string())
                @if grant.at("used").is_string() { " (" (words.t("desk-used-last")) " " (words.moment(grant.at("used"))) ")" }
            }
        }
        div.row.no-print {
            @if is_active {
                form method="post" action=(format!("/desk/grants/{name}/refresh")) {
                    (hidden(visit))
                    button.primary type="submit" { (words.t("desk-refresh")) }
                }
            }
            @if has_claims {
                form method="post" action=(format!("/desk/grants/{name}/logout")) {
                    (hidden(visit))
                    button type="submit" { (words.t("desk-logout")) }
                }
            }
            a.button href=(format!("/desk/grants/{name}/receipt.jsonld")) download="" { (words.t("desk-receipt-file")) }
            a.button href=(format!("/desk/sessions/{session}")) { (words.t("desk-to-session")) }
        }
        div data-part="desk-grant-claims" data-state=(stamp) {
            @if has_claims {
                h2 { (words.t("desk-grant-newest")) }
                section.card { (shown::claims(words, found.at("labels"), found.at("claims"))) }
            } @else {
                p { (words.t("desk-grant-nothing")) }
            }
        }
        div data-part="desk-grant-erased" data-state=(stamp) {
            @if !found.at("said").is_null() {
                h2 { (words.t("desk-grant-erased")) }
                (shown::said(words, found.at("said")))
                @if let Some(signed) = grant.at("erasure").as_str() {
                    details { summary { (words.t("desk-erasure-signed")) } pre { code { (signed) } } }
                }
            }
            @if grant.at("deletion").is_string() { p { (words.t("desk-grant-deletion")) } }
        }
        p { a href=(visit.path) { (words.t("page-refresh")) } }
    };
    Ok(visit.page(&words.plain("desk-grant-title"), body))
}

/// Fetches what is granted. That it has ended in the meantime is no failure: the page shows it.
pub(super) async fn refresh(Path(name): Path<String>, form: Form) -> Response {
    form.once(async move |form| {
        let path = format!("/desk/grants/{name}");
        let what = Consent::Refresh {
            name,
            claims: Vec::new(),
            even_so: false,
        };
        match form.visit.execute(Command::Consent { what }).await {
            Ok(_) => Ok(path),
            Err(failure) if [Code::Withdrawn, Code::Expired].contains(&failure.problem.code) => Ok(path),
            Err(failure) => Err(failure),
        }
    })
    .await
}

/// The customer has logged out: what was fetched for that is erased.
pub(super) async fn logout(Path(name): Path<String>, form: Form) -> Response {
    form.once(async move |form| {
        let path = format!("/desk/grants/{name}");
        // A name of no grant is told as such.
        let what = Consent::Read { name: name.clone() };
        form.visit.execute(Command::Consent { what }).await?;
        let what = Consent::Logout { name };
        form.visit.execute(Command::Consent { what }).await?;
        Ok(path)
    })
    .await
}
