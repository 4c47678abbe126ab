//! Delivery: rows are signed to the proven keys, logged, recorded and given out, and can be given out again unchanged.

use credentials::protocol::issuance::{LIMIT, Reply};
use credentials::schema::{CredentialType, HolderProof, Row};
use credentials::sd_jwt::{Issue, StatusRef, issue};
use credentials::status::State;
use credentials::{Code, Random, Timestamp, VerifyingKey, random, time::DAY};
use sha2::{Digest, Sha256};
use store::Key;

use super::identification::Identified;
use super::named_keys;
use crate::access::{Entry, Ground, categories};
use crate::register::{Collectable, from_json};
use crate::staged::{Due, Staged};
use crate::tables::{Credential, CredentialId, DeliveredRow, Delivery, Position, Secret, Span, Terms, pair};
use crate::{Error, Issuer, status};

/// How long a delivery can be repeated, and must be acknowledged, in seconds.
const DELIVERY_LIFETIME: i64 = 7 * DAY;
/// How often one row may be delivered within a day. Each delivery uses up status entries for good.
const DELIVERIES_A_DAY: usize = 32;
/// Bytes of a reply around the credentials in it.
const FRAME: usize = 4 * 1024;

/// When a delivery ends.
pub(crate) fn delivery_ends(at: Timestamp) -> Timestamp {
    at.plus(DELIVERY_LIFETIME)
}

/// Salts of one copy: SHA-256 over seed, copy and a counter. The same seed gives the same salts, which redelivery relies on.
struct Salts<'a> {
    seed: &'a Secret,
    copy: u16,
    counter: u64,
}

impl Random for Salts<'_> {
    fn fill(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(32) {
            let mut hasher = Sha256::new();
            hasher.update(b"bevis-salts/1");
            hasher.update(self.seed.0);
            hasher.update(self.copy.to_be_bytes());
            hasher.update(self.counter.to_be_bytes());
            let block: [u8; 32] = hasher.finalize().into();
            for (to, from) in chunk.iter_mut().zip(block) {
                *to = from;
            }
            self.counter = self.counter.saturating_add(1);
        }
    }
}

/// A request whose keys and holder are proven.
pub(super) struct Proven<'a> {
    pub(super) nonce: &'a str,
    pub(super) transaction: &'a [u8; 16],
    pub(super) terms: &'a Terms,
    pub(super) keys: &'a [VerifyingKey],
    pub(super) identified: &'a Identified,
}

/// A request that is answered as it was before.
pub(super) struct Asked<'a> {
    pub(super) vct: &'a str,
    pub(super) nonce: &'a str,
    pub(super) proofs: &'a [String],
}

/// For whom copies are signed.
pub(super) struct Receiver<'a> {
    pub(super) holder: &'a str,
    pub(super) opened_by: Option<[u8; 32]>,
    pub(super) transaction: &'a [u8; 16],
    /// The copies' keys in order; one more is the refresh key.
    pub(super) keys: &'a [VerifyingKey],
}

/// What was signed and staged.
pub(super) struct Signed {
    pub(super) rows: Vec<DeliveredRow>,
    pub(super) texts: Vec<Vec<String>>,
    /// Categories for the access log.
    pub(super) logged: Vec<String>,
    /// The credentials, and when they expire.
    pub(super) issued: Vec<(CredentialId, Timestamp)>,
}

/// What all copies of one credential have in common.
struct Copies<'a> {
    row: &'a Row,
    seed: &'a Secret,
    positions: &'a [Position],
    issued: Timestamp,
    expires: Timestamp,
}

