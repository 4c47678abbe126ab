//! The end of a seed: nothing breaks any more, and everything that was begun comes to its end; then everything still works.

use crate::cast::{self, BANKS, IDENTITY, INCOME, MACHINES, PID, TAX, WALLETS};
use crate::observer::{Checked, GOES_ON, broken, ensure};
use crate::world::World;
use credentials::verify::Verdict;

/// Rounds in which a wallet must have come to an end with everything.
const ROUNDS: usize = 6;
/// Clocks were up to five minutes wrong in both directions: then what was signed in the future is the past.
const CLOCKS: i64 = 660;

impl World {
    pub(crate) fn end(&mut self) -> Checked {
        self.becalm()?;
        self.now = self.now.plus(CLOCKS);
        for _ in 0..ROUNDS {
            self.round()?;
            self.now = self.now.plus(60);
        }
        for who in WALLETS {
            self.nothing_is_open(who)?;
        }
        for who in WALLETS {
            self.everything_works(who)?;
        }
        Ok(())
    }

    /// What the nodes and the persons do when nothing is in the way.
    fn round(&mut self) -> Checked {
        for who in MACHINES {
            for issuer in [IDENTITY, TAX] {
                self.mirror(who, issuer);
            }
        }
        self.drain()?;
        for who in 0..4 {
            self.tick(who)?;
        }
        for who in WALLETS {
            self.resume(who)?;
            self.drain()?;
            self.decide_all(who)?;
            self.drain()?;
        }
        Ok(())
    }

    fn nothing_is_open(&mut self, who: cast::Who) -> Checked {
        let now = self.clock_of(who);
        let Some(wallet) = self.machine(who).wallet() else {
            return broken(GOES_ON, format!("{} is down", cast::name(who)));
        };
        let unfinished = wallet.unfinished().or_else(|error| broken(GOES_ON, error))?;
        let states: Vec<&str> = unfinished.iter().map(|it| it.state).collect();
        let pending = wallet.pending(now).or_else(|error| broken(GOES_ON, error))?;
        let pending: Vec<_> = pending.iter().map(|it| (it.state, it.code)).collect();
        ensure(states.is_empty() && pending.is_empty(), GOES_ON, || {
            format!("{} has open: {states:?} {pending:?}", cast::name(who))
        })
    }

    /// A new identification, a new income, and a bank that finds it valid.
    fn everything_works(&mut self, who: cast::Who) -> Checked {
        self.invite(IDENTITY, PID, who)?;
        self.drain()?;
        for issuer in [IDENTITY, TAX] {
            for machine in MACHINES {
                self.mirror(machine, issuer);
            }
            self.drain()?;
        }
        self.invite(TAX, INCOME, who)?;
        self.drain()?;
        self.decide_all(who)?;
        self.drain()?;
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
