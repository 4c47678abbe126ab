//! Issued credentials: found by a form, shown one at a time, and revoked, suspended or reinstated with a reason.

mod change;

pub(super) use change::{ask, change, change_all, reason_field, state_of_form, wrong_reason};

use super::PAGE_ROWS;
use super::shown::{
    Wrong, alert, beside, count, grouped, heading, invalid, issued, label, list, moment, refresh, refused, state, text,
};
use crate::error::Failure;
use crate::http::form::Form;
use crate::http::page::hidden;
use crate::http::visit::Visit;
use crate::output::At;
use crate::service::{Command, Target};
use axum::extract::Path;
use axum::response::{IntoResponse, Redirect, Response};
use credentials::Code;
use credentials::identifier::{OrganisationNumber, PersonNumber};
use maud::{Markup, html};
use serde_json::Value;

/// Longest text to find a credential by, in characters: a row's key has at most 512 bytes.
const FOUND_BY_MAX: usize = 512;

/// `GET /console/credentials`.
pub(super) async fn search(visit: Visit) -> Response {
    let title = visit.words.plain("console-credentials-title");
    visit.page(&title, search_body(&visit, None, html! {}))
}

/// `GET /console/credentials/find`: what was found is not kept, so there is nothing here but the form.
pub(super) async fn leave(visit: Visit) -> Response {
    drop(visit);
    Redirect::to("/console/credentials").into_response()
}

fn search_body(visit: &Visit, wrong: Option<Wrong>, found: Markup) -> Markup {
    let (is_invalid, described) = invalid(wrong, "value");
    let described = described.map_or_else(|| "value-hint".to_owned(), |wrong| format!("value-hint {wrong}"));
    html! {
        (heading(visit, "console-credentials-title"))
        (alert(visit, wrong))
        (found)
        section.card aria-labelledby="find" {
            h2 #find { (visit.words.t("console-find-title")) }
            form method="post" action="/console/credentials/find" autocomplete="off" {
                (hidden(visit))
                label for="by" { (visit.words.t("console-find-by")) }
                select #by name="by" {
                    option value="subject" { (visit.words.t("console-find-by-subject")) }
                    option value="credential" { (visit.words.t("console-find-by-credential")) }
                    @for kind in issued(visit) {
                        option value=(format!("row {}", kind.id)) {
                            (visit.words.plain_fill("console-find-by-row", &[("type", kind.label.get(visit.words.language()))]))
                        }
                    }
                }
                label for="value" { (visit.words.t("console-find-value")) }
                span.hint #value-hint { (visit.words.t("console-find-hint")) }
                (beside(visit, wrong, "value"))
                input #value name="value" maxlength=(FOUND_BY_MAX) required autocomplete="off" spellcheck="false"
                    aria-describedby=(described) aria-invalid=[is_invalid];
                button.primary type="submit" { (visit.words.t("console-find")) }
            }
        }
        section aria-labelledby="more" {
            h2 #more { (visit.words.t("console-credentials-more")) }
            ul {
                li { a href="/console/credentials/offers/new" { (visit.words.t("console-to-offer")) } }
                li { a href="/console/credentials/bulk" { (visit.words.t("console-to-bulk")) } }
            }
        }
    }
}

/// What a search names.
fn target(by: &str, value: &str) -> Result<Target, Wrong> {
    let wrong = |key| Wrong { field: "value", key };
    match by.split_once(' ') {
        _ if value.is_empty() => Err(wrong("console-find-empty")),
        Some(("row", kind)) => Ok(Target::Row {
            credential_type: kind.to_owned(),
            key: value.to_owned(),
        }),
        None if by == "credential" => match value.len() == 32 && value.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            true => Ok(Target::Credential {
                id: value.to_ascii_lowercase(),
            }),
            false => Err(wrong("console-find-not-an-id")),
        },
        None if by == "subject" => {
            // As it stands on paper: in groups.
            let number: String = value.chars().filter(|c| !c.is_whitespace()).collect();
            match PersonNumber::parse(&number).is_some() || OrganisationNumber::parse(&number).is_some() {
                true => Ok(Target::Subject { number }),
                false => Err(wrong("console-find-not-a-number")),
            }
        }
        _ => Err(wrong("console-find-empty")),
    }
}

/// `POST /console/credentials/find`. It changes nothing, and what was typed may be a person's number: so what was found is the answer
/// itself, and no address leads to it.
pub(super) async fn find(form: Form) -> Response {
    let answer = found_page(&form).await;
    form.visit.answer(answer)
}

async fn found_page(form: &Form) -> Result<Response, Failure> {
    let visit = &form.visit;
    let title = visit.words.plain("console-credentials-title");
    let value = form.text("value", FOUND_BY_MAX)?;
    let target = match target(form.required("by", 80)?, value) {
        Ok(target) => target,
        Err(wrong) => return Ok(refused(visit, &title, search_body(visit, Some(wrong), html! {}))),
    };
    let found = visit.execute(issued_by(target)).await?;
    let credentials = list(&found, "issued");
    let body = html! {
        section aria-labelledby="found" {
            h2 #found tabindex="-1" { (visit.words.t("console-found-title")) }
            p role="status" {
                @if credentials.is_empty() { (visit.words.t("console-found-none")) }
                @else { (visit.words.fill("console-found-count", &[("count", &grouped(credentials.len() as u64))])) }
            }
            (table(visit, credentials))
            @if credentials.len() > 1 { (change::all_form(visit, form.text("by", 80)?, value, credentials)) }
        }
    };
    Ok(visit.page(&title, search_body(visit, None, body)))
}

