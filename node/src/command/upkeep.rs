//! `bevis migrate` and `bevis bugreport`: what an operator does around an upgrade, and when something is wrong.

use super::session::Session;
use crate::args::Migrate;
use crate::bugreport::Report;
use crate::control::Client;
use crate::error::Failure;
use crate::home::{self, Home};
use crate::service::Command;
use crate::service::migration::{self, Plan, Step};
use credentials::{Code, Problem};
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;

/// Longest wait for one answer of the running node: a report is made when something is wrong.
const ANSWER: Duration = Duration::from_secs(60);

/// Brings the home to the format of this version, or says what would be done.
pub(super) async fn migrate(session: &mut Session, migrate: &Migrate) -> Result<u8, Failure> {
    session.load(&[])?;
    let home = session.home()?;
    let plan = migration::plan(&home)?;
    if migrate.dry_run || plan.steps.is_empty() {
        told(session, &plan, migrate.dry_run, None);
        return Ok(0);
    }
    if Client::connect(&home).await?.is_some() {
        return Err(Problem::new(Code::HomeLocked, home.path().display().to_string()).into());
    }
    let passphrase = session.passphrase(false)?;
    let copy = tokio::task::block_in_place(|| migration::migrate(&home, &plan, &passphrase))?;
    told(session, &plan, false, copy.as_deref());
    Ok(0)
}

fn told(session: &Session, plan: &Plan, is_dry: bool, copy: Option<&Path>) {
    let formats = &plan.formats;
    let copy = copy.map(|path| path.display().to_string());
    if session.output.json {
        let steps: Vec<&str> = plan.steps.iter().map(|step| step.as_str()).collect();
        session.output.object(&json!({
            "schema": "migrate/v1", "dry_run": is_dry, "steps": steps, "copy": copy,
            "format": {
                "keys": formats.keys, "oldest": formats.oldest, "newest": formats.newest, "supported": formats.supported,
            },
        }));
        return;
    }
    let [oldest, supported] = [formats.oldest, formats.supported].map(|number| number.to_string());
    let numbers = [("format", oldest.as_str()), ("supported", supported.as_str())];
    if plan.steps.is_empty() {
        session.output.print("migrate-current", &[("format", &supported)]);
        return;
    }
    if let Some(copy) = copy {
        session
            .output
            .print("migrate-done", &[("copy", &copy), ("supported", &supported)]);
        return;
    }
    session.output.print("migrate-planned", &numbers);
    for step in &plan.steps {
        match step {
            Step::RewriteJournal => session.output.print("migrate-rewrite-journal", &[]),
        }
    }
}

/// Writes the report; `-` is standard output.
pub(super) async fn bugreport(session: &mut Session, file: &Path) -> Result<u8, Failure> {
    let path = std::path::absolute(file).map_err(|e| Failure::file(file, &e))?;
    let is_file = file != Path::new("-");
    if is_file && path.exists() {
        return Err(Problem::new(Code::HomeExists, path.display().to_string()).into());
    }
    let report = asked(session).await?;
    let text = report.text()?;
    if !is_file {
        session.output.bytes(text.as_bytes());
        return Ok(0);
    }
    home::write(&path, text.as_bytes())?;
    let path = path.display().to_string();
    if session.output.json {
        session
            .output
            .object(&json!({ "schema": "bugreport-written/v1", "path": path, "left_out": report.left_out() }));
        return Ok(0);
    }
    session.output.print("bugreport-written", &[("path", &path)]);
    if !report.left_out().is_empty() {
        session.output.print("bugreport-left-out", &[]);
    }
    Ok(0)
}

/// Everything that a report is made of. What cannot be had is named in it: a report about a home that does not open is worth most.
async fn asked(session: &mut Session) -> Result<Report, Failure> {
    let home: Home = session.home()?;
    home.require()?;
    let mut report = Report::new(&home);
    match session.load(&[]) {
        Ok(loaded) => report.configuration(&loaded),
        Err(failure) => report.without("configuration", failure.problem.code),
    }
    match migration::plan(&home) {
        Ok(plan) => report.formats(&plan.formats),
        Err(failure) => report.without("formats", failure.problem.code),
    }
    type Take = fn(&mut Report, &Value);
    let commands: [(&'static str, Command, Take); 3] = [
        ("doctor", Command::Doctor, Report::doctor),
        ("status", Command::Status, Report::status),
        ("metrics", Command::Metrics, Report::metrics),
    ];
    let mut closed = None;
    for (what, command, take) in commands {
        if let Some(code) = closed {
            // A person is asked for the passphrase once.
            report.without(what, code);
            continue;
        }
        let answer = tokio::time::timeout(ANSWER, session.execute(command)).await;
        match answer.unwrap_or_else(|_| Err(Code::Unreachable.into())) {
            Ok(answer) => take(&mut report, &answer),
            Err(failure) => {
                report.without(what, failure.problem.code);
                // Nor is a node asked again that did not answer: its answer to this question may come as that to the next.
                let code = failure.problem.code;
                closed = Some(code).filter(|code| !session.is_reached() || *code == Code::Unreachable);
            }
        }
    }
    Ok(report)
}
