//! Seeds: as many as `BEVIS_SEEDS` says, from `BEVIS_SEED` on (with `BEVIS_STOP`, until one fails); one alone with every line of
//! what happened.

use crate::{Counts, Failure, Report, STEPS, run};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// Seeds when nothing is said: as many as two minutes of two slow cores take.
const SEEDS: u64 = 300;
/// Cores that are used.
const THREADS: usize = 2;
/// Lines of a failing seed that are shown.
const LINES: usize = 40;

/// Seeds from which on each of these must have been.
const ENOUGH: u64 = 100;
const MUST_BE: [&str; 39] = [
    "asked too much",
    "clocks set wrong",
    "codes guessed",
    "crashes between two steps",
    "crashes between two writes",
    "delayed and overtaken",
    "delayed beyond waiting",
    "deliveries asked to other keys",
    "disks full",
    "doubled",
    "grants given",
    "grants taken back",
    "in trouble: credentials collected",
    "in trouble: grants given",
    "in trouble: releases",
    "in trouble: uses told to their holder",
    "in trouble: valid verdicts",
    "in trouble: withdrawals acknowledged by an issuer",
    "links in the wrong hands",
    "lost",
    "lost to a partition",
    "messages garbled",
    "messages repeated by a person",
    "messages replayed by a stranger",
    "power cuts",
    "processes killed",
    "refreshes refused as withdrawn",
    "releases",
    "releases replayed to a bank",
    "requests beyond the registration",
    "syncs that fail",
    "unsynced writes lost",
    "unsynced writes torn",
    "uses told to their holder",
    "wallets off",
    "withdrawals acknowledged by an asker",
    "withdrawals acknowledged by an issuer",
    "withdrawals that came before their grant",
    "withdrawals told by an issuer",
];

/// A number from the environment.
fn setting(name: &str) -> Option<u64> {
    let (_, value) = std::env::vars_os().find(|(key, _)| key == name)?;
    value.to_str()?.parse().ok()
}

fn show(seed: u64, failure: &Failure) -> String {
    let from = failure.lines.len().saturating_sub(LINES);
    format!(
        "seed {seed}: {}\n{}\nBEVIS_SEED={seed} cargo test --release -p simulation one_seed -- --nocapture",
        failure.violation,
        failure.lines[from..].join("\n")
    )
}

#[test]
fn no_seed_breaks_an_invariant_and_every_fault_occurs() {
    let (first, count) = (
        setting("BEVIS_SEED").unwrap_or(1),
        setting("BEVIS_SEEDS").unwrap_or(SEEDS),
    );
    let stops = setting("BEVIS_STOP").is_some();
    let next = AtomicU64::new(first);
    let total: Mutex<(Counts, u64)> = Mutex::default();
    let failures: Mutex<Vec<(u64, String, &'static str)>> = Mutex::default();
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= first + count || (stops && !failures.lock().unwrap().is_empty()) {
                        break;
                    }
                    match run(seed) {
                        Ok(Report { counts, steps, .. }) => {
                            assert!(steps >= STEPS, "seed {seed} had {steps} steps");
                            let mut total = total.lock().unwrap();
                            total.1 += steps;
                            for (what, times) in counts {
                                *total.0.entry(what).or_insert(0) += times;
                            }
                        }
                        Err(failure) => {
                            let shown = show(seed, &failure);
                            failures
                                .lock()
                                .unwrap()
                                .push((seed, shown, failure.violation.invariant));
                        }
                    }
                }
            });
        }
    });
    let (counts, steps) = total.into_inner().unwrap();
    println!("{count} seeds, {steps} steps");
    for (what, times) in &counts {
        println!("{times:>9}  {what}");
    }
    let failures = failures.into_inner().unwrap();
    for (_, shown, _) in failures.iter().take(3) {
        println!("{shown}");
    }
    for (seed, _, invariant) in failures.iter().skip(3) {
        println!("BEVIS_SEED={seed} cargo test --release -p simulation one_seed -- --nocapture  # {invariant}");
    }
    for what in MUST_BE {
        let times = counts.get(what).copied().unwrap_or(0);
        assert!(times > 0 || count < ENOUGH || !failures.is_empty(), "never: {what}");
    }
    assert!(failures.is_empty(), "{} of {count} seeds failed", failures.len());
}

#[test]
fn one_seed() {
    let seed = setting("BEVIS_SEED").unwrap_or(1);
    match run(seed) {
        Ok(report) => {
            for line in &report.lines {
                println!("{line}");
            }
            for (what, times) in &report.counts {
                println!("{times:>9}  {what}");
            }
        }
        Err(failure) => {
            for line in &failure.lines {
                println!("{line}");
            }
            panic!("{}", show(seed, &failure));
        }
    }
}

#[test]
fn the_same_seed_happens_the_same_way() {
    for seed in [3, 4] {
        let (Ok(one), Ok(other)) = (run(seed), run(seed)) else {
            panic!("seed {seed} fails");
        };
        assert_eq!((one.trace, one.steps), (other.trace, other.steps));
        assert_eq!(one.lines, other.lines);
    }
}
