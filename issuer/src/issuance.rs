//! The issuer's end of `/bevis/issue/1`: begin → terms; request → delivery; acknowledge; refresh → delivery.

use std::ops::RangeInclusive;
use std::sync::Arc;

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use credentials::identifier::OrganisationNumber;
use credentials::jwe::DecryptionKey;
use credentials::jws::Jws;
use credentials::protocol::issuance::{self as wire, Ask, Identification, KEY_PROOF_TYP, Reply};
use credentials::schema::{CredentialType, HolderKind, HolderProof};
use credentials::status::Source;
use credentials::{Code, Problem, Random, Timestamp, VerifyingKey, random, request, time::DAY};

use crate::offer::OfferId;
use crate::staged::{Due, Staged};
use crate::tables::{Asked, Delivery, Secret, Terms};
use crate::{Error, Issuer};

mod delivery;
mod identification;
mod refresh;

pub(crate) use delivery::delivery_ends;
pub(crate) use identification::{Given, Identified};
pub(crate) use refresh::{Batch, batch_due, later_position};

/// How long terms are open, in seconds: a person reads, decides and enters a passphrase.
const TERMS_LIFETIME: i64 = 600;
/// How long terms are open when a text must be carried to another person's wallet, in seconds.
const CARRIED_TERMS_LIFETIME: i64 = 7 * DAY;
/// Open terms in all. When more are asked for, the oldest end: they cost nothing to ask for again, and nobody can lock
/// others out by asking.
const TERMS_MAX: usize = 4_096;
/// Open terms of one peer.
const TERMS_OF_PEER_MAX: usize = 32;
/// Open terms for one company.
const TERMS_OF_COMPANY_MAX: usize = 8;
/// Longest key proof, in bytes.
const PROOF_MAX: usize = 2_048;
/// Longest nonce that is looked up, in bytes; ours have 43.
pub(crate) const NONCE_MAX: usize = 64;

/// Terms that are open, without their secrets.
pub(crate) struct OpenTerms {
    pub(crate) nonce: String,
    pub(crate) peer: String,
    pub(crate) organisation: Option<String>,
    pub(crate) issued: Timestamp,
    pub(crate) expires: Timestamp,
}

/// A nonce, and for how long it is open.
pub(crate) struct NewTerms {
    pub(crate) nonce: String,
    pub(crate) issued: Timestamp,
    pub(crate) expires: Timestamp,
}

impl NewTerms {
    pub(crate) fn of(now: Timestamp, credential_type: &CredentialType, random: &mut dyn Random) -> NewTerms {
        NewTerms {
            nonce: unguessable::<32>(random),
            issued: now,
            expires: now.plus(match credential_type.holder.proof {
                HolderProof::Role { .. } => CARRIED_TERMS_LIFETIME,
                HolderProof::ActivationCode | HolderProof::Credential { .. } => TERMS_LIFETIME,
            }),
        }
    }
}

/// `N` random bytes in base64url.
fn unguessable<const N: usize>(random: &mut dyn Random) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(random::bytes::<N>(random))
}

impl Issuer {
    /// Answers a holder. Whatever happens is an answer: what was refused has its code, what failed here is `internal`, and
    /// [`Issuer::take_failure`] has the cause.
    ///
    /// `status` is what this node mirrors of other issuers' lists; its own it knows itself. `peer` counts for limits only: a
    /// holder is known by keys and proofs, never by a PeerId.
    pub fn receive_issue(&mut self, now: Timestamp, status: &dyn Source, peer: &str, ask: Ask) -> Reply {
        let reply = match ask {
            Ask::Begin {
                vct,
                offer,
                organisation,
            } => self.begin_terms(now, peer, &vct, offer, organisation),
            Ask::Request(request) => self.request(now, status, &request),
            Ask::Refresh(asked) => self.replace_batch(now, &asked),
            Ask::Acknowledge { transaction } => self.acknowledge(now, &transaction),
        };
        reply.unwrap_or_else(|error| Reply::Problem(self.failed(error)))
    }

    /// A type that this issuer issues, by its exact name: peers do not use short ones.
    pub(crate) fn wire_type(&self, vct: &str) -> Result<Arc<CredentialType>, Error> {
        let credential_type = self.types.get(vct).ok_or(Code::UnknownType)?;
        if !self.settings.issues.iter().any(|issued| issued == vct) {
            return Err(Code::TypeNotAllowed.into());
        }
        Ok(Arc::clone(credential_type))
    }

