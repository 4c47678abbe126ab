//! Terms of an issuer: checked against what was asked for, answered with new keys.

use super::company::carry;
use super::{NAME_MAX, ROWS_MAX};
use crate::presentation::request_row;
use crate::tables::{IssuingRow, Kind, RequestRow, Stage, TermsRow, text};
use crate::{Error, Outcome, Step, Thread, Wallet, done};
use credentials::link::Link;
use credentials::protocol::issuance::{COPIES_MAX, Terms};
use credentials::request::{self, OpenedRequest};
use credentials::schema::{HolderProof, Path};
use credentials::{Code, Problem, SigningKey, Timestamp};

impl Wallet {
    /// Checks the terms, makes the keys, and goes on to the identification that the type needs.
    pub(super) fn take_terms(
        &mut self,
        thread: Thread,
        now: Timestamp,
        peer: &str,
        transaction: &str,
        terms: Terms,
    ) -> Result<Step, Error> {
        let row = self.tables.get::<IssuingRow>(transaction)?;
        let row = row.ok_or(Code::UnexpectedMessage)?;
        if !matches!(row.stage, Stage::Begun) {
            return Err(Code::UnexpectedMessage.into());
        }
        let credential_type = self.known_type(&row.vct)?;
        let is_in_bounds = (1..=ROWS_MAX).contains(&terms.rows)
            && terms.copies >= 1
            && usize::from(terms.copies) * usize::from(terms.rows) <= COPIES_MAX
            && (1..=NAME_MAX).contains(&terms.nonce.len());
        if !is_in_bounds {
            return Err(Code::Malformed.into());
        }
        let is_by_text = matches!(credential_type.holder.proof, HolderProof::Role { .. });
        let opened = match (&credential_type.holder.proof, &terms.request) {
            (HolderProof::ActivationCode, None) => None,
            (HolderProof::Credential { vct, path } | HolderProof::Role { vct, path, .. }, Some(request)) => {
                let opened = request::open(request, &*self.trust()?, Some(peer), now)?;
                self.check_identification(&opened, &row, &terms, is_by_text)?;
                asks_only(&opened, vct, path)?;
                Some(opened)
            }
            _ => return Err(Code::WrongRequest.into()),
        };
        let copies = u32::from(terms.copies) * u32::from(terms.rows);
        // One more is the refresh key, where the type is renewed.
        let count = copies.saturating_add(u32::from(credential_type.refresh.is_some()));
        let keys: Vec<SigningKey> = (0..count).map(|_| SigningKey::generate(&mut *self.random)).collect();
        let pending = match &opened {
            Some(_) if !is_by_text => Some(self.short_name()),
            _ => None,
        };
        let stage = match (&pending, is_by_text) {
            (Some(pending), _) => Stage::Identify {
                pending: pending.clone(),
            },
            (None, true) => Stage::Authorise,
            (None, false) => Stage::Requested { answer: None },
        };
        let row = IssuingRow {
            terms: Some(TermsRow {
                nonce: terms.nonce,
                copies: terms.copies,
                rows: terms.rows,
                request: terms.request,
                until: opened.as_ref().map(|opened| opened.request.expires),
                keys: keys.iter().map(|key| text(&key.verifying_key().to_bytes())).collect(),
            }),
            stage,
            ..row
        };
        let mut change = self.tables.change();
        for key in &keys {
            change.put_key(key);
        }
        change.put(transaction, &row)?;
        if let (Some(id), Some(opened)) = (&pending, &opened) {
            let request = RequestRow {
                transaction: Some(transaction.to_owned()),
                ..request_row(opened, Kind::Identify)
            };
            change.add(id, &request)?;
        }
        change.commit()?;
        match pending {
            Some(id) => Ok(done(thread, Ok(Outcome::Waiting { id }))),
            None if is_by_text => {
                let authorise = self.authorise_text(transaction, &row)?;
                carry(thread, &Link::Authorise(authorise.clone()), &authorise)
            }
            None => self.resend_issuing(thread, transaction),
        }
    }

    /// The request of the terms is this issuer's, for this type and this wallet's holder.
    pub(super) fn check_identification(
        &self,
        opened: &OpenedRequest,
        row: &IssuingRow,
        terms: &Terms,
        is_by_text: bool,
    ) -> Result<(), Error> {
        let request = &opened.request;
        let Some(issue) = &request.issue else {
            return Err(Problem::new(Code::WrongRequest, "issue").into());
        };
        let wrong = if request.asker != row.issuer {
            "client_id"
        } else if request.nonce != terms.nonce {
            "nonce"
        } else if issue.vct != row.vct {
            "vct"
        } else if issue.standing.is_some() {
            "standing"
        } else if issue.organisation != self.settings.organisation && (is_by_text || issue.organisation.is_some()) {
            // A company that proves itself with its own credential need not be named beside it.
            "organisation"
        } else {
            return Ok(());
        };
        Err(Problem::new(Code::WrongRequest, wrong).into())
    }
}

/// An identification asks for one claim of one type, the one that the type to be collected names; anything more is `over_ask`.
pub(crate) fn asks_only(opened: &OpenedRequest, vct: &str, path: &Path) -> Result<(), Error> {
    for asked in &opened.request.query.credentials {
        if asked.vct != vct {
            return Err(Problem::new(Code::OverAsk, asked.vct.as_str()).into());
        }
        for claim in &asked.claims {
            if claim.path != *path {
                return Err(Problem::new(Code::OverAsk, claim.path.to_string()).into());
            }
        }
    }
    match opened.request.query.credentials.as_slice() {
        [_] => Ok(()),
        _ => Err(Problem::new(Code::OverAsk, vct).into()),
    }
}
