//! Collecting at the issuer's door.

use super::{Line, line};
use crate::impostor::{Act, Impostor, Lure};
use crate::intruder::{
    GUARANTEE, INCOME, Intruder, PID, REGISTRATION, copies, expect_log, new_keys, sealed, selected, trust,
};
use crate::network::{
    GUARANTOR, IDENTITY, Network, REGISTRY, TAX, argument, collect, import, offer, receive, state_of, text, until,
};
use crate::process::{Home, finish};
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
use std::path::Path;
use std::sync::{Arc, Mutex};

/// Which test shows which kind.
pub(super) const LINES: &[Line] = &[
    Line {
        kind: "activation code wrong five times",
        code: Code::AttemptsExhausted,
        test: "an_activation_code_is_wrong_at_most_five_times",
    },
    Line {
        kind: "activation code wrong five times, and after a restart",
        code: Code::AttemptsExhausted,
        test: "wrong_activation_codes_are_counted_across_a_kill",
    },
    Line {
        kind: "a relayed PID presentation",
        code: Code::WrongAudience,
        test: "a_relayed_identification_is_for_another_audience",
    },
    Line {
        kind: "a relayed PID presentation, to other keys",
        code: Code::KeysNotCovered,
        test: "an_identification_does_not_cover_the_keys_of_whoever_took_it",
    },
    Line {
        kind: "redelivery to other keys",
        code: Code::KeysChanged,
        test: "a_delivery_is_repeated_to_the_same_keys_only",
    },
    Line {
        kind: "asking for another person's data",
        code: Code::WrongSubject,
        test: "nobody_collects_what_is_anothers",
    },
    Line {
        kind: "company opened by a person without a role",
        code: Code::RoleMissing,
        test: "a_companys_wallet_is_opened_by_who_has_a_role_in_it",
    },
    Line {
        kind: "company opened by a person whose role ended",
        code: Code::RoleMissing,
        test: "an_ended_role_and_a_dead_holder_open_no_companys_wallet",
    },
];

/// The register numbers that may stand in no log.
const NUMBERS: [&str; 4] = [CITIZEN, STRANGER, CARRIER, STRANGER_COMPANY];

/// Starts issuers with their registers; gives the signed document.
fn begin(network: &Network, issuers: &mut [(&crate::network::Organisation, &mut Home)], wallets: &[&Home]) -> Begun {
    network.begin(issuers, wallets, &["--log", "debug"]);
    let registers = network.population(40, 12);
    for (organisation, home) in issuers.iter() {
        for name in organisation.issues {
            import(home, name, &registers);
        }
    }
    let document = network.folder().join("trust.json");
    Begun {
        trust: trust(network, &document),
        registers,
    }
}

struct Begun {
    trust: Arc<credentials::trust::Trust>,
    registers: std::path::PathBuf,
}

/// A file with an activation code.
fn code_file(network: &Network, name: &str, code: &str) -> std::path::PathBuf {
    let file = network.folder().join(name);
    std::fs::write(&file, code).expect("writes");
    file
}

/// A code of the right form that is not this one.
fn another(code: &str) -> String {
    let mut other: Vec<char> = code.trim().chars().collect();
    other[0] = if other[0] == 'A' { 'B' } else { 'A' };
    other.into_iter().collect()
}

/// What an offer says to a person who has the right code, in JSON and in two languages.
fn expect_offer_refused(line: &Line, wallet: &Home, link: &str, code: &Path) {
    let arguments = ["wallet", "receive", link, "--code-file", argument(code)];
    line.expect_json(wallet.run(&arguments));
    for language in ["nb", "en"] {
        let typed = [&["--lang", language][..], &arguments].concat();
        line.expect_text(finish(wallet.typed(&typed), ""), language);
    }
}

/// What people read whom an issuer answers with what the thieves above were answered: an honest wallet never earns it, so it
/// comes from a listed peer that says it, to a command as it is typed.
fn expect_told(code: Code) {
    let lure = Lure::new("quic");
    lure.expect_polite();
    lure.expect_told(code);
}

