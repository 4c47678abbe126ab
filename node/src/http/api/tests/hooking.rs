//! Webhooks over real sockets: what a receiver gets, and what becomes of what it answers.

use super::bench::{Bench, CUSTOMER};
use crate::webhooks::sender::ANSWER_MAX;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Response, StatusCode};
use axum::routing::post;
use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use tokio::sync::mpsc;

/// What a receiver got.
struct Got {
    headers: HeaderMap,
    body: Bytes,
}

#[derive(Clone)]
struct Receiving {
    got: mpsc::Sender<Got>,
    answers: Arc<Mutex<VecDeque<Response<Body>>>>,
}

/// A receiver on this machine that answers in turn what it is told, then 200.
struct Receiver {
    url: String,
    got: mpsc::Receiver<Got>,
}

fn status(status: u16) -> Response<Body> {
    Response::builder()
        .status(status)
        .body(Body::empty())
        .expect("an answer")
}

impl Receiver {
    async fn start(answers: Vec<Response<Body>>) -> Receiver {
        let (sender, got) = mpsc::channel(64);
        let state = Receiving {
            got: sender,
            answers: Arc::new(Mutex::new(answers.into())),
        };
        async fn take(State(state): State<Receiving>, headers: HeaderMap, body: Bytes) -> Response<Body> {
            let answer = state.answers.lock().expect("whole").pop_front();
            drop(state.got.send(Got { headers, body }).await);
            answer.unwrap_or_else(|| status(200))
        }
        let router = Router::new().route("/hook", post(take)).with_state(state);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("listens");
        let at = listener.local_addr().expect("an address");
        tokio::spawn(async move { axum::serve(listener, router).await });
        Receiver {
            url: format!("http://{at}/hook"),
            got,
        }
    }

    async fn next(&mut self) -> Got {
        let got = tokio::time::timeout(std::time::Duration::from_secs(60), self.got.recv()).await;
        got.expect("in time").expect("still there")
    }
}

/// Checks a signature as a receiver does, from what the standard says alone.
fn require_signed(got: &Got, secret: &str) {
    use hmac::{Hmac, KeyInit, Mac};
    let header = |name: &str| got.headers[name].to_str().expect("text").to_owned();
    let key = BASE64_STANDARD
        .decode(secret.strip_prefix("whsec_").expect("a secret"))
        .expect("base64");
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(&key).expect("any length");
    mac.update(format!("{}.{}.", header("webhook-id"), header("webhook-timestamp")).as_bytes());
    mac.update(&got.body);
    let expected = format!("v1,{}", BASE64_STANDARD.encode(mac.finalize().into_bytes()));
    assert_eq!(header("webhook-signature"), expected);
    let age = crate::clock::now().unix() - header("webhook-timestamp").parse::<i64>().expect("a time");
    assert!((0..60).contains(&age), "{age}");
}

