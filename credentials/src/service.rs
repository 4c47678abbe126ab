//! Service registrations: who may ask for which claims of which types, for which purpose, on which ground, kept how long.
//! Data in `credentials/services/*.json`; an organisation's registrations stand in the trust list.

use crate::schema::{Path, Text, is_vct};
use crate::{Code, Problem, json, query::Query};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::sync::OnceLock;

/// Largest registration.
pub const REGISTRATION_MAX: usize = 64 * 1024;
/// Where the asker's registered name goes in a source's consent text.
pub const ASKER: &str = "{asker}";

/// Longest text of a registration, in characters.
const TEXT_MAX: usize = 4000;
/// Most types of one registration, and most claims of one type.
const ENTRIES_MAX: usize = 128;
/// Longest time a request may live: ten days, the longest consent of a service here (domain §4.1).
const REQUEST_SECONDS_MAX: i64 = 10 * crate::time::DAY;
/// Longest time that what was shown may be kept: thirty years.
const KEEP_SECONDS_MAX: i64 = 30 * 366 * crate::time::DAY;
/// Oldest status list that any service may accept: a week.
const STATUS_AGE_MAX: i64 = 7 * crate::time::DAY;

/// The registrations that come with this crate.
const BUILTIN: [&[u8]; 5] = [
    include_bytes!("../services/S01.json"),
    include_bytes!("../services/S09.json"),
    include_bytes!("../services/S15.json"),
    include_bytes!("../services/K01.json"),
    include_bytes!("../services/K02.json"),
];

/// One registered service (`S01`, `S09`, `S15`, our own `K01` customer check and `K02` identification when collecting).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Registration {
    /// `S01`.
    pub id: String,
    /// What people call it.
    pub name: Text,
    /// Purpose: a code and the text shown to people.
    pub purpose: Coded,
    /// Legal ground: a code and its text.
    pub ground: Coded,
    /// The source's own fixed consent text, where it has one, with `{asker}` where the registered name goes (E05).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consent_text: Option<Text>,
    /// What may be asked.
    pub may_ask: Vec<MayAsk>,
    /// Types that this service must never ask, with the reason (`StudentLoanBalance` under S01).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub never: Vec<Never>,
    /// Longest time between signing a request and its expiry, in seconds.
    pub request_seconds_max: i64,
    /// How long what was shown may be kept, in seconds; 0 = erased when the session ends.
    pub keep_seconds: i64,
    /// Why it may be kept that long.
    pub keep_ground: Coded,
    /// Oldest status list this service accepts for a *valid* verdict, in seconds.
    pub status_age_max: i64,
    /// Link to the asker's privacy statement.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub privacy: Option<String>,
}
/// A code with its text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Coded {
    /// Stable code.
    pub code: String,
    /// Text.
    pub text: Text,
}
/// Claims of one type that may be asked. A registered path allows the paths below it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MayAsk {
    /// Type.
    pub vct: String,
    /// Paths.
    pub claims: Vec<Path>,
}
/// A forbidden type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Never {
    /// Type.
    pub vct: String,
    /// Reason shown to people.
    pub reason: Text,
}

impl Registration {
    /// Reads a registration of at most 64 KiB and checks it.
    pub fn parse(text: &[u8]) -> Result<Registration, Problem> {
        let value = json::parse(text, REGISTRATION_MAX)?;
        let read: Registration =
            serde_json::from_value(value).map_err(|error| Problem::new(Code::Malformed, error.to_string()))?;
        read.check()?;
        Ok(read)
    }

    /// The registrations of this crate: S01, S09, S15, K01, K02.
    pub fn builtin() -> Vec<Registration> {
        static REGISTRATIONS: OnceLock<Vec<Registration>> = OnceLock::new();
        let read = || {
            BUILTIN
                .iter()
                .map(|text| Registration::parse(text).expect("the registrations above are part of this source"))
                .collect()
        };
        REGISTRATIONS.get_or_init(read).clone()
    }

