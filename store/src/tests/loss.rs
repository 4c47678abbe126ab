//! A journal that lost something: whole again from the index, named, or accepted in a new epoch.

use super::damage::{cut, offsets};
use super::*;

#[test]
fn damage_behind_what_the_index_holds_is_named_and_not_papered_over() {
    let home = tempfile::tempdir().unwrap();
    let (dir, old) = (home.path().join("home"), home.path().join("old"));
    filled(&dir, 20);
    copy_home(&dir.join("index"), &old);
    fill(&open(&dir).unwrap(), 10);
    std::fs::remove_dir_all(dir.join("index")).unwrap();
    copy_home(&old, &dir.join("index"));
    let path = segment(&dir);
    let offsets = offsets(&path);
    let whole = std::fs::read(&path).unwrap();
    flip(&path, offsets[24] + 130, 3);
    assert!(matches!(open(&dir), Err(Error::Damaged { sequence: 25, .. })));
    // The attempt has changed nothing that matters: before the index's record the same damage costs nothing.
    std::fs::write(&path, whole).unwrap();
    flip(&path, offsets[10] + 130, 3);
    let store = open(&dir).unwrap();
    let repairs = store.health().journal_repairs;
    assert_eq!((repairs.len(), repairs[0].offset), (1, offsets[10]));
    assert_eq!(store.health().epoch, 0);
}

#[test]
fn a_repair_keeps_the_epoch_even_when_its_record_is_gone() {
    let home = tempfile::tempdir().unwrap();
    let store = create(home.path());
    fill(&store, 10);
    assert_eq!(store.begin_epoch().unwrap(), 1);
    fill(&store, 5);
    let before = all(&store);
    drop(store);
    let path = segment(home.path());
    cut(&path, offsets(&path)[8]);
    let store = open(home.path()).unwrap();
    assert_eq!((store.epoch(), all(&store)), (1, before.clone()));
    fill(&store, 1);
    drop(store);
    std::fs::remove_dir_all(home.path().join("index")).unwrap();
    let store = open(home.path()).unwrap();
    assert_eq!(store.epoch(), 1);
}

#[test]
fn a_whole_journal_gone_is_written_anew_from_the_index() {
    let home = tempfile::tempdir().unwrap();
    let before = filled(home.path(), 40);
    std::fs::remove_dir_all(home.path().join("journal-000001")).unwrap();
    let store = open(home.path()).unwrap();
    assert_eq!(all(&store), before);
    assert_eq!(store.health().journal_repairs.len(), 1);
}

#[test]
fn an_accepted_loss_opens_what_is_left_in_a_new_epoch() {
    let home = tempfile::tempdir().unwrap();
    let store = create(home.path());
    fill(&store, 20);
    let before = all(&store);
    fill(&store, 10);
    drop(store);
    let path = segment(home.path());
    cut(&path, offsets(&path)[20] + 5);
    std::fs::remove_dir_all(home.path().join("index")).unwrap();
    assert!(matches!(
        open(home.path()),
        Err(Error::LostTail { known: 30, found: 20 })
    ));
    let store = Store::accept_lost_tail(home.path(), &passphrase(), entropy()).unwrap();
    assert_eq!(all(&store), before);
    assert!(store.epoch() >= 1 && store.health().lost_tail);
    let (epoch, sequence) = (store.epoch(), store.sequence());
    drop(store);
    let store = open(home.path()).unwrap();
    assert_eq!(
        (store.epoch(), store.sequence(), store.health().lost_tail),
        (epoch, sequence, false)
    );
    assert_eq!(all(&store), before);
}

#[test]
fn an_accepted_loss_keeps_what_the_index_holds_beyond_the_journal() {
    let home = tempfile::tempdir().unwrap();
    let before = filled(home.path(), 30);
    let path = segment(home.path());
    cut(&path, offsets(&path)[20] + 5);
    std::fs::remove_file(home.path().join("high-water")).unwrap();
    assert!(matches!(open(home.path()), Err(Error::LostTail { .. })));
    let store = Store::accept_lost_tail(home.path(), &passphrase(), entropy()).unwrap();
    assert_eq!(all(&store), before);
    assert!(store.epoch() >= 1 && store.health().lost_tail);
}

#[test]
fn a_journal_cut_anywhere_is_repaired_from_the_index_or_has_lost_its_tail() {
    let home = tempfile::tempdir().unwrap();
    let (dir, broken) = (home.path().join("home"), home.path().join("broken"));
    let before = filled(&dir, 30);
    let offsets = offsets(&segment(&dir));
    for (index, mark) in [(true, true), (false, true), (true, false)] {
        for kept in [0usize, 1, 17, 29] {
            for more in [0, 1, 119, 130] {
                copy_home(&dir, &broken);
                if !index {
                    std::fs::remove_dir_all(broken.join("index")).unwrap();
                }
                if !mark {
                    std::fs::remove_file(broken.join("high-water")).unwrap();
                }
                cut(&segment(&broken), offsets[kept] + more);
                let opened = open(&broken);
                if index && mark {
                    // The mark names the index's record as the last: nothing is missing.
                    let store = opened.unwrap();
                    assert_eq!(all(&store), before);
                    let damage = store.health().journal_repairs[0];
                    assert_eq!((damage.segment, damage.offset, damage.bytes), (1, offsets[kept], more));
                } else {
                    assert!(
                        matches!(opened, Err(Error::LostTail { known: 30, found }) if found == kept as u64),
                        "{kept} records and {more} bytes: {opened:?}"
                    );
                }
                std::fs::remove_dir_all(&broken).unwrap();
            }
        }
    }
}
