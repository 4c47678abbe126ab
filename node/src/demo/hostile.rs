//! A peer that does not keep the rules: it collects like an honest wallet and then answers with altered, stolen and
//! repeated material; and it is a lender on the list that asks for what it may not. It reads commands as JSON lines.
//!
//! It uses the formats of `credentials` and the network alone: no wallet, no store, no check of its own.

use super::nodes::Nodes;
use crate::args::Hostile;
use crate::clock;
use crate::error::Failure;
use crate::network::{self, Address, Handle, Inbox, ListenOn, PeerName, Protocol, Secret32, Target, Transport};
use crate::service::{Card, CardKey, Greeting};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use credentials::identifier::OrganisationNumber;
use credentials::link::Link;
use credentials::protocol::{self, issuance, presentation};
use credentials::query::Query;
use credentials::request::{self, OpenedRequest, Request};
use credentials::sd_jwt::{self, Bind, Covers, SdJwt};
use credentials::service::Registration;
use credentials::time::DAY;
use credentials::trust::{Bundle, Certificate, Fingerprint, Known, NodeRole, Trust};
use credentials::verify::VpToken;
use credentials::{Code, Did, Problem, SigningKey, jwe, jws, random};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

// --- the driver's side ---

/// The running stranger.
pub(super) struct Stranger {
    child: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
}

impl Stranger {
    /// Starts it.
    pub(super) fn start(nodes: &Nodes, tcp: bool, did: &str, number: &str, name: &str) -> Result<Stranger, Failure> {
        let mut arguments = vec!["demo", "hostile", "--did", did, "--number", number, "--name", name];
        if tcp {
            arguments.push("--tcp");
        }
        Stranger::spawn(nodes, &arguments)
    }

    /// Starts a process that does not keep the rules, by the command that it is.
    pub(super) fn spawn(nodes: &Nodes, arguments: &[&str]) -> Result<Stranger, Failure> {
        let mut command = Command::new(nodes.exe());
        command.args(arguments);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true);
        let mut child = command.spawn().map_err(|e| Failure::file(nodes.exe(), &e))?;
        let gone = || Failure::from(Problem::new(Code::Unreachable, "stranger"));
        let input = child.stdin.take().ok_or_else(gone)?;
        let output = BufReader::new(child.stdout.take().ok_or_else(gone)?).lines();
        Ok(Stranger { child, input, output })
    }

    /// Has it do something, and gives what it says of it.
    pub(super) async fn ask(&mut self, command: Value) -> Result<Value, Failure> {
        let gone = |e: std::io::Error| Failure::because(Problem::new(Code::Unreachable, "stranger"), e);
        self.input
            .write_all(format!("{command}\n").as_bytes())
            .await
            .map_err(gone)?;
        self.input.flush().await.map_err(gone)?;
        let line = self.output.next_line().await.map_err(gone)?;
        let line = line.ok_or_else(|| Failure::from(Problem::new(Code::Unreachable, "stranger")))?;
        serde_json::from_str(&line).map_err(|e| Failure::because(Code::Internal, e))
    }

    /// Ends it.
    pub(super) async fn end(mut self) {
        drop(self.input);
        if let Err(error) = self.child.wait().await {
            tracing::warn!(%error, "stranger");
        }
    }
}

// --- the stranger itself ---

#[derive(Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
enum Order {
    Card,
    Trust {
        path: PathBuf,
        root: Fingerprint,
    },
    Collect {
        link: String,
        code: Option<String>,
        organisation: Option<String>,
    },
    Answer {
        link: String,
        #[serde(default)]
        tamper: Tamper,
    },
    Repeat,
    Ask {
        service: String,
        vct: String,
        claims: Vec<Vec<Option<String>>>,
    },
    Unlisted {
        did: String,
    },
}

/// What is done to an answer before it is sent.
#[derive(Clone, Copy, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
enum Tamper {
    /// Nothing: the unaltered twin.
    #[default]
    None,
    /// One digit of one claim is another.
    Digit,
    /// The copy is somebody else's: its key is not here, another one signs.
    Stolen,
}

struct Copy {
    text: String,
    key: Arc<SigningKey>,
}

