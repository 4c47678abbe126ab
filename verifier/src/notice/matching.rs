//! From a notice in its place to what the bank has to do for which customer.

use super::Desk;
use super::tables::{MatchRecord, OpeningRecord, Standing, Stream, Tables, debtor_names, joined};
use crate::error::Refusal;
use crate::{Error, Verifier};
use credentials::notice::{Content, Debtor, Kind, Proposal, check_about};
use credentials::{Code, Problem, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use store::{Key, Transaction};

/// What the bank has to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Block all accounts.
    Block,
    /// Open them again.
    Reopen,
    /// Decide: the order was set aside.
    Decide,
    /// Take note.
    Information,
}

/// Where a customer stands by one opening.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MatchState {
    /// The opening stands.
    Blocked,
    /// It was deleted.
    Reopened,
    /// It was set aside.
    BankDecides,
}

/// Something to do for a customer. Given out in order; the same notice gives the same customer one event for the same effect.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Rises by one with each event.
    pub id: u64,
    /// The customer's number.
    pub customer: String,
    /// What to do.
    pub effect: Effect,
    /// The register's DID.
    pub register: String,
    /// Number of the notice.
    pub number: u64,
    /// The opening that it is about.
    pub opening: String,
    /// When it took effect here.
    pub at: Timestamp,
}

impl std::fmt::Debug for Event {
    /// Without the customer.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "Event({} {:?} {} {})",
            self.id, self.effect, self.register, self.number
        )
    }
}

/// What a notice came to.
pub(super) struct Note {
    /// Why it acts on nothing.
    pub(super) problem: Option<Problem>,
    /// The number of the next event.
    pub(super) next_event: u64,
}

/// Collects events into a transaction.
pub(super) struct Events<'a> {
    tables: &'a Tables,
    pub(super) next: u64,
    register: &'a str,
    now: Timestamp,
}

impl Events<'_> {
    pub(super) fn add(
        &mut self,
        changes: &mut Transaction,
        customer: &str,
        effect: Effect,
        (number, opening): (u64, &str),
    ) -> Result<(), Error> {
        let event = Event {
            id: self.next,
            customer: customer.to_owned(),
            effect,
            register: self.register.to_owned(),
            number,
            opening: opening.to_owned(),
            at: self.now,
        };
        let id = self.next.to_be_bytes();
        changes.put(&self.tables.events.table, &id, &self.tables.events.encode(&event)?);
        self.next = self.next.saturating_add(1);
        let next = self.tables.counters.encode(&self.next)?;
        changes.put(&self.tables.counters.table, super::NEXT_EVENT, &next);
        Ok(())
    }
}

impl OpeningRecord {
    /// As an opening begins.
    pub(super) fn new(number: u64, debtor: Debtor) -> OpeningRecord {
        OpeningRecord {
            number,
            debtor,
            standing: Standing::Stands,
            is_closed: false,
        }
    }

    /// After a later notice about it.
    pub(super) fn after(&self, kind: Kind) -> OpeningRecord {
        let mut after = self.clone();
        match kind {
            Kind::Aapning => {}
            Kind::Sletting => after.standing = Standing::Deleted,
            Kind::Oppheving => after.standing = Standing::SetAside,
            Kind::Avslutning => after.is_closed = true,
        }
        after
    }

    /// What it means for a customer who is matched now; nothing when it was deleted, or closed before the match.
    pub(super) fn meaning(&self) -> Option<(MatchState, Effect)> {
        match self.standing {
            Standing::Stands if self.is_closed => None,
            Standing::Stands => Some((MatchState::Blocked, Effect::Block)),
            Standing::SetAside => Some((MatchState::BankDecides, Effect::Decide)),
            Standing::Deleted => None,
        }
    }
}

/// Whether a notice fits what went before: later in time, and about an opening of its debtor that can still be undone.
pub(super) fn fits(
    stream: &Stream,
    proposal: &Proposal,
    content: &Content,
    opening: Option<&OpeningRecord>,
) -> Result<(), Problem> {
    if proposal.registered() < stream.registered {
        return Err(Problem::new(Code::NoticeInvalid, "registreringstidspunkt"));
    }
    check_about(content, opening.map(|opening| &opening.debtor))?;
    let undoes = matches!(content.kind, Kind::Sletting | Kind::Oppheving);
    if undoes && opening.is_some_and(|opening| opening.standing != Standing::Stands) {
        return Err(Problem::new(Code::NoticeInvalid, "gjelderVarsel"));
    }
    Ok(())
}

impl Verifier {
    /// Writes what a notice does into its transaction.
    pub(super) fn effects(
        &self,
        changes: &mut Transaction,
        now: Timestamp,
        stream: &Stream,
        proposal: &Proposal,
    ) -> Result<Note, Refusal> {
        let desk = &self.notices;
        let register = proposal.register().to_string();
        let refused = |problem: Problem| Note {
            problem: Some(problem),
            next_event: desk.next_event,
        };
        let content = match proposal.content() {
            Ok(content) => content,
            Err(problem) => return Ok(refused(problem.clone())),
        };
        let opening = match &content.about {
            Some(uuid) => desk.opening(&register, uuid)?,
            None => None,
        };
        if let Err(problem) = fits(stream, proposal, content, opening.as_ref()) {
            return Ok(refused(problem));
        }
        // A name used twice would put another debtor in the place of one who is blocked.
        if content.kind == Kind::Aapning && desk.opening(&register, proposal.uuid())?.is_some() {
            return Ok(refused(Problem::new(Code::NoticeInvalid, "uuid")));
        }
        let (uuid, opening) = match (&content.about, opening) {
            (Some(about), Some(opening)) => (about.clone(), opening.after(content.kind)),
            _ => (
                proposal.uuid().to_owned(),
                OpeningRecord::new(proposal.number(), content.debtor.clone()),
            ),
        };
        let mut events = desk.events(&register, now);
        let place = (proposal.number(), uuid.as_str());
        let acts = content.kind == Kind::Aapning || content.about.is_some();
        let mut matched = BTreeSet::new();
        for debtor in [&opening.debtor, &content.debtor] {
            matched.extend(desk.customers_of(&register, debtor)?);
        }
        for customer in &matched {
            if acts {
                desk.put_match(changes, &mut events, customer, content.kind, place)?;
            } else {
                events.add(changes, customer, Effect::Information, place)?;
            }
        }
        for number in &content.linked {
            if desk.tables.customers.table.contains(number)? && !matched.contains(number) {
                events.add(changes, number, Effect::Information, place)?;
            }
        }
        if acts {
            desk.put_opening(changes, &register, &uuid, &opening)?;
        }
        Ok(Note {
            problem: None,
            next_event: events.next,
        })
    }
}

