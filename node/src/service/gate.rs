//! After a restore nothing is given out until the trust list is known to be the newest: the copy may be older than what the home
//! knew, and whoever restored it may have chosen which copy.
//!
//! Heads of three different organisations are taken, or of all that are listed beside us where there are fewer. What was done
//! is remembered, so that a restart need not begin again.

use super::{Service, keys, lock};
use crate::error::Failure;
use credentials::trust::Trust;
use credentials::{Code, Did, Problem};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::sync::Mutex;
use store::Store;

/// Organisations whose heads are taken.
const WITNESSES: usize = 3;
/// Row of the node's table.
const ROW: &str = "caught-up";

/// How far a new epoch is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Progress {
    epoch: u32,
    /// Whose heads were taken in this epoch.
    witnesses: BTreeSet<Did>,
    is_done: bool,
}

/// Whether this home may give anything out.
pub(super) struct Gate {
    store: Store,
    progress: Mutex<Progress>,
}

/// How many of how many heads were taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Awaited {
    pub(super) taken: usize,
    pub(super) needed: usize,
}

impl Gate {
    /// A home in its first epoch has nothing to catch up with.
    pub(super) fn load(store: &Store) -> Result<Gate, Failure> {
        let epoch = store.epoch();
        let kept: Option<Progress> = match store.table(keys::TABLE).get(ROW)? {
            Some(bytes) => Some(serde_json::from_slice(&bytes).map_err(|e| Failure::because(Code::Damaged, e))?),
            None => None,
        };
        let progress = kept.filter(|progress| progress.epoch == epoch).unwrap_or(Progress {
            epoch,
            witnesses: BTreeSet::new(),
            is_done: epoch == 0,
        });
        let (store, progress) = (store.clone(), Mutex::new(progress));
        Ok(Gate { store, progress })
    }

    /// What is still awaited; none when everything may be given out. `own` is not asked for its own head.
    pub(super) fn awaited(&self, trust: Option<&Trust>, own: Option<&Did>) -> Result<Option<Awaited>, Problem> {
        let progress = lock(&self.progress)?;
        if progress.is_done {
            return Ok(None);
        }
        let others = trust.map_or(0, |trust| {
            let all = trust.document().organisations.iter();
            all.filter(|o| !o.nodes.is_empty() && Some(&o.did) != own).count()
        });
        let awaited = Awaited {
            taken: progress.witnesses.len(),
            // Without a list nobody is there to be asked, and nothing can be given out anyway.
            needed: if trust.is_some() {
                WITNESSES.min(others)
            } else {
                WITNESSES
            },
        };
        Ok((awaited.taken < awaited.needed).then_some(awaited))
    }

    /// Whether this organisation's head was taken.
    pub(super) fn has(&self, witness: &Did) -> bool {
        lock(&self.progress).is_ok_and(|progress| progress.is_done || progress.witnesses.contains(witness))
    }

    /// Notes that a head was taken from a listed organisation; durable before it counts. True when that was the last one.
    pub(super) fn took(&self, witness: &Did, trust: &Trust, own: Option<&Did>) -> Result<bool, Failure> {
        let mut next = lock(&self.progress)?.clone();
        let is_listed = trust.organisation(witness).is_some() && Some(witness) != own;
        if next.is_done || !is_listed || !next.witnesses.insert(witness.clone()) {
            return Ok(false);
        }
        let others = trust.document().organisations.iter();
        let others = others.filter(|o| !o.nodes.is_empty() && Some(&o.did) != own).count();
        next.is_done = next.witnesses.len() >= WITNESSES.min(others);
        let bytes = serde_json::to_vec(&next).map_err(|e| Failure::because(Code::Internal, e))?;
        let mut transaction = self.store.transaction();
        transaction.put(&self.store.table(keys::TABLE), ROW, &bytes);
        transaction.commit()?;
        let is_done = next.is_done;
        *lock(&self.progress)? = next;
        Ok(is_done)
    }
}

impl Service {
    /// What a restored home still waits for.
    pub(super) fn awaited(&self) -> Result<Option<Awaited>, Problem> {
        let own = self.keys.organisation().map(|key| &key.did);
        self.gate.awaited(self.trust().as_deref(), own)
    }

    /// Refuses with `catching_up` while a restored home has not taken heads of enough organisations.
    pub(super) fn require_caught_up(&self) -> Result<(), Problem> {
        match self.awaited()? {
            None => Ok(()),
            Some(Awaited { taken, needed }) => Err(Problem::new(Code::CatchingUp, format!("{taken}/{needed}"))),
        }
    }
}
