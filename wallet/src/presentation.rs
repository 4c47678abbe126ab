//! Holder's end of `/bevis/present/1`: fetched -> decided (by a person) -> answered -> receipted; and the decision that
//! identifications share with it.

use crate::consent::{Collecting, Consent, Gap, Part};
use crate::disclosure::{self, Disclosed};
use crate::history::{Event, What};
use crate::selection::{self, Choice, Lack};
use crate::tables::{CopyRow, DecisionRow, IssuingRow, Kind, ReceiptRow, RequestRow, RequestStage, Stage, text};
use crate::text::Catalogue;
use crate::{Error, Outcome, Outgoing, Shown, Step, Thread, Wallet, done, is_passing, name_of};
use credentials::decision::{Decision, Receipt};
use credentials::protocol::presentation::{Ask, LIMIT, Reply};
use credentials::request::{self, OpenedRequest};
use credentials::schema::{Path, values_at};
use credentials::sd_jwt::{self, Bind, Covers, SdJwt};
use credentials::{Code, Did, Problem, SigningKey, Timestamp, VerifyingKey, jwe};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use zeroize::Zeroizing;

/// Room that the frame of an answer needs beside the encrypted text, in bytes.
const FRAME: usize = 1024;

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
}

/// A request as it stands before the person now.
pub(crate) struct Draft {
    pub(crate) opened: OpenedRequest,
    collecting: Option<Collecting>,
    pub(crate) answer: Result<Vec<Chosen>, Vec<Gap>>,
}

