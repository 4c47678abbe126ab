//! The trust document: who is an agency or an asker, with keys, nodes, types and service registrations.
//! Data model of ETSI TS 119 602 in JSON, with an `eddsa-jcs-2022` proof by the anchor's key.
//!
//! # The document
//!
//! `{"LoTE": {"ListAndSchemeInformation": …, "TrustedEntitiesList": […]}, "proof": {…}}`. An organisation is one trusted entity:
//!
//! | ours | where the model has it |
//! |---|---|
//! | sequence, operator, issued, next update | `ListAndSchemeInformation`: `LoTESequenceNumber`, `SchemeOperatorName`, `ListIssueDateTime`, `NextUpdate` |
//! | name, organisasjonsnummer | `TrustedEntityInformation`: `TEName`, `TETradeName` (`NTRNO-` and the number, ETSI EN 319 412-1) |
//! | DID, nodes | `TEInformationExtensions[].BevisExtension` {`did`, `nodes`[{`peer`, `addresses`}]} |
//! | keys | the service `…/SvcType/Identity`: `ServiceDigitalIdentity.PublicKeyValues`, as JWK with `kid`, and `nbf`, `exp` and `revoked` of OpenID Federation |
//! | types it may issue | one service `…/SvcType/Issuance` each, `ServiceInformationExtensions[].BevisExtension` {`vct`} |
//! | what it may ask | one service `…/SvcType/Presentation` each, `ServiceInformationExtensions[].BevisExtension` {`registration`} |
//!
//! Services but the first name their bearer by `ServiceDigitalIdentity.OtherIds` = its DID, so that a key stands in one place only.
//! Postal and electronic addresses (`TEAddress`) are left out: nobody here reads them. When reading, a further member of
//! `ListAndSchemeInformation` or `TrustedEntityInformation` is passed over; anywhere else (a service status, a history) it is refused.

mod document;
mod rules;

use crate::service::Registration;
use crate::{Code, Did, Problem, Timestamp, VerifyingKey, key::Signer};
use crate::{canonical, json, proof};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::HashMap;

/// Largest trust document.
pub const TRUST_MAX: usize = 1024 * 1024;
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
    pub services: Vec<Registration>,
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
        let draft = document::read(value)?;
        draft.check()?;
        Ok(draft)
    }
    /// Whether it is well-formed: times in order, lists within their limits, every DID, number, PeerId, key and key id once,
    /// key ids of their organisation. Errors as [`Draft::from_value`].
    pub fn check(&self) -> Result<(), Problem> {
        rules::check(self)
    }
    /// Signs with the anchor's key; verification method = `did:key` of it. Returns pretty-printed JSON.
    pub fn sign(&self, now: Timestamp, anchor: &dyn Signer) -> Result<String, Problem> {
        self.check()?;
        let signed = proof::sign(
            proof::Suite::Jcs,
            &self.to_value(),
            &method_of(anchor.verifying_key()),
            proof::Purpose::Assertion,
            now,
            None,
            anchor,
        )?;
        let text = serde_json::to_string_pretty(&signed).map_err(|_| Code::Internal)?;
        if text.len() > TRUST_MAX {
            return Err(Code::TooLarge.into());
        }
        Ok(text)
    }
}

/// A trust document whose proof by one of our anchors was checked.
#[derive(Clone, Debug)]
pub struct Trust {
    draft: Draft,
    /// Where each organisation stands in the draft.
    places: HashMap<Did, usize>,
    text: String,
    hash: [u8; 32],
}
impl Trust {
    /// Bounded parse, proof by an anchor (`signature_invalid`, `unknown_key`), well-formedness (unique DIDs, numbers, PeerIds, keys; addresses and registrations in bounds).
    pub fn verify(text: &str, anchors: &[VerifyingKey]) -> Result<Trust, Problem> {
        let document = json::parse(text.as_bytes(), TRUST_MAX)?;
        if canonical::loses_digits(&document) {
            return Err(Problem::new(Code::Malformed, "number"));
        }
        let anchor = |method: &str| anchors.iter().copied().find(|key| method_of(*key) == method);
        check_proofs(&document, &anchor)?;
        let proofs = proof::verify(&document, proof::Purpose::Assertion, &anchor)?;
        if proofs.is_empty() {
            return Err(Code::SignatureInvalid.into());
        }
        let hash = Sha256::digest(canonical::canonicalize(&document)?).into();
        let draft = Draft::from_value(&document)?;
        let organisations = draft.organisations.iter().enumerate();
        Ok(Trust {
            places: organisations
                .map(|(place, listed)| (listed.did.clone(), place))
                .collect(),
            draft,
            text: text.to_owned(),
            hash,
        })
    }
    /// The content.
    pub fn document(&self) -> &Draft {
        &self.draft
    }
    /// The signed text.
    pub fn text(&self) -> &str {
        &self.text
    }
    /// SHA-256 of the canonical document, its proof included.
    pub fn hash(&self) -> [u8; 32] {
        self.hash
    }
    /// Version.
    pub fn sequence(&self) -> u64 {
        self.draft.sequence
    }
    /// By DID.
    pub fn organisation(&self, did: &Did) -> Option<&Organisation> {
        self.draft.organisations.get(*self.places.get(did)?)
    }
    /// By node.
    pub fn organisation_of_peer(&self, peer: &str) -> Option<&Organisation> {
        self.draft
            .organisations
            .iter()
            .find(|organisation| organisation.nodes.iter().any(|node| node.peer == peer))
    }
    /// `trust_stale` when `now` is past `next_update`; `clock_suspect` when it is before `issued` by more than 300 s: the anchor
    /// signed what we hold, so ours or the anchor's clock is wrong, and nothing is decided by either.
    pub fn current(&self, now: Timestamp) -> Result<(), Problem> {
        if self.draft.issued > now.plus(CLOCK_SKEW) {
            return Err(Code::ClockSuspect.into());
        }
        if now > self.draft.next_update {
            return Err(Code::TrustStale.into());
        }
        Ok(())
    }
}

/// Refuses, before anything is hashed, a proof that no anchor could have made.
fn check_proofs(document: &Value, anchor: &dyn Fn(&str) -> Option<VerifyingKey>) -> Result<(), Problem> {
    let proofs = match document.get("proof") {
        None => return Err(Code::SignatureInvalid.into()),
        Some(Value::Array(proofs)) => proofs.as_slice(),
        Some(proof) => std::slice::from_ref(proof),
    };
    for proof in proofs {
        let member = |name: &str| proof.get(name).and_then(Value::as_str);
        if member("cryptosuite") != Some("eddsa-jcs-2022") {
            return Err(Problem::new(Code::Unsupported, "cryptosuite"));
        }
        if member("verificationMethod").and_then(anchor).is_none() {
            return Err(Code::UnknownKey.into());
        }
    }
    Ok(())
}

/// The verification method of an anchor: the one of its `did:key`.
fn method_of(key: VerifyingKey) -> String {
    Did::Key(key).verification_method().unwrap_or_default()
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
        self.services.iter().find(|s| s.id == id)
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