struct Peer {
    card: Card,
    key: SigningKey,
    dial: Handle,
    trust: Arc<RwLock<Option<Arc<Trust>>>>,
    held: BTreeMap<String, Vec<Copy>>,
    asked: Arc<Mutex<BTreeMap<String, String>>>,
    last: Option<(Did, presentation::Ask)>,
    identity: Secret32,
    /// The lender's listening network: it stops when its handle is gone.
    _lender: Handle,
}

/// Runs until standard input closes.
pub async fn run(arguments: &Hostile) -> Result<u8, Failure> {
    let mut peer = Peer::new(arguments).await?;
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    let mut stdout = tokio::io::stdout();
    let closed = |e: std::io::Error| Failure::because(Code::Internal, e);
    while let Some(line) = lines.next_line().await.map_err(closed)? {
        let order = serde_json::from_str(&line).map_err(|e| Failure::because(Code::Usage, e))?;
        let answer = match peer.follow(order).await {
            Ok(answer) => answer,
            Err(problem) => json!({ "problem": problem.code, "detail": problem.detail }),
        };
        stdout
            .write_all(format!("{answer}\n").as_bytes())
            .await
            .map_err(closed)?;
        stdout.flush().await.map_err(closed)?;
    }
    Ok(0)
}

fn internal(error: impl std::fmt::Display) -> Problem {
    Problem::new(Code::Internal, error.to_string())
}

impl Peer {
    async fn new(arguments: &Hostile) -> Result<Peer, Failure> {
        let did = Did::parse(&arguments.did).ok_or_else(|| Problem::new(Code::Usage, "--did"))?;
        let number =
            OrganisationNumber::parse(&arguments.number).ok_or_else(|| Problem::new(Code::Usage, "--number"))?;
        let trust = Arc::<RwLock<Option<Arc<Trust>>>>::default();
        let secret = Secret32::new(random::bytes(&mut clock::System));
        let transport = if arguments.tcp {
            Transport::TcpOnly
        } else {
            Transport::QuicThenTcp
        };
        let settings = || network::Settings {
            transport,
            listen: vec![ListenOn::LOOPBACK],
            ..network::Settings::default()
        };
        let failed = |e: network::Error| Failure::because(Code::Internal, e);
        let key = SigningKey::generate(&mut clock::System);
        let from = clock::now().day();
        let certificate = Certificate {
            issuer: did.clone(),
            peer: network::peer_name(&secret).to_string(),
            node: 0,
            roles: [NodeRole::Verifier].into(),
            serial: 1,
            issued: clock::now(),
            expires: clock::now().plus(30 * DAY),
        };
        let certificate = certificate.sign(&format!("{did}#key-1"), &key)?;
        let shown = move || Some(certificate.clone());
        let as_lender = Arc::new(Greeting::organisation(did.clone(), shown, trust.clone()));
        let (lender, inbox) = network::start(settings(), Some(secret), as_lender)
            .await
            .map_err(failed)?;
        let as_wallet = Arc::new(Greeting::wallet(trust.clone()));
        let (dial, _) = network::start(settings(), None, as_wallet).await.map_err(failed)?;
        let asked = Arc::default();
        tokio::spawn(serve(inbox, Arc::clone(&asked)));
        let card = Card {
            schema: Card::SCHEMA.to_owned(),
            keys: vec![CardKey {
                kid: format!("{did}#key-1"),
                key: Did::Key(key.verifying_key()),
                valid_from: from,
                valid_until: from.plus(30 * DAY),
            }],
            did,
            number: number.as_str().to_owned(),
            name: arguments.name.clone(),
            peer: lender.peer_name().map(|p| p.to_string()).unwrap_or_default(),
            addresses: lender.addresses().iter().map(ToString::to_string).collect(),
        };
        let identity = Secret32::new(random::bytes(&mut clock::System));
        Ok(Peer {
            card,
            key,
            dial,
            trust,
            held: BTreeMap::new(),
            asked,
            last: None,
            identity,
            _lender: lender,
        })
    }

