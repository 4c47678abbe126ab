//! What everybody goes by: who is an agency or an asker, with keys, nodes, types and service registrations.
//!
//! Three kinds of document, after TUF: a [`Root`] says who the anchors are and how many must sign; a [`List`] (data model of
//! ETSI TS 119 602 in JSON) names the organisations; a [`Head`] says, anew each day, which root and list are in force. Roots and
//! lists bear `eddsa-jcs-2022` proofs, one for each signer; a head is one JWS for each. [`Known`] is what a client remembers and
//! by which rules it takes newer ones; [`Trust`] is the view of them that everybody else uses.
//!
//! # The list
//!
//! `{"LoTE": {"ListAndSchemeInformation": …, "TrustedEntitiesList": […]}, "proof": […]}`. An organisation is one trusted entity:
//!
//! | ours | where the model has it |
//! |---|---|
//! | sequence, operator, issued, next update | `ListAndSchemeInformation`: `LoTESequenceNumber`, `SchemeOperatorName`, `ListIssueDateTime`, `NextUpdate` |
//! | name, organisasjonsnummer | `TrustedEntityInformation`: `TEName`, `TETradeName` (`NTRNO-` and the number, ETSI EN 319 412-1) |
//! | DID, nodes | `TEInformationExtensions[].BevisExtension` {`did`, `nodes`[{`peer`, `addresses`}]} |
//! | keys | the service `…/SvcType/Identity`: `ServiceDigitalIdentity.PublicKeyValues`, as JWK with `kid`, and `nbf`, `exp` and `revoked` of OpenID Federation |
//! | types it may issue | one service `…/SvcType/Issuance` each, `ServiceInformationExtensions[].BevisExtension` {`vct`} |
//! | what it may ask | one service `…/SvcType/Presentation` each, `ServiceInformationExtensions[].BevisExtension` {`registration`}: the place, from 0, in `ListAndSchemeInformation.SchemeExtensions[].BevisExtension` {`registrations`}, where each stands once |
//!
//! Services but the first name their bearer by `ServiceDigitalIdentity.OtherIds` = its DID, so that a key stands in one place only.
//! Postal and electronic addresses (`TEAddress`) are left out: nobody here reads them. When reading, a further member of
//! `ListAndSchemeInformation` or `TrustedEntityInformation` is passed over; anywhere else (a service status, a history) it is refused.

mod anchor;
mod bundle;
mod ceremony;
mod certificate;
pub mod diff;
mod document;
mod edits;
mod fingerprint;
mod head;
pub mod history;
mod known;
mod layout;
mod list;
mod root;
mod rules;
mod signatures;

pub use anchor::{Anchor, AnchorKeys, Class, Role, Tally, Thresholds};
pub use bundle::{BUNDLE_SCHEMA, Bundle};
pub use ceremony::{Ceremony, Hand};
pub use certificate::{CERTIFICATE_MAX, CERTIFICATE_TYP, Certificate, Certificates, NodeRole, Proven, Seen};
pub use edits::{EDITS_MAX, Edit, Step, apply};
pub use fingerprint::Fingerprint;
pub use head::{HEAD_TYP, Head};
pub use known::{Evidence, Known, Refused, Taken};
pub use list::{List, text_hash};
pub use root::{ROOT_TYPE, Root, SignedRoot};

use crate::service::Registration;
use crate::{Code, Did, Problem, Timestamp, VerifyingKey};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::HashMap;
use std::sync::Arc;

