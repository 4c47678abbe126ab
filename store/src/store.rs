//! Opening, creating and describing a store.

use std::fmt;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use zeroize::Zeroizing;

use crate::commit::Queue;
use crate::core::{Core, lock};
use crate::disk::Disk;
use crate::draft::Draft;
use crate::files::Home;
use crate::high_water::HighWater;
use crate::journal::{Found, ORIGIN};
use crate::key_file;
use crate::keys::{Keys, NONCE_BYTES};
use crate::lock::HomeLock;
use crate::opening::{Read, Unread};
use crate::rebuild::build;
use crate::repair::{self, Repaired, Terms};
use crate::salvage::Damage;
use crate::table::Table;
use crate::transaction::Transaction;
use crate::vault::Vault;
use crate::{Error, Params, Passphrase};

/// Where randomness comes from: fills the slice with unpredictable bytes. Keys and nonces are drawn from it.
pub type Entropy = Box<dyn FnMut(&mut [u8]) + Send>;

/// What opening found out, for [`Health`].
#[derive(Debug, Clone, Default)]
pub(crate) struct Opened {
    pub(crate) index_rebuilt: bool,
    pub(crate) replayed: u64,
    pub(crate) keys_renewed: bool,
    pub(crate) mark_renewed: bool,
    pub(crate) mark_lost: bool,
    pub(crate) torn_bytes: u64,
    pub(crate) lost_tail: bool,
    pub(crate) repaired: Vec<Damage>,
    /// The highest epoch that anything named; the next one is above it.
    pub(crate) newest_epoch: u32,
    pub(crate) erased: u64,
}

/// What is known before a store is opened.
#[derive(Default)]
pub(crate) struct Opening {
    pub(crate) keys_renewed: bool,
    pub(crate) accept_loss: bool,
    pub(crate) newest_epoch: u32,
}

/// How a store is doing: sizes and what opening had to mend.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Health {
    /// Sequence of the last transaction.
    pub sequence: u64,
    /// How often the home was restored or copied back.
    pub epoch: u32,
    /// Number of journal segments.
    pub segments: u64,
    /// Bytes of the journal.
    pub journal_bytes: u64,
    /// Bytes of the index on disk.
    pub index_bytes: u64,
    /// Rows of all tables.
    pub rows: u64,
    /// The index was missing, damaged or contradictory when the store was opened, and was rebuilt.
    pub index_rebuilt_at_open: bool,
    /// Journal records the index lacked when the store was opened, and that were applied then.
    pub replayed_at_open: u64,
    /// How often the index was rebuilt since.
    pub index_rebuilds: u64,
    /// sled cannot be used (disk full or read-only); the index is held in memory.
    pub index_in_memory: bool,
    /// One copy of the key file was damaged, missing or outdated, and was written anew.
    pub keys_renewed: bool,
    /// The high-water file was missing, or a slot of it was damaged, and it was written anew; a tail lost before this opening
    /// may have gone unnoticed by it.
    pub mark_renewed: bool,
    /// No slot of the high-water file was authentic at opening: where the home was made is not known, it may be a copy. A
    /// store that was just made has lost nothing.
    pub mark_lost: bool,
    /// Bytes of a last, never acknowledged record that were cut off at opening.
    pub torn_bytes: u64,
    /// Damage of the journal that opening met. Nothing was lost by it: the index held what was damaged, and the journal
    /// was written anew from it.
    pub journal_repairs: Vec<Damage>,
    /// A lost tail was accepted at opening.
    pub lost_tail: bool,
    /// Rows whose value can be erased.
    pub erasable_rows: u64,
    /// Keys whose rows are gone, and that are not destroyed yet.
    pub erasures_pending: u64,
    /// Rows that opening found without their key, as after a restore from a backup that is older than their erasure. They are
    /// deleted.
    pub erased_at_open: u64,
    /// One copy of something in the file of the keys that can be destroyed was damaged or outdated, and was written anew.
    pub erasure_keys_renewed: bool,
    /// The files lie elsewhere than where they were made: the home was copied. [`Store::begin_epoch`] settles it.
    pub is_copied: bool,
    /// Transactions committed since opening.
    pub commits: u64,
    /// Times the journal was synced since opening; with many committers fewer than commits.
    pub syncs: u64,
}

