//! Invitations to collect a credential: a link to hand over, and an activation code that goes to the holder on another way.
//!
//! The code is kept by nobody but its holder: here it is in memory for as long as somebody looks at it.

use super::shown::{Wrong, alert, back, beside, heading, invalid, issued, label, refused, text};
use crate::clock;
use crate::error::Failure;
use crate::http::door::form_name;
use crate::http::form::Form;
use crate::http::page::hidden;
use crate::http::visit::Visit;
use crate::service::Command;
use axum::Extension;
use axum::extract::Path;
use axum::response::Response;
use credentials::Code;
use credentials::identifier::{OrganisationNumber, PersonNumber};
use credentials::schema::{CredentialType, HolderProof};
use maud::{Markup, PreEscaped, html};
use qrcode::types::Color;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use zeroize::Zeroizing;

/// Seconds that an invitation can be looked at: long enough to print it, short enough that nobody finds it on a screen after lunch.
const SHOWN_SECONDS: i64 = 600;
/// Invitations that can be looked at, at a time; the oldest makes room.
const SHOWN_MAX: usize = 64;
/// White around a QR code, in modules (ISO/IEC 18004).
const QUIET: usize = 4;
/// Longest drawing of a QR code, in bytes: a page has at most 60 kB.
const IMAGE_MAX: usize = 40_000;

/// An invitation that somebody looks at.
struct One {
    handle: String,
    vct: String,
    link: Zeroizing<String>,
    code: Option<Zeroizing<String>>,
    made: i64,
}

/// Invitations that somebody looks at, by a name of their own.
#[derive(Default)]
pub(super) struct Shown(Mutex<BTreeMap<String, One>>);

impl Shown {
    fn all(&self) -> MutexGuard<'_, BTreeMap<String, One>> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = clock::running();
        all.retain(|_, one| now.saturating_sub(one.made) < SHOWN_SECONDS);
        all
    }

    fn put(&self, one: One) -> String {
        let name = form_name();
        let mut all = self.all();
        if all.len() >= SHOWN_MAX {
            let oldest = all.iter().min_by_key(|(_, one)| one.made).map(|(name, _)| name.clone());
            oldest.and_then(|name| all.remove(&name));
        }
        all.insert(name.clone(), one);
        name
    }
}

/// `GET /console/credentials/offers/new`.
pub(super) async fn ask(visit: Visit) -> Response {
    ask_page(&visit, None)
}

fn ask_page(visit: &Visit, wrong: Option<Wrong>) -> Response {
    let (by_code, open): (Vec<_>, Vec<_>) = issued(visit).into_iter().partition(|kind| needs_code(kind));
    let body = html! {
        (heading(visit, "console-offer-title"))
        (alert(visit, wrong))
        p { (visit.words.t("console-offer-what")) }
        @if !by_code.is_empty() { (code_form(visit, &by_code, wrong)) }
        @if !open.is_empty() {
            section.card aria-labelledby="open" {
                h2 #open { (visit.words.t("console-offer-open-title")) }
                p { (visit.words.t("console-offer-open-what")) }
                form method="post" action="/console/credentials/offers/new" {
                    (hidden(visit))
                    label for="open-kind" { (visit.words.t("console-column-type")) }
                    select #open-kind name="kind" { (options(visit, &open)) }
                    button.primary type="submit" { (visit.words.t("console-offer-make")) }
                }
            }
        }
        (back(visit, "/console/credentials", "console-to-credentials"))
    };
    let title = visit.words.plain("console-offer-title");
    match wrong {
        None => visit.page(&title, body),
        Some(_) => refused(visit, &title, body),
    }
}

/// Whether a type is collected with an activation code: its invitations are for one person or company each.
fn needs_code(kind: &CredentialType) -> bool {
    kind.holder.proof == HolderProof::ActivationCode
}

fn options(visit: &Visit, kinds: &[&Arc<CredentialType>]) -> Markup {
    html! { @for kind in kinds { option value=(kind.id) { (kind.label.get(visit.words.language())) } } }
}

fn code_form(visit: &Visit, kinds: &[&Arc<CredentialType>], wrong: Option<Wrong>) -> Markup {
    let (is_invalid, described) = invalid(wrong, "subject");
    let described = described.map_or_else(|| "subject-hint".to_owned(), |wrong| format!("subject-hint {wrong}"));
    html! {
        section.card aria-labelledby="personal" {
            h2 #personal { (visit.words.t("console-offer-code-title")) }
            form method="post" action="/console/credentials/offers/new" autocomplete="off" {
                (hidden(visit))
                label for="kind" { (visit.words.t("console-column-type")) }
                select #kind name="kind" { (options(visit, kinds)) }
                label for="subject" { (visit.words.t("console-offer-subject")) }
                span.hint #subject-hint { (visit.words.t("console-offer-subject-hint")) }
                (beside(visit, wrong, "subject"))
                input #subject name="subject" maxlength="20" autocomplete="off" inputmode="numeric" required
                    aria-describedby=(described) aria-invalid=[is_invalid];
                button.primary type="submit" { (visit.words.t("console-offer-make")) }
            }
        }
    }
}

/// The number that a form names, where its type needs one.
fn subject(kind: &CredentialType, typed: &str) -> Result<Option<Zeroizing<String>>, Wrong> {
    if !needs_code(kind) {
        return Ok(None);
    }
    // As it stands on paper: in groups.
    let number: Zeroizing<String> = Zeroizing::new(typed.chars().filter(|c| !c.is_whitespace()).collect());
    match PersonNumber::parse(&number).is_some() || OrganisationNumber::parse(&number).is_some() {
        true => Ok(Some(number)),
        false => Err(Wrong {
            field: "subject",
            key: "console-find-not-a-number",
        }),
    }
}

