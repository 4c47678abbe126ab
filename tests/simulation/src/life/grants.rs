//! Standing grants in the lives of persons and banks: asked for, used while wallets are off, looked at, taken back.

use super::GrantWanted;
use crate::cast::{self, BANKS, WALLETS, Who};
use crate::disk::End;
use crate::observer::Checked;
use crate::world::{Event, World};
use wallet::GrantState;

impl World {
    /// Something about grants happens.
    pub(super) fn life_of_grants(&mut self) -> Checked {
        match self.dice.below(60) {
            0..=13 => {
                let (bank, who) = (self.any(&BANKS), self.any(&WALLETS));
                self.bank_wants_grant(bank, who)
            }
            14..=33 => {
                let bank = self.any(&BANKS);
                self.refresh_some(bank)
            }
            34..=41 => {
                let who = self.any(&WALLETS);
                self.take_back(who)
            }
            42..=46 => {
                let who = self.any(&WALLETS);
                self.ask_uses(who)
            }
            47..=50 => self.tell_withdrawals(),
            51..=52 => self.logout(),
            53..=54 => self.release_again(),
            _ => {
                let who = self.any(&WALLETS);
                self.switch_off(who)
            }
        }
    }

    /// A bank asks a customer for a standing grant; now and then somebody else holds the link.
    pub(crate) fn bank_wants_grant(&mut self, bank: Who, customer: Who) -> Checked {
        // A grant outlives its request.
        let (seconds, least, most) = match self.dice.below(4) {
            0 => (120, 200, 4_000),
            _ => (3_600, 4_000, 30 * 86_400),
        };
        let wanted = GrantWanted {
            seconds: self.dice.between(least, most),
            uses_per_day: u16::try_from(self.dice.between(1, 24)).unwrap_or(1),
        };
        let claims = cast::granted_claims();
        let Some(link) = self.make_request(bank, customer, &claims, Some(seconds), Some(wanted))? else {
            return Ok(());
        };
        let who = if !self.calm && self.dice.chance(12) {
            self.count("links in the wrong hands");
            self.any(&WALLETS)
        } else {
            customer
        };
        self.hand(who, link, None);
        Ok(())
    }

    fn refresh_some(&mut self, bank: Who) -> Checked {
        let now = self.clock_of(bank);
        let Some(verifier) = self.machine(bank).verifier() else {
            return Ok(());
        };
        let names: Vec<String> = verifier
            .grants(now)
            .unwrap_or_default()
            .into_iter()
            .map(|grant| grant.name)
            .collect();
        match self.dice.pick(&names).cloned() {
            Some(name) => self.refresh(bank, &name),
            None => Ok(()),
        }
    }

    /// A person takes back one of the grants that stand, or is on its way, or once more one that was taken back.
    fn take_back(&mut self, who: Who) -> Checked {
        let now = self.clock_of(who);
        let Some(wallet) = self.machine(who).wallet() else {
            return Ok(());
        };
        let grants = wallet.grants(now).unwrap_or_default();
        let Some(grant) = self.dice.pick(&grants).cloned() else {
            return Ok(());
        };
        if grant.state != GrantState::Withdrawn {
            self.count("grants taken back");
        }
        if grant.state == GrantState::UnderWay {
            self.count("grants taken back on their way");
        }
        self.withdraw(who, &grant.id)
    }

    pub(crate) fn withdraw(&mut self, who: Who, id: &str) -> Checked {
        self.ask_wallet(who, false, |wallet, now| {
            wallet
                .withdraw(now, id)
                .into_iter()
                .flat_map(|(_, steps)| steps)
                .collect()
        })
    }

    /// A wallet asks how its grants were used.
    pub(crate) fn ask_uses(&mut self, who: Who) -> Checked {
        self.ask_wallet(who, false, |wallet, now| {
            wallet.ask_uses(now).into_iter().flat_map(|(_, steps)| steps).collect()
        })
    }

    /// The customer leaves the bank's session.
    fn logout(&mut self) -> Checked {
        let bank = self.any(&BANKS);
        let now = self.clock_of(bank);
        let Some(verifier) = self.machine(bank).verifier() else {
            return Ok(());
        };
        let names: Vec<String> = verifier
            .grants(now)
            .unwrap_or_default()
            .into_iter()
            .map(|grant| grant.name)
            .collect();
        let Some(name) = self.dice.pick(&names).cloned() else {
            return Ok(());
        };
        if let Some(verifier) = self.machine(bank).verifier() {
            let _later = verifier.grant_logout(now, &name);
        }
        if self.has_died(bank) {
            return Ok(());
        }
        self.count("logouts");
        self.observer.grants.logged_out(bank, &name);
        self.check(bank, None)
    }

    /// Somebody gives a bank an answer that it had before.
    fn release_again(&mut self) -> Checked {
        let Some((bank, name, body)) = self.dice.pick(&self.releases).cloned() else {
            return Ok(());
        };
        self.count("releases replayed to a bank");
        self.take_release(bank, &name, None, &body)
    }

    /// A person closes the wallet for a while.
    fn switch_off(&mut self, who: Who) -> Checked {
        if self.machine(who).running.is_none() {
            return Ok(());
        }
        self.count("wallets off");
        self.note(&format!("{} is off", cast::name(who)));
        self.machine(who).end(End::Process);
        let delay = self.dice.between(30, 400);
        self.after(delay, Event::Begin { who });
        Ok(())
    }
}
