//! Held credentials: read from the tables, how they stand by time and status list, and their end.

use crate::history::{Event, What};
use crate::selection::Candidate;
use crate::tables::{CopyRow, CredentialRow, Row};
use crate::view::{Held, HeldState};
use crate::{Error, Wallet, name_of};
use credentials::schema::{CredentialType, Text, values_at};
use credentials::sd_jwt::{SdJwt, StatusRef};
use credentials::status::{self, State};
use credentials::time::DAY;
use credentials::{Code, Timestamp, VerifyingKey};
use serde_json::Value;
use std::collections::BTreeSet;
use std::sync::Arc;

/// A status older than this says nothing about today.
const STATUS_AGE_MAX: i64 = DAY;
/// "Expires soon" is said in the last week, or in the last quarter of a shorter life.
const EXPIRES_SOON_MAX: i64 = 7 * DAY;

/// A held credential, read and parsed.
pub(crate) struct Holding {
    pub(crate) id: String,
    pub(crate) row: CredentialRow,
    pub(crate) claims: Value,
    pub(crate) copies: Vec<(u32, CopyRow)>,
    pub(crate) credential_type: Option<Arc<CredentialType>>,
    number: Option<String>,
    valid_from: Timestamp,
    pub(crate) expires: Timestamp,
}

impl Holding {
    pub(crate) fn candidate(&self) -> Candidate<'_> {
        Candidate {
            id: &self.id,
            vct: &self.row.vct,
            claims: &self.claims,
            number: self.number.as_deref(),
            valid_from: self.valid_from,
            expires: self.expires,
            is_replaced: self.row.is_replaced,
            has_void: self.has_void(),
            unused: self
                .copies
                .iter()
                .filter(|(_, copy)| copy.is_unused())
                .map(|(number, copy)| (*number, copy.state))
                .collect(),
        }
    }

    pub(crate) fn copy(&self, number: u32) -> Option<&CopyRow> {
        self.copies
            .iter()
            .find(|(known, _)| *known == number)
            .map(|(_, copy)| copy)
    }

    pub(crate) fn left(&self) -> u32 {
        let left = self.copies.iter().filter(|(_, copy)| copy.is_unused());
        u32::try_from(left.count()).unwrap_or(u32::MAX)
    }

    /// Whether copies count as used only because the home was restored or copied.
    fn has_void(&self) -> bool {
        self.copies.iter().any(|(_, copy)| copy.is_void)
    }

    /// The worst that is known of its copies, and when the newest list said so. A list that is not at hand leaves what was
    /// noted before.
    fn status(&self, source: &dyn status::Source) -> (Option<State>, Option<Timestamp>) {
        let mut worst: Option<State> = None;
        let mut at: Option<Timestamp> = None;
        for (_, copy) in &self.copies {
            let said = status_of(&copy.text).and_then(|entry| source.state(&self.row.issuer, &entry.uri, entry.index));
            let state = match said {
                Some((state, said_at)) => {
                    at = at.max(Some(said_at));
                    Some(state)
                }
                None => copy.state,
            };
            let rank = |state: Option<State>| match state {
                None => 0,
                Some(State::Valid) => 1,
                Some(State::Suspended) => 2,
                Some(State::Superseded) => 3,
                Some(State::Revoked) => 4,
            };
            if rank(state) > rank(worst) {
                worst = state;
            }
        }
        (worst, at)
    }
}

fn status_of(copy: &str) -> Option<StatusRef> {
    SdJwt::parse(copy).ok()?.status()
}

impl Wallet {
    /// Deletes a credential with its copies and their keys. That it was held, and what was shared of it, stays in the history.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Store`], [`Error::Row`].
    pub fn delete(&mut self, now: Timestamp, id: &str) -> Result<(), Error> {
        let held = self.holding(id)?.ok_or(Error::NotFound)?;
        let event = Event {
            types: vec![held.row.vct.clone()],
            credentials: vec![id.to_owned()],
            ..self.event(now, What::Deleted, &held.row.issuer)
        };
        let mut change = self.tables.change();
        change.delete::<CredentialRow>(id);
        for (number, copy) in &held.copies {
            change.delete_copy(id, *number);
            if let Some(key) = holder_key(&copy.text) {
                change.delete_key(&key);
            }
        }
        change.event(&event)?;
        change.commit()
    }

