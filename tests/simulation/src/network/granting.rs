//! `/bevis/consent/1` between the machines: what an issuer and a bank answer, a bank's refreshes, and an issuer that tells banks of
//! withdrawals until they acknowledge.

use super::{For, Protocol};
use crate::cast::{self, BANKS, TAX, Who};
use crate::machine::{Role, access};
use crate::observer::Checked;
use crate::world::World;
use credentials::Code;
use credentials::protocol::consent::{Ask, LIMIT, Reply};
use credentials::protocol::{decode, encode};

/// Answers to refreshes that are kept for somebody to repeat.
const RELEASES_MAX: usize = 16;

impl World {
    pub(super) fn answer_consent(
        &mut self,
        to: Who,
        peer: &str,
        body: &[u8],
    ) -> Result<Option<Vec<u8>>, crate::Violation> {
        let ask: Ask = match decode(body, LIMIT) {
            Ok(ask) => ask,
            Err(problem) => return Ok(encode(&Reply::Problem(problem)).ok()),
        };
        // Whose connection it is says a node's certificate; wallets and strangers have none.
        let asker = BANKS.into_iter().find(|bank| cast::name(*bank) == peer);
        let asker = asker.map(|bank| self.cast.did(bank).clone());
        let now = self.clock_of(to);
        let machine = self.machine(to);
        machine.disk.take_trouble();
        let Some(running) = &mut machine.running else {
            return Ok(None);
        };
        let logged = access(&running.store).unwrap_or(u64::MAX);
        let reply = match &mut running.role {
            Role::Issuer(issuer) => {
                let reply = issuer.receive_consent(now, &running.mirror, peer, asker.as_ref(), ask.clone());
                let _cause = issuer.take_failure();
                reply
            }
            Role::Verifier(verifier) => verifier.receive_consent(now, peer, ask.clone()),
            Role::Wallet(_) => return Ok(None),
        };
        if self.has_died(to) {
            return Ok(None);
        }
        let troubled = self.machine(to).disk.take_trouble();
        self.note(&format!("{} answers {}", cast::name(to), said(&reply)));
        if let Some(machine) = self.machines.get(to) {
            self.observer.leaves_consent(machine, &ask, &reply, logged)?;
        }
        match (&ask, &reply) {
            (_, Reply::Problem(problem)) => {
                self.observer.refusal(to, problem.code, troubled)?;
                match (&ask, problem.code) {
                    (Ask::Refresh { .. }, Code::Withdrawn) => self.count("refreshes refused as withdrawn"),
                    (Ask::Refresh { .. }, Code::TraceUnavailable) => self.count("refreshes refused without a log"),
                    (Ask::Refresh { .. }, _) => self.count("refreshes refused"),
                    (Ask::Withdraw { .. }, Code::UnknownGrant) if to == TAX => {
                        self.count("withdrawals that came before their grant");
                    }
                    _ => self.count("refused in consent"),
                }
            }
            (_, Reply::Deposited { .. }) => self.count("deposits"),
            (_, Reply::Released { .. }) => self.count("releases"),
            (_, Reply::Withdrawn { .. }) => self.count("withdrawals acknowledged by an issuer"),
            (_, Reply::Erased { .. }) => self.count("withdrawals acknowledged by an asker"),
            _ => {}
        }
        self.check(to, None)?;
        Ok(encode(&reply).ok())
    }

    /// A bank fetches what is granted, if it thinks that it may.
    pub(crate) fn refresh(&mut self, bank: Who, name: &str) -> Checked {
        let now = self.clock_of(bank);
        let machine = self.machine(bank);
        machine.disk.take_trouble();
        let Some(verifier) = machine.verifier() else {
            return Ok(());
        };
        let asked = verifier.grant_refresh(now, name, &[]);
        if self.has_died(bank) {
            return Ok(());
        }
        let troubled = self.machine(bank).disk.take_trouble();
        match asked {
            Ok((_, ask)) => {
                self.count("refreshes");
                let Ask::Refresh { nonce, .. } = &ask else {
                    return Ok(());
                };
                self.asked.insert((bank, name.to_owned()), nonce.clone());
                let wanted = For::Release {
                    name: name.to_owned(),
                    nonce: nonce.clone(),
                };
                if let Ok(body) = encode(&ask) {
                    self.send(bank, TAX, Protocol::Consent, body, wanted);
                }
                Ok(())
            }
            Err(problem) => {
                if problem.code == Code::Withdrawn {
                    self.count("refreshes that a bank knows better than to ask");
                }
                self.observer.refusal(bank, problem.code, troubled)
            }
        }
    }

