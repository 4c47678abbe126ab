//! What a person typed: bounded, with the token of their session, and taken once.

use super::problem::Refusal;
use super::visit::Visit;
use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Multipart, Request};
use axum::http::header;
use credentials::{Code, Problem};
use std::collections::BTreeMap;
use std::sync::Arc;
use zeroize::Zeroizing;

/// Longest form without a file, in bytes: a `bevis:` text as it is percent-encoded at worst, and what stands beside it.
pub const FORM_MAX: usize = 4 * credentials::link::LINK_MAX;
/// Most values of a form.
pub const VALUES_MAX: usize = 256;
/// Longest value that a person types into one line, in characters.
pub const LINE_MAX: usize = 500;

/// A form that was sent, by a visitor whose page it was on.
pub struct Form {
    /// Who sent it.
    pub visit: Visit,
    values: BTreeMap<String, Vec<Zeroizing<String>>>,
    name: String,
}

impl Form {
    /// A value as it was typed, without the space around it; empty when it is missing.
    ///
    /// # Errors
    /// `too_large` beyond so many characters.
    pub fn text(&self, name: &str, characters_max: usize) -> Result<&str, Problem> {
        let value = self.values.get(name).and_then(|values| values.first());
        let value = value.map_or("", |value| value.trim());
        if value.chars().count() > characters_max {
            return Err(Problem::new(Code::TooLarge, name));
        }
        Ok(value)
    }

    /// A value that must be there.
    ///
    /// # Errors
    /// `malformed` with the field's name when it is empty, `too_large` beyond so many characters.
    pub fn required(&self, name: &str, characters_max: usize) -> Result<&str, Problem> {
        match self.text(name, characters_max)? {
            "" => Err(Problem::new(Code::Malformed, name)),
            text => Ok(text),
        }
    }

    /// Every value of a name, such as that of ticked boxes.
    pub fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.values.get(name).into_iter().flatten().map(|value| value.as_str())
    }

    /// Whether a box is ticked.
    pub fn is_ticked(&self, name: &str) -> bool {
        self.values.contains_key(name)
    }

    /// The form's own name: one sent twice has the same.
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// Compares without telling by its time where the first difference is.
fn is_same(a: &str, b: &str) -> bool {
    let differences = a.bytes().zip(b.bytes()).fold(0u8, |all, (a, b)| all | (a ^ b));
    a.len() == b.len() && differences == 0
}

/// The visitor whose form it is.
///
/// # Errors
/// `page_expired` when the form does not bring the token of the session.
pub(super) fn require_token(visit: &Visit, token: &str) -> Result<(), Problem> {
    match is_same(&visit.visitor.token, token) && !token.is_empty() {
        true => Ok(()),
        false => Err(Code::PageExpired.into()),
    }
}

impl FromRequest<Arc<super::App>> for Form {
    type Rejection = Refusal;

    async fn from_request(request: Request, app: &Arc<super::App>) -> Result<Form, Refusal> {
        let (mut parts, body) = request.into_parts();
        let visit = Visit::from_request_parts(&mut parts, app).await?;
        let is_form = parts
            .headers
            .get(header::CONTENT_TYPE)
            .and_then(|kind| kind.to_str().ok())
            .is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"));
        if !is_form {
            return Err(visit.refusal(Problem::new(Code::Malformed, "form")));
        }
        let body: Bytes = axum::body::to_bytes(body, FORM_MAX)
            .await
            .map_err(|_| visit.refusal(Problem::new(Code::TooLarge, "form")))?;
        let mut values: BTreeMap<String, Vec<Zeroizing<String>>> = BTreeMap::new();
        for (count, (name, value)) in form_urlencoded::parse(&body).enumerate() {
            if count >= VALUES_MAX {
                return Err(visit.refusal(Problem::new(Code::TooLarge, "form")));
            }
            let value = Zeroizing::new(value.into_owned());
            values.entry(name.into_owned()).or_default().push(value);
        }
        let first = |name: &str| values.get(name).and_then(|values| values.first());
        let token = first("token").map_or("", |token| token.as_str());
        if let Err(problem) = require_token(&visit, token) {
            return Err(visit.refusal(problem));
        }
        let name = first("form").map_or(String::new(), |name| name.to_string());
        Ok(Form { visit, values, name })
    }
}

/// A form with files, read piece by piece. The token must come first, so that nothing is read of a form that is not ours.
pub struct Upload {
    /// Who sends it.
    pub visit: Visit,
    /// What follows the token.
    pub parts: Multipart,
}

impl FromRequest<Arc<super::App>> for Upload {
    type Rejection = Refusal;

    async fn from_request(request: Request, app: &Arc<super::App>) -> Result<Upload, Refusal> {
        let (mut head, body) = request.into_parts();
        let visit = Visit::from_request_parts(&mut head, app).await?;
        let request = Request::from_parts(head, body);
        let parts = Multipart::from_request(request, app).await;
        let mut parts = parts.map_err(|_| visit.refusal(Problem::new(Code::Malformed, "form")))?;
        let first = parts.next_field().await.ok().flatten();
        let token = match first {
            Some(mut field) if field.name() == Some("token") => small(&mut field, 256).await,
            _ => Err(Code::PageExpired.into()),
        };
        match token.and_then(|token| require_token(&visit, &token)) {
            Ok(()) => Ok(Upload { visit, parts }),
            Err(problem) => Err(visit.refusal(problem)),
        }
    }
}

/// The text of a field that is no file.
///
/// # Errors
/// `too_large` beyond so many bytes, `malformed` when it is no text or breaks off.
pub async fn small(field: &mut axum::extract::multipart::Field<'_>, bytes_max: usize) -> Result<String, Problem> {
    let bytes = bytes(field, bytes_max).await?;
    String::from_utf8(bytes).map_err(|_| Problem::new(Code::Malformed, "form"))
}

/// The bytes of a field.
///
/// # Errors
/// `too_large` beyond so many bytes, `malformed` when it breaks off.
pub async fn bytes(field: &mut axum::extract::multipart::Field<'_>, bytes_max: usize) -> Result<Vec<u8>, Problem> {
    let mut bytes = Vec::new();
    loop {
        let piece = field.chunk().await.map_err(|_| Problem::new(Code::Malformed, "form"))?;
        let Some(piece) = piece else { return Ok(bytes) };
        if bytes.len().saturating_add(piece.len()) > bytes_max {
            return Err(Problem::new(Code::TooLarge, "file"));
        }
        bytes.extend_from_slice(&piece);
    }
}
