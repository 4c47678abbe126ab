//! A disk in memory that loses what was not synced, and fails when told to: written from the seam's page alone.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::path::{Component, Path};
use std::sync::{Arc, Mutex, MutexGuard};

use crate::disk::{Access, Disk, DiskFile, Identity, Lock};

use super::Dice;

type Folder = BTreeMap<OsString, u64>;

#[derive(Clone)]
enum Content {
    File(Vec<u8>),
    Folder(Folder),
}

/// What is there, and what would be after power loss.
#[derive(Clone)]
struct Node {
    now: Content,
    durable: Content,
}

/// What the disk does with the calls to come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Trouble {
    None,
    /// From this call on every call fails: the process is dead.
    DiesAt(u64),
    /// This one call fails, if it writes.
    FailsAt(u64, io::ErrorKind),
    /// Every call that writes fails.
    Fails(io::ErrorKind),
}

struct State {
    nodes: BTreeMap<u64, Node>,
    next: u64,
    locked: bool,
    calls: u64,
    met: bool,
    trouble: Trouble,
}

#[derive(Clone)]
pub(super) struct MemoryDisk(Arc<Mutex<State>>);

const ROOT: u64 = 1;

impl MemoryDisk {
    pub(super) fn new() -> Self {
        let empty = || Content::Folder(Folder::new());
        let root = Node {
            now: empty(),
            durable: empty(),
        };
        Self(Arc::new(Mutex::new(State {
            nodes: BTreeMap::from([(ROOT, root)]),
            next: 2,
            locked: false,
            calls: 0,
            met: false,
            trouble: Trouble::None,
        })))
    }

    pub(super) fn disk(&self) -> Arc<dyn Disk> {
        Arc::new(self.clone())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    pub(super) fn trouble(&self, trouble: Trouble) {
        let mut state = self.state();
        (state.calls, state.met, state.trouble) = (0, false, trouble);
    }

    pub(super) fn calls(&self) -> u64 {
        self.state().calls
    }

    /// Whether the trouble was met.
    pub(super) fn met(&self) -> bool {
        self.state().met
    }

    /// Power is lost: of each file what was synced is left, and of what was not, any beginning.
    pub(super) fn lose_power(&self, dice: &mut Dice) {
        let mut state = self.state();
        state.locked = false;
        state.trouble = Trouble::None;
        for node in state.nodes.values_mut() {
            node.now = match (&node.durable, &node.now) {
                (Content::File(durable), Content::File(now)) if now.len() > durable.len() && dice.roll(2) == 0 => {
                    let same = now.iter().zip(durable).take_while(|(a, b)| a == b).count();
                    if same == durable.len() {
                        let torn = dice.roll((now.len() - same) as u64 + 1) as usize;
                        Content::File(now[..same + torn].to_vec())
                    } else {
                        Content::File(durable.clone())
                    }
                }
                (durable, _) => durable.clone(),
            };
            node.durable = node.now.clone();
        }
    }

    /// The same disk once more, with what is there and what is durable; nobody has it open.
    pub(super) fn copy(&self) -> Self {
        let state = self.state();
        Self(Arc::new(Mutex::new(State {
            nodes: state.nodes.clone(),
            next: state.next,
            locked: false,
            calls: 0,
            met: false,
            trouble: Trouble::None,
        })))
    }

    /// The process is killed: what it wrote is read by the next one, and is no more durable than it was.
    pub(super) fn lose_process(&self) {
        let mut state = self.state();
        (state.locked, state.trouble) = (false, Trouble::None);
    }

    /// Power is lost, and of what was not synced any block of any file is there or is not.
    pub(super) fn lose_power_in_blocks(&self, dice: &mut Dice) {
        const BLOCK: usize = 4096;
        self.lose_process();
        for node in self.state().nodes.values_mut() {
            if let (Content::File(durable), Content::File(now)) = (&node.durable, &mut node.now) {
                // A file that grew kept its new length, or did not.
                if now.len() < durable.len() || dice.roll(2) == 0 {
                    now.resize(durable.len(), 0);
                }
                for from in (0..now.len()).step_by(BLOCK) {
                    let to = (from + BLOCK).min(now.len());
                    if dice.roll(2) == 0 {
                        let old = durable.get(from..).unwrap_or_default();
                        let old = &old[..old.len().min(to - from)];
                        now[from..from + old.len()].copy_from_slice(old);
                        now[from + old.len()..to].fill(0);
                    }
                }
            } else {
                node.now = node.durable.clone();
            }
            node.durable = node.now.clone();
        }
    }

    fn call(&self, writes: bool) -> io::Result<MutexGuard<'_, State>> {
        let mut state = self.state();
        let call = state.calls;
        state.calls += 1;
        let failure = match state.trouble {
            Trouble::DiesAt(at) if call >= at => Some(io::ErrorKind::Other),
            Trouble::FailsAt(at, kind) if call == at && writes => Some(kind),
            Trouble::Fails(kind) if writes => Some(kind),
            _ => None,
        };
        match failure {
            Some(kind) => {
                state.met = true;
                Err(kind.into())
            }
            None => Ok(state),
        }
    }
}

impl State {
    fn find(&self, path: &Path) -> io::Result<u64> {
        let mut at = ROOT;
        for part in path.components() {
            if let Component::Normal(name) = part {
                at = *self.folder(at)?.get(name).ok_or(io::ErrorKind::NotFound)?;
            }
        }
        Ok(at)
    }

