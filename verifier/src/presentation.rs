//! The asker's end of `/bevis/present/1`: give out the request, check the answer, sign the receipt.
//!
//! Every message has a reply, and the reply leaves only after what it says is durable. What a message can do:
//!
//! | session | `Fetch` | `Answer` | `Decline` | `Erase` |
//! |---|---|---|---|---|
//! | no such name | `unknown_session` | `unknown_session` | `unknown_session` | `unknown_session` |
//! | active, fetched | the signed request, the same bytes each time | see [`crate::policy`] | ends as *failed*, `Closed` | `unknown_session` |
//! | completed | `unknown_session` | `replay` | `unknown_session` | see [`crate::deleting`] |
//! | expired | `expired` | `expired` | `expired` | `unknown_session` |
//! | failed (declined) | `unknown_session` | `unknown_session` | `Closed` again | `unknown_session` |

use crate::Verifier;
use crate::error::{Error, Refusal};
use crate::policy::{self, Decision, Ruling, Seen};
use crate::reach;
use crate::retention::{Kept, READING_SECONDS, Terms};
use crate::session::{self, Session, State};
use crate::tables;
use crate::verdict::Record;
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use credentials::decision::Receipt;
use credentials::jwe::DecryptionKey;
use credentials::protocol::presentation::{Ask, LIMIT, Reply};
use credentials::query::Query;
use credentials::schema::values_at;
use credentials::sd_jwt::SdJwt;
use credentials::verify::{self, CLOCK_SKEW, Check, Context, Expected, Outcome, Verdict, VpToken};
use credentials::{Code, Problem, Timestamp, grant, json, status};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// Most members of an answer: as many as a query may have credentials. More is not an answer to any request of ours.
const PRESENTATIONS_MAX: usize = 8;

impl Verifier {
    /// Takes a message of a peer. Total: whatever comes, there is a reply, and a failure of ours is `internal`.
    pub fn receive(&mut self, now: Timestamp, status: &dyn status::Source, peer: &str, ask: Ask) -> Reply {
        let (doing, reply) = match ask {
            Ask::Fetch { session } => ("fetch", self.fetch(now, &session)),
            Ask::Answer { session, answer } => ("answer", self.answer(now, status, &session, &answer, Manner::Now)),
            Ask::Decline { session } => ("decline", self.decline(now, &session)),
            Ask::Erase { session, deletion } => ("erase", self.erase(now, &session, &deletion)),
        };
        told(doing, peer, reply)
    }

    /// Takes an answer that was left in a mailbox, where it goes on waiting: as [`Verifier::receive`], but what cannot be decided for
    /// now (no status list is here yet, the trust list is stale) is refused with that code and changes nothing, until the last
    /// quarter of the request's life.
    pub fn receive_left(&mut self, now: Timestamp, status: &dyn status::Source, session: &str, answer: &str) -> Reply {
        let reply = self.answer(now, status, session, answer, Manner::Left);
        told("answer", "mailbox", reply)
    }

    fn fetch(&mut self, now: Timestamp, id: &str) -> Result<Reply, Refusal> {
        let before = self.named(id)?;
        match before.state_at(now) {
            State::Active | State::Fetched => {}
            State::Expired => return Err(Code::Expired.into()),
            State::Completed | State::Failed => return Err(Code::UnknownSession.into()),
        }
        let request = self.tables.request(id)?.ok_or(Error::Row {
            table: "verifier.requests",
        })?;
        if before.state == State::Active {
            let mut after = before.clone();
            after.state = State::Fetched;
            let tx = self.tables.begin();
            self.commit(now, tx, &before, Some(&after))?;
        }
        Ok(Reply::Request { request })
    }

    fn decline(&mut self, now: Timestamp, id: &str) -> Result<Reply, Refusal> {
        let before = self.named(id)?;
        match before.state_at(now) {
            State::Active | State::Fetched => {}
            State::Expired => return Err(Code::Expired.into()),
            State::Completed => return Err(Code::UnknownSession.into()),
            State::Failed => return Ok(Reply::Closed),
        }
        let mut after = before.clone();
        after.end(now, State::Failed, Some(Code::NotPresented));
        let mut tx = self.tables.begin();
        self.tables.spend(&mut tx, &after);
        self.tables.delete_secrets(&mut tx, id);
        self.commit(now, tx, &before, Some(&after))?;
        Ok(Reply::Closed)
    }

