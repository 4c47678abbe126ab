//! A person who proves who they are to an issuer, and others who pass that on, answer it or ask for what is not theirs.

use super::{NUMBERS, begin, expect_told};
use crate::impostor::{Act, Impostor};
use crate::intruder::{GUARANTEE, INCOME, Intruder, PID, REGISTRATION, copies, expect_log, new_keys, sealed, selected};
use crate::network::{GUARANTOR, IDENTITY, Network, REGISTRY, TAX, collect, receive};
use crate::process::finish;
use crate::refusals::line;
use crate::relay::Relay;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use credentials::Code;
use credentials::protocol::issuance::{self, Ask, Reply};
use credentials::protocol::{self};
use credentials::sd_jwt::{self, Bind, SdJwt};
use node::clock;
use node::network::Protocol;
use node::population::{CARRIER, CITIZEN, STRANGER, STRANGER_COMPANY};
use serde_json::json;
use std::sync::{Arc, Mutex};

#[test]
fn a_relayed_identification_is_for_another_audience() {
    let line = line("a relayed PID presentation");
    let network = Network::new();
    let [mut identity, mut tax] = [IDENTITY, TAX].map(|organisation| network.init(&organisation, &[]));
    let citizen = network.wallet("citizen", &[]);
    let impostor = Impostor::start("did:web:lure.example", "315902738", "LOKKE MIDDEL AS");
    impostor.list(&network, &["C02"]);
    let begun = begin(
        &network,
        &mut [(&IDENTITY, &mut identity), (&TAX, &mut tax)],
        &[&citizen],
    );
    network.identify(&identity, &citizen, CITIZEN);

    let relay = Arc::new(Mutex::new(Relay::new(Intruder::new(&begun.trust))));
    let impostor = Arc::new(impostor);
    let (of_relay, of_impostor) = (Arc::clone(&relay), Arc::downgrade(&impostor));
    impostor.behave(move |name, body| {
        if name != Protocol::Issue.as_str() {
            return Act::Bytes(Vec::new());
        }
        let impostor = of_impostor.upgrade().expect("lives");
        let ask: Ask = protocol::decode(&body, issuance::LIMIT).expect("an honest wallet's message");
        // Asking on goes by a runtime of its own.
        let reply = tokio::task::block_in_place(|| {
            let mut relay = of_relay.lock().expect("no panic");
            match ask {
                Ask::Begin { .. } => relay.begin(&impostor),
                Ask::Request(request) => relay.relay(&request.identification),
                Ask::Acknowledge { .. } | Ask::Refresh(_) => Reply::Problem(Code::UnexpectedMessage.into()),
            }
        });
        Act::Answer(protocol::encode(&reply).expect("encodes"))
    });

    // The impostor tells the person what the agency said, so that they read it.
    let present = |arguments: &[&str]| {
        let id = receive(&citizen, &impostor.offer(INCOME));
        let arguments = [arguments, &["--yes", "wallet", "present", &id]].concat();
        let said = match arguments.contains(&"--lang") {
            true => finish(citizen.typed(&arguments), ""),
            false => citizen.run(&arguments),
        };
        citizen.run(&["wallet", "refuse", &id]);
        said
    };
    line.expect_json(present(&[]));
    for language in ["nb", "en"] {
        line.expect_text(present(&["--lang", language]), language);
    }
    assert_eq!(relay.lock().expect("no panic").said, [line.code; 3]);
    expect_log(&tax, line.code, &NUMBERS);
    assert_eq!(
        tax.ok(&["issuer", "status", "--type", "C02"])["issued"],
        json!([]),
        "nothing was issued"
    );
    // What the person asks for herself is issued to her.
    collect(&citizen, &tax, "C02");
}

