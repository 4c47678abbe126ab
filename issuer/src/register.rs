//! The register: checked rows by type and row key, found by holder's number, and prepared for delivery.

use credentials::schema::{CredentialType, Effect, HolderProof, Row, values_at};
use credentials::status::State;
use credentials::{Timestamp, canonical, random};
use sha2::{Digest, Sha256};
use store::Key;

use crate::staged::Staged;
use crate::tables::{Credential, CredentialId, Prepared, RegisterRow, Secret, Span, pair};
use crate::{Error, Issuer};

/// Rows that one transaction prepares: some 2 MiB with the widest type.
const PREPARED_TOGETHER: usize = 1_000;

/// What a row did to the credentials of the one it replaced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Replaced {
    pub(crate) superseded: u64,
    pub(crate) revoked: u64,
}

/// A checked row that is new or has changed.
pub(crate) struct Incoming<'a> {
    pub(crate) key: &'a str,
    pub(crate) row: &'a Row,
    pub(crate) record: &'a RegisterRow,
    /// What stood in the register before.
    pub(crate) old: Option<&'a RegisterRow>,
}

/// A row that can be delivered.
pub(crate) struct Collectable {
    pub(crate) key: String,
    pub(crate) hash: [u8; 32],
    pub(crate) json: Vec<u8>,
    pub(crate) row: Row,
    pub(crate) expires: Timestamp,
}

/// SHA-256 of the canonical form of a row: the same content has the same hash, in whatever order it was written.
pub(crate) fn hash(row: &Row) -> Result<[u8; 32], Error> {
    let bytes = canonical::canonicalize(row.value())?;
    Ok(Sha256::digest(&bytes).into())
}

/// JSON of a checked row, with the text of its numbers.
pub(crate) fn to_json(row: &Row) -> Result<Vec<u8>, Error> {
    serde_json::to_vec(row).map_err(|_| Error::Unwritable {
        table: "issuer.register",
    })
}

/// A row from its JSON.
pub(crate) fn from_json(json: &[u8]) -> Result<Row, Error> {
    serde_json::from_slice(json).map_err(|_| Error::Unreadable {
        table: "issuer.register",
    })
}

/// Whether the row's own content says that no credential of it may stand.
pub(crate) fn is_revoking(credential_type: &CredentialType, row: &Row) -> bool {
    credential_type
        .ending(row.value())
        .is_some_and(|ending| ending.effect == Effect::Revoke)
}

impl Issuer {
    /// Puts a new or changed row and settles what was issued from the old one.
    pub(crate) fn put_row(
        &self,
        now: Timestamp,
        staged: &mut Staged,
        credential_type: &CredentialType,
        incoming: &Incoming<'_>,
    ) -> Result<Replaced, Error> {
        let Incoming { key, row, record, old } = *incoming;
        let vct = credential_type.vct.as_str();
        let tables = &self.tables;
        let at = Key::in_group(vct.as_bytes(), key.as_bytes());
        let encoded = tables.register.encode(record)?;
        let transaction = &mut staged.transaction;
        transaction.put(&tables.register.table, at, &encoded);
        if let Some(old) = old.filter(|old| old.holder != record.holder) {
            let group = pair(vct, &old.holder);
            transaction.delete(&tables.holders.table, Key::in_group(&group, key.as_bytes()));
        }
        if old.is_none_or(|old| old.holder != record.holder) {
            let group = pair(vct, &record.holder);
            transaction.put(&tables.holders.table, Key::in_group(&group, key.as_bytes()), &[]);
        }
        let was_prepared = match old {
            Some(old) => self.prepared(vct, key)?.is_some_and(|p| p.row == old.hash),
            None => false,
        };
        let is_revoking = is_revoking(credential_type, row);
        if is_revoking {
            transaction
                .delete(&tables.pending.table, at)
                .delete(&tables.prepared.table, at);
        } else {
            transaction.put(&tables.pending.table, at, &record.hash);
        }
        if let Some(counts) = staged.counts.get_mut(vct) {
            if old.is_none() {
                counts.rows = counts.rows.saturating_add(1);
            }
            if was_prepared {
                counts.prepared = counts.prepared.saturating_sub(1);
            }
        }
        let mut replaced = Replaced::default();
        if old.is_some() {
            for (id, mut credential) in self.living(now, vct, key)? {
                let state = if is_revoking || self.role_ended(credential_type, row, &credential) {
                    State::Revoked
                } else {
                    State::Superseded
                };
                match (credential.state, state) {
                    (State::Valid | State::Suspended | State::Superseded, State::Revoked) => {
                        replaced.revoked = replaced.revoked.saturating_add(1);
                    }
                    (State::Valid | State::Suspended, State::Superseded) => {
                        replaced.superseded = replaced.superseded.saturating_add(1);
                    }
                    // Its copies were replaced before, and some have not come to their own days yet.
                    (State::Superseded, State::Superseded) => {
                        self.end_with_its_row(staged, &credential);
                        continue;
                    }
                    _ => continue,
                }
                if is_revoking {
                    staged.set_state(now, &self.tables, &id, &mut credential, state)?;
                } else {
                    staged.end_with_the_day(now, &self.tables, &id, &mut credential, state)?;
                }
            }
        }
        Ok(replaced)
    }

