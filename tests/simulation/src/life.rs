//! What people and operators do, and what breaks: one thing at a time, thrown by the dice.

mod grants;
mod people;

use crate::cast::{self, BANKS, INCOME, MACHINES, PID, SERVICE, WALLETS, Who};
use crate::observer::{Checked, KEPT, OVER_ASK, broken};
use crate::world::{Event, Link, World};
use credentials::status::State;
use people::is_over_ask;
use sha2::{Digest, Sha256};
use verifier::NewRequest;

/// What an operator changes about a person's credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    State(State),
    /// Another content of the register's row.
    Row,
    /// The same, after a crash left open whether it was done.
    RowAgain,
}

/// A standing grant that a bank wants.
#[derive(Clone, Copy)]
pub(crate) struct GrantWanted {
    pub(crate) seconds: i64,
    pub(crate) uses_per_day: u16,
}

impl World {
    /// Something happens, and the next thing is thrown.
    pub(crate) fn life(&mut self) -> Checked {
        let pause = match self.dice.below(60) {
            0 => self.dice.between(600, 20_000),
            _ => self.dice.between(0, 6),
        };
        self.after(pause, Event::Life);
        match self.dice.below(195) {
            0..=9 => {
                let who = self.any(&MACHINES);
                for issuer in [cast::IDENTITY, cast::TAX] {
                    self.mirror(who, issuer);
                }
                Ok(())
            }
            10..=14 => {
                let who = self.dice.index(4);
                self.tick(who)
            }
            15..=22 => {
                let who = self.any(&WALLETS);
                self.resume(who)
            }
            23..=27 => {
                let who = self.any(&WALLETS);
                self.invite(cast::IDENTITY, PID, who)
            }
            28..=37 => {
                let who = self.any(&WALLETS);
                self.invite(cast::TAX, INCOME, who)
            }
            38..=67 => {
                let (bank, who) = (self.any(&BANKS), self.any(&WALLETS));
                self.bank_asks(bank, who)
            }
            68..=73 => self.link_again(),
            74..=79 => self.decide_again(),
            80..=81 => self.bank_asks_too_much(),
            82..=83 => self.forge(),
            84..=91 => {
                let what = match self.dice.below(6) {
                    0 => Change::State(State::Revoked),
                    1 => Change::State(State::Suspended),
                    2 | 3 => Change::State(State::Valid),
                    _ => Change::Row,
                };
                let issuer = if what == Change::Row {
                    cast::TAX
                } else {
                    self.dice.index(2)
                };
                let number = cast::number(self.any(&WALLETS));
                self.change(issuer, number, what)
            }
            92..=96 => {
                let who = self.any(&MACHINES);
                if self.machine(who).running.is_some() {
                    self.count("crashes between two steps");
                    self.crash(who);
                }
                Ok(())
            }
            97..=104 => {
                let (who, changes) = (self.any(&MACHINES), self.dice.below(12));
                self.machine(who).disk.die_after(changes);
                Ok(())
            }
            105..=108 => {
                let (who, seconds) = (self.any(&MACHINES), self.dice.between(1, 60));
                self.count("disks full");
                self.machine(who).disk.set_full(true);
                self.after(seconds, Event::Room { who });
                Ok(())
            }
            109..=110 => {
                let who = self.any(&MACHINES);
                self.count("syncs that fail");
                self.machine(who).disk.fail_one_sync();
                Ok(())
            }
            111..=114 => {
                let (who, skew) = (self.any(&MACHINES), self.dice.between(-300, 300));
                self.count("clocks set wrong");
                self.machine(who).skew = skew;
                Ok(())
            }
            115..=119 => {
                let (one, other) = (self.any(&MACHINES), self.dice.index(4));
                let seconds = self.dice.between(20, 200);
                self.count("partitions");
                self.part(one, other, seconds);
                Ok(())
            }
            120..=125 => self.replay(),
            126..=128 => self.other_keys(),
            129..=130 => self.garbage(),
            131 => self.guess(),
            132..=133 => {
                let version = self.dice.index(4);
                for who in MACHINES {
                    let delay = self.dice.between(0, 40);
                    self.after(delay, Event::Trust { who, version });
                }
                Ok(())
            }
            134 => self.close(),
            135.. => self.life_of_grants(),
        }
    }

    pub(crate) fn any(&mut self, of: &[Who]) -> Who {
        self.dice.pick(of).copied().unwrap_or(0)
    }

