//! What one mailbox operator's machine holds and does: `cargo bench -p node --bench mailbox [-- QUEUES SECONDS TOGETHER]`. Asserts no
//! figure.
//!
//! One thread, a store on this machine's disk: first all queues are begun, and what they take in memory is told; then as many puts
//! as fetches, TOGETHER of each in one call, each for another queue and in no order, until the time is over. Owners' proofs are signed
//! outside the time taken; the network is not in it. What was fetched is acknowledged between the calls that are timed, and takes
//! time from the rate.
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

use credentials::mailbox::{Act, prove};
use credentials::protocol::mailbox::{Ask, Reply};
use credentials::{Did, SigningKey, Timestamp, envelope};
use node::mailbox::{Limits, Mailbox, Peer};
use std::time::{Duration, Instant};
use store::{Params, Passphrase, Store};

/// Wallets of the figure, one queue each.
const QUEUES: u64 = 20_000;
const SECONDS: u64 = 20;
/// Puts, and fetches, that come in while one commit runs.
const TOGETHER: u64 = 32;

struct Queue {
    key: SigningKey,
    id: [u8; 16],
    token: [u8; 32],
}

fn resident() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1024.0
}

fn entropy(bytes: &mut [u8]) {
    getrandom::fill(bytes).unwrap();
}

fn number() -> u64 {
    let mut bytes = [0; 8];
    entropy(&mut bytes);
    u64::from_be_bytes(bytes)
}

fn told(name: &str, value: f64, unit: &str) {
    println!("{name}\t{value:.1}\t{unit}");
}

fn main() {
    let mut given = std::env::args().skip(1).filter_map(|word| word.parse().ok());
    let mut next = |or| given.next().unwrap_or(or);
    let (queues, seconds, together) = (next(QUEUES), next(SECONDS), next(TOGETHER));
    let now = Timestamp::parse("2026-07-10T12:00:00Z").unwrap();
    let operator = Did::parse("did:web:postkasse.example").unwrap();
    let home = tempfile::tempdir_in(std::env::current_dir().unwrap()).unwrap();
    let folder = home.path().join("store");
    let passphrase = Passphrase::new("a synthetic passphrase");
    let store = Store::create(&folder, &passphrase, Params::quick(), Box::new(entropy)).unwrap();
    let mut mailbox = Mailbox::open(&store, operator.clone(), Limits::default()).unwrap();

    let before = resident();
    let keys: Vec<_> = (0..queues).map(|_| SigningKey::generate(&mut entropy)).collect();
    let mut owned = Vec::new();
    for keys in keys.chunks(512) {
        let ask = |key: &SigningKey| Ask::Create {
            proof: prove(Act::Create, &operator, now, key).unwrap(),
        };
        let asks: Vec<_> = keys.iter().map(|key| (Peer::Listed, ask(key))).collect();
        for (reply, key) in mailbox.answer(&asks, now, &mut entropy).replies.iter().zip(keys) {
            let Reply::Created { queue, token } = reply else {
                panic!("{reply:?}");
            };
            let key = SigningKey::from_bytes(&key.to_bytes());
            owned.push(Queue {
                key,
                id: *queue,
                token: *token,
            });
        }
    }
    told("queues", owned.len() as f64, "");
    told("memory before any queue", before, "MiB");
    told("memory with the bench's own keys", resident(), "MiB");
    drop(keys);
    drop((mailbox, store));
    let start = Instant::now();
    let store = Store::open(&folder, &passphrase, Box::new(entropy)).unwrap();
    let mut mailbox = Mailbox::open(&store, operator.clone(), Limits::default()).unwrap();
    told("opened again", start.elapsed().as_secs_f64() * 1e3, "ms");

    let size = envelope::BODY_MAX - envelope::CLASSES[3] + envelope::CLASSES[0];
    let (mut took, mut fetched) = (Vec::new(), 0);
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(seconds) {
        let mut asks = Vec::new();
        let mut readers = Vec::new();
        for _ in 0..together {
            let to = &owned[(number() % queues) as usize];
            let mut envelope = vec![5; size];
            entropy(&mut envelope[..32]);
            let put = Ask::Put {
                queue: to.id,
                token: to.token,
                envelope,
            };
            asks.push((Peer::Listed, put));
            let reader = (number() % queues) as usize;
            let Queue { id, key, .. } = &owned[reader];
            let proof = prove(Act::Fetch(id), &operator, now, key).unwrap();
            asks.push((Peer::Listed, Ask::Fetch { queue: *id, proof }));
            readers.push(reader);
        }
        let start = Instant::now();
        let answers = mailbox.answer(&asks, now, &mut entropy);
        took.push(start.elapsed());
        assert!(answers.failed.is_none());
        let mut acknowledged = Vec::new();
        let waiting = answers
            .replies
            .iter()
            .filter(|reply| matches!(reply, Reply::Waiting { .. }));
        for (reply, reader) in waiting.zip(readers) {
            let Reply::Waiting { envelopes, .. } = reply else {
                continue;
            };
            let Some(last) = envelopes.last() else { continue };
            fetched += envelopes.len();
            let Queue { id, key, .. } = &owned[reader];
            let name = envelope::id(&last.envelope);
            let act = Act::Acknowledge {
                queue: id,
                number: last.number,
                id: &name,
            };
            let proof = prove(act, &operator, now, key).unwrap();
            let ask = Ask::Acknowledge {
                queue: *id,
                number: last.number,
                id: name,
                proof,
            };
            acknowledged.push((Peer::Listed, ask));
        }
        assert!(mailbox.answer(&acknowledged, now, &mut entropy).failed.is_none());
    }
    let elapsed = begun.elapsed().as_secs_f64();
    took.sort_unstable();
    let at = |share: f64| took[((took.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
    let each = (took.len() as u64 * together) as f64;
    told("puts, and as many fetches", each / elapsed, "/s");
    told("a call, median", at(0.5), "ms");
    told("a call, p99", at(0.99), "ms");
    told("envelopes fetched and acknowledged", fetched as f64, "");
    told("waiting", mailbox.holding().items as f64, "");
    told("memory at the end", resident(), "MiB");
    told("journal", store.health().journal_bytes as f64 / 1048576.0, "MiB");
}
