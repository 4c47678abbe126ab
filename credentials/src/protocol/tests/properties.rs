//! Any message, and any bytes.

use super::*;
use proptest::prelude::*;

fn text() -> impl Strategy<Value = String> {
    ".{0,30}"
}
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..40)
}
fn problem() -> impl Strategy<Value = Problem> {
    (prop::sample::select(Code::ALL), prop::option::of(text()))
        .prop_map(|(code, detail)| detail.map_or(Problem::from(code), |detail| Problem::new(code, detail)))
}
fn any_hello() -> impl Strategy<Value = hello::Hello> {
    let version = any::<Option<(u64, u64, u64)>>();
    let organisation =
        ("[a-z]{1,10}\\.[a-z]{2,5}", text(), version, any::<u32>()).prop_map(|(domain, certificate, version, time)| {
            hello::Who::Organisation {
                did: Did::Web(domain),
                certificate,
                trust: version.map(|(root, list, head)| Version { root, list, head }),
                time: Timestamp::from_unix(time.into()),
            }
        });
    (any::<u16>(), prop_oneof![Just(hello::Who::Wallet), organisation])
        .prop_map(|(version, who)| hello::Hello { version, who })
}
fn any_issue_ask() -> impl Strategy<Value = issuance::Ask> {
    let identification = prop_oneof![
        (bytes(), text()).prop_map(|(offer, code)| issuance::Identification::Code { offer, code }),
        text().prop_map(|answer| issuance::Identification::Presentation { answer }),
    ];
    prop_oneof![
        (text(), prop::option::of(bytes()), prop::option::of(text())).prop_map(|(vct, offer, organisation)| {
            issuance::Ask::Begin {
                vct,
                offer,
                organisation,
            }
        }),
        (
            bytes(),
            text(),
            text(),
            prop::collection::vec(text(), 0..70),
            identification
        )
            .prop_map(
                |(transaction, vct, nonce, proofs, identification)| issuance::Ask::Request(Box::new(
                    issuance::Request {
                        transaction,
                        vct,
                        nonce,
                        proofs,
                        identification
                    }
                ))
            ),
        (bytes(), bytes(), prop::collection::vec(text(), 0..70), text()).prop_map(
            |(batch, transaction, proofs, order)| issuance::Ask::Refresh(Box::new(issuance::Refresh {
                batch,
                transaction,
                proofs,
                order
            }))
        ),
        bytes().prop_map(|transaction| issuance::Ask::Acknowledge { transaction }),
    ]
}
fn any_issue_reply() -> impl Strategy<Value = issuance::Reply> {
    let rows = prop::collection::vec(prop::collection::vec(text(), 0..9), 0..9);
    prop_oneof![
        (text(), any::<u16>(), any::<u16>(), prop::option::of(text())).prop_map(|(nonce, copies, rows, request)| {
            issuance::Reply::Terms(issuance::Terms {
                nonce,
                copies,
                rows,
                request,
            })
        }),
        (bytes(), rows).prop_map(|(transaction, credentials)| issuance::Reply::Delivery {
            transaction,
            credentials
        }),
        Just(issuance::Reply::Acknowledged),
        problem().prop_map(issuance::Reply::Problem),
    ]
}
fn any_present() -> impl Strategy<Value = (presentation::Ask, presentation::Reply)> {
    let ask = prop_oneof![
        text().prop_map(|session| presentation::Ask::Fetch { session }),
        (text(), text()).prop_map(|(session, answer)| presentation::Ask::Answer { session, answer }),
        text().prop_map(|session| presentation::Ask::Decline { session }),
        (text(), text()).prop_map(|(session, deletion)| presentation::Ask::Erase { session, deletion }),
    ];
    let reply = prop_oneof![
        text().prop_map(|request| presentation::Reply::Request { request }),
        text().prop_map(|receipt| presentation::Reply::Receipt { receipt }),
        Just(presentation::Reply::Closed),
        text().prop_map(|statement| presentation::Reply::Erased { statement }),
        problem().prop_map(presentation::Reply::Problem),
    ];
    (ask, reply)
}
fn edits() -> impl Strategy<Value = Vec<crate::trust::Edit>> {
    let edit = (any::<u32>(), any::<u32>(), bytes());
    proptest::collection::vec(
        edit.prop_map(|(at, gone, put)| crate::trust::Edit { at, gone, put }),
        0..4,
    )
}

