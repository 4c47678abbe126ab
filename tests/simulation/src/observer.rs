//! Who sees everything: what each machine said, to whom, and what it therefore must still know. The observer keeps its own
//! books outside the machines, from the bytes that went over the wire and from what the persons did.

mod granting;
mod holding;
mod issuing;
mod presenting;
mod status;

pub(crate) use granting::record;

use crate::cast::{Cast, Who};
use credentials::trust::Version;
use credentials::{Did, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Something that must never be was seen.
#[derive(Clone, Debug)]
pub struct Violation {
    /// The invariant, as `docs` and the design number and name them.
    pub invariant: &'static str,
    /// What was seen.
    pub seen: String,
}

impl std::fmt::Display for Violation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.invariant, self.seen)
    }
}

/// A step went well, or showed something that must never be.
pub(crate) type Checked = Result<(), Violation>;

pub(crate) fn ensure(holds: bool, invariant: &'static str, seen: impl FnOnce() -> String) -> Checked {
    if holds {
        Ok(())
    } else {
        Err(Violation {
            invariant,
            seen: seen(),
        })
    }
}

pub(crate) fn broken<T>(invariant: &'static str, seen: impl std::fmt::Display) -> Result<T, Violation> {
    Err(Violation {
        invariant,
        seen: seen.to_string(),
    })
}

pub(crate) const CONSENT: &str = "1 every presentation has an earlier durable decision";
pub(crate) const GRANTED: &str = "1 every release has an earlier deposited grant and a decision";
pub(crate) const ORDER: &str = "2 no release comes after the recorded withdrawal";
pub(crate) const KEPT: &str = "3 what was acknowledged is never silently lost";
pub(crate) const TRUTH: &str = "4 a verdict is the truth, and says how old its status is";
pub(crate) const ONCE: &str = "5 a nonce is accepted once";
pub(crate) const TRUST: &str = "6 the trust version never falls";
pub(crate) const PANIC: &str = "8 no input makes a process panic";
pub(crate) const LOGGED: &str = "9 without an access log entry nothing is given out";
pub(crate) const OVER_ASK: &str = "10 a request beyond its registration is refused and the claim is named";
pub(crate) const CODES: &str = "11 every refusal has a code, and internal only when the disk failed";
pub(crate) const COPY: &str = "a copy is shown to one request only";
pub(crate) const INDEX: &str = "no two credentials share a status index";
pub(crate) const OWNER: &str = "credentials are delivered to their own holder's keys only";
pub(crate) const ATTEMPTS: &str = "an activation code is tried five times at most";
pub(crate) const MIRROR: &str = "mirrors and status lists never go back";
pub(crate) const TIME: &str = "an expired request is answered by nobody";
pub(crate) const GOES_ON: &str = "everything can go on";

/// Holder's key of a copy.
pub(crate) type Key = [u8; 32];

/// A request that an asker signed.
pub(crate) struct Asked {
    pub(crate) asker: Who,
    pub(crate) expires: Timestamp,
    /// The customer, where a bank asks.
    pub(crate) subject: Option<String>,
    /// The one-time key that its answer is read with.
    key: [u8; 32],
}

/// A copy of a credential, as its issuer gave it out.
pub(crate) struct Copy {
    pub(crate) issuer: Did,
    pub(crate) number: String,
    pub(crate) uri: String,
    pub(crate) index: u32,
}

/// What left as the answer to a request.
struct Answered {
    text: String,
    keys: Vec<Key>,
}

/// The books.
pub(crate) struct Observer {
    pub(crate) cast: Arc<Cast>,
    /// By hash, base64url.
    pub(crate) requests: BTreeMap<String, Asked>,
    /// Hash of a session's request, by asker and session.
    pub(crate) sessions: BTreeMap<(Who, String), String>,
    /// Hash of the request of terms, by nonce.
    nonces: BTreeMap<String, String>,
    /// Hash of a request, by its case reference.
    cases: BTreeMap<String, String>,
    /// Requests that a person said yes to: wallet and hash.
    yes: BTreeSet<(Who, String)>,
    /// What left for a request, by wallet: a link may come into two persons' hands.
    answers: BTreeMap<(Who, String), Answered>,
    /// Answers that a process was seen to be allowed to send.
    proven: BTreeSet<(Who, u64, String)>,
    /// The request that a copy was shown to.
    shown: BTreeMap<Key, String>,
    /// Whose new key it is; keys of strangers are nobody's.
    keys: BTreeMap<Key, Who>,
    pub(crate) copies: BTreeMap<Key, Copy>,
    positions: BTreeMap<(String, u32), Key>,
    /// Bytes of a delivery, by transaction.
    deliveries: BTreeMap<Vec<u8>, Vec<Vec<String>>>,
    /// Transactions whose issuer died at the request.
    attempted: BTreeSet<Vec<u8>>,
    /// The wallet that asked under a transaction, and the offer whose code it gave.
    transactions: BTreeMap<Vec<u8>, (Who, Option<Vec<u8>>)>,
    /// Wrong codes that were answered, by offer.
    wrong_codes: BTreeMap<Vec<u8>, u32>,
    /// Receipts that left, by verifier and session.
    receipts: BTreeMap<(Who, String), String>,
    holders: BTreeMap<Who, holding::Holder>,
    desks: BTreeMap<Who, presenting::Desk>,
    issuers: BTreeMap<Who, issuing::Books>,
    status: status::Books,
    trust: BTreeMap<Who, Version>,
    pub(crate) grants: granting::Books,
}

impl Observer {
    pub(crate) fn new(cast: Arc<Cast>) -> Observer {
        Observer {
            cast,
            requests: BTreeMap::new(),
            sessions: BTreeMap::new(),
            nonces: BTreeMap::new(),
            cases: BTreeMap::new(),
            yes: BTreeSet::new(),
            answers: BTreeMap::new(),
            proven: BTreeSet::new(),
            shown: BTreeMap::new(),
            keys: BTreeMap::new(),
            copies: BTreeMap::new(),
            positions: BTreeMap::new(),
            deliveries: BTreeMap::new(),
            attempted: BTreeSet::new(),
            transactions: BTreeMap::new(),
            wrong_codes: BTreeMap::new(),
            receipts: BTreeMap::new(),
            holders: BTreeMap::new(),
            desks: BTreeMap::new(),
            issuers: BTreeMap::new(),
            status: status::Books::default(),
            trust: BTreeMap::new(),
            grants: granting::Books::default(),
        }
    }

    /// The trust document that a machine decides by.
    pub(crate) fn trust_in_use(&mut self, who: Who, version: Option<Version>) -> Checked {
        let seen = self.trust.entry(who).or_default();
        let version = version.unwrap_or_default();
        ensure(version >= *seen, TRUST, || format!("{version} after {seen}"))?;
        *seen = version;
        Ok(())
    }
}
