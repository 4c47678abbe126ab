//! What the holder is told of each use, and how the holder asks.

use super::OpenedGrant;
use crate::key::Signer;
use crate::record::{self, Record, Vouched};
use crate::schema::Path;
use crate::trust::Trust;
use crate::{Code, Did, Problem, Timestamp};
use serde::{Deserialize, Serialize};

/// How far a holder's clock may be from the issuer's when it asks, in seconds.
pub const PROOF_SKEW: i64 = 300;

/// One release, as the issuer tells the holder (`bevis-use+jwt`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Usage {
    /// The grant.
    pub grant: String,
    /// Who released.
    pub issuer: Did,
    /// To whom.
    pub asker: Did,
    /// Which release of this grant, from 1.
    pub number: u32,
    /// Which claims.
    pub claims: Vec<Path>,
    /// When, by the issuer's clock.
    pub at: Timestamp,
}

impl Record for Usage {
    const TYP: &'static str = "bevis-use+jwt";
    const MAX: usize = 16 * 1024;

    fn check(&self) -> Result<(), Problem> {
        record::rules(&[("grant", record::is_hash(&self.grant)), ("number", self.number > 0)])
    }
}

impl Vouched for Usage {
    const UNLISTED: Code = Code::UnknownIssuer;

    fn by(&self) -> &Did {
        &self.issuer
    }
    fn at(&self) -> Timestamp {
        self.at
    }
}

impl Usage {
    /// Signs.
    pub fn sign(&self, kid: &str, signer: &dyn Signer) -> Result<String, Problem> {
        record::sign_as_organisation(self, kid, signer)
    }

    /// Reads it, for that grant; errors as [`super::Deposit::open`].
    pub fn open(text: &str, grant: &OpenedGrant, trust: &Trust) -> Result<Usage, Problem> {
        let usage: Usage = record::open_of_organisation(text, trust)?;
        let of = grant.grant();
        match (&usage.grant, &usage.issuer, &usage.asker) == (&grant.name(), &of.issuer, &of.asker) {
            true => Ok(usage),
            false => Err(Code::WrongRequest.into()),
        }
    }
}

/// The holder's word, with the grant's key, that it is the holder who asks about it (`bevis-grant-proof+jwt`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proof {
    /// The grant.
    pub grant: String,
    /// Who is asked.
    pub issuer: Did,
    /// When.
    pub at: Timestamp,
    /// Whether the grant stands by what its holder knows: an issuer that may have forgotten that it was taken back goes by it.
    pub stands: bool,
}

impl Record for Proof {
    const TYP: &'static str = "bevis-grant-proof+jwt";
    const MAX: usize = 4 * 1024;

    fn check(&self) -> Result<(), Problem> {
        record::rules(&[("grant", record::is_hash(&self.grant))])
    }
}

impl Proof {
    /// Signs with the key of the grant.
    pub fn sign(&self, key: &dyn Signer) -> Result<String, Problem> {
        record::sign_as_holder(self, key)
    }

    /// Checks it at the issuer: of this grant (`wrong_request`), by its key (`signature_invalid`), made now (`stale`). What it opens
    /// is told to whoever repeats it within the skew, over a channel that only the issuer and the holder have seen it on.
    pub fn check(text: &str, grant: &OpenedGrant, now: Timestamp) -> Result<Proof, Problem> {
        let (proof, key): (Proof, _) = record::open_of_holder(text)?;
        if key != *grant.key() {
            return Err(Code::SignatureInvalid.into());
        }
        if proof.grant != grant.name() || proof.issuer != grant.grant().issuer {
            return Err(Code::WrongRequest.into());
        }
        match (-PROOF_SKEW..=PROOF_SKEW).contains(&now.since(proof.at)) {
            true => Ok(proof),
            false => Err(Code::Stale.into()),
        }
    }
}
