//! Letters by way of mailboxes: our own queues are made and emptied, letters are put where their recipients look, and what has come
//! is given to the role that it is for. The machine is [`crate::post`]; here is what it does among others.
//!
//! An operator may be hostile, or merely off. Each is asked beside the other and holds up nothing but what it has itself: who kept
//! us waiting is left alone for a while.

mod emptying;
mod mending;
mod pacing;

pub(super) use emptying::{await_answers, collect};

use super::drive::BUSY;
use super::versions::jittered;
use super::{Service, lock};
use crate::clock;
use crate::error::Failure;
use crate::network::Protocol;
use crate::post::{self, Delivery, Errand, Id, Me, Post};
use credentials::envelope::Sender;
use credentials::letter::{Letter, PLACES_MAX, Reach};
use credentials::protocol::mailbox::Reply;
use credentials::protocol::{self, consent, mailbox, presentation};
use credentials::{Code, Did, Problem, random};
use futures::StreamExt;
use futures::future::BoxFuture;
use pacing::{Lane, Queues};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;
use wallet::Outgoing;

/// How often it is looked whether a letter is to be sent.
const LOOK: Duration = Duration::from_secs(1);
/// How soon a letter that found no operator is put again: doubled each time, up to the last.
const AGAIN: [Duration; 2] = [Duration::from_secs(2), Duration::from_secs(300)];
/// How soon a letter is put again of which every operator says that its queue is gone: it waits to hear of another one.
const GONE: Duration = Duration::from_secs(3_600);
/// How often letters are dropped that are too old to be delivered.
const SWEEP: Duration = Duration::from_secs(24 * 3_600);
/// Relations that are worked on at once.
const AT_ONCE: usize = 16;
/// Longest time that a person waits for queues to be made.
const PREPARE: Duration = Duration::from_secs(3);
/// Who took longer than this for one errand, whatever came of it, holds us up.
const SLOW: Duration = Duration::from_secs(5);
/// How long it is left alone then, unless a person asks: what is for it waits, and what is for others does not.
const ALONE: Duration = Duration::from_secs(20);
/// Locks for the relations: two that share one wait for each other, and that is all.
const SHELVES: usize = 64;

/// The post of a home, and what of it only this process knows.
pub(super) struct Office {
    post: Mutex<Post>,
    /// Relations whose queues were emptied since the start.
    emptied: Mutex<BTreeSet<Id>>,
    /// Relations that got a letter since it was last looked.
    written: Mutex<BTreeSet<Id>>,
    /// Operators that hold us up, and until when each is left alone.
    alone: Mutex<BTreeMap<Did, Instant>>,
    /// How fast each operator is asked.
    lanes: Mutex<BTreeMap<Did, Lane>>,
    /// One letter of a relation is taken at a time, by its number, from whichever operator it comes.
    shelves: [tokio::sync::Mutex<()>; SHELVES],
    wake: Notify,
}

impl Office {
    pub(super) fn open(store: &store::Store) -> Result<Office, Failure> {
        Ok(Office {
            post: Mutex::new(Post::open(store)?),
            emptied: Mutex::default(),
            written: Mutex::default(),
            alone: Mutex::default(),
            lanes: Mutex::default(),
            shelves: std::array::from_fn(|_| tokio::sync::Mutex::default()),
            wake: Notify::new(),
        })
    }

    /// Held while a letter of a relation is taken.
    fn shelf(&self, id: &Id) -> Result<&tokio::sync::Mutex<()>, Problem> {
        let shelf = usize::from(id[0]) % SHELVES;
        self.shelves.get(shelf).ok_or_else(|| Code::Internal.into())
    }

    /// Whether a failure came in the midst of a change.
    pub(super) fn is_poisoned(&self) -> bool {
        self.post.is_poisoned() || self.written.is_poisoned()
    }

    /// There is something to send.
    pub(super) fn wake(&self) {
        self.wake.notify_one();
    }

    /// A letter of this relation was written: it waits for no other one's next attempt.
    fn written(&self, id: &Id) -> Result<(), Problem> {
        lock(&self.written)?.insert(*id);
        self.wake();
        Ok(())
    }