#[test]
fn an_identification_does_not_cover_the_keys_of_whoever_took_it() {
    let line = line("a relayed PID presentation, to other keys");
    let code = line.code;
    let network = Network::new();
    let [mut identity, mut tax] = [IDENTITY, TAX].map(|organisation| network.init(&organisation, &[]));
    let begun = begin(&network, &mut [(&IDENTITY, &mut identity), (&TAX, &mut tax)], &[]);
    let person = Intruder::new(&begun.trust);
    let mut held = person.identify(&network, &identity, CITIZEN);

    // All is right: audience, nonce, the hash of the request. But the person signed for the keys of her own wallet.
    let mut collecting = person.begin(TAX.did, INCOME, None, None).expect("terms");
    let signed = person.identification(&collecting, &held.pop().expect("a copy"), &collecting.covers());
    let own = std::mem::replace(&mut collecting.keys, new_keys(8));
    assert_eq!(person.collect(&collecting, signed.clone()).err(), Some(code));
    // One key among hers is enough.
    collecting.keys = own.clone();
    collecting.keys[7] = new_keys(1).remove(0);
    assert_eq!(person.collect(&collecting, signed.clone()).err(), Some(code));
    // Nor for another transaction, nor when nothing is said of keys.
    collecting.keys = own;
    let transaction = std::mem::replace(&mut collecting.transaction, [7; 16]);
    assert_eq!(person.collect(&collecting, signed.clone()).err(), Some(code));
    collecting.transaction = transaction;
    let (opened, copy) = (person.opened(&collecting), held.pop().expect("a copy"));
    let bind = Bind {
        audience: &opened.request.client_id(),
        nonce: &opened.request.nonce,
        issued: clock::now(),
        request_hash: opened.hash,
        covers: None,
    };
    let bare = sd_jwt::bind(&selected(&opened, &copy), &bind, &*copy.key).expect("binds");
    assert_eq!(person.collect(&collecting, sealed(&opened, &bare)).err(), Some(code));
    expect_log(&tax, code, &NUMBERS);
    expect_told(code);

    let delivered = person.collect(&collecting, signed).expect("to the keys it covers");
    assert_eq!(delivered.len(), 8);
}

#[test]
fn a_delivery_is_repeated_to_the_same_keys_only() {
    let line = line("redelivery to other keys");
    let network = Network::new();
    let mut identity = network.init(&IDENTITY, &[]);
    let begun = begin(&network, &mut [(&IDENTITY, &mut identity)], &[]);
    let wallet = Intruder::new(&begun.trust);
    let (link, code) = network.personal_offer(&identity, CITIZEN);
    let code = std::fs::read_to_string(code).expect("reads");
    let mut collecting = wallet.begin_offer(&link).expect("terms");
    let first = wallet
        .collect(&collecting, collecting.by_code(&code))
        .expect("delivered");

    let own = std::mem::replace(&mut collecting.keys, new_keys(first.len()));
    // Another peer that knows transaction, nonce and code, with keys that it can prove.
    let thief = Intruder::new(&begun.trust);
    assert_eq!(
        thief.collect(&collecting, collecting.by_code(&code)).err(),
        Some(line.code)
    );
    collecting.keys = own.clone();
    collecting.keys[0] = new_keys(1).remove(0);
    assert_eq!(
        thief.collect(&collecting, collecting.by_code(&code)).err(),
        Some(line.code)
    );
    collecting.keys = own;
    collecting.keys.swap(0, 1);
    assert_eq!(
        thief.collect(&collecting, collecting.by_code(&code)).err(),
        Some(line.code)
    );
    expect_log(&identity, line.code, &[&NUMBERS[..], &[code.as_str()]].concat());
    expect_told(line.code);

    collecting.keys.swap(0, 1);
    identity.kill();
    identity.serve(&["--log", "debug"]);
    let wallet = Intruder::new(&begun.trust);
    let again = wallet
        .collect(&collecting, collecting.by_code(&code))
        .expect("delivered again");
    assert!(again == first, "the same bytes, also after a kill");
    wallet.acknowledge(&collecting);
}

