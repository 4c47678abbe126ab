//! Mirrors whole status lists. What changed comes by gossip, from the issuer's own signature; the rest is asked for by the clock,
//! never because a presentation arrived: of the issuer, and where it does not answer of anybody else who mirrors it.

use super::asking::first_good;
use super::versions::{Source, jittered, within};
use super::{Effect, Service, lock};
use crate::clock;
use crate::network::{PeerName, Protocol, Verdict};
use credentials::protocol::{self, status};
use credentials::status::{DIGEST_MAX, Heard, LIST_MAX, Wanted};
use credentials::{Code, Did, Problem};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// How soon an issuer that did not answer is tried again: a healed network is caught up with well within a minute.
const RETRY: Duration = Duration::from_secs(5);
/// The same while an issuer has never been mirrored: nothing of it can be decided. After some times doubled each time, up to
/// [`RETRY_LAST`]: one that does not know yet that it is listed turns everybody away.
const RETRY_FIRST: Duration = Duration::from_secs(1);
const RETRIES_FIRST: u32 = 4;
const RETRY_LAST: Duration = Duration::from_secs(30);
/// Within which time an issuer is asked that a new list names, or whose status counts no more: everybody else is about to ask it too,
/// and what there is to do about a new list comes before.
const SPREAD: Duration = Duration::from_secs(10);
/// Longest that all that one issuer has is waited for, before others have their turn again.
const TURN: Duration = Duration::from_secs(20);
/// Longest that somebody who has just collected waits for the status of it.
const LEARN: Duration = Duration::from_secs(2);
/// Organisations beside the issuer that are asked for what it does not give.
const ASK_OTHERS: usize = 3;

/// Asks each issuer at times of its own, drawn at random: when a wallet asks says nothing of what its person does.
pub(super) async fn run(service: Arc<Service>) {
    let every = Duration::from_secs(u64::from(service.config().status.every_seconds));
    let mut due: BTreeMap<Did, Instant> = BTreeMap::new();
    let mut failed: BTreeMap<Did, u32> = BTreeMap::new();
    let mut is_starting = true;
    loop {
        let now = Instant::now();
        let issuers = service.issuers_of_interest();
        due.retain(|issuer, _| issuers.contains(issuer));
        failed.retain(|issuer, _| issuers.contains(issuer));
        for issuer in issuers {
            due.entry(issuer).or_insert_with_key(|issuer| {
                let pause = match (service.wallet.is_some(), service.has_head(issuer)) {
                    // What a wallet holds of before is asked for some time after it starts, which its person may have done to show it.
                    (true, true) => jittered(every),
                    (false, _) if !is_starting => within(SPREAD.min(every)),
                    _ => Duration::ZERO,
                };
                now.checked_add(pause).unwrap_or(now)
            });
        }
        // Who has no list yet has still to begin.
        is_starting &= due.is_empty();
        let ready: BTreeSet<Did> = due
            .iter()
            .filter(|(_, at)| **at <= now)
            .map(|(issuer, _)| issuer.clone())
            .collect();
        if !ready.is_empty() {
            let failing = service.refresh(ready.clone()).await;
            for issuer in ready {
                let times = match failing.contains(&issuer) {
                    false => {
                        failed.remove(&issuer);
                        0
                    }
                    true => {
                        let times = failed.entry(issuer.clone()).or_default();
                        *times = times.saturating_add(1);
                        *times
                    }
                };
                let pause = match (times, service.has_head(&issuer)) {
                    (0, _) => jittered(every),
                    (_, true) => RETRY.min(every),
                    (_, false) => jittered(retry_of_first(times)).min(every),
                };
                due.insert(issuer, Instant::now().checked_add(pause).unwrap_or(now));
            }
        }
        let next = due.values().min().copied();
        let timer = next.unwrap_or_else(|| now.checked_add(every).unwrap_or(now));
        tokio::select! {
            () = tokio::time::sleep_until(timer) => {}
            () = service.wake_mirror.notified() => {
                let failing = lock(&service.unmirrored).map(|failing| failing.clone()).unwrap_or_default();
                let now = Instant::now();
                for (issuer, at) in &mut due {
                    if failing.contains_key(issuer) {
                        *at = now;
                    } else if !service.has_head(issuer) {
                        *at = (*at).min(now.checked_add(within(SPREAD.min(every))).unwrap_or(now));
                    }
                }
            }
        }
    }
}

