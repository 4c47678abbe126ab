//! What issuers say of the states of credentials, and what they did not say.

use crate::network::{BANK, Network, argument, until};
use crate::process::{Home, finish};
use crate::refusals::line;
use crate::refusals::stage::{INCOME, entry, income};
use crate::spread::{counted, found};
use crate::stranger::{Copy, Peer, World};
use credentials::protocol::{self, status};
use credentials::status::{Digest, ENTRIES, HEAD_TYP, Head, ListVersion, News, State, States, list_hash};
use credentials::{Did, SigningKey, jws, random};
use flate2::Compression;
use flate2::write::ZlibEncoder;
use node::clock;
use node::network::{Protocol, Topic};
use node::population::CITIZEN;
use serde_json::{Map, Value, json};
use std::io::Write;

/// The place of a credential's state in its list.
const PLACE: u32 = 7;

/// The one list of an issuer, of which every word has a higher version.
struct Lists<'a> {
    issuer: &'a Peer,
    version: u64,
}

impl Lists<'_> {
    /// The next word: that the list has states with this hash.
    fn word(&mut self, states: &str) -> ListVersion {
        self.version += 1;
        ListVersion {
            uri: self.issuer.uri(),
            version: self.version,
            hash: list_hash(&self.version.to_string()),
            size: 400,
            states: states.to_owned(),
        }
    }

    fn head(&mut self, states: &str) -> String {
        let now = clock::now();
        let head = Head {
            issuer: self.issuer.did().clone(),
            issued: now,
            expires: now.plus(3_600),
            lists: vec![self.word(states)],
        };
        let (kid, key) = self.issuer.key(0);
        head.sign(&kid, key).expect("signs")
    }

    /// Says and gives these states from now on.
    fn publish(&mut self, states: &States) {
        let head = self.head(&states.hash());
        self.answer(head, states.pack().expect("packs"));
    }

    /// Answers with a head, whoever signed it, and gives these bytes for any content.
    fn answer(&self, head: String, content: Vec<u8>) {
        let own = self.issuer.did().clone();
        self.issuer
            .behave(move |protocol, body| answer(&own, &head, Some(&content), protocol, body));
    }

    /// The same and gives no content at all.
    fn withhold(&self, head: String) {
        let own = self.issuer.did().clone();
        self.issuer
            .behave(move |protocol, body| answer(&own, &head, None, protocol, body));
    }
}

fn answer(own: &Did, head: &str, content: Option<&[u8]>, protocol: Protocol, body: &[u8]) -> Option<Vec<u8>> {
    if protocol != Protocol::Status {
        return None;
    }
    let reply = match protocol::decode(body, status::LIMIT).ok()? {
        status::Ask::HeadOf { issuer } if issuer == *own => status::Reply::News {
            head: head.to_owned(),
            digests: Vec::new(),
        },
        status::Ask::Chunk { offset, .. } => {
            let rest = content?.get(usize::try_from(offset).ok()?..)?;
            status::Reply::Chunk {
                total: u32::try_from(content?.len()).ok()?,
                bytes: rest.iter().copied().take(status::CHUNK).collect(),
            }
        }
        _ => return None,
    };
    protocol::encode(&reply).ok()
}

/// The same payload, signed by somebody else or in somebody else's name.
fn signed_by(head: &str, kid: &str, key: &SigningKey) -> String {
    use base64::Engine;
    let payload = head.split('.').nth(1).expect("a JWS");
    let payload = base64::prelude::BASE64_URL_SAFE_NO_PAD
        .decode(payload)
        .expect("base64url");
    let payload: Value = serde_json::from_slice(&payload).expect("JSON");
    jws::sign(HEAD_TYP, Some(kid), Map::new(), &payload, key).expect("signs")
}

fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).expect("compresses");
    encoder.finish().expect("compresses")
}

fn check(bank: &Home, copy: &Copy) -> Value {
    bank.run_with(&["verifier", "check", "-"], &copy.text).json()
}

/// Which version of an issuer's list the bank holds.
fn held(bank: &Home, issuer: &Peer) -> Value {
    let status = bank.ok(&["node", "status"]);
    let lists = status["lists"].as_array().cloned().unwrap_or_default();
    let list = lists.into_iter().find(|list| list["uri"] == issuer.uri());
    list.map_or(Value::Null, |list| list["version"].clone())
}

/// The bank names the issuer and the code, in every language; what it holds stands, and so does what it decides by it.
#[track_caller]
fn refuses(bank: &Home, issuer: &Peer, copy: &Copy, kind: &str, before: &Value) {
    let line = line(kind);
    let code = || found(bank, "lists").map_or(Value::Null, |finding| finding["code"].clone());
    until(kind, || code() == line.code.as_str());
    let finding = found(bank, "lists").expect("just seen");
    assert_eq!(finding["detail"], issuer.did().to_string(), "{kind}");
    for language in node::text::LANGUAGES {
        let said = finish(bank.typed(&["--lang", language, "doctor"]), "");
        assert!(
            said.stdout.contains(&line.sentence(language)),
            "{kind}: {}",
            said.stdout
        );
    }
    assert_eq!(&held(bank, issuer), before, "{kind}");
    let checked = check(bank, copy);
    assert_eq!(checked["verdict"], "valid", "{kind}: {checked}");
}

