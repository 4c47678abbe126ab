//! Hello first, or nothing.

use super::raw::Raw;
use super::*;

/// The bytes of an answer with this body.
fn answer(body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0, 0, 0, 0, u8::try_from(body.len()).expect("short")];
    bytes.extend_from_slice(body);
    bytes
}

#[tokio::test]
async fn a_request_before_hello_closes_the_connection_and_one_after_it_is_answered() {
    let server = Echo::start(Settings::default(), 1, b"server").await;

    let mut polite = Raw::dial(&server.handle, 2).await;
    assert_eq!(polite.ask(Protocol::Hello, b"raw").await, answer(b"server"));
    assert_eq!(polite.ask(Protocol::Issue, b"body").await, answer(b"body"));

    let mut rude = Raw::dial(&server.handle, 3).await;
    assert_eq!(rude.ask(Protocol::Issue, b"body").await, b"");
    rude.closed().await;
    let served = traffic(&server.handle, &client_name(3), Protocol::Issue);
    assert_eq!(served, Traffic::default(), "not even read");

    assert_eq!(polite.ask(Protocol::Issue, b"more").await, answer(b"more"));
    server.stop().await;
}

#[tokio::test]
async fn a_peer_that_never_says_hello_is_hung_up_on() {
    let server = Echo::start(Settings::default(), 1, b"server").await;
    let mut silent = Raw::dial(&server.handle, 2).await;
    silent.closed().await;
    server.stop().await;
}

#[tokio::test]
async fn a_refused_hello_tells_why_closes_and_is_not_tried_again_until_forgotten() {
    for transport in BOTH {
        let server = Echo::start(settings(transport), 1, b"server").await;
        let name = server.handle.peer_name().expect("listens");
        let client = wallet(settings(transport), STRANGER).await;
        let refused = ask(&client, &server.handle, 2, Protocol::Issue, b"body").await;
        assert!(
            matches!(&refused, Err(Error::Refused(why)) if why == NOT_LISTED),
            "{refused:?}"
        );
        until(&server.handle, |peers| peers.iter().all(|peer| !peer.connected)).await;

        let waiting = ask(&client, &server.handle, 2, Protocol::Issue, b"body").await;
        let remaining = match waiting {
            Err(Error::Backoff { remaining }) => Some(remaining),
            _ => None,
        };
        let remaining = remaining.expect("left alone");
        assert!(remaining <= Duration::from_secs(60));
        assert!(remaining > Duration::from_secs(30));
        let hellos = traffic(&server.handle, &client_name(2), Protocol::Hello);
        assert_eq!(hellos.requests_in, 1, "not dialled while left alone");

        client.forget_backoff(&name);
        let refused = ask(&client, &server.handle, 2, Protocol::Issue, b"body").await;
        assert!(matches!(refused, Err(Error::Refused(_))), "{refused:?}");
        assert_eq!(traffic(&server.handle, &client_name(2), Protocol::Issue).requests_in, 0);

        let friend = wallet(settings(transport), b"friend").await;
        let answer = ask(&friend, &server.handle, 3, Protocol::Issue, b"body").await;
        assert_eq!(answer.expect("the twin is answered"), b"body");
        server.stop().await;
    }
}

#[tokio::test]
async fn a_listener_whose_hello_we_do_not_accept_gets_no_request() {
    for transport in BOTH {
        let server = Echo::start(settings(transport), 1, STRANGER).await;
        let client = wallet(settings(transport), b"client").await;
        let answer = ask(&client, &server.handle, 2, Protocol::Issue, b"body").await;
        assert!(
            matches!(&answer, Err(Error::NotAccepted(why)) if why == NOT_LISTED),
            "{answer:?}"
        );
        let again = ask(&client, &server.handle, 2, Protocol::Issue, b"body").await;
        assert!(matches!(again, Err(Error::Backoff { .. })), "{again:?}");
        assert_eq!(traffic(&server.handle, &client_name(2), Protocol::Issue).requests_in, 0);
        server.stop().await;
    }
}

#[tokio::test]
async fn backoff_ends_by_itself() {
    let brief = Settings {
        backoff_min: Duration::from_millis(1),
        ..Settings::default()
    };
    let server = Echo::start(Settings::default(), 1, b"server").await;
    let client = wallet(brief, STRANGER).await;
    within(async {
        let mut refusals = 0;
        while refusals < 2 {
            let answer = ask(&client, &server.handle, 2, Protocol::Issue, b"body").await;
            if matches!(answer, Err(Error::Refused(_))) {
                refusals += 1;
            } else {
                assert!(matches!(answer, Err(Error::Backoff { .. })), "{answer:?}");
                tokio::task::yield_now().await;
            }
        }
    })
    .await;
    server.stop().await;
}
