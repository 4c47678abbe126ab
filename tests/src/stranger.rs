//! Strangers, played in the test's own process: a holder and organisations that say what no program of ours would.
//!
//! They speak bytes over libp2p to the real nodes, with the formats of `credentials` and the network of `node` alone: no
//! wallet, no issuer, no verifier, no check of their own.

mod granter;
mod holder;
mod organisation;
mod paper;
mod peer;

pub(crate) use granter::proof;
pub(crate) use holder::{Bend, Copy, Fetched, Heard, Holder, seal};
pub(crate) use organisation::{Played, Window, registrations};
pub(crate) use paper::{Paper, name_of, reissue};
pub(crate) use peer::Peer;

use credentials::time::DAY;
use credentials::trust::{Ceremony, Draft, Organisation, Role, Trust};
use credentials::{Did, SigningKey};
use node::clock;
use node::network::{Address, Handle, PeerName, Protocol, Secret32, Target};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

/// What all strangers of a test share: a runtime, the trust list, and the keys of the anchors who sign it.
pub(crate) struct World {
    runtime: tokio::runtime::Runtime,
    anchors: Mutex<Ceremony>,
    trust: Arc<RwLock<Option<Arc<Trust>>>>,
}

impl World {
    /// With fresh anchors, and no list yet.
    pub(crate) fn new() -> Arc<World> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build();
        Arc::new(World {
            runtime: runtime.expect("a runtime"),
            anchors: Mutex::new(Ceremony::of_three(&mut clock::System, clock::now()).expect("a root")),
            trust: Arc::default(),
        })
    }

    /// The text of the first root.
    pub(crate) fn root(&self) -> String {
        let anchors = self.anchors.lock().expect("held by one");
        anchors.first().expect("founded").text().to_owned()
    }

    /// Signs a trust list, which the strangers go by from now on, and gives the text of its bundle.
    pub(crate) fn sign(&self, sequence: u64, organisations: Vec<Organisation>) -> String {
        let now = clock::now();
        let draft = Draft {
            sequence,
            operator: "Testnett".to_owned(),
            issued: now,
            next_update: now.plus(DAY),
            organisations,
        };
        let mut anchors = self.anchors.lock().expect("held by one");
        let bundle = anchors.publish(&draft, now).expect("a list");
        let trust = anchors.client(&bundle, now).expect("signed").trust();
        *self.trust.write().unwrap_or_else(PoisonError::into_inner) = trust;
        bundle.to_text().expect("JSON")
    }

    /// The next root, in which so many anchors have other list keys.
    pub(crate) fn replace_list_keys(&self, count: usize) {
        let mut anchors = self.anchors.lock().expect("held by one");
        let mut hands = anchors.hands().to_vec();
        for hand in hands.iter_mut().take(count) {
            hand.replace(Role::List, &mut clock::System);
        }
        let thresholds = anchors.newest().expect("founded").root().thresholds;
        anchors.change(hands, thresholds, clock::now()).expect("a root");
    }

    /// The anchors with their keys, as they are now: for a test that has them sign what they should not.
    pub(crate) fn anchors(&self) -> Ceremony {
        self.anchors.lock().expect("held by one").clone()
    }

    /// The document.
    pub(crate) fn trust(&self) -> Arc<Trust> {
        let trust = self.trust.read().unwrap_or_else(PoisonError::into_inner).clone();
        trust.expect("signed before")
    }

    /// Sends a message to an organisation's first node: its PeerId, and the answer. As nobody, or as the node that dials.
    fn send(
        &self,
        dial: &Handle,
        identity: Option<&Secret32>,
        to: &Did,
        protocol: Protocol,
        body: Vec<u8>,
    ) -> (String, Vec<u8>) {
        let trust = self.trust();
        let node = trust.organisation(to).expect("listed").nodes[0].clone();
        let target = Target {
            as_identity: identity.cloned(),
            peer: PeerName::parse(&node.peer).expect("a PeerId"),
            addresses: node.addresses.iter().filter_map(|a| Address::parse(a).ok()).collect(),
        };
        let ask = || {
            self.runtime
                .block_on(dial.request(target.clone(), protocol, body.clone()))
        };
        // A connection to a process that has ended is found closed, and the next one is to its successor.
        let reply = ask().or_else(|_| ask());
        (node.peer, reply.expect("an answer"))
    }
}

/// A key of nobody yet.
fn fresh_key() -> SigningKey {
    SigningKey::generate(&mut clock::System)
}

/// 128 random bits as a name.
pub(crate) fn fresh_name() -> String {
    use base64::Engine;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(credentials::random::bytes::<16>(&mut clock::System))
}
