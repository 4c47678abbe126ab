//! Node certificates in `hello`.

use crate::intruder::{Tasks, did, expect_log, secret};
use crate::network::{IDENTITY, Network};
use crate::process::Home;
use crate::refusals::line;
use credentials::protocol::{self, hello, trust as messages};
use credentials::time::DAY;
use credentials::trust::{Bundle, Certificate, Fingerprint, Known, NodeRole, Trust};
use credentials::{Code, Did, SigningKey};
use node::clock;
use node::network::{self as wire, Address, Error, PeerName, Protocol, Secret32, Target};
use node::service::{Card, CardKey, Greeting};
use std::sync::{Arc, RwLock};

/// A listed bank whose keys the test holds.
struct Dialler {
    did: Did,
    secret: Secret32,
    key: SigningKey,
    tasks: Tasks,
}

impl Dialler {
    fn new() -> Dialler {
        Dialler {
            did: did("did:web:lurebank.example"),
            secret: secret(),
            key: SigningKey::generate(&mut clock::System),
            tasks: Tasks::new(),
        }
    }

    fn kid(&self) -> String {
        format!("{}#key-1", self.did)
    }

    fn card(&self) -> Card {
        let from = clock::now().day();
        Card {
            schema: Card::SCHEMA.to_owned(),
            did: self.did.clone(),
            number: "315902738".to_owned(),
            name: "LOKKE BANK AS".to_owned(),
            keys: vec![CardKey {
                kid: self.kid(),
                key: Did::Key(self.key.verifying_key()),
                valid_from: from,
                valid_until: from.plus(30 * DAY),
            }],
            peer: wire::peer_name(&self.secret).to_string(),
            addresses: vec!["/ip4/127.0.0.1/tcp/9".to_owned()],
        }
    }

    fn certificate(&self, serial: u64, change: impl Fn(&mut Certificate)) -> String {
        let mut certificate = Certificate {
            issuer: self.did.clone(),
            peer: wire::peer_name(&self.secret).to_string(),
            node: 0,
            roles: [NodeRole::Verifier].into(),
            serial,
            issued: clock::now(),
            expires: clock::now().plus(20 * DAY),
        };
        change(&mut certificate);
        certificate.sign(&self.kid(), &self.key).expect("signs")
    }

    /// Greets a node with this certificate and asks it something: the code of the refusal, or none.
    fn greet(&self, trust: &Arc<Trust>, node: &Home, certificate: Option<String>) -> Option<Code> {
        let known = Arc::new(RwLock::new(Some(Arc::clone(trust))));
        let greeting = Greeting::organisation(self.did.clone(), move || certificate.clone(), known);
        self.greet_as(greeting, node)
    }

    /// The same as somebody who says of themselves to be a wallet.
    fn greet_as_wallet(&self, trust: &Arc<Trust>, node: &Home) -> Option<Code> {
        let known = Arc::new(RwLock::new(Some(Arc::clone(trust))));
        self.greet_as(Greeting::wallet(known), node)
    }

    fn greet_as(&self, greeting: Greeting, node: &Home) -> Option<Code> {
        let card: Card = serde_json::from_value(node.ok(&["whoami"])["card"].clone()).expect("a card");
        let target = Target {
            as_identity: None,
            peer: PeerName::parse(&card.peer).expect("a peer"),
            addresses: card
                .addresses
                .iter()
                .map(|text| Address::parse(text).expect("an address"))
                .collect(),
        };
        self.tasks.get().block_on(async {
            let started = wire::start(wire::Settings::default(), Some(self.secret.clone()), Arc::new(greeting));
            let (handle, _inbox) = started.await.expect("starts");
            let ask = protocol::encode(&messages::Ask::Version).expect("encodes");
            let answer = handle.request(target, Protocol::Trust, ask).await;
            handle.shutdown().await;
            match answer {
                Ok(answer) => match protocol::decode(&answer, messages::LIMIT).expect("decodes") {
                    messages::Reply::Version(_) => None,
                    other => panic!("{other:?}"),
                },
                Err(Error::Refused(body)) => match protocol::decode(&body, hello::LIMIT).expect("decodes") {
                    hello::Reply::Problem(problem) => Some(problem.code),
                    other => panic!("{other:?}"),
                },
                Err(other) => panic!("{other}"),
            }
        })
    }
}

#[test]
fn an_organisation_is_greeted_by_its_newest_certificate_only_and_never_without_one() {
    let network = Network::new();
    let mut identity = network.init(&IDENTITY, &[]);
    let dialler = Dialler::new();
    let card = network.folder().join("dialler.json");
    std::fs::write(&card, serde_json::to_string(&dialler.card()).expect("JSON")).expect("writes");
    network.list_card(&card, &[], &["S01"]);
    network.begin(&mut [(&IDENTITY, &mut identity)], &[], &["--log", "debug"]);
    let invalid = line("an organisation without a certificate that holds").code;
    let superseded = line("an organisation with an earlier certificate").code;
    let bundle = std::fs::read(network.folder().join("trust.json")).expect("reads");
    let bundle = Bundle::parse(&bundle).expect("a bundle");
    let root = Fingerprint::parse(network.fingerprint()).expect("a fingerprint");
    let (mut known, _) = Known::first(&bundle.roots[0], &root, clock::now()).expect("a root");
    known.take(&bundle, clock::now()).expect("taken");
    let trust = known.trust().expect("in force");

    let greet = |identity: &Home, certificate: Option<String>| dialler.greet(&trust, identity, certificate);
    assert_eq!(greet(&identity, None), Some(invalid));
    assert_eq!(greet(&identity, Some("no certificate".to_owned())), Some(invalid));
    assert_eq!(
        dialler.greet_as_wallet(&trust, &identity),
        Some(invalid),
        "a listed node that calls itself a wallet"
    );
    let nobody = Dialler::new();
    assert_eq!(nobody.greet_as_wallet(&trust, &identity), None, "a wallet");
    let expired = dialler.certificate(1, |certificate| {
        certificate.issued = clock::now().day();
        certificate.expires = clock::now().plus(-1).max(certificate.issued.plus(1));
    });
    assert_eq!(greet(&identity, Some(expired)), Some(Code::Expired));
    let first = dialler.certificate(1, |_| {});
    assert_eq!(greet(&identity, Some(first.clone())), None, "the twin that holds");
    assert_eq!(greet(&identity, Some(dialler.certificate(2, |_| {}))), None);
    assert_eq!(greet(&identity, Some(first.clone())), Some(superseded));
    expect_log(&identity, invalid, &[]);
    expect_log(&identity, superseded, &[]);
    // Remembered: the certificates that were seen are durable a second later at the latest, before a stop in any case.
    assert_eq!(identity.terminate(), 0);
    identity.serve(&[]);
    assert_eq!(greet(&identity, Some(first)), Some(superseded));
    assert_eq!(greet(&identity, Some(dialler.certificate(3, |_| {}))), None);
}
