//! What came of an answer: what was shown, and every check with its reason and how fresh its ground was.

use super::shown::{self, list, text};
use crate::http::words::Words;
use crate::output::At;
use maud::{Markup, html};
use serde_json::Value;

/// What was shown, and each check with its reason; before there is an answer, what is asked.
pub(super) fn out(words: &Words, session: &Value, reach: &Value) -> Markup {
    let checks: Vec<&Value> = list(session, "checks").collect();
    html! {
        @if session.at("verdict").is_null() { (asked(words, session)) }
        @if !session.at("verdict").is_null() {
            (claims(words, session))
            h2 { (words.t("desk-checks-title")) }
            p { (freshness(words, session)) }
            (unreached(words, reach))
            @for (id, about) in session.at("about").as_object().into_iter().flatten() {
                @let own: Vec<&&Value> = checks.iter().filter(|line| text(line, "credential") == id).collect();
                @if !own.is_empty() {
                    h3 {
                        (words.of(about.at("label")))
                        @if let Some(name) = session.at("issuers").at(id).at("name").as_str() {
                            ", " (words.t("desk-issued-by")) " " (name)
                        }
                    }
                    ul.checks { @for line in own { (check(words, session, line)) } }
                }
            }
            @let whole: Vec<&&Value> = checks.iter().filter(|line| line.at("credential").is_null()).collect();
            @if !whole.is_empty() {
                h3 { (words.t("desk-checks-whole")) }
                ul.checks { @for line in whole { (check(words, session, line)) } }
            }
        }
    }
}

/// What is asked, before there is an answer.
fn asked(words: &Words, session: &Value) -> Markup {
    html! {
        h2 { (words.t("desk-asked-title")) }
        @for (_, about) in session.at("about").as_object().into_iter().flatten() {
            h3 { (words.of(about.at("label"))) }
            ul {
                @for path in list(about, "asked").filter_map(Value::as_str) {
                    li { (words.of(about.at("labels").at(path))) }
                }
            }
        }
        @let grant = session.at("grant");
        @if !grant.is_null() {
            p {
                (words.fill("desk-asked-grant", &[
                    ("issuer", text(grant, "issuer_name")), ("uses", &grant.at("uses_per_day").to_string()),
                ]))
                " " (words.t("desk-until")) " " (words.moment(grant.at("until"))) "."
            }
        }
    }
}

fn freshness(words: &Words, session: &Value) -> Markup {
    html! {
        @if let Some(seconds) = session.at("status_age_s").as_i64() {
            (words.t("desk-status-age")) " " (shown::age(words, seconds)) ". "
        }
        @if let Some(seconds) = session.at("trust_age_s").as_i64() {
            (words.t("desk-trust-age")) " " (shown::age(words, seconds)) "."
        }
    }
}

/// Who cannot be reached now: newer word of theirs could not have come.
fn unreached(words: &Words, reach: &Value) -> Markup {
    let names: Vec<&str> = list(reach, "unreached").filter_map(Value::as_str).collect();
    html! {
        @if !names.is_empty() { p.fine { (words.t("desk-unreached")) " " (names.join(", ")) "." } }
    }
}

fn check(words: &Words, session: &Value, line: &Value) -> Markup {
    let (sign, key) = match text(line, "outcome") {
        "ok" => ("✓", "desk-check-ok"),
        "failed" => ("✗", "desk-check-failed"),
        "undecided" => ("?", "desk-check-undecided"),
        _ => ("·", "desk-check-not-reached"),
    };
    let name = text(line, "check");
    let fresh = match name {
        "status" => session.at("status_age_s").as_i64().map(|age| ("desk-status-age", age)),
        "trust" => session.at("trust_age_s").as_i64().map(|age| ("desk-trust-age", age)),
        _ => None,
    };
    html! {
        li {
            span aria-hidden="true" { (sign) }
            span {
                strong { (words.t(key)) } " " (words.t(&format!("check-{name}"))) ". "
                (shown::why(words, line.at("problem")))
                @if let (Some((key, seconds)), "ok") = (fresh, text(line, "outcome")) {
                    span.fine { (words.t(key)) " " (shown::age(words, seconds)) "." }
                }
            }
        }
    }
}

fn claims(words: &Words, session: &Value) -> Markup {
    let shown = session.at("claims").as_object().filter(|claims| !claims.is_empty());
    html! {
        @if let Some(shown) = shown {
            h2 { (words.t("desk-claims-title")) }
            @for (id, claims) in shown {
                @let about = session.at("about").at(id);
                section.card {
                    h3 { (words.of(about.at("label"))) }
                    p.fine { (words.t("desk-issued-by")) " " (text(session.at("issuers").at(id), "name")) }
                    @if list(session, "not_for_credit").any(|one| one.as_str() == Some(id)) {
                        p.alert.warning { (words.t("desk-not-for-credit")) }
                    }
                    (shown::claims(words, about.at("labels"), claims))
                }
            }
        }
    }
}
