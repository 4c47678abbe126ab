//! What leaves the issuer about its lists: texts, heads, digests, and answers to whoever mirrors.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use credentials::protocol::status::{Ask, CHUNK, Purpose, Reply};
use credentials::status::{Changes, Digest, Head, ListVersion, News, Signing, list_hash};
use credentials::{Code, Problem, Timestamp, key::Signer};
use serde::Serialize;

use super::{List, Lists, uri};
use crate::{Error, Issuer, Settings};

/// How long a list's text is good for, in seconds: a day, so that who has it can go by it that long.
const LIST_LIFETIME: i64 = 86_400;
/// Age at which a list's text is signed anew although nothing changed, in seconds.
const LIST_AGE_MAX: i64 = 3_600;
/// Lists that are signed anew together for their age alone: some 50 ms each at worst, and others wait meanwhile.
const RESIGN_TOGETHER: usize = 4;
/// How long a head is taken by whoever did not have it, in seconds: a day. It ages all the same: verdicts go by its `iat`.
const HEAD_LIFETIME: i64 = 86_400;
/// Age at which a head is signed anew when it is asked for, in seconds: mirrors ask every 5 seconds.
const HEAD_AGE_MAX: i64 = 5;
/// How long a digest is passed on, in seconds: who hears of it later pulls the head anyway.
const DIGEST_LIFETIME: i64 = 900;
/// Most digests in a minute: everybody drops an origin's messages beyond ten, and heads of the trust list and notices are among
/// them. What happens faster goes together into the next.
const DIGESTS_A_MINUTE: usize = 8;
/// Most lists that one digest names; of more it says only that there is a newer head.
const DIGEST_LISTS_MAX: usize = 6;
/// What versions rise by in a second of the clock: 2^20, more than can be made durable.
const VERSIONS_A_SECOND: u64 = 1 << 20;

/// A status list as an operator sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ListInfo {
    /// Where it is published.
    pub uri: String,
    /// Version of the newest text.
    pub version: u64,
    /// When that text was signed; none when nobody has asked for it yet.
    pub published: Option<Timestamp>,
    /// Entries that were given out, of 2^20; an eighth of these is never given out.
    pub used: u32,
    /// Entries never given out that were set so that endings are not counted.
    pub decoys: u32,
    /// Whether entries are still given out.
    pub open: bool,
}

pub(super) struct Text {
    text: String,
    hash: String,
    issued: Timestamp,
    bitstrings: BTreeMap<&'static str, String>,
}

/// A head as it was signed.
pub(super) struct SignedHead {
    jws: String,
    issued: Timestamp,
}

/// What goes out of all lists together.
#[derive(Default)]
pub(super) struct Outgoing {
    pub(super) head: Option<SignedHead>,
    asked: bool,
    /// When digests were signed in the last minute.
    told: VecDeque<Timestamp>,
}

impl Lists {
    /// Lists that need a new version before they are published: those whose text is old, a few at a time, and those that this
    /// process has not lifted yet, because an earlier process may have published their version with another text.
    fn outdated(&self, now: Timestamp) -> BTreeSet<u32> {
        let mut old: Vec<(Timestamp, u32)> = Vec::new();
        let mut outdated = BTreeSet::new();
        for (number, list) in &self.lists {
            match &list.text {
                // A clock that was set back must not keep an old text alive.
                Some(text) if !(0..LIST_AGE_MAX).contains(&now.since(text.issued)) => old.push((text.issued, *number)),
                Some(_) => {}
                None if list.is_lifted => {}
                None => {
                    outdated.insert(*number);
                }
            }
        }
        old.sort_unstable();
        outdated.extend(old.into_iter().take(RESIGN_TOGETHER).map(|(_, number)| number));
        outdated
    }

