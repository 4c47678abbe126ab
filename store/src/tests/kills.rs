//! The campaign's kills: a process ended at random moments, mostly inside a commit, has lost nothing it was told.
//!
//! What was acknowledged is written down by the parent. A case that is replayed alone draws the same moment in a new home.

#![allow(
    clippy::disallowed_methods,
    reason = "the child process of a test gets its orders by the environment"
)]

use std::io::{Read, Write};
use std::process::{Command, Stdio};

use super::campaign::{dice, folder, run};
use super::writers::{Step, Writers};
use super::*;

const CHILD: &str = "BEVIS_STORE_CAMPAIGN_CHILD";
const KILLS: u64 = 500;
/// A home is begun anew after this many kills, so that all stay small and young ones are met too.
const KILLS_OF_ONE_HOME: u64 = 25;
const WRITERS: Writers = Writers {
    threads: 2,
    kept: 10,
    values_below: 1_500,
    compacts_after: 23,
    erases: true,
};

/// Writes for ever; says by one byte when each commit begins (`A`, `B`) and when it was acknowledged (`a`, `b`).
fn child(dir: &Path) -> ! {
    let say = |byte: u8| std::io::stderr().lock().write_all(&[byte]).unwrap();
    let store = open(dir).unwrap();
    say(b'!');
    WRITERS.write(&store, &|step, thread, _| match step {
        Step::Found => {}
        Step::Begins => say(b'A' + thread as u8),
        Step::Acknowledged => say(b'a' + thread as u8),
    })
}

#[test]
fn campaign_of_kills() {
    const TEST: &str = "campaign_of_kills";
    if let Ok(dir) = std::env::var(CHILD) {
        child(Path::new(&dir));
    }
    let mut home = folder();
    let (mut told, mut begun) = (WRITERS.nothing(), WRITERS.nothing());
    let (mut inside, mut acknowledged, mut torn, mut behind, mut rebuilt, mut opening) = (0u64, 0u64, 0, 0, 0, 0);
    let mut kills = 0u64;
    run(TEST, KILLS, |case| {
        let mut dice = dice(case);
        if case % KILLS_OF_ONE_HOME == 0 || kills == 0 {
            home = folder();
            drop(create(home.path()));
            (told, begun) = (WRITERS.nothing(), WRITERS.nothing());
        }
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "--nocapture", &format!("tests::kills::{TEST}")])
            .env(CHILD, home.path())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut log = process.stderr.take().unwrap();
        // Some are killed while they open, the others after some commits, at whatever it then does.
        let until = if dice.roll(20) == 0 { 0 } else { dice.roll(60) + 1 };
        let mut seen = Vec::new();
        let mut byte = [0; 1];
        while (seen.len() as u64) < until && log.read(&mut byte).unwrap() == 1 {
            seen.push(byte[0]);
        }
        assert!(
            seen.len() as u64 == until,
            "the child ended by itself: {}",
            String::from_utf8_lossy(&seen)
        );
        for _ in 0..dice.roll(3000) {
            std::hint::spin_loop();
        }
        process.kill().unwrap();
        process.wait().unwrap();
        log.read_to_end(&mut seen).unwrap();
        let before: Vec<_> = begun.clone();
        let mut open_commits = 0i64;
        for byte in seen.iter().filter(|byte| **byte != b'!') {
            let at = usize::from(byte.to_ascii_uppercase() - b'A');
            if byte.is_ascii_uppercase() {
                begun[at] = Some(begun[at].map_or(0, |n| n + 1));
                open_commits += 1;
            } else {
                told[at] = begun[at];
                acknowledged += 1;
                open_commits -= 1;
            }
        }
        opening += u32::from(before == begun);
        inside += u64::from(open_commits > 0);
        kills += 1;
        let store = open(home.path()).unwrap();
        let health = store.health();
        torn += u32::from(health.torn_bytes > 0);
        behind += u32::from(health.replayed_at_open > 0);
        rebuilt += u32::from(health.index_rebuilt_at_open);
        assert!(health.journal_repairs.is_empty() && !health.keys_renewed && !health.lost_tail);
        // What each thread was told, and at most the one commit in flight.
        let reached = WRITERS.look(&store);
        for (at, last) in reached.iter().enumerate() {
            assert!(
                *last >= told[at] && *last <= begun[at],
                "told {:?}, begun {:?}, has {last:?}",
                told[at],
                begun[at]
            );
        }
        (told, begun) = (reached.clone(), reached);
    });
    println!(
        "{kills} kills: {inside} inside a commit, {opening} before the first commit; {acknowledged} acknowledged commits \
         all there; {torn} torn records cut off, {behind} indexes behind, {rebuilt} rebuilt"
    );
    assert!(
        kills < KILLS || inside * 2 >= kills,
        "half of the kills hit a commit in flight"
    );
}
