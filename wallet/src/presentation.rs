//! Holder's end of `/bevis/present/1`: fetched -> decided (by a person) -> answered -> receipted; and the decision that
//! identifications share with it.

mod decision;
mod rung;

pub(crate) use decision::{Draft, LastShown, decision, declining_at, subject};

use crate::history::{Event, What};
use crate::tables::{DecisionRow, Kind, ReceiptRow, RequestRow, RequestStage, text};
use crate::{Error, Outcome, Outgoing, Step, Thread, Wallet, done, name_of};
use credentials::decision::{Receipt, hash as decision_hash};
use credentials::protocol::presentation::{Ask, Reply};
use credentials::request::{self, OpenedRequest};
use credentials::verify::Verdict;
use credentials::{Code, Did, Problem, Timestamp};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// What a thread of this protocol waits for.
pub(crate) struct Talk {
    pub(crate) to: Did,
    pub(crate) wait: Wait,
}

pub(crate) enum Wait {
    /// The signed request of a session.
    Request { session: String, hash: Vec<u8> },
    /// The receipt for an answer.
    Receipt { id: String, hash: String, answer: String },
    /// That a decline was taken note of.
    Closed { id: String },
    /// What was erased of what was shown to the request of that hash.
    Erased { hash: String },
}

impl Wallet {
    /// A link to a request: fetch it, unless it is here already.
    pub(crate) fn receive_request(
        &mut self,
        thread: Thread,
        now: Timestamp,
        asker: &Did,
        session: &str,
        hash: &[u8],
        expires: Timestamp,
    ) -> Result<Step, Error> {
        let trust = self.current_trust(now)?;
        if trust.organisation(asker).is_none() {
            return Err(Code::UnknownVerifier.into());
        }
        if now >= expires {
            return Err(Code::Expired.into());
        }
        let name = text(hash);
        let here = self.tables.named::<RequestRow>()?;
        if let Some((id, row)) = here.into_iter().find(|(_, row)| row.hash == name) {
            return match row.kind {
                Kind::Grant => self.go_on_with_grant(thread, now, &id, &row),
                _ => Ok(done(thread, Ok(Outcome::Waiting { id }))),
            };
        }
        if self.tables.get::<DecisionRow>(&name)?.is_some() {
            return Err(Code::Replay.into());
        }
        let ask = Ask::Fetch {
            session: session.to_owned(),
        };
        let wait = Wait::Request {
            session: session.to_owned(),
            hash: hash.to_vec(),
        };
        self.send_present(thread, asker.clone(), ask, wait)
    }

    pub(crate) fn receive_present(
        &mut self,
        thread: Thread,
        now: Timestamp,
        peer: &str,
        talk: Talk,
        reply: Reply,
    ) -> Result<Step, Error> {
        match (talk.wait, reply) {
            (Wait::Request { session, hash }, Reply::Request { request }) => {
                let result = self.take_request(thread, now, peer, &talk.to, &session, &hash, &request);
                if let Err(Error::Refused(problem)) = &result {
                    self.record_failure(now, &talk.to, problem)?;
                }
                result
            }
            (Wait::Receipt { id, hash, answer }, Reply::Receipt { receipt }) => {
                let grant = self.grant_of(&id)?;
                let receipt = self.take_receipt(&talk.to, &id, &hash, &answer, &receipt)?;
                let Some(grant) = grant else {
                    return Ok(done(thread, Ok(Outcome::Shared { receipt })));
                };
                self.grant_answered(now, &grant, receipt.verdict == Verdict::Valid)?;
                Ok(done(thread, Ok(Outcome::Granted { grant, receipt })))
            }
            (Wait::Receipt { id, hash, .. }, Reply::Problem(problem)) => {
                match self.answer_refused(now, &talk.to, &id, hash, &problem)? {
                    Some(known) => Ok(done(thread, Ok(Outcome::Shared { receipt: known.receipt }))),
                    None => Err(problem.into()),
                }
            }
            (Wait::Erased { hash }, reply) => self.take_statement(thread, now, &talk.to, &hash, reply),
            (Wait::Closed { id }, Reply::Closed) => self.end_refused(thread, &id),
            // The session is gone: there is nobody left to tell.
            (Wait::Closed { id }, Reply::Problem(problem)) if !problem.code.is_passing() => {
                self.end_refused(thread, &id)
            }
            (_, Reply::Problem(problem)) => Err(problem.into()),
            _ => Err(Code::UnexpectedMessage.into()),
        }
    }

    /// An answer was refused. What an earlier sending of it brought counts, if there is that.
    pub(crate) fn answer_refused(
        &mut self,
        now: Timestamp,
        asker: &Did,
        id: &str,
        hash: String,
        problem: &Problem,
    ) -> Result<Option<ReceiptRow>, Error> {
        let known = self.tables.get::<ReceiptRow>(&hash)?;
        if known.is_some() || problem.code.is_passing() || self.tables.get::<RequestRow>(id)?.is_none() {
            return Ok(known);
        }
        let event = Event {
            request: Some(hash),
            code: Some(problem.code),
            ..self.event(now, What::Failed, asker)
        };
        let grant = self.grant_of(id)?;
        let mut change = self.tables.change();
        change.event(&event)?;
        change.delete::<RequestRow>(id);
        change.commit()?;
        if let Some(grant) = grant {
            self.grant_answered(now, &grant, false)?;
        }
        Ok(None)
    }

