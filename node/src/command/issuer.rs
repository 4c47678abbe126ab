//! `bevis issuer`: registers, offers, revocation.

use super::session::Session;
use crate::args::{Issuer, Subject};
use crate::clock::Stopwatch;
use crate::error::Failure;
use crate::output::At;
use crate::service::{self, Command, Target};
use credentials::status::State;
use credentials::{Code, Problem};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, IsTerminal, Read};
use std::path::{Path, PathBuf};

/// Rows sent to the node at once: about 50 ms of work, between which it answers peers.
const BATCH: usize = 250;
/// Longest row we read, in bytes.
const ROW_MAX: usize = 64 * 1024;
/// Deliveries prepared at once.
const PREPARE: usize = 2_000;
/// How often progress is told when nobody watches a terminal, in milliseconds.
const TELL_EVERY: u64 = 5_000;

/// Runs a command of the group.
pub(super) async fn run(session: &mut Session, issuer: Issuer) -> Result<u8, Failure> {
    match issuer {
        Issuer::Import {
            credential_type,
            file,
            dry_run,
        } => import(session, credential_type, &file, dry_run).await,
        Issuer::Prepare { credential_type } => prepare(session, credential_type).await,
        Issuer::Offer {
            credential_type,
            subject,
        } => {
            let subject = subject.map(|s| session.or_stdin(s)).transpose()?;
            let offer = session
                .execute(Command::Offer {
                    credential_type,
                    subject,
                })
                .await?;
            if session.output.json {
                session.output.object(&offer);
            } else {
                session.output.data(offer.at("link").as_str().unwrap_or_default());
                if let Some(code) = offer.at("code").as_str() {
                    session.output.print("offer-code", &[("code", code)]);
                }
            }
            Ok(0)
        }
        Issuer::Revoke(subject) => set_state(session, subject, State::Revoked).await,
        Issuer::Suspend(subject) => set_state(session, subject, State::Suspended).await,
        Issuer::Reinstate(subject) => set_state(session, subject, State::Valid).await,
        Issuer::Publish => {
            let endings = session.execute(Command::PublishEndings).await?;
            if session.output.json {
                session.output.object(&endings);
            } else {
                session.output.data(&plain(endings.at("endings")));
            }
            Ok(0)
        }
        Issuer::Bitstring { list, suspension, out } => {
            let answer = session.execute(Command::Bitstring { list, suspension }).await?;
            let text = answer.at("credential").as_str().unwrap_or_default();
            std::fs::write(&out, text).map_err(|error| Failure::file(&out, &error))?;
            if session.output.json {
                session.output.object(&answer);
            } else {
                session.output.data(&out.display().to_string());
            }
            Ok(0)
        }
        Issuer::Bulk(bulk) => super::bulk::run(session, bulk).await,
        Issuer::Notice(notice) => super::notice::publishing(session, notice).await,
        Issuer::Status(subject) => status(session, subject).await,
        Issuer::Jobs => {
            let jobs = session.execute(Command::Jobs).await?;
            if session.output.json {
                session.output.object(&jobs);
            } else {
                for job in jobs.at("jobs").as_array().into_iter().flatten() {
                    session.output.data(&plain(job));
                }
            }
            Ok(0)
        }
        Issuer::Types => {
            let types = service::types(&session.home()?)?;
            for known in types.all() {
                let label = known.label.get(session.output.catalogue.language());
                if session.output.json {
                    let object = json!({"schema": "type/v1", "id": known.id, "name": known.name, "vct": known.vct});
                    session.output.object(&object);
                } else {
                    session.output.data(&format!("{}  {}  {label}", known.id, known.name));
                }
            }
            Ok(0)
        }
    }
}

/// `key value` pairs of a flat object, for lists that have no columns of their own. What is not known is left out.
pub(super) fn plain(value: &Value) -> String {
    let mut line = String::new();
    let known = |(_, value): &(&String, &Value)| !value.is_null();
    for (key, value) in value.as_object().into_iter().flatten().filter(known) {
        let text = value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
        // Writing to a String cannot fail.
        let _ignored = write!(line, "{}{key} {text}", if line.is_empty() { "" } else { "  " });
    }
    line
}

fn target(session: &Session, subject: &Subject) -> Result<Option<Target>, Failure> {
    Ok(match (&subject.id, &subject.subject, &subject.row, &subject.r#type) {
        (Some(id), _, _, _) => Some(Target::Credential { id: id.clone() }),
        (_, Some(number), _, _) => Some(Target::Subject {
            number: session.or_stdin(number.clone())?,
        }),
        (_, _, Some(key), Some(vct)) => Some(Target::Row {
            credential_type: vct.clone(),
            key: key.clone(),
        }),
        _ => None,
    })
}