/// How long an issuer that has never answered is left alone after so many failures.
fn retry_of_first(times: u32) -> Duration {
    let doubled = 2_u32.saturating_pow(times.saturating_sub(RETRIES_FIRST));
    RETRY_FIRST.saturating_mul(doubled).min(RETRY_LAST)
}

/// Writes what is mirrored to the cache, some time after it changed.
pub(super) async fn keep(service: Arc<Service>) {
    /// How often at most: packing and writing are for a restart, and must not slow down who decides.
    const EVERY: Duration = Duration::from_secs(10);
    let mut revisions = service.mirrored.subscribe();
    while revisions.changed().await.is_ok() {
        let changed = match lock(&service.uncached) {
            Ok(mut uncached) => std::mem::take(&mut *uncached),
            Err(_) => return,
        };
        let service = service.clone();
        let written = tokio::task::spawn_blocking(move || service.write_cache(&changed)).await;
        if let Err(error) = written {
            tracing::warn!(%error, "status cache");
        }
        tokio::time::sleep(EVERY).await;
    }
}

impl Service {
    /// Asks for the news of every issuer that concerns us, and for the lists that are new.
    pub async fn refresh_mirror(self: &Arc<Service>) {
        self.refresh(self.issuers_of_interest()).await;
    }

    /// The same for these issuers. Those that did not answer themselves.
    async fn refresh(self: &Arc<Service>, issuers: BTreeSet<Did>) -> BTreeSet<Did> {
        let mut tasks = tokio::task::JoinSet::new();
        for issuer in issuers {
            let service = self.clone();
            tasks.spawn(async move {
                let result = match tokio::time::timeout(TURN, service.mirror_issuer(&issuer)).await {
                    Ok(result) => result,
                    // What came by then is kept, and the rest asked for next time.
                    Err(_) => Err(Code::Unreachable.into()),
                };
                service.note_mirrored(&issuer, result.as_ref().err().map(|problem| problem.code));
                result.is_err().then_some(issuer)
            });
        }
        let mut failing = BTreeSet::new();
        while let Some(done) = tasks.join_next().await {
            failing.extend(done.ok().flatten());
        }
        if self.wallet.is_some() {
            self.tell_wallet();
        }
        failing
    }

    /// Asks one issuer now, and waits a moment for it.
    pub(super) async fn learn_status(&self, issuer: &Did) {
        match tokio::time::timeout(LEARN, self.mirror_issuer(issuer)).await {
            Ok(result) => self.note_mirrored(issuer, result.err().map(|problem| problem.code)),
            // Asked again by and by, and at once where it is woken for that.
            Err(_) => self.note_mirrored(issuer, Some(Code::Unreachable)),
        }
        self.tell_wallet();
        self.wake_mirror.notify_one();
    }

    /// The wallet keeps what the lists say of its copies: it shows people the state, and selects none that is revoked.
    fn tell_wallet(&self) {
        let Ok(mirror) = lock(&self.mirror) else { return };
        match self.with_wallet(|wallet| wallet.note_status(clock::now(), &*mirror)) {
            Ok(Ok(changed)) if !changed.is_empty() => {
                tracing::info!(count = changed.len(), "credentials changed state")
            }
            Ok(Ok(_)) => {}
            Ok(Err(error)) => tracing::warn!(%error, "status of held credentials"),
            Err(problem) => tracing::warn!(%problem, "status of held credentials"),
        }
    }

    /// Remembers how an issuer's status fares, for `doctor`; the log tells when that changes, not each time.
    fn note_mirrored(&self, issuer: &Did, failed: Option<Code>) {
        let Ok(mut unmirrored) = lock(&self.unmirrored) else {
            return;
        };
        let before = match failed {
            Some(code) => unmirrored.insert(issuer.clone(), code),
            None => unmirrored.remove(issuer),
        };
        match failed {
            Some(code) if before != failed => tracing::info!(%issuer, %code, "status not fetched"),
            Some(code) => tracing::debug!(%issuer, %code, "status not fetched"),
            None => {}
        }
    }

    fn has_head(&self, issuer: &Did) -> bool {
        lock(&self.mirror).is_ok_and(|mirror| mirror.has_head(issuer))
    }

