//! The seam: on a disk that loses what was not synced, and at whose every call the process may die or the disk be full,
//! nothing acknowledged is lost.

use std::io::ErrorKind;

use super::memory_disk::{MemoryDisk, Trouble};
use super::*;

const HOME: &str = "/home/store";
const BACKUP: &str = "/home/backup";

fn create_on(disk: &MemoryDisk) -> Result<Store, Error> {
    Store::create_on(disk.disk(), Path::new(HOME), &passphrase(), Params::quick(), entropy())
}

fn open_on(disk: &MemoryDisk) -> Result<Store, Error> {
    Store::open_on(disk.disk(), Path::new(HOME), &passphrase(), entropy())
}

fn put(store: &Store, n: u64) -> Result<(), Error> {
    let mut transaction = store.transaction();
    let people = store.table("people");
    transaction.put(&people, &n.to_be_bytes(), &vec![n as u8; 40 * n as usize]);
    if n >= 3 {
        transaction.delete(&people, &(n - 3).to_be_bytes());
    }
    transaction.put(&store.table("nonces"), "last", &n.to_be_bytes());
    transaction.commit().map(|_| ())
}

/// Commits, compacts, begins an epoch and backs up; says how far it came and whether the epoch was told.
fn work(store: &Store, from: u64, told: &mut Option<u64>, epoch: &mut u32) -> Result<(), Error> {
    for n in from..from + 6 {
        put(store, n)?;
        *told = Some(n);
        if n % 6 == 2 {
            store.compact()?;
        }
        if n % 6 == 4 {
            *epoch = store.begin_epoch()?;
            store.backup(Path::new(BACKUP), None)?;
        }
    }
    Ok(())
}

/// What the rows must be when `n` was the last transaction.
fn check(store: &Store, told: Option<u64>, tried: u64) -> Option<u64> {
    let last = store.table("nonces").get("last").unwrap();
    let last = last.map(|bytes| u64::from_be_bytes(bytes.try_into().unwrap()));
    assert!(last >= told, "told {told:?}, the store has {last:?}");
    assert!(last.is_none_or(|last| last <= tried));
    let mut expected = Rows::new();
    if let Some(last) = last {
        for n in last.saturating_sub(2)..=last {
            expected.insert((vec![], n.to_be_bytes().to_vec()), vec![n as u8; 40 * n as usize]);
        }
    }
    assert_eq!(rows(&store.table("people")), expected);
    last
}

#[test]
fn a_store_on_another_disk_keeps_its_rows_and_holds_its_index_in_memory() {
    let disk = MemoryDisk::new();
    let store = create_on(&disk).unwrap();
    assert!(Store::exists_on(disk.disk(), Path::new(HOME)).unwrap());
    assert!(matches!(open_on(&disk), Err(Error::Locked { .. })));
    let (mut told, mut epoch) = (None, 0);
    work(&store, 0, &mut told, &mut epoch).unwrap();
    drop(store);
    disk.lose_power(&mut Dice(1));
    let store = open_on(&disk).unwrap();
    assert_eq!(check(&store, told, 5), Some(5));
    assert!(store.health().index_in_memory && store.epoch() == 1);
    drop(store);
    let other = Path::new("/home/other");
    let restored = Store::restore_on(disk.disk(), Path::new(BACKUP), other, &passphrase(), entropy()).unwrap();
    assert_eq!((check(&restored, Some(4), 4), restored.epoch()), (Some(4), 2));
}

