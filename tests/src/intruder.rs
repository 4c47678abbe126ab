//! Hostile peers in the test's own process. They speak the bytes of the protocols and keep no rule but those of the transport:
//! [`Intruder`] knocks at the doors of running nodes; [`crate::impostor`] is what it may find behind one.

use crate::network::Network;
use crate::process::Home;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use credentials::link::Link;
use credentials::protocol::issuance::{self, Ask, Identification, Reply, Terms};
use credentials::protocol::{self, hello};
use credentials::request::{self, OpenedRequest};
use credentials::sd_jwt::{self, Bind, Covers, SdJwt};
use credentials::trust::{Bundle, Fingerprint, Known, Trust};
use credentials::verify::VpToken;
use credentials::{Code, Did, Problem, SigningKey, VerifyingKey, jwe, jws, random};
use node::clock;
use node::network as wire;
use node::network::raw::Raw;
use node::network::{Address, Handle, PeerName, Protocol, Secret32, Target};
use node::service::Greeting;
use serde_json::{Map, json};
use std::path::Path;
use std::sync::{Arc, RwLock};
use tokio::runtime::Runtime;

/// Types by their names on the wire.
pub(crate) const PID: &str = "urn:eudi:pid:1";
pub(crate) const INCOME: &str = "urn:bevis:MonthlyIncome:1";
pub(crate) const REGISTRATION: &str = "urn:bevis:CompanyRegistration:1";
pub(crate) const GUARANTEE: &str = "urn:bevis:TransportLicenceGuarantee:1";

/// The two transports, as a choice of address.
pub(crate) const TRANSPORTS: [&str; 2] = ["quic", "tcp"];

/// The trust list of a network, of its bundle.
pub(crate) fn trust(network: &Network, document: &Path) -> Arc<Trust> {
    let bundle = Bundle::parse(&std::fs::read(document).expect("reads")).expect("a bundle");
    let first = Fingerprint::parse(network.fingerprint()).expect("a fingerprint");
    let (mut known, _) = Known::first(&bundle.roots[0], &first, clock::now()).expect("the first root");
    known.take(&bundle, clock::now()).expect("signed by the anchors");
    known.trust().expect("in force")
}

pub(crate) fn did(text: &str) -> Did {
    Did::parse(text).expect("a DID")
}

pub(crate) fn secret() -> Secret32 {
    Secret32::new(random::bytes(&mut clock::System))
}

/// A hello as a wallet says it.
pub(crate) fn hello() -> Vec<u8> {
    let hello = hello::Hello {
        version: 1,
        who: hello::Who::Wallet,
    };
    protocol::encode(&hello::Reply::Hello(hello)).expect("encodes")
}

/// The code in a problem's bytes: all replies spell it alike.
fn code(body: &[u8]) -> Option<Code> {
    match protocol::decode(body, hello::LIMIT) {
        Ok(hello::Reply::Problem(problem)) => Some(problem.code),
        _ => None,
    }
}

/// What came back on a raw stream.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Back {
    /// The stream ended without a word.
    Nothing,
    /// The network itself refused.
    Refused(Code),
    /// The service answered with a problem.
    Problem(Code),
    /// An answer.
    Answer,
    /// Bytes that are none of these.
    Other(Vec<u8>),
}

impl Back {
    pub(crate) fn of(bytes: &[u8]) -> Back {
        let (kind, body) = match bytes {
            [] => return Back::Nothing,
            [kind @ (0 | 1), a, b, c, d, body @ ..]
                if usize::try_from(u32::from_be_bytes([*a, *b, *c, *d])) == Ok(body.len()) =>
            {
                (*kind, body)
            }
            other => return Back::Other(other.to_vec()),
        };
        match (kind, code(body)) {
            (1, Some(code)) => Back::Refused(code),
            (0, Some(code)) => Back::Problem(code),
            (0, None) => Back::Answer,
            _ => Back::Other(bytes.to_vec()),
        }
    }

