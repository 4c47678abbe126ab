//! The file of the keys that can be destroyed, `erasure-keys`: a root, and pages of keys, everything twice.
//!
//! Layout: two root slots of [`ROOT_SLOT_BYTES`], then two slots of [`PAGE_SLOT_BYTES`] for each page.
//! Root (big-endian): magic 8, format 4, length of the sealed part 4, nonce 24, sealed (generation 8, number of pages 4; per
//! page its version 8 and its key 32). Page: nonce 24, sealed (keys it has had 4; per key its number in the page 4 or 0, and
//! the key 32). The root is sealed under the store's key, each version of a page under a key that only the root holds.
//!
//! To destroy a key its page is sealed anew, without it and under a new page key, and then the root. So what has to be
//! forgotten is always the root alone. Both copies are overwritten in place: first one of each page, then one of the root,
//! which makes it count, then the others; after that no byte of the file opens the destroyed key. A file that was torn on the
//! way opens as it was before or after.

use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::bytes::Reader;
use crate::disk::Access;
use crate::erasable::KeyId;
use crate::files::{File, Files};
use crate::keys::{Keys, NONCE_BYTES, Nonce, Sealer, TAG_BYTES};
use crate::{Error, FORMAT};

const MAGIC: &[u8; 8] = b"BEVISERA";
/// Room of one copy of the root: all pages there may be, in whole blocks of 4 KiB.
pub(crate) const ROOT_SLOT_BYTES: usize = 336 << 10;
/// Room of one copy of a page: what one rewriting costs, against the length of the root.
pub(crate) const PAGE_SLOT_BYTES: usize = 8 << 10;
/// Keys in a page: what fits.
pub(crate) const PAGE_KEYS: usize = (PAGE_SLOT_BYTES - NONCE_BYTES - TAG_BYTES - 4) / (4 + 32);
/// Most pages.
pub(crate) const PAGES_MAX: usize = 8192;

const ROOT_HEAD_BYTES: usize = 8 + 4 + 4;
/// What a copy of a page takes of its room.
pub(crate) const PAGE_BYTES: usize = NONCE_BYTES + 4 + PAGE_KEYS * (4 + 32) + TAG_BYTES;

const _: () = assert!(ROOT_HEAD_BYTES + NONCE_BYTES + 8 + 4 + PAGES_MAX * 40 + TAG_BYTES <= ROOT_SLOT_BYTES);
const _: () = assert!(PAGE_BYTES <= PAGE_SLOT_BYTES);

/// A key that is wiped when dropped.
pub(crate) type Secret = Zeroizing<[u8; 32]>;

/// Where the file lies.
pub(crate) fn path(dir: &Path) -> PathBuf {
    dir.join("erasure-keys")
}

/// Some keys that are written together.
#[derive(Clone)]
pub(crate) struct Page {
    pub(crate) version: u64,
    /// What this version is sealed under.
    pub(crate) secret: Secret,
    /// The highest number given to a key of this page.
    last: u32,
    /// Numbers of the keys; 0 where there is none.
    numbers: Vec<u32>,
    keys: Vec<Secret>,
}

impl Page {
    pub(crate) fn empty() -> Self {
        Self {
            version: 0,
            secret: Zeroizing::new([0; 32]),
            last: 0,
            numbers: vec![0; PAGE_KEYS],
            keys: vec![Zeroizing::new([0; 32]); PAGE_KEYS],
        }
    }

    /// What the root says of it, without its keys.
    pub(crate) fn named(&self) -> Self {
        Self {
            version: self.version,
            secret: self.secret.clone(),
            last: self.last,
            numbers: Vec::new(),
            keys: Vec::new(),
        }
    }

    /// The key of a number.
    pub(crate) fn key(&self, number: u32) -> Option<&Secret> {
        let at = self.numbers.iter().position(|n| *n == number && number != 0)?;
        self.keys.get(at)
    }

    /// Whether the number was ever given to a key.
    pub(crate) fn had(&self, number: u32) -> bool {
        number <= self.last
    }

