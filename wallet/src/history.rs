//! What happened in this wallet, without any claim value.

use crate::tables::Kind;
use credentials::verify::Verdict;
use credentials::{Code, Did, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A line of history. Holds no claim value, ever: types, names of claims, organisations and codes only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Its number in the history, from 1. A line keeps it.
    #[serde(default)]
    pub id: u64,
    /// When.
    pub at: Timestamp,
    /// What.
    pub what: What,
    /// The organisation it was with.
    pub with: Did,
    /// Its registered name then.
    pub with_name: String,
    /// Types concerned.
    pub types: Vec<String>,
    /// Names of the credentials concerned, in this wallet.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub credentials: Vec<String>,
    /// Service asked under.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// What was shared: query id → claim paths.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub claims: BTreeMap<String, Vec<String>>,
    /// Hash of the request, base64url: finds decision and receipt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<String>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<Code>,
    /// What was too much, where this wallet refused: `rung`, a path, the name of a member.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// For what was taken back or asked to be erased: what the recipient signed of what it erased and what it keeps (JWS), once it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub erasure: Option<String>,
    /// For what was shared or granted: what the receipt says; none when no receipt came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receipt: Option<ReceiptSummary>,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// Credentials were collected.
    Collected,
    /// Claims were shared (or may have been: the answer was given out for sending).
    Shared,
    /// The holder proved who they are, to collect a credential or to deposit a standing grant.
    Identified,
    /// The holder proved who they are, to open a company's wallet.
    Authorised,
    /// The person said no.
    Refused,
    /// An issuer or asker refused, or something delivered was refused.
    Failed,
    /// The status list says that a credential no longer counts, or counts again; the code says which.
    StatusChanged,
    /// A credential was deleted.
    Deleted,
    /// The copies of a credential count as used, because the wallet was restored or copied.
    CopiesVoid,
    /// The issuer told that there is a newer credential to collect.
    Renewed,
    /// The person gave a standing grant.
    Granted,
    /// It was used, by what the issuer told.
    Used,
    /// It was taken back.
    Withdrawn,
    /// Its time ran out.
    GrantExpired,
    /// The holder was reminded that it stands.
    Reminded,
    /// The holder asked an asker to erase what it was shown.
    DeletionRequested,
    /// The asker said what it erased and what it keeps.
    DeletionAnswered,
    /// A report to the supervisory authority was written.
    Reported,
    /// The holder proved who they are, to see or end what is granted at an issuer.
    Reviewed,
}

impl What {
    pub(crate) fn decided(kind: Kind) -> What {
        match kind {
            Kind::Present => What::Shared,
            Kind::Identify => What::Identified,
            Kind::Authorise => What::Authorised,
            Kind::Grant => What::Granted,
            Kind::Review => What::Reviewed,
        }
    }
}

/// What a receipt says, in short.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceiptSummary {
    /// The asker's verdict.
    pub verdict: Verdict,
    /// Its code when not valid, or a remark.
    pub code: Option<Code>,
    /// Kept until; none = until the asker's session ends.
    pub until: Option<Timestamp>,
}
