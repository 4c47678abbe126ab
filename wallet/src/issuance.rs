//! Holder's end of `/bevis/issue/1`: begun -> (identified by a person's decision) -> requested -> delivered -> acknowledged.
//!
//! New keys are durable before their proofs leave; a delivery is checked whole and stored whole before it is acknowledged. After a
//! restart every state goes on with the same transaction and the same keys, which is what the issuer's redelivery asks for.

mod company;
mod delivery;
mod keys;
mod refresh;
mod terms;

pub(crate) use company::carry_authorised;
pub(crate) use keys::{covers, new_keys};
pub(crate) use terms::asks_only;

use crate::history::{Event, What};
use crate::tables::{ActivationCode, IssuingRow, RequestRow, Stage, bytes, text};
use crate::{Error, Outcome, Outgoing, Step, Thread, Wallet, done};
use company::carry;
use credentials::link::Link;
use credentials::protocol::issuance::{Ask, Reply};
use credentials::schema::{CredentialType, HolderProof};
use credentials::time::DAY;
use credentials::{Code, Did, Problem, Timestamp, random};
use keys::offer_id;
use std::sync::Arc;
use zeroize::Zeroizing;

/// Most credentials of one delivery, as types may declare.
const ROWS_MAX: u16 = 8;
/// Longest activation code as typed, in bytes: 16 characters with room for separators.
const CODE_MAX: usize = 64;
/// Longest nonce and offer id that are taken from outside, in bytes.
const NAME_MAX: usize = 128;
/// What is not acknowledged within 7 days is revoked by its issuer, so asking again after that brings nothing.
const UNFINISHED_MAX: i64 = 7 * DAY;

/// What a thread of this protocol waits for.
pub(crate) struct Talk {
    pub(crate) to: Did,
    /// The transaction, base64url.
    pub(crate) transaction: String,
    pub(crate) wait: Wait,
}

pub(crate) enum Wait {
    Terms,
    Delivery,
    /// The replacement of a batch; the transaction is the batch's.
    Refreshed,
    /// That the issuer knows of the credentials of these names.
    Acknowledged {
        credentials: Vec<String>,
    },
}

impl Talk {
    /// What was collected although no reply came.
    pub(crate) fn collected(self) -> Option<Outcome> {
        match self.wait {
            Wait::Acknowledged { credentials } => Some(Outcome::Collected { credentials }),
            Wait::Terms | Wait::Delivery | Wait::Refreshed => None,
        }
    }
}

/// An invitation to collect.
pub(crate) struct Offer<'a> {
    pub(crate) issuer: &'a Did,
    pub(crate) vct: &'a str,
    pub(crate) offer: Option<&'a [u8]>,
    pub(crate) expires: Option<Timestamp>,
}

impl Wallet {
    pub(crate) fn receive_offer(
        &mut self,
        thread: Thread,
        now: Timestamp,
        offer: &Offer<'_>,
        code: Option<&str>,
    ) -> Result<Step, Error> {
        let trust = self.current_trust(now)?;
        let issuer = trust.organisation(offer.issuer).ok_or(Code::UnknownIssuer)?;
        if !issuer.issues.iter().any(|vct| vct == offer.vct) {
            return Err(Problem::new(Code::TypeNotAllowed, offer.vct).into());
        }
        let credential_type = self.known_type(offer.vct)?;
        if credential_type.holder.kind != self.settings.kind {
            return Err(Code::WrongWallet.into());
        }
        if offer.expires.is_some_and(|expires| now >= expires) {
            return Err(Code::Expired.into());
        }
        let is_bounded = |limit: usize, length: usize| {
            if length > limit {
                Err(Error::from(Code::TooLarge))
            } else {
                Ok(())
            }
        };
        is_bounded(NAME_MAX, offer.offer.map_or(0, <[u8]>::len))?;
        is_bounded(CODE_MAX, code.map_or(0, str::len))?;
        let code = match credential_type.holder.proof {
            HolderProof::ActivationCode if offer.offer.is_none() => {
                return Err(Code::UnknownOffer.into());
            }
            HolderProof::ActivationCode if code.is_none() => {
                return Err(Problem::new(Code::WrongCode, "code").into());
            }
            HolderProof::ActivationCode => code.map(|code| ActivationCode(Zeroizing::new(code.to_owned()))),
            _ => None,
        };
        self.sweep_issuings(now)?;
        let offer_id = offer.offer.map(text);
        let known = self
            .tables
            .named::<IssuingRow>()?
            .into_iter()
            .find(|(_, row)| row.issuer == *offer.issuer && row.vct == offer.vct && row.offer == offer_id);
        let Some((transaction, row)) = known else {
            let transaction = text(&random::bytes::<16>(&mut *self.random));
            let row = IssuingRow {
                issuer: offer.issuer.clone(),
                vct: offer.vct.to_owned(),
                offer: offer_id,
                code,
                started: now,
                terms: None,
                subject: None,
                stage: Stage::Begun,
            };
            let mut change = self.tables.change();
            change.add(&transaction, &row)?;
            change.commit()?;
            return self.resend_issuing(thread, &transaction);
        };
        if code.is_some() {
            // The person may have typed it anew.
            let mut change = self.tables.change();
            change.put(&transaction, &IssuingRow { code, ..row.clone() })?;
            change.commit()?;
        }
        self.go_on(thread, &transaction, &row)
    }

