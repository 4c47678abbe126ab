//! What is read is what was committed.

#![allow(clippy::disallowed_methods, reason = "figures are printed, never asserted")]

use super::*;
use crate::{GROUP_BYTES_MAX, ID_BYTES_MAX, Key, VALUE_BYTES_MAX};

#[test]
fn committed_values_are_read_back_and_uncommitted_ones_are_not() {
    let home = tempfile::tempdir().unwrap();
    let store = create(home.path());
    let table = store.table("people");
    let mut transaction = store.transaction();
    transaction.put(&table, "kari", b"one").put(&table, "ola", b"two");
    assert_eq!(table.get("kari").unwrap(), None, "not yet committed");
    assert_eq!(transaction.commit().unwrap(), 1);
    assert_eq!(table.get("kari").unwrap().unwrap(), b"one");
    assert!(table.contains("ola").unwrap());
    assert_eq!(table.len().unwrap(), 2);

    let mut dropped = store.transaction();
    dropped.put(&table, "kari", b"three");
    drop(dropped);
    assert_eq!(table.get("kari").unwrap().unwrap(), b"one");
    assert_eq!(store.sequence(), 1);
}

#[test]
fn later_changes_of_one_transaction_win() {
    let home = tempfile::tempdir().unwrap();
    let store = create(home.path());
    let table = store.table("people");
    let mut transaction = store.transaction();
    transaction
        .put(&table, "a", b"1")
        .delete(&table, "a")
        .put(&table, "b", b"1")
        .put(&table, "b", b"2")
        .delete(&table, "never there");
    transaction.commit().unwrap();
    assert_eq!(table.get("a").unwrap(), None);
    assert_eq!(table.get("b").unwrap().unwrap(), b"2");
    drop((table, store));
    let store = open(home.path()).unwrap();
    assert_eq!(store.table("people").get("b").unwrap().unwrap(), b"2");
    assert_eq!(store.health().rows, 1);
}

#[test]
fn the_same_key_in_another_table_or_group_is_another_row() {
    let home = tempfile::tempdir().unwrap();
    let store = create(home.path());
    let (people, offers) = (store.table("people"), store.table("offers"));
    let mut transaction = store.transaction();
    transaction
        .put(&people, "x", b"people")
        .put(&offers, "x", b"offers")
        .put(&people, Key::in_group(b"g", b"x"), b"grouped")
        .put(&people, Key::in_group(b"gx", b""), b"shifted");
    transaction.commit().unwrap();
    assert_eq!(people.get("x").unwrap().unwrap(), b"people");
    assert_eq!(offers.get("x").unwrap().unwrap(), b"offers");
    assert_eq!(people.get(Key::in_group(b"g", b"x")).unwrap().unwrap(), b"grouped");
    assert_eq!(people.get(Key::in_group(b"gx", b"")).unwrap().unwrap(), b"shifted");
    assert_eq!((people.len().unwrap(), offers.len().unwrap()), (3, 1));
}

#[test]
fn a_group_is_sorted_by_id_and_holds_nothing_else() {
    let home = tempfile::tempdir().unwrap();
    let store = create(home.path());
    let table = store.table("people");
    let mut transaction = store.transaction();
    for n in [30u32, 4, 200, 7] {
        transaction.put(&table, Key::in_group(b"mine", &n.to_be_bytes()), b"v");
        transaction.put(&table, Key::in_group(b"other", &n.to_be_bytes()), b"w");
    }
    transaction.commit().unwrap();
    let ids: Vec<u32> = table
        .group(b"mine")
        .unwrap()
        .into_iter()
        .map(|(id, value)| {
            assert_eq!(value, b"v");
            u32::from_be_bytes(id.try_into().unwrap())
        })
        .collect();
    assert_eq!(ids, [4, 7, 30, 200]);
    assert!(table.group(b"none").unwrap().is_empty());
}

