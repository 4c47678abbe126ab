//! Bulk changes: many credentials revoked, suspended or reinstated together, by two persons.
//!
//! 1. **start** and **lines**: the whole file is looked at first. Each line names a credential, a row or a person; a line that names nothing,
//!    or what cannot change any more, is rejected with its number. What a good line reaches *then* is written down as names of
//!    credentials: what is issued afterwards is not meant, so that what the second person agrees to is what happens.
//!    [`Issuer::bulk_add`] takes all that an import brought, or all of a type, instead of a file ([`Selection`]).
//! 2. **propose**: it waits a day for somebody else ([`PROPOSAL_SECONDS`]).
//! 3. **approve**: by another person than who proposed it.
//! 4. **step** after step: a chunk of credentials and how far it came are one transaction, so that a kill loses nothing and does nothing
//!    twice. The lists tell of none of it yet; the issuer itself goes by it at once.
//! 5. When it comes to its end, or is paused or cancelled, the lists tell of all that was done, together. Endings that wait for the day's
//!    publication go on waiting.
//!
//! Who is who is the caller's to know: here a person is a name, and two are different when their names are.

mod check;
mod select;
mod steps;

pub use select::{Selection, Whole};

use std::collections::HashSet;

use credentials::status::State;
use credentials::{Code, Problem, Timestamp, random};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::credential::require_reason;
use crate::import::Header;
use crate::staged::{Due, Staged};
use crate::tables::{BulkRecord, CredentialId};
use crate::{Changed, Error, Issuer, Rejected};

/// How long a proposal waits for a second person, in seconds: a day.
pub const PROPOSAL_SECONDS: i64 = 86_400;
/// Most bulk changes that are neither done nor called off.
const OPEN_MAX: usize = 16;
/// Most bulk changes that are remembered; the oldest that are done make room.
const KEPT_MAX: usize = 1_000;
/// Longest name of a person, in bytes.
const BY_MAX: usize = 64;

/// What the lines of a file name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Names {
    /// Credentials.
    Credential,
    /// Rows of a type, by their keys.
    Row,
    /// Persons or companies, by their numbers.
    Subject,
    /// There is no file: all that an import brought, or all of a type, is meant.
    Whole,
}

impl Names {
    fn column(self) -> &'static str {
        match self {
            Names::Credential => "credential",
            Names::Row => "row",
            Names::Subject => "subject",
            Names::Whole => "",
        }
    }
}

/// Where a bulk change is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BulkStage {
    /// Its file is being looked at.
    Checking,
    /// It waits for a second person.
    Proposed,
    /// It is under way.
    Running,
    /// It was stopped for a while.
    Paused,
    /// It came to its end.
    Finished,
    /// Somebody called it off, or the home was restored.
    Cancelled,
    /// Nobody agreed within a day.
    Expired,
}

impl BulkStage {
    /// Whether anything can still come of it.
    pub fn is_open(self) -> bool {
        matches!(
            self,
            BulkStage::Checking | BulkStage::Proposed | BulkStage::Running | BulkStage::Paused
        )
    }
}

/// What is to be done, and who wants it.
#[derive(Clone, PartialEq, Eq)]
pub struct BulkOrder {
    /// State that the credentials come to: revoked, suspended, or valid for reinstating.
    pub state: State,
    /// Why; kept with each credential.
    pub reason: String,
    /// What the lines name.
    pub names: Names,
    /// Type, where lines name rows; else none.
    pub vct: Option<String>,
    /// The import that is meant as a whole.
    pub import: Option<String>,
    /// First line of a CSV file. The column called `credential`, `row` or `subject` counts, else the first.
    pub header: Option<String>,
    /// Who proposes it.
    pub by: String,
}

/// What came of some lines.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct BulkProgress {
    /// Lines that name something that will change, or is so already.
    pub accepted: u64,
    /// Lines that were not taken.
    pub rejected: Vec<Rejected>,
}

/// A bulk change as everybody sees it who has to do with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Bulk {
    /// Its name.
    pub bulk: String,
    /// State that the credentials come to.
    pub state: State,
    /// Why.
    pub reason: String,
    /// What the lines of its file name.
    pub names: Names,
    /// Type, where it is of one.
    pub vct: Option<String>,
    /// The import that is meant as a whole.
    pub import: Option<String>,
    /// Where it is.
    pub stage: BulkStage,
    /// Who proposed it.
    pub proposed_by: String,
    /// When it was begun.
    pub started: Timestamp,
    /// When it is over unless somebody agrees.
    pub until: Option<Timestamp>,
    /// Who agreed.
    pub approved_by: Option<String>,
    /// When it came to its end.
    pub ended: Option<Timestamp>,
    /// SHA-256 of its lines, hexadecimal.
    pub file: Option<String>,
    /// Lines of its file.
    pub lines: u64,
    /// Of these, not taken.
    pub rejected: u64,
    /// Credentials that are named and in that state already.
    pub unchanged: u64,
    /// What it reaches, as it was proposed.
    pub named: Changed,
    /// What it did so far.
    pub changed: Changed,
    /// Credentials that could not be changed any more when their turn came.
    pub passed_over: u64,
}

