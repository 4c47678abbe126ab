//! The keys of an issuing, and the request that proves them: the same bytes each time it is made.

use super::damaged;
use crate::tables::{IssuingRow, Kind, RequestRow, bytes, public_key, text};
use crate::{Error, Wallet};
use credentials::protocol::issuance::{Identification, KEY_PROOF_TYP, Request};
use credentials::request::OpenedRequest;
use credentials::sd_jwt::{Covers, keys_hash};
use credentials::{VerifyingKey, jws};
use serde_json::{Map, json};

impl Wallet {
    /// The keys made for an issuing.
    pub(crate) fn issuing_keys(&self, transaction: &str) -> Result<Vec<VerifyingKey>, Error> {
        match self.tables.get::<IssuingRow>(transaction)? {
            Some(row) => new_keys(&row),
            None => Ok(Vec::new()),
        }
    }

    /// The request of an issuing. Ed25519 signatures are deterministic, so it is the same bytes each time.
    pub(super) fn request(
        &self,
        transaction: Vec<u8>,
        row: &IssuingRow,
        answer: Option<&str>,
    ) -> Result<Request, Error> {
        let terms = row.terms.as_ref().ok_or(damaged())?;
        let payload = json!({
            "aud": row.issuer,
            "nonce": terms.nonce,
            "transaction": text(&transaction),
        });
        let mut proofs = Vec::new();
        for public in new_keys(row)? {
            let key = self.tables.key(&public)?;
            let header = Map::from_iter([("jwk".to_owned(), public.to_jwk())]);
            proofs.push(jws::sign(KEY_PROOF_TYP, None, header, &payload, &key)?);
        }
        let identification = match (answer, &row.code) {
            (Some(answer), _) => Identification::Presentation {
                answer: answer.to_owned(),
            },
            (None, Some(code)) => Identification::Code {
                offer: offer_id(row)?.ok_or(damaged())?,
                code: code.0.to_string(),
            },
            (None, None) => return Err(damaged()),
        };
        Ok(Request {
            transaction,
            vct: row.vct.clone(),
            nonce: terms.nonce.clone(),
            proofs,
            identification,
        })
    }
}

/// What the key binding of an answer covers beside the request: the new keys, when it identifies for issuing.
pub(crate) fn covers(
    row: &RequestRow,
    issuing: Option<&(String, IssuingRow)>,
    opened: &OpenedRequest,
) -> Result<Option<Covers>, Error> {
    let organisation = opened
        .request
        .issue
        .as_ref()
        .and_then(|issue| issue.organisation.clone());
    match (row.kind, issuing, &row.authorise) {
        (Kind::Present | Kind::Grant, _, _) => Ok(None),
        (Kind::Identify, Some((transaction, issuing)), _) => Ok(Some(Covers {
            transaction: bytes(transaction).ok_or(damaged())?,
            keys_hash: keys_hash(&new_keys(issuing)?),
            organisation,
            grant: None,
        })),
        (Kind::Authorise, _, Some(authorise)) => Ok(Some(Covers {
            transaction: authorise.transaction.as_slice().try_into().map_err(|_| damaged())?,
            keys_hash: authorise.keys_hash.as_slice().try_into().map_err(|_| damaged())?,
            organisation,
            grant: None,
        })),
        _ => Err(damaged()),
    }
}

pub(crate) fn new_keys(row: &IssuingRow) -> Result<Vec<VerifyingKey>, Error> {
    let terms = row.terms.as_ref();
    terms
        .map_or(&[][..], |terms| &terms.keys)
        .iter()
        .map(|key| public_key(key).ok_or(damaged()))
        .collect()
}

pub(super) fn offer_id(row: &IssuingRow) -> Result<Option<Vec<u8>>, Error> {
    use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
    row.offer
        .as_ref()
        .map(|offer| BASE64_URL_SAFE_NO_PAD.decode(offer).map_err(|_| damaged()))
        .transpose()
}
