//! The wire: bounds, totality, round trips, and bytes that must not change.

use super::*;
use crate::trust::Version;
use crate::{Did, Timestamp};
use std::fmt::Debug;

mod properties;
mod status_asks;

/// A sample of every message, with the bytes it must have: a change of the wire format is seen here.
fn samples(check: &mut dyn Sampler) {
    let did = Did::parse("did:web:skatteetaten.no").expect("DID");
    let problem = Problem::new(Code::NoData, "x");
    let version = Version {
        root: 1,
        list: 2,
        head: 3,
    };
    let wallet = hello::Hello {
        version: 1,
        who: hello::Who::Wallet,
    };
    let agency = hello::Hello {
        version: 1,
        who: hello::Who::Organisation {
            did,
            certificate: "c".into(),
            trust: Some(version),
            time: Timestamp::from_unix(1_795_000_000),
        },
    };
    check.sample("a26776657273696f6e016377686f6657616c6c6574", &wallet);
    check.sample(
        "a26776657273696f6e016377686fa16c4f7267616e69736174696f6ea463646964776469643a7765623a736b61747465657461\
         74656e2e6e6f6b63657274696669636174656163657472757374a364726f6f7401646c697374026468656164036474696d651a6afd86c0",
        &agency,
    );
    check.sample(
        "a16548656c6c6fa26776657273696f6e016377686f6657616c6c6574",
        &hello::Reply::Hello(wallet),
    );
    check.sample(
        "a16750726f626c656da264636f6465676e6f5f646174616664657461696c6178",
        &hello::Reply::Problem(problem.clone()),
    );

    check.sample(
        "a165426567696ea36376637465757263743a656f66666572420102\
         6c6f7267616e69736174696f6e69323139383430333635",
        &issuance::Ask::Begin {
            vct: "urct:".into(),
            offer: Some(vec![1, 2]),
            organisation: Some("219840365".into()),
        },
    );
    check.sample(
        "a16752657175657374a56b7472616e73616374696f6e4201026376637465757263743a656e6f6e6365616e6670726f6f66738261706171\
         6e6964656e74696669636174696f6ea164436f6465a2656f666665724103\
         64636f64656163",
        &issuance::Ask::Request(Box::new(issuance::Request {
            transaction: vec![1, 2],
            vct: "urct:".into(),
            nonce: "n".into(),
            proofs: vec!["p".into(), "q".into()],
            identification: issuance::Identification::Code {
                offer: vec![3],
                code: "c".into(),
            },
        })),
    );
    check.sample(
        "a16752656672657368a465626174636841016b7472616e73616374696f6e41026670726f6f667381617065         6f72646572616f",
        &issuance::Ask::Refresh(Box::new(issuance::Refresh {
            batch: vec![1],
            transaction: vec![2],
            proofs: vec!["p".into()],
            order: "o".into(),
        })),
    );
    check.sample(
        "a16b41636b6e6f776c65646765a16b7472616e73616374696f6e4109",
        &issuance::Ask::Acknowledge { transaction: vec![9] },
    );
    check.sample(
        "a16c50726573656e746174696f6ea166616e737765726161",
        &issuance::Identification::Presentation { answer: "a".into() },
    );
    check.sample(
        "a1655465726d73a4656e6f6e6365616e66636f706965730864726f777301677265717565737461 72",
        &issuance::Reply::Terms(issuance::Terms {
            nonce: "n".into(),
            copies: 8,
            rows: 1,
            request: Some("r".into()),
        }),
    );
    check.sample(
        "a16844656c6976657279a26b7472616e73616374696f6e41096b63726564656e7469616c738282616161628161 63",
        &issuance::Reply::Delivery {
            transaction: vec![9],
            credentials: vec![vec!["a".into(), "b".into()], vec!["c".into()]],
        },
    );
    check.sample("6c41636b6e6f776c6564676564", &issuance::Reply::Acknowledged);
    check.sample(
        "a16750726f626c656da264636f6465676e6f5f646174616664657461696c6178",
        &issuance::Reply::Problem(problem.clone()),
    );

    check.sample(
        "a1654665746368a16773657373696f6e6173",
        &presentation::Ask::Fetch { session: "s".into() },
    );
    check.sample(
        "a166416e73776572a26773657373696f6e617366616e737765726161",
        &presentation::Ask::Answer {
            session: "s".into(),
            answer: "a".into(),
        },
    );
    check.sample(
        "a1674465636c696e65a16773657373696f6e6173",
        &presentation::Ask::Decline { session: "s".into() },
    );
    check.sample(
        "a16752657175657374a167726571756573746172",
        &presentation::Reply::Request { request: "r".into() },
    );
    check.sample(
        "a16752656365697074a167726563656970746172",
        &presentation::Reply::Receipt { receipt: "r".into() },
    );
    check.sample("66436c6f736564", &presentation::Reply::Closed);
    check.sample(
        "a16750726f626c656da164636f6465676e6f5f64617461",
        &presentation::Reply::Problem(Code::NoData.into()),
    );

    check.sample("6756657273696f6e", &trust::Ask::Version);
    check.sample("6448656164", &trust::Ask::Head);
    check.sample("a164526f6f74a16466726f6d02", &trust::Ask::Root { from: 2 });
    check.sample(
        "a1644c697374a264686173686168666f6666736574190100",
        &trust::Ask::List {
            hash: "h".into(),
            offset: 256,
        },
    );
    check.sample(
        "a1674368616e676573a26466726f6d616662746f6174",
        &trust::Ask::Changes {
            from: "f".into(),
            to: "t".into(),
        },
    );
    let edits = vec![crate::trust::Edit {
        at: 1,
        gone: 2,
        put: vec![3],
    }];
    check.sample(
        "a1674368616e676573a165656469747381a362617401 64676f6e6502 637075744103",
        &trust::Reply::Changes { edits: edits.clone() },
    );
    check.sample(
        "a16756657273696f6ea364726f6f7401646c69737402646865616403",
        &trust::Reply::Version(version),
    );
    check.sample(
        "a16448656164a16468656164816168",
        &trust::Reply::Head { head: vec!["h".into()] },
    );
    check.sample(
        "a164526f6f74a165726f6f7473816172",
        &trust::Reply::Root {
            roots: vec!["r".into()],
        },
    );
    check.sample(
        "a1644c697374a265746f74616c19010065627974657343010203",
        &trust::Reply::List {
            total: 256,
            bytes: vec![1, 2, 3],
        },
    );
    check.sample(
        "a16750726f626c656da264636f6465676e6f5f646174616664657461696c6178",
        &trust::Reply::Problem(problem.clone()),
    );
    check.sample(
        "a26776657273696f6ea364726f6f7401646c697374026468656164036468656164816168",
        &trust::Announcement {
            version,
            head: vec!["h".into()],
            changes: None,
        },
    );
    check.sample(
        "a36776657273696f6ea364726f6f7401646c69737402646865616403646865616481616867 6368616e676573a26466726f6d616665656469747381a362617401 64676f6e6502 637075744103",
        &trust::Announcement {
            version,
            head: vec!["h".into()],
            changes: Some(trust::Changes {
                from: "f".into(),
                edits,
            }),
        },
    );

    mailbox_samples(check, &problem);

    check.sample("6448656164", &status::Ask::Head);
    check.sample(
        "a1654368756e6ba26468617368616866 6f6666736574190100",
        &status::Ask::Chunk {
            hash: "h".into(),
            offset: 256,
        },
    );
    let tax = Did::parse("did:web:a.no").expect("DID");
    check.sample(
        "a1664865 61644f66a1666973737565726c6469643a7765623a612e6e6f",
        &status::Ask::HeadOf { issuer: tax.clone() },
    );
    check.sample(
        "a16544656c7461a4666973737565726c6469643a7765623a612e6e6f63757269617564 66726f6d616662746f6174",
        &status::Ask::Delta {
            issuer: tax,
            uri: "u".into(),
            from: "f".into(),
            to: "t".into(),
        },
    );
    check.sample(
        "a169426974737472696e67a2637572696175677075727 06f73656a7265766f636174696f6e",
        &status::Ask::Bitstring {
            uri: "u".into(),
            purpose: status::Purpose::Revocation,
        },
    );
    check.sample(
        "a1644e657773a26468656164616867646967657374738161 64",
        &status::Reply::News {
            head: "h".into(),
            digests: vec!["d".into()],
        },
    );
    check.sample(
        "a16544656c7461a1676368616e67657343000002",
        &status::Reply::Delta { changes: vec![0, 0, 2] },
    );
    check.sample(
        "a169426974737472696e67a16a63726564656e7469616c6163",
        &status::Reply::Bitstring { credential: "c".into() },
    );
    check.sample(
        "a16448656164a1646865616461 68",
        &status::Reply::Head { head: "h".into() },
    );
    check.sample(
        "a1654368756e6ba265746f74616c190100656279746573430102 03",
        &status::Reply::Chunk {
            total: 256,
            bytes: vec![1, 2, 3],
        },
    );
    check.sample(
        "a16750726f626c656da264636f6465676e6f5f646174616664657461696c6178",
        &status::Reply::Problem(problem),
    );
}

