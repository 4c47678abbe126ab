//! `hello`: organisations are who the trust list says they are, by a certificate of their own key; wallets tell nothing.

use super::clocks::{self, Clocks};
use super::metrics::Refusals;
use crate::clock;
use crate::error::Failure;
use crate::network::{Greeter, PeerName, Protocol, Refusal, Standing};
use credentials::protocol::{self, hello};
use credentials::trust::{Certificate, Certificates, Proven, Seen, Trust};
use credentials::{Code, Did, Problem, Timestamp};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use store::Store;

/// Version of the protocol that this build speaks.
const VERSION: u16 = 1;
/// Table of the highest serial seen of each node certificate, by DID and slot.
const TABLE: &str = "certificates";

/// Most certificates whose signature is remembered as good: several of each node of the list.
const PROVEN_MAX: usize = 1_024;

/// What makes our certificate at the moment; nothing before the list has named this node.
type Vouch = Arc<dyn Fn() -> Option<String> + Send + Sync>;

/// Our hello, and what we make of others'.
pub struct Greeting {
    own: Option<(Did, Vouch)>,
    trust: Arc<RwLock<Option<Arc<Trust>>>>,
    clocks: Arc<Clocks>,
    certified: Arc<Certified>,
    refusals: Arc<Refusals>,
}

impl Greeting {
    /// For a wallet, with the trust list as it changes.
    pub fn wallet(trust: Arc<RwLock<Option<Arc<Trust>>>>) -> Greeting {
        Greeting {
            own: None,
            trust,
            clocks: Arc::default(),
            certified: Arc::default(),
            refusals: Arc::default(),
        }
    }

    /// For an organisation that shows this certificate.
    pub fn organisation(
        did: Did,
        certificate: impl Fn() -> Option<String> + Send + Sync + 'static,
        trust: Arc<RwLock<Option<Arc<Trust>>>>,
    ) -> Greeting {
        Greeting {
            own: Some((did, Arc::new(certificate))),
            ..Greeting::wallet(trust)
        }
    }

    /// The same, with places for what organisations say of the time, for their certificates, and for what was refused.
    pub(super) fn noting(self, clocks: Arc<Clocks>, certified: Arc<Certified>, refusals: Arc<Refusals>) -> Greeting {
        Greeting {
            clocks,
            certified,
            refusals,
            ..self
        }
    }