    fn folder(&self, inode: u64) -> io::Result<&Folder> {
        match &self.nodes[&inode].now {
            Content::Folder(folder) => Ok(folder),
            Content::File(_) => Err(io::ErrorKind::NotADirectory.into()),
        }
    }

    /// The entries of the folder above a path.
    fn above(&mut self, path: &Path) -> io::Result<&mut Folder> {
        let inode = self.find(path.parent().unwrap())?;
        match &mut self.nodes.get_mut(&inode).unwrap().now {
            Content::Folder(folder) => Ok(folder),
            Content::File(_) => Err(io::ErrorKind::NotADirectory.into()),
        }
    }

    fn add(&mut self, path: &Path, now: Content) -> io::Result<u64> {
        let inode = self.next;
        self.next += 1;
        let name = path.file_name().unwrap().to_owned();
        self.above(path)?.insert(name, inode);
        let durable = match now {
            Content::File(_) => Content::File(Vec::new()),
            Content::Folder(_) => Content::Folder(Folder::new()),
        };
        self.nodes.insert(inode, Node { now, durable });
        Ok(inode)
    }

    fn bytes(&mut self, inode: u64) -> &mut Vec<u8> {
        match &mut self.nodes.get_mut(&inode).unwrap().now {
            Content::File(bytes) => bytes,
            Content::Folder(_) => panic!("a folder was opened as a file"),
        }
    }

    fn sync(&mut self, inode: u64) {
        let node = self.nodes.get_mut(&inode).unwrap();
        node.durable = node.now.clone();
    }
}

struct Handle {
    disk: MemoryDisk,
    inode: u64,
}

impl Disk for MemoryDisk {
    fn open(&self, path: &Path, access: Access) -> io::Result<Arc<dyn DiskFile>> {
        // On a full disk a file that is there can still be opened to be written.
        let makes = access == Access::Replace || self.state().find(path).is_err();
        let mut state = self.call(makes)?;
        let inode = match (state.find(path), access) {
            (Ok(inode), Access::Replace) => {
                state.bytes(inode).clear();
                inode
            }
            (Ok(inode), _) => inode,
            (Err(_), Access::Create | Access::Replace) => state.add(path, Content::File(Vec::new()))?,
            (Err(error), _) => return Err(error),
        };
        Ok(Arc::new(Handle {
            disk: self.clone(),
            inode,
        }))
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<OsString>> {
        let state = self.call(false)?;
        let inode = state.find(folder)?;
        Ok(state.folder(inode)?.keys().cloned().collect())
    }

    fn exists(&self, path: &Path) -> io::Result<bool> {
        Ok(self.call(false)?.find(path).is_ok())
    }

    fn make_folder(&self, path: &Path) -> io::Result<()> {
        let mut state = self.call(true)?;
        if state.find(path).is_ok() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        state.add(path, Content::Folder(Folder::new())).map(|_| ())
    }

    fn protect_folder(&self, _: &Path) -> io::Result<()> {
        self.call(true).map(|_| ())
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        let mut state = self.call(true)?;
        let inode = state.find(path)?;
        state.sync(inode);
        Ok(())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.call(true)?;
        let inode = state.find(from)?;
        state.above(from)?.remove(from.file_name().unwrap());
        state.above(to)?.insert(to.file_name().unwrap().to_owned(), inode);
        Ok(())
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        let mut state = self.call(true)?;
        state.find(path)?;
        state.above(path)?.remove(path.file_name().unwrap());
        Ok(())
    }

    fn remove_folder(&self, path: &Path) -> io::Result<()> {
        let mut state = self.call(true)?;
        let inode = state.find(path)?;
        if !state.folder(inode)?.is_empty() {
            return Err(io::ErrorKind::DirectoryNotEmpty.into());
        }
        state.above(path)?.remove(path.file_name().unwrap());
        Ok(())
    }

    fn lock(&self, _: &Path) -> io::Result<Lock> {
        let mut state = self.call(false)?;
        if std::mem::replace(&mut state.locked, true) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        Ok(Box::new(Held(self.clone())))
    }
}

struct Held(MemoryDisk);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.state().locked = false;
    }
}

impl DiskFile for Handle {
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut state = self.disk.call(false)?;
        let content = state.bytes(self.inode);
        let from = content.get(offset as usize..).unwrap_or_default();
        let count = from.len().min(bytes.len());
        bytes[..count].copy_from_slice(&from[..count]);
        Ok(count)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let mut state = self.disk.call(true)?;
        let content = state.bytes(self.inode);
        let end = offset as usize + bytes.len();
        if content.len() < end {
            content.resize(end, 0);
        }
        content[offset as usize..end].copy_from_slice(bytes);
        Ok(())
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.disk.call(true)?.bytes(self.inode).resize(length as usize, 0);
        Ok(())
    }

    fn length(&self) -> io::Result<u64> {
        Ok(self.disk.call(false)?.bytes(self.inode).len() as u64)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.disk.call(true)?.sync(self.inode);
        Ok(())
    }

    fn sync_all(&self) -> io::Result<()> {
        self.sync_data()
    }

    fn identity(&self) -> io::Result<Identity> {
        drop(self.disk.call(false)?);
        Ok(Identity {
            device: 1,
            inode: self.inode,
        })
    }
}
