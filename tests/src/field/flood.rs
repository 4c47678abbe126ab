//! A peer that floods, stalls and opens connections by the thousand, at a bank that goes on deciding for its customers.

use super::ground;
use super::nodes::{BANKS, Field};
use crate::network::IDENTITY;
use node::network::raw::Raw;
use node::network::{Address, Secret32};
use std::collections::VecDeque;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

/// Connections that are opened while the bank is watched, at least.
const CONNECTIONS: usize = 10_000;
/// Plain connections that one attacker holds at one time.
const HELD: usize = 1_000;
/// What the bank and its peers do meanwhile.
const ATTEMPTS: usize = 100;
/// Longest that a connection attempt may hang.
const HANG: Duration = Duration::from_secs(2);

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

#[test]
fn ten_thousand_connections_floods_and_stalls_leave_ninety_nine_of_a_hundred_verdicts() {
    if !ground::is_entered("flood::ten_thousand_connections_floods_and_stalls_leave_ninety_nine_of_a_hundred_verdicts")
    {
        return;
    }
    let field = Field::found(3, 0);
    let bank = &field.banks[0];
    let card = bank.ok(&["whoami"])["card"].clone();
    let addresses: Vec<String> = card["addresses"]
        .as_array()
        .expect("addresses")
        .iter()
        .map(|address| address.as_str().expect("text").to_owned())
        .collect();
    let plain = addresses.iter().find_map(|address| tcp(address)).expect("TCP");
    let (opened, is_over) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime");
    for (turn, address) in addresses.iter().cycle().take(6).enumerate() {
        let address = Address::parse(address).expect("an address");
        runtime.spawn(pester(address, turn << 32, opened.clone(), is_over.clone()));
    }
    let (good, tried) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let count = |is_good: bool| {
        tried.fetch_add(1, Ordering::Relaxed);
        good.fetch_add(usize::from(is_good), Ordering::Relaxed);
    };
    std::thread::scope(|scope| {
        for _ in 0..2 {
            let (opened, is_over, plain) = (opened.clone(), is_over.clone(), plain.clone());
            scope.spawn(move || occupy(&plain, &opened, &is_over));
        }
        while opened.load(Ordering::Relaxed) < CONNECTIONS || tried.load(Ordering::Relaxed) < ATTEMPTS {
            // The bank decides; another listed peer reaches it; it reaches another listed peer.
            for _ in 0..ATTEMPTS / 4 {
                count(field.answer(bank)["verdict"] == "valid");
            }
            for peer in &field.banks[1..] {
                count(peer.run(&["node", "ping", BANKS[0].did]).exit == 0);
            }
            count(bank.run(&["node", "ping", IDENTITY.did]).exit == 0);
        }
        // A change made in the middle of it all comes through.
        for made in &field.revoke() {
            count(made.seen_within(bank, "60").is_some());
        }
        count(field.answer(bank)["code"] == "revoked");
        is_over.store(true, Ordering::Relaxed);
    });
    let (good, tried) = (good.into_inner(), tried.into_inner());
    runtime.shutdown_background();
    let opened = opened.load(Ordering::Relaxed);
    println!("field: {good} of {tried} good while {opened} connections were opened");
    assert!(opened >= CONNECTIONS && tried >= ATTEMPTS, "{opened} {tried}");
    assert!(good * 100 >= tried * 99, "{good} of {tried}");
}
