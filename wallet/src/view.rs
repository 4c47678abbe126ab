//! What the wallet shows its holder: credentials, waiting requests, the text before a decision, history, export.
//!
//! The structs are printed by `--json`: their field names are a contract.

use crate::consent::{Line, text_of};
use crate::disclosure::leaves;
use crate::history::Event;
use crate::tables::{
    DecidedRow, DecisionRow, DeletionRow, IssuingRow, Kind, ReceiptRow, RequestRow, RequestStage, Stage,
};
use crate::text::language;
use crate::{Error, Wallet, name_of};
use credentials::schema::{Class, Text};
use credentials::status;
use credentials::{Code, Did, Timestamp};
use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

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
    /// No copy is left, because copies count as used in a wallet that was restored or copied.
    CopiesVoid,
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

/// A waiting request as a person reads it.
#[derive(Clone, PartialEq, Serialize)]
pub struct Reading {
    /// What it is for.
    pub kind: Kind,
    /// How far it got.
    pub state: PendingState,
    /// Who asks.
    pub asker: Did,
    /// Their registered name.
    pub asker_name: String,
    /// No answer after.
    pub expires: Timestamp,
    /// Language of the text.
    pub language: &'static str,
    /// The text whose hash goes into the decision.
    pub text: String,
    /// The lines that make it.
    pub lines: Vec<Line>,
    /// What is in the way of a yes.
    pub lacking: Vec<Lacking>,
}
// Holds claims: only the kind is printed.
impl std::fmt::Debug for Reading {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Reading({:?}, {:?})", self.kind, self.state)
    }
}

/// A credential that a request needs and nothing held answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Lacking {
    /// Type.
    #[serde(rename = "type")]
    pub vct: String,
    /// What people call it.
    pub label: Text,
    /// Who issues it, by the list: DID and registered name.
    pub issuers: Vec<(Did, String)>,
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

impl Wallet {
    /// Every held credential in the order of their types (`C01`, `C02` …), of one type the newest first: an order that stays
    /// when two were collected in the same second.
    ///
    /// # Errors
    /// [`Error::Store`], [`Error::Row`].
    pub fn credentials(&self, now: Timestamp, status: &dyn status::Source) -> Result<Vec<Held>, Error> {
        let mut holdings = self.holdings()?;
        holdings.sort_by_cached_key(|held| {
            let known = held.credential_type.as_ref();
            let name = known.map_or_else(|| held.row.vct.clone(), |known| known.id.clone());
            (name, std::cmp::Reverse(held.row.collected), held.id.clone())
        });
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
                state: state_of(&row.stage),
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
        self.read(now, id, language_wanted).map(|reading| reading.text)
    }

    /// The same with its lines, and what stands around it on a page.
    ///
    /// # Errors
    /// As [`Wallet::text`].
    pub fn read(&self, now: Timestamp, id: &str, language_wanted: &str) -> Result<Reading, Error> {
        let row = self.tables.get::<RequestRow>(id)?.ok_or(Error::NotFound)?;
        let draft = self.draft(now, &row)?;
        let language = language(language_wanted);
        let lines = self.lines_of(&draft, row.kind, language)?;
        let text = text_of(&lines);
        self.remember_shown(id, (language, Sha256::digest(&text).into()));
        let lacking = draft.gaps().iter().map(|gap| Lacking {
            vct: gap.credential_type.vct.clone(),
            label: gap.credential_type.label.clone(),
            issuers: gap.issuers.clone(),
        });
        Ok(Reading {
            kind: row.kind,
            state: state_of(&row.stage),
            asker_name: name_of(self.trust.as_deref(), &row.asker),
            asker: row.asker,
            expires: row.expires,
            language,
            lacking: lacking.collect(),
            text,
            lines,
        })
    }

    /// The line of the history that tells how a request was decided that waited under this name; none while nobody has, or when the
    /// holder has forgotten the line.
    ///
    /// # Errors
    /// [`Error::Store`], [`Error::Row`].
    pub fn decided(&self, id: &str) -> Result<Option<Event>, Error> {
        let Some(row) = self.tables.get::<DecidedRow>(id)? else {
            return Ok(None);
        };
        self.line(row.entry)
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
            .map(|(_, row)| {
                json!({ "kind": row.kind, "decision": row.decision, "signed": row.signed, "given": row.given })
            })
            .collect();
        let receipts: Vec<Value> = self
            .tables
            .named::<ReceiptRow>()?
            .into_iter()
            .map(|(_, row)| json!({ "receipt": row.receipt, "signed": row.signed }))
            .collect();
        let deletions: Vec<Value> = self
            .tables
            .named::<DeletionRow>()?
            .into_iter()
            .map(|(_, row)| json!({ "asker": row.asker, "signed": row.signed, "answer": row.answer }))
            .collect();
        Ok(json!({
            "schema": "wallet-export/v1",
            "holder": self.settings,
            "credentials": credentials,
            "decisions": decisions,
            "receipts": receipts,
            "deletions": deletions,
            "history": self.history()?,
        }))
    }
}

fn state_of(stage: &RequestStage) -> PendingState {
    match stage {
        RequestStage::Open => PendingState::Waiting,
        RequestStage::Answered { .. } | RequestStage::Granting => PendingState::Answered,
        RequestStage::Declined => PendingState::Refused,
    }
}
