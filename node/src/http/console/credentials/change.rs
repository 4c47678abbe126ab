//! Revoking, suspending, reinstating: one credential, or all of one person, with a reason.

use super::{FOUND_BY_MAX, one, search_body, target};
use crate::error::Failure;
use crate::http::console::shown::{Wrong, alert, back, beside, heading, invalid, label, refused, state, text};
use crate::http::form::Form;
use crate::http::page::hidden;
use crate::http::visit::Visit;
use crate::output::At;
use crate::service::{Command, Target};
use axum::extract::Path;
use axum::response::Response;
use credentials::identifier::PersonNumber;
use credentials::status::State;
use credentials::{Code, Problem};
use maud::{Markup, html};
use serde_json::Value;

/// Longest reason, in bytes, as the issuer takes it.
const REASON_MAX: usize = 200;

/// What can be done to a credential.
struct Step {
    /// As addresses have it.
    name: &'static str,
    /// The state that it comes to.
    state: State,
    title: &'static str,
    /// As a choice among the three.
    short: &'static str,
    /// What comes of it, in a sentence.
    consequence: &'static str,
    yes: &'static str,
    no: &'static str,
}

const STEPS: [Step; 3] = [
    Step {
        name: "revoke",
        state: State::Revoked,
        title: "console-revoke-title",
        short: "console-bulk-revoke",
        consequence: "console-revoke-consequence",
        yes: "console-revoke-yes",
        no: "console-revoke-no",
    },
    Step {
        name: "suspend",
        state: State::Suspended,
        title: "console-suspend-title",
        short: "console-bulk-suspend",
        consequence: "console-suspend-consequence",
        yes: "console-suspend-yes",
        no: "console-suspend-no",
    },
    Step {
        name: "reinstate",
        state: State::Valid,
        title: "console-reinstate-title",
        short: "console-bulk-reinstate",
        consequence: "console-reinstate-consequence",
        yes: "console-reinstate-yes",
        no: "console-reinstate-no",
    },
];

impl Step {
    fn parse(name: &str) -> Result<&'static Step, Failure> {
        Ok(STEPS.iter().find(|step| step.name == name).ok_or(Code::NotFound)?)
    }

    /// Whether it can follow a credential's state.
    fn is_open(&self, credential: &Value) -> bool {
        match self.state {
            State::Revoked => ["valid", "suspended", "superseded"].contains(&text(credential, "state")),
            State::Suspended => text(credential, "state") == "valid",
            State::Valid => text(credential, "state") == "suspended",
            State::Superseded => false,
        }
    }
}

/// What can be done to it now.
pub(super) fn steps(visit: &Visit, credential: &Value) -> Markup {
    let open: Vec<&Step> = STEPS.iter().filter(|step| step.is_open(credential)).collect();
    html! {
        @if open.is_empty() { p { (visit.words.t("console-credential-final")) } }
        p.row {
            @for step in open {
                a.button href=(format!("/console/credentials/{}/{}", text(credential, "id"), step.name)) {
                    (visit.words.t(step.title))
                }
            }
        }
    }
}

/// `GET /console/credentials/{id}/{step}`: what will come of it, and why.
pub(in crate::http::console) async fn ask(visit: Visit, Path((id, step)): Path<(String, String)>) -> Response {
    visit.answer(ask_page(&visit, &id, &step, None).await)
}

async fn ask_page(visit: &Visit, id: &str, step: &str, wrong: Option<Wrong>) -> Result<Response, Failure> {
    let step = Step::parse(step)?;
    let credential = one(visit, id).await?;
    let home = format!("/console/credentials/{}", text(&credential, "id"));
    let body = html! {
        (heading(visit, step.title))
        (alert(visit, wrong))
        p { (label(visit, text(&credential, "vct"))) ", " span.mono { (text(&credential, "id")) } " " (state(visit, credential.at("state"))) }
        @if step.is_open(&credential) {
            p.alert.warning { (visit.words.t(step.consequence)) }
            form method="post" action=(format!("{home}/{}", step.name)) {
                (hidden(visit))
                (reason_field(visit, wrong))
                div.choices {
                    button.primary type="submit" { (visit.words.t(step.yes)) }
                    a.button href=(home) { (visit.words.t(step.no)) }
                }
            }
        } @else {
            p.alert.warning role="alert" { (visit.words.t("console-change-late")) }
            (back(visit, &home, "console-to-credential"))
        }
    };
    let title = visit.words.plain(step.title);
    Ok(match wrong {
        None => visit.page(&title, body),
        Some(_) => refused(visit, &title, body),
    })
}

/// Where a person says why.
pub(in crate::http::console) fn reason_field(visit: &Visit, wrong: Option<Wrong>) -> Markup {
    let (is_invalid, described) = invalid(wrong, "reason");
    let described = described.map_or_else(|| "reason-hint".to_owned(), |wrong| format!("reason-hint {wrong}"));
    html! {
        label for="reason" { (visit.words.t("console-reason")) }
        span.hint #reason-hint { (visit.words.t("console-reason-hint")) }
        (beside(visit, wrong, "reason"))
        input #reason name="reason" maxlength=(REASON_MAX) required autocomplete="off"
            aria-describedby=(described) aria-invalid=[is_invalid];
    }
}