    /// What a bank asked under a grant was lost on its way.
    pub(crate) fn unanswered(&mut self, bank: Who, name: &str) {
        let Some(nonce) = self.asked.remove(&(bank, name.to_owned())) else {
            return;
        };
        if let Some(verifier) = self.machine(bank).verifier() {
            verifier.grant_unanswered(name, &nonce);
        }
    }

    /// An answer to a refresh reaches the bank.
    pub(super) fn released(&mut self, bank: Who, name: &str, nonce: &str, body: &[u8]) -> Checked {
        let place = self.dice.index(RELEASES_MAX);
        let recorded = (bank, name.to_owned(), body.to_vec());
        match self.releases.get_mut(place) {
            Some(old) => *old = recorded,
            None => self.releases.push(recorded),
        }
        self.take_release(bank, name, Some(nonce), body)
    }

    /// The bank takes it; `nonce` is none for one that it was given before.
    pub(crate) fn take_release(&mut self, bank: Who, name: &str, nonce: Option<&str>, body: &[u8]) -> Checked {
        let Ok(reply) = decode::<Reply>(body, LIMIT) else {
            return Ok(());
        };
        let now = self.clock_of(bank);
        let is_release = matches!(reply, Reply::Released { .. });
        // An old answer comes in the place of the one that is waited for.
        let waited = self.asked.get(&(bank, name.to_owned())).cloned();
        let of = nonce.map(str::to_owned).or(waited).unwrap_or_default();
        let machine = self.machine(bank);
        machine.disk.take_trouble();
        let Some(verifier) = machine.verifier() else {
            return Ok(());
        };
        let taken = verifier.grant_released(now, name, &of, reply);
        if self.has_died(bank) {
            return Ok(());
        }
        let troubled = self.machine(bank).disk.take_trouble();
        match taken {
            Ok(_) => {
                self.count("releases taken");
                self.observer.grants.release_taken(bank, name, nonce)?;
            }
            Err(problem) if is_release => {
                self.count("releases not taken");
                self.observer.refusal(bank, problem.code, troubled)?;
            }
            Err(_) => {}
        }
        self.check(bank, None)
    }

    /// An issuer's node tells askers of the withdrawals that they have not acknowledged.
    pub(crate) fn tell_withdrawals(&mut self) -> Checked {
        let machine = self.machine(TAX);
        let Some(issuer) = machine.issuer() else { return Ok(()) };
        let Ok(waiting) = issuer.withdrawals_to_tell(&mut |_| true) else {
            return Ok(());
        };
        if self.has_died(TAX) {
            return Ok(());
        }
        for (name, asker, ask) in waiting {
            let Some(bank) = self.cast.who(&asker) else { continue };
            self.count("withdrawals told by an issuer");
            if let Ok(body) = encode(&ask) {
                self.send(TAX, bank, Protocol::Consent, body, For::Told { name });
            }
        }
        Ok(())
    }

    /// A bank's answer to that.
    pub(super) fn told(&mut self, issuer: Who, name: &str, body: &[u8]) -> Checked {
        let Ok(reply) = decode::<Reply>(body, LIMIT) else {
            return Ok(());
        };
        let Some(role) = self.machine(issuer).issuer() else {
            return Ok(());
        };
        let _again = role.consent_told(name, reply);
        let _cause = role.take_failure();
        if self.has_died(issuer) {
            return Ok(());
        }
        self.check(issuer, None)
    }
}

fn said(reply: &Reply) -> String {
    match reply {
        Reply::Terms { .. } => "terms of a grant".to_owned(),
        Reply::Deposited { .. } => "deposited".to_owned(),
        Reply::Released { .. } => "a release".to_owned(),
        Reply::Withdrawn { .. } => "withdrawn".to_owned(),
        Reply::Erased { .. } => "erased".to_owned(),
        Reply::Uses { uses, withdrawn, .. } => format!("{} uses, withdrawn: {}", uses.len(), withdrawn.is_some()),
        Reply::Standing { .. } => "what stands".to_owned(),
        Reply::Problem(problem) => problem.to_string(),
    }
}