    /// What comes next in an issuing, for whoever asks.
    fn go_on(&mut self, thread: Thread, transaction: &str, row: &IssuingRow) -> Result<Step, Error> {
        match &row.stage {
            Stage::Identify { pending } => Ok(done(thread, Ok(Outcome::Waiting { id: pending.clone() }))),
            Stage::Authorise => {
                let authorise = self.authorise_text(transaction, row)?;
                carry(thread, &Link::Authorise(authorise.clone()), &authorise)
            }
            _ => self.resend_issuing(thread, transaction),
        }
    }

    pub(crate) fn receive_issue(
        &mut self,
        thread: Thread,
        now: Timestamp,
        peer: &str,
        talk: Talk,
        reply: Reply,
    ) -> Result<Step, Error> {
        let transaction = talk.transaction;
        if matches!(talk.wait, Wait::Refreshed) {
            return self.receive_refresh(thread, now, &transaction, reply);
        }
        // Two threads may be at one issuing: the command that is given again, and what goes on by itself after a start.
        // Whichever comes second takes no step twice, and a refusal that it got ends nothing that has gone on since.
        let row = self.tables.get::<IssuingRow>(&transaction)?;
        match (&talk.wait, row.as_ref().map(|row| &row.stage), &row) {
            (Wait::Terms, Some(Stage::Begun), _) | (Wait::Delivery, Some(Stage::Requested { .. }), _) => {}
            (Wait::Terms | Wait::Delivery, _, Some(row)) => return self.go_on(thread, &transaction, row),
            (Wait::Delivery, None, None) => {
                if let Reply::Delivery { credentials, .. } = &reply {
                    let held = self.held_already(credentials)?;
                    if !held.is_empty() {
                        return Ok(done(thread, Ok(Outcome::Collected { credentials: held })));
                    }
                }
            }
            _ => {}
        }
        match (talk.wait, reply) {
            (Wait::Terms, Reply::Terms(terms)) => {
                let result = self.take_terms(thread, now, peer, &transaction, terms);
                self.drop_if_refused(now, &transaction, result)
            }
            (
                Wait::Delivery,
                Reply::Delivery {
                    transaction: named,
                    credentials,
                },
            ) => {
                let result = if text(&named) == transaction {
                    self.take_delivery(now, &transaction, &credentials)
                } else {
                    Err(Code::WrongRequest.into())
                };
                self.drop_if_refused(now, &transaction, result)?;
                self.resend_issuing(thread, &transaction)
            }
            (Wait::Acknowledged { credentials }, reply) => {
                let is_told = match reply {
                    Reply::Acknowledged => true,
                    Reply::Problem(problem) => !problem.code.is_passing(),
                    _ => false,
                };
                if is_told {
                    let mut change = self.tables.change();
                    change.delete::<IssuingRow>(&transaction);
                    change.commit()?;
                }
                Ok(done(thread, Ok(Outcome::Collected { credentials })))
            }
            (_, Reply::Problem(problem)) => self.drop_if_refused(now, &transaction, Err(problem.into())),
            _ => Err(Code::UnexpectedMessage.into()),
        }
    }

    /// Names of held credentials that were delivered with exactly these bytes.
    fn held_already(&self, delivered: &[Vec<String>]) -> Result<Vec<String>, Error> {
        let first: Vec<&String> = delivered.iter().filter_map(|copies| copies.first()).collect();
        Ok(self
            .holdings()?
            .into_iter()
            .filter(|held| held.copies.iter().any(|(_, copy)| first.contains(&&copy.text)))
            .map(|held| held.id)
            .collect())
    }

    /// Ends the issuing when it was refused for a reason that stays, and says so in the history.
    fn drop_if_refused<T>(&mut self, now: Timestamp, transaction: &str, result: Result<T, Error>) -> Result<T, Error> {
        if let Err(Error::Refused(problem)) = &result
            && !problem.code.is_passing()
            && let Some(row) = self.tables.get::<IssuingRow>(transaction)?
            && !matches!(row.stage, Stage::Delivered { .. })
        {
            self.drop_issuing(transaction, Some((now, problem.code)))?;
        }
        result
    }