    /// Numbers of the keys in it.
    pub(crate) fn numbers(&self) -> impl Iterator<Item = u32> {
        self.numbers.iter().copied().filter(|n| *n != 0)
    }

    /// How many keys it can take.
    pub(crate) fn free(&self) -> usize {
        let free = self.numbers.iter().filter(|n| **n == 0).count();
        free.min(usize::try_from(u32::MAX - self.last).unwrap_or(usize::MAX))
    }

    /// Drops keys.
    pub(crate) fn destroy(&mut self, is_destroyed: impl Fn(u32) -> bool) {
        for (number, key) in self.numbers.iter_mut().zip(&mut self.keys) {
            if *number != 0 && is_destroyed(*number) {
                *number = 0;
                *key = Zeroizing::new([0; 32]);
            }
        }
    }

    /// Makes a key wherever there is room, and gives their numbers.
    pub(crate) fn fill(&mut self, random: &mut dyn FnMut(&mut [u8])) -> Vec<u32> {
        let mut made = Vec::new();
        for (number, key) in self.numbers.iter_mut().zip(&mut self.keys) {
            if *number != 0 {
                continue;
            }
            let Some(next) = self.last.checked_add(1) else { break };
            random(key.as_mut());
            (*number, self.last) = (next, next);
            made.push(next);
        }
        made
    }

    /// The next version, under a new key of its own.
    pub(crate) fn renew(&mut self, random: &mut dyn FnMut(&mut [u8])) {
        self.version = self.version.saturating_add(1);
        self.secret = Zeroizing::new([0; 32]);
        random(self.secret.as_mut());
    }

    /// One copy: as many bytes as it takes.
    pub(crate) fn encode(&self, keys: &Keys, number: usize, nonce: &Nonce) -> Vec<u8> {
        let mut plain = Zeroizing::new(Vec::with_capacity(PAGE_BYTES));
        plain.extend_from_slice(&self.last.to_be_bytes());
        for (number, key) in self.numbers.iter().zip(&self.keys) {
            plain.extend_from_slice(&number.to_be_bytes());
            plain.extend_from_slice(key.as_ref());
        }
        let sealed = Sealer::new(&self.secret).seal(nonce, &page_context(keys, number, self.version), &plain);
        let mut bytes = nonce.to_vec();
        bytes.extend_from_slice(&sealed.expect("a page is far below what the cipher takes"));
        bytes
    }

    pub(crate) fn decode(keys: &Keys, number: usize, version: u64, secret: &Secret, bytes: &[u8]) -> Option<Self> {
        let mut r = Reader::new(bytes);
        let nonce = r.array()?;
        let sealed = r.take(PAGE_BYTES - NONCE_BYTES)?;
        let plain = Sealer::new(secret).open(&nonce, &page_context(keys, number, version), sealed)?;
        let mut r = Reader::new(&plain);
        let mut page = Self {
            version,
            secret: secret.clone(),
            last: r.u32()?,
            numbers: Vec::with_capacity(PAGE_KEYS),
            keys: Vec::with_capacity(PAGE_KEYS),
        };
        for _ in 0..PAGE_KEYS {
            page.numbers.push(r.u32()?);
            page.keys.push(Zeroizing::new(r.array()?));
        }
        Some(page)
    }
}

/// Everything the file holds.
#[derive(Clone, Default)]
pub(crate) struct Holding {
    /// Rises with each rewriting.
    pub(crate) generation: u64,
    pub(crate) pages: Vec<Page>,
}

impl Holding {
    /// The key of a name, unless it was destroyed or never made.
    pub(crate) fn key(&self, id: KeyId) -> Option<&Secret> {
        let (page, number) = place(id);
        self.pages.get(page)?.key(number)
    }

    /// Whether a key of this name was ever made.
    pub(crate) fn had(&self, id: KeyId) -> bool {
        let (page, number) = place(id);
        self.pages.get(page).is_some_and(|page| page.had(number))
    }

