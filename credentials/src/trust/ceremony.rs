//! All keys of all anchors in one hand: for a network on one machine, for the demo, and for tests. A real network's keys lie with
//! different people, who add their signatures with [`Root::sign`], [`List::sign`] and [`Head::sign`] one after the other.

use super::anchor::{Anchor, AnchorKeys, Class, Role, Thresholds};
use super::bundle::Bundle;
use super::head::Head;
use super::known::Known;
use super::list::{List, text_hash};
use super::root::{Root, SignedRoot};
use super::{Draft, Fingerprint, HEAD_SECONDS_MAX, ROOT_DAYS, Trust};
use crate::{Code, Problem, Random, SigningKey, Timestamp, time::DAY};
use std::sync::Arc;

/// An anchor with its private keys.
#[derive(Clone, Debug)]
pub struct Hand {
    /// The anchor, as it stands in a root.
    pub anchor: Anchor,
    keys: Vec<(Role, Arc<SigningKey>)>,
}

impl Hand {
    /// An anchor with a fresh key in each role.
    pub fn new(id: &str, name: &str, class: Class, random: &mut dyn Random) -> Hand {
        let anchor = Anchor {
            id: id.to_owned(),
            name: name.to_owned(),
            class,
            number: None,
            keys: AnchorKeys::default(),
        };
        let mut hand = Hand {
            anchor,
            keys: Vec::new(),
        };
        for role in Role::ALL {
            hand.add(role, SigningKey::generate(random));
        }
        hand
    }

    /// Gives it one more key in a role.
    pub fn add(&mut self, role: Role, key: SigningKey) {
        self.anchor.keys.of_mut(role).push(key.verifying_key());
        self.keys.push((role, Arc::new(key)));
    }

    /// Puts a fresh key in the place of those of a role.
    pub fn replace(&mut self, role: Role, random: &mut dyn Random) {
        self.anchor.keys.of_mut(role).clear();
        self.keys.retain(|(of, _)| *of != role);
        self.add(role, SigningKey::generate(random));
    }

    /// Its first key of a role.
    pub fn key(&self, role: Role) -> Option<&SigningKey> {
        self.keys
            .iter()
            .find(|(of, _)| *of == role)
            .map(|(_, key)| key.as_ref())
    }
}

/// A network's anchors, and what they have signed.
#[derive(Clone, Debug)]
pub struct Ceremony {
    hands: Vec<Hand>,
    roots: Vec<SignedRoot>,
    list: Option<(u64, String)>,
    heads: u64,
}

impl Ceremony {
    /// Makes root 1, signed by every anchor and valid for [`ROOT_DAYS`]. Errors as [`Root::check`].
    pub fn found(hands: Vec<Hand>, thresholds: Thresholds, now: Timestamp) -> Result<Ceremony, Problem> {
        let mut ceremony = Ceremony {
            hands: Vec::new(),
            roots: Vec::new(),
            list: None,
            heads: 0,
        };
        ceremony.change(hands, thresholds, now)?;
        Ok(ceremony)
    }

    /// The smallest network that makes sense: an agency, a bank and another, two of which sign root and list; one signs heads.
    pub fn of_three(random: &mut dyn Random, now: Timestamp) -> Result<Ceremony, Problem> {
        let hands = vec![
            Hand::new("agency", "Syntetisk etat", Class::Agency, random),
            Hand::new("bank", "Syntetisk bank", Class::Bank, random),
            Hand::new("other", "Syntetisk forening", Class::Other, random),
        ];
        let thresholds = Thresholds {
            root: 2,
            list: 2,
            head: 1,
        };
        Ceremony::found(hands, thresholds, now)
    }

