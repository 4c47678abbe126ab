//! An operator with a store, owners with keys, and a disk that can be full.

use super::super::*;
use credentials::protocol::mailbox::Waiting;
use credentials::{SigningKey, envelope};
use sha2::{Digest, Sha256};
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use store::disk::{Access, Disk, DiskFile, Identity, Lock, OperatingSystem};
use store::{Params, Passphrase};
use tempfile::TempDir;

pub(super) const OPERATOR: &str = "did:web:postkasse.example";
pub(super) const STRANGER: &[u8] = b"198.51.100.7";

/// 10 July 2026, 12:00 UTC.
pub(super) fn now() -> Timestamp {
    Timestamp::parse("2026-07-10T12:00:00Z").expect("an instant")
}

pub(super) fn operator() -> Did {
    Did::parse(OPERATOR).expect("a DID")
}

fn key(owner: u8) -> SigningKey {
    SigningKey::from_bytes(&[owner; 32])
}

/// Something as long as the smallest envelope, another for each number.
pub(super) fn body(number: u64) -> Vec<u8> {
    sized(number, 0)
}

/// Something as long as an envelope of a class.
pub(super) fn sized(number: u64, class: usize) -> Vec<u8> {
    let smaller = envelope::BODY_MAX - envelope::CLASSES[3];
    let mut body = vec![5; smaller + envelope::CLASSES[class]];
    body[..8].copy_from_slice(&number.to_be_bytes());
    body
}

/// What an owner knows of a queue.
#[derive(Clone, Copy, Debug)]
pub(super) struct Owned {
    owner: u8,
    pub(super) id: [u8; 16],
    pub(super) token: [u8; 32],
}

impl Owned {
    pub(super) fn key(&self) -> SigningKey {
        key(self.owner)
    }

    pub(super) fn with_token(self, token: [u8; 32]) -> Owned {
        Owned { token, ..self }
    }

    pub(super) fn with_key(self, owner: u8) -> Owned {
        Owned { owner, ..self }
    }

    pub(super) fn with_id(self, id: [u8; 16]) -> Owned {
        Owned { id, ..self }
    }

    fn prove(&self, act: Act<'_>, at: Timestamp) -> String {
        mailbox::prove(act, &operator(), at, &self.key()).expect("signs")
    }

    pub(super) fn put(&self, body: &[u8]) -> Ask {
        Ask::Put {
            queue: self.id,
            token: self.token,
            envelope: body.to_vec(),
        }
    }

    pub(super) fn fetch(&self, at: Timestamp) -> Ask {
        Ask::Fetch {
            queue: self.id,
            proof: self.prove(Act::Fetch(&self.id), at),
        }
    }

    pub(super) fn acknowledge(&self, number: u64, body: &[u8], at: Timestamp) -> Ask {
        let (queue, id) = (self.id, envelope::id(body));
        let act = Act::Acknowledge {
            queue: &queue,
            number,
            id: &id,
        };
        let proof = self.prove(act, at);
        Ask::Acknowledge {
            queue,
            number,
            id,
            proof,
        }
    }

    pub(super) fn delete(&self, at: Timestamp) -> Ask {
        Ask::Delete {
            queue: self.id,
            proof: self.prove(Act::Delete(&self.id), at),
        }
    }
}

pub(super) fn create(owner: u8, at: Timestamp) -> Ask {
    create_by(&key(owner), at)
}

pub(super) fn create_by(key: &SigningKey, at: Timestamp) -> Ask {
    Ask::Create {
        proof: mailbox::prove(Act::Create, &operator(), at, key).expect("signs"),
    }
}

pub(super) fn created(reply: &Reply) -> ([u8; 16], [u8; 32]) {
    match reply {
        Reply::Created { queue, token } => (*queue, *token),
        other => panic!("{other:?}"),
    }
}

pub(super) struct World {
    /// None only while it is opened again.
    open: Option<(Mailbox, Store)>,
    limits: Limits,
    full: Arc<AtomicBool>,
    drawn: u64,
    home: TempDir,
}

