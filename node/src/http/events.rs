//! How an open page hears of what is new: server-sent events (WHATWG HTML §9.2), a number each and nothing else in them.
//!
//! A page that hears of a number asks for itself again. With scripts off its link «Oppdater» does the same.

use super::server::App;
use super::visit::Visit;
use axum::extract::{Query, State};
use axum::http::HeaderMap;
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use futures::Stream;
use futures::stream::unfold;
use serde::Deserialize;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

/// How long one stream lasts. Then a last event ends it, and the page asks anew: a stream that ends without one would be
/// opened again by the browser at once.
const STREAM: Duration = Duration::from_secs(300);
/// How often a line is sent when nothing is new, so that a dead connection is noticed.
const BEAT: Duration = Duration::from_secs(20);
/// How often it is looked whether something durable has changed.
pub(super) const LOOK: Duration = Duration::from_millis(200);

/// What a page has seen.
#[derive(Deserialize)]
pub struct Since {
    since: Option<u64>,
}

/// Tells an open page of changes after what it has seen: `Last-Event-ID` when the browser comes back, else `since`.
pub async fn stream(
    visit: Visit,
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    Query(since): Query<Since>,
) -> Response {
    drop(visit);
    let last = headers.get("last-event-id").and_then(|value| value.to_str().ok());
    let last = last.and_then(|value| value.parse().ok()).or(since.since);
    let seen = last.unwrap_or_else(|| app.revision());
    Sse::new(changes(app, seen))
        .keep_alive(axum::response::sse::KeepAlive::new().interval(BEAT))
        .into_response()
}

/// The state of one stream: what was told last, and until when it lasts.
struct Told {
    revisions: tokio::sync::watch::Receiver<u64>,
    seen: u64,
    end: tokio::time::Instant,
    is_over: bool,
}

fn changes(app: Arc<App>, seen: u64) -> impl Stream<Item = Result<Event, Infallible>> {
    let told = Told {
        revisions: app.revisions(),
        // A number from before the node was started anew is none of ours: everything is new then.
        seen: seen.min(app.revision()),
        end: deadline(),
        is_over: false,
    };
    unfold(told, |mut told| async move {
        if told.is_over {
            return None;
        }
        let (seen, end) = (told.seen, told.end);
        let newer = told.revisions.wait_for(|revision| *revision > seen);
        let newer = match tokio::time::timeout_at(end, newer).await {
            Ok(Ok(revision)) => Some(*revision),
            _ => None,
        };
        let event = match newer {
            Some(revision) => {
                told.seen = revision;
                Event::default().event("news").data(revision.to_string())
            }
            None => {
                told.is_over = true;
                Event::default().event("end").data("")
            }
        };
        Some((Ok(event.id(told.seen.to_string())), told))
    })
}

#[allow(clippy::disallowed_methods)]
fn deadline() -> tokio::time::Instant {
    tokio::time::Instant::now() + STREAM
}
