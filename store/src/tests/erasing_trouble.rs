//! Erasing under deaths, full disks and damage; and what backups may still read.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::sync::Arc;

use super::erasing::{erase, holding_of, put, readable};
use super::memory_disk::{MemoryDisk, Trouble};
use super::*;
use crate::erasure_file::{self, Holding, PAGE_SLOT_BYTES, ROOT_SLOT_BYTES};
use crate::files::Files;

const HOME: &str = "/home/store";
const BACKUP: &str = "/home/backup";
/// Rows that the work keeps at one time.
const KEPT: u64 = 2;

fn create_on(disk: &MemoryDisk) -> Result<Store, Error> {
    Store::create_on(disk.disk(), Path::new(HOME), &passphrase(), Params::quick(), entropy())
}

fn open_on(disk: &MemoryDisk) -> Result<Store, Error> {
    Store::open_on(disk.disk(), Path::new(HOME), &passphrase(), entropy())
}

fn value(n: u64) -> Vec<u8> {
    format!("erasable value {n}").into_bytes()
}

/// What was acknowledged, by number of the step.
#[derive(Default, Clone, Debug)]
struct Told {
    put: BTreeSet<u64>,
    erased: BTreeSet<u64>,
}

/// Puts rows, erases the older ones, compacts and backs up on the way.
fn work(store: &Store, from: u64, told: &mut Told) -> Result<(), Error> {
    for n in from..from + 5 {
        put(store, &n.to_string(), &value(n))?;
        told.put.insert(n);
        if n >= KEPT {
            erase(store, &(n - KEPT).to_string())?;
            told.erased.insert(n - KEPT);
        }
        if n % 5 == 3 {
            store.compact()?;
            store.backup(Path::new(BACKUP), None)?;
        }
    }
    Ok(())
}

/// What was told is so; gives the number to go on from.
fn check(store: &Store, told: &Told, at: &str) -> u64 {
    let people = store.table("people");
    for n in &told.put {
        let found = people.get(&n.to_string()).unwrap();
        if told.erased.contains(n) {
            assert_eq!(found, None, "{at}: {n} came back");
        } else if let Some(found) = found {
            assert_eq!(found, value(*n), "{at}");
        } else {
            // Erased, and the one that asked not told.
            assert!(told.put.contains(&(n + KEPT)), "{at}: {n} is lost");
        }
    }
    assert!(rows(&people).len() as u64 <= KEPT + 1, "{at}");
    told.put.last().map_or(0, |n| n + 1)
}

/// The keys on the disk open nothing but the rows that are there.
fn no_key_is_left_over(disk: &MemoryDisk, store: &Store, at: &str) {
    let path = erasure_file::path(Path::new(HOME));
    let holding = Holding::read(&Files::on(disk.disk()), &path, &store.core.keys).unwrap();
    let keys = holding.map_or(0, |found| {
        found
            .holding
            .pages
            .iter()
            .map(|page| page.numbers().count())
            .sum::<usize>()
    });
    assert_eq!(keys as u64, store.health().erasable_rows, "{at}");
}

#[test]
fn a_death_at_any_call_leaves_a_row_readable_or_erased_and_what_was_told_erased_never_comes_back() {
    let disk = MemoryDisk::new();
    let whole = {
        work(&create_on(&disk).unwrap(), 0, &mut Told::default()).unwrap();
        disk.calls()
    };
    let mut dice = Dice(53);
    let mut finished = 0;
    for death in 0..whole {
        let at = format!("death at call {death} of {whole}");
        let disk = MemoryDisk::new();
        disk.trouble(Trouble::DiesAt(death));
        let mut told = Told::default();
        let made = create_on(&disk).and_then(|store| work(&store, 0, &mut told));
        assert!(made.is_err() || disk.met(), "{at} was made");
        disk.lose_power(&mut dice);
        let store = match open_on(&disk) {
            Ok(store) => store,
            Err(Error::Missing { .. }) if told.put.is_empty() => continue,
            Err(error) => panic!("{at}: {error}"),
        };
        assert_eq!(store.health().erased_at_open, 0, "{at}: a row without its key");
        no_key_is_left_over(&disk, &store, &at);
        let from = check(&store, &told, &at);
        work(&store, from, &mut told).unwrap_or_else(|e| panic!("after {at}: {e}"));
        drop(store);
        disk.lose_power(&mut dice);
        let store = open_on(&disk).unwrap();
        check(&store, &told, &at);
        no_key_is_left_over(&disk, &store, &at);
        finished += 1;
    }
    println!("{whole} deaths, one at each call; {finished} left a store");
    assert!(finished * 2 > whole);
}