impl Issuer {
    /// Delivers the rows of the holder who was identified.
    pub(super) fn deliver(
        &mut self,
        now: Timestamp,
        credential_type: &CredentialType,
        proven: &Proven<'_>,
    ) -> Result<Reply, Error> {
        let Proven {
            nonce,
            transaction,
            terms,
            keys,
            identified,
        } = *proven;
        let rows = self.rows_to_deliver(now, credential_type, identified)?;
        let mut staged = self.stage();
        let receiver = Receiver {
            holder: &identified.holder,
            opened_by: identified.person.as_deref().map(|number| self.person(number)),
            transaction,
            keys,
        };
        let signed = self.sign_rows(now, &mut staged, credential_type, &receiver, rows)?;
        let delivery = Delivery {
            vct: credential_type.vct.clone(),
            nonce: nonce.to_owned(),
            keys: keys.iter().flat_map(|key| key.to_bytes()).collect(),
            at: now,
            acknowledged: false,
            ground: identified.ground,
            rows: signed.rows,
            replaces: None,
        };
        let record = self.tables.deliveries.encode(&delivery)?;
        staged
            .transaction
            .put(&self.tables.deliveries.table, transaction, &record);
        staged.due.push((delivery_ends(now), Due::Delivery(*transaction)));
        let copies = usize::from(credential_type.copies).saturating_mul(usize::from(credential_type.rows));
        self.put_batch(
            &mut staged,
            credential_type,
            transaction,
            keys.get(copies),
            now,
            &signed.issued,
        )?;
        self.end_terms(&mut staged, nonce);
        staged.done.push((terms.expires, Due::Terms(nonce.to_owned())));
        if let Some(id) = &identified.offer
            && let Some(mut offer) = self.read_offer(id)?
        {
            offer.closed = true;
            self.put_offer(&mut staged, id, &offer)?;
        }
        self.put_reach(&mut staged, &identified.holder, identified.reach.as_ref())?;
        self.log_delivery(now, &mut staged, &delivery, &identified.holder, signed.logged, false)?;
        self.commit_or_withhold(staged)?;
        self.terms.retain(|open| open.nonce != *nonce);
        Ok(Reply::Delivery {
            transaction: transaction.to_vec(),
            credentials: signed.texts,
        })
    }

    /// Signs rows to their keys and stages what is kept of them: `too_large`.
    pub(super) fn sign_rows(
        &mut self,
        now: Timestamp,
        staged: &mut Staged,
        credential_type: &CredentialType,
        receiver: &Receiver<'_>,
        rows: Vec<Collectable>,
    ) -> Result<Signed, Error> {
        let Receiver { keys, transaction, .. } = *receiver;
        let mut delivered = Vec::with_capacity(rows.len());
        let mut issued = Vec::with_capacity(rows.len());
        let mut texts = Vec::with_capacity(rows.len());
        let mut logged = Vec::new();
        let of_rows = keys.chunks(usize::from(credential_type.copies).max(1));
        for (row, keys) in rows.into_iter().zip(of_rows) {
            let prepared = self.take_prepared(staged, credential_type, &row)?;
            texts.push(self.sign_copies(
                credential_type,
                keys,
                &Copies {
                    row: &row.row,
                    seed: &prepared.seed,
                    positions: &prepared.positions,
                    issued: now.day(),
                    expires: row.expires,
                },
            )?);
            logged.extend(categories(credential_type.claims(&row.row).value()));
            let id: CredentialId = random::bytes(self.random.as_mut());
            let credential = Credential {
                vct: credential_type.vct.clone(),
                row_key: row.key,
                holder: receiver.holder.to_owned(),
                state: State::Valid,
                seed: prepared.seed,
                positions: prepared.positions,
                at: now,
                issued: now.day(),
                expires: row.expires,
                acknowledged: None,
                transaction: *transaction,
                opened_by: receiver.opened_by,
                reason: None,
            };
            self.put_credential(staged, &id, &credential)?;
            issued.push((id, credential.expires));
            delivered.push(DeliveredRow {
                credential: id,
                row: row.json,
            });
        }
        within_limit(&texts)?;
        Ok(Signed {
            rows: delivered,
            texts,
            logged,
            issued,
        })
    }

    /// The rows that are due to the holder: `no_data`, `role_missing`, `rate_limited`.
    fn rows_to_deliver(
        &self,
        now: Timestamp,
        credential_type: &CredentialType,
        identified: &Identified,
    ) -> Result<Vec<Collectable>, Error> {
        let rows = self.rows_of_identified(now, credential_type, identified)?;
        self.check_frequency(now, credential_type, &rows)?;
        Ok(rows)
    }

