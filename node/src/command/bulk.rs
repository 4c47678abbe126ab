//! `bevis issuer bulk`: many credentials at once, by two persons.

use super::issuer::{Progress, Rows, digest, plain};
use super::session::Session;
use crate::args::{AsPerson, Bulk, Change, Named};
use crate::error::Failure;
use crate::output::At;
use crate::service::Command;
use credentials::status::State;
use credentials::{Code, Problem};
use issuer::Names;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Lines sent at once: about 50 ms of work, between which peers are answered.
const BATCH: usize = 250;
/// How often a bulk change under way is looked at.
const LOOK: Duration = Duration::from_millis(200);

/// Runs a command of the group.
pub(super) async fn run(session: &mut Session, bulk: Bulk) -> Result<u8, Failure> {
    match bulk {
        Bulk::Propose {
            change,
            from,
            named,
            credential_type,
            import,
            all: _,
            reason,
            person,
        } => {
            let state = match change {
                Change::Revoke => State::Revoked,
                Change::Suspend => State::Suspended,
                Change::Reinstate => State::Valid,
            };
            match (from, credential_type) {
                (Some(file), credential_type) => {
                    let names = match named {
                        Named::Credential => Names::Credential,
                        Named::Row => Names::Row,
                        Named::Subject => Names::Subject,
                    };
                    let order = (state, reason, names, credential_type);
                    propose_file(session, &file, order, &person).await
                }
                (None, Some(credential_type)) => {
                    let command = Command::BulkSelect {
                        state,
                        reason,
                        credential_type,
                        import,
                    };
                    let proposed = session.execute_as(command, &person).await?;
                    tell_proposed(session, proposed, None);
                    Ok(0)
                }
                (None, None) => Err(Problem::new(Code::Usage, "--from | --import | --all").into()),
            }
        }
        Bulk::List { bulk } => list(session, bulk).await,
        Bulk::Approve { bulk, person } => {
            if person.handle.is_none() {
                return Err(Problem::new(Code::Usage, "--as").into());
            }
            let command = Command::BulkApprove { bulk };
            let begun = session.execute_as(command, &person).await?;
            follow(session, begun).await
        }
        Bulk::Cancel { bulk, person } => {
            let command = Command::BulkCancel { bulk };
            let answer = session.execute_as(command, &person).await?;
            tell(session, "bulk-cancelled", &answer);
            Ok(0)
        }
        Bulk::Pause { bulk, person } => {
            let command = Command::BulkPause { bulk };
            let answer = session.execute_as(command, &person).await?;
            tell(session, "bulk-paused", &answer);
            Ok(0)
        }
        Bulk::Resume { bulk, person } => {
            let command = Command::BulkResume { bulk };
            let begun = session.execute_as(command, &person).await?;
            follow(session, begun).await
        }
    }
}

async fn propose_file(
    session: &mut Session,
    file: &Path,
    (state, reason, names, credential_type): (State, String, Names, Option<String>),
    person: &AsPerson,
) -> Result<u8, Failure> {
    let csv = file.extension().is_some_and(|e| e.eq_ignore_ascii_case("csv"));
    let (_, total) = digest(file)?;
    let mut rows = Rows::open(file, csv)?;
    let header = if csv { rows.next()?.map(|(_, line)| line) } else { None };
    let start = Command::BulkStart {
        state,
        reason,
        names,
        credential_type,
        header,
    };
    let start = session.execute_as(start, person).await?;
    let bulk = start.at("bulk").as_str().unwrap_or_default().to_owned();
    let mut progress = Progress::new(session, total);
    let mut rejected: Vec<(Value, String)> = Vec::new();
    let mut batch: Vec<(u64, String)> = Vec::new();
    loop {
        let next = rows.next()?;
        let last = next.is_none();
        batch.extend(next);
        if !batch.is_empty() && (last || batch.len() >= BATCH) {
            let at = batch.last().map_or(0, |(line, _)| *line);
            let lines = std::mem::take(&mut batch);
            let command = Command::BulkLines {
                bulk: bulk.clone(),
                lines: lines.clone(),
            };
            // Not as the person each time: their passphrase takes longer to try than the lines to look at.
            let done = session.execute(command).await?;
            for refused in done.at("rejected").as_array().into_iter().flatten() {
                let line = refused.at("line").as_u64();
                let text = lines.iter().find(|(number, _)| Some(*number) == line);
                rejected.push((refused.clone(), text.map(|(_, text)| text.clone()).unwrap_or_default()));
            }
            progress.tell(session, "bulk-progress", at, total);
        }
        if last {
            break;
        }
    }
    progress.end();
    let path = write_rejected(file, &rejected)?;
    let proposed = session.execute_as(Command::BulkPropose { bulk }, person).await?;
    tell_proposed(session, proposed, path.as_deref());
    Ok(if rejected.is_empty() { 0 } else { 8 })
}

