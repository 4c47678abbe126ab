//! The operator's side of `/bevis/mailbox/1`: queues of sealed envelopes, kept until their owner has fetched and acknowledged them.
//!
//! This is the machine alone: no network and no clock; peers, time and randomness come in with each call. It knows a queue by its
//! owner's key and by the hash of the token that putting needs. It learns neither whose key it is nor what an envelope holds, and
//! writes down neither who created a queue nor who puts.
//!
//! - **Durable, then acknowledged.** [`Mailbox::answer`] takes what has come meanwhile together, and commits it at once; what could
//!   not be written is answered with `internal` and is as if it had not been asked.
//! - **At least once, in order.** Numbers of a queue rise by one. An envelope is kept once however often it is put, also when it was
//!   acknowledged meanwhile (the last [`REMEMBERED`] of a queue are known by their names), and is fetched until it is acknowledged.
//! - **Whoever has not the key or the token learns nothing.** No such queue, another's queue and a void token are one answer, `not_found`.
//! - **Everything ends.** Envelopes are dropped after [`ITEM_SECONDS`]; a queue whose owner has not come for [`IDLE_SECONDS`] ends
//!   with what is in it, however much is put.
//!
//! In memory are some hundred bytes a queue, and its place in the order in which things end. A home that is
//! restored from a backup shows again what was acknowledged since, and has lost what was put since: that is why a relation has two
//! operators.

mod asks;
mod draft;
mod pace;
mod queue;
mod tables;

use crate::error::Failure;
use credentials::mailbox::{self, Act};
use credentials::protocol::mailbox::{Ask, Reply};
use credentials::time::DAY;
use credentials::{Code, Did, Problem, Random, Timestamp};
use draft::{Draft, Undo};
use pace::Pace;
use queue::{Id, Queue};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use store::Store;
use tables::{Item, Tables};

/// Most envelopes that wait in a queue.
pub const ITEMS_MAX: u64 = 200;
/// Most bytes of envelopes that wait in a queue.
pub const BYTES_MAX: u32 = 4 << 20;
/// How long an envelope waits, in seconds.
pub const ITEM_SECONDS: i64 = 30 * DAY;
/// How long a queue stands whose owner does not come, in seconds: longer than the year after which a grant reminds of itself.
pub const IDLE_SECONDS: i64 = 400 * DAY;
/// How many envelopes that are gone are still known by name in each queue, so that one that is put again is not kept again.
pub const REMEMBERED: u64 = 64;

/// Rows that one [`Mailbox::tick`] or one commit may change before it stops: some tens of milliseconds.
const ROWS: usize = 4096;
/// Bytes that are committed together; well below what a transaction may have.
const COMMIT_BYTES: usize = 8 << 20;

/// What one operator takes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most queues; each takes some hundred bytes of memory.
    pub queues: usize,
    /// Most bytes of envelopes in all queues.
    pub bytes: u64,
    /// Most queues that one stranger begins in a day (UTC).
    pub created_per_day: u32,
    /// Most bytes that one stranger puts in a day (UTC).
    pub put_per_day: u64,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            queues: 200_000,
            bytes: 16 << 30,
            created_per_day: 64,
            put_per_day: 64 << 20,
        }
    }
}

/// Who asks, as far as limits go. Nothing of it is written down.
#[derive(Clone, Copy)]
pub enum Peer<'a> {
    /// An organisation of the trust list: it has a name to lose, and relations with many.
    Listed,
    /// Anybody else, by what the caller counts as one: an address range, a PeerId.
    Stranger(&'a [u8]),
}

/// What [`Mailbox::answer`] gives.
#[derive(Debug, Default)]
pub struct Answers {
    /// One for each ask, in order; all that they say is durable.
    pub replies: Vec<Reply>,
    /// Why the store failed, for the log, where it did.
    pub failed: Option<Failure>,
}

/// What [`Mailbox::tick`] did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ticked {
    /// Envelopes that were dropped at their end.
    pub dropped: u64,
    /// Queues that ended.
    pub ended: u64,
    /// More is due: tick again soon.
    pub more: bool,
}

/// How much there is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Holding {
    /// Queues.
    pub queues: usize,
    /// Envelopes that wait.
    pub items: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// All queues of an operator.
pub struct Mailbox {
    tables: Arc<Tables>,
    operator: Did,
    limits: Limits,
    pace: Pace,
    queues: BTreeMap<Id, Queue>,
    /// When something in each queue ends next.
    due: BTreeSet<(Timestamp, Id)>,
    items: u64,
    bytes: u64,
}

