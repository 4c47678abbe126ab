//! The campaign's kills: a process ended at random moments, mostly inside a commit, has lost nothing it was told.
//!
//! What was acknowledged is written down by the parent. A case that is replayed alone draws the same moment in a new home.

#![allow(
    clippy::disallowed_methods,
    reason = "the child process of a test gets its orders by the environment"
)]

use std::io::Read;
use std::process::{Command, Stdio};

use super::campaign::{dice, folder, run};
use super::*;

const CHILD: &str = "BEVIS_STORE_CAMPAIGN_CHILD";
const KILLS: u64 = 500;
/// A home is begun anew after this many kills, so that all stay small and young ones are met too.
const KILLS_OF_ONE_HOME: u64 = 25;
const THREADS: u64 = 2;

fn number(bytes: &[u8]) -> u64 {
    u64::from_be_bytes(bytes.try_into().unwrap())
}

fn value(thread: u64, n: u64) -> Vec<u8> {
    vec![(thread * 50 + n) as u8; (n * 131 % 1500) as usize]
}

/// Writes for ever; says by one byte when each commit begins (`A`, `B`) and when it was acknowledged (`a`, `b`).
fn child(dir: &Path) -> ! {
    use std::io::Write;
    let say = |byte: u8| {
        let mut out = std::io::stderr().lock();
        out.write_all(&[byte]).unwrap();
    };
    let store = open(dir).unwrap();
    say(b'!');
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let store = store.clone();
            scope.spawn(move || {
                let (people, nonces) = (store.table("people"), store.table("nonces"));
                let last = people.get(&thread.to_be_bytes()).unwrap();
                for n in last.map_or(0, |v| number(&v) + 1).. {
                    let nonce = [thread.to_be_bytes(), n.to_be_bytes()].concat();
                    let mut transaction = store.transaction();
                    transaction
                        .require_absent(&nonces, &nonce)
                        .put(&nonces, &nonce, &value(thread, n))
                        .put(&people, &thread.to_be_bytes(), &n.to_be_bytes());
                    if n >= 10 {
                        let old = [thread.to_be_bytes(), (n - 10).to_be_bytes()].concat();
                        transaction.delete(&nonces, &old);
                    }
                    say(b'A' + thread as u8);
                    transaction.commit().unwrap();
                    say(b'a' + thread as u8);
                    if n % 23 == 22 && thread == 0 {
                        store.compact().unwrap();
                    }
                }
            });
        }
    });
    unreachable!("the threads write until the process is killed")
}

/// The whole state follows from how far each thread came: what it was told, and at most the one commit in flight.
fn check_killed(store: &Store, told: &[Option<u64>], begun: &[Option<u64>]) -> Vec<Option<u64>> {
    let (people, nonces) = (store.table("people"), store.table("nonces"));
    let mut expected = Rows::new();
    let mut reached = Vec::new();
    for thread in 0..THREADS {
        let at = thread as usize;
        let last = people.get(&thread.to_be_bytes()).unwrap().map(|v| number(&v));
        assert!(
            last >= told[at] && last <= begun[at],
            "told {:?}, begun {:?}, has {last:?}",
            told[at],
            begun[at]
        );
        for n in last.map_or(0..0, |last| last.saturating_sub(9)..last + 1) {
            let nonce = [thread.to_be_bytes(), n.to_be_bytes()].concat();
            expected.insert((vec![], nonce), value(thread, n));
        }
        reached.push(last);
    }
    assert!(rows(&nonces) == expected, "torn or wrong rows");
    reached
}

#[test]
fn campaign_of_kills() {
    const TEST: &str = "campaign_of_kills";
    if let Ok(dir) = std::env::var(CHILD) {
        child(Path::new(&dir));
    }
    let mut home = folder();
    let (mut told, mut begun) = (vec![None; THREADS as usize], vec![None; THREADS as usize]);
    let (mut inside, mut acknowledged, mut torn, mut behind, mut rebuilt, mut opening) = (0u64, 0u64, 0, 0, 0, 0);
    let mut kills = 0u64;
    run(TEST, KILLS, |case| {
        let mut dice = dice(case);
        if case % KILLS_OF_ONE_HOME == 0 || kills == 0 {
            home = folder();
            drop(create(home.path()));
            (told, begun) = (vec![None; THREADS as usize], vec![None; THREADS as usize]);
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
        let reached = check_killed(&store, &told, &begun);
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
