//! Imports that read their file from the store: begun by whoever brought it, gone on with by nobody in particular, stopped and resumed.

use credentials::{Code, Problem, Timestamp};

use super::{Header, ImportProgress, ImportStart, ImportStep, Job, Register, Running, Stage, job, job_number};
use crate::rejected::RejectedLine;
use crate::staged::Staged;
use crate::tables::{ImportSource, JobRecord, UploadRecord};
use crate::upload::{Place, Rows};
use crate::{Error, Issuer};

/// Rows of one step: about 50 ms of work, between which peers are answered.
const STEP: usize = 250;

impl Issuer {
    /// Begins the import of a file that was brought whole ([`Issuer::upload_finish`]), or takes it up where it was stopped. A dry run checks
    /// and counts, and leaves the file for the import itself. From then on [`Issuer::import_step`] does it.
    ///
    /// Errors: `not_found` (`upload`), `not_permitted` (`upload`) while another import reads it, `malformed` without a header in CSV,
    /// `unknown_type`, `type_not_allowed`.
    pub fn import_upload(
        &mut self,
        now: Timestamp,
        vct: &str,
        upload: &str,
        is_csv: bool,
        dry_run: bool,
    ) -> Result<ImportStart, Error> {
        let missing = || Error::from(Problem::new(Code::NotFound, "upload"));
        let record = self.upload(upload)?.ok_or_else(missing)?;
        let file = record.file.ok_or_else(missing)?;
        if record.job.is_some() {
            return Err(Problem::new(Code::NotPermitted, "upload").into());
        }
        let (header, place) = self.first_line(upload, &record, is_csv)?;
        let source = ImportSource {
            upload: upload.to_owned(),
            is_csv,
            place,
            lines: record.lines,
        };
        self.start(now, vct, file, header.as_deref(), dry_run, Some(source))
    }

    /// The header of a CSV file, and where its rows begin.
    fn first_line(&self, upload: &str, record: &UploadRecord, is_csv: bool) -> Result<(Option<String>, Place), Error> {
        if !is_csv {
            return Ok((None, Place::default()));
        }
        let mut rows = Rows::new(&self.tables.upload_parts, upload, record, Place::default(), true);
        let header = rows.row()?.ok_or(Code::Malformed)?;
        Ok((Some(header.1), rows.place()))
    }

    /// The next rows of an import that reads its file from the store; at its end it is finished.
    ///
    /// What a step took and where the next one begins are one transaction; a step that was cut off begins where it began, and passes over
    /// the lines that it took. Errors: `not_found` when the import reads no file of the store.
    pub fn import_step(&mut self, now: Timestamp, name: &str) -> Result<ImportStep, Error> {
        let over = ImportStep { rows: 0, is_over: true };
        if !self.imports.contains_key(name) && !self.take_up(name)? {
            return Ok(over);
        }
        let Some(running) = self.imports.get_mut(name) else {
            return Ok(over);
        };
        if running.record.stage != Stage::Running {
            return Ok(over);
        }
        let Some(mut source) = running.record.source.clone() else {
            return Err(Problem::new(Code::NotFound, "upload").into());
        };
        let record = self.upload(&source.upload)?.ok_or(Error::Unreadable {
            table: "issuer.uploads",
        })?;
        let mut rows = Rows::new(
            &self.tables.upload_parts,
            &source.upload,
            &record,
            source.place,
            source.is_csv,
        );
        let mut lines = Vec::new();
        while lines.len() < STEP
            && let Some(row) = rows.row()?
        {
            lines.push(row);
        }
        let place = rows.place();
        if lines.is_empty() {
            self.import_finish(now, name)?;
            return Ok(over);
        }
        let count = lines.len() as u64;
        self.import_lines(now, name, &lines)?;
        // Only now: a batch may be several transactions, and a crash between them must find the lines of the later ones again. The
        // place becomes durable with the next step, which passes over what this one took if it never does.
        source.place = place;
        if let Some(running) = self.imports.get_mut(name) {
            running.record.source = Some(source);
        }
        Ok(ImportStep {
            rows: count,
            is_over: false,
        })
    }

    /// Takes up an import that an earlier process began. False when it does not run.
    fn take_up(&mut self, name: &str) -> Result<bool, Error> {
        let record: Option<JobRecord> = self.tables.jobs.read(name)?;
        let Some(record) = record.filter(|record| record.stage == Stage::Running) else {
            return Ok(false);
        };
        let Some(source) = &record.source else {
            return Err(Problem::new(Code::NotFound, "upload").into());
        };
        let upload = self.upload(&source.upload)?.ok_or(Error::Unreadable {
            table: "issuer.uploads",
        })?;
        let (header, _) = self.first_line(&source.upload, &upload, source.is_csv)?;
        let running = Running {
            number: job_number(name).unwrap_or_default(),
            header: header.as_deref().map(Header::parse).transpose()?,
            seen: self.seen(name)?,
            dry_run: false,
            rejected: Vec::new(),
            record,
        };
        self.imports.insert(name.to_owned(), running);
        Ok(true)
    }

    /// Stops an import for a while, whoever feeds it: the next lines are not taken. Asked again, it says the same.
    ///
    /// Errors: `not_found`; `state_final` (`import`) for one that is over, or is a dry run.
    pub fn import_pause(&mut self, name: &str) -> Result<Job, Error> {
        self.turn(name, Stage::Paused)
    }

    /// Goes on with an import that was stopped. One that reads its file from the store goes on by itself; another one when its file is
    /// brought again ([`Issuer::import_start`]). Errors: as [`Issuer::import_pause`].
    pub fn import_resume(&mut self, name: &str) -> Result<Job, Error> {
        self.turn(name, Stage::Running)
    }

