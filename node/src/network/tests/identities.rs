//! One transport identity per counterpart.

use super::*;

fn connected(peers: &[PeerCounters]) -> usize {
    peers.iter().filter(|peer| peer.connected).count()
}

#[tokio::test]
async fn the_server_sees_one_peer_per_identity_and_the_same_one_on_reuse() {
    for transport in BOTH {
        let server = Echo::start(settings(transport), 1, b"server").await;
        let client = wallet(settings(transport), b"client").await;
        for seed in [2, 3, 2] {
            let answer = ask(&client, &server.handle, seed, Protocol::Issue, b"body").await;
            assert_eq!(answer.expect("answered"), b"body");
        }
        let mut names: Vec<_> = server.handle.peers().into_iter().map(|p| p.peer).collect();
        assert_eq!(names.last(), Some(&client_name(2)), "last seen comes last");
        names.sort();
        let mut expected = vec![client_name(2), client_name(3)];
        expected.sort();
        assert_eq!(names, expected);
        let twice = traffic(&server.handle, &client_name(2), Protocol::Issue);
        assert_eq!(twice.requests_in, 2);
        let hellos = traffic(&server.handle, &client_name(2), Protocol::Hello);
        assert_eq!(hellos.requests_in, 1, "one connection serves both requests");
        server.stop().await;
    }
}

#[tokio::test]
async fn an_idle_identity_is_dropped_and_comes_back_when_asked() {
    for transport in BOTH {
        let server = Echo::start(settings(transport), 1, b"server").await;
        let brief = Settings {
            idle: Duration::from_millis(50),
            ..settings(transport)
        };
        let client = wallet(brief, b"client").await;
        for _ in 0..2 {
            let answer = ask(&client, &server.handle, 2, Protocol::Issue, b"body").await;
            assert_eq!(answer.expect("answered"), b"body");
            until(&server.handle, |peers| connected(peers) == 0).await;
            within(async {
                while !lock(&client.0.clients).is_empty() {
                    tokio::task::yield_now().await;
                }
            })
            .await;
        }
        server.stop().await;
    }
}

#[tokio::test]
async fn an_identity_that_is_used_no_more_leaves_its_places_at_once() {
    for transport in BOTH {
        let server = Echo::start(settings(transport), 1, b"server").await;
        let mut few = settings(transport);
        few.limits.identities = 2;
        let client = wallet(few, b"client").await;
        // One after the other, many more than there are places for.
        for seed in 2..8 {
            let answer = ask(&client, &server.handle, seed, Protocol::Status, b"body").await;
            assert_eq!(answer.expect("answered"), b"body");
            client.retire(&secret(seed));
        }
        until(&server.handle, |peers| connected(peers) == 0).await;
        // Left to themselves they keep their places.
        for seed in 2..4 {
            let answer = ask(&client, &server.handle, seed, Protocol::Status, b"body").await;
            answer.expect("answered");
        }
        let refused = ask(&client, &server.handle, 4, Protocol::Status, b"body").await;
        assert!(matches!(refused, Err(Error::Busy)), "{refused:?}");
        server.stop().await;
    }
}

#[tokio::test]
async fn a_request_under_way_keeps_its_identity_alive() {
    let (server, mut inbox) = organisation(Settings::default(), 1, b"server").await;
    let brief = Settings {
        idle: Duration::from_millis(20),
        ..Settings::default()
    };
    let client = wallet(brief, b"client").await;
    let asking = ask(&client, &server, 2, Protocol::Issue, b"slow");
    let answering = async {
        let slow = inbox.next().await.expect("arrives");
        // Another identity comes and goes in the meantime: more than the idle time.
        let quick = ask(&client, &server, 3, Protocol::Issue, b"quick");
        let answer = async {
            let inbound = inbox.next().await.expect("arrives");
            inbound.reply(b"quick".to_vec());
        };
        let (quick, ()) = tokio::join!(quick, answer);
        assert_eq!(quick.expect("answered"), b"quick");
        let gone = client_name(3);
        until(&server, |peers| {
            peers.iter().any(|peer| peer.peer == gone && !peer.connected)
        })
        .await;
        slow.reply(b"slow".to_vec());
    };
    let (answer, ()) = within(async { tokio::join!(asking, answering) }).await;
    assert_eq!(answer.expect("answered"), b"slow");
}

#[tokio::test]
async fn identities_are_limited() {
    let server = Echo::start(Settings::default(), 1, b"server").await;
    let mut settings = Settings::default();
    settings.limits.identities = 1;
    let client = wallet(settings, b"client").await;
    let first = ask(&client, &server.handle, 2, Protocol::Issue, b"body").await;
    assert_eq!(first.expect("answered"), b"body");
    let second = ask(&client, &server.handle, 3, Protocol::Issue, b"body").await;
    assert!(matches!(second, Err(Error::Busy)), "{second:?}");
    let own = within(client.request(target(&server.handle, None), Protocol::Issue, vec![])).await;
    assert!(matches!(own, Err(Error::NoIdentity)), "{own:?}");
    server.stop().await;
}
