//! What the wallet shows its holder: credentials, waiting requests, the text before a decision, history, export.
//!
//! The structs are printed by `--json`: their field names are a contract.

use crate::disclosure::leaves;
use crate::history::{Event, ReceiptSummary, What};
use crate::selection::Candidate;
use crate::tables::{
    CopyRow, CredentialRow, DecisionRow, IssuingRow, Kind, ReceiptRow, RequestRow, RequestStage, Stage,
};
use crate::text::language;
use crate::{Error, Wallet, name_of};
use credentials::schema::{Class, CredentialType, Text, values_at};
use credentials::sd_jwt::{SdJwt, StatusRef};
use credentials::status::{self, State};
use credentials::time::DAY;
use credentials::{Code, Did, Timestamp, VerifyingKey};
use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::sync::Arc;

/// A status older than this says nothing about today.
const STATUS_AGE_MAX: i64 = DAY;
/// "Expires soon" is said in the last week, or in the last quarter of a shorter life.
const EXPIRES_SOON_MAX: i64 = 7 * DAY;

/// How a held credential stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum HeldState {
    /// In date, not revoked, with copies left.
    Valid,
    /// Valid, in the last week (or last quarter) of its time.
    ExpiresSoon,
    /// Out of date.
    Expired,
    /// Revoked by its issuer.
    Revoked,
    /// Suspended by its issuer.
    Suspended,
    /// A newer one took its place.
    Superseded,
    /// Every copy was shown.
    UsedUp,
    /// No status list of the last 24 hours is at hand.
    Unknown,
}

/// One held credential.
#[derive(Clone, PartialEq, Serialize)]
pub struct Held {
    /// Its name in this wallet.
    pub id: String,
    /// Its type.
    #[serde(rename = "type")]
    pub vct: String,
    /// What people call the type.
    pub label: Text,
    /// Issuer.
    pub issuer: Did,
    /// The issuer's registered name.
    pub issuer_name: String,
    /// How it stands.
    pub state: HeldState,
    /// Copies that were never shown.
    pub copies_left: u32,
    /// Not after.
    pub valid_until: Timestamp,
    /// As of when the source says it, where the type tells.
    pub as_of: Option<String>,
    /// When it came into this wallet.
    pub collected: Timestamp,
    /// When its issuer last said how it stands.
    pub status_at: Option<Timestamp>,
}

// The as-of time is a claim: only name, type and state are printed.
impl std::fmt::Debug for Held {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Held({}, {}, {:?})", self.id, self.vct, self.state)
    }
}

/// One held credential with its claims: for its holder only.
#[derive(Clone, PartialEq, Serialize)]
pub struct HeldDetail {
    /// What the list says of it.
    #[serde(flatten)]
    pub held: Held,
    /// Every claim.
    pub claims: Vec<HeldClaim>,
    /// Its copies, by what became of them.
    pub copies: CopyStates,
}
// Holds claims: only the name is printed.
impl std::fmt::Debug for HeldDetail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "HeldDetail({})", self.held.id)
    }
}

/// One claim of a held credential.
#[derive(Clone, PartialEq, Serialize)]
pub struct HeldClaim {
    /// What people call it.
    pub label: String,
    /// Where it stands, with the numbers of list elements.
    pub path: String,
    /// Its value.
    pub value: Value,
    /// Always shown, or only when asked.
    pub class: Class,
    /// Of a special category.
    pub sensitive: bool,
}
impl std::fmt::Debug for HeldClaim {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "HeldClaim({})", self.path)
    }
}

/// How many copies there were, and are left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct CopyStates {
    /// Collected.
    pub total: u32,
    /// Shown to somebody.
    pub used: u32,
    /// Not shown yet.
    pub left: u32,
}

/// How far the answer to a request got.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PendingState {
    /// Waits for the person.
    Waiting,
    /// Answered; no receipt or credential came yet.
    Answered,
    /// Refused; the asker has not taken note yet.
    Refused,
}

/// A request before the person, or one that was decided and is not finished.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Pending {
    /// Its name, for [`Wallet::text`], [`Wallet::present`] and [`Wallet::refuse`].
    pub id: String,
    /// What it is for.
    pub kind: Kind,
    /// How far it got.
    pub state: PendingState,
    /// Who asks.
    pub asker: Did,
    /// Their registered name.
    pub asker_name: String,
    /// Service asked under.
    pub service: String,
    /// What people call it, while the asker is registered for it.
    pub service_name: Option<Text>,
    /// The asker's case reference.
    pub case: String,
    /// No answer after.
    pub expires: Timestamp,
    /// Whether it waits, and what is held answers it now.
    pub can_answer: bool,
    /// Why it cannot even be shown, if it cannot.
    pub code: Option<Code>,
}