/// Largest list, in bytes.
pub const TRUST_MAX: usize = 1024 * 1024;
/// Largest root, in bytes.
pub const ROOT_MAX: usize = 64 * 1024;
/// Most roots of one bundle, and most that a client holds: one each half year for thirty years.
pub const ROOTS_MAX: usize = 64;
/// Largest head with all its signatures, in bytes.
pub const HEAD_MAX: usize = 8 * 1024;
/// Largest bundle, in bytes: every part at its limit is 5.1 MB, and its quotation marks and line ends take two bytes each.
pub const BUNDLE_MAX: usize = 8 * 1024 * 1024;
/// Largest [`Known::to_bytes`].
pub const STATE_MAX: usize = 6 * 1024 * 1024;
/// Most signatures of one document: a root may need the threshold of the old and of the new.
pub const SIGNATURES_MAX: usize = 2 * THRESHOLD_MAX as usize;
/// Highest threshold.
pub const THRESHOLD_MAX: u8 = 16;
/// Most anchors.
pub const ANCHORS_MAX: usize = 32;
/// Most keys of an anchor in one role.
pub const ANCHOR_KEYS_MAX: usize = 4;
/// Highest version number of any document: the highest integer that canonical JSON keeps, 2^53 - 1.
pub const VERSION_MAX: u64 = (1 << 53) - 1;
/// Longest time that a root counts, in days.
pub const ROOT_DAYS_MAX: i64 = 5 * 366;
/// How long a root counts that does not say otherwise, in days.
pub const ROOT_DAYS: i64 = 730;
/// Longest time between a list and its next update, in days.
pub const LIST_DAYS_MAX: i64 = 366;
/// Time between a list and its next update that does not say otherwise, in days.
pub const LIST_DAYS: i64 = 90;
/// How long a head counts at most, in seconds.
pub const HEAD_SECONDS_MAX: i64 = crate::time::DAY;
/// Longest validity of a node certificate, in days.
pub const CERTIFICATE_DAYS_MAX: i64 = 90;
/// Most organisations.
pub const ORGANISATIONS_MAX: usize = 1_000;
/// Most keys of one organisation, past ones included.
pub const KEYS_MAX: usize = 16;
/// Most nodes of one organisation.
pub const NODES_MAX: usize = 8;
/// Most addresses of one node.
pub const ADDRESSES_MAX: usize = 8;
/// Most services that one organisation may ask under.
pub const SERVICES_MAX: usize = 64;
/// Most types that one organisation may issue.
pub const TYPES_MAX: usize = 64;
/// How far the anchor's clock may be ahead of ours, in seconds.
pub const CLOCK_SKEW: i64 = 300;

/// A listed organisation.
#[derive(Clone, Debug, PartialEq)]
pub struct Organisation {
    /// `did:web:…`
    pub did: Did,
    /// organisasjonsnummer
    pub number: String,
    /// Registered name.
    pub name: String,
    /// Keys with windows.
    pub keys: Vec<OrganisationKey>,
    /// Nodes.
    pub nodes: Vec<NodeEntry>,
    /// `vct`s it may issue.
    pub issues: Vec<String>,
    /// What it may ask.
    pub services: Vec<Arc<Registration>>,
}
/// A key of an organisation.
#[derive(Clone, Debug, PartialEq)]
pub struct OrganisationKey {
    /// `did:web:…#key-1`
    pub id: String,
    /// Key.
    pub key: VerifyingKey,
    /// Valid from.
    pub valid_from: Timestamp,
    /// Valid until.
    pub valid_until: Timestamp,
    /// From this instant on nothing it signed counts, back-dated or not.
    pub compromised: Option<Timestamp>,
}
/// Where an organisation's node is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeEntry {
    /// libp2p PeerId as text.
    pub peer: String,
    /// Multiaddresses as text.
    pub addresses: Vec<String>,
}

/// An unsigned list, as the anchor builds it.
#[derive(Clone, Debug, PartialEq)]
pub struct Draft {
    /// Rises by one with each version.
    pub sequence: u64,
    /// Name of the scheme operator.
    pub operator: String,
    /// Issued at.
    pub issued: Timestamp,
    /// Next update due; after it nothing is decided by this version.
    pub next_update: Timestamp,
    /// Organisations.
    pub organisations: Vec<Organisation>,
}
impl Draft {
    /// The document of ETSI TS 119 602 (`LoTE` …) with our members where the model has extension points; no proof yet.
    pub fn to_value(&self) -> Value {
        document::write(self)
    }
    /// Reads an unsigned or signed document back (for `trust add`); a proof is not looked at. Errors: `malformed` with the place,
    /// `too_large` with the list that is too long, `unsupported` for a service of another type.
    pub fn from_value(value: &Value) -> Result<Draft, Problem> {
        let (draft, _) = document::read(value)?;
        draft.check()?;
        Ok(draft)
    }
    /// Whether it is well-formed: times in order, lists within their limits, every DID, number, PeerId, key and key id once,
    /// key ids of their organisation. Errors as [`Draft::from_value`].
    pub fn check(&self) -> Result<(), Problem> {
        rules::check(self)
    }
}

/// Where a trust document stands in the order of all: by root, then list, then head.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Version {
    /// Version of the root.
    pub root: u64,
    /// Sequence of the list.
    pub list: u64,
    /// Version of the head.
    pub head: u64,
}
impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}.{}", self.root, self.list, self.head)
    }
}

