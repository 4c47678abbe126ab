//! The power is cut at any moment: what was acknowledged stays. Plain sled, and our store without its fdatasync, lose.
//!
//! The processes run under a shim that forgets what was not synced (`store/shim/powercut.c`). What they acknowledged goes
//! through a pipe to the test, which outlives them.

#![allow(
    clippy::disallowed_methods,
    reason = "the child process of a test gets its orders by the environment"
)]

mod machine;
mod shim;

use std::panic::catch_unwind;

use super::writers::{Step, Told, Writers, commits, hear, number, say};
use super::*;
use machine::{Cut, Loss, Machine};

/// What a child is told to do, and where.
const CHILD: &str = "BEVIS_STORE_POWER_CHILD";
const LIVE: &str = "POWERCUT_LIVE";
const WRITERS: Writers = Writers {
    threads: 4,
    kept: 20,
    values_below: 3_000,
    compacts_after: 61,
    erases: true,
};
/// Without a sync the keys that can be destroyed do not last either, and a store without them is refused: there only rows are
/// written whose loss can be counted.
const UNSYNCED_WRITERS: Writers = Writers {
    erases: false,
    ..WRITERS
};
const LIE: &str = "POWERCUT_LIE";

fn writers(lying: bool) -> &'static Writers {
    if lying { &UNSYNCED_WRITERS } else { &WRITERS }
}

/// Longest time of a sync: long beside the writing, so that most cuts fall into one.
const SYNC_US: u64 = 1_000;

/// The folder that this process is told to work in, when it is the child of a test.
fn child() -> Option<PathBuf> {
    std::env::var(CHILD).ok()?;
    std::env::var(LIVE).ok().map(|live| Path::new(&live).join("home"))
}

/// Writes for ever and tells of each commit. What is read is told too: whoever reads a row acts on it.
fn write_to_our_store(home: &Path) -> ! {
    writers(std::env::var(LIE).is_ok()).write(&open(home).unwrap(), &|step, thread, n| match step {
        Step::Found | Step::Acknowledged => say(thread, n),
        Step::Begins => {}
    })
}

/// How far each thread came, and how many commits that it told of are gone.
fn look(store: &Store, told: &Told, lying: bool) -> (Told, u64) {
    let reached = writers(lying).look(store);
    let gone = told.iter().zip(&reached);
    let gone = gone.map(|(told, last)| commits(*told).saturating_sub(commits(*last)));
    let gone = gone.sum();
    (reached, gone)
}

/// What a campaign counted.
#[derive(Default, Debug)]
struct Counts {
    /// Power cuts.
    cuts: u32,
    /// Those that took something from the cache.
    bitten: u32,
    /// Kills without a cut.
    kills: u32,
    /// Acknowledged commits.
    told: u64,
    /// Those that were not there after the cut.
    gone: u64,
    /// Openings that found a torn record at the end.
    torn: u32,
    /// Openings that built the index anew.
    rebuilt: u32,
    /// Openings that named what was lost instead of giving a store.
    refused: u32,
    /// What the cuts did.
    cut: Cut,
}

impl Counts {
    fn print(&self, what: &str) {
        let Counts {
            cuts,
            bitten,
            kills,
            told,
            gone,
            torn,
            rebuilt,
            refused,
            cut,
        } = self;
        let Cut {
            lost_sectors,
            kept_sectors,
            lost_names,
        } = cut;
        println!(
            "{what}: {cuts} cuts ({bitten} took something) and {kills} kills without one; {told} acknowledged, {gone} of \
             them lost; of what was not synced {lost_sectors} sectors and {lost_names} names lost, {kept_sectors} sectors \
             kept; {torn} torn records, {rebuilt} rebuilt indexes, {refused} openings refused"
        );
    }
}

