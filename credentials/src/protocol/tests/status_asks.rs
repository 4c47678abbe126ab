//! Nobody asks about one index: every way of asking about status, taken apart.

use super::*;
use crate::protocol::status::{Ask, Purpose};

/// Every way of asking. A new one does not compile here until it is looked at.
fn every_ask() -> Vec<Ask> {
    let asks = vec![
        Ask::Head,
        Ask::HeadOf {
            issuer: Did::parse("did:web:a.example").expect("DID"),
        },
        Ask::Chunk {
            hash: "hash".into(),
            offset: 0,
        },
        Ask::Delta {
            issuer: Did::parse("did:web:a.example").expect("DID"),
            uri: "uri".into(),
            from: "from".into(),
            to: "to".into(),
        },
        Ask::Bitstring {
            uri: "uri".into(),
            purpose: Purpose::Revocation,
        },
    ];
    for ask in &asks {
        match ask {
            Ask::Head
            | Ask::HeadOf { issuer: _ }
            | Ask::Chunk { hash: _, offset: _ }
            | Ask::Delta {
                issuer: _,
                uri: _,
                from: _,
                to: _,
            }
            | Ask::Bitstring { uri: _, purpose: _ } => {}
        }
    }
    asks
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
    for ask in every_ask() {
        let bytes = encode(&ask).expect("CBOR");
        let value: ciborium::Value = ciborium::from_reader(bytes.as_slice()).expect("CBOR");
        let mut found = Vec::new();
        numbers(&value, "", &mut found);
        // Where to go on in a compressed content that is read from its beginning: it names no entry.
        assert!(found.is_empty() || found == ["offset"], "{ask:?}: {found:?}");
    }
    // All else that is asked, as the samples have it: nothing is called an index or an entry.
    struct Names;
    impl Sampler for Names {
        fn bytes(&mut self, _: &str, encoded: &[u8], _: &dyn Fn(&[u8], usize) -> Option<Code>) {
            let value: ciborium::Value = ciborium::from_reader(encoded).expect("CBOR");
            let mut found = Vec::new();
            numbers(&value, "", &mut found);
            let is_of_an_entry = |name: &String| ["idx", "index", "entry"].iter().any(|word| name.contains(word));
            assert!(!found.iter().any(is_of_an_entry), "{found:?}");
        }
    }
    samples(&mut Names);
}