    /// Nothing, or the beginning of the network's refusal: the connection ended before all of it was read.
    pub(crate) fn is_cut_refusal(&self) -> bool {
        match self {
            Back::Nothing => true,
            Back::Other(bytes) => bytes.first() == Some(&1),
            Back::Refused(_) | Back::Problem(_) | Back::Answer => false,
        }
    }
}

/// Terms that were got, and the keys that are to be bound.
pub(crate) struct Collecting {
    pub(crate) issuer: Did,
    pub(crate) vct: String,
    pub(crate) organisation: Option<String>,
    pub(crate) offer: Option<Vec<u8>>,
    pub(crate) transaction: [u8; 16],
    pub(crate) terms: Terms,
    pub(crate) keys: Vec<Arc<SigningKey>>,
}

pub(crate) fn new_keys(count: usize) -> Vec<Arc<SigningKey>> {
    (0..count)
        .map(|_| Arc::new(SigningKey::generate(&mut clock::System)))
        .collect()
}

impl Collecting {
    /// What an identification has to cover.
    pub(crate) fn covers(&self) -> Covers {
        let keys: Vec<VerifyingKey> = self.keys.iter().map(|key| key.verifying_key()).collect();
        Covers {
            transaction: self.transaction,
            keys_hash: sd_jwt::keys_hash(&keys),
            organisation: self.organisation.clone(),
            grant: None,
        }
    }

    /// The request with proofs by these keys.
    pub(crate) fn request(&self, identification: Identification) -> issuance::Request {
        let proofs = self.keys.iter().map(|key| {
            let mut header = Map::new();
            header.insert("jwk".to_owned(), key.verifying_key().to_jwk());
            let payload = json!({
                "aud": self.issuer,
                "nonce": self.terms.nonce,
                "transaction": BASE64_URL_SAFE_NO_PAD.encode(self.transaction),
            });
            jws::sign(issuance::KEY_PROOF_TYP, None, header, &payload, &**key).expect("signs")
        });
        issuance::Request {
            transaction: self.transaction.to_vec(),
            vct: self.vct.clone(),
            nonce: self.terms.nonce.clone(),
            proofs: proofs.collect(),
            identification,
        }
    }

    pub(crate) fn by_code(&self, code: &str) -> Identification {
        Identification::Code {
            offer: self.offer.clone().expect("a personal offer"),
            code: code.to_owned(),
        }
    }
}

/// A copy of a credential and the key it is bound to.
pub(crate) struct Copy {
    pub(crate) text: String,
    pub(crate) key: Arc<SigningKey>,
}

/// The tasks of a peer. They end with it and are not waited for: some of them stall for ever.
pub(crate) struct Tasks(Option<Runtime>);

impl Tasks {
    pub(crate) fn new() -> Tasks {
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        Tasks(Some(runtime.worker_threads(2).enable_all().build().expect("a runtime")))
    }

    pub(crate) fn get(&self) -> &Runtime {
        self.0.as_ref().expect("there until the end")
    }
}

impl Drop for Tasks {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// Somebody who dials.
pub(crate) struct Intruder {
    runtime: Tasks,
    trust: Arc<Trust>,
    dial: Handle,
    identity: Secret32,
}

impl Intruder {
    pub(crate) fn new(trust: &Arc<Trust>) -> Intruder {
        let runtime = Tasks::new();
        let known = Arc::new(RwLock::new(Some(Arc::clone(trust))));
        let greeting = Arc::new(Greeting::wallet(known));
        let started = runtime
            .get()
            .block_on(wire::start(wire::Settings::default(), None, greeting));
        Intruder {
            runtime,
            trust: Arc::clone(trust),
            dial: started.expect("starts").0,
            identity: secret(),
        }
    }

    /// Where an organisation's node is.
    fn target(&self, to: &str) -> (PeerName, Vec<Address>) {
        let organisation = self.trust.organisation(&did(to)).expect("listed");
        let node = organisation.nodes.first().expect("a node");
        let addresses = node
            .addresses
            .iter()
            .map(|text| Address::parse(text).expect("an address"));
        (PeerName::parse(&node.peer).expect("a peer"), addresses.collect())
    }

