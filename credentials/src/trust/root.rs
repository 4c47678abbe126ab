//! The root: who the anchors are, which keys they have in which role, and how many of them must sign what.
//!
//! ```json
//! {"type": "bevis-trust-root/1", "version": 1, "issued": "…Z", "expires": "…Z",
//!  "thresholds": {"root": 2, "list": 2, "head": 1},
//!  "anchors": [{"id": "skatt", "name": "…", "class": "agency", "number": "…",
//!               "keys": {"root": ["did:key:…"], "list": ["did:key:…"], "head": ["did:key:…"]}}],
//!  "proof": [{"type": "DataIntegrityProof", "cryptosuite": "eddsa-jcs-2022", …}]}
//! ```

use super::anchor::{Anchor, AnchorKeys, Class, Role, Tally, Thresholds};
use super::{
    ANCHOR_KEYS_MAX, ANCHORS_MAX, Fingerprint, ROOT_DAYS_MAX, ROOT_MAX, THRESHOLD_MAX, VERSION_MAX, signatures,
};
use crate::identifier::OrganisationNumber;
use crate::{Code, Did, Problem, Timestamp, VerifyingKey, key::Signer, proof, time::DAY};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::collections::HashSet;

/// Type of the document.
pub const ROOT_TYPE: &str = "bevis-trust-root/1";

/// The content of a root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Root {
    /// From 1, one more with each.
    pub version: u64,
    /// Made at.
    pub issued: Timestamp,
    /// Not to be relied on after; at most [`ROOT_DAYS_MAX`] days later.
    pub expires: Timestamp,
    /// Anchors.
    pub anchors: Vec<Anchor>,
    /// Thresholds.
    pub thresholds: Thresholds,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(rename = "type")]
    kind: String,
    version: u64,
    issued: String,
    expires: String,
    thresholds: Thresholds,
    anchors: Vec<AnchorEntry>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    proof: Option<Value>,
}

/// An anchor as it stands in a root, and as the card by which it names itself to the others.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct AnchorEntry {
    id: String,
    name: String,
    class: Class,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    number: Option<String>,
    keys: Keys,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Keys {
    root: Vec<Did>,
    list: Vec<Did>,
    head: Vec<Did>,
}

impl Anchor {
    /// As it stands in a root.
    pub fn to_value(&self) -> Value {
        let dids = |role: Role| self.keys.of(role).iter().copied().map(Did::Key).collect();
        json!(AnchorEntry {
            id: self.id.clone(),
            name: self.name.clone(),
            class: self.class,
            number: self.number.clone(),
            keys: Keys {
                root: dids(Role::Root),
                list: dids(Role::List),
                head: dids(Role::Head),
            },
        })
    }

    /// Reads [`Anchor::to_value`] and checks it. Errors: `malformed` and `too_large` with the member.
    pub fn from_value(value: &Value) -> Result<Anchor, Problem> {
        let entry = AnchorEntry::deserialize(value).map_err(|_| malformed("anchors"))?;
        let anchor = Anchor::read(entry)?;
        anchor.check()?;
        Ok(anchor)
    }

    fn read(entry: AnchorEntry) -> Result<Anchor, Problem> {
        let keys = |dids: Vec<Did>| {
            if dids.len() > ANCHOR_KEYS_MAX {
                return Err(Problem::new(Code::TooLarge, "root: keys"));
            }
            let key = |did: &Did| match did {
                Did::Key(key) => Some(*key),
                Did::Jwk(_) | Did::Web(_) => None,
            };
            dids.iter()
                .map(key)
                .collect::<Option<Vec<_>>>()
                .ok_or_else(|| malformed("keys"))
        };
        Ok(Anchor {
            id: entry.id,
            name: entry.name,
            class: entry.class,
            number: entry.number,
            keys: AnchorKeys {
                root: keys(entry.keys.root)?,
                list: keys(entry.keys.list)?,
                head: keys(entry.keys.head)?,
            },
        })
    }

    fn check(&self) -> Result<(), Problem> {
        let is_word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        rule("id", (1..=32).contains(&self.id.len()) && self.id.bytes().all(is_word))?;
        let is_name = (1..=200).contains(&self.name.chars().count()) && !self.name.chars().any(char::is_control);
        rule("name", is_name)?;
        let is_number = |number: &String| OrganisationNumber::parse(number).is_some();
        rule("number", self.number.as_ref().is_none_or(is_number))?;
        let is_few = |role: Role| self.keys.of(role).len() <= ANCHOR_KEYS_MAX;
        rule("keys", Role::ALL.into_iter().all(is_few))
    }
}

impl Root {
    /// The document without proofs.
    pub fn to_value(&self) -> Value {
        let mut document = json!(Document {
            kind: ROOT_TYPE.to_owned(),
            version: self.version,
            issued: self.issued.to_string(),
            expires: self.expires.to_string(),
            thresholds: self.thresholds,
            anchors: Vec::new(),
            proof: None,
        });
        if let Some(members) = document.as_object_mut() {
            let anchors = self.anchors.iter().map(Anchor::to_value).collect();
            members.insert("anchors".to_owned(), Value::Array(anchors));
        }
        document
    }

