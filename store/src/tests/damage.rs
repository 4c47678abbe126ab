//! Damage is mended from what is left, or named; it never reads as a value.

use super::*;

/// Offsets of the records of a segment, and its length.
pub(super) fn offsets(path: &Path) -> Vec<u64> {
    let bytes = std::fs::read(path).unwrap();
    let mut offsets = vec![crate::segment::SEGMENT_HEADER_BYTES as u64];
    loop {
        let at = *offsets.last().unwrap() as usize;
        if at == bytes.len() {
            return offsets;
        }
        let body = u32::from_be_bytes(bytes[at + 4..at + 8].try_into().unwrap()) as usize;
        offsets.push((at + crate::record::HEADER_BYTES + body) as u64);
    }
}

pub(super) fn cut(path: &Path, length: u64) {
    let file = std::fs::File::options().write(true).open(path).unwrap();
    file.set_len(length).unwrap();
}

#[test]
fn without_sled_the_tables_are_rebuilt_equal() {
    let home = tempfile::tempdir().unwrap();
    let before = filled(home.path(), 100);
    std::fs::remove_dir_all(home.path().join("index")).unwrap();
    let store = open(home.path()).unwrap();
    assert!(store.health().index_rebuilt_at_open);
    assert_eq!(all(&store), before);
}

#[test]
fn an_older_index_is_brought_up_to_the_journal() {
    let home = tempfile::tempdir().unwrap();
    let (dir, old) = (home.path().join("home"), home.path().join("old"));
    filled(&dir, 50);
    copy_home(&dir.join("index"), &old);
    let store = open(&dir).unwrap();
    fill(&store, 90);
    let before = all(&store);
    drop(store);
    std::fs::remove_dir_all(dir.join("index")).unwrap();
    copy_home(&old, &dir.join("index"));
    let store = open(&dir).unwrap();
    assert!(!store.health().index_rebuilt_at_open, "only the rest is replayed");
    assert_eq!(all(&store), before);
}

#[test]
fn flipped_bits_in_sled_never_change_a_value() {
    let home = tempfile::tempdir().unwrap();
    let (dir, broken) = (home.path().join("home"), home.path().join("broken"));
    let store = create(&dir);
    let table = store.table("people");
    let mut dice = Dice(5);
    for n in 0u32..40 {
        let mut transaction = store.transaction();
        for m in 0u32..20 {
            let value: Vec<u8> = (0..500).map(|_| dice.roll(256) as u8).collect();
            transaction.put(&table, &[n.to_be_bytes(), m.to_be_bytes()].concat(), &value);
        }
        transaction.commit().unwrap();
    }
    let before = all(&store);
    drop((table, store));
    let (mut rebuilt, mut replayed) = (0, 0);
    for round in 0..60 {
        copy_home(&dir, &broken);
        let files: Vec<_> = files_under(&broken.join("index"))
            .into_iter()
            .filter(|f| std::fs::metadata(f).unwrap().len() > 0)
            .collect();
        let total: u64 = files.iter().map(|f| std::fs::metadata(f).unwrap().len()).sum();
        // Most of sled's file is empty space in which nothing can be damaged: aim at what is used.
        loop {
            let mut at = dice.roll(total);
            let file = files
                .iter()
                .find(|f| {
                    let length = std::fs::metadata(f).unwrap().len();
                    let here = at < length;
                    if !here {
                        at -= length;
                    }
                    here
                })
                .unwrap();
            let bytes = std::fs::read(file).unwrap();
            if bytes[at as usize] != 0 {
                flip(file, at, dice.roll(8) as u8);
                break;
            }
        }
        let store = open(&broken).unwrap_or_else(|e| panic!("round {round}: {e}"));
        assert_eq!(all(&store), before, "round {round}");
        let health = store.health();
        rebuilt += u32::from(health.index_rebuilt_at_open || health.index_rebuilds > 0);
        replayed += u32::from(health.replayed_at_open > 0);
        drop(store);
        std::fs::remove_dir_all(&broken).unwrap();
    }
    println!("60 flips in sled: {rebuilt} rebuilt, {replayed} set sled back and were replayed");
    assert!(replayed > 0, "some of the flips must have been met");
}

/// Makes a store with two rows, and exchanges them inside sled.
fn exchange_rows(dir: &Path) {
    let store = create(dir);
    let table = store.table("people");
    let mut transaction = store.transaction();
    transaction
        .put(&table, "kari", b"of kari")
        .put(&table, "ola", b"of ola");
    transaction.commit().unwrap();
    let (kari, ola) = (table.keys.row_key(b"", b"kari"), table.keys.row_key(b"", b"ola"));
    drop((table, store));
    // Another test that is just starting a process may hold a copy of the lock's handle for a moment.
    let sled = (0..200)
        .find_map(|_| {
            let opened = sled::open(dir.join("index")).ok();
            if opened.is_none() {
                std::thread::sleep(std::time::Duration::from_millis(10));
            }
            opened
        })
        .expect("nobody else has it open");
    let (a, b) = (sled.get(kari).unwrap().unwrap(), sled.get(ola).unwrap().unwrap());
    sled.insert(kari, b).unwrap();
    sled.insert(ola, a).unwrap();
    sled.flush().unwrap();
}