impl World {
    pub(super) fn new() -> World {
        World::with(Limits::default())
    }

    pub(super) fn with(limits: Limits) -> World {
        let home = tempfile::tempdir().expect("a folder");
        let full = Arc::new(AtomicBool::new(false));
        let disk = Arc::new(Fillable(Arc::clone(&full)));
        let store = Store::create_on(
            disk,
            &home.path().join("store"),
            &passphrase(),
            Params::quick(),
            entropy(),
        )
        .expect("made");
        let mailbox = Mailbox::open(&store, operator(), limits.clone()).expect("opens");
        World {
            open: Some((mailbox, store)),
            limits,
            full,
            drawn: 0,
            home,
        }
    }

    pub(super) fn restart(&mut self) {
        self.open = None;
        let disk = Arc::new(Fillable(Arc::clone(&self.full)));
        let home = self.home.path().join("store");
        let store = Store::open_on(disk, &home, &passphrase(), entropy()).expect("opens");
        let mailbox = Mailbox::open(&store, operator(), self.limits.clone()).expect("opens");
        self.open = Some((mailbox, store));
    }

    /// Whether writing finds no room from now on.
    pub(super) fn fill_disk(&self, full: bool) {
        self.full.store(full, Ordering::SeqCst);
    }

    pub(super) fn mailbox(&mut self) -> &mut Mailbox {
        &mut self.open.as_mut().expect("open").0
    }

    fn store(&self) -> &Store {
        &self.open.as_ref().expect("open").1
    }

    pub(super) fn rows(&self) -> u64 {
        self.store().health().rows
    }

    /// Queues, envelopes and bytes.
    pub(super) fn holding(&self) -> (usize, u64, u64) {
        let held = self.open.as_ref().expect("open").0.holding();
        (held.queues, held.items, held.bytes)
    }

    pub(super) fn wake(&self) -> Option<Timestamp> {
        self.open.as_ref().expect("open").0.wake()
    }

    pub(super) fn answers_at(&mut self, peer: Peer<'_>, asks: &[Ask], at: Timestamp) -> Answers {
        let asks: Vec<_> = asks.iter().map(|ask| (peer, ask.clone())).collect();
        let mut drawn = self.drawn;
        let mut random = |bytes: &mut [u8]| {
            for chunk in bytes.chunks_mut(32) {
                drawn += 1;
                let digest = Sha256::digest(drawn.to_be_bytes());
                chunk.copy_from_slice(&digest[..chunk.len()]);
            }
        };
        let answers = self.mailbox().answer(&asks, at, &mut random);
        self.drawn = drawn;
        assert_eq!(answers.replies.len(), asks.len());
        answers
    }

    pub(super) fn answers(&mut self, asks: &[Ask]) -> Answers {
        self.answers_at(Peer::Listed, asks, now())
    }

    pub(super) fn ask_all(&mut self, asks: &[Ask]) -> Vec<Reply> {
        let answers = self.answers(asks);
        assert!(answers.failed.is_none(), "{:?}", answers.failed);
        answers.replies
    }

    fn one(&mut self, peer: Peer<'_>, ask: Ask, at: Timestamp) -> Result<Reply, Code> {
        match self.answers_at(peer, &[ask], at).replies.remove(0) {
            Reply::Problem(problem) => Err(problem.code),
            reply => Ok(reply),
        }
    }

    pub(super) fn ask(&mut self, ask: Ask) -> Result<Reply, Code> {
        self.one(Peer::Listed, ask, now())
    }

    pub(super) fn ask_as(&mut self, peer: Peer<'_>, ask: Ask) -> Result<Reply, Code> {
        self.one(peer, ask, now())
    }

    pub(super) fn ask_at(&mut self, ask: Ask, at: Timestamp) -> Result<Reply, Code> {
        self.one(Peer::Listed, ask, at)
    }

