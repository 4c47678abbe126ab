//! The phones of the test persons: whoever posts a request's link to one sees what its person does. Each speaks the wallet's end of
//! the protocol over the network, with the formats of `credentials` alone, so that it can do what no wallet does.

use super::Trusted;
use super::persons::{Does, Flaw, PERSONS, Person};
use super::source::Source;
use crate::clock;
use crate::error::Failure;
use crate::network::{self, Address, Handle, PeerName, Protocol, Secret32, Target};
use crate::service::Greeting;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use credentials::link::{LINK_MAX, Link};
use credentials::protocol::{self, presentation};
use credentials::request::{self, OpenedRequest};
use credentials::sd_jwt::{self, Bind, SdJwt};
use credentials::verify::VpToken;
use credentials::{Code, Did, Problem, SigningKey, jwe, random};
use serde_json::{Value, json};
use std::sync::{Arc, PoisonError};

/// All phones.
struct Phones {
    dial: Handle,
    trust: Trusted,
    fresh: Source,
    late: Source,
}

/// Starts them; gives their address.
pub(super) async fn start(trust: Trusted, fresh: Source, late: Source) -> Result<String, Failure> {
    let failed = |e: &dyn std::fmt::Display| Failure::because(Code::Internal, e);
    let greeting = Arc::new(Greeting::wallet(trust.clone()));
    let started = network::start(network::Settings::default(), None, greeting).await;
    let (dial, _) = started.map_err(|e| failed(&e))?;
    let phones = Arc::new(Phones {
        dial,
        trust,
        fresh,
        late,
    });
    let router = Router::new()
        .route("/", get(all))
        .route("/{phone}", post(open))
        .layer(DefaultBodyLimit::max(LINK_MAX))
        .with_state(phones);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .map_err(|e| failed(&e))?;
    let address = listener.local_addr().map_err(|e| failed(&e))?;
    tokio::spawn(async move {
        if let Err(error) = axum::serve(listener, router).await {
            tracing::error!(%error, "the phones are off");
        }
    });
    Ok(format!("http://{address}"))
}

fn json_answer(status: StatusCode, value: &Value) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json")], value.to_string()).into_response()
}

/// Every test person, and what comes of asking them.
async fn all() -> Response {
    let persons: Vec<Value> = PERSONS.iter().map(Person::shown).collect();
    json_answer(StatusCode::OK, &json!({ "persons": persons }))
}

/// A person opens a link with their phone.
async fn open(
    State(phones): State<Arc<Phones>>,
    Path(phone): Path<usize>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    // No page of any site opens links with these phones.
    if headers.contains_key(header::ORIGIN) || headers.contains_key("sec-fetch-site") {
        return json_answer(StatusCode::FORBIDDEN, &json!({ "code": Code::ForeignOrigin }));
    }
    let Some(person) = PERSONS.iter().find(|person| person.phone == phone) else {
        return json_answer(StatusCode::NOT_FOUND, &json!({ "code": Code::NotFound }));
    };
    let done = match std::str::from_utf8(&body) {
        Ok(link) => phones.open(person, link.trim()).await,
        Err(_) => Err(Code::LinkInvalid.into()),
    };
    match done {
        Ok(did) => json_answer(StatusCode::OK, &json!({ "phone": phone, "did": did })),
        Err(problem) => {
            let told = json!({ "phone": phone, "code": problem.code, "detail": problem.detail });
            json_answer(StatusCode::UNPROCESSABLE_ENTITY, &told)
        }
    }
}

