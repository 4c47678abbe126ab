//! What is written down of relations and letters, in CBOR.
//!
//! | table | key | value |
//! |---|---|---|
//! | `post-relations` | relation | keys, queues of ours, where the other is reached, numbers |
//! | `post-letters` | relation, number | a letter on its way; its name alone once every operator has it |
//! | `post-aside` | relation, number | a letter that came and cannot have its effect yet |

use crate::error::Failure;
use credentials::letter::Reach;
use credentials::{Code, Did, Timestamp, protocol};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use store::{Key, Store, Table};
use zeroize::{Zeroize, Zeroizing};

use super::Id;

/// How many letters may have come before one that is missing.
pub(super) const AHEAD_MAX: usize = 256;
/// Longest row: a letter and its frame.
const ROW_MAX: usize = 72 * 1024;

/// 32 secret bytes, wiped when dropped.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Secret(#[serde(with = "serde_bytes")] pub(super) [u8; 32]);

impl Drop for Secret {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// A queue of ours.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Own {
    pub(super) operator: Did,
    /// Key that the queue belongs to.
    pub(super) owner: Secret,
    /// Of a wallet: secret of the PeerId that it is fetched under.
    pub(super) peer: Secret,
    /// Its id and token, once it is made.
    pub(super) place: Option<(serde_bytes::ByteArray<16>, Secret)>,
    /// When that was.
    #[serde(default)]
    pub(super) made: Option<Timestamp>,
    /// Since when it is named to nobody any more.
    #[serde(default)]
    pub(super) left: Option<Timestamp>,
}

/// A relation.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct RelationRow {
    /// Of a wallet: the organisation.
    pub(super) with: Option<Did>,
    /// Seed of the key that letters to us are sealed to.
    pub(super) seed: Secret,
    /// Of a wallet: the key that signs its letters.
    pub(super) writer: Secret,
    pub(super) own: Vec<Own>,
    pub(super) theirs: Option<Reach>,
    /// Number of the next letter.
    pub(super) next: u64,
    /// Every letter up to this was taken.
    pub(super) taken: u64,
    /// Those beyond it that were.
    pub(super) ahead: BTreeSet<u64>,
    /// The other knows where we are reached now, or a letter that says so is written.
    pub(super) is_told: bool,
}

/// A letter.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct LetterRow {
    pub(super) at: Timestamp,
    /// SHA-256 of its content.
    #[serde(with = "serde_bytes")]
    pub(super) name: [u8; 32],
    /// Until every operator has it.
    pub(super) content: Option<serde_bytes::ByteBuf>,
    /// Operators that have it, or no queue for it where another has it.
    pub(super) done: BTreeSet<Did>,
}

/// A letter that was set aside.
#[derive(Serialize, Deserialize)]
pub(super) struct AsideRow {
    pub(super) at: Timestamp,
    pub(super) content: serde_bytes::ByteBuf,
}

/// The tables.
pub(super) struct Tables {
    store: Store,
    relations: Table,
    letters: Table,
    aside: Table,
}

impl Tables {
    pub(super) fn of(store: &Store) -> Tables {
        Tables {
            relations: store.table("post-relations"),
            letters: store.table("post-letters"),
            aside: store.table("post-aside"),
            store: store.clone(),
        }
    }

    pub(super) fn epoch(&self) -> u64 {
        u64::from(self.store.epoch())
    }

    /// All, and of an organisation those that are not told yet where it is reached.
    pub(super) fn relations(&self) -> Result<(BTreeSet<Id>, BTreeSet<Id>), Failure> {
        let (mut all, mut untold) = (BTreeSet::new(), BTreeSet::new());
        let mut is_sound = true;
        self.relations.scan(&mut |_, id, row| {
            match (Id::try_from(id), read::<RelationRow>(row)) {
                (Ok(id), Ok(row)) => {
                    all.insert(id);
                    if row.with.is_none() && row.theirs.is_some() && !row.is_told {
                        untold.insert(id);
                    }
                }
                _ => is_sound = false,
            }
            is_sound
        })?;
        is_sound
            .then_some((all, untold))
            .ok_or_else(|| damaged("post-relations"))
    }

    /// Relations with letters on their way.
    pub(super) fn pending(&self) -> Result<BTreeSet<Id>, Failure> {
        let mut all = BTreeSet::new();
        let mut is_sound = true;
        self.letters.scan(&mut |group, _, row| {
            match (Id::try_from(group), read::<LetterRow>(row)) {
                (Ok(id), Ok(letter)) => {
                    if letter.content.is_some() {
                        all.insert(id);
                    }
                }
                _ => is_sound = false,
            }
            is_sound
        })?;
        is_sound.then_some(all).ok_or_else(|| damaged("post-letters"))
    }

