//! The seam below the store: everything it asks of a disk.
//!
//! [`OperatingSystem`] is the disk of every ordinary store. Another one, such as a simulated disk that loses what was
//! not synced, is given to [`crate::Store::create_on`] and [`crate::Store::open_on`]; on such a disk the index is
//! held in memory and built from the journal at each opening, because sled works on real files only
//! ([`Disk::has_real_files`]).
//!
//! What the store relies on, and a disk may do no better than:
//!
//! - what was written is there after power loss only once the file was synced; of an unsynced write any part may be;
//! - an entry of a folder (a new file, a new name, a removal) is there after power loss only once the folder was synced;
//! - a rename replaces the target or does nothing;
//! - every call may fail, and the store then answers with a named error: [`std::io::ErrorKind::StorageFull`],
//!   `ReadOnlyFilesystem` and `NotFound` are told from all others, and [`std::io::ErrorKind::WouldBlock`] from
//!   [`Disk::lock`] means that somebody holds it.
//!
//! The store never calls a disk from a thread of its own: each call is made by the thread that called the store, and a
//! transaction that commits while no other does is written by the thread that commits it.

use std::ffi::OsString;
use std::fs::{self, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Only the owner may read, write or list: what a sealed home shows (sizes, times) is nobody else's.
const FOLDER_MODE: u32 = 0o700;
const FILE_MODE: u32 = 0o600;
/// How often the lock is tried. A process that was just started from one that held it has its copy of the handle until it
/// runs its own program: some milliseconds in which nobody really holds the home.
const LOCK_TRIES: u32 = 40;
/// Time between two tries.
const LOCK_PAUSE: Duration = Duration::from_millis(5);

/// How a file is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// To be read; it must be there.
    Read,
    /// To be read and written; it must be there.
    Write,
    /// To be read and written; made when it is not there.
    Create,
    /// To be written from nothing; made when it is not there, emptied when it is.
    Replace,
}

/// Which file on which device: a copied file is another one, a renamed file is the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity {
    /// The device, or whatever stands for it.
    pub device: u64,
    /// The file on it.
    pub inode: u64,
}

/// A lock that is held until it is dropped, or its process ends.
pub type Lock = Box<dyn Send + Sync>;

/// Files and folders, as the store uses them.
pub trait Disk: Send + Sync {
    /// Whether its paths are those of the machine's own files, so that sled can keep the index beside the journal. A disk that
    /// only watches [`OperatingSystem`], such as one that measures it, says yes; sled's own files do not pass through it.
    fn has_real_files(&self) -> bool {
        false
    }

    /// Opens a file.
    ///
    /// # Errors
    /// `NotFound` when it must be there and is not; what the disk says.
    fn open(&self, path: &Path, access: Access) -> io::Result<Arc<dyn DiskFile>>;

    /// The names in a folder, in any order.
    ///
    /// # Errors
    /// `NotFound`, or what the disk says.
    fn list(&self, folder: &Path) -> io::Result<Vec<OsString>>;

    /// Whether a file or folder is there.
    ///
    /// # Errors
    /// What the disk says when it cannot tell.
    fn exists(&self, path: &Path) -> io::Result<bool>;

    /// Makes one folder in a folder that is there, for its owner only.
    ///
    /// # Errors
    /// `AlreadyExists`, or what the disk says.
    fn make_folder(&self, path: &Path) -> io::Result<()>;

    /// Closes a folder to everybody but its owner.
    ///
    /// # Errors
    /// What the disk says.
    fn protect_folder(&self, path: &Path) -> io::Result<()>;

    /// Makes the entries of a folder durable.
    ///
    /// # Errors
    /// What the disk says; the entries may then be lost.
    fn sync_folder(&self, path: &Path) -> io::Result<()>;

    /// Gives a file or folder another name, in place of a file that has it.
    ///
    /// # Errors
    /// What the disk says; nothing has changed then.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file.
    ///
    /// # Errors
    /// What the disk says.
    fn remove_file(&self, path: &Path) -> io::Result<()>;

    /// Removes an empty folder.
    ///
    /// # Errors
    /// What the disk says.
    fn remove_folder(&self, path: &Path) -> io::Result<()>;