    /// One copy of the root.
    pub(crate) fn encode_root(&self, keys: &Keys, nonce: &Nonce) -> Vec<u8> {
        let mut plain = Zeroizing::new(Vec::with_capacity(
            self.pages.len().saturating_mul(40).saturating_add(12),
        ));
        plain.extend_from_slice(&self.generation.to_be_bytes());
        plain.extend_from_slice(&u32::try_from(self.pages.len()).unwrap_or(u32::MAX).to_be_bytes());
        for page in &self.pages {
            plain.extend_from_slice(&page.version.to_be_bytes());
            plain.extend_from_slice(page.secret.as_ref());
        }
        let length = plain.len().saturating_add(TAG_BYTES);
        let mut bytes = MAGIC.to_vec();
        bytes.extend_from_slice(&FORMAT.to_be_bytes());
        bytes.extend_from_slice(&u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes());
        let sealed = keys.erasure.seal(nonce, &root_context(keys, &bytes), &plain);
        bytes.extend_from_slice(nonce);
        bytes.extend_from_slice(&sealed.expect("a root is far below what the cipher takes"));
        bytes
    }

    /// The whole file, both copies of everything.
    pub(crate) fn encode(&self, keys: &Keys, random: &mut dyn FnMut(&mut [u8])) -> Vec<u8> {
        let mut nonce = || {
            let mut nonce = Nonce::default();
            random(&mut nonce);
            nonce
        };
        let root = self.encode_root(keys, &nonce());
        let mut file = Vec::new();
        let mut put = |bytes: &[u8], room: usize| {
            let end = file.len().saturating_add(room);
            file.extend_from_slice(bytes);
            file.resize(end, 0);
        };
        put(&root, ROOT_SLOT_BYTES);
        put(&root, ROOT_SLOT_BYTES);
        for (number, page) in self.pages.iter().enumerate() {
            let bytes = page.encode(keys, number, &nonce());
            put(&bytes, PAGE_SLOT_BYTES);
            put(&bytes, PAGE_SLOT_BYTES);
        }
        file
    }

    /// Reads a file; `None` when there is none.
    ///
    /// # Errors
    /// [`Error::ErasureKeysDamaged`] when neither copy of something is what was written, [`Error::NewerFormat`].
    pub(crate) fn read(files: &Files, path: &Path, keys: &Keys) -> Result<Option<Found>, Error> {
        if !files.exists(path)? {
            return Ok(None);
        }
        let file = files.open(path, Access::Read)?;
        let mut newer = None;
        let copies = [0, 1].map(|copy| read_slot(&file, root_offset(copy), ROOT_SLOT_BYTES));
        let mut roots = Vec::new();
        for (copy, bytes) in copies.iter().enumerate() {
            match open_root(keys, bytes) {
                Root::Whole(generation, named) => roots.push((generation, copy, named)),
                Root::Newer(format) => newer = Some(format),
                Root::Damaged => {}
            }
        }
        // The newer one counts. Should a page of it be damaged in both copies, it was torn, and the other is the state before.
        roots.sort_by_key(|(generation, _, _)| std::cmp::Reverse(*generation));
        for (generation, copy, named) in roots {
            let mut repairs = Vec::new();
            let Some(pages) = read_pages(keys, &file, &named, &mut repairs) else {
                continue;
            };
            if copies.first() != copies.last() {
                let other = 1u64.saturating_sub(copy as u64);
                repairs.push((root_offset(other), copies.get(copy).cloned().unwrap_or_default()));
            }
            let holding = Self { generation, pages };
            let root_offset = root_offset(copy as u64);
            return Ok(Some(Found {
                holding,
                root_offset,
                repairs,
            }));
        }
        let path = path.to_path_buf();
        Err(match newer {
            Some(found) => Error::NewerFormat {
                path,
                found,
                supported: FORMAT,
            },
            None => Error::ErasureKeysDamaged { path },
        })
    }
}

/// What was read.
pub(crate) struct Found {
    pub(crate) holding: Holding,
    /// Where the copy of the root lies that was read.
    pub(crate) root_offset: u64,
    /// What makes both copies of everything equal: offsets, and bytes to write there. None of it overwrites what was read.
    pub(crate) repairs: Vec<(u64, Vec<u8>)>,
}