    /// The grant that a request asks for.
    fn grant_of(&self, id: &str) -> Result<Option<String>, Error> {
        let row = self.tables.get::<RequestRow>(id)?;
        Ok(row
            .filter(|row| row.kind == Kind::Grant)
            .and_then(|row| row.transaction))
    }

    /// Checks a fetched request and puts it before the person.
    #[expect(clippy::too_many_arguments)]
    fn take_request(
        &mut self,
        thread: Thread,
        now: Timestamp,
        peer: &str,
        asker: &Did,
        session: &str,
        hash: &[u8],
        jws: &str,
    ) -> Result<Step, Error> {
        if request::hash(jws).as_slice() != hash {
            return Err(Code::LinkInvalid.into());
        }
        let trust = self.current_trust(now)?;
        let opened = request::open(jws, &trust, Some(peer), now)?;
        if opened.request.asker != *asker || opened.request.session != session {
            return Err(Code::LinkInvalid.into());
        }
        self.put_before_person(thread, now, &opened)
    }

    /// Puts a checked request before the person, however it came; one for a grant once the issuer has said what it takes.
    pub(crate) fn put_before_person(
        &mut self,
        thread: Thread,
        now: Timestamp,
        opened: &OpenedRequest,
    ) -> Result<Step, Error> {
        // An identification is only answered where it covers new keys: in the conversation with the issuer.
        if opened.request.issue.is_some() {
            return Err(Code::WrongRequest.into());
        }
        // The same link may have been taken twice at once: what the first fetch brought before the person stays the only one.
        let name = text(&opened.hash);
        let here = self.tables.named::<RequestRow>()?;
        if let Some((id, row)) = here.into_iter().find(|(_, row)| row.hash == name) {
            return match row.kind {
                Kind::Grant => self.go_on_with_grant(thread, now, &id, &row),
                _ => Ok(done(thread, Ok(Outcome::Waiting { id }))),
            };
        }
        if self.tables.get::<DecisionRow>(&name)?.is_some() {
            return Err(Code::Replay.into());
        }
        opened.request.query.fits(&self.types)?;
        self.check_rungs(opened)?;
        for asked in &opened.request.query.credentials {
            if self.known_type(&asked.vct)?.holder.kind != self.settings.kind {
                return Err(Code::WrongWallet.into());
            }
        }
        let id = self.short_name();
        if opened.request.grant.is_some() {
            return self.begin_grant(thread, now, &id, request_row(opened, Kind::Grant), opened);
        }
        let row = request_row(opened, Kind::Present);
        let mut change = self.tables.change();
        change.add(&id, &row)?;
        change.commit()?;
        Ok(done(thread, Ok(Outcome::Waiting { id })))
    }

    /// Checks a receipt and keeps it; the request is then finished.
    pub(crate) fn take_receipt(
        &mut self,
        asker: &Did,
        id: &str,
        hash: &str,
        answer: &str,
        jws: &str,
    ) -> Result<Receipt, Error> {
        let receipt = Receipt::open(jws, &*self.trust()?)?;
        if receipt.asker != *asker {
            return Err(Code::WrongOrigin.into());
        }
        if receipt.request != hash || receipt.answer != answer {
            return Err(Code::WrongRequest.into());
        }
        // Both hold the same receipt: the asker's part names the holder's.
        let decided = self.tables.get::<DecisionRow>(hash)?;
        let given = decided.and_then(|row| row.given).map(|text| decision_hash(&text));
        if receipt.verdict == Verdict::Valid && receipt.decision != given {
            return Err(Problem::new(Code::WrongRequest, "decision").into());
        }
        let row = ReceiptRow {
            receipt: receipt.clone(),
            signed: jws.to_owned(),
        };
        let mut change = self.tables.change();
        change.put(hash, &row)?;
        change.delete::<RequestRow>(id);
        change.commit()?;
        Ok(receipt)
    }