    /// Forgets an issuing with its keys and the identification it waits for.
    fn drop_issuing(&mut self, transaction: &str, failed: Option<(Timestamp, Code)>) -> Result<(), Error> {
        let Some(row) = self.tables.get::<IssuingRow>(transaction)? else {
            return Ok(());
        };
        let keys = match row.stage {
            // The keys of what is held belong to its copies.
            Stage::Delivered { .. } => Vec::new(),
            _ => new_keys(&row)?,
        };
        let pending = self.identification(transaction)?;
        let event = failed.map(|(now, code)| Event {
            types: vec![row.vct.clone()],
            code: Some(code),
            ..self.event(now, What::Failed, &row.issuer)
        });
        let mut change = self.tables.change();
        change.delete::<IssuingRow>(transaction);
        for key in &keys {
            change.delete_key(key);
        }
        for id in &pending {
            change.delete::<RequestRow>(id);
        }
        if let Some(event) = event {
            change.event(&event)?;
        }
        change.commit()
    }

    /// Names of the requests that identify for an issuing; at most one.
    fn identification(&self, transaction: &str) -> Result<Vec<String>, Error> {
        let rows = self.tables.named::<RequestRow>()?;
        Ok(rows
            .into_iter()
            .filter(|(_, row)| row.transaction.as_deref() == Some(transaction))
            .map(|(id, _)| id)
            .collect())
    }

    /// The next message of an issuing: for the first time, or the same again.
    pub(crate) fn resend_issuing(&mut self, thread: Thread, transaction: &str) -> Result<Step, Error> {
        let row = self.tables.get::<IssuingRow>(transaction)?;
        let row = row.ok_or(Error::NotFound)?;
        let id = bytes::<16>(transaction).ok_or(damaged())?.to_vec();
        let (ask, wait) = match &row.stage {
            Stage::Begun => {
                let ask = Ask::Begin {
                    vct: row.vct.clone(),
                    offer: offer_id(&row)?,
                    organisation: self.settings.organisation.clone(),
                };
                (ask, Wait::Terms)
            }
            Stage::Requested { answer } => {
                let request = self.request(id, &row, answer.as_deref())?;
                (Ask::Request(Box::new(request)), Wait::Delivery)
            }
            Stage::Delivered { credentials } => {
                let wait = Wait::Acknowledged {
                    credentials: credentials.clone(),
                };
                (Ask::Acknowledge { transaction: id }, wait)
            }
            Stage::Identify { .. } | Stage::Authorise => return Err(Error::NotFound),
        };
        let talk = Talk {
            to: row.issuer,
            transaction: transaction.to_owned(),
            wait,
        };
        self.send(thread, Outgoing::Issue(ask), crate::Talk::Issue(talk))
    }

    /// Issuings whose next message is to be sent and is not on its way.
    pub(crate) fn unsent_issuings(&self) -> Result<Vec<String>, Error> {
        let rows = self.tables.named::<IssuingRow>()?;
        Ok(rows
            .into_iter()
            .filter(|(_, row)| {
                matches!(
                    row.stage,
                    Stage::Begun | Stage::Requested { .. } | Stage::Delivered { .. }
                )
            })
            .map(|(transaction, _)| transaction)
            .filter(|transaction| {
                !self.talks.values().any(|talk| match talk {
                    crate::Talk::Issue(talk) => talk.transaction == *transaction,
                    crate::Talk::Present(_) | crate::Talk::Consent(_) => false,
                })
            })
            .collect())
    }

    /// Drops issuings that cannot come to an end any more.
    pub(crate) fn sweep_issuings(&mut self, now: Timestamp) -> Result<(), Error> {
        for (transaction, row) in self.tables.named::<IssuingRow>()? {
            let is_old = now.since(row.started) > UNFINISHED_MAX;
            let is_request_over = row
                .terms
                .as_ref()
                .and_then(|terms| terms.until)
                .is_some_and(|until| now >= until);
            let failed = match row.stage {
                Stage::Begun if is_old => None,
                Stage::Identify { .. } | Stage::Authorise if is_request_over => None,
                Stage::Requested { .. } if is_old => Some((now, Code::Expired)),
                Stage::Delivered { .. } if is_old => None,
                _ => continue,
            };
            self.drop_issuing(&transaction, failed)?;
        }
        Ok(())
    }

    pub(crate) fn known_type(&self, vct: &str) -> Result<Arc<CredentialType>, Error> {
        let known = self.types.get(vct).cloned();
        known.ok_or_else(|| Problem::new(Code::UnknownType, vct).into())
    }
}

fn damaged() -> Error {
    Error::Row {
        table: <IssuingRow as crate::tables::Row>::TABLE,
    }
}
