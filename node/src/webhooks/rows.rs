//! What is stored of webhooks, sealed as everything is.
//!
//! | table | row | goes |
//! |---|---|---|
//! | `webhook.endpoints` | address, kinds, how far its events were taken out of the outbox | when it is removed |
//! | `webhook.secrets` | what signs, under a key of its own | when it is removed |
//! | `webhook.waiting` | group: address; an event that is not delivered yet | with the receiver's 2xx, or when it is given up |
//! | `webhook.dead` | group: address; one that was given up | when it is put back, or makes room |

use crate::error::Failure;
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use credentials::{Code, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use store::{Key, Store, Table, Transaction};
use verifier::{Place, What};
use zeroize::Zeroizing;

/// Label under which names of deliveries are made.
const DELIVERY: &str = "bevis/webhook/delivery/1";

/// How an address stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Standing {
    /// Events are sent.
    Active,
    /// Its receiver answered 410: nothing is sent until somebody replays.
    Gone,
}

/// An address.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Endpoint {
    /// Name.
    pub id: String,
    /// Address.
    pub url: String,
    /// Kinds of events; empty = all.
    pub events: Vec<What>,
    /// When it was added.
    pub created: Timestamp,
    /// How it stands.
    pub standing: Standing,
    /// Up to which event the outbox was looked through.
    pub seen: Option<Place>,
}

/// An event on its way to one address. No claim is in it, as in no event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Delivery {
    /// `webhook-id`: the same each time.
    pub id: String,
    /// Kind.
    pub kind: String,
    /// Session or grant, whose events go out in their order.
    pub about: Option<String>,
    /// Body, as it is signed and sent.
    pub body: String,
    /// When it happened.
    pub at: Timestamp,
    /// How often it was tried.
    pub attempts: u32,
    /// When it is tried next.
    pub due: Timestamp,
    /// What was answered last.
    pub last: String,
}

/// Place of an event in the queue of an address; a gap stands before the event after it.
pub(super) fn which(id: &str, place: Place, is_event: bool) -> super::Which {
    let mut bytes = place.epoch.to_be_bytes().to_vec();
    bytes.extend(place.number.to_be_bytes());
    bytes.push(u8::from(is_event));
    (id.to_owned(), bytes)
}

pub(super) struct Tables {
    store: Store,
    endpoints: Table,
    secrets: Table,
    waiting: Table,
    dead: Table,
}

fn damaged(table: &str) -> Failure {
    Failure::because(Code::Damaged, format!("table webhook.{table}"))
}

fn row<T: Serialize>(value: &T) -> Result<Vec<u8>, Failure> {
    serde_json::to_vec(value).map_err(|e| Failure::because(Code::Internal, e))
}

impl Tables {
    pub(super) fn new(store: &Store) -> Tables {
        Tables {
            endpoints: store.table("webhook.endpoints"),
            secrets: store.table("webhook.secrets"),
            waiting: store.table("webhook.waiting"),
            dead: store.table("webhook.dead"),
            store: store.clone(),
        }
    }

    pub(super) fn endpoints(&self) -> Result<BTreeMap<String, Endpoint>, Failure> {
        let mut all = BTreeMap::new();
        let mut is_whole = true;
        self.endpoints.scan(&mut |_, _, row| {
            match serde_json::from_slice::<Endpoint>(row) {
                Ok(endpoint) => drop(all.insert(endpoint.id.clone(), endpoint)),
                Err(_) => is_whole = false,
            }
            is_whole
        })?;
        is_whole.then_some(all).ok_or_else(|| damaged("endpoints"))
    }

    pub(super) fn secret(&self, id: &str) -> Result<Zeroizing<Vec<u8>>, Failure> {
        let secret = self.secrets.get(id)?.map(Zeroizing::new);
        secret.ok_or_else(|| damaged("secrets"))
    }

    pub(super) fn deliveries(&self, are_dead: bool) -> Result<BTreeMap<super::Which, Delivery>, Failure> {
        let table = if are_dead { &self.dead } else { &self.waiting };
        let mut all = BTreeMap::new();
        let mut is_whole = true;
        table.scan(&mut |group, id, row| {
            match (std::str::from_utf8(group), serde_json::from_slice::<Delivery>(row)) {
                (Ok(group), Ok(delivery)) => drop(all.insert((group.to_owned(), id.to_vec()), delivery)),
                _ => is_whole = false,
            }
            is_whole
        })?;
        is_whole.then_some(all).ok_or_else(|| damaged("waiting"))
    }

