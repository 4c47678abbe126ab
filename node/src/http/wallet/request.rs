//! The page on which a person reads who asks for what, and says yes or no.

use super::asked::Asked;
use super::{button, is_of_field, list as members, passphrase_field, read_in, receipt, region, text, untrusted};
use crate::error::Failure;
use crate::http::entrance::require_person;
use crate::http::form::Form;
use crate::http::page::{self, hidden};
use crate::http::problem;
use crate::http::visit::Visit;
use crate::output::At;
use crate::service::Command;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::Response;
use credentials::Code;
use maud::{Markup, html};
use serde_json::Value;
use std::sync::Arc;

/// Length of a text's hash, in characters.
const SHOWN_MAX: usize = 64;

/// What was wrong about the form that was sent.
#[derive(Clone, Copy)]
pub(super) enum Wrong {
    /// The passphrase.
    Passphrase(Code),
    /// Neither yes nor no was chosen.
    Choice,
}

/// A request: what it asks while it waits, else what came of it.
pub(super) async fn show(visit: Visit, Path(id): Path<String>, asked: Asked) -> Response {
    let shown = requested(&visit, &id, None, asked.has("again")).await;
    visit.answer(shown)
}

async fn requested(visit: &Visit, id: &str, wrong: Option<Wrong>, is_again: bool) -> Result<Response, Failure> {
    let asked = Command::WalletText {
        id: id.to_owned(),
        language: read_in(visit).to_owned(),
    };
    let read = visit.execute(asked).await;
    if let Ok(reading) = &read
        && text(reading, "state") == "waiting"
    {
        return Ok(waiting(visit, id, reading, wrong));
    }
    let decided = visit.execute(Command::WalletDecided { id: id.to_owned() }).await;
    match (decided, read) {
        (Ok(decided), _) => {
            let above = html! {
                @if is_again {
                    div.alert.warning role="alert" { p { (visit.words.t("wallet-request-again")) } }
                }
            };
            receipt::page(visit, decided.at("event"), above).await
        }
        (Err(failure), Ok(_)) => Err(failure),
        (Err(_), Err(failure)) => unreadable(visit, id, &failure, wrong),
    }
}

/// The request as it waits for the person.
fn waiting(visit: &Visit, id: &str, reading: &Value, wrong: Option<Wrong>) -> Response {
    let words = &visit.words;
    let lacking = members(reading, "lacking");
    let body = html! {
        div data-part="request" data-state=(text(reading, "shown")) {
            (choice_missing(visit, wrong))
            (region::region(members(reading, "lines"), text(reading, "language")))
            @if lacking.is_empty() {
                (decision(visit, id, reading, wrong))
            } @else {
                (way_on(visit, lacking))
                (refusal(visit, id, Some(reading), wrong))
            }
        }
        p.no-print { a href=(format!("/wallet/requests/{id}")) { (words.t("page-refresh")) } }
    };
    answer(visit, wrong, body)
}

fn answer(visit: &Visit, wrong: Option<Wrong>, body: Markup) -> Response {
    let status = match wrong {
        None => StatusCode::OK,
        Some(Wrong::Passphrase(code)) => problem::status(code),
        Some(Wrong::Choice) => problem::status(Code::Malformed),
    };
    page::of_visit(visit, status, &visit.words.plain("wallet-request-page"), body)
}

fn choice_missing(visit: &Visit, wrong: Option<Wrong>) -> Markup {
    html! {
        @match wrong {
            Some(Wrong::Choice) => div.alert.danger role="alert" {
                p { (visit.words.t("wallet-request-choose")) " " (visit.words.t("wallet-nothing-done")) }
            },
            Some(Wrong::Passphrase(code)) => div.alert.danger role="alert" {
                p { a href="#passphrase" { (super::passphrase_wrong(visit, code)) } }
            },
            None => {},
        }
    }
}

/// Yes and no: the same field, the same size, the same effort.
fn decision(visit: &Visit, id: &str, reading: &Value, wrong: Option<Wrong>) -> Markup {
    let words = &visit.words;
    let name = [("name", text(reading, "asker_name"))];
    let (yes, no) = match text(reading, "kind") {
        "grant" => ("wallet-request-yes-grant", "wallet-request-no-grant"),
        "present" => ("wallet-request-yes", "wallet-request-no"),
        _ => ("wallet-request-yes-identify", "wallet-request-no-identify"),
    };
    html! {
        form #decision method="post" action=(format!("/wallet/requests/{id}")) {
            (hidden(visit))
            (read(reading))
            h2 { (words.t("wallet-request-decide")) }
            p { (words.t("wallet-request-all")) }
            (passphrase_field(visit, of_passphrase(wrong)))
            // Enter in the field above presses the first button: this one, which decides nothing.
            button type="submit" name="decision" value="" hidden { (words.t("wallet-request-choose")) }
            div.choices {
                button type="submit" name="decision" value="yes" { (words.fill(yes, &name)) }
                button type="submit" name="decision" value="no" { (words.t(no)) }
            }
        }
    }
}

