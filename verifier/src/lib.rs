//! The verifier role: a registered asker asks one customer for a case, takes one answer, and says *valid*, *invalid* or
//! *could not decide*, with every reason.
//!
//! A machine without network, clock or randomness of its own: the node calls it, executes what it returns, and hands time,
//! status and randomness in. It keeps what it must in its own [`store::Store`], and a reply leaves only after the
//! transaction that justifies it is durable.
//!
//! A newcomer reads: [`Verifier::request`] (from a registered service to the least that is asked, in `query`), `session`
//! (how far a session can come), `presentation` (the wire's side), `policy` (from the gate's report to a verdict, and whose
//! answer it is), `verdict` (what the case-worker sees) and `retention` (what is kept, and erased when).

mod deleting;
mod error;
mod grant;
mod listing;
mod notice;
mod outbox;
mod policy;
mod presentation;
mod query;
mod reach;
mod repeating;
mod retention;
mod session;
mod standing;
mod tables;
mod verdict;

pub use error::Error;
pub use grant::{GRANTS_MAX, GrantState, GrantView, NewGrant, Released};
pub use listing::{PAGE_MAX, Page, SessionLine, Wanted};
pub use notice::{
    CustomersReport, Decision, Effect, Event, FrozenView, Gossip, LINES_MAX, MatchState, MatchView, NoticeView, Pull,
    StreamView, Taken,
};
pub use outbox::{EVENT_SECONDS, EVENTS_MAX, Happened, News, NewsPage, Place, What};
pub use reach::REACH_SECONDS;
pub use repeating::Once;
pub use retention::{ERASE_AT_END, NOT_FOR_CREDIT, READING_BYTES_MAX, READING_SECONDS};
pub use session::{OPEN_MAX, RECORD_SECONDS, State};
pub use standing::Standing;
pub use verdict::{AskedGrant, DeletionView, Issuer, SessionDetail, SessionView};

use crate::retention::{Reading, Terms};
use crate::session::{Agenda, Due, Session};
use crate::tables::Tables;
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use credentials::jwe::DecryptionKey;
use credentials::key::Signer;
use credentials::link::Link;
use credentials::schema::{Path, Types};
use credentials::service::Registration;
use credentials::trust::Trust;
use credentials::verify::{self, Context, Report, Verdict};
use credentials::{Code, Did, Problem, Random, Timestamp, random, request, status};
use std::collections::BTreeSet;
use std::sync::Arc;
use store::{Store, Transaction};

/// How long a request lives when nothing else is said, in seconds: the time to find the phone and scan a code.
pub const VALID_SECONDS: i64 = 120;

/// Oldest status for [`Verifier::check`] when no registration of ours says otherwise, in seconds.
pub const CHECK_STATUS_AGE_MAX: i64 = credentials::service::STATUS_AGE_DEFAULT;

/// Sessions written in one transaction by a tick, and transactions of one tick: a tick after a long stop is bounded, and the
/// next one goes on.
const TICK_BATCH: usize = 256;
const TICK_BATCHES: usize = 16;

/// Who we are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Our DID, as in the trust document.
    pub did: Did,
    /// The name of the signer's key: `<did>#<key>`.
    pub kid: String,
    /// Our own PeerIds, which every request names as its origins.
    pub peers: Vec<String>,
}

/// A request to be made: for a case, to a customer we know.
#[derive(Clone, Copy)]
pub struct NewRequest<'a> {
    /// Registered service, `S01`.
    pub service: &'a str,
    /// Our own reference, at most 64 characters, shown to the holder; no person number.
    pub case: &'a str,
    /// The customer's number; the answer must be this person's or company's.
    pub subject: &'a str,
    /// A part of the registered types, by vct, id or name; empty = all of them.
    pub types: &'a [String],
    /// A part of the registered claims; empty = all of these types.
    pub claims: &'a [Path],
    /// How long an answer is waited for, in seconds; `None` = [`VALID_SECONDS`]; at most what is registered.
    pub valid_seconds: Option<i64>,
    /// Whether the wallet is asked to say where it can be written to later.
    pub pair: bool,
}

