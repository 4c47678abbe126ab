//! The index: every live row, sealed, under a key that reveals nothing.
//!
//! It is sled, or, when sled cannot be used (disk full or read-only), a map in memory. Either can be
//! thrown away: the journal holds everything. With the rows lies a sealed state: the last journal record
//! applied, and a keyed sum over all rows, so that an index that lost or kept the wrong rows is noticed
//! when it is opened.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::path::Path;

use crate::bytes::Reader;
use crate::erasable::KeyId;
use crate::keys::{Keys, Nonce};
use crate::record::Hash;
use crate::row::{RowKey, origin_of};
use crate::sled_tree::SledTree;
use crate::walk::Position;

/// The key of the state; shorter than any row's.
const STATE_KEY: &[u8] = &[0];
const STATE_CONTEXT: &[u8] = b"bevis/store/1/index-state";
/// Rows are read in pages of about this size, so that no scan holds a table in memory.
const PAGE_BYTES: usize = 1 << 20;

/// The index failed, panicked or contradicts itself: it must be rebuilt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Broken;

/// How far the index got, and what it should hold.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) struct State {
    pub(crate) sequence: u64,
    pub(crate) hash: Hash,
    pub(crate) epoch: u32,
    pub(crate) rows: u64,
    sum: [u64; 4],
}

impl State {
    fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(84);
        bytes.extend_from_slice(&self.sequence.to_be_bytes());
        bytes.extend_from_slice(&self.hash);
        bytes.extend_from_slice(&self.epoch.to_be_bytes());
        bytes.extend_from_slice(&self.rows.to_be_bytes());
        for lane in self.sum {
            bytes.extend_from_slice(&lane.to_be_bytes());
        }
        bytes
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let mut r = Reader::new(bytes);
        Some(Self {
            sequence: r.u64()?,
            hash: r.array()?,
            epoch: r.u32()?,
            rows: r.u64()?,
            sum: [r.u64()?, r.u64()?, r.u64()?, r.u64()?],
        })
        .filter(|_| r.is_empty())
    }

    /// The journal record it stands for.
    pub(crate) fn position(&self) -> Position {
        Position {
            sequence: self.sequence,
            hash: self.hash,
            epoch: self.epoch,
        }
    }

    fn add(&mut self, keys: &Keys, row: &[u8], sequence: u64) {
        for (lane, part) in self.sum.iter_mut().zip(row_hash(keys, row, sequence)) {
            *lane = lane.wrapping_add(part);
        }
        self.rows = self.rows.wrapping_add(1);
    }

    fn remove(&mut self, keys: &Keys, row: &[u8], sequence: u64) {
        for (lane, part) in self.sum.iter_mut().zip(row_hash(keys, row, sequence)) {
            *lane = lane.wrapping_sub(part);
        }
        self.rows = self.rows.wrapping_sub(1);
    }
}

/// One row's share of the sum: which row, written by which journal record.
fn row_hash(keys: &Keys, row: &[u8], sequence: u64) -> [u64; 4] {
    let hash = keys.index_sum.hash(&[row, &sequence.to_be_bytes()]);
    let mut r = Reader::new(&hash);
    std::array::from_fn(|_| r.u64().unwrap_or_default())
}

enum Backing {
    Sled(SledTree),
    Memory(BTreeMap<Vec<u8>, Vec<u8>>),
    /// Given up and not rebuilt yet: every read fails, because an empty answer would be a wrong one.
    Nothing,
}

/// The open index.
pub(crate) struct Index {
    backing: Backing,
    pub(crate) state: State,
    /// Keys of the rows that can be erased, each of one row.
    pub(crate) erasable: BTreeSet<KeyId>,
}

/// A page of rows: index key and sealed value.
pub(crate) type Page = Vec<(Vec<u8>, Vec<u8>)>;

