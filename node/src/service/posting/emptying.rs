//! Our own queues are emptied, and what was in them is given to the role that it is for.
//!
//! How often: a wallet's queues every minute while it runs, an organisation's every ten, both at once after a start; and a
//! customer's who was asked for something sooner, the shorter ago the sooner: an organisation that nobody can dial hears of a
//! yes by its mailbox alone.

use super::super::versions::jittered;
use super::super::{Service, lock};
use super::mending::MEND;
use super::pacing::{Queues, beginning_with, round};
use super::{AGAIN, AT_ONCE, LOOK};
use crate::clock;
use crate::error::Failure;
use crate::mailbox::ITEMS_MAX;
use crate::post::{self, Arrived, Id};
use credentials::envelope;
use credentials::grant::OpenedGrant;
use credentials::letter::Letter;
use credentials::protocol::mailbox::Reply;
use credentials::protocol::{consent, presentation};
use credentials::{Code, Did, Problem, Timestamp};
use futures::StreamExt;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::Instant;
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
    /// Queues that had no turn, because their operators turned us away.
    rest: Queues,
}

impl Emptied {
    fn and(mut self, other: Emptied) -> Emptied {
        self.new = self.new.saturating_add(other.new);
        self.done = self.done.saturating_add(other.done);
        self.is_left |= other.is_left;
        self.failed.extend(other.failed);
        self
    }

    /// Whether what waited in a relation was taken, as far as its operators gave it.
    fn is_whole(&self) -> bool {
        self.done > 0 && !self.is_left
    }

    /// Whether an operator did not let us go on.
    fn is_turned_away(&self) -> bool {
        let mut codes = self.failed.values().map(|problem| problem.code);
        codes.any(|code| matches!(code, Code::RateLimited | Code::Unreachable))
    }
}

/// Empties our queues: at once after a start, and from time to time.
pub(in super::super) async fn collect(service: Arc<Service>) {
    let every = match service.wallet {
        Some(_) => COLLECT_WALLET,
        None => COLLECT_ORGANISATION,
    };
    let mut rest = Queues::new();
    let mut mended: Option<Instant> = None;
    loop {
        // Letters are opened by the trust list.
        if service.trust().is_none() {
            tokio::time::sleep(LOOK).await;
            continue;
        }
        let began = Instant::now();
        let next = began.checked_add(jittered(every)).unwrap_or(began);
        rest = service.collect_all(rest).await.rest;
        if mended.is_none_or(|at| at.elapsed() >= MEND) {
            service.mend_all().await;
            mended = Some(Instant::now());
        }
        // Where we were turned away it is gone on with soon, and with less and less haste.
        let mut pause = AGAIN[0];
        while !rest.is_empty() && Instant::now().checked_add(pause).is_some_and(|at| at < next) {
            tokio::time::sleep(jittered(pause)).await;
            rest = service.empty_queues(rest).await.0.rest;
            pause = pause.saturating_mul(2).min(AGAIN[1]);
        }
        tokio::time::sleep_until(next.max(Instant::now())).await;
    }
}

