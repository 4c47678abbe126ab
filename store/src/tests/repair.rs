//! A repair that is interrupted at any call to the disk has done nothing, or all.

use std::ffi::OsString;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::disk::{Access, Disk, DiskFile, Identity, Lock, OperatingSystem};
use crate::files::{Files, Home};

use super::*;

/// The machine's disk until a certain call, then none: the process is dead.
#[derive(Clone)]
struct Mortal(Arc<AtomicU64>);

impl Mortal {
    fn call(&self) -> io::Result<OperatingSystem> {
        let left = self
            .0
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        left.map(|_| OperatingSystem)
            .map_err(|_| io::Error::other("the process is dead"))
    }
}

struct MortalFile(Mortal, Arc<dyn DiskFile>);

impl Disk for Mortal {
    fn open(&self, path: &Path, access: Access) -> io::Result<Arc<dyn DiskFile>> {
        let file = self.call()?.open(path, access)?;
        Ok(Arc::new(MortalFile(self.clone(), file)))
    }
    fn list(&self, folder: &Path) -> io::Result<Vec<OsString>> {
        self.call()?.list(folder)
    }
    fn exists(&self, path: &Path) -> io::Result<bool> {
        self.call()?.exists(path)
    }
    fn make_folder(&self, path: &Path) -> io::Result<()> {
        self.call()?.make_folder(path)
    }
    fn protect_folder(&self, path: &Path) -> io::Result<()> {
        self.call()?.protect_folder(path)
    }
    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        self.call()?.sync_folder(path)
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.call()?.rename(from, to)
    }
    fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.call()?.remove_file(path)
    }
    fn remove_folder(&self, path: &Path) -> io::Result<()> {
        self.call()?.remove_folder(path)
    }
    fn lock(&self, path: &Path) -> io::Result<Lock> {
        self.call()?.lock(path)
    }
}

impl DiskFile for MortalFile {
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        self.0.call().and_then(|_| self.1.read_at(bytes, offset))
    }
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        if self.0.call().is_err() {
            // Killed inside the write: half of it is there.
            self.1.write_at(&bytes[..bytes.len() / 2], offset).ok();
            return Err(io::Error::other("the process is dead"));
        }
        self.1.write_at(bytes, offset)
    }
    fn set_len(&self, length: u64) -> io::Result<()> {
        self.0.call().and_then(|_| self.1.set_len(length))
    }
    fn length(&self) -> io::Result<u64> {
        self.0.call().and_then(|_| self.1.length())
    }
    fn sync_data(&self) -> io::Result<()> {
        self.0.call().and_then(|_| self.1.sync_data())
    }
    fn sync_all(&self) -> io::Result<()> {
        self.0.call().and_then(|_| self.1.sync_all())
    }
    fn identity(&self) -> io::Result<Identity> {
        self.0.call().and_then(|_| self.1.identity())
    }
}

fn mortal(dir: &Path, calls: u64) -> Home {
    Home {
        files: Files::on(Arc::new(Mortal(Arc::new(AtomicU64::new(calls))))),
        ..Home::new(dir)
    }
}

#[test]
fn a_repair_from_the_index_killed_at_any_call_is_done_by_the_next_opening() {
    let home = tempfile::tempdir().unwrap();
    let (dir, broken) = (home.path().join("home"), home.path().join("broken"));
    let store = create(&dir);
    fill(&store, 40);
    store.begin_epoch().unwrap();
    let before = all(&store);
    drop(store);
    flip(&segment(&dir), 3000, 4);
    let mut survived = 0;
    for calls in 0u64.. {
        copy_home(&dir, &broken);
        let done = Store::open_home(mortal(&broken, calls), &passphrase(), entropy(), false).is_ok();
        let store = open(&broken).unwrap_or_else(|e| panic!("killed at call {calls}: {e}"));
        assert_eq!(
            (all(&store), store.epoch()),
            (before.clone(), 1),
            "killed at call {calls}"
        );
        let health = store.health();
        assert!(health.sequence > 41 && !health.lost_tail, "killed at call {calls}");
        survived += 1;
        drop(store);
        std::fs::remove_dir_all(&broken).unwrap();
        if done {
            break;
        }
    }
    println!("a repair was killed at each of its {survived} calls");
    assert!(survived > 40);
}

