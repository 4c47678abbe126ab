//! Who did what in this home: a log in which each entry names the hash of the one before.
//!
//! An entry stands before its act, or in the same transaction: what cannot be written down is not done (`trace_unavailable`). So an
//! entry can name an act that then failed or that a crash kept from happening; a failure is told by an entry of its own
//! ([`Act::Failed`]). No entry holds a claim, a number, a row's key or a holder's name: what was done to all of one person says so, and
//! to how many credentials.
//!
//! The hash of an entry is SHA-256 over [`LABEL`] and the canonical JSON (RFC 8785) of the entry without `hash`; `before` is the hash
//! of the entry before, and 64 zeros in the first. Whoever keeps the newest number and hash elsewhere notices when the log is
//! written anew behind them. A wallet keeps none: its history is its holder's.

use super::{Service, keys, lock};
use crate::clock;
use crate::error::Failure;
use crate::output::hex;
use credentials::{Code, Timestamp, canonical};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::sync::Mutex;
use store::{Store, Table, Transaction};

/// Table of entries, by number.
const TABLE: &str = "record";
/// Row of the node's table with the newest number and hash.
const HEAD: &str = "record-head";
/// What the hash of an entry begins with.
const LABEL: &[u8] = b"bevis-record/1\n";
/// Most entries in one answer: some 200 KiB.
pub const PAGE_MAX: u32 = 500;
/// Most refused logins that are written in a day: whoever tries passphrases must not fill the disk. One more entry says that there
/// were more.
const REFUSALS_A_DAY: u32 = 1_000;

/// Who has something done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actor {
    /// Whoever has the command line: the operating system let them in.
    Cli,
    /// An account, by its handle.
    Person(String),
    /// A system of the organisation's own, by the name of its token.
    Api(String),
    /// The node by itself.
    Node,
}

impl std::fmt::Display for Actor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Actor::Cli => f.write_str("cli"),
            Actor::Person(handle) => f.write_str(handle),
            Actor::Api(name) => write!(f, "api:{name}"),
            Actor::Node => f.write_str("node"),
        }
    }
}

/// What was done. The list is closed: pages and exports have a text for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Act {
    /// An import began, or went on after it was cut off.
    ImportStarted,
    /// An import was stopped for a while.
    ImportPaused,
    /// A stopped import went on.
    ImportResumed,
    /// An import came to its end.
    ImportFinished,
    /// An invitation to collect was made.
    Offered,
    /// Credentials were revoked.
    Revoked,
    /// Credentials were suspended.
    Suspended,
    /// A suspension was ended.
    Reinstated,
    /// A bulk change waits for a second person.
    BulkProposed,
    /// The second person agreed.
    BulkApproved,
    /// A bulk change was called off.
    BulkCancelled,
    /// A bulk change was stopped for a while.
    BulkPaused,
    /// A stopped bulk change went on.
    BulkResumed,
    /// A bulk change came to its end.
    BulkFinished,
    /// Endings that waited for the day's publication were published before it.
    EndingsPublished,
    /// A signing key waits for a second person.
    KeyProposed,
    /// That was called off.
    KeyCancelled,
    /// A signing key was made.
    KeyRotated,
    /// The node certificate was renewed.
    CertificateRenewed,
    /// An account was made.
    PersonAdded,
    /// An account was taken away.
    PersonRemoved,
    /// An account has a new passphrase.
    PassphraseChanged,
    /// Somebody showed who they are.
    Login,
    /// Somebody did not.
    LoginRefused,
    /// More refused logins of this day are not written.
    LoginRefusalsCut,
    /// A sealed copy was written.
    BackupMade,
    /// A trust list was brought.
    TrustTaken,
    /// A proposal of the anchors was signed.
    TrustSigned,
    /// A notice was published.
    NoticePublished,
    /// Somebody has looked at an alarm.
    AlarmDismissed,
    /// The home was restored or copied.
    EpochBegan,
    /// The act of an earlier entry did not happen.
    Failed,
}

/// How many are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// One credential.
    One,
    /// All of one row of a register.
    Row,
    /// All of one person or company.
    Person,
    /// Those that a file names.
    File,
    /// All that one import brought.
    Import,
    /// All of a type.
    Type,
}

/// What an act is about: names and counts, never what somebody's data says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct About {
    /// Type.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub credential_type: Option<String>,
    /// Import, bulk change or proposal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job: Option<String>,
    /// Credential.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credential: Option<String>,
    /// How many are meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<Scope>,
    /// State that credentials come to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<credentials::status::State>,
    /// Credentials.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credentials: Option<u64>,
    /// Copies of these.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub copies: Option<u64>,
    /// Rows or lines.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rows: Option<u64>,
    /// Rows or lines that were not taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rejected: Option<u64>,
    /// SHA-256 of a file, hexadecimal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub person: Option<String>,
    /// Signing key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// An earlier entry.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entry: Option<u64>,
    /// Number of something that is counted: a notice, an epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number: Option<u64>,
    /// Why it failed or was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<Code>,
}