/// An issuer that a test plays, another, and a bank that mirrors both.
struct Stage {
    _network: Network,
    bank: Home,
    issuer: Peer,
    other: Peer,
}

impl Stage {
    fn new() -> Stage {
        let world = World::new();
        let issuer = Peer::start(&world, "did:web:utsteder.example", "991825827", 1);
        let other = Peer::start(&world, "did:web:annen.example", "974761076", 1);
        let network = Network::trusting(&world.root());
        let mut bank = network.init(&BANK, &[]);
        bank.serve(&["--log", "debug"]);
        let listed = vec![entry(&BANK, &bank), issuer.entry(&[INCOME]), other.entry(&[INCOME])];
        let file = network.folder().join("trust.json");
        std::fs::write(&file, world.sign(1, listed)).expect("writes");
        bank.ok(&["trust", "import", argument(&file)]);
        Stage {
            _network: network,
            bank,
            issuer,
            other,
        }
    }
}

#[test]
fn what_an_issuer_did_not_say_or_nobody_can_give_changes_no_verdict() {
    let Stage {
        bank, issuer, other, ..
    } = &Stage::new();
    let mut lists = Lists { issuer, version: 0 };
    let mut others = Lists {
        issuer: other,
        version: 0,
    };
    let good = States::new();
    lists.publish(&good);
    others.publish(&good);
    let copy = issuer.issue(INCOME, income(CITIZEN), PLACE);
    let settled = |version: u64| {
        until("the bank is content with the newest", || {
            let is_newest = held(bank, issuer) == version && found(bank, "lists").is_none();
            is_newest && check(bank, &copy)["verdict"] == "valid"
        });
        held(bank, issuer)
    };

    // Nothing stands behind the last entry of a list, and nothing is made of that.
    settled(lists.version);
    let last = issuer.issue(INCOME, income(CITIZEN), ENTRIES - 1);
    assert_eq!(check(bank, &last)["verdict"], "valid");
    let beyond = issuer.issue(INCOME, income(CITIZEN), ENTRIES);
    let line = line("a credential beyond the end of its list");
    let said = bank.run_with(&["verifier", "check", "-"], &beyond.text);
    assert_eq!(said.json()["verdict"], "undecided", "{said:?}");
    line.expect_json(said);

    // Signed, but not by the issuer's key; in the issuer's name by another organisation; by another about itself.
    let (kid, _) = issuer.key(0);
    let (others_kid, others_key) = other.key(0);
    let before = settled(lists.version);
    let head = lists.head(&good.hash());
    lists.withhold(signed_by(&head, &kid, others_key));
    refuses(bank, issuer, &copy, "a status head signed by the wrong key", &before);
    lists.publish(&good);
    let before = settled(lists.version);
    let head = lists.head(&good.hash());
    lists.withhold(signed_by(&head, &others_kid, others_key));
    refuses(
        bank,
        issuer,
        &copy,
        "a status head that another organisation signed",
        &before,
    );
    lists.publish(&good);
    let before = settled(lists.version);
    let head = others.head(&good.hash());
    others.answer(head.clone(), good.pack().expect("packs"));
    lists.withhold(head);
    refuses(bank, issuer, &copy, "a status head of another issuer", &before);

    // Named by the issuer, and not what a list is.
    lists.publish(&good);
    let before = settled(lists.version);
    let short = &good.as_bytes()[..good.as_bytes().len() - 1];
    let head = lists.head(&list_hash("the states that are too few"));
    lists.answer(head, zlib(short));
    refuses(bank, issuer, &copy, "states of too few entries", &before);

    // Named by the issuer in a digest that everybody passes on, and given by nobody.
    lists.publish(&good);
    let before = settled(lists.version);
    let card = serde_json::from_value(bank.ok(&["whoami"])["card"].clone()).expect("a card");
    issuer.join(&card);
    until("the bank hears both issuers", || {
        counted(bank, "bevis_gossip_peers") == 2
    });
    let head = lists.head(&good.hash());
    lists.withhold(head);
    let now = clock::now();
    let digest = Digest {
        issuer: issuer.did().clone(),
        issued: now,
        expires: now.plus(3_600),
        lists: vec![News {
            list: lists.word(&list_hash(&format!("{:?}", random::bytes::<16>(&mut clock::System)))),
            from: good.hash(),
            changes: None,
        }],
    };
    let (kid, key) = issuer.key(0);
    issuer.gossip(Topic::Status, digest.sign(&kid, key).expect("signs").into_bytes());
    let kind = "a digest of content that nobody has";
    let line = crate::refusals::line(kind);
    until(kind, || {
        found(bank, "lists").is_some_and(|finding| finding["code"] == line.code.as_str())
    });
    let checked = check(bank, &copy);
    assert_eq!((&checked["verdict"], &checked["code"]), (&json!("valid"), &Value::Null));
    assert!(held(bank, issuer).as_u64() < Some(lists.version), "{before}");

    // The node goes on, and believes the same issuer again: what it revokes is revoked.
    let mut revoked = States::new();
    assert!(revoked.set(PLACE, State::Revoked));
    lists.publish(&revoked);
    until("revoked", || check(bank, &copy)["code"] == "revoked");
    assert_eq!(check(bank, &last)["verdict"], "valid");
    until("the bank is content", || found(bank, "lists").is_none());
}
