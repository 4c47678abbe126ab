//! What the verifier keeps, on `store`. Everything in it is sealed; rows that must go early have tables of their own, and what
//! is personal in them a key of its own (*), which is destroyed when the row is taken out: by the tick that erases, and by the
//! next tick for what goes when a session ends.
//!
//! | table | row | goes |
//! |---|---|---|
//! | `verifier.sessions` | state, times, query, nonce | with the record |
//! | `verifier.requests` | the signed request, as evidence of what was asked | with the record |
//! | `verifier.keys` * | one-time X25519 secret | when the session ends |
//! | `verifier.customers` * | the customer's number | when the session ends |
//! | `verifier.verdicts` | checks, notes, receipt; no claim | with the record |
//! | `verifier.claims` * | claims kept on a ground, and where the status of each copy stands | at `until` |
//! | `verifier.erasures` | the signed statement that claims were erased | with the record |
//! | `verifier.nonces` | keyed hash of every nonce given out | with the record |
//! | `verifier.reaches` * | where a customer's wallet is reached, by a keyed hash of the customer's number | at `until`, and with the next word |
//! | `verifier.repeats` | by keyed hash of a system's own key: which session it was, keyed hash of what was asked | with the record |
//! | `verifier.spent` | keyed hash of every nonce used | with the record |
//!
//! A nonce outlives its request by [`crate::RECORD_SECONDS`] at least; after that no session is left that would take it.

use crate::Error;
use crate::error::Refusal;
use crate::repeating::{Repeat, Repeated};
use crate::session::Session;
use crate::standing::Holding;
use crate::verdict::Record;
use credentials::Timestamp;
use credentials::letter::Reach;
use serde::{Serialize, de::DeserializeOwned};
use std::collections::BTreeSet;
use store::{Store, Table, Transaction};
use zeroize::Zeroizing;

/// Label under which nonces are hashed.
const NONCE: &str = "bevis/verifier/nonce/1";
/// Label under which numbers of customers are hashed.
const REACH: &str = "bevis/verifier/reach/1";

/// Where a customer is reached, and how long that is kept.
#[derive(Serialize, serde::Deserialize)]
pub(crate) struct ReachRow {
    pub(crate) reach: Reach,
    pub(crate) until: Timestamp,
    /// The customer has not been answered yet.
    #[serde(default)]
    pub(crate) is_fresh: bool,
}

/// Name of a customer's reach.
pub(crate) type ReachId = [u8; 32];

/// Where somebody is reached who is not answered yet.
pub(crate) type Fresh = (ReachId, Reach);
/// When which of them goes.
pub(crate) type Due = BTreeSet<(Timestamp, ReachId)>;

pub(crate) struct Tables {
    store: Store,
    sessions: Table,
    requests: Table,
    keys: Table,
    customers: Table,
    verdicts: Table,
    claims: Table,
    erasures: Table,
    nonces: Table,
    spent: Table,
    reaches: Table,
    repeats: Table,
}

impl Tables {
    pub(crate) fn new(store: Store) -> Tables {
        Tables {
            sessions: store.table("verifier.sessions"),
            requests: store.table("verifier.requests"),
            keys: store.table("verifier.keys"),
            customers: store.table("verifier.customers"),
            verdicts: store.table("verifier.verdicts"),
            claims: store.table("verifier.claims"),
            erasures: store.table("verifier.erasures"),
            nonces: store.table("verifier.nonces"),
            spent: store.table("verifier.spent"),
            reaches: store.table("verifier.reaches"),
            repeats: store.table("verifier.repeats"),
            store,
        }
    }

    pub(crate) fn epoch(&self) -> u32 {
        self.store.epoch()
    }

    /// Destroys the keys of deleted rows that are there yet. Where the disk does not let it, nobody states an erasure.
    pub(crate) fn finish_erasing(&self) {
        if self.store.erasures_pending() > 0
            && let Err(error) = self.store.finish_erasing()
        {
            tracing::warn!(%error, "a key is not destroyed yet");
        }
    }