#[test]
fn a_second_trouble_while_the_first_is_mended_and_then_a_power_cut_lose_nothing() {
    let base = MemoryDisk::new();
    {
        let store = create_on(&base).unwrap();
        for n in 0..3 {
            put(&store, &n.to_string(), &value(n)).unwrap();
        }
    }
    let whole = {
        let disk = base.copy();
        let store = open_on(&disk).unwrap();
        disk.trouble(Trouble::None);
        erase(&store, "0").unwrap();
        disk.calls()
    };
    let mut dice = Dice(71);
    let mut cuts = 0;
    for (first, is_killed) in (0..whole).flat_map(|first| [(first, true), (first, false)]) {
        for second in 0.. {
            let at = format!("call {first} of {whole}, killed: {is_killed}, then call {second}");
            let disk = base.copy();
            let mut store = open_on(&disk).ok();
            disk.trouble(match is_killed {
                true => Trouble::DiesAt(first),
                false => Trouble::FailsAt(first, ErrorKind::Other),
            });
            let mut told = Told::default();
            told.put.extend(0..3);
            let erase_one = |store: &Option<Store>, told: &mut Told, n: u64| {
                if store.as_ref().is_some_and(|store| erase(store, &n.to_string()).is_ok()) {
                    told.erased.insert(n);
                }
            };
            erase_one(&store, &mut told, 0);
            if is_killed {
                // What it wrote is read by the next process, durable or not.
                drop(store.take());
                disk.lose_process();
                disk.trouble(Trouble::DiesAt(second));
                store = open_on(&disk).ok();
            } else {
                disk.trouble(Trouble::DiesAt(second));
            }
            erase_one(&store, &mut told, 1);
            drop(store);
            for _ in 0..4 {
                let after = disk.copy();
                after.lose_power_in_blocks(&mut dice);
                let store = open_on(&after).unwrap_or_else(|error| panic!("{at}: {error}"));
                assert_eq!(store.health().erased_at_open, 0, "{at}: a row without its key");
                no_key_is_left_over(&after, &store, &at);
                let people = store.table("people");
                for n in 0..3 {
                    let found = people.get(&n.to_string()).unwrap();
                    assert!(found.is_none() || !told.erased.contains(&n), "{at}: {n} came back");
                    assert!(n != 2 || found == Some(value(n)), "{at}: {n} is lost");
                }
                cuts += 1;
            }
            if !disk.met() {
                break;
            }
        }
    }
    println!("{cuts} power cuts after two troubles");
    assert!(cuts > 1_000);
}

#[test]
fn a_disk_that_refuses_any_one_write_never_makes_an_erasure_look_done_that_is_not() {
    let disk = MemoryDisk::new();
    let whole = {
        let store = create_on(&disk).unwrap();
        disk.trouble(Trouble::None);
        work(&store, 0, &mut Told::default()).unwrap();
        disk.calls()
    };
    let (mut refused, mut pending) = (0, 0);
    for call in 0..whole {
        let at = format!("full at call {call} of {whole}");
        let disk = MemoryDisk::new();
        let store = create_on(&disk).unwrap();
        disk.trouble(Trouble::FailsAt(call, ErrorKind::StorageFull));
        let mut told = Told::default();
        match work(&store, 0, &mut told) {
            Ok(()) => {}
            Err(Error::Full { .. }) => refused += 1,
            Err(Error::ErasurePending { .. }) => {
                pending += 1;
                let health = store.health();
                assert_eq!(health.erasures_pending, 1, "{at}");
            }
            Err(error) => panic!("{at}: {error}"),
        }
        let from = check(&store, &told, &at);
        work(&store, from, &mut told).unwrap_or_else(|e| panic!("after {at}: {e}"));
        check(&store, &told, &at);
        assert_eq!(store.health().erasures_pending, 0, "{at}");
        drop(store);
        disk.lose_power(&mut Dice(call));
        let store = open_on(&disk).unwrap();
        check(&store, &told, &at);
        no_key_is_left_over(&disk, &store, &at);
    }
    println!("full at each of {whole} calls: {refused} refused, {pending} erasures to be finished");
    assert!(refused > 10 && pending > 3);
}

/// A home with three rows that can be erased, closed; a fourth was erased.
fn three_rows(dir: &Path) -> Rows {
    let store = create(dir);
    for n in 0..4 {
        put(&store, &n.to_string(), &value(n)).unwrap();
    }
    erase(&store, "3").unwrap();
    rows(&store.table("people"))
}

