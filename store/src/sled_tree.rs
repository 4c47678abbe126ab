//! sled, held at arm's length: every call may fail, and a panic inside sled is a failure like any other.
//!
//! Nothing relies on sled's `flush`: on Linux it is `sync_file_range`, which promises nothing at power loss.

use std::ops::Bound;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::index::{Broken, Page};

/// sled's page cache: enough for the upper levels of the tree, small enough for a node that idles at 60 MiB.
const CACHE_BYTES: u64 = 4 << 20;
/// sled may hold its file for a moment after it was closed, while its threads end.
const LOCK_TRIES: u32 = 100;
const LOCK_PAUSE: Duration = Duration::from_millis(10);

/// The one tree of an open sled database.
pub(crate) struct SledTree {
    /// Present until dropped.
    db: Option<sled::Db>,
    /// Once a call has failed or panicked sled is not called again, not even to close it: it may hold its own
    /// locks, and on a full disk it waits for ever for its buffers to be written.
    failed: AtomicBool,
}

/// Whether sled found its file locked: it says so by words alone, of no kind of its own.
fn is_locked(error: &std::io::Error) -> bool {
    error.kind() == std::io::ErrorKind::WouldBlock || error.to_string().contains("could not acquire lock")
}

impl SledTree {
    pub(crate) fn open(dir: &Path) -> Result<Self, Broken> {
        let open = || {
            sled::Config::new()
                .path(dir)
                .cache_capacity(CACHE_BYTES)
                .mode(sled::Mode::LowSpace)
                .flush_every_ms(None)
                .open()
        };
        for _ in 0..LOCK_TRIES {
            match catch_unwind(open) {
                Ok(Ok(db)) => {
                    return Ok(Self {
                        db: Some(db),
                        failed: AtomicBool::new(false),
                    });
                }
                Ok(Err(sled::Error::Io(e))) if is_locked(&e) => {
                    std::thread::sleep(LOCK_PAUSE);
                }
                _ => return Err(Broken),
            }
        }
        Err(Broken)
    }

    fn call<T>(&self, what: impl FnOnce(&sled::Db) -> sled::Result<T>) -> Result<T, Broken> {
        if self.failed.load(Ordering::Acquire) {
            return Err(Broken);
        }
        let db = self.db.as_ref().ok_or(Broken)?;
        match catch_unwind(AssertUnwindSafe(|| what(db))) {
            Ok(Ok(value)) => Ok(value),
            _ => {
                self.failed.store(true, Ordering::Release);
                Err(Broken)
            }
        }
    }

    pub(crate) fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Broken> {
        self.call(|db| Ok(db.get(key)?.map(|value| value.to_vec())))
    }

    pub(crate) fn page(&self, after: Option<&[u8]>, prefix: &[u8], page_bytes: usize) -> Result<Page, Broken> {
        let start = after.map_or(Bound::Included(prefix), Bound::Excluded);
        self.call(|db| {
            let mut page = Vec::new();
            let mut left = page_bytes;
            for row in db.range::<&[u8], _>((start, Bound::Unbounded)) {
                let (key, value) = row?;
                if !key.starts_with(prefix) {
                    break;
                }
                page.push((key.to_vec(), value.to_vec()));
                left = left.saturating_sub(key.len().saturating_add(value.len()));
                if left == 0 {
                    break;
                }
            }
            Ok(page)
        })
    }

    pub(crate) fn count(&self, prefix: &[u8]) -> Result<u64, Broken> {
        self.call(|db| {
            let mut count = 0u64;
            for row in db.scan_prefix(prefix) {
                row?;
                count = count.saturating_add(1);
            }
            Ok(count)
        })
    }

    /// Applies all or nothing.
    pub(crate) fn apply<'a>(&self, rows: impl Iterator<Item = (&'a [u8], Option<&'a [u8]>)>) -> Result<(), Broken> {
        let mut batch = sled::Batch::default();
        for (key, value) in rows {
            match value {
                Some(value) => batch.insert(key, value),
                None => batch.remove(key),
            }
        }
        self.call(|db| db.apply_batch(batch))
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.call(|db| db.size_on_disk()).unwrap_or_default()
    }
}

impl Drop for SledTree {
    fn drop(&mut self) {
        // Spares the next opening some replaying, and shows whether sled can be closed at all.
        self.call(|db| db.flush()).ok();
        let db = self.db.take();
        if self.failed.load(Ordering::Acquire) {
            // Some memory and a file handle are the lesser loss.
            std::mem::forget(db);
        } else {
            catch_unwind(AssertUnwindSafe(move || drop(db))).ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Barrier};

    #[test]
    fn an_index_that_is_about_to_be_closed_is_waited_for() {
        let home = tempfile::tempdir().expect("a folder");
        let path = home.path().join("index");
        let held = SledTree::open(&path).expect("opens");
        let locked = sled::Config::new().path(&path).open().expect_err("locked");
        assert!(matches!(locked, sled::Error::Io(error) if is_locked(&error)));
        let both = Arc::new(Barrier::new(2));
        let begins = Arc::clone(&both);
        let second = std::thread::spawn(move || {
            begins.wait();
            SledTree::open(&path).is_ok()
        });
        both.wait();
        drop(held);
        assert!(second.join().expect("ends"));
    }
}
