//! Notices between registers and whoever receives them: by gossip, and by asking for what is missing.

use super::versions::Source;
use super::{Effect, Service, lock};
use crate::clock;
use crate::network::{PeerName, Protocol, Verdict};
use credentials::protocol::{self, notice};
use credentials::trust::Trust;
use credentials::{Code, Did, Problem};
use issuer::{Seen, Settling};
use std::sync::Arc;
use std::time::Duration;
use verifier::{Gossip, Pull};

/// How often it is looked at what is to be asked.
const EVERY: Duration = Duration::from_secs(1);
/// Organisations beside the register that are asked for what it does not give.
const ASK_OTHERS: usize = 3;
/// Longest that a run of questions goes on before others have their turn.
const ROUNDS_MAX: usize = 64;
/// How often a restored register asks others for the newest number.
const SETTLE: Duration = Duration::from_secs(5);

/// Asks for what is missing, while there is a verifier.
pub(super) async fn run(service: Arc<Service>) {
    loop {
        for _ in 0..ROUNDS_MAX {
            if !service.pull_notices().await {
                break;
            }
        }
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            () = service.wake_notices.notified() => {}
        }
    }
}

/// Has a restored register learn its newest number from others.
pub(super) async fn settle(service: Arc<Service>) {
    while !service.settle_notices().await {
        tokio::time::sleep(SETTLE).await;
    }
}

/// What a node makes of a notice that receives none: it passes on what the register's keys signed, and what may be by a list that
/// is not the same here. Which numbers there are it does not know.
fn judged_by_signature(origin: &Did, data: &[u8], trust: &Trust) -> Gossip {
    match protocol::decode::<notice::Digest>(data, notice::DIGEST_MAX) {
        Ok(notice::Digest::Announce { register, number, .. })
            if register == origin.to_string() && number <= credentials::notice::NUMBER_MAX =>
        {
            Gossip::Accept
        }
        Ok(notice::Digest::Announce { .. }) => Gossip::Reject,
        Ok(notice::Digest::Notice { text }) => match credentials::notice::Notice::open(&text, trust, clock::now()) {
            Ok(_) => Gossip::Accept,
            Err(problem) => Gossip::of(&problem),
        },
        Err(_) => Gossip::Reject,
    }
}

impl Service {
    /// Judges what was gossiped.
    pub(super) fn hear_notice(&self, origin: &PeerName, data: &[u8], verdict: Verdict) {
        let Some(trust) = self.trust() else {
            return verdict.ignore();
        };
        let Some(origin) = trust.organisation_of_peer(origin.as_str()) else {
            return verdict.ignore();
        };
        let Some(verifier) = &self.verifier else {
            return match tokio::task::block_in_place(|| judged_by_signature(&origin.did, data, &trust)) {
                Gossip::Accept => verdict.accept(),
                Gossip::Ignore => verdict.ignore(),
                Gossip::Reject => verdict.reject(),
            };
        };
        let judged = tokio::task::block_in_place(|| {
            Ok::<_, Problem>(lock(verifier)?.take_notice_gossip(clock::now(), &origin.did, data))
        });
        match judged {
            Ok(Gossip::Accept) => verdict.accept(),
            Ok(Gossip::Reject) => verdict.reject(),
            Ok(Gossip::Ignore) | Err(_) => verdict.ignore(),
        }
        self.notices_changed();
        self.wake_notices.notify_one();
    }

    /// Notes which numbers are in effect, and what contradicts itself.
    fn notices_changed(&self) {
        let Some(verifier) = &self.verifier else { return };
        let Ok(verifier) = lock(verifier) else { return };
        for stream in verifier.notice_streams() {
            let Some(register) = Did::parse(&stream.register) else {
                continue;
            };
            if let Some(number) = stream.next.checked_sub(1).filter(|number| *number > 0) {
                self.effects.note(&Effect::Notice { register, number });
            }
            if stream.frozen.is_some()
                && let Ok(evidence) = verifier.notice_evidence(&stream.register)
            {
                let problem = Problem::new(Code::NoticeConflict, stream.register.as_str());
                self.alarms.raise(&problem, &stream.register, &evidence);
            }
        }
    }

    /// Asks what is to be asked now. Whether an answer brought something, so that there may be more.
    async fn pull_notices(&self) -> bool {
        let (Some(verifier), Some(_)) = (&self.verifier, self.network.get()) else {
            return false;
        };
        let due = tokio::task::block_in_place(|| lock(verifier)?.notices_due(clock::now()));
        let due = match due {
            Ok(due) => due,
            Err(problem) => {
                tracing::warn!(%problem, "notices not asked for");
                return false;
            }
        };
        let mut brought = false;
        for pull in due {
            match self.pull_notice(verifier, &pull).await {
                Ok(is_any) => brought |= is_any,
                Err(problem) => tracing::debug!(register = %pull.register, %problem, "notices not had"),
            }
        }
        if brought {
            self.notices_changed();
        }
        brought
    }

