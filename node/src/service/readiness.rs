//! Whether this node is alive, and whether it can do its work: asked by service managers, load balancers and alert rules.
//!
//! **Alive** means that the process answers and that none of its roles stopped after a failure; a restart is the remedy.
//! **Ready** means that what it is here for would be done now; a restart mends none of the reasons why not. What is amiss and
//! stops nothing yet is a note.

use super::health::FREE_WARN;
use super::{Service, lock};
use crate::clock;
use credentials::{Code, Timestamp};
use rustix::fs::StatVfsMountFlags;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::Ordering;

/// Free space, in bytes, below which nothing is begun any more: a new segment of the journal would have no room.
const FREE_MIN: u64 = store::SEGMENT_BYTES;
/// Longest time between two ticks, in seconds: they come every second, and wait for a role that is at work.
const TICK_MAX: i64 = 120;

/// What can keep a node from its work, or be noted. The texts are `ready-<code>` and `ready-<code>-remedy` in the catalogues.
pub const CODES: &[Code] = &[
    Code::Internal,
    Code::TrustMissing,
    Code::TrustStale,
    Code::ClockSuspect,
    Code::StatusStale,
    Code::CatchingUp,
    Code::DiskFull,
    Code::DiskReadOnly,
    Code::Unreachable,
    Code::NotListed,
    Code::KeyOutsideWindow,
    Code::CertificateInvalid,
];

/// One reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// One of [`CODES`].
    pub code: Code,
    /// What it is about: a role, a number, the DID of a listed organisation; nothing of a person.
    pub about: String,
}

/// What is to be said of a node at a moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Readiness {
    /// Why it cannot do its work.
    pub reasons: Vec<Reason>,
    /// What is amiss and does not stop it.
    pub notes: Vec<Reason>,
}

impl Readiness {
    /// Whether it can do its work.
    pub fn is_ready(&self) -> bool {
        self.reasons.is_empty()
    }
}

fn reason(code: Code, about: impl Into<String>) -> Reason {
    Reason {
        code,
        about: about.into(),
    }
}

/// The disk under a home.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Room {
    /// Bytes that are free for this user.
    pub(super) free: u64,
    pub(super) is_read_only: bool,
}

impl Room {
    pub(super) fn of(path: &Path) -> rustix::io::Result<Room> {
        let disk = rustix::fs::statvfs(path)?;
        Ok(Room {
            free: disk.f_bavail.saturating_mul(disk.f_frsize),
            is_read_only: disk.f_flag.contains(StatVfsMountFlags::RDONLY),
        })
    }

    fn judge(self, readiness: &mut Readiness) {
        let free = format!("{} MiB", self.free >> 20);
        if self.is_read_only {
            readiness.reasons.push(reason(Code::DiskReadOnly, ""));
        } else if self.free < FREE_MIN {
            readiness.reasons.push(reason(Code::DiskFull, free));
        } else if self.free < FREE_WARN {
            readiness.notes.push(reason(Code::DiskFull, free));
        }
    }
}

/// Mirrored issuers by the age of what they signed last: with some too old the others are decided by, with all nothing is.
fn judge_status(ages: &[(String, i64)], accepted: i64, readiness: &mut Readiness) {
    let (old, fresh): (Vec<_>, Vec<_>) = ages.iter().partition(|(_, age)| *age > accepted);
    let old = old
        .iter()
        .map(|(issuer, age)| reason(Code::StatusStale, format!("{issuer} {age} s")));
    if fresh.is_empty() {
        readiness.reasons.extend(old);
    } else {
        readiness.notes.extend(old);
    }
}

