//! What the node says of itself: who it is, how it fares, whom it talked with.

use super::{Card, Service, contents, health, lock, migration};
use crate::clock;
use crate::error::Failure;
use credentials::{Code, Did};
use serde_json::{Value, json};
use std::path::Path;

/// One line of `doctor`.
pub(super) struct Finding {
    pub(super) check: &'static str,
    /// `ok`, `warn`, `unknown` (it could not be looked at) or `fail`.
    pub(super) state: &'static str,
    pub(super) detail: String,
    pub(super) code: Option<Code>,
}

impl Service {
    /// The public card of an organisation; of a wallet only its kind.
    pub(super) fn whoami(&self) -> Result<Value, Failure> {
        let config = self.config();
        let mut roles = Vec::new();
        for (name, on) in [
            ("wallet", config.wallet.is_some()),
            ("issuer", config.issuer.is_some()),
            ("verifier", config.verifier.is_some()),
            ("anchor", config.anchor.is_some()),
        ] {
            if on {
                roles.push(name);
            }
        }
        Ok(json!({
            "schema": "whoami/v1",
            "roles": roles,
            "card": self.card(),
            "anchor": self.keys.anchor().map(|anchor| anchor.card()),
            "organisation": self.keys.company(),
            "version": env!("CARGO_PKG_VERSION"),
        }))
    }

    fn card(&self) -> Option<Card> {
        let organisation = self.keys.organisation()?;
        // Who keeps places at relays cannot be dialled at what it listens on.
        let addresses = match self.config().node.relayed().filter(|relayed| !relayed.is_empty()) {
            Some(relayed) => relayed,
            None => self.network.get().map(|n| n.addresses()).unwrap_or_default(),
        };
        Some(organisation.card(addresses.iter().map(ToString::to_string).collect()))
    }

    pub(super) fn status(&self) -> Result<Value, Failure> {
        let now = clock::now();
        let trust = self.trust();
        let heads: Vec<Value> = lock(&self.mirror)?
            .heads()
            .iter()
            .map(|head| {
                json!({
                    "issuer": head.issuer, "age_s": now.since(head.issued),
                    "lists": head.lists.iter().map(|l| json!({"uri": l.uri, "version": l.version})).collect::<Vec<_>>(),
                })
            })
            .collect();
        let (lists, mirror_bytes) = {
            let mirror = lock(&self.mirror)?;
            let told = |list: credentials::status::Mirrored| {
                json!({
                    "uri": list.uri, "version": list.version, "age_s": list.as_of.map(|at| now.since(at)),
                    "newest": list.newest,
                })
            };
            let lists: Vec<Value> = mirror.lists().into_iter().map(told).collect();
            (lists, mirror.bytes())
        };
        let alarms = self
            .alarms
            .all()?
            .iter()
            .filter(|(_, alarm)| !alarm.is_dismissed)
            .count();
        let gossip = self.network.get().map(|network| gossip_view(&network.gossip()));
        let health = self.store.health();
        Ok(json!({
            "schema": "status/v1",
            "online": self.network.get().is_some(),
            "addresses": self.network.get().map(|n| n.addresses()).unwrap_or_default().iter().map(ToString::to_string).collect::<Vec<_>>(),
            "trust": trust.as_ref().map(|t| json!({
                "sequence": t.sequence(), "version": t.version().to_string(), "head_age_s": now.since(t.head_issued()),
                "head_expires": t.head_expires().to_string(), "organisations": t.document().organisations.len(),
                "current": t.current(now).is_ok(), "next_update": t.document().next_update.to_string(),
            })),
            "mirrored": heads,
            "lists": lists,
            "mirror_bytes": mirror_bytes,
            "caught_up": self.awaited()?.is_none(),
            "alarms": alarms,
            "gossip": gossip,
            "epoch": self.epoch_status()?,
            "store": { "sequence": health.sequence, "bytes": health.journal_bytes, "segments": health.segments },
            "rss_kib": resident(),
        }))
    }

