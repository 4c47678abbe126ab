//! Mirrored status lists on disk, so that a node that starts while it is cut off still decides by what it had.
//!
//! A cache and no store: nothing is synced, any file may be missing or altered, and all of it is public. What is read is verified
//! again by the mirror, signatures and hashes alike, and a file that fails is removed.

use crate::output::{hex, sha256};
use base64::prelude::{BASE64_STANDARD, Engine as _};
use credentials::Did;
use credentials::status::{Cached, CachedList};
use serde::{Deserialize, Serialize};
use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Longest file, in bytes: what one issuer's lists take when most of their entries are set.
const FILE_MAX: u64 = 64 * 1024 * 1024;
/// Most files: as many issuers as a trust list may name.
const FILES_MAX: usize = credentials::trust::ORGANISATIONS_MAX;
/// Most bytes of all files.
const BYTES_MAX: u64 = 512 * 1024 * 1024;
/// Ending of a file's name.
const ENDING: &str = "json";

/// What stands in a file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    issuer: Did,
    head: String,
    digests: Vec<String>,
    /// URI and packed states in base64.
    lists: Vec<(String, String)>,
}

/// A folder with a file for each issuer.
pub(super) struct Cache {
    folder: PathBuf,
}

fn name_of(issuer: &Did) -> String {
    format!("{}.{ENDING}", hex(&sha256(issuer.to_string().as_bytes())))
}

