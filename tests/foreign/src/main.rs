//! A small wallet written from `docs/protocol.md` and the standards it names, with none of the crates of this repository:
//! the proof that the document is enough, and an example for other teams. It is a **test wallet**: its keys stand in a plain
//! file, it speaks TCP only, and it knows two credential types.
//!
//! §1–3 `connection` · §4 `cbor` · §5 `collect` · §6 `present` · §7 `status` · §8 `jose`, `json` · §9 and §14 `credential` ·
//! §10 `request`, `registration` · §11 `show`, `jwe` · §12 `anchors`, `trust` · §13 `link` · §15 `codes` · §16 `types` · §17 `worked`

mod anchors;
mod cbor;
mod codes;
mod collect;
mod connection;
mod credential;
mod jose;
mod json;
mod jwe;
mod link;
mod present;
mod problem;
mod registration;
mod request;
mod show;
mod state;
mod status;
mod time;
mod trust;
mod types;
#[cfg(test)]
mod worked;

use problem::{Outcome, Problem, refuse};
use serde_json::Value;
use state::{State, Waiting};
use std::io::{BufRead, Write};
use std::path::Path;
use std::process::ExitCode;

const USAGE: &str = "foreign STATE-FILE COMMAND
  trust FILE [FINGERPRINT]   take a bundle of the trust list; the first one with the first root's fingerprint
  collect LINK [CODE-FILE]   collect what a `bevis:offer` invites to
  present LINK               answer a `bevis:request`, after you have read it and typed `yes`; `no` declines
  decline LINK               decline it unread
  resend                     send again what was not answered
  status                     mirror the issuers of what is held
  list                       say what is held
  cheat LINK CLAIM VALUE     answer with a disclosure altered: for testing askers";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let outcome = match runtime {
        Ok(runtime) => runtime.block_on(run(&arguments)),
        Err(_) => refuse("internal", "the program could not start"),
    };
    let (said, exit) = match outcome {
        Ok(said) => (said, ExitCode::SUCCESS),
        Err(problem) => {
            let said = serde_json::json!({"code": problem.code, "error": problem.sentence});
            (said, ExitCode::FAILURE)
        }
    };
    // Nobody is left to tell when standard output is closed.
    drop(writeln!(std::io::stdout(), "{said}"));
    exit
}

async fn run(arguments: &[&str]) -> Outcome<Value> {
    let [path, command, rest @ ..] = arguments else {
        return refuse("usage", USAGE);
    };
    let mut state = State::open(Path::new(path))?;
    let now = time::now();
    match (*command, rest) {
        ("trust", [file]) => take_trust(&mut state, file, None, now),
        ("trust", [file, root]) => take_trust(&mut state, file, Some(root), now),
        ("collect", [link]) => collect::collect(&mut state, link, None, &mut decide, now).await,
        ("collect", [link, file]) => {
            let code = read(file)?;
            collect::collect(&mut state, link, Some(&code), &mut decide, now).await
        }
        ("present", [link]) => present::present(&mut state, link, None, &mut decide, now).await,
        ("cheat", [link, claim, value]) => {
            present::present(&mut state, link, Some((claim, value)), &mut decide, now).await
        }
        ("decline", [link]) => present::decline(&mut state, link, now).await,
        ("resend", []) => resend(&mut state, now).await,
        ("status", []) => status::mirror_all(&mut state, now).await,
        ("list", []) => status::listed(&state.kept),
        _ => refuse("usage", USAGE),
    }
}

fn read(file: &str) -> Outcome<String> {
    std::fs::read_to_string(file).map_err(|error| Problem::new("file_failed", format!("{file}: {error}")))
}

fn take_trust(state: &mut State, file: &str, root: Option<&str>, now: u64) -> Outcome<Value> {
    let trust = state.take_trust(read(file)?, root)?;
    trust.require_current(now)?;
    Ok(serde_json::json!({"outcome": "trusted", "sequence": trust.sequence}))
}

/// §0, step 4: a person reads, and says yes to that text.
fn decide(text: &str) -> Outcome<bool> {
    let unheard = |_| Problem::new("not_confirmed", "nobody could be asked");
    write!(std::io::stderr(), "{text}Type yes or no: ").map_err(unheard)?;
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).map_err(unheard)?;
    match line.trim() {
        "yes" => Ok(true),
        "no" => Ok(false),
        _ => refuse("not_confirmed", "neither yes nor no was typed, so nothing was sent"),
    }
}

/// Sends what waits again, byte for byte.
async fn resend(state: &mut State, now: u64) -> Outcome<Value> {
    let trust = state.trust(now)?;
    let (did, is_collecting) = match &state.kept.waiting {
        Some(Waiting::Collecting { issuer, .. }) => (issuer.clone(), true),
        Some(Waiting::Sharing { asker, .. }) => (asker.clone(), false),
        None => return refuse("usage", "nothing waits for an answer"),
    };
    let secret = state.peer(&did)?;
    let mut connection = connection::dial(trust.organisation(&did, "unknown_issuer")?, secret).await?;
    let outcome = if is_collecting {
        collect::finish(state, &trust, &mut connection, now).await
    } else {
        present::finish(state, &trust, &mut connection).await
    };
    connection.close().await;
    state.settle(outcome)
}
