//! Import: JSON Lines or CSV into the register, in batches that each commit rows and checkpoint together.
//!
//! The caller owns the file and feeds lines, so that other work goes on between batches. An import that was cut off goes on
//! after its last batch; a file that was imported before changes nothing. Where nobody can feed lines, because the file came by a page, it lies
//! in the store and is read from there, step by step (`source`).

mod source;

use std::collections::HashSet;

use credentials::schema::{CredentialType, Row};
use credentials::{Code, Timestamp, json};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use store::Key;

use crate::register::{Incoming, hash, to_json};
use crate::rejected::{Kept, RejectedLine};
use crate::staged::Staged;
use crate::tables::{ImportSource, JobRecord, ROW_KEY_MAX, RegisterRow};
use crate::{Error, Issuer};

/// Longest line, in bytes: a row may have 64 KiB, and JSON may be written with white space.
const LINE_MAX: usize = 128 * 1024;
/// Most columns of a CSV file.
const COLUMNS_MAX: usize = 1_024;
/// Bytes of rows that one transaction takes, of the store's 32 MiB: a batch with more is committed in pieces.
const TOGETHER_BYTES: usize = 8 * 1024 * 1024;
/// Lines that one transaction takes: each may change the status of 64 copies of several credentials.
const TOGETHER_LINES: usize = 2_000;
/// Bytes of a row key's keyed hash that are kept while its file is imported.
const SEEN_BYTES: usize = 16;

/// Where an import is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Begun, not finished: it can be taken up again.
    Running,
    /// Somebody stopped it for a while.
    Paused,
    /// Finished.
    Finished,
    /// Another file of the same type was begun before it was finished.
    Abandoned,
}

/// What an import did to the register and to what was issued from it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportReport {
    /// Lines that held something.
    pub rows: u64,
    /// Rows the register did not have.
    pub new: u64,
    /// Rows that replaced another content.
    pub changed: u64,
    /// Rows that were there already.
    pub unchanged: u64,
    /// Lines that were not taken.
    pub rejected: u64,
    /// Rows of the register that the file did not bring in a valid form; they are kept.
    pub vanished: u64,
    /// Credentials that were superseded.
    pub superseded: u64,
    /// Credentials that were revoked.
    pub revoked: u64,
}

/// How an import begins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ImportStart {
    /// Name of the job: the same for the same type and file.
    pub job: String,
    /// Last line that was dealt with before; lines up to it are passed over.
    pub resume_after: u64,
}

/// What came of some lines.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ImportProgress {
    /// Rows that were taken: new, changed or unchanged.
    pub accepted: u64,
    /// Of these, rows that replaced another content.
    pub changed: u64,
    /// Of these, rows that were there already.
    pub unchanged: u64,
    /// Lines that were not taken.
    pub rejected: Vec<Rejected>,
    /// Somebody has stopped the import: nothing was taken.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub paused: bool,
}

/// What came of a step of an import that reads its file from the store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ImportStep {
    /// Rows that were taken or rejected by it.
    pub rows: u64,
    /// Whether there is nothing more to do: it is finished, stopped or abandoned.
    pub is_over: bool,
}

/// A register as an operator sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Register {
    /// Type.
    pub vct: String,
    /// Rows.
    pub rows: u64,
    /// When the last import of it came to its end; none before the first.
    pub as_of: Option<Timestamp>,
    /// That import.
    pub job: Option<String>,
}

/// A line that was not taken: where and why, never what stood there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Rejected {
    /// Number of the line.
    pub line: u64,
    /// Path of the field; empty for the whole line.
    pub path: String,
    /// Stable code: one of [`credentials::schema::RowError`], `malformed`, `duplicate_key` (a name twice in one object),
    /// `duplicate_row` (the row stood in an earlier line).
    pub reason: String,
}

/// An import, as [`Issuer::jobs`] lists it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Job {
    /// Name.
    pub job: String,
    /// Type.
    pub vct: String,
    /// When it was begun.
    pub started: Timestamp,
    /// Where it is.
    pub stage: Stage,
    /// Last line that was dealt with.
    pub line: u64,
    /// What it did so far.
    pub report: ImportReport,
    /// When it came to its end.
    pub ended: Option<Timestamp>,
    /// SHA-256 of the file, hexadecimal.
    pub file: String,
    /// Lines of the file, where the file is in the store.
    pub total: Option<u64>,
    /// It validates only.
    pub dry_run: bool,
}