    fn trust(&self) -> Option<Arc<Trust>> {
        self.trust.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Who has been away for long knows none of the keys that others have by now. A listed node that it dialled is believed
    /// nothing then, and asked for the trust list alone, which is signed by its anchors: by that list its certificate holds.
    fn judge(&self, peer: &PeerName, body: &[u8], we_dialled: bool) -> Result<Standing, Problem> {
        let reply: hello::Reply = protocol::decode(body, hello::LIMIT)?;
        let hello = match reply {
            hello::Reply::Hello(hello) => hello,
            hello::Reply::Problem(problem) => return Err(problem),
        };
        if hello.version != VERSION {
            return Err(Problem::new(Code::Unsupported, "version"));
        }
        match hello.who {
            // Wallets only dial: one that answers is none.
            hello::Who::Wallet if we_dialled => Err(Code::NotListed.into()),
            // An organisation's node has a certificate to show, and none is let in under its name without.
            hello::Who::Wallet if self.is_listed(peer) => Err(Problem::new(Code::CertificateInvalid, "none")),
            hello::Who::Wallet => Ok(Standing::Full),
            hello::Who::Organisation {
                did,
                certificate,
                time,
                trust: newest,
            } => {
                let trust = self.trust().ok_or(Code::TrustMissing)?;
                match trust.organisation_of_peer(peer.as_str()) {
                    Some(organisation) if organisation.did == did => {}
                    _ => return Err(Code::NotListed.into()),
                }
                self.clocks.hear(&did, time, newest, clock::since_boot());
                // Nothing that two such clocks sign for each other would be in date. Who dialled has not heard our time yet.
                let now = clock::now();
                if clocks::are_apart(time.since(now)) {
                    return Err(Problem::new(Code::ClockSuspect, now.to_string()));
                }
                let proven = match self.certified.open(&certificate, &trust, now) {
                    Ok(proven) => proven,
                    Err(problem) if we_dialled && is_of_a_newer_list(problem.code) => {
                        tracing::info!(%did, %problem, "asked for the trust list alone");
                        return Ok(Standing::TrustOnly);
                    }
                    Err(problem) => return Err(problem),
                };
                let opened = proven.certificate();
                if opened.issuer != did || opened.peer != peer.as_str() {
                    return Err(Problem::new(Code::CertificateInvalid, "peer"));
                }
                self.certified.admit(opened, &certificate)?;
                Ok(Standing::Full)
            }
        }
    }

    /// What a greeting that was let in is worth by the list and the clock of now; none when it counts no more.
    fn judge_again(&self, peer: &PeerName, body: &[u8], we_dialled: bool) -> Option<Standing> {
        let Ok(hello::Reply::Hello(hello)) = protocol::decode(body, hello::LIMIT) else {
            return None;
        };
        let hello::Who::Organisation { did, certificate, .. } = hello.who else {
            return (!self.is_listed(peer)).then_some(Standing::Full);
        };
        let trust = self.trust()?;
        trust
            .organisation_of_peer(peer.as_str())
            .filter(|listed| listed.did == did)?;
        match self.certified.open(&certificate, &trust, clock::now()) {
            Ok(proven) => self.certified.is_newest(proven.certificate()).then_some(Standing::Full),
            Err(problem) if we_dialled && is_of_a_newer_list(problem.code) => Some(Standing::TrustOnly),
            Err(_) => None,
        }
    }
}

/// What a certificate is refused with whose key a newer list than ours may name.
fn is_of_a_newer_list(code: Code) -> bool {
    matches!(code, Code::UnknownKey | Code::KeyOutsideWindow)
}

impl Greeter for Greeting {
    fn hello(&self, _to: Option<&PeerName>) -> Vec<u8> {
        let who = match &self.own {
            None => hello::Who::Wallet,
            Some((did, vouch)) => hello::Who::Organisation {
                did: did.clone(),
                certificate: vouch().unwrap_or_default(),
                trust: self.trust().map(|trust| trust.version()),
                time: clock::now(),
            },
        };
        protocol::encode(&hello::Reply::Hello(hello::Hello { version: VERSION, who })).unwrap_or_default()
    }

    fn check(&self, peer: &PeerName, body: &[u8], we_dialled: bool) -> Result<Standing, Vec<u8>> {
        self.judge(peer, body, we_dialled).map_err(|problem| {
            // Below `info`: anybody may dial us as often as they like, and must not fill the log.
            let what = if we_dialled {
                "hello not accepted"
            } else {
                "hello refused"
            };
            tracing::debug!(%peer, code = %problem.code, what);
            self.refusals.count(Protocol::Hello.as_str(), problem.code);
            refusal(problem)
        })
    }

    fn check_again(&self, peer: &PeerName, body: &[u8], we_dialled: bool) -> Option<Standing> {
        self.judge_again(peer, body, we_dialled)
    }

    fn refusal(&self, peer: &PeerName, protocol: Protocol, why: Refusal) -> Vec<u8> {
        let code = match why {
            Refusal::Busy => Code::RateLimited,
            Refusal::TooLarge => Code::TooLarge,
            Refusal::Malformed => Code::Malformed,
            Refusal::Incomplete => Code::Unreachable,
            Refusal::Unproven => Code::UnknownKey,
        };
        tracing::debug!(%peer, %protocol, %code, "refused");
        self.refusals.count(protocol.as_str(), code);
        refusal(code.into())
    }

