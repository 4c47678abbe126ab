//! What comes of calls: requests, events, grants, trust.

use super::bench::{Bench, CUSTOMER};
use crate::tokens::Scope;
use axum::body::Body;
use axum::http::Request;
use futures::StreamExt;
use serde_json::{Value, json};
use std::time::Duration;

fn request(case: &str) -> Value {
    json!({ "service": "S01", "case": case, "subject": CUSTOMER })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_sent_twice_is_made_once() {
    let bench = Bench::new().await;
    let token = bench.any();
    let first = bench
        .call(&token, "POST", "/api/v1/requests", &request("LAN-1"))
        .await
        .ok(201);
    let session = first.text_at("session");
    assert_eq!(first.header("location"), format!("/api/v1/requests/{session}"));
    assert!(first.text_at("link").starts_with("bevis:") && first.body["repeated"] == false);
    assert!(!first.text_at("link").contains(CUSTOMER));
    // The case is the key; the order of names makes no difference.
    let text = format!("{{\"subject\":\"{CUSTOMER}\",\"case\":\"LAN-1\",\"service\":\"S01\"}}");
    let bearer = format!("Bearer {token}");
    let mut headers = vec![("authorization", bearer.as_str()), ("content-type", "application/json")];
    let again = bench
        .call_with("POST", "/api/v1/requests", &headers, &text)
        .await
        .ok(200);
    assert_eq!(
        (again.text_at("session"), &again.body["repeated"]),
        (session.clone(), &json!(true))
    );
    assert_eq!(again.text_at("link"), first.text_at("link"));
    let mut other = request("LAN-1");
    other["types"] = json!(["C02"]);
    bench
        .call(&token, "POST", "/api/v1/requests", &other)
        .await
        .refused(409, "idempotency_conflict");
    // Under a key of its own the same case may be asked for again.
    headers.push(("idempotency-key", "second"));
    let second = bench
        .call_with("POST", "/api/v1/requests", &headers, &text)
        .await
        .ok(201);
    assert_ne!(second.text_at("session"), session);
    let mut with_field = request("LAN-1");
    with_field["idempotency_key"] = json!("second");
    let third = bench
        .call(&token, "POST", "/api/v1/requests", &with_field)
        .await
        .ok(200);
    assert_eq!(third.text_at("session"), second.text_at("session"));
    // A header and a field that differ are a mistake of the caller.
    with_field["idempotency_key"] = json!("third");
    let refused = bench
        .call_with("POST", "/api/v1/requests", &headers, &with_field.to_string())
        .await;
    assert_eq!(refused.refused(422, "malformed").body["detail"], "idempotency_key");
    let long = "k".repeat(129);
    let last = headers.len() - 1;
    headers[last] = ("idempotency-key", &long);
    bench
        .call_with("POST", "/api/v1/requests", &headers, &text)
        .await
        .refused(422, "malformed");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_that_send_the_same_at_once_get_one_session() {
    let bench = Bench::new().await;
    let token = bench.any();
    let body = request("LAN-9");
    let all = (0..16).map(|_| bench.call(&token, "POST", "/api/v1/requests", &body));
    let said = futures::future::join_all(all).await;
    let made = said.iter().filter(|said| said.status.as_u16() == 201).count();
    assert_eq!(made, 1);
    let first = said[0].text_at("session");
    assert!(said.iter().all(|said| said.text_at("session") == first));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_read_with_all_there_is_to_it_and_called_off() {
    let bench = Bench::new().await;
    let token = bench.any();
    let made = bench
        .call(&token, "POST", "/api/v1/requests", &request("LAN-2"))
        .await
        .ok(201);
    let path = made.header("location").to_owned();
    let shown = bench.get(&token, &path).await.ok(200);
    assert_eq!(shown.text_at("state"), "active");
    assert_eq!(shown.body["session"], made.body["session"]);
    assert_eq!(
        (shown.text_at("case"), shown.text_at("service")),
        ("LAN-2".to_owned(), "S01".to_owned())
    );
    assert_eq!(shown.body["verdict"], Value::Null);
    assert_eq!(shown.body["checks"], json!([]));
    assert!(shown.body["keep"]["text"]["nb"].is_string() && shown.body["keep"]["ground"].is_string());
    assert!(shown.body["reach"]["neighbours"].is_u64());
    assert!(!shown.text.contains(CUSTOMER), "the customer's number is not told back");
    let tag = shown.header("etag").to_owned();
    assert!(tag.starts_with('"') && tag.len() == 34, "{tag}");
    let bearer = format!("Bearer {token}");
    let with = |tag: &str| [("authorization", bearer.clone()), ("if-none-match", tag.to_owned())];
    for (known, status) in [
        (tag.clone(), 304),
        (format!("\"x\", W/{tag}"), 304),
        ("*".to_owned(), 304),
        ("\"x\"".to_owned(), 200),
    ] {
        let headers = with(&known);
        let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let said = bench.call_with("GET", &path, &headers, "").await.ok(status);
        assert_eq!(said.header("etag"), tag, "{known}");
    }
    bench
        .get(&token, &format!("{path}/receipt"))
        .await
        .refused(404, "not_found");
    bench.call(&token, "DELETE", &path, &Value::Null).await.ok(204);
    bench.call(&token, "DELETE", &path, &Value::Null).await.ok(204);
    let ended = bench.get(&token, &path).await.ok(200);
    assert_eq!(ended.text_at("state"), "expired");
    assert_ne!(ended.header("etag"), tag);
    for unknown in ["AAAAAAAAAAAAAAAAAAAAAA", "a%20b", "%C3%A6", &"a".repeat(65)] {
        let path = format!("/api/v1/requests/{unknown}");
        bench.get(&token, &path).await.refused(404, "unknown_session");
        bench
            .call(&token, "DELETE", &path, &Value::Null)
            .await
            .refused(404, "unknown_session");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_waits_is_answered_as_soon_as_something_is_other() {
    let bench = Bench::new().await;
    let token = bench.any();
    let made = bench
        .call(&token, "POST", "/api/v1/requests", &request("LAN-3"))
        .await
        .ok(201);
    let path = made.header("location").to_owned();
    let waiting = format!("{path}?wait=30");
    let (ended, ()) = tokio::join!(bench.get(&token, &waiting), async {
        tokio::task::yield_now().await;
        bench.call(&token, "DELETE", &path, &Value::Null).await.ok(204);
    });
    assert_eq!(ended.ok(200).text_at("state"), "expired");
    // Nothing to wait for: it has ended.
    assert_eq!(bench.get(&token, &waiting).await.ok(200).text_at("state"), "expired");
    for wrong in ["wait=x", "wait=-1", "colour=red", "wait=1&wait=2"] {
        let refused = bench.get(&token, &format!("{path}?{wrong}")).await;
        assert_eq!(refused.text_at("code"), "malformed", "{wrong}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_are_listed_by_pages_newest_first() {
    let bench = Bench::new().await;
    let token = bench.any();
    let mut made = Vec::new();
    for case in 0..5 {
        let said = bench
            .call(&token, "POST", "/api/v1/requests", &request(&format!("LAN-{case}")))
            .await
            .ok(201);
        made.insert(0, said.text_at("session"));
    }
    bench
        .call(&token, "DELETE", &format!("/api/v1/requests/{}", made[1]), &Value::Null)
        .await
        .ok(204);
    let read = async |query: &str| {
        let (mut all, mut after) = (Vec::new(), String::new());
        loop {
            let page = bench
                .get(&token, &format!("/api/v1/requests?limit=2{query}{after}"))
                .await
                .ok(200);
            let some = page.body["requests"].as_array().expect("a list").clone();
            assert!(some.len() <= 2);
            all.extend(
                some.iter()
                    .map(|one| one["session"].as_str().expect("a name").to_owned()),
            );
            match page.body["next"].as_str() {
                Some(next) => after = format!("&after={next}"),
                None => return all,
            }
        }
    };
    assert_eq!(read("").await, made);
    assert_eq!(read("&state=expired").await, [made[1].clone()]);
    assert_eq!(read("&state=active&service=S01").await.len(), 4);
    assert_eq!(read("&service=K01").await.len(), 0);
    assert_eq!(read("&verdict=valid").await.len(), 0);
    for wrong in [
        "limit=0",
        "limit=201",
        "limit=x",
        "after=x",
        "state=done",
        "case=LAN-1",
        "subject=1",
    ] {
        let refused = bench.get(&token, &format!("/api/v1/requests?{wrong}")).await;
        assert_eq!(refused.text_at("code"), "malformed", "{wrong}");
    }
}

/// Reads a stream until it has this.
async fn until(stream: &mut axum::body::BodyDataStream, read: &mut String, wanted: &str) {
    while !read.contains(wanted) {
        let piece = tokio::time::timeout(Duration::from_secs(20), stream.next()).await;
        let piece = piece.unwrap_or_else(|_| panic!("no {wanted:?} in {read:?}"));
        let piece = piece.unwrap_or_else(|| panic!("it ended without {wanted:?}: {read:?}"));
        read.push_str(std::str::from_utf8(&piece.expect("bytes")).expect("text"));
    }
}

async fn listen(bench: &Bench, token: &str, path: &str, last: Option<&str>) -> axum::body::BodyDataStream {
    let mut request = Request::builder()
        .uri(path)
        .header("host", bench.world.host())
        .header("authorization", format!("Bearer {token}"));
    if let Some(last) = last {
        request = request.header("last-event-id", last);
    }
    let response = bench.send(request.body(Body::empty()).expect("a request")).await;
    assert_eq!(response.status().as_u16(), 200);
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    response.into_body().into_data_stream()
}

#[tokio::test(flavor = "multi_thread")]
async fn events_come_as_they_happen_each_once_and_again_after_a_break() {
    let bench = Bench::new().await;
    let token = bench.any();
    let mut stream = listen(&bench, &token, "/api/v1/events", None).await;
    let mut sessions = Vec::new();
    for case in ["A", "B", "C"] {
        let made = bench
            .call(&token, "POST", "/api/v1/requests", &request(case))
            .await
            .ok(201);
        let session = made.text_at("session");
        bench
            .call(&token, "DELETE", &format!("/api/v1/requests/{session}"), &Value::Null)
            .await
            .ok(204);
        sessions.push(session);
    }
    let mut read = String::new();
    until(&mut stream, &mut read, &sessions[2]).await;
    until(&mut stream, &mut read, "\n\n").await;
    let events: Vec<&str> = read
        .split("\n\n")
        .filter(|event| event.contains("event: session.expired"))
        .collect();
    assert_eq!(events.len(), 3, "{read}");
    let id = |event: &str| {
        event
            .lines()
            .find_map(|line| line.strip_prefix("id: "))
            .expect("an id")
            .to_owned()
    };
    let data: Value = events[0]
        .lines()
        .find_map(|line| line.strip_prefix("data: "))
        .expect("data")
        .parse()
        .expect("JSON");
    assert_eq!(data["id"], id(events[0]));
    assert_eq!(
        (&data["type"], &data["state"]),
        (&json!("session.expired"), &json!("expired"))
    );
    assert!(!read.contains(CUSTOMER));
    // Comes back with the first it saw: the other two, and not the first.
    let mut stream = listen(&bench, &token, "/api/v1/events", Some(&id(events[0]))).await;
    let mut again = String::new();
    until(&mut stream, &mut again, &sessions[2]).await;
    assert!(
        again.contains(&sessions[1]) && !again.contains(&sessions[0]) && !again.contains("event: gap"),
        "{again}"
    );
    // From the beginning, of one session.
    let path = format!("/api/v1/events?after=0&session={}", sessions[1]);
    let mut stream = listen(&bench, &token, &path, None).await;
    let mut one = String::new();
    until(&mut stream, &mut one, &sessions[1]).await;
    assert!(!one.contains(&sessions[0]) && !one.contains(&sessions[2]), "{one}");
    // A place that is none of this home's: a gap, then what is kept.
    let mut stream = listen(&bench, &token, "/api/v1/events", Some("77-1")).await;
    let mut gap = String::new();
    until(&mut stream, &mut gap, &sessions[0]).await;
    assert!(gap.trim_start().starts_with("event: gap"), "{gap}");
    bench
        .get(&token, "/api/v1/events?after=x")
        .await
        .refused(422, "malformed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_ends_with_a_last_event_when_its_token_is_taken_away() {
    let bench = Bench::new().await;
    let token = bench.token("listener", &[Scope::RequestsRead]);
    let mut stream = listen(&bench, &token, "/api/v1/events", None).await;
    bench.tokens.remove("listener").expect("removed");
    let mut read = String::new();
    until(&mut stream, &mut read, "event: end").await;
    while let Some(piece) = stream.next().await {
        read.push_str(std::str::from_utf8(&piece.expect("bytes")).expect("text"));
    }
    assert_eq!(read.matches("event: end").count(), 1, "{read}");
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_are_bounded_and_a_place_is_free_again_when_one_ends() {
    let bench = Bench::new().await;
    let token = bench.any();
    let mut open = Vec::new();
    for _ in 0..crate::http::api::auth::STREAMS_MAX {
        open.push(listen(&bench, &token, "/api/v1/events", None).await);
    }
    let refused = bench.get(&token, "/api/v1/events").await.refused(429, "rate_limited");
    assert_eq!(refused.header("retry-after"), "5");
    open.pop();
    drop(listen(&bench, &token, "/api/v1/events", None).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn grants_and_withdrawals_are_read_and_what_is_not_there_is_said() {
    let bench = Bench::new().await;
    let token = bench.any();
    let all = bench.get(&token, "/api/v1/grants").await.ok(200);
    assert_eq!(all.body, json!({ "grants": [], "next": null }));
    let feed = bench.get(&token, "/api/v1/withdrawals").await.ok(200);
    assert_eq!((&feed.body["gap"], &feed.body["events"]), (&json!(false), &json!([])));
    let last = feed.text_at("last");
    let next = bench
        .get(&token, &format!("/api/v1/withdrawals?after={last}"))
        .await
        .ok(200);
    assert_eq!(next.body["gap"], false);
    let foreign = bench.get(&token, "/api/v1/withdrawals?after=9-9").await.ok(200);
    assert_eq!(foreign.body["gap"], true);
    bench
        .get(&token, "/api/v1/withdrawals?after=x")
        .await
        .refused(422, "malformed");
    for (method, path) in [
        ("GET", "/api/v1/grants/none"),
        ("GET", "/api/v1/grants/none/receipt"),
        ("POST", "/api/v1/grants/none/refresh"),
        ("GET", "/api/v1/grants/a%2Fb"),
    ] {
        bench
            .call(&token, method, path, &Value::Null)
            .await
            .refused(404, "unknown_grant");
    }
    // Nobody on the list issues what S15 asks for, and whoever is named cannot be asked for longer than is registered.
    for (terms, status, code) in [
        (json!({ "days": 1 }), 422, "unknown_issuer"),
        (
            json!({ "days": 9999, "issuer": "did:web:lanekassen.example" }),
            403,
            "over_ask",
        ),
    ] {
        let asked = json!({ "service": "S15", "case": "NB-1", "subject": CUSTOMER, "grant": terms });
        bench
            .call(&token, "POST", "/api/v1/requests", &asked)
            .await
            .refused(status, code);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn trust_is_looked_up() {
    let bench = Bench::new().await;
    let token = bench.any();
    let trust = bench.get(&token, "/api/v1/trust").await.ok(200);
    assert_eq!(trust.text_at("version"), "1.1.1");
    assert_eq!(
        (&trust.body["is_current"], &trust.body["organisations"]),
        (&json!(true), &json!(1))
    );
    let us = bench
        .get(&token, "/api/v1/trust/organisations/did:web:skatteetaten.example")
        .await
        .ok(200);
    assert_eq!(us.text_at("number"), "974761076");
    assert_eq!(us.body["services"].as_array().map(Vec::len), Some(3));
    assert!(us.body["keys"][0]["kid"].is_string());
    let escaped = "/api/v1/trust/organisations/did%3Aweb%3Askatteetaten.example";
    assert_eq!(bench.get(&token, escaped).await.ok(200).body, us.body);
    bench
        .get(&token, "/api/v1/trust/organisations/did:web:nobody.example")
        .await
        .refused(404, "not_found");
    bench
        .get(&token, "/api/v1/trust/organisations/nobody")
        .await
        .refused(422, "malformed");
    let services = bench.get(&token, "/api/v1/trust/services").await.ok(200);
    let loan = services.body["services"]
        .as_array()
        .into_iter()
        .flatten()
        .find(|one| one["id"] == "S01");
    let loan = loan.expect("S01");
    assert!(loan["types"][0]["claims"][0].is_string() && loan["purpose"]["text"]["nb"].is_string());
    let checked = bench
        .call(
            &token,
            "POST",
            "/api/v1/check",
            &json!({ "credential": "no credential" }),
        )
        .await
        .ok(200);
    assert_eq!(checked.text_at("verdict"), "invalid");
    assert_eq!(checked.text_at("code"), "malformed");
    let unlisted = Bench::unlisted();
    let token = unlisted.any();
    unlisted
        .get(&token, "/api/v1/trust")
        .await
        .refused(503, "trust_missing");
    unlisted
        .call(&token, "POST", "/api/v1/requests", &request("LAN-1"))
        .await
        .refused(503, "trust_missing");
}