/// An entry as it is hashed.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    number: u64,
    epoch: u32,
    /// RFC 3339, UTC.
    at: String,
    who: String,
    what: Act,
    about: About,
    before: String,
}

/// The newest entry.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Head {
    number: u64,
    hash: String,
}

impl Head {
    /// Before the first entry.
    fn none() -> Head {
        Head {
            number: 0,
            hash: "0".repeat(64),
        }
    }
}

/// Refused logins of a day.
struct Refusals {
    day: Timestamp,
    count: u32,
}

/// The log of this home.
pub(super) struct Record {
    store: Store,
    is_kept: bool,
    refusals: Mutex<Refusals>,
    /// Held while an entry is written, so that none comes between it and the one before.
    writing: Mutex<()>,
}

/// Hash of an entry's canonical form.
fn hash(canonical: &[u8]) -> String {
    let mut hasher = Sha256::new();
    hasher.update(LABEL);
    hasher.update(canonical);
    hex(&hasher.finalize())
}

fn unwritten(error: store::Error) -> Failure {
    let failure = Failure::from(error);
    match failure.problem.code {
        Code::DiskFull | Code::DiskReadOnly => failure,
        _ => Failure {
            problem: Code::TraceUnavailable.into(),
            ..failure
        },
    }
}

impl Record {
    /// The log of a store; a restored or copied home is named in it. `is_kept`: not in a wallet.
    pub(super) fn open(store: &Store, is_kept: bool) -> Result<Record, Failure> {
        let record = Record {
            store: store.clone(),
            is_kept,
            refusals: Mutex::new(Refusals {
                day: Timestamp::from_unix(0),
                count: 0,
            }),
            writing: Mutex::new(()),
        };
        let head = record.head()?;
        if is_kept && head.number > 0 {
            let last = record.entry(head.number)?;
            if last.is_none_or(|(entry, _)| entry.epoch != store.epoch()) {
                let about = About {
                    number: Some(u64::from(store.epoch())),
                    ..About::default()
                };
                // It is what the store itself says too: a home on a disk that cannot be written opens all the same.
                if let Err(failure) = record.note(&Actor::Node, Act::EpochBegan, about) {
                    tracing::warn!(%failure, "a new epoch is not in the log of who did what");
                }
            }
        }
        Ok(record)
    }

    fn table(&self) -> Table {
        self.store.table(TABLE)
    }

    fn head(&self) -> Result<Head, Failure> {
        match self.store.table(keys::TABLE).get(HEAD)? {
            None => Ok(Head::none()),
            Some(bytes) => serde_json::from_slice(&bytes).map_err(|e| Failure::because(Code::Damaged, e)),
        }
    }

    /// An entry and its hash; `None` where there is none that can be read.
    fn entry(&self, number: u64) -> Result<Option<(Entry, String)>, Failure> {
        let Some(bytes) = self.table().get(&number.to_be_bytes())? else {
            return Ok(None);
        };
        let entry = serde_json::from_slice(&bytes).ok();
        Ok(entry.map(|entry| (entry, hash(&bytes))))
    }

    /// Writes an entry, durably. Its number; 0 in a home that keeps no log. Errors: `trace_unavailable`, `disk_full`, `disk_read_only`.
    pub(super) fn note(&self, who: &Actor, what: Act, about: About) -> Result<u64, Failure> {
        self.note_with(who, what, about, |_| ())
    }

    /// Writes an entry together with other changes, or neither.
    pub(super) fn note_with(
        &self,
        who: &Actor,
        what: Act,
        about: About,
        also: impl FnOnce(&mut Transaction),
    ) -> Result<u64, Failure> {
        let mut transaction = self.store.transaction();
        also(&mut transaction);
        if !self.is_kept {
            transaction.commit()?;
            return Ok(0);
        }
        let _alone = lock(&self.writing)?;
        let head = self.head()?;
        let entry = Entry {
            number: head.number.checked_add(1).ok_or(Code::TraceUnavailable)?,
            epoch: self.store.epoch(),
            at: clock::now().to_string(),
            who: who.to_string(),
            what,
            about,
            before: head.hash,
        };
        let value = serde_json::to_value(&entry).map_err(|e| Failure::because(Code::TraceUnavailable, e))?;
        let bytes = canonical::canonicalize(&value)?;
        let head = Head {
            number: entry.number,
            hash: hash(&bytes),
        };
        let head = serde_json::to_vec(&head).map_err(|e| Failure::because(Code::TraceUnavailable, e))?;
        let number = entry.number.to_be_bytes();
        transaction
            .require_absent(&self.table(), &number)
            .put(&self.table(), &number, &bytes)
            .put(&self.store.table(keys::TABLE), HEAD, &head);
        transaction.commit().map_err(unwritten)?;
        Ok(entry.number)
    }

