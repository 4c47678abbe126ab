//! Who calls: a token in `Authorization: Bearer` (RFC 6750), or the certificate of a client on the TLS listener; and how often.

use super::refusal::Told;
use crate::clock;
use crate::http::App;
use crate::tokens::{Scope, Stamp, Token, Tokens, recognise};
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use credentials::{Code, Problem, Timestamp};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Semaphore;

/// Calls a second that one caller may make in the long run: a bank's busiest hour, with room.
pub const CALLS_PER_SECOND: u64 = 50;
/// Calls that one caller may make at once before that counts.
pub const CALLS_AT_ONCE: u64 = 200;
/// Calls a second without a valid token, of all callers together; those with one are not held up by them.
const STRANGERS_PER_SECOND: u64 = 5;
/// Such calls at once.
const STRANGERS_AT_ONCE: u64 = 50;
/// Streams of events at one time.
pub const STREAMS_MAX: usize = 32;
/// Callers whose calls are counted: every token and certificate that there can be.
const CALLERS_MAX: usize = 256;

/// How many calls are left.
struct Bucket {
    /// Thousandths of a call.
    left: u64,
    at: u64,
}

impl Bucket {
    fn full(most: u64, now: u64) -> Bucket {
        Bucket {
            left: most.saturating_mul(1_000),
            at: now,
        }
    }

    /// Takes a call, or says in how many seconds there will be one.
    fn take(&mut self, per_second: u64, most: u64, now: u64) -> Result<(), u64> {
        let gained = now.saturating_sub(self.at).saturating_mul(per_second);
        self.left = self.left.saturating_add(gained).min(most.saturating_mul(1_000));
        self.at = now;
        match self.left.checked_sub(1_000) {
            Some(left) => {
                self.left = left;
                Ok(())
            }
            None => Err(1),
        }
    }
}

/// Who is let in.
pub struct Gate {
    tokens: Tokens,
    known: Mutex<Known>,
    buckets: Mutex<BTreeMap<String, Bucket>>,
    /// Places for streams of events.
    pub(super) streams: Arc<Semaphore>,
}

#[derive(Default)]
struct Known {
    stamp: Option<Stamp>,
    tokens: Vec<Token>,
}

fn hold<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Whoever panicked while holding it had done no half step: each change is one call on a map.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Gate {
    /// The gate of a home.
    pub fn new(tokens: Tokens) -> Gate {
        Gate {
            tokens,
            known: Mutex::default(),
            buckets: Mutex::default(),
            streams: Arc::new(Semaphore::new(STREAMS_MAX)),
        }
    }

    /// The token with this text that counts now. The file is read again when it is another.
    fn token(&self, text: &str, now: Timestamp) -> Option<Token> {
        let stamp = self.tokens.stamp();
        let mut known = hold(&self.known);
        if known.stamp != stamp {
            known.tokens = self.tokens.list().unwrap_or_else(|failure| {
                tracing::warn!(%failure, "tokens of the API are not used");
                Vec::new()
            });
            known.stamp = stamp;
        }
        recognise(&known.tokens, text)
            .filter(|token| !token.is_over(now))
            .cloned()
    }

    /// Whether a token of this name still counts.
    pub(super) fn still_counts(&self, caller: &str, now: Timestamp) -> bool {
        self.token("", now);
        let known = hold(&self.known);
        known
            .tokens
            .iter()
            .any(|token| token.name == caller && !token.is_over(now))
    }

    fn count(&self, caller: &str, per_second: u64, most: u64) -> Result<(), u64> {
        let now = clock::milliseconds();
        let mut buckets = hold(&self.buckets);
        if buckets.len() >= CALLERS_MAX && !buckets.contains_key(caller) {
            // Tokens come and go; whoever has not called for the longest time has a full bucket anyway.
            let oldest = buckets.iter().min_by_key(|(_, bucket)| bucket.at);
            if let Some(name) = oldest.map(|(name, _)| name.clone()) {
                buckets.remove(&name);
            }
        }
        buckets
            .entry(caller.to_owned())
            .or_insert_with(|| Bucket::full(most, now))
            .take(per_second, most, now)
    }
}

/// The client of a TLS connection, as its certificate and the configuration name it.
#[derive(Clone, Debug)]
pub struct Certified {
    /// Name in the configuration.
    pub name: String,
    /// What it may do.
    pub scopes: Vec<Scope>,
}

/// A TLS connection; its client is one that the configuration names, or none.
#[derive(Clone, Debug)]
pub struct OverTls(pub Option<Certified>);