    /// Signs what is not signed: texts of lists, and the head.
    fn publish(&mut self, now: Timestamp, settings: &Settings, signer: &dyn Signer) -> Result<&str, Problem> {
        for (number, list) in &mut self.lists {
            if list.text.is_none() {
                let uri = uri(settings, *number);
                let text = list.states.sign(&uri, &signing(now, settings, signer))?;
                list.text = Some(Text {
                    hash: list_hash(&text),
                    text,
                    issued: now,
                    bitstrings: BTreeMap::new(),
                });
                list.step();
            }
        }
        // A clock that was set back must not keep an old head alive.
        let head = self
            .outgoing
            .head
            .take()
            .filter(|head| (0..HEAD_AGE_MAX).contains(&now.since(head.issued)));
        let head = match head {
            Some(head) => head,
            None => {
                self.outgoing.asked = false;
                let lists = self.lists.iter();
                let head = Head {
                    issuer: settings.did.clone(),
                    issued: now,
                    expires: now.plus(HEAD_LIFETIME),
                    lists: lists
                        .filter_map(|(number, list)| list.version(uri(settings, *number)))
                        .collect(),
                };
                SignedHead {
                    jws: head.sign(&settings.kid, signer)?,
                    issued: now,
                }
            }
        };
        Ok(&self.outgoing.head.insert(head).jws)
    }

    /// A digest of all that changed since the one before, signed; none when nothing did.
    fn digest(&mut self, now: Timestamp, settings: &Settings, signer: &dyn Signer) -> Result<Option<String>, Problem> {
        let changed: Vec<(u32, News)> = self
            .lists
            .iter()
            .filter_map(|(number, list)| Some((*number, list.news(uri(settings, *number))?)))
            .collect();
        if changed.is_empty() {
            return Ok(None);
        }
        let mut digest = Digest {
            issuer: settings.did.clone(),
            issued: now,
            expires: now.plus(DIGEST_LIFETIME),
            lists: changed.iter().map(|(_, news)| news.clone()).collect(),
        };
        if digest.lists.len() > DIGEST_LISTS_MAX {
            digest.lists.clear();
        }
        let text = loop {
            match digest.sign(&settings.kid, signer) {
                Ok(text) => break text,
                Err(problem) if problem.code == Code::TooLarge && !digest.lists.is_empty() => {
                    let count = |news: &&mut News| news.changes.as_ref().map_or(0, Changes::len);
                    match digest.lists.iter_mut().max_by_key(count) {
                        Some(longest) if longest.changes.is_some() => longest.changes = None,
                        _ => digest.lists.clear(),
                    }
                }
                Err(problem) => return Err(problem),
            }
        };
        for (number, _) in changed {
            if let Some(list) = self.lists.get_mut(&number) {
                list.untold = None;
            }
        }
        Ok(Some(text))
    }

    /// A piece of a content that a head named.
    fn chunk(&self, hash: &str, offset: u32) -> Reply {
        let mut texts = self
            .lists
            .values()
            .flat_map(|list| [&list.text, &list.before])
            .flatten();
        let content = match texts.find(|text| text.hash == hash) {
            Some(text) => text.text.as_bytes(),
            None => match self.lists.values().find(|list| list.hash == hash).map(List::packed) {
                Some(Ok(packed)) => packed,
                Some(Err(problem)) => return Reply::Problem(problem),
                None => return Reply::Problem(Code::StatusMissing.into()),
            },
        };
        let from = usize::try_from(offset).unwrap_or(usize::MAX);
        match (u32::try_from(content.len()), content.get(from..)) {
            (Ok(total), Some(rest)) if !rest.is_empty() => Reply::Chunk {
                total,
                bytes: rest.iter().take(CHUNK).copied().collect(),
            },
            _ => Reply::Problem(Problem::new(Code::Malformed, "offset")),
        }
    }

    /// All that changed in a list between two contents that were published.
    fn delta(&self, settings: &Settings, list: &str, from: &str, to: &str) -> Option<Changes> {
        let (_, list) = self.lists.iter().find(|(number, _)| uri(settings, **number) == list)?;
        list.steps.between(from, to)
    }