impl Phones {
    /// Does what the person does; says what it was.
    async fn open(&self, person: &Person, link: &str) -> Result<&'static str, Problem> {
        let Link::Request { asker, session, .. } = Link::parse(link)? else {
            return Err(Code::LinkInvalid.into());
        };
        let flaw = match person.does {
            Does::Ignores => return Ok("nothing"),
            Does::Declines => None,
            Does::Shows(flaw) => Some(flaw),
        };
        let identity = Secret32::new(random::bytes(&mut clock::System));
        let fetch = presentation::Ask::Fetch {
            session: session.clone(),
        };
        let (from, reply) = self.send(&asker, &identity, &fetch).await?;
        let signed = match reply {
            presentation::Reply::Request { request } => request,
            presentation::Reply::Problem(problem) => return Err(problem),
            _ => return Err(Code::UnexpectedMessage.into()),
        };
        let opened = {
            let trust = self.trust.read().unwrap_or_else(PoisonError::into_inner).clone();
            let trust = trust.ok_or(Code::TrustMissing)?;
            request::open(&signed, &trust, Some(&from), clock::now())?
        };
        let answer = match flaw {
            Some(flaw) => self.answer(person, flaw, &opened)?,
            None => None,
        };
        let (ask, did) = match answer {
            Some(answer) => (presentation::Ask::Answer { session, answer }, "answered"),
            // Declined, or nothing that fits: the two are one message.
            None => (presentation::Ask::Decline { session }, "declined"),
        };
        match self.send(&asker, &identity, &ask).await?.1 {
            presentation::Reply::Receipt { .. } | presentation::Reply::Closed => Ok(did),
            // The bank discards what is not its customer's, and goes on waiting.
            presentation::Reply::Problem(problem) if problem.code == Code::WrongSubject => {
                Ok("answered as somebody else")
            }
            presentation::Reply::Problem(problem) => Err(problem),
            _ => Err(Code::UnexpectedMessage.into()),
        }
    }

    /// What the person shows, sealed; none where they have not what is asked.
    fn answer(&self, person: &Person, flaw: Flaw, opened: &OpenedRequest) -> Result<Option<String>, Problem> {
        let source = match flaw {
            Flaw::StaleStatus => &self.late,
            _ => &self.fresh,
        };
        let mut token = VpToken::new();
        for wanted in &opened.request.query.credentials {
            let key = SigningKey::generate(&mut clock::System);
            let Some(text) = source.issue(&wanted.vct, person.shown_number(), flaw, &key)? else {
                return Ok(None);
            };
            let paths: Vec<_> = wanted.claims.iter().map(|claim| claim.path.clone()).collect();
            let selected = SdJwt::parse(&text)?.select(&paths)?;
            let other = SigningKey::generate(&mut clock::System);
            let audience = opened.request.client_id();
            let bind = Bind {
                audience: &audience,
                nonce: &opened.request.nonce,
                issued: clock::now(),
                request_hash: opened.hash,
                covers: None,
            };
            let holder = if flaw == Flaw::WrongHolder { &other } else { &key };
            token.insert(wanted.id.clone(), vec![sd_jwt::bind(&selected, &bind, holder)?]);
        }
        let plain = json!({ "vp_token": token }).to_string();
        let sealed = jwe::seal(
            &opened.request.encryption,
            b"",
            &opened.hash,
            plain.as_bytes(),
            &mut clock::System,
        );
        sealed.map(Some)
    }

    async fn send(
        &self,
        to: &Did,
        identity: &Secret32,
        ask: &presentation::Ask,
    ) -> Result<(String, presentation::Reply), Problem> {
        let target = {
            let trust = self.trust.read().unwrap_or_else(PoisonError::into_inner);
            let trust = trust.as_ref().ok_or(Code::TrustMissing)?;
            let node = trust.organisation(to).ok_or(Code::NotListed)?.nodes.first();
            let node = node.ok_or(Code::Unreachable)?;
            Target {
                as_identity: Some(identity.clone()),
                peer: PeerName::parse(&node.peer).map_err(|_| Code::Malformed)?,
                addresses: node.addresses.iter().filter_map(|a| Address::parse(a).ok()).collect(),
            }
        };
        let from = target.peer.to_string();
        let reply = self
            .dial
            .request(target, Protocol::Present, protocol::encode(ask)?)
            .await;
        let reply = reply.map_err(|e| Problem::new(Code::Unreachable, e.to_string()))?;
        Ok((from, protocol::decode(&reply, presentation::LIMIT)?))
    }
}
