//! The blocks of the worked exchange, in the order in which they stand in docs/protocol.md.

use super::cast::{Answer, exchange, name};
use super::page::{self, base64url, block, hex, jws, message, parts, pretty, sha256, wrapped};
use super::parties::{self, *};
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use credentials::canonical::canonicalize;
use credentials::jwe::DecryptionKey;
use credentials::link::Authorise;
use credentials::protocol::hello::{Hello, Reply as Greeting, Who};
use credentials::protocol::issuance::{Ask, Identification, Reply, Request, Terms};
use credentials::protocol::{encode, presentation, status as mirroring};
use credentials::trust::{Role, Version};
use credentials::{json, request as requests};
use serde::Serialize;
use std::fmt::Write as _;

fn bytes(message: &impl Serialize) -> Vec<u8> {
    encode(message).expect("encodes")
}

/// Secrets, public keys, PeerIds.
pub(super) fn keys() -> String {
    let mut table = String::from(
        "| key | all 32 bytes of the secret are | public key (`x`) | `did:key` without `did:key:` |\n|---|---|---|---|\n",
    );
    let mut row = |what: &str, byte: u8| {
        let [_, x, multibase] = page::key(&parties::key(byte));
        writeln!(table, "| {what} | `{byte:02x}` | `{x}` | `{multibase}` |").expect("a text takes what is written");
    };
    let roles = Role::ALL.map(Role::as_str);
    let of = ["agency", "bank", "other"]
        .into_iter()
        .flat_map(|anchor| roles.map(|role| (anchor, role)));
    for (byte, (anchor, role)) in (1..).zip(of) {
        row(&format!("anchor `{anchor}`, {role}"), byte);
    }
    for party in PARTIES {
        row(&format!("`{}`", party.kid()), party.secret);
    }
    row("holder key of the copy of C01", HOLDER_PID);
    row("holder key of the copy of C02", HOLDER_INCOME);
    table.push_str("\n| node | all 32 bytes of its secret are | PeerId |\n|---|---|---|\n");
    for party in PARTIES {
        writeln!(table, "| {} | `{:02x}` | `{}` |", party.did(), party.node, party.peer())
            .expect("a text takes what is written");
    }
    table.push_str("\n| X25519 key | all 32 bytes of the secret are | public key (`x`) | `kid` |\n|---|---|---|---|\n");
    for (what, byte) in [
        ("one-time key of the tax agency's request", ONE_TIME_TAX),
        ("one-time key of the bank's request", ONE_TIME_BANK),
        ("ephemeral key of the answer to the tax agency", EPHEMERAL_TAX.0),
        ("ephemeral key of the answer to the bank", EPHEMERAL_BANK.0),
    ] {
        let jwk = DecryptionKey::from_bytes(&[byte; 32]).public_jwk();
        let member = |name: &str| jwk[name].as_str().expect("text").to_owned();
        writeln!(
            table,
            "| {what} | `{byte:02x}` | `{}` | `{}` |",
            member("x"),
            member("kid")
        )
        .expect("a text takes what is written");
    }
    table
}

/// Root, list and head, what a proof signs, and the bundle of them.
pub(super) fn trust() -> String {
    let bundle = &exchange().trust;
    let root = bundle.roots.first().expect("a root");
    let list = bundle.list.as_ref().expect("a list");
    let head = bundle.head.first().expect("a head");
    let fingerprint = anchors().fingerprint().expect("hashes");
    let steps = |text: &str| {
        let mut document = json::parse(text.as_bytes(), 1 << 20).expect("JSON");
        let members = document.as_object_mut().expect("an object");
        let mut proof = members.remove("proof").expect("proofs")[0].clone();
        let value = proof.as_object_mut().and_then(|it| it.remove("proofValue"));
        let canonical = canonicalize(&proof).expect("canonical");
        let (of_proof, of_document) = (sha256(&canonical), sha256(&canonicalize(&document).expect("canonical")));
        format!(
            "canonical proof without proofValue\n{}\nSHA-256 of it\n{}\nSHA-256 of the canonical document without proof\n{}\n\
             signed: the two hashes, 64 bytes. proofValue\n{}",
            wrapped(&String::from_utf8(canonical).expect("UTF-8")),
            hex(&of_proof),
            hex(&of_document),
            value.as_ref().and_then(|value| value.as_str()).expect("text"),
        )
    };
    let read = json::parse(list.as_bytes(), 1 << 20).expect("JSON");
    let read = serde_json::to_string_pretty(&read).expect("JSON");
    let file = bundle.to_text().expect("JSON");
    let shown = |heading: &str, text: &str| format!("{heading}\n\n```json\n{text}\n```\n\n");
    [
        block("Of the root:", &format!("Fingerprint:\n{fingerprint}")),
        shown("The root:", root),
        block("Its first proof:", &steps(root)),
        shown("The list, indented here; in the bundle it has no white space:", &read),
        block("Its first proof:", &steps(list)),
        jws("The head:", head),
        shown("Bundle:", &file),
    ]
    .concat()
    .trim_end()
    .to_owned()
}

