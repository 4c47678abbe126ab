//! Who did what: the log's entries, whether its chain is whole, and all of it as a file.

use super::shown::{count, from, grouped, heading, label, list, moment, refresh, text};
use super::{PAGE_ROWS, rejected};
use crate::error::Failure;
use crate::http::visit::Visit;
use crate::output::At;
use crate::service::Command;
use axum::body::{Body, Bytes};
use axum::response::Response;
use futures::stream::unfold;
use maud::{Markup, html};
use serde_json::Value;
use std::collections::BTreeMap;
use std::convert::Infallible;

/// Entries that are looked through whenever the page is opened; with more, somebody asks for it.
const CHECKED_MAX: u64 = 2_000;
/// Entries that are read at once for the file.
const TOGETHER: u32 = 500;

/// `GET /console/record`.
pub(super) async fn show(visit: Visit) -> Response {
    visit.answer(page(&visit).await)
}

async fn page(visit: &Visit) -> Result<Response, Failure> {
    let command = Command::Record {
        from: from(visit).filter(|number| *number > 0),
        limit: u32::try_from(PAGE_ROWS).unwrap_or(u32::MAX),
        forward: false,
    };
    let record = visit.execute(command).await?;
    let people = names(visit).await?;
    let count = record.at("head").at("number").as_u64().unwrap_or(0);
    let is_asked = visit.path.ends_with("?check=1");
    let checked = match count <= CHECKED_MAX || is_asked {
        true => Some(visit.execute(Command::RecordVerify).await?),
        false => None,
    };
    let body = html! {
        (heading(visit, "console-record-title"))
        p { (visit.words.t("console-record-what")) }
        (chain(visit, count, checked.as_ref()))
        p { a.button href="/console/record/file" download { (visit.words.t("console-record-file")) } }
        (table(visit, &record, &people))
        @if let Some(next) = record.at("next").as_u64() {
            p { a href=(format!("/console/record?from={next}")) { (visit.words.t("console-older")) } }
        }
        (refresh(visit))
    };
    Ok(visit.page(&visit.words.plain("console-record-title"), body))
}

/// Names of accounts, by handle.
async fn names(visit: &Visit) -> Result<BTreeMap<String, String>, Failure> {
    let people = visit.execute(Command::People).await?;
    let all = list(&people, "people").iter();
    Ok(all
        .map(|person| (text(person, "handle").to_owned(), text(person, "name").to_owned()))
        .collect())
}

/// Whether the chain of hashes is whole.
fn chain(visit: &Visit, entries: u64, checked: Option<&Value>) -> Markup {
    html! {
        div data-part="chain" role="status" {
            @match checked {
                None => p { a href="/console/record?check=1" {
                    (visit.words.fill("console-record-check", &[("count", &grouped(entries))]))
                } },
                Some(checked) if checked.at("whole").as_bool() == Some(true) => p.alert.good {
                    (visit.words.fill("console-record-whole", &[("count", &count(checked.at("entries")))]))
                },
                Some(checked) => p.alert.danger {
                    (visit.words.fill("console-record-broken", &[("number", &count(checked.at("broken_at")))]))
                },
            }
        }
    }
}

/// The text of an act.
fn what(entry: &Value) -> &'static str {
    match text(entry, "what") {
        "import_started" => "console-act-import-started",
        "import_paused" => "console-act-import-paused",
        "import_resumed" => "console-act-import-resumed",
        "import_finished" => "console-act-import-finished",
        "offered" => "console-act-offered",
        "revoked" => "console-act-revoked",
        "suspended" => "console-act-suspended",
        "reinstated" => "console-act-reinstated",
        "bulk_proposed" => "console-act-bulk-proposed",
        "bulk_approved" => "console-act-bulk-approved",
        "bulk_cancelled" => "console-act-bulk-cancelled",
        "bulk_paused" => "console-act-bulk-paused",
        "bulk_resumed" => "console-act-bulk-resumed",
        "bulk_finished" => "console-act-bulk-finished",
        "endings_published" => "console-act-endings-published",
        "key_proposed" => "console-act-key-proposed",
        "key_cancelled" => "console-act-key-cancelled",
        "key_rotated" => "console-act-key-rotated",
        "certificate_renewed" => "console-act-certificate-renewed",
        "person_added" => "console-act-person-added",
        "person_removed" => "console-act-person-removed",
        "passphrase_changed" => "console-act-passphrase-changed",
        "login" => "console-act-login",
        "login_refused" => "console-act-login-refused",
        "login_refusals_cut" => "console-act-login-refusals-cut",
        "backup_made" => "console-act-backup-made",
        "trust_taken" => "console-act-trust-taken",
        "trust_signed" => "console-act-trust-signed",
        "notice_published" => "console-act-notice-published",
        "alarm_dismissed" => "console-act-alarm-dismissed",
        "epoch_began" => "console-act-epoch-began",
        "failed" => "console-act-failed",
        _ => "console-act-other",
    }
}

