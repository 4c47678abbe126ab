//! The trust list among nodes: whoever has a newer version announces its head by gossip, and the rest is fetched from whoever
//! passed it on. The same is asked for at the start, every five minutes, and whenever a listed peer comes back. Gossip may lose a message
//! and says nothing of it, so that an organisation's node also asks one neighbour for its version twice a minute.
//!
//! Nothing here decides what is taken: that is [`credentials::trust::Known`], whose rules hold against whoever sends.

use super::asking::first_good;
use super::{Service, lock};
use crate::clock;
use crate::network::{PeerName, Protocol, Topic, Verdict};
use credentials::protocol::{self, trust as messages};
use credentials::trust::{self, Bundle, Evidence, Head, Known, ROOTS_MAX, Role, Trust, Version};
use credentials::{Code, Did, Problem, random};
use std::sync::Arc;
use std::time::Duration;

/// How often somebody is asked whether there is a newer version.
const PULL: Duration = Duration::from_secs(300);
/// Organisations that are asked each time: one may be behind, or lie.
const PULL_FROM: usize = 2;
/// How often one neighbour is asked for its version, and how soon others are asked when too few answered: what gossip lost is missed
/// no longer than that.
const GLANCE: Duration = Duration::from_secs(30);
/// Organisations that are tried for a list that whoever announced it does not give.
const FETCH_FROM: usize = 3;
/// Within which time the network is told of a new list: everybody takes it at the same moment, and whom to choose as a neighbour can
/// wait until the others have theirs. Who is let in goes by the new list at once.
const SETTLE: Duration = Duration::from_secs(1);
/// How often a restored home tries again to reach those that it needs.
const RETRY: Duration = Duration::from_secs(2);

/// How long one of them is waited for, the list included.
const PATIENCE: Duration = Duration::from_secs(10);

/// Whom to ask.
#[derive(Clone, Debug)]
pub(super) enum Source {
    /// One node.
    Peer(PeerName),
    /// Any node of an organisation.
    Organisation(Did),
}

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Source::Peer(peer) => peer.fmt(f),
            Source::Organisation(did) => did.fmt(f),
        }
    }
}

/// Asks by the clock, and announces what is new here.
pub(super) async fn run(service: Arc<Service>) {
    let mut changes = service.trusted.subscribe();
    service.list_changed().await;
    if service.wallet.is_some() {
        // Its person may have started it to show something, and nobody is to see when.
        tokio::time::sleep(jittered(PULL)).await;
    }
    loop {
        let pause = match service.wallet {
            Some(_) => {
                service.confirm_by_the_clock().await;
                jittered(PULL)
            }
            None => service.ask_for_newer().await,
        };
        let timer = tokio::time::sleep(pause);
        let glance = tokio::time::sleep(jittered(GLANCE));
        tokio::pin!(timer, glance);
        loop {
            tokio::select! {
                () = &mut timer => break,
                () = &mut glance, if service.wallet.is_none() => {
                    service.ask_a_neighbour().await;
                    glance.set(tokio::time::sleep(jittered(GLANCE)));
                }
                () = service.wake_trust.notified() => break,
                changed = changes.changed() => match changed {
                    Ok(()) => {
                        service.announce_trust().await;
                        let service = service.clone();
                        tokio::spawn(async move {
                            tokio::time::sleep(within(SETTLE)).await;
                            service.list_changed().await;
                        });
                    }
                    Err(_) => return,
                },
            }
        }
    }
}

/// Somewhere between half of a time and all of it, so that nodes that started together do not ask together.
pub(super) fn jittered(time: Duration) -> Duration {
    let half = time / 2;
    half.saturating_add(within(half))
}

/// Some part of a time.
pub(super) fn within(time: Duration) -> Duration {
    let share = f64::from(u16::from_le_bytes(random::bytes(&mut clock::System))) / f64::from(u16::MAX);
    time.mul_f64(share)
}

/// The list that the head names, from the one held; `None` for changes of another list or to another.
fn changed(held: &Trust, changes: messages::Changes, head: &Head) -> Option<String> {
    let is_ours = changes.from == messages::hash_text(&held.text_hash());
    let list = is_ours.then(|| trust::apply(held.text(), &changes.edits))??;
    (trust::text_hash(&list) == head.list_hash).then_some(list)
}

fn unexpected<T>() -> Result<T, Problem> {
    Err(Code::UnexpectedMessage.into())
}

