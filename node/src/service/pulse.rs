//! The proof that a node is alive: every part of it that can get stuck answers.

use super::{Service, keys, lock};
use crate::error::Failure;
use credentials::{Code, Problem};
use std::sync::Arc;

impl Service {
    /// Takes the lock of each role, reads a row of the store, and has the network's task answer. It waits as long as these take;
    /// whoever calls sets the limit.
    ///
    /// Errors: `internal` when a role stopped after a failure, `damaged` or what the disk says when the store cannot be read,
    /// `unreachable` when the network's task has ended.
    pub async fn pulse(self: &Arc<Service>) -> Result<(), Failure> {
        let service = self.clone();
        let local = tokio::task::spawn_blocking(move || service.local_pulse()).await;
        local.map_err(|e| Failure::because(Code::Internal, e))??;
        if let Some(network) = self.network.get() {
            let answers = network.answers().await;
            answers.map_err(|e| Failure::because(Problem::new(Code::Unreachable, "network"), e))?;
        }
        Ok(())
    }

    fn local_pulse(&self) -> Result<(), Failure> {
        if let Some(wallet) = &self.wallet {
            drop(lock(wallet)?);
        }
        if let Some(issuer) = &self.issuer {
            drop(lock(issuer)?);
        }
        if let Some(verifier) = &self.verifier {
            drop(lock(verifier)?);
        }
        drop(lock(&self.mirror)?);
        // Every home has this row.
        self.store
            .table(keys::TABLE)
            .get("transport-key")?
            .map(zeroize::Zeroizing::new);
        Ok(())
    }
}
