//! A machine whose power can be cut: processes run under the shim `store/shim/powercut.c`, and after a cut their folder is
//! made anew from what was synced.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::process::{Child, Command, Stdio};

use super::*;

/// What a disk writes whole or not at all, in bytes.
const SECTOR: usize = 512;
const SHIM: &str = "powercut.so";
/// What the shim keeps, by folder of the shadow.
const KEPT: [&str; 4] = ["data", "dirs", "pins", "gone"];

/// What is left of what was not synced.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Loss {
    /// Nothing.
    All,
    /// Some of it: each name and each sector survives or does not, because a cache is written back in any order.
    Some,
}

/// What a cut did.
#[derive(Default, Debug, Clone, Copy)]
pub(super) struct Cut {
    /// Sectors that were in the cache only, and are lost.
    pub(super) lost_sectors: u64,
    /// Sectors that were in the cache only, and had been written back.
    pub(super) kept_sectors: u64,
    /// Names that had been made, renamed or removed in the cache only, and are as they were before.
    pub(super) lost_names: u64,
}

impl Cut {
    pub(super) fn add(&mut self, other: Cut) {
        self.lost_sectors += other.lost_sectors;
        self.kept_sectors += other.kept_sectors;
        self.lost_names += other.lost_names;
    }

    /// Whether anything was lost at all.
    pub(super) fn bit(&self) -> bool {
        self.lost_sectors + self.lost_names > 0
    }
}

/// A file or a folder behind a name, by its number.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Entry {
    File(u64),
    Folder(u64),
}

type Names = BTreeMap<String, Entry>;

/// The folder, its shadow and the shim.
pub(super) struct Machine {
    folder: tempfile::TempDir,
    shim: tempfile::TempDir,
}

impl Machine {
    /// Compiles the shim and makes an empty folder.
    pub(super) fn new() -> Machine {
        // In memory where the system offers that: the shim is the disk, and another one below it only takes time.
        let folder = tempfile::tempdir_in("/dev/shm")
            .or_else(|_| tempfile::tempdir())
            .unwrap();
        let shim = tempfile::tempdir().unwrap();
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("shim/powercut.c");
        let compiled = Command::new("cc")
            .args(["-O2", "-shared", "-fPIC", "-o"])
            .args([&shim.path().join(SHIM), &source])
            .status()
            .expect("a C compiler is there, as Rust needs one to link");
        assert!(compiled.success(), "the shim compiles");
        let machine = Machine { folder, shim };
        std::fs::create_dir(machine.live()).unwrap();
        machine.settle();
        machine
    }

    /// The folder that the processes see.
    pub(super) fn live(&self) -> PathBuf {
        self.folder.path().join("live")
    }

    fn shadow(&self) -> PathBuf {
        self.folder.path().join("shadow")
    }

    /// Makes everything durable that is there: for what was written without the shim, and after a cut.
    pub(super) fn settle(&self) {
        let shadow = self.shadow();
        if shadow.exists() {
            std::fs::remove_dir_all(&shadow).unwrap();
        }
        for kind in KEPT {
            std::fs::create_dir_all(shadow.join(kind)).unwrap();
        }
        self.keep(&self.live());
    }

    fn keep(&self, folder: &Path) {
        let mut list = String::new();
        for (name, entry) in names(folder) {
            let path = folder.join(&name);
            let (kind, inode) = match entry {
                Entry::File(inode) => {
                    std::fs::copy(&path, self.kept("data", inode)).unwrap();
                    if !self.kept("pins", inode).exists() {
                        std::fs::hard_link(&path, self.kept("pins", inode)).unwrap();
                    }
                    ('f', inode)
                }
                Entry::Folder(inode) => {
                    self.keep(&path);
                    ('d', inode)
                }
            };
            list.push_str(&format!("{kind} {inode} {name}\n"));
        }
        std::fs::write(self.kept("dirs", inode(folder)), list).unwrap();
    }

