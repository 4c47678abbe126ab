//! Standing grants by themselves: withdrawals are told to askers until they acknowledge, and a wallet asks how its grants were used.

use super::versions::jittered;
use super::{Command, Consent, Service, lock};
use crate::clock;
use crate::network::Protocol;
use credentials::protocol::{self, consent};
use credentials::{Code, Did, Problem};
use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior};
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

/// Askers that are told at once: so many that answer nobody hold up no other.
const TOLD_TOGETHER: usize = 64;
/// Withdrawals that one asker is told of before it is looked who else waits.
const TOLD_IN_TURN: usize = 64;

/// Tells askers of withdrawals: each by itself and one after the other, so that one that is off or delisted, with however many, holds
/// up nobody.
pub(super) async fn tell(service: Arc<Service>) {
    let mut later: BTreeMap<Did, (Instant, Duration)> = BTreeMap::new();
    let mut under_way: BTreeSet<Did> = BTreeSet::new();
    let mut tasks: FuturesUnordered<BoxFuture<'static, (Did, bool)>> = FuturesUnordered::new();
    let mut look = tokio::time::interval(LOOK);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            Some((asker, is_told)) = tasks.next(), if !tasks.is_empty() => {
                under_way.remove(&asker);
                let before = later.remove(&asker).map_or(AGAIN[0] / 2, |(_, pause)| pause);
                if !is_told {
                    let (now, pause) = (Instant::now(), before.saturating_mul(2).min(AGAIN[1]));
                    later.insert(asker, (now.checked_add(pause).unwrap_or(now), pause));
                }
            }
            _ = look.tick() => {
                let now = Instant::now();
                let mut room = TOLD_TOGETHER.saturating_sub(under_way.len());
                let mut waiting = BTreeSet::new();
                let told = service.next_to_tell(&mut |asker| {
                    waiting.insert(asker.clone());
                    let is_due = later.get(asker).is_none_or(|(at, _)| *at <= now);
                    let is_free = room > 0 && is_due && !under_way.contains(asker);
                    room = room.saturating_sub(usize::from(is_free));
                    is_free
                });
                let Ok(told) = told else { return };
                later.retain(|asker, _| waiting.contains(asker));
                for (name, asker, ask) in told {
                    under_way.insert(asker.clone());
                    let service = Arc::clone(&service);
                    tasks.push(Box::pin(async move {
                        let is_told = service.tell_in_turn(&asker, name, ask).await;
                        (asker, is_told)
                    }));
                }
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
    /// The next withdrawal of each asker that is picked. Fails where this node issues nothing, or is at its end.
    fn next_to_tell(&self, is_free: &mut dyn FnMut(&Did) -> bool) -> Result<Vec<(String, Did, consent::Ask)>, Problem> {
        let issuer = self.issuer.as_ref().ok_or(Code::UnexpectedMessage)?;
        let next = tokio::task::block_in_place(|| Ok::<_, Problem>(lock(issuer)?.withdrawals_to_tell(is_free)))?;
        Ok(next.unwrap_or_else(|error| {
            tracing::error!(%error, "withdrawals cannot be told");
            Vec::new()
        }))
    }

    /// Tells an asker of a withdrawal and, as long as it acknowledges, of those behind it. Whether it acknowledged all.
    async fn tell_in_turn(&self, asker: &Did, mut name: String, mut ask: consent::Ask) -> bool {
        for _ in 0..TOLD_IN_TURN {
            if !self.tell_withdrawal(&name, asker, &ask).await {
                return false;
            }
            let next = self.next_to_tell(&mut |waiting| waiting == asker);
            let Some((next, _, behind)) = next.ok().and_then(|mut next| next.pop()) else {
                return true;
            };
            (name, ask) = (next, behind);
        }
        true
    }

    async fn tell_withdrawal(&self, name: &str, asker: &Did, ask: &consent::Ask) -> bool {
        let told = async {
            let body = protocol::encode(ask)?;
            let (_, answer) = self.ask(asker, None, Protocol::Consent, body).await?;
            let reply = protocol::decode(&answer, consent::LIMIT)?;
            let Some(issuer) = &self.issuer else { return Ok(()) };
            tokio::task::block_in_place(|| lock(issuer)?.consent_told(name, reply))
        };
        let told: Result<(), Problem> = told.await;
        if let Err(problem) = &told {
            tracing::debug!(%asker, %problem, "a withdrawal is not acknowledged");
        }
        told.is_ok()
    }
}