impl Index {
    /// Opens sled and checks that it holds what it says.
    pub(crate) fn open(dir: &Path, keys: &Keys) -> Result<Self, Broken> {
        let mut this = Self {
            backing: Backing::Sled(SledTree::open(dir)?),
            state: State::default(),
            erasable: BTreeSet::new(),
        };
        let Some(sealed) = this.raw(STATE_KEY)? else {
            return if this.page(None, &[])?.is_empty() {
                Ok(this)
            } else {
                Err(Broken)
            };
        };
        this.state = open_state(keys, &sealed).ok_or(Broken)?;
        let mut held = State {
            sequence: this.state.sequence,
            hash: this.state.hash,
            epoch: this.state.epoch,
            ..State::default()
        };
        let mut after = STATE_KEY.to_vec();
        loop {
            let page = this.page(Some(&after), &[])?;
            let Some((last, _)) = page.last() else { break };
            after.clone_from(last);
            for (row, sealed) in &page {
                if row.len() != size_of::<RowKey>() {
                    return Err(Broken);
                }
                let (sequence, erasable) = origin_of(sealed)?;
                held.add(keys, row, sequence);
                this.erasable.extend(erasable);
            }
        }
        if held == this.state { Ok(this) } else { Err(Broken) }
    }

    /// An empty index that lives as long as the process.
    pub(crate) fn in_memory() -> Self {
        Self {
            backing: Backing::Memory(BTreeMap::new()),
            state: State::default(),
            erasable: BTreeSet::new(),
        }
    }

    /// Closes what holds the rows; until a rebuilt index takes its place nothing can be read.
    pub(crate) fn give_up(&mut self) {
        self.backing = Backing::Nothing;
    }

    /// Whether the index is the map in memory.
    pub(crate) fn is_in_memory(&self) -> bool {
        matches!(self.backing, Backing::Memory(_))
    }

    /// Moves the map in memory to sled in an empty folder.
    pub(crate) fn to_sled(&self, dir: &Path) -> Result<Self, Broken> {
        let tree = SledTree::open(dir)?;
        if let Backing::Memory(map) = &self.backing {
            let rows = map.iter().map(|(k, v)| (k.as_slice(), Some(v.as_slice())));
            tree.apply(rows)?;
        }
        Ok(Self {
            backing: Backing::Sled(tree),
            state: self.state,
            erasable: self.erasable.clone(),
        })
    }

    /// The sealed value of a row.
    pub(crate) fn get(&self, row: &RowKey) -> Result<Option<Vec<u8>>, Broken> {
        self.raw(row)
    }