/// Those of mailboxes.
fn mailbox_samples(check: &mut dyn Sampler, problem: &Problem) {
    check.sample(
        "a166437265617465a16570726f6f666170",
        &mailbox::Ask::Create { proof: "p".into() },
    );
    check.sample(
        "a163507574a3657175657565500101010101010101010101010101010165746f6b656e582002020202020202020202020202\
         0202020202020202020202020202020202020268656e76656c6f70654103",
        &mailbox::Ask::Put {
            queue: [1; 16],
            token: [2; 32],
            envelope: vec![3],
        },
    );
    check.sample(
        "a1654665746368a265717565756550010101010101010101010101010101016570726f6f666170",
        &mailbox::Ask::Fetch {
            queue: [1; 16],
            proof: "p".into(),
        },
    );
    check.sample(
        "a16b41636b6e6f776c65646765a46571756575655001010101010101010101010101010101666e756d626572076269645820\
         02020202020202020202020202020202020202020202020202020202020202026570726f6f666170",
        &mailbox::Ask::Acknowledge {
            queue: [1; 16],
            number: 7,
            id: [2; 32],
            proof: "p".into(),
        },
    );
    check.sample(
        "a16644656c657465a265717565756550010101010101010101010101010101016570726f6f666170",
        &mailbox::Ask::Delete {
            queue: [1; 16],
            proof: "p".into(),
        },
    );
    check.sample(
        "a16743726561746564a2657175657565500101010101010101010101010101010165746f6b656e5820020202020202020202\
         0202020202020202020202020202020202020202020202",
        &mailbox::Reply::Created {
            queue: [1; 16],
            token: [2; 32],
        },
    );
    check.sample("644b657074", &mailbox::Reply::Kept);
    check.sample(
        "a16757616974696e67a269656e76656c6f70657381a2666e756d6265720768656e76656c6f70654103646d6f726501",
        &mailbox::Reply::Waiting {
            envelopes: vec![mailbox::Waiting {
                number: 7,
                envelope: vec![3],
            }],
            more: 1,
        },
    );
    check.sample("6c41636b6e6f776c6564676564", &mailbox::Reply::Acknowledged);
    check.sample("6744656c65746564", &mailbox::Reply::Deleted);
    check.sample(
        "a16750726f626c656da264636f6465676e6f5f646174616664657461696c6178",
        &mailbox::Reply::Problem(problem.clone()),
    );
}