    /// The address of a node by one of [`TRANSPORTS`].
    pub(crate) fn address(&self, to: &str, transport: &str) -> Address {
        let (_, addresses) = self.target(to);
        let found = addresses
            .into_iter()
            .find(|address| address.is_quic() == (transport == "quic"));
        found.expect("listens on both")
    }

    /// A raw connection, as somebody new.
    pub(crate) async fn knock(address: &Address) -> Raw {
        Raw::dial(address, &secret()).await.expect("connects")
    }

    /// A raw connection that has said hello.
    pub(crate) async fn enter(address: &Address) -> Raw {
        let raw = Self::knock(address).await;
        let back = raw.ask(Protocol::Hello.as_str(), &hello()).await.expect("a stream");
        assert_eq!(Back::of(&back), Back::Answer, "hello is answered");
        raw
    }

    /// Asks as the same wallet each time: what the answer's body is.
    pub(crate) fn send(&self, to: &str, protocol: Protocol, body: Vec<u8>) -> Result<Vec<u8>, wire::Error> {
        let (peer, addresses) = self.target(to);
        let target = Target {
            as_identity: Some(self.identity.clone()),
            peer,
            addresses,
        };
        self.runtime.get().block_on(self.dial.request(target, protocol, body))
    }

    pub(crate) fn issue(&self, to: &Did, ask: &Ask) -> Reply {
        let body = protocol::encode(ask).expect("encodes");
        let reply = self.send(&to.to_string(), Protocol::Issue, body).expect("answered");
        protocol::decode(&reply, issuance::LIMIT).expect("a reply")
    }

    pub(crate) fn begin(
        &self,
        issuer: &str,
        vct: &str,
        offer: Option<Vec<u8>>,
        organisation: Option<&str>,
    ) -> Result<Collecting, Problem> {
        let issuer = did(issuer);
        let organisation = organisation.map(ToOwned::to_owned);
        let ask = Ask::Begin {
            vct: vct.to_owned(),
            offer: offer.clone(),
            organisation: organisation.clone(),
        };
        match self.issue(&issuer, &ask) {
            Reply::Terms(terms) => Ok(Collecting {
                issuer,
                vct: vct.to_owned(),
                organisation,
                offer,
                transaction: random::bytes(&mut clock::System),
                keys: new_keys(usize::from(terms.copies) * usize::from(terms.rows)),
                terms,
            }),
            Reply::Problem(problem) => Err(problem),
            other => panic!("no terms: {other:?}"),
        }
    }

    /// The terms of a personal offer's link.
    pub(crate) fn begin_offer(&self, link: &str) -> Result<Collecting, Problem> {
        let Ok(Link::Offer { issuer, vct, offer, .. }) = Link::parse(link) else {
            panic!("no offer");
        };
        self.begin(&issuer.to_string(), &vct, offer, None)
    }

    /// Sends the request of a collecting: its credentials, or the code of the refusal.
    pub(crate) fn collect(&self, collecting: &Collecting, by: Identification) -> Result<Vec<String>, Code> {
        let ask = Ask::Request(Box::new(collecting.request(by)));
        match self.issue(&collecting.issuer, &ask) {
            Reply::Delivery { credentials, .. } => Ok(credentials.into_iter().flatten().collect()),
            Reply::Problem(problem) => Err(problem.code),
            other => panic!("no delivery: {other:?}"),
        }
    }

    /// Tells the issuer that a delivery has arrived.
    pub(crate) fn acknowledge(&self, collecting: &Collecting) {
        let ask = Ask::Acknowledge {
            transaction: collecting.transaction.to_vec(),
        };
        assert_eq!(self.issue(&collecting.issuer, &ask), Reply::Acknowledged);
    }