    pub(super) fn peers(&self) -> Result<Value, Failure> {
        let trust = self.trust();
        let peers: Vec<Value> = self
            .network
            .get()
            .map(crate::network::Handle::peers)
            .unwrap_or_default()
            .iter()
            .map(|peer| {
                let organisation = trust.as_ref().and_then(|t| t.organisation_of_peer(peer.peer.as_str()));
                let traffic: serde_json::Map<String, Value> = peer
                    .traffic
                    .iter()
                    .map(|(protocol, t)| {
                        let counts = json!({
                            "bytes_in": t.bytes_in, "bytes_out": t.bytes_out,
                            "requests_in": t.requests_in, "requests_out": t.requests_out,
                        });
                        (protocol.as_str().to_owned(), counts)
                    })
                    .collect();
                json!({
                    "peer": peer.peer.as_str(), "own": peer.own.as_str(),
                    "name": organisation.map(|o| o.name.clone()), "did": organisation.map(|o| o.did.clone()),
                    "connected": peer.connected, "dialled": peer.dialled, "relayed": peer.relayed, "traffic": traffic,
                })
            })
            .collect();
        Ok(json!({ "schema": "peers/v1", "peers": peers }))
    }

    /// Looks at everything that goes wrong in practice, the ports included, which may take some seconds.
    pub(super) async fn look_at_all(&self) -> Result<Value, Failure> {
        let ports = self.ports_found().await;
        tokio::task::block_in_place(|| self.doctor(ports))
    }

    /// Looks at everything but the ports. Each finding has a remedy in the catalogue (`doctor-<check>-remedy`).
    pub(super) fn doctor(&self, ports: Option<Finding>) -> Result<Value, Failure> {
        let now = clock::now();
        let mut findings = vec![health::home_found(&self.home), health::disk_found(&self.home)];
        findings.extend(self.key_finding(now));
        let certificate = self.certificate_found(now);
        findings.extend(certificate.map(|(state, detail)| finding("certificate", state, detail)));
        let vouching = self.vouching_found(now);
        findings.extend(vouching.map(|(state, detail)| finding("vouching", state, detail)));
        findings.push(self.doctor_trust(now));
        if let Some(awaited) = self.awaited()? {
            findings.push(Finding {
                code: Some(Code::CatchingUp),
                ..finding("caught-up", "warn", format!("{}/{}", awaited.taken, awaited.needed))
            });
        }
        for (id, alarm) in self.alarms.all()?.into_iter().filter(|(_, alarm)| !alarm.is_dismissed) {
            let told = format!("{} ({}, {}; {id})", alarm.about, alarm.from, alarm.first);
            let found = match alarm.is_of_age() {
                true => finding("older-list", "warn", told),
                false => finding("alarm", "fail", told),
            };
            findings.push(Finding {
                code: Some(alarm.code),
                ..found
            });
        }
        let lost = self.alarms.lost();
        if lost > 0 {
            findings.push(finding("alarms-lost", "fail", lost.to_string()));
        }
        findings.push(self.doctor_clock(now));
        findings.extend(self.notices_found().into_iter().map(|(state, detail)| Finding {
            code: Some(Code::NoticeGap),
            ..finding("notices", state, detail)
        }));
        let gossip = self.gossip_found();
        match gossip {
            Some((state, detail)) => findings.push(finding("gossip", state, detail)),
            None => findings.extend(self.peers_found()),
        }
        findings.extend(
            self.head_found(now)
                .map(|(state, detail)| finding("head", state, detail)),
        );
        let needed = self.head_signatures_found();
        findings.extend(needed.map(|(state, detail)| finding("head-signatures", state, detail)));
        let accepted = self.status_age_accepted();
        for head in lock(&self.mirror)?.heads() {
            let age = now.since(head.issued);
            let state = if age > accepted {
                "fail"
            } else if age > accepted / 2 {
                "warn"
            } else {
                "ok"
            };
            findings.push(finding("status", state, format!("{} {age} s", head.issuer)));
        }
        for (issuer, code) in lock(&self.unmirrored)?.iter() {
            // Who cannot be asked is told by the age above; this is what was answered and cannot be used.
            let is_away = matches!(
                code,
                Code::Unreachable | Code::TrustMissing | Code::NotListed | Code::RateLimited
            );
            if !is_away {
                findings.push(Finding {
                    code: Some(*code),
                    ..finding("lists", "warn", issuer.to_string())
                });
            }
        }
        let store = self.store.health();
        let is_renewed = store.keys_renewed || store.mark_renewed;
        let mended = store.index_rebuilt_at_open || is_renewed || !store.journal_repairs.is_empty();
        let state = if mended || store.lost_tail { "warn" } else { "ok" };
        findings.push(finding("store", state, store.sequence.to_string()));
        findings.push(health::rights_found(&self.home));
        findings.push(self.backup_found(now)?);
        if let Some((state, detail)) = self.epoch_found(now)? {
            findings.push(finding("epoch", state, detail));
        }
        if self.keys.organisation().is_some() {
            let addresses = self.network.get().map(|n| n.addresses().len()).unwrap_or_default();
            findings.push(finding(
                "network",
                if addresses > 0 { "ok" } else { "fail" },
                addresses.to_string(),
            ));
            findings.extend(ports);
            let relaying = self.network.get().map(|n| n.relaying()).unwrap_or_default();
            if relaying.wanted > 0 {
                let state = match relaying.held {
                    0 => "fail",
                    held if held < relaying.wanted => "warn",
                    _ => "ok",
                };
                findings.push(finding(
                    "relays",
                    state,
                    format!("{}/{}", relaying.held, relaying.wanted),
                ));
            }
            if let (Some(trust), Some(card)) = (self.trust(), self.card()) {
                findings.push(listed(&trust, &card));
            }
        }
        Ok(report(&findings))
    }

