//! The end of a seed: nothing breaks any more, and everything that was begun comes to its end; then everything still works.

mod grants;

use crate::cast::{self, BANKS, IDENTITY, INCOME, MACHINES, PID, TAX, WALLETS};
use crate::observer::{Checked, GOES_ON, Violation, broken, ensure};
use crate::world::World;
use credentials::verify::Verdict;

/// Rounds after which nothing may be open any more.
const ROUNDS: usize = 6;
/// Clocks were up to five minutes wrong in both directions: then what was signed in the future is the past.
const CLOCKS: i64 = 660;
/// A no leaves within a twenty-fourth of its request's life, which is a week at most.
const REFUSAL: i64 = 7 * 3_600;

impl World {
    pub(crate) fn end(&mut self) -> Checked {
        self.becalm()?;
        self.now = self.now.plus(CLOCKS);
        for round in 1..=ROUNDS {
            self.round()?;
            self.now = self.now.plus(60);
            let open = self.what_is_open()?;
            if open.is_empty() {
                break;
            }
            if open.iter().any(|one| one.contains("Refused")) {
                self.now = self.now.plus(REFUSAL);
            }
            ensure(round < ROUNDS, GOES_ON, || open.join("; "))?;
        }
        self.nothing_is_released_after_a_withdrawal()?;
        let who = self.any(&WALLETS);
        self.everything_works(who)?;
        self.granting_works(who)
    }

    /// What the nodes and the persons do when nothing is in the way.
    fn round(&mut self) -> Checked {
        self.mirror_all()?;
        for who in 0..4 {
            self.tick(who)?;
        }
        for who in WALLETS {
            self.resume(who)?;
            self.drain()?;
            self.decide_all(who)?;
            self.drain()?;
            self.ask_uses(who)?;
            self.drain()?;
        }
        self.tell_withdrawals()?;
        self.drain()
    }

    /// What has not come to its end in the wallets.
    fn what_is_open(&mut self) -> Result<Vec<String>, Violation> {
        let mut open = Vec::new();
        for who in WALLETS {
            let now = self.clock_of(who);
            let Some(wallet) = self.machine(who).wallet() else {
                return broken(GOES_ON, format!("{} is down", cast::name(who)));
            };
            let unfinished = wallet.unfinished().or_else(|error| broken(GOES_ON, error))?;
            let pending = wallet.pending(now).or_else(|error| broken(GOES_ON, error))?;
            let states = unfinished.iter().map(|it| it.state.to_owned());
            let states = states.chain(pending.iter().map(|it| format!("{:?} {:?}", it.state, it.code)));
            open.extend(states.map(|state| format!("{} has open: {state}", cast::name(who))));
        }
        open.extend(self.grants_open()?);
        Ok(open)
    }

    /// Every machine mirrors both issuers.
    fn mirror_all(&mut self) -> Checked {
        for who in MACHINES {
            for issuer in [IDENTITY, TAX] {
                self.mirror(who, issuer);
            }
        }
        self.drain()
    }

    /// A new identification and a new income.
    pub(crate) fn collect(&mut self, who: cast::Who) -> Checked {
        self.invite(IDENTITY, PID, who)?;
        self.drain()?;
        for machine in [TAX, who] {
            self.mirror(machine, IDENTITY);
        }
        self.drain()?;
        self.invite(TAX, INCOME, who)?;
        self.drain()?;
        self.decide_all(who)?;
        self.drain()?;
        for machine in [BANKS[0], BANKS[1], who] {
            self.mirror(machine, TAX);
        }
        self.drain()
    }

    /// A new identification, a new income, and a bank that finds it valid.
    fn everything_works(&mut self, who: cast::Who) -> Checked {
        self.collect(who)?;
        for bank in BANKS {
            let before = self.observer.sessions.clone();
            self.bank_asks(bank, who)?;
            self.drain()?;
            self.decide_all(who)?;
            self.drain()?;
            let new = self
                .observer
                .sessions
                .keys()
                .find(|key| !before.contains_key(*key))
                .cloned();
            let now = self.clock_of(bank);
            let detail = new.and_then(|(_, session)| self.machine(bank).verifier()?.session(now, &session).ok()?);
            let view = detail.map(|detail| detail.view);
            let is_valid = view.as_ref().is_some_and(|view| view.verdict == Some(Verdict::Valid));
            ensure(is_valid, GOES_ON, || {
                format!(
                    "{} cannot show {} an income: {view:?}",
                    cast::name(who),
                    cast::name(bank)
                )
            })?;
        }
        self.count("valid after everything");
        Ok(())
    }
}
