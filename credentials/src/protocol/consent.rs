//! `/bevis/consent/1`: a standing grant is deposited, used, told of and taken back ([`crate::grant`]).
//!
//! Holders ask issuers, askers ask issuers, and holders and issuers tell askers of withdrawals.

use crate::Problem;
use crate::schema::Path;
use serde::{Deserialize, Serialize};

/// Largest message.
pub const LIMIT: usize = 32 * 1024;
/// Most uses that are told at once.
pub const USES_MAX: usize = 32;
/// Most grants that are listed at once.
pub const LISTED_MAX: usize = 64;

/// Longest name of a place in such a list, in bytes.
pub const NEXT_MAX: usize = 64;

/// A question or an announcement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ask {
    /// From a holder: what does it take to deposit a grant, or to see those that stand? [`Reply::Terms`].
    Begin {
        /// Type whose claims are granted.
        vct: String,
        /// DID of the asker that a grant is for; none to see and end what was granted.
        asker: Option<String>,
        /// For a company's grant: its number.
        organisation: Option<String>,
    },
    /// From a holder: keep this grant. Said again, it is answered the same. [`Reply::Deposited`].
    Deposit {
        /// The terms' nonce.
        nonce: String,
        /// Signed grant.
        grant: String,
        /// [`crate::grant::Proof`] by its key: who deposits it is who made it.
        proof: String,
        /// Compact JWE to the terms' request: `{"vp_token":…}` whose key binding covers the grant and its key.
        answer: String,
    },
    /// From an asker: release what is granted. [`Reply::Released`].
    Refresh {
        /// Signed grant.
        grant: String,
        /// 16 random bytes or more, base64url: the release is for this question.
        nonce: String,
        /// Which claims; no more than the grant's.
        claims: Vec<Path>,
    },
    /// From the holder or the issuer: the grant is taken back. [`Reply::Withdrawn`] of an issuer, [`Reply::Erased`] of an asker.
    Withdraw {
        /// Signed grant: who never saw it knows now that it does not count.
        grant: String,
        /// Signed withdrawal.
        withdrawal: String,
    },
    /// From the holder: how was it used? [`Reply::Uses`].
    Uses {
        /// Name of the grant.
        grant: String,
        /// [`crate::grant::Proof`] by its key.
        proof: String,
        /// Those after this number.
        after: u32,
    },
    /// From a person who shows who they are: what have I granted? [`Reply::Standing`].
    Standing {
        /// The terms' nonce.
        nonce: String,
        /// Compact JWE to the terms' request.
        answer: String,
        /// These of them are taken back, by name.
        end: Vec<String>,
        /// Those behind what an earlier answer ended with (`next`), with everything else as it was; none from the beginning.
        #[serde(default)]
        from: Option<String>,
    },
    /// From the holder, to an asker: what is still kept of what the grant brought is to be erased. [`Reply::Erased`].
    Erase {
        /// Name of the grant.
        grant: String,
        /// Signed [`crate::decision::Deletion`], by the grant's key.
        deletion: String,
    },
}

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reply {
    /// What it takes.
    Terms {
        /// Nonce of the request.
        nonce: String,
        /// The signed request for an identification.
        request: String,
    },
    /// It is kept.
    Deposited {
        /// Signed [`crate::grant::Deposit`].
        deposit: String,
    },
    /// The claims.
    Released {
        /// Signed [`crate::grant::Release`].
        release: String,
    },
    /// Nothing is released any more.
    Withdrawn {
        /// Signed [`crate::grant::Withdrawn`].
        withdrawn: String,
    },
    /// What was done with what had come.
    Erased {
        /// Signed [`crate::grant::Erasure`].
        erasure: String,
    },
    /// Uses in order, at most [`USES_MAX`], and no more than go into a message.
    Uses {
        /// Signed [`crate::grant::Usage`]s.
        uses: Vec<String>,
        /// Since when nothing is released any more, if it was taken back.
        withdrawn: Option<String>,
        /// Whether there are more behind them.
        #[serde(default)]
        more: bool,
    },
    /// Grants of a person, those that stand first; at most [`LISTED_MAX`], and no more than go into a message.
    Standing {
        /// Each.
        grants: Vec<Standing>,
        /// Where there are more: what to ask `from`, at most [`NEXT_MAX`] bytes.
        #[serde(default)]
        next: Option<String>,
    },
    /// No.
    Problem(Problem),
}

/// A grant that stands or stood.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// Signed grant.
    pub grant: String,
    /// Releases so far.
    pub uses: u32,
    /// Signed [`crate::grant::Withdrawn`], if it was taken back.
    pub withdrawn: Option<String>,
}