    /// Credentials of a row that have not expired, in whatever state.
    fn living(&self, now: Timestamp, vct: &str, key: &str) -> Result<Vec<(CredentialId, Credential)>, Error> {
        let mut living = Vec::new();
        for (id, span) in self.tables.by_row.table.group(&pair(vct, key))? {
            let span: Span = self.tables.by_row.decode(&span)?;
            if span.expires >= now {
                living.push(self.credential(&id)?);
            }
        }
        Ok(living)
    }

    /// Whether the person who opened the company's wallet has lost the role that allowed it.
    ///
    /// Only a keyed hash of that person's number is kept, so it is compared with everybody in the row.
    pub(crate) fn role_ended(&self, credential_type: &CredentialType, row: &Row, credential: &Credential) -> bool {
        let (Some(opened_by), HolderProof::Role { person, .. }) = (credential.opened_by, &credential_type.holder.proof)
        else {
            return false;
        };
        !values_at(row.value(), person)
            .into_iter()
            .filter_map(|value| value.as_str())
            .any(|number| self.person(number) == opened_by && credential_type.has_role(row, number))
    }

    /// A row of the register.
    pub(crate) fn register_row(&self, vct: &str, key: &str) -> Result<Option<RegisterRow>, Error> {
        let at = Key::in_group(vct.as_bytes(), key.as_bytes());
        self.tables.register.read(at)
    }

    fn prepared(&self, vct: &str, key: &str) -> Result<Option<Prepared>, Error> {
        let at = Key::in_group(vct.as_bytes(), key.as_bytes());
        self.tables.prepared.read(at)
    }

    /// The keys of a holder's rows.
    pub(crate) fn rows_of(&self, vct: &str, holder: &str) -> Result<Vec<String>, Error> {
        let rows = self.tables.holders.table.group(&pair(vct, holder))?;
        rows.into_iter()
            .map(|(id, _)| {
                String::from_utf8(id).map_err(|_| Error::Unreadable {
                    table: "issuer.holders",
                })
            })
            .collect()
    }

    /// The rows of a holder that can be delivered now, the greatest row key first, which is the latest year or reference.
    pub(crate) fn collectable(
        &self,
        now: Timestamp,
        credential_type: &CredentialType,
        holder: &str,
    ) -> Result<Vec<Collectable>, Error> {
        let mut keys = self.rows_of(&credential_type.vct, holder)?;
        keys.sort_unstable_by(|one, other| other.cmp(one));
        let mut rows = Vec::new();
        for key in keys {
            let Some(record) = self.register_row(&credential_type.vct, &key)? else {
                continue;
            };
            let row = from_json(&record.row)?;
            let expires = credential_type.valid_until(now.day(), &row);
            if !is_revoking(credential_type, &row) && expires > now {
                rows.push(Collectable {
                    key,
                    hash: record.hash,
                    json: record.row,
                    row,
                    expires,
                });
            }
        }
        Ok(rows)
    }

