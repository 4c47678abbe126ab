//! Requests to customers, and what came of them.

use super::auth::Caller;
use super::intake::{Body, Sent, canonical};
use super::refusal::Told;
use super::{Answer, json, name, page_size, read};
use crate::command::claims_path;
use crate::error::Failure;
use crate::output::{At, hex, sha256};
use crate::service::{Command, Consent, System, Systems, SystemsGrant};
use crate::tokens::Scope;
use axum::extract::{Path, Query};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::IntoResponse;
use credentials::time::DAY;
use credentials::{Code, Did, Problem};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use utoipa::{IntoParams, ToSchema};

/// Longest idempotency key, in bytes.
const KEY_MAX: usize = 128;
/// Most types and claims that a request names.
const NAMED_MAX: usize = 64;
/// Longest of these names, in bytes.
const NAME_MAX: usize = 256;

/// A request to a customer.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewRequest {
    /// Registered service, such as `S01`.
    service: String,
    /// Your own reference, shown to the customer; at most 64 characters, no person's number.
    case: String,
    /// The customer's number. The answer must be this person's or company's.
    subject: String,
    /// Types by id, name or `vct`; left out = all that the service has.
    #[serde(default)]
    types: Vec<String>,
    /// Claims as `a.b[].c`; left out = all that are registered.
    #[serde(default)]
    claims: Vec<String>,
    /// How long an answer is waited for, in seconds.
    valid_seconds: Option<i64>,
    /// Ask the wallet to say where it can be written to later.
    #[serde(default)]
    pair: bool,
    /// Leave the request in the customer's mailbox.
    #[serde(default)]
    by_mailbox: bool,
    /// Ask for a standing grant on these terms, in place of one answer.
    grant: Option<GrantTerms>,
    /// The same as the header `Idempotency-Key`; left out = the case.
    idempotency_key: Option<String>,
}

/// Terms of a standing grant.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GrantTerms {
    /// DID of who is to release; needed where several issue the type.
    issuer: Option<String>,
    /// For how many days; left out = as long as is registered.
    days: Option<u32>,
    /// How often a day; left out = as often as is registered.
    uses_per_day: Option<u16>,
}

/// A request that was made.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct Asked {
    /// Name of the session.
    session: String,
    /// What to give the customer: as a link on the same device, or in a QR code.
    link: String,
    /// No answer is taken from this instant on.
    #[schema(format = DateTime)]
    expires: String,
    /// Whether this very request had been made before, under the same key.
    repeated: bool,
}

/// How far a session has come.
#[derive(Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SessionState {
    /// The link is out; no wallet has fetched the request.
    Active,
    /// A wallet has fetched the request.
    Fetched,
    /// An answer was checked; there is a verdict.
    Completed,
    /// The request ran out, or was called off.
    Expired,
    /// The customer declined, or had nothing that fits: the two look alike.
    Failed,
}

/// Three answers, never two.
#[derive(Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum VerdictWord {
    /// Every check holds.
    Valid,
    /// At least one does not.
    Invalid,
    /// None fails, but at least one cannot be said now.
    Undecided,
}

/// A session in a list.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct Summary {
    /// Name.
    #[serde(alias = "id")]
    session: String,
    /// Your own reference.
    case: String,
    /// Service.
    service: String,
    /// How far it has come.
    state: SessionState,
    /// When it was made.
    #[schema(format = DateTime)]
    created: String,
    /// No answer is taken from this instant on.
    #[schema(format = DateTime)]
    expires: String,
    /// Verdict of a completed session.
    verdict: Option<VerdictWord>,
    /// Why the verdict is not valid, or the first remark to a valid one.
    code: Option<String>,
}

/// Sessions, newest first.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct SessionPage {
    /// Sessions.
    #[serde(alias = "sessions")]
    requests: Vec<Summary>,
    /// Give this as `after` for those that come after; none when there are no more.
    next: Option<String>,
}

/// One check and what came of it.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct CheckLine {
    /// Which credential of the answer; none for the answer as a whole.
    credential: Option<String>,
    /// Which check.
    check: String,
    /// `ok`, `failed`, `undecided` or `not_reached`.
    outcome: String,
    /// Why it does not hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    problem: Option<Reason>,
}

/// A reason: a code of the one table, and what it is about.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct Reason {
    /// Code.
    code: String,
    /// A field, a claim path or a check; never a value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
}

/// A text in several languages.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct Texts {
    /// Bokmål.
    pub nb: String,
    /// Nynorsk; left out where it is the same as bokmål.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nn: Option<String>,
    /// English.
    pub en: String,
}