    /// Notes a refused login, as many as a day may have.
    pub(super) fn note_refusal(&self, who: &Actor, about: About) -> Result<(), Failure> {
        let today = clock::now().day();
        let count = {
            let mut refusals = lock(&self.refusals)?;
            if refusals.day != today {
                *refusals = Refusals { day: today, count: 0 };
            }
            refusals.count = refusals.count.saturating_add(1);
            refusals.count
        };
        if count < REFUSALS_A_DAY {
            self.note(who, Act::LoginRefused, about)?;
        } else if count == REFUSALS_A_DAY {
            self.note(&Actor::Node, Act::LoginRefusalsCut, About::default())?;
        }
        Ok(())
    }

    /// Does what an entry before it names; when that fails, an entry says so.
    pub(super) fn act<T>(
        &self,
        who: &Actor,
        what: Act,
        about: About,
        act: impl FnOnce() -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let number = self.note(who, what, about)?;
        let done = act();
        if let Err(failure) = &done {
            self.note_failed(who, number, failure);
        }
        done
    }

    /// Notes that the act of an entry did not happen.
    pub(super) fn note_failed(&self, who: &Actor, number: u64, failure: &Failure) {
        let about = About {
            entry: Some(number),
            code: Some(failure.problem.code),
            ..About::default()
        };
        if let Err(failure) = self.note(who, Act::Failed, about) {
            tracing::warn!(number, %failure, "that an act failed is not in the log of who did what");
        }
    }

    /// Some entries: from a number on, the newest first or, with `forward`, the oldest first. `next` names the one to go on from.
    pub(super) fn page(&self, from: Option<u64>, limit: u32, forward: bool) -> Result<Value, Failure> {
        let head = self.head()?;
        let limit = u64::from(limit.clamp(1, PAGE_MAX));
        let first = match (from, forward) {
            (Some(from), true) => from.max(1),
            (None, true) => 1,
            (from, false) => from.unwrap_or(u64::MAX).min(head.number),
        };
        let numbers: Vec<u64> = match forward {
            true => (first..=head.number.min(first.saturating_add(limit - 1))).collect(),
            false => (first.saturating_sub(limit).saturating_add(1)..=first)
                .rev()
                .filter(|n| *n > 0)
                .collect(),
        };
        let next = match (numbers.last(), forward) {
            (Some(last), true) => Some(last.saturating_add(1)).filter(|next| *next <= head.number),
            (Some(last), false) => Some(last.saturating_sub(1)).filter(|next| *next > 0),
            (None, _) => None,
        };
        let mut entries = Vec::with_capacity(numbers.len());
        for number in numbers {
            // One that is gone or not readable is shown as such: `RecordVerify` says that the chain breaks there.
            entries.push(match self.entry(number)? {
                Some((entry, hash)) => {
                    let mut shown = serde_json::to_value(entry).map_err(|e| Failure::because(Code::Internal, e))?;
                    crate::output::At::put(&mut shown, "hash", json!(hash));
                    shown
                }
                None => json!({ "number": number, "damaged": true }),
            });
        }
        Ok(json!({ "schema": "record/v1", "entries": entries, "head": head, "next": next }))
    }

    /// Walks the whole chain: whether it is whole, else at which number it breaks.
    pub(super) fn verify(&self) -> Result<Value, Failure> {
        let head = self.head()?;
        let mut before = Head::none().hash;
        let mut broken = None;
        for number in 1..=head.number {
            match self.entry(number)? {
                Some((entry, hash)) if entry.number == number && entry.before == before => before = hash,
                _ => {
                    broken = Some(number);
                    break;
                }
            }
        }
        if broken.is_none() && before != head.hash {
            broken = Some(head.number);
        }
        Ok(json!({
            "schema": "record-verified/v1", "whole": broken.is_none(), "broken_at": broken, "entries": head.number,
            "hash": head.hash,
        }))
    }
}

impl Service {
    /// Notes an act of somebody in this home's log.
    pub(super) fn note(&self, who: &Actor, what: Act, about: About) -> Result<(), Failure> {
        self.record.note(who, what, about).map(drop)
    }
}