impl Service {
    /// Asks some organisations for what is newer; after a restore as many as are needed before anything is given out. Gives when to
    /// ask again.
    async fn ask_for_newer(&self) -> Duration {
        if self.keys.organisation().is_none() || self.network.get().is_none() {
            return jittered(PULL);
        }
        let is_waiting = self.awaited().is_ok_and(|awaited| awaited.is_some());
        let mut asked: usize = 0;
        let others = self.others_by_reach(&[]);
        let enough = others.len().min(PULL_FROM);
        for did in others {
            if !is_waiting && asked >= PULL_FROM {
                break;
            }
            if is_waiting && self.gate.has(&did) {
                continue;
            }
            let source = Source::Organisation(did.clone());
            match tokio::time::timeout(PATIENCE, self.pull_trust(&source)).await {
                Ok(Ok(_)) => asked = asked.saturating_add(1),
                Ok(Err(problem)) => tracing::debug!(%did, %problem, "trust list not asked for"),
                Err(_) => tracing::debug!(%did, "silent about the trust list"),
            }
            if is_waiting && !self.awaited().is_ok_and(|awaited| awaited.is_some()) {
                break;
            }
        }
        match self.awaited() {
            Ok(Some(_)) => RETRY,
            _ if asked < enough => jittered(GLANCE),
            _ => jittered(PULL),
        }
    }

    /// Asks one of those that are connected, another each time, whether there is a newer version; nobody is dialled for it.
    async fn ask_a_neighbour(&self) {
        let Some(network) = self.network.get() else { return };
        let connected = network
            .peers()
            .into_iter()
            .filter(|one| one.connected)
            .map(|one| one.peer);
        let listed = connected.filter(|peer| {
            self.trust()
                .is_some_and(|trust| trust.organisation_of_peer(peer.as_str()).is_some())
        });
        let by_chance = |_: &PeerName| u64::from_le_bytes(random::bytes(&mut clock::System));
        let Some(peer) = listed.min_by_key(by_chance) else {
            return;
        };
        match tokio::time::timeout(PATIENCE, self.pull_trust(&Source::Peer(peer.clone()))).await {
            Ok(Ok(true)) => tracing::info!(%peer, "a newer trust list, of which gossip had told nothing, was taken"),
            Ok(Ok(false)) => {}
            Ok(Err(problem)) => tracing::debug!(%peer, %problem, "trust list not asked for"),
            Err(_) => tracing::debug!(%peer, "silent about the trust list"),
        }
    }

    /// Tells the neighbours which head we hold, and what is other in its list; not what they told us, which gossip passes on by
    /// itself.
    async fn announce_trust(&self) {
        let held = self.with_known(|known| (known.version(), known.head().to_vec(), known.step()));
        let Ok(Some((version, head, step))) = held else {
            return;
        };
        let is_told = lock(&self.passed_on).is_ok_and(|passed_on| *passed_on == Some(version));
        if head.is_empty() || is_told {
            return;
        }
        match messages::Announcement::encode(version, &head, step.as_deref()) {
            Ok(data) => self.tell(Topic::Trust, data).await,
            Err(problem) => tracing::warn!(%problem, "a head could not be announced"),
        }
    }

    fn with_known<T>(&self, look: impl FnOnce(&Known) -> T) -> Result<Option<T>, Problem> {
        Ok(lock(&self.keeper)?.known().map(look))
    }

    /// Judges a head that was gossiped, takes what belongs to it, and lets it go on.
    pub(super) async fn hear_trust(&self, from: &PeerName, data: &[u8], verdict: Verdict) {
        let announced: messages::Announcement = match protocol::decode(data, messages::ANNOUNCEMENT_MAX) {
            Ok(announced) => announced,
            Err(_) => return verdict.reject(),
        };
        let source = Source::Peer(from.clone());
        if announced.head.is_empty() {
            return match self.pull_trust(&source).await {
                Ok(true) => verdict.accept(),
                _ => verdict.ignore(),
            };
        }
        // Passed on as soon as it is known to be good; that it is durable here matters to us alone.
        let mut verdict = Some(verdict);
        let accept = |version| {
            if let Ok(mut passed_on) = lock(&self.passed_on) {
                *passed_on = Some(version);
            }
            if let Some(verdict) = verdict.take() {
                verdict.accept();
            }
        };
        let result = self.take_head(&source, announced.head, announced.changes, accept).await;
        // What failed for a while only is asked for soon, of others too: it is not announced again.
        let is_to_be_asked = result.as_ref().is_err_and(|problem| problem.code.is_passing()) && self.may_ask_again();
        match verdict {
            Some(verdict) => self.judge_head(from, verdict, result),
            None => {
                if let Err(problem) = result {
                    tracing::warn!(%problem, "an announced trust list was not taken");
                }
            }
        }
        if is_to_be_asked {
            tokio::time::sleep(SETTLE).await;
            self.wake_trust.notify_one();
        }
    }