    /// An issuer invites a person, who takes the link to the wallet.
    pub(crate) fn invite(&mut self, issuer: Who, vct: &str, who: Who) -> Checked {
        let subject = (issuer == cast::IDENTITY).then(|| cast::number(who));
        let now = self.clock_of(issuer);
        let machine = self.machine(issuer);
        machine.disk.take_trouble();
        let Some(role) = machine.issuer() else { return Ok(()) };
        let offer = role.offer(now, vct, subject);
        if self.has_died(issuer) {
            return Ok(());
        }
        let troubled = self.machine(issuer).disk.take_trouble();
        let offer = match offer {
            Ok(offer) => offer,
            Err(error) => return self.observer.refusal(issuer, error.problem().code, troubled),
        };
        self.count("invitations");
        let Ok(text) = offer.link.to_text() else {
            return broken(KEPT, "an invitation that is no link");
        };
        let link = self.keep_link(Link {
            text,
            code: offer.code.clone(),
            too_much: None,
        });
        self.hand(who, link, offer.code);
        self.check(issuer, None)
    }

    pub(crate) fn keep_link(&mut self, link: Link) -> usize {
        self.links.push(link);
        self.links.len().saturating_sub(1)
    }

    /// A bank asks a customer; now and then somebody else holds the link.
    pub(crate) fn bank_asks(&mut self, bank: Who, customer: Who) -> Checked {
        let usual = self.dice.below(8);
        let seconds = match usual {
            0..=4 => 600,
            5 | 6 => 60,
            _ => 86_400,
        };
        let all = cast::claims();
        let claims: Vec<_> = all.iter().take(self.dice.index(4)).cloned().collect();
        let Some(link) = self.make_request(bank, customer, &claims, Some(seconds), None)? else {
            return Ok(());
        };
        let who = if !self.calm && self.dice.chance(15) {
            self.count("links in the wrong hands");
            self.any(&WALLETS)
        } else {
            customer
        };
        self.hand(who, link, None);
        Ok(())
    }

    pub(super) fn make_request(
        &mut self,
        bank: Who,
        customer: Who,
        claims: &[credentials::schema::Path],
        seconds: Option<i64>,
        grant: Option<GrantWanted>,
    ) -> Result<Option<usize>, crate::Violation> {
        self.cases = self.cases.saturating_add(1);
        let case = format!("L-{}", self.cases);
        let now = self.clock_of(bank);
        let machine = self.machine(bank);
        machine.disk.take_trouble();
        let Some(verifier) = machine.verifier() else {
            return Ok(None);
        };
        let types = [if grant.is_some() { cast::LOAN } else { INCOME }.to_owned()];
        let new = NewRequest {
            service: if grant.is_some() { cast::GRANT_SERVICE } else { SERVICE },
            case: &case,
            subject: cast::number(customer),
            types: &types,
            claims,
            valid_seconds: seconds,
            pair: false,
        };
        let asked = match grant {
            None => verifier.request(now, &new),
            Some(wanted) => verifier.request_grant(
                now,
                &verifier::NewGrant {
                    request: new,
                    issuer: None,
                    seconds: Some(wanted.seconds),
                    uses_per_day: Some(wanted.uses_per_day),
                },
            ),
        };
        if self.has_died(bank) {
            return Ok(None);
        }
        let troubled = self.machine(bank).disk.take_trouble();
        let asked = match asked {
            Ok(asked) => asked,
            Err(problem) => {
                self.observer.refusal(bank, problem.code, troubled)?;
                return Ok(None);
            }
        };
        self.count(if grant.is_some() {
            "grants asked for"
        } else {
            "requests"
        });
        let Some(machine) = self.machines.get(bank) else {
            return Ok(None);
        };
        self.observer.asked(machine, &asked, cast::number(customer))?;
        self.check(bank, None)?;
        let Ok(text) = asked.link.to_text() else {
            return broken(KEPT, "a request that is no link");
        };
        Ok(Some(self.keep_link(Link {
            text,
            code: None,
            too_much: None,
        })))
    }