    /// Looks up every unused copy in the mirrored lists and keeps what they say, so that a copy known to be revoked, suspended or
    /// superseded is not shown. Writes only what changed. Returns the names of the credentials whose state changed; each has a line in the history.
    ///
    /// # Errors
    /// [`Error::Store`], [`Error::Row`].
    pub fn note_status(&mut self, now: Timestamp, status: &dyn status::Source) -> Result<Vec<String>, Error> {
        let mut changed = Vec::new();
        let mut events = Vec::new();
        for held in self.holdings()? {
            let mut news: Option<State> = None;
            for (number, copy) in &held.copies {
                let said =
                    status_of(&copy.text).and_then(|entry| status.state(&held.row.issuer, &entry.uri, entry.index));
                let Some((said, _)) = said else { continue };
                if said == copy.state.unwrap_or(State::Valid) {
                    continue;
                }
                news = Some(said);
                let state = (said != State::Valid).then_some(said);
                let copy = CopyRow { state, ..copy.clone() };
                changed.push((held.id.clone(), *number, copy));
            }
            let Some(said) = news else { continue };
            let code = match said {
                State::Valid => None,
                State::Revoked => Some(Code::Revoked),
                State::Suspended => Some(Code::Suspended),
                State::Superseded => Some(Code::Superseded),
            };
            if self.is_noted(std::slice::from_ref(&held.id), code)? {
                continue;
            }
            events.push(Event {
                types: vec![held.row.vct.clone()],
                credentials: vec![held.id.clone()],
                code,
                ..self.event(now, What::StatusChanged, &held.row.issuer)
            });
        }
        if changed.is_empty() {
            return Ok(Vec::new());
        }
        let mut change = self.tables.change();
        for (id, number, copy) in &changed {
            change.put_copy(id, *number, copy)?;
        }
        for event in &events {
            change.event(event)?;
        }
        change.commit()?;
        let names: BTreeSet<String> = changed.into_iter().map(|(id, _, _)| id).collect();
        Ok(names.into_iter().collect())
    }

    /// Every held credential, read and parsed, by name.
    pub(crate) fn holdings(&self) -> Result<Vec<Holding>, Error> {
        self.tables
            .named::<CredentialRow>()?
            .into_iter()
            .map(|(id, row)| self.read_holding(id, row))
            .collect()
    }

    pub(crate) fn holding(&self, id: &str) -> Result<Option<Holding>, Error> {
        let row = self.tables.get::<CredentialRow>(id)?;
        row.map(|row| self.read_holding(id.to_owned(), row)).transpose()
    }

    fn read_holding(&self, id: String, row: CredentialRow) -> Result<Holding, Error> {
        let damaged = || Error::Row {
            table: <CopyRow as Row>::TABLE,
        };
        let copies = self.tables.copies(&id)?;
        // All copies of a credential have the same claims and times: that was checked when they were delivered.
        let (_, first) = copies.first().ok_or_else(damaged)?;
        let parsed = SdJwt::parse(&first.text).map_err(|_| damaged())?;
        let (issued, valid_from, expires) = parsed.times();
        let credential_type = self.types.get(&row.vct).cloned();
        let number = credential_type
            .as_ref()
            .and_then(|known| values_at(parsed.claims(), &known.holder.number).first().copied())
            .and_then(Value::as_str)
            .map(str::to_owned);
        Ok(Holding {
            claims: parsed.claims().clone(),
            number,
            valid_from: valid_from.or(issued).ok_or_else(damaged)?,
            expires: expires.ok_or_else(damaged)?,
            credential_type,
            copies,
            id,
            row,
        })
    }

    pub(crate) fn held(&self, now: Timestamp, status: &dyn status::Source, held: &Holding) -> Held {
        let (state, status_at) = held.status(status);
        let left = held.left();
        let soon = EXPIRES_SOON_MAX.min(held.expires.since(held.valid_from) / 4);
        let is_known = status_at.is_some_and(|at| now.since(at) <= STATUS_AGE_MAX);
        let state = match state {
            Some(State::Revoked) => HeldState::Revoked,
            Some(State::Superseded) => HeldState::Superseded,
            _ if held.row.is_replaced => HeldState::Superseded,
            _ if now >= held.expires => HeldState::Expired,
            Some(State::Suspended) => HeldState::Suspended,
            _ if left == 0 && held.has_void() => HeldState::CopiesVoid,
            _ if left == 0 => HeldState::UsedUp,
            _ if !is_known => HeldState::Unknown,
            _ if held.expires.since(now) <= soon => HeldState::ExpiresSoon,
            _ => HeldState::Valid,
        };
        let as_of = held
            .credential_type
            .as_ref()
            .and_then(|known| known.as_of.as_ref())
            .and_then(|path| values_at(&held.claims, path).first().copied())
            .and_then(Value::as_str)
            .map(str::to_owned);
        let label = match &held.credential_type {
            Some(known) => known.label.clone(),
            None => Text {
                nb: held.row.vct.clone(),
                nn: None,
                en: held.row.vct.clone(),
            },
        };
        Held {
            id: held.id.clone(),
            vct: held.row.vct.clone(),
            label,
            issuer: held.row.issuer.clone(),
            issuer_name: name_of(self.trust.as_deref(), &held.row.issuer),
            state,
            copies_left: left,
            valid_until: held.expires,
            as_of,
            collected: held.row.collected,
            status_at,
        }
    }
}

fn holder_key(copy: &str) -> Option<VerifyingKey> {
    SdJwt::parse(copy).ok()?.holder_key()
}
