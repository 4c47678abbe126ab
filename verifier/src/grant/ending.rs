//! The end of a grant: taken back or run out; what came is erased, and a signed receipt says so.

use super::GrantState;
use super::receipt::{LISTED_MAX, fitted, kept_of};
use super::tables::{ErasedRow, GrantRow, HeldRow};
use crate::error::Refusal;
use crate::outbox::of_grant;
use crate::{Error, Verifier, tables};
use credentials::grant::{Erased, Erasure, Kept, OpenedGrant, Withdrawal};
use credentials::protocol::consent::{Ask, Reply};
use credentials::{Code, Problem, Timestamp};
use store::Transaction;

/// Ground on which the record of a consent is kept when its data is gone.
const CONSENT_RECORD: &str = "consent_record";
/// Steps that one tick takes.
const TICK_MAX: usize = 512;
/// After a failure to state an erasure it is tried again so many seconds later.
const STATE_AGAIN_SECONDS: i64 = 60;

/// Notes that what a row held in memory is gone; whether there was any.
pub(super) fn erase_memory(row: &mut GrantRow, now: Timestamp) -> bool {
    let (memory, kept): (Vec<_>, Vec<_>) = std::mem::take(&mut row.held)
        .into_iter()
        .partition(|held| held.until.is_none());
    row.held = kept;
    let is_any = !memory.is_empty();
    for held in memory {
        note_erased(row, held, now);
    }
    is_any
}