/// An open store: sealed, durable tables. Clones are handles of the same store, for any thread.
#[derive(Clone)]
pub struct Store {
    pub(crate) core: Arc<Core>,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store")
            .field("dir", &self.core.home.dir)
            .finish_non_exhaustive()
    }
}

impl Store {
    /// Makes a new store in a folder that does not exist or is empty. The folder gets mode 0700.
    ///
    /// # Errors
    /// [`Error::NotEmpty`], [`Error::Params`], or what the disk says.
    pub fn create(dir: &Path, passphrase: &Passphrase, params: Params, entropy: Entropy) -> Result<Self, Error> {
        Self::create_home(Home::new(dir), passphrase, params, entropy)
    }

    /// As [`Self::create`], on another disk. Without real files the index is held in memory, and built from the journal at each
    /// opening.
    ///
    /// # Errors
    /// As [`Self::create`].
    pub fn create_on(
        disk: Arc<dyn Disk>,
        dir: &Path,
        passphrase: &Passphrase,
        params: Params,
        entropy: Entropy,
    ) -> Result<Self, Error> {
        Self::create_home(Home::on(disk, dir), passphrase, params, entropy)
    }

    fn create_home(home: Home, passphrase: &Passphrase, params: Params, mut entropy: Entropy) -> Result<Self, Error> {
        home.files.make_empty_folder(&home.dir)?;
        let lock = HomeLock::take(&home)?;
        let mut root = Zeroizing::new([0; 32]);
        let mut store_id = [0; 16];
        let mut random = [0; 16 + NONCE_BYTES];
        entropy(root.as_mut());
        entropy(&mut store_id);
        entropy(&mut random);
        let keys = Keys::new(root, store_id);
        let key_file = key_file::encode(&keys, passphrase, params, &random)?;
        Draft::new(&home, &keys, &mut entropy, 1, ORIGIN)?.publish(0)?;
        let (mut high_water, _, _) = HighWater::open(&home, &keys)?;
        let mut nonce = [0; NONCE_BYTES];
        entropy(&mut nonce);
        high_water.raise(&keys, nonce, 0, &ORIGIN.hash);
        high_water.sync()?;
        // Last: a folder is a store once it has keys.
        key_file::write(&home, &key_file)?;
        home.files.sync_entry(&home.dir)?;
        Self::assemble(home, keys, entropy, lock, &Opening::default())
    }

    /// Opens a store: reads its whole journal, brings the index up to it, or rebuilds the index.
    ///
    /// # Errors
    /// [`Error::Missing`], [`Error::WrongPassphrase`], [`Error::Locked`], [`Error::NewerFormat`]; damage by name:
    /// [`Error::LostTail`], [`Error::Damaged`], [`Error::SegmentDamaged`], [`Error::Diverged`],
    /// [`Error::KeyFileDamaged`], [`Error::ErasureKeysDamaged`], [`Error::ErasureKeysOutdated`].
    pub fn open(dir: &Path, passphrase: &Passphrase, entropy: Entropy) -> Result<Self, Error> {
        Self::open_home(Home::new(dir), passphrase, entropy, false)
    }

