//! The worked blocks of notices: a register with two keys publishes one, and a bank gets a customer's tag.

use super::page::{block, diagnostic, hex, key as shown_key, message, sha256, wrapped};
use super::parties::{self, PERSON, anchors, now};
use credentials::canonical::canonicalize;
use credentials::identifier::PersonNumber;
use credentials::notice::tag::{Blinding, TagKey};
use credentials::notice::{
    self, At, Checkpoint, Debtor, KeyStatement, NOTHING, Notice, Opening, Paper, Place, Proposal,
};
use credentials::protocol::encode;
use credentials::protocol::notice::{Ask, Reply};
use credentials::time::DAY;
use credentials::trust::{Draft, Organisation, OrganisationKey, Trust};
use credentials::{Did, json};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::sync::Arc;

/// All bytes of the secrets of the register's two keys.
const KEYS: [u8; 2] = [0x44, 0x45];
/// All bytes of the seed of its key for tags.
const SEED: u8 = 0x5a;
/// All random bytes of the bank's blind and of the register's proof.
const BLIND: u8 = 0x5b;
const PROOF: u8 = 0x5c;
const UUID: &str = "0e6a2a62-6d0b-4b3d-8f58-2a6a5a9d3a10";

fn did() -> Did {
    Did::parse("did:web:konkurs.example").expect("a DID")
}

fn kid(place: usize) -> String {
    format!("{}#key-{}", did(), place + 1)
}

/// A list that names the register and nobody else.
fn trust() -> Arc<Trust> {
    let keys = (0..).zip(KEYS).map(|(place, byte)| OrganisationKey {
        id: kid(place),
        key: parties::key(byte).verifying_key(),
        valid_from: now().plus(-30 * DAY),
        valid_until: now().plus(335 * DAY),
        compromised: None,
    });
    let draft = Draft {
        sequence: 1,
        operator: "Syntetisk tillitsanker".to_owned(),
        issued: now().day(),
        next_update: now().day().plus(30 * DAY),
        organisations: vec![Organisation {
            did: did(),
            number: "974760673".to_owned(),
            name: "Konkursregisteret".to_owned(),
            keys: keys.collect(),
            nodes: Vec::new(),
            issues: vec![notice::VCT.to_owned()],
            services: Vec::new(),
        }],
    };
    let mut anchors = anchors();
    let bundle = anchors.publish(&draft, now().day()).expect("signs");
    anchors
        .client(&bundle, now())
        .expect("takes")
        .trust()
        .expect("in force")
}

/// A paper signed by both keys.
fn signed(text: &str) -> String {
    let mut paper = Paper::parse(text).expect("parses");
    for (place, byte) in KEYS.into_iter().enumerate() {
        paper = paper.sign(&kid(place), &parties::key(byte), now()).expect("signs");
    }
    paper.check(&trust(), now()).expect("two keys of the register");
    paper.text().to_owned()
}

fn opening() -> Notice {
    let subject = json!({
        "type": "aapning", "boType": "konkurs", "kjennelsesdato": "2026-07-09",
        "debitor": {"organisasjonsnummer": "310682950", "navn": "TOMT SKALL AS"},
        "tilknyttedeEnheter": [], "domstol": "Syntetisk tingrett",
        "bostyrer": {"navn": "Nøktern Advokat", "oppnevnt": "2026-07-09"}, "meldefrist": "2026-08-07",
    });
    let register = did();
    let place = Place {
        register: &register,
        uuid: UUID,
        number: 1,
        previous: NOTHING,
        registered: now(),
    };
    let draft = Proposal::write(&place, subject.as_object().expect("an object")).expect("writes");
    Notice::open(&signed(draft.text()), &trust(), now()).expect("opens")
}

fn indented(text: &str) -> String {
    let value = json::parse(text.as_bytes(), 1 << 20).expect("JSON");
    format!(
        "```json\n{}\n```\n\n",
        serde_json::to_string_pretty(&value).expect("JSON")
    )
}

/// The signed document, its hash, what a proof signs, and what is gossiped.
pub(super) fn document() -> String {
    let notice = opening();
    let text = notice.proposal().text();
    let mut bare = json::parse(text.as_bytes(), 1 << 20).expect("JSON");
    let members = bare.as_object_mut().expect("an object");
    let mut proof: Value = members.remove("proof").expect("proofs")[0].clone();
    let value = proof.as_object_mut().and_then(|proof| proof.remove("proofValue"));
    let canonical = canonicalize(&bare).expect("canonical");
    let options = canonicalize(&proof).expect("canonical");
    assert_eq!(sha256(&canonical), *notice.proposal().hash());
    let mut keys = String::from("| key | all 32 bytes of the secret are | public key (`x`) |\n|---|---|---|\n");
    for (place, byte) in KEYS.into_iter().enumerate() {
        let [_, x, _] = shown_key(&parties::key(byte));
        writeln!(keys, "| `{}` | `{byte:02x}` | `{x}` |", kid(place)).expect("a text takes what is written");
    }
    let of_hash = format!(
        "canonical document without proof, {} bytes\n{}\n{}",
        canonical.len(),
        wrapped(&String::from_utf8(canonical.clone()).expect("UTF-8")),
        notice.proposal().hash_text(),
    );
    let of_proof = format!(
        "canonical proof without proofValue\n{}\nSHA-256 of it\n{}\nSHA-256 of the canonical document\n{}\n\
         signed: the two hashes, 64 bytes. proofValue\n{}",
        wrapped(&String::from_utf8(options.clone()).expect("UTF-8")),
        hex(&sha256(&options)),
        hex(&sha256(&canonical)),
        value.as_ref().and_then(Value::as_str).expect("text"),
    );
    let gossip = notice.digest().expect("encodes");
    let of_gossip = format!(
        "{}\n\n{} bytes, SHA-256 {}",
        diagnostic(&gossip),
        gossip.len(),
        hex(&sha256(&gossip))
    );
    [
        format!("The register's keys:\n\n{keys}\n"),
        format!(
            "The notice, indented here; as text it has no white space:\n\n{}",
            indented(text)
        ),
        block("Its hash:", &of_hash),
        block("Its first proof:", &of_proof),
        block("What is gossiped, not framed; in the text is the notice:", &of_gossip),
    ]
    .concat()
}

