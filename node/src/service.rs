//! One open home at work: the roles' machines, the network, the mirrored status lists and the trust document.
//!
//! Roles are synchronous and own no socket; this module carries their outputs to peers and peers' messages to them.
//! Time and randomness come from [`crate::clock`] alone.

mod alarms;
mod answering;
mod asking;
mod cache;
mod certificate;
mod clocks;
mod consents;
mod contents;
mod doorway;
mod drive;
mod effects;
mod epoch;
mod execute;
mod freshness;
mod gate;
mod gossip;
mod greeting;
mod health;
mod hooks;
mod jobs;
mod keys;
mod lasting;
mod mailboxes;
mod metrics;
pub mod migration;
mod mirror;
mod notices;
mod people;
mod posting;
mod pulse;
mod readiness;
mod record;
mod rotation;
mod trust;
mod versions;
mod views;

pub use contents::Contents;
pub use effects::{Effect, WAIT_MAX};
pub(crate) use execute::news;
pub use execute::{Command, Consent, Notice, System, Systems, SystemsGrant, Target};
pub use greeting::Greeting;
pub use health::seen_from_outside;
pub use hooks::Hook;
pub use keys::{AnchorCard, AnchorName, Card, CardKey};
pub use metrics::{FIGURES, Figure, Format, Kind, LABELS};
pub use people::{Confided, Face, HANDLE_MAX, NAME_MAX, PASSPHRASE_MAX, PASSPHRASE_MIN, Person};
pub use readiness::{CODES as READINESS_CODES, Readiness, Reason};
pub use record::{About, Act, Actor, PAGE_MAX as RECORD_PAGE_MAX, Scope};
pub use trust::{shown_bundle, shown_changes, shown_proposal, trust_first};

use crate::clock;
use crate::config::{Config, Loaded, Transport};
use crate::disk::{Measured, Syncs};
use crate::error::Failure;
use crate::home::{self, Home};
use crate::http::door::Door;
use crate::network::{self, ListenOn};
use crate::webhooks::Hooks;
use crate::webhooks::sender::Sender;
use clocks::Clocks;
use credentials::identifier::OrganisationNumber;
use credentials::schema::{HolderKind, Types};
use credentials::status::Mirror;
use credentials::trust::{NodeEntry, Trust, Version};
use credentials::{Code, Did, Problem};
use issuer::Issuer;
use keys::Keys;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock};
use std::time::Duration;
use store::Store;
use tokio::sync::{Notify, watch};
use verifier::Verifier;
use wallet::Wallet;

/// What an operator calls bankruptcy notices among the types that a register issues.
pub const NOTICES: &str = "C10";
/// How often roles look at their clocks.
const TICK: Duration = Duration::from_secs(1);
/// How often a wallet tries again to end what was begun: an issuer revokes what is not acknowledged within seven days.
const RESUME: Duration = Duration::from_secs(600);
/// Largest credential type file that an operator drops in, in bytes.
const TYPE_MAX: u64 = 256 * 1024;
/// Most credential types that an operator drops in.
const TYPES_MAX: usize = 64;

