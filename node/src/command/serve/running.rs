//! A node between its start and its end: the signals that it takes, what the service manager hears, and how it stops.

use crate::command::session::Session;
use crate::config::Config;
use crate::control::Server;
use crate::error::Failure;
use crate::notify;
use crate::output::{At, person_present};
use crate::service::Service;
use crate::telemetry;
use crate::text::Catalogue;
use credentials::Code;
use serde_json::Value;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// How long commands under way may go on after the node was told to end. The network takes at most five seconds more, and a
/// service manager usually waits for ninety.
const DRAIN: Duration = Duration::from_secs(8);

/// What SIGHUP puts in force while the node runs. Everything else is read at the start alone.
const RELOADED: &[&str] = &["log.level"];

/// The signals that a node takes.
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
    /// A node at a terminal ends when the terminal does.
    is_at_terminal: bool,
}

impl Signals {
    /// Takes them from now on, so that none ends the process while the home is being opened.
    pub(super) fn take() -> Result<Signals, Failure> {
        let take = |kind| signal(kind).map_err(|e| Failure::because(Code::Internal, e));
        Ok(Signals {
            terminate: take(SignalKind::terminate())?,
            interrupt: take(SignalKind::interrupt())?,
            hang_up: take(SignalKind::hangup())?,
            is_at_terminal: person_present(),
        })
    }
}

/// Waits until the node is to end. Meanwhile the service manager hears that it is alive, and SIGHUP reads the configuration anew.
pub(super) async fn until_told(
    session: &mut Session,
    service: &Arc<Service>,
    flags: &[(&str, String)],
    mut signals: Signals,
    parent_gone: impl Future<Output = ()>,
) {
    let catalogue = || Catalogue::new(session.output.catalogue.language());
    notify::ready(&notify::status(service, &catalogue()).await);
    let kept = tokio::spawn(notify::keep(service.clone(), catalogue()));
    let mut held = service.config().clone();
    let mut parent_gone = std::pin::pin!(parent_gone);
    loop {
        tokio::select! {
            _ = signals.terminate.recv() => break,
            _ = signals.interrupt.recv() => break,
            () = &mut parent_gone => break,
            _ = signals.hang_up.recv() => {
                if signals.is_at_terminal {
                    break;
                }
                notify::reloading();
                reload(session, flags, &mut held);
                notify::ready(&notify::status(service, &session.output.catalogue).await);
            }
        }
    }
    kept.abort();
}

/// Takes no new work, ends what is under way within a bound, and leaves the network.
pub(super) async fn end(session: &Session, server: &Server, service: &Service) {
    tracing::info!("stopping");
    notify::stopping(&session.output.catalogue.text("serve-stopping", &[]));
    if !server.drain(DRAIN).await {
        tracing::warn!(seconds = DRAIN.as_secs(), "commands that took longer were broken off");
    }
    service.stop().await;
}

/// Reads the configuration anew and puts in force what can be. What cannot is named in the log; a file that is not valid changes
/// nothing.
fn reload(session: &mut Session, flags: &[(&str, String)], held: &mut Config) {
    let next = match session.load(flags) {
        Ok(loaded) => loaded.config,
        Err(failure) => {
            tracing::error!(%failure, "the configuration was not read anew, nothing has changed");
            return;
        }
    };
    for key in changed(held, &next) {
        if RELOADED.contains(&key.as_str()) {
            continue;
        }
        tracing::warn!(key, "a changed setting takes effect at the next start only");
    }
    if next.log.level == held.log.level {
        tracing::info!("the configuration was read anew");
        return;
    }
    match telemetry::set_level(&next.log.level) {
        Ok(()) => {
            tracing::info!(level = %next.log.level, "the log level has changed");
            held.log.level = next.log.level;
        }
        Err(failure) => tracing::error!(%failure, "the log level has not changed"),
    }
}

/// Keys whose values differ.
fn changed(one: &Config, other: &Config) -> BTreeSet<String> {
    let [one, other] = [one, other].map(|config| serde_json::to_value(config).unwrap_or_default());
    let sections = |value: &Value| {
        value
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, _)| name.clone())
            .collect()
    };
    let mut names: BTreeSet<String> = sections(&one);
    names.extend(sections(&other));
    let mut differ = BTreeSet::new();
    for section in names {
        let [before, after] = [&one, &other].map(|config| config.at(&section));
        if before.is_object() != after.is_object() {
            differ.insert(section);
            continue;
        }
        let mut keys = sections(before);
        keys.extend(sections(after));
        let changed = keys.into_iter().filter(|key| before.at(key) != after.at(key));
        differ.extend(changed.map(|key| format!("{section}.{key}")));
    }
    differ
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config;

    #[test]
    fn what_differs_between_two_configurations_is_named_by_its_key_or_its_role() {
        let held = config::defaults();
        assert!(changed(&held, &held).is_empty());
        let mut next = held.clone();
        next.log.level = "debug".to_owned();
        next.node.listen = vec!["127.0.0.1:7001".to_owned()];
        next.verifier = Some(config::Section::default());
        let expected = ["log.level", "node.listen", "verifier"].map(str::to_owned);
        assert_eq!(changed(&held, &next), expected.into());
    }
}