    fn is_left_alone(&self, operator: &Did) -> Result<bool, Problem> {
        let mut alone = lock(&self.alone)?;
        let now = Instant::now();
        alone.retain(|_, until| *until > now);
        Ok(alone.contains_key(operator))
    }

    /// How long it is waited before an operator is asked once more.
    fn turn(&self, operator: &Did) -> Result<Duration, Problem> {
        let now = Instant::now();
        let mut lanes = lock(&self.lanes)?;
        let lane = lanes.entry(operator.clone()).or_insert_with(|| Lane::new(now));
        Ok(lane.turn(now))
    }

    /// Notes how long an operator kept us.
    fn heard(&self, operator: &Did, took: Duration) -> Result<(), Problem> {
        if took < SLOW {
            return Ok(());
        }
        tracing::debug!(%operator, ?took, "an operator holds us up");
        let until = Instant::now().checked_add(ALONE);
        lock(&self.alone)?.extend(until.map(|until| (operator.clone(), until)));
        Ok(())
    }
}

/// Puts letters where they are looked for.
pub(super) async fn deliver(service: Arc<Service>) {
    let mut later: BTreeMap<Id, (Instant, Duration)> = BTreeMap::new();
    let mut swept: Option<Instant> = None;
    loop {
        tokio::select! {
            () = service.office.wake.notified() => {}
            () = tokio::time::sleep(LOOK) => {}
        }
        if let Err(failure) = tokio::task::block_in_place(|| service.take_over_letters()) {
            tracing::error!(%failure, cause = failure.cause, "letters not taken over");
        }
        if swept.is_none_or(|at| at.elapsed() >= SWEEP) {
            if let Err(failure) = tokio::task::block_in_place(|| service.sweep_letters()) {
                tracing::error!(%failure, cause = failure.cause, "old letters not dropped");
            }
            swept = Some(Instant::now());
        }
        let Ok(pending) = lock(&service.office.post).map(|post| post.pending()) else {
            return;
        };
        let Ok(written) = lock(&service.office.written).map(|mut written| std::mem::take(&mut *written)) else {
            return;
        };
        later.retain(|id, _| pending.contains(id));
        let now = Instant::now();
        let due: Vec<Id> = pending
            .into_iter()
            .filter(|id| written.contains(id) || later.get(id).is_none_or(|(at, _)| *at <= now))
            .collect();
        let results: Vec<(Id, Put)> = futures::stream::iter(due)
            .map(|id| {
                let service = service.clone();
                async move { (id, service.deliver_to(&id).await) }
            })
            .buffer_unordered(AT_ONCE)
            .collect()
            .await;
        for (id, put) in results {
            let before = later.get(&id).map_or(AGAIN[0] / 2, |(_, pause)| *pause);
            let pause = match put {
                Put::All => {
                    later.remove(&id);
                    continue;
                }
                Put::Some => before.saturating_mul(2).min(AGAIN[1]),
                Put::Nowhere => GONE,
            };
            later.insert(id, (now.checked_add(jittered(pause)).unwrap_or(now), pause));
        }
    }
}

impl Service {
    /// Tells the wallet, after a start, where it is reached in each relation.
    pub(super) fn remember_reaches(&self) -> Result<(), Failure> {
        let Some(wallet) = &self.wallet else { return Ok(()) };
        let post = lock(&self.office.post)?;
        for id in post.relations() {
            if let (Some(with), Some(reach)) = (post.with(&id)?, post.reach(&id)?) {
                lock(wallet)?.set_reach(&with, Some(reach));
            }
        }
        Ok(())
    }

    /// Makes queues for those who want to write to this wallet, so that the person can say yes to that too. What cannot be made
    /// now is left out: then nothing is said of it.
    pub(super) async fn prepare_reach(&self, id: &str) {
        let wanted = self.with_wallet(|wallet| wallet.reach_wanted(clock::now(), id));
        let Ok(Ok(wanted)) = wanted else { return };
        let all = wanted.into_iter().map(|did| async move {
            if let Err(failure) = self.prepare_with(&did).await {
                tracing::debug!(%did, %failure, "no mailbox");
            }
        });
        futures::future::join_all(all).await;
    }