/// Both hellos.
pub(super) fn hello() -> String {
    let wallet = Greeting::Hello(Hello {
        version: 1,
        who: Who::Wallet,
    });
    let bank = Greeting::Hello(Hello {
        version: 1,
        who: Who::Organisation {
            did: BANK.did(),
            certificate: crate::vouched::certificate(&BANK.did(), &BANK.peer(), &BANK.kid(), &BANK.key(), now()),
            trust: Some(Version {
                root: 1,
                list: 1,
                head: 1,
            }),
            time: now(),
        },
    });
    message("The wallet's hello:", None, &bytes(&wallet)) + &message("The bank's answer:", Some(0), &bytes(&bank))
}

/// The link of the personal offer.
pub(super) fn offer() -> String {
    link_block(&exchange().offer)
}

fn link_block(text: &str) -> String {
    let body = text
        .split_once('/')
        .and_then(|(_, rest)| rest.split_once('.'))
        .expect("a link")
        .0;
    let cbor = BASE64_URL_SAFE_NO_PAD.decode(body).expect("base64url");
    let checked = text
        .strip_prefix("bevis:")
        .and_then(|text| text.rsplit_once('.'))
        .expect("a link")
        .0;
    let content = format!(
        "{}\n\nCBOR\n{}\n{}\nfirst 6 bytes of SHA-256 over all between `bevis:` and the point\n{}",
        wrapped(text),
        page::diagnostic(&cbor),
        wrapped(&hex(&cbor)),
        hex(&sha256(checked.as_bytes())[..6]),
    );
    format!("```text\n{content}\n```\n")
}

/// C01 with the activation code.
pub(super) fn collect_with_code() -> String {
    let all = exchange();
    let nonce = name::<32>(0xa1);
    let begin = Ask::Begin {
        vct: PID.to_owned(),
        offer: Some(OFFER.to_vec()),
        organisation: None,
    };
    let terms = Reply::Terms(Terms {
        nonce: nonce.clone(),
        copies: 1,
        rows: 1,
        request: None,
    });
    let request = Ask::Request(Box::new(Request {
        transaction: FIRST.to_vec(),
        vct: PID.to_owned(),
        nonce,
        proofs: vec![all.proof_pid.clone()],
        identification: Identification::Code {
            offer: OFFER.to_vec(),
            code: CODE.to_owned(),
        },
    }));
    let delivery = Reply::Delivery {
        transaction: FIRST.to_vec(),
        credentials: vec![vec![all.pid.text.clone()]],
    };
    let acknowledge = Ask::Acknowledge {
        transaction: FIRST.to_vec(),
    };
    [
        message("Begin:", None, &bytes(&begin)),
        message("Terms:", Some(0), &bytes(&terms)),
        jws("The proof of the new key:", &all.proof_pid),
        message("Request:", None, &bytes(&request)),
        message("Delivery:", Some(0), &bytes(&delivery)),
        message("Acknowledge:", None, &bytes(&acknowledge)),
        message("Acknowledged:", Some(0), &bytes(&Reply::Acknowledged)),
    ]
    .concat()
}

fn credential(text: &str) -> String {
    let (issued, _) = text.split_once('~').expect("an SD-JWT");
    let [header, payload, signature] = parts(issued);
    let content = format!(
        "header\n{header}\npayload\n{}\nsignature\n{signature}\ndisclosures: digest, JSON\n{}\ntext, {} characters, SHA-256 {}\n{}",
        pretty(&json::parse(payload.as_bytes(), 1 << 20).expect("JSON")),
        page::disclosures(text),
        text.len(),
        base64url(&sha256(text.as_bytes())),
        wrapped(text),
    );
    format!("```text\n{content}\n```\n")
}

/// C01 as delivered.
pub(super) fn credential_c01() -> String {
    credential(&exchange().pid.text)
}

/// C02 as delivered.
pub(super) fn credential_c02() -> String {
    credential(&exchange().income.text)
}

/// The terms for C02.
pub(super) fn terms() -> String {
    let all = exchange();
    let begin = Ask::Begin {
        vct: INCOME.to_owned(),
        offer: None,
        organisation: None,
    };
    let terms = Reply::Terms(Terms {
        nonce: name::<32>(0xa2),
        copies: 1,
        rows: 1,
        request: Some(all.terms_request.clone()),
    });
    [
        message("Begin:", None, &bytes(&begin)),
        message("Terms:", Some(0), &bytes(&terms)),
        jws("Its `request`:", &all.terms_request),
    ]
    .concat()
}

