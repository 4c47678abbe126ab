//! The campaign: kills, flipped bits and cut files, drawn at random over everything the store keeps.
//!
//! After each case every value read is the model's or a named error, nothing panics, and the remedy that the error names
//! brings back all that was acknowledged. A case that fails prints the line that replays it alone. The size for every
//! commit is below; `BEVIS_CAMPAIGN=full` runs ten times as much, `BEVIS_CAMPAIGN=SEED:NUMBER` one case.

#![allow(
    clippy::disallowed_methods,
    reason = "a test and its child process get their orders by the environment"
)]

use std::fmt;
use std::io::Read;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::{Command, Stdio};

use super::*;

const SIZE: &str = "BEVIS_CAMPAIGN";
const CHILD: &str = "BEVIS_STORE_CAMPAIGN_CHILD";
const SEED: u64 = 20_260_712;
const FLIPS: u64 = 500;
const CUTS: u64 = 200;
const KILLS: u64 = 500;
/// A home is begun anew after this many kills, so that all stay small and young ones are met too.
const KILLS_OF_ONE_HOME: u64 = 25;

/// A folder in memory where there is one: a killed process and a damaged file are the same on every disk, and a thousand
/// cases sync often. What is lost without a sync is `other_disk`'s subject.
fn folder() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm")
        .or_else(|_| tempfile::tempdir())
        .unwrap()
}

/// The numbers of the cases to run.
fn cases(count: u64) -> std::ops::Range<u64> {
    match std::env::var(SIZE) {
        Ok(size) if size == "full" => 0..count * 10,
        Ok(one) => {
            let (_, number) = one.split_once(':').expect("full, or SEED:NUMBER");
            let number = number.parse().unwrap();
            number..number + 1
        }
        Err(_) => 0..count,
    }
}

fn seed() -> u64 {
    let one = std::env::var(SIZE).ok().filter(|size| size != "full");
    one.map_or(SEED, |one| one.split_once(':').unwrap().0.parse().unwrap())
}

/// What one case draws from: the same for the same seed and number.
fn dice(number: u64) -> Dice {
    let mut dice = Dice(seed() ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    dice.roll(1);
    dice
}

/// Runs every case; of one that fails, says how to run it alone.
fn run(test: &str, count: u64, mut case: impl FnMut(u64)) {
    for number in cases(count) {
        if let Err(cause) = catch_unwind(AssertUnwindSafe(|| case(number))) {
            let replay = format!("{SIZE}={}:{number} cargo test --release -p store --lib {test}", seed());
            eprintln!("to replay: {replay}");
            std::panic::resume_unwind(cause);
        }
    }
}

/// A home in some state of its life, what was acknowledged in it, and a backup taken on the way.
struct Sample {
    name: &'static str,
    dir: PathBuf,
    backup: PathBuf,
    acknowledged: Vec<Rows>,
    saved: Vec<Rows>,
}

/// Homes that were just begun, closed, killed (the index behind the journal), compacted, and given a second epoch.
fn samples(root: &Path) -> Vec<Sample> {
    let begin = |name: &'static str| {
        let (dir, backup) = (root.join(name), root.join(format!("{name}.backup")));
        let store = create(&dir);
        fill(&store, if name == "young" { 2 } else { 30 });
        if name == "compacted" {
            store.compact().unwrap();
        }
        store.backup(&backup, None).unwrap();
        let saved = all(&store);
        fill(&store, if name == "young" { 1 } else { 12 });
        if name == "second epoch" {
            store.begin_epoch().unwrap();
            fill(&store, 3);
        }
        (dir, backup, saved, store)
    };
    ["young", "closed", "killed", "compacted", "second epoch"]
        .map(|name| {
            let (dir, backup, saved, store) = begin(name);
            let acknowledged = all(&store);
            if name == "killed" {
                // Its files as they are while it runs, with sled some records behind what it has in memory.
                let running = root.join("running");
                drop(store);
                copy_home(&dir.join("index"), &running);
                let store = open(&dir).unwrap();
                fill(&store, 42);
                let acknowledged = all(&store);
                drop(store);
                std::fs::remove_dir_all(dir.join("index")).unwrap();
                copy_home(&running, &dir.join("index"));
                return Sample {
                    name,
                    dir,
                    backup,
                    acknowledged,
                    saved,
                };
            }
            drop(store);
            Sample {
                name,
                dir,
                backup,
                acknowledged,
                saved,
            }
        })
        .into()
}

