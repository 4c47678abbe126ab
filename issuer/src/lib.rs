//! The issuer: an agency's register on one side, holders' proven keys on the other.
//!
//! [`Issuer`] is a machine without network, clock or randomness of its own; its tables lie in a [`store::Store`]. Every
//! method that changes something commits before it returns: what a caller sends on is durable.
//!
//! The way of a credential:
//! 1. **import**: register rows are checked against their type and kept ([`Issuer::import_start`] and what follows it).
//!    Importing again marks what changed: credentials of a changed row are superseded, of an ended one revoked.
//! 2. **prepare**: a row gets its status entries and the seed of its salts ([`Issuer::prepare`]). It cannot be signed yet,
//!    because nobody knows the holder's keys.
//! 3. **offer**: an invitation, personal with an activation code or open to everybody ([`Issuer::offer`]).
//! 4. **issue**: the holder proves who they are and that they have the keys; the row is signed to these keys, the access
//!    log gets its entry, and the delivery can be repeated byte for byte for seven days ([`Issuer::receive_issue`]).
//! 5. **status**: lists of two-bit states, signed heads that say which lists are current ([`Issuer::receive_status`]) and digests that
//!    tell everybody what changed ([`Issuer::take_digests`]); [`Issuer::set_state`] revokes, suspends and reinstates at once, other
//!    endings wait for the day's publication ([`Issuer::endings`]).
//!
//! Files come line by line from whoever holds them, or as a whole by a page (module `upload`); many credentials at once are changed by what one
//! person proposes and another agrees to (module `bulk`).
//!
//! Beside credentials a register publishes **notices**: numbered, signed by two keys, given to everybody (module `notice`).
//!
//! A time that goes by without a message is told by [`Issuer::tick`].
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing))]

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use credentials::key::Signer;
use credentials::schema::{CredentialType, Types};
use credentials::trust::Trust;
use credentials::{Code, Did, Problem, Random, Timestamp};
use serde::Serialize;
use store::Store;

mod access;
mod bulk;
mod credential;
mod epoch;
mod error;
mod grant;
mod import;
mod issuance;
mod letters;
mod notice;
mod offer;
mod register;
mod rejected;
mod staged;
mod status;
mod tables;
mod upload;

pub use access::{Entry, Ground};
pub use bulk::{Bulk, BulkOrder, BulkProgress, BulkStage, Names, PROPOSAL_SECONDS, Selection, Whole};
pub use credential::{Changed, Issued, Target};
pub use error::Error;
pub use import::{ImportProgress, ImportReport, ImportStart, ImportStep, Job, Register, Rejected, Stage};
pub use notice::{NoticeLimits, NoticeState, NoticeView, Published, Seen, Settling};
pub use offer::NewOffer;
pub use rejected::{REJECTED_PAGE_MAX, RejectedLine, RejectedPage};
pub use status::{Endings, ListInfo};
pub use upload::{UPLOAD_BYTES_MAX, UPLOAD_PART_MAX, UPLOADS_MAX, Upload, Waiting};

use grant::{GrantRecord, Untold};
use issuance::{Batch, OpenTerms};
use staged::Due;
use status::Lists;
use tables::{Counts, DailyRecord, Delivery, NEXT, Offer, Tables, Terms};

/// Who the issuer is and what it issues.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The organisation.
    pub did: Did,
    /// Name of its signing key, `<did>#<key>`.
    pub kid: String,
    /// Types it issues, by `vct`.
    pub issues: Vec<String>,
    /// What the number of a status list is appended to: `https://<domain>/status/`.
    pub status_base: String,
    /// The PeerIds of its nodes, as requests for an identification name them.
    pub peers: Vec<String>,
}

/// How many there are of what, of one type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TypeCount {
    /// Type.
    pub vct: String,
    /// Rows of the register.
    pub rows: u64,
    /// Rows that are ready to be signed.
    pub prepared: u64,
    /// Credentials that were issued, in whatever state they now are.
    pub issued: u64,
    /// Of these, revoked.
    pub revoked: u64,
    /// Of these, suspended.
    pub suspended: u64,
    /// Of these, superseded.
    pub superseded: u64,
}

/// The issuer role of a node.
pub struct Issuer {
    store: Store,
    tables: Tables,
    types: Types,
    settings: Settings,
    signer: Arc<dyn Signer>,
    random: Box<dyn Random>,
    trust: Option<Arc<Trust>>,
    lists: Lists,
    daily: Option<DailyRecord>,
    counts: BTreeMap<String, Counts>,
    terms: Vec<OpenTerms>,
    due: Deadlines,
    imports: HashMap<String, import::Running>,
    uploads: HashMap<String, upload::Open>,
    bulks: HashMap<String, bulk::Open>,
    notices: notice::Log,
    /// Grants that were taken back, and whose askers have not acknowledged that.
    untold: Untold,
    /// Grants that were taken back before they came.
    early: usize,
    access_next: u64,
    letters: letters::Letters,
    failure: Option<Error>,
}

