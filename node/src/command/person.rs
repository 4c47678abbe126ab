//! `bevis person`: accounts of those who work at an organisation's pages.

use super::session::Session;
use crate::args::Person;
use crate::error::Failure;
use crate::output::At;
use crate::service::Command;
use serde_json::Value;

/// Runs a command of the group.
pub(super) async fn run(session: &mut Session, person: Person) -> Result<u8, Failure> {
    let (command, said) = match person {
        Person::List => return list(session).await,
        Person::Add {
            handle,
            name,
            faces,
            person_passphrase_file,
        } => {
            let passphrase = session.person_passphrase(person_passphrase_file.as_deref(), true)?;
            let command = Command::PersonAdd {
                handle,
                name,
                faces: faces.into_iter().collect(),
                passphrase,
            };
            (command, "person-added")
        }
        Person::Remove { handle } => (Command::PersonRemove { handle }, "person-removed"),
        Person::Passphrase {
            handle,
            person_passphrase_file,
        } => {
            let passphrase = session.person_passphrase(person_passphrase_file.as_deref(), true)?;
            (
                Command::PersonPassphrase { handle, passphrase },
                "person-passphrase-changed",
            )
        }
    };
    let answer = session.execute(command).await?;
    if session.output.json {
        session.output.object(&answer);
    } else {
        let handle = answer.at("handle").as_str().unwrap_or_default();
        let text = session.output.catalogue.text(said, &[("handle", handle)]);
        session.output.data(&text);
    }
    Ok(0)
}

async fn list(session: &mut Session) -> Result<u8, Failure> {
    let answer = session.execute(Command::People).await?;
    if session.output.json {
        session.output.object(&answer);
        return Ok(0);
    }
    let people = answer.at("people").as_array().cloned().unwrap_or_default();
    if people.is_empty() {
        session.output.say("person-none", &[]);
    }
    for person in &people {
        let text = |name: &str| person.at(name).as_str().unwrap_or_default();
        let faces = person.at("faces").as_array().into_iter().flatten();
        let faces: Vec<&str> = faces.filter_map(Value::as_str).collect();
        let mut line = format!("{}  {}  {}", text("handle"), text("name"), faces.join(", "));
        if !text("removed_at").is_empty() {
            let gone = session
                .output
                .catalogue
                .text("person-gone", &[("at", text("removed_at"))]);
            line.push_str("  ");
            line.push_str(&gone);
        }
        session.output.data(&line);
    }
    Ok(0)
}
