//! What we answer to others about registers' notices: from what we hold, as the register would.

use super::Desk;
use crate::error::Refusal;
use crate::{Error, Verifier};
use credentials::notice::Checkpoint;
use credentials::protocol::notice::{Ask, CHUNK, RANGE_BYTES, RANGE_MAX, Reply};
use credentials::{Code, Problem};

impl Verifier {
    /// Answers an organisation from what we hold; only the register itself evaluates.
    pub fn answer_notice(&self, ask: &Ask) -> Reply {
        let answered = match ask {
            Ask::Newest { register } => self.notices.newest_held(register),
            Ask::Range { register, from, count } => self.notices.range_held(register, *from, *count),
            Ask::State { register, hash, offset } => self.notices.state_held(register, hash, *offset),
            Ask::Keys { .. } | Ask::Evaluate { .. } => Err(Code::WrongRole.into()),
        };
        answered.unwrap_or_else(|refusal| Reply::Problem(refusal.problem("notice answer")))
    }
}

impl Desk {
    /// The newest signed notice here, waiting ones included: a restored register learns from it which numbers are used.
    fn newest_held(&self, register: &str) -> Result<Reply, Refusal> {
        let stream = self.streams.get(register).ok_or(Code::NotFound)?;
        let waiting = self.waiting.get(register).and_then(|numbers| numbers.last());
        let notice = match waiting {
            Some(number) => {
                let id = number.to_be_bytes();
                self.tables
                    .waiting
                    .read(store::Key::in_group(register.as_bytes(), &id))?
            }
            None => self
                .record(register, stream.next.saturating_sub(1))?
                .map(|record| record.text),
        };
        Ok(Reply::Newest {
            notice,
            checkpoint: self.tables.checkpoints.read(register)?,
        })
    }

    fn range_held(&self, register: &str, from: u64, count: u16) -> Result<Reply, Refusal> {
        let mut room = RANGE_BYTES;
        let mut notices = Vec::new();
        for number in (from..=u64::MAX).take(usize::from(count.min(RANGE_MAX))) {
            let record = self.record(register, number)?;
            let Some(text) = record.map(|record| record.text).filter(|text| text.len() <= room) else {
                break;
            };
            room = room.saturating_sub(text.len());
            notices.push(text);
        }
        Ok(Reply::Range { notices })
    }

    fn state_held(&self, register: &str, hash: &str, offset: u32) -> Result<Reply, Refusal> {
        let checkpoint: Option<String> = self.tables.checkpoints.read(register)?;
        let checkpoint = checkpoint.map(|text| Checkpoint::parse(&text)).transpose()?;
        checkpoint
            .filter(|checkpoint| checkpoint.state_name() == hash)
            .ok_or(Code::NotFound)?;
        let state = self.tables.states.table.get(register)?.unwrap_or_default();
        let rest = state.get(offset as usize..).filter(|rest| !rest.is_empty());
        let rest = rest.ok_or_else(|| Problem::new(Code::Malformed, "offset"))?;
        Ok(Reply::State {
            total: u32::try_from(state.len()).map_err(|_| Error::Row {
                table: "verifier.notice-states",
            })?,
            bytes: rest.iter().take(CHUNK).copied().collect(),
        })
    }
}
