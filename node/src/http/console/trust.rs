//! Standing in the trust list, the organisation's keys and certificate, the nodes it talks with, and alarms.

mod alarms;

pub(super) use alarms::{alarm, dismiss};

use super::bulk::{passphrase_field, wrong_person};
use super::shown::{
    Wrong, alert, back, count, grouped, heading, instant, label, list, moment, refresh, refused, seconds, text,
};
use crate::clock;
use crate::error::Failure;
use crate::http::form::Form;
use crate::http::page::hidden;
use crate::http::visit::Visit;
use crate::output::At;
use crate::service::Command;
use axum::extract::Path;
use axum::response::Response;
use credentials::Code;
use maud::{Markup, html};
use serde_json::Value;

/// Days before its end from which a key or certificate is shown as something to see to.
const SOON_DAYS: i64 = 30;
/// Peers on the page: an organisation's node talks with about 150, and wallets come and go.
const PEERS: usize = 50;

/// `GET /console/trust`.
pub(super) async fn show(visit: Visit) -> Response {
    visit.answer(page(&visit, None).await)
}

/// An answer, or nothing where there is none yet: a node that is not listed has neither list nor certificate.
async fn known(visit: &Visit, command: Command) -> Result<Option<Value>, Failure> {
    match visit.execute(command).await {
        Ok(answer) => Ok(Some(answer)),
        Err(failure) if [Code::TrustMissing, Code::NotFound].contains(&failure.problem.code) => Ok(None),
        Err(failure) => Err(failure),
    }
}

async fn page(visit: &Visit, wrong: Option<Wrong>) -> Result<Response, Failure> {
    let status = visit.execute(Command::Status).await?;
    let trust = known(visit, Command::TrustShow).await?;
    let certificate = known(visit, Command::Certificate { renew: false }).await?;
    let keys = visit.execute(Command::Keys).await?;
    let peers = visit.execute(Command::Peers).await?;
    let alarms = visit
        .execute(Command::Alarms {
            id: None,
            dismiss: false,
        })
        .await?;
    let body = html! {
        (heading(visit, "console-trust-title"))
        (alert(visit, wrong))
        (alarms::alarm_list(visit, &alarms))
        (standing(visit, &status, trust.as_ref()))
        (certificate_of(visit, certificate.as_ref()))
        (key_list(visit, &keys, wrong))
        (peer_list(visit, &peers))
        (refresh(visit))
    };
    let title = visit.words.plain("console-trust-title");
    Ok(match wrong {
        None => visit.page(&title, body),
        Some(_) => refused(visit, &title, body),
    })
}

fn standing(visit: &Visit, status: &Value, trust: Option<&Value>) -> Markup {
    let current = status.at("trust");
    let own = visit
        .service()
        .config()
        .organisation
        .as_ref()
        .map(|own| own.did.to_string());
    let entry = trust.and_then(|trust| {
        let mut all = list(trust, "organisations").iter();
        all.find(|organisation| organisation.at("did").as_str() == own.as_deref())
    });
    html! {
        section aria-labelledby="standing" {
            h2 #standing { (visit.words.t("console-trust-standing")) }
            div data-part="standing" {
                @if current.is_null() { p.alert.warning { (visit.words.t("console-trust-none")) } } @else {
                    @if current.at("current").as_bool() != Some(true) {
                        p.alert.danger { (visit.words.t("console-trust-not-current")) }
                    }
                    dl.facts {
                        dt { (visit.words.t("console-trust-version")) } dd { (text(current, "version")) }
                        dt { (visit.words.t("console-trust-head-age")) }
                        dd { (seconds(visit, current.at("head_age_s").as_i64().unwrap_or(0))) }
                        dt { (visit.words.t("console-trust-head-expires")) } dd { (moment(visit, current.at("head_expires"))) }
                        dt { (visit.words.t("console-trust-next")) } dd { (moment(visit, current.at("next_update"))) }
                        dt { (visit.words.t("console-trust-organisations")) } dd { (count(current.at("organisations"))) }
                    }
                    @match entry {
                        None => p.alert.warning { (visit.words.t("console-trust-not-listed")) },
                        Some(entry) => (own_entry(visit, entry)),
                    }
                }
            }
        }
    }
}

