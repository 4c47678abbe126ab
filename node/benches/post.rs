//! What one mailbox operator's node does for wallets over the network: `cargo bench -p node --bench post [-- SECONDS]`. Asserts no
//! figure.
//!
//! The operator is a process of its own, with its store on this machine's disk; the wallets are identities of this process, each with
//! a connection of its own over loopback, and take as much of the machine as the operator. Each puts into a queue of another, fetches
//! what is in one of its own, and acknowledges it, one after the other, until the time is over. A put or a fetch is timed from before
//! its owner's proof is signed until its answer is there: it is durable by then. How many queues lie idle beside is told by the bench
//! `mailbox`.
//!
//! Output, one figure a line, separated by tabs: name, value, unit.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    missing_docs,
    reason = "measuring is what this is for"
)]

mod town;

use credentials::mailbox::{Act, prove};
use credentials::protocol::hello::{Hello, Reply as HelloReply, Who};
use credentials::protocol::mailbox::{Ask, LIMIT, Reply};
use credentials::{Did, SigningKey, Timestamp, envelope, protocol};
use node::network::{self, Address, Greeter, Handle, PeerName, Protocol, Secret32, Settings, Standing, Target};
use std::sync::Arc;
use std::time::{Duration, Instant};
use town::{Anchors, Node, text};

const SECONDS: u64 = 20;
/// Wallets: so many that their rates are no limit (128 requests a second each).
const WALLETS: usize = 32;
/// Queues of each: one address may begin 64 in a day.
const QUEUES: usize = 2;
const OPERATOR: &str = "did:web:postkasse.example";

fn entropy(bytes: &mut [u8]) {
    getrandom::fill(bytes).unwrap();
}

fn number(below: usize) -> usize {
    let mut bytes = [0; 8];
    entropy(&mut bytes);
    usize::try_from(u64::from_be_bytes(bytes) % below as u64).unwrap()
}

/// A wallet, which says nothing of itself.
struct Wallets;

impl Greeter for Wallets {
    fn hello(&self, _: Option<&PeerName>) -> Vec<u8> {
        let hello = Hello {
            version: 1,
            who: Who::Wallet,
        };
        protocol::encode(&HelloReply::Hello(hello)).unwrap()
    }

    fn check(&self, _: &PeerName, _: &[u8], _: bool) -> Result<Standing, Vec<u8>> {
        Ok(Standing::Full)
    }

    fn is_listed(&self, _: &PeerName) -> bool {
        true
    }
}

struct Queue {
    key: SigningKey,
    id: [u8; 16],
    token: [u8; 32],
}

#[derive(Clone)]
struct Operator {
    handle: Handle,
    did: Did,
    peer: PeerName,
    addresses: Vec<Address>,
}

impl Operator {
    async fn ask(&self, wallet: usize, ask: &Ask) -> Reply {
        let mut identity = [9; 32];
        identity[..8].copy_from_slice(&(wallet as u64).to_be_bytes());
        let target = Target {
            as_identity: Some(Secret32::new(identity)),
            peer: self.peer.clone(),
            addresses: self.addresses.clone(),
        };
        let body = protocol::encode(ask).unwrap();
        let answer = self.handle.request(target, Protocol::Mailbox, body).await.unwrap();
        protocol::decode(&answer, LIMIT).unwrap()
    }
}

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(measure());
}

/// An operator that is listed, and the address it is reached at.
fn serve(folder: &std::path::Path) -> (Node, PeerName, Vec<Address>) {
    std::fs::write(folder.join("passphrase"), "korrekt hest batteri\n").unwrap();
    let anchors = Anchors::found(folder);
    let mut operator = Node::at(folder, "operator");
    let init = ["init", "--profile", "test", "--role", "mailbox", "--did", OPERATOR];
    let who = ["--number", "314768205", "--name", "Postkasse", "--root"];
    operator.run(&[&init[..], &who, &[anchors.root.to_str().unwrap()]].concat());
    operator.serve();
    let said = operator.run(&["whoami"]);
    let card = folder.join("card.json");
    std::fs::write(&card, said.to_string()).unwrap();
    anchors.propose(&["--admit", card.to_str().unwrap(), "--service", "K03"]);
    let list = anchors.publish("list.proposal", "trust.json");
    operator.run(&["trust", "import", list.to_str().unwrap()]);
    let addresses = said["card"]["addresses"].as_array().unwrap().iter();
    let addresses = addresses
        .map(|address| Address::parse(&text(address)).unwrap())
        .collect();
    let peer = PeerName::parse(&text(&said["card"]["peer"])).unwrap();
    (operator, peer, addresses)
}

