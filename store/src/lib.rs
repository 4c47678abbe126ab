//! Sealed, durable tables: an append-only journal that is the truth, and sled as the index over it.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing))]

mod backup;
mod bytes;
mod commit;
mod compact;
mod core;
mod disk;
mod error;
mod high_water;
mod index;
mod journal;
mod key_file;
mod keys;
mod lock;
mod passphrase;
mod record;
mod segment;
mod sled_tree;
mod store;
mod table;
mod transaction;
mod walk;

pub use backup::BackupInfo;
pub use error::Error;
pub use passphrase::{Params, Passphrase};
pub use store::{Entropy, Health, Store};
pub use table::{Key, Table};
pub use transaction::Transaction;

/// Version of everything the store writes. A file of a newer one is refused with [`Error::NewerFormat`].
pub const FORMAT: u32 = 1;
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

#[cfg(test)]
mod tests;