    pub(super) fn create(&mut self, owner: u8) -> Owned {
        let (id, token) = created(&self.ask(create(owner, now())).expect("created"));
        Owned { owner, id, token }
    }

    pub(super) fn put(&mut self, queue: &Owned, body: &[u8]) -> Result<Reply, Code> {
        self.ask(queue.put(body))
    }

    pub(super) fn fetch(&mut self, queue: &Owned) -> (Vec<Waiting>, u32) {
        self.fetch_at(queue, now())
    }

    pub(super) fn fetch_at(&mut self, queue: &Owned, at: Timestamp) -> (Vec<Waiting>, u32) {
        match self.ask_at(queue.fetch(at), at).expect("fetched") {
            Reply::Waiting { envelopes, more } => (envelopes, more),
            other => panic!("{other:?}"),
        }
    }

    pub(super) fn acknowledge(&mut self, queue: &Owned, number: u64, body: &[u8]) -> Result<Reply, Code> {
        self.ask(queue.acknowledge(number, body, now()))
    }

    pub(super) fn tick(&mut self, at: Timestamp) -> Ticked {
        self.mailbox().tick(at).expect("ticks")
    }
}

/// The same bytes in each run: which strangers share a counter depends on the store's key.
fn entropy() -> store::Entropy {
    let mut state = Sha256::digest(b"an operator");
    Box::new(move |bytes: &mut [u8]| {
        for chunk in bytes.chunks_mut(32) {
            state = Sha256::digest(state);
            chunk.copy_from_slice(&state[..chunk.len()]);
        }
    })
}

fn passphrase() -> Passphrase {
    Passphrase::new("a synthetic passphrase")
}

/// The operating system's disk, which can be told to have no room.
struct Fillable(Arc<AtomicBool>);

struct FillableFile {
    file: Arc<dyn DiskFile>,
    full: Arc<AtomicBool>,
}

impl FillableFile {
    fn room(&self) -> io::Result<()> {
        match self.full.load(Ordering::SeqCst) {
            true => Err(io::ErrorKind::StorageFull.into()),
            false => Ok(()),
        }
    }
}

impl DiskFile for FillableFile {
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        self.file.read_at(bytes, offset)
    }
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.room()?;
        self.file.write_at(bytes, offset)
    }
    fn set_len(&self, length: u64) -> io::Result<()> {
        self.file.set_len(length)
    }
    fn length(&self) -> io::Result<u64> {
        self.file.length()
    }
    fn sync_data(&self) -> io::Result<()> {
        self.file.sync_data()
    }
    fn sync_all(&self) -> io::Result<()> {
        self.file.sync_all()
    }
    fn identity(&self) -> io::Result<Identity> {
        self.file.identity()
    }
}

impl Disk for Fillable {
    fn open(&self, path: &Path, access: Access) -> io::Result<Arc<dyn DiskFile>> {
        let file = OperatingSystem.open(path, access)?;
        let full = Arc::clone(&self.0);
        Ok(Arc::new(FillableFile { file, full }))
    }
    fn list(&self, folder: &Path) -> io::Result<Vec<std::ffi::OsString>> {
        OperatingSystem.list(folder)
    }
    fn exists(&self, path: &Path) -> io::Result<bool> {
        OperatingSystem.exists(path)
    }
    fn make_folder(&self, path: &Path) -> io::Result<()> {
        OperatingSystem.make_folder(path)
    }
    fn protect_folder(&self, path: &Path) -> io::Result<()> {
        OperatingSystem.protect_folder(path)
    }
    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        OperatingSystem.sync_folder(path)
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        OperatingSystem.rename(from, to)
    }
    fn remove_file(&self, path: &Path) -> io::Result<()> {
        OperatingSystem.remove_file(path)
    }
    fn remove_folder(&self, path: &Path) -> io::Result<()> {
        OperatingSystem.remove_folder(path)
    }
    fn lock(&self, path: &Path) -> io::Result<Lock> {
        OperatingSystem.lock(path)
    }
}
