//! What the issuer keeps, on [`store`]: every table, its key and its record.
//!
//! Records are CBOR; register rows are JSON inside them, because only JSON keeps the text of a number. Register rows,
//! holder numbers and row keys are personal: they stand only here, sealed by the store.

use credentials::Timestamp;
use credentials::protocol;
use credentials::request::StandingPurpose;
use credentials::status::State;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use store::{Key, Store, Table};
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::Error;

/// Longest record we read back: a delivery holds up to 8 rows of 64 KiB.
const RECORD_MAX: usize = 4 * 1024 * 1024;

/// Longest row key, in bytes. With the type's name before it, it must fit a group of the store.
pub(crate) const ROW_KEY_MAX: usize = 512;

/// A named table of one kind of record.
pub(crate) struct Kept {
    name: &'static str,
    pub(crate) table: Table,
}

impl Kept {
    pub(crate) fn new(store: &Store, name: &'static str) -> Kept {
        Kept {
            name,
            table: store.table(name),
        }
    }

    /// The record under a key.
    pub(crate) fn read<'k, T: DeserializeOwned>(&self, key: impl Into<Key<'k>>) -> Result<Option<T>, Error> {
        match self.table.get(key)? {
            Some(bytes) => Ok(Some(self.decode(&bytes)?)),
            None => Ok(None),
        }
    }

    /// A record's value.
    pub(crate) fn decode<T: DeserializeOwned>(&self, bytes: &[u8]) -> Result<T, Error> {
        protocol::decode(bytes, RECORD_MAX).map_err(|_| Error::Unreadable { table: self.name })
    }

    /// A record's bytes.
    pub(crate) fn encode<T: Serialize>(&self, record: &T) -> Result<Vec<u8>, Error> {
        protocol::encode(record).map_err(|_| Error::Unwritable { table: self.name })
    }

    /// The records of the whole table, in no particular order.
    pub(crate) fn all<T: DeserializeOwned>(&self) -> Result<Vec<(Vec<u8>, T)>, Error> {
        let mut records = Vec::new();
        let mut failed = false;
        self.table.scan(&mut |_, id, bytes| {
            match self.decode(bytes) {
                Ok(record) => records.push((id.to_vec(), record)),
                Err(_) => failed = true,
            }
            !failed
        })?;
        if failed {
            return Err(Error::Unreadable { table: self.name });
        }
        Ok(records)
    }
}

/// All tables.
pub(crate) struct Tables {
    /// Group: type; id: row key. [`RegisterRow`].
    pub(crate) register: Kept,
    /// Group: type and holder's number; id: row key. Empty values.
    pub(crate) holders: Kept,
    /// Group: type; id: key of a row that has no prepared record; value: hash of the row.
    pub(crate) pending: Kept,
    /// Group: type; id: row key. [`Prepared`].
    pub(crate) prepared: Kept,
    /// Id: credential. [`Credential`].
    pub(crate) credentials: Kept,
    /// Group: type and row key; id: credential. [`Span`].
    pub(crate) by_row: Kept,
    /// Group: holder's number; id: credential. Empty values.
    pub(crate) by_holder: Kept,
    /// Id: transaction. [`Delivery`].
    pub(crate) deliveries: Kept,
    /// Id: transaction. [`crate::issuance::Batch`].
    pub(crate) batches: Kept,
    /// Id: list number and index; value: when. Entries of replaced batches that end on days of their own.
    pub(crate) later: Kept,
    /// Id: nonce. [`Terms`].
    pub(crate) terms: Kept,
    /// Id: offer. [`Offer`].
    pub(crate) offers: Kept,
    /// Group: type and holder's number; id: offer. Empty values.
    pub(crate) offers_of: Kept,
    /// Group: list number; id: index; value: one byte. Entries that are not listed are valid.
    pub(crate) states: Kept,
    /// Group: list number; id: index; value: one byte. Endings that wait for the daily publication.
    pub(crate) queue: Kept,
    /// Id: [`NEXT`]. [`DailyRecord`].
    pub(crate) daily: Kept,
    /// Id: list number. [`PaddingRecord`].
    pub(crate) padding: Kept,
    /// Id: list number. [`ListRecord`].
    pub(crate) lists: Kept,
    /// Id: number of a list of an earlier epoch; value: one bit for each entry that no credential we know of has.
    pub(crate) unknown: Kept,
    /// Id: [`SETTLED`]; value: the epoch of the store for which everything was settled.
    pub(crate) epoch: Kept,
    /// Id: type. [`Counts`].
    pub(crate) counts: Kept,
    /// Id: job. [`JobRecord`].
    pub(crate) jobs: Kept,
    /// Group: job; id: last line of a batch. Keyed hashes of the row keys that the batch brought, 16 bytes each.
    pub(crate) seen: Kept,
    /// Group: import or bulk change; id: first line. [`RejectedRecord`], erasable.
    pub(crate) rejected: Kept,
    /// Id: upload. [`UploadRecord`].
    pub(crate) uploads: Kept,
    /// Group: upload; id: number of the piece. Bytes of the file, erasable.
    pub(crate) upload_parts: Kept,
    /// Id: bulk change. [`BulkRecord`].
    pub(crate) bulks: Kept,
    /// Group: bulk change; id: number of the chunk. Names of credentials, 16 bytes each.
    pub(crate) bulk_chunks: Kept,
    /// Id: running number. [`crate::access::Entry`].
    pub(crate) access: Kept,
    /// Id: grant. [`crate::grant::GrantRecord`].
    pub(crate) grants: Kept,
    /// Group: holder's number; id: grant. Empty values.
    pub(crate) grants_of: Kept,
    /// Group: grant; id: number of the release. [`crate::grant::UseRecord`].
    pub(crate) grant_uses: Kept,
    /// Id: holder's number. [`credentials::letter::Reach`].
    pub(crate) reaches: Kept,
    /// Id: number. [`crate::letters::LetterRecord`].
    pub(crate) letters: Kept,
}