impl Service {
    /// Roles that stopped after a failure, and `clock` where what is done by the clock has not been done for minutes. Waits for
    /// nobody.
    pub fn stopped(&self) -> Vec<&'static str> {
        fn has_stopped<T>(role: Option<&Mutex<T>>) -> bool {
            role.is_some_and(Mutex::is_poisoned)
        }
        let last = self.ticked.load(Ordering::Relaxed);
        let roles = [
            ("wallet", has_stopped(self.wallet.as_ref())),
            ("issuer", has_stopped(self.issuer.as_ref())),
            ("verifier", has_stopped(self.verifier.as_ref())),
            ("status", self.mirror.is_poisoned() || self.unmirrored.is_poisoned()),
            ("trust", self.keeper.is_poisoned() || self.gate.is_poisoned()),
            ("letters", self.office.is_poisoned()),
            ("mailbox", self.desk.as_ref().is_some_and(|desk| desk.is_poisoned())),
            ("clock", last >= 0 && clock::running().saturating_sub(last) > TICK_MAX),
        ];
        roles.into_iter().filter(|(_, is)| *is).map(|(name, _)| name).collect()
    }

    /// Whether it can do its work at this moment, and why not.
    pub fn readiness(&self, now: Timestamp) -> Readiness {
        let mut readiness = Readiness::default();
        let stopped = self.stopped();
        readiness
            .reasons
            .extend(stopped.iter().map(|role| reason(Code::Internal, *role)));
        self.judge_trust(now, &mut readiness);
        if let Ok(Some(awaited)) = self.awaited() {
            let heads = format!("{}/{}", awaited.taken, awaited.needed);
            readiness.reasons.push(reason(Code::CatchingUp, heads));
        }
        if self.verifier.is_some()
            && let Ok(mirror) = lock(&self.mirror)
        {
            let heads = mirror.heads();
            let ages: Vec<(String, i64)> = heads
                .iter()
                .map(|head| (head.issuer.to_string(), now.since(head.issued)))
                .collect();
            drop(mirror);
            judge_status(&ages, self.status_age_accepted(), &mut readiness);
        }
        match Room::of(self.home.path()) {
            Ok(room) => room.judge(&mut readiness),
            Err(error) => readiness.reasons.push(reason(Code::DiskReadOnly, error.to_string())),
        }
        if self.store.health().index_in_memory {
            readiness.notes.push(reason(Code::DiskFull, "index"));
        }
        self.judge_network(&mut readiness);
        readiness
    }

    /// Whom the node trusts, and whether others can trust it.
    fn judge_trust(&self, now: Timestamp, readiness: &mut Readiness) {
        let Some(trust) = self.trust() else {
            readiness.reasons.push(reason(Code::TrustMissing, ""));
            return;
        };
        if let Err(problem) = trust.current(now) {
            let code = match problem.code {
                Code::ClockSuspect => Code::ClockSuspect,
                _ => Code::TrustStale,
            };
            readiness.reasons.push(reason(code, trust.version().to_string()));
        }
        let Some(own) = self.keys.organisation() else { return };
        let entry = trust.organisation(&own.did);
        let peer = own.peer.to_string();
        if !entry.is_some_and(|entry| entry.nodes.iter().any(|node| node.peer == peer)) {
            readiness.reasons.push(reason(Code::NotListed, own.did.to_string()));
            return;
        }
        if self.key_ends().is_none_or(|ends| ends <= now) {
            readiness
                .reasons
                .push(reason(Code::KeyOutsideWindow, own.kid(&own.signing())));
        }
        if self.certificate_ends().is_none_or(|ends| ends <= now) {
            readiness
                .reasons
                .push(reason(Code::CertificateInvalid, own.did.to_string()));
        }
    }

    fn judge_network(&self, readiness: &mut Readiness) {
        if self.is_stopping.load(Ordering::Relaxed) {
            readiness.reasons.push(reason(Code::Unreachable, "stopping"));
            return;
        }
        let listens = self.network.get().is_some_and(|network| {
            // A wallet only dials.
            self.keys.organisation().is_none() || !network.addresses().is_empty()
        });
        if !listens {
            readiness.reasons.push(reason(Code::Unreachable, "network"));
        } else if let Some((_, detail)) = self.gossip_found() {
            readiness.notes.push(reason(Code::Unreachable, detail));
        }
    }

    /// Has a role stop as a failure inside it would.
    #[cfg(test)]
    pub(crate) fn stop_verifier(&self) {
        let verifier = self.verifier.as_ref().expect("a verifier");
        std::thread::scope(|scope| {
            let stopped = scope.spawn(|| {
                let _held = verifier.lock().expect("not stopped yet");
                panic!("a failure inside the role, made by a test");
            });
            assert!(stopped.join().is_err());
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(reasons: &[Reason]) -> Vec<Code> {
        reasons.iter().map(|reason| reason.code).collect()
    }

    #[test]
    fn a_disk_with_room_is_no_reason_and_one_that_is_full_or_read_only_is() {
        let judged = |free, is_read_only| {
            let mut readiness = Readiness::default();
            Room { free, is_read_only }.judge(&mut readiness);
            (codes(&readiness.reasons), codes(&readiness.notes))
        };
        assert_eq!(judged(FREE_WARN, false), (vec![], vec![]));
        assert_eq!(judged(FREE_WARN - 1, false), (vec![], vec![Code::DiskFull]));
        assert_eq!(judged(FREE_MIN, false), (vec![], vec![Code::DiskFull]));
        assert_eq!(judged(FREE_MIN - 1, false), (vec![Code::DiskFull], vec![]));
        assert_eq!(judged(FREE_WARN, true), (vec![Code::DiskReadOnly], vec![]));
    }

    #[test]
    fn one_issuer_that_is_too_old_is_noted_and_all_of_them_keep_a_verifier_from_its_work() {
        let judged = |ages: &[i64]| {
            let ages: Vec<(String, i64)> = ages.iter().map(|age| ("did:web:a.example".to_owned(), *age)).collect();
            let mut readiness = Readiness::default();
            judge_status(&ages, 3_600, &mut readiness);
            (readiness.reasons.len(), readiness.notes.len())
        };
        assert_eq!(judged(&[]), (0, 0));
        assert_eq!(judged(&[3_600, 1]), (0, 0));
        assert_eq!(judged(&[3_601, 1]), (0, 1));
        assert_eq!(judged(&[3_601, 90_000]), (2, 0));
    }
}
