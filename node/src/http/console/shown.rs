//! How the console writes counts, ages, types and states, and what its forms have in common.

use crate::clock;
use crate::http::page;
use crate::http::visit::Visit;
use crate::output::At;
use axum::http::StatusCode;
use axum::response::Response;
use credentials::Timestamp;
use credentials::schema::CredentialType;
use maud::{Markup, html};
use serde_json::{Value, json};
use std::sync::Arc;

/// A whole number with its thousands apart; a dash where there is none.
pub(super) fn count(value: &Value) -> String {
    value.as_u64().map_or_else(|| "–".to_owned(), grouped)
}

/// The same of a number. The space is a narrow one that does not break.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len().saturating_mul(2));
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && digits.len().saturating_sub(place).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

/// An instant, whether the answer has it as text or as seconds.
pub(super) fn instant(value: &Value) -> Option<Timestamp> {
    let of_text = value.as_str().and_then(Timestamp::parse);
    of_text.or_else(|| value.as_i64().map(Timestamp::from_unix))
}

/// An instant as people write it; a dash where there is none.
pub(super) fn moment(visit: &Visit, value: &Value) -> Markup {
    match instant(value) {
        Some(at) => visit.words.moment(&json!(at.to_string())),
        None => html! { "–" },
    }
}

/// How long ago an instant is, roughly: in the largest unit of which there are two or more.
pub(super) fn age(visit: &Visit, value: &Value) -> Markup {
    match instant(value) {
        Some(at) => seconds(visit, clock::now().since(at)),
        None => html! { "–" },
    }
}

/// A length of time in seconds, written in the largest unit of which there are two or more.
pub(super) fn seconds(visit: &Visit, seconds: i64) -> Markup {
    let seconds = seconds.max(0);
    let (key, number) = match seconds {
        0..120 => ("console-age-seconds", seconds),
        120..7_200 => ("console-age-minutes", seconds / 60),
        7_200..172_800 => ("console-age-hours", seconds / 3_600),
        _ => ("console-age-days", seconds / 86_400),
    };
    visit.words.fill(key, &[("number", &number.to_string())])
}

/// A type that this node knows, by id, name or `vct`.
pub(super) fn kind<'a>(visit: &'a Visit, name: &str) -> Option<&'a Arc<CredentialType>> {
    visit.service().known_types().find(name)
}

/// How a type is called.
pub(super) fn label<'a>(visit: &'a Visit, name: &'a str) -> &'a str {
    kind(visit, name).map_or(name, |kind| kind.label.get(visit.words.language()))
}

/// A type's id, which stands in addresses.
pub(super) fn id_of<'a>(visit: &'a Visit, name: &'a str) -> &'a str {
    kind(visit, name).map_or(name, |kind| kind.id.as_str())
}

/// The types that this node issues, in the order of the configuration.
pub(super) fn issued(visit: &Visit) -> Vec<&Arc<CredentialType>> {
    let section = visit.service().config().issuer.as_ref();
    let names = section.into_iter().flat_map(|section| &section.issues);
    names.filter_map(|name| kind(visit, name)).collect()
}

/// The state of a credential, as a word with a colour of its own.
pub(super) fn state(visit: &Visit, value: &Value) -> Markup {
    let (key, class) = match value.as_str().unwrap_or_default() {
        "valid" => ("console-state-valid", "good"),
        "suspended" => ("console-state-suspended", "unsure"),
        "superseded" => ("console-state-superseded", "unsure"),
        "revoked" => ("console-state-revoked", "bad"),
        _ => ("console-state-unknown", "unsure"),
    };
    html! { span.state.(class) { (visit.words.t(key)) } }
}

/// The link by which a page is loaded anew without scripts.
pub(super) fn refresh(visit: &Visit) -> Markup {
    html! { p.no-print { a href=(visit.path) { (visit.words.t("page-refresh")) } } }
}

/// The beginning of a page: its heading.
pub(super) fn heading(visit: &Visit, key: &str) -> Markup {
    html! { h1 { (visit.words.t(key)) } }
}

/// A link to where the person came from.
pub(super) fn back(visit: &Visit, path: &str, key: &str) -> Markup {
    html! { p { a href=(path) { (visit.words.t(key)) } } }
}

/// What is wrong with a form that was filled in: which field, and the sentence beside it.
#[derive(Clone, Copy)]
pub(super) struct Wrong {
    /// The field's name.
    pub(super) field: &'static str,
    /// Key of the sentence.
    pub(super) key: &'static str,
}

/// The alert above a form in which something is wrong: it says that nothing was done, and leads to the field.
pub(super) fn alert(visit: &Visit, wrong: Option<Wrong>) -> Markup {
    html! {
        @if let Some(wrong) = wrong {
            div.alert.danger role="alert" {
                p { (visit.words.t("console-form-not-done")) }
                p { a href=(format!("#{}", wrong.field)) { (visit.words.t(wrong.key)) } }
            }
        }
    }
}

/// The sentence beside a field, where that is the one.
pub(super) fn beside(visit: &Visit, wrong: Option<Wrong>, field: &str) -> Markup {
    html! {
        @if let Some(wrong) = wrong.filter(|wrong| wrong.field == field) {
            p.alert.danger id=(format!("{field}-wrong")) { (visit.words.t(wrong.key)) }
        }
    }
}

/// Whether a field is the one that is wrong, as `aria-invalid` and `aria-describedby` have it.
pub(super) fn invalid(wrong: Option<Wrong>, field: &str) -> (Option<&'static str>, Option<String>) {
    match wrong.filter(|wrong| wrong.field == field) {
        Some(_) => (Some("true"), Some(format!("{field}-wrong"))),
        None => (None, None),
    }
}

/// A page that asks again because something was wrong with what was sent.
pub(super) fn refused(visit: &Visit, title: &str, body: Markup) -> Response {
    page::of_visit(visit, StatusCode::UNPROCESSABLE_ENTITY, title, body)
}

/// Where a list is read from: `?from=`; `None` where the address says nothing that is a number.
pub(super) fn from(visit: &Visit) -> Option<u64> {
    let (_, query) = visit.path.split_once('?')?;
    let (_, value) = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "from")?;
    value.parse().ok()
}

/// The members of a list in an answer.
pub(super) fn list<'a>(answer: &'a Value, name: &str) -> &'a [Value] {
    answer.at(name).as_array().map_or(&[], Vec::as_slice)
}

/// The text of a member; empty where there is none.
pub(super) fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value.at(name).as_str().unwrap_or_default()
}