#[test]
fn nobody_collects_what_is_anothers() {
    let line = line("asking for another person's data");
    let network = Network::new();
    let [mut identity, mut tax, mut guarantor, mut registry] =
        [IDENTITY, TAX, GUARANTOR, REGISTRY].map(|organisation| network.init(&organisation, &[]));
    let begun = begin(
        &network,
        &mut [
            (&IDENTITY, &mut identity),
            (&TAX, &mut tax),
            (&GUARANTOR, &mut guarantor),
            (&REGISTRY, &mut registry),
        ],
        &[],
    );
    let stranger = Intruder::new(&begun.trust);
    let mut held = stranger.identify(&network, &identity, STRANGER);

    // No message names a person: whose row it is comes from the proof alone, and a number that was altered proves nothing.
    let collecting = stranger.begin(TAX.did, INCOME, None, None).expect("terms");
    let mut copy = held.pop().expect("a copy");
    let genuine = copy.text.clone();
    copy.text = replaced(&genuine, STRANGER, CITIZEN);
    assert_ne!(copy.text, genuine, "the number stands in a disclosure");
    let opened = stranger.opened(&collecting);
    let covers = collecting.covers();
    let bind = Bind {
        audience: &opened.request.client_id(),
        nonce: &opened.request.nonce,
        issued: clock::now(),
        request_hash: opened.hash,
        covers: Some(&covers),
    };
    let forged = replaced(
        &selected(
            &opened,
            &crate::intruder::Copy {
                text: genuine.clone(),
                key: copy.key.clone(),
            },
        ),
        STRANGER,
        CITIZEN,
    );
    let forged = sd_jwt::bind(&forged, &bind, &*copy.key).expect("binds");
    let refused = stranger.collect(&collecting, sealed(&opened, &forged));
    assert_eq!(refused.err(), Some(Code::DisclosureInvalid));
    expect_log(&tax, Code::DisclosureInvalid, &NUMBERS);
    copy.text = genuine;
    let by = stranger.identification(&collecting, &copy, &collecting.covers());
    let income = stranger.collect(&collecting, by).expect("delivered");
    for text in &income {
        let claims = SdJwt::parse(text).expect("a credential").claims().to_string();
        assert!(claims.contains(STRANGER) && !claims.contains(CITIZEN), "the own row");
    }

    // A manager of one company shows that company, and says it is another.
    let own = stranger
        .begin(REGISTRY.did, REGISTRATION, None, Some(STRANGER_COMPANY))
        .expect("terms");
    let by = stranger.identification(&own, &held.pop().expect("a copy"), &own.covers());
    let delivered = stranger.collect(&own, by).expect("its manager");
    stranger.acknowledge(&own);
    let mut company = copies(&own, delivered);
    let other = stranger
        .begin(GUARANTOR.did, GUARANTEE, None, Some(CARRIER))
        .expect("terms");
    let by = stranger.identification(&other, &company.pop().expect("a copy"), &other.covers());
    assert_eq!(stranger.collect(&other, by).err(), Some(line.code));
    expect_log(&guarantor, line.code, &NUMBERS);
    expect_told(line.code);
    assert_eq!(
        guarantor.ok(&["issuer", "status", "--type", "C05"])["issued"],
        json!([])
    );
    let own = stranger
        .begin(GUARANTOR.did, GUARANTEE, None, Some(STRANGER_COMPANY))
        .expect("terms");
    let by = stranger.identification(&own, &company.pop().expect("a copy"), &own.covers());
    let delivered = stranger.collect(&own, by).expect("its own");
    assert!(!delivered.is_empty());
    // A number is no way round the proof for a person's credential either.
    let refused = stranger.begin(TAX.did, INCOME, None, Some(CARRIER));
    assert_eq!(refused.err().map(|problem| problem.code), Some(Code::WrongWallet));
    let refused = stranger.begin(IDENTITY.did, PID, Some(vec![9; 16]), None);
    assert_eq!(refused.err().map(|problem| problem.code), Some(Code::UnknownOffer));
}

/// An SD-JWT with a value changed in its disclosures.
fn replaced(text: &str, from: &str, to: &str) -> String {
    let parts = text.split('~').map(|part| {
        let Ok(bytes) = BASE64_URL_SAFE_NO_PAD.decode(part) else {
            return part.to_owned();
        };
        match String::from_utf8(bytes) {
            Ok(disclosure) if disclosure.contains(from) => BASE64_URL_SAFE_NO_PAD.encode(disclosure.replace(from, to)),
            _ => part.to_owned(),
        }
    });
    parts.collect::<Vec<_>>().join("~")
}