    /// The next root, with these anchors: signed by all of them, and by all that had a say before.
    pub fn change(&mut self, hands: Vec<Hand>, thresholds: Thresholds, now: Timestamp) -> Result<(), Problem> {
        let before = self.roots.last();
        let root = Root {
            version: before.map_or(1, |before| before.root().version.saturating_add(1)),
            issued: now,
            expires: now.plus(ROOT_DAYS * DAY),
            anchors: hands.iter().map(|hand| hand.anchor.clone()).collect(),
            thresholds,
        };
        let mut text = serde_json::to_string(&root.to_value()).map_err(|_| Code::Internal)?;
        let mut signed = Vec::new();
        for key in self.hands.iter().chain(&hands).filter_map(|hand| hand.key(Role::Root)) {
            if !signed.contains(&key.verifying_key()) {
                text = Root::sign(&text, before.map(SignedRoot::root), now, key)?;
                signed.push(key.verifying_key());
            }
        }
        let next = match before {
            Some(before) => before.next(&text)?,
            None => SignedRoot::first(&text, &root.fingerprint()?)?,
        };
        self.roots.push(next);
        self.hands = hands;
        Ok(())
    }

    /// Signs a list with the list keys of as many anchors as the threshold takes, in the order of the root and of two classes, and
    /// a head for it. Errors as [`List::sign`].
    pub fn publish(&mut self, draft: &Draft, now: Timestamp) -> Result<Bundle, Problem> {
        draft.check()?;
        let root = self.newest()?.root();
        let mut text = serde_json::to_string(&draft.to_value()).map_err(|_| Code::Internal)?;
        let mut signed = Vec::new();
        for key in self.hands.iter().filter_map(|hand| hand.key(Role::List)) {
            if !root.tally(Role::List, &signed).is_enough() {
                text = List::sign(&text, root, now, key)?;
                signed.push(key.verifying_key());
            }
        }
        self.list = Some((draft.sequence, text));
        self.renew(now)
    }

    /// A newer head for the list published last, valid for [`HEAD_SECONDS_MAX`]. Errors: `trust_missing` before the first list.
    pub fn renew(&mut self, now: Timestamp) -> Result<Bundle, Problem> {
        let root = self.newest()?;
        let (sequence, list) = self.list.as_ref().ok_or(Code::TrustMissing)?;
        let version = self.heads.saturating_add(1);
        let head = Head {
            root: root.root().version,
            root_hash: root.hash(),
            list: *sequence,
            list_hash: text_hash(list),
            list_size: u32::try_from(list.len()).map_err(|_| Code::TooLarge)?,
            version,
            issued: now,
            expires: now.plus(HEAD_SECONDS_MAX),
        };
        let signers = self.hands.iter().filter_map(|hand| hand.key(Role::Head));
        let texts = signers
            .take(usize::from(root.root().thresholds.head))
            .map(|key| head.sign(root.root(), key))
            .collect::<Result<_, _>>()?;
        let roots = self.roots.iter().map(|root| root.text().to_owned()).collect();
        let bundle = Bundle::assemble(roots, Some(list.clone()), texts)?;
        self.heads = version;
        Ok(bundle)
    }

    /// Publishes a list and takes it as a client does that knows the fingerprint only.
    pub fn trust(&mut self, draft: &Draft, now: Timestamp) -> Result<Arc<Trust>, Problem> {
        let bundle = self.publish(draft, now)?;
        self.client(&bundle, now)?
            .trust()
            .ok_or_else(|| Code::TrustMissing.into())
    }

    /// What a client remembers that begins with the first root and takes `bundle`.
    pub fn client(&self, bundle: &Bundle, now: Timestamp) -> Result<Known, Problem> {
        let (mut known, _) = Known::first(self.first()?.text(), &self.fingerprint()?, now)?;
        known.take(bundle, now)?;
        Ok(known)
    }

    /// The first root.
    pub fn first(&self) -> Result<&SignedRoot, Problem> {
        self.roots.first().ok_or_else(|| Code::TrustMissing.into())
    }

    /// Its fingerprint.
    pub fn fingerprint(&self) -> Result<Fingerprint, Problem> {
        Ok(Fingerprint(self.first()?.hash()))
    }

    /// The newest root.
    pub fn newest(&self) -> Result<&SignedRoot, Problem> {
        self.roots.last().ok_or_else(|| Code::TrustMissing.into())
    }

    /// The anchors with their keys.
    pub fn hands(&self) -> &[Hand] {
        &self.hands
    }
}