    /// The name of a delivery: of what is sent where, so that it is the same after a restart.
    pub(super) fn delivery_name(&self, id: &str, place: Place, kind: &str) -> String {
        let of = format!("{id} {place} {kind}");
        let hash = self.store.keyed_hash(DELIVERY, of.as_bytes());
        format!(
            "msg_{}",
            BASE64_URL_SAFE_NO_PAD.encode(hash.first_chunk::<18>().unwrap_or(&[0; 18]))
        )
    }

    pub(super) fn put_new(&self, endpoint: &Endpoint, secret: &[u8]) -> Result<(), Failure> {
        let mut tx = self.store.transaction();
        tx.put_erasable(&self.secrets, &endpoint.id, secret);
        self.put_endpoint(&mut tx, endpoint)?;
        commit(tx)
    }

    fn put_endpoint(&self, tx: &mut Transaction, endpoint: &Endpoint) -> Result<(), Failure> {
        tx.put(&self.endpoints, &endpoint.id, &row(endpoint)?);
        Ok(())
    }

    pub(super) fn remove(&self, id: &str, waiting: &[super::Which], dead: &[super::Which]) -> Result<(), Failure> {
        let mut tx = self.store.transaction();
        tx.delete(&self.endpoints, id).delete(&self.secrets, id);
        for (group, place) in waiting {
            tx.delete(&self.waiting, Key::in_group(group.as_bytes(), place));
        }
        for (group, place) in dead {
            tx.delete(&self.dead, Key::in_group(group.as_bytes(), place));
        }
        commit(tx)
    }

    /// Events and how far the outbox was looked through, together.
    pub(super) fn put_all(&self, endpoint: &Endpoint, rows: &[(super::Which, Delivery)]) -> Result<(), Failure> {
        let mut tx = self.store.transaction();
        self.put_endpoint(&mut tx, endpoint)?;
        for ((group, place), delivery) in rows {
            tx.put(&self.waiting, Key::in_group(group.as_bytes(), place), &row(delivery)?);
        }
        commit(tx)
    }

    pub(super) fn put_waiting(&self, (group, place): &super::Which, delivery: &Delivery) -> Result<(), Failure> {
        let mut tx = self.store.transaction();
        tx.put(&self.waiting, Key::in_group(group.as_bytes(), place), &row(delivery)?);
        commit(tx)
    }

    pub(super) fn done(&self, (group, place): &super::Which) -> Result<(), Failure> {
        let mut tx = self.store.transaction();
        tx.delete(&self.waiting, Key::in_group(group.as_bytes(), place));
        commit(tx)
    }

    pub(super) fn give_up(
        &self,
        endpoint: Option<&Endpoint>,
        all: &[(super::Which, Delivery)],
        out: &[super::Which],
    ) -> Result<(), Failure> {
        let mut tx = self.store.transaction();
        if let Some(endpoint) = endpoint {
            self.put_endpoint(&mut tx, endpoint)?;
        }
        for (group, place) in out {
            tx.delete(&self.dead, Key::in_group(group.as_bytes(), place));
        }
        for ((group, place), delivery) in all {
            let key = || Key::in_group(group.as_bytes(), place);
            tx.delete(&self.waiting, key()).put(&self.dead, key(), &row(delivery)?);
        }
        commit(tx)
    }

    /// Puts back what was given up.
    pub(super) fn revive(&self, endpoint: &Endpoint, all: &[(super::Which, Delivery)]) -> Result<(), Failure> {
        let mut tx = self.store.transaction();
        self.put_endpoint(&mut tx, endpoint)?;
        for ((group, place), delivery) in all {
            let key = || Key::in_group(group.as_bytes(), place);
            tx.delete(&self.dead, key()).put(&self.waiting, key(), &row(delivery)?);
        }
        commit(tx)
    }
}

fn commit(tx: Transaction) -> Result<(), Failure> {
    match tx.commit() {
        // The row is gone; its key is destroyed with the next commit.
        Ok(_) | Err(store::Error::ErasurePending { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