/// Page and number of a key.
pub(crate) fn place(id: KeyId) -> (usize, u32) {
    let number = u32::try_from(id & u64::from(u32::MAX)).unwrap_or(0);
    (usize::try_from(id >> 32).unwrap_or(usize::MAX), number)
}

/// The name of a key.
pub(crate) fn name(page: usize, number: u32) -> KeyId {
    (page as u64) << 32 | u64::from(number)
}

/// Where a copy of the root lies.
pub(crate) fn root_offset(copy: u64) -> u64 {
    copy.saturating_mul(ROOT_SLOT_BYTES as u64)
}

/// Where a copy of a page lies.
pub(crate) fn page_offset(number: usize, copy: u64) -> u64 {
    let slots = (number as u64).saturating_mul(2).saturating_add(copy);
    (2 * ROOT_SLOT_BYTES as u64).saturating_add(slots.saturating_mul(PAGE_SLOT_BYTES as u64))
}

type Named = Vec<(u64, Secret)>;

enum Root {
    Whole(u64, Named),
    Newer(u32),
    Damaged,
}

fn open_root(keys: &Keys, bytes: &[u8]) -> Root {
    let open = || {
        let mut r = Reader::new(bytes);
        let head = r.take(ROOT_HEAD_BYTES)?;
        let mut fields = Reader::new(head);
        if fields.take(MAGIC.len())? != MAGIC {
            return None;
        }
        let (format, length) = (fields.u32()?, fields.u32()?);
        if format > FORMAT {
            return Some(Root::Newer(format));
        }
        let nonce = r.array()?;
        let sealed = r.take(usize::try_from(length).ok()?)?;
        let plain = keys.erasure.open(&nonce, &root_context(keys, head), sealed)?;
        let mut r = Reader::new(&plain);
        let (generation, count) = (r.u64()?, r.u32()?);
        let mut named = Vec::new();
        for _ in 0..count {
            named.push((r.u64()?, Zeroizing::new(r.array()?)));
        }
        r.is_empty().then_some(Root::Whole(generation, named))
    };
    open().unwrap_or(Root::Damaged)
}

/// The pages a root names; `None` when neither copy of one is whole. A copy that is not shall be what the other one is.
fn read_pages(keys: &Keys, file: &File, named: &Named, repairs: &mut Vec<(u64, Vec<u8>)>) -> Option<Vec<Page>> {
    let mut pages = Vec::with_capacity(named.len());
    for (number, (version, secret)) in named.iter().enumerate() {
        let bytes = [0, 1].map(|copy| read_slot(file, page_offset(number, copy), PAGE_BYTES));
        let [first, second] = &bytes;
        let opened = [first, second].map(|bytes| Page::decode(keys, number, *version, secret, bytes));
        let page = match opened {
            [Some(page), Some(_)] => page,
            [Some(page), None] => {
                repairs.push((page_offset(number, 1), first.clone()));
                page
            }
            [None, Some(page)] => {
                repairs.push((page_offset(number, 0), second.clone()));
                page
            }
            [None, None] => return None,
        };
        pages.push(page);
    }
    Some(pages)
}

/// What can be read there; a copy that cannot is as good as a damaged one.
pub(crate) fn read_slot(file: &File, offset: u64, room: usize) -> Vec<u8> {
    let mut bytes = vec![0; room];
    let mut filled = 0usize;
    let mut cursor = file.cursor(offset);
    while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match std::io::Read::read(&mut cursor, rest) {
            Ok(0) | Err(_) => break,
            Ok(count) => filled = filled.saturating_add(count),
        }
    }
    bytes
}

fn root_context(keys: &Keys, head: &[u8]) -> Vec<u8> {
    let mut context = b"bevis/store/2/erasure root/".to_vec();
    context.extend_from_slice(&keys.store_id);
    context.extend_from_slice(head);
    context
}

fn page_context(keys: &Keys, number: usize, version: u64) -> Vec<u8> {
    let mut context = b"bevis/store/2/erasure page/".to_vec();
    context.extend_from_slice(&keys.store_id);
    context.extend_from_slice(&(number as u64).to_be_bytes());
    context.extend_from_slice(&version.to_be_bytes());
    context
}
