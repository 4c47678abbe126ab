//! Strangers, played in the test's own process: a holder and organisations that say what no program of ours would.
//!
//! They speak bytes over libp2p to the real nodes, with the formats of `credentials` and the network of `node` alone: no
//! wallet, no issuer, no verifier, no check of their own.

mod holder;
mod organisation;
mod paper;

pub(crate) use holder::{Bend, Copy, Fetched, Heard, Holder, seal};
pub(crate) use organisation::{Played, Window, registrations};
pub(crate) use paper::{Paper, name_of, reissue};

use credentials::time::DAY;
use credentials::trust::{Draft, Organisation, Trust};
use credentials::{Did, SigningKey};
use node::clock;
use node::network::{Address, Handle, PeerName, Protocol, Secret32, Target};
use std::sync::{Arc, PoisonError, RwLock};

/// What all strangers of a test share: a runtime, the trust document, and the key of the anchor that signs it.
pub(crate) struct World {
    runtime: tokio::runtime::Runtime,
    anchor: SigningKey,
    trust: Arc<RwLock<Option<Arc<Trust>>>>,
}

impl World {
    /// With a fresh anchor, and no document yet.
    pub(crate) fn new() -> Arc<World> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build();
        Arc::new(World {
            runtime: runtime.expect("a runtime"),
            anchor: fresh_key(),
            trust: Arc::default(),
        })
    }

    /// The anchor's key as `did:key`.
    pub(crate) fn anchor(&self) -> String {
        Did::Key(self.anchor.verifying_key()).to_string()
    }

    /// Signs a trust document, which the strangers go by from now on, and gives its text.
    pub(crate) fn sign(&self, sequence: u64, organisations: Vec<Organisation>) -> String {
        let now = clock::now();
        let draft = Draft {
            sequence,
            operator: "Testnett".to_owned(),
            issued: now,
            next_update: now.plus(DAY),
            organisations,
        };
        let text = draft.sign(now, &self.anchor).expect("a document");
        let trust = Trust::verify(&text, &[self.anchor.verifying_key()]).expect("signed");
        *self.trust.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(trust));
        text
    }

    /// The document.
    pub(crate) fn trust(&self) -> Arc<Trust> {
        let trust = self.trust.read().unwrap_or_else(PoisonError::into_inner).clone();
        trust.expect("signed before")
    }

    /// Sends a message to an organisation's first node: its PeerId, and the answer.
    fn send(
        &self,
        dial: &Handle,
        identity: &Secret32,
        to: &Did,
        protocol: Protocol,
        body: Vec<u8>,
    ) -> (String, Vec<u8>) {
        let trust = self.trust();
        let node = trust.organisation(to).expect("listed").nodes[0].clone();
        let target = Target {
            as_identity: Some(identity.clone()),
            peer: PeerName::parse(&node.peer).expect("a PeerId"),
            addresses: node.addresses.iter().filter_map(|a| Address::parse(a).ok()).collect(),
        };
        let reply = self.runtime.block_on(dial.request(target, protocol, body));
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
