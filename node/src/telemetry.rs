//! Logs: events with fields on stderr, as text or JSON. No claim, key, passphrase or person number is ever a field.

use crate::config::Log;
use crate::error::Failure;
use credentials::{Code, Problem};
use std::sync::OnceLock;
use tracing_subscriber::EnvFilter;

/// Our own crates. Libraries speak at `warn` unless a filter names them.
const OURS: &[&str] = &["node", "credentials", "store", "wallet", "issuer", "verifier"];

/// Puts another filter in the place of the one that logging was started with.
type Replace = Box<dyn Fn(EnvFilter) -> Result<(), tracing_subscriber::reload::Error> + Send + Sync>;

/// How the filter of this process is replaced, from the start of logging on.
static REPLACE: OnceLock<Replace> = OnceLock::new();

/// Starts logging once for the process. A later call changes nothing.
pub fn start(log: &Log) -> Result<(), Failure> {
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter(&log.level)?)
        .with_writer(std::io::stderr)
        .with_target(true);
    // A second start happens only when one process opens two homes in turn; the first keeps the log.
    let (replace, started): (Replace, _) = if log.format == "json" {
        let builder = builder.json().with_filter_reloading();
        let handle = builder.reload_handle();
        (Box::new(move |next| handle.reload(next)), builder.try_init())
    } else {
        let builder = builder.with_ansi(false).with_filter_reloading();
        let handle = builder.reload_handle();
        (Box::new(move |next| handle.reload(next)), builder.try_init())
    };
    if started.is_err() || REPLACE.set(replace).is_err() {
        tracing::debug!("logging runs already");
    }
    Ok(())
}

/// Logs at another level from now on. Errors: `config_invalid` for no level or filter; then nothing changes.
pub fn set_level(level: &str) -> Result<(), Failure> {
    let next = filter(level)?;
    match REPLACE.get() {
        Some(replace) => replace(next).map_err(|e| Failure::because(Code::Internal, e)),
        None => Ok(()),
    }
}

/// What is logged at a level, or by a filter. Errors: `config_invalid`.
pub fn filter(level: &str) -> Result<EnvFilter, Failure> {
    let plain = !level.contains(['=', ',']);
    let directives = if plain {
        let ours = OURS.iter().map(|name| format!(",{name}={level}"));
        ours.fold("warn".to_owned(), |all, one| all + &one)
    } else {
        level.to_owned()
    };
    EnvFilter::try_new(&directives).map_err(|e| Failure::because(Problem::new(Code::ConfigInvalid, "log.level"), e))
}
