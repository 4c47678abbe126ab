//! Service registrations: who may ask for which claims of which types, for which purpose, on which ground, kept how long.
//! Data in `credentials/services/*.json`; an organisation's registrations stand in the trust list.

mod maximum;

pub use maximum::CLOCK_CHANGE_MARGIN;

use crate::grant::{GrantAsked, GrantTerms, USES_PER_DAY_MAX};
use crate::query::{ClaimQuery, Query};
use crate::schema::{Path, Text, is_vct};
use crate::time::DAY;
use crate::{Code, Problem, Timestamp, json};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeSet;
use std::sync::OnceLock;

/// Largest registration.
pub const REGISTRATION_MAX: usize = 64 * 1024;
/// The service of those who keep mailboxes for others ([`crate::envelope`]): it asks no wallet for anything.
pub const MAILBOX: &str = "K03";
/// Where the asker's registered name goes in a source's consent text.
pub const ASKER: &str = "{asker}";

/// Longest code of a purpose or ground, in bytes.
const WORD_MAX: usize = 64;
/// Longest text of a registration, in characters.
const TEXT_MAX: usize = 4000;
/// Most types of one registration, and most claims of one type.
const ENTRIES_MAX: usize = 128;
/// Longest time that what was shown may be kept: thirty years.
const KEEP_SECONDS_MAX: i64 = 30 * 366 * crate::time::DAY;
/// Oldest status list that any service may accept: a week.
const STATUS_AGE_MAX: i64 = 7 * crate::time::DAY;

/// Longest time between two reminders of a grant: six months (E56).
const REMIND_MAX: i64 = 184 * DAY;

/// Oldest status list where a service sets none: a day, in seconds.
pub const STATUS_AGE_DEFAULT: i64 = crate::time::DAY;

/// The registrations that come with this crate.
const BUILTIN: [&[u8]; 9] = [
    include_bytes!("../services/S01.json"),
    include_bytes!("../services/S06.json"),
    include_bytes!("../services/S09.json"),
    include_bytes!("../services/S10.json"),
    include_bytes!("../services/S11.json"),
    include_bytes!("../services/S15.json"),
    include_bytes!("../services/K01.json"),
    include_bytes!("../services/K02.json"),
    include_bytes!("../services/K03.json"),
];

/// One registered service (`S01`, `S09`, `S15`, our own `K01` customer check, `K02` identification when collecting and `K03`
/// mailboxes).
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
    /// Longest time between signing a request and its expiry, in seconds; at most what the law or the source sets for the
    /// service, less [`CLOCK_CHANGE_MARGIN`] (E03).
    pub request_seconds_max: i64,
    /// That a person may grant this service what it asks until a later time, where the service knows that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant: Option<GrantTerms>,
    /// How long what was shown may be kept, in seconds; 0 = erased when the session ends.
    pub keep_seconds: i64,
    /// Why it may be kept that long.
    pub keep_ground: Coded,
    /// Whether it is erased before that when the person asks for it (GDPR Art. 17(1)); where it is not, a law has it kept (Art. 17(3)).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub erased_on_request: bool,
    /// Oldest status list this service accepts for a *valid* verdict, in seconds; [`STATUS_AGE_DEFAULT`] where it is left out.
    #[serde(default = "status_age_default")]
    pub status_age_max: i64,
    /// Link to the asker's privacy statement.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub privacy: Option<String>,
}
fn status_age_default() -> i64 {
    STATUS_AGE_DEFAULT
}

/// What a request says of itself beside its query: its one purpose, its ground, and what becomes of what is shown (E01). It is
/// the asker's word under its signature; what it may be is the registration's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Statement {
    /// Code of the one purpose (E04).
    pub purpose: String,
    /// Code of the legal ground.
    pub ground: String,
    /// How long what is shown will be kept, in seconds; 0 = erased when the session ends.
    pub keep_seconds: i64,
    /// Oldest status list that the asker will call *valid* by, in seconds.
    pub status_age_max: i64,
}
impl Statement {
    /// Whether every member has its form.
    pub(crate) fn is_formed(&self) -> bool {
        is_word(&self.purpose, WORD_MAX)
            && is_word(&self.ground, WORD_MAX)
            && (0..=KEEP_SECONDS_MAX).contains(&self.keep_seconds)
            && (1..=STATUS_AGE_MAX).contains(&self.status_age_max)
    }
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
    /// Answers "at least so much" that may be asked, one of them in a query.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_least: Option<AtLeast>,
}
/// A ladder of threshold claims that may be asked: one rung, and only whether it is reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AtLeast {
    /// The claim above the rungs.
    pub path: Path,
    /// What is not asked in the same query: the amounts that the answer stands for.
    pub not_beside: Vec<Path>,
}
impl AtLeast {
    fn is_rung(&self, path: &Path) -> bool {
        self.path.covers(path) && path.0.len() == self.path.0.len().saturating_add(1)
    }

