//! The network between the machines: bytes that are late, lost, doubled, out of order or cut off, and what a node does with
//! an answer, a missing answer and a peer's message. A connection ends with the process that made it.

use crate::cast::{self, Who};
use crate::observer::Checked;
use crate::world::{Event, World};
use credentials::decision::Receipt;
use credentials::protocol::{self, issuance, presentation, status};
use credentials::status::{Head, ListVersion};
use credentials::verify::Verdict;
use credentials::{Code, Problem};
use wallet::{Incoming, Outgoing, Step, Thread};

/// How long a node waits for an answer, in seconds.
const TIMEOUT: i64 = 30;
/// Messages kept for somebody to repeat.
const CAPTURED_MAX: usize = 48;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Protocol {
    Issue,
    Present,
    Status,
}

/// What an answer is for.
#[derive(Clone, Debug)]
pub(crate) enum For {
    /// A command of a wallet.
    Thread(Thread),
    /// A mirror: a head.
    Head,
    /// A mirror: a list, of which this much has come.
    List(ListVersion, Vec<u8>),
    /// Nobody waits.
    Nobody,
}

/// A message that waits for its answer.
#[derive(Clone, Debug)]
pub(crate) struct Exchange {
    pub(crate) from: Who,
    /// The process that waits.
    life: u64,
    pub(crate) to: Who,
    protocol: Protocol,
    wanted: For,
}

/// A message that somebody recorded on its way.
#[derive(Clone)]
pub(crate) struct Captured {
    pub(crate) to: Who,
    pub(crate) protocol: Protocol,
    pub(crate) body: Vec<u8>,
}

impl World {
    /// Carries out what a wallet wants done, as a node does; what is sent is durable, or the observer objects.
    pub(crate) fn carry(&mut self, who: Who, steps: Vec<Step>, internal_is_theirs: bool, troubled: bool) -> Checked {
        for step in steps {
            match step {
                Step::Send {
                    thread, to, message, ..
                } => {
                    let Some(to) = self.cast.who(&to) else { continue };
                    let now = self.clock_of(who);
                    if let Some(machine) = self.machines.get(who) {
                        self.observer.leaves_wallet(machine, to, now, &message)?;
                    }
                    let encoded = match &message {
                        Outgoing::Issue(ask) => (Protocol::Issue, protocol::encode(ask)),
                        Outgoing::Present(ask) => (Protocol::Present, protocol::encode(ask)),
                    };
                    let (protocol, Ok(body)) = encoded else { continue };
                    self.note(&format!("{} sends {message:?} to {}", cast::name(who), cast::name(to)));
                    self.send(who, to, protocol, body.clone(), For::Thread(thread));
                    if who == cast::REPEATER && self.dice.chance(30) {
                        self.count("messages repeated by a person");
                        self.send(who, to, protocol, body, For::Nobody);
                    }
                }
                Step::Done { result, .. } => match result {
                    Ok(outcome) => {
                        self.note(&format!("{}: {outcome:?}", cast::name(who)));
                        self.observer.wallet_says(who, &outcome);
                        self.came_of_it(who, outcome);
                    }
                    Err(problem) => {
                        self.note(&format!("{}: {problem}", cast::name(who)));
                        self.count("commands refused");
                        self.observer
                            .refusal(who, problem.code, troubled || internal_is_theirs)?;
                        self.refused(who, &problem)?;
                    }
                },
            }
        }
        Ok(())
    }

    /// Sends a message and waits for its answer.
    pub(crate) fn send(&mut self, from: Who, to: Who, protocol: Protocol, body: Vec<u8>, wanted: For) {
        let id = self.serial();
        let exchange = Exchange {
            from,
            life: self.machine(from).life,
            to,
            protocol,
            wanted,
        };
        self.exchanges.insert(id, exchange);
        self.after(TIMEOUT, Event::Timeout { exchange: id });
        if protocol != Protocol::Status {
            let captured = Captured {
                to,
                protocol,
                body: body.clone(),
            };
            if self.captured.len() < CAPTURED_MAX {
                self.captured.push(captured);
            } else {
                let place = self.dice.index(CAPTURED_MAX);
                if let Some(old) = self.captured.get_mut(place) {
                    *old = captured;
                }
            }
        }
        self.count("messages");
        for delay in self.fate(from, to) {
            let body = body.clone();
            self.after(delay, Event::Request { exchange: id, body });
        }
    }