    /// Whether every part is within bounds; for registrations that come inside a larger document. `malformed` names the member.
    pub fn check(&self) -> Result<(), Problem> {
        let require = |holds: bool, member: &str| {
            if holds {
                Ok(())
            } else {
                Err(Problem::new(Code::Malformed, member))
            }
        };
        let coded = |coded: &Coded| is_word(&coded.code, 64) && is_text(&coded.text);
        require(is_word(&self.id, 16), "id")?;
        require(is_text(&self.name), "name")?;
        require(coded(&self.purpose), "purpose")?;
        require(coded(&self.ground), "ground")?;
        require(coded(&self.keep_ground), "keep_ground")?;
        require(self.consent_text.as_ref().is_none_or(names_the_asker), "consent_text")?;
        let entries = |count: usize| (1..=ENTRIES_MAX).contains(&count);
        let mut types = BTreeSet::new();
        require(entries(self.may_ask.len()), "may_ask")?;
        for may in &self.may_ask {
            let fresh = types.insert(may.vct.as_str());
            require(fresh && is_vct(&may.vct) && entries(may.claims.len()), "may_ask")?;
        }
        require(self.never.len() <= ENTRIES_MAX, "never")?;
        for never in &self.never {
            let fresh = types.insert(never.vct.as_str());
            require(fresh && is_vct(&never.vct) && is_text(&never.reason), "never")?;
        }
        require(
            (1..=REQUEST_SECONDS_MAX).contains(&self.request_seconds_max),
            "request_seconds_max",
        )?;
        require((0..=KEEP_SECONDS_MAX).contains(&self.keep_seconds), "keep_seconds")?;
        require((1..=STATUS_AGE_MAX).contains(&self.status_age_max), "status_age_max")?;
        let secure = |link: &String| {
            link.len() <= 256 && link.starts_with("https://") && link.bytes().all(|b| b.is_ascii_graphic())
        };
        require(self.privacy.as_ref().is_none_or(secure), "privacy")
    }

    /// Refuses with `over_ask` and the first type or claim path beyond this registration (invariant 10). The detail of a type is
    /// `StudentLoanBalance under S01`, that of a claim its path. What values are asked for does not matter.
    pub fn allows(&self, query: &Query) -> Result<(), Problem> {
        for credential in &query.credentials {
            let Some(may) = self.may_ask.iter().find(|may| may.vct == credential.vct) else {
                let detail = format!("{} under {}", type_name(&credential.vct), self.id);
                return Err(Problem::new(Code::OverAsk, detail));
            };
            let beyond = credential
                .claims
                .iter()
                .find(|claim| !may.claims.iter().any(|path| path.covers(&claim.path)));
            if let Some(claim) = beyond {
                return Err(Problem::new(Code::OverAsk, claim.path.to_string()));
            }
        }
        Ok(())
    }

    /// Why a type is never to be asked under this service, when the registration says so.
    pub fn never(&self, vct: &str) -> Option<&Text> {
        self.never
            .iter()
            .find(|never| never.vct == vct)
            .map(|never| &never.reason)
    }

    /// The source's consent text in a language with the asker's registered name in it. `None` when there is no such text, or
    /// no name to put in (E05: a consent to nobody is no consent).
    pub fn consent(&self, language: &str, asker: &str) -> Option<String> {
        let text = self.consent_text.as_ref()?.get(language);
        (!asker.trim().is_empty()).then(|| text.replace(ASKER, asker))
    }
}

/// `StudentLoanBalance` of `urn:bevis:StudentLoanBalance:1`: the last part that is no version number.
fn type_name(vct: &str) -> &str {
    vct.rsplit(':')
        .find(|part| !part.is_empty() && !part.bytes().all(|byte| byte.is_ascii_digit()))
        .unwrap_or(vct)
}

fn is_word(text: &str, max: usize) -> bool {
    (1..=max).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
}

fn every_language(text: &Text, holds: impl Fn(&str) -> bool) -> bool {
    holds(&text.nb) && holds(&text.en) && text.nn.as_deref().is_none_or(holds)
}

fn is_text(text: &Text) -> bool {
    every_language(text, |text| {
        !text.trim().is_empty()
            && text.chars().count() <= TEXT_MAX
            && !text.chars().any(|c| c.is_control() && c != '\n')
    })
}

fn names_the_asker(text: &Text) -> bool {
    is_text(text) && every_language(text, |text| text.contains(ASKER))
}

#[cfg(test)]
mod tests;
