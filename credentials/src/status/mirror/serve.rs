//! What a mirror gives to others: nothing that has to be believed because of who gives it.

use super::Mirror;
use super::issuer::{Held, Issuer};
use crate::protocol::status::{Ask, CHUNK, Reply};
use crate::{Code, Problem};

impl Mirror {
    /// Answers whoever mirrors, about any issuer that is mirrored here. `status_missing` for what is not at hand, and for what only an
    /// issuer can answer itself ([`Ask::Head`], [`Ask::Bitstring`]).
    ///
    /// States are packed at most once per content, however many ask.
    pub fn answer(&self, ask: &Ask) -> Reply {
        let answer = match ask {
            Ask::HeadOf { issuer } => self.issuers.get(issuer).and_then(|issuer| {
                let (head, digests) = issuer.texts()?;
                Some(Reply::News {
                    head: head.to_owned(),
                    digests,
                })
            }),
            Ask::Chunk { hash, offset } => self.held(hash).map(|held| {
                let packed = match held.packed.get() {
                    Some(packed) => packed,
                    None => match held.states.pack() {
                        Ok(packed) => held.packed.get_or_init(|| packed),
                        Err(problem) => return Reply::Problem(problem),
                    },
                };
                chunk(packed, *offset)
            }),
            Ask::Delta { issuer, uri, from, to } => self
                .issuers
                .get(issuer)
                .and_then(|issuer| issuer.listed(uri)?.held.as_ref())
                .and_then(|held| held.steps.between(from, to))
                .map(|changes| Reply::Delta {
                    changes: changes.to_bytes(),
                }),
            Ask::Head | Ask::Bitstring { .. } => None,
        };
        answer.unwrap_or_else(|| Reply::Problem(Code::StatusMissing.into()))
    }

    /// The content with this hash.
    fn held(&self, hash: &str) -> Option<&Held> {
        self.issuers
            .values()
            .flat_map(Issuer::all)
            .filter_map(|(_, listed)| listed.held.as_ref())
            .find(|held| held.hash == hash)
    }
}

/// A piece of a content: `malformed` when there is nothing from that byte on.
pub(super) fn chunk(content: &[u8], offset: u32) -> Reply {
    let from = usize::try_from(offset).unwrap_or(usize::MAX);
    match (u32::try_from(content.len()), content.get(from..)) {
        (Ok(total), Some(rest)) if !rest.is_empty() => Reply::Chunk {
            total,
            bytes: rest.iter().take(CHUNK).copied().collect(),
        },
        _ => Reply::Problem(Problem::new(Code::Malformed, "offset")),
    }
}
