//! One held credential: what it says, how it stands, and its end.

use super::asked::Asked;
use super::{button, held_state, list as members, text};
use crate::error::Failure;
use crate::http::form::Form;
use crate::http::visit::Visit;
use crate::output::At;
use crate::service::Command;
use axum::extract::Path;
use axum::response::Response;
use maud::{Markup, html};
use serde_json::Value;
use std::sync::Arc;

/// Most claims on the page: more would not fit 60 kB. The export has all of them.
const CLAIMS_MAX: usize = 250;

async fn held(visit: &Visit, id: &str) -> Result<Value, Failure> {
    let language = visit.words.language().to_owned();
    let id = id.to_owned();
    let shown = visit.execute(Command::WalletShow { id, language }).await?;
    Ok(shown.at("credential").clone())
}

/// All that is held.
pub(super) async fn list(visit: Visit, asked: Asked) -> Response {
    let held = match visit.execute(Command::WalletList).await {
        Ok(held) => held,
        Err(failure) => return visit.failure(&failure),
    };
    let title = super::of_holder(&visit, "wallet-held-title", "wallet-held-title-company");
    let all = members(&held, "credentials");
    let body = html! {
        h1 { (visit.words.t(title)) }
        div data-part="held" {
            (super::cards(&visit, "/wallet/credentials", asked.begin(), all, |one| super::home::holding(&visit, one)))
        }
        (super::refresh(&visit))
    };
    visit.page(&visit.words.plain(title), body)
}

/// One credential.
pub(super) async fn show(visit: Visit, Path(id): Path<String>, asked: Asked) -> Response {
    let page = async {
        let held = held(&visit, &id).await?;
        let words = &visit.words;
        let name = [("name", text(&held, "issuer_name"))];
        let copies = held.at("copies");
        let (left, total) = (copies.at("left").to_string(), copies.at("total").to_string());
        let claims = members(&held, "claims");
        let body = html! {
            @if asked.has("new") {
                div.alert.good role="status" { p { (words.fill("wallet-credential-new", &name)) } }
            }
            h1 { (words.of(held.at("label"))) }
            div data-part="state" data-state=(text(&held, "state")) role="status" {
                p { (held_state(&visit, text(&held, "state"))) " " (meaning(&visit, &held)) }
            }
            dl.facts {
                dt { (words.t("wallet-credential-issuer")) } dd { (text(&held, "issuer_name")) }
                dt { (words.t("wallet-valid-until")) } dd { (words.moment(held.at("valid_until"))) }
                @if let Some(as_of) = held.at("as_of").as_str() { dt { (words.t("wallet-credential-as-of")) } dd { (as_of) } }
                dt { (words.t("wallet-credential-collected")) } dd { (words.moment(held.at("collected"))) }
                @if !held.at("status_at").is_null() {
                    dt { (words.t("wallet-credential-status-at")) } dd { (words.moment(held.at("status_at"))) }
                }
                dt { (words.t("wallet-credential-copies")) }
                dd { (words.fill("wallet-credential-copies-left", &[("left", &left), ("total", &total)])) }
            }
            p.fine { (words.t("wallet-credential-copies-why")) }
            section {
                h2 { (words.t("wallet-credential-claims")) }
                dl.facts {
                    @for claim in claims.iter().take(CLAIMS_MAX) {
                        dt { (text(claim, "label")) (numbers(text(claim, "path"))) }
                        dd { (value(&visit, claim.at("value"))) @if claim.at("sensitive") == true { " " span.state.unsure { (words.t("wallet-credential-sensitive")) } } }
                    }
                }
                @if claims.len() > CLAIMS_MAX { p { (words.t("wallet-credential-more")) } }
            }
            section {
                h2 { (words.t("wallet-credential-do")) }
                p { a href=(format!("/wallet/receive?type={}", text(&held, "type"))) { (words.fill("wallet-held-renew", &name)) } }
                p { a href=(format!("/wallet/credentials/{id}/delete")) { (words.t("wallet-credential-delete")) } }
            }
            (super::refresh(&visit))
        };
        Ok(visit.page(&words.plain("wallet-credential-page"), body))
    };
    let page = page.await;
    visit.answer(page)
}

/// What the state means and what to do, where something is to be done.
fn meaning(visit: &Visit, held: &Value) -> Markup {
    let name = [("name", text(held, "issuer_name"))];
    html! {
        @match text(held, "state") {
            "expired" | "used_up" | "copies_void" | "superseded" => (visit.words.fill("wallet-state-get-new", &name)),
            "expires_soon" => (visit.words.fill("wallet-state-soon", &name)),
            "revoked" => (visit.words.fill("wallet-state-revoked", &name)),
            "suspended" => (visit.words.fill("wallet-state-suspended", &name)),
            "unknown" => (visit.words.t("wallet-state-unknown")),
            _ => {},
        }
    }
}

/// Which element of a list a claim is of, counted as people count.
fn numbers(path: &str) -> String {
    let counted = path.split('[').skip(1).filter_map(|part| part.split(']').next());
    let counted: Vec<String> = counted
        .filter_map(|number| number.parse::<usize>().ok())
        .map(|number| number.saturating_add(1).to_string())
        .collect();
    match counted.is_empty() {
        true => String::new(),
        false => format!(" ({})", counted.join(".")),
    }
}

fn value(visit: &Visit, value: &Value) -> Markup {
    let words = &visit.words;
    html! {
        @match value {
            Value::Bool(true) => (words.t("wallet-yes")),
            Value::Bool(false) => (words.t("wallet-no")),
            Value::Null => (words.t("wallet-not-given")),
            Value::String(text) if text.is_empty() => (words.t("wallet-not-given")),
            Value::String(text) => (text),
            other => (other.to_string()),
        }
    }
}

/// What becomes of it when it is deleted.
pub(super) async fn ask(visit: Visit, Path(id): Path<String>) -> Response {
    let page = async {
        let held = held(&visit, &id).await?;
        let words = &visit.words;
        let body = html! {
            h1 { (words.fill("wallet-delete-title", &[("type", words.of(held.at("label")))])) }
            div.alert.warning { p { (words.t("delete-consequence")) } p { (words.t("wallet-delete-stays")) } }
            div.row {
                (button(&visit, &format!("/wallet/credentials/{id}/delete"), words.t("wallet-delete-yes")))
                a.button href=(format!("/wallet/credentials/{id}")) { (words.t("wallet-delete-no")) }
            }
        };
        Ok(visit.page(&words.plain("wallet-credential-delete"), body))
    };
    let page = page.await;
    visit.answer(page)
}

/// Deletes it.
pub(super) async fn delete(Path(id): Path<String>, form: Form) -> Response {
    let done = form.once(async move |form: Arc<Form>| {
        form.visit.execute(Command::WalletDelete { id }).await?;
        Ok("/wallet".to_owned())
    });
    done.await
}
