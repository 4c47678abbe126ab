//! Files that somebody brings by a page: taken piece by piece into the sealed store, read from there, and erased when they are done with.
//!
//! A file never lies outside the store. Its pieces lie under keys of their own, so that erasing them is real although the journal keeps
//! their sealed bytes until it is compacted.

use credentials::{Code, Problem, Timestamp, random};
use serde::Serialize;
use sha2::{Digest, Sha256};
use store::Key;

use crate::staged::{Due, Staged};
use crate::tables::{Kept, UploadRecord};
use crate::{Error, Issuer};

/// Largest file, in bytes: a million rows of half a KiB.
pub const UPLOAD_BYTES_MAX: u64 = 512 * 1024 * 1024;
/// Most files at a time, those that a stopped import still reads among them.
pub const UPLOADS_MAX: usize = 4;
/// How long a file is kept that no import reads, in seconds: a working day, and the night after.
pub(crate) const UPLOAD_SECONDS: i64 = 86_400;
/// Bytes of a piece in the store.
const PIECE: usize = 256 * 1024;
/// Most bytes that are handed over at once.
pub const UPLOAD_PART_MAX: usize = 4 * 1024 * 1024;
/// Longest row, in bytes; one that is longer is read as [`UNREADABLE`].
const ROW_MAX: usize = 64 * 1024;
/// What stands for a row that is no text or too long: no type takes it, so that it ends among the rejected with its line number, and
/// the rest of the file is read.
const UNREADABLE: &str = "\u{fffd}";

/// A file that was taken whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Upload {
    /// Its name here.
    pub upload: String,
    /// SHA-256, hexadecimal.
    pub file: String,
    /// Bytes.
    pub bytes: u64,
    /// Lines, blank ones among them.
    pub lines: u64,
}

/// A file that waits for somebody's yes or no.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Waiting {
    /// Its name here.
    pub upload: String,
    /// When it came.
    pub started: Timestamp,
    /// When it is erased, unless an import reads it by then.
    pub until: Timestamp,
    /// Bytes.
    pub bytes: u64,
    /// Lines, blank ones among them.
    pub lines: u64,
}

/// A file of which more is to come.
pub(crate) struct Open {
    record: UploadRecord,
    hash: Sha256,
    /// Number of the part that comes next.
    next: u64,
    tail: Vec<u8>,
}

/// Where a reader of a file stands: at the beginning of a line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, serde::Deserialize)]
pub(crate) struct Place {
    /// Bytes before it.
    pub(crate) bytes: u64,
    /// Lines before it.
    pub(crate) lines: u64,
}

/// Reads rows of a file in the store, with the number of the line that each begins on.
pub(crate) struct Rows<'a> {
    parts: &'a Kept,
    upload: &'a str,
    record: &'a UploadRecord,
    place: Place,
    is_csv: bool,
    piece: Option<(u64, Vec<u8>)>,
}

impl<'a> Rows<'a> {
    pub(crate) fn new(
        parts: &'a Kept,
        upload: &'a str,
        record: &'a UploadRecord,
        place: Place,
        is_csv: bool,
    ) -> Rows<'a> {
        Rows {
            parts,
            upload,
            record,
            place,
            is_csv,
            piece: None,
        }
    }

    pub(crate) fn place(&self) -> Place {
        self.place
    }

    /// The rest of the piece in which the reader stands; nothing at the end of the file.
    fn buffer(&mut self) -> Result<&[u8], Error> {
        if self.place.bytes >= self.record.bytes {
            return Ok(&[]);
        }
        let number = self.place.bytes / PIECE as u64;
        let at = usize::try_from(self.place.bytes % PIECE as u64).unwrap_or(usize::MAX);
        if self.piece.as_ref().is_none_or(|(have, _)| *have != number) {
            let key = number.to_be_bytes();
            let bytes = self.parts.table.get(Key::in_group(self.upload.as_bytes(), &key))?;
            let bytes = bytes.ok_or(Error::Unreadable {
                table: "issuer.upload-parts",
            })?;
            self.piece = Some((number, bytes));
        }
        Ok(self
            .piece
            .as_ref()
            .and_then(|(_, bytes)| bytes.get(at..))
            .unwrap_or_default())
    }

    /// One line into `row`, as far as it fits; false at the end of the file.
    fn line(&mut self, row: &mut Vec<u8>) -> Result<bool, Error> {
        let mut read_any = false;
        loop {
            let room = ROW_MAX.saturating_add(1).saturating_sub(row.len());
            let buffer = self.buffer()?;
            if buffer.is_empty() {
                break;
            }
            read_any = true;
            let end = buffer
                .iter()
                .position(|byte| *byte == b'\n')
                .map(|at| at.saturating_add(1));
            let take = end.unwrap_or(buffer.len());
            row.extend(buffer.iter().take(take.min(room)));
            self.place.bytes = self.place.bytes.saturating_add(take as u64);
            if end.is_some() {
                break;
            }
        }
        self.place.lines = self.place.lines.saturating_add(u64::from(read_any));
        Ok(read_any)
    }

    /// The next row that is not blank; a quoted CSV cell may go over several lines.
    pub(crate) fn row(&mut self) -> Result<Option<(u64, String)>, Error> {
        loop {
            let first = self.place.lines.saturating_add(1);
            let mut row = Vec::new();
            while self.line(&mut row)? {
                let quotes = row.iter().filter(|byte| **byte == b'"').count();
                if row.len() > ROW_MAX || !self.is_csv || quotes % 2 == 0 {
                    break;
                }
            }
            if row.is_empty() {
                return Ok(None);
            }
            let text = match String::from_utf8(row) {
                Ok(text) if text.len() <= ROW_MAX => text,
                _ => UNREADABLE.to_owned(),
            };
            let text = text.trim_end_matches(['\n', '\r']);
            if !text.trim().is_empty() {
                return Ok(Some((first, text.to_owned())));
            }
        }
    }
}