fn answer_blocks(answer: &Answer, one_time: u8, (ephemeral, nonce): (u8, u8), request: &str) -> String {
    let protected = answer.jwe.split('.').next().expect("a header");
    let header = String::from_utf8(BASE64_URL_SAFE_NO_PAD.decode(protected).expect("base64url")).expect("UTF-8");
    let selected = format!(
        "{}\n\nits disclosures\n{}",
        wrapped(&answer.selected),
        page::disclosures(&answer.selected)
    );
    let sealed = format!(
        "plaintext, {} bytes, SHA-256 {}\n{}\nheader\n{}\nsecret of the recipient {one_time:02x} … {one_time:02x}, of the ephemeral key \
         {ephemeral:02x} … {ephemeral:02x}, nonce {}\napv {}\ntext, {} characters, SHA-256 {}\n{}",
        answer.plaintext.len(),
        base64url(&sha256(answer.plaintext.as_bytes())),
        wrapped(&answer.plaintext),
        wrapped(&header),
        hex(&[nonce; 12]),
        hex(&requests::hash(request)),
        answer.jwe.len(),
        base64url(&sha256(answer.jwe.as_bytes())),
        wrapped(&answer.jwe),
    );
    [
        block("The chosen part of the credential, which `sd_hash` covers:", &selected),
        jws("The key binding:", &answer.binding),
        block("The answer, encrypted:", &sealed),
    ]
    .concat()
}

/// The answer to the terms.
pub(super) fn identification() -> String {
    let all = exchange();
    let content = format!(
        "\"bevis-keys/1\" and the new key\n{}{}\nbevis_keys\n{}",
        hex(b"bevis-keys/1"),
        hex(&parties::key(HOLDER_INCOME).verifying_key().to_bytes()),
        base64url(&all.keys_hash),
    );
    block("The hash of the new keys, of which there is one here:", &content)
        + &answer_blocks(&all.identification, ONE_TIME_TAX, EPHEMERAL_TAX, &all.terms_request)
}

/// C02 with that answer.
pub(super) fn collect_with_presentation() -> String {
    let all = exchange();
    let request = Ask::Request(Box::new(Request {
        transaction: SECOND.to_vec(),
        vct: INCOME.to_owned(),
        nonce: name::<32>(0xa2),
        proofs: vec![all.proof_income.clone()],
        identification: Identification::Presentation {
            answer: all.identification.jwe.clone(),
        },
    }));
    let delivery = Reply::Delivery {
        transaction: SECOND.to_vec(),
        credentials: vec![vec![all.income.text.clone()]],
    };
    [
        jws("The proof of the new key:", &all.proof_income),
        message("Request:", None, &bytes(&request)),
        message("Delivery:", Some(0), &bytes(&delivery)),
    ]
    .concat()
}

/// The bank's link.
pub(super) fn link() -> String {
    link_block(&exchange().link)
}

/// The bank's request.
pub(super) fn request() -> String {
    let all = exchange();
    let session = name::<16>(0xb3);
    let fetch = presentation::Ask::Fetch { session };
    let reply = presentation::Reply::Request {
        request: all.request.clone(),
    };
    [
        message("Fetch:", None, &bytes(&fetch)),
        message("Request:", Some(0), &bytes(&reply)),
        jws("The signed request:", &all.request),
    ]
    .concat()
}

/// The answer to it.
pub(super) fn answer() -> String {
    let all = exchange();
    let ask = presentation::Ask::Answer {
        session: name::<16>(0xb3),
        answer: all.answer.jwe.clone(),
    };
    answer_blocks(&all.answer, ONE_TIME_BANK, EPHEMERAL_BANK, &all.request) + &message("Answer:", None, &bytes(&ask))
}

/// The receipt.
pub(super) fn receipt() -> String {
    let all = exchange();
    let reply = presentation::Reply::Receipt {
        receipt: all.receipt.clone(),
    };
    message("Receipt:", Some(0), &bytes(&reply)) + &jws("The signed receipt:", &all.receipt)
}

/// What the wallet mirrors.
pub(super) fn status() -> String {
    let issued = &exchange().income;
    let chunk = mirroring::Ask::Chunk {
        hash: credentials::status::list_hash(&issued.list),
        offset: 0,
    };
    let piece = mirroring::Reply::Chunk {
        total: u32::try_from(issued.list.len()).expect("small"),
        bytes: issued.list.clone().into_bytes(),
    };
    let head = mirroring::Reply::Head {
        head: issued.head.clone(),
    };
    [
        message("Ask for the head:", None, &bytes(&mirroring::Ask::Head)),
        message("The head:", Some(0), &bytes(&head)),
        jws("The signed head:", &issued.head),
        message("Ask for the list that it names:", None, &bytes(&chunk)),
        message("The list, in one piece:", Some(0), &bytes(&piece)),
        jws(
            "The signed list; entry 345,678 is 0 (valid), entry 345,679 is 1 (revoked):",
            &issued.list,
        ),
    ]
    .concat()
}

/// The words of an authorisation.
pub(super) fn authorise() -> String {
    let authorise = Authorise {
        request: "a.b.c".to_owned(),
        transaction: vec![0xc3; 16],
        keys_hash: vec![0x55; 32],
        organisation: "219840365".to_owned(),
    };
    let link = credentials::link::Link::Authorise(authorise.clone());
    let text = link.to_text().expect("a link");
    format!(
        "```text\nrequest \"a.b.c\", transaction c3 × 16, keys hash 55 × 32, company 219840365\nwords   {}\ntext    {text}\n```\n",
        authorise.words()
    )
}
