//! A batch of copies is replaced whole, by the refresh key that was committed when it was collected.
//!
//! The new copies are delivered like those before and are acknowledged like them; until then the old ones stand, so that a wallet that
//! is cut off anywhere has one batch or the other. Then the old ones are superseded, each on a day of its own: two askers who each
//! know one copy of a batch must not see them end together.

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use credentials::protocol::issuance::{Refresh, Reply};
use credentials::refresh::Order;
use credentials::schema::CredentialType;
use credentials::sd_jwt::keys_hash;
use credentials::status::State;
use credentials::{Code, Problem, Timestamp, VerifyingKey, random, time::DAY};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use super::delivery::{Asked, Receiver, delivery_ends};
use crate::access::Ground;
use crate::staged::{Due, Staged};
use crate::tables::{Credential, CredentialId, Delivery, Position};
use crate::{Error, Issuer};

/// Longest time in which the copies of a replaced batch end, each on its own day.
const SPREAD_MAX: i64 = 90 * DAY;

/// A delivery whose copies can be replaced. Id: its transaction.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Batch {
    pub(crate) vct: String,
    /// The refresh key.
    #[serde(with = "serde_bytes")]
    pub(crate) key: [u8; 32],
    pub(crate) credentials: Vec<ByteBuf>,
    /// When the first batch of the chain was collected by somebody who proved who they are.
    pub(crate) since: Timestamp,
    /// After that there is nothing to replace.
    pub(crate) ends: Timestamp,
    /// The transaction that replaces it.
    #[serde(with = "serde_bytes")]
    pub(crate) next: Option<[u8; 16]>,
}

/// The deadline of a batch.
pub(crate) fn batch_due(id: &[u8; 16], batch: &Batch) -> (Timestamp, Due) {
    (batch.ends, Due::Batch(*id))
}

impl Issuer {
    /// Notes that a delivery can be replaced, when its holder committed a key for that and its type knows it.
    pub(super) fn put_batch(
        &self,
        staged: &mut Staged,
        credential_type: &CredentialType,
        transaction: &[u8; 16],
        key: Option<&VerifyingKey>,
        since: Timestamp,
        rows: &[(CredentialId, Timestamp)],
    ) -> Result<(), Error> {
        let (Some(key), Some(_)) = (key, &credential_type.refresh) else {
            return Ok(());
        };
        let ends = rows.iter().map(|(_, expires)| *expires).max();
        let batch = Batch {
            vct: credential_type.vct.clone(),
            key: key.to_bytes(),
            credentials: rows.iter().map(|(id, _)| ByteBuf::from(*id)).collect(),
            since,
            ends: ends.unwrap_or(since),
            next: None,
        };
        staged.due.push(batch_due(transaction, &batch));
        self.write_batch(staged, transaction, &batch)
    }

    fn write_batch(&self, staged: &mut Staged, id: &[u8; 16], batch: &Batch) -> Result<(), Error> {
        let record = self.tables.batches.encode(batch)?;
        staged.transaction.put(&self.tables.batches.table, id, &record);
        Ok(())
    }

    /// Forgets a batch.
    pub(crate) fn end_batch(&self, staged: &mut Staged, id: &[u8; 16]) {
        staged.transaction.delete(&self.tables.batches.table, id);
    }

