//! Who may call, how often, and with what.

use super::bench::{Bench, CUSTOMER};
use crate::http::api::auth::CALLS_AT_ONCE;
use crate::http::api::intake::BODY_MAX;
use crate::tokens::{Scope, Tokens};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn nobody_calls_without_a_token_that_counts_now() {
    let bench = Bench::new().await;
    let good = bench.any();
    bench.get(&good, "/api/v1/trust").await.ok(200);
    let none = bench
        .call_with("GET", "/api/v1/trust", &[], "")
        .await
        .refused(401, "token_invalid");
    assert_eq!(none.header("www-authenticate"), "Bearer realm=\"bevis\"");
    for wrong in [
        good[..good.len() - 1].to_owned(),
        format!("{good}x"),
        "bevis_".to_owned(),
        String::new(),
    ] {
        let refused = bench.get(&wrong, "/api/v1/trust").await.refused(401, "token_invalid");
        assert!(
            refused.header("www-authenticate").contains("error=\"invalid_token\""),
            "{wrong}"
        );
    }
    // In the address it is none, and as another scheme neither.
    for path in [
        format!("/api/v1/trust?access_token={good}"),
        format!("/api/v1/trust?token={good}"),
    ] {
        bench
            .call_with("GET", &path, &[], "")
            .await
            .refused(401, "token_invalid");
    }
    let basic = format!("Basic {good}");
    let headers = [("authorization", basic.as_str())];
    bench
        .call_with("GET", "/api/v1/trust", &headers, "")
        .await
        .refused(401, "token_invalid");
    // The file is read again when it is another: run out, then made anew, then taken away.
    let file = bench.world.service.home_path().join("api-tokens.toml");
    let text = std::fs::read_to_string(&file).expect("reads");
    let expires = text.lines().find(|line| line.starts_with("expires")).expect("a time");
    std::fs::write(&file, text.replace(expires, "expires = \"2020-01-01T00:00:00Z\"")).expect("writes");
    bench.get(&good, "/api/v1/trust").await.refused(401, "token_invalid");
    std::fs::write(&file, &text).expect("writes");
    bench.get(&good, "/api/v1/trust").await.ok(200);
    bench.tokens.remove("any").expect("removed");
    bench.get(&good, "/api/v1/trust").await.refused(401, "token_invalid");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_tokens_that_others_may_write_lets_nobody_in() {
    use std::os::unix::fs::PermissionsExt;
    let bench = Bench::new().await;
    let good = bench.any();
    let file = bench.world.service.home_path().join("api-tokens.toml");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o620)).expect("sets");
    // Written anew, so that it is another file than the one that was read.
    let text = std::fs::read_to_string(&file).expect("reads");
    std::fs::write(&file, format!("{text}\n")).expect("writes");
    bench.get(&good, "/api/v1/trust").await.refused(401, "token_invalid");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).expect("sets");
    std::fs::write(&file, text).expect("writes");
    bench.get(&good, "/api/v1/trust").await.ok(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_calls_too_often_waits_and_holds_up_nobody_else() {
    let bench = Bench::new().await;
    let (busy, other) = (bench.token("busy", &Scope::ALL), bench.token("other", &Scope::ALL));
    let mut refused = None;
    for _ in 0..CALLS_AT_ONCE * 3 {
        let said = bench.get(&busy, "/api/v1/withdrawals").await;
        if said.status.as_u16() == 429 {
            refused = Some(said);
            break;
        }
    }
    let refused = refused.expect("at some time").refused(429, "rate_limited");
    assert!(
        refused
            .header("retry-after")
            .parse::<u64>()
            .is_ok_and(|seconds| seconds > 0)
    );
    bench.get(&other, "/api/v1/withdrawals").await.ok(200);
    // Guessing is slow for all who guess, and nothing for whoever has a token.
    let mut guesses = 0;
    while bench.get("bevis_guess", "/api/v1/trust").await.status.as_u16() == 401 {
        guesses += 1;
        assert!(guesses < 500, "guessing goes on for ever");
    }
    bench
        .get("bevis_guess", "/api/v1/trust")
        .await
        .refused(429, "rate_limited");
    bench.get(&other, "/api/v1/trust").await.ok(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_not_as_described_is_refused_by_the_name_of_what_is_wrong() {
    let bench = Bench::new().await;
    let token = bench.any();
    let bearer = format!("Bearer {token}");
    let good = json!({ "service": "S01", "case": "LAN-1", "subject": CUSTOMER });
    let send = async |kind: &str, body: &str| {
        let headers = [("authorization", bearer.as_str()), ("content-type", kind)];
        bench.call_with("POST", "/api/v1/requests", &headers, body).await
    };
    for kind in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/jsonx",
        "",
    ] {
        let refused = send(kind, &good.to_string()).await.refused(415, "unsupported");
        assert_eq!(refused.body["detail"], "content-type", "{kind}");
    }
    send("application/json; charset=utf-8", &good.to_string()).await.ok(201);
    let long = json!({ "service": "S01", "case": "a".repeat(BODY_MAX), "subject": CUSTOMER });
    send("application/json", &long.to_string())
        .await
        .refused(413, "too_large");
    for (body, code, detail) in [
        (String::new(), "malformed", Value::Null),
        ("{".to_owned(), "malformed", Value::Null),
        (format!("{good} {good}"), "malformed", Value::Null),
        (
            good.to_string().replace("{", "{\"case\":\"x\","),
            "duplicate_key",
            Value::Null,
        ),
        ("[1]".to_owned(), "malformed", json!("body")),
        (
            json!({ "service": "S01", "case": "x" }).to_string(),
            "malformed",
            json!("subject"),
        ),
        (
            json!({ "service": "S01", "case": "x", "subject": CUSTOMER, "colour": "red" }).to_string(),
            "malformed",
            json!("colour"),
        ),
        (
            json!({ "service": "S01", "case": "x", "subject": 14_858_834_016_u64 }).to_string(),
            "malformed",
            json!("body"),
        ),
        (
            json!({ "service": "S01", "case": "x", "subject": "14858834017" }).to_string(),
            "malformed",
            json!("subject"),
        ),
        (
            json!({ "service": "S01", "case": "", "subject": CUSTOMER }).to_string(),
            "malformed",
            Value::Null,
        ),
        (
            json!({ "service": "S99", "case": "x", "subject": CUSTOMER }).to_string(),
            "not_licensed",
            json!("S99"),
        ),
        (
            json!({ "service": "S01", "case": "y", "subject": CUSTOMER, "types": ["C99"] }).to_string(),
            "unknown_type",
            json!("C99"),
        ),
        (
            json!({ "service": "S01", "case": "y", "subject": CUSTOMER, "types": ["C04"] }).to_string(),
            "over_ask",
            Value::Null,
        ),
        (
            json!({ "service": "S01", "case": "y", "subject": CUSTOMER, "valid_seconds": 0 }).to_string(),
            "malformed",
            json!("valid_seconds"),
        ),
        (
            json!({ "service": "S01", "case": "y", "subject": CUSTOMER, "types": vec!["C02"; 65] }).to_string(),
            "malformed",
            json!("types"),
        ),
        (
            json!({ "service": "S15", "case": "y", "subject": CUSTOMER, "grant": { "issuer": "nobody" } }).to_string(),
            "malformed",
            json!("issuer"),
        ),
    ] {
        let said = send("application/json", &body).await;
        assert_eq!(said.body["code"], code, "{body}: {said:?}");
        assert!(said.status.is_client_error() && said.header("content-type") == "application/problem+json");
        if !detail.is_null() {
            assert_eq!(said.body["detail"], detail, "{body}");
        }
        assert!(
            !said.text.contains(CUSTOMER) && !said.text.contains("14858834017"),
            "{said:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_method_that_is_none_is_answered_with_those_that_are() {
    let bench = Bench::new().await;
    let token = bench.any();
    for (path, method, allow) in [
        ("/api/v1/requests", "DELETE", "GET, HEAD, POST, OPTIONS"),
        ("/api/v1/requests/abc", "POST", "GET, HEAD, DELETE, OPTIONS"),
        ("/api/v1/grants/abc/refresh", "GET", "POST, OPTIONS"),
        ("/api/v1/openapi.json", "PUT", "GET, HEAD, OPTIONS"),
    ] {
        let refused = bench
            .call(&token, method, path, &Value::Null)
            .await
            .refused(405, "unsupported");
        assert_eq!(refused.header("allow"), allow, "{path}");
        let options = bench.call(&token, "OPTIONS", path, &Value::Null).await.ok(204);
        assert_eq!(options.header("allow"), allow, "{path}");
    }
    let head = bench.call(&token, "HEAD", "/api/v1/trust", &Value::Null).await.ok(200);
    assert_eq!(head.text, "");
    for nowhere in [
        "/api",
        "/api/",
        "/api/v1/nothing",
        "/api/v2/requests",
        "/api/v1/requests/a/b/c",
    ] {
        bench.get(&token, nowhere).await.refused(404, "not_found");
        bench.call_with("GET", nowhere, &[], "").await.refused(404, "not_found");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_has_the_callers_name_for_it_or_a_new_one() {
    let bench = Bench::new().await;
    let bearer = format!("Bearer {}", bench.any());
    let ask = async |id: &str| {
        let headers = [("authorization", bearer.as_str()), ("x-request-id", id)];
        bench
            .call_with("GET", "/api/v1/trust", &headers, "")
            .await
            .header("x-request-id")
            .to_owned()
    };
    assert_eq!(ask("a1.B-2_c").await, "a1.B-2_c");
    let (one, two) = (ask("").await, ask("not a name").await);
    assert!(one.len() == 24 && two.len() == 24 && one != two, "{one} {two}");
    assert_eq!(ask(&"a".repeat(65)).await.len(), 24);
    let refused = bench
        .call_with("GET", "/api/v1/trust", &[("x-request-id", "mine")], "")
        .await;
    assert_eq!(refused.header("x-request-id"), "mine");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_of_another_site_and_a_foreign_host_are_refused_as_a_program_is() {
    let bench = Bench::new().await;
    let bearer = format!("Bearer {}", bench.any());
    let with = async |name: &str, value: &str| {
        let headers = [
            ("authorization", bearer.as_str()),
            ("content-type", "application/json"),
            (name, value),
        ];
        bench
            .call_with("POST", "/api/v1/check", &headers, "{\"credential\":\"x\"}")
            .await
    };
    with("x-nothing", "x").await.ok(200);
    let own = format!("http://{}", bench.world.host());
    with("origin", &own).await.ok(200);
    for (name, value) in [
        ("origin", "https://evil.example"),
        ("origin", "null"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
    ] {
        let refused = with(name, value).await;
        assert_eq!(
            (refused.status.as_u16(), refused.text_at("code")),
            (403, "foreign_origin".to_owned()),
            "{name} {value}"
        );
    }
    let foreign = [("host", "rebound.example:8471"), ("authorization", bearer.as_str())];
    let refused = bench.call_with("GET", "/api/v1/trust", &foreign, "").await;
    assert_eq!(
        (refused.status.as_u16(), refused.text_at("code")),
        (421, "foreign_origin".to_owned())
    );
    assert_eq!(refused.header("content-type"), "application/problem+json");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_speaks_the_callers_language() {
    let bench = Bench::new().await;
    let mut titles = Vec::new();
    for language in ["nb", "nn", "en"] {
        let said = bench
            .call_with("GET", "/api/v1/trust", &[("accept-language", language)], "")
            .await;
        assert_eq!(said.header("content-language"), language);
        titles.push(said.text_at("title"));
    }
    assert!(titles[0] != titles[1] && titles[1] != titles[2], "{titles:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_home_that_does_not_ask_has_no_api_to_ask_by() {
    let world = crate::http::tests::world::World::wallet();
    let tokens = Tokens::of(world.service.home());
    let (token, _) = tokens.add("any", &Scope::ALL, 1).expect("made");
    let request = axum::http::Request::builder()
        .uri("/api/v1/requests")
        .header("host", world.host())
        .header("authorization", format!("Bearer {}", token.as_str()))
        .body(axum::body::Body::empty())
        .expect("a request");
    let answer = tower::ServiceExt::oneshot(world.app.router(), request)
        .await
        .expect("an answer");
    super::bench::said(answer).await.refused(403, "wrong_role");
}
