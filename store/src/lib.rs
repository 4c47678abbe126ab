//! Sealed, durable tables: what a commit acknowledged stays, and what is read is what was written or a named error.
//!
//! A [`Store`] is a folder, opened by one process with a [`Passphrase`]. It holds [`Table`]s of rows; a row is a
//! value under a [`Key`] (a group and an id in it). Reads go to a table, changes are collected in a
//! [`Transaction`] and take effect together:
//!
//! ```
//! # use store::{Error, Key, Params, Passphrase, Store};
//! # fn main() -> Result<(), Error> {
//! # let home = std::env::temp_dir().join(format!("bevis-store-doc-{}", std::process::id()));
//! # let entropy = || Box::new(|bytes: &mut [u8]| getrandom::fill(bytes).expect("randomness"));
//! # let passphrase = Passphrase::new("for this page only");
//! let store = Store::create(&home, &passphrase, Params::quick(), entropy())?;
//! let (cases, nonces) = (store.table("cases"), store.table("nonces"));
//! let mut transaction = store.transaction();
//! transaction
//!     .require_absent(&nonces, "n-1") // fails with Error::Exists if it is there
//!     .put(&nonces, "n-1", b"")
//!     .put(&cases, Key::in_group(b"customer 7", b"case 1"), b"asked");
//! transaction.commit()?; // durable, and visible to every reader
//! assert_eq!(cases.group(b"customer 7")?.len(), 1);
//! # drop((cases, nonces, store));
//! # std::fs::remove_dir_all(home).ok();
//! # Ok(())
//! # }
//! ```
//!
//! # What lies in the folder
//!
//! | file | holds |
//! |---|---|
//! | `keys`, `keys-spare` | the random store key, wrapped under a key made from the passphrase (Argon2id) |
//! | `erasure-keys` | a key for each value that can be erased, everything twice; from the first such value on |
//! | `journal-N/*.segment` | **the truth**: every transaction, one sealed record each, in segments of 64 MiB |
//! | `index/` | sled: every live row, sealed, under keyed hashes; rebuilt from the journal whenever in doubt |
//! | `high-water` | the last acknowledged sequence, so that a journal that lost its end is noticed |
//! | `lock` | locked while the store is open |
//!
//! No file shows a table's name, a key or a value; what shows is how many rows and records there are, and how long.
//!
//! # How a commit becomes durable
//!
//! Transactions that wait at the same time form a group. One thread checks, seals and appends all of them, syncs
//! once (fdatasync), applies them to sled in one batch, and wakes the others. A record names the hash of the one
//! before; the seal (XChaCha20-Poly1305) covers the store's id and the whole header. sled's own `flush` is not
//! relied on: it promises nothing at power loss.
//!
//! # What erasing is
//!
//! [`Transaction::put_erasable`] seals a value once more, under a random key of its own. Deleting the row, or setting it again,
//! destroys that key before the commit returns: the deletion is durable first, then the key leaves the file, and only then is
//! anybody told. A process that ends in between leaves the row deleted and a key without a row, which the next opening destroys.
//! A row without its key, as in an older backup, is *erased*: it is not read, and opening deletes it. Keys that cannot be read
//! are *damaged*, and named. The old bytes of the value stay in the journal and in sled, sealed under a key that is nowhere,
//! until a compaction drops them.
//!
//! The keys lie in pages, each sealed under a key that only the root of the file holds. Destroying one seals its page anew
//! under a new key, and the root with it, both copies of both, in place. What the file system or the disk keeps of overwritten
//! blocks (copy on write, snapshots, wear levelling) is out of reach from here: with the passphrase, an old root *and* the old
//! page that it names, both found there, a key is found again. So are copies of the home or of `erasure-keys` that somebody
//! made.
//!
//! # What opening checks
//!
//! The whole journal is read and its chain of hashes followed; the last record and those that sled lacks are
//! opened. sled must hold exactly the rows that a keyed sum, sealed in it, says. Then:
//!
//! - sled is missing, panics, errors or contradicts the journal: it is rebuilt from the journal;
//! - one copy of the key file, or the high-water file, is damaged: it is written anew;
//! - the last record is torn and was never acknowledged: it is cut off;
//! - a record or segment is damaged or missing, and sled provably holds all that was in it: the journal is written anew
//!   from sled and what follows the damage, in the same epoch;
//! - a record or segment is damaged and sled does not hold it: [`Error::Damaged`] or [`Error::SegmentDamaged`];
//!   [`Store::repair_from_backup`] puts a backup in the store's place, in a new epoch, and sets the damaged files aside;
//! - one copy of something in `erasure-keys` is damaged: it is written anew; both: [`Error::ErasureKeysDamaged`]; the file is
//!   older than a row: [`Error::ErasureKeysOutdated`];
//! - the journal ends before what was acknowledged: [`Error::LostTail`]; a backup as above, or
//!   [`Store::accept_lost_tail`], which goes on from what is left in a new epoch.
//!
//! [`Health`] tells what was mended, with the place of each damage. A repair that is killed half-way is done by the next
//! opening. A row that does not authenticate when it is read makes the index be rebuilt, and is then read again; while
//! that fails every read is an error, never an empty answer. A backup or a compaction that meets damage leaves everything
//! in place and names it: opening the store again repairs it.
//!
//! What opening cannot tell: the high-water file is not synced with each commit, so after a power loss damage that
//! takes exactly the last records may look like records that were never acknowledged.
//!
//! # Where to read on
//!
//! [`disk`] (the seam below: another disk, the operating system's being the usual one), `files` (paths, errors, names
//! that last), `record` and `segment` (formats), `walk` (reading without believing), `journal` (appending), `index`,
//! `row`, `sled_tree` and `rebuild` (rows), `commit` (groups), `proof` (passphrases that open nothing), `store` and `opening`,
//! `erasable`, `erasure_file`, `vault` and `erasing` (what can be erased), `salvage` and `repair` (damage), `backup`, `backup_keys`, `restore`, `draft`, `compact` and `formats`.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing))]

