//! Backups hold everything, restore it, and show when they do not; compaction keeps every live row.

use super::*;

#[test]
fn a_restored_backup_has_equal_tables_in_the_next_epoch() {
    let home = tempfile::tempdir().unwrap();
    let store = create(&home.path().join("home"));
    fill(&store, 60);
    let before = all(&store);
    let file = home.path().join("backup");
    let taken = store.backup(&file, None).unwrap();
    fill(&store, 3);
    assert_eq!((taken.sequence, taken.epoch), (60, 0));
    assert_eq!(Store::verify_backup(&file, &passphrase()).unwrap(), taken);

    let target = home.path().join("other");
    let restored = Store::restore(&file, &target, &passphrase(), entropy()).unwrap();
    assert_eq!(all(&restored), before);
    assert_eq!((restored.epoch(), restored.sequence()), (1, 61));
    fill(&restored, 2);
    drop(restored);
    let restored = open(&target).unwrap();
    assert_eq!((restored.epoch(), restored.sequence()), (1, 63));
    let again = Store::restore(&file, &target, &passphrase(), entropy());
    assert!(matches!(again, Err(Error::NotEmpty { .. })));
}

#[test]
fn a_backup_with_its_own_passphrase_opens_with_that_one_only() {
    let home = tempfile::tempdir().unwrap();
    let store = create(&home.path().join("home"));
    fill(&store, 5);
    let file = home.path().join("backup");
    let own = Passphrase::new("kept in the safe");
    store.backup(&file, Some(&own)).unwrap();
    assert!(Store::verify_backup(&file, &own).is_ok());
    assert!(matches!(
        Store::verify_backup(&file, &passphrase()),
        Err(Error::WrongPassphrase)
    ));
    let target = home.path().join("other");
    let refused = Store::restore(&file, &target, &passphrase(), entropy());
    assert!(matches!(refused, Err(Error::WrongPassphrase)));
    assert!(!Store::exists(&target));
    assert!(Store::restore(&file, &target, &own, entropy()).is_ok());
}

#[test]
fn a_backup_taken_while_others_commit_is_one_moment_of_the_store() {
    let home = tempfile::tempdir().unwrap();
    let store = create(&home.path().join("home"));
    let stop = std::sync::atomic::AtomicBool::new(false);
    let file = home.path().join("backup");
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let table = store.table("people");
            let mut n = 0u64;
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                let mut transaction = store.transaction();
                transaction.put(&table, "left", &n.to_be_bytes());
                transaction.put(&table, "right", &n.to_be_bytes());
                transaction.commit().unwrap();
                n += 1;
            }
        });
        while store.sequence() < 20 {
            std::thread::yield_now();
        }
        let taken = store.backup(&file, None).unwrap();
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        let restored = Store::restore(&file, &home.path().join("other"), &passphrase(), entropy()).unwrap();
        let table = restored.table("people");
        assert_eq!(table.get("left").unwrap(), table.get("right").unwrap());
        let expected = (taken.sequence - 1).to_be_bytes();
        assert_eq!(table.get("left").unwrap().unwrap(), expected);
    });
}

#[test]
fn a_backup_with_a_flipped_bit_or_cut_anywhere_is_refused() {
    let home = tempfile::tempdir().unwrap();
    let store = create(&home.path().join("home"));
    fill(&store, 8);
    let file = home.path().join("backup");
    store.backup(&file, None).unwrap();
    let whole = std::fs::read(&file).unwrap();
    let mut dice = Dice(11);
    for round in 0..120 {
        let mut bytes = whole.clone();
        if round % 3 == 0 {
            bytes.truncate(dice.roll(whole.len() as u64) as usize);
        } else {
            let at = dice.roll(whole.len() as u64) as usize;
            bytes[at] ^= 1 << dice.roll(8);
        }
        std::fs::write(&file, bytes).unwrap();
        let verdict = Store::verify_backup(&file, &passphrase());
        assert!(
            matches!(verdict, Err(Error::BackupDamaged { .. } | Error::NewerFormat { .. })),
            "round {round}: {verdict:?}"
        );
    }
    std::fs::write(&file, whole).unwrap();
    assert!(Store::verify_backup(&file, &passphrase()).is_ok());
}

#[test]
fn a_damaged_journal_gives_no_backup_and_spares_the_earlier_one() {
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().join("home");
    let store = create(&dir);
    fill(&store, 8);
    let file = home.path().join("backup");
    store.backup(&file, None).unwrap();
    let good = std::fs::read(&file).unwrap();
    flip(&segment(&dir), 600, 3);
    assert!(matches!(store.backup(&file, None), Err(Error::Damaged { .. })));
    assert!(std::fs::read(&file).unwrap() == good);
    assert!(!home.path().join("backup.part").exists());
}

