//! The keys that can be destroyed, beside the backups of a store: one file for all of them, and always the newest.

use std::path::{Path, PathBuf};

use crate::Error;
use crate::backup::{COPY_BYTES, Source};
use crate::core::{Core, lock};
use crate::disk::Access;
use crate::erasure_file::Holding;
use crate::files::Files;
use crate::keys::Keys;
use crate::store::Store;

impl Store {
    /// Brings the keys that lie beside a backup up to date: what was erased since is then gone from every backup beside them.
    /// Each backup does so too. Does nothing when there is nothing that can be erased.
    ///
    /// # Errors
    /// What the disk says.
    pub fn renew_backup_keys(&self, backup: &Path) -> Result<(), Error> {
        let core = &*self.core;
        let _alone = lock(&core.maintenance);
        let copy = {
            let _only_writer = lock(&core.journal);
            core.erasure_copy()
        };
        match copy {
            Some((_, copy)) => replace_keys(&core.home.files, &keys_beside(backup, &core.keys.store_id), &copy),
            None => Ok(()),
        }
    }
}

impl Core {
    /// The keys that can be destroyed as a file of their own, and their generation; none when there never were any.
    pub(crate) fn erasure_copy(&self) -> Option<(u64, Vec<u8>)> {
        let generation = self.vault.generation();
        let mut random = |bytes: &mut [u8]| lock(&self.entropy)(bytes);
        (generation > 0).then(|| (generation, self.vault.encode(&self.keys, &mut random)))
    }
}

/// Where the keys lie that can be destroyed, for all backups of a store in a folder.
pub(crate) fn keys_beside(backup: &Path, store_id: &[u8; 16]) -> PathBuf {
    let name: String = store_id.iter().map(|byte| format!("{byte:02x}")).collect();
    backup.with_file_name(format!("erasure-keys-{name}"))
}

/// Puts newer keys in the place of older ones, and overwrites those.
pub(crate) fn replace_keys(files: &Files, path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let old = match files.exists(path)? {
        true => Some(files.open(path, Access::Write)?),
        false => None,
    };
    files.replace_file(path, bytes)?;
    if let Some(old) = old {
        // It has no name any more, and its blocks would be given to others as they are.
        let length = old.length()?;
        let nothing = vec![0; COPY_BYTES];
        let mut at = 0u64;
        while at < length {
            old.write_at(&nothing, at)?;
            at = at.saturating_add(COPY_BYTES as u64);
        }
        old.sync_data()?;
    }
    Ok(())
}

/// The newest keys that can be destroyed, for a backup: those beside it, or those of the store that it is to replace. `None`
/// when the backup needs none.
///
/// # Errors
/// [`Error::ErasureKeysDamaged`] when there are none, [`Error::ErasureKeysOutdated`] when they are older than the backup.
pub(crate) fn newest_keys(
    files: &Files,
    backup: &Path,
    keys: &Keys,
    own: Option<&Path>,
) -> Result<Option<Holding>, Error> {
    let mut source = Source::open(files, backup)?;
    source.head()?;
    let beside = keys_beside(backup, &keys.store_id);
    let mut refusal = Error::ErasureKeysDamaged { path: beside.clone() };
    let mut newest: Option<Holding> = None;
    for path in [Some(beside.as_path()), own].into_iter().flatten() {
        match Holding::read(files, path, keys) {
            Ok(Some(found)) => {
                if newest.as_ref().is_none_or(|n| n.generation < found.holding.generation) {
                    newest = Some(found.holding);
                }
            }
            Ok(None) => {}
            Err(error) => refusal = error,
        }
    }
    match newest {
        _ if source.erasures == 0 => Ok(newest),
        Some(holding) if holding.generation >= source.erasures => Ok(Some(holding)),
        Some(_) => Err(Error::ErasureKeysOutdated { path: beside }),
        None => Err(refusal),
    }
}
