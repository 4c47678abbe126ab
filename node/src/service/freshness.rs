//! Before a wallet collects or shows anything it hears from organisations that are not its counterpart which trust list is in
//! force: whom it talks with must not be the one who says whom to trust.

use super::versions::Source;
use super::{Service, keys};
use crate::clock;
use crate::error::Failure;
use credentials::{Did, Timestamp};
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Organisations beside the counterpart whose heads are taken.
const OTHERS: usize = 2;
/// Age, in seconds, from which what was heard is heard again.
const AGE_MAX: i64 = 3_600;
/// Longest that one of them is waited for. Somebody waits for the wallet, and what is held goes on to count until its head ends.
const PATIENCE: Duration = Duration::from_secs(5);
/// Organisations that are tried for that.
const TRIES: usize = 6;
/// Seconds after an attempt before the next.
const AGAIN: i64 = 60;
/// Row with the time when the head was last confirmed.
const ROW: &str = "trust-confirmed";

impl Service {
    /// Has a wallet's trust list confirmed, when that was not done within the hour, by two organisations beside `counterpart`; after
    /// a restore by as many as are needed. Where they cannot be reached the head that is held goes on to count until it ends, a day
    /// at most; a restored home is refused with `catching_up`.
    pub(super) async fn confirm_trust(&self, counterpart: Option<&Did>) -> Result<(), Failure> {
        self.confirm_if_older(counterpart, AGE_MAX).await
    }

    /// The same for nobody's sake, well before somebody needs it: so that showing something seldom makes us ask.
    pub(super) async fn confirm_by_the_clock(&self) {
        if let Err(failure) = self.confirm_if_older(None, AGE_MAX / 2).await {
            tracing::debug!(%failure, "trust list not confirmed");
        }
    }

    async fn confirm_if_older(&self, counterpart: Option<&Did>, age_max: i64) -> Result<(), Failure> {
        if self.network.get().is_none() {
            return Ok(());
        }
        let now = clock::now();
        let is_waiting = self.awaited()?.is_some();
        let confirmed = self.confirmed()?;
        let is_old = confirmed.is_none_or(|at| !(0..age_max).contains(&now.since(at)));
        // Whoever could not be reached a moment ago is not asked again for every step that a person takes.
        let since_boot = clock::since_boot().unwrap_or_default();
        let is_soon = since_boot.saturating_sub(self.confirm_tried.load(Ordering::Relaxed)) < AGAIN;
        if is_waiting || is_old && !is_soon {
            self.confirm_tried.store(since_boot, Ordering::Relaxed);
            let without: Vec<&Did> = counterpart.into_iter().collect();
            let mut others = self.others(&without);
            others.retain(|did| !is_waiting || !self.gate.has(did));
            // Where fewer than three are listed beside the counterpart, a restored home takes its head too, after those of the others.
            let fallback = counterpart.filter(|did| is_waiting && !self.gate.has(did));
            let enough = OTHERS.min(others.len());
            others.extend(fallback.cloned());
            let mut heard: usize = 0;
            for some in others.chunks(OTHERS).take(TRIES.div_ceil(OTHERS)) {
                let asked = some.iter().map(|did| async move {
                    let source = Source::Organisation(did.clone());
                    match tokio::time::timeout(PATIENCE, self.is_confirmed_by(&source)).await {
                        Ok(Ok(is_newest)) => is_newest && Some(did) != counterpart,
                        Ok(Err(problem)) => {
                            tracing::debug!(%did, %problem, "trust list not confirmed");
                            false
                        }
                        Err(_) => false,
                    }
                });
                let answers = futures::future::join_all(asked).await;
                heard = heard.saturating_add(answers.into_iter().filter(|is_heard| *is_heard).count());
                let is_enough = match is_waiting {
                    true => self.awaited()?.is_none(),
                    false => heard >= OTHERS,
                };
                if is_enough {
                    break;
                }
            }
            if heard >= enough {
                self.note_confirmed(now)?;
            }
        }
        Ok(self.require_caught_up()?)
    }

    fn confirmed(&self) -> Result<Option<Timestamp>, Failure> {
        let bytes = self.store.table(keys::TABLE).get(ROW)?;
        Ok(bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
    }

    fn note_confirmed(&self, now: Timestamp) -> Result<(), Failure> {
        let bytes = now.unix().to_string();
        let mut transaction = self.store.transaction();
        transaction.put(&self.store.table(keys::TABLE), ROW, bytes.as_bytes());
        transaction.commit()?;
        Ok(())
    }
}
