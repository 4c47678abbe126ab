//! What a bank's own systems ask by the API: requests that may be sent twice, pages, events, and who is who.

use super::answer::{damaged, value};
use crate::clock;
use crate::error::Failure;
use crate::service::{Service, lock};
use credentials::letter::Letter;
use credentials::schema::Path;
use credentials::service::Registration;
use credentials::verify::Verdict;
use credentials::{Code, Did, Problem};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::sync::Mutex;
use std::time::Duration;
use verifier::{GrantState, NewGrant, NewRequest, Once, Place, State, Verifier, Wanted, What};

/// Longest time that a change of a session is waited for.
const WAIT: Duration = Duration::from_secs(30);

/// What a bank's own systems ask.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum System {
    /// Asks a customer, once under this key however often it is sent.
    Request {
        /// The system's name for it.
        key: String,
        /// All of what was asked, as canonical text.
        content: String,
        /// What is asked.
        ask: Box<Systems>,
    },
    /// Ends a session.
    Close {
        /// Name.
        id: String,
    },
    /// One session, as soon as it is other than it was.
    Await {
        /// Name.
        id: String,
        /// The state that is known.
        known: Option<State>,
        /// Longest time, in seconds; at most 30.
        seconds: u32,
    },
    /// Sessions, newest first.
    Sessions {
        /// Before the one of this number.
        before: Option<u64>,
        /// At most so many.
        most: usize,
        /// In this state.
        state: Option<State>,
        /// With this verdict.
        verdict: Option<Verdict>,
        /// Of this service.
        service: Option<String>,
    },
    /// Grants, by name.
    Grants {
        /// How they stand.
        state: Option<GrantState>,
        /// After this one.
        after: Option<String>,
        /// At most so many.
        most: usize,
    },
    /// Events.
    News {
        /// After this one.
        after: Option<String>,
        /// At most so many.
        most: usize,
        /// Only these kinds; empty = all.
        only: Vec<What>,
    },
    /// Place of the newest event.
    Newest,
    /// An organisation of the trust list.
    Organisation {
        /// Which.
        did: Did,
    },
    /// Services under which this organisation may ask.
    Services,
}

/// A request of a system.
#[derive(Serialize, Deserialize)]
pub struct Systems {
    /// Service.
    pub service: String,
    /// Our reference.
    pub case: String,
    /// The customer's number.
    pub subject: String,
    /// Types; empty = all of the service.
    pub types: Vec<String>,
    /// Claims; empty = all registered.
    pub claims: Vec<Path>,
    /// How long an answer is waited for, in seconds.
    pub valid_seconds: Option<i64>,
    /// Whether the wallet is asked to say where it can be written to.
    pub pair: bool,
    /// To be left in the customer's mailbox.
    pub by_mailbox: bool,
    /// Asked for as a standing grant, on these terms.
    pub grant: Option<SystemsGrant>,
}

/// Terms of a standing grant that is asked for.
#[derive(Serialize, Deserialize)]
pub struct SystemsGrant {
    /// Who is to release.
    pub issuer: Option<Did>,
    /// For how long, in seconds.
    pub seconds: Option<i64>,
    /// How often a day.
    pub uses_per_day: Option<u16>,
}

impl Service {
    fn of_systems(&self) -> Result<&Mutex<Verifier>, Problem> {
        self.verifier
            .as_ref()
            .ok_or_else(|| Problem::new(Code::WrongRole, "verifier"))
    }

    pub(super) async fn serve_system(&self, what: System) -> Result<Value, Failure> {
        match what {
            System::Await { id, known, seconds } => self.await_session(&id, known, seconds).await,
            other => tokio::task::block_in_place(|| self.serve_at_once(other)),
        }
    }

    /// A session as [`super::Command::VerifierSession`] shows it, once its state is not the known one any more, or, without one,
    /// once it has ended.
    async fn await_session(&self, id: &str, known: Option<State>, seconds: u32) -> Result<Value, Failure> {
        let longest = WAIT.min(Duration::from_secs(u64::from(seconds)));
        let mut revisions = self.sessions.subscribe();
        let waiting = async {
            loop {
                revisions.borrow_and_update();
                let shown =
                    tokio::task::block_in_place(|| self.verify(super::Command::VerifierSession { id: id.to_owned() }))?;
                let state = shown.get("session").and_then(|session| session.get("state"));
                let state: Option<State> = state.and_then(|state| serde_json::from_value(state.clone()).ok());
                let is_other = match known {
                    Some(known) => state != Some(known),
                    None => !state.is_some_and(State::is_open),
                };
                if is_other || revisions.changed().await.is_err() {
                    return Ok(shown);
                }
            }
        };
        match tokio::time::timeout(longest, waiting).await {
            Ok(done) => done,
            Err(_) => {
                tokio::task::block_in_place(|| self.verify(super::Command::VerifierSession { id: id.to_owned() }))
            }
        }
    }

