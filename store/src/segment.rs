//! Segment files of the journal: names, headers, and finding records behind damage.

use std::path::{Path, PathBuf};

use crate::bytes::Reader;
use crate::files::Files;
use crate::keys::Keys;
use crate::record::{self, HEADER_BYTES, Hash, Header, MARKER};
use crate::{Error, FORMAT};

/// What every segment begins with.
pub(crate) const MAGIC: &[u8; 8] = b"BEVISJNL";
/// Bytes before a segment's first record.
pub(crate) const SEGMENT_HEADER_BYTES: usize = 8 + 4 + 4 + 16 + 8 + 8 + 4 + 32 + 32;
const EXTENSION: &str = "segment";

/// What a segment says about its place in the journal; authenticated with a key of its own.
pub(crate) struct SegmentHeader {
    pub(crate) format: u32,
    /// The first segment of a journal, or of a compacted one: nothing comes before it.
    pub(crate) base: bool,
    pub(crate) number: u64,
    pub(crate) first_sequence: u64,
    pub(crate) epoch: u32,
    pub(crate) previous: Hash,
}

impl SegmentHeader {
    pub(crate) fn encode(&self, keys: &Keys) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(SEGMENT_HEADER_BYTES);
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&self.format.to_be_bytes());
        bytes.extend_from_slice(&u32::from(self.base).to_be_bytes());
        bytes.extend_from_slice(&keys.store_id);
        bytes.extend_from_slice(&self.number.to_be_bytes());
        bytes.extend_from_slice(&self.first_sequence.to_be_bytes());
        bytes.extend_from_slice(&self.epoch.to_be_bytes());
        bytes.extend_from_slice(&self.previous);
        let mac = keys.segment.hash(&[&bytes]);
        bytes.extend_from_slice(&mac);
        bytes
    }

    /// Reads and authenticates a header.
    pub(crate) fn open(keys: &Keys, bytes: &[u8; SEGMENT_HEADER_BYTES]) -> Option<Self> {
        let (content, mac) = bytes.split_last_chunk::<32>()?;
        if !keys.segment.check(&[content], mac) {
            return None;
        }
        let mut r = Reader::new(content);
        if r.take(MAGIC.len())? != MAGIC {
            return None;
        }
        let format = r.u32()?;
        let base = r.u32()? != 0;
        r.take(keys.store_id.len())?;
        Some(Self {
            format,
            base,
            number: r.u64()?,
            first_sequence: r.u64()?,
            epoch: r.u32()?,
            previous: r.array()?,
        })
    }

    /// The header of a segment of today's format.
    pub(crate) fn new(base: bool, number: u64, after: &crate::walk::Position) -> Self {
        Self {
            format: FORMAT,
            base,
            number,
            first_sequence: after.sequence.saturating_add(1),
            epoch: after.epoch,
            previous: after.hash,
        }
    }
}

/// Where a segment lies.
pub(crate) fn path(dir: &Path, number: u64) -> PathBuf {
    dir.join(format!("{number:010}.{EXTENSION}"))
}

/// The numbers of the segments in a folder, ascending.
pub(crate) fn list(files: &Files, dir: &Path) -> Result<Vec<u64>, Error> {
    let mut numbers = Vec::new();
    for name in files.list(dir)? {
        let name = PathBuf::from(name);
        if name.extension().is_some_and(|e| e == EXTENSION) {
            let stem = name.file_stem().and_then(|s| s.to_str());
            numbers.extend(stem.and_then(|s| s.parse::<u64>().ok()));
        }
    }
    numbers.sort_unstable();
    Ok(numbers)
}

/// Whether an authentic record in `bytes` proves that `sequence` had been acknowledged.
///
/// Tells a damaged record from a torn one: behind a torn one nothing was ever acknowledged.
pub(crate) fn proves_acknowledged(keys: &Keys, bytes: &[u8], sequence: u64) -> bool {
    let candidates = bytes
        .windows(MARKER.len())
        .enumerate()
        .filter(|(_, window)| *window == MARKER);
    candidates.into_iter().any(|(at, _)| {
        let Some(tail) = bytes.get(at..) else {
            return false;
        };
        let Some(header) = Header::parse(tail) else {
            return false;
        };
        header.sequence > sequence
            && header.durable >= sequence
            && tail
                .get(..HEADER_BYTES.saturating_add(header.body))
                .is_some_and(|whole| record::open(keys, &header, whole).is_some())
    })
}
