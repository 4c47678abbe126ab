//! A disk under the verifier that dies at any change, or does not let keys be destroyed: what is said to be erased is.

use super::deleting::{deletion, kept_after_end};
use super::*;
use std::ffi::OsString;
use std::io;
use std::path::{Path as FilePath, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use store::disk::{Access, Disk, DiskFile, Identity, Lock, OperatingSystem};
use tempfile::TempDir;

/// File of the keys by which claims are erased.
const ERASURE_KEYS: &str = "erasure-keys";

/// What ails the disk.
#[derive(Default)]
struct Trouble {
    /// Whether it dies, after so many changes more: the process has ended between two of them.
    dies: AtomicBool,
    left: AtomicU64,
    /// Whether the file of keys cannot be written.
    holds_keys: AtomicBool,
}

impl Trouble {
    /// Before a change.
    fn change(&self, path: &FilePath) -> io::Result<()> {
        let is_keys = path.to_string_lossy().contains(ERASURE_KEYS);
        if is_keys && self.holds_keys.load(Ordering::SeqCst) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        if self.dies.load(Ordering::SeqCst) {
            let one_less = |left: u64| left.checked_sub(1);
            let left = self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_less);
            left.map_err(|_| io::Error::other("the process has ended"))?;
        }
        Ok(())
    }

    /// Before a look.
    fn look(&self) -> io::Result<()> {
        match self.dies.load(Ordering::SeqCst) && self.left.load(Ordering::SeqCst) == 0 {
            true => Err(io::Error::other("the process has ended")),
            false => Ok(()),
        }
    }

    fn die_after(&self, changes: u64) {
        self.left.store(changes, Ordering::SeqCst);
        self.dies.store(true, Ordering::SeqCst);
    }

    fn mend(&self) {
        self.dies.store(false, Ordering::SeqCst);
        self.holds_keys.store(false, Ordering::SeqCst);
    }
}

/// The operating system's disk with a trouble.
struct Mortal(Arc<Trouble>);

struct MortalFile {
    file: Arc<dyn DiskFile>,
    path: PathBuf,
    trouble: Arc<Trouble>,
}

impl DiskFile for MortalFile {
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        self.trouble.look()?;
        self.file.read_at(bytes, offset)
    }
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.trouble.change(&self.path)?;
        self.file.write_at(bytes, offset)
    }
    fn set_len(&self, length: u64) -> io::Result<()> {
        self.trouble.change(&self.path)?;
        self.file.set_len(length)
    }
    fn length(&self) -> io::Result<u64> {
        self.trouble.look()?;
        self.file.length()
    }
    fn sync_data(&self) -> io::Result<()> {
        self.trouble.change(&self.path)?;
        self.file.sync_data()
    }
    fn sync_all(&self) -> io::Result<()> {
        self.trouble.change(&self.path)?;
        self.file.sync_all()
    }
    fn identity(&self) -> io::Result<Identity> {
        self.file.identity()
    }
}

impl Disk for Mortal {
    fn open(&self, path: &FilePath, access: Access) -> io::Result<Arc<dyn DiskFile>> {
        match access {
            Access::Read => self.0.look()?,
            _ => self.0.change(path)?,
        }
        Ok(Arc::new(MortalFile {
            file: OperatingSystem.open(path, access)?,
            path: path.to_owned(),
            trouble: Arc::clone(&self.0),
        }))
    }
    fn list(&self, folder: &FilePath) -> io::Result<Vec<OsString>> {
        self.0.look()?;
        OperatingSystem.list(folder)
    }
    fn exists(&self, path: &FilePath) -> io::Result<bool> {
        self.0.look()?;
        OperatingSystem.exists(path)
    }
    fn make_folder(&self, path: &FilePath) -> io::Result<()> {
        self.0.change(path)?;
        OperatingSystem.make_folder(path)
    }
    fn protect_folder(&self, path: &FilePath) -> io::Result<()> {
        self.0.change(path)?;
        OperatingSystem.protect_folder(path)
    }
    fn sync_folder(&self, path: &FilePath) -> io::Result<()> {
        self.0.change(path)?;
        OperatingSystem.sync_folder(path)
    }
    fn rename(&self, from: &FilePath, to: &FilePath) -> io::Result<()> {
        self.0.change(to)?;
        OperatingSystem.rename(from, to)
    }
    fn remove_file(&self, path: &FilePath) -> io::Result<()> {
        self.0.change(path)?;
        OperatingSystem.remove_file(path)
    }
    fn remove_folder(&self, path: &FilePath) -> io::Result<()> {
        self.0.change(path)?;
        OperatingSystem.remove_folder(path)
    }
    fn lock(&self, path: &FilePath) -> io::Result<Lock> {
        OperatingSystem.lock(path)
    }
}

