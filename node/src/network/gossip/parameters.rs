//! How gossipsub is set, and why. Figures are of 144 nodes on two cores (`cargo bench -p node --bench gossip`).

use std::collections::{HashMap, HashSet};
use std::io;
use std::sync::Arc;
use std::time::Duration;

use libp2p::gossipsub::{
    self, ConfigBuilder, DataTransform, IdentTopic, MessageAuthenticity, MessageId, PeerScoreParams,
    PeerScoreThresholds, RawMessage, TopicHash, TopicScoreParams, ValidationMode, Version, WhitelistSubscriptionFilter,
};
use libp2p::identity::Keypair;
use sha2::{Digest, Sha256};

use super::counters::{Count, Counts};
use super::{GOSSIP_BYTES_MAX, Topic};

pub(super) type Gossipsub = gossipsub::Behaviour<Inbound, WhitelistSubscriptionFilter>;

/// The name on the wire: gossipsub 1.1 among ourselves.
///
/// 1.2 would add IDONTWANT, which pays for messages far above 4 KiB: it costs a packet on each link to save one on some.
const PROTOCOL: &str = "/bevis/gossip/1";

/// Around the data of a message stand its origin, number, topic and signature (some 150 bytes), and the lengths of all.
const ENVELOPE_BYTES: usize = 256;

/// Longest frame that is read. The crate compares this with all that has arrived and not only with the frame that is next,
/// and it reads 8 KiB at a time: with less, two messages that come at once would break the stream.
const FRAME_BYTES_MAX: usize = 16 * 1024;
/// Control messages in a frame: 100 ids of 34 bytes, or a greeting.
const CONTROL_BYTES_MAX: usize = 4 * 1024;
const IDS_MAX: usize = 100;
/// Announcements of messages that a peer may make between two heartbeats.
const ANNOUNCEMENTS_MAX: usize = 10;
/// Messages in a frame. The crate sends one.
const MESSAGES_MAX: usize = 4;
/// Messages that wait for a slow peer.
const QUEUE_MAX: usize = 256;

/// Time between two repairs. A message that did not reach a peer through its mesh is announced to it by others at the next
/// one: at the usual second it would come too late for our promise of a second.
const HEARTBEAT: Duration = Duration::from_millis(500);
/// How long a message may wait for its verdict.
pub(super) const VERDICT: Duration = Duration::from_secs(5);
/// Heartbeats for which a message is held: longer than it may wait for its verdict.
const HELD: usize = 12;
/// How long a message may wait for room in a connection: as long as it is held. What has to wait longer is dropped, and nobody is told.
const QUEUED: Duration = Duration::from_secs(6);
/// Heartbeats in which it is announced, each time to so many peers outside of the mesh.
const ANNOUNCED: usize = 3;
const ANNOUNCED_TO: usize = 3;
/// Time in which the same message is known again.
const KNOWN: Duration = Duration::from_secs(5 * 60);

/// Peers that each node passes a message to. With five a message of one reaches 144 in three to four steps, and the work of
/// reading the copies (a signature each) stays below what two cores do in the second.
const MESH: usize = 5;
const MESH_LOW: usize = 4;
const MESH_HIGH: usize = 10;
const MESH_OUTBOUND: usize = 2;
/// How long two peers that parted stay apart in the mesh.
const APART: Duration = Duration::from_secs(15);

/// Score below which a peer is left out: eight invalid messages in a short time, or what costs as much.
pub(super) const LEFT_OUT_BELOW: f64 = -60.0;
/// Score below which nothing of it is looked at. Lower than the one before: what is not looked at lowers the score no
/// further, and it grows back with each second, so that a peer could stay just above the other.
const DEAF_BELOW: f64 = -80.0;
/// Score below which it hears no announcements, and below which it gets nothing of ours.
const QUIET_BELOW: f64 = -10.0;
const MUTE_BELOW: f64 = -50.0;

pub(super) fn topic(topic: Topic) -> IdentTopic {
    IdentTopic::new(topic.as_str())
}

fn topics() -> impl Iterator<Item = TopicHash> {
    Topic::ALL.into_iter().map(|of| topic(of).hash())
}

/// Counts the copies of messages, and refuses those that no honest peer sends.
pub(super) struct Inbound(Arc<Counts>);

