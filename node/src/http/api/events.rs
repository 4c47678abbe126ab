//! What has happened, as it happens: server-sent events (WHATWG HTML §9.2) with a durable number each.
//!
//! A stream that breaks off is opened again with `Last-Event-ID`, also after a restart, and goes on where it was. What is not kept any
//! more is told as a `gap`. The token stands in a header like everywhere else; there is none in the address.

use super::auth::Caller;
use super::refusal::Told;
use super::{Answer, read};
use crate::output::At;
use crate::service::System;
use crate::tokens::Scope;
use axum::extract::{Query, State};
use axum::http::HeaderMap;
use axum::response::IntoResponse;
use axum::response::sse::{Event, KeepAlive, Sse};
use credentials::{Code, Problem};
use futures::Stream;
use futures::stream::unfold;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;
use utoipa::{IntoParams, ToSchema};
use verifier::What;

/// How long one stream lasts. Then a last event ends it, and the caller opens it again.
const STREAM: Duration = Duration::from_secs(900);
/// How often a line is sent when nothing is new, so that a dead connection is noticed.
const BEAT: Duration = Duration::from_secs(15);
/// How often it is looked whether the token still counts, and whether something is new that nobody announced.
const LOOK: Duration = Duration::from_secs(2);
/// Events that are read at once.
const READ: usize = 100;

/// An event: names and states, never a claim or a customer.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct EventItem {
    /// Which.
    pub id: String,
    /// `session.fetched`, `session.completed`, `session.expired`, `session.failed`, `grant.given`, `grant.withdrawn`, `grant.expired`,
    /// `grant.refreshed` or `erased`.
    #[serde(rename = "type")]
    pub kind: String,
    /// When.
    #[schema(format = DateTime)]
    pub at: String,
    /// Which session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// Which grant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant: Option<String>,
    /// How it stands now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// The verdict.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<String>,
    /// Its reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
}

/// Some events.
#[derive(Deserialize)]
pub(super) struct ToldNews {
    pub(super) gap: bool,
    pub(super) events: Vec<EventItem>,
    pub(super) last: String,
}

/// Events of an answer.
pub(super) fn told(answer: Value) -> Result<ToldNews, Told> {
    read(answer)
}

/// What is wanted.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Wanted {
    /// Begin after this event; `0` = from the oldest that is kept. `Last-Event-ID` goes before it; without both it begins now.
    after: Option<String>,
    /// Of one session only.
    session: Option<String>,
}

/// What has happened, as it happens: server-sent events.
///
/// Events of sessions are told to whoever has `requests:read`, those of grants to whoever has `grants:read`. The data of an event is JSON.
/// Besides its kinds there are `gap` (events before this one are not kept any more: read requests and grants anew) and `end` (the
/// stream ends here; open it again with the last `id`).
#[utoipa::path(
    get, path = "/api/v1/events", tag = "events", security(("token" = ["requests:read"]), ("token" = ["grants:read"])),
    params(Wanted, ("Last-Event-ID" = Option<String>, Header, description = "The last event that was seen")),
    responses(
        (status = 200, description = "A stream of events.", body = EventItem, content_type = "text/event-stream"),
        (status = 429, description = "`rate_limited`: too many streams are open.", body = super::openapi::ProblemBody, content_type = "application/problem+json"),
    )
)]
pub async fn stream(
    State(app): State<Arc<crate::http::App>>,
    caller: Caller,
    headers: HeaderMap,
    Query(wanted): Query<Wanted>,
) -> Answer {
    let only = kinds(&caller);
    if only.is_empty() {
        caller.may(Scope::RequestsRead)?;
    }
    let last = headers.get("last-event-id").and_then(|value| value.to_str().ok());
    let after = last
        .filter(|last| !last.is_empty())
        .map(ToOwned::to_owned)
        .or(wanted.after);
    let seen = match after.as_deref() {
        Some("0") => None,
        Some(text) => {
            let place = verifier::Place::parse(text).ok_or_else(|| Problem::new(Code::Malformed, "after"))?;
            Some(place.to_string())
        }
        None => {
            let newest = caller.ask(System::Newest).await?;
            newest.at("newest").as_str().map(ToOwned::to_owned)
        }
    };
    // Whoever cannot ask for events at all is told so now, not by a stream that ends.
    let what = System::News {
        after: seen.clone(),
        most: 1,
        only: only.clone(),
    };
    caller.ask(what).await?;
    let place = app.api().streams.clone().try_acquire_owned();
    let place = place.map_err(|_| Told::too_often(5))?;
    let listening = Listening {
        caller,
        only,
        session: wanted.session,
        seen,
        waiting: VecDeque::new(),
        end: deadline(),
        is_over: false,
        _place: place,
    };
    let events = Sse::new(listening.events()).keep_alive(KeepAlive::new().interval(BEAT));
    Ok(events.into_response())
}