    async fn follow(&mut self, order: Order) -> Result<Value, Problem> {
        match order {
            Order::Card => serde_json::to_value(&self.card).map_err(internal),
            Order::Trust { path, root } => {
                let bundle = Bundle::parse(&std::fs::read(path).map_err(internal)?)?;
                let first = bundle.roots.first().ok_or(Code::Malformed)?;
                let (mut known, _) = Known::first(first, &root, clock::now())?;
                known.take(&bundle, clock::now())?;
                *self.trust.write().unwrap_or_else(PoisonError::into_inner) = known.trust();
                Ok(json!({ "done": true }))
            }
            Order::Collect {
                link,
                code,
                organisation,
            } => self.collect(&link, code, organisation).await,
            Order::Answer { link, tamper } => self.answer(&link, tamper).await,
            Order::Repeat => {
                let (to, ask) = self.last.clone().ok_or(Code::UnknownSession)?;
                self.send_answer(&to, ask).await
            }
            Order::Ask { service, vct, claims } => self.ask(service, &vct, &claims),
            Order::Unlisted { did } => {
                let asker = Did::parse(&did).ok_or(Code::Malformed)?;
                let session = URL_SAFE_NO_PAD.encode(random::bytes::<16>(&mut clock::System));
                let hash = random::bytes::<32>(&mut clock::System).to_vec();
                let link = Link::Request {
                    asker,
                    session,
                    hash,
                    expires: clock::now().plus(120),
                };
                Ok(json!({ "link": link.to_text()? }))
            }
        }
    }

    fn trust(&self) -> Result<Arc<Trust>, Problem> {
        self.trust
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
            .ok_or(Code::TrustMissing.into())
    }

    async fn send(&self, to: &Did, protocol: Protocol, body: Vec<u8>) -> Result<(String, Vec<u8>), Problem> {
        let trust = self.trust()?;
        let organisation = trust.organisation(to).ok_or(Code::NotListed)?;
        let node = organisation.nodes.first().ok_or(Code::Unreachable)?;
        let peer = PeerName::parse(&node.peer).map_err(internal)?;
        let addresses = node.addresses.iter().filter_map(|a| Address::parse(a).ok()).collect();
        let target = Target {
            as_identity: Some(self.identity.clone()),
            peer,
            addresses,
        };
        let reply = self.dial.request(target, protocol, body).await;
        reply
            .map(|reply| (node.peer.clone(), reply))
            .map_err(|e| Problem::new(Code::Unreachable, e.to_string()))
    }

    async fn issue(&self, to: &Did, ask: &issuance::Ask) -> Result<issuance::Reply, Problem> {
        let (_, reply) = self.send(to, Protocol::Issue, protocol::encode(ask)?).await?;
        match protocol::decode(&reply, issuance::LIMIT)? {
            issuance::Reply::Problem(problem) => Err(problem),
            reply => Ok(reply),
        }
    }

