//! The publisher's end of notices: an append-only log in which a number is used once.
//!
//! The way of a notice: **draft** reserves the next number and fixes the hash of the one before ([`Issuer::notice_draft`]; one
//! draft at a time); **sign** adds the first key here and the second in another home of the register, to which the file is
//! carried ([`Issuer::notice_sign`]); **publish** checks both, writes it into the log and only then hands it out
//! ([`Issuer::notice_publish`]). A second key signs one paper for a number and never another.
//!
//! Checkpoints and the yearly keys for tags go the same way. After a restore nothing is drafted, signed or published before
//! two organisations have told which number was published last (`settling`).

mod persons;
mod settling;
mod tables;

pub use persons::NoticeLimits;
pub use settling::{Seen, Settling};

use credentials::identifier::PersonNumber;
use credentials::notice::{self, At, Checkpoint, Content, Debtor, Kind, Notice, Opening, Paper, Place, Proposal};
use credentials::protocol::notice::{Ask, CHUNK, RANGE_BYTES, RANGE_MAX, Reply};
use credentials::trust::Trust;
use credentials::{Code, Did, Problem, Timestamp, random};
use serde::Serialize;
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};
use std::collections::VecDeque;
use std::sync::Arc;
use store::Transaction;

use crate::{Error, Issuer};
use tables::{CHECKPOINT, DRAFT, NEWEST, NoticeRecord, NoticeTables, OpeningRecord};

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
}

