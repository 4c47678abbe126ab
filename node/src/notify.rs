//! What the service manager is told (sd_notify(3)): that the node is ready, alive, reloading and stopping. Where there is no
//! manager nothing is said.

use crate::output::At;
use crate::service::{Command, Service};
use crate::text::Catalogue;
use sd_notify::NotifyState;
use std::sync::Arc;
use std::time::Duration;

/// How often the line of `systemctl status` is renewed where no watchdog sets another pace.
const STATUS_EVERY: Duration = Duration::from_secs(30);
/// Shortest pace of signs of life: a watchdog that wants them more often than twice a second is a mistake.
const PACE_MIN: Duration = Duration::from_millis(250);

/// The node serves.
pub fn ready(status: &str) {
    tell(&[NotifyState::Ready, NotifyState::Status(status)]);
}

/// The node takes a changed configuration; [`ready`] ends it.
pub fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => tell(&[NotifyState::Reloading, now]),
        Err(_) => tell(&[NotifyState::Reloading]),
    }
}

/// The node takes no more work, and ends.
pub fn stopping(status: &str) {
    tell(&[NotifyState::Stopping, NotifyState::Status(status)]);
}

/// Tells the manager again and again how the node fares, and, where there is a watchdog, that it is alive: each time only after
/// the node has proved it. A node that is stuck says nothing, and the manager starts it anew. It ends when it is dropped.
pub async fn keep(service: Arc<Service>, catalogue: Catalogue) {
    let watchdog = sd_notify::watchdog_enabled();
    let pace = pace(watchdog);
    let mut times = tokio::time::interval(pace);
    times.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        times.tick().await;
        // A sign of life that takes longer than the time between two is none.
        match tokio::time::timeout(pace, service.pulse()).await {
            Ok(Ok(())) => {}
            Ok(Err(failure)) => {
                tracing::error!(%failure, "no sign of life: a part of the node does not work");
                continue;
            }
            Err(_) => {
                tracing::error!("no sign of life: a part of the node does not answer");
                continue;
            }
        }
        if watchdog.is_some() {
            tell(&[NotifyState::Watchdog]);
        }
        tell(&[NotifyState::Status(&status(&service, &catalogue).await)]);
    }
}

/// The time between two signs of life: half of what the watchdog waits.
fn pace(watchdog: Option<Duration>) -> Duration {
    watchdog
        .map_or(STATUS_EVERY, |waits| waits.checked_div(2).unwrap_or(PACE_MIN))
        .max(PACE_MIN)
}

/// How the node fares, in one line. It names nobody.
pub async fn status(service: &Arc<Service>, catalogue: &Catalogue) -> String {
    let (peers, status) = match (
        service.execute(Command::Peers).await,
        service.execute(Command::Status).await,
    ) {
        (Ok(peers), Ok(status)) => (peers, status),
        (Err(failure), _) | (_, Err(failure)) => {
            let code = failure.problem.code;
            return catalogue.text(&format!("problem-{code}"), &[("detail", "")]);
        }
    };
    let peers = peers.at("peers").as_array().into_iter().flatten();
    let connected = peers
        .filter(|peer| peer.at("connected").as_bool() == Some(true))
        .count();
    let version = status.at("trust").at("version").as_str();
    match version {
        Some(version) => catalogue.text(
            "serve-status",
            &[("peers", &connected.to_string()), ("version", version)],
        ),
        None => catalogue.text("serve-status-no-trust", &[]),
    }
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        // It may have gone, or its socket may be full; the next sign of life tries again.
        tracing::debug!(%error, "the service manager could not be told");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sign_of_life_comes_twice_in_the_time_that_the_watchdog_waits() {
        assert_eq!(pace(Some(Duration::from_secs(60))), Duration::from_secs(30));
        assert_eq!(pace(Some(Duration::from_millis(900))), Duration::from_millis(450));
        assert_eq!(pace(Some(Duration::ZERO)), PACE_MIN);
        assert_eq!(pace(None), STATUS_EVERY);
    }
}
