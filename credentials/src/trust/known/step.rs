//! One taking: roots, head, list, in this order.

use super::{Counters, Evidence, Held, Known, Refused, Taken};
use crate::trust::bundle::Bundle;
use crate::trust::edits::Step;
use crate::trust::head::Head;
use crate::trust::history::Entry;
use crate::trust::list::{List, text_hash};
use crate::trust::root::Root;
use crate::trust::{CLOCK_SKEW, ROOTS_MAX, Role, Version};
use crate::{Code, Problem, Timestamp};
use serde_json::Value;
use std::sync::Arc;

impl Known {
    pub(super) fn advance(&mut self, bundle: &Bundle, now: Timestamp) -> Result<Taken, Refused> {
        bundle.check()?;
        let before = self.version();
        let mut taken = Taken {
            before,
            version: before,
            entries: Vec::new(),
            is_changed: false,
            reset: Vec::new(),
        };
        for text in &bundle.roots {
            self.take_root(text, now, &mut taken)?;
        }
        if bundle.head.is_empty() && bundle.list.is_none() {
            if bundle.roots.is_empty() {
                return Err(Refused::of(Code::Malformed, Role::Head));
            }
        } else {
            self.take_head(bundle, now, &mut taken)?;
        }
        self.trust = self.view();
        taken.version = self.version();
        taken.is_changed |= !taken.entries.is_empty();
        Ok(taken)
    }

    /// One that we have is compared, the next is taken, and one before our first says nothing to us.
    fn take_root(&mut self, text: &str, now: Timestamp, taken: &mut Taken) -> Result<(), Refused> {
        let root = Root::read(text)?;
        if root.version <= self.root().version {
            let Some(held) = self.root_of(root.version) else {
                return Ok(());
            };
            // The same root may carry signatures more or fewer: it is the content that counts.
            if root.fingerprint()?.0 == held.hash() {
                return Ok(());
            }
            let offered = match self.root_of(root.version.saturating_sub(1)) {
                Some(before) => before.next(text)?,
                // Nobody's network has a first root too: only one that our anchors signed as well speaks against them.
                None => held.rival(text)?,
            };
            let versions = (held.root().version, offered.root().version);
            let of = |root: u64| Version { root, list: 0, head: 0 };
            return Err(self.alarm(
                (Code::TrustConflict, Role::Root),
                (of(versions.0), held.text()),
                (of(versions.1), text),
                now,
            ));
        }
        let next = self.newest().next(text)?;
        if next.root().issued > now.plus(CLOCK_SKEW) {
            return Err(Refused::of(Code::ClockSuspect, Role::Root));
        }
        if self.roots.len() >= ROOTS_MAX {
            return Err(Refused::of(Code::TooLarge, Role::Root));
        }
        let takes = |role| next.root().takes_threshold_from(self.root(), role);
        if takes(Role::List) {
            // With the list keys gone, no list of theirs counts, and so no head of it.
            self.counters = Counters::default();
            self.held = None;
            taken.reset.extend([Role::List, Role::Head]);
        } else if takes(Role::Head) {
            self.counters.head = 0;
            taken.reset.push(Role::Head);
        }
        let entry = Entry::after(self.tip, now, Role::Root, next.root().version, text);
        self.tip = entry.tip();
        taken.entries.push(entry);
        self.roots.push(Arc::new(next));
        Ok(())
    }

    fn take_head(&mut self, bundle: &Bundle, now: Timestamp, taken: &mut Taken) -> Result<(), Refused> {
        let root = self.newest();
        if root.root().issued > now.plus(CLOCK_SKEW) {
            return Err(Refused::of(Code::ClockSuspect, Role::Root));
        }
        if now > root.root().expires {
            return Err(Refused::of(Code::TrustStale, Role::Root));
        }
        let head = self.check_head(&bundle.head, now)?;
        if head.issued > now.plus(CLOCK_SKEW) {
            return Err(Refused::of(Code::ClockSuspect, Role::Head));
        }
        if now > head.expires {
            return Err(Refused::of(Code::TrustStale, Role::Head));
        }
        let list = self.check_list(&head, bundle.list.as_deref(), now)?;
        if list.draft().issued > now.plus(CLOCK_SKEW) {
            return Err(Refused::of(Code::ClockSuspect, Role::List));
        }
        if now > list.draft().next_update {
            return Err(Refused::of(Code::TrustStale, Role::List));
        }
        let held = self.held.as_ref();
        if held.is_none_or(|held| held.list.text_hash() != list.text_hash()) {
            let version = list.draft().sequence;
            let entry = Entry::after_hashed(self.tip, now, Role::List, version, list.text(), list.text_hash());
            self.tip = entry.tip();
            taken.entries.push(entry);
            self.step = held.and_then(|held| Step::between(&held.list, &list)).map(Arc::new);
        }
        let held = self.held.as_ref();
        // A head of the same number and hashes that is signed later only lasts longer; one that ends earlier is passed over.
        if held.is_some_and(|held| held.head.number() == head.number() && held.head.expires >= head.expires) {
            return Ok(());
        }
        taken.is_changed = true;
        self.counters = Counters {
            list: head.list,
            head: head.version,
        };
        self.held = Some(Held {
            list,
            head,
            texts: bundle.head.clone(),
        });
        Ok(())
    }

