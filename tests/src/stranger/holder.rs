//! A holder without a wallet: collects as an honest one does, and answers as a test bends it.

use super::{World, fresh_key};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use credentials::decision::Receipt;
use credentials::link::Link;
use credentials::protocol::{self, issuance, presentation};
use credentials::request::{self, OpenedRequest};
use credentials::sd_jwt::{self, Bind, Covers, SdJwt};
use credentials::verify::{Verdict, VpToken};
use credentials::{Code, Did, SigningKey, Timestamp, jwe, jws, random};
use node::clock;
use node::network::{self, Handle, Protocol, Secret32};
use node::service::Greeting;
use serde_json::{Map, json};
use std::sync::Arc;

/// A copy of a credential with its holder key.
#[derive(Clone)]
pub(crate) struct Copy {
    /// SD-JWT with all disclosures.
    pub(crate) text: String,
    /// The key it is bound to.
    pub(crate) key: Arc<SigningKey>,
}

/// A request as a holder fetched it.
pub(crate) struct Fetched {
    /// The request, checked.
    pub(crate) opened: OpenedRequest,
    session: String,
}

/// What the asker answered.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    /// A signed receipt with its verdict and code.
    Receipt(Verdict, Option<Code>),
    /// A refusal.
    Problem(Code),
}

/// What a key binding says.
pub(crate) struct Binding {
    pub(crate) audience: String,
    pub(crate) nonce: String,
    pub(crate) request_hash: [u8; 32],
}

/// What is done to an answer on its way.
#[derive(Clone, Copy)]
pub(crate) struct Bend<'a> {
    /// To what was selected, before the holder binds it.
    pub(crate) before: &'a dyn Fn(&str) -> String,
    /// To what the key binding says.
    pub(crate) binding: &'a dyn Fn(&mut Binding),
    /// To what is sent, after it was bound.
    pub(crate) after: &'a dyn Fn(&str) -> String,
}

impl Bend<'static> {
    /// Nothing: the unaltered twin.
    pub(crate) const NONE: Bend<'static> = Bend {
        before: &|text| text.to_owned(),
        binding: &|_| {},
        after: &|text| text.to_owned(),
    };
}

/// A peer without a name that holds credentials.
pub(crate) struct Holder {
    pub(super) world: Arc<World>,
    dial: Handle,
    identity: Secret32,
}

impl Holder {
    /// Joins the network.
    pub(crate) fn new(world: &Arc<World>) -> Holder {
        let greeting = Arc::new(Greeting::wallet(world.trust.clone()));
        let started = network::start(network::Settings::default(), None, greeting);
        let (dial, _) = world.runtime.block_on(started).expect("starts");
        Holder {
            world: world.clone(),
            dial,
            identity: Secret32::new(random::bytes(&mut clock::System)),
        }
    }

    pub(super) fn send(&self, to: &Did, protocol: Protocol, body: Vec<u8>) -> (String, Vec<u8>) {
        self.world.send(&self.dial, Some(&self.identity), to, protocol, body)
    }

    /// Fetches the request behind a link.
    pub(crate) fn fetch(&self, link: &str) -> Fetched {
        let Ok(Link::Request { asker, session, .. }) = Link::parse(link) else {
            panic!("a link to a request: {link}");
        };
        let ask = presentation::Ask::Fetch {
            session: session.clone(),
        };
        let (from, reply) = self.send(&asker, Protocol::Present, protocol::encode(&ask).expect("CBOR"));
        match protocol::decode(&reply, presentation::LIMIT).expect("a reply") {
            presentation::Reply::Request { request } => Fetched {
                opened: request::open(&request, &self.world.trust(), Some(&from), clock::now()).expect("opens"),
                session,
            },
            other => panic!("no request: {other:?}"),
        }
    }

    /// Shows what was asked of copies of the types asked, bent.
    pub(crate) fn token(&self, fetched: &Fetched, copies: &[&Copy], bend: &Bend<'_>) -> VpToken {
        present(&fetched.opened, copies, bend, None)
    }

    /// Seals an answer to the request and sends it.
    pub(crate) fn answer(&self, fetched: &Fetched, token: &VpToken) -> Heard {
        self.send_answer(fetched, &seal(&fetched.opened, token))
    }

    /// Sends an answer that was sealed before.
    pub(crate) fn send_answer(&self, fetched: &Fetched, answer: &str) -> Heard {
        let ask = presentation::Ask::Answer {
            session: fetched.session.clone(),
            answer: answer.to_owned(),
        };
        let asker = &fetched.opened.request.asker;
        let (_, reply) = self.send(asker, Protocol::Present, protocol::encode(&ask).expect("CBOR"));
        match protocol::decode(&reply, presentation::LIMIT).expect("a reply") {
            presentation::Reply::Receipt { receipt } => {
                let receipt = Receipt::open(&receipt, &self.world.trust()).expect("a receipt");
                Heard::Receipt(receipt.verdict, receipt.code)
            }
            presentation::Reply::Problem(problem) => Heard::Problem(problem.code),
            other => panic!("no answer: {other:?}"),
        }
    }

