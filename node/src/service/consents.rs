//! Standing grants by themselves: withdrawals are told to askers until they acknowledge, and a wallet asks how its grants were used.

use super::versions::jittered;
use super::{Command, Consent, Service, lock};
use crate::clock;
use crate::network::Protocol;
use credentials::Did;
use credentials::protocol::{self, consent};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use wallet::Outcome;

/// How often it is looked whether somebody is to be told.
const LOOK: Duration = Duration::from_secs(1);
/// How soon an asker that did not answer is told again: doubled each time, up to the last.
const AGAIN: [Duration; 2] = [Duration::from_secs(2), Duration::from_secs(60)];
/// How long a wallet waits at most before it tells again: within a minute after a network has healed everybody knows.
const RETELL: Duration = Duration::from_secs(20);
/// How often a wallet asks its issuers, at random times.
const USES: Duration = Duration::from_secs(3_600);

/// How often a wallet looks whether a refusal is to leave.
const REFUSALS: Duration = Duration::from_secs(20);

/// Tells askers of withdrawals.
pub(super) async fn tell(service: Arc<Service>) {
    let mut later: BTreeMap<String, (Instant, Duration)> = BTreeMap::new();
    loop {
        tokio::time::sleep(LOOK).await;
        let Some(issuer) = &service.issuer else { return };
        let waiting = tokio::task::block_in_place(|| lock(issuer).map(|mut issuer| issuer.withdrawals_to_tell()));
        let waiting = match waiting {
            Ok(Ok(waiting)) => waiting,
            Ok(Err(error)) => {
                tracing::error!(%error, "withdrawals cannot be told");
                continue;
            }
            Err(_) => return,
        };
        later.retain(|name, _| waiting.iter().any(|(waits, ..)| waits == name));
        for (name, asker, ask) in waiting {
            let now = Instant::now();
            if later.get(&name).is_some_and(|(at, _)| *at > now) {
                continue;
            }
            if !service.tell_withdrawal(&name, &asker, &ask).await {
                let before = later.get(&name).map_or(AGAIN[0] / 2, |(_, pause)| *pause);
                let pause = before.saturating_mul(2).min(AGAIN[1]);
                later.insert(name, (now.checked_add(pause).unwrap_or(now), pause));
            }
        }
    }
}

/// Tells issuers and askers, as a wallet, of withdrawals until they have acknowledged: soon after whoever could not be reached can be.
pub(super) async fn withdrawals(service: Arc<Service>) {
    let mut pause = AGAIN[0];
    loop {
        tokio::time::sleep(pause).await;
        let Ok(begun) = service.with_wallet(|wallet| wallet.retell(clock::now())) else {
            return;
        };
        let told = begun.into_iter().map(|(thread, steps)| service.finish(thread, steps));
        let told = futures::future::join_all(told).await;
        let is_told = told
            .iter()
            .all(|result| matches!(result, Ok(Outcome::Withdrawn { .. })));
        pause = match is_told {
            true => AGAIN[0],
            false => pause.saturating_mul(2).min(RETELL),
        };
    }
}

/// Asks, as a wallet, how grants were used.
pub(super) async fn uses(service: Arc<Service>) {
    loop {
        tokio::time::sleep(jittered(USES)).await;
        let command = Command::Consent { what: Consent::Uses };
        if let Err(failure) = service.execute(command).await {
            tracing::debug!(%failure, "uses of grants not asked for");
        }
    }
}

/// Tells askers of refusals, as a wallet, at the times that their requests have for that.
pub(super) async fn refusals(service: Arc<Service>) {
    loop {
        tokio::time::sleep(REFUSALS).await;
        if let Err(failure) = service.tell_refusals(REFUSALS).await {
            tracing::debug!(%failure, "refusals not told");
        }
    }
}

impl Service {
    async fn tell_withdrawal(&self, name: &str, asker: &Did, ask: &consent::Ask) -> bool {
        let told = async {
            let body = protocol::encode(ask)?;
            let (_, answer) = self.ask(asker, None, Protocol::Consent, body).await?;
            let reply = protocol::decode(&answer, consent::LIMIT)?;
            let Some(issuer) = &self.issuer else { return Ok(()) };
            tokio::task::block_in_place(|| lock(issuer)?.consent_told(name, reply))
        };
        let told: Result<(), credentials::Problem> = told.await;
        if let Err(problem) = &told {
            tracing::debug!(%asker, %problem, "a withdrawal is not acknowledged");
        }
        told.is_ok()
    }
}
