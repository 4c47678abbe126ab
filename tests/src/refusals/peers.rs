//! Any peer at any node's door, and any node at the door of a peer that keeps no rule.

use super::{Line, line};
use crate::impostor::{Act, Impostor, Lure, at_issue, publish, refusal};
use crate::intruder::{Back, INCOME, Intruder, TRANSPORTS, Tasks, expect_log, memory, sealed_bytes, trust};
use crate::network::{BANK, IDENTITY, Network, TAX, import, until};
use crate::process::{Home, finish};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use credentials::protocol::issuance::{Ask, Identification, Reply, Terms};
use credentials::protocol::{self, status};
use credentials::request;
use credentials::status::{ENTRIES, States};
use credentials::{Code, random};
use flate2::Compression;
use flate2::write::ZlibEncoder;
use node::clock;
use node::network::raw::Raw;
use node::network::{Address, Protocol};
use node::population::CITIZEN;
use serde_json::json;
use std::io::{Read, Write};
use std::sync::Arc;
use std::time::Duration;

/// Which test shows which kind.
pub(super) const LINES: &[Line] = &[
    Line {
        kind: "oversize message",
        code: Code::TooLarge,
        test: "an_oversize_message_is_refused_before_it_is_held",
    },
    Line {
        kind: "garbage message",
        code: Code::Malformed,
        test: "garbage_gets_a_code_or_nothing_and_the_node_goes_on",
    },
    Line {
        kind: "deep nesting",
        code: Code::TooLarge,
        test: "nesting_is_refused_at_its_limit_in_cbor_and_in_json",
    },
    Line {
        kind: "compression bomb",
        code: Code::TooLarge,
        test: "a_list_that_inflates_without_end_is_refused_in_bounded_memory",
    },
    Line {
        kind: "a peer that stalls",
        code: Code::Unreachable,
        test: "a_peer_that_stalls_is_cut_off_at_its_named_time",
    },
    Line {
        kind: "a peer that disconnects half-way",
        code: Code::Unreachable,
        test: "what_a_peer_leaves_half_said_is_not_done",
    },
    Line {
        kind: "a peer that opens a thousand streams",
        code: Code::RateLimited,
        test: "a_thousand_streams_hold_sixteen_places_and_others_are_served",
    },
];

/// Copies of a person-identification credential, as its type says.
const PID_COPIES: usize = 16;
/// What a busy machine may add to a time limit before a test calls it broken.
const MARGIN: Duration = Duration::from_secs(25);
/// What a node may grow by under one of these attacks: some times what its limits add up to for one peer.
const GROWTH_MAX: u64 = 48 << 20;

/// The issuer of identities, attacked, and what an attacker can know of it.
struct Door {
    network: Network,
    identity: Home,
    trust: Arc<credentials::trust::Trust>,
    pid: u32,
    memory: u64,
    tasks: Tasks,
}

impl Door {
    fn new() -> Door {
        let network = Network::new();
        let mut identity = network.init(&IDENTITY, &[]);
        network.begin(&mut [(&IDENTITY, &mut identity)], &[], &["--log", "debug"]);
        let registers = network.population(40, 12);
        import(&identity, "C01", &registers);
        let trust = trust(&network, &network.folder().join("trust.json"));
        let pid = identity.pid();
        let door = Door {
            network,
            identity,
            trust,
            pid,
            memory: 0,
            tasks: Tasks::new(),
        };
        // What the first exchange takes for good is not the attack's.
        door.honest();
        let memory = memory(pid).0;
        Door { memory, ..door }
    }

    /// Somebody collects who keeps the rules.
    fn honest(&self) {
        let wallet = Intruder::new(&self.trust);
        assert_eq!(
            wallet.identify(&self.network, &self.identity, CITIZEN).len(),
            PID_COPIES
        );
    }

