//! Commands of imports as a page has them: files brought whole, progress, stopping and going on.

use super::Command;
use super::answer::{issuer_failure, value};
use crate::clock;
use crate::error::Failure;
use crate::output::At;
use crate::service::record::{About, Act, Actor};
use crate::service::{Service, lock};
use credentials::{Code, Problem};
use issuer::Job;
use serde_json::{Value, json};

fn about(job: &Job) -> About {
    About {
        credential_type: Some(job.vct.clone()),
        job: Some(job.job.clone()),
        ..About::default()
    }
}

impl Service {
    /// Runs a command about a file or an import.
    pub(super) fn bring(&self, command: Command, actor: &Actor) -> Result<Value, Failure> {
        let now = clock::now();
        let issuer = self
            .issuer
            .as_ref()
            .ok_or_else(|| Problem::new(Code::WrongRole, "issuer"))?;
        let mut issuer = lock(issuer)?;
        match command {
            Command::UploadStart => {
                let upload = issuer.upload_start(now).map_err(issuer_failure)?;
                Ok(json!({ "schema": "upload/v1", "upload": upload, "part_max": issuer::UPLOAD_PART_MAX }))
            }
            Command::UploadPart { upload, number, bytes } => {
                issuer.upload_part(&upload, number, &bytes).map_err(issuer_failure)?;
                Ok(json!({ "schema": "upload/v1", "upload": upload, "number": number }))
            }
            Command::UploadFinish { upload } => {
                let mut taken = value(issuer.upload_finish(&upload).map_err(issuer_failure)?)?;
                taken.put("schema", json!("upload-taken/v1"));
                Ok(taken)
            }
            Command::Uploads => {
                let waiting = value(issuer.uploads().map_err(issuer_failure)?)?;
                Ok(json!({ "schema": "uploads/v1", "uploads": waiting }))
            }
            Command::UploadDiscard { upload } => {
                issuer.upload_discard(&upload).map_err(issuer_failure)?;
                Ok(json!({ "schema": "upload-discarded/v1", "upload": upload }))
            }
            Command::ImportUpload {
                upload,
                credential_type,
                csv,
                dry_run,
            } => {
                let vct = self.vct(&credential_type)?;
                let start = issuer
                    .import_upload(now, &vct, &upload, csv, dry_run)
                    .map_err(issuer_failure)?;
                if !dry_run {
                    let job = issuer.job(&start.job).map_err(issuer_failure)?;
                    let noted = About {
                        file: Some(job.file.clone()),
                        ..about(&job)
                    };
                    if let Err(failure) = self.note(actor, Act::ImportStarted, noted) {
                        // It must not go on by itself.
                        issuer.import_pause(&start.job).map_err(issuer_failure)?;
                        return Err(failure);
                    }
                }
                let mut start = value(start)?;
                start.put("schema", json!("import-started/v1"));
                Ok(start)
            }
            Command::ImportPause { job } => {
                let known = issuer.job(&job).map_err(issuer_failure)?;
                let stopped = issuer.import_pause(&job).map_err(issuer_failure)?;
                if known.stage != stopped.stage {
                    self.note(actor, Act::ImportPaused, about(&stopped))?;
                }
                self.shown_job(stopped)
            }
            Command::ImportResume { job } => {
                let known = issuer.job(&job).map_err(issuer_failure)?;
                let mut resume = || issuer.import_resume(&job).map_err(issuer_failure);
                let resumed = match known.stage {
                    issuer::Stage::Paused => self.record.act(actor, Act::ImportResumed, about(&known), resume)?,
                    _ => resume()?,
                };
                self.shown_job(resumed)
            }
            Command::Job { id } => {
                let job = issuer.job(&id).map_err(issuer_failure)?;
                self.shown_job(job)
            }
            Command::JobRejected { id, from, limit } => {
                let mut page = value(issuer.rejected(&id, from, limit).map_err(issuer_failure)?)?;
                page.put("schema", json!("rejected/v1"));
                page.put("job", json!(id));
                Ok(page)
            }
            _ => Err(Code::Internal.into()),
        }
    }

    /// `{"schema": "job/v1", …}` with rows a second where it goes on by itself.
    fn shown_job(&self, job: Job) -> Result<Value, Failure> {
        let rate = self.jobs.rate(&job.job);
        let mut shown = value(job)?;
        shown.put("rows_per_second", json!(rate));
        shown.put("schema", json!("job/v1"));
        Ok(shown)
    }

    /// Notes the end of an import, after it: what was imported is in the register and must not be taken for undone.
    pub(in crate::service) fn note_finished(&self, actor: &Actor, job: &Job, report: issuer::ImportReport) {
        let about = About {
            rows: Some(report.rows),
            rejected: Some(report.rejected),
            ..about(job)
        };
        if let Err(failure) = self.note(actor, Act::ImportFinished, about) {
            tracing::warn!(%failure, "the end of an import is not in the log of who did what");
        }
    }
}