impl Tables {
    pub(crate) fn new(store: &Store) -> Tables {
        let kept = |name| Kept::new(store, name);
        Tables {
            register: kept("issuer.register"),
            holders: kept("issuer.holders"),
            pending: kept("issuer.pending"),
            prepared: kept("issuer.prepared"),
            credentials: kept("issuer.credentials"),
            by_row: kept("issuer.credentials-of-row"),
            by_holder: kept("issuer.credentials-of-holder"),
            deliveries: kept("issuer.deliveries"),
            batches: kept("issuer.batches"),
            later: kept("issuer.later-endings"),
            terms: kept("issuer.terms"),
            offers: kept("issuer.offers"),
            offers_of: kept("issuer.offers-of-holder"),
            states: kept("issuer.states"),
            queue: kept("issuer.queue"),
            daily: kept("issuer.daily"),
            padding: kept("issuer.padding"),
            lists: kept("issuer.lists"),
            unknown: kept("issuer.unknown-entries"),
            epoch: kept("issuer.epoch"),
            counts: kept("issuer.counts"),
            jobs: kept("issuer.jobs"),
            seen: kept("issuer.import-seen"),
            rejected: kept("issuer.rejected"),
            uploads: kept("issuer.uploads"),
            upload_parts: kept("issuer.upload-parts"),
            bulks: kept("issuer.bulks"),
            bulk_chunks: kept("issuer.bulk-chunks"),
            access: kept("issuer.access"),
            grants: kept("issuer.grants"),
            grants_of: kept("issuer.grants-of-holder"),
            grant_uses: kept("issuer.grant-uses"),
            reaches: kept("issuer.reaches"),
            letters: kept("issuer.letters"),
        }
    }
}

/// The only id in the table of the daily publication.
pub(crate) const NEXT: &str = "next";

/// The only id in the table of the epoch.
pub(crate) const SETTLED: &str = "settled";

/// A type and a row key, or a type and a holder's number, as one group. A type's name holds no zero byte.
pub(crate) fn pair(vct: &str, other: &str) -> Vec<u8> {
    let mut group = Vec::with_capacity(vct.len().saturating_add(other.len()).saturating_add(1));
    group.extend_from_slice(vct.as_bytes());
    group.push(0);
    group.extend_from_slice(other.as_bytes());
    group
}

/// 32 secret bytes. Zeroized when dropped; no `Debug`.
#[derive(Clone, Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
pub(crate) struct Secret(#[serde(with = "serde_bytes")] pub(crate) [u8; 32]);

/// Name of an issued credential: 16 random bytes.
pub(crate) type CredentialId = [u8; 16];

/// Where a copy's status stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct Position {
    /// Number of the list.
    pub(crate) list: u32,
    /// Index in it.
    pub(crate) index: u32,
}

/// A row of the register, as last imported.
#[derive(Serialize, Deserialize)]
pub(crate) struct RegisterRow {
    /// JSON of the checked row.
    #[serde(with = "serde_bytes")]
    pub(crate) row: Vec<u8>,
    /// SHA-256 of its canonical form.
    #[serde(with = "serde_bytes")]
    pub(crate) hash: [u8; 32],
    /// The holder's number in it.
    pub(crate) holder: String,
    /// When it came or last changed.
    pub(crate) changed: Timestamp,
    /// The import that brought it as it is: the 64 bits of its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) import: Option<u64>,
}

