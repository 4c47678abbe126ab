//! Why the store could not do what it was asked, sorted by whose fault it is.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Why a store could not be opened, read or written.
///
/// No variant carries a key, a value, a table's content or a passphrase.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    // --- the caller ---
    /// The passphrase does not open the key file.
    #[error("wrong passphrase")]
    WrongPassphrase,
    /// There is no store in this folder.
    #[error("no store in {}", path.display())]
    Missing {
        /// The folder that was looked at.
        path: PathBuf,
    },
    /// A store is created or restored only into an empty folder.
    #[error("{} is not empty", path.display())]
    NotEmpty {
        /// The folder that holds something already.
        path: PathBuf,
    },
    /// Another process, or another handle of this one, has the store open.
    #[error("{} is in use by another process", path.display())]
    Locked {
        /// The folder of the store.
        path: PathBuf,
    },
    /// A key that [`crate::Transaction::require_absent`] named is present; nothing of the transaction was written.
    #[error("a key that must be new is present")]
    Exists,
    /// Something is larger than the store takes; nothing of the transaction was written.
    #[error("{what} is larger than {limit}")]
    TooLarge {
        /// What is too large.
        what: &'static str,
        /// The largest size taken, in bytes or items.
        limit: usize,
    },
    /// A transaction was given a table of another store.
    #[error("the table belongs to another store")]
    ForeignTable,
    /// The passphrase parameters are outside what the store takes.
    #[error("passphrase parameters are out of bounds")]
    Params,

    // --- the environment ---
    /// The disk has no room. The store stays readable, and later commits work once there is room.
    #[error("no space left for {}", path.display())]
    Full {
        /// The file being written.
        path: PathBuf,
    },
    /// The disk can only be read. The store stays readable.
    #[error("{} can only be read", path.display())]
    ReadOnly {
        /// The file being written.
        path: PathBuf,
    },
    /// The operating system refused something else.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was being done.
        action: &'static str,
        /// The file or folder it was done to.
        path: PathBuf,
        /// What the operating system said.
        source: Arc<io::Error>,
    },

    /// The transaction was written and its rows are deleted, but the key of one is not destroyed yet. The next commit or the
    /// next opening does it.
    #[error("deleted, but the key in {} is not destroyed yet", path.display())]
    ErasurePending {
        /// The file with the key.
        path: PathBuf,
    },

    // --- damage ---
    /// The journal ends before a transaction that was acknowledged.
    /// [`crate::Store::accept_lost_tail`] opens what is left.
    #[error("the journal ends at sequence {found}, but {known} was acknowledged: {} transactions are missing", known.saturating_sub(*found))]
    LostTail {
        /// Highest sequence known to have been acknowledged.
        known: u64,
        /// Highest sequence the journal still holds.
        found: u64,
    },
    /// A record of the journal is not what was written.
    #[error("the record {sequence} at offset {offset} of journal segment {segment} is damaged")]
    Damaged {
        /// Number of the segment.
        segment: u64,
        /// Byte offset of the record in the segment.
        offset: u64,
        /// Sequence of the record that should be there.
        sequence: u64,
    },
    /// The header of a segment is not what was written, or the segment does not follow the one before.
    #[error("journal segment {segment} is damaged or missing")]
    SegmentDamaged {
        /// Number of the segment.
        segment: u64,
    },
    /// The journal holds another history than the one that was acknowledged.
    #[error("the journal holds another record {sequence} than the one acknowledged")]
    Diverged {
        /// Sequence at which the histories differ.
        sequence: u64,
    },
    /// The key file and its spare are both damaged.
    #[error("key file {} is damaged", path.display())]
    KeyFileDamaged {
        /// The key file.
        path: PathBuf,
    },
    /// The file was written by a newer version of the program.
    #[error("{} has format {found}, newer than {supported}", path.display())]
    NewerFormat {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: u32,
        /// The newest format this program reads.
        supported: u32,
    },
    /// Both copies of something in the file of the keys that can be destroyed are damaged, or the file is missing.
    #[error("the erasure keys in {} are damaged or missing", path.display())]
    ErasureKeysDamaged {
        /// The file.
        path: PathBuf,
    },
    /// The keys that can be destroyed are older than a row or a backup that needs them.
    #[error("the erasure keys in {} are older than what they should open", path.display())]
    ErasureKeysOutdated {
        /// The file.
        path: PathBuf,
    },
    /// The index is damaged and rebuilding it from the journal did not help.
    #[error("the index cannot be read and could not be rebuilt")]
    IndexFailed,
    /// The file is not a whole, authentic backup.
    #[error("backup {} is damaged: {reason}", path.display())]
    BackupDamaged {
        /// The backup file.
        path: PathBuf,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The backup is whole, but of another store than the one it should repair.
    #[error("backup {} is of another store", path.display())]
    ForeignBackup {
        /// The backup file.
        path: PathBuf,
    },

    // --- us ---
    /// The thread that wrote for a group of transactions ended without an answer.
    #[error("the writer ended without an answer; the outcome is unknown")]
    WriterLost,
}

impl Error {
    /// Names the path, and tells a full or read-only disk from everything else.
    pub(crate) fn io(action: &'static str, path: &Path, source: io::Error) -> Self {
        let path = path.to_path_buf();
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
                Self::Full { path }
            }
            io::ErrorKind::ReadOnlyFilesystem => Self::ReadOnly { path },
            _ => Self::Io {
                action,
                path,
                source: Arc::new(source),
            },
        }
    }
}