    fn serve_at_once(&self, what: System) -> Result<Value, Failure> {
        let now = clock::now();
        match what {
            System::Request { key, content, ask } => self.ask_for_system(&key, &content, *ask),
            System::Close { id } => {
                let mut verifier = lock(self.of_systems()?)?;
                if verifier.session(now, &id).map_err(damaged)?.is_none() {
                    return Err(Code::UnknownSession.into());
                }
                let ended = verifier.close(now, &id).map_err(damaged)?;
                drop(verifier);
                self.announce_sessions();
                Ok(json!({ "schema": "closed/v1", "session": id, "ended": ended }))
            }
            System::Sessions {
                before,
                most,
                state,
                verdict,
                service,
            } => {
                let verifier = lock(self.of_systems()?)?;
                let wanted = Wanted {
                    states: state.into_iter().collect(),
                    verdict,
                    service,
                    case: None,
                };
                let page = verifier.sessions_before(now, before, most, &wanted);
                let (views, next) = page.map_err(damaged)?;
                Ok(json!({ "schema": "sessions-page/v1", "sessions": value(views)?, "next": next }))
            }
            System::Grants { state, after, most } => {
                let verifier = lock(self.of_systems()?)?;
                let page = verifier.grants_after(now, state, after.as_deref(), most);
                let (views, next) = page.map_err(damaged)?;
                Ok(json!({ "schema": "grants-page/v1", "grants": value(views)?, "next": next }))
            }
            System::News { after, most, only } => {
                let after = match after {
                    None => None,
                    Some(text) => Some(Place::parse(&text).ok_or_else(|| Problem::new(Code::Malformed, "after"))?),
                };
                let verifier = lock(self.of_systems()?)?;
                let page = verifier.news(after, most, &|news| {
                    only.is_empty() || only.contains(&news.happened.what)
                });
                Ok(news_page(&page))
            }
            System::Newest => {
                let newest = lock(self.of_systems()?)?.newest_news();
                Ok(json!({ "schema": "newest/v1", "newest": newest.map(|place| place.to_string()) }))
            }
            System::Organisation { did } => self.listed(&did),
            System::Services => {
                let own = self.keys.organisation().ok_or(Code::NotListed)?;
                let trust = self.trust().ok_or(Code::TrustMissing)?;
                let listed = trust.organisation(&own.did).ok_or(Code::NotListed)?;
                let services: Vec<Value> = listed.services.iter().map(|service| self.registered(service)).collect();
                Ok(json!({ "schema": "services/v1", "services": services }))
            }
            System::Await { .. } => Err(Code::Internal.into()),
        }
    }

    fn ask_for_system(&self, key: &str, content: &str, ask: Systems) -> Result<Value, Failure> {
        let now = clock::now();
        let verifier = self.of_systems()?;
        self.require_clock(now)?;
        let types = ask
            .types
            .iter()
            .map(|name| self.vct(name))
            .collect::<Result<Vec<_>, _>>()?;
        let new = NewRequest {
            service: &ask.service,
            case: &ask.case,
            subject: &ask.subject,
            types: &types,
            claims: &ask.claims,
            valid_seconds: match ask.by_mailbox {
                true => ask.valid_seconds.or(self.longest_request(&ask.service)),
                false => ask.valid_seconds,
            },
            pair: ask.pair || ask.grant.is_some(),
        };
        let grant = ask.grant.as_ref().map(|terms| NewGrant {
            request: new,
            issuer: terms.issuer.as_ref(),
            seconds: terms.seconds,
            uses_per_day: terms.uses_per_day,
        });
        let reach = match ask.by_mailbox {
            true => {
                let reach = lock(verifier)?.reach(&ask.subject).map_err(damaged)?;
                Some(reach.ok_or(Code::NotPaired)?)
            }
            false => None,
        };
        let once = Once {
            key,
            content: content.as_bytes(),
        };
        let asked = lock(verifier)?.request_once(now, &once, &new, grant.as_ref());
        let (asked, is_repeated) = asked.map_err(|problem| self.with_most(problem, &ask.service))?;
        if let (Some(reach), false) = (reach, is_repeated) {
            let letter = Letter::Request {
                request: asked.request.clone(),
            };
            self.write_letter(&reach, &letter)?;
        }
        self.announce_sessions();
        Ok(json!({
            "schema": "asked/v1", "session": asked.session, "link": asked.link.to_text()?,
            "expires": asked.expires.to_string(), "repeated": is_repeated,
        }))
    }

