//! What happened in this wallet, without any claim value.

use crate::paper::Reported;
use crate::tables::{DecisionRow, DeletionRow, GrantStage, Kind, ReceiptRow};
use crate::{Error, Wallet};
use credentials::verify::Verdict;
use credentials::{Code, Did, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A line of history. Holds no claim value, ever: types, names of claims, organisations and codes only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Its number in the history, from 1. A line keeps it.
    #[serde(default)]
    pub id: u64,
    /// When.
    pub at: Timestamp,
    /// What.
    pub what: What,
    /// The organisation it was with.
    pub with: Did,
    /// Its registered name then.
    pub with_name: String,
    /// Types concerned.
    pub types: Vec<String>,
    /// Names of the credentials concerned, in this wallet.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub credentials: Vec<String>,
    /// Service asked under.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// What was shared: query id → claim paths.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub claims: BTreeMap<String, Vec<String>>,
    /// Hash of the request, base64url: finds decision and receipt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<String>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<Code>,
    /// What was too much, where this wallet refused: `rung`, a path, the name of a member.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// For what was taken back or asked to be erased: what the recipient signed of what it erased and what it keeps (JWS), once it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub erasure: Option<String>,
    /// For what was shared or granted: what the receipt says; none when no receipt came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receipt: Option<ReceiptSummary>,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// Credentials were collected.
    Collected,
    /// Claims were shared (or may have been: the answer was given out for sending).
    Shared,
    /// The holder proved who they are, to collect a credential or to deposit a standing grant.
    Identified,
    /// The holder proved who they are, to open a company's wallet.
    Authorised,
    /// The person said no.
    Refused,
    /// An issuer or asker refused, or something delivered was refused.
    Failed,
    /// The status list says that a credential no longer counts, or counts again; the code says which.
    StatusChanged,
    /// A credential was deleted.
    Deleted,
    /// The copies of a credential count as used, because the wallet was restored or copied.
    CopiesVoid,
    /// The issuer told that there is a newer credential to collect.
    Renewed,
    /// The person gave a standing grant.
    Granted,
    /// It was used, by what the issuer told.
    Used,
    /// It was taken back.
    Withdrawn,
    /// Its time ran out.
    GrantExpired,
    /// The holder was reminded that it stands.
    Reminded,
    /// The holder asked an asker to erase what it was shown.
    DeletionRequested,
    /// The asker said what it erased and what it keeps.
    DeletionAnswered,
    /// A report to the supervisory authority was written.
    Reported,
    /// The holder proved who they are, to see or end what is granted at an issuer.
    Reviewed,
}

impl What {
    pub(crate) fn decided(kind: Kind) -> What {
        match kind {
            Kind::Present => What::Shared,
            Kind::Identify => What::Identified,
            Kind::Authorise => What::Authorised,
            Kind::Grant => What::Granted,
            Kind::Review => What::Reviewed,
        }
    }
}

/// What a receipt says, in short.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceiptSummary {
    /// The asker's verdict.
    pub verdict: Verdict,
    /// Its code when not valid, or a remark.
    pub code: Option<Code>,
    /// Kept until; none = until the asker's session ends.
    pub until: Option<Timestamp>,
}

/// Lines that are looked through for how a credential stood last; beyond them it is noted once more.
const STATUS_LINES: usize = 256;

impl Wallet {
    /// What happened in this wallet, oldest first. No claim values.
    ///
    /// # Errors
    /// [`Error::Store`], [`Error::Row`].
    pub fn history(&self) -> Result<Vec<Event>, Error> {
        let mut events = Vec::new();
        for (id, event) in self.tables.rows::<Event>(b"")? {
            let number = id.as_slice().try_into().map(u64::from_be_bytes);
            let number = number.map_err(|_| Error::Row {
                table: "wallet-history",
            })?;
            events.push(self.told_with(number.saturating_add(1), event)?);
        }
        Ok(events)
    }

    /// Lines of the history, newest first: at most `count` of those before the number `before`. Costs what it gives, however long
    /// the history is.
    ///
    /// # Errors
    /// [`Error::Store`], [`Error::Row`].
    pub fn entries(&self, before: Option<u64>, count: usize) -> Result<Vec<Event>, Error> {
        let newest = self.tables.next_event();
        let mut number = before.map_or(newest, |before| before.saturating_sub(1).min(newest));
        let mut events = Vec::new();
        while number > 0 && events.len() < count {
            events.extend(self.line(number)?);
            number = number.saturating_sub(1);
        }
        Ok(events)
    }

