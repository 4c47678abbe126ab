//! A disk in memory that tells what is durable from what was only written.
//!
//! Of each file it keeps what is read, what would be there after a power cut, and the writes between the two; of each
//! folder the same of its names. It dies after a given number of changes, in the middle of one where that is a write, and every
//! call fails from then on: the process ended between two writes. It may also be full, or fail to sync.

use crate::dice::Dice;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use store::disk::{Access, Disk, DiskFile, Identity, Lock};

/// Number of the top folder.
const TOP: u64 = 0;

/// How a machine ended.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// The process: what it wrote stays, synced or not.
    Process,
    /// The power: of what was not synced, any part may be there.
    Power,
}

/// The disk; clones are the same disk.
#[derive(Clone)]
pub(crate) struct SimDisk(Arc<Mutex<State>>);

struct State {
    nodes: BTreeMap<u64, Node>,
    next: u64,
    /// Counts processes: a handle of an earlier one is of no use.
    life: u64,
    locked: BTreeSet<PathBuf>,
    /// Changes until it dies.
    left: Option<u64>,
    dead: bool,
    full: bool,
    fails_to_sync: bool,
    /// Whether something failed since it was last asked.
    troubled: bool,
    /// Writes that the last end lost, and that it tore.
    lost: u64,
    torn: u64,
    dice: Dice,
}

enum Node {
    File {
        read: Vec<u8>,
        durable: Vec<u8>,
        unsynced: Vec<Write>,
    },
    Folder {
        read: BTreeMap<OsString, u64>,
        durable: BTreeMap<OsString, u64>,
        /// Changes of names in their order, each whole or not at all.
        unsynced: Vec<Vec<(OsString, Option<u64>)>>,
    },
}

#[derive(Clone)]
enum Write {
    At(u64, Vec<u8>),
    Length(u64),
}

impl Write {
    fn to(&self, content: &mut Vec<u8>) {
        match self {
            Write::At(offset, bytes) => {
                let from = *offset as usize;
                let to = from.saturating_add(bytes.len());
                if content.len() < to {
                    content.resize(to, 0);
                }
                if let Some(place) = content.get_mut(from..to) {
                    place.copy_from_slice(bytes);
                }
            }
            Write::Length(length) => content.resize(*length as usize, 0),
        }
    }
}

fn name_change(names: &mut BTreeMap<OsString, u64>, change: &[(OsString, Option<u64>)]) {
    for (name, node) in change {
        match node {
            Some(node) => names.insert(name.clone(), *node),
            None => names.remove(name),
        };
    }
}

fn empty_folder() -> Node {
    Node::Folder {
        read: BTreeMap::new(),
        durable: BTreeMap::new(),
        unsynced: Vec::new(),
    }
}

fn gone() -> io::Error {
    io::Error::other("the process has ended")
}

fn split(path: &Path) -> io::Result<(&Path, &OsStr)> {
    match (path.parent(), path.file_name()) {
        (Some(parent), Some(name)) => Ok((parent, name)),
        _ => Err(io::ErrorKind::InvalidInput.into()),
    }
}