    fn is_listed(&self, peer: &PeerName) -> bool {
        self.trust()
            .is_some_and(|trust| trust.organisation_of_peer(peer.as_str()).is_some())
    }
}

/// The certificates of other nodes that were seen. A new one counts at once and is durable within a second: `hello` does not wait
/// for the disk, and a crash in between forgets at most what its owner shows again when it greets next.
#[derive(Default)]
pub(super) struct Certified {
    seen: Mutex<Certificates>,
    /// Certificates whose signature was found good, by the SHA-256 of their text: every greeting is judged again every few seconds.
    proven: Mutex<HashMap<[u8; 32], Arc<Proven>>>,
    /// What is to be written, or to go.
    unkept: Mutex<BTreeMap<(Did, u8), Option<Seen>>>,
    /// The list by which it was looked through last.
    reviewed: Mutex<Option<Arc<Trust>>>,
}

impl Certified {
    pub(super) fn load(store: &Store) -> Result<Certified, Failure> {
        let mut seen = Certificates::default();
        let damaged = |e: serde_json::Error| Failure::because(Code::Damaged, e);
        for (_, bytes) in store.table(TABLE).group(b"")? {
            let (did, node, one): (Did, u8, Seen) = serde_json::from_slice(&bytes).map_err(damaged)?;
            seen.remember(did, node, one);
        }
        Ok(Certified {
            seen: Mutex::new(seen),
            ..Certified::default()
        })
    }

    /// As [`Certificate::open`]; a signature is checked once.
    fn open(&self, text: &str, trust: &Trust, now: Timestamp) -> Result<Arc<Proven>, Problem> {
        let hash = crate::output::sha256(text.as_bytes());
        let lock = || self.proven.lock().unwrap_or_else(PoisonError::into_inner);
        let known = lock().get(&hash).cloned();
        if let Some(proven) = known {
            proven.check(trust, now)?;
            return Ok(proven);
        }
        let proven = Arc::new(Proven::open(text, trust, now)?);
        let mut all = lock();
        if all.len() >= PROVEN_MAX {
            all.clear();
        }
        all.insert(hash, Arc::clone(&proven));
        Ok(proven)
    }

    fn admit(&self, certificate: &Certificate, text: &str) -> Result<(), Problem> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.admit(certificate, text)?
            && let Some(newest) = seen.newest(&certificate.issuer, certificate.node)
        {
            let mut unkept = self.unkept.lock().unwrap_or_else(PoisonError::into_inner);
            unkept.insert((certificate.issuer.clone(), certificate.node), Some(newest.clone()));
        }
        Ok(())
    }

    fn is_newest(&self, certificate: &Certificate) -> bool {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.is_newest(certificate)
    }

    /// Forgets what keys signed that count no more, once for each list.
    pub(super) fn review(&self, trust: &Arc<Trust>) {
        let mut reviewed = self.reviewed.lock().unwrap_or_else(PoisonError::into_inner);
        if reviewed.as_ref().is_some_and(|before| Arc::ptr_eq(before, trust)) {
            return;
        }
        *reviewed = Some(Arc::clone(trust));
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let mut unkept = self.unkept.lock().unwrap_or_else(PoisonError::into_inner);
        for slot in seen.review(trust) {
            tracing::info!(did = %slot.0, node = slot.1, "the certificate seen last counts no more");
            unkept.insert(slot, None);
        }
    }

    /// Makes durable what was seen since the last time.
    pub(super) fn keep(&self, store: &Store) -> Result<(), Failure> {
        let unkept = std::mem::take(&mut *self.unkept.lock().unwrap_or_else(PoisonError::into_inner));
        if unkept.is_empty() {
            return Ok(());
        }
        let table = store.table(TABLE);
        let mut transaction = store.transaction();
        for ((did, node), seen) in &unkept {
            let key = format!("{did}#{node}");
            match seen {
                Some(seen) => {
                    let bytes =
                        serde_json::to_vec(&(did, node, seen)).map_err(|e| Failure::because(Code::Internal, e))?;
                    transaction.put(&table, key.as_bytes(), &bytes);
                }
                None => {
                    transaction.delete(&table, key.as_bytes());
                }
            }
        }
        if let Err(error) = transaction.commit() {
            let mut waiting = self.unkept.lock().unwrap_or_else(PoisonError::into_inner);
            for (slot, seen) in unkept {
                waiting.entry(slot).or_insert(seen);
            }
            return Err(error.into());
        }
        Ok(())
    }
}

fn refusal(problem: Problem) -> Vec<u8> {
    protocol::encode(&hello::Reply::Problem(problem)).unwrap_or_default()
}

/// What a refusal of a peer says.
pub(super) fn refused(body: &[u8]) -> Problem {
    match protocol::decode(body, hello::LIMIT) {
        Ok(hello::Reply::Problem(problem)) => problem,
        _ => Code::Unreachable.into(),
    }
}