    /// Replaces a batch, or delivers the replacement again. In this order: `malformed`, the batch (`unknown_session`), the order
    /// ([`Order::check`]), not replaced yet (`superseded`), within its time (`expired`), none of it revoked or suspended (`revoked`,
    /// `suspended`), the new keys (`possession_invalid`), who opened a company's wallet may still (`role_missing`), data there
    /// (`no_data`), not too often (`rate_limited`), the access log (`trace_unavailable`).
    pub(super) fn replace_batch(&mut self, now: Timestamp, asked: &Refresh) -> Result<Reply, Error> {
        let id = |bytes: &[u8], name: &str| -> Result<[u8; 16], Error> {
            bytes.try_into().map_err(|_| Problem::new(Code::Malformed, name).into())
        };
        let (batch_id, transaction) = (id(&asked.batch, "batch")?, id(&asked.transaction, "transaction")?);
        let mut batch: Batch = self.tables.batches.read(&batch_id)?.ok_or(Code::UnknownSession)?;
        let unreadable = || Error::Unreadable {
            table: "issuer.batches",
        };
        let committed = VerifyingKey::from_bytes(&batch.key).ok_or_else(unreadable)?;
        let named = super::named_keys(&asked.proofs);
        let expected = Order::new(&self.settings.did, &batch_id, &transaction, &keys_hash(&named), now);
        Order::check(&asked.order, &committed, &expected)?;
        let credential_type = self.wire_type(&batch.vct)?;
        let nonce = BASE64_URL_SAFE_NO_PAD.encode(batch_id);
        let again = Asked {
            vct: &batch.vct,
            nonce: &nonce,
            proofs: &asked.proofs,
        };
        let known: Option<Delivery> = self.tables.deliveries.read(&transaction)?;
        match (&batch.next, known) {
            (Some(next), Some(delivery)) if *next == transaction => {
                return self.deliver_again(now, &credential_type, &again, &transaction, &delivery);
            }
            (Some(_), _) => return Err(Code::Superseded.into()),
            // Another's transaction.
            (None, Some(_)) => return Err(Code::WrongRequest.into()),
            (None, None) => {}
        }
        let terms = credential_type.refresh.as_ref().ok_or(Code::WrongRequest)?;
        if now > batch.ends || now.since(batch.since) > i64::from(terms.chain_days).saturating_mul(DAY) {
            return Err(Code::Expired.into());
        }
        let mut old: Vec<Credential> = Vec::with_capacity(batch.credentials.len());
        for id in &batch.credentials {
            let (_, credential) = self.credential(id)?;
            match credential.state {
                State::Revoked => return Err(Code::Revoked.into()),
                State::Suspended => return Err(Code::Suspended.into()),
                State::Valid | State::Superseded => old.push(credential),
            }
        }
        let first = old.first().cloned().ok_or_else(unreadable)?;
        let copies = usize::from(credential_type.copies).saturating_mul(old.len());
        let of_all = copies.saturating_add(1);
        let keys = self.proven_keys(&asked.proofs, &nonce, &transaction, of_all..=of_all)?;
        let mut rows = self.collectable(now, &credential_type, &first.holder)?;
        rows.retain(|row| old.iter().any(|credential| credential.row_key == row.key));
        if rows.is_empty() {
            return Err(Code::NoData.into());
        }
        let may_not = |credential: &Credential| {
            let row = rows.iter().find(|row| row.key == credential.row_key);
            row.is_some_and(|row| self.role_ended(&credential_type, &row.row, credential))
        };
        if old.iter().any(may_not) {
            return Err(Code::RoleMissing.into());
        }
        self.check_frequency(now, &credential_type, &rows)?;
        let mut staged = self.stage();
        let receiver = Receiver {
            holder: &first.holder,
            opened_by: first.opened_by,
            transaction: &transaction,
            keys: &keys,
        };
        let signed = self.sign_rows(now, &mut staged, &credential_type, &receiver, rows)?;
        let delivery = Delivery {
            vct: credential_type.vct.clone(),
            nonce,
            keys: keys.iter().flat_map(|key| key.to_bytes()).collect(),
            at: now,
            acknowledged: false,
            ground: Ground::Refresh,
            rows: signed.rows,
            replaces: Some(batch_id),
        };
        let record = self.tables.deliveries.encode(&delivery)?;
        staged
            .transaction
            .put(&self.tables.deliveries.table, &transaction, &record);
        staged.due.push((delivery_ends(now), Due::Delivery(transaction)));
        let since = batch.since;
        self.put_batch(
            &mut staged,
            &credential_type,
            &transaction,
            keys.last(),
            since,
            &signed.issued,
        )?;
        batch.next = Some(transaction);
        self.write_batch(&mut staged, &batch_id, &batch)?;
        self.log_delivery(now, &mut staged, &delivery, &first.holder, signed.logged, false)?;
        self.commit_or_withhold(staged)?;
        Ok(Reply::Delivery {
            transaction: transaction.to_vec(),
            credentials: signed.texts,
        })
    }

    /// The wallet has the new copies: the old ones end, each entry at a time of its own.
    pub(super) fn supersede_batch(&mut self, now: Timestamp, staged: &mut Staged, id: &[u8; 16]) -> Result<(), Error> {
        let Some(batch) = self.tables.batches.read::<Batch>(id)? else {
            return Ok(());
        };
        for credential in &batch.credentials {
            let (id, mut credential) = self.credential(credential)?;
            if matches!(credential.state, State::Valid | State::Suspended) {
                let span = credential.expires.since(now).clamp(1, SPREAD_MAX);
                for position in credential.positions.clone() {
                    let later = u64::from_be_bytes(random::bytes(self.random.as_mut())) % span.unsigned_abs().max(1);
                    let at = now.plus(i64::try_from(later).unwrap_or(0));
                    self.end_later(staged, at, position)?;
                }
                staged.mark(&self.tables, &id, &mut credential, State::Superseded)?;
            }
        }
        Ok(())
    }

    /// The wallet never said that it has the new copies: its key counts again.
    pub(super) fn reopen_batch(&self, staged: &mut Staged, id: &[u8; 16]) -> Result<(), Error> {
        let Some(batch) = self.tables.batches.read::<Batch>(id)? else {
            return Ok(());
        };
        self.write_batch(staged, id, &Batch { next: None, ..batch })
    }

    /// Lets an entry end with the day on which `at` lies.
    fn end_later(&self, staged: &mut Staged, at: Timestamp, position: Position) -> Result<(), Error> {
        let record = self.tables.later.encode(&at)?;
        staged
            .transaction
            .put(&self.tables.later.table, &later_id(position), &record);
        staged.due.push((at, Due::Ending(position)));
        Ok(())
    }

    /// The day of an entry has come. One that ended otherwise meanwhile stays as it is.
    pub(crate) fn end_entry(&self, staged: &mut Staged, position: Position) {
        staged.transaction.delete(&self.tables.later.table, &later_id(position));
        if self.lists.state_at(position) == Some(State::Valid) {
            staged.queued.push((position, State::Superseded));
        }
    }

    /// What of a replaced credential still waits for its own day ends with this one: what it says has changed.
    pub(crate) fn end_with_its_row(&self, staged: &mut Staged, credential: &Credential) {
        let valid = |position: &&Position| self.lists.state_at(**position) == Some(State::Valid);
        let waiting = credential.positions.iter().filter(valid);
        staged
            .queued
            .extend(waiting.map(|position| (*position, State::Superseded)));
    }
}

/// Where an entry's later ending stands.
fn later_id(position: Position) -> [u8; 8] {
    let mut id = [0; 8];
    let (list, index) = (position.list.to_be_bytes(), position.index.to_be_bytes());
    for (to, from) in id.iter_mut().zip(list.into_iter().chain(index)) {
        *to = from;
    }
    id
}

/// The entry of a later ending.
pub(crate) fn later_position(id: &[u8]) -> Option<Position> {
    let id = u64::from_be_bytes(id.try_into().ok()?);
    let half = |bits: u64| u32::try_from(bits & u64::from(u32::MAX)).ok();
    Some(Position {
        list: half(id >> 32)?,
        index: half(id)?,
    })
}