fn issued_by(target: Target) -> Command {
    Command::Issued {
        credential_type: None,
        target: Some(target),
    }
}

fn table(visit: &Visit, credentials: &[Value]) -> Markup {
    html! {
        @if !credentials.is_empty() {
            div.scroll tabindex="0" role="group" aria-labelledby="found" {
                table {
                    caption { (visit.words.t("console-found-caption")) }
                    thead { tr {
                        th scope="col" { (visit.words.t("console-column-credential")) }
                        th scope="col" { (visit.words.t("console-column-type")) }
                        th scope="col" { (visit.words.t("console-column-state")) }
                        th scope="col" { (visit.words.t("console-column-issued-at")) }
                        th scope="col" { (visit.words.t("console-column-expires")) }
                    } }
                    tbody {
                        @for one in credentials.iter().take(PAGE_ROWS) {
                            tr {
                                th.mono scope="row" {
                                    a href=(format!("/console/credentials/{}", text(one, "id"))) { (text(one, "id")) }
                                }
                                td { (label(visit, text(one, "vct"))) }
                                td { (state(visit, one.at("state"))) }
                                td { (moment(visit, one.at("issued"))) }
                                td { (moment(visit, one.at("expires"))) }
                            }
                        }
                    }
                }
            }
            @if credentials.len() > PAGE_ROWS { p { (visit.words.t("console-found-more")) } }
        }
    }
}

/// One credential. Errors: `not_found`.
async fn one(visit: &Visit, id: &str) -> Result<Value, Failure> {
    let is_id = id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !is_id {
        return Err(Code::NotFound.into());
    }
    let found = visit
        .execute(issued_by(Target::Credential { id: id.to_owned() }))
        .await?;
    let credential = list(&found, "issued").first().cloned();
    Ok(credential.ok_or(Code::NotFound)?)
}

/// `GET /console/credentials/{id}`.
pub(super) async fn show(visit: Visit, Path(id): Path<String>) -> Response {
    visit.answer(page(&visit, &id).await)
}

async fn page(visit: &Visit, id: &str) -> Result<Response, Failure> {
    let credential = one(visit, id).await?;
    let body = html! {
        (heading(visit, "console-credential-title"))
        div data-part="credential" data-state=(text(&credential, "state")) {
            p.verdict role="status" { (state(visit, credential.at("state"))) }
            (facts(visit, &credential))
            (change::steps(visit, &credential))
        }
        (refresh(visit))
        (super::shown::back(visit, "/console/credentials", "console-to-credentials"))
    };
    Ok(visit.page(&visit.words.plain("console-credential-title"), body))
}

fn facts(visit: &Visit, credential: &Value) -> Markup {
    html! {
        dl.facts {
            dt { (visit.words.t("console-column-type")) } dd { (label(visit, text(credential, "vct"))) }
            dt { (visit.words.t("console-column-credential")) } dd.mono { (text(credential, "id")) }
            dt { (visit.words.t("console-column-row")) } dd.mono { (text(credential, "row")) }
            dt { (visit.words.t("console-column-copies")) } dd { (count(credential.at("copies"))) }
            dt { (visit.words.t("console-column-issued-at")) } dd { (moment(visit, credential.at("issued"))) }
            dt { (visit.words.t("console-column-expires")) } dd { (moment(visit, credential.at("expires"))) }
            dt { (visit.words.t("console-column-received")) }
            dd {
                @if credential.at("acknowledged").is_null() { (visit.words.t("console-credential-not-received")) }
                @else { (moment(visit, credential.at("acknowledged"))) }
            }
            @if !text(credential, "reason").is_empty() {
                dt { (visit.words.t("console-column-why")) } dd { (text(credential, "reason")) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_names_what_it_says_and_no_more() {
        let key = |by: &str, value: &str| match target(by, value) {
            Ok(Target::Subject { .. }) => "subject",
            Ok(Target::Credential { .. }) => "credential",
            Ok(Target::Row { .. }) => "row",
            Err(wrong) => wrong.key,
        };
        assert_eq!(key("subject", "14858834016"), "subject");
        assert_eq!(key("subject", "148588 34016"), "subject");
        assert_eq!(key("subject", "14858834017"), "console-find-not-a-number");
        assert_eq!(key("credential", &"0".repeat(32)), "credential");
        assert_eq!(key("credential", &"0".repeat(31)), "console-find-not-an-id");
        assert_eq!(key("row C02", "anything"), "row");
        assert_eq!(key("row C02", ""), "console-find-empty");
        assert_eq!(key("elsewhere", "x"), "console-find-empty");
    }
}