    /// The oldest status that the strictest of our services decides by, in seconds.
    pub(super) fn status_age_accepted(&self) -> i64 {
        let default = credentials::service::STATUS_AGE_DEFAULT;
        let (Some(own), Some(trust)) = (self.keys.organisation(), self.trust()) else {
            return default;
        };
        let services = trust
            .organisation(&own.did)
            .into_iter()
            .flat_map(|listed| &listed.services);
        services.map(|service| service.status_age_max).min().unwrap_or(default)
    }

    /// The trust list: whether it can be decided by, its version, and how long ago its head was signed.
    fn doctor_trust(&self, now: credentials::Timestamp) -> Finding {
        let Some(trust) = self.trust() else {
            return finding("trust", "fail", Code::TrustMissing.as_str());
        };
        if let Err(problem) = trust.current(now) {
            return finding("trust", "fail", problem.to_string());
        }
        let ours = trust.version();
        // Heads are on their way all the time; a list or root that somebody has and we have not got is worth a look. One
        // organisation's word.
        let newer = self.clocks.newest_trust();
        match newer.filter(|(newest, _)| (newest.root, newest.list) > (ours.root, ours.list)) {
            Some((newest, did)) => finding("trust", "warn", format!("{ours} < {newest} ({did})")),
            None => finding("trust", "ok", format!("{ours} {} s", now.since(trust.head_issued()))),
        }
    }

