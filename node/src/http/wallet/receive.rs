//! What comes into the wallet: a `bevis:` text that was pasted, read from a picture, or followed as a link; and the texts that are
//! carried between a company's and a person's wallet.

use super::asked::Asked;
use super::picture::{self, PICTURE_MAX};
use super::{is_company, of_holder, text, type_label, untrusted};
use crate::error::Failure;
use crate::http::form::{self, Form, LINE_MAX, Upload};
use crate::http::page::{self, hidden};
use crate::http::problem;
use crate::http::visit::Visit;
use crate::service::Command;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::Response;
use credentials::link::{LINK_MAX, Link};
use credentials::{Code, Did};
use maud::{Markup, html};
use serde_json::Value;
use std::sync::Arc;

/// Longest text as it is pasted, in characters: the longest link, and as much again for the breaks in it.
const PASTED_MAX: usize = 2 * LINK_MAX;

/// What was typed, and what is wrong about it.
#[derive(Default)]
struct Typed {
    link: String,
    code: String,
    /// Key of the sentence about the text.
    link_wrong: Option<&'static str>,
    /// Key of the sentence about the code.
    code_wrong: Option<&'static str>,
    /// Key of the sentence about the picture.
    picture_wrong: Option<&'static str>,
}

impl Typed {
    fn is_wrong(&self) -> bool {
        self.link_wrong.or(self.code_wrong).or(self.picture_wrong).is_some()
    }
}

/// The page.
pub(super) async fn show(visit: Visit, asked: Asked) -> Response {
    form_page(&visit, StatusCode::OK, &Typed::default(), asked.text("type"))
}

fn form_page(visit: &Visit, status: StatusCode, typed: &Typed, wanted: Option<&str>) -> Response {
    let words = &visit.words;
    let body = html! {
        h1 { (words.t("wallet-receive-title")) }
        @if typed.is_wrong() {
            div.alert.danger role="alert" {
                @if let Some(key) = typed.link_wrong { p { a href="#link" { (words.t(key)) } } }
                @if let Some(key) = typed.code_wrong { p { a href="#code" { (words.t(key)) } } }
                @if let Some(key) = typed.picture_wrong { p { a href="#picture" { (words.t(key)) } } }
                p { (words.t("wallet-nothing-done")) }
            }
        }
        @if let Some(vct) = wanted { (how(visit, vct)) }
        form method="post" action="/wallet/receive" {
            (hidden(visit))
            label for="link" { (words.t("wallet-receive-link")) }
            span.hint #link-hint { (words.t("wallet-receive-link-hint")) }
            textarea #link name="link" rows="4" required autocomplete="off" spellcheck="false" aria-describedby="link-hint"
                aria-invalid=[typed.link_wrong.map(|_| "true")] { (typed.link) }
            label for="code" { (words.t("wallet-receive-code")) }
            span.hint #code-hint { (words.t("wallet-receive-code-hint")) }
            @if let Some(key) = typed.code_wrong { p.alert.danger { (words.t(key)) } }
            input.short #code name="code" autocomplete="one-time-code" spellcheck="false" aria-describedby="code-hint"
                value=(typed.code) aria-invalid=[typed.code_wrong.map(|_| "true")];
            p { button type="submit" { (words.t("wallet-receive-go")) } }
        }
        section {
            h2 { (words.t("wallet-picture-title")) }
            form method="post" action="/wallet/receive/picture" enctype="multipart/form-data" {
                (hidden(visit))
                label for="picture" { (words.t("wallet-picture-file")) }
                span.hint #picture-hint { (words.t("wallet-picture-hint")) }
                input #picture type="file" name="picture" accept="image/png,image/jpeg" required aria-describedby="picture-hint"
                    aria-invalid=[typed.picture_wrong.map(|_| "true")];
                button type="submit" { (words.t("wallet-picture-read")) }
            }
        }
    };
    page::of_visit(visit, status, &words.plain("wallet-receive-title"), body)
}

/// How a credential that is missing is got.
fn how(visit: &Visit, vct: &str) -> Markup {
    let words = &visit.words;
    let issuers = visit.service().issuers_of(vct);
    let label = type_label(visit, vct);
    html! {
        section.card {
            h2 { (words.fill("wallet-how-title", &[("type", &label)])) }
            @for (_, name) in &issuers {
                p { (words.fill(of_holder(visit, "wallet-how", "wallet-how-company"), &[("name", name)])) }
            }
            @if issuers.is_empty() { p { (words.fill("wallet-lacking-nobody", &[("type", &label)])) } }
        }
    }
}