/// Number, reason and the line itself of each line that was not taken: whoever runs this has the file already.
fn write_rejected(file: &Path, rejected: &[(Value, String)]) -> Result<Option<PathBuf>, Failure> {
    if rejected.is_empty() {
        return Ok(None);
    }
    let mut text = String::from("line,reason,text\n");
    for (refused, line) in rejected {
        let (number, reason) = (refused.at("line"), refused.at("reason").as_str().unwrap_or_default());
        text.push_str(&format!("{number},{reason},\"{}\"\n", line.replace('"', "\"\"")));
    }
    let path = file.with_extension("rejected.csv");
    crate::home::write(&path, text.as_bytes())?;
    Ok(Some(path))
}

fn tell_proposed(session: &Session, mut proposed: Value, rejected: Option<&Path>) {
    if session.output.json {
        proposed.put("rejected_file", json!(rejected.map(|path| path.display().to_string())));
        session.output.object(&proposed);
        return;
    }
    let text = |name: &str| proposed.at(name).as_str().unwrap_or_default();
    let count = proposed.at("named").at("credentials").to_string();
    let refused = proposed.at("rejected").to_string();
    session.output.print(
        "bulk-proposed",
        &[
            ("count", &count),
            ("rejected", &refused),
            ("until", text("until")),
            ("bulk", text("bulk")),
        ],
    );
    if let Some(path) = rejected {
        session
            .output
            .print("bulk-rejected", &[("path", &path.display().to_string())]);
    }
}

/// Watches one under way until it stands still.
async fn follow(session: &mut Session, begun: Value) -> Result<u8, Failure> {
    let bulk = begun.at("bulk").as_str().unwrap_or_default().to_owned();
    let total = begun.at("named").at("credentials").as_u64().unwrap_or(0);
    let mut progress = Progress::new(session, total);
    let mut now = session.execute(Command::Bulk { bulk: bulk.clone() }).await?;
    while now.at("stage") == "running" {
        let done = now.at("changed").at("credentials").as_u64().unwrap_or(0);
        progress.tell(session, "bulk-progress", done, total);
        tokio::time::sleep(LOOK).await;
        now = session.execute(Command::Bulk { bulk: bulk.clone() }).await?;
    }
    progress.end();
    match now.at("stage").as_str() {
        Some("finished") => {
            tell(session, "bulk-finished", &now);
            Ok(if now.at("passed_over").as_u64() == Some(0) {
                0
            } else {
                8
            })
        }
        Some("paused") => {
            tell(session, "bulk-paused", &now);
            Ok(8)
        }
        _ => {
            tell(session, "bulk-cancelled", &now);
            Ok(8)
        }
    }
}

fn tell(session: &Session, key: &str, answer: &Value) {
    if session.output.json {
        session.output.object(answer);
        return;
    }
    let count = answer.at("changed").at("credentials").to_string();
    let passed = answer.at("passed_over").to_string();
    let bulk = answer.at("bulk").as_str().unwrap_or_default();
    let arguments = [("count", count.as_str()), ("passed", passed.as_str()), ("bulk", bulk)];
    session.output.data(&session.output.catalogue.text(key, &arguments));
}

async fn list(session: &mut Session, bulk: Option<String>) -> Result<u8, Failure> {
    let answer = match bulk {
        Some(bulk) => session.execute(Command::Bulk { bulk }).await?,
        None => session.execute(Command::Bulks).await?,
    };
    if session.output.json {
        session.output.object(&answer);
        return Ok(0);
    }
    match answer.at("bulks").as_array() {
        Some(all) => all.iter().for_each(|bulk| session.output.data(&plain(bulk))),
        None => session.output.data(&plain(&answer)),
    }
    Ok(0)
}
