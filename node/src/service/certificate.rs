//! The certificate that ties this node's PeerId to its organisation: made and renewed by the node itself, while it runs.

use super::{Service, keys};
use crate::clock;
use crate::error::Failure;
use crate::output::At;
use credentials::time::DAY;
use credentials::trust::{CERTIFICATE_DAYS_MAX, Certificate, NodeRole, Trust, VERSION_MAX};
use credentials::{Code, Did, Problem, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::PoisonError;
use store::Store;

/// Row with the certificate.
const ROW: &str = "certificate";
/// Days left at which the next is made: half its life, so that six weeks of failing are survived.
const RENEW_DAYS: i64 = 45;
/// Days left at which `doctor` begins to warn: renewing has failed for two weeks.
const WARN_DAYS: i64 = 30;
/// Days left at which `doctor` begins to fail.
const FAIL_DAYS: i64 = 7;

/// Our certificate, and by what it was made.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Own {
    text: String,
    kid: String,
    node: u8,
    roles: BTreeSet<NodeRole>,
    serial: u64,
    issued: Timestamp,
    expires: Timestamp,
}

/// That of last time.
pub(super) fn load(store: &Store) -> Result<Option<Own>, Failure> {
    let bytes = store.table(keys::TABLE).get(ROW)?;
    let own = bytes.map(|bytes| serde_json::from_slice(&bytes)).transpose();
    own.map_err(|e| Failure::because(Code::Damaged, e))
}

impl Service {
    /// The certificate to show in `hello`; `None` for a wallet, and before a list has named this node.
    pub(super) fn certificate(&self) -> Option<String> {
        self.own_certificate().map(|own| own.text)
    }