/// Whether an invitation asks for a code, and none was typed.
fn lacks_code(link: &Link, code: &str) -> bool {
    matches!(link, Link::Offer { offer: Some(_), .. }) && code.is_empty()
}

/// Takes what was pasted or confirmed.
pub(super) async fn take(form: Form) -> Response {
    let visit = form.visit.clone();
    let mut typed = Typed::default();
    match form.text("link", PASTED_MAX) {
        Ok("") => typed.link_wrong = Some("wallet-receive-link-missing"),
        Ok(link) => typed.link = link.to_owned(),
        Err(_) => typed.link_wrong = Some("wallet-receive-link-too-long"),
    }
    match form.text("code", LINE_MAX) {
        Ok(code) => typed.code = code.to_owned(),
        Err(_) => typed.code_wrong = Some("wallet-receive-code-wrong"),
    }
    if !typed.is_wrong() {
        match Link::parse(&typed.link) {
            Err(_) => typed.link_wrong = Some("wallet-receive-link-wrong"),
            Ok(link) if lacks_code(&link, &typed.code) => typed.code_wrong = Some("wallet-receive-code-missing"),
            Ok(_) => {}
        }
    }
    if typed.is_wrong() {
        return form_page(&visit, problem::status(Code::Malformed), &typed, None);
    }
    let (link, code) = (
        typed.link.clone(),
        Some(typed.code.clone()).filter(|code| !code.is_empty()),
    );
    let done = form.once_or(
        async move |form: Arc<Form>| {
            let outcome = form.visit.execute(Command::WalletReceive { link, code }).await?;
            came_of(&form.visit, &outcome).await
        },
        |visit, failure| {
            if failure.problem.code == Code::WrongCode {
                // Nobody has to paste the text again because of a slip in the code.
                typed.code_wrong = Some("wallet-receive-code-wrong");
                return form_page(visit, problem::status(Code::WrongCode), &typed, None);
            }
            visit.failure(failure)
        },
    );
    done.await
}

/// Where what came of it is shown.
async fn came_of(visit: &Visit, outcome: &Value) -> Result<String, Failure> {
    Ok(match text(outcome, "outcome") {
        "waiting" => format!("/wallet/requests/{}", text(outcome, "id")),
        "collected" => match super::list(outcome, "credentials").first().and_then(Value::as_str) {
            Some(name) => format!("/wallet/credentials/{name}?new=1"),
            None => "/wallet".to_owned(),
        },
        "carry" => carried(visit, text(outcome, "text")).await?,
        _ => "/wallet".to_owned(),
    })
}

/// The page that shows a text to be carried.
async fn carried(visit: &Visit, wanted: &str) -> Result<String, Failure> {
    let unfinished = visit.execute(Command::WalletUnfinished).await?;
    let requests = visit.execute(Command::WalletRequests).await?;
    let names = super::list(&unfinished, "unfinished")
        .iter()
        .chain(super::list(&requests, "requests"));
    for name in names.map(|one| text(one, "id").to_owned()) {
        let carry = visit.execute(Command::WalletCarry { id: name.clone() }).await;
        if carry.is_ok_and(|carry| text(&carry, "text") == wanted) {
            return Ok(format!("/wallet/carry/{name}"));
        }
    }
    Ok("/wallet".to_owned())
}

/// A text to be carried to the other wallet, with the words that both show.
pub(super) async fn carry(visit: Visit, Path(id): Path<String>) -> Response {
    let carry = match visit.execute(Command::WalletCarry { id }).await {
        Ok(carry) => carry,
        Err(failure) => return visit.failure(&failure),
    };
    let words = &visit.words;
    let carried = text(&carry, "text");
    let key = of_holder(&visit, "wallet-carry-to-company", "wallet-carry-to-person");
    let body = html! {
        h1 { (words.t("wallet-carry-title")) }
        p { (words.t(key)) }
        section.card {
            h2 { (words.t("wallet-carry-words-title")) }
            p.verdict #words { (text(&carry, "words")) }
            p { (words.t("wallet-carry-words")) }
        }
        section {
            h2 { (words.t("wallet-carry-text-title")) }
            (picture::code_of(carried, &words.plain("wallet-carry-code")))
            label for="carried" { (words.t("wallet-carry-text")) }
            textarea #carried readonly rows="8" spellcheck="false" { (carried) }
        }
        @if is_company(&visit) { p { a.button href="/wallet/receive" { (words.t("wallet-carry-back")) } } }
        p { a href="/wallet" { (words.t("wallet-to-home")) } }
    };
    visit.page(&words.plain("wallet-carry-title"), body)
}

