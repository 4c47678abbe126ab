//! The campaign (with `kills`): flipped bits and cut files, drawn at random over everything the store keeps.
//!
//! After each case every value read is the model's or a named error, nothing panics, and the remedy that the error names
//! brings back all that was acknowledged. A case that fails prints the line that replays it alone. The size for every
//! commit is below; `BEVIS_CAMPAIGN=full` runs ten times as much, `BEVIS_CAMPAIGN=SEED:NUMBER` one case.

#![allow(clippy::disallowed_methods, reason = "the size is ordered by the environment")]

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::*;

const SIZE: &str = "BEVIS_CAMPAIGN";
const SEED: u64 = 20_260_712;
const FLIPS: u64 = 500;
const CUTS: u64 = 200;
/// In every so many cases the files take turns, so that none is left out however long sled's is.
const TURNS: u64 = 8;

/// A folder in memory where there is one: a killed process and a damaged file are the same on every disk, and a thousand
/// cases sync often. What is lost without a sync is `other_disk`'s subject.
pub(super) fn folder() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm")
        .or_else(|_| tempfile::tempdir())
        .unwrap()
}

/// The numbers of the cases to run.
pub(super) fn cases(count: u64) -> std::ops::Range<u64> {
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
pub(super) fn dice(number: u64) -> Dice {
    let mut dice = Dice(seed() ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    dice.roll(1);
    dice
}

/// Runs every case; of one that fails, says how to run it alone.
pub(super) fn run(test: &str, count: u64, mut case: impl FnMut(u64)) {
    for number in cases(count) {
        if let Err(cause) = catch_unwind(AssertUnwindSafe(|| case(number))) {
            let replay = format!("{SIZE}={}:{number} cargo test --release -p store --lib {test}", seed());
            eprintln!("to replay: {replay}");
            std::panic::resume_unwind(cause);
        }
    }
}

/// Seeded: equal seeds give equal journals and key files to the byte, so that a case can be replayed.
fn seeded(seed: u64) -> Entropy {
    let mut dice = Dice(seed);
    Box::new(move |bytes| bytes.fill_with(|| dice.roll(256) as u8))
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
        let secrets = seeded(name.len() as u64);
        let store = Store::create(&dir, &passphrase(), Params::quick(), secrets).unwrap();
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
                let store = Store::open(&dir, &passphrase(), seeded(99)).unwrap();
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
fn heal(sample: &Sample, dir: &Path, what: &str, passphrase: &Passphrase) -> End {
    let opened = Store::open(dir, passphrase, seeded(1000));
    let read = opened.and_then(|store| read_all(&store, &sample.acknowledged).map(|()| store));
    let end = match read {
        Ok(store) => {
            let health = store.health();
            let journal = !health.journal_repairs.is_empty();
            assert!(health.mark_renewed || !health.mark_lost, "a lost mark is a renewed one");
            assert!(
                journal || what != "journal",
                "damage of the journal was mended silently"
            );
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
            let (store, aside) = Store::repair_from_backup(dir, &sample.backup, passphrase, seeded(2000)).unwrap();
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
    let store = Store::open(dir, passphrase, seeded(1000)).unwrap();
    read_all(&store, expected).unwrap();
    assert!(store.health().journal_repairs.is_empty() && !store.health().keys_renewed);
    let mut transaction = store.transaction();
    transaction.put(&store.table("people"), "later", b"goes on");
    transaction.commit().unwrap();
    end
}

/// Says where a case that fails was damaged: sled lays its file out a little differently each time.
struct Place(String);

impl Drop for Place {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("damaged: {}", self.0);
        }
    }
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
        let used: Vec<_> = files.iter().filter(|(_, live)| !live.is_empty()).collect();
        // Every file has its turn; the other cases are uniform over the bytes, of which sled has most.
        let by_turns = number % TURNS == 0;
        let among = match by_turns {
            true => &used[(number / TURNS) as usize % used.len()..][..1],
            false => &used[..],
        };
        let total: u64 = among.iter().map(|(_, live)| live.len() as u64).sum();
        let mut at = dice.roll(total) as usize;
        let (file, live) = among
            .iter()
            .find(|(_, live)| {
                let here = at < live.len();
                at -= if here { 0 } else { live.len() };
                here
            })
            .unwrap();
        let _place = Place(format!("{}: {} at {}", sample.name, kind(&sample.dir, file), live[at]));
        let broken = root.path().join(format!("case-{number}"));
        let dir = broken.join("store");
        copy_home(&sample.dir, &dir);
        // A copied home is told by device and inode; this one is meant to be the original.
        hurt(&dir.join(file.strip_prefix(&sample.dir).unwrap()), live[at], &mut dice);
        let end = heal(sample, &dir, kind(&sample.dir, file), &passphrase);
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
    println!("flipped bits, uniform over the live bytes but for each {TURNS}th:\n{table}");
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
    println!("cut files, uniform over the live bytes but for each {TURNS}th:\n{table}");
    if cases(CUTS).count() as u64 >= CUTS {
        for file in ["journal", "index (sled)"] {
            assert!(table.cases(file) > 0, "no case hit {file}");
        }
        assert!(table.total(End::FromIndex) > 0 && table.total(End::FromJournal) > 0);
    }
}