/// Who did it: an account by name, or what else acts.
fn who(visit: &Visit, entry: &Value, people: &BTreeMap<String, String>) -> Markup {
    let handle = text(entry, "who");
    html! {
        @match handle {
            "cli" => (visit.words.t("console-who-cli")),
            "node" => (visit.words.t("console-who-node")),
            "unknown" => (visit.words.t("console-who-unknown")),
            _ => {
                @match (handle.strip_prefix("api:"), people.get(handle)) {
                    (Some(token), _) => (visit.words.fill("console-who-api", &[("name", token)])),
                    (None, Some(name)) => { (name) " (" (handle) ")" },
                    (None, None) => (handle),
                }
            },
        }
    }
}

fn table(visit: &Visit, record: &Value, people: &BTreeMap<String, String>) -> Markup {
    html! {
        div.scroll data-part="record" tabindex="0" role="group" aria-label=(visit.words.plain("console-record-title")) {
            table {
                caption { (visit.words.t("console-record-caption")) }
                thead { tr {
                    th.number scope="col" { (visit.words.t("console-column-number")) }
                    th scope="col" { (visit.words.t("console-column-when")) }
                    th scope="col" { (visit.words.t("console-column-who")) }
                    th scope="col" { (visit.words.t("console-column-what")) }
                    th scope="col" { (visit.words.t("console-column-about")) }
                } }
                tbody {
                    @for entry in list(record, "entries") {
                        tr {
                            th.number scope="row" { (count(entry.at("number"))) }
                            @if entry.at("damaged").as_bool() == Some(true) {
                                td colspan="4" { (visit.words.t("console-record-damaged")) }
                            } @else {
                                td { (moment(visit, entry.at("at"))) }
                                td { (who(visit, entry, people)) }
                                td { (visit.words.t(what(entry))) }
                                td { (about(visit, entry)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// What an entry is about: names and counts.
fn about(visit: &Visit, entry: &Value) -> Markup {
    let about = entry.at("about");
    let job = text(about, "job");
    let counts = [
        ("credentials", "console-about-credentials"),
        ("copies", "console-about-copies"),
        ("rows", "console-about-rows"),
        ("rejected", "console-about-rejected"),
        ("entry", "console-about-entry"),
        ("number", "console-about-number"),
    ];
    html! {
        ul.plain {
            @if !text(about, "type").is_empty() { li { (label(visit, text(about, "type"))) } }
            @if let Some(scope) = scope(about) { li { (visit.words.t(scope)) } }
            @if !text(about, "credential").is_empty() {
                li.mono { a href=(format!("/console/credentials/{}", text(about, "credential"))) { (text(about, "credential")) } }
            }
            @if !job.is_empty() {
                li.mono {
                    @match text(entry, "what").split('_').next() {
                        Some("import") => a href=(format!("/console/registers/imports/{job}")) { (job) },
                        Some("bulk") => a href=(format!("/console/credentials/bulk/{job}")) { (job) },
                        _ => (job),
                    }
                }
            }
            @for (name, key) in counts {
                @if !about.at(name).is_null() { li { (visit.words.fill(key, &[("count", &count(about.at(name)))])) } }
            }
            @if !text(about, "person").is_empty() { li { (text(about, "person")) } }
            @if !text(about, "key").is_empty() { li.mono { (text(about, "key")) } }
            @if !text(about, "code").is_empty() { li { (visit.words.t(&format!("problem-{}", text(about, "code")))) } }
        }
    }
}

/// How many are meant.
fn scope(about: &Value) -> Option<&'static str> {
    Some(match text(about, "scope") {
        "one" => "console-scope-one",
        "row" => "console-scope-row",
        "person" => "console-scope-person",
        "file" => "console-scope-file",
        "import" => "console-scope-import",
        "type" => "console-scope-type",
        _ => return None,
    })
}

/// `GET /console/record/file`: every entry, the oldest first, a JSON object a line.
pub(super) async fn file(visit: Visit) -> Response {
    // Page after page as the browser takes them: a log of years is not in memory at once.
    let entries = unfold(Some(1), move |from| {
        let visit = visit.clone();
        async move {
            let command = Command::Record {
                from,
                limit: TOGETHER,
                forward: true,
            };
            from?;
            let page = match visit.execute(command).await {
                Ok(page) => page,
                Err(failure) => {
                    tracing::warn!(code = %failure.problem.code, "the log of who did what could not be read to its end");
                    return None;
                }
            };
            let mut lines = String::new();
            for entry in list(&page, "entries") {
                lines.push_str(&entry.to_string());
                lines.push('\n');
            }
            Some((Ok::<Bytes, Infallible>(lines.into()), page.at("next").as_u64()))
        }
    });
    rejected::download(
        Body::from_stream(entries),
        "application/x-ndjson",
        "who-did-what.ndjson",
    )
}