/// Starts a child again and again, kills it at random moments, cuts the power and looks what is left.
fn campaign(test: &str, seed: u64, cuts: u32, losses: &[Loss], lying: bool) -> Counts {
    let machine = Machine::new();
    let home = machine.live().join("home");
    drop(create(&home));
    machine.settle();
    let mut dice = Dice(seed);
    let mut counts = Counts::default();
    let mut told = WRITERS.nothing();
    while counts.cuts < cuts {
        let mut settings = vec![
            (CHILD, String::new()),
            ("POWERCUT_DELAY_US", SYNC_US.to_string()),
            ("POWERCUT_SEED", dice.roll(u64::MAX).to_string()),
        ];
        if lying {
            settings.push((LIE, String::new()));
        }
        let mut running = machine.start(test, &settings);
        // After the first acknowledgements: the next commits are then in flight.
        let until = dice.roll(150) + 1;
        let mut heard = 0;
        while heard < until {
            match running.line() {
                Some(line) => heard += hear(&line, &mut told),
                None => panic!(
                    "BEVIS_POWER_SEED={seed}: the child ended by itself: {}",
                    running.kill().1
                ),
            }
        }
        let (rest, complaints) = running.kill();
        counts.told += heard + rest.iter().map(|line| hear(line, &mut told)).sum::<u64>();
        assert!(!complaints.contains("powercut:"), "{complaints}");
        if dice.roll(4) == 0 && !lying {
            // Only killed this time: the next process reads what this one wrote and did not sync.
            counts.kills += 1;
            continue;
        }
        let loss = losses[dice.roll(losses.len() as u64) as usize];
        let cut = machine.cut(&mut dice, loss);
        counts.cuts += 1;
        counts.bitten += u32::from(cut.bit());
        counts.cut.add(cut);
        let store = match open(&home) {
            Ok(store) => store,
            Err(error) if lying => {
                counts.refused += 1;
                println!("refused: {error}");
                break;
            }
            Err(error) => panic!(
                "BEVIS_POWER_SEED={seed}, cut {} ({loss:?}, {cut:?}): {error}",
                counts.cuts
            ),
        };
        let health = store.health();
        counts.rebuilt += u32::from(health.index_rebuilt_at_open);
        counts.torn += u32::from(health.torn_bytes > 0);
        let (reached, gone) = look(&store, &told, lying);
        assert!(
            gone == 0 || lying,
            "BEVIS_POWER_SEED={seed}, cut {}: told {told:?}, found {reached:?}",
            counts.cuts
        );
        counts.gone += gone;
        told = reached;
        drop(store);
        machine.settle();
    }
    counts
}

#[test]
fn our_store_loses_nothing_acknowledged_when_the_power_is_cut() {
    if let Some(home) = child() {
        write_to_our_store(&home);
    }
    let test = "tests::power::our_store_loses_nothing_acknowledged_when_the_power_is_cut";
    let cuts = std::env::var("BEVIS_POWER_CUTS").map_or(60, |n| n.parse().unwrap());
    let seed = std::env::var("BEVIS_POWER_SEED").map_or(31, |n| n.parse().unwrap());
    let counts = campaign(test, seed, cuts, &[Loss::All, Loss::Some, Loss::Some], false);
    counts.print("our store");
    assert!(
        counts.bitten > cuts / 2 && counts.torn > 0,
        "most cuts fall into work: {counts:?}"
    );
}

#[test]
fn our_store_with_its_fdatasync_taken_out_loses() {
    if let Some(home) = child() {
        write_to_our_store(&home);
    }
    let test = "tests::power::our_store_with_its_fdatasync_taken_out_loses";
    let counts = campaign(test, 37, 5, &[Loss::All], true);
    counts.print("our store without fdatasync, cache lost");
    assert!(
        counts.gone > 0,
        "the shim bites, so it is the syncs that hold: {counts:?}"
    );
    let counts = campaign(test, 41, 5, &[Loss::Some], true);
    counts.print("our store without fdatasync, cache lost in part");
    assert!(counts.gone > 0 || counts.refused > 0, "{counts:?}");
}

