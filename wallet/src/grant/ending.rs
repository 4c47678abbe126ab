//! Taking a grant back, and its end.

use super::Wait;
use crate::history::{Event, What};
use crate::tables::{GrantRow, GrantStage, ReceiptRow, RequestRow};
use crate::{Error, Outcome, Step, Thread, Wallet, done};
use credentials::grant::{Erasure, Withdrawal, Withdrawn};
use credentials::protocol::consent::{Ask, Reply};
use credentials::verify::Verdict;
use credentials::{Code, Problem, Timestamp};

impl Wallet {
    /// The person takes a grant back: from this instant on it does not count here, and issuer and asker are told, now and until each
    /// has acknowledged. Said again, it tells again who has not. The thread ends in `unknown_grant` for a name that there is not.
    pub fn withdraw(&mut self, now: Timestamp, name: &str) -> Vec<(Thread, Vec<Step>)> {
        let ended = self.may_still_end(now, name).and_then(|()| self.end_grant(now, name));
        match ended {
            Ok(()) => self.tell_withdrawal(now, name),
            Err(Error::NotFound) => vec![self.command(|_, _| Err(Code::UnknownGrant.into()))],
            Err(error) => vec![self.command(|_, _| Err(error))],
        }
    }

    /// What ran out is at its end already.
    fn may_still_end(&self, now: Timestamp, name: &str) -> Result<(), Error> {
        let row = self.grant_row(name)?;
        let opened = Wallet::opened_grant(&row).map_err(|_| Error::NotFound)?;
        match now >= opened.grant().exp && !matches!(row.stage, GrantStage::Withdrawn) {
            true => Err(Code::Expired.into()),
            false => Ok(()),
        }
    }

    pub(crate) fn end_grant(&mut self, now: Timestamp, name: &str) -> Result<(), Error> {
        let row = self.grant_row(name)?;
        let opened = Wallet::opened_grant(&row).map_err(|_| Error::NotFound)?;
        if matches!(row.stage, GrantStage::Withdrawn) {
            return Ok(());
        }
        let withdrawal = Withdrawal {
            grant: opened.name(),
            issuer: row.issuer.clone(),
            at: now,
        };
        let withdrawal = withdrawal.sign(&self.tables.key(opened.key())?)?;
        let mut event = self.event(now, What::Withdrawn, &row.asker);
        event.service = Some(opened.grant().service.clone());
        event.types.push(row.vct.clone());
        event.request = Some(opened.grant().request.clone());
        let request = row.request.clone();
        let row = GrantRow {
            stage: GrantStage::Withdrawn,
            withdrawn_at: Some(now),
            withdrawal: Some(withdrawal),
            ..row
        };
        let mut change = self.tables.change();
        change.put(name, &row)?;
        // An answer that is not sent yet is not sent any more.
        change.delete::<RequestRow>(&request);
        change.event(&event)?;
        change.commit()
    }

    /// Tells whoever has not acknowledged and is not being told.
    pub(crate) fn tell_withdrawal(&mut self, now: Timestamp, name: &str) -> Vec<(Thread, Vec<Step>)> {
        [Wait::Withdrawn, Wait::Erased]
            .into_iter()
            .filter(|wait| !self.is_talking(name, *wait) && self.is_to_be_told(name, *wait))
            .collect::<Vec<_>>()
            .into_iter()
            .map(|wait| self.command(|wallet, thread| wallet.tell(thread, now, name, wait)))
            .collect()
    }

    fn is_to_be_told(&self, name: &str, wait: Wait) -> bool {
        let Ok(row) = self.grant_row(name) else { return false };
        match (&row.stage, wait) {
            (GrantStage::Withdrawn, Wait::Withdrawn) => row.withdrawn.is_none(),
            (GrantStage::Withdrawn, Wait::Erased) => row.erasure.is_none(),
            _ => false,
        }
    }

    fn tell(&mut self, thread: Thread, _now: Timestamp, name: &str, wait: Wait) -> Result<Step, Error> {
        let row = self.grant_row(name)?;
        let opened = Wallet::opened_grant(&row)?;
        let ask = Ask::Withdraw {
            grant: opened.text().to_owned(),
            withdrawal: row.withdrawal.clone().ok_or(Error::NotFound)?,
        };
        let to = match wait {
            Wait::Erased => row.asker,
            _ => row.issuer,
        };
        self.send_consent(thread, to, name, ask, wait)
    }