    async fn prepare_with(&self, did: &Did) -> Result<(), Failure> {
        let id = post::with_organisation(did);
        let known = tokio::task::block_in_place(|| lock(&self.office.post)?.reach(&id))?;
        if known.is_none_or(|reach| reach.places.len() < PLACES_MAX) {
            let operators = self.operators(did);
            if operators.is_empty() {
                return Ok(());
            }
            tokio::task::block_in_place(|| lock(&self.office.post)?.begin(&id, Some(did), None, &mut clock::System))?;
            // One that answers is enough; the person does not wait for the other.
            match tokio::time::timeout(PREPARE, self.make_queues(&id, &operators)).await {
                Ok(made) => made?,
                Err(_) => tracing::debug!(%did, "not every mailbox was made in time"),
            }
        }
        let reach = tokio::task::block_in_place(|| lock(&self.office.post)?.reach(&id))?;
        self.with_wallet(|wallet| wallet.set_reach(did, reach))?;
        Ok(())
    }

    /// Who may keep the mailbox of a relation, in random order: whom the person chose, else anybody; never the counterpart itself.
    fn operators(&self, with: &Did) -> Vec<Did> {
        let Some(trust) = self.trust() else { return Vec::new() };
        let chosen = self.config().wallet.as_ref().map(|wallet| wallet.mailboxes.as_slice());
        let chosen = chosen.unwrap_or_default();
        let listed = trust.mailboxes().map(|one| &one.did).filter(|did| *did != with);
        let mut operators: Vec<(u64, Did)> = listed
            .filter(|did| chosen.is_empty() || chosen.contains(did))
            .map(|did| (u64::from_le_bytes(random::bytes(&mut clock::System)), did.clone()))
            .collect();
        operators.sort_unstable();
        operators.into_iter().map(|(_, did)| did).collect()
    }

    /// Who keeps a wallet's mailbox and so is to keep that of an organisation which writes to it; never the organisation itself.
    fn operators_of(&self, reach: &Reach) -> Vec<Did> {
        let Some(trust) = self.trust() else { return Vec::new() };
        let own = self.keys.organisation().map(|key| &key.did);
        let listed = |did: &&Did| Some(*did) != own && trust.mailboxes().any(|one| one.did == **did);
        let operators = reach.places.iter().map(|place| &place.operator);
        operators.filter(listed).cloned().collect()
    }

    /// Makes the queues of a relation that are missing.
    async fn make_queues(&self, id: &Id, operators: &[Did]) -> Result<(), Failure> {
        let errands = tokio::task::block_in_place(|| {
            lock(&self.office.post)?.to_create(id, operators, clock::now(), &mut clock::System)
        })?;
        let made = errands.into_iter().map(|errand| async move {
            let operator = errand.operator.clone();
            match self.run_errand(errand).await {
                Ok(Reply::Created { queue, token }) => tokio::task::block_in_place(|| {
                    lock(&self.office.post)?.created(id, &operator, (queue, token), clock::now())
                }),
                other => {
                    let problem = other.err();
                    tracing::debug!(%operator, ?problem, "no queue made");
                    tokio::task::block_in_place(|| lock(&self.office.post)?.not_created(id, &operator))
                }
            }
        });
        futures::future::join_all(made).await.into_iter().collect()
    }

    /// Asks an operator, unless it is left alone (`unreachable`). An organisation waits for its turn.
    async fn run_errand(&self, errand: Errand) -> Result<Reply, Problem> {
        let operator = errand.operator.clone();
        if self.wallet.is_none() {
            let wait = self.office.turn(&operator)?;
            tokio::time::sleep(wait).await;
        }
        if self.office.is_left_alone(&operator)? {
            return Err(Problem::new(Code::Unreachable, operator.to_string()));
        }
        let began = Instant::now();
        let reply = self.ask_operator(errand).await;
        self.office.heard(&operator, began.elapsed())?;
        reply
    }

