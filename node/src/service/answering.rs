//! What peers ask: decoded, given to the role that it is for, answered.

use super::{Service, lock};
use crate::clock;
use crate::network::{Inbound, Inbox, Protocol};
use credentials::grant::OpenedGrant;
use credentials::letter::Letter;
use credentials::protocol::{self, consent, hello, issuance, mailbox, notice, presentation, status, trust};
use credentials::{Code, Problem, Timestamp};
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Requests of peers that are worked on at once. Each holds a role's lock for about a millisecond; more would only wait.
const INBOUND_AT_ONCE: usize = 64;

pub(super) async fn run(service: Arc<Service>, mut inbox: Inbox) {
    let places = Arc::new(Semaphore::new(INBOUND_AT_ONCE));
    while let Some(request) = inbox.next().await {
        let Ok(place) = places.clone().acquire_owned().await else {
            return;
        };
        let service = service.clone();
        tokio::spawn(async move {
            let _place = place;
            match request.protocol {
                Protocol::Mailbox => work_at_desk(&service, request).await,
                _ => work_on(&service, request),
            }
        });
    }
}

fn work_on(service: &Service, request: Inbound) {
    let peer = request.peer.to_string();
    let reply = tokio::task::block_in_place(|| service.answer(&peer, request.protocol, &request.body));
    request.reply(reply);
}

/// Mailboxes are answered in batches, so this one waits for its batch.
async fn work_at_desk(service: &Service, request: Inbound) {
    let peer = request.peer.to_string();
    let answered = async {
        let ask = protocol::decode(&request.body, mailbox::LIMIT)?;
        service.require_caught_up_to_answer(Protocol::Mailbox)?;
        service.answer_mailbox(&peer, request.origin, ask).await
    };
    let reply = answered.await.unwrap_or_else(mailbox::Reply::Problem);
    if let mailbox::Reply::Problem(problem) = &reply {
        service.note_refusal(&peer, Protocol::Mailbox, problem);
    }
    request.reply(protocol::encode(&reply).unwrap_or_default());
}

impl Service {
    /// Answers one message of a peer. Total: whatever comes gets a reply or a problem.
    pub(crate) fn answer(&self, peer: &str, protocol: Protocol, body: &[u8]) -> Vec<u8> {
        let reply = match protocol {
            Protocol::Issue => self.answer_issue(clock::now(), peer, body),
            Protocol::Present => self.answer_present(clock::now(), peer, body),
            Protocol::Status => {
                let reply = protocol::decode(body, status::LIMIT).and_then(|ask| {
                    self.require_caught_up_to_answer(protocol)?;
                    self.answer_status(ask)
                });
                let reply = reply.unwrap_or_else(status::Reply::Problem);
                if let status::Reply::Problem(problem) = &reply {
                    self.note_refusal(peer, protocol, problem);
                }
                protocol::encode(&reply)
            }
            Protocol::Trust => {
                let reply = protocol::decode(body, trust::LIMIT).and_then(|ask| {
                    self.require_caught_up_to_answer(protocol)?;
                    self.answer_trust(ask)
                });
                let reply = reply.unwrap_or_else(trust::Reply::Problem);
                if let trust::Reply::Problem(problem) = &reply {
                    self.note_refusal(peer, protocol, problem);
                }
                protocol::encode(&reply)
            }
            Protocol::Notice => {
                let reply = protocol::decode(body, notice::LIMIT).and_then(|ask| {
                    self.require_caught_up_to_answer(protocol)?;
                    self.answer_notice(peer, ask)
                });
                let reply = reply.unwrap_or_else(notice::Reply::Problem);
                if let notice::Reply::Problem(problem) = &reply {
                    self.note_refusal(peer, protocol, problem);
                }
                protocol::encode(&reply)
            }
            Protocol::Consent => self.answer_consent(clock::now(), peer, body),
            // Mailboxes have a desk of their own.
            Protocol::Hello | Protocol::Mailbox => {
                let problem = Code::UnexpectedMessage.into();
                self.note_refusal(peer, protocol, &problem);
                protocol::encode(&hello::Reply::Problem(problem))
            }
        };
        reply.unwrap_or_default()
    }