    /// One question: to the register, then to others where they may answer. Each answer is checked by the machine, so that a wrong
    /// one only leads to the next.
    async fn pull_notice(&self, verifier: &std::sync::Mutex<verifier::Verifier>, pull: &Pull) -> Result<bool, Problem> {
        let mut sources = vec![pull.register.clone()];
        if !pull.is_for_register {
            sources.extend(self.others_by_reach(&[&pull.register]).into_iter().take(ASK_OTHERS));
        }
        let mut problem = Problem::from(Code::Unreachable);
        let mut refused = None;
        for source in sources {
            let reply = match self.ask_notice(&Source::Organisation(source), &pull.ask).await {
                Ok(notice::Reply::Problem(theirs)) => {
                    refused = Some(theirs.clone());
                    problem = theirs;
                    continue;
                }
                Ok(reply) => reply,
                Err(ours) => {
                    problem = ours;
                    continue;
                }
            };
            let is_newest = matches!(&reply, notice::Reply::Newest { .. });
            let taken = tokio::task::block_in_place(|| lock(verifier)?.take_notices(clock::now(), pull, reply));
            match taken {
                // What is newest may be known to others and not to the one that was asked first: it only says where to begin.
                Ok(taken) => return Ok(!taken.is_empty() || is_newest),
                Err(why) => problem = why,
            }
        }
        // What a refusal means for the next question is the machine's to say: less at once, or nothing until tomorrow.
        if let Some(theirs) = refused {
            let reply = notice::Reply::Problem(theirs);
            tokio::task::block_in_place(|| lock(verifier)?.take_notices(clock::now(), pull, reply))?;
        }
        Err(problem)
    }

    async fn ask_notice(&self, from: &Source, ask: &notice::Ask) -> Result<notice::Reply, Problem> {
        let body = protocol::encode(ask)?;
        let reply = match from {
            Source::Peer(peer) => self.ask_peer(peer, Protocol::Notice, body).await?,
            Source::Organisation(did) => self.ask(did, self.anonymous(), Protocol::Notice, body).await?.1,
        };
        protocol::decode(&reply, notice::LIMIT)
    }

    /// Answers: the register of its own log, others of what they hold.
    pub(super) fn answer_notice(&self, peer: &str, ask: notice::Ask) -> Result<notice::Reply, Problem> {
        let trust = self.trust().ok_or(Code::TrustMissing)?;
        let asker = trust.organisation_of_peer(peer).map(|organisation| &organisation.did);
        let own = self.keys.organisation().map(|key| key.did.to_string());
        let register = match &ask {
            notice::Ask::Newest { register }
            | notice::Ask::Range { register, .. }
            | notice::Ask::State { register, .. }
            | notice::Ask::Keys { register } => Some(register),
            notice::Ask::Evaluate { .. } => None,
        };
        let is_ours = register.is_none() || register == own.as_ref();
        match (&self.issuer, &self.verifier) {
            (Some(issuer), _) if is_ours => Ok(lock(issuer)?.receive_notice(clock::now(), asker, ask)),
            (_, Some(verifier)) => Ok(lock(verifier)?.answer_notice(&ask)),
            _ => Err(Code::UnexpectedMessage.into()),
        }
    }

    /// Whether the newest number is settled, or there is nothing to settle here.
    async fn settle_notices(&self) -> bool {
        let (Some(issuer), Some(own)) = (&self.issuer, self.keys.organisation()) else {
            return true;
        };
        let is_register = self.trust().is_some_and(|trust| {
            let listed = trust.organisation(&own.did);
            listed.is_some_and(|o| o.issues.iter().any(|vct| vct == credentials::notice::VCT))
        });
        if !is_register {
            // It may become one with a later list.
            return false;
        }
        if lock(issuer).is_ok_and(|issuer| issuer.is_notice_settled()) {
            return true;
        }
        let register = own.did.to_string();
        let mut seen = Vec::new();
        for did in self.others_by_reach(&[]) {
            let ask = notice::Ask::Newest {
                register: register.clone(),
            };
            if let Ok(notice::Reply::Newest { notice, .. }) =
                self.ask_notice(&Source::Organisation(did.clone()), &ask).await
            {
                seen.push(Seen {
                    organisation: did,
                    newest: notice,
                });
            }
            let settled = tokio::task::block_in_place(|| {
                lock(issuer)?
                    .notice_settle(clock::now(), &seen)
                    .map_err(|e| e.problem())
            });
            match settled {
                Ok(Settling::Done) => return true,
                Ok(Settling::Ask(_)) => {}
                Ok(Settling::Fetch { from, to, of }) => self.recover_notices(issuer, from, to, &of).await,
                Err(problem) => {
                    tracing::warn!(%problem, "the newest notice is not settled");
                    return false;
                }
            }
        }
        false
    }

    async fn recover_notices(&self, issuer: &std::sync::Mutex<issuer::Issuer>, from: u64, to: u64, of: &[Did]) {
        let Some(own) = self.keys.organisation() else { return };
        let mut next = from;
        while next <= to {
            let ask = notice::Ask::Range {
                register: own.did.to_string(),
                from: next,
                count: notice::RANGE_MAX,
            };
            let mut recovered = None;
            for did in of {
                let Ok(notice::Reply::Range { notices }) =
                    self.ask_notice(&Source::Organisation(did.clone()), &ask).await
                else {
                    continue;
                };
                let taken = tokio::task::block_in_place(|| {
                    lock(issuer)?
                        .notice_recover(clock::now(), &notices)
                        .map_err(|e| e.problem())
                });
                match taken {
                    Ok(newest) if newest >= next => {
                        recovered = Some(newest);
                        break;
                    }
                    Ok(_) => {}
                    Err(problem) => tracing::warn!(%did, %problem, "notices not recovered"),
                }
            }
            match recovered {
                Some(newest) => next = newest.saturating_add(1),
                None => return,
            }
        }
    }
}
