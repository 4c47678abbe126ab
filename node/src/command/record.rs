//! `bevis record`: who did what in this home.

use super::issuer::plain;
use super::session::Session;
use crate::args::Record;
use crate::error::Failure;
use crate::output::At;
use crate::service::{Command, RECORD_PAGE_MAX};
use credentials::{Code, Problem};
use serde_json::{Value, json};
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Runs a command of the group.
pub(super) async fn run(session: &mut Session, record: Record) -> Result<u8, Failure> {
    match record {
        Record::List { from, limit } => list(session, from, limit).await,
        Record::Verify => verify(session).await,
        Record::Export { file } => export(session, &file).await,
    }
}

async fn list(session: &mut Session, from: Option<u64>, limit: u32) -> Result<u8, Failure> {
    let command = Command::Record {
        from,
        limit: limit.clamp(1, RECORD_PAGE_MAX),
        forward: false,
    };
    let answer = session.execute(command).await?;
    if session.output.json {
        session.output.object(&answer);
        return Ok(0);
    }
    let entries = answer.at("entries").as_array().cloned().unwrap_or_default();
    if entries.is_empty() {
        session.output.say("record-empty", &[]);
    }
    for entry in &entries {
        let text = |name: &str| entry.at(name).as_str().unwrap_or_default();
        let number = entry.at("number").to_string();
        let line = format!("{number}  {}  {}  {}", text("at"), text("who"), text("what"));
        session
            .output
            .data(format!("{line}  {}", plain(entry.at("about"))).trim_end());
    }
    if let Some(next) = answer.at("next").as_u64() {
        session.output.say("record-more", &[("next", &next.to_string())]);
    }
    Ok(0)
}

async fn verify(session: &mut Session) -> Result<u8, Failure> {
    let answer = session.execute(Command::RecordVerify).await?;
    let broken = answer.at("broken_at").as_u64();
    if session.output.json {
        session.output.object(&answer);
    } else {
        let (count, hash) = (
            answer.at("entries").to_string(),
            answer.at("hash").as_str().unwrap_or_default(),
        );
        match broken {
            None => session
                .output
                .print("record-whole", &[("count", &count), ("hash", hash)]),
            Some(number) => session
                .output
                .print("record-broken", &[("number", &number.to_string())]),
        }
    }
    Ok(if broken.is_some() { 3 } else { 0 })
}

/// Writes every entry there was when it began.
async fn export(session: &mut Session, path: &Path) -> Result<u8, Failure> {
    let failed = |e: std::io::Error| Failure::file(path, &e);
    let mut options = OpenOptions::new();
    let mut file = options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .map_err(failed)?;
    let (mut from, mut count, mut until) = (Some(1), 0_u64, None);
    while let Some(first) = from {
        let command = Command::Record {
            from: Some(first),
            limit: RECORD_PAGE_MAX,
            forward: true,
        };
        let page = session.execute(command).await?;
        // What is written meanwhile is not waited for.
        let until = *until.get_or_insert(page.at("head").at("number").as_u64().unwrap_or(0));
        for entry in page.at("entries").as_array().into_iter().flatten() {
            if entry.at("damaged").as_bool() == Some(true) {
                return Err(Problem::new(Code::Damaged, "record").into());
            }
            if entry.at("number").as_u64().is_some_and(|number| number <= until) {
                writeln!(file, "{entry}").map_err(failed)?;
                count = count.saturating_add(1);
            }
        }
        from = page.at("next").as_u64().filter(|next| *next <= until);
    }
    file.sync_all().map_err(failed)?;
    let path = path.display().to_string();
    if session.output.json {
        let answer: Value = json!({ "schema": "record-exported/v1", "path": path, "entries": count });
        session.output.object(&answer);
    } else {
        session
            .output
            .print("record-exported", &[("path", &path), ("count", &count.to_string())]);
    }
    Ok(0)
}