#[test]
fn what_a_killed_process_did_not_live_to_sync_is_durable_once_it_was_read() {
    if let Some(home) = child() {
        if std::env::var(CHILD).is_ok_and(|order| order == "write") {
            write_to_our_store(&home);
        }
        let people = open(&home).unwrap().table("people");
        for thread in 0..WRITERS.threads {
            if let Some(last) = people.get(&thread.to_be_bytes()).unwrap() {
                say(thread, number(&last));
            }
        }
        return;
    }
    let test = "tests::power::what_a_killed_process_did_not_live_to_sync_is_durable_once_it_was_read";
    let machine = Machine::new();
    let home = machine.live().join("home");
    drop(create(&home));
    machine.settle();
    // Nothing that the first process writes reaches the disk; it is killed, and the cache has all of it.
    let lying = [(CHILD, "write".to_owned()), (LIE, String::new())];
    let mut running = machine.start(test, &lying);
    let (mut written, mut read) = (WRITERS.nothing(), WRITERS.nothing());
    while written.iter().any(|n| n.is_none_or(|n| n < 10)) {
        hear(&running.line().expect("it writes"), &mut written);
    }
    running.kill();
    // The second one reads it and says so.
    let mut running = machine.start(test, &[(CHILD, "read".to_owned())]);
    while let Some(line) = running.line() {
        hear(&line, &mut read);
    }
    running.end();
    assert!(read.iter().zip(&written).all(|(read, written)| read >= written));
    let cut = machine.cut(&mut Dice(47), Loss::All);
    let (found, gone) = look(&open(&home).unwrap(), &read, true);
    assert_eq!((found, gone), (read, 0), "{cut:?}");
}

/// Writes for ever, one row after the other, with a flush after each, and tells of it.
fn write_to_sled(home: &Path) -> ! {
    let db = sled::open(home).unwrap();
    let first = db.len() as u64;
    for n in first.. {
        db.insert(n.to_be_bytes(), WRITERS.value(0, n)).unwrap();
        db.flush().unwrap();
        say(0, n);
    }
    unreachable!("it writes until the power is cut")
}

#[test]
fn plain_sled_with_a_flush_after_each_write_keeps_under_kill_nine_and_loses_when_the_power_is_cut() {
    if let Some(home) = child() {
        write_to_sled(&home);
    }
    let test =
        "tests::power::plain_sled_with_a_flush_after_each_write_keeps_under_kill_nine_and_loses_when_the_power_is_cut";
    let mut dice = Dice(43);
    let (mut acknowledged, mut kept, mut gone, mut refused) = (0, 0, 0, 0);
    const RUNS: u32 = 6;
    for run in 0..2 * RUNS {
        let machine = Machine::new();
        let home = machine.live().join("home");
        drop(sled::open(&home).unwrap());
        machine.settle();
        let mut told = WRITERS.nothing();
        let mut running = machine.start(test, &[(CHILD, String::new())]);
        let until = dice.roll(300) + 50;
        let mut heard = 0;
        while heard < until {
            heard += hear(&running.line().expect("it writes"), &mut told);
        }
        for line in running.kill().0 {
            heard += hear(&line, &mut told);
        }
        let killed_only = run < RUNS;
        if !killed_only {
            machine.cut(&mut dice, Loss::All);
        }
        let found = catch_unwind(|| {
            let db = sled::open(&home).ok()?;
            Some(
                (0..heard)
                    .filter(|n| {
                        db.get(n.to_be_bytes())
                            .unwrap()
                            .is_some_and(|v| v == WRITERS.value(0, *n))
                    })
                    .count(),
            )
        });
        let found = found.ok().flatten();
        if killed_only {
            assert_eq!(found, Some(heard as usize), "sled survives kill -9");
            continue;
        }
        acknowledged += heard;
        refused += u32::from(found.is_none());
        let found = found.unwrap_or_default() as u64;
        kept += found;
        gone += heard - found;
    }
    println!(
        "plain sled: {RUNS} cuts, {acknowledged} acknowledged, {kept} kept, {gone} lost, {refused} could not be opened"
    );
    assert!(gone > 0, "flush is no promise about power");
}