impl Issuer {
    /// Begins to take a file; its name here. Errors: `too_large` (`uploads`) when there are as many as may be.
    pub fn upload_start(&mut self, now: Timestamp) -> Result<String, Error> {
        if self.tables.uploads.table.len()? >= UPLOADS_MAX as u64 {
            return Err(Problem::new(Code::TooLarge, "uploads").into());
        }
        let name = format!("{:016x}", u64::from_be_bytes(random::bytes(&mut *self.random)));
        let record = UploadRecord {
            started: now,
            epoch: self.store.epoch(),
            bytes: 0,
            lines: 0,
            file: None,
            job: None,
        };
        let mut staged = self.stage();
        self.put_upload(&mut staged, &name, &record)?;
        staged.due.push((now.plus(UPLOAD_SECONDS), Due::Upload(name.clone())));
        self.commit(staged)?;
        let open = Open {
            record,
            hash: Sha256::new(),
            next: 0,
            tail: Vec::new(),
        };
        self.uploads.insert(name.clone(), open);
        Ok(name)
    }

    /// Takes the next part, numbered from 0. One that came before is passed over, so that it can be sent twice.
    ///
    /// Errors: `unknown_session` for a file that was not begun in this process, `malformed` (`part`) for one out of turn, `too_large`: the
    /// file is then gone.
    pub fn upload_part(&mut self, name: &str, number: u64, bytes: &[u8]) -> Result<(), Error> {
        let mut open = self.uploads.remove(name).ok_or(Code::UnknownSession)?;
        if number < open.next {
            self.uploads.insert(name.to_owned(), open);
            return Ok(());
        }
        if number > open.next || bytes.len() > UPLOAD_PART_MAX {
            self.uploads.insert(name.to_owned(), open);
            return Err(Problem::new(Code::Malformed, "part").into());
        }
        if open.record.bytes.saturating_add(bytes.len() as u64) > UPLOAD_BYTES_MAX {
            self.upload_discard(name)?;
            return Err(Problem::new(Code::TooLarge, "file").into());
        }
        let before = open.record.bytes.saturating_sub(open.tail.len() as u64);
        open.next = open.next.saturating_add(1);
        open.hash.update(bytes);
        open.record.bytes = open.record.bytes.saturating_add(bytes.len() as u64);
        let ends = bytes.iter().filter(|byte| **byte == b'\n').count();
        open.record.lines = open.record.lines.saturating_add(ends as u64);
        open.tail.extend_from_slice(bytes);
        let whole = open.tail.len() / PIECE * PIECE;
        let rest = open.tail.split_off(whole);
        let pieces = std::mem::replace(&mut open.tail, rest);
        // After a failed write the file must be begun again: what is in memory may not be in the store.
        self.put_pieces(name, before, &pieces)?;
        self.uploads.insert(name.to_owned(), open);
        Ok(())
    }

    fn put_pieces(&mut self, name: &str, before: u64, bytes: &[u8]) -> Result<(), Error> {
        if bytes.is_empty() {
            return Ok(());
        }
        let mut staged = self.stage();
        for (number, piece) in (before / PIECE as u64..).zip(bytes.chunks(PIECE)) {
            let key = number.to_be_bytes();
            let key = Key::in_group(name.as_bytes(), &key);
            staged
                .transaction
                .put_erasable(&self.tables.upload_parts.table, key, piece);
        }
        self.commit(staged)
    }

