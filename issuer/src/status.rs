//! Status: which entries copies have, what state they are in, and what is published about them.

use std::collections::{BTreeMap, BTreeSet};

use credentials::protocol::status::{Ask, CHUNK, Reply};
use credentials::status::{ENTRIES, Head, ListVersion, Source, State, States, list_hash};
use credentials::{Code, Did, Problem, Random, Timestamp, key::Signer, random};
use serde::Serialize;

use crate::tables::{ListRecord, Position, Secret, Tables};
use crate::{Error, Issuer, Settings, epoch};
use order::Order;

mod order;

/// How long a list's text is good for, in seconds: a day, so that a mirror that has it need not fetch it again every hour.
const LIST_LIFETIME: i64 = 86_400;
/// Age at which a list's text is signed anew, in seconds: a quarter of its life, so that nobody is left with an expired one.
const LIST_AGE_MAX: i64 = LIST_LIFETIME / 4;
/// How long a head is good for, in seconds: what it says is relied on this long after its issuer fell silent.
const HEAD_LIFETIME: i64 = 3_600;
/// Age at which a head is signed anew when it is asked for, in seconds: mirrors ask every 5 seconds.
const HEAD_AGE_MAX: i64 = 5;
/// Lists that are open at a time: the copies of one credential are spread over them.
const OPEN_LISTS: usize = 2;
/// Lists that are published before entries are given out of them, so that every mirror has the list when its first entry is
/// shown.
const SPARE_LISTS: usize = 1;

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
    /// Entries that were given out, of 2^20.
    pub used: u32,
    /// Whether entries are still given out.
    pub open: bool,
}

/// All lists of the issuer, with what is published of them.
pub(crate) struct Lists {
    lists: BTreeMap<u32, List>,
    /// Numbers of the lists that entries are given out of.
    open: Vec<u32>,
    epoch: u32,
    head: Option<SignedHead>,
    asked: bool,
}

struct List {
    record: ListRecord,
    order: Option<Order>,
    states: States,
    /// This process has begun a version by the clock: nobody has seen a higher one.
    is_lifted: bool,
    text: Option<Text>,
    /// The text before, for a mirror that is in the middle of it.
    before: Option<Text>,
}

struct Text {
    text: String,
    hash: String,
    issued: Timestamp,
}

struct SignedHead {
    jws: String,
    issued: Timestamp,
}

impl Lists {
    /// Reads the lists; those of an earlier epoch give out no entries any more.
    pub(crate) fn open(tables: &Tables, epoch_now: u32) -> Result<Lists, Error> {
        let mut lists = BTreeMap::new();
        for (id, record) in tables.lists.all::<ListRecord>()? {
            let number = number_of(&id).ok_or(Error::Unreadable { table: "issuer.lists" })?;
            let mut states = States::new();
            if let Some(unknown) = tables.unknown.table.get(&id)? {
                for index in epoch::entries(&unknown) {
                    states.set(index, State::Revoked);
                }
            }
            for (index, state) in tables.states.table.group(&id)? {
                let set = number_of(&index)
                    .zip(state_of(&state))
                    .is_some_and(|(index, state)| states.set(index, state));
                if !set {
                    return Err(Error::Unreadable { table: "issuer.states" });
                }
            }
            lists.insert(number, List::new(record, states));
        }
        let open = lists
            .iter()
            .filter(|(_, list)| list.record.epoch == epoch_now && list.record.next < ENTRIES)
            .map(|(number, _)| *number)
            .take(OPEN_LISTS + SPARE_LISTS)
            .collect();
        Ok(Lists {
            lists,
            open,
            epoch: epoch_now,
            head: None,
            asked: false,
        })
    }

    /// The record of a list.
    pub(crate) fn record(&self, number: u32) -> Option<&ListRecord> {
        self.lists.get(&number).map(|list| &list.record)
    }