    fn turn(&mut self, name: &str, to: Stage) -> Result<Job, Error> {
        let stored: Option<JobRecord> = self.tables.jobs.read(name)?;
        // What this process took since its last checkpoint is where a step begins, no more.
        let known = self.imports.get(name).filter(|running| !running.dry_run);
        let mut record = match known.map(|running| running.record.clone()).or(stored) {
            Some(record) => record,
            None if self.imports.contains_key(name) => return Err(Problem::new(Code::StateFinal, "import").into()),
            None => return Err(Code::NotFound.into()),
        };
        if !record.stage.is_open() {
            return Err(Problem::new(Code::StateFinal, "import").into());
        }
        if record.stage != to {
            record.stage = to;
            let bytes = self.tables.jobs.encode(&record)?;
            let mut staged = self.stage();
            staged.transaction.put(&self.tables.jobs.table, name, &bytes);
            self.commit(staged)?;
            // Taken up from the store by whoever goes on.
            self.imports.remove(name);
        }
        Ok(job(name, &record, false))
    }

    /// What whoever feeds lines to an import hears that does not run here.
    pub(super) fn not_running(&self, name: &str) -> Result<ImportProgress, Error> {
        let stored: Option<JobRecord> = self.tables.jobs.read(name)?;
        match stored {
            Some(record) if record.stage == Stage::Paused => Ok(ImportProgress {
                paused: true,
                ..ImportProgress::default()
            }),
            _ => Err(Code::UnknownSession.into()),
        }
    }

    /// Imports that read their file from the store and run.
    pub fn running_imports(&self) -> Result<Vec<String>, Error> {
        let reads = |record: &JobRecord| record.stage == Stage::Running && record.source.is_some();
        let stored = self.tables.jobs.all::<JobRecord>()?.into_iter();
        let stored = stored.filter(|(_, record)| reads(record));
        let dry = self
            .imports
            .iter()
            .filter(|(_, running)| running.dry_run && reads(&running.record));
        let dry = dry.map(|(name, _)| name.clone());
        Ok(stored
            .filter_map(|(id, _)| String::from_utf8(id).ok())
            .chain(dry)
            .collect())
    }

    /// One import. Errors: `not_found`.
    pub fn job(&self, name: &str) -> Result<Job, Error> {
        if let Some(running) = self.imports.get(name) {
            return Ok(job(name, &running.record, running.dry_run));
        }
        let record: Option<JobRecord> = self.tables.jobs.read(name)?;
        Ok(job(name, &record.ok_or(Code::NotFound)?, false))
    }

    /// Every register that this issuer has, with the time of its last import.
    pub fn registers(&self) -> Result<Vec<Register>, Error> {
        let jobs = self.jobs()?;
        let finished = |vct: &String| {
            let of_it = jobs
                .iter()
                .filter(|job| job.vct == *vct && !job.dry_run && job.stage == Stage::Finished);
            of_it.max_by_key(|job| job.ended.unwrap_or(job.started))
        };
        let register = |(vct, counts): (&String, &crate::tables::Counts)| {
            let last = finished(vct);
            Register {
                vct: vct.clone(),
                rows: counts.rows,
                as_of: last.map(|job| job.ended.unwrap_or(job.started)),
                job: last.map(|job| job.job.clone()),
            }
        };
        Ok(self.counts.iter().map(register).collect())
    }

    /// Lines of a dry run that were not taken, and whether there were more.
    pub(crate) fn dry_rejected(&self, name: &str) -> Option<(&[RejectedLine], bool)> {
        let running = self.imports.get(name).filter(|running| running.dry_run)?;
        Some((&running.rejected, running.record.kept.is_some_and(|kept| kept.is_cut)))
    }

    /// Notes that an import reads a file.
    pub(super) fn hold_source(
        &self,
        staged: &mut Staged,
        name: &str,
        source: Option<&ImportSource>,
    ) -> Result<(), Error> {
        if let Some(source) = source
            && let Some(mut upload) = self.upload(&source.upload)?
        {
            upload.job = Some(name.to_owned());
            self.put_upload(staged, &source.upload, &upload)?;
        }
        Ok(())
    }

    /// An open import goes on, from this file where there is one: it is the same, by its hash.
    pub(super) fn take_source(
        &mut self,
        name: &str,
        record: &mut JobRecord,
        source: Option<ImportSource>,
    ) -> Result<(), Error> {
        let mut staged = self.stage();
        if let Some(source) = source {
            self.drop_source(&mut staged, record)?;
            self.hold_source(&mut staged, name, Some(&source))?;
            record.source = Some(source);
        }
        let bytes = self.tables.jobs.encode(record)?;
        staged.transaction.put(&self.tables.jobs.table, name, &bytes);
        self.commit(staged)
    }

    /// Erases the file that an import read.
    pub(super) fn drop_source(&self, staged: &mut Staged, record: &mut JobRecord) -> Result<(), Error> {
        if let Some(source) = record.source.take() {
            self.erase_upload(staged, &source.upload)?;
        }
        Ok(())
    }

    /// Ends imports whose file is gone, as after a restore.
    pub(crate) fn settle_imports(&mut self) -> Result<(), Error> {
        for (id, mut record) in self.tables.jobs.all::<JobRecord>()? {
            let Some(source) = record.source.as_ref().filter(|_| record.stage.is_open()) else {
                continue;
            };
            if self.upload(&source.upload)?.is_none() {
                record.source = None;
                record.stage = Stage::Abandoned;
                let bytes = self.tables.jobs.encode(&record)?;
                let mut staged = self.stage();
                staged.transaction.put(&self.tables.jobs.table, &id, &bytes);
                self.commit(staged)?;
            }
        }
        Ok(())
    }
}