#[test]
fn one_damaged_copy_is_written_anew_and_two_are_named_never_read_as_erased() {
    let home = tempfile::tempdir().unwrap();
    let (dir, broken) = (home.path().join("home"), home.path().join("broken"));
    let before = three_rows(&dir);
    drop(open(&dir).unwrap());
    let file = erasure_file::path(&broken);
    let page = 2 * ROOT_SLOT_BYTES as u64;
    // Within root and page, where bytes are used.
    let mut dice = Dice(71);
    let mut spots = vec![(0, 100), (ROOT_SLOT_BYTES as u64, 100)];
    for copy in 0..2 {
        spots.extend((0..12).map(|_| (page + copy * PAGE_SLOT_BYTES as u64, dice.roll(8_000))));
        spots.extend((0..90).step_by(9).map(|at| (copy * ROOT_SLOT_BYTES as u64, at)));
    }
    for (copy, at) in spots {
        copy_home(&dir, &broken);
        flip(&file, copy + at, (at % 8) as u8);
        let store = open(&broken).unwrap_or_else(|e| panic!("copy at {copy}, byte {at}: {e}"));
        assert!(store.health().erasure_keys_renewed);
        assert_eq!(
            (rows(&store.table("people")), store.health().erased_at_open),
            (before.clone(), 0)
        );
        drop(store);
        assert!(!open(&broken).unwrap().health().erasure_keys_renewed, "it is mended");
        std::fs::remove_dir_all(&broken).unwrap();
    }
    for (one, other) in [(0, ROOT_SLOT_BYTES as u64), (page, page + PAGE_SLOT_BYTES as u64)] {
        copy_home(&dir, &broken);
        flip(&file, one + 60, 3);
        flip(&file, other + 61, 3);
        for _ in 0..2 {
            assert!(matches!(open(&broken), Err(Error::ErasureKeysDamaged { .. })));
        }
        std::fs::remove_dir_all(&broken).unwrap();
    }
    // Cut: a copy is lost, or both.
    let length = std::fs::metadata(erasure_file::path(&dir)).unwrap().len();
    let (mut mended, mut named) = (0, 0);
    for step in 0..40 {
        copy_home(&dir, &broken);
        damage::cut(&file, length - 1 - step * 1_000);
        match open(&broken) {
            Ok(store) => {
                assert_eq!(rows(&store.table("people")), before);
                mended += 1;
            }
            Err(Error::ErasureKeysDamaged { .. }) => named += 1,
            Err(error) => panic!("cut at step {step}: {error}"),
        }
        std::fs::remove_dir_all(&broken).unwrap();
    }
    assert!(mended > 0 && named > 0, "{mended} mended, {named} named");
    copy_home(&dir, &broken);
    std::fs::remove_file(&file).unwrap();
    assert!(matches!(open(&broken), Err(Error::ErasureKeysDamaged { .. })));
    assert_eq!(rows(&open(&dir).unwrap().table("people")), before);
}

#[test]
fn older_keys_put_back_are_named_or_destroyed_again() {
    let home = tempfile::tempdir().unwrap();
    let (dir, old) = (home.path().join("home"), home.path().join("old"));
    let store = create(&dir);
    put(&store, "kari", b"of kari").unwrap();
    std::fs::copy(erasure_file::path(&dir), &old).unwrap();
    erase(&store, "kari").unwrap();
    drop(store);
    std::fs::copy(&old, erasure_file::path(&dir)).unwrap();
    assert_eq!(readable(&dir, &old), [b"of kari"]);
    drop(open(&dir).unwrap());
    assert_eq!(readable(&dir, &erasure_file::path(&dir)), Vec::<Vec<u8>>::new());
    // With rows that they do not know.
    let store = open(&dir).unwrap();
    for n in 0..2 * erasure_file::PAGE_KEYS {
        put(&store, &n.to_string(), b"newer").unwrap();
    }
    drop(store);
    std::fs::copy(&old, erasure_file::path(&dir)).unwrap();
    assert!(matches!(open(&dir), Err(Error::ErasureKeysOutdated { .. })));
}

