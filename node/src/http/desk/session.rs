//! One request: how the customer gets it, how far it has come, the verdict with every reason, what may be kept, and how what was shown
//! stands now.
//!
//! What changes by itself stands in parts of its own, so that an open page follows without being loaded anew.

use super::shown::{self, list, text};
use super::{code, found, new};
use crate::error::Failure;
use crate::http::Visit;
use crate::http::form::Form;
use crate::http::page::hidden;
use crate::http::words::Words;
use crate::output::At;
use crate::service::Command;
use axum::extract::{Path, Query};
use axum::response::Response;
use maud::{Markup, html};
use serde::Deserialize;
use serde_json::Value;

/// What the page that was there before says to this one.
#[derive(Deserialize, Default)]
pub(super) struct Came {
    /// The request that was asked for was open already.
    already: Option<String>,
    /// It could not be left in a mailbox.
    unsent: Option<String>,
}

/// The page.
pub(super) async fn show(visit: Visit, Path(id): Path<String>, Query(came): Query<Came>) -> Response {
    visit.answer(page(&visit, &id, &came).await)
}

/// A session, and the services it may be of.
pub(super) async fn read(visit: &Visit, id: &str) -> Result<(Value, Value), Failure> {
    let id = id.to_owned();
    let found = visit.execute(Command::VerifierSession { id }).await?;
    // Names of services are a help; a session is shown without them too.
    let services = visit.execute(Command::VerifierServices).await.unwrap_or_default();
    Ok((found, services))
}

async fn page(visit: &Visit, id: &str, came: &Came) -> Result<Response, Failure> {
    let words = &visit.words;
    let (found, services) = read(visit, id).await?;
    let session = found.at("session");
    let stamp = stamp(session);
    let service = text(session, "service");
    let body = html! {
        h1 { (words.t("desk-case")) " " (text(session, "case")) }
        @if came.already.is_some() { p.alert.warning role="alert" { (words.t("desk-already")) } }
        @if came.unsent.is_some() { p.alert.warning role="alert" { (words.t("desk-unsent")) } }
        dl.facts {
            dt { (words.t("desk-service")) } dd { (new::name_of(words, &services, service)) }
            dt { (words.t("desk-made")) } dd { (words.moment(session.at("created"))) }
        }
        div data-part="desk-state" data-state=(stamp) role="status" { (standing(words, session)) }
        div data-part="desk-now" { (stands(words, session)) }
        div data-part="desk-give" data-state=(stamp) { (give(visit, session)) }
        div data-part="desk-found" data-state=(stamp) { (found::out(words, session, found.at("reach"))) }
        div data-part="desk-keep" data-state=(stamp) { (keeping(words, session)) }
        div data-part="desk-next" data-state=(stamp) { (next(visit, session)) }
        p.no-print { a href=(format!("/desk/sessions/{id}")) { (words.t("page-refresh")) } }
        script src="/assets/desk.js" defer {}
    };
    Ok(visit.page(&words.plain("desk-session-title"), body))
}

/// What tells one state of the page from another where the words may be equal.
fn stamp(session: &Value) -> String {
    let mut stamp = format!("{}.{}", text(session, "state"), text(session, "verdict"));
    for one in list(session, "now") {
        stamp.push('.');
        stamp.push_str(text(one, "state"));
        stamp.push_str(if one.at("is_expired") == true { "-" } else { "" });
    }
    if !session.at("erased_at").is_null() {
        stamp.push_str(".erased");
    }
    stamp
}

fn standing(words: &Words, session: &Value) -> Markup {
    match (text(session, "state"), session.at("verdict").as_str()) {
        ("completed", Some(verdict)) => html! {
            (judged(words, session, verdict))
            (since(words, session))
        },
        ("active", _) => html! {
            p.alert {
                strong { span aria-hidden="true" { "○ " } (words.t("desk-state-active")) } ". "
                (words.t("desk-answer-until")) " " (words.moment(session.at("expires"))) "."
            }
        },
        ("fetched", _) => html! {
            p.alert {
                strong { span aria-hidden="true" { "◐ " } (words.t("desk-state-fetched")) } ". "
                (words.t("desk-answer-until")) " " (words.moment(session.at("expires"))) "."
            }
        },
        ("expired", _) => html! {
            p.alert.unsure {
                strong { span aria-hidden="true" { "– " } (words.t("desk-state-expired")) } ". "
                (words.t("desk-expired-at")) " " (words.moment(session.at("expires"))) ". " (words.t("desk-expired-next"))
            }
        },
        _ => html! {
            p.alert.unsure {
                strong { span aria-hidden="true" { "– " } (words.t("desk-state-failed")) } ". " (words.t("desk-failed-next"))
            }
        },
    }
}

