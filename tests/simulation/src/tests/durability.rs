//! The store on the simulated disk: what one process read, no later end takes back.

use crate::dice::Dice;
use crate::disk::{End, SimDisk};
use crate::machine::open;

/// Rows that are there when the store is opened, in the order of their keys.
fn rows(disk: &SimDisk, label: &str) -> Vec<Vec<u8>> {
    let store = open(disk, 7, label).expect("what a killed process left opens");
    let table = store.table("rows");
    let rows = table.group(b"").expect("reads");
    rows.into_iter().map(|(id, _)| id).collect()
}

/// Writes a row after the other until the process dies; gives those that were acknowledged.
fn write(disk: &SimDisk, from: u8) -> Vec<Vec<u8>> {
    let mut acknowledged = Vec::new();
    let Ok(store) = open(disk, 7, &format!("writer {from}")) else {
        return acknowledged;
    };
    let table = store.table("rows");
    for number in from..from + 4 {
        let mut transaction = store.transaction();
        transaction.put(&table, &[number], b"row");
        if transaction.commit().is_ok() {
            acknowledged.push(vec![number]);
        }
    }
    acknowledged
}

#[test]
fn what_a_killed_process_wrote_and_the_next_one_read_survives_a_power_cut() {
    for dies_after in 0..24 {
        for seed in 0..8 {
            let disk = SimDisk::new(Dice::new(seed, "disk"));
            drop(open(&disk, 7, "maker").expect("is made"));
            disk.die_after(dies_after);
            let acknowledged = write(&disk, 1);
            disk.end(End::Process);
            let read = rows(&disk, "reader");
            assert!(
                acknowledged.iter().all(|row| read.contains(row)),
                "a kill takes nothing that was acknowledged"
            );
            disk.end(End::Power);
            let kept = rows(&disk, "late reader");
            assert_eq!(kept, read, "died after {dies_after} changes, seed {seed}");
        }
    }
}

#[test]
fn a_power_cut_at_any_change_takes_nothing_that_was_acknowledged() {
    for dies_after in 0..24 {
        for seed in 0..8 {
            let disk = SimDisk::new(Dice::new(seed, "disk"));
            drop(open(&disk, 7, "maker").expect("is made"));
            disk.die_after(dies_after);
            let mut acknowledged = write(&disk, 1);
            disk.end(End::Power);
            acknowledged.extend(write(&disk, 11));
            disk.end(End::Power);
            let kept = rows(&disk, "reader");
            assert!(
                acknowledged.iter().all(|row| kept.contains(row)),
                "{dies_after}: {kept:?}"
            );
        }
    }
}