    /// The issuer has forgotten what it acknowledged, as one does that was restored: it is told again, until it acknowledges again.
    pub(super) fn tell_forgotten(&mut self, thread: Thread, now: Timestamp, name: &str) -> Result<Step, Error> {
        let row = self.grant_row(name)?;
        let opened = Wallet::opened_grant(&row)?;
        let withdrawal = match row.withdrawal {
            Some(withdrawal) => withdrawal,
            // Somebody took it back for the holder, without this wallet.
            None => Withdrawal {
                grant: opened.name(),
                issuer: row.issuer.clone(),
                at: row.withdrawn_at.unwrap_or(now),
            }
            .sign(&self.tables.key(opened.key())?)?,
        };
        let row = GrantRow {
            withdrawal: Some(withdrawal),
            withdrawn: None,
            ..row
        };
        let mut change = self.tables.change();
        change.put(name, &row)?;
        change.commit()?;
        self.tell(thread, now, name, Wait::Withdrawn)
    }

    /// Takes the acknowledgement of issuer or asker. One that never had the grant has nothing to stop.
    pub(crate) fn take_acknowledgement(
        &mut self,
        thread: Thread,
        name: &str,
        wait: Wait,
        reply: Reply,
    ) -> Result<Step, Error> {
        let mut row = self.grant_row(name)?;
        let opened = Wallet::opened_grant(&row)?;
        let trust = self.trust()?;
        match (wait, reply) {
            (Wait::Withdrawn, Reply::Withdrawn { withdrawn }) => {
                Withdrawn::open(&withdrawn, &opened, &trust)?;
                row.withdrawn = Some(withdrawn);
            }
            (Wait::Erased, Reply::Erased { erasure }) => {
                Erasure::open(&erasure, &opened, &trust)?;
                row.erasure = Some(erasure);
            }
            (Wait::Withdrawn, Reply::Problem(problem)) if problem.code == Code::UnknownGrant => {
                row.withdrawn = Some(String::new());
            }
            (Wait::Erased, Reply::Problem(problem)) if problem.code == Code::UnknownGrant => {
                row.erasure = Some(String::new());
            }
            (_, Reply::Problem(problem)) => return Err(problem.into()),
            _ => return Err(Code::UnexpectedMessage.into()),
        }
        let outcome = Outcome::Withdrawn {
            grant: name.to_owned(),
            issuer_told: row.withdrawn.is_some(),
            asker_told: row.erasure.is_some(),
        };
        let mut change = self.tables.change();
        change.put(name, &row)?;
        change.commit()?;
        Ok(done(thread, Ok(outcome)))
    }

    /// A grant that was refused on its way, for a reason that stays: the asker hears no more than that nothing comes.
    pub(super) fn drop_grant(&mut self, now: Timestamp, name: &str, problem: &Problem) -> Result<(), Error> {
        // A clock that is wrong is set right, and an earlier sending may have arrived.
        if problem.code.is_passing() || problem.code == Code::Stale {
            return Ok(());
        }
        let row = self.grant_row(name)?;
        if !matches!(row.stage, GrantStage::Begun | GrantStage::Depositing { .. }) {
            return Ok(());
        }
        let event = Event {
            types: vec![row.vct.clone()],
            code: Some(problem.code),
            ..self.event(now, What::Failed, &row.issuer)
        };
        let key = Wallet::opened_grant(&row).ok().map(|opened| *opened.key());
        let request = self.tables.get::<RequestRow>(&row.request)?;
        let mut change = self.tables.change();
        change.delete::<GrantRow>(name);
        if let Some(key) = &key {
            change.delete_key(key);
        }
        if let Some(request) = request {
            let declined = RequestRow {
                stage: crate::tables::RequestStage::Declined,
                tell_at: crate::presentation::declining_at(now, &request),
                ..request
            };
            change.put(&row.request, &declined)?;
        }
        change.event(&event)?;
        change.commit()
    }

