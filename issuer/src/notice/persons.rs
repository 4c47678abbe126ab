//! The register's keys for tags of persons, and evaluations for banks: counted durably before they are computed.

use credentials::identifier::PersonNumber;
use credentials::notice::tag::{KeyStatement, TagKey};
use credentials::notice::{Debtor, Paper, SERVICE, Tag};
use credentials::protocol::notice::{EVALUATE_MAX, Reply};
use credentials::time::DAY;
use credentials::{Code, Did, Problem, Timestamp};
use serde_bytes::ByteBuf;
use store::{Key, Transaction};

use super::tables::{ALIVE, Count, KeyRecord, LOST, Lost};
use crate::tables::Secret;
use crate::{Error, Issuer};

/// Most keys of the register that are kept: one a year for a generation.
const KEYS_MAX: usize = 32;
/// Most tags in one notice.
const TAGS_MAX: usize = 4;

/// How many numbers a bank may have evaluated. Whoever may evaluate everybody's learns whom every notice is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoticeLimits {
    /// Of one bank in one day (UTC), all keys together.
    pub per_day: u64,
    /// Of one bank for one key, in all.
    pub per_key: u64,
}

impl Default for NoticeLimits {
    /// 50,000 a day, so that a bank of a million customers is through in three weeks; 1,500,000 for a key, which is under a
    /// third of the people who have a number.
    fn default() -> NoticeLimits {
        NoticeLimits {
            per_day: 50_000,
            per_key: 1_500_000,
        }
    }
}

impl Issuer {
    /// Sets how many numbers a bank may have evaluated.
    pub fn set_notice_limits(&mut self, limits: NoticeLimits) {
        self.notices.limits = limits;
    }

    /// Makes the key `name` (the year) for tags of persons and writes its statement, to be signed and published like a notice. Keys
    /// of following years overlap: while two are valid, notices bear a tag of each.
    ///
    /// Drafting the same name again before it was published gives the same key. Of a published one whose statement counts no more,
    /// because a key that signed it was compromised, the same statement is given to be signed anew. Errors: as
    /// [`Issuer::notice_draft`]; `malformed` for a name or window that is none; `state_final` when it was published;
    /// `too_large` beyond 32 keys.
    pub fn notice_key(
        &mut self,
        now: Timestamp,
        name: &str,
        (valid_from, valid_until): (Timestamp, Timestamp),
    ) -> Result<String, Error> {
        let trust = self.publisher(now)?;
        if valid_until <= valid_from {
            return Err(Problem::new(Code::Malformed, "gyldigTil").into());
        }
        let keys = &self.notices.tables.keys;
        let known: Option<KeyRecord> = keys.read(name)?;
        if let Some(statement) = known.as_ref().and_then(|record| record.statement.as_ref()) {
            return match KeyStatement::open(statement, &trust, now) {
                Err(problem) if problem.code == Code::KeyCompromised => {
                    Ok(Paper::parse(statement)?.bare()?.text().to_owned())
                }
                Err(problem) => Err(problem.into()),
                Ok(_) => Err(Code::StateFinal.into()),
            };
        }
        let key = match &known {
            Some(record) => TagKey::from_seed(name, &record.seed.0)?,
            None if keys.table.len()? >= KEYS_MAX as u64 => return Err(Problem::new(Code::TooLarge, "keys").into()),
            None => TagKey::generate(name, self.random.as_mut())?,
        };
        let record = KeyRecord {
            seed: Secret(*key.seed()),
            valid_from,
            valid_until,
            statement: None,
        };
        let mut changes = self.store.transaction();
        self.put_key(&mut changes, name, &record)?;
        self.put_alive(&mut changes, now)?;
        changes.commit()?;
        Ok(KeyStatement::write(
            &self.settings.did,
            &key,
            valid_from,
            valid_until,
            now,
        ))
    }

    fn put_key(&self, changes: &mut Transaction, name: &str, record: &KeyRecord) -> Result<(), Error> {
        let keys = &self.notices.tables.keys;
        let bytes = zeroize::Zeroizing::new(keys.encode(record)?);
        changes.put(&keys.table, name, &bytes);
        Ok(())
    }

    pub(super) fn tag_key(&self, name: &str) -> Result<Option<TagKey>, Error> {
        let record: Option<KeyRecord> = self.notices.tables.keys.read(name)?;
        let key = record.map(|record| TagKey::from_seed(name, &record.seed.0));
        Ok(key.transpose()?)
    }

