//! Our own queues are emptied, and what was in them is given to the role that it is for.
//!
//! How often: a wallet's queues every minute while it runs, an organisation's every ten, both at once after a start; and a
//! customer's who was asked for something sooner, the shorter ago the sooner: an organisation that nobody can dial hears of a
//! yes by its mailbox alone.

use super::super::versions::jittered;
use super::super::{Service, lock};
use super::{AT_ONCE, LOOK, SHELVES};
use crate::clock;
use crate::error::Failure;
use crate::mailbox::ITEMS_MAX;
use crate::post::{self, Arrived, Errand, Id};
use credentials::envelope;
use credentials::grant::OpenedGrant;
use credentials::letter::Letter;
use credentials::protocol::mailbox::Reply;
use credentials::protocol::{consent, presentation};
use credentials::{Code, Did, Problem, Timestamp};
use futures::StreamExt;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use wallet::Outcome;

/// How often a wallet empties its queues while it runs, at random times.
const COLLECT_WALLET: Duration = Duration::from_secs(60);
/// How often an organisation does: who is up is told directly.
const COLLECT_ORGANISATION: Duration = Duration::from_secs(600);
/// An answer that is awaited is looked for after this share of the time since it was asked for: whoever says yes after an hour
/// waits six minutes more at most.
const AWAIT_SHARE: u32 = 10;
/// Shortest and longest time between two looks.
const AWAIT: [Duration; 2] = [Duration::from_secs(2), Duration::from_secs(300)];
/// Longest time that a release waits for mailboxes: well below that of `consent`.
const BEFORE_RELEASE: Duration = Duration::from_secs(4);

/// What came of emptying.
#[derive(Default)]
pub(in super::super) struct Emptied {
    /// Letters that were new.
    pub(in super::super) new: usize,
    /// Queues that were emptied to their end.
    pub(in super::super) done: usize,
    /// A letter had to be left in one, and what is behind it was not read.
    is_left: bool,
    /// Operators at which one could not be, and why.
    pub(in super::super) failed: BTreeMap<Did, Problem>,
}

impl Emptied {
    fn and(mut self, other: Emptied) -> Emptied {
        self.new = self.new.saturating_add(other.new);
        self.done = self.done.saturating_add(other.done);
        self.is_left |= other.is_left;
        self.failed.extend(other.failed);
        self
    }
}

/// Empties our queues: at once after a start, and from time to time.
pub(in super::super) async fn collect(service: Arc<Service>) {
    let every = match service.wallet {
        Some(_) => COLLECT_WALLET,
        None => COLLECT_ORGANISATION,
    };
    loop {
        // Letters are opened by the trust list.
        if service.trust().is_some() {
            service.collect_all().await;
            tokio::time::sleep(jittered(every)).await;
        } else {
            tokio::time::sleep(LOOK).await;
        }
    }
}

/// Looks for answers to what we have asked customers whose mailboxes we know.
pub(in super::super) async fn await_answers(service: Arc<Service>) {
    let mut looked: BTreeMap<String, Timestamp> = BTreeMap::new();
    loop {
        tokio::time::sleep(LOOK).await;
        if service.trust().is_none() {
            continue;
        }
        match tokio::task::block_in_place(|| service.answers_awaited(&mut looked)) {
            Ok(relations) => drop(service.empty_all(relations).await),
            Err(failure) => tracing::error!(%failure, cause = failure.cause, "answers cannot be looked for"),
        }
    }
}

/// How long after one look the next is due, by how long ago it was asked.
fn pause(since: Duration) -> Duration {
    (since / AWAIT_SHARE).clamp(AWAIT[0], AWAIT[1])
}

impl Service {
    /// Relations in which an answer is awaited and it is time to look; `looked` is when each session was last looked after.
    fn answers_awaited(&self, looked: &mut BTreeMap<String, Timestamp>) -> Result<BTreeSet<Id>, Failure> {
        let Some(verifier) = &self.verifier else {
            return Ok(BTreeSet::new());
        };
        let now = clock::now();
        let mut open = BTreeMap::new();
        let reaches = lock(verifier)?.awaited(&mut |session, asked| {
            let last = looked.get(session).copied();
            let seconds = |from: Timestamp| Duration::from_secs(u64::try_from(now.since(from)).unwrap_or(0));
            // A clock that was set back makes nobody wait for it to come round.
            let is_due = last.is_none_or(|last| last > now || seconds(last) >= pause(seconds(asked)));
            open.insert(session.to_owned(), if is_due { now } else { last.unwrap_or(now) });
            is_due
        });
        let reaches = reaches.map_err(|error| Failure::because(Code::Internal, error))?;
        *looked = open;
        let post = lock(&self.office.post)?;
        let ids = reaches.iter().filter_map(|reach| post::with_wallet(reach).ok());
        Ok(ids.filter(|id| post.knows(id)).collect())
    }

    /// Empties the queues of every relation.
    pub(in super::super) async fn collect_all(&self) -> Emptied {
        let Ok(relations) = lock(&self.office.post).map(|post| post.relations()) else {
            return Emptied::default();
        };
        self.empty_all(relations).await
    }

