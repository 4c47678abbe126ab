//! An organisation's signing keys: one after the other, each with its window. The newest that the trust list in force names
//! and whose window is open signs.

use super::{TABLE, missing, secret};
use crate::clock;
use crate::config;
use crate::error::Failure;
use crate::network::PeerName;
use credentials::time::DAY;
use credentials::trust::{self, KEYS_MAX, NodeEntry, OrganisationKey, Trust};
use credentials::{Code, Did, Problem, SigningKey, Timestamp};
use serde::{Deserialize, Serialize};
use std::sync::{Arc, PoisonError, RwLock};
use store::{Store, Table, Transaction};

/// Validity of an organisation's key: a year, in seconds.
const KEY_SECONDS: i64 = 366 * DAY;

/// Row with the numbers of the keys that there are; missing where there is the first alone.
const NUMBERS: &str = "organisation-keys";

/// A key of our own.
pub(crate) struct OwnKey {
    number: u32,
    /// `key-1`
    pub(crate) name: String,
    pub(crate) signer: Arc<SigningKey>,
    pub(crate) valid_from: Timestamp,
    pub(crate) valid_until: Timestamp,
}

/// An organisation's names and keys.
pub(crate) struct Organisation {
    pub(crate) did: Did,
    pub(crate) number: String,
    pub(crate) name: String,
    pub(crate) peer: PeerName,
    /// Never empty; the oldest first.
    keys: RwLock<Vec<Arc<OwnKey>>>,
    signing: RwLock<Arc<OwnKey>>,
}

#[derive(Serialize, Deserialize)]
struct Window {
    from: Timestamp,
    until: Timestamp,
}

/// What an organisation's node tells the anchors about itself: public, carried as a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Card {
    /// `card/v2`
    pub schema: String,
    /// DID.
    pub did: Did,
    /// organisasjonsnummer
    pub number: String,
    /// Registered name.
    pub name: String,
    /// Its signing keys, the oldest first.
    pub keys: Vec<CardKey>,
    /// PeerId.
    pub peer: String,
    /// Where it listens; empty while it does not run.
    pub addresses: Vec<String>,
}

/// A signing key on a card.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CardKey {
    /// `did:web:…#key-1`
    pub kid: String,
    /// The key as `did:key`.
    pub key: Did,
    /// The key's window.
    pub valid_from: Timestamp,
    /// The key's window.
    pub valid_until: Timestamp,
}

impl Card {
    /// The form that this build writes and reads.
    pub const SCHEMA: &'static str = "card/v2";

    /// The number after the highest of its keys (`too_large`).
    pub fn next_number(&self) -> Result<u32, Problem> {
        let prefix = format!("{}#key-", self.did);
        let numbers = self.keys.iter().map(|key| key.kid.strip_prefix(&prefix)?.parse().ok());
        let highest: Option<u32> = numbers.max().flatten();
        highest.unwrap_or(0).checked_add(1).ok_or_else(|| Code::TooLarge.into())
    }

    /// The entry that a trust list gets from it, which issues nothing and asks for nothing yet.
    ///
    /// Errors: `unsupported` for a card of another form, `malformed` without keys or with one that is none.
    pub fn entry(self) -> Result<trust::Organisation, Problem> {
        if self.schema != Card::SCHEMA {
            return Err(Problem::new(Code::Unsupported, "card"));
        }
        let listed = |key: CardKey| {
            Some(OrganisationKey {
                id: key.kid,
                key: key.key.key()?,
                valid_from: key.valid_from,
                valid_until: key.valid_until,
                compromised: None,
            })
        };
        let keys: Option<Vec<_>> = self.keys.into_iter().map(listed).collect();
        let keys = keys.filter(|keys| !keys.is_empty());
        Ok(trust::Organisation {
            did: self.did,
            number: self.number,
            name: self.name,
            keys: keys.ok_or_else(|| Problem::new(Code::Malformed, "card.keys"))?,
            nodes: vec![NodeEntry {
                peer: self.peer,
                addresses: self.addresses,
            }],
            issues: Vec::new(),
            services: Vec::new(),
        })
    }

