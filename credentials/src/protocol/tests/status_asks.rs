//! Nobody asks about one index: every way of asking that there is, in every protocol, taken apart member by member.

use super::*;
use crate::protocol::status::Purpose;
use Names::{Blinded, Content, Exchange, Place, Public, Sealed};
use serde_bytes::ByteBuf;

/// What a member of a question can name. There is none for an entry of a status list: whoever needs one has to write it here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Names {
    /// An organisation, a type, a list, a version, a key: public, and the same whoever asks.
    Public,
    /// Something whole, by its hash.
    Content,
    /// A place in bytes, or a number in a log, that everybody reads from the beginning and in the same order.
    Place,
    /// What only these two peers have named between them, for this exchange: a session, an offer, a nonce, a transaction.
    Exchange,
    /// What the receiver itself gets from the holder in the exchange: keys, proofs, answers.
    Sealed,
    /// What the receiver cannot relate to anything.
    Blinded,
}

/// A question of any protocol.
#[derive(Debug)]
enum Question {
    Trust(trust::Ask),
    Issue(issuance::Ask),
    Present(presentation::Ask),
    Status(status::Ask),
    Notice(notice::Ask),
}

/// The members of a question. A new question, or a new member, does not compile here until somebody has said what it names.
fn members(question: &Question) -> Vec<(&'static str, Names)> {
    match question {
        Question::Status(ask) => match ask {
            status::Ask::Head => vec![],
            status::Ask::HeadOf { issuer: _ } => vec![("issuer", Public)],
            status::Ask::Chunk { hash: _, offset: _ } => vec![("hash", Content), ("offset", Place)],
            status::Ask::Delta {
                issuer: _,
                uri: _,
                from: _,
                to: _,
            } => vec![("issuer", Public), ("uri", Public), ("from", Content), ("to", Content)],
            status::Ask::Bitstring { uri: _, purpose: _ } => vec![("uri", Public), ("purpose", Public)],
        },
        Question::Trust(ask) => match ask {
            trust::Ask::Version | trust::Ask::Head => vec![],
            trust::Ask::Root { from: _ } => vec![("from", Place)],
            trust::Ask::List { hash: _, offset: _ } => vec![("hash", Content), ("offset", Place)],
            trust::Ask::Changes { from: _, to: _ } => vec![("from", Content), ("to", Content)],
        },
        Question::Notice(ask) => match ask {
            notice::Ask::Newest { register: _ } | notice::Ask::Keys { register: _ } => vec![("register", Public)],
            notice::Ask::Range {
                register: _,
                from: _,
                count: _,
            } => vec![("register", Public), ("from", Place), ("count", Place)],
            notice::Ask::State {
                register: _,
                hash: _,
                offset: _,
            } => vec![("register", Public), ("hash", Content), ("offset", Place)],
            notice::Ask::Evaluate { key: _, elements: _ } => vec![("key", Public), ("elements", Blinded)],
        },
        Question::Issue(ask) => match ask {
            issuance::Ask::Begin {
                vct: _,
                offer: _,
                organisation: _,
            } => vec![("vct", Public), ("offer", Exchange), ("organisation", Public)],
            issuance::Ask::Request(request) => {
                let issuance::Request {
                    transaction: _,
                    vct: _,
                    nonce: _,
                    proofs: _,
                    identification,
                } = &**request;
                match identification {
                    issuance::Identification::Code { offer: _, code: _ }
                    | issuance::Identification::Presentation { answer: _ } => {}
                }
                vec![
                    ("transaction", Exchange),
                    ("vct", Public),
                    ("nonce", Exchange),
                    ("proofs", Sealed),
                    ("identification", Sealed),
                ]
            }
            issuance::Ask::Refresh(refresh) => {
                let issuance::Refresh {
                    batch: _,
                    transaction: _,
                    proofs: _,
                    order: _,
                } = &**refresh;
                vec![
                    ("batch", Exchange),
                    ("transaction", Exchange),
                    ("proofs", Sealed),
                    ("order", Sealed),
                ]
            }
            issuance::Ask::Acknowledge { transaction: _ } => vec![("transaction", Exchange)],
        },
        Question::Present(ask) => match ask {
            presentation::Ask::Fetch { session: _ } | presentation::Ask::Decline { session: _ } => {
                vec![("session", Exchange)]
            }
            presentation::Ask::Answer { session: _, answer: _ } => vec![("session", Exchange), ("answer", Sealed)],
            // Signed by a key that was made for this asker's session alone.
            presentation::Ask::Erase {
                session: _,
                deletion: _,
            } => vec![("session", Exchange), ("deletion", Exchange)],
        },
    }
}

