//! The end of standing grants: both know of every withdrawal, wallets of every use, and nothing is released any more.

use crate::cast::{self, BANKS, TAX, WALLETS, Who};
use crate::network::Protocol;
use crate::observer::record;
use crate::observer::{Checked, GOES_ON, Violation, broken, ensure};
use crate::world::World;
use credentials::protocol::consent::Ask;
use credentials::protocol::encode;
use wallet::{GrantState, What};

/// A nonce of nobody's question.
const NONCE: &str = "AAAAAAAAAAAAAAAAAAAAAAAA";

impl World {
    /// What has not come to its end of grants.
    pub(super) fn grants_open(&mut self) -> Result<Vec<String>, Violation> {
        let mut open = Vec::new();
        for who in WALLETS {
            let now = self.clock_of(who);
            let Some(wallet) = self.machine(who).wallet() else {
                continue;
            };
            let views = wallet.grants(now).or_else(|error| broken(GOES_ON, error))?;
            let history = wallet.history().or_else(|error| broken(GOES_ON, error))?;
            for view in views {
                let is_told = view.issuer_told && view.asker_told;
                if view.state == GrantState::UnderWay || (view.state == GrantState::Withdrawn && !is_told) {
                    open.push(format!(
                        "{} has a grant open: {:?} {} {}",
                        cast::name(who),
                        view.state,
                        view.issuer_told,
                        view.asker_told
                    ));
                }
            }
            let Some(running) = self.machines.get(TAX).and_then(|machine| machine.running.as_ref()) else {
                continue;
            };
            for (name, given) in &self.observer.grants.given {
                if given.owner != who || !given.is_deposited {
                    continue;
                }
                let is_use =
                    |event: &&wallet::Event| event.what == What::Used && event.request.as_ref() == Some(&given.request);
                let told = history.iter().filter(is_use).count();
                let kept = record(&running.store, name).or_else(|error| broken(GOES_ON, error))?;
                let uses = kept.map_or(0, |kept| kept.uses) as usize;
                if told != uses {
                    open.push(format!("{} knows of {told} uses of {uses}", cast::name(who)));
                }
            }
        }
        let waiting = match self.machine(TAX).issuer() {
            Some(issuer) => issuer
                .withdrawals_to_tell(&mut |_| true)
                .or_else(|error| broken(GOES_ON, error))?
                .len(),
            None => 0,
        };
        if waiting > 0 {
            open.push(format!("{waiting} withdrawals are to be told"));
        }
        Ok(open)
    }

    /// Every bank asks again for what was taken back, whatever it knows of that: nothing comes, and it knows then.
    pub(super) fn nothing_is_released_after_a_withdrawal(&mut self) -> Checked {
        let ended: Vec<(String, String, Option<Who>, bool)> = self
            .observer
            .grants
            .given
            .iter()
            .filter(|(_, given)| given.withdrawn.is_some() || given.is_early)
            .map(|(name, given)| (name.clone(), given.text.clone(), given.asker, given.is_taken))
            .collect();
        for (name, grant, bank, is_taken) in ended {
            let Some(bank) = bank else { continue };
            let ask = Ask::Refresh {
                grant,
                nonce: NONCE.to_owned(),
                claims: cast::granted_claims(),
            };
            // The observer objects to a release.
            if let Ok(body) = encode(&ask) {
                self.answered(TAX, cast::name(bank), Protocol::Consent, &body)?;
                self.count("asked after everything for what was taken back");
            }
            // Nothing is on its way any more.
            self.unanswered(bank, &name);
            self.refresh(bank, &name)?;
            self.drain()?;
            let now = self.clock_of(bank);
            let view = self
                .machine(bank)
                .verifier()
                .and_then(|verifier| verifier.grant(now, &name).ok()?);
            let is_ended = view.is_none_or(|view| view.state != verifier::GrantState::Active);
            ensure(is_ended || !is_taken, GOES_ON, || {
                format!("{} takes for granted what was taken back", cast::name(bank))
            })?;
        }
        Ok(())
    }

    /// A new grant, a use of it that its holder is told of, and its end.
    pub(super) fn granting_works(&mut self, who: Who) -> Checked {
        let bank = BANKS[0];
        let before: Vec<String> = self.observer.grants.given.keys().cloned().collect();
        self.bank_wants_grant(bank, who)?;
        self.drain()?;
        self.decide_all(who)?;
        self.drain()?;
        let new = self
            .observer
            .grants
            .given
            .iter()
            .find(|(name, given)| !before.contains(name) && given.is_taken);
        let Some(name) = new.map(|(name, _)| name.clone()) else {
            return broken(GOES_ON, format!("{} cannot grant anything", cast::name(who)));
        };
        self.refresh(bank, &name)?;
        self.drain()?;
        self.ask_uses(who)?;
        self.drain()?;
        let now = self.clock_of(who);
        let views = self.machine(who).wallet().and_then(|wallet| wallet.grants(now).ok());
        // The newest comes first.
        let newest = views.into_iter().flatten().next();
        let Some(view) = newest.filter(|view| view.state == GrantState::Active && view.uses.len() == 1) else {
            return broken(GOES_ON, format!("{} is not told of a use", cast::name(who)));
        };
        self.withdraw(who, &view.id)?;
        self.drain()?;
        let views = self.machine(who).wallet().and_then(|wallet| wallet.grants(now).ok());
        let ended = views.into_iter().flatten().find(|ended| ended.id == view.id);
        let is_told = ended.is_some_and(|ended| ended.issuer_told && ended.asker_told && ended.erasure.is_some());
        ensure(is_told, GOES_ON, || {
            format!("{} cannot take a grant back", cast::name(who))
        })?;
        self.nothing_is_released_after_a_withdrawal()?;
        self.count("granted after everything");
        Ok(())
    }
}
