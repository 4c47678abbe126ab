//! One process per home.

use std::fs::{File, TryLockError};
use std::path::Path;
use std::time::Duration;

use crate::{Error, disk};

/// How often the lock is tried. A process that was just started from one that held it has its copy of the handle until it
/// runs its own program: some milliseconds in which nobody really holds the home.
const TRIES: u32 = 40;
/// Time between two tries.
const PAUSE: Duration = Duration::from_millis(5);

/// Holds the home's lock file locked until dropped; the operating system lets go when the process ends.
pub(crate) struct HomeLock {
    _file: File,
}

impl HomeLock {
    /// # Errors
    /// [`Error::Locked`] when any handle anywhere holds it.
    pub(crate) fn take(dir: &Path) -> Result<Self, Error> {
        let path = dir.join("lock");
        let mut options = disk::own_file();
        options.read(true).write(true).create(true).truncate(false);
        let file = match options.open(&path).map_err(|e| Error::io("open", &path, e)) {
            Ok(file) => file,
            Err(Error::ReadOnly { .. }) => File::open(&path).map_err(|e| Error::io("open", &path, e))?,
            Err(error) => return Err(error),
        };
        for _ in 0..TRIES {
            match file.try_lock() {
                Ok(()) => return Ok(Self { _file: file }),
                Err(TryLockError::WouldBlock) => std::thread::sleep(PAUSE),
                Err(TryLockError::Error(e)) => return Err(Error::io("lock", &path, e)),
            }
        }
        Err(Error::Locked {
            path: dir.to_path_buf(),
        })
    }
}