    /// Gives out `count` entries, spread over the open lists, and adds the lists whose records must be written.
    ///
    /// What was given out is never given out again by this process, even if the write fails.
    pub(crate) fn allocate(
        &mut self,
        count: u16,
        random: &mut dyn Random,
        touched: &mut BTreeSet<u32>,
    ) -> Vec<Position> {
        let mut choice = u64::from_be_bytes(random::bytes(random));
        (0..count)
            .map(|_| {
                let which = usize::from(choice & 1 == 1);
                choice = choice.rotate_right(1);
                let number = self.open_list(which, random);
                touched.insert(number);
                let list = self
                    .lists
                    .entry(number)
                    .or_insert_with(|| List::new(ListRecord::begin(self.epoch, random), States::new()));
                let order = list.order.get_or_insert_with(|| Order::new(&list.record.key.0));
                let index = order.at(list.record.next);
                list.record.next = list.record.next.saturating_add(1);
                Position { list: number, index }
            })
            .collect()
    }

    /// The number of an open list with room.
    fn open_list(&mut self, which: usize, random: &mut dyn Random) -> u32 {
        self.begin(random);
        self.open.get(which).copied().unwrap_or_default()
    }

    /// Begins lists until as many are open as there should be.
    pub(crate) fn begin(&mut self, random: &mut dyn Random) {
        let lists = &self.lists;
        self.open
            .retain(|number| lists.get(number).is_some_and(|list| list.record.next < ENTRIES));
        while self.open.len() < OPEN_LISTS + SPARE_LISTS {
            let is_first = self.epoch > 0 && !self.lists.values().any(|list| list.record.epoch == self.epoch);
            let jump = if is_first { epoch::jump(random) } else { 1 };
            let number = match self.lists.last_key_value() {
                Some((last, _)) => last.checked_add(jump).unwrap_or_else(|| last.saturating_add(1)),
                // A backup may be older than its home's first list: what that home published from 0 on is not known here.
                None if is_first => jump,
                None => 0,
            };
            let list = List::new(ListRecord::begin(self.epoch, random), States::new());
            self.lists.insert(number, list);
            self.open.push(number);
            self.head = None;
        }
    }

    /// Takes over states that are durable now, and the new versions of their lists; `is_lifted`: these were begun by the clock.
    pub(crate) fn apply(&mut self, states: &[(Position, State)], raised: &BTreeMap<u32, u64>, is_lifted: bool) {
        for (position, state) in states {
            if let Some(list) = self.lists.get_mut(&position.list) {
                list.states.set(position.index, *state);
            }
        }
        for (number, version) in raised {
            if let Some(list) = self.lists.get_mut(number) {
                list.record.version = *version;
                list.is_lifted |= is_lifted;
                if let Some(text) = list.text.take() {
                    list.before = Some(text);
                }
                self.head = None;
            }
        }
    }

    /// Lists that need a new version before they are published: those whose text is too old, and those that this process has
    /// not lifted yet, because an earlier process may have published their version with another text.
    fn outdated(&self, now: Timestamp) -> BTreeSet<u32> {
        self.lists
            .iter()
            .filter(|(_, list)| match &list.text {
                Some(text) => now.since(text.issued) >= LIST_AGE_MAX,
                None => !list.is_lifted,
            })
            .map(|(number, _)| *number)
            .collect()
    }

    /// Signs what is not signed: texts of lists, and the head.
    fn publish(&mut self, now: Timestamp, settings: &Settings, signer: &dyn Signer) -> Result<&str, Problem> {
        for (number, list) in &mut self.lists {
            if list.text.is_none() {
                let uri = uri(settings, *number);
                let text = list
                    .states
                    .sign(&uri, &settings.did, &settings.kid, now, LIST_LIFETIME, signer)?;
                list.text = Some(Text {
                    hash: list_hash(&text),
                    text,
                    issued: now,
                });
            }
        }
        // A clock that was set back must not keep an old head alive.
        let head = self
            .head
            .take()
            .filter(|head| (0..HEAD_AGE_MAX).contains(&now.since(head.issued)));
        let head = match head {
            Some(head) => head,
            None => {
                self.asked = false;
                let lists = self
                    .lists
                    .iter()
                    .filter_map(|(number, list)| {
                        let text = list.text.as_ref()?;
                        Some(ListVersion {
                            uri: uri(settings, *number),
                            version: list.record.version,
                            hash: text.hash.clone(),
                            size: u32::try_from(text.text.len()).ok()?,
                        })
                    })
                    .collect();
                let head = Head {
                    issuer: settings.did.clone(),
                    issued: now,
                    expires: now.plus(HEAD_LIFETIME),
                    lists,
                };
                SignedHead {
                    jws: head.sign(&settings.kid, signer)?,
                    issued: now,
                }
            }
        };
        Ok(&self.head.insert(head).jws)
    }