/// One of each.
fn every_question() -> Vec<Question> {
    let issuer = || Did::parse("did:web:a.example").expect("DID");
    let text = || "text".to_owned();
    let request = |identification| issuance::Request {
        transaction: vec![1],
        vct: text(),
        nonce: text(),
        proofs: vec![text()],
        identification,
    };
    let asks = [
        issuance::Identification::Code {
            offer: vec![1],
            code: text(),
        },
        issuance::Identification::Presentation { answer: text() },
    ]
    .map(|identification| issuance::Ask::Request(Box::new(request(identification))));
    let issue = asks.into_iter().chain([
        issuance::Ask::Begin {
            vct: text(),
            offer: Some(vec![1]),
            organisation: Some(text()),
        },
        issuance::Ask::Refresh(Box::new(issuance::Refresh {
            batch: vec![1],
            transaction: vec![1],
            proofs: vec![text()],
            order: text(),
        })),
        issuance::Ask::Acknowledge { transaction: vec![1] },
    ]);
    let status = [
        status::Ask::Head,
        status::Ask::HeadOf { issuer: issuer() },
        status::Ask::Chunk {
            hash: text(),
            offset: 0,
        },
        status::Ask::Delta {
            issuer: issuer(),
            uri: text(),
            from: text(),
            to: text(),
        },
        status::Ask::Bitstring {
            uri: text(),
            purpose: Purpose::Revocation,
        },
    ];
    let trust = [
        trust::Ask::Version,
        trust::Ask::Head,
        trust::Ask::Root { from: 1 },
        trust::Ask::List {
            hash: text(),
            offset: 0,
        },
        trust::Ask::Changes {
            from: text(),
            to: text(),
        },
    ];
    let notice = [
        notice::Ask::Newest { register: text() },
        notice::Ask::Keys { register: text() },
        notice::Ask::Range {
            register: text(),
            from: 1,
            count: 1,
        },
        notice::Ask::State {
            register: text(),
            hash: text(),
            offset: 0,
        },
        notice::Ask::Evaluate {
            key: text(),
            elements: vec![ByteBuf::from(vec![1])],
        },
    ];
    let present = [
        presentation::Ask::Fetch { session: text() },
        presentation::Ask::Answer {
            session: text(),
            answer: text(),
        },
        presentation::Ask::Decline { session: text() },
        presentation::Ask::Erase {
            session: text(),
            deletion: text(),
        },
    ];
    let status = status.into_iter().map(Question::Status);
    status
        .chain(trust.into_iter().map(Question::Trust))
        .chain(notice.into_iter().map(Question::Notice))
        .chain(issue.map(Question::Issue))
        .chain(present.into_iter().map(Question::Present))
        .collect()
}

fn encoded(question: &Question) -> ciborium::Value {
    let bytes = match question {
        Question::Trust(ask) => encode(ask),
        Question::Issue(ask) => encode(ask),
        Question::Present(ask) => encode(ask),
        Question::Status(ask) => encode(ask),
        Question::Notice(ask) => encode(ask),
    };
    ciborium::from_reader(bytes.expect("CBOR").as_slice()).expect("CBOR")
}

/// The members of a question as they stand on the wire.
fn on_the_wire(value: &ciborium::Value) -> Vec<(String, ciborium::Value)> {
    let Some([(_, content)]) = value.as_map().map(Vec::as_slice) else {
        // One without members is its name alone.
        assert!(value.is_text(), "{value:?}");
        return Vec::new();
    };
    let members = content.as_map().expect("members").iter();
    members
        .map(|(name, value)| (name.as_text().expect("a name").to_owned(), value.clone()))
        .collect()
}

/// Names of what is a number in a message.
fn numbers(value: &ciborium::Value, name: &str, found: &mut Vec<String>) {
    match value {
        ciborium::Value::Integer(_) | ciborium::Value::Float(_) => found.push(name.to_owned()),
        ciborium::Value::Array(all) => all.iter().for_each(|one| numbers(one, name, found)),
        ciborium::Value::Map(members) => {
            for (key, value) in members {
                numbers(value, key.as_text().expect("a name"), found);
            }
        }
        _ => {}
    }
}

#[test]
fn no_message_of_any_protocol_can_ask_about_one_index() {
    for question in every_question() {
        let (said, sent) = (members(&question), on_the_wire(&encoded(&question)));
        let names = |all: &mut dyn Iterator<Item = String>| all.collect::<std::collections::BTreeSet<_>>();
        assert_eq!(
            names(&mut said.iter().map(|(name, _)| (*name).to_owned())),
            names(&mut sent.iter().map(|(name, _)| name.clone())),
            "{question:?}"
        );
        for (name, value) in &sent {
            let of = said.iter().find(|(said, _)| said == name).map(|(_, of)| *of);
            let mut found = Vec::new();
            numbers(value, name, &mut found);
            // A number says where to go on, and nothing else.
            assert_eq!(!found.is_empty(), of == Some(Place), "{question:?}: {found:?}");
        }
        let is_about_status = matches!(question, Question::Status(_));
        let may_name = |of: Names| !is_about_status || matches!(of, Public | Content | Place);
        assert!(said.iter().all(|(_, of)| may_name(*of)), "{question:?}");
    }
    // All messages, as the samples have them: nothing is called an index or an entry.
    struct Words;
    impl Sampler for Words {
        fn bytes(&mut self, _: &str, encoded: &[u8], _: &dyn Fn(&[u8], usize) -> Option<Code>) {
            let value: ciborium::Value = ciborium::from_reader(encoded).expect("CBOR");
            let mut found = Vec::new();
            numbers(&value, "", &mut found);
            let is_of_an_entry = |name: &String| ["idx", "index", "entry"].iter().any(|word| name.contains(word));
            assert!(!found.iter().any(is_of_an_entry), "{found:?}");
        }
    }
    samples(&mut Words);
}
