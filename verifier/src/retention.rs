//! What may be kept of an answer, on which ground and until when; and the erasing.
//!
//! Only claims that were asked for are kept, and in the same row where the status of each copy stands ([`crate::standing`]): no holder's
//! key or salt of a copy ever is. What must be gone when
//! the session ends is held in memory alone and never reaches the store: a killed process has erased it. What may be kept lies
//! in a table of its own, each answer under a key of its own, and [`crate::Verifier::tick`] deletes it at `until`: the store
//! destroys the key before it says that the row is gone ([`store::Transaction::put_erasable`]). Only after that a statement is
//! signed of what was erased and what is kept, and lies where the claims were.

use crate::Verifier;
use crate::session::{RECORD_SECONDS, Session};
use crate::standing::{self, Holding};
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use credentials::decision::{KeptRecord, Statement};
use credentials::query::Query;
use credentials::schema::{Path, only};
use credentials::service::{Coded, Registration};
use credentials::verify::VerifiedPresentation;
use credentials::{Code, Problem, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use store::Transaction;
use zeroize::Zeroizing;

/// How long claims that may not be kept stay in memory for the case-worker to read, in seconds after the verdict.
pub const READING_SECONDS: i64 = 600;

/// Most bytes of claims held in memory for reading. An income answer has about 4 KiB, so this is a thousand
/// case-workers reading at once. Beyond it the oldest go first.
pub const READING_BYTES_MAX: usize = 4 << 20;

/// A claim by which a credential says that it may not be used to assess credit (E45); `true` binds whoever receives it.
pub const NOT_FOR_CREDIT: &str = "ikkeTilKredittvurdering";

/// A claim by which a credential says that it is erased when the session ends, whatever the registration allows; `true` binds.
pub const ERASE_AT_END: &str = "slettVedUtlogging";

/// After a failure to sign a statement it is tried again so many seconds later.
const SIGN_AGAIN_SECONDS: i64 = 60;

/// Ground on which the record of a session outlives its claims (GDPR Art. 5(2)).
const RECORD_GROUND: &str = "accountability";

/// Retention and limits of a session, as its request's registration had them when the holder was asked.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Terms {
    /// 0 = in memory only.
    pub(crate) keep_seconds: i64,
    pub(crate) ground: Coded,
    /// Oldest status for a *valid* verdict, in seconds.
    pub(crate) status_age_max: i64,
}

impl Terms {
    pub(crate) fn of(registration: &Registration) -> Terms {
        Terms {
            keep_seconds: registration.keep_seconds.max(0),
            ground: registration.keep_ground.clone(),
            status_age_max: registration.status_age_max,
        }
    }

    /// The stricter of these terms and those of the registration as it is now: a later one may take away, never add.
    pub(crate) fn narrowed(&self, now: &Registration) -> Terms {
        Terms {
            keep_seconds: self.keep_seconds.min(now.keep_seconds.max(0)),
            ground: self.ground.clone(),
            status_age_max: self.status_age_max.min(now.status_age_max),
        }
    }
}

/// The part of a verified answer that was asked for.
pub(crate) struct Kept {
    /// By query id.
    pub(crate) holding: Holding,
    /// What the receipt names.
    pub(crate) paths: BTreeMap<String, Vec<Path>>,
    /// Query ids whose claims may not be used to assess credit.
    pub(crate) not_for_credit: Vec<String>,
    /// Until when they may lie in the store; none = in memory only.
    pub(crate) until: Option<Timestamp>,
}

impl Kept {
    /// Nothing: what an answer that is not valid leaves.
    pub(crate) fn nothing() -> Kept {
        Kept {
            holding: Holding::default(),
            paths: BTreeMap::new(),
            not_for_credit: Vec::new(),
            until: None,
        }
    }

    /// What of `answer` may be kept.
    pub(crate) fn of(answer: &VerifiedPresentation, query: &Query, terms: &Terms, now: Timestamp) -> Kept {
        let mut kept = Kept::nothing();
        kept.holding.copies = standing::copies(answer);
        let mut erase_at_end = terms.keep_seconds == 0;
        for (id, credential) in answer.credentials() {
            let paths = query.paths(id);
            let claims = credential.claims();
            erase_at_end |= says(claims, ERASE_AT_END);
            if says(claims, NOT_FOR_CREDIT) {
                kept.not_for_credit.push(id.clone());
            }
            kept.holding.claims.insert(id.clone(), only(claims, &paths));
            kept.paths.insert(id.clone(), paths);
        }
        kept.until = (!erase_at_end).then(|| now.plus(terms.keep_seconds));
        kept
    }
}

/// Whether a credential says `name` of itself.
fn says(claims: &Value, name: &str) -> bool {
    claims.get(name).and_then(Value::as_bool) == Some(true)
}

/// Claims in memory, for reading only: gone with the process, with the session, or after [`READING_SECONDS`].
#[derive(Default)]
pub(crate) struct Reading {
    held: BTreeMap<String, Held>,
    bytes: usize,
}

struct Held {
    /// JSON, wiped when dropped.
    claims: Zeroizing<Vec<u8>>,
    forget: Timestamp,
}

