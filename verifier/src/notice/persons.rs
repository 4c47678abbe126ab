//! Tags of our customers who are persons: blinded here, evaluated by the register, kept sealed.

use super::Desk;
use super::pulling::Pull;
use super::tables::{Kept, joined};
use crate::error::Refusal;
use crate::{Error, Verifier};
use credentials::identifier::PersonNumber;
use credentials::notice::KeyStatement;
use credentials::notice::tag::Blinding;
use credentials::protocol::notice::{Ask, EVALUATE_MAX};
use credentials::time::DAY;
use credentials::{Code, Did, Problem, Timestamp};
use serde_bytes::ByteBuf;
use std::collections::{BTreeMap, BTreeSet};
use store::Key;

/// How long an answer is waited for, in seconds, before the same persons are asked for again.
const ANSWER_SECONDS: i64 = 60;
/// How long a register that cannot answer is left alone, in seconds.
const AWAY_SECONDS: i64 = 300;

/// Persons without a tag, and what is being asked. No `Debug`: it holds numbers and blinds.
#[derive(Default)]
pub(super) struct State {
    /// By register and name of a key; made when it is first needed.
    queues: BTreeMap<(String, String), BTreeSet<PersonNumber>>,
    /// By register.
    asked: BTreeMap<String, Asked>,
    /// Not asked again before, by register.
    pause: BTreeMap<String, Timestamp>,
    /// How many are asked for at a time, by register, where its count for us has no room for more.
    batch: BTreeMap<String, usize>,
}

struct Asked {
    key: String,
    persons: Vec<PersonNumber>,
    blinding: Blinding,
    at: Timestamp,
}

impl State {
    pub(super) fn add(&mut self, persons: Vec<PersonNumber>) {
        for queue in self.queues.values_mut() {
            queue.extend(persons.iter().cloned());
        }
    }

    pub(super) fn remove(&mut self, numbers: &BTreeSet<String>) {
        for queue in self.queues.values_mut() {
            queue.retain(|person| !numbers.contains(person.as_str()));
        }
        // Whoever is being asked about is dropped with the whole question.
        self.asked
            .retain(|_, asked| !asked.persons.iter().any(|person| numbers.contains(person.as_str())));
    }
}

impl Verifier {
    /// The next blind evaluation to ask a register for, if a customer lacks a tag.
    pub(super) fn evaluation_due(&mut self, now: Timestamp, register: &Did) -> Result<Option<Pull>, Refusal> {
        let name = register.to_string();
        let state = &self.notices.persons;
        let is_asked = state
            .asked
            .get(&name)
            .is_some_and(|asked| now.since(asked.at) < ANSWER_SECONDS);
        let is_paused = state.pause.get(&name).is_some_and(|until| now < *until);
        if is_asked || is_paused {
            return Ok(None);
        }
        let most = state.batch.get(&name).copied().unwrap_or(EVALUATE_MAX);
        for key in self.notices.keys_of(&name)? {
            let queue = self.notices.untagged(&name, &key)?;
            let persons: Vec<PersonNumber> = queue.iter().take(most).cloned().collect();
            if persons.is_empty() {
                continue;
            }
            let (blinding, elements) = Blinding::begin(register, &key, &persons, self.random.as_mut())?;
            let asked = Asked {
                key: key.clone(),
                persons,
                blinding,
                at: now,
            };
            self.notices.persons.asked.insert(name, asked);
            return Ok(Some(Pull {
                register: register.clone(),
                ask: Ask::Evaluate {
                    key,
                    elements: elements.iter().map(|element| ByteBuf::from(element.to_vec())).collect(),
                },
                is_for_register: true,
            }));
        }
        Ok(None)
    }

    /// Takes statements of keys; one that is published stays. `notice_conflict` for another key of the same name.
    pub(super) fn take_keys(&mut self, now: Timestamp, register: &str, statements: &[String]) -> Result<(), Refusal> {
        let trust = self.trust.as_ref().ok_or(Code::TrustMissing)?;
        let tables = &self.notices.tables;
        for text in statements {
            let statement = KeyStatement::open(text, trust, now)?;
            if statement.register.to_string() != register {
                return Err(Code::WrongRecipient.into());
            }
            let at = Key::in_group(register.as_bytes(), statement.name.as_bytes());
            if let Some(known) = tables.keys.read::<String>(at)? {
                if KeyStatement::parse(&known)?.public != statement.public {
                    return Err(Problem::new(Code::NoticeConflict, "offentligNoekkel").into());
                }
                continue;
            }
            let mut changes = self.tables.begin();
            changes.put(&tables.keys.table, at, &tables.keys.encode(&statement.text)?);
            changes.commit()?;
        }
        Ok(())
    }