/// What is wrong with a reason, if anything is.
pub(in crate::http::console) fn wrong_reason(reason: &str) -> Option<Wrong> {
    let wrong = |key| Some(Wrong { field: "reason", key });
    let digits = |window: &[u8]| std::str::from_utf8(window).is_ok_and(|digits| PersonNumber::parse(digits).is_some());
    if reason.trim().is_empty() {
        return wrong("console-reason-empty");
    }
    if reason.len() > REASON_MAX || reason.chars().any(char::is_control) {
        return wrong("console-reason-long");
    }
    match reason.as_bytes().windows(11).any(digits) {
        true => wrong("console-reason-number"),
        false => None,
    }
}

/// `POST /console/credentials/{id}/{step}`.
pub(in crate::http::console) async fn change(Path((id, step)): Path<(String, String)>, form: Form) -> Response {
    // A page of the field, where the field is wrong; what is done is done once.
    let reason = match form.text("reason", REASON_MAX.saturating_mul(4)) {
        Ok(reason) => reason.to_owned(),
        Err(_) => "x".repeat(REASON_MAX.saturating_add(1)),
    };
    if let Some(wrong) = wrong_reason(&reason) {
        return form.visit.answer(ask_page(&form.visit, &id, &step, Some(wrong)).await);
    }
    form.once(async move |form| {
        let step = Step::parse(&step)?;
        let credential = one(&form.visit, &id).await?;
        let home = format!("/console/credentials/{}", text(&credential, "id"));
        if !step.is_open(&credential) {
            let is_so = credential.at("state").as_str() == Some(text_of(step.state));
            // Somebody was faster. Where they did another thing, the page that asks says that this cannot be done any more.
            return Ok(if is_so { home } else { format!("{home}/{}", step.name) });
        }
        let command = Command::SetState {
            target: Target::Credential { id },
            state: step.state,
            reason,
        };
        form.visit.execute(command).await?;
        Ok(home)
    })
    .await
}

/// A state as answers have it.
fn text_of(state: State) -> &'static str {
    match state {
        State::Valid => "valid",
        State::Revoked => "revoked",
        State::Suspended => "suspended",
        State::Superseded => "superseded",
    }
}

/// A state that a form names. Errors: `malformed` (`state`).
pub(in crate::http::console) fn state_of_form(name: &str) -> Result<State, Problem> {
    match STEPS.iter().find(|step| step.name == name) {
        Some(step) => Ok(step.state),
        None => Err(Problem::new(Code::Malformed, "state")),
    }
}

/// Changes all that was found, as when somebody has lost their device. What was searched by goes along in the form.
pub(super) fn all_form(visit: &Visit, by: &str, value: &str, credentials: &[Value]) -> Markup {
    let open = STEPS
        .iter()
        .filter(|step| credentials.iter().any(|one| step.is_open(one)));
    let open: Vec<&Step> = open.collect();
    html! {
        @if !open.is_empty() {
            section.card aria-labelledby="all" {
                h3 #all { (visit.words.t("console-all-title")) }
                p { (visit.words.t("console-all-what")) }
                form method="post" action="/console/credentials/all" autocomplete="off" {
                    (hidden(visit))
                    input type="hidden" name="by" value=(by);
                    input type="hidden" name="value" value=(value);
                    label for="change" { (visit.words.t("console-bulk-change")) }
                    select #change name="change" {
                        @for step in open { option value=(step.name) { (visit.words.plain(step.short)) } }
                    }
                    (reason_field(visit, None))
                    button type="submit" { (visit.words.t("console-all-yes")) }
                }
            }
        }
    }
}

/// `POST /console/credentials/all`: changes all of one person, company or row. The log says how many they were.
pub(in crate::http::console) async fn change_all(form: Form) -> Response {
    let reason = form.text("reason", REASON_MAX).unwrap_or_default().to_owned();
    if let Some(wrong) = wrong_reason(&reason) {
        let title = form.visit.words.plain("console-credentials-title");
        let wrong = Wrong {
            field: "value",
            ..wrong
        };
        return refused(&form.visit, &title, search_body(&form.visit, Some(wrong), html! {}));
    }
    form.once(async move |form| {
        let step = Step::parse(form.required("change", 20)?)?;
        let target = target(form.required("by", 80)?, form.required("value", FOUND_BY_MAX)?);
        let command = Command::SetState {
            target: target.map_err(|_| Problem::new(Code::Malformed, "value"))?,
            state: step.state,
            reason,
        };
        form.visit.execute(command).await?;
        Ok("/console/record".to_owned())
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_says_something_and_names_nobody() {
        let key = |reason: &str| wrong_reason(reason).map(|wrong| wrong.key);
        assert_eq!(key("Feil beløp fra arbeidsgiver"), None);
        assert_eq!(key(" "), Some("console-reason-empty"));
        assert_eq!(key("gjelder 14858834016"), Some("console-reason-number"));
        assert_eq!(key(&"x".repeat(REASON_MAX)), None);
        assert_eq!(key(&"x".repeat(REASON_MAX + 1)), Some("console-reason-long"));
        assert_eq!(key("a\u{7}b"), Some("console-reason-long"));
    }
}