    /// A piece of a text that a head named.
    fn chunk(&self, hash: &str, offset: u32) -> Reply {
        let text = self
            .lists
            .values()
            .flat_map(|list| [&list.text, &list.before])
            .flatten()
            .find(|text| text.hash == hash);
        let Some(text) = text else {
            return Reply::Problem(Code::StatusMissing.into());
        };
        let bytes = text.text.as_bytes();
        let from = usize::try_from(offset).unwrap_or(usize::MAX);
        match (u32::try_from(bytes.len()), bytes.get(from..)) {
            (Ok(total), Some(rest)) if !rest.is_empty() => Reply::Chunk {
                total,
                bytes: rest.iter().take(CHUNK).copied().collect(),
            },
            _ => Reply::Problem(Problem::new(Code::Malformed, "offset")),
        }
    }

    /// The state of an entry.
    pub(crate) fn state(&self, settings: &Settings, list: &str, index: u32) -> Option<State> {
        let number: u32 = list.strip_prefix(&settings.status_base)?.parse().ok()?;
        if uri(settings, number) != list {
            return None;
        }
        self.lists.get(&number)?.states.get(index)
    }
}

impl List {
    fn new(record: ListRecord, states: States) -> List {
        List {
            record,
            order: None,
            states,
            is_lifted: false,
            text: None,
            before: None,
        }
    }
}

impl ListRecord {
    fn begin(epoch: u32, random: &mut dyn Random) -> ListRecord {
        ListRecord {
            key: Secret(random::bytes(random)),
            next: 0,
            version: 1,
            epoch,
        }
    }
}

/// Where a list is published.
pub(crate) fn uri(settings: &Settings, list: u32) -> String {
    format!("{}{list}", settings.status_base)
}

/// Status for credentials that are shown to the issuer: of its own lists by itself, of others by the mirror.
pub(crate) struct OwnAndMirror<'a> {
    pub(crate) lists: &'a Lists,
    pub(crate) settings: &'a Settings,
    pub(crate) now: Timestamp,
    pub(crate) mirror: &'a dyn Source,
}

impl Source for OwnAndMirror<'_> {
    fn state(&self, issuer: &Did, uri: &str, index: u32) -> Option<(State, Timestamp)> {
        if *issuer == self.settings.did {
            let state = self.lists.state(self.settings, uri, index)?;
            Some((state, self.now))
        } else {
            self.mirror.state(issuer, uri, index)
        }
    }
}

/// The lowest version that a list may have from an instant on. Versions begun in one process rise by one from there, and a
/// million of them in a second are never reached, so that a store restored from any backup goes on above what mirrors saw.
/// Fits the 53 bits that JSON numbers are exact in until the year 2242.
fn version_at(now: Timestamp) -> u64 {
    u64::try_from(now.unix()).unwrap_or(0).saturating_mul(VERSIONS_A_SECOND)
}

fn number_of(bytes: &[u8]) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.try_into().ok()?))
}

fn state_of(bytes: &[u8]) -> Option<State> {
    match bytes {
        [1] => Some(State::Revoked),
        [2] => Some(State::Suspended),
        [3] => Some(State::Superseded),
        _ => None,
    }
}

impl Issuer {
    /// Answers whoever mirrors the status lists.
    ///
    /// Everything is cached: at most one head is signed in 5 seconds, whoever asks, unless a state changed.
    pub fn receive_status(&mut self, now: Timestamp, ask: Ask) -> Reply {
        match ask {
            Ask::Head => match self.publish(now) {
                Ok(head) => {
                    let head = head.to_owned();
                    self.lists.asked = true;
                    Reply::Head { head }
                }
                Err(error) => Reply::Problem(self.failed(error)),
            },
            Ask::Chunk { hash, offset } => self.lists.chunk(&hash, offset),
        }
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

    /// Signs anew if somebody asked since the last time.
    pub(crate) fn publish_if_asked(&mut self, now: Timestamp) -> Result<(), Error> {
        if self.lists.asked {
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
