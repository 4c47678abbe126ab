//! A request for a grant: what the issuer wants to see before it takes the grant in.

use super::Wait;
use crate::issuance::asks_only;
use crate::tables::{GrantRow, GrantStage, GrantTerms, Kind, RequestRow};
use crate::{Error, Outcome, Step, Thread, Wallet, done};
use credentials::protocol::consent::Ask;
use credentials::request::{self, OpenedRequest};
use credentials::schema::{CredentialType, HolderProof};
use credentials::{Code, Problem, Timestamp};
use std::sync::Arc;

/// What stands behind a request for a grant.
pub(crate) struct Standing {
    /// The issuer's request.
    pub(crate) identification: OpenedRequest,
    /// The type whose claims are granted.
    pub(crate) credential_type: Arc<CredentialType>,
}

impl Wallet {
    /// Puts a request for a grant into the tables, and asks the issuer what depositing takes.
    pub(crate) fn begin_grant(
        &mut self,
        thread: Thread,
        now: Timestamp,
        id: &str,
        row: RequestRow,
        opened: &OpenedRequest,
    ) -> Result<Step, Error> {
        let asked = opened.request.grant.as_ref().ok_or(Code::WrongRequest)?;
        let name = self.short_name();
        let grant = GrantRow {
            issuer: asked.issuer.clone(),
            asker: opened.request.asker.clone(),
            vct: opened
                .request
                .query
                .credentials
                .first()
                .ok_or(Code::Malformed)?
                .vct
                .clone(),
            request: id.to_owned(),
            terms: None,
            grant: None,
            deposit: None,
            stage: GrantStage::Begun,
            withdrawn_at: None,
            withdrawal: None,
            withdrawn: None,
            erasure: None,
            uses_seen: 0,
            is_expiry_told: false,
            is_all_told: false,
            reach: None,
            reminded_at: None,
        };
        let row = RequestRow {
            transaction: Some(name.clone()),
            ..row
        };
        let mut change = self.tables.change();
        change.add(id, &row)?;
        change.add(&name, &grant)?;
        change.commit()?;
        self.resend_grant(thread, now, &name)
    }

    /// Asks again, where the issuer has not answered; else the request waits for the person.
    pub(crate) fn go_on_with_grant(
        &mut self,
        thread: Thread,
        now: Timestamp,
        id: &str,
        row: &RequestRow,
    ) -> Result<Step, Error> {
        let name = row.transaction.as_deref().ok_or(Error::NotFound)?;
        match self.grant_row(name)?.stage {
            GrantStage::Begun => self.resend_grant(thread, now, name),
            _ => Ok(done(thread, Ok(Outcome::Waiting { id: id.to_owned() }))),
        }
    }

    pub(super) fn ask_terms(&mut self, thread: Thread, name: &str, row: &GrantRow) -> Result<Step, Error> {
        let ask = Ask::Begin {
            vct: row.vct.clone(),
            asker: Some(row.asker.to_string()),
            organisation: self.settings.organisation.clone(),
        };
        self.send_consent(thread, row.issuer.clone(), name, ask, Wait::Terms)
    }

    /// Takes the issuer's terms: its own request, for this grant, for no more than who the person is.
    pub(super) fn take_grant_terms(
        &mut self,
        now: Timestamp,
        peer: &str,
        name: &str,
        nonce: String,
        text: String,
    ) -> Result<String, Error> {
        let row = self.grant_row(name)?;
        if !matches!(row.stage, GrantStage::Begun) {
            return Ok(row.request);
        }
        let opened = request::open(&text, &*self.current_trust(now)?, Some(peer), now)?;
        self.check_standing(&opened, &row, &nonce)?;
        let id = row.request.clone();
        let row = GrantRow {
            terms: Some(GrantTerms { nonce, request: text }),
            stage: GrantStage::Waiting,
            ..row
        };
        let mut change = self.tables.change();
        change.put(name, &row)?;
        change.commit()?;
        Ok(id)
    }

    fn check_standing(&self, opened: &OpenedRequest, row: &GrantRow, nonce: &str) -> Result<(), Error> {
        let request = &opened.request;
        let wrong = |what: &str| Err(Problem::new(Code::WrongRequest, what).into());
        let Some(issue) = &request.issue else {
            return wrong("issue");
        };
        let Some(standing) = &issue.standing else {
            return wrong("standing");
        };
        if request.asker != row.issuer {
            return wrong("client_id");
        }
        if request.nonce != nonce {
            return wrong("nonce");
        }
        if issue.vct != row.vct {
            return wrong("vct");
        }
        if standing.asker.as_ref() != Some(&row.asker) {
            return wrong("asker");
        }
        if issue.organisation.is_some() && issue.organisation != self.settings.organisation {
            return wrong("organisation");
        }
        match &self.known_type(&row.vct)?.holder.proof {
            HolderProof::Credential { vct, path } | HolderProof::Role { vct, path, .. } => asks_only(opened, vct, path),
            HolderProof::ActivationCode => Err(Code::WrongRequest.into()),
        }
    }

    /// What stands behind a request that waits; `unreachable` while the issuer has not said what depositing takes.
    pub(crate) fn standing(&self, now: Timestamp, row: &RequestRow) -> Result<Option<Standing>, Error> {
        if row.kind != Kind::Grant {
            return Ok(None);
        }
        let name = row.transaction.as_deref().ok_or(Error::NotFound)?;
        let grant = self.grant_row(name)?;
        let terms = grant.terms.as_ref().ok_or(Code::Unreachable)?;
        let identification = request::reopen(&terms.request, &*self.current_trust(now)?, now)?;
        Ok(Some(Standing {
            identification,
            credential_type: self.known_type(&grant.vct)?,
        }))
    }
}
