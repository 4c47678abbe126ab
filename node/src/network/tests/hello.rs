//! Hello first, or nothing.

use super::raw::Raw;
use super::*;
use crate::network::raw::RawListener;

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

/// What a greeting is worth, as the test sets it.
#[derive(Default)]
struct Swayed(std::sync::Mutex<Option<Standing>>);

impl Swayed {
    fn set(&self, standing: Option<Standing>) {
        *self.0.lock().expect("held by one") = standing;
    }
}

impl Greeter for Arc<Swayed> {
    fn hello(&self, _: Option<&PeerName>) -> Vec<u8> {
        b"swayed".to_vec()
    }

    fn check(&self, _: &PeerName, _: &[u8], _: bool) -> Result<Standing, Vec<u8>> {
        self.0.lock().expect("held by one").ok_or_else(|| NOT_LISTED.to_vec())
    }

    fn check_again(&self, _: &PeerName, body: &[u8], _: bool) -> Option<Standing> {
        assert!(!body.is_empty(), "what it said");
        *self.0.lock().expect("held by one")
    }

    fn refusal(&self, _: &PeerName, _: Protocol, why: Refusal) -> Vec<u8> {
        format!("{why:?}").into_bytes()
    }

    fn is_listed(&self, _: &PeerName) -> bool {
        true
    }
}

#[tokio::test]
async fn a_greeting_that_counts_no_more_ends_its_connection() {
    let swayed = Arc::new(Swayed::default());
    swayed.set(Some(Standing::Full));
    let started = start(Settings::default(), Some(secret(1)), Arc::new(Arc::clone(&swayed)));
    let (handle, _inbox) = within(started).await.expect("network starts");
    let mut peer = Raw::dial(&handle, 2).await;
    assert_eq!(peer.ask(Protocol::Hello, b"raw").await, answer(b"swayed"));
    swayed.set(None);
    peer.closed().await;
    within(handle.shutdown()).await;
}

#[tokio::test]
async fn one_whom_our_list_cannot_prove_is_asked_for_the_trust_list_alone_until_it_can() {
    let server = Echo::start(Settings::default(), 1, b"server").await;
    let swayed = Arc::new(Swayed::default());
    swayed.set(Some(Standing::TrustOnly));
    let started = start(Settings::default(), Some(secret(2)), Arc::new(Arc::clone(&swayed)));
    let (handle, _inbox) = within(started).await.expect("network starts");
    let asked = ask_as_self(&handle, &server.handle, Protocol::Trust).await;
    assert_eq!(asked.expect("answered"), b"body");
    for protocol in [Protocol::Issue, Protocol::Present, Protocol::Status, Protocol::Notice] {
        let asked = ask_as_self(&handle, &server.handle, protocol).await;
        assert!(
            matches!(&asked, Err(Error::NotAccepted(why)) if why == b"Unproven"),
            "{asked:?}"
        );
        assert_eq!(
            traffic(&server.handle, &handle.peer_name().expect("listens"), protocol).requests_in,
            0
        );
    }
    // Its list has come.
    swayed.set(Some(Standing::Full));
    while ask_as_self(&handle, &server.handle, Protocol::Issue).await.is_err() {
        tokio::task::yield_now().await;
    }
    within(handle.shutdown()).await;
    server.stop().await;
}

async fn ask_as_self(from: &Handle, to: &Handle, protocol: Protocol) -> Result<Vec<u8>, Error> {
    within(from.request(target(to, None), protocol, b"body".to_vec())).await
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
async fn a_hello_that_did_not_come_is_waited_for_again_at_once() {
    let mut silent = RawListener::start(&secret(1)).await.expect("listens");
    let target = || Target {
        as_identity: Some(secret(2)),
        peer: client_name(1),
        addresses: silent.addresses().to_vec(),
    };
    let targets = [target(), target()];
    let connections = tokio::spawn(async move {
        let mut held = Vec::new();
        while let Some(connection) = silent.accept().await {
            held.push(connection);
        }
    });
    let client = wallet(Settings::default(), b"client").await;
    for target in targets {
        let answer = within(client.request(target, Protocol::Issue, b"body".to_vec())).await;
        assert!(matches!(answer, Err(Error::Timeout)), "{answer:?}");
    }
    connections.abort();
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