    /// An organisation as the trust list has it.
    fn listed(&self, did: &Did) -> Result<Value, Failure> {
        let trust = self.trust().ok_or(Code::TrustMissing)?;
        let listed = trust
            .organisation(did)
            .ok_or_else(|| Problem::new(Code::NotFound, did.to_string()))?;
        let services: Vec<Value> = listed
            .services
            .iter()
            .map(|service| json!({ "id": service.id, "name": service.name, "purpose": service.purpose.code }))
            .collect();
        let keys: Vec<Value> = listed
            .keys
            .iter()
            .map(|key| {
                json!({
                    "kid": key.id, "from": key.valid_from.to_string(), "to": key.valid_until.to_string(),
                    "compromised": key.compromised.map(|at| at.to_string()),
                })
            })
            .collect();
        Ok(json!({
            "schema": "organisation/v1", "did": listed.did, "number": listed.number, "name": listed.name,
            "issues": listed.issues, "services": services, "keys": keys,
        }))
    }

    /// A registration of ours, with claims as they are typed.
    fn registered(&self, service: &Registration) -> Value {
        let types: Vec<Value> = service
            .may_ask
            .iter()
            .map(|may| {
                let name = self.types.get(&may.vct).map(|known| known.name.clone());
                let claims: Vec<String> = may.claims.iter().map(ToString::to_string).collect();
                json!({ "vct": may.vct, "name": name, "claims": claims })
            })
            .collect();
        json!({
            "id": service.id, "name": service.name, "purpose": service.purpose, "ground": service.ground, "types": types,
            "request_seconds_max": service.request_seconds_max, "keep_seconds": service.keep_seconds,
            "keep_ground": service.keep_ground, "status_age_max": service.status_age_max,
            "grant": service.grant.as_ref().map(|terms| json!({
                "seconds_max": terms.seconds_max, "uses_per_day": terms.uses_per_day,
            })),
        })
    }
}

/// A page of events, as they are told to systems.
fn news_page(page: &verifier::NewsPage) -> Value {
    let news: Vec<Value> = page.news.iter().map(news).collect();
    json!({ "schema": "news/v1", "gap": page.is_gap, "events": news, "last": page.last.to_string() })
}

/// One event, as it is told to systems: the same in the stream of events, in the feed and in webhooks.
pub(crate) fn news(news: &verifier::News) -> Value {
    let happened = &news.happened;
    let mut told = json!({
        "id": news.place.to_string(), "type": happened.what.as_str(), "at": news.at.to_string(),
    });
    if let Some(told) = told.as_object_mut() {
        let state = match happened.what {
            What::SessionFetched => Some("fetched"),
            What::SessionCompleted => Some("completed"),
            What::SessionExpired => Some("expired"),
            What::SessionFailed => Some("failed"),
            What::GrantGiven | What::GrantRefreshed => Some("active"),
            What::GrantWithdrawn => Some("withdrawn"),
            What::GrantExpired => Some("expired"),
            What::Erased => None,
        };
        let texts = [
            ("session", happened.session.as_deref()),
            ("grant", happened.grant.as_deref()),
            ("state", state),
            ("verdict", happened.verdict.map(Verdict::as_str)),
            ("code", happened.code.map(Code::as_str)),
        ];
        for (name, text) in texts {
            if let Some(text) = text {
                told.insert(name.to_owned(), json!(text));
            }
        }
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_says_names_and_states_and_nothing_else() {
        let happened = verifier::Happened {
            what: What::SessionCompleted,
            session: Some("s".to_owned()),
            grant: None,
            verdict: Some(Verdict::Invalid),
            code: Some(Code::Revoked),
        };
        let one = verifier::News {
            place: Place { epoch: 2, number: 17 },
            at: credentials::Timestamp::from_unix(0),
            happened,
        };
        let expected = json!({
            "id": "2-17", "type": "session.completed", "at": "1970-01-01T00:00:00Z", "session": "s",
            "state": "completed", "verdict": "invalid", "code": "revoked",
        });
        assert_eq!(news(&one), expected);
    }
}