    /// Keys of deleted rows that are not destroyed yet.
    /// Fails while a key is not destroyed.
    pub(crate) fn require_erased(&self) -> Result<(), Error> {
        match self.store.erasures_pending() {
            0 => Ok(()),
            _ => Ok(self.store.finish_erasing().map(drop)?),
        }
    }

    pub(crate) fn erasures_pending(&self) -> u64 {
        self.store.erasures_pending()
    }

    pub(crate) fn begin(&self) -> Transaction {
        self.store.transaction()
    }

    // --- reading ---

    pub(crate) fn session(&self, id: &str) -> Result<Option<Session>, Error> {
        read(&self.sessions, id, "verifier.sessions")
    }

    pub(crate) fn sessions(&self) -> Result<Vec<Session>, Error> {
        let mut sessions = Vec::new();
        let mut whole = true;
        self.sessions.scan(&mut |_, _, row| {
            match serde_json::from_slice(row) {
                Ok(session) => sessions.push(session),
                Err(_) => whole = false,
            }
            whole
        })?;
        if whole {
            Ok(sessions)
        } else {
            Err(Error::Row {
                table: "verifier.sessions",
            })
        }
    }

    pub(crate) fn request(&self, id: &str) -> Result<Option<String>, Error> {
        text(self.requests.get(id)?, "verifier.requests")
    }

    pub(crate) fn key(&self, id: &str) -> Result<Option<Zeroizing<[u8; 32]>>, Error> {
        let Some(row) = self.keys.get(id)?.map(Zeroizing::new) else {
            return Ok(None);
        };
        let key = <[u8; 32]>::try_from(row.as_slice()).map_err(|_| Error::Row { table: "verifier.keys" })?;
        Ok(Some(Zeroizing::new(key)))
    }

    pub(crate) fn customer(&self, id: &str) -> Result<Option<Zeroizing<String>>, Error> {
        let row = text(self.customers.get(id)?, "verifier.customers")?;
        Ok(row.map(Zeroizing::new))
    }

    pub(crate) fn verdict(&self, id: &str) -> Result<Option<Record>, Error> {
        read(&self.verdicts, id, "verifier.verdicts")
    }

    pub(crate) fn claims(&self, id: &str) -> Result<Option<Holding>, Error> {
        let Some(row) = self.claims.get(id)?.map(Zeroizing::new) else {
            return Ok(None);
        };
        let unreadable = Error::Row {
            table: "verifier.claims",
        };
        Holding::read(&row).map(Some).ok_or(unreadable)
    }

    /// The signed statement that what was shown is erased.
    pub(crate) fn erasure(&self, id: &str) -> Result<Option<String>, Error> {
        text(self.erasures.get(id)?, "verifier.erasures")
    }

    /// Whether we ever gave out this nonce and still remember it.
    pub(crate) fn is_our_nonce(&self, nonce: &str) -> Result<bool, Error> {
        Ok(self.nonces.contains(&self.nonce_name(nonce))?)
    }

    fn nonce_name(&self, nonce: &str) -> [u8; 32] {
        self.store.keyed_hash(NONCE, nonce.as_bytes())
    }

    pub(crate) fn reach_id(&self, subject: &str) -> ReachId {
        self.store.keyed_hash(REACH, subject.as_bytes())
    }

    pub(crate) fn reach(&self, id: &ReachId) -> Result<Option<ReachRow>, Error> {
        read_row(self.reaches.get(id)?, "verifier.reaches")
    }

    /// When which reach goes, and those that are fresh.
    pub(crate) fn reaches_due(&self) -> Result<(Due, Vec<Fresh>), Error> {
        let (mut due, mut fresh) = (Due::new(), Vec::new());
        let mut is_whole = true;
        self.reaches.scan(&mut |_, id, row| {
            let row = serde_json::from_slice::<ReachRow>(row).ok();
            match (row, ReachId::try_from(id).ok()) {
                (Some(row), Some(id)) => {
                    is_whole &= due.insert((row.until, id));
                    fresh.extend(row.is_fresh.then_some((id, row.reach)));
                }
                _ => is_whole = false,
            }
            is_whole
        })?;
        match is_whole {
            true => Ok((due, fresh)),
            false => Err(Error::Row {
                table: "verifier.reaches",
            }),
        }
    }