    /// Sends what was decided: for the first time, or the same bytes again.
    pub(crate) fn resend_request(&mut self, thread: Thread, now: Timestamp, id: &str) -> Result<Step, Error> {
        let row = self.tables.get::<RequestRow>(id)?.ok_or(Error::NotFound)?;
        if now >= row.expires {
            return Err(Code::Expired.into());
        }
        match (row.stage, row.kind) {
            (RequestStage::Answered { answer }, Kind::Present | Kind::Grant) => {
                let wait = Wait::Receipt {
                    id: id.to_owned(),
                    hash: row.hash,
                    answer: text(&Sha256::digest(&answer)),
                };
                let session = row.session;
                self.send_present(thread, row.asker, Ask::Answer { session, answer }, wait)
            }
            (RequestStage::Answered { .. }, Kind::Identify) => {
                let transaction = row.transaction.ok_or(Error::NotFound)?;
                self.resend_issuing(thread, &transaction)
            }
            (RequestStage::Answered { answer }, Kind::Authorise) => {
                let authorise = row.authorise.ok_or(Error::NotFound)?;
                crate::issuance::carry_authorised(thread, &authorise, answer)
            }
            (RequestStage::Answered { answer }, Kind::Review) => {
                let name = row.transaction.ok_or(Error::NotFound)?;
                self.send_review(thread, &name, answer)
            }
            (RequestStage::Declined, _) if row.tell_at.is_some_and(|at| now < at) => {
                Ok(done(thread, Ok(Outcome::Refused)))
            }
            (RequestStage::Declined, _) => {
                let wait = Wait::Closed { id: id.to_owned() };
                let session = row.session;
                self.send_present(thread, row.asker, Ask::Decline { session }, wait)
            }
            (RequestStage::Open | RequestStage::Granting, _) => Err(Error::NotFound),
        }
    }

    /// Requests whose answer or refusal is to be sent and is not on its way.
    pub(crate) fn unsent_requests(&self, now: Timestamp) -> Result<Vec<String>, Error> {
        let rows = self.tables.named::<RequestRow>()?;
        Ok(rows
            .into_iter()
            .filter(|(_, row)| {
                matches!(row.kind, Kind::Present | Kind::Grant)
                    && match row.stage {
                        RequestStage::Answered { .. } => true,
                        RequestStage::Declined => row.tell_at.is_none_or(|at| now >= at),
                        RequestStage::Open | RequestStage::Granting => false,
                    }
            })
            .map(|(id, _)| id)
            .filter(|id| {
                !self.talks.values().any(|talk| match talk {
                    crate::Talk::Present(Talk {
                        wait: Wait::Receipt { id: known, .. } | Wait::Closed { id: known },
                        ..
                    }) => known == id,
                    _ => false,
                })
            })
            .collect())
    }

    /// When the next refusal leaves that waits for its time: [`Wallet::resume`] sends it then.
    ///
    /// # Errors
    /// [`Error::Store`], [`Error::Row`].
    pub fn next_refusal(&self) -> Result<Option<Timestamp>, Error> {
        let rows = self.tables.named::<RequestRow>()?.into_iter();
        let waiting = rows.filter(|(_, row)| matches!(row.stage, RequestStage::Declined));
        Ok(waiting.filter_map(|(_, row)| row.tell_at).min())
    }

    /// Drops requests that nobody can answer any more. What was shared stays in the history.
    pub(crate) fn sweep_requests(&mut self, now: Timestamp) -> Result<(), Error> {
        let expired: Vec<_> = self
            .tables
            .named::<RequestRow>()?
            .into_iter()
            // An identification that was answered ends with its issuing.
            .filter(|(_, row)| {
                now >= row.expires
                    && !(row.kind == Kind::Identify && matches!(row.stage, RequestStage::Answered { .. }))
            })
            .collect();
        if expired.is_empty() {
            return Ok(());
        }
        let mut change = self.tables.change();
        for (id, _) in &expired {
            change.delete::<RequestRow>(id);
        }
        change.commit()
    }

    /// A line of history to be filled in.
    pub(crate) fn event(&self, at: Timestamp, what: What, with: &Did) -> Event {
        Event {
            id: 0,
            at,
            what,
            with: with.clone(),
            with_name: name_of(self.trust.as_deref(), with),
            types: Vec::new(),
            credentials: Vec::new(),
            service: None,
            claims: BTreeMap::new(),
            request: None,
            code: None,
            detail: None,
            erasure: None,
            receipt: None,
        }
    }

    /// Records that what a counterpart sent was refused here.
    pub(crate) fn record_failure(&mut self, now: Timestamp, with: &Did, problem: &Problem) -> Result<(), Error> {
        let event = Event {
            code: Some(problem.code),
            detail: problem.detail.clone(),
            ..self.event(now, What::Failed, with)
        };
        let mut change = self.tables.change();
        change.event(&event)?;
        change.commit()
    }

    fn end_refused(&mut self, thread: Thread, id: &str) -> Result<Step, Error> {
        let mut change = self.tables.change();
        change.delete::<RequestRow>(id);
        change.commit()?;
        Ok(done(thread, Ok(Outcome::Refused)))
    }

    pub(crate) fn send_present(&mut self, thread: Thread, to: Did, ask: Ask, wait: Wait) -> Result<Step, Error> {
        let talk = crate::Talk::Present(Talk { to, wait });
        self.send(thread, Outgoing::Present(ask), talk)
    }
}

/// A checked request as it is kept.
pub(crate) fn request_row(opened: &OpenedRequest, kind: Kind) -> RequestRow {
    RequestRow {
        kind,
        request: opened.jws.clone(),
        hash: text(&opened.hash),
        asker: opened.request.asker.clone(),
        session: opened.request.session.clone(),
        expires: opened.request.expires,
        service: opened.request.service.clone(),
        case: opened.request.case.clone(),
        transaction: None,
        authorise: None,
        stage: RequestStage::Open,
        tell_at: None,
    }
}
