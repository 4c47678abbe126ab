//! One record of the journal: one transaction, sealed whole.
//!
//! Layout (big-endian): marker 4, length of the sealed body 4, sequence 8, durable 8, epoch 4,
//! reserved 4, hash of the record before 32, commitment to tables and keys 32, nonce 24, sealed body.
//! The seal covers the store id and every header byte, so a record fits one place of one store only.

use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::bytes::Reader;
use crate::erasable::{Content, Stored};
use crate::keys::{Keys, NONCE_BYTES, Nonce, TAG_BYTES};
use crate::transaction::Operation;
use crate::{Error, GROUP_BYTES_MAX, ID_BYTES_MAX, VALUE_BYTES_MAX};

/// Starts every record, so that records behind a damaged one can be found.
pub(crate) const MARKER: [u8; 4] = *b"BvR1";
/// Bytes before the sealed body.
pub(crate) const HEADER_BYTES: usize = 4 + 4 + 8 + 8 + 4 + 4 + 32 + 32 + NONCE_BYTES;
/// Longest sealed body: the largest transaction, with room for its frame.
const BODY_BYTES_MAX: usize = crate::TRANSACTION_BYTES_MAX + (1 << 20);

const PUT: u8 = 1;
const DELETE: u8 = 2;
/// A value that can be erased.
const PUT_ERASABLE: u8 = 3;

/// SHA-256 of a whole record: what the next one names as its predecessor.
pub(crate) type Hash = [u8; 32];

/// The clear, authenticated part of a record.
#[derive(Clone)]
pub(crate) struct Header {
    /// Length of the sealed body.
    pub(crate) body: usize,
    pub(crate) sequence: u64,
    /// Highest sequence that was synced when this record was written: proof that those before were acknowledged.
    pub(crate) durable: u64,
    /// How often the home was restored.
    pub(crate) epoch: u32,
    /// Always 0. A record is sealed under the store's own key whole, for it may change rows of both kinds: what can be erased
    /// is a value in it, sealed once more.
    pub(crate) reserved: u32,
    pub(crate) previous: Hash,
    commitment: [u8; 32],
    nonce: Nonce,
}

impl Header {
    /// Reads a header whose numbers are possible; nothing is authenticated yet.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let mut r = Reader::new(bytes);
        if r.array::<4>()? != MARKER {
            return None;
        }
        let body = usize::try_from(r.u32()?).ok()?;
        let header = Self {
            body,
            sequence: r.u64()?,
            durable: r.u64()?,
            epoch: r.u32()?,
            reserved: r.u32()?,
            previous: r.array()?,
            commitment: r.array()?,
            nonce: r.array()?,
        };
        (TAG_BYTES..=BODY_BYTES_MAX).contains(&body).then_some(header)
    }

    fn encode(&self, out: &mut Vec<u8>) -> Option<()> {
        out.extend_from_slice(&MARKER);
        out.extend_from_slice(&u32::try_from(self.body).ok()?.to_be_bytes());
        out.extend_from_slice(&self.sequence.to_be_bytes());
        out.extend_from_slice(&self.durable.to_be_bytes());
        out.extend_from_slice(&self.epoch.to_be_bytes());
        out.extend_from_slice(&self.reserved.to_be_bytes());
        out.extend_from_slice(&self.previous);
        out.extend_from_slice(&self.commitment);
        out.extend_from_slice(&self.nonce);
        Some(())
    }
}

/// Where a new record stands.
pub(crate) struct Place {
    pub(crate) sequence: u64,
    pub(crate) durable: u64,
    pub(crate) epoch: u32,
    pub(crate) previous: Hash,
}

/// Appends the sealed record of a transaction to `out` and returns its hash.
pub(crate) fn seal(
    keys: &Keys,
    place: &Place,
    operations: &[Operation],
    nonce: Nonce,
    out: &mut Vec<u8>,
) -> Result<Hash, Error> {
    let too_large = Error::TooLarge {
        what: "a transaction",
        limit: crate::TRANSACTION_BYTES_MAX,
    };
    let body = encode_body(operations).ok_or(too_large.clone())?;
    let header = Header {
        body: body.len().saturating_add(TAG_BYTES),
        sequence: place.sequence,
        durable: place.durable,
        epoch: place.epoch,
        reserved: 0,
        previous: place.previous,
        commitment: commitment(
            keys,
            operations.iter().map(|o| {
                (
                    weight(o.value.as_ref().and_then(Content::stored)),
                    &*o.table.name,
                    &*o.group,
                    &*o.id,
                )
            }),
        ),
        nonce,
    };
    if header.body > BODY_BYTES_MAX {
        return Err(too_large);
    }
    let mut context = keys.store_id.to_vec();
    header.encode(&mut context).ok_or(too_large.clone())?;
    let sealed = keys.journal.seal(&nonce, &context, &body).ok_or(too_large)?;
    let start = out.len();
    out.extend_from_slice(context.get(keys.store_id.len()..).unwrap_or_default());
    out.extend_from_slice(&sealed);
    Ok(Sha256::digest(out.get(start..).unwrap_or_default()).into())
}

