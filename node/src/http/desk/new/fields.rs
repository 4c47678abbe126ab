//! The fields of the form of a request, each with its hint and what is amiss beside it.

use super::typed::{SMALL_MAX, Typed};
use crate::http::desk::shown::{list, text};
use crate::http::words::Words;
use crate::output::At;
use credentials::time::DAY;
use maud::{Markup, html};
use serde_json::Value;

/// What else can be chosen, with the words for it.
const SECONDS: &[(i64, &str)] = &[
    (120, "desk-wait-two-minutes"),
    (3_600, "desk-wait-hour"),
    (DAY, "desk-wait-day"),
    (7 * DAY, "desk-wait-week"),
];

/// A field's error, to stand beside it.
pub(super) fn error(words: &Words, typed: &Typed, field: &str) -> Markup {
    html! {
        @if let Some(key) = typed.amiss.get(field) {
            p.bad id=(format!("{field}-error")) { span aria-hidden="true" { "✗ " } (words.t(key)) }
        }
    }
}

pub(super) fn described(typed: &Typed, field: &str) -> String {
    match typed.amiss.contains_key(field) {
        true => format!("{field}-error {field}-hint"),
        false => format!("{field}-hint"),
    }
}

pub(super) fn invalid(typed: &Typed, field: &str) -> Option<&'static str> {
    typed.amiss.contains_key(field).then_some("true")
}

/// Where in the page a field is.
pub(super) fn anchor(field: &str) -> &str {
    match field {
        "kind" => "kind-once",
        "claim" | "rung" => "narrowing",
        field => field,
    }
}

/// Once, or a standing grant: only where the service knows one.
pub(super) fn lasting(words: &Words, service: &Value, typed: &Typed) -> Markup {
    let grant = service.at("grant");
    if grant.is_null() {
        return html! { input type="hidden" name="kind" value="once"; };
    }
    let (days, uses) = (grant.at("days_max").to_string(), grant.at("uses_per_day").to_string());
    let types: Vec<&Value> = list(service, "asks").collect();
    let mut issuers: Vec<(&str, &str)> = types
        .iter()
        .flat_map(|asked| list(asked, "issuers"))
        .map(|issuer| (text(issuer, "did"), text(issuer, "name")))
        .collect();
    issuers.sort_unstable();
    issuers.dedup();
    html! {
        fieldset {
            legend { (words.t("desk-kind")) }
            (error(words, typed, "kind"))
            div.choice {
                input #kind-once type="radio" name="kind" value="once" required checked[typed.kind == "once"];
                label for="kind-once" { (words.t("desk-kind-once")) }
            }
            div.choice {
                input #kind-grant type="radio" name="kind" value="grant" checked[typed.kind == "grant"];
                label for="kind-grant" { (words.t("desk-kind-grant")) }
            }
            details open[typed.is_grant()] {
                summary { (words.t("desk-grant-details")) }
                label for="days" { (words.t("desk-days")) }
                span.hint #days-hint { (words.fill("desk-days-hint", &[("days", &days)])) }
                (error(words, typed, "days"))
                input #days.short type="text" inputmode="numeric" name="days" value=(typed.days) maxlength=(SMALL_MAX)
                    aria-describedby=(described(typed, "days")) aria-invalid=[invalid(typed, "days")];
                label for="uses" { (words.t("desk-uses-a-day")) }
                span.hint #uses-hint { (words.fill("desk-uses-hint", &[("uses", &uses)])) }
                (error(words, typed, "uses"))
                input #uses.short type="text" inputmode="numeric" name="uses" value=(typed.uses) maxlength=(SMALL_MAX)
                    aria-describedby=(described(typed, "uses")) aria-invalid=[invalid(typed, "uses")];
                @if types.len() > 1 {
                    label for="type" { (words.t("desk-type")) }
                    span.hint #type-hint { (words.t("desk-type-hint")) }
                    select #type name="type" aria-describedby="type-hint" {
                        @for asked in &types {
                            @let vct = text(asked, "vct");
                            option value=(vct) selected[typed.of_type == vct] { (words.of(asked.at("label"))) }
                        }
                    }
                }
                @if issuers.len() > 1 {
                    label for="issuer" { (words.t("desk-source")) }
                    span.hint #issuer-hint { (words.t("desk-source-hint")) }
                    select #issuer name="issuer" aria-describedby="issuer-hint" {
                        option value="" { (words.t("desk-source-only")) }
                        @for (did, name) in &issuers { option value=(did) selected[typed.issuer == *did] { (name) } }
                    }
                }
            }
        }
    }
}

