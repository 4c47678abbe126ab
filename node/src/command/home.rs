//! `bevis backup` and `bevis config`: the home as a whole.

use super::session::Session;
use crate::args::{Backup, Config};
use crate::config;
use crate::error::Failure;
use crate::home;
use crate::output::At;
use crate::service::{self, Command};
use credentials::{Code, Problem};
use serde_json::{Value, json};
use std::path::Path;
use store::Store;

/// Runs a command of the group.
pub(super) async fn backup(session: &mut Session, backup: Backup) -> Result<u8, Failure> {
    match backup {
        Backup::Create { file } => create_backup(session, &file).await,
        Backup::Verify { file } => {
            let passphrase = session.passphrase(false)?;
            verified(session, &file, &service::Contents::read(&file, &passphrase)?)
        }
        Backup::Restore { file, set_aside } => restore(session, &file, set_aside),
    }
}

/// Says what is in a backup that is whole.
fn verified(session: &Session, file: &Path, contents: &service::Contents) -> Result<u8, Failure> {
    let path = file.display().to_string();
    if session.output.json {
        let mut object = serde_json::to_value(contents).map_err(|e| Failure::because(Code::Internal, e))?;
        object.put("schema", json!("backup-verified/v1"));
        object.put("path", json!(path));
        session.output.object(&object);
        return Ok(0);
    }
    session.output.print("backup-verified", &[("path", &path)]);
    match contents.made {
        Some(made) => {
            let made = session.output.catalogue.moment(made);
            session.output.print("backup-made", &[("made", &made)]);
        }
        None => session.output.print("backup-made-unknown", &[]),
    }
    let roles = contents.roles.join(", ");
    let [rows, mib] = [contents.rows, contents.bytes.div_ceil(1 << 20)].map(|number| number.to_string());
    session.output.print(
        "backup-contents",
        &[
            ("roles", &roles),
            ("rows", &rows),
            ("mib", &mib),
            ("store", &contents.store),
        ],
    );
    Ok(0)
}

/// Writes a sealed copy of the home.
pub(super) async fn create_backup(session: &mut Session, file: &Path) -> Result<u8, Failure> {
    let path = std::path::absolute(file).map_err(|e| Failure::file(file, &e))?;
    if path.exists() {
        return Err(Problem::new(Code::HomeExists, path.display().to_string()).into());
    }
    let answer = session.execute(Command::Backup { path: path.clone() }).await?;
    if session.output.json {
        session.output.object(&answer)
    } else {
        done(session, "backup-created", &path)
    }
    Ok(0)
}

/// A home from a sealed copy. The passphrase is the copy's. With `set_aside` it takes the place of damaged data.
pub(super) fn restore(session: &mut Session, file: &Path, set_aside: bool) -> Result<u8, Failure> {
    let home = session.home()?;
    if home.exists() && set_aside {
        return repair(session, file, &home);
    }
    if home.exists() {
        return Err(Problem::new(Code::HomeExists, home.path().display().to_string()).into());
    }
    let passphrase = session.passphrase(false)?;
    home.create()?;
    Store::restore(file, &home.store(), &passphrase, service::entropy())?;
    let store = Store::open(&home.store(), &passphrase, service::entropy())?;
    let text = service::stored_config(&store)?;
    config::parse(&text)?;
    home::write(&home.config(), text.as_bytes())?;
    done(session, "backup-restored", home.path());
    Ok(0)
}

/// Puts a sealed copy in the place of the home's damaged store. The configuration stays, unless it is lost too.
fn repair(session: &mut Session, file: &Path, home: &home::Home) -> Result<u8, Failure> {
    let passphrase = session.passphrase(false)?;
    let (store, aside) = Store::repair_from_backup(&home.store(), file, &passphrase, service::entropy())?;
    if !home.config().exists() {
        let text = service::stored_config(&store)?;
        config::parse(&text)?;
        home::write(&home.config(), text.as_bytes())?;
    }
    let (path, aside) = (home.path().display().to_string(), aside.display().to_string());
    if session.output.json {
        let answer = json!({ "schema": "backup-repaired/v1", "path": path, "set_aside": aside });
        session.output.object(&answer);
    } else {
        session
            .output
            .print("backup-repaired", &[("path", &path), ("aside", &aside)]);
    }
    Ok(0)
}

fn done(session: &Session, key: &str, path: &Path) {
    let path = path.display().to_string();
    if session.output.json {
        session
            .output
            .object(&json!({ "schema": format!("{key}/v1"), "path": path }));
    } else {
        session.output.print(key, &[("path", &path)]);
    }
}

/// Runs a command of the group.
pub(super) fn config(session: &mut Session, config: Config) -> Result<u8, Failure> {
    match config {
        Config::Path => {
            let path = session.home()?.config().display().to_string();
            if session.output.json {
                session
                    .output
                    .object(&json!({ "schema": "config-path/v1", "path": path }));
            } else {
                session.output.data(&path);
            }
        }
        Config::Schema => super::reference::config_schema(session),
        Config::Check => {
            session.load(&[])?;
            service::types(&session.home()?)?;
            let path = session.home()?.config();
            done(session, "config-valid", &path);
        }
        Config::Show { origin } => {
            let loaded = session.load(&[])?;
            let value = serde_json::to_value(&loaded.config).map_err(|e| Failure::because(Code::Internal, e))?;
            let origins = serde_json::to_value(&loaded.origins).map_err(|e| Failure::because(Code::Internal, e))?;
            if session.output.json {
                session
                    .output
                    .object(&json!({ "schema": "config/v1", "config": value, "origins": origins }));
            } else {
                show(session, &value, &origins, "", origin);
            }
        }
    }
    Ok(0)
}

fn show(session: &Session, value: &Value, origins: &Value, prefix: &str, with_origin: bool) {
    for (key, value) in value.as_object().into_iter().flatten() {
        let path = format!("{prefix}{key}");
        if value.is_object() {
            show(session, value, origins, &format!("{path}."), with_origin);
        } else if with_origin {
            let origin = origins[&path].as_str().unwrap_or("default");
            session.output.data(&format!("{path} = {value}  ({origin})"));
        } else {
            session.output.data(&format!("{path} = {value}"));
        }
    }
}
