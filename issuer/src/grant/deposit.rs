//! A grant is taken in: whose it is, and that it is within the law of asking.

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use credentials::grant::{Deposit, Proof, Subject};
use credentials::jwe::DecryptionKey;
use credentials::protocol::consent::Reply;
use credentials::request::{self, StandingPurpose};
use credentials::status::Source;
use credentials::{Code, Did, Problem, Timestamp, random};
use store::Key;

use super::GrantRecord;
use crate::issuance::{Given, NONCE_MAX, NewTerms};
use crate::staged::Due;
use crate::tables::{Asked, Secret, Terms};
use crate::{Error, Issuer};

/// Most grants of one holder that are kept: one for each service of each bank that anybody has, and room.
const GRANTS_OF_HOLDER_MAX: usize = 256;

/// A deposit as it came.
pub(super) struct Deposited<'a> {
    pub(super) nonce: &'a str,
    pub(super) grant: &'a str,
    pub(super) proof: &'a str,
    pub(super) answer: &'a str,
}

impl Issuer {
    /// Says what it takes to deposit a grant for an asker, or to see and end those that stand.
    pub(super) fn begin_standing(
        &mut self,
        now: Timestamp,
        peer: &str,
        vct: &str,
        asker: Option<&str>,
        organisation: Option<String>,
    ) -> Result<Reply, Error> {
        let credential_type = self.wire_type(vct)?;
        let organisation = crate::issuance::wallet_of(&credential_type, organisation)?;
        let asker = match asker {
            None => None,
            Some(did) => Some(Did::parse(did).ok_or_else(|| Problem::new(Code::Malformed, "asker"))?),
        };
        if let Some(asker) = &asker {
            let trust = self.trust.as_ref().ok_or(Code::TrustMissing)?;
            trust.organisation(asker).ok_or(Code::UnknownVerifier)?;
        }
        let standing = StandingPurpose { asker };
        let terms = NewTerms::of(now, &credential_type, self.random.as_mut());
        let key = DecryptionKey::generate(self.random.as_mut());
        let text = self.identification_request(
            &terms,
            &credential_type,
            organisation.clone(),
            Some(standing.clone()),
            &key,
        )?;
        let asked = Asked {
            key: Secret(*key.to_bytes()),
            hash: request::hash(&text),
        };
        self.open_terms(
            peer,
            &terms.nonce,
            &Terms {
                vct: vct.to_owned(),
                offer: None,
                organisation,
                issued: now,
                expires: terms.expires,
                identification: Some(asked),
                standing: Some(standing),
            },
        )?;
        Ok(Reply::Terms {
            nonce: terms.nonce,
            request: text,
        })
    }

    /// The open terms of a nonce that are for standing grants.
    pub(super) fn standing_terms(&self, now: Timestamp, nonce: &str) -> Result<(Terms, StandingPurpose), Error> {
        if nonce.len() > NONCE_MAX {
            return Err(Problem::new(Code::Malformed, "nonce").into());
        }
        let terms: Terms = self.tables.terms.read(nonce)?.ok_or(Code::WrongNonce)?;
        if now >= terms.expires {
            return Err(Code::Expired.into());
        }
        let standing = terms.standing.clone().ok_or(Code::WrongRequest)?;
        Ok((terms, standing))
    }

    /// Keeps a grant: within its registration (`over_ask`), deposited by who made it, for the person who showed who they are.
    pub(super) fn deposit(
        &mut self,
        now: Timestamp,
        status: &dyn Source,
        given: &Deposited<'_>,
    ) -> Result<Reply, Error> {
        let grant = self.own_grant(given.grant)?;
        Proof::check(given.proof, &grant, now)?;
        let known = self.grant_record(grant.hash())?;
        if let Some(record) = &known {
            if record.withdrawn.is_some() {
                return Err(Code::Withdrawn.into());
            }
            if let Some(deposit) = &record.deposit {
                return Ok(Reply::Deposited {
                    deposit: deposit.clone(),
                });
            }
        }
        let (terms, standing) = self.standing_terms(now, given.nonce)?;
        let of = grant.grant();
        if standing.asker.as_ref() != Some(&of.asker) || terms.vct != of.vct {
            return Err(Code::WrongRequest.into());
        }
        let trust = self.trust.clone().ok_or(Code::TrustMissing)?;
        trust.current(now)?;
        grant.check_registered(&trust)?;
        grant.check_time(now)?;
        let credential_type = self.wire_type(&of.vct)?;
        let transaction = BASE64_URL_SAFE_NO_PAD.decode(&of.id).ok();
        let asked = terms.identification.as_ref().ok_or(Code::Internal)?;
        let identified = self.identify_by_presentation(
            now,
            status,
            &credential_type,
            &Given {
                terms: &terms,
                asked,
                nonce: given.nonce,
                transaction: transaction.and_then(|id| id.try_into().ok()).ok_or(Code::Internal)?,
                keys: &[*grant.key()],
                grant: Some(*grant.hash()),
                answer: given.answer,
            },
        )?;
        // Only somebody of whom there is data has anything to grant, and a company's only by a person who may.
        self.rows_of_identified(now, &credential_type, &identified)?;
        let standing_already = self.tables.grants_of.table.group(identified.holder.as_bytes())?;
        if standing_already.len() >= GRANTS_OF_HOLDER_MAX {
            return Err(Code::RateLimited.into());
        }
        let deposit = Deposit {
            grant: grant.name(),
            issuer: self.settings.did.clone(),
            asker: of.asker.clone(),
            subject: Subject::of(&identified.holder, random::bytes(self.random.as_mut())),
            at: now,
        };
        let deposit = deposit
            .sign(&self.settings.kid, self.signer.as_ref())
            .map_err(Error::Signing)?;
        let record = GrantRecord {
            text: grant.text().to_owned(),
            holder: Some(identified.holder.clone()),
            deposit: Some(deposit.clone()),
            at: now,
            epoch: self.store.epoch(),
            uses: 0,
            day: now.day(),
            today: 0,
            withdrawn: None,
            giver: self.giver(&credential_type, &identified)?,
            reach: identified.reach.clone(),
            forgotten: Vec::new(),
        };
        let mut staged = self.stage();
        self.put_grant(&mut staged, grant.hash(), &record)?;
        let key = Key::in_group(identified.holder.as_bytes(), grant.hash());
        staged.transaction.put(&self.tables.grants_of.table, key, &[]);
        staged.due.push(Issuer::grant_due(grant.hash(), &record)?);
        self.put_reach(&mut staged, &identified.holder, identified.reach.as_ref())?;
        self.end_terms(&mut staged, given.nonce);
        staged.done.push((terms.expires, Due::Terms(given.nonce.to_owned())));
        self.commit(staged)?;
        self.terms.retain(|open| open.nonce != given.nonce);
        Ok(Reply::Deposited { deposit })
    }
}
