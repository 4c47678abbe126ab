//! Peers that flood, lie, stall and open connections by the thousand, at a bank that goes on deciding for its customers: strangers
//! on several addresses, and one that is on the list.

#![allow(
    clippy::disallowed_methods,
    reason = "a test that runs itself again tells that process so by the environment"
)]

use super::ground;
use super::nodes::{BANKS, Field, Plan};
use crate::network::{IDENTITY, argument, text, try_ask};
use crate::process::Home;
use node::network::raw::Raw;
use node::network::{Address, Secret32};
use node::population::CITIZEN;
use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

/// This test, as the harness names it.
const TEST: &str = "flood::ten_thousand_connections_floods_lies_and_stalls_leave_ninety_nine_of_a_hundred_verdicts";
/// Addresses to attack, in the process of an attacker.
const ATTACK: &str = "BEVIS_FIELD_ATTACK";
/// What an attacker says before the number of connections it has opened.
const OPENED: &str = "opened ";
/// Attackers that are not on the list, each on a plot of its own.
const STRANGERS: usize = 3;
/// Connections that are opened while the bank is watched, at least.
const CONNECTIONS: usize = 10_000;
/// Plain connections that one attacker holds at one time.
const HELD: usize = 1_000;
/// What the bank and its peers do meanwhile.
const ATTEMPTS: usize = 100;
/// Presentations among them.
const PRESENTATIONS: usize = 30;
/// Wallets that take turns with the first: none greets the bank more often than one may, and none runs out of copies.
const MORE_WALLETS: [&str; 2] = ["citizen-2", "citizen-3"];
/// Longest that a connection attempt may hang.
const HANG: Duration = Duration::from_secs(2);
/// How often an attacker says how far it is.
const TELL: Duration = Duration::from_millis(200);

/// `ip:port` of a node's TCP address.
fn tcp(address: &str) -> Option<String> {
    let (ip, port) = address.strip_prefix("/ip4/")?.split_once("/tcp/")?;
    Some(format!("{ip}:{}", port.split('/').next()?))
}

/// Opens plain connections that never say a word, and lets the oldest go, until told to stop.
fn occupy(target: &str, opened: &AtomicUsize, is_over: &AtomicBool) {
    let target = target.parse().expect("an address");
    let mut held = VecDeque::new();
    while !is_over.load(Ordering::Relaxed) {
        // Whether it is taken is the bank's to say.
        if let Ok(stream) = TcpStream::connect_timeout(&target, HANG) {
            held.push_back(stream);
        }
        opened.fetch_add(1, Ordering::Relaxed);
        if held.len() > HELD {
            held.pop_front();
        }
    }
}

/// Dials as a peer does, and then sends garbage for a greeting, announces more than it sends, or opens streams and stalls.
async fn pester(address: Address, turn: usize, opened: Arc<AtomicUsize>, is_over: Arc<AtomicBool>) {
    let mut held = Vec::new();
    for round in turn.. {
        if is_over.load(Ordering::Relaxed) {
            return;
        }
        opened.fetch_add(1, Ordering::Relaxed);
        let mut identity = [0; 32];
        identity[..8].copy_from_slice(&round.to_be_bytes());
        identity[8] = 1;
        let Ok(raw) = Raw::dial(&address, &Secret32::new(identity)).await else {
            continue;
        };
        match round % 3 {
            0 => drop(raw.ask("/bevis/hello/1", &[0xff; 900]).await),
            1 => {
                if let Ok(mut stream) = raw.agree("/bevis/hello/1").await {
                    stream.write(&8_000_u32.to_be_bytes()).await.ok();
                    held.push((raw, stream));
                }
            }
            _ => {
                for _ in 0..64 {
                    if let Ok(stream) = raw.open().await {
                        drop(stream);
                    }
                }
            }
        }
        if held.len() > 64 {
            held.remove(0);
        }
    }
}

/// An attacker that is not on the list, until its input closes.
fn attack(addresses: &str) {
    let addresses: Vec<String> = serde_json::from_str(addresses).expect("JSON");
    let plain = addresses.iter().find_map(|address| tcp(address)).expect("TCP");
    let (opened, is_over) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime");
    // Each attacker is somebody else, every time.
    let own = usize::try_from(std::process::id()).expect("small") << 40;
    for (turn, address) in addresses.iter().enumerate() {
        let address = Address::parse(address).expect("an address");
        runtime.spawn(pester(address, own + (turn << 32), opened.clone(), is_over.clone()));
    }
    let (ended, end) = channel();
    std::thread::spawn(move || {
        drop(std::io::stdin().read_to_end(&mut Vec::new()));
        ended.send(()).ok();
    });
    std::thread::scope(|scope| {
        scope.spawn(|| occupy(&plain, &opened, &is_over));
        while end.recv_timeout(TELL) == Err(RecvTimeoutError::Timeout) {
            println!("{OPENED}{}", opened.load(Ordering::Relaxed));
        }
        is_over.store(true, Ordering::Relaxed);
    });
    runtime.shutdown_background();
}

/// Attackers at work, and how many connections each has opened.
struct Strangers {
    children: Vec<Child>,
    opened: Vec<Arc<AtomicUsize>>,
}