/// A request that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The session's name.
    pub session: String,
    /// What to give the customer.
    pub link: Link,
    /// The signed request (JWS).
    pub request: String,
    /// No answer is taken from this instant on.
    pub expires: Timestamp,
}

/// The verifier's machine.
pub struct Verifier {
    tables: Tables,
    types: Types,
    settings: Settings,
    signer: Arc<dyn Signer>,
    random: Box<dyn Random>,
    trust: Option<Arc<Trust>>,
    agenda: Agenda,
    reading: Reading,
    notices: notice::Desk,
    grants: grant::Grants,
    outbox: outbox::Outbox,
    judged: Option<(Verdict, Option<Code>)>,
    /// When which customer's reach goes.
    reaches_due: BTreeSet<(Timestamp, tables::ReachId)>,
    /// Where customers said to be reached who are not answered yet.
    fresh: Vec<tables::Fresh>,
    changes: u64,
}

impl Verifier {
    /// Opens the role on its store. Open sessions go on; those of an earlier epoch (before a restore) are expired.
    ///
    /// # Errors
    /// [`Error::Setting`] when `kid` is not a key of `did`; what the store says.
    pub fn open(
        store: Store,
        types: Types,
        settings: Settings,
        signer: Arc<dyn Signer>,
        random: Box<dyn Random>,
    ) -> Result<Verifier, Error> {
        if !is_own(&settings.did, &settings.kid) {
            return Err(Error::Setting { name: "kid" });
        }
        let notices = notice::Desk::open(&store)?;
        let grants = grant::Grants::open(&store)?;
        let outbox = outbox::Outbox::open(&store)?;
        let tables = Tables::new(store);
        let (reaches_due, fresh) = tables.reaches_due()?;
        let mut verifier = Verifier {
            reaches_due,
            tables,
            types,
            settings,
            signer,
            random,
            trust: None,
            agenda: Agenda::default(),
            reading: Reading::default(),
            notices,
            grants,
            outbox,
            judged: None,
            fresh,
            changes: 0,
        };
        let epoch = verifier.tables.epoch();
        for session in verifier.tables.sessions()? {
            verifier.agenda.add(&session);
            if session.state.is_open() && session.epoch != epoch {
                verifier.expire(session.expires, &session)?;
            }
            if session.is_held() && session.held_until > session.ended {
                // The process that held its claims is gone, and they with it: due at once.
                let mut after = session.clone();
                after.held_until = session.ended;
                let tx = verifier.tables.begin();
                let at = session.ended.unwrap_or(session.expires);
                verifier.commit(at, tx, &session, Some(&after))?;
            }
        }
        Ok(verifier)
    }

    /// Takes a newer trust document.
    pub fn set_trust(&mut self, trust: Arc<Trust>) {
        self.trust = Some(trust);
    }

    /// Signs with another key from now on: `kid` names it as the trust list does (`<did>#<key>`). Requests that are under way
    /// stand as they were signed.
    ///
    /// # Errors
    /// [`Error::Setting`] when `kid` is not a key of ours.
    pub fn set_signer(&mut self, kid: &str, signer: Arc<dyn Signer>) -> Result<(), Error> {
        if !is_own(&self.settings.did, kid) {
            return Err(Error::Setting { name: "kid" });
        }
        kid.clone_into(&mut self.settings.kid);
        self.signer = signer;
        Ok(())
    }

    /// Makes a session: signs a request within our registration, stores it with its one-time key, and only then gives the link out.
    ///
    /// Refuses before anything is signed: `trust_missing`, `trust_stale`, `not_licensed` (the service is not ours), `over_ask`
    /// (a type, claim or time beyond the registration), `unknown_type`, `malformed` (case, subject or time), `unknown_key`,
    /// `key_outside_window`, `key_compromised` (our own key), `too_large` (more than [`OPEN_MAX`] sessions are open).
    pub fn request(&mut self, now: Timestamp, new: &NewRequest<'_>) -> Result<Asked, Problem> {
        self.make(now, new, None, None)
            .map_err(|refusal| refusal.told_at_home("request"))
    }

