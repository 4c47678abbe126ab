//! Reading a journal from its first record to its last, believing nothing.
//!
//! Every record is hashed and its hash compared with what the next one names. Records that are asked for,
//! and the last one, are opened as well; through the chain the last one vouches for all before it.

use std::io::Read;

use sha2::{Digest, Sha256};

use crate::keys::Keys;
use crate::record::{self, Body, HEADER_BYTES, Hash, Header};
use crate::segment::{SEGMENT_HEADER_BYTES, SegmentHeader};
use crate::{Error, FORMAT};

/// Where a walk stands: after this record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Position {
    pub(crate) sequence: u64,
    pub(crate) hash: Hash,
    pub(crate) epoch: u32,
}

/// Why a walk stopped.
pub(crate) enum Fault {
    /// The visitor or the disk failed.
    Failed(Error),
    /// The segment's header is wrong, or does not follow the segment before.
    Segment(u64),
    /// A record is wrong.
    Record {
        segment: u64,
        offset: u64,
        sequence: u64,
        /// The file ends inside the record, and what is there looks right.
        cut_short: bool,
    },
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Failed(error) => error,
            Fault::Segment(segment) => Self::SegmentDamaged { segment },
            Fault::Record {
                segment,
                offset,
                sequence,
                ..
            } => Self::Damaged {
                segment,
                offset,
                sequence,
            },
        }
    }
}

/// Called for each record with where it ends; the body only where [`Walk::new`] was told to open it.
pub(crate) type Visit<'a> = dyn FnMut(&Position, Option<&Body>) -> Result<(), Error> + 'a;

struct Held {
    segment: u64,
    offset: u64,
    header: Header,
    bytes: Vec<u8>,
    opened: bool,
}

/// A walk over the segments of one journal, in order.
pub(crate) struct Walk<'a> {
    keys: &'a Keys,
    /// Records after this sequence are opened; the others only hashed.
    open_after: u64,
    visit: &'a mut Visit<'a>,
    position: Option<Position>,
    next_segment: Option<u64>,
    held: Option<Held>,
    spare: Vec<u8>,
}

impl<'a> Walk<'a> {
    pub(crate) fn new(keys: &'a Keys, open_after: u64, visit: &'a mut Visit<'a>) -> Self {
        Self {
            keys,
            open_after,
            visit,
            position: None,
            next_segment: None,
            held: None,
            spare: Vec::new(),
        }
    }

    /// Where the walk stands.
    pub(crate) fn position(&self) -> Position {
        self.position.unwrap_or_default()
    }

    /// Reads one segment of `length` bytes.
    pub(crate) fn segment(
        &mut self,
        number: u64,
        length: u64,
        from: &mut dyn Read,
        path: &std::path::Path,
    ) -> Result<(), Fault> {
        let failed = |e| Fault::Failed(Error::io("read", path, e));
        let mut head = [0; SEGMENT_HEADER_BYTES];
        if length < SEGMENT_HEADER_BYTES as u64 {
            return Err(Fault::Segment(number));
        }
        from.read_exact(&mut head).map_err(failed)?;
        let header = SegmentHeader::open(self.keys, &head).ok_or(Fault::Segment(number))?;
        if header.format > FORMAT {
            return Err(Fault::Failed(Error::NewerFormat {
                path: path.to_path_buf(),
                found: header.format,
                supported: FORMAT,
            }));
        }
        match (self.position, self.next_segment) {
            (Some(position), Some(next)) => {
                if number != next {
                    return Err(Fault::Segment(next));
                }
                let follows =
                    header.previous == position.hash && position.sequence.checked_add(1) == Some(header.first_sequence);
                if header.number != number || header.base || !follows {
                    // The one before is held but not yet vouched for: it may be the damaged one.
                    self.check_held()?;
                    return Err(Fault::Segment(number));
                }
            }
            _ => {
                if header.number != number || !header.base {
                    return Err(Fault::Segment(number));
                }
                self.position = Some(Position {
                    sequence: header.first_sequence.saturating_sub(1),
                    hash: header.previous,
                    epoch: header.epoch,
                });
            }
        }
        self.next_segment = number.checked_add(1);
        let mut offset = SEGMENT_HEADER_BYTES as u64;
        while offset < length {
            offset = self.record(number, offset, length, from, path)?;
        }
        Ok(())
    }

    fn record(
        &mut self,
        segment: u64,
        offset: u64,
        length: u64,
        from: &mut dyn Read,
        path: &std::path::Path,
    ) -> Result<u64, Fault> {
        let before = self.position();
        let sequence = before.sequence.checked_add(1).ok_or(Fault::Segment(segment))?;
        let fault = |cut_short| Fault::Record {
            segment,
            offset,
            sequence,
            cut_short,
        };
        let left = length.saturating_sub(offset);
        if left < HEADER_BYTES as u64 {
            self.check_held()?;
            return Err(fault(true));
        }
        let mut bytes = std::mem::take(&mut self.spare);
        bytes.clear();
        bytes.resize(HEADER_BYTES, 0);
        let failed = |e| Fault::Failed(Error::io("read", path, e));
        from.read_exact(&mut bytes).map_err(failed)?;
        let header = Header::parse(&bytes).filter(|h| {
            h.sequence == sequence
                && h.previous == before.hash
                && h.durable < sequence
                && h.epoch >= before.epoch
                && h.reserved == 0
        });
        let Some(header) = header else {
            self.check_held()?;
            return Err(fault(false));
        };
        let whole = (HEADER_BYTES as u64).saturating_add(header.body as u64);
        if left < whole {
            self.check_held()?;
            return Err(fault(true));
        }
        bytes.resize(HEADER_BYTES.saturating_add(header.body), 0);
        let body = bytes.get_mut(HEADER_BYTES..).unwrap_or_default();
        from.read_exact(body).map_err(failed)?;
        let position = Position {
            sequence,
            hash: Sha256::digest(&bytes).into(),
            epoch: header.epoch,
        };
        let body = if sequence > self.open_after {
            Some(record::open(self.keys, &header, &bytes).ok_or_else(|| fault(false))?)
        } else {
            None
        };
        (self.visit)(&position, body.as_ref()).map_err(Fault::Failed)?;
        self.position = Some(position);
        let held = Held {
            segment,
            offset,
            header,
            bytes,
            opened: body.is_some(),
        };
        if let Some(old) = self.held.replace(held) {
            self.spare = old.bytes;
        }
        Ok(offset.saturating_add(whole))
    }

    /// Opens the record read last, unless that was done.
    pub(crate) fn check_held(&self) -> Result<(), Fault> {
        match &self.held {
            Some(held) if !held.opened => {
                record::open(self.keys, &held.header, &held.bytes)
                    .map(|_| ())
                    .ok_or(Fault::Record {
                        segment: held.segment,
                        offset: held.offset,
                        sequence: held.header.sequence,
                        cut_short: false,
                    })
            }
            _ => Ok(()),
        }
    }
}