#[test]
fn an_activation_code_is_wrong_at_most_five_times() {
    let line = line("activation code wrong five times");
    let network = Network::new();
    let mut identity = network.init(&IDENTITY, &[]);
    let (citizen, stranger) = (network.wallet("citizen", &[]), network.wallet("stranger", &[]));
    let begun = begin(&network, &mut [(&IDENTITY, &mut identity)], &[&citizen, &stranger]);
    let pid = identity.pid();
    let guesser = Intruder::new(&begun.trust);

    let (link, code) = network.personal_offer(&identity, CITIZEN);
    let right = std::fs::read_to_string(&code).expect("reads");
    let collecting = guesser.begin_offer(&link).expect("terms");
    let wrong = another(&right);
    let tries: Vec<Code> = (0..5)
        .filter_map(|_| guesser.collect(&collecting, collecting.by_code(&wrong)).err())
        .collect();
    assert_eq!(tries, [Code::WrongCode; 5]);
    let sixth = guesser.collect(&collecting, collecting.by_code(&right));
    assert_eq!(sixth.err(), Some(line.code), "the right one comes too late");
    assert_eq!(guesser.begin_offer(&link).err().map(|p| p.code), Some(line.code));
    expect_offer_refused(line, &citizen, &link, &code);
    expect_log(
        &identity,
        line.code,
        &[&NUMBERS[..], &[right.as_str(), wrong.as_str()]].concat(),
    );
    expect_log(&identity, Code::WrongCode, &[]);

    // Four wrong ones leave a fifth, and another's offer is not touched.
    let (link, code) = network.personal_offer(&identity, STRANGER);
    let right = std::fs::read_to_string(&code).expect("reads");
    let file = code_file(&network, "wrong", &another(&right));
    for _ in 0..4 {
        let said = stranger.run(&["wallet", "receive", &link, "--code-file", argument(&file)]);
        said.expect_problem(7, "wrong_code");
    }
    let collected = stranger.ok(&["wallet", "receive", &link, "--code-file", argument(&code)]);
    assert_eq!(collected["outcome"], "collected");
    // And a new offer to the first person opens with its own code.
    network.identify(&identity, &citizen, CITIZEN);
    assert_eq!(identity.pid(), pid, "the same process");
}

#[test]
fn wrong_activation_codes_are_counted_across_a_kill() {
    let line = line("activation code wrong five times, and after a restart");
    let network = Network::new();
    let mut identity = network.init(&IDENTITY, &[]);
    let citizen = network.wallet("citizen", &[]);
    let begun = begin(&network, &mut [(&IDENTITY, &mut identity)], &[&citizen]);

    let (link, code) = network.personal_offer(&identity, CITIZEN);
    let right = std::fs::read_to_string(&code).expect("reads");
    let wrong = another(&right);
    let guess = |times: usize| {
        let guesser = Intruder::new(&begun.trust);
        let collecting = guesser.begin_offer(&link).expect("terms");
        for _ in 0..times {
            let refused = guesser.collect(&collecting, collecting.by_code(&wrong)).err();
            assert_eq!(refused, Some(Code::WrongCode));
        }
        (guesser, collecting)
    };
    guess(2);
    identity.kill();
    identity.serve(&["--log", "debug"]);
    let (guesser, collecting) = guess(3);
    let sixth = guesser.collect(&collecting, collecting.by_code(&right));
    assert_eq!(sixth.err(), Some(line.code));
    expect_offer_refused(line, &citizen, &link, &code);
    expect_log(
        &identity,
        line.code,
        &[&NUMBERS[..], &[right.as_str(), wrong.as_str()]].concat(),
    );

    // With one fewer on the way the right one is taken.
    let (link, code) = network.personal_offer(&identity, CITIZEN);
    let right = std::fs::read_to_string(&code).expect("reads");
    let wrong = another(&right);
    for times in [2, 2] {
        let guesser = Intruder::new(&begun.trust);
        let collecting = guesser.begin_offer(&link).expect("terms");
        for _ in 0..times {
            let refused = guesser.collect(&collecting, collecting.by_code(&wrong)).err();
            assert_eq!(refused, Some(Code::WrongCode));
        }
        identity.kill();
        identity.serve(&["--log", "debug"]);
    }
    let collected = citizen.ok(&["wallet", "receive", &link, "--code-file", argument(&code)]);
    assert_eq!(collected["outcome"], "collected");
}

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
                Ask::Acknowledge { .. } => Reply::Problem(Code::UnexpectedMessage.into()),
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