/// A no alone: where nothing can be shared, or nothing should be.
fn refusal(visit: &Visit, id: &str, reading: Option<&Value>, wrong: Option<Wrong>) -> Markup {
    let words = &visit.words;
    html! {
        form #decision method="post" action=(format!("/wallet/requests/{id}")) {
            (hidden(visit))
            @if let Some(reading) = reading { (read(reading)) }
            h2 { (words.t("wallet-request-refuse-title")) }
            p { (words.t("wallet-request-refuse-why")) }
            (passphrase_field(visit, of_passphrase(wrong)))
            button type="submit" name="decision" value="" hidden { (words.t("wallet-request-choose")) }
            div.choices {
                button type="submit" name="decision" value="no" { (words.t("wallet-request-no")) }
            }
        }
    }
}

fn of_passphrase(wrong: Option<Wrong>) -> Option<Code> {
    match wrong {
        Some(Wrong::Passphrase(code)) => Some(code),
        _ => None,
    }
}

/// What was read: its language and its hash.
fn read(reading: &Value) -> Markup {
    html! {
        input type="hidden" name="language" value=(text(reading, "language"));
        input type="hidden" name="shown" value=(text(reading, "shown"));
    }
}

/// Where to get what is missing.
fn way_on(visit: &Visit, lacking: &[Value]) -> Markup {
    let words = &visit.words;
    html! {
        section.card {
            h2 { (words.t("wallet-lacking-title")) }
            ul {
                @for one in lacking {
                    @let label = words.of(one.at("label"));
                    @for issuer in members(one, "issuers") {
                        @let name = issuer.get(1).and_then(Value::as_str).unwrap_or_default();
                        li {
                            a href=(format!("/wallet/receive?type={}", text(one, "type"))) {
                                (words.fill("wallet-lacking-get", &[("type", label), ("name", name)]))
                            }
                        }
                    }
                    @if members(one, "issuers").is_empty() {
                        li { (words.fill("wallet-lacking-nobody", &[("type", label)])) }
                    }
                }
            }
        }
    }
}

/// A request that cannot be shown: nobody knows who asks, its time is out, it is not here, or this wallet cannot judge it now.
pub(super) fn unreadable(
    visit: &Visit,
    id: &str,
    failure: &Failure,
    wrong: Option<Wrong>,
) -> Result<Response, Failure> {
    let code = failure.problem.code;
    let (title, sentence, next) = match code {
        Code::Expired => (
            "wallet-request-expired-title",
            "wallet-request-expired",
            "wallet-request-expired-next",
        ),
        Code::NotFound => (
            "wallet-request-gone-title",
            "wallet-request-gone",
            "wallet-request-gone-next",
        ),
        _ if untrusted::is_untrusted(code) => {
            let detail = failure.problem.detail.as_deref().unwrap_or_default();
            let body = html! {
                (untrusted::warning(visit, code, detail))
                (refusal(visit, id, None, wrong))
            };
            return Ok(answer(visit, wrong, body));
        }
        _ => return Err(failure.clone()),
    };
    let words = &visit.words;
    let body = html! {
        div.alert.warning role="alert" {
            h1 { (words.t(title)) }
            p { (words.t(sentence)) " " (words.t("wallet-nothing-shared")) }
            p { (words.t(next)) }
        }
        p { a.button href="/wallet" { (words.t("page-problem-back")) } }
    };
    let status = match code {
        Code::Expired => StatusCode::GONE,
        _ => StatusCode::NOT_FOUND,
    };
    Ok(page::of_visit(visit, status, &words.plain("wallet-request-page"), body))
}

/// The person's yes or no.
pub(super) async fn decide(Path(id): Path<String>, form: Form) -> Response {
    let visit = form.visit.clone();
    let is_yes = match form.text("decision", 8) {
        Ok("yes") => true,
        Ok("no") => false,
        _ => return visit.answer(requested(&visit, &id, Some(Wrong::Choice), false).await),
    };
    if let Err(failure) = require_person(&form).await {
        let code = failure.problem.code;
        if !is_of_field(code) {
            return visit.failure(&failure);
        }
        return visit.answer(requested(&visit, &id, Some(Wrong::Passphrase(code)), false).await);
    }
    let told = id.clone();
    let done = form.once_or(
        async move |form: Arc<Form>| {
            let visit = &form.visit;
            // The other of two open pages may have decided.
            if visit.execute(Command::WalletDecided { id: id.clone() }).await.is_ok() {
                return Ok(format!("/wallet/requests/{id}?again=1"));
            }
            match is_yes {
                true => say_yes(visit, &form, &id).await,
                false => say_no(visit, &form, &id).await,
            }
        },
        |visit, failure| changed(visit, &told, failure),
    );
    done.await
}

async fn say_yes(visit: &Visit, form: &Form, id: &str) -> Result<String, Failure> {
    let yes = Command::WalletPresent {
        id: id.to_owned(),
        language: form.required("language", 8)?.to_owned(),
        shown: Some(form.required("shown", SHOWN_MAX)?.to_owned()),
    };
    let here = format!("/wallet/requests/{id}");
    let outcome = match visit.execute(yes).await {
        Ok(outcome) => outcome,
        Err(failure) => return after(visit, id, failure).await,
    };
    Ok(match text(&outcome, "outcome") {
        "collected" => match members(&outcome, "credentials").first().and_then(Value::as_str) {
            Some(name) => format!("/wallet/credentials/{name}?new=1"),
            None => "/wallet".to_owned(),
        },
        "carry" => format!("/wallet/carry/{id}"),
        "standing" => "/wallet/grants/found".to_owned(),
        _ => here,
    })
}