    /// The first claim of a query that is too much beside the others: a second rung, one that is not asked as reached, an amount.
    fn beyond<'q>(&self, claims: &'q [ClaimQuery]) -> Option<&'q Path> {
        let mut rungs = claims.iter().filter(|claim| self.is_rung(&claim.path));
        let first = rungs.next()?;
        if first.values != [Value::Bool(true)] {
            return Some(&first.path);
        }
        if let Some(second) = rungs.next() {
            return Some(&second.path);
        }
        let is_amount = |path: &Path| {
            self.not_beside
                .iter()
                .any(|amount| amount.covers(path) || path.covers(amount))
        };
        claims.iter().map(|claim| &claim.path).find(|path| is_amount(path))
    }
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

    /// The registrations of this crate: S01, S06, S09, S10, S11, S15, K01, K02, K03.
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

    /// One of [`Self::builtin`].
    pub fn known(id: &str) -> Option<Registration> {
        Self::builtin().into_iter().find(|known| known.id == id)
    }

    /// Whether every part is within bounds, and within what the law or the source sets for the service; for registrations that
    /// come inside a larger document. `malformed` names the member: `keep_seconds`, or `S01 request_seconds_max: 864000 is over 860340`
    /// where it is the service's maximum that is exceeded.
    pub fn check(&self) -> Result<(), Problem> {
        let require = |holds: bool, member: &str| {
            if holds {
                Ok(())
            } else {
                Err(Problem::new(Code::Malformed, member))
            }
        };
        let coded = |coded: &Coded| is_word(&coded.code, WORD_MAX) && is_text(&coded.text);
        require(is_word(&self.id, 16), "id")?;
        require(is_text(&self.name), "name")?;
        require(coded(&self.purpose), "purpose")?;
        require(coded(&self.ground), "ground")?;
        require(coded(&self.keep_ground), "keep_ground")?;
        require(
            !maximum::needs_explicit_consent(self) || self.ground.code == maximum::EXPLICIT_CONSENT,
            "ground",
        )?;
        require(self.consent_text.as_ref().is_none_or(names_the_asker), "consent_text")?;
        let entries = |count: usize| (1..=ENTRIES_MAX).contains(&count);
        let mut types = BTreeSet::new();
        require(
            entries(self.may_ask.len()) || (self.id == MAILBOX && self.may_ask.is_empty()),
            "may_ask",
        )?;
        for may in &self.may_ask {
            let fresh = types.insert(may.vct.as_str());
            require(fresh && is_vct(&may.vct) && entries(may.claims.len()), "may_ask")?;
            let bounded = |ladder: &AtLeast| ladder.not_beside.len() <= ENTRIES_MAX;
            require(may.at_least.as_ref().is_none_or(bounded), "may_ask")?;
        }
        require(self.never.len() <= ENTRIES_MAX, "never")?;
        for never in &self.never {
            let fresh = types.insert(never.vct.as_str());
            require(fresh && is_vct(&never.vct) && is_text(&never.reason), "never")?;
        }
        require(self.request_seconds_max >= 1, "request_seconds_max")?;
        let longest = maximum::seconds(self);
        self.within("request_seconds_max", self.request_seconds_max, Some(longest))?;
        if let Some(grant) = &self.grant {
            require(grant.seconds_max >= 1, "grant seconds_max")?;
            self.within("grant seconds_max", grant.seconds_max, Some(longest))?;
            require(
                (1..=USES_PER_DAY_MAX).contains(&grant.uses_per_day),
                "grant uses_per_day",
            )?;
            require(
                (DAY..=REMIND_MAX).contains(&grant.remind_seconds),
                "grant remind_seconds",
            )?;
        }
        require((0..=KEEP_SECONDS_MAX).contains(&self.keep_seconds), "keep_seconds")?;
        self.within("keep_seconds", self.keep_seconds, maximum::keep_seconds(self))?;
        require((1..=STATUS_AGE_MAX).contains(&self.status_age_max), "status_age_max")?;
        let secure = |link: &String| {
            link.len() <= 256 && link.starts_with("https://") && link.bytes().all(|b| b.is_ascii_graphic())
        };
        require(self.privacy.as_ref().is_none_or(secure), "privacy")
    }

    /// Refuses seconds over the service's maximum.
    fn within(&self, member: &str, seconds: i64, most: Option<i64>) -> Result<(), Problem> {
        match most {
            Some(most) if seconds > most => {
                let detail = format!("{} {member}: {seconds} is over {most}", self.id);
                Err(Problem::new(Code::Malformed, detail))
            }
            _ => Ok(()),
        }
    }

    /// What a request under this registration says of itself when it takes all that is registered.
    pub fn statement(&self) -> Statement {
        Statement {
            purpose: self.purpose.code.clone(),
            ground: self.ground.code.clone(),
            keep_seconds: self.keep_seconds,
            status_age_max: self.status_age_max,
        }
    }

    /// Refuses with `over_ask` what a request says of itself beyond this registration: `purpose`, `ground`, `keep_seconds` (kept
    /// longer), `status_age_max` (content with older status). To keep shorter and to want fresher status is nobody's loss.
    pub fn allows_statement(&self, stated: &Statement) -> Result<(), Problem> {
        let rules = [
            ("purpose", stated.purpose == self.purpose.code),
            ("ground", stated.ground == self.ground.code),
            ("keep_seconds", stated.keep_seconds <= self.keep_seconds),
            ("status_age_max", stated.status_age_max <= self.status_age_max),
        ];
        match rules.iter().find(|(_, holds)| !holds) {
            Some((what, _)) => Err(Problem::new(Code::OverAsk, *what)),
            None => Ok(()),
        }
    }

    /// Refuses with `over_ask` a grant beyond this registration: `grant` where it knows none, `grant until`, `grant uses_per_day`.
    /// `issued` is when it was asked for: a grant begins later, and ends no later for that.
    pub fn allows_grant(&self, asked: &GrantAsked, issued: Timestamp) -> Result<(), Problem> {
        let over = |what: &str| Problem::new(Code::OverAsk, what);
        let terms = self.grant.as_ref().ok_or_else(|| over("grant"))?;
        if asked.until.since(issued) > terms.seconds_max {
            return Err(over("grant until"));
        }
        match asked.uses_per_day <= terms.uses_per_day {
            true => Ok(()),
            false => Err(over("grant uses_per_day")),
        }
    }

    /// Refuses with `over_ask` and the first type or claim path beyond this registration (invariant 10). The detail of a type is
    /// `StudentLoanBalance under S01`, that of a claim its path. What values are asked for does not matter,
    /// but for a rung: it is asked as `true`, alone of its ladder, and not beside the amounts that it stands for.
    pub fn allows(&self, query: &Query) -> Result<(), Problem> {
        for credential in &query.credentials {
            let Some(may) = self.may_ask.iter().find(|may| may.vct == credential.vct) else {
                let detail = format!("{} under {}", type_name(&credential.vct), self.id);
                return Err(Problem::new(Code::OverAsk, detail));
            };
            let ladder = may.at_least.as_ref();
            let is_allowed = |claim: &&ClaimQuery| {
                may.claims.iter().any(|path| path.covers(&claim.path))
                    || ladder.is_some_and(|ladder| ladder.is_rung(&claim.path))
            };
            let beyond = credential.claims.iter().find(|claim| !is_allowed(claim));
            let beyond = beyond.map(|claim| &claim.path);
            if let Some(path) = beyond.or_else(|| ladder.and_then(|ladder| ladder.beyond(&credential.claims))) {
                return Err(Problem::new(Code::OverAsk, path.to_string()));
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
