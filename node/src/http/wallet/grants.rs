//! Standing grants: all of them, one with every use, taking one back, and those of a wallet that was lost.

use super::asked::Asked;
use super::{
    CARDS, ROWS, button, claim_labels, list as members, paths, said, service_label, text, type_label, withdraw_button,
};
use crate::error::Failure;
use crate::http::form::{Form, LINE_MAX};
use crate::http::page::hidden;
use crate::http::visit::Visit;
use crate::output::At;
use crate::service::{Command, Consent};
use axum::extract::Path;
use axum::response::Response;
use credentials::schema::HolderProof;
use credentials::{Code, Did, Problem};
use maud::{Markup, html};
use serde_json::Value;
use std::sync::Arc;

/// How the state of a grant looks.
pub(super) fn manner(state: &str) -> &'static str {
    match state {
        "active" => "state good",
        "under_way" => "state unsure",
        _ => "state bad",
    }
}

async fn all(visit: &Visit) -> Result<Value, Failure> {
    let what = Consent::Grants;
    visit.execute(Command::Consent { what }).await
}

/// All grants.
pub(super) async fn list(visit: Visit, asked: Asked) -> Response {
    let page = async {
        let answer = all(&visit).await?;
        let grants = members(&answer, "grants");
        let from = asked.begin();
        let shown: Vec<&Value> = grants.iter().skip(from).take(CARDS).collect();
        let next = from.saturating_add(CARDS);
        let words = &visit.words;
        let body = html! {
            h1 { (words.t("wallet-grants-title")) }
            p { (words.t("wallet-grants-what")) }
            div data-part="grants" {
                @if grants.is_empty() { p { (words.t("wallet-grants-none")) } }
                ul.cards { @for grant in shown { (card(&visit, grant)) } }
            }
            @if grants.len() > next {
                p { a.button href=(format!("/wallet/grants?from={next}")) { (words.t("wallet-older")) } }
            }
            (lost(&visit))
            (super::refresh(&visit))
        };
        Ok(visit.page(&words.plain("wallet-grants-title"), body))
    };
    let page = page.await;
    visit.answer(page)
}

fn card(visit: &Visit, grant: &Value) -> Markup {
    let words = &visit.words;
    let state = text(grant, "state");
    let is_open = matches!(state, "active" | "under_way");
    let uses = members(grant, "uses").len().to_string();
    html! {
        li.card {
            h2 { a href=(format!("/wallet/grants/{}", text(grant, "id"))) {
                (text(grant, "asker_name")) " – " (type_label(visit, text(grant, "vct")))
            } }
            p { span class=(manner(state)) { (words.t(&format!("grant-state-{state}"))) } }
            p {
                (words.fill("wallet-grant-from", &[("name", text(grant, "issuer_name"))])) " "
                (words.fill("wallet-grant-used", &[("count", &uses)]))
            }
            p.fine { (ends(visit, grant)) }
            @if is_open { (withdraw_button(visit, grant)) }
        }
    }
}

/// Until when it stands, or when it came to its end.
fn ends(visit: &Visit, grant: &Value) -> Markup {
    let words = &visit.words;
    html! {
        @match text(grant, "state") {
            "withdrawn" => { (words.t("wallet-grant-withdrawn-at")) " " (words.moment(grant.at("withdrawn"))) },
            "expired" => { (words.t("wallet-grant-expired-at")) " " (words.moment(grant.at("until"))) },
            _ => { (words.t("wallet-standing-until")) " " (words.moment(grant.at("until"))) },
        }
    }
}

