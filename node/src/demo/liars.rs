//! Listed nodes that lie or say nothing: what a fifth of them can do to the others is what the story of trust measures.
//!
//! They are admitted like any other organisation and greet with a good certificate. Then they answer with garbage, with what was
//! true at first, with versions and contents that nobody has, or not at all, and gossip the same; what others gossip they pass on
//! to nobody. Those that flood do all of it at once, as fast as the others let them. One process holds all of them, each with a key, a socket and a PeerId of its own. It reads commands as JSON lines.

use crate::args::Liars;
use crate::clock;
use crate::error::Failure;
use crate::network::Standing;
use crate::network::{
    self, Address, GossipInbox, Greeter, Handle, Inbound, Inbox, Limits, ListenOn, News, PeerName, Protocol, Secret32,
    Target, Topic, Transport,
};
use crate::service::{Card, CardKey};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use credentials::protocol::{self, hello, notice, status, trust};
use credentials::status::{Digest, ListVersion, News as ListNews};
use credentials::time::DAY;
use credentials::trust::{Bundle, Certificate, Known, NodeRole, Version};
use credentials::{Code, Did, Problem, SigningKey, random};
use serde::Deserialize;
use serde_json::json;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::time::MissedTickBehavior;

/// How often each of them gossips a lie: more often than anybody listens to.
const LIE_EVERY: Duration = Duration::from_millis(500);
/// How often one that floods gossips.
const FLOOD_EVERY: Duration = Duration::from_millis(4);
/// Messages in a minute that one that floods allows itself: more than it gossips.
const FLOOD_PER_MINUTE: u32 = 1_000_000;
/// Requests that one that floods has under way at each of its neighbours.
const FLOOD_REQUESTS: usize = 8;
/// Pause of one that floods after a request that failed: a connection that is refused costs it nothing.
const FLOOD_PAUSE: Duration = Duration::from_millis(20);
/// Requests that a silent one leaves without an answer at one time; the oldest are let go.
const HELD_MAX: usize = 1024;
/// Bytes of an answer that has no form.
const GARBAGE_BYTES: usize = 700;
/// How far ahead of the truth the versions are that nobody has.
const AHEAD: u64 = 1_000_000;

#[derive(Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
enum Order {
    /// Gives the cards.
    Cards,
    /// Takes the first list, and begins to lie.
    Begin { path: PathBuf },
    /// Gives how much was gossiped and asked.
    Count,
}

/// How one of them misbehaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// Takes every request and never answers.
    Silent,
    /// Answers with what was true at the beginning.
    Old,
    /// Answers in the right form with what is not true.
    False,
    /// Answers with bytes of no form.
    Garbage,
    /// Answers every second request with what is not true and the others never; gossips and asks without end.
    Flood,
}

const WAYS: [Way; 4] = [Way::False, Way::Silent, Way::Old, Way::Garbage];

/// One of them.
struct Liar {
    did: Did,
    number: String,
    name: String,
    key: Arc<SigningKey>,
    way: Way,
    handle: Handle,
    past: Arc<OnceLock<Past>>,
    done: Arc<Done>,
}

/// What one of them did.
#[derive(Default)]
struct Done {
    gossiped: AtomicU64,
    asked: AtomicU64,
}

/// What was true when they began.
struct Past {
    bundle: Bundle,
    version: Version,
}

/// Runs until standard input closes.
pub async fn run(arguments: &Liars) -> Result<u8, Failure> {
    let mut liars = Vec::new();
    for place in 0..arguments.count {
        let member = super::trust::liar(place).ok_or_else(|| Problem::new(Code::Usage, "--count"))?;
        let way = match arguments.flood {
            true => Way::Flood,
            false => WAYS.get(place % WAYS.len()).copied().unwrap_or(Way::Silent),
        };
        liars.push(Liar::start(member, way, arguments).await?);
    }
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    let mut stdout = tokio::io::stdout();
    let closed = |e: std::io::Error| Failure::because(Code::Internal, e);
    while let Some(line) = lines.next_line().await.map_err(closed)? {
        let order = serde_json::from_str(&line).map_err(|e| Failure::because(Code::Usage, e))?;
        let answer = match order {
            Order::Cards => json!({ "cards": liars.iter().map(Liar::card).collect::<Vec<_>>() }),
            Order::Begin { path } => match begin(&liars, &path).await {
                Ok(()) => json!({ "done": true }),
                Err(problem) => json!({ "problem": problem.code, "detail": problem.detail }),
            },
            Order::Count => {
                let sum = |of: fn(&Done) -> &AtomicU64| {
                    let counts = liars.iter().map(|liar| of(&liar.done).load(Ordering::Relaxed));
                    counts.fold(0, u64::saturating_add)
                };
                json!({ "gossiped": sum(|done| &done.gossiped), "asked": sum(|done| &done.asked) })
            }
        };
        stdout
            .write_all(format!("{answer}\n").as_bytes())
            .await
            .map_err(closed)?;
        stdout.flush().await.map_err(closed)?;
    }
    Ok(0)
}

