//! One request of a visitor who is let in: who they are, in which language, and the way to the node.

use super::door::{Face, Guest, HOLDER, Sent, Visitor};
use super::form::Form;
use super::page;
use super::problem::{self, Refusal};
use super::server::App;
use super::words::Words;
use crate::error::Failure;
use crate::service::{Actor, Command, Service};
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use credentials::{Code, Problem};
use maud::Markup;
use serde_json::Value;
use std::future::Future;
use std::sync::Arc;

/// A visitor's request.
#[derive(Clone)]
pub struct Visit {
    /// The node's pages.
    pub app: Arc<App>,
    /// Who it is.
    pub visitor: Visitor,
    /// The words of their language.
    pub words: Words,
    /// Path of the page, with its query.
    pub path: String,
    pub(super) session: String,
    /// What had changed when the page was begun; it is told what came after.
    pub(super) revision: u64,
}

/// The session that the browser shows.
pub(super) fn session_of(headers: &HeaderMap, cookie: &str) -> Option<String> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(name, _)| *name == cookie)
        .map(|(_, value)| value.to_owned())
}

/// The first language that the browser asks for and that we have.
pub(super) fn spoken(headers: &HeaderMap) -> Option<&'static str> {
    let wanted = headers
        .get(header::ACCEPT_LANGUAGE)
        .and_then(|value| value.to_str().ok());
    wanted.into_iter().flat_map(|value| value.split(',')).find_map(|one| {
        let tag = one.split([';', '-']).next().unwrap_or_default().trim();
        match tag {
            "no" => Some("nb"),
            tag => super::words::SPOKEN
                .iter()
                .map(|(code, _)| *code)
                .find(|code| *code == tag),
        }
    })
}

/// The language of somebody who has not chosen one: the browser's first that we have, else the node's.
pub(super) fn language(headers: &HeaderMap, app: &App) -> String {
    spoken(headers).unwrap_or(app.language()).to_owned()
}

impl FromRequestParts<Arc<App>> for Visit {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Visit, Refusal> {
        // Before anything is read: what changes from here on is told to the open page.
        let revision = app.revision();
        let path = parts.uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
        let session = session_of(&parts.headers, app.cookie()).unwrap_or_default();
        let is_used = !parts.headers.contains_key(page::PART);
        let Some(visitor) = app.door().visitor(&session, is_used) else {
            let words = Words::new(&language(&parts.headers, app));
            return Err(Refusal(super::entrance::outside(app, &words)));
        };
        let language = visitor.language.clone();
        let words = Words::new(&language.unwrap_or_else(|| self::language(&parts.headers, app)));
        let visit = Visit {
            app: app.clone(),
            visitor,
            words,
            path,
            session,
            revision,
        };
        if visit.visitor.is_locked {
            // What was sent is not done: the person opens the page again and sees that it was not.
            let is_reading = parts.method == Method::GET || parts.method == Method::HEAD;
            return Err(Refusal(super::entrance::locked(&visit, is_reading)));
        }
        let face = [Face::Wallet, Face::Desk, Face::Console]
            .into_iter()
            .find(|face| visit.path.starts_with(face.path()));
        if face.is_some_and(|face| !visit.visitor.faces.contains(&face)) {
            return Err(visit.refusal(Code::NoAccess));
        }
        Ok(visit)
    }
}

impl Visit {
    /// The open home behind the pages.
    pub fn service(&self) -> &Arc<Service> {
        self.app.service()
    }

    /// Carries a command out as the account that is logged in; a wallet's holder has none and acts as at the command line. It goes on
    /// to its end when the browser goes away in between.
    pub async fn execute(&self, command: Command) -> Result<Value, Failure> {
        let service = self.service().clone();
        let actor = match self.visitor.handle.as_str() {
            HOLDER if service.is_wallet() => Actor::Cli,
            handle => Actor::Person(handle.to_owned()),
        };
        let done = tokio::spawn(async move { service.execute_as(command, actor).await }).await;
        done.map_err(|e| Failure::because(Code::Internal, e))?
    }

    /// A page.
    pub fn page(&self, title: &str, body: Markup) -> Response {
        page::of_visit(self, StatusCode::OK, title, body)
    }

    /// The page that an answer makes, or the one that tells why there is none.
    pub fn answer(&self, result: Result<Response, Failure>) -> Response {
        result.unwrap_or_else(|failure| self.failure(&failure))
    }

    /// A page that tells what went wrong, what was not done, and what to do next.
    pub fn failure(&self, failure: &Failure) -> Response {
        problem::page(&self.app, Some(self), problem::status(failure.problem.code), failure)
    }

    /// The same, from an extractor.
    pub fn refusal(&self, problem: impl Into<Problem>) -> Refusal {
        Refusal(self.failure(&problem.into().into()))
    }

    /// The account behind the visitor.
    pub fn guest(&self) -> Guest {
        Guest {
            handle: self.visitor.handle.clone(),
            name: self.visitor.name.clone(),
            faces: self.visitor.faces.clone(),
        }
    }
}

impl Form {
    /// Does what a form asks, once: `act` gives the path of the page that shows what came of it. Sent twice, the second is led there
    /// too. It goes on to its end when the browser goes away in between; when it fails, the same form may be sent again.
    pub async fn once<F>(self, act: impl FnOnce(Arc<Form>) -> F) -> Response
    where
        F: Future<Output = Result<String, Failure>> + Send + 'static,
    {
        self.once_or(act, |visit, failure| visit.failure(failure)).await
    }

    /// The same, with the page that tells a failure in another way than the usual.
    pub async fn once_or<F>(
        self,
        act: impl FnOnce(Arc<Form>) -> F,
        told: impl FnOnce(&Visit, &Failure) -> Response,
    ) -> Response
    where
        F: Future<Output = Result<String, Failure>> + Send + 'static,
    {
        let (visit, name) = (self.visit.clone(), self.name().to_owned());
        if name.is_empty() {
            return visit.failure(&Code::PageExpired.into());
        }
        match visit.app.door().take(&visit.session, &name) {
            Some(Sent::UnderWay) => return visit.failure(&Code::UnderWay.into()),
            Some(Sent::Done(path)) => return Redirect::to(&path).into_response(),
            None => {}
        }
        let work = act(Arc::new(self));
        let (app, session) = (visit.app.clone(), visit.session.clone());
        let done = tokio::spawn(async move {
            let result = work.await;
            let shown_at = result.as_ref().ok().map(String::as_str);
            app.door().came_of(&session, &name, shown_at);
            result
        });
        let result = done.await.map_err(|e| Failure::because(Code::Internal, e));
        match result.and_then(|result| result) {
            Ok(path) => Redirect::to(&path).into_response(),
            Err(failure) => told(&visit, &failure),
        }
    }
}