    fn kept(&self, kind: &str, inode: u64) -> PathBuf {
        self.shadow().join(kind).join(inode.to_string())
    }

    /// Names of a folder that are on the platter.
    fn durable(&self, inode: u64) -> Names {
        let list = std::fs::read_to_string(self.kept("dirs", inode)).unwrap_or_default();
        let entry = |line: &str| {
            let (kind, rest) = line.split_once(' ').unwrap();
            let (inode, name) = rest.split_once(' ').unwrap();
            let inode = inode.parse().unwrap();
            let entry = if kind == "d" {
                Entry::Folder(inode)
            } else {
                Entry::File(inode)
            };
            (name.to_owned(), entry)
        };
        list.lines().map(entry).collect()
    }

    /// A process of this test binary that runs one test, under the shim.
    pub(super) fn start(&self, test: &str, settings: &[(&str, String)]) -> Running {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command
            .args(["--exact", "--nocapture", "--test-threads=1", test])
            .env("LD_PRELOAD", self.shim.path().join(SHIM))
            .env("POWERCUT_LIVE", self.live())
            .env("POWERCUT_SHADOW", self.shadow());
        for (name, value) in settings {
            command.env(name, value);
        }
        let mut process = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut stderr = process.stderr.take().unwrap();
        // Read beside the acknowledgements, so that a process that complains never waits for a reader.
        let complaints = std::thread::spawn(move || {
            let mut text = Vec::new();
            stderr.read_to_end(&mut text).unwrap();
            String::from_utf8_lossy(&text).into_owned()
        });
        Running {
            process,
            buffer: Vec::new(),
            ended: false,
            complaints: Some(complaints),
        }
    }

    /// Cuts the power: the folder is now what a machine would find when it starts again.
    pub(super) fn cut(&self, dice: &mut Dice, loss: Loss) -> Cut {
        let before = self.folder.path().join("before");
        std::fs::rename(self.live(), &before).unwrap();
        let mut folders = BTreeMap::new();
        folders_under(&before, &mut folders);
        folders_under(&self.shadow().join("gone"), &mut folders);
        let mut cut = Restoring {
            machine: self,
            dice,
            loss,
            // Of what was not synced a cache may have written back next to nothing or next to everything.
            survives: 0,
            folders,
            done: BTreeMap::new(),
            cut: Cut::default(),
        };
        cut.survives = cut.dice.roll(101);
        cut.folder(inode(&before), &self.live());
        let cut = cut.cut;
        std::fs::remove_dir_all(&before).unwrap();
        self.settle();
        cut
    }
}

struct Restoring<'a> {
    machine: &'a Machine,
    dice: &'a mut Dice,
    loss: Loss,
    /// Chance of each sector, in percent.
    survives: u64,
    /// Where each folder lies that the cache knows.
    folders: BTreeMap<u64, PathBuf>,
    /// Where each file was made that is made already.
    done: BTreeMap<u64, PathBuf>,
    cut: Cut,
}