impl std::fmt::Debug for Issuer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Issuer")
            .field("did", &self.settings.did)
            .finish_non_exhaustive()
    }
}

impl Issuer {
    /// Opens the issuer on its store.
    ///
    /// In a store that was restored or copied since it was last opened, what was open then is void, as module `epoch` says. Fails
    /// with `unknown_type` when it is to issue a type that is not known.
    pub fn open(
        store: Store,
        types: Types,
        settings: Settings,
        signer: Arc<dyn Signer>,
        random: Box<dyn Random>,
    ) -> Result<Issuer, Error> {
        let tables = Tables::new(&store);
        epoch::settle(&store, &tables)?;
        let mut counts = BTreeMap::new();
        // Notices are no credentials: a register of them has no rows of that type.
        for vct in settings.issues.iter().filter(|vct| *vct != credentials::notice::VCT) {
            if types.get(vct).is_none() {
                return Err(Problem::new(Code::UnknownType, vct).into());
            }
            counts.insert(vct.clone(), tables.counts.read(vct)?.unwrap_or_else(Counts::default));
        }
        let lists = Lists::open(&tables, store.epoch())?;
        let daily = tables.daily.read(NEXT)?;
        let (terms, due) = deadlines(&tables)?;
        let (untold, early) = grant::kept(&tables)?;
        let access_next = tables.access.table.len()?;
        let letters = letters::Letters::open(&tables)?;
        let notices = notice::Log::open(&store)?;
        let mut issuer = Issuer {
            store,
            tables,
            types,
            settings,
            signer,
            random,
            trust: None,
            lists,
            daily,
            counts,
            terms,
            due,
            imports: HashMap::new(),
            uploads: HashMap::new(),
            bulks: HashMap::new(),
            notices,
            untold,
            early,
            access_next,
            letters,
            failure: None,
        };
        issuer.lists.begin(&mut *issuer.random);
        issuer.settle_uploads()?;
        issuer.settle_imports()?;
        issuer.settle_bulks()?;
        Ok(issuer)
    }

    /// Takes the trust document by which identifications are checked. Without one they are refused with `trust_missing`.
    pub fn set_trust(&mut self, trust: Arc<Trust>) {
        self.trust = Some(trust);
    }

    /// Signs with another key from now on: `kid` names it as the trust list does (`<did>#<key>`). What was signed before stands
    /// as it is, but for the status lists: they get a new version when they are asked for next. Errors: `unknown_key` when the name is none of this organisation's.
    pub fn set_signer(&mut self, kid: &str, signer: Arc<dyn Signer>) -> Result<(), Problem> {
        let is_ours = kid
            .strip_prefix(&self.settings.did.to_string())
            .and_then(|rest| rest.strip_prefix('#'))
            .is_some_and(|name| !name.is_empty());
        if !is_ours {
            return Err(Problem::new(Code::UnknownKey, kid));
        }
        if kid != self.settings.kid {
            kid.clone_into(&mut self.settings.kid);
            // What the key before signed counts for nothing any more when that key was compromised.
            self.lists.sign_anew();
        }
        self.signer = signer;
        Ok(())
    }

    /// Does what is due: ends terms, offers and deliveries, revokes what was not acknowledged within seven days, publishes the
    /// endings of the day, and signs lists anew every hour and the status head while it is asked for.
    pub fn tick(&mut self, now: Timestamp) -> Result<(), Error> {
        loop {
            let due: Vec<(Timestamp, Due)> = self
                .due
                .iter()
                .take_while(|(at, _)| *at <= now)
                .take(DUE_TOGETHER)
                .cloned()
                .collect();
            if due.is_empty() {
                break;
            }
            let mut staged = self.stage();
            for (at, what) in due {
                match &what {
                    Due::Terms(nonce) => self.end_terms(&mut staged, nonce),
                    Due::Delivery(transaction) => self.end_delivery(now, &mut staged, transaction)?,
                    Due::Offer(offer) => self.end_offer(&mut staged, offer)?,
                    Due::Grant(grant) => self.end_grant(&mut staged, grant)?,
                    Due::Batch(batch) => self.end_batch(&mut staged, batch),
                    Due::Ending(position) => self.end_entry(&mut staged, *position),
                    Due::Rejected(job) => self.end_rejected(&mut staged, job)?,
                    Due::Upload(upload) => self.end_upload(&mut staged, upload)?,
                    Due::Bulk(bulk) => self.end_proposal(now, &mut staged, bulk)?,
                }
                staged.done.push((at, what));
            }
            self.commit(staged)?;
            self.terms.retain(|terms| terms.expires > now);
        }
        self.publish_daily(now)?;
        self.publish_if_due(now)
    }