    fn issue(&self, to: &Did, ask: &issuance::Ask) -> issuance::Reply {
        let (_, reply) = self.send(to, Protocol::Issue, protocol::encode(ask).expect("CBOR"));
        protocol::decode(&reply, issuance::LIMIT).expect("a reply")
    }

    /// Collects all copies behind an offer as an honest wallet does: with a code, or by showing a copy.
    pub(crate) fn collect(&self, link: &str, code: Option<&str>, shown: Option<&Copy>) -> Vec<Copy> {
        let Ok(Link::Offer { issuer, vct, offer, .. }) = Link::parse(link) else {
            panic!("an offer: {link}");
        };
        let begin = issuance::Ask::Begin {
            vct: vct.clone(),
            offer: offer.clone(),
            organisation: None,
        };
        let terms = match self.issue(&issuer, &begin) {
            issuance::Reply::Terms(terms) => terms,
            other => panic!("no terms: {other:?}"),
        };
        let transaction = random::bytes::<16>(&mut clock::System);
        let count = usize::from(terms.copies) * usize::from(terms.rows);
        let keys: Vec<Arc<SigningKey>> = (0..count).map(|_| Arc::new(fresh_key())).collect();
        let proofs = keys.iter().map(|key| {
            let header = Map::from_iter([("jwk".to_owned(), key.verifying_key().to_jwk())]);
            let payload = json!({
                "aud": issuer, "nonce": terms.nonce, "transaction": URL_SAFE_NO_PAD.encode(transaction),
            });
            jws::sign(issuance::KEY_PROOF_TYP, None, header, &payload, &**key).expect("signs")
        });
        let proofs = proofs.collect();
        let identification = match (&terms.request, shown) {
            (Some(request), Some(copy)) => {
                let opened = request::open(request, &self.world.trust(), None, clock::now()).expect("opens");
                let public: Vec<_> = keys.iter().map(|key| key.verifying_key()).collect();
                let covers = Covers {
                    transaction,
                    keys_hash: sd_jwt::keys_hash(&public),
                    organisation: None,
                    grant: None,
                };
                let token = present(&opened, &[copy], &Bend::NONE, Some(&covers));
                issuance::Identification::Presentation {
                    answer: seal(&opened, &token),
                }
            }
            _ => issuance::Identification::Code {
                offer: offer.expect("a personal offer"),
                code: code.expect("a code").to_owned(),
            },
        };
        let request = issuance::Request {
            transaction: transaction.to_vec(),
            vct,
            nonce: terms.nonce,
            proofs,
            identification,
        };
        let delivered = match self.issue(&issuer, &issuance::Ask::Request(Box::new(request))) {
            issuance::Reply::Delivery { credentials, .. } => credentials,
            other => panic!("no delivery: {other:?}"),
        };
        let acknowledge = issuance::Ask::Acknowledge {
            transaction: transaction.to_vec(),
        };
        assert_eq!(self.issue(&issuer, &acknowledge), issuance::Reply::Acknowledged);
        let texts = delivered.into_iter().flatten();
        let copies = texts.map(|text| {
            let bound = SdJwt::parse(&text).expect("parses").holder_key();
            let key = keys.iter().find(|key| Some(key.verifying_key()) == bound);
            let key = key.expect("bound to a key of ours").clone();
            Copy { text, key }
        });
        copies.collect()
    }
}

/// One presentation for each credential that is asked: selected, bent, bound, bent.
pub(super) fn present(opened: &OpenedRequest, copies: &[&Copy], bend: &Bend<'_>, covers: Option<&Covers>) -> VpToken {
    let mut token = VpToken::new();
    for wanted in &opened.request.query.credentials {
        let parsed = |copy: &Copy| SdJwt::parse(&copy.text).map_err(|p| p.code).expect("parses");
        let copy = copies.iter().find(|copy| parsed(copy).vct() == wanted.vct);
        let copy = copy.unwrap_or_else(|| panic!("no copy of {}", wanted.vct));
        let paths: Vec<_> = wanted.claims.iter().map(|claim| claim.path.clone()).collect();
        let selected = (bend.before)(&parsed(copy).select(&paths).expect("selects"));
        let mut binding = Binding {
            audience: opened.request.client_id(),
            nonce: opened.request.nonce.clone(),
            request_hash: opened.hash,
        };
        (bend.binding)(&mut binding);
        let bind = Bind {
            audience: &binding.audience,
            nonce: &binding.nonce,
            issued: now(),
            request_hash: binding.request_hash,
            covers,
        };
        let bound = sd_jwt::bind(&selected, &bind, &*copy.key).expect("binds");
        token.insert(wanted.id.clone(), vec![(bend.after)(&bound)]);
    }
    token
}

/// An answer as only the asker can read it.
pub(crate) fn seal(opened: &OpenedRequest, token: &VpToken) -> String {
    let plain = json!({ "vp_token": token }).to_string();
    let recipient = &opened.request.encryption;
    jwe::seal(recipient, b"", &opened.hash, plain.as_bytes(), &mut clock::System).expect("seals")
}

fn now() -> Timestamp {
    clock::now()
}