async fn begin(liars: &[Liar], path: &std::path::Path) -> Result<(), Problem> {
    let internal = |e: &dyn std::fmt::Display| Problem::new(Code::Internal, e.to_string());
    let bundle = Bundle::parse(&std::fs::read(path).map_err(|e| internal(&e))?)?;
    let first = bundle.roots.first().ok_or(Code::Malformed)?;
    let fingerprint = credentials::trust::SignedRoot::of_itself(first)?.root().fingerprint()?;
    let (mut known, _) = Known::first(first, &fingerprint, clock::now())?;
    known.take(&bundle, clock::now())?;
    let trust = known.trust().ok_or(Code::TrustMissing)?;
    let nodes = trust.document().organisations.iter().flat_map(|o| &o.nodes);
    let neighbours: Vec<(PeerName, Vec<Address>)> = nodes
        .filter_map(|node| {
            let addresses = node.addresses.iter().filter_map(|a| Address::parse(a).ok()).collect();
            Some((PeerName::parse(&node.peer).ok()?, addresses))
        })
        .collect();
    for liar in liars {
        let past = Past {
            bundle: bundle.clone(),
            version: known.version(),
        };
        // Told twice, the first stays.
        liar.past.set(past).ok();
        liar.handle
            .set_neighbours(neighbours.clone())
            .await
            .map_err(|e| internal(&e))?;
        tokio::spawn(gossip(
            liar.handle.clone(),
            liar.did.clone(),
            liar.key.clone(),
            liar.way,
            known.version(),
            liar.done.clone(),
        ));
        let flooded = neighbours.iter().filter(|_| liar.way == Way::Flood);
        for (peer, addresses) in flooded.flat_map(|neighbour| std::iter::repeat_n(neighbour, FLOOD_REQUESTS)) {
            let target = Target {
                as_identity: None,
                peer: peer.clone(),
                addresses: addresses.clone(),
            };
            tokio::spawn(flood(liar.handle.clone(), target, liar.did.clone(), liar.done.clone()));
        }
    }
    Ok(())
}

impl Liar {
    async fn start(member: (Did, String, String), way: Way, arguments: &Liars) -> Result<Liar, Failure> {
        let (did, number, name) = member;
        let key = Arc::new(SigningKey::generate(&mut clock::System));
        let past = Arc::<OnceLock<Past>>::default();
        let settings = network::Settings {
            transport: if arguments.tcp {
                Transport::TcpOnly
            } else {
                Transport::QuicThenTcp
            },
            listen: vec![ListenOn {
                ip: arguments.ip,
                ..ListenOn::LOOPBACK
            }],
            limits: Limits {
                // Those that flood keep to no limit of their own.
                gossip_per_minute: match way {
                    Way::Flood => FLOOD_PER_MINUTE,
                    _ => Limits::default().gossip_per_minute,
                },
                ..Limits::default()
            },
            ..network::Settings::default()
        };
        let secret = Secret32::new(random::bytes(&mut clock::System));
        let certificate = Certificate {
            issuer: did.clone(),
            peer: network::peer_name(&secret).to_string(),
            node: 0,
            roles: [NodeRole::Issuer, NodeRole::Verifier].into(),
            serial: 1,
            issued: clock::now(),
            expires: clock::now().plus(30 * DAY),
        };
        let manners = Manners {
            did: did.clone(),
            certificate: certificate.sign(&format!("{did}#key-1"), &*key)?,
            past: past.clone(),
        };
        let started = network::start(settings, Some(secret), Arc::new(manners)).await;
        let (handle, mut inbox) = started.map_err(|e| Failure::because(Code::Internal, e))?;
        if let Some(heard) = inbox.gossip() {
            tokio::spawn(overhear(heard));
        }
        tokio::spawn(answer(inbox, way, past.clone()));
        Ok(Liar {
            did,
            number,
            name,
            key,
            way,
            handle,
            past,
            done: Arc::default(),
        })
    }

