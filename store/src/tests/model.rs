//! Any sequence of operations leaves the store equal to a map in memory.

use proptest::prelude::*;

use super::*;

#[derive(Debug, Clone)]
enum Change {
    Put(usize, u8, u8, Vec<u8>),
    Delete(usize, u8, u8),
}

#[derive(Debug, Clone)]
enum Step {
    Commit(Vec<Change>),
    Claim(u8),
    Reopen,
    LoseIndex,
    Compact,
}

fn change() -> impl Strategy<Value = Change> {
    let key = (0..TABLES.len(), 0u8..3, 0u8..6);
    prop_oneof![
        3 => (key.clone(), prop::collection::vec(any::<u8>(), 0..300))
            .prop_map(|((t, g, i), v)| Change::Put(t, g, i, v)),
        1 => key.prop_map(|(t, g, i)| Change::Delete(t, g, i)),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        12 => prop::collection::vec(change(), 0..8).prop_map(Step::Commit),
        4 => (0u8..6).prop_map(Step::Claim),
        2 => Just(Step::Reopen),
        1 => Just(Step::LoseIndex),
        1 => Just(Step::Compact),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_sequence_of_steps_leaves_the_tables_equal_to_a_map(
        steps in prop::collection::vec(step(), 1..40)
    ) {
        let home = tempfile::tempdir().unwrap();
        let mut store = create(home.path());
        let mut model = vec![Rows::new(); TABLES.len()];
        for step in steps {
            match step {
                Step::Commit(changes) => {
                    let mut transaction = store.transaction();
                    for change in changes {
                        match change {
                            Change::Put(t, g, i, value) => {
                                let (group, id) = ([g], [i]);
                                let key = crate::Key::in_group(&group, &id);
                                transaction.put(&store.table(TABLES[t]), key, &value);
                                model[t].insert((vec![g], vec![i]), value);
                            }
                            Change::Delete(t, g, i) => {
                                let (group, id) = ([g], [i]);
                                let key = crate::Key::in_group(&group, &id);
                                transaction.delete(&store.table(TABLES[t]), key);
                                model[t].remove(&(vec![g], vec![i]));
                            }
                        }
                    }
                    transaction.commit().unwrap();
                }
                Step::Claim(i) => {
                    let table = store.table("nonces");
                    let mut transaction = store.transaction();
                    transaction.require_absent(&table, &[i]).put(&table, &[i], b"claimed");
                    let free = !model[1].contains_key(&(vec![], vec![i]));
                    prop_assert_eq!(transaction.commit().is_ok(), free);
                    model[1].insert((vec![], vec![i]), b"claimed".to_vec());
                }
                Step::Reopen => {
                    drop(store);
                    store = open(home.path()).unwrap();
                }
                Step::LoseIndex => {
                    drop(store);
                    std::fs::remove_dir_all(home.path().join("index")).unwrap();
                    store = open(home.path()).unwrap();
                }
                Step::Compact => store.compact().unwrap(),
            }
            prop_assert_eq!(&all(&store), &model);
        }
    }
}