    /// Asks an operator: a wallet as nobody it was before, and again a moment later where it is too busy to read. An organisation comes
    /// back by itself.
    async fn ask_operator(&self, errand: Errand) -> Result<Reply, Problem> {
        let body = protocol::encode(&errand.ask)?;
        let identity = self.wallet.as_ref().map(|_| errand.peer);
        let mut pauses = BUSY.into_iter().filter(|_| identity.is_some());
        let (_, answer) = loop {
            let asked = self.ask(&errand.operator, identity.clone(), Protocol::Mailbox, body.clone());
            match asked.await {
                Err(problem) if problem.code == Code::RateLimited => match pauses.next() {
                    Some(pause) => tokio::time::sleep(jittered(pause)).await,
                    None => return Err(problem),
                },
                result => break result?,
            }
        };
        match protocol::decode(&answer, mailbox::LIMIT)? {
            Reply::Problem(problem) => Err(problem),
            reply => Ok(reply),
        }
    }

    /// Drops letters that are too old, one relation after the other: others want to write meanwhile.
    fn sweep_letters(&self) -> Result<(), Failure> {
        let relations = lock(&self.office.post)?.relations();
        for id in relations {
            lock(&self.office.post)?.sweep(&id, clock::now())?;
        }
        Ok(())
    }

    /// What roles have to tell is written as letters; whoever said where it is reached gets a relation. A role is not held meanwhile:
    /// each letter waits for the disk, and what was written twice after a kill is one letter.
    fn take_over_letters(&self) -> Result<(), Failure> {
        if let Some(issuer) = &self.issuer {
            let letters = lock(issuer)?.letters().map_err(internal)?;
            let numbers: Vec<u64> = letters.iter().map(|(number, ..)| *number).collect();
            for (_, reach, letter) in letters {
                match letter {
                    Some(letter) => self.write_letter(&reach, &letter)?,
                    None => self.take_fresh(reach)?,
                }
            }
            if !numbers.is_empty() {
                lock(issuer)?.letters_taken(&numbers).map_err(internal)?;
            }
        }
        if let Some(verifier) = &self.verifier {
            let fresh = lock(verifier)?.fresh_reaches();
            for (_, reach) in &fresh {
                self.take_fresh(reach.clone())?;
            }
            if !fresh.is_empty() {
                let taken = lock(verifier)?.reaches_taken(&fresh);
                taken.map_err(|error| Failure::because(Code::Internal, error))?;
            }
        }
        Ok(())
    }

    /// Somebody has just said where it is reached. The letter that answers it is written once our own queues are made.
    fn take_fresh(&self, reach: Reach) -> Result<(), Failure> {
        let id = post::with_wallet(&reach)?;
        let mut post = lock(&self.office.post)?;
        post.begin(&id, None, Some(&reach), &mut clock::System)?;
        post.set_theirs(&id, reach, clock::now())
    }

    /// Writes a letter to a wallet: durable when this answers.
    pub(super) fn write_letter(&self, reach: &Reach, letter: &Letter) -> Result<(), Failure> {
        let id = post::with_wallet(reach)?;
        let mut post = lock(&self.office.post)?;
        post.begin(&id, None, Some(reach), &mut clock::System)?;
        post.write(&id, letter, clock::now())?;
        drop(post);
        Ok(self.office.written(&id)?)
    }

    /// What a wallet could not say to its counterpart is left in its mailbox, where that is known; whether it was.
    pub(super) fn leave_letter(&self, to: &Did, message: &Outgoing) -> bool {
        let Some(letter) = letter_of(message) else { return false };
        let id = post::with_organisation(to);
        let left = tokio::task::block_in_place(|| {
            let mut post = lock(&self.office.post)?;
            if post.theirs(&id)?.is_none() {
                return Ok(false);
            }
            post.write(&id, &letter, clock::now())?;
            drop(post);
            self.office.written(&id)?;
            Ok::<bool, Failure>(true)
        });
        match left {
            Ok(left) => left,
            Err(failure) => {
                tracing::error!(%failure, cause = failure.cause, "a letter could not be written");
                false
            }
        }
    }