    /// The prepared record of a row as it stands in the register, made now if there is none, and taken out of the table.
    pub(crate) fn take_prepared(
        &mut self,
        staged: &mut Staged,
        credential_type: &CredentialType,
        row: &Collectable,
    ) -> Result<Prepared, Error> {
        let vct = credential_type.vct.as_str();
        let at = Key::in_group(vct.as_bytes(), row.key.as_bytes());
        let old = self.prepared(vct, &row.key)?;
        let fits = |prepared: &Prepared| {
            prepared.row == row.hash && prepared.positions.len() == usize::from(credential_type.copies)
        };
        let ready = old.as_ref().is_some_and(|prepared| prepared.row == row.hash);
        staged
            .transaction
            .delete(&self.tables.pending.table, at)
            .delete(&self.tables.prepared.table, at);
        if ready && let Some(counts) = staged.counts.get_mut(vct) {
            counts.prepared = counts.prepared.saturating_sub(1);
        }
        Ok(match old {
            Some(prepared) if fits(&prepared) => prepared,
            other => self.new_prepared(staged, credential_type, row.hash, other),
        })
    }

    /// A prepared record; status entries that were set aside for the row and never given out are used again.
    fn new_prepared(
        &mut self,
        staged: &mut Staged,
        credential_type: &CredentialType,
        row: [u8; 32],
        old: Option<Prepared>,
    ) -> Prepared {
        let positions = match old {
            Some(old) if old.positions.len() == usize::from(credential_type.copies) => old.positions,
            _ => self
                .lists
                .allocate(credential_type.copies, self.random.as_mut(), &mut staged.touched),
        };
        Prepared {
            row,
            seed: Secret(random::bytes(self.random.as_mut())),
            positions,
        }
    }

    /// Prepares at most `limit` rows that are not prepared yet, so that their delivery is only signing. Returns how many;
    /// 0 when nothing is left to do.
    pub fn prepare(&mut self, _now: Timestamp, vct: &str, limit: usize) -> Result<usize, Error> {
        let credential_type = self.issued_type(vct)?;
        let vct = credential_type.vct.as_str();
        let mut pending: Vec<(String, [u8; 32])> = Vec::new();
        self.tables.pending.table.scan(&mut |group, id, hash| {
            if pending.len() < limit
                && group == vct.as_bytes()
                && let Ok(key) = std::str::from_utf8(id)
                && let Ok(hash) = hash.try_into()
            {
                pending.push((key.to_owned(), hash));
            }
            pending.len() < limit
        })?;
        let mut done: usize = 0;
        for rows in pending.chunks(PREPARED_TOGETHER) {
            let mut staged = self.stage();
            for (key, hash) in rows {
                let at = Key::in_group(vct.as_bytes(), key.as_bytes());
                let old = self.prepared(vct, key)?;
                let prepared = self.new_prepared(&mut staged, &credential_type, *hash, old);
                let bytes = self.tables.prepared.encode(&prepared)?;
                staged
                    .transaction
                    .delete(&self.tables.pending.table, at)
                    .put(&self.tables.prepared.table, at, &bytes);
            }
            let made = u64::try_from(rows.len()).unwrap_or(u64::MAX);
            if let Some(counts) = staged.counts.get_mut(vct) {
                counts.prepared = counts.prepared.saturating_add(made);
            }
            self.commit(staged)?;
            done = done.saturating_add(rows.len());
        }
        Ok(done)
    }
}