#[test]
fn a_scan_spans_pages_stops_when_told_and_may_write() {
    let home = tempfile::tempdir().unwrap();
    let store = create(home.path());
    let table = store.table("people");
    let mut transaction = store.transaction();
    for n in 0u32..1500 {
        transaction.put(&table, &n.to_be_bytes(), &[n as u8; 2000]);
    }
    transaction.commit().unwrap();
    assert_eq!(rows(&table).len(), 1500);
    let mut seen = 0;
    table
        .scan(&mut |_, id, _| {
            seen += 1;
            let mut transaction = store.transaction();
            transaction.put(&store.table("offers"), &id.to_vec(), b"seen");
            transaction.commit().unwrap();
            seen < 3
        })
        .unwrap();
    assert_eq!(seen, 3);
    assert_eq!(store.table("offers").len().unwrap(), 3);
}

#[test]
fn sizes_up_to_the_limits_are_taken_and_beyond_them_refused() {
    let home = tempfile::tempdir().unwrap();
    let store = create(home.path());
    let table = store.table("people");
    let (group, id) = (vec![1; GROUP_BYTES_MAX], vec![2; ID_BYTES_MAX]);
    let value = vec![3; VALUE_BYTES_MAX];
    let mut transaction = store.transaction();
    transaction.put(&table, Key::in_group(&group, &id), &value);
    transaction.commit().unwrap();
    drop((table, store));
    let store = open(home.path()).unwrap();
    let table = store.table("people");
    let read = table.get(Key::in_group(&group, &id)).unwrap().unwrap();
    assert!(read == value);

    let long = vec![0; GROUP_BYTES_MAX + 1];
    let over = vec![0; VALUE_BYTES_MAX + 1];
    for (key, value) in [
        (Key::in_group(&long, b""), &b""[..]),
        (Key::in_group(b"", &long), b""),
        (Key::from("x"), &over),
    ] {
        let mut transaction = store.transaction();
        transaction.put(&table, key, value);
        assert!(matches!(transaction.commit(), Err(Error::TooLarge { .. })));
    }
    let mut transaction = store.transaction();
    transaction.put(&table, "a", &value).put(&table, "b", &value);
    assert!(
        matches!(transaction.commit(), Err(Error::TooLarge { .. })),
        "together too large"
    );
    assert_eq!(store.sequence(), 1);
}

#[test]
fn a_table_of_another_store_is_refused() {
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (one, two) = (create(one.path()), create(two.path()));
    let mut transaction = one.transaction();
    transaction.put(&two.table("people"), "x", b"");
    assert!(matches!(transaction.commit(), Err(Error::ForeignTable)));
}

#[test]
fn ten_thousand_rows_fill_several_groups_and_come_back_after_reopening() {
    let home = tempfile::tempdir().unwrap();
    let store = create(home.path());
    let table = store.table("people");
    let begun = std::time::Instant::now();
    for start in (0..10_000u32).step_by(500) {
        let mut transaction = store.transaction();
        for n in start..start + 500 {
            transaction.put(&table, &n.to_be_bytes(), &[n as u8; 2048]);
        }
        transaction.commit().unwrap();
    }
    let written = begun.elapsed();
    let begun = std::time::Instant::now();
    assert_eq!(rows(&table).len(), 10_000);
    let scanned = begun.elapsed();
    let health = store.health();
    drop((table, store));
    let begun = std::time::Instant::now();
    let store = open(home.path()).unwrap();
    let opened = begun.elapsed();
    assert!(!store.health().index_rebuilt_at_open);
    assert_eq!(store.table("people").len().unwrap(), 10_000);
    assert_eq!(
        store.table("people").get(&77u32.to_be_bytes()).unwrap().unwrap(),
        vec![77; 2048]
    );
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let resident = status
        .lines()
        .find(|l| l.starts_with("VmRSS"))
        .unwrap_or("unknown")
        .to_owned();
    drop(store);
    std::fs::remove_dir_all(home.path().join("index")).unwrap();
    let begun = std::time::Instant::now();
    let store = open(home.path()).unwrap();
    let rebuilt = begun.elapsed();
    assert_eq!(store.health().rows, 10_000);
    println!(
        "10,000 rows of 2 KiB: written {written:?}, scanned {scanned:?}, opened {opened:?}, rebuilt {rebuilt:?}, \
         journal {} bytes, index {} bytes, {resident}",
        health.journal_bytes, health.index_bytes
    );
}
