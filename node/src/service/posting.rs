//! Letters by way of mailboxes: our own queues are made and emptied, letters are put where their recipients look, and what has come
//! is given to the role that it is for. The machine is [`crate::post`]; here is what it does among others.

use super::versions::jittered;
use super::{Service, lock};
use crate::clock;
use crate::error::Failure;
use crate::network::Protocol;
use crate::post::{self, Arrived, Errand, Id, Me, Post};
use credentials::envelope::{self, Sender};
use credentials::grant::OpenedGrant;
use credentials::letter::{Letter, PLACES_MAX, Reach};
use credentials::protocol::mailbox::Reply;
use credentials::protocol::{self, consent, mailbox, presentation};
use credentials::{Code, Did, Problem, random};
use futures::StreamExt;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;
use wallet::{Outcome, Outgoing};

/// How often it is looked whether a letter is to be sent.
const LOOK: Duration = Duration::from_secs(1);
/// How soon a letter that found no operator is put again: doubled each time, up to the last.
const AGAIN: [Duration; 2] = [Duration::from_secs(2), Duration::from_secs(300)];
/// How often a wallet empties its queues while it runs, at random times.
const COLLECT_WALLET: Duration = Duration::from_secs(60);
/// How often an organisation does: who is up is told directly.
const COLLECT_ORGANISATION: Duration = Duration::from_secs(600);
/// Relations that are worked on at once.
const AT_ONCE: usize = 16;
/// Fetches of one queue in a row: 200 envelopes are seven times 32.
const FETCHES_MAX: usize = 64;
/// Longest time that a person waits for queues to be made.
const PREPARE: Duration = Duration::from_secs(3);

/// The post of a home, and what of it only this process knows.
pub(super) struct Office {
    post: Mutex<Post>,
    /// Relations whose queues were emptied since the start.
    emptied: Mutex<BTreeSet<Id>>,
    wake: Notify,
}

impl Office {
    pub(super) fn open(store: &store::Store) -> Result<Office, Failure> {
        Ok(Office {
            post: Mutex::new(Post::open(store)?),
            emptied: Mutex::default(),
            wake: Notify::new(),
        })
    }

    /// There is something to send.
    pub(super) fn wake(&self) {
        self.wake.notify_one();
    }
}

/// Puts letters where they are looked for.
pub(super) async fn deliver(service: Arc<Service>) {
    let mut later: BTreeMap<Id, (Instant, Duration)> = BTreeMap::new();
    loop {
        tokio::select! {
            () = service.office.wake.notified() => {}
            () = tokio::time::sleep(LOOK) => {}
        }
        if let Err(failure) = tokio::task::block_in_place(|| service.take_over_letters()) {
            tracing::error!(%failure, cause = failure.cause, "letters not taken over");
        }
        let Ok(pending) = lock(&service.office.post).map(|post| post.pending()) else {
            return;
        };
        later.retain(|id, _| pending.contains(id));
        let now = Instant::now();
        let due: Vec<Id> = pending
            .into_iter()
            .filter(|id| later.get(id).is_none_or(|(at, _)| *at <= now))
            .collect();
        let results: Vec<(Id, bool)> = futures::stream::iter(due)
            .map(|id| {
                let service = service.clone();
                async move { (id, service.deliver_to(&id).await) }
            })
            .buffer_unordered(AT_ONCE)
            .collect()
            .await;
        for (id, is_done) in results {
            if is_done {
                later.remove(&id);
                continue;
            }
            let before = later.get(&id).map_or(AGAIN[0] / 2, |(_, pause)| *pause);
            let pause = before.saturating_mul(2).min(AGAIN[1]);
            later.insert(id, (now.checked_add(jittered(pause)).unwrap_or(now), pause));
        }
    }
}

