//! What the register answers to whoever receives its notices.

use credentials::protocol::notice::{Ask, CHUNK, RANGE_BYTES, RANGE_MAX, Reply};
use credentials::{Code, Did, Problem, Timestamp, notice};

use crate::{Error, Issuer};

impl Issuer {
    /// Answers a peer. `asker` is the organisation that its `hello` proved; only `Evaluate` needs one.
    pub fn receive_notice(&mut self, now: Timestamp, asker: Option<&Did>, ask: Ask) -> Reply {
        match self.answer_notice(now, asker, ask) {
            Ok(reply) => reply,
            Err(error) => Reply::Problem(self.failed(error)),
        }
    }

    fn answer_notice(&mut self, now: Timestamp, asker: Option<&Did>, ask: Ask) -> Result<Reply, Error> {
        let is_ours = |register: &str| {
            if register == self.settings.did.to_string() {
                Ok(())
            } else {
                Err(Error::from(Code::NotFound))
            }
        };
        match ask {
            Ask::Newest { register } => {
                is_ours(&register)?;
                Ok(Reply::Newest {
                    notice: self.notice(self.notices.newest.number)?,
                    checkpoint: self.published_checkpoint()?.map(|checkpoint| checkpoint.text),
                })
            }
            Ask::Range { register, from, count } => {
                is_ours(&register)?;
                let mut notices = Vec::new();
                let mut room = RANGE_BYTES;
                for number in (from..=self.notices.newest.number).take(usize::from(count.min(RANGE_MAX))) {
                    let Some(text) = self.notice(number)?.filter(|text| text.len() <= room) else {
                        break;
                    };
                    room = room.saturating_sub(text.len());
                    notices.push(text);
                }
                Ok(Reply::Range { notices })
            }
            Ask::State { register, hash, offset } => {
                is_ours(&register)?;
                self.piece_of_state(&hash, offset)
            }
            Ask::Keys { register } => {
                is_ours(&register)?;
                Ok(Reply::Keys {
                    statements: self.tag_key_statements()?,
                })
            }
            Ask::Evaluate { key, elements } => self.evaluate(now, asker, &key, &elements),
        }
    }

    fn piece_of_state(&self, hash: &str, offset: u32) -> Result<Reply, Error> {
        let published = self.published_checkpoint()?.map(|checkpoint| checkpoint.state_name());
        for id in self.notices.list_ids()? {
            let named: Option<[u8; 32]> = id.as_slice().try_into().ok();
            let is_named = named.is_some_and(|id| notice::hash_name(&id) == hash);
            // A list that no published checkpoint names is nobody's business yet.
            if !is_named || published.is_none() {
                continue;
            }
            let state = self.notices.tables.lists.table.get(&id)?.unwrap_or_default();
            let rest = state.get(offset as usize..).filter(|rest| !rest.is_empty());
            let rest = rest.ok_or_else(|| Problem::new(Code::Malformed, "offset"))?;
            return Ok(Reply::State {
                total: u32::try_from(state.len()).map_err(|_| Code::TooLarge)?,
                bytes: rest.iter().take(CHUNK).copied().collect(),
            });
        }
        Err(Code::NotFound.into())
    }
}
