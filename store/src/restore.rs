//! Restoring a backup: into an empty folder, or in the place of a damaged store.
//!
//! What is restored is an older state, so it is a new epoch before it is a store: its key file is written last.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use crate::backup::{Source, check, open_keys};
use crate::backup_keys::newest_keys;
use crate::core::lock;
use crate::disk::{Access, Disk};
use crate::files::{Files, Home};
use crate::index::Index;
use crate::keys::Keys;
use crate::lock::HomeLock;
use crate::salvage::newest_epoch;
use crate::store::{Entropy, Opening, Store};
use crate::{Error, Passphrase, erasure_file, journal, key_file, segment};

impl Store {
    /// Verifies a backup, unpacks it into an empty folder, and opens it in the next epoch. What was erased since it was taken,
    /// as far as the keys beside it know, is not in it ([`crate::Health::erased_at_open`]).
    ///
    /// # Errors
    /// As [`Self::verify_backup`], and [`Error::NotEmpty`].
    pub fn restore(path: &Path, dir: &Path, passphrase: &Passphrase, entropy: Entropy) -> Result<Self, Error> {
        Self::restore_home(path, Home::new(dir), passphrase, entropy, 0, None)
    }

    /// As [`Self::restore`], on another disk, where the backup lies too.
    ///
    /// # Errors
    /// As [`Self::restore`].
    pub fn restore_on(
        disk: Arc<dyn Disk>,
        path: &Path,
        dir: &Path,
        passphrase: &Passphrase,
        entropy: Entropy,
    ) -> Result<Self, Error> {
        Self::restore_home(path, Home::on(disk, dir), passphrase, entropy, 0, None)
    }

    pub(crate) fn restore_home(
        path: &Path,
        home: Home,
        passphrase: &Passphrase,
        mut entropy: Entropy,
        newest_epoch: u32,
        replaced: Option<&Path>,
    ) -> Result<Self, Error> {
        let (key_bytes, keys) = open_keys(&home.files, path, passphrase)?;
        check(&home.files, path, &keys, &mut |_, _| Ok(()))?;
        let erasure = newest_keys(&home.files, path, &keys, replaced)?;
        home.files.make_empty_folder(&home.dir)?;
        let locked = HomeLock::take(&home)?;
        unpack(&home, path)?;
        if let Some(holding) = erasure {
            let bytes = holding.encode(&keys, &mut entropy);
            home.files.replace_file(&erasure_file::path(&home.dir), &bytes)?;
        }
        let how = Opening {
            newest_epoch,
            ..Opening::default()
        };
        let store = Self::assemble(home, keys, entropy, locked, &how)?;
        store.begin_epoch()?;
        // Last: a folder is a store once it has keys, and neither a half restored one nor one of an old epoch must be.
        let home = &store.core.home;
        key_file::write(home, &key_bytes)?;
        home.files.sync_entry(&home.dir)?;
        Ok(store)
    }

    /// Puts a verified backup in the place of a damaged store, and opens it in an epoch above every one that the damaged
    /// store still shows. The damaged files are kept in a folder beside it, which is returned.
    ///
    /// What was committed after the backup was taken is not in it. When this was interrupted, calling it again goes on.
    ///
    /// # Errors
    /// As [`Self::verify_backup`], [`Error::ForeignBackup`], [`Error::Locked`]; the damaged store is then still in place.
    pub fn repair_from_backup(
        dir: &Path,
        backup: &Path,
        passphrase: &Passphrase,
        entropy: Entropy,
    ) -> Result<(Self, PathBuf), Error> {
        Self::repair_home(Home::new(dir), backup, passphrase, entropy)
    }

