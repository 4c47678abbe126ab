//! Whole lists of all issuers, kept in memory: nobody is asked about one index.

use super::{Head, LISTS_MAX, List, ListVersion, Source, State, States, list_hash};
use crate::trust::Trust;
use crate::{Code, Did, Problem, Timestamp};
use std::collections::{BTreeMap, HashMap, HashSet};

/// Most list names of one issuer whose versions are remembered, closed lists included: four billion entries.
const VERSIONS_MAX: usize = 16 * LISTS_MAX;

/// Mirrored lists in memory, fed by heads and lists; refuses a head older than one seen (rollback).
///
/// A list takes 256 KiB. It answers as long as the newest head names exactly its hash; when a head names another, the list is
/// not at hand until that one is fetched.
#[derive(Default)]
pub struct Mirror {
    issuers: BTreeMap<Did, Issuer>,
}

struct Issuer {
    head: Head,
    /// Highest version seen of every list, closed ones included.
    versions: HashMap<String, u64>,
    /// By URI.
    lists: HashMap<String, Held>,
}

struct Held {
    hash: String,
    states: States,
}

impl Mirror {
    /// Takes a checked head; returns the hashes (with sizes) of lists still to be fetched. Refuses with `stale` a head with an
    /// earlier `iat` than one seen, or with a list version lower than one seen; then nothing changes.
    pub fn head(&mut self, head: Head) -> Result<Vec<ListVersion>, Problem> {
        let issuer = self.issuers.entry(head.issuer.clone()).or_insert_with(|| Issuer {
            head: Head {
                lists: Vec::new(),
                ..head.clone()
            },
            versions: HashMap::new(),
            lists: HashMap::new(),
        });
        issuer.take(head)?;
        Ok(issuer.missing())
    }

    /// Takes the text of a list that a head named; checks hash, issuer, signature. Errors: `unexpected_message` when no newest
    /// head names this text, and those of [`List::open`].
    pub fn list(&mut self, text: &str, trust: &Trust, now: Timestamp) -> Result<(), Problem> {
        let hash = list_hash(text);
        let mut refusal = Problem::from(Code::UnexpectedMessage);
        // Whoever copies another issuer's hash into its own head must not keep the list from being taken for that one.
        for (did, issuer) in &mut self.issuers {
            let is_named = |named: &&ListVersion| named.hash == hash && usize::try_from(named.size) == Ok(text.len());
            let Some(named) = issuer.head.lists.iter().find(is_named) else {
                continue;
            };
            match List::open(text, did, trust, now) {
                Ok(list) if list.uri == named.uri => {
                    let held = Held {
                        hash,
                        states: list.states,
                    };
                    issuer.lists.insert(list.uri, held);
                    return Ok(());
                }
                Ok(_) => refusal = Problem::new(Code::Malformed, "sub"),
                Err(problem) => refusal = problem,
            }
        }
        Err(refusal)
    }

    /// The newest head of each issuer.
    pub fn heads(&self) -> Vec<Head> {
        self.issuers.values().map(|issuer| issuer.head.clone()).collect()
    }
}

impl Issuer {
    fn take(&mut self, head: Head) -> Result<(), Problem> {
        if head.issued < self.head.issued {
            return Err(Code::Stale.into());
        }
        let is_lower = |list: &ListVersion| self.versions.get(&list.uri).is_some_and(|seen| list.version < *seen);
        if head.lists.iter().any(is_lower) {
            return Err(Code::Stale.into());
        }
        let is_new = |list: &&ListVersion| !self.versions.contains_key(&list.uri);
        let new = head.lists.iter().filter(is_new).count();
        if self.versions.len().saturating_add(new) > VERSIONS_MAX {
            return Err(Code::TooLarge.into());
        }
        for list in &head.lists {
            self.versions.insert(list.uri.clone(), list.version);
        }
        let named: HashSet<&str> = head.lists.iter().map(|list| list.hash.as_str()).collect();
        self.lists.retain(|_, held| named.contains(held.hash.as_str()));
        self.head = head;
        Ok(())
    }

    fn missing(&self) -> Vec<ListVersion> {
        self.head
            .lists
            .iter()
            .filter(|named| self.held(&named.uri).is_none())
            .cloned()
            .collect()
    }

    /// The list `uri` in exactly the version that the newest head names.
    fn held(&self, uri: &str) -> Option<&Held> {
        let named = self.head.lists.iter().find(|named| named.uri == uri)?;
        self.lists.get(uri).filter(|held| held.hash == named.hash)
    }
}

impl Source for Mirror {
    fn state(&self, issuer: &Did, uri: &str, index: u32) -> Option<(State, Timestamp)> {
        let issuer = self.issuers.get(issuer)?;
        let state = issuer.held(uri)?.states.get(index)?;
        Some((state, issuer.head.issued))
    }
}
