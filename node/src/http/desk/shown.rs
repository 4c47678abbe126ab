//! What several pages of the desk show alike: verdicts, states, ages, claims in tables, and what was erased and kept.

use crate::http::words::Words;
use crate::output::At;
use maud::{Markup, html};
use serde_json::Value;

/// A text at a key; empty where there is none.
pub(super) fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.at(key).as_str().unwrap_or_default()
}

/// The elements of a list at a key.
pub(super) fn list<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    value.at(key).as_array().into_iter().flatten()
}

/// Sign, class and key of a verdict: colour is never alone.
pub(super) fn verdict(verdict: &str) -> (&'static str, &'static str, &'static str) {
    match verdict {
        "valid" => ("✓", "good", "desk-verdict-valid"),
        "invalid" => ("✗", "bad", "desk-verdict-invalid"),
        _ => ("?", "unsure", "desk-verdict-undecided"),
    }
}

/// What became of a credential that was taken back.
pub(super) fn fallen(state: &str) -> &'static str {
    match state {
        "suspended" => "desk-now-suspended",
        _ => "desk-now-revoked",
    }
}

/// How a session stands, in a few words.
pub(super) fn mark(words: &Words, session: &Value) -> Markup {
    if let Some(found) = session.at("verdict").as_str() {
        let (sign, class, key) = verdict(found);
        return html! { span class=(format!("state {}", class)) { span aria-hidden="true" { (sign) " " } (words.t(key)) } };
    }
    let (sign, class, key) = match text(session, "state") {
        "active" => ("○", "", "desk-state-active"),
        "fetched" => ("◐", "", "desk-state-fetched"),
        "expired" => ("–", "unsure", "desk-state-expired"),
        _ => ("–", "unsure", "desk-state-failed"),
    };
    html! { span class=(format!("state {}", class)) { span aria-hidden="true" { (sign) " " } (words.t(key)) } }
}

/// Seconds as people say them: in the largest unit that is full.
pub(super) fn age(words: &Words, seconds: i64) -> Markup {
    let seconds = seconds.max(0);
    let (key, count) = match seconds {
        0..60 => ("desk-age-seconds", seconds),
        60..3_600 => ("desk-age-minutes", seconds / 60),
        3_600..172_800 => ("desk-age-hours", seconds / 3_600),
        _ => ("desk-age-days", seconds / 86_400),
    };
    words.fill(key, &[("count", &count.to_string())])
}

/// Why: the sentence of a code.
pub(super) fn why(words: &Words, problem: &Value) -> Markup {
    let code = text(problem, "code");
    html! {
        @if !code.is_empty() {
            (words.fill(&format!("problem-{code}"), &[("detail", text(problem, "detail"))])) " "
            span.fine { "(" code { (code) } ")" }
        }
    }
}

/// Claims with what people call them: a list of facts, and a table where there are several alike.
pub(super) fn claims(words: &Words, labels: &Value, claims: &Value) -> Markup {
    tree(words, labels, "", claims)
}

fn label<'a>(words: &Words, labels: &'a Value, path: &'a str) -> &'a str {
    let known = words.of(labels.at(path));
    let last = path.rsplit('.').next().unwrap_or(path);
    if known.is_empty() { last } else { known }
}

fn below(path: &str, name: &str) -> String {
    match path {
        "" => name.to_owned(),
        path => format!("{path}.{name}"),
    }
}

fn is_plain(value: &Value) -> bool {
    !value.is_object() && !value.is_array()
}

fn plain(words: &Words, value: &Value) -> Markup {
    match value {
        Value::Bool(true) => words.t("desk-yes"),
        Value::Bool(false) => words.t("desk-no"),
        Value::Null => html! { "–" },
        Value::String(text) => html! { (text) },
        other => html! { (other.to_string()) },
    }
}

fn tree(words: &Words, labels: &Value, path: &str, value: &Value) -> Markup {
    match value {
        Value::Object(members) => html! {
            dl.facts {
                @for (name, member) in members {
                    @let inner = below(path, name);
                    dt { (label(words, labels, &inner)) }
                    dd { (tree(words, labels, &inner, member)) }
                }
            }
        },
        Value::Array(elements) => array(words, labels, path, elements),
        value => plain(words, value),
    }
}