    /// Reads a document, signed or not, without looking at its proofs. Errors: `malformed` and `too_large` with the member,
    /// `unsupported` for another type of document.
    pub fn from_value(value: &Value) -> Result<Root, Problem> {
        if value.get("type").and_then(Value::as_str) != Some(ROOT_TYPE) {
            return Err(Problem::new(Code::Unsupported, "root: type"));
        }
        let document = Document::deserialize(value).map_err(|_| malformed("member"))?;
        if document.anchors.len() > ANCHORS_MAX {
            return Err(Problem::new(Code::TooLarge, "root: anchors"));
        }
        let time = |text: &str, name| Timestamp::parse(text).ok_or_else(|| malformed(name));
        let root = Root {
            version: document.version,
            issued: time(&document.issued, "issued")?,
            expires: time(&document.expires, "expires")?,
            anchors: document
                .anchors
                .into_iter()
                .map(Anchor::read)
                .collect::<Result<_, _>>()?,
            thresholds: document.thresholds,
        };
        root.check()?;
        Ok(root)
    }

    /// Whether it is well-formed: version and times in bounds, every anchor, number and key once, and thresholds that distinct
    /// anchors (of two classes, for root and list) can reach.
    pub fn check(&self) -> Result<(), Problem> {
        rule("version", (1..=VERSION_MAX).contains(&self.version))?;
        let lasts = self.expires.since(self.issued);
        rule("expires", lasts > 0 && lasts <= ROOT_DAYS_MAX * DAY)?;
        if self.anchors.len() > ANCHORS_MAX {
            return Err(Problem::new(Code::TooLarge, "root: anchors"));
        }
        let (mut ids, mut numbers, mut keys) = (HashSet::new(), HashSet::new(), HashSet::new());
        for anchor in &self.anchors {
            anchor.check()?;
            rule("anchor twice", ids.insert(&anchor.id))?;
            if let Some(number) = &anchor.number {
                rule("anchor twice", numbers.insert(number))?;
            }
            for key in Role::ALL.into_iter().flat_map(|role| anchor.keys.of(role)) {
                rule("key twice", keys.insert(*key))?;
            }
        }
        for role in Role::ALL {
            let least = if role == Role::Head { 1 } else { 2 };
            rule(
                "thresholds",
                (least..=THRESHOLD_MAX).contains(&self.thresholds.of(role)),
            )?;
            rule("thresholds", self.tally(role, &self.keys(role)).is_enough())?;
        }
        Ok(())
    }

    /// The keys of a role, of all anchors.
    pub fn keys(&self, role: Role) -> Vec<VerifyingKey> {
        self.anchors
            .iter()
            .flat_map(|anchor| anchor.keys.of(role))
            .copied()
            .collect()
    }

    /// The anchor that has this key, and in which role.
    pub fn anchor_of(&self, key: &VerifyingKey) -> Option<(&Anchor, Role)> {
        self.anchors.iter().find_map(|anchor| {
            let role = Role::ALL.into_iter().find(|role| anchor.keys.of(*role).contains(key))?;
            Some((anchor, role))
        })
    }

    /// Whether `key` has this role.
    pub fn has(&self, role: Role, key: &VerifyingKey) -> bool {
        self.anchors.iter().any(|anchor| anchor.keys.of(role).contains(key))
    }

    /// Whose keys of `role` are among `keys`, and whether that is enough.
    pub fn tally(&self, role: Role, keys: &[VerifyingKey]) -> Tally {
        Tally::of(&self.anchors, &self.thresholds, role, keys)
    }

    /// Whether this root, coming after `before`, takes away keys that by themselves could have signed for `role`: what those may
    /// have signed then counts for nothing, the height of their version numbers included.
    pub fn takes_threshold_from(&self, before: &Root, role: Role) -> bool {
        let mut gone = before.keys(role);
        gone.retain(|key| !self.has(role, key));
        before.tally(role, &gone).is_enough()
    }

    /// SHA-256 of the canonical document without proofs: what people compare.
    pub fn fingerprint(&self) -> Result<Fingerprint, Problem> {
        match self.to_value() {
            Value::Object(members) => Ok(Fingerprint(proof::content_hash(&members, None)?)),
            _ => Err(Code::Internal.into()),
        }
    }