    fn answer(
        &mut self,
        now: Timestamp,
        status: &dyn status::Source,
        id: &str,
        answer: &str,
        manner: Manner,
    ) -> Result<Reply, Refusal> {
        let session = self.named(id)?;
        match session.state_at(now) {
            State::Active | State::Fetched => {}
            State::Expired => return Err(Code::Expired.into()),
            State::Completed => return Err(Code::Replay.into()),
            State::Failed => return Err(Code::UnknownSession.into()),
        }
        let query = session.query()?;
        let terms = self.terms(now, &session, &query)?;
        let mut body = self.read(&session, answer)?;
        let reach = reach::taken_from(&mut body)?;
        let subject = self.tables.customer(&session.id)?;
        if let Some(asked) = session.grant.clone() {
            let reply = self.take_grant(now, session, &asked, body, (answer, manner))?;
            self.keep_reach(
                now,
                asked.until,
                subject.as_ref().map(|subject| subject.as_str()),
                reach,
            )?;
            return Ok(reply);
        }
        let (token, given) = parts(body).ok_or(Code::Malformed)?;
        let given = self.given(now, &session, &query, &token, given)?;
        let Some(decision) = self.judge(now, status, &session, &query, &terms, &token)? else {
            return Err(Code::WrongSubject.into());
        };
        manner.require_decided(now, &session, decision.verdict(), decision.code())?;
        let mut kept = decision
            .answer()
            .map_or_else(Kept::nothing, |it| Kept::of(it, &query, &terms, now));
        // Never longer than what the holder said yes to, which began a moment earlier.
        if let Some(most) = given.as_ref().and_then(|given| given.until) {
            kept.until = kept.until.map(|until| until.min(most));
        }
        let reply = self.conclude(now, session, &decision, kept, given, answer)?;
        self.keep_reach(now, now, subject.as_ref().map(|subject| subject.as_str()), reach)?;
        Ok(reply)
    }

    /// The holder's signed decision, when one goes with the answer: about this request, to us, for what was asked, and bound by the
    /// key of every copy that is shown. A wallet of another make may send none; one that does not fit refuses the answer.
    fn given(
        &self,
        now: Timestamp,
        session: &Session,
        query: &Query,
        token: &VpToken,
        text: Option<String>,
    ) -> Result<Option<Given>, Problem> {
        let wrong = || Problem::new(Code::WrongRequest, "decision");
        let bound = token.values().flatten().filter_map(|text| SdJwt::parse(text).ok());
        let mut bound = bound.filter_map(|shown| shown.key_binding().map(|binding| binding.decision));
        let Some(text) = text else {
            return match bound.all(|said| said.is_none()) {
                true => Ok(None),
                false => Err(wrong()),
            };
        };
        let (decision, _) = credentials::decision::Decision::open(&text)?;
        let hash = grant::hash_of(&credentials::decision::hash(&text))?;
        if !bound.all(|said| said == Some(hash)) {
            return Err(wrong());
        }
        let keeps = session.terms.keep_seconds;
        let asked = query
            .credentials
            .iter()
            .map(|asked| (asked.id.clone(), query.paths(&asked.id)));
        let is_ours = decision.request == BASE64_URL_SAFE_NO_PAD.encode(session.request_hash)
            && decision.recipient == self.settings.did
            && decision.service == session.service
            && decision.outcome == "shared"
            && decision.claims == asked.collect()
            && decision.until == (keeps > 0).then(|| decision.at.plus(keeps));
        let is_now = decision.at >= session.created.plus(-CLOCK_SKEW) && decision.at <= now.plus(CLOCK_SKEW);
        // By our registration, where there is one to compare with.
        let is_registered = self.registration(&session.service).map_or(true, |registration| {
            registration.purpose.code == decision.purpose && registration.ground.code == decision.ground
        });
        match is_ours && is_now && is_registered {
            true => Ok(Some(Given {
                until: decision.until,
                text,
            })),
            false => Err(wrong()),
        }
    }

    /// A session by its name; anything that cannot be a name is not looked up.
    fn named(&self, id: &str) -> Result<Session, Refusal> {
        if !session::is_name(id) {
            return Err(Code::UnknownSession.into());
        }
        self.tables.session(id)?.ok_or_else(|| Code::UnknownSession.into())
    }

