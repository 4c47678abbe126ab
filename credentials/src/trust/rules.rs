//! What a trust document must keep beyond its form.

use super::{
    ADDRESSES_MAX, KEYS_MAX, LIST_DAYS_MAX, NODES_MAX, ORGANISATIONS_MAX, SERVICES_MAX, TYPES_MAX, VERSION_MAX,
};
use super::{Draft, NodeEntry, Organisation};
use crate::identifier::OrganisationNumber;
use crate::{Code, Did, Problem, time::DAY};
use std::collections::HashSet;
use std::sync::Arc;

/// Longest name of an organisation or operator, in characters.
const NAME_MAX: usize = 200;
/// Longest `vct` and multiaddress, in bytes.
const TEXT_MAX: usize = 256;
/// Bounds of a PeerId's base58 text: an Ed25519 one has 52 characters.
const PEER: std::ops::RangeInclusive<usize> = 30..=80;

pub(super) fn check(draft: &Draft) -> Result<(), Problem> {
    rule("SchemeOperatorName", is_name(&draft.operator))?;
    rule("LoTESequenceNumber", (1..=VERSION_MAX).contains(&draft.sequence))?;
    let lasts = draft.next_update.since(draft.issued);
    rule("NextUpdate", lasts > 0 && lasts <= LIST_DAYS_MAX * DAY)?;
    limit("TrustedEntitiesList", draft.organisations.len(), ORGANISATIONS_MAX)?;
    let mut dids = HashSet::new();
    let mut numbers = HashSet::new();
    let mut peers = HashSet::new();
    let mut keys = HashSet::new();
    let mut registrations = HashSet::new();
    for organisation in &draft.organisations {
        check_organisation(organisation)?;
        for registration in &organisation.services {
            // Organisations share what they have in common.
            if registrations.insert(Arc::as_ptr(registration)) {
                registration.check()?;
            }
        }
        rule("did twice", dids.insert(&organisation.did))?;
        rule("organisasjonsnummer twice", numbers.insert(&organisation.number))?;
        for node in &organisation.nodes {
            rule("peer twice", peers.insert(&node.peer))?;
        }
        for key in &organisation.keys {
            rule("key twice", keys.insert(key.key))?;
        }
    }
    Ok(())
}

fn check_organisation(organisation: &Organisation) -> Result<(), Problem> {
    rule("did", matches!(organisation.did, Did::Web(_)))?;
    rule("TETradeName", OrganisationNumber::parse(&organisation.number).is_some())?;
    rule("TEName", is_name(&organisation.name))?;
    limit("PublicKeyValues", organisation.keys.len(), KEYS_MAX)?;
    limit("nodes", organisation.nodes.len(), NODES_MAX)?;
    limit("Issuance", organisation.issues.len(), TYPES_MAX)?;
    limit("Presentation", organisation.services.len(), SERVICES_MAX)?;
    let mut ids = HashSet::new();
    for key in &organisation.keys {
        let is_own = Did::parse_url(&key.id).is_some_and(|(did, _)| did == organisation.did);
        rule("kid", is_own)?;
        rule("kid twice", ids.insert(&key.id))?;
        rule("exp", key.valid_until > key.valid_from)?;
    }
    organisation.nodes.iter().try_for_each(check_node)?;
    let mut types = HashSet::new();
    for vct in &organisation.issues {
        rule("vct", is_text(vct))?;
        rule("vct twice", types.insert(vct))?;
    }
    let mut services = HashSet::new();
    for service in &organisation.services {
        rule("registration twice", services.insert(&service.id))?;
    }
    Ok(())
}

fn check_node(node: &NodeEntry) -> Result<(), Problem> {
    rule("peer", is_peer(&node.peer))?;
    limit("addresses", node.addresses.len(), ADDRESSES_MAX)?;
    // The form of a multiaddress, so that the list can be read without libp2p; the node that dials it reads the rest.
    let is_address = |address: &String| {
        is_text(address)
            && ["/ip4/", "/ip6/", "/dns/", "/dns4/", "/dns6/"]
                .iter()
                .any(|start| address.starts_with(start))
    };
    rule("addresses", node.addresses.iter().all(is_address))
}

/// Whether it has the form of a PeerId's text.
pub(super) fn is_peer(text: &str) -> bool {
    let is_base58 = |byte: u8| byte.is_ascii_alphanumeric() && !b"0OIl".contains(&byte);
    PEER.contains(&text.len()) && text.bytes().all(is_base58)
}

fn is_name(text: &str) -> bool {
    (1..=NAME_MAX).contains(&text.chars().count()) && !text.chars().any(char::is_control)
}

fn is_text(text: &str) -> bool {
    (1..=TEXT_MAX).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

fn rule(name: &'static str, holds: bool) -> Result<(), Problem> {
    if holds {
        Ok(())
    } else {
        Err(Problem::new(Code::Malformed, name))
    }
}

fn limit(name: &'static str, count: usize, most: usize) -> Result<(), Problem> {
    if count <= most {
        Ok(())
    } else {
        Err(Problem::new(Code::TooLarge, name))
    }
}
