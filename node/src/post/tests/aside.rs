//! What cannot have its effect yet, and what is too old to have any.

use super::*;

#[test]
fn what_is_set_aside_counts_as_taken_and_is_there_after_a_restart_until_it_is_done_with() {
    let mut world = World::new();
    let id = with_organisation(&bank());
    for number in [4, 2] {
        let set = world.wallet.set_aside(&id, number, &letter(&number.to_string()), now());
        assert!(set.expect("written"));
    }
    world.wallet = Post::open(&world.stores[0]).expect("opens");
    assert!(world.wallet.has_aside(&id));
    let expected = vec![(2, letter("2")), (4, letter("4"))];
    assert_eq!(world.wallet.aside(&id).expect("reads"), expected, "in order");
    let row = world.wallet.row(&id).expect("a row");
    assert_eq!(
        row.ahead,
        BTreeSet::from([2, 4]),
        "by whichever operator they come again"
    );

    world.wallet.drop_aside(&id, 2).expect("dropped");
    assert_eq!(world.wallet.aside(&id).expect("reads"), expected[1..]);
    world.wallet.drop_aside(&id, 4).expect("dropped");
    assert!(!world.wallet.has_aside(&id));

    // Of somebody who sends no end of them some stay where they are.
    for number in 10..10 + ASIDE_MAX as u64 {
        assert!(
            world
                .wallet
                .set_aside(&id, number, &letter("x"), now())
                .expect("written")
        );
    }
    let over = world.wallet.set_aside(&id, 100, &letter("x"), now());
    assert!(!over.expect("reads"));
    assert!(!world.wallet.row(&id).expect("a row").ahead.contains(&100));
}

#[test]
fn letters_go_after_thirty_days_also_where_nothing_new_is_written() {
    let mut world = World::new();
    let at_bank = world.at_bank();
    world.bank.write(&at_bank, &letter("old"), now()).expect("written");
    let later = now().plus(DAY);
    world.bank.write(&at_bank, &letter("newer"), later).expect("written");
    assert!(
        world
            .bank
            .set_aside(&at_bank, 1, &letter("old"), now())
            .expect("written")
    );
    let end = now().plus(LETTER_SECONDS);
    assert_eq!(world.bank.sweep(&at_bank, end.plus(-1)).expect("reads"), 0);
    // Where the bank is reached, the first letter, and what was set aside.
    assert_eq!(world.bank.sweep(&at_bank, end).expect("dropped"), 3);
    let left: Vec<u64> = world
        .bank
        .tables
        .letters(&at_bank)
        .expect("reads")
        .into_iter()
        .map(|(number, _)| number)
        .collect();
    assert_eq!(left, [3]);
    assert!(!world.bank.has_aside(&at_bank));
    assert_eq!(world.bank.sweep(&at_bank, end.plus(DAY)).expect("dropped"), 1);
}