    /// Says what collecting takes.
    fn begin_terms(
        &mut self,
        now: Timestamp,
        peer: &str,
        vct: &str,
        offer: Option<Vec<u8>>,
        organisation: Option<String>,
    ) -> Result<Reply, Error> {
        let credential_type = self.wire_type(vct)?;
        let organisation = wallet_of(&credential_type, organisation)?;
        let takes_code = credential_type.holder.proof == HolderProof::ActivationCode;
        let offer = match (takes_code, offer) {
            (true, Some(id)) => {
                let id = OfferId::try_from(id).map_err(|_| Code::UnknownOffer)?;
                self.open_offer(now, vct, &id)?;
                Some(id)
            }
            (false, None) => None,
            (true, None) | (false, Some(_)) => return Err(Code::UnknownOffer.into()),
        };
        let new = NewTerms::of(now, &credential_type, self.random.as_mut());
        let mut request_text = None;
        let mut asked = None;
        if !takes_code {
            let key = DecryptionKey::generate(self.random.as_mut());
            let text = self.identification_request(&new, &credential_type, organisation.clone(), None, &key)?;
            asked = Some(Asked {
                key: Secret(*key.to_bytes()),
                hash: request::hash(&text),
            });
            request_text = Some(text);
        }
        self.open_terms(
            peer,
            &new.nonce,
            &Terms {
                vct: vct.to_owned(),
                offer,
                organisation,
                issued: now,
                expires: new.expires,
                identification: asked,
                standing: None,
            },
        )?;
        Ok(Reply::Terms(wire::Terms {
            nonce: new.nonce,
            copies: credential_type.copies,
            rows: credential_type.rows,
            request: request_text,
        }))
    }

    /// Makes terms durable, and ends the oldest where there would be too many.
    pub(crate) fn open_terms(&mut self, peer: &str, nonce: &str, terms: &Terms) -> Result<(), Error> {
        let mut staged = self.stage();
        let record = self.tables.terms.encode(terms)?;
        staged.transaction.put(&self.tables.terms.table, nonce, &record);
        staged.due.push((terms.expires, Due::Terms(nonce.to_owned())));
        let open = OpenTerms {
            nonce: nonce.to_owned(),
            peer: peer.to_owned(),
            organisation: terms.organisation.clone(),
            issued: terms.issued,
            expires: terms.expires,
        };
        let ended = self.make_room(&mut staged, &open);
        self.commit(staged)?;
        self.terms.retain(|terms| !ended.contains(&terms.nonce));
        self.terms.push(open);
        Ok(())
    }

    /// Ends the oldest terms where there would be too many. Returns their nonces.
    fn make_room(&self, staged: &mut Staged, new: &OpenTerms) -> Vec<String> {
        let oldest_of = |limit: usize, is_counted: &dyn Fn(&OpenTerms) -> bool| -> Vec<&OpenTerms> {
            let counted: Vec<&OpenTerms> = self.terms.iter().filter(|t| is_counted(t)).collect();
            // With the new one, `limit` are left.
            let over = counted.len().saturating_add(1).saturating_sub(limit);
            counted.into_iter().take(over).collect()
        };
        let mut ended = oldest_of(TERMS_MAX, &|_| true);
        if !new.peer.is_empty() {
            ended.extend(oldest_of(TERMS_OF_PEER_MAX, &|terms| terms.peer == new.peer));
        }
        if new.organisation.is_some() {
            ended.extend(oldest_of(TERMS_OF_COMPANY_MAX, &|terms| {
                terms.organisation == new.organisation
            }));
        }
        for terms in &ended {
            self.end_terms(staged, &terms.nonce);
            staged.done.push((terms.expires, Due::Terms(terms.nonce.clone())));
        }
        ended.iter().map(|terms| terms.nonce.clone()).collect()
    }

    /// Forgets terms.
    pub(crate) fn end_terms(&self, staged: &mut Staged, nonce: &str) {
        staged.transaction.delete(&self.tables.terms.table, nonce);
    }

    /// Checks a request and delivers, or delivers again.
    fn request(&mut self, now: Timestamp, status: &dyn Source, request: &wire::Request) -> Result<Reply, Error> {
        let credential_type = self.wire_type(&request.vct)?;
        let malformed = |name| Problem::new(Code::Malformed, name);
        let transaction: [u8; 16] = request
            .transaction
            .as_slice()
            .try_into()
            .map_err(|_| malformed("transaction"))?;
        if request.nonce.len() > NONCE_MAX {
            return Err(malformed("nonce").into());
        }
        if let Some(delivery) = self.tables.deliveries.read::<Delivery>(&transaction)? {
            let again = delivery::Asked {
                vct: &request.vct,
                nonce: &request.nonce,
                proofs: &request.proofs,
            };
            return match delivery.replaces {
                None => self.deliver_again(now, &credential_type, &again, &transaction, &delivery),
                Some(_) => Err(Code::WrongRequest.into()),
            };
        }
        let terms: Terms = self.tables.terms.read(&request.nonce)?.ok_or(Code::WrongNonce)?;
        if now >= terms.expires {
            return Err(Code::Expired.into());
        }
        if terms.vct != request.vct || terms.standing.is_some() {
            return Err(Code::WrongRequest.into());
        }
        let expected = usize::from(credential_type.copies).saturating_mul(usize::from(credential_type.rows));
        // One more is the refresh key.
        let counts = expected..=expected.saturating_add(1);
        let keys = self.proven_keys(&request.proofs, &request.nonce, &transaction, counts)?;
        let holder = match (&request.identification, &terms.identification) {
            (Identification::Code { offer, code }, None) => self.identify_by_code(now, &terms, offer, code)?,
            (Identification::Presentation { answer }, Some(asked)) => {
                let identified = identification::Given {
                    terms: &terms,
                    asked,
                    nonce: &request.nonce,
                    transaction,
                    keys: &keys,
                    grant: None,
                    answer,
                };
                self.identify_by_presentation(now, status, &credential_type, &identified)?
            }
            (Identification::Code { .. }, Some(_)) | (Identification::Presentation { .. }, None) => {
                return Err(Code::UnexpectedMessage.into());
            }
        };
        let proven = delivery::Proven {
            nonce: &request.nonce,
            transaction: &transaction,
            terms: &terms,
            keys: &keys,
            identified: &holder,
        };
        self.deliver(now, &credential_type, &proven)
    }