/// One grant with every use.
pub(super) async fn show(visit: Visit, Path(id): Path<String>, asked: Asked) -> Response {
    let page = async {
        let answer = all(&visit).await?;
        let grant = members(&answer, "grants").iter().find(|grant| text(grant, "id") == id);
        let grant = grant.ok_or(Code::UnknownGrant)?;
        let words = &visit.words;
        let state = text(grant, "state");
        let labels = claim_labels(&visit, &[text(grant, "vct")], &paths(members(grant, "claims")));
        let name = [("name", text(grant, "asker_name"))];
        let body = html! {
            h1 { (words.fill("wallet-grant-title", &name)) }
            div data-part="grant" data-state=(state) role="status" {
                p { span class=(manner(state)) { (words.t(&format!("grant-state-{state}"))) } " " (ends(&visit, grant)) }
                (acknowledged(&visit, grant))
            }
            dl.facts {
                dt { (words.t("wallet-entry-service")) } dd { (service_label(&visit, text(grant, "asker"), text(grant, "service"))) }
                dt { (words.t("wallet-grant-source")) } dd { (text(grant, "issuer_name")) }
                dt { (words.t("wallet-entry-type")) } dd { (type_label(&visit, text(grant, "vct"))) }
                dt { (words.t("wallet-grant-claims")) } dd { ul.plain { @for label in &labels { li { (label) } } } }
                dt { (words.t("wallet-grant-begins")) } dd { (words.moment(grant.at("from"))) (from_seconds(&visit, grant)) }
                dt { (words.t("wallet-grant-most")) } dd { (grant.at("uses_per_day")) }
            }
            (said::lines(&visit, grant))
            @if matches!(state, "active" | "under_way") {
                section {
                    h2 { (words.t("wallet-grant-end-title")) }
                    p { (words.fill("wallet-grant-end", &name)) }
                    (withdraw_button(&visit, grant))
                }
            }
            section data-part="uses" { (uses(&visit, grant, asked.begin())) }
            p { a href="/wallet/grants" { (words.t("wallet-grants-all")) } }
            (super::refresh(&visit))
        };
        Ok(visit.page(&words.plain("wallet-grant-page"), body))
    };
    let page = page.await;
    visit.answer(page)
}

/// A beginning that the answer tells as a number of seconds.
fn from_seconds(visit: &Visit, grant: &Value) -> Markup {
    let at = grant.at("from").as_i64().map(credentials::Timestamp::from_unix);
    html! { @if let Some(at) = at { (visit.words.catalogue().moment(at)) } }
}

/// Who knows that it was taken back.
fn acknowledged(visit: &Visit, grant: &Value) -> Markup {
    let words = &visit.words;
    html! {
        @if text(grant, "state") == "withdrawn" {
            p { (words.t("wallet-grant-stopped")) }
            ul {
                @for (told, name) in [("issuer_told", "issuer_name"), ("asker_told", "asker_name")] {
                    @let name = [("name", text(grant, name))];
                    li {
                        @match grant.at(told).as_bool() {
                            Some(true) => (words.fill("wallet-grant-knows", &name)),
                            _ => (words.fill("wallet-grant-is-told", &name)),
                        }
                    }
                }
            }
        }
    }
}

fn uses(visit: &Visit, grant: &Value, from: usize) -> Markup {
    let words = &visit.words;
    let all = members(grant, "uses");
    let next = from.saturating_add(ROWS);
    html! {
        h2 { (words.t("wallet-uses-title")) }
        @if all.is_empty() {
            p { (words.fill("wallet-uses-none", &[("name", text(grant, "issuer_name"))])) }
        } @else {
            // It has nothing else to focus on, and may have to be scrolled by keyboard.
            div.scroll tabindex="0" role="group" aria-label=(words.plain("wallet-uses-caption")) { table {
                caption { (words.t("wallet-uses-caption")) }
                thead { tr {
                    th.number scope="col" { (words.t("wallet-uses-number")) }
                    th scope="col" { (words.t("wallet-entry-when")) }
                    th scope="col" { (words.t("wallet-uses-what")) }
                } }
                tbody {
                    @for used in all.iter().rev().skip(from).take(ROWS) {
                        @let claims = paths(members(used, "claims"));
                        tr {
                            td.number { (used.at("number")) }
                            td { (words.moment(used.at("at"))) }
                            td { (claim_labels(visit, &[text(grant, "vct")], &claims).join(", ")) }
                        }
                    }
                }
            } }
        }
        @if all.len() > next {
            p { a.button href=(format!("/wallet/grants/{}?from={next}", text(grant, "id"))) { (words.t("wallet-older")) } }
        }
    }
}

/// Takes a grant back.
pub(super) async fn withdraw(Path(id): Path<String>, form: Form) -> Response {
    let done = form.once(async move |form: Arc<Form>| {
        let what = Consent::Withdraw { id: id.clone() };
        form.visit.execute(Command::Consent { what }).await?;
        Ok(format!("/wallet/grants/{id}"))
    });
    done.await
}