async fn set_state(session: &mut Session, subject: Subject, state: State) -> Result<u8, Failure> {
    let target = target(session, &subject)?.ok_or_else(|| Problem::new(Code::Usage, "ID | --subject | --row"))?;
    let changed = session
        .execute(Command::SetState {
            target,
            state,
            reason: subject.reason,
        })
        .await?;
    if session.output.json {
        session.output.object(&changed);
    } else {
        let count = changed.at("changed").at("credentials").to_string();
        let key = match state {
            State::Revoked => "issuer-revoked",
            State::Suspended => "issuer-suspended",
            _ => "issuer-reinstated",
        };
        session.output.print(key, &[("count", &count)]);
    }
    Ok(0)
}

async fn status(session: &mut Session, subject: Subject) -> Result<u8, Failure> {
    let target = target(session, &subject)?;
    let issued = target.is_some() || subject.r#type.is_some();
    let answer = if issued {
        session
            .execute(Command::Issued {
                credential_type: subject.r#type,
                target,
            })
            .await?
    } else {
        session.execute(Command::IssuerStatus).await?
    };
    if session.output.json {
        session.output.object(&answer);
        return Ok(0);
    }
    for list in ["types", "lists", "issued"] {
        for line in answer.at(list).as_array().into_iter().flatten() {
            session.output.data(&plain(line));
        }
    }
    if answer.at("endings").is_object() {
        session.output.data(&plain(answer.at("endings")));
    }
    Ok(0)
}

/// Progress for whoever watches: a bar on a terminal, lines otherwise, events with `--json`.
pub(super) struct Progress {
    bar: Option<ProgressBar>,
    json: bool,
    told: u64,
    since: Stopwatch,
}

impl Progress {
    pub(super) fn new(session: &Session, total: u64) -> Progress {
        let watch = std::io::stderr().is_terminal() && !session.output.json && !session.output.quiet;
        let bar = watch.then(|| {
            let style = ProgressStyle::with_template("[{bar:30}] {human_pos}/{human_len}  {eta}");
            ProgressBar::new(total).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        });
        Progress {
            bar,
            json: session.output.json,
            told: 0,
            since: Stopwatch::start(),
        }
    }

    pub(super) fn tell(&mut self, session: &Session, key: &str, done: u64, total: u64) {
        if let Some(bar) = &self.bar {
            bar.set_position(done);
            return;
        }
        let now = self.since.milliseconds();
        if done < total && now.saturating_sub(self.told) < TELL_EVERY {
            return;
        }
        self.told = now;
        if self.json {
            session
                .output
                .object(&json!({"schema": "progress/v1", "event": "progress", "done": done, "total": total}));
        } else {
            session
                .output
                .say(key, &[("done", &done.to_string()), ("total", &total.to_string())]);
        }
    }

    pub(super) fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// What stands for a row that is no text or too long: no type takes it, so that it ends among the rejected with its line
/// number, and the rest of the file is read.
const UNREADABLE: &str = "\u{fffd}";

/// One row after the other, with its line number; a quoted CSV cell may go over several lines.
pub(super) struct Rows {
    reader: BufReader<std::fs::File>,
    path: PathBuf,
    csv: bool,
    line: u64,
}

impl Rows {
    pub(super) fn open(path: &Path, csv: bool) -> Result<Rows, Failure> {
        let file = std::fs::File::open(path).map_err(|e| Failure::file(path, &e))?;
        let reader = BufReader::new(file);
        Ok(Rows {
            reader,
            path: path.to_owned(),
            csv,
            line: 0,
        })
    }

    /// One line into `row`, as far as it fits; false at the end of the file.
    fn line(&mut self, row: &mut Vec<u8>) -> Result<bool, Failure> {
        let failed = |e: std::io::Error| Failure::file(&self.path, &e);
        let mut read_any = false;
        loop {
            let buffer = self.reader.fill_buf().map_err(failed)?;
            if buffer.is_empty() {
                break;
            }
            read_any = true;
            let end = buffer
                .iter()
                .position(|byte| *byte == b'\n')
                .map(|at| at.saturating_add(1));
            let take = end.unwrap_or(buffer.len());
            let room = ROW_MAX.saturating_add(1).saturating_sub(row.len());
            row.extend(buffer.iter().take(take.min(room)));
            self.reader.consume(take);
            if end.is_some() {
                break;
            }
        }
        self.line = self.line.saturating_add(u64::from(read_any));
        Ok(read_any)
    }

