//! The one gate: from parsed to verified, at a time, with given trust and status. Everything that a library's `verify` leaves out is here.
//!
//! Checks do not stop at the first failure: a report names every check and what came of it, so that a verdict can show them all.
//! A check is `not_reached` only when it cannot be tried: without a trust document there is no key to check a signature with.

mod answer;
mod binding;
mod credential;

use crate::query::Query;
use crate::schema::Types;
use crate::sd_jwt::{Covers, StatusRef};
use crate::status;
use crate::trust::Trust;
use crate::{Code, Did, Problem, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// How far the clocks of issuer, holder and asker may differ, in seconds. It lengthens no validity.
pub const CLOCK_SKEW: i64 = 300;

/// A check that a verdict names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Check {
    /// The trust document is there and current.
    Trust,
    /// The credential and its disclosures parse and belong together.
    Form,
    /// The issuer is listed.
    Issuer,
    /// The issuer may issue this type, and the type is known.
    Type,
    /// The key named belongs to the issuer and was valid when it signed.
    Key,
    /// The issuer's signature.
    Signature,
    /// Times of the credential.
    Validity,
    /// The claims follow the type's schema as far as shown; class X is absent.
    Schema,
    /// The status list's word.
    Status,
    /// There is a key binding by the credential's holder key.
    HolderBinding,
    /// The binding's audience is us, whole.
    Audience,
    /// The binding's nonce is this session's.
    Nonce,
    /// The binding is recent.
    Freshness,
    /// The binding covers exactly what was sent.
    SdHash,
    /// The binding is to this request.
    Request,
    /// All that was asked is there (and matches `values`), and nothing else.
    Query,
    /// All credentials are of one person.
    SamePerson,
    /// That person is the customer of the case.
    Subject,
}
impl Check {
    /// All, in order.
    pub const ALL: &'static [Check] = &[
        Check::Trust,
        Check::Form,
        Check::Issuer,
        Check::Type,
        Check::Key,
        Check::Signature,
        Check::Validity,
        Check::Schema,
        Check::Status,
        Check::HolderBinding,
        Check::Audience,
        Check::Nonce,
        Check::Freshness,
        Check::SdHash,
        Check::Request,
        Check::Query,
        Check::SamePerson,
        Check::Subject,
    ];
}

/// What came of a check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "outcome")]
pub enum Outcome {
    /// It holds.
    Ok,
    /// It does not.
    Failed {
        /// Why.
        problem: Problem,
    },
    /// It cannot be said.
    Undecided {
        /// Why.
        problem: Problem,
    },
    /// Could not be tried because an earlier one failed.
    NotReached,
}

/// One line of a report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// Which credential (query id), or none for the whole answer.
    pub credential: Option<String>,
    /// Which check.
    pub check: Check,
    /// What came of it.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// All checks of one answer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Lines, per credential in the order of [`Check::ALL`], then those of the whole.
    pub lines: Vec<Line>,
    /// When the oldest status used was said, if any was.
    pub status_at: Option<Timestamp>,
    /// When the head of the trust list was signed.
    pub trust_at: Option<Timestamp>,
}
impl Report {
    /// The first failure, else the first undecided, else none.
    pub fn problem(&self) -> Option<&Problem> {
        let failed = self.lines.iter().find_map(|line| match &line.outcome {
            Outcome::Failed { problem } => Some(problem),
            _ => None,
        });
        failed.or_else(|| {
            self.lines.iter().find_map(|line| match &line.outcome {
                Outcome::Undecided { problem } => Some(problem),
                _ => None,
            })
        })
    }
    /// Valid, invalid or undecided: a failure outweighs an undecided check. A report without lines decides nothing.
    pub fn verdict(&self) -> Verdict {
        let is_failed = |line: &Line| matches!(line.outcome, Outcome::Failed { .. });
        let is_ok = |line: &Line| line.outcome == Outcome::Ok;
        if self.lines.iter().any(is_failed) {
            Verdict::Invalid
        } else if !self.lines.is_empty() && self.lines.iter().all(is_ok) {
            Verdict::Valid
        } else {
            Verdict::Undecided
        }
    }
}
/// Three answers, never two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Every check holds.
    Valid,
    /// At least one does not.
    Invalid,
    /// None fails, but at least one cannot be said.
    Undecided,
}
impl Verdict {
    /// The stable text, as in `--json` and receipts.
    pub fn as_str(self) -> &'static str {
        match self {
            Verdict::Valid => "valid",
            Verdict::Invalid => "invalid",
            Verdict::Undecided => "undecided",
        }
    }
}

