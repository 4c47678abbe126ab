//! What a request must be like before a handler sees it, and what every answer says to the browser.
//!
//! A page on loopback is open to every site that the browser visits: by a name that resolves to loopback (DNS rebinding), by a form
//! of another site, by a frame, by another program on another port of the same machine. Each is turned away here, for all pages at once.

use super::problem;
use super::server::App;
use super::words::Words;
use crate::error::Failure;
use axum::extract::{Request, State};
use axum::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use axum::http::{Method, StatusCode, Uri};
use axum::middleware::Next;
use axum::response::Response;
use credentials::Code;
use std::sync::Arc;

/// Nothing but our own files, no framing, and forms to ourselves only.
pub const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; \
     connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Longest path with its query, in bytes: the longest `bevis:` text that a link to the wallet carries does not fit a QR code either.
const URI_MAX: usize = 8 * 1024;

/// Ways to load a page that no person uses who wants to see it.
const FRAMED: &[&str] = &["iframe", "frame", "embed", "object", "fencedframe"];

/// Whether the text is a name of this machine's loopback with this port.
pub fn is_own_host(host: &str, port: u16) -> bool {
    let Some((name, given)) = host.rsplit_once(':') else {
        return false;
    };
    given.parse() == Ok(port) && ["127.0.0.1", "localhost", "[::1]"].contains(&name)
}

/// Turns away what does not come from a page of this node, and adds the headers of every answer.
pub async fn guard(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let is_asset = request.uri().path().starts_with("/assets/");
    let mut response = match refuse(request.headers(), request.method(), request.uri(), app.port()) {
        Some((status, code)) => {
            tracing::debug!(%code, "a request was turned away");
            let failure = Failure::from(code);
            match request.uri().path().starts_with("/api/") {
                true => {
                    let mut answer = problem::json(&Words::new(app.language()), &failure);
                    *answer.status_mut() = status;
                    answer
                }
                false => problem::page(&app, None, status, &failure),
            }
        }
        None => next.run(request).await,
    };
    protect(response.headers_mut(), is_asset);
    response
}

/// Why a request is turned away, if it is.
pub(super) fn refuse(headers: &HeaderMap, method: &Method, uri: &Uri, port: u16) -> Option<(StatusCode, Code)> {
    let mut hosts = headers.get_all(header::HOST).iter();
    let host = hosts.next().and_then(|host| host.to_str().ok()).unwrap_or_default();
    if hosts.next().is_some() || !is_own_host(host, port) {
        return Some((StatusCode::MISDIRECTED_REQUEST, Code::ForeignOrigin));
    }
    if uri.path_and_query().map_or(0, |path| path.as_str().len()) > URI_MAX {
        return Some((StatusCode::URI_TOO_LONG, Code::TooLarge));
    }
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let (origin, site) = (text("origin"), text("sec-fetch-site"));
    if text("sec-fetch-dest").is_some_and(|dest| FRAMED.contains(&dest)) {
        return Some((StatusCode::FORBIDDEN, Code::ForeignOrigin));
    }
    let is_own = |origin: &str| origin.strip_prefix("http://").or(origin.strip_prefix("https://")) == Some(host);
    let is_reading = method == Method::GET || method == Method::HEAD;
    if origin.is_some_and(|origin| !is_own(origin)) {
        return Some((StatusCode::FORBIDDEN, Code::ForeignOrigin));
    }
    if is_reading {
        // A link from elsewhere may be followed: it shows a page and changes nothing. A script of another site may not read one.
        let is_followed = text("sec-fetch-mode").is_none_or(|mode| mode == "navigate");
        let is_foreign = site.is_some_and(|site| !["same-origin", "none"].contains(&site));
        return (is_foreign && !is_followed).then_some((StatusCode::FORBIDDEN, Code::ForeignOrigin));
    }
    // A browser names the origin of what changes something. Programs that show a token name none, and have a gate of their own.
    let is_ours = origin.is_some() || site == Some("same-origin") || uri.path().starts_with("/api/");
    let is_foreign = site.is_some_and(|site| site != "same-origin");
    (is_foreign || !is_ours).then_some((StatusCode::FORBIDDEN, Code::ForeignOrigin))
}

/// What every answer tells the browser.
pub(super) fn protect(headers: &mut HeaderMap, is_asset: bool) {
    let always: [(HeaderName, &'static str); 7] = [
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "same-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (
            HeaderName::from_static("permissions-policy"),
            "camera=(), geolocation=(), microphone=()",
        ),
    ];
    for (name, value) in always {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if !is_asset || !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
}
