//! A listed organisation that greets as it should, answers what a test has it answer, and gossips what a test has it gossip.

use super::{Copy, World, fresh_key};
use crate::vouched;
use credentials::protocol::{self, hello};
use credentials::schema::Types;
use credentials::sd_jwt::{self, Issue, StatusRef};
use credentials::time::DAY;
use credentials::trust::{NodeEntry, Organisation, OrganisationKey};
use credentials::{Code, Did, SigningKey, random};
use node::clock;
use node::network::{self, Address, Error, Handle, Inbox, News, PeerName, Protocol, Rate, Secret32, Target, Topic};
use node::service::{Card, Greeting};
use serde_json::Value;
use std::sync::{Arc, Mutex, PoisonError};

/// What it answers to a question; what it has no answer to nobody has.
type Manner = Arc<dyn Fn(Protocol, &[u8]) -> Option<Vec<u8>> + Send + Sync>;

/// The organisation and its node.
pub(crate) struct Peer {
    world: Arc<World>,
    did: Did,
    number: String,
    keys: Vec<Arc<SigningKey>>,
    node: Handle,
    manner: Arc<Mutex<Manner>>,
}

impl Peer {
    /// Makes so many keys and starts its node.
    pub(crate) fn start(world: &Arc<World>, did: &str, number: &str, keys: usize) -> Peer {
        let did = Did::parse(did).expect("a DID");
        let keys: Vec<_> = (0..keys).map(|_| Arc::new(fresh_key())).collect();
        let secret = Secret32::new(random::bytes(&mut clock::System));
        let peer = network::peer_name(&secret).to_string();
        let certificate = vouched::certificate(&did, &peer, &kid(&did, 0), &keys[0], clock::now());
        let shown = move || Some(certificate.clone());
        let greeting = Arc::new(Greeting::organisation(did.clone(), shown, world.trust.clone()));
        let mut settings = network::Settings::default();
        // What others let pass is for them to say.
        settings.limits.gossip_per_minute = 1_000;
        let many = Rate {
            burst: 1_024,
            per_second: 1_024,
        };
        settings.limits.rates.trust = many;
        settings.limits.rates.status = many;
        settings.limits.rates.notice = many;
        let started = world.runtime.block_on(network::start(settings, Some(secret), greeting));
        let (node, mut inbox) = started.expect("starts");
        let mut heard = inbox.gossip().expect("listens");
        world.runtime.spawn(async move {
            while let Some(news) = heard.next().await {
                if let News::Message(message) = news {
                    message.verdict.ignore();
                }
            }
        });
        let silent: Manner = Arc::new(|_, _| None);
        let manner = Arc::new(Mutex::new(silent));
        world.runtime.spawn(serve(inbox, Arc::clone(&manner)));
        Peer {
            world: Arc::clone(world),
            did,
            number: number.to_owned(),
            keys,
            node,
            manner,
        }
    }

    /// Its name.
    pub(crate) fn did(&self) -> &Did {
        &self.did
    }

    /// A key by its number, from 0: name and secret.
    pub(crate) fn key(&self, place: usize) -> (String, &SigningKey) {
        (kid(&self.did, place), &self.keys[place])
    }

    /// Its entry in the trust list.
    pub(crate) fn entry(&self, issues: &[&str]) -> Organisation {
        let from = clock::now().day();
        let keys = self.keys.iter().enumerate().map(|(place, key)| OrganisationKey {
            id: kid(&self.did, place),
            key: key.verifying_key(),
            valid_from: from.plus(-30 * DAY),
            valid_until: from.plus(60 * DAY),
            compromised: None,
        });
        Organisation {
            did: self.did.clone(),
            number: self.number.clone(),
            name: "LISTEFØRT MEN UÆRLIG".to_owned(),
            keys: keys.collect(),
            nodes: vec![NodeEntry {
                peer: self.node.peer_name().expect("listens").to_string(),
                addresses: self.node.addresses().iter().map(ToString::to_string).collect(),
            }],
            issues: issues.iter().map(|vct| (*vct).to_owned()).collect(),
            services: Vec::new(),
        }
    }

    /// From now on it answers like this.
    pub(crate) fn behave(&self, manner: impl Fn(Protocol, &[u8]) -> Option<Vec<u8>> + Send + Sync + 'static) {
        *self.manner.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(manner);
    }

    /// Makes a node its neighbour.
    pub(crate) fn join(&self, card: &Card) {
        let addresses = card.addresses.iter().filter_map(|text| Address::parse(text).ok());
        let neighbour = (PeerName::parse(&card.peer).expect("a PeerId"), addresses.collect());
        let joined = self.world.runtime.block_on(self.node.set_neighbours(vec![neighbour]));
        joined.expect("runs");
    }

    /// Tells its neighbours something.
    pub(crate) fn gossip(&self, topic: Topic, data: Vec<u8>) {
        let told = self.world.runtime.block_on(self.node.publish(topic, data));
        told.expect("runs");
    }

    /// Asks a node as this organisation: the answer, or the code of its refusal.
    pub(crate) fn ask(&self, card: &Card, protocol: Protocol, body: Vec<u8>) -> Result<Vec<u8>, Code> {
        let target = Target {
            as_identity: None,
            peer: PeerName::parse(&card.peer).expect("a PeerId"),
            addresses: card
                .addresses
                .iter()
                .filter_map(|text| Address::parse(text).ok())
                .collect(),
        };
        match self.world.runtime.block_on(self.node.request(target, protocol, body)) {
            Ok(answer) => Ok(answer),
            Err(Error::Refused(body)) => match protocol::decode(&body, hello::LIMIT).expect("decodes") {
                hello::Reply::Problem(problem) => Err(problem.code),
                other => panic!("{other:?}"),
            },
            Err(other) => panic!("{other}"),
        }
    }

    /// Signs a copy of a row with its first key, whose state stands at this place of its list.
    pub(crate) fn issue(&self, vct: &str, row: Value, index: u32) -> Copy {
        let types = Types::builtin();
        let credential_type = types.get(vct).expect("a type");
        let row = credential_type.row(row).expect("a valid row");
        let holder = Arc::new(fresh_key());
        let (kid, key) = self.key(0);
        let today = clock::now().day();
        let issue = Issue {
            credential_type,
            claims: &credential_type.claims(&row),
            issuer: &self.did,
            kid: &kid,
            holder: &holder.verifying_key(),
            status: StatusRef { uri: self.uri(), index },
            issued: today,
            expires: today.plus(30 * DAY),
        };
        let text = sd_jwt::issue(&issue, &mut clock::System, key).expect("signs");
        Copy { text, key: holder }
    }

    /// The name of its one status list.
    pub(crate) fn uri(&self) -> String {
        let domain = self.did.to_string().replace("did:web:", "");
        format!("https://{domain}/status/1")
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.world.runtime.block_on(self.node.clone().shutdown());
    }
}

fn kid(did: &Did, place: usize) -> String {
    format!("{did}#key-{}", place + 1)
}

/// That there is none of it, as every protocol says it.
fn nobody_has() -> Vec<u8> {
    protocol::encode(&hello::Reply::Problem(Code::NotFound.into())).expect("encodes")
}

async fn serve(mut inbox: Inbox, manner: Arc<Mutex<Manner>>) {
    while let Some(inbound) = inbox.next().await {
        let manner = Arc::clone(&*manner.lock().unwrap_or_else(PoisonError::into_inner));
        let answer = manner(inbound.protocol, &inbound.body);
        inbound.reply(answer.unwrap_or_else(nobody_has));
    }
}
