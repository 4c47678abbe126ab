//! Carries a wallet's outputs to the network and the answers back, until the wallet says what came of it.

use super::{Service, greeting, lock};
use crate::clock;
use crate::network::{Address, Error, PeerName, Protocol, Secret32, Target};
use credentials::protocol::{self, issuance, presentation};
use credentials::{Code, Did, Problem, Timestamp};
use wallet::{Incoming, Outcome, Outgoing, Step, Thread, Wallet};

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
                        let answer = self.send(&to, &relation, message).await;
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

    async fn send(&self, to: &Did, relation: &[u8; 32], message: Outgoing) -> Result<(PeerName, Incoming), Problem> {
        let identity = Some(Secret32::new(*relation));
        match message {
            Outgoing::Issue(ask) => {
                let (peer, body) = self.ask(to, identity, Protocol::Issue, protocol::encode(&ask)?).await?;
                Ok((peer, Incoming::Issue(protocol::decode(&body, issuance::LIMIT)?)))
            }
            Outgoing::Present(ask) => {
                let (peer, body) = self
                    .ask(to, identity, Protocol::Present, protocol::encode(&ask)?)
                    .await?;
                Ok((peer, Incoming::Present(protocol::decode(&body, presentation::LIMIT)?)))
            }
        }
    }

    /// Asks an organisation at the nodes that the trust document names, one after the other, until one answers.
    pub(super) async fn ask(
        &self,
        to: &Did,
        identity: Option<Secret32>,
        protocol: Protocol,
        body: Vec<u8>,
    ) -> Result<(PeerName, Vec<u8>), Problem> {
        let network = self.network()?;
        let trust = self.trust().ok_or(Code::TrustMissing)?;
        let organisation = trust.organisation(to).ok_or(Code::NotListed)?;
        let mut problem = Problem::new(Code::Unreachable, organisation.name.as_str());
        for node in &organisation.nodes {
            let Ok(peer) = PeerName::parse(&node.peer) else {
                continue;
            };
            let addresses = node.addresses.iter().filter_map(|a| Address::parse(a).ok()).collect();
            let target = Target {
                as_identity: identity.clone(),
                peer: peer.clone(),
                addresses,
            };
            match network.request(target, protocol, body.clone()).await {
                Ok(answer) => return Ok((peer, answer)),
                Err(error @ (Error::Refused(_) | Error::NotAccepted(_))) => {
                    let is_theirs = matches!(error, Error::Refused(_));
                    if let Error::Refused(body) | Error::NotAccepted(body) = error {
                        problem = greeting::refused(&body);
                    }
                    // Their refusal of our clock names theirs; ours of theirs was noted when they greeted.
                    if is_theirs
                        && problem.code == Code::ClockSuspect
                        && let Some(time) = problem.detail.as_deref().and_then(Timestamp::parse)
                    {
                        self.clocks.hear(to, time, None, clock::since_boot());
                    }
                    if [Code::TrustMissing, Code::ClockSuspect].contains(&problem.code) {
                        // They have not got the list yet, or a clock is to be set: that passes and earns no waiting time.
                        network.forget_backoff(&peer);
                    }
                }
                Err(error) => {
                    let code = match error {
                        Error::TooLarge { .. } => Code::TooLarge,
                        Error::Malformed => Code::Malformed,
                        Error::Unsupported => Code::Unsupported,
                        _ => Code::Unreachable,
                    };
                    tracing::debug!(%peer, %protocol, %error, %code, "request failed");
                    problem = Problem::new(code, organisation.name.as_str());
                }
            }
        }
        Err(problem)
    }
}