    fn reply(&mut self, id: u64, exchange: &Exchange, body: Vec<u8>) {
        for delay in self.fate(exchange.to, exchange.from) {
            let body = body.clone();
            self.after(delay, Event::Answer { exchange: id, body });
        }
    }

    /// When a message arrives, once or more, or never; in seconds.
    fn fate(&mut self, from: Who, to: Who) -> Vec<i64> {
        if self.calm {
            return vec![0];
        }
        if self.is_parted(from, to) {
            self.count("lost to a partition");
            return Vec::new();
        }
        if self.dice.chance(6) {
            self.count("lost");
            return Vec::new();
        }
        let delay = match self.dice.below(20) {
            0 => {
                self.count("delayed beyond waiting");
                self.dice.between(30, 400)
            }
            1 | 2 => {
                self.count("delayed and overtaken");
                self.dice.between(4, 29)
            }
            _ => self.dice.between(0, 2),
        };
        let mut arrivals = vec![delay];
        if self.dice.chance(8) {
            self.count("doubled");
            arrivals.push(self.dice.between(0, 600));
        }
        arrivals
    }

    /// A message reaches an organisation's node.
    pub(crate) fn arrives(&mut self, id: u64, body: &[u8]) -> Checked {
        let Some(exchange) = self.exchanges.get(&id).cloned() else {
            return Ok(());
        };
        if self.is_parted(exchange.from, exchange.to) {
            self.count("lost to a partition");
            return Ok(());
        }
        let reply = self.answered(exchange.to, cast::name(exchange.from), exchange.protocol, body)?;
        if let Some(reply) = reply {
            self.reply(id, &exchange, reply);
        }
        Ok(())
    }

    /// What a node answers to a peer's message; none when it is down, or died of it.
    pub(crate) fn answered(
        &mut self,
        to: Who,
        peer: &str,
        protocol: Protocol,
        body: &[u8],
    ) -> Result<Option<Vec<u8>>, crate::Violation> {
        if self.machine(to).running.is_none() {
            self.count("arrived at a machine that is down");
            return Ok(None);
        }
        match protocol {
            Protocol::Issue => self.answer_issue(to, peer, body),
            Protocol::Present => self.answer_present(to, peer, body),
            Protocol::Status => self.answer_status(to, body),
        }
    }

    fn answer_issue(&mut self, to: Who, peer: &str, body: &[u8]) -> Result<Option<Vec<u8>>, crate::Violation> {
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

    fn answer_present(&mut self, to: Who, peer: &str, body: &[u8]) -> Result<Option<Vec<u8>>, crate::Violation> {
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
            let trust = self.cast.trust.first();
            let receipt = trust.and_then(|trust| Receipt::open(receipt, trust).ok());
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

    fn answer_status(&mut self, to: Who, body: &[u8]) -> Result<Option<Vec<u8>>, crate::Violation> {
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
                let trust = self.cast.trust.first().cloned();
                let head = trust.and_then(|trust| Head::open(head, &trust, now).ok());
                let Some(head) = head else {
                    return crate::observer::broken(crate::observer::MIRROR, "a head that cannot be opened");
                };
                self.observer.head_leaves(to, &head)?;
            }
            status::Reply::Problem(problem) => self.observer.refusal(to, problem.code, troubled)?,
            status::Reply::Chunk { .. } => {}
        }
        self.check(to, None)?;
        Ok(protocol::encode(&reply).ok())
    }