/// An open home.
pub struct Service {
    home: Home,
    loaded: Loaded,
    store: Store,
    /// How long its disk takes.
    syncs: Arc<Syncs>,
    /// The copied home that was noticed when it was opened.
    is_copied: bool,
    clocks: Arc<Clocks>,
    types: Types,
    keys: Keys,
    keeper: Mutex<trust::Keeper>,
    certificate: RwLock<Option<certificate::Own>>,
    trust: Arc<RwLock<Option<Arc<Trust>>>>,
    wallet: Option<Mutex<Wallet>>,
    issuer: Option<Mutex<Issuer>>,
    verifier: Option<Mutex<Verifier>>,
    /// Where events go that the verifier tells.
    hooks: Option<Mutex<Hooks>>,
    sender: OnceLock<Sender>,
    mirror: Mutex<Mirror>,
    unmirrored: Mutex<BTreeMap<Did, Code>>,
    /// Issuers whose lists changed since the cache was written.
    uncached: Mutex<BTreeSet<Did>>,
    cache: Option<cache::Cache>,
    mirrored: watch::Sender<u64>,
    trusted: watch::Sender<u64>,
    /// Whom the network was told of last.
    neighbours: Mutex<Vec<NodeEntry>>,
    /// The version that gossip has passed on by itself.
    passed_on: Mutex<Option<Version>>,
    gate: gate::Gate,
    /// Where letters go out and come in.
    office: posting::Office,
    /// Of an operator of mailboxes.
    desk: Option<mailboxes::Desk>,
    certified: Arc<greeting::Certified>,
    network: OnceLock<network::Handle>,
    sessions: watch::Sender<u64>,
    alarms: alarms::Alarms,
    people: people::People,
    record: record::Record,
    jobs: jobs::Jobs,
    refusals: Arc<metrics::Refusals>,
    verdicts: metrics::Verdicts,
    older_trust: metrics::OlderTrust,
    lasting: lasting::Lasting,
    effects: effects::Effects,
    wake_mirror: Notify,
    wake_trust: Notify,
    wake_notices: Notify,
    wake_hooks: Notify,
    /// When something was last asked for because somebody came back, in seconds since the machine started.
    asked_at: AtomicI64,
    /// When other organisations were last asked to confirm the trust list, in seconds since the machine started.
    confirm_tried: AtomicI64,
    deciding: tokio::sync::Mutex<()>,
    /// Held while it is looked whether a case is being asked already.
    asked_once: tokio::sync::Mutex<()>,
    /// Links and sessions of the pages.
    door: Door,
    /// Where the pages are, when they are served.
    pages: OnceLock<String>,
    /// When what is done by the clock was done last, in seconds that the process has been running; negative before the first time.
    ticked: AtomicI64,
    is_stopping: AtomicBool,
}

/// Locks; after a panic inside a role its state is not to be trusted, so the command is refused and the process goes on
/// to answer nothing for that role.
fn lock<T>(mutex: &Mutex<T>) -> Result<MutexGuard<'_, T>, Problem> {
    mutex.lock().map_err(|_| {
        tracing::error!("a role stopped after a failure; restart the node");
        Problem::from(Code::Internal)
    })
}

