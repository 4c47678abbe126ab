//! Questions to organisations: at which node, under which identity, and what a failure means.

use super::{Service, greeting};
use crate::clock;
use crate::network::{Address, Error, Handle, PeerName, Protocol, Secret32, Target};
use credentials::trust::{NodeEntry, Organisation};
use credentials::{Code, Did, Problem, Timestamp, random};
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use std::collections::BTreeSet;
use std::time::Duration;

/// How long one is waited for before the next is asked beside it: an honest node answers well within.
const PATIENCE: Duration = Duration::from_millis(700);

/// The first good answer. The next attempt begins when one has failed, or when nothing was heard for a while: who is silent, or
/// gives its answer byte by byte, holds nobody up.
pub(super) async fn first_good<T, F: Future<Output = Result<T, Problem>>>(
    attempts: impl IntoIterator<Item = F>,
) -> Result<T, Problem> {
    first_good_within(PATIENCE, attempts).await
}

async fn first_good_within<T, F: Future<Output = Result<T, Problem>>>(
    patience: Duration,
    attempts: impl IntoIterator<Item = F>,
) -> Result<T, Problem> {
    let mut waiting = attempts.into_iter();
    let mut running = FuturesUnordered::new();
    let mut problem = Problem::from(Code::Unreachable);
    loop {
        let has_more = match waiting.next() {
            Some(attempt) => {
                running.push(attempt);
                true
            }
            None if running.is_empty() => return Err(problem),
            None => false,
        };
        tokio::select! {
            done = running.next() => match done {
                Some(Ok(answer)) => return Ok(answer),
                Some(Err(why)) => problem = why,
                None => {}
            },
            () = tokio::time::sleep(patience), if has_more => {}
        }
    }
}

/// As whom something is asked.
pub(super) enum Asker {
    /// As this, or as our own listening identity.
    Known(Option<Secret32>),
    /// As nobody in particular, once.
    Once(Secret32),
}

impl From<Option<Secret32>> for Asker {
    fn from(identity: Option<Secret32>) -> Asker {
        Asker::Known(identity)
    }
}

impl Asker {
    fn identity(&self) -> Option<Secret32> {
        match self {
            Asker::Known(identity) => identity.clone(),
            Asker::Once(secret) => Some(secret.clone()),
        }
    }
}

/// Hangs up what was used once, also when its question is called off. Left to itself each would hold a place here and at its peer
/// for the time that connections may be idle, and a wallet that asks about several issuers would soon have none left.
struct HangUp<'a>(&'a Handle, &'a Asker);

impl Drop for HangUp<'_> {
    fn drop(&mut self) {
        if let Asker::Once(secret) = self.1 {
            self.0.retire(secret);
        }
    }
}

impl Service {
    /// The identity for a question that anybody may ask: an organisation's own, or, for a wallet, one that is used for nothing
    /// else, so that what is asked tells nobody who asks.
    pub(super) fn anonymous(&self) -> Asker {
        match self.wallet {
            Some(_) => Asker::Once(Secret32::new(random::bytes(&mut clock::System))),
            None => Asker::Known(None),
        }
    }

    /// Organisations that the trust list gives a node, but us and those left out, in random order.
    pub(super) fn others(&self, without: &[&Did]) -> Vec<Did> {
        let Some(trust) = self.trust() else {
            return Vec::new();
        };
        let own = self.keys.organisation().map(|key| &key.did);
        let mut others: Vec<(u64, Did)> = trust
            .document()
            .organisations
            .iter()
            .filter(|o| !o.nodes.is_empty() && Some(&o.did) != own && !without.contains(&&o.did))
            .map(|o| (u64::from_le_bytes(random::bytes(&mut clock::System)), o.did.clone()))
            .collect();
        others.sort_unstable();
        others.into_iter().map(|(_, did)| did).collect()
    }

    /// The same, those first that are connected with us: they answer at once, and a question to them costs no handshake.
    pub(super) fn others_by_reach(&self, without: &[&Did]) -> Vec<Did> {
        let mut others = self.others(without);
        let (Some(trust), Some(network)) = (self.trust(), self.network.get()) else {
            return others;
        };
        let peers = network.peers();
        let connected: BTreeSet<&Did> = peers
            .iter()
            .filter(|peer| peer.connected)
            .filter_map(|peer| trust.organisation_of_peer(peer.peer.as_str()))
            .map(|organisation| &organisation.did)
            .collect();
        others.sort_by_key(|did| !connected.contains(did));
        others
    }

    /// Asks an organisation at the nodes that the trust list names, one after the other, until one answers.
    pub(super) async fn ask(
        &self,
        to: &Did,
        asker: impl Into<Asker>,
        protocol: Protocol,
        body: Vec<u8>,
    ) -> Result<(PeerName, Vec<u8>), Problem> {
        let asker = asker.into();
        let trust = self.trust().ok_or(Code::TrustMissing)?;
        let organisation = trust.organisation(to).ok_or(Code::NotListed)?;
        let mut problem = Problem::new(Code::Unreachable, organisation.name.as_str());
        for node in &organisation.nodes {
            match self.ask_node(organisation, node, &asker, protocol, body.clone()).await {
                Ok(answer) => return Ok(answer),
                Err(Some(why)) => problem = why,
                Err(None) => {}
            }
        }
        Err(problem)
    }

