//! The key file: the store key, wrapped under a key made from the passphrase.
//!
//! Layout (big-endian): magic 8, format 4, store id 16, memory KiB 4, passes 4, lanes 4, salt 16,
//! nonce 24, wrapped store key 48, SHA-256 of all before 32. The digest tells damage from a wrong
//! passphrase; the seal authenticates everything.

use std::io::Read;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::bytes::Reader;
use crate::disk::Access;
use crate::files::{Files, Home};
use crate::keys::{Keys, NONCE_BYTES, Sealer, TAG_BYTES};
use crate::{Error, Params, Passphrase};

const MAGIC: &[u8; 8] = b"BEVISKEY";
/// Its format did not change with the store's second one.
const FORMAT: u32 = 1;
const HEAD_BYTES: usize = 8 + 4 + 16 + 4 * 3 + 16 + NONCE_BYTES;
const DIGEST_BYTES: usize = 32;
/// Whole length of a key file of this format.
pub(crate) const KEY_FILE_BYTES: usize = HEAD_BYTES + 32 + TAG_BYTES + DIGEST_BYTES;
/// Most bytes read of a key file: room for a newer format to be recognised.
const KEY_FILE_BYTES_MAX: u64 = 1 << 20;

/// Where the key file lies.
pub(crate) fn path(dir: &Path) -> PathBuf {
    dir.join("keys")
}

/// Where its second copy lies: without the key everything is lost, so one damaged block must not cost it.
fn spare_path(dir: &Path) -> PathBuf {
    dir.join("keys-spare")
}

/// Wraps the store key under a passphrase. `random` holds salt and nonce.
pub(crate) fn encode(
    keys: &Keys,
    passphrase: &Passphrase,
    params: Params,
    random: &[u8; 16 + NONCE_BYTES],
) -> Result<Vec<u8>, Error> {
    let mut parts = Reader::new(random);
    let (salt, nonce): ([u8; 16], [u8; NONCE_BYTES]) = parts.array().zip(parts.array()).expect("the array holds both");
    let wrapping = params.derive(passphrase, &salt)?;
    let mut file = Vec::with_capacity(KEY_FILE_BYTES);
    file.extend_from_slice(MAGIC);
    file.extend_from_slice(&FORMAT.to_be_bytes());
    file.extend_from_slice(&keys.store_id);
    for number in [params.memory_kib, params.passes, params.lanes] {
        file.extend_from_slice(&number.to_be_bytes());
    }
    file.extend_from_slice(&salt);
    file.extend_from_slice(&nonce);
    let sealed = Sealer::new(&wrapping)
        .seal(&nonce, &file, keys.root())
        .expect("32 bytes can be sealed");
    file.extend_from_slice(&sealed);
    let digest = Sha256::digest(&file);
    file.extend_from_slice(&digest);
    Ok(file)
}

/// Opens a key file's bytes.
pub(crate) fn decode(bytes: &[u8], passphrase: &Passphrase, path: &Path) -> Result<(Keys, Params), Error> {
    let (store_id, params, salt, nonce) = fields(bytes, path)?;
    let damaged = || Error::KeyFileDamaged {
        path: path.to_path_buf(),
    };
    let (head, mut rest) = bytes
        .split_at_checked(HEAD_BYTES)
        .map(|(head, rest)| (head, Reader::new(rest)))
        .ok_or_else(damaged)?;
    let wrapping = params.derive(passphrase, &salt)?;
    let sealed = rest.take(32 + TAG_BYTES).ok_or_else(damaged)?;
    let plain = Sealer::new(&wrapping)
        .open(&nonce, head, sealed)
        .ok_or(Error::WrongPassphrase)?;
    let root = Zeroizing::new(*plain.first_chunk::<32>().ok_or_else(damaged)?);
    Ok((Keys::new(root, store_id), params))
}

/// The parameters a key file names.
pub(crate) fn params(bytes: &[u8], path: &Path) -> Result<Params, Error> {
    fields(bytes, path).map(|(_, params, _, _)| params)
}

/// Store id, parameters, salt, nonce.
type Fields = ([u8; 16], Params, [u8; 16], [u8; NONCE_BYTES]);

/// The clear fields of a whole key file.
fn fields(bytes: &[u8], path: &Path) -> Result<Fields, Error> {
    check(bytes, path)?;
    let read = |mut r: Reader<'_>| {
        r.take(MAGIC.len() + 4)?;
        let store_id = r.array()?;
        let params = Params {
            memory_kib: r.u32()?,
            passes: r.u32()?,
            lanes: r.u32()?,
        };
        Some((store_id, params, r.array()?, r.array()?))
    };
    read(Reader::new(bytes)).ok_or_else(|| Error::KeyFileDamaged {
        path: path.to_path_buf(),
    })
}

