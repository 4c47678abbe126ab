//! Figures of what goes over the network: connections, gossip, requests, relays, notices that come.

use super::text::Text;
use super::{figures, whole};
use crate::network::RelayCounters;
use crate::service::{Service, lock};
use std::collections::BTreeMap;

impl Service {
    pub(super) fn notice_figures(&self, text: &mut Text) {
        let Some(verifier) = &self.verifier else { return };
        let Ok(verifier) = lock(verifier) else { return };
        let streams = verifier.notice_streams();
        drop(verifier);
        let acted = streams.iter();
        let acted = acted.map(|stream| ([stream.register.as_str()], stream.next.saturating_sub(1).into()));
        text.add(&figures::NOTICE_NUMBER, acted);
        let missing = streams.iter().map(|stream| {
            let missing = stream
                .missing
                .map_or(0, |(from, to)| to.saturating_sub(from).saturating_add(1));
            ([stream.register.as_str()], missing.into())
        });
        text.add(&figures::NOTICE_MISSING, missing);
    }

    pub(super) fn network_figures(&self, text: &mut Text) {
        let Some(network) = self.network.get() else { return };
        let trust = self.trust();
        let peers = network.peers();
        let connected = |is_listed: bool| {
            let count = peers.iter().filter(|peer| peer.connected).filter(|peer| {
                let organisation = trust.as_ref().and_then(|t| t.organisation_of_peer(peer.peer.as_str()));
                organisation.is_some() == is_listed
            });
            whole(count.count())
        };
        text.add(
            &figures::PEERS,
            [(["listed"], connected(true)), (["other"], connected(false))],
        );
        let gossip = network.gossip();
        text.one(&figures::GOSSIP_PEERS, whole(gossip.peers));
        text.one(&figures::GOSSIP_BANNED, whole(gossip.banned));
        let mut samples = Vec::new();
        for (topic, count) in &gossip.topics {
            for (what, count) in [
                ("published", count.published),
                ("superseded", count.superseded),
                ("received", count.received),
                ("duplicate", count.duplicates),
                ("accepted", count.accepted),
                ("rejected", count.rejected),
                ("ignored", count.ignored),
                ("over_rate", count.over_rate),
                ("foreign", count.foreign),
                ("shed", count.shed),
                ("expired", count.expired),
            ] {
                samples.push(([topic.as_str(), what], i128::from(count)));
            }
        }
        text.add(&figures::GOSSIP_MESSAGES, samples);
        relay_figures(text, &network.relaying());
        let mut requests: BTreeMap<(&str, &str), i128> = BTreeMap::new();
        let mut bytes: BTreeMap<(&str, &str), i128> = BTreeMap::new();
        for (protocol, traffic) in peers.iter().flat_map(|peer| &peer.traffic) {
            for (direction, request, byte) in [
                ("in", traffic.requests_in, traffic.bytes_in),
                ("out", traffic.requests_out, traffic.bytes_out),
            ] {
                let key = (protocol.as_str(), direction);
                for (table, more) in [(&mut requests, request), (&mut bytes, byte)] {
                    let sum = table.entry(key).or_default();
                    *sum = sum.saturating_add(more.into());
                }
            }
        }
        for (figure, table) in [(&figures::REQUESTS, requests), (&figures::REQUEST_BYTES, bytes)] {
            let samples = table.iter();
            let samples = samples.map(|((protocol, direction), sum)| ([*protocol, *direction], *sum));
            text.add(figure, samples);
        }
    }
}

/// What came of relays, where this node is one or uses any.
fn relay_figures(text: &mut Text, relaying: &RelayCounters) {
    if *relaying == RelayCounters::default() {
        return;
    }
    let places = [
        (["wanted"], whole(relaying.wanted)),
        (["held"], whole(relaying.held)),
        (["given"], whole(relaying.places)),
    ];
    text.add(&figures::RELAY_PLACES, places);
    text.one(&figures::RELAY_CIRCUITS, whole(relaying.circuits));
    let asked = [
        (["circuit_carried"], whole(relaying.carried)),
        (["circuit_refused"], whole(relaying.circuits_refused)),
        (["place_refused"], whole(relaying.places_refused)),
        (["punched"], whole(relaying.punched)),
        (["not_punched"], whole(relaying.not_punched)),
    ];
    text.add(&figures::RELAY, asked);
}