/// Why an ask got no answer.
enum Refusal {
    Problem(Problem),
    Store(Failure),
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Refusal {
        Refusal::Problem(problem)
    }
}

impl From<Code> for Refusal {
    fn from(code: Code) -> Refusal {
        Refusal::Problem(code.into())
    }
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Refusal {
        Refusal::Store(failure)
    }
}

impl Mailbox {
    /// Reads what is kept; not the envelopes themselves.
    ///
    /// Errors: what the store says; `damaged` for a row that no mailbox wrote.
    pub fn open(store: &Store, operator: Did, limits: Limits) -> Result<Mailbox, Failure> {
        let tables = Arc::new(Tables::of(store));
        let queues = tables.queues()?;
        let mut mailbox = Mailbox {
            tables,
            operator,
            limits,
            pace: Pace::new(store.clone()),
            queues: BTreeMap::new(),
            due: BTreeSet::new(),
            items: 0,
            bytes: 0,
        };
        for (id, queue) in queues {
            mailbox.set(id, Some(queue));
        }
        Ok(mailbox)
    }

    /// How much there is.
    pub fn holding(&self) -> Holding {
        Holding {
            queues: self.queues.len(),
            items: self.items,
            bytes: self.bytes,
        }
    }

    /// When [`Mailbox::tick`] has something to do next.
    pub fn wake(&self) -> Option<Timestamp> {
        self.due.first().map(|(when, _)| *when)
    }

