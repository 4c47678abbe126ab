//! How long a digest takes to all of 144 nodes: `cargo bench -p node --bench gossip [-- NODES MESSAGES BYTES]`. Asserts no figure.
//!
//! Real swarms over real sockets on loopback, in one process with two threads. Every node lists all, keeps its neighbours and
//! accepts whatever it hears at once, so that what a service does with a digest is not in the figure. Messages are published one
//! after the other, each by another node, when all have heard the one before; times are of one clock, from the call that
//! publishes until the service's end of each other node has the bytes.
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

use node::network::{self, GossipInbox, Greeter, Handle, Limits, News, PeerName, Secret32, Settings, Standing, Topic};
use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use tokio::time::timeout;

/// 30 agencies and 114 banks.
const NODES: usize = 144;
const MESSAGES: usize = 60;
const BYTES: usize = 2048;
/// Rest between two messages, so that the repairs of one are not in the time of the next.
const REST: Duration = Duration::from_millis(200);
/// Longest time for what must come.
const PATIENCE: Duration = Duration::from_secs(120);

/// Everybody is listed and welcome.
struct All(HashSet<PeerName>);

impl Greeter for All {
    fn hello(&self, _: Option<&PeerName>) -> Vec<u8> {
        b"organisation".to_vec()
    }

    fn check(&self, _: &PeerName, _: &[u8], _: bool) -> Result<Standing, Vec<u8>> {
        Ok(Standing::Full)
    }

    fn is_listed(&self, peer: &PeerName) -> bool {
        self.0.contains(peer)
    }
}

fn secret(node: usize) -> Secret32 {
    let mut bytes = [7; 32];
    bytes[..8].copy_from_slice(&u64::try_from(node).unwrap().to_be_bytes());
    Secret32::new(bytes)
}

fn main() {
    let mut given = std::env::args().skip(1).filter_map(|word| word.parse().ok());
    let mut next = |or| given.next().unwrap_or(or);
    let (nodes, messages, bytes) = (next(NODES), next(MESSAGES), next(BYTES));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(measure(nodes, messages, bytes.max(16)));
}

/// A node heard the message of a number.
struct Heard {
    number: u64,
    at: Instant,
}

async fn listen(mut inbox: GossipInbox, heard: mpsc::Sender<Heard>) {
    while let Some(news) = inbox.next().await {
        if let News::Message(message) = news {
            let at = Instant::now();
            let number = u64::from_be_bytes(message.data[..8].try_into().unwrap());
            message.verdict.accept();
            if heard.send(Heard { number, at }).await.is_err() {
                return;
            }
        }
    }
}

async fn measure(nodes: usize, messages: usize, bytes: usize) {
    let list: Arc<All> = Arc::new(All((0..nodes).map(|node| network::peer_name(&secret(node))).collect()));
    let (hearing, mut heard) = mpsc::channel(4096);
    let mut handles: Vec<Handle> = Vec::new();
    let mut inboxes = Vec::new();
    for node in 0..nodes {
        let limits = Limits {
            gossip_per_minute: 1_000,
            ..Limits::default()
        };
        let settings = Settings {
            limits,
            ..Settings::default()
        };
        let greeter: Arc<dyn Greeter> = list.clone();
        let (handle, mut inbox) = network::start(settings, Some(secret(node)), greeter).await.unwrap();
        tokio::spawn(listen(inbox.gossip().unwrap(), hearing.clone()));
        inboxes.push(inbox);
        handles.push(handle);
    }
    let listed: Vec<_> = handles
        .iter()
        .map(|h| (h.peer_name().unwrap(), h.addresses()))
        .collect();
    let began = Instant::now();
    for handle in &handles {
        handle.set_neighbours(listed.clone()).await.unwrap();
    }
    let kept = u64::try_from(Limits::default().neighbours.min(nodes - 1)).unwrap();
    while handles.iter().any(|handle| handle.gossip().neighbours < kept) {
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert!(began.elapsed() < PATIENCE, "the nodes do not find each other");
    }
    println!("all have their neighbours\t{}\tms", began.elapsed().as_millis());
    tokio::time::sleep(Duration::from_secs(3)).await;
    let degree: u64 = handles.iter().map(|handle| handle.gossip().peers).sum();
    println!("peers of a node\t{:.1}\t", degree as f64 / nodes as f64);
    println!("resident\t{}\tKiB a node", resident() / nodes);
    let idle = cpu();
    tokio::time::sleep(Duration::from_secs(5)).await;
    println!(
        "idle\t{:.1}\t% of a core, all nodes",
        (cpu() - idle).as_secs_f64() * 20.0
    );

    let (mut delays, mut last) = (Vec::new(), Vec::new());
    let busy = cpu();
    for number in 0..messages {
        let origin = number * 7 % nodes;
        let mut data = vec![0; bytes];
        let number = u64::try_from(number).unwrap();
        data[..8].copy_from_slice(&number.to_be_bytes());
        let sent = Instant::now();
        handles[origin].publish(Topic::Status, data).await.unwrap();
        let mut count = 0;
        while count < nodes - 1 {
            let Ok(Some(one)) = timeout(PATIENCE, heard.recv()).await else {
                println!("message {number}\t{count}\tof {} heard it", nodes - 1);
                break;
            };
            if one.number == number {
                count += 1;
                delays.push(one.at.duration_since(sent));
            }
        }
        last.push(sent.elapsed());
        tokio::time::sleep(REST).await;
    }
    let busy = cpu() - busy;
    delays.sort_unstable();
    last.sort_unstable();
    let at = |sorted: &[Duration], share: usize| sorted[(sorted.len() - 1) * share / 100].as_secs_f64() * 1_000.0;
    for share in [50, 95, 99, 100] {
        println!("heard by a node, p{share}\t{:.1}\tms", at(&delays, share));
    }
    for share in [50, 100] {
        println!("heard by all, p{share}\t{:.1}\tms", at(&last, share));
    }
    let (mut received, mut duplicates) = (0, 0);
    for handle in &handles {
        let row = handle.gossip().topics[1].1;
        received += row.received;
        duplicates += row.duplicates;
    }
    println!(
        "copies of a message at a node\t{:.2}\t",
        1.0 + duplicates as f64 / received as f64
    );
    println!(
        "processor\t{:.2}\tms a message and node",
        busy.as_secs_f64() * 1_000.0 / (messages * nodes) as f64
    );
}

/// Processor time of this process.
fn cpu() -> Duration {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = text.rsplit(')').next().unwrap().split_whitespace().collect();
    let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
    // Linux counts 100 a second.
    Duration::from_millis(ticks * 10)
}

/// KiB in memory.
fn resident() -> usize {
    let text = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = text.lines().find(|line| line.starts_with("VmRSS")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