impl Service {
    /// Opens a home: unlocks the store and wakes the roles that the configuration names. Nothing is sent yet.
    pub fn open(home: &Home, loaded: Loaded, passphrase: &store::Passphrase) -> Result<Arc<Service>, Failure> {
        let disk = Measured::default();
        let syncs = disk.syncs();
        let store = Store::open_on(Arc::new(disk), &home.store(), passphrase, entropy())?;
        for damage in store.health().journal_repairs {
            let (segment, offset) = (damage.segment, damage.offset);
            tracing::warn!(
                segment,
                offset,
                "the journal was damaged and was written anew from the index"
            );
        }
        // Before any role looks at what was open in it.
        let is_copied = epoch::settle(&store)?;
        let alarms = alarms::Alarms::load(&store)?;
        let people = people::People::open(&store);
        let record = record::Record::open(&store, loaded.config.wallet.is_none())?;
        let types = types(home)?;
        let keys = Keys::load(&store, &loaded.config)?;
        let config = &loaded.config;
        let wallet = match &config.wallet {
            None => None,
            Some(_) => {
                let kind = match keys.company() {
                    Some(_) => HolderKind::Company,
                    None => HolderKind::Person,
                };
                let settings = wallet::Settings {
                    kind,
                    organisation: keys.company().map(ToOwned::to_owned),
                };
                let wallet = Wallet::open(store.clone(), types.clone(), settings, Box::new(clock::System));
                let mut wallet = wallet.map_err(|e| unopened(e.problem(), e))?;
                let void = wallet.tell_void(clock::now()).map_err(|e| unopened(e.problem(), e))?;
                if void > 0 {
                    tracing::warn!(
                        credentials = void,
                        "copies count as used: the home was restored or copied"
                    );
                }
                Some(Mutex::new(wallet))
            }
        };
        let issuer = match (&config.issuer, keys.organisation()) {
            (Some(section), Some(key)) => {
                let issues = section.issues.iter().map(|name| match types.find(name) {
                    // Notices are no credentials: they have a form of their own.
                    None if [NOTICES, credentials::notice::VCT].contains(&name.as_str()) => {
                        Ok(credentials::notice::VCT.to_owned())
                    }
                    Some(found) => Ok(found.vct.clone()),
                    None => Err(Problem::new(Code::ConfigInvalid, format!("issuer.issues: {name}"))),
                });
                let settings = issuer::Settings {
                    did: key.did.clone(),
                    kid: key.kid(&key.signing()),
                    issues: issues.collect::<Result<_, _>>()?,
                    status_base: key.status_base(),
                    peers: vec![key.peer.to_string()],
                };
                let random = Box::new(clock::System);
                let issuer = Issuer::open(
                    store.clone(),
                    types.clone(),
                    settings,
                    key.signing().signer.clone(),
                    random,
                );
                let mut issuer = issuer.map_err(|e| unopened(e.problem(), e))?;
                let standard = issuer::NoticeLimits::default();
                issuer.set_notice_limits(issuer::NoticeLimits {
                    per_day: section.evaluations_per_day.map_or(standard.per_day, u64::from),
                    per_key: section.evaluations_per_key.map_or(standard.per_key, u64::from),
                });
                Some(Mutex::new(issuer))
            }
            _ => None,
        };
        let verifier = match (&config.verifier, keys.organisation()) {
            (Some(_), Some(key)) => {
                let settings = verifier::Settings {
                    did: key.did.clone(),
                    kid: key.kid(&key.signing()),
                    peers: vec![key.peer.to_string()],
                };
                let random = Box::new(clock::System);
                let verifier = Verifier::open(
                    store.clone(),
                    types.clone(),
                    settings,
                    key.signing().signer.clone(),
                    random,
                );
                Some(Mutex::new(verifier.map_err(|e| unopened(e.problem(), e))?))
            }
            _ => None,
        };
        let hooks = Hooks::open(&store)?;
        let keeper = Mutex::new(trust::Keeper::load(&store)?);
        let gate = gate::Gate::load(&store)?;
        let office = posting::Office::open(&store)?;
        let desk = match (&config.mailbox, keys.organisation()) {
            (Some(_), Some(key)) => Some(mailboxes::Desk::open(&store, key.did.clone())?),
            _ => None,
        };
        let certified = greeting::Certified::load(&store)?;
        let cache = match cache::Cache::open(&home.status_cache()) {
            Ok(cache) => Some(cache),
            Err(error) => {
                // It only spares asking after a restart.
                tracing::warn!(%error, "no status cache");
                None
            }
        };
        let certificate = RwLock::new(certificate::load(&store)?);
        let idle_minutes = loaded.config.http.as_ref().map_or(0, |http| http.idle_minutes);
        let door = Door::new(i64::from(idle_minutes).saturating_mul(60));
        let service = Arc::new(Service {
            home: home.clone(),
            loaded,
            store,
            syncs,
            is_copied,
            clocks: Arc::default(),
            types,
            keys,
            keeper,
            certificate,
            trust: Arc::default(),
            wallet,
            issuer,
            hooks: verifier.as_ref().map(|_| Mutex::new(hooks)),
            sender: OnceLock::new(),
            verifier,
            mirror: Mutex::default(),
            unmirrored: Mutex::default(),
            uncached: Mutex::default(),
            cache,
            mirrored: watch::Sender::new(0),
            trusted: watch::Sender::new(0),
            neighbours: Mutex::new(Vec::new()),
            passed_on: Mutex::new(None),
            gate,
            office,
            desk,
            certified: Arc::new(certified),
            network: OnceLock::new(),
            sessions: watch::Sender::new(0),
            alarms,
            people,
            record,
            jobs: jobs::Jobs::default(),
            refusals: Arc::default(),
            verdicts: metrics::Verdicts::default(),
            older_trust: metrics::OlderTrust::default(),
            lasting: lasting::Lasting::default(),
            effects: effects::Effects::default(),
            wake_mirror: Notify::new(),
            wake_trust: Notify::new(),
            wake_notices: Notify::new(),
            wake_hooks: Notify::new(),
            asked_at: AtomicI64::new(0),
            confirm_tried: AtomicI64::new(i64::MIN / 2),
            deciding: tokio::sync::Mutex::new(()),
            asked_once: tokio::sync::Mutex::new(()),
            door,
            pages: OnceLock::new(),
            ticked: AtomicI64::new(-1),
            is_stopping: AtomicBool::new(false),
        });
        service.remember_reaches()?;
        if let Some(trust) = service.stored_trust()? {
            service.use_trust(trust)?;
            service.read_cache();
        }
        Ok(service)
    }

