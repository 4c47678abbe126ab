//! What is held of one issuer.

use super::{Mirrored, Wanted};
use crate::protocol::status::DIGESTS_MAX;
use crate::status::{Changes, Digest, Head, LISTS_MAX, ListVersion, State, States, Steps};
use crate::{Code, Did, Problem, Timestamp};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::OnceLock;

/// Most list names of one issuer whose versions are remembered, closed lists included: four billion entries.
const VERSIONS_MAX: usize = 16 * LISTS_MAX;
/// Most keys of one issuer that are remembered: as many as an organisation may have listed.
const KEYS_MAX: usize = crate::trust::KEYS_MAX;

/// Why a head or a digest was not taken.
pub(super) enum Said {
    Refused(Problem),
    /// With the signed text that it contradicts, where that is at hand.
    Conflict {
        uri: String,
        before: Option<String>,
    },
}

impl From<Code> for Said {
    fn from(code: Code) -> Said {
        Said::Refused(code.into())
    }
}

/// The newest word about a list, whether it is still published or not.
struct Word {
    version: u64,
    at: Timestamp,
    states: String,
}

/// A list that is published.
pub(super) struct Listed {
    pub(super) named: ListVersion,
    pub(super) at: Timestamp,
    pub(super) held: Option<Held>,
}

/// States with the hash they have.
pub(super) struct Held {
    pub(super) states: States,
    pub(super) hash: String,
    pub(super) version: u64,
    pub(super) as_of: Timestamp,
    pub(super) steps: Steps,
    /// Under zlib, once somebody asked.
    pub(super) packed: OnceLock<Vec<u8>>,
}

/// A head or a digest as it was signed.
struct Signed<T> {
    text: String,
    said: T,
}

/// Everything of one issuer.
#[derive(Default)]
pub(super) struct Issuer {
    head: Option<Signed<Head>>,
    /// Those that are not older than the head, at most [`DIGESTS_MAX`].
    digests: VecDeque<Signed<Timestamp>>,
    /// By URI.
    lists: HashMap<String, Listed>,
    words: HashMap<String, Word>,
    /// Keys under which anything was taken, and the latest `iat` under each.
    keys: BTreeMap<String, Timestamp>,
}

/// What to do with what is said about one list.
enum Place {
    /// It is older than what is known, or the same.
    Known,
    Newer,
}

impl Issuer {
    pub(super) fn head(&self) -> Option<&Head> {
        self.head.as_ref().map(|head| &head.said)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.head.is_none() && self.words.is_empty()
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = (&str, Timestamp)> {
        self.keys.iter().map(|(kid, at)| (kid.as_str(), *at))
    }

    /// Forgets keys of which nothing is asked any more; that of the newest word stays.
    pub(super) fn retain_keys(&mut self, is_listed: impl Fn(&str) -> bool) {
        let newest = self.keys.values().max().copied();
        self.keys.retain(|kid, at| Some(*at) == newest || is_listed(kid));
    }

    /// Lists whose states are held.
    pub(super) fn held(&self) -> usize {
        self.lists.values().filter(|listed| listed.held.is_some()).count()
    }

    pub(super) fn holds(&self, uri: &str) -> bool {
        self.lists.get(uri).is_some_and(|listed| listed.held.is_some())
    }

    /// Texts of the head and of the digests since.
    pub(super) fn texts(&self) -> Option<(&str, Vec<String>)> {
        let head = self.head.as_ref()?;
        Some((
            &head.text,
            self.digests.iter().map(|digest| digest.text.clone()).collect(),
        ))
    }

    /// Where a word stands among those known.
    fn place(&self, list: &ListVersion, at: Timestamp) -> Result<Place, Said> {
        let Some(known) = self.words.get(&list.uri) else {
            return Ok(Place::Newer);
        };
        if list.version == known.version && list.states != known.states {
            return Err(Said::Conflict {
                uri: list.uri.clone(),
                before: self.word(&list.uri).map(str::to_owned),
            });
        }
        match (at.cmp(&known.at), list.version.cmp(&known.version)) {
            (std::cmp::Ordering::Greater, std::cmp::Ordering::Less)
            | (std::cmp::Ordering::Less, std::cmp::Ordering::Greater) => Err(Code::Stale.into()),
            (std::cmp::Ordering::Less, _) | (std::cmp::Ordering::Equal, std::cmp::Ordering::Less) => Ok(Place::Known),
            _ => Ok(Place::Newer),
        }
    }

    /// Whether so many words more can be remembered.
    fn has_room<'a>(&self, lists: impl Iterator<Item = &'a ListVersion>, kid: &str) -> Result<(), Said> {
        let new = lists.filter(|list| !self.words.contains_key(&list.uri)).count();
        let is_known = self.keys.contains_key(kid) || self.keys.len() < KEYS_MAX;
        if self.words.len().saturating_add(new) > VERSIONS_MAX || !is_known {
            return Err(Code::TooLarge.into());
        }
        Ok(())
    }