    /// All issuers of the list (who verifies), or those of what we hold (wallets).
    fn issuers_of_interest(&self) -> BTreeSet<Did> {
        let Some(trust) = self.trust() else {
            return BTreeSet::new();
        };
        let all = &trust.document().organisations;
        let own = self.keys.organisation().map(|key| &key.did);
        if let Some(own) = own {
            let is_asking = trust.organisation(own).is_some_and(|own| !own.services.is_empty());
            let issuers = all
                .iter()
                .filter(|o| is_asking && !o.issues.is_empty() && o.did != *own);
            return issuers.map(|o| o.did.clone()).collect();
        }
        let Ok(mirror) = lock(&self.mirror) else {
            return BTreeSet::new();
        };
        match self.with_wallet(|wallet| wallet.credentials(clock::now(), &*mirror)) {
            Ok(Ok(held)) => held
                .into_iter()
                .map(|h| h.issuer)
                .filter(|did| trust.organisation(did).is_some())
                .collect(),
            _ => BTreeSet::new(),
        }
    }

    /// Asks the issuer, and where it does not answer others for what they have of it. An error although others answered: only the
    /// issuer knows what is newest, so it is asked again soon.
    async fn mirror_issuer(&self, issuer: &Did) -> Result<(), Problem> {
        let problem = match self.take_news(&Source::Organisation(issuer.clone()), issuer).await {
            Ok(()) => return Ok(()),
            Err(problem) => problem,
        };
        for other in self.others_by_reach(&[issuer]).into_iter().take(ASK_OTHERS) {
            if let Err(problem) = self.take_news(&Source::Organisation(other), issuer).await {
                tracing::debug!(%issuer, %problem, "status not had from another");
            }
        }
        Err(problem)
    }

    /// Takes the newest that somebody has of an issuer.
    async fn take_news(&self, from: &Source, issuer: &Did) -> Result<(), Problem> {
        let ask = status::Ask::HeadOf { issuer: issuer.clone() };
        let (head, digests) = match self.ask_status(from, &ask).await? {
            status::Reply::News { head, digests } => (head, digests),
            status::Reply::Problem(problem) => return Err(problem),
            _ => return Err(Code::UnexpectedMessage.into()),
        };
        let trust = self.trust().ok_or(Code::TrustMissing)?;
        let heard = tokio::task::block_in_place(|| {
            let now = clock::now();
            let mut mirror = lock(&self.mirror)?;
            let mut heard = mirror.head(&head, &trust, now)?;
            if &heard.issuer != issuer {
                return Err(Problem::from(Code::UnknownIssuer));
            }
            for digest in digests.iter().take(status::DIGESTS_MAX) {
                let more = mirror.digest(digest, &trust, now)?;
                heard = Heard {
                    is_news: heard.is_news || more.is_news,
                    ..more
                };
            }
            Ok(heard)
        });
        let heard = self.watched(heard)?;
        if heard.is_news {
            self.changed(issuer);
        }
        self.fetch_wanted(from, &heard.wanted).await
    }

    /// Looks for alarms in what came of a message about status.
    fn watched<T>(&self, result: Result<T, Problem>) -> Result<T, Problem> {
        if let Err(problem) = &result
            && problem.code == Code::StatusConflict
        {
            // Not under the lock: keeping evidence waits for the disk, and who decides must not.
            let conflicts = lock(&self.mirror)?.conflicts();
            for conflict in conflicts {
                let problem = Problem::new(Code::StatusConflict, conflict.uri.as_str());
                self.alarms
                    .raise(&problem, &conflict.issuer.to_string(), &conflict.evidence);
            }
        }
        result
    }

    /// Tells whoever waits that an issuer's lists may be others than before, and when that was.
    fn changed(&self, issuer: &Did) {
        let Ok(lists) = lock(&self.mirror).map(|mirror| mirror.lists()) else {
            return;
        };
        for list in lists.into_iter().filter(|list| &list.issuer == issuer) {
            if let Some(version) = list.version {
                self.effects.note(&Effect::Status { uri: list.uri, version });
            }
        }
        if let Ok(mut uncached) = lock(&self.uncached) {
            uncached.insert(issuer.clone());
        }
        self.mirrored
            .send_modify(|revision| *revision = revision.saturating_add(1));
    }