/// The kinds that a caller may hear of.
fn kinds(caller: &Caller) -> Vec<What> {
    let may = |what: &What| match what {
        What::SessionFetched | What::SessionCompleted | What::SessionExpired | What::SessionFailed => {
            caller.has(Scope::RequestsRead)
        }
        What::GrantGiven | What::GrantWithdrawn | What::GrantExpired | What::GrantRefreshed => {
            caller.has(Scope::GrantsRead)
        }
        What::Erased => caller.has(Scope::RequestsRead) || caller.has(Scope::GrantsRead),
    };
    What::ALL.into_iter().filter(may).collect()
}

/// The state of one stream.
struct Listening {
    caller: Caller,
    only: Vec<What>,
    session: Option<String>,
    /// After which event to go on; none = from the beginning.
    seen: Option<String>,
    waiting: VecDeque<Event>,
    end: tokio::time::Instant,
    is_over: bool,
    _place: OwnedSemaphorePermit,
}

impl Listening {
    fn events(self) -> impl Stream<Item = Result<Event, Infallible>> {
        unfold(self, |mut listening| async move {
            let event = listening.next().await?;
            Some((Ok(event), listening))
        })
    }

    async fn next(&mut self) -> Option<Event> {
        let mut news = self.caller.app.service().session_changes();
        loop {
            if let Some(event) = self.waiting.pop_front() {
                return Some(event);
            }
            if self.is_over {
                return None;
            }
            // What comes from here on wakes the wait below.
            news.borrow_and_update();
            let is_read = self.read().await;
            if !self.waiting.is_empty() {
                continue;
            }
            let is_due = has_passed(self.end);
            if !is_read || is_due || !self.caller.still_counts() {
                self.is_over = true;
                return Some(self.marked(Event::default().event("end").data("{}")));
            }
            drop(tokio::time::timeout(LOOK, news.changed()).await);
        }
    }

    fn marked(&self, event: Event) -> Event {
        match &self.seen {
            Some(seen) => event.id(seen),
            None => event,
        }
    }

    /// Reads what is new; whether that could be done.
    async fn read(&mut self) -> bool {
        let what = System::News {
            after: self.seen.clone(),
            most: READ,
            only: self.only.clone(),
        };
        let told = match self.caller.ask(what).await {
            Ok(answer) => told(answer),
            Err(failure) => {
                tracing::debug!(%failure, "events not read");
                return false;
            }
        };
        let Ok(told) = told else { return false };
        if told.gap {
            let event = Event::default().event("gap").data("{}");
            self.waiting.push_back(event);
        }
        for item in told.events {
            self.seen = Some(item.id.clone());
            if self
                .session
                .as_ref()
                .is_some_and(|session| item.session.as_ref() != Some(session))
            {
                continue;
            }
            let Ok(data) = serde_json::to_string(&item) else {
                continue;
            };
            let event = Event::default().id(&item.id).event(&item.kind).data(data);
            self.waiting.push_back(event);
        }
        // Those that this caller does not hear of are passed too.
        if self.seen.is_some() || !told.last.ends_with("-0") {
            self.seen = Some(told.last);
        }
        true
    }
}

#[allow(clippy::disallowed_methods)]
fn deadline() -> tokio::time::Instant {
    tokio::time::Instant::now() + STREAM
}

#[allow(clippy::disallowed_methods)]
fn has_passed(end: tokio::time::Instant) -> bool {
    tokio::time::Instant::now() >= end
}