    pub(super) fn next(&mut self) -> Result<Option<(u64, String)>, Failure> {
        loop {
            let first = self.line.saturating_add(1);
            let mut row = Vec::new();
            while self.line(&mut row)? {
                let quotes = row.iter().filter(|byte| **byte == b'"').count();
                if row.len() > ROW_MAX || !self.csv || quotes % 2 == 0 {
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

pub(super) fn digest(path: &Path) -> Result<([u8; 32], u64), Failure> {
    use sha2::Digest;
    let mut file = std::fs::File::open(path).map_err(|e| Failure::file(path, &e))?;
    let mut hash = sha2::Sha256::new();
    let mut lines = 0_u64;
    let mut buffer = vec![0; 1 << 16];
    loop {
        let read = file.read(&mut buffer).map_err(|e| Failure::file(path, &e))?;
        let Some(bytes) = buffer.get(..read).filter(|b| !b.is_empty()) else {
            break;
        };
        lines = lines.saturating_add(bytes.iter().filter(|b| **b == b'\n').count() as u64);
        hash.update(bytes);
    }
    Ok((hash.finalize().into(), lines))
}

async fn import(session: &mut Session, credential_type: String, file: &Path, dry_run: bool) -> Result<u8, Failure> {
    let csv = file.extension().is_some_and(|e| e.eq_ignore_ascii_case("csv"));
    let (hash, total) = digest(file)?;
    let mut rows = Rows::open(file, csv)?;
    let header = if csv { rows.next()?.map(|(_, line)| line) } else { None };
    let start = Command::ImportStart {
        credential_type,
        file: hash,
        header,
        dry_run,
    };
    let start = session.execute(start).await?;
    let job = start.at("job").as_str().unwrap_or_default().to_owned();
    let resume = start.at("resume_after").as_u64().unwrap_or(0);
    if resume > 0 {
        session.output.say("import-resumed", &[("line", &resume.to_string())]);
    }
    let mut progress = Progress::new(session, total);
    let mut rejected: Vec<Value> = Vec::new();
    let mut batch = Vec::new();
    loop {
        let next = rows.next()?;
        let last = next.is_none();
        if let Some((line, text)) = next
            && line > resume
        {
            batch.push((line, text));
        }
        if !batch.is_empty() && (last || batch.len() >= BATCH) {
            let at = batch.last().map_or(0, |(line, _)| *line);
            let lines = std::mem::take(&mut batch);
            let done = session
                .execute(Command::ImportLines {
                    job: job.clone(),
                    lines,
                })
                .await?;
            if done.at("paused").as_bool() == Some(true) {
                progress.end();
                session.output.say("import-paused", &[("job", &job)]);
                return Err(Problem::new(Code::PartlyDone, "import").into());
            }
            rejected.extend(done.at("rejected").as_array().into_iter().flatten().cloned());
            progress.tell(session, "import-progress", at, total);
        }
        if last {
            break;
        }
    }
    progress.end();
    let mut report = session.execute(Command::ImportFinish { job }).await?;
    let path = write_rejected(file, &rejected)?;
    report.put("rejected_file", json!(path.as_ref().map(|p| p.display().to_string())));
    let count = report.at("report").at("rejected").as_u64().unwrap_or(0);
    if session.output.json {
        session.output.object(&report);
    } else {
        let text = |key: &str| report.at("report")[key].to_string();
        let numbers = ["rows", "new", "changed", "unchanged", "rejected", "vanished"].map(|k| (k, text(k)));
        let arguments: Vec<(&str, &str)> = numbers.iter().map(|(k, v)| (*k, v.as_str())).collect();
        session.output.print("import-done", &arguments);
        if let Some(path) = &path {
            session
                .output
                .print("import-rejected", &[("path", &path.display().to_string())]);
        }
    }
    Ok(if count > 0 { 8 } else { 0 })
}

/// Line, field and reason of each row that was not taken, beside the file; never a value.
fn write_rejected(file: &Path, rejected: &[Value]) -> Result<Option<PathBuf>, Failure> {
    if rejected.is_empty() {
        return Ok(None);
    }
    let mut text = String::from("line,field,reason\n");
    for row in rejected {
        let field = |key: &str| row[key].as_str().unwrap_or_default().replace([',', '"', '\n'], " ");
        // Writing to a String cannot fail.
        let _ignored = writeln!(text, "{},{},{}", row.at("line"), field("path"), field("reason"));
    }
    let path = file.with_extension("rejected.csv");
    crate::home::write(&path, text.as_bytes())?;
    Ok(Some(path))
}

async fn prepare(session: &mut Session, credential_type: String) -> Result<u8, Failure> {
    let counts = session.execute(Command::IssuerStatus).await?;
    let found = service::types(&session.home()?)?
        .find(&credential_type)
        .map(|t| t.vct.clone());
    let total = counts
        .at("types")
        .as_array()
        .into_iter()
        .flatten()
        .filter(|t| found.as_deref().is_some_and(|vct| t.at("vct") == vct) || t.at("vct") == credential_type.as_str())
        .filter_map(|t| t.at("rows").as_u64()?.checked_sub(t.at("prepared").as_u64()?))
        .sum();
    let watch = Stopwatch::start();
    let mut progress = Progress::new(session, total);
    let mut done = 0_u64;
    loop {
        let command = Command::Prepare {
            credential_type: credential_type.clone(),
            limit: PREPARE,
        };
        let prepared = session.execute(command).await?.at("prepared").as_u64().unwrap_or(0);
        if prepared == 0 {
            break;
        }
        done = done.saturating_add(prepared);
        progress.tell(session, "prepare-progress", done, total);
    }
    progress.end();
    if session.output.json {
        let object = json!({"schema": "prepared/v1", "prepared": done, "ms": watch.milliseconds()});
        session.output.object(&object);
    } else {
        let milliseconds = watch.milliseconds().to_string();
        session
            .output
            .print("prepare-done", &[("count", &done.to_string()), ("ms", &milliseconds)]);
    }
    Ok(0)
}
