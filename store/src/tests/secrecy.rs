//! Nothing that was stored, nor what it was called, can be read in any file or message.

use super::*;

#[test]
fn no_file_holds_a_table_name_key_or_value_in_clear() {
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().join("home");
    let store = create(&dir);
    let words = [
        "TABLE-marigold",
        "GROUP-hyacinth",
        "ROWID-crocus",
        "VALUE-snowdrop",
        "correct horse battery staple",
    ];
    let table = store.table("TABLE-marigold");
    for n in 0..50 {
        let mut transaction = store.transaction();
        let id = format!("ROWID-crocus-{n}");
        let key = crate::Key::in_group(b"GROUP-hyacinth", id.as_bytes());
        let value = format!("VALUE-snowdrop-{n}").repeat(40);
        transaction.put(&table, key, value.as_bytes());
        transaction.commit().unwrap();
    }
    store.compact().unwrap();
    store.backup(&home.path().join("backup"), None).unwrap();
    assert_eq!(table.len().unwrap(), 50);
    drop((table, store));
    let files = files_under(home.path());
    assert!(
        files.len() >= 6,
        "journal, index, keys, spare, high-water, lock, backup"
    );
    for file in files {
        let bytes = std::fs::read(&file).unwrap();
        for word in words {
            let found = bytes.windows(word.len()).any(|w| w == word.as_bytes());
            assert!(!found, "{word} stands in {}", file.display());
            assert!(!file.to_string_lossy().contains(word));
        }
    }
}

#[test]
fn equal_rows_look_different_in_two_stores_and_after_each_write() {
    let homes = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let mut seen = std::collections::BTreeSet::new();
    for home in &homes {
        let store = create(home.path());
        let table = store.table("people");
        let row = table.keys.row_key(b"", b"same");
        for _ in 0..2 {
            let mut transaction = store.transaction();
            transaction.put(&table, "same", b"same value");
            transaction.commit().unwrap();
            let sealed = store.core.index.read().unwrap().get(&row).unwrap().unwrap();
            assert!(seen.insert(sealed[8..].to_vec()));
        }
        assert!(seen.insert(row.to_vec()));
    }
}

#[test]
fn debug_output_and_errors_tell_no_secret() {
    let home = tempfile::tempdir().unwrap();
    let store = create(home.path());
    let table = store.table("people");
    let mut transaction = store.transaction();
    transaction.put(&table, "secret-id", b"secret-value");
    let said = format!(
        "{:?} {store:?} {table:?} {transaction:?} {:?}",
        Passphrase::new("secret-words"),
        Error::Exists
    );
    assert!(!said.contains("secret"), "{said}");
}

#[test]
fn keyed_hashes_differ_by_label_and_store_and_are_stable() {
    let homes = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let (one, two) = (create(homes[0].path()), create(homes[1].path()));
    let hash = one.keyed_hash("activation", b"code");
    assert_eq!(hash, one.keyed_hash("activation", b"code"));
    assert_ne!(hash, one.keyed_hash("other", b"code"));
    assert_ne!(hash, two.keyed_hash("activation", b"code"));
    drop(one);
    assert_eq!(hash, open(homes[0].path()).unwrap().keyed_hash("activation", b"code"));
}
