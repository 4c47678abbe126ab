//! Backups: one file with the key file and every journal segment, taken while the store is in use.
//!
//! Layout (big-endian): magic 8, format 4, length of key file 4, key file, number of segments 4, sequence 8,
//! epoch 4, hash of the last record 32, generation of the keys that can be destroyed 8 (from format 2; 0 when there are none);
//! per segment number 8, length 8, bytes; end mark 8, HMAC of all before 32.
//! The segments are sealed as they are in the home; the HMAC shows that none is missing or exchanged.
//!
//! The keys that can be destroyed are not in it: what is erased later must not be readable from it. They lie beside it, in one
//! file for all backups of a store in a folder (`erasure-keys-` and the store's name), which each backup replaces. So every
//! backup is restored with the newest keys, and without what was erased since it was taken. A backup is carried elsewhere
//! together with that file.

use std::collections::{BTreeMap, HashSet};
use std::io::{BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use hmac::{Hmac, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::backup_keys::{keys_beside, newest_keys, replace_keys};
use crate::bytes::Reader;
use crate::core::lock;
use crate::disk::Access;
use crate::files::{Cursor, Files};
use crate::keys::{Keys, NONCE_BYTES};
use crate::record::Body;
use crate::row::RowKey;
use crate::store::Store;
use crate::walk::{Position, Visit, Walk};
use crate::{Error, FORMAT, Passphrase, key_file};

const MAGIC: &[u8; 8] = b"BEVISBAK";
const END: &[u8; 8] = b"BEVISEND";
/// Largest key file in a backup: room for a later format to be recognised.
const KEY_FILE_BYTES_MAX: u32 = 1 << 20;
/// Most segments in a backup: 4 TiB of journal.
const SEGMENTS_MAX: u32 = 1 << 16;
pub(crate) const COPY_BYTES: usize = 256 << 10;

/// What a backup holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct BackupInfo {
    /// Sequence of the last transaction in it.
    pub sequence: u64,
    /// Epoch of the home it was taken from; a restored home has the next one.
    pub epoch: u32,
    /// Number of journal segments.
    pub segments: u32,
    /// Size of the file, in bytes.
    pub bytes: u64,
}

/// What a backup holds, with what was asked of it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct BackupContents {
    /// Place in the store's history, and size.
    pub info: BackupInfo,
    /// Whose it is: the store's own name, which a restored home keeps.
    pub store_id: [u8; 16],
    /// Rows of all tables.
    pub rows: u64,
    /// The values that were asked for and are there, by table and id. None of them can be erased.
    pub values: BTreeMap<(&'static str, &'static str), Zeroizing<Vec<u8>>>,
}

impl Store {
    /// Writes a backup of everything committed so far to `path`, replacing what is there only when it is whole.
    /// Transactions go on meanwhile. With a passphrase the backup opens with that one, else with the store's own.
    /// The finished file is read back and every record in it opened.
    ///
    /// # Errors
    /// What the disk says; [`Error::Damaged`] when the journal itself is damaged; nothing is then left at `path`.
    pub fn backup(&self, path: &Path, passphrase: Option<&Passphrase>) -> Result<BackupInfo, Error> {
        let core = &*self.core;
        let _alone = lock(&core.maintenance);
        let files = &core.home.files;
        let (key_bytes, _) = key_file::read(&core.home)?;
        let key_bytes = match passphrase {
            None => key_bytes,
            Some(other) => {
                let mut random = [0; 16 + NONCE_BYTES];
                lock(&core.entropy)(&mut random);
                let params = key_file::params(&key_bytes, &core.home.dir)?;
                key_file::encode(&core.keys, other, params, &random)?
            }
        };
        let (segments, end, erasure) = {
            let journal = lock(&core.journal);
            (journal.segments()?, journal.position(), core.erasure_copy())
        };
        if let Some((_, copy)) = &erasure {
            replace_keys(files, &keys_beside(path, &core.keys.store_id), copy)?;
        }
        let contents = Contents {
            key_bytes: &key_bytes,
            segments: &segments,
            end: &end,
            erasures: erasure.map_or(0, |(generation, _)| generation),
        };
        let mut part = path.as_os_str().to_owned();
        part.push(".part");
        let part = PathBuf::from(part);
        let written = write(files, &part, &core.keys, &contents)
            .and_then(|()| check(files, &part, &core.keys, &mut |_, _| Ok(())))
            .and_then(|info| newest_keys(files, &part, &core.keys, None).map(|_| info))
            .and_then(|info| files.rename(&part, path).map(|()| info));
        if written.is_err() {
            // Best effort: what matters is that nothing stands under the final name.
            files.remove_file(&part).ok();
        }
        written
    }

