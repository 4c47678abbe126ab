//! What owners and senders ask, one by one.

use super::draft::Draft;
use super::queue::{Id, Queue};
use super::tables::Item;
use super::{BYTES_MAX, ITEMS_MAX, Mailbox, Peer, Refusal};
use credentials::mailbox::{self, Act};
use credentials::protocol::mailbox::{FETCH_BYTES, FETCH_MAX, Reply, Waiting};
use credentials::{Code, Problem, Random, Timestamp, envelope, random};
use sha2::{Digest, Sha256};

impl Mailbox {
    pub(super) fn create(
        &mut self,
        draft: &mut Draft,
        peer: Peer<'_>,
        proof: &str,
        now: Timestamp,
        random: &mut dyn Random,
    ) -> Result<Reply, Refusal> {
        let owner = mailbox::check(proof, Act::Create, &self.operator, now)?.to_bytes();
        let token: [u8; 32] = random::bytes(random);
        let hash = Sha256::digest(token).into();
        let known = self.tables.queue_of(&owner)?;
        if let Some((queue, id)) = known.and_then(|id| Some((*self.queues.get(&id)?, id))) {
            let queue = Queue {
                token: hash,
                used: now.day(),
                ..queue
            };
            draft.queue(&id, &queue);
            self.change(draft, &id, Some(queue));
            return Ok(Reply::Created { queue: id, token });
        }
        if self.queues.len() >= self.limits.queues {
            return Err(Problem::new(Code::MailboxFull, "queues").into());
        }
        if let Peer::Stranger(name) = peer
            && !self.pace.creates(name, &self.limits, now)
        {
            return Err(Problem::new(Code::RateLimited, "queues").into());
        }
        let id: Id = random::bytes(random);
        if self.queues.contains_key(&id) {
            // Once in 2^64 operators, or a broken random source: nobody gets another's queue.
            return Err(Code::Internal.into());
        }
        let queue = Queue::begun(owner, hash, now);
        draft.queue(&id, &queue);
        draft.owner(&owner, &id);
        self.change(draft, &id, Some(queue));
        Ok(Reply::Created { queue: id, token })
    }

    pub(super) fn put(
        &mut self,
        draft: &mut Draft,
        peer: Peer<'_>,
        (id, token): (&Id, &[u8; 32]),
        body: &[u8],
        now: Timestamp,
    ) -> Result<Reply, Refusal> {
        if body.len() > envelope::BODY_MAX {
            return Err(Code::TooLarge.into());
        }
        let length = u32::try_from(body.len()).map_err(|_| Code::TooLarge)?;
        if !envelope::is_body(body.len()) {
            return Err(Problem::new(Code::Malformed, "envelope").into());
        }
        // Hashes are compared: how far a wrong token agrees says nothing about the right one.
        let hash: [u8; 32] = Sha256::digest(token).into();
        let queue = self.queues.get(id).filter(|queue| queue.token == hash);
        let queue = *queue.ok_or(Code::NotFound)?;
        let item = Item {
            at: now,
            id: envelope::id(body),
            length,
        };
        if self.tables.number_of(id, &item.id)?.is_some() {
            return Ok(Reply::Kept);
        }
        let bytes = queue.bytes.saturating_add(length);
        if queue.waiting() >= ITEMS_MAX || bytes > BYTES_MAX {
            return Err(Problem::new(Code::MailboxFull, "queue").into());
        }
        if self.bytes.saturating_add(length.into()) > self.limits.bytes {
            return Err(Problem::new(Code::MailboxFull, "bytes").into());
        }
        if let Peer::Stranger(name) = peer
            && !self.pace.puts(name, length, &self.limits, now)
        {
            return Err(Problem::new(Code::RateLimited, "bytes").into());
        }
        draft.item(id, queue.next, &item, body);
        let queue = Queue {
            next: queue.next.saturating_add(1),
            bytes,
            oldest: if queue.waiting() == 0 { now } else { queue.oldest },
            ..queue
        };
        self.change(draft, id, Some(queue));
        Ok(Reply::Kept)
    }

    pub(super) fn fetch(&mut self, draft: &mut Draft, id: &Id, proof: &str, now: Timestamp) -> Result<Reply, Refusal> {
        let queue = self.owned(id, proof, Act::Fetch(id), now)?;
        let mut envelopes = Vec::new();
        let mut bytes = 0usize;
        let mut number = queue.first;
        while number < queue.next && envelopes.len() < FETCH_MAX {
            let envelope = self.tables.body(id, number)?;
            bytes = bytes.saturating_add(envelope.len());
            if bytes > FETCH_BYTES && !envelopes.is_empty() {
                break;
            }
            envelopes.push(Waiting { number, envelope });
            number = number.saturating_add(1);
        }
        if queue.used < now.day() {
            let queue = Queue {
                used: now.day(),
                ..queue
            };
            draft.queue(id, &queue);
            self.change(draft, id, Some(queue));
        }
        let more = u32::try_from(queue.next.saturating_sub(number)).unwrap_or(u32::MAX);
        Ok(Reply::Waiting { envelopes, more })
    }

    pub(super) fn acknowledge(
        &mut self,
        draft: &mut Draft,
        id: &Id,
        (number, last): (u64, &[u8; 32]),
        proof: &str,
        now: Timestamp,
    ) -> Result<Reply, Refusal> {
        let act = Act::Acknowledge {
            queue: id,
            number,
            id: last,
        };
        let queue = self.owned(id, proof, act, now)?;
        if number < queue.kept {
            // Gone for so long that its name is forgotten: what was asked for is done.
            return Ok(Reply::Acknowledged);
        }
        if self.tables.number_of(id, last)? != Some(number) {
            return Err(Problem::new(Code::NotFound, "envelope").into());
        }
        if number >= queue.first {
            self.advance(draft, id, queue, number.saturating_add(1))?;
        }
        Ok(Reply::Acknowledged)
    }

    pub(super) fn delete(&mut self, draft: &mut Draft, id: &Id, proof: &str, now: Timestamp) -> Result<Reply, Refusal> {
        let queue = self.owned(id, proof, Act::Delete(id), now)?;
        self.end(draft, id, queue)?;
        Ok(Reply::Deleted)
    }

    /// The queue, for its owner.
    fn owned(&self, id: &Id, proof: &str, act: Act<'_>, now: Timestamp) -> Result<Queue, Problem> {
        let key = mailbox::check(proof, act, &self.operator, now)?.to_bytes();
        let queue = self.queues.get(id).filter(|queue| queue.owner == key);
        queue.copied().ok_or_else(|| Code::NotFound.into())
    }
}
