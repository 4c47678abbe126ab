//! An issuer of the sandbox: it stands in the trust list with a key and a node of its own, signs credentials, and answers for their
//! status over the network as every issuer does. One may be late: the last that it said is some days old.

use super::Trusted;
use super::persons::{Flaw, row};
use crate::clock;
use crate::error::Failure;
use crate::network::{self, Handle, Inbox, ListenOn, Protocol, Secret32};
use crate::service::Greeting;
use credentials::identifier::OrganisationNumber;
use credentials::protocol::{self, hello, status};
use credentials::schema::Types;
use credentials::sd_jwt::{self, Issue, StatusRef};
use credentials::status::{Head, ListVersion, Signing, State, States, list_hash};
use credentials::time::DAY;
use credentials::trust::{Certificate, NodeEntry, NodeRole, Organisation, OrganisationKey};
use credentials::{Code, Did, Problem, SigningKey, Timestamp, random};
use std::sync::Arc;

/// Days before now from which its key counts: what ran out a month ago was signed before that.
const KEY_DAYS: i64 = 120;
/// How long a head may be taken, in seconds: longer than anybody keeps a sandbox.
const HEAD_SECONDS: i64 = 30 * DAY;
/// Types that it issues.
const TYPES: &[&str] = &["urn:bevis:MonthlyIncome:1", "urn:bevis:TaxAssessmentSummary:1"];
/// Places in its list: one for each state that a test person needs.
const VALID: u32 = 17;
const REVOKED: u32 = 18;
const SUSPENDED: u32 = 19;

/// An issuer.
pub(super) struct Source {
    pub(super) did: Did,
    number: OrganisationNumber,
    name: String,
    key: Arc<SigningKey>,
    types: Types,
    network: Handle,
}

/// The list of an issuer.
pub(super) fn list_uri(issuer: &Did) -> String {
    let host = issuer.to_string();
    let host = host.strip_prefix("did:web:").unwrap_or(&host);
    format!("https://{host}/status/1")
}

fn kid(did: &Did) -> String {
    format!("{did}#key-1")
}

/// What it answers about its status.
struct Told {
    did: Did,
    key: Arc<SigningKey>,
    /// How long ago it spoke last, in seconds.
    late: i64,
    list: ListVersion,
    text: String,
    packed: Vec<u8>,
}

impl Source {
    /// Makes its key and its list, and listens.
    pub(super) async fn start(
        did: &str,
        number: u32,
        name: &str,
        late: i64,
        trust: &Trusted,
    ) -> Result<Source, Failure> {
        let broken = |what: &str| Failure::because(Code::Internal, what);
        let did = Did::parse(did).ok_or_else(|| broken("a DID"))?;
        let number = OrganisationNumber::synthetic(number).ok_or_else(|| broken("a number"))?;
        let key = Arc::new(SigningKey::generate(&mut clock::System));
        let secret = Secret32::new(random::bytes(&mut clock::System));
        let now = clock::now();
        let certificate = Certificate {
            issuer: did.clone(),
            peer: network::peer_name(&secret).to_string(),
            node: 0,
            roles: [NodeRole::Issuer].into(),
            serial: 1,
            issued: now,
            expires: now.plus(30 * DAY),
        };
        let certificate = certificate.sign(&kid(&did), &*key)?;
        let shown = move || Some(certificate.clone());
        let greeting = Arc::new(Greeting::organisation(did.clone(), shown, trust.clone()));
        let settings = network::Settings {
            listen: vec![ListenOn::LOOPBACK],
            ..network::Settings::default()
        };
        let started = network::start(settings, Some(secret), greeting).await;
        let (network, inbox) = started.map_err(|e| Failure::because(Code::Internal, e))?;
        let told = Told::new(&did, &key, late, now)?;
        tokio::spawn(answer(inbox, told));
        Ok(Source {
            did,
            number,
            name: name.to_owned(),
            key,
            types: Types::builtin(),
            network,
        })
    }

    /// Its entry in the trust list.
    pub(super) fn entry(&self) -> Organisation {
        let now = clock::now();
        Organisation {
            did: self.did.clone(),
            number: self.number.as_str().to_owned(),
            name: self.name.clone(),
            keys: vec![OrganisationKey {
                id: kid(&self.did),
                key: self.key.verifying_key(),
                valid_from: now.day().plus(-KEY_DAYS * DAY),
                valid_until: now.day().plus(KEY_DAYS * DAY),
                compromised: None,
            }],
            nodes: vec![NodeEntry {
                peer: self
                    .network
                    .peer_name()
                    .map(|peer| peer.to_string())
                    .unwrap_or_default(),
                addresses: self.network.addresses().iter().map(ToString::to_string).collect(),
            }],
            issues: TYPES.iter().map(|vct| (*vct).to_owned()).collect(),
            services: Vec::new(),
        }
    }

