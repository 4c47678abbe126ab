//! When a version of the trust list, a status list or a notice took effect in this node, for whoever measures how fast changes
//! travel. In memory only: a restarted node has nothing to tell of before.

use super::Service;
use crate::clock;
use crate::error::Failure;
use credentials::Did;
use credentials::trust::Version;
use credentials::{Code, Problem};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::watch;

/// Longest time that a command waits for something to take effect, in seconds.
pub const WAIT_MAX: u32 = 120;
/// Changes of one thing that are remembered; an older one is told with the time of the oldest that is.
const CHANGES_MAX: usize = 64;
/// Things that are remembered: as many status lists as 32 issuers may have.
const THINGS_MAX: usize = 8_192;

/// What took effect.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Effect {
    /// A version of the trust list, or a higher one: every role works with it.
    Trust {
        /// Version.
        version: Version,
    },
    /// A version of a status list, or a higher one: verdicts go by it.
    Status {
        /// URI of the list.
        uri: String,
        /// Version.
        version: u64,
    },
    /// A register's notice of this number: stored, and matched with our customers.
    Notice {
        /// The register.
        register: Did,
        /// Number.
        number: u64,
    },
}

impl Effect {
    /// Reads it as it is typed: `trust` and `ROOT.LIST.HEAD`, `status` and `URI@VERSION`, `notice` and `DID@NUMBER`. Refused
    /// with `usage`.
    pub fn parse(kind: &str, id: &str) -> Result<Effect, Problem> {
        let bad = || Problem::new(Code::Usage, "--id");
        let number = |text: &str| text.parse::<u64>().map_err(|_| bad());
        match kind {
            "trust" => {
                let mut parts = id.split('.').map(number);
                let mut next = || parts.next().unwrap_or_else(|| Err(bad()));
                let version = Version {
                    root: next()?,
                    list: next()?,
                    head: next()?,
                };
                if parts.next().is_some() {
                    return Err(bad());
                }
                Ok(Effect::Trust { version })
            }
            "status" => {
                let (uri, version) = id.rsplit_once('@').ok_or_else(bad)?;
                Ok(Effect::Status {
                    uri: uri.to_owned(),
                    version: number(version)?,
                })
            }
            "notice" => {
                let (register, count) = id.rsplit_once('@').ok_or_else(bad)?;
                Ok(Effect::Notice {
                    register: Did::parse(register).ok_or_else(bad)?,
                    number: number(count)?,
                })
            }
            _ => Err(Problem::new(Code::Usage, "--kind")),
        }
    }

    /// The thing, and how far it is.
    fn place(&self) -> (String, (u64, u64, u64)) {
        match self {
            Effect::Trust { version } => (String::new(), (version.root, version.list, version.head)),
            Effect::Status { uri, version } => (format!("s{uri}"), (*version, 0, 0)),
            Effect::Notice { register, number } => (format!("n{register}"), (*number, 0, 0)),
        }
    }
}

/// A state, and the milliseconds since 1970 when it took effect.
type Change = ((u64, u64, u64), u64);

/// What took effect since the start.
pub(super) struct Effects {
    things: Mutex<BTreeMap<String, VecDeque<Change>>>,
    revision: watch::Sender<u64>,
}

impl Default for Effects {
    fn default() -> Effects {
        Effects {
            things: Mutex::default(),
            revision: watch::Sender::new(0),
        }
    }
}

impl Effects {
    /// Notes it with the time now, unless it or something later was noted before.
    pub(super) fn note(&self, effect: &Effect) {
        let (thing, state) = effect.place();
        {
            let mut things = self.things.lock().unwrap_or_else(PoisonError::into_inner);
            if !things.contains_key(&thing) && things.len() >= THINGS_MAX {
                return;
            }
            let changes = things.entry(thing).or_default();
            if changes.back().is_some_and(|(newest, _)| *newest >= state) {
                return;
            }
            if changes.len() >= CHANGES_MAX {
                changes.pop_front();
            }
            changes.push_back((state, clock::milliseconds()));
        }
        self.revision
            .send_modify(|revision| *revision = revision.saturating_add(1));
    }

    /// When it, or what came after it, took effect.
    fn at(&self, effect: &Effect) -> Option<u64> {
        let (thing, state) = effect.place();
        let things = self.things.lock().unwrap_or_else(PoisonError::into_inner);
        let changes = things.get(&thing)?;
        changes.iter().find(|(there, _)| *there >= state).map(|(_, at)| *at)
    }

    async fn wait(&self, effect: &Effect, longest: Duration) -> Option<u64> {
        let mut revisions = self.revision.subscribe();
        let waited = async {
            loop {
                if let Some(at) = self.at(effect) {
                    return Some(at);
                }
                if revisions.changed().await.is_err() {
                    return None;
                }
            }
        };
        tokio::time::timeout(longest, waited).await.ok().flatten()
    }
}

impl Service {
    /// Waits until something is in effect here: `{"schema": "seen/v1", "seen": bool, "at_ms": …}`. `at_ms` counts from 1970 by
    /// the clock of this machine.
    pub(super) async fn seen(&self, effect: &Effect, wait_seconds: u32) -> Result<Value, Failure> {
        let longest = Duration::from_secs(wait_seconds.min(WAIT_MAX).into());
        let at = self.effects.wait(effect, longest).await;
        Ok(json!({ "schema": "seen/v1", "effect": effect, "seen": at.is_some(), "at_ms": at }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(version: u64) -> Effect {
        Effect::Status {
            uri: "https://tax.example/status/1".to_owned(),
            version,
        }
    }

    #[test]
    fn what_is_typed_is_read_and_what_is_not_of_its_form_refused() {
        let version = Version {
            root: 1,
            list: 20,
            head: 3,
        };
        assert_eq!(Effect::parse("trust", "1.20.3"), Ok(Effect::Trust { version }));
        assert_eq!(Effect::parse("status", "https://tax.example/status/1@7"), Ok(list(7)));
        let register = Did::parse("did:web:brreg.example").expect("a DID");
        assert_eq!(
            Effect::parse("notice", "did:web:brreg.example@9"),
            Ok(Effect::Notice { register, number: 9 })
        );
        for (kind, id) in [
            ("trust", "1.2"),
            ("trust", "1.2.3.4"),
            ("trust", "1.2.x"),
            ("status", "https://tax.example/status/1"),
            ("notice", "brreg@9"),
            ("weather", "1"),
        ] {
            assert_eq!(Effect::parse(kind, id).map_err(|p| p.code), Err(Code::Usage), "{id}");
        }
    }

    #[tokio::test]
    async fn whoever_waits_is_told_when_it_or_something_later_took_effect_and_what_was_before_stays() {
        let effects = Effects::default();
        effects.note(&list(3));
        let third = effects.at(&list(3)).expect("noted");
        assert_eq!(effects.at(&list(2)), Some(third));
        assert_eq!(effects.at(&list(4)), None);
        assert_eq!(effects.wait(&list(4), Duration::ZERO).await, None);
        let five = list(5);
        let four = list(4);
        let (told, ()) = tokio::join!(effects.wait(&four, Duration::from_secs(60)), async {
            effects.note(&five);
        });
        assert_eq!(told, effects.at(&five));
        // Noted again, it keeps its time.
        effects.note(&list(3));
        assert_eq!(effects.at(&list(3)), Some(third));
    }
}
