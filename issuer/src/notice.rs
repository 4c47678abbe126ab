//! The publisher's end of notices: an append-only log in which a number is used once.
//!
//! The way of a notice: **draft** reserves the next number and fixes the hash of the one before ([`Issuer::notice_draft`]; one
//! draft at a time); **sign** adds the first key here and the second in another home of the register, to which the file is
//! carried ([`Issuer::notice_sign`]); **publish** checks both, writes it into the log and only then hands it out
//! ([`Issuer::notice_publish`]). A second key signs one paper for a number and never another.
//!
//! Checkpoints and the yearly keys for tags go the same way. After a restore nothing is drafted, signed or published before
//! two organisations have told which number was published last (`settling`).
//!
//! `signing`, `publishing`, `persons` (keys for tags, evaluations), `answering`.

mod answering;
mod persons;
mod publishing;
mod settling;
mod signing;
mod tables;

pub use persons::NoticeLimits;
pub use settling::{Seen, Settling};

use credentials::identifier::PersonNumber;
use credentials::notice::{self, Content, Kind, Notice, Place, Proposal, Summary};
use credentials::trust::Trust;
use credentials::{Code, Problem, Timestamp, random};
use serde::Serialize;
use serde_json::{Map, Value};
use std::collections::VecDeque;
use std::sync::Arc;
use store::Transaction;

use crate::{Error, Issuer};
use tables::{DRAFT, NEWEST, NoticeRecord, NoticeTables, OpeningRecord};

/// Notices that wait to be gossiped; older ones are found by pulling.
const OUTBOX_MAX: usize = 64;

/// The log in memory: where it ends.
pub(crate) struct Log {
    tables: NoticeTables,
    newest: tables::Newest,
    /// Whether the newest number is known to be the newest that anybody holds.
    is_settled: bool,
    outbox: VecDeque<Vec<u8>>,
    limits: NoticeLimits,
    /// What a restored home has been shown and may not write yet.
    recovering: Option<settling::Recovering>,
}

/// A published notice, for the register's own list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NoticeView {
    /// What it says.
    #[serde(flatten)]
    pub notice: Summary,
    /// `sha-256:…`
    pub hash: String,
}

/// How far the log is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NoticeState {
    /// The newest number; 0 when nothing was published.
    pub newest: u64,
    /// The open draft, with or without a signature.
    pub draft: Option<String>,
    /// Whether numbers may be given; false after a restore until [`Issuer::notice_settle`].
    pub is_settled: bool,
    /// Number of the newest checkpoint.
    pub checkpoint: Option<u64>,
}

/// What was published.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Published {
    /// The notice of this number.
    Notice(u64),
    /// The checkpoint at this number.
    Checkpoint(u64),
    /// The key of this name.
    Key(String),
}

impl Log {
    pub(crate) fn open(store: &store::Store) -> Result<Log, Error> {
        let tables = NoticeTables::new(store);
        let newest: tables::Newest = tables.state.read(NEWEST)?.unwrap_or_default();
        let settled = tables.state.read::<u32>(tables::SETTLED)?.unwrap_or(0);
        let mut log = Log {
            is_settled: settled == store.epoch(),
            newest,
            outbox: VecDeque::new(),
            limits: NoticeLimits::default(),
            recovering: None,
            tables,
        };
        // It may have been published just before the process ended: who has it already passes it over.
        if log.newest.number > 0
            && let Some(record) = log.record(log.newest.number)?
        {
            log.push(&record.digest);
        }
        Ok(log)
    }

    fn record(&self, number: u64) -> Result<Option<NoticeRecord>, Error> {
        self.tables.notices.read(&number.to_be_bytes())
    }

    fn push(&mut self, digest: &[u8]) {
        if self.outbox.len() >= OUTBOX_MAX {
            self.outbox.pop_front();
        }
        self.outbox.push_back(digest.to_vec());
    }

    fn opening(&self, uuid: &str) -> Result<Option<OpeningRecord>, Error> {
        self.tables.openings.read(uuid)
    }

