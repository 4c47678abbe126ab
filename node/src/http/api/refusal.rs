//! How the API says no: `application/problem+json` with the one table of codes, whatever it was that went wrong.

use crate::error::Failure;
use crate::http::problem;
use crate::http::words::Words;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use credentials::{Code, Problem};

/// A refusal. It becomes an answer in the caller's language at the end of the way.
#[derive(Clone)]
pub struct Told {
    failure: Failure,
    status: Option<StatusCode>,
    // Most have none, and a refusal is carried about.
    headers: Box<HeaderMap>,
}

impl Told {
    /// With a header.
    pub(super) fn with(mut self, name: HeaderName, value: &str) -> Told {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(name, value);
        }
        self
    }

    /// With another status than its code has elsewhere.
    pub(super) fn with_status(mut self, status: StatusCode) -> Told {
        self.status = Some(status);
        self
    }

    /// Too many calls; the next may come in so many seconds.
    pub(super) fn too_often(seconds: u64) -> Told {
        Told::from(Code::RateLimited).with(header::RETRY_AFTER, &seconds.to_string())
    }

    /// The answer.
    pub(super) fn answer(&self, words: &Words) -> Response {
        let mut response = problem::json(words, &self.failure);
        if let Some(status) = self.status {
            response = restated(response, words, &self.failure, status);
        }
        for (name, value) in &*self.headers {
            response.headers_mut().insert(name, value.clone());
        }
        if let Ok(language) = HeaderValue::from_str(words.language()) {
            response.headers_mut().insert(header::CONTENT_LANGUAGE, language);
        }
        let code = self.failure.problem.code;
        if let Some(cause) = &self.failure.cause {
            tracing::debug!(%code, cause, "a call was refused");
        }
        if code == Code::RateLimited && !response.headers().contains_key(header::RETRY_AFTER) {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

/// The same with the status in line and body.
fn restated(before: Response, words: &Words, failure: &Failure, status: StatusCode) -> Response {
    let code = failure.problem.code.as_str();
    let detail = failure.problem.detail.as_deref().unwrap_or_default();
    let values = [("detail", detail)];
    let object = serde_json::json!({
        "type": format!("urn:bevis:problem:{code}"), "status": status.as_u16(), "code": code,
        "title": words.plain_fill(&format!("problem-{code}"), &values),
        "detail": failure.problem.detail,
        "remedy": words.plain_fill(&format!("remedy-{code}"), &values),
    });
    let mut response = (status, object.to_string()).into_response();
    *response.headers_mut() = before.headers().clone();
    response
}

impl From<Failure> for Told {
    fn from(failure: Failure) -> Told {
        Told {
            failure,
            status: None,
            headers: Box::default(),
        }
    }
}

impl From<Problem> for Told {
    fn from(problem: Problem) -> Told {
        Failure::from(problem).into()
    }
}

impl From<Code> for Told {
    fn from(code: Code) -> Told {
        Failure::from(code).into()
    }
}

impl IntoResponse for Told {
    fn into_response(self) -> Response {
        let mut response = StatusCode::INTERNAL_SERVER_ERROR.into_response();
        response.extensions_mut().insert(self);
        response
    }
}
