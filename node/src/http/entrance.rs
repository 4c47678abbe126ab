//! Coming in, locking, unlocking, leaving, and choosing a language.

use super::door::Face;
use super::form::Form;
use super::page::{self, hidden};
use super::problem::{self, Refusal};
use super::server::App;
use super::visit::{self, Visit};
use super::words::{SPOKEN, Words};
use crate::error::Failure;
use crate::service::PASSPHRASE_MAX;
use axum::extract::{Form as Typed, Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use credentials::{Code, Problem};
use maud::html;
use serde::Deserialize;
use std::sync::Arc;
use zeroize::Zeroizing;

/// The front page: where the visitor belongs.
pub async fn front(visit: Visit) -> Response {
    let face = visit.visitor.faces.first().copied().unwrap_or(Face::Wallet);
    Redirect::to(face.path()).into_response()
}

/// A login link. It works once, and leads to the visitor's home.
pub async fn enter(State(app): State<Arc<App>>, headers: HeaderMap, Path(ticket): Path<String>) -> Response {
    match app.door().admit(&ticket) {
        Ok(session) => {
            let mut response = Redirect::to("/").into_response();
            set_cookie(&mut response, &app, &session);
            response
        }
        Err(problem) => {
            // The same link opened again by whoever is in already is no reason to send them away.
            let session = visit::session_of(&headers, app.cookie()).unwrap_or_default();
            if app.door().visitor(&session, false).is_some() {
                return Redirect::to("/").into_response();
            }
            let status = problem::status(problem.code);
            problem::page(&app, None, status, &problem.into())
        }
    }
}

fn set_cookie(response: &mut Response, app: &App, session: &str) {
    let cookie = format!("{}={session}; HttpOnly; SameSite=Strict; Path=/", app.cookie());
    if let Ok(value) = HeaderValue::from_str(&cookie) {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
}

/// What somebody sees who is not let in.
pub(super) fn outside(app: &Arc<App>, words: &Words) -> Response {
    let body = html! {
        h1 { (words.t("page-outside-title")) }
        p { (words.t("page-outside-how")) }
        pre { code { "bevis login" } }
    };
    let title = words.plain("page-outside-title");
    page::outside(app, words, StatusCode::UNAUTHORIZED, &title, body)
}

/// What somebody sees whose pages are locked. A page that they wanted to read is where they come after unlocking.
pub(super) fn locked(visit: &Visit, is_reading: bool) -> Response {
    let words = &visit.words;
    let back = if is_reading { visit.path.as_str() } else { "/" };
    let body = html! {
        h1 { (words.t("page-locked-title")) }
        @if !is_reading { p.alert.warning role="alert" { (words.t("page-locked-not-done")) } }
        form.card method="post" action="/unlock" {
            (hidden(visit))
            input type="hidden" name="back" value=(back);
            label for="passphrase" { (words.fill("page-passphrase", &[("name", &visit.visitor.name)])) }
            input #passphrase type="password" name="passphrase" autocomplete="current-password" required;
            button.primary type="submit" { (words.t("page-unlock")) }
        }
    };
    let title = words.plain("page-locked-title");
    page::of_visit(visit, StatusCode::UNAUTHORIZED, &title, body)
}

/// What the unlocking form brings. It is not a [`Form`]: that one asks for a session that is not locked.
#[derive(Deserialize)]
pub struct Unlocking {
    #[serde(default)]
    token: String,
    #[serde(default)]
    back: String,
    #[serde(default)]
    passphrase: String,
}

/// A path of this node's pages; the front page for anything else.
fn own_path(path: &str) -> &str {
    let is_own = path.starts_with('/') && !path.starts_with("//") && !path.contains(['\\', '\r', '\n']);
    if is_own { path } else { "/" }
}

/// Opens locked pages for somebody who shows who they are.
pub async fn unlock(State(app): State<Arc<App>>, headers: HeaderMap, Typed(form): Typed<Unlocking>) -> Response {
    let words = Words::new(&visit::language(&headers, &app));
    let session = visit::session_of(&headers, app.cookie()).unwrap_or_default();
    let Some(visitor) = app.door().visitor(&session, false) else {
        return outside(&app, &words);
    };
    let words = visitor.language.as_deref().map_or(words, Words::new);
    let visit = Visit {
        app: app.clone(),
        words,
        path: "/".to_owned(),
        session: session.clone(),
        revision: app.revision(),
        visitor,
    };
    let opened = match super::form::require_token(&visit, &form.token) {
        Ok(()) => {
            app.recognise(&visit.visitor.handle, Zeroizing::new(form.passphrase))
                .await
        }
        Err(problem) => Err(problem.into()),
    };
    match opened {
        Ok(()) => {
            app.door().unlock(&session);
            Redirect::to(own_path(&form.back)).into_response()
        }
        Err(failure) => visit.failure(&failure),
    }
}

/// Locks the pages.
pub async fn lock(form: Form) -> Response {
    form.visit.app.door().lock(&form.visit.session);
    Redirect::to("/").into_response()
}

/// Ends the session.
pub async fn leave(form: Form) -> Response {
    form.visit.app.door().leave(&form.visit.session);
    Redirect::to("/").into_response()
}

/// Changes the language; the person stays where they are.
pub async fn language(form: Form) -> Response {
    let back = form.text("back", 4096).map(own_path).unwrap_or("/").to_owned();
    match form.text("language", 8) {
        Ok(language) if SPOKEN.iter().any(|(code, _)| *code == language) => {
            form.visit.app.door().speak(&form.visit.session, language);
            Redirect::to(&back).into_response()
        }
        _ => form.visit.failure(&Problem::new(Code::Malformed, "language").into()),
    }
}

/// Refuses unless the form brings the passphrase of whoever is logged in: asked for before a decision that counts.
///
/// # Errors
/// `wrong_passphrase`; `rate_limited` while too many were wrong.
pub async fn require_person(form: &Form) -> Result<(), Failure> {
    let typed = form.required("passphrase", PASSPHRASE_MAX)?;
    let handle = &form.visit.visitor.handle;
    form.visit.app.recognise(handle, Zeroizing::new(typed.to_owned())).await
}

/// A page that is nowhere.
pub async fn nowhere(visit: Visit) -> Refusal {
    visit.refusal(Code::NotFound)
}