    async fn empty_all(&self, relations: impl IntoIterator<Item = Id>) -> Emptied {
        futures::stream::iter(relations)
            .map(|id| async move {
                self.empty(&id).await.unwrap_or_else(|failure| {
                    tracing::error!(%failure, cause = failure.cause, "mailboxes cannot be emptied");
                    Emptied::default()
                })
            })
            .buffer_unordered(AT_ONCE)
            .fold(Emptied::default(), |all, one| async move { all.and(one) })
            .await
    }

    /// Empties the queues of a relation, each operator's beside the other's.
    async fn empty(&self, id: &Id) -> Result<Emptied, Failure> {
        let all = self.empty_counting(id, &AtomicUsize::new(0)).await?;
        // Only now: until the other has been asked, what the first one did not give may be there.
        if all.done > 0 && !all.is_left {
            lock(&self.office.emptied)?.insert(*id);
        }
        Ok(all)
    }

    /// The same; `done` is how many were, for whoever does not wait for the last one.
    async fn empty_counting(&self, id: &Id, done: &AtomicUsize) -> Result<Emptied, Failure> {
        let errands = tokio::task::block_in_place(|| lock(&self.office.post)?.fetches(id, clock::now()))?;
        let emptied = errands.into_iter().map(|errand| async move {
            let operator = errand.operator.clone();
            let mut emptied = Emptied::default();
            match self.empty_at(id, errand, &mut emptied.new).await {
                Ok(None) => {
                    done.fetch_add(1, Ordering::Relaxed);
                    emptied.done = 1;
                }
                Ok(Some(left)) => {
                    emptied.is_left = true;
                    emptied.failed.insert(operator, left.problem);
                }
                Err(failure) => {
                    tracing::debug!(%operator, %failure, "a mailbox was not emptied");
                    emptied.failed.insert(operator, failure.problem);
                }
            }
            emptied
        });
        let all = futures::future::join_all(emptied).await.into_iter();
        Ok(all.fold(Emptied::default(), Emptied::and))
    }

    /// Empties one queue of a relation to its end, and counts what was new; why a letter had to be left there, if one had.
    async fn empty_at(&self, id: &Id, first: Errand, count: &mut usize) -> Result<Option<Failure>, Failure> {
        let operator = first.operator.clone();
        let mut errand = first;
        let mut seen = 0u64;
        while seen < ITEMS_MAX {
            let Reply::Waiting { envelopes, more } = self.run_errand(errand).await? else {
                return Err(Code::UnexpectedMessage.into());
            };
            let mut last = None;
            let mut left = None;
            seen = seen.saturating_add(envelopes.len() as u64);
            for waiting in envelopes {
                match self.take_letter(id, &operator, &waiting.envelope).await {
                    Ok(is_new) => *count = count.saturating_add(usize::from(is_new)),
                    Err(failure) if is_left(failure.problem.code) => {
                        tracing::debug!(%operator, %failure, "a letter waits");
                        left = Some(failure);
                        break;
                    }
                    // It will not be better another time.
                    Err(failure) => tracing::debug!(%operator, code = %failure.problem.code, "a letter without effect"),
                }
                last = Some((waiting.number, envelope::id(&waiting.envelope)));
            }
            let is_none = last.is_none();
            if let Some((number, name)) = last {
                let acknowledge = tokio::task::block_in_place(|| {
                    lock(&self.office.post)?.acknowledge(id, &operator, (number, &name), clock::now())
                })?;
                if let Some(acknowledge) = acknowledge {
                    self.run_errand(acknowledge).await?;
                }
            }
            if more == 0 || left.is_some() {
                return Ok(left);
            }
            if is_none {
                return Err(Code::UnexpectedMessage.into());
            }
            let again = tokio::task::block_in_place(|| lock(&self.office.post)?.fetches(id, clock::now()))?;
            let Some(next) = again.into_iter().find(|errand| errand.operator == operator) else {
                return Err(Code::Unreachable.into());
            };
            errand = next;
        }
        // More than a queue holds.
        Err(Code::RateLimited.into())
    }

    /// Gives a letter to its role, once; whether it was new.
    async fn take_letter(&self, id: &Id, operator: &Did, body: &[u8]) -> Result<bool, Failure> {
        let trust = self.trust().ok_or(Code::TrustMissing)?;
        let shelf = usize::from(id[0]) % SHELVES;
        let _taking = match self.office.shelves.get(shelf) {
            Some(shelf) => shelf.lock().await,
            None => return Err(Code::Internal.into()),
        };
        let arrived = tokio::task::block_in_place(|| lock(&self.office.post)?.read(id, operator, body, &trust))?;
        let Arrived::New(number, letter) = arrived else {
            return Ok(false);
        };
        let result = match letter {
            Letter::Reach(reach) if self.wallet.is_some() => {
                tokio::task::block_in_place(|| lock(&self.office.post)?.set_theirs(id, reach))
            }
            letter if self.wallet.is_some() => self.letter_for_wallet(id, letter).await,
            letter => tokio::task::block_in_place(|| self.letter_for_organisation(id, letter)),
        };
        if let Err(failure) = &result
            && is_left(failure.problem.code)
        {
            return result.map(|()| false);
        }
        tokio::task::block_in_place(|| lock(&self.office.post)?.taken(id, number))?;
        result.map(|()| true)
    }

