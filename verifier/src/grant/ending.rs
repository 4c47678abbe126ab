//! The end of a grant: taken back or run out; what came is erased, and a signed receipt says so.

use super::GrantState;
use super::tables::{ErasedRow, GrantRow};
use crate::error::Refusal;
use crate::session::RECORD_SECONDS;
use crate::{Error, Verifier, tables};
use credentials::grant::{Erased, Erasure, Kept, OpenedGrant, Withdrawal};
use credentials::protocol::consent::{Ask, Reply};
use credentials::{Code, Problem, Timestamp};

/// Most releases whose erasure a receipt lists; older ones are not named.
const LISTED_MAX: usize = 64;
/// Ground on which the record of a consent is kept when its data is gone.
const CONSENT_RECORD: &str = "consent_record";
/// Grants that one tick deals with.
const TICK_MAX: usize = 256;

/// Notes that what a row held in memory is gone.
pub(super) fn erase_memory(row: &mut GrantRow, now: Timestamp) {
    let (memory, kept): (Vec<_>, Vec<_>) = std::mem::take(&mut row.held)
        .into_iter()
        .partition(|held| held.until.is_none());
    row.held = kept;
    row.erased.extend(memory.into_iter().map(|held| ErasedRow {
        claims: held.claims,
        received: held.received,
        at: now,
    }));
    let over = row.erased.len().saturating_sub(LISTED_MAX);
    row.erased.drain(..over);
}

impl Verifier {
    /// Takes a message about grants: a withdrawal, of the holder or the issuer; a request for deletion. Total, as [`Verifier::receive`].
    pub fn receive_consent(&mut self, now: Timestamp, peer: &str, ask: Ask) -> Reply {
        let reply = match ask {
            Ask::Withdraw { grant, withdrawal } => self.withdrawn(now, &grant, &withdrawal),
            Ask::Erase { grant, deletion } => self.erase_grant(now, &grant, &deletion),
            _ => Err(Code::UnexpectedMessage.into()),
        };
        reply.unwrap_or_else(|refusal| {
            let problem = refusal.problem("withdraw");
            tracing::debug!(peer, code = %problem.code, "refused");
            Reply::Problem(problem)
        })
    }

    /// The holder takes it back. Said again, it is answered the same.
    fn withdrawn(&mut self, now: Timestamp, grant: &str, withdrawal: &str) -> Result<Reply, Refusal> {
        let grant = OpenedGrant::open(grant)?;
        if grant.grant().asker != self.settings.did {
            return Err(Problem::new(Code::WrongRecipient, "asker").into());
        }
        let trust = self.trust.clone().ok_or(Code::TrustMissing)?;
        Withdrawal::open(withdrawal, &grant, &trust)?;
        let Some(row) = self.grants.tables.read(&grant.name())? else {
            self.grants.withdrawn_early(grant.name());
            return Err(Code::UnknownGrant.into());
        };
        if let (GrantState::Withdrawn, Some(erasure), true) = (row.state, row.erasure, row.withdrawal.is_some()) {
            return Ok(Reply::Erased { erasure });
        }
        let erasure = self.grant_ended(now, &grant.name(), GrantState::Withdrawn, Some(withdrawal))?;
        Ok(Reply::Erased { erasure })
    }

    /// Ends a grant: memory and disk forget what it brought, but for what is kept on a ground of its own; the signed receipt.
    pub(super) fn grant_ended(
        &mut self,
        now: Timestamp,
        name: &str,
        state: GrantState,
        withdrawal: Option<&str>,
    ) -> Result<String, Error> {
        let unreadable = Error::Row {
            table: "verifier.grants",
        };
        let before = self.grants.tables.read(name)?.ok_or(unreadable)?;
        self.reading.forget(name);
        self.grants.pending.remove(name);
        let mut row = before.clone();
        erase_memory(&mut row, now);
        let keeps = self.keeps_after_end(&row)?;
        let mut tx = self.tables.begin();
        let mut kept = Vec::new();
        for held in std::mem::take(&mut row.held) {
            match held.until {
                Some(until) if keeps && now < until => {
                    kept.push(Kept {
                        claims: held.claims.clone(),
                        received: held.received,
                        ground: held.ground.clone(),
                        until,
                    });
                    row.held.push(held);
                }
                _ => {
                    self.grants.tables.delete_claims(&mut tx, name, held.number);
                    row.erased.push(ErasedRow {
                        claims: held.claims,
                        received: held.received,
                        at: now,
                    });
                }
            }
        }
        row.state = state;
        row.ended = Some(row.ended.unwrap_or(now));
        row.withdrawal = withdrawal.map(str::to_owned).or(row.withdrawal);
        self.grants.tables.delete_customer(&mut tx, name);
        self.grants.tables.put(&mut tx, &row)?;
        tables::commit(tx)?;
        self.grants.due.remove(&(before.due(), before.name));
        self.grants.due.insert((row.due(), row.name.clone()));
        self.changed();
        // Nothing is called erased whose key is not destroyed: told again, it is tried again.
        self.tables.require_erased()?;
        let erasure = self.sign_grant_erasure(now, &row, kept)?;
        row.erasure = Some(erasure.clone());
        let mut tx = self.tables.begin();
        self.grants.tables.put(&mut tx, &row)?;
        tx.commit()?;
        Ok(erasure)
    }