/// One whose file is being looked at.
pub(crate) struct Open {
    record: BulkRecord,
    column: Option<(usize, Header)>,
    hash: Sha256,
    /// Credentials so far.
    named: HashSet<CredentialId>,
    /// What lines named so far, by keyed hash.
    seen: HashSet<[u8; 16]>,
}

impl Issuer {
    /// Begins a bulk change: its name.
    ///
    /// Errors: `malformed` (`state`, `reason`, `by`, `header`, `names`), `too_large` (`bulks`), `unknown_type`, `type_not_allowed`.
    pub fn bulk_start(&mut self, now: Timestamp, order: BulkOrder) -> Result<String, Error> {
        require_reason(&order.reason)?;
        let malformed = |what: &str| Error::from(Problem::new(Code::Malformed, what));
        if order.state == State::Superseded {
            return Err(malformed("state"));
        }
        if order.by.is_empty() || order.by.len() > BY_MAX {
            return Err(malformed("by"));
        }
        let needs_type = order.names == Names::Row;
        if needs_type && order.vct.is_none() || order.import.is_some() && order.names != Names::Whole {
            return Err(malformed("names"));
        }
        let vct = order
            .vct
            .map(|name| self.issued_type(&name).map(|found| found.vct.clone()))
            .transpose()?;
        let column = order.header.as_deref().map(Header::parse).transpose()?;
        let column = column.map(|header| {
            let named = header
                .columns
                .iter()
                .position(|name| name.eq_ignore_ascii_case(order.names.column()));
            (named.unwrap_or(0), header)
        });
        self.make_room_for_bulk()?;
        let name = format!("{:016x}", u64::from_be_bytes(random::bytes(&mut *self.random)));
        let record = BulkRecord {
            epoch: self.store.epoch(),
            started: now,
            state: order.state,
            reason: order.reason,
            names: order.names,
            vct,
            import: order.import,
            proposed_by: order.by,
            proposed: None,
            approved_by: None,
            ended: None,
            stage: BulkStage::Checking,
            line: 0,
            lines: 0,
            rejected: 0,
            unchanged: 0,
            named: Changed::default(),
            file: None,
            kept: crate::rejected::Kept::default(),
            chunks: 0,
            done: 0,
            told: 0,
            changed: Changed::default(),
            passed_over: 0,
        };
        let mut staged = self.stage();
        self.put_bulk(&mut staged, &name, &record)?;
        staged.due.push((now.plus(PROPOSAL_SECONDS), Due::Bulk(name.clone())));
        self.commit(staged)?;
        let open = Open {
            record,
            column,
            hash: Sha256::new(),
            named: HashSet::new(),
            seen: HashSet::new(),
        };
        self.bulks.insert(name.clone(), open);
        Ok(name)
    }

    /// Looks at lines of a file, each with its number. Blank lines, and lines that were looked at before, are passed over.
    ///
    /// Errors: `unknown_session` when it was not begun in this process or is proposed already; `too_large` (`lines`, `credentials`): it
    /// is then called off.
    pub fn bulk_lines(&mut self, now: Timestamp, name: &str, lines: &[(u64, String)]) -> Result<BulkProgress, Error> {
        let mut open = self.bulks.remove(name).ok_or(Code::UnknownSession)?;
        let progress = self.look_at(name, &mut open, lines);
        match progress {
            Ok(progress) => {
                self.bulks.insert(name.to_owned(), open);
                Ok(progress)
            }
            // After a failed write it must be begun again: memory and store may differ.
            Err(error) => {
                self.end_bulk(now, name, BulkStage::Cancelled)?;
                Err(error)
            }
        }
    }

    /// Adds credentials that a [`Selection`] found. One that cannot change any more is passed over. Errors: as [`Issuer::bulk_lines`].
    pub fn bulk_add(&mut self, now: Timestamp, name: &str, ids: &[[u8; 16]]) -> Result<(), Error> {
        let mut open = self.bulks.remove(name).ok_or(Code::UnknownSession)?;
        let added = self.add(name, &mut open, ids);
        match added {
            Ok(()) => {
                self.bulks.insert(name.to_owned(), open);
                Ok(())
            }
            Err(error) => {
                self.end_bulk(now, name, BulkStage::Cancelled)?;
                Err(error)
            }
        }
    }