    /// Reads a whole backup, opens every record, and says what it holds. The keys beside it are read too.
    ///
    /// # Errors
    /// [`Error::BackupDamaged`], [`Error::WrongPassphrase`], [`Error::NewerFormat`], [`Error::ErasureKeysDamaged`] and
    /// [`Error::ErasureKeysOutdated`] (of the file beside it), or what the disk says.
    pub fn verify_backup(path: &Path, passphrase: &Passphrase) -> Result<BackupInfo, Error> {
        verify(path, passphrase, &mut |_, _, _| Ok(())).map(|(info, _)| info)
    }

    /// As [`Self::verify_backup`], and counts the rows and reads some of them: those of a table under an id without a group. Needs
    /// about 60 bytes of memory a row.
    ///
    /// # Errors
    /// As [`Self::verify_backup`].
    pub fn inspect_backup(
        path: &Path,
        passphrase: &Passphrase,
        wanted: &[(&'static str, &'static str)],
    ) -> Result<BackupContents, Error> {
        let mut rows: HashSet<RowKey> = HashSet::new();
        let mut values = BTreeMap::new();
        let mut visit = |keys: &Keys, _: &Position, body: Option<&Body>| {
            for entry in body.and_then(Body::entries).into_iter().flatten() {
                let row = keys.table(entry.table).row_key(entry.group, entry.id);
                match entry.value {
                    Some(_) => rows.insert(row),
                    None => rows.remove(&row),
                };
                let asked = wanted
                    .iter()
                    .find(|(table, id)| *table == entry.table && id.as_bytes() == entry.id && entry.group.is_empty());
                let Some(asked) = asked else { continue };
                match entry.value.filter(|value| value.key.is_none()) {
                    Some(value) => values.insert(*asked, Zeroizing::new(value.bytes.to_vec())),
                    None => values.remove(asked),
                };
            }
            Ok(())
        };
        let (info, store_id) = verify(path, passphrase, &mut visit)?;
        Ok(BackupContents {
            info,
            store_id,
            rows: rows.len() as u64,
            values,
        })
    }
}

/// Sees every record of a backup with the keys that open it.
type See<'a> = dyn FnMut(&Keys, &Position, Option<&Body>) -> Result<(), Error> + 'a;

fn verify(path: &Path, passphrase: &Passphrase, see: &mut See<'_>) -> Result<(BackupInfo, [u8; 16]), Error> {
    let files = Files::default();
    let (_, keys) = open_keys(&files, path, passphrase)?;
    let info = check(&files, path, &keys, &mut |position, body| see(&keys, position, body))?;
    newest_keys(&files, path, &keys, None)?;
    Ok((info, keys.store_id))
}

/// What a backup is made of.
struct Contents<'a> {
    key_bytes: &'a [u8],
    segments: &'a [(u64, PathBuf, u64)],
    end: &'a Position,
    erasures: u64,
}

struct Signed<W> {
    to: W,
    mac: Hmac<Sha256>,
}

impl<W: Write> Signed<W> {
    fn put(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.mac.update(bytes);
        self.to.write_all(bytes)
    }
}