    /// The session's terms, as narrowed by our present registration. A registration that is gone or no longer covers
    /// what was asked takes no answer at all. Without a current trust document the gate cannot decide anyway.
    fn terms(&self, now: Timestamp, session: &Session, query: &Query) -> Result<Terms, Problem> {
        match &self.trust {
            Some(trust) if trust.current(now).is_ok() => {
                let registration = self.registration(&session.service)?;
                registration.allows(query)?;
                Ok(session.terms.narrowed(registration))
            }
            _ => Ok(session.terms.clone()),
        }
    }

    /// Decrypts an answer and reads it. Nothing of a text that is not a whole answer to this session's request is used.
    fn read(&self, session: &Session, answer: &str) -> Result<Value, Refusal> {
        if answer.len() > LIMIT {
            return Err(Code::TooLarge.into());
        }
        let key = self
            .tables
            .key(&session.id)?
            .ok_or(Error::Row { table: "verifier.keys" })?;
        let plain = DecryptionKey::from_bytes(&key)
            .open(answer, &session.request_hash, LIMIT)
            .map_err(|_| Code::Malformed)?;
        json::parse(&plain, LIMIT).map_err(|_| Code::Malformed.into())
    }

    /// The gate, and what we make of its report. `None`: another person's answer.
    fn judge(
        &self,
        now: Timestamp,
        status: &dyn status::Source,
        session: &Session,
        query: &Query,
        terms: &Terms,
        token: &VpToken,
    ) -> Result<Option<Decision>, Refusal> {
        let subject = self.tables.customer(&session.id)?.ok_or(Error::Row {
            table: "verifier.customers",
        })?;
        let client_id = self.client_id();
        let expected = Expected {
            audience: &client_id,
            nonce: &session.nonce,
            request_hash: session.request_hash,
            query,
            issued: session.created,
            subject: Some(&subject),
            covers: None,
        };
        let context = Context {
            now,
            trust: self.trust.as_deref(),
            status,
            types: &self.types,
            status_age_max: terms.status_age_max,
        };
        let (report, verified) = verify::presentation(token, &expected, &context);
        // Of an answer in which every check holds nothing more needs to be known: its nonce and its customer are this session's.
        let seen = match report.verdict() {
            Verdict::Valid => Seen::default(),
            Verdict::Invalid | Verdict::Undecided => self.see(session, query, token, &subject)?,
        };
        Ok(match policy::rule(report, verified, &seen) {
            Ruling::Discard => None,
            Ruling::Decided(decision) => Some(decision),
        })
    }

    /// Reads, unverified, what only we can tell: nonces of our other sessions, and numbers that are not the customer's.
    fn see(&self, session: &Session, query: &Query, token: &VpToken, subject: &str) -> Result<Seen, Error> {
        let mut seen = Seen::default();
        for asked in &query.credentials {
            let presented = token.get(&asked.id).and_then(|texts| texts.first());
            let Some(presented) = presented.and_then(|text| SdJwt::parse(text).ok()) else {
                continue;
            };
            if let Some(binding) = presented.key_binding()
                && binding.nonce != session.nonce
                && self.tables.is_our_nonce(&binding.nonce)?
            {
                seen.replayed.insert(asked.id.clone());
            }
            let credential_type = self.types.get(presented.vct());
            seen.is_number_another |= credential_type.is_some_and(|credential_type| {
                values_at(presented.claims(), &credential_type.holder.number)
                    .iter()
                    .any(|number| number.as_str().is_some_and(|number| number != subject))
            });
        }
        Ok(seen)
    }

