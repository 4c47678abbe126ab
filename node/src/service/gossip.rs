//! Gossip: what comes is judged by the machine that it is for, and what is new here is told.

use super::{Service, lock};
use crate::clock;
use crate::network::{Address, GossipInbox, Gossiped, News, PeerName, Protocol, Topic};
use credentials::Problem;
use credentials::protocol::{self, trust as messages};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// How long the acknowledgement of a change of status waits, at most, until a neighbour has the digest.
const HAND_OVER: Duration = Duration::from_millis(250);
/// Neighbours that are waited for, so that a change outlives us when we end right after it was acknowledged.
const HAND_OVER_TO: usize = 2;
/// Least time between two askings because of what others did, in seconds.
const PAUSE: i64 = 10;
/// When somebody who came back has neighbours enough that gossip reaches all; not before [`PAUSE`] is over.
const SETTLED: Duration = Duration::from_secs(10);

/// Takes what comes, until the network stops.
pub(super) async fn run(service: Arc<Service>, mut inbox: GossipInbox) {
    while let Some(news) = inbox.next().await {
        match news {
            News::Message(message) => {
                let service = service.clone();
                tokio::spawn(async move { service.hear(message).await });
            }
            News::Connected(peer) => came_back(&service, &peer),
            News::Disconnected(peer) => tracing::debug!(%peer, "a neighbour left"),
        }
    }
}

/// A listed peer can be reached again: what was missed meanwhile is asked for, if it may be that something was.
fn came_back(service: &Arc<Service>, peer: &PeerName) {
    tracing::debug!(%peer, "a neighbour came");
    // Peers come and go all the time; after a partition many come at once, and one asking is enough for them all.
    if service.may_ask_again() {
        service.wake_trust.notify_one();
        service.wake_mirror.notify_one();
        service.refresh_notices();
        // A peer that has just started may tell something before its gossip reaches everybody, and who came within the pause was not
        // asked about: once more when both are over.
        let service = service.clone();
        tokio::spawn(async move {
            tokio::time::sleep(SETTLED).await;
            service.wake_trust.notify_one();
            service.refresh_notices();
        });
    } else if service.is_unmirrored(peer) {
        service.wake_mirror.notify_one();
    }
}

impl Service {
    async fn hear(&self, message: Gossiped) {
        let Gossiped {
            origin,
            from,
            topic,
            data,
            verdict,
        } = message;
        match topic {
            Topic::Trust => self.hear_trust(&from, &data, verdict).await,
            Topic::Status => self.hear_status(&from, &data, verdict).await,
            Topic::Notice => self.hear_notice(&origin, &data, verdict),
        }
    }

    /// Whether so much time has gone since we asked because of what others did that we may again: nobody makes us ask without end.
    pub(super) fn may_ask_again(&self) -> bool {
        let now = clock::since_boot().unwrap_or_default();
        let is_over = now.saturating_sub(self.asked_at.load(Ordering::Relaxed)) >= PAUSE;
        if is_over {
            self.asked_at.store(now, Ordering::Relaxed);
        }
        is_over
    }

    /// Whether a node's organisation did not answer when its status was asked for.
    fn is_unmirrored(&self, peer: &PeerName) -> bool {
        let Some(trust) = self.trust() else { return false };
        let organisation = trust.organisation_of_peer(peer.as_str());
        organisation.is_some_and(|listed| lock(&self.unmirrored).is_ok_and(|failing| failing.contains_key(&listed.did)))
    }

    /// Asks for notices that may have been missed.
    fn refresh_notices(&self) {
        if let Some(verifier) = &self.verifier
            && let Ok(mut verifier) = lock(verifier)
        {
            verifier.notices_refresh();
        }
    }

    /// Tells the network whom the trust list names, and the neighbours which head we hold.
    pub(super) async fn list_changed(&self) {
        let (Some(network), Some(trust)) = (self.network.get(), self.trust()) else {
            return;
        };
        if network.peer_name().is_none() {
            return;
        }
        let nodes = || trust.document().organisations.iter().flat_map(|o| &o.nodes);
        // Most new lists change nobody's address.
        let is_known = lock(&self.neighbours).is_ok_and(|known| known.iter().eq(nodes()));
        let mut told = Ok(());
        if !is_known {
            let listed = nodes().filter_map(|node| {
                let addresses = node.addresses.iter().filter_map(|a| Address::parse(a).ok()).collect();
                Some((PeerName::parse(&node.peer).ok()?, addresses))
            });
            told = network.set_neighbours(listed.collect()).await;
            if let (Ok(()), Ok(mut known)) = (&told, lock(&self.neighbours)) {
                *known = nodes().cloned().collect();
            }
        }
        if told.is_ok() {
            told = network.list_changed().await;
        }
        if let Err(error) = told {
            tracing::debug!(%error, "the network was not told of the list");
        }
    }

    /// Publishes; a failure is no more than a later arrival, by the pull twin.
    pub(super) async fn tell(&self, topic: Topic, data: Vec<u8>) {
        let Some(network) = self.network.get() else { return };
        if network.peer_name().is_none() {
            return;
        }
        if let Err(error) = network.publish(topic, data).await {
            tracing::debug!(%topic, %error, "not published");
        }
    }

    /// Tells what changed of our own lists and notices: all of it is durable.
    pub(super) async fn tell_news(&self) -> Result<bool, Problem> {
        let Some(issuer) = &self.issuer else { return Ok(false) };
        let (digests, notices) = tokio::task::block_in_place(|| {
            let mut issuer = lock(issuer)?;
            let digests = issuer.take_digests(clock::now()).map_err(|e| e.problem())?;
            Ok::<_, Problem>((digests, issuer.take_notice_digests()))
        })?;
        let is_any = !digests.is_empty() || !notices.is_empty();
        for digest in digests {
            self.tell(Topic::Status, digest.into_bytes()).await;
        }
        for notice in notices {
            self.tell(Topic::Notice, notice).await;
        }
        Ok(is_any)
    }

    /// The same after a change, and waits a moment until neighbours have it: whoever is told that a change was made may end
    /// this process then, and the change goes on. The tick may have told it before us, so that it is waited for in any case.
    pub(super) async fn hand_over_news(&self) {
        if let Err(problem) = self.tell_news().await {
            return tracing::warn!(%problem, "news of our lists not told");
        }
        let Ok(body) = protocol::encode(&messages::Ask::Version) else {
            return;
        };
        let connected = self.connected_nodes();
        // What is published first leaves first on a connection: who answers what was asked later has had it.
        let asked = connected
            .iter()
            .take(HAND_OVER_TO)
            .map(|peer| self.ask_peer(peer, Protocol::Trust, body.clone()));
        if tokio::time::timeout(HAND_OVER, futures::future::join_all(asked))
            .await
            .is_err()
        {
            tracing::debug!("neighbours are slow");
        }
    }

    /// Listed nodes that are connected.
    pub(super) fn connected_nodes(&self) -> Vec<PeerName> {
        let (Some(network), Some(trust)) = (self.network.get(), self.trust()) else {
            return Vec::new();
        };
        let peers = network.peers().into_iter().rev().filter(|peer| peer.connected);
        peers
            .map(|peer| peer.peer)
            .filter(|peer| trust.organisation_of_peer(peer.as_str()).is_some())
            .collect()
    }
}
