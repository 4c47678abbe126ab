//! What is erased opens with nothing that is left: not from the journal, the index or a backup, passphrase and all.

use super::*;
use crate::erasable::KeyId;
use crate::erasure_file::{self, Holding, name};
use crate::files::Files;
use crate::keys::Keys;
use crate::walk::Walk;

const SECRET: &[u8] = b"313654.00 kroner of student loan";

/// The keys of a home, with the passphrase.
fn keys_of(dir: &Path) -> Keys {
    let bytes = std::fs::read(dir.join("keys")).unwrap();
    crate::key_file::decode(&bytes, &passphrase(), dir).unwrap().0
}

/// The keys that can be destroyed, as a file holds them.
pub(super) fn holding_of(file: &Path, dir: &Path) -> Holding {
    let found = Holding::read(&Files::default(), file, &keys_of(dir)).unwrap();
    found.map(|found| found.holding).unwrap_or_default()
}

fn names(holding: &Holding) -> Vec<KeyId> {
    let pages = holding.pages.iter().enumerate();
    pages
        .flat_map(|(page, keys)| keys.numbers().map(move |number| name(page, number)))
        .collect()
}

/// Every value that whoever has the passphrase and these keys can open in a home's journal, whatever became of its row.
pub(super) fn readable(dir: &Path, erasure_keys: &Path) -> Vec<Vec<u8>> {
    let keys = keys_of(dir);
    let holding = holding_of(erasure_keys, dir);
    let mut values = Vec::new();
    let mut visit = |_: &crate::walk::Position, body: Option<&crate::record::Body>| {
        for entry in body.and_then(crate::record::Body::entries).unwrap() {
            let Some(stored) = entry.value else { continue };
            let Some(id) = stored.key else {
                values.push(stored.bytes.to_vec());
                continue;
            };
            let row = keys.table(entry.table).row_key(entry.group, entry.id);
            // Under whichever key it may be, not only the one it names.
            for other in names(&holding) {
                let secret = holding.key(other).unwrap();
                let opened = crate::erasable::open(&keys.store_id, secret, id, &row, stored.bytes);
                values.extend(opened.map(|value| value.to_vec()));
            }
        }
        Ok(())
    };
    let mut walk = Walk::new(&keys, 0, &mut visit);
    let path = segment(dir);
    let bytes = std::fs::read(&path).unwrap();
    let number = path.file_stem().unwrap().to_str().unwrap().parse().unwrap();
    assert!(
        walk.segment(number, bytes.len() as u64, &mut bytes.as_slice(), &path)
            .is_ok(),
        "the journal is whole"
    );
    values
}

fn erasure_keys(dir: &Path) -> PathBuf {
    erasure_file::path(dir)
}

pub(super) fn put(store: &Store, id: &str, value: &[u8]) -> Result<u64, Error> {
    let mut transaction = store.transaction();
    transaction.put_erasable(&store.table("people"), id, value);
    transaction.commit()
}

pub(super) fn erase(store: &Store, id: &str) -> Result<u64, Error> {
    let mut transaction = store.transaction();
    transaction.delete(&store.table("people"), id);
    transaction.commit()
}

fn is_in_a_file(dir: &Path, bytes: &[u8]) -> bool {
    files_under(dir)
        .iter()
        .any(|file| std::fs::read(file).unwrap().windows(bytes.len()).any(|w| w == bytes))
}

/// The value of a row as it lies in the index: still sealed.
fn sealed_value(store: &Store, id: &str) -> Vec<u8> {
    let table = store.table("people");
    let row = table.keys.row_key(b"", id.as_bytes());
    let sealed = store.core.index.read().unwrap().get(&row).unwrap().unwrap();
    crate::row::open_row(&table.keys, &row, &sealed)
        .unwrap_or_else(|_| panic!("it opens"))
        .value
}

#[test]
fn what_was_erased_opens_with_no_key_that_is_left_and_what_was_not_stays() {
    let home = tempfile::tempdir().unwrap();
    let (dir, before) = (home.path().join("home"), home.path().join("keys-before"));
    let store = create(&dir);
    put(&store, "kari", SECRET).unwrap();
    put(&store, "ola", b"kept").unwrap();
    assert_eq!(store.table("people").get("kari").unwrap().unwrap(), SECRET);
    assert_eq!(store.health().erasable_rows, 2);
    std::fs::copy(erasure_keys(&dir), &before).unwrap();
    erase(&store, "kari").unwrap();
    assert_eq!(store.table("people").get("kari").unwrap(), None);
    assert_eq!(store.table("people").get("ola").unwrap().unwrap(), b"kept");
    // The bytes are still in the journal: it is the key that is gone, and with it the way to read them.
    assert!(readable(&dir, &before).contains(&SECRET.to_vec()));
    assert_eq!(readable(&dir, &erasure_keys(&dir)), [b"kept"]);
    drop(store);
    let store = open(&dir).unwrap();
    assert_eq!(store.table("people").get("kari").unwrap(), None);
    assert_eq!(store.table("people").get("ola").unwrap().unwrap(), b"kept");
    assert_eq!((store.health().erasable_rows, store.health().erasures_pending), (1, 0));
    assert_eq!(
        names(&holding_of(&erasure_keys(&dir), &dir)).len(),
        1,
        "only the key of what is kept"
    );
    // Whoever finds the old page on the disk does not open it with the root that is there now, whatever version it claims.
    let (was, is) = (holding_of(&before, &dir), holding_of(&erasure_keys(&dir), &dir));
    let at = erasure_file::page_offset(0, 0) as usize;
    let page = std::fs::read(&before).unwrap()[at..at + erasure_file::PAGE_SLOT_BYTES].to_vec();
    let opens = |root: &Holding, version| {
        let secret = &root.pages[0].secret;
        erasure_file::Page::decode(&keys_of(&dir), 0, version, secret, &page).is_some()
    };
    assert!(opens(&was, was.pages[0].version));
    assert!((0..10).all(|version| !opens(&is, version)));
}

