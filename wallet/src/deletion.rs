//! The holder asks whoever was shown something to erase it (GDPR Art. 17), and keeps what is answered.
//!
//! The request is durable before it leaves, and sent again until it is answered. A grant is taken back first; what is asked for then is
//! what the asker still keeps of it.

use crate::grant::Wait as GrantWait;
use crate::history::{Event, What};
use crate::presentation::Wait;
use crate::tables::{DecisionRow, DeletionRow, GrantRow, GrantStage, Kind};
use crate::{Error, Outcome, Step, Thread, Wallet, done};
use credentials::decision::{self, Decision, Deletion, Statement};
use credentials::grant::{Erasure, OpenedGrant};
use credentials::protocol::{consent, presentation};
use credentials::{Code, Did, Problem, SigningKey, Timestamp, VerifyingKey};

/// What somebody was given, as both sides hold it.
pub(crate) struct GivenPaper {
    pub(crate) text: String,
    pub(crate) key: VerifyingKey,
    pub(crate) row: DecisionRow,
    pub(crate) hash: String,
}

impl Wallet {
    /// Asks for deletion of what an entry of the history shared or granted. A grant that stands is taken back by this. Said again, it
    /// sends the same again, or tells what was answered.
    ///
    /// The thread ends in `not_found` for an entry that there is not or that gave nobody anything.
    pub fn request_deletion(&mut self, now: Timestamp, entry: u64) -> Vec<(Thread, Vec<Step>)> {
        match self.begin_deletion(now, entry) {
            Ok(Begun::Send(hash)) => vec![self.command(|wallet, thread| wallet.send_deletion(thread, &hash))],
            Ok(Begun::Withdraw(name)) => self.tell_withdrawal(now, &name),
            Err(Error::NotFound) => vec![self.command(|_, _| Err(Code::NotFound.into()))],
            Err(error) => vec![self.command(|_, _| Err(error))],
        }
    }

    fn begin_deletion(&mut self, now: Timestamp, entry: u64) -> Result<Begun, Error> {
        let event = self.entry(entry)?;
        let given = self.given_for(&event)?;
        let grant = self.grant_by_request(&given.hash)?;
        if given.row.decision.outcome == "refused" {
            return Err(Error::NotFound);
        }
        if self.tables.get::<DeletionRow>(&given.hash)?.is_none() {
            let key = self.tables.key(&given.key)?;
            let row = self.deletion_row(now, &given, grant.as_ref().map(|(name, _)| name.clone()), &key)?;
            let asked = Event {
                service: Some(given.row.decision.service.clone()),
                request: Some(given.hash.clone()),
                ..self.event(now, What::DeletionRequested, &row.asker)
            };
            let mut change = self.tables.change();
            change.add(&given.hash, &row)?;
            change.event(&asked)?;
            change.commit()?;
        }
        let Some((name, row)) = grant else {
            return Ok(Begun::Send(given.hash));
        };
        let opened = Wallet::opened_grant(&row)?;
        let is_over = matches!(row.stage, GrantStage::Withdrawn) || now >= opened.grant().exp;
        if !is_over {
            self.end_grant(now, &name)?;
        }
        match is_over && (row.erasure.is_some() || !matches!(row.stage, GrantStage::Withdrawn)) {
            true => Ok(Begun::Send(given.hash)),
            // What it keeps is asked for when it knows that the grant has ended.
            false => Ok(Begun::Withdraw(name)),
        }
    }

    fn deletion_row(
        &self,
        now: Timestamp,
        given: &GivenPaper,
        grant: Option<String>,
        key: &SigningKey,
    ) -> Result<DeletionRow, Error> {
        let asker = given.row.decision.recipient.clone();
        let deletion = Deletion {
            asker: asker.clone(),
            request: given.hash.clone(),
            decision: decision::hash(&given.text),
            at: now,
        };
        Ok(DeletionRow {
            asker,
            session: grant.is_none().then(|| given.row.session.clone()),
            grant,
            signed: deletion.sign(key)?,
            at: now,
            answer: None,
            refused: None,
        })
    }

    fn send_deletion(&mut self, thread: Thread, hash: &str) -> Result<Step, Error> {
        let row = self.tables.get::<DeletionRow>(hash)?.ok_or(Error::NotFound)?;
        if let Some(statement) = row.answer {
            let request = hash.to_owned();
            return Ok(done(thread, Ok(Outcome::Erased { request, statement })));
        }
        if let Some(code) = row.refused {
            return Err(code.into());
        }
        match (row.session, row.grant) {
            (_, Some(name)) => {
                let opened = Wallet::opened_grant(&self.grant_row(&name)?)?;
                let ask = consent::Ask::Erase {
                    grant: opened.name(),
                    deletion: row.signed,
                };
                self.send_consent(thread, row.asker, &name, ask, GrantWait::Deleted)
            }
            (Some(session), None) => {
                let ask = presentation::Ask::Erase {
                    session,
                    deletion: row.signed,
                };
                let wait = Wait::Erased { hash: hash.to_owned() };
                self.send_present(thread, row.asker, ask, wait)
            }
            (None, None) => Err(Error::NotFound),
        }
    }

