//! Node certificates: an organisation's word that a PeerId is its node. Short-lived, and voided by a higher serial.

use super::{CERTIFICATE_DAYS_MAX, CLOCK_SKEW, NODES_MAX, Organisation, Trust, VERSION_MAX};
use crate::{Code, Did, Problem, Timestamp, VerifyingKey, jws, jws::Jws, key::Signer, time::DAY};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use std::collections::{BTreeSet, HashMap};

/// Label of a certificate.
pub const CERTIFICATE_TYP: &str = "bevis-node-certificate+jwt";
/// Longest certificate, in bytes.
pub const CERTIFICATE_MAX: usize = 4 * 1024;

/// What a node does for its organisation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NodeRole {
    /// Issues.
    Issuer,
    /// Asks.
    Verifier,
    /// Signs heads.
    Anchor,
    /// Keeps mailboxes.
    Mailbox,
}

/// What a certificate says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// The organisation.
    pub issuer: Did,
    /// PeerId of its node, as text.
    pub peer: String,
    /// Which of its nodes: a slot below [`NODES_MAX`]. Serials are counted for each slot by itself.
    pub node: u8,
    /// What the node does.
    pub roles: BTreeSet<NodeRole>,
    /// From 1; a higher one voids the lower ones of its slot.
    pub serial: u64,
    /// Signed at.
    pub issued: Timestamp,
    /// Valid until; at most [`CERTIFICATE_DAYS_MAX`] days later.
    pub expires: Timestamp,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Payload {
    iss: Did,
    peer: String,
    node: u8,
    roles: Vec<NodeRole>,
    serial: u64,
    iat: Timestamp,
    exp: Timestamp,
}

impl Certificate {
    /// Signs with the organisation's key `kid`. Errors: `certificate_invalid` with the member that is out of bounds.
    pub fn sign(&self, kid: &str, signer: &dyn Signer) -> Result<String, Problem> {
        self.check()?;
        if Did::parse_url(kid).is_none_or(|(did, _)| did != self.issuer) {
            return Err(invalid("kid"));
        }
        let payload = json!(Payload {
            iss: self.issuer.clone(),
            peer: self.peer.clone(),
            node: self.node,
            roles: self.roles.iter().copied().collect(),
            serial: self.serial,
            iat: self.issued,
            exp: self.expires,
        });
        let text = jws::sign(CERTIFICATE_TYP, Some(kid), Map::new(), &payload, signer)?;
        if text.len() > CERTIFICATE_MAX {
            return Err(Code::TooLarge.into());
        }
        Ok(text)
    }

    /// Checks a certificate against the list: the organisation is listed and the PeerId stands under its DID (`not_listed`), the key
    /// is the organisation's and in its window both when it signed and now (`unknown_key`, `key_outside_window`,
    /// `key_compromised`), the signature and every member hold (`certificate_invalid` with the member), and it is in its time
    /// (`expired`, `clock_suspect`). Whether the list itself is current is not asked here, nor whether a higher serial is known:
    /// [`Certificates::admit`] does that.
    pub fn open(text: &str, trust: &Trust, now: Timestamp) -> Result<Certificate, Problem> {
        Proven::open(text, trust, now).map(|proven| proven.certificate)
    }

    fn read(text: &str) -> Result<(Certificate, Jws), Problem> {
        let signed = Jws::parse(text, CERTIFICATE_TYP, CERTIFICATE_MAX).map_err(|problem| match problem.code {
            Code::TooLarge => problem,
            _ => invalid("form"),
        })?;
        let payload = Payload::deserialize(Value::Object(signed.payload.clone())).map_err(|_| invalid("member"))?;
        let roles: BTreeSet<_> = payload.roles.iter().copied().collect();
        if roles.len() != payload.roles.len() {
            return Err(invalid("roles"));
        }
        let certificate = Certificate {
            issuer: payload.iss,
            peer: payload.peer,
            node: payload.node,
            roles,
            serial: payload.serial,
            issued: payload.iat,
            expires: payload.exp,
        };
        certificate.check()?;
        Ok((certificate, signed))
    }

    /// The organisation that the list names, with this node.
    fn organisation<'t>(&self, trust: &'t Trust) -> Result<&'t Organisation, Problem> {
        let organisation = trust.organisation(&self.issuer).ok_or(Code::NotListed)?;
        match organisation.nodes.iter().any(|node| node.peer == self.peer) {
            true => Ok(organisation),
            false => Err(Problem::new(Code::NotListed, "peer")),
        }
    }

    fn check(&self) -> Result<(), Problem> {
        let lasts = self.expires.since(self.issued);
        for (name, holds) in [
            ("iss", matches!(self.issuer, Did::Web(_))),
            ("peer", super::rules::is_peer(&self.peer)),
            ("node", usize::from(self.node) < NODES_MAX),
            ("roles", !self.roles.is_empty()),
            ("serial", (1..=VERSION_MAX).contains(&self.serial)),
            ("exp", lasts > 0 && lasts <= CERTIFICATE_DAYS_MAX * DAY),
        ] {
            if !holds {
                return Err(invalid(name));
            }
        }
        Ok(())
    }
}

