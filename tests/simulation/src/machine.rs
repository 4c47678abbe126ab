//! One machine: a role on its store on its disk, with a clock of its own. It ends and begins as a node does.

use crate::cast::{self, Cast, Who};
use crate::dice::Dice;
use crate::disk::{End, SimDisk};
use credentials::schema::HolderKind;
use credentials::status::Mirror;
use credentials::trust::{Bundle, Ceremony, Known, Trust};
use credentials::{Code, Problem, Timestamp};
use issuer::Issuer;
use std::path::Path;
use std::sync::Arc;
use store::{Params, Passphrase, Store};
use verifier::Verifier;
use wallet::Wallet;

/// Where the store lies on the disk.
const HOME: &str = "/store";
/// Where a node keeps the trust document: in its own table beside the role's.
const NODE: &str = "node";

pub(crate) enum Role {
    Wallet(Wallet),
    Issuer(Box<Issuer>),
    Verifier(Box<Verifier>),
}

/// What runs while the machine is up.
pub(crate) struct Running {
    pub(crate) role: Role,
    pub(crate) store: Store,
    /// What it mirrors of the issuers' lists: in memory, as in a node.
    pub(crate) mirror: Mirror,
    pub(crate) trust: Option<Arc<Trust>>,
    /// What it remembers of the trust list.
    known: Option<Known>,
}

pub(crate) struct Machine {
    pub(crate) who: Who,
    pub(crate) disk: SimDisk,
    pub(crate) running: Option<Running>,
    /// Seconds that its clock is ahead.
    pub(crate) skew: i64,
    /// Counts its processes.
    pub(crate) life: u64,
    seed: u64,
}

/// Why a machine did not begin.
#[derive(Debug)]
pub(crate) struct NotBegun(pub(crate) String);

impl<E: std::error::Error> From<E> for NotBegun {
    fn from(error: E) -> NotBegun {
        NotBegun(error.to_string())
    }
}

impl Machine {
    pub(crate) fn new(seed: u64, who: Who) -> Machine {
        Machine {
            who,
            disk: SimDisk::new(Dice::new(seed, &format!("disk of {}", cast::name(who)))),
            running: None,
            skew: 0,
            life: 0,
            seed,
        }
    }

    pub(crate) fn wallet(&mut self) -> Option<&mut Wallet> {
        match &mut self.running.as_mut()?.role {
            Role::Wallet(wallet) => Some(wallet),
            _ => None,
        }
    }

    pub(crate) fn issuer(&mut self) -> Option<&mut Issuer> {
        match &mut self.running.as_mut()?.role {
            Role::Issuer(issuer) => Some(issuer),
            _ => None,
        }
    }

    pub(crate) fn verifier(&mut self) -> Option<&mut Verifier> {
        match &mut self.running.as_mut()?.role {
            Role::Verifier(verifier) => Some(verifier),
            _ => None,
        }
    }

    /// A process ended; `end` says what became of what it had written.
    pub(crate) fn end(&mut self, end: End) {
        self.running = None;
        self.disk.end(end);
        self.life = self.life.saturating_add(1);
    }

    /// Begins a process: makes the home when there is none, else opens what is there.
    pub(crate) fn begin(&mut self, cast: &Cast) -> Result<(), NotBegun> {
        let label = format!("{} {}", cast::name(self.who), self.life);
        let store = open(&self.disk, self.seed, &label)?;
        let known = stored_trust(&store)?;
        let trust = known.as_ref().and_then(Known::trust);
        let mut random = Dice::new(self.seed, &format!("random of {label}"));
        let random = Box::new(move |bytes: &mut [u8]| random.fill(bytes));
        let (types, who) = (cast.types.clone(), self.who);
        let role = if cast::is_wallet(who) {
            Role::Wallet(Wallet::open(store.clone(), types, holder(), random)?)
        } else if cast::is_issuer(who) {
            let key = Arc::new(cast::key(who));
            Role::Issuer(Box::new(Issuer::open(
                store.clone(),
                types,
                issuer_settings(cast, who),
                key,
                random,
            )?))
        } else {
            let settings = verifier::Settings {
                did: cast.did(who).clone(),
                kid: cast.kid(who),
                peers: vec![cast::peer(who)],
            };
            let key = Arc::new(cast::key(who));
            Role::Verifier(Box::new(Verifier::open(store.clone(), types, settings, key, random)?))
        };
        self.running = Some(Running {
            role,
            store,
            mirror: Mirror::default(),
            trust: None,
            known,
        });
        if let Some(trust) = trust {
            self.use_trust(trust);
        }
        Ok(())
    }

    fn use_trust(&mut self, trust: Arc<Trust>) {
        let Some(running) = &mut self.running else { return };
        match &mut running.role {
            Role::Wallet(wallet) => wallet.set_trust(trust.clone()),
            Role::Issuer(issuer) => issuer.set_trust(trust.clone()),
            Role::Verifier(verifier) => verifier.set_trust(trust.clone()),
        }
        running.trust = Some(trust);
    }