/// Who issued what was shown.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct IssuerName {
    /// DID.
    did: String,
    /// Name in the trust list.
    name: String,
}

/// What may be kept.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct Keeping {
    /// Until when the claims are kept and can be read; none when they are held for reading only, or there are none.
    #[schema(format = DateTime)]
    until: Option<String>,
    /// Code of the ground.
    ground: String,
    /// The same for people.
    text: Texts,
    /// When the claims were erased.
    #[schema(format = DateTime)]
    erased_at: Option<String>,
    /// Our signed statement of that (JWS).
    erasure: Option<String>,
}

/// Whether newer word could have come.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct Reach {
    /// Nodes of the trust list that are connected now.
    neighbours: u64,
    /// Issuers that did not answer when they were asked last.
    unreached: Vec<String>,
}

/// A session with its verdict, every check, and the claims that may still be read.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct SessionDetail {
    /// The session.
    #[serde(flatten)]
    summary: Summary,
    /// Every check; empty before an answer.
    checks: Vec<CheckLine>,
    /// Remarks that make a verdict no less valid.
    notes: Vec<String>,
    /// What a valid answer showed, by name of the credential, while it may be read.
    claims: BTreeMap<String, Value>,
    /// What was asked: type by name of the credential.
    types: BTreeMap<String, String>,
    /// Who issued it, by name of the credential.
    issuers: BTreeMap<String, IssuerName>,
    /// Credentials whose claims may not be used to assess credit.
    not_for_credit: Vec<String>,
    /// Age of the oldest status used, in seconds, when the answer was checked.
    status_age_s: Option<i64>,
    /// Age of the trust list, in seconds, when the answer was checked.
    trust_age_s: Option<i64>,
    /// When the answer was checked.
    #[schema(format = DateTime)]
    checked_at: Option<String>,
    /// What may be kept, and until when.
    keep: Keeping,
    /// Our receipt, as the holder has it (JWS).
    receipt: Option<String>,
    /// The holder's signed decision or grant (JWS).
    decision: Option<String>,
    /// When the holder asked for deletion.
    #[schema(format = DateTime)]
    deletion_asked_at: Option<String>,
    /// Whether newer word could have come. It is no part of the `ETag`.
    reach: Reach,
}

/// Which sessions.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Filter {
    /// In this state.
    #[param(inline)]
    state: Option<SessionState>,
    /// With this verdict.
    #[param(inline)]
    verdict: Option<VerdictWord>,
    /// Of this service.
    service: Option<String>,
    /// At most so many; 1 to 200, usually 50.
    limit: Option<u32>,
    /// What `next` of the page before said.
    after: Option<String>,
}

/// How long to wait.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Waiting {
    /// Wait up to so many seconds (at most 30) until the session has ended, or, with `If-None-Match`, is other than that.
    wait: Option<u32>,
}

/// Asks a customer.
///
/// Sent again under the same key with the same content, it answers with the same session, across restarts and for as long as the
/// session is kept; with other content it is refused. The key is the header `Idempotency-Key`, else the field, else the case.
#[utoipa::path(
    post, path = "/api/v1/requests", tag = "requests", security(("token" = ["requests:write"])),
    params(("Idempotency-Key" = Option<String>, Header, description = "Your own name for this request; at most 128 characters")),
    request_body = NewRequest,
    responses(
        (status = 201, description = "Made. `Location` is the session.", body = Asked),
        (status = 200, description = "Made before, under the same key with the same content.", body = Asked),
        (status = 409, description = "`idempotency_conflict`: something else was asked under this key.", body = super::openapi::ProblemBody, content_type = "application/problem+json"),
    )
)]
pub async fn create(caller: Caller, headers: HeaderMap, sent: Sent) -> Answer {
    caller.may(Scope::RequestsWrite)?;
    let body: Body<NewRequest> = sent.read()?;
    let key = key(&headers, &body.content)?;
    let content = canonical(&body.value, "idempotency_key");
    let ask = Box::new(systems(body.content)?);
    let answer = caller.ask(System::Request { key, content, ask }).await?;
    let asked: Asked = read(answer)?;
    let status = if asked.repeated {
        StatusCode::OK
    } else {
        StatusCode::CREATED
    };
    let mut response = json(status, &asked)?;
    if let Ok(place) = HeaderValue::from_str(&format!("/api/v1/requests/{}", asked.session)) {
        response.headers_mut().insert(header::LOCATION, place);
    }
    Ok(response)
}