/// An import that this process has begun or taken up.
pub(crate) struct Running {
    /// The bits of its name.
    number: u64,
    record: JobRecord,
    header: Option<Header>,
    /// Rows of the file so far, by keyed hash: 16 bytes a row, 160 MB for ten million.
    seen: HashSet<[u8; SEEN_BYTES]>,
    dry_run: bool,
    /// Of a dry run: lines that were not taken.
    rejected: Vec<RejectedLine>,
}

#[derive(Clone)]
pub(crate) struct Header {
    pub(crate) columns: Vec<String>,
    pub(crate) delimiter: u8,
}

impl Header {
    pub(crate) fn parse(text: &str) -> Result<Header, Error> {
        // Norwegian spreadsheets write semicolons.
        let delimiter = if text.contains(';') && !text.contains(',') {
            b';'
        } else {
            b','
        };
        let text = text.trim_start_matches('\u{feff}');
        let columns = cells(text, delimiter).ok_or(Code::Malformed)?;
        let distinct: HashSet<&String> = columns.iter().collect();
        if distinct.len() != columns.len() || columns.iter().any(String::is_empty) {
            return Err(Code::Malformed.into());
        }
        Ok(Header { columns, delimiter })
    }
}

/// The cells of one CSV record (RFC 4180).
pub(crate) fn cells(text: &str, delimiter: u8) -> Option<Vec<String>> {
    // The reader closes an open quote by itself: a record that was cut inside one would pass for a whole one.
    let has_open_quote = text.bytes().filter(|byte| *byte == b'"').count() % 2 == 1;
    if text.len() > LINE_MAX || has_open_quote {
        return None;
    }
    let mut records = csv::ReaderBuilder::new()
        .has_headers(false)
        .delimiter(delimiter)
        .from_reader(text.as_bytes())
        .into_records();
    let record = records.next()?.ok()?;
    let cells: Vec<String> = record.iter().map(str::to_owned).collect();
    (records.next().is_none() && cells.len() <= COLUMNS_MAX).then_some(cells)
}

/// A row that passed every check, with what the register needs of it.
struct Taken {
    row: Row,
    key: String,
    record: RegisterRow,
    seen: [u8; SEEN_BYTES],
}

impl Issuer {
    /// Begins the import of a file, or takes it up where it was cut off.
    ///
    /// `file` is the SHA-256 of the whole file, `csv_header` its first line when it is CSV. A dry run checks and counts but
    /// writes nothing.
    pub fn import_start(
        &mut self,
        now: Timestamp,
        vct: &str,
        file: [u8; 32],
        csv_header: Option<&str>,
        dry_run: bool,
    ) -> Result<ImportStart, Error> {
        self.start(now, vct, file, csv_header, dry_run, None)
    }

    fn start(
        &mut self,
        now: Timestamp,
        vct: &str,
        file: [u8; 32],
        csv_header: Option<&str>,
        dry_run: bool,
        source: Option<ImportSource>,
    ) -> Result<ImportStart, Error> {
        let credential_type = self.issued_type(vct)?;
        let header = csv_header.map(Header::parse).transpose()?;
        let job = job_name(&credential_type.vct, &file, dry_run);
        let stored: Option<JobRecord> = match dry_run {
            true => None,
            false => self.tables.jobs.read(&job)?,
        };
        let resumed = stored.filter(|record| record.stage.is_open());
        let seen = match &resumed {
            Some(_) => self.seen(&job)?,
            None => HashSet::new(),
        };
        let record = match resumed {
            Some(mut record) => {
                if record.stage == Stage::Paused || source.is_some() {
                    record.stage = Stage::Running;
                    self.take_source(&job, &mut record, source)?;
                }
                record
            }
            None => {
                let record = JobRecord {
                    vct: credential_type.vct.clone(),
                    file,
                    started: now,
                    stage: Stage::Running,
                    line: 0,
                    report: ImportReport::default(),
                    ended: None,
                    kept: None,
                    source,
                };
                if !dry_run {
                    self.begin(&job, &record)?;
                }
                record
            }
        };
        let resume_after = record.line;
        let running = Running {
            number: job_number(&job).unwrap_or_default(),
            record,
            header,
            seen,
            dry_run,
            rejected: Vec::new(),
        };
        if dry_run {
            // What the one before found is of no use any more.
            self.imports
                .retain(|_, other| !other.dry_run || other.record.vct != running.record.vct);
        }
        self.imports.insert(job.clone(), running);
        Ok(ImportStart { job, resume_after })
    }

