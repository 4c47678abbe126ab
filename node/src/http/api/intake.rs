//! What a body must be like: JSON of a bounded length, each name once, no name that the operation does not know.

use super::refusal::Told;
use crate::http::App;
use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, StatusCode, header};
use credentials::{Code, Problem};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::sync::Arc;

/// Longest body, in bytes: the text of a credential to be checked, which the command line takes in the same length.
pub const BODY_MAX: usize = 256 * 1024;

/// A body of JSON, with the value it was read from.
pub struct Body<T> {
    /// What it says.
    pub content: T,
    /// The same as it came.
    pub value: Value,
}

/// What came with a call. It is read only when the operation knows that its caller may do it, so that nobody else learns what it takes.
pub struct Sent {
    headers: HeaderMap,
    body: Result<Bytes, Told>,
}

impl FromRequest<Arc<App>> for Sent {
    type Rejection = std::convert::Infallible;

    async fn from_request(request: Request, _app: &Arc<App>) -> Result<Sent, Self::Rejection> {
        let (parts, body) = request.into_parts();
        let headers = parts.headers;
        let body = bounded(body).await;
        Ok(Sent { headers, body })
    }
}

impl Sent {
    /// Reads a body that must be there.
    ///
    /// # Errors
    /// `too_large`, `unsupported` (415, another type than JSON), and `malformed` with the name of the field.
    pub fn read<T: DeserializeOwned>(self) -> Result<Body<T>, Told> {
        let bytes = self.body?;
        require_json(&self.headers)?;
        let value = credentials::json::parse(&bytes, BODY_MAX)?;
        let content = content(&value)?;
        Ok(Body { content, value })
    }

    /// Reads a body that may be left out.
    ///
    /// # Errors
    /// As [`Sent::read`].
    pub fn read_if_any<T: DeserializeOwned + Default>(self) -> Result<T, Told> {
        match &self.body {
            Ok(bytes) if bytes.is_empty() => Ok(T::default()),
            _ => Ok(self.read::<T>()?.content),
        }
    }
}

fn require_json(headers: &HeaderMap) -> Result<(), Told> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let kind = kind.and_then(|kind| kind.split(';').next()).unwrap_or_default().trim();
    match kind.eq_ignore_ascii_case("application/json") {
        true => Ok(()),
        false => {
            let told = Told::from(Problem::new(Code::Unsupported, "content-type"));
            Err(told.with_status(StatusCode::UNSUPPORTED_MEDIA_TYPE))
        }
    }
}

async fn bounded(body: axum::body::Body) -> Result<Bytes, Told> {
    let read = axum::body::to_bytes(body, BODY_MAX).await;
    read.map_err(|_| Problem::new(Code::TooLarge, "body").into())
}

/// Reads a value as what an operation takes. What is wrong is said by the name of the field, never by its value.
fn content<T: DeserializeOwned>(value: &Value) -> Result<T, Told> {
    member_by_member(value).map_err(|field| Problem::new(Code::Malformed, field).into())
}

/// The same; an error is the name of the field. A list is no object, although the reader would take its items for the fields in order.
fn member_by_member<T: DeserializeOwned>(value: &Value) -> Result<T, String> {
    match value {
        Value::Object(_) => serde_json::from_value(value.clone()).map_err(|error| field(&error)),
        _ => Err("body".to_owned()),
    }
}

/// The field that an error of the reader names.
fn field(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let quoted = |beginning: &str| text.strip_prefix(beginning)?.split('`').next().map(ToOwned::to_owned);
    quoted("unknown field `")
        .or_else(|| quoted("missing field `"))
        .or_else(|| quoted("duplicate field `"))
        .unwrap_or_else(|| "body".to_owned())
}

/// The value in a form in which equal values are equal text: names in order, and without the key under which it is sent.
pub(super) fn canonical(value: &Value, without: &str) -> String {
    // The reader keeps no order of names: they stand sorted.
    let mut value = value.clone();
    if let Some(object) = value.as_object_mut() {
        object.remove(without);
    }
    sorted(&value).to_string()
}

fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let mut names: Vec<&String> = members.keys().collect();
            names.sort_unstable();
            let pairs = names
                .into_iter()
                .filter_map(|name| Some((name.clone(), sorted(members.get(name)?))));
            Value::Object(pairs.collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(sorted).collect()),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;
    use serde_json::json;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct One {
        subject: String,
    }

    #[test]
    fn what_is_wrong_is_named_by_its_field_and_never_by_its_value() {
        for (value, named) in [
            (json!({}), "subject"),
            (json!({ "subject": "a", "colour": 1 }), "colour"),
            (json!({ "subject": 14_858_834_016_u64 }), "body"),
            (json!(["x"]), "body"),
        ] {
            let read: Result<One, String> = member_by_member(&value);
            let said = read.map(|one| one.subject).expect_err("refused");
            assert_eq!(said, named, "{value}");
            assert!(!said.contains("14858834016"));
        }
    }

    #[test]
    fn the_order_of_names_and_the_key_make_no_difference() {
        let one =
            credentials::json::parse(br#"{"b":1,"a":{"d":[1,2],"c":"x"},"idempotency_key":"k"}"#, 1_000).expect("JSON");
        let two = credentials::json::parse(br#"{"a":{"c":"x","d":[1,2]},"b":1}"#, 1_000).expect("JSON");
        let three = credentials::json::parse(br#"{"a":{"c":"x","d":[2,1]},"b":1}"#, 1_000).expect("JSON");
        let text = |value| canonical(value, "idempotency_key");
        assert_eq!(text(&one), text(&two));
        assert_ne!(text(&one), text(&three));
    }
}
