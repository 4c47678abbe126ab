//! Taking a grant back.

use super::OpenedGrant;
use crate::jws::Jws;
use crate::key::Signer;
use crate::record::{self, Record, Vouched};
use crate::trust::Trust;
use crate::{Code, Did, Problem, Timestamp};
use serde::{Deserialize, Serialize};

/// A withdrawal (`bevis-withdrawal+jwt`): signed with the grant's own key by its holder, or by the issuer for a person who showed it
/// who they are and has that key no more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Withdrawal {
    /// The grant.
    pub grant: String,
    /// Who released under it.
    pub issuer: Did,
    /// When it was taken back, by the clock of whoever signs. The issuer's journal orders it among the releases.
    pub at: Timestamp,
}

impl Record for Withdrawal {
    const TYP: &'static str = "bevis-withdrawal+jwt";
    const MAX: usize = 4 * 1024;

    fn check(&self) -> Result<(), Problem> {
        record::rules(&[("grant", record::is_hash(&self.grant))])
    }
}

impl Vouched for Withdrawal {
    const UNLISTED: Code = Code::UnknownIssuer;

    fn by(&self) -> &Did {
        &self.issuer
    }
    fn at(&self) -> Timestamp {
        self.at
    }
}

impl Withdrawal {
    /// Signs with the key of the grant.
    pub fn sign(&self, key: &dyn Signer) -> Result<String, Problem> {
        record::sign_as_holder(self, key)
    }

    /// Signs as the issuer.
    pub fn sign_as_issuer(&self, kid: &str, signer: &dyn Signer) -> Result<String, Problem> {
        record::sign_as_organisation(self, kid, signer)
    }

    /// Reads it, for that grant: by the grant's key, or by its issuer's.
    ///
    /// Errors: `wrong_request` when it is of another grant, `signature_invalid` when another key signed it; `unknown_issuer`,
    /// `unknown_key`, `key_outside_window`, `key_compromised` of an issuer's; `malformed`, `too_large`.
    pub fn open(text: &str, grant: &OpenedGrant, trust: &Trust) -> Result<Withdrawal, Problem> {
        let is_issuers = Jws::parse(text, Withdrawal::TYP, Withdrawal::MAX)?.kid().is_some();
        let withdrawal: Withdrawal = if is_issuers {
            record::open_of_organisation(text, trust)?
        } else {
            let (withdrawal, key) = record::open_of_holder(text)?;
            if key != *grant.key() {
                return Err(Code::SignatureInvalid.into());
            }
            withdrawal
        };
        match withdrawal.grant == grant.name() && withdrawal.issuer == grant.grant().issuer {
            true => Ok(withdrawal),
            false => Err(Code::WrongRequest.into()),
        }
    }
}

/// The issuer's acknowledgement (`bevis-withdrawn+jwt`): it releases nothing from here on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Withdrawn {
    /// The grant.
    pub grant: String,
    /// Who says so.
    pub issuer: Did,
    /// Since when, by the issuer's clock.
    pub at: Timestamp,
    /// How many releases there were before.
    pub uses: u32,
}

impl Record for Withdrawn {
    const TYP: &'static str = "bevis-withdrawn+jwt";
    const MAX: usize = 4 * 1024;

    fn check(&self) -> Result<(), Problem> {
        record::rules(&[("grant", record::is_hash(&self.grant))])
    }
}

impl Vouched for Withdrawn {
    const UNLISTED: Code = Code::UnknownIssuer;

    fn by(&self) -> &Did {
        &self.issuer
    }
    fn at(&self) -> Timestamp {
        self.at
    }
}

impl Withdrawn {
    /// Signs.
    pub fn sign(&self, kid: &str, signer: &dyn Signer) -> Result<String, Problem> {
        record::sign_as_organisation(self, kid, signer)
    }

    /// Reads it, for that grant; errors as [`super::Deposit::open`].
    pub fn open(text: &str, grant: &OpenedGrant, trust: &Trust) -> Result<Withdrawn, Problem> {
        let withdrawn: Withdrawn = record::open_of_organisation(text, trust)?;
        match withdrawn.grant == grant.name() && withdrawn.issuer == grant.grant().issuer {
            true => Ok(withdrawn),
            false => Err(Code::WrongRequest.into()),
        }
    }
}