    /// Judges a digest that was gossiped and lets it go on; what does not stand in it is fetched from whoever passed it on.
    pub(super) async fn hear_status(&self, from: &PeerName, data: &[u8], verdict: Verdict) {
        let text = match std::str::from_utf8(data) {
            Ok(text) if text.len() <= DIGEST_MAX => text,
            _ => return verdict.reject(),
        };
        let Some(trust) = self.trust() else {
            return verdict.ignore();
        };
        let heard = tokio::task::block_in_place(|| lock(&self.mirror)?.digest(text, &trust, clock::now()));
        let heard = match self.watched(heard) {
            Ok(heard) => heard,
            Err(problem) => {
                tracing::debug!(%from, %problem, "digest not taken");
                return match problem.code {
                    Code::Malformed | Code::SignatureInvalid | Code::DuplicateKey | Code::TooLarge => verdict.reject(),
                    // It is evidence, which others are to have too.
                    Code::StatusConflict => verdict.accept(),
                    _ => verdict.ignore(),
                };
            }
        };
        if !heard.is_news {
            return verdict.ignore();
        }
        verdict.accept();
        self.changed(&heard.issuer);
        if !self.issuers_of_interest().contains(&heard.issuer) {
            return;
        }
        let source = Source::Peer(from.clone());
        let result = if heard.has_more {
            match self.take_news(&source, &heard.issuer).await {
                Ok(()) => Ok(()),
                Err(_) => self.mirror_issuer(&heard.issuer).await,
            }
        } else {
            self.fetch_wanted(&source, &heard.wanted).await
        };
        if let Err(problem) = result {
            tracing::debug!(issuer = %heard.issuer, %problem, "what was announced is not to be had");
            self.note_mirrored(&heard.issuer, Some(problem.code));
            self.wake_mirror.notify_one();
        }
    }

    /// Fetches contents: from whoever told of them, then from others, then from the issuer.
    async fn fetch_wanted(&self, from: &Source, wanted: &[Wanted]) -> Result<(), Problem> {
        let mut result = Ok(());
        for wanted in wanted {
            let others = self.others_by_reach(&[&wanted.issuer]).into_iter().take(ASK_OTHERS);
            let mut sources = vec![from.clone()];
            sources.extend(others.map(Source::Organisation));
            sources.push(Source::Organisation(wanted.issuer.clone()));
            let attempts = sources.into_iter().map(|source| self.fetch_content(source, wanted));
            match first_good(attempts).await {
                Ok(()) => self.changed(&wanted.issuer),
                Err(problem) => result = Err(problem),
            }
        }
        result
    }

    /// One content from one source: what changed, where we hold the one before, else all of it.
    async fn fetch_content(&self, from: Source, wanted: &Wanted) -> Result<(), Problem> {
        if let Some(held) = &wanted.held {
            let ask = status::Ask::Delta {
                issuer: wanted.issuer.clone(),
                uri: wanted.list.uri.clone(),
                from: held.clone(),
                to: wanted.list.states.clone(),
            };
            if let status::Reply::Delta { changes } = self.ask_status(&from, &ask).await? {
                let taken = tokio::task::block_in_place(|| {
                    lock(&self.mirror)?.delta(&wanted.issuer, &wanted.list.uri, &changes)
                });
                if taken.is_ok() {
                    return Ok(());
                }
            }
        }
        let packed = self.fetch_chunks(&from, &wanted.list.states).await?;
        let taken =
            tokio::task::block_in_place(|| lock(&self.mirror)?.states(&wanted.issuer, &wanted.list.uri, &packed));
        self.watched(taken)
    }

    async fn fetch_chunks(&self, from: &Source, hash: &str) -> Result<Vec<u8>, Problem> {
        let mut content = Vec::new();
        let mut announced = None;
        loop {
            let ask = status::Ask::Chunk {
                hash: hash.to_owned(),
                offset: u32::try_from(content.len()).unwrap_or(u32::MAX),
            };
            match self.ask_status(from, &ask).await? {
                status::Reply::Chunk { bytes, total } => {
                    let total = usize::try_from(total).unwrap_or(usize::MAX);
                    let room = total.saturating_sub(content.len());
                    let is_same = *announced.get_or_insert(total) == total;
                    // Bytes are given by the chunk: nobody holds us up with one at a time.
                    if !is_same || total > LIST_MAX || bytes.is_empty() || bytes.len() != room.min(status::CHUNK) {
                        return Err(Problem::new(Code::Malformed, "status list"));
                    }
                    content.extend(bytes);
                    if content.len() == total {
                        return Ok(content);
                    }
                }
                status::Reply::Problem(problem) => return Err(problem),
                _ => return Err(Code::UnexpectedMessage.into()),
            }
        }
    }

