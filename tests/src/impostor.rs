//! Organisations that the anchor listed in good faith, and that answer as they please: over the transport's own streams, so
//! that no rule of the network keeps them from it. [`Lure`] has honest wallets led there.

use crate::intruder::{INCOME, Tasks, did, secret};
use crate::network::{Network, argument};
use crate::process::{Home, finish};
use crate::refusals::Line;
use crate::vouched;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use credentials::link::Link;
use credentials::protocol::issuance::Reply;
use credentials::protocol::{self, hello, status};
use credentials::status::{Head, LIST_TYP, ListVersion, States, list_hash};
use credentials::time::DAY;
use credentials::{Code, Did, SigningKey, jws};
use node::clock;
use node::network as wire;
use node::network::Protocol;
use node::network::raw::{RawListener, RawStream};
use node::service::{Card, CardKey};
use serde_json::{Map, json};
use std::sync::{Arc, Mutex};

/// How an [`Impostor`] treats a request.
pub(crate) type Manner = Arc<dyn Fn(&str, Vec<u8>) -> Act + Send + Sync>;

/// What it then does with the stream.
pub(crate) enum Act {
    /// Answers with a body as the protocol has it.
    Answer(Vec<u8>),
    /// Writes these bytes and ends the stream.
    Bytes(Vec<u8>),
    /// Writes these bytes and says nothing more, for ever.
    Stall(Vec<u8>),
    /// Writes these bytes and hangs up the whole connection.
    HangUp(Vec<u8>),
}

/// An organisation that the anchor has listed in good faith.
pub(crate) struct Impostor {
    pub(crate) did: Did,
    pub(crate) key: Arc<SigningKey>,
    pub(crate) card: Card,
    manner: Arc<Mutex<Manner>>,
    _runtime: Tasks,
}

impl Impostor {
    /// Listens on both transports.
    pub(crate) fn start(text: &str, number: &str, name: &str) -> Impostor {
        let runtime = Tasks::new();
        let identity = secret();
        let listener = runtime.get().block_on(RawListener::start(&identity)).expect("listens");
        let did = did(text);
        let key = SigningKey::generate(&mut clock::System);
        let from = clock::now().day();
        let card = Card {
            schema: Card::SCHEMA.to_owned(),
            did: did.clone(),
            number: number.to_owned(),
            name: name.to_owned(),
            keys: vec![CardKey {
                kid: format!("{did}#key-1"),
                key: Did::Key(key.verifying_key()),
                valid_from: from,
                valid_until: from.plus(30 * DAY),
            }],
            peer: wire::peer_name(&identity).to_string(),
            addresses: listener.addresses().iter().map(ToString::to_string).collect(),
        };
        let silent: Manner = Arc::new(|_, _| Act::Bytes(Vec::new()));
        let manner = Arc::new(Mutex::new(silent));
        let certificate = vouched::certificate(&did, &card.peer, &card.keys[0].kid, &key, clock::now());
        let hello = hello_of(&did, certificate);
        runtime.get().spawn(receive(listener, hello, Arc::clone(&manner)));
        Impostor {
            did,
            key: Arc::new(key),
            card,
            manner,
            _runtime: runtime,
        }
    }

    /// The name of its signing key.
    pub(crate) fn kid(&self) -> &str {
        &self.card.keys[0].kid
    }

    /// Its admission to the next list: issues the types and asks who people are.
    pub(crate) fn list(&self, network: &Network, issues: &[&str]) {
        let card = network.folder().join("impostor.json");
        std::fs::write(&card, serde_json::to_string(&self.card).expect("JSON")).expect("writes");
        network.list_card(&card, issues, &["K02"]);
    }

    /// From now on requests are treated like this; the first argument is the protocol. Hello is answered as an organisation
    /// does, unless `manner` is asked about it too.
    pub(crate) fn behave(&self, manner: impl Fn(&str, Vec<u8>) -> Act + Send + Sync + 'static) {
        *self.manner.lock().expect("no panic") = Arc::new(manner);
    }

