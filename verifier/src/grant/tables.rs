//! What is kept of grants. A row names no customer and no claim; those stand in tables of their own, which go early.
//!
//! | table | row | goes |
//! |---|---|---|
//! | `verifier.grants` | the signed grant and deposit, how it was used, how it ended | [`crate::RECORD_SECONDS`] after its end |
//! | `verifier.grant-customers` | the customer's number, under a key of its own | when it ends |
//! | `verifier.grant-claims` | claims kept on a ground, under a key of their own; group: name, id: which of ours | at `until`, or with the grant |

use super::GrantState;
use crate::Error;
use crate::retention::READING_SECONDS;
use crate::session::RECORD_SECONDS;
use credentials::Timestamp;
use credentials::grant::OpenedGrant;
use credentials::schema::Path;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use store::{Key, Store, Table, Transaction};
use zeroize::Zeroizing;

/// A grant.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct GrantRow {
    pub(crate) name: String,
    pub(crate) text: String,
    pub(crate) deposit: String,
    pub(crate) session: String,
    pub(crate) case: String,
    pub(crate) since: Timestamp,
    pub(crate) until: Timestamp,
    pub(crate) state: GrantState,
    pub(crate) ended: Option<Timestamp>,
    pub(crate) uses: u32,
    pub(crate) used: Option<Timestamp>,
    /// What came and is not gone, in the order in which it came.
    pub(crate) held: Vec<HeldRow>,
    /// What is gone.
    pub(crate) erased: Vec<ErasedRow>,
    pub(crate) withdrawal: Option<String>,
    pub(crate) erasure: Option<String>,
    /// Our receipt, which the holder has too.
    #[serde(default)]
    pub(crate) receipt: Option<String>,
    /// That the holder asked for deletion.
    #[serde(default)]
    pub(crate) deletion: Option<String>,
}

/// Claims that a release brought.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct HeldRow {
    /// Which of ours, from 1: an issuer whose home was restored may begin to count anew.
    pub(crate) number: u32,
    pub(crate) claims: Vec<Path>,
    pub(crate) received: Timestamp,
    /// None = in memory.
    pub(crate) until: Option<Timestamp>,
    pub(crate) ground: String,
}

/// The same, gone.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct ErasedRow {
    pub(crate) claims: Vec<Path>,
    pub(crate) received: Timestamp,
    pub(crate) at: Timestamp,
}

impl GrantRow {
    pub(crate) fn opened(&self) -> Result<OpenedGrant, Error> {
        OpenedGrant::open(&self.text).map_err(|_| unreadable())
    }

    /// Since when something of it is in memory alone, if anything is.
    pub(crate) fn in_memory_since(&self) -> Option<Timestamp> {
        let memory = self.held.iter().filter(|held| held.until.is_none());
        memory.map(|held| held.received).min()
    }

    /// Whether it is still to be stated that something is gone, or that there was nothing at the end.
    pub(crate) fn is_unsaid(&self) -> bool {
        self.erasure.is_none() && (self.ended.is_some() || !self.erased.is_empty())
    }

    /// When something is to be done about it next: claims erased, ended, what is gone stated, forgotten.
    pub(crate) fn due(&self) -> Timestamp {
        // What is in memory is held for so long at most.
        let gone = |held: &HeldRow| held.until.unwrap_or(held.received.plus(READING_SECONDS));
        let kept = self.held.iter().map(gone).min();
        let last = self.erased.iter().map(|erased| erased.at).max();
        match (self.ended, kept) {
            // What is gone is to be said, whether anybody asks or not.
            (ended, _) if self.is_unsaid() => ended.or(last).unwrap_or(self.since),
            (None, None) => self.until,
            (None, Some(kept)) => kept.min(self.until),
            (Some(_), Some(kept)) => kept,
            (Some(ended), None) => self.record_until(ended),
        }
    }