/// Less than all that is registered. Nothing is ticked beforehand: no tick asks for what the service always needs.
pub(super) fn narrowing(words: &Words, service: &Value, typed: &Typed) -> Markup {
    let is_chosen = !typed.ticked.is_empty() || !typed.rung.is_empty();
    let rungs = list(service, "asks").any(|asked| list(asked, "rungs").next().is_some());
    html! {
        details #narrowing open[is_chosen || typed.amiss.contains_key("claim") || typed.amiss.contains_key("rung")] {
            summary { (words.t("desk-narrow")) }
            p { (words.t("desk-narrow-how")) }
            (error(words, typed, "claim"))
            (error(words, typed, "rung"))
            @for (of_type, asked) in list(service, "asks").enumerate() {
                fieldset {
                    legend { (words.of(asked.at("label"))) }
                    @for (at, claim) in list(asked, "claims").enumerate() {
                        @let value = format!("{of_type}:{at}");
                        div.choice {
                            input id=(format!("claim-{of_type}-{at}")) type="checkbox" name="claim" value=(value)
                                checked[typed.ticked.contains(&value)];
                            label for=(format!("claim-{of_type}-{at}")) {
                                (words.of(claim.at("label")))
                                @if claim.at("is_sensitive") == true { " " span.fine { (words.t("desk-sensitive")) } }
                            }
                        }
                    }
                }
            }
            @if rungs {
                label for="rung" { (words.t("desk-rung")) }
                span.hint #rung-hint { (words.t("desk-rung-hint")) }
                select #rung name="rung" aria-describedby="rung-hint" {
                    option value="" { (words.t("desk-rung-none")) }
                    @for (of_type, asked) in list(service, "asks").enumerate() {
                        @for (at, rung) in list(asked, "rungs").enumerate() {
                            @let value = format!("{of_type}:{at}");
                            option value=(value) selected[typed.rung == value] {
                                (words.fill("desk-rung-least", &[("kroner", &rung.at("kroner").to_string())]))
                            }
                        }
                    }
                }
            }
        }
    }
}

/// How long, and whether by mailbox too.
pub(super) fn waiting(words: &Words, service: &Value, typed: &Typed) -> Markup {
    let most = service.at("request_seconds_max").as_i64().unwrap_or(0);
    html! {
        details open[typed.is_by_mailbox || typed.is_pairing || typed.amiss.contains_key("seconds")] {
            summary { (words.t("desk-reach")) }
            label for="seconds" { (words.t("desk-wait")) }
            span.hint #seconds-hint { (words.t("desk-wait-hint")) }
            (error(words, typed, "seconds"))
            select #seconds name="seconds" aria-describedby=(described(typed, "seconds")) {
                option value="" { (words.t("desk-wait-usual")) }
                @for (seconds, key) in SECONDS.iter().filter(|(seconds, _)| *seconds <= most) {
                    option value=(seconds) selected[typed.seconds == seconds.to_string()] { (words.t(key)) }
                }
            }
            (error(words, typed, "mailbox"))
            div.choice {
                input #mailbox type="checkbox" name="mailbox" value="yes" checked[typed.is_by_mailbox];
                label for="mailbox" { (words.t("desk-mailbox")) }
            }
            div.choice {
                input #pair type="checkbox" name="pair" value="yes" checked[typed.is_pairing];
                label for="pair" { (words.t("desk-pair")) }
            }
        }
    }
}
