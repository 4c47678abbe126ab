//! What the node says of itself: who it is, how it fares, whom it talked with.

use super::{Card, Service, keys, lock};
use crate::clock;
use crate::error::Failure;
use credentials::{Code, Did};
use serde_json::{Value, json};
use std::path::Path;

/// Least free space, in bytes, before `doctor` warns: room for a day of an agency's journal.
const FREE_WARN: u64 = 1 << 30;
/// Days before a key's end from which `doctor` warns.
const KEY_WARN_DAYS: i64 = 30;

/// One line of `doctor`.
struct Finding {
    check: &'static str,
    state: &'static str,
    detail: String,
    code: Option<Code>,
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
            "anchor": self.keys.anchor().map(|key| Did::Key(key.verifying_key())),
            "organisation": self.keys.company(),
            "version": env!("CARGO_PKG_VERSION"),
        }))
    }

    fn card(&self) -> Option<Card> {
        let key = self.keys.organisation()?;
        let addresses = self.network.get().map(|n| n.addresses()).unwrap_or_default();
        Some(Card {
            schema: "card/v1".to_owned(),
            did: key.did.clone(),
            number: key.number.clone(),
            name: key.name.clone(),
            kid: key.kid(),
            key: Did::Key(key.signer.verifying_key()),
            valid_from: key.valid_from,
            valid_until: key.valid_until,
            peer: key.peer.to_string(),
            addresses: addresses.iter().map(ToString::to_string).collect(),
        })
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
        let health = self.store.health();
        Ok(json!({
            "schema": "status/v1",
            "online": self.network.get().is_some(),
            "addresses": self.network.get().map(|n| n.addresses()).unwrap_or_default().iter().map(ToString::to_string).collect::<Vec<_>>(),
            "trust": trust.as_ref().map(|t| json!({
                "sequence": t.sequence(), "organisations": t.document().organisations.len(),
                "current": t.current(now).is_ok(), "next_update": t.document().next_update.to_string(),
            })),
            "mirrored": heads,
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
                    "connected": peer.connected, "dialled": peer.dialled, "traffic": traffic,
                })
            })
            .collect();
        Ok(json!({ "schema": "peers/v1", "peers": peers }))
    }

    /// Looks at everything that goes wrong in practice. Each finding has a remedy in the catalogue (`doctor-<check>-<state>`).
    pub(super) fn doctor(&self) -> Result<Value, Failure> {
        let now = clock::now();
        let mut findings = vec![self.doctor_home(), self.doctor_disk()];
        findings.extend(self.doctor_key(now));
        findings.push(match self.trust() {
            None => finding("trust", "fail", Code::TrustMissing.as_str()),
            Some(trust) => match trust.current(now) {
                Ok(()) => match self
                    .clocks
                    .newest_trust()
                    .filter(|(newest, _)| *newest > trust.sequence())
                {
                    // A home that was restored may have been given an older document than it had. One organisation's word.
                    Some((newest, did)) => finding("trust", "warn", format!("{} < {newest} ({did})", trust.sequence())),
                    None => finding("trust", "ok", trust.sequence().to_string()),
                },
                Err(problem) => finding("trust", "fail", problem.to_string()),
            },
        });
        findings.push(self.doctor_clock(now));
        let every = i64::from(self.config().status.every_seconds);
        for head in lock(&self.mirror)?.heads() {
            let age = now.since(head.issued);
            let state = if age > every.saturating_mul(10).max(60) {
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
        let health = self.store.health();
        let is_renewed = health.keys_renewed || health.mark_renewed;
        let mended = health.index_rebuilt_at_open || is_renewed || !health.journal_repairs.is_empty();
        let state = if mended || health.lost_tail { "warn" } else { "ok" };
        findings.push(finding("store", state, health.sequence.to_string()));
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
            if let (Some(trust), Some(card)) = (self.trust(), self.card()) {
                findings.push(listed(&trust, &card));
            }
        }
        let worst = if findings.iter().any(|f| f.state == "fail") {
            "fail"
        } else if findings.iter().any(|f| f.state == "warn") {
            "warn"
        } else {
            "ok"
        };
        let lines: Vec<Value> = findings
            .iter()
            .map(|f| json!({"check": f.check, "state": f.state, "detail": f.detail, "code": f.code.map(Code::as_str)}))
            .collect();
        Ok(json!({ "schema": "doctor/v1", "state": worst, "findings": lines }))
    }

    fn doctor_home(&self) -> Finding {
        use std::os::unix::fs::PermissionsExt;
        match std::fs::metadata(self.home.path()) {
            Ok(meta) if meta.permissions().mode() & 0o077 == 0 => finding("home", "ok", "0700"),
            Ok(meta) => finding("home", "fail", format!("{:o}", meta.permissions().mode() & 0o777)),
            Err(error) => finding("home", "fail", error.to_string()),
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

    fn doctor_disk(&self) -> Finding {
        match rustix::fs::statvfs(self.home.path()) {
            Ok(disk) => {
                let free = disk.f_bavail.saturating_mul(disk.f_frsize);
                let state = if free < FREE_WARN { "warn" } else { "ok" };
                finding("disk", state, format!("{} MiB", free >> 20))
            }
            Err(error) => finding("disk", "fail", error.to_string()),
        }
    }

    fn doctor_key(&self, now: credentials::Timestamp) -> Option<Finding> {
        let key = self.keys.organisation()?;
        let days = key.valid_until.since(now) / credentials::time::DAY;
        let state = match days {
            ..0 => "fail",
            0..KEY_WARN_DAYS => "warn",
            _ => "ok",
        };
        Some(finding("key", state, format!("{days}")))
    }

    /// A sealed backup of everything, the configuration included, taken while the node runs.
    pub(super) fn backup(&self, path: &Path) -> Result<Value, Failure> {
        let config = crate::home::read(&self.home.config(), u64::from(u16::MAX))?;
        let table = self.store.table(keys::TABLE);
        if table.get("config")?.as_deref() != Some(&config) {
            let mut transaction = self.store.transaction();
            transaction.put(&table, "config", &config);
            transaction.commit()?;
        }
        self.store.backup(path, None)?;
        let bytes = std::fs::metadata(path).map_err(|e| Failure::file(path, &e))?.len();
        if bytes == 0 {
            return Err(Failure::because(Code::Internal, "empty backup"));
        }
        Ok(json!({ "schema": "backup/v1", "path": path.display().to_string(), "bytes": bytes }))
    }
}

fn finding(check: &'static str, state: &'static str, detail: impl Into<String>) -> Finding {
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
    if !organisation.keys.iter().any(|k| Did::Key(k.key) == card.key) {
        return finding("listed", "fail", Code::UnknownKey.as_str());
    }
    if !card.addresses.is_empty() && !node.addresses.iter().any(|a| card.addresses.contains(a)) {
        return finding("listed", "warn", Code::Unreachable.as_str());
    }
    finding("listed", "ok", "")
}

/// Resident memory of this process in KiB, as Linux tells it.
fn resident() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find(|line| line.starts_with("VmRSS:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}