#[test]
fn an_older_backup_with_the_newest_keys_gives_nothing_that_was_erased_since() {
    let home = tempfile::tempdir().unwrap();
    let (dir, backups) = (home.path().join("home"), home.path().join("backups"));
    std::fs::create_dir(&backups).unwrap();
    let store = create(&dir);
    put(&store, "kari", b"of kari").unwrap();
    put(&store, "ola", b"of ola").unwrap();
    let (first, second) = (backups.join("monday"), backups.join("tuesday"));
    store.backup(&first, None).unwrap();
    let beside = files_under(&backups).into_iter().find(|f| *f != first).unwrap();
    let old_keys = std::fs::read(&beside).unwrap();
    let restore = |from: &Path, to: &str| Store::restore(from, &home.path().join(to), &passphrase(), entropy());
    assert_eq!(rows(&restore(&first, "before").unwrap().table("people")).len(), 2);

    erase(&store, "kari").unwrap();
    put(&store, "per", b"of per").unwrap();
    store.backup(&second, None).unwrap();
    assert_eq!(files_under(&backups).len(), 3, "one file of keys for both");
    assert!(Store::verify_backup(&first, &passphrase()).is_ok());
    let restored = restore(&first, "monday").unwrap();
    let people = restored.table("people");
    assert_eq!(people.get("kari").unwrap(), None);
    assert_eq!(people.get("ola").unwrap().unwrap(), b"of ola");
    assert_eq!((restored.health().erased_at_open, people.len().unwrap()), (1, 1));
    drop((people, restored));
    let there = home.path().join("monday");
    let left = readable(&there, &erasure_file::path(&there));
    assert_eq!(left, [b"of ola"], "with the passphrase too");
    assert_eq!(open(&there).unwrap().health().erased_at_open, 0);
    assert_eq!(rows(&restore(&second, "tuesday").unwrap().table("people")).len(), 2);

    // Keys can be brought up to date without a backup.
    erase(&store, "ola").unwrap();
    store.renew_backup_keys(&first).unwrap();
    assert_eq!(restore(&first, "later").unwrap().table("people").len().unwrap(), 0);

    // Older ones than the backup are named, and none too.
    let newest = std::fs::read(&beside).unwrap();
    std::fs::write(&beside, old_keys).unwrap();
    let refused = restore(&second, "refused");
    assert!(matches!(refused, Err(Error::ErasureKeysOutdated { .. })), "{refused:?}");
    std::fs::remove_file(&beside).unwrap();
    for refused in [
        restore(&second, "refused").err(),
        Store::verify_backup(&second, &passphrase()).err(),
    ] {
        assert!(matches!(refused, Some(Error::ErasureKeysDamaged { .. })), "{refused:?}");
    }
    std::fs::write(&beside, newest).unwrap();
    assert!(restore(&second, "accepted").is_ok());
}

#[test]
fn a_repair_from_a_backup_takes_the_newer_keys_of_the_store_and_of_those_beside_it() {
    let home = tempfile::tempdir().unwrap();
    let (dir, backup) = (home.path().join("home"), home.path().join("backup"));
    let store = create(&dir);
    put(&store, "kari", b"of kari").unwrap();
    put(&store, "ola", b"of ola").unwrap();
    store.backup(&backup, None).unwrap();
    erase(&store, "kari").unwrap();
    drop(store);
    let path = segment(&dir);
    flip(&path, damage::offsets(&path)[0] + 130, 1);
    std::fs::remove_dir_all(dir.join("index")).unwrap();
    assert!(matches!(open(&dir), Err(Error::Damaged { .. })));
    let (store, _) = Store::repair_from_backup(&dir, &backup, &passphrase(), entropy()).unwrap();
    let people = store.table("people");
    // The keys beside the backup still knew it; those of the damaged store did not.
    assert_eq!(people.get("kari").unwrap(), None);
    assert_eq!(people.get("ola").unwrap().unwrap(), b"of ola");
    assert_eq!(holding_of(&erasure_file::path(&dir), &dir).pages.len(), 1);
}

#[test]
fn rows_that_can_be_erased_are_read_while_others_are_erased() {
    let home = tempfile::tempdir().unwrap();
    let store = create(home.path());
    put(&store, "stays", b"it stays").unwrap();
    let done = Arc::new(std::sync::atomic::AtomicBool::new(false));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            let (store, done) = (store.clone(), Arc::clone(&done));
            scope.spawn(move || {
                let people = store.table("people");
                while !done.load(std::sync::atomic::Ordering::Relaxed) {
                    assert_eq!(people.get("stays").unwrap().unwrap(), b"it stays");
                    for (_, row) in people.group(b"").unwrap() {
                        assert!(row == b"it stays" || row == b"it goes");
                    }
                }
            });
        }
        for _ in 0..60 {
            put(&store, "goes", b"it goes").unwrap();
            erase(&store, "goes").unwrap();
        }
        done.store(true, std::sync::atomic::Ordering::Relaxed);
    });
    assert_eq!(store.health().index_rebuilds, 0, "no reader met a row without its key");
}