    pub(crate) fn repair_home(
        home: Home,
        backup: &Path,
        passphrase: &Passphrase,
        entropy: Entropy,
    ) -> Result<(Self, PathBuf), Error> {
        let files = &home.files;
        let (_, keys) = open_keys(files, backup, passphrase)?;
        check(files, backup, &keys, &mut |_, _| Ok(()))?;
        let own = erasure_file::path(&home.dir);
        if key_file::store_id(&home).is_some_and(|id| id != keys.store_id) {
            return Err(Error::ForeignBackup {
                path: backup.to_path_buf(),
            });
        }
        let beside = Home {
            dir: sibling(&home.dir, "restored"),
            index: home
                .index
                .as_ref()
                .map(|_| sibling(&home.dir, "restored").join("index")),
            ..home.clone()
        };
        let shared = Arc::new(Mutex::new(entropy));
        let entropy = || -> Entropy {
            let shared = Arc::clone(&shared);
            Box::new(move |bytes| lock(&shared)(bytes))
        };
        let is_there = files.exists(&home.dir)?;
        let held = if is_there { Some(HomeLock::take(&home)?) } else { None };
        // Interrupted between the two renames below: what was restored knows epochs that nothing here shows any more.
        if is_there || !key_file::exists(&beside)? {
            let floor = if is_there { shown_epoch(&home, &keys) } else { 0 };
            remove_tree(files, &beside.dir)?;
            drop(Self::restore_home(
                backup,
                beside.clone(),
                passphrase,
                entropy(),
                floor,
                Some(&own),
            )?);
        }
        let (latest, free) = set_aside_names(files, &home.dir)?;
        let aside = if is_there {
            files.rename(&home.dir, &free)?;
            free
        } else {
            latest.unwrap_or(free)
        };
        files.rename(&beside.dir, &home.dir)?;
        drop(held);
        let store = Self::open_home(home, passphrase, entropy(), false)?;
        Ok((store, aside))
    }
}

/// Writes the segments of a verified backup as the first journal of a home.
fn unpack(home: &Home, path: &Path) -> Result<(), Error> {
    let mut source = Source::open(&home.files, path)?;
    source.head()?;
    journal::import(home, &mut |folder| {
        for _ in 0..source.segments {
            let (number, length) = source.segment()?;
            let file = home.files.open(&segment::path(folder, number), Access::Replace)?;
            let mut at = 0u64;
            source.copy(length, &mut |bytes| {
                file.write_at(bytes, at)?;
                at = at.saturating_add(bytes.len() as u64);
                Ok(())
            })?;
            file.sync_all()?;
        }
        Ok(())
    })
}

/// The highest epoch a damaged home shows; what cannot be read shows none.
fn shown_epoch(home: &Home, keys: &Keys) -> u32 {
    let index = home.index.as_deref().and_then(|dir| Index::open(dir, keys).ok());
    newest_epoch(home, keys).max(index.map_or(0, |index| index.state.epoch))
}

fn sibling(dir: &Path, what: &str) -> PathBuf {
    let mut name = dir.file_name().unwrap_or_default().to_owned();
    name.push("-");
    name.push(what);
    dir.with_file_name(name)
}

/// Where a damaged store was set aside last, and the first name that nothing has.
fn set_aside_names(files: &Files, dir: &Path) -> Result<(Option<PathBuf>, PathBuf), Error> {
    let mut latest = None;
    for number in 1u32.. {
        let path = sibling(dir, &format!("damaged-{number}"));
        if !files.exists(&path)? {
            return Ok((latest, path));
        }
        latest = Some(path);
    }
    Ok((latest, sibling(dir, "damaged")))
}

/// Removes a folder of an earlier, interrupted attempt, with everything in it.
fn remove_tree(files: &Files, path: &Path) -> Result<(), Error> {
    if !files.exists(path)? {
        return Ok(());
    }
    for name in files.list(path)? {
        let child = path.join(name);
        // Only a folder can be listed.
        if files.list(&child).is_ok() {
            remove_tree(files, &child)?;
        } else {
            files.remove_file(&child)?;
        }
    }
    files.remove_folder(path)
}