    /// Verdict, spent nonce, kept claims and receipt in one transaction; then the receipt.
    fn conclude(
        &mut self,
        now: Timestamp,
        before: Session,
        decision: &Decision,
        kept: Kept,
        given: Option<Given>,
        answer: &str,
    ) -> Result<Reply, Refusal> {
        // A decision counts when every copy is bound by its holder's key, whatever else is wrong with the answer.
        let mut bindings = decision
            .report()
            .lines
            .iter()
            .filter(|line| line.check == Check::HolderBinding);
        let is_bound = bindings.all(|line| line.outcome == Outcome::Ok);
        let given = given.filter(|_| is_bound);
        let receipt = Receipt {
            request: BASE64_URL_SAFE_NO_PAD.encode(before.request_hash),
            answer: BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(answer.as_bytes())),
            decision: given.as_ref().map(|given| credentials::decision::hash(&given.text)),
            asker: self.settings.did.clone(),
            verdict: decision.verdict(),
            code: decision.code(),
            kept: kept.paths.clone(),
            until: kept.until,
            ground: before.terms.ground.code.clone(),
            at: now,
        }
        .sign(&self.settings.kid, self.signer.as_ref())?;
        let record = Record::new(
            decision,
            kept.not_for_credit,
            self.trust.as_deref(),
            receipt.clone(),
            now,
        )
        .with(given.map(|given| given.text));

        let mut after = before.clone();
        after.end(now, State::Completed, decision.code());
        after.verdict = Some(decision.verdict());
        after.keep_until = kept.until;
        if decision.verdict() == Verdict::Valid {
            after.shown = kept.paths;
            after.held_until = kept.until.is_none().then(|| now.plus(READING_SECONDS));
        }
        let mut tx = self.tables.begin();
        self.tables.put_verdict(&mut tx, &after, &record)?;
        self.tables.delete_secrets(&mut tx, &after.id);
        if kept.until.is_some() {
            self.tables.put_claims(&mut tx, &after.id, &kept.holding)?;
        }
        self.commit(now, tx, &before, Some(&after))
            .map_err(|error| match error {
                Error::Store(error) => tables::spent_twice(error),
                other => other.into(),
            })?;
        self.judged = Some((decision.verdict(), decision.code()));
        let code = decision.code().map(tracing::field::display);
        tracing::info!(session = %after.id, verdict = decision.verdict().as_str(), code, "answer checked");
        if decision.verdict() == Verdict::Valid && kept.until.is_none() {
            self.reading.hold(&after.id, &kept.holding, now);
        }
        Ok(Reply::Receipt { receipt })
    }
}

fn told(doing: &'static str, peer: &str, reply: Result<Reply, Refusal>) -> Reply {
    reply.unwrap_or_else(|refusal| {
        let problem = refusal.problem(doing);
        tracing::debug!(doing, peer, code = %problem.code, "refused");
        Reply::Problem(problem)
    })
}

/// How an answer came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    /// From somebody who waits for the receipt.
    Now,
    /// By a mailbox, where it can wait.
    Left,
}

impl Manner {
    /// Lets what cannot be decided for now wait, if it can: its code.
    pub(crate) fn require_decided(
        self,
        now: Timestamp,
        session: &Session,
        verdict: Verdict,
        code: Option<Code>,
    ) -> Result<(), Problem> {
        let life = session.expires.since(session.created);
        let can_wait = self == Manner::Left && session.expires.since(now) > life / 4;
        match (verdict, code) {
            (Verdict::Undecided, Some(code)) if can_wait => Err(code.into()),
            _ => Ok(()),
        }
    }
}

/// The holder's decision that came with an answer.
struct Given {
    text: String,
    until: Option<Timestamp>,
}

/// Exactly `{"vp_token": {id: [text, …], …}}`, or with `"decision": text` beside it.
fn parts(body: Value) -> Option<(VpToken, Option<String>)> {
    let Value::Object(mut body) = body else {
        return None;
    };
    let given = match body.remove("decision") {
        None => None,
        Some(Value::String(text)) => Some(text),
        Some(_) => return None,
    };
    let token = body.remove("vp_token")?;
    let Value::Object(token) = token else {
        return None;
    };
    if !body.is_empty() || token.len() > PRESENTATIONS_MAX {
        return None;
    }
    token
        .into_iter()
        .map(|(id, presentations)| {
            let Value::Array(presentations) = presentations else {
                return None;
            };
            // The gate takes one for each query; a list of thousands is no answer.
            if presentations.len() > PRESENTATIONS_MAX {
                return None;
            }
            let texts = presentations
                .into_iter()
                .map(|text| match text {
                    Value::String(text) => Some(text),
                    _ => None,
                })
                .collect::<Option<Vec<String>>>()?;
            Some((id, texts))
        })
        .collect::<Option<VpToken>>()
        .map(|token| (token, given))
}