    /// Whether a head that was announced goes on.
    fn judge_head(&self, from: &PeerName, verdict: Verdict, result: Result<bool, Problem>) {
        match result {
            Ok(_) => verdict.ignore(),
            Err(problem) => {
                tracing::debug!(%from, %problem, "announced trust list not taken");
                // What an honest node of another version of the list might pass on is nobody's fault.
                match problem.code {
                    Code::Malformed | Code::SignatureInvalid | Code::DuplicateKey | Code::TooLarge => verdict.reject(),
                    _ => verdict.ignore(),
                }
            }
        }
    }

    /// Asks somebody for a newer version and takes it. Whether there was one.
    ///
    /// Whoever shows a head that is in force counts among those that a restored home needs.
    pub(super) async fn pull_trust(&self, from: &Source) -> Result<bool, Problem> {
        let theirs = match self.ask_trust(from, &messages::Ask::Version).await? {
            messages::Reply::Version(version) => version,
            messages::Reply::Problem(problem) => return Err(problem),
            _ => return unexpected(),
        };
        let ours = self.with_known(Known::version)?.ok_or(Code::TrustMissing)?;
        let is_waiting = self.awaited()?.is_some();
        if theirs <= ours && !is_waiting {
            return Ok(false);
        }
        let head = match self.ask_trust(from, &messages::Ask::Head).await? {
            messages::Reply::Head { head } => head,
            messages::Reply::Problem(problem) => return Err(problem),
            _ => return unexpected(),
        };
        let is_new = self.take_head(from, head.clone(), None, |_| {}).await?;
        if is_waiting {
            self.witness(from, &head)?;
        }
        Ok(is_new)
    }

    /// Counts an organisation whose head is signed, in force by what we hold now and not before it.
    fn witness(&self, from: &Source, head: &[String]) -> Result<(), Problem> {
        let Some(trust) = self.trust() else { return Ok(()) };
        let did = match from {
            Source::Organisation(did) => did.clone(),
            Source::Peer(peer) => match trust.organisation_of_peer(peer.as_str()) {
                Some(organisation) => organisation.did.clone(),
                None => return Ok(()),
            },
        };
        let now = clock::now();
        let (opened, ours) = self
            .with_known(|known| (Head::open(head, known.root()), known.version()))?
            .ok_or(Code::TrustMissing)?;
        let opened = opened?;
        if opened.number() < ours || opened.expires < now || trust.current(now).is_err() {
            return Ok(());
        }
        let own = self.keys.organisation().map(|key| &key.did);
        match self.gate.took(&did, &trust, own) {
            Ok(true) => tracing::info!("heads of enough organisations were taken after the restore"),
            Ok(false) => {}
            Err(failure) => tracing::warn!(%failure, "a head that was taken could not be noted"),
        }
        Ok(())
    }

    /// Has somebody show a signed head, and takes what is newer in it. Whether it is one that is in force now and not before what is
    /// held: a claim of a number alone confirms nothing.
    pub(super) async fn is_confirmed_by(&self, from: &Source) -> Result<bool, Problem> {
        let head = match self.ask_trust(from, &messages::Ask::Head).await? {
            messages::Reply::Head { head } => head,
            messages::Reply::Problem(problem) => return Err(problem),
            _ => return unexpected(),
        };
        self.take_head(from, head.clone(), None, |_| {}).await?;
        if self.awaited()?.is_some() {
            self.witness(from, &head)?;
        }
        let shown = self.with_known(|known| (Head::open(&head, known.root()), known.version()));
        let (shown, ours) = shown?.ok_or(Code::TrustMissing)?;
        let shown = shown?;
        Ok(shown.number() >= ours && shown.expires >= clock::now())
    }