    async fn ask_status(&self, from: &Source, ask: &status::Ask) -> Result<status::Reply, Problem> {
        let body = protocol::encode(ask)?;
        let reply = match from {
            Source::Peer(peer) => self.ask_peer(peer, Protocol::Status, body).await?,
            // A wallet asks as nobody: which issuer's lists it fetches tells nothing then of who it is.
            Source::Organisation(did) => self.ask(did, self.anonymous(), Protocol::Status, body).await?.1,
        };
        protocol::decode(&reply, status::LIMIT)
    }

    /// Answers whoever mirrors: of our own lists as their issuer, of others' from the mirror.
    pub(super) fn answer_status(&self, ask: status::Ask) -> Result<status::Reply, Problem> {
        let now = clock::now();
        if let Some(issuer) = &self.issuer {
            let own = self.keys.organisation().map(|key| &key.did);
            let is_of_another = match &ask {
                status::Ask::HeadOf { issuer } | status::Ask::Delta { issuer, .. } => Some(issuer) != own,
                _ => false,
            };
            if !is_of_another {
                match lock(issuer)?.receive_status(now, ask.clone()) {
                    status::Reply::Problem(problem) if problem.code == Code::StatusMissing => {}
                    reply => return Ok(reply),
                }
            }
        }
        Ok(lock(&self.mirror)?.answer(&ask))
    }

    /// Reads what was mirrored before the start.
    pub(super) fn read_cache(&self) {
        let (Some(trust), Some(cache)) = (self.trust(), &self.cache) else {
            return;
        };
        let now = clock::now();
        let read = cache.read(|cached| {
            let restored = lock(&self.mirror).and_then(|mut mirror| mirror.restore(cached, &trust, now));
            if let Err(problem) = &restored {
                tracing::info!(issuer = %cached.issuer, %problem, "cached status does not hold");
            }
            restored.is_ok()
        });
        match read {
            Ok(0) => {}
            Ok(issuers) => tracing::info!(issuers, "status lists read from the cache"),
            Err(error) => tracing::warn!(%error, "status cache"),
        }
    }

    fn write_cache(&self, issuers: &BTreeSet<Did>) {
        let Some(cache) = &self.cache else { return };
        for issuer in issuers {
            self.pack(issuer);
            let cached = lock(&self.mirror).ok().and_then(|mirror| mirror.cached(issuer));
            let written = match cached {
                Some(cached) => cache.keep(&cached),
                None => cache.forget(issuer),
            };
            if let Err(error) = written {
                tracing::warn!(%error, "status cache");
            }
        }
    }

    /// Packs what is not packed yet, one list at a time and not while others wait to decide by it.
    fn pack(&self, issuer: &Did) {
        loop {
            let unpacked = lock(&self.mirror).ok().and_then(|mirror| mirror.unpacked(issuer));
            let Some((hash, states)) = unpacked else { return };
            match states.pack() {
                Ok(packed) => {
                    if lock(&self.mirror)
                        .map(|mirror| mirror.keep_packed(&hash, packed))
                        .is_err()
                    {
                        return;
                    }
                }
                Err(problem) => return tracing::warn!(%problem, "status cache"),
            }
        }
    }

    /// Forgets what was signed by keys that count no more, and asks for it anew.
    pub(super) fn review_mirror(&self) {
        let Some(trust) = self.trust() else { return };
        let gone = lock(&self.mirror).map(|mut mirror| mirror.review(&trust));
        for issuer in gone.unwrap_or_default() {
            tracing::info!(%issuer, "what was mirrored does not count any more");
            self.changed(&issuer);
        }
    }
}

#[cfg(test)]
impl Service {
    /// Takes a head and the states of its one list as if they had come over the network.
    pub(crate) fn take_status(&self, issuer: &Did, head: &str, uri: &str, packed: &[u8]) -> Result<(), Problem> {
        let trust = self.trust().ok_or(Code::TrustMissing)?;
        lock(&self.mirror)?.head(head, &trust, clock::now())?;
        lock(&self.mirror)?.states(issuer, uri, packed)?;
        self.changed(issuer);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_that_never_answers_is_asked_less_and_less_often_but_is_asked() {
        let seconds: Vec<u64> = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, u32::MAX]
            .map(|times| retry_of_first(times).as_secs())
            .to_vec();
        assert_eq!(seconds, [1, 1, 1, 1, 2, 4, 8, 16, 30, 30, 30]);
    }
}