    /// Whether the last that was noted of how one of these credentials stands is this: a letter and the status list may tell the same.
    pub(crate) fn is_noted(&self, credentials: &[String], code: Option<Code>) -> Result<bool, Error> {
        let lines = self.entries(None, STATUS_LINES)?;
        let about = |line: &&Event| {
            line.what == What::StatusChanged && line.credentials.iter().any(|one| credentials.contains(one))
        };
        Ok(lines.iter().find(about).is_some_and(|line| line.code == code))
    }

    /// A line by its number, while it is there.
    pub(crate) fn line(&self, number: u64) -> Result<Option<Event>, Error> {
        match self.entry(number) {
            Ok(event) => self.told_with(number, event).map(Some),
            Err(Error::NotFound) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Takes a line out of the history because its holder wants it gone (nobody else can). With the last line about something that
    /// was shared or refused goes what was signed about it: nobody can ask for deletion or report it from here any more. That it
    /// was decided is remembered, so that the same request is not answered twice; a grant that stands keeps what taking it back needs.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Store`], [`Error::Row`].
    pub fn forget(&mut self, now: Timestamp, number: u64) -> Result<(), Error> {
        let event = self.entry(number)?;
        let last = match &event.request {
            Some(request) if !self.is_told_elsewhere(request, number)? => Some(request.clone()),
            _ => None,
        };
        let decided = match &last {
            Some(request) if !self.is_still_needed(now, request)? => self.tables.get::<DecisionRow>(request)?,
            _ => None,
        };
        let key = match &decided {
            // A grant's key may be needed to tell a source again that has forgotten.
            Some(row) if row.given.is_some() && row.kind == Kind::Present => {
                self.given_for(&event).ok().map(|given| given.key)
            }
            _ => None,
        };
        let mut change = self.tables.change();
        change.forget(number)?;
        change.delete::<Reported>(&number.to_string());
        if let (Some(request), Some(mut row)) = (last, decided) {
            change.delete::<ReceiptRow>(&request);
            change.delete::<DeletionRow>(&request);
            if let Some(key) = &key {
                change.delete_key(key);
            }
            row.signed.clear();
            row.given = None;
            row.session.clear();
            row.asked.clear();
            row.decision.claims.clear();
            change.put(&request, &row)?;
        }
        change.commit()
    }

    fn is_told_elsewhere(&self, request: &str, number: u64) -> Result<bool, Error> {
        let lines = self.tables.rows::<Event>(b"")?;
        let mut others = lines
            .iter()
            .filter(|(id, _)| *id != number.saturating_sub(1).to_be_bytes());
        Ok(others.any(|(_, event)| event.request.as_deref() == Some(request)))
    }

    /// Whether something about a decision is not at its end: an answer is on its way, a grant stands, a deletion was asked for.
    fn is_still_needed(&self, now: Timestamp, request: &str) -> Result<bool, Error> {
        let is_waiting = self.tables.named::<crate::tables::RequestRow>()?;
        let is_asking = self
            .tables
            .get::<DeletionRow>(request)?
            .is_some_and(|row| row.is_open());
        let stands = match self.grant_by_request(request)? {
            None => false,
            Some((_, row)) => {
                let has_run_out = Wallet::opened_grant(&row)?.grant().exp <= now;
                let is_told = row.withdrawn.is_some() && row.erasure.is_some();
                !(has_run_out || matches!(row.stage, GrantStage::Withdrawn) && is_told)
            }
        };
        Ok(is_asking || stands || is_waiting.iter().any(|(_, row)| row.hash == request))
    }

    /// A line with what its receipt says, and what was answered.
    fn told_with(&self, number: u64, mut event: Event) -> Result<Event, Error> {
        event.id = number;
        if matches!(event.what, What::Shared | What::Granted)
            && let Some(request) = &event.request
            && let Some(row) = self.tables.get::<ReceiptRow>(request)?
        {
            event.receipt = Some(ReceiptSummary {
                verdict: row.receipt.verdict,
                code: row.receipt.code,
                until: row.receipt.until,
            });
        }
        event.erasure = self.told_of(&event)?;
        Ok(event)
    }

    /// What the recipient signed of what it erased and keeps, for a line that something was taken back or that it answered.
    fn told_of(&self, event: &Event) -> Result<Option<String>, Error> {
        let Some(request) = &event.request else {
            return Ok(None);
        };
        let told = match event.what {
            What::DeletionAnswered => self.tables.get::<DeletionRow>(request)?.and_then(|row| row.answer),
            What::Withdrawn => self.grant_by_request(request)?.and_then(|(_, row)| row.erasure),
            _ => None,
        };
        Ok(told.filter(|text| !text.is_empty()))
    }
}
