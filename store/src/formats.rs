//! Which formats the files of a home have, without opening it: by what stands in the clear at their beginnings.

use std::io::Read;
use std::path::Path;

use crate::disk::Access;
use crate::files::{Files, Home};
use crate::journal::{generation_dir, generations};
use crate::store::Store;
use crate::{Error, FORMAT, key_file, segment};

/// What a segment of the journal begins with.
const HEAD_BYTES: usize = segment::MAGIC.len() + 4;

/// The formats of a home's files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Formats {
    /// Of the key file.
    pub keys: u32,
    /// The lowest of the journal's segments. Segments of several formats stand in one journal: each keeps the one that it was
    /// begun in.
    pub oldest: u32,
    /// The highest of them.
    pub newest: u32,
    /// What this program writes, and the highest that it reads.
    pub supported: u32,
}

impl Formats {
    /// Whether something was written by an older version. It is read all the same.
    pub fn is_older(&self) -> bool {
        self.oldest < self.supported
    }
}

impl Store {
    /// The formats of the home in this folder, whether it is open somewhere or not. Nothing is authenticated here; opening the store
    /// does that.
    ///
    /// # Errors
    /// [`Error::Missing`], [`Error::NewerFormat`], [`Error::KeyFileDamaged`], [`Error::SegmentDamaged`], or what the disk says.
    pub fn formats(dir: &Path) -> Result<Formats, Error> {
        let home = Home::new(dir);
        let keys = key_file::format(&home)?;
        let (generations, _) = generations(&home.files, &home.dir)?;
        // Only the newest counts; an older one that is still there is about to be removed.
        let newest = generations
            .last()
            .copied()
            .ok_or(Error::SegmentDamaged { segment: 1 })?;
        let journal = generation_dir(&home.dir, newest);
        let mut found: Option<(u32, u32)> = None;
        for number in segment::list(&home.files, &journal)? {
            let format = of_segment(&home.files, &segment::path(&journal, number), number)?;
            let (oldest, newest) = found.unwrap_or((format, format));
            found = Some((oldest.min(format), newest.max(format)));
        }
        let (oldest, newest) = found.ok_or(Error::SegmentDamaged { segment: 1 })?;
        Ok(Formats {
            keys,
            oldest,
            newest,
            supported: FORMAT,
        })
    }
}

fn of_segment(files: &Files, path: &Path, number: u64) -> Result<u32, Error> {
    let damaged = Error::SegmentDamaged { segment: number };
    let mut head = [0; HEAD_BYTES];
    let mut file = files.open(path, Access::Read)?.cursor(0);
    file.read_exact(&mut head).map_err(|e| match e.kind() {
        std::io::ErrorKind::UnexpectedEof => damaged.clone(),
        _ => Error::io("read", path, e),
    })?;
    let (magic, format) = head.split_at(segment::MAGIC.len());
    if magic != segment::MAGIC {
        return Err(damaged);
    }
    let found = u32::from_be_bytes(format.try_into().map_err(|_| damaged)?);
    if found > FORMAT {
        return Err(Error::NewerFormat {
            path: path.to_path_buf(),
            found,
            supported: FORMAT,
        });
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::segment::{SEGMENT_HEADER_BYTES, SegmentHeader};
    use crate::{Params, Passphrase};

    fn entropy() -> crate::Entropy {
        Box::new(|bytes: &mut [u8]| getrandom::fill(bytes).expect("randomness"))
    }

    fn passphrase() -> Passphrase {
        Passphrase::new("a synthetic passphrase")
    }

    fn made(dir: &Path) {
        let store = Store::create(dir, &passphrase(), Params::quick(), entropy()).expect("made");
        let mut transaction = store.transaction();
        transaction.put(&store.table("rows"), "one", b"1");
        transaction.commit().expect("committed");
    }

    /// Makes the only segment one of another format, as a program of that format would have written it.
    fn set(dir: &Path, format: u32) {
        let keys = std::fs::read(dir.join("keys")).expect("reads");
        let (keys, _) = key_file::decode(&keys, &passphrase(), dir).expect("opens");
        let path = segment::path(&generation_dir(dir, 1), 1);
        let mut bytes = std::fs::read(&path).expect("reads");
        let mut header = SegmentHeader::open(&keys, bytes.first_chunk().expect("a header")).expect("ours");
        header.format = format;
        bytes[..SEGMENT_HEADER_BYTES].copy_from_slice(&header.encode(&keys));
        std::fs::write(&path, bytes).expect("writes");
    }

    #[test]
    fn the_formats_of_a_home_are_told_while_it_is_open_and_after() {
        let home = tempfile::tempdir().expect("a folder");
        made(home.path());
        let formats = Store::formats(home.path()).expect("told");
        assert_eq!((formats.keys, formats.oldest, formats.newest), (1, FORMAT, FORMAT));
        assert!(!formats.is_older());
        let _open = Store::open(home.path(), &passphrase(), entropy()).expect("opens");
        assert_eq!(Store::formats(home.path()).expect("told"), formats);
    }

    #[test]
    fn an_older_journal_is_told_and_is_of_this_format_after_a_compaction_with_every_row() {
        let home = tempfile::tempdir().expect("a folder");
        made(home.path());
        set(home.path(), 1);
        let formats = Store::formats(home.path()).expect("told");
        assert!(formats.is_older(), "{formats:?}");
        let store = Store::open(home.path(), &passphrase(), entropy()).expect("is read all the same");
        store.compact().expect("compacted");
        assert!(!Store::formats(home.path()).expect("told").is_older());
        assert_eq!(
            store.table("rows").get("one").expect("reads").as_deref(),
            Some(&b"1"[..])
        );
    }

    /// `homes/` holds a home as a program of each earlier format left it; the passphrase is the one above.
    #[test]
    fn a_home_that_a_program_of_the_first_format_left_is_read() {
        let home = tempfile::tempdir().expect("a folder");
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("homes/format-1");
        std::fs::create_dir(home.path().join("journal-000001")).expect("made");
        for name in ["keys", "keys-spare", "journal-000001/0000000001.segment"] {
            std::fs::copy(from.join(name), home.path().join(name)).expect("copied");
        }
        let formats = Store::formats(home.path()).expect("told");
        assert_eq!((formats.oldest, formats.newest), (1, 1));
        let store = Store::open(home.path(), &passphrase(), entropy()).expect("opens");
        let row = store.table("rows").get("one").expect("reads");
        assert_eq!(row.as_deref(), Some(&b"written by the first format"[..]));
    }

    #[test]
    fn a_newer_journal_is_refused_by_name_and_one_that_is_none_is_damaged() {
        let home = tempfile::tempdir().expect("a folder");
        made(home.path());
        set(home.path(), FORMAT + 1);
        let found = Store::formats(home.path());
        assert!(
            matches!(
                found,
                Err(Error::NewerFormat {
                    found: 3,
                    supported: 2,
                    ..
                })
            ),
            "{found:?}"
        );
        let opened = Store::open(home.path(), &passphrase(), entropy());
        assert!(
            matches!(opened, Err(Error::NewerFormat { .. })),
            "opening says the same"
        );
        std::fs::write(segment::path(&generation_dir(home.path(), 1), 1), b"BEV").expect("writes");
        assert!(matches!(
            Store::formats(home.path()),
            Err(Error::SegmentDamaged { segment: 1 })
        ));
        assert!(matches!(
            Store::formats(&home.path().join("none")),
            Err(Error::Missing { .. })
        ));
    }
}