fn now() -> Timestamp {
    node::clock::now()
}

async fn measure() {
    let seconds = std::env::args().skip(1).find_map(|word| word.parse().ok());
    let folder = tempfile::Builder::new()
        .prefix("post-")
        .tempdir_in(env!("CARGO_TARGET_TMPDIR"))
        .unwrap();
    let (process, peer, addresses) = serve(folder.path());
    let (handle, _inbox) = network::start(Settings::default(), None, Arc::new(Wallets))
        .await
        .unwrap();
    let operator = Operator {
        handle,
        did: Did::parse(OPERATOR).unwrap(),
        peer,
        addresses,
    };
    let mut queues = Vec::new();
    for wallet in 0..WALLETS {
        for _ in 0..QUEUES {
            let key = SigningKey::generate(&mut entropy);
            let proof = prove(Act::Create, &operator.did, now(), &key).unwrap();
            let Reply::Created { queue, token } = operator.ask(wallet, &Ask::Create { proof }).await else {
                panic!("not begun");
            };
            queues.push(Queue { key, id: queue, token });
        }
    }
    let queues = Arc::new(queues);
    let begun = Instant::now();
    let until = begun + Duration::from_secs(seconds.unwrap_or(SECONDS));
    let wallets = (0..WALLETS).map(|wallet| {
        let (operator, queues) = (operator.clone(), Arc::clone(&queues));
        tokio::spawn(async move { one(wallet, &operator, &queues, until).await })
    });
    let (mut took, mut fetched) = (Vec::new(), 0);
    for wallet in wallets.collect::<Vec<_>>() {
        let (own, count) = wallet.await.unwrap();
        took.extend(own);
        fetched += count;
    }
    let elapsed = begun.elapsed().as_secs_f64();
    took.sort_unstable();
    let at = |share: f64| took[((took.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
    let told = |name: &str, value: f64, unit: &str| println!("{name}\t{value:.1}\t{unit}");
    told(
        "over the network: puts, and as many fetches",
        took.len() as f64 / 2.0 / elapsed,
        "/s",
    );
    told("over the network: a put or a fetch, median", at(0.5), "ms");
    told("over the network: a put or a fetch, p99", at(0.99), "ms");
    told(
        "over the network: envelopes fetched and acknowledged",
        fetched as f64,
        "",
    );
    drop(process);
}

/// What one wallet does until the time is over: how long each put and fetch took, and how many envelopes it got.
async fn one(wallet: usize, operator: &Operator, queues: &[Queue], until: Instant) -> (Vec<Duration>, usize) {
    let size = envelope::BODY_MAX - envelope::CLASSES[3] + envelope::CLASSES[0];
    let (mut took, mut fetched) = (Vec::new(), 0);
    while Instant::now() < until {
        let to = &queues[number(queues.len())];
        let mut envelope = vec![5; size];
        entropy(&mut envelope[..32]);
        let put = Ask::Put {
            queue: to.id,
            token: to.token,
            envelope,
        };
        let began = Instant::now();
        let reply = operator.ask(wallet, &put).await;
        took.push(began.elapsed());
        assert!(!matches!(reply, Reply::Problem(_)), "{reply:?}");

        let Queue { id, key, .. } = &queues[wallet * QUEUES + number(QUEUES)];
        let began = Instant::now();
        let proof = prove(Act::Fetch(id), &operator.did, now(), key).unwrap();
        let reply = operator.ask(wallet, &Ask::Fetch { queue: *id, proof }).await;
        took.push(began.elapsed());
        let Reply::Waiting { envelopes, .. } = reply else {
            panic!("{reply:?}");
        };
        let Some(last) = envelopes.last() else { continue };
        fetched += envelopes.len();
        let name = envelope::id(&last.envelope);
        let act = Act::Acknowledge {
            queue: id,
            number: last.number,
            id: &name,
        };
        let proof = prove(act, &operator.did, now(), key).unwrap();
        let ask = Ask::Acknowledge {
            queue: *id,
            number: last.number,
            id: name,
            proof,
        };
        let reply = operator.ask(wallet, &ask).await;
        assert!(!matches!(reply, Reply::Problem(_)), "{reply:?}");
    }
    (took, fetched)
}
