//! Threads that commit at the same time: atomic, serialised, and sharing their syncs.

use super::*;

#[test]
fn of_many_threads_that_claim_one_nonce_exactly_one_succeeds() {
    let home = tempfile::tempdir().unwrap();
    let store = create(home.path());
    for round in 0u32..20 {
        let nonce = round.to_be_bytes();
        let barrier = std::sync::Barrier::new(8);
        let won: Vec<u8> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0u8..8)
                .map(|thread| {
                    let (store, barrier) = (&store, &barrier);
                    scope.spawn(move || {
                        let table = store.table("nonces");
                        let mut transaction = store.transaction();
                        transaction
                            .require_absent(&table, &nonce)
                            .put(&table, &nonce, &[thread]);
                        barrier.wait();
                        match transaction.commit() {
                            Ok(_) => Some(thread),
                            Err(Error::Exists) => None,
                            Err(other) => panic!("{other}"),
                        }
                    })
                })
                .collect();
            threads.into_iter().filter_map(|t| t.join().unwrap()).collect()
        });
        assert_eq!(won.len(), 1, "round {round}");
        let kept = store.table("nonces").get(&nonce).unwrap().unwrap();
        assert_eq!(kept, won, "the value is the winner's");
    }
    assert_eq!(store.sequence(), 20, "the losers wrote nothing");
}

#[test]
fn a_spent_nonce_stays_spent_after_reopening_and_rebuilding() {
    let home = tempfile::tempdir().unwrap();
    let claim = |store: &Store| {
        let table = store.table("nonces");
        let mut transaction = store.transaction();
        transaction
            .require_absent(&table, "n")
            .put(&table, "n", b"")
            .put(&store.table("people"), "beside", b"");
        transaction.commit()
    };
    let store = create(home.path());
    assert!(claim(&store).is_ok());
    assert!(matches!(claim(&store), Err(Error::Exists)));
    drop(store);
    assert!(matches!(claim(&open(home.path()).unwrap()), Err(Error::Exists)));
    std::fs::remove_dir_all(home.path().join("index")).unwrap();
    let store = open(home.path()).unwrap();
    assert!(matches!(claim(&store), Err(Error::Exists)));
    let mut transaction = store.transaction();
    transaction.delete(&store.table("nonces"), "n");
    transaction.commit().unwrap();
    assert!(claim(&store).is_ok(), "a deleted row is absent");
}

#[test]
fn committers_share_syncs_and_each_sees_its_own_commit() {
    let home = tempfile::tempdir().unwrap();
    let store = create(home.path());
    std::thread::scope(|scope| {
        for thread in 0u32..16 {
            let store = store.clone();
            scope.spawn(move || {
                let table = store.table("people");
                for n in 0u32..50 {
                    let key = [thread.to_be_bytes(), n.to_be_bytes()].concat();
                    let mut transaction = store.transaction();
                    transaction.put(&table, &key, &n.to_be_bytes());
                    let sequence = transaction.commit().unwrap();
                    assert!(store.sequence() >= sequence);
                    assert_eq!(table.get(&key).unwrap().unwrap(), n.to_be_bytes());
                }
            });
        }
    });
    let health = store.health();
    println!("{} commits shared {} syncs", health.commits, health.syncs);
    assert_eq!((health.commits, health.sequence, health.rows), (800, 800, 800));
    assert!(health.syncs < health.commits);
    let before = all(&store);
    drop(store);
    assert_eq!(all(&open(home.path()).unwrap()), before);
}

#[test]
fn one_committer_syncs_once_for_each_commit() {
    let home = tempfile::tempdir().unwrap();
    let store = create(home.path());
    let before = store.health().syncs;
    fill(&store, 25);
    assert_eq!(store.health().syncs - before, 25);
}

#[test]
fn a_group_read_sees_whole_transactions_only() {
    let home = tempfile::tempdir().unwrap();
    let store = create(home.path());
    let table = store.table("people");
    let write = |n: u32| {
        let mut transaction = store.transaction();
        for id in 0u8..20 {
            transaction.put(&table, crate::Key::in_group(b"g", &[id]), &n.to_be_bytes());
        }
        transaction.commit().unwrap();
    };
    write(0);
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| (1..200).for_each(write));
        while !writer.is_finished() {
            let group = table.group(b"g").unwrap();
            assert_eq!(group.len(), 20);
            assert!(group.windows(2).all(|pair| pair[0].1 == pair[1].1));
        }
    });
}
