//! A bank's home with a trust list, and callers with tokens.

use crate::http::tests::world::World;
use crate::output::At;
use crate::service::{Card, Command};
use crate::tokens::{Scope, Tokens};
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use axum::response::Response;
use credentials::service::Registration;
use credentials::time::DAY;
use credentials::trust::{Ceremony, Draft, Organisation};
use serde_json::Value;
use std::sync::Arc;
use tower::ServiceExt;

/// Rolig Fiskebåt, who is made up (month + 80).
pub(super) const CUSTOMER: &str = "14858834016";

/// A bank's home.
pub(super) struct Bench {
    pub(super) world: World,
    pub(super) tokens: Tokens,
    router: Router,
}

/// What was answered.
#[derive(Debug)]
pub(super) struct Said {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Value,
    pub(super) text: String,
}

impl Said {
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    }

    /// Asserts status and code, and that it is a refusal in its form.
    #[track_caller]
    pub(super) fn refused(self, status: u16, code: &str) -> Said {
        assert_eq!(
            (self.status.as_u16(), self.body.at("code").as_str()),
            (status, Some(code)),
            "{self:?}"
        );
        assert_eq!(self.header("content-type"), "application/problem+json");
        assert_eq!(self.body["status"], status);
        assert_eq!(self.body["type"], format!("urn:bevis:problem:{code}"));
        for text in ["title", "remedy"] {
            assert!(
                self.body[text].as_str().is_some_and(|text| !text.is_empty()),
                "{self:?}"
            );
        }
        assert!(!self.header("x-request-id").is_empty());
        self
    }

    #[track_caller]
    pub(super) fn ok(self, status: u16) -> Said {
        assert_eq!(self.status.as_u16(), status, "{self:?}");
        self
    }

    pub(super) fn text_at(&self, name: &str) -> String {
        self.body.at(name).as_str().unwrap_or_default().to_owned()
    }
}

impl Bench {
    /// With a trust list on which the bank may ask under three services.
    pub(super) async fn new() -> Bench {
        let bench = Bench::unlisted();
        bench.list(&["S01", "S15", "K01"]).await;
        bench
    }

    pub(super) fn unlisted() -> Bench {
        let world = World::organisation(&[]);
        let router = world.app.router();
        let tokens = Tokens::of(world.service.home());
        Bench { world, tokens, router }
    }

    async fn list(&self, services: &[&str]) {
        let whoami = self.world.service.execute(Command::Whoami).await.expect("a card");
        let card: Card = serde_json::from_value(whoami["card"].clone()).expect("a card");
        let mut us: Organisation = card.entry().expect("listed");
        us.services = Registration::builtin().into_iter().map(Arc::new).collect();
        us.services.retain(|service| services.contains(&service.id.as_str()));
        let now = crate::clock::now();
        let mut anchors = Ceremony::of_three(&mut crate::clock::System, now).expect("founded");
        let draft = Draft {
            sequence: 1,
            operator: "Testnett".to_owned(),
            issued: now,
            next_update: now.plus(300 * DAY),
            organisations: vec![us],
        };
        let bundle = anchors.publish(&draft, now).expect("signed");
        let command = Command::TrustImport {
            text: bundle.to_text().expect("JSON"),
            root: Some(anchors.fingerprint().expect("founded")),
        };
        self.world.service.execute(command).await.expect("taken");
    }

    /// A token with these scopes, by a name of its own.
    pub(super) fn token(&self, name: &str, scopes: &[Scope]) -> String {
        self.tokens.add(name, scopes, 30).expect("made").0.to_string()
    }

    /// A token that may do everything.
    pub(super) fn any(&self) -> String {
        self.token("any", &Scope::ALL)
    }

    pub(super) async fn send(&self, request: Request<Body>) -> Response {
        self.router.clone().oneshot(request).await.expect("an answer")
    }

    /// A call with headers of the test's own.
    pub(super) async fn call_with(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Said {
        let mut request = Request::builder().method(method).uri(path);
        if !headers.iter().any(|(name, _)| *name == "host") {
            request = request.header("host", self.world.host());
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::from(body.to_owned())).expect("a request");
        said(self.send(request).await).await
    }

    /// A call with a token, and a JSON body where there is one.
    pub(super) async fn call(&self, token: &str, method: &str, path: &str, body: &Value) -> Said {
        let bearer = format!("Bearer {token}");
        let text = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
        self.call_with(method, path, &headers, &text).await
    }

    pub(super) async fn get(&self, token: &str, path: &str) -> Said {
        self.call(token, "GET", path, &Value::Null).await
    }
}

pub(super) async fn said(response: Response) -> Said {
    let (parts, body) = response.into_parts();
    let bytes = axum::body::to_bytes(body, 1 << 20).await.expect("a body");
    let text = String::from_utf8(bytes.to_vec()).expect("text");
    Said {
        status: parts.status,
        headers: parts.headers,
        body: serde_json::from_str(&text).unwrap_or_default(),
        text,
    }
}