    /// Keyed, so that what is hashed cannot be guessed from a copy of the table.
    pub(crate) fn keyed_hash(&self, label: &'static str, bytes: &[u8]) -> [u8; 32] {
        self.store.keyed_hash(label, bytes)
    }

    pub(crate) fn repeat(&self, name: &[u8; 32]) -> Result<Option<Repeated>, Error> {
        let Some(row) = self.repeats.get(name)? else {
            return Ok(None);
        };
        serde_json::from_slice(&row).map(Some).map_err(|_| Error::Row {
            table: "verifier.repeats",
        })
    }

    // --- writing ---

    /// Notes which session a system's request made; the commit fails when its key was used before.
    pub(crate) fn put_repeat(&self, tx: &mut Transaction, repeat: &Repeat, session: &str) -> Result<(), Error> {
        let row = row(
            &Repeated {
                session: session.to_owned(),
                content: repeat.content,
            },
            "verifier.repeats",
        )?;
        tx.require_absent(&self.repeats, &repeat.name)
            .put(&self.repeats, &repeat.name, &row);
        Ok(())
    }

    /// The key of the word before is destroyed by the next tick: a holder waits for the answer.
    pub(crate) fn put_reach(&self, tx: &mut Transaction, id: &ReachId, reach: &ReachRow) -> Result<(), Error> {
        let row = Zeroizing::new(row(reach, "verifier.reaches")?);
        tx.put_erasable(&self.reaches, id, &row).erase_later();
        Ok(())
    }

    pub(crate) fn delete_reach(&self, tx: &mut Transaction, id: &ReachId) {
        tx.delete(&self.reaches, id);
    }

    pub(crate) fn put_session(&self, tx: &mut Transaction, session: &Session) -> Result<(), Error> {
        let row = row(session, "verifier.sessions")?;
        tx.put(&self.sessions, &session.id, &row);
        Ok(())
    }

    /// Everything a new session needs to take an answer.
    pub(crate) fn put_new(
        &self,
        tx: &mut Transaction,
        session: &Session,
        request: &str,
        key: &[u8; 32],
        customer: &str,
    ) -> Result<(), Error> {
        // 128 random bits do not meet by chance: an equal name or nonce means that the random source is broken.
        let nonce = self.nonce_name(&session.nonce);
        tx.require_absent(&self.sessions, &session.id)
            .require_absent(&self.nonces, &nonce)
            .put(&self.nonces, &nonce, &[])
            .put(&self.requests, &session.id, request.as_bytes())
            .put_erasable(&self.keys, &session.id, key)
            .put_erasable(&self.customers, &session.id, customer.as_bytes());
        self.put_session(tx, session)
    }

    /// A verdict; the commit fails when the session's nonce was spent before.
    pub(crate) fn put_verdict(&self, tx: &mut Transaction, session: &Session, record: &Record) -> Result<(), Error> {
        let row = row(record, "verifier.verdicts")?;
        tx.put(&self.verdicts, &session.id, &row);
        self.spend(tx, session);
        Ok(())
    }

    /// The same verdict with something noted to it.
    pub(crate) fn put_noted(&self, tx: &mut Transaction, id: &str, record: &Record) -> Result<(), Error> {
        let row = row(record, "verifier.verdicts")?;
        tx.put(&self.verdicts, id, &row);
        Ok(())
    }

    /// Marks the session's nonce as used; the commit fails when it was used before.
    pub(crate) fn spend(&self, tx: &mut Transaction, session: &Session) {
        let nonce = self.nonce_name(&session.nonce);
        tx.require_absent(&self.spent, &nonce).put(&self.spent, &nonce, &[]);
    }

    pub(crate) fn put_claims(&self, tx: &mut Transaction, id: &str, holding: &Holding) -> Result<(), Error> {
        let row = Zeroizing::new(row(holding, "verifier.claims")?);
        tx.put_erasable(&self.claims, id, &row);
        Ok(())
    }

    pub(crate) fn put_erasure(&self, tx: &mut Transaction, id: &str, statement: &str) {
        tx.put(&self.erasures, id, statement.as_bytes());
    }