    /// Collects as an honest wallet does.
    async fn collect(
        &mut self,
        link: &str,
        code: Option<String>,
        organisation: Option<String>,
    ) -> Result<Value, Problem> {
        let Link::Offer { issuer, vct, offer, .. } = Link::parse(link)? else {
            return Err(Code::LinkInvalid.into());
        };
        let begin = issuance::Ask::Begin {
            vct: vct.clone(),
            offer: offer.clone(),
            organisation: organisation.clone(),
        };
        let issuance::Reply::Terms(terms) = self.issue(&issuer, &begin).await? else {
            return Err(Code::UnexpectedMessage.into());
        };
        let transaction = random::bytes::<16>(&mut clock::System);
        let count = usize::from(terms.copies) * usize::from(terms.rows);
        let keys: Vec<Arc<SigningKey>> = (0..count)
            .map(|_| Arc::new(SigningKey::generate(&mut clock::System)))
            .collect();
        let mut proofs = Vec::new();
        for key in &keys {
            let mut header = Map::new();
            header.insert("jwk".to_owned(), key.verifying_key().to_jwk());
            let payload = json!({
                "aud": issuer, "nonce": terms.nonce, "transaction": URL_SAFE_NO_PAD.encode(transaction),
            });
            proofs.push(jws::sign(issuance::KEY_PROOF_TYP, None, header, &payload, &**key)?);
        }
        let identification = match (&terms.request, code, offer) {
            (None, Some(code), Some(offer)) => issuance::Identification::Code { offer, code },
            (Some(request), _, _) => {
                let opened = request::open(request, &*self.trust()?, None, clock::now())?;
                let public: Vec<_> = keys.iter().map(|key| key.verifying_key()).collect();
                let covers = Covers {
                    transaction,
                    keys_hash: sd_jwt::keys_hash(&public),
                    organisation,
                    grant: None,
                };
                let token = self.token(&opened, Some(&covers), Tamper::None)?;
                issuance::Identification::Presentation {
                    answer: sealed(&opened, &token)?,
                }
            }
            _ => return Err(Code::WrongCode.into()),
        };
        let request = issuance::Request {
            transaction: transaction.to_vec(),
            vct: vct.clone(),
            nonce: terms.nonce,
            proofs,
            identification,
        };
        let ask = issuance::Ask::Request(Box::new(request));
        let issuance::Reply::Delivery { credentials, .. } = self.issue(&issuer, &ask).await? else {
            return Err(Code::UnexpectedMessage.into());
        };
        let acknowledge = issuance::Ask::Acknowledge {
            transaction: transaction.to_vec(),
        };
        self.issue(&issuer, &acknowledge).await?;
        let held = self.held.entry(vct).or_default();
        held.clear();
        for text in credentials.into_iter().flatten() {
            let bound = SdJwt::parse(&text)?.holder_key();
            let key = keys
                .iter()
                .find(|key| Some(key.verifying_key()) == bound)
                .ok_or(Code::HolderBindingInvalid)?;
            held.push(Copy { text, key: key.clone() });
        }
        Ok(json!({ "collected": held.len() }))
    }

    /// Builds an answer, as it should be or not.
    fn token(&mut self, opened: &OpenedRequest, covers: Option<&Covers>, tamper: Tamper) -> Result<VpToken, Problem> {
        let mut token = VpToken::new();
        for wanted in &opened.request.query.credentials {
            let copies = self.held.get_mut(&wanted.vct).ok_or(Code::NotPresented)?;
            let copy = copies.pop().ok_or(Code::CopiesSpent)?;
            let paths: Vec<_> = wanted.claims.iter().map(|claim| claim.path.clone()).collect();
            let mut selected = SdJwt::parse(&copy.text)?.select(&paths)?;
            if tamper == Tamper::Digit {
                selected = other_digit(&selected)?;
            }
            let stolen = SigningKey::generate(&mut clock::System);
            let key: &SigningKey = if tamper == Tamper::Stolen { &stolen } else { &copy.key };
            let audience = opened.request.client_id();
            let bind = Bind {
                audience: &audience,
                nonce: &opened.request.nonce,
                issued: clock::now(),
                request_hash: opened.hash,
                covers,
            };
            token.insert(wanted.id.clone(), vec![sd_jwt::bind(&selected, &bind, key)?]);
        }
        Ok(token)
    }

    async fn answer(&mut self, link: &str, tamper: Tamper) -> Result<Value, Problem> {
        let Link::Request { asker, session, .. } = Link::parse(link)? else {
            return Err(Code::LinkInvalid.into());
        };
        let fetch = protocol::encode(&presentation::Ask::Fetch {
            session: session.clone(),
        })?;
        let (from, reply) = self.send(&asker, Protocol::Present, fetch).await?;
        let signed = match protocol::decode(&reply, presentation::LIMIT)? {
            presentation::Reply::Request { request } => request,
            presentation::Reply::Problem(problem) => return Err(problem),
            _ => return Err(Code::UnexpectedMessage.into()),
        };
        let opened = request::open(&signed, &*self.trust()?, Some(&from), clock::now())?;
        let token = self.token(&opened, None, tamper)?;
        let ask = presentation::Ask::Answer {
            session,
            answer: sealed(&opened, &token)?,
        };
        self.last = Some((asker.clone(), ask.clone()));
        self.send_answer(&asker, ask).await
    }