    /// The opening that a notice is about must be there, of the same debtor and, to be undone, still stand.
    fn check_about(&self, content: &Content) -> Result<(), Error> {
        let opening = match &content.about {
            Some(uuid) => self.opening(uuid)?,
            None => None,
        };
        notice::check_about(content, opening.as_ref().map(|opening| &opening.debtor))?;
        let undoes = matches!(content.kind, Kind::Sletting | Kind::Oppheving);
        if undoes && opening.is_some_and(|opening| !opening.stands) {
            return Err(Problem::new(Code::NoticeInvalid, "gjelderVarsel").into());
        }
        Ok(())
    }

    /// Writes a notice that follows the newest one, with what it does to openings.
    fn append(&self, changes: &mut Transaction, notice: &Notice) -> Result<tables::Newest, Error> {
        let proposal = notice.proposal();
        let tables = &self.tables;
        let number = proposal.number();
        let record = NoticeRecord {
            text: proposal.text().to_owned(),
            hash: *proposal.hash(),
            digest: notice.digest()?,
        };
        let record = tables.notices.encode(&record)?;
        // Whoever else might have written this number meanwhile, it is written once.
        changes.require_absent(&tables.notices.table, &number.to_be_bytes());
        changes.put(&tables.notices.table, &number.to_be_bytes(), &record);
        if let Ok(content) = proposal.content() {
            self.apply(changes, proposal, content)?;
        }
        let newest = tables::Newest {
            number,
            hash: *proposal.hash(),
            registered: proposal.registered(),
        };
        changes.put(&tables.state.table, NEWEST, &tables.state.encode(&newest)?);
        Ok(newest)
    }

    fn apply(&self, changes: &mut Transaction, proposal: &Proposal, content: &Content) -> Result<(), Error> {
        let table = &self.tables.openings;
        if content.kind == Kind::Aapning {
            let opening = OpeningRecord {
                number: proposal.number(),
                debtor: content.debtor.clone(),
                stands: true,
                is_closed: false,
            };
            changes.put(&table.table, proposal.uuid(), &table.encode(&opening)?);
            return Ok(());
        }
        let Some(uuid) = &content.about else { return Ok(()) };
        let Some(mut opening) = self.opening(uuid)? else {
            return Ok(());
        };
        if content.kind == Kind::Avslutning {
            opening.is_closed = true;
        } else {
            opening.stands = false;
        }
        changes.put(&table.table, uuid, &table.encode(&opening)?);
        Ok(())
    }
}

impl Issuer {
    /// Drafts the next notice: `subject` is C10 without `uuid`, `registreringstidspunkt`, `sekvens`, `forrigeSekvensHash` and
    /// `ressurs`, which come from here. A debtor who is a person is given as `{"fodselsnummer": …}` and leaves as tags.
    ///
    /// Errors: `trust_missing`, `trust_stale`, `type_not_allowed` (we are no register), `number_unsettled`, `draft_open`,
    /// `clock_suspect` (the newest notice is of a later time than `now`), `unsupported` or `schema_invalid` with the member,
    /// `notice_invalid` (`gjelderVarsel`, `debitor`), `not_found` (no key for tags is in use).
    pub fn notice_draft(&mut self, now: Timestamp, subject: &Map<String, Value>) -> Result<Proposal, Error> {
        self.publisher(now)?;
        if self.notices.tables.state.read::<String>(DRAFT)?.is_some() {
            return Err(Code::DraftOpen.into());
        }
        let newest = &self.notices.newest;
        if now < newest.registered {
            return Err(Code::ClockSuspect.into());
        }
        let subject = self.without_person(now, subject)?;
        let place = Place {
            register: &self.settings.did,
            uuid: &notice::uuid(random::bytes(self.random.as_mut())),
            number: newest.number.saturating_add(1),
            previous: newest.hash,
            registered: now,
        };
        let proposal = Proposal::write(&place, &subject)?;
        self.notices.check_about(proposal.content().map_err(Clone::clone)?)?;
        self.keep_draft(proposal.text())?;
        Ok(proposal)
    }

