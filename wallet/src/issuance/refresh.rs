//! Replacing whole batches of copies: resting -> asked -> delivered -> acknowledged, at times that showing has no part in.
//!
//! When a batch comes, the wallet draws the instant at which it will have it replaced, and keeps it. Nothing that is shown, and nothing
//! that the person does, brings it nearer or puts it off: so an issuer that is asked learns nothing about use, and a wallet that runs
//! low looks like one that does not. The copies of before stay until the new ones are stored, all together.

use super::delivery::Wanted;
use super::{Talk, Wait};
use crate::tables::{BatchRow, BatchStage, CopyRow, CredentialRow, IssuingRow, Stage, bytes, public_key, text};
use crate::{Error, Outcome, Outgoing, Step, Thread, Wallet, done};
use credentials::protocol::issuance::{Ask, KEY_PROOF_TYP, Refresh, Reply};
use credentials::refresh::Order;
use credentials::schema::CredentialType;
use credentials::sd_jwt::{SdJwt, keys_hash};
use credentials::{Code, Did, Problem, Random, SigningKey, Timestamp, VerifyingKey, jws, random, time::DAY};
use serde_json::{Map, json};
use std::collections::BTreeSet;

/// What the issuer has not heard again for so long, it has taken back; its key counts again then.
const UNANSWERED_MAX: i64 = 7 * DAY;

impl BatchRow {
    /// A batch that rests until an instant drawn now; none where its type is not renewed.
    pub(super) fn resting(
        now: Timestamp,
        credential_type: &CredentialType,
        issuer: &Did,
        credentials: &[String],
        key: &VerifyingKey,
        random: &mut dyn Random,
    ) -> Option<BatchRow> {
        let terms = credential_type.refresh?;
        let by_chance = u64::from_be_bytes(random::bytes(random)) % u64::from(terms.within_seconds.max(1));
        let wait = i64::from(terms.after_seconds).saturating_add(i64::try_from(by_chance).unwrap_or(0));
        Some(BatchRow {
            issuer: issuer.clone(),
            vct: credential_type.vct.clone(),
            credentials: credentials.to_vec(),
            key: text(&key.to_bytes()),
            stage: BatchStage::Resting { until: now.plus(wait) },
        })
    }

    fn damaged() -> Error {
        Error::Row {
            table: <BatchRow as crate::tables::Row>::TABLE,
        }
    }

    fn refresh_key(&self) -> Result<VerifyingKey, Error> {
        public_key(&self.key).ok_or_else(BatchRow::damaged)
    }

    /// All keys that it has beside those of its copies.
    pub(crate) fn own_keys(&self) -> Result<Vec<VerifyingKey>, Error> {
        let mut keys = self.new_keys()?;
        keys.push(self.refresh_key()?);
        Ok(keys)
    }

    /// The keys of a replacement that is under way, the next refresh key last.
    fn new_keys(&self) -> Result<Vec<VerifyingKey>, Error> {
        match &self.stage {
            BatchStage::Resting { .. } => Ok(Vec::new()),
            BatchStage::Asked { keys, .. } => {
                let read = |key: &String| public_key(key).ok_or_else(BatchRow::damaged);
                keys.iter().map(read).collect()
            }
        }
    }
}

impl Wallet {
    /// Begins the replacements whose time has come, and names the batches whose order is to be sent and is not on its way.
    pub(crate) fn due_batches(&mut self, now: Timestamp) -> Result<Vec<String>, Error> {
        let mut due = Vec::new();
        for (batch, row) in self.tables.named::<BatchRow>()? {
            let mut held = Vec::new();
            for id in &row.credentials {
                held.extend(self.holding(id)?.filter(|held| !held.row.is_replaced));
            }
            // What is deleted, replaced by what was collected since, or has run out is not renewed: whoever wants it again collects it.
            let ends = held.iter().map(|held| held.expires).max();
            if ends.is_none_or(|ends| now >= ends) {
                self.drop_batch(&batch, &row)?;
                continue;
            }
            match &row.stage {
                BatchStage::Resting { until } if now < *until => continue,
                BatchStage::Resting { .. } => self.begin_refresh(now, &batch, row)?,
                BatchStage::Asked { since, .. } if now.since(*since) > UNANSWERED_MAX => {
                    self.begin_refresh(now, &batch, row)?;
                }
                BatchStage::Asked { .. } => {}
            }
            let is_asked = self.talks.values().any(|talk| match talk {
                crate::Talk::Issue(talk) => talk.transaction == batch && matches!(talk.wait, Wait::Refreshed),
                crate::Talk::Present(_) | crate::Talk::Consent(_) => false,
            });
            if !is_asked {
                due.push(batch);
            }
        }
        Ok(due)
    }

