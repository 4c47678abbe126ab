//! The issuer's word that it holds a grant, and whose it is.

use super::{OpenedGrant, hash_text};
use crate::key::Signer;
use crate::record::{self, Record, Vouched};
use crate::trust::Trust;
use crate::{Code, Did, Problem, Timestamp};
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Label under the commitment to a subject.
const SUBJECT_LABEL: &[u8] = b"bevis-grant-subject/1";

/// Whose data a grant is about, said only to whoever knows the number already: a salted hash of it. Numbers are few, so that whoever
/// has the salt could try them all: it goes to the holder and the asker, who know the number, and to nobody else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Subject {
    /// 16 random bytes, base64url.
    pub salt: String,
    /// SHA-256 over a label, the salt and the number, base64url.
    pub hash: String,
}

impl Subject {
    /// Of a number.
    pub fn of(number: &str, salt: [u8; 16]) -> Subject {
        Subject {
            salt: BASE64_URL_SAFE_NO_PAD.encode(salt),
            hash: hash_text(&commitment(number, &salt)),
        }
    }

    /// Whether it is this number.
    pub fn is(&self, number: &str) -> bool {
        let salt = BASE64_URL_SAFE_NO_PAD.decode(&self.salt).unwrap_or_default();
        hash_text(&commitment(number, &salt)) == self.hash
    }
}

fn commitment(number: &str, salt: &[u8]) -> [u8; 32] {
    Sha256::new()
        .chain_update(SUBJECT_LABEL)
        .chain_update(salt)
        .chain_update(number.as_bytes())
        .finalize()
        .into()
}

/// A deposit (`bevis-deposit+jwt`), signed by the issuer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Deposit {
    /// The grant.
    pub grant: String,
    /// Who holds it.
    pub issuer: Did,
    /// For whom.
    pub asker: Did,
    /// Whose data it is about.
    pub subject: Subject,
    /// Since when.
    pub at: Timestamp,
}

impl Record for Deposit {
    const TYP: &'static str = "bevis-deposit+jwt";
    const MAX: usize = 4 * 1024;

    fn check(&self) -> Result<(), Problem> {
        record::rules(&[
            ("grant", record::is_hash(&self.grant)),
            (
                "subject",
                record::is_bytes::<16>(&self.subject.salt) && record::is_hash(&self.subject.hash),
            ),
        ])
    }
}

impl Vouched for Deposit {
    const UNLISTED: Code = Code::UnknownIssuer;

    fn by(&self) -> &Did {
        &self.issuer
    }
    fn at(&self) -> Timestamp {
        self.at
    }
}

impl Deposit {
    /// Signs. Errors: `malformed` with the member that has not its form.
    pub fn sign(&self, kid: &str, signer: &dyn Signer) -> Result<String, Problem> {
        record::sign_as_organisation(self, kid, signer)
    }

    /// Reads it, for that grant: `wrong_request` when it is of another, or its issuer or asker are others than the grant's. Further
    /// errors: `unknown_issuer`, `unknown_key`, `key_outside_window`, `key_compromised`, `signature_invalid`, `malformed`, `too_large`.
    pub fn open(text: &str, grant: &OpenedGrant, trust: &Trust) -> Result<Deposit, Problem> {
        let deposit: Deposit = record::open_of_organisation(text, trust)?;
        let of = grant.grant();
        match (&deposit.grant, &deposit.issuer, &deposit.asker) == (&grant.name(), &of.issuer, &of.asker) {
            true => Ok(deposit),
            false => Err(Code::WrongRequest.into()),
        }
    }
}