/// A certificate whose signature was found good. Whether it still counts, later or by another list, is asked often and needs no
/// signature again.
#[derive(Clone, Debug)]
pub struct Proven {
    certificate: Certificate,
    kid: String,
    key: VerifyingKey,
}

impl Proven {
    /// As [`Certificate::open`].
    pub fn open(text: &str, trust: &Trust, now: Timestamp) -> Result<Proven, Problem> {
        let (certificate, signed) = Certificate::read(text)?;
        let organisation = certificate.organisation(trust)?;
        let kid = signed.kid().ok_or_else(|| invalid("kid"))?;
        let key = organisation.key_at(kid, certificate.issued)?;
        if !signed.verify(key) {
            return Err(invalid("signature"));
        }
        let proven = Proven {
            kid: kid.to_owned(),
            key: *key,
            certificate,
        };
        proven.check(trust, now)?;
        Ok(proven)
    }

    /// What it says.
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// Whether it counts by this list and at this time, with the errors of [`Certificate::open`].
    pub fn check(&self, trust: &Trust, now: Timestamp) -> Result<(), Problem> {
        let Certificate { issued, expires, .. } = self.certificate;
        let organisation = self.certificate.organisation(trust)?;
        // A list may have another key under the same name.
        if *organisation.key_at(&self.kid, issued)? != self.key {
            return Err(invalid("signature"));
        }
        if issued > now.plus(CLOCK_SKEW) {
            return Err(Code::ClockSuspect.into());
        }
        if now > expires {
            return Err(Code::Expired.into());
        }
        // A key that has ended could still date a certificate back into its window.
        organisation.key_at(&self.kid, now.max(issued))?;
        Ok(())
    }
}

/// The certificates that a node has seen: the highest serial of each slot of each organisation.
#[derive(Clone, Debug, Default)]
pub struct Certificates {
    seen: HashMap<(Did, u8), Seen>,
}

/// The newest certificate of one slot, for a store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seen {
    /// Its serial.
    pub serial: u64,
    /// SHA-256 of its text.
    pub hash: [u8; 32],
    /// Key that signed it.
    pub kid: String,
}

impl Certificates {
    /// Notes an opened certificate. True when it is newer than what was known of its slot, and is to be remembered durably.
    ///
    /// Errors: `certificate_superseded` for a lower serial, `certificate_invalid` (`serial`) for another text of the same serial.
    pub fn admit(&mut self, certificate: &Certificate, text: &str) -> Result<bool, Problem> {
        let slot = (certificate.issuer.clone(), certificate.node);
        let signed = Jws::parse(text, CERTIFICATE_TYP, CERTIFICATE_MAX)?;
        let new = Seen {
            serial: certificate.serial,
            hash: Sha256::digest(text.as_bytes()).into(),
            kid: signed.kid().ok_or_else(|| invalid("kid"))?.to_owned(),
        };
        match self.seen.get(&slot) {
            Some(seen) if seen.serial > new.serial => Err(Code::CertificateSuperseded.into()),
            Some(seen) if seen.serial == new.serial && seen.hash != new.hash => Err(invalid("serial")),
            Some(seen) if seen.serial == new.serial => Ok(false),
            _ => {
                self.seen.insert(slot, new);
                Ok(true)
            }
        }
    }

    /// Puts back what was remembered; a lower serial than the one known changes nothing.
    pub fn remember(&mut self, issuer: Did, node: u8, seen: Seen) {
        match self.seen.get(&(issuer.clone(), node)) {
            Some(known) if known.serial >= seen.serial => {}
            _ => {
                self.seen.insert((issuer, node), seen);
            }
        }
    }

    /// What is known of a slot.
    pub fn newest(&self, issuer: &Did, node: u8) -> Option<&Seen> {
        self.seen.get(&(issuer.clone(), node))
    }

    /// Whether a certificate that was admitted is still the newest of its slot, as far as is known.
    pub fn is_newest(&self, certificate: &Certificate) -> bool {
        let newest = self.newest(&certificate.issuer, certificate.node);
        newest.is_none_or(|newest| newest.serial <= certificate.serial)
    }

    /// Forgets serials of organisations that the list no longer names, and those that a key signed which it no longer names or calls
    /// compromised: with it somebody may have signed the highest serial there is, which the true owner never reaches. To be called
    /// with every new list; gives the slots that were forgotten.
    pub fn review(&mut self, trust: &Trust) -> Vec<(Did, u8)> {
        let stands = |did: &Did, seen: &Seen| {
            let key = trust.organisation(did).and_then(|listed| listed.key(&seen.kid).ok());
            key.is_some_and(|key| key.compromised.is_none())
        };
        let gone: Vec<(Did, u8)> = self
            .seen
            .iter()
            .filter(|((did, _), seen)| !stands(did, seen))
            .map(|(slot, _)| slot.clone())
            .collect();
        for slot in &gone {
            self.seen.remove(slot);
        }
        gone
    }
}

fn invalid(name: &'static str) -> Problem {
    Problem::new(Code::CertificateInvalid, name)
}