    fn make(
        &mut self,
        now: Timestamp,
        new: &NewRequest<'_>,
        grant: Option<&NewGrant<'_>>,
        repeat: Option<&repeating::Repeat>,
    ) -> Result<Asked, error::Refusal> {
        self.is_able_to_sign(now)?;
        let registration = self.registration(new.service)?;
        let query = query::compose(new, registration, &self.types)?;
        let grant = match (grant, query.credentials.as_slice()) {
            (None, _) => None,
            (Some(grant), [asked]) => Some(self.grant_asked(now, grant, &asked.vct)?),
            (Some(_), _) => return Err(Problem::new(Code::OverAsk, "grant").into()),
        };
        let seconds = lifetime(new.valid_seconds, registration.request_seconds_max)?;
        let terms = Terms::of(registration);
        let stated = registration.statement();
        if self.agenda.open().len() >= OPEN_MAX {
            return Err(Problem::new(Code::TooLarge, "open sessions").into());
        }

        let id = self.name::<16>();
        let nonce = self.name::<32>();
        let key = DecryptionKey::generate(self.random.as_mut());
        let expires = now.plus(seconds);
        let request = request::Request {
            asker: self.settings.did.clone(),
            nonce: nonce.clone(),
            session: id.clone(),
            issued: now,
            expires,
            query,
            encryption: key.public_jwk(),
            origins: self.settings.peers.clone(),
            service: new.service.to_owned(),
            stated,
            case: new.case.to_owned(),
            issue: None,
            reach: new.pair || grant.is_some(),
            grant: grant.clone(),
        };
        let text = request.sign(&self.settings.kid, self.signer.as_ref())?;
        let session = Session::new(session::New {
            id: id.clone(),
            number: self.agenda.next_number(),
            epoch: self.tables.epoch(),
            case: new.case,
            service: new.service,
            created: now,
            expires,
            nonce,
            request_hash: request::hash(&text),
            query: &request.query,
            terms,
            grant,
            repeat: repeat.map(|repeat| repeat.name),
        });
        let link = self.link(&session);
        let mut tx = self.tables.begin();
        self.tables
            .put_new(&mut tx, &session, &text, &key.to_bytes(), new.subject)?;
        if let Some(repeat) = repeat {
            self.tables.put_repeat(&mut tx, repeat, &id)?;
        }
        tx.commit()?;
        self.agenda.add(&session);
        self.changed();
        Ok(Asked {
            session: id,
            link,
            request: text,
            expires,
        })
    }

    /// What the customer is given.
    fn link(&self, session: &Session) -> Link {
        Link::Request {
            asker: self.settings.did.clone(),
            session: session.id.clone(),
            hash: session.request_hash.to_vec(),
            expires: session.expires,
        }
    }

    /// The verdict that the last message brought about, with its reason or note; once. For whoever counts.
    pub fn take_verdict(&mut self) -> Option<(Verdict, Option<Code>)> {
        self.judged.take()
    }

    /// Every session, newest first. No claims.
    pub fn sessions(&self, now: Timestamp) -> Result<Vec<SessionView>, Error> {
        let mut sessions = self.tables.sessions()?;
        sessions.sort_unstable_by_key(|session| std::cmp::Reverse(session.number));
        Ok(sessions.iter().map(|s| verdict::view(s, now)).collect())
    }

    /// One session with its verdict, every check, and the claims that may still be read.
    pub fn session(&self, now: Timestamp, id: &str) -> Result<Option<SessionDetail>, Error> {
        if !session::is_name(id) {
            return Ok(None);
        }
        let Some(session) = self.tables.session(id)? else {
            return Ok(None);
        };
        let query = session.query().map_err(|_| Error::Row {
            table: "verifier.sessions",
        })?;
        let record = self.tables.verdict(id)?;
        let claims = match session.keep_until {
            Some(until) if now < until => self.tables.claims(id)?,
            // Due, and not shown even before the next tick has erased it.
            Some(_) => None,
            None => self.reading.holding(id, now),
        };
        let claims = claims.map(|holding| holding.claims).unwrap_or_default();
        let mut detail = verdict::detail(&session, &query, record, claims, now);
        if detail.view.state.is_open() {
            let link = self.link(&session).to_text();
            detail.link = Some(link.map_err(|_| Error::Row {
                table: "verifier.sessions",
            })?);
        }
        detail.erasure = self.tables.erasure(id)?;
        Ok(Some(detail))
    }

