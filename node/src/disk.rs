//! The machine's disk with a stopwatch: how long it takes to make something durable is the first sign of a disk that fails, and
//! the longest part of every decision that is recorded.

use crate::clock::Stopwatch;
use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use store::disk::{Access, Disk, DiskFile, Identity, Lock, OperatingSystem};

/// Upper bounds that are counted, in microseconds: from a disk with a battery behind it to one that is about to fail.
pub const BOUNDS: [u64; 11] = [
    500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 2_500_000,
];

/// How long syncs took since the process started. What is counted has a fixed size.
#[derive(Debug, Default)]
pub struct Syncs {
    /// Those up to each bound and above the one before; the last is for what took longer than all.
    counts: [AtomicU64; BOUNDS.len() + 1],
    microseconds: AtomicU64,
}

impl Syncs {
    /// Notes one.
    fn note(&self, microseconds: u64) {
        let place = BOUNDS
            .iter()
            .position(|bound| microseconds <= *bound)
            .unwrap_or(BOUNDS.len());
        if let Some(count) = self.counts.get(place) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        self.microseconds.fetch_add(microseconds, Ordering::Relaxed);
    }

    /// How many took at most each bound, how many there were, and how many microseconds they took together.
    pub fn read(&self) -> (Vec<(u64, u64)>, u64, u64) {
        let mut so_far: u64 = 0;
        let mut upto = |count: &AtomicU64| {
            so_far = so_far.saturating_add(count.load(Ordering::Relaxed));
            so_far
        };
        let bounds: Vec<(u64, u64)> = BOUNDS
            .iter()
            .zip(&self.counts)
            .map(|(bound, count)| (*bound, upto(count)))
            .collect();
        let all = self.counts.last().map_or(0, &mut upto);
        (bounds, all, self.microseconds.load(Ordering::Relaxed))
    }
}

/// The operating system's disk, of which every sync is timed. sled's files do not pass through it; nothing relies on them.
#[derive(Clone, Debug, Default)]
pub struct Measured(Arc<Syncs>);

impl Measured {
    /// What is counted.
    pub fn syncs(&self) -> Arc<Syncs> {
        self.0.clone()
    }
}

impl Disk for Measured {
    fn has_real_files(&self) -> bool {
        OperatingSystem.has_real_files()
    }

    fn open(&self, path: &Path, access: Access) -> io::Result<Arc<dyn DiskFile>> {
        let file = OperatingSystem.open(path, access)?;
        let syncs = self.0.clone();
        Ok(Arc::new(MeasuredFile { file, syncs }))
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<OsString>> {
        OperatingSystem.list(folder)
    }

    fn exists(&self, path: &Path) -> io::Result<bool> {
        OperatingSystem.exists(path)
    }

    fn make_folder(&self, path: &Path) -> io::Result<()> {
        OperatingSystem.make_folder(path)
    }

    fn protect_folder(&self, path: &Path) -> io::Result<()> {
        OperatingSystem.protect_folder(path)
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        OperatingSystem.sync_folder(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        OperatingSystem.rename(from, to)
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        OperatingSystem.remove_file(path)
    }

    fn remove_folder(&self, path: &Path) -> io::Result<()> {
        OperatingSystem.remove_folder(path)
    }

    fn lock(&self, path: &Path) -> io::Result<Lock> {
        OperatingSystem.lock(path)
    }
}

struct MeasuredFile {
    file: Arc<dyn DiskFile>,
    syncs: Arc<Syncs>,
}

impl MeasuredFile {
    /// What fails counts too: it kept somebody waiting as long.
    fn timed(&self, sync: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
        let watch = Stopwatch::start();
        let done = sync();
        self.syncs.note(watch.microseconds());
        done
    }
}

impl DiskFile for MeasuredFile {
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        self.file.read_at(bytes, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.file.write_at(bytes, offset)
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.file.set_len(length)
    }

    fn length(&self) -> io::Result<u64> {
        self.file.length()
    }

    fn sync_data(&self) -> io::Result<()> {
        self.timed(|| self.file.sync_data())
    }

    fn sync_all(&self) -> io::Result<()> {
        self.timed(|| self.file.sync_all())
    }

    fn identity(&self) -> io::Result<Identity> {
        self.file.identity()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use store::{Params, Passphrase, Store};

    #[test]
    fn each_sync_counts_once_under_every_bound_that_it_kept() {
        let syncs = Syncs::default();
        for microseconds in [1, 500, 501, 9_999, 3_000_000] {
            syncs.note(microseconds);
        }
        let (bounds, all, sum) = syncs.read();
        let upto = |wanted: u64| {
            bounds
                .iter()
                .find(|(bound, _)| *bound == wanted)
                .map(|(_, count)| *count)
        };
        assert_eq!((upto(500), upto(1_000), upto(10_000)), (Some(2), Some(3), Some(4)));
        assert_eq!(
            upto(2_500_000),
            Some(4),
            "what took longer than all bounds is under none"
        );
        assert_eq!((all, sum), (5, 3_011_001));
    }

    #[test]
    fn a_commit_is_measured_and_the_index_stays_on_the_disk() {
        let folder = tempfile::tempdir().expect("a folder");
        let home = folder.path().join("store");
        let passphrase = Passphrase::new("a synthetic passphrase");
        let disk = Measured::default();
        let syncs = disk.syncs();
        let entropy = crate::service::entropy;
        drop(Store::create(&home, &passphrase, Params::quick(), entropy()).expect("made"));
        let store = Store::open_on(Arc::new(disk), &home, &passphrase, entropy()).expect("opens");
        let before = syncs.read().1;
        let mut transaction = store.transaction();
        transaction.put(&store.table("rows"), "one", b"value");
        transaction.commit().expect("committed");
        assert!(syncs.read().1 > before, "the commit was synced");
        assert!(!store.health().index_in_memory && home.join("index").is_dir());
    }
}
