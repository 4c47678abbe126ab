//! Lines of a file that were not taken, kept for whoever brought the file: where, why, and the line itself.
//!
//! They are the one thing kept of a file that did not become part of the register. So they lie under keys of their own and are erased a week
//! after the file came, or when a newer file takes its place.

use credentials::{Code, Timestamp};
use serde::{Deserialize, Serialize};
use store::Key;

use crate::staged::{Due, Staged};
use crate::tables::{BulkRecord, JobRecord, RejectedRecord};
use crate::{Error, Issuer};

/// Most lines that are kept of a file: whoever has more of them has another problem than these lines. All are counted.
pub(crate) const REJECTED_LINES_MAX: u64 = 10_000;
/// Most bytes of them.
pub(crate) const REJECTED_BYTES_MAX: u64 = 8 * 1024 * 1024;
/// How long they are kept, in seconds: a week, so that who comes back after the weekend finds them.
pub(crate) const REJECTED_SECONDS: i64 = 7 * 86_400;
/// Most lines in one answer.
pub const REJECTED_PAGE_MAX: usize = 1_000;
/// Bytes of one answer, of the 8 MiB that a command's answer may have.
const PAGE_BYTES: usize = 2 * 1024 * 1024;

/// A line that was not taken, with its text.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RejectedLine {
    /// Number of the line.
    pub line: u64,
    /// Path of the field; empty for the whole line.
    pub path: String,
    /// Stable code, as [`crate::Rejected::reason`].
    pub reason: String,
    /// The line.
    pub text: String,
}

impl std::fmt::Debug for RejectedLine {
    /// What stands in a line is personal.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RejectedLine({} {})", self.line, self.reason)
    }
}

/// Some of the lines that were not taken.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RejectedPage {
    /// Lines, in their order.
    pub lines: Vec<RejectedLine>,
    /// The line to go on from; none at the end.
    pub next: Option<u64>,
    /// Whether there were more than are kept.
    pub is_cut: bool,
}

/// How much is kept of one file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Kept {
    pub(crate) lines: u64,
    pub(crate) bytes: u64,
    pub(crate) is_cut: bool,
}

impl Kept {
    /// Takes those that there is still room for.
    pub(crate) fn admit(&mut self, lines: Vec<RejectedLine>) -> Vec<RejectedLine> {
        let mut admitted = Vec::with_capacity(lines.len());
        for line in lines {
            let bytes = self.bytes.saturating_add(line.text.len() as u64);
            if self.lines >= REJECTED_LINES_MAX || bytes > REJECTED_BYTES_MAX {
                self.is_cut = true;
                continue;
            }
            self.lines = self.lines.saturating_add(1);
            self.bytes = bytes;
            admitted.push(line);
        }
        admitted
    }
}

/// When the lines of a file are erased that came at this time.
pub(crate) fn erased_at(came: Timestamp) -> Timestamp {
    came.plus(REJECTED_SECONDS)
}

/// A page of lines that are in order.
pub(crate) fn page<'a>(
    lines: impl Iterator<Item = &'a RejectedLine>,
    from: u64,
    limit: usize,
    is_cut: bool,
) -> RejectedPage {
    let limit = limit.clamp(1, REJECTED_PAGE_MAX);
    let (mut page, mut bytes) = (
        RejectedPage {
            is_cut,
            ..RejectedPage::default()
        },
        0_usize,
    );
    for line in lines.filter(|line| line.line >= from) {
        if page.lines.len() >= limit || (bytes > 0 && bytes.saturating_add(line.text.len()) > PAGE_BYTES) {
            page.next = Some(line.line);
            break;
        }
        bytes = bytes.saturating_add(line.text.len());
        page.lines.push(line.clone());
    }
    page
}

impl Issuer {
    /// Keeps lines of a file with a step.
    pub(crate) fn put_rejected(
        &self,
        staged: &mut Staged,
        job: &str,
        came: Timestamp,
        kept: &mut Kept,
        lines: Vec<RejectedLine>,
    ) -> Result<(), Error> {
        let lines = kept.admit(lines);
        let Some(first) = lines.first() else { return Ok(()) };
        let number = first.line.to_be_bytes();
        let record = self.tables.rejected.encode(&RejectedRecord { lines })?;
        let key = Key::in_group(job.as_bytes(), &number);
        staged
            .transaction
            .put_erasable(&self.tables.rejected.table, key, &record);
        staged.due.push((erased_at(came), Due::Rejected(job.to_owned())));
        Ok(())
    }

    /// Erases the lines of a file with a step.
    pub(crate) fn forget_rejected(&self, staged: &mut Staged, job: &str) -> Result<(), Error> {
        for (id, _) in self.tables.rejected.table.group(job.as_bytes())? {
            let key = Key::in_group(job.as_bytes(), &id);
            staged.transaction.delete(&self.tables.rejected.table, key);
        }
        Ok(())
    }

    /// Erases what was kept long enough, and notes that nothing is left.
    pub(crate) fn end_rejected(&self, staged: &mut Staged, job: &str) -> Result<(), Error> {
        self.forget_rejected(staged, job)?;
        if let Some(mut record) = self.tables.jobs.read::<JobRecord>(job)? {
            record.kept = None;
            let bytes = self.tables.jobs.encode(&record)?;
            staged.transaction.put(&self.tables.jobs.table, job, &bytes);
        }
        if let Some(mut record) = self.tables.bulks.read::<BulkRecord>(job)? {
            record.kept = Kept::default();
            let bytes = self.tables.bulks.encode(&record)?;
            staged.transaction.put(&self.tables.bulks.table, job, &bytes);
        }
        Ok(())
    }

    /// Lines of an import or a bulk change that were not taken, from a line number on. Nothing a week after the file came. A dry run's
    /// are here until the next one of the same type, or the end of this process.
    ///
    /// Errors: `not_found`.
    pub fn rejected(&self, job: &str, from: u64, limit: usize) -> Result<RejectedPage, Error> {
        if let Some((lines, is_cut)) = self.dry_rejected(job) {
            return Ok(page(lines.iter(), from, limit, is_cut));
        }
        let kept = match self.tables.jobs.read::<JobRecord>(job)? {
            Some(record) => record.kept.unwrap_or_default(),
            None => self.tables.bulks.read::<BulkRecord>(job)?.ok_or(Code::NotFound)?.kept,
        };
        let mut lines: Vec<RejectedLine> = Vec::new();
        for (_, bytes) in self.tables.rejected.table.group(job.as_bytes())? {
            let record: RejectedRecord = self.tables.rejected.decode(&bytes)?;
            lines.extend(record.lines);
        }
        Ok(page(lines.iter(), from, limit, kept.is_cut))
    }
}