/// Questions and answers about it, and a checkpoint.
pub(super) fn messages() -> String {
    let notice = opening();
    let text = notice.proposal().text().to_owned();
    let register = did();
    let state = Checkpoint::state(&[Opening {
        uuid: UUID.to_owned(),
        number: 1,
        debtor: Debtor::Company("310682950".to_owned()),
    }])
    .expect("small");
    let at = At {
        register: &register,
        number: 1,
        hash: notice.proposal().hash(),
        registered: now(),
    };
    let checkpoint = signed(&Checkpoint::write(&at, &state, now()));
    let opened = Checkpoint::open(&checkpoint, &trust(), now()).expect("opens");
    opened.openings(&state).expect("the list that it names");
    let register = register.to_string();
    let newest = Ask::Newest {
        register: register.clone(),
    };
    let range = Ask::Range {
        register: register.clone(),
        from: 1,
        count: 32,
    };
    let piece = Ask::State {
        register,
        hash: opened.state_name(),
        offset: 0,
    };
    let has = Reply::Newest {
        notice: Some(text.clone()),
        checkpoint: Some(checkpoint.clone()),
    };
    let bytes = |message: &dyn Fn() -> Result<Vec<u8>, credentials::Problem>| message().expect("encodes");
    [
        message("Ask for the newest:", None, &bytes(&|| encode(&newest))),
        message("The newest:", Some(0), &bytes(&|| encode(&has))),
        message("Ask for what is missing:", None, &bytes(&|| encode(&range))),
        message(
            "What is missing:",
            Some(0),
            &bytes(&|| {
                encode(&Reply::Range {
                    notices: vec![text.clone()],
                })
            }),
        ),
        format!("The checkpoint, indented here:\n\n{}", indented(&checkpoint)),
        message("Ask for its openings:", None, &bytes(&|| encode(&piece))),
        message(
            "They:",
            Some(0),
            &bytes(&|| {
                encode(&Reply::State {
                    total: u32::try_from(state.len()).expect("small"),
                    bytes: state.clone(),
                })
            }),
        ),
    ]
    .concat()
}

/// A person's tag: the statement of the key, the blind evaluation, and what comes of it.
pub(super) fn tags() -> String {
    let person = PersonNumber::parse(PERSON).expect("a number");
    let key = TagKey::from_seed("2026", &[SEED; 32]).expect("a key");
    let until = now().plus(400 * DAY);
    let statement = signed(&KeyStatement::write(&did(), &key, now(), until, now()));
    let opened = KeyStatement::open(&statement, &trust(), now()).expect("opens");
    let mut random = |bytes: &mut [u8]| bytes.fill(BLIND);
    let (blinding, elements) = Blinding::begin(&did(), "2026", [&person], &mut random).expect("blinds");
    let asked: Vec<&[u8]> = elements.iter().map(|element| element.as_slice()).collect();
    let mut random = |bytes: &mut [u8]| bytes.fill(PROOF);
    let evaluated = key.evaluate(&asked, &mut random).expect("evaluates");
    let given: Vec<&[u8]> = evaluated.elements.iter().map(|element| element.as_slice()).collect();
    let tags = blinding
        .finish(&opened.public, &given, &evaluated.proof)
        .expect("proved");
    assert_eq!(
        tags,
        [key.tag(&did(), &person).expect("a tag")],
        "what the register computes itself"
    );
    let ask = Ask::Evaluate {
        key: "2026".to_owned(),
        elements: elements.iter().map(|element| element.to_vec().into()).collect(),
    };
    let reply = Reply::Evaluated {
        elements: evaluated
            .elements
            .iter()
            .map(|element| element.to_vec().into())
            .collect(),
        proof: evaluated.proof.clone().into(),
    };
    let tag = serde_json::to_string(&tags).expect("JSON");
    [
        format!(
            "The statement, indented here; all bytes of the key's seed are `{SEED:02x}`:\n\n{}",
            indented(&statement)
        ),
        message(
            &format!("The bank asks about {PERSON}; all random bytes of its blind are `{BLIND:02x}`:"),
            None,
            &encode(&ask).expect("encodes"),
        ),
        message(
            &format!("The register answers; all random bytes of its proof are `{PROOF:02x}`:"),
            Some(0),
            &encode(&reply).expect("encodes"),
        ),
        block("`merker` of a notice about this person:", &tag),
    ]
    .concat()
}
