//! Who the holder is: by the activation code of an offer, or by a presentation that covers the new keys.

use credentials::jwe::DecryptionKey;
use credentials::letter::Reach;
use credentials::query::{ClaimQuery, CredentialQuery, Query};
use credentials::request::{IssuePurpose, Request, StandingPurpose};
use credentials::schema::{CredentialType, HolderProof, Path, values_at};
use credentials::sd_jwt::{Covers, SdJwt, StatusRef, keys_hash};
use credentials::service::Registration;
use credentials::status::Source;
use credentials::verify::{self, Context, Expected, VpToken};
use credentials::{Code, Timestamp, VerifyingKey, json, random};

use super::{NewTerms, unguessable};
use crate::access::Ground;
use crate::offer::OfferId;
use crate::status::OwnAndMirror;
use crate::tables::{Asked, Terms};
use crate::{Error, Issuer};

/// The registered service under which an issuer asks who somebody is.
const SERVICE: &str = "K02";
/// Name of the one credential in an identification's query.
const QUERY_ID: &str = "id";
/// Longest answer, in bytes: one credential with few disclosures, encrypted.
const ANSWER_MAX: usize = 256 * 1024;
/// Oldest status of an identification when the trust document names no registration of ours, in seconds.
const STATUS_AGE_MAX: i64 = credentials::service::STATUS_AGE_DEFAULT;

/// Who was identified.
pub(crate) struct Identified {
    /// The holder's number: a person's or a company's.
    pub(crate) holder: String,
    /// The person who opened the company's wallet.
    pub(crate) person: Option<String>,
    /// The offer that was used.
    pub(crate) offer: Option<OfferId>,
    pub(crate) ground: Ground,
    /// Where their wallet is reached, if it said so.
    pub(crate) reach: Option<Reach>,
    /// The status entry of what was shown.
    pub(crate) shown: Option<StatusRef>,
}

/// An identification as it was given.
pub(crate) struct Given<'a> {
    pub(crate) terms: &'a Terms,
    pub(crate) asked: &'a Asked,
    pub(crate) nonce: &'a str,
    pub(crate) transaction: [u8; 16],
    pub(crate) keys: &'a [VerifyingKey],
    /// What is said of standing grants.
    pub(crate) grant: Option<[u8; 32]>,
    pub(crate) answer: &'a str,
}

/// The credential type and claim that an identification asks for.
fn proof_of(credential_type: &CredentialType) -> Option<(&str, &Path)> {
    match &credential_type.holder.proof {
        HolderProof::ActivationCode => None,
        HolderProof::Credential { vct, path } | HolderProof::Role { vct, path, .. } => Some((vct, path)),
    }
}

fn query_of(credential_type: &CredentialType) -> Option<Query> {
    let (vct, path) = proof_of(credential_type)?;
    Some(Query {
        credentials: vec![CredentialQuery {
            id: QUERY_ID.to_owned(),
            vct: vct.to_owned(),
            claims: vec![ClaimQuery {
                path: path.clone(),
                values: Vec::new(),
            }],
        }],
    })
}

impl Issuer {
    /// The signed request for the identification that a type takes.
    pub(crate) fn identification_request(
        &mut self,
        terms: &NewTerms,
        credential_type: &CredentialType,
        organisation: Option<String>,
        standing: Option<StandingPurpose>,
        key: &DecryptionKey,
    ) -> Result<String, Error> {
        // Nobody can show who they are for a type that goes by an activation code: there is nothing of it to grant or to review.
        let query = query_of(credential_type).ok_or(Code::UnknownGrant)?;
        let registration = self.own_registration().ok_or(Code::NotLicensed)?;
        let stated = registration.statement();
        let reference: [u8; 4] = random::bytes(self.random.as_mut());
        let request = Request {
            asker: self.settings.did.clone(),
            nonce: terms.nonce.clone(),
            session: unguessable::<16>(self.random.as_mut()),
            issued: terms.issued,
            expires: terms.expires,
            query,
            encryption: key.public_jwk(),
            origins: self.settings.peers.clone(),
            service: SERVICE.to_owned(),
            stated,
            // A reference that a person can read out; it holds nothing about anybody.
            case: format!("{}-{:08x}", credential_type.id, u32::from_be_bytes(reference)),
            issue: Some(IssuePurpose {
                vct: credential_type.vct.clone(),
                organisation,
                standing,
            }),
            grant: None,
            reach: true,
        };
        request
            .sign(&self.settings.kid, self.signer.as_ref())
            .map_err(Error::Signing)
    }