    pub(super) fn publish_key(&mut self, statement: &KeyStatement) -> Result<(), Error> {
        let record: Option<KeyRecord> = self.notices.tables.keys.read(&statement.name)?;
        let mut record = record.ok_or(Code::NotFound)?;
        let key = TagKey::from_seed(&statement.name, &record.seed.0)?;
        if key.public() != statement.public {
            return Err(Problem::new(Code::NoticeConflict, "offentligNoekkel").into());
        }
        // One that is published stays as it is, because banks hold it; but it may be signed anew.
        if let Some(known) = &record.statement
            && Paper::parse(known)?.hash()? != Paper::parse(&statement.text)?.hash()?
        {
            return Ok(());
        }
        record.valid_from = statement.valid_from;
        record.valid_until = statement.valid_until;
        record.statement = Some(statement.text.clone());
        let mut changes = self.store.transaction();
        self.put_key(&mut changes, &statement.name, &record)?;
        changes.commit()?;
        Ok(())
    }

    /// Forgets a key whose tags stand in no opening any more: nobody, the register included, can match by it again.
    ///
    /// Errors: `not_found`; `state_final` while an opening with its tags stands, or while it is valid at `now`.
    pub fn notice_key_destroy(&mut self, now: Timestamp, name: &str) -> Result<(), Error> {
        let record: Option<KeyRecord> = self.notices.tables.keys.read(name)?;
        let record = record.ok_or(Code::NotFound)?;
        let openings = self.notices.tables.openings.all::<super::OpeningRecord>()?;
        let is_needed = openings.iter().any(|(_, opening)| {
            let bears = matches!(&opening.debtor, Debtor::Person(tags) if tags.iter().any(|tag| tag.key == name));
            bears && opening.stands && !opening.is_closed
        });
        if is_needed || now <= record.valid_until {
            return Err(Problem::new(Code::StateFinal, name).into());
        }
        let mut changes = self.store.transaction();
        changes.delete(&self.notices.tables.keys.table, name);
        changes.commit()?;
        Ok(())
    }

    /// Published statements of the keys that are still evaluated, the newest last.
    pub(super) fn tag_key_statements(&self) -> Result<Vec<String>, Error> {
        let mut records: Vec<KeyRecord> = self
            .notices
            .tables
            .keys
            .all()?
            .into_iter()
            .map(|(_, record)| record)
            .collect();
        records.sort_by_key(|record| record.valid_from);
        Ok(records.into_iter().filter_map(|record| record.statement).collect())
    }

    /// The tags of a person: of every key in use, and of those that the opening bears which the notice is about.
    pub(super) fn tags(&self, now: Timestamp, person: &PersonNumber, about: Option<Debtor>) -> Result<Vec<Tag>, Error> {
        let about = match about {
            Some(Debtor::Person(tags)) => tags,
            _ => Vec::new(),
        };
        let mut tags = Vec::new();
        let mut records = self.notices.tables.keys.all::<KeyRecord>()?;
        // Those of the opening first: by them receivers see that it is the same person.
        let bears = |name: &[u8]| about.iter().any(|tag| tag.key.as_bytes() == name);
        records.sort_by_key(|(name, record)| (!bears(name), std::cmp::Reverse(record.valid_from)));
        for (name, record) in records {
            let name = String::from_utf8(name).map_err(|_| Error::Unreadable {
                table: "issuer.notice-keys",
            })?;
            let is_in_use = record.statement.is_some() && record.valid_from <= now && now <= record.valid_until;
            if is_in_use || bears(name.as_bytes()) {
                tags.push(TagKey::from_seed(&name, &record.seed.0)?.tag(&self.settings.did, person)?);
            }
        }
        tags.truncate(TAGS_MAX);
        if tags.is_empty() {
            return Err(Problem::new(Code::NotFound, "noekkel").into());
        }
        Ok(tags)
    }

    /// Evaluates for a bank: registered for S11, within its counts, and counted durably before anything is computed.
    pub(super) fn evaluate(
        &mut self,
        now: Timestamp,
        asker: Option<&Did>,
        key: &str,
        elements: &[ByteBuf],
    ) -> Result<Reply, Error> {
        let trust = self.publisher(now)?;
        let asker = asker.ok_or(Code::NotLicensed)?;
        let bank = trust.organisation(asker).ok_or(Code::NotLicensed)?;
        bank.service(SERVICE).ok_or(Code::NotLicensed)?;
        if elements.is_empty() {
            return Err(Problem::new(Code::Malformed, "elements").into());
        }
        if elements.len() > EVALUATE_MAX {
            return Err(Problem::new(Code::TooLarge, "elements").into());
        }
        let record: Option<KeyRecord> = self.notices.tables.keys.read(key)?;
        let record = record.filter(|record| record.statement.is_some());
        let record = record.ok_or_else(|| Problem::new(Code::NotFound, "key"))?;
        self.count(now, asker, key, elements.len() as u64)?;
        let key = TagKey::from_seed(key, &record.seed.0)?;
        let elements: Vec<&[u8]> = elements.iter().map(|element| element.as_slice()).collect();
        let evaluated = key.evaluate(&elements, self.random.as_mut())?;
        Ok(Reply::Evaluated {
            elements: evaluated
                .elements
                .iter()
                .map(|element| ByteBuf::from(element.to_vec()))
                .collect(),
            proof: ByteBuf::from(evaluated.proof),
        })
    }

