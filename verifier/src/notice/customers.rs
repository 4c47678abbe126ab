//! The bank's own customers, by number only, sealed; matched with the openings that stand when they come.

use super::Desk;
use super::tables::joined;
use crate::error::Refusal;
use crate::{Error, Verifier};
use credentials::identifier::{OrganisationNumber, PersonNumber};
use credentials::{Code, Problem, Timestamp};
use serde::Serialize;
use std::collections::BTreeSet;
use store::{Key, Transaction};

/// Lines that one call takes and one transaction writes.
pub const LINES_MAX: usize = 1_000;
/// What the first line may say instead of a number.
const HEADER: &str = "nummer";

/// What came of lines of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CustomersReport {
    /// New customers.
    pub added: u64,
    /// Known ones, also those twice in the file.
    pub known: u64,
    /// Customers who were removed.
    pub removed: u64,
    /// Matches with openings that stand.
    pub matched: u64,
    /// Lines that hold no number of a company or person with fitting check digits; never what they hold.
    pub rejected: Vec<u64>,
}

/// A number, checked.
enum Number {
    Company(OrganisationNumber),
    Person(PersonNumber),
}

impl Number {
    fn parse(text: &str) -> Option<Number> {
        // The length tells which of the two: never guessed from digits.
        match text.len() {
            9 => OrganisationNumber::parse(text).map(Number::Company),
            11 => PersonNumber::parse(text).map(Number::Person),
            _ => None,
        }
    }

    fn as_str(&self) -> &str {
        match self {
            Number::Company(number) => number.as_str(),
            Number::Person(number) => number.as_str(),
        }
    }
}

impl Verifier {
    /// Adds customers: one number on each line; empty lines, and `nummer` as the first, are passed over. `first` is the number of the
    /// first line, from 1. What is right is durable when this returns; what is wrong is named by its line.
    ///
    /// A company is matched at once; a person when the register has evaluated the number ([`Verifier::notices_due`]).
    ///
    /// Errors: `too_large` beyond [`LINES_MAX`] lines; what our disk says.
    pub fn customers_import(&mut self, now: Timestamp, first: u64, lines: &[&str]) -> Result<CustomersReport, Problem> {
        self.import(now, first, lines)
            .map_err(|refusal| refusal.told_at_home("customers import"))
    }

    fn import(&mut self, now: Timestamp, first: u64, lines: &[&str]) -> Result<CustomersReport, Refusal> {
        let (numbers, mut report) = read(first, lines)?;
        let mut changes = self.tables.begin();
        let mut fresh = BTreeSet::new();
        let mut next_event = self.notices.next_event;
        let mut persons = Vec::new();
        for number in numbers {
            let desk = &self.notices;
            let text = number.as_str();
            if desk.tables.customers.table.contains(text)? || !fresh.insert(text.to_owned()) {
                report.known = report.known.saturating_add(1);
                continue;
            }
            report.added = report.added.saturating_add(1);
            changes.put(&desk.tables.customers.table, text, &[]);
            match number {
                Number::Company(_) => {
                    let names = [joined(&["company", text])];
                    let matched = desk.match_customer(&mut changes, now, (text, &names), &mut next_event)?;
                    report.matched = report.matched.saturating_add(matched);
                }
                Number::Person(person) => persons.push(person),
            }
        }
        changes.commit()?;
        self.notices.next_event = next_event;
        self.notices.persons.add(persons);
        self.changed();
        Ok(report)
    }

    /// Removes customers, with their tags and matches. Lines as in [`Verifier::customers_import`].
    pub fn customers_remove(&mut self, first: u64, lines: &[&str]) -> Result<CustomersReport, Problem> {
        self.remove(first, lines)
            .map_err(|refusal| refusal.told_at_home("customers remove"))
    }

    fn remove(&mut self, first: u64, lines: &[&str]) -> Result<CustomersReport, Refusal> {
        let (numbers, mut report) = read(first, lines)?;
        let mut changes = self.tables.begin();
        let mut gone = BTreeSet::new();
        for number in numbers {
            let text = number.as_str();
            let is_ours = self.notices.tables.customers.table.contains(text)?;
            if !is_ours || !gone.insert(text.to_owned()) {
                continue;
            }
            self.notices.forget(&mut changes, text)?;
            report.removed = report.removed.saturating_add(1);
        }
        changes.commit()?;
        self.notices.persons.remove(&gone);
        self.changed();
        Ok(report)
    }

    /// How many customers there are: companies and persons together.
    pub fn customers_count(&self) -> Result<u64, Error> {
        Ok(self.notices.tables.customers.table.len()?)
    }
}

impl Desk {
    /// Deletes a customer's rows.
    fn forget(&self, changes: &mut Transaction, customer: &str) -> Result<(), Error> {
        let tables = &self.tables;
        changes.delete(&tables.customers.table, customer);
        for (id, _) in tables.matches.table.group(customer.as_bytes())? {
            changes.delete(&tables.matches.table, Key::in_group(customer.as_bytes(), &id));
        }
        for (register, name) in self.key_names()? {
            let key = joined(&[&register, &name]);
            let at = Key::in_group(&key, customer.as_bytes());
            if let Some(tag) = tables.tags.read::<String>(at)? {
                changes.delete(&tables.tags.table, at);
                changes.delete(&tables.tagged.table, &joined(&[&register, &name, &tag]));
            }
        }
        Ok(())
    }
}

/// The numbers of lines, and a report that names the wrong ones.
fn read(first: u64, lines: &[&str]) -> Result<(Vec<Number>, CustomersReport), Problem> {
    if lines.len() > LINES_MAX {
        return Err(Problem::new(Code::TooLarge, "lines"));
    }
    let mut report = CustomersReport::default();
    let mut numbers = Vec::new();
    for (line, text) in (first..).zip(lines) {
        let text = text.trim_start_matches('\u{feff}').trim();
        if text.is_empty() || (line == 1 && text == HEADER) {
            continue;
        }
        match Number::parse(text) {
            Some(number) => numbers.push(number),
            None => report.rejected.push(line),
        }
    }
    Ok((numbers, report))
}
