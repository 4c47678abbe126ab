//! What a message, a file or a line is made of: too much, nothing that can be read, too deep, blown up.

use super::{Door, GROWTH_MAX, announced, socket};
use crate::impostor::{Act, Impostor, Lure, at_issue, publish};
use crate::intruder::{Back, INCOME, Intruder, TRANSPORTS, Tasks, expect_log, memory, sealed_bytes, trust};
use crate::network::{BANK, IDENTITY, Network, TAX, import, until};
use crate::process::{Home, finish};
use crate::refusals::{Line, line};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use credentials::protocol::issuance::{Ask, Identification, Reply, Terms};
use credentials::protocol::{self, presentation, status};
use credentials::request;
use credentials::status::{ENTRIES, States};
use credentials::{Code, random};
use flate2::Compression;
use flate2::write::ZlibEncoder;
use node::clock;
use node::network::Protocol;
use node::population::CITIZEN;
use serde_json::json;
use std::io::{Read, Write};
use std::sync::Arc;

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
            // A protocol that a node without this role has nothing to say by, one that every node speaks with bytes of another, and
            // one that does not exist.
            let fetch = protocol::encode(&presentation::Ask::Fetch {
                session: "AAAAAAAAAAAAAAAAAAAAAA".to_owned(),
            });
            let fetch = fetch.expect("encodes");
            let back = raw.ask(Protocol::Present.as_str(), &fetch).await.expect("spoken");
            assert_eq!(Back::of(&back), Back::Problem(Code::UnexpectedMessage));
            let back = raw.ask(Protocol::Trust.as_str(), &begin).await.expect("spoken");
            assert_eq!(Back::of(&back), Back::Problem(line.code));
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
        let (key, kid) = (Arc::clone(&lure.impostor.key), lure.impostor.kid().to_owned());
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