fn write(files: &Files, path: &Path, keys: &Keys, contents: &Contents<'_>) -> Result<(), Error> {
    let Contents {
        key_bytes,
        segments,
        end,
        erasures,
    } = contents;
    let failed = |e| Error::io("write", path, e);
    let file = files.open(path, Access::Replace)?;
    let mut out = Signed {
        to: BufWriter::with_capacity(COPY_BYTES, file.cursor(0)),
        mac: keys.backup.stream(),
    };
    let too_many = || Error::TooLarge {
        what: "a backup",
        limit: SEGMENTS_MAX as usize,
    };
    let key_length = u32::try_from(key_bytes.len()).map_err(|_| too_many())?;
    let count = u32::try_from(segments.len())
        .ok()
        .filter(|n| *n <= SEGMENTS_MAX)
        .ok_or_else(too_many)?;
    let mut head = MAGIC.to_vec();
    head.extend_from_slice(&FORMAT.to_be_bytes());
    head.extend_from_slice(&key_length.to_be_bytes());
    head.extend_from_slice(key_bytes);
    head.extend_from_slice(&count.to_be_bytes());
    head.extend_from_slice(&end.sequence.to_be_bytes());
    head.extend_from_slice(&end.epoch.to_be_bytes());
    head.extend_from_slice(&end.hash);
    head.extend_from_slice(&erasures.to_be_bytes());
    out.put(&head).map_err(failed)?;
    for (number, from, length) in *segments {
        out.put(&number.to_be_bytes()).map_err(failed)?;
        out.put(&length.to_be_bytes()).map_err(failed)?;
        let unreadable = |e| Error::io("read", from, e);
        let mut source = files.open(from, Access::Read)?.cursor(0).take(*length);
        let mut buffer = vec![0; COPY_BYTES];
        let mut left = *length;
        while left > 0 {
            let count = source.read(&mut buffer).map_err(unreadable)?;
            let bytes = buffer.get(..count).unwrap_or_default();
            if bytes.is_empty() {
                return Err(Error::SegmentDamaged { segment: *number });
            }
            out.put(bytes).map_err(failed)?;
            left = left.saturating_sub(count as u64);
        }
    }
    out.put(END).map_err(failed)?;
    let mac: [u8; 32] = out.mac.clone().finalize().into_bytes().into();
    out.to.write_all(&mac).and_then(|()| out.to.flush()).map_err(failed)?;
    file.sync_all()
}

/// The key file of a backup, and what it opens.
pub(crate) fn open_keys(files: &Files, path: &Path, passphrase: &Passphrase) -> Result<(Vec<u8>, Keys), Error> {
    let mut source = Source::open(files, path)?;
    let key_bytes = source.head()?;
    let (keys, _) = key_file::decode(&key_bytes, passphrase, path).map_err(|error| match error {
        Error::KeyFileDamaged { .. } => source.damaged("its key file is damaged"),
        other => other,
    })?;
    Ok((key_bytes, keys))
}

/// Checks the end mark over the whole file, then opens every record for the visitor.
pub(crate) fn check(files: &Files, path: &Path, keys: &Keys, visit: &mut Visit<'_>) -> Result<BackupInfo, Error> {
    let mut whole = Source::open(files, path)?;
    let content = whole
        .length
        .checked_sub(32)
        .ok_or_else(|| whole.damaged("it is too short"))?;
    let mut mac = keys.backup.stream();
    let (mut last, mut mark) = ([0; 8], [0; 32]);
    whole.copy(content.saturating_sub(8), &mut |bytes| {
        mac.update(bytes);
        Ok(())
    })?;
    whole.read(&mut last)?;
    whole.read(&mut mark)?;
    mac.update(&last);
    if last != *END {
        return Err(whole.damaged("its end mark is missing"));
    }
    if mac.verify_slice(&mark).is_err() {
        return Err(whole.damaged("its content is not what was written"));
    }

    let mut source = Source::open(files, path)?;
    source.head()?;
    let mut walk = Walk::new(keys, 0, visit);
    for _ in 0..source.segments {
        let (number, length) = source.segment()?;
        walk.segment(number, length, &mut source.file, path)?;
    }
    if walk.position() != source.end {
        return Err(source.damaged("its journal ends elsewhere than it says"));
    }
    Ok(BackupInfo {
        sequence: source.end.sequence,
        epoch: source.end.epoch,
        segments: source.segments,
        bytes: source.length,
    })
}