impl Cache {
    /// Opens the folder, and makes it where it is missing.
    pub(super) fn open(folder: &Path) -> io::Result<Cache> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let folder = folder.to_owned();
        Ok(Cache { folder })
    }

    /// Gives everything that can be read to `take`, which says whether it holds. What does not, what is foreign, and what is over
    /// the limits of number and size is removed: the folder is ours alone. How many were taken.
    pub(super) fn read(&self, mut take: impl FnMut(&Cached) -> bool) -> io::Result<usize> {
        let (mut taken, mut bytes): (usize, u64) = (0, 0);
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            let meta = entry.metadata()?;
            if !meta.is_file() {
                continue;
            }
            let name = entry.file_name().to_string_lossy().into_owned();
            let has_room = taken < FILES_MAX && bytes.saturating_add(meta.len()) <= BYTES_MAX;
            let cached = if has_room { read(&entry.path()) } else { None };
            match cached.filter(|cached| name_of(&cached.issuer) == name) {
                Some(cached) if take(&cached) => {
                    taken = taken.saturating_add(1);
                    bytes = bytes.saturating_add(meta.len());
                }
                _ => {
                    tracing::info!(file = name, "a file of the status cache does not hold and is removed");
                    fs::remove_file(entry.path())?;
                }
            }
        }
        Ok(taken)
    }

    /// Puts an issuer's lists in the place of what was kept of them; by way of another name, so that a crash leaves no half
    /// file under a whole one's, and not synced.
    pub(super) fn keep(&self, cached: &Cached) -> io::Result<()> {
        let file = File {
            issuer: cached.issuer.clone(),
            head: cached.head.clone(),
            digests: cached.digests.clone(),
            lists: cached
                .lists
                .iter()
                .map(|list| (list.uri.clone(), BASE64_STANDARD.encode(&list.states)))
                .collect(),
        };
        let bytes = serde_json::to_vec(&file).map_err(io::Error::other)?;
        if bytes.len() as u64 > FILE_MAX {
            return Err(io::Error::other("over the limit of a file"));
        }
        let temporary = self.folder.join("new");
        let mut out = fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&temporary)?;
        out.write_all(&bytes)?;
        drop(out);
        fs::rename(&temporary, self.folder.join(name_of(&cached.issuer)))
    }

    /// Forgets an issuer.
    pub(super) fn forget(&self, issuer: &Did) -> io::Result<()> {
        match fs::remove_file(self.folder.join(name_of(issuer))) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

fn read(path: &Path) -> Option<Cached> {
    let mut bytes = Vec::new();
    let file = fs::File::open(path).ok()?;
    file.take(FILE_MAX.saturating_add(1)).read_to_end(&mut bytes).ok()?;
    if bytes.len() as u64 > FILE_MAX {
        return None;
    }
    let file: File = serde_json::from_slice(&bytes).ok()?;
    let lists = file.lists.into_iter().map(|(uri, states)| {
        let states = BASE64_STANDARD.decode(states).ok()?;
        Some(CachedList { uri, states })
    });
    Some(Cached {
        issuer: file.issuer,
        head: file.head,
        digests: file.digests,
        lists: lists.collect::<Option<_>>()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cached(name: &str, head: &str) -> Cached {
        Cached {
            issuer: Did::parse(&format!("did:web:{name}.example")).expect("a DID"),
            head: head.to_owned(),
            digests: vec!["digest".to_owned()],
            lists: vec![CachedList {
                uri: format!("https://{name}.example/status/1"),
                states: vec![0, 1, 255],
            }],
        }
    }

    fn all(cache: &Cache) -> Vec<Cached> {
        let mut all = Vec::new();
        let take = |cached: &Cached| {
            all.push(cached.clone());
            true
        };
        cache.read(take).expect("reads");
        all.sort_by(|a, b| a.issuer.cmp(&b.issuer));
        all
    }

    #[test]
    fn what_was_kept_is_there_after_a_restart_in_its_newest_form_until_it_is_forgotten() {
        let home = tempfile::tempdir().expect("a folder");
        let folder = home.path().join("cache/status");
        let cache = Cache::open(&folder).expect("opens");
        for head in ["one", "two"] {
            cache.keep(&cached("tax", head)).expect("kept");
        }
        cache.keep(&cached("loans", "one")).expect("kept");
        let cache = Cache::open(&folder).expect("opens");
        assert_eq!(all(&cache), [cached("loans", "one"), cached("tax", "two")]);
        cache.forget(&cached("tax", "").issuer).expect("forgotten");
        cache.forget(&cached("tax", "").issuer).expect("twice is once");
        assert_eq!(all(&cache), [cached("loans", "one")]);
    }

    #[test]
    fn an_altered_half_or_foreign_file_and_one_that_does_not_verify_are_removed_and_the_others_read() {
        let home = tempfile::tempdir().expect("a folder");
        let cache = Cache::open(home.path()).expect("opens");
        for name in ["good", "half", "moved", "false"] {
            cache.keep(&cached(name, name)).expect("kept");
        }
        let at = |name: &str| home.path().join(name_of(&cached(name, "").issuer));
        let whole = fs::read(at("half")).expect("reads");
        fs::write(at("half"), &whole[..whole.len() / 2]).expect("writes");
        // Somebody else's file under this name.
        fs::rename(at("moved"), at("other")).expect("renamed");
        for foreign in ["new", "notes.md", "0.json"] {
            fs::write(home.path().join(foreign), [0xff, 0xfe]).expect("writes");
        }
        let mut heads = Vec::new();
        let take = |cached: &Cached| {
            heads.push(cached.head.clone());
            cached.head != "false"
        };
        assert_eq!(cache.read(take).expect("reads"), 1);
        heads.sort();
        assert_eq!(heads, ["false", "good"]);
        assert_eq!(fs::read_dir(home.path()).expect("reads").count(), 1);
    }

    #[test]
    fn a_file_over_its_limit_is_not_read() {
        let home = tempfile::tempdir().expect("a folder");
        let cache = Cache::open(home.path()).expect("opens");
        let issuer = cached("big", "").issuer;
        let big = fs::File::create(home.path().join(name_of(&issuer))).expect("made");
        big.set_len(FILE_MAX + 1).expect("long");
        assert_eq!(all(&cache), []);
        assert_eq!(fs::read_dir(home.path()).expect("reads").count(), 0);
    }
}
