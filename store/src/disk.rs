//! Files and folders, synced so that they are there after power loss.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use crate::Error;

/// Only the owner may read, write or list: what a sealed home shows (sizes, times) is nobody else's.
const FOLDER_MODE: u32 = 0o700;
const FILE_MODE: u32 = 0o600;

/// Makes a folder and its missing parents, readable by the owner only.
pub(crate) fn make_folder(path: &Path) -> Result<(), Error> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(FOLDER_MODE)
        .create(path)
        .map_err(|e| Error::io("create", path, e))
}

/// Makes a folder that did not exist or was empty usable for a store.
pub(crate) fn make_empty_folder(path: &Path) -> Result<(), Error> {
    use std::os::unix::fs::PermissionsExt;
    make_folder(path)?;
    let mut entries = fs::read_dir(path).map_err(|e| Error::io("list", path, e))?;
    if entries.next().is_some() {
        return Err(Error::NotEmpty {
            path: path.to_path_buf(),
        });
    }
    fs::set_permissions(path, fs::Permissions::from_mode(FOLDER_MODE)).map_err(|e| Error::io("protect", path, e))
}

/// Makes the entries of a folder durable.
pub(crate) fn sync_folder(path: &Path) -> Result<(), Error> {
    let folder = File::open(path).map_err(|e| Error::io("open", path, e))?;
    folder.sync_all().map_err(|e| Error::io("sync", path, e))
}

/// Options for a file of ours: readable by the owner only.
pub(crate) fn own_file() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.mode(FILE_MODE);
    options
}

/// Writes a whole file so that after power loss either the old or the new content is there.
pub(crate) fn replace_file(path: &Path, content: &[u8]) -> Result<(), Error> {
    let part = path.with_extension("part");
    let mut file = own_file()
        .write(true)
        .create(true)
        .truncate(true)
        .open(&part)
        .map_err(|e| Error::io("create", &part, e))?;
    file.write_all(content)
        .and_then(|()| file.sync_all())
        .map_err(|e| Error::io("write", &part, e))?;
    rename(&part, path)
}

/// Renames, and makes the new name durable.
pub(crate) fn rename(from: &Path, to: &Path) -> Result<(), Error> {
    fs::rename(from, to).map_err(|e| Error::io("rename", from, e))?;
    match to.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => sync_folder(folder),
        _ => sync_folder(Path::new(".")),
    }
}