    /// Durably begins a job and abandons an unfinished one of the same type.
    fn begin(&mut self, job: &str, record: &JobRecord) -> Result<(), Error> {
        let mut staged = self.stage();
        for (id, mut other) in self.tables.jobs.all::<JobRecord>()? {
            if other.stage.is_open() && other.vct == record.vct {
                other.stage = Stage::Abandoned;
                self.drop_source(&mut staged, &mut other)?;
                let bytes = self.tables.jobs.encode(&other)?;
                staged.transaction.put(&self.tables.jobs.table, &id, &bytes);
                if let Ok(other) = String::from_utf8(id) {
                    self.forget_seen(&mut staged, &other)?;
                    self.imports.remove(&other);
                }
            }
        }
        self.forget_seen(&mut staged, job)?;
        self.forget_rejected(&mut staged, job)?;
        self.hold_source(&mut staged, job, record.source.as_ref())?;
        let bytes = self.tables.jobs.encode(record)?;
        staged.transaction.put(&self.tables.jobs.table, job, &bytes);
        self.commit(staged)
    }

    fn seen(&self, job: &str) -> Result<HashSet<[u8; SEEN_BYTES]>, Error> {
        let batches = self.tables.seen.table.group(job.as_bytes())?;
        Ok(batches
            .iter()
            .flat_map(|(_, hashes)| hashes.as_chunks::<SEEN_BYTES>().0)
            .copied()
            .collect())
    }

    fn forget_seen(&self, staged: &mut Staged, job: &str) -> Result<(), Error> {
        for (id, _) in self.tables.seen.table.group(job.as_bytes())? {
            let key = Key::in_group(job.as_bytes(), &id);
            staged.transaction.delete(&self.tables.seen.table, key);
        }
        Ok(())
    }

    /// Takes lines of a begun import, each with its number. Rows and checkpoint are one transaction (a very large batch is
    /// several, each with its checkpoint). Blank lines, and lines that were dealt with before, are passed over.
    ///
    /// Fails with `unknown_session` when the job was not begun in this process or was abandoned.
    pub fn import_lines(
        &mut self,
        now: Timestamp,
        job: &str,
        lines: &[(u64, String)],
    ) -> Result<ImportProgress, Error> {
        let Some(mut running) = self.imports.remove(job) else {
            return self.not_running(job);
        };
        let progress = self.take_lines(now, job, &mut running, lines);
        // After a failed write the job must be begun again: memory and store may differ about what was seen.
        let progress = progress?;
        self.imports.insert(job.to_owned(), running);
        Ok(progress)
    }

    fn take_lines(
        &mut self,
        now: Timestamp,
        job: &str,
        running: &mut Running,
        lines: &[(u64, String)],
    ) -> Result<ImportProgress, Error> {
        let credential_type = self.issued_type(&running.record.vct)?;
        let mut progress = ImportProgress::default();
        let mut staged = self.stage();
        let mut seen: Vec<u8> = Vec::new();
        let mut refused: Vec<RejectedLine> = Vec::new();
        let (mut bytes, mut count): (usize, usize) = (0, 0);
        for (line, text) in lines {
            if *line <= running.record.line {
                continue;
            }
            running.record.line = *line;
            if text.trim().is_empty() {
                continue;
            }
            let report = &mut running.record.report;
            report.rows = report.rows.saturating_add(1);
            match self.take(now, &credential_type, running, *line, text) {
                Ok(taken) => {
                    running.seen.insert(taken.seen);
                    seen.extend_from_slice(&taken.seen);
                    bytes = bytes.saturating_add(taken.record.row.len());
                    self.put(now, &mut staged, &credential_type, running, &taken, &mut progress)?;
                }
                Err(Refusal::Line(rejected)) => {
                    let report = &mut running.record.report;
                    report.rejected = report.rejected.saturating_add(1);
                    refused.push(RejectedLine {
                        line: rejected.line,
                        path: rejected.path.clone(),
                        reason: rejected.reason.clone(),
                        text: text.clone(),
                    });
                    progress.rejected.push(rejected);
                }
                Err(Refusal::Failure(error)) => return Err(error),
            }
            count = count.saturating_add(1);
            if bytes > TOGETHER_BYTES || count >= TOGETHER_LINES {
                let full = std::mem::replace(&mut staged, self.stage());
                let (seen, refused) = (std::mem::take(&mut seen), std::mem::take(&mut refused));
                self.checkpoint(full, job, running, &seen, refused)?;
                // Begun anew, because it copied the counts from before that commit.
                staged = self.stage();
                (bytes, count) = (0, 0);
            }
        }
        self.checkpoint(staged, job, running, &seen, refused)?;
        Ok(progress)
    }

