//! What a client remembers, and the rules by which it takes something newer: those of TUF 1.0 §5.3–5.6, on root, head and list.
//!
//! Roots are taken one by one, each by its own threshold and that of the one before; then the head by the newest root; then the
//! list that the head names. Whatever is refused changes nothing. Versions are compared as (root, list, head); a root that takes
//! away keys that could have signed lists (or heads) by themselves sets the height of these counters back, because with such
//! keys somebody may have signed the highest number there is.

mod state;
mod step;

use super::anchor::Role;
use super::bundle::Bundle;
use super::edits::Step;
use super::head::Head;
use super::history::{Entry, Tip};
use super::list::List;
use super::root::{Root, SignedRoot};
use super::{Fingerprint, Trust, Version};
use crate::{Code, Problem, Timestamp};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What a client remembers across restarts. Made from the root of first use; changes only by [`Known::take`].
#[derive(Clone, Debug)]
pub struct Known {
    first: Fingerprint,
    /// From the root of first use on; never empty.
    roots: Vec<Arc<SignedRoot>>,
    counters: Counters,
    /// What was taken last with a head: a list and its head, under the root that the head names.
    held: Option<Held>,
    trust: Option<Arc<Trust>>,
    tip: Tip,
    /// From the list before to the one held, where both were seen since the start.
    step: Option<Arc<Step>>,
}

/// The highest list, and the highest head of that list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Counters {
    list: u64,
    head: u64,
}

#[derive(Clone, Debug)]
struct Held {
    list: Arc<List>,
    head: Head,
    texts: Vec<String>,
}

/// What [`Known::take`] changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// Version before.
    pub before: Version,
    /// Version now, never lower.
    pub version: Version,
    /// New entries of the history, roots before the list: to be kept, in order, together with [`Known::to_bytes`].
    pub entries: Vec<Entry>,
    /// Whether anything is other than before. If not, nothing needs to be kept.
    pub is_changed: bool,
    /// Counters that a new root set back: [`Role::List`], [`Role::Head`].
    pub reset: Vec<Role>,
}

/// Why nothing was taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{problem}")]
pub struct Refused {
    /// The code, and as detail the role that it is about: `root`, `list`, `head`.
    pub problem: Problem,
    /// Where what was offered is validly signed and should not exist: both sides of it.
    pub evidence: Option<Box<Evidence>>,
}

impl From<Problem> for Refused {
    fn from(problem: Problem) -> Refused {
        Refused {
            problem,
            evidence: None,
        }
    }
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Problem {
        refused.problem
    }
}

impl Refused {
    fn of(code: Code, role: Role) -> Refused {
        Problem::new(code, role.as_str()).into()
    }
}

/// Two validly signed documents that cannot both be right. Both are kept: with them anybody can show what was done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    /// `trust_rollback` or `trust_conflict`, or `trust_mismatch` for a head that names another root of the version we hold.
    pub code: Code,
    /// Which kind of document.
    pub role: Role,
    /// Version that we hold.
    pub held_version: Version,
    /// Version that was offered.
    pub offered_version: Version,
    /// What we hold: the text of a root or list; a head's JWS, one a line.
    pub held: String,
    /// What was offered.
    pub offered: String,
    /// When, by our clock.
    pub seen: Timestamp,
}

impl Known {
    /// Begins with the root of first use, whose fingerprint a person compared (or that came with the package). It may be expired:
    /// then only a newer root is taken. The entry is the first of the history.
    ///
    /// Errors as [`SignedRoot::first`].
    pub fn first(text: &str, fingerprint: &Fingerprint, now: Timestamp) -> Result<(Known, Entry), Problem> {
        let root = SignedRoot::first(text, fingerprint)?;
        let entry = Entry::after(Tip::default(), now, Role::Root, root.root().version, text);
        let known = Known {
            first: *fingerprint,
            roots: vec![Arc::new(root)],
            counters: Counters::default(),
            held: None,
            trust: None,
            tip: entry.tip(),
            step: None,
        };
        Ok((known, entry))
    }

    /// Takes what is newer of `bundle`, all of it or nothing. The list may be missing when the head names the one held; the head,
    /// when the bundle brings only roots: then nothing is in force until a head of the newest root is taken.
    ///
    /// Errors, with the role as detail: `too_large`, `malformed`, `duplicate_key`, `unsupported`, `unknown_key`,
    /// `signature_invalid`, `trust_threshold`, `trust_mismatch` (parts that do not belong together), `trust_rollback`,
    /// `trust_conflict`, `trust_stale` (expired, a frozen head included), `clock_suspect` (issued in our future).
    pub fn take(&mut self, bundle: &Bundle, now: Timestamp) -> Result<Taken, Refused> {
        let mut next = self.clone();
        let taken = next.advance(bundle, now)?;
        *self = next;
        Ok(taken)
    }

    /// What everybody goes by; none before the first head was taken, and after a root that no head has confirmed yet. Whether it
    /// is still current is [`Trust::current`]'s to say.
    pub fn trust(&self) -> Option<Arc<Trust>> {
        self.trust.clone()
    }

    /// Fingerprint of the root of first use.
    pub fn fingerprint(&self) -> Fingerprint {
        self.first
    }

    /// The newest root.
    pub fn root(&self) -> &Root {
        self.newest().root()
    }

    /// Root, and the highest list and head seen. Never falls.
    pub fn version(&self) -> Version {
        Version {
            root: self.root().version,
            list: self.counters.list,
            head: self.counters.head,
        }
    }

    /// Everything from the root of first use on, as others may take it.
    pub fn bundle(&self) -> Bundle {
        let held = self.held.as_ref().filter(|held| held.head.root == self.root().version);
        Bundle {
            roots: self.roots.iter().map(|root| root.text().to_owned()).collect(),
            list: held.map(|held| held.list.text().to_owned()),
            head: held.map(|held| held.texts.clone()).unwrap_or_default(),
        }
    }

    /// The head held: one JWS for each signer; none before the first, and after a root that no head has confirmed yet.
    pub fn head(&self) -> &[String] {
        let held = self.held.as_ref().filter(|held| held.head.root == self.root().version);
        held.map(|held| held.texts.as_slice()).unwrap_or_default()
    }

    /// What was other in the list held than in the one before it, if both were seen since the start.
    pub fn step(&self) -> Option<Arc<Step>> {
        self.step.clone()
    }

    /// The text of the root of that version, from the one of first use on.
    pub fn root_text(&self, version: u64) -> Option<&str> {
        self.root_of(version).map(|root| root.text())
    }

    /// Newest entry of the history.
    pub fn tip(&self) -> Tip {
        self.tip
    }

    fn newest(&self) -> &SignedRoot {
        self.roots.last().expect("there is the root of first use")
    }

    fn root_of(&self, version: u64) -> Option<&SignedRoot> {
        self.roots
            .iter()
            .find(|root| root.root().version == version)
            .map(Arc::as_ref)
    }

    /// The view of what is held, when it belongs to the newest root.
    fn view(&self) -> Option<Arc<Trust>> {
        let held = self
            .held
            .as_ref()
            .filter(|held| held.head.root == self.root().version)?;
        Some(Arc::new(Trust::of(self.roots.last()?, &held.list, &held.head)))
    }
}