/// What a row needs so that it can be signed on delivery.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Prepared {
    /// Hash of the row it was prepared for; another hash in the register makes it void.
    #[serde(with = "serde_bytes")]
    pub(crate) row: [u8; 32],
    /// Where the salts come from.
    pub(crate) seed: Secret,
    /// One status entry for each copy.
    pub(crate) positions: Vec<Position>,
}

/// An issued credential: all copies of one row in one delivery.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Credential {
    pub(crate) vct: String,
    pub(crate) row_key: String,
    /// The holder's number.
    pub(crate) holder: String,
    pub(crate) state: State,
    pub(crate) seed: Secret,
    pub(crate) positions: Vec<Position>,
    /// When it was delivered.
    pub(crate) at: Timestamp,
    /// `iat`: the day it was delivered.
    pub(crate) issued: Timestamp,
    pub(crate) expires: Timestamp,
    pub(crate) acknowledged: Option<Timestamp>,
    #[serde(with = "serde_bytes")]
    pub(crate) transaction: [u8; 16],
    /// Keyed hash of the number of the person who opened the company's wallet.
    #[serde(with = "serde_bytes")]
    pub(crate) opened_by: Option<[u8; 32]>,
    /// Why its state was last changed by a person.
    pub(crate) reason: Option<String>,
}

/// When a credential of a row was delivered and when it expires.
#[derive(Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Span {
    pub(crate) at: Timestamp,
    pub(crate) expires: Timestamp,
}

/// What is needed to deliver the same bytes again.
#[derive(Serialize, Deserialize)]
pub(crate) struct Delivery {
    pub(crate) vct: String,
    /// Nonce of the terms it answered.
    pub(crate) nonce: String,
    /// The holder's keys, 32 bytes each, in order.
    #[serde(with = "serde_bytes")]
    pub(crate) keys: Vec<u8>,
    pub(crate) at: Timestamp,
    pub(crate) acknowledged: bool,
    pub(crate) ground: crate::access::Ground,
    pub(crate) rows: Vec<DeliveredRow>,
    /// The batch that it replaces.
    #[serde(default, with = "serde_bytes", skip_serializing_if = "Option::is_none")]
    pub(crate) replaces: Option<[u8; 16]>,
}

/// One row of a delivery as it then was.
#[derive(Serialize, Deserialize)]
pub(crate) struct DeliveredRow {
    #[serde(with = "serde_bytes")]
    pub(crate) credential: CredentialId,
    /// JSON of the row.
    #[serde(with = "serde_bytes")]
    pub(crate) row: Vec<u8>,
}

/// Terms that were given and not yet used.
#[derive(Serialize, Deserialize)]
pub(crate) struct Terms {
    pub(crate) vct: String,
    #[serde(with = "serde_bytes")]
    pub(crate) offer: Option<[u8; 16]>,
    /// Number of the company whose wallet asked.
    pub(crate) organisation: Option<String>,
    pub(crate) issued: Timestamp,
    pub(crate) expires: Timestamp,
    /// The identification that was asked for, unless an activation code is the proof.
    pub(crate) identification: Option<Asked>,
    /// When they are for a standing grant and not for collecting.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) standing: Option<StandingPurpose>,
}

/// A request for an identification.
#[derive(Serialize, Deserialize)]
pub(crate) struct Asked {
    /// One-time X25519 key that the answer is encrypted to.
    pub(crate) key: Secret,
    /// SHA-256 of the signed request.
    #[serde(with = "serde_bytes")]
    pub(crate) hash: [u8; 32],
}

/// A personal offer.
#[derive(Serialize, Deserialize)]
pub(crate) struct Offer {
    pub(crate) vct: String,
    /// The holder's number.
    pub(crate) subject: String,
    /// HMAC-SHA256 of offer id and code under a key of the store.
    #[serde(with = "serde_bytes")]
    pub(crate) mac: [u8; 32],
    /// Codes that were tried.
    pub(crate) attempts: u8,
    pub(crate) expires: Timestamp,
    /// Used or withdrawn.
    pub(crate) closed: bool,
}

/// A status list.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct ListRecord {
    /// Key of the order in which its entries are given out.
    pub(crate) key: Secret,
    /// How many entries were given out.
    pub(crate) next: u32,
    /// Of the last text that may have been published.
    pub(crate) version: u64,
    /// Epoch of the store in which it was begun: a restored store gives out nothing of older lists.
    pub(crate) epoch: u32,
}

