//! What is counted since the start.

use credentials::Code;
use credentials::trust::{Role, Version};
use credentials::verify::Verdict;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

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
pub(in crate::service) struct Refusals(Counts<(&'static str, Code)>);

impl Refusals {
    /// Counts one.
    pub(in crate::service) fn count(&self, of: &'static str, code: Code) {
        self.0.add((of, code));
    }

    pub(super) fn all(&self) -> Vec<((&'static str, Code), u64)> {
        self.0.all()
    }
}

/// Verdicts, by why they are not *valid*, or what is to be noted of a valid one.
#[derive(Default)]
pub(in crate::service) struct Verdicts(Counts<(&'static str, &'static str)>);

impl Verdicts {
    /// Counts one.
    pub(in crate::service) fn count(&self, verdict: Verdict, code: Option<Code>) {
        self.0.add((verdict.as_str(), code.map_or("none", Code::as_str)));
    }

    pub(super) fn all(&self) -> Vec<((&'static str, &'static str), u64)> {
        self.0.all()
    }
}

/// Roots, lists and heads lower than ours that somebody showed us, whether an alarm was raised or not.
#[derive(Default)]
pub(in crate::service) struct OlderTrust(Counts<&'static str>);

impl OlderTrust {
    /// Counts one.
    pub(in crate::service) fn count(&self, role: Role) {
        self.0.add(role.as_str());
    }

    /// Counts a head by the highest part in which it is behind what is held.
    pub(in crate::service) fn count_head(&self, offered: Version, held: Version) {
        self.count(if offered.root < held.root {
            Role::Root
        } else if offered.list < held.list {
            Role::List
        } else {
            Role::Head
        });
    }

    pub(super) fn all(&self) -> Vec<(&'static str, u64)> {
        self.0.all()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
            verdicts.all(),
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
        let mut counted = older.all();
        counted.sort_unstable_by_key(|(_, count)| *count);
        assert_eq!(counted.last(), Some(&(Role::Head.as_str(), 2)));
        assert_eq!(counted.len(), 3, "{counted:?}");
    }
}
