//! What a page's address asks for. What is not of its form is left out: an address that somebody has bent shows the usual page.

use crate::error::Failure;
use crate::http::server::App;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use credentials::{Code, Problem};
use std::convert::Infallible;
use std::sync::Arc;

/// Most values of an address that are looked at.
const VALUES_MAX: usize = 8;

/// The values of an address.
pub(super) struct Asked(Vec<(String, String)>);

impl Asked {
    /// A value.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// A number; none for what is no number.
    pub(super) fn number(&self, name: &str) -> Option<u64> {
        self.text(name)?.parse().ok()
    }

    /// How many rows of a list are left out before the page begins.
    pub(super) fn begin(&self) -> usize {
        let from = self.number("from").and_then(|from| usize::try_from(from).ok());
        from.unwrap_or(0)
    }

    /// Whether a value is there.
    pub(super) fn has(&self, name: &str) -> bool {
        self.text(name).is_some()
    }
}

impl FromRequestParts<Arc<App>> for Asked {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<App>) -> Result<Asked, Infallible> {
        let query = parts.uri.query().unwrap_or_default();
        let values = form_urlencoded::parse(query.as_bytes()).into_owned().take(VALUES_MAX);
        Ok(Asked(values.collect()))
    }
}

/// The number of a line of the history, as it stands in an address.
///
/// # Errors
/// `not_found` for what is no number.
pub(super) fn entry(text: &str) -> Result<u64, Failure> {
    text.parse().map_err(|_| Problem::new(Code::NotFound, "entry").into())
}