/// A link on the same machine was followed: it is shown what came, and nothing is done before the person goes on.
pub(super) async fn open(visit: Visit, asked: Asked) -> Response {
    let link = asked.text("link").unwrap_or_default().to_owned();
    match Link::parse(&link) {
        Ok(parsed) => came(&visit, &link, &parsed),
        Err(_) => {
            let typed = Typed {
                link: link.chars().take(PASTED_MAX).collect(),
                link_wrong: Some("wallet-receive-link-wrong"),
                ..Typed::default()
            };
            form_page(&visit, problem::status(Code::Malformed), &typed, None)
        }
    }
}

/// What a text is, and the button that goes on with it.
fn came(visit: &Visit, link: &str, parsed: &Link) -> Response {
    let words = &visit.words;
    let (from, untrusted) = match parsed {
        Link::Offer { issuer, .. } => (Some(issuer), Code::UnknownIssuer),
        Link::Request { asker, .. } => (Some(asker), Code::UnknownVerifier),
        Link::Authorise(_) | Link::Authorised { .. } => (None, Code::LinkInvalid),
    };
    let name = from.map(|did| visit.service().listed_name(did));
    if let (Some(did), Some(None)) = (from, &name) {
        let body = html! {
            (untrusted::warning(visit, untrusted, ""))
            p { (words.t("wallet-nothing-shared")) }
            p { (words.t("wallet-open-says")) " " code { (domain(did)) } }
            p { a.button href="/wallet" { (words.t("page-problem-back")) } }
        };
        return page::of_visit(
            visit,
            problem::status(untrusted),
            &words.plain("wallet-open-title"),
            body,
        );
    }
    let name = name.flatten().unwrap_or_default();
    let sentence = match parsed {
        Link::Offer { vct, .. } => words.fill(
            "wallet-open-offer",
            &[("name", &name), ("type", &type_label(visit, vct))],
        ),
        Link::Request { .. } => words.fill("wallet-open-request", &[("name", &name)]),
        Link::Authorise(authorise) => words.fill("wallet-open-authorise", &[("number", &authorise.organisation)]),
        Link::Authorised { .. } => words.t("wallet-open-authorised"),
    };
    let body = html! {
        h1 { (words.t("wallet-open-title")) }
        p { (sentence) }
        p { (words.t("wallet-open-nothing-yet")) }
        form method="post" action="/wallet/receive" {
            (hidden(visit))
            input type="hidden" name="link" value=(link);
            @if lacks_code(parsed, "") {
                label for="code" { (words.t("wallet-receive-code")) }
                span.hint #code-hint { (words.t("wallet-receive-code-hint")) }
                input.short #code name="code" autocomplete="one-time-code" spellcheck="false" required aria-describedby="code-hint";
            }
            div.row {
                button type="submit" { (words.t("wallet-open-go")) }
                a.button href="/wallet" { (words.t("wallet-open-stop")) }
            }
        }
    };
    visit.page(&words.plain("wallet-open-title"), body)
}

fn domain(did: &Did) -> String {
    match did {
        Did::Web(domain) => domain.clone(),
        other => other.to_string(),
    }
}

/// Reads the code in a picture, and shows what it is.
pub(super) async fn picture(upload: Upload) -> Response {
    let Upload { visit, mut parts } = upload;
    let again = |key| {
        let typed = Typed {
            picture_wrong: Some(key),
            ..Typed::default()
        };
        form_page(&visit, problem::status(Code::Malformed), &typed, None)
    };
    let mut bytes = Vec::new();
    loop {
        match parts.next_field().await {
            Ok(Some(mut field)) if field.name() == Some("picture") => {
                match form::bytes(&mut field, PICTURE_MAX).await {
                    Ok(read) => bytes = read,
                    Err(problem) if problem.code == Code::TooLarge => return again("wallet-picture-too-large"),
                    Err(_) => return again("wallet-picture-broken"),
                }
            }
            // Any other field is the form's own name.
            Ok(Some(mut field)) => {
                if form::small(&mut field, LINE_MAX).await.is_err() {
                    return again("wallet-picture-broken");
                }
            }
            Ok(None) => break,
            Err(_) => return again("wallet-picture-broken"),
        }
    }
    if bytes.is_empty() {
        return again("wallet-picture-missing");
    }
    match picture::read(bytes).await {
        Err(unread) => again(unread.key()),
        Ok(link) => match Link::parse(&link) {
            Ok(parsed) => came(&visit, &link, &parsed),
            Err(_) => again("wallet-picture-no-text"),
        },
    }
}
