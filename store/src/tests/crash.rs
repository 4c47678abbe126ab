//! A process killed at any moment loses nothing that it had acknowledged.

#![allow(
    clippy::disallowed_methods,
    reason = "the child process of a test gets its orders by the environment"
)]

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use super::*;

const CHILD: &str = "BEVIS_STORE_CRASH_CHILD";
const THREADS: u64 = 4;

/// Writes for ever; prints each acknowledged commit as `thread number`.
fn child(dir: &Path) -> ! {
    use std::io::Write;
    let store = open(dir).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let store = store.clone();
            scope.spawn(move || {
                let (people, nonces) = (store.table("people"), store.table("nonces"));
                let last = people.get(&thread.to_be_bytes()).unwrap();
                let first = last.map_or(0, |v| number(&v) + 1);
                for n in first.. {
                    let nonce = [thread.to_be_bytes(), n.to_be_bytes()].concat();
                    let mut transaction = store.transaction();
                    transaction
                        .require_absent(&nonces, &nonce)
                        .put(&nonces, &nonce, &value(thread, n))
                        .put(&people, &thread.to_be_bytes(), &n.to_be_bytes());
                    if n >= 20 {
                        let old = [thread.to_be_bytes(), (n - 20).to_be_bytes()].concat();
                        transaction.delete(&nonces, &old);
                    }
                    transaction.commit().unwrap();
                    let mut out = std::io::stdout().lock();
                    writeln!(out, "acknowledged {thread} {n}").unwrap();
                    out.flush().unwrap();
                    if n % 97 == 96 && thread == 0 {
                        store.compact().unwrap();
                    }
                }
            });
        }
    });
    unreachable!("the threads write until the process is killed")
}

fn number(bytes: &[u8]) -> u64 {
    u64::from_be_bytes(bytes.try_into().unwrap())
}

fn value(thread: u64, n: u64) -> Vec<u8> {
    vec![(thread * 50 + n) as u8; (n * 131 % 3000) as usize]
}

/// The whole state follows from how far each thread came.
fn check(store: &Store, acknowledged: &[Option<u64>]) -> u64 {
    let (people, nonces) = (store.table("people"), store.table("nonces"));
    let mut expected = Rows::new();
    let mut reached = 0;
    for thread in 0..THREADS {
        let last = people.get(&thread.to_be_bytes()).unwrap().map(|v| number(&v));
        assert!(
            last >= acknowledged[thread as usize],
            "thread {thread} was told {:?}, the store has {last:?}",
            acknowledged[thread as usize]
        );
        let Some(last) = last else { continue };
        reached += last + 1;
        for n in last.saturating_sub(19)..=last {
            let nonce = [thread.to_be_bytes(), n.to_be_bytes()].concat();
            expected.insert((vec![], nonce), value(thread, n));
        }
    }
    assert!(rows(&nonces) == expected, "torn or wrong rows");
    reached
}

#[test]
fn kill_nine_under_load_loses_nothing_acknowledged() {
    if let Ok(dir) = std::env::var(CHILD) {
        child(Path::new(&dir));
    }
    let home = tempfile::tempdir().unwrap();
    drop(create(home.path()));
    let mut dice = Dice(23);
    let mut acknowledged = vec![None; THREADS as usize];
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
        let mut take = |line: String| {
            let Some(rest) = line.split("acknowledged ").nth(1) else {
                return false;
            };
            let (thread, n) = rest.split_once(' ').unwrap();
            let (thread, n): (usize, u64) = (thread.parse().unwrap(), n.parse().unwrap());
            acknowledged[thread] = Some(n);
            true
        };
        while seen < until {
            let line = lines.next().expect("the child writes until it is killed").unwrap();
            seen += u64::from(take(line));
        }
        process.kill().unwrap();
        // What it had printed by then was acknowledged too; the last line may be cut short.
        let mut rest: Vec<String> = lines.map_while(Result::ok).collect();
        rest.pop();
        seen += rest.into_iter().map(|line| u64::from(take(line))).sum::<u64>();
        process.wait().unwrap();
        told += seen;
        let store = open(home.path()).unwrap();
        let health = store.health();
        rebuilt += u32::from(health.index_rebuilt_at_open);
        torn += u32::from(health.torn_bytes > 0);
        let reached = check(&store, &acknowledged);
        assert!(reached >= told);
    }
    println!("{KILLS} kills, {told} acknowledged commits, {torn} torn records, {rebuilt} rebuilt indexes");
}