/// Empties our queues: at once after a start, and from time to time.
pub(super) async fn collect(service: Arc<Service>) {
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
        let all = async {
            for did in &wanted {
                if let Err(failure) = self.prepare_with(did).await {
                    tracing::debug!(%did, %failure, "no mailbox");
                }
            }
        };
        if tokio::time::timeout(PREPARE, all).await.is_err() {
            tracing::debug!("mailboxes not made in time");
        }
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
            self.make_queues(&id, &operators).await?;
        }
        let reach = tokio::task::block_in_place(|| lock(&self.office.post)?.reach(&id))?;
        self.with_wallet(|wallet| wallet.set_reach(did, reach))?;
        Ok(())
    }

    /// Who is to keep the mailbox of a relation: whom the person chose, else two by chance; never the counterpart itself.
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
        operators.truncate(PLACES_MAX);
        operators.into_iter().map(|(_, did)| did).collect()
    }

    /// Makes the queues of a relation that are missing.
    async fn make_queues(&self, id: &Id, operators: &[Did]) -> Result<(), Failure> {
        let errands = tokio::task::block_in_place(|| {
            lock(&self.office.post)?.to_create(id, operators, clock::now(), &mut clock::System)
        })?;
        for errand in errands {
            let operator = errand.operator.clone();
            match self.run_errand(errand).await {
                Ok(Reply::Created { queue, token }) => {
                    tokio::task::block_in_place(|| lock(&self.office.post)?.created(id, &operator, queue, token))?;
                }
                other => {
                    let problem = other.err();
                    tracing::debug!(%operator, ?problem, "no queue made");
                    tokio::task::block_in_place(|| lock(&self.office.post)?.not_created(id, &operator))?;
                }
            }
        }
        Ok(())
    }

    /// Asks an operator: a wallet as nobody it was before.
    async fn run_errand(&self, errand: Errand) -> Result<Reply, Problem> {
        let body = protocol::encode(&errand.ask)?;
        let identity = self.wallet.as_ref().map(|_| errand.peer);
        let (_, answer) = self.ask(&errand.operator, identity, Protocol::Mailbox, body).await?;
        match protocol::decode(&answer, mailbox::LIMIT)? {
            Reply::Problem(problem) => Err(problem),
            reply => Ok(reply),
        }
    }

    /// What roles have to tell is written as letters; whoever said where it is reached gets a relation.
    fn take_over_letters(&self) -> Result<(), Failure> {
        let mut fresh = Vec::new();
        if let Some(issuer) = &self.issuer {
            let mut issuer = lock(issuer)?;
            fresh.extend(issuer.fresh_reaches());
            let letters = issuer.letters().map_err(internal)?;
            let numbers: Vec<u64> = letters.iter().map(|(number, ..)| *number).collect();
            for (_, reach, letter) in letters {
                self.write_letter(&reach, &letter)?;
            }
            if !numbers.is_empty() {
                issuer.letters_taken(&numbers).map_err(internal)?;
            }
        }
        if let Some(verifier) = &self.verifier {
            fresh.extend(lock(verifier)?.fresh_reaches());
        }
        for reach in fresh {
            let id = post::with_wallet(&reach)?;
            lock(&self.office.post)?.begin(&id, None, Some(&reach), &mut clock::System)?;
            // The letter that answers it is written once our own queues are made.
            lock(&self.office.post)?.expects_answer(&id);
        }
        Ok(())
    }

    /// Writes a letter to a wallet: durable when this answers.
    pub(super) fn write_letter(&self, reach: &Reach, letter: &Letter) -> Result<(), Failure> {
        let id = post::with_wallet(reach)?;
        let mut post = lock(&self.office.post)?;
        post.begin(&id, None, Some(reach), &mut clock::System)?;
        post.write(&id, letter, clock::now())?;
        drop(post);
        self.office.wake();
        Ok(())
    }

    /// What a wallet could not say to its counterpart is left in its mailbox, where that is known; whether it was.
    pub(super) fn leave_letter(&self, to: &Did, message: &Outgoing) -> bool {
        let letter = match message {
            Outgoing::Present(presentation::Ask::Answer { session, answer }) => Letter::Answer {
                session: session.clone(),
                answer: answer.clone(),
            },
            Outgoing::Consent(consent::Ask::Withdraw { grant, withdrawal }) => Letter::Withdrawal {
                grant: grant.clone(),
                withdrawal: withdrawal.clone(),
            },
            _ => return false,
        };
        let id = post::with_organisation(to);
        let left = tokio::task::block_in_place(|| {
            let mut post = lock(&self.office.post)?;
            if post.theirs(&id)?.is_none() {
                return Ok(false);
            }
            post.write(&id, &letter, clock::now())?;
            Ok::<bool, Failure>(true)
        });
        match left {
            Ok(left) => {
                self.office.wake();
                left
            }
            Err(failure) => {
                tracing::error!(%failure, cause = failure.cause, "a letter could not be written");
                false
            }
        }
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
    pub(super) async fn deliver_with(&self, did: &Did) -> bool {
        self.deliver_to(&post::with_organisation(did)).await
    }

    /// Empties every queue and puts what is on its way; how many letters were new.
    pub(super) async fn exchange_letters(&self) -> Result<usize, Failure> {
        let new = self.collect_all().await;
        let pending = lock(&self.office.post)?.pending();
        for id in pending {
            self.deliver_to(&id).await;
        }
        Ok(new)
    }

    /// Puts the letters of one relation; whether none is left.
    async fn deliver_to(&self, id: &Id) -> bool {
        match self.try_deliver(id).await {
            Ok(is_done) => is_done,
            Err(failure) => {
                tracing::warn!(%failure, cause = failure.cause, "letters not delivered");
                false
            }
        }
    }

    async fn try_deliver(&self, id: &Id) -> Result<bool, Failure> {
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
        let mut failed: BTreeSet<Did> = BTreeSet::new();
        for delivery in deliveries {
            let operator = delivery.errand.operator.clone();
            // In order: what comes after a letter that is not there waits.
            if failed.contains(&operator) {
                continue;
            }
            match self.run_errand(delivery.errand).await {
                Ok(Reply::Kept) => {}
                // The queue is gone, or its token is void: nobody looks there any more.
                Err(problem) if problem.code == Code::NotFound => {}
                other => {
                    tracing::debug!(%operator, problem = ?other.err(), "a letter is not kept");
                    failed.insert(operator);
                    continue;
                }
            }
            tokio::task::block_in_place(|| lock(&self.office.post)?.delivered(id, delivery.number, &operator))?;
        }
        Ok(failed.is_empty() && is_answered)
    }

    /// An organisation makes queues at the operators that the wallet chose, and says where they are; whether it has.
    async fn answer_reach(&self, id: &Id) -> Result<bool, Failure> {
        let Some(operators) = tokio::task::block_in_place(|| lock(&self.office.post)?.to_answer(id))? else {
            return Ok(true);
        };
        let own = self.keys.organisation().map(|key| &key.did);
        let operators: Vec<Did> = operators.into_iter().filter(|did| Some(did) != own).collect();
        self.make_queues(id, &operators).await?;
        tokio::task::block_in_place(|| lock(&self.office.post)?.tell_reach(id, clock::now()))
    }

    /// Empties the queues of every relation; how many letters were new.
    pub(super) async fn collect_all(&self) -> usize {
        let Ok(relations) = lock(&self.office.post).map(|post| post.relations()) else {
            return 0;
        };
        let counts: Vec<usize> = futures::stream::iter(relations)
            .map(|id| async move { self.empty(&id).await.unwrap_or(0) })
            .buffer_unordered(AT_ONCE)
            .collect()
            .await;
        counts.into_iter().sum()
    }

    /// Empties the queues of a relation; how many letters were new. `unreachable` when no operator answered.
    async fn empty(&self, id: &Id) -> Result<usize, Failure> {
        let errands = tokio::task::block_in_place(|| lock(&self.office.post)?.fetches(id, clock::now()))?;
        let mut problem = None;
        let mut count = 0usize;
        for errand in errands {
            let operator = errand.operator.clone();
            match self.empty_at(id, errand).await {
                Ok(new) => count = count.saturating_add(new),
                Err(failure) => {
                    tracing::debug!(%operator, %failure, "a mailbox was not emptied");
                    problem = Some(failure);
                    continue;
                }
            }
            lock(&self.office.emptied)?.insert(*id);
        }
        let is_emptied = lock(&self.office.emptied)?.contains(id);
        match problem {
            Some(problem) if !is_emptied => Err(problem),
            _ => Ok(count),
        }
    }

    async fn empty_at(&self, id: &Id, first: Errand) -> Result<usize, Failure> {
        let operator = first.operator.clone();
        let mut errand = first;
        let mut count = 0usize;
        for _ in 0..FETCHES_MAX {
            let Reply::Waiting { envelopes, more } = self.run_errand(errand).await? else {
                return Err(Code::UnexpectedMessage.into());
            };
            let mut last = None;
            let mut is_stopped = false;
            for waiting in envelopes {
                match self.take_letter(id, &operator, &waiting.envelope).await {
                    Ok(is_new) => count = count.saturating_add(usize::from(is_new)),
                    Err(failure) if is_passing(failure.problem.code) => {
                        tracing::debug!(%operator, %failure, "a letter waits");
                        is_stopped = true;
                        break;
                    }
                    // It will not be better another time.
                    Err(failure) => tracing::debug!(%operator, code = %failure.problem.code, "a letter without effect"),
                }
                last = Some((waiting.number, envelope::id(&waiting.envelope)));
            }
            let Some((number, name)) = last else { break };
            let acknowledge = tokio::task::block_in_place(|| {
                lock(&self.office.post)?.acknowledge(id, &operator, (number, &name), clock::now())
            })?;
            if let Some(acknowledge) = acknowledge {
                self.run_errand(acknowledge).await?;
            }
            if more == 0 || is_stopped {
                break;
            }
            let again = tokio::task::block_in_place(|| lock(&self.office.post)?.fetches(id, clock::now()))?;
            let Some(next) = again.into_iter().find(|errand| errand.operator == operator) else {
                break;
            };
            errand = next;
        }
        Ok(count)
    }

    /// Gives a letter to its role, once; whether it was new.
    async fn take_letter(&self, id: &Id, operator: &Did, body: &[u8]) -> Result<bool, Failure> {
        let trust = self.trust().ok_or(Code::TrustMissing)?;
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
            && is_passing(failure.problem.code)
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
                let ask = presentation::Ask::Answer { session, answer };
                let reply = {
                    let mirror = lock(&self.mirror)?;
                    let mut verifier = lock(verifier)?;
                    let reply = verifier.receive(now, &*mirror, "mailbox", ask);
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
        self.office.wake();
        Ok(())
    }

    /// Before a release under a grant the mailbox in which its withdrawal may wait is emptied, once after each start. Where no
    /// operator answers nothing is released (`catching_up`).
    pub(super) fn require_emptied(&self, grant: &str) -> Result<(), Problem> {
        let Some(issuer) = &self.issuer else { return Ok(()) };
        let hash = *OpenedGrant::open(grant)?.hash();
        let reach = lock(issuer)?.reach_of_grant(&hash).map_err(|_| Code::Internal)?;
        let Some(reach) = reach else { return Ok(()) };
        let id = post::with_wallet(&reach)?;
        if lock(&self.office.emptied)?.contains(&id) || !lock(&self.office.post)?.knows(&id) {
            return Ok(());
        }
        let emptied = tokio::runtime::Handle::current().block_on(self.empty(&id));
        emptied.map(drop).map_err(|failure| {
            tracing::warn!(%failure, "no mailbox could be emptied before a release");
            Problem::new(Code::CatchingUp, "mailbox")
        })
    }
}

/// Whether the same letter may fare better later.
fn is_passing(code: Code) -> bool {
    matches!(
        code,
        Code::RateLimited
            | Code::Unreachable
            | Code::Internal
            | Code::TraceUnavailable
            | Code::TrustMissing
            | Code::TrustStale
            | Code::ClockSuspect
            | Code::DiskFull
            | Code::DiskReadOnly
            | Code::Damaged
            | Code::StatusMissing
            | Code::StatusStale
            | Code::CatchingUp
    )
}

fn internal(error: issuer::Error) -> Failure {
    Failure::because(Code::Internal, error)
}
