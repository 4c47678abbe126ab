//! A restored or copied home is a new epoch: noticed when it is opened, recorded once, and told to whoever runs it.

use super::{Service, keys};
use crate::clock;
use crate::error::Failure;
use credentials::time::DAY;
use credentials::{Code, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use store::Store;

/// How long `doctor` warns of a new epoch, in seconds: longer than a holiday.
const WARN: i64 = 30 * DAY;

/// When the present epoch began, and why.
#[derive(Serialize, Deserialize)]
struct Began {
    epoch: u32,
    at: Timestamp,
    is_copied: bool,
}

/// Begins a new epoch in a home that lies elsewhere than where it was made, and notes every new epoch with its time. Whether
/// the copy was noticed now.
///
/// The epoch is durable before it is noted: a crash between the two leaves a home that is no copy any more, in an epoch that
/// is noted at the next start. A home whose mark of acknowledged work is missing counts as a copy too.
pub(super) fn settle(store: &Store) -> Result<bool, Failure> {
    let health = store.health();
    let is_copied = health.is_copied || (health.mark_renewed && health.sequence > 0);
    if is_copied {
        let epoch = store.begin_epoch()?;
        tracing::warn!(epoch, "this home was copied here: a new epoch begins");
    }
    let epoch = store.epoch();
    if epoch == 0 || began(store)?.is_some_and(|began| began.epoch == epoch) {
        return Ok(is_copied);
    }
    let began = Began {
        epoch,
        at: clock::now(),
        is_copied,
    };
    let bytes = serde_json::to_vec(&began).map_err(|e| Failure::because(Code::Internal, e))?;
    let mut transaction = store.transaction();
    transaction.put(&store.table(keys::TABLE), "epoch", &bytes);
    transaction.commit()?;
    Ok(is_copied)
}

fn began(store: &Store) -> Result<Option<Began>, Failure> {
    let Some(bytes) = store.table(keys::TABLE).get("epoch")? else {
        return Ok(None);
    };
    let began = serde_json::from_slice(&bytes).map_err(|e| Failure::because(Code::Damaged, e))?;
    Ok(Some(began))
}

impl Service {
    /// Whether this opening noticed that the home was copied here.
    pub fn is_copied(&self) -> bool {
        self.is_copied
    }

    /// The epoch for `doctor`: state and detail. `None` where there was never a second one.
    pub(super) fn epoch_found(&self, now: Timestamp) -> Result<Option<(&'static str, String)>, Failure> {
        let Some(began) = began(&self.store)? else {
            return Ok(None);
        };
        let state = if now.since(began.at) < WARN { "warn" } else { "ok" };
        Ok(Some((state, format!("{}, {}", began.epoch, began.at))))
    }

    /// The epoch for `node status`.
    pub(super) fn epoch_status(&self) -> Result<Value, Failure> {
        Ok(match began(&self.store)? {
            None => json!({ "number": self.store.epoch() }),
            Some(began) => json!({
                "number": began.epoch, "since": began.at.to_string(), "copied": began.is_copied,
            }),
        })
    }
}