/// When endings that wait are published next.
#[derive(Clone, Copy, Serialize, Deserialize)]
pub(crate) struct DailyRecord {
    pub(crate) next: Timestamp,
}

/// What the daily publication did to a list.
#[derive(Clone, Copy, Default, Serialize, Deserialize)]
pub(crate) struct PaddingRecord {
    /// Entries of its reserve that were set.
    pub(crate) decoys: u32,
    /// The round that it went through last.
    pub(crate) round: Option<Timestamp>,
}

/// How many there are of what, of one type.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Counts {
    pub(crate) rows: u64,
    pub(crate) prepared: u64,
    pub(crate) issued: u64,
    pub(crate) revoked: u64,
    pub(crate) suspended: u64,
    pub(crate) superseded: u64,
}

impl Counts {
    /// Moves one credential from a state to another.
    pub(crate) fn moved(&mut self, from: State, to: State) {
        if let Some(count) = self.of(from) {
            *count = count.saturating_sub(1);
        }
        if let Some(count) = self.of(to) {
            *count = count.saturating_add(1);
        }
    }

    fn of(&mut self, state: State) -> Option<&mut u64> {
        match state {
            State::Valid => None,
            State::Revoked => Some(&mut self.revoked),
            State::Suspended => Some(&mut self.suspended),
            State::Superseded => Some(&mut self.superseded),
        }
    }
}

/// How far an import came.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct JobRecord {
    pub(crate) vct: String,
    #[serde(with = "serde_bytes")]
    pub(crate) file: [u8; 32],
    pub(crate) started: Timestamp,
    pub(crate) stage: crate::import::Stage,
    /// Last line that was taken or rejected.
    pub(crate) line: u64,
    pub(crate) report: crate::import::ImportReport,
    /// When it came to its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) ended: Option<Timestamp>,
    /// Lines that are kept because they were not taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) kept: Option<crate::rejected::Kept>,
    /// The file in the store that it reads, when nobody feeds it lines.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) source: Option<ImportSource>,
}

/// A file in the store that an import reads.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct ImportSource {
    pub(crate) upload: String,
    pub(crate) is_csv: bool,
    /// Where a reader begins: before the lines that the last step took.
    pub(crate) place: crate::upload::Place,
    /// Lines of the file.
    pub(crate) lines: u64,
}

/// Lines that were not taken.
#[derive(Serialize, Deserialize)]
pub(crate) struct RejectedRecord {
    pub(crate) lines: Vec<crate::rejected::RejectedLine>,
}

/// A file that somebody brings.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct UploadRecord {
    pub(crate) started: Timestamp,
    /// Epoch of the store in which it was begun.
    pub(crate) epoch: u32,
    pub(crate) bytes: u64,
    pub(crate) lines: u64,
    /// SHA-256, once it is whole.
    #[serde(with = "serde_bytes")]
    pub(crate) file: Option<[u8; 32]>,
    /// The import that reads it.
    pub(crate) job: Option<String>,
}

/// A change of many credentials.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct BulkRecord {
    /// Epoch of the store in which it was begun: what was open in another one is void.
    pub(crate) epoch: u32,
    pub(crate) started: Timestamp,
    pub(crate) state: State,
    pub(crate) reason: String,
    pub(crate) names: crate::bulk::Names,
    pub(crate) vct: Option<String>,
    /// The import that is meant, when all that it brought is.
    pub(crate) import: Option<String>,
    pub(crate) proposed_by: String,
    pub(crate) proposed: Option<Timestamp>,
    pub(crate) approved_by: Option<String>,
    pub(crate) ended: Option<Timestamp>,
    pub(crate) stage: crate::bulk::BulkStage,
    /// Last line that was looked at.
    pub(crate) line: u64,
    pub(crate) lines: u64,
    pub(crate) rejected: u64,
    /// Credentials that are named and in that state already.
    pub(crate) unchanged: u64,
    /// What it reaches, as it was proposed.
    pub(crate) named: crate::Changed,
    #[serde(with = "serde_bytes")]
    pub(crate) file: Option<[u8; 32]>,
    pub(crate) kept: crate::rejected::Kept,
    /// Chunks there are, that are done, and of which the lists tell.
    pub(crate) chunks: u32,
    pub(crate) done: u32,
    pub(crate) told: u32,
    /// What it did so far.
    pub(crate) changed: crate::Changed,
    /// Credentials that could not be changed any more when their turn came.
    pub(crate) passed_over: u64,
}

#[cfg(test)]
mod tests;
