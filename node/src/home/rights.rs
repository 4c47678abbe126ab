//! Who may open what lies in a home, and taking that right from others than its owner.

use super::Home;
use crate::error::Failure;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Rights of group and others.
const OTHERS: u32 = 0o077;
/// Most files that are looked at: a journal of 4 TiB has that many segments, and more is no home of ours.
const FILES_MAX: usize = 1 << 16;
/// The store's index is a folder of sled's own, which takes its rights from the process. It lies in a folder that is closed, and is
/// not looked at.
const INDEX: &str = "index";

/// Something that others than its owner may open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Open {
    /// Where it lies in the home; `.` is the home itself.
    pub place: PathBuf,
    /// Its rights.
    pub mode: u32,
}

/// What others may open: the home, its configuration and its store. What an operator adds (`types`) and what is fetched again
/// (`cache`) is public.
///
/// Errors: `file_failed` for what cannot be looked at.
pub fn open_to_others(home: &Home) -> Result<Vec<Open>, Failure> {
    let mut open = Vec::new();
    for path in places(home)? {
        let meta = fs::symlink_metadata(&path).map_err(|e| Failure::file(&path, &e))?;
        if meta.mode() & OTHERS != 0 && !meta.file_type().is_symlink() {
            open.push(Open {
                place: place(home, &path),
                mode: meta.mode() & 0o7777,
            });
        }
    }
    Ok(open)
}

/// Takes the rights of others away, and says of what. The home comes first, so that nobody gets in meanwhile.
///
/// Errors: `file_failed` for what is not ours to change; what comes before it is done.
pub fn close(home: &Home) -> Result<Vec<Open>, Failure> {
    let open = open_to_others(home)?;
    for one in &open {
        let path = home.path().join(&one.place);
        let mode = fs::Permissions::from_mode(one.mode & !OTHERS);
        fs::set_permissions(&path, mode).map_err(|e| Failure::file(&path, &e))?;
    }
    Ok(open)
}

/// Whether the home belongs to the user whom this process runs as.
pub fn is_ours(home: &Home) -> Result<bool, Failure> {
    let meta = fs::metadata(home.path()).map_err(|e| Failure::file(home.path(), &e))?;
    Ok(meta.uid() == rustix::process::getuid().as_raw())
}

/// What is looked at, the home first.
fn places(home: &Home) -> Result<Vec<PathBuf>, Failure> {
    let mut all = vec![home.path().to_owned()];
    all.extend([home.config(), home.socket()].into_iter().filter(|path| path.exists()));
    if home.store().exists() {
        walk(&home.store(), &mut all)?;
    }
    Ok(all)
}

fn walk(folder: &Path, all: &mut Vec<PathBuf>) -> Result<(), Failure> {
    all.push(folder.to_owned());
    let entries = fs::read_dir(folder).map_err(|e| Failure::file(folder, &e))?;
    for entry in entries {
        if all.len() >= FILES_MAX {
            return Ok(());
        }
        let entry = entry.map_err(|e| Failure::file(folder, &e))?;
        let path = entry.path();
        let kind = entry.file_type().map_err(|e| Failure::file(&path, &e))?;
        if !kind.is_dir() {
            all.push(path);
        } else if entry.file_name() != INDEX {
            walk(&path, all)?;
        }
    }
    Ok(())
}

fn place(home: &Home, path: &Path) -> PathBuf {
    match path.strip_prefix(home.path()) {
        Ok(place) if !place.as_os_str().is_empty() => place.to_owned(),
        _ => PathBuf::from("."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use store::{Params, Passphrase, Store};

    fn made() -> (tempfile::TempDir, Home) {
        let folder = tempfile::tempdir().expect("a folder");
        let home = Home::at(&folder.path().join("home")).expect("a path");
        home.create().expect("made");
        let passphrase = Passphrase::new("a synthetic passphrase");
        let store = Store::create(&home.store(), &passphrase, Params::quick(), crate::service::entropy());
        drop(store.expect("made"));
        super::super::write(&home.config(), b"").expect("written");
        (folder, home)
    }

    fn open(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("ours");
    }

    #[test]
    fn a_new_home_is_open_to_nobody_else() {
        let (_folder, home) = made();
        assert_eq!(open_to_others(&home).expect("looks"), []);
        assert!(is_ours(&home).expect("looks"));
    }

    #[test]
    fn what_others_may_open_is_named_and_closed_and_keeps_its_owners_rights() {
        let (_folder, home) = made();
        open(home.path(), 0o755);
        open(&home.config(), 0o644);
        open(&home.store().join("keys"), 0o640);
        let found = open_to_others(&home).expect("looks");
        let places: Vec<_> = found.iter().map(|open| open.place.display().to_string()).collect();
        assert_eq!(places, [".", "bevis.toml", "store/keys"]);
        assert_eq!(close(&home).expect("ours"), found);
        assert_eq!(open_to_others(&home).expect("looks"), []);
        let mode = |path: &Path| fs::metadata(path).expect("there").mode() & 0o777;
        assert_eq!((mode(home.path()), mode(&home.config())), (0o700, 0o600));
        assert_eq!(close(&home).expect("ours"), [], "a second time there is nothing to do");
    }

    #[test]
    fn what_a_link_in_a_home_points_to_is_left_alone() {
        let (folder, home) = made();
        let other = folder.path().join("other");
        fs::write(&other, b"").expect("written");
        open(&other, 0o644);
        std::os::unix::fs::symlink(&other, home.store().join("link")).expect("made");
        assert_eq!(close(&home).expect("ours"), []);
        assert_eq!(fs::metadata(&other).expect("there").mode() & 0o777, 0o644);
    }
}