    /// Asks the node of this PeerId, which must be listed.
    pub(super) async fn ask_peer(
        &self,
        peer: &PeerName,
        protocol: Protocol,
        body: Vec<u8>,
    ) -> Result<Vec<u8>, Problem> {
        let trust = self.trust().ok_or(Code::TrustMissing)?;
        let organisation = trust.organisation_of_peer(peer.as_str()).ok_or(Code::NotListed)?;
        let node = organisation.nodes.iter().find(|node| node.peer == peer.as_str());
        let node = node.ok_or(Code::NotListed)?;
        let answer = self
            .ask_node(organisation, node, &self.anonymous(), protocol, body)
            .await;
        match answer {
            Ok((_, answer)) => Ok(answer),
            Err(problem) => Err(problem.unwrap_or_else(|| Problem::new(Code::Unreachable, organisation.name.as_str()))),
        }
    }

    /// Asks one node. No problem in the error: its PeerId is none that we can dial.
    async fn ask_node(
        &self,
        to: &Organisation,
        node: &NodeEntry,
        asker: &Asker,
        protocol: Protocol,
        body: Vec<u8>,
    ) -> Result<(PeerName, Vec<u8>), Option<Problem>> {
        let network = self.network().map_err(Some)?;
        let peer = PeerName::parse(&node.peer).map_err(|_| None)?;
        let target = Target {
            as_identity: asker.identity(),
            peer: peer.clone(),
            addresses: node.addresses.iter().filter_map(|a| Address::parse(a).ok()).collect(),
        };
        let _hang_up = HangUp(network, asker);
        let error = match network.request(target, protocol, body).await {
            Ok(answer) => return Ok((peer, answer)),
            Err(error) => error,
        };
        let problem = match error {
            Error::Refused(ref body) | Error::NotAccepted(ref body) => {
                let problem = greeting::refused(body);
                // Their refusal of our clock names theirs; ours of theirs was noted when they greeted.
                if matches!(error, Error::Refused(_))
                    && problem.code == Code::ClockSuspect
                    && let Some(time) = problem.detail.as_deref().and_then(Timestamp::parse)
                {
                    self.clocks.hear(&to.did, time, None, clock::since_boot());
                }
                // Who waits for a wallet asks again after a pause of its own; others leave whoever is busy alone for longer and longer.
                let is_asked_again = problem.code == Code::RateLimited && self.wallet.is_some();
                let is_passing = [
                    Code::TrustMissing,
                    Code::NotListed,
                    Code::UnknownKey,
                    Code::ClockSuspect,
                ]
                .contains(&problem.code);
                if is_passing || is_asked_again {
                    // They have not got the list that we have yet, or a clock is to be set: that passes and earns no waiting time.
                    network.forget_backoff(&peer);
                }
                problem
            }
            error => {
                let code = match error {
                    Error::TooLarge { .. } => Code::TooLarge,
                    Error::Malformed => Code::Malformed,
                    Error::Unsupported => Code::Unsupported,
                    _ => Code::Unreachable,
                };
                tracing::debug!(%peer, %protocol, %error, %code, "request failed");
                Problem::new(code, to.name.as_str())
            }
        };
        Err(Some(problem))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::pending;
    use std::pin::Pin;

    const SHORT: Duration = Duration::from_millis(1);

    type Attempt = Pin<Box<dyn Future<Output = Result<u8, Problem>>>>;

    #[tokio::test]
    async fn who_is_silent_or_fails_holds_nobody_up_and_the_last_failure_is_told() {
        let silent = || -> Attempt { Box::pin(pending()) };
        let fails = |code: Code| -> Attempt { Box::pin(async move { Err(code.into()) }) };
        let good = |answer: u8| -> Attempt { Box::pin(async move { Ok(answer) }) };
        assert_eq!(first_good_within(SHORT, [silent(), silent(), good(3)]).await, Ok(3));
        assert_eq!(
            first_good_within(SHORT, [fails(Code::NotFound), good(2), good(3)]).await,
            Ok(2)
        );
        assert_eq!(
            first_good_within(SHORT, [fails(Code::NotFound), fails(Code::Malformed)]).await,
            Err(Code::Malformed.into())
        );
        assert_eq!(
            first_good_within(SHORT, Vec::<Attempt>::new()).await,
            Err(Code::Unreachable.into())
        );
        let slow = || -> Attempt {
            Box::pin(async {
                tokio::time::sleep(SHORT * 5).await;
                Ok(1)
            })
        };
        assert_eq!(
            first_good_within(SHORT, [slow(), silent()]).await,
            Ok(1),
            "who is slow is not given up"
        );
    }
}