    /// Signatures, the root that it names, and its place after what we have seen.
    fn check_head(&self, texts: &[String], now: Timestamp) -> Result<Head, Refused> {
        let (root, version) = (self.newest(), self.version());
        let read = Head::read(texts)?;
        let offered = texts.join("\n");
        if read.root > root.root().version {
            return Err(Problem::new(Code::TrustMismatch, "head: root").into());
        }
        if read.root < root.root().version {
            // It counts for nothing, but whether it was right once is worth knowing.
            return Err(match self.root_of(read.root) {
                Some(older) => {
                    let head = Head::open(texts, older.root())?;
                    let side = (head.number(), offered.as_str());
                    self.alarm(
                        (Code::TrustRollback, Role::Head),
                        (version, &self.held_head()),
                        side,
                        now,
                    )
                }
                None => Refused::of(Code::TrustRollback, Role::Head),
            });
        }
        let head = Head::open(texts, root.root())?;
        let side = (head.number(), offered.as_str());
        if head.root_hash != root.hash() {
            let mut refused = self.alarm((Code::TrustMismatch, Role::Head), (version, root.text()), side, now);
            refused.problem = Problem::new(Code::TrustMismatch, "head: root_hash");
            return Err(refused);
        }
        let counters = Counters {
            list: head.list,
            head: head.version,
        };
        if counters < self.counters {
            let role = if counters.list < self.counters.list {
                Role::List
            } else {
                Role::Head
            };
            return Err(self.alarm((Code::TrustRollback, role), (version, &self.held_head()), side, now));
        }
        let other = self.held.as_ref().filter(|held| {
            held.head.number() == head.number()
                && (held.head.list_hash, held.head.list_size) != (head.list_hash, head.list_size)
        });
        if other.is_some() {
            return Err(self.alarm(
                (Code::TrustConflict, Role::Head),
                (version, &self.held_head()),
                side,
                now,
            ));
        }
        Ok(head)
    }

    /// The list that the head names: the one we hold, or the one offered.
    fn check_list(&self, head: &Head, offered: Option<&str>, now: Timestamp) -> Result<Arc<List>, Refused> {
        let mismatch = || Refused::of(Code::TrustMismatch, Role::List);
        let root = self.newest().root();
        let held = self.held.as_ref();
        let is_named = |text: &str| {
            u32::try_from(text.len()).is_ok_and(|size| size == head.list_size) && text_hash(text) == head.list_hash
        };
        let Some(text) = offered else {
            let held = held.filter(|held| held.list.text_hash() == head.list_hash && held.head.list == head.list);
            let held = held.ok_or_else(mismatch)?;
            return match held.head.root == head.root && held.list.is_named(head) {
                true => Ok(Arc::clone(&held.list)),
                // Whoever signed it may have lost the right to with the newest root.
                false => Ok(Arc::new(List::open(held.list.text(), root)?)),
            };
        };
        if let Some(held) = held.filter(|held| held.list.text() == text && held.head.root == head.root) {
            return match held.list.is_named(head) && held.list.draft().sequence == head.list {
                true => Ok(Arc::clone(&held.list)),
                false => Err(mismatch()),
            };
        }
        let opened = match held {
            Some(held) => List::open_after(text, root, &held.list),
            None => List::open(text, root),
        };
        if let (Ok(list), Some(held)) = (&opened, held) {
            let (ours, theirs) = (held.list.draft().sequence, list.draft().sequence);
            if ours == theirs && held.list.hash() != list.hash() {
                let of = |list: u64, head: u64| Version {
                    root: root.version,
                    list,
                    head,
                };
                return Err(self.alarm(
                    (Code::TrustConflict, Role::List),
                    (of(ours, held.head.version), held.list.text()),
                    (of(theirs, head.version), text),
                    now,
                ));
            }
        }
        let is_right = match &opened {
            Ok(list) => list.is_named(head),
            Err(_) => is_named(text),
        };
        if !is_right {
            return Err(mismatch());
        }
        let list = opened?;
        if list.draft().sequence != head.list {
            return Err(Problem::new(Code::TrustMismatch, "list: number").into());
        }
        Ok(Arc::new(list))
    }

    fn held_head(&self) -> String {
        self.held.as_ref().map(|held| held.texts.join("\n")).unwrap_or_default()
    }

    fn alarm(
        &self,
        (code, role): (Code, Role),
        (held_version, held): (Version, &str),
        (offered_version, offered): (Version, &str),
        seen: Timestamp,
    ) -> Refused {
        let evidence = Evidence {
            code,
            role,
            held_version,
            offered_version,
            held: held.to_owned(),
            offered: offered.to_owned(),
            seen,
        };
        Refused {
            problem: Problem::new(code, role.as_str()),
            evidence: Some(Box::new(evidence)),
        }
    }
}

impl Root {
    /// A root's text, its proofs not looked at.
    pub fn read(text: &str) -> Result<Root, Problem> {
        let document = crate::trust::signatures::parse(text, crate::trust::ROOT_MAX, Role::Root)?;
        Root::from_value(&Value::Object(document))
    }
}