#[test]
fn compaction_keeps_every_row_and_drops_what_was_overwritten() {
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().join("home");
    let store = create(&dir);
    fill(&store, 400);
    let before = all(&store);
    let large = store.health();
    store.compact().unwrap();
    let small = store.health();
    assert_eq!(all(&store), before);
    assert!(small.journal_bytes < large.journal_bytes / 2);
    assert!(small.sequence > large.sequence && small.rows == large.rows);
    fill(&store, 20);
    let after = all(&store);
    drop(store);
    let store = open(&dir).unwrap();
    assert_eq!(all(&store), after);
    assert!(!store.health().index_rebuilt_at_open);
    store.compact().unwrap();
    let file = home.path().join("backup");
    store.backup(&file, None).unwrap();
    drop(store);
    std::fs::remove_dir_all(dir.join("index")).unwrap();
    assert_eq!(all(&open(&dir).unwrap()), after);
    let other = home.path().join("other");
    let restored = Store::restore(&file, &other, &passphrase(), entropy()).unwrap();
    assert_eq!(all(&restored), after);
}

#[test]
fn an_index_from_before_a_compaction_is_not_believed_about_deleted_rows() {
    let home = tempfile::tempdir().unwrap();
    let (dir, old) = (home.path().join("home"), home.path().join("old"));
    filled(&dir, 40);
    copy_home(&dir.join("index"), &old);
    let store = open(&dir).unwrap();
    let table = store.table("people");
    let mut transaction = store.transaction();
    for (group, id) in rows(&table).keys() {
        transaction.delete(&table, crate::Key::in_group(group, id));
    }
    transaction.commit().unwrap();
    store.compact().unwrap();
    let after = all(&store);
    drop((table, store));
    std::fs::remove_dir_all(dir.join("index")).unwrap();
    copy_home(&old, &dir.join("index"));
    let store = open(&dir).unwrap();
    assert_eq!(all(&store), after);
    assert!(store.table("people").is_empty().unwrap());
    assert!(store.health().index_rebuilt_at_open);
}

#[test]
fn an_interrupted_compaction_leaves_the_old_journal_or_the_new_one() {
    let home = tempfile::tempdir().unwrap();
    let (dir, old) = (home.path().join("home"), home.path().join("old"));
    let before = filled(&dir, 100);
    copy_home(&dir, &old);
    let store = open(&dir).unwrap();
    store.compact().unwrap();
    drop(store);
    // Ended before the rename: the new journal is unfinished.
    copy_home(&dir.join("journal-000002"), &old.join("journal-000002.part"));
    let store = open(&old).unwrap();
    assert_eq!((all(&store), store.sequence()), (before.clone(), 100));
    drop(store);
    assert!(!old.join("journal-000002.part").exists());
    // Ended after the rename: both are there, the index knows the old one only.
    copy_home(&dir.join("journal-000002"), &old.join("journal-000002"));
    let store = open(&old).unwrap();
    assert_eq!(all(&store), before);
    assert!(store.sequence() > 100);
    drop(store);
    assert!(!old.join("journal-000001").exists());
}

#[test]
fn what_is_in_a_backup_is_counted_and_the_newest_of_what_is_asked_for_is_read() {
    let home = tempfile::tempdir().unwrap();
    let store = create(&home.path().join("home"));
    let table = store.table("facts");
    for value in [b"first".as_slice(), b"second"] {
        let mut transaction = store.transaction();
        transaction.put(&table, "kept", value).put(&table, "gone", value);
        transaction.commit().unwrap();
    }
    let mut transaction = store.transaction();
    transaction
        .delete(&table, "gone")
        .put_erasable(&table, "erasable", b"not told");
    transaction.commit().unwrap();
    let file = home.path().join("backup");
    let taken = store.backup(&file, None).unwrap();
    let wanted = [
        ("facts", "kept"),
        ("facts", "gone"),
        ("facts", "erasable"),
        ("other", "kept"),
    ];
    let contents = Store::inspect_backup(&file, &passphrase(), &wanted).unwrap();
    assert_eq!((contents.info, contents.rows), (taken, store.health().rows));
    let values: Vec<_> = contents
        .values
        .iter()
        .map(|(name, value)| (*name, value.as_slice()))
        .collect();
    assert_eq!(values, [(("facts", "kept"), b"second".as_slice())]);
    let other = create(&home.path().join("other"));
    other.backup(&home.path().join("of other"), None).unwrap();
    let of_other = Store::inspect_backup(&home.path().join("of other"), &passphrase(), &[]).unwrap();
    assert_ne!(contents.store_id, of_other.store_id, "each store has a name of its own");
    let wrong = Store::inspect_backup(&file, &Passphrase::new("another"), &wanted);
    assert!(matches!(wrong, Err(Error::WrongPassphrase)));
}