/// Files that hold something, with the offsets of what is in use: sled's empty space holds nothing to damage.
fn live_bytes(dir: &Path) -> Vec<(PathBuf, Vec<u64>)> {
    let files = files_under(dir).into_iter().filter(|file| !file.ends_with("lock"));
    files
        .map(|file| {
            let bytes = std::fs::read(&file).unwrap();
            let sled = file.starts_with(dir.join("index"));
            let live = bytes.iter().enumerate().filter(|(_, byte)| !sled || **byte != 0);
            let live = live.map(|(at, _)| at as u64).collect();
            (file, live)
        })
        .collect()
}

fn kind(dir: &Path, file: &Path) -> &'static str {
    let name = file.strip_prefix(dir).unwrap().to_string_lossy().into_owned();
    match name.as_str() {
        "keys" => "keys",
        "keys-spare" => "keys-spare",
        "high-water" => "high-water",
        _ if name.starts_with("journal-") => "journal",
        _ => "index (sled)",
    }
}

/// How a case ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum End {
    /// The damage hit nothing that was still needed, or was mended without a word being due.
    Unhurt,
    FromJournal,
    FromIndex,
    FromSpare,
    MarkAnew,
    FromBackup,
}

#[derive(Default)]
struct Table(BTreeMap<&'static str, (u64, [u64; 6])>);

impl Table {
    fn count(&mut self, file: &'static str, bytes: u64, end: End) {
        let row = self.0.entry(file).or_default();
        row.0 += bytes;
        row.1[end as usize] += 1;
    }
    fn total(&self, end: End) -> u64 {
        self.0.values().map(|(_, ends)| ends[end as usize]).sum()
    }
    fn cases(&self, file: &str) -> u64 {
        self.0.get(file).map_or(0, |(_, ends)| ends.iter().sum())
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:14} {:>6} {:>8} {:>8} {:>8} {:>8} {:>8} {:>8}",
            "file", "cases", "unhurt", "journal", "index", "spare", "mark", "backup"
        )?;
        for (file, (_, ends)) in &self.0 {
            let sum: u64 = ends.iter().sum();
            write!(f, "{file:14} {sum:>6}")?;
            for count in ends {
                write!(f, " {count:>8}")?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}

/// Reads everything in every way there is; a value is the model's, or the error has a name.
fn read_all(store: &Store, model: &[Rows]) -> Result<(), Error> {
    for (name, rows) in TABLES.iter().zip(model) {
        let table = store.table(name);
        for ((group, id), value) in rows {
            let read = table.get(crate::Key::in_group(group, id))?;
            assert_eq!(read.as_ref(), Some(value), "a wrong value");
        }
        assert_eq!(table.get("never written")?, None);
        let mut seen = Rows::new();
        table.scan(&mut |group, id, value| seen.insert((group.to_vec(), id.to_vec()), value.to_vec()).is_none())?;
        assert_eq!(&seen, rows, "a scan gave something else");
        assert_eq!(table.len()?, rows.len() as u64);
    }
    Ok(())
}

/// Opens a damaged home, applies the remedy its error names, and checks that everything is there again.
fn heal(sample: &Sample, dir: &Path, passphrase: &Passphrase) -> End {
    let opened = Store::open(dir, passphrase, entropy());
    let read = opened.and_then(|store| read_all(&store, &sample.acknowledged).map(|()| store));
    let end = match read {
        Ok(store) => {
            let health = store.health();
            if !health.journal_repairs.is_empty() {
                End::FromIndex
            } else if health.keys_renewed {
                End::FromSpare
            } else if health.mark_renewed {
                End::MarkAnew
            } else if health.index_rebuilt_at_open || health.index_rebuilds > 0 || health.replayed_at_open > 0 {
                End::FromJournal
            } else {
                End::Unhurt
            }
        }
        Err(
            Error::Damaged { .. }
            | Error::SegmentDamaged { .. }
            | Error::LostTail { .. }
            | Error::KeyFileDamaged { .. }
            | Error::Diverged { .. },
        ) => {
            let (store, aside) = Store::repair_from_backup(dir, &sample.backup, passphrase, entropy()).unwrap();
            read_all(&store, &sample.saved).unwrap();
            let newest = if sample.name == "second epoch" { 2 } else { 1 };
            assert!(store.epoch() >= newest, "an epoch was used again");
            drop(store);
            std::fs::remove_dir_all(aside).unwrap();
            End::FromBackup
        }
        Err(error) => panic!("{}: no remedy is named for {error:?}", sample.name),
    };
    // Healed: it opens again, holds the same, and takes new transactions.
    let expected = if end == End::FromBackup {
        &sample.saved
    } else {
        &sample.acknowledged
    };
    let store = Store::open(dir, passphrase, entropy()).unwrap();
    read_all(&store, expected).unwrap();
    assert!(store.health().journal_repairs.is_empty() && !store.health().keys_renewed);
    let mut transaction = store.transaction();
    transaction.put(&store.table("people"), "later", b"goes on");
    transaction.commit().unwrap();
    end
}

/// Damages one place of one sample in each case: `hurt` gets the file and an offset in use.
fn damage(test: &str, count: u64, hurt: impl Fn(&Path, u64, &mut Dice)) -> Table {
    let root = folder();
    let samples = samples(root.path());
    let live: Vec<_> = samples.iter().map(|sample| live_bytes(&sample.dir)).collect();
    let passphrase = passphrase();
    let mut table = Table::default();
    run(test, count, |number| {
        let mut dice = dice(number);
        let chosen = dice.roll(samples.len() as u64) as usize;
        let (sample, files) = (&samples[chosen], &live[chosen]);
        let total: u64 = files.iter().map(|(_, live)| live.len() as u64).sum();
        let mut at = dice.roll(total) as usize;
        let (file, live) = files
            .iter()
            .find(|(_, live)| {
                let here = at < live.len();
                at -= if here { 0 } else { live.len() };
                here
            })
            .unwrap();
        let broken = root.path().join(format!("case-{number}"));
        let dir = broken.join("store");
        copy_home(&sample.dir, &dir);
        // A copied home is told by device and inode; this one is meant to be the original.
        hurt(&dir.join(file.strip_prefix(&sample.dir).unwrap()), live[at], &mut dice);
        let end = heal(sample, &dir, &passphrase);
        table.count(kind(&sample.dir, file), live.len() as u64, end);
        std::fs::remove_dir_all(&broken).unwrap();
    });
    table
}

#[test]
fn campaign_of_flipped_bits() {
    let table = damage("campaign_of_flipped_bits", FLIPS, |file, at, dice| {
        flip(file, at, dice.roll(8) as u8);
    });
    println!("flipped bits, uniform over the live bytes:\n{table}");
    if cases(FLIPS).count() as u64 >= FLIPS {
        for file in ["journal", "index (sled)", "keys", "keys-spare", "high-water"] {
            assert!(table.cases(file) > 0, "no case hit {file}");
        }
        assert!(table.total(End::FromIndex) > 0 && table.total(End::FromJournal) > 0);
        assert!(table.total(End::FromSpare) > 0 && table.total(End::FromBackup) > 0);
    }
}

#[test]
fn campaign_of_cut_files() {
    let table = damage("campaign_of_cut_files", CUTS, |file, at, _| {
        let file = std::fs::File::options().write(true).open(file).unwrap();
        file.set_len(at).unwrap();
    });
    println!("cut files, uniform over the live bytes:\n{table}");
    if cases(CUTS).count() as u64 >= CUTS {
        for file in ["journal", "index (sled)"] {
            assert!(table.cases(file) > 0, "no case hit {file}");
        }
        assert!(table.total(End::FromIndex) > 0 && table.total(End::FromJournal) > 0);
    }
}

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
            .args(["--exact", "--nocapture", &format!("tests::campaign::{TEST}")])
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