    /// How long the record of a grant that ended then is kept: as long as there is something to show of it.
    pub(crate) fn record_until(&self, ended: Timestamp) -> Timestamp {
        let kept = self.held.iter().filter_map(|held| held.until);
        let gone = self.erased.iter().map(|erased| erased.at);
        let last = kept.chain(gone).max().map_or(ended, |last| last.max(ended));
        last.plus(RECORD_SECONDS)
    }
}

pub(crate) struct GrantTables {
    grants: Table,
    customers: Table,
    claims: Table,
}

impl GrantTables {
    pub(crate) fn new(store: &Store) -> GrantTables {
        GrantTables {
            grants: store.table("verifier.grants"),
            customers: store.table("verifier.grant-customers"),
            claims: store.table("verifier.grant-claims"),
        }
    }

    pub(crate) fn read(&self, name: &str) -> Result<Option<GrantRow>, Error> {
        let Some(row) = self.grants.get(name)? else {
            return Ok(None);
        };
        serde_json::from_slice(&row).map(Some).map_err(|_| unreadable())
    }

    pub(crate) fn all(&self) -> Result<Vec<GrantRow>, Error> {
        let mut rows = Vec::new();
        let mut is_whole = true;
        self.grants.scan(&mut |_, _, row| {
            match serde_json::from_slice(row) {
                Ok(row) => rows.push(row),
                Err(_) => is_whole = false,
            }
            is_whole
        })?;
        match is_whole {
            true => Ok(rows),
            false => Err(unreadable()),
        }
    }

    pub(crate) fn count(&self) -> Result<u64, Error> {
        Ok(self.grants.len()?)
    }

    pub(crate) fn customer(&self, name: &str) -> Result<Option<Zeroizing<String>>, Error> {
        let row = self.customers.get(name)?.map(String::from_utf8).transpose();
        Ok(row.map_err(|_| unreadable())?.map(Zeroizing::new))
    }

    pub(crate) fn put(&self, tx: &mut Transaction, row: &GrantRow) -> Result<(), Error> {
        let bytes = serde_json::to_vec(row).map_err(|_| unreadable())?;
        tx.put(&self.grants, &row.name, &bytes);
        Ok(())
    }

    /// A new one; the commit fails when it is there already.
    pub(crate) fn put_new(&self, tx: &mut Transaction, row: &GrantRow, customer: &str) -> Result<(), Error> {
        tx.require_absent(&self.grants, &row.name)
            .put_erasable(&self.customers, &row.name, customer.as_bytes());
        self.put(tx, row)
    }

    pub(crate) fn put_claims(
        &self,
        tx: &mut Transaction,
        name: &str,
        number: u32,
        claims: &Map<String, Value>,
    ) -> Result<(), Error> {
        let bytes = Zeroizing::new(serde_json::to_vec(claims).map_err(|_| unreadable())?);
        let place = number.to_be_bytes();
        tx.put_erasable(&self.claims, Key::in_group(name.as_bytes(), &place), &bytes);
        Ok(())
    }

    pub(crate) fn claims(&self, name: &str, number: u32) -> Result<Option<Map<String, Value>>, Error> {
        let place = number.to_be_bytes();
        let Some(row) = self
            .claims
            .get(Key::in_group(name.as_bytes(), &place))?
            .map(Zeroizing::new)
        else {
            return Ok(None);
        };
        serde_json::from_slice(&row).map(Some).map_err(|_| unreadable())
    }

    pub(crate) fn delete_claims(&self, tx: &mut Transaction, name: &str, number: u32) {
        tx.delete(&self.claims, Key::in_group(name.as_bytes(), &number.to_be_bytes()));
    }

    pub(crate) fn delete_customer(&self, tx: &mut Transaction, name: &str) {
        tx.delete(&self.customers, name);
    }

    pub(crate) fn delete(&self, tx: &mut Transaction, name: &str) {
        self.delete_customer(tx, name);
        tx.delete(&self.grants, name);
    }
}

fn unreadable() -> Error {
    Error::Row {
        table: "verifier.grants",
    }
}
