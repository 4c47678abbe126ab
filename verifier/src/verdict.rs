//! What the case-worker sees: sessions without claims, and one session with its verdict, every check and its reasons.

use crate::policy::Decision;
use crate::session::{Session, State};
use credentials::query::Query;
use credentials::schema::{Path, Text};
use credentials::trust::Trust;
use credentials::verify::{Line, Report, Verdict};
use credentials::{Code, Did, Timestamp};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;
use std::collections::BTreeMap;

/// One session, without a claim. Serialized it is part of the `--json` contract; instants are RFC 3339 in UTC.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SessionView {
    /// The session's name.
    pub id: String,
    /// The asker's own reference.
    pub case: String,
    /// Registered service.
    pub service: String,
    /// How far it has come.
    pub state: State,
    /// When the request was signed.
    #[serde(serialize_with = "rfc3339")]
    pub created: Timestamp,
    /// No answer is taken from this instant on.
    #[serde(serialize_with = "rfc3339")]
    pub expires: Timestamp,
    /// The verdict of a completed session.
    pub verdict: Option<Verdict>,
    /// Why the verdict is not valid, or the first note of a valid one; `not_presented` when the holder declined.
    pub code: Option<Code>,
}

/// One session with everything there is to say about it. Its `Debug` prints no claim.
#[derive(Clone, PartialEq, Serialize)]
pub struct SessionDetail {
    /// The session.
    #[serde(flatten)]
    pub view: SessionView,
    /// Every check and what came of it; empty before an answer.
    pub checks: Vec<Line>,
    /// Remarks that do not make a verdict less valid: `terminated_pending`.
    pub notes: Vec<Code>,
    /// What was asked and shown, by query id: only of a valid answer, and only as long as it may be kept.
    pub claims: BTreeMap<String, Value>,
    /// What was asked: query id → credential type.
    pub types: BTreeMap<String, String>,
    /// Who issued what a valid answer showed, by query id.
    pub issuers: BTreeMap<String, Issuer>,
    /// Query ids whose claims may not be used to assess credit (E45).
    pub not_for_credit: Vec<String>,
    /// Age of the oldest status used, in seconds, when the answer was checked.
    pub status_age_s: Option<i64>,
    /// Age of the trust document, in seconds, when the answer was checked.
    pub trust_age_s: Option<i64>,
    /// Until when the claims are kept; none when they are only held for reading, or nothing is.
    #[serde(serialize_with = "rfc3339_option")]
    pub keep_until: Option<Timestamp>,
    /// The ground to keep them: the registration's code.
    pub keep_ground: String,
    /// The same for people.
    pub keep_ground_text: Text,
    /// When the claims were erased: those that were kept, or only held for reading.
    #[serde(serialize_with = "rfc3339_option")]
    pub erased_at: Option<Timestamp>,
    /// Our signed statement of that (JWS, [`credentials::decision::Statement`]).
    pub erasure: Option<String>,
    /// When the answer was checked.
    #[serde(serialize_with = "rfc3339_option")]
    pub checked_at: Option<Timestamp>,
    /// The receipt as the holder got it (JWS).
    pub receipt: Option<String>,
    /// The holder's own part of it (JWS): the decision, or the grant.
    pub decision: Option<String>,
    /// That the holder asked for deletion (JWS), and when it came.
    pub deletion: Option<DeletionView>,
    /// What the customer is given, as long as an answer is taken.
    pub link: Option<String>,
    /// What was asked, by query id.
    pub asked: BTreeMap<String, Vec<Path>>,
    /// When a standing grant was asked for: its terms.
    pub grant: Option<AskedGrant>,
}

/// A standing grant that a session asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AskedGrant {
    /// Who is to release.
    pub issuer: Did,
    /// Until when, at most.
    #[serde(serialize_with = "rfc3339")]
    pub until: Timestamp,
    /// How often a day, at most.
    pub uses_per_day: u16,
    /// Name of the grant that came of it.
    pub name: Option<String>,
}

impl std::fmt::Debug for SessionDetail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SessionDetail({:?}, ..)", self.view)
    }
}

/// A request for deletion that came, and what was answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DeletionView {
    /// When it first came.
    #[serde(serialize_with = "rfc3339")]
    pub at: Timestamp,
    /// As the holder signed it (JWS).
    pub request: String,
    /// What we said when nothing was erased because of it (JWS); where something was, the statement of erasure is the answer.
    pub answer: Option<String>,
}

/// The same, as it is stored.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Noted {
    pub(crate) at: Timestamp,
    pub(crate) request: String,
    pub(crate) answer: Option<String>,
}

/// Who issued a credential.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Issuer {
    /// DID.
    pub did: Did,
    /// Name in the trust document.
    pub name: String,
}

/// A verdict as it is stored: no claim, no customer number.
#[derive(Serialize, Deserialize)]
pub(crate) struct Record {
    checks: Vec<Line>,
    notes: Vec<Code>,
    issuers: BTreeMap<String, Issuer>,
    not_for_credit: Vec<String>,
    status_at: Option<Timestamp>,
    trust_at: Option<Timestamp>,
    checked_at: Timestamp,
    receipt: String,
    /// What the holder signed.
    #[serde(default)]
    given: Option<String>,
    #[serde(default)]
    deletion: Option<Noted>,
}

