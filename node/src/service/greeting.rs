//! `hello`: organisations are who the trust document says they are; wallets tell nothing.

use super::clocks::{self, Clocks};
use crate::clock;
use crate::network::{Greeter, PeerName, Protocol, Refusal};
use credentials::protocol::{self, hello};
use credentials::trust::Trust;
use credentials::{Code, Did, Problem};
use std::sync::{Arc, PoisonError, RwLock};

/// Version of the protocol that this build speaks.
const VERSION: u16 = 1;

/// Our hello, and what we make of others'.
pub struct Greeting {
    did: Option<Did>,
    trust: Arc<RwLock<Option<Arc<Trust>>>>,
    clocks: Arc<Clocks>,
}

impl Greeting {
    /// For an organisation, or for a wallet (`None`), with the trust document as it changes.
    pub fn new(did: Option<Did>, trust: Arc<RwLock<Option<Arc<Trust>>>>) -> Greeting {
        let clocks = Arc::default();
        Greeting { did, trust, clocks }
    }

    /// The same, with a place for what organisations say of the time.
    pub(super) fn telling(self, clocks: Arc<Clocks>) -> Greeting {
        Greeting { clocks, ..self }
    }

    fn trust(&self) -> Option<Arc<Trust>> {
        self.trust.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn judge(&self, peer: &PeerName, body: &[u8], we_dialled: bool) -> Result<(), Problem> {
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
            hello::Who::Wallet => Ok(()),
            hello::Who::Organisation {
                did,
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
                Ok(())
            }
        }
    }
}

impl Greeter for Greeting {
    fn hello(&self, _to: Option<&PeerName>) -> Vec<u8> {
        let who = match &self.did {
            None => hello::Who::Wallet,
            Some(did) => hello::Who::Organisation {
                did: did.clone(),
                trust: self.trust().map(|trust| trust.sequence()),
                time: clock::now(),
            },
        };
        protocol::encode(&hello::Reply::Hello(hello::Hello { version: VERSION, who })).unwrap_or_default()
    }

    fn check(&self, peer: &PeerName, body: &[u8], we_dialled: bool) -> Result<(), Vec<u8>> {
        self.judge(peer, body, we_dialled).map_err(|problem| {
            // Below `info`: anybody may dial us as often as they like, and must not fill the log.
            let what = if we_dialled {
                "hello not accepted"
            } else {
                "hello refused"
            };
            tracing::debug!(%peer, code = %problem.code, what);
            refusal(problem)
        })
    }

    fn refusal(&self, peer: &PeerName, protocol: Protocol, why: Refusal) -> Vec<u8> {
        let code = match why {
            Refusal::Busy => Code::RateLimited,
            Refusal::TooLarge => Code::TooLarge,
            Refusal::Malformed => Code::Malformed,
            Refusal::Incomplete => Code::Unreachable,
        };
        tracing::debug!(%peer, %protocol, %code, "refused");
        refusal(code.into())
    }

    fn is_listed(&self, peer: &PeerName) -> bool {
        self.trust()
            .is_some_and(|trust| trust.organisation_of_peer(peer.as_str()).is_some())
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
