//! The world of one seed: seven machines, the network between them, and a queue of what happens next.

mod running;

use crate::cast::{self, BANKS, Cast, MACHINES, WALLETS, Who};
use crate::dice::Dice;
use crate::machine::{Machine, Role, Running};
use crate::network::{Captured, Exchange};
use crate::observer::{Checked, GOES_ON, Observer, Violation, broken};
use credentials::protocol::presentation;
use credentials::{Problem, Timestamp};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use wallet::{Outcome, Step, Thread, Wallet};

/// What happens.
#[derive(Clone, Debug)]
pub(crate) enum Event {
    /// Somebody does something, or something breaks.
    Life,
    /// A message arrives.
    Request { exchange: u64, body: Vec<u8> },
    /// An answer arrives.
    Answer { exchange: u64, body: Vec<u8> },
    /// An answer has not come.
    Timeout { exchange: u64 },
    /// A machine begins again.
    Begin { who: Who },
    /// A disk has room again.
    Room { who: Who },
    /// A person decides on a request that waits.
    Decide { who: Who, id: String },
    /// A person gives a link to a wallet.
    Link {
        who: Who,
        link: usize,
        code: Option<String>,
    },
    /// A version of the trust document reaches a machine.
    Trust { who: Who, version: usize },
    /// An operator does again what a crash cut off.
    Again {
        issuer: Who,
        number: &'static str,
        what: crate::life::Change,
    },
}

/// A link that a person has, with the code of the letter.
#[derive(Clone)]
pub(crate) struct Link {
    pub(crate) text: String,
    pub(crate) code: Option<String>,
    /// What it asks is too much: it must be refused, with a detail that holds this.
    pub(crate) too_much: Option<String>,
}

/// What was counted.
pub type Counts = BTreeMap<&'static str, u64>;

pub(crate) struct World {
    pub(crate) cast: Arc<Cast>,
    pub(crate) dice: Dice,
    pub(crate) now: Timestamp,
    queue: BTreeMap<(Timestamp, u64), Event>,
    serial: u64,
    pub(crate) machines: Vec<Machine>,
    /// Pairs that do not reach each other, and until when.
    parted: BTreeMap<(Who, Who), Timestamp>,
    pub(crate) exchanges: BTreeMap<u64, Exchange>,
    pub(crate) captured: Vec<Captured>,
    /// Requests beyond the registration that a bank's node serves, by session.
    pub(crate) forged: BTreeMap<String, String>,
    pub(crate) links: Vec<Link>,
    /// Links of which too much is asked, whose refusal is awaited: wallet and what it must name.
    pub(crate) awaited: BTreeSet<(Who, String)>,
    pub(crate) observer: Observer,
    pub(crate) counts: Counts,
    pub(crate) calm: bool,
    pub(crate) steps: u64,
    pub(crate) cases: u64,
    pub(crate) rows: BTreeMap<&'static str, u64>,
    /// Answers to refreshes that somebody recorded: bank, grant and bytes.
    pub(crate) releases: Vec<(Who, String, Vec<u8>)>,
    /// The nonce that a bank last asked with under a grant.
    pub(crate) asked: BTreeMap<(Who, String), String>,
    trace: Sha256,
    pub(crate) lines: Vec<String>,
}

impl World {
    /// The machines with their homes, registers and the first trust document; nothing is broken yet.
    pub(crate) fn new(seed: u64) -> Result<World, Violation> {
        let cast = Cast::shared().or_else(|problem: Problem| broken(GOES_ON, problem))?;
        let mut world = World {
            dice: Dice::new(seed, "world"),
            now: cast::begin(),
            queue: BTreeMap::new(),
            serial: 0,
            machines: MACHINES.iter().map(|who| Machine::new(seed, *who)).collect(),
            parted: BTreeMap::new(),
            exchanges: BTreeMap::new(),
            captured: Vec::new(),
            forged: BTreeMap::new(),
            links: Vec::new(),
            awaited: BTreeSet::new(),
            observer: Observer::new(cast.clone()),
            counts: Counts::new(),
            calm: true,
            steps: 0,
            cases: 0,
            rows: BTreeMap::new(),
            releases: Vec::new(),
            asked: BTreeMap::new(),
            trace: Sha256::new(),
            lines: Vec::new(),
            cast,
        };
        world.begin_all()?;
        for who in MACHINES {
            world.take_trust(who, 0)?;
        }
        world.import_all()?;
        // Everybody begins with what most of the exchanges need, so that they are broken off in the middle and not at the start.
        for who in WALLETS {
            world.collect(who)?;
            for bank in BANKS {
                world.bank_wants_grant(bank, who)?;
                world.drain()?;
                world.decide_all(who)?;
                world.drain()?;
            }
        }
        world.calm = false;
        Ok(world)
    }

    /// The machine; the first one for a number that is none.
    pub(crate) fn machine(&mut self, who: Who) -> &mut Machine {
        let place = if who < self.machines.len() { who } else { 0 };
        self.machines.get_mut(place).expect("MACHINES is not empty")
    }

    /// What a machine's clock shows.
    pub(crate) fn clock_of(&self, who: Who) -> Timestamp {
        let skew = self.machines.get(who).map_or(0, |machine| machine.skew);
        self.now.plus(skew)
    }

    pub(crate) fn count(&mut self, what: &'static str) {
        self.count_of(what, 1);
    }

    fn count_of(&mut self, what: &'static str, times: u64) {
        let count = self.counts.entry(what).or_insert(0);
        *count = count.saturating_add(times);
    }

    pub(crate) fn serial(&mut self) -> u64 {
        self.serial = self.serial.saturating_add(1);
        self.serial
    }