/// `POST /console/credentials/offers/new`.
pub(super) async fn make(Extension(shown): Extension<Arc<Shown>>, form: Form) -> Response {
    let named = form.required("kind", 80).map_err(Failure::from);
    let kind = match named.and_then(|name| super::registers::of_address(&form.visit, name)) {
        Ok(kind) => kind,
        Err(failure) => return form.visit.failure(&failure),
    };
    let (id, vct) = (kind.id.clone(), kind.vct.clone());
    let subject = match subject(kind, form.text("subject", 40).unwrap_or("x")) {
        Ok(subject) => subject,
        Err(wrong) => return ask_page(&form.visit, Some(wrong)),
    };
    form.once(async move |form| {
        let visit = &form.visit;
        let command = Command::Offer {
            credential_type: id,
            subject: subject.map(|subject| subject.to_string()),
        };
        let made = visit.execute(command).await?;
        let code = text(&made, "code");
        let name = shown.put(One {
            handle: visit.visitor.handle.clone(),
            vct,
            link: Zeroizing::new(text(&made, "link").to_owned()),
            code: (!code.is_empty()).then(|| Zeroizing::new(code.to_owned())),
            made: clock::running(),
        });
        Ok(format!("/console/credentials/offers/{name}"))
    })
    .await
}

/// `GET /console/credentials/offers/{name}`: to whoever made it, for a while.
pub(super) async fn show(Extension(shown): Extension<Arc<Shown>>, visit: Visit, Path(name): Path<String>) -> Response {
    let body = {
        let all = shown.all();
        all.get(&name)
            .filter(|one| one.handle == visit.visitor.handle)
            .map(|one| one_body(&visit, &name, one))
    };
    let title = visit.words.plain("console-offer-made-title");
    match body {
        Some(body) => visit.page(&title, body),
        None => visit.page(
            &title,
            html! {
                (heading(&visit, "console-offer-made-title"))
                p.alert.warning role="status" { (visit.words.t("console-offer-gone")) }
                (back(&visit, "/console/credentials/offers/new", "console-to-offer"))
            },
        ),
    }
}

fn one_body(visit: &Visit, name: &str, one: &One) -> Markup {
    html! {
        (heading(visit, "console-offer-made-title"))
        p { (label(visit, &one.vct)) }
        @if let Some(code) = &one.code {
            section.card aria-labelledby="code" {
                h2 #code { (visit.words.t("console-offer-code")) }
                p.verdict.mono { (code.as_str()) }
                p { (visit.words.t("console-offer-code-what")) }
            }
        }
        section.card aria-labelledby="link" {
            h2 #link { (visit.words.t("console-offer-link")) }
            @if let Some(image) = image(&one.link, &visit.words.plain("console-offer-qr")) { (image) }
            p { a href=(one.link.as_str()) { (visit.words.t("console-offer-open")) } }
            pre { code { (one.link.as_str()) } }
        }
        form method="post" action=(format!("/console/credentials/offers/{name}/close")) {
            (hidden(visit))
            p { (visit.words.t("console-offer-close-what")) }
            button.primary type="submit" { (visit.words.t("console-offer-close")) }
        }
    }
}

/// `POST /console/credentials/offers/{name}/close`: what was shown is wiped.
pub(super) async fn close(Extension(shown): Extension<Arc<Shown>>, Path(name): Path<String>, form: Form) -> Response {
    form.once(async move |form| {
        let mut all = shown.all();
        match all.get(&name) {
            Some(one) if one.handle != form.visit.visitor.handle => return Err(Failure::from(Code::NotFound)),
            _ => drop(all.remove(&name)),
        }
        Ok("/console/credentials".to_owned())
    })
    .await
}

/// A text as a QR code; nothing when it is too long for one that a page can carry.
fn image(text: &str, label: &str) -> Option<Markup> {
    let code = qrcode::QrCode::with_error_correction_level(text.as_bytes(), qrcode::EcLevel::L).ok()?;
    let width = code.width();
    let colors = code.to_colors();
    let mut path = String::new();
    for (y, row) in colors.chunks(width.max(1)).enumerate() {
        let mut x = 0;
        // One stroke for each run of dark modules.
        for run in row.chunk_by(|one, other| one == other) {
            if run.first() == Some(&Color::Dark) {
                let (left, top, long) = (x + QUIET, y + QUIET, run.len());
                // Writing to a String cannot fail.
                let _ignored = write!(path, "M{left} {top}h{long}v1h-{long}z");
            }
            x += run.len();
        }
    }
    let side = width.saturating_add(2 * QUIET);
    let image = html! {
        svg.qr role="img" aria-label=(label) viewBox=(format!("0 0 {side} {side}")) shape-rendering="crispEdges" {
            (PreEscaped(format!("<path d=\"{path}\" fill=\"#000\"/>")))
        }
    };
    (path.len() <= IMAGE_MAX).then_some(image)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_is_bounded_and_the_oldest_makes_room() {
        let shown = Shown::default();
        for _ in 0..SHOWN_MAX + 8 {
            shown.put(One {
                handle: "kari".to_owned(),
                vct: String::new(),
                link: Zeroizing::default(),
                code: None,
                made: clock::running(),
            });
        }
        assert_eq!(shown.all().len(), SHOWN_MAX);
    }

    #[test]
    fn a_text_becomes_an_image_unless_it_is_too_long() {
        assert!(image("bevis:text", "label").is_some_and(|image| image.0.contains("aria-label=\"label\"")));
        assert!(image(&"x".repeat(4_000), "label").is_none());
    }
}