    /// Counts, or refuses with `rate_limited` (`day`, `key`).
    ///
    /// Counts since a backup are lost with the home. So after a restore every bank's day counts as used until it is over, and of
    /// a key as many as the days since the backup allowed.
    fn count(&self, now: Timestamp, asker: &Did, key: &str, more: u64) -> Result<(), Error> {
        let tables = &self.notices.tables;
        let table = &tables.evaluations;
        let group = asker.to_string();
        let today = now.day().unix();
        let limits = self.notices.limits;
        let lost: Lost = tables.state.read(LOST)?.unwrap_or_default();
        if today <= lost.until {
            return Err(Problem::new(Code::RateLimited, "day").into());
        }
        let mut changes = self.store.transaction();
        for (id, day, most, detail) in [
            ("day".to_owned(), today, limits.per_day, "day"),
            (format!("key {key}"), 0, limits.per_key, "key"),
        ] {
            let at = Key::in_group(group.as_bytes(), id.as_bytes());
            let known: Count = table.read(at)?.unwrap_or_default();
            // A clock that was set back does not give a day twice.
            let day = day.max(known.day);
            let before = if known.day == day { known.count } else { 0 };
            // Days that are over count for a key alone.
            let days = if day == 0 {
                lost.days.saturating_sub(known.lost)
            } else {
                0
            };
            let missing = limits.per_day.saturating_mul(days);
            let count = before.saturating_add(missing).saturating_add(more);
            if count > most {
                return Err(Problem::new(Code::RateLimited, detail).into());
            }
            let count = Count {
                day,
                count,
                lost: lost.days,
            };
            changes.put(&table.table, at, &table.encode(&count)?);
        }
        self.put_alive(&mut changes, now)?;
        changes.commit()?;
        Ok(())
    }

    /// Notes the day, so that a restored home knows since when counts may be missing.
    pub(super) fn put_alive(&self, changes: &mut Transaction, now: Timestamp) -> Result<(), Error> {
        let state = &self.notices.tables.state;
        let today = now.day().unix();
        let known: Option<i64> = state.read(ALIVE)?;
        if known.is_none_or(|known| known < today) {
            changes.put(&state.table, ALIVE, &state.encode(&today)?);
        }
        Ok(())
    }

    /// What a restore may have lost of the counts: everything that the days since the newest one in the backup allowed. Keys made
    /// since are lost too, so that a backup from before the first key lacks no counts.
    pub(super) fn put_lost(&self, changes: &mut Transaction, now: Timestamp) -> Result<(), Error> {
        let state = &self.notices.tables.state;
        let today = now.day().unix();
        let is_keyless = self.notices.tables.keys.table.is_empty()?;
        let known: Lost = state.read(LOST)?.unwrap_or_default();
        let Some(since) = state.read::<i64>(ALIVE)?.filter(|_| !is_keyless) else {
            return Ok(());
        };
        let days = today.saturating_sub(since).max(0) / DAY;
        let lost = Lost {
            until: known.until.max(today),
            // The newest day of the backup may have gone on after it.
            days: known.days.saturating_add(days.unsigned_abs()).saturating_add(1),
        };
        changes.put(&state.table, LOST, &state.encode(&lost)?);
        Ok(())
    }

    /// How many numbers were evaluated: organisation, what is counted (`day`, or `key` and its name), count.
    pub fn notice_evaluations(&self) -> Result<Vec<(String, String, u64)>, Error> {
        let table = &self.notices.tables.evaluations;
        let mut counts = Vec::new();
        let mut is_readable = true;
        table.table.scan(&mut |group, id, bytes| {
            match (
                std::str::from_utf8(group),
                std::str::from_utf8(id),
                table.decode::<Count>(bytes),
            ) {
                (Ok(group), Ok(id), Ok(count)) => counts.push((group.to_owned(), id.to_owned(), count.count)),
                _ => is_readable = false,
            }
            is_readable
        })?;
        if !is_readable {
            return Err(Error::Unreadable {
                table: "issuer.notice-evaluations",
            });
        }
        counts.sort();
        Ok(counts)
    }
}