    fn note_key(&mut self, kid: String, at: Timestamp) {
        let latest = self.keys.entry(kid).or_insert(at);
        *latest = at.max(*latest);
    }

    /// Takes a word that is newer. Returns whether it says anything new.
    fn note(&mut self, list: &ListVersion, at: Timestamp) -> bool {
        let word = Word {
            version: list.version,
            at,
            states: list.states.clone(),
        };
        let before = self.words.insert(list.uri.clone(), word);
        let listed = self.lists.entry(list.uri.clone()).or_insert_with(|| Listed {
            named: list.clone(),
            at,
            held: None,
        });
        listed.named = list.clone();
        listed.at = at;
        if let Some(held) = &mut listed.held
            && held.hash == list.states
        {
            held.version = list.version;
            held.as_of = at;
        }
        before.is_none_or(|before| (before.version, before.at) != (list.version, at))
    }

    /// A head that is not older than the newest.
    pub(super) fn take_head(&mut self, head: Head, kid: String, text: &str) -> Result<bool, Said> {
        self.has_room(head.lists.iter(), &kid)?;
        let mut newer = Vec::new();
        for list in &head.lists {
            if let Place::Newer = self.place(list, head.issued)? {
                newer.push(list);
            }
        }
        let mut is_news = self.head.as_ref().is_none_or(|known| known.text != text);
        for list in newer {
            is_news |= self.note(list, head.issued);
        }
        // A list that only a later digest named stays.
        let named: std::collections::HashSet<&str> = head.lists.iter().map(|list| list.uri.as_str()).collect();
        self.lists
            .retain(|uri, listed| named.contains(uri.as_str()) || listed.at > head.issued);
        self.digests.retain(|digest| digest.said >= head.issued);
        self.note_key(kid, head.issued);
        self.head = Some(Signed {
            text: text.to_owned(),
            said: head,
        });
        Ok(is_news)
    }

    pub(super) fn take_digest(
        &mut self,
        digest: &Digest,
        kid: String,
        text: &str,
        is_marked: bool,
    ) -> Result<bool, Said> {
        self.has_room(digest.lists.iter().map(|news| &news.list), &kid)?;
        let mut newer = Vec::new();
        for news in &digest.lists {
            let Place::Newer = self.place(&news.list, digest.issued)? else {
                continue;
            };
            let held = self.lists.get(&news.list.uri).and_then(|listed| listed.held.as_ref());
            let changed = match (held, &news.changes) {
                (Some(held), Some(changes)) if !is_marked && held.hash != news.list.states => {
                    let mut states = held.states.clone();
                    changes.apply(&mut states);
                    // From a content between the two they lead there too: each change is the last word about its entry.
                    match states.hash() == news.list.states {
                        true => Some((states, changes.clone())),
                        false if held.hash == news.from => {
                            return Err(Said::Conflict {
                                uri: news.list.uri.clone(),
                                before: self.word(&news.list.uri).map(str::to_owned),
                            });
                        }
                        false => None,
                    }
                }
                _ => None,
            };
            newer.push((news, changed));
        }
        let mut is_news = false;
        for (news, changed) in newer {
            is_news |= self.note(&news.list, digest.issued);
            if let Some((states, changes)) = changed
                && let Some(listed) = self.lists.get_mut(&news.list.uri)
            {
                listed.take(states, Some(changes));
            }
        }
        if is_news {
            self.note_key(kid, digest.issued);
            self.digests.push_back(Signed {
                text: text.to_owned(),
                said: digest.issued,
            });
            if self.digests.len() > DIGESTS_MAX {
                self.digests.pop_front();
            }
        }
        Ok(is_news)
    }

    /// The newest word about a list that is published.
    pub(super) fn named(&self, uri: &str) -> Option<&ListVersion> {
        self.lists.get(uri).map(|listed| &listed.named)
    }

    /// The list whose newest word names a text.
    pub(super) fn named_text(&self, hash: &str, length: usize) -> Option<ListVersion> {
        let is_named = |named: &&ListVersion| named.hash == hash && usize::try_from(named.size) == Ok(length);
        self.lists.values().map(|listed| &listed.named).find(is_named).cloned()
    }