/// What is done with each sample. A trait, because messages have different types.
trait Sampler {
    fn bytes(&mut self, expected: &str, encoded: &[u8], decode: &dyn Fn(&[u8], usize) -> Option<Code>);
}

impl dyn Sampler + '_ {
    fn sample<T: Serialize + DeserializeOwned + PartialEq + Debug>(&mut self, expected: &str, message: &T) {
        let encoded = encode(message).expect("CBOR");
        assert_eq!(decode::<T>(&encoded, encoded.len()).as_ref(), Ok(message));
        self.bytes(expected, &encoded, &|bytes, limit| {
            decode::<T>(bytes, limit).err().map(|problem| problem.code)
        });
    }
}

#[test]
fn the_bytes_of_every_message_are_those_written_here() {
    /// What is written here and what was encoded, where they differ.
    #[derive(Default)]
    struct Snapshot(Vec<(String, String)>);
    impl Sampler for Snapshot {
        fn bytes(&mut self, expected: &str, encoded: &[u8], _: &dyn Fn(&[u8], usize) -> Option<Code>) {
            let hex: String = encoded.iter().map(|byte| format!("{byte:02x}")).collect();
            let expected: String = expected.split_whitespace().collect();
            if hex != expected {
                self.0.push((expected, hex));
            }
        }
    }
    let mut snapshot = Snapshot::default();
    samples(&mut snapshot as &mut dyn Sampler);
    assert_eq!(snapshot.0, []);
}