    fn raw(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Broken> {
        match &self.backing {
            Backing::Sled(tree) => tree.get(key),
            Backing::Memory(map) => Ok(map.get(key).cloned()),
            Backing::Nothing => Err(Broken),
        }
    }

    /// Some rows after `after` whose keys start with `prefix`; empty at the end.
    pub(crate) fn page(&self, after: Option<&[u8]>, prefix: &[u8]) -> Result<Page, Broken> {
        match &self.backing {
            Backing::Sled(tree) => tree.page(after, prefix, PAGE_BYTES),
            Backing::Memory(map) => {
                let start = after.map_or(Bound::Included(prefix), Bound::Excluded);
                let mut left = PAGE_BYTES;
                let mut page = Vec::new();
                for (key, value) in map
                    .range::<[u8], _>((start, Bound::Unbounded))
                    .take_while(|(key, _)| key.starts_with(prefix))
                {
                    page.push((key.clone(), value.clone()));
                    left = left.saturating_sub(key.len().saturating_add(value.len()));
                    if left == 0 {
                        break;
                    }
                }
                Ok(page)
            }
            Backing::Nothing => Err(Broken),
        }
    }

    /// Some rows of any table after `after`; empty at the end.
    pub(crate) fn rows_after(&self, after: Option<&[u8]>) -> Result<Page, Broken> {
        self.page(Some(after.unwrap_or(STATE_KEY)), &[])
    }

    /// Number of rows whose keys start with `prefix`.
    pub(crate) fn count(&self, prefix: &[u8]) -> Result<u64, Broken> {
        match &self.backing {
            Backing::Sled(tree) => tree.count(prefix),
            Backing::Memory(map) => Ok(map
                .range::<[u8], _>((Bound::Included(prefix), Bound::Unbounded))
                .take_while(|(key, _)| key.starts_with(prefix))
                .count() as u64),
            Backing::Nothing => Err(Broken),
        }
    }

    /// Writes the changes and the state that goes with them, atomically.
    pub(crate) fn apply(&mut self, keys: &Keys, changes: Changes, nonce: Nonce) -> Result<(), Broken> {
        let state = changes.state;
        let sealed = keys
            .index_state
            .seal(&nonce, STATE_CONTEXT, &state.encode())
            .ok_or(Broken)?;
        let mut record = nonce.to_vec();
        record.extend_from_slice(&sealed);
        match &mut self.backing {
            Backing::Sled(tree) => {
                let rows = changes.rows.iter().map(|(k, v)| (k.as_slice(), v.as_deref()));
                tree.apply(rows.chain([(STATE_KEY, Some(record.as_slice()))]))?;
            }
            Backing::Memory(map) => {
                map.insert(STATE_KEY.to_vec(), record);
                for (key, value) in changes.rows {
                    match value {
                        Some(value) => map.insert(key.to_vec(), value),
                        None => map.remove(key.as_slice()),
                    };
                }
            }
            Backing::Nothing => return Err(Broken),
        }
        self.state = state;
        for key in &changes.freed {
            self.erasable.remove(key);
        }
        self.erasable.extend(changes.taken);
        Ok(())
    }

    /// Bytes on disk, as sled counts them.
    pub(crate) fn bytes(&self) -> u64 {
        match &self.backing {
            Backing::Sled(tree) => tree.bytes(),
            Backing::Memory(_) | Backing::Nothing => 0,
        }
    }
}

/// Changes staged against an index, not yet applied.
pub(crate) struct Changes {
    rows: BTreeMap<RowKey, Option<Vec<u8>>>,
    state: State,
    bytes: usize,
    /// Keys that no row is sealed under any more.
    pub(crate) freed: BTreeSet<KeyId>,
    taken: BTreeSet<KeyId>,
}

impl Changes {
    pub(crate) fn new(index: &Index) -> Self {
        Self {
            rows: BTreeMap::new(),
            state: index.state,
            bytes: 0,
            freed: BTreeSet::new(),
            taken: BTreeSet::new(),
        }
    }

    /// The sealed value a row will have.
    pub(crate) fn get(&self, index: &Index, row: &RowKey) -> Result<Option<Vec<u8>>, Broken> {
        match self.rows.get(row) {
            Some(staged) => Ok(staged.clone()),
            None => index.get(row),
        }
    }

    /// Stages a row's new sealed value, or its deletion. Whether that erases a value.
    pub(crate) fn set(
        &mut self,
        keys: &Keys,
        index: &Index,
        row: RowKey,
        value: Option<Vec<u8>>,
    ) -> Result<bool, Broken> {
        let mut erases = false;
        if let Some(old) = self.get(index, &row)? {
            let (sequence, erasable) = origin_of(&old)?;
            self.state.remove(keys, &row, sequence);
            erases = erasable.is_some();
            if let Some(key) = erasable {
                self.taken.remove(&key);
                self.freed.insert(key);
            }
        }
        if let Some(new) = &value {
            let (sequence, erasable) = origin_of(new)?;
            self.state.add(keys, &row, sequence);
            self.bytes = self.bytes.saturating_add(new.len());
            if let Some(key) = erasable {
                self.freed.remove(&key);
                self.taken.insert(key);
            }
        }
        self.bytes = self.bytes.saturating_add(row.len());
        self.rows.insert(row, value);
        Ok(erases)
    }

    /// Notes that all changes of a journal record are staged.
    pub(crate) fn reached(&mut self, position: &Position) {
        self.state.sequence = position.sequence;
        self.state.hash = position.hash;
        self.state.epoch = position.epoch;
    }

    /// The last journal record staged.
    pub(crate) fn sequence(&self) -> u64 {
        self.state.sequence
    }

    /// Whether nothing is staged.
    pub(crate) fn is_at(&self, index: &Index) -> bool {
        self.state == index.state && self.rows.is_empty()
    }

    /// Bytes staged.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }
}

fn open_state(keys: &Keys, sealed: &[u8]) -> Option<State> {
    let mut r = Reader::new(sealed);
    let nonce = r.array()?;
    State::decode(&keys.index_state.open(&nonce, STATE_CONTEXT, r.rest())?)
}
