//! A wallet's pages: what is held, what waits, what is read before a decision, and what came of it.
//!
//! `request` is the page on which a person decides. Everything else leads to it or tells what came of it. What is signed for is made
//! by the wallet; the pages set it and add nothing to it.

mod asked;
mod credential;
mod grants;
mod history;
mod home;
mod picture;
mod receipt;
mod receive;
mod region;
mod request;
mod said;
mod settings;
mod untrusted;

#[cfg(test)]
mod tests;

use super::page::hidden;
use super::server::App;
use super::visit::Visit;
use crate::config::Holder;
use crate::error::Failure;
use crate::output::At;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use credentials::schema::Path;
use credentials::{Code, Did};
use maud::{Markup, html};
use serde_json::Value;
use std::sync::Arc;

/// Rows of a table on one page.
const ROWS: usize = 50;
/// Cards on one page, each with a form of its own at most: more would not fit 60 kB.
const CARDS: usize = 30;

/// The pages.
pub fn router() -> Router<Arc<App>> {
    let picture = post(receive::picture).layer(DefaultBodyLimit::max(picture::UPLOAD_MAX));
    Router::new()
        .route("/wallet", get(home::show))
        .route("/wallet/receive", get(receive::show).post(receive::take))
        .route("/wallet/receive/picture", picture)
        .route("/wallet/open", get(receive::open))
        .route("/wallet/carry/{id}", get(receive::carry))
        .route("/wallet/requests", get(request::list))
        .route("/wallet/requests/{id}", get(request::show).post(request::decide))
        .route("/wallet/credentials", get(credential::list))
        .route("/wallet/credentials/{id}", get(credential::show))
        .route(
            "/wallet/credentials/{id}/delete",
            get(credential::ask).post(credential::delete),
        )
        .route("/wallet/grants", get(grants::list))
        .route("/wallet/grants/review", post(grants::review))
        .route("/wallet/grants/found", get(grants::found))
        .route("/wallet/grants/{id}", get(grants::show))
        .route("/wallet/grants/{id}/withdraw", post(grants::withdraw))
        .route("/wallet/history", get(history::list))
        .route("/wallet/history/export", get(history::export))
        .route("/wallet/history/{entry}", get(history::show))
        .route("/wallet/history/{entry}/receipt", get(history::receipt))
        .route("/wallet/history/{entry}/erase", post(history::erase))
        .route(
            "/wallet/history/{entry}/report",
            get(history::complain).post(history::report),
        )
        .route("/wallet/history/{entry}/reported", get(history::reported))
        .route(
            "/wallet/history/{entry}/forget",
            get(history::ask).post(history::forget),
        )
        .route("/wallet/settings", get(settings::show))
        .route("/wallet/settings/export", post(settings::export))
        .route("/wallet/settings/backup", post(settings::backup))
        .route("/wallet/settings/passphrase", post(settings::passphrase))
}

/// Whether the wallet is a company's: its pages speak of the company.
fn is_company(visit: &Visit) -> bool {
    let wallet = visit.service().config().wallet.as_ref();
    wallet.is_some_and(|wallet| wallet.holder == Holder::Company)
}

/// The key for the one or the other kind of holder.
fn of_holder<'a>(visit: &Visit, person: &'a str, company: &'a str) -> &'a str {
    if is_company(visit) { company } else { person }
}

/// A member that is text.
fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value.at(name).as_str().unwrap_or_default()
}

/// A member that is a list.
fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value.at(name).as_array().map(Vec::as_slice).unwrap_or_default()
}

/// The language in which the wallet writes what is read before deciding, for a page in this one.
fn read_in(visit: &Visit) -> &'static str {
    match visit.words.language() {
        "nn" => "nn",
        "en" => "en",
        _ => "nb",
    }
}

/// What people call a type; the type itself where this program does not know it.
fn type_label(visit: &Visit, vct: &str) -> String {
    let known = visit.service().types().get(vct);
    known.map_or_else(
        || vct.to_owned(),
        |known| known.label.get(visit.words.language()).to_owned(),
    )
}

/// What people call claims of these types, each once.
fn claim_labels(visit: &Visit, types: &[&str], claims: &[Path]) -> Vec<String> {
    let language = visit.words.language();
    let known: Vec<_> = types
        .iter()
        .filter_map(|vct| visit.service().types().get(vct))
        .collect();
    let mut labels: Vec<String> = Vec::new();
    for claim in claims {
        let of_type = known.iter().find(|known| known.has_path(claim));
        let label = of_type.map_or_else(|| claim.to_string(), |known| known.label(claim, language));
        if !labels.contains(&label) {
            labels.push(label);
        }
    }
    labels
}

/// The paths of a list, which an answer writes as pointers or as people write them (`a[].b`).
fn paths<'a>(members: impl IntoIterator<Item = &'a Value>) -> Vec<Path> {
    let path = |member: &Value| match member {
        Value::String(text) => Some(path_of(text)),
        pointer => serde_json::from_value(pointer.clone()).ok(),
    };
    members.into_iter().filter_map(path).collect()
}

fn path_of(text: &str) -> Path {
    let mut segments = Vec::new();
    for part in text.split('.') {
        let name = part.trim_end_matches("[]");
        segments.push(Some(name.to_owned()));
        segments.extend(part.split("[]").skip(1).map(|_| None));
    }
    Path(segments)
}

/// What people call a service; its id where the asker is not registered for it any more.
fn service_label(visit: &Visit, asker: &str, service: &str) -> String {
    let named = Did::parse(asker).and_then(|asker| visit.service().service_name(&asker, service));
    named.map_or_else(
        || service.to_owned(),
        |name| name.get(visit.words.language()).to_owned(),
    )
}