    /// Takes evaluated elements: checks the proof against the published key, keeps the tags and matches with openings.
    pub(super) fn take_evaluated(
        &mut self,
        now: Timestamp,
        register: &str,
        elements: &[ByteBuf],
        proof: &[u8],
    ) -> Result<(), Refusal> {
        let asked = self.notices.persons.asked.remove(register);
        let asked = asked.ok_or(Code::UnexpectedMessage)?;
        let at = Key::in_group(register.as_bytes(), asked.key.as_bytes());
        let statement: Option<String> = self.notices.tables.keys.read(at)?;
        let statement = KeyStatement::parse(&statement.ok_or(Code::UnknownKey)?)?;
        let elements: Vec<&[u8]> = elements.iter().map(|element| element.as_slice()).collect();
        let tags = match asked.blinding.finish(&statement.public, &elements, proof) {
            Ok(tags) => tags,
            Err(problem) => {
                // A register that answers falsely is not asked again at once.
                self.pause_evaluations(now.plus(ANSWER_SECONDS), register);
                return Err(problem.into());
            }
        };
        let desk = &self.notices;
        let tables = &desk.tables;
        let group = joined(&[register, &asked.key]);
        let mut changes = self.tables.begin();
        let mut next_event = desk.next_event;
        for (person, tag) in asked.persons.iter().zip(&tags) {
            let number = person.as_str();
            if !tables.customers.table.contains(number)? {
                continue;
            }
            let value = tables.tags.encode(&tag.value)?;
            changes.put(&tables.tags.table, Key::in_group(&group, number.as_bytes()), &value);
            let id = joined(&[register, &tag.key, &tag.value]);
            changes.put(&tables.tagged.table, &id, &tables.tagged.encode(&number)?);
            let names = [joined(&["tag", register, &tag.key, &tag.value])];
            desk.match_customer(&mut changes, now, (number, &names), &mut next_event)?;
        }
        changes.commit()?;
        self.notices.next_event = next_event;
        let place = (register.to_owned(), asked.key.clone());
        if let Some(queue) = self.notices.persons.queues.get_mut(&place) {
            for person in &asked.persons {
                queue.remove(person);
            }
        }
        self.changed();
        Ok(())
    }

    /// A register evaluated nothing of what was asked. Where its count has no room for all of them, half as many are asked for at
    /// once; where it has none for a single one, nothing until the day is over.
    pub(super) fn evaluations_refused(&mut self, now: Timestamp, register: &str, code: Code) {
        let state = &mut self.notices.persons;
        let asked = state.asked.get(register).map_or(0, |asked| asked.persons.len());
        let until = match (code, asked / 2) {
            (Code::RateLimited, 0) => {
                state.batch.remove(register);
                now.day().plus(DAY)
            }
            (Code::RateLimited, fewer) => {
                state.batch.insert(register.to_owned(), fewer);
                now
            }
            _ => now.plus(AWAY_SECONDS),
        };
        self.pause_evaluations(until, register);
    }

    /// Nothing is evaluated by this register before then.
    fn pause_evaluations(&mut self, until: Timestamp, register: &str) {
        self.notices.persons.asked.remove(register);
        self.notices.persons.pause.insert(register.to_owned(), until);
    }

    /// Tags of customers that are held, over all keys.
    pub fn customers_tagged(&self) -> Result<u64, Error> {
        Ok(self.notices.tables.tags.table.len()?)
    }

    /// Persons who still lack a tag of a key that we know, over all keys.
    pub fn customers_untagged(&mut self) -> Result<u64, Error> {
        let mut count = 0_u64;
        for (register, key) in self.notices.key_names()? {
            let queue = self.notices.untagged(&register, &key)?;
            count = count.saturating_add(queue.len() as u64);
        }
        Ok(count)
    }
}

impl Desk {
    /// Registers and names of all keys that we know.
    pub(super) fn key_names(&self) -> Result<Vec<(String, String)>, Error> {
        let table: &Kept = &self.tables.keys;
        let mut names = Vec::new();
        let mut is_whole = true;
        table.table.scan(&mut |register, name, _| {
            match (std::str::from_utf8(register), std::str::from_utf8(name)) {
                (Ok(register), Ok(name)) => names.push((register.to_owned(), name.to_owned())),
                _ => is_whole = false,
            }
            is_whole
        })?;
        names.sort();
        if is_whole { Ok(names) } else { Err(table.unreadable()) }
    }

    fn keys_of(&self, register: &str) -> Result<Vec<String>, Error> {
        let names = self.key_names()?.into_iter();
        Ok(names.filter(|(of, _)| of == register).map(|(_, name)| name).collect())
    }

    /// Persons without a tag of a key.
    fn untagged(&mut self, register: &str, key: &str) -> Result<&BTreeSet<PersonNumber>, Error> {
        let place = (register.to_owned(), key.to_owned());
        if !self.persons.queues.contains_key(&place) {
            let group = joined(&[register, key]);
            let mut queue = BTreeSet::new();
            self.tables.customers.table.scan(&mut |_, id, _| {
                queue.extend(std::str::from_utf8(id).ok().and_then(PersonNumber::parse));
                true
            })?;
            self.tables.tags.table.scan(&mut |of, id, _| {
                if of == group
                    && let Some(person) = std::str::from_utf8(id).ok().and_then(PersonNumber::parse)
                {
                    queue.remove(&person);
                }
                true
            })?;
            self.persons.queues.insert(place.clone(), queue);
        }
        self.persons
            .queues
            .get(&place)
            .ok_or_else(|| self.tables.customers.unreadable())
    }
}
