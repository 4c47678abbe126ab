//! Values that can be erased: sealed once more, each under a key of its own that can be destroyed.
//!
//! Only the value is: table, group and id of such a row are sealed like any other's, and stay readable to whoever has the
//! store's key until a compaction drops them.

use zeroize::Zeroizing;

use crate::bytes::Reader;
use crate::keys::{NONCE_BYTES, Nonce, Sealer, TAG_BYTES};
use crate::row::RowKey;

/// Names a key: the number of its page, and how many keys that page had had. Never used twice.
pub(crate) type KeyId = u64;

/// Bytes that sealing adds.
pub(crate) const SEALED_BYTES: usize = NONCE_BYTES + TAG_BYTES;

/// The value of a change.
pub(crate) enum Content {
    /// Read with the store's key alone.
    Plain(Zeroizing<Vec<u8>>),
    /// To be sealed under a key of its own when the commit's turn comes.
    Erasable(Zeroizing<Vec<u8>>),
    /// So sealed.
    Sealed { key: KeyId, sealed: Vec<u8> },
}

impl Content {
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Plain(value) => value.len(),
            // The seal and the name of the key.
            Self::Erasable(value) => value.len().saturating_add(SEALED_BYTES + 8),
            Self::Sealed { sealed, .. } => sealed.len().saturating_add(8),
        }
    }

    /// As it is written; `None` while it is not sealed yet.
    pub(crate) fn stored(&self) -> Option<Stored<'_>> {
        match self {
            Self::Plain(value) => Some(Stored {
                bytes: value,
                key: None,
            }),
            Self::Erasable(_) => None,
            Self::Sealed { key, sealed } => Some(Stored {
                bytes: sealed,
                key: Some(*key),
            }),
        }
    }
}

/// A value as it lies in the journal and in the index.
#[derive(Clone, Copy)]
pub(crate) struct Stored<'a> {
    pub(crate) bytes: &'a [u8],
    /// The key it is sealed under, when it can be erased.
    pub(crate) key: Option<KeyId>,
}

impl Stored<'_> {
    pub(crate) fn to_content(self) -> Content {
        match self.key {
            None => Content::Plain(Zeroizing::new(self.bytes.to_vec())),
            Some(key) => Content::Sealed {
                key,
                sealed: self.bytes.to_vec(),
            },
        }
    }
}

/// Seals a value for its place: nonce 24, sealed value.
pub(crate) fn seal(
    store_id: &[u8; 16],
    secret: &[u8; 32],
    key: KeyId,
    row: &RowKey,
    nonce: &Nonce,
    value: &[u8],
) -> Option<Vec<u8>> {
    let sealed = Sealer::new(secret).seal(nonce, &context(store_id, key, row), value)?;
    let mut bytes = nonce.to_vec();
    bytes.extend_from_slice(&sealed);
    Some(bytes)
}

/// Opens what [`seal`] made for the same place.
pub(crate) fn open(
    store_id: &[u8; 16],
    secret: &[u8; 32],
    key: KeyId,
    row: &RowKey,
    bytes: &[u8],
) -> Option<Zeroizing<Vec<u8>>> {
    let mut r = Reader::new(bytes);
    let nonce = r.array()?;
    Sealer::new(secret).open(&nonce, &context(store_id, key, row), r.rest())
}

fn context(store_id: &[u8; 16], key: KeyId, row: &RowKey) -> Vec<u8> {
    let mut context = b"bevis/store/2/erasable value/".to_vec();
    context.extend_from_slice(store_id);
    context.extend_from_slice(&key.to_be_bytes());
    context.extend_from_slice(row);
    context
}
