//! Trust documents that should not be: signed with the anchors' own keys, each wrong in one thing.

use crate::stranger::World;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use credentials::time::DAY;
use credentials::trust::{
    Bundle, Ceremony, Draft, HEAD_MAX, HEAD_TYP, Head, List, Organisation, ROOT_DAYS, ROOT_MAX, Role, Root, TRUST_MAX,
    text_hash,
};
use credentials::{Did, SigningKey, Timestamp, jws};
use node::clock;
use serde_json::{Map, Value, json};

/// A document that is wrong in one thing, with what else belongs to it.
pub(super) struct Forged {
    /// As in the table of kinds, without the door.
    pub(super) kind: &'static str,
    /// What is wrong: root, list or head.
    pub(super) role: Role,
    pub(super) bundle: Bundle,
    /// Whether a peer can bring it by gossip; anybody can bring it in a file.
    pub(super) by_peer: bool,
}

/// The anchors, misused: what everybody holds is their second root, its second list and its third head.
pub(super) struct Forger {
    anchors: Ceremony,
    /// As they were with their first root and list.
    before: Ceremony,
    /// Those of another network.
    strangers: Ceremony,
    held: Bundle,
    first: Bundle,
    now: Timestamp,
}

fn keys(anchors: &Ceremony, role: Role) -> Vec<&SigningKey> {
    anchors.hands().iter().filter_map(|hand| hand.key(role)).collect()
}

fn newest(anchors: &Ceremony) -> &Root {
    anchors.newest().expect("founded").root()
}

/// The same document with its first proof twice.
fn doubled(text: &str) -> String {
    let mut document: Value = serde_json::from_str(text).expect("JSON");
    let first = document["proof"][0].clone();
    document["proof"] = json!([first, first]);
    document.to_string()
}

impl Forger {
    /// Signs what everybody is to hold.
    pub(super) fn new(world: &World, listed: &[Organisation]) -> Forger {
        let first = world.sign(1, listed.to_vec());
        let before = world.anchors();
        world.replace_list_keys(0);
        world.sign(2, listed.to_vec());
        let mut anchors = world.anchors();
        let now = clock::now();
        Forger {
            held: anchors.renew(now).expect("a head"),
            first: Bundle::parse(first.as_bytes()).expect("a bundle"),
            strangers: Ceremony::of_three(&mut clock::System, now).expect("founded"),
            anchors,
            before,
            now,
        }
    }

    /// What everybody holds.
    pub(super) fn held(&self) -> &Bundle {
        &self.held
    }

    fn root(&self) -> &Root {
        newest(&self.anchors)
    }

    fn held_list(&self) -> &str {
        self.held.list.as_deref().expect("a list")
    }

    /// A head of this list, signed by the anchors' head key.
    fn head(&self, list: &str, change: impl FnOnce(&mut Head)) -> Vec<String> {
        let head = self.unsigned(list, change);
        vec![
            head.sign(self.root(), keys(&self.anchors, Role::Head)[0])
                .expect("signs"),
        ]
    }

    fn unsigned(&self, list: &str, change: impl FnOnce(&mut Head)) -> Head {
        let held = Head::read(&self.held.head).expect("a head");
        let mut head = Head {
            list_hash: text_hash(list),
            list_size: u32::try_from(list.len()).expect("short"),
            version: held.version + 10,
            ..held
        };
        change(&mut head);
        head
    }

    /// The head that is held, saying another thing under a good signature, whatever it is.
    fn saying(&self, name: &str, value: Value) -> Vec<String> {
        let payload = self.held.head[0].split('.').nth(1).expect("a JWS");
        let payload = BASE64_URL_SAFE_NO_PAD.decode(payload).expect("base64url");
        let mut payload: Value = serde_json::from_slice(&payload).expect("JSON");
        payload["version"] = json!(13);
        payload[name] = value;
        let key = keys(&self.anchors, Role::Head)[0];
        let kid = Did::Key(key.verifying_key()).verification_method().expect("did:key");
        vec![jws::sign(HEAD_TYP, Some(&kid), Map::new(), &payload, key).expect("signs")]
    }