    /// Ends a file. Errors: `unknown_session`; `malformed` (`file`) when there is nothing in it.
    pub fn upload_finish(&mut self, name: &str) -> Result<Upload, Error> {
        let Some(mut open) = self.uploads.remove(name) else {
            // Asked again.
            let record: Option<UploadRecord> = self.tables.uploads.read(name)?;
            return record
                .and_then(|record| shown(name, &record))
                .ok_or_else(|| Code::UnknownSession.into());
        };
        if open.record.bytes == 0 {
            self.upload_discard(name)?;
            return Err(Problem::new(Code::Malformed, "file").into());
        }
        let before = open.record.bytes.saturating_sub(open.tail.len() as u64);
        // A last line need not end.
        let is_open = open.tail.last().is_some_and(|byte| *byte != b'\n');
        let tail = std::mem::take(&mut open.tail);
        self.put_pieces(name, before, &tail)?;
        open.record.lines = open.record.lines.saturating_add(u64::from(is_open));
        open.record.file = Some(open.hash.finalize().into());
        let mut staged = self.stage();
        self.put_upload(&mut staged, name, &open.record)?;
        self.commit(staged)?;
        shown(name, &open.record).ok_or_else(|| Code::Internal.into())
    }

    /// Erases a file; one that is not there is no error. Errors: `not_permitted` while an import reads it.
    pub fn upload_discard(&mut self, name: &str) -> Result<(), Error> {
        self.uploads.remove(name);
        let record: Option<UploadRecord> = self.tables.uploads.read(name)?;
        if record.is_some_and(|record| record.job.is_some()) {
            return Err(Problem::new(Code::NotPermitted, "upload").into());
        }
        let mut staged = self.stage();
        self.erase_upload(&mut staged, name)?;
        self.commit(staged)
    }

    /// Files that were taken whole and that no import reads: they wait for a yes or a no. The newest first.
    pub fn uploads(&self) -> Result<Vec<Waiting>, Error> {
        let all = self.tables.uploads.all::<UploadRecord>()?.into_iter();
        let mut all: Vec<Waiting> = all
            .filter(|(_, record)| record.file.is_some() && record.job.is_none())
            .filter_map(|(id, record)| {
                Some(Waiting {
                    upload: String::from_utf8(id).ok()?,
                    started: record.started,
                    until: record.started.plus(UPLOAD_SECONDS),
                    bytes: record.bytes,
                    lines: record.lines,
                })
            })
            .collect();
        all.sort_by(|one, other| (other.started, &other.upload).cmp(&(one.started, &one.upload)));
        Ok(all)
    }

    /// A file that was taken whole.
    pub(crate) fn upload(&self, name: &str) -> Result<Option<UploadRecord>, Error> {
        let record: Option<UploadRecord> = self.tables.uploads.read(name)?;
        Ok(record.filter(|record| record.file.is_some()))
    }

    pub(crate) fn put_upload(&self, staged: &mut Staged, name: &str, record: &UploadRecord) -> Result<(), Error> {
        let bytes = self.tables.uploads.encode(record)?;
        staged.transaction.put(&self.tables.uploads.table, name, &bytes);
        Ok(())
    }

    /// Erases a file with a step.
    pub(crate) fn erase_upload(&self, staged: &mut Staged, name: &str) -> Result<(), Error> {
        let mut number = 0_u64;
        loop {
            let key = number.to_be_bytes();
            let key = Key::in_group(name.as_bytes(), &key);
            if !self.tables.upload_parts.table.contains(key)? {
                break;
            }
            staged.transaction.delete(&self.tables.upload_parts.table, key);
            number = number.saturating_add(1);
        }
        staged.transaction.delete(&self.tables.uploads.table, name);
        Ok(())
    }

    /// Erases a file that no import reads when its time is out.
    pub(crate) fn end_upload(&mut self, staged: &mut Staged, name: &str) -> Result<(), Error> {
        let record: Option<UploadRecord> = self.tables.uploads.read(name)?;
        if record.is_some_and(|record| record.job.is_none()) {
            self.uploads.remove(name);
            self.erase_upload(staged, name)?;
        }
        Ok(())
    }

    /// Erases what was begun by an earlier process and cannot be gone on with.
    pub(crate) fn settle_uploads(&mut self) -> Result<(), Error> {
        let epoch = self.store.epoch();
        for (id, record) in self.tables.uploads.all::<UploadRecord>()? {
            if (record.file.is_none() || record.epoch != epoch)
                && let Ok(name) = String::from_utf8(id)
            {
                let mut staged = self.stage();
                self.erase_upload(&mut staged, &name)?;
                self.commit(staged)?;
            }
        }
        Ok(())
    }
}

fn shown(name: &str, record: &UploadRecord) -> Option<Upload> {
    use std::fmt::Write as _;
    let mut file = String::with_capacity(64);
    for byte in record.file? {
        // Writing to a String cannot fail.
        let _ignored = write!(file, "{byte:02x}");
    }
    Some(Upload {
        upload: name.to_owned(),
        file,
        bytes: record.bytes,
        lines: record.lines,
    })
}
