//! `bevis verifier grants`, `bevis wallet grants`, `bevis wallet withdraw` and what is done from an entry of the history: standing grants
//! and receipts, from both sides.

use super::session::Session;
use super::verifier::path;
use crate::args::{Entry, Grants};
use crate::error::Failure;
use crate::home;
use crate::output::At;
use crate::service::{Command, Consent};
use credentials::{Code, Did, Problem, Timestamp, time::DAY};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// Runs a command of an asker.
pub(super) async fn asker(session: &mut Session, grants: Grants) -> Result<u8, Failure> {
    match grants {
        Grants::Request {
            service,
            case,
            subject,
            types,
            claims,
            issuer,
            days,
            uses,
            seconds,
        } => {
            let usage = |what: &str| Failure::from(Problem::new(Code::Usage, what));
            if case.trim().is_empty() {
                return Err(usage("--case"));
            }
            let issuer = match issuer {
                None => None,
                Some(text) => Some(Did::parse(&text).ok_or_else(|| usage("--issuer"))?),
            };
            let subject = session.or_stdin(subject)?;
            let what = Consent::Request {
                service,
                case,
                subject,
                types,
                claims: claims.iter().map(|text| path(text)).collect(),
                valid_seconds: seconds,
                issuer,
                seconds: days.map(|days| i64::from(days).saturating_mul(DAY)),
                uses_per_day: uses,
            };
            let asked = session.execute(Command::Consent { what }).await?;
            if session.output.json {
                session.output.object(&asked);
                return Ok(0);
            }
            session.output.data(asked.at("link").as_str().unwrap_or_default());
            let id = asked.at("session").as_str().unwrap_or_default();
            session.output.say("verifier-asked", &[("session", id)]);
        }
        Grants::List => {
            let list = session.execute(Command::Consent { what: Consent::Given }).await?;
            if session.output.json {
                session.output.object(&list);
                return Ok(0);
            }
            for grant in list.at("grants").as_array().into_iter().flatten() {
                let text = |key: &str| grant[key].as_str().unwrap_or_default();
                let state = state(session, grant);
                session.output.data(&format!(
                    "{}  {}  {}  {state}  {}",
                    text("name"),
                    text("service"),
                    text("case"),
                    grant.at("uses")
                ));
            }
        }
        Grants::Show { name } => {
            let what = Consent::Read { name };
            let shown = session.execute(Command::Consent { what }).await?;
            if session.output.json {
                session.output.object(&shown);
                return Ok(0);
            }
            let grant = shown.at("grant");
            let ended = moment(session, grant.at("ended"));
            match grant.at("state").as_str() {
                Some("withdrawn") => session.output.print("grant-given-withdrawn", &[("ended", &ended)]),
                Some("expired") => session.output.print("grant-given-expired", &[("ended", &ended)]),
                _ => {
                    let until = moment(session, grant.at("until"));
                    session.output.print("grant-given", &[("until", &until)]);
                }
            }
            if !grant.at("deletion").is_null() {
                session.output.print("grant-deletion", &[]);
            }
            super::said::tell(session, shown.at("said"));
            if !shown.at("claims").is_null() {
                session.output.data(&format!("{:#}", shown.at("claims")));
            }
        }
        Grants::Refresh { name, claims, even_so } => {
            let claims = claims.iter().map(|text| path(text)).collect();
            let what = Consent::Refresh { name, claims, even_so };
            let released = session.execute(Command::Consent { what }).await?;
            if session.output.json {
                session.output.object(&released);
            } else {
                session
                    .output
                    .data(&format!("{:#}", released.at("release").at("claims")));
            }
        }
        Grants::Logout { name } => {
            let what = Consent::Logout { name };
            let erased = session.execute(Command::Consent { what }).await?;
            if session.output.json {
                session.output.object(&erased);
            } else {
                session.output.print("grant-logout", &[]);
            }
        }
    }
    Ok(0)
}

/// Grants that this wallet's holder has given, with each use.
pub(super) async fn given(session: &mut Session, asks_first: bool) -> Result<(), Failure> {
    if asks_first {
        session.execute(Command::Consent { what: Consent::Uses }).await?;
    }
    let list = session.execute(Command::Consent { what: Consent::Grants }).await?;
    if session.output.json {
        session.output.object(&list);
        return Ok(());
    }
    let grants = list.at("grants").as_array().map(Vec::as_slice).unwrap_or_default();
    if grants.is_empty() {
        session.output.say("grants-empty", &[]);
    }
    for grant in grants {
        one(session, grant);
    }
    Ok(())
}

/// Takes a grant back.
pub(super) async fn withdraw(session: &mut Session, id: String) -> Result<(), Failure> {
    let what = Consent::Withdraw { id };
    let withdrawn = session.execute(Command::Consent { what }).await?;
    if session.output.json {
        session.output.object(&withdrawn);
        return Ok(());
    }
    let grant = withdrawn.at("grant");
    session.output.print("grant-withdrawn", &[]);
    for (told, name) in [("issuer_told", "issuer_name"), ("asker_told", "asker_name")] {
        let name = grant[name].as_str().unwrap_or_default();
        let key = match grant[told].as_bool() {
            Some(true) => "grant-acknowledged",
            _ => "grant-to-be-told",
        };
        session.output.print(key, &[("name", name)]);
    }
    super::said::tell(session, grant.at("said"));
    Ok(())
}

