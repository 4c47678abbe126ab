//! A grant is taken back: by its key, or by the person who shows who they are.

use credentials::grant::{Erasure, OpenedGrant, Withdrawal, Withdrawn, hash_of, hash_text};
use credentials::protocol::consent::{Ask, LISTED_MAX, Reply, Standing};
use credentials::status::Source;
use credentials::{Code, Did, Problem, Timestamp, time::DAY};

use super::{GrantId, GrantRecord, WithdrawnRecord};
use crate::issuance::Given;
use crate::staged::{Due, Staged};
use crate::{Error, Issuer};

/// How long a withdrawal that came before its grant is remembered, in seconds: as long as terms are open at most.
pub(super) const EARLY_LIFETIME: i64 = 7 * DAY;
/// Most of these: anybody can make grants and take them back.
const EARLY_MAX: usize = 4_096;
/// Most withdrawals that are told to askers in one round.
const TOLD_TOGETHER: usize = 64;

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
        });
        let mut staged = self.stage();
        let withdrawn = self.end_by(now, &mut staged, &grant, record, withdrawal)?;
        self.commit(staged)?;
        match is_deposited {
            true => {
                self.untold.insert(*grant.hash());
                Ok(Reply::Withdrawn { withdrawn })
            }
            false => {
                self.early = self.early.saturating_add(1);
                Err(Code::UnknownGrant.into())
            }
        }
    }

    /// Writes that a grant is taken back; our acknowledgement.
    fn end_by(
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

    /// Shows a person what they have granted of a type, and ends what they name: for whoever has lost the wallet that made them.
    pub(super) fn standing(
        &mut self,
        now: Timestamp,
        status: &dyn Source,
        nonce: &str,
        answer: &str,
        end: &[String],
    ) -> Result<Reply, Error> {
        let (terms, standing) = self.standing_terms(now, nonce)?;
        if standing.asker.is_some() {
            return Err(Code::WrongRequest.into());
        }
        if end.len() > LISTED_MAX {
            return Err(Problem::new(Code::TooLarge, "end").into());
        }
        let names: Vec<GrantId> = end.iter().map(|name| hash_of(name)).collect::<Result<_, _>>()?;
        let credential_type = self.wire_type(&terms.vct)?;
        let asked = terms.identification.as_ref().ok_or(Code::Internal)?;
        let (transaction, covered) = credentials::grant::standing_covers(nonce, &names);
        let identified = self.identify_by_presentation(
            now,
            status,
            &credential_type,
            &Given {
                terms: &terms,
                asked,
                nonce,
                transaction,
                keys: &[],
                grant: Some(covered),
                answer,
            },
        )?;
        // A company's grants are seen and ended by a person who may act for it.
        if identified.person.is_some() {
            self.rows_of_identified(now, &credential_type, &identified)?;
        }
        let mut staged = self.stage();
        let mut ended = Vec::new();
        let mut grants = Vec::new();
        for (id, _) in self.tables.grants_of.table.group(identified.holder.as_bytes())? {
            let id: GrantId = id.try_into().map_err(|_| Error::Unreadable {
                table: "issuer.grants-of-holder",
            })?;
            let Some(mut record) = self.grant_record(&id)? else {
                continue;
            };
            let grant = OpenedGrant::open(&record.text)?;
            if grant.grant().vct != terms.vct {
                continue;
            }
            if names.contains(&id) && record.withdrawn.is_none() {
                let withdrawal = Withdrawal {
                    grant: hash_text(&id),
                    issuer: self.settings.did.clone(),
                    at: now,
                };
                let withdrawal = withdrawal
                    .sign_as_issuer(&self.settings.kid, self.signer.as_ref())
                    .map_err(Error::Signing)?;
                let withdrawn = self.end_by(now, &mut staged, &grant, record.clone(), &withdrawal)?;
                record.withdrawn = Some(WithdrawnRecord {
                    at: now,
                    withdrawal,
                    withdrawn,
                    erasure: None,
                });
                ended.push(id);
            }
            if grants.len() < LISTED_MAX {
                grants.push(Standing {
                    grant: record.text,
                    uses: record.uses,
                    withdrawn: record.withdrawn.map(|withdrawn| withdrawn.withdrawn),
                });
            }
        }
        self.end_terms(&mut staged, nonce);
        staged.done.push((terms.expires, Due::Terms(nonce.to_owned())));
        self.commit(staged)?;
        self.terms.retain(|open| open.nonce != nonce);
        self.untold.extend(ended);
        Ok(Reply::Standing { grants })
    }

    /// Withdrawals that askers have not acknowledged, a few at a time, in turn: to be sent over `/bevis/consent/1` until
    /// [`Issuer::consent_told`] takes the answer.
    pub fn withdrawals_to_tell(&mut self) -> Result<Vec<(String, Did, Ask)>, Error> {
        let mut asks = Vec::new();
        let waiting: Vec<GrantId> = self.untold.iter().take(TOLD_TOGETHER).copied().collect();
        for id in waiting {
            let Some((record, withdrawn)) = self
                .grant_record(&id)?
                .and_then(|record| Some((record.clone(), record.withdrawn?)))
            else {
                self.untold.remove(&id);
                continue;
            };
            let grant = OpenedGrant::open(&record.text)?;
            let ask = Ask::Withdraw {
                grant: record.text,
                withdrawal: withdrawn.withdrawal,
            };
            asks.push((hash_text(&id), grant.grant().asker.clone(), ask));
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