    /// Checks one line.
    fn take(
        &self,
        now: Timestamp,
        credential_type: &CredentialType,
        running: &Running,
        line: u64,
        text: &str,
    ) -> Result<Taken, Refusal> {
        let reject = |path: String, reason: &str| {
            Refusal::Line(Rejected {
                line,
                path,
                reason: reason.to_owned(),
            })
        };
        let row = match &running.header {
            None => {
                let value = json::parse(text.trim().as_bytes(), LINE_MAX)
                    .map_err(|problem| reject(String::new(), problem.code.as_str()))?;
                credential_type.row(value)
            }
            Some(header) => {
                let cells = cells(text, header.delimiter)
                    .filter(|cells| cells.len() == header.columns.len())
                    .ok_or_else(|| reject(String::new(), Code::Malformed.as_str()))?;
                let columns: Vec<&str> = header.columns.iter().map(String::as_str).collect();
                let cells: Vec<&str> = cells.iter().map(String::as_str).collect();
                credential_type.csv_row(&columns, &cells)
            }
        };
        let row = row.map_err(|error| reject(error.path, &error.reason))?;
        let row_key_path = || {
            let paths: Vec<String> = credential_type.row_key.iter().map(ToString::to_string).collect();
            paths.join(" ")
        };
        let key = credential_type
            .row_key(&row)
            .ok_or_else(|| reject(row_key_path(), "missing_key"))?;
        if key.len() > ROW_KEY_MAX {
            return Err(reject(row_key_path(), "too_large"));
        }
        let holder = credential_type
            .holder_number(&row)
            .ok_or_else(|| reject(credential_type.holder.number.to_string(), "missing_key"))?;
        let seen = self.seen_name(&credential_type.vct, &key);
        if running.seen.contains(&seen) {
            return Err(reject(row_key_path(), "duplicate_row"));
        }
        let record = RegisterRow {
            row: to_json(&row).map_err(Refusal::Failure)?,
            hash: hash(&row).map_err(|_| reject(String::new(), "schema"))?,
            holder,
            changed: now,
            import: Some(running.number),
        };
        Ok(Taken { row, key, record, seen })
    }

    /// Brings a checked row into the register.
    fn put(
        &self,
        now: Timestamp,
        staged: &mut Staged,
        credential_type: &CredentialType,
        running: &mut Running,
        taken: &Taken,
        progress: &mut ImportProgress,
    ) -> Result<(), Error> {
        let report = &mut running.record.report;
        progress.accepted = progress.accepted.saturating_add(1);
        let old = self.register_row(&credential_type.vct, &taken.key)?;
        match &old {
            Some(old) if old.hash == taken.record.hash => {
                report.unchanged = report.unchanged.saturating_add(1);
                progress.unchanged = progress.unchanged.saturating_add(1);
                return Ok(());
            }
            Some(_) => {
                report.changed = report.changed.saturating_add(1);
                progress.changed = progress.changed.saturating_add(1);
            }
            None => report.new = report.new.saturating_add(1),
        }
        let replaced = self.put_row(
            now,
            staged,
            credential_type,
            &Incoming {
                key: &taken.key,
                row: &taken.row,
                record: &taken.record,
                old: old.as_ref(),
            },
        )?;
        report.superseded = report.superseded.saturating_add(replaced.superseded);
        report.revoked = report.revoked.saturating_add(replaced.revoked);
        Ok(())
    }

    /// Commits rows together with how far the file was read.
    fn checkpoint(
        &mut self,
        mut staged: Staged,
        job: &str,
        running: &mut Running,
        seen: &[u8],
        refused: Vec<RejectedLine>,
    ) -> Result<(), Error> {
        let mut kept = running.record.kept.unwrap_or_default();
        if running.dry_run {
            running.rejected.extend(kept.admit(refused));
            running.record.kept = Some(kept).filter(|kept| *kept != Kept::default());
            return Ok(());
        }
        self.put_rejected(&mut staged, job, running.record.started, &mut kept, refused)?;
        running.record.kept = Some(kept).filter(|kept| *kept != Kept::default());
        let line = running.record.line.to_be_bytes();
        if !seen.is_empty() {
            let key = Key::in_group(job.as_bytes(), &line);
            staged.transaction.put(&self.tables.seen.table, key, seen);
        }
        let record = self.tables.jobs.encode(&running.record)?;
        staged.transaction.put(&self.tables.jobs.table, job, &record);
        self.commit(staged)
    }