    /// The configuration.
    pub fn config(&self) -> &Config {
        &self.loaded.config
    }

    /// Joins the network: an organisation listens, a wallet only dials. Peers are answered until [`Service::stop`].
    pub async fn join(self: &Arc<Service>, listen: bool) -> Result<(), Failure> {
        let listen = listen && self.keys.organisation().is_some();
        let identity = if listen { Some(self.keys.transport()) } else { None };
        let transport = match self.config().node.transport {
            Transport::Both => network::Transport::QuicThenTcp,
            Transport::Quic => network::Transport::QuicOnly,
            Transport::Tcp => network::Transport::TcpOnly,
        };
        let is_relay = listen && self.config().relay.is_some();
        let relays = self.config().node.relayed().filter(|_| listen).unwrap_or_default();
        let settings = |listen| network::Settings {
            transport,
            listen,
            through_relays: self.config().node.through_relays,
            relays: relays.clone(),
            relay: is_relay.then(network::RelayLimits::default),
            ..network::Settings::default()
        };
        let greeting = match self.keys.organisation() {
            None => Greeting::wallet(self.trust.clone()),
            Some(key) => {
                let service = Arc::downgrade(self);
                let certificate = move || service.upgrade().and_then(|service| service.certificate());
                Greeting::organisation(key.did.clone(), certificate, self.trust.clone())
            }
        };
        let noting = greeting.noting(self.clocks.clone(), self.certified.clone(), self.refusals.clone());
        let greeting = Arc::new(noting);
        let wanted = if listen {
            self.keys.ports(&self.store, &self.config().node.listen)?
        } else {
            Vec::new()
        };
        let started = network::start(settings(wanted), identity.clone(), greeting.clone()).await;
        let (handle, mut inbox) = match started {
            Ok(started) => started,
            // The ports of last time may be taken; then the system picks others and the trust document is to be renewed.
            Err(network::Error::Io(error)) if listen => {
                tracing::warn!(%error, "cannot listen where we did last time");
                let fresh = self.config().node.listen.iter().filter_map(|a| a.parse().ok());
                let fresh = fresh.map(|a: std::net::SocketAddr| ListenOn {
                    ip: a.ip(),
                    quic: a.port(),
                    tcp: a.port(),
                });
                network::start(settings(fresh.collect()), identity, greeting)
                    .await
                    .map_err(|e| Failure::because(Problem::new(Code::ConfigInvalid, "node.listen"), e))?
            }
            Err(error) => {
                return Err(Failure::because(
                    Problem::new(Code::ConfigInvalid, "node.listen"),
                    error,
                ));
            }
        };
        if listen {
            self.keys.remember_ports(&self.store, &handle.addresses())?;
        }
        if self.network.set(handle).is_err() {
            return Err(Failure::because(Code::Internal, "the network was joined twice"));
        }
        if listen {
            if let Some(gossip) = inbox.gossip() {
                tokio::spawn(gossip::run(self.clone(), gossip));
            }
            tokio::spawn(answering::run(self.clone(), inbox));
        }
        Ok(())
    }

