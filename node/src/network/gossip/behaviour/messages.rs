//! Messages: ours on their way out, others' on their way to the service and on.

use libp2p::PeerId;
use libp2p::gossipsub::{self, MessageAcceptance, MessageId, PublishError};
use tokio::time::Instant;

use super::{Behaviour, Pending};
use crate::network::PeerName;
use crate::network::gossip::contacts::{STRIKE_OWN, STRIKE_PASSED_ON};
use crate::network::gossip::counters::Count;
use crate::network::gossip::origins::Take;
use crate::network::gossip::parameters::{self, VERDICT};
use crate::network::gossip::{Gossiped, Judgement, News, Topic, Verdict};

impl Behaviour {
    pub(super) fn event(&mut self, event: gossipsub::Event) {
        // What waits for somebody to take it leaves with the next tick, when more than the first has come.
        if let gossipsub::Event::Message {
            propagation_source,
            message_id,
            message,
        } = event
        {
            self.received(propagation_source, message_id, message);
        }
    }

    /// Hands a message to the service, or ignores it with a reason that is counted.
    pub(super) fn received(&mut self, from: PeerId, id: MessageId, message: gossipsub::Message) {
        let now = Instant::now();
        let (topic, source) = (Topic::of(message.topic.as_str()), message.source);
        let (Some(topic), Some(source), Some(number)) = (topic, source, message.sequence_number) else {
            // The transform has refused it already.
            self.report(&id, &from, MessageAcceptance::Reject);
            return;
        };
        self.outlet.counts.add(topic, Count::Received);
        let shed = match self.sift(from, source, number, now) {
            Err((why, cost)) => {
                if let Some(cost) = cost {
                    self.strike(from, cost, "over the rate", now);
                }
                Some(why)
            }
            Ok((origin, from_name)) => match self.places.clone().try_reserve_owned() {
                Err(_) => Some(Count::Shed),
                Ok(place) => {
                    let until = now + VERDICT;
                    self.pending.insert(id.clone(), Pending { from, topic, until });
                    let news = News::Message(Gossiped {
                        origin,
                        from: from_name,
                        topic,
                        data: message.data,
                        verdict: Verdict::new(place, id.clone(), from),
                    });
                    // One that is not taken is ignored as it is dropped; that is then no verdict of the service.
                    let is_shed = self.outlet.news.try_send(news).is_err();
                    is_shed.then_some(Count::Shed)
                }
            },
        };
        if let Some(why) = shed {
            self.pending.remove(&id);
            self.outlet.counts.add(topic, why);
            self.report(&id, &from, MessageAcceptance::Ignore);
        }
    }

    /// Whether a message may be judged at all; else why not, and what that costs who passed it on.
    pub(super) fn sift(
        &mut self,
        from: PeerId,
        source: PeerId,
        number: u64,
        now: Instant,
    ) -> Result<(PeerName, PeerName), (Count, Option<f64>)> {
        let (Ok(origin), Ok(from_name)) = (PeerName::of(source), PeerName::of(from)) else {
            return Err((Count::Foreign, None));
        };
        // Ours from before a restart. Whoever passed another's on may hold a newer or an older list.
        if source == self.own || !self.context.shared.greeter.is_listed(&origin) {
            return Err((Count::Foreign, None));
        }
        let is_direct = from == source;
        let cost = if is_direct { STRIKE_OWN } else { STRIKE_PASSED_ON };
        match self.origins.take(source, number, is_direct, now) {
            Take::Fresh => Ok((origin, from_name)),
            Take::Again => Err((Count::Foreign, Some(cost))),
            Take::OverRate => Err((Count::OverRate, Some(cost))),
        }
    }

    pub(super) fn report(&mut self, id: &MessageId, from: &PeerId, acceptance: MessageAcceptance) {
        self.inner.report_message_validation_result(id, from, acceptance);
    }

    pub(super) fn judge(&mut self, judgement: Judgement) {
        let Judgement { id, from, acceptance } = judgement;
        // One that came too late was reported and counted when its time was over.
        if let Some(pending) = self.pending.remove(&id) {
            let count = match acceptance {
                MessageAcceptance::Accept => Count::Accepted,
                MessageAcceptance::Reject => Count::Rejected,
                MessageAcceptance::Ignore => Count::Ignored,
            };
            self.outlet.counts.add(pending.topic, count);
            self.report(&id, &from, acceptance);
        }
    }

    /// Publishes what may leave now.
    pub(super) fn flush(&mut self) {
        let now = Instant::now();
        loop {
            let inner = &self.inner;
            let is_open = |topic| {
                let hash = parameters::topic(topic).hash();
                inner.all_peers().any(|(_, topics)| topics.contains(&&hash))
            };
            let Some((topic, data)) = self.outbox.next(is_open, now) else {
                return;
            };
            match self.inner.publish(parameters::topic(topic), data.clone()) {
                // With all queues full it stays in the memory from which it is announced.
                Ok(_) | Err(PublishError::AllQueuesFull(_)) => self.outlet.counts.add(topic, Count::Published),
                Err(PublishError::NoPeersSubscribedToTopic) => {
                    self.outbox.put_back(topic, data);
                    return;
                }
                Err(PublishError::Duplicate) => tracing::debug!(own = %self.context.own, %topic, "published before"),
                Err(error) => tracing::warn!(own = %self.context.own, %topic, %error, "not published"),
            }
        }
    }

    pub(super) fn expire(&mut self, now: Instant) {
        let late = self.pending.iter().filter(|(_, pending)| pending.until <= now);
        let late: Vec<MessageId> = late.map(|(id, _)| id.clone()).collect();
        for id in late {
            if let Some(pending) = self.pending.remove(&id) {
                self.outlet.counts.add(pending.topic, Count::Expired);
                self.report(&id, &pending.from, MessageAcceptance::Ignore);
            }
        }
    }
}