#[test]
fn a_process_that_dies_at_any_call_with_power_lost_has_lost_nothing_acknowledged() {
    let disk = MemoryDisk::new();
    let whole = {
        let (mut told, mut epoch) = (None, 0);
        work(&create_on(&disk).unwrap(), 0, &mut told, &mut epoch).unwrap();
        disk.calls()
    };
    let mut dice = Dice(31);
    let (mut deaths, mut never_made) = (0, 0);
    for at in 0..whole {
        let disk = MemoryDisk::new();
        disk.trouble(Trouble::DiesAt(at));
        let (mut told, mut epoch) = (None, 0);
        let made = create_on(&disk).and_then(|store| work(&store, 0, &mut told, &mut epoch));
        assert!(made.is_err() || disk.met(), "call {at} of {whole} was made");
        disk.lose_power(&mut dice);
        deaths += 1;
        let store = match open_on(&disk) {
            Ok(store) => store,
            Err(Error::Missing { .. }) if told.is_none() => {
                never_made += 1;
                continue;
            }
            Err(error) => panic!("death at call {at}: {error}"),
        };
        let last = check(&store, told, told.map_or(0, |n| n + 1));
        assert!(store.epoch() >= epoch, "death at call {at}");
        // Everything can go on, and the next opening finds nothing left to mend.
        let from = last.map_or(0, |n| n + 1);
        work(&store, from, &mut told, &mut epoch).unwrap();
        drop(store);
        check(&open_on(&disk).unwrap(), told, from + 5);
    }
    println!("{deaths} deaths, one at each call: {never_made} before there was a store");
    assert!(never_made < deaths / 2);
}

#[test]
fn a_disk_that_refuses_any_one_write_is_named_and_the_store_goes_on() {
    for (kind, named) in [
        (ErrorKind::StorageFull, "full"),
        (ErrorKind::ReadOnlyFilesystem, "read-only"),
    ] {
        let disk = MemoryDisk::new();
        let whole = {
            let store = create_on(&disk).unwrap();
            disk.trouble(Trouble::None);
            let (mut told, mut epoch) = (None, 0);
            work(&store, 0, &mut told, &mut epoch).unwrap();
            disk.calls()
        };
        let mut refused = 0;
        for at in 0..whole {
            let disk = MemoryDisk::new();
            let store = create_on(&disk).unwrap();
            disk.trouble(Trouble::FailsAt(at, kind));
            let (mut told, mut epoch) = (None, 0);
            match work(&store, 0, &mut told, &mut epoch) {
                Ok(()) => {}
                Err(Error::Full { .. }) if kind == ErrorKind::StorageFull => refused += 1,
                Err(Error::ReadOnly { .. }) if kind == ErrorKind::ReadOnlyFilesystem => refused += 1,
                Err(error) => panic!("{named} at call {at}: {error}"),
            }
            let last = check(&store, told, told.map_or(0, |n| n + 1));
            assert_eq!(last, told, "{named} at call {at}: a refused commit has no effect");
            let from = last.map_or(0, |n| n + 1);
            work(&store, from, &mut told, &mut epoch).unwrap_or_else(|e| panic!("after {named} at call {at}: {e}"));
            check(&store, told, from + 5);
            drop(store);
            disk.lose_power(&mut Dice(at));
            check(&open_on(&disk).unwrap(), told, from + 5);
        }
        println!("{named} at each of {whole} calls: {refused} refusals by name");
        assert!(refused > 20);
    }
}

#[test]
fn a_disk_that_stays_full_is_read_and_taken_up_again() {
    let disk = MemoryDisk::new();
    let store = create_on(&disk).unwrap();
    let (mut told, mut epoch) = (None, 0);
    work(&store, 0, &mut told, &mut epoch).unwrap();
    disk.trouble(Trouble::Fails(ErrorKind::StorageFull));
    for _ in 0..3 {
        assert!(matches!(put(&store, 6), Err(Error::Full { .. })));
        assert!(matches!(store.compact(), Err(Error::Full { .. })));
        assert_eq!(check(&store, told, 5), Some(5));
    }
    drop(store);
    let store = open_on(&disk).unwrap();
    assert_eq!(check(&store, told, 5), Some(5));
    assert!(matches!(put(&store, 6), Err(Error::Full { .. })));
    disk.trouble(Trouble::None);
    put(&store, 6).unwrap();
    assert_eq!(check(&store, Some(6), 6), Some(6));
}