#[test]
fn a_backup_takes_the_place_of_a_damaged_store_in_an_epoch_above_all_it_shows() {
    let home = tempfile::tempdir().unwrap();
    let (dir, file, other) = (
        home.path().join("store"),
        home.path().join("backup"),
        home.path().join("other"),
    );
    let store = create(&dir);
    fill(&store, 20);
    let saved = all(&store);
    store.backup(&file, None).unwrap();
    for _ in 0..3 {
        store.begin_epoch().unwrap();
    }
    fill(&store, 9);
    drop(store);
    std::fs::remove_dir_all(dir.join("index")).unwrap();
    flip(&segment(&dir), 900, 4);
    assert!(matches!(open(&dir), Err(Error::Damaged { .. })));
    let repair = |file: &Path| Store::repair_from_backup(&dir, file, &passphrase(), entropy());

    // A backup of another store, or a damaged one, changes nothing.
    let foreign = home.path().join("foreign");
    create(&other).backup(&foreign, None).unwrap();
    assert!(matches!(repair(&foreign), Err(Error::ForeignBackup { .. })));
    let bytes = std::fs::read(&file).unwrap();
    flip(&file, 700, 1);
    assert!(matches!(repair(&file), Err(Error::BackupDamaged { .. })));
    std::fs::write(&file, bytes).unwrap();
    assert!(matches!(open(&dir), Err(Error::Damaged { .. })));

    let (store, aside) = repair(&file).unwrap();
    assert_eq!((all(&store), store.epoch()), (saved.clone(), 4));
    assert!(!store.health().is_copied);
    assert!(matches!(repair(&file), Err(Error::Locked { .. })));
    drop(store);
    assert!(aside.join("keys").exists() && matches!(open(&aside), Err(Error::Damaged { .. })));
    let store = open(&dir).unwrap();
    fill(&store, 1);
    assert_eq!(store.epoch(), 4);
}

#[test]
fn a_restore_in_place_killed_at_any_call_is_done_by_calling_it_again() {
    let home = tempfile::tempdir().unwrap();
    let (dir, file) = (home.path().join("home"), home.path().join("backup"));
    let store = create(&dir);
    fill(&store, 12);
    let saved = all(&store);
    store.backup(&file, None).unwrap();
    store.begin_epoch().unwrap();
    fill(&store, 5);
    drop(store);
    std::fs::remove_dir_all(dir.join("index")).unwrap();
    flip(&segment(&dir), 900, 4);
    let mut survived = 0;
    for calls in 0u64.. {
        let place = home.path().join("place");
        let broken = place.join("store");
        copy_home(&dir, &broken);
        let done = Store::repair_home(mortal(&broken, calls), &file, &passphrase(), entropy()).is_ok();
        // Until it is called again: the damage, or nothing, or all of it; never an older state in an old epoch.
        match open(&broken) {
            Ok(store) => assert_eq!(
                (all(&store), store.epoch()),
                (saved.clone(), 2),
                "killed at call {calls}"
            ),
            Err(Error::Damaged { .. } | Error::Missing { .. }) => {}
            Err(error) => panic!("killed at call {calls}: {error}"),
        }
        let (store, _) = Store::repair_from_backup(&broken, &file, &passphrase(), entropy())
            .unwrap_or_else(|e| panic!("killed at call {calls}: {e}"));
        assert_eq!(all(&store), saved, "killed at call {calls}");
        assert!(store.epoch() >= 2, "killed at call {calls}");
        survived += 1;
        drop(store);
        std::fs::remove_dir_all(&place).unwrap();
        if done {
            break;
        }
    }
    println!("a restore in place was killed at each of its {survived} calls");
    assert!(survived > 60);
}

#[test]
fn a_restore_killed_at_any_call_leaves_no_store_of_the_old_epoch() {
    let home = tempfile::tempdir().unwrap();
    let (dir, file) = (home.path().join("home"), home.path().join("backup"));
    let store = create(&dir);
    fill(&store, 12);
    store.backup(&file, None).unwrap();
    for calls in 0u64.. {
        let target = home.path().join("target");
        let done = Store::restore_home(&file, mortal(&target, calls), &passphrase(), entropy(), 0, None).is_ok();
        match open(&target) {
            Ok(store) => assert_eq!(store.epoch(), 1, "killed at call {calls}"),
            Err(error) => assert!(
                matches!(error, Error::Missing { .. }),
                "killed at call {calls}: {error}"
            ),
        }
        if target.exists() {
            std::fs::remove_dir_all(&target).unwrap();
        }
        if done {
            assert!(calls > 30);
            break;
        }
    }
}
