//! The holder asks for deletion, and the receipt that both hold.
//!
//! Who asks is known by the key of the decision or grant that came with the answer: nobody else can ask, and no name is needed. What
//! no law has us keep is erased at once; what is kept is named, with its ground and its time. Both are signed, and kept with the record
//! of the session. Said again, a request is answered the same.

use crate::error::Refusal;
use crate::grant::GrantRow;
use crate::outbox::of_grant;
use crate::session::{RECORD_SECONDS, Session, State};
use crate::verdict::Noted;
use crate::{Error, Verifier, tables};
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use credentials::decision::{self, Decision, Deletion, KeptRecord, Papers, Statement};
use credentials::grant::hash_of;
use credentials::protocol::{consent, presentation};
use credentials::{Code, Problem, Timestamp};
use std::collections::BTreeMap;

/// Ground on which the record of a session outlives its claims (GDPR Art. 5(2)).
const RECORD_GROUND: &str = "accountability";

impl Verifier {
    /// The holder wants erased what an answer showed.
    pub(crate) fn erase(&mut self, now: Timestamp, id: &str, deletion: &str) -> Result<presentation::Reply, Refusal> {
        if !crate::session::is_name(id) {
            return Err(Code::UnknownSession.into());
        }
        let session = self.tables.session(id)?.ok_or(Code::UnknownSession)?;
        if session.state != State::Completed || session.grant.is_some() {
            return Err(Code::UnknownSession.into());
        }
        let mut record = self.tables.verdict(id)?.ok_or(Error::Row {
            table: "verifier.verdicts",
        })?;
        // Nobody can be told from anybody else where no decision came with the answer.
        let given = record.given().ok_or(Code::HolderBindingMissing)?.to_owned();
        let (_, key) = Decision::open(&given)?;
        let request = BASE64_URL_SAFE_NO_PAD.encode(session.request_hash);
        Deletion::open(deletion, &self.settings.did, &request, &given, &key)?;
        let is_kept = session.keep_until.is_some() && session.erased_at.is_none();
        let is_due = session.keep_until.is_some_and(|until| now >= until);
        let is_duty = is_kept && !is_due && !self.is_erased_on_request(&session.service);
        let before = record.deletion().cloned();
        let mut noted = before.clone().unwrap_or_else(|| Noted {
            at: now,
            request: deletion.to_owned(),
            answer: None,
        });
        let is_to_erase = (is_kept && !is_duty) || session.is_held();
        if is_duty || (!is_to_erase && session.erased_at.is_none()) {
            // Nothing is erased: said once, and the same from then on.
            if noted.answer.is_none() {
                noted.answer = Some(self.sign_kept(now, &session, is_duty)?);
            }
        }
        let mut settled = session.clone();
        let mut tx = self.tables.begin();
        if is_to_erase {
            self.reading.forget(id);
            settled.erase(now);
            self.tables.delete_claims(&mut tx, id);
        }
        if before.as_ref() != Some(&noted) {
            record.note_deletion(noted.clone());
            self.tables.put_noted(&mut tx, id, &record)?;
        }
        self.commit(now, tx, &session, Some(&settled))?;
        if settled.sign_at.is_some() {
            // What ended with the session is erased by the clock; here somebody waits for it.
            self.tables.finish_erasing();
            let mut tx = self.tables.begin();
            let after = self.overtake(now, &settled, &mut tx)?;
            tables::commit(tx)?;
            self.settle(&settled, after.as_ref());
        }
        tracing::info!(session = %id, is_erased = is_to_erase, "deletion asked for");
        // Where something was erased, the statement of that is the answer.
        let statement = match self.tables.erasure(id)? {
            Some(statement) => statement,
            None => match noted.answer {
                Some(answer) => answer,
                // Erased and not signed yet: the key file lags behind. It is signed by the clock.
                None => return Err(Code::RateLimited.into()),
            },
        };
        Ok(presentation::Reply::Erased { statement })
    }

