//! A full or read-only disk: a clear error, nothing lost, and the store goes on.
//!
//! A small tmpfs in a mount namespace of its own (`unshare -Urnm`) is the disk; the test runs itself there.

#![allow(
    clippy::disallowed_methods,
    reason = "the child process of a test gets its orders by the environment"
)]

use std::process::Command;

use super::*;

const CHILD: &str = "BEVIS_STORE_DISK_CHILD";

/// Runs this test again on a tmpfs; says so when the machine does not allow it. True in the child.
fn on_small_disk(test: &str, size: &str) -> Option<PathBuf> {
    if let Ok(dir) = std::env::var(CHILD) {
        return Some(PathBuf::from(dir));
    }
    let mount = tempfile::tempdir().unwrap();
    let allowed = Command::new("unshare").args(["-Urnm", "true"]).status();
    if !allowed.is_ok_and(|status| status.success()) {
        eprintln!("{test} cannot run here: unshare -Urnm is not allowed");
        return None;
    }
    let output = Command::new("unshare")
        .args(["-Urnm", "sh", "-c"])
        .arg(r#"mount -t tmpfs -o size="$1",mode=700 tmpfs "$2" && exec "$3" --exact --nocapture "$4""#)
        .args(["sh", size])
        .arg(mount.path())
        .arg(std::env::current_exe().unwrap())
        .arg(format!("tests::disk_trouble::{test}"))
        .env(CHILD, mount.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && said.contains("1 passed"),
        "{said}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    None
}

fn put(store: &Store, key: &str, value: &[u8]) -> Result<u64, Error> {
    let mut transaction = store.transaction();
    transaction.put(&store.table("people"), key, value);
    transaction.commit()
}

#[test]
fn a_full_disk_is_named_and_later_commits_work_once_there_is_room() {
    let test = "a_full_disk_is_named_and_later_commits_work_once_there_is_room";
    let Some(disk) = on_small_disk(test, "64m") else { return };
    let ballast = disk.join("ballast");
    std::fs::write(&ballast, vec![0; 50 << 20]).unwrap();
    let dir = disk.join("home");
    let store = create(&dir);
    let mut written = Vec::new();
    let mut refused = 0;
    for n in 0u32..4000 {
        let key = format!("row {n}");
        match put(&store, &key, &[n as u8; 20_000]) {
            Ok(_) => written.push((key, n)),
            Err(Error::Full { .. }) => refused += 1,
            Err(other) => panic!("{other:?}"),
        }
        if refused == 5 {
            break;
        }
    }
    assert!(refused == 5 && written.len() > 50);
    let verify = |store: &Store, more: u64| {
        let table = store.table("people");
        for (key, n) in &written {
            assert_eq!(table.get(key).unwrap().unwrap(), vec![*n as u8; 20_000]);
        }
        assert_eq!(table.len().unwrap(), written.len() as u64 + more);
    };
    verify(&store, 0);
    drop(store);
    // It opens on the full disk as well.
    let store = open(&dir).unwrap();
    verify(&store, 0);
    assert!(matches!(
        put(&store, "large", &vec![0; 16 << 20]),
        Err(Error::Full { .. })
    ));
    std::fs::remove_file(&ballast).unwrap();
    for n in 0..40 {
        put(&store, &format!("later {n}"), b"there is room again").unwrap();
    }
    verify(&store, 40);
    drop(store);
    let store = open(&dir).unwrap();
    verify(&store, 40);
    assert!(!store.health().index_in_memory);
    drop(store);
    let store = open(&dir).unwrap();
    assert!(!store.health().index_rebuilt_at_open);
}

#[test]
fn a_read_only_disk_is_read_and_named_when_written() {
    let test = "a_read_only_disk_is_read_and_named_when_written";
    let Some(disk) = on_small_disk(test, "24m") else { return };
    // The index closes its files some time after it was dropped, and until then the disk is busy: each try is a process.
    let remount = |how: &str| {
        let done = || {
            let mount = Command::new("mount")
                .args(["-o", &format!("remount,{how}")])
                .arg(&disk)
                .status();
            mount.unwrap().success()
        };
        assert!((0..1_000).any(|_| done()), "the disk stays busy");
    };
    let dir = disk.join("home");
    let before = filled(&dir, 50);
    remount("ro");
    let store = open(&dir).unwrap();
    assert_eq!(all(&store), before);
    assert!(matches!(put(&store, "x", b""), Err(Error::ReadOnly { .. })));
    assert!(matches!(
        store.backup(&disk.join("b"), None),
        Err(Error::ReadOnly { .. })
    ));
    assert_eq!(all(&store), before);
    remount("rw");
    put(&store, "x", b"now").unwrap();
    assert_eq!(store.table("people").get("x").unwrap().unwrap(), b"now");
    drop(store);
    let store = open(&dir).unwrap();
    assert_eq!(store.table("people").get("x").unwrap().unwrap(), b"now");
    assert_eq!(store.sequence(), 51);
}