/// Asks a source what is granted there, and takes back what is named.
pub(super) async fn review(
    session: &mut Session,
    from: String,
    type_name: String,
    end: Vec<String>,
) -> Result<Value, Failure> {
    let issuer = Did::parse(&from).ok_or_else(|| Problem::new(Code::Usage, "--from"))?;
    let what = Consent::Review {
        issuer,
        credential_type: type_name,
        end,
    };
    session.execute(Command::Consent { what }).await
}

/// What a source showed.
pub(super) fn found(session: &Session, outcome: &Value) {
    let grants = outcome.at("grants").as_array().map(Vec::as_slice).unwrap_or_default();
    if grants.is_empty() {
        session.output.say("grants-none-there", &[]);
    }
    for grant in grants {
        let text = |key: &str| grant[key].as_str().unwrap_or_default();
        let state = match grant.at("withdrawn").is_null() {
            true => "active",
            false => "withdrawn",
        };
        let state = session.output.catalogue.text(&format!("grant-state-{state}"), &[]);
        let at = match grant.at("withdrawn") {
            Value::Null => grant.at("until"),
            withdrawn => withdrawn,
        };
        let at = moment(session, at);
        session.output.data(&format!(
            "{}  {}  {}  {state}  {at}  {}",
            text("name"),
            text("asker_name"),
            text("service"),
            grant.at("uses")
        ));
    }
}

/// What is done from an entry of the history.
pub(super) async fn entry(session: &mut Session, entry: Entry) -> Result<(), Failure> {
    match entry {
        Entry::Export { entry, format: _ } => {
            let what = Consent::Receipt { entry };
            let receipt = session.execute(Command::Consent { what }).await?;
            session.output.data(receipt.at("document").as_str().unwrap_or_default());
        }
        Entry::DeleteRequest { entry } => {
            let what = Consent::Erase { entry };
            let erased = session.execute(Command::Consent { what }).await?;
            if session.output.json {
                session.output.object(&erased);
            } else {
                session.output.print("outcome-erased", &[]);
                super::said::tell(session, erased.at("said"));
            }
        }
        Entry::Report { entry, file, complaint } => {
            let beside = beside(&file);
            for path in [&file, &beside] {
                if path.exists() {
                    return Err(Problem::new(Code::HomeExists, path.display().to_string()).into());
                }
            }
            let complaint = session.or_stdin(complaint)?;
            let language = session.output.catalogue.language().to_owned();
            let what = Consent::Report {
                entry,
                complaint,
                language,
            };
            let report = session.execute(Command::Consent { what }).await?;
            let part = |key: &str| format!("{}\n", report.at(key).as_str().unwrap_or_default().trim_end());
            home::write(&file, part("signed").as_bytes())?;
            home::write(&beside, part("text").as_bytes())?;
            let (path, text) = (file.display().to_string(), beside.display().to_string());
            if session.output.json {
                session
                    .output
                    .object(&json!({ "schema": "reported/v1", "path": path, "text": text }));
            } else {
                session.output.print("reported", &[("path", &path), ("text", &text)]);
            }
        }
    }
    Ok(())
}

/// The receipt as the asker has it.
pub(super) async fn receipted(session: &mut Session, name: String, is_grant: bool) -> Result<(), Failure> {
    let what = Consent::Receipted { name, is_grant };
    let receipt = session.execute(Command::Consent { what }).await?;
    session.output.data(receipt.at("document").as_str().unwrap_or_default());
    Ok(())
}

/// Where what a report says goes.
fn beside(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".txt");
    PathBuf::from(name)
}

/// A reminder that a grant stands.
pub(super) fn remind(session: &Session, grant: &Value) {
    let text = |key: &str| grant[key].as_str().unwrap_or_default();
    let uses = grant.at("uses").as_array().map_or(0, Vec::len).to_string();
    let until = moment(session, grant.at("until"));
    let places = [
        ("asker", text("asker_name")),
        ("issuer", text("issuer_name")),
        ("uses", &uses),
        ("until", &until),
        ("id", text("id")),
    ];
    session.output.print("grant-reminder", &places);
}

fn one(session: &Session, grant: &Value) {
    let text = |key: &str| grant[key].as_str().unwrap_or_default();
    let state = state(session, grant);
    let at = match grant.at("withdrawn") {
        Value::Null => grant.at("until"),
        withdrawn => withdrawn,
    };
    let at = moment(session, at);
    session.output.data(&format!(
        "{}  {} ← {}  {state}  {at}",
        text("id"),
        text("asker_name"),
        text("issuer_name")
    ));
    for used in grant.at("uses").as_array().into_iter().flatten() {
        let (number, at) = (used.at("number").to_string(), moment(session, used.at("at")));
        session.output.print("grant-use", &[("number", &number), ("time", &at)]);
    }
    super::said::tell(session, grant.at("said"));
    if grant.at("state") == "active" && !grant.at("reminded").is_null() {
        remind(session, grant);
    }
}

fn state(session: &Session, grant: &Value) -> String {
    let state = grant.at("state").as_str().unwrap_or_default();
    session.output.catalogue.text(&format!("grant-state-{state}"), &[])
}

/// An instant of an answer, for people.
pub(super) fn moment(session: &Session, value: &Value) -> String {
    let at = value.as_str().and_then(Timestamp::parse);
    at.map(|at| session.output.catalogue.moment(at)).unwrap_or_default()
}