/// What somebody has granted with a wallet that is gone.
fn lost(visit: &Visit) -> Markup {
    let words = &visit.words;
    let types = visit.service().types();
    let has_grants = |proof: &HolderProof| !matches!(proof, HolderProof::ActivationCode);
    let kind = match super::is_company(visit) {
        true => credentials::schema::HolderKind::Company,
        false => credentials::schema::HolderKind::Person,
    };
    let mut choices = Vec::new();
    for known in types
        .all()
        .filter(|known| has_grants(&known.holder.proof) && known.holder.kind == kind)
    {
        for (did, name) in visit.service().issuers_of(&known.vct) {
            choices.push((
                format!("{did} {}", known.vct),
                format!("{} – {name}", known.label.get(words.language())),
            ));
        }
    }
    html! {
        section.card {
            h2 { (words.t("wallet-lost-title")) }
            p { (words.t("wallet-lost-what")) }
            @if choices.is_empty() {
                p { (words.t("wallet-lost-nobody")) }
            } @else {
                form method="post" action="/wallet/grants/review" {
                    (hidden(visit))
                    label for="source" { (words.t("wallet-lost-source")) }
                    select #source name="source" {
                        @for (value, label) in &choices { option value=(value) { (label) } }
                    }
                    button type="submit" { (words.t("wallet-lost-ask")) }
                }
            }
            p { a href="/wallet/grants/found" { (words.t("wallet-lost-seen")) } }
        }
    }
}

/// Asks a source what is granted there, or takes back what is named. Both wait for the person's yes.
pub(super) async fn review(form: Form) -> Response {
    let done = form.once(async move |form: Arc<Form>| {
        let wrong = || Failure::from(Problem::new(Code::Malformed, "source"));
        let source = form.required("source", LINE_MAX)?;
        let (did, vct) = source.split_once(' ').ok_or_else(wrong)?;
        let end: Vec<String> = form.all("end").map(ToOwned::to_owned).collect();
        let what = Consent::Review {
            issuer: Did::parse(did).ok_or_else(wrong)?,
            credential_type: vct.to_owned(),
            end,
        };
        let outcome = form.visit.execute(Command::Consent { what }).await?;
        Ok(match text(&outcome, "outcome") {
            "waiting" => format!("/wallet/requests/{}", text(&outcome, "id")),
            _ => "/wallet/grants/found".to_owned(),
        })
    });
    done.await
}

/// What sources have shown within the last day.
pub(super) async fn found(visit: Visit) -> Response {
    let page = async {
        let answer = visit.execute(Command::WalletFound).await?;
        let grants = members(&answer, "grants");
        let words = &visit.words;
        let body = html! {
            h1 { (words.t("wallet-found-title")) }
            p { (words.t("wallet-found-what")) }
            @if grants.is_empty() { p { (words.t("wallet-found-none")) } }
            ul.cards { @for grant in grants.iter().take(CARDS) { (seen(&visit, grant)) } }
            p { a href="/wallet/grants" { (words.t("wallet-grants-all")) } }
        };
        Ok(visit.page(&words.plain("wallet-found-title"), body))
    };
    let page = page.await;
    visit.answer(page)
}

fn seen(visit: &Visit, grant: &Value) -> Markup {
    let words = &visit.words;
    let is_open = grant.at("withdrawn").is_null();
    let state = if is_open { "active" } else { "withdrawn" };
    let count = grant.at("uses").to_string();
    html! {
        li.card {
            h2 { (text(grant, "asker_name")) " – " (type_label(visit, text(grant, "vct"))) }
            p { span class=(manner(state)) { (words.t(&format!("grant-state-{state}"))) } }
            p { (service_label(visit, text(grant, "asker"), text(grant, "service"))) }
            p { (words.fill("wallet-grant-used", &[("count", &count)])) }
            p.fine {
                @if is_open { (words.t("wallet-standing-until")) " " (words.moment(grant.at("until"))) }
                @else { (words.t("wallet-grant-withdrawn-at")) " " (words.moment(grant.at("withdrawn"))) }
            }
            @match (is_open, grant.at("id").as_str()) {
                // One of this wallet's own is taken back here.
                (true, Some(id)) => (button(
                    visit,
                    &format!("/wallet/grants/{id}/withdraw"),
                    words.fill("wallet-withdraw", &[("name", text(grant, "asker_name"))]),
                )),
                (true, None) => form method="post" action="/wallet/grants/review" {
                    (hidden(visit))
                    input type="hidden" name="source" value=(format!("{} {}", text(grant, "issuer"), text(grant, "vct")));
                    input type="hidden" name="end" value=(text(grant, "name"));
                    button type="submit" { (words.fill("wallet-withdraw", &[("name", text(grant, "asker_name"))])) }
                },
                _ => {},
            }
        }
    }
}