#[test]
fn a_row_exchanged_inside_sled_is_not_returned() {
    let home = tempfile::tempdir().unwrap();
    exchange_rows(home.path());
    let store = open(home.path()).unwrap();
    let table = store.table("people");
    assert_eq!(table.get("kari").unwrap().unwrap(), b"of kari");
    assert_eq!(table.get("ola").unwrap().unwrap(), b"of ola");
    assert_eq!(store.health().index_rebuilds, 1);
}

#[test]
fn a_row_taken_out_of_sled_or_put_back_in_an_older_version_is_noticed_at_opening() {
    let home = tempfile::tempdir().unwrap();
    let store = create(home.path());
    let table = store.table("people");
    let row = table.keys.row_key(b"", b"kari");
    let put = |value: &[u8]| {
        let mut transaction = store.transaction();
        transaction.put(&table, "kari", value);
        transaction.commit().unwrap();
    };
    put(b"old");
    let old = store.core.index.read().unwrap().get(&row).unwrap().unwrap();
    put(b"new");
    drop((table, store));
    for tampered in [None, Some(old)] {
        {
            let sled = sled::open(home.path().join("index")).unwrap();
            match tampered {
                None => sled.remove(row).unwrap(),
                Some(old) => sled.insert(row, old).unwrap(),
            };
            sled.flush().unwrap();
        }
        let store = open(home.path()).unwrap();
        assert!(store.health().index_rebuilt_at_open);
        assert_eq!(store.table("people").get("kari").unwrap().unwrap(), b"new");
    }
}

#[test]
fn a_flipped_bit_anywhere_in_the_journal_is_repaired_from_the_index_or_named() {
    let home = tempfile::tempdir().unwrap();
    let (dir, broken) = (home.path().join("home"), home.path().join("broken"));
    let before = filled(&dir, 30);
    let offsets = offsets(&segment(&dir));
    let length = *offsets.last().unwrap();
    let mut dice = Dice(7);
    let mut repaired = 0;
    for round in 0..150 {
        copy_home(&dir, &broken);
        let index = round % 2 == 1;
        if !index {
            std::fs::remove_dir_all(broken.join("index")).unwrap();
        }
        let mark = round % 5 != 0;
        if !mark {
            std::fs::remove_file(broken.join("high-water")).unwrap();
        }
        let at = if round < 10 {
            length - 1 - round
        } else {
            dice.roll(length)
        };
        flip(&segment(&broken), at, dice.roll(8) as u8);
        let hit = offsets.partition_point(|o| *o <= at);
        let last = hit + 1 == offsets.len();
        // The header can be told from the records behind it. Of the last record only the mark says that it was the last.
        let helped = hit == 0 || index && (mark || !last);
        match open(&broken) {
            Ok(store) if !store.health().journal_repairs.is_empty() => {
                assert!(helped, "round {round}: repaired without the index");
                let damage = store.health().journal_repairs[0];
                let expected = if hit == 0 { 0 } else { offsets[hit - 1] };
                assert_eq!((damage.segment, damage.offset), (1, expected), "round {round}");
                assert_eq!(all(&store), before, "round {round}");
                assert!(store.sequence() > 30 && store.epoch() == 0);
                repaired += 1;
                drop(store);
                let store = open(&broken).unwrap();
                assert_eq!((all(&store), store.health().journal_repairs.len()), (before.clone(), 0));
            }
            Err(Error::Damaged {
                segment: 1,
                offset,
                sequence,
            }) => {
                assert!(!helped, "round {round}: the index could have helped");
                assert_eq!((offset, sequence), (offsets[hit - 1], hit as u64), "round {round}");
            }
            // A length that points behind the end looks like a record cut short.
            Err(Error::LostTail { known: 30, found }) => {
                let at_length = (offsets[hit - 1] + 4..offsets[hit - 1] + 8).contains(&at);
                assert!(!helped && found + 1 == hit as u64 && at_length, "round {round}");
            }
            // Without index and high-water file nothing shows that the last record was acknowledged.
            Ok(store) => {
                assert!(last && !index && !mark, "round {round}: opened with damage at {at}");
                assert!(store.health().torn_bytes > 0 && store.health().mark_renewed);
            }
            other => panic!("round {round}: {other:?}"),
        }
        std::fs::remove_dir_all(&broken).unwrap();
    }
    println!("150 flips in the journal: {repaired} repaired from the index");
    assert!(repaired > 50);
}