/// The key of a request: the header's, else the field's, else the case.
fn key(headers: &HeaderMap, body: &NewRequest) -> Result<String, Told> {
    let wrong = || Told::from(Problem::new(Code::Malformed, "idempotency_key"));
    let mut given = headers.get_all("idempotency-key").iter();
    let header = match (given.next(), given.next()) {
        (None, _) => None,
        (Some(one), None) => Some(one.to_str().map_err(|_| wrong())?.trim().to_owned()),
        (Some(_), Some(_)) => return Err(wrong()),
    };
    // The draft of the header has its value in quotation marks; most send it without.
    let header = header.map(|text| {
        let inner = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
        inner.map_or(text.clone(), ToOwned::to_owned)
    });
    let key = match (header, &body.idempotency_key) {
        (Some(header), Some(field)) if header != *field => return Err(wrong()),
        (Some(key), _) => key,
        (None, Some(key)) => key.clone(),
        (None, None) => body.case.clone(),
    };
    match (1..=KEY_MAX).contains(&key.len()) && !key.chars().any(char::is_control) {
        true => Ok(key),
        false => Err(wrong()),
    }
}

fn systems(body: NewRequest) -> Result<Systems, Told> {
    for (field, names) in [("types", &body.types), ("claims", &body.claims)] {
        if names.len() > NAMED_MAX || names.iter().any(|name| name.is_empty() || name.len() > NAME_MAX) {
            return Err(Problem::new(Code::Malformed, field).into());
        }
    }
    if body.service.len() > NAME_MAX {
        return Err(Problem::new(Code::Malformed, "service").into());
    }
    if body.grant.is_some() && body.by_mailbox {
        return Err(Problem::new(Code::Malformed, "by_mailbox").into());
    }
    let grant = match body.grant {
        None => None,
        Some(terms) => Some(SystemsGrant {
            issuer: match terms.issuer {
                None => None,
                Some(text) => Some(Did::parse(&text).ok_or_else(|| Problem::new(Code::Malformed, "issuer"))?),
            },
            seconds: terms.days.map(|days| i64::from(days).saturating_mul(DAY)),
            uses_per_day: terms.uses_per_day,
        }),
    };
    Ok(Systems {
        service: body.service,
        case: body.case,
        subject: body.subject,
        types: body.types,
        claims: body.claims.iter().map(|text| claims_path(text)).collect(),
        valid_seconds: body.valid_seconds,
        pair: body.pair,
        by_mailbox: body.by_mailbox,
        grant,
    })
}

/// Requests, newest first.
#[utoipa::path(
    get, path = "/api/v1/requests", tag = "requests", security(("token" = ["requests:read"])), params(Filter),
    responses((status = 200, description = "A page of them.", body = SessionPage))
)]
pub async fn list(caller: Caller, Query(filter): Query<Filter>) -> Answer {
    caller.may(Scope::RequestsRead)?;
    let before = match filter.after {
        None => None,
        Some(text) => Some(text.parse().map_err(|_| Problem::new(Code::Malformed, "after"))?),
    };
    let what = System::Sessions {
        before,
        most: page_size(filter.limit)?,
        state: filter.state.map(SessionState::of_session),
        verdict: filter.verdict.map(VerdictWord::of_gate),
        service: filter.service,
    };
    let mut answer = caller.ask(what).await?;
    let next = answer.at("next").as_u64().map(|number| number.to_string());
    answer.put("next", json!(next));
    let page: SessionPage = read(answer)?;
    json(StatusCode::OK, &page)
}

impl SessionState {
    fn of_session(self) -> verifier::State {
        match self {
            SessionState::Active => verifier::State::Active,
            SessionState::Fetched => verifier::State::Fetched,
            SessionState::Completed => verifier::State::Completed,
            SessionState::Expired => verifier::State::Expired,
            SessionState::Failed => verifier::State::Failed,
        }
    }
}

impl VerdictWord {
    fn of_gate(self) -> credentials::verify::Verdict {
        use credentials::verify::Verdict;
        match self {
            VerdictWord::Valid => Verdict::Valid,
            VerdictWord::Invalid => Verdict::Invalid,
            VerdictWord::Undecided => Verdict::Undecided,
        }
    }
}