#[test]
fn a_message_cut_anywhere_or_with_more_behind_it_is_malformed() {
    struct Cut;
    impl Sampler for Cut {
        fn bytes(&mut self, _: &str, encoded: &[u8], decode: &dyn Fn(&[u8], usize) -> Option<Code>) {
            for end in 0..encoded.len() {
                assert_eq!(decode(&encoded[..end], 1 << 20), Some(Code::Malformed), "cut at {end}");
            }
            for more in [0x00, 0xf6, 0xff] {
                let longer = [encoded, &[more]].concat();
                assert_eq!(decode(&longer, 1 << 20), Some(Code::Malformed));
            }
        }
    }
    samples(&mut Cut as &mut dyn Sampler);
}

#[test]
fn one_byte_over_the_limit_is_refused_before_decoding() {
    struct Limit;
    impl Sampler for Limit {
        fn bytes(&mut self, _: &str, encoded: &[u8], decode: &dyn Fn(&[u8], usize) -> Option<Code>) {
            assert_eq!(decode(encoded, encoded.len()), None);
            assert_eq!(decode(encoded, encoded.len() - 1), Some(Code::TooLarge));
        }
    }
    samples(&mut Limit as &mut dyn Sampler);
    assert_eq!(
        decode::<hello::Hello>(&[0xff; 9], 8).map_err(|p| p.code),
        Err(Code::TooLarge)
    );
}

#[test]
fn an_announcement_fits_gossip_and_leaves_out_a_head_that_does_not() {
    let version = Version {
        root: 1,
        list: 2,
        head: 3,
    };
    let announced = |head: &[String]| -> trust::Announcement {
        let bytes = trust::Announcement::encode(version, head, None).expect("CBOR");
        assert!(bytes.len() <= trust::ANNOUNCEMENT_MAX);
        decode(&bytes, trust::ANNOUNCEMENT_MAX).expect("decodes")
    };
    let head = ["h".repeat(1_500), "i".repeat(1_500)];
    assert_eq!(announced(&head).head, head);
    let long = ["h".repeat(1_500), "i".repeat(3_000)];
    assert_eq!(announced(&long).head, Vec::<String>::new());
    assert_eq!(announced(&long).version, version);
}

