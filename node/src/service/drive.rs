//! Carries a wallet's outputs to the network and the answers back, until the wallet says what came of it.

use super::versions::jittered;
use super::{Service, lock};
use crate::clock;
use crate::network::{PeerName, Protocol, Secret32};
use credentials::protocol::{self, consent, issuance, presentation};
use credentials::{Code, Did, Problem};
use std::time::Duration;
use wallet::{Incoming, Outcome, Outgoing, Step, Thread, Wallet};

/// How long is waited, one after the other, before somebody who is too busy is asked again.
pub(super) const BUSY: [Duration; 4] = [
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(4),
];

impl Service {
    /// Runs a command of the wallet to its end.
    pub(super) async fn drive(
        &self,
        begin: impl FnOnce(&mut Wallet) -> (Thread, Vec<Step>),
    ) -> Result<Outcome, Problem> {
        let (thread, steps) = self.with_wallet(begin)?;
        self.finish(thread, steps).await
    }

    /// Goes on until the thread is done.
    pub(super) async fn finish(&self, thread: Thread, mut steps: Vec<Step>) -> Result<Outcome, Problem> {
        loop {
            let mut next = Vec::new();
            for step in steps {
                match step {
                    Step::Done { thread: done, result } if done == thread => return result,
                    Step::Done { .. } => {}
                    Step::Send {
                        thread,
                        to,
                        relation,
                        message,
                    } => {
                        let answer = self.send(&to, &relation, message.clone()).await;
                        let is_off = matches!(&answer, Err(problem) if problem.code == Code::Unreachable);
                        if is_off {
                            self.look_for_reach(&to, &message).await;
                        }
                        if is_off && self.leave_letter(&to, &message) {
                            // At once: a command that runs by itself has nobody who does it later.
                            self.deliver_with(&to).await;
                            next.extend(self.with_wallet(|wallet| wallet.posted(thread))?);
                            continue;
                        }
                        let more = self.with_wallet(|wallet| match answer {
                            Ok((peer, message)) => wallet.receive(clock::now(), thread, peer.as_str(), message),
                            Err(problem) => wallet.failed(clock::now(), thread, problem),
                        })?;
                        next.extend(more);
                    }
                }
            }
            if next.is_empty() {
                return Err(Code::Internal.into());
            }
            steps = next;
        }
    }

    pub(super) fn with_wallet<T>(&self, act: impl FnOnce(&mut Wallet) -> T) -> Result<T, Problem> {
        let wallet = self
            .wallet
            .as_ref()
            .ok_or_else(|| Problem::new(Code::WrongRole, "wallet"))?;
        tokio::task::block_in_place(|| Ok(act(&mut *lock(wallet)?)))
    }

    /// Sends one message and reads the answer. Whoever is too busy to read it is asked again a moment later: nothing was done with it.
    async fn send(&self, to: &Did, relation: &[u8; 32], message: Outgoing) -> Result<(PeerName, Incoming), Problem> {
        let (protocol, body) = match &message {
            Outgoing::Issue(ask) => (Protocol::Issue, protocol::encode(ask)?),
            Outgoing::Present(ask) => (Protocol::Present, protocol::encode(ask)?),
            Outgoing::Consent(ask) => (Protocol::Consent, protocol::encode(ask)?),
        };
        let mut pauses = BUSY.into_iter();
        let (peer, answer) = loop {
            let identity = Some(Secret32::new(*relation));
            match (self.ask(to, identity, protocol, body.clone()).await, pauses.next()) {
                (Err(problem), Some(pause)) if problem.code == Code::RateLimited => {
                    tokio::time::sleep(jittered(pause)).await;
                }
                (result, _) => break result?,
            }
        };
        let incoming = match message {
            Outgoing::Issue(_) => Incoming::Issue(protocol::decode(&answer, issuance::LIMIT)?),
            Outgoing::Present(_) => Incoming::Present(protocol::decode(&answer, presentation::LIMIT)?),
            Outgoing::Consent(_) => Incoming::Consent(protocol::decode(&answer, consent::LIMIT)?),
        };
        Ok((peer, incoming))
    }
}