    /// Whoever has not said yet where it is reached may have answered while this wallet was off: its queues are looked into first.
    pub(super) fn look_for_reach<'a>(&'a self, to: &'a Did, message: &'a Outgoing) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            if letter_of(message).is_none() {
                return;
            }
            let id = post::with_organisation(to);
            let is_awaited = lock(&self.office.post)
                .is_ok_and(|post| post.knows(&id) && post.theirs(&id).is_ok_and(|theirs| theirs.is_none()));
            if is_awaited && tokio::time::timeout(PREPARE, self.empty(&id)).await.is_err() {
                tracing::debug!(%to, "the mailbox was not emptied in time");
            }
        })
    }

    /// Counterparts for whom letters are on their way, and how many letters that are. Whoever writes one waits for one counterpart's
    /// at most.
    pub(super) fn letters_on_their_way(&self) -> Result<(usize, usize), Failure> {
        let pending = lock(&self.office.post)?.pending();
        let mut letters: usize = 0;
        for id in &pending {
            letters = letters.saturating_add(lock(&self.office.post)?.waiting_of(id)?);
        }
        Ok((pending.len(), letters))
    }

    /// With whom a wallet has mailboxes, who keeps them, whether the other has answered with its own, and what is on its way.
    pub(super) fn post_views(&self) -> Result<serde_json::Value, Failure> {
        let trust = self.trust();
        let name = |did: &Did| match trust.as_ref().and_then(|trust| trust.organisation(did)) {
            Some(listed) => listed.name.clone(),
            None => did.to_string(),
        };
        let post = lock(&self.office.post)?;
        let waiting = post.waiting()?;
        let (mut relations, mut answered) = (Vec::new(), 0usize);
        for id in post.relations() {
            let Some(with) = post.with(&id)? else { continue };
            let own = post.reach(&id)?.map(|reach| reach.places).unwrap_or_default();
            let is_answered = post.theirs(&id)?.is_some();
            answered = answered.saturating_add(usize::from(is_answered));
            relations.push(serde_json::json!({
                "with": with, "name": name(&with), "operators": own.iter().map(|place| name(&place.operator)).collect::<Vec<_>>(),
                "is_answered": is_answered, "on_their_way": waiting.get(&id).copied().unwrap_or(0),
            }));
        }
        Ok(serde_json::json!({ "schema": "post/v1", "relations": relations, "answered": answered }))
    }

    /// Puts a wallet's letters to an organisation.
    pub(super) async fn deliver_with(&self, did: &Did) {
        self.deliver_to(&post::with_organisation(did)).await;
    }

    /// Empties every queue and puts what is on its way, for a person who asks: nobody is left alone then. What came, and which
    /// operators it could not be asked of; where it is none, why not.
    pub(super) async fn exchange_letters(&self) -> Result<serde_json::Value, Failure> {
        lock(&self.office.alone)?.clear();
        let emptied = self.collect_and_mend().await;
        let pending = lock(&self.office.post)?.pending();
        let put = futures::stream::iter(pending).map(|id| async move { self.deliver_to(&id).await });
        put.buffer_unordered(AT_ONCE).collect::<Vec<Put>>().await;
        let trust = self.trust();
        let name = |did: &Did| match trust.as_ref().and_then(|trust| trust.organisation(did)) {
            Some(listed) => listed.name.clone(),
            None => did.to_string(),
        };
        let unanswered: Vec<String> = emptied.failed.keys().map(name).collect();
        match emptied.failed.into_values().next() {
            Some(problem) if emptied.done == 0 => Err(problem.into()),
            _ => Ok(serde_json::json!({ "schema": "letters/v1", "new": emptied.new, "unanswered": unanswered })),
        }
    }

    /// Puts the letters of one relation.
    async fn deliver_to(&self, id: &Id) -> Put {
        match self.try_deliver(id).await {
            Ok(put) => put,
            Err(failure) => {
                tracing::warn!(%failure, cause = failure.cause, "letters not delivered");
                Put::Some
            }
        }
    }

    async fn try_deliver(&self, id: &Id) -> Result<Put, Failure> {
        let is_answered = self.wallet.is_some() || self.answer_reach(id).await?;
        let deliveries = tokio::task::block_in_place(|| {
            let own = self.keys.organisation().map(|key| (key.signing(), key));
            let own = own.map(|(signing, key)| (key.kid(&signing), signing));
            let me = match &own {
                Some((kid, key)) => Me::Organisation(Sender::Organisation {
                    kid,
                    signer: key.signer.as_ref(),
                }),
                None => Me::Wallet,
            };
            lock(&self.office.post)?.deliveries(id, me, clock::now(), &mut clock::System)
        })?;
        let mut by_operator: BTreeMap<Did, Vec<Delivery>> = BTreeMap::new();
        for delivery in deliveries {
            let operator = delivery.errand.operator.clone();
            by_operator.entry(operator).or_default().push(delivery);
        }
        let put = by_operator.into_iter().map(|(operator, deliveries)| async move {
            let put = self.put_at(id, &operator, deliveries).await;
            put.map(|left| (operator, left))
        });
        let (mut is_done, mut is_gone) = (is_answered, false);
        for put in futures::future::join_all(put).await {
            match put? {
                (_, Left::Nothing) => {}
                (_, Left::Something) => is_done = false,
                (operator, Left::Gone(numbers)) => tokio::task::block_in_place(|| {
                    let mut post = lock(&self.office.post)?;
                    for number in numbers {
                        is_gone |= !post.gone(id, number, &operator)?;
                    }
                    Ok::<(), Failure>(())
                })?,
            }
        }
        Ok(match (is_done, is_gone) {
            (false, _) => Put::Some,
            (true, true) => Put::Nowhere,
            (true, false) => Put::All,
        })
    }

    /// Puts letters at one operator, in order: what comes after one that is not kept waits. What is left.
    async fn put_at(&self, id: &Id, operator: &Did, deliveries: Vec<Delivery>) -> Result<Left, Failure> {
        let mut deliveries = deliveries.into_iter();
        while let Some(delivery) = deliveries.next() {
            match self.run_errand(delivery.errand).await {
                Ok(Reply::Kept) => {}
                // The queue is gone, or its token is void: nobody looks there any more.
                Err(problem) if problem.code == Code::NotFound => {
                    let others = deliveries.map(|delivery| delivery.number);
                    return Ok(Left::Gone([delivery.number].into_iter().chain(others).collect()));
                }
                other => {
                    tracing::debug!(%operator, problem = ?other.err(), "a letter is not kept");
                    return Ok(Left::Something);
                }
            }
            tokio::task::block_in_place(|| lock(&self.office.post)?.delivered(id, delivery.number, operator))?;
        }
        Ok(Left::Nothing)
    }

    /// An organisation makes queues at the operators that the wallet chose, and says where they are; whether it has.
    async fn answer_reach(&self, id: &Id) -> Result<bool, Failure> {
        let Some(theirs) = tokio::task::block_in_place(|| lock(&self.office.post)?.to_answer(id))? else {
            return Ok(true);
        };
        let operators = self.operators_of(&theirs);
        self.make_queues(id, &operators).await?;
        tokio::task::block_in_place(|| lock(&self.office.post)?.tell_reach(id, clock::now()))
    }
}

/// What came of putting the letters of a relation.
enum Put {
    /// None is left.
    All,
    /// Some are.
    Some,
    /// Those that are have no queue any more.
    Nowhere,
}

/// What is left of letters at one operator.
enum Left {
    Nothing,
    Something,
    /// These, because it has no such queue.
    Gone(Vec<u64>),
}

/// What can be left as a letter.
fn letter_of(message: &Outgoing) -> Option<Letter> {
    match message {
        Outgoing::Present(presentation::Ask::Answer { session, answer }) => Some(Letter::Answer {
            session: session.clone(),
            answer: answer.clone(),
        }),
        Outgoing::Consent(consent::Ask::Withdraw { grant, withdrawal }) => Some(Letter::Withdrawal {
            grant: grant.clone(),
            withdrawal: withdrawal.clone(),
        }),
        _ => None,
    }
}

fn internal(error: issuer::Error) -> Failure {
    Failure::because(Code::Internal, error)
}