async fn called_off(bench: &Bench, token: &str, case: &str) -> String {
    let body = json!({ "service": "S01", "case": case, "subject": CUSTOMER });
    let made = bench.call(token, "POST", "/api/v1/requests", &body).await.ok(201);
    let session = made.text_at("session");
    bench
        .call(token, "DELETE", &format!("/api/v1/requests/{session}"), &Value::Null)
        .await
        .ok(204);
    session
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_gets_signed_events_and_those_it_did_not_take_again() {
    let bench = Bench::new().await;
    let token = bench.any();
    let mut receiver = Receiver::start(vec![status(200), status(500)]).await;
    let added = bench
        .call(&token, "POST", "/api/v1/webhooks", &json!({ "url": receiver.url }))
        .await
        .ok(201);
    let secret = added.text_at("secret");
    let id = added.body["webhook"]["id"].as_str().expect("a name").to_owned();
    assert_eq!(added.header("location"), format!("/api/v1/webhooks/{id}"));
    let tested = bench
        .call(&token, "POST", &format!("/api/v1/webhooks/{id}/test"), &Value::Null)
        .await
        .ok(200);
    assert_eq!(
        (&tested.body["delivered"], &tested.body["status"]),
        (&json!(true), &json!(200))
    );
    let test = receiver.next().await;
    require_signed(&test, &secret);
    bench.world.service.work();
    let session = called_off(&bench, &token, "LAN-1").await;
    let first = receiver.next().await;
    require_signed(&first, &secret);
    assert_eq!(first.headers["content-type"], "application/json");
    let body: Value = serde_json::from_slice(&first.body).expect("JSON");
    assert_eq!(body["type"], "session.expired");
    assert_eq!(body["data"]["session"], session.as_str());
    assert!(!String::from_utf8_lossy(&first.body).contains(CUSTOMER));
    // It answered 500: the same again within seconds, under the same name, signed for its own time.
    let again = receiver.next().await;
    require_signed(&again, &secret);
    assert_eq!(
        (&again.headers["webhook-id"], &again.body),
        (&first.headers["webhook-id"], &first.body)
    );
    let shown = bench.get(&token, &format!("/api/v1/webhooks/{id}")).await.ok(200);
    assert_eq!(
        (&shown.body["state"], &shown.body["dead"]),
        (&json!("active"), &json!(0))
    );
    assert!(!shown.text.contains("whsec_"), "the secret is shown once");
    let all = bench.get(&token, "/api/v1/webhooks").await.ok(200);
    assert_eq!(all.body["webhooks"].as_array().map(Vec::len), Some(1));
    bench
        .call(&token, "DELETE", &format!("/api/v1/webhooks/{id}"), &Value::Null)
        .await
        .ok(204);
    bench
        .get(&token, &format!("/api/v1/webhooks/{id}"))
        .await
        .refused(404, "not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_redirects_answers_much_or_says_gone_is_not_followed() {
    let bench = Bench::new().await;
    let token = bench.any();
    let mut elsewhere = Receiver::start(Vec::new()).await;
    let redirect = Response::builder()
        .status(StatusCode::TEMPORARY_REDIRECT)
        .header("location", elsewhere.url.clone())
        .body(Body::empty())
        .expect("an answer");
    let much = Response::new(Body::from(vec![b'a'; 64 * ANSWER_MAX]));
    let mut receiver = Receiver::start(vec![redirect, much, status(410)]).await;
    let added = bench
        .call(&token, "POST", "/api/v1/webhooks", &json!({ "url": receiver.url }))
        .await
        .ok(201);
    let path = format!(
        "/api/v1/webhooks/{}",
        added.body["webhook"]["id"].as_str().expect("a name")
    );
    let test = async || {
        bench
            .call(&token, "POST", &format!("{path}/test"), &Value::Null)
            .await
            .ok(200)
            .body
    };
    assert_eq!(test().await["status"], 307);
    assert!(elsewhere.got.try_recv().is_err(), "nothing went there");
    assert_eq!(test().await["delivered"], true);
    receiver.next().await;
    receiver.next().await;
    bench.world.service.work();
    called_off(&bench, &token, "LAN-1").await;
    receiver.next().await;
    let mut shown = bench.get(&token, &path).await.ok(200).body;
    while shown["state"] != "gone" {
        tokio::task::yield_now().await;
        shown = bench.get(&token, &path).await.ok(200).body;
        if shown["state"] != "gone" {
            let mut changes = bench.world.service.session_changes();
            drop(tokio::time::timeout(std::time::Duration::from_millis(50), changes.changed()).await);
        }
    }
    assert_eq!(shown["dead"], 1);
    let dead = bench.get(&token, &format!("{path}/dead")).await.ok(200);
    assert_eq!(dead.body["dead"][0]["last"], "410");
    let replayed = bench
        .call(&token, "POST", &format!("{path}/replay"), &Value::Null)
        .await
        .ok(200);
    assert_eq!(replayed.body["replayed"], 1);
    let again = receiver.next().await;
    assert_eq!(
        again.headers["webhook-id"],
        dead.body["dead"][0]["delivery"].as_str().expect("a name")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_to_which_nothing_may_be_sent_is_refused_when_it_is_added() {
    let bench = Bench::new().await;
    let token = bench.any();
    for bad in [
        "http://bank.example/",
        "https://10.0.0.1/",
        "https://169.254.169.254/latest",
        "ftp://x/",
        "x",
    ] {
        let refused = bench
            .call(&token, "POST", "/api/v1/webhooks", &json!({ "url": bad }))
            .await;
        assert_eq!(refused.refused(422, "malformed").body["detail"], "url", "{bad}");
    }
    let body = json!({ "url": "https://bank.example/", "events": ["session.done"] });
    let refused = bench
        .call(&token, "POST", "/api/v1/webhooks", &body)
        .await
        .refused(422, "malformed");
    assert_eq!(refused.body["detail"], "events");
    // A machine of nobody: the test says so and does not fail.
    let body = json!({ "url": "http://127.0.0.1:9/" });
    let added = bench.call(&token, "POST", "/api/v1/webhooks", &body).await.ok(201);
    let path = format!(
        "/api/v1/webhooks/{}/test",
        added.body["webhook"]["id"].as_str().expect("a name")
    );
    let tested = bench.call(&token, "POST", &path, &Value::Null).await.ok(200);
    assert_eq!(
        (&tested.body["delivered"], &tested.body["error"]),
        (&json!(false), &json!("no connection"))
    );
}