impl Reading {
    /// Holds the claims of a session. Those longest held make room; an answer larger than the whole room is not held.
    pub(crate) fn hold(&mut self, id: &str, holding: &Holding, now: Timestamp) {
        let Ok(claims) = serde_json::to_vec(holding).map(Zeroizing::new) else {
            return;
        };
        self.forget(id);
        if claims.len() > READING_BYTES_MAX {
            return;
        }
        while self.bytes.saturating_add(claims.len()) > READING_BYTES_MAX {
            let oldest = self.held.iter().min_by_key(|(_, held)| held.forget);
            let Some(oldest) = oldest.map(|(id, _)| id.clone()) else {
                break;
            };
            self.forget(&oldest);
        }
        self.bytes = self.bytes.saturating_add(claims.len());
        let forget = now.plus(READING_SECONDS);
        self.held.insert(id.to_owned(), Held { claims, forget });
    }

    /// What is held of a session, while it may be read.
    pub(crate) fn holding(&self, id: &str, now: Timestamp) -> Option<Holding> {
        let held = self.held.get(id).filter(|held| now < held.forget)?;
        Holding::read(&held.claims)
    }

    /// Holds something else in place of what is held, for no longer than that.
    pub(crate) fn renew(&mut self, id: &str, holding: &Holding) {
        if let Some(held) = self.held.get_mut(id)
            && let Ok(claims) = serde_json::to_vec(holding).map(Zeroizing::new)
        {
            let bytes = self.bytes.saturating_sub(held.claims.len());
            self.bytes = bytes.saturating_add(claims.len());
            held.claims = claims;
        }
    }

    /// Whether claims of that name may still be read.
    pub(crate) fn holds(&self, id: &str, now: Timestamp) -> bool {
        self.held.get(id).is_some_and(|held| now < held.forget)
    }

    /// Forgets the claims of a session; whether there were any.
    pub(crate) fn forget(&mut self, id: &str) -> bool {
        let Some(held) = self.held.remove(id) else {
            return false;
        };
        self.bytes = self.bytes.saturating_sub(held.claims.len());
        true
    }

    /// Forgets what is due and names the sessions.
    pub(crate) fn forget_due(&mut self, now: Timestamp) -> Vec<String> {
        let due: Vec<String> = self
            .held
            .iter()
            .filter(|(_, held)| now >= held.forget)
            .map(|(id, _)| id.clone())
            .collect();
        for id in &due {
            self.forget(id);
        }
        due
    }
}

impl Verifier {
    /// Signs that the claims of a session are gone, or puts that off: while a key is not destroyed yet, or nothing can be signed.
    pub(crate) fn sign_erasure(&self, now: Timestamp, session: &mut Session, tx: &mut Transaction) {
        let signed = match self.tables.erasures_pending() {
            0 => self.statement(now, session),
            _ => Err(Code::Internal.into()),
        };
        session.sign_at = match signed {
            Ok(statement) => {
                self.tables.put_erasure(tx, &session.id, &statement);
                None
            }
            Err(problem) => {
                tracing::warn!(session = %session.id, code = %problem.code, "erasure not signed yet");
                Some(now.plus(SIGN_AGAIN_SECONDS))
            }
        };
    }

    fn statement(&self, now: Timestamp, session: &Session) -> Result<String, Problem> {
        let erased_at = session.erased_at.unwrap_or(now);
        let mut erased = session.shown.clone();
        if erased.is_empty() && session.keep_until.is_some() {
            // A session of before that was noted: what was kept of a valid answer is what was asked.
            let query = session.query()?;
            let paths = |id: &String| (id.clone(), query.paths(id));
            erased = query.credentials.iter().map(|asked| paths(&asked.id)).collect();
        }
        let record = KeptRecord {
            what: "session".to_owned(),
            ground: RECORD_GROUND.to_owned(),
            until: erased_at.plus(RECORD_SECONDS),
        };
        let statement = Statement {
            request: BASE64_URL_SAFE_NO_PAD.encode(session.request_hash),
            asker: self.settings.did.clone(),
            erased,
            received: session.ended.unwrap_or(session.created),
            ground: session.terms.ground.code.clone(),
            erased_at,
            kept: vec![record],
            at: now.max(erased_at),
        };
        statement.sign(&self.settings.kid, self.signer.as_ref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn claims_for_reading_are_forgotten_in_time_and_the_oldest_make_room() {
        let at = Timestamp::from_unix(1_000);
        let claims = |text: &str| Holding::of_claims(BTreeMap::from([("q".to_owned(), json!(text))]));
        let none = Option::<Holding>::None;
        let mut reading = Reading::default();
        reading.hold("a", &claims("one"), at);
        assert_eq!(reading.holding("a", at), Some(claims("one")));
        assert_eq!(reading.holding("a", at.plus(READING_SECONDS)), none);
        assert_eq!(reading.forget_due(at.plus(READING_SECONDS - 1)), [""; 0]);
        assert_eq!(reading.forget_due(at.plus(READING_SECONDS)), ["a"]);
        assert_eq!(reading.bytes, 0);

        let half = "x".repeat(READING_BYTES_MAX * 2 / 5);
        for (second, id) in ["b", "c", "d"].into_iter().enumerate() {
            reading.hold(id, &claims(&half), at.plus(second as i64));
        }
        let later = at.plus(5);
        assert_eq!(reading.holding("b", later), none);
        assert_eq!(reading.holding("d", later), Some(claims(&half)));
        assert!(reading.bytes <= READING_BYTES_MAX);
        reading.hold("e", &claims(&half.repeat(3)), later);
        assert_eq!(reading.holding("e", later), none);
    }
}
