//! §10, *Registrations*: what an organisation may ask, for what, and how long it may keep the answer.

use crate::json::{self, Path, list, member, only, path, text, uint};
use crate::problem::{Outcome, Problem, require};
use serde_json::Value;

/// A service that an organisation is registered for. Texts are the English ones.
pub(crate) struct Registration {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) purpose: String,
    pub(crate) ground: String,
    pub(crate) consent: String,
    pub(crate) keep_seconds: u64,
    pub(crate) keep_ground: String,
    may_ask: Vec<(String, Vec<Path>)>,
    request_seconds_max: u64,
}

const MEMBERS: &[&str] = &[
    "id",
    "name",
    "purpose",
    "ground",
    "consent_text",
    "may_ask",
    "never",
    "request_seconds_max",
    "keep_seconds",
    "keep_ground",
    "status_age_max",
    "privacy",
];

/// A text in three languages, of which Nynorsk may be absent: the English one.
fn words(value: &Value) -> Outcome<String> {
    only(value, &["nb", "nn", "en"], "malformed")?;
    text(value, "nb")?;
    Ok(text(value, "en")?.to_owned())
}

/// The text of `{"code", "text"}`.
fn reason(value: &Value) -> Outcome<String> {
    only(value, &["code", "text"], "malformed")?;
    text(value, "code")?;
    words(member(value, "text")?)
}

impl Registration {
    /// Reads a registration of the trust document.
    pub(crate) fn read(value: &Value) -> Outcome<Registration> {
        only(value, MEMBERS, "malformed")?;
        let may_ask = list(value, "may_ask")?.iter().map(|one| {
            only(one, &["vct", "claims"], "malformed")?;
            let claims = list(one, "claims")?.iter().map(path).collect::<Outcome<_>>()?;
            Ok((text(one, "vct")?.to_owned(), claims))
        });
        let registration = Registration {
            id: text(value, "id")?.to_owned(),
            name: words(member(value, "name")?)?,
            purpose: reason(member(value, "purpose")?)?,
            ground: reason(member(value, "ground")?)?,
            consent: value.get("consent_text").map(words).transpose()?.unwrap_or_default(),
            keep_seconds: uint(value, "keep_seconds")?,
            keep_ground: reason(member(value, "keep_ground")?)?,
            may_ask: may_ask.collect::<Outcome<_>>()?,
            request_seconds_max: uint(value, "request_seconds_max")?,
        };
        let within = registration.request_seconds_max <= 10 * 86_400 && uint(value, "status_age_max")? <= 7 * 86_400;
        require(within, "malformed", "a registration's times are over their limits")?;
        Ok(registration)
    }

    /// Refuses with `over_ask` a claim that is not registered; a registered path allows those below it.
    pub(crate) fn require_claim(&self, vct: &str, path: &Path) -> Outcome<()> {
        let mut registered = self.may_ask.iter().filter(|(registered, _)| registered == vct);
        let covered = registered.any(|(_, claims)| claims.iter().any(|claim| path.starts_with(claim)));
        let too_much = || Problem::new("over_ask", format!("{} of {vct} is not registered", json::shown(path)));
        if covered { Ok(()) } else { Err(too_much()) }
    }

    /// Refuses with `over_ask` a request that lives longer than registered.
    pub(crate) fn require_life(&self, seconds: u64) -> Outcome<()> {
        require(
            seconds <= self.request_seconds_max,
            "over_ask",
            "the request lives longer than registered",
        )
    }
}