    /// As [`Self::open`], on another disk. Without real files the index is held in memory, and built from the journal at each
    /// opening.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_on(disk: Arc<dyn Disk>, dir: &Path, passphrase: &Passphrase, entropy: Entropy) -> Result<Self, Error> {
        Self::open_home(Home::on(disk, dir), passphrase, entropy, false)
    }

    /// Opens a store although acknowledged transactions are missing at its end ([`Error::LostTail`]).
    ///
    /// What is left becomes the truth, and because what was done since is unknown, a new epoch begins.
    ///
    /// # Errors
    /// As [`Self::open`], without [`Error::LostTail`].
    pub fn accept_lost_tail(dir: &Path, passphrase: &Passphrase, entropy: Entropy) -> Result<Self, Error> {
        Self::accept_home(Home::new(dir), passphrase, entropy)
    }

    /// As [`Self::accept_lost_tail`], on another disk.
    ///
    /// # Errors
    /// As [`Self::accept_lost_tail`].
    pub fn accept_lost_tail_on(
        disk: Arc<dyn Disk>,
        dir: &Path,
        passphrase: &Passphrase,
        entropy: Entropy,
    ) -> Result<Self, Error> {
        Self::accept_home(Home::on(disk, dir), passphrase, entropy)
    }

    fn accept_home(home: Home, passphrase: &Passphrase, entropy: Entropy) -> Result<Self, Error> {
        let store = Self::open_home(home, passphrase, entropy, true)?;
        if store.core.opened.lost_tail {
            store.begin_epoch()?;
        }
        Ok(store)
    }

    pub(crate) fn open_home(
        home: Home,
        passphrase: &Passphrase,
        entropy: Entropy,
        accept_loss: bool,
    ) -> Result<Self, Error> {
        if !key_file::exists(&home)? {
            return Err(Error::Missing { path: home.dir });
        }
        let lock = HomeLock::take(&home)?;
        let (bytes, renewed) = key_file::read(&home)?;
        let (keys, _) = key_file::decode(&bytes, passphrase, &key_file::path(&home.dir))?;
        let how = Opening {
            keys_renewed: renewed,
            accept_loss,
            newest_epoch: 0,
        };
        Self::assemble(home, keys, entropy, lock, &how)
    }

    /// Reads what lies in a home whose keys are known, mends what can be mended, and puts it together.
    pub(crate) fn assemble(
        home: Home,
        keys: Keys,
        mut entropy: Entropy,
        lock: HomeLock,
        how: &Opening,
    ) -> Result<Self, Error> {
        let (high_water, mark, mark_renewed) = HighWater::open(&home, &keys)?;
        let mut repaired = Repaired::default();
        let mut newest_epoch = how.newest_epoch;
        let read = match Read::new(&home, &keys, &mut entropy, mark, false) {
            Ok(read) => read,
            Err(unread) => {
                let Unread { error, index } = *unread;
                newest_epoch = newest_epoch.max(index.as_ref().map_or(0, |i| i.state.epoch));
                let terms = Terms {
                    mark,
                    accept_loss: how.accept_loss,
                };
                let mended = match index {
                    Some(index) if repair::may_help(&error) => {
                        repair::from_index(&home, &keys, &mut entropy, index, &terms)?
                    }
                    _ => None,
                };
                repaired = match mended {
                    Some(repaired) => repaired,
                    None if how.accept_loss => repaired,
                    None => return Err(error),
                };
                let again = Read::new(&home, &keys, &mut entropy, mark, how.accept_loss);
                again.map_err(|unread| unread.error)?
            }
        };
        let Read {
            journal,
            found: Found { torn_bytes, lost },
            index,
            indexed,
        } = read;
        let end = journal.position();
        let index_rebuilt = index.is_none() || indexed == 0 && end.sequence > 0;
        let index = match index {
            Some(index) => index,
            None => build(&home, &keys, &mut entropy, &end, |visit| journal.replay(&keys, visit))?,
        };
        let lost_tail = lost || repaired.lost;
        let vault = Vault::open(&home, &keys)?;
        let erased = vault.reconcile(&index.erasable)?;
        let core = Core {
            home,
            keys,
            entropy: Mutex::new(entropy),
            queue: Queue::default(),
            journal: Mutex::new(journal),
            index: RwLock::new(index),
            vault,
            high_water: Mutex::new(high_water),
            maintenance: Mutex::new(()),
            opened: Opened {
                index_rebuilt,
                replayed: end.sequence.saturating_sub(indexed),
                keys_renewed: how.keys_renewed,
                mark_renewed,
                mark_lost: mark.is_none() && end.sequence > 0,
                torn_bytes,
                lost_tail,
                repaired: repaired.damage,
                newest_epoch,
                erased: erased.len() as u64,
            },
            rebuilds: AtomicU64::new(0),
            commits: AtomicU64::new(0),
            _lock: lock,
        };
        if !lost_tail {
            core.raise(&end);
        }
        let store = Self { core: Arc::new(core) };
        // After a loss that is only being accepted nothing is written before the new epoch; the next opening does it.
        if !lost_tail {
            store.finish_erasures(&erased)?;
        }
        Ok(store)
    }

    /// Whether there is a store in this folder, readable or not.
    pub fn exists(dir: &Path) -> bool {
        // A folder that cannot be looked into is one that cannot be opened either, which names the reason.
        key_file::exists(&Home::new(dir)).unwrap_or(false)
    }

    /// As [`Self::exists`], on another disk.
    ///
    /// # Errors
    /// What the disk says when it cannot tell.
    pub fn exists_on(disk: Arc<dyn Disk>, dir: &Path) -> Result<bool, Error> {
        key_file::exists(&Home::on(disk, dir))
    }

    /// A table; it exists as soon as it has rows.
    pub fn table(&self, name: &'static str) -> Table {
        Table {
            core: Arc::clone(&self.core),
            keys: self.core.keys.table(name),
        }
    }

    /// An empty transaction.
    pub fn transaction(&self) -> Transaction {
        Transaction::new(Arc::clone(&self.core))
    }

    /// How often this home was restored or copied back; what was outstanding in an earlier epoch is void.
    pub fn epoch(&self) -> u32 {
        lock(&self.core.journal).position().epoch
    }

    /// Sequence of the last transaction, 0 when there was none.
    pub fn sequence(&self) -> u64 {
        let index = &self.core.index;
        index.read().unwrap_or_else(PoisonError::into_inner).state.sequence
    }

    /// Durably begins the next epoch and returns it; also settles [`Health::is_copied`].
    ///
    /// # Errors
    /// What the disk says.
    pub fn begin_epoch(&self) -> Result<u32, Error> {
        self.core.next_epoch()
    }

    /// HMAC-SHA256 of `data` under a key of this store that exists for `label` only.
    pub fn keyed_hash(&self, label: &'static str, data: &[u8]) -> [u8; 32] {
        self.core.keys.purpose(label, data)
    }

    /// Sizes, position, and what had to be mended.
    pub fn health(&self) -> Health {
        let core = &*self.core;
        let journal = lock(&core.journal);
        let index = core.index.read().unwrap_or_else(PoisonError::into_inner);
        let position = journal.position();
        Health {
            sequence: position.sequence,
            epoch: position.epoch,
            segments: journal.segment_count(),
            journal_bytes: journal.bytes(),
            index_bytes: index.bytes(),
            rows: index.state.rows,
            index_rebuilt_at_open: core.opened.index_rebuilt,
            replayed_at_open: core.opened.replayed,
            index_rebuilds: core.rebuilds.load(Ordering::Acquire),
            index_in_memory: index.is_in_memory(),
            keys_renewed: core.opened.keys_renewed,
            mark_renewed: core.opened.mark_renewed,
            mark_lost: core.opened.mark_lost,
            torn_bytes: core.opened.torn_bytes,
            journal_repairs: core.opened.repaired.clone(),
            lost_tail: core.opened.lost_tail,
            erasable_rows: index.erasable.len() as u64,
            erasures_pending: core.vault.pending(),
            erased_at_open: core.opened.erased,
            erasure_keys_renewed: core.vault.is_renewed(),
            is_copied: lock(&core.high_water).is_copied(),
            commits: core.commits.load(Ordering::Acquire),
            syncs: journal.syncs(),
        }
    }

    /// Whether this is the passphrase of this store. It is found out as costly as opening is, and nothing is opened or written:
    /// whoever asks counts the attempts.
    ///
    /// # Errors
    /// [`Error::KeyFileDamaged`], [`Error::Missing`], or what the disk says.
    pub fn is_passphrase(&self, passphrase: &Passphrase) -> Result<bool, Error> {
        let core = &*self.core;
        let bytes = key_file::peek(&core.home)?;
        match key_file::decode(&bytes, passphrase, &key_file::path(&core.home.dir)) {
            Ok((keys, _)) => Ok(keys.store_id == core.keys.store_id),
            Err(Error::WrongPassphrase) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// How costly a guess at this store's passphrase is made.
    ///
    /// # Errors
    /// As [`Self::is_passphrase`].
    pub fn params(&self) -> Result<Params, Error> {
        let home = &self.core.home;
        key_file::params(&key_file::peek(home)?, &key_file::path(&home.dir))
    }

    /// Wraps the store key under a new passphrase. The data is not written anew; older backups keep theirs.
    ///
    /// # Errors
    /// [`Error::WrongPassphrase`] when `old` is not the present one; what the disk says.
    pub fn change_passphrase(&self, old: &Passphrase, new: &Passphrase, params: Params) -> Result<(), Error> {
        let core = &*self.core;
        let _alone = lock(&core.maintenance);
        let (bytes, _) = key_file::read(&core.home)?;
        key_file::decode(&bytes, old, &key_file::path(&core.home.dir))?;
        let mut random = [0; 16 + NONCE_BYTES];
        lock(&core.entropy)(&mut random);
        key_file::write(&core.home, &key_file::encode(&core.keys, new, params, &random)?)
    }
}