/// Tells a whole key file of a format we read from everything else.
fn check(bytes: &[u8], path: &Path) -> Result<(), Error> {
    let damaged = || Error::KeyFileDamaged {
        path: path.to_path_buf(),
    };
    let mut r = Reader::new(bytes);
    if r.take(MAGIC.len()) != Some(MAGIC) {
        return Err(damaged());
    }
    let (content, digest) = bytes.split_last_chunk::<DIGEST_BYTES>().ok_or_else(damaged)?;
    let format = r.u32().ok_or_else(damaged)?;
    // Every format ends in this digest, so that a flipped bit is not taken for a newer version.
    if Sha256::digest(content).as_slice() != digest {
        return Err(damaged());
    }
    if format > FORMAT {
        return Err(Error::NewerFormat {
            path: path.to_path_buf(),
            found: format,
            supported: FORMAT,
        });
    }
    if format != FORMAT || bytes.len() != KEY_FILE_BYTES {
        return Err(damaged());
    }
    Ok(())
}

/// Writes both copies.
pub(crate) fn write(home: &Home, bytes: &[u8]) -> Result<(), Error> {
    home.files.replace_file(&path(&home.dir), bytes)?;
    home.files.replace_file(&spare_path(&home.dir), bytes)
}

/// Reads the key file, or its spare when it is damaged. Says whether a copy had to be renewed.
pub(crate) fn read(home: &Home) -> Result<(Vec<u8>, bool), Error> {
    let (main, spare) = (path(&home.dir), spare_path(&home.dir));
    let whole = |path: &Path| read_one(&home.files, path).and_then(|bytes| check(&bytes, path).map(|()| bytes));
    let (bytes, renewed) = match (whole(&main), whole(&spare)) {
        (Ok(bytes), Ok(copy)) if bytes == copy => (bytes, false),
        // The key file is written first, so that a spare that differs is an older one.
        (Ok(bytes), _) => (bytes, true),
        (Err(Error::KeyFileDamaged { .. } | Error::Missing { .. }), Ok(copy)) => (copy, true),
        (Err(error), _) => return Err(error),
    };
    if renewed {
        match write(home, &bytes) {
            Ok(()) | Err(Error::ReadOnly { .. } | Error::Full { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok((bytes, renewed))
}

/// A copy of the key file that is whole, as it lies there: nothing is written.
pub(crate) fn peek(home: &Home) -> Result<Vec<u8>, Error> {
    let whole = |path: &Path| read_one(&home.files, path).and_then(|bytes| check(&bytes, path).map(|()| bytes));
    whole(&path(&home.dir)).or_else(|error| whole(&spare_path(&home.dir)).map_err(|_| error))
}

/// The store that a home's key file belongs to, when a copy of it is whole.
pub(crate) fn store_id(home: &Home) -> Option<[u8; 16]> {
    [path(&home.dir), spare_path(&home.dir)].iter().find_map(|path| {
        let bytes = read_one(&home.files, path).ok()?;
        fields(&bytes, path).ok().map(|(id, _, _, _)| id)
    })
}

fn read_one(files: &Files, path: &Path) -> Result<Vec<u8>, Error> {
    if !files.exists(path)? {
        return Err(Error::Missing {
            path: path.to_path_buf(),
        });
    }
    let file = files.open(path, Access::Read)?;
    let mut bytes = Vec::new();
    file.cursor(0)
        .take(KEY_FILE_BYTES_MAX)
        .read_to_end(&mut bytes)
        .map_err(|e| Error::io("read", path, e))?;
    Ok(bytes)
}

/// The format of the key file, or of its spare when it is damaged. Nothing is written.
pub(crate) fn format(home: &Home) -> Result<u32, Error> {
    let whole = |path: &Path| read_one(&home.files, path).and_then(|bytes| check(&bytes, path));
    match whole(&path(&home.dir)) {
        Err(Error::KeyFileDamaged { .. }) => whole(&spare_path(&home.dir))?,
        Err(Error::Missing { path }) => whole(&spare_path(&home.dir)).map_err(|_| Error::Missing { path })?,
        other => other?,
    }
    // What is whole and not of this one is refused above.
    Ok(FORMAT)
}

/// Whether either copy is there.
pub(crate) fn exists(home: &Home) -> Result<bool, Error> {
    Ok(home.files.exists(&path(&home.dir))? || home.files.exists(&spare_path(&home.dir))?)
}