    /// Locks a file against every other handle, this process's own included; makes it when it is not there.
    ///
    /// # Errors
    /// `WouldBlock` when somebody holds it; what the disk says.
    fn lock(&self, path: &Path) -> io::Result<Lock>;
}

/// An open file. Dropping it closes it and promises nothing.
///
/// The store writes a file from one thread at a time, and may read it from others meanwhile.
pub trait DiskFile: Send + Sync {
    /// Reads some bytes from an offset; 0 at the end of the file only.
    ///
    /// # Errors
    /// What the disk says.
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize>;

    /// Writes all bytes at an offset, at most one past the end.
    ///
    /// # Errors
    /// What the disk says; any part may then have been written.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;

    /// Cuts the file off, or lengthens it with zeros.
    ///
    /// # Errors
    /// What the disk says.
    fn set_len(&self, length: u64) -> io::Result<()>;

    /// Its length, in bytes.
    ///
    /// # Errors
    /// What the disk says.
    fn length(&self) -> io::Result<u64>;

    /// Makes what was written durable, the length included (fdatasync).
    ///
    /// # Errors
    /// What the disk says; what was written may then be lost.
    fn sync_data(&self) -> io::Result<()>;

    /// As [`Self::sync_data`], with the file's times (fsync).
    ///
    /// # Errors
    /// As [`Self::sync_data`].
    fn sync_all(&self) -> io::Result<()>;

    /// Which file it is.
    ///
    /// # Errors
    /// What the disk says.
    fn identity(&self) -> io::Result<Identity>;
}

/// The disk of the machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct OperatingSystem;

impl Disk for OperatingSystem {
    fn has_real_files(&self) -> bool {
        true
    }

    fn open(&self, path: &Path, access: Access) -> io::Result<Arc<dyn DiskFile>> {
        let mut options = OpenOptions::new();
        options.read(true).mode(FILE_MODE);
        match access {
            Access::Read => &mut options,
            Access::Write => options.write(true),
            Access::Create => options.write(true).create(true).truncate(false),
            Access::Replace => options.write(true).create(true).truncate(true),
        };
        Ok(Arc::new(options.open(path)?))
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<OsString>> {
        fs::read_dir(folder)?.map(|entry| Ok(entry?.file_name())).collect()
    }

    fn exists(&self, path: &Path) -> io::Result<bool> {
        path.try_exists()
    }

    fn make_folder(&self, path: &Path) -> io::Result<()> {
        fs::DirBuilder::new().mode(FOLDER_MODE).create(path)
    }

    fn protect_folder(&self, path: &Path) -> io::Result<()> {
        fs::set_permissions(path, fs::Permissions::from_mode(FOLDER_MODE))
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        fs::File::open(path)?.sync_all()
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn remove_folder(&self, path: &Path) -> io::Result<()> {
        fs::remove_dir(path)
    }

    fn lock(&self, path: &Path) -> io::Result<Lock> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let file = match options.mode(FILE_MODE).open(path) {
            Err(error) if error.kind() == io::ErrorKind::ReadOnlyFilesystem => fs::File::open(path)?,
            other => other?,
        };
        for _ in 0..LOCK_TRIES {
            match file.try_lock() {
                Ok(()) => return Ok(Box::new(file)),
                Err(TryLockError::WouldBlock) => std::thread::sleep(LOCK_PAUSE),
                Err(TryLockError::Error(error)) => return Err(error),
            }
        }
        Err(io::ErrorKind::WouldBlock.into())
    }
}

impl DiskFile for fs::File {
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        FileExt::read_at(self, bytes, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.write_all_at(bytes, offset)
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        Self::set_len(self, length)
    }

    fn length(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn sync_data(&self) -> io::Result<()> {
        Self::sync_data(self)
    }

    fn sync_all(&self) -> io::Result<()> {
        Self::sync_all(self)
    }

    fn identity(&self) -> io::Result<Identity> {
        let metadata = self.metadata()?;
        Ok(Identity {
            device: metadata.dev(),
            inode: metadata.ino(),
        })
    }
}