/// Looks for answers to what we have asked customers whose mailboxes we know.
pub(in super::super) async fn await_answers(service: Arc<Service>) {
    let mut looked: BTreeMap<String, Timestamp> = BTreeMap::new();
    let mut rest = Queues::new();
    loop {
        tokio::time::sleep(LOOK).await;
        if service.trust().is_none() {
            continue;
        }
        match tokio::task::block_in_place(|| service.answers_awaited(&mut looked)) {
            Ok(mut relations) => {
                relations.extend(rest.values().flatten());
                rest = service.empty_all(std::mem::take(&mut rest), relations).await.rest;
            }
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

    /// Empties the queues of every relation, those first that the last round left.
    pub(in super::super) async fn collect_all(&self, first: Queues) -> Emptied {
        let Ok(relations) = lock(&self.office.post).map(|post| post.relations()) else {
            return Emptied::default();
        };
        self.empty_all(first, relations).await
    }

    async fn empty_all(&self, first: Queues, relations: impl IntoIterator<Item = Id>) -> Emptied {
        let queues = tokio::task::block_in_place(|| {
            let mut queues = Queues::new();
            for id in relations {
                for operator in self.keepers(&id)? {
                    queues.entry(operator).or_default().push(id);
                }
            }
            Ok::<Queues, Failure>(queues)
        });
        let queues = match queues {
            Ok(queues) => beginning_with(first, queues),
            Err(failure) => {
                tracing::error!(%failure, cause = failure.cause, "mailboxes cannot be emptied");
                return Emptied::default();
            }
        };
        let again: BTreeSet<Id> = queues.values().flatten().copied().collect();
        let again = again.into_iter().map(|id| async move {
            self.take_aside(&id).await.unwrap_or_else(|failure| {
                tracing::error!(%failure, cause = failure.cause, "letters that were set aside cannot be read");
                0
            })
        });
        let again = futures::stream::iter(again).buffer_unordered(AT_ONCE);
        let again = again
            .fold(0usize, |all, one| async move { all.saturating_add(one) })
            .await;
        let (mut all, relations) = self.empty_queues(queues).await;
        all.new = all.new.saturating_add(again);
        // Only now: until the other operator has been asked too, what the first one did not give may be there.
        let left: BTreeSet<&Id> = all.rest.values().flatten().collect();
        let whole = relations.into_iter().filter(|(id, one)| {
            one.is_whole() && !left.contains(id) && self.holds_withdrawal(id).is_ok_and(|holds| !holds)
        });
        let whole: BTreeMap<Id, Emptied> = whole.collect();
        if let Ok(mut emptied) = lock(&self.office.emptied) {
            emptied.extend(whole.into_keys());
        }
        all
    }

    /// Empties queues, each operator's beside the others'. What came of all, and of each relation.
    async fn empty_queues(&self, queues: Queues) -> (Emptied, BTreeMap<Id, Emptied>) {
        let relations: Mutex<BTreeMap<Id, Emptied>> = Mutex::default();
        let relations_of = &relations;
        let rounds = queues.into_iter().map(|(operator, ids)| async move {
            let keeper = &operator;
            let serve = async |id: Id| {
                let one = self.empty_queue(&id, keeper).await;
                // An organisation comes to an operator under one name: what one of its queues meets, all do.
                let is_served = self.wallet.is_some() || !one.is_turned_away();
                if let Ok(mut relations) = lock(relations_of) {
                    let before = relations.remove(&id).unwrap_or_default();
                    relations.insert(id, before.and(one));
                }
                is_served
            };
            let rest = round(ids, serve).await;
            (operator, rest)
        });
        let rounds = futures::future::join_all(rounds).await;
        let relations = relations.into_inner().unwrap_or_default();
        let mut all = Emptied::default();
        for one in relations.values() {
            all.new = all.new.saturating_add(one.new);
            all.done = all.done.saturating_add(one.done);
            all.is_left |= one.is_left;
            all.failed.extend(one.failed.clone());
        }
        all.rest = rounds.into_iter().filter(|(_, rest)| !rest.is_empty()).collect();
        (all, relations)
    }

    /// Who keeps a queue of ours in a relation and can be asked: with who is not listed nobody talks, and nobody can leave anything
    /// there either.
    fn keepers(&self, id: &Id) -> Result<Vec<Did>, Failure> {
        let trust = self.trust().ok_or(Code::TrustMissing)?;
        let keepers = lock(&self.office.post)?.keepers(id)?;
        Ok(keepers
            .into_iter()
            .filter(|did| trust.organisation(did).is_some())
            .collect())
    }

    /// Empties the queues of a relation, each operator's beside the other's.
    pub(super) async fn empty(&self, id: &Id) -> Result<Emptied, Failure> {
        self.empty_counting(id, &AtomicUsize::new(0)).await
    }

    /// The same; `done` is how many were, for whoever does not wait for the last one.
    async fn empty_counting(&self, id: &Id, done: &AtomicUsize) -> Result<Emptied, Failure> {
        let keepers = tokio::task::block_in_place(|| self.keepers(id))?;
        let again = self.take_aside(id).await?;
        let emptied = keepers.iter().map(|operator| async move {
            let emptied = self.empty_queue(id, operator).await;
            done.fetch_add(emptied.done, Ordering::Relaxed);
            emptied
        });
        let all = futures::future::join_all(emptied).await.into_iter();
        let mut all = all.fold(Emptied::default(), Emptied::and);
        all.new = all.new.saturating_add(again);
        Ok(all)
    }

    async fn empty_queue(&self, id: &Id, operator: &Did) -> Emptied {
        let mut emptied = Emptied::default();
        match self.empty_at(id, operator, &mut emptied.new).await {
            Ok(None) => emptied.done = 1,
            Ok(Some(left)) => {
                emptied.is_left = true;
                emptied.failed.insert(operator.clone(), left.problem);
            }
            Err(failure) => {
                tracing::debug!(%operator, %failure, "a mailbox was not emptied");
                emptied.failed.insert(operator.clone(), failure.problem);
            }
        }
        emptied
    }

    /// Empties one queue of a relation to its end, and counts what was new; why a letter had to be left there, if one had.
    async fn empty_at(&self, id: &Id, operator: &Did, count: &mut usize) -> Result<Option<Failure>, Failure> {
        let mut seen = 0u64;
        while seen < ITEMS_MAX {
            let errand = tokio::task::block_in_place(|| lock(&self.office.post)?.fetch(id, operator, clock::now()))?;
            let Some(errand) = errand else {
                return Err(Code::Unreachable.into());
            };
            let (envelopes, more) = match self.run_errand(errand).await {
                Ok(Reply::Waiting { envelopes, more }) => (envelopes, more),
                Ok(_) => return Err(Code::UnexpectedMessage.into()),
                Err(problem) => {
                    if problem.code == Code::NotFound {
                        self.mend_lost(id, operator).await?;
                    }
                    return Err(problem.into());
                }
            };
            let mut last = None;
            let mut left = None;
            seen = seen.saturating_add(envelopes.len() as u64);
            for waiting in envelopes {
                match self.take_letter(id, operator, &waiting.envelope).await {
                    Ok(is_new) => *count = count.saturating_add(usize::from(is_new)),
                    Err(failure) if is_left(failure.problem.code) => {
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
                    lock(&self.office.post)?.acknowledge(id, operator, (number, &name), clock::now())
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
        }
        // More than a queue holds.
        Err(Code::RateLimited.into())
    }

    /// Gives a letter to its role, once; whether it was new. One that cannot have its effect yet is set aside.
    async fn take_letter(&self, id: &Id, operator: &Did, body: &[u8]) -> Result<bool, Failure> {
        let trust = self.trust().ok_or(Code::TrustMissing)?;
        let _taking = self.office.shelf(id)?.lock().await;
        let arrived = tokio::task::block_in_place(|| lock(&self.office.post)?.read(id, operator, body, &trust))?;
        let Arrived::New(number, letter) = arrived else {
            return Ok(false);
        };
        let result = match tokio::task::block_in_place(|| self.is_behind(id, &letter))? {
            true => Err(Code::Unreachable.into()),
            false => self.give_letter(id, letter.clone()).await,
        };
        if let Err(failure) = &result
            && is_left(failure.problem.code)
        {
            // In a damaged home nothing more is written.
            let set_aside = || lock(&self.office.post)?.set_aside(id, number, &letter, clock::now());
            // Where there is no room to set it aside either, it stays in its queue.
            let is_aside = failure.problem.code != Code::Damaged
                && tokio::task::block_in_place(set_aside).unwrap_or_else(|failure: Failure| {
                    tracing::debug!(%failure, "a letter cannot be set aside");
                    false
                });
            tracing::debug!(%operator, %failure, is_aside, "a letter waits");
            return match is_aside {
                true => Ok(false),
                false => result.map(|()| false),
            };
        }
        tokio::task::block_in_place(|| lock(&self.office.post)?.taken(id, number))?;
        result.map(|()| true)
    }

    /// Whether a letter only goes on from one that was set aside: uses of a grant, of which the first to be missing is asked for.
    fn is_behind(&self, id: &Id, letter: &Letter) -> Result<bool, Failure> {
        let Letter::Uses { grant, .. } = letter else {
            return Ok(false);
        };
        let aside = lock(&self.office.post)?.aside(id)?;
        let is_same = |(_, one): &(u64, Letter)| matches!(one, Letter::Uses { grant: of, .. } if of == grant);
        Ok(aside.iter().any(is_same))
    }

    /// Gives letters that were set aside to their role again, in order; how many had their effect.
    async fn take_aside(&self, id: &Id) -> Result<usize, Failure> {
        if !lock(&self.office.post)?.has_aside(id) {
            return Ok(0);
        }
        let _taking = self.office.shelf(id)?.lock().await;
        let aside = tokio::task::block_in_place(|| lock(&self.office.post)?.aside(id))?;
        let (mut count, mut is_off) = (0usize, false);
        for (number, letter) in aside {
            // Who could not be asked a moment ago is not asked for each of them.
            if is_off && matches!(letter, Letter::Uses { .. }) {
                continue;
            }
            let result = self.give_letter(id, letter).await;
            match result {
                Err(failure) if is_left(failure.problem.code) => {
                    is_off |= failure.problem.code == Code::Unreachable;
                    continue;
                }
                Err(failure) => tracing::debug!(code = %failure.problem.code, "a letter without effect"),
                Ok(()) => count = count.saturating_add(1),
            }
            tokio::task::block_in_place(|| lock(&self.office.post)?.drop_aside(id, number))?;
        }
        Ok(count)
    }

    /// Whether a withdrawal lies aside.
    fn holds_withdrawal(&self, id: &Id) -> Result<bool, Failure> {
        let aside = lock(&self.office.post)?.aside(id)?;
        Ok(aside
            .iter()
            .any(|(_, letter)| matches!(letter, Letter::Withdrawal { .. })))
    }

    async fn give_letter(&self, id: &Id, letter: Letter) -> Result<(), Failure> {
        match letter {
            Letter::Reach(reach) => tokio::task::block_in_place(|| {
                let mut post = lock(&self.office.post)?;
                match self.wallet.is_some() {
                    true => post.set_theirs(id, reach, clock::now())?,
                    false => post.take_reach(id, reach, clock::now())?,
                }
                drop(post);
                Ok(self.office.written(id)?)
            }),
            letter if self.wallet.is_some() => self.letter_for_wallet(id, letter).await,
            letter => tokio::task::block_in_place(|| self.letter_for_organisation(id, letter)),
        }
    }

    async fn letter_for_wallet(&self, id: &Id, letter: Letter) -> Result<(), Failure> {
        let with = tokio::task::block_in_place(|| lock(&self.office.post)?.with(id))?;
        let with = with.ok_or(Code::NotFound)?;
        let is_changed = matches!(letter, Letter::Changed { .. });
        let (thread, steps) = self.with_wallet(|wallet| wallet.receive_letter(clock::now(), &with, letter))?;
        let outcome = self.finish(thread, steps).await?;
        match outcome {
            Outcome::Waiting { id } => self.prepare_reach(&id).await,
            // Its status list says how it stands now, and is asked for it by a wallet too whose person only looks in.
            Outcome::Noted if is_changed => self.learn_status(&with).await,
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
                    presentation::Reply::Problem(problem) => return self.refuse_letter(id, session, problem),
                    _ => return Err(Code::UnexpectedMessage.into()),
                }
            }
            Letter::Withdrawal { grant, withdrawal } => {
                let name = OpenedGrant::open(&grant)?.name();
                let ask = consent::Ask::Withdraw { grant, withdrawal };
                match self.answer_consent_of(now, "mailbox", ask)? {
                    consent::Reply::Withdrawn { withdrawn } => Letter::Withdrawn { grant: name, withdrawn },
                    consent::Reply::Erased { erasure } => Letter::Erased { grant: name, erasure },
                    consent::Reply::Problem(problem) => return self.refuse_letter(id, name, problem),
                    _ => return Err(Code::UnexpectedMessage.into()),
                }
            }
            _ => return Err(Code::UnexpectedMessage.into()),
        };
        lock(&self.office.post)?.write(id, &reply, now)?;
        Ok(self.office.written(id)?)
    }

    /// Tells a wallet that what it left is refused, if that will not pass.
    fn refuse_letter(&self, id: &Id, about: String, problem: Problem) -> Result<(), Failure> {
        if !is_left(problem.code) {
            let refused = Letter::Refused {
                about,
                problem: problem.clone(),
            };
            lock(&self.office.post)?.write(id, &refused, clock::now())?;
            self.office.written(id)?;
        }
        Err(problem.into())
    }

    /// Before a release under a grant the mailbox in which its withdrawal may wait is emptied, once after each start. Where no
    /// operator that keeps it and is listed answers nothing is released (`catching_up`).
    pub(in super::super) fn require_emptied(&self, grant: &str) -> Result<(), Problem> {
        let Some(issuer) = &self.issuer else { return Ok(()) };
        let hash = *OpenedGrant::open(grant)?.hash();
        let reach = lock(issuer)?.reach_of_grant(&hash).map_err(|_| Code::Internal)?;
        let Some(reach) = reach else { return Ok(()) };
        self.require_emptied_of(post::with_wallet(&reach)?)
    }

    fn require_emptied_of(&self, id: Id) -> Result<(), Problem> {
        if lock(&self.office.emptied)?.contains(&id) || !lock(&self.office.post)?.knows(&id) {
            return Ok(());
        }
        // Where no listed operator keeps anything for us there nothing can wait, and never will.
        let keepers = self.keepers(&id).map_err(|failure| failure.problem)?;
        if keepers.is_empty() {
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
        let is_held = self.holds_withdrawal(&id).map_err(|failure| failure.problem)?;
        if is_held || done.load(Ordering::Relaxed) == 0 {
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
mod tests;