    /// Starts what goes on by itself: ticks and the mirror of status lists.
    pub fn work(self: &Arc<Service>) {
        tokio::spawn(mirror::run(self.clone()));
        tokio::spawn(mirror::keep(self.clone()));
        if self.keys.organisation().is_some() || self.wallet.is_some() {
            tokio::spawn(versions::run(self.clone()));
        }
        if self.desk.is_some() {
            tokio::spawn(mailboxes::run(self.clone()));
        }
        if self.wallet.is_some() || self.issuer.is_some() || self.verifier.is_some() {
            tokio::spawn(posting::deliver(self.clone()));
            tokio::spawn(posting::collect(self.clone()));
        }
        if self.verifier.is_some() {
            tokio::spawn(posting::await_answers(self.clone()));
            tokio::spawn(notices::run(self.clone()));
            tokio::spawn(hooks::run(self.clone()));
        }
        if self.issuer.is_some() {
            tokio::spawn(notices::settle(self.clone()));
            tokio::spawn(jobs::run(self.clone()));
            tokio::spawn(consents::tell(self.clone()));
        }
        if self.wallet.is_some() {
            tokio::spawn(consents::uses(self.clone()));
            tokio::spawn(consents::refusals(self.clone()));
            tokio::spawn(consents::withdrawals(self.clone()));
            let service = self.clone();
            // What was decided before a restart goes on by itself: the decision was taken, only its sending was not.
            tokio::spawn(async move {
                let mut again = tokio::time::interval(RESUME);
                loop {
                    again.tick().await;
                    if let Err(failure) = service.execute(Command::WalletResume).await {
                        tracing::debug!(%failure, "resuming");
                    }
                }
            });
        }
        let service = self.clone();
        tokio::spawn(async move {
            let mut tick = tokio::time::interval(TICK);
            tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            loop {
                tick.tick().await;
                tokio::task::block_in_place(|| service.tick());
                // After a restore it waits: it is told as soon as heads of enough organisations were taken.
                if service.require_caught_up().is_err() {
                    continue;
                }
                if let Err(problem) = service.tell_news().await {
                    tracing::warn!(%problem, "news of our lists not told");
                }
            }
        });
    }

    /// Finishes answers under way and leaves the network.
    pub async fn stop(&self) {
        self.is_stopping.store(true, Ordering::Relaxed);
        if let Some(network) = self.network.get() {
            network.clone().shutdown().await;
        }
        // What was seen since the last tick.
        self.keep_certificates();
    }

    fn keep_certificates(&self) {
        if let Err(failure) = self.certified.keep(&self.store) {
            tracing::warn!(%failure, "certificates of others not kept");
        }
    }

    fn tick(&self) {
        self.ticked.store(clock::running(), Ordering::Relaxed);
        let now = clock::now();
        if let Some(trust) = self.trust() {
            self.certified.review(&trust);
        }
        self.keep_certificates();
        self.note_lasting();
        match self.renew_certificate_if_due(now) {
            Ok(false) => {}
            Ok(true) => {
                if let Err(failure) = self.note(&Actor::Node, Act::CertificateRenewed, About::default()) {
                    tracing::warn!(%failure, "a node certificate is not in the log of who did what");
                }
            }
            Err(failure) => tracing::warn!(%failure, "node certificate"),
        }
        if let Err(failure) = self.resign_head_if_due(now) {
            tracing::warn!(%failure, "head of the trust list");
        }
        if let Some(issuer) = &self.issuer
            && let Err(error) = lock(issuer).map(|mut issuer| issuer.tick(now))
        {
            tracing::warn!(%error, "issuer's tick");
        }
        if let Some(verifier) = &self.verifier {
            match lock(verifier).map(|mut verifier| verifier.tick(now)) {
                Ok(Ok(changed)) if !changed.is_empty() => self.announce_sessions(),
                Ok(Ok(_)) => {}
                Ok(Err(error)) => tracing::warn!(%error, "verifier's tick"),
                Err(error) => tracing::warn!(%error, "verifier's tick"),
            }
        }
    }