    /// An answer reaches whoever asked.
    pub(crate) fn is_answered(&mut self, id: u64, body: &[u8]) -> Checked {
        let Some(exchange) = self.exchanges.get(&id).cloned() else {
            self.count("answered after the connection ended");
            return Ok(());
        };
        if self.is_parted(exchange.from, exchange.to) {
            self.count("lost to a partition");
            return Ok(());
        }
        self.exchanges.remove(&id);
        if self.machine(exchange.from).life != exchange.life {
            return Ok(());
        }
        match exchange.wanted {
            For::Nobody => Ok(()),
            For::Thread(thread) => {
                let decoded = match exchange.protocol {
                    Protocol::Issue => protocol::decode(body, issuance::LIMIT).map(Incoming::Issue),
                    _ => protocol::decode(body, presentation::LIMIT).map(Incoming::Present),
                };
                // Now and then another organisation's node answers in the place of the one that was asked.
                let peer = if !self.calm && self.dice.chance(1) {
                    self.count("answered by another organisation");
                    cast::peer(exchange.to ^ 1)
                } else {
                    cast::peer(exchange.to)
                };
                let is_theirs = matches!(
                    &decoded,
                    Ok(Incoming::Issue(issuance::Reply::Problem(_))
                        | Incoming::Present(presentation::Reply::Problem(_)))
                );
                self.ask_wallet(exchange.from, is_theirs, |wallet, now| match decoded {
                    Ok(message) => wallet.receive(now, thread, &peer, message),
                    Err(problem) => wallet.failed(now, thread, problem),
                })
            }
            For::Head => {
                let Ok(status::Reply::Head { head }) = protocol::decode(body, status::LIMIT) else {
                    return Ok(());
                };
                let wanted = self.take_head(exchange.from, exchange.to, &head);
                self.mirror_changed(exchange.from)?;
                for list in wanted {
                    self.fetch(exchange.from, exchange.to, list, Vec::new());
                }
                Ok(())
            }
            For::List(list, mut text) => {
                let Ok(status::Reply::Chunk { bytes, .. }) = protocol::decode(body, status::LIMIT) else {
                    return Ok(());
                };
                text.extend(bytes);
                if text.len() < list.size as usize {
                    self.fetch(exchange.from, exchange.to, list, text);
                    return Ok(());
                }
                let clock = self.clock_of(exchange.from);
                if let Some(running) = &mut self.machine(exchange.from).running
                    && let (Some(trust), Ok(text)) = (&running.trust, String::from_utf8(text))
                    && running.mirror.list(&text, trust, clock).is_ok()
                {
                    self.count("lists mirrored");
                }
                self.mirror_changed(exchange.from)
            }
        }
    }

    /// No answer came in time.
    pub(crate) fn is_not_answered(&mut self, id: u64) -> Checked {
        let Some(exchange) = self.exchanges.remove(&id) else {
            return Ok(());
        };
        if self.machine(exchange.from).life != exchange.life {
            return Ok(());
        }
        let For::Thread(thread) = exchange.wanted else {
            return Ok(());
        };
        self.count("timed out");
        self.ask_wallet(exchange.from, true, |wallet, now| {
            wallet.failed(now, thread, Problem::from(Code::Unreachable))
        })
    }

    /// Asks an issuer for its head, by the clock and never because of a presentation.
    pub(crate) fn mirror(&mut self, who: Who, issuer: Who) {
        let is_up = self.machine(who).running.is_some();
        if is_up
            && who != issuer
            && let Ok(body) = protocol::encode(&status::Ask::Head)
        {
            self.send(who, issuer, Protocol::Status, body, For::Head);
        }
    }

    fn fetch(&mut self, who: Who, issuer: Who, list: ListVersion, text: Vec<u8>) {
        let ask = status::Ask::Chunk {
            hash: list.hash.clone(),
            offset: text.len() as u32,
        };
        if let Ok(body) = protocol::encode(&ask) {
            self.send(who, issuer, Protocol::Status, body, For::List(list, text));
        }
    }

    fn take_head(&mut self, who: Who, issuer: Who, head: &str) -> Vec<ListVersion> {
        let clock = self.clock_of(who);
        let did = self.cast.did(issuer).clone();
        let Some(running) = &mut self.machine(who).running else {
            return Vec::new();
        };
        let Some(trust) = &running.trust else { return Vec::new() };
        let head = Head::open(head, trust, clock).ok().filter(|head| head.issuer == did);
        let taken = head.map(|head| running.mirror.head(head));
        match taken {
            Some(Ok(wanted)) => wanted,
            Some(Err(_)) => {
                self.count("heads refused as older");
                Vec::new()
            }
            None => Vec::new(),
        }
    }

    /// Checks the mirror, and tells a wallet what it says.
    fn mirror_changed(&mut self, who: Who) -> Checked {
        let machine = self.machine(who);
        let life = machine.life;
        if let Some(running) = self.machines.get(who).and_then(|machine| machine.running.as_ref()) {
            self.observer.mirrored(who, life, &running.mirror)?;
        }
        if !cast::is_wallet(who) {
            return Ok(());
        }
        let now = self.clock_of(who);
        let machine = self.machine(who);
        if let Some(running) = &mut machine.running
            && let crate::machine::Role::Wallet(wallet) = &mut running.role
        {
            // What could not be written is noted with the next list.
            let _changed = wallet.note_status(now, &running.mirror);
        }
        if self.has_died(who) {
            return Ok(());
        }
        self.check(who, None)
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
        presentation::Reply::Problem(problem) => problem.to_string(),
    }
}