    /// Refuses what is delivered too often (`rate_limited`).
    pub(super) fn check_frequency(
        &self,
        now: Timestamp,
        credential_type: &CredentialType,
        rows: &[Collectable],
    ) -> Result<(), Error> {
        for row in rows {
            let given = self.tables.by_row.table.group(&pair(&credential_type.vct, &row.key))?;
            let mut today: usize = 0;
            for (_, span) in given {
                let span: Span = self.tables.by_row.decode(&span)?;
                if now.since(span.at) < DAY {
                    today = today.saturating_add(1);
                }
            }
            if today >= DELIVERIES_A_DAY {
                return Err(Code::RateLimited.into());
            }
        }
        Ok(())
    }

    /// The rows of the holder who was identified, by a person who may act for them: `no_data`, `role_missing`.
    pub(crate) fn rows_of_identified(
        &self,
        now: Timestamp,
        credential_type: &CredentialType,
        identified: &Identified,
    ) -> Result<Vec<Collectable>, Error> {
        let mut rows = self.collectable(now, credential_type, &identified.holder)?;
        if rows.is_empty() {
            return Err(Code::NoData.into());
        }
        if let (HolderProof::Role { .. }, Some(person)) = (&credential_type.holder.proof, &identified.person) {
            rows.retain(|row| credential_type.has_role(&row.row, person));
            if rows.is_empty() {
                return Err(Code::RoleMissing.into());
            }
        }
        rows.truncate(usize::from(credential_type.rows));
        Ok(rows)
    }

    /// Signs the copies of one credential, each to its key.
    fn sign_copies(
        &self,
        credential_type: &CredentialType,
        keys: &[VerifyingKey],
        copies: &Copies<'_>,
    ) -> Result<Vec<String>, Error> {
        let claims = credential_type.claims(copies.row);
        keys.iter()
            .zip(copies.positions)
            .zip(0..)
            .map(|((holder, position), copy)| {
                let mut salts = Salts {
                    seed: copies.seed,
                    copy,
                    counter: 0,
                };
                let copy = Issue {
                    credential_type,
                    claims: &claims,
                    issuer: &self.settings.did,
                    kid: &self.settings.kid,
                    holder,
                    status: StatusRef {
                        uri: status::uri(&self.settings, position.list),
                        index: position.index,
                    },
                    issued: copies.issued,
                    expires: copies.expires,
                };
                issue(&copy, &mut salts, self.signer.as_ref()).map_err(Error::Signing)
            })
            .collect()
    }

    fn put_credential(&self, staged: &mut Staged, id: &CredentialId, credential: &Credential) -> Result<(), Error> {
        let tables = &self.tables;
        let record = tables.credentials.encode(credential)?;
        let span = tables.by_row.encode(&Span {
            at: credential.at,
            expires: credential.expires,
        })?;
        let of_row = pair(&credential.vct, &credential.row_key);
        staged
            .transaction
            .put(&tables.credentials.table, id, &record)
            .put(&tables.by_row.table, Key::in_group(&of_row, id), &span)
            .put(
                &tables.by_holder.table,
                Key::in_group(credential.holder.as_bytes(), id),
                &[],
            );
        if let Some(counts) = staged.counts.get_mut(&credential.vct) {
            counts.issued = counts.issued.saturating_add(1);
        }
        Ok(())
    }