    fn card(&self) -> Card {
        let from = clock::now().day();
        Card {
            schema: Card::SCHEMA.to_owned(),
            did: self.did.clone(),
            number: self.number.clone(),
            name: self.name.clone(),
            keys: vec![CardKey {
                kid: format!("{}#key-1", self.did),
                key: Did::Key(self.key.verifying_key()),
                valid_from: from,
                valid_until: from.plus(30 * DAY),
            }],
            peer: self.handle.peer_name().map(|peer| peer.to_string()).unwrap_or_default(),
            addresses: self.handle.addresses().iter().map(ToString::to_string).collect(),
        }
    }
}

/// A good greeting, and everybody is welcome.
struct Manners {
    did: Did,
    certificate: String,
    past: Arc<OnceLock<Past>>,
}

impl Greeter for Manners {
    fn hello(&self, _to: Option<&PeerName>) -> Vec<u8> {
        let who = hello::Who::Organisation {
            did: self.did.clone(),
            certificate: self.certificate.clone(),
            trust: self.past.get().map(|past| past.version),
            time: clock::now(),
        };
        protocol::encode(&hello::Reply::Hello(hello::Hello { version: 1, who })).unwrap_or_default()
    }

    fn check(&self, _peer: &PeerName, _body: &[u8], _we_dialled: bool) -> Result<Standing, Vec<u8>> {
        Ok(Standing::Full)
    }

    fn is_listed(&self, _peer: &PeerName) -> bool {
        true
    }
}

/// Hears what others gossip and hands none of it on.
async fn overhear(mut heard: GossipInbox) {
    while let Some(news) = heard.next().await {
        if let News::Message(message) = news {
            message.verdict.ignore();
        }
    }
}

async fn answer(mut inbox: Inbox, way: Way, past: Arc<OnceLock<Past>>) {
    let mut held: std::collections::VecDeque<Inbound> = std::collections::VecDeque::new();
    let mut is_stalled = false;
    while let Some(inbound) = inbox.next().await {
        is_stalled = way == Way::Silent || way == Way::Flood && !is_stalled;
        match way {
            Way::Silent | Way::Flood if is_stalled => {
                if held.len() >= HELD_MAX {
                    held.pop_front();
                }
                held.push_back(inbound);
            }
            Way::Garbage => inbound.reply(garbage()),
            Way::Old | Way::False | Way::Flood | Way::Silent => {
                let body = lie(way, inbound.protocol, &inbound.body, past.get());
                inbound.reply(body.unwrap_or_else(|_| garbage()));
            }
        }
    }
}

fn garbage() -> Vec<u8> {
    random::bytes::<GARBAGE_BYTES>(&mut clock::System).to_vec()
}

fn ahead(version: Version) -> Version {
    Version {
        list: version.list.saturating_add(AHEAD),
        head: version.head.saturating_add(AHEAD),
        ..version
    }
}

/// An answer in the right form: what was true once, or what never was.
fn lie(way: Way, by: Protocol, body: &[u8], past: Option<&Past>) -> Result<Vec<u8>, Problem> {
    let past = past.ok_or(Code::TrustMissing)?;
    let is_old = way == Way::Old;
    let text = || URL_SAFE_NO_PAD.encode(garbage());
    match by {
        Protocol::Trust => {
            let reply = match protocol::decode(body, trust::LIMIT)? {
                trust::Ask::Version if is_old => trust::Reply::Version(past.version),
                trust::Ask::Version => trust::Reply::Version(ahead(past.version)),
                trust::Ask::Head if is_old => trust::Reply::Head {
                    head: past.bundle.head.clone(),
                },
                trust::Ask::Head => trust::Reply::Head { head: vec![text()] },
                trust::Ask::Root { .. } if is_old => trust::Reply::Root {
                    roots: past.bundle.roots.clone(),
                },
                trust::Ask::Root { .. } => trust::Reply::Root { roots: vec![text()] },
                trust::Ask::List { .. } => {
                    let bytes = match past.bundle.list.as_deref().filter(|_| is_old) {
                        Some(list) => list.bytes().take(trust::CHUNK).collect(),
                        None => garbage(),
                    };
                    let total = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
                    trust::Reply::List { total, bytes }
                }
                trust::Ask::Changes { .. } => trust::Reply::Changes {
                    edits: vec![credentials::trust::Edit {
                        at: 0,
                        gone: 0,
                        put: garbage(),
                    }],
                },
            };
            protocol::encode(&reply)
        }
        Protocol::Status => {
            let reply = match protocol::decode(body, status::LIMIT)? {
                status::Ask::Head => status::Reply::Head { head: text() },
                status::Ask::HeadOf { .. } => status::Reply::News {
                    head: text(),
                    digests: vec![text()],
                },
                status::Ask::Chunk { .. } => {
                    let bytes = garbage();
                    let total = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
                    status::Reply::Chunk { total, bytes }
                }
                status::Ask::Delta { .. } => status::Reply::Delta { changes: garbage() },
                status::Ask::Bitstring { .. } => status::Reply::Bitstring { credential: text() },
            };
            protocol::encode(&reply)
        }
        Protocol::Notice => {
            let reply = match protocol::decode(body, notice::LIMIT)? {
                notice::Ask::Newest { .. } => notice::Reply::Newest {
                    notice: Some(text()),
                    checkpoint: None,
                },
                notice::Ask::Range { .. } => notice::Reply::Range { notices: vec![text()] },
                _ => notice::Reply::Problem(Code::NotFound.into()),
            };
            protocol::encode(&reply)
        }
        _ => Ok(garbage()),
    }
}