    /// The addresses by transport.
    fn addresses(&self) -> Vec<Address> {
        let dialler = Intruder::new(&self.trust);
        TRANSPORTS
            .map(|transport| dialler.address(IDENTITY.did, transport))
            .into()
    }

    /// The acceptance beside every refusal here: the same process, of bounded size, serves an honest wallet.
    fn expect_open(&self, code: Code) {
        self.honest();
        let now = memory(self.pid).0;
        assert!(now < self.memory + GROWTH_MAX, "{} -> {now} bytes", self.memory);
        assert_eq!(self.identity.pid(), self.pid);
        expect_log(&self.identity, code, &[CITIZEN]);
    }

    fn run<T>(&self, attack: impl Future<Output = T>) -> T {
        let bounded = async { tokio::time::timeout(Duration::from_secs(120), attack).await };
        self.tasks.get().block_on(bounded).expect("the attack ends")
    }
}

/// The length of a body, as it stands before it.
fn announced(length: usize) -> [u8; 4] {
    u32::try_from(length).expect("fits").to_be_bytes()
}

#[test]
fn an_oversize_message_is_refused_before_it_is_held() {
    let line = line("oversize message");
    let door = Door::new();
    for address in door.addresses() {
        door.run(async {
            for protocol in [Protocol::Issue, Protocol::Status, Protocol::Present] {
                let limit = protocol.bytes_max();
                // Only announced; and really sent.
                for sent in [0, limit + 1] {
                    for length in [limit + 1, u32::MAX as usize] {
                        let raw = Intruder::enter(&address).await;
                        let mut stream = raw.agree(protocol.as_str()).await.expect("spoken");
                        stream.write(&announced(length)).await.expect("written");
                        // The node may have hung up before all of it is gone.
                        stream.write(&vec![0; sent]).await.ok();
                        let back = Back::of(&stream.rest().await);
                        // A reset of the connection can overtake what was said, or its end.
                        let is_told = back == Back::Refused(line.code);
                        assert!(
                            is_told || (sent > 0 && back.is_cut_refusal()),
                            "{protocol} {length}: {back:?}"
                        );
                        raw.closed().await;
                    }
                }
                // At the limit it is read, and answered for what it is.
                let raw = Intruder::enter(&address).await;
                let back = raw.ask(protocol.as_str(), &vec![0xff; limit]).await.expect("spoken");
                assert_eq!(Back::of(&back), Back::Problem(Code::Malformed), "{protocol}");
            }
            let raw = Intruder::knock(&address).await;
            let mut stream = raw.agree(Protocol::Hello.as_str()).await.expect("spoken");
            stream
                .write(&announced(Protocol::Hello.bytes_max() + 1))
                .await
                .expect("written");
            assert_eq!(Back::of(&stream.rest().await), Back::Refused(line.code));
            raw.closed().await;
        });
        door.expect_open(line.code);
    }

    for transport in TRANSPORTS {
        let lure = Lure::new(transport);
        lure.expect(
            line.code,
            at_issue(|| {
                let length = Protocol::Issue.bytes_max() + 1;
                Act::Bytes([&[0], &announced(length)[..], &vec![0; length]].concat())
            }),
        );
        lure.expect_polite();
    }
}