    /// The third list.
    fn list(&self, signers: &[&SigningKey], root: &Root, change: impl FnOnce(&mut Draft)) -> String {
        let held: Value = serde_json::from_str(self.held_list()).expect("JSON");
        let mut draft = Draft::from_value(&held).expect("a list");
        draft.sequence = 3;
        change(&mut draft);
        let text = draft.to_value().to_string();
        let sign = |text: String, key: &&SigningKey| List::sign(&text, root, self.now, *key).expect("signs");
        signers.iter().fold(text, sign)
    }

    /// The third root, and a head by it of the list that is held.
    fn third_root(
        &self,
        signers: &[&SigningKey],
        before: &Root,
        change: impl FnOnce(&mut Root),
    ) -> (String, Vec<String>) {
        let mut root = Root {
            version: 3,
            issued: self.now,
            expires: self.now.plus(ROOT_DAYS * DAY),
            ..self.root().clone()
        };
        change(&mut root);
        let sign = |text: String, key: &&SigningKey| Root::sign(&text, Some(before), self.now, *key).expect("signs");
        let text = signers.iter().fold(root.to_value().to_string(), sign);
        let head = self.unsigned(self.held_list(), |head| {
            head.root = 3;
            head.root_hash = root.fingerprint().expect("a root").0;
        });
        let head = head.sign(&root, keys(&self.anchors, Role::Head)[0]).expect("signs");
        (text, vec![head])
    }

    fn bundle(&self, list: &str, head: Vec<String>) -> Bundle {
        Bundle {
            roots: self.held.roots.clone(),
            list: Some(list.to_owned()),
            head,
        }
    }

    fn with_root(&self, (root, head): (String, Vec<String>)) -> Bundle {
        let mut bundle = self.bundle(self.held_list(), head);
        bundle.roots.push(root);
        bundle
    }

    /// What is right and newer, in all three roles: its twin in everything that is refused.
    pub(super) fn newer(&self, version: u64) -> Bundle {
        let list = self.list(&keys(&self.anchors, Role::List)[..2], self.root(), |_| {});
        let head = self.head(&list, |head| (head.list, head.version) = (3, version));
        self.bundle(&list, head)
    }

    /// The third root as it should be, with the list of [`Forger::newer`].
    pub(super) fn good_root(&self) -> Bundle {
        let mut root = None;
        let (text, _) = self.third_root(&keys(&self.anchors, Role::Root), self.root(), |third| {
            root = Some(third.clone());
        });
        let root = root.expect("made");
        let list = self.list(&keys(&self.anchors, Role::List)[..2], self.root(), |_| {});
        let head = self.unsigned(&list, |head| {
            (head.root, head.list, head.version) = (3, 3, 14);
            head.root_hash = root.fingerprint().expect("a root").0;
        });
        let head = head.sign(&root, keys(&self.anchors, Role::Head)[0]).expect("signs");
        let mut bundle = self.bundle(&list, vec![head]);
        bundle.roots.push(text);
        bundle
    }

    /// Everything that is to be refused.
    pub(super) fn all(&self) -> Vec<Forged> {
        let mut all = self.lists();
        all.extend(self.heads());
        all.extend(self.roots());
        all
    }

    fn lists(&self) -> Vec<Forged> {
        let of = |kind, bundle| Forged {
            kind,
            role: Role::List,
            bundle,
            by_peer: true,
        };
        let two = &keys(&self.anchors, Role::List)[..2];
        let theirs = &keys(&self.strangers, Role::List)[..2];
        // A head that names the list, so that nothing else is wrong.
        let named = |list: &str| self.bundle(list, self.head(list, |head| head.list = 3));
        let good = self.list(two, self.root(), |_| {});
        let first = self.first.list.as_deref().expect("a list");
        let older = self.head(first, |head| {
            // Peers pass over what was once the newest; this was signed after what they hold.
            (head.list, head.issued) = (1, self.now.plus(60));
            head.expires = head.issued.plus(DAY);
        });
        let ended = self.list(two, self.root(), |draft| {
            draft.issued = self.now.plus(-2 * DAY);
            draft.next_update = self.now.plus(-60);
        });
        let altered = good.replace("Testnett", "Testnetz");
        assert_ne!(altered, good);
        let filled = format!("{good}{}", " ".repeat(TRUST_MAX));
        vec![
            of("an older trust document", self.bundle(first, older)),
            of(
                "trust documents that do not belong together",
                self.bundle(&good, self.head(&good, |head| head.list = 4)),
            ),
            Forged {
                by_peer: false,
                ..of(
                    "trust documents that do not belong together",
                    self.bundle(first, self.held.head.clone()),
                )
            },
            of(
                "a trust document with too few signatures",
                named(&self.list(&two[..1], self.root(), |_| {})),
            ),
            of("a trust document that one key signed twice", named(&doubled(&good))),
            of(
                "a trust document by an unknown key",
                named(&self.list(theirs, newest(&self.strangers), |_| {})),
            ),
            of("an expired trust document", named(&ended)),
            of(
                "a list that its head does not name",
                self.bundle(&altered, self.head(&good, |head| head.list = 3)),
            ),
            Forged {
                by_peer: false,
                ..of(
                    "an oversize trust document",
                    self.bundle(&filled, self.held.head.clone()),
                )
            },
        ]
    }