    /// Gives up the open draft; its number goes to the next one. A second key that has signed it signs no other for that number:
    /// then it must be published, and undone by a compensating notice.
    pub fn notice_discard(&mut self) -> Result<(), Error> {
        let mut changes = self.store.transaction();
        changes.delete(&self.notices.tables.state.table, DRAFT);
        changes.commit()?;
        Ok(())
    }

    fn keep_draft(&self, text: &str) -> Result<(), Error> {
        let state = &self.notices.tables.state;
        let mut changes = self.store.transaction();
        changes.put(&state.table, DRAFT, &state.encode(&text)?);
        changes.commit()?;
        Ok(())
    }

    /// Published notices from number `from` on.
    pub fn notices(&self, from: u64, count: usize) -> Result<Vec<NoticeView>, Error> {
        let mut views = Vec::new();
        let last = self.notices.newest.number;
        for number in (from.max(1)..=last).take(count) {
            let Some(record) = self.notices.record(number)? else {
                break;
            };
            let proposal = Proposal::parse(&record.text)?;
            views.push(NoticeView {
                notice: Summary::from(&proposal),
                hash: proposal.hash_text(),
            });
        }
        Ok(views)
    }

    /// The signed text of a published notice.
    pub fn notice(&self, number: u64) -> Result<Option<String>, Error> {
        Ok(self.notices.record(number)?.map(|record| record.text))
    }

    /// How far the log is.
    pub fn notice_state(&self) -> Result<NoticeState, Error> {
        Ok(NoticeState {
            newest: self.notices.newest.number,
            draft: self.notices.tables.state.read(DRAFT)?,
            is_settled: self.notices.is_settled,
            checkpoint: self.published_checkpoint()?.map(|checkpoint| checkpoint.number),
        })
    }

    /// What is to be gossiped on `/bevis/notice/1`, each once in this process; all of it is durable. After a start it holds the
    /// newest notice once more.
    pub fn take_notice_digests(&mut self) -> Vec<Vec<u8>> {
        self.notices.outbox.drain(..).collect()
    }

    /// The trust list in force, when we may publish: it is current, names us as a register, and our numbers are settled.
    pub(super) fn publisher(&self, now: Timestamp) -> Result<Arc<Trust>, Error> {
        let trust = self.register(now)?;
        if !self.notices.is_settled {
            return Err(Code::NumberUnsettled.into());
        }
        Ok(trust)
    }

    /// As [`Issuer::publisher`], before numbers are settled.
    pub(super) fn register(&self, now: Timestamp) -> Result<Arc<Trust>, Error> {
        let trust = Arc::clone(self.trust.as_ref().ok_or(Code::TrustMissing)?);
        trust.current(now)?;
        let listed = trust.organisation(&self.settings.did).ok_or(Code::NotListed)?;
        if !listed.issues.iter().any(|vct| vct == notice::VCT) {
            return Err(Problem::new(Code::TypeNotAllowed, notice::VCT).into());
        }
        Ok(trust)
    }

    /// The subject of a draft, in which a person's number is replaced by tags.
    fn without_person(&self, now: Timestamp, subject: &Map<String, Value>) -> Result<Map<String, Value>, Error> {
        let mut subject = subject.clone();
        let Some(number) = subject.get("debitor").and_then(|debtor| debtor.get("fodselsnummer")) else {
            return Ok(subject);
        };
        let invalid = || Problem::new(Code::SchemaInvalid, "/debitor/fodselsnummer");
        let person = number.as_str().and_then(PersonNumber::parse).ok_or_else(invalid)?;
        let about = match subject.get("gjelderVarsel").and_then(Value::as_str) {
            Some(uuid) => self.notices.opening(uuid)?,
            None => None,
        };
        let tags = self.tags(now, &person, about.map(|opening| opening.debtor))?;
        let tags = serde_json::to_value(tags).map_err(|_| Code::Internal)?;
        subject.insert("debitor".to_owned(), serde_json::json!({ "merker": tags }));
        Ok(subject)
    }
}