    /// A list as Bitstring list, signed once per version.
    fn bitstring(
        &mut self,
        now: Timestamp,
        settings: &Settings,
        list: &str,
        purpose: Purpose,
        signer: &dyn Signer,
    ) -> Result<String, Problem> {
        let found = self
            .lists
            .iter_mut()
            .find(|(number, _)| uri(settings, **number) == list);
        let (_, found) = found.ok_or(Code::StatusMissing)?;
        let text = found.text.as_mut().ok_or(Code::StatusMissing)?;
        if let Some(signed) = text.bitstrings.get(purpose.as_str()) {
            return Ok(signed.clone());
        }
        let states = &found.states;
        let signed = states.sign_bitstring(purpose, list, &signing(now, settings, signer))?;
        text.bitstrings.insert(purpose.as_str(), signed.clone());
        Ok(signed)
    }
}

fn signing<'a>(now: Timestamp, settings: &'a Settings, signer: &'a dyn Signer) -> Signing<'a> {
    Signing {
        issuer: &settings.did,
        kid: &settings.kid,
        signer,
        now,
        lifetime: LIST_LIFETIME,
    }
}

impl List {
    /// Its states under zlib, packed once for all who ask.
    fn packed(&self) -> Result<&[u8], Problem> {
        match self.packed.get() {
            Some(packed) => Ok(packed),
            None => {
                let packed = self.states.pack()?;
                Ok(self.packed.get_or_init(|| packed))
            }
        }
    }

    /// What a head says of it, once its text is signed.
    fn version(&self, uri: String) -> Option<ListVersion> {
        let text = self.text.as_ref()?;
        Some(ListVersion {
            uri,
            version: self.record.version,
            hash: text.hash.clone(),
            size: u32::try_from(text.text.len()).ok()?,
            states: self.hash.clone(),
        })
    }

    /// What a digest says of it, when there is anything untold.
    fn news(&self, uri: String) -> Option<News> {
        let from = self.untold.clone()?;
        Some(News {
            list: self.version(uri)?,
            changes: self.steps.between(&from, &self.hash),
            from,
        })
    }

    /// Notes what changed since the text before, now that it is published.
    fn step(&mut self) {
        let changes = self.fresh.replace(BTreeMap::new());
        let from = self.steps.last().map(str::to_owned).or_else(|| self.untold.clone());
        match (from, changes.and_then(Changes::new)) {
            (Some(from), _) if from == self.hash => {}
            (Some(from), Some(changes)) => {
                self.steps.push(from, self.hash.clone(), changes);
            }
            _ => self.steps.clear(),
        }
    }
}

/// The lowest version that a list may have from an instant on. Versions begun in one process rise by one from there, and a
/// million of them in a second are never reached, so that a store restored from any backup goes on above what mirrors saw.
/// Fits the 53 bits that JSON numbers are exact in until the year 2242.
fn version_at(now: Timestamp) -> u64 {
    u64::try_from(now.unix()).unwrap_or(0).saturating_mul(VERSIONS_A_SECOND)
}