    /// The signed text that the newest word about a list is in, where it is kept.
    pub(super) fn word(&self, uri: &str) -> Option<&str> {
        let at = self.words.get(uri)?.at;
        let digest = self.digests.iter().find(|digest| digest.said == at);
        match digest {
            Some(digest) => Some(&digest.text),
            None => self.head.as_ref().map(|head| head.text.as_str()),
        }
    }

    /// Takes the states that the newest word about a list names.
    pub(super) fn hold(&mut self, uri: &str, states: States) {
        if let Some(listed) = self.lists.get_mut(uri) {
            let changes = listed
                .held
                .as_ref()
                .and_then(|held| Changes::between(&held.states, &states));
            listed.take(states, changes);
        }
    }

    /// Makes changes where they lead to what the newest word names.
    pub(super) fn change(&mut self, uri: &str, changes: &Changes) -> bool {
        let Some(listed) = self.lists.get_mut(uri) else {
            return false;
        };
        let Some(held) = &listed.held else { return false };
        let mut states = held.states.clone();
        changes.apply(&mut states);
        let leads_there = states.hash() == listed.named.states;
        if leads_there {
            listed.take(states, Some(changes.clone()));
        }
        leads_there
    }

    pub(super) fn listed(&self, uri: &str) -> Option<&Listed> {
        self.lists.get(uri)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = (&String, &Listed)> {
        self.lists.iter()
    }

    /// Puts back states whose newest word is known, from a cache.
    pub(super) fn put_back(&mut self, uri: &str, states: &States) -> bool {
        let hash = states.hash();
        match self.lists.get_mut(uri) {
            Some(listed) if listed.named.states == hash => {
                listed.take(states.clone(), None);
                true
            }
            _ => false,
        }
    }

    pub(super) fn state(&self, uri: &str, index: u32) -> Option<(State, Timestamp)> {
        let held = self.lists.get(uri)?.held.as_ref()?;
        Some((held.states.get(index)?, held.as_of))
    }

    pub(super) fn wanted(&self, did: &Did) -> Vec<Wanted> {
        let mut wanted: Vec<Wanted> = self
            .lists
            .values()
            .filter(|listed| listed.held.as_ref().is_none_or(|held| held.hash != listed.named.states))
            .map(|listed| Wanted {
                issuer: did.clone(),
                list: listed.named.clone(),
                held: listed.held.as_ref().map(|held| held.hash.clone()),
            })
            .collect();
        wanted.sort_by(|one, other| one.list.uri.cmp(&other.list.uri));
        wanted
    }

    pub(super) fn lists(&self, did: &Did) -> Vec<Mirrored> {
        let mut lists: Vec<Mirrored> = self
            .lists
            .iter()
            .map(|(uri, listed)| Mirrored {
                issuer: did.clone(),
                uri: uri.clone(),
                version: listed.held.as_ref().map(|held| held.version),
                as_of: listed.held.as_ref().map(|held| held.as_of),
                newest: listed.named.version,
                told: listed.at,
            })
            .collect();
        lists.sort_by(|one, other| one.uri.cmp(&other.uri));
        lists
    }

    pub(super) fn bytes(&self) -> usize {
        let text = |text: &String| text.capacity();
        let named = |list: &ListVersion| {
            std::mem::size_of::<ListVersion>() + text(&list.uri) + text(&list.hash) + text(&list.states)
        };
        let held = |held: &Held| {
            let packed = held.packed.get().map_or(0, Vec::capacity);
            held.states.as_bytes().len() + text(&held.hash) + held.steps.bytes() + packed
        };
        let lists: usize = self
            .lists
            .iter()
            .map(|(uri, listed)| text(uri) + named(&listed.named) + listed.held.as_ref().map_or(0, held))
            .sum();
        let words: usize = self
            .words
            .iter()
            .map(|(uri, word)| text(uri) + text(&word.states) + std::mem::size_of::<Word>())
            .sum();
        let head: usize = self
            .head
            .iter()
            .map(|head| text(&head.text) + head.said.lists.iter().map(named).sum::<usize>())
            .sum();
        let digests: usize = self.digests.iter().map(|digest| text(&digest.text)).sum();
        lists + words + head + digests
    }
}

impl Listed {
    /// Holds the states that the newest word names, with how they came of those before.
    fn take(&mut self, states: States, changes: Option<Changes>) {
        let mut steps = Steps::default();
        if let Some(before) = self.held.take() {
            if before.hash == self.named.states {
                self.held = Some(before);
                return;
            }
            if let Some(changes) = changes {
                steps = before.steps;
                steps.push(before.hash, self.named.states.clone(), changes);
            }
        }
        self.held = Some(Held {
            states,
            hash: self.named.states.clone(),
            version: self.named.version,
            as_of: self.at,
            steps,
            packed: OnceLock::new(),
        });
    }
}