/// Opens a whole record; `None` when any bit of it is not what was written.
pub(crate) fn open(keys: &Keys, header: &Header, record: &[u8]) -> Option<Body> {
    let (head, sealed) = record.split_at_checked(HEADER_BYTES)?;
    let mut context = keys.store_id.to_vec();
    context.extend_from_slice(head);
    let body = Body(keys.journal.open(&header.nonce, &context, sealed)?);
    let entries = body.entries()?;
    let named = entries.iter().map(|e| (weight(e.value), e.table, e.group, e.id));
    (commitment(keys, named) == header.commitment).then_some(body)
}

/// Binds what a record changes, without its values and without revealing a name.
fn commitment<'a>(keys: &Keys, named: impl Iterator<Item = (u8, &'a str, &'a [u8], &'a [u8])>) -> [u8; 32] {
    let mut list = Vec::new();
    for (kind, table, group, id) in named {
        list.push(kind);
        for part in [table.as_bytes(), group, id] {
            list.extend_from_slice(&(part.len() as u64).to_be_bytes());
            list.extend_from_slice(part);
        }
    }
    keys.commitment.hash(&[&list])
}

/// What the commitment says of a change: deleted, put, or put to be erasable.
fn weight(value: Option<Stored<'_>>) -> u8 {
    match value {
        None => 0,
        Some(Stored { key: None, .. }) => 1,
        Some(Stored { key: Some(_), .. }) => 2,
    }
}

/// The opened body of a record.
pub(crate) struct Body(Zeroizing<Vec<u8>>);

/// One change of a record.
pub(crate) struct Entry<'a> {
    pub(crate) table: &'a str,
    pub(crate) group: &'a [u8],
    pub(crate) id: &'a [u8],
    /// The new value, or `None` for a deletion.
    pub(crate) value: Option<Stored<'a>>,
}

impl Body {
    /// The changes in the order they were made.
    pub(crate) fn entries(&self) -> Option<Vec<Entry<'_>>> {
        let mut r = Reader::new(&self.0);
        let count = r.u32()?;
        let mut entries = Vec::new();
        for _ in 0..count {
            let kind = r.u8()?;
            let table = usize::from(r.u8()?);
            let table = std::str::from_utf8(r.take(table)?).ok()?;
            let group = usize::from(r.u16()?);
            let group = r.take(group)?;
            let id = usize::from(r.u16()?);
            let id = r.take(id)?;
            let value = match kind {
                PUT | PUT_ERASABLE => {
                    let key = match kind {
                        PUT_ERASABLE => Some(r.u64()?),
                        _ => None,
                    };
                    let length = usize::try_from(r.u32()?).ok()?;
                    let bytes = r.take(length)?;
                    Some(Stored { bytes, key })
                }
                DELETE => None,
                _ => return None,
            };
            entries.push(Entry {
                table,
                group,
                id,
                value,
            });
        }
        r.is_empty().then_some(entries)
    }
}

fn encode_body(operations: &[Operation]) -> Option<Zeroizing<Vec<u8>>> {
    let size = operations
        .iter()
        .map(Operation::size)
        .fold(4usize, usize::saturating_add);
    let mut body = Zeroizing::new(Vec::with_capacity(size));
    body.extend_from_slice(&u32::try_from(operations.len()).ok()?.to_be_bytes());
    for operation in operations {
        let value = match &operation.value {
            None => None,
            // One that is not sealed must never be written.
            Some(content) => Some(content.stored()?),
        };
        body.push(match value {
            None => DELETE,
            Some(Stored { key: None, .. }) => PUT,
            Some(Stored { key: Some(_), .. }) => PUT_ERASABLE,
        });
        body.push(u8::try_from(operation.table.name.len()).ok()?);
        body.extend_from_slice(operation.table.name.as_bytes());
        for part in [&operation.group, &operation.id] {
            body.extend_from_slice(&u16::try_from(part.len()).ok()?.to_be_bytes());
            body.extend_from_slice(part);
        }
        if let Some(Stored { bytes, key }) = value {
            if let Some(key) = key {
                body.extend_from_slice(&key.to_be_bytes());
            }
            body.extend_from_slice(&u32::try_from(bytes.len()).ok()?.to_be_bytes());
            body.extend_from_slice(bytes);
        }
    }
    Some(body)
}

// The lengths above are written in 16 and 32 bits; the limits keep them there.
const _: () = assert!(GROUP_BYTES_MAX <= 0xffff && ID_BYTES_MAX <= 0xffff);
const _: () = assert!(VALUE_BYTES_MAX < 0xffff_ffff && BODY_BYTES_MAX < 0xffff_ffff);