fn any_trust() -> impl Strategy<Value = (trust::Ask, trust::Reply)> {
    let texts = || prop::collection::vec(text(), 0..9);
    let ask = prop_oneof![
        Just(trust::Ask::Version),
        Just(trust::Ask::Head),
        any::<u64>().prop_map(|from| trust::Ask::Root { from }),
        (text(), any::<u32>()).prop_map(|(hash, offset)| trust::Ask::List { hash, offset }),
        (text(), text()).prop_map(|(from, to)| trust::Ask::Changes { from, to }),
    ];
    let reply = prop_oneof![
        any::<(u64, u64, u64)>().prop_map(|(root, list, head)| trust::Reply::Version(Version { root, list, head })),
        texts().prop_map(|head| trust::Reply::Head { head }),
        texts().prop_map(|roots| trust::Reply::Root { roots }),
        (any::<u32>(), bytes()).prop_map(|(total, bytes)| trust::Reply::List { total, bytes }),
        edits().prop_map(|edits| trust::Reply::Changes { edits }),
        problem().prop_map(trust::Reply::Problem),
    ];
    (ask, reply)
}
fn any_status() -> impl Strategy<Value = (status::Ask, status::Reply)> {
    let ask = prop_oneof![
        Just(status::Ask::Head),
        (text(), any::<u32>()).prop_map(|(hash, offset)| status::Ask::Chunk { hash, offset }),
        (text(), text(), text()).prop_map(|(uri, from, to)| status::Ask::Delta {
            issuer: crate::Did::parse("did:web:a.example").expect("DID"),
            uri,
            from,
            to,
        }),
        text().prop_map(|uri| status::Ask::Bitstring {
            uri,
            purpose: status::Purpose::Suspension,
        }),
    ];
    let reply = prop_oneof![
        text().prop_map(|head| status::Reply::Head { head }),
        (any::<u32>(), bytes()).prop_map(|(total, bytes)| status::Reply::Chunk { total, bytes }),
        (text(), prop::collection::vec(text(), 0..3)).prop_map(|(head, digests)| status::Reply::News { head, digests }),
        bytes().prop_map(|changes| status::Reply::Delta { changes }),
        text().prop_map(|credential| status::Reply::Bitstring { credential }),
        problem().prop_map(status::Reply::Problem),
    ];
    (ask, reply)
}
fn any_mailbox() -> impl Strategy<Value = (mailbox::Ask, mailbox::Reply)> {
    let (id, token) = (any::<[u8; 16]>, any::<[u8; 32]>);
    let ask = prop_oneof![
        text().prop_map(|proof| mailbox::Ask::Create { proof }),
        (id(), token(), bytes()).prop_map(|(queue, token, envelope)| mailbox::Ask::Put { queue, token, envelope }),
        (id(), text()).prop_map(|(queue, proof)| mailbox::Ask::Fetch { queue, proof }),
        (id(), any::<u64>(), token(), text()).prop_map(|(queue, number, id, proof)| mailbox::Ask::Acknowledge {
            queue,
            number,
            id,
            proof,
        }),
        (id(), text()).prop_map(|(queue, proof)| mailbox::Ask::Delete { queue, proof }),
    ];
    let waiting = (any::<u64>(), bytes()).prop_map(|(number, envelope)| mailbox::Waiting { number, envelope });
    let reply = prop_oneof![
        (id(), token()).prop_map(|(queue, token)| mailbox::Reply::Created { queue, token }),
        Just(mailbox::Reply::Kept),
        (prop::collection::vec(waiting, 0..9), any::<u32>())
            .prop_map(|(envelopes, more)| mailbox::Reply::Waiting { envelopes, more }),
        problem().prop_map(mailbox::Reply::Problem),
    ];
    (ask, reply)
}

fn same<T: Serialize + DeserializeOwned + PartialEq + Debug>(message: &T) {
    let encoded = encode(message).expect("CBOR");
    assert_eq!(decode::<T>(&encoded, encoded.len()).as_ref(), Ok(message));
}

proptest! {
    #[test]
    fn every_message_is_the_same_again_after_writing_and_reading(
        hello in any_hello(), problem in problem(), ask in any_issue_ask(), reply in any_issue_reply(),
        present in any_present(), status in any_status(), trust in any_trust(), mailbox in any_mailbox(),
    ) {
        same(&hello);
        same(&hello::Reply::Hello(hello));
        same(&hello::Reply::Problem(problem));
        same(&ask);
        same(&reply);
        same(&present.0);
        same(&present.1);
        same(&status.0);
        same(&status.1);
        same(&trust.0);
        same(&trust.1);
        same(&mailbox.0);
        same(&mailbox.1);
    }

    #[test]
    fn random_bytes_are_refused_or_read_but_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        drop(decode::<hello::Hello>(&bytes, hello::LIMIT));
        drop(decode::<hello::Reply>(&bytes, hello::LIMIT));
        drop(decode::<issuance::Ask>(&bytes, issuance::LIMIT));
        drop(decode::<issuance::Reply>(&bytes, issuance::LIMIT));
        drop(decode::<presentation::Ask>(&bytes, presentation::LIMIT));
        drop(decode::<presentation::Reply>(&bytes, presentation::LIMIT));
        drop(decode::<trust::Ask>(&bytes, trust::LIMIT));
        drop(decode::<trust::Reply>(&bytes, trust::LIMIT));
        drop(decode::<trust::Announcement>(&bytes, trust::ANNOUNCEMENT_MAX));
        drop(decode::<status::Ask>(&bytes, status::LIMIT));
        drop(decode::<status::Reply>(&bytes, status::LIMIT));
        drop(decode::<mailbox::Ask>(&bytes, mailbox::LIMIT));
        drop(decode::<mailbox::Reply>(&bytes, mailbox::LIMIT));
    }

    #[test]
    fn a_message_with_one_byte_changed_is_refused_or_read_but_never_panics(
        ask in any_issue_ask(), place in any::<prop::sample::Index>(), byte in any::<u8>(),
    ) {
        let mut bytes = encode(&ask).expect("CBOR");
        let place = place.index(bytes.len());
        bytes[place] = byte;
        drop(decode::<issuance::Ask>(&bytes, issuance::LIMIT));
    }
}
