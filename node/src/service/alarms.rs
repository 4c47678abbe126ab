//! Alarms: what a well-behaved network never shows, such as two trust lists of one version. Each is kept with its evidence, so
//! that an anchor or an issuer can be shown what was signed in its name.
//!
//! Two documents that cannot both be right prove that somebody misused keys: `doctor` fails until a person has looked at it. An
//! older version in place of ours proves less, because an anchor that was cut off goes on signing what it has: `doctor` warns.

use super::{Service, lock};
use crate::clock;
use crate::error::Failure;
use crate::output::{hex, sha256};
use credentials::{Code, Problem, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use store::Store;

/// Table of alarms, by the hash of what they are about.
const TABLE: &str = "alarms";
/// Most alarms that are kept with evidence. Every one takes two documents with good signatures that contradict each other, so
/// only who holds such keys can bring them about. The oldest that somebody has looked at make room.
const ALARMS_MAX: usize = 256;
/// Longest evidence of one alarm, in bytes: two trust lists.
const EVIDENCE_MAX: usize = 2 * 1024 * 1024;

/// One alarm, without its evidence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Alarm {
    /// What kind.
    pub(super) code: Code,
    /// What it is about: a version, a list, a notice's number.
    pub(super) about: String,
    /// Whoever gave us the document, as far as known: a PeerId or DID, or a file.
    pub(super) from: String,
    /// First time.
    pub(super) first: Timestamp,
    /// Last time.
    pub(super) last: Timestamp,
    /// How often.
    pub(super) times: u64,
    /// Whether an operator has looked at it.
    pub(super) is_dismissed: bool,
}

#[derive(Serialize, Deserialize)]
struct Row {
    alarm: Alarm,
    evidence: Vec<String>,
}

/// Alarms of this home. The evidence lies in the store, what is told of it in memory too.
pub(super) struct Alarms {
    store: Store,
    all: Mutex<BTreeMap<String, Alarm>>,
    /// Since the start: alarms that could not be kept.
    lost: AtomicU64,
}

impl Alarm {
    /// Whether it is no more than an older version in place of ours.
    pub(super) fn is_of_age(&self) -> bool {
        self.code == Code::TrustRollback
    }
}

fn damaged(error: impl std::fmt::Display) -> Failure {
    Failure::because(Code::Damaged, error)
}

impl Alarms {
    pub(super) fn load(store: &Store) -> Result<Alarms, Failure> {
        let mut all = BTreeMap::new();
        for (id, bytes) in store.table(TABLE).group(b"")? {
            let row: Row = serde_json::from_slice(&bytes).map_err(damaged)?;
            all.insert(hex(&id), row.alarm);
        }
        let (store, all) = (store.clone(), Mutex::new(all));
        let lost = AtomicU64::default();
        Ok(Alarms { store, all, lost })
    }

    /// Keeps an alarm with its evidence; the same evidence again only counts. An alarm that cannot be kept is logged and
    /// does not hold up what goes on.
    pub(super) fn raise(&self, problem: &Problem, from: &str, evidence: &[String]) {
        match self.keep(problem, from, evidence, false) {
            Ok(true) => tracing::error!(%problem, from, "alarm: evidence is kept"),
            Ok(false) => tracing::debug!(%problem, from, "alarm again"),
            Err(failure) => {
                self.lost.fetch_add(1, Ordering::Relaxed);
                tracing::error!(%problem, from, %failure, "alarm, and it could not be kept");
            }
        }
    }

    /// Keeps the evidence of what is likely nobody's fault: it is shown when somebody asks, and `doctor` says nothing of it.
    pub(super) fn note(&self, problem: &Problem, from: &str, evidence: &[String]) {
        match self.keep(problem, from, evidence, true) {
            Ok(is_new) => tracing::debug!(%problem, from, is_new, "evidence is kept"),
            Err(failure) => tracing::info!(%problem, from, %failure, "evidence could not be kept"),
        }
    }

