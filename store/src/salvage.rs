//! Reading a damaged journal: every record in it that is still what was written, and where the damage lies.

use std::io::Read;

use crate::bytes::Reader;
use crate::disk::Access;
use crate::files::Home;
use crate::journal::{generation_dir, generations};
use crate::keys::Keys;
use crate::record::{self, Body, HEADER_BYTES, Hash, Header, MARKER};
use crate::segment::{self, SEGMENT_HEADER_BYTES, SegmentHeader};
use crate::walk::Position;
use crate::{Error, FORMAT};

use sha2::{Digest, Sha256};

/// Damage of the journal: bytes that are not what was written, or are missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Damage {
    /// Number of the segment.
    pub segment: u64,
    /// Where in the segment it begins, in bytes; 0 for its header, or for all of a missing segment.
    pub offset: u64,
    /// Bytes that could not be read as records; 0 when they are missing.
    pub bytes: u64,
}

/// A record that is what was written, or a stretch that is not.
pub(crate) enum Piece {
    Record {
        /// Where the next one should begin: in this segment, at this offset.
        segment: u64,
        end: u64,
        previous: Hash,
        position: Position,
        body: Body,
    },
    Damage(Damage),
}

/// Reads the newest journal of a home piece by piece, in order. Returns the number of its last segment, 0 without one.
///
/// Each record is authenticated; that it follows the one before is for the visitor to check.
pub(crate) fn pieces(
    home: &Home,
    keys: &Keys,
    visit: &mut dyn FnMut(Piece) -> Result<(), Error>,
) -> Result<u64, Error> {
    let (complete, _) = generations(&home.files, &home.dir)?;
    let Some(newest) = complete.last() else {
        visit(missing(1))?;
        return Ok(0);
    };
    let dir = generation_dir(&home.dir, *newest);
    let mut next = None;
    let mut last = 0;
    for number in segment::list(&home.files, &dir)? {
        for gap in next.unwrap_or(number)..number {
            visit(missing(gap))?;
        }
        let file = home.files.open(&segment::path(&dir, number), Access::Read)?;
        let mut bytes = Vec::new();
        file.cursor(0)
            .read_to_end(&mut bytes)
            .map_err(|e| Error::io("read", file.path(), e))?;
        segment_pieces(keys, number, &bytes, visit)?;
        next = number.checked_add(1);
        last = number;
    }
    if last == 0 {
        visit(missing(1))?;
    }
    Ok(last)
}

/// The highest epoch that anything readable in a home's journal names.
pub(crate) fn newest_epoch(home: &Home, keys: &Keys) -> u32 {
    let mut epoch = 0;
    // A disk that cannot be read further is why somebody asks; what it showed until then counts.
    pieces(home, keys, &mut |piece| {
        if let Piece::Record { position, .. } = piece {
            epoch = epoch.max(position.epoch);
        }
        Ok(())
    })
    .ok();
    epoch
}

fn missing(segment: u64) -> Piece {
    Piece::Damage(Damage {
        segment,
        offset: 0,
        bytes: 0,
    })
}

fn segment_pieces(
    keys: &Keys,
    number: u64,
    bytes: &[u8],
    visit: &mut dyn FnMut(Piece) -> Result<(), Error>,
) -> Result<(), Error> {
    let header = bytes
        .first_chunk::<SEGMENT_HEADER_BYTES>()
        .and_then(|head| SegmentHeader::open(keys, head))
        .filter(|header| header.number == number && header.format <= FORMAT);
    let mut at = if header.is_some() { SEGMENT_HEADER_BYTES } else { 0 };
    if bytes.is_empty() {
        return visit(missing(number));
    }
    while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
        if let Some((length, previous, position, body)) = authentic(keys, rest) {
            at = at.saturating_add(length);
            visit(Piece::Record {
                segment: number,
                end: at as u64,
                previous,
                position,
                body,
            })?;
            continue;
        }
        // Records are found again by their marker; that one of them is real, its seal shows.
        let behind = rest
            .windows(MARKER.len())
            .enumerate()
            .skip(1)
            .filter(|(_, window)| *window == MARKER)
            .find(|(offset, _)| rest.get(*offset..).is_some_and(|tail| authentic(keys, tail).is_some()))
            .map_or(rest.len(), |(offset, _)| offset);
        visit(Piece::Damage(Damage {
            segment: number,
            offset: at as u64,
            bytes: behind as u64,
        }))?;
        at = at.saturating_add(behind);
    }
    Ok(())
}

/// The authentic record at the start of `bytes`, with its length.
fn authentic(keys: &Keys, bytes: &[u8]) -> Option<(usize, Hash, Position, Body)> {
    let header = Header::parse(bytes)?;
    let length = HEADER_BYTES.checked_add(header.body)?;
    let whole = Reader::new(bytes).take(length)?;
    let body = record::open(keys, &header, whole)?;
    let position = Position {
        sequence: header.sequence,
        hash: Sha256::digest(whole).into(),
        epoch: header.epoch,
    };
    Some((length, header.previous, position, body))
}
