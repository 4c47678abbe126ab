//! Who may open a store, and where one may be made.

use super::*;

#[test]
fn a_store_opens_with_its_passphrase_and_with_no_other() {
    let home = tempfile::tempdir().unwrap();
    drop(create(home.path()));
    let wrong = Store::open(home.path(), &Passphrase::new("wrong"), entropy());
    assert!(matches!(wrong, Err(Error::WrongPassphrase)));
    assert!(open(home.path()).is_ok());
}

#[test]
fn a_changed_passphrase_opens_and_the_old_one_no_longer_does() {
    let home = tempfile::tempdir().unwrap();
    let store = create(home.path());
    fill(&store, 10);
    let before = all(&store);
    let new = Passphrase::new("another");
    let refused = store.change_passphrase(&new, &new, Params::quick());
    assert!(matches!(refused, Err(Error::WrongPassphrase)));
    store.change_passphrase(&passphrase(), &new, Params::quick()).unwrap();
    drop(store);
    assert!(matches!(open(home.path()), Err(Error::WrongPassphrase)));
    let store = Store::open(home.path(), &new, entropy()).unwrap();
    assert_eq!(all(&store), before);
}

#[test]
fn an_open_store_knows_its_passphrase_and_no_other_also_after_a_change_and_with_one_damaged_copy() {
    let home = tempfile::tempdir().unwrap();
    let store = create(home.path());
    let written = store.sequence();
    assert!(store.is_passphrase(&passphrase()).unwrap());
    for wrong in ["wrong", ""] {
        assert!(!store.is_passphrase(&Passphrase::new(wrong)).unwrap(), "{wrong:?}");
    }
    assert_eq!(store.params().unwrap(), Params::quick());
    assert_eq!(store.sequence(), written, "nothing is written by asking");
    let new = Passphrase::new("another");
    store.change_passphrase(&passphrase(), &new, Params::quick()).unwrap();
    assert!(store.is_passphrase(&new).unwrap());
    assert!(!store.is_passphrase(&passphrase()).unwrap());
    std::fs::write(home.path().join("keys"), b"damaged").unwrap();
    assert!(store.is_passphrase(&new).unwrap(), "the spare copy is whole");
    std::fs::write(home.path().join("keys-spare"), b"damaged").unwrap();
    assert!(matches!(store.is_passphrase(&new), Err(Error::KeyFileDamaged { .. })));
}

#[test]
fn a_second_handle_is_refused_until_the_first_is_closed() {
    let home = tempfile::tempdir().unwrap();
    let store = create(home.path());
    let table = store.table("people");
    assert!(matches!(open(home.path()), Err(Error::Locked { .. })));
    drop(store);
    assert!(
        matches!(open(home.path()), Err(Error::Locked { .. })),
        "a table keeps the store open"
    );
    drop(table);
    assert!(open(home.path()).is_ok());
}

#[test]
fn a_store_is_made_only_in_an_empty_folder_and_found_only_where_there_is_one() {
    use std::os::unix::fs::PermissionsExt;
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().join("a/b");
    assert!(!Store::exists(&dir));
    assert!(matches!(open(&dir), Err(Error::Missing { .. })));
    drop(create(&dir));
    assert!(Store::exists(&dir));
    assert_eq!(std::fs::metadata(&dir).unwrap().permissions().mode() & 0o777, 0o700);
    for file in files_under(&dir) {
        if !file.starts_with(dir.join("index")) {
            let mode = std::fs::metadata(&file).unwrap().permissions().mode();
            assert_eq!(mode & 0o077, 0, "{} is the owner's only", file.display());
        }
    }
    let again = Store::create(&dir, &passphrase(), Params::quick(), entropy());
    assert!(matches!(again, Err(Error::NotEmpty { .. })));
}

#[test]
fn parameters_out_of_bounds_are_refused() {
    for params in [
        Params {
            memory_kib: u32::MAX,
            ..Params::quick()
        },
        Params {
            memory_kib: 1,
            ..Params::quick()
        },
        Params {
            passes: 0,
            ..Params::quick()
        },
        Params {
            passes: 1000,
            ..Params::quick()
        },
        Params {
            lanes: 0,
            ..Params::quick()
        },
        Params {
            lanes: 1000,
            ..Params::quick()
        },
    ] {
        let home = tempfile::tempdir().unwrap();
        let made = Store::create(home.path(), &passphrase(), params, entropy());
        assert!(matches!(made, Err(Error::Params)), "{params:?}");
    }
    assert_eq!(
        Params::default(),
        Params {
            memory_kib: 65_536,
            passes: 3,
            lanes: 4
        }
    );
}