impl SimDisk {
    pub(crate) fn new(dice: Dice) -> SimDisk {
        SimDisk(Arc::new(Mutex::new(State {
            nodes: BTreeMap::from([(TOP, empty_folder())]),
            next: 1,
            life: 0,
            locked: BTreeSet::new(),
            left: None,
            dead: false,
            full: false,
            fails_to_sync: false,
            troubled: false,
            lost: 0,
            torn: 0,
            dice,
        })))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// As the store takes it.
    pub(crate) fn as_disk(&self) -> Arc<dyn Disk> {
        Arc::new(self.clone())
    }

    /// Another disk with what a power cut would leave of this one for certain.
    pub(crate) fn durable_copy(&self, dice: Dice) -> SimDisk {
        let state = self.state();
        let copy = SimDisk::new(dice);
        let nodes = state.nodes.iter().map(|(number, node)| {
            let node = match node {
                Node::File { durable, .. } => Node::File {
                    read: durable.clone(),
                    durable: durable.clone(),
                    unsynced: Vec::new(),
                },
                Node::Folder { durable, .. } => Node::Folder {
                    read: durable.clone(),
                    durable: durable.clone(),
                    unsynced: Vec::new(),
                },
            };
            (*number, node)
        });
        {
            let mut copied = copy.state();
            copied.nodes = nodes.collect();
            copied.next = state.next;
        }
        copy
    }

    /// Lets it die after so many more changes.
    pub(crate) fn die_after(&self, changes: u64) {
        self.state().left = Some(changes);
    }

    /// Whether it died.
    pub(crate) fn is_dead(&self) -> bool {
        self.state().dead
    }

    /// Whether nothing more can be written, until it is told otherwise.
    pub(crate) fn set_full(&self, full: bool) {
        self.state().full = full;
    }

    /// Nothing is wrong with it any more.
    pub(crate) fn mend(&self) {
        let mut state = self.state();
        state.left = None;
        state.full = false;
        state.fails_to_sync = false;
    }

    /// Lets the next sync fail: what it was to make durable waits for another one.
    pub(crate) fn fail_one_sync(&self) {
        self.state().fails_to_sync = true;
    }

    /// How many unsynced writes the last end lost, and how many it tore.
    pub(crate) fn losses(&self) -> (u64, u64) {
        let state = self.state();
        (state.lost, state.torn)
    }

    /// Whether a call failed since this was last asked.
    pub(crate) fn take_trouble(&self) -> bool {
        std::mem::take(&mut self.state().troubled)
    }

    /// The process is gone; the next one finds what the end left.
    pub(crate) fn end(&self, end: End) {
        let state = &mut *self.state();
        state.life = state.life.saturating_add(1);
        state.locked.clear();
        state.left = None;
        state.dead = false;
        state.fails_to_sync = false;
        state.troubled = false;
        (state.lost, state.torn) = (0, 0);
        if end == End::Process {
            return;
        }
        let State {
            nodes,
            dice,
            lost,
            torn,
            ..
        } = state;
        for node in nodes.values_mut() {
            match node {
                Node::File {
                    read,
                    durable,
                    unsynced,
                } => {
                    let written = unsynced.len();
                    let kept: Vec<Write> = unsynced.drain(..).filter(|_| dice.chance(50)).collect();
                    *lost = lost.saturating_add(written.saturating_sub(kept.len()) as u64);
                    let last = kept.len();
                    for (place, write) in (1..).zip(kept) {
                        match write {
                            // The last one may be torn.
                            Write::At(offset, mut bytes) if place == last && dice.chance(50) => {
                                bytes.truncate(dice.index(bytes.len()));
                                *torn = torn.saturating_add(1);
                                Write::At(offset, bytes).to(durable);
                            }
                            write => write.to(durable),
                        }
                    }
                    read.clone_from(durable);
                }
                Node::Folder {
                    read,
                    durable,
                    unsynced,
                } => {
                    let kept = dice.index(unsynced.len().saturating_add(1));
                    for change in unsynced.drain(..).take(kept) {
                        name_change(durable, &change);
                    }
                    read.clone_from(durable);
                }
            }
        }
    }
}

impl State {
    fn alive(&mut self) -> io::Result<()> {
        if self.dead {
            self.troubled = true;
            Err(gone())
        } else {
            Ok(())
        }
    }