async fn say_no(visit: &Visit, form: &Form, id: &str) -> Result<String, Failure> {
    // So that the decision names the language in which it was read here, and not in another window.
    let read = Command::WalletText {
        id: id.to_owned(),
        language: form.text("language", 8)?.to_owned(),
    };
    if let Err(failure) = visit.execute(read).await {
        tracing::debug!(code = %failure.problem.code, "refused what could not be shown");
    }
    match visit.execute(Command::WalletDecline { id: id.to_owned() }).await {
        Ok(_)
            if visit
                .execute(Command::WalletDecided { id: id.to_owned() })
                .await
                .is_ok() =>
        {
            Ok(format!("/wallet/requests/{id}"))
        }
        Ok(_) => Ok("/wallet".to_owned()),
        Err(failure) => after(visit, id, failure).await,
    }
}

/// Where what came of a decision is shown when its sending failed: a decision that was taken stays taken.
async fn after(visit: &Visit, id: &str, failure: Failure) -> Result<String, Failure> {
    let is_decided = visit
        .execute(Command::WalletDecided { id: id.to_owned() })
        .await
        .is_ok();
    match (is_decided, failure.problem.code) {
        // By another window, the other way.
        (true, Code::NotPresented | Code::UnexpectedMessage | Code::NotFound) => {
            Ok(format!("/wallet/requests/{id}?again=1"))
        }
        (true, _) => Ok(format!("/wallet/requests/{id}")),
        (false, _) => Err(failure),
    }
}

/// What was read is not what would be shared any more: the person reads again.
fn changed(visit: &Visit, id: &str, failure: &Failure) -> Response {
    let code = failure.problem.code;
    if !matches!(code, Code::WrongRequest | Code::Stale) {
        return visit.failure(failure);
    }
    let words = &visit.words;
    let body = html! {
        div.alert.warning role="alert" {
            h1 { (words.t("wallet-request-changed-title")) }
            p { (words.t("wallet-request-changed")) " " (words.t("wallet-nothing-shared")) }
        }
        p { a.button href=(format!("/wallet/requests/{id}")) { (words.t("wallet-request-read-again")) } }
    };
    page::of_visit(visit, problem::status(code), &words.plain("wallet-request-page"), body)
}

/// All that waits.
pub(super) async fn list(visit: Visit, asked: Asked) -> Response {
    let requests = match visit.execute(Command::WalletRequests).await {
        Ok(requests) => requests,
        Err(failure) => return visit.failure(&failure),
    };
    let all = members(&requests, "requests");
    let body = html! {
        h1 { (visit.words.t("wallet-waiting-title")) }
        div data-part="waiting" {
            @if all.is_empty() { p { (visit.words.t("wallet-waiting-none")) } }
            (super::cards(&visit, "/wallet/requests", asked.begin(), all, |one| card(&visit, one, html! { h2 { (text(one, "asker_name")) } })))
        }
        (super::refresh(&visit))
    };
    visit.page(&visit.words.plain("wallet-waiting-title"), body)
}

/// A waiting request in a list, under a heading of the list's next level.
pub(super) fn card(visit: &Visit, pending: &Value, heading: Markup) -> Markup {
    let words = &visit.words;
    let (id, name) = (text(pending, "id"), text(pending, "asker_name"));
    let is_waiting = text(pending, "state") == "waiting";
    html! {
        li.card {
            (heading)
            p {
                (words.of(pending.at("service_name"))) " · "
                (words.t("wallet-case")) " " (text(pending, "case"))
            }
            @if is_waiting {
                p { (words.t("wallet-answer-before")) " " (words.moment(pending.at("expires"))) }
                p { a.button href=(format!("/wallet/requests/{id}")) { (words.fill("wallet-read-request", &[("name", name)])) } }
            } @else {
                p { (words.t(&format!("request-state-{}", text(pending, "state")))) }
                p { a href=(format!("/wallet/requests/{id}")) { (words.t("wallet-see-decision")) } }
            }
        }
    }
}

/// A reminder that a grant stands, with the way to take it back.
pub(super) fn reminder(visit: &Visit, grant: &Value) -> Markup {
    let words = &visit.words;
    let uses = members(grant, "uses").len().to_string();
    let values = [
        ("asker", text(grant, "asker_name")),
        ("issuer", text(grant, "issuer_name")),
        ("uses", &uses),
    ];
    html! {
        li.card {
            p { (words.fill("wallet-reminder", &values)) " " (words.moment(grant.at("until"))) "." }
            (button(
                visit,
                &format!("/wallet/grants/{}/withdraw", text(grant, "id")),
                words.fill("wallet-withdraw", &[("name", text(grant, "asker_name"))]),
            ))
        }
    }
}