    /// Makes the new keys, durably.
    fn begin_refresh(&mut self, now: Timestamp, batch: &str, row: BatchRow) -> Result<(), Error> {
        let mut copies: u32 = 0;
        for id in &row.credentials {
            let held = self.tables.get::<CredentialRow>(id)?;
            // Of one that was deleted the issuer signs as many: it does not know that.
            let known = held
                .map(|held| held.copies)
                .or(self.types.get(&row.vct).map(|t| t.copies.into()));
            copies = copies.saturating_add(known.ok_or_else(BatchRow::damaged)?);
        }
        let before = row.new_keys()?;
        let keys: Vec<SigningKey> = (0..=copies).map(|_| SigningKey::generate(&mut *self.random)).collect();
        let transaction = text(&random::bytes::<16>(&mut *self.random));
        let asked = BatchRow {
            stage: BatchStage::Asked {
                transaction,
                keys: keys.iter().map(|key| text(&key.verifying_key().to_bytes())).collect(),
                since: now,
            },
            ..row
        };
        let mut change = self.tables.change();
        for key in &before {
            change.delete_key(key);
        }
        for key in &keys {
            change.put_key(key);
        }
        change.put(batch, &asked)?;
        change.commit()
    }

    /// Sends the order for a batch: the same keys and transaction each time, signed now.
    pub(crate) fn send_refresh(&mut self, thread: Thread, now: Timestamp, batch: &str) -> Result<Step, Error> {
        let row = self.tables.get::<BatchRow>(batch)?.ok_or(Error::NotFound)?;
        let BatchStage::Asked { transaction, .. } = &row.stage else {
            return Err(Error::NotFound);
        };
        let id: [u8; 16] = bytes(batch).ok_or_else(BatchRow::damaged)?;
        let new: [u8; 16] = bytes(transaction).ok_or_else(BatchRow::damaged)?;
        let public = row.new_keys()?;
        let payload = json!({ "aud": row.issuer, "nonce": batch, "transaction": transaction });
        let mut proofs = Vec::with_capacity(public.len());
        for public in &public {
            let key = self.tables.key(public)?;
            let header = Map::from_iter([("jwk".to_owned(), public.to_jwk())]);
            proofs.push(jws::sign(KEY_PROOF_TYP, None, header, &payload, &key)?);
        }
        let order = Order::new(&row.issuer, &id, &new, &keys_hash(&public), now);
        let order = order.sign(&self.tables.key(&row.refresh_key()?)?)?;
        let ask = Ask::Refresh(Box::new(Refresh {
            batch: id.to_vec(),
            transaction: new.to_vec(),
            proofs,
            order,
        }));
        let talk = Talk {
            to: row.issuer,
            transaction: batch.to_owned(),
            wait: Wait::Refreshed,
        };
        self.send(thread, Outgoing::Issue(ask), crate::Talk::Issue(talk))
    }

    /// Takes the reply to an order.
    pub(super) fn receive_refresh(
        &mut self,
        thread: Thread,
        now: Timestamp,
        batch: &str,
        reply: Reply,
    ) -> Result<Step, Error> {
        let Some(row) = self.tables.get::<BatchRow>(batch)? else {
            // Two threads were at it, and the other one brought it to its end.
            return Ok(done(
                thread,
                Ok(Outcome::Collected {
                    credentials: Vec::new(),
                }),
            ));
        };
        match reply {
            Reply::Delivery {
                transaction,
                credentials,
            } => {
                let transaction = text(&transaction);
                match &row.stage {
                    BatchStage::Asked { transaction: own, .. } if *own == transaction => {}
                    _ => return Err(Code::WrongRequest.into()),
                }
                self.take_refresh(now, batch, &row, &transaction, &credentials)?;
                self.resend_issuing(thread, &transaction)
            }
            Reply::Problem(problem) => {
                // What stays refused is not asked again. A clock may be set right; and an issuer that has delivered to an order of
                // before refuses this one until it has taken that back. The copies there are stay.
                let may_pass = matches!(problem.code, Code::Stale | Code::Superseded);
                if !problem.code.is_passing() && !may_pass {
                    self.drop_batch(batch, &row)?;
                }
                Err(problem.into())
            }
            _ => Err(Code::UnexpectedMessage.into()),
        }
    }

