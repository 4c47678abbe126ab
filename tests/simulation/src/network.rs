//! The network between the machines: bytes that are late, lost, doubled, out of order or cut off, and what a node does with
//! an answer, a missing answer and a peer's message. A connection ends with the process that made it.

mod doors;
mod granting;
mod mirrors;

use crate::cast::{self, Who};
use crate::observer::Checked;
use crate::world::{Event, World};
use credentials::protocol::{self, consent, issuance, presentation, status};
use credentials::status::ListVersion;
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
    Consent,
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
    /// A bank: what is granted, under which of its nonces.
    Release { name: String, nonce: String },
    /// An issuer: that a bank knows of a withdrawal.
    Told { name: String },
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
                        Outgoing::Consent(ask) => (Protocol::Consent, protocol::encode(ask)),
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
            Protocol::Consent => self.answer_consent(to, peer, body),
            Protocol::Status => self.answer_status(to, body),
        }
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
            For::Release { name, nonce } => self.released(exchange.from, &name, &nonce, body),
            For::Told { name } => self.told(exchange.from, &name, body),
            For::Thread(thread) => {
                let decoded = match exchange.protocol {
                    Protocol::Issue => protocol::decode(body, issuance::LIMIT).map(Incoming::Issue),
                    Protocol::Consent => protocol::decode(body, consent::LIMIT).map(Incoming::Consent),
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
                        | Incoming::Present(presentation::Reply::Problem(_))
                        | Incoming::Consent(consent::Reply::Problem(_)))
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
}
