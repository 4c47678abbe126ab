//! The high-water file: the highest acknowledged sequence, kept beside the journal.
//!
//! Two sealed slots are written in turn after each commit. They are not synced with it: after power loss the
//! mark may be low, never high, and a low mark only notices less. A journal that ends below the mark lost its tail.

use crate::Error;
use crate::bytes::Reader;
use crate::disk::{Access, Identity};
use crate::files::{File, Home};
use crate::keys::{Keys, NONCE_BYTES, Nonce, TAG_BYTES};
use crate::record::Hash;

const PLAIN_BYTES: usize = 8 + 32 + 8 + 8;
const SLOT_BYTES: usize = NONCE_BYTES + PLAIN_BYTES + TAG_BYTES;
const CONTEXT: &[u8] = b"bevis/store/1/high-water";

/// What the file knew when it was opened.
#[derive(Clone, Copy)]
pub(crate) struct Mark {
    pub(crate) sequence: u64,
    pub(crate) hash: Hash,
    /// Of the file it was written to: a home copied elsewhere has another one.
    identity: Identity,
}

/// The open file.
pub(crate) struct HighWater {
    file: Option<File>,
    here: Identity,
    /// What is sealed in the file; it stays that of the original home until a new epoch begins.
    sealed: Identity,
    next_slot: u64,
    /// The highest sequence in it.
    highest: u64,
}

impl HighWater {
    /// Opens or makes the file. The flag says that there was none, or one of its slots is not authentic.
    pub(crate) fn open(home: &Home, keys: &Keys) -> Result<(Self, Option<Mark>, bool), Error> {
        let nowhere = Identity { device: 0, inode: 0 };
        let mut this = Self {
            file: None,
            here: nowhere,
            sealed: nowhere,
            next_slot: 0,
            highest: 0,
        };
        let path = home.dir.join("high-water");
        let file = match home.files.open(&path, Access::Create) {
            Ok(file) => file,
            // The mark is a help, not the truth: a disk that cannot be written is still read.
            Err(Error::ReadOnly { .. } | Error::Full { .. }) => match home.files.open(&path, Access::Read) {
                Ok(file) => file,
                Err(_) => return Ok((this, None, true)),
            },
            Err(error) => return Err(error),
        };
        this.here = file.identity()?;
        this.sealed = this.here;
        let length = file.length()?;
        let mut damaged = false;
        let mut best: Option<(Mark, u64)> = None;
        for slot in 0..2u64 {
            let mut bytes = [0; SLOT_BYTES];
            let at = slot.saturating_mul(SLOT_BYTES as u64);
            if length <= at && slot > 0 {
                // A store that was just made has written only one.
                continue;
            }
            let read = file.read_exact_at(&mut bytes, at).ok();
            let Some(mark) = read.and_then(|()| open_slot(keys, &bytes)) else {
                damaged = true;
                continue;
            };
            if best.is_none_or(|(known, _)| known.sequence < mark.sequence) {
                best = Some((mark, slot));
            }
        }
        if let Some((mark, slot)) = best {
            this.sealed = mark.identity;
            this.next_slot = 1u64.saturating_sub(slot);
            this.highest = mark.sequence;
        }
        this.file = Some(file);
        Ok((this, best.map(|(mark, _)| mark), damaged))
    }

    /// Whether the file was made on another device or as another file.
    pub(crate) fn is_copied(&self) -> bool {
        self.here != self.sealed
    }

    /// Takes the copied home for the home from the next [`Self::raise`] on.
    pub(crate) fn adopt(&mut self) {
        self.sealed = self.here;
    }

    /// Remembers that `sequence` was acknowledged. A failure is not reported: the journal holds the truth.
    pub(crate) fn raise(&mut self, keys: &Keys, nonce: Nonce, sequence: u64, hash: &Hash) {
        let Some(file) = &self.file else { return };
        let mut plain = Vec::with_capacity(PLAIN_BYTES);
        plain.extend_from_slice(&sequence.to_be_bytes());
        plain.extend_from_slice(hash);
        plain.extend_from_slice(&self.sealed.device.to_be_bytes());
        plain.extend_from_slice(&self.sealed.inode.to_be_bytes());
        let Some(sealed) = keys.high_water.seal(&nonce, CONTEXT, &plain) else {
            return;
        };
        let mut slot = nonce.to_vec();
        slot.extend_from_slice(&sealed);
        let at = self.next_slot.saturating_mul(SLOT_BYTES as u64);
        if file.write_at(&slot, at).is_ok() {
            self.next_slot = 1u64.saturating_sub(self.next_slot);
            self.highest = self.highest.max(sequence);
        }
    }

    /// Whether it names a later record than this.
    pub(crate) fn is_above(&self, sequence: u64) -> bool {
        self.highest > sequence
    }

    /// Forgets both slots: the loss was noticed and accepted.
    pub(crate) fn clear(&mut self) -> Result<(), Error> {
        self.highest = 0;
        match &self.file {
            Some(file) => file.set_len(0),
            None => Ok(()),
        }
    }

    /// Makes the mark durable.
    pub(crate) fn sync(&self) -> Result<(), Error> {
        match &self.file {
            Some(file) => file.sync_all(),
            None => Ok(()),
        }
    }
}

fn open_slot(keys: &Keys, bytes: &[u8]) -> Option<Mark> {
    let mut r = Reader::new(bytes);
    let nonce = r.array()?;
    let plain = keys.high_water.open(&nonce, CONTEXT, r.rest())?;
    let mut r = Reader::new(&plain);
    Some(Mark {
        sequence: r.u64()?,
        hash: r.array()?,
        identity: Identity {
            device: r.u64()?,
            inode: r.u64()?,
        },
    })
}