impl Strangers {
    /// This program once more on each of these plots.
    fn start(field: &Field, plots: std::ops::Range<usize>, addresses: &[String]) -> Strangers {
        let (mut children, mut opened) = (Vec::new(), Vec::new());
        for plot in plots {
            let mut command = Command::new(std::env::current_exe().expect("this program"));
            command.args(["--exact", "--nocapture", "--test-threads", "1"]);
            command.arg(format!("field::{TEST}"));
            command.env(ATTACK, serde_json::to_string(addresses).expect("JSON"));
            let mut child = field
                .ground
                .enter(plot, &command)
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .spawn()
                .expect("starts");
            let (said, count) = (child.stdout.take().expect("piped"), Arc::new(AtomicUsize::new(0)));
            opened.push(count.clone());
            children.push(child);
            std::thread::spawn(move || {
                let lines = BufReader::new(said).lines().map_while(Result::ok);
                for number in lines.filter_map(|line| line.strip_prefix(OPENED)?.parse().ok()) {
                    count.store(number, Ordering::Relaxed);
                }
            });
        }
        Strangers { children, opened }
    }

    fn opened(&self) -> usize {
        self.opened.iter().map(|count| count.load(Ordering::Relaxed)).sum()
    }
}

impl Drop for Strangers {
    fn drop(&mut self) {
        // They end with their input.
        for child in &mut self.children {
            drop(child.stdin.take());
        }
        for child in &mut self.children {
            drop(child.wait());
        }
    }
}

/// Whether a person's presentation at this bank ends with a verdict that it is valid, at both of them.
fn is_presented(bank: &Home, wallet: &Home, case: &str) -> bool {
    let asked = try_ask(bank, "K02", case, CITIZEN, &["C01"]).json();
    let (Some(link), Some(session)) = (asked["link"].as_str(), asked["session"].as_str()) else {
        eprintln!("not asked: {asked}");
        return false;
    };
    let waiting = wallet
        .run_with(&["wallet", "receive", "-"], &format!("{link}\n"))
        .json();
    let Some(id) = waiting["id"].as_str() else {
        eprintln!("not received: {waiting}");
        return false;
    };
    let shared = wallet.run(&["--yes", "wallet", "present", id]).json();
    if shared["receipt"]["verdict"] != "valid" {
        eprintln!("not presented: {shared}");
        return false;
    }
    let watched = bank.run(&["verifier", "watch", session, "--seconds", "30"]).json();
    watched["session"]["verdict"] == "valid"
}

/// Attempts, and those that went well.
#[derive(Default)]
struct Tally {
    good: usize,
    tried: usize,
}

impl Tally {
    fn count(&mut self, is_good: bool) {
        self.tried += 1;
        self.good += usize::from(is_good);
    }
}

#[test]
fn ten_thousand_connections_floods_lies_and_stalls_leave_ninety_nine_of_a_hundred_verdicts() {
    if let Ok(addresses) = std::env::var(ATTACK) {
        return attack(&addresses);
    }
    if !ground::is_entered(TEST) {
        return;
    }
    let mut field = Field::found(Plan {
        banks: 3,
        liars: 1,
        is_flooded: true,
        free: STRANGERS,
        ..Plan::default()
    });
    let bank = &field.banks[0];
    let card = bank.ok(&["whoami"])["card"].clone();
    let addresses: Vec<String> = card["addresses"]
        .as_array()
        .expect("addresses")
        .iter()
        .map(text)
        .collect();
    let bundle = field.network.folder().join("trust.json");
    let more: Vec<Home> = MORE_WALLETS
        .iter()
        .map(|name| {
            let wallet = field.network.wallet(name, &[]);
            wallet.ok(&["trust", "import", argument(&bundle)]);
            field.network.identify(&field.identity, &wallet, CITIZEN);
            wallet
        })
        .collect();
    let wallets: Vec<&Home> = std::iter::once(&field.wallet).chain(&more).collect();
    // The agency, the banks and the one on the list have the plots before theirs.
    let first = 2 + field.banks.len();
    let strangers = Strangers::start(&field, first..first + STRANGERS, &addresses);
    let (mut presented, mut other) = (Tally::default(), Tally::default());
    while strangers.opened() < CONNECTIONS || other.tried < ATTEMPTS || presented.tried < PRESENTATIONS {
        // A person shows the bank who they are; the bank decides by itself; another listed peer reaches it, and it another.
        let wallet = wallets[presented.tried % wallets.len()];
        presented.count(is_presented(bank, wallet, &format!("K-{}", presented.tried)));
        for _ in 0..2 {
            other.count(field.answer(bank)["verdict"] == "valid");
        }
        for peer in &field.banks[1..] {
            other.count(peer.run(&["node", "ping", BANKS[0].did]).exit == 0);
        }
        other.count(bank.run(&["node", "ping", IDENTITY.did]).exit == 0);
    }
    // A change made in the middle of it all comes through.
    for made in &field.revoke() {
        other.count(made.seen_within(bank, "60").is_some());
    }
    other.count(field.answer(bank)["code"] == "revoked");
    let opened = strangers.opened();
    drop(strangers);
    let (gossiped, asked) = field.liars.as_mut().expect("as planned").done();
    println!(
        "field: {} of {} presentations and {} of {} others good while {opened} connections were opened, {gossiped} messages \
         gossiped and {asked} requests made",
        presented.good, presented.tried, other.good, other.tried
    );
    assert!(gossiped > 1_000 && asked > 1_000, "{gossiped} {asked}: a flood");
    for tally in [&presented, &other] {
        assert!(
            tally.good * 100 >= tally.tried * 99,
            "{} of {}",
            tally.good,
            tally.tried
        );
    }
}
