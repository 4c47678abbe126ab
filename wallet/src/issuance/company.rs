//! Opening a company's wallet: two texts carried between it and the wallet of a person with a role in the company.

use super::{asks_only, damaged, new_keys};
use crate::presentation::request_row;
use crate::tables::{DecisionRow, IssuingRow, Kind, RequestRow, RequestStage, Stage, bytes, text};
use crate::{Error, Outcome, Step, Thread, Wallet, done};
use credentials::link::{Authorise, Link};
use credentials::request;
use credentials::schema::{HolderKind, HolderProof};
use credentials::sd_jwt::keys_hash;
use credentials::{Code, Problem, Timestamp};

impl Wallet {
    /// A company's wallet asks this person to prove who they are.
    pub(crate) fn receive_authorise(
        &mut self,
        thread: Thread,
        now: Timestamp,
        authorise: &Authorise,
    ) -> Result<Step, Error> {
        if self.settings.kind != HolderKind::Person {
            return Err(Code::WrongWallet.into());
        }
        let trust = self.current_trust(now)?;
        let opened = request::open(&authorise.request, &trust, None, now)?;
        let issue = opened.request.issue.as_ref().ok_or(Code::WrongRequest)?;
        if issue.organisation.as_ref() != Some(&authorise.organisation) {
            return Err(Problem::new(Code::WrongRequest, "organisation").into());
        }
        if authorise.transaction.len() != 16 || authorise.keys_hash.len() != 32 {
            return Err(Code::LinkInvalid.into());
        }
        if !opened.asker.issues.contains(&issue.vct) {
            return Err(Problem::new(Code::TypeNotAllowed, issue.vct.as_str()).into());
        }
        let credential_type = self.known_type(&issue.vct)?;
        match &credential_type.holder.proof {
            HolderProof::Role { vct, path, .. } => asks_only(&opened, vct, path)?,
            _ => return Err(Code::WrongRequest.into()),
        }
        let row = RequestRow {
            authorise: Some(authorise.clone()),
            ..request_row(&opened, Kind::Authorise)
        };
        let here = self.tables.named::<RequestRow>()?;
        if let Some((id, known)) = here.into_iter().find(|(_, known)| known.hash == row.hash) {
            if known.authorise.as_ref() != Some(authorise) {
                return Err(Code::KeysChanged.into());
            }
            return Ok(done(thread, Ok(Outcome::Waiting { id })));
        }
        if self.tables.get::<DecisionRow>(&row.hash)?.is_some() {
            return Err(Code::Replay.into());
        }
        let id = self.short_name();
        let mut change = self.tables.change();
        change.add(&id, &row)?;
        change.commit()?;
        Ok(done(thread, Ok(Outcome::Waiting { id })))
    }

    /// The person's answer for this company's wallet came back.
    pub(crate) fn receive_authorised(
        &mut self,
        thread: Thread,
        now: Timestamp,
        transaction: &[u8],
        answer: &str,
    ) -> Result<Step, Error> {
        if self.settings.kind != HolderKind::Company {
            return Err(Code::WrongWallet.into());
        }
        self.current_trust(now)?;
        if answer.len() > credentials::link::LINK_MAX || answer.split('.').count() != 5 {
            return Err(Code::LinkInvalid.into());
        }
        let transaction = text(transaction);
        let row = self.tables.get::<IssuingRow>(&transaction)?;
        let row = row.ok_or(Code::UnknownSession)?;
        match &row.stage {
            Stage::Authorise => {}
            Stage::Requested { .. } | Stage::Delivered { .. } => {
                return self.resend_issuing(thread, &transaction);
            }
            Stage::Begun | Stage::Identify { .. } => return Err(Code::UnexpectedMessage.into()),
        }
        let requested = IssuingRow {
            stage: Stage::Requested {
                answer: Some(answer.to_owned()),
            },
            ..row
        };
        let mut change = self.tables.change();
        change.put(&transaction, &requested)?;
        change.commit()?;
        self.resend_issuing(thread, &transaction)
    }

    /// The text that is to be carried to the other wallet, again: of a collecting that waits for a person's answer (a company's wallet),
    /// or of a request that was answered for a company (a person's).
    ///
    /// # Errors
    /// [`Error::NotFound`] when nothing of this name is to be carried; [`Error::Store`], [`Error::Row`].
    pub fn carry(&self, name: &str) -> Result<Outcome, Error> {
        let (link, authorise) = match self.tables.get::<IssuingRow>(name)? {
            Some(row) if matches!(row.stage, Stage::Authorise) => {
                let authorise = self.authorise_text(name, &row)?;
                (Link::Authorise(authorise.clone()), authorise)
            }
            Some(_) => return Err(Error::NotFound),
            None => {
                let row = self.tables.get::<RequestRow>(name)?.ok_or(Error::NotFound)?;
                let (RequestStage::Answered { answer }, Some(authorise)) = (row.stage, row.authorise) else {
                    return Err(Error::NotFound);
                };
                let transaction = authorise.transaction.clone();
                (Link::Authorised { transaction, answer }, authorise)
            }
        };
        Ok(Outcome::Carry {
            text: link.to_text()?,
            words: authorise.words(),
        })
    }

    /// The text for the person's wallet.
    pub(super) fn authorise_text(&self, transaction: &str, row: &IssuingRow) -> Result<Authorise, Error> {
        let terms = row.terms.as_ref().ok_or(damaged())?;
        Ok(Authorise {
            request: terms.request.clone().ok_or(damaged())?,
            transaction: bytes::<16>(transaction).ok_or(damaged())?.to_vec(),
            keys_hash: keys_hash(&new_keys(row)?).to_vec(),
            organisation: self.settings.organisation.clone().ok_or(damaged())?,
        })
    }
}

/// The person's answer as a text for the company's wallet.
pub(crate) fn carry_authorised(thread: Thread, authorise: &Authorise, answer: String) -> Result<Step, Error> {
    let link = Link::Authorised {
        transaction: authorise.transaction.clone(),
        answer,
    };
    carry(thread, &link, authorise)
}

pub(super) fn carry(thread: Thread, link: &Link, authorise: &Authorise) -> Result<Step, Error> {
    let outcome = Outcome::Carry {
        text: link.to_text()?,
        words: authorise.words(),
    };
    Ok(done(thread, Ok(outcome)))
}