    /// Adds the keys of another home of the same organisation: how many were not there.
    ///
    /// Errors: `wrong_recipient` for another organisation's, `unknown_key` where one name is two keys, `too_large`.
    pub fn join(&mut self, other: &Card) -> Result<usize, Problem> {
        if other.did != self.did || other.number != self.number {
            return Err(Problem::new(Code::WrongRecipient, "card"));
        }
        let before = self.keys.len();
        for key in &other.keys {
            match self.keys.iter().find(|known| known.kid == key.kid) {
                None => self.keys.push(key.clone()),
                Some(known) if known.key == key.key => {}
                Some(_) => return Err(Problem::new(Code::UnknownKey, key.kid.as_str())),
            }
        }
        if self.keys.len() > KEYS_MAX {
            return Err(Problem::new(Code::TooLarge, "keys"));
        }
        Ok(self.keys.len().saturating_sub(before))
    }
}

/// What a key and its window are called in the table. The first one's names are those from before there were several.
fn rows(number: u32) -> (String, String) {
    match number {
        1 => ("organisation-key".to_owned(), "organisation-key-window".to_owned()),
        n => (format!("organisation-{n}-key"), format!("organisation-{n}-key-window")),
    }
}

/// Makes the first key of a new home.
pub(super) fn first(table: &Table, transaction: &mut Transaction, number: u32, now: Timestamp) -> Result<(), Failure> {
    if number != 1 {
        let numbers = serde_json::to_vec(&[number]).map_err(|e| Failure::because(Code::Internal, e))?;
        transaction.put(table, NUMBERS, &numbers);
    }
    put(table, transaction, number, now.day()).map(drop)
}

fn put(table: &Table, transaction: &mut Transaction, number: u32, from: Timestamp) -> Result<OwnKey, Failure> {
    let key = SigningKey::generate(&mut clock::System);
    let window = Window {
        from,
        until: from.plus(KEY_SECONDS),
    };
    let bytes = serde_json::to_vec(&window).map_err(|e| Failure::because(Code::Internal, e))?;
    let (secret, row) = rows(number);
    transaction.put(table, secret.as_str(), &*key.to_bytes());
    transaction.put(table, row.as_str(), &bytes);
    Ok(OwnKey {
        number,
        name: format!("key-{number}"),
        signer: Arc::new(key),
        valid_from: window.from,
        valid_until: window.until,
    })
}

impl Organisation {
    pub(super) fn load(table: &Table, named: &config::Organisation, peer: PeerName) -> Result<Organisation, Failure> {
        let numbers: Vec<u32> = match table.get(NUMBERS)? {
            Some(bytes) => serde_json::from_slice(&bytes).map_err(|_| missing(NUMBERS))?,
            None => vec![1],
        };
        let mut keys = Vec::new();
        for number in numbers {
            let (name, row) = rows(number);
            let key = secret(table, &name)?.ok_or_else(|| missing(&name))?;
            let window = table.get(row.as_str())?.ok_or_else(|| missing(&row))?;
            let window: Window = serde_json::from_slice(&window).map_err(|_| missing(&row))?;
            keys.push(Arc::new(OwnKey {
                number,
                name: format!("key-{number}"),
                signer: Arc::new(SigningKey::from_bytes(&key)),
                valid_from: window.from,
                valid_until: window.until,
            }));
        }
        // Before a list says which, the oldest whose window is open: the one that was there when others were added.
        let signing = first_open(&keys, clock::now()).or_else(|| keys.last().cloned());
        Ok(Organisation {
            did: named.did.clone(),
            number: named.number.clone(),
            name: named.name.clone(),
            peer,
            signing: RwLock::new(signing.ok_or_else(|| missing("organisation-key"))?),
            keys: RwLock::new(keys),
        })
    }