/// Notes what one release brought as gone. What was said before of what is gone is not all of it any more.
fn note_erased(row: &mut GrantRow, held: HeldRow, now: Timestamp) {
    row.erased.push(ErasedRow {
        claims: held.claims,
        received: held.received,
        at: now,
    });
    // The oldest two become one: that something was erased is never forgotten.
    if row.erased.len() > LISTED_MAX {
        let oldest = row.erased.remove(0);
        if let Some(next) = row.erased.first_mut() {
            next.claims.extend(oldest.claims);
            next.claims.sort_unstable();
            next.claims.dedup();
            next.received = next.received.min(oldest.received);
            next.at = next.at.max(oldest.at);
        }
    }
    row.erasure = None;
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

    /// Ends a grant, and says what became of what it brought.
    pub(super) fn grant_ended(
        &mut self,
        now: Timestamp,
        name: &str,
        state: GrantState,
        withdrawal: Option<&str>,
    ) -> Result<String, Error> {
        let row = self.end_grant(now, name, state, withdrawal)?;
        self.state_grant_erasure(now, row)
    }

    /// Ends a grant: memory and disk forget what it brought, but for what is kept on a ground of its own.
    fn end_grant(
        &mut self,
        now: Timestamp,
        name: &str,
        state: GrantState,
        withdrawal: Option<&str>,
    ) -> Result<GrantRow, Error> {
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
        for held in std::mem::take(&mut row.held) {
            match held.until {
                Some(until) if keeps && now < until => row.held.push(held),
                _ => self.erase_held(&mut tx, &mut row, held, now),
            }
        }
        row.state = state;
        row.ended = Some(row.ended.unwrap_or(now));
        row.withdrawal = withdrawal.map(str::to_owned).or(row.withdrawal);
        row.erasure = None;
        self.grants.tables.delete_customer(&mut tx, name);
        self.grants.tables.put(&mut tx, &row)?;
        let news = self.outbox.write(&mut tx, now, of_grant(Some(&before), &row))?;
        tables::commit(tx)?;
        self.outbox.told(news);
        self.reschedule(&before, &row);
        Ok(row)
    }

    /// Notes what one release brought as gone, with the transaction that deletes it.
    pub(crate) fn erase_held(&self, tx: &mut Transaction, row: &mut GrantRow, held: HeldRow, now: Timestamp) {
        self.grants.tables.delete_claims(tx, &row.name, held.number);
        note_erased(row, held, now);
    }

    /// Says what is gone of what a grant brought, and what is kept: at its end, and before where something went earlier. In a commit
    /// after the one that erased: nothing is called erased whose key is not destroyed. Where that fails the clock tries again, and
    /// whoever asks.
    pub(crate) fn state_grant_erasure(&mut self, now: Timestamp, before: GrantRow) -> Result<String, Error> {
        self.tables.require_erased()?;
        let erasure = self.sign_grant_erasure(now, &before)?;
        let mut row = before.clone();
        row.erasure = Some(erasure.clone());
        let mut tx = self.tables.begin();
        self.grants.tables.put(&mut tx, &row)?;
        tx.commit()?;
        self.reschedule(&before, &row);
        Ok(erasure)
    }

    /// Memory follows a row that the disk has.
    pub(crate) fn reschedule(&mut self, before: &GrantRow, after: &GrantRow) {
        self.grants.due.remove(&(before.due(), before.name.clone()));
        self.grants.add(after);
        self.changed();
    }

    /// The signed receipt: what is gone, and what stays beside the record of the consent itself.
    fn sign_grant_erasure(&self, now: Timestamp, row: &GrantRow) -> Result<String, Error> {
        // That there was this consent, and what came of it, has to be shown to whoever asks later; no claim is in that.
        let record = Kept {
            claims: Vec::new(),
            received: row.since,
            ground: CONSENT_RECORD.to_owned(),
            until: row.record_until(row.ended.unwrap_or(row.until)),
        };
        let erased = row.erased.iter().rev().map(|erased| Erased {
            claims: erased.claims.clone(),
            received: erased.received,
            at: erased.at,
        });
        let erasure = Erasure {
            grant: row.name.clone(),
            asker: self.settings.did.clone(),
            erased: erased.collect(),
            kept: std::iter::once(record).chain(kept_of(row)).collect(),
            at: now,
        };
        let granted = row.opened()?;
        fitted(erasure, &granted.grant().claims)
            .sign(&self.settings.kid, self.signer.as_ref())
            .map_err(|_| Error::Setting { name: "kid" })
    }

    /// What we said last of what a grant brought: what is erased, and what is kept, on which ground and until when.
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

    /// Ends grants that have run out, erases what is due, says what is gone, and forgets old records.
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
            let mut row = match before.ended {
                None if now >= before.until => self.end_grant(now, &name, GrantState::Expired, None)?,
                _ => before.clone(),
            };
            let was = row.clone();
            let mut tx = self.tables.begin();
            // What was held for reading is gone when its time is over, and with the process that held it.
            let mut is_changed = !self.reading.holds(&name, now) && erase_memory(&mut row, now);
            for held in std::mem::take(&mut row.held) {
                match held.until.is_some_and(|until| now >= until) {
                    true => {
                        is_changed = true;
                        self.erase_held(&mut tx, &mut row, held, now);
                    }
                    false => row.held.push(held),
                }
            }
            let is_over = row.held.is_empty() && row.ended.is_some_and(|ended| row.record_until(ended) <= now);
            if is_over {
                self.grants.tables.delete(&mut tx, &name);
                tables::commit(tx)?;
                self.grants.due.remove(&(at, name));
                self.grants.remove(&before);
                self.changed();
                continue;
            }
            if is_changed {
                self.grants.tables.put(&mut tx, &row)?;
                let news = self.outbox.write(&mut tx, now, of_grant(Some(&was), &row))?;
                tables::commit(tx)?;
                self.outbox.told(news);
            }
            self.grants.due.remove(&(at, name.clone()));
            self.reschedule(&before, &row);
            if row.is_unsaid() {
                let unsigned = row.clone();
                if let Err(error) = self.state_grant_erasure(now, row) {
                    tracing::warn!(grant = %name, %error, "erasure not stated yet");
                    self.grants.due.remove(&(unsigned.due(), name.clone()));
                    self.grants.due.insert((now.plus(STATE_AGAIN_SECONDS), name));
                }
            }
        }
        Ok(())
    }
}