fn array(words: &Words, labels: &Value, path: &str, elements: &[Value]) -> Markup {
    let inner = format!("{path}[]");
    if elements.iter().all(is_plain) {
        return html! {
            @for (place, element) in elements.iter().enumerate() {
                @if place > 0 { ", " }
                (plain(words, element))
            }
        };
    }
    let rows: Vec<_> = elements.iter().filter_map(Value::as_object).collect();
    let is_table = rows.len() == elements.len() && rows.iter().all(|row| row.values().all(is_plain));
    if !is_table {
        return html! {
            ol.plain { @for element in elements { li { (tree(words, labels, &inner, element)) } } }
        };
    }
    let mut names: Vec<&String> = rows.iter().flat_map(|row| row.keys()).collect();
    names.sort_unstable();
    names.dedup();
    let is_number = |name: &str| {
        rows.iter().filter_map(|row| row.get(name)).all(|value| match value {
            Value::Number(_) => true,
            Value::String(text) => {
                !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit() || b == b'.' || b == b'-')
            }
            _ => false,
        })
    };
    html! {
        div.scroll tabindex="0" role="group" aria-label=(label(words, labels, path)) {
            table {
                caption { (label(words, labels, path)) }
                thead { tr {
                    @for name in &names {
                        th scope="col" .number[is_number(name)] { (label(words, labels, &below(&inner, name))) }
                    }
                } }
                tbody {
                    @for row in &rows {
                        tr {
                            @for name in &names {
                                td .number[is_number(name)] { (plain(words, row.get(*name).unwrap_or(&Value::Null))) }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// What was erased and what is kept, from a signed statement.
pub(super) fn said(words: &Words, said: &Value) -> Markup {
    html! {
        @if !said.is_null() {
            ul {
                @for one in list(said, "erased") {
                    li { (words.t("desk-said-erased")) " " (words.moment(one.at("at"))) ": " (what(words, one)) }
                }
                @if list(said, "erased").next().is_none() { li { (words.t("desk-said-nothing")) } }
                @for one in list(said, "kept") {
                    li {
                        (words.t("desk-said-kept")) " " (words.moment(one.at("until"))) ": " (what(words, one)) ". "
                        (words.t("desk-ground")) ": " (ground(words, one))
                    }
                }
            }
        }
    }
}

fn what(words: &Words, one: &Value) -> Markup {
    match one.at("what").as_str() {
        Some("session") => words.t("said-session"),
        Some("consent") => words.t("said-consent"),
        Some(_) => words.t("said-claims"),
        None => {
            let own = one.at("labels").at(words.language()).as_array();
            let labels = own.or_else(|| one.at("labels").at("nb").as_array());
            let labels: Vec<&str> = labels.into_iter().flatten().filter_map(Value::as_str).collect();
            html! { (labels.join(", ")) }
        }
    }
}

fn ground(words: &Words, one: &Value) -> Markup {
    let registered = words.of(one.at("ground_text"));
    if !registered.is_empty() {
        return html! { (registered) };
    }
    match text(one, "ground") {
        "accountability" => words.t("ground-accountability"),
        "consent_record" => words.t("ground-consent_record"),
        code => html! { (code) },
    }
}

/// Links to the page before and the page after; `path` ends where `from=` belongs.
pub(super) fn paging(words: &Words, path: &str, from: usize, rows: usize, total: usize) -> Markup {
    let next = from.saturating_add(super::ROWS);
    html! {
        @if total > 0 {
            p.fine {
                (words.fill("desk-paging", &[
                    ("first", &from.saturating_add(1).to_string()),
                    ("last", &from.saturating_add(rows).to_string()),
                    ("total", &total.to_string()),
                ]))
            }
        }
        @if from > 0 || next < total {
            nav.row aria-label=(words.plain("desk-pages")) {
                @if from > 0 {
                    a.button href=(format!("{path}from={}", from.saturating_sub(super::ROWS))) { (words.t("desk-newer")) }
                }
                @if next < total { a.button href=(format!("{path}from={next}")) { (words.t("desk-older")) } }
            }
        }
    }
}
