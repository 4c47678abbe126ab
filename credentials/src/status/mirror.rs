//! Whole lists of all issuers, kept in memory: nobody is asked about one index.

mod cache;
mod issuer;
mod serve;

pub use cache::{Cached, CachedList};

use super::{Changes, Digest, Head, List, ListVersion, Source, State, States, list_hash};
use crate::trust::Trust;
use crate::{Code, Did, Problem, Timestamp};
use issuer::{Issuer, Said};
use std::collections::BTreeMap;

/// Most lists of all issuers that are held, of 256 KiB each: a billion credentials.
pub const HELD_MAX: usize = 1_024;
/// Contradictions of one issuer that are kept, each about another list or word.
const CONFLICTS_MAX: usize = 8;

/// Mirrored lists in memory, fed by signed heads, signed digests and contents by hash, from whomever they come.
///
/// # What counts
///
/// Of each list the newest word of its issuer counts, ordered by (`iat`, version), from heads and digests alike. It names a content
/// by the hash of its states. Whose states are held has the list, under whatever text they were signed: a list that was signed anew
/// without a change is confirmed by the head alone.
///
/// # Age
///
/// The as-of time of a list is the `iat` of the newest word that names the states **held**. While a newer content is not at hand
/// the last good one stays and ages, until whoever decides finds it too old and decides nothing.
///
/// # What is refused
///
/// `stale`: a head before the newest head, or one that says less than was said before it (a lower version later). `status_conflict`:
/// two contents under one version, or changes that do not lead to the content that the same issuer named. The issuer is marked
/// then, with what it signed as evidence ([`Mirror::conflicts`]), and its changes are not believed without the whole list any more.
///
/// A list takes 256 KiB, and as much again as it has under zlib once somebody asked for it.
///
/// # Room
///
/// At most [`HELD_MAX`] lists are held together; one more is `too_large`, and what is held goes on to be renewed.
#[derive(Default)]
pub struct Mirror {
    issuers: BTreeMap<Did, Issuer>,
    conflicts: BTreeMap<Did, Vec<Conflict>>,
}

/// Two things that an issuer signed and that cannot both be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// Who.
    pub issuer: Did,
    /// About which list.
    pub uri: String,
    /// When it was seen first, by our clock.
    pub seen: Timestamp,
    /// The signed texts.
    pub evidence: Vec<String>,
}

/// What came of a head or a digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    /// Whose it was.
    pub issuer: Did,
    /// Whether it said anything that was not known: what gossip passes on.
    pub is_news: bool,
    /// Whether it says that there is a newer head, and no more.
    pub has_more: bool,
    /// Lists of this issuer whose newest content is not at hand.
    pub wanted: Vec<Wanted>,
}

/// A content that is not at hand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Whose list.
    pub issuer: Did,
    /// The newest word about it.
    pub list: ListVersion,
    /// Hash of the states that are held: what a delta may start from.
    pub held: Option<String>,
}

/// A list as an operator sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mirrored {
    /// Whose list.
    pub issuer: Did,
    /// Which.
    pub uri: String,
    /// Version of the content held; none when nothing is.
    pub version: Option<u64>,
    /// When the issuer last said that the content held is the newest.
    pub as_of: Option<Timestamp>,
    /// The newest version the issuer told of.
    pub newest: u64,
    /// When it told of it.
    pub told: Timestamp,
}

impl Mirror {
    /// Takes the signed text of a head. Errors: those of [`Head::open`]; `stale` and `status_conflict` as said above, `too_large` when
    /// its issuer has named more lists than are remembered. Then nothing changes.
    pub fn head(&mut self, text: &str, trust: &Trust, now: Timestamp) -> Result<Heard, Problem> {
        let (head, kid) = Head::opened(text, trust, Some(now))?;
        self.take_head(head, kid, text, now)
    }

    fn take_head(&mut self, head: Head, kid: String, text: &str, now: Timestamp) -> Result<Heard, Problem> {
        let did = head.issuer.clone();
        let known = self.issuers.get(&did).and_then(Issuer::head);
        if known.is_some_and(|known| head.issued < known.issued) {
            return Err(Code::Stale.into());
        }
        let issuer = self.issuers.entry(did.clone()).or_default();
        let taken = issuer.take_head(head, kid, text);
        let is_news = self.settle(&did, taken, text, now)?;
        Ok(self.heard(did, is_news, false))
    }

