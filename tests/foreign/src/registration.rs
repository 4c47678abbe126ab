//! §10, *Registrations*: what an organisation may ask, for what, and how long it may keep the answer.

use crate::json::{self, Path, list, member, only, path, text, uint};
use crate::problem::{Outcome, Problem, refuse, require};
use crate::time::DAY;
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
    purpose_code: String,
    ground_code: String,
    status_age_max: u64,
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
    "grant",
    "erased_on_request",
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
            only(one, &["vct", "claims", "at_least"], "malformed")?;
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
            purpose_code: text(member(value, "purpose")?, "code")?.to_owned(),
            ground_code: text(member(value, "ground")?, "code")?.to_owned(),
            status_age_max: match value.get("status_age_max") {
                Some(_) => uint(value, "status_age_max")?,
                None => DAY,
            },
            may_ask: may_ask.collect::<Outcome<_>>()?,
            request_seconds_max: uint(value, "request_seconds_max")?,
        };
        let within = registration.request_seconds_max <= registration.longest()
            && registration.status_age_max <= 7 * DAY
            && (registration.id != "S15" || registration.keep_seconds == 0);
        require(within, "malformed", "a registration's times are over their limits")?;
        Ok(registration)
    }

    /// The most that the law or the source lets this service ask, in seconds.
    fn longest(&self) -> u64 {
        let days = match self.id.as_str() {
            "S06" | "S08" => 90,
            "S10" => 1_095,
            "S15" => 365,
            _ => 10,
        };
        let is_debt = |vct: &str| vct.split(':').any(|part| part == "UnsecuredDebt");
        let asks_debt = self.may_ask.iter().any(|(vct, _)| is_debt(vct));
        let days = if asks_debt { days.min(181) } else { days };
        days * DAY - 3_660
    }

    /// Refuses with `over_ask` what a request says of itself beyond what is registered.
    pub(crate) fn require_stated(&self, bevis: &Value) -> Outcome<()> {
        let beyond = [
            ("purpose", text(bevis, "purpose")? != self.purpose_code),
            ("ground", text(bevis, "ground")? != self.ground_code),
            ("keep_seconds", uint(bevis, "keep_seconds")? > self.keep_seconds),
            ("status_age_max", uint(bevis, "status_age_max")? > self.status_age_max),
        ];
        match beyond.iter().find(|(_, is_beyond)| *is_beyond) {
            Some((what, _)) => refuse("over_ask", *what),
            None => Ok(()),
        }
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
