//! What a peer does with its streams: stalls, leaves, opens a thousand.

use super::{Door, MARGIN, announced, socket};
use crate::impostor::{Act, Lure, at_issue, refusal};
use crate::intruder::{Back, Intruder, TRANSPORTS, expect_log};
use crate::refusals::line;
use credentials::Code;
use credentials::protocol::issuance::Ask;
use credentials::protocol::{self, status};
use node::clock;
use node::network::raw::Raw;
use node::network::{Address, Protocol};
use node::population::CITIZEN;
use std::io::Read;
use std::sync::Arc;
use std::time::Duration;

#[test]
fn a_peer_that_stalls_is_cut_off_at_its_named_time() {
    let line = line("a peer that stalls");
    let door = Door::new();
    let half = [&announced(1_000)[..], &[0; 500]].concat();
    std::thread::scope(|scope| {
        for address in door.addresses() {
            let (door, half) = (&door, half.clone());
            scope.spawn(move || {
                door.run(async {
                    let silent = async {
                        let raw = Intruder::knock(&address).await;
                        timed(Protocol::Hello.timeout(), raw.closed()).await;
                    };
                    // Half a hello.
                    let greeting = async {
                        let raw = Intruder::knock(&address).await;
                        let mut stream = raw.agree(Protocol::Hello.as_str()).await.expect("spoken");
                        stream.write(&half).await.expect("written");
                        timed(Protocol::Hello.timeout(), raw.closed()).await;
                    };
                    // Half a request, at every protocol; the connection stays and serves.
                    let mut requests = tokio::task::JoinSet::new();
                    for protocol in Protocol::ALL
                        .into_iter()
                        .filter(|protocol| *protocol != Protocol::Hello)
                    {
                        requests.spawn(stalled(address.clone(), protocol, half.clone(), line.code));
                    }
                    // A stream on which nothing is agreed.
                    let unnamed = async {
                        let raw = Intruder::enter(&address).await;
                        let mut stream = raw.open().await.expect("opens");
                        stream.write(b"\x13/multistream").await.expect("written");
                        timed(Protocol::Hello.timeout(), stream.rest()).await;
                    };
                    tokio::join!(silent, greeting, unnamed);
                    while let Some(done) = requests.join_next().await {
                        done.expect("cut off in time");
                    }
                });
            });
        }
        // A connection by TCP on which no key is agreed.
        scope.spawn(|| {
            let address = door.addresses().into_iter().find(|address| !address.is_quic());
            let mut stream = std::net::TcpStream::connect(socket(&address.expect("TCP"))).expect("connects");
            stream
                .set_read_timeout(Some(Duration::from_secs(10) + MARGIN))
                .expect("set");
            let mut bytes = Vec::new();
            let ended = stream.read_to_end(&mut bytes);
            assert!(
                ended
                    .as_ref()
                    .err()
                    .is_none_or(|error| error.kind() == std::io::ErrorKind::ConnectionReset),
                "{ended:?}"
            );
        });
        // Meanwhile others are served.
        scope.spawn(|| door.honest());
    });
    door.expect_open(line.code);

    std::thread::scope(|scope| {
        for transport in TRANSPORTS {
            scope.spawn(move || {
                let lure = Lure::new(transport);
                lure.expect(line.code, |_, _| Act::Stall(Vec::new()));
                lure.expect(line.code, at_issue(|| Act::Stall(vec![0, 0, 0, 1, 0, 1, 2, 3])));
                lure.expect_polite();
            });
        }
    });
}

/// Sends half a request and waits until it is refused; then asks on the same connection.
async fn stalled(address: Address, protocol: Protocol, half: Vec<u8>, code: Code) {
    let raw = Intruder::enter(&address).await;
    let mut stream = raw.agree(protocol.as_str()).await.expect("spoken");
    stream.write(&half).await.expect("written");
    let back = timed(protocol.timeout(), stream.rest()).await;
    assert_eq!(Back::of(&back), Back::Refused(code), "{protocol}");
    let ask = protocol::encode(&status::Ask::Head).expect("encodes");
    let back = raw.ask(Protocol::Status.as_str(), &ask).await.expect("spoken");
    assert_eq!(Back::of(&back), Back::Answer);
}

/// Waits for what must end at a limit: not long before, and not long after.
async fn timed<T>(limit: Duration, ends: impl Future<Output = T>) -> T {
    let began = clock::Stopwatch::start();
    let ended = tokio::time::timeout(limit + MARGIN, ends).await;
    let ended = ended.unwrap_or_else(|_| panic!("still there {MARGIN:?} after {limit:?}"));
    let took = Duration::from_millis(began.milliseconds());
    assert!(
        took + Duration::from_secs(2) > limit,
        "cut off after {took:?}, the limit is {limit:?}"
    );
    ended
}

