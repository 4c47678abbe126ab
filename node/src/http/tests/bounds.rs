//! What is bounded before a page is made: connections, bodies that stand still; and whose cookie is whose.

use super::world::World;
use crate::config::Http;
use crate::http::Server;
use crate::http::server::{CONNECTIONS_MAX, moving};
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::StatusCode;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A browser's connection, and what has come on it.
struct Line {
    stream: TcpStream,
    came: Vec<u8>,
}

impl Line {
    async fn open(to: SocketAddr) -> Line {
        Line {
            stream: TcpStream::connect(to).await.expect("the system takes it"),
            came: Vec::new(),
        }
    }

    fn answers(&self) -> usize {
        self.came.windows(9).filter(|part| part == b"HTTP/1.1 ").count()
    }

    /// Asks for something, and waits for the beginning of the answer. Whether one came before the end.
    async fn ask(&mut self) -> bool {
        let had = self.answers();
        let host = self.stream.peer_addr().expect("connected");
        let request = format!("GET /favicon.ico HTTP/1.1\r\nhost: {host}\r\n\r\n");
        if self.stream.write_all(request.as_bytes()).await.is_err() {
            return false;
        }
        while self.answers() == had {
            match self.stream.read_buf(&mut self.came).await {
                Ok(0) | Err(_) => return false,
                Ok(_) => {}
            }
        }
        true
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_finds_no_place_is_closed_and_those_that_are_served_go_on() {
    let world = World::wallet();
    let server = Server::start(&world.service, Http::at("127.0.0.1:0")).expect("listens");
    let mut held = Vec::new();
    for _ in 0..CONNECTIONS_MAX {
        let mut line = Line::open(server.address()).await;
        assert!(line.ask().await, "{} are served", held.len());
        held.push(line);
    }
    assert!(
        !Line::open(server.address()).await.ask().await,
        "there is no place left"
    );
    let first = held.first_mut().expect("some");
    assert!(first.ask().await, "who is served goes on being served");

    drop(held.pop());
    let mut is_served = false;
    for _ in 0..500 {
        is_served = Line::open(server.address()).await.ask().await;
        if is_served {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(is_served, "a place that is free again is given");
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_stands_still_is_given_up_and_one_that_comes_slowly_is_not() {
    let still = Duration::from_secs(2);
    let (sender, receiver) = futures::channel::mpsc::unbounded::<std::io::Result<Bytes>>();
    sender.unbounded_send(Ok("a beginning".into())).expect("sent");
    let request = moving(Request::new(Body::from_stream(receiver)), Duration::from_millis(50));
    let ended = tokio::time::timeout(still, axum::body::to_bytes(request.into_body(), 1024)).await;
    assert!(ended.expect("it is given up").is_err());
    drop(sender);

    let pieces = futures::stream::unfold(0, |number| async move {
        tokio::time::sleep(Duration::from_millis(10)).await;
        (number < 20).then(|| (Ok::<_, std::io::Error>(Bytes::from("piece")), number + 1))
    });
    let request = moving(Request::new(Body::from_stream(pieces)), Duration::from_secs(2));
    let whole = axum::body::to_bytes(request.into_body(), 1024).await.expect("it comes");
    assert_eq!(whole.len(), 100);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_homes_on_one_host_have_cookies_of_their_own() {
    let (mine, companys) = (World::wallet(), World::company("974761076"));
    let [first, second] = [&mine, &companys].map(|world| world.app.cookie());
    assert_ne!(first, second);
    let [one, other] = [&mine, &companys].map(|world| world.app.door().begin(world.guest()));
    // A browser sends what it has of a host to each of its ports.
    let cookies = format!("{first}={one}; {second}={other}");
    let swapped = format!("{first}={other}; {second}={one}");
    for world in [&mine, &companys] {
        let known = world.stranger().get_with("/wallet", &[("cookie", &cookies)]).await;
        assert_eq!(known.status(), StatusCode::OK);
        let unknown = world.stranger().get_with("/wallet", &[("cookie", &swapped)]).await;
        assert_eq!(
            unknown.status(),
            StatusCode::UNAUTHORIZED,
            "another home's session is none here"
        );
    }
}
