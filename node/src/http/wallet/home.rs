//! The first page: what waits, what is held, which grants stand, what happened last.

use super::{held_state, history, list, of_holder, refresh, request, text, withdraw_button};
use crate::error::Failure;
use crate::http::visit::Visit;
use crate::output::At;
use crate::service::{Command, Consent};
use axum::response::Response;
use maud::{Markup, html};
use serde_json::Value;
use std::collections::BTreeMap;

/// Lines of the history on the first page.
const LATEST: usize = 5;
/// Most of what waits on the first page; more of each would not fit 60 kB. The rest is a page away.
const WAITING: usize = 10;
/// Most reminders there.
const REMINDERS: usize = 5;
/// Most credentials there.
const HELD: usize = 25;
/// Most grants there.
const GRANTS: usize = 12;

/// The first page.
pub(super) async fn show(visit: Visit) -> Response {
    let page = page(&visit).await;
    visit.answer(page)
}

/// What the page is made of, as the commands answer it.
pub(super) struct Parts {
    pub(super) requests: Value,
    pub(super) unfinished: Value,
    pub(super) held: Value,
    pub(super) grants: Value,
    pub(super) latest: Value,
}

async fn page(visit: &Visit) -> Result<Response, Failure> {
    let what = Consent::Grants;
    let latest = Command::WalletEntries {
        before: None,
        count: LATEST,
    };
    let parts = Parts {
        requests: visit.execute(Command::WalletRequests).await?,
        unfinished: visit.execute(Command::WalletUnfinished).await?,
        held: visit.execute(Command::WalletList).await?,
        grants: visit.execute(Command::Consent { what }).await?,
        latest: visit.execute(latest).await?,
    };
    Ok(laid_out(visit, &parts))
}

pub(super) fn laid_out(visit: &Visit, parts: &Parts) -> Response {
    let words = &visit.words;
    let title = of_holder(visit, "wallet-home-title", "wallet-home-title-company");
    let body = html! {
        h1 { (words.t(title)) }
        section data-part="waiting" role="status" { (waiting(visit, &parts.requests, &parts.unfinished)) }
        section data-part="held" { (holdings(visit, list(&parts.held, "credentials"))) }
        section data-part="grants" { (standing(visit, list(&parts.grants, "grants"))) }
        section data-part="latest" {
            h2 { (words.t("wallet-latest-title")) }
            (history::table(visit, list(&parts.latest, "events")))
            p { a href="/wallet/history" { (words.t("wallet-latest-all")) } }
        }
        (refresh(visit))
    };
    visit.page(&words.plain(title), body)
}

/// What waits for the person: requests, texts to be carried, reminders.
fn waiting(visit: &Visit, requests: &Value, unfinished: &Value) -> Markup {
    let words = &visit.words;
    let (pending, reminders) = (list(requests, "requests"), list(requests, "reminders"));
    let carried = list(unfinished, "unfinished");
    let carried: Vec<&Value> = carried.iter().filter(|one| text(one, "state") == "authorise").collect();
    let is_empty = pending.is_empty() && reminders.is_empty() && carried.is_empty();
    html! {
        h2 { (words.t("wallet-waiting-title")) }
        @if is_empty { p { (words.t("wallet-waiting-none")) } }
        ul.cards {
            @for one in pending.iter().take(WAITING) { (request::card(visit, one, html! { h3 { (text(one, "asker_name")) } })) }
            @for one in carried.into_iter().take(WAITING) {
                li.card {
                    p { (words.fill("wallet-carry-waits", &[("name", text(one, "issuer_name"))])) }
                    p { a.button href=(format!("/wallet/carry/{}", text(one, "id"))) { (words.t("wallet-carry-show")) } }
                }
            }
            @for grant in reminders.iter().take(REMINDERS) { (request::reminder(visit, grant)) }
        }
        @if pending.len() > WAITING { p { a href="/wallet/requests" { (words.t("wallet-waiting-all")) } } }
    }
}

/// What is held, by who issued it.
fn holdings(visit: &Visit, held: &[Value]) -> Markup {
    let words = &visit.words;
    let mut by_issuer: BTreeMap<&str, Vec<&Value>> = BTreeMap::new();
    for one in held.iter().take(HELD) {
        by_issuer.entry(text(one, "issuer_name")).or_default().push(one);
    }
    html! {
        h2 { (words.t(of_holder(visit, "wallet-held-title", "wallet-held-title-company"))) }
        @if held.is_empty() {
            p { (words.t(of_holder(visit, "wallet-held-none", "wallet-held-none-company"))) }
            p { a.button href="/wallet/receive" { (words.t("wallet-held-get")) } }
        }
        @for (issuer, all) in by_issuer {
            h3 { (issuer) }
            ul.cards {
                @for one in all { (holding(visit, one)) }
            }
        }
        @if held.len() > HELD { p { a href="/wallet/credentials" { (words.t("wallet-held-all")) } } }
    }
}

pub(super) fn holding(visit: &Visit, held: &Value) -> Markup {
    let words = &visit.words;
    let state = text(held, "state");
    html! {
        li.card {
            p {
                a href=(format!("/wallet/credentials/{}", text(held, "id"))) { strong { (words.of(held.at("label"))) } }
                " " (held_state(visit, state))
            }
            p.fine { (words.t("wallet-valid-until")) " " (words.moment(held.at("valid_until"))) }
            @if matches!(state, "expired" | "revoked" | "used_up" | "copies_void") {
                p { a href=(format!("/wallet/receive?type={}", text(held, "type"))) {
                    (words.fill("wallet-held-renew", &[("name", text(held, "issuer_name"))]))
                } }
            }
        }
    }
}

/// Grants that may be used, each with the button that ends it.
fn standing(visit: &Visit, grants: &[Value]) -> Markup {
    let words = &visit.words;
    let is_open = |grant: &&Value| matches!(text(grant, "state"), "active" | "under_way");
    let open: Vec<&Value> = grants.iter().filter(is_open).collect();
    html! {
        h2 { (words.t("wallet-standing-title")) }
        @if open.is_empty() { p { (words.t(of_holder(visit, "wallet-standing-none", "wallet-standing-none-company"))) } }
        ul.cards {
            @for grant in open.iter().take(GRANTS) {
                li.card {
                    p {
                        a href=(format!("/wallet/grants/{}", text(grant, "id"))) {
                            (words.fill("wallet-standing-may", &[
                                ("asker", text(grant, "asker_name")), ("issuer", text(grant, "issuer_name")),
                            ]))
                        }
                        " " span class=(super::grants::manner(text(grant, "state"))) {
                            (words.t(&format!("grant-state-{}", text(grant, "state"))))
                        }
                    }
                    p.fine { (words.t("wallet-standing-until")) " " (words.moment(grant.at("until"))) }
                    (withdraw_button(visit, grant))
                }
            }
        }
        @if grants.len() > open.len() || open.len() > GRANTS { p { a href="/wallet/grants" { (words.t("wallet-standing-all")) } } }
    }
}