    /// The holder wants erased what a grant brought that has ended. One that stands is to be taken back first.
    pub(crate) fn erase_grant(
        &mut self,
        now: Timestamp,
        name: &str,
        deletion: &str,
    ) -> Result<consent::Reply, Refusal> {
        hash_of(name)?;
        let before = self.grants.tables.read(name)?.ok_or(Code::UnknownGrant)?;
        let grant = before.opened()?;
        Deletion::open(
            deletion,
            &self.settings.did,
            &grant.grant().request,
            grant.text(),
            grant.key(),
        )?;
        if before.ended.is_none() {
            return Err(Problem::new(Code::WrongRequest, "grant stands").into());
        }
        let mut row = GrantRow {
            deletion: before.deletion.clone().or_else(|| Some(deletion.to_owned())),
            ..before.clone()
        };
        let is_erased_on_request = self.is_erased_on_request(&grant.grant().service);
        let mut tx = self.tables.begin();
        if is_erased_on_request {
            for held in std::mem::take(&mut row.held) {
                self.erase_held(&mut tx, &mut row, held, now);
                row.erasure = None;
            }
        }
        self.grants.tables.put(&mut tx, &row)?;
        let news = self.outbox.write(&mut tx, now, of_grant(Some(&before), &row))?;
        tables::commit(tx).map_err(Error::from)?;
        self.outbox.told(news);
        self.reschedule(&before, &row);
        let erasure = match row.erasure.clone() {
            Some(erasure) => erasure,
            None => self.state_grant_erasure(now, row)?,
        };
        Ok(consent::Reply::Erased { erasure })
    }

    /// The receipt of a session that both sides hold, as JSON-LD (ISO/IEC TS 27560, DPV).
    ///
    /// Refuses with `not_found` where there is no session with an answer, `holder_binding_missing` where the holder's wallet gave no
    /// signed decision.
    pub fn receipt_document(&self, now: Timestamp, id: &str) -> Result<String, Problem> {
        let ours = |error: Error| error.problem();
        if !crate::session::is_name(id) {
            return Err(Code::NotFound.into());
        }
        let record = self.tables.verdict(id).map_err(ours)?.ok_or(Code::NotFound)?;
        let given = record.given().ok_or(Code::HolderBindingMissing)?;
        let grant = self.grants.tables.read(&decision::hash(given)).map_err(ours)?;
        let erasure = self.tables.erasure(id).map_err(ours)?;
        let erasure = erasure
            .as_deref()
            .or(record.deletion().and_then(|noted| noted.answer.as_deref()));
        let papers = match &grant {
            Some(row) => return grant_document(row, now),
            None => Papers {
                given,
                receipt: Some(record.receipt()),
                withdrawal: None,
                deletion: record.deletion().map(|noted| noted.request.as_str()),
                erasure,
            },
        };
        decision::json_ld(&papers, now)
    }

    /// The same of a grant, by its name.
    pub fn grant_receipt_document(&self, now: Timestamp, name: &str) -> Result<String, Problem> {
        let row = self.grants.tables.read(name).map_err(|error| error.problem())?;
        grant_document(&row.ok_or(Code::UnknownGrant)?, now)
    }

    /// Whether our registration has it erased before its time when the person asks. Without one there is no ground left to keep it on.
    fn is_erased_on_request(&self, service: &str) -> bool {
        let registration = self.registration(service);
        registration.map_or(true, |registration| registration.erased_on_request)
    }

    /// Says that nothing was erased, and what is kept.
    fn sign_kept(&self, now: Timestamp, session: &Session, is_claims: bool) -> Result<String, Problem> {
        let ended = session.ended.unwrap_or(session.created);
        let at = now.max(ended);
        let last = session.keep_until.map_or(ended, |until| until.max(ended));
        let mut kept = vec![KeptRecord {
            what: "session".to_owned(),
            ground: RECORD_GROUND.to_owned(),
            until: last.plus(RECORD_SECONDS),
        }];
        if let (true, Some(until)) = (is_claims, session.keep_until) {
            kept.push(KeptRecord {
                what: "claims".to_owned(),
                ground: session.terms.ground.code.clone(),
                until,
            });
        }
        let statement = Statement {
            request: BASE64_URL_SAFE_NO_PAD.encode(session.request_hash),
            asker: self.settings.did.clone(),
            erased: BTreeMap::new(),
            received: ended,
            ground: session.terms.ground.code.clone(),
            erased_at: at,
            kept,
            at,
        };
        statement.sign(&self.settings.kid, self.signer.as_ref())
    }
}

fn grant_document(row: &GrantRow, now: Timestamp) -> Result<String, Problem> {
    let papers = Papers {
        given: &row.text,
        receipt: row.receipt.as_deref(),
        withdrawal: row.withdrawal.as_deref(),
        deletion: row.deletion.as_deref(),
        erasure: row.erasure.as_deref(),
    };
    decision::json_ld(&papers, now)
}