    fn seen_name(&self, vct: &str, key: &str) -> [u8; SEEN_BYTES] {
        let name = crate::tables::pair(vct, key);
        let hash = self.store.keyed_hash("issuer.import", &name);
        let mut short = [0; SEEN_BYTES];
        for (to, from) in short.iter_mut().zip(hash) {
            *to = from;
        }
        short
    }

    /// Ends an import and says what it did. Asked again, it says the same.
    pub fn import_finish(&mut self, now: Timestamp, job: &str) -> Result<ImportReport, Error> {
        let Some(running) = self.imports.get(job) else {
            let stored: Option<JobRecord> = self.tables.jobs.read(job)?;
            return match stored {
                Some(record) if record.stage == Stage::Finished => Ok(record.report),
                _ => Err(Code::UnknownSession.into()),
            };
        };
        let mut record = running.record.clone();
        let rows = self.counts.get(&record.vct).map_or(0, |counts| counts.rows);
        let dry_run = running.dry_run;
        // In a dry run the new rows are seen but not in the register.
        let new = if dry_run { record.report.new } else { 0 };
        let seen = u64::try_from(running.seen.len()).unwrap_or(u64::MAX);
        record.report.vanished = rows.saturating_add(new).saturating_sub(seen);
        record.stage = Stage::Finished;
        record.ended = Some(now);
        if dry_run && record.source.is_some() {
            // Whoever brought the file reads later what came of it.
            let report = record.report;
            if let Some(running) = self.imports.get_mut(job) {
                running.record = record;
                running.seen = HashSet::new();
            }
            return Ok(report);
        }
        if !dry_run {
            let mut staged = self.stage();
            self.forget_seen(&mut staged, job)?;
            self.drop_source(&mut staged, &mut record)?;
            let bytes = self.tables.jobs.encode(&record)?;
            staged.transaction.put(&self.tables.jobs.table, job, &bytes);
            self.commit(staged)?;
        }
        self.imports.remove(job);
        Ok(record.report)
    }

    /// Every import there was, the newest first; dry runs that this process remembers among them.
    pub fn jobs(&self) -> Result<Vec<Job>, Error> {
        let stored = self.tables.jobs.all::<JobRecord>()?.into_iter();
        let stored = stored.filter_map(|(id, record)| Some(job(&String::from_utf8(id).ok()?, &record, false)));
        let dry = self.imports.iter().filter(|(_, running)| running.dry_run);
        let mut jobs: Vec<Job> = stored
            .chain(dry.map(|(name, running)| job(name, &running.record, true)))
            .collect();
        jobs.sort_by(|one, other| (other.started, &other.job).cmp(&(one.started, &one.job)));
        Ok(jobs)
    }
}

impl Stage {
    /// Whether it can be gone on with.
    pub fn is_open(self) -> bool {
        matches!(self, Stage::Running | Stage::Paused)
    }
}

fn job(name: &str, record: &JobRecord, dry_run: bool) -> Job {
    Job {
        job: name.to_owned(),
        vct: record.vct.clone(),
        started: record.started,
        stage: record.stage,
        line: record.line,
        report: record.report,
        ended: record.ended,
        file: record.file.iter().map(|byte| format!("{byte:02x}")).collect(),
        total: record.source.as_ref().map(|source| source.lines),
        dry_run,
    }
}

/// Why a line was not taken, or why the import cannot go on.
enum Refusal {
    Line(Rejected),
    Failure(Error),
}

/// The 64 bits that a job's name writes; none for what is no name.
pub(crate) fn job_number(job: &str) -> Option<u64> {
    u64::from_str_radix(job, 16).ok()
}

/// 64 bits of a hash over type and file, as hexadecimal digits.
fn job_name(vct: &str, file: &[u8; 32], dry_run: bool) -> String {
    let mut hasher = Sha256::new();
    hasher.update(b"bevis-import/1");
    hasher.update([u8::from(dry_run)]);
    hasher.update(vct.as_bytes());
    hasher.update([0]);
    hasher.update(file);
    let hash: [u8; 32] = hasher.finalize().into();
    let [a, b, c, d, e, f, g, h, ..] = hash;
    format!("{:016x}", u64::from_be_bytes([a, b, c, d, e, f, g, h]))
}