fn own_entry(visit: &Visit, entry: &Value) -> Markup {
    let issues: Vec<&str> = list(entry, "issues")
        .iter()
        .filter_map(Value::as_str)
        .map(|vct| label(visit, vct))
        .collect();
    let services: Vec<&str> = list(entry, "services").iter().filter_map(Value::as_str).collect();
    html! {
        dl.facts {
            dt { (visit.words.t("console-trust-entry")) } dd { (text(entry, "name")) " (" (text(entry, "number")) ")" }
            @if !issues.is_empty() { dt { (visit.words.t("console-trust-issues")) } dd { (issues.join(", ")) } }
            @if !services.is_empty() { dt { (visit.words.t("console-trust-services")) } dd { (services.join(", ")) } }
            dt { (visit.words.t("console-trust-listed-keys")) } dd { (grouped(list(entry, "keys").len() as u64)) }
        }
    }
}

fn certificate_of(visit: &Visit, certificate: Option<&Value>) -> Markup {
    html! {
        section aria-labelledby="certificate" {
            h2 #certificate { (visit.words.t("console-certificate-title")) }
            div data-part="certificate" {
                @match certificate {
                    None => p { (visit.words.t("console-certificate-none")) },
                    Some(certificate) => dl.facts {
                        dt { (visit.words.t("console-certificate-serial")) } dd { (count(certificate.at("serial"))) }
                        dt { (visit.words.t("console-column-issued-at")) } dd { (moment(visit, certificate.at("issued"))) }
                        dt { (visit.words.t("console-column-expires")) } dd { (ends(visit, certificate.at("expires"))) }
                        dt { (visit.words.t("console-certificate-peer")) } dd.mono { (text(certificate, "peer")) }
                    },
                }
            }
        }
    }
}

/// An end, and the days until it.
fn ends(visit: &Visit, value: &Value) -> Markup {
    let days = instant(value).map(|at| at.since(clock::now()) / 86_400);
    html! {
        (moment(visit, value))
        @if let Some(days) = days {
            " "
            span.state.(if days < SOON_DAYS { "unsure" } else { "good" }) {
                (visit.words.fill("console-days-left", &[("days", &days.max(0).to_string())]))
            }
        }
    }
}

fn key_list(visit: &Visit, keys: &Value, wrong: Option<Wrong>) -> Markup {
    let proposed = keys.at("proposed");
    html! {
        section aria-labelledby="keys" {
            h2 #keys { (visit.words.t("console-keys-title")) }
            div.scroll data-part="keys" tabindex="0" role="group" aria-labelledby="keys" {
                table {
                    caption { (visit.words.t("console-keys-caption")) }
                    thead { tr {
                        th scope="col" { (visit.words.t("console-column-key")) }
                        th scope="col" { (visit.words.t("console-column-use")) }
                        th scope="col" { (visit.words.t("console-column-from")) }
                        th scope="col" { (visit.words.t("console-column-expires")) }
                    } }
                    tbody {
                        @for key in list(keys, "keys") {
                            tr {
                                th.mono scope="row" { (text(key, "kid")) }
                                td { (visit.words.t(use_of(key))) }
                                td { (moment(visit, key.at("from"))) }
                                td { (ends(visit, key.at("until"))) }
                            }
                        }
                    }
                }
            }
            div data-part="proposed" data-state=(text(proposed, "proposal")) role="status" {
                @if proposed.is_object() { (proposed_key(visit, proposed, wrong)) } @else {
                    p { a.button href="/console/trust/rotate" { (visit.words.t("console-rotate-title")) } }
                }
            }
        }
    }
}

/// What a key is there for.
fn use_of(key: &Value) -> &'static str {
    let is = |name: &str| key.at(name).as_bool() == Some(true);
    match (key.at("compromised").is_null(), is("signs"), is("listed")) {
        (false, _, _) => "console-key-compromised",
        (true, true, true) => "console-key-signs",
        (true, true, false) => "console-key-signs-unlisted",
        (true, false, true) => "console-key-listed",
        (true, false, false) => "console-key-unlisted",
    }
}