/// How a held credential stands, in words; colour only says it again.
fn held_state(visit: &Visit, state: &str) -> Markup {
    let manner = match state {
        "valid" => "state good",
        "expires_soon" | "suspended" | "unknown" => "state unsure",
        _ => "state bad",
    };
    html! { span class=(manner) { (visit.words.t(&format!("held-{state}"))) } }
}

/// The one field that shows who decides, with what was wrong about what was typed.
fn passphrase_field(visit: &Visit, wrong: Option<Code>) -> Markup {
    let words = &visit.words;
    let name = [("name", visit.visitor.name.as_str())];
    html! {
        label for="passphrase" { (words.fill("page-passphrase", &name)) }
        span.hint #passphrase-hint { (words.t("wallet-passphrase-hint")) }
        @if let Some(code) = wrong {
            p.alert.danger #passphrase-wrong { (passphrase_wrong(visit, code)) }
        }
        input #passphrase type="password" name="passphrase" autocomplete="current-password" required
            aria-describedby=(if wrong.is_some() { "passphrase-wrong passphrase-hint" } else { "passphrase-hint" })
            aria-invalid=[wrong.map(|_| "true")];
    }
}

/// What was wrong about it, and that nothing was done.
fn passphrase_wrong(visit: &Visit, code: Code) -> Markup {
    let sentence = match code {
        Code::WrongPassphrase => visit.words.t("wallet-passphrase-wrong"),
        Code::AttemptsExhausted | Code::RateLimited => visit.words.t("wallet-passphrase-exhausted"),
        Code::TooLarge => visit.words.t("wallet-passphrase-too-long"),
        _ => visit.words.t("wallet-passphrase-missing"),
    };
    html! { (sentence) " " (visit.words.t("wallet-nothing-done")) }
}

/// Whether a failure of showing who one is can be told beside the field.
fn is_of_field(code: Code) -> bool {
    matches!(
        code,
        Code::WrongPassphrase | Code::AttemptsExhausted | Code::RateLimited | Code::Malformed | Code::TooLarge
    )
}

/// A list of cards, some at a time, with the way to the rest.
fn cards(visit: &Visit, path: &str, from: usize, all: &[Value], card: impl Fn(&Value) -> Markup) -> Markup {
    let next = from.saturating_add(CARDS);
    html! {
        ul.cards { @for one in all.iter().skip(from).take(CARDS) { (card(one)) } }
        @if all.len() > next { p { a.button href=(format!("{path}?from={next}")) { (visit.words.t("wallet-older")) } } }
    }
}

/// A button that does one thing at once.
fn button(visit: &Visit, action: &str, label: Markup) -> Markup {
    html! {
        form method="post" action=(action) {
            (hidden(visit))
            button type="submit" { (label) }
        }
    }
}

/// The button that takes a grant back: nothing is asked before, as stopping must be no harder than beginning.
fn withdraw_button(visit: &Visit, grant: &Value) -> Markup {
    let name = [("name", text(grant, "asker_name"))];
    let label = visit.words.fill("wallet-withdraw", &name);
    button(visit, &format!("/wallet/grants/{}/withdraw", text(grant, "id")), label)
}

/// A file to be kept.
fn file(name: &str, kind: &'static str, body: impl Into<axum::body::Body>) -> Response {
    let mut response = body.into().into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    if let Ok(value) = HeaderValue::from_str(&format!("attachment; filename=\"{name}\"")) {
        headers.insert(header::CONTENT_DISPOSITION, value);
    }
    response
}

/// The link by which an open page is loaded anew when scripts are off.
fn refresh(visit: &Visit) -> Markup {
    html! { p.no-print { a href=(visit.path) { (visit.words.t("page-refresh")) } } }
}

/// What went wrong, that nothing was shared, and what to do next, in the words of a person who uses no commands.
pub(super) fn failed(visit: &Visit, status: StatusCode, failure: &Failure) -> Response {
    let words = &visit.words;
    let code = failure.problem.code;
    let detail = failure.problem.detail.as_deref().unwrap_or_default();
    let values = [("detail", detail)];
    let is_untrusted = untrusted::is_untrusted(code);
    let title = match is_untrusted {
        true => "wallet-untrusted-title",
        false => "page-problem-title",
    };
    let body = html! {
        div.alert.danger role="alert" {
            h1 { (words.t(title)) }
            p { (words.fill(&format!("problem-{code}"), &values)) }
            @if code == Code::OverAsk && !detail.is_empty() {
                p { (words.t("wallet-too-much")) " " (words.catalogue().too_much(detail)) "." }
            }
            p { (words.t("wallet-nothing-shared")) }
            p { strong { (words.t("page-problem-next")) } " " (remedy(visit, code, &values)) }
            p.fine { (words.t("page-problem-code")) " " code { (code.as_str()) } }
        }
        p { a.button href="/wallet" { (words.t("page-problem-back")) } }
    };
    super::page::of_visit(visit, status, &words.plain(title), body)
}

/// What to do next: without a command to type.
fn remedy(visit: &Visit, code: Code, values: &[(&str, &str)]) -> Markup {
    let words = &visit.words;
    let own = format!("wallet-remedy-{code}");
    if crate::text::Catalogue::new("nb").has(&own) {
        return words.fill(&own, values);
    }
    let usual = format!("remedy-{code}");
    match words.plain_fill(&usual, values).contains('`') {
        true => words.t("wallet-remedy"),
        false => words.fill(&usual, values),
    }
}