    async fn letter_for_wallet(&self, id: &Id, letter: Letter) -> Result<(), Failure> {
        let with = tokio::task::block_in_place(|| lock(&self.office.post)?.with(id))?;
        let with = with.ok_or(Code::NotFound)?;
        let (thread, steps) = self.with_wallet(|wallet| wallet.receive_letter(clock::now(), &with, letter))?;
        let outcome = self.finish(thread, steps).await?;
        match outcome {
            Outcome::Waiting { id } => self.prepare_reach(&id).await,
            // Its status list says how it stands now.
            Outcome::Noted => self.wake_mirror.notify_one(),
            _ => {}
        }
        Ok(())
    }

    fn letter_for_organisation(&self, id: &Id, letter: Letter) -> Result<(), Failure> {
        let now = clock::now();
        let reply = match letter {
            Letter::Answer { session, answer } => {
                let verifier = self.verifier.as_ref().ok_or(Code::UnexpectedMessage)?;
                let reply = {
                    let mirror = lock(&self.mirror)?;
                    let mut verifier = lock(verifier)?;
                    let reply = verifier.receive_left(now, &*mirror, &session, &answer);
                    if let Some((verdict, code)) = verifier.take_verdict() {
                        self.verdicts.count(verdict, code);
                    }
                    reply
                };
                self.announce_sessions();
                match reply {
                    presentation::Reply::Receipt { receipt } => Letter::Receipt { receipt },
                    presentation::Reply::Problem(problem) => return Err(problem.into()),
                    _ => return Err(Code::UnexpectedMessage.into()),
                }
            }
            Letter::Withdrawal { grant, withdrawal } => {
                let name = OpenedGrant::open(&grant)?.name();
                let ask = consent::Ask::Withdraw { grant, withdrawal };
                match self.answer_consent_of(now, "mailbox", ask)? {
                    consent::Reply::Withdrawn { withdrawn } => Letter::Withdrawn { grant: name, withdrawn },
                    consent::Reply::Erased { erasure } => Letter::Erased { grant: name, erasure },
                    consent::Reply::Problem(problem) => return Err(problem.into()),
                    _ => return Err(Code::UnexpectedMessage.into()),
                }
            }
            _ => return Err(Code::UnexpectedMessage.into()),
        };
        lock(&self.office.post)?.write(id, &reply, now)?;
        Ok(self.office.written(id)?)
    }

    /// Before a release under a grant the mailbox in which its withdrawal may wait is emptied, once after each start. Where no
    /// operator answers nothing is released (`catching_up`).
    pub(in super::super) fn require_emptied(&self, grant: &str) -> Result<(), Problem> {
        let Some(issuer) = &self.issuer else { return Ok(()) };
        let hash = *OpenedGrant::open(grant)?.hash();
        let reach = lock(issuer)?.reach_of_grant(&hash).map_err(|_| Code::Internal)?;
        let Some(reach) = reach else { return Ok(()) };
        let id = post::with_wallet(&reach)?;
        if lock(&self.office.emptied)?.contains(&id) || !lock(&self.office.post)?.knows(&id) {
            return Ok(());
        }
        // Both are waited for, but not for ever: whoever refreshes waits too.
        let done = AtomicUsize::new(0);
        let emptying = async { tokio::time::timeout(BEFORE_RELEASE, self.empty_counting(&id, &done)).await };
        match tokio::runtime::Handle::current().block_on(emptying) {
            // What could not be taken may be the withdrawal, or before it.
            Ok(Ok(emptied)) if emptied.is_left => return Err(Problem::new(Code::CatchingUp, "mailbox")),
            Ok(Ok(emptied)) if emptied.failed.is_empty() => {}
            Ok(Ok(emptied)) => tracing::warn!(of = emptied.failed.len(), "a mailbox was not emptied before a release"),
            Ok(Err(failure)) => tracing::error!(%failure, cause = failure.cause, "mailboxes cannot be emptied"),
            Err(_) => tracing::warn!("a mailbox was not emptied in time before a release"),
        }
        if done.load(Ordering::Relaxed) == 0 {
            return Err(Problem::new(Code::CatchingUp, "mailbox"));
        }
        lock(&self.office.emptied)?.insert(id);
        Ok(())
    }
}

/// Whether a letter that met this stays where it is: it may fare better later, or once a damaged home is repaired.
fn is_left(code: Code) -> bool {
    code.is_passing() || code == Code::Damaged
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_looked_for_soon_at_first_and_never_later_than_five_minutes() {
        for (since, expected) in [(0, 2), (15, 2), (60, 6), (3_600, 300), (604_800, 300)] {
            assert_eq!(pause(Duration::from_secs(since)), Duration::from_secs(expected));
        }
    }
}
