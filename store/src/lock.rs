//! One process per home.

use std::fs::{File, TryLockError};
use std::path::Path;

use crate::{Error, disk};

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
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(Error::Locked {
                path: dir.to_path_buf(),
            }),
            Err(TryLockError::Error(e)) => Err(Error::io("lock", &path, e)),
        }
    }
}
