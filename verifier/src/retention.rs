//! What may be kept of an answer, on which ground and until when; and the erasing.
//!
//! Only claims that were asked for are kept. What must be gone when the session ends is held in memory alone and never
//! reaches the store: a killed process has erased it. What may be kept lies in a table of its own and is deleted at `until`
//! by [`crate::Verifier::tick`]. Deleting takes the row out of every table; the journal's old bytes are unreadable without the
//! store's key and go with its compaction. Destroying a key of its own per kept answer (crypto-erasure) is the store's
//! part and not built yet.

use credentials::Timestamp;
use credentials::query::Query;
use credentials::schema::Path;
use credentials::service::{Coded, Registration};
use credentials::verify::VerifiedPresentation;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
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
    pub(crate) claims: BTreeMap<String, Value>,
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
            claims: BTreeMap::new(),
            paths: BTreeMap::new(),
            not_for_credit: Vec::new(),
            until: None,
        }
    }

    /// What of `answer` may be kept.
    pub(crate) fn of(answer: &VerifiedPresentation, query: &Query, terms: &Terms, now: Timestamp) -> Kept {
        let mut kept = Kept::nothing();
        let mut erase_at_end = terms.keep_seconds == 0;
        for (id, credential) in answer.credentials() {
            let paths = query.paths(id);
            let claims = credential.claims();
            erase_at_end |= says(claims, ERASE_AT_END);
            if says(claims, NOT_FOR_CREDIT) {
                kept.not_for_credit.push(id.clone());
            }
            kept.claims.insert(id.clone(), only(claims, &paths));
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

/// The part of `claims` at `paths` and below them. Lists keep their length, so that positions stay comparable.
pub(crate) fn only(claims: &Value, paths: &[Path]) -> Value {
    let paths: Vec<&[Option<String>]> = paths.iter().map(|p| p.0.as_slice()).collect();
    part(claims, &paths).unwrap_or_else(|| Value::Object(Map::new()))
}

/// `None` when no path leads into `value`.
fn part(value: &Value, paths: &[&[Option<String>]]) -> Option<Value> {
    if paths.iter().any(|path| path.is_empty()) {
        return Some(value.clone());
    }
    match value {
        Value::Object(members) => {
            let mut kept = Map::new();
            for (name, member) in members {
                let inner = below(paths, Some(name));
                if let Some(inner) = (!inner.is_empty()).then(|| part(member, &inner)).flatten() {
                    kept.insert(name.clone(), inner);
                }
            }
            (!kept.is_empty()).then_some(Value::Object(kept))
        }
        Value::Array(elements) => {
            let inner = below(paths, None);
            if inner.is_empty() {
                return None;
            }
            let empty = |element: &Value| match element {
                Value::Array(_) => Value::Array(Vec::new()),
                _ => Value::Object(Map::new()),
            };
            let kept = elements
                .iter()
                .map(|element| part(element, &inner).unwrap_or_else(|| empty(element)))
                .collect();
            Some(Value::Array(kept))
        }
        _ => None,
    }
}

/// The rests of those paths that begin with `segment`.
fn below<'p>(paths: &[&'p [Option<String>]], segment: Option<&String>) -> Vec<&'p [Option<String>]> {
    paths
        .iter()
        .filter_map(|path| path.split_first())
        .filter(|(first, _)| first.as_ref() == segment)
        .map(|(_, rest)| rest)
        .collect()
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
    pub(crate) fn hold(&mut self, id: &str, claims: &BTreeMap<String, Value>, now: Timestamp) {
        let Ok(claims) = serde_json::to_vec(claims).map(Zeroizing::new) else {
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

    /// The claims of a session, while they may be read.
    pub(crate) fn claims(&self, id: &str, now: Timestamp) -> BTreeMap<String, Value> {
        self.held
            .get(id)
            .filter(|held| now < held.forget)
            .and_then(|held| serde_json::from_slice(&held.claims).ok())
            .unwrap_or_default()
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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn list(path: &[&str]) -> Path {
        Path(path.iter().map(|s| (*s != "[]").then(|| (*s).to_owned())).collect())
    }

    #[test]
    fn only_what_was_asked_is_kept_and_lists_keep_their_length() {
        let claims = json!({
            "number": "1", "month": "2026-05", "other": {"a": 1},
            "lines": [{"kind": "x", "amount": "1.00"}, {"kind": "y"}, {"amount": "3.00", "more": [1, 2]}],
        });
        let cases = [
            (
                vec![list(&["lines", "[]", "amount"])],
                json!({"lines": [{"amount": "1.00"}, {}, {"amount": "3.00"}]}),
            ),
            (
                vec![list(&["number"]), list(&["lines"])],
                json!({"number": "1", "lines": claims["lines"]}),
            ),
            (vec![list(&["lines", "amount"])], json!({})),
            (vec![list(&["number", "below"])], json!({})),
            (vec![list(&["absent"])], json!({})),
            (vec![], json!({})),
        ];
        for (paths, expected) in cases {
            assert_eq!(only(&claims, &paths), expected, "{paths:?}");
        }
    }

    #[test]
    fn claims_for_reading_are_forgotten_in_time_and_the_oldest_make_room() {
        let at = Timestamp::from_unix(1_000);
        let claims = |text: &str| BTreeMap::from([("q".to_owned(), json!(text))]);
        let mut reading = Reading::default();
        reading.hold("a", &claims("one"), at);
        assert_eq!(reading.claims("a", at), claims("one"));
        assert_eq!(reading.claims("a", at.plus(READING_SECONDS)), BTreeMap::new());
        assert_eq!(reading.forget_due(at.plus(READING_SECONDS - 1)), [""; 0]);
        assert_eq!(reading.forget_due(at.plus(READING_SECONDS)), ["a"]);
        assert_eq!(reading.bytes, 0);

        let half = "x".repeat(READING_BYTES_MAX / 2);
        for (second, id) in ["b", "c", "d"].into_iter().enumerate() {
            reading.hold(id, &claims(&half), at.plus(second as i64));
        }
        let later = at.plus(5);
        assert_eq!(reading.claims("b", later), BTreeMap::new());
        assert_eq!(reading.claims("d", later), claims(&half));
        assert!(reading.bytes <= READING_BYTES_MAX);
        reading.hold("e", &claims(&half.repeat(3)), later);
        assert_eq!(reading.claims("e", later), BTreeMap::new());
    }
}