    /// Takes a head and what belongs to it from whoever has it; `is_good` is called with its version once all is checked, or once
    /// the head is where its list has to be fetched: that takes longer than gossip waits for a verdict. Whether it was new.
    async fn take_head(
        &self,
        from: &Source,
        head: Vec<String>,
        changes: Option<messages::Changes>,
        is_good: impl FnOnce(Version) + Send,
    ) -> Result<bool, Problem> {
        let mut is_good = Some(is_good);
        let offered = Head::read(&head)?;
        let Some(mut trial) = self.with_known(Known::clone)? else {
            return Err(Code::TrustMissing.into());
        };
        let ours = trial.version();
        if offered.number() == ours && trial.head() == head {
            return Ok(false);
        }
        let issued = self.trust().map(|trust| trust.head_issued());
        if offered.number() < ours && issued.is_some_and(|issued| offered.issued <= issued) {
            // They are behind, which is no alarm: what they show was once the newest.
            self.older_trust.count_head(offered.number(), ours);
            return Ok(false);
        }
        let mut roots = Vec::new();
        if offered.root > ours.root {
            let fetched = tokio::time::timeout(PATIENCE, self.fetch_roots(from, ours.root)).await;
            roots = fetched.map_err(|_| Code::Unreachable)??;
            trial.take(&Bundle::assemble(roots.clone(), None, Vec::new())?, clock::now())?;
        }
        // Before a list is fetched for it: nobody makes us fetch one without the anchors' word.
        Head::open(&head, trial.root())?;
        let held = self.trust();
        let has_list = held
            .as_ref()
            .is_some_and(|trust| trust.text_hash() == offered.list_hash);
        // One that is not after ours is evidence or nothing, and needs no list.
        let list = match has_list || offered.number() <= trial.version() {
            true => None,
            false => match held.and_then(|held| changed(&held, changes?, &offered)) {
                Some(list) => Some(list),
                None => {
                    let now = clock::now();
                    if (offered.issued..=offered.expires).contains(&now)
                        && let Some(is_good) = is_good.take()
                    {
                        is_good(offered.number());
                    }
                    match self.fetch_list_of(from, &offered).await {
                        Ok(list) => Some(list),
                        Err(problem) => {
                            self.keep_rival(from, &trial, &offered, &head);
                            return Err(problem);
                        }
                    }
                }
            },
        };
        let bundle = Bundle::assemble(roots, list, head)?;
        let from = from.to_string();
        let tell = || {
            if let Some(is_good) = is_good {
                is_good(offered.number());
            }
        };
        let taken = tokio::task::block_in_place(|| self.take_and_tell(&bundle, &from, tell));
        taken.map(|taken| taken.is_changed).map_err(|failure| failure.problem)
    }

    /// Of a head that names another list of the version we hold, which nobody gives: the two heads are evidence by themselves.
    fn keep_rival(&self, from: &Source, known: &Known, offered: &Head, head: &[String]) {
        let ours = known.version();
        let is_other = known
            .trust()
            .is_some_and(|trust| trust.text_hash() != offered.list_hash);
        if is_other && (offered.root, offered.list) == (ours.root, ours.list) {
            let evidence = Evidence {
                code: Code::TrustConflict,
                role: Role::Head,
                held_version: ours,
                offered_version: offered.number(),
                held: known.head().join("\n"),
                offered: head.join("\n"),
                seen: clock::now(),
            };
            self.keep_evidence(&evidence, &from.to_string());
        }
    }

    async fn fetch_roots(&self, from: &Source, ours: u64) -> Result<Vec<String>, Problem> {
        let mut roots: Vec<String> = Vec::new();
        while roots.len() < ROOTS_MAX {
            let have = u64::try_from(roots.len()).unwrap_or(u64::MAX);
            let ask = messages::Ask::Root {
                from: ours.saturating_add(have).saturating_add(1),
            };
            match self.ask_trust(from, &ask).await? {
                messages::Reply::Root { roots: more } if more.is_empty() => break,
                messages::Reply::Root { roots: more } => roots.extend(more),
                messages::Reply::Problem(problem) => return Err(problem),
                _ => return unexpected(),
            }
        }
        Ok(roots)
    }

    /// The list that a head names: from whoever showed the head, else from others.
    async fn fetch_list_of(&self, from: &Source, head: &Head) -> Result<String, Problem> {
        let others = self.others_by_reach(&[]).into_iter().take(FETCH_FROM);
        let sources: Vec<Source> = [from.clone()]
            .into_iter()
            .chain(others.map(Source::Organisation))
            .collect();
        let fetched = first_good(sources.into_iter().map(|source| self.fetch_trust_list(source, head)));
        let fetched = tokio::time::timeout(PATIENCE, fetched).await;
        fetched.map_err(|_| Problem::new(Code::Unreachable, "list"))?
    }