impl Restoring<'_> {
    fn folder(&mut self, inode: u64, target: &Path) {
        std::fs::create_dir(target).unwrap();
        let durable = self.machine.durable(inode);
        let cached = self.folders.get(&inode).map(|path| names(path)).unwrap_or_default();
        let all: BTreeSet<&String> = durable.keys().chain(cached.keys()).collect();
        for name in all {
            let (durable, cached) = (durable.get(name), cached.get(name));
            let keeps = durable == cached || (self.loss == Loss::Some && self.dice.roll(2) == 0);
            self.cut.lost_names += u64::from(!keeps);
            match if keeps { cached } else { durable } {
                Some(Entry::Folder(inode)) => self.folder(*inode, &target.join(name)),
                Some(Entry::File(inode)) => self.file(*inode, &target.join(name)),
                None => {}
            }
        }
    }

    /// Makes a file under its own number, as a power cut leaves it.
    fn file(&mut self, inode: u64, target: &Path) {
        if let Some(done) = self.done.get(&inode) {
            std::fs::hard_link(done, target).unwrap();
            return;
        }
        let pin = self.machine.kept("pins", inode);
        let cached = std::fs::read(&pin).unwrap_or_default();
        let durable = std::fs::read(self.machine.kept("data", inode)).unwrap_or_default();
        let content = self.mix(&durable, &cached);
        if pin.exists() {
            std::fs::hard_link(&pin, target).unwrap();
        }
        std::fs::write(target, content).unwrap();
        self.done.insert(inode, target.to_owned());
    }

    fn mix(&mut self, durable: &[u8], cached: &[u8]) -> Vec<u8> {
        let length = match self.loss {
            Loss::All => durable.len(),
            Loss::Some => match self.dice.roll(3) {
                0 => durable.len(),
                1 => cached.len(),
                _ => {
                    let (short, long) = (durable.len().min(cached.len()), durable.len().max(cached.len()));
                    short + self.dice.roll((long - short) as u64 + 1) as usize
                }
            },
        };
        let mut content = durable.to_vec();
        // What was never written reads as zeros.
        content.resize(length, 0);
        for at in (0..durable.len().max(cached.len())).step_by(SECTOR) {
            let sector = |bytes: &[u8]| -> Vec<u8> {
                let mut sector = bytes.iter().skip(at).take(SECTOR).copied().collect::<Vec<_>>();
                sector.resize(SECTOR, 0);
                sector
            };
            let new = sector(cached);
            if new == sector(durable) && at + SECTOR <= durable.len().min(cached.len()) {
                continue;
            }
            if self.loss == Loss::Some && self.dice.roll(100) < self.survives {
                self.cut.kept_sectors += 1;
                for (to, from) in content.iter_mut().skip(at).zip(new) {
                    *to = from;
                }
            } else if new != sector(durable) || durable.len() != cached.len() {
                self.cut.lost_sectors += 1;
            }
        }
        content
    }
}

/// A process under the shim, and what it acknowledged.
pub(super) struct Running {
    process: Child,
    buffer: Vec<u8>,
    ended: bool,
    complaints: Option<std::thread::JoinHandle<String>>,
}

impl Running {
    /// Takes lines from the pipe until one is whole; none when the process has ended.
    pub(super) fn line(&mut self) -> Option<String> {
        loop {
            if let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.buffer.drain(..=end).collect();
                return Some(String::from_utf8_lossy(&line).trim_end().to_owned());
            }
            if self.ended {
                // A line that the kill cut short was not said.
                return None;
            }
            let mut bytes = [0; 4096];
            let count = self.process.stdout.as_mut().unwrap().read(&mut bytes).unwrap();
            self.ended = count == 0;
            self.buffer.extend_from_slice(&bytes[..count]);
        }
    }

    /// Kills the process, and gives what it had said by then and was not read yet.
    pub(super) fn kill(mut self) -> (Vec<String>, String) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
        let lines = std::iter::from_fn(|| self.line()).collect();
        (lines, self.complaints.take().unwrap().join().unwrap())
    }

    /// Waits until the process ends by itself; it must succeed.
    pub(super) fn end(mut self) {
        while self.line().is_some() {}
        let status = self.process.wait().unwrap();
        assert!(status.success(), "{}", self.complaints.take().unwrap().join().unwrap());
    }
}

fn inode(path: &Path) -> u64 {
    std::fs::symlink_metadata(path).unwrap().ino()
}

fn names(folder: &Path) -> Names {
    let mut names = Names::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let metadata = entry.metadata().unwrap();
        let kind = if metadata.is_dir() { Entry::Folder } else { Entry::File };
        names.insert(entry.file_name().into_string().unwrap(), kind(metadata.ino()));
    }
    names
}

fn folders_under(folder: &Path, found: &mut BTreeMap<u64, PathBuf>) {
    found.insert(inode(folder), folder.to_owned());
    for (name, entry) in names(folder) {
        if matches!(entry, Entry::Folder(_)) {
            folders_under(&folder.join(name), found);
        }
    }
}
