//! One process per home.

use crate::Error;
use crate::disk::Lock;
use crate::files::Home;

/// Holds the home's lock file locked until dropped; the operating system lets go when the process ends.
pub(crate) struct HomeLock {
    _held: Lock,
}

impl HomeLock {
    /// # Errors
    /// [`Error::Locked`] when any handle anywhere holds it.
    pub(crate) fn take(home: &Home) -> Result<Self, Error> {
        let _held = home.files.lock(&home.dir.join("lock"), &home.dir)?;
        Ok(Self { _held })
    }
}