fn judged(words: &Words, session: &Value, verdict: &str) -> Markup {
    let (sign, class, key) = shown::verdict(verdict);
    let code = text(session, "code");
    let is_grant = !session.at("grant").is_null();
    html! {
        div class=(format!("alert {}", class)) {
            p.verdict { span aria-hidden="true" { (sign) " " } (words.t(key)) }
            @if verdict != "valid" && !code.is_empty() { p { (words.t(&format!("problem-{code}"))) } }
            @if verdict == "undecided" { p { (words.t("desk-undecided-next")) } }
            @if verdict == "valid" && is_grant { p { (words.t("desk-grant-given")) } }
            @for note in list(session, "notes").filter_map(Value::as_str) {
                p { strong { (words.t("desk-note")) } " " (words.t(&format!("problem-{note}"))) }
            }
            p.fine { (words.t("desk-checked-at")) " " (words.moment(session.at("checked_at"))) "." }
        }
        @if let (true, Some(name)) = (is_grant, session.at("grant").at("name").as_str()) {
            @if verdict == "valid" { p { a.button href=(format!("/desk/grants/{name}")) { (words.t("desk-to-grant")) } } }
        }
    }
}

/// What people call the credential that `now` is about.
fn name_now<'a>(words: &Words, session: &'a Value, now: &'a Value) -> &'a str {
    words.of(session.at("about").at(text(now, "credential")).at("label"))
}

/// What has ended since the verdict, which is of its own time and stays.
fn since(words: &Words, session: &Value) -> Markup {
    html! {
        @for one in list(session, "now") {
            @let name = name_now(words, session, one);
            @match text(one, "state") {
                state @ ("revoked" | "suspended") => div.alert.danger {
                    p { strong { span aria-hidden="true" { "✗ " } (name) ": " (words.t(shown::fallen(state))) " "
                        (words.t("desk-now-after")) } }
                    p { (words.t("desk-now-seen")) " " (words.moment(one.at("seen_at"))) ". " (words.t("desk-now-stands")) }
                },
                _ if one.at("is_expired") == true => div.alert.unsure {
                    p { strong { span aria-hidden="true" { "– " } (name) ": " (words.t("desk-now-expired")) } " "
                        (words.moment(one.at("expires"))) ". " (words.t("desk-now-stands")) }
                },
                _ => {},
            }
        }
    }
}

/// What each issuer last said, and when. It changes with every list that comes, and is no news: nobody is to be told each time.
fn stands(words: &Words, session: &Value) -> Markup {
    html! {
        @for one in list(session, "now") {
            p.fine {
                (name_now(words, session, one)) ": "
                @match one.at("state").as_str() {
                    Some("valid") => (words.t("desk-now-valid")),
                    Some("superseded") => (words.t("desk-now-superseded")),
                    Some(state) => { (words.t(shown::fallen(state))) "." },
                    None => (words.t("desk-now-unknown")),
                }
                @if one.at("said_at").is_string() {
                    " " (words.t("desk-now-said")) " " (words.moment(one.at("said_at"))) "."
                }
            }
        }
    }
}

