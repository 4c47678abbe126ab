//! What is refused before anything is looked up, and what every answer carries.

use super::answers::{Asked, problem};
use axum::extract::{Request, State};
use axum::http::header::{self, HeaderName, HeaderValue};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use credentials::Code;

/// Largest head of a request, in bytes: a collector's has some hundred.
pub(super) const HEAD_MAX: usize = 8 * 1024;

/// What every answer carries. One question each connection, so that nobody keeps a place.
const CARRIED: [(HeaderName, &str); 5] = [
    (header::CONNECTION, "close"),
    (header::CACHE_CONTROL, "no-store"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; frame-ancestors 'none'",
    ),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// Refuses what is too large, what was meant for another name and what a foreign page makes a browser send.
pub(super) async fn guard(State(asked): State<Asked>, request: Request, next: Next) -> Response {
    let mut response = match judge(&request) {
        Ok(()) => next.run(request).await,
        Err((status, code)) => problem(&asked, status, code),
    };
    for (name, value) in CARRIED {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

fn judge(request: &Request) -> Result<(), (StatusCode, Code)> {
    let headers = request.headers();
    if head_bytes(request) > HEAD_MAX {
        return Err((StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, Code::TooLarge));
    }
    let length = headers.get(header::CONTENT_LENGTH).map(HeaderValue::as_bytes);
    if headers.contains_key(header::TRANSFER_ENCODING) || length.is_some_and(|length| length != b"0") {
        // Nothing that is asked here has a body.
        return Err((StatusCode::PAYLOAD_TOO_LARGE, Code::TooLarge));
    }
    if !is_for_this_machine(request) {
        return Err((StatusCode::MISDIRECTED_REQUEST, Code::WrongRecipient));
    }
    if is_of_a_page(headers) {
        return Err((StatusCode::FORBIDDEN, Code::WrongOrigin));
    }
    Ok(())
}

fn head_bytes(request: &Request) -> usize {
    let line = request.uri().to_string().len();
    let headers = request.headers().iter();
    headers.fold(line, |sum, (name, value)| {
        sum.saturating_add(name.as_str().len()).saturating_add(value.len())
    })
}

/// Whether the name that was asked is one of the machine's own: a name of the network that was pointed to 127.0.0.1 is not. The
/// port is not compared, since it may be forwarded from elsewhere.
fn is_for_this_machine(request: &Request) -> bool {
    let mut hosts = request.headers().get_all(header::HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else {
        return false;
    };
    let is_own = |authority: &Authority| {
        let host = authority.host().trim_start_matches('[').trim_end_matches(']');
        let is_loopback = host.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback());
        !authority.as_str().contains('@') && (host.eq_ignore_ascii_case("localhost") || is_loopback)
    };
    let named = host.to_str().ok().and_then(|host| host.parse::<Authority>().ok());
    // The target of a request may name a host too, and counts before the header (RFC 9112 section 3.2.2).
    named.is_some_and(|named| is_own(&named)) && request.uri().authority().is_none_or(is_own)
}

/// Whether a page of another origin asks. Browsers say so by themselves, and pages cannot take it away.
fn is_of_a_page(headers: &HeaderMap) -> bool {
    let site = headers.get(HeaderName::from_static("sec-fetch-site"));
    let is_foreign = site.is_some_and(|site| !["none", "same-origin"].iter().any(|own| site == own));
    is_foreign || headers.contains_key(header::ORIGIN)
}