    /// Answers what has come, in its order; one commit for all that concerns different queues.
    pub fn answer(&mut self, asks: &[(Peer<'_>, Ask)], now: Timestamp, random: &mut dyn Random) -> Answers {
        let mut answers = Answers::default();
        let mut draft = Draft::new(&self.tables);
        for (peer, ask) in asks {
            if draft.weight() >= COMMIT_BYTES || draft.rows() >= ROWS || self.meets(&draft, ask, now) {
                self.commit(&mut draft, &mut answers);
            }
            let reply = match ask {
                Ask::Create { proof } => self.create(&mut draft, *peer, proof, now, random),
                Ask::Put { queue, token, envelope } => self.put(&mut draft, *peer, (queue, token), envelope, now),
                Ask::Fetch { queue, proof } => self.fetch(&mut draft, queue, proof, now),
                Ask::Acknowledge {
                    queue,
                    number,
                    id,
                    proof,
                } => self.acknowledge(&mut draft, queue, (*number, id), proof, now),
                Ask::Delete { queue, proof } => self.delete(&mut draft, queue, proof, now),
            };
            let reply = reply.unwrap_or_else(|refusal| match refusal {
                Refusal::Problem(problem) => Reply::Problem(problem),
                Refusal::Store(failure) => {
                    answers.failed = Some(failure);
                    Reply::Problem(Code::Internal.into())
                }
            });
            if !matches!(reply, Reply::Problem(_) | Reply::Waiting { .. }) {
                draft.rests_on_it(answers.replies.len());
            }
            answers.replies.push(reply);
        }
        self.commit(&mut draft, &mut answers);
        answers
    }

    /// Drops what is past its end; a bounded number of queues at a time.
    ///
    /// Errors: what the store says; nothing was dropped then.
    pub fn tick(&mut self, now: Timestamp) -> Result<Ticked, Failure> {
        let mut draft = Draft::new(&self.tables);
        let mut ticked = Ticked::default();
        if let Err(failure) = self.drop_due(&mut draft, &mut ticked, now) {
            self.undo(draft.discard());
            return Err(failure);
        }
        if let Err((error, undo)) = draft.commit() {
            self.undo(undo);
            return Err(error.into());
        }
        ticked.more = self.wake().is_some_and(|when| when <= now);
        Ok(ticked)
    }

    fn drop_due(&mut self, draft: &mut Draft, ticked: &mut Ticked, now: Timestamp) -> Result<(), Failure> {
        while draft.rows() < ROWS {
            let Some((_, id)) = self.due.first().copied().filter(|(when, _)| *when <= now) else {
                break;
            };
            let Some(queue) = self.queues.get(&id).copied() else {
                break;
            };
            if queue.ends() <= now {
                ticked.dropped = ticked.dropped.saturating_add(queue.waiting());
                ticked.ended = ticked.ended.saturating_add(1);
                self.end(draft, &id, queue)?;
                continue;
            }
            let mut to = queue.first;
            while to < queue.next && self.tables.item(&id, to)?.at.plus(ITEM_SECONDS) <= now {
                to = to.saturating_add(1);
            }
            ticked.dropped = ticked.dropped.saturating_add(to.saturating_sub(queue.first));
            self.advance(draft, &id, queue, to)?;
        }
        Ok(())
    }

    /// Whether an ask is about a queue that the draft changes: it must see that first.
    fn meets(&self, draft: &Draft, ask: &Ask, now: Timestamp) -> bool {
        if draft.rows() == 0 {
            return false;
        }
        match ask {
            Ask::Create { proof } => mailbox::check(proof, Act::Create, &self.operator, now).is_ok_and(|key| {
                let owner = key.to_bytes();
                let known = self.tables.queue_of(&owner).ok().flatten();
                draft.has_owner(&owner) || known.is_some_and(|id| draft.has(&id))
            }),
            Ask::Put { queue, .. }
            | Ask::Fetch { queue, .. }
            | Ask::Acknowledge { queue, .. }
            | Ask::Delete { queue, .. } => draft.has(queue),
        }
    }

    fn commit(&mut self, draft: &mut Draft, answers: &mut Answers) {
        let draft = std::mem::replace(draft, Draft::new(&self.tables));
        if let Err((error, undo)) = draft.commit() {
            for place in &undo.resting {
                if let Some(reply) = answers.replies.get_mut(*place) {
                    *reply = Reply::Problem(Code::Internal.into());
                }
            }
            self.undo(undo);
            answers.failed = Some(error.into());
        }
    }

    fn undo(&mut self, undo: Undo) {
        for (id, before) in undo.before {
            self.set(id, before);
        }
    }

    /// Puts a queue in place of what there was, and counts.
    fn set(&mut self, id: Id, queue: Option<Queue>) -> Option<Queue> {
        let before = match queue {
            Some(queue) => self.queues.insert(id, queue),
            None => self.queues.remove(&id),
        };
        if let Some(before) = before {
            self.due.remove(&(before.due(), id));
            self.items = self.items.saturating_sub(before.waiting());
            self.bytes = self.bytes.saturating_sub(before.bytes.into());
        }
        if let Some(queue) = queue {
            self.due.insert((queue.due(), id));
            self.items = self.items.saturating_add(queue.waiting());
            self.bytes = self.bytes.saturating_add(queue.bytes.into());
        }
        before
    }

    /// The same, and lets the draft undo it.
    fn change(&mut self, draft: &mut Draft, id: &Id, queue: Option<Queue>) {
        let before = self.set(*id, queue);
        draft.changes(*id, before);
    }

    /// Drops what waits before the number `to`, and forgets the names of what is long gone.
    fn advance(&mut self, draft: &mut Draft, id: &Id, queue: Queue, to: u64) -> Result<(), Failure> {
        let kept = queue.kept.max(to.saturating_sub(REMEMBERED));
        let mut dropped = 0u32;
        for number in queue.first..to {
            dropped = dropped.saturating_add(self.tables.item(id, number)?.length);
        }
        let forgotten: Vec<Item> = (queue.kept..kept)
            .map(|number| self.tables.item(id, number))
            .collect::<Result<_, _>>()?;
        let oldest = match to < queue.next {
            true => self.tables.item(id, to)?.at,
            false => queue.oldest,
        };
        for number in queue.first..to {
            draft.drop_body(id, number);
        }
        for (number, item) in (queue.kept..kept).zip(&forgotten) {
            draft.forget(id, number, item);
        }
        let queue = Queue {
            kept,
            first: to,
            bytes: queue.bytes.saturating_sub(dropped),
            oldest,
            ..queue
        };
        draft.queue(id, &queue);
        self.change(draft, id, Some(queue));
        Ok(())
    }

    /// Ends a queue with all that is in it.
    fn end(&mut self, draft: &mut Draft, id: &Id, queue: Queue) -> Result<(), Failure> {
        let items: Vec<Item> = (queue.kept..queue.next)
            .map(|number| self.tables.item(id, number))
            .collect::<Result<_, _>>()?;
        for (number, item) in (queue.kept..queue.next).zip(&items) {
            if number >= queue.first {
                draft.drop_body(id, number);
            }
            draft.forget(id, number, item);
        }
        draft.end(id, &queue);
        self.change(draft, id, None);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
