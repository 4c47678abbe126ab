//! What came of a decision, and every other line of the history by itself: what was shared with whom, without values, and how to undo it.

use super::{button, claim_labels, list, of_holder, paths, said, service_label, text, type_label};
use crate::error::Failure;
use crate::http::visit::Visit;
use crate::output::At;
use crate::service::{Command, Consent};
use axum::response::Response;
use maud::{Markup, html};
use serde_json::Value;

/// The page of one line of the history.
pub(super) async fn page(visit: &Visit, event: &Value, above: Markup) -> Result<Response, Failure> {
    let words = &visit.words;
    let entry = event.at("id").as_u64().unwrap_or_default();
    // Only what was decided about an asker's request has papers.
    let asked = Consent::Receipt { entry };
    let has_papers = visit.execute(Command::Consent { what: asked }).await.is_ok();
    let body = html! {
        (above)
        div data-part="receipt" data-state=(text(event.at("receipt"), "verdict")) {
            // The person comes here from a decision: what they hear first is what came of it.
            h1 #receipt tabindex="-1" autofocus { (title(visit, event)) }
            (facts(visit, event))
            (verdict(visit, event, has_papers))
            (said::lines(visit, event))
        }
        (undo(visit, event))
        @if has_papers { (papers(visit, event, entry)) }
        @if text(event, "what") == "reported" { (report(visit, entry)) }
        section {
            h2 { (words.t("wallet-entry-more")) }
            p { a href=(format!("/wallet/history/{entry}/forget")) { (words.t("wallet-entry-forget")) } }
            p { a href="/wallet/history" { (words.t("wallet-entry-history")) } }
            p { a href="/wallet" { (words.t("wallet-to-home")) } }
        }
    };
    Ok(visit.page(&words.plain("wallet-entry-page"), body))
}

/// What happened, with whom.
fn title(visit: &Visit, event: &Value) -> Markup {
    let name = [("name", text(event, "with_name"))];
    let key = match text(event, "what") {
        "shared" => of_holder(visit, "wallet-receipt-shared", "wallet-receipt-shared-company"),
        "refused" => of_holder(visit, "wallet-receipt-refused", "wallet-receipt-refused-company"),
        "granted" => of_holder(visit, "wallet-receipt-granted", "wallet-receipt-granted-company"),
        "withdrawn" => "wallet-receipt-withdrawn",
        "deletion_requested" => "wallet-receipt-deletion",
        "identified" | "reviewed" => "wallet-receipt-identified",
        what => {
            return html! { (visit.words.t(&format!("event-{what}"))) " – " (text(event, "with_name")) };
        }
    };
    visit.words.fill(key, &name)
}

fn facts(visit: &Visit, event: &Value) -> Markup {
    let words = &visit.words;
    let types: Vec<&str> = list(event, "types").iter().filter_map(Value::as_str).collect();
    let claims = event
        .at("claims")
        .as_object()
        .into_iter()
        .flat_map(|claims| claims.values());
    let claims = paths(claims.flat_map(|paths| paths.as_array().into_iter().flatten()));
    let labels = claim_labels(visit, &types, &claims);
    let shared = match text(event, "what") {
        "granted" => "wallet-entry-granted",
        _ => "wallet-entry-shared",
    };
    html! {
        dl.facts {
            dt { (words.t("wallet-entry-when")) } dd { (words.moment(event.at("at"))) }
            dt { (words.t("wallet-entry-with")) } dd { (text(event, "with_name")) }
            @if !event.at("service").is_null() {
                dt { (words.t("wallet-entry-service")) }
                dd { (service_label(visit, text(event, "with"), text(event, "service"))) }
            }
            @if !types.is_empty() {
                dt { (words.t("wallet-entry-type")) }
                dd { @for (number, vct) in types.iter().enumerate() { @if number > 0 { ", " } (type_label(visit, vct)) } }
            }
            @if !labels.is_empty() {
                dt { (words.t(shared)) }
                dd { ul.plain { @for label in &labels { li { (label) } } } }
            }
            @if let Some(code) = event.at("code").as_str() {
                dt { (words.t("wallet-entry-why")) }
                dd { (words.fill(&format!("problem-{code}"), &[("detail", text(event, "detail"))])) }
            }
        }
        @if !labels.is_empty() { p.fine { (words.t("wallet-entry-no-values")) } }
    }
}

/// What the recipient says; that it has not said it yet.
fn verdict(visit: &Visit, event: &Value, has_papers: bool) -> Markup {
    let words = &visit.words;
    let (what, name) = (text(event, "what"), text(event, "with_name"));
    let receipt = event.at("receipt");
    html! {
        @if what == "refused" {
            p.card { (words.fill("wallet-receipt-told-no", &[("name", name)])) }
        } @else if matches!(what, "shared" | "granted") && has_papers {
            div.card role="status" {
                @if receipt.is_null() {
                    p { (words.fill("wallet-receipt-waits", &[("name", name)])) }
                } @else {
                    @let said = words.plain(&format!("verdict-{}", text(receipt, "verdict")));
                    p { (words.fill("wallet-receipt-says", &[("name", name), ("verdict", &said)])) }
                    @if let Some(code) = receipt.at("code").as_str() {
                        p { (words.fill(&format!("problem-{code}"), &[("detail", "")])) }
                    }
                    @if receipt.at("until").is_null() {
                        p { (words.fill("wallet-receipt-until-end", &[("name", name)])) }
                    } @else {
                        p { (words.fill("wallet-receipt-until", &[("name", name)])) " " (words.moment(receipt.at("until"))) "." }
                    }
                }
            }
        }
    }
}

/// How to undo what was decided.
fn undo(visit: &Visit, event: &Value) -> Markup {
    let words = &visit.words;
    let (entry, name) = (event.at("id"), [("name", text(event, "with_name"))]);
    html! {
        @match text(event, "what") {
            "shared" => section {
                h2 { (words.t("wallet-undo-title")) }
                p { (words.fill("wallet-undo-shared", &name)) }
                (button(visit, &format!("/wallet/history/{entry}/erase"), words.fill("wallet-undo-erase", &name)))
            },
            "granted" => section {
                h2 { (words.t("wallet-undo-title")) }
                p { (words.fill("wallet-undo-granted", &name)) }
                p { a.button href="/wallet/grants" { (words.t("wallet-undo-grants")) } }
                (button(visit, &format!("/wallet/history/{entry}/erase"), words.fill("wallet-undo-erase", &name)))
            },
            "refused" => p { (words.t("wallet-undo-refused")) },
            "deletion_requested" => p { (words.fill("wallet-deletion-waits", &name)) },
            _ => {},
        }
    }
}

/// What can be handed over.
fn papers(visit: &Visit, event: &Value, entry: u64) -> Markup {
    let words = &visit.words;
    html! {
        section {
            h2 { (words.t("wallet-papers-title")) }
            p { a.button href=(format!("/wallet/history/{entry}/receipt")) { (words.t("wallet-papers-receipt")) } }
            p { a.button href=(format!("/wallet/history/{entry}/report")) {
                (words.fill("wallet-papers-report", &[("name", text(event, "with_name"))]))
            } }
        }
    }
}

/// A report that was written.
fn report(visit: &Visit, entry: u64) -> Markup {
    html! {
        section {
            h2 { (visit.words.t("wallet-papers-title")) }
            p { (visit.words.t("wallet-report-made")) }
            p { a.button href=(format!("/wallet/history/{entry}/reported")) { (visit.words.t("wallet-report-download")) } }
            (super::history::authority(visit))
        }
    }
}