fn proposed_key(visit: &Visit, proposed: &Value, wrong: Option<Wrong>) -> Markup {
    let form = |turn: &str, inner: Markup| {
        html! {
            form method="post" action=(format!("/console/trust/keys/{turn}")) {
                (hidden(visit))
                input type="hidden" name="proposal" value=(text(proposed, "proposal"));
                (inner)
            }
        }
    };
    html! {
        div.card {
            p { (visit.words.fill("console-key-proposed", &[("by", text(proposed, "proposed_by"))])) " " (moment(visit, proposed.at("until"))) }
            @if text(proposed, "proposed_by") != visit.visitor.handle {
                (form("approve", html! {
                    (passphrase_field(visit, wrong))
                    button.primary type="submit" { (visit.words.t("console-key-approve")) }
                }))
            } @else { p { (visit.words.t("console-key-wait")) } }
            (form("cancel", html! { button type="submit" { (visit.words.t("console-key-cancel")) } }))
        }
    }
}

/// `GET /console/trust/rotate`: what a new key means, before there is one.
pub(super) async fn ask(visit: Visit) -> Response {
    ask_page(&visit, None)
}

fn ask_page(visit: &Visit, wrong: Option<Wrong>) -> Response {
    let body = html! {
        (heading(visit, "console-rotate-title"))
        (alert(visit, wrong))
        p.alert.warning { (visit.words.t("console-rotate-consequence")) }
        p { (visit.words.t("console-rotate-two")) }
        form.card method="post" action="/console/trust/rotate" {
            (hidden(visit))
            (passphrase_field(visit, wrong))
            button.primary type="submit" { (visit.words.t("console-rotate-yes")) }
        }
        (back(visit, "/console/trust", "console-rotate-no"))
    };
    let title = visit.words.plain("console-rotate-title");
    match wrong {
        None => visit.page(&title, body),
        Some(_) => refused(visit, &title, body),
    }
}

/// `POST /console/trust/rotate`.
pub(super) async fn rotate(form: Form) -> Response {
    match wrong_person(&form).await {
        Ok(None) => {}
        Ok(Some(wrong)) => return ask_page(&form.visit, Some(wrong)),
        Err(failure) => return form.visit.failure(&failure),
    }
    form.once(async move |form| {
        form.visit.execute(Command::KeysRotate { from: None }).await?;
        Ok("/console/trust".to_owned())
    })
    .await
}

/// `POST /console/trust/keys/{turn}`: the second person's yes, or somebody's no.
pub(super) async fn turn(Path(turn): Path<String>, form: Form) -> Response {
    if turn == "approve" {
        match wrong_person(&form).await {
            Ok(None) => {}
            Ok(Some(wrong)) => return form.visit.answer(page(&form.visit, Some(wrong)).await),
            Err(failure) => return form.visit.failure(&failure),
        }
    }
    form.once(async move |form| {
        let proposal = form.required("proposal", 64)?.to_owned();
        let command = match turn.as_str() {
            "approve" => Command::KeysApprove { proposal },
            "cancel" => Command::KeysCancel { proposal },
            _ => return Err(Code::NotFound.into()),
        };
        form.visit.execute(command).await?;
        Ok("/console/trust".to_owned())
    })
    .await
}

fn peer_list(visit: &Visit, peers: &Value) -> Markup {
    // Organisations first: who is not named is a wallet, and comes and goes.
    let all = list(peers, "peers");
    let named = all.iter().filter(|peer| !peer.at("name").is_null());
    let wallets = all.iter().filter(|peer| peer.at("name").is_null()).count();
    html! {
        section aria-labelledby="peers" {
            h2 #peers { (visit.words.t("console-peers-title")) }
            div.scroll data-part="peers" tabindex="0" role="group" aria-labelledby="peers" {
                @if all.is_empty() { p { (visit.words.t("console-peers-none")) } } @else {
                    table {
                        caption { (visit.words.t("console-peers-caption")) }
                        thead { tr {
                            th scope="col" { (visit.words.t("console-column-organisation")) }
                            th scope="col" { (visit.words.t("console-column-connected")) }
                        } }
                        tbody {
                            @for peer in named.take(PEERS) {
                                tr {
                                    th scope="row" { (text(peer, "name")) }
                                    td {
                                        @if peer.at("connected").as_bool() == Some(true) { (visit.words.t("console-peer-connected")) }
                                        @else { (visit.words.t("console-peer-away")) }
                                    }
                                }
                            }
                        }
                    }
                }
                @if wallets > 0 { p { (visit.words.fill("console-peers-wallets", &[("count", &grouped(wallets as u64))])) } }
            }
        }
    }
}
