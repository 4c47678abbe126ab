//! Files and folders on a [`Disk`]: every error names its path, and what is made is there after power loss.

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::Error;
use crate::disk::{Access, Disk, DiskFile, Identity, OperatingSystem};

/// Where a store lies.
#[derive(Clone)]
pub(crate) struct Home {
    pub(crate) files: Files,
    pub(crate) dir: PathBuf,
    /// Where sled lies; nowhere when the disk has no real files, and the index is then held in memory.
    pub(crate) index: Option<PathBuf>,
}

impl Home {
    /// On the machine's own disk.
    pub(crate) fn new(dir: &Path) -> Self {
        Self::on(Arc::new(OperatingSystem), dir)
    }

    /// On another disk.
    pub(crate) fn on(disk: Arc<dyn Disk>, dir: &Path) -> Self {
        Self {
            index: disk.has_real_files().then(|| dir.join("index")),
            files: Files::on(disk),
            dir: dir.to_path_buf(),
        }
    }
}

/// A disk whose errors name their paths.
#[derive(Clone)]
pub(crate) struct Files(Arc<dyn Disk>);

impl Default for Files {
    fn default() -> Self {
        Self(Arc::new(OperatingSystem))
    }
}

impl Files {
    /// On a given disk.
    pub(crate) fn on(disk: Arc<dyn Disk>) -> Self {
        Self(disk)
    }

    pub(crate) fn open(&self, path: &Path, access: Access) -> Result<File, Error> {
        let action = match access {
            Access::Read | Access::Write => "open",
            Access::Create | Access::Replace => "create",
        };
        let handle = self.0.open(path, access).map_err(|e| Error::io(action, path, e))?;
        Ok(File {
            path: path.to_path_buf(),
            handle,
        })
    }

    /// Opens a file of ours to be written, or only to be read where nothing can be written.
    pub(crate) fn open_writable(&self, path: &Path, access: Access) -> Result<(File, bool), Error> {
        match self.open(path, access) {
            Ok(file) => Ok((file, true)),
            Err(Error::ReadOnly { .. }) => Ok((self.open(path, Access::Read)?, false)),
            Err(error) => Err(error),
        }
    }

    pub(crate) fn list(&self, folder: &Path) -> Result<Vec<OsString>, Error> {
        self.0.list(folder).map_err(|e| Error::io("list", folder, e))
    }

    pub(crate) fn exists(&self, path: &Path) -> Result<bool, Error> {
        self.0.exists(path).map_err(|e| Error::io("examine", path, e))
    }

    /// Makes a folder and its missing parents, durably.
    pub(crate) fn make_folder(&self, path: &Path) -> Result<(), Error> {
        if self.exists(path)? {
            return Ok(());
        }
        let above = parent(path);
        self.make_folder(above)?;
        match self.0.make_folder(path) {
            Ok(()) => {}
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
            Err(e) => return Err(Error::io("create", path, e)),
        }
        self.sync_folder(above)
    }

    /// Makes a folder that does not exist or is empty usable for a store.
    pub(crate) fn make_empty_folder(&self, path: &Path) -> Result<(), Error> {
        self.make_folder(path)?;
        if !self.list(path)?.is_empty() {
            return Err(Error::NotEmpty {
                path: path.to_path_buf(),
            });
        }
        self.0.protect_folder(path).map_err(|e| Error::io("protect", path, e))
    }

    /// Makes the entries of a folder durable.
    pub(crate) fn sync_folder(&self, path: &Path) -> Result<(), Error> {
        self.0.sync_folder(path).map_err(|e| Error::io("sync", path, e))
    }

    /// Makes the entry of a file or folder in the one above durable.
    pub(crate) fn sync_entry(&self, path: &Path) -> Result<(), Error> {
        self.sync_folder(parent(path))
    }