    /// Takes the signed text of a digest. Its changes are made at once where they start from the states held and lead to those it
    /// names. Errors as for a head; one that is older than what is known is no error and no news.
    pub fn digest(&mut self, text: &str, trust: &Trust, now: Timestamp) -> Result<Heard, Problem> {
        let (digest, kid) = Digest::opened(text, trust, Some(now))?;
        self.take_digest(&digest, kid, text, now)
    }

    fn take_digest(&mut self, digest: &Digest, kid: String, text: &str, now: Timestamp) -> Result<Heard, Problem> {
        let did = digest.issuer.clone();
        let is_marked = self.conflicts.contains_key(&did);
        let issuer = self.issuers.entry(did.clone()).or_default();
        let knows = issuer.head().is_some_and(|head| head.issued >= digest.issued);
        let has_more = digest.lists.is_empty() && !knows;
        let taken = issuer.take_digest(digest, kid, text, is_marked);
        let is_news = self.settle(&did, taken, text, now)?;
        Ok(self.heard(did, is_news || has_more, has_more))
    }

    /// Marks the issuer of a conflict, and forgets one of whom nothing was taken.
    fn settle(&mut self, did: &Did, taken: Result<bool, Said>, text: &str, now: Timestamp) -> Result<bool, Problem> {
        let refused = match taken {
            Ok(is_news) => return Ok(is_news),
            Err(refused) => refused,
        };
        if self.issuers.get(did).is_some_and(Issuer::is_empty) {
            self.issuers.remove(did);
        }
        Err(match refused {
            Said::Refused(problem) => problem,
            Said::Conflict { uri, before } => {
                let evidence = before.into_iter().chain([text.to_owned()]).collect();
                self.mark(did, &uri, evidence, now);
                Problem::new(Code::StatusConflict, uri)
            }
        })
    }

    fn mark(&mut self, did: &Did, uri: &str, evidence: Vec<String>, now: Timestamp) {
        let known = self.conflicts.entry(did.clone()).or_default();
        let is_new = known
            .iter()
            .all(|conflict| conflict.uri != uri || conflict.evidence != evidence);
        if is_new && known.len() < CONFLICTS_MAX {
            known.push(Conflict {
                issuer: did.clone(),
                uri: uri.to_owned(),
                seen: now,
                evidence,
            });
        }
    }

    fn heard(&self, did: Did, is_news: bool, has_more: bool) -> Heard {
        let wanted = self
            .issuers
            .get(&did)
            .map(|issuer| issuer.wanted(&did))
            .unwrap_or_default();
        Heard {
            issuer: did,
            is_news,
            has_more,
            wanted,
        }
    }

    /// Takes the text of a list that its issuer named; checks hash, issuer, signature and states. Errors: `unexpected_message` when
    /// nobody's newest word names this text, `status_conflict` when it is the text and not the states that were named, and those of
    /// [`List::open`].
    pub fn list(&mut self, text: &str, trust: &Trust, now: Timestamp) -> Result<(), Problem> {
        let is_full = self.is_full();
        let hash = list_hash(text);
        let mut refusal = Problem::from(Code::UnexpectedMessage);
        let mut conflict = None;
        // Whoever copies another issuer's hash into its own head must not keep the list from being taken for that one.
        for (did, issuer) in &mut self.issuers {
            let Some(named) = issuer.named_text(&hash, text.len()) else {
                continue;
            };
            match List::open(text, did, trust, now) {
                Ok(list) if list.uri != named.uri => refusal = Problem::new(Code::Malformed, "sub"),
                Ok(_) if is_full && !issuer.holds(&named.uri) => refusal = full(),
                Ok(list) if list.states.hash() == named.states => {
                    issuer.hold(&named.uri, list.states);
                    return Ok(());
                }
                Ok(_) => {
                    let word = issuer.word(&named.uri).map(str::to_owned);
                    conflict = Some((did.clone(), named.uri.clone(), word));
                    refusal = Problem::new(Code::StatusConflict, named.uri);
                }
                Err(problem) => refusal = problem,
            }
        }
        if let Some((did, uri, word)) = conflict {
            self.mark(&did, &uri, word.into_iter().chain([text.to_owned()]).collect(), now);
        }
        Err(refusal)
    }

