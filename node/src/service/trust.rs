//! What a home goes by: taken from a bundle, remembered before it counts, never an older one; with the history of all versions and
//! the evidence of whatever should not exist.
//!
//! | row of the table | what |
//! |---|---|
//! | `trust-first` | fingerprint of the root of first use |
//! | `trust-known` | [`Known`], as it writes itself; the list's text stands in the history |
//! | table `trust-history` | entries, one a row, by number ([`history`]) |

mod ceremony;
mod evidence;
mod history;
mod show;

pub use show::{bundle as shown_bundle, changes as shown_changes, proposal as shown_proposal};

use super::{Service, keys, lock};
use crate::clock;
use crate::error::Failure;
use credentials::trust::history::Entry;
use credentials::trust::{Bundle, Fingerprint, Head, Known, Refused, Role, SignedRoot, Taken, Trust, Version};
use credentials::{Code, Problem, Timestamp};
use std::sync::{Arc, PoisonError};
use store::{Store, Transaction};

/// Row with the fingerprint of the root of first use.
const FIRST: &str = "trust-first";
/// Row with what is remembered.
const KNOWN: &str = "trust-known";
/// How long a head is valid that a running anchor signs, in seconds: the most there is.
const HEAD_SECONDS: i64 = 24 * 3_600;
/// Age of a head at which a running anchor signs the next, in seconds: three may fail before anybody notices.
const HEAD_AGE: i64 = 6 * 3_600;
/// How much later than the anchor before it each signs, in seconds, so that not all do at once.
const HEAD_STAGGER: i64 = 15 * 60;

/// What the home remembers of root, list and head.
#[derive(Default)]
pub(super) struct Keeper {
    first: Option<Fingerprint>,
    known: Option<Known>,
    /// The row that the next list is written against, once one was written.
    base: Option<history::Base>,
}

impl Keeper {
    /// What was remembered, with every signature checked again. Errors: `damaged`, `newer_format`.
    pub(super) fn load(store: &Store) -> Result<Keeper, Failure> {
        let table = store.table(keys::TABLE);
        let first = match table.get(FIRST)? {
            None => None,
            Some(bytes) => {
                let text = std::str::from_utf8(&bytes).ok().and_then(Fingerprint::parse);
                Some(text.ok_or_else(|| Failure::because(Code::Damaged, FIRST))?)
            }
        };
        let known = match table.get(KNOWN)? {
            None => None,
            Some(bytes) => {
                let mut failure = None;
                let find = |hash: &[u8; 32]| {
                    let found = history::list_of(store, hash);
                    found.unwrap_or_else(|error| {
                        failure = Some(error);
                        None
                    })
                };
                let known = Known::from_bytes_with(&bytes, find);
                match failure {
                    Some(failure) => return Err(failure),
                    None => Some(known?),
                }
            }
        };
        Ok(Keeper {
            first,
            known,
            base: None,
        })
    }

    /// What is remembered, once there is a first root.
    pub(super) fn known(&self) -> Option<&Known> {
        self.known.as_ref()
    }

    /// The root of first use: the one that is known, else the one that a person named or founded.
    pub(super) fn fingerprint(&self) -> Option<Fingerprint> {
        self.known.as_ref().map(Known::fingerprint).or(self.first)
    }
}

/// Puts the root of first use into the store of a new home.
pub fn trust_first(store: &Store, root: &SignedRoot) -> Result<(), Failure> {
    let (known, entry) = Known::first(root.text(), &Fingerprint(root.hash()), clock::now())?;
    let mut transaction = store.transaction();
    remember(store, &mut transaction, &known, &[entry], None)?;
    transaction.commit()?;
    Ok(())
}

fn remember(
    store: &Store,
    transaction: &mut Transaction,
    known: &Known,
    entries: &[Entry],
    base: Option<history::Base>,
) -> Result<Option<history::Base>, Failure> {
    let table = store.table(keys::TABLE);
    transaction.put(&table, KNOWN, &known.to_bytes_without_list()?);
    transaction.put(&table, FIRST, known.fingerprint().to_string().as_bytes());
    history::append(store, transaction, entries, known.step().as_deref(), base)
}

fn refused(refused: Refused) -> Failure {
    refused.problem.into()
}

impl Service {
    /// What was in force last time, if anything was.
    pub(super) fn stored_trust(&self) -> Result<Option<Arc<Trust>>, Failure> {
        Ok(lock(&self.keeper)?.known.as_ref().and_then(Known::trust))
    }