#[test]
fn setting_a_row_again_erases_what_it_was() {
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().join("home");
    let store = create(&dir);
    put(&store, "kari", SECRET).unwrap();
    put(&store, "kari", b"second").unwrap();
    assert_eq!(readable(&dir, &erasure_keys(&dir)), [b"second"]);
    let mut transaction = store.transaction();
    transaction.put(&store.table("people"), "kari", b"plain");
    transaction.commit().unwrap();
    assert_eq!(readable(&dir, &erasure_keys(&dir)), [b"plain"]);
    assert_eq!(store.health().erasable_rows, 0);
    // Twice in one transaction: the last one stays.
    let mut transaction = store.transaction();
    let people = store.table("people");
    transaction
        .put_erasable(&people, "ola", SECRET)
        .put_erasable(&people, "ola", b"last");
    transaction.commit().unwrap();
    assert_eq!(people.get("ola").unwrap().unwrap(), b"last");
    assert_eq!(readable(&dir, &erasure_keys(&dir)), [b"plain".as_slice(), b"last"]);
}

#[test]
fn a_compaction_drops_the_bytes_of_what_was_erased_and_keeps_the_rest_readable() {
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().join("home");
    let store = create(&dir);
    put(&store, "kari", SECRET).unwrap();
    put(&store, "ola", b"kept").unwrap();
    let sealed = sealed_value(&store, "kari");
    erase(&store, "kari").unwrap();
    let journal = |dir: &Path| std::fs::read(segment(dir)).unwrap().len();
    let long = journal(&dir);
    // Sealed twice, so that the inner seal shows only to whoever opens the record.
    assert!(inner_values(&dir).contains(&sealed));
    store.compact().unwrap();
    assert!(!inner_values(&dir).contains(&sealed));
    assert!(journal(&dir) < long);
    assert_eq!(readable(&dir, &erasure_keys(&dir)), [b"kept"]);
    drop(store);
    std::fs::remove_dir_all(dir.join("index")).unwrap();
    let store = open(&dir).unwrap();
    assert_eq!(store.table("people").get("ola").unwrap().unwrap(), b"kept");
    assert!(!is_in_a_file(&dir, b"kept") && !is_in_a_file(&dir, SECRET));
}

/// The sealed values in a journal's records.
fn inner_values(dir: &Path) -> Vec<Vec<u8>> {
    let keys = keys_of(dir);
    let mut values = Vec::new();
    let mut visit = |_: &crate::walk::Position, body: Option<&crate::record::Body>| {
        let entries = body.and_then(crate::record::Body::entries).unwrap();
        values.extend(
            entries
                .iter()
                .filter_map(|entry| entry.value.map(|value| value.bytes.to_vec())),
        );
        Ok(())
    };
    let path = segment(dir);
    let bytes = std::fs::read(&path).unwrap();
    let number = path.file_stem().unwrap().to_str().unwrap().parse().unwrap();
    let mut walk = Walk::new(&keys, 0, &mut visit);
    assert!(
        walk.segment(number, bytes.len() as u64, &mut bytes.as_slice(), &path)
            .is_ok()
    );
    values
}

#[test]
fn an_index_rebuilt_from_the_journal_and_a_journal_repaired_from_the_index_bring_nothing_back() {
    let home = tempfile::tempdir().unwrap();
    let (dir, broken) = (home.path().join("home"), home.path().join("broken"));
    let store = create(&dir);
    for n in 0..6 {
        put(&store, &format!("row {n}"), format!("value {n}").as_bytes()).unwrap();
    }
    for n in [1, 4] {
        erase(&store, &format!("row {n}")).unwrap();
    }
    let expected = rows(&store.table("people"));
    assert_eq!(expected.len(), 4);
    drop(store);
    copy_home(&dir, &broken);
    std::fs::remove_dir_all(broken.join("index")).unwrap();
    let store = open(&broken).unwrap();
    assert!(store.health().index_rebuilt_at_open);
    assert_eq!(rows(&store.table("people")), expected);
    drop(store);
    std::fs::remove_dir_all(&broken).unwrap();
    // Each record damaged in turn, those of the deletions among them.
    let offsets = damage::offsets(&segment(&dir));
    for at in &offsets[..offsets.len() - 1] {
        copy_home(&dir, &broken);
        flip(&segment(&broken), at + 130, 1);
        let store = open(&broken).unwrap();
        assert_eq!(store.health().journal_repairs.len(), 1);
        assert_eq!(rows(&store.table("people")), expected);
        assert_eq!(store.health().erased_at_open, 0);
        drop(store);
        let left = readable(&broken, &erasure_keys(&broken));
        assert!(left.len() == 4 && !left.contains(&b"value 1".to_vec()) && !left.contains(&b"value 4".to_vec()));
        std::fs::remove_dir_all(&broken).unwrap();
    }
}

