//! The keys that can be destroyed, while the store is open: made ahead, handed out, destroyed.
//!
//! Keys are made a page at a time before anything is sealed under them, so that a row that can be erased costs no sync more
//! than another. A key that no row is sealed under when the store is opened is destroyed then: it was made ahead, or its row
//! was deleted and the process ended before the key was gone.
//!
//! Only whoever holds the journal's lock changes the keys.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::Error;
use crate::disk::Access;
use crate::erasable::KeyId;
use crate::erasure_file::{self, Holding, PAGES_MAX, Page, Secret, name, page_offset, path, place, root_offset};
use crate::files::{File, Files, Home};
use crate::keys::{Keys, Nonce};

/// A page with room for fewer keys is not filled up: that would cost its three syncs for too little.
const FILL_MIN: usize = 64;

/// Fills with unpredictable bytes.
type Random<'a> = dyn FnMut(&mut [u8]) + 'a;

struct State {
    holding: Holding,
    is_there: bool,
    /// Keys that nothing was sealed under yet.
    ready: Vec<KeyId>,
    /// Keys whose rows are gone, and that are to be destroyed.
    doomed: BTreeSet<KeyId>,
    /// Whether both copies in the file are what is held here.
    is_settled: bool,
    /// Pages whose two copies this process has made durable.
    sure: BTreeSet<usize>,
    /// The same of the root.
    is_root_sure: bool,
    is_renewed: bool,
}

/// The keys of an open store.
pub(crate) struct Vault {
    files: Files,
    path: PathBuf,
    state: RwLock<State>,
}