    /// Adds one signature to a root's text (with or without earlier ones), which is returned indented. The signer must be a root
    /// key of this root or of the one `before` it; a head key or list key is refused.
    ///
    /// Errors: `unknown_key`, `trust_threshold` when this key has signed it already, `malformed` and `too_large` as
    /// [`Root::from_value`].
    pub fn sign(text: &str, before: Option<&Root>, now: Timestamp, signer: &dyn Signer) -> Result<String, Problem> {
        let document = signatures::parse(text, ROOT_MAX, Role::Root)?;
        let root = Root::from_value(&Value::Object(document.clone()))?;
        let key = signer.verifying_key();
        let stands_elsewhere = [Some(&root), before]
            .into_iter()
            .flatten()
            .any(|root| root.has(Role::List, &key) || root.has(Role::Head, &key));
        if stands_elsewhere || !is_root_key(&root, before, &key) {
            return Err(Problem::new(Code::UnknownKey, Role::Root.as_str()));
        }
        signatures::text(
            &signatures::add(document, Role::Root, now, signer)?,
            ROOT_MAX,
            Role::Root,
        )
    }

    /// The keys that have validly signed this text so far, enough or not.
    pub fn signers(text: &str, before: Option<&Root>) -> Result<Vec<VerifyingKey>, Problem> {
        let document = signatures::parse(text, ROOT_MAX, Role::Root)?;
        let root = Root::from_value(&Value::Object(document.clone()))?;
        match document.contains_key("proof") {
            true => signatures::check(&document, Role::Root, &|key| is_root_key(&root, before, key)),
            false => Ok(Vec::new()),
        }
    }
}

fn is_root_key(root: &Root, before: Option<&Root>, key: &VerifyingKey) -> bool {
    root.has(Role::Root, key) || before.is_some_and(|before| before.has(Role::Root, key))
}

/// A root whose signatures were checked, with its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedRoot {
    root: Root,
    text: String,
    hash: [u8; 32],
}

impl SignedRoot {
    /// The root of first use: its fingerprint is the one that a person compared, and its own threshold signed it.
    ///
    /// Errors: `trust_mismatch` for another fingerprint; as [`SignedRoot::next`].
    pub fn first(text: &str, fingerprint: &Fingerprint) -> Result<SignedRoot, Problem> {
        let (root, document) = read(text)?;
        let hash = proof::content_hash(&document, None)?;
        if hash != fingerprint.0 {
            return Err(Problem::new(Code::TrustMismatch, "root: fingerprint"));
        }
        SignedRoot::open(text, root, &document, None)
    }

    /// A root by its own threshold alone: for showing a root and its fingerprint before anybody trusts it. It says nothing about
    /// who made it.
    pub fn of_itself(text: &str) -> Result<SignedRoot, Problem> {
        let (root, document) = read(text)?;
        SignedRoot::open(text, root, &document, None)
    }

    /// The root after this one, signed by the thresholds of both.
    ///
    /// Errors name the role `root`: `malformed`, `too_large`, `unsupported`, `duplicate_key`; `trust_mismatch` when its version
    /// is not one more; `unknown_key`, `signature_invalid`, `trust_threshold`.
    pub fn next(&self, text: &str) -> Result<SignedRoot, Problem> {
        let (root, document) = read(text)?;
        if Some(root.version) != self.root.version.checked_add(1) {
            return Err(Problem::new(Code::TrustMismatch, "root: version"));
        }
        SignedRoot::open(text, root, &document, Some(&self.root))
    }

    /// Another root, signed by the threshold of this one and by its own.
    pub(super) fn rival(&self, text: &str) -> Result<SignedRoot, Problem> {
        let (root, document) = read(text)?;
        SignedRoot::open(text, root, &document, Some(&self.root))
    }

    fn open(
        text: &str,
        root: Root,
        document: &Map<String, Value>,
        before: Option<&Root>,
    ) -> Result<SignedRoot, Problem> {
        let keys = signatures::check(document, Role::Root, &|key| is_root_key(&root, before, key))?;
        let is_enough = |root: &Root| root.tally(Role::Root, &keys).is_enough();
        if !is_enough(&root) || !before.is_none_or(is_enough) {
            return Err(Problem::new(Code::TrustThreshold, Role::Root.as_str()));
        }
        Ok(SignedRoot {
            root,
            text: text.to_owned(),
            hash: proof::content_hash(document, None)?,
        })
    }

    /// The content.
    pub fn root(&self) -> &Root {
        &self.root
    }

    /// The signed text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// SHA-256 of the canonical document without proofs, which is [`Root::fingerprint`].
    pub fn hash(&self) -> [u8; 32] {
        self.hash
    }
}

fn read(text: &str) -> Result<(Root, Map<String, Value>), Problem> {
    let document = signatures::parse(text, ROOT_MAX, Role::Root)?;
    let value = Value::Object(document);
    let root = Root::from_value(&value)?;
    match value {
        Value::Object(document) => Ok((root, document)),
        _ => Err(Code::Internal.into()),
    }
}

fn rule(name: &'static str, holds: bool) -> Result<(), Problem> {
    if holds { Ok(()) } else { Err(malformed(name)) }
}

fn malformed(name: &'static str) -> Problem {
    Problem::new(Code::Malformed, format!("root: {name}"))
}