/// Gossips lies for as long as the network runs: versions that nobody has, lists that nobody has, and bytes of no form.
async fn gossip(handle: Handle, did: Did, key: Arc<SigningKey>, way: Way, version: Version, done: Arc<Done>) {
    if way == Way::Silent {
        return;
    }
    let mut each = tokio::time::interval(if way == Way::Flood { FLOOD_EVERY } else { LIE_EVERY });
    each.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for round in 0..u64::MAX {
        each.tick().await;
        let (topic, data) = match (way, round % 3) {
            (Way::False | Way::Flood, 0) => {
                let claimed = trust::Announcement::encode(ahead(version), &[URL_SAFE_NO_PAD.encode(garbage())], None);
                (Topic::Trust, claimed.unwrap_or_default())
            }
            (Way::False | Way::Flood, 1) => (Topic::Status, digest(&did, &key, round).unwrap_or_default()),
            (_, 0) => (Topic::Trust, garbage()),
            (_, 1) => (Topic::Status, garbage()),
            _ => (Topic::Notice, garbage()),
        };
        if handle.publish(topic, data).await.is_err() {
            return;
        }
        done.gossiped.fetch_add(1, Ordering::Relaxed);
    }
}

/// Asks one peer for ever: for what there is, for what there is not, and for what cannot be read.
async fn flood(handle: Handle, target: Target, did: Did, done: Arc<Done>) {
    for round in 0..u64::MAX {
        let asked = match round % 3 {
            0 => (Protocol::Trust, protocol::encode(&trust::Ask::Head)),
            1 => {
                let hash = URL_SAFE_NO_PAD.encode(random::bytes::<32>(&mut clock::System));
                let ask = match round % 2 {
                    0 => status::Ask::HeadOf { issuer: did.clone() },
                    _ => status::Ask::Chunk { hash, offset: 0 },
                };
                (Protocol::Status, protocol::encode(&ask))
            }
            _ => (Protocol::Present, Ok(garbage())),
        };
        let (by, Ok(body)) = asked else { return };
        done.asked.fetch_add(1, Ordering::Relaxed);
        if handle.request(target.clone(), by, body).await.is_err() {
            tokio::time::sleep(FLOOD_PAUSE).await;
        }
    }
}

/// A digest with a good signature, of a list that nobody has.
fn digest(did: &Did, key: &SigningKey, round: u64) -> Result<Vec<u8>, Problem> {
    let hash = || URL_SAFE_NO_PAD.encode(random::bytes::<32>(&mut clock::System));
    let now = clock::now();
    let list = ListVersion {
        uri: format!("{}1", status_base(did)),
        version: round.saturating_add(1),
        hash: hash(),
        size: 400,
        states: hash(),
    };
    let digest = Digest {
        issuer: did.clone(),
        issued: now,
        expires: now.plus(3600),
        lists: vec![ListNews {
            list,
            from: hash(),
            changes: None,
        }],
    };
    Ok(digest.sign(&format!("{did}#key-1"), key)?.into_bytes())
}

fn status_base(did: &Did) -> String {
    match did {
        Did::Web(domain) => format!("https://{domain}/status/"),
        other => format!("urn:bevis:status:{other}:"),
    }
}