    /// Our clock against those of the organisations that greeted us, and against what the anchor signed.
    fn doctor_clock(&self, now: credentials::Timestamp) -> Finding {
        let compared = self.clocks.compare(now, clock::since_boot());
        let is_before_trust = self.trust().is_some_and(|trust| {
            trust
                .current(now)
                .is_err_and(|problem| problem.code == Code::ClockSuspect)
        });
        let state = if is_before_trust || (compared.is_suspect() && !compared.apart.is_empty()) {
            "fail"
        } else if compared.apart.is_empty() {
            "ok"
        } else {
            "warn"
        };
        let apart: Vec<String> = compared
            .apart
            .iter()
            .map(|(did, difference)| format!("{did} {difference:+} s"))
            .collect();
        if apart.is_empty() {
            finding("clock", state, format!("{now} ({})", compared.heard))
        } else {
            finding("clock", state, format!("{now}; {}", apart.join(", ")))
        }
    }

    /// A sealed backup of everything, the configuration included, taken while the node runs.
    pub(super) fn backup(&self, path: &Path) -> Result<Value, Failure> {
        migration::keep_config(&self.home, &self.store)?;
        contents::note(&self.store, clock::now())?;
        self.store.backup(path, None)?;
        let bytes = std::fs::metadata(path).map_err(|e| Failure::file(path, &e))?.len();
        if bytes == 0 {
            return Err(Failure::because(Code::Internal, "empty backup"));
        }
        // A disk without room for this is a good reason to make a backup.
        if let Err(failure) = self.note_backup(clock::now()) {
            tracing::warn!(%failure, "when the backup was made could not be noted");
        }
        Ok(json!({ "schema": "backup/v1", "path": path.display().to_string(), "bytes": bytes }))
    }
}

/// The report: every finding, and the worst of their states.
pub(super) fn report(findings: &[Finding]) -> Value {
    let is_any = |state: &str| findings.iter().any(|found| found.state == state);
    let worst = ["fail", "unknown", "warn"]
        .into_iter()
        .find(|state| is_any(state))
        .unwrap_or("ok");
    let lines: Vec<Value> = findings
        .iter()
        .map(|f| json!({"check": f.check, "state": f.state, "detail": f.detail, "code": f.code.map(Code::as_str)}))
        .collect();
    json!({ "schema": "doctor/v1", "state": worst, "findings": lines })
}

/// A finding without a code.
pub(super) fn finding(check: &'static str, state: &'static str, detail: impl Into<String>) -> Finding {
    Finding {
        check,
        state,
        detail: detail.into(),
        code: None,
    }
}

/// Whether the trust document names this node as it is: its key, its PeerId and where it listens now.
fn listed(trust: &credentials::trust::Trust, card: &Card) -> Finding {
    let Some(organisation) = trust.organisation(&card.did) else {
        return finding("listed", "fail", Code::NotListed.as_str());
    };
    let Some(node) = organisation.nodes.iter().find(|n| n.peer == card.peer) else {
        return finding("listed", "fail", Code::WrongOrigin.as_str());
    };
    // One of ours is enough: the next one may not be listed yet, and the last one may have left the list.
    let is_ours = |k: &credentials::trust::OrganisationKey| card.keys.iter().any(|own| own.key == Did::Key(k.key));
    if !organisation.keys.iter().any(is_ours) {
        return finding("listed", "fail", Code::UnknownKey.as_str());
    }
    if !card.addresses.is_empty() && !node.addresses.iter().any(|a| card.addresses.contains(a)) {
        return finding("listed", "warn", Code::Unreachable.as_str());
    }
    finding("listed", "ok", "")
}

/// Resident memory of this process in KiB, as Linux tells it.
pub(super) fn resident() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find(|line| line.starts_with("VmRSS:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

/// What gossip did, by topic.
fn gossip_view(counters: &crate::network::GossipCounters) -> Value {
    let topics: serde_json::Map<String, Value> = counters
        .topics
        .iter()
        .map(|(topic, count)| {
            let counts = json!({
                "published": count.published, "received": count.received, "accepted": count.accepted,
                "ignored": count.ignored, "rejected": count.rejected, "duplicates": count.duplicates,
            });
            (topic.as_str().to_owned(), counts)
        })
        .collect();
    json!({ "neighbours": counters.peers, "topics": topics })
}