mod backup;
mod backup_keys;
mod bytes;
mod commit;
mod compact;
mod core;
pub mod disk;
mod draft;
mod erasable;
mod erasing;
mod erasure_file;
mod error;
mod files;
mod formats;
mod high_water;
mod index;
mod journal;
mod key_file;
mod keys;
mod lock;
mod opening;
mod passphrase;
mod proof;
mod rebuild;
mod record;
mod repair;
mod restore;
mod row;
mod salvage;
mod segment;
mod sled_tree;
mod store;
mod table;
mod transaction;
mod vault;
mod walk;

pub use backup::{BackupContents, BackupInfo};
pub use error::Error;
pub use formats::Formats;
pub use passphrase::{Params, Passphrase};
pub use proof::PassphraseProof;
pub use salvage::Damage;
pub use store::{Entropy, Health, Store};
pub use table::{Each, GroupRows, Key, Table};
pub use transaction::Transaction;

/// Version of everything the store writes. A file of a newer one is refused with [`Error::NewerFormat`].
pub const FORMAT: u32 = 2;
/// Longest table name, in bytes: names are the program's own words.
pub const TABLE_NAME_BYTES_MAX: usize = 64;
/// Longest group, in bytes: an identifier or a digest, with room for a URL.
pub const GROUP_BYTES_MAX: usize = 1024;
/// Longest id, in bytes: as [`GROUP_BYTES_MAX`].
pub const ID_BYTES_MAX: usize = 1024;
/// Longest value, in bytes: a status list of the network's 16 MiB blob limit, with its envelope.
pub const VALUE_BYTES_MAX: usize = 17 << 20;
/// Largest transaction, in bytes: it is sealed whole in memory, and a segment must hold it.
pub const TRANSACTION_BYTES_MAX: usize = 32 << 20;
/// Size at which a new journal segment begins, in bytes: few files, and each quick to copy or check.
pub const SEGMENT_BYTES: u64 = 64 << 20;

/// Most rows that can be erased, at one time: each has a key of its own, and their file is read whole into memory (36 bytes a
/// key, 130 MiB on disk when full). A bank keeps far fewer answers.
pub const ERASABLE_ROWS_MAX: usize = erasure_file::PAGES_MAX * erasure_file::PAGE_KEYS;

#[cfg(test)]
mod tests;