    fn answer_issue(&self, now: Timestamp, peer: &str, body: &[u8]) -> Result<Vec<u8>, Problem> {
        let reply = (|| {
            let ask = protocol::decode(body, issuance::LIMIT)?;
            let issuer = self.issuer.as_ref().ok_or(Code::UnexpectedMessage)?;
            // That something arrived may always be said; what was not acknowledged is revoked.
            if !matches!(ask, issuance::Ask::Acknowledge { .. }) {
                self.require_caught_up_to_answer(Protocol::Issue)?;
            }
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
            self.note_refusal(peer, Protocol::Issue, problem);
        }
        protocol::encode(&reply)
    }

    fn answer_present(&self, now: Timestamp, peer: &str, body: &[u8]) -> Result<Vec<u8>, Problem> {
        let reply = (|| {
            let ask = protocol::decode(body, presentation::LIMIT)?;
            let verifier = self.verifier.as_ref().ok_or(Code::UnexpectedMessage)?;
            self.require_caught_up_to_answer(Protocol::Present)?;
            let mirror = lock(&self.mirror)?;
            let mut verifier = lock(verifier)?;
            let reply = verifier.receive(now, &*mirror, peer, ask);
            if let Some((verdict, code)) = verifier.take_verdict() {
                self.verdicts.count(verdict, code);
            }
            drop(verifier);
            self.announce_sessions();
            Ok(reply)
        })();
        let reply = reply.unwrap_or_else(presentation::Reply::Problem);
        if let presentation::Reply::Problem(problem) = &reply {
            self.note_refusal(peer, Protocol::Present, problem);
        }
        protocol::encode(&reply)
    }

    /// A message about a grant: for the issuer that the grant names, or for its asker.
    fn answer_consent(&self, now: Timestamp, peer: &str, body: &[u8]) -> Result<Vec<u8>, Problem> {
        let reply = (|| {
            let ask = protocol::decode(body, consent::LIMIT)?;
            self.answer_consent_of(now, peer, ask)
        })();
        let reply = reply.unwrap_or_else(consent::Reply::Problem);
        if let consent::Reply::Problem(problem) = &reply {
            self.note_refusal(peer, Protocol::Consent, problem);
        }
        protocol::encode(&reply)
    }

    /// The same, however it came.
    pub(super) fn answer_consent_of(
        &self,
        now: Timestamp,
        peer: &str,
        ask: consent::Ask,
    ) -> Result<consent::Reply, Problem> {
        // Nothing is given out by stopping.
        if !matches!(ask, consent::Ask::Withdraw { .. }) {
            self.require_caught_up_to_answer(Protocol::Consent)?;
        }
        if let consent::Ask::Refresh { grant, .. } = &ask {
            self.require_emptied(grant)?;
        }
        let organisation = self.trust().and_then(|trust| {
            let organisation = trust.organisation_of_peer(peer);
            organisation.map(|organisation| organisation.did.clone())
        });
        let withdrawn = match &ask {
            consent::Ask::Withdraw { grant, .. } => Some(OpenedGrant::open(grant)?),
            _ => None,
        };
        let own = self.keys.organisation().map(|key| &key.did);
        let for_asker = withdrawn.as_ref().filter(|grant| Some(&grant.grant().asker) == own);
        match (&self.verifier, for_asker, &self.issuer) {
            // Only an asker erases because a holder asks.
            (Some(verifier), _, _) if matches!(ask, consent::Ask::Erase { .. }) => {
                let reply = lock(verifier)?.receive_consent(now, peer, ask);
                self.announce_sessions();
                Ok(reply)
            }
            (Some(verifier), Some(grant), _) => {
                let mut verifier = lock(verifier)?;
                let reach = verifier.reach_of_grant(&grant.name()).map_err(|_| Code::Internal)?;
                let reply = verifier.receive_consent(now, peer, ask);
                drop(verifier);
                self.announce_sessions();
                // The issuer told us: the wallet may be off, and is to know what became of what we had.
                if let (consent::Reply::Erased { erasure }, Some(reach), Some(_)) = (&reply, reach, organisation) {
                    let letter = Letter::Erased {
                        grant: grant.name(),
                        erasure: erasure.clone(),
                    };
                    self.write_letter(&reach, &letter).map_err(|failure| failure.problem)?;
                }
                Ok(reply)
            }
            (_, _, Some(issuer)) => {
                let mirror = lock(&self.mirror)?;
                let mut issuer = lock(issuer)?;
                let reply = issuer.receive_consent(now, &*mirror, peer, organisation.as_ref(), ask);
                if let Some(error) = issuer.take_failure() {
                    tracing::error!(%error, "a grant failed on our side");
                }
                drop(issuer);
                self.office.wake();
                Ok(reply)
            }
            _ => Err(Code::UnexpectedMessage.into()),
        }
    }

    /// What a peer was refused, for whoever looks for a fault. Below `info`: a peer may ask as often as it likes, and must not
    /// fill the log. The detail of a problem can come from the peer and stays out.
    fn note_refusal(&self, peer: &str, protocol: Protocol, problem: &Problem) {
        tracing::debug!(peer, %protocol, code = %problem.code, "refused");
        self.refusals.count(protocol.as_str(), problem.code);
    }
}