/// A copy that would be shown.
pub(crate) struct Chosen {
    query: String,
    choice: Choice,
    copy: CopyRow,
    key: VerifyingKey,
    disclosed: String,
    paths: Vec<Path>,
    part: Part,
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
        if let Some((id, _)) = here.into_iter().find(|(_, row)| row.hash == name) {
            return Ok(done(thread, Ok(Outcome::Waiting { id })));
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
                let result = self.take_request(now, peer, &talk.to, &session, &hash, &request);
                if let Err(Error::Refused(problem)) = &result {
                    self.record_failure(now, &talk.to, Vec::new(), None, problem.code)?;
                }
                Ok(done(thread, Ok(Outcome::Waiting { id: result? })))
            }
            (Wait::Receipt { id, hash, answer }, Reply::Receipt { receipt }) => {
                let receipt = self.take_receipt(&talk.to, &id, &hash, &answer, &receipt)?;
                Ok(done(thread, Ok(Outcome::Shared { receipt })))
            }
            (Wait::Receipt { id, hash, .. }, Reply::Problem(problem)) => {
                // The same answer may have been sent twice: what the first sending brought counts.
                if let Some(known) = self.tables.get::<ReceiptRow>(&hash)? {
                    let receipt = known.receipt;
                    return Ok(done(thread, Ok(Outcome::Shared { receipt })));
                }
                if !is_passing(problem.code) && self.tables.get::<RequestRow>(&id)?.is_some() {
                    let event = self.event(now, What::Failed, &talk.to);
                    let mut change = self.tables.change();
                    change.event(&Event {
                        request: Some(hash),
                        code: Some(problem.code),
                        ..event
                    })?;
                    change.delete::<RequestRow>(&id);
                    change.commit()?;
                }
                Err(problem.into())
            }
            (Wait::Closed { id }, Reply::Closed) => self.end_refused(thread, &id),
            // The session is gone: there is nobody left to tell.
            (Wait::Closed { id }, Reply::Problem(problem)) if !is_passing(problem.code) => {
                self.end_refused(thread, &id)
            }
            (_, Reply::Problem(problem)) => Err(problem.into()),
            _ => Err(Code::UnexpectedMessage.into()),
        }
    }

    /// Checks a fetched request and puts it before the person.
    fn take_request(
        &mut self,
        now: Timestamp,
        peer: &str,
        asker: &Did,
        session: &str,
        hash: &[u8],
        jws: &str,
    ) -> Result<String, Error> {
        if request::hash(jws).as_slice() != hash {
            return Err(Code::LinkInvalid.into());
        }
        let trust = self.current_trust(now)?;
        let opened = request::open(jws, &trust, Some(peer), now)?;
        if opened.request.asker != *asker || opened.request.session != session {
            return Err(Code::LinkInvalid.into());
        }
        // An identification is only answered where it covers new keys: in the conversation with the issuer.
        if opened.request.issue.is_some() {
            return Err(Code::WrongRequest.into());
        }
        opened.request.query.fits(&self.types)?;
        for asked in &opened.request.query.credentials {
            if self.known_type(&asked.vct)?.holder.kind != self.settings.kind {
                return Err(Code::WrongWallet.into());
            }
        }
        let id = self.short_name();
        let row = request_row(&opened, Kind::Present);
        let mut change = self.tables.change();
        change.add(&id, &row)?;
        change.commit()?;
        Ok(id)
    }

    /// Checks a receipt and keeps it; the request is then finished.
    fn take_receipt(&mut self, asker: &Did, id: &str, hash: &str, answer: &str, jws: &str) -> Result<Receipt, Error> {
        let receipt = Receipt::open(jws, &*self.trust()?)?;
        if receipt.asker != *asker {
            return Err(Code::WrongOrigin.into());
        }
        if receipt.request != hash || receipt.answer != answer {
            return Err(Code::WrongRequest.into());
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

    /// What the person would share now, or why nothing fits.
    pub(crate) fn draft(&self, now: Timestamp, row: &RequestRow) -> Result<Draft, Error> {
        let trust = self.current_trust(now)?;
        let opened = request::reopen(&row.request, &trust, now)?;
        let collecting = match &opened.request.issue {
            None => None,
            Some(issue) => Some(Collecting {
                credential_type: self.known_type(&issue.vct)?,
                organisation: issue
                    .organisation
                    .clone()
                    .or_else(|| self.settings.organisation.clone()),
                words: row.authorise.as_ref().map(|authorise| authorise.words()),
            }),
        };
        let holdings = self.holdings()?;
        let candidates: Vec<_> = holdings.iter().map(|held| held.candidate()).collect();
        let query = &opened.request.query;
        let answer = match selection::select(query, &candidates, now) {
            Err(lacks) => {
                let mut gaps = Vec::new();
                for asked in &query.credentials {
                    let Some((_, lack)) = lacks.iter().find(|(id, _)| *id == asked.id) else {
                        continue;
                    };
                    let issuers = trust
                        .document()
                        .organisations
                        .iter()
                        .filter(|organisation| organisation.issues.contains(&asked.vct))
                        .map(|organisation| organisation.name.clone())
                        .collect();
                    gaps.push(Gap {
                        credential_type: self.known_type(&asked.vct)?,
                        lack: *lack,
                        asked: asked.claims.iter().map(|claim| claim.path.clone()).collect(),
                        issuers,
                    });
                }
                Err(gaps)
            }
            Ok(mut choices) => {
                let mut all = Vec::new();
                for asked in &query.credentials {
                    let choice = choices.remove(&asked.id).ok_or(Code::Internal)?;
                    let held = holdings.iter().find(|held| held.id == choice.credential);
                    let held = held.ok_or(Code::Internal)?;
                    let copy = held.copy(choice.copy).ok_or(Code::Internal)?;
                    let credential_type = self.known_type(&asked.vct)?;
                    let Disclosed { text, claims } = disclosure::disclose(&copy.text, asked, &credential_type)?;
                    all.push(Chosen {
                        query: asked.id.clone(),
                        key: SdJwt::parse(&copy.text)?.holder_key().ok_or(Code::Internal)?,
                        disclosed: text,
                        paths: asked.claims.iter().map(|claim| claim.path.clone()).collect(),
                        part: Part {
                            issuer_name: name_of(Some(&trust), &held.row.issuer),
                            held: held.claims.clone(),
                            shown: claims,
                            credential_type,
                        },
                        choice,
                        copy: copy.clone(),
                    });
                }
                Ok(all)
            }
        };
        Ok(Draft {
            opened,
            collecting,
            answer,
        })
    }

    /// The text of a draft.
    pub(crate) fn compose(&self, draft: &Draft, kind: Kind, language: &str) -> Result<String, Error> {
        let trust = self.trust()?;
        let texts = Catalogue::new(language, self.settings.kind);
        let (parts, gaps): (Vec<&Part>, &[Gap]) = match &draft.answer {
            Ok(chosen) => (chosen.iter().map(|chosen| &chosen.part).collect(), &[]),
            Err(gaps) => (Vec::new(), gaps),
        };
        let consent = Consent {
            kind,
            opened: &draft.opened,
            operator: &trust.document().operator,
            collecting: draft.collecting.as_ref(),
            parts: &parts,
            gaps,
        };
        Ok(consent.text(&texts))
    }

    /// The person's yes.
    pub(crate) fn decide_yes(
        &mut self,
        thread: Thread,
        now: Timestamp,
        id: &str,
        language: &str,
    ) -> Result<Step, Error> {
        let row = self.tables.get::<RequestRow>(id)?.ok_or(Error::NotFound)?;
        match &row.stage {
            RequestStage::Answered { .. } => return self.resend_request(thread, now, id),
            RequestStage::Declined => return Err(Code::NotPresented.into()),
            RequestStage::Open => {}
        }
        let draft = self.draft(now, &row)?;
        let language = crate::text::language(language);
        let shown: [u8; 32] = Sha256::digest(self.compose(&draft, row.kind, language)?).into();
        if self
            .last_shown(id)
            .is_some_and(|last| last.0 == language && last.1 != shown)
        {
            return Err(Problem::new(Code::Stale, "text").into());
        }
        let chosen = match &draft.answer {
            Ok(chosen) => chosen,
            Err(gaps) => return Err(unanswerable(gaps)),
        };
        let issuing = match &row.transaction {
            None => None,
            Some(transaction) => Some((
                transaction.clone(),
                self.tables.get::<IssuingRow>(transaction)?.ok_or(Error::NotFound)?,
            )),
        };
        let covers = crate::issuance::covers(&row, issuing.as_ref(), &draft.opened)?;
        let keys = chosen
            .iter()
            .map(|chosen| self.tables.key(&chosen.key))
            .collect::<Result<Vec<_>, _>>()?;
        let answer = self.seal(now, &draft.opened, chosen, &keys, covers.as_ref())?;
        let decision = decision(now, &draft.opened, chosen, language, &shown);
        let signed = keys
            .iter()
            .map(|key| decision.sign(key))
            .collect::<Result<Vec<_>, _>>()?;

        let opened = &draft.opened;
        let mut event = self.event(now, What::decided(row.kind), &opened.request.asker);
        event.service = Some(opened.request.service.clone());
        event.request = Some(row.hash.clone());
        for chosen in chosen {
            event.types.push(chosen.part.credential_type.vct.clone());
            event.credentials.push(chosen.choice.credential.clone());
            let paths = chosen.paths.iter().map(ToString::to_string).collect();
            event.claims.insert(chosen.query.clone(), paths);
        }
        let mut change = self.tables.change();
        let row_of_decision = DecisionRow {
            kind: row.kind,
            decision,
            signed,
        };
        change.add(&row.hash, &row_of_decision)?;
        for chosen in chosen {
            let used = CopyRow {
                used: Some(row.hash.clone()),
                ..chosen.copy.clone()
            };
            change.put_copy(&chosen.choice.credential, chosen.choice.copy, &used)?;
        }
        let answered = RequestRow {
            stage: RequestStage::Answered { answer: answer.clone() },
            ..row
        };
        change.put(id, &answered)?;
        if let Some((transaction, issuing)) = issuing {
            let requested = IssuingRow {
                stage: Stage::Requested { answer: Some(answer) },
                subject: subject(chosen),
                ..issuing
            };
            change.put(&transaction, &requested)?;
        }
        change.event(&event)?;
        change.commit()?;
        self.resend_request(thread, now, id)
    }

    /// The encrypted answer: each chosen copy bound to this request, readable by its asker only.
    fn seal(
        &mut self,
        now: Timestamp,
        opened: &OpenedRequest,
        chosen: &[Chosen],
        keys: &[SigningKey],
        covers: Option<&Covers>,
    ) -> Result<String, Error> {
        let client_id = opened.request.client_id();
        let bind = Bind {
            audience: &client_id,
            nonce: &opened.request.nonce,
            issued: now,
            request_hash: opened.hash,
            covers,
        };
        let mut token: BTreeMap<&str, [String; 1]> = BTreeMap::new();
        for (chosen, key) in chosen.iter().zip(keys) {
            let bound = sd_jwt::bind(&chosen.disclosed, &bind, key)?;
            token.insert(&chosen.query, [bound]);
        }
        let plaintext = serde_json::to_vec(&serde_json::json!({ "vp_token": token }));
        let plaintext = Zeroizing::new(plaintext.map_err(|_| Code::Internal)?);
        let answer = jwe::seal(
            &opened.request.encryption,
            b"",
            &opened.hash,
            &plaintext,
            &mut *self.random,
        )?;
        if answer.len().saturating_add(FRAME) > LIMIT {
            return Err(Code::TooLarge.into());
        }
        Ok(answer)
    }

    /// The person's no.
    pub(crate) fn decide_no(&mut self, thread: Thread, now: Timestamp, id: &str) -> Result<Step, Error> {
        let row = self.tables.get::<RequestRow>(id)?.ok_or(Error::NotFound)?;
        match &row.stage {
            RequestStage::Answered { .. } => {
                return Err(Problem::new(Code::UnexpectedMessage, "answered").into());
            }
            RequestStage::Declined => return self.resend_request(thread, now, id),
            RequestStage::Open => {}
        }
        let mut event = self.event(now, What::Refused, &row.asker);
        event.request = Some(row.hash.clone());
        // A request that can no longer be shown (expired, asker no longer listed) has no text to have said no to.
        let decision = match self.refusal(now, id, &row) {
            Ok(decision) => {
                event.service = Some(decision.service.clone());
                Some(decision)
            }
            Err(Error::Refused(_)) => None,
            Err(error) => return Err(error),
        };
        let is_told = row.kind == Kind::Present && decision.is_some();
        let new_keys = match &row.transaction {
            Some(transaction) => self.issuing_keys(transaction)?,
            None => Vec::new(),
        };
        let mut change = self.tables.change();
        if let Some(decision) = decision {
            let refused = DecisionRow {
                kind: row.kind,
                decision,
                signed: Vec::new(),
            };
            change.add(&row.hash, &refused)?;
        }
        if is_told {
            let declined = RequestRow {
                stage: RequestStage::Declined,
                ..row
            };
            change.put(id, &declined)?;
        } else {
            change.delete::<RequestRow>(id);
            if let Some(transaction) = &row.transaction {
                change.delete::<IssuingRow>(transaction);
            }
            for key in &new_keys {
                change.delete_key(key);
            }
        }
        change.event(&event)?;
        change.commit()?;
        if is_told {
            self.resend_request(thread, now, id)
        } else {
            Ok(done(thread, Ok(Outcome::Refused)))
        }
    }

    fn refusal(&self, now: Timestamp, id: &str, row: &RequestRow) -> Result<Decision, Error> {
        let draft = self.draft(now, row)?;
        let (language, shown) = match self.last_shown(id) {
            Some(last) => last,
            None => {
                let language = crate::text::language("nb");
                let text = self.compose(&draft, row.kind, language)?;
                (language, Sha256::digest(text).into())
            }
        };
        Ok(Decision {
            outcome: "refused".to_owned(),
            ..decision(now, &draft.opened, &[], language, &shown)
        })
    }

    /// Sends what was decided: for the first time, or the same bytes again.
    pub(crate) fn resend_request(&mut self, thread: Thread, now: Timestamp, id: &str) -> Result<Step, Error> {
        let row = self.tables.get::<RequestRow>(id)?.ok_or(Error::NotFound)?;
        if now >= row.expires {
            return Err(Code::Expired.into());
        }
        match (row.stage, row.kind) {
            (RequestStage::Answered { answer }, Kind::Present) => {
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
            (RequestStage::Declined, _) => {
                let wait = Wait::Closed { id: id.to_owned() };
                let session = row.session;
                self.send_present(thread, row.asker, Ask::Decline { session }, wait)
            }
            (RequestStage::Open, _) => Err(Error::NotFound),
        }
    }

    /// Requests whose answer or refusal is to be sent and is not on its way.
    pub(crate) fn unsent_requests(&self) -> Result<Vec<String>, Error> {
        let rows = self.tables.named::<RequestRow>()?;
        Ok(rows
            .into_iter()
            .filter(|(_, row)| row.kind == Kind::Present && !matches!(row.stage, RequestStage::Open))
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
            receipt: None,
        }
    }

    /// Records that a counterpart refused, or that what it sent was refused.
    pub(crate) fn record_failure(
        &mut self,
        now: Timestamp,
        with: &Did,
        types: Vec<String>,
        request: Option<String>,
        code: Code,
    ) -> Result<(), Error> {
        let event = Event {
            types,
            request,
            code: Some(code),
            ..self.event(now, What::Failed, with)
        };
        let mut change = self.tables.change();
        change.event(&event)?;
        change.commit()
    }

    pub(crate) fn remember_shown(&self, id: &str, shown: Shown) {
        let mut all = match self.shown.lock() {
            Ok(all) => all,
            Err(poisoned) => poisoned.into_inner(),
        };
        all.insert(id.to_owned(), shown);
    }

    fn last_shown(&self, id: &str) -> Option<Shown> {
        let all = match self.shown.lock() {
            Ok(all) => all,
            Err(poisoned) => poisoned.into_inner(),
        };
        all.get(id).copied()
    }

    fn end_refused(&mut self, thread: Thread, id: &str) -> Result<Step, Error> {
        let mut change = self.tables.change();
        change.delete::<RequestRow>(id);
        change.commit()?;
        Ok(done(thread, Ok(Outcome::Refused)))
    }

    fn send_present(&mut self, thread: Thread, to: Did, ask: Ask, wait: Wait) -> Result<Step, Error> {
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
    }
}

fn decision(now: Timestamp, opened: &OpenedRequest, chosen: &[Chosen], language: &str, shown: &[u8; 32]) -> Decision {
    Decision {
        request: text(&opened.hash),
        recipient: opened.request.asker.clone(),
        service: opened.request.service.clone(),
        purpose: opened.registration.purpose.code.clone(),
        text: text(shown),
        language: language.to_owned(),
        claims: chosen
            .iter()
            .map(|chosen| (chosen.query.clone(), chosen.paths.clone()))
            .collect(),
        outcome: "shared".to_owned(),
        at: now,
    }
}

/// The number that an identification shows: who the credential must then be for.
fn subject(chosen: &[Chosen]) -> Option<String> {
    let [chosen] = chosen else { return None };
    let path = chosen.paths.first()?;
    let number = values_at(&chosen.part.shown, path).first()?.as_str()?;
    Some(number.to_owned())
}

/// `copies_spent` when nothing else is in the way, else `not_presented`; the detail names the first type.
fn unanswerable(gaps: &[Gap]) -> Error {
    let code = if gaps.iter().all(|gap| gap.lack == Lack::Spent) {
        Code::CopiesSpent
    } else {
        Code::NotPresented
    };
    match gaps.first() {
        Some(gap) => Problem::new(code, gap.credential_type.vct.as_str()).into(),
        None => code.into(),
    }
}
