//! What an organisation's node answers to a peer's message: decoded within its limit, taken by the role, checked by the observer,
//! and sent only when the machine is still alive.

use crate::cast::{self, Who};
use crate::world::World;
use credentials::decision::Receipt;
use credentials::protocol::{self, issuance, presentation, status};
use credentials::status::Head;
use credentials::verify::Verdict;

impl World {
    pub(super) fn answer_issue(
        &mut self,
        to: Who,
        peer: &str,
        body: &[u8],
    ) -> Result<Option<Vec<u8>>, crate::Violation> {
        let ask: issuance::Ask = match protocol::decode(body, issuance::LIMIT) {
            Ok(ask) => ask,
            Err(problem) => return Ok(protocol::encode(&issuance::Reply::Problem(problem)).ok()),
        };
        let now = self.clock_of(to);
        let machine = self.machine(to);
        machine.disk.take_trouble();
        let Some(running) = &mut machine.running else {
            return Ok(None);
        };
        let logged = crate::machine::access(&running.store).unwrap_or(u64::MAX);
        let crate::machine::Role::Issuer(issuer) = &mut running.role else {
            return Ok(None);
        };
        let reply = issuer.receive_issue(now, &running.mirror, peer, ask.clone());
        let failure = issuer.take_failure();
        if self.has_died(to) {
            self.observer.died_at(&ask);
            return Ok(None);
        }
        let troubled = self.machine(to).disk.take_trouble();
        self.note(&format!(
            "{} answers {}",
            cast::name(to),
            issue_reply(&reply, failure.as_ref())
        ));
        if let issuance::Reply::Problem(problem) = &reply {
            self.count("refused by an issuer");
            self.observer.refusal(to, problem.code, troubled)?;
        }
        if let Some(machine) = self.machines.get(to) {
            self.observer.leaves_issuer(machine, &ask, &reply, logged)?;
        }
        if let issuance::Reply::Delivery { .. } = &reply {
            self.count("deliveries");
        }
        self.check(to, None)?;
        Ok(protocol::encode(&reply).ok())
    }

    pub(super) fn answer_present(
        &mut self,
        to: Who,
        peer: &str,
        body: &[u8],
    ) -> Result<Option<Vec<u8>>, crate::Violation> {
        let ask: presentation::Ask = match protocol::decode(body, presentation::LIMIT) {
            Ok(ask) => ask,
            Err(problem) => return Ok(protocol::encode(&presentation::Reply::Problem(problem)).ok()),
        };
        if let presentation::Ask::Fetch { session } = &ask
            && let Some(request) = self.forged.get(session)
        {
            let request = request.clone();
            return Ok(protocol::encode(&presentation::Reply::Request { request }).ok());
        }
        let now = self.clock_of(to);
        let machine = self.machine(to);
        machine.disk.take_trouble();
        let Some(running) = &mut machine.running else {
            return Ok(None);
        };
        let crate::machine::Role::Verifier(verifier) = &mut running.role else {
            return Ok(None);
        };
        let reply = verifier.receive(now, &running.mirror, peer, ask.clone());
        if self.has_died(to) {
            return Ok(None);
        }
        let troubled = self.machine(to).disk.take_trouble();
        self.note(&format!("{} answers {}", cast::name(to), present_reply(&reply)));
        if let presentation::Reply::Problem(problem) = &reply {
            self.count("refused by a verifier");
            self.observer.refusal(to, problem.code, troubled)?;
        }
        self.observer.leaves_verifier(to, &ask, &reply)?;
        if let presentation::Reply::Receipt { receipt } = &reply {
            self.count("verdicts");
            let receipt = Receipt::open(receipt, &self.cast.trust).ok();
            self.count(match receipt.map(|receipt| receipt.verdict) {
                Some(Verdict::Valid) => "valid verdicts",
                Some(Verdict::Invalid) => "invalid verdicts",
                Some(Verdict::Undecided) => "undecided verdicts",
                None => return crate::observer::broken(crate::observer::TRUTH, "a receipt that cannot be read"),
            });
        }
        self.check(to, Some(&ask))?;
        Ok(protocol::encode(&reply).ok())
    }

    pub(super) fn answer_status(&mut self, to: Who, body: &[u8]) -> Result<Option<Vec<u8>>, crate::Violation> {
        let ask: status::Ask = match protocol::decode(body, status::LIMIT) {
            Ok(ask) => ask,
            Err(problem) => return Ok(protocol::encode(&status::Reply::Problem(problem)).ok()),
        };
        let now = self.clock_of(to);
        let machine = self.machine(to);
        machine.disk.take_trouble();
        let Some(issuer) = machine.issuer() else {
            return Ok(None);
        };
        let reply = issuer.receive_status(now, ask);
        let _cause = issuer.take_failure();
        if self.has_died(to) {
            return Ok(None);
        }
        let troubled = self.machine(to).disk.take_trouble();
        match &reply {
            status::Reply::Head { head } => {
                let Ok(head) = Head::open(head, &self.cast.trust, now) else {
                    return crate::observer::broken(crate::observer::MIRROR, "a head that cannot be opened");
                };
                self.observer.head_leaves(to, &head)?;
            }
            status::Reply::Problem(problem) => self.observer.refusal(to, problem.code, troubled)?,
            _ => {}
        }
        self.check(to, None)?;
        Ok(protocol::encode(&reply).ok())
    }
}

fn issue_reply(reply: &issuance::Reply, failure: Option<&issuer::Error>) -> String {
    match reply {
        issuance::Reply::Terms(_) => "terms".to_owned(),
        issuance::Reply::Delivery { .. } => "a delivery".to_owned(),
        issuance::Reply::Acknowledged => "acknowledged".to_owned(),
        issuance::Reply::Problem(problem) => match failure {
            Some(failure) => format!("{problem} ({failure})"),
            None => problem.to_string(),
        },
    }
}

fn present_reply(reply: &presentation::Reply) -> String {
    match reply {
        presentation::Reply::Request { .. } => "a request".to_owned(),
        presentation::Reply::Receipt { .. } => "a receipt".to_owned(),
        presentation::Reply::Closed => "closed".to_owned(),
        presentation::Reply::Erased { .. } => "a statement of erasure".to_owned(),
        presentation::Reply::Problem(problem) => problem.to_string(),
    }
}