/// The link in its three forms, as long as an answer is taken.
fn give(visit: &Visit, session: &Value) -> Markup {
    let words = &visit.words;
    let Some(link) = session.at("link").as_str() else {
        return html! {};
    };
    let encoded: String = form_urlencoded::byte_serialize(link.as_bytes()).collect();
    let wallet = visit.app.settings().wallet.as_deref();
    let here = wallet.map(|base| format!("{}/wallet/open?link={encoded}", base.trim_end_matches('/')));
    html! {
        h2 { (words.t("desk-give-title")) }
        p { (words.t("desk-give-how")) }
        @match code::svg(link, &words.plain("desk-qr")) {
            Some(svg) => (svg),
            None => p { (words.t("desk-qr-none")) },
        }
        label for="link" { (words.t("desk-link")) }
        span.hint #link-hint { (words.t("desk-link-hint")) }
        textarea #link.mono readonly rows="4" spellcheck="false" aria-describedby="link-hint" { (link) }
        p.row {
            button.when-script type="button" data-copy="link" data-copied=(words.plain("desk-copied")) { (words.t("desk-copy")) }
            @match here {
                Some(here) => a.button href=(here) target="_blank" rel="noopener" { (words.t("desk-open-here")) },
                None => a.button href=(link) { (words.t("desk-open-app")) },
            }
        }
    }
}

/// What may be kept, on which ground, until when; or that it is gone.
fn keeping(words: &Words, session: &Value) -> Markup {
    let is_valid = text(session, "verdict") == "valid";
    let deletion = session.at("deletion");
    let is_gone = !session.at("erased_at").is_null();
    let has_claims = session
        .at("claims")
        .as_object()
        .is_some_and(|claims| !claims.is_empty());
    html! {
        @if is_valid && session.at("grant").is_null() {
            h2 { (words.t("desk-keep-title")) }
            @if is_gone {
                p.alert { (words.t("desk-erased")) " " (words.moment(session.at("erased_at"))) ". " (words.t("desk-erased-left")) }
                @if session.at("erasure").is_null() { p { (words.t("desk-erasure-soon")) } }
                (shown::said(words, session.at("said")))
                @if let Some(signed) = session.at("erasure").as_str() {
                    details { summary { (words.t("desk-erasure-signed")) } pre { code { (signed) } } }
                }
            } @else {
                dl.facts {
                    dt { (words.t("desk-keep-until")) }
                    dd {
                        @match session.at("keep_until").as_str() {
                            Some(_) => { (words.moment(session.at("keep_until"))) ". " (words.t("desk-keep-then")) },
                            None if has_claims => { (words.t("desk-keep-session")) },
                            None => { (words.t("desk-keep-nothing")) },
                        }
                    }
                    dt { (words.t("desk-ground")) } dd { (words.of(session.at("keep_ground_text"))) }
                }
            }
        }
        @if !deletion.is_null() {
            h2 { (words.t("desk-deletion-title")) }
            p { (words.t("desk-deletion")) " " (words.moment(deletion.at("at"))) "." }
            (shown::said(words, deletion.at("said")))
        }
    }
}

/// What can be done next.
fn next(visit: &Visit, session: &Value) -> Markup {
    let words = &visit.words;
    let id = text(session, "id");
    let is_open = !session.at("link").is_null();
    let is_held = session.at("keep_until").is_null() && session.at("claims").as_object().is_some_and(|c| !c.is_empty());
    let again = format!("/desk/new/{}?again={id}", text(session, "service"));
    html! {
        div.row.no-print {
            @if !session.at("decision").is_null() && session.at("receipt").is_string() {
                a.button href=(format!("/desk/sessions/{id}/receipt")) { (words.t("desk-receipt-link")) }
            }
            @if !is_open && text(session, "verdict") != "valid" {
                a.button.primary href=(again) { (words.t("desk-again")) }
            }
            @if is_open || is_held {
                form method="post" action=(format!("/desk/sessions/{id}/close")) {
                    (hidden(visit))
                    button type="submit" { @if is_open { (words.t("desk-close")) } @else { (words.t("desk-forget")) } }
                }
            }
        }
    }
}

/// Ends an open request, or forgets what is held of an answer.
pub(super) async fn close(Path(id): Path<String>, form: Form) -> Response {
    form.once(async move |form| {
        // One that is not ours, or gone, is told as such.
        form.visit.execute(Command::VerifierSession { id: id.clone() }).await?;
        form.visit.execute(Command::VerifierClose { id: id.clone() }).await?;
        Ok(format!("/desk/sessions/{id}"))
    })
    .await
}