    /// Ends a session: an open one expires at once, and what a completed one holds only for reading is forgotten.
    /// Whether there was anything to end.
    pub fn close(&mut self, now: Timestamp, id: &str) -> Result<bool, Error> {
        if !session::is_name(id) {
            return Ok(false);
        }
        let Some(session) = self.tables.session(id)? else {
            return Ok(false);
        };
        if session.state.is_open() {
            self.expire(now, &session)?;
            return Ok(true);
        }
        let is_forgotten = self.reading.forget(id);
        if is_forgotten {
            self.changed();
        }
        if !session.is_held() {
            return Ok(is_forgotten);
        }
        let mut erased = session.clone();
        erased.erase(now);
        let tx = self.tables.begin();
        self.commit(now, tx, &session, Some(&erased))?;
        self.tables.finish_erasing();
        let mut tx = self.tables.begin();
        let after = self.overtake(now, &erased, &mut tx)?;
        tables::commit(tx)?;
        self.settle(&erased, after.as_ref());
        Ok(true)
    }

    /// Checks a credential or presentation text on its own, without asking for a key binding. Status may be as old as our
    /// strictest registration allows, else [`CHECK_STATUS_AGE_MAX`].
    pub fn check(&self, now: Timestamp, status: &dyn status::Source, text: &str) -> Report {
        let status_age_max = self
            .trust
            .as_ref()
            .and_then(|trust| trust.organisation(&self.settings.did))
            .and_then(|us| us.services.iter().map(|s| s.status_age_max).min())
            .unwrap_or(CHECK_STATUS_AGE_MAX);
        let context = Context {
            now,
            trust: self.trust.as_deref(),
            status,
            types: &self.types,
            status_age_max,
        };
        verify::credential(text.trim(), &context).0
    }

    /// Does what is due: expires requests, erases claims and signs that they are, removes old records. Names the sessions that changed; what a very
    /// long stop left undone the next tick goes on with.
    pub fn tick(&mut self, now: Timestamp) -> Result<Vec<String>, Error> {
        let mut changed: BTreeSet<String> = self.reading.forget_due(now).into_iter().collect();
        if !changed.is_empty() {
            self.changed();
        }
        self.tables.finish_erasing();
        for _ in 0..TICK_BATCHES {
            let due = self.agenda.due(now, TICK_BATCH);
            if due.is_empty() {
                break;
            }
            let mut tx = self.tables.begin();
            let mut steps = Vec::new();
            for id in &due {
                let before = self.tables.session(id)?.ok_or(Error::Row {
                    table: "verifier.sessions",
                })?;
                let after = self.overtake(now, &before, &mut tx)?;
                steps.push((before, after));
            }
            let happened = steps
                .iter()
                .flat_map(|(before, after)| outbox::of_session(before, after.as_ref()));
            let news = self.outbox.write(&mut tx, now, happened)?;
            tables::commit(tx)?;
            self.outbox.told(news);
            self.tables.finish_erasing();
            for (before, after) in &steps {
                self.settle(before, after.as_ref());
            }
            changed.extend(due);
        }
        self.tick_grants(now)?;
        self.forget_news(now)?;
        self.tick_reaches(now)?;
        Ok(changed.into_iter().collect())
    }

    /// Rises with every change of a session; starts at 0 with the process.
    pub fn changes(&self) -> u64 {
        self.changes
    }

    // --- what the steps share ---

    /// Everything that is due for a session at once, as after a long stop. `None`: nothing is left of it.
    fn overtake(&self, now: Timestamp, before: &Session, tx: &mut Transaction) -> Result<Option<Session>, Error> {
        let mut session = before.clone();
        loop {
            let (at, due) = session.due();
            if at > now {
                self.tables.put_session(tx, &session)?;
                return Ok(Some(session));
            }
            match due {
                Due::Expire => {
                    // It ended when it ran out, not when somebody looked.
                    session.end(session.expires, State::Expired, None);
                    self.tables.delete_secrets(tx, &session.id);
                }
                Due::Erase => {
                    session.erase(now);
                    self.tables.delete_claims(tx, &session.id);
                }
                // Not in the transaction that erases: what is signed has happened.
                Due::Sign if before.erased_at.is_none() => {
                    self.tables.put_session(tx, &session)?;
                    return Ok(Some(session));
                }
                Due::Sign => self.sign_erasure(now, &mut session, tx),
                Due::Remove => {
                    self.tables.delete_all(tx, &session);
                    return Ok(None);
                }
            }
        }
    }

