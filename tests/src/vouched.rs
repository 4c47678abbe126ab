//! Node certificates of organisations that a test plays itself.

use credentials::time::DAY;
use credentials::trust::{Certificate, NodeRole};
use credentials::{Did, SigningKey, Timestamp};

/// The certificate of an organisation's first node, by the key `kid`, from `now` on.
pub(crate) fn certificate(did: &Did, peer: &str, kid: &str, key: &SigningKey, now: Timestamp) -> String {
    let certificate = Certificate {
        issuer: did.clone(),
        peer: peer.to_owned(),
        node: 0,
        roles: [NodeRole::Issuer, NodeRole::Verifier].into(),
        serial: 1,
        issued: now,
        expires: now.plus(20 * DAY),
    };
    certificate.sign(kid, key).expect("signs")
}