#[test]
fn garbage_gets_a_code_or_nothing_and_the_node_goes_on() {
    let line = line("garbage message");
    let door = Door::new();
    let noise = |length: usize| {
        let blocks = (0..length.div_ceil(64)).flat_map(|_| random::bytes::<64>(&mut clock::System));
        blocks.take(length).collect::<Vec<u8>>()
    };
    for address in door.addresses() {
        door.run(async {
            let raw = Intruder::enter(&address).await;
            // Noise, a message cut short, one with more behind it, one of another protocol, nothing at all.
            let head = protocol::encode(&status::Ask::Head).expect("encodes");
            let begin = protocol::encode(&Ask::Acknowledge {
                transaction: vec![9; 16],
            })
            .expect("encodes");
            let cut = begin.get(..begin.len() - 1).expect("longer").to_vec();
            for body in [
                noise(1),
                noise(64),
                noise(40_000),
                cut,
                [&begin[..], &[0]].concat(),
                head.clone(),
                Vec::new(),
            ] {
                let back = raw.ask(Protocol::Issue.as_str(), &body).await.expect("spoken");
                assert_eq!(Back::of(&back), Back::Problem(line.code), "{} bytes", body.len());
            }
            // A protocol of the list that this node has nothing to say by, and one that does not exist.
            let back = raw.ask(Protocol::Trust.as_str(), &begin).await.expect("spoken");
            assert_eq!(Back::of(&back), Back::Problem(Code::UnexpectedMessage));
            let unknown = raw.agree("/bevis/gossip/9").await;
            assert!(matches!(unknown, Err(node::network::Error::Unsupported)), "{unknown:?}");
            // Streams on which nothing sensible is agreed.
            for _ in 0..8 {
                let mut stream = raw.open().await.expect("opens");
                stream.write(&noise(300)).await.ok();
                stream.close().await;
                stream.rest().await;
            }
            // The connection still serves.
            let back = raw.ask(Protocol::Status.as_str(), &head).await.expect("spoken");
            assert_eq!(Back::of(&back), Back::Answer);

            let raw = Intruder::knock(&address).await;
            let back = raw.ask(Protocol::Hello.as_str(), &noise(200)).await.expect("spoken");
            assert_eq!(Back::of(&back), Back::Refused(line.code));
            raw.closed().await;
        });
        // Noise in place of a handshake.
        let port = socket(&address);
        if address.is_quic() {
            let socket = std::net::UdpSocket::bind("127.0.0.1:0").expect("binds");
            for length in [1, 1_200, 9_000] {
                socket.send_to(&noise(length), port).expect("sent");
            }
        } else {
            let mut stream = std::net::TcpStream::connect(port).expect("connects");
            stream.write_all(&noise(5_000)).ok();
        }
        door.expect_open(line.code);
    }

    for transport in TRANSPORTS {
        let lure = Lure::new(transport);
        lure.expect(line.code, at_issue(|| Act::Answer(vec![0xff; 64])));
        // Bytes that are not even an answer.
        lure.expect(line.code, at_issue(|| Act::Bytes(vec![7; 64])));
        lure.expect_polite();
    }
}

/// Where an address leads, without libp2p's spelling.
fn socket(address: &Address) -> std::net::SocketAddr {
    let text = address.to_string();
    let mut parts = text.split('/').filter(|part| part.parse::<u16>().is_ok());
    let port = parts.next().and_then(|port| port.parse().ok()).expect("a port");
    std::net::SocketAddr::from(([127, 0, 0, 1], port))
}