    fn heads(&self) -> Vec<Forged> {
        let list = self.held_list();
        let of = |kind, head| Forged {
            kind,
            role: Role::Head,
            bundle: self.bundle(list, head),
            by_peer: true,
        };
        let by_file = |kind, head| Forged {
            by_peer: false,
            ..of(kind, head)
        };
        let later = self.now.plus(60);
        let older = self.head(list, |head| {
            (head.version, head.issued, head.expires) = (2, later, later.plus(DAY))
        });
        let good = self.head(list, |_| {});
        let strangers = newest(&self.strangers);
        let unknown = self.unsigned(list, |_| {});
        let unknown = unknown
            .sign(strangers, keys(&self.strangers, Role::Head)[0])
            .expect("signs");
        let ended = self.now.plus(-60);
        let ended = self.head(list, |head| (head.issued, head.expires) = (ended.plus(-DAY), ended));
        vec![
            of("an older trust document", older),
            of(
                "trust documents that do not belong together",
                self.head(list, |head| head.root_hash = [7; 32]),
            ),
            by_file("a trust document with too few signatures", Vec::new()),
            of(
                "a trust document that one key signed twice",
                [good.clone(), good].concat(),
            ),
            of("a trust document by an unknown key", vec![unknown]),
            of("an expired trust document", ended),
            of(
                "an oversize trust document",
                self.saying("list_size", json!(TRUST_MAX + 1)),
            ),
            by_file("an oversize trust document", vec!["x".repeat(HEAD_MAX + 1)]),
        ]
    }

    fn roots(&self) -> Vec<Forged> {
        let of = |kind, bundle| Forged {
            kind,
            role: Role::Root,
            bundle,
            by_peer: true,
        };
        let all = keys(&self.anchors, Role::Root);
        let theirs = keys(&self.strangers, Role::Root);
        let good = self.third_root(&all, self.root(), |_| {});
        // Another head: the same one is gossiped once.
        let large = self.third_root(&all, self.root(), |root| root.issued = self.now.plus(-1));
        // Under the root before: signed after what everybody holds.
        let before = newest(&self.before);
        let older = self.unsigned(self.held_list(), |head| {
            (head.root, head.issued) = (1, self.now.plus(60));
            head.root_hash = before.fingerprint().expect("a root").0;
            head.expires = head.issued.plus(DAY);
        });
        let older = older.sign(before, keys(&self.before, Role::Head)[0]).expect("signs");
        let ended = self.third_root(&all, self.root(), |root| {
            root.issued = self.now.plus(-2 * DAY);
            root.expires = self.now.plus(-60);
        });
        vec![
            of("an older trust document", self.bundle(self.held_list(), vec![older])),
            of(
                "a trust document with too few signatures",
                self.with_root(self.third_root(&all[..1], self.root(), |_| {})),
            ),
            of(
                "a trust document that one key signed twice",
                self.with_root((doubled(&good.0), good.1)),
            ),
            of(
                "a trust document by an unknown key",
                self.with_root(self.third_root(&theirs, newest(&self.strangers), |_| {})),
            ),
            of("an expired trust document", self.with_root(ended)),
            of(
                "an oversize trust document",
                self.with_root((format!("{}{}", large.0, " ".repeat(ROOT_MAX)), large.1)),
            ),
        ]
    }
}
