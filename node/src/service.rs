//! One open home at work: the roles' machines, the network, the mirrored status lists and the trust document.
//!
//! Roles are synchronous and own no socket; this module carries their outputs to peers and peers' messages to them.
//! Time and randomness come from [`crate::clock`] alone.

mod clocks;
mod drive;
mod epoch;
mod execute;
mod greeting;
mod keys;
mod mirror;
mod trust;
mod views;

pub use execute::{Command, Target};
pub use greeting::Greeting;
pub use keys::Card;

use crate::clock;
use crate::config::{Config, Loaded, Transport};
use crate::error::Failure;
use crate::home::{self, Home};
use crate::network::{self, Inbound, Inbox, ListenOn, Protocol};
use clocks::Clocks;
use credentials::identifier::OrganisationNumber;
use credentials::protocol::{self, hello, issuance, presentation, status as status_protocol};
use credentials::schema::{HolderKind, Types};
use credentials::status::Mirror;
use credentials::trust::Trust;
use credentials::{Code, Did, Problem};

use issuer::Issuer;
use keys::Keys;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock};
use std::time::Duration;
use store::Store;
use tokio::sync::{Notify, Semaphore, watch};
use verifier::Verifier;
use wallet::Wallet;

/// Requests of peers that are worked on at once. Each holds a role's lock for about a millisecond; more would only wait.
const INBOUND_AT_ONCE: usize = 64;
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
    /// The copied home that was noticed when it was opened.
    is_copied: bool,
    clocks: Arc<Clocks>,
    types: Types,
    keys: Keys,
    trust: Arc<RwLock<Option<Arc<Trust>>>>,
    wallet: Option<Mutex<Wallet>>,
    issuer: Option<Mutex<Issuer>>,
    verifier: Option<Mutex<Verifier>>,
    mirror: Mutex<Mirror>,
    unmirrored: Mutex<BTreeMap<Did, Code>>,
    mirrored: watch::Sender<u64>,
    network: OnceLock<network::Handle>,
    sessions: watch::Sender<u64>,
    wake_mirror: Notify,
    deciding: tokio::sync::Mutex<()>,
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
        let store = Store::open(&home.store(), passphrase, entropy())?;
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
                    Some(found) => Ok(found.vct.clone()),
                    None => Err(Problem::new(Code::ConfigInvalid, format!("issuer.issues: {name}"))),
                });
                let settings = issuer::Settings {
                    did: key.did.clone(),
                    kid: key.kid(),
                    issues: issues.collect::<Result<_, _>>()?,
                    status_base: key.status_base(),
                    peers: vec![key.peer.to_string()],
                };
                let random = Box::new(clock::System);
                let issuer = Issuer::open(store.clone(), types.clone(), settings, key.signer.clone(), random);
                Some(Mutex::new(issuer.map_err(|e| unopened(e.problem(), e))?))
            }
            _ => None,
        };
        let verifier = match (&config.verifier, keys.organisation()) {
            (Some(_), Some(key)) => {
                let settings = verifier::Settings {
                    did: key.did.clone(),
                    kid: key.kid(),
                    peers: vec![key.peer.to_string()],
                };
                let random = Box::new(clock::System);
                let verifier = Verifier::open(store.clone(), types.clone(), settings, key.signer.clone(), random);
                Some(Mutex::new(verifier.map_err(|e| unopened(e.problem(), e))?))
            }
            _ => None,
        };
        let service = Arc::new(Service {
            home: home.clone(),
            loaded,
            store,
            is_copied,
            clocks: Arc::default(),
            types,
            keys,
            trust: Arc::default(),
            wallet,
            issuer,
            verifier,
            mirror: Mutex::default(),
            unmirrored: Mutex::default(),
            mirrored: watch::Sender::new(0),
            network: OnceLock::new(),
            sessions: watch::Sender::new(0),
            wake_mirror: Notify::new(),
            deciding: tokio::sync::Mutex::new(()),
        });
        if let Some(trust) = service.stored_trust()? {
            service.use_trust(trust)?;
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
        let settings = |listen| network::Settings {
            transport,
            listen,
            ..network::Settings::default()
        };
        let greeting = Greeting::new(self.keys.organisation().map(|k| k.did.clone()), self.trust.clone());
        let greeting = Arc::new(greeting.telling(self.clocks.clone()));
        let wanted = if listen {
            self.keys.ports(&self.store, &self.config().node.listen)?
        } else {
            Vec::new()
        };
        let started = network::start(settings(wanted), identity.clone(), greeting.clone()).await;
        let (handle, inbox) = match started {
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
            tokio::spawn(inbound(self.clone(), inbox));
        }
        Ok(())
    }

    /// Starts what goes on by itself: ticks and the mirror of status lists.
    pub fn work(self: &Arc<Service>) {
        tokio::spawn(mirror::run(self.clone()));
        if self.wallet.is_some() {
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
            }
        });
    }

    /// Finishes answers under way and leaves the network.
    pub async fn stop(&self) {
        if let Some(network) = self.network.get() {
            network.clone().shutdown().await;
        }
    }

    fn tick(&self) {
        let now = clock::now();
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

    /// Answers one message of a peer. Total: whatever comes gets a reply or a problem.
    fn answer(&self, peer: &str, protocol: Protocol, body: &[u8]) -> Vec<u8> {
        let now = clock::now();
        let reply = match protocol {
            Protocol::Issue => self.answer_issue(now, peer, body),
            Protocol::Present => self.answer_present(now, peer, body),
            Protocol::Status => self.answer_status(now, peer, body),
            _ => {
                let problem = Code::UnexpectedMessage.into();
                note_refusal(peer, protocol, &problem);
                refuse(problem)
            }
        };
        reply.unwrap_or_default()
    }

    fn answer_issue(&self, now: credentials::Timestamp, peer: &str, body: &[u8]) -> Result<Vec<u8>, Problem> {
        let reply = (|| {
            let ask = protocol::decode(body, issuance::LIMIT)?;
            let issuer = self.issuer.as_ref().ok_or(Code::UnexpectedMessage)?;
            let mirror = lock(&self.mirror)?;
            let mut issuer = lock(issuer)?;
            let reply = issuer.receive_issue(now, &*mirror, peer, ask);
            if let Some(error) = issuer.take_failure() {
                tracing::error!(%error, "issuing failed on our side");
            }
            Ok(reply)
        })();
        let reply = reply.unwrap_or_else(issuance::Reply::Problem);
        if let issuance::Reply::Problem(problem) = &reply {
            note_refusal(peer, Protocol::Issue, problem);
        }
        protocol::encode(&reply)
    }

    fn answer_present(&self, now: credentials::Timestamp, peer: &str, body: &[u8]) -> Result<Vec<u8>, Problem> {
        let reply = (|| {
            let ask = protocol::decode(body, presentation::LIMIT)?;
            let verifier = self.verifier.as_ref().ok_or(Code::UnexpectedMessage)?;
            let mirror = lock(&self.mirror)?;
            let reply = lock(verifier)?.receive(now, &*mirror, peer, ask);
            self.announce_sessions();
            Ok(reply)
        })();
        protocol::encode(&reply.unwrap_or_else(presentation::Reply::Problem))
    }

    fn answer_status(&self, now: credentials::Timestamp, peer: &str, body: &[u8]) -> Result<Vec<u8>, Problem> {
        let reply = (|| {
            let ask = protocol::decode(body, status_protocol::LIMIT)?;
            let issuer = self.issuer.as_ref().ok_or(Code::UnexpectedMessage)?;
            Ok(lock(issuer)?.receive_status(now, ask))
        })();
        let reply = reply.unwrap_or_else(status_protocol::Reply::Problem);
        if let status_protocol::Reply::Problem(problem) = &reply {
            note_refusal(peer, Protocol::Status, problem);
        }
        protocol::encode(&reply)
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
    let bytes = store.table(keys::TABLE).get("config")?;
    let bytes = bytes.ok_or_else(|| Failure::because(Code::Damaged, "the copy holds no configuration"))?;
    String::from_utf8(bytes).map_err(|e| Failure::because(Code::Damaged, e))
}

/// Makes the keys of a new home, in its store; for a company's wallet the company's number lies beside them.
pub fn create_keys(store: &Store, config: &Config, company: Option<&OrganisationNumber>) -> Result<(), Failure> {
    Keys::create(store, config, company)
}

/// What a peer was refused, for whoever looks for a fault. Below `info`: a peer may ask as often as it likes, and must not fill
/// the log. The detail of a problem can come from the peer and stays out.
fn note_refusal(peer: &str, protocol: Protocol, problem: &Problem) {
    tracing::debug!(peer, %protocol, code = %problem.code, "refused");
}

fn refuse(problem: Problem) -> Result<Vec<u8>, Problem> {
    protocol::encode(&hello::Reply::Problem(problem))
}

fn fill(bytes: &mut [u8]) {
    use credentials::Random;
    clock::System.fill(bytes);
}

async fn inbound(service: Arc<Service>, mut inbox: Inbox) {
    let places = Arc::new(Semaphore::new(INBOUND_AT_ONCE));
    while let Some(request) = inbox.next().await {
        let Ok(place) = places.clone().acquire_owned().await else {
            return;
        };
        let service = service.clone();
        tokio::spawn(async move {
            let _place = place;
            work_on(&service, request);
        });
    }
}

fn work_on(service: &Service, request: Inbound) {
    let peer = request.peer.to_string();
    let reply = tokio::task::block_in_place(|| service.answer(&peer, request.protocol, &request.body));
    request.reply(reply);
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