/// A company's wallet asks a person to open it: the text that comes back, for the company's wallet to take.
fn opened_by(company: &Home, person: &Home, registry: &Home) -> String {
    let carry = company.ok(&["wallet", "receive", &offer(registry, "C06")]);
    assert_eq!(carry["outcome"], "carry");
    let id = receive(person, &text(&carry["text"]));
    text(&person.ok(&["--yes", "wallet", "present", &id])["text"])
}

/// What the company's wallet is told when somebody opens it who may not, in JSON and in two languages.
fn expect_not_opened(line: &Line, company: &Home, person: &Home, registry: &Home) {
    let back = opened_by(company, person, registry);
    line.expect_json(company.run_with(&["wallet", "receive", "-"], &format!("{back}\n")));
    for language in ["nb", "en"] {
        let back = opened_by(company, person, registry);
        let typed = company.typed(&["--lang", language, "wallet", "receive", "-"]);
        line.expect_text(finish(typed, &format!("{back}\n")), language);
    }
    expect_log(registry, line.code, &NUMBERS);
}

/// The company's wallet is opened, and holds the registration.
fn expect_opened(company: &Home, person: &Home, registry: &Home) -> String {
    let back = opened_by(company, person, registry);
    let collected = company
        .run_with(&["wallet", "receive", "-"], &format!("{back}\n"))
        .expect(0)
        .json();
    assert_eq!(collected["outcome"], "collected");
    text(&collected["credentials"][0])
}

#[test]
fn a_companys_wallet_is_opened_by_who_has_a_role_in_it() {
    let line = line("company opened by a person without a role");
    let network = Network::new();
    let [mut identity, mut registry] = [IDENTITY, REGISTRY].map(|organisation| network.init(&organisation, &[]));
    let (citizen, stranger) = (network.wallet("citizen", &[]), network.wallet("stranger", &[]));
    let company = network.wallet("company", &["--organisation", CARRIER]);
    begin(
        &network,
        &mut [(&IDENTITY, &mut identity), (&REGISTRY, &mut registry)],
        &[&citizen, &stranger, &company],
    );
    network.identify(&identity, &citizen, CITIZEN);
    network.identify(&identity, &stranger, STRANGER);
    expect_not_opened(line, &company, &stranger, &registry);
    assert_eq!(registry.ok(&["issuer", "status", "--type", "C06"])["issued"], json!([]));
    expect_opened(&company, &citizen, &registry);
}

/// Imports the companies again, the carrier's row with a text replaced.
fn import_changed(registry: &Home, registers: &Path, from: &str, to: &str) {
    let file = registers.join("company.jsonl");
    let before = std::fs::read_to_string(&file).expect("reads");
    let is_carrier = format!("\"{CARRIER}\"");
    let after: String = before
        .lines()
        .map(|line| match line.contains(&is_carrier) {
            true => line.replace(from, to) + "\n",
            false => line.to_owned() + "\n",
        })
        .collect();
    assert_ne!(before, after, "the row says {from}");
    std::fs::write(&file, after).expect("writes");
    assert_eq!(import(registry, "C06", registers)["changed"], 1);
}

#[test]
fn an_ended_role_and_a_dead_holder_open_no_companys_wallet() {
    let line = line("company opened by a person whose role ended");
    let network = Network::new();
    let [mut identity, mut registry] = [IDENTITY, REGISTRY].map(|organisation| network.init(&organisation, &[]));
    let (mut citizen, mut company) = (
        network.wallet("citizen", &[]),
        network.wallet("company", &["--organisation", CARRIER]),
    );
    let begun = begin(
        &network,
        &mut [(&IDENTITY, &mut identity), (&REGISTRY, &mut registry)],
        &[&citizen, &company],
    );
    // Commands of a wallet that runs share its connections: each by itself says hello, and hellos have a rate.
    citizen.serve(&[]);
    company.serve(&[]);
    network.identify(&identity, &citizen, CITIZEN);

    for (holds, voids) in [
        ("\"avregistrert\":false", "\"avregistrert\":true"),
        ("\"erDoed\":false", "\"erDoed\":true"),
    ] {
        let before = expect_opened(&company, &citizen, &registry);
        import_changed(&registry, &begun.registers, holds, voids);
        // What was opened under the role ends with it.
        until("revoked", || state_of(&company, &before) == "revoked");
        expect_not_opened(line, &company, &citizen, &registry);
        import_changed(&registry, &begun.registers, voids, holds);
    }
    expect_opened(&company, &citizen, &registry);
}
