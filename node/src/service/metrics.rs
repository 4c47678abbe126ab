//! Figures for Prometheus, in its text exposition format 0.0.4. No name but DIDs of listed organisations stands in them: no
//! PeerId, no address, nothing of a person or a case.

use super::{Service, keys, lock, views};
use crate::clock;
use crate::error::Failure;
use crate::network::RelayCounters;
use credentials::trust::{Role, Version};
use credentials::verify::Verdict;
use credentials::{Code, Did, Timestamp};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::{Mutex, PoisonError};

/// Row with the time of the newest backup that was made of this home.
const BACKUP: &str = "backup-made";

/// Counts since the start. What is counted comes from our own tables, so that no peer can make it grow.
struct Counts<K>(Mutex<BTreeMap<K, u64>>);

impl<K> Default for Counts<K> {
    fn default() -> Counts<K> {
        Counts(Mutex::default())
    }
}

impl<K: Copy + Ord> Counts<K> {
    fn add(&self, key: K) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = all.entry(key).or_default();
        *count = count.saturating_add(1);
    }

    fn all(&self) -> Vec<(K, u64)> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().map(|(key, count)| (*key, *count)).collect()
    }
}

/// Refusals, by what they were of and their code.
#[derive(Default)]
pub(super) struct Refusals(Counts<(&'static str, Code)>);

impl Refusals {
    /// Counts one.
    pub(super) fn count(&self, of: &'static str, code: Code) {
        self.0.add((of, code));
    }

    fn all(&self) -> Vec<((&'static str, Code), u64)> {
        self.0.all()
    }
}

/// Verdicts, by why they are not *valid*, or what is to be noted of a valid one.
#[derive(Default)]
pub(super) struct Verdicts(Counts<(&'static str, &'static str)>);

impl Verdicts {
    /// Counts one.
    pub(super) fn count(&self, verdict: Verdict, code: Option<Code>) {
        self.0.add((verdict.as_str(), code.map_or("none", Code::as_str)));
    }
}

/// Roots, lists and heads lower than ours that somebody showed us, whether an alarm was raised or not.
#[derive(Default)]
pub(super) struct OlderTrust(Counts<&'static str>);

impl OlderTrust {
    /// Counts one.
    pub(super) fn count(&self, role: Role) {
        self.0.add(role.as_str());
    }

    /// Counts a head by the highest part in which it is behind what is held.
    pub(super) fn count_head(&self, offered: Version, held: Version) {
        self.count(if offered.root < held.root {
            Role::Root
        } else if offered.list < held.list {
            Role::List
        } else {
            Role::Head
        });
    }
}

/// Whether a figure goes up and down, or only up.
#[derive(Clone, Copy)]
enum Kind {
    Gauge,
    Counter,
}

/// The text as it grows.
#[derive(Default)]
struct Text(String);

impl Text {
    /// A figure with its samples: labels and value. One without samples is left out.
    fn add(&mut self, name: &str, kind: Kind, help: &str, samples: &[(Vec<(&str, &str)>, i128)]) {
        if samples.is_empty() {
            return;
        }
        let kind = match kind {
            Kind::Gauge => "gauge",
            Kind::Counter => "counter",
        };
        let mut text = format!("# HELP bevis_{name} {help}\n# TYPE bevis_{name} {kind}\n");
        for (labels, value) in samples {
            let labels: Vec<String> = labels
                .iter()
                .map(|(label, value)| format!("{label}=\"{}\"", escape(value)))
                .collect();
            let labels = if labels.is_empty() {
                String::new()
            } else {
                format!("{{{}}}", labels.join(","))
            };
            // Writing to a string does not fail.
            if writeln!(text, "bevis_{name}{labels} {value}").is_err() {
                return;
            }
        }
        self.0.push_str(&text);
    }

    fn one(&mut self, name: &str, help: &str, value: impl Into<i128>) {
        self.add(name, Kind::Gauge, help, &[(Vec::new(), value.into())]);
    }
}

/// A label's value (exposition format: backslash, quote and line feed are written out).
fn escape(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

impl Service {
    /// `{"schema": "metrics/v1", "text": …}`.
    pub(super) fn metrics(&self) -> Result<Value, Failure> {
        let now = clock::now();
        let mut text = Text::default();
        let version = vec![("version", env!("CARGO_PKG_VERSION"))];
        text.add("build_info", Kind::Gauge, "The program.", &[(version, 1)]);
        if let Some(kib) = views::resident() {
            text.one(
                "resident_bytes",
                "Resident memory.",
                i128::from(kib).saturating_mul(1024),
            );
        }
        let health = self.store.health();
        text.one("store_bytes", "Bytes of the journal.", health.journal_bytes);
        text.one(
            "store_epoch",
            "Times that this home was restored or copied.",
            self.store.epoch(),
        );
        self.trust_figures(&mut text, now);
        self.status_figures(&mut text, now)?;
        self.network_figures(&mut text);
        for (name, what, left) in self.seconds_left(now) {
            text.one(name, what, left);
        }
        let is_caught_up = self.awaited()?.is_none();
        text.one(
            "caught_up",
            "Whether heads of enough organisations were taken since a restore.",
            i128::from(is_caught_up),
        );
        self.notice_figures(&mut text)?;
        self.mailbox_figures(&mut text)?;
        let mut alarms: BTreeMap<&str, i128> = BTreeMap::new();
        for (_, alarm) in self.alarms.all()?.iter().filter(|(_, alarm)| !alarm.is_dismissed) {
            let count = alarms.entry(alarm.code.as_str()).or_default();
            *count = count.saturating_add(1);
        }
        let mut samples = vec![(vec![("code", "any")], alarms.values().sum())];
        samples.extend(alarms.iter().map(|(code, count)| (vec![("code", *code)], *count)));
        text.add("alarms", Kind::Gauge, "Alarms that nobody has dismissed.", &samples);
        text.add(
            "alarms_lost_total",
            Kind::Counter,
            "Alarms that could not be kept.",
            &[(Vec::new(), i128::from(self.alarms.lost()))],
        );
        let refusals = self.refusals.all();
        let samples: Vec<_> = refusals
            .iter()
            .map(|((of, code), count)| (vec![("of", *of), ("code", code.as_str())], i128::from(*count)))
            .collect();
        text.add("refusals_total", Kind::Counter, "What was refused, by code.", &samples);
        let verdicts = self.verdicts.0.all();
        let samples: Vec<_> = verdicts
            .iter()
            .map(|((verdict, code), count)| (vec![("verdict", *verdict), ("code", *code)], i128::from(*count)))
            .collect();
        let help = "Verdicts on answers and checked credentials, by why.";
        text.add("verdicts_total", Kind::Counter, help, &samples);
        if let Some(made) = self.backup_made()? {
            text.one(
                "backup_age_seconds",
                "Since the newest backup of this home was made.",
                now.since(made),
            );
        }
        Ok(json!({ "schema": "metrics/v1", "text": text.0 }))
    }

    /// Notes that a backup of this home was made.
    pub(super) fn note_backup(&self, now: Timestamp) -> Result<(), Failure> {
        let mut transaction = self.store.transaction();
        let table = self.store.table(keys::TABLE);
        transaction.put(&table, BACKUP, now.unix().to_string().as_bytes());
        transaction.commit()?;
        Ok(())
    }

    fn backup_made(&self) -> Result<Option<Timestamp>, Failure> {
        let bytes = self.store.table(keys::TABLE).get(BACKUP)?;
        let text = bytes.map(String::from_utf8).transpose();
        let text = text.map_err(|error| Failure::because(Code::Damaged, error))?;
        let made = text.map(|text| text.parse().map(Timestamp::from_unix)).transpose();
        made.map_err(|error| Failure::because(Code::Damaged, error))
    }

    fn trust_figures(&self, text: &mut Text, now: Timestamp) {
        let older = self.older_trust.0.all();
        let samples: Vec<_> = older
            .iter()
            .map(|(role, count)| (vec![("role", *role)], i128::from(*count)))
            .collect();
        text.add(
            "trust_older_total",
            Kind::Counter,
            "Roots, lists and heads lower than ours that were shown.",
            &samples,
        );
        let trust = self.trust();
        let is_current = trust.as_ref().is_some_and(|trust| trust.current(now).is_ok());
        text.one(
            "trust_current",
            "Whether the trust list held can be decided by.",
            i128::from(is_current),
        );
        let Some(trust) = trust else { return };
        let version = trust.version();
        let parts = [("root", version.root), ("list", version.list), ("head", version.head)];
        let samples: Vec<_> = parts
            .iter()
            .map(|(part, number)| (vec![("part", *part)], i128::from(*number)))
            .collect();
        text.add(
            "trust_version",
            Kind::Gauge,
            "Version of the trust list held.",
            &samples,
        );
        let age = now.since(trust.head_issued());
        text.one("trust_head_age_seconds", "Since the trust list's head was signed.", age);
        let left = trust.head_expires().since(now);
        text.one("trust_head_left_seconds", "Until the trust list's head runs out.", left);
        text.one(
            "trust_organisations",
            "Organisations of the trust list held.",
            i128::try_from(trust.document().organisations.len()).unwrap_or(i128::MAX),
        );
    }

    fn status_figures(&self, text: &mut Text, now: Timestamp) -> Result<(), Failure> {
        let heads: Vec<(String, i64, usize)> = lock(&self.mirror)?
            .heads()
            .iter()
            .map(|head| (head.issuer.to_string(), now.since(head.issued), head.lists.len()))
            .collect();
        let by_issuer = |value: &dyn Fn(&(String, i64, usize)) -> i128| -> Vec<(Vec<(&'static str, String)>, i128)> {
            heads
                .iter()
                .map(|head| (vec![("issuer", head.0.clone())], value(head)))
                .collect()
        };
        let ages = by_issuer(&|head| head.1.into());
        let lists = by_issuer(&|head| i128::try_from(head.2).unwrap_or(i128::MAX));
        let help = "Since an issuer last signed how its credentials stand.";
        text.add("status_age_seconds", Kind::Gauge, help, &borrowed(&ages));
        let help = "Status lists of an issuer.";
        text.add("status_lists", Kind::Gauge, help, &borrowed(&lists));
        let unmirrored: Vec<(Did, Code)> = lock(&self.unmirrored)?.clone().into_iter().collect();
        let failing: Vec<_> = unmirrored
            .iter()
            .map(|(issuer, code)| (vec![("issuer", issuer.to_string()), ("code", code.to_string())], 1))
            .collect();
        let help = "Issuers whose status could not be had the last time.";
        text.add("status_failing", Kind::Gauge, help, &borrowed(&failing));
        Ok(())
    }

    fn notice_figures(&self, text: &mut Text) -> Result<(), Failure> {
        let Some(verifier) = &self.verifier else { return Ok(()) };
        let streams = lock(verifier)?.notice_streams();
        let samples: Vec<_> = streams
            .iter()
            .map(|stream| {
                let acted = stream.next.saturating_sub(1);
                (vec![("register", stream.register.as_str())], i128::from(acted))
            })
            .collect();
        text.add(
            "notice_number",
            Kind::Gauge,
            "Newest notice of a register that is in effect.",
            &samples,
        );
        let samples: Vec<_> = streams
            .iter()
            .map(|stream| {
                let missing = stream
                    .missing
                    .map_or(0, |(from, to)| to.saturating_sub(from).saturating_add(1));
                (vec![("register", stream.register.as_str())], i128::from(missing))
            })
            .collect();
        text.add(
            "notice_missing",
            Kind::Gauge,
            "Notices that are missing before what is known.",
            &samples,
        );
        Ok(())
    }

    fn network_figures(&self, text: &mut Text) {
        let Some(network) = self.network.get() else { return };
        let trust = self.trust();
        let peers = network.peers();
        let connected = |is_listed: bool| {
            let count = peers.iter().filter(|peer| peer.connected).filter(|peer| {
                let organisation = trust.as_ref().and_then(|t| t.organisation_of_peer(peer.peer.as_str()));
                organisation.is_some() == is_listed
            });
            i128::try_from(count.count()).unwrap_or(i128::MAX)
        };
        let samples = [
            (vec![("kind", "listed")], connected(true)),
            (vec![("kind", "other")], connected(false)),
        ];
        text.add("peers", Kind::Gauge, "Peers that are connected.", &samples);
        let gossip = network.gossip();
        text.one("gossip_peers", "Listed peers that can gossip with us.", gossip.peers);
        text.one(
            "gossip_banned",
            "Peers that are left out of gossip for now.",
            gossip.banned,
        );
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
                samples.push((vec![("topic", topic.as_str()), ("what", what)], i128::from(count)));
            }
        }
        text.add(
            "gossip_messages_total",
            Kind::Counter,
            "Gossiped messages, by topic.",
            &samples,
        );
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
        for (name, help, table) in [
            (
                "requests_total",
                "Requests of peers and to peers that are remembered.",
                requests,
            ),
            ("request_bytes_total", "Bytes of their bodies and answers.", bytes),
        ] {
            let samples: Vec<_> = table
                .iter()
                .map(|((protocol, direction), sum)| (vec![("protocol", *protocol), ("direction", *direction)], *sum))
                .collect();
            text.add(name, Kind::Counter, help, &samples);
        }
    }
}

impl Service {
    /// What lies in the mailboxes that this node runs for others, where it runs any.
    fn mailbox_figures(&self, text: &mut Text) -> Result<(), Failure> {
        let Some(desk) = &self.desk else { return Ok(()) };
        let holding = desk.holding()?;
        let queues = i128::try_from(holding.queues).unwrap_or(i128::MAX);
        text.one("mailbox_queues", "Queues of mailboxes that this node runs.", queues);
        text.one("mailbox_items", "Envelopes that wait in them.", holding.items);
        text.one("mailbox_bytes", "Their bytes.", holding.bytes);
        Ok(())
    }
}

/// What came of relays, where this node is one or uses any.
fn relay_figures(text: &mut Text, relaying: &RelayCounters) {
    if *relaying == RelayCounters::default() {
        return;
    }
    let samples = [
        (vec![("what", "wanted")], i128::from(relaying.wanted)),
        (vec![("what", "held")], i128::from(relaying.held)),
        (vec![("what", "given")], i128::from(relaying.places)),
    ];
    let help = "Places at relays: those we want, those we have, and those that others have with us.";
    text.add("relay_places", Kind::Gauge, help, &samples);
    text.one(
        "relay_circuits",
        "Circuits that we carry for others.",
        relaying.circuits,
    );
    let samples = [
        (vec![("what", "circuit_carried")], i128::from(relaying.carried)),
        (vec![("what", "circuit_refused")], i128::from(relaying.circuits_refused)),
        (vec![("what", "place_refused")], i128::from(relaying.places_refused)),
        (vec![("what", "punched")], i128::from(relaying.punched)),
        (vec![("what", "not_punched")], i128::from(relaying.not_punched)),
    ];
    let help = "What others asked of us as a relay, and tries for direct connections beside circuits.";
    text.add("relay_total", Kind::Counter, help, &samples);
}

fn borrowed<'a>(samples: &'a [(Vec<(&'static str, String)>, i128)]) -> Vec<(Vec<(&'a str, &'a str)>, i128)> {
    samples
        .iter()
        .map(|(labels, value)| {
            let labels = labels.iter().map(|(name, value)| (*name, value.as_str()));
            (labels.collect(), *value)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_stands_as_prometheus_reads_it() {
        let mut text = Text::default();
        text.one("peers", "Peers that are connected.", 3);
        let labels = vec![("issuer", "did:web:a.example"), ("code", "a\"b\\c\nd")];
        text.add("refusals_total", Kind::Counter, "What was refused.", &[(labels, 7)]);
        text.add("nothing", Kind::Gauge, "Nothing to say.", &[]);
        assert_eq!(
            text.0,
            "# HELP bevis_peers Peers that are connected.\n# TYPE bevis_peers gauge\nbevis_peers 3\n\
             # HELP bevis_refusals_total What was refused.\n# TYPE bevis_refusals_total counter\n\
             bevis_refusals_total{issuer=\"did:web:a.example\",code=\"a\\\"b\\\\c\\nd\"} 7\n"
        );
    }

    #[test]
    fn refusals_are_counted_by_what_they_were_of_and_code() {
        let refusals = Refusals::default();
        for of in ["hello", "status", "hello"] {
            refusals.count(of, Code::NotListed);
        }
        assert_eq!(
            refusals.all(),
            [(("hello", Code::NotListed), 2), (("status", Code::NotListed), 1)]
        );
    }

    #[test]
    fn verdicts_are_counted_by_verdict_and_reason() {
        let verdicts = Verdicts::default();
        verdicts.count(Verdict::Valid, None);
        for code in [Code::Revoked, Code::Revoked, Code::Expired] {
            verdicts.count(Verdict::Invalid, Some(code));
        }
        verdicts.count(Verdict::Undecided, Some(Code::StatusStale));
        assert_eq!(
            verdicts.0.all(),
            [
                (("invalid", "expired"), 1),
                (("invalid", "revoked"), 2),
                (("undecided", "status_stale"), 1),
                (("valid", "none"), 1),
            ]
        );
    }

    #[test]
    fn what_is_older_is_counted_by_the_highest_part_that_is_behind() {
        let older = OlderTrust::default();
        let held = Version {
            root: 2,
            list: 5,
            head: 9,
        };
        let version = |root, list, head| Version { root, list, head };
        for offered in [version(1, 5, 10), version(2, 4, 12), version(2, 5, 8), version(2, 5, 1)] {
            older.count_head(offered, held);
        }
        let mut counted = older.0.all();
        counted.sort_unstable_by_key(|(_, count)| *count);
        assert_eq!(counted.last(), Some(&(Role::Head.as_str(), 2)));
        assert_eq!(counted.len(), 3, "{counted:?}");
    }
}
