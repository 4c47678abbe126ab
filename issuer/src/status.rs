//! Status: which entries copies have, what state they are in, and what is published about them.
//!
//! [`entries`](Lists::allocate) are given out here; `publish` signs texts, heads and digests; `daily` queues the endings that can wait
//! and publishes them once a day among decoys.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use credentials::status::{CHANGES_MAX, ENTRIES, Source, State, States, Steps};
use credentials::{Did, Random, Timestamp, random};

use crate::tables::{ListRecord, PaddingRecord, Position, Secret, Tables};
use crate::{Error, Settings, epoch};
use order::Order;
use publish::{Outgoing, Text};

mod daily;
mod order;
mod publish;

pub use daily::Endings;
pub use publish::ListInfo;

/// Lists that are open at a time: the copies of one credential are spread over them.
const OPEN_LISTS: usize = 2;
/// Lists that are published before entries are given out of them, so that every mirror has the list when its first entry is
/// shown.
const SPARE_LISTS: usize = 1;
/// Entries of every list that are never given out, an eighth: they are the decoys among the endings of each day, two times 64 a
/// day for a thousand days.
const RESERVE: u32 = ENTRIES / 8;
/// Entries of a list that are given out.
const ROOM: u32 = ENTRIES - RESERVE;

/// All lists of the issuer, with what is published of them.
pub(crate) struct Lists {
    lists: BTreeMap<u32, List>,
    /// Numbers of the lists that entries are given out of.
    open: Vec<u32>,
    epoch: u32,
    outgoing: Outgoing,
}

struct List {
    record: ListRecord,
    padding: PaddingRecord,
    order: Option<Order>,
    states: States,
    /// Hash of `states`.
    hash: String,
    /// `states` under zlib, once somebody asked.
    packed: OnceLock<Vec<u8>>,
    /// The states with the endings that wait to be published; none when none wait.
    ahead: Option<States>,
    /// This process has begun a version by the clock: nobody has seen a higher one.
    is_lifted: bool,
    text: Option<Text>,
    /// The text before, for a mirror that is in the middle of it.
    before: Option<Text>,
    /// Changed since a text was signed, at most [`CHANGES_MAX`]; none when there was more.
    fresh: Option<BTreeMap<u32, State>>,
    /// What changed between texts that were signed, oldest first.
    steps: Steps,
    /// Where the changes start from that no digest told of yet.
    untold: Option<String>,
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
            let mut list = List::new(record, states);
            list.padding = tables.padding.read(&id)?.unwrap_or_default();
            for (index, state) in tables.queue.table.group(&id)? {
                let waits = number_of(&index).zip(state_of(&state));
                let Some((index, state)) = waits.filter(|(index, _)| *index < ENTRIES) else {
                    return Err(Error::Unreadable { table: "issuer.queue" });
                };
                list.wait(index, state);
            }
            lists.insert(number, list);
        }
        let open = lists
            .iter()
            .filter(|(_, list)| list.record.epoch == epoch_now && list.record.next < ROOM)
            .map(|(number, _)| *number)
            .take(OPEN_LISTS + SPARE_LISTS)
            .collect();
        Ok(Lists {
            lists,
            open,
            epoch: epoch_now,
            outgoing: Outgoing::default(),
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
            .retain(|number| lists.get(number).is_some_and(|list| list.record.next < ROOM));
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
            self.outgoing.head = None;
        }
    }

    /// Takes over states that are durable now, and the new versions of their lists; `is_lifted`: these were begun by the clock.
    pub(crate) fn apply(&mut self, states: &[(Position, State)], raised: &BTreeMap<u32, u64>, is_lifted: bool) {
        for (position, state) in states {
            if let Some(list) = self.lists.get_mut(&position.list) {
                list.set(position.index, *state);
            }
        }
        for (number, version) in raised {
            if let Some(list) = self.lists.get_mut(number) {
                list.record.version = *version;
                list.is_lifted |= is_lifted;
                if let Some(text) = list.text.take() {
                    list.before = Some(text);
                }
                let hash = list.states.hash();
                let before = std::mem::replace(&mut list.hash, hash);
                if before != list.hash {
                    list.packed = OnceLock::new();
                    list.untold.get_or_insert(before);
                }
                self.outgoing.head = None;
            }
        }
    }

    /// Has every list begin a new version before it is published again: another key signs from now on.
    pub(crate) fn sign_anew(&mut self) {
        for list in self.lists.values_mut() {
            list.is_lifted = false;
            if let Some(text) = list.text.take() {
                list.before = Some(text);
            }
        }
        self.outgoing.head = None;
    }

    /// The record of a list that went through a round of the daily publication.
    pub(crate) fn padded(&self, number: u32, round: Timestamp) -> Option<PaddingRecord> {
        let list = self.lists.get(&number)?;
        Some(PaddingRecord {
            decoys: list.padding.decoys,
            round: Some(round),
        })
    }

    /// Takes over what is durable of it.
    pub(crate) fn note_padded(&mut self, number: u32, padding: PaddingRecord) {
        if let Some(list) = self.lists.get_mut(&number) {
            list.padding = padding;
        }
    }

    /// Takes over endings that are durably queued.
    pub(crate) fn queue(&mut self, queued: &[(Position, State)]) {
        for (position, state) in queued {
            if let Some(list) = self.lists.get_mut(&position.list) {
                list.wait(position.index, *state);
            }
        }
    }

    /// The state of an entry as the issuer itself knows it: an ending that is not published yet has happened.
    pub(crate) fn state(&self, settings: &Settings, list: &str, index: u32) -> Option<State> {
        let number: u32 = list.strip_prefix(&settings.status_base)?.parse().ok()?;
        if uri(settings, number) != list {
            return None;
        }
        let list = self.lists.get(&number)?;
        list.ahead.as_ref().unwrap_or(&list.states).get(index)
    }

    /// The same, by its place.
    pub(crate) fn state_at(&self, position: Position) -> Option<State> {
        let list = self.lists.get(&position.list)?;
        list.ahead.as_ref().unwrap_or(&list.states).get(position.index)
    }

    /// What the lists say of an entry, whatever the issuer itself knows.
    pub(crate) fn published(&self, position: Position) -> Option<State> {
        self.lists.get(&position.list)?.states.get(position.index)
    }

    /// Whether an ending of this entry waits to be published.
    pub(crate) fn is_waiting(&self, position: Position) -> bool {
        self.lists.get(&position.list).is_some_and(|list| {
            let ahead = list.ahead.as_ref();
            ahead.is_some_and(|ahead| ahead.get(position.index) != list.states.get(position.index))
        })
    }
}

impl List {
    fn new(record: ListRecord, states: States) -> List {
        List {
            record,
            padding: PaddingRecord::default(),
            order: None,
            hash: states.hash(),
            packed: OnceLock::new(),
            states,
            ahead: None,
            is_lifted: false,
            text: None,
            before: None,
            fresh: Some(BTreeMap::new()),
            steps: Steps::default(),
            untold: None,
        }
    }

    fn set(&mut self, index: u32, state: State) {
        self.states.set(index, state);
        if let Some(ahead) = &mut self.ahead {
            ahead.set(index, state);
        }
        if let Some(fresh) = &mut self.fresh {
            fresh.insert(index, state);
        }
        if self.fresh.as_ref().is_some_and(|fresh| fresh.len() > CHANGES_MAX) {
            self.fresh = None;
        }
    }

    fn wait(&mut self, index: u32, state: State) {
        self.ahead.get_or_insert_with(|| self.states.clone()).set(index, state);
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