/// A backup being read from the front.
pub(crate) struct Source {
    path: PathBuf,
    file: BufReader<Cursor>,
    length: u64,
    pub(crate) segments: u32,
    end: Position,
    /// Generation of the keys that can be destroyed when it was taken.
    pub(crate) erasures: u64,
}

impl Source {
    pub(crate) fn open(files: &Files, path: &Path) -> Result<Self, Error> {
        let file = files.open(path, Access::Read)?;
        Ok(Self {
            path: path.to_path_buf(),
            length: file.length()?,
            file: BufReader::with_capacity(COPY_BYTES, file.cursor(0)),
            segments: 0,
            end: Position::default(),
            erasures: 0,
        })
    }

    fn damaged(&self, reason: &'static str) -> Error {
        Error::BackupDamaged {
            path: self.path.clone(),
            reason,
        }
    }

    fn read(&mut self, into: &mut [u8]) -> Result<(), Error> {
        self.file.read_exact(into).map_err(|e| match e.kind() {
            std::io::ErrorKind::UnexpectedEof => self.damaged("it is too short"),
            _ => Error::io("read", &self.path, e),
        })
    }

    pub(crate) fn copy(&mut self, length: u64, to: &mut dyn FnMut(&[u8]) -> Result<(), Error>) -> Result<(), Error> {
        let mut buffer = vec![0; COPY_BYTES];
        let mut left = length;
        while left > 0 {
            let step = usize::try_from(left).map_or(COPY_BYTES, |l| l.min(COPY_BYTES));
            let chunk = buffer.get_mut(..step).unwrap_or_default();
            self.read(chunk)?;
            to(chunk)?;
            left = left.saturating_sub(step as u64);
        }
        Ok(())
    }

    /// Reads up to the first segment and returns the key file.
    pub(crate) fn head(&mut self) -> Result<Vec<u8>, Error> {
        let mut fixed = [0; 16];
        self.read(&mut fixed)?;
        let mut r = Reader::new(&fixed);
        if r.take(MAGIC.len()) != Some(MAGIC) {
            return Err(self.damaged("it does not begin like a backup"));
        }
        let found = r.u32().unwrap_or_default();
        if found > FORMAT {
            return Err(Error::NewerFormat {
                path: self.path.clone(),
                found,
                supported: FORMAT,
            });
        }
        let key_length = r.u32().filter(|l| *l <= KEY_FILE_BYTES_MAX);
        let key_length = key_length.ok_or_else(|| self.damaged("its key file is too large"))?;
        let mut key_bytes = vec![0; key_length as usize];
        self.read(&mut key_bytes)?;
        let mut end = [0; 4 + 8 + 4 + 32];
        self.read(&mut end)?;
        let mut r = Reader::new(&end);
        let mut fields = || {
            let segments = r.u32().filter(|n| *n <= SEGMENTS_MAX)?;
            let (sequence, epoch, hash) = (r.u64()?, r.u32()?, r.array()?);
            Some((segments, Position { sequence, hash, epoch }))
        };
        (self.segments, self.end) = fields().ok_or_else(|| self.damaged("it names too many segments"))?;
        if found > 1 {
            let mut erasures = [0; 8];
            self.read(&mut erasures)?;
            self.erasures = u64::from_be_bytes(erasures);
        }
        Ok(key_bytes)
    }

    pub(crate) fn segment(&mut self) -> Result<(u64, u64), Error> {
        let mut head = [0; 16];
        self.read(&mut head)?;
        let mut r = Reader::new(&head);
        let (number, length) = (r.u64().unwrap_or_default(), r.u64().unwrap_or_default());
        if length > self.length {
            return Err(self.damaged("it is too short"));
        }
        Ok((number, length))
    }
}