    /// Collects as an honest wallet does, with the code of an offer: the copies.
    pub(crate) fn identify(&self, network: &Network, identity: &Home, number: &str) -> Vec<Copy> {
        let (link, code) = network.personal_offer(identity, number);
        let code = std::fs::read_to_string(code).expect("reads");
        let collecting = self.begin_offer(&link).expect("terms");
        let texts = self.collect(&collecting, collecting.by_code(&code)).expect("delivered");
        self.acknowledge(&collecting);
        copies(&collecting, texts)
    }

    /// The issuer's request for an identification, as an honest wallet opens it.
    pub(crate) fn opened(&self, collecting: &Collecting) -> OpenedRequest {
        let text = collecting.terms.request.as_deref().expect("asks who it is");
        request::open(text, &self.trust, None, clock::now()).expect("an honest request")
    }

    /// An identification for the request of these terms, bound as said.
    pub(crate) fn identification(&self, collecting: &Collecting, copy: &Copy, covers: &Covers) -> Identification {
        let opened = self.opened(collecting);
        let selected = selected(&opened, copy);
        let audience = opened.request.client_id();
        let bind = Bind {
            audience: &audience,
            nonce: &opened.request.nonce,
            issued: clock::now(),
            request_hash: opened.hash,
            covers: Some(covers),
        };
        let bound = sd_jwt::bind(&selected, &bind, &*copy.key).expect("binds");
        sealed(&opened, &bound)
    }
}

/// The claims that are asked for, of a copy.
pub(crate) fn selected(opened: &OpenedRequest, copy: &Copy) -> String {
    let wanted = opened.request.query.credentials.first().expect("one");
    let paths: Vec<_> = wanted.claims.iter().map(|claim| claim.path.clone()).collect();
    let whole = SdJwt::parse(&copy.text).expect("a credential");
    whole.select(&paths).expect("has the claims")
}

/// A bound presentation, encrypted to the request.
pub(crate) fn sealed(opened: &OpenedRequest, bound: &str) -> Identification {
    let wanted = opened.request.query.credentials.first().expect("one");
    let token = VpToken::from([(wanted.id.clone(), vec![bound.to_owned()])]);
    sealed_bytes(opened, json!({ "vp_token": token }).to_string().as_bytes())
}

/// Any bytes, encrypted to the request.
pub(crate) fn sealed_bytes(opened: &OpenedRequest, plain: &[u8]) -> Identification {
    let answer = jwe::seal(&opened.request.encryption, b"", &opened.hash, plain, &mut clock::System);
    Identification::Presentation {
        answer: answer.expect("seals"),
    }
}

/// Delivered texts with their keys.
pub(crate) fn copies(collecting: &Collecting, texts: Vec<String>) -> Vec<Copy> {
    let of = |text: String| {
        let bound = SdJwt::parse(&text).expect("a credential").holder_key();
        let key = collecting.keys.iter().find(|key| Some(key.verifying_key()) == bound);
        let key = Arc::clone(key.expect("bound to one of the keys"));
        Copy { text, key }
    };
    texts.into_iter().map(of).collect()
}

/// Resident memory of a process in bytes, now and at most so far.
pub(crate) fn memory(pid: u32) -> (u64, u64) {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
    let of = |name: &str| {
        let line = status
            .lines()
            .find(|line| line.starts_with(name))
            .expect("Linux has it");
        let kib = line.split_whitespace().nth(1).and_then(|n| n.parse::<u64>().ok());
        kib.expect("a number") * 1024
    };
    (of("VmRSS:"), of("VmHWM:"))
}

/// Asserts that a node's log names a code, that the process never panicked, and that nothing of this is in the log.
#[track_caller]
pub(crate) fn expect_log(home: &Home, code: Code, secrets: &[&str]) {
    let log = std::fs::read_to_string(home.log()).expect("reads");
    assert!(log.contains(&format!("code={code}")), "{code} is not in the log: {log}");
    assert!(!log.contains("panicked"), "{log}");
    for secret in secrets {
        assert!(!log.contains(secret), "a secret is in the log");
    }
}