#[test]
fn a_journal_damaged_while_in_use_never_reads_as_an_empty_table() {
    let home = tempfile::tempdir().unwrap();
    exchange_rows(home.path());
    let store = open(home.path()).unwrap();
    let path = segment(home.path());
    flip(&path, offsets(&path)[0] + 130, 2);
    let table = store.table("people");
    for _ in 0..3 {
        assert!(matches!(table.get("kari"), Err(Error::Damaged { .. })));
        assert!(matches!(table.get("somebody else"), Err(Error::Damaged { .. })));
        assert!(table.len().is_err() && table.group(b"").is_err());
    }
    let mut transaction = store.transaction();
    transaction.require_absent(&table, "kari").put(&table, "kari", b"twice");
    assert!(matches!(transaction.commit(), Err(Error::Damaged { .. })));
}

#[test]
fn a_journal_that_went_another_way_is_noticed() {
    let home = tempfile::tempdir().unwrap();
    let (dir, other) = (home.path().join("home"), home.path().join("other"));
    filled(&dir, 5);
    copy_home(&dir, &other);
    for (dir, more) in [(&dir, 3), (&other, 6)] {
        fill(&open(dir).unwrap(), more);
    }
    std::fs::copy(segment(&other), segment(&dir)).unwrap();
    assert!(matches!(open(&dir), Err(Error::Diverged { sequence: 8 })));
}

#[test]
fn a_torn_last_record_is_cut_off_and_nothing_acknowledged_goes_with_it() {
    use std::io::Write;
    let home = tempfile::tempdir().unwrap();
    let (dir, longer) = (home.path().join("home"), home.path().join("longer"));
    let before = filled(&dir, 20);
    copy_home(&dir, &longer);
    fill(&open(&longer).unwrap(), 1);
    let path = segment(&dir);
    let whole = std::fs::metadata(&path).unwrap().len();
    let next = std::fs::read(segment(&longer)).unwrap()[whole as usize..].to_vec();
    let mut garbled = next.clone();
    garbled[200] ^= 1;
    let torn = [&next[..1], &next[..119], &next[..next.len() - 1], &[0; 500], &garbled];
    for torn in torn {
        let mut file = std::fs::File::options().append(true).open(&path).unwrap();
        file.write_all(torn).unwrap();
        let store = open(&dir).unwrap();
        assert_eq!(store.health().torn_bytes, torn.len() as u64);
        assert_eq!(all(&store), before);
        drop(store);
        assert_eq!(std::fs::metadata(&path).unwrap().len(), whole);
    }
    // A record that reached the disk whole but was not acknowledged may be kept.
    let mut file = std::fs::File::options().append(true).open(&path).unwrap();
    file.write_all(&next).unwrap();
    assert_eq!(open(&dir).unwrap().sequence(), 21);
}

#[test]
fn one_damaged_copy_of_the_key_file_is_renewed_and_two_are_named() {
    let home = tempfile::tempdir().unwrap();
    let before = filled(home.path(), 5);
    let copies = [home.path().join("keys"), home.path().join("keys-spare")];
    let length = std::fs::metadata(&copies[0]).unwrap().len();
    for copy in &copies {
        for at in 0..length {
            flip(copy, at, (at % 8) as u8);
            let store = open(home.path()).unwrap();
            assert!(store.health().keys_renewed);
            drop(store);
        }
        std::fs::remove_file(copy).unwrap();
        assert!(open(home.path()).unwrap().health().keys_renewed);
    }
    let store = open(home.path()).unwrap();
    assert!(!store.health().keys_renewed);
    assert_eq!(all(&store), before);
    drop(store);
    for copy in &copies {
        flip(copy, 60, 1);
    }
    assert!(matches!(open(home.path()), Err(Error::KeyFileDamaged { .. })));
}

#[test]
fn a_missing_segment_is_named() {
    let home = tempfile::tempdir().unwrap();
    let (dir, broken) = (home.path().join("home"), home.path().join("broken"));
    let store = create(&dir);
    let table = store.table("people");
    let value = vec![7; 15 << 20];
    for n in 0..12u8 {
        let mut transaction = store.transaction();
        transaction.put(&table, &[n % 2], &value);
        transaction.commit().unwrap();
    }
    assert_eq!(store.health().segments, 3);
    drop((table, store));
    std::fs::remove_dir_all(dir.join("index")).unwrap();
    for (removed, damaged) in [(1, Some(2)), (2, Some(2)), (3, None)] {
        copy_home(&dir, &broken);
        let name = format!("{removed:010}.segment");
        std::fs::remove_file(broken.join("journal-000001").join(name)).unwrap();
        match (open(&broken), damaged) {
            (Err(Error::SegmentDamaged { segment }), Some(expected)) => {
                assert_eq!(segment, expected);
            }
            (Err(Error::LostTail { known: 12, found: 8 }), None) => {}
            (other, _) => panic!("without segment {removed}: {other:?}"),
        }
        std::fs::remove_dir_all(&broken).unwrap();
    }
    assert_eq!(open(&dir).unwrap().table("people").len().unwrap(), 2);
}