impl Issuer {
    /// Answers whoever mirrors the status lists. `status_missing` for what is not this issuer's, or not known any more.
    ///
    /// Everything is cached: at most one head is signed in 5 seconds, whoever asks, unless a state changed.
    pub fn receive_status(&mut self, now: Timestamp, ask: Ask) -> Reply {
        match ask {
            Ask::Head => match self.publish(now) {
                Ok(head) => {
                    let head = head.to_owned();
                    self.lists.outgoing.asked = true;
                    Reply::Head { head }
                }
                Err(error) => Reply::Problem(self.failed(error)),
            },
            Ask::HeadOf { issuer } if issuer == self.settings.did => match self.receive_status(now, Ask::Head) {
                // A head signed now says all that a digest before it said.
                Reply::Head { head } => Reply::News {
                    head,
                    digests: Vec::new(),
                },
                other => other,
            },
            Ask::HeadOf { .. } => Reply::Problem(Code::StatusMissing.into()),
            Ask::Chunk { hash, offset } => self.lists.chunk(&hash, offset),
            Ask::Delta { issuer, uri, from, to } => {
                let is_own = issuer == self.settings.did;
                let changes = self.lists.delta(&self.settings, &uri, &from, &to).filter(|_| is_own);
                match changes {
                    Some(changes) => Reply::Delta {
                        changes: changes.to_bytes(),
                    },
                    None => Reply::Problem(Code::StatusMissing.into()),
                }
            }
            Ask::Bitstring { uri, purpose } => match self.bitstring(now, &uri, purpose) {
                Ok(credential) => Reply::Bitstring { credential },
                Err(error) => Reply::Problem(self.failed(error)),
            },
        }
    }

    /// A list as a signed `BitstringStatusListCredential` (JSON): `status_missing` when there is no such list.
    pub fn bitstring(&mut self, now: Timestamp, list: &str, purpose: Purpose) -> Result<String, Error> {
        self.publish(now)?;
        let lists = &mut self.lists;
        lists
            .bitstring(now, &self.settings, list, purpose, self.signer.as_ref())
            .map_err(|problem| match problem.code {
                Code::StatusMissing => Error::Refused(problem),
                _ => Error::Signing(problem),
            })
    }

    /// Digests to be told to everybody by gossip, of what changed and is durable. To be called after whatever may have changed a
    /// state and with every tick: beyond 8 in a minute, changes wait and go together. Empty when nothing is to be told.
    pub fn take_digests(&mut self, now: Timestamp) -> Result<Vec<String>, Error> {
        let told = &mut self.lists.outgoing.told;
        told.retain(|at| (0..60).contains(&now.since(*at)));
        if told.len() >= DIGESTS_A_MINUTE || self.lists.lists.values().all(|list| list.untold.is_none()) {
            return Ok(Vec::new());
        }
        self.publish(now)?;
        let digest = self
            .lists
            .digest(now, &self.settings, self.signer.as_ref())
            .map_err(Error::Signing)?;
        if digest.is_some() {
            self.lists.outgoing.told.push_back(now);
        }
        Ok(digest.into_iter().collect())
    }

    /// Every status list.
    pub fn lists(&self) -> Vec<ListInfo> {
        let lists = &self.lists.lists;
        lists
            .iter()
            .map(|(number, list)| ListInfo {
                uri: uri(&self.settings, *number),
                version: list.record.version,
                published: list.text.as_ref().map(|text| text.issued),
                used: list.record.next,
                decoys: list.padding.decoys,
                open: self.lists.open.contains(number),
            })
            .collect()
    }

    /// Signs what has to be signed anew by now, and returns the head.
    fn publish(&mut self, now: Timestamp) -> Result<&str, Error> {
        let outdated = self.lists.outdated(now);
        if !outdated.is_empty() {
            self.raise(now, outdated)?;
        }
        self.lists
            .publish(now, &self.settings, self.signer.as_ref())
            .map_err(Error::Signing)
    }

    /// Signs anew if somebody asked since the last time, or a text became old.
    pub(crate) fn publish_if_due(&mut self, now: Timestamp) -> Result<(), Error> {
        let has_texts = self.lists.lists.values().any(|list| list.text.is_some());
        if self.lists.outgoing.asked || (has_texts && !self.lists.outdated(now).is_empty()) {
            self.publish(now)?;
        }
        Ok(())
    }

    /// Durably begins new versions of lists, by the clock: a store that was restored knows not which versions were seen.
    fn raise(&mut self, now: Timestamp, lists: BTreeSet<u32>) -> Result<(), Error> {
        let mut staged = self.stage();
        staged.raised = lists;
        staged.version_min = version_at(now);
        self.commit(staged)
    }
}