    /// One change is made now, or the disk dies at it.
    fn change(&mut self) -> io::Result<()> {
        self.alive()?;
        match &mut self.left {
            Some(0) => {
                self.dead = true;
                self.troubled = true;
                Err(gone())
            }
            Some(left) => {
                *left = left.saturating_sub(1);
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn room(&mut self) -> io::Result<()> {
        if self.full {
            self.troubled = true;
            Err(io::ErrorKind::StorageFull.into())
        } else {
            Ok(())
        }
    }

    fn find(&self, path: &Path) -> io::Result<u64> {
        let mut at = TOP;
        for part in path.components() {
            let std::path::Component::Normal(name) = part else {
                continue;
            };
            match self.nodes.get(&at) {
                Some(Node::Folder { read, .. }) => at = *read.get(name).ok_or(io::ErrorKind::NotFound)?,
                _ => return Err(io::ErrorKind::NotFound.into()),
            }
        }
        Ok(at)
    }

    fn rename_in(&mut self, folder: u64, change: Vec<(OsString, Option<u64>)>) -> io::Result<()> {
        match self.nodes.get_mut(&folder) {
            Some(Node::Folder { read, unsynced, .. }) => {
                name_change(read, &change);
                unsynced.push(change);
                Ok(())
            }
            _ => Err(io::ErrorKind::NotADirectory.into()),
        }
    }

    fn add(&mut self, path: &Path, node: Node) -> io::Result<u64> {
        let (parent, name) = split(path)?;
        let parent = self.find(parent)?;
        let number = self.next;
        self.next = number.saturating_add(1);
        self.nodes.insert(number, node);
        self.rename_in(parent, vec![(name.to_owned(), Some(number))])?;
        Ok(number)
    }

    fn write(&mut self, file: u64, write: Write) -> io::Result<()> {
        match self.nodes.get_mut(&file) {
            Some(Node::File { read, unsynced, .. }) => {
                write.to(read);
                unsynced.push(write);
                Ok(())
            }
            _ => Err(io::ErrorKind::IsADirectory.into()),
        }
    }

    fn length(&self, file: u64) -> io::Result<u64> {
        match self.nodes.get(&file) {
            Some(Node::File { read, .. }) => Ok(read.len() as u64),
            _ => Err(io::ErrorKind::IsADirectory.into()),
        }
    }
}

impl Disk for SimDisk {
    fn open(&self, path: &Path, access: Access) -> io::Result<Arc<dyn DiskFile>> {
        let mut state = self.state();
        state.alive()?;
        let number = match (state.find(path), access) {
            (Ok(number), Access::Replace) => {
                state.change()?;
                state.write(number, Write::Length(0))?;
                number
            }
            (Ok(number), _) => number,
            (Err(error), Access::Create | Access::Replace) if error.kind() == io::ErrorKind::NotFound => {
                state.change()?;
                state.room()?;
                let file = Node::File {
                    read: Vec::new(),
                    durable: Vec::new(),
                    unsynced: Vec::new(),
                };
                state.add(path, file)?
            }
            (Err(error), _) => return Err(error),
        };
        let handle = Handle {
            disk: self.clone(),
            file: number,
            life: state.life,
        };
        state.length(number)?;
        Ok(Arc::new(handle))
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<OsString>> {
        let mut state = self.state();
        state.alive()?;
        let number = state.find(folder)?;
        match state.nodes.get(&number) {
            Some(Node::Folder { read, .. }) => Ok(read.keys().cloned().collect()),
            _ => Err(io::ErrorKind::NotADirectory.into()),
        }
    }

    fn exists(&self, path: &Path) -> io::Result<bool> {
        let mut state = self.state();
        state.alive()?;
        Ok(state.find(path).is_ok())
    }

    fn make_folder(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.change()?;
        if state.find(path).is_ok() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        state.room()?;
        state.add(path, empty_folder()).map(|_| ())
    }

    fn protect_folder(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.change()?;
        state.find(path).map(|_| ())
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.change()?;
        let number = state.find(path)?;
        match state.nodes.get_mut(&number) {
            Some(Node::Folder { durable, unsynced, .. }) => {
                for change in unsynced.drain(..) {
                    name_change(durable, &change);
                }
                Ok(())
            }
            _ => Err(io::ErrorKind::NotADirectory.into()),
        }
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.change()?;
        let number = state.find(from)?;
        let ((from, old), (to, new)) = (split(from)?, split(to)?);
        let (from, to) = (state.find(from)?, state.find(to)?);
        if from == to {
            let both = vec![(old.to_owned(), None), (new.to_owned(), Some(number))];
            return state.rename_in(from, both);
        }
        state.rename_in(to, vec![(new.to_owned(), Some(number))])?;
        state.rename_in(from, vec![(old.to_owned(), None)])
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.change()?;
        state.find(path)?;
        let (parent, name) = split(path)?;
        let parent = state.find(parent)?;
        state.rename_in(parent, vec![(name.to_owned(), None)])
    }

    fn remove_folder(&self, path: &Path) -> io::Result<()> {
        self.remove_file(path)
    }

    fn lock(&self, path: &Path) -> io::Result<Lock> {
        let mut state = self.state();
        state.alive()?;
        if !state.locked.insert(path.to_owned()) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        Ok(Box::new(Held {
            disk: self.clone(),
            path: path.to_owned(),
            life: state.life,
        }))
    }
}

struct Held {
    disk: SimDisk,
    path: PathBuf,
    life: u64,
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut state = self.disk.state();
        if state.life == self.life {
            state.locked.remove(&self.path);
        }
    }
}

struct Handle {
    disk: SimDisk,
    file: u64,
    life: u64,
}

impl Handle {
    fn state(&self) -> io::Result<MutexGuard<'_, State>> {
        let mut state = self.disk.state();
        state.alive()?;
        if state.life == self.life {
            Ok(state)
        } else {
            Err(gone())
        }
    }

    fn sync(&self) -> io::Result<()> {
        let state = &mut *self.state()?;
        state.change()?;
        let fails = std::mem::take(&mut state.fails_to_sync);
        state.troubled |= fails;
        match state.nodes.get_mut(&self.file) {
            // What was to be durable is not, and waits for the next sync or is lost with the power.
            Some(Node::File { .. }) if fails => Err(io::Error::other("cannot be synced")),
            Some(Node::File { durable, unsynced, .. }) => {
                for write in unsynced.drain(..) {
                    write.to(durable);
                }
                Ok(())
            }
            _ => Err(io::ErrorKind::IsADirectory.into()),
        }
    }
}

impl DiskFile for Handle {
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        let state = self.state()?;
        let Some(Node::File { read, .. }) = state.nodes.get(&self.file) else {
            return Err(io::ErrorKind::IsADirectory.into());
        };
        let rest = read.get(offset as usize..).unwrap_or_default();
        let count = rest.len().min(bytes.len());
        if let (Some(to), Some(from)) = (bytes.get_mut(..count), rest.get(..count)) {
            to.copy_from_slice(from);
        }
        Ok(count)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let state = &mut *self.state()?;
        let grows = offset.saturating_add(bytes.len() as u64) > state.length(self.file)?;
        let stopped = state.change().and_then(|()| if grows { state.room() } else { Ok(()) });
        match stopped {
            Ok(()) => state.write(self.file, Write::At(offset, bytes.to_vec())),
            Err(error) => {
                let part = state.dice.index(bytes.len());
                let part = bytes.get(..part).unwrap_or_default().to_vec();
                if !part.is_empty() {
                    state.write(self.file, Write::At(offset, part))?;
                }
                Err(error)
            }
        }
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        let state = &mut *self.state()?;
        state.change()?;
        if length > state.length(self.file)? {
            state.room()?;
        }
        state.write(self.file, Write::Length(length))
    }

    fn len(&self) -> io::Result<u64> {
        self.state()?.length(self.file)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.sync()
    }

    fn sync_all(&self) -> io::Result<()> {
        self.sync()
    }

    fn identity(&self) -> io::Result<Identity> {
        Ok(Identity {
            device: 1,
            inode: self.file,
        })
    }
}