#[test]
fn nesting_beyond_the_limit_is_refused_also_where_it_would_be_ignored() {
    let nested = |levels: usize| [vec![0x81; levels], vec![0x00]].concat();
    let hello = |extra: Vec<u8>| [&[0xa3][..], b"\x61x", &extra, b"\x67version\x01\x63who\x66Wallet"].concat();
    assert!(decode::<hello::Hello>(&hello(nested(8)), 1 << 20).is_ok());
    for levels in [DEPTH_MAX, 1000, 100_000] {
        let found = decode::<hello::Hello>(&hello(nested(levels)), 1 << 20);
        assert_eq!(found.map_err(|problem| problem.code), Err(Code::TooLarge), "{levels}");
    }
    let tagged = hello([vec![0xc1; 100_000], vec![0x00]].concat());
    assert_eq!(
        decode::<hello::Hello>(&tagged, 1 << 20).map_err(|problem| problem.code),
        Err(Code::TooLarge)
    );
}

#[test]
fn announced_lengths_are_not_believed() {
    // A length of 2^62 would abort the process if it were allocated.
    let huge = |major: u8| [&[major | 0x1b][..], &[0x40, 0, 0, 0, 0, 0, 0, 0]].concat();
    let delivery = |inner: &[u8]| {
        [
            b"\xa1\x68Delivery\xa2\x6btransaction\x41\x09\x6bcredentials".as_slice(),
            inner,
        ]
        .concat()
    };
    let malformed = |bytes: &[u8]| {
        assert_eq!(
            decode::<issuance::Reply>(bytes, issuance::LIMIT).map_err(|p| p.code),
            Err(Code::Malformed)
        );
    };
    malformed(&delivery(&huge(0x80)));
    malformed(&delivery(&[&[0x81][..], &huge(0x80)].concat()));
    malformed(&delivery(&[&[0x81, 0x81][..], &huge(0x60)].concat()));
    malformed(&huge(0xa0));
    malformed(&[b"\xa1\x68Delivery\xa2\x6btransaction".as_slice(), &huge(0x40)].concat());
    // Indefinite lengths end where their bytes end.
    assert!(decode::<issuance::Reply>(&delivery(&[0x9f, 0x9f, 0x7f, 0x61, b'a', 0xff, 0xff, 0xff]), 99).is_ok());
    malformed(&delivery(&[0x9f, 0x9f, 0x7f, 0x61, b'a']));
    malformed(&delivery(&[0x9f]));
}

#[test]
fn a_name_twice_or_a_kind_unknown_is_malformed() {
    let malformed = |bytes: &[u8]| {
        assert_eq!(
            decode::<presentation::Ask>(bytes, 99).map_err(|p| p.code),
            Err(Code::Malformed)
        );
    };
    assert!(decode::<presentation::Ask>(b"\xa1\x65Fetch\xa1\x67session\x61s", 99).is_ok());
    malformed(b"\xa1\x65Fetch\xa2\x67session\x61s\x67session\x61t");
    malformed(b"\xa1\x65Probe\xa1\x67session\x61s");
    malformed(b"\xa2\x65Fetch\xa1\x67session\x61s\x65Fetch\xa1\x67session\x61t");
    malformed(b"\x65Fetch");
}

#[test]
fn a_queue_or_token_of_another_length_is_malformed() {
    let fetch = |id: &[u8]| {
        let length = u8::try_from(id.len()).expect("short");
        let head = if length < 24 {
            vec![0x40 | length]
        } else {
            vec![0x58, length]
        };
        let bytes = [&b"\xa1\x65Fetch\xa2\x65queue"[..], &head, id, b"\x65proof\x61p"].concat();
        decode::<mailbox::Ask>(&bytes, mailbox::LIMIT).map_err(|problem| problem.code)
    };
    assert!(fetch(&[1; 16]).is_ok());
    for length in [0, 15, 17, 32] {
        assert_eq!(fetch(&vec![1; length]).err(), Some(Code::Malformed), "{length}");
    }
}

#[test]
fn messages_of_mailboxes_print_neither_tokens_nor_envelopes() {
    let put = mailbox::Ask::Put {
        queue: [1; 16],
        token: [2; 32],
        envelope: vec![3],
    };
    let created = mailbox::Reply::Created {
        queue: [1; 16],
        token: [2; 32],
    };
    assert_eq!(format!("{put:?} {created:?}"), "Put(..) Created(..)");
}