impl DataTransform for Inbound {
    fn inbound_transform(&self, raw: RawMessage) -> Result<gossipsub::Message, io::Error> {
        let topic = Topic::of(raw.topic.as_str()).ok_or(io::ErrorKind::InvalidData)?;
        if raw.data.len() > GOSSIP_BYTES_MAX || raw.source.is_none() || raw.sequence_number.is_none() {
            return Err(io::ErrorKind::InvalidData.into());
        }
        self.0.add(topic, Count::Copies);
        Ok(gossipsub::Message {
            source: raw.source,
            data: raw.data,
            sequence_number: raw.sequence_number,
            topic: raw.topic,
        })
    }

    fn outbound_transform(&self, _: &TopicHash, data: Vec<u8>) -> Result<Vec<u8>, io::Error> {
        Ok(data)
    }
}

/// The name of a message: SHA-256 of topic, origin and data.
///
/// The origin is in it so that nobody can use up the name of another's message by publishing the same bytes first, over
/// their own rate or under a number that was taken: the second would be dropped as known.
fn id(message: &gossipsub::Message) -> MessageId {
    let mut hash = Sha256::new();
    for part in [
        message.topic.as_str().as_bytes(),
        &message.source.map(|source| source.to_bytes()).unwrap_or_default(),
    ] {
        hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        hash.update(part);
    }
    hash.update(&message.data);
    MessageId::new(&hash.finalize())
}

fn config() -> gossipsub::Config {
    let mut config = ConfigBuilder::default();
    config
        .protocol_id(PROTOCOL, Version::V1_1)
        .validation_mode(ValidationMode::Strict)
        .validate_messages()
        // After a restart others may announce to us what we said before. The behaviour ignores it; the crate would blame them.
        .allow_self_origin(true)
        .message_id_fn(id)
        .max_transmit_size(FRAME_BYTES_MAX)
        .max_control_message_size(CONTROL_BYTES_MAX)
        .max_control_messages_sent(IDS_MAX)
        .max_ihave_messages_heartbeat(ANNOUNCEMENTS_MAX)
        .max_publish_messages(MESSAGES_MAX)
        .connection_handler_queue_len(QUEUE_MAX)
        .publish_queue_duration(QUEUED)
        .forward_queue_duration(QUEUED)
        .idontwant_message_size_threshold(usize::MAX)
        .heartbeat_initial_delay(Duration::from_millis(100))
        .heartbeat_interval(HEARTBEAT)
        .history_length(HELD)
        .history_gossip(ANNOUNCED)
        .gossip_lazy(ANNOUNCED_TO)
        .gossip_factor(0.0)
        .duplicate_cache_time(KNOWN)
        // Our own messages go through the mesh like others': there are few neighbours beside it.
        .flood_publish(false)
        .mesh_n(MESH)
        .mesh_n_low(MESH_LOW)
        .mesh_n_high(MESH_HIGH)
        .mesh_outbound_min(MESH_OUTBOUND)
        .prune_backoff(APART);
    for topic in topics() {
        config.max_transmit_size_for_topic(GOSSIP_BYTES_MAX + ENVELOPE_BYTES, topic);
    }
    config
        .build()
        .expect("the figures above satisfy what the crate checks: low <= n <= high, outbound <= n / 2")
}

/// What a topic adds to the score. There are few messages and no steady flow, so that a peer cannot be blamed for silence
/// (P3 is off): only what it sends that is invalid counts, and a little what it was first to bring.
fn topic_score() -> TopicScoreParams {
    TopicScoreParams {
        topic_weight: 1.0,
        time_in_mesh_weight: 0.0,
        first_message_deliveries_weight: 0.1,
        first_message_deliveries_decay: 0.9,
        first_message_deliveries_cap: 20.0,
        mesh_message_deliveries_weight: 0.0,
        mesh_failure_penalty_weight: 0.0,
        // Squared: three are a slip, eight are not. Halved in a minute.
        invalid_message_deliveries_weight: -1.0,
        invalid_message_deliveries_decay: 0.9885,
        ..TopicScoreParams::default()
    }
}