    pub(crate) fn delete_claims(&self, tx: &mut Transaction, id: &str) {
        tx.delete(&self.claims, id);
    }

    /// What only an open session needs. Their keys are destroyed by the next tick: a holder waits for the answer.
    pub(crate) fn delete_secrets(&self, tx: &mut Transaction, id: &str) {
        tx.delete(&self.keys, id).delete(&self.customers, id).erase_later();
    }

    /// Every row of a session.
    pub(crate) fn delete_all(&self, tx: &mut Transaction, session: &Session) {
        let nonce = self.nonce_name(&session.nonce);
        self.delete_secrets(tx, &session.id);
        self.delete_claims(tx, &session.id);
        tx.delete(&self.sessions, &session.id)
            .delete(&self.requests, &session.id)
            .delete(&self.verdicts, &session.id)
            .delete(&self.erasures, &session.id)
            .delete(&self.nonces, &nonce)
            .delete(&self.spent, &nonce);
        if let Some(repeat) = &session.repeat {
            tx.delete(&self.repeats, repeat);
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
impl Tables {
    /// Every value of every table, as whoever has the passphrase reads them.
    pub(crate) fn values(&self) -> Vec<Vec<u8>> {
        let mut values = Vec::new();
        for table in self.all() {
            let mut take = |_: &[u8], _: &[u8], value: &[u8]| {
                values.push(value.to_vec());
                true
            };
            table.scan(&mut take).unwrap();
        }
        values
    }

    /// How the store is doing.
    pub(crate) fn health(&self) -> store::Health {
        self.store.health()
    }

    /// Rows of all tables.
    pub(crate) fn rows(&self) -> Result<u64, Error> {
        self.all()
            .into_iter()
            .try_fold(0, |rows, table| Ok(rows + table.len()?))
    }

    fn all(&self) -> [&Table; 11] {
        [
            &self.sessions,
            &self.requests,
            &self.keys,
            &self.customers,
            &self.verdicts,
            &self.claims,
            &self.erasures,
            &self.nonces,
            &self.spent,
            &self.repeats,
            &self.reaches,
        ]
    }

    /// Puts back what an ended session has lost.
    pub(crate) fn put_again(&self, tx: &mut Transaction, id: &str, key: &[u8; 32], customer: &str) {
        tx.put(&self.keys, id, key)
            .put(&self.customers, id, customer.as_bytes());
    }
}

/// Commits. That a key could not be destroyed at once stops nothing: the rows are gone, the store tries again with every commit,
/// and nobody states an erasure before ([`Tables::erasures_pending`]).
pub(crate) fn commit(tx: Transaction) -> Result<(), store::Error> {
    match tx.commit() {
        Ok(_) => Ok(()),
        Err(store::Error::ErasurePending { .. }) => {
            tracing::warn!("deleted, but a key is not destroyed yet");
            Ok(())
        }
        Err(error) => Err(error),
    }
}

/// What a failed commit means to whoever sent the answer: a nonce that is already spent is a replay.
pub(crate) fn spent_twice(error: store::Error) -> Refusal {
    match error {
        store::Error::Exists => credentials::Code::Replay.into(),
        other => other.into(),
    }
}

fn row<T: Serialize>(value: &T, table: &'static str) -> Result<Vec<u8>, Error> {
    serde_json::to_vec(value).map_err(|_| Error::Row { table })
}

fn read<T: DeserializeOwned>(rows: &Table, id: &str, table: &'static str) -> Result<Option<T>, Error> {
    read_row(rows.get(id)?, table)
}

fn read_row<T: DeserializeOwned>(row: Option<Vec<u8>>, table: &'static str) -> Result<Option<T>, Error> {
    let Some(row) = row.map(Zeroizing::new) else {
        return Ok(None);
    };
    serde_json::from_slice(&row).map(Some).map_err(|_| Error::Row { table })
}

fn text(row: Option<Vec<u8>>, table: &'static str) -> Result<Option<String>, Error> {
    row.map(|bytes| String::from_utf8(bytes).map_err(|_| Error::Row { table }))
        .transpose()
}