    /// Takes a bundle of the trust list as a node does: by what it remembers, and durable before it counts.
    pub(crate) fn take_trust(&mut self, cast: &Cast, bundle: &Bundle, now: Timestamp) -> Result<bool, String> {
        let Some(running) = &mut self.running else {
            return Ok(false);
        };
        let mut known = match (&running.known, cast.anchors()) {
            (Some(known), _) => known.clone(),
            (None, Some(anchors)) => begun(anchors, now).map_err(|problem| problem.to_string())?,
            (None, None) => return Ok(false),
        };
        let before = known.version();
        match known.take(bundle, now) {
            Ok(taken) if taken.is_changed => {}
            Ok(_) => return Ok(false),
            Err(refused) if refused.problem.code == Code::TrustRollback => {
                let kept = known.version() == before;
                return if kept {
                    Ok(false)
                } else {
                    Err("a refusal changed what is remembered".to_owned())
                };
            }
            Err(refused) => return Err(refused.to_string()),
        }
        let mut transaction = running.store.transaction();
        let bytes = known.to_bytes().map_err(|problem| problem.to_string())?;
        transaction.put(&running.store.table(NODE), "trust", &bytes);
        transaction.commit().map_err(|error| error.to_string())?;
        let trust = known.trust();
        running.known = Some(known);
        if let Some(trust) = trust {
            self.use_trust(trust);
        }
        Ok(true)
    }
}

fn begun(anchors: &Ceremony, now: Timestamp) -> Result<Known, Problem> {
    let (known, _) = Known::first(anchors.first()?.text(), &anchors.fingerprint()?, now)?;
    Ok(known)
}

fn holder() -> wallet::Settings {
    wallet::Settings {
        kind: HolderKind::Person,
        organisation: None,
    }
}

fn issuer_settings(cast: &Cast, who: Who) -> issuer::Settings {
    let issues: &[&str] = if who == cast::IDENTITY {
        &[cast::PID]
    } else {
        &[cast::INCOME, cast::LOAN]
    };
    issuer::Settings {
        did: cast.did(who).clone(),
        kid: cast.kid(who),
        issues: issues.iter().map(|vct| (*vct).to_owned()).collect(),
        status_base: format!("https://{}.example/status/", cast::name(who)),
        peers: vec![cast::peer(who)],
    }
}

fn stored_trust(store: &Store) -> Result<Option<Known>, NotBegun> {
    match store.table(NODE).get("trust")? {
        Some(bytes) => Ok(Some(Known::from_bytes(&bytes)?)),
        None => Ok(None),
    }
}

/// Opens the store of a disk, or makes it.
pub(crate) fn open(disk: &SimDisk, seed: u64, label: &str) -> Result<Store, store::Error> {
    let passphrase = Passphrase::new("syntetisk");
    let mut entropy = Dice::new(seed, &format!("entropy of {label}"));
    let entropy = Box::new(move |bytes: &mut [u8]| entropy.fill(bytes));
    match Store::open_on(disk.as_disk(), Path::new(HOME), &passphrase, entropy) {
        Err(store::Error::Missing { .. }) => {
            let mut entropy = Dice::new(seed, &format!("first entropy of {label}"));
            let entropy = Box::new(move |bytes: &mut [u8]| entropy.fill(bytes));
            Store::create_on(disk.as_disk(), Path::new(HOME), &passphrase, Params::quick(), entropy)
        }
        opened => opened,
    }
}

/// What a wallet would find after a power cut now: its holder's own export.
pub(crate) fn durable_export(machine: &Machine, cast: &Cast) -> Result<serde_json::Value, NotBegun> {
    let label = format!("inspection of {}", cast::name(machine.who));
    let disk = machine.disk.durable_copy(Dice::new(machine.seed, &label));
    let store = open(&disk, machine.seed, &label)?;
    let mut random = Dice::new(machine.seed, &label);
    let random = Box::new(move |bytes: &mut [u8]| random.fill(bytes));
    let wallet = Wallet::open(store, cast.types.clone(), holder(), random)?;
    Ok(wallet.export()?)
}

/// The store as it would be after a power cut now.
pub(crate) fn durable_store(machine: &Machine) -> Result<Store, NotBegun> {
    let label = format!("inspection of {}", cast::name(machine.who));
    let disk = machine.disk.durable_copy(Dice::new(machine.seed, &label));
    Ok(open(&disk, machine.seed, &label)?)
}

/// How many entries the access log of an issuer would have after a power cut now.
pub(crate) fn durable_access(machine: &Machine) -> Result<u64, NotBegun> {
    Ok(access(&durable_store(machine)?)?)
}

/// Entries of an issuer's access log.
pub(crate) fn access(store: &Store) -> Result<u64, store::Error> {
    store.table("issuer.access").len()
}