    /// Signs a credential of a person for a phone's key; none of a type that the sandbox has not.
    pub(super) fn issue(
        &self,
        vct: &str,
        number: &str,
        flaw: Flaw,
        holder: &SigningKey,
    ) -> Result<Option<String>, Problem> {
        let now = clock::now();
        let Some(known) = self.types.get(vct) else {
            return Ok(None);
        };
        let Some(row) = row(vct, number, now) else {
            return Ok(None);
        };
        let row = known.row(row).map_err(|_| Problem::new(Code::SchemaInvalid, vct))?;
        let issued = match flaw {
            Flaw::Expired => now.plus(-60 * DAY).day(),
            _ => now.day(),
        };
        let expires = match flaw {
            Flaw::Expired => now.plus(-30 * DAY).day(),
            _ => known.valid_until(issued, &row),
        };
        let index = match flaw {
            Flaw::State(State::Revoked) => REVOKED,
            Flaw::State(State::Suspended) => SUSPENDED,
            _ => VALID,
        };
        // Somebody whom no list names has a key of their own too.
        let (did, signer) = match flaw {
            Flaw::UnknownIssuer => {
                let did = Did::parse("did:web:ukjent.example").ok_or(Code::Internal)?;
                (did, Arc::new(SigningKey::generate(&mut clock::System)))
            }
            _ => (self.did.clone(), self.key.clone()),
        };
        let issue = Issue {
            credential_type: known,
            claims: &known.claims(&row),
            issuer: &did,
            kid: &kid(&did),
            holder: &holder.verifying_key(),
            status: StatusRef {
                uri: list_uri(&did),
                index,
            },
            issued,
            expires,
        };
        sd_jwt::issue(&issue, &mut clock::System, &*signer).map(Some)
    }
}

impl Told {
    fn new(did: &Did, key: &Arc<SigningKey>, late: i64, now: Timestamp) -> Result<Told, Problem> {
        let mut states = States::new();
        states.set(REVOKED, State::Revoked);
        states.set(SUSPENDED, State::Suspended);
        let uri = list_uri(did);
        let signing = Signing {
            issuer: did,
            kid: &kid(did),
            signer: &**key,
            now: now.plus(-late),
            lifetime: HEAD_SECONDS,
        };
        let text = states.sign(&uri, &signing)?;
        let list = ListVersion {
            uri,
            version: 1,
            hash: list_hash(&text),
            size: u32::try_from(text.len()).map_err(|_| Code::TooLarge)?,
            states: states.hash(),
        };
        Ok(Told {
            did: did.clone(),
            key: key.clone(),
            late,
            list,
            packed: states.pack()?,
            text,
        })
    }

    /// The newest that it has said: now, or as late as it is.
    fn head(&self, now: Timestamp) -> Result<String, Problem> {
        let head = Head {
            issuer: self.did.clone(),
            issued: now.plus(-self.late),
            expires: now.plus(HEAD_SECONDS),
            lists: vec![self.list.clone()],
        };
        head.sign(&kid(&self.did), &*self.key)
    }

    fn reply(&self, ask: status::Ask) -> Result<status::Reply, Problem> {
        match ask {
            status::Ask::Head => Ok(status::Reply::Head {
                head: self.head(clock::now())?,
            }),
            status::Ask::HeadOf { issuer } if issuer == self.did => Ok(status::Reply::News {
                head: self.head(clock::now())?,
                digests: Vec::new(),
            }),
            status::Ask::Chunk { hash, offset } => {
                let whole: &[u8] = if hash == self.list.states {
                    &self.packed
                } else if hash == self.list.hash {
                    self.text.as_bytes()
                } else {
                    return Err(Code::NotFound.into());
                };
                let from = usize::try_from(offset).unwrap_or(usize::MAX).min(whole.len());
                let to = from.saturating_add(status::CHUNK).min(whole.len());
                Ok(status::Reply::Chunk {
                    total: u32::try_from(whole.len()).map_err(|_| Code::TooLarge)?,
                    bytes: whole.get(from..to).unwrap_or_default().to_vec(),
                })
            }
            _ => Err(Code::NotFound.into()),
        }
    }
}

/// Answers whoever asks about its status, and nothing else.
async fn answer(mut inbox: Inbox, told: Told) {
    while let Some(inbound) = inbox.next().await {
        let body = match inbound.protocol {
            Protocol::Status => {
                let reply = protocol::decode(&inbound.body, status::LIMIT).and_then(|ask| told.reply(ask));
                protocol::encode(&reply.unwrap_or_else(status::Reply::Problem))
            }
            _ => protocol::encode(&hello::Reply::Problem(Code::UnexpectedMessage.into())),
        };
        match body {
            Ok(body) => inbound.reply(body),
            Err(problem) => tracing::debug!(%problem, "reply"),
        }
    }
}