fn score() -> (PeerScoreParams, PeerScoreThresholds) {
    let parameters = PeerScoreParams {
        topics: topics().map(|topic| (topic, topic_score())).collect::<HashMap<_, _>>(),
        topic_score_cap: 5.0,
        app_specific_weight: 1.0,
        // An organisation's nodes stand behind one address, and so does a whole demo.
        ip_colocation_factor_weight: 0.0,
        behaviour_penalty_weight: -1.0,
        behaviour_penalty_threshold: 6.0,
        behaviour_penalty_decay: 0.9,
        // A peer that is slow, as all are on a busy machine, is no culprit.
        slow_peer_weight: -0.1,
        slow_peer_threshold: 32.0,
        slow_peer_decay: 0.5,
        ..PeerScoreParams::default()
    };
    let thresholds = PeerScoreThresholds {
        gossip_threshold: QUIET_BELOW,
        publish_threshold: MUTE_BELOW,
        graylist_threshold: DEAF_BELOW,
        accept_px_threshold: f64::MAX,
        opportunistic_graft_threshold: 0.0,
    };
    (parameters, thresholds)
}

/// A gossipsub that speaks for a key and has joined all topics.
pub(super) fn build(keypair: &Keypair, counts: &Arc<Counts>) -> Gossipsub {
    let mut gossipsub = Gossipsub::new_with_subscription_filter_and_transform(
        MessageAuthenticity::Signed(keypair.clone()),
        config(),
        WhitelistSubscriptionFilter(topics().collect::<HashSet<_>>()),
        Inbound(Arc::clone(counts)),
    )
    .expect("a configuration that is strict takes a key to sign with");
    let (parameters, thresholds) = score();
    gossipsub
        .with_peer_score(parameters, thresholds)
        .expect("the figures above satisfy what the crate checks, and are set once");
    for of in Topic::ALL {
        gossipsub
            .subscribe(&topic(of))
            .expect("the filter has every topic, and nobody is connected who could be told too much");
    }
    gossipsub
}

#[cfg(test)]
mod tests {
    use libp2p::PeerId;

    use super::*;

    fn message(topic: Topic, source: PeerId, data: &[u8]) -> gossipsub::Message {
        gossipsub::Message {
            source: Some(source),
            data: data.to_vec(),
            sequence_number: Some(1),
            topic: super::topic(topic).hash(),
        }
    }

    #[test]
    fn the_name_of_a_message_covers_topic_origin_and_data_and_not_its_number() {
        let (one, other) = (PeerId::random(), PeerId::random());
        let first = id(&message(Topic::Trust, one, b"data"));
        for differs in [
            message(Topic::Status, one, b"data"),
            message(Topic::Trust, other, b"data"),
            message(Topic::Trust, one, b"datb"),
        ] {
            assert_ne!(id(&differs), first);
        }
        let again = gossipsub::Message {
            sequence_number: Some(2),
            ..message(Topic::Trust, one, b"data")
        };
        assert_eq!(id(&again), first);
    }

    #[test]
    fn what_no_honest_peer_sends_is_refused_before_it_has_a_name() {
        let counts = Counts::new();
        let inbound = Inbound(Arc::clone(&counts));
        let raw = |topic: &str, bytes| RawMessage {
            source: Some(PeerId::random()),
            data: vec![0; bytes],
            sequence_number: Some(1),
            topic: TopicHash::from_raw(topic),
            signature: None,
            key: None,
            validated: false,
        };
        assert!(
            inbound
                .inbound_transform(raw("/bevis/trust/1", GOSSIP_BYTES_MAX))
                .is_ok()
        );
        assert!(
            inbound
                .inbound_transform(raw("/bevis/trust/1", GOSSIP_BYTES_MAX + 1))
                .is_err()
        );
        assert!(inbound.inbound_transform(raw("/bevis/issue/1", 1)).is_err());
        let nobody = RawMessage {
            source: None,
            ..raw("/bevis/trust/1", 1)
        };
        assert!(inbound.inbound_transform(nobody).is_err());
    }

    #[test]
    fn the_figures_satisfy_what_the_crate_checks() {
        let keypair = Keypair::generate_ed25519();
        let gossipsub = build(&keypair, &Counts::new());
        assert_eq!(gossipsub.topics().count(), Topic::ALL.len());
        assert!(HEARTBEAT * u32::try_from(HELD).expect("small") > VERDICT);
    }
}
