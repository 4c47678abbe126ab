//! Logs: events with fields on stderr, as text or JSON. No claim, key, passphrase or person number is ever a field.

use crate::config::Log;
use crate::error::Failure;
use credentials::{Code, Problem};
use tracing_subscriber::EnvFilter;

/// Our own crates. Libraries speak at `warn` unless a filter names them.
const OURS: &[&str] = &["node", "credentials", "store", "wallet", "issuer", "verifier"];

/// Starts logging once for the process. A later call changes nothing.
pub fn start(log: &Log) -> Result<(), Failure> {
    let plain = !log.level.contains(['=', ',']);
    let directives = if plain {
        let ours = OURS.iter().map(|name| format!(",{name}={}", log.level));
        ours.fold("warn".to_owned(), |all, one| all + &one)
    } else {
        log.level.clone()
    };
    let filter = EnvFilter::try_new(&directives)
        .map_err(|e| Failure::because(Problem::new(Code::ConfigInvalid, "log.level"), e))?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_target(true);
    // A second start happens only when one process opens two homes in turn; the first keeps the log.
    let started = if log.format == "json" {
        builder.json().try_init()
    } else {
        builder.with_ansi(false).try_init()
    };
    if started.is_err() {
        tracing::debug!("logging runs already");
    }
    Ok(())
}