    /// Sends again what was not answered.
    pub(crate) fn resume_deletions(&mut self, now: Timestamp) -> Result<Vec<(Thread, Vec<Step>)>, Error> {
        let mut threads = Vec::new();
        for (hash, row) in self.tables.named::<DeletionRow>()? {
            if !row.is_open() || self.is_asking_deletion(&hash, &row) {
                continue;
            }
            if let Some(name) = &row.grant {
                let Ok(grant) = self.grant_row(name) else { continue };
                let has_run_out = Wallet::opened_grant(&grant).is_ok_and(|opened| now >= opened.grant().exp);
                if grant.erasure.is_none() && !has_run_out {
                    continue;
                }
            }
            threads.push(self.command(|wallet, thread| wallet.send_deletion(thread, &hash)));
        }
        Ok(threads)
    }

    fn is_asking_deletion(&self, hash: &str, row: &DeletionRow) -> bool {
        if let Some(name) = &row.grant {
            return self.is_talking(name, GrantWait::Deleted);
        }
        self.talks.values().any(|talk| match talk {
            crate::Talk::Present(talk) => matches!(&talk.wait, Wait::Erased { hash: known } if known == hash),
            _ => false,
        })
    }

    /// Takes what the asker of a session says.
    pub(crate) fn take_statement(
        &mut self,
        thread: Thread,
        now: Timestamp,
        asker: &Did,
        hash: &str,
        reply: presentation::Reply,
    ) -> Result<Step, Error> {
        match reply {
            presentation::Reply::Erased { statement } => {
                let said = Statement::open(&statement, &*self.trust()?)?;
                if said.asker != *asker || said.request != hash {
                    return Err(Code::WrongRequest.into());
                }
                self.deletion_answered(thread, now, hash, statement)
            }
            presentation::Reply::Problem(problem) => self.deletion_refused(now, hash, problem),
            _ => Err(Code::UnexpectedMessage.into()),
        }
    }

    /// The same of a grant.
    pub(crate) fn take_grant_statement(
        &mut self,
        thread: Thread,
        now: Timestamp,
        name: &str,
        reply: consent::Reply,
    ) -> Result<Step, Error> {
        let row = self.grant_row(name)?;
        let opened = Wallet::opened_grant(&row)?;
        let hash = opened.grant().request.clone();
        match reply {
            consent::Reply::Erased { erasure } => {
                Erasure::open(&erasure, &opened, &*self.trust()?)?;
                self.deletion_answered(thread, now, &hash, erasure)
            }
            consent::Reply::Problem(problem) => self.deletion_refused(now, &hash, problem),
            _ => Err(Code::UnexpectedMessage.into()),
        }
    }

    fn deletion_answered(
        &mut self,
        thread: Thread,
        now: Timestamp,
        hash: &str,
        statement: String,
    ) -> Result<Step, Error> {
        let row = self.tables.get::<DeletionRow>(hash)?.ok_or(Error::NotFound)?;
        if row.is_open() {
            let event = Event {
                request: Some(hash.to_owned()),
                ..self.event(now, What::DeletionAnswered, &row.asker)
            };
            let row = DeletionRow {
                answer: Some(statement.clone()),
                ..row
            };
            let mut change = self.tables.change();
            change.put(hash, &row)?;
            change.event(&event)?;
            change.commit()?;
        }
        let request = hash.to_owned();
        Ok(done(thread, Ok(Outcome::Erased { request, statement })))
    }

    fn deletion_refused(&mut self, now: Timestamp, hash: &str, problem: Problem) -> Result<Step, Error> {
        let row = self.tables.get::<DeletionRow>(hash)?.ok_or(Error::NotFound)?;
        if row.is_open() && !problem.code.is_passing() {
            let event = Event {
                request: Some(hash.to_owned()),
                code: Some(problem.code),
                ..self.event(now, What::Failed, &row.asker)
            };
            let row = DeletionRow {
                refused: Some(problem.code),
                ..row
            };
            let mut change = self.tables.change();
            change.put(hash, &row)?;
            change.event(&event)?;
            change.commit()?;
        }
        Err(problem.into())
    }

    /// A line of the history by its number.
    pub(crate) fn entry(&self, number: u64) -> Result<Event, Error> {
        let id = number.checked_sub(1).ok_or(Error::NotFound)?;
        let event = self.tables.get_in::<Event>(b"", &id.to_be_bytes())?;
        event.map(|event| Event { id: number, ..event }).ok_or(Error::NotFound)
    }

    /// What the holder gave to whom an entry is about.
    pub(crate) fn given_for(&self, event: &Event) -> Result<GivenPaper, Error> {
        let hash = event.request.clone().ok_or(Error::NotFound)?;
        let row = self.tables.get::<DecisionRow>(&hash)?.ok_or(Error::NotFound)?;
        if !matches!(row.kind, Kind::Present | Kind::Grant) {
            return Err(Error::NotFound);
        }
        let text = row.given.clone().ok_or(Error::NotFound)?;
        let key = match row.kind {
            Kind::Grant if row.decision.outcome == "granted" => *OpenedGrant::open(&text)?.key(),
            _ => Decision::open(&text)?.1,
        };
        Ok(GivenPaper { text, key, row, hash })
    }

    /// The grant that came of a request.
    pub(crate) fn grant_by_request(&self, hash: &str) -> Result<Option<(String, GrantRow)>, Error> {
        for (name, row) in self.tables.named::<GrantRow>()? {
            if Wallet::opened_grant(&row).is_ok_and(|opened| opened.grant().request == hash) {
                return Ok(Some((name, row)));
            }
        }
        Ok(None)
    }
}

enum Begun {
    /// The deletion of this request is sent.
    Send(String),
    /// Issuer and asker are told first that the grant of this name is taken back.
    Withdraw(String),
}
