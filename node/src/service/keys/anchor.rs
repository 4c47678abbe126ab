//! An anchor's keys: for the root, for the list, and, where this home signs heads, for the head. A key that was replaced stays,
//! because what replaces it is signed with both.

use super::{TABLE, missing, secret};
use crate::clock;
use crate::error::Failure;
use credentials::trust::{Class, Role};
use credentials::{Code, Did, Problem, SigningKey};
use serde::{Deserialize, Serialize};
use std::sync::{Arc, PoisonError, RwLock};
use store::{Store, Table, Transaction};

/// Most keys of one role that a home keeps, replaced ones included.
const KEYS_MAX: u32 = 64;
/// Row with who the anchor is and how many keys of each role there are.
const ANCHOR: &str = "anchor";

/// Who an anchor is. It stands in the store and not in the configuration: what was signed does not change by an edit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnchorName {
    /// Short name, the same in every version of the root.
    pub id: String,
    /// Name.
    pub name: String,
    /// Class.
    pub class: Class,
    /// organisasjonsnummer, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<String>,
}

#[derive(Clone, Serialize, Deserialize)]
struct Record {
    #[serde(flatten)]
    name: AnchorName,
    /// Numbers of keys made so far: root, list, head.
    made: [u32; 3],
}

/// A key of one role.
pub(crate) struct AnchorKey {
    pub(crate) role: Role,
    pub(crate) signer: Arc<SigningKey>,
}

/// An anchor's home's keys.
pub(crate) struct AnchorKeys {
    name: AnchorName,
    /// By role, the oldest first.
    keys: RwLock<Vec<Arc<AnchorKey>>>,
}

/// What an anchor tells the others about itself: public, carried as a file. A role without a key is left out: the home that signs
/// heads may be another than the one that signs roots and lists.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AnchorCard {
    /// `anchor-card/v1`
    pub schema: String,
    /// Short name.
    pub id: String,
    /// Name.
    pub name: String,
    /// Class.
    pub class: Class,
    /// organisasjonsnummer, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<String>,
    /// Its newest key of each role, as `did:key`.
    pub keys: CardKeys,
}

/// The keys of an anchor's card.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CardKeys {
    /// Sign roots.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub root: Vec<Did>,
    /// Sign lists.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub list: Vec<Did>,
    /// Sign heads.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub head: Vec<Did>,
}

impl AnchorCard {
    /// The form that this build writes and reads.
    pub const SCHEMA: &'static str = "anchor-card/v1";
}

fn place(role: Role) -> usize {
    match role {
        Role::Root => 0,
        Role::List => 1,
        Role::Head => 2,
    }
}

fn row(role: Role, number: u32) -> String {
    format!("anchor-{role}-{number}-key")
}

fn record(table: &Table) -> Result<Option<Record>, Failure> {
    let Some(bytes) = table.get(ANCHOR)? else {
        return Ok(None);
    };
    let record = serde_json::from_slice(&bytes).map_err(|e| Failure::because(Code::Damaged, e))?;
    Ok(Some(record))
}

fn put(table: &Table, transaction: &mut Transaction, record: &mut Record, role: Role) -> Result<AnchorKey, Failure> {
    let key = SigningKey::generate(&mut clock::System);
    let made = record.made.get_mut(place(role)).ok_or(Code::Internal)?;
    *made = made
        .checked_add(1)
        .filter(|made| *made <= KEYS_MAX)
        .ok_or(Code::TooLarge)?;
    transaction.put(table, row(role, *made).as_str(), &*key.to_bytes());
    let signer = Arc::new(key);
    Ok(AnchorKey { role, signer })
}

impl AnchorKeys {
    /// Makes the keys of an anchor, durably. Errors: `home_exists` where this home is an anchor already.
    pub(crate) fn create(store: &Store, name: AnchorName, roles: &[Role]) -> Result<AnchorKeys, Failure> {
        let table = store.table(TABLE);
        if record(&table)?.is_some() {
            return Err(Problem::new(Code::HomeExists, ANCHOR).into());
        }
        let mut made = Record { name, made: [0; 3] };
        let mut transaction = store.transaction();
        let mut keys = Vec::new();
        for role in roles {
            keys.push(Arc::new(put(&table, &mut transaction, &mut made, *role)?));
        }
        write(&table, &mut transaction, &made)?;
        transaction.commit()?;
        Ok(AnchorKeys {
            name: made.name,
            keys: RwLock::new(keys),
        })
    }

    /// Those of a home, if it is an anchor's.
    pub(crate) fn load(table: &Table) -> Result<Option<AnchorKeys>, Failure> {
        let Some(record) = record(table)? else {
            return Ok(None);
        };
        let mut keys = Vec::new();
        for role in Role::ALL {
            let made = record.made.get(place(role)).copied().unwrap_or_default();
            for number in 1..=made {
                let name = row(role, number);
                let key = secret(table, &name)?.ok_or_else(|| missing(&name))?;
                let signer = Arc::new(SigningKey::from_bytes(&key));
                keys.push(Arc::new(AnchorKey { role, signer }));
            }
        }
        Ok(Some(AnchorKeys {
            name: record.name,
            keys: RwLock::new(keys),
        }))
    }

    /// Makes the next key of a role, durably. It signs when a root names it.
    pub(crate) fn renew(&self, store: &Store, role: Role) -> Result<(), Failure> {
        let mut keys = self.keys.write().unwrap_or_else(PoisonError::into_inner);
        let table = store.table(TABLE);
        let mut made = record(&table)?.ok_or_else(|| missing(ANCHOR))?;
        let mut transaction = store.transaction();
        let key = put(&table, &mut transaction, &mut made, role)?;
        write(&table, &mut transaction, &made)?;
        transaction.commit()?;
        keys.push(Arc::new(key));
        Ok(())
    }

    /// Who it is.
    pub(crate) fn name(&self) -> &AnchorName {
        &self.name
    }

    /// Its keys of a role, the newest first.
    pub(crate) fn of(&self, role: Role) -> Vec<Arc<SigningKey>> {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        let of_role = keys.iter().rev().filter(|key| key.role == role);
        of_role.map(|key| key.signer.clone()).collect()
    }

    /// The public card.
    pub(crate) fn card(&self) -> AnchorCard {
        let newest = |role| {
            self.of(role)
                .first()
                .map(|key| Did::Key(key.verifying_key()))
                .into_iter()
                .collect()
        };
        AnchorCard {
            schema: AnchorCard::SCHEMA.to_owned(),
            id: self.name.id.clone(),
            name: self.name.name.clone(),
            class: self.name.class,
            number: self.name.number.clone(),
            keys: CardKeys {
                root: newest(Role::Root),
                list: newest(Role::List),
                head: newest(Role::Head),
            },
        }
    }
}

fn write(table: &Table, transaction: &mut Transaction, record: &Record) -> Result<(), Failure> {
    let bytes = serde_json::to_vec(record).map_err(|e| Failure::because(Code::Internal, e))?;
    transaction.put(table, ANCHOR, &bytes);
    Ok(())
}