    /// Writes a whole file so that after power loss either the old or the new content is there.
    pub(crate) fn replace_file(&self, path: &Path, content: &[u8]) -> Result<(), Error> {
        let part = path.with_extension("part");
        let file = self.open(&part, Access::Replace)?;
        file.write_at(content, 0)?;
        file.sync_all()?;
        self.rename(&part, path)
    }

    /// Renames, and makes the new name durable.
    pub(crate) fn rename(&self, from: &Path, to: &Path) -> Result<(), Error> {
        self.0.rename(from, to).map_err(|e| Error::io("rename", from, e))?;
        self.sync_entry(to)
    }

    pub(crate) fn remove_file(&self, path: &Path) -> Result<(), Error> {
        self.0.remove_file(path).map_err(|e| Error::io("remove", path, e))
    }

    /// Removes a folder with the files in it.
    pub(crate) fn remove_folder(&self, path: &Path) -> Result<(), Error> {
        for name in self.list(path)? {
            self.remove_file(&path.join(name))?;
        }
        self.0.remove_folder(path).map_err(|e| Error::io("remove", path, e))
    }

    /// Locks a file of the home `dir`.
    ///
    /// # Errors
    /// [`Error::Locked`] when any handle anywhere holds it.
    pub(crate) fn lock(&self, path: &Path, dir: &Path) -> Result<crate::disk::Lock, Error> {
        self.0.lock(path).map_err(|e| match e.kind() {
            io::ErrorKind::WouldBlock => Error::Locked {
                path: dir.to_path_buf(),
            },
            _ => Error::io("lock", path, e),
        })
    }
}

/// The folder above, which for a bare name is the current one.
fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        None if !path.as_os_str().is_empty() => path,
        _ => Path::new("."),
    }
}

/// An open file that knows its path.
#[derive(Clone)]
pub(crate) struct File {
    path: PathBuf,
    handle: Arc<dyn DiskFile>,
}

impl File {
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Its folder was renamed.
    pub(crate) fn moved_to(&mut self, path: PathBuf) {
        self.path = path;
    }

    /// Fills `bytes` from an offset; `UnexpectedEof` when the file ends before.
    pub(crate) fn read_exact_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        self.cursor(offset).read_exact(bytes)
    }

    pub(crate) fn write_at(&self, bytes: &[u8], offset: u64) -> Result<(), Error> {
        let written = self.handle.write_at(bytes, offset);
        written.map_err(|e| Error::io("write", &self.path, e))
    }

    pub(crate) fn set_len(&self, length: u64) -> Result<(), Error> {
        let cut = self.handle.set_len(length);
        cut.map_err(|e| Error::io("truncate", &self.path, e))
    }

    pub(crate) fn length(&self) -> Result<u64, Error> {
        self.handle.length().map_err(|e| Error::io("examine", &self.path, e))
    }

    pub(crate) fn sync_data(&self) -> Result<(), Error> {
        self.handle.sync_data().map_err(|e| Error::io("sync", &self.path, e))
    }

    pub(crate) fn sync_all(&self) -> Result<(), Error> {
        self.handle.sync_all().map_err(|e| Error::io("sync", &self.path, e))
    }

    pub(crate) fn identity(&self) -> Result<Identity, Error> {
        self.handle.identity().map_err(|e| Error::io("examine", &self.path, e))
    }

    /// Reads or writes on from an offset, unbuffered.
    pub(crate) fn cursor(&self, offset: u64) -> Cursor {
        Cursor {
            file: self.clone(),
            offset,
        }
    }
}

/// A place in a file that moves with each read and write.
pub(crate) struct Cursor {
    file: File,
    offset: u64,
}

impl Read for Cursor {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let count = self.file.handle.read_at(bytes, self.offset)?;
        self.offset = self.offset.saturating_add(count as u64);
        Ok(count)
    }
}

impl Write for Cursor {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.handle.write_at(bytes, self.offset)?;
        self.offset = self.offset.saturating_add(bytes.len() as u64);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