    /// Goes by a list from now on: every role, and whoever waits for one.
    pub(super) fn use_trust(&self, trust: Arc<Trust>) -> Result<(), Failure> {
        if let Some(wallet) = &self.wallet {
            lock(wallet)?.set_trust(trust.clone());
        }
        if let Some(issuer) = &self.issuer {
            lock(issuer)?.set_trust(trust.clone());
        }
        if let Some(verifier) = &self.verifier {
            lock(verifier)?.set_trust(trust.clone());
        }
        let version = trust.version();
        *self.trust.write().unwrap_or_else(PoisonError::into_inner) = Some(trust);
        // Before anybody greets us by this list: without a certificate they would turn away.
        self.renew_certificate_if_due(clock::now())?;
        self.effects.note(&super::Effect::Trust { version });
        self.review_mirror();
        self.trusted
            .send_modify(|revision| *revision = revision.saturating_add(1));
        // Whose lists are here already is asked by the clock as before: a new list is no reason for everybody to ask everybody.
        self.wake_mirror.notify_one();
        Ok(())
    }

    /// Takes whatever is newer of a bundle (a head alone, roots, or everything): checked, durable before it counts, then used. `from`
    /// says where it came from, for the evidence that is kept when something validly signed should not exist: a DID, or `import`.
    ///
    /// Errors: as [`Known::take`]; `anchor_missing` when this home has no first root and nobody has named its fingerprint; the
    /// store's. Nothing has changed then.
    pub(super) fn take_bundle(&self, bundle: &Bundle, from: &str) -> Result<Taken, Failure> {
        self.take_at(bundle, from, clock::now(), || {})
    }

    /// The same; `is_good` is called as soon as all of it is known to be good and newer, before it is durable here: others may have it
    /// from then on.
    pub(super) fn take_and_tell(&self, bundle: &Bundle, from: &str, is_good: impl FnOnce()) -> Result<Taken, Failure> {
        self.take_at(bundle, from, clock::now(), is_good)
    }

    fn take_at(&self, bundle: &Bundle, from: &str, now: Timestamp, is_good: impl FnOnce()) -> Result<Taken, Failure> {
        let mut keeper = lock(&self.keeper)?;
        let (mut next, mut entries) = match &keeper.known {
            Some(known) => (known.clone(), Vec::new()),
            None => {
                let first = keeper.first.ok_or(Code::AnchorMissing)?;
                let text = bundle
                    .roots
                    .first()
                    .ok_or_else(|| Problem::new(Code::AnchorMissing, "root"))?;
                let (known, entry) = Known::first(text, &first, now)?;
                (known, vec![entry])
            }
        };
        let taken = match next.take(bundle, now) {
            Ok(taken) => taken,
            Err(why) => {
                drop(keeper);
                if let Some(evidence) = &why.evidence {
                    self.keep_evidence(evidence, from);
                }
                return Err(refused(why));
            }
        };
        entries.extend(taken.entries.iter().cloned());
        if !taken.is_changed && entries.is_empty() {
            return Ok(taken);
        }
        is_good();
        let mut transaction = self.store.transaction();
        let base = remember(&self.store, &mut transaction, &next, &entries, keeper.base)?;
        transaction.commit()?;
        keeper.base = base;
        let trust = next.trust();
        keeper.known = Some(next);
        // The lock is held until everybody goes by it, so that two takings at once end with the newer one in use. After a root
        // that no head has confirmed yet nothing new is in force; what was goes on until its own head ends.
        if let Some(trust) = trust {
            self.use_trust(trust)?;
        }
        tracing::debug!(version = %taken.version, from, "took a trust list");
        Ok(taken)
    }

    /// Takes a bundle from a stick at a machine that may have been off for weeks: heads, and even lists, may have ended since.
    /// Signatures and order count as always; the time is held back to the last instant at which all of it was valid.
    fn take_late(&self, bundle: &Bundle, from: &str) -> Result<Taken, Failure> {
        let now = clock::now();
        let mut last = now;
        if !bundle.head.is_empty() {
            last = last.min(Head::read(&bundle.head)?.expires);
        }
        if let Some(text) = &bundle.list {
            last = last.min(list_ends(text)?);
        }
        if let Some(text) = bundle.roots.last().filter(|_| !bundle.head.is_empty()) {
            last = last.min(credentials::trust::Root::read(text)?.expires);
        }
        if last < now {
            tracing::warn!(ended = %last, "the bundle is out of date; whether there is a newer one cannot be seen here");
        }
        self.take_at(bundle, from, last, || {})
    }

    /// Everything that this home holds, from the root of first use on, as others may take it; `None` before the first root.
    pub(super) fn bundle(&self) -> Option<Bundle> {
        Some(lock(&self.keeper).ok()?.known.as_ref()?.bundle())
    }

    /// The highest root, list and head seen; `None` before the first root. Never falls.
    pub(super) fn head_version(&self) -> Option<Version> {
        Some(lock(&self.keeper).ok()?.known.as_ref()?.version())
    }