impl Vault {
    /// Reads the keys of a home, if it has any, and mends a damaged copy.
    ///
    /// # Errors
    /// [`Error::ErasureKeysDamaged`], [`Error::NewerFormat`], or what the disk says.
    pub(crate) fn open(home: &Home, keys: &Keys) -> Result<Self, Error> {
        let path = path(&home.dir);
        let found = Holding::read(&home.files, &path, keys)?;
        let is_there = found.is_some();
        let is_renewed = found.as_ref().is_some_and(|found| !found.repairs.is_empty());
        let this = Self {
            files: home.files.clone(),
            path,
            state: RwLock::new(State {
                holding: found.map(|found| found.holding).unwrap_or_default(),
                is_there,
                ready: Vec::new(),
                doomed: BTreeSet::new(),
                is_settled: !is_renewed,
                sure: BTreeSet::new(),
                is_root_sure: false,
                is_renewed,
            }),
        };
        if is_renewed {
            match this.settle(keys) {
                // Mended before the next change.
                Ok(()) | Err(Error::ReadOnly { .. } | Error::Full { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(this)
    }

    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Compares the keys with the rows that are there: the keys without a row are to be destroyed, and the rows whose key
    /// was destroyed are named.
    ///
    /// # Errors
    /// [`Error::ErasureKeysDamaged`] without a file, and [`Error::ErasureKeysOutdated`] when a row has a key that was never
    /// made, as far as the file knows.
    pub(crate) fn reconcile(&self, rows: &BTreeSet<KeyId>) -> Result<BTreeSet<KeyId>, Error> {
        let mut state = self.write();
        if !state.is_there && !rows.is_empty() {
            return Err(Error::ErasureKeysDamaged {
                path: self.path.clone(),
            });
        }
        let mut erased = BTreeSet::new();
        for id in rows {
            if state.holding.key(*id).is_some() {
                continue;
            }
            if !state.holding.had(*id) {
                return Err(Error::ErasureKeysOutdated {
                    path: self.path.clone(),
                });
            }
            erased.insert(*id);
        }
        let held = state.holding.pages.iter().enumerate();
        let held = held.flat_map(|(page, keys)| keys.numbers().map(move |number| name(page, number)));
        let doomed = held.filter(|id| !rows.contains(id)).collect();
        state.doomed = doomed;
        Ok(erased)
    }

    /// Gives a key to whatever must be opened under it; `None` when it was destroyed.
    pub(crate) fn with_key<T>(&self, id: KeyId, open: impl FnOnce(&Secret) -> T) -> Option<T> {
        self.read().holding.key(id).map(open)
    }

    /// A durable key that nothing was ever sealed under.
    ///
    /// # Errors
    /// [`Error::TooLarge`] when there are as many as there can be, or what the disk says.
    pub(crate) fn take(&self, keys: &Keys, random: &mut Random<'_>) -> Result<(KeyId, Secret), Error> {
        if self.read().ready.is_empty() {
            self.make(keys, random)?;
        }
        let mut state = self.write();
        let taken = state.ready.pop();
        let taken = taken.and_then(|id| state.holding.key(id).map(|key| (id, key.clone())));
        taken.ok_or(Error::IndexFailed)
    }

    /// Takes back a key that was not used.
    pub(crate) fn give_back(&self, id: KeyId) {
        self.write().ready.push(id);
    }

    /// Fills a page that has room, or a new one.
    fn make(&self, keys: &Keys, random: &mut Random<'_>) -> Result<(), Error> {
        self.settle(keys)?;
        let (number, mut page) = {
            let state = self.read();
            let pages = &state.holding.pages;
            let roomy = pages.iter().enumerate().max_by_key(|(_, page)| page.free());
            match roomy.filter(|(_, page)| page.free() >= FILL_MIN) {
                Some((number, page)) => (number, page.clone()),
                None if pages.len() < PAGES_MAX => (pages.len(), Page::empty()),
                None => {
                    return Err(Error::TooLarge {
                        what: "the number of rows that can be erased",
                        limit: crate::ERASABLE_ROWS_MAX,
                    });
                }
            }
        };
        let made = page.fill(random);
        self.change(keys, random, BTreeMap::from([(number, page)]))?;
        let made = made.into_iter().rev().map(|key| name(number, key));
        self.write().ready.extend(made);
        Ok(())
    }

    /// Notes keys whose rows are durably gone.
    pub(crate) fn doom(&self, ids: impl IntoIterator<Item = KeyId>) {
        self.write().doomed.extend(ids);
    }

    /// Destroys the keys whose rows are gone. When this returns they are in no byte of the file.
    ///
    /// # Errors
    /// What the disk says; they are then destroyed by the next call, or the next opening.
    pub(crate) fn destroy(&self, keys: &Keys, random: &mut Random<'_>) -> Result<(), Error> {
        if self.read().doomed.is_empty() {
            return Ok(());
        }
        self.settle(keys)?;
        let changed = {
            let state = self.read();
            let mut changed = BTreeMap::new();
            for id in &state.doomed {
                let (number, _) = place(*id);
                if state.holding.key(*id).is_some()
                    && let Some(page) = state.holding.pages.get(number)
                {
                    changed.entry(number).or_insert_with(|| page.clone());
                }
            }
            for (number, page) in &mut changed {
                page.destroy(|key| state.doomed.contains(&name(*number, key)));
            }
            changed
        };
        if !changed.is_empty() {
            self.change(keys, random, changed)?;
        }
        self.write().doomed.clear();
        Ok(())
    }

    /// The error of a commit whose keys could not be destroyed.
    pub(crate) fn unfinished(&self) -> Error {
        Error::ErasurePending {
            path: self.path.clone(),
        }
    }

    /// Whether the last rewriting failed: it is tried again with each commit.
    pub(crate) fn has_failed(&self) -> bool {
        !self.read().is_settled
    }

    /// How many keys are still to be destroyed.
    pub(crate) fn pending(&self) -> u64 {
        self.read().doomed.len() as u64
    }

    /// A copy of something was damaged when it was read.
    pub(crate) fn is_renewed(&self) -> bool {
        self.read().is_renewed
    }

    /// How often the file was rewritten, 0 when there is none.
    pub(crate) fn generation(&self) -> u64 {
        self.read().holding.generation
    }

    /// The file as it would be written now.
    pub(crate) fn encode(&self, keys: &Keys, random: &mut Random<'_>) -> Vec<u8> {
        self.read().holding.encode(keys, random)
    }

    /// Writes pages that changed, each under a new key, and the root that names them.
    fn change(&self, keys: &Keys, random: &mut Random<'_>, mut changed: BTreeMap<usize, Page>) -> Result<(), Error> {
        let mut nonce = Nonce::default();
        let mut written = Vec::with_capacity(changed.len());
        for (number, page) in &mut changed {
            page.renew(random);
            random(&mut nonce);
            written.push((*number, page.encode(keys, *number, &nonce)));
        }
        let root = {
            let state = self.read();
            let mut next = Holding {
                generation: state.holding.generation.saturating_add(1),
                pages: state.holding.pages.iter().map(Page::named).collect(),
            };
            for (number, page) in &changed {
                match next.pages.get_mut(*number) {
                    Some(old) => *old = page.named(),
                    None => next.pages.push(page.named()),
                }
            }
            random(&mut nonce);
            next.encode_root(keys, &nonce)
        };
        // Until all is there it is not known which of the two states the file shows.
        self.write().is_settled = false;
        let file = self.files.open(&self.path, Access::Write)?;
        self.make_sure(&file, changed.keys())?;
        for (number, bytes) in &written {
            file.write_at(bytes, page_offset(*number, 0))?;
        }
        file.sync_data()?;
        file.write_at(&root, root_offset(0))?;
        file.sync_data()?;
        file.write_at(&root, root_offset(1))?;
        for (number, bytes) in &written {
            file.write_at(bytes, page_offset(*number, 1))?;
        }
        file.sync_data()?;
        let mut state = self.write();
        state.sure.extend(changed.keys());
        for (number, page) in changed {
            match state.holding.pages.get_mut(number) {
                Some(old) => *old = page,
                None => state.holding.pages.push(page),
            }
        }
        state.holding.generation = state.holding.generation.saturating_add(1);
        state.is_settled = true;
        Ok(())
    }

    /// Makes both copies of these pages and of the root durable where this process has not: who wrote them may have been killed
    /// before the sync, or the sync may have failed, and what is read is then not what a power cut leaves. A change relies on the
    /// copy that it does not touch. The bytes stay what they are, so that this can tear nothing.
    fn make_sure<'a>(&self, file: &File, pages: impl Iterator<Item = &'a usize>) -> Result<(), Error> {
        let unsure: Vec<usize> = {
            let state = self.read();
            let is_there = |number: &usize| *number < state.holding.pages.len();
            pages
                .copied()
                .filter(|number| is_there(number) && !state.sure.contains(number))
                .collect()
        };
        let is_root_sure = self.read().is_root_sure;
        if is_root_sure && unsure.is_empty() {
            return Ok(());
        }
        for copy in [0, 1] {
            if !is_root_sure {
                rewrite(file, root_offset(copy), erasure_file::ROOT_SLOT_BYTES)?;
            }
            for number in &unsure {
                rewrite(file, page_offset(*number, copy), erasure_file::PAGE_BYTES)?;
            }
        }
        file.sync_data()?;
        let mut state = self.write();
        state.is_root_sure = true;
        state.sure.extend(unsure);
        Ok(())
    }

    /// Makes the file, or after a failure reads what it came to and makes its copies equal.
    fn settle(&self, keys: &Keys) -> Result<(), Error> {
        let (is_there, is_settled) = {
            let state = self.read();
            (state.is_there, state.is_settled)
        };
        if !is_there {
            let empty = Holding::default();
            let mut root = Vec::new();
            for _ in 0..2 {
                // Always the same text, so that this nonce never seals two.
                root.extend_from_slice(&empty.encode_root(keys, &Nonce::default()));
                root.resize(root.len().next_multiple_of(erasure_file::ROOT_SLOT_BYTES), 0);
            }
            self.files.replace_file(&self.path, &root)?;
            self.write().is_there = true;
        }
        if is_settled {
            return Ok(());
        }
        let found = Holding::read(&self.files, &self.path, keys)?;
        let found = found.ok_or_else(|| Error::ErasureKeysDamaged {
            path: self.path.clone(),
        })?;
        let file = self.files.open(&self.path, Access::Write)?;
        // The root that counts may have been written and not made durable; what is overwritten next is what a power cut would leave.
        rewrite(&file, found.root_offset, erasure_file::ROOT_SLOT_BYTES)?;
        file.sync_data()?;
        for (offset, bytes) in &found.repairs {
            file.write_at(bytes, *offset)?;
        }
        file.sync_data()?;
        let mut state = self.write();
        (state.sure, state.is_root_sure) = (BTreeSet::new(), false);
        state.holding = found.holding;
        let State { holding, ready, .. } = &mut *state;
        ready.retain(|id| holding.key(*id).is_some());
        state.is_settled = true;
        Ok(())
    }
}

/// Writes again what is read at a place, so that the next sync makes it durable whatever became of earlier ones.
fn rewrite(file: &File, offset: u64, room: usize) -> Result<(), Error> {
    file.write_at(&erasure_file::read_slot(file, offset, room), offset)
}