/// A bank on such a disk with a grant, two releases under it, and a law by which it keeps them beyond the end unless the person asks.
fn kept_on(trouble: &Arc<Trouble>) -> (World, Asked) {
    let mut world = World::made_on(TempDir::new().unwrap(), Arc::new(Mortal(Arc::clone(trouble))));
    let with = trust(world.now, kept_after_end(true));
    world.set_trust(with);
    let grant = granted_under(&mut world, KEEPING);
    refreshed(&mut world, &grant, 1);
    refreshed(&mut world, &grant, 2);
    (world, grant)
}

/// What the bank says of a grant's end is so.
fn is_true(world: &World, grant: &Asked, at: &str) {
    let Some(said) = world.verifier.grant_erasure(&grant.name()).unwrap() else {
        return;
    };
    assert_eq!(world.verifier.tables.erasures_pending(), 0, "{at}: a key is there yet");
    let claims = &world.verifier.grants.tables;
    let is_there = |number: &u32| claims.claims(&grant.name(), *number).unwrap().is_some();
    let there = [1, 2].iter().filter(|number| is_there(number)).count();
    let kept = said.kept.iter().filter(|kept| !kept.claims.is_empty()).count();
    assert_eq!((there, said.erased.len()), (kept, 2 - kept), "{at}: {said:?}");
}

#[test]
fn a_death_at_any_change_of_a_withdrawal_and_a_deletion_leaves_no_statement_that_is_not_true_and_both_go_on() {
    let (mut deaths, mut unsaid) = (0, 0);
    for death in 0..1_000 {
        let at = format!("death at change {death}");
        let trouble = Arc::new(Trouble::default());
        let (mut world, grant) = kept_on(&trouble);
        let withdrawal = grant.withdraw_with(&grant.key, world.now);
        let ask = deletion(&grant, world.now);
        trouble.die_after(death);
        let replies = [withdrawal.clone(), ask.clone()].map(|ask| consent(&mut world, ask));
        let is_whole = replies.iter().all(|reply| matches!(reply, Reply::Erased { .. }));
        trouble.mend();
        let mut world = world.reopen();
        is_true(&world, &grant, &at);
        let view = world.verifier.grant(world.now, &grant.name()).unwrap().unwrap();
        if view.ended.is_some() && view.erasure.is_none() {
            // Said by the clock, whether anybody asks or not.
            unsaid += 1;
            world.verifier.tick(world.now).unwrap();
            let view = world.verifier.grant(world.now, &grant.name()).unwrap().unwrap();
            assert!(view.erasure.is_some(), "{at}");
            is_true(&world, &grant, &at);
        }
        erased(&mut world, &grant, withdrawal);
        is_true(&world, &grant, &at);
        let (_, said) = erased(&mut world, &grant, ask);
        is_true(&world, &grant, &at);
        assert_eq!((said.erased.len(), said.kept.len()), (2, 1), "{at}: {said:?}");
        if is_whole {
            break;
        }
        deaths += 1;
    }
    assert!((10..1_000).contains(&deaths), "{deaths} deaths");
    assert!(unsaid > 1, "some fall between what is erased and what is said of it");
}

#[test]
fn nothing_is_called_erased_while_its_key_is_there_and_the_clock_says_it_when_it_is_gone() {
    let trouble = Arc::new(Trouble::default());
    let (mut world, grant) = kept_on(&trouble);
    let withdrawal = grant.withdraw_with(&grant.key, world.now);
    let (_, said) = erased(&mut world, &grant, withdrawal.clone());
    assert_eq!((said.erased.len(), said.kept.len()), (0, 3));
    trouble.holds_keys.store(true, Ordering::SeqCst);
    let ask = deletion(&grant, world.now);
    for _ in 0..2 {
        assert_eq!(code(consent(&mut world, ask.clone())).0, Code::Internal);
        world.verifier.tick(world.now).unwrap();
        let view = world.verifier.grant(world.now, &grant.name()).unwrap().unwrap();
        assert_eq!(view.erasure, None, "what was said before is not so any more");
        assert_eq!(read(&world, &grant), None, "and nobody reads it");
    }
    assert_eq!(code(consent(&mut world, withdrawal.clone())).0, Code::Internal);
    trouble.mend();
    world.pass(60);
    world.verifier.tick(world.now).unwrap();
    let said = world.verifier.grant_erasure(&grant.name()).unwrap().unwrap();
    assert_eq!((said.erased.len(), said.kept.len()), (2, 1));
    is_true(&world, &grant, "mended");
    assert_eq!(erased(&mut world, &grant, withdrawal).1, said);
    assert_eq!(
        erased(&mut world, &grant, ask).1,
        said,
        "said again, it is answered the same"
    );
}
