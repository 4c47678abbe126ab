//! A grant is taken back by its key, and its asker is told.

use credentials::grant::{Erasure, OpenedGrant, Withdrawal, Withdrawn, hash_of, hash_text};
use credentials::protocol::consent::{Ask, Reply};
use credentials::{Code, Did, Problem, Timestamp, time::DAY};

use super::{GrantId, GrantRecord, WithdrawnRecord};
use crate::staged::Staged;
use crate::{Error, Issuer};

/// How long a withdrawal that came before its grant is remembered, in seconds: as long as terms are open at most.
pub(super) const EARLY_LIFETIME: i64 = 7 * DAY;
/// Most of these: anybody can make grants and take them back.
const EARLY_MAX: usize = 4_096;

impl Issuer {
    /// Takes a grant back. Said again, it is answered the same. A grant that is not deposited is remembered as taken back
    /// (`unknown_grant`), so that its deposit, which may be on its way, finds that.
    pub(super) fn withdraw(&mut self, now: Timestamp, grant: &str, withdrawal: &str) -> Result<Reply, Error> {
        let grant = self.own_grant(grant)?;
        let trust = self.trust.clone().ok_or(Code::TrustMissing)?;
        Withdrawal::open(withdrawal, &grant, &trust)?;
        let known = self.grant_record(grant.hash())?;
        let is_deposited = known.as_ref().is_some_and(|record| record.deposit.is_some());
        if let Some(withdrawn) = known.as_ref().and_then(|record| record.withdrawn.as_ref()) {
            return match is_deposited {
                true => Ok(Reply::Withdrawn {
                    withdrawn: withdrawn.withdrawn.clone(),
                }),
                false => Err(Code::UnknownGrant.into()),
            };
        }
        if known.is_none() && self.early >= EARLY_MAX {
            return Err(Code::RateLimited.into());
        }
        let record = known.unwrap_or_else(|| GrantRecord {
            text: grant.text().to_owned(),
            holder: None,
            deposit: None,
            at: now,
            epoch: self.store.epoch(),
            uses: 0,
            day: now.day(),
            today: 0,
            withdrawn: None,
            giver: None,
            reach: None,
            forgotten: Vec::new(),
        });
        let mut staged = self.stage();
        let withdrawn = self.end_by(now, &mut staged, &grant, record, withdrawal)?;
        self.commit(staged)?;
        match is_deposited {
            true => {
                self.untold.insert(grant.grant().asker.clone(), *grant.hash());
                Ok(Reply::Withdrawn { withdrawn })
            }
            false => {
                self.early = self.early.saturating_add(1);
                Err(Code::UnknownGrant.into())
            }
        }
    }

    /// Writes that a grant is taken back; our acknowledgement.
    pub(super) fn end_by(
        &self,
        now: Timestamp,
        staged: &mut Staged,
        grant: &OpenedGrant,
        record: GrantRecord,
        withdrawal: &str,
    ) -> Result<String, Error> {
        let acknowledged = Withdrawn {
            grant: grant.name(),
            issuer: self.settings.did.clone(),
            at: now,
            uses: record.uses,
        };
        let acknowledged = acknowledged
            .sign(&self.settings.kid, self.signer.as_ref())
            .map_err(Error::Signing)?;
        let is_early = record.deposit.is_none();
        let record = GrantRecord {
            withdrawn: Some(WithdrawnRecord {
                at: now,
                withdrawal: withdrawal.to_owned(),
                withdrawn: acknowledged.clone(),
                erasure: None,
            }),
            ..record
        };
        self.put_grant(staged, grant.hash(), &record)?;
        if is_early {
            staged.due.push(Issuer::grant_due(grant.hash(), &record)?);
        }
        Ok(acknowledged)
    }

    /// Withdrawals that askers have not acknowledged, at most one for each asker that `is_free` picks, and of those in turn: to be sent
    /// over `/bevis/consent/1` until [`Issuer::consent_told`] takes the answer. Every asker that waits is named to `is_free`.
    pub fn withdrawals_to_tell(
        &mut self,
        is_free: &mut dyn FnMut(&Did) -> bool,
    ) -> Result<Vec<(String, Did, Ask)>, Error> {
        let mut asks = Vec::new();
        for (asker, id) in self.untold.next(is_free) {
            let record = self.grant_record(&id)?;
            let Some((text, withdrawn)) = record.and_then(|record| Some((record.text, record.withdrawn?))) else {
                self.untold.remove(&id);
                continue;
            };
            let ask = Ask::Withdraw {
                grant: text,
                withdrawal: withdrawn.withdrawal,
            };
            asks.push((hash_text(&id), asker, ask));
        }
        Ok(asks)
    }

    /// Takes an asker's answer to a withdrawal: its erasure receipt, kept for the holder; or that it never had the grant.
    ///
    /// Errors: of [`Erasure::open`], and `unexpected_message`: it is told again.
    pub fn consent_told(&mut self, grant: &str, reply: Reply) -> Result<(), Problem> {
        let id = hash_of(grant)?;
        let told = self.told(&id, reply);
        told.map_err(|error| self.failed(error))
    }

    fn told(&mut self, id: &GrantId, reply: Reply) -> Result<(), Error> {
        let mut record = self.grant_record(id)?.ok_or(Code::UnknownGrant)?;
        let grant = OpenedGrant::open(&record.text)?;
        let withdrawn = record.withdrawn.as_mut().ok_or(Code::UnexpectedMessage)?;
        match reply {
            Reply::Erased { erasure } => {
                let trust = self.trust.clone().ok_or(Code::TrustMissing)?;
                Erasure::open(&erasure, &grant, &trust)?;
                withdrawn.erasure = Some(erasure);
            }
            Reply::Problem(problem) if problem.code == Code::UnknownGrant => {
                withdrawn.erasure = Some(String::new());
            }
            _ => return Err(Code::UnexpectedMessage.into()),
        }
        let mut staged = self.stage();
        self.put_grant(&mut staged, id, &record)?;
        self.commit(staged)?;
        self.untold.remove(id);
        Ok(())
    }
}

/// Whether an asker is still to be told.
pub(crate) fn is_untold(record: &GrantRecord) -> bool {
    let waits = |withdrawn: &WithdrawnRecord| withdrawn.erasure.is_none();
    record.deposit.is_some() && record.withdrawn.as_ref().is_some_and(waits)
}