#[test]
fn nesting_is_refused_at_its_limit_in_cbor_and_in_json() {
    let line = line("deep nesting");
    let network = Network::new();
    let [mut identity, mut tax] = [IDENTITY, TAX].map(|organisation| network.init(&organisation, &[]));
    network.begin(
        &mut [(&IDENTITY, &mut identity), (&TAX, &mut tax)],
        &[],
        &["--log", "debug"],
    );
    let registers = network.population(40, 12);
    import(&identity, "C01", &registers);
    import(&tax, "C02", &registers);
    let known = trust(&network, &network.folder().join("trust.json"));
    let person = Intruder::new(&known);
    let tasks = Tasks::new();
    let pid = tax.pid();

    // A member that nobody knows, before those that are needed.
    let nested = |levels: usize| [vec![0x81; levels], vec![0x00]].concat();
    let acknowledge = |levels: usize| {
        let (before, after) = (&b"\xa1\x6bAcknowledge\xa2\x61x"[..], &b"\x6btransaction\x41\x09"[..]);
        [before, &nested(levels), after].concat()
    };
    let terms = move |levels: usize| [&b"\xa1\x65Terms\xa1\x61x"[..], &nested(levels)].concat();
    for transport in TRANSPORTS {
        let address = person.address(TAX.did, transport);
        tasks.get().block_on(async {
            let raw = Intruder::enter(&address).await;
            for levels in [protocol::DEPTH_MAX, 1_000, Protocol::Issue.bytes_max() - 64] {
                let back = raw
                    .ask(Protocol::Issue.as_str(), &acknowledge(levels))
                    .await
                    .expect("spoken");
                assert_eq!(Back::of(&back), Back::Problem(line.code), "{levels} levels");
            }
            // What is flatter is read, and is about nothing.
            let back = raw
                .ask(Protocol::Issue.as_str(), &acknowledge(8))
                .await
                .expect("spoken");
            assert_eq!(Back::of(&back), Back::Problem(Code::UnknownSession));
        });
    }

    // JSON inside what is encrypted, and inside a proof's header.
    let collecting = person.begin(TAX.did, INCOME, None, None).expect("terms");
    let opened = person.opened(&collecting);
    for levels in [40, 100_000] {
        let deep = format!("{{\"vp_token\":{}{}}}", "[".repeat(levels), "]".repeat(levels));
        let refused = person.collect(&collecting, sealed_bytes(&opened, deep.as_bytes()));
        assert_eq!(refused.err(), Some(line.code), "{levels} levels");
    }
    let header = format!("{{\"typ\":{}{}}}", "[".repeat(500), "]".repeat(500));
    let mut forged = collecting.request(Identification::Presentation { answer: String::new() });
    let (_, rest) = forged.proofs[0].split_once('.').expect("a JWS");
    forged.proofs[0] = format!("{}.{rest}", BASE64_URL_SAFE_NO_PAD.encode(header));
    let reply = person.issue(&collecting.issuer, &Ask::Request(Box::new(forged)));
    assert_eq!(reply, Reply::Problem(Code::PossessionInvalid.into()));
    expect_log(&tax, line.code, &[CITIZEN]);
    // The same node, the same terms: what is flat is taken.
    let copy = person.identify(&network, &identity, CITIZEN).pop().expect("a copy");
    let mut taken = Err(Code::StatusMissing);
    until("the tax office has mirrored the identity issuer's list", || {
        let by = person.identification(&collecting, &copy, &collecting.covers());
        taken = person.collect(&collecting, by).map(|texts| texts.len());
        taken != Err(Code::StatusMissing)
    });
    assert_eq!(taken, Ok(8));
    assert_eq!(tax.pid(), pid);

    for transport in TRANSPORTS {
        let lure = Lure::new(transport);
        lure.expect(line.code, at_issue(move || Act::Answer(terms(100_000))));
        // Terms whose request is deep under the signature of an organisation on the list.
        let (key, kid) = (Arc::clone(&lure.impostor.key), lure.impostor.card.kid.clone());
        lure.expect(
            line.code,
            at_issue(move || {
                let deep: String = ["[".repeat(60), "]".repeat(60)].concat();
                let payload = format!("{{\"dcql_query\":{deep}}}");
                let header = json!({"alg": "EdDSA", "typ": request::TYP, "kid": kid}).to_string();
                let parts = [header, payload].map(|part| BASE64_URL_SAFE_NO_PAD.encode(part));
                let covered = parts.join(".");
                let signature = credentials::key::Signer::sign(&*key, covered.as_bytes()).expect("signs");
                let terms = Terms {
                    nonce: "n".repeat(43),
                    copies: 8,
                    rows: 1,
                    request: Some(format!("{covered}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature))),
                };
                Act::Answer(protocol::encode(&Reply::Terms(terms)).expect("encodes"))
            }),
        );
        lure.expect_polite();
    }
}

#[test]
fn a_list_that_inflates_without_end_is_refused_in_bounded_memory() {
    const BOMB: u64 = 400 << 20;
    let line = line("compression bomb");
    let zlib = |bytes: &mut dyn Read| {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
        std::io::copy(bytes, &mut encoder).expect("compresses");
        encoder.finish().expect("compresses")
    };
    let bomb = zlib(&mut std::io::repeat(0).take(BOMB));
    let honest = zlib(&mut States::new().as_bytes());
    for transport in TRANSPORTS {
        let network = Network::new();
        let mut bank = network.init(&BANK, &["--transport", transport]);
        let impostor = Impostor::start("did:web:lure.example", "315902738", "LOKKE MIDDEL AS");
        impostor.list(&network, &["C02"]);
        publish(&impostor, &honest, 1);
        network.begin(&mut [(&BANK, &mut bank)], &[], &["--log", "debug"]);
        let finding = |bank: &Home| {
            let doctor = bank.ok(&["doctor"]);
            let findings = doctor["findings"].as_array().expect("findings").clone();
            findings.into_iter().find(|finding| finding["check"] == "lists")
        };
        let mirrored = || {
            let status = bank.ok(&["node", "status"]);
            let heads = status["mirrored"].as_array().expect("a list").clone();
            heads.iter().any(|head| head["issuer"] == "did:web:lure.example")
        };
        until("the bank mirrors", mirrored);
        assert_eq!(finding(&bank), None, "an honest list is taken");
        let (pid, before) = (bank.pid(), memory(bank.pid()).1);

        // Sixteen more bits than a list has, and four hundred times as much.
        let longer = zlib(&mut States::new().as_bytes().chain(&[0_u8, 0][..]));
        assert_eq!(States::new().as_bytes().len() as u64 * 4, u64::from(ENTRIES));
        let mut version = 1;
        for list in [&longer, &bomb] {
            publish(&impostor, list, version + 1);
            until("the bank has seen it", || finding(&bank).is_some());
            let found = finding(&bank).expect("just seen");
            assert_eq!(
                (found["code"].as_str(), found["state"].as_str()),
                (Some(line.code.as_str()), Some("warn"))
            );
            assert_eq!(found["detail"], "did:web:lure.example");
            bank.run(&["doctor", "--strict"]).expect(1);
            for language in ["nb", "en"] {
                let said = finish(bank.typed(&["--lang", language, "doctor"]), "").expect(0);
                let remedy = node::text::Catalogue::new(language).text("doctor-lists-remedy", &[]);
                assert!(
                    said.stdout.contains(&line.sentence(language)) && said.stdout.contains(&remedy),
                    "{}",
                    said.stdout
                );
            }
            version += 2;
            publish(&impostor, &honest, version);
            until("the bank is content again", || finding(&bank).is_none());
        }
        let after = memory(pid).1;
        assert!(
            after < before + GROWTH_MAX,
            "{before} -> {after} bytes at most; the bomb has {BOMB}"
        );
        assert_eq!(bank.pid(), pid);
        expect_log(&bank, line.code, &[]);
    }
}

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

#[test]
fn standard_input_is_read_to_its_limit_and_no_further() {
    let network = Network::new();
    let wallet = network.wallet("citizen", &[]);
    let line = Line {
        kind: "",
        code: Code::TooLarge,
        test: "",
    };
    let endless = "b".repeat(8 << 20);
    line.expect_json(wallet.run_with(&["wallet", "receive", "-"], &endless));
    for language in ["nb", "en"] {
        let typed = wallet.typed(&["--lang", language, "wallet", "receive", "-"]);
        line.expect_text(finish(typed, &endless), language);
    }
    // The longest line that may be a link is read, and is none.
    let half = credentials::link::LINK_MAX;
    let longest = format!("{}{}\n", " ".repeat(half), "b".repeat(half));
    wallet
        .run_with(&["wallet", "receive", "-"], &longest)
        .expect_problem(3, "link_invalid");
}