    /// Checks a replacement whole, and puts it in the place of what it replaces, whole.
    fn take_refresh(
        &mut self,
        now: Timestamp,
        batch: &str,
        row: &BatchRow,
        transaction: &str,
        delivered: &[Vec<String>],
    ) -> Result<(), Error> {
        let credential_type = self.known_type(&row.vct)?;
        let keys = row.new_keys()?;
        let (next, of_copies) = keys.split_last().ok_or_else(BatchRow::damaged)?;
        let mut unclaimed: BTreeSet<VerifyingKey> = of_copies.iter().copied().collect();
        if delivered.is_empty() || delivered.len() > row.credentials.len() {
            return Err(Problem::new(Code::Malformed, "credentials").into());
        }
        let wanted = Wanted {
            issuer: &row.issuer,
            vct: &row.vct,
        };
        let mut new = Vec::with_capacity(delivered.len());
        for copies in delivered {
            let claims = self.check_copies(now, &wanted, copies, &mut unclaimed)?;
            new.push((super::delivery::row_key(&credential_type, &claims), claims, copies));
        }
        let mut replaced = Vec::new();
        for id in &row.credentials {
            let Some(held) = self.holding(id)? else { continue };
            let key = super::delivery::row_key(&credential_type, &held.claims);
            let of_row = |(new_key, _, _): &&(_, _, &Vec<String>)| key.is_some() && *new_key == key;
            // The register may have dropped one of several rows: what there was of it stays.
            let Some((_, claims, copies)) = new.iter().find(of_row) else {
                continue;
            };
            let number = |claims| credentials::schema::values_at(claims, &credential_type.holder.number);
            if number(claims) != number(&held.claims) {
                return Err(Code::WrongSubject.into());
            }
            if copies.len() != usize::try_from(held.row.copies).unwrap_or(0) {
                return Err(Problem::new(Code::Malformed, "copies").into());
            }
            replaced.push((held, *copies));
        }
        if replaced.is_empty() {
            return Err(Code::WrongSubject.into());
        }
        let resting = BatchRow::resting(
            now,
            &credential_type,
            &row.issuer,
            &row.credentials,
            next,
            &mut *self.random,
        );
        let names = replaced.iter().map(|(held, _)| held.id.clone()).collect();
        let mut kept: BTreeSet<VerifyingKey> = BTreeSet::new();
        let old_key = row.refresh_key()?;
        let mut change = self.tables.change();
        for (held, copies) in &replaced {
            for (number, copy) in &held.copies {
                change.delete_copy(&held.id, *number);
                if let Some(key) = SdJwt::parse(&copy.text).ok().and_then(|copy| copy.holder_key()) {
                    change.delete_key(&key);
                }
            }
            for (number, copy) in (0..).zip(copies.iter()) {
                kept.extend(SdJwt::parse(copy)?.holder_key());
                let copy = CopyRow {
                    text: copy.clone(),
                    used: None,
                    state: None,
                    is_void: false,
                };
                change.put_copy(&held.id, number, &copy)?;
            }
            let credential = CredentialRow {
                collected: now,
                ..held.row.clone()
            };
            change.put(&held.id, &credential)?;
        }
        // Keys of rows that did not come, and of what was deleted meanwhile.
        for key in of_copies.iter().filter(|key| !kept.contains(key)) {
            change.delete_key(key);
        }
        change.delete_key(&old_key);
        change.delete::<BatchRow>(batch);
        match &resting {
            Some(resting) => change.put(transaction, resting)?,
            None => change.delete_key(next),
        }
        let delivered = IssuingRow {
            issuer: row.issuer.clone(),
            vct: row.vct.clone(),
            offer: None,
            code: None,
            started: now,
            terms: None,
            subject: None,
            stage: Stage::Delivered { credentials: names },
        };
        change.put(transaction, &delivered)?;
        change.commit()
    }

    /// Ends the renewing of a batch. Its copies stay.
    fn drop_batch(&mut self, batch: &str, row: &BatchRow) -> Result<(), Error> {
        let keys = row.own_keys()?;
        let mut change = self.tables.change();
        change.delete::<BatchRow>(batch);
        for key in &keys {
            change.delete_key(key);
        }
        change.commit()
    }
}
