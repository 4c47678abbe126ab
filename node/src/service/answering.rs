//! What peers ask: decoded, given to the role that it is for, answered.

use super::{Service, lock};
use crate::clock;
use crate::network::{Inbound, Inbox, Protocol};
use credentials::protocol::{self, hello, issuance, notice, presentation, status, trust};
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
            work_on(&service, request);
        });
    }
}

fn work_on(service: &Service, request: Inbound) {
    let peer = request.peer.to_string();
    let reply = tokio::task::block_in_place(|| service.answer(&peer, request.protocol, &request.body));
    request.reply(reply);
}

impl Service {
    /// Answers one message of a peer. Total: whatever comes gets a reply or a problem.
    fn answer(&self, peer: &str, protocol: Protocol, body: &[u8]) -> Vec<u8> {
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
            Protocol::Hello => {
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

    /// What a peer was refused, for whoever looks for a fault. Below `info`: a peer may ask as often as it likes, and must not
    /// fill the log. The detail of a problem can come from the peer and stays out.
    fn note_refusal(&self, peer: &str, protocol: Protocol, problem: &Problem) {
        tracing::debug!(peer, %protocol, code = %problem.code, "refused");
        self.refusals.count(protocol.as_str(), problem.code);
    }
}
