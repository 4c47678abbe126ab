//! `kill -9` of any of the nine at random moments under load: nothing acknowledged is lost, nothing is issued or accepted
//! twice, and everything can go on.
//!
//! What was acknowledged is remembered in this process, which is never killed. `BEVIS_KILLS` sets how many kills there are
//! (50; 1,000 in the full size), `BEVIS_KILLS_SEED` which nodes and moments, `BEVIS_KILLS_QUIC=1` begins with QUIC: a run
//! that fails names what replays it.

#![allow(
    clippy::disallowed_methods,
    reason = "how many kills there are is told by the environment"
)]

mod kept;
mod load;
mod nodes;

use crate::network::{BANK, GUARANTOR, IDENTITY, LOANS, Network, REGISTRY, ROADS, TAX};
use crate::process::Home;
use crate::telling::NODES;
use kept::Kept;
use load::{Load, Register};
use node::population::CARRIER;
use nodes::Nodes;
use std::time::Duration;

/// Kills in one network. Then another one is made: an issuer delivers to one person 32 times a day and no more.
const KILLS_A_NETWORK: u64 = 50;
/// Latest moment of a kill after the load has begun, and after work that concerns the node has begun.
const MOMENT: Duration = Duration::from_millis(250);
const WITHIN_WORK: Duration = Duration::from_millis(25);

/// Small, seeded, and the same everywhere.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn roll(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % below
    }

    fn part(&mut self, of: Duration) -> Duration {
        of.mul_f64(self.roll(1_000) as f64 / 1_000.0)
    }
}

fn setting(name: &str, default: u64) -> u64 {
    let set = std::env::var(name).ok();
    set.map_or(default, |text| text.parse().expect("a number"))
}

/// The nine in the order of [`NODES`], listed, trusted and at work.
fn homes(network: &Network, serve: &[&str]) -> Vec<Home> {
    let organisations = [IDENTITY, TAX, LOANS, GUARANTOR, REGISTRY, BANK, ROADS];
    let mut homes: Vec<Home> = organisations.iter().map(|one| network.init(one, &[])).collect();
    let mut citizen = network.wallet("citizen", &[]);
    let mut company = network.wallet("company", &["--organisation", CARRIER]);
    let mut listed: Vec<_> = organisations.iter().zip(homes.iter_mut()).collect();
    network.begin(&mut listed, &[&citizen, &company], serve);
    citizen.serve(serve);
    company.serve(serve);
    homes.extend([citizen, company]);
    homes
}

#[derive(Default, Debug)]
struct Counts {
    kills: u64,
    /// Kills of a node that a command was then concerned with, which had not been answered.
    within_work: u64,
    /// Kills by node.
    by_node: [u64; NODES.len()],
}

/// One network and so many kills.
fn campaign(serve: &'static [&'static str], seed: u64, kills: u64, counts: &mut Counts, all: &mut Kept) {
    let network = Network::new();
    let registers = Register::read(&network.population(400, 120));
    let nodes = Nodes::new(NODES.into_iter().zip(homes(&network, serve)).collect(), serve);
    let mut dice = Dice(seed);
    let load = Load::new(&nodes, &registers);
    load.begin();
    for kill in 0..kills {
        let victim = dice.roll(NODES.len() as u64) as usize;
        let name = NODES[victim];
        let wants_work = kill.is_multiple_of(2);
        std::thread::scope(|scope| {
            let seeds: Vec<u64> = (0..load::LANES).map(|_| dice.roll(u64::MAX)).collect();
            nodes.begin();
            let lanes: Vec<_> = seeds
                .into_iter()
                .enumerate()
                .map(|(lane, seed)| {
                    let load = &load;
                    scope.spawn(move || load.lane(lane, name, Dice(seed)))
                })
                .collect();
            if wants_work {
                nodes.wait_for_work(name);
                nodes.pass(dice.part(WITHIN_WORK));
                // It may be done already; then the next is waited for.
                if !nodes.is_at_work(name) {
                    nodes.wait_for_work(name);
                }
            } else {
                nodes.pass(dice.part(MOMENT));
            }
            let was_at_work = nodes.kill(name);
            counts.kills += 1;
            counts.within_work += u64::from(was_at_work);
            counts.by_node[victim] += 1;
            nodes.start(name);
            nodes.end();
            for lane in lanes {
                if let Err(panic) = lane.join() {
                    eprintln!("after kill {kill} of {name} in flight: {was_at_work}");
                    std::panic::resume_unwind(panic);
                }
            }
        });
        load.check(name);
    }
    load.finish();
    all.add(load.into_kept());
}

#[test]
fn any_of_the_nine_killed_at_any_moment_loses_repeats_and_blocks_nothing() {
    let kills = setting("BEVIS_KILLS", KILLS_A_NETWORK);
    let seed = setting("BEVIS_KILLS_SEED", 53);
    let watch = node::clock::Stopwatch::start();
    let (mut counts, mut kept) = (Counts::default(), Kept::default());
    let mut left = kills;
    let mut round = setting("BEVIS_KILLS_QUIC", 0);
    let seed = seed.wrapping_sub(round);
    while left > 0 {
        let now = left.min(KILLS_A_NETWORK);
        // A QUIC peer that was killed is missed only after ten silent seconds, a TCP one at once. The first network, the
        // only one in the small size, is of the quick kind.
        let serve: &[&str] = if round.is_multiple_of(2) {
            &["--transport", "tcp"]
        } else {
            &[]
        };
        let seed = seed.wrapping_add(round);
        let quic = round % 2;
        let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            campaign(serve, seed, now, &mut counts, &mut kept);
        }));
        if let Err(panic) = done {
            eprintln!("BEVIS_KILLS={now} BEVIS_KILLS_SEED={seed} BEVIS_KILLS_QUIC={quic} replays it");
            std::panic::resume_unwind(panic);
        }
        left -= now;
        round += 1;
    }
    let Counts {
        kills,
        within_work,
        by_node,
    } = &counts;
    println!(
        "{kills} kills, {within_work} of them within work, in {} ms",
        watch.milliseconds()
    );
    println!("by node: {:?}", NODES.iter().zip(by_node).collect::<Vec<_>>());
    kept.print();
    assert!(
        within_work * 2 >= *kills,
        "half the kills hit work in flight: {counts:?}"
    );
}