    /// Signs the head anew where this home has a head key of the root in force, one signature is enough, and the head is old: six
    /// hours, and a quarter of an hour more for each anchor before this one. What it took, to be told to the others; `None` when
    /// nothing was due.
    pub(super) fn resign_head_if_due(&self, now: Timestamp) -> Result<Option<Taken>, Failure> {
        // A restored home may hold a list that is no longer the newest: its signature would hold others back with it.
        if self.awaited()?.is_some() {
            return Ok(None);
        }
        let Some(bundle) = self.due_head(now)? else {
            return Ok(None);
        };
        self.take_at(&bundle, "self", now, || {}).map(Some)
    }

    /// State and age of the head in hours for `doctor`, at a home that signs heads: signing it anew must not fail unnoticed.
    pub(super) fn head_found(&self, now: Timestamp) -> Option<(&'static str, String)> {
        let anchor = self.keys.anchor()?;
        let keeper = lock(&self.keeper).ok()?;
        let known = keeper.known.as_ref()?;
        let trust = known.trust()?;
        let heads = anchor.of(Role::Head);
        heads
            .iter()
            .find(|key| known.root().has(Role::Head, &key.verifying_key()))?;
        let age = now.since(trust.head_issued());
        let all = i64::try_from(known.root().anchors.len()).unwrap_or(i64::MAX);
        let late = HEAD_AGE
            .saturating_add(HEAD_STAGGER.saturating_mul(all))
            .saturating_add(HEAD_STAGGER);
        let state = if age > HEAD_SECONDS.saturating_sub(HEAD_AGE) {
            "fail"
        } else if age > late {
            "warn"
        } else {
            "ok"
        };
        Some((state, format!("{} h", age / 3_600)))
    }

    /// For `doctor` of an anchor: that a head needs more signatures than one, so that no node signs one by itself.
    pub(super) fn head_signatures_found(&self) -> Option<(&'static str, String)> {
        self.keys.anchor()?;
        let keeper = lock(&self.keeper).ok()?;
        let needed = keeper.known.as_ref()?.root().thresholds.head;
        (needed > 1).then(|| ("warn", needed.to_string()))
    }

    fn due_head(&self, now: Timestamp) -> Result<Option<Bundle>, Failure> {
        let Some(anchor) = self.keys.anchor() else {
            return Ok(None);
        };
        let keeper = lock(&self.keeper)?;
        let Some((known, trust)) = keeper.known.as_ref().and_then(|known| Some((known, known.trust()?))) else {
            return Ok(None);
        };
        let root = known.root();
        let heads = anchor.of(Role::Head);
        let Some(signer) = heads.iter().find(|key| root.has(Role::Head, &key.verifying_key())) else {
            return Ok(None);
        };
        let signs = |other: &&credentials::trust::Anchor| !other.keys.of(Role::Head).is_empty();
        let place = root
            .anchors
            .iter()
            .filter(signs)
            .take_while(|other| other.id != anchor.name().id);
        let wait = HEAD_STAGGER.saturating_mul(i64::try_from(place.count()).unwrap_or(0));
        let is_due = now.since(trust.head_issued()) >= HEAD_AGE.saturating_add(wait);
        let can_last = now < root.expires && now < trust.document().next_update;
        if !is_due || !can_last || root.thresholds.head != 1 {
            return Ok(None);
        }
        let held = known.bundle();
        let before = Head::read(&held.head)?;
        let head = Head {
            version: crate::ceremony::proposal::next(before.version)?,
            issued: now,
            expires: now.plus(HEAD_SECONDS),
            ..before
        };
        let jws = head.sign(root, &**signer)?;
        Ok(Some(Bundle::assemble(Vec::new(), None, vec![jws])?))
    }

    /// Signs with the newest key of ours that the list in force names, from now on: after a new list, and when a window opens.
    pub(super) fn choose_signer(&self, now: Timestamp) -> Result<bool, Failure> {
        let (Some(organisation), Some(trust)) = (self.keys.organisation(), self.trust()) else {
            return Ok(false);
        };
        let Some(key) = organisation.choose(&trust, now) else {
            return Ok(false);
        };
        let kid = organisation.kid(&key);
        if let Some(issuer) = &self.issuer {
            lock(issuer)?.set_signer(&kid, key.signer.clone())?;
        }
        if let Some(verifier) = &self.verifier {
            let set = lock(verifier)?.set_signer(&kid, key.signer.clone());
            set.map_err(|e| Failure::because(Code::Internal, e))?;
        }
        tracing::debug!(%kid, "signs with another key from now on");
        Ok(true)
    }
}

/// Until when a list says it may be relied on; its signatures are not looked at.
fn list_ends(text: &str) -> Result<Timestamp, Problem> {
    let value = credentials::json::parse(text.as_bytes(), credentials::trust::TRUST_MAX)?;
    Ok(credentials::trust::Draft::from_value(&value)?.next_update)
}

#[cfg(test)]
pub(super) mod tests;
