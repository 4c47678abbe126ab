//! Key bindings.

use super::*;

fn covers() -> Covers {
    Covers {
        transaction: [3; 16],
        keys_hash: keys_hash(&[holder().verifying_key()]),
        organisation: Some("219840365".to_owned()),
        grant: None,
    }
}

fn bound(covers: Option<&Covers>) -> String {
    let selected = parsed(&full("C02")).select(&[Path::of(&["personidentifikator"])]);
    bind(
        &selected.expect("selects"),
        &Bind {
            audience: "decentralized_identifier:did:web:bank.example",
            nonce: "a-nonce",
            issued: now(),
            request_hash: [5; 32],
            covers,
        },
        &holder(),
    )
    .expect("binds")
}

#[test]
fn a_key_binding_says_what_it_was_made_for() {
    let covers = covers();
    let text = bound(Some(&covers));
    let sd_jwt = parsed(&text);
    let binding = sd_jwt.key_binding().expect("a key binding");
    assert_eq!(binding.audience, "decentralized_identifier:did:web:bank.example");
    assert_eq!(binding.nonce, "a-nonce");
    assert_eq!(binding.issued, now());
    assert_eq!(binding.sd_hash, binding.actual_sd_hash);
    assert_eq!(binding.request_hash, Some([5; 32]));
    assert_eq!(binding.covers, Some(covers));
    assert!(binding.verify(&holder().verifying_key()));
    assert!(!binding.verify(&cast::key(1).verifying_key()));
    let plain = bound(None);
    assert_eq!(parsed(&plain).key_binding().expect("one").covers, None);
}

#[test]
fn a_key_binding_covers_each_disclosure_that_is_sent() {
    let whole = full("C02");
    let text = bound(None);
    let binding = text.rsplit('~').next().expect("a part");
    let more = parsed(&format!("{whole}{binding}"));
    let binding = more.key_binding().expect("a key binding");
    assert_ne!(binding.sd_hash, binding.actual_sd_hash);
}

#[test]
fn a_key_binding_follows_a_tilde_and_has_its_members() {
    let refused = bind(
        "header.payload.signature",
        &Bind {
            audience: "a",
            nonce: "n",
            issued: now(),
            request_hash: [0; 32],
            covers: None,
        },
        &holder(),
    );
    assert_eq!(refused.map_err(|problem| problem.code), Err(Code::Malformed));
    let fine = json!({
        "aud": "a", "nonce": "n", "iat": 1, "sd_hash": digest(""),
        "bevis_transaction": "AAAAAAAAAAAAAAAAAAAAAA", "bevis_keys": digest(""), "bevis_organisation": "219840365",
    });
    let with = |name: &str, value: Value| {
        let mut payload = fine.clone();
        if value.is_null() {
            payload.as_object_mut().expect("an object").remove(name);
        } else {
            payload[name] = value;
        }
        let binding = jws::sign(KB_TYP, None, Map::new(), &payload, &holder()).expect("signs");
        refusal(&format!("{}{binding}", raw(json!({}), &[])))
    };
    assert_eq!(with("extra", json!(1)), None);
    for (name, value) in [
        ("aud", Value::Null),
        ("aud", json!(["a"])),
        ("nonce", Value::Null),
        ("nonce", json!("")),
        ("nonce", json!("n".repeat(513))),
        ("iat", Value::Null),
        ("iat", json!(1.5)),
        ("sd_hash", Value::Null),
        ("sd_hash", json!("AAAA")),
        ("bevis_request", json!("AAAA")),
        ("bevis_transaction", Value::Null),
        ("bevis_keys", Value::Null),
        ("bevis_keys", json!(1)),
    ] {
        assert_eq!(with(name, value.clone()), Some(Code::Malformed), "{name} {value}");
    }
}

#[test]
fn the_hash_of_keys_depends_on_each_key_and_their_order() {
    let [a, b] = [cast::key(1).verifying_key(), cast::key(2).verifying_key()];
    let hashes: BTreeSet<_> = [vec![], vec![a], vec![b], vec![a, b], vec![b, a]]
        .iter()
        .map(|keys| keys_hash(keys))
        .collect();
    assert_eq!(hashes.len(), 5);
}

#[test]
fn sixty_four_copies_of_an_income_credential_fit_into_one_message() {
    let whole = full("C02");
    assert!(whole.len() <= 16 * 1024, "{} bytes", whole.len());
    let bound = bind(
        &whole,
        &Bind {
            audience: "decentralized_identifier:did:web:bank.example",
            nonce: "0123456789012345678901",
            issued: now(),
            request_hash: [5; 32],
            covers: None,
        },
        &holder(),
    )
    .expect("binds");
    assert!(bound.len() <= 16 * 1024, "{} bytes", bound.len());
}