    /// A bank's own system asks for more than is registered: its node signs nothing.
    fn bank_asks_too_much(&mut self) -> Checked {
        let bank = self.any(&BANKS);
        let now = self.clock_of(bank);
        let beyond = credentials::schema::Path::of(&["oppgaveInntektsmottaker"]);
        let machine = self.machine(bank);
        machine.disk.take_trouble();
        let Some(verifier) = machine.verifier() else {
            return Ok(());
        };
        let types = [INCOME.to_owned()];
        let claims = [beyond.clone()];
        let new = NewRequest {
            service: SERVICE,
            case: "L-0",
            subject: cast::number(WALLETS[0]),
            types: &types,
            claims: &claims,
            valid_seconds: None,
            pair: false,
        };
        let asked = verifier.request(now, &new);
        if self.has_died(bank) {
            return Ok(());
        }
        self.count("asked too much");
        match asked {
            Ok(_) => broken(OVER_ASK, "a bank's node signed it"),
            Err(problem) => is_over_ask(&problem, &beyond.to_string()),
        }
    }

    /// An operator changes the state of a person's credentials, or a row of the register.
    pub(crate) fn change(&mut self, issuer: Who, number: &'static str, what: Change) -> Checked {
        let now = self.clock_of(issuer);
        let to = match what {
            Change::State(state) => state,
            Change::Row | Change::RowAgain => State::Superseded,
        };
        if what == Change::Row {
            let version = self.rows.entry(number).or_insert(0);
            *version = version.saturating_add(1);
        }
        let version = self.rows.get(number).copied().unwrap_or(0);
        let machine = self.machine(issuer);
        let Some(role) = machine.issuer() else {
            if what != Change::Row {
                self.after(60, Event::Again { issuer, number, what });
            }
            return Ok(());
        };
        let done = match what {
            Change::State(state) => {
                let number = number.to_owned();
                role.set_state(now, issuer::Target::Subject { number }, state, "")
                    .map(|_| ())
            }
            Change::Row | Change::RowAgain => import(role, now, INCOME, &cast::income(number, version).to_string()),
        };
        // What a new row ends is published with the day, or, every other time here, at once.
        let is_published = match (what, &done) {
            (Change::State(_), _) => true,
            (Change::Row, Ok(())) if version % 2 == 1 => role.publish_endings(now).is_ok(),
            _ => false,
        };
        let has_died = self.has_died(issuer);
        self.note(&format!("{} {what:?}: {}", cast::name(issuer), done.is_ok()));
        match done {
            Err(issuer::Error::Refused(_)) if !has_died => return Ok(()),
            Ok(()) if !has_died => {
                self.count("credentials changed by their issuer");
                self.observer.state_changed(issuer, number, to, is_published);
            }
            _ => {
                self.observer.state_changed(issuer, number, to, false);
                let what = if what == Change::Row { Change::RowAgain } else { what };
                self.after(100, Event::Again { issuer, number, what });
                return Ok(());
            }
        }
        self.check(issuer, None)
    }

    pub(crate) fn import_all(&mut self) -> Checked {
        let now = self.now;
        for wallet in WALLETS {
            let number = cast::number(wallet);
            for (issuer, vct, row) in [
                (cast::IDENTITY, PID, cast::person(number)),
                (cast::TAX, INCOME, cast::income(number, 0)),
                (cast::TAX, cast::LOAN, cast::loan(number)),
            ] {
                if let Some(role) = self.machine(issuer).issuer() {
                    import(role, now, vct, &row.to_string()).or_else(|error| broken(KEPT, error))?;
                }
            }
        }
        Ok(())
    }

    /// A case-worker withdraws a request.
    fn close(&mut self) -> Checked {
        let bank = self.any(&BANKS);
        let sessions: Vec<String> = self
            .observer
            .sessions
            .keys()
            .filter(|(asker, _)| *asker == bank)
            .map(|(_, session)| session.clone())
            .collect();
        let Some(session) = self.dice.pick(&sessions).cloned() else {
            return Ok(());
        };
        let now = self.clock_of(bank);
        if let Some(verifier) = self.machine(bank).verifier() {
            let _whether = verifier.close(now, &session);
        }
        if self.has_died(bank) {
            return Ok(());
        }
        self.check(bank, None)
    }
}

fn import(
    issuer: &mut issuer::Issuer,
    now: credentials::Timestamp,
    vct: &str,
    line: &str,
) -> Result<(), issuer::Error> {
    let file = Sha256::digest(format!("{line}\n")).into();
    let start = issuer.import_start(now, vct, file, None, false)?;
    issuer.import_lines(now, &start.job, &[(1, line.to_owned())])?;
    issuer.import_finish(now, &start.job).map(|_| ())
}
