//! Organisations that gossip: a list that changes, members that judge and remember what they hear.

use std::collections::BTreeSet;
use std::sync::{Mutex, RwLock};

use tokio::sync::watch;
use tokio::time::Instant;

use super::*;

/// Who is listed, as everybody of a test sees it.
#[derive(Clone, Default)]
pub(super) struct List(Arc<RwLock<BTreeSet<PeerName>>>);

impl List {
    pub(super) fn of(seeds: impl IntoIterator<Item = u16>) -> Self {
        Self(Arc::new(RwLock::new(seeds.into_iter().map(client_name).collect())))
    }

    pub(super) fn remove(&self, peer: &PeerName) {
        self.0.write().expect("no test panics with it").remove(peer);
    }

    pub(super) fn add(&self, peer: &PeerName) {
        self.0.write().expect("no test panics with it").insert(peer.clone());
    }
}

impl Greeter for List {
    fn hello(&self, _: Option<&PeerName>) -> Vec<u8> {
        b"member".to_vec()
    }

    fn check(&self, _: &PeerName, _: &[u8], _: bool) -> Result<Standing, Vec<u8>> {
        Ok(Standing::Full)
    }

    fn is_listed(&self, peer: &PeerName) -> bool {
        self.0.read().expect("no test panics with it").contains(peer)
    }
}

/// A message as it was heard.
#[derive(Clone, Debug)]
pub(super) struct Heard {
    pub(super) origin: PeerName,
    pub(super) topic: Topic,
    pub(super) data: Vec<u8>,
    pub(super) at: Instant,
}

/// What a member knows.
#[derive(Default)]
pub(super) struct State {
    pub(super) heard: Vec<Heard>,
    pub(super) peers: BTreeSet<PeerName>,
    /// Verdicts that are never given.
    pub(super) held: Vec<Gossiped>,
}

impl State {
    pub(super) fn has(&self, data: &[u8]) -> bool {
        self.heard.iter().any(|heard| heard.data == data)
    }
}

/// An organisation that accepts what it hears, rejects what begins with `bad`, ignores what begins with `old`, and never
/// judges what begins with `hold`.
pub(super) struct Member {
    pub(super) handle: Handle,
    pub(super) name: PeerName,
    state: Arc<Mutex<State>>,
    changed: watch::Receiver<u64>,
    tasks: Vec<JoinHandle<()>>,
}

impl Member {
    pub(super) async fn start(settings: Settings, seed: u16, list: &List) -> Self {
        Self::try_start(settings, seed, list).await.expect("network starts")
    }

    /// Starts where the ports are free.
    pub(super) async fn try_start(settings: Settings, seed: u16, list: &List) -> Result<Self, Error> {
        let started = start(settings, Some(secret(seed)), Arc::new(list.clone()));
        let (handle, mut inbox) = within(started).await?;
        let mut gossip = inbox.gossip().expect("once");
        assert!(inbox.gossip().is_none(), "and no second time");
        let state = Arc::new(Mutex::new(State::default()));
        let (changing, changed) = watch::channel(0);
        let known = Arc::clone(&state);
        let hears = tokio::spawn(async move {
            while let Some(news) = gossip.next().await {
                hear(&mut known.lock().expect("no test panics with it"), news);
                changing.send_modify(|revision| *revision += 1);
            }
        });
        let echoes = tokio::spawn(async move {
            while let Some(mut inbound) = inbox.next().await {
                let body = std::mem::take(&mut inbound.body);
                inbound.reply(body);
            }
        });
        Ok(Self {
            handle,
            name: client_name(seed),
            state,
            changed,
            tasks: vec![hears, echoes],
        })
    }

    /// So many members of one list, with seeds from 1, that have all of the others to choose neighbours of.
    pub(super) async fn group(settings: &Settings, count: u16) -> (List, Vec<Self>) {
        let list = List::of(1..=count);
        let mut members = Vec::new();
        for seed in 1..=count {
            members.push(Self::start(settings.clone(), seed, &list).await);
        }
        let all: Vec<&Self> = members.iter().collect();
        for member in &members {
            member.meet(&all).await;
        }
        (list, members)
    }