impl Desk {
    pub(super) fn events<'a>(&'a self, register: &'a str, now: Timestamp) -> Events<'a> {
        Events {
            tables: &self.tables,
            next: self.next_event,
            register,
            now,
        }
    }

    /// Customers who are the debtor: by exact number, or by a tag.
    pub(super) fn customers_of(&self, register: &str, debtor: &Debtor) -> Result<BTreeSet<String>, Error> {
        let mut found = BTreeSet::new();
        match debtor {
            Debtor::Company(number) => {
                if self.tables.customers.table.contains(number)? {
                    found.insert(number.clone());
                }
            }
            Debtor::Person(tags) => {
                for tag in tags {
                    let id = joined(&[register, &tag.key, &tag.value]);
                    if let Some(person) = self.tables.tagged.read::<String>(&id)? {
                        found.insert(person);
                    }
                }
            }
        }
        Ok(found)
    }

    pub(super) fn put_opening(
        &self,
        changes: &mut Transaction,
        register: &str,
        uuid: &str,
        opening: &OpeningRecord,
    ) -> Result<(), Error> {
        let tables = &self.tables;
        let at = Key::in_group(register.as_bytes(), uuid.as_bytes());
        changes.put(&tables.openings.table, at, &tables.openings.encode(opening)?);
        let id = Desk::opening_id(register, uuid);
        for name in debtor_names(register, &opening.debtor) {
            changes.put(&tables.openings_of.table, Key::in_group(&name, &id), &[]);
        }
        Ok(())
    }

    /// Notes what a notice of `kind` means for a customer, and tells the bank.
    fn put_match(
        &self,
        changes: &mut Transaction,
        events: &mut Events<'_>,
        customer: &str,
        kind: Kind,
        (number, uuid): (u64, &str),
    ) -> Result<(), Error> {
        let id = Desk::opening_id(events.register, uuid);
        let at = Key::in_group(customer.as_bytes(), &id);
        let known: Option<MatchRecord> = self.tables.matches.read(at)?;
        let (state, effect) = match kind {
            Kind::Aapning => (Some(MatchState::Blocked), Effect::Block),
            Kind::Sletting => (Some(MatchState::Reopened), Effect::Reopen),
            Kind::Oppheving => (Some(MatchState::BankDecides), Effect::Decide),
            Kind::Avslutning => (None, Effect::Information),
        };
        // A customer who was never matched by this opening has nothing to be opened or decided.
        let Some(state) = state.or(known.as_ref().map(|known| known.state)) else {
            return events.add(changes, customer, effect, (number, uuid));
        };
        if known.is_none() && kind != Kind::Aapning {
            return events.add(changes, customer, Effect::Information, (number, uuid));
        }
        let record = MatchRecord {
            state,
            is_closed: kind == Kind::Avslutning || known.is_some_and(|known| known.is_closed),
            number,
            at: events.now,
        };
        changes.put(&self.tables.matches.table, at, &self.tables.matches.encode(&record)?);
        events.add(changes, customer, effect, (number, uuid))
    }

    /// Matches one customer, who is new or has a new tag, with the openings that are there. Returns how many matched.
    pub(super) fn match_customer(
        &self,
        changes: &mut Transaction,
        now: Timestamp,
        (customer, names): (&str, &[Vec<u8>]),
        next_event: &mut u64,
    ) -> Result<u64, Error> {
        let mut matched = 0_u64;
        let mut done = BTreeSet::new();
        for name in names {
            for (id, _) in self.tables.openings_of.table.group(name)? {
                let text = std::str::from_utf8(&id).ok().and_then(|id| id.split_once('\0'));
                let (register, uuid) = text.ok_or_else(|| self.tables.openings_of.unreadable())?;
                let Some(opening) = self.opening(register, uuid)? else {
                    continue;
                };
                let at = Key::in_group(customer.as_bytes(), &id);
                let is_known = self.tables.matches.table.contains(at)? || !done.insert(id.clone());
                let (Some((state, effect)), false) = (opening.meaning(), is_known) else {
                    continue;
                };
                let mut events = self.events(register, now);
                events.next = *next_event;
                let record = MatchRecord {
                    state,
                    is_closed: opening.is_closed,
                    number: opening.number,
                    at: now,
                };
                changes.put(&self.tables.matches.table, at, &self.tables.matches.encode(&record)?);
                events.add(changes, customer, effect, (opening.number, uuid))?;
                *next_event = events.next;
                matched = matched.saturating_add(1);
            }
        }
        Ok(matched)
    }
}