/// One request: how far it has come, its verdict with every check, and what may be read.
///
/// With `If-None-Match` of an earlier answer it answers 304 while nothing is new. With `wait` it answers when something is.
#[utoipa::path(
    get, path = "/api/v1/requests/{session}", tag = "requests", security(("token" = ["requests:read"])),
    params(
        ("session" = String, Path, description = "Name of the session"), Waiting,
        ("If-None-Match" = Option<String>, Header, description = "`ETag` of an earlier answer"),
    ),
    responses(
        (status = 200, description = "The session. `ETag` is of all but `reach`.", body = SessionDetail),
        (status = 304, description = "Nothing is new."),
        (status = 404, description = "`unknown_session`", body = super::openapi::ProblemBody, content_type = "application/problem+json"),
    )
)]
pub async fn show(
    caller: Caller,
    headers: HeaderMap,
    Path(session): Path<String>,
    Query(waiting): Query<Waiting>,
) -> Answer {
    caller.may(Scope::RequestsRead)?;
    let id = name(&session, Code::UnknownSession)?;
    let known = headers.get(header::IF_NONE_MATCH).and_then(|tag| tag.to_str().ok());
    let found = caller.execute(Command::VerifierSession { id: id.clone() }).await?;
    let (mut detail, mut tag) = detail(found)?;
    let is_known = |tag: &str| known.is_some_and(|known| matches(known, tag));
    if let Some(seconds) = waiting.wait {
        let state = detail.summary.state.of_session();
        let is_to_wait = match known {
            Some(_) => is_known(&tag),
            None => state.is_open(),
        };
        if is_to_wait {
            let known = known.map(|_| state);
            let what = System::Await { id, known, seconds };
            (detail, tag) = self::detail(caller.ask(what).await?)?;
        }
    }
    let mut response = match is_known(&tag) {
        true => StatusCode::NOT_MODIFIED.into_response(),
        false => json(StatusCode::OK, &detail)?,
    };
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    Ok(response)
}

/// Whether a tag is among those of `If-None-Match` (RFC 9110 §13.1.2).
fn matches(known: &str, tag: &str) -> bool {
    known
        .split(',')
        .map(str::trim)
        .any(|one| one == "*" || one.trim_start_matches("W/") == tag)
}

/// A session as the API shows it, and its tag.
fn detail(mut found: Value) -> Result<(SessionDetail, String), Told> {
    let reach = found.at("reach").clone();
    let mut session = found
        .get_mut("session")
        .map(Value::take)
        .ok_or_else(|| Failure::from(Code::Internal))?;
    let keep = json!({
        "until": session.at("keep_until"), "ground": session.at("keep_ground"), "text": session.at("keep_ground_text"),
        "erased_at": session.at("erased_at"), "erasure": session.at("erasure"),
    });
    let asked_at = session.at("deletion").at("at").clone();
    session.put("keep", keep);
    session.put("deletion_asked_at", asked_at);
    // Claims are not hashed: who sees the tag would learn whether they guess right. That they are there or gone is.
    let names: Vec<String> = session
        .at("claims")
        .as_object()
        .map(|claims| claims.keys().cloned().collect())
        .unwrap_or_default();
    let mut hashed = session.clone();
    hashed.put("claims", json!(names));
    let mut tag = hex(&sha256(hashed.to_string().as_bytes()));
    tag.truncate(32);
    session.put("reach", reach);
    Ok((read(session)?, format!("\"{tag}\"")))
}

/// Calls a request off: no answer is taken any more, and claims that are only held for reading are forgotten.
#[utoipa::path(
    delete, path = "/api/v1/requests/{session}", tag = "requests", security(("token" = ["requests:write"])),
    params(("session" = String, Path, description = "Name of the session")),
    responses(
        (status = 204, description = "It has ended, now or before."),
        (status = 404, description = "`unknown_session`", body = super::openapi::ProblemBody, content_type = "application/problem+json"),
    )
)]
pub async fn cancel(caller: Caller, Path(session): Path<String>) -> Answer {
    caller.may(Scope::RequestsWrite)?;
    let id = name(&session, Code::UnknownSession)?;
    caller.ask(System::Close { id }).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// The receipt that both sides hold (ISO/IEC TS 27560, W3C DPV).
#[utoipa::path(
    get, path = "/api/v1/requests/{session}/receipt", tag = "requests", security(("token" = ["requests:read"])),
    params(("session" = String, Path, description = "Name of the session")),
    responses(
        (status = 200, description = "JSON-LD.", body = Object, content_type = "application/ld+json"),
        (status = 404, description = "`not_found`: there is no session with an answer.", body = super::openapi::ProblemBody, content_type = "application/problem+json"),
    )
)]
pub async fn receipt(caller: Caller, Path(session): Path<String>) -> Answer {
    caller.may(Scope::RequestsRead)?;
    let name = name(&session, Code::NotFound)?;
    document(&caller, name, false).await
}

/// A receipt as it is, in its own content type.
pub(super) async fn document(caller: &Caller, name: String, is_grant: bool) -> Answer {
    let what = Consent::Receipted { name, is_grant };
    let answer = caller.execute(Command::Consent { what }).await?;
    let text = answer.at("document").as_str().unwrap_or_default().to_owned();
    Ok((StatusCode::OK, [(header::CONTENT_TYPE, "application/ld+json")], text).into_response())
}
