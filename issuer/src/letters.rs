//! Letters to holders whose wallet said where it is reached: how a grant was used, and what became of a credential.
//!
//! A wallet says so inside the encrypted answer by which its holder is identified; the newest word of a holder counts. A letter becomes
//! durable with what it tells of, and waits until the node has taken it over.

use credentials::Timestamp;
use credentials::letter::{Change, Letter, Reach};
use credentials::status::State;
use serde::{Deserialize, Serialize};

use crate::staged::Staged;
use crate::tables::Tables;
use crate::{Error, Issuer};

/// Most letters that are handed over at once: some milliseconds in which nobody is answered.
const LETTERS_AT_ONCE: usize = 64;

/// What is remembered of letters while the issuer is open.
#[derive(Default)]
pub(crate) struct Letters {
    /// Number of the first that may wait, and of the next.
    first: u64,
    next: u64,
    /// How many holders said where they are reached.
    reaches: u64,
}

/// A letter that waits.
#[derive(Serialize, Deserialize)]
pub(crate) struct LetterRecord {
    pub(crate) holder: String,
    /// None: the holder has just said where it is reached, and is to be told where we are.
    pub(crate) letter: Option<Letter>,
}

impl Letters {
    pub(crate) fn open(tables: &Tables) -> Result<Letters, Error> {
        let (mut first, mut next) = (u64::MAX, 0u64);
        tables.letters.table.scan(&mut |_, id, _| {
            let number = id.try_into().map_or(0, u64::from_be_bytes);
            first = first.min(number);
            next = next.max(number.saturating_add(1));
            true
        })?;
        Ok(Letters {
            first: first.min(next),
            next,
            reaches: tables.reaches.table.len()?,
        })
    }
}

/// What a holder is told of a new state.
fn change(state: State) -> Change {
    match state {
        State::Valid => Change::Reinstated,
        State::Revoked => Change::Revoked,
        State::Suspended => Change::Suspended,
        State::Superseded => Change::Renewed,
    }
}

impl Staged {
    /// Tells a holder what became of a credential, and when; of several of one type once.
    pub(crate) fn tell_state(&mut self, at: Timestamp, holder: &str, vct: &str, state: State) {
        let letter = Letter::Changed {
            vct: vct.to_owned(),
            change: change(state),
            at,
        };
        let is_told = self
            .letters
            .iter()
            .rev()
            .take(64)
            .any(|(to, known)| to == holder && known.as_ref() == Some(&letter));
        if !is_told {
            self.letters.push((holder.to_owned(), Some(letter)));
        }
    }
}

impl Issuer {
    /// Takes where a holder is reached, with the step that identified them.
    pub(crate) fn put_reach(&mut self, staged: &mut Staged, holder: &str, reach: Option<&Reach>) -> Result<(), Error> {
        let Some(reach) = reach else { return Ok(()) };
        let record = self.tables.reaches.encode(reach)?;
        staged.transaction.put(&self.tables.reaches.table, holder, &record);
        staged.letters.push((holder.to_owned(), None));
        staged.is_reached = true;
        Ok(())
    }

    /// Puts the letters of a step into its transaction; how many there are.
    pub(crate) fn put_letters(&self, staged: &mut Staged) -> Result<u64, Error> {
        let mut count = 0u64;
        if self.letters.reaches == 0 && !staged.is_reached {
            return Ok(count);
        }
        for (holder, letter) in std::mem::take(&mut staged.letters) {
            if letter.is_some() && self.tables.reaches.table.get(&holder)?.is_none() {
                continue;
            }
            let number = self.letters.next.saturating_add(count).to_be_bytes();
            let record = self.tables.letters.encode(&LetterRecord { holder, letter })?;
            staged.transaction.put(&self.tables.letters.table, &number, &record);
            count = count.saturating_add(1);
        }
        Ok(count)
    }

    /// What a step did is done.
    pub(crate) fn note_letters(&mut self, count: u64, is_reached: bool) {
        self.letters.next = self.letters.next.saturating_add(count);
        // At least one: that it may be counted twice costs a look into a table.
        self.letters.reaches = self.letters.reaches.saturating_add(u64::from(is_reached));
    }

    /// Letters that wait, in order, at most 64: number, where to, what; nothing but an answer with our own reach to whoever has just
    /// said where it is reached. [`Issuer::letters_taken`] when they are durable elsewhere.
    pub fn letters(&self) -> Result<Vec<(u64, Reach, Option<Letter>)>, Error> {
        let mut letters = Vec::new();
        for number in self.letters.first..self.letters.next {
            if letters.len() >= LETTERS_AT_ONCE {
                break;
            }
            let Some(record) = self.tables.letters.read::<LetterRecord>(&number.to_be_bytes())? else {
                continue;
            };
            let reach = self.tables.reaches.read::<Reach>(&record.holder)?;
            let reach = reach.ok_or(Error::Unreadable {
                table: "issuer.reaches",
            })?;
            letters.push((number, reach, record.letter));
        }
        Ok(letters)
    }

    /// These letters, the first that waited, are durable elsewhere.
    pub fn letters_taken(&mut self, numbers: &[u64]) -> Result<(), Error> {
        let mut transaction = self.store.transaction();
        for number in numbers {
            transaction.delete(&self.tables.letters.table, &number.to_be_bytes());
        }
        transaction.commit()?;
        if let Some(last) = numbers.iter().max() {
            self.letters.first = self.letters.first.max(last.saturating_add(1));
        }
        Ok(())
    }

    /// Where the wallet that made a deposited grant is reached, and so where its withdrawal may wait: a person may have others. Where it
    /// did not say so with the grant, the newest word of the holder.
    pub fn reach_of_grant(&self, grant: &[u8; 32]) -> Result<Option<Reach>, Error> {
        let Some(record) = self.grant_record(grant)? else {
            return Ok(None);
        };
        match (record.reach, record.holder) {
            (Some(reach), _) => Ok(Some(reach)),
            (None, Some(holder)) => self.tables.reaches.read(&holder),
            (None, None) => Ok(None),
        }
    }
}