    pub(super) async fn meet(&self, others: &[&Self]) {
        let listed = others
            .iter()
            .map(|other| (other.name.clone(), other.handle.addresses()));
        self.handle.set_neighbours(listed.collect()).await.expect("runs");
    }

    pub(super) async fn publish(&self, topic: Topic, data: &[u8]) {
        self.handle.publish(topic, data.to_vec()).await.expect("runs");
    }

    pub(super) fn look<T>(&self, at: impl FnOnce(&State) -> T) -> T {
        at(&self.state.lock().expect("no test panics with it"))
    }

    pub(super) fn take_held(&self) -> Vec<Gossiped> {
        std::mem::take(&mut self.state.lock().expect("no test panics with it").held)
    }

    /// Waits until what the member knows is as wanted.
    pub(super) async fn until(&self, wanted: impl Fn(&State) -> bool) {
        let mut changed = self.changed.clone();
        let step = async {
            while !self.look(&wanted) {
                changed.changed().await.expect("runs");
            }
        };
        // Who calls may have less patience than this.
        timeout(PATIENCE * 2, step).await.expect("step ends in time");
    }

    pub(super) async fn hears(&self, data: &[u8]) {
        let heard = timeout(PATIENCE, self.until(|state| state.has(data))).await;
        let data = data.get(..40).unwrap_or(data).escape_ascii();
        assert!(heard.is_ok(), "{} does not hear {data}", self.name);
    }

    pub(super) fn topic(&self, topic: Topic) -> TopicCounters {
        let counters = self.handle.gossip();
        let row = counters.topics.into_iter().find(|(of, _)| *of == topic);
        row.expect("each topic has a row").1
    }

    /// Waits until a counter is as wanted. Counters wake nobody: they are looked at again and again.
    pub(super) async fn until_counted(&self, wanted: impl Fn(&GossipCounters) -> bool) {
        let step = async {
            let mut look = tokio::time::interval(Duration::from_millis(20));
            while !wanted(&self.handle.gossip()) {
                look.tick().await;
            }
        };
        within(step).await;
    }

    pub(super) async fn stop(self) {
        within(self.handle.shutdown()).await;
        for task in self.tasks {
            task.abort();
        }
    }
}

fn hear(state: &mut State, news: News) {
    match news {
        News::Connected(peer) => drop(state.peers.insert(peer)),
        News::Disconnected(peer) => drop(state.peers.remove(&peer)),
        News::Message(message) if message.data.starts_with(b"hold") => state.held.push(message),
        News::Message(message) => {
            state.heard.push(Heard {
                origin: message.origin,
                topic: message.topic,
                data: message.data.clone(),
                at: Instant::now(),
            });
            if message.data.starts_with(b"bad") {
                message.verdict.reject();
            } else if message.data.starts_with(b"old") {
                message.verdict.ignore();
            } else {
                message.verdict.accept();
            }
        }
    }
}

/// Gossips on a topic until everybody has heard something of the first: from then on its messages find their way.
pub(super) async fn warm_up(members: &[&Member], topic: Topic) {
    let first = members.first().expect("somebody");
    let has_heard = |heard: &Heard| (&heard.origin, heard.topic) == (&first.name, topic);
    let step = async {
        // As often as the rate allows for long.
        let mut again = tokio::time::interval(Duration::from_secs(8));
        for round in 0.. {
            again.tick().await;
            first.publish(topic, format!("warm up {round}").as_bytes()).await;
            let all = async {
                for member in members.iter().skip(1) {
                    member.until(|state| state.heard.iter().any(has_heard)).await;
                }
            };
            if timeout(again.period(), all).await.is_ok() {
                return;
            }
        }
    };
    within(step).await;
}
