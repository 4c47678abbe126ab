//! What is refused, beside what is not; and the socket's bounds, with a socket.

use super::*;
use crate::admin::{door, guard};
use axum::http::Method;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_name_and_a_foreign_page_are_refused_beside_our_own_names() {
    let world = World::new(|_| {});
    let with = |headers: &[(&str, &str)]| {
        let mut request = Request::get("/livez");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(Body::empty()).expect("a request")
    };
    for host in [
        "localhost",
        "LOCALHOST:9464",
        "127.0.0.1",
        "127.0.0.1:9464",
        "127.1.2.3:1",
        "[::1]:9464",
    ] {
        let response = world.ask(with(&[("host", host)])).await;
        assert_eq!(response.status(), StatusCode::OK, "{host}");
    }
    let foreign = [
        "bank.example",
        "localhost.bank.example:9464",
        "127.0.0.1.bank.example",
        "192.0.2.1:9464",
        "user@localhost",
        "",
    ];
    for host in foreign {
        let response = world.ask(with(&[("host", host)])).await;
        assert_eq!(response.status(), StatusCode::MISDIRECTED_REQUEST, "{host}");
        let told: Value = serde_json::from_str(&body(response).await).expect("JSON");
        assert_eq!(told["code"], "wrong_recipient");
    }
    let none = world.ask(with(&[])).await;
    assert_eq!(none.status(), StatusCode::MISDIRECTED_REQUEST, "no name at all");
    let two = world
        .ask(with(&[("host", "localhost"), ("host", "bank.example")]))
        .await;
    assert_eq!(two.status(), StatusCode::MISDIRECTED_REQUEST, "two names");
    let target = Request::get("http://bank.example/livez").header("host", "localhost");
    let target = world.ask(target.body(Body::empty()).expect("a request")).await;
    assert_eq!(
        target.status(),
        StatusCode::MISDIRECTED_REQUEST,
        "the target names another host"
    );
    for (name, value) in [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("origin", "http://localhost:3000"),
        ("origin", "null"),
    ] {
        let response = world.ask(with(&[("host", "localhost"), (name, value)])).await;
        assert_eq!(response.status(), StatusCode::FORBIDDEN, "{name}: {value}");
    }
    let typed = with(&[("host", "localhost"), ("sec-fetch-site", "none")]);
    assert_eq!(world.ask(typed).await.status(), StatusCode::OK, "a person who typed it");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_method_is_taken_and_what_is_not_there_is_a_problem() {
    let world = World::new(|_| {});
    for method in [
        Method::POST,
        Method::PUT,
        Method::DELETE,
        Method::OPTIONS,
        Method::PATCH,
    ] {
        let request = Request::builder().method(method.clone()).uri("/metrics");
        let request = request.header("host", "localhost").body(Body::empty());
        let response = world.ask(request.expect("a request")).await;
        assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED, "{method}");
        assert_eq!(header(&response, "allow"), "GET, HEAD");
        assert_eq!(header(&response, "content-type"), "application/problem+json");
    }
    let whole = world.ask(request("/livez")).await;
    let head = Request::head("/livez").header("host", "localhost");
    let head = world.ask(head.body(Body::empty()).expect("a request")).await;
    assert_eq!(head.status(), StatusCode::OK);
    assert_eq!(header(&head, "content-type"), header(&whole, "content-type"));
    assert_eq!(body(head).await, "");
    for path in ["/", "/livez/", "/metrics/x", "/%2e%2e/livez", "/readyz2"] {
        let response = world.ask(request(path)).await;
        assert_eq!(response.status(), StatusCode::NOT_FOUND, "{path}");
        assert_eq!(header(&response, "content-type"), "application/problem+json");
        for (name, value) in [
            ("connection", "close"),
            ("cache-control", "no-store"),
            ("x-content-type-options", "nosniff"),
        ] {
            assert_eq!(header(&response, name), value, "{path}");
        }
        let told: Value = serde_json::from_str(&body(response).await).expect("JSON");
        assert_eq!((&told["code"], &told["status"]), (&"not_found".into(), &404.into()));
        assert!(
            !told.to_string().contains(path) || path == "/",
            "the path is not repeated"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_or_body_that_is_too_large_is_refused_and_one_at_the_limit_is_not() {
    let world = World::new(|_| {});
    let padded = |bytes: usize| {
        let used = "/livez".len() + "host".len() + "localhost".len() + "x-pad".len();
        let request = Request::get("/livez").header("host", "localhost");
        let request = request.header("x-pad", "a".repeat(bytes - used));
        request.body(Body::empty()).expect("a request")
    };
    assert_eq!(world.ask(padded(guard::HEAD_MAX)).await.status(), StatusCode::OK);
    let more = world.ask(padded(guard::HEAD_MAX + 1)).await;
    assert_eq!(more.status(), StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
    for (name, value) in [("content-length", "1"), ("transfer-encoding", "chunked")] {
        let request = Request::get("/livez").header("host", "localhost").header(name, value);
        let response = world.ask(request.body(Body::empty()).expect("a request")).await;
        assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE, "{name}");
    }
}

/// Everything that comes until the connection is closed; nothing when it is torn.
async fn talk(address: SocketAddr, sent: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.expect("connects");
    // It may be closed before all is sent.
    drop(stream.write_all(sent).await);
    let mut answer = Vec::new();
    drop(stream.read_to_end(&mut answer).await);
    String::from_utf8_lossy(&answer).into_owned()
}

const ASK: &[u8] = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n";

#[tokio::test(flavor = "multi_thread")]
async fn over_a_socket_each_connection_has_one_answer_and_a_flood_none() {
    let world = World::new(|config| {
        config.admin = Some(config::Admin {
            listen: "127.0.0.1:0".to_owned(),
        });
    });
    let section = world.service.config().admin.clone().expect("given");
    let admin = Admin::start(&section, world.service.clone()).await.expect("listens");
    let address = admin.address();
    assert!(address.ip().is_loopback() && address.port() != 0);
    let taken = config::Admin {
        listen: address.to_string(),
    };
    let failure = Admin::start(&taken, world.service.clone()).await.expect_err("taken");
    assert_eq!(failure.problem, Problem::new(Code::ConfigInvalid, "admin.listen"));
    let answer = talk(address, ASK).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(
        answer.ends_with("\"stopped\":[]}\n"),
        "it was closed after one answer: {answer}"
    );
    let mut flood = b"GET /livez HTTP/1.1\r\nHost: localhost\r\nX-Pad: ".to_vec();
    flood.resize(flood.len() + 4 * door::READ_MAX, b'a');
    assert_eq!(talk(address, &flood).await, "", "it was not read to its end");
    for bad in [&b"\x16\x03\x01\x02\x00\x01"[..], b"GET\r\n\r\n", b"\0\0\0\0\r\n\r\n"] {
        let answer = talk(address, bad).await;
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400 "), "{answer}");
    }
    let answer = talk(address, ASK).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "it goes on: {answer}");
    admin.stop().await;
    assert!(TcpStream::connect(address).await.is_err(), "the port is given back");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_says_nothing_gives_the_place_back_when_the_time_is_over() {
    let world = World::new(|_| {});
    let any = "127.0.0.1:0".parse().expect("an address");
    let door = Door::open(any)
        .await
        .expect("listens")
        .staying(Duration::from_millis(300));
    let address = door.address().expect("told");
    let router = router(world.service.clone());
    let serving = tokio::spawn(async move { axum::serve(door, router).await });
    let mut silent = Vec::new();
    for _ in 0..door::CONNECTIONS_MAX {
        silent.push(TcpStream::connect(address).await.expect("connects"));
    }
    // All places are taken; this one waits for one of them.
    let answer = talk(address, ASK).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    for mut stream in silent {
        let mut rest = Vec::new();
        drop(stream.read_to_end(&mut rest).await);
        assert!(
            rest.is_empty() || rest.starts_with(b"HTTP/1.1 4"),
            "closed with no answer of ours"
        );
    }
    serving.abort();
}