    fn own_certificate(&self) -> Option<Own> {
        self.certificate.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Chooses the key that signs now, and makes a certificate where there is none, where 45 days or less are left, and where key,
    /// roles or place in the list are others than those it was made with. Whether it was made. The old one goes on to hold until
    /// others have seen the new one, so that nothing stands still.
    pub(super) fn renew_certificate_if_due(&self, now: Timestamp) -> Result<bool, Failure> {
        self.choose_signer(now)?;
        let Some(trust) = self.trust() else { return Ok(false) };
        let Some(next) = self.next_certificate(&trust, now) else {
            return Ok(false);
        };
        let is_due = self.own_certificate().is_none_or(|own| {
            let is_same =
                (&own.kid, own.node, &own.roles) == (&next.kid, next.certificate.node, &next.certificate.roles);
            let is_short = own.expires.since(now) <= RENEW_DAYS.saturating_mul(DAY);
            // A clock that was set back must not keep one that is not valid yet.
            let is_early = own.issued > now;
            !is_same || is_early || is_short && next.certificate.expires.since(own.expires) >= DAY
        });
        if is_due {
            self.make(next).map(|()| true)
        } else {
            Ok(false)
        }
    }

    /// Makes a new one whether it is due or not. Errors: `trust_missing`, `not_listed`.
    pub(super) fn renew_certificate(&self, now: Timestamp) -> Result<Value, Failure> {
        self.choose_signer(now)?;
        let trust = self.trust().ok_or(Code::TrustMissing)?;
        let next = self.next_certificate(&trust, now).ok_or(Code::NotListed)?;
        self.make(next)?;
        self.show_certificate(now)
    }

    /// The certificate for `node certificate`. Errors: `not_found`.
    pub(super) fn show_certificate(&self, now: Timestamp) -> Result<Value, Failure> {
        let own = self.own_certificate().ok_or(Code::NotFound)?;
        let organisation = self.keys.organisation().ok_or(Code::WrongRole)?;
        Ok(json!({
            "schema": "certificate/v1", "did": organisation.did, "peer": organisation.peer.to_string(), "node": own.node,
            "roles": own.roles, "serial": own.serial, "kid": own.kid, "issued": own.issued.to_string(),
            "expires": own.expires.to_string(), "days": own.expires.since(now) / DAY, "text": own.text,
        }))
    }

    fn next_certificate(&self, trust: &Trust, now: Timestamp) -> Option<Next> {
        let organisation = self.keys.organisation()?;
        let listed = trust.organisation(&organisation.did)?;
        let peer = organisation.peer.to_string();
        let node = listed.nodes.iter().position(|node| node.peer == peer)?;
        let key = organisation.signing();
        let kid = organisation.kid(&key);
        // What a key signs that is not listed, or not now, would be refused by everybody.
        listed.key_at(&kid, now).ok()?;
        let until = listed.key(&kid).ok()?.valid_until;
        let config = self.config();
        let mut roles = BTreeSet::new();
        for (role, is_held) in [
            (NodeRole::Issuer, config.issuer.is_some()),
            (NodeRole::Verifier, config.verifier.is_some()),
            (NodeRole::Mailbox, config.mailbox.is_some()),
            (NodeRole::Anchor, self.keys.anchor().is_some()),
        ] {
            if is_held {
                roles.insert(role);
            }
        }
        // By the clock, so that a home from a backup does not count again from where it was.
        let clock = u64::try_from(now.unix()).unwrap_or(0);
        let before = self.own_certificate().map_or(0, |own| own.serial);
        Some(Next {
            certificate: Certificate {
                issuer: organisation.did.clone(),
                peer,
                node: u8::try_from(node).ok()?,
                roles,
                serial: before.saturating_add(1).max(clock).min(VERSION_MAX),
                issued: now,
                expires: now.plus(CERTIFICATE_DAYS_MAX.saturating_mul(DAY)).min(until),
            },
            kid,
            signer: key,
        })
    }

    fn make(&self, next: Next) -> Result<(), Failure> {
        let Next {
            certificate,
            kid,
            signer,
        } = next;
        let text = certificate.sign(&kid, &*signer.signer)?;
        let own = Own {
            text,
            kid,
            node: certificate.node,
            roles: certificate.roles,
            serial: certificate.serial,
            issued: certificate.issued,
            expires: certificate.expires,
        };
        let bytes = serde_json::to_vec(&own).map_err(|e| Failure::because(Code::Internal, e))?;
        let mut transaction = self.store.transaction();
        transaction.put(&self.store.table(keys::TABLE), ROW, &bytes);
        transaction.commit()?;
        tracing::debug!(serial = own.serial, expires = %own.expires, "made a node certificate");
        *self.certificate.write().unwrap_or_else(PoisonError::into_inner) = Some(own);
        Ok(())
    }

    /// The organisation's signing keys, and which one signs.
    pub(super) fn show_keys(&self) -> Result<Value, Failure> {
        let organisation = self
            .keys
            .organisation()
            .ok_or_else(|| Problem::new(Code::WrongRole, "organisation"))?;
        let signing = organisation.signing();
        let trust = self.trust();
        let listed = trust.as_ref().and_then(|trust| trust.organisation(&organisation.did));
        let keys: Vec<Value> = organisation
            .keys()
            .iter()
            .map(|key| {
                let kid = organisation.kid(key);
                // The list's window is the one that counts.
                let entry = listed.and_then(|listed| listed.key(&kid).ok());
                json!({
                    "kid": kid, "key": Did::Key(key.signer.verifying_key()), "signs": key.name == signing.name,
                    "listed": entry.is_some_and(|entry| entry.key == key.signer.verifying_key()),
                    "from": entry.map_or(key.valid_from, |entry| entry.valid_from).to_string(),
                    "until": entry.map_or(key.valid_until, |entry| entry.valid_until).to_string(),
                    "compromised": entry.and_then(|entry| entry.compromised).map(|at| at.to_string()),
                })
            })
            .collect();
        Ok(json!({ "schema": "keys/v1", "keys": keys, "proposed": self.shown_proposed_key()? }))
    }

    /// Makes the next signing key. It signs once a list names it and its window is open.
    pub(super) fn rotate_key(&self, from: Option<Timestamp>) -> Result<Value, Failure> {
        let organisation = self
            .keys
            .organisation()
            .ok_or_else(|| Problem::new(Code::WrongRole, "organisation"))?;
        let trust = self.trust();
        let key = organisation.rotate(&self.store, from.unwrap_or_else(clock::now), trust.as_deref())?;
        let mut shown = self.show_keys()?;
        shown.put("schema", json!("key-made/v1"));
        shown.put("made", json!(organisation.kid(&key)));
        Ok(shown)
    }

    /// State and detail for `doctor`; `None` where nobody needs one.
    pub(super) fn certificate_found(&self, now: Timestamp) -> Option<(&'static str, String)> {
        self.keys.organisation()?;
        Some(match self.own_certificate() {
            None => ("warn", Code::NotListed.to_string()),
            Some(own) => ending(own.expires, now),
        })
    }

    /// The same of root and list, whichever ends first.
    pub(super) fn vouching_found(&self, now: Timestamp) -> Option<(&'static str, String)> {
        let trust = self.trust()?;
        Some(ending(trust.root_expires().min(trust.document().next_update), now))
    }

    /// Until when the key that signs counts, or what the list in force has against it; `None` for a wallet.
    pub(super) fn key_found(&self, now: Timestamp) -> Option<Result<Timestamp, String>> {
        let organisation = self.keys.organisation()?;
        let key = organisation.signing();
        let kid = organisation.kid(&key);
        // The list decides: it may have ended the key earlier than the home that made it knows.
        let trust = self.trust();
        let listed = trust.as_ref().and_then(|trust| trust.organisation(&organisation.did));
        if let Some(listed) = listed
            && let Err(problem) = listed.key_at(&kid, now)
        {
            return Some(Err(format!("{kid}: {problem}")));
        }
        self.key_ends().map(Ok)
    }

    /// Until when the key that signs counts, by the list and by the home that made it; `None` for a wallet.
    pub(super) fn key_ends(&self) -> Option<Timestamp> {
        let organisation = self.keys.organisation()?;
        let key = organisation.signing();
        let trust = self.trust();
        let listed = trust.as_ref().and_then(|trust| trust.organisation(&organisation.did));
        let listed = listed.and_then(|listed| listed.key(&organisation.kid(&key)).ok());
        Some(listed.map_or(key.valid_until, |listed| listed.valid_until.min(key.valid_until)))
    }

    /// Until when our node certificate counts; `None` where there is none.
    pub(super) fn certificate_ends(&self) -> Option<Timestamp> {
        self.own_certificate().map(|own| own.expires)
    }
}

/// What is to be signed next.
struct Next {
    certificate: Certificate,
    kid: String,
    signer: std::sync::Arc<keys::OwnKey>,
}

/// Days left, and how bad that is.
fn ending(until: Timestamp, now: Timestamp) -> (&'static str, String) {
    let left = until.since(now);
    let state = if left <= FAIL_DAYS.saturating_mul(DAY) {
        "fail"
    } else if left <= WARN_DAYS.saturating_mul(DAY) {
        "warn"
    } else {
        "ok"
    };
    (state, (left / DAY).to_string())
}