    /// The new holder keys: so many as `counts` has, distinct, each with a proof that is for this issuer, nonce and transaction.
    fn proven_keys(
        &self,
        proofs: &[String],
        nonce: &str,
        transaction: &[u8; 16],
        counts: RangeInclusive<usize>,
    ) -> Result<Vec<VerifyingKey>, Error> {
        let invalid = || Error::from(Code::PossessionInvalid);
        if !counts.contains(&proofs.len()) {
            return Err(invalid());
        }
        let issuer = self.settings.did.to_string();
        let transaction = BASE64_URL_SAFE_NO_PAD.encode(transaction);
        let mut keys = Vec::with_capacity(proofs.len());
        for proof in proofs {
            let proof = Jws::parse(proof, KEY_PROOF_TYP, PROOF_MAX).map_err(|_| invalid())?;
            let key = proof_key(&proof).ok_or_else(invalid)?;
            let says = |name: &str, value: &str| proof.payload.get(name).and_then(|is| is.as_str()) == Some(value);
            let is_meant = says("aud", &issuer) && says("nonce", nonce) && says("transaction", &transaction);
            if !is_meant || keys.contains(&key) || !proof.verify(&key) {
                return Err(invalid());
            }
            keys.push(key);
        }
        Ok(keys)
    }

    /// Notes that the wallet has a delivery. Said again, it is answered the same.
    fn acknowledge(&mut self, now: Timestamp, transaction: &[u8]) -> Result<Reply, Error> {
        let transaction: [u8; 16] = transaction.try_into().map_err(|_| Code::UnknownSession)?;
        let mut delivery: Delivery = self.tables.deliveries.read(&transaction)?.ok_or(Code::UnknownSession)?;
        if delivery.acknowledged {
            return Ok(Reply::Acknowledged);
        }
        delivery.acknowledged = true;
        let mut staged = self.stage();
        let record = self.tables.deliveries.encode(&delivery)?;
        staged
            .transaction
            .put(&self.tables.deliveries.table, &transaction, &record);
        for row in &delivery.rows {
            let (id, mut credential) = self.credential(&row.credential)?;
            credential.acknowledged = Some(now);
            let record = self.tables.credentials.encode(&credential)?;
            staged.transaction.put(&self.tables.credentials.table, &id, &record);
        }
        if let Some(batch) = &delivery.replaces {
            self.supersede_batch(now, &mut staged, batch)?;
        }
        self.commit(staged)?;
        Ok(Reply::Acknowledged)
    }
}

/// The keys that proofs name, in order, whether they are proven or not.
fn named_keys(proofs: &[String]) -> Vec<VerifyingKey> {
    let named = |proof: &String| proof_key(&Jws::parse(proof, KEY_PROOF_TYP, PROOF_MAX).ok()?);
    proofs.iter().filter_map(named).collect()
}

/// The key that a proof names in its header.
fn proof_key(proof: &Jws) -> Option<VerifyingKey> {
    VerifyingKey::from_jwk(proof.header.get("jwk")?)
}

/// The company's number, when a company's wallet asks; `wrong_wallet` when the other kind of wallet is needed.
pub(crate) fn wallet_of(
    credential_type: &CredentialType,
    organisation: Option<String>,
) -> Result<Option<String>, Error> {
    let Some(number) = organisation else {
        return match credential_type.holder.proof {
            HolderProof::Role { .. } => Err(Code::WrongWallet.into()),
            HolderProof::ActivationCode | HolderProof::Credential { .. } => Ok(None),
        };
    };
    if credential_type.holder.kind != HolderKind::Company {
        return Err(Code::WrongWallet.into());
    }
    let number = OrganisationNumber::parse(&number).ok_or_else(|| Problem::new(Code::Malformed, "organisation"))?;
    Ok(Some(number.as_str().to_owned()))
}