    /// The key that signs now.
    pub(crate) fn signing(&self) -> Arc<OwnKey> {
        self.signing.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Every key, the oldest first.
    pub(crate) fn keys(&self) -> Vec<Arc<OwnKey>> {
        self.keys.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What a key is called in the trust list.
    pub(crate) fn kid(&self, key: &OwnKey) -> String {
        format!("{}#{}", self.did, key.name)
    }

    /// Chooses the key that signs: the newest that the list in force names, with our key under that name, whose window is open
    /// in the list, and that is not compromised. The new one when it is another than before. Where the list names none, the key
    /// stays: nothing that is signed by it counts, and `doctor` says so.
    pub(crate) fn choose(&self, trust: &Trust, now: Timestamp) -> Option<Arc<OwnKey>> {
        let listed = trust.organisation(&self.did)?;
        let is_open = |own: &&Arc<OwnKey>| {
            listed
                .key_at(&self.kid(own), now)
                .is_ok_and(|key| *key == own.signer.verifying_key())
        };
        let keys = self.keys();
        let newest = keys.iter().rev().find(is_open)?.clone();
        let mut signing = self.signing.write().unwrap_or_else(PoisonError::into_inner);
        if signing.name == newest.name {
            return None;
        }
        *signing = newest.clone();
        Some(newest)
    }

    /// Makes the next key, durably, to sign from an instant on once a list names it. Its number is above every one that we or the
    /// list ever used, so that a home from a backup gives no second key an old name. Errors: `too_large` when there are as many
    /// as a list may name.
    pub(crate) fn rotate(&self, store: &Store, from: Timestamp, trust: Option<&Trust>) -> Result<Arc<OwnKey>, Failure> {
        let mut keys = self.keys.write().unwrap_or_else(PoisonError::into_inner);
        if keys.len() >= KEYS_MAX {
            return Err(Problem::new(Code::TooLarge, "keys").into());
        }
        let prefix = format!("{}#key-", self.did);
        let listed = trust.and_then(|trust| trust.organisation(&self.did));
        let listed = listed.into_iter().flat_map(|organisation| &organisation.keys);
        let highest = listed
            .filter_map(|key| key.id.strip_prefix(&prefix)?.parse().ok())
            .chain(keys.iter().map(|key| key.number))
            .max();
        let number = highest.unwrap_or(0).checked_add(1).ok_or(Code::TooLarge)?;
        let numbers: Vec<u32> = keys.iter().map(|key| key.number).chain([number]).collect();
        let numbers = serde_json::to_vec(&numbers).map_err(|e| Failure::because(Code::Internal, e))?;
        let table = store.table(TABLE);
        let mut transaction = store.transaction();
        let key = Arc::new(put(&table, &mut transaction, number, from)?);
        transaction.put(&table, NUMBERS, &numbers);
        transaction.commit()?;
        keys.push(key.clone());
        Ok(key)
    }

    /// The public card, with the addresses at which the node listens.
    pub(crate) fn card(&self, addresses: Vec<String>) -> Card {
        let keys = self.keys();
        Card {
            schema: Card::SCHEMA.to_owned(),
            did: self.did.clone(),
            number: self.number.clone(),
            name: self.name.clone(),
            keys: keys
                .iter()
                .map(|key| CardKey {
                    kid: self.kid(key),
                    key: Did::Key(key.signer.verifying_key()),
                    valid_from: key.valid_from,
                    valid_until: key.valid_until,
                })
                .collect(),
            peer: self.peer.to_string(),
            addresses,
        }
    }

    /// Under which URIs this organisation's status lists are known: names, not places to fetch from.
    pub(crate) fn status_base(&self) -> String {
        match &self.did {
            Did::Web(domain) => format!("https://{domain}/status/"),
            other => format!("urn:bevis:status:{other}:"),
        }
    }
}

fn first_open(keys: &[Arc<OwnKey>], now: Timestamp) -> Option<Arc<OwnKey>> {
    let open = keys.iter().find(|key| key.valid_from <= now && now <= key.valid_until);
    open.cloned()
}