    /// Lets something happen in so many seconds.
    pub(crate) fn after(&mut self, seconds: i64, event: Event) {
        let key = (self.now.plus(seconds), self.serial());
        self.queue.insert(key, event);
    }

    /// A line of the trace.
    pub(crate) fn note(&mut self, line: &str) {
        self.trace.update(line.as_bytes());
        self.trace.update(b"\n");
        let seconds = self.now.since(cast::begin());
        self.lines.push(format!("{:>5} {seconds:>7} {line}", self.steps));
    }

    /// What happened, in short: equal for equal seeds.
    pub(crate) fn trace(&self) -> [u8; 32] {
        self.trace.clone().finalize().into()
    }

    pub(crate) fn part(&mut self, one: Who, other: Who, seconds: i64) {
        let until = self.now.plus(seconds);
        self.parted.insert((one.min(other), one.max(other)), until);
    }

    pub(crate) fn is_parted(&self, one: Who, other: Who) -> bool {
        let until = self.parted.get(&(one.min(other), one.max(other)));
        !self.calm && until.is_some_and(|until| self.now < *until)
    }

    /// The next event, in the order of time. False when nothing is left.
    pub(crate) fn step(&mut self) -> Result<bool, Violation> {
        let Some(((at, _), event)) = self.queue.pop_first() else {
            return Ok(false);
        };
        self.now = self.now.max(at);
        if let Event::Timeout { exchange } = &event
            && !self.exchanges.contains_key(exchange)
        {
            return Ok(true);
        }
        self.renew_heads()?;
        self.steps = self.steps.saturating_add(1);
        self.trace.update(self.now.unix().to_be_bytes());
        if let Event::Request { body, .. } | Event::Answer { body, .. } = &event {
            self.trace.update(body);
        }
        match event {
            Event::Life => self.life()?,
            Event::Request { exchange, body } => self.arrives(exchange, &body)?,
            Event::Answer { exchange, body } => self.is_answered(exchange, &body)?,
            Event::Timeout { exchange } => self.is_not_answered(exchange)?,
            Event::Begin { who } => self.begin(who)?,
            Event::Room { who } => self.machine(who).disk.set_full(false),
            Event::Decide { who, id } => self.decide(who, &id)?,
            Event::Link { who, link, code } => self.give_link(who, link, code.as_deref())?,
            Event::Trust { who, version } => self.take_trust(who, version)?,
            Event::Again { issuer, number, what } => self.change(issuer, number, what)?,
        }
        Ok(true)
    }

    /// Everything that is under way comes to its end.
    pub(crate) fn drain(&mut self) -> Checked {
        while self.step()? {}
        Ok(())
    }

    /// A command or a message for a wallet; down, it gets none.
    pub(crate) fn ask_wallet(
        &mut self,
        who: Who,
        is_theirs: bool,
        act: impl FnOnce(&mut Wallet, Timestamp) -> Vec<Step>,
    ) -> Checked {
        let now = self.clock_of(who);
        let machine = self.machine(who);
        machine.disk.take_trouble();
        let Some(wallet) = machine.wallet() else { return Ok(()) };
        let steps = act(wallet, now);
        if self.has_died(who) {
            return Ok(());
        }
        let troubled = self.machine(who).disk.take_trouble();
        self.carry(who, steps, is_theirs, troubled)?;
        self.check(who, None)
    }

    /// The same for a command, whose thread the wallet names itself.
    pub(crate) fn command(
        &mut self,
        who: Who,
        act: impl FnOnce(&mut Wallet, Timestamp) -> (Thread, Vec<Step>),
    ) -> Checked {
        self.ask_wallet(who, false, |wallet, now| act(wallet, now).1)
    }

    /// What a wallet's command brought, and what its person will do about it.
    pub(crate) fn came_of_it(&mut self, who: Who, outcome: Outcome) {
        match outcome {
            Outcome::Waiting { id } => {
                if !self.calm && !self.dice.chance(8) {
                    let delay = self.dice.between(1, 25);
                    self.after(delay, Event::Decide { who, id });
                }
            }
            Outcome::Collected { .. } => self.count("collected"),
            Outcome::Shared { .. } => self.count("shared with receipt"),
            Outcome::Granted { .. } => self.count("grants given"),
            Outcome::Withdrawn { .. } => self.count("withdrawals acknowledged to the wallet"),
            Outcome::Told { uses, .. } => self.count_of("uses told to their holder", u64::from(uses)),
            Outcome::Posted | Outcome::Noted => {}
            Outcome::Erased { .. } => self.count("told what was erased"),
            Outcome::Standing { .. } => self.count("shown what stands"),
            Outcome::Refused => self.count("declined"),
            Outcome::Carry { .. } => {}
        }
    }

    /// What a machine says of itself, beside the books.
    pub(crate) fn check(&mut self, who: Who, message: Option<&presentation::Ask>) -> Checked {
        self.check_after(who, message, false)
    }

    pub(super) fn check_after(&mut self, who: Who, message: Option<&presentation::Ask>, is_begun: bool) -> Checked {
        let now = self.clock_of(who);
        let Some(machine) = self.machines.get(who) else {
            return Ok(());
        };
        let Some(Running { role, trust, .. }) = &machine.running else {
            return Ok(());
        };
        let version = trust.as_ref().map(|trust| trust.version());
        self.observer.trust_in_use(who, version)?;
        self.observer.check_grants(machine, now)?;
        match role {
            Role::Wallet(wallet) => self.observer.check_wallet(who, wallet, is_begun),
            Role::Issuer(issuer) => self.observer.check_issuer(who, issuer),
            Role::Verifier(_) => self.observer.check_verifier(machine, now, message),
        }
    }
}
