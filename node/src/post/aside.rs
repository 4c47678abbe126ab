//! Letters that came and cannot have their effect yet: they lie here, so that what is behind them in a queue is not held up.

use super::{Id, LETTER_SECONDS, Post};
use crate::error::Failure;
use credentials::Timestamp;
use credentials::letter::Letter;
use serde_bytes::ByteBuf;

use super::rows::AsideRow;

/// Most letters of a relation that are set aside, of at most 61 KiB each; more stay in the queue.
pub const ASIDE_MAX: usize = 16;

impl Post {
    /// Sets a letter aside; from now on it counts as taken. False where there are too many.
    pub fn set_aside(&mut self, id: &Id, number: u64, letter: &Letter, now: Timestamp) -> Result<bool, Failure> {
        if self.tables.aside(id)?.len() >= ASIDE_MAX {
            return Ok(false);
        }
        let mut row = self.row(id)?;
        row.take(number);
        let content = ByteBuf::from(letter.encode()?);
        self.tables
            .add_aside(id, &row, number, &AsideRow { at: now, content })?;
        self.aside.insert(*id);
        Ok(true)
    }

    /// Whether any is.
    pub fn has_aside(&self, id: &Id) -> bool {
        self.aside.contains(id)
    }

    /// Those that are, by number.
    pub fn aside(&self, id: &Id) -> Result<Vec<(u64, Letter)>, Failure> {
        if !self.has_aside(id) {
            return Ok(Vec::new());
        }
        let rows = self.tables.aside(id)?.into_iter();
        rows.map(|(number, row)| Ok((number, Letter::decode(&row.content)?)))
            .collect()
    }

    /// One that was has had its effect, or never can.
    pub fn drop_aside(&mut self, id: &Id, number: u64) -> Result<(), Failure> {
        self.tables.drop_letters(id, &[], &[number])?;
        if self.tables.aside(id)?.is_empty() {
            self.aside.remove(id);
        }
        Ok(())
    }

    /// Drops what is older than [`LETTER_SECONDS`]: letters that nobody keeps any more, delivered or not, and those set aside. How many.
    pub fn sweep(&mut self, id: &Id, now: Timestamp) -> Result<usize, Failure> {
        let is_over = |at: Timestamp| at.plus(LETTER_SECONDS) <= now;
        let letters = self.tables.letters(id)?.into_iter();
        let letters: Vec<u64> = letters
            .filter(|(_, row)| is_over(row.at))
            .map(|(number, _)| number)
            .collect();
        let mut aside = Vec::new();
        if self.has_aside(id) {
            let rows = self.tables.aside(id)?.into_iter();
            aside.extend(rows.filter(|(_, row)| is_over(row.at)).map(|(number, _)| number));
        }
        let count = letters.len().saturating_add(aside.len());
        if count > 0 {
            self.tables.drop_letters(id, &letters, &aside)?;
            if self.has_aside(id) && self.tables.aside(id)?.is_empty() {
                self.aside.remove(id);
            }
        }
        Ok(count)
    }
}