    async fn send_answer(&self, to: &Did, ask: presentation::Ask) -> Result<Value, Problem> {
        let (_, reply) = self.send(to, Protocol::Present, protocol::encode(&ask)?).await?;
        match protocol::decode(&reply, presentation::LIMIT)? {
            presentation::Reply::Receipt { .. } => Ok(json!({ "reply": "receipt" })),
            presentation::Reply::Problem(problem) => Ok(json!({ "reply": "problem", "code": problem.code })),
            _ => Err(Code::UnexpectedMessage.into()),
        }
    }

    /// Signs a request of the lender, whatever its registration says.
    fn ask(&self, service: String, vct: &str, claims: &[Vec<Option<String>>]) -> Result<Value, Problem> {
        let now = clock::now();
        let session = URL_SAFE_NO_PAD.encode(random::bytes::<16>(&mut clock::System));
        let claims: Vec<Value> = claims.iter().map(|path| json!({ "path": path })).collect();
        let query = json!({ "credentials": [{
            "id": "asked", "format": "dc+sd-jwt", "meta": { "vct_values": [vct] }, "claims": claims,
        }] });
        let request = Request {
            asker: self.card.did.clone(),
            nonce: URL_SAFE_NO_PAD.encode(random::bytes::<32>(&mut clock::System)),
            session: session.clone(),
            issued: now,
            expires: now.plus(120),
            query: Query::parse(&query)?,
            encryption: jwe::DecryptionKey::generate(&mut clock::System).public_jwk(),
            origins: vec![self.card.peer.clone()],
            stated: Registration::known(&service).ok_or(Code::NotFound)?.statement(),
            service,
            case: "LAN-1".to_owned(),
            issue: None,
            grant: None,
            reach: false,
        };
        let signed = request.sign(&format!("{}#key-1", self.card.did), &self.key)?;
        let hash = request::hash(&signed).to_vec();
        self.asked
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(session.clone(), signed);
        let link = Link::Request {
            asker: self.card.did.clone(),
            session,
            hash,
            expires: now.plus(120),
        };
        Ok(json!({ "link": link.to_text()? }))
    }
}

/// The lender's node: hands out what it signed, and wants no answer.
async fn serve(mut inbox: Inbox, asked: Arc<Mutex<BTreeMap<String, String>>>) {
    while let Some(inbound) = inbox.next().await {
        let reply = match protocol::decode(&inbound.body, presentation::LIMIT) {
            Ok(presentation::Ask::Fetch { session }) => {
                let asked = asked.lock().unwrap_or_else(PoisonError::into_inner);
                match asked.get(&session) {
                    Some(request) => presentation::Reply::Request {
                        request: request.clone(),
                    },
                    None => presentation::Reply::Problem(Code::UnknownSession.into()),
                }
            }
            _ => presentation::Reply::Closed,
        };
        match protocol::encode(&reply) {
            Ok(body) => inbound.reply(body),
            Err(problem) => tracing::debug!(%problem, "reply"),
        }
    }
}

fn sealed(opened: &OpenedRequest, token: &VpToken) -> Result<String, Problem> {
    let plain = serde_json::to_vec(&json!({ "vp_token": token })).map_err(internal)?;
    jwe::seal(
        &opened.request.encryption,
        b"",
        &opened.hash,
        &plain,
        &mut clock::System,
    )
}

/// The same presentation with one digit of one disclosed value changed.
fn other_digit(selected: &str) -> Result<String, Problem> {
    let mut parts: Vec<String> = selected.split('~').map(ToOwned::to_owned).collect();
    for part in parts.iter_mut().skip(1) {
        let Ok(bytes) = URL_SAFE_NO_PAD.decode(&*part) else {
            continue;
        };
        let Ok(Value::Array(mut disclosure)) = serde_json::from_slice::<Value>(&bytes) else {
            continue;
        };
        let Some(Value::String(text)) = disclosure.last_mut() else {
            continue;
        };
        let Some(at) = text.find(|c: char| c.is_ascii_digit()) else {
            continue;
        };
        let other = if text.get(at..=at) == Some("9") { "8" } else { "9" };
        text.replace_range(at..=at, other);
        let bytes = serde_json::to_vec(&disclosure).map_err(internal)?;
        *part = URL_SAFE_NO_PAD.encode(bytes);
        return Ok(parts.join("~"));
    }
    Err(Problem::new(Code::Internal, "no digit to change"))
}