#[test]
fn an_erasure_whose_record_was_lost_is_erased_all_the_same() {
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().join("home");
    let store = create(&dir);
    put(&store, "kari", SECRET).unwrap();
    put(&store, "ola", b"kept").unwrap();
    erase(&store, "kari").unwrap();
    drop(store);
    let path = segment(&dir);
    let offsets = damage::offsets(&path);
    damage::cut(&path, offsets[2]);
    std::fs::remove_dir_all(dir.join("index")).unwrap();
    assert!(matches!(open(&dir), Err(Error::LostTail { known: 3, found: 2 })));
    let store = Store::accept_lost_tail(&dir, &passphrase(), entropy()).unwrap();
    // Its row is back, its key is not: it reads as erased, never as damaged.
    let people = store.table("people");
    assert_eq!(people.get("kari").unwrap(), None);
    assert_eq!(people.group(b"").unwrap(), [(b"ola".to_vec(), b"kept".to_vec())]);
    assert_eq!(rows(&people).len(), 1);
    assert_eq!(store.health().erased_at_open, 1);
    drop((people, store));
    let store = open(&dir).unwrap();
    assert_eq!(
        store.table("people").len().unwrap(),
        1,
        "and the row goes with the next opening"
    );
    drop(store);
    assert_eq!(open(&dir).unwrap().health().erased_at_open, 0);
}

#[test]
fn a_key_of_a_transaction_that_fails_is_used_again_and_none_is_lost() {
    let home = tempfile::tempdir().unwrap();
    let store = create(home.path());
    put(&store, "kari", SECRET).unwrap();
    let people = store.table("people");
    for _ in 0..3 * erasure_file::PAGE_KEYS {
        let mut transaction = store.transaction();
        transaction
            .require_absent(&people, "kari")
            .put_erasable(&people, "kari", b"again");
        assert!(matches!(transaction.commit(), Err(Error::Exists)));
    }
    assert_eq!(people.get("kari").unwrap().unwrap(), SECRET);
    let pages = holding_of(&erasure_keys(home.path()), home.path()).pages.len();
    assert_eq!(pages, 1, "a peer that is refused takes no room");
}

#[test]
fn many_rows_fill_pages_and_their_room_is_used_again() {
    let home = tempfile::tempdir().unwrap();
    let store = create(home.path());
    let people = store.table("people");
    let count = 2 * erasure_file::PAGE_KEYS + 10;
    for round in 0..3 {
        let mut transaction = store.transaction();
        for n in 0..count {
            transaction.put_erasable(&people, &n.to_be_bytes(), &[n as u8; 20]);
        }
        transaction.commit().unwrap();
        assert_eq!(rows(&people).len(), count);
        let mut transaction = store.transaction();
        for n in 0..count {
            transaction.delete(&people, &n.to_be_bytes());
        }
        transaction.commit().unwrap();
        let pages = holding_of(&erasure_keys(home.path()), home.path()).pages.len();
        assert_eq!(pages, 3, "round {round}");
    }
    assert_eq!(store.health().erasable_rows, 0);
}

#[test]
fn a_store_without_such_rows_has_no_such_file() {
    let home = tempfile::tempdir().unwrap();
    filled(home.path(), 5);
    drop(open(home.path()).unwrap());
    assert!(!erasure_keys(home.path()).exists());
}

#[test]
fn what_is_erased_later_is_deleted_at_once_and_its_key_goes_with_the_next_erasure_or_opening() {
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().join("home");
    let mut store = create(&dir);
    for how in ["asked for", "next erasure", "opening"] {
        put(&store, "kari", SECRET).unwrap();
        put(&store, "ola", b"other").unwrap();
        let mut transaction = store.transaction();
        transaction.delete(&store.table("people"), "kari").erase_later();
        transaction.commit().unwrap();
        assert_eq!(store.table("people").get("kari").unwrap(), None);
        assert_eq!(store.erasures_pending(), 1);
        assert!(
            readable(&dir, &erasure_keys(&dir)).contains(&SECRET.to_vec()),
            "not yet"
        );
        match how {
            "asked for" => store.finish_erasing().unwrap(),
            "next erasure" => erase(&store, "ola").map(|_| ()).unwrap(),
            _ => {
                drop(store);
                store = open(&dir).unwrap();
            }
        }
        assert_eq!(store.erasures_pending(), 0, "{how}");
        assert!(!readable(&dir, &erasure_keys(&dir)).contains(&SECRET.to_vec()), "{how}");
    }
}