    /// Takes the states of a list ([`States::pack`]) that its issuer named. `unexpected_message` when they are not those that the
    /// newest word names, or it names none; `too_large` and `malformed` as in [`States::unpack`].
    pub fn states(&mut self, issuer: &Did, uri: &str, packed: &[u8]) -> Result<(), Problem> {
        let is_full = self.is_full();
        let named = self.issuers.get_mut(issuer).ok_or(Code::UnexpectedMessage)?;
        if is_full && !named.holds(uri) {
            return Err(full());
        }
        let states = States::unpack(packed)?;
        if named.named(uri).is_none_or(|list| list.states != states.hash()) {
            return Err(Code::UnexpectedMessage.into());
        }
        named.hold(uri, states);
        Ok(())
    }

    /// Takes what changed between the states held and those that the issuer's newest word names ([`Changes::to_bytes`]).
    /// `unexpected_message` when they do not lead there, which is whoever gave them lying or being late, not the issuer.
    pub fn delta(&mut self, issuer: &Did, uri: &str, changes: &[u8]) -> Result<(), Problem> {
        let changes = Changes::parse(changes)?;
        let named = self.issuers.get_mut(issuer).ok_or(Code::UnexpectedMessage)?;
        if named.change(uri, &changes) {
            Ok(())
        } else {
            Err(Code::UnexpectedMessage.into())
        }
    }

    /// Forgets all that was taken from an issuer that is no longer listed, one of whose keys was found to be compromised, or the key
    /// of whose newest word does not count for when it was signed. Otherwise whoever had the key could have set a version that the true
    /// issuer never reaches. A key that was used before and has left the list since, as keys do that have ended, takes nothing with
    /// it: the newest word says all that counts. To be called with every new trust document; returns who was forgotten.
    pub fn review(&mut self, trust: &Trust) -> Vec<Did> {
        let stands = |did: &Did, issuer: &Issuer| {
            let Some(organisation) = trust.organisation(did) else {
                return false;
            };
            let newest = issuer.keys().map(|(_, at)| at).max();
            issuer.keys().all(|(kid, at)| match organisation.key(kid) {
                Ok(key) if key.compromised.is_some() => false,
                _ => Some(at) != newest || organisation.key_at(kid, at).is_ok(),
            })
        };
        let gone: Vec<Did> = self
            .issuers
            .iter()
            .filter(|(did, issuer)| !stands(did, issuer))
            .map(|(did, _)| did.clone())
            .collect();
        for did in &gone {
            self.issuers.remove(did);
            self.conflicts.remove(did);
        }
        for (did, issuer) in &mut self.issuers {
            if let Some(organisation) = trust.organisation(did) {
                issuer.retain_keys(|kid| organisation.key(kid).is_ok());
            }
        }
        gone
    }

    fn is_full(&self) -> bool {
        self.issuers.values().map(Issuer::held).sum::<usize>() >= HELD_MAX
    }

    /// The newest head of each issuer.
    pub fn heads(&self) -> Vec<Head> {
        self.issuers.values().filter_map(Issuer::head).cloned().collect()
    }

    /// Whether there is a head of an issuer.
    pub fn has_head(&self, issuer: &Did) -> bool {
        self.issuers.get(issuer).is_some_and(|issuer| issuer.head().is_some())
    }

    /// Every list, with what is held of it.
    pub fn lists(&self) -> Vec<Mirrored> {
        self.issuers
            .iter()
            .flat_map(|(did, issuer)| issuer.lists(did))
            .collect()
    }

    /// All contents that are not at hand.
    pub fn wanted(&self) -> Vec<Wanted> {
        self.issuers
            .iter()
            .flat_map(|(did, issuer)| issuer.wanted(did))
            .collect()
    }

    /// What issuers contradicted themselves in: of each the first eight.
    pub fn conflicts(&self) -> Vec<Conflict> {
        self.conflicts.values().flatten().cloned().collect()
    }

    /// Bytes that the lists, and what goes along with them, take in memory.
    pub fn bytes(&self) -> usize {
        self.issuers.values().map(Issuer::bytes).sum()
    }
}

fn full() -> Problem {
    Problem::new(Code::TooLarge, "mirror")
}

impl Source for Mirror {
    fn state(&self, issuer: &Did, uri: &str, index: u32) -> Option<(State, Timestamp)> {
        self.issuers.get(issuer)?.state(uri, index)
    }
}
