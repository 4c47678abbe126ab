//! The stylesheet, the script and the icons, which the program brings along.

use super::server::COLOURS;
use axum::extract::Path;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

#[derive(rust_embed::Embed)]
#[folder = "ui/assets"]
struct Files;

/// How long a browser keeps a file: another version of the program may come with the next start.
const KEEP: HeaderValue = HeaderValue::from_static("private, max-age=60");

fn kind(path: &str) -> &'static str {
    match path.rsplit_once('.').map(|(_, ending)| ending) {
        Some("css") => "text/css; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("svg") => "image/svg+xml",
        _ => "application/octet-stream",
    }
}

fn file(path: &str, bytes: Vec<u8>) -> Response {
    let mut response = bytes.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind(path)));
    headers.insert(header::CACHE_CONTROL, KEEP);
    response
}

/// One of them.
pub async fn asset(Path(path): Path<String>) -> Response {
    if let Some(colour) = path.strip_prefix("icon-").and_then(|rest| rest.strip_suffix(".svg")) {
        return icon(colour);
    }
    match Files::get(&path) {
        Some(found) => file(&path, found.data.into_owned()),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// The icon that browsers ask for by themselves.
pub async fn favicon() -> Response {
    icon("blue")
}

fn icon(colour: &str) -> Response {
    let Some((_, hex)) = COLOURS.iter().find(|(name, _)| *name == colour) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 24 24\"><circle cx=\"12\" cy=\"12\" r=\"11\" fill=\"{hex}\"/>\
         <path d=\"m7 12.5 3.5 3.5 7-8\" fill=\"none\" stroke=\"#fff\" stroke-width=\"2.5\"/></svg>"
    );
    file("icon.svg", svg.into_bytes())
}