    fn expire(&mut self, at: Timestamp, before: &Session) -> Result<(), Error> {
        let mut after = before.clone();
        after.end(at, State::Expired, None);
        let mut tx = self.tables.begin();
        self.tables.delete_secrets(&mut tx, &before.id);
        self.commit(at, tx, before, Some(&after))
    }

    /// Commits `tx` together with the session's new row and what is told of it; memory follows only when the disk has it.
    fn commit(
        &mut self,
        now: Timestamp,
        tx: Transaction,
        before: &Session,
        after: Option<&Session>,
    ) -> Result<(), Error> {
        self.commit_telling(now, tx, (before, after), Vec::new())
    }

    /// The same, with more that is to be told.
    fn commit_telling(
        &mut self,
        now: Timestamp,
        mut tx: Transaction,
        (before, after): (&Session, Option<&Session>),
        mut happened: Vec<outbox::Happened>,
    ) -> Result<(), Error> {
        if let Some(after) = after {
            self.tables.put_session(&mut tx, after)?;
        }
        happened.extend(outbox::of_session(before, after));
        let news = self.outbox.write(&mut tx, now, happened)?;
        tables::commit(tx)?;
        self.outbox.told(news);
        self.settle(before, after);
        Ok(())
    }

    fn settle(&mut self, before: &Session, after: Option<&Session>) {
        self.agenda.remove(before);
        if let Some(after) = after {
            self.agenda.add(after);
        }
        self.changed();
    }

    fn changed(&mut self) {
        self.changes = self.changes.saturating_add(1);
    }

    /// Our registration of `service` (`not_licensed`), by the trust document alone.
    fn registration(&self, service: &str) -> Result<&Registration, Problem> {
        self.trust
            .as_ref()
            .ok_or(Code::TrustMissing)?
            .organisation(&self.settings.did)
            .and_then(|us| us.service(service))
            .ok_or_else(|| Problem::new(Code::NotLicensed, service))
    }

    /// A request that no wallet would open is not signed: the trust document is current and lists us with this very key.
    fn is_able_to_sign(&self, now: Timestamp) -> Result<(), Problem> {
        let trust = self.trust.as_ref().ok_or(Code::TrustMissing)?;
        trust.current(now)?;
        let us = trust.organisation(&self.settings.did).ok_or(Code::NotLicensed)?;
        let listed = us.key_at(&self.settings.kid, now)?;
        if *listed == self.signer.verifying_key() {
            Ok(())
        } else {
            Err(Code::UnknownKey.into())
        }
    }

    fn client_id(&self) -> String {
        format!("decentralized_identifier:{}", self.settings.did)
    }

    /// A name of `N` random bytes less one bit, base64url. That bit keeps it from beginning with `-`, which a command line
    /// would read as a flag.
    fn name<const N: usize>(&mut self) -> String {
        let mut bytes = random::bytes::<N>(self.random.as_mut());
        if let Some(first) = bytes.first_mut() {
            *first &= 0x7f;
        }
        BASE64_URL_SAFE_NO_PAD.encode(bytes)
    }
}

/// Whether `kid` names a key of `did`.
fn is_own(did: &Did, kid: &str) -> bool {
    kid.strip_prefix(&did.to_string())
        .and_then(|rest| rest.strip_prefix('#'))
        .is_some_and(|name| !name.is_empty())
}

/// Seconds a request lives: asked for or usual, at most registered (`over_ask`).
fn lifetime(asked: Option<i64>, most: i64) -> Result<i64, Problem> {
    match asked {
        None => Ok(VALID_SECONDS.min(most)),
        Some(seconds) if seconds <= 0 => Err(Problem::new(Code::Malformed, "valid_seconds")),
        Some(seconds) if seconds > most => Err(Problem::new(Code::OverAsk, "time")),
        Some(seconds) => Ok(seconds),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests;