    /// Proposes what was looked at, to wait for a second person. Asked again, it says the same. Errors: `unknown_session`, `no_data` when
    /// nothing would change: it is then called off.
    pub fn bulk_propose(&mut self, now: Timestamp, name: &str) -> Result<Bulk, Error> {
        let Some(mut open) = self.bulks.remove(name) else {
            let record = self.bulk_record(name)?;
            return match record.stage {
                BulkStage::Proposed => Ok(shown(name, record)),
                _ => Err(Code::UnknownSession.into()),
            };
        };
        if open.record.named.credentials == 0 {
            self.end_bulk(now, name, BulkStage::Cancelled)?;
            return Err(Code::NoData.into());
        }
        open.record.file = Some(open.hash.finalize().into()).filter(|_| open.record.names != Names::Whole);
        open.record.stage = BulkStage::Proposed;
        open.record.proposed = Some(now);
        let mut staged = self.stage();
        let was = (open.record.started.plus(PROPOSAL_SECONDS), Due::Bulk(name.to_owned()));
        staged.done.push(was);
        staged
            .due
            .push((now.plus(PROPOSAL_SECONDS), Due::Bulk(name.to_owned())));
        self.put_bulk(&mut staged, name, &open.record)?;
        self.commit(staged)?;
        Ok(shown(name, open.record))
    }

    pub(crate) fn bulk_record(&self, name: &str) -> Result<BulkRecord, Error> {
        self.tables.bulks.read(name)?.ok_or_else(|| Code::NotFound.into())
    }

    pub(crate) fn put_bulk(&self, staged: &mut Staged, name: &str, record: &BulkRecord) -> Result<(), Error> {
        let bytes = self.tables.bulks.encode(record)?;
        staged.transaction.put(&self.tables.bulks.table, name, &bytes);
        Ok(())
    }

    /// One bulk change. Errors: `not_found`.
    pub fn bulk(&self, name: &str) -> Result<Bulk, Error> {
        Ok(shown(name, self.bulk_record(name)?))
    }

    /// Every bulk change that is remembered, the newest first.
    pub fn bulk_changes(&self) -> Result<Vec<Bulk>, Error> {
        let all = self.tables.bulks.all::<BulkRecord>()?.into_iter();
        let mut all: Vec<Bulk> = all
            .filter_map(|(id, record)| Some(shown(&String::from_utf8(id).ok()?, record)))
            .collect();
        all.sort_by(|one, other| (other.started, &other.bulk).cmp(&(one.started, &one.bulk)));
        Ok(all)
    }

    /// Refuses one too many that is open, and lets the oldest go that is done.
    fn make_room_for_bulk(&mut self) -> Result<(), Error> {
        let all = self.bulk_changes()?;
        if all.iter().filter(|bulk| bulk.stage.is_open()).count() >= OPEN_MAX {
            return Err(Problem::new(Code::TooLarge, "bulks").into());
        }
        let oldest = all.iter().rev().filter(|bulk| !bulk.stage.is_open());
        for bulk in oldest.take((all.len().saturating_add(1)).saturating_sub(KEPT_MAX)) {
            let mut staged = self.stage();
            self.forget_rejected(&mut staged, &bulk.bulk)?;
            staged.transaction.delete(&self.tables.bulks.table, &bulk.bulk);
            self.commit(staged)?;
        }
        Ok(())
    }
}

fn shown(name: &str, record: BulkRecord) -> Bulk {
    let is_waiting = matches!(record.stage, BulkStage::Checking | BulkStage::Proposed);
    let hex = |hash: [u8; 32]| hash.iter().map(|byte| format!("{byte:02x}")).collect();
    Bulk {
        bulk: name.to_owned(),
        state: record.state,
        reason: record.reason,
        names: record.names,
        vct: record.vct,
        import: record.import,
        stage: record.stage,
        proposed_by: record.proposed_by,
        started: record.started,
        until: is_waiting.then(|| record.proposed.unwrap_or(record.started).plus(PROPOSAL_SECONDS)),
        approved_by: record.approved_by,
        ended: record.ended,
        file: record.file.map(hex),
        lines: record.lines,
        rejected: record.rejected,
        unchanged: record.unchanged,
        named: record.named,
        changed: record.changed,
        passed_over: record.passed_over,
    }
}