    /// Alarms since the start that could not be kept.
    pub(super) fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    /// Whether it was new.
    fn keep(&self, problem: &Problem, from: &str, evidence: &[String], is_dismissed: bool) -> Result<bool, Failure> {
        let (code, about) = (problem.code, problem.detail.clone().unwrap_or_default());
        let size = evidence.iter().map(String::len).fold(0, usize::saturating_add);
        if size > EVIDENCE_MAX {
            return Err(Problem::new(Code::TooLarge, "evidence").into());
        }
        let mut named = Vec::from(code.as_str());
        for text in evidence {
            named.extend(sha256(text.as_bytes()));
        }
        let id = sha256(&named);
        let now = clock::now();
        let mut all = lock(&self.all)?;
        let before = all.get(&hex(&id)).cloned();
        let goes = match before {
            None if all.len() >= ALARMS_MAX => {
                let dismissed = all.iter().filter(|(_, alarm)| alarm.is_dismissed);
                let oldest = dismissed.min_by_key(|(_, alarm)| alarm.last).map(|(id, _)| id.clone());
                Some(oldest.ok_or_else(|| Problem::new(Code::TooLarge, "alarms"))?)
            }
            _ => None,
        };
        let alarm = Alarm {
            code,
            about,
            from: from.to_owned(),
            first: before.as_ref().map_or(now, |alarm| alarm.first),
            last: now,
            times: before.as_ref().map_or(1, |alarm| alarm.times.saturating_add(1)),
            is_dismissed: before.as_ref().map_or(is_dismissed, |alarm| alarm.is_dismissed),
        };
        // Whoever sends the same again and again makes nothing be written: what is new is the evidence.
        if before.is_none() {
            let row = Row {
                alarm: alarm.clone(),
                evidence: evidence.to_vec(),
            };
            self.write(&id, &row, goes.as_deref().and_then(from_hex).as_deref())?;
        }
        if let Some(goes) = goes {
            all.remove(&goes);
        }
        all.insert(hex(&id), alarm);
        Ok(before.is_none())
    }

    /// Writes a row; in the same step another one goes.
    fn write(&self, id: &[u8], row: &Row, goes: Option<&[u8]>) -> Result<(), Failure> {
        let bytes = serde_json::to_vec(row).map_err(damaged)?;
        let mut transaction = self.store.transaction();
        if let Some(goes) = goes {
            transaction.delete(&self.store.table(TABLE), goes);
        }
        transaction.put(&self.store.table(TABLE), id, &bytes);
        transaction.commit()?;
        Ok(())
    }

    /// Every alarm by its id, the evidence left out.
    pub(super) fn all(&self) -> Result<Vec<(String, Alarm)>, Problem> {
        Ok(lock(&self.all)?.clone().into_iter().collect())
    }

    /// One with its evidence (`not_found`).
    fn one(&self, id: &str) -> Result<(Vec<u8>, Row), Failure> {
        let key = from_hex(id).ok_or_else(|| Problem::new(Code::NotFound, id))?;
        let bytes = self.store.table(TABLE).get(key.as_slice())?;
        let bytes = bytes.ok_or_else(|| Problem::new(Code::NotFound, id))?;
        Ok((key, serde_json::from_slice(&bytes).map_err(damaged)?))
    }

    fn dismiss(&self, id: &str) -> Result<(), Failure> {
        // Held over the disk, so that a dismissed alarm that makes room meanwhile does not come back.
        let mut all = lock(&self.all)?;
        let (key, mut row) = self.one(id)?;
        if let Some(alarm) = all.get(id) {
            row.alarm = alarm.clone();
        }
        row.alarm.is_dismissed = true;
        self.write(&key, &row, None)?;
        all.insert(id.to_owned(), row.alarm);
        Ok(())
    }
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    text.as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect()
}

fn told(id: &str, alarm: &Alarm) -> Value {
    json!({
        "id": id, "code": alarm.code.as_str(), "about": alarm.about, "from": alarm.from, "times": alarm.times,
        "first": alarm.first.to_string(), "last": alarm.last.to_string(), "dismissed": alarm.is_dismissed,
    })
}