impl Record {
    /// With what the holder signed.
    pub(crate) fn with(self, given: Option<String>) -> Record {
        Record { given, ..self }
    }

    /// What the holder signed.
    pub(crate) fn given(&self) -> Option<&str> {
        self.given.as_deref()
    }

    /// The receipt.
    pub(crate) fn receipt(&self) -> &str {
        &self.receipt
    }

    /// That the holder asked for deletion.
    pub(crate) fn deletion(&self) -> Option<&Noted> {
        self.deletion.as_ref()
    }

    /// Notes that the holder asked for deletion.
    pub(crate) fn note_deletion(&mut self, deletion: Noted) {
        self.deletion = Some(deletion);
    }

    /// Of a grant that was asked for.
    pub(crate) fn of_grant(report: Report, receipt: String, now: Timestamp) -> Record {
        Record {
            checks: report.lines,
            notes: Vec::new(),
            issuers: BTreeMap::new(),
            not_for_credit: Vec::new(),
            status_at: report.status_at,
            trust_at: report.trust_at,
            checked_at: now,
            receipt,
            given: None,
            deletion: None,
        }
    }

    pub(crate) fn new(
        decision: &Decision,
        not_for_credit: Vec<String>,
        trust: Option<&Trust>,
        receipt: String,
        now: Timestamp,
    ) -> Record {
        let name = |did: &Did| {
            trust
                .and_then(|trust| trust.organisation(did))
                .map(|organisation| organisation.name.clone())
                .unwrap_or_default()
        };
        let issuers = decision.answer().map(|answer| {
            answer
                .credentials()
                .iter()
                .map(|(id, credential)| {
                    let did = credential.issuer().clone();
                    let name = name(&did);
                    (id.clone(), Issuer { did, name })
                })
                .collect()
        });
        let report = decision.report();
        Record {
            checks: report.lines.clone(),
            notes: decision.notes().to_vec(),
            issuers: issuers.unwrap_or_default(),
            not_for_credit,
            status_at: report.status_at,
            trust_at: report.trust_at,
            checked_at: now,
            receipt,
            given: None,
            deletion: None,
        }
    }
}

/// A session as it is at `now`.
pub(crate) fn view(session: &Session, now: Timestamp) -> SessionView {
    SessionView {
        id: session.id.clone(),
        case: session.case.clone(),
        service: session.service.clone(),
        state: session.state_at(now),
        created: session.created,
        expires: session.expires,
        verdict: session.verdict,
        code: session.code,
    }
}

/// A session with its verdict, if it has one, and those of its claims that may still be read.
pub(crate) fn detail(
    session: &Session,
    query: &Query,
    record: Option<Record>,
    claims: BTreeMap<String, Value>,
    now: Timestamp,
) -> SessionDetail {
    let age = |at: Option<Timestamp>, checked: Timestamp| at.map(|at| checked.since(at).max(0));
    let mut detail = SessionDetail {
        view: view(session, now),
        checks: Vec::new(),
        notes: Vec::new(),
        claims,
        types: query
            .credentials
            .iter()
            .map(|credential| (credential.id.clone(), credential.vct.clone()))
            .collect(),
        issuers: BTreeMap::new(),
        not_for_credit: Vec::new(),
        status_age_s: None,
        trust_age_s: None,
        keep_until: session.keep_until,
        keep_ground: session.terms.ground.code.clone(),
        keep_ground_text: session.terms.ground.text.clone(),
        erased_at: session.erased_at,
        erasure: None,
        checked_at: None,
        receipt: None,
        decision: None,
        deletion: None,
        link: None,
        asked: query
            .credentials
            .iter()
            .map(|credential| (credential.id.clone(), query.paths(&credential.id)))
            .collect(),
        grant: session.grant.as_ref().map(|asked| AskedGrant {
            issuer: asked.issuer.clone(),
            until: asked.until,
            uses_per_day: asked.uses_per_day,
            name: None,
        }),
    };
    if let Some(record) = record {
        detail.status_age_s = age(record.status_at, record.checked_at);
        detail.trust_age_s = age(record.trust_at, record.checked_at);
        detail.checks = record.checks;
        detail.notes = record.notes;
        detail.issuers = record.issuers;
        detail.not_for_credit = record.not_for_credit;
        detail.checked_at = Some(record.checked_at);
        detail.receipt = Some(record.receipt);
        let name = record.given.as_deref().map(credentials::decision::hash);
        if let Some(grant) = &mut detail.grant {
            grant.name = name;
        }
        detail.decision = record.given;
        detail.deletion = record
            .deletion
            .map(|Noted { at, request, answer }| DeletionView { at, request, answer });
    }
    detail
}

fn rfc3339<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(at)
}

pub(crate) fn rfc3339_option<S: Serializer>(at: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
    match at {
        Some(at) => serializer.collect_str(at),
        None => serializer.serialize_none(),
    }
}