    fn announce_sessions(&self) {
        self.sessions
            .send_modify(|revision| *revision = revision.saturating_add(1));
    }

    fn network(&self) -> Result<&network::Handle, Problem> {
        self.network
            .get()
            .ok_or_else(|| Problem::new(Code::Unreachable, "this node is offline"))
    }

    fn trust(&self) -> Option<Arc<Trust>> {
        self.trust.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl std::fmt::Debug for Service {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Service")
            .field("home", &self.home.path())
            .finish_non_exhaustive()
    }
}

/// Why a role could not be opened: the disk, else something stored that it cannot read.
fn unopened(problem: Problem, error: impl std::fmt::Display) -> Failure {
    let code = match problem.code {
        Code::Internal => Code::Damaged,
        code => code,
    };
    Failure::because(code, error)
}

/// The operating system's randomness, as the store takes it.
pub fn entropy() -> store::Entropy {
    Box::new(fill)
}

/// The configuration's text as the last backup kept it.
pub fn stored_config(store: &Store) -> Result<String, Failure> {
    let bytes = store.table(keys::TABLE).get(migration::CONFIG)?;
    let bytes = bytes.ok_or_else(|| Failure::because(Code::Damaged, "the copy holds no configuration"))?;
    String::from_utf8(bytes).map_err(|e| Failure::because(Code::Damaged, e))
}

/// Makes the keys of a new anchor's home: for roots and lists, and for heads where that is asked.
pub fn create_anchor(store: &Store, config: &Config, name: AnchorName, has_head: bool) -> Result<(), Failure> {
    use credentials::trust::Role;
    Keys::create(store, config, None, 1)?;
    let roles: &[Role] = if has_head {
        &Role::ALL
    } else {
        &[Role::Root, Role::List]
    };
    keys::AnchorKeys::create(store, name, roles).map(drop)
}

/// Makes the keys of a new home, in its store; for a company's wallet the company's number lies beside them.
pub fn create_keys(store: &Store, config: &Config, company: Option<&OrganisationNumber>) -> Result<(), Failure> {
    Keys::create(store, config, company, 1)
}

/// Makes the keys of a home for one more key of an organisation, whose card shows the others: the number after theirs.
pub fn create_second_key(store: &Store, config: &Config, card: &Card) -> Result<(), Failure> {
    Keys::create(store, config, None, card.next_number()?)
}

fn fill(bytes: &mut [u8]) {
    use credentials::Random;
    clock::System.fill(bytes);
}

/// The types of this build and those that the operator dropped into the home.
pub fn types(home: &Home) -> Result<Types, Failure> {
    let mut types = Types::builtin();
    let folder = home.types();
    if !folder.exists() {
        return Ok(types);
    }
    let entries = std::fs::read_dir(&folder).map_err(|e| Failure::file(&folder, &e))?;
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.map_err(|e| Failure::file(&folder, &e))?.path();
        if path.is_file() && path.extension().is_some_and(|e| e == "json") {
            files.push(path);
        }
    }
    files.sort();
    if files.len() > TYPES_MAX {
        return Err(Problem::new(Code::TooLarge, folder.display().to_string()).into());
    }
    for file in files {
        let text = home::read(&file, TYPE_MAX)?;
        types.add(&text).map_err(|problem| {
            Failure::because(Problem::new(Code::ConfigInvalid, file.display().to_string()), problem)
        })?;
    }
    Ok(types)
}

#[cfg(test)]
pub(crate) mod tests;