    /// An invitation to collect something here.
    pub(crate) fn offer(&self, vct: &str) -> String {
        let link = Link::Offer {
            issuer: self.did.clone(),
            vct: vct.to_owned(),
            offer: None,
            expires: None,
        };
        link.to_text().expect("a link")
    }
}

fn hello_of(did: &Did, certificate: String) -> Vec<u8> {
    let hello = hello::Hello {
        version: 1,
        who: hello::Who::Organisation {
            did: did.clone(),
            certificate,
            trust: None,
            time: clock::now(),
        },
    };
    protocol::encode(&hello::Reply::Hello(hello)).expect("encodes")
}

/// An answer as it stands on the wire.
pub(crate) fn answer(body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).expect("short");
    [&[0], &length.to_be_bytes()[..], body].concat()
}

/// A refusal as it stands on the wire.
pub(crate) fn refusal(code: Code) -> Vec<u8> {
    let body = protocol::encode(&hello::Reply::Problem(code.into())).expect("encodes");
    let length = u32::try_from(body.len()).expect("short");
    [&[1], &length.to_be_bytes()[..], &body].concat()
}

async fn receive(mut listener: RawListener, hello: Vec<u8>, manner: Arc<Mutex<Manner>>) {
    while let Some(mut raw) = listener.accept().await {
        let (hello, manner) = (hello.clone(), Arc::clone(&manner));
        tokio::spawn(async move {
            let mut streams = tokio::task::JoinSet::new();
            loop {
                tokio::select! {
                    stream = raw.accept() => match stream {
                        Some(stream) => {
                            streams.spawn(treat(stream, hello.clone(), Arc::clone(&manner)));
                        }
                        None => break,
                    },
                    Some(done) = streams.join_next() => {
                        if done.unwrap_or(false) {
                            // Dropping the connection hangs up.
                            break;
                        }
                    }
                }
            }
        });
    }
}

/// Treats one stream; true when the connection is to be hung up.
async fn treat(mut stream: RawStream, hello: Vec<u8>, manner: Arc<Mutex<Manner>>) -> bool {
    let Ok(name) = stream.respond(|name| name.starts_with("/bevis/")).await else {
        return false;
    };
    let Ok(head) = stream.read(4).await else { return false };
    let length = head.iter().fold(0_usize, |sum, byte| (sum << 8) | usize::from(*byte));
    let Ok(body) = stream.read(length).await else {
        return false;
    };
    let manner = Arc::clone(&*manner.lock().expect("no panic"));
    let act = manner(&name, body);
    // Who leaves hello to itself greets properly.
    let act = match act {
        Act::Bytes(bytes) if bytes.is_empty() && name == Protocol::Hello.as_str() => Act::Answer(hello),
        act => act,
    };
    match act {
        Act::Answer(body) => {
            stream.write(&answer(&body)).await.ok();
            stream.close().await;
            stream.rest().await;
            false
        }
        Act::Bytes(bytes) => {
            stream.write(&bytes).await.ok();
            stream.close().await;
            stream.rest().await;
            false
        }
        Act::Stall(bytes) => {
            stream.write(&bytes).await.ok();
            stream.rest().await;
            std::future::pending().await
        }
        Act::HangUp(bytes) => {
            stream.write(&bytes).await.ok();
            true
        }
    }
}

/// The head that names a status list around compressed bytes.
fn published(impostor: &Impostor, compressed: &[u8], version: u64) -> String {
    let now = clock::now();
    let uri = "https://lure.example/status/1";
    let payload = json!({
        "sub": uri, "iat": now, "exp": now.plus(DAY), "ttl": 300,
        "status_list": { "bits": 2, "lst": BASE64_URL_SAFE_NO_PAD.encode(compressed) },
    });
    let list = jws::sign(LIST_TYP, Some(impostor.kid()), Map::new(), &payload, &*impostor.key).expect("signs");
    let head = Head {
        issuer: impostor.did.clone(),
        issued: now,
        expires: now.plus(3_600),
        lists: vec![ListVersion {
            uri: uri.to_owned(),
            version,
            hash: list_hash(&list),
            size: u32::try_from(list.len()).expect("short"),
            // What cannot be read has some hash too: nobody can tell before it was fetched.
            states: match States::unpack(compressed) {
                Ok(states) => states.hash(),
                Err(_) => list_hash(&format!("{version}")),
            },
        }],
    };
    head.sign(impostor.kid(), &*impostor.key).expect("signs")
}

