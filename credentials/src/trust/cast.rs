//! The synthetic cast of domain §0.3 for the tests of this crate: organisations with keys and nodes, and the list that names them.

use super::{Ceremony, Draft, NodeEntry, Organisation, OrganisationKey, Trust};
use crate::service::Registration;
use crate::{Did, Random, SigningKey, Timestamp};
use sha2::{Digest, Sha256};
use std::sync::{Arc, OnceLock};

/// Who issues income and tax assessments.
pub(crate) const TAX: &str = "skatteetaten.example";
/// Who issues person identification.
pub(crate) const IDENTITY: &str = "digdir.example";
/// Who issues transport guarantees.
pub(crate) const GUARANTOR: &str = "garanti.example";
/// Who asks under every registration.
pub(crate) const BANK: &str = "bank.example";

/// 10 July 2026, 12:00 UTC.
pub(crate) fn now() -> Timestamp {
    Timestamp::parse("2026-07-10T12:00:00Z").expect("an instant")
}

/// The key of the organisation of that place in [`draft`]; any other number is somebody else's.
pub(crate) fn key(number: u8) -> SigningKey {
    SigningKey::from_bytes(&[number; 32])
}

/// Bytes that depend on the seed only.
pub(crate) fn seeded(seed: &str) -> impl Random + use<> {
    let mut state = Sha256::digest(seed.as_bytes());
    move |bytes: &mut [u8]| {
        for byte in bytes {
            state = Sha256::digest(state);
            *byte = state[0];
        }
    }
}

pub(crate) fn did(domain: &str) -> Did {
    Did::parse(&format!("did:web:{domain}")).expect("a DID")
}

pub(crate) fn kid(domain: &str) -> String {
    format!("did:web:{domain}#key-1")
}

/// A PeerId of the right form.
pub(crate) fn peer(number: u8) -> String {
    bs58::encode([[0, 36, 8, 1, 18, 32].as_slice(), &[number; 32]].concat()).into_string()
}

pub(crate) fn organisation(domain: &str, number: &str, key_number: u8, issues: &[&str]) -> Organisation {
    Organisation {
        did: did(domain),
        number: number.to_owned(),
        name: domain.to_uppercase(),
        keys: vec![OrganisationKey {
            id: kid(domain),
            key: key(key_number).verifying_key(),
            valid_from: Timestamp::parse("2026-01-01T00:00:00Z").expect("an instant"),
            valid_until: Timestamp::parse("2027-01-01T00:00:00Z").expect("an instant"),
            compromised: None,
        }],
        nodes: vec![NodeEntry {
            peer: peer(key_number),
            addresses: vec![format!("/ip4/127.0.0.1/udp/{}/quic-v1", 4000 + u16::from(key_number))],
        }],
        issues: issues.iter().map(|vct| (*vct).to_owned()).collect(),
        services: Vec::new(),
    }
}

/// The list before anybody signed it. Keys are those of [`key`] in this order, from 1.
pub(crate) fn draft() -> Draft {
    let mut bank = organisation(BANK, "213579045", 4, &[]);
    bank.services = Registration::builtin().into_iter().map(Arc::new).collect();
    Draft {
        sequence: 7,
        operator: "Syntetisk tillitsanker".to_owned(),
        issued: Timestamp::parse("2026-07-01T00:00:00Z").expect("an instant"),
        next_update: Timestamp::parse("2026-08-01T00:00:00Z").expect("an instant"),
        organisations: vec![
            organisation(
                TAX,
                "974761076",
                1,
                &["urn:bevis:MonthlyIncome:1", "urn:bevis:TaxAssessmentSummary:1"],
            ),
            organisation(IDENTITY, "991825827", 2, &["urn:eudi:pid:1"]),
            organisation(GUARANTOR, "315902738", 3, &["urn:bevis:TransportLicenceGuarantee:1"]),
            bank,
        ],
    }
}

/// When the first root of [`ceremony`] was made.
pub(crate) fn begin() -> Timestamp {
    Timestamp::parse("2026-07-01T00:00:00Z").expect("an instant")
}

/// Three anchors with root 1: the same in every test.
pub(crate) fn ceremony() -> Ceremony {
    static FOUNDED: OnceLock<Ceremony> = OnceLock::new();
    let found = || Ceremony::of_three(&mut seeded("anchors"), begin()).expect("founds");
    FOUNDED.get_or_init(found).clone()
}

/// The draft as it is in force, by a head of [`now`], or of the last moment of a list that has run out.
pub(crate) fn listed(draft: &Draft) -> Arc<Trust> {
    let at = now().min(draft.next_update);
    ceremony().trust(draft, at).expect("publishes")
}