    /// The subject of an offer, when the code is right.
    pub(super) fn identify_by_code(
        &mut self,
        now: Timestamp,
        terms: &Terms,
        offer: &[u8],
        code: &str,
    ) -> Result<Identified, Error> {
        let id = OfferId::try_from(offer).map_err(|_| Code::UnknownOffer)?;
        if terms.offer != Some(id) {
            return Err(Code::UnknownOffer.into());
        }
        let offer = self.try_code(now, &terms.vct, &id, code)?;
        Ok(Identified {
            holder: offer.subject,
            person: None,
            offer: Some(id),
            ground: Ground::ActivationCode,
            reach: None,
            shown: None,
        })
    }

    /// The person or company whose credential was shown, through the verify gate, bound to this request and these keys.
    pub(crate) fn identify_by_presentation(
        &self,
        now: Timestamp,
        mirror: &dyn Source,
        credential_type: &CredentialType,
        given: &Given<'_>,
    ) -> Result<Identified, Error> {
        let query = query_of(credential_type).ok_or(Code::Internal)?;
        let (_, path) = proof_of(credential_type).ok_or(Code::Internal)?;
        let key = DecryptionKey::from_bytes(&given.asked.key.0);
        let answer = key.open(given.answer, &given.asked.hash, ANSWER_MAX)?;
        let covers = Covers {
            transaction: given.transaction,
            keys_hash: keys_hash(given.keys),
            organisation: given.terms.organisation.clone(),
            grant: given.grant,
        };
        let audience = format!("decentralized_identifier:{}", self.settings.did);
        let expected = Expected {
            audience: &audience,
            nonce: given.nonce,
            request_hash: given.asked.hash,
            query: &query,
            issued: given.terms.issued,
            subject: None,
            covers: Some(&covers),
        };
        let status = OwnAndMirror {
            lists: &self.lists,
            settings: &self.settings,
            now,
            mirror,
        };
        let context = Context {
            now,
            trust: self.trust.as_deref(),
            status: &status,
            types: &self.types,
            status_age_max: self.status_age_max(),
        };
        let Answer { vp_token, reach } = Answer::read(&answer)?;
        let entry = |text: &String| SdJwt::parse(text).ok()?.status();
        let shown_entry = vp_token.get(QUERY_ID).and_then(|texts| texts.first()).and_then(entry);
        let (report, verified) = verify::presentation(&vp_token, &expected, &context);
        let Some(verified) = verified else {
            let problem = report.problem().cloned();
            return Err(problem.unwrap_or_else(|| Code::Internal.into()).into());
        };
        let shown = verified
            .credentials()
            .get(QUERY_ID)
            .map(|credential| values_at(credential.claims(), path))
            .unwrap_or_default();
        let number = match shown.as_slice() {
            [number] => number.as_str().ok_or(Code::ClaimsMissing)?.to_owned(),
            _ => return Err(Code::ClaimsMissing.into()),
        };
        match (&credential_type.holder.proof, &given.terms.organisation) {
            (HolderProof::Role { .. }, Some(organisation)) => Ok(Identified {
                holder: organisation.clone(),
                person: Some(number),
                offer: None,
                ground: Ground::Role,
                reach,
                shown: shown_entry,
            }),
            // The company whose wallet this is said to be must be the one that was shown.
            (HolderProof::Credential { .. }, Some(organisation)) if *organisation != number => {
                Err(Code::WrongSubject.into())
            }
            (HolderProof::Credential { .. }, _) => Ok(Identified {
                holder: number,
                person: None,
                offer: None,
                ground: Ground::OwnRequest,
                reach,
                shown: shown_entry,
            }),
            (HolderProof::ActivationCode, _) | (HolderProof::Role { .. }, None) => Err(Code::UnexpectedMessage.into()),
        }
    }

    /// What the trust list lets us ask who somebody is for.
    fn own_registration(&self) -> Option<&Registration> {
        let trust = self.trust.as_ref()?;
        trust.organisation(&self.settings.did)?.service(SERVICE)
    }

    /// How old the status of an identification may be: as our own registration says.
    fn status_age_max(&self) -> i64 {
        self.own_registration()
            .map_or(STATUS_AGE_MAX, |registration| registration.status_age_max)
    }
}

/// `{"vp_token":{"id":["…"]},"reach":{…}}`, the second where the wallet wants to be written to, and nothing else.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    vp_token: VpToken,
    #[serde(default)]
    reach: Option<Reach>,
}

impl Answer {
    fn read(answer: &[u8]) -> Result<Answer, Error> {
        let value = json::parse(answer, ANSWER_MAX)?;
        let answer: Answer = serde_json::from_value(value).map_err(|_| Code::Malformed)?;
        answer.reach.as_ref().map_or(Ok(()), Reach::check)?;
        Ok(answer)
    }
}