/// Has the impostor publish a list from now on, and give these bytes as its states.
pub(crate) fn publish(impostor: &Impostor, compressed: &[u8], version: u64) {
    let head = published(impostor, compressed, version);
    let packed = compressed.to_vec();
    impostor.behave(move |name, body| {
        if name != Protocol::Status.as_str() {
            return Act::Bytes(Vec::new());
        }
        let reply = match protocol::decode(&body, status::LIMIT) {
            Ok(status::Ask::HeadOf { .. }) => status::Reply::News {
                head: head.clone(),
                digests: Vec::new(),
            },
            Ok(status::Ask::Chunk { offset, .. }) => {
                let rest = packed.get(offset as usize..).unwrap_or_default();
                status::Reply::Chunk {
                    total: u32::try_from(packed.len()).expect("short"),
                    bytes: rest.iter().copied().take(status::CHUNK).collect(),
                }
            }
            Ok(_) => status::Reply::Problem(Code::StatusMissing.into()),
            Err(problem) => status::Reply::Problem(problem),
        };
        Act::Answer(protocol::encode(&reply).expect("encodes"))
    });
}

/// A listed organisation without manners, and three wallets that an invitation leads there: one per way of speaking.
pub(crate) struct Lure {
    _network: Network,
    pub(crate) impostor: Impostor,
    wallets: [(&'static str, Home); 3],
}

impl Lure {
    pub(crate) fn new(transport: &str) -> Lure {
        let network = Network::new();
        let impostor = Impostor::start("did:web:lure.example", "315902738", "LOKKE MIDDEL AS");
        impostor.list(&network, &["C02"]);
        let document = network.sign();
        let wallets = ["json", "nb", "en"].map(|name| {
            let wallet = network.wallet(name, &["--transport", transport]);
            wallet.ok(&["trust", "import", argument(&document)]);
            (name, wallet)
        });
        Lure {
            _network: network,
            impostor,
            wallets,
        }
    }

    /// What three people read whom the impostor treats like this, each by a command of their own and all at once.
    pub(crate) fn expect(&self, code: Code, manner: impl Fn(&str, Vec<u8>) -> Act + Send + Sync + 'static) {
        self.impostor.behave(manner);
        let line = Line {
            kind: "",
            code,
            test: "",
        };
        let link = self.impostor.offer(INCOME);
        std::thread::scope(|scope| {
            for (name, wallet) in &self.wallets {
                let (line, link) = (&line, &link);
                scope.spawn(move || match *name {
                    "json" => {
                        line.expect_json(wallet.run(&["wallet", "receive", link]));
                    }
                    language => {
                        let typed = wallet.typed(&["--lang", language, "wallet", "receive", link]);
                        line.expect_text(finish(typed, ""), language);
                    }
                });
            }
        });
        for (_, wallet) in &self.wallets {
            assert_eq!(
                wallet.ok(&["wallet", "list"])["credentials"],
                json!([]),
                "nothing was kept"
            );
        }
    }

    /// The acceptance: the impostor's own refusal, well said, is taken for what it says.
    pub(crate) fn expect_polite(&self) {
        self.expect_told(Code::NoData);
    }

    /// What three people read whom an issuer refuses with this code.
    pub(crate) fn expect_told(&self, code: Code) {
        let said = protocol::encode(&Reply::Problem(code.into())).expect("encodes");
        self.expect(code, at_issue(move || Act::Answer(said.clone())));
    }
}

/// Only what is asked by `issue` is treated; the rest, hello among it, as usual.
pub(crate) fn at_issue(
    act: impl Fn() -> Act + Send + Sync + 'static,
) -> impl Fn(&str, Vec<u8>) -> Act + Send + Sync + 'static {
    move |name, _| match name == Protocol::Issue.as_str() {
        true => act(),
        false => Act::Bytes(Vec::new()),
    }
}