/// Somebody who may call.
#[derive(Clone)]
pub struct Caller {
    /// The node.
    pub(super) app: Arc<App>,
    /// The token's name, or `certificate:` and the client's.
    pub(super) name: String,
    scopes: Vec<Scope>,
}

impl Caller {
    /// Refuses whoever may not do this.
    ///
    /// # Errors
    /// `no_access` (RFC 6750 `insufficient_scope`).
    pub(super) fn may(&self, scope: Scope) -> Result<(), Told> {
        match self.has(scope) {
            true => Ok(()),
            false => {
                let needed = scope.as_str();
                let told = Told::from(Problem::new(Code::NoAccess, needed));
                let challenge = format!("Bearer realm=\"bevis\", error=\"insufficient_scope\", scope=\"{needed}\"");
                Err(told.with(header::WWW_AUTHENTICATE, &challenge))
            }
        }
    }

    /// Whether they may do this.
    pub(super) fn has(&self, scope: Scope) -> bool {
        self.scopes.contains(&scope)
    }

    /// Whether they could still call now.
    pub(super) fn still_counts(&self) -> bool {
        self.name.starts_with(CERTIFICATE) || self.app.api().still_counts(&self.name, clock::now())
    }
}

/// Beginning of the names of those who show a certificate.
const CERTIFICATE: &str = "certificate:";

/// The token of `Authorization: Bearer …`, exactly one.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut all = headers.get_all(header::AUTHORIZATION).iter();
    let one = all.next()?.to_str().ok()?;
    if all.next().is_some() {
        return None;
    }
    let (scheme, token) = one.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

impl FromRequestParts<Arc<App>> for Caller {
    type Rejection = Told;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Caller, Told> {
        let gate = app.api();
        let now = clock::now();
        let shown = match parts.extensions.get::<OverTls>() {
            Some(OverTls(client)) => client
                .clone()
                .map(|client| (format!("{CERTIFICATE}{}", client.name), client.scopes)),
            None => bearer(&parts.headers)
                .and_then(|text| gate.token(text, now))
                .map(|token| (token.name, token.scopes)),
        };
        let Some((name, scopes)) = shown else {
            gate.count("", STRANGERS_PER_SECOND, STRANGERS_AT_ONCE)
                .map_err(Told::too_often)?;
            // Nothing was shown, or something that does not count (RFC 6750 §3).
            let challenge = match parts.headers.contains_key(header::AUTHORIZATION) {
                true => "Bearer realm=\"bevis\", error=\"invalid_token\"",
                false => "Bearer realm=\"bevis\"",
            };
            return Err(Told::from(Code::TokenInvalid).with(header::WWW_AUTHENTICATE, challenge));
        };
        gate.count(&name, CALLS_PER_SECOND, CALLS_AT_ONCE)
            .map_err(Told::too_often)?;
        parts.extensions.insert(Named(name.clone()));
        Ok(Caller {
            app: app.clone(),
            name,
            scopes,
        })
    }
}

/// The name of whoever calls, for the log.
#[derive(Clone)]
pub(super) struct Named(pub(super) String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_come_back_with_time_and_never_more_than_at_once() {
        let mut bucket = Bucket::full(3, 0);
        for _ in 0..3 {
            assert_eq!(bucket.take(2, 3, 0), Ok(()));
        }
        assert_eq!(bucket.take(2, 3, 0), Err(1));
        assert_eq!(bucket.take(2, 3, 499), Err(1));
        assert_eq!(bucket.take(2, 3, 501), Ok(()));
        // A day later there are three again, not thousands; a clock that goes back gives nothing.
        for _ in 0..3 {
            assert_eq!(bucket.take(2, 3, 86_400_000), Ok(()));
        }
        assert_eq!(bucket.take(2, 3, 86_400_000), Err(1));
        assert_eq!(bucket.take(2, 3, 0), Err(1));
    }

    #[test]
    fn a_token_is_read_from_one_header_of_its_scheme_only() {
        let with = |values: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(header::AUTHORIZATION, value.parse().expect("a value"));
            }
            bearer(&headers).map(ToOwned::to_owned)
        };
        assert_eq!(with(&["Bearer bevis_x"]).as_deref(), Some("bevis_x"));
        assert_eq!(with(&["bearer bevis_x"]).as_deref(), Some("bevis_x"));
        for refused in [&[][..], &["Basic bevis_x"], &["bevis_x"], &["Bearer a", "Bearer b"]] {
            assert_eq!(with(refused), None, "{refused:?}");
        }
    }
}