/// What the gate needs to know.
pub struct Context<'a> {
    /// Now.
    pub now: Timestamp,
    /// Trust document; `None` = not there yet.
    pub trust: Option<&'a Trust>,
    /// Mirrored status.
    pub status: &'a dyn status::Source,
    /// Types.
    pub types: &'a Types,
    /// Oldest status for a decision, in seconds.
    pub status_age_max: i64,
}

/// What an answer must fit.
pub struct Expected<'a> {
    /// Our `client_id`.
    pub audience: &'a str,
    /// The session's nonce.
    pub nonce: &'a str,
    /// SHA-256 of the signed request.
    pub request_hash: [u8; 32],
    /// What was asked.
    pub query: &'a Query,
    /// When the request was signed (the binding is not older than that minus 300 s, nor in the future).
    pub issued: Timestamp,
    /// The customer's number (person or organisation) where the asker knows it; else no `Subject` check.
    pub subject: Option<&'a str>,
    /// For issuing: what the binding must cover (`keys_not_covered`).
    pub covers: Option<&'a Covers>,
}

/// A credential that passed. Only this module makes one.
#[derive(Clone)]
pub struct VerifiedCredential {
    claims: Value,
    vct: String,
    issuer: Did,
    expires: Option<Timestamp>,
    status: Option<StatusRef>,
    notes: Vec<Code>,
}
impl VerifiedCredential {
    /// What was shown.
    pub fn claims(&self) -> &Value {
        &self.claims
    }
    /// Type.
    pub fn vct(&self) -> &str {
        &self.vct
    }
    /// Issuer.
    pub fn issuer(&self) -> &Did {
        &self.issuer
    }
    /// Valid until.
    pub fn expires(&self) -> Option<Timestamp> {
        self.expires
    }
    /// Where its status stands.
    pub fn status(&self) -> Option<&StatusRef> {
        self.status.as_ref()
    }
    /// Remarks that do not make it invalid: `terminated_pending`.
    pub fn notes(&self) -> &[Code] {
        &self.notes
    }
}
/// An answer that passed: every credential by its query id. Only this module makes one.
#[derive(Clone)]
pub struct VerifiedPresentation {
    credentials: BTreeMap<String, VerifiedCredential>,
}
impl VerifiedPresentation {
    /// By query id.
    pub fn credentials(&self) -> &BTreeMap<String, VerifiedCredential> {
        &self.credentials
    }
}

/// `vp_token`: query id → presentations (exactly one each).
pub type VpToken = BTreeMap<String, Vec<String>>;

/// Checks a credential on its own (a wallet that receives it, `verifier check FILE`): no holder binding asked, and none looked at.
pub fn credential(text: &str, context: &Context<'_>) -> (Report, Option<VerifiedCredential>) {
    let mut report = Report::default();
    let examined = credential::examine(text, context, None, &mut report);
    let verified = examined
        .filter(|_| report.verdict() == Verdict::Valid)
        .map(credential::Examined::into_verified);
    (report, verified)
}
/// Checks a whole answer: exactly one presentation for each credential that was asked for, and no other.
///
/// A query id without its one presentation has a failed [`Check::Query`] and nothing else reached; an id that was not asked fails
/// [`Check::Query`] of the whole. [`Check::SamePerson`] is named when more than one credential was asked, [`Check::Subject`] when
/// the asker knows the customer.
pub fn presentation(
    token: &VpToken,
    expected: &Expected<'_>,
    context: &Context<'_>,
) -> (Report, Option<VerifiedPresentation>) {
    answer::examine(token, expected, context)
}

#[cfg(test)]
mod tests;