    /// The signed receipt: what is gone, and what stays beside the record of the consent itself.
    pub(crate) fn sign_grant_erasure(
        &self,
        now: Timestamp,
        row: &GrantRow,
        mut kept: Vec<Kept>,
    ) -> Result<String, Error> {
        // That there was this consent, and what came of it, has to be shown to whoever asks later; no claim is in that.
        let record = Kept {
            claims: Vec::new(),
            received: row.since,
            ground: CONSENT_RECORD.to_owned(),
            until: row.ended.unwrap_or(now).plus(RECORD_SECONDS),
        };
        kept.insert(0, record);
        let erased = row.erased.iter().rev().take(LISTED_MAX).map(|erased| Erased {
            claims: erased.claims.clone(),
            received: erased.received,
            at: erased.at,
        });
        let erasure = Erasure {
            grant: row.name.clone(),
            asker: self.settings.did.clone(),
            erased: erased.collect(),
            kept: kept.into_iter().take(LISTED_MAX).collect(),
            at: now,
        };
        erasure
            .sign(&self.settings.kid, self.signer.as_ref())
            .map_err(|_| Error::Setting { name: "kid" })
    }

    /// What we said of the end of a grant: what is erased, and what is kept, on which ground and until when.
    ///
    /// # Errors
    /// [`Error::Store`], [`Error::Row`].
    pub fn grant_erasure(&self, name: &str) -> Result<Option<Erasure>, Error> {
        let row = self.grants.tables.read(name)?;
        let text = row.and_then(|row| row.erasure);
        let unreadable = Error::Row {
            table: "verifier.grants",
        };
        match text {
            Some(text) => Erasure::of_our_own(&text).map(Some).map_err(|_| unreadable),
            None => Ok(None),
        }
    }

    /// Whether what came is kept to its own time although the grant has ended, by our registration.
    fn keeps_after_end(&self, row: &GrantRow) -> Result<bool, Error> {
        let grant = row.opened()?;
        let registration = self.registration(&grant.grant().service).ok();
        let terms = registration.and_then(|registration| registration.grant.as_ref());
        Ok(terms.is_some_and(|terms| terms.keeps_after_end))
    }

    /// Ends grants that have run out, erases what is due, and forgets old records.
    pub(crate) fn tick_grants(&mut self, now: Timestamp) -> Result<(), Error> {
        for _ in 0..TICK_MAX {
            let Some((at, name)) = self.grants.due.first().cloned() else {
                break;
            };
            if at > now {
                break;
            }
            let Some(before) = self.grants.tables.read(&name)? else {
                self.grants.due.remove(&(at, name));
                continue;
            };
            if before.ended.is_none() && now >= before.until {
                self.grant_ended(now, &name, GrantState::Expired, None)?;
                continue;
            }
            let mut tx = self.tables.begin();
            let mut row = before.clone();
            for held in std::mem::take(&mut row.held) {
                if held.until.is_some_and(|until| now >= until) {
                    self.grants.tables.delete_claims(&mut tx, &name, held.number);
                    row.erased.push(ErasedRow {
                        claims: held.claims,
                        received: held.received,
                        at: now,
                    });
                } else {
                    row.held.push(held);
                }
            }
            let is_over = row.held.is_empty() && row.ended.is_some() && row.due() <= now;
            match is_over {
                true => self.grants.tables.delete(&mut tx, &name),
                false => self.grants.tables.put(&mut tx, &row)?,
            }
            tables::commit(tx)?;
            self.grants.due.remove(&(at, name));
            if !is_over {
                self.grants.due.insert((row.due(), row.name));
            }
        }
        Ok(())
    }
}
