//! Who takes part in the worked exchange, with fixed keys: three anchors, three organisations, a wallet.

use credentials::Did;
use credentials::Timestamp;
use credentials::key::SigningKey;
use credentials::service::Registration;
use credentials::trust::{Ceremony, NodeEntry, Organisation, OrganisationKey};
use node::network::{Secret32, peer_name};
use std::sync::Arc;

/// The person. The month of birth is in the synthetic series.
pub(super) const PERSON: &str = "14858834016";
/// The activation code of the offer.
pub(super) const CODE: &str = "0410-6105-0R3G-G28A";
pub(super) const PID: &str = "urn:eudi:pid:1";
pub(super) const INCOME: &str = "urn:bevis:MonthlyIncome:1";

/// An organisation: name, number, domain, first byte of its keys.
#[derive(Clone, Copy)]
pub(super) struct Party {
    pub(super) name: &'static str,
    number: &'static str,
    domain: &'static str,
    /// All bytes of its signing key's secret.
    pub(super) secret: u8,
    /// All bytes of its node's secret.
    pub(super) node: u8,
    port: u16,
    issues: &'static [&'static str],
    services: &'static [&'static str],
}

pub(super) const IDENTITY: Party = Party {
    name: "Digitaliseringsdirektoratet",
    number: "991825827",
    domain: "digdir.example",
    secret: 0x11,
    node: 0x41,
    port: 4101,
    issues: &[PID],
    services: &[],
};
pub(super) const TAX: Party = Party {
    name: "Skatteetaten",
    number: "974761076",
    domain: "skatteetaten.example",
    secret: 0x22,
    node: 0x42,
    port: 4102,
    issues: &[INCOME],
    services: &["K02"],
};
pub(super) const BANK: Party = Party {
    name: "SYNTETISK SPAREBANK",
    number: "213579045",
    domain: "sparebank.example",
    secret: 0x33,
    node: 0x43,
    port: 4103,
    issues: &[],
    services: &["S01"],
};
pub(super) const PARTIES: [Party; 3] = [IDENTITY, TAX, BANK];

/// The anchors with root 1. All bytes of a secret are the same: 1 for the first key, 2 for the second, in the order of
/// anchors and of roles.
pub(super) fn anchors() -> Ceremony {
    let mut next = 0;
    let mut random = move |bytes: &mut [u8]| {
        next += 1;
        bytes.fill(next);
    };
    Ceremony::of_three(&mut random, now().day()).expect("founds")
}

/// All bytes of the secrets that are no organisation's.
pub(super) const HOLDER_PID: u8 = 0x61;
pub(super) const HOLDER_INCOME: u8 = 0x62;
/// One-time keys of the requests, of X25519.
pub(super) const ONE_TIME_TAX: u8 = 0x71;
pub(super) const ONE_TIME_BANK: u8 = 0x72;
/// Ephemeral keys and nonces of the answers.
pub(super) const EPHEMERAL_TAX: (u8, u8) = (0x81, 0x91);
pub(super) const EPHEMERAL_BANK: (u8, u8) = (0x82, 0x92);
/// Transactions.
pub(super) const FIRST: [u8; 16] = [0xc1; 16];
pub(super) const SECOND: [u8; 16] = [0xc2; 16];
/// Id of the offer.
pub(super) const OFFER: [u8; 16] = [0xd1; 16];

impl Party {
    pub(super) fn did(self) -> Did {
        Did::parse(&format!("did:web:{}", self.domain)).expect("a DID")
    }
    pub(super) fn kid(self) -> String {
        format!("{}#key-1", self.did())
    }
    pub(super) fn key(self) -> SigningKey {
        key(self.secret)
    }
    pub(super) fn peer(self) -> String {
        peer_name(&Secret32::new([self.node; 32])).to_string()
    }
    pub(super) fn list_uri(self) -> String {
        format!("https://{}/status/0", self.domain)
    }
    pub(super) fn listed(self, now: Timestamp) -> Organisation {
        let services = Registration::builtin()
            .into_iter()
            .filter(|service| self.services.contains(&service.id.as_str()));
        Organisation {
            did: self.did(),
            number: self.number.to_owned(),
            name: self.name.to_owned(),
            keys: vec![OrganisationKey {
                id: self.kid(),
                key: self.key().verifying_key(),
                valid_from: now.plus(-86_400 * 30),
                valid_until: now.plus(86_400 * 335),
                compromised: None,
            }],
            nodes: vec![NodeEntry {
                peer: self.peer(),
                addresses: vec![
                    format!("/ip4/127.0.0.1/udp/{}/quic-v1", self.port),
                    format!("/ip4/127.0.0.1/tcp/{}", self.port),
                ],
            }],
            issues: self.issues.iter().map(|vct| (*vct).to_owned()).collect(),
            services: services.map(Arc::new).collect(),
        }
    }
}

pub(super) fn key(byte: u8) -> SigningKey {
    SigningKey::from_bytes(&[byte; 32])
}

/// 10 July 2026, 12:00:00 UTC.
pub(super) fn now() -> Timestamp {
    Timestamp::parse("2026-07-10T12:00:00Z").expect("an instant")
}
