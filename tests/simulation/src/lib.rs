//! The three roles' machines under a seeded scheduler: two issuers, two banks and three persons' wallets, each with the real `store`
//! on a disk in memory, in one process, without a network, a clock or a file.
//!
//! A seed is a world ([`run`]): persons collect credentials and show them, give banks standing grants and take them back, banks ask
//! and refresh, issuers release and revoke; wallets are off for a while, and meanwhile messages
//! are late, lost, doubled and out of order, machines do not reach each other, die between any two writes and come
//! back to what their disk kept, clocks are wrong, disks are full, and strangers repeat, change and cut what others sent.
//! After every step an observer with books of its own compares what was said and what is known ([`Violation`] names the
//! invariants). In the end nothing breaks any more, and everything that was begun must come to its end.
//!
//! Messages travel as the bytes of the wire, through `credentials::protocol`. A newcomer reads `world` (the queue), `life` and
//! `hostile` (what happens), `network` (what a node does about it), `disk` (what a power cut leaves), then `observer`.
//!
//! A failing seed prints the line that replays it.

mod calm;
mod cast;
mod dice;
mod disk;
mod hostile;
mod life;
mod machine;
mod network;
mod observer;
mod world;

#[cfg(test)]
mod tests;

pub use observer::Violation;
pub use world::Counts;

use std::panic::{AssertUnwindSafe, catch_unwind};
use world::{Event, World};

/// Steps of a seed before the end begins.
pub const STEPS: u64 = 220;

/// What a seed came to.
pub struct Report {
    /// Steps, the end included.
    pub steps: u64,
    /// Faults and exchanges.
    pub counts: Counts,
    /// Hash over everything that happened in its order.
    pub trace: [u8; 32],
    /// What happened, a line each.
    pub lines: Vec<String>,
}

/// A seed that showed something that must never be.
pub struct Failure {
    /// What.
    pub violation: Violation,
    /// What happened until then, a line each.
    pub lines: Vec<String>,
}

/// Runs a seed.
///
/// # Errors
/// The first violation of an invariant.
pub fn run(seed: u64) -> Result<Report, Box<Failure>> {
    let failed = |violation, lines| Box::new(Failure { violation, lines });
    let mut world = World::new(seed).map_err(|violation| failed(violation, Vec::new()))?;
    let lived = catch_unwind(AssertUnwindSafe(|| live(&mut world)));
    let lived = lived.unwrap_or_else(|_| observer::broken(observer::PANIC, "a machine panicked"));
    let World {
        steps, counts, lines, ..
    } = &mut world;
    let (steps, counts, lines) = (*steps, std::mem::take(counts), std::mem::take(lines));
    match lived {
        Ok(()) => Ok(Report {
            steps,
            counts,
            trace: world.trace(),
            lines,
        }),
        Err(violation) => Err(failed(violation, lines)),
    }
}

fn live(world: &mut World) -> Result<(), Violation> {
    world.steps = 0;
    world.counts.clear();
    world.after(0, Event::Life);
    while world.steps < STEPS {
        world.step()?;
    }
    // What came about while things broke, beside what the end adds.
    for (while_broken, what) in [
        ("in trouble: credentials collected", "collected"),
        ("in trouble: answers with receipt", "shared with receipt"),
        ("in trouble: grants given", "grants given"),
        ("in trouble: releases", "releases"),
        ("in trouble: uses told to their holder", "uses told to their holder"),
        (
            "in trouble: withdrawals acknowledged by an issuer",
            "withdrawals acknowledged by an issuer",
        ),
        ("in trouble: verdicts", "verdicts"),
        ("in trouble: valid verdicts", "valid verdicts"),
    ] {
        let count = world.counts.get(what).copied().unwrap_or(0);
        world.counts.insert(while_broken, count);
    }
    world.end()
}