impl Service {
    /// `{"schema": "alarms/v1", "alarms": […]}`; of one that is named also the evidence. `dismiss` notes that somebody has
    /// looked at it: `doctor` is silent about it from then on, and the evidence stays.
    pub(super) fn list_alarms(&self, id: Option<&str>, dismiss: bool) -> Result<Value, Failure> {
        let Some(id) = id else {
            let all = self.alarms.all()?;
            let lines: Vec<Value> = all.iter().map(|(id, alarm)| told(id, alarm)).collect();
            return Ok(json!({ "schema": "alarms/v1", "alarms": lines }));
        };
        if dismiss {
            self.alarms.dismiss(id)?;
        }
        let (_, row) = self.alarms.one(id)?;
        let mut line = told(id, &row.alarm);
        crate::output::At::put(&mut line, "evidence", json!(row.evidence));
        Ok(json!({ "schema": "alarms/v1", "alarms": [line] }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(home: &std::path::Path) -> Store {
        let passphrase = store::Passphrase::new("a synthetic passphrase");
        Store::create(home, &passphrase, store::Params::quick(), crate::service::entropy()).expect("made")
    }

    fn conflict() -> Problem {
        Problem::new(Code::TrustRollback, "1.2.3")
    }

    #[test]
    fn an_alarm_keeps_its_evidence_across_a_restart_and_the_same_again_only_counts() {
        let home = tempfile::tempdir().expect("a folder");
        let store = made(home.path());
        let alarms = Alarms::load(&store).expect("loads");
        let texts = ["one".to_owned(), "two".to_owned()];
        alarms.raise(&conflict(), "a peer", &texts);
        let written = store.sequence();
        alarms.raise(&conflict(), "another", &texts);
        assert_eq!(store.sequence(), written, "nothing is written for the same again");
        let all = alarms.all().expect("reads");
        assert_eq!(all.len(), 1);
        assert_eq!(all[0].1.times, 2);
        alarms.raise(&conflict(), "a peer", &["three".to_owned()]);
        let again = Alarms::load(&store).expect("loads");
        assert_eq!(again.all().expect("reads").len(), 2);
        let (_, row) = again.one(&all[0].0).expect("found");
        assert_eq!(row.evidence, texts);
        assert_eq!(row.alarm.about, "1.2.3");
    }

    #[test]
    fn a_dismissed_alarm_stays_with_its_evidence_and_what_is_not_there_is_not_found() {
        let home = tempfile::tempdir().expect("a folder");
        let store = made(home.path());
        let alarms = Alarms::load(&store).expect("loads");
        alarms.raise(&conflict(), "a peer", &["one".to_owned()]);
        let (id, _) = alarms.all().expect("reads")[0].clone();
        alarms.dismiss(&id).expect("dismissed");
        let again = Alarms::load(&store).expect("loads");
        assert!(again.all().expect("reads")[0].1.is_dismissed);
        assert_eq!(again.one(&id).expect("found").1.evidence, ["one"]);
        for unknown in ["", "zz", &"0".repeat(64), &"æ".repeat(32)] {
            let refused = alarms.dismiss(unknown).expect_err("refused");
            assert_eq!(refused.problem.code, Code::NotFound, "{unknown}");
        }
    }

    #[test]
    fn evidence_over_its_limit_and_alarms_over_their_number_are_not_kept() {
        let home = tempfile::tempdir().expect("a folder");
        let alarms = Alarms::load(&made(home.path())).expect("loads");
        alarms.raise(&conflict(), "a peer", &["x".repeat(EVIDENCE_MAX + 1)]);
        assert_eq!(alarms.all().expect("reads").len(), 0);
        assert_eq!(alarms.lost(), 1);
        for number in 0..=ALARMS_MAX {
            alarms.raise(&conflict(), "a peer", &[number.to_string()]);
        }
        assert_eq!(alarms.all().expect("reads").len(), ALARMS_MAX);
        assert_eq!(alarms.lost(), 2);
    }

    #[test]
    fn alarms_that_somebody_has_looked_at_make_room_for_new_ones() {
        let home = tempfile::tempdir().expect("a folder");
        let store = made(home.path());
        let alarms = Alarms::load(&store).expect("loads");
        alarms.note(&conflict(), "a peer", &["late".to_owned()]);
        for number in 1..ALARMS_MAX {
            alarms.raise(&conflict(), "a peer", &[number.to_string()]);
        }
        let open = |alarms: &Alarms| {
            let all = alarms.all().expect("reads");
            (all.len(), all.iter().filter(|(_, alarm)| !alarm.is_dismissed).count())
        };
        assert_eq!(open(&alarms), (ALARMS_MAX, ALARMS_MAX - 1));
        alarms.raise(&conflict(), "a peer", &["a new one".to_owned()]);
        assert_eq!(open(&alarms), (ALARMS_MAX, ALARMS_MAX));
        let (id, _) = alarms.all().expect("reads")[0].clone();
        alarms.dismiss(&id).expect("dismissed");
        alarms.raise(&conflict(), "a peer", &["the next".to_owned()]);
        assert_eq!(alarms.lost(), 0);
        let again = Alarms::load(&store).expect("loads");
        assert_eq!(open(&again), (ALARMS_MAX, ALARMS_MAX));
        assert_eq!(again.dismiss(&id).expect_err("has gone").problem.code, Code::NotFound);
    }
}
