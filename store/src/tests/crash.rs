//! A process killed at any moment loses nothing that it had acknowledged.

#![allow(
    clippy::disallowed_methods,
    reason = "the child process of a test gets its orders by the environment"
)]

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use super::writers::{Step, Writers, commits, hear, say};
use super::*;

const CHILD: &str = "BEVIS_STORE_CRASH_CHILD";
const WRITERS: Writers = Writers {
    threads: 4,
    kept: 20,
    values_below: 3_000,
    compacts_after: 97,
    erases: true,
};

#[test]
fn kill_nine_under_load_loses_nothing_acknowledged() {
    if let Ok(dir) = std::env::var(CHILD) {
        WRITERS.write(&open(Path::new(&dir)).unwrap(), &|step, thread, n| match step {
            Step::Acknowledged => say(thread, n),
            Step::Found | Step::Begins => {}
        });
    }
    let home = tempfile::tempdir().unwrap();
    drop(create(home.path()));
    let mut dice = Dice(23);
    let mut acknowledged = WRITERS.nothing();
    let (mut told, mut rebuilt, mut torn) = (0u64, 0, 0);
    const KILLS: u32 = 25;
    for _ in 0..KILLS {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "--nocapture"])
            .arg("tests::crash::kill_nine_under_load_loses_nothing_acknowledged")
            .env(CHILD, home.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        // Killed after some acknowledgements: the next commits are then in flight.
        let until = dice.roll(250) + 1;
        let mut seen = 0;
        while seen < until {
            let line = lines.next().expect("the child writes until it is killed").unwrap();
            seen += hear(&line, &mut acknowledged);
        }
        process.kill().unwrap();
        // What it had printed by then was acknowledged too; the last line may be cut short.
        let mut rest: Vec<String> = lines.map_while(Result::ok).collect();
        rest.pop();
        seen += rest.iter().map(|line| hear(line, &mut acknowledged)).sum::<u64>();
        process.wait().unwrap();
        told += seen;
        let store = open(home.path()).unwrap();
        let health = store.health();
        rebuilt += u32::from(health.index_rebuilt_at_open);
        torn += u32::from(health.torn_bytes > 0);
        let reached = WRITERS.look(&store);
        assert!(
            reached.iter().zip(&acknowledged).all(|(last, told)| last >= told),
            "the threads were told {acknowledged:?}, the store has {reached:?}"
        );
        assert!(reached.into_iter().map(commits).sum::<u64>() >= told);
    }
    println!("{KILLS} kills, {told} acknowledged commits, {torn} torn records, {rebuilt} rebuilt indexes");
}