/// Collecting that has not come to its end.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Unfinished {
    /// Its transaction.
    pub id: String,
    /// Issuer.
    pub issuer: Did,
    /// The issuer's registered name.
    pub issuer_name: String,
    /// Type.
    #[serde(rename = "type")]
    pub vct: String,
    /// `begun`, `identify`, `authorise`, `requested`, `delivered`.
    pub state: &'static str,
    /// Since when.
    pub since: Timestamp,
}

/// A held credential, read and parsed.
pub(crate) struct Holding {
    pub(crate) id: String,
    pub(crate) row: CredentialRow,
    pub(crate) claims: Value,
    copies: Vec<(u32, CopyRow)>,
    credential_type: Option<Arc<CredentialType>>,
    number: Option<String>,
    valid_from: Timestamp,
    expires: Timestamp,
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
            unused: self
                .copies
                .iter()
                .filter(|(_, copy)| copy.used.is_none())
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

    fn left(&self) -> u32 {
        let left = self.copies.iter().filter(|(_, copy)| copy.used.is_none());
        u32::try_from(left.count()).unwrap_or(u32::MAX)
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
    /// Every held credential, newest first.
    ///
    /// # Errors
    /// [`Error::Store`], [`Error::Row`].
    pub fn credentials(&self, now: Timestamp, status: &dyn status::Source) -> Result<Vec<Held>, Error> {
        let mut holdings = self.holdings()?;
        holdings.sort_by(|a, b| (b.row.collected, &a.id).cmp(&(a.row.collected, &b.id)));
        Ok(holdings.iter().map(|held| self.held(now, status, held)).collect())
    }

    /// One credential with every claim, its labels in `language`: for the holder only.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Store`], [`Error::Row`].
    pub fn credential(
        &self,
        now: Timestamp,
        status: &dyn status::Source,
        id: &str,
        language: &str,
    ) -> Result<HeldDetail, Error> {
        let held = self.holding(id)?.ok_or(Error::NotFound)?;
        let claims = match &held.credential_type {
            Some(credential_type) => leaves(&held.claims, credential_type)
                .into_iter()
                .map(|leaf| HeldClaim {
                    label: credential_type.label(&leaf.path, language),
                    path: leaf.place(),
                    value: leaf.value.clone(),
                    class: credential_type.class(&leaf.path),
                    sensitive: credential_type.is_sensitive(&leaf.path, leaf.value),
                })
                .collect(),
            None => Vec::new(),
        };
        let left = held.left();
        Ok(HeldDetail {
            held: self.held(now, status, &held),
            claims,
            copies: CopyStates {
                total: held.row.copies,
                used: held.row.copies.saturating_sub(left),
                left,
            },
        })
    }

    /// Requests that wait for the person, and those decided but not finished.
    ///
    /// # Errors
    /// [`Error::Store`], [`Error::Row`].
    pub fn pending(&self, now: Timestamp) -> Result<Vec<Pending>, Error> {
        let mut all = Vec::new();
        for (id, row) in self.tables.named::<RequestRow>()? {
            if now >= row.expires {
                continue;
            }
            let service_name = self
                .trust
                .as_ref()
                .and_then(|trust| trust.organisation(&row.asker))
                .and_then(|asker| asker.service(&row.service))
                .map(|registration| registration.name.clone());
            let (can_answer, code) = match (&row.stage, self.draft(now, &row)) {
                (RequestStage::Open, Ok(draft)) => (draft.answer.is_ok(), None),
                (_, Ok(_)) => (false, None),
                (_, Err(error)) => (false, Some(error.problem().code)),
            };
            all.push(Pending {
                id,
                kind: row.kind,
                state: match row.stage {
                    RequestStage::Open => PendingState::Waiting,
                    RequestStage::Answered { .. } => PendingState::Answered,
                    RequestStage::Declined => PendingState::Refused,
                },
                asker_name: name_of(self.trust.as_deref(), &row.asker),
                asker: row.asker,
                service: row.service,
                service_name,
                case: row.case,
                expires: row.expires,
                can_answer,
                code,
            });
        }
        all.sort_by(|a, b| (a.expires, &a.id).cmp(&(b.expires, &b.id)));
        Ok(all)
    }

    /// Collecting that has not come to its end, oldest first.
    ///
    /// # Errors
    /// [`Error::Store`], [`Error::Row`].
    pub fn unfinished(&self) -> Result<Vec<Unfinished>, Error> {
        let mut all: Vec<_> = self
            .tables
            .named::<IssuingRow>()?
            .into_iter()
            .map(|(id, row)| Unfinished {
                id,
                issuer_name: name_of(self.trust.as_deref(), &row.issuer),
                issuer: row.issuer,
                vct: row.vct,
                state: match row.stage {
                    Stage::Begun => "begun",
                    Stage::Identify { .. } => "identify",
                    Stage::Authorise => "authorise",
                    Stage::Requested { .. } => "requested",
                    Stage::Delivered { .. } => "delivered",
                },
                since: row.started,
            })
            .collect();
        all.sort_by(|a, b| (a.since, &a.id).cmp(&(b.since, &b.id)));
        Ok(all)
    }

    /// The exact text to be read before deciding on a request, in `nb`, `nn` or `en` (anything else is read as `nb`). SHA-256 of
    /// these bytes goes into the decision. Holds claim values: for the holder only.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Refused`] when the request may not be answered at all any more (`expired`, `trust_stale`,
    /// `unknown_verifier` …).
    pub fn text(&self, now: Timestamp, id: &str, language_wanted: &str) -> Result<String, Error> {
        let row = self.tables.get::<RequestRow>(id)?.ok_or(Error::NotFound)?;
        let draft = self.draft(now, &row)?;
        let language = language(language_wanted);
        let text = self.compose(&draft, row.kind, language)?;
        self.remember_shown(id, (language, Sha256::digest(&text).into()));
        Ok(text)
    }

    /// What happened in this wallet, oldest first. No claim values.
    ///
    /// # Errors
    /// [`Error::Store`], [`Error::Row`].
    pub fn history(&self) -> Result<Vec<Event>, Error> {
        let mut events = Vec::new();
        for (_, mut event) in self.tables.rows::<Event>(b"")? {
            if event.what == What::Shared
                && let Some(request) = &event.request
                && let Some(row) = self.tables.get::<ReceiptRow>(request)?
            {
                event.receipt = Some(ReceiptSummary {
                    verdict: row.receipt.verdict,
                    code: row.receipt.code,
                    until: row.receipt.until,
                });
            }
            events.push(event);
        }
        Ok(events)
    }

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
            if let Some(said) = news {
                events.push(Event {
                    types: vec![held.row.vct.clone()],
                    credentials: vec![held.id.clone()],
                    code: match said {
                        State::Valid => None,
                        State::Revoked => Some(Code::Revoked),
                        State::Suspended => Some(Code::Suspended),
                        State::Superseded => Some(Code::Superseded),
                    },
                    ..self.event(now, What::StatusChanged, &held.row.issuer)
                });
            }
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

    /// Everything that is the holder's as one document of schema `wallet-export/v1`: credentials with their claims, decisions,
    /// receipts and history. No private keys, so nothing in it can be presented.
    ///
    /// # Errors
    /// [`Error::Store`], [`Error::Row`].
    pub fn export(&self) -> Result<Value, Error> {
        let mut credentials = Vec::new();
        for held in self.holdings()? {
            let copies: Vec<Value> = held
                .copies
                .iter()
                .map(|(number, copy)| {
                    json!({ "number": number, "credential": copy.text, "shown_to_request": copy.used })
                })
                .collect();
            credentials.push(json!({
                "id": held.id,
                "type": held.row.vct,
                "issuer": held.row.issuer,
                "collected": held.row.collected.to_string(),
                "valid_until": held.expires.to_string(),
                "claims": held.claims,
                "copies": copies,
            }));
        }
        let decisions: Vec<Value> = self
            .tables
            .named::<DecisionRow>()?
            .into_iter()
            .map(|(_, row)| json!({ "kind": row.kind, "decision": row.decision, "signed": row.signed }))
            .collect();
        let receipts: Vec<Value> = self
            .tables
            .named::<ReceiptRow>()?
            .into_iter()
            .map(|(_, row)| json!({ "receipt": row.receipt, "signed": row.signed }))
            .collect();
        Ok(json!({
            "schema": "wallet-export/v1",
            "holder": self.settings,
            "credentials": credentials,
            "decisions": decisions,
            "receipts": receipts,
            "history": self.history()?,
        }))
    }

    /// Every held credential, read and parsed, by name.
    pub(crate) fn holdings(&self) -> Result<Vec<Holding>, Error> {
        self.tables
            .named::<CredentialRow>()?
            .into_iter()
            .map(|(id, row)| self.read_holding(id, row))
            .collect()
    }

    fn holding(&self, id: &str) -> Result<Option<Holding>, Error> {
        let row = self.tables.get::<CredentialRow>(id)?;
        row.map(|row| self.read_holding(id.to_owned(), row)).transpose()
    }

    fn read_holding(&self, id: String, row: CredentialRow) -> Result<Holding, Error> {
        let damaged = || Error::Row {
            table: <CopyRow as crate::tables::Row>::TABLE,
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

    fn held(&self, now: Timestamp, status: &dyn status::Source, held: &Holding) -> Held {
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