    pub(super) fn relation(&self, id: &Id) -> Result<Option<RelationRow>, Failure> {
        let row = self.relations.get(id)?.map(Zeroizing::new);
        row.map(|row| read(&row)).transpose()
    }

    pub(super) fn put(&self, id: &Id, row: &RelationRow) -> Result<(), Failure> {
        let mut transaction = self.store.transaction();
        transaction.put(&self.relations, id, &Zeroizing::new(protocol::encode(row)?));
        transaction.commit()?;
        Ok(())
    }

    /// The letters of a relation, by number.
    pub(super) fn letters(&self, id: &Id) -> Result<Vec<(u64, LetterRow)>, Failure> {
        numbered(self.letters.group(id)?, "post-letters")
    }

    /// Those of a relation that were set aside, by number.
    pub(super) fn aside(&self, id: &Id) -> Result<Vec<(u64, AsideRow)>, Failure> {
        numbered(self.aside.group(id)?, "post-aside")
    }

    /// Relations in which letters were set aside.
    pub(super) fn with_aside(&self) -> Result<BTreeSet<Id>, Failure> {
        let mut all = BTreeSet::new();
        let mut is_sound = true;
        self.aside.scan(&mut |group, _, _| {
            is_sound = Id::try_from(group).map(|id| all.insert(id)).is_ok();
            is_sound
        })?;
        is_sound.then_some(all).ok_or_else(|| damaged("post-aside"))
    }

    /// Sets a letter aside, with the relation by which it counts as taken.
    pub(super) fn add_aside(&self, id: &Id, row: &RelationRow, number: u64, aside: &AsideRow) -> Result<(), Failure> {
        let mut transaction = self.store.transaction();
        transaction.put(&self.relations, id, &Zeroizing::new(protocol::encode(row)?));
        let place = number.to_be_bytes();
        transaction.put(&self.aside, Key::in_group(id, &place), &protocol::encode(aside)?);
        transaction.commit()?;
        Ok(())
    }

    /// Drops letters on their way, and letters that were set aside.
    pub(super) fn drop_letters(&self, id: &Id, letters: &[u64], aside: &[u64]) -> Result<(), Failure> {
        let mut transaction = self.store.transaction();
        for (table, numbers) in [(&self.letters, letters), (&self.aside, aside)] {
            for number in numbers {
                transaction.delete(table, Key::in_group(id, &number.to_be_bytes()));
            }
        }
        transaction.commit()?;
        Ok(())
    }

    pub(super) fn letter(&self, id: &Id, number: u64) -> Result<Option<LetterRow>, Failure> {
        let row = self.letters.get(Key::in_group(id, &number.to_be_bytes()))?;
        row.map(|row| read(&row)).transpose()
    }

    pub(super) fn put_letter(&self, id: &Id, number: u64, letter: &LetterRow) -> Result<(), Failure> {
        let mut transaction = self.store.transaction();
        let place = number.to_be_bytes();
        transaction.put(&self.letters, Key::in_group(id, &place), &protocol::encode(letter)?);
        transaction.commit()?;
        Ok(())
    }

    /// Adds a letter with the number that the relation had next, and drops others.
    pub(super) fn add_letter(
        &self,
        id: &Id,
        row: &RelationRow,
        number: u64,
        letter: &LetterRow,
        gone: &[u64],
    ) -> Result<(), Failure> {
        let mut transaction = self.store.transaction();
        transaction.put(&self.relations, id, &Zeroizing::new(protocol::encode(row)?));
        for gone in gone {
            transaction.delete(&self.letters, Key::in_group(id, &gone.to_be_bytes()));
        }
        let place = number.to_be_bytes();
        transaction.put(&self.letters, Key::in_group(id, &place), &protocol::encode(letter)?);
        transaction.commit()?;
        Ok(())
    }
}

fn numbered<T: DeserializeOwned>(
    rows: impl IntoIterator<Item = (Vec<u8>, Vec<u8>)>,
    table: &'static str,
) -> Result<Vec<(u64, T)>, Failure> {
    let numbered = |(number, row): (Vec<u8>, Vec<u8>)| {
        let number = number.as_slice().try_into().map(u64::from_be_bytes);
        Ok((number.map_err(|_| damaged(table))?, read(&row)?))
    };
    rows.into_iter().map(numbered).collect()
}

fn read<T: DeserializeOwned>(row: &[u8]) -> Result<T, Failure> {
    protocol::decode(row, ROW_MAX).map_err(|problem| Failure::because(Code::Damaged, problem))
}

fn damaged(table: &'static str) -> Failure {
    Failure::because(Code::Damaged, table)
}