/// A list in force, with the root and the head that say so. Made by [`Known::take`] only.
#[derive(Clone, Debug)]
pub struct Trust {
    list: Arc<List>,
    /// Where each organisation stands in the draft.
    places: HashMap<Did, usize>,
    /// The same by node.
    peers: HashMap<String, usize>,
    version: Version,
    head_issued: Timestamp,
    head_expires: Timestamp,
    root_expires: Timestamp,
}
impl Trust {
    fn of(root: &SignedRoot, list: &Arc<List>, head: &Head) -> Trust {
        let all = || list.draft().organisations.iter().enumerate();
        Trust {
            places: all().map(|(place, listed)| (listed.did.clone(), place)).collect(),
            peers: all()
                .flat_map(|(place, listed)| listed.nodes.iter().map(move |node| (node.peer.clone(), place)))
                .collect(),
            version: head.number(),
            head_issued: head.issued,
            head_expires: head.expires,
            root_expires: root.root().expires,
            list: Arc::clone(list),
        }
    }
    /// The content.
    pub fn document(&self) -> &Draft {
        self.list.draft()
    }
    /// The signed text.
    pub fn text(&self) -> &str {
        self.list.text()
    }
    /// SHA-256 of the signed text: what a head names.
    pub fn text_hash(&self) -> [u8; 32] {
        self.list.text_hash()
    }
    /// SHA-256 of the list's canonical document without proofs.
    pub fn hash(&self) -> [u8; 32] {
        self.list.hash()
    }
    /// Root, list and head.
    pub fn version(&self) -> Version {
        self.version
    }
    /// When the head was signed: the age of what everybody goes by counts from here.
    pub fn head_issued(&self) -> Timestamp {
        self.head_issued
    }
    /// After this instant nothing is decided, until a newer head is taken.
    pub fn head_expires(&self) -> Timestamp {
        self.head_expires
    }
    /// After this instant nothing but a newer root is taken.
    pub fn root_expires(&self) -> Timestamp {
        self.root_expires
    }
    /// Sequence of the list.
    pub fn sequence(&self) -> u64 {
        self.document().sequence
    }
    /// By DID.
    pub fn organisation(&self, did: &Did) -> Option<&Organisation> {
        self.document().organisations.get(*self.places.get(did)?)
    }
    /// Those who keep mailboxes for others.
    pub fn mailboxes(&self) -> impl Iterator<Item = &Organisation> {
        let all = self.document().organisations.iter();
        all.filter(|one| !one.nodes.is_empty() && one.service(crate::service::MAILBOX).is_some())
    }

    /// By node.
    pub fn organisation_of_peer(&self, peer: &str) -> Option<&Organisation> {
        self.document().organisations.get(*self.peers.get(peer)?)
    }
    /// `trust_stale` when `now` is past the end of head, list or root; `clock_suspect` when it is before either head or list was
    /// signed, by more than 300 s: we hold what was signed, so our clock or the signer's is wrong, and nothing is decided by either.
    pub fn current(&self, now: Timestamp) -> Result<(), Problem> {
        let list = self.document();
        if list.issued.max(self.head_issued) > now.plus(CLOCK_SKEW) {
            return Err(Code::ClockSuspect.into());
        }
        if now > list.next_update.min(self.head_expires).min(self.root_expires) {
            return Err(Code::TrustStale.into());
        }
        Ok(())
    }
}

impl Organisation {
    /// The key `kid` if it was valid at `signed` (`unknown_key`, `key_outside_window`, `key_compromised`: a compromised key counts for nothing, whatever date it bears).
    pub fn key_at(&self, kid: &str, signed: Timestamp) -> Result<&VerifyingKey, Problem> {
        self.key(kid)?.in_window(signed, |key| key.valid_from)
    }
    /// As [`Organisation::key_at`], for a time that was rounded down to its day: a key counts from the start of the day on which
    /// it became valid.
    pub fn key_on_day(&self, kid: &str, signed: Timestamp) -> Result<&VerifyingKey, Problem> {
        self.key(kid)?.in_window(signed, |key| key.valid_from.day())
    }
    /// The key `kid`, in its window or not (`unknown_key`).
    pub fn key(&self, kid: &str) -> Result<&OrganisationKey, Problem> {
        self.keys
            .iter()
            .find(|key| key.id == kid)
            .ok_or_else(|| Code::UnknownKey.into())
    }
    /// A registration by service id.
    pub fn service(&self, id: &str) -> Option<&Registration> {
        self.services.iter().find(|s| s.id == id).map(Arc::as_ref)
    }
}

impl OrganisationKey {
    fn in_window(
        &self,
        signed: Timestamp,
        from: impl Fn(&OrganisationKey) -> Timestamp,
    ) -> Result<&VerifyingKey, Problem> {
        if self.compromised.is_some() {
            return Err(Code::KeyCompromised.into());
        }
        if signed < from(self) || signed > self.valid_until {
            return Err(Code::KeyOutsideWindow.into());
        }
        Ok(&self.key)
    }
}

#[cfg(test)]
pub(crate) mod cast;
#[cfg(test)]
mod tests;