    /// How many there are of what, per type.
    pub fn counts(&self) -> Result<Vec<TypeCount>, Error> {
        Ok(self
            .counts
            .iter()
            .map(|(vct, counts)| TypeCount {
                vct: vct.clone(),
                rows: counts.rows,
                prepared: counts.prepared,
                issued: counts.issued,
                revoked: counts.revoked,
                suspended: counts.suspended,
                superseded: counts.superseded,
            })
            .collect())
    }

    /// The cause behind the last `internal` or `trace_unavailable` answer to a peer, once, for the operator's log.
    pub fn take_failure(&mut self) -> Option<Error> {
        self.failure.take()
    }

    /// Keeps the cause of a failure and gives what a peer may know of it.
    fn failed(&mut self, error: Error) -> Problem {
        let problem = match error.code() {
            // Whose disk it is would not be plain to the person at the other end.
            Code::DiskFull | Code::DiskReadOnly => Code::Internal.into(),
            _ => error.problem(),
        };
        if !matches!(error, Error::Refused(_)) {
            self.failure = Some(error);
        }
        problem
    }

    /// A type that this issuer issues, by `vct`, id or name.
    fn issued_type(&self, name: &str) -> Result<Arc<CredentialType>, Error> {
        let Some(credential_type) = self.types.find(name) else {
            return Err(Code::UnknownType.into());
        };
        if !self.settings.issues.contains(&credential_type.vct) {
            return Err(Problem::new(Code::TypeNotAllowed, &credential_type.vct).into());
        }
        Ok(Arc::clone(credential_type))
    }
}

/// Deadlines that one transaction settles.
const DUE_TOGETHER: usize = 256;

/// What ends by itself, the next first.
type Deadlines = BTreeSet<(Timestamp, Due)>;

/// What ends by itself, and which terms are open.
fn deadlines(tables: &Tables) -> Result<(Vec<OpenTerms>, Deadlines), Error> {
    let unreadable = |table| Error::Unreadable { table };
    let mut due = BTreeSet::new();
    let mut open = Vec::new();
    for (id, terms) in tables.terms.all::<Terms>()? {
        let nonce = String::from_utf8(id).map_err(|_| unreadable("issuer.terms"))?;
        due.insert((terms.expires, Due::Terms(nonce.clone())));
        open.push(OpenTerms {
            nonce,
            peer: String::new(),
            organisation: terms.organisation,
            issued: terms.issued,
            expires: terms.expires,
        });
    }
    open.sort_by_key(|terms| terms.issued);
    for (id, delivery) in tables.deliveries.all::<Delivery>()? {
        let id = id.try_into().map_err(|_| unreadable("issuer.deliveries"))?;
        due.insert((issuance::delivery_ends(delivery.at), Due::Delivery(id)));
    }
    for (id, offer) in tables.offers.all::<Offer>()? {
        let id = id.try_into().map_err(|_| unreadable("issuer.offers"))?;
        due.insert((offer::forgotten(offer.expires), Due::Offer(id)));
    }
    for (id, record) in tables.grants.all::<GrantRecord>()? {
        let id = id.try_into().map_err(|_| unreadable("issuer.grants"))?;
        due.insert(Issuer::grant_due(&id, &record)?);
    }
    for (id, batch) in tables.batches.all::<Batch>()? {
        let id = id.try_into().map_err(|_| unreadable("issuer.batches"))?;
        due.insert(issuance::batch_due(&id, &batch));
    }
    for (id, at) in tables.later.all::<Timestamp>()? {
        let position = issuance::later_position(&id).ok_or(unreadable("issuer.later-endings"))?;
        due.insert((at, Due::Ending(position)));
    }
    let name = |id: Vec<u8>, table| String::from_utf8(id).map_err(|_| unreadable(table));
    for (id, job) in tables.jobs.all::<tables::JobRecord>()? {
        if job.kept.is_some() {
            due.insert((
                rejected::erased_at(job.started),
                Due::Rejected(name(id, "issuer.jobs")?),
            ));
        }
    }
    for (id, upload) in tables.uploads.all::<tables::UploadRecord>()? {
        let ends = upload.started.plus(upload::UPLOAD_SECONDS);
        due.insert((ends, Due::Upload(name(id, "issuer.uploads")?)));
    }
    for (id, bulk) in tables.bulks.all::<tables::BulkRecord>()? {
        let id = name(id, "issuer.bulks")?;
        if bulk.kept != rejected::Kept::default() {
            due.insert((rejected::erased_at(bulk.started), Due::Rejected(id.clone())));
        }
        if bulk.stage.is_open() {
            due.insert((
                bulk.proposed.unwrap_or(bulk.started).plus(PROPOSAL_SECONDS),
                Due::Bulk(id),
            ));
        }
    }
    Ok((open, due))
}

#[cfg(test)]
mod tests;