    /// Delivers again what was delivered under a transaction: `wrong_nonce`, `keys_changed`, `possession_invalid`, `revoked`.
    pub(super) fn deliver_again(
        &mut self,
        now: Timestamp,
        credential_type: &CredentialType,
        request: &Asked<'_>,
        transaction: &[u8; 16],
        delivery: &Delivery,
    ) -> Result<Reply, Error> {
        if delivery.vct != request.vct {
            return Err(Code::WrongRequest.into());
        }
        if delivery.nonce != request.nonce {
            return Err(Code::WrongNonce.into());
        }
        if now >= delivery_ends(delivery.at) {
            return Err(Code::Expired.into());
        }
        // The claims of these keys come before their proofs: another key is named as such, however well it is proven.
        let (before, rest) = delivery.keys.as_chunks::<32>();
        let named: Vec<[u8; 32]> = named_keys(request.proofs).iter().map(|key| key.to_bytes()).collect();
        if named != before || !rest.is_empty() {
            return Err(Code::KeysChanged.into());
        }
        let counts = before.len()..=before.len();
        let keys = self.proven_keys(request.proofs, request.nonce, transaction, counts)?;
        let mut texts = Vec::with_capacity(delivery.rows.len());
        let mut logged = Vec::new();
        let mut holder = String::new();
        let of_rows = keys.chunks(usize::from(credential_type.copies).max(1));
        for (delivered, keys) in delivery.rows.iter().zip(of_rows) {
            let (_, credential) = self.credential(&delivered.credential)?;
            if credential.state == State::Revoked {
                return Err(Code::Revoked.into());
            }
            let row = from_json(&delivered.row)?;
            logged.extend(categories(credential_type.claims(&row).value()));
            texts.push(self.sign_copies(
                credential_type,
                keys,
                &Copies {
                    row: &row,
                    seed: &credential.seed,
                    positions: &credential.positions,
                    issued: credential.issued,
                    expires: credential.expires,
                },
            )?);
            holder = credential.holder;
        }
        let mut staged = self.stage();
        self.log_delivery(now, &mut staged, delivery, &holder, logged, true)?;
        self.commit_or_withhold(staged)?;
        Ok(Reply::Delivery {
            transaction: transaction.to_vec(),
            credentials: texts,
        })
    }

    pub(super) fn log_delivery(
        &self,
        at: Timestamp,
        staged: &mut Staged,
        delivery: &Delivery,
        holder: &str,
        mut categories: Vec<String>,
        again: bool,
    ) -> Result<(), Error> {
        categories.sort_unstable();
        categories.dedup();
        let ground: Ground = delivery.ground;
        let entry = Entry {
            at,
            vct: delivery.vct.clone(),
            holder: self.person(holder).to_vec(),
            categories,
            ground,
            credentials: delivery
                .rows
                .iter()
                .map(|row| serde_bytes::ByteBuf::from(row.credential))
                .collect(),
            again,
            recipient: None,
            grant: None,
        };
        self.log(staged, &entry)
    }

    /// Commits what has the log entry in it. If that cannot be written, nothing is given out.
    pub(crate) fn commit_or_withhold(&mut self, staged: Staged) -> Result<(), Error> {
        self.commit(staged).map_err(|error| match error {
            Error::Store(error) => Error::Log(error),
            other => other,
        })
    }

    /// Ends a delivery: what was not acknowledged is revoked, and the copy of the rows is dropped.
    pub(crate) fn end_delivery(
        &self,
        now: Timestamp,
        staged: &mut Staged,
        transaction: &[u8; 16],
    ) -> Result<(), Error> {
        let Some(delivery) = self.tables.deliveries.read::<Delivery>(transaction)? else {
            return Ok(());
        };
        if !delivery.acknowledged {
            for row in &delivery.rows {
                let (id, mut credential) = self.credential(&row.credential)?;
                if credential.state != State::Revoked {
                    staged.end_with_the_day(now, &self.tables, &id, &mut credential, State::Revoked)?;
                }
            }
            if let Some(batch) = &delivery.replaces {
                self.reopen_batch(staged, batch)?;
            }
        }
        staged.transaction.delete(&self.tables.deliveries.table, transaction);
        Ok(())
    }
}

/// A delivery must fit one message.
fn within_limit(texts: &[Vec<String>]) -> Result<(), Error> {
    let bytes = texts
        .iter()
        .flatten()
        .fold(FRAME, |sum, text| sum.saturating_add(text.len()));
    if bytes > LIMIT {
        return Err(Code::TooLarge.into());
    }
    Ok(())
}
