//! A listed organisation whose keys the test holds: it signs credentials, status lists and requests as it likes.

use super::{Copy, World, fresh_key, fresh_name};
use crate::vouched;
use credentials::link::Link;
use credentials::protocol::{self, presentation, status as wire};
use credentials::query::Query;
use credentials::request::{self, Request};
use credentials::schema::Types;
use credentials::sd_jwt::{self, Issue, StatusRef};
use credentials::service::Registration;
use credentials::status::{Head, ListVersion, Signing, States, list_hash};
use credentials::time::DAY;
use credentials::trust::{NodeEntry, Organisation, OrganisationKey};
use credentials::{Code, Did, SigningKey, Timestamp, jwe, jws, random};
use node::clock;
use node::network::{self, Handle, Inbox, Protocol, Rate, Secret32};
use node::service::Greeting;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// What the trust document says of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Window {
    /// Valid now.
    Now,
    /// Ran out two days ago.
    Past,
    /// Valid now, but for a compromise date of yesterday.
    Compromised,
}

/// The organisation and its node.
pub(crate) struct Played {
    world: Arc<World>,
    did: Did,
    number: String,
    name: String,
    keys: Vec<(OrganisationKey, Arc<SigningKey>)>,
    node: Handle,
    served: Arc<Mutex<Served>>,
}

/// What its node gives out, and what it was asked.
struct Served {
    requests: BTreeMap<String, String>,
    asked: Vec<presentation::Ask>,
    issuer: Did,
    kid: String,
    key: Arc<SigningKey>,
    list: String,
}

impl Played {
    /// Makes its keys and starts its node; the first key has to be valid now.
    pub(crate) fn start(world: &Arc<World>, did: &str, number: &str, name: &str, windows: &[Window]) -> Played {
        let now = clock::now();
        let did = Did::parse(did).expect("a DID");
        let keys: Vec<_> = windows
            .iter()
            .enumerate()
            .map(|(index, window)| {
                let key = Arc::new(fresh_key());
                let listed = OrganisationKey {
                    id: format!("{did}#key-{}", index + 1),
                    key: key.verifying_key(),
                    valid_from: now.day().plus(-60 * DAY),
                    valid_until: match window {
                        Window::Past => now.day().plus(-2 * DAY),
                        Window::Now | Window::Compromised => now.day().plus(30 * DAY),
                    },
                    compromised: (*window == Window::Compromised).then(|| now.plus(-DAY)),
                };
                (listed, key)
            })
            .collect();
        let (first, key) = keys.first().expect("a key").clone();
        let signing = Signing {
            issuer: &did,
            kid: &first.id,
            signer: &*key,
            now,
            lifetime: DAY,
        };
        let list = States::new().sign(&uri(&did), &signing);
        let served = Arc::new(Mutex::new(Served {
            requests: BTreeMap::new(),
            asked: Vec::new(),
            issuer: did.clone(),
            kid: first.id.clone(),
            key: Arc::clone(&key),
            list: list.expect("signs"),
        }));
        let secret = Secret32::new(random::bytes(&mut clock::System));
        let peer = network::peer_name(&secret).to_string();
        let certificate = vouched::certificate(&did, &peer, &first.id, &key, now);
        let shown = move || Some(certificate.clone());
        let greeting = Arc::new(Greeting::organisation(did.clone(), shown, world.trust.clone()));
        let mut settings = network::Settings::default();
        // A test asks it more often than any wallet would.
        settings.limits.rates.present = Rate {
            burst: 1024,
            per_second: 1024,
        };
        let started = network::start(settings, Some(secret), greeting);
        let (node, inbox) = world.runtime.block_on(started).expect("starts");
        world.runtime.spawn(serve(inbox, served.clone()));
        Played {
            world: world.clone(),
            did,
            number: number.to_owned(),
            name: name.to_owned(),
            keys,
            node,
            served,
        }
    }

    /// Its PeerId.
    pub(crate) fn peer(&self) -> String {
        self.node.peer_name().expect("listens").to_string()
    }

    /// Its DID.
    pub(crate) fn did(&self) -> &Did {
        &self.did
    }

    /// Asks an organisation as its own node.
    pub(super) fn send(&self, to: &Did, protocol: Protocol, body: Vec<u8>) -> Vec<u8> {
        self.world.send(&self.node, None, to, protocol, body).1
    }

    /// A key by its number, from 0: name and secret.
    pub(crate) fn key(&self, index: usize) -> (&str, &SigningKey) {
        let (listed, key) = &self.keys[index];
        (&listed.id, key)
    }

    /// Its entry in the trust document.
    pub(crate) fn entry(&self, issues: &[&str], services: &[&str]) -> Organisation {
        Organisation {
            did: self.did.clone(),
            number: self.number.clone(),
            name: self.name.clone(),
            keys: self.keys.iter().map(|(listed, _)| listed.clone()).collect(),
            nodes: vec![NodeEntry {
                peer: self.peer(),
                addresses: self.node.addresses().iter().map(ToString::to_string).collect(),
            }],
            issues: issues.iter().map(|vct| (*vct).to_owned()).collect(),
            services: registrations(services),
        }
    }

