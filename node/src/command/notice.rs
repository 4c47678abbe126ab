//! `bevis issuer notice`, `bevis verifier customers` and `bevis verifier notices`.

use super::session::{Session, read_input};
use crate::args::{Customers, Publishing, Received};
use crate::clock;
use crate::error::Failure;
use crate::home;
use crate::output::At;
use crate::service::{Command, Notice};
use credentials::notice::Paper;
use credentials::time::DAY;
use credentials::{Code, Problem};
use serde_json::Value;
use std::path::Path;

/// Largest paper, in bytes.
const PAPER_MAX: u64 = 1024 * 1024;
/// Largest file of customers, in bytes: millions of numbers.
const CUSTOMERS_MAX: u64 = 64 * 1024 * 1024;
/// Lines given to the node at once.
const BATCH: usize = verifier::LINES_MAX;

async fn execute(session: &mut Session, what: Notice) -> Result<Value, Failure> {
    session.execute(Command::Notice { what }).await
}

fn show(session: &Session, answer: &Value) -> u8 {
    if session.output.json {
        session.output.object(answer);
    } else {
        session.output.data(&format!("{answer:#}"));
    }
    0
}

fn text_of(file: &Path) -> Result<String, Failure> {
    let bytes = read_input(file, PAPER_MAX)?;
    String::from_utf8(bytes).map_err(|e| Failure::because(Problem::new(Code::Malformed, "notice"), e))
}

/// Writes a paper to its file, and tells where.
fn write(session: &Session, file: &Path, paper: &Value) -> Result<u8, Failure> {
    let text = paper.at("text").as_str().unwrap_or_default();
    home::write(file, text.as_bytes())?;
    if session.output.json {
        session.output.object(paper);
    } else {
        session.output.data(&file.display().to_string());
    }
    Ok(0)
}

/// Everything that a paper says, for whoever is to sign it, and who has signed it.
fn read_out(text: &str) -> Result<String, Failure> {
    let paper = Paper::parse(text)?;
    let whole: Value =
        serde_json::from_str(text).map_err(|e| Failure::because(Problem::new(Code::Malformed, "notice"), e))?;
    let mut words = format!("{}\n{:#}", paper.register(), whole.at("credentialSubject"));
    for kid in paper.signers()? {
        words.push_str("\n✓ ");
        words.push_str(&kid);
    }
    Ok(words)
}

/// At the register.
pub(super) async fn publishing(session: &mut Session, notice: Publishing) -> Result<u8, Failure> {
    match notice {
        Publishing::Draft { subject, out } => {
            let subject = serde_json::from_str(&text_of(&subject)?)
                .map_err(|e| Failure::because(Problem::new(Code::Malformed, "notice"), e))?;
            let paper = execute(session, Notice::Draft { subject }).await?;
            write(session, &out, &paper)
        }
        Publishing::Sign { file } => {
            let text = text_of(&file)?;
            // What is asked is asked in the home's language.
            session.load(&[])?;
            session.output.show(&read_out(&text)?);
            session.confirm("notice-confirm")?;
            let paper = execute(session, Notice::Sign { text }).await?;
            write(session, &file, &paper)
        }
        Publishing::Publish { file } => {
            let text = text_of(&file)?;
            let answer = execute(session, Notice::Publish { text }).await?;
            Ok(show(session, &answer))
        }
        Publishing::Discard => {
            let answer = execute(session, Notice::Discard).await?;
            Ok(show(session, &answer))
        }
        Publishing::List { from } => {
            let answer = execute(session, Notice::Log { from }).await?;
            Ok(show(session, &answer))
        }
        Publishing::Checkpoint { out } => {
            let paper = execute(session, Notice::Checkpoint).await?;
            write(session, &out, &paper)
        }
        Publishing::Key { name, days, out } => {
            let from = clock::now();
            let until = from.plus(i64::from(days).saturating_mul(DAY));
            let paper = execute(session, Notice::Key { name, from, until }).await?;
            write(session, &out, &paper)
        }
        Publishing::DestroyKey { name } => {
            let answer = execute(session, Notice::KeyDestroy { name }).await?;
            Ok(show(session, &answer))
        }
    }
}

/// A bank's customers, by number alone.
pub(super) async fn customers(session: &mut Session, customers: Customers) -> Result<u8, Failure> {
    let (file, remove) = match customers {
        Customers::Import { file } => (file, false),
        Customers::Remove { file } => (file, true),
    };
    let bytes = read_input(&file, CUSTOMERS_MAX)?;
    let text = String::from_utf8(bytes).map_err(|e| Failure::because(Problem::new(Code::Malformed, "customers"), e))?;
    let lines: Vec<&str> = text.lines().collect();
    let mut total: Option<Value> = None;
    let mut first: u64 = 1;
    for batch in lines.chunks(BATCH) {
        let what = Notice::Customers {
            first,
            lines: batch.iter().map(|line| (*line).to_owned()).collect(),
            remove,
        };
        let answer = execute(session, what).await?;
        total = Some(match total {
            None => answer,
            Some(before) => sum(before, answer),
        });
        first = first.saturating_add(u64::try_from(batch.len()).unwrap_or(u64::MAX));
    }
    let Some(answer) = total else {
        return Err(Problem::new(Code::Malformed, "customers").into());
    };
    show(session, &answer);
    let has_rejected = answer
        .at("report")
        .at("rejected")
        .as_array()
        .is_some_and(|lines| !lines.is_empty());
    if has_rejected {
        Err(Code::PartlyDone.into())
    } else {
        Ok(0)
    }
}

/// Two answers as one: counts added, lines together, the newest number of customers.
fn sum(before: Value, mut after: Value) -> Value {
    let mut report = after.at("report").clone();
    for name in ["added", "known", "removed", "matched"] {
        let count = |answer: &Value| answer.at("report").at(name).as_u64().unwrap_or(0);
        let both = count(&before).saturating_add(count(&after));
        report.put(name, both.into());
    }
    let lines = |answer: &Value| {
        answer
            .at("report")
            .at("rejected")
            .as_array()
            .cloned()
            .unwrap_or_default()
    };
    let rejected = [lines(&before), lines(&after)].concat();
    report.put("rejected", rejected.into());
    after.put("report", report);
    after
}

/// What a bank received.
pub(super) async fn received(session: &mut Session, received: Received) -> Result<u8, Failure> {
    let what = match received {
        Received::List => Notice::Received,
        Received::Of { register, from } => Notice::Of { register, from },
        Received::Events { after, done } => Notice::Events { after, done },
        Received::Decide { register, wrong_from } => Notice::Decide { register, wrong_from },
    };
    let answer = execute(session, what).await?;
    Ok(show(session, &answer))
}