#[test]
fn the_default_parameters_open_what_they_sealed() {
    let home = tempfile::tempdir().unwrap();
    drop(Store::create(home.path(), &passphrase(), Params::default(), entropy()).unwrap());
    assert!(open(home.path()).is_ok());
}

#[test]
fn a_newer_format_is_refused_by_name() {
    use sha2::{Digest, Sha256};
    let home = tempfile::tempdir().unwrap();
    drop(create(home.path()));
    for name in ["keys", "keys-spare"] {
        let path = home.path().join(name);
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[8..12].copy_from_slice(&7u32.to_be_bytes());
        let content = bytes.len() - 32;
        let digest = Sha256::digest(&bytes[..content]);
        bytes[content..].copy_from_slice(&digest);
        std::fs::write(&path, bytes).unwrap();
    }
    assert!(matches!(
        open(home.path()),
        Err(Error::NewerFormat {
            found: 7,
            supported: 1,
            ..
        })
    ));
}

#[test]
fn a_clean_reopening_rebuilds_nothing_and_mends_nothing() {
    let home = tempfile::tempdir().unwrap();
    let before = filled(home.path(), 30);
    for _ in 0..3 {
        let store = open(home.path()).unwrap();
        let health = store.health();
        assert_eq!(health.replayed_at_open, 0);
        assert!(!health.index_rebuilt_at_open && !health.keys_renewed && !health.mark_renewed);
        assert!(!health.is_copied && health.torn_bytes == 0 && !health.index_in_memory);
        assert_eq!((health.sequence, health.epoch), (30, 0));
        assert_eq!(all(&store), before);
    }
}

#[test]
fn a_copied_home_is_noticed_until_a_new_epoch_begins() {
    let home = tempfile::tempdir().unwrap();
    let (first, second) = (home.path().join("first"), home.path().join("second"));
    filled(&first, 5);
    copy_home(&first, &second);
    for _ in 0..2 {
        assert!(open(&second).unwrap().health().is_copied);
    }
    let store = open(&second).unwrap();
    assert_eq!(store.begin_epoch().unwrap(), 1);
    fill(&store, 1);
    drop(store);
    let store = open(&second).unwrap();
    assert!(!store.health().is_copied);
    assert_eq!((store.epoch(), store.sequence()), (1, 7));
}

#[test]
fn a_mark_is_lost_only_when_none_of_its_slots_is_authentic() {
    let home = tempfile::tempdir().unwrap();
    let store = create(home.path());
    assert!(!store.health().mark_lost, "a new store has lost nothing");
    fill(&store, 3);
    drop(store);
    let path = home.path().join("high-water");
    let slot = std::fs::metadata(&path).unwrap().len() / 2;
    let found = || {
        let health = open(home.path()).unwrap().health();
        (health.mark_renewed, health.mark_lost, health.is_copied)
    };
    for at in [slot / 2, slot + slot / 2] {
        flip(&path, at, 0);
        assert_eq!(found(), (true, false, false), "one of two at {at}");
        assert_eq!(found(), (false, false, false), "both slots are good again");
    }
    for at in [slot / 2, slot + slot / 2] {
        flip(&path, at, 0);
    }
    assert_eq!(found(), (true, true, false));
    std::fs::remove_file(&path).unwrap();
    assert_eq!(found(), (true, true, false));
    assert_eq!(open(home.path()).unwrap().sequence(), 3);
}

#[test]
fn a_home_of_the_first_format_is_read_and_takes_rows_that_can_be_erased() {
    use crate::segment::{SEGMENT_HEADER_BYTES, SegmentHeader};
    let home = tempfile::tempdir().unwrap();
    let before = filled(home.path(), 10);
    let keys = std::fs::read(home.path().join("keys")).unwrap();
    let (keys, _) = crate::key_file::decode(&keys, &passphrase(), home.path()).unwrap();
    let path = segment(home.path());
    let mut bytes = std::fs::read(&path).unwrap();
    let mut header = SegmentHeader::open(&keys, bytes.first_chunk().unwrap()).unwrap();
    assert_eq!(header.format, crate::FORMAT);
    header.format = 1;
    bytes[..SEGMENT_HEADER_BYTES].copy_from_slice(&header.encode(&keys));
    std::fs::write(&path, bytes).unwrap();
    let store = open(home.path()).unwrap();
    assert_eq!(all(&store), before);
    let table = store.table("people");
    let mut transaction = store.transaction();
    transaction.put_erasable(&table, "kari", b"can be erased");
    transaction.commit().unwrap();
    drop((table, store));
    let store = open(home.path()).unwrap();
    assert_eq!(store.table("people").get("kari").unwrap().unwrap(), b"can be erased");
}