    /// Signs a copy of a row with its first key, valid for a month from today on.
    pub(crate) fn issue(&self, vct: &str, row: Value) -> Copy {
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
            kid,
            holder: &holder.verifying_key(),
            status: StatusRef {
                uri: uri(&self.did),
                index: 7,
            },
            issued: today,
            expires: today.plus(30 * DAY),
        };
        let text = sd_jwt::issue(&issue, &mut clock::System, key).expect("signs");
        Copy { text, key: holder }
    }

    /// A request of two minutes under a service, whatever the registration says, for `bend` to change before it is signed.
    pub(crate) fn request(&self, service: &str, query: &Value, bend: impl FnOnce(&mut Request)) -> (String, Request) {
        let now = clock::now();
        let mut request = Request {
            asker: self.did.clone(),
            nonce: fresh_name() + &fresh_name(),
            session: fresh_name(),
            issued: now,
            expires: now.plus(120),
            query: Query::parse(query).expect("a query"),
            encryption: jwe::DecryptionKey::generate(&mut clock::System).public_jwk(),
            origins: vec![self.peer()],
            service: service.to_owned(),
            stated: Registration::known(service).expect("built in").statement(),
            case: "LAN-1".to_owned(),
            issue: None,
            grant: None,
            reach: false,
        };
        bend(&mut request);
        let (kid, key) = self.key(0);
        (request.sign(kid, key).expect("signs"), request)
    }

    /// Signs a payload as a request, whatever it says.
    pub(crate) fn signed_request(&self, payload: &Value) -> String {
        let (kid, key) = self.key(0);
        jws::sign(request::TYP, Some(kid), Map::new(), payload, key).expect("signs")
    }

    /// Has its node give out a text as the request of a session, and makes the link to it, which lives for two minutes.
    pub(crate) fn hand_out(&self, session: &str, text: &str) -> String {
        let mut served = self.served.lock().unwrap_or_else(PoisonError::into_inner);
        served.requests.insert(session.to_owned(), text.to_owned());
        self.link(session, text, clock::now().plus(120))
    }

    /// A link to a session of its own.
    pub(crate) fn link(&self, session: &str, text: &str, expires: Timestamp) -> String {
        let link = Link::Request {
            asker: self.did.clone(),
            session: session.to_owned(),
            hash: request::hash(text).to_vec(),
            expires,
        };
        link.to_text().expect("a link")
    }

    /// What was said to its node under `/bevis/present/1`, and forgets it.
    pub(crate) fn asked(&self) -> Vec<presentation::Ask> {
        let mut served = self.served.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut served.asked)
    }
}

impl Drop for Played {
    fn drop(&mut self) {
        self.world.runtime.block_on(self.node.clone().shutdown());
    }
}

/// The built-in registrations of these names.
pub(crate) fn registrations(services: &[&str]) -> Vec<Arc<Registration>> {
    let mut all = Registration::builtin();
    all.retain(|registration| services.contains(&registration.id.as_str()));
    assert_eq!(all.len(), services.len(), "{services:?}");
    all.into_iter().map(Arc::new).collect()
}

fn uri(did: &Did) -> String {
    let domain = did.to_string().replace("did:web:", "");
    format!("https://{domain}/status/1")
}

async fn serve(mut inbox: Inbox, served: Arc<Mutex<Served>>) {
    while let Some(inbound) = inbox.next().await {
        let reply = {
            let mut served = served.lock().unwrap_or_else(PoisonError::into_inner);
            match inbound.protocol {
                Protocol::Present => served.present(&inbound.body),
                Protocol::Status => served.status(&inbound.body),
                _ => continue,
            }
        };
        inbound.reply(reply);
    }
}

impl Served {
    fn present(&mut self, body: &[u8]) -> Vec<u8> {
        let ask: presentation::Ask = protocol::decode(body, presentation::LIMIT).expect("ours are well-formed");
        let reply = match &ask {
            presentation::Ask::Fetch { session } => match self.requests.get(session) {
                Some(request) => presentation::Reply::Request {
                    request: request.clone(),
                },
                None => presentation::Reply::Problem(Code::UnknownSession.into()),
            },
            _ => presentation::Reply::Closed,
        };
        self.asked.push(ask);
        protocol::encode(&reply).expect("CBOR")
    }

    /// A head of this moment, and the states of its one list.
    fn status(&self, body: &[u8]) -> Vec<u8> {
        let reply = match protocol::decode(body, wire::LIMIT).expect("ours are well-formed") {
            wire::Ask::HeadOf { issuer } if issuer == self.issuer => {
                let now = clock::now();
                let head = Head {
                    issuer: self.issuer.clone(),
                    issued: now,
                    expires: now.plus(3_600),
                    lists: vec![ListVersion {
                        uri: uri(&self.issuer),
                        version: 1,
                        hash: list_hash(&self.list),
                        size: u32::try_from(self.list.len()).expect("short"),
                        states: States::new().hash(),
                    }],
                };
                let head = head.sign(&self.kid, &*self.key).expect("signs");
                let digests = Vec::new();
                wire::Reply::News { head, digests }
            }
            wire::Ask::Chunk { offset, .. } => {
                let packed = States::new().pack().expect("packs");
                let rest = &packed[usize::try_from(offset).expect("fits").min(packed.len())..];
                wire::Reply::Chunk {
                    total: u32::try_from(packed.len()).expect("short"),
                    bytes: rest[..rest.len().min(wire::CHUNK)].to_vec(),
                }
            }
            _ => wire::Reply::Problem(Code::StatusMissing.into()),
        };
        protocol::encode(&reply).expect("CBOR")
    }
}