    /// What an asker made of a grant that it was given: one that it did not take is taken back.
    pub(crate) fn grant_answered(&mut self, now: Timestamp, name: &str, is_taken: bool) -> Result<(), Error> {
        let row = self.grant_row(name)?;
        if !matches!(row.stage, GrantStage::Answering) {
            return Ok(());
        }
        if !is_taken {
            return self.end_grant(now, name);
        }
        let row = GrantRow {
            stage: GrantStage::Active,
            ..row
        };
        let mut change = self.tables.change();
        change.put(name, &row)?;
        change.commit()
    }

    /// Drops what can come to no end any more, takes back what the asker can no longer take, and tells of grants that ran out.
    pub(crate) fn sweep_grants(&mut self, now: Timestamp) -> Result<(), Error> {
        for (name, row) in self.tables.named::<GrantRow>()? {
            let request = self.tables.get::<RequestRow>(&row.request)?;
            let is_waiting = request.is_some_and(|request| now < request.expires);
            match &row.stage {
                GrantStage::Begun | GrantStage::Waiting if !is_waiting => {
                    let mut change = self.tables.change();
                    change.delete::<GrantRow>(&name);
                    change.delete::<RequestRow>(&row.request);
                    change.commit()?;
                }
                GrantStage::Answering if !is_waiting && self.has_valid_receipt(&row)? => {
                    self.grant_answered(now, &name, true)?;
                }
                GrantStage::Depositing { .. } | GrantStage::Answering if !is_waiting => self.end_grant(now, &name)?,
                GrantStage::Active if !row.is_expiry_told => {
                    let opened = Wallet::opened_grant(&row)?;
                    if now < opened.grant().exp {
                        self.remind(now, &name, row, &opened)?;
                        continue;
                    }
                    let mut event = self.event(now, What::GrantExpired, &row.asker);
                    event.service = Some(opened.grant().service.clone());
                    event.types.push(row.vct.clone());
                    event.request = Some(opened.grant().request.clone());
                    let row = GrantRow {
                        is_expiry_told: true,
                        ..row
                    };
                    let mut change = self.tables.change();
                    change.put(&name, &row)?;
                    change.event(&event)?;
                    change.commit()?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Tells again of every withdrawal that issuer or asker has not acknowledged, and that is not being told. To be called by the clock.
    pub fn retell(&mut self, now: Timestamp) -> Vec<(Thread, Vec<Step>)> {
        let rows = self.tables.named::<GrantRow>().unwrap_or_else(|error| {
            crate::log(&error);
            Vec::new()
        });
        let mut threads = Vec::new();
        for (name, row) in rows {
            if matches!(row.stage, GrantStage::Withdrawn) {
                threads.extend(self.tell_withdrawal(now, &name));
            }
        }
        threads
    }

    /// Whether the asker has confirmed a grant, and this process or the one before did not come to write that it counts.
    fn has_valid_receipt(&self, row: &GrantRow) -> Result<bool, Error> {
        let opened = Wallet::opened_grant(row)?;
        let receipt = self.tables.get::<ReceiptRow>(&opened.grant().request)?;
        Ok(receipt.is_some_and(|row| row.receipt.verdict == Verdict::Valid))
    }

    /// Goes on with grants under way, and with telling of those taken back.
    pub(crate) fn resume_grants(&mut self, now: Timestamp) -> Result<Vec<(Thread, Vec<Step>)>, Error> {
        let mut threads = Vec::new();
        for (name, row) in self.tables.named::<GrantRow>()? {
            match row.stage {
                GrantStage::Begun if !self.is_talking(&name, Wait::Terms) => {
                    threads.push(self.command(|wallet, thread| wallet.resend_grant(thread, now, &name)));
                }
                GrantStage::Depositing { .. } if !self.is_talking(&name, Wait::Deposited) => {
                    threads.push(self.command(|wallet, thread| wallet.resend_grant(thread, now, &name)));
                }
                GrantStage::Withdrawn => threads.extend(self.tell_withdrawal(now, &name)),
                _ => {}
            }
        }
        Ok(threads)
    }
}