#[test]
fn what_a_peer_leaves_half_said_is_not_done() {
    let line = line("a peer that disconnects half-way");
    let door = Door::new();
    let wallet = Intruder::new(&door.trust);
    for address in door.addresses() {
        let (link, code) = door.network.personal_offer(&door.identity, CITIZEN);
        let code = std::fs::read_to_string(code).expect("reads");
        let collecting = wallet.begin_offer(&link).expect("terms");
        let ask = Ask::Request(Box::new(collecting.request(collecting.by_code(&code))));
        let body = protocol::encode(&ask).expect("encodes");
        let whole = [&announced(body.len())[..], &body].concat();
        door.run(async {
            // A genuine request with its code, cut at many places: no attempt is counted, nothing is issued.
            for part in 1..=12 {
                let raw = Intruder::enter(&address).await;
                let mut stream = raw.agree(Protocol::Issue.as_str()).await.expect("spoken");
                let cut = whole.get(..whole.len() * part / 13).expect("shorter");
                stream.write(cut).await.expect("written");
                match part % 3 {
                    // Hangs up; resets the stream; ends its side politely.
                    0 => drop((stream, raw)),
                    1 => {
                        drop(stream);
                        let ask = protocol::encode(&status::Ask::Head).expect("encodes");
                        let back = raw.ask(Protocol::Status.as_str(), &ask).await.expect("spoken");
                        assert_eq!(Back::of(&back), Back::Answer, "the connection is usable");
                    }
                    _ => {
                        stream.close().await;
                        assert_eq!(Back::of(&stream.rest().await), Back::Refused(line.code));
                    }
                }
            }
            // The whole of it, and gone before the answer.
            let raw = Intruder::enter(&address).await;
            let mut stream = raw.agree(Protocol::Issue.as_str()).await.expect("spoken");
            stream.write(&whole).await.expect("written");
            drop((stream, raw));
        });
        // What was done is done once: the same transaction has the same credentials.
        let first = wallet
            .collect(&collecting, collecting.by_code(&code))
            .expect("delivered");
        let again = wallet
            .collect(&collecting, collecting.by_code(&code))
            .expect("delivered again");
        assert!(first == again);
        wallet.acknowledge(&collecting);
        door.expect_open(line.code);
        expect_log(&door.identity, line.code, &[&code]);
    }
    let issued = door.identity.ok(&["issuer", "status", "--type", "C01"]);
    let issued = issued["issued"].as_array().expect("a list");
    // The one before the attack, and two at each transport.
    assert_eq!(issued.len(), 5, "{issued:?}");

    for transport in TRANSPORTS {
        let lure = Lure::new(transport);
        lure.expect(line.code, at_issue(|| Act::HangUp(vec![0, 0, 0, 1, 0, 1, 2, 3])));
        lure.expect(line.code, at_issue(|| Act::Bytes(vec![0, 0, 0, 1, 0, 1, 2, 3])));
        lure.expect_polite();
    }
}

#[test]
fn a_thousand_streams_hold_sixteen_places_and_others_are_served() {
    const STREAMS: usize = 1_000;
    let line = line("a peer that opens a thousand streams");
    let limit = node::network::Limits::default().streams;
    let door = Door::new();
    for address in door.addresses() {
        let flood = door.run(async {
            let raw = Intruder::enter(&address).await;
            let mut held = Vec::new();
            for _ in 0..limit {
                let mut stream = raw.agree(Protocol::Issue.as_str()).await.expect("spoken");
                stream.write(&announced(1_000)).await.expect("written");
                held.push(stream);
            }
            let ask = protocol::encode(&status::Ask::Head).expect("encodes");
            let back = raw.ask(Protocol::Status.as_str(), &ask).await.expect("spoken");
            assert_eq!(Back::of(&back), Back::Refused(line.code), "the {}th", limit + 1);
            // A place that is left is given again.
            drop(held.pop());
            let mut served = Back::Refused(line.code);
            while served == Back::Refused(line.code) {
                served = Back::of(&raw.ask(Protocol::Status.as_str(), &ask).await.expect("spoken"));
            }
            assert_eq!(served, Back::Answer);

            let raw = Arc::new(raw);
            let mut tasks = tokio::task::JoinSet::new();
            for _ in 0..STREAMS {
                let raw = Arc::clone(&raw);
                tasks.spawn(async move { one_of_many(&raw).await });
            }
            (raw, held, tasks)
        });
        // Others are served while it lasts.
        door.honest();
        let (raw, held, mut tasks) = flood;
        door.run(async {
            let mut told = 0;
            while let Some(done) = tasks.join_next().await {
                match done.expect("does not panic") {
                    Back::Refused(code) => {
                        assert_eq!(code, line.code);
                        told += 1;
                    }
                    other => assert_eq!(other, Back::Nothing),
                }
            }
            assert!(told < STREAMS, "it is not told for ever");
            // Whoever goes on regardless is disconnected.
            raw.closed().await;
            drop(held);
        });
        door.expect_open(line.code);
    }

    let lure = Lure::new("quic");
    lure.expect(line.code, at_issue(move || Act::Bytes(refusal(line.code))));
    lure.expect_polite();
}

/// Opens a stream, announces a request and waits what comes of it.
async fn one_of_many(raw: &Raw) -> Back {
    let Ok(mut stream) = raw.agree(Protocol::Issue.as_str()).await else {
        return Back::Nothing;
    };
    if stream.write(&announced(1_000)).await.is_err() {
        return Back::Nothing;
    }
    match Back::of(&stream.rest().await) {
        // Broken off in the middle of a word.
        Back::Other(_) => Back::Nothing,
        back => back,
    }
}