    /// What is other in a list than in the one held, from whoever has both.
    async fn fetch_changes(&self, from: &Source, head: &Head) -> Result<String, Problem> {
        let held = self.trust().ok_or(Code::TrustMissing)?;
        let from_hash = messages::hash_text(&held.text_hash());
        let ask = messages::Ask::Changes {
            from: from_hash.clone(),
            to: messages::hash_text(&head.list_hash),
        };
        match self.ask_trust(from, &ask).await? {
            messages::Reply::Changes { edits } => {
                let changes = messages::Changes { from: from_hash, edits };
                changed(&held, changes, head).ok_or_else(|| Problem::new(Code::TrustMismatch, "list"))
            }
            messages::Reply::Problem(problem) => Err(problem),
            _ => unexpected(),
        }
    }

    async fn fetch_trust_list(&self, from: Source, head: &Head) -> Result<String, Problem> {
        let size = usize::try_from(head.list_size).unwrap_or(usize::MAX);
        if size > trust::TRUST_MAX {
            return Err(Problem::new(Code::TooLarge, "list"));
        }
        if let Ok(list) = self.fetch_changes(&from, head).await {
            return Ok(list);
        }
        let hash = messages::hash_text(&head.list_hash);
        let mut text = Vec::new();
        while text.len() < size {
            let ask = messages::Ask::List {
                hash: hash.clone(),
                offset: u32::try_from(text.len()).unwrap_or(u32::MAX),
            };
            match self.ask_trust(&from, &ask).await? {
                messages::Reply::List { total, bytes } => {
                    let room = size.saturating_sub(text.len());
                    // Bytes are given by the chunk: nobody holds us up with one at a time.
                    if bytes.is_empty() || bytes.len() != room.min(messages::CHUNK) || total != head.list_size {
                        return Err(Problem::new(Code::Malformed, "list"));
                    }
                    text.extend(bytes);
                }
                messages::Reply::Problem(problem) => return Err(problem),
                _ => return unexpected(),
            }
        }
        if crate::output::sha256(&text) != head.list_hash {
            return Err(Problem::new(Code::TrustMismatch, "list"));
        }
        String::from_utf8(text).map_err(|_| Problem::new(Code::Malformed, "list"))
    }

    async fn ask_trust(&self, from: &Source, ask: &messages::Ask) -> Result<messages::Reply, Problem> {
        let body = protocol::encode(ask)?;
        let reply = match from {
            Source::Peer(peer) => self.ask_peer(peer, Protocol::Trust, body).await?,
            Source::Organisation(did) => self.ask(did, self.anonymous(), Protocol::Trust, body).await?.1,
        };
        protocol::decode(&reply, messages::LIMIT)
    }

    /// Answers a question about the trust list. Everything in it is public.
    pub(super) fn answer_trust(&self, ask: messages::Ask) -> Result<messages::Reply, Problem> {
        let answer = self.with_known(|known| match ask {
            messages::Ask::Version => Ok(messages::Reply::Version(known.version())),
            messages::Ask::Head => {
                let head = known.head().to_vec();
                match head.is_empty() {
                    true => Err(Code::TrustMissing.into()),
                    false => Ok(messages::Reply::Head { head }),
                }
            }
            messages::Ask::Root { from } => {
                let newest = known.root().version;
                let end = from.saturating_add(u64::try_from(messages::ROOTS_MAX).unwrap_or(0));
                let roots = (from..end.min(newest.saturating_add(1))).map_while(|v| known.root_text(v));
                Ok(messages::Reply::Root {
                    roots: roots.map(ToOwned::to_owned).collect(),
                })
            }
            messages::Ask::List { hash, offset } => {
                let is_named = |trust: &Arc<Trust>| messages::hash_text(&trust.text_hash()) == hash;
                let trust = known.trust().filter(is_named);
                let trust: Arc<Trust> = trust.ok_or_else(|| Problem::from(Code::NotFound))?;
                let text = trust.text().as_bytes();
                let start = usize::try_from(offset).unwrap_or(usize::MAX);
                let rest = text.get(start..).unwrap_or_default();
                let bytes = rest.get(..rest.len().min(messages::CHUNK)).unwrap_or_default();
                Ok(messages::Reply::List {
                    total: u32::try_from(text.len()).unwrap_or(u32::MAX),
                    bytes: bytes.to_vec(),
                })
            }
            messages::Ask::Changes { from, to } => {
                let step = known.step().filter(|step| {
                    messages::hash_text(&step.from) == from
                        && messages::hash_text(&step.to) == to
                        && step.size() <= messages::EDITS_BYTES_MAX
                });
                let step = step.ok_or_else(|| Problem::from(Code::NotFound))?;
                Ok(messages::Reply::Changes {
                    edits: step.edits.clone(),
                })
            }
        });
        answer?.ok_or(Code::TrustMissing)?
    }
}