/// A published notice, for the register's own list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NoticeView {
    /// `sekvens`
    pub number: u64,
    /// Name.
    pub uuid: String,
    /// `aapning`, `sletting`, `oppheving`, `avslutning`, or none where this version cannot read it.
    pub kind: Option<Kind>,
    /// The company's number; none for a person.
    pub company: Option<String>,
    /// The opening it is about.
    pub about: Option<String>,
    /// When it was registered.
    pub registered: Timestamp,
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

    /// Signs a paper with our own key: the first signature where it was drafted, or the second one in another home.
    ///
    /// Before a second signature leaves, it is durable that this key signed this paper for its number; another one is refused.
    ///
    /// Errors: as [`Issuer::notice_draft`], and `not_found` (unsigned, and not drafted here), `second_key_missing` (our key has
    /// signed it already), `notice_conflict` (our key signed another one for this number), `wrong_recipient` (another register's);
    /// what [`Paper::check_first_key`] says of the first signature; `unknown_key`, `key_outside_window`, `key_compromised` of ours.
    pub fn notice_sign(&mut self, now: Timestamp, text: &str) -> Result<Paper, Error> {
        let trust = self.publisher(now)?;
        let paper = Paper::parse(text)?;
        if *paper.register() != self.settings.did {
            return Err(Code::WrongRecipient.into());
        }
        let listed = trust.organisation(&self.settings.did).ok_or(Code::NotListed)?;
        if *listed.key_at(&self.settings.kid, now)? != self.signer.verifying_key() {
            return Err(Code::UnknownKey.into());
        }
        if paper.signers()?.is_empty() {
            self.is_drafted_here(&paper)?;
        } else {
            // Of our own signature a second one of ours makes nothing: said before the guard below is set.
            if paper.signers()?.contains(&self.settings.kid) {
                return Err(Code::SecondKeyMissing.into());
            }
            paper.check_first_key(&trust, now)?;
            self.promise(&paper)?;
        }
        let signed = paper.sign(&self.settings.kid, self.signer.as_ref(), now)?;
        Ok(signed)
    }

    /// Whether an unsigned paper is one that this home wrote.
    fn is_drafted_here(&self, paper: &Paper) -> Result<(), Error> {
        let tables = &self.notices.tables;
        let is_ours = match paper {
            Paper::Notice(proposal) => match tables.state.read::<String>(DRAFT)? {
                Some(draft) => Proposal::parse(&draft)?.hash() == proposal.hash(),
                None => false,
            },
            Paper::Checkpoint(checkpoint) => tables.lists.table.contains(&checkpoint.state_hash)?,
            Paper::Key(statement) => self
                .tag_key(&statement.name)?
                .is_some_and(|key| key.public() == statement.public),
        };
        if is_ours { Ok(()) } else { Err(Code::NotFound.into()) }
    }

    /// Makes durable that our key is the second one of this paper and of no other with its number.
    fn promise(&self, paper: &Paper) -> Result<(), Error> {
        let Some(place) = paper.place() else { return Ok(()) };
        let promised = &self.notices.tables.promised;
        let hash = paper.hash()?;
        match promised.table.get(&place)? {
            Some(known) if known == hash => Ok(()),
            Some(_) => Err(Problem::new(Code::NoticeConflict, place).into()),
            None => {
                let mut changes = self.store.transaction();
                changes.require_absent(&promised.table, &place);
                changes.put(&promised.table, &place, &hash);
                changes.commit()?;
                Ok(())
            }
        }
    }

    /// Publishes what two keys signed: durable first, then ready for gossip. Publishing the same again changes nothing.
    ///
    /// Errors: as [`Issuer::notice_draft`]; what [`Notice::open`] says; `notice_conflict` (the number is used, or the hash of the one
    /// before is another than ours), `notice_gap` (numbers before it are missing here), `draft_open` (another draft is open).
    pub fn notice_publish(&mut self, now: Timestamp, text: &str) -> Result<Published, Error> {
        let trust = self.publisher(now)?;
        let paper = Paper::parse(text)?;
        if *paper.register() != self.settings.did {
            return Err(Code::WrongRecipient.into());
        }
        match paper {
            Paper::Notice(proposal) => {
                let notice = Notice::open(text, &trust, now)?;
                self.publish_notice(&notice)?;
                Ok(Published::Notice(proposal.number()))
            }
            Paper::Checkpoint(_) => self.publish_checkpoint(&Checkpoint::open(text, &trust, now)?),
            Paper::Key(_) => {
                let statement = notice::KeyStatement::open(text, &trust, now)?;
                self.publish_key(&statement)?;
                Ok(Published::Key(statement.name))
            }
        }
    }

    fn publish_notice(&mut self, notice: &Notice) -> Result<(), Error> {
        let proposal = notice.proposal();
        if self.is_published(proposal)? {
            return Ok(());
        }
        let content = proposal.content().map_err(Clone::clone)?;
        self.follows(proposal)?;
        self.notices.check_about(content)?;
        if let Some(draft) = self.notices.tables.state.read::<String>(DRAFT)?
            && Proposal::parse(&draft)?.hash() != proposal.hash()
        {
            return Err(Code::DraftOpen.into());
        }
        let mut changes = self.store.transaction();
        let newest = self.notices.append(&mut changes, notice)?;
        changes.delete(&self.notices.tables.state.table, DRAFT);
        changes.commit()?;
        self.notices.newest = newest;
        let digest = notice.digest()?;
        self.notices.push(&digest);
        Ok(())
    }

    /// Whether this very notice stands in the log; another one of its number is a conflict.
    fn is_published(&self, proposal: &Proposal) -> Result<bool, Error> {
        match self.notices.record(proposal.number())? {
            None => Ok(false),
            Some(record) if record.hash == *proposal.hash() => Ok(true),
            Some(_) => Err(Problem::new(Code::NoticeConflict, "sekvens").into()),
        }
    }

    /// Whether a notice is the next one.
    fn follows(&self, proposal: &Proposal) -> Result<(), Error> {
        let newest = &self.notices.newest;
        if proposal.number() != newest.number.saturating_add(1) {
            return Err(Problem::new(Code::NoticeGap, "sekvens").into());
        }
        if *proposal.previous() != newest.hash {
            return Err(Problem::new(Code::NoticeConflict, "forrigeSekvensHash").into());
        }
        if proposal.registered() < newest.registered {
            return Err(Problem::new(Code::NoticeInvalid, "registreringstidspunkt").into());
        }
        Ok(())
    }

    /// Writes a checkpoint at the newest notice, to be signed and published like one.
    ///
    /// Errors: as [`Issuer::notice_draft`]; `not_found` when nothing was published; `too_large`.
    pub fn notice_checkpoint(&mut self, now: Timestamp) -> Result<String, Error> {
        self.publisher(now)?;
        let newest = &self.notices.newest;
        if newest.number == 0 {
            return Err(Code::NotFound.into());
        }
        let mut openings = Vec::new();
        for (uuid, record) in self.notices.tables.openings.all::<OpeningRecord>()? {
            let unreadable = |_| Error::Unreadable {
                table: "issuer.notice-openings",
            };
            if record.stands && !record.is_closed {
                openings.push(Opening {
                    uuid: String::from_utf8(uuid).map_err(unreadable)?,
                    number: record.number,
                    debtor: record.debtor,
                });
            }
        }
        openings.sort_unstable_by_key(|opening| opening.number);
        let state = Checkpoint::state(&openings)?;
        let hash: [u8; 32] = Sha256::digest(&state).into();
        let at = At {
            register: &self.settings.did,
            number: newest.number,
            hash: &newest.hash,
            registered: newest.registered,
        };
        let text = Checkpoint::write(&at, &state, now);
        let mut changes = self.store.transaction();
        changes.put(&self.notices.tables.lists.table, &hash, &state);
        changes.commit()?;
        Ok(text)
    }

    fn publish_checkpoint(&mut self, checkpoint: &Checkpoint) -> Result<Published, Error> {
        let tables = &self.notices.tables;
        let record = self.notices.record(checkpoint.number)?;
        if record.is_none_or(|record| record.hash != checkpoint.hash) {
            return Err(Problem::new(Code::NoticeConflict, "sekvens").into());
        }
        if !tables.lists.table.contains(&checkpoint.state_hash)? {
            return Err(Code::NotFound.into());
        }
        let before = self.published_checkpoint()?;
        if before.as_ref().is_some_and(|before| before.number > checkpoint.number) {
            return Err(Code::Stale.into());
        }
        // Whoever is in the middle of fetching keeps the list of the one before; others are dropped.
        let keep = [Some(checkpoint.state_hash), before.map(|before| before.state_hash)];
        let mut changes = self.store.transaction();
        for id in self.notices.list_ids()? {
            if !keep.iter().flatten().any(|kept| kept.as_slice() == id) {
                changes.delete(&tables.lists.table, &id);
            }
        }
        changes.put(&tables.state.table, CHECKPOINT, &tables.state.encode(&checkpoint.text)?);
        changes.commit()?;
        Ok(Published::Checkpoint(checkpoint.number))
    }

    fn published_checkpoint(&self) -> Result<Option<Checkpoint>, Error> {
        let text: Option<String> = self.notices.tables.state.read(CHECKPOINT)?;
        Ok(text.map(|text| Checkpoint::parse(&text)).transpose()?)
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
            let content = proposal.content().ok();
            views.push(NoticeView {
                number,
                uuid: proposal.uuid().to_owned(),
                kind: content.map(|content| content.kind),
                company: content.and_then(|content| match &content.debtor {
                    Debtor::Company(number) => Some(number.clone()),
                    Debtor::Person(_) => None,
                }),
                about: content.and_then(|content| content.about.clone()),
                registered: proposal.registered(),
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

    /// Answers a peer. `asker` is the organisation that its `hello` proved; only `Evaluate` needs one.
    pub fn receive_notice(&mut self, now: Timestamp, asker: Option<&Did>, ask: Ask) -> Reply {
        match self.answer_notice(now, asker, ask) {
            Ok(reply) => reply,
            Err(error) => Reply::Problem(self.failed(error)),
        }
    }

    fn answer_notice(&mut self, now: Timestamp, asker: Option<&Did>, ask: Ask) -> Result<Reply, Error> {
        let is_ours = |register: &str| {
            if register == self.settings.did.to_string() {
                Ok(())
            } else {
                Err(Error::from(Code::NotFound))
            }
        };
        match ask {
            Ask::Newest { register } => {
                is_ours(&register)?;
                Ok(Reply::Newest {
                    notice: self.notice(self.notices.newest.number)?,
                    checkpoint: self.published_checkpoint()?.map(|checkpoint| checkpoint.text),
                })
            }
            Ask::Range { register, from, count } => {
                is_ours(&register)?;
                let mut notices = Vec::new();
                let mut room = RANGE_BYTES;
                for number in (from..=self.notices.newest.number).take(usize::from(count.min(RANGE_MAX))) {
                    let Some(text) = self.notice(number)?.filter(|text| text.len() <= room) else {
                        break;
                    };
                    room = room.saturating_sub(text.len());
                    notices.push(text);
                }
                Ok(Reply::Range { notices })
            }
            Ask::State { register, hash, offset } => {
                is_ours(&register)?;
                self.piece_of_state(&hash, offset)
            }
            Ask::Keys { register } => {
                is_ours(&register)?;
                Ok(Reply::Keys {
                    statements: self.tag_key_statements()?,
                })
            }
            Ask::Evaluate { key, elements } => self.evaluate(now, asker, &key, &elements),
        }
    }

    fn piece_of_state(&self, hash: &str, offset: u32) -> Result<Reply, Error> {
        let published = self.published_checkpoint()?.map(|checkpoint| checkpoint.state_name());
        for id in self.notices.list_ids()? {
            let named: Option<[u8; 32]> = id.as_slice().try_into().ok();
            let is_named = named.is_some_and(|id| notice::hash_name(&id) == hash);
            // A list that no published checkpoint names is nobody's business yet.
            if !is_named || published.is_none() {
                continue;
            }
            let state = self.notices.tables.lists.table.get(&id)?.unwrap_or_default();
            let rest = state.get(offset as usize..).filter(|rest| !rest.is_empty());
            let rest = rest.ok_or_else(|| Problem::new(Code::Malformed, "offset"))?;
            return Ok(Reply::State {
                total: u32::try_from(state.len()).map_err(|_| Code::TooLarge)?,
                bytes: rest.iter().take(CHUNK).copied().collect(),
            });
        }
        Err(Code::NotFound.into())
    }

    /// The trust list in force, when we may publish: it is current, names us as a register, and our numbers are settled.
    fn publisher(&self, now: Timestamp) -> Result<Arc<Trust>, Error> {
        let trust = self.register(now)?;
        if !self.notices.is_settled {
            return Err(Code::NumberUnsettled.into());
        }
        Ok(trust)
    }

    /// As [`Issuer::publisher`], before numbers are settled.
    fn register(&self, now: Timestamp) -> Result<Arc<Trust>, Error> {
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
